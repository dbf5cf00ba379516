//! The read side: what residents, shops and everyone may see, out of the engine's state and log.
//! Nothing here writes. Read first: `balance::Balance`, what an account has, and
//! `history::HistoryLine`, what one entry did to it.

mod access;
mod balance;
pub mod budgets;
pub mod draws;
mod figures;
mod history;
pub mod links;
pub mod participation;
mod pay_code;
mod phones;
pub mod reminders;
pub mod rewards;
pub mod settlements;
mod shop_day;

pub use access::{Access, HISTORY_LOOKED_AT_MAX};
pub use balance::{Balance, HoldLine, LotJson, LotLine, WaitsFor, balance};
pub use figures::{CLOSED_DAYS_MAX, ClosedDay, ClosedTotals, Figures, closed_days, figures};
pub use history::{
    AlsoJson, Filter, HISTORY_ENTRIES_MAX, History, HistoryLine, ReasonJson, ValuesJson, history,
    reason_for_signer, reason_of,
};
pub use pay_code::{TokenState, token_state};
pub use phones::{Phone, phones};
pub use shop_day::{SHOP_LINES_MAX, ShopDay, ShopDays, ShopLine};
