//! The one door for writing.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger_spec::entry::{Effect, receipt_number};
use ledger_spec::ids::OpId;
use ledger_spec::kinds::Kind;
use ledger_spec::time::Day;
use serde_json::{Value, json};

use super::auth::cose_body;
use super::problem::Problem;
use super::{App, Ledger};
use crate::engine::{Accepted, EngineError};
use crate::query::reason_of;

/// Tells that the answer is the first one, given again.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// `POST /v1/{ledger}/statements`
pub(super) async fn submit(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let submission = cose_body(&headers, body)?;
    let counted = |problem: Problem| {
        server.metrics.ledger(&name).refused(problem.kind.slug);
        problem
    };
    let statement =
        ledger.engine.open_statement(&submission).map_err(|e| counted(Problem::from(e)))?;
    let (op_id, kind, day) = (statement.core.op_id, statement.core.body.kind(), statement.core.day);
    let verdict = ledger.engine.submit(statement).await;
    let accepted = verdict.map_err(|refusal| counted(Problem::from(refusal).on(op_id)))?;
    let body = Json(verdict_json(ledger, (op_id, kind, day), &accepted)?);
    Ok(if accepted.replayed {
        (StatusCode::OK, [(REPLAYED, "true")], body).into_response()
    } else {
        (StatusCode::CREATED, body).into_response()
    })
}

/// What the signer may know: the entry's place, the points that moved and the proof; never the balance, a fund or a lot.
fn verdict_json(
    ledger: &Ledger,
    (op_id, kind, day): (OpId, Kind, Day),
    accepted: &Accepted,
) -> Result<Value, EngineError> {
    let accounting = &accepted.accounting;
    let receipt = ledger.engine.receipt(accounting.seq, &accepted.head, false)?;
    let mut verdict = json!({
        "op_id": op_id.to_string(),
        "seq": accounting.seq.0,
        "kind": kind.name(),
        "day": day,
        "receipt_number": receipt_number(ledger.engine.ledger(), accounting.seq),
        "proof": receipt.to_string(),
    });
    let reason = reason_of(accounting);
    if let Some(members) = verdict.as_object_mut() {
        if reason.is_some() || accounting.postings().next().is_some() {
            members.insert("points".to_owned(), json!(accounting.points().unsigned_abs()));
        }
        members.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
        let waits = |effect: &Effect| matches!(effect, Effect::Proposed { .. });
        if accounting.effects.iter().any(waits) {
            members.insert("proposal".to_owned(), json!(true));
        }
    }
    Ok(verdict)
}
