//! The rules: what a statement does to the ledger, or why it does nothing.
//!
//! [`decide`] is pure. Every arm first checks everything, in the order that the tests pin, and
//! marks the point after which nothing can fail. State changes only when [`crate::apply::apply`]
//! takes the effects over.

mod case;
mod catalogue;
mod consent;
mod corrections;
mod draws;
mod earning;
mod holder;
mod holds;
mod keys;
mod limits;
mod log;
mod lots;
mod proposals;
mod rejection;
mod residents;
mod returns;
mod settlement;
mod spending;
mod standing;

use self::case::{Outcome, actor, admit};
use crate::cbor::Blob;
use crate::entry::{self, Accounting, Effect, Subject};
use crate::ids::Seq;
use crate::kinds::{Body, Kind};
use crate::state::Overlay;
use crate::statement::Statement;

pub use self::case::Context;
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
        return itself.or_else(|| named_by(&proposal.body));
    }
    named_by(body)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only kinds that go on from an entry name one")]
fn named_by(body: &Body) -> Option<Seq> {
    match body {
        Body::Void(body) => Some(body.entry),
        Body::ActionWithdraw(body) => Some(body.entry),
        Body::Refund(body) => Some(body.entry),
        Body::Capture(body) => Some(body.hold),
        Body::Release(body) => Some(body.hold),
        Body::RewardUse(body) => Some(body.voucher),
        Body::RewardCancel(body) => Some(body.voucher),
        Body::DrawResult(body) => Some(body.commit),
        _ => None,
    }
}

/// Decides on a statement whose form and signatures are checked and whose operation is new.
///
/// # Errors
/// A [`Rejection`]; it has no effect and is not recorded. The order is: role, revocation, window,
/// state.
pub fn decide(
    statement: &Statement,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Accounting, Rejection> {
    let signer = admit(statement, state, context)?;
    log::check_row(statement, state)?;
    let outcome = match &statement.core.body {
        Body::KeyRegister(body) if signer.is_none() => {
            keys::register_first_roots(body, state, context)
        }
        // A row of an approved manifest has its two persons already.
        Body::BalanceImport(body) if statement.row.is_some() => {
            corrections::import_balance(body, state, context)
        }
        Body::ProgrammePublish(_)
        | Body::BudgetAllocate(_)
        | Body::KeyRegister(_)
        | Body::Refund(_)
        | Body::ActionWithdraw(_)
        | Body::Adjust(_)
        | Body::LotExtend(_)
        | Body::CataloguePublish(_)
        | Body::BalanceImport(_) => {
            proposals::propose(&statement.core.body, signer, state, context)
        }
        Body::KeyRevoke(body) => keys::revoke_key(body, signer, state, context),
        Body::Approve(body) => proposals::approve(body, statement, signer, state, context),
        Body::AccountOpen(body) => residents::open_account(body, state),
        Body::AccountFacts(body) => residents::set_facts(body, state),
        Body::AccountStatus(body) => standing::set_status(body, state),
        Body::Expire(body) => corrections::expire(body, state, context),
        Body::DeviceEnrol(body) => residents::enrol_device(body, statement, signer, state, context),
        Body::LinkGrant(body) => residents::grant_link(body, statement, signer, state, context),
        Body::LinkRevoke(body) => residents::revoke_link(body, signer, state),
        Body::CardIssue(body) => residents::issue_card(body, state, context),
        Body::CardRevoke(body) => residents::revoke_card(body, state),
        Body::Action(body) => earning::judge_action(body, statement, signer, state, context),
        Body::Redeem(body) => spending::redeem(body, statement, signer, state, context),
        Body::Void(body) => returns::void(body, signer, state, context),
        Body::Hold(body) => holds::hold(body, statement, signer, state, context),
        Body::Capture(body) => holds::capture(body, signer, state, context),
        Body::Release(body) if context.earlier.is_some_and(is_claim) => {
            catalogue::release(body, signer, state, context)
        }
        Body::Release(body) => holds::release(body, signer, state, context),
        Body::RewardClaim(body) => catalogue::claim(body, statement, signer, state, context),
        Body::RewardUse(body) => catalogue::use_voucher(body, signer, state, context),
        Body::RewardCancel(body) => catalogue::cancel(body, signer, state, context),
        Body::DrawCommit(body) => draws::commit(body, state, context),
        Body::DrawResult(body) => draws::conclude(body, state, context),
        Body::DayClose(body) => log::close_day(body, state, context),
        Body::SettlementClose(body) => settlement::close(body, state, context),
        Body::SettlementPaid(body) => settlement::pay(body, state, context),
        Body::Manifest(body) => log::open(body, statement, actor(signer)?.role, context),
        Body::ManifestDone(body) => log::close(body, state),
        Body::AccountClose(_)
        | Body::AccountErase(_)
        | Body::DeviceRevoke(_)
        | Body::AuditStatement(_) => Err(Rejection::KindNotInForce),
    }?;
    Ok(record(statement, outcome, state, context))
}

/// Whether an entry claims a reward: releasing it ends a voucher, not a hold.
fn is_claim(entry: &Accounting) -> bool {
    entry.effects.iter().any(|effect| matches!(effect, Effect::RewardClaimed { .. }))
}

/// Puts an outcome into the form that the log keeps. Nothing can fail any more.
fn record(
    statement: &Statement,
    outcome: Outcome,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Accounting {
    let subject = outcome.account.map(|account| {
        let row = state.accounts(&account);
        Subject {
            account,
            account_seq: row.map_or(0, |row| row.entries),
            previous: row.and_then(|row| row.last),
        }
    });
    // A resident's exact time stays in the erasable part, except where money moves at a till. A
    // proposal is staff's, and lapses to the minute.
    let at_till = matches!(
        statement.core.body.kind(),
        Kind::Redeem | Kind::Void | Kind::Hold | Kind::Capture | Kind::Release | Kind::RewardUse
    );
    let proposes = |effect: &Effect| matches!(effect, Effect::Proposed { .. });
    let exact = subject.is_none() || at_till || outcome.effects.iter().any(proposes);
    let accepted_min = if exact { context.now_min() } else { context.today().start_ms() / 60_000 };
    Accounting {
        version: entry::VERSION,
        seq: state.next_seq(),
        accepted_min,
        statement: Blob(statement.bytes.clone()),
        subject,
        effects: outcome.effects,
    }
}
