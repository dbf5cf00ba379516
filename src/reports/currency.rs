//! What residents have exchanged for another currency in a month, for the operator who credits
//! their wallets.

use std::collections::BTreeMap;

use ledger_spec::ids::PlaceId;
use ledger_spec::time::{Day, Month};

use crate::csv::Table;

/// The longest number of a wallet.
const WALLET_CHARACTERS_MAX: usize = 64;

/// The number of a resident's wallet, as far as the file can carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wallet {
    /// Its number.
    Number(String),
    /// The resident's data was erased.
    Erased,
    /// It holds a sign that a spreadsheet could take for something else than itself.
    Unsafe,
}

impl Wallet {
    /// Reads what a claim disclosed: letters, digits and `-_.:/#`, a letter or digit first. A quote
    /// that keeps a spreadsheet from taking a cell for a formula would make another number of it,
    /// so such a number is left out.
    #[must_use]
    pub fn of(disclosed: &[u8]) -> Self {
        let text = std::str::from_utf8(disclosed).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric();
        let carried = text.starts_with(plain)
            && text.len() <= WALLET_CHARACTERS_MAX
            && text.chars().all(|c| plain(c) || "-_.:/#".contains(c));
        if carried { Self::Number(text.to_owned()) } else { Self::Unsafe }
    }
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLine {
    /// The day of its acceptance.
    pub day: Day,
    /// The number that the resident's phone shows.
    pub receipt_number: String,
    /// The item's code.
    pub item: String,
    /// The operator's place.
    pub place: PlaceId,
    /// Whom to credit.
    pub wallet: Wallet,
    /// Points; each is a yen.
    pub points: u64,
}

/// Count and points of some lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ControlTotal {
    lines: u64,
    points: u64,
}

impl ControlTotal {
    fn add(&mut self, line: &CreditLine) {
        self.lines += 1;
        self.points += line.points;
    }
}

/// The file of a month: a line for each claim in the order of the log, then for each place the
/// count and the control total of all its lines, and of those without a number.
#[must_use]
pub fn csv(month: Month, lines: &[CreditLine]) -> String {
    let mut table = Table::default();
    table.line(&["日付", "伝票番号", "品目", "受取先", "番号", "ポイント", "金額(円)", "備考"]);
    let mut sums: BTreeMap<PlaceId, [ControlTotal; 2]> = BTreeMap::new();
    for line in lines {
        let [all, unnamed] = sums.entry(line.place).or_default();
        all.add(line);
        let (number, note) = match &line.wallet {
            Wallet::Number(number) => (number.as_str(), ""),
            Wallet::Erased => ("", "消去済み"),
            Wallet::Unsafe => ("", "番号に使えない文字"),
        };
        if number.is_empty() {
            unnamed.add(line);
        }
        let (day, place, points) =
            (line.day.to_string(), line.place.to_string(), line.points.to_string());
        let cells =
            [&day, &line.receipt_number, &line.item, &place, number, &points, &points, note];
        table.line(&cells);
    }
    if lines.is_empty() {
        // Nothing was exchanged, which an end without totals would not tell from a file that was
        // cut.
        table.line(&[&month.to_string(), "合計", "0件", "", "", "0", "0", ""]);
    }
    for (place, sums) in sums {
        for (name, ControlTotal { lines, points }) in ["合計", "うち番号なし"].into_iter().zip(sums)
        {
            let (month, place, points) = (month.to_string(), place.to_string(), points.to_string());
            let count = format!("{lines}件");
            table.line(&[&month, name, &count, &place, "", &points, &points, ""]);
        }
    }
    table.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_without_claims_has_a_total() {
        let month = Month::parse("2026-10").unwrap();
        assert!(csv(month, &[]).ends_with("\r\n2026-10,合計,0件,,,0,0,\r\n"));
    }

    #[test]
    fn a_wallets_number_is_carried_as_it_is_or_not_at_all() {
        for number in ["1", "0012-3456", "A_b.c:d/e#f", &"9".repeat(64)] {
            assert_eq!(Wallet::of(number.as_bytes()), Wallet::Number(number.to_owned()));
        }
        let long = "9".repeat(65);
        for refused in [
            "", "-1", "=1", "+81", "@x", "#1", "1,2", "1\"2", "1 2", "1\n", "1\t", "1=2", "一",
            "１", &long,
        ] {
            assert_eq!(Wallet::of(refused.as_bytes()), Wallet::Unsafe, "{refused:?}");
        }
        assert_eq!(Wallet::of(&[0x31, 0xff]), Wallet::Unsafe);
    }
}
