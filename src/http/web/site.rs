//! The pages for everyone, and what a phone's camera leads to: data out of query, HTML out of
//! `pages`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::ids::LedgerId;
use ledger_spec::token;

use super::visit::{FrontVisit, RefusalForm, Visit, refused, site};
use crate::http::problem::Problem;
use crate::http::server::{App, Ledger, Server};
use crate::pages::messages::t;
use crate::pages::{Site, assets, city, door, error, first, tour, verify};
use crate::query;

/// The address of a ledger's front page.
fn front(server: &Server, ledger: &Ledger) -> String {
    if ledger.name == server.first.name { "/".to_owned() } else { format!("/{}", ledger.name) }
}

/// `GET /` and `GET /{ledger}`
pub(super) async fn first(FrontVisit(visit): FrontVisit) -> Response {
    let Visit { server, ledger, lang, .. } = &visit;
    let figures = match query::figures(&ledger.engine) {
        Ok(figures) => figures,
        Err(error) => return visit.failed(&error.into()),
    };
    let others = server.ledgers.values().filter(|other| other.name != ledger.name);
    let others = others.map(|other| (front(server, other), site(server, other, *lang).name));
    let age_s = server.now_s().saturating_sub(figures.newest_s);
    let data = first::First {
        site: visit.site(),
        tour: format!("{}/tour", front(server, ledger).trim_end_matches('/')),
        others: others.collect(),
        figures,
        age_s,
    };
    visit.html(first::page(*lang, &data).into_string())
}

/// `GET /tour` and `GET /{ledger}/tour`
pub(super) async fn tour(FrontVisit(visit): FrontVisit) -> Response {
    let data = tour::Tour { site: visit.site() };
    visit.html(tour::page(visit.lang, &data).into_string())
}

/// `GET /verify`
pub(super) async fn verify(visit: Visit) -> Response {
    let ledgers = visit.all_sites().into_iter();
    let ledgers = ledgers.map(|Site { ledger, origin, name, .. }| verify::LedgerLink {
        ledger,
        origin,
        name,
    });
    let data = verify::Verify { ledgers: ledgers.collect(), site: visit.site_here() };
    visit.html(verify::page(visit.lang, &data).into_string())
}

/// `GET /for/{visitor}`
pub(super) async fn door(
    visit: Visit,
    Path(visitor): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (lang, site) = (visit.lang, visit.site());
    if let Some(visitor) = door::Visitor::from_path(&visitor) {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let base_url = format!("http://{}", host.unwrap_or("localhost:8080"));
        let page = door::page(lang, &door::Door { site, visitor, base_url });
        return visit.html(page.into_string());
    }
    if visitor != "city" {
        return visit.failed(&Problem::not_found());
    }
    match query::closed_days(&visit.ledger.engine, query::CLOSED_DAYS_MAX) {
        Ok(days) => visit.html(city::page(lang, &city::CityPage { site, days }).into_string()),
        Err(error) => visit.failed(&error.into()),
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
pub(super) async fn scanned_code(visit: Visit) -> Response {
    let (title, next) = (t(visit.lang, "scanned-title"), t(visit.lang, "scanned-next"));
    let page = error::ErrorPage { site: visit.site(), title, next };
    visit.html(error::page(visit.lang, &page).into_string())
}

/// `GET /P/{request}`: a phone's camera has read what a till shows. The pay page of its ledger asks
/// the resident; what is asked stands behind the `#`, so that the page is the same for everyone.
pub(super) async fn scanned_request(
    State(server): App,
    Path(request): Path<String>,
    form: RefusalForm,
) -> Response {
    let asked = token::pay_request(&request).and_then(|asked| ledger_of(&server, asked.ledger));
    match asked {
        Some(ledger) => to_phone(ledger, "pay", &request),
        None => refused(&server, form, &Problem::not_found()),
    }
}

/// `GET /E/{code}`: a phone's camera has read the screen of an event. The phone's own page signs
/// and reports.
pub(super) async fn scanned_venue(
    State(server): App,
    Path(code): Path<String>,
    form: RefusalForm,
) -> Response {
    let shown = token::venue_code(&code).and_then(|shown| ledger_of(&server, shown.ledger));
    match shown {
        Some(ledger) => to_phone(ledger, "attend", &code),
        None => refused(&server, form, &Problem::not_found()),
    }
}

/// `GET /C/{card}`: a camera has read a perk card. The page that checks it says what it is, also
/// where it is none of a city here.
pub(super) async fn scanned_card(State(server): App, Path(card): Path<String>) -> Response {
    let shown = token::perk_card(&card).and_then(|shown| ledger_of(&server, shown.ledger));
    // What was scanned need not be a card.
    let card: String = card.chars().filter(char::is_ascii_alphanumeric).collect();
    to_phone(shown.unwrap_or(&server.first), "perk", &card)
}

fn ledger_of(server: &Server, ledger: LedgerId) -> Option<&Arc<Ledger>> {
    server.ledgers.values().find(|known| known.engine.ledger() == ledger)
}

/// Leads what was scanned to a page of its ledger, behind the `#`.
fn to_phone(ledger: &Ledger, page: &str, scanned: &str) -> Response {
    let to = format!("/{}/{page}#{}", ledger.name, scanned.to_ascii_uppercase());
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// Any other address.
pub(in crate::http) async fn nothing_here(State(server): App, form: RefusalForm) -> Response {
    refused(&server, form, &Problem::not_found())
}
