//! The read side: what residents, shops and everyone may see, out of the engine's state and log.
//! Nothing here writes.

use ledger_spec::ids::{AccountId, Kid};
use ledger_spec::state::Signer;
use ledger_spec::time::Day;

use crate::engine::{Engine, EngineError};

mod balance;
pub mod budgets;
pub mod draws;
mod figures;
mod history;
pub mod links;
pub mod participation;
mod pay_code;
pub mod reminders;
pub mod rewards;
pub mod settlements;
mod shop_day;

pub use balance::{Balance, HoldLine, LotJson, LotLine, WaitsFor, balance};
pub use figures::{CLOSED_DAYS_MAX, ClosedDay, ClosedTotals, Figures, closed_days, figures};
pub use history::{
    AlsoJson, Filter, HISTORY_ENTRIES_MAX, HISTORY_LOOKED_AT_MAX, History, HistoryLine, ReasonJson,
    ValuesJson, history, reason_for_signer, reason_of,
};
pub use pay_code::{TokenState, token_state};
pub use shop_day::{SHOP_LINES_MAX, ShopDay, ShopDays, ShopLine};

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

/// A phone that was enrolled for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its key.
    pub kid: Kid,
    /// The day of its enrolment.
    pub since: Day,
    /// Whether it has been stopped.
    pub revoked: bool,
}

/// Every phone that an account ever had, the latest first. Reads all keys of the ledger: for one
/// page, not for each call.
///
/// # Errors
/// [`EngineError`]
pub fn phones(engine: &Engine, account: AccountId) -> Result<Vec<Phone>, EngineError> {
    let state = engine.state()?;
    let mut found: Vec<_> = state
        .keys
        .iter()
        .filter_map(|(kid, key)| match &key.signer {
            Signer::Device(device) if device.account == account => {
                let phone =
                    Phone { kid: *kid, since: device.since, revoked: key.revoked.is_some() };
                Some((key.registered, phone))
            }
            Signer::Device(_) | Signer::Actor(_) => None,
        })
        .collect();
    found.sort_by_key(|(registered, _)| std::cmp::Reverse(*registered));
    Ok(found.into_iter().map(|(_, phone)| phone).collect())
}
