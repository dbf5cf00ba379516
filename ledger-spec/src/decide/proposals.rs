//! Proposals: what takes two persons, from the first one's statement to the other's approval.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::keys::is_root;
use super::limits::BUDGET_POINTS_MAX;
use super::rejection::Rejection;
use super::{
    catalogue, corrections, earning, keys, leaving, openings, pins, returns, settlement,
    suspensions,
};
use crate::entry::Effect;
use crate::kinds::{self, Body, Role};
use crate::points::Fund;
use crate::programme::Programme;
use crate::state::Key;

/// Records a proposal; it does nothing until another person approves.
pub(super) fn propose(body: &Body, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let Outcome { account, .. } = enact(body, case.actor()?.role, case)?;
    Ok(Outcome { account, effects: vec![case.proposed()] })
}

/// What a proposal does when it takes effect; checked when it is proposed, and again when it is
/// approved, each time with the role of who does it.
fn enact(body: &Body, role: Role, case: &Case<'_>) -> Result<Outcome, Rejection> {
    match body {
        Body::ProgrammePublish(body) => publish(body, case),
        Body::BudgetAllocate(body) => allocate(body, case),
        Body::KeyRegister(body) => keys::register(body, role, case),
        Body::KeyRevoke(body) => keys::end(body, case),
        Body::CardPin(body) => pins::set_by_two(body, case),
        Body::AccountErase(body) => leaving::erase(body, case),
        Body::Resume(body) => suspensions::resume(body, case),
        Body::CataloguePublish(body) => catalogue::publish(body, case),
        Body::Refund(body) => returns::refund(body, case),
        Body::Action(_) => earning::approved_action(case),
        Body::ActionWithdraw(body) => corrections::withdraw(body, case),
        Body::Adjust(body) => corrections::adjust(body, case),
        Body::LotExtend(body) => corrections::extend_lot(body, case),
        Body::OpeningBudget(body) => openings::allocate(body, role, case),
        Body::BalanceImport(body) => openings::import_balance(body, case),
        Body::ShopAccount(body) => settlement::set_account(body, case),
        // Its rows do the rest.
        Body::Manifest(_) => Outcome::without_account(Vec::new()),
        // Never proposals.
        Body::AccountOpen(_)
        | Body::AccountFacts(_)
        | Body::AccountStatus(_)
        | Body::AccountClose(_)
        | Body::DeviceEnrol(_)
        | Body::DeviceRevoke(_)
        | Body::CardIssue(_)
        | Body::CardRevoke(_)
        | Body::Redeem(_)
        | Body::Void(_)
        | Body::Hold(_)
        | Body::Capture(_)
        | Body::Release(_)
        | Body::RewardClaim(_)
        | Body::RewardUse(_)
        | Body::RewardCancel(_)
        | Body::DrawCommit(_)
        | Body::DrawResult(_)
        | Body::LinkGrant(_)
        | Body::LinkRevoke(_)
        | Body::Approve(_)
        | Body::Expire(_)
        | Body::DayClose(_)
        | Body::SettlementClose(_)
        | Body::SettlementPaid(_)
        | Body::AuditStatement(_)
        | Body::AccountJoin(_)
        | Body::JoinComplete(_)
        | Body::LedgerContinue(_)
        | Body::WaitingRelease(_)
        | Body::WaitingGrant(_)
        | Body::RewardRebind(_)
        | Body::Suspend(_)
        | Body::EntryDispute(_)
        | Body::DisputeAnswer(_)
        | Body::ManifestDone(_) => Err(Rejection::KindNotInForce),
    }
}

fn publish(body: &kinds::ProgrammePublish, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let programme = Programme::parse(body.document.as_str())?;
    let next = case.state.programme_version() + 1;
    if [programme.version, body.version] != [next, next] {
        return Err(Rejection::ProgrammeNotNext(next));
    }
    if next > 1 && programme.from <= case.today() {
        return Err(Rejection::ProgrammeNotFuture);
    }
    let document = body.document.clone();
    Outcome::without_account(vec![Effect::ProgrammeInForce { version: next, document }])
}

fn allocate(body: &kinds::BudgetAllocate, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let paying = body.fund != Fund::None;
    if !paying || !(1..=BUDGET_POINTS_MAX).contains(&body.points) {
        return Err(Rejection::BudgetRange);
    }
    // Late actions are paid by the year before; a council commits at most two years ahead.
    let year = case.today().fiscal_year();
    if !(year.saturating_sub(1)..=year + 2).contains(&body.fiscal_year) {
        return Err(Rejection::BudgetYear);
    }
    let kinds::BudgetAllocate { fund, fiscal_year, points } = *body;
    Outcome::without_account(vec![Effect::BudgetAllocated { fund, fiscal_year, points }])
}

pub(super) fn approve(body: &kinds::Approve, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let approver = case.actor()?;
    let Some(proposal) = case.state.proposals(&body.proposal) else {
        return Err(Rejection::ProposalUnknown);
    };
    if proposal.statement_hash != body.statement_hash {
        return Err(Rejection::ProposalMismatch);
    }
    if proposal.done {
        return Err(Rejection::ProposalDone);
    }
    let proposer = case.state.keys(&proposal.kid).is_some_and(Key::in_force);
    if case.now_min() >= proposal.until_min || !proposer {
        return Err(Rejection::ProposalLapsed);
    }
    if proposal.person == approver.person {
        return Err(Rejection::SamePerson);
    }
    let roots = [&proposal.kid, &case.statement.kid].map(|kid| is_root(case.state, kid));
    if matches!(&*proposal.body, Body::KeyRevoke(body) if is_root(case.state, &body.kid))
        && !roots.contains(&true)
    {
        return Err(Rejection::RoleNotPermitted);
    }
    // The state may have moved on since the proposal.
    let mut outcome = enact(&proposal.body, approver.role, case)?;
    outcome.effects.insert(0, Effect::Approved { proposal: body.proposal });
    Ok(outcome)
}
