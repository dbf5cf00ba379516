//! Spending: points leave an account for a shop, and come back.

use alloc::vec::Vec;

use super::holder::token_of;
use super::{
    Context, Outcome, REDEEM_AGE_S_MAX, Rejection, actor, corrections, disclosure_of, programme_of,
};
use crate::entry::{Contra, Effect};
use crate::kinds::{self, Body};
use crate::points::{LotKey, Purse};
use crate::programme::Programme;
use crate::rows::{Account, Counter, Overlay, Signer};
use crate::statement::{self, Statement};
use crate::time::Day;

pub(super) fn redeem(
    body: &kinds::Redeem,
    statement: &Statement,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let terminal = actor(signer)?;
    let (points, today) = (body.points.get(), context.today());
    if terminal.place != Some(body.shop) {
        return Err(Rejection::OtherShop);
    }
    let programme = programme_of(statement, today, rows)?;
    let performed_at_s = disclosure_of(statement)?.performed_at_s;
    if performed_at_s.abs_diff(context.now_s()) > REDEEM_AGE_S_MAX {
        return Err(Rejection::DisclosureMismatch);
    }
    let limits = programme.redeem;
    if points < limits.min {
        return Err(Rejection::BelowMinimum(limits.min));
    }
    if points > limits.max_transaction {
        return Err(Rejection::AboveMaximum(limits.max_transaction));
    }
    let (token, device) = token_of(statement, rows, context.now_s())?;
    if points > token.max_points {
        return Err(Rejection::TokenCap);
    }
    let account = rows.accounts(&device.account).ok_or(Rejection::AccountUnknown)?;
    corrections::check_spending(account, today)?;
    let spent = account.charged(&Counter::of_spending(today)).saturating_add(points);
    if spent > limits.max_day {
        return Err(Rejection::DayLimit(limits.max_day));
    }
    // By whole days, at least 24 hours: the minute of an enrolment is not kept.
    let fresh = today <= device.since.plus(1);
    if fresh && spent > limits.fresh_device_max_day {
        return Err(Rejection::FreshDeviceLimit(limits.fresh_device_max_day));
    }
    if let Some(gate) = account.closed_gate(programme, today) {
        return Err(Rejection::GateClosed(gate.rule));
    }
    if account.available(Purse::Yen, today) < u64::from(points) {
        return Err(Rejection::InsufficientPoints);
    }

    // From here on the redemption is accepted.
    let mut effects = spend(account, programme, points, today)
        .map(|(lot, points)| Effect::Posting { lot, points, contra: Contra::Shop(body.shop) })
        .collect::<Vec<_>>();
    effects.push(Effect::TokenSpent { nonce: token.nonce, exp_s: token.exp_s });
    effects.push(balance_after(account, today, |_| 0, u64::from(points)));
    Outcome::on(device.account, effects)
}

/// Takes points from the lots that expire first, and among those in the programme's order of funds.
fn spend(
    account: &Account,
    programme: &Programme,
    points: u32,
    today: Day,
) -> impl Iterator<Item = (LotKey, i64)> {
    let mut lots = account.lots.clone();
    lots.retain(|lot| lot.key.purse == Purse::Yen && lot.key.expires_on >= today);
    let order = |fund| programme.funds.iter().position(|known| *known == fund);
    lots.sort_by_key(|lot| {
        (lot.key.expires_on, order(lot.key.fund).unwrap_or(usize::MAX), lot.key.fund)
    });
    let mut left = points;
    lots.into_iter().map_while(move |lot| {
        let taken = lot.points.min(left);
        left -= taken;
        (taken > 0).then(|| (lot.key, -i64::from(taken)))
    })
}

pub(super) fn balance_after(
    account: &Account,
    today: Day,
    gained: impl Fn(Purse) -> u64,
    spent_yen: u64,
) -> Effect {
    Effect::Balance {
        yen: account.available(Purse::Yen, today) + gained(Purse::Yen) - spent_yen,
        challenge: account.available(Purse::Challenge, today) + gained(Purse::Challenge),
    }
}

pub(super) fn void(
    body: &kinds::Void,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let terminal = actor(signer)?;
    let earlier = context.earlier.filter(|earlier| earlier.seq == body.entry);
    let earlier = earlier.ok_or(Rejection::EntryUnknown)?;
    let redeemed = statement::kept(&earlier.statement.0).map_err(|_| Rejection::EntryUnknown)?;
    let (Body::Redeem(redeemed), Some(link)) = (&redeemed.core.body, earlier.link) else {
        return Err(Rejection::NotARedemption);
    };
    if terminal.place != Some(redeemed.shop) {
        return Err(Rejection::OtherShop);
    }
    if let Some(by) = rows.undone(&body.entry) {
        return Err(Rejection::AlreadyUndone(*by));
    }
    let today = context.today();
    if earlier.accepted_day() != today {
        return Err(Rejection::VoidClosed);
    }
    let account = rows.accounts(&link.account).ok_or(Rejection::AccountUnknown)?;

    // From here on the redemption is undone: back to the same lots, in reverse.
    let mut effects: Vec<Effect> = earlier
        .postings()
        .map(|(lot, points, contra)| Effect::Posting { lot, points: -points, contra })
        .collect();
    effects.reverse();
    effects.push(Effect::Undone { entry: body.entry });
    let back = u64::from(redeemed.points.get());
    effects.push(balance_after(account, today, |p| if p == Purse::Yen { back } else { 0 }, 0));
    Outcome::on(link.account, effects)
}
