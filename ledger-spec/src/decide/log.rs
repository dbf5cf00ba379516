//! The log itself: manifests, which vouch for rows until they have their result, and days, which
//! are closed.

use alloc::vec;

use super::Rejection;
use super::case::{Context, Outcome, proposed, roles_for};
use crate::entry::Effect;
use crate::ids::Seq;
use crate::kinds::{self, Role};
use crate::manifest::{ROW_KINDS, TWO_PERSON_ROW_KINDS};
use crate::state::Overlay;
use crate::statement::Statement;

/// A manifest: its rows are judged one by one, each as an entry of its own.
pub(super) fn open(
    body: &kinds::Manifest,
    statement: &Statement,
    role: Role,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if !roles_for(body.kind).contains(&role) {
        return Err(Rejection::RoleNotPermitted);
    }
    let (hashes, odd) = body.rows.0.as_chunks::<32>();
    let rows = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
    // Their number is limited by the form.
    if !ROW_KINDS.contains(&body.kind) || !odd.is_empty() {
        return Err(Rejection::ManifestRows);
    }
    let (kid, kind) = (statement.kid, body.kind);
    let mut effects = vec![Effect::ManifestOpened { kid, kind, rows }];
    if TWO_PERSON_ROW_KINDS.contains(&kind) {
        effects.push(proposed(context));
    }
    Outcome::without_account(effects)
}

/// For a row: its manifest is in the log, by the same key, over so many rows of this kind, and has
/// no result yet. That the manifest lists this very row was checked with its form.
pub(super) fn check_row(statement: &Statement, state: &Overlay<'_>) -> Result<(), Rejection> {
    let Some(place) = statement.row else {
        return Ok(());
    };
    let manifest = state.manifests(&place.manifest).ok_or(Rejection::ManifestUnknown)?;
    let same = (manifest.kid, manifest.kind) == (statement.kid, statement.core.body.kind());
    if !same || place.index >= manifest.count {
        return Err(Rejection::ManifestUnknown);
    }
    if let Some(done) = manifest.done {
        return Err(Rejection::ManifestDone(done));
    }
    check_approved(place.manifest, state)
}

/// A manifest that is a proposal has taken effect.
fn check_approved(manifest: Seq, state: &Overlay<'_>) -> Result<(), Rejection> {
    match state.proposals(&manifest) {
        Some(proposal) if !proposal.done => Err(Rejection::ManifestWaits(manifest)),
        Some(_) | None => Ok(()),
    }
}

/// The result of a manifest, one outcome for each row.
pub(super) fn close(body: &kinds::ManifestDone, state: &Overlay<'_>) -> Result<Outcome, Rejection> {
    let manifest = state.manifests(&body.manifest).ok_or(Rejection::ManifestUnknown)?;
    if let Some(done) = manifest.done {
        return Err(Rejection::ManifestDone(done));
    }
    check_approved(body.manifest, state)?;
    if usize::try_from(manifest.count) != Ok(body.outcomes.0.len()) {
        return Err(Rejection::ManifestRows);
    }
    Outcome::without_account(vec![Effect::ManifestClosed { manifest: body.manifest }])
}

pub(super) fn close_day(
    body: &kinds::DayClose,
    overlay: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if body.day >= context.today() {
        return Err(Rejection::DayNotOpen);
    }
    let Some(Some(totals)) = overlay.days(&body.day) else {
        return Err(Rejection::DayNotOpen);
    };
    let closed = Effect::DayClosed { day: body.day, state: overlay.state_hash(), totals: *totals };
    Outcome::without_account(vec![closed])
}
