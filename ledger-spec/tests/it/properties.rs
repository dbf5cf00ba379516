//! Random days in a small city, against a model that knows nothing but lists: every balance, cap,
//! limit and budget is added up from the beginning each time.

mod corrections;
mod model;
mod rewards;

use ledger_spec::{
    caps::{ActionClass, CapOf, CapPer},
    entry::Contra,
    ids::{PlaceId, Seq},
    kinds::{
        Action, Approve, Body, Capture, Cause, Code, DayClose, Hold, Redeem, Refund, Release, Void,
    },
    points::{Fund, LotKey, Points, Purse},
    state::{Lot, Overlay},
    statement::{Disclosure, Holder},
    time::Day,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::corrections::{Correction, Source, correction};
use self::model::{Expected, Model, day_of};
use crate::world::{Verdict, World, account, facts, id, key, sign_token};

const RESIDENTS: [&str; 3] = ["hanako", "taro", "yuki"];
const SHOPS: [&str; 2] = ["shop-a", "shop-b"];
/// Who releases holds.
const SIGNERS: [&str; 3] = ["shop-a", "shop-b", "system"];
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
const REFUND_DAYS: u32 = 3;
const REFUND_GRACE_DAYS: u32 = 10;
const HOLD_S: u64 = 600;

/// A programme as the model knows it.
struct Rules {
    version: u32,
    from: &'static str,
    until: &'static str,
    late_days: u32,
    expires_on: &'static str,
    funds: [Fund; 2],
}

/// Two of one fiscal year, the first with points that expire on its last possible report, and one
/// of the next year.
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

/// What can be reported: signer, action, exact action, rule, points, class, purse, fund, whether
/// once a day.
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
        CapOf::Days | CapOf::Item => unreachable!("no cap is over days or items"),
    };
    let caps = |own: bool| -> Vec<Value> {
        CAPS.iter().filter(|c| (c.0 == CapOf::Rule) == own).map(cap).collect()
    };
    let redeem = json!({
        "min": REDEEM_MIN, "max_transaction": REDEEM_MAX, "max_day": REDEEM_MAX_DAY,
        "fresh_device_max_day": REDEEM_MAX_FRESH, "refund_days": REFUND_DAYS,
        "refund_grace_days": REFUND_GRACE_DAYS,
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
    Hold {
        shop: usize,
        resident: usize,
        points: u32,
    },
    Capture {
        /// A stranger now and then; otherwise the hold's own shop.
        stranger: bool,
        which: prop::sample::Index,
        points: u32,
    },
    Release {
        /// A shop's, or the system's.
        by: usize,
        which: prop::sample::Index,
    },
    Void {
        shop: usize,
        which: prop::sample::Index,
    },
    /// Two persons refund, the second of them later or never.
    Refund {
        which: prop::sample::Index,
        points: u32,
    },
    Approve {
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
    let wait = prop_oneof![4 => 0..3_u64, 2 => 8..12_u64, 2 => 0..600_u64, 1 => 0..6_000_u64];
    prop_oneof![
        3 => wait.prop_map(|minutes| Step::Wait { minutes }),
        6 => (0..REPORTS.len(), resident.clone(), late).prop_map(
            |(report, resident, minutes_late)| Step::Report { report, resident, minutes_late }),
        4 => (shop.clone(), resident, 4..102_u32)
            .prop_map(|(shop, resident, points)| Step::Redeem { shop, resident, points }),
        3 => (shop.clone(), 0..RESIDENTS.len(), 4..102_u32)
            .prop_map(|(shop, resident, points)| Step::Hold { shop, resident, points }),
        3 => (prop::bool::weighted(0.2), which.clone(), 1..60_u32)
            .prop_map(|(stranger, which, points)| Step::Capture { stranger, which, points }),
        2 => (0..SIGNERS.len(), which.clone())
            .prop_map(|(by, which)| Step::Release { by, which }),
        1 => (shop, which.clone()).prop_map(|(shop, which)| Step::Void { shop, which }),
        2 => (which.clone(), 1..60_u32).prop_map(|(which, points)| Step::Refund { which, points }),
        2 => which.clone().prop_map(|which| Step::Approve { which }),
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
    Hold { shop: usize, resident: usize, points: u32 },
    Capture { shop: usize, hold: Seq, points: u32 },
    Release { by: usize, hold: Seq },
    Void { shop: usize, entry: Seq },
    Refund { sale: Seq, points: u32 },
    Approve { which: usize },
}

/// A statement as it was sent.
struct Sent {
    bytes: Vec<u8>,
    said: Said,
    made_s: u64,
    accepted: Option<Seq>,
}

/// One of the last of a list, or the first entry of all.
fn pick<T, P: Default>(list: &[T], which: &prop::sample::Index, part: impl Fn(&T) -> P) -> P {
    let recent = list.rchunks(3).next().unwrap_or_default();
    if recent.is_empty() { P::default() } else { part(&recent[which.index(recent.len())]) }
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
        for fund in [Fund::General, Fund::Nhi] {
            let points = corrections::OPENING_POINTS.try_into().unwrap();
            world.open_budget(fund, points, world.today().plus(400));
        }
        RESIDENTS.iter().for_each(|resident| world.join(resident));
        world.must("staff-1", facts("yuki", false));
        let model = Model::since(world.today());
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
                let body =
                    Body::Redeem(Redeem { shop: PlaceId(id(SHOPS[shop])), points, goods: None });
                self.world.core(body).sign(&key(SHOPS[shop]), Some(&disclosure))
            }
            Said::Hold { shop, resident, points } => {
                let token = self.world.pay_token();
                let holder = Holder::Phone(sign_token(&token, RESIDENTS[resident]));
                let disclosure = self.world.disclosure(Some(holder));
                let (points, until_s) = (Points::new(points).unwrap(), self.world.now_s() + HOLD_S);
                let body = Hold { shop: PlaceId(id(SHOPS[shop])), points, until_s, goods: None };
                self.world.core(Body::Hold(body)).sign(&key(SHOPS[shop]), Some(&disclosure))
            }
            Said::Capture { shop, hold, points } => {
                let points = Points::new(points).unwrap();
                let body = Body::Capture(Capture { hold, points });
                self.world.core(body).sign(&key(SHOPS[shop]), None)
            }
            Said::Release { by, hold } => {
                self.world.core(Body::Release(Release { hold })).sign(&key(SIGNERS[by]), None)
            }
            Said::Void { shop, entry } => {
                self.world.core(Body::Void(Void { entry })).sign(&key(SHOPS[shop]), None)
            }
            Said::Refund { sale, points } => {
                let (points, cause) = (Points::new(points).unwrap(), Cause::Other);
                let body = Body::Refund(Refund { entry: sale, points, cause });
                let disclosure = self.world.disclosure(None);
                self.world.core(body).sign(&key("staff-1"), Some(&disclosure))
            }
            Said::Approve { which } => {
                let proposal = self.model.proposals[which].seq;
                let statement = self.world.entry(proposal).unwrap().statement.0;
                let statement_hash = Sha256::digest(statement).into();
                let body = Body::Approve(Approve { proposal, statement_hash });
                self.world.core(body).sign(&key("staff-2"), None)
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
            Step::Hold { shop, resident, points } => {
                Said::Hold { shop: *shop, resident: *resident, points: *points }
            }
            Step::Capture { stranger, which, points } => {
                let (hold, of) = pick(&self.model.holds, which, |hold| (hold.seq, hold.shop));
                let shop = (of + usize::from(*stranger)) % SHOPS.len();
                Said::Capture { shop, hold, points: *points }
            }
            Step::Release { by, which } => {
                let hold = pick(&self.model.holds, which, |hold| hold.seq);
                Said::Release { by: *by, hold }
            }
            Step::Void { shop, which } => {
                let entry = pick(&self.model.spends, which, |spend| spend.seq);
                Said::Void { shop: *shop, entry }
            }
            Step::Refund { which, points } => {
                let sale = pick(&self.model.spends, which, |spend| spend.seq);
                Said::Refund { sale, points: *points }
            }
            Step::Approve { which } => {
                if self.model.proposals.is_empty() {
                    return;
                }
                let last = self.model.proposals.len() - 1;
                Said::Approve { which: last - which.index(2.min(last + 1)) }
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
                self.model.made_s = *made_s;
                self.model.note(*said, &expected, entry.seq, now_s);
                self.sent[which].accepted = Some(entry.seq);
                found_in(&entry)
            }
            Verdict::Replayed(seq) => Expected::Replayed(seq),
            Verdict::Refused(rejection) => Expected::Refused(rejection),
            other @ (Verdict::Reused | Verdict::Malformed(_)) => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
        let grown =
            matches!(found, Expected::Granted(..) | Expected::Moved(_) | Expected::Proposed);
        assert_eq!(self.world.tables.size, before + u64::from(grown), "a refusal leaves nothing");
        self.check_books();
    }

    fn close_day(&mut self) {
        let state = Overlay::over(&self.world.tables);
        if let Some(day) = state.open_day_before(self.world.today()) {
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
        let reserved: u64 = tables.accounts.values().map(|row| row.held()).sum();
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
        let placed = left + held + reserved + due + expired;
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
        None if entry.effects.iter().any(|e| matches!(e, Effect::Proposed { .. })) => {
            Expected::Proposed
        }
        None => Expected::Moved(moved()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_ledger_agrees_with_the_lists(
        steps in prop::collection::vec(step(), 1..90),
        batches in prop::collection::vec(1..9_usize, 1..5),
    ) {
        let mut city = City::found();
        steps.iter().for_each(|step| city.act(step));
        city.world.replay(&batches);
    }
}
