//! `kenmai sign-rows`: many statements of one kind under one signature.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::decide::CLOCK_AHEAD_S_MAX;
use ledger_spec::ids::{AccountId, LedgerId, LinkId, OpId};
use ledger_spec::kinds::{AccountOpen, Body, Kind};
use ledger_spec::manifest::{self, ROWS_MAX};
use ledger_spec::statement::{Core, Disclosure, Holder, Values};
use ledger_spec::time::Day;
use serde_json::{Map, Value};

use super::console::{complain, say};
use super::fields;
use super::files::make_file;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::sign::{random_op_id, written};
use crate::adapters::strict_json;
use crate::clock::{Clock, SystemClock};
use crate::config::check_origin;
use crate::keys;

/// No line of the file is longer.
const LINE_BYTES_MAX: usize = 4_096;

/// Sign a file of rows, one JSON object a line, as manifests that `kenmai submit` sends.
#[derive(clap::Args)]
#[command(
    after_help = "Rows can be account.open, account.facts, account.status, balance.import, card.issue and action. A row has the fields of its kind's body \
                        (`kenmai sign --kind KIND --fields`); an action also `performed_at_s` (Unix seconds), one of `account` and `card` \
                        (lower-case hexadecimal), and, where they fit, `exact_action`, `level_tenths`, `by_hand`, `origin`, `reference`, `systolic_mmhg`, `diastolic_mmhg`, \
                        `minutes`, `steps`; an account.status also `text`, what its resident is told, sealed. An empty line is left out.\n\n\
                        Keep the files that are made until each is answered: sending a file again never counts a row twice, signing \
                        again makes other operations.\n\n\
                        Example:\n  \
                        kenmai sign-rows --key registry.pem --origin ledger.example.jp/city --kind action --programme 3 \\\n    \
                        --out checkups checkups.jsonl      makes checkups-0001.cbor-seq and so on"
)]
pub struct Args {
    /// The kind of every row.
    #[arg(long)]
    kind: String,
    /// The key that signs (PKCS#8 PEM).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The origin of the ledger that the rows are for.
    #[arg(long)]
    origin: String,
    /// The programme version that rules on the days of the actions.
    #[arg(long)]
    programme: Option<u32>,
    /// The beginning of the names of the files to make, each with at most 2,000 rows.
    #[arg(long, value_name = "PREFIX")]
    out: String,
    /// The rows.
    #[arg(value_name = "FILE")]
    rows: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]; a row that is wrong is named by its line, and no file is made.
pub fn run(args: &Args) -> Outcome {
    let kind = fields::kind_of(&args.kind).map_err(CliError::Refused)?;
    if !kind.can_be_row() {
        let kinds = Kind::ALL.iter().filter(|kind| kind.can_be_row());
        let names: Vec<&str> = kinds.map(|kind| kind.name()).collect();
        let text = format!("rows can be {}; {} cannot", names.join(", "), kind.name());
        return Err(CliError::Refused(text));
    }
    check_origin(&args.origin).map_err(|text| CliError::Refused(text.to_owned()))?;
    if kind.shape().programme != args.programme.is_some() {
        let text = "actions name the programme version that rules, other kinds none: --programme";
        return Err(CliError::Refused(text.to_owned()));
    }
    let key = keys::load_actor_key(&args.key)?;
    let rows = read_rows(args, kind)?;
    let mut left = rows.as_slice();
    for number in 1.. {
        let (some, rest) = left.split_at(left.len().min(ROWS_MAX));
        if some.is_empty() {
            break;
        }
        left = rest;
        // `manifest::sign` puts the list of rows in the place of this body.
        let body = Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) });
        let own = Core { op_id: random_op_id()?, ..core(args, None, today(), body) };
        let path = PathBuf::from(format!("{}-{number:04}.cbor-seq", args.out));
        make_file(&path, &manifest::sign(own, kind, some.to_vec(), &key))?;
        say(path.display());
    }
    complain(format_args!("signed {} rows of {}", rows.len(), kind.name()));
    Ok(ExitStatus::Well)
}

fn today() -> Day {
    Day::of_ms(SystemClock.wall_ms())
}

fn core(args: &Args, programme: Option<u32>, day: Day, body: Body) -> Core {
    let ledger = LedgerId::of_origin(&args.origin);
    let (op_id, not_after_s, sealed) = (OpId([0; 16]), None, None);
    Core { ledger, op_id, day, programme, not_after_s, body, sealed }
}

type Row = (Core, Option<Disclosure>);

fn read_rows(args: &Args, kind: Kind) -> Result<Vec<Row>, CliError> {
    let file = File::open(&args.rows).map_err(CliError::file("open", &args.rows))?;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(CliError::file("read", &args.rows))?;
        if line.trim().is_empty() {
            continue;
        }
        let row = row(args, kind, &line).map_err(|text| {
            CliError::Refused(format!("{}, line {number}: {text}", args.rows.display()))
        })?;
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(CliError::Refused(format!("{} has no rows", args.rows.display())));
    }
    Ok(rows)
}

fn row(args: &Args, kind: Kind, line: &str) -> Result<Row, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
    }
    let mut json = strict_json::object_of(line)?;
    if kind != Kind::Action {
        let disclosure = if kind.seals_text_alone() { Some(text(&mut json)?) } else { None };
        let body = fields::body_of(kind, &json)?;
        return Ok((core(args, None, today(), body), disclosure));
    }
    let disclosure = disclosure(&mut json)?;
    let body = fields::body_of(kind, &json)?;
    let day = Day::of_ms(disclosure.performed_at_s.saturating_mul(1_000));
    Ok((core(args, args.programme, day, body), Some(disclosure)))
}

/// Takes what a person wrote out of a row.
fn text(json: &mut Map<String, Value>) -> Result<Disclosure, String> {
    match json.remove("text") {
        None => written(None),
        Some(Value::String(text)) => written(Some(&text)),
        Some(_) => Err("`text` must be text".to_owned()),
    }
}

/// Takes the disclosure's members out of a row.
fn disclosure(json: &mut Map<String, Value>) -> Result<Disclosure, String> {
    let mut number = |name: &str| match json.remove(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .map(Some)
            .ok_or_else(|| format!("`{name}` must be a whole number")),
    };
    let values = Values {
        level_tenths: number("level_tenths")?,
        systolic_mmhg: number("systolic_mmhg")?,
        diastolic_mmhg: number("diastolic_mmhg")?,
        minutes: number("minutes")?,
        steps: number("steps")?,
        by_hand: match json.remove("by_hand") {
            None => None,
            Some(flag) => Some(flag.as_bool().ok_or("`by_hand` must be true or false")?),
        },
    };
    if !values.in_range() {
        return Err("a value lies outside its range (ledger-spec/kenmai.cddl, values)".to_owned());
    }
    let now_s = SystemClock.wall_ms() / 1_000;
    let performed_at_s = json.remove("performed_at_s").and_then(|value| value.as_u64());
    let performed_at_s = performed_at_s.filter(|at_s| *at_s <= now_s + CLOCK_AHEAD_S_MAX);
    let performed_at_s = performed_at_s
        .ok_or("`performed_at_s` must be the Unix seconds of the act, which is not to come")?;
    let mut code = |name: &str| match json.remove(name) {
        None => Ok(None),
        Some(code) => {
            let code = code.as_str().and_then(Text::new).map(Some);
            code.ok_or_else(|| format!("`{name}` is a code of 1 to 40 bytes"))
        }
    };
    let (exact_action, origin) = (code("exact_action")?, code("origin")?);
    let reference = match json.remove("reference") {
        None => None,
        Some(Value::String(text)) if (1..=64).contains(&text.len()) => Some(Blob(text.into())),
        Some(_) => return Err("`reference` is a text of 1 to 64 bytes".to_owned()),
    };
    let holder = match (json.remove("account"), json.remove("card"), json.remove("link")) {
        (Some(account), None, None) => Holder::Account(AccountId(bytes(&account, "account")?)),
        (None, Some(card), None) => Holder::Card(bytes(&card, "card")?),
        (None, None, Some(link)) => Holder::Link(LinkId(bytes(&link, "link")?)),
        (None, None, None) => {
            return Err("one of `account`, `card` and `link` must be there".to_owned());
        }
        _ => return Err("only one of `account`, `card` and `link` may be there".to_owned()),
    };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let values = (values != Values::default()).then_some(values);
    let (holder, plain) = (Some(holder), Disclosure::default());
    Ok(Disclosure {
        salt,
        performed_at_s,
        holder,
        values,
        exact_action,
        reference,
        origin,
        ..plain
    })
}

fn bytes<const N: usize>(value: &Value, name: &str) -> Result<[u8; N], String> {
    let decoded = value.as_str().and_then(|text| HEXLOWER.decode(text.as_bytes()).ok());
    let decoded = decoded.and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| format!("`{name}` must be {N} bytes in lower-case hexadecimal"))
}
