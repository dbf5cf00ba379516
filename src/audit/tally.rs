//! Where the points went, counted from the postings alone and compared with the state at the end.

use std::collections::BTreeMap;

use ledger_spec::entry::{Accounting, Contra, Effect};
use ledger_spec::ids::PlaceId;
use ledger_spec::points::{Fund, Purse};
use ledger_spec::state::State;

/// Sums of the postings so far, wide enough that none can overflow.
#[derive(Default)]
pub(super) struct Tally {
    allocated: BTreeMap<(Fund, u32), i128>,
    granted: BTreeMap<(Fund, u32), i128>,
    /// Spent less returned, by fund and by shop.
    spent: BTreeMap<Fund, i128>,
    due: BTreeMap<PlaceId, i128>,
    /// Yen of the settlements, by shop and by the fund that pays.
    settled: BTreeMap<PlaceId, i128>,
    invoiced: BTreeMap<Fund, i128>,
    challenge: i128,
    /// Of both purses: what expired on record, what came from other systems, what was given up for
    /// rewards.
    expired: BTreeMap<Fund, i128>,
    imported: BTreeMap<Fund, i128>,
    retired: BTreeMap<Fund, i128>,
    /// What open holds and vouchers keep, by fund.
    held: BTreeMap<Fund, i128>,
}

impl Tally {
    /// Takes an entry's effects.
    pub(super) fn add(&mut self, accounting: &Accounting) {
        for effect in &accounting.effects {
            if let Effect::BudgetAllocated { fund, fiscal_year, points } = effect {
                *self.allocated.entry((*fund, *fiscal_year)).or_default() += i128::from(*points);
            }
        }
        for effect in &accounting.effects {
            if let Effect::ShopSettled { settlement } = effect {
                *self.settled.entry(settlement.shop).or_default() += i128::from(settlement.yen);
                for row in settlement.paid_by().unwrap_or_default().rows() {
                    *self.invoiced.entry(row.fund).or_default() += i128::from(row.points);
                }
            }
        }
        for (lot, points, contra) in accounting.postings() {
            let points = i128::from(points);
            match contra {
                Contra::Budget(year) => {
                    *self.granted.entry((lot.fund, year)).or_default() += points
                }
                Contra::Shop(shop) => {
                    *self.spent.entry(lot.fund).or_default() -= points;
                    *self.due.entry(shop).or_default() -= points;
                }
                Contra::Challenge => self.challenge += points,
                Contra::Expired => *self.expired.entry(lot.fund).or_default() -= points,
                Contra::Imported => *self.imported.entry(lot.fund).or_default() += points,
                Contra::Retired => *self.retired.entry(lot.fund).or_default() -= points,
                Contra::Held(_) => *self.held.entry(lot.fund).or_default() -= points,
            }
        }
    }

    /// Compares every sum with the state and gives the number of equations that hold.
    ///
    /// Per fund and year: granted = what the state says, at most what was allocated. Per fund:
    /// granted + imported − spent − expired − retired = what lies in the lots and in open holds;
    /// held, expired, retired and imported = what the state says; spent = what settlements make it
    /// pay + what no settlement has taken. Per shop: spent = the yen of its settlements + what they
    /// have not taken. The challenge purse has the fund `none` for itself.
    pub(super) fn check(&self, state: &State) -> Result<u64, String> {
        let mut equal = Equations(0);
        for (key, budget) in &state.budgets {
            let (fund, year) = key;
            let sum = |sums: &BTreeMap<_, i128>| sums.get(key).copied().unwrap_or(0);
            let name = |what: &str| format!("points {what} by fund {fund:?} in fiscal year {year}");
            equal.check(&name("allocated"), sum(&self.allocated), budget.allocated.into())?;
            equal.check(&name("granted"), sum(&self.granted), budget.granted.into())?;
            if budget.granted > budget.allocated {
                return Err(format!("{} are more than were allocated", name("granted")));
            }
        }
        let years = self.granted.keys().filter(|key| !state.budgets.contains_key(key)).count();
        equal.check("budgets granted from that nobody allocated", years as i128, 0)?;
        let mut lots: BTreeMap<(Purse, Fund), i128> = BTreeMap::new();
        for lot in state.accounts.values().flat_map(|account| &account.lots) {
            *lots.entry((lot.key.purse, lot.key.fund)).or_default() += i128::from(lot.points);
        }
        let mut held: BTreeMap<Fund, i128> = BTreeMap::new();
        for lot in state.accounts.values().flat_map(|a| &a.holds).flat_map(|hold| &hold.lots) {
            *held.entry(lot.key.fund).or_default() += i128::from(lot.points);
        }
        for fund in Fund::ALL {
            let sum = |sums: &BTreeMap<_, i128>| sums.get(fund).copied().unwrap_or(0);
            let known = |sums: &BTreeMap<_, u64>| i128::from(sums.get(fund).copied().unwrap_or(0));
            let in_lots = |purse| lots.get(&(purse, *fund)).copied().unwrap_or(0);
            let years = self.granted.iter().filter(|((of, _), _)| of == fund);
            let granted: i128 = years.map(|(_, points)| points).sum();
            let (expired, imported) = (sum(&self.expired), sum(&self.imported));
            let challenge = if *fund == Fund::None { self.challenge } else { 0 };
            let retired = sum(&self.retired);
            let gone = expired + retired + sum(&self.spent) + sum(&self.held);
            let left = granted + challenge + imported - gone;
            let (own, other) = if *fund == Fund::None {
                (Purse::Challenge, Purse::Yen)
            } else {
                (Purse::Yen, Purse::Challenge)
            };
            let what = |name: &str| format!("{name} of fund {fund:?}");
            equal.check(&what("held points"), sum(&self.held), sum(&held))?;
            equal.check(&what("expired points"), expired, known(&state.expired))?;
            equal.check(&what("imported points"), imported, known(&state.imported))?;
            equal.check(&what("retired points"), retired, known(&state.retired))?;
            equal.check(&what("points"), left, in_lots(own))?;
            equal.check(&(what("points") + " in the other purse"), 0, in_lots(other))?;
        }
        let unknown = self.due.keys().filter(|shop| !state.shops.contains_key(shop)).count();
        equal.check("shops that the state does not know", unknown as i128, 0)?;
        self.check_shops(state, &mut equal)?;
        Ok(equal.0)
    }

    /// What shops took in, by shop and by fund.
    fn check_shops(&self, state: &State, equal: &mut Equations) -> Result<(), String> {
        let mut open: BTreeMap<Fund, i128> = BTreeMap::new();
        for (shop, row) in &state.shops {
            let counted = self.due.get(shop).copied().unwrap_or(0);
            equal.check(&format!("points spent at shop {shop}"), counted, row.total.into())?;
            let settled = self.settled.get(shop).copied().unwrap_or(0);
            let left = row.points.total() + row.carried.total();
            equal.check(&format!("points to settle with shop {shop}"), counted - settled, left)?;
            for row in row.points.rows().iter().chain(row.carried.rows()) {
                *open.entry(row.fund).or_default() += i128::from(row.points);
            }
        }
        for fund in Fund::ALL {
            let of = |sums: &BTreeMap<_, i128>| sums.get(fund).copied().unwrap_or(0);
            let left = of(&self.spent) - of(&self.invoiced);
            equal.check(&format!("points to settle by fund {fund:?}"), left, of(&open))?;
        }
        Ok(())
    }
}

/// Counts the equations that hold.
struct Equations(u64);

impl Equations {
    fn check(&mut self, what: &str, counted: i128, found: i128) -> Result<(), String> {
        if counted == found {
            self.0 += 1;
            Ok(())
        } else {
            Err(format!("{what}: {counted} by the postings, {found} in the state"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_spec::cbor::Blob;
    use ledger_spec::ids::{AccountId, Seq};
    use ledger_spec::points::{FundSums, LotKey};
    use ledger_spec::shops::Shop;
    use ledger_spec::state::{Account, Budget, HeldFor, Hold, Lot};
    use ledger_spec::time::Day;

    const SHOP: PlaceId = PlaceId([1; 8]);
    const NHI: LotKey = LotKey { purse: Purse::Yen, fund: Fund::Nhi, expires_on: Day(21_000) };
    const WALKS: LotKey =
        LotKey { purse: Purse::Challenge, fund: Fund::None, expires_on: Day(21_000) };

    /// 1,000 allocated, 300 granted, 100 of them spent and 30 held, 15 for a walk.
    fn tally() -> Tally {
        let effects = vec![
            Effect::BudgetAllocated { fund: Fund::Nhi, fiscal_year: 2026, points: 1_000 },
            Effect::Posting { lot: NHI, points: 300, contra: Contra::Budget(2026) },
            Effect::Posting { lot: NHI, points: -100, contra: Contra::Shop(SHOP) },
            Effect::Posting { lot: WALKS, points: 15, contra: Contra::Challenge },
            Effect::Posting { lot: NHI, points: -50, contra: Contra::Held(Seq(7)) },
            Effect::Posting { lot: NHI, points: 20, contra: Contra::Held(Seq(7)) },
        ];
        let (statement, subject) = (Blob(vec![0]), None);
        let mut tally = Tally::default();
        tally.add(&Accounting {
            version: 1,
            seq: Seq(0),
            accepted_min: 0,
            statement,
            subject,
            effects,
        });
        tally
    }

    fn state() -> State {
        let mut state = State::default();
        let lots = vec![Lot { key: NHI, points: 170 }, Lot { key: WALKS, points: 15 }];
        let (seq, held_for, until_s) = (Seq(7), HeldFor::Shop(SHOP), 1);
        let holds = vec![Hold { seq, held_for, until_s, lots: vec![Lot { key: NHI, points: 30 }] }];
        state
            .accounts
            .insert(AccountId([2; 16]), Account { lots, holds, ..Account::opened(Day(0)) });
        state.budgets.insert((Fund::Nhi, 2026), Budget { allocated: 1_000, granted: 300 });
        let mut points = FundSums::default();
        points.add(Fund::Nhi, 100).expect("a small sum");
        let settled_until = Seq(1);
        let row = Shop {
            total: 100,
            points,
            moved_on: Some(Day(20_000)),
            settled_until,
            ..Shop::default()
        };
        state.shops.insert(SHOP, row);
        state
    }

    #[track_caller]
    fn check(change: impl Fn(&mut State), expected: &str) {
        let mut state = state();
        change(&mut state);
        let error = tally().check(&state).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn every_sum_has_to_be_met() {
        // Two for the budget, one for its absence elsewhere, seven a fund, two for the shop and one
        // for there being no other.
        assert_eq!(tally().check(&state()), Ok(2 + 1 + 7 * 5 + 2 + 1));
        let budget = |state: &mut State, allocated, granted| {
            state.budgets.insert((Fund::Nhi, 2026), Budget { allocated, granted });
        };
        check(|state| budget(state, 1_001, 300), "points allocated by fund Nhi");
        check(|state| budget(state, 1_000, 301), "points granted by fund Nhi");
        check(|state| state.budgets.clear(), "budgets granted from that nobody allocated: 1");
        check(|state| state.accounts.clear(), "held points of fund Nhi: 30 by the postings, 0");
        check(
            |state| state.accounts.values_mut().for_each(|account| account.lots.clear()),
            "points of fund Nhi: 170 by the postings, 0",
        );
        check(
            |state| state.accounts.values_mut().for_each(|account| account.lots.truncate(1)),
            "points of fund None: 15 by the postings, 0",
        );
        let shop = |state: &mut State, change: &dyn Fn(&mut Shop)| {
            change(state.shops.get_mut(&SHOP).expect("the shop"));
        };
        check(|state| shop(state, &|shop| shop.total = 99), "points spent at shop");
        check(
            |state| shop(state, &|shop| shop.points = FundSums::default()),
            "points to settle with shop 0101010101010101: 100 by the postings, 0 in the state",
        );
        let other_fund = |shop: &mut Shop| {
            shop.points.add(Fund::Nhi, -1).expect("a small sum");
            shop.points.add(Fund::General, 1).expect("a small sum");
        };
        check(|state| shop(state, &other_fund), "points to settle by fund General");
        check(|state| state.shops.clear(), "shops");
        check(
            |state| *state.expired.entry(Fund::Nhi).or_default() += 1,
            "expired points of fund Nhi: 0 by the postings, 1",
        );
        check(
            |state| *state.retired.entry(Fund::Nhi).or_default() += 1,
            "retired points of fund Nhi: 0 by the postings, 1",
        );
        check(
            |state| *state.imported.entry(Fund::Nhi).or_default() += 1,
            "imported points of fund Nhi: 0 by the postings, 1",
        );
    }
}
