//! Files that a city already has, as CSV: changes of residence, deaths, lists of check-ups,
//! rosters. A *map* says which column holds what; the file itself stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::kinds::{Insurance, Status};
use ledger_spec::time::{BirthDate, Day};
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
    /// What the rules know of a person: age group, insurance class, district.
    #[serde(rename = "account.facts")]
    Facts,
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
    /// The column with the day of the act or the event; for facts with the first day on which the
    /// person takes part.
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
    /// For actions: the column with the number of the record or event, where the rule tells acts
    /// apart by it.
    #[serde(default)]
    pub reference: Option<String>,
    /// For standings: what the person is told.
    #[serde(default)]
    pub text: Option<String>,
    /// For facts: the column with the date of birth, of which the age group alone is kept.
    #[serde(default)]
    pub birthday: Option<String>,
    /// For facts: the column, and the insurance class of its values; other values are not known.
    #[serde(default)]
    pub insurance: Option<InsuranceColumn>,
    /// For facts: the column, such as a postal code, and the district of its values. Others are
    /// refused.
    #[serde(default)]
    pub district: Option<DistrictColumn>,
    /// For facts: the first day on which everybody of the file takes part, where no column says it.
    #[serde(default)]
    pub eligible_from: Option<Day>,
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

/// Where an insurance class stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsuranceColumn {
    /// The column.
    pub column: String,
    /// Its values.
    pub values: BTreeMap<String, Insurance>,
}

/// Where a district stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistrictColumn {
    /// The column.
    pub column: String,
    /// Its values, with or without hyphens.
    pub values: BTreeMap<String, u32>,
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
    /// What the rules are to know of the person.
    Facts {
        /// The date of birth.
        born: BirthDate,
        /// Insurance class.
        insurance: Insurance,
        /// The first day on which the person takes part.
        eligible_from: Day,
        /// The district's number.
        district: u32,
    },
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

/// Where something stands: which of the files, from 0, and its line, or its place in a bundle, from
/// 1.
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

impl Refused {
    /// The row of a person whom the registry does not know.
    #[must_use]
    pub fn unknown_person(place: Place) -> Self {
        let reason = "no account has this number of the city".to_owned();
        let remedy = "open the account first: import the roster with the kind account.open";
        Self { place, reason, remedy }
    }
}

/// What a file gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead<T = Event> {
    /// Events in the order of the file, each with its place; what stands twice stands here once.
    pub events: Vec<(Place, T)>,
    /// Rows that were refused.
    pub refused: Vec<Refused>,
    /// Rows that are not meant: other kinds of event, an act that was not done.
    pub left_out: u64,
    /// Rows that say again what stood before.
    pub repeated: u64,
}

impl<T> Default for FileRead<T> {
    fn default() -> Self {
        Self { events: Vec::new(), refused: Vec::new(), left_out: 0, repeated: 0 }
    }
}

impl<T: Clone + Ord> FileRead<T> {
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
    birthday: Option<usize>,
    insurance: Option<(usize, BTreeMap<String, Insurance>)>,
    district: Option<(usize, BTreeMap<String, u32>)>,
}

/// Reads a file by its map.
///
/// # Errors
/// [`FileError`]; a single row that is wrong is in the report instead.
pub fn read(bytes: &[u8], map: &Map) -> Result<FileRead, FileError> {
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
    let (mut read, mut seen) = (FileRead::default(), BTreeSet::new());
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
        row(&mut read, &mut seen, line, &record, &columns, map);
    }
    Ok(read)
}

fn columns(head: &[String], map: &Map) -> Result<Columns, FileError> {
    let find = |name: &String| {
        let wanted = japanese::plain(name);
        let missing = || FileError::Column(name.clone(), head.join(", "));
        head.iter().position(|column| *column == wanted).ok_or_else(missing)
    };
    let of = |kind| map.kind == kind;
    let missing = [
        ("day", (of(Into::Status) || of(Into::Action)) && map.day.is_none()),
        ("status", of(Into::Status) && map.status.is_none()),
        ("action", of(Into::Action) && map.action.is_none()),
        ("birthday", of(Into::Facts) && map.birthday.is_none()),
        ("district", of(Into::Facts) && map.district.is_none()),
        ("eligible_from", of(Into::Facts) && map.day.is_none() && map.eligible_from.is_none()),
    ];
    if let Some((name, _)) = missing.into_iter().find(|(_, missing)| *missing) {
        return Err(FileError::Map(name));
    }
    let plain = |values: &Vec<String>| values.iter().map(|v| japanese::plain(v)).collect();
    let only = map.only.iter().map(|(name, values)| Ok((find(name)?, plain(values))));
    let status = map.status.as_ref().map(|of| {
        let values = of.values.iter().map(|(text, status)| (japanese::plain(text), *status));
        Ok::<_, FileError>((find(&of.column)?, values.collect()))
    });
    let insurance = map.insurance.as_ref().map(|of| {
        let values = of.values.iter().map(|(text, class)| (japanese::plain(text), *class));
        Ok::<_, FileError>((find(&of.column)?, values.collect()))
    });
    let district = map.district.as_ref().map(|of| {
        let values = of.values.iter().map(|(text, number)| (without_hyphens(text), *number));
        Ok::<_, FileError>((find(&of.column)?, values.collect()))
    });
    Ok(Columns {
        birthday: map.birthday.as_ref().map(find).transpose()?,
        insurance: insurance.transpose()?,
        district: district.transpose()?,
        number: find(&map.number)?,
        day: map.day.as_ref().map(find).transpose()?,
        reference: map.reference.as_ref().map(find).transpose()?,
        only: only.collect::<Result<_, FileError>>()?,
        status: status.transpose()?,
    })
}

/// Postal codes are written both ways.
fn without_hyphens(text: &str) -> String {
    japanese::plain(text).replace('-', "")
}

/// What a row says of a person, or what is wrong with it.
fn facts(
    record: &csv::StringRecord,
    columns: &Columns,
    eligible_from: Option<Day>,
) -> Result<What, (String, &'static str)> {
    const DATE: &str = "write the date as 1959-04-01 or 昭和34年4月1日";
    let cell = |at: usize| japanese::plain(record.get(at).unwrap_or_default());
    let born = columns.birthday.map(cell).unwrap_or_default();
    let born =
        japanese::birth_date(&born).ok_or((format!("`{born}` is no date of birth"), DATE))?;
    let from = columns.day.map(cell);
    let eligible_from = match &from {
        Some(from) => japanese::day(from).ok_or((format!("`{from}` is no day"), DATE))?,
        None => eligible_from.ok_or((String::from("no first day"), DATE))?,
    };
    let insurance = columns.insurance.as_ref().and_then(|(at, of)| of.get(&cell(*at)));
    let (district, place) = columns.district.as_ref().map_or((None, String::new()), |(at, of)| {
        let place = cell(*at);
        (of.get(&without_hyphens(&place)), place)
    });
    let remedy = "add it to the map's districts";
    let district = *district.ok_or((format!("`{place}` is in no district"), remedy))?;
    let insurance = insurance.copied().unwrap_or(Insurance::Unknown);
    Ok(What::Facts { born, insurance, eligible_from, district })
}

fn row(
    read: &mut FileRead,
    seen: &mut BTreeSet<Event>,
    line: Place,
    record: &csv::StringRecord,
    columns: &Columns,
    map: &Map,
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
        (Into::Facts, ..) => match facts(record, columns, map.eligible_from) {
            Ok(facts) => facts,
            Err((reason, remedy)) => return read.refuse(line, &reason, remedy),
        },
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

    const MOVES: &str = r#"{"kind": "account.status", "number": "宛名番号", "day": "異動日", "text": "住民異動",
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
    fn facts_of_a_roster() {
        let map = r#"{"kind": "account.facts", "number": "No", "birthday": "生年月日", "eligible_from": "2026-04-01",
            "insurance": {"column": "保険", "values": {"国保": "nhi", "社保": "other"}},
            "district": {"column": "郵便番号", "values": {"425-0022": 1, "４２５００２１": 2}}}"#;
        check(
            map,
            "No,氏名,生年月日,保険,郵便番号\r\n\
             7,山田,昭和34年4月1日,国保,４２５－００２２\r\n\
             8,山田,H20.3.31,,4250021\r\n\
             9,山田,S64.1.8,国保,4250021\r\n\
             10,山田,2000-01-01,国保,100-0001\r\n",
            expect![[r#"
                2: 7 Facts { born: 1959-04-01, insurance: Nhi, eligible_from: 2026-04-01, district: 1 }
                3: 8 Facts { born: 2008-03-31, insurance: Unknown, eligible_from: 2026-04-01, district: 2 }
                4: refused: `S64.1.8` is no date of birth; write the date as 1959-04-01 or 昭和34年4月1日
                5: refused: `100-0001` is in no district; add it to the map's districts
                0 left out, 0 repeated"#]],
        );
        check(
            &map.replace(r#""eligible_from": "2026-04-01","#, r#""day": "登録日","#),
            "No,生年月日,保険,郵便番号,登録日\n7,S34.4.1,社保,425-0022,令和8年10月1日\n8,S34.4.1,社保,425-0022,\n",
            expect![[r#"
                2: 7 Facts { born: 1959-04-01, insurance: Other, eligible_from: 2026-10-01, district: 1 }
                3: refused: `` is no day; write the date as 1959-04-01 or 昭和34年4月1日
                0 left out, 0 repeated"#]],
        );
        check(
            &map.replace(r#""eligible_from": "2026-04-01","#, ""),
            "No\n",
            expect!["the map has no `eligible_from`, which its kind needs"],
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
