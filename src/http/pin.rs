//! The PIN of a paper card: a terminal's pad asks whether it is right, a desk or kiosk also has one
//! set by an entry.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use data_encoding::HEXLOWER;
use ledger_spec::decide::Rejection;
use ledger_spec::ids::{AccountId, CardHash};
use ledger_spec::kinds::{Body, CardPin, Role};
use ledger_spec::state::{Card, Signer};
use ledger_spec::statement::{Statement, card_check_byte, card_hash};
use ledger_spec::token::{PinEntry, PinSetting};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::auth::{check_message, cose_body, open_message};
use super::openapi::Binary;
use super::problem::Problem;
use super::server::{App, Ledger, Server};
use super::statements::{Verdict, answer, counted, verdict};
use crate::engine::{Accepted, Refusal};
use crate::query::links::{self, GrantedLink};
use crate::query::{self, Phone};
use crate::registry::{PinCheck, PinKept, PinSlot, RegistryError};

/// The server's word that the PIN was right.
#[derive(Serialize, ToSchema)]
pub(super) struct Proof {
    /// The signed PIN proof, for the disclosure of one statement of this terminal within 120
    /// seconds.
    #[schema(pattern = "^[0-9a-f]+$")]
    proof: String,
    /// What the resident may see on the screen of a desk or kiosk; a till is told nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    resident: Option<PinHolder>,
}

/// What a resident who has no phone reads at a desk or kiosk.
#[derive(Serialize, ToSchema)]
struct PinHolder {
    /// Points of the yen purse.
    yen: u64,
    /// Points of the challenge purse.
    challenge: u64,
    /// What others may do.
    links: Vec<GrantedLink>,
    /// The phones of the account.
    phones: Vec<Phone>,
}

/// Asks whether a card's PIN is right; a wrong try is counted.
#[utoipa::path(
    post, path = "/v1/{ledger}/pin", tag = "shop", request_body(content = Binary, content_type = "application/cose"),
    responses((status = OK, body = Proof))
)]
pub(super) async fn check_pin(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Proof>, Problem> {
    let ledger = server.ledger(&name)?;
    let body = cose_body(&headers, body)?;
    let (entry, terminal, signer) = open_message::<PinEntry>(ledger, &body)?;
    let role = role_of(&signer, &[Role::Shop, Role::Staff, Role::Kiosk])?;
    check_message(&server, ledger, entry.exp_s, entry.ledger)?;
    let (row, card) = card_of(ledger, &entry.card)?;
    let (account, set) = (row.account, row.pin.ok_or(Problem::pin_unset())?);
    if server.today() < set.counts_from {
        return Err(Refusal::Rejected(Rejection::PinWaits(set.counts_from)).into());
    }
    if !server.pin_entries.take(terminal, entry.nonce, entry.exp_s, server.now_s())? {
        return Err(Problem::pin_entry_used());
    }
    let pin = Zeroizing::new(entry.pin.as_str().to_owned());
    let checked = hashing(&server, ledger, move |ledger| {
        ledger.engine.registry().check_pin(PinSlot { account, card, set_by: set.set_by }, &pin)
    });
    match checked.await? {
        PinCheck::Right => {
            let (points, now_s) = (entry.max_points, server.now_s());
            let proof = ledger.engine.prove_pin(card, terminal, points, now_s)?;
            let proof = HEXLOWER.encode(&proof);
            let at_desk = role != Role::Shop;
            let resident = at_desk.then(|| resident_of(&server, ledger, account)).transpose()?;
            Ok(Json(Proof { proof, resident }))
        }
        PinCheck::Wrong(left) => Err(Problem::pin_wrong(left)),
        PinCheck::Locked => Err(Problem::pin_locked()),
        PinCheck::Unset => Err(Problem::pin_unset()),
    }
}

fn resident_of(server: &Server, ledger: &Ledger, account: AccountId) -> Result<PinHolder, Problem> {
    let (engine, today) = (&ledger.engine, server.today());
    let balance = query::balance(engine, account, today)?.ok_or(Problem::card_unknown())?;
    let links = links::links(engine, account, today)?;
    let phones = query::phones(engine, account)?;
    Ok(PinHolder { yen: balance.yen, challenge: balance.challenge, links, phones })
}

/// Sets a card's PIN.
///
/// The PIN comes with the signed `card.pin` that says on what grounds; it counts once that does.
#[utoipa::path(
    put, path = "/v1/{ledger}/pin", tag = "shop", request_body(content = Binary, content_type = "application/cose"),
    responses(
        (status = CREATED, body = Verdict),
        (status = OK, description = "A repeat", body = Verdict,
            headers(("Idempotent-Replayed" = String, description = "Always `true`"))),
    )
)]
pub(super) async fn set_pin(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let body = cose_body(&headers, body)?;
    let (setting, kid, signer) = open_message::<PinSetting>(ledger, &body)?;
    role_of(&signer, &[Role::Staff, Role::Kiosk, Role::Registry])?;
    check_message(&server, ledger, setting.exp_s, setting.ledger)?;
    let statement = ledger.engine.open_statement(&setting.statement.0);
    let statement = statement.map_err(|e| counted(&server, &name, Problem::from(e)))?;
    if statement.kid != kid {
        return Err(Problem::malformed_request());
    }
    let pin = Zeroizing::new(setting.pin.as_str().to_owned());
    let (op_id, kind, day) = (statement.core.op_id, statement.core.body.kind(), statement.core.day);
    let accepted = give(&server, ledger, statement, pin).await;
    let accepted = accepted.map_err(|problem| counted(&server, &name, problem.on(op_id)))?;
    Ok(answer(accepted.replayed, verdict(ledger, op_id, kind, day, &accepted)?))
}

/// Keeps a PIN under the statement that sets it, and has that decided. What is kept counts for
/// nothing until the log names the statement; where it is refused, nothing stays.
pub(crate) async fn give(
    server: &Server,
    ledger: &Arc<Ledger>,
    statement: Statement,
    pin: Zeroizing<String>,
) -> Result<Accepted, Problem> {
    let Body::CardPin(CardPin { card, .. }) = statement.core.body else {
        return Err(Problem::malformed_request());
    };
    let (row, set_by) = (card_row(ledger, &card)?, statement.hash());
    let in_force = row.pin.map(|pin| pin.set_by);
    let kept = hashing(server, ledger, move |ledger| {
        let slot = PinSlot { account: row.account, card, set_by };
        ledger.engine.registry().keep_pin(slot, in_force, &pin)
    });
    match kept.await? {
        PinKept::Kept => {}
        PinKept::Other => return Err(Problem::pin_other()),
        PinKept::NoPin => return Err(Problem::malformed_request()),
    }
    let decided = ledger.engine.submit(statement).await;
    if let Err(Refusal::Rejected(_)) = &decided {
        let drop = move |ledger: &Ledger| ledger.engine.registry().drop_pin(card, set_by);
        hashing(server, ledger, drop).await?;
    }
    Ok(decided?)
}

/// Runs what hashes a PIN on a thread that answers nobody else.
async fn hashing<T: Send + 'static>(
    server: &Server,
    ledger: &Arc<Ledger>,
    work: impl FnOnce(&Ledger) -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, Problem> {
    let place = Arc::clone(&server.pins).acquire_owned().await;
    let place = place.map_err(|_| Problem::internal())?;
    let ledger = Arc::clone(ledger);
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&ledger);
        drop(place);
        done
    });
    done.await
        .map_err(|_| Problem::internal())?
        .map_err(|e| crate::engine::EngineError::from(e).into())
}

fn role_of(signer: &Signer, roles: &[Role]) -> Result<Role, Problem> {
    match signer {
        Signer::Actor(actor) if roles.contains(&actor.role) => Ok(actor.role),
        Signer::Actor(_) | Signer::Device(_) => Err(Problem::role_not_permitted()),
    }
}

fn card_of(ledger: &Ledger, card: &[u8; 11]) -> Result<(Card, CardHash), Problem> {
    let [random @ .., check] = card;
    if card_check_byte(random) != *check {
        return Err(Problem::card_mistyped());
    }
    let hash = card_hash(card);
    Ok((card_row(ledger, &hash)?, hash))
}

fn card_row(ledger: &Ledger, card: &CardHash) -> Result<Card, Problem> {
    match ledger.engine.state()?.cards.get(card) {
        None => Err(Problem::card_unknown()),
        Some(row) if row.revoked => Err(Problem::card_revoked()),
        Some(row) if row.suspended.is_some() => Err(Problem::card_suspended()),
        Some(row) => Ok(*row),
    }
}
