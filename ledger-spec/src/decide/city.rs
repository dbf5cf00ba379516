//! The city: keys, budgets and rules, which need two persons.

use alloc::vec;
use alloc::vec::Vec;

use ed25519_dalek::VerifyingKey;

use super::{Context, Outcome, Rejection, actor, catalogue, corrections, earning, returns};
use crate::entry::Effect;
use crate::ids::{Kid, Seq};
use crate::kinds::{self, Body, Role};
use crate::programme::Programme;
use crate::state::{Overlay, Signer};
use crate::statement::Statement;

/// A proposal waits so many minutes for another person: 7 days.
pub const PROPOSAL_LIFE_MIN: u64 = 7 * 1_440;

/// The first two entries: two root keys of two persons, each signed by itself.
pub(super) fn register_first_roots(
    body: &kinds::KeyRegister,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if state.next_seq() > Seq(1) || body.role != Role::Root {
        return Err(Rejection::KeyUnknown);
    }
    let same_person = state.keys_of_person(body.person);
    if same_person {
        return Err(Rejection::SamePerson);
    }
    enact(&Body::KeyRegister(body.clone()), Role::Root, state, context)
}

/// Records a proposal; it does nothing until another person approves.
pub(super) fn propose(
    body: &Body,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let Outcome { account, .. } = enact(body, actor(signer)?.role, state, context)?;
    Ok(Outcome { account, effects: vec![proposed(context)] })
}

/// The one effect of a proposal.
pub(super) fn proposed(context: &Context<'_>) -> Effect {
    Effect::Proposed { until_min: context.now_min() + PROPOSAL_LIFE_MIN }
}

/// What a proposal does when it takes effect; checked when it is proposed, and again when it is
/// approved, each time with the role of who does it.
fn enact(
    body: &Body,
    role: Role,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only proposals whose rules are in force")]
    match body {
        Body::ProgrammePublish(body) => {
            let programme = Programme::parse(body.document.as_str())?;
            let next = state.programme_version() + 1;
            if [programme.version, body.version] != [next, next] {
                return Err(Rejection::ProgrammeNotNext(next));
            }
            if next > 1 && programme.from <= context.today() {
                return Err(Rejection::ProgrammeNotFuture);
            }
            let document = body.document.clone();
            Outcome::without_account(vec![Effect::ProgrammeInForce { version: next, document }])
        }
        Body::BudgetAllocate(body) => {
            let paying = body.fund != crate::points::Fund::None;
            if !paying || !(1..=1_000_000_000).contains(&body.points) {
                return Err(Rejection::BudgetRange);
            }
            let kinds::BudgetAllocate { fund, fiscal_year, points } = *body;
            Outcome::without_account(vec![Effect::BudgetAllocated { fund, fiscal_year, points }])
        }
        Body::KeyRegister(body) => {
            // Roots are made by roots alone: two persons of the staff must not raise themselves
            // above it.
            if body.role == Role::Root && role != Role::Root {
                return Err(Rejection::RoleNotPermitted);
            }
            check_fresh_key(&body.public_key, state)?;
            let has_place = matches!(body.role, Role::Shop | Role::Station);
            let kept = body.place.and_then(|place| state.places(&place));
            if body.place.is_some() != has_place || kept.is_some_and(|p| p.role != body.role) {
                return Err(Rejection::PlaceMismatch);
            }
            let kinds::KeyRegister { public_key, role, person, place, name } = body.clone();
            Outcome::without_account(vec![Effect::KeyRegistered {
                public_key,
                role,
                person,
                place,
                name,
            }])
        }
        Body::KeyRevoke(body) => {
            let key = state.keys(&body.kid).ok_or(Rejection::KeyUnknown)?;
            if key.revoked.is_some() {
                return Err(Rejection::KeyRevoked);
            }
            let account =
                if let Signer::Device(device) = &key.signer { Some(device.account) } else { None };
            Ok(Outcome { account, effects: vec![Effect::KeyRevoked { kid: body.kid }] })
        }
        Body::CataloguePublish(body) => catalogue::publish(body, state),
        Body::Refund(body) => returns::refund(body, state, context),
        Body::Action(_) => earning::approved_action(state, context),
        Body::ActionWithdraw(body) => corrections::withdraw(body, state, context),
        Body::Adjust(body) => corrections::adjust(body, state, context),
        Body::LotExtend(body) => corrections::extend_lot(body, state, context),
        Body::BalanceImport(body) => corrections::import_balance(body, state, context),
        // Its state do the rest.
        Body::Manifest(_) => Outcome::without_account(Vec::new()),
        _ => Err(Rejection::KindNotInForce),
    }
}

/// A key id is never used twice, and a key of small order would verify anything.
pub(super) fn check_fresh_key(public_key: &[u8; 32], state: &Overlay<'_>) -> Result<(), Rejection> {
    if state.keys(&Kid::of(public_key)).is_some() {
        return Err(Rejection::KeyExists);
    }
    match VerifyingKey::from_bytes(public_key) {
        Ok(key) if !key.is_weak() => Ok(()),
        _ => Err(Rejection::KeyWeak),
    }
}

fn is_root(state: &Overlay<'_>, kid: &Kid) -> bool {
    let signer = state.keys(kid).map(|key| &key.signer);
    matches!(signer, Some(Signer::Actor(actor)) if actor.role == Role::Root)
}

pub(super) fn approve(
    body: &kinds::Approve,
    statement: &Statement,
    signer: Option<&Signer>,
    overlay: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let approver = actor(signer)?;
    let Some(proposal) = overlay.proposals(&body.proposal) else {
        return Err(Rejection::ProposalUnknown);
    };
    if proposal.statement_hash != body.statement_hash {
        return Err(Rejection::ProposalMismatch);
    }
    if proposal.done {
        return Err(Rejection::ProposalDone);
    }
    let proposer = overlay.keys(&proposal.kid).is_some_and(|key| key.revoked.is_none());
    if context.now_min() >= proposal.until_min || !proposer {
        return Err(Rejection::ProposalLapsed);
    }
    if proposal.person == approver.person {
        return Err(Rejection::SamePerson);
    }
    let roots = [&proposal.kid, &statement.kid].map(|kid| is_root(overlay, kid));
    if matches!(&*proposal.body, Body::KeyRevoke(body) if is_root(overlay, &body.kid))
        && !roots.contains(&true)
    {
        return Err(Rejection::RoleNotPermitted);
    }
    // The state may have moved on since the proposal.
    let mut outcome = enact(&proposal.body, approver.role, overlay, context)?;
    outcome.effects.insert(0, Effect::Approved { proposal: body.proposal });
    Ok(outcome)
}

/// One person ends a key at once, because a lost key cannot wait; a root key only with a second
/// person, because whoever ends the roots ends the ledger's rules. One of the two may be staff,
/// because of two roots one that is lost cannot agree; the other is a root, because staff alone
/// must not end them.
pub(super) fn revoke_key(
    body: &kinds::KeyRevoke,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let revoke = Body::KeyRevoke(body.clone());
    match state.keys(&body.kid).map(|key| &key.signer) {
        Some(Signer::Actor(target)) if target.role == Role::Root => {
            propose(&revoke, signer, state, context)
        }
        Some(Signer::Actor(_) | Signer::Device(_)) | None => {
            enact(&revoke, actor(signer)?.role, state, context)
        }
    }
}
