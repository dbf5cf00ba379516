//! Whose records are read, by whom, and how far back.

use ledger_spec::ids::AccountId;

/// The most entries that one answer looks at for a narrowed history.
pub const HISTORY_LOOKED_AT_MAX: usize = 1_000;

/// Whose records are read, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By the person's own phone.
    Own(AccountId),
    /// By a phone of the family: groups for exact actions, and nothing that was measured.
    Family(AccountId),
}

impl Access {
    /// The account.
    #[must_use]
    pub fn account(self) -> AccountId {
        match self {
            Self::Own(account) | Self::Family(account) => account,
        }
    }
}
