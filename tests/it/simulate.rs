//! Another programme over the actions of a year: the same rules give the same points again,
//! whatever else happened in the ledger.

use kenmai::log::disk::RealDisk;
use kenmai::simulate::{FundTotals, Pair, SimulateConfig, simulate};
use ledger_spec::cbor::List;
use ledger_spec::entry::Effect;
use ledger_spec::ids::Seq;
use ledger_spec::kinds::{
    AccountStatus, ActionWithdraw, Adjust, BalanceImport, Body, LotExtend, LotPoints, Note, Status,
    Void,
};
use ledger_spec::points::{Fund, LotKey, Points, Purse};
use ledger_spec::programme::Programme;
use ledger_spec::state::LOTS_MAX;
use ledger_spec::statement::Holder;
use ledger_spec::time::Day;

use crate::city::{City, MINUTE_MS, ORIGIN, PROGRAMME, account, approval_of, card};

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The rules of the city with a cap of 50 points a month on measurements, one a day, which two
/// persons of the staff can grant as well.
fn rules() -> String {
    let mut rules: serde_json::Value = serde_json::from_str(PROGRAMME).unwrap();
    let measurement = &mut rules["rules"][0];
    measurement["evidence"] = serde_json::json!(["station", "two_staff"]);
    measurement["same_act"] = "day".into();
    measurement["caps"] = serde_json::json!([{"per": "month", "points": 50}]);
    rules.to_string()
}

fn note() -> Note {
    Note::new("a reason").unwrap()
}

/// What an entry granted.
fn granted(city: &City, entry: Seq) -> Vec<u32> {
    let (_, accounting) = city.engine().entry(entry).unwrap().unwrap();
    let granted = accounting.effects.iter().filter_map(|effect| {
        if let Effect::ActionJudged { granted, .. } = effect { Some(*granted) } else { None }
    });
    granted.collect()
}

/// A measurement by card, on the day after, and what it brought.
fn measure(city: &mut City, name: &str) -> u32 {
    city.clock.pass(DAY_MS);
    let entry = city.act("station", "vegetables", None, Holder::Card(card(name)));
    granted(city, entry)[0]
}

/// A consultation on a day of its own, and what it brought.
fn consult(city: &mut City, name: &str) -> u32 {
    city.clock.pass(DAY_MS);
    let entry = city.consult(name);
    granted(city, entry)[0]
}

fn set_status(city: &mut City, name: &str, status: Status) {
    let since = Day::of_ms(city.now_s() * 1_000);
    let body = AccountStatus { account: account(name), status, since, reason: None };
    city.must("staff", Body::AccountStatus(body));
}

fn withdraw(city: &mut City, entry: Seq) {
    city.enact(Body::ActionWithdraw(ActionWithdraw { entry, reason: note() }));
}

/// The same rules over the acts of a city that is closed: each rule and fund gives what it gave.
fn check(city: &City, rules: &str, by_two: u64) -> Vec<(u32, FundTotals)> {
    let (data, keys) = (city.data(), city.keys());
    let programme = Programme::parse(rules).unwrap();
    let config = SimulateConfig {
        data_folder: &data,
        origin: ORIGIN,
        keys: &keys,
        programme: &programme,
        fiscal_year: 2026,
    };
    let found = simulate(&RealDisk, &config, &mut |_, _| ()).unwrap();
    assert_eq!((found.refused.len(), found.sealed, found.by_two), (0, 0, by_two));
    let same = |pair: &Pair| pair.was == pair.would;
    assert!(found.funds.values().all(same), "{:?}", found.funds);
    assert!(found.rules.values().all(|(_, pair)| same(pair)), "{:?}", found.rules);
    found.rules.into_iter().map(|(rule, (_, pair))| (rule, pair.was)).collect()
}

/// Standings, caps that withdrawals and grants by two persons move, a budget that adjustments use
/// up, lots that come and go: on each of them a later action depends.
#[test]
fn the_same_rules_over_the_same_acts_give_the_same_points() {
    let rules = rules();
    let mut city = City::fresh().settle_under(&rules);
    city.enrol("ken");
    let staff = city.action("staff", "vegetables", None, Holder::Account(account("ken")));
    let proposal = city.submit(&staff).unwrap().accounting;
    let approval = approval_of(&proposal);
    let by_two = city.must("root-1", approval);
    assert_eq!(granted(&city, by_two), [20]);
    assert_eq!([measure(&mut city, "ken"), measure(&mut city, "ken")], [20, 10], "the cap");
    withdraw(&mut city, by_two);
    assert_eq!(measure(&mut city, "ken"), 20);

    assert_eq!(measure(&mut city, "mei"), 20);
    set_status(&mut city, "mei", Status::Frozen);
    assert_eq!(measure(&mut city, "mei"), 0, "nothing for a suspended account");
    set_status(&mut city, "mei", Status::Active);
    assert_eq!(measure(&mut city, "mei"), 20);
    assert_eq!(measure(&mut city, "mei"), 10, "the cap");

    // Ken has no place for a lot of another fund, until one is extended into another, and again
    // until one is spent.
    let until = Day::from_ymd(2028, 1, 1).unwrap();
    let lots: Vec<LotPoints> = (1..LOTS_MAX)
        .zip((1..).map(|days| until.plus(days)))
        .map(|(_, expires_on)| LotKey { purse: Purse::Yen, fund: Fund::CareInsurance, expires_on })
        .map(|lot| LotPoints { lot, points: Points::new(10).unwrap() })
        .collect();
    let (control_total, lots_of) = (10 * lots.len() as u64, List(lots.clone()));
    let (id, source) = (account("ken"), note());
    let import = BalanceImport { account: id, lots: lots_of, control_total, source };
    city.enact(Body::BalanceImport(import));
    assert_eq!(consult(&mut city, "ken"), 0);
    let (lot, until) = (lots[0].lot, lots[1].lot.expires_on);
    city.enact(Body::LotExtend(LotExtend { account: id, lot, until, reason: note() }));
    assert_eq!(consult(&mut city, "ken"), 300);
    let entry = city.pay("mei", 30);
    city.must("shop", Body::Void(Void { entry }));
    city.pay("ken", 20);

    // What adjustments take of a budget is not there to grant.
    let expires_on = Day::from_ymd(2028, 3, 31).unwrap();
    let lot = LotKey { purse: Purse::Yen, fund: Fund::Nhi, expires_on };
    for points in [9_600, -100] {
        city.enact(Body::Adjust(Adjust { account: id, lot, points, reason: note() }));
    }
    assert_eq!([consult(&mut city, "mei"), consult(&mut city, "mei")], [200, 0]);
    city.close();
    let given = |acts, points| FundTotals { acts, points };
    assert_eq!(check(&city, &rules, 1), [(1, given(7, 100)), (2, given(4, 500))]);
}

/// A story of the kinds that most days bring.
#[test]
fn a_story_of_three_days_gives_the_same_points() {
    let mut city = City::settled();
    city.live();
    city.close();
    let given = |acts, points| FundTotals { acts, points };
    let expected = [(1, given(3, 60)), (2, given(1, 300)), (3, given(1, 500)), (4, given(1, 15))];
    assert_eq!(check(&city, PROGRAMME, 0), expected);
}
