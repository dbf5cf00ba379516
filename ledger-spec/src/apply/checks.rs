//! What every effect must fit, and the entry it ends.

use thiserror::Error;

use crate::entry::Accounting;
use crate::ids::{AccountId, Seq};
use crate::state::Overlay;

/// An entry contradicts the state: the log was not made by these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// The entry's seq or time does not follow its predecessor's, or its version is another.
    #[error("entry out of order")]
    Order,
    /// The account's own chain has a gap or a double.
    #[error("the account's chain of entries is broken")]
    Chain,
    /// A lot, a budget or a shop would fall below zero.
    #[error("{0} would fall below zero")]
    Negative(&'static str),
    /// An effect does not fit the state: what it names is not there, is there already, or is not
    /// what it says.
    #[error("the effect on {0} does not fit the state")]
    Unfit(&'static str),
}

pub(super) fn unseen(fresh: bool, what: &'static str) -> Result<(), Broken> {
    if fresh { Ok(()) } else { Err(Broken::Unfit(what)) }
}

pub(super) fn subject_of(entry: &Accounting) -> Result<AccountId, Broken> {
    entry.subject.map(|subject| subject.account).ok_or(Broken::Unfit("account"))
}

pub(super) fn undo(ended: Seq, by: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let fresh = state.undone(&ended).is_none() && state.refunded(&ended).is_none();
    unseen(fresh, "undone entry")?;
    state.top().undone.insert(ended, by);
    Ok(())
}
