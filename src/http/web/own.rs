//! The resident's own pages: what the phone may keep for places without signal, and what is
//! personal.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::caps::CapPer;
use ledger_spec::ids::{AccountId, Seq};
use ledger_spec::points::Purse;
use ledger_spec::time::Day;
use serde_json::Value;

use super::visit::{Visit, failed, kept_language, scanning, site, sites, with_worker};
use crate::engine::{Engine, EngineError};
use crate::http::auth::Reader;
use crate::http::problem::Problem;
use crate::http::reminders::{self, Told};
use crate::http::resident;
use crate::http::server::App;
use crate::pages::messages::Reason;
use crate::pages::{Lang, history_csv, me, pay, perk};
use crate::query::reminders::About;
use crate::query::{self, Access, HistoryLine, ReasonJson, Shown, links};

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
    let account = match Reader::of(&visit.server, &visit.ledger.name, &headers) {
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
pub(super) async fn history_csv(reader: Reader, lang: Lang) -> Result<Response, Problem> {
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

fn all_entries(engine: &Engine, account: AccountId) -> Result<Vec<me::Entry>, EngineError> {
    let (mut entries, mut before) = (Vec::new(), None);
    while entries.len() < CSV_ENTRIES_MAX {
        let page = query::history(
            engine,
            Access::Own(account),
            (before, None),
            query::HISTORY_ENTRIES_MAX,
        )?;
        entries.extend(page.entries.into_iter().map(|line| entry(line, None)));
        before = page.next_before.map(Seq);
        if before.is_none() {
            break;
        }
    }
    Ok(entries)
}

fn account_page(visit: &Visit, reader: &Reader) -> Result<Option<me::Account>, Problem> {
    let (engine, lang, asked) = (&reader.ledger.engine, visit.lang, &visit.query);
    let today = visit.server.today();
    let access = resident::access_of(reader, asked.link.as_deref(), today)?;
    let account = access.account();
    let Some(balance) = query::balance(engine, account, today)? else {
        return Ok(None);
    };
    let before = asked.before.map(Seq);
    let history = query::history(engine, access, (before, asked.show), resident::HISTORY_ENTRIES)?;
    let measured = match before {
        None => measurements(engine, access)?,
        Some(_) => Vec::new(),
    };
    let lots = balance.lots.iter().map(|line| me::Lot {
        purse: purse_name(line.lot.purse).to_owned(),
        expires_on: line.lot.expires_on.to_string(),
        points: u64::from(line.points),
    });
    let holds = balance.holds.into_iter().map(|hold| me::Hold {
        place: hold.place,
        points: hold.points,
        until_s: hold.until_s,
    });
    // Which phones another has is not the family's business.
    let phones = match access {
        Access::Own(account) => query::phones(engine, account)?,
        Access::Family(_) => Vec::new(),
    };
    let phones = phones.into_iter().map(|phone| me::Phone {
        kid: phone.kid.to_string(),
        since: phone.since.to_string(),
        revoked: phone.revoked,
        this: phone.kid == reader.kid,
    });
    let coming = reminders::of_account(engine, account, today)?;
    let coming = coming.iter().filter(|coming| !matches!(coming.about, About::Expiry(..)));
    Ok(Some(me::Account {
        coming: coming.map(|coming| reminders::sentence(lang, coming, Told::All)).collect(),
        yen: balance.yen,
        challenge: balance.challenge,
        waits_for: balance.waits_for.map(|waits| [waits.name, waits.name_en]),
        lots: lots.collect(),
        holds: holds.collect(),
        measured,
        show: asked.show.map(shown_name),
        entries: history.entries.into_iter().map(|line| entry(line, Some(today))).collect(),
        next_before: history.next_before,
        phones: phones.collect(),
        family: asked.link.clone(),
    }))
}

/// What the latest actions found, the latest first.
fn measurements(engine: &Engine, access: Access) -> Result<Vec<(Day, me::Measured)>, EngineError> {
    let actions = (None, Some(Shown::Actions));
    let found = query::history(engine, access, actions, query::HISTORY_ENTRIES_MAX)?;
    let with_values = found.entries.iter().filter(|line| line.values.is_some());
    Ok(with_values.map(|line| (line.day, measured(line))).collect())
}

/// With `today`, what is left of a period is said while it runs.
fn entry(line: HistoryLine, today: Option<Day>) -> me::Entry {
    me::Entry {
        seq: line.seq,
        measured: measured(&line),
        kind: line.kind.to_owned(),
        day: line.day.to_string(),
        accepted_at_s: line.accepted_at_s,
        points: line.points,
        held: line.held,
        action: line.name.zip(line.name_en).map(|(ja, en)| [ja, en]),
        also: line.also.into_iter().map(|also| ([also.name, also.name_en], also.points)).collect(),
        place: line.place,
        reason: line.reason.map(|found| reason(found, line.day, today)),
        receipt_number: Some(line.receipt_number),
        note: line.note,
        family: line.family.map(links::family_code),
        won: line.won,
        automatic: line.automatic.is_some(),
        waits: line.proposal.is_some(),
    }
}

fn measured(line: &HistoryLine) -> me::Measured {
    let values = line.values.unwrap_or_default();
    me::Measured {
        level_tenths: values.level_tenths,
        pressure_mmhg: values.systolic_mmhg.zip(values.diastolic_mmhg),
    }
}

fn purse_name(purse: Purse) -> &'static str {
    match purse {
        Purse::Yen => "yen",
        Purse::Challenge => "challenge",
    }
}

fn shown_name(shown: Shown) -> &'static str {
    match shown {
        Shown::Actions => "actions",
        Shown::Shops => "shops",
    }
}

/// A reason with the member names of the HTTP answer, which the messages use too.
fn reason(reason: ReasonJson, day: Day, today: Option<Day>) -> Reason {
    let of = reason.of.map(|of| serde_json::json!(of));
    let per = reason.per.map(|per| serde_json::json!(per));
    let text = |json: Option<Value>| json.as_ref().and_then(Value::as_str).map(str::to_owned);
    let runs = |per: CapPer| {
        today.is_some_and(|today| match per {
            CapPer::Day => day == today,
            CapPer::Week => day.week_start() == today.week_start(),
            CapPer::Month => day.month_start() == today.month_start(),
            CapPer::FiscalYear => day.fiscal_year() == today.fiscal_year(),
        })
    };
    Reason {
        code: reason.code.to_owned(),
        of: text(of),
        per: text(per),
        next: reason.next.map(|day| day.to_string()),
        times_left: reason.times_left.filter(|_| reason.per.is_some_and(runs)),
    }
}
