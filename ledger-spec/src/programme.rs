//! The programme: a city's rules as data, published in the log and never changed afterwards.

mod evidence;
mod limits;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::caps::{ActionClass, CapOf, CapPer};
use crate::ids::PlaceId;
use crate::json;
use crate::kinds::{AgeTier, Code, Insurance, Name};
use crate::points::{Fund, POINTS_MAX, Purse};
use crate::statement::Measure;
use crate::time::Day;

pub use evidence::Evidence;
pub use limits::{Leaving, Plausible, REFUND_DAYS_MAX, RedeemLimits};

/// The most rules of a programme.
pub const RULES_MAX: usize = 200;
/// The most caps of a programme, and of a rule.
pub const CAPS_MAX: usize = 16;
/// The most exact actions, steps of a scale, gates and origins.
pub const PARTS_MAX: usize = 32;
/// An action may be reported at most so many days late.
pub const LATE_DAYS_MAX: u32 = 31;
/// Points expire at most so many fiscal years after the one in which they were earned.
pub const EXPIRES_AFTER_YEARS_MAX: u32 = 10;
/// The most insured medical institutions of a programme.
pub const INSURED_MEDICAL_MAX: usize = 500;
/// An exact action counts at most so often in a period.
pub const TIMES_MAX: u32 = 31;
/// A rule looks back at most so many days.
pub const LOOK_BACK_DAYS_MAX: u32 = 366;
/// A gate looks back at most so many fiscal years, the one in hand included.
pub const GATE_YEARS_MAX: u32 = 3;

/// What is wrong with a programme document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {problem}")]
pub struct ProgrammeFault {
    /// The member, as in `rules[3].points`; line and column where the text is no such document.
    pub at: String,
    /// What is wrong with it.
    pub problem: ProgrammeProblem,
}

/// What is wrong with a member of a programme document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProgrammeProblem {
    /// The text is not such a document.
    #[error("the document does not fit the format: {0}")]
    Form(String),
    /// Days out of order or outside the fiscal year.
    #[error(
        "`from` <= `earn_until` <= `until`, all days of fiscal year {0}; `late_until` is not before `earn_until`"
    )]
    Dates(u32),
    /// Too many parts, or none.
    #[error(
        "there are 1 to {RULES_MAX} rules, at most {CAPS_MAX} caps and at most {PARTS_MAX} of any other part"
    )]
    Size,
    /// Two rules have the same number or action, or two exact actions the same code.
    #[error("this number or action stands twice")]
    Twice,
    /// More points than the evidence is worth.
    #[error("evidence `{evidence:?}` can be trusted with at most {max} points of purse `yen`")]
    Tier {
        /// The evidence.
        evidence: Evidence,
        /// The most points that it is worth.
        max: u32,
    },
    /// A yen rule without a paying fund, or a challenge rule with one.
    #[error("purse `yen` needs a fund, purse `challenge` has fund `none`")]
    Fund,
    /// A group with exact actions is named like one of them.
    #[error("a sensitive rule needs a public code of its own, which is none of the exact actions")]
    Sensitive,
    /// Two caps count the same, so that each grant would be charged twice.
    #[error("two caps are over the same actions and period")]
    CapTwice,
    /// A name or an action that a statement or a public leaf cannot hold.
    #[error("names are 1 to 120 bytes and actions 1 to 40, without control characters")]
    Name,
    /// Points would outlive what the ledger is made for.
    #[error(
        "`expires_after_years` is at most {EXPIRES_AFTER_YEARS_MAX}, and points must outlive `late_until`"
    )]
    Expiry,
    /// Redemption limits out of order.
    #[error(
        "0 < min <= max_transaction <= max_day, `fast_lane_max` <= max_transaction; `refund_days` and `refund_grace_days` at most {REFUND_DAYS_MAX}"
    )]
    Redeem,
    /// More late days than the ledger keeps counters for.
    #[error("`late_days` is at most {LATE_DAYS_MAX}")]
    LateDays,
    /// Warnings that do not rise, or above the whole.
    #[error("warnings rise, each from 1 to 1000")]
    Warn,
    /// No evidence, or one that does not fit the rule.
    #[error(
        "evidence: at least one; `derived` alone and exactly where `needs` stands; `self_report` for purse `challenge` only"
    )]
    Evidence,
    /// Two persons would have to judge what the second cannot see.
    #[error(
        "`two_staff` needs `same_act` \"day\", and neither measures, goals, plausible data nor exact actions: the second person sees the core alone"
    )]
    TwoStaff,
    /// A rule that cannot be followed by another, or that nothing bounds.
    #[error(
        "`needs` names a rule without needs, for days of `same_act` \"day\", for an improvement one that measures `level_tenths`, and the rule has a cap for its period"
    )]
    Needs,
    /// A scale or exact action that gives more than the rule, or steps that do not rise.
    #[error("0 < points <= the rule's, and a scale's goals rise for each age group")]
    Scale,
    /// A value that stands twice, that nobody measures or can report, or that goals lack.
    #[error(
        "each of `measures` once; `steps` among them where goals, `plausible` or evidence `phone_sensor` stand, and then no evidence `partner`, because a partner's count of steps is `phone_sensor`; none where `needs` or evidence `venue` stands: a code shows presence, and nobody measures"
    )]
    Measures,
    /// A count out of range, or two over one period.
    #[error("`times` are from 1 to {TIMES_MAX}, one for each period")]
    Times,
    /// A look-back out of range.
    #[error("from 1 to {LOOK_BACK_DAYS_MAX} days, the first not after the last")]
    LookBack,
    /// Too many insured medical institutions, or one twice.
    #[error("at most {INSURED_MEDICAL_MAX} places, each once")]
    InsuredMedical,
    /// A gate that names no rule, or looks back too far.
    #[error("a gate names a rule of the document and 1 to {GATE_YEARS_MAX} fiscal years")]
    Gate,
}

/// One version of the rules, for one fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// The version, counted up by one.
    pub version: u32,
    /// The programme's name for residents.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// The fiscal year, named by the year in which it begins.
    pub fiscal_year: u32,
    /// First day for which the version rules.
    pub from: Day,
    /// Last day for which it rules.
    pub until: Day,
    /// Last day whose actions earn; later ones are recorded with 0 points.
    pub earn_until: Day,
    /// Actions are accepted so many days after their own day.
    pub late_days: u32,
    /// No action of the version is accepted after this day.
    pub late_until: Day,
    /// The day whose age counts for the whole version.
    pub age_on: Day,
    /// Points expire at the end of the fiscal year so many years after the one of the action.
    pub expires_after_years: u32,
    /// Spending order of funds among lots that expire on the same day.
    pub funds: Vec<Fund>,
    /// Parts of a fund's budget, in thousandths, at which the city is warned.
    pub warn_permille: Vec<u32>,
    /// Limits of spending.
    pub redeem: RedeemLimits,
    /// Shops that are insured medical institutions: points never reduce a patient's share, so their
    /// tills declare what is paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insured_medical: Vec<PlaceId>,
    /// What becomes of the points of who leaves.
    #[serde(default, skip_serializing_if = "Leaving::is_usual")]
    pub leaving: Leaving,
    /// What must be done before yen points can be spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// Caps over several rules.
    pub caps: Vec<Cap>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A gate: persons of these groups spend yen points only after an action of the rule. What they
/// earned before it waits and can be spent from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The rule whose action opens the gate.
    pub rule: u32,
    /// The age groups that it holds for.
    pub ages: Vec<AgeTier>,
    /// The insurance class that it holds for; left out for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurance: Option<Insurance>,
    /// The action opens it for so many fiscal years, its own included.
    pub fiscal_years: u32,
}

/// A cap over a class or over all rules of a purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// `habit` or `milestone`; left out for all rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ActionClass>,
    /// The purse.
    pub purse: Purse,
    /// The period.
    pub per: CapPer,
    /// The most points.
    pub points: u32,
}

/// A cap of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCap {
    /// The period.
    pub per: CapPer,
    /// The most points.
    pub points: u32,
}

/// What makes two reports the same real-world act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameAct {
    /// Account, action and day.
    Day,
    /// Account, action, place and minute.
    Minute,
    /// Account, action and the reference of the disclosure: a source's record, an event.
    Reference,
}

/// How often an exact action counts. The caps of its rule are over the whole group; this tells the
/// acts of a group apart without saying which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The period, by the action's own day.
    pub per: CapPer,
    /// How often.
    pub times: u32,
}

/// One action of a sensitive rule. Which one it was stands in disclosures only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// Its code.
    pub action: String,
    /// Its name for residents.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// What it rests on; left out where it is the rule's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Points; left out where they are the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// Who pays; left out where it is the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fund: Option<Fund>,
    /// What makes two reports one act; left out where it is the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_act: Option<SameAct>,
    /// How often it counts, each for another period; none named for any number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Times>,
}

/// A goal of a scale, in steps of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The age groups that it holds for.
    pub ages: Vec<AgeTier>,
    /// Steps from which on it is reached.
    pub steps: u32,
    /// Its points.
    pub points: u32,
}

/// What a derived rule follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Needs {
    /// So many days of another rule in one period.
    Days {
        /// The other rule.
        rule: u32,
        /// How many days.
        days: u32,
        /// The period.
        per: CapPer,
    },
    /// A vegetable level above one's own earlier one.
    Improvement {
        /// The rule of the measurement.
        rule: u32,
        /// By at least so many tenths.
        tenths: u32,
        /// The earlier measurement lies at least so many days before.
        days_min: u32,
        /// And at most so many.
        days_max: u32,
    },
}

impl Needs {
    /// The rule whose actions bring it about.
    #[must_use]
    pub fn rule(self) -> u32 {
        match self {
            Self::Days { rule, .. } | Self::Improvement { rule, .. } => rule,
        }
    }
}

/// Points for an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's number, the same through all versions.
    pub rule: u32,
    /// The public action code; for sensitive rules the group's.
    pub action: String,
    /// The exact actions of a sensitive rule, which stand in disclosures only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<Exact>,
    /// The action's name for residents.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// The class.
    pub class: ActionClass,
    /// What the action can rest on.
    pub evidence: Vec<Evidence>,
    /// Points for one action; the most of them where goals or exact actions have their own.
    pub points: u32,
    /// The purse.
    pub purse: Purse,
    /// Who pays.
    pub fund: Fund,
    /// What makes two reports one act.
    pub same_act: SameAct,
    /// The values that every report carries: what a station or a coach is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    /// Goals by age group; the highest that is reached counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// What a partner's data must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
    /// Counts at most once in so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_days: Option<u32>,
    /// What the rule follows from, if no one reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
    /// Only for those whom an employer's link covers.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub employer: bool,
    /// The rule's caps.
    pub caps: Vec<RuleCap>,
}

/// What one act is worth: the rule's own, or the exact action's.
#[derive(Clone, Copy, Debug)]
pub struct Worth<'a> {
    /// What it can rest on.
    pub evidence: &'a [Evidence],
    /// Points.
    pub points: u32,
    /// Who pays.
    pub fund: Fund,
    /// What makes two reports one act.
    pub same_act: SameAct,
    /// How often it counts.
    pub times: &'a [Times],
}

impl Programme {
    /// Reads and checks a document. Numbers with a fraction or an exponent, unknown members and
    /// members that stand twice are refused by the reader.
    ///
    /// # Errors
    /// [`ProgrammeFault`], the first that is found.
    pub fn parse(document: &str) -> Result<Self, ProgrammeFault> {
        let programme = Self::read(document)?;
        match programme.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(programme),
        }
    }

    /// Reads a document without checking what it says.
    ///
    /// # Errors
    /// [`ProgrammeProblem::Form`] with line and column.
    pub fn read(document: &str) -> Result<Self, ProgrammeFault> {
        serde_json::from_str(document).map_err(|error| ProgrammeFault {
            at: format!("line {}, column {}", error.line(), error.column()),
            problem: ProgrammeProblem::Form(json::without_place(&error)),
        })
    }

    /// Everything that is wrong with the document, in its order.
    #[must_use]
    pub fn faults(&self) -> Vec<ProgrammeFault> {
        let mut faults = Faults(Vec::new());
        self.check_head(&mut faults);
        let over = |cap: &Cap| (cap.class, cap.purse, cap.per);
        faults.unless(self.caps.len() <= CAPS_MAX, "caps", ProgrammeProblem::Size);
        faults.unless(all_differ(self.caps.iter().map(over)), "caps", ProgrammeProblem::CapTwice);
        let count = self.rules.len();
        faults.unless((1..=RULES_MAX).contains(&count), "rules", ProgrammeProblem::Size);
        self.check_gates(&mut faults);
        let (mut numbers, mut actions, mut exact) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (index, rule) in self.rules.iter().enumerate() {
            let at = format!("rules[{index}]");
            let fresh = numbers.insert(rule.rule) && actions.insert(rule.action.as_str());
            let fresh = fresh && rule.exact.iter().all(|e| exact.insert(e.action.as_str()));
            faults.unless(fresh, &at, ProgrammeProblem::Twice);
            rule.check(&at, &mut faults);
            self.check_needs(rule, &at, &mut faults);
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let own = rule.exact.iter().all(|exact| !actions.contains(exact.action.as_str()));
            faults.unless(own, &format!("rules[{index}].exact"), ProgrammeProblem::Sensitive);
        }
        faults.0
    }

    fn check_head(&self, faults: &mut Faults) {
        let year = self.fiscal_year;
        let within =
            [self.from, self.until, self.earn_until].map(Day::fiscal_year) == [year, year, year];
        let ordered = self.from <= self.earn_until && self.earn_until <= self.until;
        let dated = within && ordered && self.late_until >= self.earn_until;
        faults.unless(dated, "from", ProgrammeProblem::Dates(year));
        faults.unless(self.late_days <= LATE_DAYS_MAX, "late_days", ProgrammeProblem::LateDays);
        // A late action must not spend budget on points that have expired already.
        let outlives = self.expires_after_years <= EXPIRES_AFTER_YEARS_MAX
            && self.expiry_of(self.until) >= self.late_until;
        faults.unless(outlives, "expires_after_years", ProgrammeProblem::Expiry);
        let named = [&self.name, &self.name_en].into_iter().all(|name| Name::new(name).is_some());
        faults.unless(named, "name", ProgrammeProblem::Name);
        let rising = self.warn_permille.windows(2).all(|pair| pair.first() < pair.last());
        let within = self.warn_permille.iter().all(|part| (1..=1_000).contains(part));
        let few = self.warn_permille.len() <= CAPS_MAX;
        faults.unless(rising && within && few, "warn_permille", ProgrammeProblem::Warn);
        faults.unless(self.redeem.is_sound(), "redeem", ProgrammeProblem::Redeem);
        let few = self.insured_medical.len() <= INSURED_MEDICAL_MAX;
        let once = few && all_differ(self.insured_medical.iter());
        faults.unless(once, "insured_medical", ProgrammeProblem::InsuredMedical);
    }

    fn check_gates(&self, faults: &mut Faults) {
        faults.unless(self.gates.len() <= PARTS_MAX, "gates", ProgrammeProblem::Size);
        for (index, gate) in self.gates.iter().enumerate() {
            let sound = self.rule(gate.rule).is_some_and(|rule| rule.needs.is_none())
                && (1..=GATE_YEARS_MAX).contains(&gate.fiscal_years)
                && !gate.ages.is_empty();
            faults.unless(sound, &format!("gates[{index}]"), ProgrammeProblem::Gate);
        }
    }

    fn check_needs(&self, rule: &Rule, at: &str, faults: &mut Faults) {
        let Some(needs) = rule.needs else { return };
        let source = self.rule(needs.rule()).filter(|source| source.needs.is_none());
        let sound = match needs {
            Needs::Days { days, per, .. } => {
                let once = source.is_some_and(|source| source.same_act == SameAct::Day);
                once && days > 0 && rule.caps.iter().any(|cap| cap.per == per)
            }
            Needs::Improvement { tenths, days_min, days_max, .. } => {
                let spaced = source.is_some_and(|source| {
                    source.every_days.is_some() && source.measures.contains(&Measure::LevelTenths)
                });
                let days = 1 <= days_min && days_min <= days_max && days_max <= LOOK_BACK_DAYS_MAX;
                spaced && days && tenths > 0 && !rule.caps.is_empty()
            }
        };
        faults.unless(sound, &format!("{at}.needs"), ProgrammeProblem::Needs);
    }

    /// The rule for an action code.
    #[must_use]
    pub fn rule_of(&self, action: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.action == action)
    }

    /// The rule with this number.
    #[must_use]
    pub fn rule(&self, number: u32) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.rule == number)
    }

    /// The rules that follow from actions of this one.
    pub fn derived_from(&self, number: u32) -> impl Iterator<Item = (&Rule, Needs)> {
        let derived = self.rules.iter().filter_map(|rule| Some((rule, rule.needs?)));
        derived.filter(move |(_, needs)| needs.rule() == number)
    }

    /// For how many days after an action of this rule later decisions ask for it; 0 if none does.
    #[must_use]
    pub fn look_back_days(&self, number: u32) -> u32 {
        let own = self.rule(number).and_then(|rule| rule.every_days).unwrap_or(0);
        let derived = self.derived_from(number).map(|(_, needs)| match needs {
            Needs::Improvement { days_max, .. } => days_max,
            Needs::Days { .. } => 0,
        });
        let gates = self.gates.iter().filter(|gate| gate.rule == number);
        let gates = gates.map(|gate| gate.fiscal_years * LOOK_BACK_DAYS_MAX);
        derived.chain(gates).fold(own, u32::max)
    }

    /// Whether the version rules for a day.
    #[must_use]
    pub fn covers(&self, day: Day) -> bool {
        (self.from..=self.until).contains(&day)
    }

    /// The last day on which points for an action of this day can be spent.
    #[must_use]
    pub fn expiry_of(&self, day: Day) -> Day {
        Day::fiscal_year_first(day.fiscal_year() + self.expires_after_years + 1).minus(1)
    }

    /// Every cap that an action of this rule is charged to, with its points.
    pub fn caps_of<'a>(
        &'a self,
        rule: &'a Rule,
    ) -> impl Iterator<Item = (CapOf, CapPer, u32)> + 'a {
        let own = rule.caps.iter().map(|cap| (CapOf::Rule, cap.per, cap.points));
        let shared = self.caps.iter().filter(|cap| cap.purse == rule.purse).filter_map(|cap| {
            match cap.class {
                Some(class) if class == rule.class => Some((CapOf::Class, cap.per, cap.points)),
                Some(_) => None,
                None => Some((CapOf::All, cap.per, cap.points)),
            }
        });
        own.chain(shared)
    }
}

/// What a check has found so far.
struct Faults(Vec<ProgrammeFault>);

impl Faults {
    fn unless(&mut self, sound: bool, at: &str, problem: ProgrammeProblem) {
        if !sound {
            self.0.push(ProgrammeFault { at: at.to_string(), problem });
        }
    }
}

fn all_differ<T: Ord>(mut values: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.all(|value| seen.insert(value))
}

impl Rule {
    /// What an act of this rule is worth: `exact` names one of the exact actions where the rule has
    /// some, and is left out otherwise. `None` if it does not fit.
    #[must_use]
    pub fn worth(&self, exact: Option<&str>) -> Option<Worth<'_>> {
        let own = Worth {
            evidence: &self.evidence,
            points: self.points,
            fund: self.fund,
            same_act: self.same_act,
            times: &[],
        };
        let Some(exact) = exact else {
            return self.exact.is_empty().then_some(own);
        };
        let exact = self.exact.iter().find(|known| known.action == exact)?;
        let evidence = if exact.evidence.is_empty() { own.evidence } else { &exact.evidence };
        let (points, fund) = (exact.points.unwrap_or(own.points), exact.fund.unwrap_or(own.fund));
        let (same_act, times) = (exact.same_act.unwrap_or(own.same_act), exact.times.as_slice());
        Some(Worth { evidence, points, fund, same_act, times })
    }

    /// Every worth that an act of this rule can have.
    pub fn worths(&self) -> impl Iterator<Item = (Option<&str>, Worth<'_>)> {
        let plain = self.worth(None).map(|worth| (None, worth));
        let named = self.exact.iter().map(|exact| Some(exact.action.as_str()));
        let named = named.filter_map(|exact| self.worth(exact).map(|worth| (exact, worth)));
        plain.into_iter().chain(named)
    }

    fn check(&self, at: &str, faults: &mut Faults) {
        let names = self.exact.iter().flat_map(|exact| [&exact.name, &exact.name_en]);
        let mut names = names.chain([&self.name, &self.name_en]);
        let mut codes = self.exact.iter().map(|exact| &exact.action).chain([&self.action]);
        let named = names.all(|name| Name::new(name).is_some())
            && codes.all(|code| Code::new(code).is_some());
        faults.unless(named, at, ProgrammeProblem::Name);
        let caps = all_differ(self.caps.iter().map(|cap| cap.per));
        faults.unless(caps, &format!("{at}.caps"), ProgrammeProblem::CapTwice);
        let few = self.caps.len() <= CAPS_MAX
            && [self.exact.len(), self.goals.len()].iter().all(|count| *count <= PARTS_MAX);
        faults.unless(few, at, ProgrammeProblem::Size);
        self.check_evidence(at, faults);
        self.check_points(at, faults);
        self.check_measures(at, faults);
        let every = self.every_days.is_none_or(|days| (1..=LOOK_BACK_DAYS_MAX).contains(&days));
        faults.unless(every, &format!("{at}.every_days"), ProgrammeProblem::LookBack);
    }

    fn check_evidence(&self, at: &str, faults: &mut Faults) {
        let derived = self.evidence == [Evidence::Derived];
        // Exact actions fall back on the rule's, so it has some even where each names its own.
        let grouped = !self.exact.is_empty() && self.evidence.is_empty();
        faults.unless(!grouped, &format!("{at}.evidence"), ProgrammeProblem::Evidence);
        let two = self.worths().any(|(_, worth)| worth.evidence.contains(&Evidence::TwoStaff));
        let plain = self.exact.is_empty()
            && self.measures.is_empty()
            && self.goals.is_empty()
            && self.plausible.is_none();
        let decidable = !two || plain && self.same_act == SameAct::Day;
        faults.unless(decidable, &format!("{at}.evidence"), ProgrammeProblem::TwoStaff);
        for (exact, worth) in self.worths() {
            let at = exact.map_or_else(|| at.to_string(), |exact| format!("{at}.exact[{exact}]"));
            let fits = !worth.evidence.is_empty()
                && derived == self.needs.is_some()
                && (derived || !worth.evidence.contains(&Evidence::Derived))
                && (self.purse == Purse::Challenge
                    || !worth.evidence.contains(&Evidence::SelfReport));
            faults.unless(fits, &format!("{at}.evidence"), ProgrammeProblem::Evidence);
            for evidence in worth.evidence.iter().copied() {
                let max = evidence.points_max();
                let trusted = self.purse == Purse::Challenge || worth.points <= max;
                let problem = ProgrammeProblem::Tier { evidence, max };
                faults.unless(trusted, &format!("{at}.points"), problem);
            }
        }
    }

    fn check_measures(&self, at: &str, faults: &mut Faults) {
        let once = all_differ(self.measures.iter());
        // A partner's word about steps is a phone's sensor, and that counts nothing else.
        let rests_on = |wanted| self.worths().any(|(_, worth)| worth.evidence.contains(&wanted));
        let reported =
            self.measures.is_empty() || (self.needs.is_none() && !rests_on(Evidence::Venue));
        let steps = self.measures.contains(&Measure::Steps);
        let goes_by = !self.goals.is_empty() || self.plausible.is_some();
        let counted = steps || !(goes_by || rests_on(Evidence::PhoneSensor));
        let sound = once && reported && counted && !(steps && rests_on(Evidence::Partner));
        faults.unless(sound, &format!("{at}.measures"), ProgrammeProblem::Measures);
    }

    fn check_points(&self, at: &str, faults: &mut Faults) {
        for (exact, worth) in self.worths() {
            let at = exact.map_or_else(|| at.to_string(), |exact| format!("{at}.exact[{exact}]"));
            let pays = (self.purse == Purse::Yen) != (worth.fund == Fund::None);
            faults.unless(pays, &format!("{at}.fund"), ProgrammeProblem::Fund);
            let within = (1..=self.points).contains(&worth.points) && self.points <= POINTS_MAX;
            faults.unless(within, &format!("{at}.points"), ProgrammeProblem::Scale);
            let once = all_differ(worth.times.iter().map(|times| times.per));
            let few = worth.times.iter().all(|times| (1..=TIMES_MAX).contains(&times.times));
            faults.unless(once && few, &format!("{at}.times"), ProgrammeProblem::Times);
        }
        for (index, goal) in self.goals.iter().enumerate() {
            let earlier = self.goals.iter().take(index);
            let mut same_ages =
                earlier.filter(|e| e.ages.iter().any(|age| goal.ages.contains(age)));
            let rises = same_ages.all(|e| e.steps < goal.steps && e.points < goal.points);
            let within = (1..=self.points).contains(&goal.points) && !goal.ages.is_empty();
            let at = format!("{at}.goals[{index}]");
            faults.unless(rises && within, &at, ProgrammeProblem::Scale);
        }
    }
}
