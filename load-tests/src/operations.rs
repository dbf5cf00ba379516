//! What a request is for: how its answer is checked, and what the books take over from it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use hyper::StatusCode;
use ledger_spec::points::Fund;

use crate::Failure;
use crate::http::{Answer, Prepared};

/// How much of an answer an error quotes.
const QUOTED_BYTES_MAX: usize = 400;

/// The problem of an act that the ledger has already, as JSON.
const KNOWN_ACT: &[u8] = b"\"duplicate-action\"";

/// What a request is for. Residents and shops are numbered as the city has them.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// A resident pays at a shop.
    Payment { resident: usize, shop: usize, points: u32 },
    /// A station measures a resident. Where it may give nothing, the ledger may also know the act
    /// from an earlier run.
    Measurement { resident: usize, fund: Fund, points: RangeInclusive<u32> },
    /// Rows under one signature, one resident each.
    Manifest { residents: Vec<usize>, fund: Fund, points: RangeInclusive<u32> },
    /// A resident's balance; how much it is, where nothing else changes it meanwhile.
    Balance { yen: Option<u64> },
    /// A resident's last entries; which is the newest.
    History { newest: u64 },
    /// The receipt of an entry, opened for its resident.
    Receipt { seq: u64 },
    /// A public page or file, and a text that it holds.
    View { holds: String },
}

/// A request with its purpose.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) request: Prepared,
    pub(crate) operation: Operation,
    /// Whether the same bytes were sent before and refused for the moment.
    pub(crate) again: bool,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// Done; the points that moved, one number a row.
    Done(Vec<u32>),
    /// Not at this moment: 503, with the time to come again.
    Busy,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payment { .. } => "a payment",
            Self::Measurement { .. } => "a measurement",
            Self::Manifest { .. } => "a manifest",
            Self::Balance { .. } => "a balance",
            Self::History { .. } => "a history",
            Self::Receipt { .. } => "a receipt",
            Self::View { .. } => "a view",
        })
    }
}

impl Operation {
    /// Checks an answer with one search for a few bytes: the callers share the machine with the
    /// server.
    pub(crate) fn read(&self, answer: &Answer, again: bool) -> Result<Answered, Failure> {
        let Answer { status, body, .. } = answer;
        if *status == StatusCode::SERVICE_UNAVAILABLE && answer.retry_after {
            return Ok(Answered::Busy);
        }
        let first = *status == StatusCode::CREATED && !answer.replayed;
        let entered = first || (again && *status == StatusCode::OK && answer.replayed);
        let known = |points: &RangeInclusive<u32>| {
            let known = *status == StatusCode::CONFLICT && *points.start() == 0;
            (known && find(body, b"/duplicate-action\"").is_some()).then(|| vec![0])
        };
        let shown = *status == StatusCode::OK;
        let all = |expected: &RangeInclusive<u32>, rows: usize| {
            let points: Vec<u32> = points_of(body, *expected.start() == 0).collect();
            let fits = points.len() == rows && points.iter().all(|p| expected.contains(p));
            (entered && fits).then_some(points)
        };
        let holds = |text: &str| (shown && find(body, text.as_bytes()).is_some()).then(Vec::new);
        let outcome = match self {
            Self::Payment { points, .. } => all(&(*points..=*points), 1),
            Self::Measurement { points, .. } => known(points).or_else(|| all(points, 1)),
            Self::Manifest { residents, points, .. } => all(points, residents.len()),
            Self::Balance { yen: Some(yen) } => holds(&format!("\"yen\":{yen},")),
            Self::Balance { yen: None } => holds("\"yen\":"),
            Self::History { newest } => holds(&format!("\"entries\":[{{\"seq\":{newest},")),
            Self::Receipt { seq } => holds(&format!("\nindex {seq}\n")),
            Self::View { holds: text } => holds(text),
        };
        outcome.map(Answered::Done).ok_or_else(|| {
            let text = body.get(..QUOTED_BYTES_MAX).unwrap_or(body);
            format!("{self} was answered {status}: {}", String::from_utf8_lossy(text)).into()
        })
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The points of a verdict, or of each row of a manifest's, found without reading the rest: no text
/// of the answer holds such a member. The numbers end at a row that was refused, unless `known`
/// acts may be among them, which give 0.
fn points_of(verdict: &[u8], known: bool) -> impl Iterator<Item = u32> {
    const POINTS: &[u8] = b"\"points\":";
    const PROBLEM: &[u8] = b"\"problem\":";
    let mut rest = verdict;
    std::iter::from_fn(move || {
        let is_member = |at: &[u8]| at.starts_with(POINTS) || at.starts_with(PROBLEM);
        let found = rest.windows(PROBLEM.len()).position(is_member)?;
        let member = rest.get(found..)?;
        if let Some(row) = member.strip_prefix(PROBLEM) {
            rest = row;
            return (known && row.starts_with(KNOWN_ACT)).then_some(0);
        }
        rest = member.strip_prefix(POINTS)?;
        let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
    })
}

/// What the answers said that moved: acknowledged points by resident, shop and fund. Statements
/// that were sent without such an answer are not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// Points that each resident earned.
    pub(crate) earned: BTreeMap<usize, u64>,
    /// Points that each resident spent.
    pub(crate) spent: BTreeMap<usize, u64>,
    /// Points that each shop is due.
    pub(crate) due: BTreeMap<usize, u64>,
    /// Points granted from each fund.
    pub(crate) granted: BTreeMap<Fund, u64>,
    /// Entries acknowledged, readings not counted.
    pub(crate) entries: u64,
}

impl Book {
    /// Takes over what an answer said.
    pub(crate) fn take(&mut self, operation: &Operation, points: &[u32]) {
        match operation {
            Operation::Payment { resident, shop, points: paid } => {
                *self.spent.entry(*resident).or_default() += u64::from(*paid);
                *self.due.entry(*shop).or_default() += u64::from(*paid);
            }
            Operation::Measurement { resident, fund, .. } => self.earn(&[*resident], *fund, points),
            Operation::Manifest { residents, fund, .. } => self.earn(residents, *fund, points),
            Operation::Balance { .. }
            | Operation::History { .. }
            | Operation::Receipt { .. }
            | Operation::View { .. } => return,
        }
        self.entries += points.len() as u64;
    }

    fn earn(&mut self, residents: &[usize], fund: Fund, points: &[u32]) {
        for (resident, points) in residents.iter().zip(points) {
            *self.earned.entry(*resident).or_default() += u64::from(*points);
            *self.granted.entry(fund).or_default() += u64::from(*points);
        }
    }

    /// What a resident holds, who held so much at the beginning.
    pub(crate) fn left(&self, resident: usize, held: u64) -> Result<u64, Failure> {
        let of = |points: &BTreeMap<usize, u64>| points.get(&resident).copied().unwrap_or(0);
        let left = (held + of(&self.earned)).checked_sub(of(&self.spent));
        left.ok_or_else(|| "the verdicts spend more than a resident had".into())
    }
}

/// Compares a sum of the ledger with the book's.
pub(crate) fn compare(what: &str, found: u64, expected: u64) -> Result<(), Failure> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("points {what}: the ledger says {found}, the verdicts {expected}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_of_a_verdict_are_found() {
        for (verdict, expected) in [
            (r#"{"kind":"redeem","points":100,"seq":7}"#, [&[100][..]; 2]),
            (r#"{"seq":7,"points":1000}"#, [&[1_000]; 2]),
            (r#"{"rows":[{"points":5},{"problem":"x"},{"points":0}]}"#, [&[5]; 2]),
            (
                r#"{"rows":[{"points":5},{"problem":"duplicate-action"},{"points":7}]}"#,
                [&[5], &[5, 0, 7]],
            ),
            (r#"{"seq":7}"#, [&[]; 2]),
            (r#"{"points":"100"}"#, [&[]; 2]),
            (r#"{"points":-1}"#, [&[]; 2]),
        ] {
            let found = |known| points_of(verdict.as_bytes(), known).collect::<Vec<u32>>();
            assert_eq!([found(false), found(true)], expected, "{verdict}");
        }
    }

    fn outcome_of(operation: &Operation, status: u16, flags: &str, body: &str) -> Option<Answered> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: flags.contains("retry"),
            replayed: flags.contains("replayed"),
            body: bytes::Bytes::from(body.to_owned()),
        };
        operation.read(&answer, flags.contains("again")).ok()
    }

    #[test]
    fn only_the_right_answer_is_one() {
        let payment = Operation::Payment { resident: 0, shop: 0, points: 100 };
        let done = |points: &[u32]| Some(Answered::Done(points.to_vec()));
        let hundred = r#"{"points":100}"#;
        for (status, flags, body, expected) in [
            (201, "", hundred, done(&[100])),
            (201, "", r#"{"points":99}"#, None),
            (201, "", "{}", None),
            (200, "replayed", hundred, None),
            (200, "replayed again", hundred, done(&[100])),
            (201, "again", hundred, done(&[100])),
            (409, "again", hundred, None),
            (503, "retry", "", Some(Answered::Busy)),
            (503, "", "", None),
        ] {
            assert_eq!(
                outcome_of(&payment, status, flags, body),
                expected,
                "{status} {flags} {body}"
            );
        }
        let (fund, points) = (Fund::General, 0..=20);
        let rows = Operation::Manifest { residents: vec![4, 5], fund, points };
        let body = |rows: &str| format!(r#"{{"accepted":2,"rows":[{rows}]}}"#);
        let good = body(r#"{"points":20},{"points":7}"#);
        assert_eq!(outcome_of(&rows, 201, "", &good), done(&[20, 7]));
        for bad in [
            r#"{"points":20}"#,
            r#"{"points":20},{"points":21}"#,
            r#"{"points":20},{"problem":"x"}"#,
        ] {
            assert_eq!(outcome_of(&rows, 201, "", &body(bad)), None, "{bad}");
        }
        // An earlier run may have left an act only where caps may leave nothing.
        let conflict = r#"{"type":"https://kenmai.example/problems/duplicate-action"}"#;
        for (points, expected) in [(0..=20, done(&[0])), (5..=5, None)] {
            let measurement = Operation::Measurement { resident: 0, fund, points };
            assert_eq!(outcome_of(&measurement, 409, "", conflict), expected);
            assert_eq!(outcome_of(&measurement, 409, "", "{}"), None);
        }
        for (operation, right, wrong) in [
            (Operation::Balance { yen: Some(7) }, r#"{"yen":7,"x":0}"#, r#"{"yen":70,"x":0}"#),
            (Operation::Balance { yen: None }, r#"{"yen":9,"x":0}"#, "{}"),
            (
                Operation::History { newest: 7 },
                r#"{"entries":[{"seq":7,"#,
                r#"{"entries":[{"seq":8,"#,
            ),
            (Operation::Receipt { seq: 7 }, "proof\nindex 7\n", "proof\nindex 77\n"),
            (Operation::View { holds: "<h1>".to_owned() }, "<h1>", "<h2>"),
        ] {
            assert_eq!(outcome_of(&operation, 200, "", right), done(&[]), "{operation}");
            assert_eq!(outcome_of(&operation, 200, "", wrong), None, "{operation}");
            assert_eq!(outcome_of(&operation, 401, "", right), None, "{operation}");
        }
    }
}
