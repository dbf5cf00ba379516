//! What terminals and staff ask: the places of the city, and what waits for a second person.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use data_encoding::HEXLOWER;
use ledger_spec::cbor;
use ledger_spec::ids::{Hash, Seq};
use ledger_spec::kinds::{Body, Role};
use ledger_spec::state::Signer;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::SessionReader;
use super::problem::Problem;
use super::server::App;
use crate::engine::EngineError;

/// The most places that one answer names.
const PLACES_MAX: usize = 2_000;

/// Which places.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfRole {
    /// The role of the places, such as `shop`.
    #[param(value_type = String, example = "shop")]
    role: Role,
}

/// A place of the city.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaceJson {
    /// Its id.
    pub(crate) place: String,
    /// Its public name.
    pub(crate) name: String,
}

/// Lists the places of a role by name; their names are public in the log.
#[utoipa::path(
    get, path = "/v1/{ledger}/places", tag = "ledger", params(OfRole),
    responses((status = OK, body = Vec<PlaceJson>))
)]
pub(super) async fn places(
    State(server): App,
    Path(name): Path<String>,
    query: Result<Query<OfRole>, QueryRejection>,
) -> Result<Json<Vec<PlaceJson>>, Problem> {
    let Query(OfRole { role }) = query.map_err(|_| Problem::malformed_request())?;
    let state = server.ledger(&name)?.engine.state()?;
    let of_role = state.places.iter().filter(|(_, place)| place.role == role);
    let mut places: Vec<_> = of_role.map(|(id, place)| (place.name.as_str(), *id)).collect();
    places.sort_unstable();
    let named = places.into_iter().take(PLACES_MAX);
    let named = named.map(|(name, id)| PlaceJson { place: id.to_string(), name: name.to_owned() });
    Ok(Json(named.collect()))
}

/// A proposal that waits, or waited, for another person.
#[derive(Serialize, ToSchema)]
pub(super) struct ProposalJson {
    /// Its entry.
    seq: u64,
    /// The signed statement, hexadecimal.
    statement: String,
    /// Where the proposer wrote why: the disclosure that the statement's `sealed` is the hash of,
    /// hexadecimal, while the account's data key is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosure: Option<String>,
    /// Of a `shop.account` the bank account that the registry keeps under the hash, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_account: Option<BankAccountJson>,
    /// Whether it has taken effect.
    done: bool,
    /// Unix minutes; it lapses then.
    until_min: u64,
}

/// What the hash in a `shop.account` is of.
#[derive(Serialize, ToSchema)]
pub(super) struct BankAccountJson {
    /// The salt, hexadecimal.
    salt: String,
    /// The account as the registry holds it.
    account: String,
}

/// The bank account that a statement names by its hash.
fn bank_account(reader: &SessionReader, hash: &Hash) -> Result<Option<BankAccountJson>, Problem> {
    let mut kept = reader.ledger.engine.registry().shop_accounts().map_err(EngineError::from)?;
    Ok(kept
        .remove(hash)
        .map(|kept| BankAccountJson { salt: HEXLOWER.encode(&kept.salt), account: kept.account }))
}

/// The most proposals that one answer names.
const PROPOSALS_MAX: usize = 200;

/// A proposal that waits for another person.
#[derive(Serialize, ToSchema)]
pub(super) struct WaitingJson {
    /// Its entry.
    seq: u64,
    /// Its kind.
    #[schema(example = "refund")]
    kind: &'static str,
    /// The public name of the key that proposed.
    by: String,
    /// Unix minutes; it lapses then.
    until_min: u64,
}

/// Only root and staff may approve.
fn may_approve(reader: &SessionReader) -> Result<(), Problem> {
    match &reader.signer {
        Signer::Actor(actor) if matches!(actor.role, Role::Root | Role::Staff) => Ok(()),
        Signer::Actor(_) | Signer::Device(_) => Err(Problem::role_not_permitted()),
    }
}

/// Lists what waits for a second person, the latest first, for those who may approve it.
#[utoipa::path(
    get, path = "/v1/{ledger}/proposals", tag = "statements",
    responses((status = OK, body = Vec<WaitingJson>))
)]
pub(super) async fn proposals(
    State(server): App,
    reader: SessionReader,
) -> Result<Json<Vec<WaitingJson>>, Problem> {
    may_approve(&reader)?;
    let state = reader.ledger.engine.state()?;
    let now_min = server.now_s() / 60;
    let waits =
        state.proposals.iter().rev().filter(|(_, row)| !row.done && now_min < row.until_min);
    let lines = waits.filter_map(|(seq, row)| {
        let key = state.keys.get(&row.kid).filter(|key| key.revoked.is_none())?;
        let Signer::Actor(actor) = &key.signer else { return None };
        let (kind, by) = (row.body.kind().name(), actor.name.as_str().to_owned());
        Some(WaitingJson { seq: seq.0, kind, by, until_min: row.until_min })
    });
    Ok(Json(lines.take(PROPOSALS_MAX).collect()))
}

/// Reads the signed statement that waits for a second person, for those who may approve it.
#[utoipa::path(
    get, path = "/v1/{ledger}/proposals/{seq}", tag = "statements",
    responses((status = OK, body = ProposalJson))
)]
pub(super) async fn proposal(
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Json<ProposalJson>, Problem> {
    may_approve(&reader)?;
    let engine = &reader.ledger.engine;
    let (done, until_min, body) = {
        let state = engine.state()?;
        let proposal = state.proposals.get(&Seq(seq)).ok_or(Problem::proposal_unknown())?;
        (proposal.done, proposal.until_min, Arc::clone(&proposal.body))
    };
    let (entry, accounting) = engine.entry(Seq(seq))?.ok_or(Problem::proposal_unknown())?;
    let statement = HEXLOWER.encode(&accounting.statement.0);
    // Of other kinds the sealed part is the resident's and not the proposer's word.
    let personal =
        if body.kind().seals_text_alone() { engine.personal(&entry, &accounting)? } else { None };
    let disclosure = personal.and_then(|(_, disclosure)| disclosure);
    let disclosure = disclosure.map(|known| HEXLOWER.encode(&cbor::to_bytes(&known)));
    let bank_account = if let Body::ShopAccount(body) = &*body {
        bank_account(&reader, &body.bank_account)?
    } else {
        None
    };
    Ok(Json(ProposalJson { seq, statement, disclosure, bank_account, done, until_min }))
}
