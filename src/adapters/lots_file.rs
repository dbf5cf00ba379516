//! The lots.csv of `kenmai export`, of this programme or another, and the rows that open a ledger
//! with it.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::points::POINTS_MAX;
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
    /// A line has another form.
    #[error(transparent)]
    Line(#[from] csv::Error),
    /// A lot stands twice.
    #[error("a lot of {0} stands twice")]
    Twice(String),
}

/// One lot of an account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct OpeningLot {
    /// The account's id.
    pub account: String,
    /// Its purse.
    pub purse: String,
    /// Its fund.
    pub fund: String,
    /// The last day on which it can be spent.
    pub expires_on: String,
    /// How many points.
    pub points: u64,
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
    for line in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let lot: OpeningLot = line?;
        let OpeningLot { account, purse, fund, expires_on, .. } = lot.clone();
        if !seen.insert((account, purse, fund, expires_on)) {
            return Err(LotsError::Twice(lot.account));
        }
        lots.push(lot);
    }
    Ok(lots)
}

/// An account for each resident of the lots, and its lots in rows that a manifest can hold;
/// `source` is where they come from, for the residents to read.
#[must_use]
pub fn rows(lots: &[OpeningLot], source: &str) -> OpeningRows {
    let mut by_account: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for OpeningLot { account, purse, fund, expires_on, points } in lots {
        let mut points = *points;
        while points > 0 {
            let some = points.min(u64::from(POINTS_MAX));
            points -= some;
            let lot =
                json!({"purse": purse, "fund": fund, "expires_on": expires_on, "points": some});
            by_account.entry(account).or_default().push(lot);
        }
    }
    let mut opening = OpeningRows::default();
    for (account, lots) in &by_account {
        opening.rows.entry("account.open").or_default().push(json!({"account": account}));
        for lots in row_chunks(lots) {
            let sum: u64 = lots.iter().filter_map(|lot| lot["points"].as_u64()).sum();
            opening.total += sum;
            opening.rows.entry("balance.import").or_default().push(
                json!({"account": account, "lots": lots, "control_total": sum, "source": source}),
            );
        }
    }
    opening
}

/// Lots cut into rows: not too many, and no lot twice in one.
fn row_chunks(lots: &[Value]) -> Vec<Vec<&Value>> {
    let key = |lot: &Value| [&lot["purse"], &lot["fund"], &lot["expires_on"]].map(Value::to_string);
    let mut chunks: Vec<Vec<&Value>> = Vec::new();
    for lot in lots {
        let fits = |chunk: &&mut Vec<&Value>| {
            chunk.len() < ROW_LOTS_MAX && chunk.iter().all(|other| key(other) != key(lot))
        };
        match chunks.iter_mut().find(fits) {
            Some(chunk) => chunk.push(lot),
            None => chunks.push(vec![lot]),
        }
    }
    chunks
}
