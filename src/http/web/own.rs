//! The resident's own pages: what the phone may keep for places without signal, and what is
//! personal.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::ids::{AccountId, LinkId, Seq};

use super::visit::{Visit, failed, kept_language, scanning, site, sites, with_worker};
use crate::engine::{Engine, EngineError};
use crate::http::auth::SessionReader;
use crate::http::problem::Problem;
use crate::http::reminders;
use crate::http::resident;
use crate::http::server::App;
use crate::pages::{Lang, history_csv, me, pay, perk};
use crate::query::reminders::About;
use crate::query::{self, Access, Filter, HistoryLine};

/// The most records that one file holds, the latest ones.
const CSV_ENTRIES_MAX: usize = 10_000;

/// `GET /{ledger}/perk`: the same bytes for everyone, so that the phone may keep them; it scans.
pub(super) async fn perk(visit: Visit) -> Response {
    let page = perk::page(visit.lang, &visit.site(), &visit.all_sites());
    scanning(with_worker(visit.html(page.into_string())))
}

/// `GET /offline`: what the worker shows in place of a page that it cannot get.
pub(super) async fn offline(visit: Visit) -> Response {
    visit.html(pay::offline(visit.lang, &visit.site(), &visit.all_sites()).into_string())
}

/// `GET /sw.js`: the worker, at the root because it serves pages from there.
pub(super) async fn worker(State(server): App) -> Response {
    let of = |lang| sites(&server, lang).into_iter().map(move |site| (lang, site));
    let cards = site(&server, &server.first, Lang::Ja);
    let worker = pay::worker(&cards, &Lang::ALL.into_iter().flat_map(of).collect::<Vec<_>>());
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], worker).into_response()
}

/// `GET /{ledger}/me`
pub(super) async fn me(visit: Visit, headers: HeaderMap) -> Response {
    let account = match SessionReader::of(&visit.server, &visit.ledger.name, &headers) {
        Ok(reader) if resident::account_of(&reader).is_ok() => account_page(&visit, &reader),
        // Without a session of a phone the page offers to open one.
        Ok(_) | Err(_) => Ok(None),
    };
    match account {
        Ok(account) => {
            let data =
                me::Me { site: visit.site_here(), account, left: visit.query.left.is_some() };
            with_worker(visit.html(me::page(visit.lang, &data).into_string()))
        }
        Err(problem) => visit.failed(&problem),
    }
}

/// `POST /{ledger}/me/leave`: ends the session and leaves nothing personal behind in the browser,
/// but for the key, which cannot be made again.
pub(super) async fn leave(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let lang = kept_language(&headers);
    if let Err(problem) = server.ledger(&name) {
        return failed(&server, lang, &problem);
    }
    let ended = server.sessions.end(&headers);
    // The language goes with the cookies, so the address carries it.
    let to = format!("/{name}/me?left=1&lang={}", lang.tag());
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    if ended {
        // A form on another site brings no session, so it cannot clear anything.
        let clear = HeaderValue::from_static("\"cache\", \"cookies\"");
        response.headers_mut().insert(HeaderName::from_static("clear-site-data"), clear);
    }
    response
}

/// `GET /{ledger}/me/history.csv`: the resident's own records for a spreadsheet.
pub(super) async fn history_csv(reader: SessionReader, lang: Lang) -> Result<Response, Problem> {
    let account = resident::account_of(&reader)?;
    let ledger = Arc::clone(&reader.ledger);
    // Thousands of records are read: not on a thread that answers others.
    let read = tokio::task::spawn_blocking(move || all_entries(&ledger.engine, account));
    let entries = read.await.map_err(|_| Problem::internal())??;
    let name = format!("attachment; filename=\"{}-history.csv\"", reader.ledger.name);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, history_csv::file(lang, &entries)).into_response())
}

fn all_entries(engine: &Engine, account: AccountId) -> Result<Vec<HistoryLine>, EngineError> {
    let (mut entries, mut before) = (Vec::new(), None);
    while entries.len() < CSV_ENTRIES_MAX {
        let page =
            query::history(engine, Access::Own(account), before, None, query::HISTORY_ENTRIES_MAX)?;
        entries.extend(page.entries);
        before = page.next_before.map(Seq);
        if before.is_none() {
            break;
        }
    }
    Ok(entries)
}

fn account_page(visit: &Visit, reader: &SessionReader) -> Result<Option<me::AccountPage>, Problem> {
    let (engine, query) = (&reader.ledger.engine, &visit.query);
    let today = visit.server.today();
    let access = resident::access_of(reader, query.link.as_deref(), today)?;
    let account = access.account();
    let Some(balance) = query::balance(engine, account, today)? else {
        return Ok(None);
    };
    let (before, filter) = (query.before.map(Seq), query.show);
    let history = query::history(engine, access, before, filter, resident::HISTORY_ENTRIES)?;
    let measured = match before {
        None => measurements(engine, access)?,
        Some(_) => Vec::new(),
    };
    // The family sees them too: who has lost the only phone needs somebody else to end it.
    let phones = query::phones(engine, account)?;
    let mut coming = reminders::of_account(engine, account, today)?;
    coming.retain(|coming| !matches!(coming.about, About::Expiry(..)));
    Ok(Some(me::AccountPage {
        balance,
        coming,
        measured,
        filter,
        history,
        phones,
        this_phone: reader.kid,
        family: query.link.as_deref().and_then(LinkId::from_hex),
        today,
    }))
}

/// The latest actions in which something was measured, the latest first.
fn measurements(engine: &Engine, access: Access) -> Result<Vec<HistoryLine>, EngineError> {
    let actions = Some(Filter::Actions);
    let mut found = query::history(engine, access, None, actions, query::HISTORY_ENTRIES_MAX)?;
    found.entries.retain(|line| line.values.is_some());
    Ok(found.entries)
}
