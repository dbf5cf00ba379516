//! The standing of an account: who sets it, and what it leaves the resident.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::kinds::{self, Status};
use crate::state::Account;
use crate::time::Day;

/// Changes an account's standing. One person does it, because a death or a theft cannot wait; what
/// is done so can be undone in the same way.
pub(super) fn set_status(
    body: &kinds::AccountStatus,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    case.account(body.account)?;
    let kinds::AccountStatus { account, status, since, .. } = *body;
    Outcome::on(account, vec![Effect::StatusSet { status, since }])
}

/// The standing that leaves an action of `day` without points: any while the account is suspended
/// today, otherwise what the person was on the action's own day.
pub(super) fn bars_earning(account: &Account, today: Day, day: Day) -> Option<Status> {
    match account.standing_on(today)? {
        Status::Frozen => Some(Status::Frozen),
        Status::Active | Status::MovedOut | Status::Deceased => account.standing_on(day),
    }
}

/// Whether an account may spend today: whoever moved out still can.
pub(super) fn check_spending(account: &Account, today: Day) -> Result<(), Rejection> {
    match account.standing_on(today) {
        Some(Status::Frozen) => Err(Rejection::AccountFrozen),
        Some(Status::Deceased) => Err(Rejection::AccountEnded),
        Some(Status::Active | Status::MovedOut) | None => Ok(()),
    }
}
