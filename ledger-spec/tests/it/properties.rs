//! Random days in a small city, against a model that knows nothing but lists: every balance, cap, limit and budget is
//! added up from the beginning each time.

mod corrections;

use std::collections::BTreeMap;

use ledger_spec::{
    decide::Rejection,
    entry::{ActionClass, CapOf, CapPer, Contra, Reason},
    ids::{PlaceId, Seq},
    kinds::{Action, Body, Code, DayClose, Redeem, Status, Void},
    points::{Fund, LotKey, Points, Purse},
    rows::{Lot, Overlay},
    statement::{Disclosure, Holder},
    time::Day,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::corrections::{Correction, Move, Source, correction};
use crate::world::{Verdict, World, account, facts, id, key, sign_token};

const RESIDENTS: [&str; 3] = ["hanako", "taro", "yuki"];
const SHOPS: [&str; 2] = ["shop-a", "shop-b"];
const FUNDS: [(Fund, u32, u32); 4] = [
    (Fund::General, 2026, 260),
    (Fund::Nhi, 2026, 400),
    (Fund::General, 2027, 200),
    (Fund::Nhi, 2027, 330),
];
/// Caps of the first rule, then of habits, then of all yen; the same in both years.
const CAPS: [(CapOf, CapPer, u32); 5] = [
    (CapOf::Rule, CapPer::Day, 30),
    (CapOf::Rule, CapPer::FiscalYear, 110),
    (CapOf::Class, CapPer::Day, 45),
    (CapOf::Class, CapPer::Month, 130),
    (CapOf::All, CapPer::FiscalYear, 500),
];
const REDEEM_MIN: u32 = 5;
const REDEEM_MAX: u32 = 100;
const REDEEM_MAX_DAY: u32 = 150;
const REDEEM_MAX_FRESH: u32 = 90;

/// A programme as the model knows it.
struct Rules {
    version: u32,
    from: &'static str,
    until: &'static str,
    late_days: u32,
    expires_on: &'static str,
    funds: [Fund; 2],
}

/// Two of one fiscal year, the first with points that expire on its last possible report, and one of the next year.
const PROGRAMMES: [Rules; 3] = [
    Rules {
        version: 1,
        from: "2026-04-01",
        until: "2027-03-26",
        late_days: 5,
        expires_on: "2027-03-31",
        funds: [Fund::Nhi, Fund::General],
    },
    Rules {
        version: 2,
        from: "2027-03-27",
        until: "2027-03-31",
        late_days: 4,
        expires_on: "2029-03-31",
        funds: [Fund::Nhi, Fund::General],
    },
    Rules {
        version: 3,
        from: "2027-04-01",
        until: "2028-03-31",
        late_days: 2,
        expires_on: "2029-03-31",
        funds: [Fund::General, Fund::Nhi],
    },
];

fn rules_of(day: Day) -> &'static Rules {
    PROGRAMMES.iter().rfind(|rules| Day::parse(rules.from).unwrap() <= day).unwrap()
}

/// What can be reported: signer, action, exact action, rule, points, class, purse, fund, whether once a day.
struct Report {
    signer: &'static str,
    action: &'static str,
    exact: Option<&'static str>,
    rule: u32,
    points: u32,
    class: ActionClass,
    fund: Fund,
    once_a_day: bool,
}

const fn report(signer: &'static str, action: &'static str, rule: u32, points: u32) -> Report {
    let (class, fund) = (ActionClass::Habit, Fund::General);
    Report { signer, action, exact: None, rule, points, class, fund, once_a_day: false }
}

const REPORTS: [Report; 5] = [
    report("station-1", "vegetables", 1, 20),
    report("station-2", "vegetables", 1, 20),
    Report { fund: Fund::None, once_a_day: true, ..report("staff-1", "walk", 4, 15) },
    Report { fund: Fund::Nhi, ..report("staff-2", "class", 5, 20) },
    Report {
        exact: Some("guidance"),
        class: ActionClass::Milestone,
        fund: Fund::Nhi,
        once_a_day: true,
        ..report("coach", "care", 2, 300)
    },
];

fn changes(rules: &Rules) -> Vec<(String, Value)> {
    let fiscal_year = Day::parse(rules.from).unwrap().fiscal_year();
    let years = Day::parse(rules.expires_on).unwrap().fiscal_year() - fiscal_year;
    let cap = |(of, per, points): &(CapOf, CapPer, u32)| match of {
        CapOf::Rule => json!({"per": per, "points": points}),
        CapOf::Class => json!({"class": "habit", "purse": "yen", "per": per, "points": points}),
        CapOf::All => json!({"purse": "yen", "per": per, "points": points}),
        CapOf::Days => unreachable!("no cap is over days"),
    };
    let caps = |own: bool| -> Vec<Value> {
        CAPS.iter().filter(|c| (c.0 == CapOf::Rule) == own).map(cap).collect()
    };
    let redeem = json!({
        "min": REDEEM_MIN, "max_transaction": REDEEM_MAX, "max_day": REDEEM_MAX_DAY,
        "fresh_device_max_day": REDEEM_MAX_FRESH,
    });
    [
        ("version", json!(rules.version)),
        ("fiscal_year", json!(fiscal_year)),
        ("from", json!(rules.from)),
        ("until", json!(rules.until)),
        ("late_days", json!(rules.late_days)),
        ("expires_after_years", json!(years)),
        ("funds", json!(rules.funds)),
        ("redeem", redeem),
        ("caps", json!(caps(false))),
        ("rules.0.caps", json!(caps(true))),
    ]
    .map(|(path, value)| (path.into(), value))
    .into()
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Wait {
        minutes: u64,
    },
    Report {
        report: usize,
        resident: usize,
        minutes_late: u64,
    },
    Redeem {
        shop: usize,
        resident: usize,
        points: u32,
    },
    Void {
        shop: usize,
        which: prop::sample::Index,
    },
    /// The same bytes once more.
    Again {
        which: prop::sample::Index,
    },
    CloseDay,
    Correct(Correction),
}

fn step() -> impl Strategy<Value = Step> {
    let (resident, shop) = (0..RESIDENTS.len(), 0..SHOPS.len());
    let which = any::<prop::sample::Index>();
    let late = prop_oneof![3 => 0..3_u64, 1 => 0..9_000_u64];
    let wait = prop_oneof![2 => 0..3_u64, 2 => 0..600_u64, 1 => 0..6_000_u64];
    prop_oneof![
        3 => wait.prop_map(|minutes| Step::Wait { minutes }),
        6 => (0..REPORTS.len(), resident.clone(), late).prop_map(
            |(report, resident, minutes_late)| Step::Report { report, resident, minutes_late }),
        4 => (shop.clone(), resident, 4..102_u32)
            .prop_map(|(shop, resident, points)| Step::Redeem { shop, resident, points }),
        1 => (shop, which.clone()).prop_map(|(shop, which)| Step::Void { shop, which }),
        2 => which.prop_map(|which| Step::Again { which }),
        1 => Just(Step::CloseDay),
        4 => correction().prop_map(Step::Correct),
    ]
}

/// What a statement says, and when it was made.
#[derive(Clone, Copy, Debug)]
enum Said {
    Report { report: usize, resident: usize, performed_at_s: u64 },
    Redeem { shop: usize, resident: usize, points: u32 },
    Void { shop: usize, entry: Seq },
}

#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Granted(u32, Reason),
    Moved(Vec<(LotKey, i64)>),
    Replayed(Seq),
    Refused(Rejection),
}

struct Grant {
    seq: Seq,
    said: (usize, usize, u64),
    lot: LotKey,
    points: u32,
    withdrawn_by: Option<Seq>,
}

struct Spend {
    seq: Seq,
    shop: usize,
    resident: usize,
    day: Day,
    parts: Vec<(LotKey, i64)>,
    undone_by: Option<Seq>,
}

/// Lists of what happened, and nothing else.
struct Model {
    joined_on: Day,
    grants: Vec<Grant>,
    spends: Vec<Spend>,
    moves: Vec<Move>,
    standings: BTreeMap<usize, (Status, Day)>,
}

fn day_of(performed_at_s: u64) -> Day {
    Day::of_ms(performed_at_s * 1_000)
}

fn same_period(per: CapPer, a: Day, b: Day) -> bool {
    match per {
        CapPer::Day => a == b,
        CapPer::Month => (a.ymd().0, a.ymd().1) == (b.ymd().0, b.ymd().1),
        CapPer::FiscalYear => a.fiscal_year() == b.fiscal_year(),
        CapPer::Week => (a.0 + 3) / 7 == (b.0 + 3) / 7,
    }
}

impl Model {
    fn lots(&self, resident: usize) -> BTreeMap<LotKey, i64> {
        let mut lots = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| grant.said.1 == resident) {
            *lots.entry(grant.lot).or_default() += i64::from(grant.points);
        }
        let spends = self.spends.iter().filter(|s| s.resident == resident && s.undone_by.is_none());
        for (lot, points) in spends.flat_map(|spend| &spend.parts) {
            *lots.entry(*lot).or_default() += points;
        }
        for moved in self.moves.iter().filter(|moved| moved.resident == resident) {
            *lots.entry(moved.lot).or_default() += moved.points;
        }
        lots.retain(|_, points| *points != 0);
        lots
    }

    fn granted(&self, counts: impl Fn(&Grant, &Report, Day) -> bool) -> u32 {
        let standing = self.grants.iter().filter(|grant| grant.withdrawn_by.is_none());
        let counted = standing.filter(|g| counts(g, &REPORTS[g.said.0], day_of(g.said.2)));
        counted.map(|grant| grant.points).sum()
    }

    fn expect_report(&self, (which, resident, at_s): (usize, usize, u64), now_s: u64) -> Expected {
        let (report, day) = (&REPORTS[which], day_of(at_s));
        if day < day_of(now_s).minus(rules_of(day).late_days) {
            return Expected::Refused(Rejection::DayTooOld);
        }
        let same = |other: &&Grant| {
            let (theirs, who, theirs_at_s) = other.said;
            let there = REPORTS[theirs].signer == report.signer || report.once_a_day;
            let when = if report.once_a_day {
                day_of(theirs_at_s) == day
            } else {
                theirs_at_s / 60 == at_s / 60
            };
            who == resident && REPORTS[theirs].action == report.action && there && when
        };
        let mut standing = self.grants.iter().filter(|grant| grant.withdrawn_by.is_none());
        if let Some(first) = standing.find(same) {
            return Expected::Refused(Rejection::ActionDuplicate(first.seq));
        }
        if let Some(status) = self.bars_earning(resident, day_of(now_s), day) {
            return Expected::Granted(0, Reason::Standing(status));
        }
        if RESIDENTS[resident] == "yuki" {
            return Expected::Granted(0, Reason::NotEligible);
        }
        let (mut points, mut reason) = (report.points, Reason::Full);
        let mut bind = |room: u32, why: Reason| {
            if room < points {
                (points, reason) = (room, why);
            }
        };
        for (of, per, cap) in CAPS.iter().filter(|_| report.fund != Fund::None) {
            let applies = |other: &Report| match of {
                CapOf::Rule => other.rule == 1,
                CapOf::Class => other.class == ActionClass::Habit && other.fund != Fund::None,
                CapOf::All => other.fund != Fund::None,
                CapOf::Days => unreachable!("no cap is over days"),
            };
            if applies(report) {
                let charged = self.granted(|grant, other, theirs| {
                    grant.said.1 == resident && applies(other) && same_period(*per, theirs, day)
                });
                bind(cap - charged, Reason::Cap(*of, *per));
            }
        }
        if let Some((fund, year, money)) =
            FUNDS.iter().find(|(fund, year, _)| (*fund, *year) == (report.fund, day.fiscal_year()))
        {
            let used = u32::try_from(self.used(*fund, *year)).unwrap();
            bind(money - used, Reason::Budget);
        }
        Expected::Granted(points, reason)
    }

    fn expect_redeem(&self, said: (usize, usize, u32), made_s: u64, now_s: u64) -> Expected {
        let ((_, resident, points), today) = (said, day_of(now_s));
        let spent: i64 = self
            .spends
            .iter()
            .filter(|s| s.resident == resident && s.day == today && s.undone_by.is_none())
            .flat_map(|spend| &spend.parts)
            .map(|(_, points)| -points)
            .sum();
        let spent = u32::try_from(spent).unwrap() + points;
        let rules = rules_of(today);
        let order = |fund| rules.funds.iter().position(|f| *f == fund);
        let mut lots: Vec<(LotKey, i64)> = self.lots(resident).into_iter().collect();
        lots.retain(|(lot, _)| lot.purse == Purse::Yen && lot.expires_on >= today);
        lots.sort_by_key(|(lot, _)| (lot.expires_on, order(lot.fund)));
        let balance: i64 = lots.iter().map(|(_, points)| points).sum();
        let refusal = if day_of(made_s) < today.minus(1) {
            Rejection::DayTooOld
        } else if now_s > made_s + 60 {
            Rejection::DeadlinePassed
        } else if rules_of(day_of(made_s)).version != rules.version {
            Rejection::ProgrammeVersion(rules.version)
        } else if points < REDEEM_MIN {
            Rejection::BelowMinimum(REDEEM_MIN)
        } else if points > REDEEM_MAX {
            Rejection::AboveMaximum(REDEEM_MAX)
        } else if self.standing(resident, today) == Some(Status::Frozen) {
            Rejection::AccountFrozen
        } else if self.standing(resident, today) == Some(Status::Deceased) {
            Rejection::AccountDeceased
        } else if spent > REDEEM_MAX_DAY {
            Rejection::DayLimit(REDEEM_MAX_DAY)
        } else if today <= self.joined_on.plus(1) && spent > REDEEM_MAX_FRESH {
            Rejection::FreshDeviceLimit(REDEEM_MAX_FRESH)
        } else if balance < i64::from(points) {
            Rejection::InsufficientPoints
        } else {
            let mut left = i64::from(points);
            let parts = lots.into_iter().map(|(lot, held)| {
                let taken = held.min(left);
                left -= taken;
                (lot, -taken)
            });
            return Expected::Moved(parts.filter(|(_, points)| *points != 0).collect());
        };
        Expected::Refused(refusal)
    }

    fn expect_void(&self, (shop, entry): (usize, Seq), made_s: u64, now_s: u64) -> Expected {
        let today = day_of(now_s);
        let Some(spend) = self.spends.iter().find(|spend| spend.seq == entry) else {
            let old = day_of(made_s) < today.minus(1);
            let why = if old { Rejection::DayTooOld } else { Rejection::NotARedemption };
            return Expected::Refused(why);
        };
        let refusal = if day_of(made_s) < today.minus(1) {
            Rejection::DayTooOld
        } else if spend.shop != shop {
            Rejection::OtherShop
        } else if let Some(by) = spend.undone_by {
            Rejection::AlreadyUndone(by)
        } else if spend.day != today {
            Rejection::VoidClosed
        } else {
            let back = spend.parts.iter().rev().map(|(lot, points)| (*lot, -points));
            return Expected::Moved(back.collect());
        };
        Expected::Refused(refusal)
    }

    fn expect(&self, said: Said, made_s: u64, now_s: u64) -> Expected {
        match said {
            Said::Report { report, resident, performed_at_s } => {
                self.expect_report((report, resident, performed_at_s), now_s)
            }
            Said::Redeem { shop, resident, points } => {
                self.expect_redeem((shop, resident, points), made_s, now_s)
            }
            Said::Void { shop, entry } => self.expect_void((shop, entry), made_s, now_s),
        }
    }

    fn note(&mut self, said: Said, expected: &Expected, seq: Seq, now_s: u64) {
        match (said, expected) {
            (Said::Report { report, resident, performed_at_s }, Expected::Granted(points, _)) => {
                let (fund, rules) = (REPORTS[report].fund, rules_of(day_of(performed_at_s)));
                let purse = if fund == Fund::None { Purse::Challenge } else { Purse::Yen };
                let lot = LotKey { purse, fund, expires_on: Day::parse(rules.expires_on).unwrap() };
                let said = (report, resident, performed_at_s);
                self.grants.push(Grant { seq, said, lot, points: *points, withdrawn_by: None });
            }
            (Said::Redeem { shop, resident, .. }, Expected::Moved(parts)) => {
                let (day, parts) = (day_of(now_s), parts.clone());
                self.spends.push(Spend { seq, shop, resident, day, parts, undone_by: None });
            }
            (Said::Void { entry, .. }, Expected::Moved(_)) => {
                let undone = self.spends.iter_mut().find(|spend| spend.seq == entry);
                undone.unwrap().undone_by = Some(seq);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A statement as it was sent.
struct Sent {
    bytes: Vec<u8>,
    said: Said,
    made_s: u64,
    accepted: Option<Seq>,
}

struct City {
    world: World,
    model: Model,
    sent: Vec<Sent>,
}

impl City {
    fn found() -> Self {
        let mut world = World::at("2027-03-25", "09:00");
        world.staff();
        PROGRAMMES.iter().for_each(|rules| world.publish(rules.version, &changes(rules)));
        for (fund, fiscal_year, points) in FUNDS {
            world.allocate(fund, fiscal_year, points);
        }
        RESIDENTS.iter().for_each(|resident| world.join(resident));
        world.must("staff-1", facts("yuki", false));
        let model = Model {
            joined_on: world.today(),
            grants: Vec::new(),
            spends: Vec::new(),
            moves: Vec::new(),
            standings: BTreeMap::new(),
        };
        Self { world, model, sent: Vec::new() }
    }

    fn sign(&mut self, said: Said) -> Vec<u8> {
        match said {
            Said::Report { report, resident, performed_at_s } => {
                let Report { signer, action, exact, .. } = REPORTS[report];
                let holder = if signer.starts_with("staff") {
                    Holder::Account(account(RESIDENTS[resident]))
                } else {
                    Holder::Card(crate::world::card(RESIDENTS[resident]))
                };
                let exact_action = exact.and_then(Code::new);
                let honest = self.world.disclosure(Some(holder));
                let disclosure = Disclosure { performed_at_s, exact_action, ..honest };
                let action = Code::new(action).unwrap();
                let mut core = self.world.core(Body::Action(Action { action }));
                core.day = day_of(performed_at_s);
                core.programme = Some(rules_of(core.day).version);
                core.sign(&key(signer), Some(&disclosure))
            }
            Said::Redeem { shop, resident, points } => {
                let token = self.world.pay_token();
                let holder = Holder::Phone(sign_token(&token, RESIDENTS[resident]));
                let disclosure = self.world.disclosure(Some(holder));
                let points = Points::new(points).unwrap();
                let body = Body::Redeem(Redeem { shop: PlaceId(id(SHOPS[shop])), points });
                self.world.core(body).sign(&key(SHOPS[shop]), Some(&disclosure))
            }
            Said::Void { shop, entry } => {
                self.world.core(Body::Void(Void { entry })).sign(&key(SHOPS[shop]), None)
            }
        }
    }

    fn act(&mut self, step: &Step) {
        let now_s = self.world.now_s();
        let said = match step {
            Step::Wait { minutes } => {
                self.world.now_ms += minutes * 60_000;
                return;
            }
            Step::CloseDay => return self.close_day(),
            Step::Correct(correction) => return self.correct(correction),
            Step::Again { which } => {
                if !self.sent.is_empty() {
                    let which = which.index(self.sent.len());
                    self.send(which);
                }
                return;
            }
            Step::Report { report, resident, minutes_late } => Said::Report {
                report: *report,
                resident: *resident,
                performed_at_s: now_s - minutes_late * 60,
            },
            Step::Redeem { shop, resident, points } => {
                Said::Redeem { shop: *shop, resident: *resident, points: *points }
            }
            Step::Void { shop, which } => {
                let spends = &self.model.spends;
                let entry =
                    if spends.is_empty() { Seq(0) } else { spends[which.index(spends.len())].seq };
                Said::Void { shop: *shop, entry }
            }
        };
        let bytes = self.sign(said);
        self.sent.push(Sent { bytes, said, made_s: now_s, accepted: None });
        self.send(self.sent.len() - 1);
    }

    fn send(&mut self, which: usize) {
        let now_s = self.world.now_s();
        let Sent { bytes, said, made_s, accepted } = &self.sent[which];
        let expected = match accepted {
            Some(seq) => Expected::Replayed(*seq),
            None => self.model.expect(*said, *made_s, now_s),
        };
        let before = self.world.tables.size;
        let found = match self.world.submit(bytes) {
            Verdict::Accepted(entry) => {
                self.model.note(*said, &expected, entry.seq, now_s);
                self.sent[which].accepted = Some(entry.seq);
                found_in(&entry)
            }
            Verdict::Replayed(seq) => Expected::Replayed(seq),
            Verdict::Refused(rejection) => Expected::Refused(rejection),
            other @ (Verdict::Reused | Verdict::Malformed(_)) => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
        let grown = matches!(found, Expected::Granted(..) | Expected::Moved(_));
        assert_eq!(self.world.tables.size, before + u64::from(grown), "a refusal leaves nothing");
        self.check_books();
    }

    fn close_day(&mut self) {
        let rows = Overlay::over(&self.world.tables);
        if let Some(day) = rows.open_day_before(self.world.today()) {
            self.world.must("system", Body::DayClose(DayClose { day }));
        }
    }

    /// Every point is in exactly one place.
    fn check_books(&self) {
        let tables = &self.world.tables;
        for (resident, name) in RESIDENTS.iter().enumerate() {
            let lots = &tables.accounts[&account(name)].lots;
            let found: Vec<(LotKey, i64)> =
                lots.iter().map(|Lot { key, points }| (*key, i64::from(*points))).collect();
            let expected: Vec<(LotKey, i64)> = self.model.lots(resident).into_iter().collect();
            assert_eq!(found, expected);
            assert!(found.iter().all(|(_, points)| *points > 0));
        }
        let mut allocated = 0;
        let mut left = 0;
        for (fund, year, points) in FUNDS {
            let budget = tables.budgets[&(fund, year)];
            assert_eq!(budget.allocated, u64::from(points));
            assert!(budget.granted <= budget.allocated);
            allocated += budget.allocated;
            left += budget.allocated - budget.granted;
        }
        let yen = |lot: &&Lot| lot.key.purse == Purse::Yen;
        let held = tables.accounts.values().flat_map(|row| &row.lots).filter(yen);
        let held: u64 = held.map(|lot| u64::from(lot.points)).sum();
        let due: u64 = tables.shops.values().map(|shop| shop.total).sum();
        let moved = |source: Source| -> u64 {
            let moves = self.model.moves.iter();
            let moves = moves.filter(|m| m.source == source && m.lot.fund != Fund::None);
            moves.map(|m| m.points.unsigned_abs()).sum()
        };
        let [expired, imported] = [&tables.expired, &tables.imported].map(|sums| -> u64 {
            sums.iter().filter(|(fund, _)| **fund != Fund::None).map(|(_, points)| points).sum()
        });
        assert_eq!((expired, imported), (moved(Source::Expired), moved(Source::Brought)));
        let placed = left + held + due + expired;
        assert_eq!(allocated + imported, placed, "points neither appear nor vanish");
    }
}

fn found_in(entry: &ledger_spec::entry::Accounting) -> Expected {
    use ledger_spec::entry::Effect;
    let moved = || entry.postings().map(|(lot, points, _)| (lot, points)).collect();
    let judged = entry.effects.iter().find_map(|effect| {
        if let Effect::ActionJudged { granted, reason, .. } = effect {
            Some((*granted, *reason))
        } else {
            None
        }
    });
    match judged {
        Some((granted, reason)) => {
            assert_eq!(entry.points(), i64::from(granted));
            assert!(entry.postings().all(|(_, _, contra)| !matches!(contra, Contra::Shop(_))));
            Expected::Granted(granted, reason)
        }
        None => Expected::Moved(moved()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_ledger_agrees_with_the_lists(
        steps in prop::collection::vec(step(), 1..60),
        batches in prop::collection::vec(1..9_usize, 1..5),
    ) {
        let mut city = City::found();
        steps.iter().for_each(|step| city.act(step));
        city.world.replay(&batches);
    }
}
