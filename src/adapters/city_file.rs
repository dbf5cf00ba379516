//! Files that a city already has, as CSV: changes of residence, deaths, lists of check-ups, rosters. A *map* says which
//! column holds what; the file itself stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::kinds::Status;
use ledger_spec::time::Day;
use serde::Deserialize;

use super::japanese;

/// The largest file.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most rows of a file.
pub const ROWS_MAX: usize = 1_000_000;

/// What the rows of a file become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Into {
    /// A new account for each person whom the ledger does not know.
    #[serde(rename = "account.open")]
    Open,
    /// Standings: deaths and moves.
    #[serde(rename = "account.status")]
    Status,
    /// Actions.
    #[serde(rename = "action")]
    Action,
}

/// How a kind of file is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What its rows become.
    pub kind: Into,
    /// The column with the city's own number of the person. Names are never looked at.
    pub number: String,
    /// The column with the day of the act or the event.
    #[serde(default)]
    pub day: Option<String>,
    /// Columns that decide whether a row is meant: each must hold one of its values.
    #[serde(default)]
    pub only: BTreeMap<String, Vec<String>>,
    /// For standings: the column, and what its values mean. Other values leave the row out.
    #[serde(default)]
    pub status: Option<StatusColumn>,
    /// For actions: the action's code, the same in every row.
    #[serde(default)]
    pub action: Option<String>,
    /// For actions of a sensitive rule: the exact action.
    #[serde(default)]
    pub exact_action: Option<String>,
    /// For actions: the column with the number of the record or event, where the rule tells acts apart by it.
    #[serde(default)]
    pub reference: Option<String>,
    /// For standings: what the person is told.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Where a standing stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusColumn {
    /// The column.
    pub column: String,
    /// Its values, as they are written there or in another width.
    pub values: BTreeMap<String, Status>,
}

/// Something that happened to a person, out of whatever format.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The city's number of the person.
    pub number: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The person is on the list.
    Listed,
    /// A standing from a day on.
    Standing(StatusOrder, Day),
    /// An action on a day.
    Action {
        /// The action's code.
        action: String,
        /// The exact action of a sensitive rule.
        exact_action: Option<String>,
        /// The day.
        day: Day,
        /// The number of the record or event at its source.
        reference: Option<String>,
    },
}

/// A [`Status`] with an order, so that events can stand in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusOrder(pub Status);

impl Ord for StatusOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0 as u8).cmp(&(other.0 as u8))
    }
}

impl PartialOrd for StatusOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Where something stands: which of the files, from 0, and its line, or its place in a bundle, from 1.
pub type Place = (usize, u64);

/// A row that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What a file gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T = Event> {
    /// Events in the order of the file, each with its place; what stands twice stands here once.
    pub events: Vec<(Place, T)>,
    /// Rows that were refused.
    pub refused: Vec<Refused>,
    /// Rows that are not meant: other kinds of event, an act that was not done.
    pub left_out: u64,
    /// Rows that say again what stood before.
    pub repeated: u64,
}

impl<T> Default for Read<T> {
    fn default() -> Self {
        Self { events: Vec::new(), refused: Vec::new(), left_out: 0, repeated: 0 }
    }
}

impl<T: Clone + Ord> Read<T> {
    /// Takes an event, once.
    pub(super) fn push(&mut self, seen: &mut BTreeSet<T>, place: Place, event: T) {
        if seen.insert(event.clone()) {
            self.events.push((place, event));
        } else {
            self.repeated += 1;
        }
    }

    pub(super) fn refuse(
        &mut self,
        place: Place,
        reason: &dyn std::fmt::Display,
        remedy: &'static str,
    ) {
        self.refused.push(Refused { place, reason: reason.to_string(), remedy });
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Larger than a file of a city is.
    #[error("the file has more than {FILE_BYTES_MAX} bytes or {ROWS_MAX} rows; cut it in two")]
    TooLarge,
    /// Neither UTF-8 nor `Shift_JIS`.
    #[error("the file is neither UTF-8 nor Shift_JIS; save it as CSV UTF-8")]
    Encoding,
    /// A column that the map names is missing.
    #[error("the file has no column `{0}`; its columns are {1}")]
    Column(String, String),
    /// The map leaves out what its kind needs.
    #[error("the map has no `{0}`, which its kind needs")]
    Map(&'static str),
    /// The first line is no head of columns.
    #[error("the first line holds no columns: {0}")]
    Head(csv::Error),
    /// A bundle that is no JSON.
    #[error("the file is no FHIR Bundle and no NDJSON: {0}")]
    Json(String),
    /// A calendar that is none.
    #[error("the file is no iCalendar: {0}")]
    Calendar(String),
}

/// Where the map's columns are.
struct Columns {
    number: usize,
    day: Option<usize>,
    reference: Option<usize>,
    only: Vec<(usize, BTreeSet<String>)>,
    status: Option<(usize, BTreeMap<String, Status>)>,
}

/// Reads a file by its map.
///
/// # Errors
/// [`FileError`]; a single row that is wrong is in the report instead.
pub fn read(bytes: &[u8], map: &Map) -> Result<Read, FileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    let (text, _) = japanese::decode(bytes).ok_or(FileError::Encoding)?;
    // The reader counts a line of two end characters when it is past both, one line late.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let head: Vec<String> =
        reader.headers().map_err(FileError::Head)?.iter().map(japanese::plain).collect();
    let columns = columns(&head, map)?;
    let (mut read, mut seen) = (Read::default(), BTreeSet::new());
    for (number, record) in (0..).zip(reader.records()) {
        if number >= ROWS_MAX {
            return Err(FileError::TooLarge);
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = (0, error.position().map_or(0, csv::Position::line));
                read.refuse(line, &error, "mend the quotes of this line");
                continue;
            }
        };
        let line = (0, record.position().map_or(0, csv::Position::line));
        if record.len() != head.len() {
            let reason = format!("{} cells where the head has {}", record.len(), head.len());
            read.refuse(line, &reason, "mend the commas and quotes of this line");
            continue;
        }
        row(&mut read, &mut seen, (line, &record), (&columns, map));
    }
    Ok(read)
}

fn columns(head: &[String], map: &Map) -> Result<Columns, FileError> {
    let find = |name: &String| {
        let wanted = japanese::plain(name);
        let missing = || FileError::Column(name.clone(), head.join(", "));
        head.iter().position(|column| *column == wanted).ok_or_else(missing)
    };
    let needs_day = map.kind != Into::Open;
    if needs_day && map.day.is_none() {
        return Err(FileError::Map("day"));
    }
    if map.kind == Into::Status && map.status.is_none() {
        return Err(FileError::Map("status"));
    }
    if map.kind == Into::Action && map.action.is_none() {
        return Err(FileError::Map("action"));
    }
    let plain = |values: &Vec<String>| values.iter().map(|v| japanese::plain(v)).collect();
    let only = map.only.iter().map(|(name, values)| Ok((find(name)?, plain(values))));
    let status = map.status.as_ref().map(|of| {
        let values = of.values.iter().map(|(text, status)| (japanese::plain(text), *status));
        Ok::<_, FileError>((find(&of.column)?, values.collect()))
    });
    Ok(Columns {
        number: find(&map.number)?,
        day: map.day.as_ref().map(find).transpose()?,
        reference: map.reference.as_ref().map(find).transpose()?,
        only: only.collect::<Result<_, FileError>>()?,
        status: status.transpose()?,
    })
}

fn row(
    read: &mut Read,
    seen: &mut BTreeSet<Event>,
    (line, record): (Place, &csv::StringRecord),
    (columns, map): (&Columns, &Map),
) {
    let cell = |at: usize| japanese::plain(record.get(at).unwrap_or_default());
    if !columns.only.iter().all(|(at, values)| values.contains(&cell(*at))) {
        read.left_out += 1;
        return;
    }
    let status = match &columns.status {
        Some((at, values)) => match values.get(&cell(*at)) {
            Some(status) => Some(*status),
            None => {
                read.left_out += 1;
                return;
            }
        },
        None => None,
    };
    let number = cell(columns.number);
    if number.is_empty() {
        read.refuse(line, &"no number of the person", "fill in the city's number");
        return;
    }
    let written = columns.day.map(cell);
    let day = written.as_deref().and_then(japanese::day);
    let what = match (map.kind, day, status, &map.action) {
        (Into::Open, ..) => What::Listed,
        (Into::Status, Some(day), Some(status), _) => What::Standing(StatusOrder(status), day),
        (Into::Action, Some(day), _, Some(action)) => {
            let (action, exact_action) = (action.clone(), map.exact_action.clone());
            let reference = columns.reference.map(cell).filter(|text| !text.is_empty());
            What::Action { action, exact_action, day, reference }
        }
        (Into::Status | Into::Action, ..) => {
            let reason = format!("`{}` is no day", written.unwrap_or_default());
            read.refuse(line, &reason, "write the day as 2026-04-01 or 令和8年4月1日");
            return;
        }
    };
    read.push(seen, line, Event { number, what });
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
    fn check(map: &str, file: &str, expected: Expect) {
        let map: Map = serde_json::from_str(map).expect("a map");
        let (shift_jis, _, lossy) = encoding_rs::SHIFT_JIS.encode(file);
        assert!(!lossy);
        let shown = |bytes: &[u8]| match read(bytes, &map) {
            Err(error) => error.to_string(),
            Ok(read) => {
                let mut lines: Vec<String> = Vec::new();
                for ((_, line), Event { number, what }) in &read.events {
                    lines.push(format!("{line}: {number} {what:?}"));
                }
                for Refused { place: (_, line), reason, remedy } in &read.refused {
                    lines.push(format!("{line}: refused: {reason}; {remedy}"));
                }
                lines.push(format!("{} left out, {} repeated", read.left_out, read.repeated));
                lines.join("\n")
            }
        };
        assert_eq!(shown(file.as_bytes()), shown(&shift_jis), "the encoding is no matter");
        expected.assert_eq(&shown(file.as_bytes()));
    }

    const MOVES: &str = r#"{"kind": "account.status", "number": "宛名番号", "day": "異動日", "reason": "住民異動",
        "status": {"column": "異動事由", "values": {"転出": "moved_out", "死亡": "deceased"}}}"#;

    #[test]
    fn changes_of_residence() {
        check(
            MOVES,
            "宛名番号,氏名カナ,異動日,異動事由\r\n\
             １００１,ﾔﾏﾀﾞ ﾀﾛｳ,令和8年4月1日,死亡\r\n\
             1001,ﾔﾏﾀﾞ ﾀﾛｳ,R8.4.1,死亡\r\n\
             1002,ﾔﾏﾀﾞ ﾀﾛｳ,2026/5/1,転出\r\n\
             1003,\"ｻﾄｳ, ｹﾝ\",2026/5/1,転居\r\n\
             ,ｽｽﾞｷ,2026/5/1,転出\r\n\
             1004,ｽｽﾞｷ,5月1日,転出\r\n\
             1005,ｽｽﾞｷ,転出\r\n",
            expect![[r#"
                2: 1001 Standing(StatusOrder(Deceased), 2026-04-01)
                4: 1002 Standing(StatusOrder(MovedOut), 2026-05-01)
                6: refused: no number of the person; fill in the city's number
                7: refused: `5月1日` is no day; write the day as 2026-04-01 or 令和8年4月1日
                8: refused: 3 cells where the head has 4; mend the commas and quotes of this line
                1 left out, 1 repeated"#]],
        );
        check(
            MOVES,
            "番号,異動日\r\n",
            expect!["the file has no column `宛名番号`; its columns are 番号, 異動日"],
        );
    }

    #[test]
    fn a_list_of_checkups_and_a_roster() {
        check(
            r#"{"kind": "action", "number": "No", "day": "受診日", "action": "checkup.specific", "only": {"受診": ["済"]}}"#,
            "Ｎｏ,受診日,受診\n7,20260610,済\n8,20260610,未\n",
            expect![[r#"
                2: 7 Action { action: "checkup.specific", exact_action: None, day: 2026-06-10, reference: None }
                1 left out, 0 repeated"#]],
        );
        check(
            r#"{"kind": "account.open", "number": "No"}"#,
            "No,名前\n7,山田太郎\n8,山田太郎\n7,山田 太郎\n",
            expect![[r#"
                2: 7 Listed
                3: 8 Listed
                0 left out, 1 repeated"#]],
        );
        check(
            r#"{"kind": "action", "number": "No", "action": "x"}"#,
            "No\n",
            expect!["the map has no `day`, which its kind needs"],
        );
    }
}
