//! The resident's records as a table for a spreadsheet.

use super::Lang;
use super::chart;
use super::me::{Entry, what};
use super::messages::{reason_text, t, time_on};

/// Excel takes a file for UTF-8 only when it begins so.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The records as CSV (RFC 4180), one line each, the latest first.
#[must_use]
pub fn file(lang: Lang, entries: &[Entry]) -> String {
    let mut out = String::from(BYTE_ORDER_MARK);
    let head =
        ["date", "time", "what", "points", "shop", "reason", "number", "level", "high", "low"];
    line(&mut out, &head.map(|column| t(lang, &format!("csv-{column}"))));
    for entry in entries {
        let (high, low) = entry.measured.pressure_mmhg.unzip();
        let text = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        let cells = [
            entry.day.clone(),
            time_on(&entry.day, entry.accepted_at_s).unwrap_or_default(),
            what(lang, entry),
            entry.points.map_or_else(String::new, |points| points.to_string()),
            entry.place.clone().unwrap_or_default(),
            entry.reason.as_ref().map_or_else(String::new, |reason| reason_text(lang, reason)),
            entry.receipt_number.clone().unwrap_or_default(),
            entry.measured.level_tenths.map_or_else(String::new, |level| chart::value(true, level)),
            text(high),
            text(low),
        ];
        line(&mut out, &cells);
    }
    out
}

fn line(out: &mut String, cells: &[String]) {
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        *out += &guarded(cell);
    }
    *out += "\r\n";
}

/// A cell that no spreadsheet takes for a formula; a number keeps its sign.
fn guarded(cell: &str) -> String {
    let formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<i64>().is_err();
    let guard = if formula { "'" } else { "" };
    if formula || cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let cases = [
            ("魚政", "魚政"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@cmd", "\"'@cmd\""),
            ("-100", "-100"),
            ("-1+1", "\"'-1+1\""),
            ("", ""),
        ];
        for (cell, written) in cases {
            assert_eq!(guarded(cell), written);
        }
    }

    #[test]
    fn an_empty_history_is_a_head() {
        let file = file(Lang::En, &[]);
        assert!(file.starts_with("\u{feff}Date,") && file.ends_with("\r\n"), "{file}");
        assert_eq!(file.lines().count(), 1);
    }
}
