//! What a shop took comes back: the same day by the shop itself, later by two persons of the staff.

use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::lots::{balance_after, first_points, given_back, without_first};
use super::rejection::Rejection;
use crate::entry::{Contra, Effect};
use crate::ids::{AccountId, PlaceId, Seq};
use crate::kinds;
use crate::points::LotKey;
use crate::state::Lot;
use crate::time::Day;

/// Points that an entry, a redemption or a capture, moved to a shop.
struct Sale {
    account: AccountId,
    shop: PlaceId,
    day: Day,
    /// The lots in the order in which they were spent.
    lots: Vec<Lot>,
}

impl Sale {
    fn of(seq: Seq, case: &Case<'_>) -> Result<Self, Rejection> {
        let earlier = case.earlier(seq)?.entry;
        // A reward is no sale: a voucher that was used has ended, and what was given away is with
        // others.
        if earlier.is_reward() {
            return Err(Rejection::NotARedemption);
        }
        let mut sale = None;
        let mut lots = Vec::new();
        for (key, moved, contra) in earlier.postings() {
            if let (Contra::Shop(shop), true) = (contra, moved.is_negative()) {
                let points =
                    u32::try_from(moved.unsigned_abs()).map_err(|_| Rejection::EntryUnknown)?;
                sale = Some(shop);
                lots.push(Lot { key, points });
            }
        }
        match (earlier.subject, sale) {
            (Some(subject), Some(shop)) => {
                Ok(Self { account: subject.account, shop, day: earlier.accepted_day(), lots })
            }
            (None, _) | (_, None) => Err(Rejection::NotARedemption),
        }
    }

    fn points(&self) -> u32 {
        self.lots.iter().map(|lot| lot.points).sum()
    }

    /// Points go back to these lots.
    fn back(&self, lots: &[Lot]) -> Vec<Effect> {
        given_back(lots, Contra::Shop(self.shop)).collect()
    }
}

pub(super) fn void(body: &kinds::Void, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let terminal = case.actor()?;
    let sale = Sale::of(body.entry, case)?;
    if terminal.place != Some(sale.shop) {
        return Err(Rejection::OtherShop);
    }
    check_whole(body.entry, case)?;
    if let Some(refunded) = case.state.refunded(&body.entry) {
        return Err(Rejection::AlreadyUndone(refunded.last));
    }
    let today = case.today();
    if sale.day != today {
        return Err(Rejection::VoidClosed);
    }
    let account = case.account(sale.account)?;

    // From here on the sale is undone: back to the same lots, in reverse.
    let reversed: Vec<Lot> = sale.lots.iter().rev().copied().collect();
    let mut effects = sale.back(&reversed);
    effects.push(Effect::Undone { entry: body.entry });
    effects.push(balance_after(account, &effects, today));
    Outcome::on(sale.account, effects)
}

fn check_whole(sale: Seq, case: &Case<'_>) -> Result<(), Rejection> {
    case.state.undone(&sale).map_or(Ok(()), |by| Err(Rejection::AlreadyUndone(*by)))
}

/// What a refund does once two persons agree.
pub(super) fn refund(body: &kinds::Refund, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let sale = Sale::of(body.entry, case)?;
    check_whole(body.entry, case)?;
    let today = case.today();
    let limits = case.state.programme_for(today).ok_or(Rejection::ProgrammeMissing)?.redeem;
    if today > sale.day.plus(limits.refund_days) {
        return Err(Rejection::RefundClosed(limits.refund_days));
    }
    let (points, before) =
        (body.points.get(), case.state.refunded(&body.entry).map_or(0, |row| row.points));
    let left = sale.points().saturating_sub(before);
    if points > left {
        return Err(Rejection::RefundExceeds(left));
    }
    let account = case.account(sale.account)?;

    // From here on the points come back: what was spent last first, after what came back before.
    let reversed: Vec<Lot> = sale.lots.iter().rev().copied().collect();
    let rest = without_first(&reversed, before);
    let grace = month_end(today.plus(limits.refund_grace_days));
    // What expired since is given a lot of the same fund that can still be spent.
    let alive = |lot: Lot| {
        let expires_on = if lot.key.expires_on < today { grace } else { lot.key.expires_on };
        Lot { key: LotKey { expires_on, ..lot.key }, ..lot }
    };
    let back: Vec<Lot> = first_points(&rest, points).into_iter().map(alive).collect();
    let mut effects = sale.back(&back);
    effects.push(Effect::Refunded { entry: body.entry, sold_on: sale.day, points });
    effects.push(balance_after(account, &effects, today));
    Outcome::on(sale.account, effects)
}

fn month_end(day: Day) -> Day {
    day.month_start().plus(31).month_start().minus(1)
}
