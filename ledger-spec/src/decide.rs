//! The rules: what a statement does to the ledger, or why it does nothing.
//!
//! [`decide`] is pure. Every arm first checks everything, in the order that the tests pin, and
//! marks the point after which nothing can fail. State changes only when [`crate::apply::apply`]
//! takes the effects over.

mod case;
mod catalogue;
mod consent;
mod corrections;
mod days;
mod draws;
mod earning;
mod holder;
mod holds;
mod keys;
mod leaving;
mod limits;
mod lots;
mod manifests;
mod openings;
mod pins;
mod proposals;
mod rejection;
mod residents;
mod returns;
mod settlement;
mod spending;
mod standing;
mod suspensions;

use self::case::{Case, Outcome, admit};
use crate::cbor::Blob;
use crate::entry::{self, Accounting, Effect, Subject};
use crate::ids::Seq;
use crate::kinds::{Body, Flow};
use crate::state::Overlay;
use crate::statement::Statement;

pub use self::case::{Context, Earlier};
pub use self::earning::measured_before;
pub use self::holder::{judge_link, judge_token};
pub use self::limits::{CLOCK_AHEAD_S_MAX, HOLD_LIFE_S_MAX, PROPOSAL_LIFE_MIN, REDEEM_AGE_S_MAX};
pub use self::rejection::Rejection;

/// The earlier entry that a decision on this statement reads: what a statement undoes, or an
/// approval's proposal would.
#[must_use]
pub fn earlier_of(statement: &Statement, state: &Overlay<'_>) -> Option<Seq> {
    let body = &statement.core.body;
    if let Body::Approve(approve) = body {
        let proposal = state.proposals(&approve.proposal)?;
        // Whom an action is for stands in its own entry.
        let itself = matches!(&*proposal.body, Body::Action(_)).then_some(approve.proposal);
        return itself.or_else(|| proposal.body.earlier());
    }
    body.earlier()
}

/// Decides on a statement whose form and signatures are checked and whose operation is new.
///
/// # Errors
/// A [`Rejection`]; it has no effect and is not recorded. The order of checks is that of
/// `03-rules.md`, section 1 and then the table of the kind.
pub fn decide(
    statement: &Statement,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Accounting, Rejection> {
    let case = admit(statement, state, context)?;
    manifests::check_row(&case)?;
    let outcome = match &statement.core.body {
        Body::KeyRegister(body) if case.signer.is_none() => keys::register_first_roots(body, &case),
        // A row of an approved manifest has its two persons already.
        Body::BalanceImport(body) if statement.row.is_some() => {
            openings::import_balance(body, &case)
        }
        body if body.kind().is(Flow::Proposal) => proposals::propose(body, &case),
        Body::KeyRevoke(body) => keys::revoke(body, &case),
        Body::Approve(body) => proposals::approve(body, &case),
        Body::AccountOpen(body) => residents::open_account(body, &case),
        Body::AccountFacts(body) => residents::set_facts(body, &case),
        Body::AccountStatus(body) => standing::set_status(body, &case),
        Body::Expire(body) => corrections::expire(body, &case),
        Body::DeviceEnrol(body) => residents::enrol_device(body, &case),
        Body::AccountClose(body) => leaving::close(body, &case),
        Body::DeviceRevoke(body) => residents::revoke_device(body, &case),
        Body::Suspend(body) => suspensions::suspend(body, &case),
        Body::LinkGrant(body) => residents::grant_link(body, &case),
        Body::LinkRevoke(body) => residents::revoke_link(body, &case),
        Body::CardIssue(body) => residents::issue_card(body, &case),
        Body::CardRevoke(body) => residents::revoke_card(body, &case),
        Body::CardPin(body) => pins::set(body, &case),
        Body::Action(body) => earning::judge_action(body, &case),
        Body::Redeem(body) => spending::redeem(body, &case),
        Body::Void(body) => returns::void(body, &case),
        Body::Hold(body) => holds::hold(body, &case),
        Body::Capture(body) => holds::capture(body, &case),
        Body::Release(body) if context.earlier.is_some_and(|earlier| is_claim(earlier.entry)) => {
            catalogue::release(body, &case)
        }
        Body::Release(body) => holds::release(body, &case),
        Body::RewardClaim(body) => catalogue::claim(body, &case),
        Body::RewardUse(body) => catalogue::use_voucher(body, &case),
        Body::RewardCancel(body) => catalogue::cancel(body, &case),
        Body::RewardRebind(body) => catalogue::rebind(body, &case),
        Body::DrawCommit(body) => draws::commit(body, &case),
        Body::DrawResult(body) => draws::conclude(body, &case),
        Body::DayClose(body) => days::close(body, &case),
        Body::SettlementClose(body) => settlement::close(body, &case),
        Body::SettlementPaid(body) => settlement::pay(body, &case),
        Body::Manifest(body) => manifests::open(body, &case),
        Body::ManifestDone(body) => manifests::close(body, &case),
        // Proposals, which are above, and kinds of which the form alone is settled.
        Body::ProgrammePublish(_)
        | Body::BudgetAllocate(_)
        | Body::KeyRegister(_)
        | Body::Refund(_)
        | Body::ActionWithdraw(_)
        | Body::Adjust(_)
        | Body::LotExtend(_)
        | Body::CataloguePublish(_)
        | Body::BalanceImport(_)
        | Body::AccountErase(_)
        | Body::ShopAccount(_)
        | Body::OpeningBudget(_)
        | Body::AccountJoin(_)
        | Body::JoinComplete(_)
        | Body::LedgerContinue(_)
        | Body::WaitingRelease(_)
        | Body::WaitingGrant(_)
        | Body::Resume(_)
        | Body::EntryDispute(_)
        | Body::DisputeAnswer(_)
        | Body::AuditStatement(_) => Err(Rejection::KindNotInForce),
    }?;
    leaving::check_subject(outcome.account, &case)?;
    Ok(record(outcome, &case))
}

/// Whether an entry claims a reward: releasing it ends a voucher, not a hold.
fn is_claim(entry: &Accounting) -> bool {
    entry.effects.iter().any(|effect| matches!(effect, Effect::RewardClaimed { .. }))
}

/// Puts an outcome into the form that the log keeps. Nothing can fail any more.
fn record(outcome: Outcome, case: &Case<'_>) -> Accounting {
    let subject = outcome.account.map(|account| {
        let row = case.state.accounts(&account);
        Subject {
            account,
            account_seq: row.map_or(0, |row| row.entries),
            previous: row.and_then(|row| row.last),
        }
    });
    // A resident's exact time stays in the erasable part, except where money moves at a till. A
    // proposal is staff's, and lapses to the minute.
    let at_till = case.statement.core.body.kind().is(Flow::ExactMinute);
    let proposes = |effect: &Effect| matches!(effect, Effect::Proposed { .. });
    let exact = subject.is_none() || at_till || outcome.effects.iter().any(proposes);
    let accepted_min = if exact { case.now_min() } else { case.today().start_ms() / 60_000 };
    Accounting {
        version: entry::VERSION,
        seq: case.state.next_seq(),
        accepted_min,
        statement: Blob(case.statement.bytes.clone()),
        subject,
        effects: outcome.effects,
    }
}
