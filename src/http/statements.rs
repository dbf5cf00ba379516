//! The one door for writing.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger_spec::decide::Rejection;
use ledger_spec::entry::{Accounting, receipt_number};
use ledger_spec::ids::{Kid, OpId};
use ledger_spec::kinds::{Body, Kind, Role};
use ledger_spec::state::Signer;
use ledger_spec::statement;
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::cose_body;
use super::openapi::Binary;
use super::problem::Problem;
use super::server::{App, Ledger, Server};
use crate::engine::{Accepted, EngineError, Refusal};
use crate::query::{ReasonJson, draws, reason_for_signer};

/// Tells that the answer is the first one, given again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Submits a signed statement.
///
/// Sending the same bytes again is always safe: the first verdict comes back, under the head of
/// that moment.
#[utoipa::path(
    post, path = "/v1/{ledger}/statements", tag = "statements", request_body(content = Binary, content_type = "application/cose"),
    responses(
        (status = CREATED, body = Verdict),
        (status = OK, description = "A repeat", body = Verdict,
            headers(("Idempotent-Replayed" = String, description = "Always `true`"))),
    )
)]
pub(super) async fn submit(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let submission = cose_body(&headers, body)?;
    let counted = |problem| counted(&server, &name, problem);
    if let Some(answered) = ledger.engine.repetition(&submission).await? {
        let (_, kept) = statement::read(&submission)?;
        let (op_id, kind, day) = (kept.core.op_id, kept.core.body.kind(), kept.core.day);
        let accepted = answered.map_err(|refusal| counted(Problem::from(refusal).on(op_id)))?;
        return Ok(answer(true, verdict(ledger, op_id, kind, day, &accepted)?));
    }
    let statement =
        ledger.engine.open_statement(&submission).map_err(|e| counted(Problem::from(e)))?;
    if let Body::CardPin(body) = &statement.core.body
        && !ledger
            .engine
            .registry()
            .has_pin(body.card, statement.hash())
            .map_err(EngineError::from)?
    {
        return Err(counted(Problem::pin_missing().on(statement.core.op_id)));
    }
    if let Body::DrawResult(result) = &statement.core.body
        && !draws::has_genuine_beacon(&ledger.engine, result)?
    {
        let refusal = Refusal::Rejected(Rejection::DrawMismatch);
        return Err(counted(Problem::from(refusal).on(statement.core.op_id)));
    }
    let (op_id, kind, day) = (statement.core.op_id, statement.core.body.kind(), statement.core.day);
    let by_shop = is_shop(ledger, statement.kid)?;
    let decided = ledger.engine.submit(statement).await;
    let accepted = decided.map_err(|refusal| {
        let problem = counted(Problem::from(refusal).on(op_id));
        if by_shop { problem.at_till() } else { problem }
    })?;
    Ok(answer(accepted.replayed, verdict(ledger, op_id, kind, day, &accepted)?))
}

/// Whether a key is a shop's terminal.
fn is_shop(ledger: &Ledger, kid: Kid) -> Result<bool, EngineError> {
    let state = ledger.engine.state()?;
    let signer = state.keys.get(&kid).map(|key| &key.signer);
    Ok(matches!(signer, Some(Signer::Actor(actor)) if actor.role == Role::Shop))
}

/// A refusal, after the metrics have seen it.
pub(super) fn counted(server: &Server, ledger: &str, problem: Problem) -> Problem {
    server.metrics.ledger(ledger).refused(problem.kind.slug);
    problem
}

/// 201 for what the ledger took just now, 200 with a header for what it had taken before.
pub(super) fn answer(replayed: bool, body: impl Serialize) -> Response {
    if replayed {
        (StatusCode::OK, [(REPLAYED, "true")], Json(body)).into_response()
    } else {
        (StatusCode::CREATED, Json(body)).into_response()
    }
}

/// What the signer may know: the entry's place, the points that moved and the proof; never the
/// balance, a fund or a lot.
#[derive(Serialize, ToSchema)]
pub(super) struct Verdict {
    /// The statement's operation id.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    op_id: String,
    /// The entry's number in the log.
    seq: u64,
    /// The statement's kind.
    #[schema(example = "redeem")]
    kind: &'static str,
    /// The statement's day.
    #[schema(value_type = String, format = Date)]
    day: Day,
    /// The number that both sides show.
    #[schema(example = "0010-C4")]
    receipt_number: String,
    /// C2SP tlog-proof with the leaf alone; absent where it cannot be made, because the disk is
    /// damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
    /// Points granted, spent or given back; absent for kinds that move none.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<u64>,
    /// Why an action was granted what it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonJson>,
    /// `true` while the statement waits for another person, otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<bool>,
}

/// The points that an entry moved; of an action also that there were none.
pub(super) fn points_for_signer(accounting: &Accounting) -> Option<u64> {
    let moves = reason_for_signer(accounting).is_some() || accounting.postings().next().is_some();
    moves.then(|| accounting.moved())
}

pub(super) fn verdict(
    ledger: &Ledger,
    op_id: OpId,
    kind: Kind,
    day: Day,
    accepted: &Accepted,
) -> Result<Verdict, EngineError> {
    let accounting = &accepted.accounting;
    // What is committed is answered as committed, also when its proof cannot be read.
    let receipt = ledger.engine.receipt(accounting.seq, &accepted.head, false);
    let receipt = receipt.inspect_err(|error| tracing::error!(%error, "a verdict without proof"));
    Ok(Verdict {
        op_id: op_id.to_string(),
        seq: accounting.seq.0,
        kind: kind.name(),
        day,
        receipt_number: receipt_number(ledger.engine.ledger(), accounting.seq),
        proof: receipt.ok().map(|receipt| receipt.to_string()),
        points: points_for_signer(accounting),
        reason: reason_for_signer(accounting),
        proposal: accounting.is_proposal().then_some(true),
    })
}
