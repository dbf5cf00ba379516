//! Spending: points leave an account for a shop.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::consent::consent;
use super::limits::{HOLD_LIFE_S_MAX, REDEEM_AGE_S_MAX};
use super::lots::{balance_after, spend, taken};
use super::rejection::Rejection;
use super::standing::check_spending;
use crate::entry::{Contra, Effect};
use crate::ids::{AccountId, PlaceId};
use crate::kinds;
use crate::points::Purse;
use crate::state::{Account, Counter, HOLDS_MAX, Lot};
use crate::time::Day;

/// What a shop asks of a resident's points.
pub(super) struct Wish {
    pub(super) shop: PlaceId,
    pub(super) points: u32,
    /// The till's word that no patient's share is paid.
    pub(super) goods: Option<bool>,
    /// Unix seconds; the end of a hold.
    pub(super) until_s: Option<u64>,
}

/// A wish that can be met.
pub(super) struct Payment<'r> {
    account: AccountId,
    row: &'r Account,
    /// The lots in the order in which they are spent.
    lots: Vec<Lot>,
    /// What the proof of the resident's consent leaves behind.
    proof: Vec<Effect>,
}

impl Payment<'_> {
    /// The points leave their lots for this account.
    pub(super) fn postings(&self, contra: Contra) -> impl Iterator<Item = Effect> {
        taken(&self.lots, contra)
    }

    pub(super) fn outcome(
        self,
        mut effects: Vec<Effect>,
        today: Day,
    ) -> Result<Outcome, Rejection> {
        effects.extend(self.proof);
        effects.push(balance_after(self.row, &effects, today));
        Outcome::on(self.account, effects)
    }
}

pub(super) fn redeem(body: &kinds::Redeem, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let (points, goods) = (body.points.get(), body.goods);
    let wish = Wish { shop: body.shop, points, goods, until_s: None };
    let payment = judge(&wish, case)?;
    let effects = payment.postings(Contra::Shop(body.shop)).collect();
    payment.outcome(effects, case.today())
}

/// Every check of a redemption or hold.
pub(super) fn judge<'a>(wish: &Wish, case: &Case<'a>) -> Result<Payment<'a>, Rejection> {
    let terminal = case.actor()?;
    let (points, today) = (wish.points, case.today());
    if terminal.place != Some(wish.shop) {
        return Err(Rejection::OtherShop);
    }
    let programme = case.programme_on(today)?;
    let performed_at_s = case.disclosure()?.performed_at_s;
    if performed_at_s.abs_diff(case.now_s()) > REDEEM_AGE_S_MAX {
        return Err(Rejection::ActNotRecent);
    }
    // No ledger sees a bill. What it can do is take nothing there without the terminal's signed
    // word.
    let medical = programme.insured_medical.contains(&wish.shop);
    if wish.goods != medical.then_some(true) {
        return Err(if medical { Rejection::PatientsShare } else { Rejection::NotMedical });
    }
    let limits = programme.redeem;
    if points < limits.min {
        return Err(Rejection::BelowMinimum(limits.min));
    }
    if points > limits.max_transaction {
        return Err(Rejection::AboveMaximum(limits.max_transaction));
    }
    let life_s = |until_s: u64| until_s.checked_sub(case.now_s());
    if wish.until_s.is_some_and(|until_s| !matches!(life_s(until_s), Some(1..=HOLD_LIFE_S_MAX))) {
        return Err(Rejection::HoldDeadline);
    }
    let consent = consent(case)?;
    consent.check_points(Some(wish.shop), points, limits.fast_lane_max)?;
    let account = case.account(consent.account())?;
    check_spending(account, today)?;
    if wish.until_s.is_some() && account.shop_holds().count() >= HOLDS_MAX {
        return Err(Rejection::HoldsLimit);
    }
    let charged = account.charged(&Counter::of_spending(today));
    let spent = u64::from(charged) + account.held() + u64::from(points);
    if spent > u64::from(limits.max_day) {
        return Err(Rejection::DayLimit(limits.max_day));
    }
    consent.check_day(points, spent, limits, case)?;
    if let Some(gate) = account.closed_gate(programme, today) {
        return Err(Rejection::GateClosed(gate.rule));
    }
    if account.available(Purse::Yen, today) < u64::from(points) {
        return Err(Rejection::InsufficientPoints);
    }

    // From here on the points are spent.
    let proof = vec![consent.effect(case.statement.kid, points)];
    let lots = spend(account, programme, Purse::Yen, points, today);
    Ok(Payment { account: consent.account(), row: account, lots, proof })
}
