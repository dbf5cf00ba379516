//! The rules: what a statement does to the ledger, or why it does nothing.
//!
//! [`decide`] is pure. Every arm first checks everything, in the order that the tests pin, and
//! marks the point after which nothing can fail. State changes only when [`crate::apply::apply`]
//! takes the effects over.

mod catalogue;
mod city;
mod corrections;
mod draws;
mod earning;
mod holder;
mod holds;
mod log;
mod rejection;
mod residents;
mod returns;
mod settlement;
mod spending;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::cbor::Blob;
use crate::entry::{self, Accounting, Contra, Effect, Subject};
use crate::ids::{AccountId, Seq};
use crate::kinds::{Body, Kind, Role};
use crate::manifest::TWO_PERSON_ROW_KINDS;
use crate::points::Purse;
use crate::programme::Programme;
use crate::state::{Account, Actor, Lot, Overlay, Signer};
use crate::statement::{Disclosure, NOT_AFTER_S_MAX, Statement, Values};
use crate::time::Day;

pub use self::city::PROPOSAL_LIFE_MIN;
pub use self::earning::measured_before;
pub use self::holder::{judge_link, judge_token};
pub use self::holds::HOLD_LIFE_S_MAX;
pub use self::rejection::Rejection;

/// The act of a redemption lies within so many seconds of the ledger's clock, before or after.
pub const REDEEM_AGE_S_MAX: u64 = 300;
/// The kinds that a resident's phone signs.
pub const DEVICE_KINDS: [Kind; 5] =
    [Kind::DeviceEnrol, Kind::Action, Kind::RewardClaim, Kind::LinkGrant, Kind::LinkRevoke];
/// An act may lie so many seconds ahead of the ledger's clock.
pub const CLOCK_AHEAD_S_MAX: u64 = 120;

/// What a decision reads besides statement and rows.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The batch's time, Unix milliseconds.
    pub now_ms: u64,
    /// The ledger's secret for natural keys. An auditor without it cannot recompute them.
    pub pepper: &'a [u8; 32],
    /// The entry that [`earlier_of`] names, fetched beforehand.
    pub earlier: Option<&'a Accounting>,
    /// The values of the entry that [`measured_before`] names, fetched beforehand; `None` where its
    /// sealed part is gone.
    pub measured: Option<Values>,
}

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

impl Context<'_> {
    fn now_s(&self) -> u64 {
        self.now_ms / 1_000
    }
    fn now_min(&self) -> u64 {
        self.now_ms / 60_000
    }
    fn today(&self) -> Day {
        Day::of_ms(self.now_ms)
    }
}

/// What an accepted statement does.
struct Outcome {
    account: Option<AccountId>,
    effects: Vec<Effect>,
}

impl Outcome {
    fn on(account: AccountId, effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: Some(account), effects })
    }
    fn without_account(effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: None, effects })
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
            city::register_first_roots(body, state, context)
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
        | Body::BalanceImport(_) => city::propose(&statement.core.body, signer, state, context),
        Body::KeyRevoke(body) => city::revoke_key(body, signer, state, context),
        Body::Approve(body) => city::approve(body, statement, signer, state, context),
        Body::AccountOpen(body) => residents::open_account(body, state),
        Body::AccountFacts(body) => residents::set_facts(body, state),
        Body::AccountStatus(body) => corrections::set_status(body, state),
        Body::Expire(body) => corrections::expire(body, state, context),
        Body::DeviceEnrol(body) => residents::enrol_device(body, statement, signer, state, context),
        Body::LinkGrant(body) => residents::grant_link(body, statement, signer, state, context),
        Body::LinkRevoke(body) => residents::revoke_link(body, signer, state),
        Body::CardIssue(body) => residents::issue_card(body, state, context),
        Body::CardRevoke(body) => residents::revoke_card(body, state),
        Body::Action(body) => earning::judge_action(body, statement, signer, state, context),
        Body::Redeem(body) => spending::redeem(body, statement, signer, state, context),
        Body::Void(body) => returns::void(body, signer, state, context),
        Body::Hold(body) => spending::hold(body, statement, signer, state, context),
        Body::Capture(body) => holds::capture(body, signer, state, context),
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

/// The lots give their points to a contra account.
fn taken(lots: &[Lot], contra: Contra) -> impl Iterator<Item = Effect> {
    let taken = |lot: &Lot| (lot.key, -i64::from(lot.points));
    lots.iter().map(taken).map(move |(lot, points)| Effect::Posting { lot, points, contra })
}

/// The lots get their points back from a contra account.
fn given_back(lots: &[Lot], contra: Contra) -> impl Iterator<Item = Effect> {
    let back = |lot: &Lot| (lot.key, i64::from(lot.points));
    lots.iter().map(back).map(move |(lot, points)| Effect::Posting { lot, points, contra })
}

/// What can be spent once the postings of these effects are in the lots. An expired lot counts on
/// neither side.
fn balance_after(account: &Account, effects: &[Effect], today: Day) -> Effect {
    let after = |purse| {
        let moved = effects.iter().filter_map(|effect| {
            let Effect::Posting { lot, points, .. } = effect else { return None };
            Some((lot, *points))
        });
        let live = moved.filter(|(lot, _)| lot.purse == purse && lot.expires_on >= today);
        account.available(purse, today).saturating_add_signed(live.map(|(_, points)| points).sum())
    };
    Effect::Balance { yen: after(Purse::Yen), challenge: after(Purse::Challenge) }
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

/// Who may sign a kind. Devices are listed apart, because no role is registered for them.
#[must_use]
pub fn roles_for(kind: Kind) -> &'static [Role] {
    use Role::{Auditor, Coach, Kiosk, Partner, Registry, Root, Shop, Staff, Station, System};
    match kind {
        Kind::ProgrammePublish
        | Kind::BudgetAllocate
        | Kind::KeyRegister
        | Kind::KeyRevoke
        | Kind::Approve
        | Kind::CataloguePublish
        | Kind::ActionWithdraw
        | Kind::Refund
        | Kind::Adjust
        | Kind::LotExtend
        | Kind::BalanceImport
        | Kind::DrawCommit
        | Kind::DrawResult
        | Kind::SettlementPaid => &[Root, Staff],
        Kind::AccountOpen | Kind::AccountClose => &[Staff, Kiosk, Registry],
        Kind::AccountFacts | Kind::AccountStatus | Kind::AccountErase => &[Staff, Registry],
        Kind::DeviceEnrol
        | Kind::DeviceRevoke
        | Kind::CardIssue
        | Kind::CardRevoke
        | Kind::LinkGrant
        | Kind::LinkRevoke => &[Staff, Kiosk],
        Kind::Action => &[Staff, Registry, Station, Coach, Kiosk, Partner],
        Kind::Redeem | Kind::Void | Kind::Hold | Kind::Capture | Kind::RewardUse => &[Shop],
        Kind::Release => &[Shop, System],
        Kind::RewardClaim => &[Shop, Staff, Kiosk, System],
        Kind::RewardCancel => &[Shop, Root, Staff],
        Kind::Expire | Kind::DayClose | Kind::SettlementClose | Kind::ManifestDone => &[System],
        Kind::AuditStatement => &[Auditor],
        Kind::Manifest => &[Registry, Partner, Coach, Station, Staff],
    }
}

/// Role, revocation and window. `None` is a statement that brings its own key.
fn admit<'r>(
    statement: &Statement,
    state: &'r Overlay<'_>,
    context: &Context<'_>,
) -> Result<Option<&'r Signer>, Rejection> {
    let kind = statement.core.body.kind();
    let key = state.keys(&statement.kid);
    let permitted = match key.map(|key| &key.signer) {
        Some(Signer::Actor(actor)) => roles_for(kind).contains(&actor.role),
        Some(Signer::Device(_)) => DEVICE_KINDS.contains(&kind),
        None => matches!(kind, Kind::DeviceEnrol | Kind::KeyRegister),
    };
    if !permitted {
        let unknown = key.is_none();
        return Err(if unknown { Rejection::KeyUnknown } else { Rejection::RoleNotPermitted });
    }
    if key.is_some_and(|key| key.revoked.is_some()) {
        return Err(Rejection::KeyRevoked);
    }
    let (day, today) = (statement.core.day, context.today());
    // An action's own day is judged by its programme, a row that waited for approval by that; every
    // other statement is sent soon after it is signed.
    let waited = statement.row.is_some() && TWO_PERSON_ROW_KINDS.contains(&kind);
    if kind != Kind::Action && !waited && day < today.minus(1) {
        return Err(Rejection::DayTooOld);
    }
    if day > today.plus(u32::from(kind != Kind::Action)) {
        return Err(Rejection::ClockAhead);
    }
    if let Some(not_after_s) = statement.core.not_after_s {
        if context.now_s() > not_after_s {
            return Err(Rejection::DeadlinePassed);
        }
        if not_after_s > context.now_s() + NOT_AFTER_S_MAX {
            return Err(Rejection::DeadlineTooFar);
        }
    }
    Ok(key.map(|key| &key.signer))
}

fn actor(signer: Option<&Signer>) -> Result<&Actor, Rejection> {
    match signer {
        Some(Signer::Actor(actor)) => Ok(actor),
        Some(Signer::Device(_)) => Err(Rejection::RoleNotPermitted),
        None => Err(Rejection::KeyUnknown),
    }
}

fn disclosure_of(statement: &Statement) -> Result<&Disclosure, Rejection> {
    statement
        .disclosure
        .as_ref()
        .map(|(disclosure, _)| disclosure)
        .ok_or(Rejection::DisclosureMismatch)
}

/// The programme in force on a day, which the signer must have named.
fn programme_of<'r>(
    statement: &Statement,
    day: Day,
    state: &'r Overlay<'_>,
) -> Result<&'r Arc<Programme>, Rejection> {
    let programme = state.programme_for(day).ok_or(Rejection::ProgrammeMissing)?;
    if statement.core.programme != Some(programme.version) {
        return Err(Rejection::ProgrammeVersion(programme.version));
    }
    Ok(programme)
}
