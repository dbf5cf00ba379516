//! When the funds' running sums may move. Pure: months in, published figures out.
//!
//! The sums of all funds are published anew together, when of each fund nobody or at least k
//! persons moved it since they were last; until then the last figures stand. They move together
//! because the closed days' totals are public too, over all funds: between two releases the
//! attacker then knows each month's sum over the funds and each fund's sum over the months, and no
//! single month of a fund follows. Days whose totals the log hides would follow as well, all
//! together: so among those since the last release, too, there must stand nobody or at least k.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::ids::AccountId;
use ledger_spec::points::Fund;
use ledger_spec::time::Day;

/// Accounts that stand behind a figure: all of them, or at least k.
pub type Behind = BTreeSet<AccountId>;

/// One month of one direction, granted or redeemed.
#[derive(Clone, Debug)]
pub struct FlowMonth {
    /// The first day of the month.
    pub month: Day,
    /// Points of each fund that has a budget, and who stands behind them.
    pub funds: BTreeMap<Fund, (i64, Behind)>,
    /// Who stands behind each day whose total the log hides.
    pub hidden_days: Vec<Behind>,
}

/// Running sums as published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// The month at whose end they were so; `None` before the first release.
    pub as_of: Option<Day>,
    /// Points of each fund since the ledger's beginning.
    pub points: BTreeMap<Fund, i64>,
}

/// What is published at the end of each month, in order.
#[must_use]
pub fn running(months: &[FlowMonth], k: usize) -> Vec<Running> {
    let mut published = Running::default();
    let mut pending: BTreeMap<Fund, (i64, Behind)> = BTreeMap::new();
    let mut hidden = Behind::new();
    let mut releases = Vec::new();
    let enough = |behind: &Behind| behind.is_empty() || behind.len() >= k;
    for month in months {
        for (fund, (points, behind)) in &month.funds {
            let row = pending.entry(*fund).or_default();
            row.0 += points;
            row.1.extend(behind);
        }
        hidden.extend(month.hidden_days.iter().flatten());
        if enough(&hidden) && pending.values().all(|(_, behind)| enough(behind)) {
            published.as_of = Some(month.month);
            for (fund, (points, _)) in std::mem::take(&mut pending) {
                *published.points.entry(fund).or_default() += points;
            }
            hidden.clear();
        }
        releases.push(published.clone());
    }
    releases
}
