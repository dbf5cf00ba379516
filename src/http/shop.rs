//! What a till asks besides redeeming: is this code good, and what came in today.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use ledger_spec::ids::PlaceId;
use ledger_spec::kinds::Role;
use ledger_spec::state::Signer;
use ledger_spec::token::{self, PayToken, QrCheck};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{SessionReader, check_message, cose_body, open_message};
use super::openapi::Binary;
use super::problem::Problem;
use super::server::App;
use crate::query::{self, ShopDay, TokenState};

pub(super) fn shop_of(signer: &Signer) -> Result<PlaceId, Problem> {
    match signer {
        Signer::Actor(actor) if actor.role == Role::Shop => {
            actor.place.ok_or(Problem::role_not_permitted())
        }
        Signer::Actor(_) | Signer::Device(_) => Err(Problem::role_not_permitted()),
    }
}

/// What a till may know of a code.
#[derive(Serialize, ToSchema)]
pub(super) struct CodeState {
    /// `valid`, `expired`, `used` or `foreign`.
    #[schema(example = "valid")]
    state: &'static str,
    /// The most points it gives; absent unless valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_points: Option<u32>,
}

/// Asks whether a scanned code is good; spends nothing.
#[utoipa::path(
    post, path = "/v1/{ledger}/qr/check", tag = "shop", request_body(content = Binary, content_type = "application/cose"),
    responses((status = OK, body = CodeState))
)]
pub(super) async fn check_code(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CodeState>, Problem> {
    let ledger = server.ledger(&name)?;
    let body = cose_body(&headers, body)?;
    let (question, till, signer) = open_message::<QrCheck>(ledger, &body)?;
    let shop = shop_of(&signer)?;
    check_message(&server, ledger, question.exp_s, question.ledger)?;
    let signed = token::read_signed::<PayToken>(&question.token.0).ok();
    let opened = signed.and_then(|signed| {
        let phone = ledger.engine.phone_behind(&signed, till)?;
        Some((signed.message, phone))
    });
    let state = match opened {
        // A confirmation of another shop's sale is no more use here than another ledger's code.
        Some((token, _)) if token.shop.is_some_and(|confirmed| confirmed != shop) => {
            TokenState::Foreign
        }
        Some((token, kid)) => query::token_state(&ledger.engine, &token, kid, server.now_s())?,
        None => TokenState::Foreign,
    };
    let (state, max_points) = match state {
        TokenState::Valid(max_points) => ("valid", Some(max_points)),
        TokenState::Expired => ("expired", None),
        TokenState::Used => ("used", None),
        TokenState::Foreign => ("foreign", None),
    };
    Ok(Json(CodeState { state, max_points }))
}

/// Reads the own shop's day so far.
#[utoipa::path(
    get, path = "/v1/{ledger}/shop/today", tag = "shop", responses((status = OK, body = ShopDay))
)]
pub(super) async fn today(
    State(server): App,
    reader: SessionReader,
) -> Result<Json<ShopDay>, Problem> {
    let shop = shop_of(&reader.signer)?;
    let ledger = &reader.ledger;
    let day = ledger.shop_days.today(&ledger.engine, shop, server.today())?;
    day.map(Json).ok_or(Problem::not_found())
}
