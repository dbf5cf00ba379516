//! Many rows under one signature: check-ups of a year, cards of a mailing.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger_spec::decide::Rejection;
use ledger_spec::entry::receipt_number;
use ledger_spec::ids::{OpId, Seq};
use ledger_spec::kinds::Body;
use ledger_spec::manifest::{MANIFEST_BYTES_MAX, OUTCOME_OPERATION_REUSED, OpenedManifest};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::typed_body;
use super::openapi::Binary;
use super::problem::{self, Problem};
use super::server::{App, Ledger};
use super::statements::{answer, counted, points_for_signer};
use crate::engine::{Accepted, EngineError, Refusal, slices, statement_of};
use crate::pages::Lang;
use crate::query::{ReasonJson, reason_for_signer};

/// A manifest is the one body that may be larger than a statement.
pub(super) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MANIFEST_BYTES_MAX)
}

/// What became of a manifest.
#[derive(Serialize, ToSchema)]
pub(super) struct ManifestOutcome {
    /// The manifest's operation id.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    op_id: String,
    /// The entry of the manifest.
    seq: u64,
    /// The entry of its result.
    done: u64,
    /// Rows that were taken.
    accepted: usize,
    /// What became of each row, in their order.
    rows: Vec<RowOutcome>,
}

/// A manifest that waits for another person.
#[derive(Serialize, ToSchema)]
pub(super) struct QueuedSlices {
    /// The manifest's operation id.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    op_id: String,
    /// The entry of the manifest: the proposal to approve.
    seq: u64,
    /// Always `true`.
    proposal: bool,
    /// Unix seconds; it lapses then.
    until_s: u64,
    /// The slug of what its rows would be refused for.
    problem: &'static str,
    /// What to do, in Japanese.
    title: String,
    /// What to do, in English.
    title_en: String,
}

/// What the signer may know of a row: its entry and points, or the rule that refused it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RowOutcome {
    /// It is an entry.
    Taken {
        /// The entry.
        seq: u64,
        /// Points that it moved; absent for kinds that move none.
        #[serde(skip_serializing_if = "Option::is_none")]
        points: Option<u64>,
        /// Why an action was granted what it was granted.
        reason: Option<ReasonJson>,
        /// The number that both sides show.
        receipt_number: String,
    },
    /// It was refused.
    Refused {
        /// The slug of the problem.
        problem: &'static str,
        /// What happened, in Japanese.
        title: String,
        /// What happened, in English.
        title_en: String,
    },
}

/// Submits many rows under one signature, and answers row by row.
///
/// After an answer that was lost or cut short, the same bytes go on where the log ends: a row is
/// never an entry twice.
#[utoipa::path(
    post, path = "/v1/{ledger}/manifests", tag = "statements", operation_id = "submit_manifest",
    request_body(content = Binary, content_type = "application/cbor-seq"),
    responses(
        (status = CREATED, body = ManifestOutcome),
        (status = ACCEPTED, description = "Another person has to approve; then send the same bytes again", body = QueuedSlices),
        (status = OK, description = "A repeat", body = ManifestOutcome,
            headers(("Idempotent-Replayed" = String, description = "Always `true`"))),
    )
)]
pub(super) async fn submit(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let ledger = Arc::clone(server.ledger(&name)?);
    let sequence = typed_body("application/cbor-seq", &headers, body)?;
    let counted = |problem| counted(&server, &name, problem);
    // Reading 2,000 rows takes milliseconds, which the other requests of this thread must not wait.
    let reading = Arc::clone(&ledger);
    let opened = tokio::task::spawn_blocking(move || reading.engine.open_manifest(&sequence)).await;
    let opened = opened.map_err(|_| Problem::internal())?.map_err(|e| counted(e.into()))?;
    let op_id = opened.statement.core.op_id;
    let accepted = ledger.engine.submit(opened.statement.clone()).await;
    let accepted = accepted.map_err(|refusal| counted(Problem::from(refusal).on(op_id)))?;
    let manifest = accepted.accounting.seq;
    if let Some(waiting) = waiting(&ledger, op_id, manifest, server.clock.wall_ms())? {
        return Ok((StatusCode::ACCEPTED, Json(waiting)).into_response());
    }
    let verdicts = judge(&ledger, opened, manifest).await.map_err(|p| counted(p.on(op_id)))?;
    for refusal in verdicts.iter().filter_map(|verdict| verdict.as_ref().err()) {
        counted(Problem::from(refusal.clone()));
    }
    let (done, outcomes) = finish(&ledger, manifest, &verdicts).await?;
    let rows =
        verdicts.iter().zip(outcomes).map(|(verdict, outcome)| row(&ledger, verdict, outcome));
    let outcome = ManifestOutcome {
        op_id: op_id.to_string(),
        seq: manifest.0,
        done: done.0,
        accepted: verdicts.iter().filter(|verdict| verdict.is_ok()).count(),
        rows: rows.collect(),
    };
    Ok(answer(accepted.replayed, outcome))
}

/// Where the manifest is a proposal that nobody has approved yet: what to do. A lapsed one never
/// succeeds.
fn waiting(
    ledger: &Ledger,
    op_id: OpId,
    manifest: Seq,
    now_ms: u64,
) -> Result<Option<QueuedSlices>, Problem> {
    let until_min = {
        let state = ledger.engine.state()?;
        match state.proposals.get(&manifest) {
            Some(proposal) if !proposal.done => proposal.until_min,
            Some(_) | None => return Ok(None),
        }
    };
    if now_ms / 60_000 >= until_min {
        return Err(Problem::from(Refusal::Rejected(Rejection::ProposalLapsed)).on(op_id));
    }
    let waits = problem::of_rejection(&Rejection::ManifestWaits(manifest));
    Ok(Some(QueuedSlices {
        op_id: op_id.to_string(),
        seq: manifest.0,
        proposal: true,
        until_s: until_min * 60,
        problem: waits.slug,
        title: waits.title(Lang::Ja),
        title_en: waits.title(Lang::En),
    }))
}

type Verdicts = Vec<Result<Accepted, Refusal>>;

/// Sends the rows slice by slice. A refusal by the rules is a row's answer; anything else ends the
/// whole, and a repetition goes on from there.
async fn judge(
    ledger: &Ledger,
    opened: OpenedManifest,
    manifest: Seq,
) -> Result<Verdicts, Problem> {
    let mut verdicts = Verdicts::with_capacity(opened.count());
    for slice in slices(opened.into_rows(manifest)) {
        for verdict in ledger.engine.enqueue_rows(slice)?.wait().await? {
            match verdict {
                Err(
                    refusal @ (Refusal::Damaged(_)
                    | Refusal::Busy
                    | Refusal::ReadOnly(_)
                    | Refusal::Stopped),
                ) => {
                    return Err(refusal.into());
                }
                answered => verdicts.push(answered),
            }
        }
    }
    Ok(verdicts)
}

/// Records the result, or finds the one that is recorded: its place and the outcome of each row.
async fn finish(
    ledger: &Ledger,
    manifest: Seq,
    verdicts: &Verdicts,
) -> Result<(Seq, Vec<u8>), Problem> {
    let recorded = || -> Result<Option<Seq>, EngineError> {
        Ok(ledger.engine.state()?.manifests.get(&manifest).and_then(|row| row.done))
    };
    if recorded()?.is_none() {
        let outcomes = verdicts.iter().map(outcome_of).collect();
        match ledger.engine.enqueue_result(manifest, outcomes)?.wait().await {
            // Somebody who sent the same bytes at the same time was first.
            Ok(_) | Err(Refusal::Rejected(_) | Refusal::OperationReused(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let done = recorded()?.ok_or(Problem::internal())?;
    let (_, accounting) = ledger.engine.entry(done)?.ok_or(Problem::internal())?;
    let kept = statement_of(&accounting)?;
    let Body::ManifestDone(result) = kept.core.body else { return Err(Problem::internal()) };
    Ok((done, result.outcomes.0))
}

fn outcome_of(verdict: &Result<Accepted, Refusal>) -> u8 {
    match verdict {
        Ok(_) => 0,
        Err(Refusal::Rejected(rejection)) => rejection.outcome(),
        Err(
            Refusal::OperationReused(_)
            | Refusal::Damaged(_)
            | Refusal::Busy
            | Refusal::ReadOnly(_)
            | Refusal::Stopped,
        ) => OUTCOME_OPERATION_REUSED,
    }
}

fn row(ledger: &Ledger, verdict: &Result<Accepted, Refusal>, outcome: u8) -> RowOutcome {
    match verdict {
        Ok(accepted) => {
            let accounting = &accepted.accounting;
            RowOutcome::Taken {
                seq: accounting.seq.0,
                points: points_for_signer(accounting),
                reason: reason_for_signer(accounting),
                receipt_number: receipt_number(ledger.engine.ledger(), accounting.seq),
            }
        }
        Err(_) => {
            let kind = problem::of_outcome(outcome);
            RowOutcome::Refused {
                problem: kind.slug,
                title: kind.title(Lang::Ja),
                title_en: kind.title(Lang::En),
            }
        }
    }
}
