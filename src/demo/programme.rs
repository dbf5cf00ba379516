//! The demo city's rules: the specification's example of a programme, moved to a fiscal year.
//! Numbers are modelled on what Japanese cities publish; the city and its values are fictitious.

use ledger_spec::points::Fund;
use ledger_spec::programme::{Programme, ProgrammeFault, RedeemLimits};
use ledger_spec::time::Day;

const EXAMPLE: &str = include_str!("../../ledger-spec/examples/programme.json");

/// Budgets of a fiscal year, in points.
pub(super) const BUDGETS: [(Fund, u32); 4] = [
    (Fund::General, 20_000_000),
    (Fund::Nhi, 8_000_000),
    (Fund::CareInsurance, 4_000_000),
    (Fund::Employer, 1_000_000),
];

/// The action of a vegetable measurement.
pub(super) const MEASURE: &str = "vegecheck.measure";
/// The public group of coaching sessions, and an exact action of it.
pub(super) const CARE: (&str, &str) = ("care", "guidance.followup");
/// A visitor's session: once a year, and worth most.
pub(super) const FIRST_INTERVIEW: &str = "guidance.first_interview";
/// The action of a blood-pressure measurement.
pub(super) const PRESSURE: &str = "station.blood_pressure";
/// The action of the specific check-up.
pub(super) const CHECKUP: &str = "checkup.specific";
/// The action of the dental check-up.
pub(super) const DENTAL: &str = "checkup.dental";
/// The action of a day's steps, and the application that counts them.
pub(super) const STEPS: &str = "steps.day";
pub(super) const ORIGIN: &str = "kenmai.pedometer";
/// The action of a body-composition measurement.
pub(super) const BODY: &str = "station.body_composition";

/// The demo's fast lane, in points: low enough that a visitor with the first points can see a
/// confirmation.
const FAST_LANE_MAX: u32 = 200;

/// The day whose age counts in a fiscal year.
pub(super) fn age_on(fiscal_year: u32) -> Day {
    Day::fiscal_year_first(fiscal_year + 1).minus(1)
}

/// The rules for one fiscal year. They have no closed season, so that a visitor can earn on every
/// day.
///
/// # Errors
/// [`ProgrammeFault`], which a test rules out.
pub(super) fn of_year(
    name: &str,
    name_en: &str,
    fiscal_year: u32,
    version: u32,
) -> Result<Programme, ProgrammeFault> {
    let last = age_on(fiscal_year);
    let example = Programme::read(EXAMPLE)?;
    Ok(Programme {
        version,
        name: name.to_owned(),
        name_en: name_en.to_owned(),
        fiscal_year,
        from: Day::fiscal_year_first(fiscal_year),
        until: last,
        earn_until: last,
        late_until: last.plus(example.late_days),
        age_on: last,
        redeem: RedeemLimits { fast_lane_max: Some(FAST_LANE_MAX), ..example.redeem },
        ..example
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{MINATO, YAIZU};

    #[test]
    fn the_rules_of_every_year_are_sound() {
        for (year, city) in (2025..2060).zip([YAIZU, MINATO].into_iter().cycle()) {
            let [name, name_en] = city.programme;
            let made = of_year(name, name_en, year, year - 2024).unwrap();
            let document = serde_json::to_string(&made).unwrap();
            assert_eq!(Programme::parse(&document).unwrap(), made);
        }
    }
}
