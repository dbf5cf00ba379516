//! The catalogue, what a resident has claimed from it, and what a till asks of a voucher.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use data_encoding::HEXLOWER;
use ledger_spec::ids::Seq;
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::Reader;
use super::problem::Problem;
use super::site::{self, Asked};
use super::{App, resident, shop};
use crate::pages::{WORKER_POLICY, rewards};
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

/// Reads the own vouchers and perk cards.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/rewards", tag = "resident",
    responses((status = OK, body = Vec<read::RewardLine>))
)]
pub(super) async fn own_rewards(
    State(server): App,
    reader: Reader,
) -> Result<Json<Vec<read::RewardLine>>, Problem> {
    let account = resident::account_of(&reader)?;
    Ok(Json(read::rewards(&reader.ledger.engine, account, server.today())?))
}

/// Reads the draws, so that everyone can check them: `kenmai draw verify` says what follows from what.
#[utoipa::path(
    get, path = "/v1/{ledger}/draws", tag = "ledger", responses((status = OK, body = Vec<DrawLine>))
)]
pub(super) async fn list_draws(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Vec<DrawLine>>, Problem> {
    Ok(Json(draws::draws(&server.ledger(&name)?.engine)?))
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
    reader: Reader,
    Path((_, claim)): Path<(String, u64)>,
    shown: Result<Query<Shown>, QueryRejection>,
) -> Result<Json<read::VoucherJson>, Problem> {
    let Query(Shown { code }) = shown.map_err(|_| Problem::malformed_request())?;
    let code = HEXLOWER.decode(code.as_bytes()).ok().and_then(|code| code.try_into().ok());
    let code = code.ok_or(Problem::malformed_request())?;
    let shop = shop::shop_of(&reader.signer)?;
    let engine = &reader.ledger.engine;
    let found = read::voucher(engine, (Seq(claim), code), shop, server.now_s())?;
    found.map(Json).ok_or(Problem::not_a_voucher())
}

/// `GET /{ledger}/rewards`
pub(super) async fn page(
    State(server): App,
    Path(name): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let lang = site::language(&query, &headers);
    let ledger = match server.ledger(&name) {
        Ok(ledger) => ledger,
        Err(problem) => return site::failed(&server, lang, &problem),
    };
    let catalogue = match read::catalogue(&ledger.engine, server.today()) {
        Ok(catalogue) => catalogue,
        Err(error) => return site::failed(&server, lang, &error.into()),
    };
    let items = catalogue.items.into_iter().map(|item| rewards::Item {
        code: item.code,
        name: [item.name, item.name_en],
        gives: item.gives,
        challenge: item.purse == ledger_spec::points::Purse::Challenge,
        points: item.points,
        until: item.until.to_string(),
        open: item.open,
        left: item.left,
        per_person: item.per_person,
        valid_days: item.valid_days,
        places: item.places,
        prefecture: item.prefecture,
    });
    let data = rewards::Rewards { site: site::site(&server, ledger, lang), items: items.collect() };
    let mut page = site::html(&query, rewards::page(lang, &data).into_string());
    let policy = HeaderValue::from_static(WORKER_POLICY);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page
}
