//! What effects change in the row of their entry's account.

use super::checks::Broken;
use super::rewards;
use crate::caps::CapOf;
use crate::entry::{Accounting, Contra, DayTotals, Effect};
use crate::ids::LinkId;
use crate::kinds::{Purpose, Status};
use crate::points::{LotKey, Purse};
use crate::programme::{LATE_DAYS_MAX, Needs};
use crate::state::{
    Account, AccountLink, ActionKey, Aged, Closing, Counter, Facts, HeldFor, Overlay, Recent,
    Standing,
};
use crate::time::Day;

/// What an effect changes in the subject account's own row.
pub(super) fn on_account(
    account: &mut Account,
    entry: &Accounting,
    effect: &Effect,
    totals: &mut DayTotals,
    state: &Overlay<'_>,
) -> Result<(), Broken> {
    let today = entry.accepted_day();
    match effect {
        Effect::Posting { lot, points, contra } => {
            move_account(account, *lot, *points, *contra, entry, totals)?;
        }
        Effect::HoldOpened { shop, until_s } => {
            let opened = account.open_hold(entry.seq, HeldFor::Shop(*shop), *until_s);
            opened.ok_or(Broken::Unfit("hold"))?;
        }
        Effect::RewardClaimed { catalogue, item, code, until } => {
            rewards::take(account, entry, *catalogue, *item, *code, *until)?;
        }
        Effect::RewardEnded { claim, item, claimed_on, returned } => {
            rewards::give_up(account, *claim, *item, *claimed_on, *returned, state)?;
        }
        Effect::RewardRebound { claim, code } => {
            account.rebind(*claim, *code).ok_or(Broken::Unfit("voucher"))?;
        }
        Effect::HoldEnded { hold } => account.end_hold(*hold).ok_or(Broken::Unfit("hold"))?,
        Effect::ActionJudged { rule, class, purse, day, granted, reason, .. } => {
            let action = ActionKey { rule: *rule, class: *class, purse: *purse, day: *day };
            count_action(account, action, *granted, reason.counts(), entry, state)?;
            earn(account, *purse, *granted, today, totals);
        }
        Effect::ActionWithdrawn { rule, class, purse, day, granted, counted, .. } => {
            let action = ActionKey { rule: *rule, class: *class, purse: *purse, day: *day };
            uncount_action(account, action, *granted, *counted, state)?;
        }
        Effect::Undone { entry } => account.recent.retain(|kept| kept.seq != *entry),
        Effect::LotExtended { lot, until } => extend_lot(account, *lot, *until)?,
        Effect::Balance { yen, challenge } => check_balance(account, [*yen, *challenge], today)?,
        Effect::AccountClosed {} => end(account, Closing { on: today, erased: false }),
        Effect::AccountErased {} => end(account, Closing { on: today, erased: true }),
        Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::LinkGranted { .. }
        | Effect::LinkRevoked { .. } => set_known(account, effect)?,
        Effect::ActTaken { .. }
        | Effect::TokenSpent { .. }
        | Effect::CardWithoutPin { .. }
        | Effect::PinProven { .. }
        | Effect::Refunded { .. }
        | Effect::Proposed { .. }
        | Effect::Approved { .. }
        | Effect::ProgrammeInForce { .. }
        | Effect::BudgetAllocated { .. }
        | Effect::KeyRegistered { .. }
        | Effect::KeyRevoked { .. }
        | Effect::AccountOpened {}
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::PinSet { .. }
        | Effect::Suspended { .. }
        | Effect::Resumed { .. }
        | Effect::CodeUsed { .. }
        | Effect::DayClosed { .. }
        | Effect::ManifestOpened { .. }
        | Effect::ManifestClosed { .. }
        | Effect::OpeningAllocated { .. }
        | Effect::ShopAccountSet { .. }
        | Effect::Brought { .. }
        | Effect::CatalogueInForce { .. }
        | Effect::DrawCommitted { .. }
        | Effect::DrawConcluded { .. }
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. } => {}
    }
    Ok(())
}

/// Nothing is done for an account that has ended, and of who is forgotten nothing is known.
fn end(account: &mut Account, closing: Closing) {
    (account.employer, account.auto_exchange) = (None, None);
    if closing.erased {
        (account.facts, account.standing) = (None, None);
    }
    account.closing = Some(closing);
}

/// What the row knows of its person: facts, standing, links.
fn set_known(account: &mut Account, effect: &Effect) -> Result<(), Broken> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands over these alone")]
    match effect {
        Effect::FactsSet { age_tier, age_on, insurance, eligible_from, district } => {
            let age = Aged { on: *age_on, tier: *age_tier };
            let (insurance, eligible_from, district) = (*insurance, *eligible_from, *district);
            let facts = Facts { age, age_before: None, insurance, eligible_from, district };
            account.facts = Some(facts.after(account.facts));
        }
        Effect::StatusSet { status, since } => {
            let standing = Standing { status: *status, since: *since };
            account.standing = Some(standing).filter(|_| *status != Status::Active);
        }
        Effect::LinkGranted { link, purpose, until, .. } => {
            keep_link(account, *purpose, AccountLink { link: *link, until: *until });
        }
        Effect::LinkRevoked { link } => forget_link(account, *link),
        _ => return Err(Broken::Unfit("fact")),
    }
    Ok(())
}

/// Counts what was granted, if it is yen points.
fn earn(account: &mut Account, purse: Purse, granted: u32, today: Day, totals: &mut DayTotals) {
    if purse == Purse::Yen && granted > 0 {
        totals.granted += u64::from(granted);
        totals.earners += u32::from(account.earned_on != today);
        account.earned_on = today;
    }
}

/// An entry tells the balance that it leaves.
fn check_balance(account: &Account, balances: [u64; 2], today: Day) -> Result<(), Broken> {
    let found = [Purse::Yen, Purse::Challenge].map(|purse| account.available(purse, today));
    if found == balances { Ok(()) } else { Err(Broken::Unfit("balance")) }
}

/// The row keeps the links that its own rules ask for, the latest of each purpose.
fn keep_link(account: &mut Account, purpose: Purpose, granted: AccountLink) {
    match purpose {
        Purpose::Employer => account.employer = Some(granted),
        Purpose::AutoExchange => account.auto_exchange = Some(granted),
        Purpose::Steps | Purpose::Sessions | Purpose::Proxy | Purpose::Reminders => {}
    }
}

fn forget_link(account: &mut Account, link: LinkId) {
    for own in [&mut account.employer, &mut account.auto_exchange] {
        *own = own.filter(|own| own.link != link);
    }
}

/// Charges an action to the caps of its rule, and keeps it for the rules that look back.
fn count_action(
    account: &mut Account,
    action: ActionKey,
    granted: u32,
    counts: bool,
    entry: &Accounting,
    state: &Overlay<'_>,
) -> Result<(), Broken> {
    let ActionKey { rule, day, .. } = action;
    let programme = state.programme_for(day).ok_or(Broken::Unfit("programme"))?;
    let row = programme.rule(rule).ok_or(Broken::Unfit("rule"))?;
    let today = entry.accepted_day();
    // A period stays while a late action can still be charged to it, by whichever programme rules
    // for it.
    let late_days = state.late_days_max();
    account.charges.retain(|charge| charge.counter.end().plus(late_days) >= today);
    if granted > 0 {
        for (cap, per, _) in programme.caps_of(row) {
            let counter = Counter::of_action(cap, per, action);
            let charged = account.charge(counter, i64::from(granted));
            charged.ok_or(Broken::Negative("counter"))?;
        }
    }
    if !counts {
        return Ok(());
    }
    for (_, needs) in programme.derived_from(rule) {
        match needs {
            Needs::Days { per, .. } => {
                let counter = Counter::of_action(CapOf::Days, per, action);
                account.charge(counter, 1).ok_or(Broken::Negative("counter"))?;
            }
            // The earlier measurement is among the recent actions.
            Needs::Improvement { .. } => {}
        }
    }
    if programme.look_back_days(rule) > 0 {
        account.recent.retain(|kept| {
            let asked = programme.look_back_days(kept.rule) + LATE_DAYS_MAX;
            // Of a rule that nothing spaces, one action a fiscal year is enough for a gate.
            let again = kept.rule == rule
                && row.every_days.is_none()
                && kept.day.fiscal_year() == day.fiscal_year();
            kept.day.plus(asked) >= today && !again
        });
        account.recent.push(Recent { rule, day, seq: entry.seq });
    }
    Ok(())
}

fn move_account(
    account: &mut Account,
    lot: LotKey,
    points: i64,
    contra: Contra,
    entry: &Accounting,
    totals: &mut DayTotals,
) -> Result<(), Broken> {
    account.move_lot(lot, points).ok_or(Broken::Negative("lot"))?;
    match contra {
        Contra::Shop(_) => spend(account, points, entry, totals),
        Contra::Held(hold) => account.move_held(hold, lot, points).ok_or(Broken::Negative("hold")),
        Contra::Budget(_)
        | Contra::Challenge
        | Contra::Retired
        | Contra::Expired
        | Contra::Imported => Ok(()),
    }
}

/// What is left of a lot goes to the lot that lasts longer.
fn extend_lot(account: &mut Account, lot: LotKey, until: Day) -> Result<(), Broken> {
    let held = account.lots.iter().find(|held| held.key == lot);
    let points = i64::from(held.ok_or(Broken::Unfit("lot"))?.points);
    let later = LotKey { expires_on: until, ..lot };
    let moved = account.move_lot(lot, -points).and_then(|()| account.move_lot(later, points));
    moved.ok_or(Broken::Negative("lot"))
}

/// The day of the sale that an entry gives points of back.
fn refund_of(entry: &Accounting) -> Option<Day> {
    entry.effects.iter().find_map(|effect| {
        if let Effect::Refunded { sold_on, .. } = effect { Some(*sold_on) } else { None }
    })
}

/// Counts what a shop takes or gives back. A refund gives the day's room back only for a sale of
/// the same day; rewards are outside it.
fn spend(
    account: &mut Account,
    points: i64,
    entry: &Accounting,
    totals: &mut DayTotals,
) -> Result<(), Broken> {
    let (today, refund_of) = (entry.accepted_day(), refund_of(entry));
    if !entry.is_reward() && refund_of.is_none_or(|sold_on| sold_on == today) {
        let counter = Counter::of_spending(today);
        account.charge(counter, -points).ok_or(Broken::Negative("counter"))?;
    }
    if refund_of.is_some() {
        totals.refunded =
            totals.refunded.checked_add_signed(points).ok_or(Broken::Negative("day"))?;
        return Ok(());
    }
    totals.redeemed = totals.redeemed.checked_add_signed(-points).ok_or(Broken::Negative("day"))?;
    totals.spenders += u32::from(account.spent_on != today);
    account.spent_on = today;
    Ok(())
}

/// Takes a withdrawn judgement out of the counters that it was charged to, as far as their periods
/// still count.
fn uncount_action(
    account: &mut Account,
    action: ActionKey,
    granted: u32,
    counted: bool,
    state: &Overlay<'_>,
) -> Result<(), Broken> {
    let programme = state.programme_for(action.day).ok_or(Broken::Unfit("programme"))?;
    let row = programme.rule(action.rule).ok_or(Broken::Unfit("rule"))?;
    let counter = |cap, per| Counter::of_action(cap, per, action);
    let caps = programme.caps_of(row).map(|(cap, per, _)| (counter(cap, per), granted));
    let days = programme.derived_from(action.rule).filter_map(|(_, needs)| match needs {
        Needs::Days { per, .. } => Some((counter(CapOf::Days, per), u32::from(counted))),
        Needs::Improvement { .. } => None,
    });
    for (counter, points) in caps.chain(days).filter(|(_, points)| *points > 0) {
        if account.charges.iter().any(|charge| charge.counter == counter) {
            let charged = account.charge(counter, -i64::from(points));
            charged.ok_or(Broken::Negative("counter"))?;
        }
    }
    Ok(())
}
