//! A resident's links: what others may do, and with whom new ones can be made.

use axum::Json;
use axum::extract::{Path, State};

use super::auth::SessionReader;
use super::problem::Problem;
use super::resident::account_of;
use super::server::App;
use crate::query::links::{self, FamilyLink, GrantedLink, Partner};

/// Reads the own links.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/links", tag = "resident",
    responses((status = OK, body = Vec<GrantedLink>))
)]
pub(super) async fn own_links(
    State(server): App,
    reader: SessionReader,
) -> Result<Json<Vec<GrantedLink>>, Problem> {
    let account = account_of(&reader)?;
    Ok(Json(links::links(&reader.ledger.engine, account, server.today())?))
}

/// Lists the links by which this phone helps others: no name, no account.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/family", tag = "resident",
    responses((status = OK, body = Vec<FamilyLink>))
)]
pub(super) async fn family(
    State(server): App,
    reader: SessionReader,
) -> Result<Json<Vec<FamilyLink>>, Problem> {
    account_of(&reader)?;
    Ok(Json(links::family(&reader.ledger.engine, reader.kid, server.today())?))
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
