//! The pages: data out of query, HTML out of `pages`. Errors are pages too, in the reader's
//! language.

use std::sync::Arc;

use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::ids::LedgerId;
use ledger_spec::state::Overlay;
use ledger_spec::token;
use serde::Deserialize;
use serde_json::Value;

use super::problem::Problem;
use super::server::{App, Ledger, Server};
use crate::engine::EngineError;
use crate::pages::messages::t;
use crate::pages::{Lang, Site, assets, city, door, error, first, tour, verify};
use crate::query::{self, Shown};

/// Keeps the reader's language.
const LANGUAGE_COOKIE: &str = "kenmai_lang";

/// What a page's address can carry.
#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    lang: Option<String>,
    pub(super) before: Option<u64>,
    pub(super) show: Option<Shown>,
    pub(super) left: Option<String>,
    #[serde(rename = "for")]
    pub(super) link: Option<String>,
}

pub(super) type Asked = Query<PageQuery>;

/// The language: asked for in the address, then kept in a cookie, then Japanese.
pub(super) fn language(query: &PageQuery, headers: &HeaderMap) -> Lang {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = query.lang.as_deref().and_then(Lang::from_tag);
    let kept = || {
        let mut pairs = text(header::COOKIE)?.split(';').filter_map(|p| p.trim().split_once('='));
        pairs.find(|(name, _)| *name == LANGUAGE_COOKIE).and_then(|(_, tag)| Lang::from_tag(tag))
    };
    asked.or_else(kept).unwrap_or(Lang::Ja)
}

pub(super) fn html(query: &PageQuery, markup: String) -> Response {
    let mut response =
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup).into_response();
    if let Some(lang) = query.lang.as_deref().and_then(Lang::from_tag) {
        let cookie =
            format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.tag());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    response
}

pub(super) fn site(server: &Server, ledger: &Ledger, lang: Lang) -> Site {
    let programme = ledger
        .engine
        .state()
        .ok()
        .and_then(|state| Overlay::over(&state).programme_for(server.today()).cloned());
    let name = programme.map(|programme| match lang {
        Lang::Ja => programme.name.clone(),
        Lang::En => programme.name_en.clone(),
    });
    Site {
        ledger: ledger.name.clone(),
        name: name.unwrap_or_else(|| ledger.name.clone()),
        origin: ledger.engine.verifier().name().to_owned(),
        demo: ledger.is_demo,
        query: String::new(),
    }
}

/// What an address carries beside the language.
pub(super) fn kept_query(RawQuery(query): &RawQuery) -> String {
    let pairs = query.iter().flat_map(|query| query.split('&'));
    let kept = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    kept.collect::<Vec<_>>().join("&")
}

/// A problem as a page.
pub(super) fn failed(server: &Server, lang: Lang, problem: &Problem) -> Response {
    let title = match lang {
        Lang::Ja => problem.kind.ja,
        Lang::En => problem.kind.en,
    };
    let site = site(server, &server.first, lang);
    let next = t(lang, "error-page-next");
    let page = error::page(lang, &error::ErrorPage { site, title: title.to_owned(), next });
    let status = StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::NOT_FOUND);
    (status, html(&PageQuery::default(), page.into_string())).into_response()
}

/// A page of a ledger that is the same for everyone, in the reader's language.
pub(super) fn page(
    server: &Server,
    name: &str,
    (query, headers): (&PageQuery, &HeaderMap),
    build: impl FnOnce(Lang, &Site) -> String,
) -> Response {
    let lang = language(query, headers);
    match server.ledger(name) {
        Ok(ledger) => html(query, build(lang, &site(server, ledger, lang))),
        Err(problem) => failed(server, lang, &problem),
    }
}

/// A page about the ledger of an address; without one, about the first.
fn about(
    server: &Server,
    name: Option<&Path<String>>,
    (query, headers): (&PageQuery, &HeaderMap),
    page: impl FnOnce(&Ledger, Lang) -> Result<String, EngineError>,
) -> Response {
    let lang = language(query, headers);
    let ledger = name.map_or(Some(&server.first), |Path(name)| server.ledgers.get(name));
    let Some(ledger) = ledger else {
        return refused(server, headers, &Problem::not_found());
    };
    match page(ledger, lang) {
        Ok(page) => html(query, page),
        Err(error) => failed(server, lang, &error.into()),
    }
}

/// The address of a ledger's front page.
fn front(server: &Server, ledger: &Ledger) -> String {
    if ledger.name == server.first.name { "/".to_owned() } else { format!("/{}", ledger.name) }
}

/// `GET /` and `GET /{ledger}`
pub(super) async fn first(
    State(server): App,
    name: Option<Path<String>>,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    about(&server, name.as_ref(), (&query, &headers), |ledger, lang| {
        let figures = query::figures(&ledger.engine)?;
        let others = server.ledgers.values().filter(|other| other.name != ledger.name);
        let others = others.map(|other| (front(&server, other), site(&server, other, lang).name));
        let data = first::First {
            site: site(&server, ledger, lang),
            tour: format!("{}/tour", front(&server, ledger).trim_end_matches('/')),
            others: others.collect(),
            records: figures.entries,
            granted_points: figures.granted,
            used_points: figures.redeemed,
            measurements: figures.actions,
            shops: figures.shops as u64,
            stations: figures.stations as u64,
        };
        Ok(first::page(lang, &data).into_string())
    })
}

/// `GET /tour` and `GET /{ledger}/tour`
pub(super) async fn tour(
    State(server): App,
    name: Option<Path<String>>,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    about(&server, name.as_ref(), (&query, &headers), |ledger, lang| {
        let data = tour::Tour { site: site(&server, ledger, lang) };
        Ok(tour::page(lang, &data).into_string())
    })
}

/// `GET /verify`
pub(super) async fn verify(
    State(server): App,
    Query(query): Asked,
    address: RawQuery,
    headers: HeaderMap,
) -> Response {
    let lang = language(&query, &headers);
    let ledgers = server.ledgers.values().map(|ledger| {
        let Site { ledger, origin, name, .. } = site(&server, ledger, lang);
        verify::Ledger { ledger, origin, name }
    });
    let site = Site { query: kept_query(&address), ..site(&server, &server.first, lang) };
    let data = verify::Verify { ledgers: ledgers.collect(), site };
    html(&query, verify::page(lang, &data).into_string())
}

/// `GET /for/{visitor}`
pub(super) async fn door(
    State(server): App,
    Path(visitor): Path<String>,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    let lang = language(&query, &headers);
    let site = site(&server, &server.first, lang);
    if let Some(visitor) = door::Visitor::from_path(&visitor) {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let base_url = format!("http://{}", host.unwrap_or("localhost:8080"));
        let page = door::page(lang, &door::Door { site, visitor, base_url });
        return html(&query, page.into_string());
    }
    if visitor != "city" {
        return failed(&server, lang, &Problem::not_found());
    }
    match query::closed_days(&server.first.engine) {
        Ok(days) => {
            let days = days.iter().map(closed_day).collect();
            html(&query, city::page(lang, &city::City { site, days }).into_string())
        }
        Err(error) => failed(&server, lang, &error.into()),
    }
}

fn closed_day(json: &Value) -> city::Day {
    let total = |name: &str| json.pointer(&format!("/totals/{name}")).and_then(Value::as_u64);
    city::Day {
        day: json.get("day").and_then(Value::as_str).unwrap_or_default().to_owned(),
        accounts: total("accounts"),
        granted: total("granted"),
        redeemed: total("redeemed"),
    }
}

/// `GET /assets/{file}`
pub(super) async fn asset(Path(file): Path<String>) -> Response {
    match assets::find(&file) {
        Some(asset) => {
            let headers =
                [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "no-cache")];
            (headers, asset.bytes).into_response()
        }
        None => Problem::not_found().into_response(),
    }
}

/// `GET /Q/{token}`: somebody opened a pay code with a camera instead of a till. Nothing is spent.
pub(super) async fn scanned_code(
    State(server): App,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    let lang = language(&query, &headers);
    let site = site(&server, &server.first, lang);
    let (title, next) = (t(lang, "scanned-title"), t(lang, "scanned-next"));
    html(&query, error::page(lang, &error::ErrorPage { site, title, next }).into_string())
}

/// `GET /P/{request}`: a phone's camera has read what a till shows. The pay page of its ledger asks
/// the resident; what is asked stands behind the `#`, so that the page is the same for everyone.
pub(super) async fn scanned_request(
    State(server): App,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = token::pay_request(&request).map(|asked| asked.ledger);
    to_phone(&server, (asked, "pay", &request), &headers)
}

/// `GET /E/{code}`: a phone's camera has read the screen of an event. The phone's own page signs
/// and reports.
pub(super) async fn scanned_venue(
    State(server): App,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Response {
    let shown = token::venue_code(&code).map(|shown| shown.ledger);
    to_phone(&server, (shown, "attend", &code), &headers)
}

/// `GET /C/{card}`: a camera has read a perk card. The page that checks it says what it is, also
/// where it is none of a city here.
pub(super) async fn scanned_card(
    State(server): App,
    Path(card): Path<String>,
    headers: HeaderMap,
) -> Response {
    let shown = token::perk_card(&card).map(|card| card.ledger);
    let known = |ledger: &LedgerId| ledger_of(&server, *ledger).is_some();
    let ledger = shown.filter(known).unwrap_or(server.first.engine.ledger());
    // What was scanned need not be a card.
    let card: String = card.chars().filter(char::is_ascii_alphanumeric).collect();
    to_phone(&server, (Some(ledger), "perk", &card), &headers)
}

fn ledger_of(server: &Server, ledger: LedgerId) -> Option<&Arc<Ledger>> {
    server.ledgers.values().find(|known| known.engine.ledger() == ledger)
}

/// Leads what was scanned to a page of its ledger, behind the `#`.
fn to_phone(
    server: &Server,
    (ledger, page, scanned): (Option<LedgerId>, &str, &str),
    headers: &HeaderMap,
) -> Response {
    match ledger.and_then(|ledger| ledger_of(server, ledger)) {
        Some(ledger) => {
            let to = format!("/{}/{page}#{}", ledger.name, scanned.to_ascii_uppercase());
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
        None => refused(server, headers, &Problem::not_found()),
    }
}

/// Any other address.
pub(super) async fn nothing_here(State(server): App, headers: HeaderMap) -> Response {
    refused(&server, &headers, &Problem::not_found())
}

/// A refusal by what the client reads: a problem for programs, a page for people.
pub(super) fn refused(server: &Server, headers: &HeaderMap, problem: &Problem) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|types| types.contains("text/html")) {
        failed(server, language(&PageQuery::default(), headers), problem)
    } else {
        problem.clone().into_response()
    }
}
