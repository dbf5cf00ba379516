//! Corrections: actions taken back, lots adjusted, extended, brought and expired.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::limits::LOT_YEARS_MAX;
use super::lots::balance_after;
use super::rejection::Rejection;
use crate::entry::{Contra, Effect};
use crate::kinds;
use crate::points::{Fund, LotKey, POINTS_MAX, Purse};
use crate::state::{Account, Budget, LOTS_MAX, Overlay};
use crate::time::Day;

/// Takes an action back. The resident keeps what has left the lot already: the shortfall is
/// recorded and nobody owes it.
pub(super) fn withdraw(
    body: &kinds::ActionWithdraw,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let earlier = case.earlier(body.entry)?.entry;
    let acted = earlier.effects.iter().any(|e| matches!(e, Effect::ActionJudged { .. }));
    let subject = earlier.subject.filter(|_| acted).ok_or(Rejection::NotAnAction)?;
    if let Some(by) = case.state.undone(&body.entry) {
        return Err(Rejection::AlreadyUndone(*by));
    }
    let mut account = case.account(subject.account)?.clone();

    // From here on the action is taken back, with every judgement that it brought.
    let today = case.today();
    let (mut effects, mut back) = (Vec::new(), 0);
    for effect in &earlier.effects {
        if let Effect::Posting { lot, points, contra } = effect {
            let points = u32::try_from(*points).unwrap_or(0);
            let granted = granted_yet(&effects, lot.fund, *contra, case.state);
            back = points.min(spendable(&account, *lot, today)).min(granted);
            let (lot, points, contra) = (*lot, -i64::from(back), *contra);
            if back > 0 {
                effects.push(Effect::Posting { lot, points, contra });
                // No more than there is: it cannot fail.
                let _ = account.move_lot(lot, points);
            }
        }
        effects.extend(withdrawn(effect, back));
        if matches!(effect, Effect::ActionJudged { .. }) {
            back = 0;
        }
    }
    effects.push(Effect::Undone { entry: body.entry });
    effects.push(balance_after(&account, &[], today));
    Outcome::on(subject.account, effects)
}

/// What a budget can still take back once these effects have happened: adjustments may have given
/// it the same points.
fn granted_yet(effects: &[Effect], fund: Fund, from: Contra, state: &Overlay<'_>) -> u32 {
    let fiscal_year = match from {
        Contra::Budget(fiscal_year) => fiscal_year,
        Contra::Challenge
        | Contra::Shop(_)
        | Contra::Held(_)
        | Contra::Retired
        | Contra::Expired
        | Contra::Imported => return u32::MAX,
    };
    let granted = state.budgets(&(fund, fiscal_year)).map_or(0, |budget| budget.granted);
    let given = effects.iter().filter_map(|effect| {
        let Effect::Posting { lot, points, contra } = effect else { return None };
        ((lot.fund, *contra) == (fund, from)).then_some(points.unsigned_abs())
    });
    u32::try_from(granted.saturating_sub(given.sum())).unwrap_or(u32::MAX)
}

/// A judgement taken back, with the points that its lot gives back. The posting of a grant stands
/// before its judgement.
fn withdrawn(effect: &Effect, back: u32) -> Option<Effect> {
    let Effect::ActionJudged { rule, class, purse, day, granted, reason, .. } = effect else {
        return None;
    };
    let (rule, class, purse, day, granted) = (*rule, *class, *purse, *day, *granted);
    let (counted, shortfall) = (reason.counts(), granted.saturating_sub(back));
    Some(Effect::ActionWithdrawn { rule, class, purse, day, granted, counted, shortfall })
}

/// Corrects a lot by hand. Points come out of the fund's budget of today's fiscal year; points that
/// are taken go back to the latest fiscal year that granted as many.
pub(super) fn adjust(body: &kinds::Adjust, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let kinds::Adjust { account: id, lot, points, .. } = *body;
    let account = case.account(id)?;
    let today = case.today();
    let many = u32::try_from(points.unsigned_abs()).ok();
    let many = many.filter(|many| (1..=POINTS_MAX).contains(many)).ok_or(Rejection::AdjustRange)?;
    check_lot(lot, today)?;
    if points.is_positive() {
        check_room(account, &[lot], today)?;
    } else if spendable(account, lot, today) < many {
        return Err(Rejection::LotUnknown);
    }
    let contra = match lot.purse {
        Purse::Challenge => Contra::Challenge,
        Purse::Yen => Contra::Budget(paying_year(lot.fund, points, case)?),
    };

    // From here on the lot is corrected.
    let mut effects = vec![Effect::Posting { lot, points, contra }];
    effects.push(balance_after(account, &effects, today));
    Outcome::on(id, effects)
}

/// The fiscal year whose budget carries an adjustment.
fn paying_year(fund: Fund, points: i64, case: &Case<'_>) -> Result<u32, Rejection> {
    let year = case.today().fiscal_year();
    let budget = |year: &u32| case.state.budgets(&(fund, *year)).copied().unwrap_or(Budget::EMPTY);
    let mut years = (year.saturating_sub(LOT_YEARS_MAX)..=year).rev();
    let carries = |year: &u32| {
        let granted = budget(year).granted.checked_add_signed(points);
        granted.is_some_and(|granted| granted <= budget(year).allocated)
    };
    let found = if points.is_positive() { Some(year).filter(carries) } else { years.find(carries) };
    found.ok_or(Rejection::BudgetLacking)
}

/// Lets what is left of a lot be spent for longer.
pub(super) fn extend_lot(body: &kinds::LotExtend, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let kinds::LotExtend { account: id, lot, until, .. } = *body;
    let (account, today) = (case.account(id)?, case.today());
    let points = spendable(account, lot, today);
    if points == 0 {
        return Err(Rejection::LotUnknown);
    }
    let later = LotKey { expires_on: until, ..lot };
    if until <= lot.expires_on {
        return Err(Rejection::NotLater);
    }
    check_lot(later, today)?;
    if spendable(account, later, today).checked_add(points).is_none() {
        return Err(Rejection::AdjustRange);
    }

    // From here on the lot lasts longer.
    let mut effects = vec![Effect::LotExtended { lot, until }];
    effects.push(balance_after(account, &effects, today));
    Outcome::on(id, effects)
}

/// Records that a lot has expired. The balance was right without it since midnight.
pub(super) fn expire(body: &kinds::Expire, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let kinds::Expire { account: id, lot, points } = *body;
    let (account, today) = (case.account(id)?, case.today());
    let held = account.lots.iter().find(|held| held.key == lot).map_or(0, |held| held.points);
    if lot.expires_on >= today || held != points.get() {
        return Err(Rejection::NotExpired);
    }

    // From here on the lot has expired on record.
    let points = -i64::from(held);
    let mut effects = vec![Effect::Posting { lot, points, contra: Contra::Expired }];
    effects.push(balance_after(account, &effects, today));
    Outcome::on(id, effects)
}

/// What can be spent of a lot today.
fn spendable(account: &Account, lot: LotKey, today: Day) -> u32 {
    let found = account.lots.iter().find(|held| held.key == lot && lot.expires_on >= today);
    found.map_or(0, |held| held.points)
}

pub(super) fn check_lot(lot: LotKey, today: Day) -> Result<(), Rejection> {
    let last = Day::fiscal_year_first(today.fiscal_year() + LOT_YEARS_MAX + 1).minus(1);
    let pays = (lot.purse == Purse::Yen) == (lot.fund != Fund::None);
    let lasts = (today..=last).contains(&lot.expires_on);
    if pays && lasts { Ok(()) } else { Err(Rejection::LotRange) }
}

/// Whether these lots find room beside the account's open ones.
pub(super) fn check_room(account: &Account, lots: &[LotKey], today: Day) -> Result<(), Rejection> {
    let open = account.lots.iter().filter(|held| held.key.expires_on >= today);
    let open: BTreeSet<LotKey> = open.map(|held| held.key).chain(lots.iter().copied()).collect();
    if open.len() > LOTS_MAX { Err(Rejection::LotsFull) } else { Ok(()) }
}
