//! Another programme over the actions of a year: the same rules give the same points again,
//! whatever else happened in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use kenmai::log::disk::RealDisk;
use kenmai::simulate::{FundTotals, Pair, SimulateConfig, Simulation, simulate};
use ledger_spec::cbor::List;
use ledger_spec::entry::Effect;
use ledger_spec::ids::{Kid, LinkId, Seq};
use ledger_spec::kinds::{
    AccountStatus, ActionWithdraw, Adjust, BalanceImport, Body, Capture, CataloguePublish, Cause,
    Code, Document, LinkGrant, LinkRevoke, LotExtend, LotPoints, Purpose, Refund, Release,
    RewardCancel, RewardClaim, RewardUse, Role, Status, Void,
};
use ledger_spec::points::{Fund, LotKey, Points, Purse};
use ledger_spec::programme::Programme;
use ledger_spec::state::LOTS_MAX;
use ledger_spec::statement::{Holder, voucher_hash};
use ledger_spec::time::Day;
use serde_json::json;

use crate::city::{
    City, MINUTE_MS, ORIGIN, PROGRAMME, account, approval_of, card, id, key, register,
};
use crate::draws::{commit_of, result_of, value};
use crate::spending::hold_for;

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The rules of the city with a cap of 50 points a month on measurements, one a day, which two
/// persons of the staff can grant as well.
fn rules() -> String {
    let mut rules: serde_json::Value = serde_json::from_str(PROGRAMME).unwrap();
    let measurement = &mut rules["rules"][0];
    measurement["evidence"] = json!(["station", "two_staff"]);
    measurement["same_act"] = "day".into();
    measurement["caps"] = json!([{"per": "month", "points": 50}]);
    rules.to_string()
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
    let body = AccountStatus { account: account(name), status, since, cause: None };
    city.must("staff", Body::AccountStatus(body));
}

fn withdraw(city: &mut City, entry: Seq) {
    city.enact(Body::ActionWithdraw(ActionWithdraw { entry, cause: Cause::Other }));
}

/// Rules over the acts of a city that is closed.
fn simulated(city: &City, rules: &str, fiscal_year: u32) -> Simulation {
    let (data, keys) = (city.data(), city.keys());
    let programme = Programme::parse(rules).unwrap();
    let config = SimulateConfig {
        data_folder: &data,
        origin: ORIGIN,
        keys: &keys,
        programme: &programme,
        fiscal_year,
    };
    simulate(&RealDisk, &config, &mut |_, _| ()).unwrap()
}

/// The same rules over the acts of a city that is closed: each rule and fund gives what it gave.
fn check(city: &City, rules: &str, by_two: u64) -> Vec<(u32, FundTotals)> {
    let found = simulated(city, rules, city.fiscal_year());
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
    let (id, source) = (account("ken"), city.open_paper_cards());
    let import = BalanceImport { account: id, lots: lots_of, control_total, source };
    city.enact(Body::BalanceImport(import));
    assert_eq!(consult(&mut city, "ken"), 0);
    let (lot, until) = (lots[0].lot, lots[1].lot.expires_on);
    city.enact(Body::LotExtend(LotExtend { account: id, lot, until, cause: Cause::Other }));
    assert_eq!(consult(&mut city, "ken"), 300);
    let entry = city.pay("mei", 30);
    city.must("shop", Body::Void(Void { entry }));
    city.pay("ken", 20);

    // What adjustments take of a budget is not there to grant.
    let expires_on = Day::from_ymd(2028, 3, 31).unwrap();
    let lot = LotKey { purse: Purse::Yen, fund: Fund::Nhi, expires_on };
    for points in [9_600, -100] {
        city.enact(Body::Adjust(Adjust { account: id, lot, points, cause: Cause::Other }));
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

/// The rules of the city where a partner reports classes as well, and an employer adds to them.
fn rules_with_partners() -> serde_json::Value {
    let mut rules: serde_json::Value = serde_json::from_str(PROGRAMME).unwrap();
    rules["rules"][4]["evidence"] = json!(["staff", "partner"]);
    rules["rules"][4]["same_act"] = "day".into();
    let added = json!({"rule": 6, "action": "club", "name": "事業所の上乗せ", "name_en": "Employer", "class": "habit",
        "evidence": ["derived"], "points": 10, "purse": "yen", "fund": "general", "same_act": "day", "employer": true,
        "needs": {"days": {"rule": 5, "days": 1, "per": "month"}}, "caps": [{"per": "month", "points": 10}]});
    rules["rules"].as_array_mut().unwrap().push(added);
    rules
}

/// A resident with a phone who has as many lots as an account can have, each of ten points: one of
/// another fund has no place until one of them is spent.
fn join_full(city: &mut City, name: &str) {
    city.join(name);
    city.enrol(name);
    let until = Day::of_ms(city.now_s() * 1_000).plus(400);
    let care = |days| {
        let (purse, fund, expires_on) = (Purse::Yen, Fund::CareInsurance, until.plus(days));
        LotKey { purse, fund, expires_on }
    };
    let entry = LotKey { purse: Purse::Challenge, fund: Fund::None, expires_on: until };
    let days = 1..u32::try_from(LOTS_MAX).unwrap();
    let mut keys: Vec<LotKey> = days.map(care).chain([entry]).collect();
    keys.sort();
    let lot_of = |lot| LotPoints { lot, points: Points::new(10).unwrap() };
    let lots: Vec<LotPoints> = keys.into_iter().map(lot_of).collect();
    let (control_total, lots) = (10 * lots.len() as u64, List(lots));
    let source = city.open_paper_cards();
    let import = BalanceImport { account: account(name), lots, control_total, source };
    city.enact(Body::BalanceImport(import));
}

/// Ten points, which one lot has, for an item of the catalogue.
fn claim(city: &mut City, name: &str, item: &str, secret: u8) -> Seq {
    let (item, points) = (Code::new(item).unwrap(), Points::new(10).unwrap());
    let code = Some(voucher_hash(&[secret; 16]));
    let core = city.core(Body::RewardClaim(RewardClaim { item, points, code }));
    let disclosure = city.disclosure(None);
    city.submit(&core.sign(&key(name), Some(&disclosure))).unwrap().accounting.seq
}

fn publish_catalogue(city: &mut City) {
    let today = Day::of_ms(city.now_s() * 1_000);
    let item = |number: u32, code: &str, purse: &str, until: Day, gives: serde_json::Value| {
        json!({"number": number, "code": code, "name": "品", "name_en": "An item", "purse": purse, "points": 10,
            "from": today, "until": until, "gives": gives})
    };
    let voucher =
        json!({"voucher": {"area": "city", "receives": 10, "valid_days": 9, "unused": "lapse"}});
    let lottery = json!({"lottery": {"prizes": 2, "draw_from": today.plus(1)}});
    let items = [
        item(1, "tombola", "challenge", today, lottery),
        item(2, "bath", "yen", today.plus(1), voucher),
    ];
    let document = json!({"version": 1, "items": items}).to_string();
    let document = Document::new(&document).unwrap();
    city.enact(Body::CataloguePublish(CataloguePublish { version: 1, document }));
}

/// The phone lets the partner do something, and the link's number.
fn link(city: &mut City, name: &str, purpose: Purpose) -> LinkId {
    let link = LinkId(id(&format!("{purpose:?} of {name}")));
    let until = Day::of_ms(city.now_s() * 1_000).plus(30);
    let partner = Kid::of(key("partner").verifying_key().as_bytes());
    let core = city.core(Body::LinkGrant(LinkGrant { link, purpose, until, partner }));
    let disclosure = city.disclosure(None);
    city.submit(&core.sign(&key(name), Some(&disclosure))).unwrap();
    link
}

/// Each of these does something else with the ten points of one lot before the second consultation,
/// which brings 300 points where the place is free by then, none where the lot has come back.
const MOVES: [(&str, u32); 8] = [
    ("holds", 300),
    ("releases", 0),
    ("captures", 300),
    ("refunds", 0),
    ("claims", 300),
    ("uses", 300),
    ("cancels", 0),
    ("draws", 300),
];

/// What each but the last does.
fn make_moves(city: &mut City) {
    let points = Points::new(10).unwrap();
    hold_for(city, "holds", 10, 10);
    let hold = hold_for(city, "releases", 10, 10);
    city.must("shop", Body::Release(Release { hold }));
    let hold = hold_for(city, "captures", 10, 10);
    city.must("shop", Body::Capture(Capture { hold, points }));
    let entry = city.pay("refunds", 10);
    city.enact(Body::Refund(Refund { entry, points, cause: Cause::Other }));
    claim(city, "claims", "bath", 1);
    let voucher = claim(city, "uses", "bath", 2);
    city.must("shop", Body::RewardUse(RewardUse { voucher, secret: [2; 16] }));
    let voucher = claim(city, "cancels", "bath", 3);
    city.must("staff", Body::RewardCancel(RewardCancel { voucher, cause: Cause::Other }));
}

/// Holds, refunds, rewards and draws move lots, on which later grants depend; links are what a
/// partner reports by and an employer adds by.
#[test]
fn what_residents_do_with_points_and_links_is_taken_over() {
    let eve = Day::from_ymd(2024, 10, 14).unwrap();
    let rules = rules_with_partners();
    let city = City::fresh_since(Arc::new(RealDisk), eve);
    let mut city = city.settle_under(&rules.to_string());
    city.enact(register("partner", Role::Partner));
    publish_catalogue(&mut city);
    city.enrol("ken");
    for (name, _) in MOVES {
        join_full(&mut city, name);
        let entry = city.consult(name);
        assert_eq!(granted(&city, entry), [0], "{name} has no place for it");
    }
    let claimed = claim(&mut city, "draws", "tombola", 0);
    city.clock.pass(7 * 60 * MINUTE_MS);
    let commit = city.must("staff", Body::DrawCommit(commit_of(&[claimed])));
    city.clock.pass(2 * 60 * MINUTE_MS);
    city.must("staff", Body::DrawResult(result_of(commit, &value(), &[claimed])));
    make_moves(&mut city);
    for (name, expected) in MOVES {
        let entry = city.consult(name);
        assert_eq!(granted(&city, entry), [expected], "{name}");
    }
    let ended = link(&mut city, "ken", Purpose::Employer);
    city.must("staff", Body::LinkRevoke(LinkRevoke { link: ended }));
    link(&mut city, "mei", Purpose::Employer);
    for (name, expected) in [("mei", &[20, 10][..]), ("ken", &[20])] {
        let sessions = link(&mut city, name, Purpose::Sessions);
        let entry = city.act("partner", "class", None, Holder::Link(sessions));
        assert_eq!(granted(&city, entry), expected, "{name}");
    }
    city.close();
    let given = |acts, points| FundTotals { acts, points };
    let expected = [(2, given(16, 1_500)), (5, given(2, 40)), (6, given(1, 10))];
    assert_eq!(check(&city, &rules.to_string(), 0), expected);

    // A consultation of 200: five of them had a place.
    let mut cheaper = rules.clone();
    cheaper["rules"][1]["points"] = 200.into();
    let found = simulated(&city, &cheaper.to_string(), 2024);
    let pair = |was, would| Pair { was, would };
    let of_rules: Vec<(u32, Pair)> =
        found.rules.into_iter().map(|(rule, (_, pair))| (rule, pair)).collect();
    let classes = pair(given(2, 40), given(2, 40));
    let employer = pair(given(1, 10), given(1, 10));
    let care = pair(given(16, 1_500), given(16, 1_000));
    assert_eq!(of_rules, [(2, care), (5, classes), (6, employer)]);
    let nhi = pair(given(7, 1_540), given(7, 1_040));
    assert_eq!(found.funds, BTreeMap::from([(Fund::General, employer), (Fund::Nhi, nhi)]));
    assert_eq!((found.refused.len(), found.sealed, found.by_two), (0, 0, 0));

    // Classes by staff alone: the partner's two reports are refused, and the employer adds nothing.
    let mut by_staff = rules;
    by_staff["rules"][4]["evidence"] = json!(["staff"]);
    let found = simulated(&city, &by_staff.to_string(), 2024);
    let of_rules: Vec<(u32, Pair)> =
        found.rules.into_iter().map(|(rule, (_, pair))| (rule, pair)).collect();
    let care = pair(given(16, 1_500), given(16, 1_500));
    let nothing = FundTotals::default();
    let [classes, employer] = [classes, employer].map(|Pair { was, .. }| pair(was, nothing));
    assert_eq!(of_rules, [(2, care), (5, classes), (6, employer)]);
    assert_eq!(found.refused.values().sum::<u64>(), 2, "{:?}", found.refused);
}
