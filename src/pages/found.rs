//! What a measurement found, in words for the person who was measured.

use super::chart;
use super::lang::Lang;
use super::messages::{number, t_args};
use crate::query::ValuesJson;

/// Every value, one after the other; `None` where nothing was measured.
pub(super) fn found(lang: Lang, values: ValuesJson) -> Option<String> {
    let level = values
        .level_tenths
        .map(|level| t_args(lang, "me-found-level", &[("level", &chart::value(true, level))]));
    let pressure = values.pressure_mmhg().map(|(high, low)| {
        let (high, low) = (high.to_string(), low.to_string());
        t_args(lang, "me-found-pressure", &[("high", &high), ("low", &low)])
    });
    let plain = |key, found: Option<u32>| {
        found.map(|found| t_args(lang, key, &[("found", &number(u64::from(found)))]))
    };
    let minutes = plain("me-found-minutes", values.minutes);
    let steps = plain("me-found-steps", values.steps);
    let found: Vec<String> = [level, pressure, minutes, steps].into_iter().flatten().collect();
    let comma = if lang == Lang::Ja { "、" } else { ", " };
    (!found.is_empty()).then(|| found.join(comma))
}

#[cfg(test)]
mod tests {
    use ledger_spec::statement::Values;

    use super::*;

    #[test]
    fn every_value_that_was_measured_is_told() {
        let found_all = Values {
            level_tenths: Some(75),
            systolic_mmhg: Some(128),
            diastolic_mmhg: Some(79),
            minutes: Some(90),
            steps: Some(8_000),
            by_hand: Some(true),
        };
        let told = [Lang::Ja, Lang::En].map(|lang| found(lang, found_all.into()).unwrap());
        assert_eq!(told[0], "野菜レベル 7.5、血圧 上 128 下 79、90 分、8,000 歩");
        assert_eq!(
            told[1],
            "Vegetable level 7.5, Blood pressure 128 over 79, 90 minutes, 8,000 steps"
        );
        assert_eq!(found(Lang::Ja, ValuesJson::default()), None);
    }
}
