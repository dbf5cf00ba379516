//! How far the funds' budgets are spent, as the programme wants to be warned of it.

use ledger_spec::points::Fund;
use ledger_spec::state::{Budget, Overlay};
use ledger_spec::time::Day;

use crate::engine::{Engine, EngineError};

/// The highest of the programme's warnings that each fund has reached this fiscal year, in
/// thousandths, 0 before the first; `None` for a fund without a budget, or while no programme is in
/// force.
///
/// # Errors
/// [`EngineError`]
pub fn warnings(engine: &Engine, today: Day) -> Result<Vec<(Fund, Option<u32>)>, EngineError> {
    let state = engine.state()?;
    let overlay = Overlay::over(&state);
    let programme = overlay.programme_for(today);
    let warning = |fund: &Fund| {
        let budget = state.budgets.get(&(*fund, today.fiscal_year()))?;
        let warn_permille = &programme?.warn_permille;
        (budget.allocated > 0).then(|| reached(budget, warn_permille))
    };
    Ok(Fund::ALL.iter().map(|fund| (*fund, warning(fund))).collect())
}

fn reached(budget: &Budget, warn_permille: &[u32]) -> u32 {
    let granted = u128::from(budget.granted) * 1_000;
    let reached = |warn: &&u32| granted >= u128::from(**warn) * u128::from(budget.allocated);
    warn_permille.iter().filter(reached).max().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_reached_at_its_part_and_not_a_point_before() {
        for (allocated, granted, expected) in [
            (10_000, 0, 0),
            (10_000, 6_999, 0),
            (10_000, 7_000, 700),
            (10_000, 8_999, 700),
            (10_000, 9_000, 900),
            (10_000, 10_000, 900),
            (7, 4, 0),
            (7, 5, 700),
            (u64::MAX, u64::MAX, 900),
        ] {
            let found = reached(&Budget { allocated, granted }, &[700, 900]);
            assert_eq!(found, expected, "{granted} of {allocated}");
        }
        assert_eq!(reached(&Budget { allocated: 1, granted: 1 }, &[]), 0);
    }
}
