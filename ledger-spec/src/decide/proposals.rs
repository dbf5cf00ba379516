//! Proposals: what takes two persons, from the first one's statement to the other's approval.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Context, Outcome, actor, proposed};
use super::keys::{check_fresh_key, is_root};
use super::{Rejection, catalogue, corrections, earning, returns};
use crate::entry::Effect;
use crate::kinds::{self, Body, Role};
use crate::programme::Programme;
use crate::state::{Overlay, Signer};
use crate::statement::Statement;

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

/// What a proposal does when it takes effect; checked when it is proposed, and again when it is
/// approved, each time with the role of who does it.
pub(super) fn enact(
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
