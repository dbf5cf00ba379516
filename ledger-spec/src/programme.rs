//! The programme: a city's rules as data, published in the log and never changed afterwards.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::entry::{ActionClass, CapOf, CapPer};
use crate::kinds::{Code, Name, Role};
use crate::points::{Fund, POINTS_MAX, Purse};
use crate::time::Day;

/// The most rules of a programme.
pub const RULES_MAX: usize = 200;
/// The most caps of a programme, and of a rule.
pub const CAPS_MAX: usize = 16;
/// An action may be reported at most so many days late.
pub const LATE_DAYS_MAX: u32 = 31;

/// Points expire at most so many fiscal years after the one in which they were earned.
pub const EXPIRES_AFTER_YEARS_MAX: u32 = 10;

/// What is wrong with a programme document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProgrammeFault {
    /// The text is not such a document; the message names line and column.
    #[error("the document does not fit the format: {0}")]
    Form(String),
    /// `from` is not before `until`, or they do not belong to the fiscal year.
    #[error("`from` and `until` must be days of fiscal year {0}, in this order")]
    Dates(u32),
    /// Too many rules or caps, or none.
    #[error("a programme has 1 to {RULES_MAX} rules and at most {CAPS_MAX} caps")]
    Size,
    /// Two rules have the same number or action.
    #[error("rule {0}: its number or its action stands twice")]
    Twice(u32),
    /// More points than the signer's trust tier allows.
    #[error("rule {rule}: {role:?} can be trusted with at most {max} points")]
    Tier {
        /// The rule.
        rule: u32,
        /// The signer's role.
        role: Role,
        /// The most points that its signature is worth.
        max: u32,
    },
    /// A yen rule without a paying fund, or a challenge rule with one.
    #[error("rule {0}: purse `yen` needs a fund, purse `challenge` has fund `none`")]
    Fund(u32),
    /// A group with exact actions is named like one of them.
    #[error("rule {0}: a sensitive rule needs a public group of its own")]
    Sensitive(u32),
    /// Two caps count the same, so that each grant would be charged twice.
    #[error("two caps are over the same actions and period")]
    CapTwice,
    /// A name or an action that a statement or a public leaf cannot hold.
    #[error("names are 1 to 120 bytes and actions 1 to 40, without control characters")]
    Name,
    /// Points would outlive what the ledger is made for.
    #[error(
        "`expires_after_years` is at most {EXPIRES_AFTER_YEARS_MAX}, and points must outlive `late_days`"
    )]
    Expiry,
    /// Redemption limits out of order.
    #[error("`redeem`: 0 < min <= max_transaction <= max_day")]
    Redeem,
    /// More late days than the ledger keeps counters for.
    #[error("`late_days` is at most {LATE_DAYS_MAX}")]
    LateDays,
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
    /// Actions are accepted so many days after their own day.
    pub late_days: u32,
    /// Points expire at the end of the fiscal year so many years after the one of the action.
    pub expires_after_years: u32,
    /// Spending order of funds among lots that expire on the same day.
    pub funds: Vec<Fund>,
    /// Limits of spending.
    pub redeem: RedeemLimits,
    /// Caps over several rules.
    pub caps: Vec<Cap>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// Limits of spending, in points of the yen purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemLimits {
    /// The least a redemption spends.
    pub min: u32,
    /// The most a redemption spends.
    pub max_transaction: u32,
    /// The most an account spends in a day.
    pub max_day: u32,
    /// The most an account spends in a day through a device enrolled less than 24 hours ago.
    pub fresh_device_max_day: u32,
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
    pub exact: Vec<String>,
    /// The action's name for residents.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// The class.
    pub class: ActionClass,
    /// Who can witness the action.
    pub signers: Vec<Role>,
    /// Points for one action.
    pub points: u32,
    /// The purse.
    pub purse: Purse,
    /// Who pays.
    pub fund: Fund,
    /// What makes two reports one act.
    pub same_act: SameAct,
    /// The rule's caps.
    pub caps: Vec<RuleCap>,
}

impl Programme {
    /// Reads and checks a document. Numbers with a fraction or an exponent, unknown members and members that stand
    /// twice are refused by the reader.
    ///
    /// # Errors
    /// [`ProgrammeFault`], the first that is found.
    pub fn parse(document: &str) -> Result<Self, ProgrammeFault> {
        let programme: Self = serde_json::from_str(document)
            .map_err(|error| ProgrammeFault::Form(error.to_string()))?;
        programme.check()?;
        Ok(programme)
    }

    fn check(&self) -> Result<(), ProgrammeFault> {
        let year = self.fiscal_year;
        if self.from > self.until || [self.from, self.until].map(Day::fiscal_year) != [year, year] {
            return Err(ProgrammeFault::Dates(year));
        }
        if self.late_days > LATE_DAYS_MAX {
            return Err(ProgrammeFault::LateDays);
        }
        if self.expires_after_years > EXPIRES_AFTER_YEARS_MAX {
            return Err(ProgrammeFault::Expiry);
        }
        // A late action must not spend budget on points that have expired already.
        if self.expiry_of(self.until) < self.until.plus(self.late_days) {
            return Err(ProgrammeFault::Expiry);
        }
        if ![&self.name, &self.name_en].into_iter().all(|name| Name::new(name).is_some()) {
            return Err(ProgrammeFault::Name);
        }
        let RedeemLimits { min, max_transaction, max_day, .. } = self.redeem;
        if min == 0 || min > max_transaction || max_transaction > max_day {
            return Err(ProgrammeFault::Redeem);
        }
        if self.rules.is_empty() || self.rules.len() > RULES_MAX || self.caps.len() > CAPS_MAX {
            return Err(ProgrammeFault::Size);
        }
        let over = |cap: &Cap| (cap.class, cap.purse, cap.per);
        if !all_differ(self.caps.iter().map(over)) {
            return Err(ProgrammeFault::CapTwice);
        }
        let (mut numbers, mut actions) = (BTreeSet::new(), BTreeSet::new());
        for rule in &self.rules {
            if !numbers.insert(rule.rule) || !actions.insert(rule.action.as_str()) {
                return Err(ProgrammeFault::Twice(rule.rule));
            }
            rule.check()?;
        }
        let exact = self.rules.iter().flat_map(|rule| rule.exact.iter().map(|e| (rule.rule, e)));
        for (rule, exact) in exact {
            if actions.contains(exact.as_str()) {
                return Err(ProgrammeFault::Sensitive(rule));
            }
        }
        Ok(())
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

fn all_differ<T: Ord>(mut values: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.all(|value| seen.insert(value))
}

impl Rule {
    fn check(&self) -> Result<(), ProgrammeFault> {
        let named = [&self.name, &self.name_en].into_iter().all(|name| Name::new(name).is_some());
        let mut codes = self.exact.iter().chain([&self.action]);
        if !named || !codes.all(|code| Code::new(code).is_some()) {
            return Err(ProgrammeFault::Name);
        }
        if !all_differ(self.caps.iter().map(|cap| cap.per)) {
            return Err(ProgrammeFault::CapTwice);
        }
        if self.caps.len() > CAPS_MAX || self.signers.is_empty() {
            return Err(ProgrammeFault::Size);
        }
        if (self.purse == Purse::Yen) == (self.fund == Fund::None) {
            return Err(ProgrammeFault::Fund(self.rule));
        }
        if self.exact.contains(&self.action) {
            return Err(ProgrammeFault::Sensitive(self.rule));
        }
        for role in self.signers.iter().copied() {
            let max = points_max(role);
            if self.points > max {
                return Err(ProgrammeFault::Tier { rule: self.rule, role, max });
            }
        }
        Ok(())
    }
}

/// The most points that one signature of a role can grant: the trust tiers. Cheap evidence must not buy yen.
#[must_use]
pub fn points_max(role: Role) -> u32 {
    match role {
        Role::Registry => POINTS_MAX,
        Role::Station | Role::Coach | Role::Staff => 500,
        Role::Kiosk | Role::Partner => 50,
        Role::Root | Role::Shop | Role::Pin | Role::System | Role::Auditor => 0,
    }
}
