//! The resident's records as a table for a spreadsheet.

use super::chart;
use super::lang::Lang;
use super::me::what;
use super::messages::{cause_text, reason_text, t, time_on};
use crate::csv::Table;
use crate::query::{HistoryLine, ReasonJson};

/// The records as CSV (RFC 4180), one line each, the latest first.
#[must_use]
pub fn file(lang: Lang, entries: &[HistoryLine]) -> String {
    let mut out = Table::default();
    let head = [
        "date", "time", "what", "points", "shop", "reason", "number", "level", "high", "low",
        "minutes", "steps",
    ];
    out.line(&head.map(|column| t(lang, &format!("csv-{column}"))));
    for entry in entries {
        let values = entry.values.unwrap_or_default();
        let (high, low) = values.pressure_mmhg().unzip();
        // What was left of a period then is past.
        let reason = entry.reason.map(|reason| ReasonJson { times_left: None, ..reason });
        let text = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        let cells = [
            entry.day.to_string(),
            time_on(entry.day, entry.accepted_at_s).unwrap_or_default(),
            what(lang, entry),
            entry.points.map_or_else(String::new, |points| points.to_string()),
            entry.place.clone().unwrap_or_default(),
            reason.map(|reason| reason_text(lang, &reason)).unwrap_or_else(|| why(lang, entry)),
            entry.receipt_number.clone(),
            values.level_tenths.map_or_else(String::new, |level| chart::value(true, level)),
            text(high),
            text(low),
            text(values.minutes),
            text(values.steps),
        ];
        out.line(&cells);
    }
    out.into_text()
}

/// Why the city changed something: the cause, and what was written about it.
fn why(lang: Lang, entry: &HistoryLine) -> String {
    let cause = entry.cause.map(|cause| cause_text(lang, cause));
    let parts: Vec<String> = cause.into_iter().chain(entry.note.clone()).collect();
    parts.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_history_is_a_head() {
        let file = file(Lang::En, &[]);
        assert!(file.starts_with("\u{feff}Date,") && file.ends_with("\r\n"), "{file}");
        assert_eq!(file.lines().count(), 1);
    }
}
