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
    match effect {
        Effect::HoldOpened { until_s, .. } => Some(*until_s),
        // Of a claim only a voucher keeps points: it alone has both a secret and a last day.
        Effect::RewardClaimed { code, until, .. } => {
            code.and(*until).map(|until| until.plus(1).start_ms() / 1_000)
        }
        Effect::Posting { .. }
        | Effect::ActionJudged { .. }
        | Effect::ActTaken { .. }
        | Effect::TokenSpent { .. }
        | Effect::Balance { .. }
        | Effect::Undone { .. }
        | Effect::Proposed { .. }
        | Effect::Approved { .. }
        | Effect::ProgrammeInForce { .. }
        | Effect::BudgetAllocated { .. }
        | Effect::KeyRegistered { .. }
        | Effect::KeyRevoked { .. }
        | Effect::AccountOpened {}
        | Effect::FactsSet { .. }
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::CodeUsed { .. }
        | Effect::DayClosed { .. }
        | Effect::ManifestOpened { .. }
        | Effect::ManifestClosed { .. }
        | Effect::LinkGranted { .. }
        | Effect::LinkRevoked { .. }
        | Effect::HoldEnded { .. }
        | Effect::Refunded { .. }
        | Effect::CardWithoutPin { .. }
        | Effect::PinProven { .. }
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. }
        | Effect::CatalogueInForce { .. }
        | Effect::RewardEnded { .. }
        | Effect::DrawCommitted { .. }
        | Effect::DrawConcluded { .. }
        | Effect::OpeningAllocated { .. }
        | Effect::Brought { .. }
        | Effect::PinSet { .. } => None,
    }
}
