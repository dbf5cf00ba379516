//! The deadlines of holds and vouchers.

use std::collections::BTreeSet;

use ledger_spec::entry::Effect;
use ledger_spec::ids::Seq;
use ledger_spec::state::State;

/// Every open hold, by deadline.
pub(super) fn open_holds(state: &State) -> BTreeSet<(u64, Seq)> {
    let holds = state.accounts.values().flat_map(|account| &account.holds);
    holds.map(|hold| (hold.until_s, hold.seq)).collect()
}

/// The deadline of a hold or voucher that an effect opens, in Unix seconds.
pub(super) fn until_s(effect: &Effect) -> Option<u64> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "two effects open one")]
    match effect {
        Effect::HoldOpened { until_s, .. } => Some(*until_s),
        Effect::RewardClaimed { code: Some(_), until: Some(until), .. } => {
            Some(until.plus(1).start_ms() / 1_000)
        }
        _ => None,
    }
}
