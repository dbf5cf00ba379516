//! The lots.csv of `kenmai export`, of this programme or another, and the rows that open a ledger
//! with it.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::ids::AccountId;
use ledger_spec::json::FromJson;
use ledger_spec::kinds::Code;
use ledger_spec::points::{Fund, LotKey, POINTS_MAX, Points, Purse};
use ledger_spec::time::Day;
use serde_json::{Value, json};

use super::japanese;

/// Lots of one row: a row of a manifest has at most 1,024 bytes.
const ROW_LOTS_MAX: usize = 24;

/// Why a file of lots cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LotsError {
    /// It is neither UTF-8 nor `Shift_JIS`.
    #[error("the file is neither UTF-8 nor Shift_JIS; save it as CSV UTF-8")]
    Encoding,
    /// The table has another form.
    #[error(
        "{0}; the columns are account, purse, fund, expires_on, points, as `kenmai export` writes them"
    )]
    Table(#[from] csv::Error),
    /// A line is no lot that a ledger could hold.
    #[error("line {line}: {what}; nothing was written: correct the line and start again")]
    Line {
        /// Its number in the file.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// A line as it stands in the file.
#[derive(serde::Deserialize)]
struct Line {
    account: String,
    purse: String,
    fund: String,
    expires_on: String,
    points: String,
}

/// One lot of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningLot {
    /// The account.
    pub account: AccountId,
    /// The lot.
    pub lot: LotKey,
    /// Its points.
    pub points: Points,
}

impl OpeningLot {
    fn of(line: &Line) -> Result<Self, String> {
        let Line { account, purse, fund, expires_on, points } = line;
        let account = AccountId::from_json(&json!(account))
            .map_err(|_| format!("`{account}` is no account id of 32 hexadecimal digits"))?;
        let day = Day::parse(expires_on).filter(|_| expires_on.len() == 10);
        let number = points.parse().ok().and_then(Points::new);
        let lot = LotKey {
            purse: Purse::from_json(&json!(purse))
                .map_err(|_| format!("`{purse}` is no purse: yen or challenge"))?,
            fund: Fund::from_json(&json!(fund)).map_err(|_| format!("`{fund}` is no fund"))?,
            expires_on: day.ok_or_else(|| format!("`{expires_on}` is no day YYYY-MM-DD"))?,
        };
        if (lot.purse == Purse::Yen) == (lot.fund == Fund::None) {
            return Err("purse yen has a paying fund, purse challenge has none".to_owned());
        }
        let points = number.ok_or_else(|| {
            format!("`{points}` is no whole number of points from 1 to {POINTS_MAX}")
        })?;
        Ok(Self { account, lot, points })
    }
}

/// Rows that open a ledger.
#[derive(Debug, Default)]
pub struct OpeningRows {
    /// By kind.
    pub rows: BTreeMap<&'static str, Vec<Value>>,
    /// The points of all.
    pub total: u64,
}

/// The lots of a file, none of which stands twice.
///
/// # Errors
/// [`LotsError`]
pub fn read(bytes: &[u8]) -> Result<Vec<OpeningLot>, LotsError> {
    let (text, _) = japanese::decode(bytes).ok_or(LotsError::Encoding)?;
    let (mut lots, mut seen) = (Vec::new(), BTreeSet::new());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers()?.clone();
    // The heads are the first line.
    for (line, record) in (2..).zip(reader.records()) {
        let record = record?;
        let wrong = |what: String| LotsError::Line { line, what };
        let lot = OpeningLot::of(&record.deserialize(Some(&heads))?).map_err(wrong)?;
        if !seen.insert((lot.account, lot.lot)) {
            return Err(wrong(format!("the lot of {} stands twice", lot.account)));
        }
        lots.push(lot);
    }
    Ok(lots)
}

/// An account for each resident of the lots, and its lots in rows that a manifest can hold;
/// `source` is the name of the opening budget that they come out of.
#[must_use]
pub fn rows(lots: &[OpeningLot], source: &Code) -> OpeningRows {
    let mut by_account: BTreeMap<AccountId, Vec<&OpeningLot>> = BTreeMap::new();
    for lot in lots {
        by_account.entry(lot.account).or_default().push(lot);
    }
    let mut opening = OpeningRows::default();
    for (account, lots) in by_account {
        let account = account.to_string();
        opening.rows.entry("account.open").or_default().push(json!({"account": account}));
        for lots in lots.chunks(ROW_LOTS_MAX) {
            let sum: u64 = lots.iter().map(|lot| u64::from(lot.points.get())).sum();
            opening.total += sum;
            let lots: Vec<Value> = lots.iter().map(|lot| row_of(lot)).collect();
            opening.rows.entry("balance.import").or_default().push(
                json!({"account": account, "lots": lots, "control_total": sum, "source": source.as_str()}),
            );
        }
    }
    opening
}

fn row_of(OpeningLot { lot, points, .. }: &OpeningLot) -> Value {
    let LotKey { purse, fund, expires_on } = lot;
    json!({"purse": purse.name(), "fund": fund.name(), "expires_on": expires_on.to_string(), "points": points.get()})
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "account,purse,fund,expires_on,points";
    const ACCOUNT: &str = "000102030405060708090a0b0c0d0e0f";

    #[track_caller]
    fn refused(lines: &str, told: &str) {
        let error = read(format!("{HEAD}\r\n{lines}").as_bytes()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }

    /// A lot of 100,000,000,000 points once filled the memory, and others were left out in silence.
    #[test]
    fn a_line_that_is_no_lot_is_told() {
        let good = format!("{ACCOUNT},yen,general,2028-03-31,5\r\n");
        assert_eq!(read(format!("{HEAD}\r\n{good}").as_bytes()).unwrap().len(), 1);
        for points in ["100000000000", "100001", "0", "-1", "1.5", "", "18446744073709551616"] {
            let line = format!("{good}{ACCOUNT},yen,nhi,2028-03-31,{points}\r\n");
            refused(&line, "line 3: ");
        }
        for (cells, told) in [
            ("ZZ,yen,general,2028-03-31,5", "`ZZ` is no account id"),
            ("00,yen,general,2028-03-31,5", "`00` is no account id"),
            (&format!("{ACCOUNT},gold,general,2028-03-31,5"), "`gold` is no purse"),
            (&format!("{ACCOUNT},yen,none,2028-03-31,5"), "a paying fund"),
            (&format!("{ACCOUNT},challenge,nhi,2028-03-31,5"), "a paying fund"),
            (&format!("{ACCOUNT},yen,tax,2028-03-31,5"), "`tax` is no fund"),
            (&format!("{ACCOUNT},yen,nhi,2028-02-30,5"), "`2028-02-30` is no day"),
        ] {
            refused(cells, told);
        }
        refused(&format!("{good}{good}"), "stands twice");
    }
}
