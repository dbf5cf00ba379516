//! Random programmes over random histories, against a model that keeps the whole history and counts
//! it again each time.
//!
//! The model holds no counters: every question is asked of the list of all acts so far, in words as
//! close to `03-rules.md` 6 as they can be.

use ledger_spec::caps::{CapOf, CapPer};
use ledger_spec::cbor;
use ledger_spec::entry::{Effect, Reason};
use ledger_spec::ids::LinkId;
use ledger_spec::kinds::{
    Action, AgeTier, Body, Code, Document, LinkGrant, ProgrammePublish, Purpose, Role,
};
use ledger_spec::points::Fund;
use ledger_spec::statement::{Disclosure, Holder, Values};
use ledger_spec::time::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Verdict, World, account, card, facts, id, key, kid, programme, register};

const RESIDENT: &str = "hanako";
/// Steps' goals for the two age groups of the model.
const GOALS: [(AgeTier, u32, u32); 4] = [
    (AgeTier::From18, 6_000, 1),
    (AgeTier::From18, 8_000, 3),
    (AgeTier::From65, 4_000, 1),
    (AgeTier::From65, 6_000, 3),
];
const CARE: [(&str, u32); 2] = [("talk", 300), ("screening", 100)];

/// What a city can choose.
#[derive(Clone, Debug)]
struct Rules {
    senior: bool,
    late_days: u32,
    season_days: u32,
    every_days: u32,
    /// So many days of steps, in this period, bring 10 points.
    days: (u32, CapPer),
    /// So many tenths more, over these days.
    improvement: (u32, u32, u32),
    /// How often each exact action counts.
    times: [(u32, CapPer); 2],
    measure_year: u32,
    habit: (u32, CapPer),
    all_year: u32,
    budget: u32,
}

/// One act, and how it was judged: for the action itself and for what followed.
#[derive(Clone, Debug)]
struct Done {
    what: What,
    day: Day,
    minute: u64,
    level: u32,
    judged: Vec<(u32, u32, Reason)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Steps(u32),
    Measure(u32),
    Care(usize),
}

#[derive(Clone, Debug)]
struct Step {
    wait_hours: u64,
    late_days: u32,
    what: What,
}

fn same_period(per: CapPer, a: Day, b: Day) -> bool {
    match per {
        CapPer::Day => a == b,
        CapPer::Week => (a.0 + 3) / 7 == (b.0 + 3) / 7,
        CapPer::Month => a.ymd().0 == b.ymd().0 && a.ymd().1 == b.ymd().1,
        CapPer::FiscalYear => a.fiscal_year() == b.fiscal_year(),
    }
}

struct Model<'a> {
    rules: &'a Rules,
    done: Vec<Done>,
}

enum Expected {
    TooOld,
    Duplicate,
    Judged(Vec<(u32, u32, Reason)>),
}

impl Model<'_> {
    fn granted(&self, counts: impl Fn(&Done, u32) -> bool) -> u32 {
        let all = self.done.iter().flat_map(|done| done.judged.iter().map(move |j| (done, j)));
        all.filter(|(done, (rule, ..))| counts(done, *rule)).map(|(_, (_, points, _))| points).sum()
    }

    /// Earlier acts of this rule that counted.
    fn counted(&self, rule: u32) -> impl Iterator<Item = &Done> {
        self.done.iter().filter(move |done| {
            let counts =
                |reason: &Reason| matches!(reason, Reason::Full | Reason::Cap(..) | Reason::Budget);
            rule_of(done.what) == rule && counts(&done.judged[0].2)
        })
    }

    fn expect(&self, step: (What, Day, u64), today: Day) -> Expected {
        let (what, day, minute) = step;
        if day < today.minus(self.rules.late_days) || today > late_until(self.rules) {
            return Expected::TooOld;
        }
        let same = |done: &&Done| match (what, done.what) {
            (What::Steps(_), What::Steps(_)) => done.day == day,
            (What::Measure(_), What::Measure(_)) => done.minute == minute,
            (What::Care(a), What::Care(b)) => a == b && done.day == day,
            _ => false,
        };
        if self.done.iter().any(|done| same(&done)) {
            return Expected::Duplicate;
        }
        let mut judged = Vec::new();
        let wanted = self.wanted(what, day);
        let counts = wanted.is_ok();
        judged.push(self.cut(rule_of(what), wanted, day, &judged));
        if counts {
            self.follow(what, day, &mut judged);
        }
        Expected::Judged(judged)
    }

    fn wanted(&self, what: What, day: Day) -> Result<u32, Reason> {
        if let What::Care(which) = what {
            let (times, per) = self.rules.times[which];
            let before = self.counted(5).filter(|done| {
                matches!(done.what, What::Care(other) if other == which)
                    && same_period(per, done.day, day)
            });
            if before.count() >= times as usize {
                return Err(Reason::Times(per));
            }
        }
        if day > season_end(self.rules) {
            return Err(Reason::Season);
        }
        match what {
            What::Steps(steps) if steps > 50_000 => Err(Reason::Review),
            What::Steps(steps) => {
                let age = if self.rules.senior { AgeTier::From65 } else { AgeTier::From18 };
                let reached = GOALS.iter().filter(|(of, goal, _)| *of == age && steps >= *goal);
                reached.map(|(.., points)| *points).max().ok_or(Reason::BelowGoal)
            }
            What::Measure(_) => {
                let every = self.rules.every_days;
                let near = self.counted(3).filter(|done| done.day.0.abs_diff(day.0) < every);
                match near.map(|done| done.day.plus(every)).max() {
                    Some(next) => Err(Reason::TooSoon(next)),
                    None => Ok(20),
                }
            }
            What::Care(which) => Ok(CARE[which].1),
        }
    }

    /// What the caps and the budget leave of the points, after what the same entry has granted
    /// already.
    fn cut(
        &self,
        rule: u32,
        wanted: Result<u32, Reason>,
        day: Day,
        same_entry: &[(u32, u32, Reason)],
    ) -> (u32, u32, Reason) {
        let mut points = match wanted {
            Ok(points) => points,
            Err(reason) => return (rule, 0, reason),
        };
        let mut why = Reason::Full;
        let habit = |rule: u32| rule != 5;
        for (of, per, most) in caps_of(self.rules, rule) {
            let charged = |other: u32| match of {
                CapOf::Rule => other == rule,
                CapOf::Class => habit(other) && habit(rule),
                CapOf::All => true,
                CapOf::Days | CapOf::Item => false,
            };
            let before =
                self.granted(|done, other| charged(other) && same_period(per, done.day, day));
            let here: u32 =
                same_entry.iter().filter(|(other, ..)| charged(*other)).map(|(_, p, _)| p).sum();
            let room = most.saturating_sub(before + here);
            if room < points {
                (points, why) = (room, Reason::Cap(of, per));
            }
        }
        let here: u32 = same_entry.iter().map(|(_, points, _)| points).sum();
        let room = self.rules.budget.saturating_sub(self.granted(|_, _| true) + here);
        if room < points {
            (points, why) = (room, Reason::Budget);
        }
        (rule, points, why)
    }

    fn follow(&self, what: What, day: Day, judged: &mut Vec<(u32, u32, Reason)>) {
        match what {
            What::Steps(_) => {
                let (days, per) = self.rules.days;
                let before = self.counted(1).filter(|done| same_period(per, done.day, day)).count();
                if before + 1 == days as usize {
                    judged.push(self.cut(2, Ok(10), day, judged));
                }
            }
            What::Measure(level) => {
                let (tenths, least, most) = self.rules.improvement;
                let within = |done: &&Done| {
                    day.0.checked_sub(done.day.0).is_some_and(|days| (least..=most).contains(&days))
                };
                let latest = self.counted(3).enumerate().filter(|(_, done)| within(done));
                let latest = latest.max_by_key(|(at, done)| (done.day, *at));
                if latest.is_some_and(|(_, done)| level >= done.level + tenths) {
                    judged.push(self.cut(4, Ok(30), day, judged));
                }
            }
            What::Care(_) => {}
        }
    }
}

fn rule_of(what: What) -> u32 {
    match what {
        What::Steps(_) => 1,
        What::Measure(_) => 3,
        What::Care(_) => 5,
    }
}

fn caps_of(rules: &Rules, rule: u32) -> Vec<(CapOf, CapPer, u32)> {
    let mut caps = match rule {
        1 => vec![(CapOf::Rule, CapPer::Day, 3)],
        2 => vec![(CapOf::Rule, rules.days.1, 10)],
        3 => vec![(CapOf::Rule, CapPer::FiscalYear, rules.measure_year)],
        4 => vec![(CapOf::Rule, CapPer::FiscalYear, 60)],
        _ => vec![],
    };
    if rule != 5 {
        caps.push((CapOf::Class, rules.habit.1, rules.habit.0));
    }
    caps.push((CapOf::All, CapPer::FiscalYear, rules.all_year));
    caps
}

fn season_end(rules: &Rules) -> Day {
    Day::fiscal_year_first(2026).plus(rules.season_days)
}

fn late_until(rules: &Rules) -> Day {
    season_end(rules).plus(rules.late_days + 20)
}

fn document(rules: &Rules) -> String {
    let rule = |number: u32, action: &str, evidence: &str, points: u32, more: Value| {
        let class = if number == 5 { "milestone" } else { "habit" };
        let caps = caps_of(rules, number);
        let own = caps.iter().filter(|(of, ..)| *of == CapOf::Rule);
        let caps: Vec<Value> =
            own.map(|(_, per, most)| json!({"per": per, "points": most})).collect();
        let mut made = json!({
            "rule": number, "action": action, "name": action, "name_en": action, "class": class,
            "evidence": [evidence], "points": points, "purse": "yen", "fund": "general",
            "same_act": "day", "caps": caps,
        });
        for (member, value) in more.as_object().unwrap() {
            made[member] = value.clone();
        }
        made
    };
    let goals =
        GOALS.map(|(age, steps, points)| json!({"ages": [age], "steps": steps, "points": points}));
    let exact = [0, 1].map(|which| {
        let (action, points) = CARE[which];
        let (times, per) = rules.times[which];
        json!({"action": action, "name": action, "name_en": action, "points": points,
            "times": [{"per": per, "times": times}]})
    });
    let (days, per) = rules.days;
    let (tenths, days_min, days_max) = rules.improvement;
    let plausible = json!({"steps_max": 100_000, "review_above": 50_000});
    let improvement =
        json!({"rule": 3, "tenths": tenths, "days_min": days_min, "days_max": days_max});
    let made = json!([
        rule(
            1,
            "steps",
            "phone_sensor",
            3,
            json!({"measures": ["steps"], "goals": goals, "plausible": plausible})
        ),
        rule(
            2,
            "days",
            "derived",
            10,
            json!({"needs": {"days": {"rule": 1, "days": days, "per": per}}})
        ),
        rule(
            3,
            "measure",
            "station",
            20,
            json!({"same_act": "minute", "measures": ["level_tenths"], "every_days": rules.every_days})
        ),
        rule(4, "better", "derived", 30, json!({"needs": {"improvement": improvement}})),
        rule(5, "care", "coach", 300, json!({"exact": exact})),
    ]);
    let caps = json!([
        {"class": "habit", "purse": "yen", "per": rules.habit.1, "points": rules.habit.0},
        {"purse": "yen", "per": "fiscal_year", "points": rules.all_year},
    ]);
    programme(&[
        ("rules".into(), made),
        ("caps".into(), caps),
        ("late_days".into(), json!(rules.late_days)),
        ("earn_until".into(), json!(season_end(rules))),
        ("late_until".into(), json!(late_until(rules))),
        ("age_on".into(), json!(Day::fiscal_year_first(2026))),
    ])
}

/// A city with one resident whose phone lets a service report steps.
fn city(rules: &Rules) -> World {
    let mut world = World::at("2026-04-01", "08:00");
    world.staff();
    world.enact(register("app", Role::Partner, "app", None));
    let document = Document::new(&document(rules)).unwrap();
    world.enact(Body::ProgrammePublish(ProgrammePublish { version: 1, document }));
    world.allocate(Fund::General, 2026, rules.budget);
    world.join(RESIDENT);
    if rules.senior {
        let Body::AccountFacts(known) = facts(RESIDENT, true) else { unreachable!() };
        let age_tier = AgeTier::From65;
        world.must(
            "registry",
            Body::AccountFacts(ledger_spec::kinds::AccountFacts { age_tier, ..known }),
        );
    }
    let (link, until) = (LinkId(id("walk")), Day::fiscal_year_first(2027));
    let grant = LinkGrant { link, purpose: Purpose::Steps, until, partner: kid("app") };
    let core = world.core(Body::LinkGrant(grant));
    let granted = world.disclosure(None);
    let verdict = world.submit(&core.sign(&key(RESIDENT), Some(&granted)));
    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
    world
}

fn report(world: &mut World, what: What, performed_at_s: u64) -> Verdict {
    let (action, signer, exact) = match what {
        What::Steps(_) => ("steps", "app", None),
        What::Measure(_) => ("measure", "station-1", None),
        What::Care(which) => ("care", "coach", Code::new(CARE[which].0)),
    };
    let (holder, values) = match what {
        What::Steps(steps) => (
            Holder::Link(LinkId(id("walk"))),
            Some(Values { steps: Some(steps), ..Values::default() }),
        ),
        What::Measure(level) => (
            Holder::Card(card(RESIDENT)),
            Some(Values { level_tenths: Some(level), ..Values::default() }),
        ),
        What::Care(_) => (Holder::Card(card(RESIDENT)), None),
    };
    let honest = world.disclosure(Some(holder));
    let disclosure = Disclosure { performed_at_s, values, exact_action: exact, ..honest };
    let mut core = world.core(Body::Action(Action { action: Code::new(action).unwrap() }));
    core.day = Day::of_ms(performed_at_s * 1_000);
    core.programme = Some(1);
    world.submit(&core.sign(&key(signer), Some(&disclosure)))
}

fn tell(rules: &Rules, steps: &[Step]) {
    let mut world = city(rules);
    let mut model = Model { rules, done: Vec::new() };
    for step in steps {
        world.now_ms += step.wait_hours * 3_600_000;
        let performed_at_s = world.now_s().saturating_sub(u64::from(step.late_days) * 86_400);
        let day = Day::of_ms(performed_at_s * 1_000);
        if day < Day::fiscal_year_first(2026) {
            continue;
        }
        let at = (step.what, day, performed_at_s / 60);
        let expected = model.expect(at, world.today());
        let verdict = report(&mut world, step.what, performed_at_s);
        match (expected, verdict) {
            (Expected::Judged(expected), Verdict::Accepted(entry)) => {
                let judged = entry.effects.iter().filter_map(|effect| {
                    let Effect::ActionJudged { rule, granted, reason, .. } = effect else {
                        return None;
                    };
                    Some((*rule, *granted, *reason))
                });
                let judged: Vec<_> = judged.collect();
                assert_eq!(judged, expected, "{step:?} on {day}");
                let level = if let What::Measure(level) = step.what { level } else { 0 };
                let (what, minute) = (step.what, performed_at_s / 60);
                model.done.push(Done { what, day, minute, level, judged });
            }
            (Expected::TooOld, Verdict::Refused(refused)) => {
                assert_eq!(refused, ledger_spec::decide::Rejection::DayTooOld, "{step:?}");
            }
            (Expected::Duplicate, Verdict::Refused(refused)) => {
                let duplicate =
                    matches!(refused, ledger_spec::decide::Rejection::ActionDuplicate(_));
                assert!(duplicate, "{step:?}: {refused:?}");
            }
            (_, verdict) => panic!("{step:?} on {day}: {verdict:?}"),
        }
    }
    let total = model.granted(|_, _| true);
    let row = &world.tables.accounts[&account(RESIDENT)];
    assert_eq!(row.lots.iter().map(|lot| lot.points).sum::<u32>(), total);
    world.replay(&[3, 1, 7]);
    let copy = cbor::from_bytes(&cbor::to_bytes(&world.tables));
    assert_eq!(copy.as_ref(), Ok(&world.tables), "a snapshot holds everything");
}

fn period() -> impl Strategy<Value = CapPer> {
    prop_oneof![Just(CapPer::Week), Just(CapPer::Month)]
}

fn rules() -> impl Strategy<Value = Rules> {
    let any_period = || prop_oneof![period(), Just(CapPer::Day), Just(CapPer::FiscalYear)].boxed();
    let first = (any::<bool>(), 0..10_u32, 30..300_u32, 1..20_u32, (2..5_u32, period()));
    let second =
        ((1..9_u32, 5..20_u32, 20..60_u32), (1..3_u32, any_period()), (1..3_u32, any_period()));
    let third = (20..90_u32, (10..90_u32, any_period()), 100..900_u32, 200..1_200_u32);
    (first, second, third).prop_map(|(first, second, third)| {
        let (senior, late_days, season_days, every_days, days) = first;
        let (improvement, one, other) = second;
        let (measure_year, habit, all_year, budget) = third;
        let times = [one, other];
        Rules {
            senior,
            late_days,
            season_days,
            every_days,
            days,
            improvement,
            times,
            measure_year,
            habit,
            all_year,
            budget,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let steps = prop_oneof![Just(3_999), Just(4_000), Just(6_000), Just(8_000), Just(60_000)];
    let what = prop_oneof![
        4 => steps.prop_map(What::Steps),
        3 => (1..=120_u32).prop_map(What::Measure),
        2 => (0..CARE.len()).prop_map(What::Care),
    ];
    (0..60_u64, prop_oneof![3 => Just(0), 2 => 0..12_u32], what)
        .prop_map(|(wait_hours, late_days, what)| Step { wait_hours, late_days, what })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn rules_give_what_the_whole_history_says(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        tell(&rules, &steps);
    }
}
