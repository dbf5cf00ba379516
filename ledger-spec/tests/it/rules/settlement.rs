//! How what a shop took in becomes money: each movement once, each month once, to the yen.

use expect_test::expect;
use ledger_spec::{
    apply::{Broken, apply},
    cbor::{self, Blob},
    decide::Rejection,
    entry::{Accounting, Contra, Effect, Subject, VERSION},
    ids::{PlaceId, Seq},
    kinds::{Approve, Body, ShopAccount},
    points::{Fund, FundSums, LotKey, Purse},
    shops::Shop,
    state::{Account, Overlay, State},
    statement::bank_account_hash,
    time::{Day, Month},
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::check;
use crate::world::{Verdict, World, account, id, key};

#[test]
fn a_shops_month_is_settled_once_it_is_over() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        at 2026-04-20 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=diabetes → 300 points
        shop-a takes 350 from hanako → paid 300 nhi until 2028-03-31, 50 general until 2028-03-31
        shop-a takes 200 from hanako as=sale → paid 200 general until 2028-03-31
        shop-a voids sale → back 200 general until 2028-03-31
        shop-b takes 10 from hanako → paid 10 general until 2028-03-31
        at 2026-04-30 23:59
        system settles shop-a → refused: the shop has nothing to settle of a month that is over
        at 2026-05-01 00:00
        system settles shop-a yen=351 → refused: the settlement's month, range or sums are not those of the log
        system settles shop-a end=1 → refused: the settlement's month, range or sums are not those of the log
        staff-1 settles shop-a → refused: the key's role does not permit this
        system settles shop-a as=april → 350 yen for 2026-04, entries 0 to 39: general 50, nhi 300, carried nothing
        at 2026-05-09 12:00
        shop-a takes 60 from hanako → paid 60 general until 2028-03-31
        at 2026-06-01 00:00
        system settles shop-a as=may → 60 yen for 2026-05, entries 39 to 41: general 60, carried nothing
        # The other shop's April was left until June: it is April all the same.
        system settles shop-b → 10 yen for 2026-04, entries 0 to 42: general 10, carried nothing
    "#]]);
}

#[test]
fn a_settlement_is_paid_once() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        at 2026-04-20 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 350 from hanako → paid 350 general until 2028-03-31
        shop-b takes 100 from hanako as=sale → paid 100 general until 2028-03-31
        shop-b voids sale → back 100 general until 2028-03-31
        at 2026-05-01 00:00
        system settles shop-a as=april → 350 yen for 2026-04, entries 0 to 37: general 350, carried nothing
        system settles shop-b as=nothing → 0 yen for 2026-04, entries 0 to 38: nothing, carried nothing
        staff-1 pays april on=2026-04-30 → refused: a settlement is paid after the end of its month, and recorded when it is paid
        staff-1 pays april on=2026-05-02 → refused: a settlement is paid after the end of its month, and recorded when it is paid
        staff-1 pays nothing → refused: no such settlement with an amount to pay
        staff-1 pays sale → refused: no such settlement with an amount to pay
        shop-a pays april → refused: the key's role does not permit this
        # On the first day on which it can be.
        staff-1 pays april on=2026-05-01 as=paid → done
        at 2026-05-11 10:00
        staff-2 pays april → refused: the settlement is paid already, by entry 39
    "#]]);
}

#[test]
fn a_late_refund_is_taken_off_the_months_that_follow() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=60 redeem.fresh_device_max_day=1500
        hanako joins
        at 2026-04-20 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=diabetes → 300 points
        shop-a holds 400 from hanako as=hold → held 300 nhi until 2028-03-31, 100 general until 2028-03-31
        shop-a captures 320 of hold as=sale → free 300 nhi until 2028-03-31, free 100 general until 2028-03-31, 300 nhi until 2028-03-31, 20 general until 2028-03-31
        shop-b takes 50 from hanako as=other → paid 50 general until 2028-03-31
        staff-1 refunds 10 of other as=early → proposed
        staff-2 approves early → back 10 general until 2028-03-31
        at 2026-05-01 00:00
        system settles shop-a → 320 yen for 2026-04, entries 0 to 40: general 20, nhi 300, carried nothing
        system settles shop-b → 40 yen for 2026-04, entries 0 to 41: general 40, carried nothing
        at 2026-05-20 10:00
        staff-1 refunds 320 of sale as=late → proposed
        staff-2 approves late → back 20 general until 2028-03-31, 300 nhi until 2028-03-31
        shop-a takes 70 from hanako → paid 70 nhi until 2028-03-31
        due shop-a → 70
        at 2026-06-01 00:00
        # What came back of April is more than May brought: nothing is paid, and the rest waits.
        system settles shop-a → 0 yen for 2026-05, entries 40 to 45: general -20, nhi -230, carried nothing
        at 2026-06-10 10:00
        shop-a takes 400 from hanako → paid 230 nhi until 2028-03-31, 170 general until 2028-03-31
        at 2026-07-01 00:00
        system settles shop-a → 150 yen for 2026-06, entries 45 to 47: general 170, nhi 230, carried general -20, nhi -230
        due shop-a → 470
    "#]]);
}

const SHOPS: [PlaceId; 3] = [PlaceId([1; 8]), PlaceId([2; 8]), PlaceId([3; 8])];
const FUNDS: [Fund; 3] = [Fund::General, Fund::Nhi, Fund::CareInsurance];

/// One thing that happens to the shops.
#[derive(Clone, Debug)]
enum Step {
    /// A shop takes in points of a fund.
    Take { shop: usize, fund: usize, points: i64 },
    /// Some of what it once took in of a fund comes back.
    Back { shop: usize, fund: usize, points: i64 },
    /// Days pass; months that end are settled, or left for later.
    Wait { days: u32, settle: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let whom = (0..SHOPS.len(), 0..FUNDS.len(), 1..500_i64);
    prop_oneof![
        3 => whom.clone().prop_map(|(shop, fund, points)| Step::Take { shop, fund, points }),
        2 => whom.prop_map(|(shop, fund, points)| Step::Back { shop, fund, points }),
        2 => (1..40_u32, prop::bool::weighted(0.8)).prop_map(|(days, settle)| Step::Wait { days, settle }),
    ]
}

/// Shops, one account with plenty of points, and a list of all that moved.
struct Books {
    tables: State,
    day: Day,
    spent_today: i64,
    moves: Vec<(Seq, PlaceId, Fund, i64, Day)>,
    settled: Vec<ledger_spec::kinds::SettlementClose>,
}

impl Books {
    fn open() -> Self {
        let mut tables = State::default();
        let lots = FUNDS.map(|fund| ledger_spec::state::Lot { key: lot(fund), points: 4_000_000 });
        let row = Account { lots: lots.to_vec(), ..Account::opened(ledger_spec::time::Day(0)) };
        tables.accounts.insert(account("hanako"), row);
        let day = Day::from_ymd(2026, 1, 31).unwrap();
        Self { tables, day, spent_today: 0, moves: Vec::new(), settled: Vec::new() }
    }

    fn write(&mut self, effects: Vec<Effect>, on_account: bool) {
        let name = account("hanako");
        let row = &self.tables.accounts[&name];
        let subject = Subject { account: name, account_seq: row.entries, previous: row.last };
        let entry = Accounting {
            version: VERSION,
            seq: Seq(self.tables.size),
            accepted_min: self.day.start_ms() / 60_000,
            statement: Blob(vec![0]),
            subject: on_account.then_some(subject),
            effects,
        };
        let mut state = Overlay::over(&self.tables);
        apply(&entry, &mut state).unwrap();
        let changes = state.into_changes();
        self.tables.absorb(changes);
    }

    fn act(&mut self, step: &Step) {
        let (shop, fund, points) = match *step {
            Step::Take { shop, fund, points } => (SHOPS[shop], FUNDS[fund], points),
            Step::Back { shop, fund, points } => {
                let (shop, fund) = (SHOPS[shop], FUNDS[fund]);
                let took = self.moves.iter().filter(|row| (row.1, row.2) == (shop, fund));
                let took: i64 = took.map(|row| row.3).sum();
                (shop, fund, -points.min(took).min(self.spent_today))
            }
            Step::Wait { days, settle } => {
                self.day = self.day.plus(days);
                self.spent_today = 0;
                if settle {
                    self.settle();
                }
                return;
            }
        };
        if points != 0 {
            self.moves.push((Seq(self.tables.size), shop, fund, points, self.day));
            self.spent_today += points;
            let (lot, contra) = (lot(fund), Contra::Shop(shop));
            self.write(vec![Effect::Posting { lot, points: -points, contra }], true);
        }
    }

    /// Settles what is due, and compares each settlement with the list.
    fn settle(&mut self) {
        for shop in SHOPS {
            let row = self.tables.shops.get(&shop).cloned().unwrap_or_default();
            let Some(found) = row.settlement(shop, Seq(self.tables.size), self.day) else {
                continue;
            };
            let before = self.settled.iter().rev().find(|before| before.shop == shop);
            assert_eq!(found.first, before.map_or(Seq(0), |before| before.end), "no gap");
            assert!(before.is_none_or(|before| before.month < found.month), "one a month");
            let moves = self.moves.iter().filter(|row| row.1 == shop);
            let moves: Vec<_> =
                moves.filter(|row| found.first <= row.0 && row.0 < found.end).collect();
            assert_eq!(moves.last().map(|row| Month::of(row.4)), Some(found.month));
            let mut sums = FundSums::default();
            moves.iter().for_each(|row| sums.add(row.2, row.3).unwrap());
            assert_eq!(found.points, sums);
            let paid: i128 = found.paid_by().unwrap().total();
            assert_eq!(paid, i128::from(found.yen), "the funds pay what the shop gets");
            self.write(vec![Effect::ShopSettled { settlement: found.clone() }], false);
            self.settled.push(found);
        }
    }
}

fn lot(fund: Fund) -> LotKey {
    LotKey { purse: Purse::Yen, fund, expires_on: Day::from_ymd(2040, 3, 31).unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_histories_settle_to_the_yen(steps in prop::collection::vec(step(), 1..80)) {
        let mut books = Books::open();
        steps.iter().for_each(|step| books.act(step));
        books.act(&Step::Wait { days: 40, settle: true });
        for shop in SHOPS {
            let row = books.tables.shops.get(&shop).cloned().unwrap_or_default();
            prop_assert_eq!((row.points, row.moved_on), (FundSums::default(), None), "all is settled");
            prop_assert!(row.carried.total() <= 0);
            let settled = books.settled.iter().filter(|settled| settled.shop == shop);
            for fund in FUNDS {
                let of = |sums: &FundSums| {
                    sums.rows().iter().find(|row| row.fund == fund).map_or(0, |row| row.points)
                };
                let paid: i64 = settled.clone().map(|row| of(&row.paid_by().unwrap())).sum();
                let moved = books.moves.iter().filter(|row| (row.1, row.2) == (shop, fund));
                prop_assert_eq!(paid + of(&row.carried), moved.map(|row| row.3).sum::<i64>());
            }
        }
    }
}

/// What the log says of a settlement has to be what the log gives.
#[test]
fn a_settlement_that_the_log_does_not_give_cannot_be_applied() {
    let mut books = Books::open();
    books.act(&Step::Take { shop: 0, fund: 0, points: 100 });
    books.day = books.day.plus(1);
    let row: Shop = books.tables.shops[&SHOPS[0]].clone();
    let honest = row.settlement(SHOPS[0], Seq(1), books.day).unwrap();
    let check = |change: fn(&mut ledger_spec::kinds::SettlementClose), expected| {
        let mut settlement = honest.clone();
        change(&mut settlement);
        let entry = Accounting {
            version: VERSION,
            seq: Seq(1),
            accepted_min: books.day.start_ms() / 60_000,
            statement: Blob(vec![0]),
            subject: None,
            effects: vec![Effect::ShopSettled { settlement }],
        };
        let found = apply(&entry, &mut Overlay::over(&books.tables));
        assert_eq!(found, expected);
    };
    let broken = Err(Broken::Unfit("settlement"));
    check(|_| {}, Ok(()));
    check(|settlement| settlement.yen += 1, broken);
    check(|settlement| settlement.first.0 += 1, broken);
    check(|settlement| settlement.month = settlement.month.next(), broken);
    check(|settlement| settlement.points.add(Fund::Nhi, 1).unwrap(), broken);
    check(|settlement| settlement.carried.add(Fund::Nhi, -1).unwrap(), broken);
    check(|settlement| settlement.shop = SHOPS[1], broken);
}

#[test]
fn sums_have_one_form() {
    let mut sums = FundSums::default();
    for (fund, points) in
        [(Fund::Nhi, 5), (Fund::General, -3), (Fund::Employer, 1), (Fund::Employer, -1)]
    {
        sums.add(fund, points).unwrap();
    }
    let bytes = cbor::to_bytes(&sums);
    assert_eq!(bytes, [0x82, 0x82, 1, 0x22, 0x82, 2, 5]);
    assert_eq!(cbor::from_bytes(&bytes), Ok(sums.clone()));
    assert_eq!(sums.add(Fund::Nhi, i64::MAX), None);
    for wrong in
        [&[0x82, 0x82, 2, 5, 0x82, 1, 5][..], &[0x82, 0x82, 1, 5, 0x82, 1, 5], &[0x81, 0x82, 1, 0]]
    {
        assert!(cbor::from_bytes::<FundSums>(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_month_knows_its_days() {
    let february = Month::parse("2028-02").unwrap();
    assert_eq!(february, Month(2028 * 12 + 1));
    assert_eq!(
        (february.first_day(), february.last_day()),
        (Day::parse("2028-02-01").unwrap(), Day::parse("2028-02-29").unwrap())
    );
    assert_eq!(
        (february.to_string(), Month(2026 * 12 + 11).next().to_string()),
        ("2028-02".into(), "2027-01".into())
    );
    assert_eq!(
        [Month::parse("2028-13"), Month::parse("2028-2"), Month::parse("2028-02-01")],
        [None; 3]
    );
    assert_eq!(Month(u32::MAX).last_day(), Day(u32::MAX - 1), "no month is past the end of time");
}

#[test]
fn a_bank_account_is_a_shops() {
    check(&expect![[r#"
        the city is set up
        staff-1 banks shop-a as=account → proposed
        root-1 approves account → in force
        staff-1 banks station-1 → refused: no such shop
    "#]]);
}

/// Where a shop is paid is two persons' word, and the log knows it by its hash alone.
#[test]
fn a_shops_bank_account_takes_two_persons() {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    let set = |shop: &str, account: &str| {
        let (shop, bank_account) = (PlaceId(id(shop)), bank_account_hash(&[7; 16], account));
        Body::ShopAccount(ShopAccount { shop, bank_account })
    };
    let known = |world: &World| world.tables.shop_accounts.get(&PlaceId(id("shop-a"))).copied();

    let proposal = world.must("staff-1", set("shop-a", "9999-001-1-0000001 A"));
    assert_eq!(known(&world), None, "one person changes nothing");
    let statement_hash = Sha256::digest(&proposal.statement.0).into();
    let approve = Body::Approve(Approve { proposal: proposal.seq, statement_hash });
    let core = world.core(approve.clone());
    let same = world.submit(&core.sign(&key("staff-1"), None));
    assert_eq!(same, Verdict::Refused(Rejection::SamePerson));
    world.must("root-1", approve);
    assert_eq!(known(&world), Some(bank_account_hash(&[7; 16], "9999-001-1-0000001 A")));
    world.enact(set("shop-a", "9999-001-1-0000002 A"));
    assert_eq!(known(&world), Some(bank_account_hash(&[7; 16], "9999-001-1-0000002 A")));
    world.replay(&[1, 3]);
}
