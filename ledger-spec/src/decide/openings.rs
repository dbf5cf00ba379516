//! Points from another system: how many may come, and each account's.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::corrections::{check_lot, check_room};
use super::limits::{BUDGET_POINTS_MAX, OPENING_DAYS_MAX};
use super::lots::balance_after;
use super::rejection::Rejection;
use crate::entry::{Contra, Effect};
use crate::kinds::{self, Code, LotPoints, Role};
use crate::points::{Fund, LotKey};

/// What two roots let be brought from another system; it is public, because no rule and no budget
/// of the programme bounds it.
pub(super) fn allocate(
    body: &kinds::OpeningBudget,
    role: Role,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    if role != Role::Root {
        return Err(Rejection::RoleNotPermitted);
    }
    let today = case.today();
    let lasts = (today..=today.plus(OPENING_DAYS_MAX)).contains(&body.until);
    if !(1..=BUDGET_POINTS_MAX).contains(&body.points) {
        return Err(Rejection::BudgetRange);
    }
    if !lasts {
        return Err(Rejection::OpeningTerm);
    }
    let kinds::OpeningBudget { source, fund, points, until } = body.clone();
    Outcome::without_account(vec![Effect::OpeningAllocated { source, fund, points, until }])
}

/// Opening lots from paper or another system, with the days on which they would have expired there.
pub(super) fn import_balance(
    body: &kinds::BalanceImport,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let (account, today) = (case.account(body.account)?, case.today());
    let lots = &body.lots.0;
    let sum: u64 = lots.iter().map(|lot| u64::from(lot.points.get())).sum();
    let keys: Vec<LotKey> = lots.iter().map(|lot| lot.lot).collect();
    let distinct = keys.iter().collect::<BTreeSet<_>>().len() == keys.len();
    if sum != body.control_total || sum == 0 || !distinct {
        return Err(Rejection::ControlTotal);
    }
    keys.iter().try_for_each(|lot| check_lot(*lot, today))?;
    for lot in &keys {
        if let Some(by) = case.state.brought(&(body.account, (body.source.clone(), *lot))) {
            return Err(Rejection::AlreadyBrought(*by));
        }
    }
    check_opening(&body.source, lots, case)?;
    check_room(account, &keys, today)?;

    // From here on the points are brought.
    let brought = lots.iter().map(|LotPoints { lot, points }| {
        let (lot, points) = (*lot, i64::from(points.get()));
        Effect::Posting { lot, points, contra: Contra::Imported }
    });
    let mut effects: Vec<Effect> = brought.collect();
    effects.push(Effect::Brought { source: body.source.clone() });
    effects.push(balance_after(account, &effects, today));
    Outcome::on(body.account, effects)
}

/// The opening budget of each fund carries its lots.
fn check_opening(source: &Code, lots: &[LotPoints], case: &Case<'_>) -> Result<(), Rejection> {
    let mut wanted: BTreeMap<Fund, u64> = BTreeMap::new();
    for lot in lots {
        *wanted.entry(lot.lot.fund).or_default() += u64::from(lot.points.get());
    }
    for (fund, points) in wanted {
        let row = case.state.openings(&(source.clone(), fund));
        let row = row.filter(|row| case.today() <= row.until).ok_or(Rejection::OpeningUnknown)?;
        if points > row.allocated.saturating_sub(row.brought) {
            return Err(Rejection::BudgetLacking);
        }
    }
    Ok(())
}
