//! A resident's links: what others may do, and with whom new ones can be made.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::App;
use super::auth::Reader;
use super::problem::Problem;
use super::resident::account_of;
use super::site::{self, Asked};
use crate::pages::links as page;
use crate::query::links::{self, GrantedLink, Partner};

/// Reads the own links.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/links", tag = "resident",
    responses((status = OK, body = Vec<GrantedLink>))
)]
pub(super) async fn own_links(
    State(server): App,
    reader: Reader,
) -> Result<Json<Vec<GrantedLink>>, Problem> {
    let account = account_of(&reader)?;
    Ok(Json(links::links(&reader.ledger.engine, account, server.today())?))
}

/// Lists partners and coaches by name; their names are public in the log.
#[utoipa::path(
    get, path = "/v1/{ledger}/partners", tag = "ledger",
    responses((status = OK, body = Vec<Partner>))
)]
pub(super) async fn partners(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Vec<Partner>>, Problem> {
    Ok(Json(links::partners(&server.ledger(&name)?.engine)?))
}

/// `GET /{ledger}/links`: the same for everyone; the phone fills in its own.
pub(super) async fn show_page(
    State(server): App,
    Path(name): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let lang = site::language(&query, &headers);
    match server.ledger(&name) {
        Ok(ledger) => {
            let site = site::site(&server, ledger, lang);
            site::html(&query, page::page(lang, &site).into_string())
        }
        Err(problem) => site::failed(&server, lang, &problem),
    }
}
