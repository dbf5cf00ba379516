//! The demo city's rules, derived from a fiscal year. Numbers are modelled on what Japanese cities publish; the city and
//! its values are fictitious.

use ledger_spec::entry::{ActionClass, CapPer};
use ledger_spec::kinds::Role;
use ledger_spec::points::{Fund, Purse};
use ledger_spec::programme::{Cap, Programme, RedeemLimits, Rule, RuleCap, SameAct};
use ledger_spec::time::Day;

/// Budgets of a fiscal year, in points.
pub(super) const BUDGETS: [(Fund, u32); 3] =
    [(Fund::General, 20_000_000), (Fund::Nhi, 8_000_000), (Fund::CareInsurance, 4_000_000)];

/// The action of a vegetable measurement.
pub(super) const MEASURE: &str = "vegecheck.measure";
/// The public group of coaching sessions, and an exact action of it.
pub(super) const CARE: (&str, &str) = ("care", "guidance.session");
/// The action of a blood-pressure measurement.
pub(super) const PRESSURE: &str = "station.blood_pressure";
/// The action of a body-composition measurement.
pub(super) const BODY: &str = "station.body_composition";

/// The rules for one fiscal year.
pub(super) fn of_year([name, name_en]: [&str; 2], fiscal_year: u32, version: u32) -> Programme {
    let from = Day::fiscal_year_first(fiscal_year);
    Programme {
        version,
        name: name.to_owned(),
        name_en: name_en.to_owned(),
        fiscal_year,
        from,
        until: Day::fiscal_year_first(fiscal_year + 1).minus(1),
        late_days: 14,
        expires_after_years: 1,
        // The smallest fund is spent first: a sum that few people move in a month could not be shown.
        funds: vec![Fund::CareInsurance, Fund::General, Fund::Nhi, Fund::Employer],
        redeem: RedeemLimits {
            min: 1,
            max_transaction: 2_000,
            max_day: 3_000,
            fresh_device_max_day: 500,
        },
        caps: vec![
            cap(Some(ActionClass::Habit), CapPer::Day, 150),
            cap(Some(ActionClass::Habit), CapPer::Month, 800),
            cap(None, CapPer::FiscalYear, 6_000),
        ],
        rules: rules(),
    }
}

fn cap(class: Option<ActionClass>, per: CapPer, points: u32) -> Cap {
    Cap { class, purse: Purse::Yen, per, points }
}

fn rules() -> Vec<Rule> {
    let caps = |caps: &[(CapPer, u32)]| {
        caps.iter().map(|(per, points)| RuleCap { per: *per, points: *points }).collect()
    };
    vec![
        Rule {
            rule: 3,
            action: MEASURE.to_owned(),
            exact: vec![],
            name: "野菜摂取の測定".to_owned(),
            name_en: "Vegetable measurement".to_owned(),
            class: ActionClass::Habit,
            signers: vec![Role::Station],
            points: 20,
            purse: Purse::Yen,
            fund: Fund::General,
            same_act: SameAct::Minute,
            caps: caps(&[(CapPer::Day, 20), (CapPer::Month, 40), (CapPer::FiscalYear, 400)]),
        },
        Rule {
            rule: 6,
            action: CARE.0.to_owned(),
            exact: vec![CARE.1.to_owned(), "guidance.first_interview".to_owned()],
            name: "保健相談・健診等".to_owned(),
            name_en: "Health consultation or check-up".to_owned(),
            class: ActionClass::Milestone,
            signers: vec![Role::Coach],
            points: 300,
            purse: Purse::Yen,
            fund: Fund::Nhi,
            same_act: SameAct::Day,
            caps: caps(&[(CapPer::Month, 300), (CapPer::FiscalYear, 900)]),
        },
        Rule {
            rule: 12,
            action: PRESSURE.to_owned(),
            exact: vec![],
            name: "血圧の測定".to_owned(),
            name_en: "Blood pressure".to_owned(),
            class: ActionClass::Habit,
            signers: vec![Role::Station],
            points: 5,
            purse: Purse::Yen,
            fund: Fund::CareInsurance,
            same_act: SameAct::Minute,
            caps: caps(&[(CapPer::Day, 5), (CapPer::Month, 40)]),
        },
        Rule {
            rule: 13,
            action: BODY.to_owned(),
            exact: vec![],
            name: "体組成の測定".to_owned(),
            name_en: "Body composition".to_owned(),
            class: ActionClass::Habit,
            signers: vec![Role::Station],
            points: 2,
            purse: Purse::Challenge,
            fund: Fund::None,
            same_act: SameAct::Minute,
            caps: caps(&[(CapPer::Day, 2), (CapPer::Month, 8)]),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{MINATO, YAIZU};

    #[test]
    fn the_rules_of_every_year_are_sound() {
        for (year, city) in (2025..2060).zip([YAIZU, MINATO].into_iter().cycle()) {
            let made = of_year(city.programme, year, year - 2024);
            let document = serde_json::to_string(&made).unwrap();
            assert_eq!(Programme::parse(&document).unwrap(), made);
        }
    }
}
