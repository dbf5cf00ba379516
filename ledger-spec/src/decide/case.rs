//! What a decision reads, whether its statement is admitted, and what comes out.

use alloc::vec::Vec;

use super::limits::PROPOSAL_LIFE_MIN;
use super::rejection::Rejection;
use crate::entry::{Accounting, Effect};
use crate::ids::{AccountId, Hash, Seq};
use crate::kinds::{Body, Flow, Kind};
use crate::programme::Programme;
use crate::state::{Account, Actor, Overlay, Signer};
use crate::statement::{Disclosure, NOT_AFTER_S_MAX, Statement, Values};
use crate::time::Day;

/// An entry of the log that a decision goes on from, with the statement that it keeps.
#[derive(Clone, Debug)]
pub struct Earlier<'a> {
    /// Its accounting part.
    pub entry: &'a Accounting,
    /// What [`crate::kept::read`] gives of it; where it gives nothing, the log is damaged and
    /// nothing can be decided.
    pub statement: Statement,
}

/// What a decision reads besides statement and state.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The batch's time, Unix milliseconds.
    pub now_ms: u64,
    /// The ledger's secret for natural keys. An auditor without it cannot recompute them.
    pub pepper: &'a [u8; 32],
    /// The entry that [`super::earlier_of`] names, fetched beforehand.
    pub earlier: Option<&'a Earlier<'a>>,
    /// The values of the entry that [`super::measured_before`] names, fetched beforehand; `None`
    /// where its sealed part is gone.
    pub measured: Option<Values>,
}

/// One decision: what was signed, by whom, on which state, and what else is known.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) statement: &'a Statement,
    /// Whose key signed it; `None` is a statement that brings its own key.
    pub(super) signer: Option<&'a Signer>,
    pub(super) state: &'a Overlay<'a>,
    pub(super) context: &'a Context<'a>,
}

impl<'a> Case<'a> {
    /// Unix seconds.
    pub(super) fn now_s(&self) -> u64 {
        self.context.now_ms / 1_000
    }

    /// Unix minutes.
    pub(super) fn now_min(&self) -> u64 {
        self.context.now_ms / 60_000
    }

    pub(super) fn today(&self) -> Day {
        Day::of_ms(self.context.now_ms)
    }

    /// The signer, where no phone may sign.
    pub(super) fn actor(&self) -> Result<&'a Actor, Rejection> {
        match self.signer {
            Some(Signer::Actor(actor)) => Ok(actor),
            Some(Signer::Device(_)) => Err(Rejection::RoleNotPermitted),
            None => Err(Rejection::KeyUnknown),
        }
    }

    pub(super) fn disclosure(&self) -> Result<&'a Disclosure, Rejection> {
        let disclosure = self.statement.disclosure.as_ref();
        disclosure.map(|(disclosure, _)| disclosure).ok_or(Rejection::DisclosureOutOfRange)
    }

    /// The programme in force on a day, which the signer must have named.
    pub(super) fn programme_on(&self, day: Day) -> Result<&'a Programme, Rejection> {
        let programme = self.state.programme_for(day).ok_or(Rejection::ProgrammeMissing)?;
        if self.statement.core.programme != Some(programme.version) {
            return Err(Rejection::ProgrammeVersion(programme.version));
        }
        Ok(programme)
    }

    pub(super) fn account(&self, id: AccountId) -> Result<&'a Account, Rejection> {
        self.state.accounts(&id).ok_or(Rejection::AccountUnknown)
    }

    /// The earlier entry that the statement names.
    pub(super) fn earlier(&self, seq: Seq) -> Result<&'a Earlier<'a>, Rejection> {
        let earlier = self.context.earlier.filter(|earlier| earlier.entry.seq == seq);
        earlier.ok_or(Rejection::EntryUnknown)
    }

    /// The hash of what acts: of this statement, or of the proposal that it approves.
    pub(super) fn acting(&self) -> Hash {
        let body = &self.statement.core.body;
        #[expect(clippy::wildcard_enum_match_arm, reason = "an approval alone acts for another")]
        match body {
            Body::Approve(approve) => approve.statement_hash,
            _ => self.statement.hash(),
        }
    }

    /// The one effect of a proposal.
    pub(super) fn proposed(&self) -> Effect {
        Effect::Proposed { until_min: self.now_min() + PROPOSAL_LIFE_MIN }
    }
}

/// What an accepted statement does.
pub(super) struct Outcome {
    pub(super) account: Option<AccountId>,
    pub(super) effects: Vec<Effect>,
}

impl Outcome {
    pub(super) fn on(account: AccountId, effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: Some(account), effects })
    }
    pub(super) fn without_account(effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: None, effects })
    }
}

/// Opens a case. Checked are role, revocation and window.
pub(super) fn admit<'a>(
    statement: &'a Statement,
    state: &'a Overlay<'_>,
    context: &'a Context<'_>,
) -> Result<Case<'a>, Rejection> {
    let kind = statement.core.body.kind();
    let key = state.keys(&statement.kid);
    let signer = key.map(|key| &key.signer);
    let permitted = match signer {
        Some(Signer::Actor(actor)) => kind.roles().contains(&actor.role),
        Some(Signer::Device(_)) => kind.is_for_phones(),
        None => kind.brings_key(),
    };
    if !permitted {
        let unknown = key.is_none();
        return Err(if unknown { Rejection::KeyUnknown } else { Rejection::RoleNotPermitted });
    }
    if key.is_some_and(|key| key.revoked.is_some()) {
        return Err(Rejection::KeyRevoked);
    }
    if key.is_some_and(|key| key.suspended.is_some()) {
        return Err(Rejection::KeySuspended);
    }
    let case = Case { statement, signer, state, context };
    let (day, today) = (statement.core.day, case.today());
    // An action's own day is judged by its programme, a row that waited for approval by that; every
    // other statement is sent soon after it is signed.
    let waited = statement.row.is_some() && kind.is(Flow::RowByTwo);
    if kind != Kind::Action && !waited && day < today.minus(1) {
        return Err(Rejection::DayTooOld);
    }
    if day > today.plus(u32::from(kind != Kind::Action)) {
        return Err(Rejection::ClockAhead);
    }
    if let Some(not_after_s) = statement.core.not_after_s {
        if case.now_s() > not_after_s {
            return Err(Rejection::DeadlinePassed);
        }
        if not_after_s > case.now_s() + NOT_AFTER_S_MAX {
            return Err(Rejection::DeadlineTooFar);
        }
    }
    Ok(case)
}
