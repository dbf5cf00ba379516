//! Settlement: what a shop took in becomes money, once a month and to the yen.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::kinds::{self, Role};

/// The settlement of a shop's month. It is a function of the log alone: the statement repeats it,
/// so that its signer vouches for the sums, and is refused where it says anything else.
pub(super) fn close(body: &kinds::SettlementClose, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let row = case.state.shops(&body.shop).ok_or(Rejection::SettlementNotDue)?;
    let due = row.settlement(body.shop, case.state.next_seq(), case.today());
    let settlement = due.ok_or(Rejection::SettlementNotDue)?;
    if settlement != *body {
        return Err(Rejection::SettlementMismatch);
    }

    // From here on the month is settled.
    Outcome::without_account(vec![Effect::ShopSettled { settlement }])
}

/// Where a shop is paid. One person alone could turn a month's transfers to an account of their
/// own, so two agree, and the registry's word counts for nothing where its hash is another.
pub(super) fn set_account(
    body: &kinds::ShopAccount,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let kinds::ShopAccount { shop, bank_account } = *body;
    let known = case.state.places(&shop).is_some_and(|place| place.role == Role::Shop);
    if !known {
        return Err(Rejection::ShopUnknown);
    }
    Outcome::without_account(vec![Effect::ShopAccountSet { shop, bank_account }])
}

/// The transfer of a settlement's yen to the shop.
pub(super) fn pay(body: &kinds::SettlementPaid, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let row = case.state.settlements(&body.settlement).filter(|row| row.yen > 0);
    let row = row.ok_or(Rejection::SettlementUnknown)?;
    if let Some(by) = row.paid {
        return Err(Rejection::SettlementPaid(by));
    }
    if body.paid_on <= row.month.last_day() || body.paid_on > case.today() {
        return Err(Rejection::SettlementDay);
    }

    // From here on the settlement is paid.
    let kinds::SettlementPaid { settlement, paid_on, .. } = *body;
    Outcome::without_account(vec![Effect::SettlementPaid { settlement, paid_on }])
}
