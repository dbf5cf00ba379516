//! The catalogue, what a resident has claimed from it, and what a till asks of a voucher.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use ledger_spec::ids::{PerkCardNumber, Seq};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::SessionReader;
use super::problem::Problem;
use super::server::{App, Ledger};
use super::{resident, shop};
use crate::engine::{EngineError, statement_of};
use crate::query::draws::{self, DrawLine};
use crate::query::rewards as read;

/// Reads the catalogue in force.
#[utoipa::path(
    get, path = "/v1/{ledger}/catalogue", tag = "ledger", responses((status = OK, body = read::CatalogueJson))
)]
pub(super) async fn catalogue(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<read::CatalogueJson>, Problem> {
    Ok(Json(read::catalogue(&server.ledger(&name)?.engine, server.today())?))
}

/// Reads the own vouchers and perk cards, or of somebody whom the phone helps.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/rewards", tag = "resident", params(resident::Whom),
    responses((status = OK, body = Vec<read::RewardLine>))
)]
pub(super) async fn own_rewards(
    State(server): App,
    reader: SessionReader,
    whom: Result<Query<resident::Whom>, QueryRejection>,
) -> Result<Json<Vec<read::RewardLine>>, Problem> {
    let account = resident::asked_for(&reader, whom, server.today())?;
    Ok(Json(read::rewards(&reader.ledger.engine, account, server.today())?))
}

/// Reads the draws, so that everyone can check them: `kenmai draw verify` says what follows from
/// what.
#[utoipa::path(
    get, path = "/v1/{ledger}/draws", tag = "ledger", responses((status = OK, body = Vec<DrawLine>))
)]
pub(super) async fn list_draws(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Vec<DrawLine>>, Problem> {
    Ok(Json(draws::draws(&server.ledger(&name)?.engine)?))
}

/// Numbers of withdrawn cards that one answer holds, about 350 KB.
const REVOKED_PAGE: usize = 10_000;
/// The list may be so old, here and in the caches on the way.
const REVOKED_FRESH_S: u64 = 60;
const REVOKED_CACHE: &str = "public, max-age=60";

fn revoked(ledger: &Ledger, now_s: u64) -> Result<Arc<read::RevokedCards>, EngineError> {
    let is_fresh = |as_of_s: &u64| (*as_of_s..*as_of_s + REVOKED_FRESH_S).contains(&now_s);
    ledger.revoked.or_make(is_fresh, || {
        let list = read::revoked_cards(&ledger.engine, now_s)?;
        Ok((list.as_of_s, list))
    })
}

/// Where the answer goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// The last number of the answer before.
    #[param(min_length = 32, max_length = 32)]
    after: Option<String>,
}

/// Reads what a shop needs to check perk cards without the network: keys, and the numbers of cards
/// that were withdrawn.
#[utoipa::path(
    get, path = "/v1/{ledger}/perk-cards/revoked", tag = "ledger", params(After),
    responses((status = OK, body = read::RevokedCards))
)]
pub(super) async fn revoked_cards(
    State(server): App,
    Path(name): Path<String>,
    asked: Result<Query<After>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(After { after }) = asked.map_err(|_| Problem::malformed_request())?;
    let number = |text: &String| PerkCardNumber::from_hex(text).is_some();
    if !after.iter().all(number) {
        return Err(Problem::malformed_request());
    }
    let list = revoked(server.ledger(&name)?, server.now_s())?;
    let page = list.page(after.as_deref(), REVOKED_PAGE);
    Ok(([(header::CACHE_CONTROL, REVOKED_CACHE)], Json(page)).into_response())
}

/// A perk card for the sheet of whoever claimed it.
#[derive(Serialize, ToSchema)]
pub(super) struct ClaimedCard {
    /// The signed card, hexadecimal.
    card: String,
}

/// Gives a desk or kiosk the perk card that it has claimed for a resident, on the day of the claim,
/// to be printed.
#[utoipa::path(
    get, path = "/v1/{ledger}/entries/{seq}/perk-card", tag = "shop",
    responses((status = OK, body = ClaimedCard))
)]
pub(super) async fn claimed_card(
    State(server): App,
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Json<ClaimedCard>, Problem> {
    let (engine, today) = (&reader.ledger.engine, server.today());
    let signed = match engine.entry(Seq(seq))? {
        Some((_, entry)) if entry.accepted_day() == today => {
            statement_of(&entry)?.kid == reader.kid
        }
        Some(_) | None => false,
    };
    // Whether another's claim exists is nobody's business.
    let card = if signed { engine.perk_card(Seq(seq), today)? } else { None };
    let card = card.ok_or(Problem::entry_unknown())?;
    Ok(Json(ClaimedCard { card: HEXLOWER.encode(&card) }))
}

/// What proves that the voucher was shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Shown {
    /// Hash of its secret, hexadecimal.
    #[param(min_length = 64, max_length = 64)]
    code: String,
}

/// Tells a till what a voucher is for and whether it is good here; uses nothing.
#[utoipa::path(
    get, path = "/v1/{ledger}/vouchers/{seq}", tag = "shop", params(Shown),
    responses((status = OK, body = read::VoucherJson))
)]
pub(super) async fn voucher(
    State(server): App,
    reader: SessionReader,
    Path((_, claim)): Path<(String, u64)>,
    shown: Result<Query<Shown>, QueryRejection>,
) -> Result<Json<read::VoucherJson>, Problem> {
    let Query(Shown { code }) = shown.map_err(|_| Problem::malformed_request())?;
    let code = HEXLOWER.decode(code.as_bytes()).ok().and_then(|code| code.try_into().ok());
    let code = code.ok_or(Problem::malformed_request())?;
    let shop = shop::shop_of(&reader.signer)?;
    let engine = &reader.ledger.engine;
    let found = read::voucher(engine, Seq(claim), code, shop, server.now_s())?;
    found.map(Json).ok_or(Problem::not_a_voucher())
}
