//! The deadlines of holds and vouchers.

use std::collections::BTreeSet;

use ledger_spec::ids::Seq;
use ledger_spec::state::State;

/// The open holds and vouchers of these accounts, by deadline.
pub(super) fn open_holds(state: &State) -> BTreeSet<(u64, Seq)> {
    let holds = state.accounts.values().flat_map(|account| &account.holds);
    holds.map(|hold| (hold.until_s, hold.seq)).collect()
}
