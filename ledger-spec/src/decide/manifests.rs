//! Manifests, which vouch for rows until they have their result.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::ids::Seq;
use crate::kinds::{self, Flow};
use crate::state::Overlay;

/// A manifest: its rows are judged one by one, each as an entry of its own.
pub(super) fn open(body: &kinds::Manifest, case: &Case<'_>) -> Result<Outcome, Rejection> {
    if !body.kind.roles().contains(&case.actor()?.role) {
        return Err(Rejection::RoleNotPermitted);
    }
    let (hashes, odd) = body.rows.0.as_chunks::<32>();
    let rows = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
    // Their number is limited by the form.
    if !body.kind.can_be_row() || !odd.is_empty() {
        return Err(Rejection::ManifestRows);
    }

    // From here on the manifest is opened.
    let (kid, kind) = (case.statement.kid, body.kind);
    let mut effects = vec![Effect::ManifestOpened { kid, kind, rows }];
    if kind.is(Flow::RowByTwo) {
        effects.push(case.proposed());
    }
    Outcome::without_account(effects)
}

/// For a row: its manifest is in the log, by the same key, over so many rows of this kind, and has
/// no result yet. That the manifest lists this very row was checked with its form.
pub(super) fn check_row(case: &Case<'_>) -> Result<(), Rejection> {
    let Case { statement, state, .. } = *case;
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
pub(super) fn close(body: &kinds::ManifestDone, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let manifest = case.state.manifests(&body.manifest).ok_or(Rejection::ManifestUnknown)?;
    if let Some(done) = manifest.done {
        return Err(Rejection::ManifestDone(done));
    }
    check_approved(body.manifest, case.state)?;
    if usize::try_from(manifest.count) != Ok(body.outcomes.0.len()) {
        return Err(Rejection::ManifestRows);
    }

    // From here on the manifest has its result.
    Outcome::without_account(vec![Effect::ManifestClosed { manifest: body.manifest }])
}
