//! Days, which are closed once they are over.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::kinds;

pub(super) fn close(body: &kinds::DayClose, case: &Case<'_>) -> Result<Outcome, Rejection> {
    if body.day >= case.today() {
        return Err(Rejection::DayNotOpen);
    }
    let Some(Some(totals)) = case.state.days(&body.day) else {
        return Err(Rejection::DayNotOpen);
    };

    // From here on the day is closed.
    let closed =
        Effect::DayClosed { day: body.day, state: case.state.state_hash(), totals: *totals };
    Outcome::without_account(vec![closed])
}
