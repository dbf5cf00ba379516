//! `kenmai sign`: a statement out of JSON.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ledger_spec::catalogue::Catalogue;
use ledger_spec::cbor::Reader;
use ledger_spec::cose::Sign1;
use ledger_spec::ids::{LedgerId, OpId};
use ledger_spec::kinds::{Body, Kind, Note};
use ledger_spec::programme::Programme;
use ledger_spec::statement::{self, Core, Disclosure, NOT_AFTER_S_MAX, StatementError};
use ledger_spec::time::Day;
use serde_json::{Map, Value};

use super::console::{complain, say_bytes};
use super::fields;
use super::files::{make_file, read_text};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::adapters::strict_json;
use crate::clock::{Clock, SystemClock};
use crate::config::check_origin;
use crate::keys;

/// No document in a statement is longer.
const MAX_JSON_BYTES: u64 = 65_536;
/// A statement that moves money out is good for so many seconds, unless told otherwise.
const DEFAULT_NOT_AFTER_S: u64 = 120;

/// Sign a statement: JSON in, the bytes that `kenmai submit` sends out.
#[derive(clap::Args)]
#[command(
    after_help = "The body is JSON with the names of ledger-spec/kenmai.cddl; bytes are lower-case hexadecimal. A value `@FILE` is read \
                        from the file. `--kind KIND --fields` lists a kind's fields.\n\n\
                        A correction, refund, cancellation or standing has a cause in the body, a word of a list that is kept for ever. What there is \
                        to say about it goes to `--text`: the person concerned and the second person read it, and it ends with the person's data key.\n\n\
                        Kinds that seal more than a text (action, redeem, device.enrol) are made by stations, shops and phones: \
                        see ledger-spec/examples.\n\n\
                        Examples:\n  \
                        kenmai sign --key a.pem --origin ledger.example.jp/city --kind budget.allocate \\\n    \
                        --json '{\"fund\":\"general\",\"fiscal_year\":2026,\"points\":1000000}' --out budget.cose\n  \
                        kenmai sign --key b.pem --origin ledger.example.jp/city --kind approve --approve budget.cose \\\n    \
                        --json '{\"proposal\":6}' --out approve.cose\n  \
                        kenmai sign --key a.pem --origin ledger.example.jp/city --kind programme.publish \\\n    \
                        --json '{\"version\":1,\"document\":\"@programme.json\"}' --out programme.cose\n  \
                        kenmai sign --key a.pem --origin ledger.example.jp/city --kind action.withdraw --text 'read twice by the station' \\\n    \
                        --json '{\"entry\":112,\"cause\":\"duplicate\"}' --out withdraw.cose"
)]
pub struct Args {
    /// The kind of statement.
    #[arg(long)]
    kind: String,
    /// List the fields of the kind, and sign nothing.
    #[arg(long)]
    fields: bool,
    /// The key that signs (PKCS#8 PEM).
    #[arg(long, value_name = "FILE", required_unless_present = "fields")]
    key: Option<PathBuf>,
    /// The origin of the ledger that the statement is for.
    #[arg(long, required_unless_present = "fields")]
    origin: Option<String>,
    /// The body.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    json: String,
    /// What there is to say about a cause, for the person concerned: sealed, and erased with the
    /// person's data key. `@FILE` reads it from a file.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// The proposal's statement that an `approve` agrees to: its hash becomes `statement_hash`.
    #[arg(long, value_name = "FILE")]
    approve: Option<PathBuf>,
    /// The day of the statement; today in Japan unless told otherwise.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
    /// The programme version, for kinds that it rules.
    #[arg(long)]
    programme: Option<u32>,
    /// Seconds for which a statement that moves money out is good; 120 unless told otherwise.
    #[arg(long, value_name = "SECONDS")]
    not_after: Option<u64>,
    /// The file to make; without it the bytes go to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let kind = fields::kind_of(&args.kind).map_err(CliError::Refused)?;
    if args.fields {
        let text = if kind.seals_text_alone() { "; what there is to say: --text" } else { "" };
        super::console::say(format_args!("{}: {}{text}", kind.name(), fields::describe(kind)));
        return Ok(ExitStatus::Well);
    }
    let disclosure = disclosure(args, kind)?;
    let key = keys::load_actor_key(args.key.as_deref().unwrap_or(Path::new("")))?;
    let core = core(args, kind, body(args, kind)?)?;
    let bytes = core.sign(&key, disclosure.as_ref());
    let hash = statement::read(&bytes).map(|(_, statement)| statement.hash());
    if let Ok(hash) = hash {
        complain(format_args!("signed {}, SHA-256 {}", kind.name(), HEXLOWER.encode(&hash)));
    }
    match &args.out {
        None => say_bytes(&bytes),
        Some(path) => make_file(path, &bytes)?,
    }
    Ok(ExitStatus::Well)
}

/// What a kind seals, where that is a text alone.
fn disclosure(args: &Args, kind: Kind) -> Result<Option<Disclosure>, CliError> {
    let name = kind.name();
    if kind.shape().disclosure && !kind.seals_text_alone() {
        return Err(CliError::Refused(format!(
            "{name} seals a disclosure, which its station, shop or phone makes; see ledger-spec/examples"
        )));
    }
    if !kind.seals_text_alone() {
        return match args.text {
            None => Ok(None),
            Some(_) => Err(CliError::Refused(format!("{name} seals no text: leave --text out"))),
        };
    }
    let text = match args.text.as_deref().map(|text| (text, text.strip_prefix('@'))) {
        None => None,
        Some((_, Some(file))) => Some(read_text(Path::new(file), MAX_JSON_BYTES)?),
        Some((text, None)) => Some(text.to_owned()),
    };
    written(text.as_deref().map(str::trim)).map(Some).map_err(CliError::Refused)
}

/// A disclosure of this moment that holds what a person wrote, or nothing.
pub(super) fn written(text: Option<&str>) -> Result<Disclosure, String> {
    let fits = |text| {
        Note::new(text)
            .ok_or("the text has 1 to 400 bytes, and of control characters only the line feed")
    };
    let text = text.map(fits).transpose()?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let performed_at_s = SystemClock.wall_ms() / 1_000;
    Ok(Disclosure { salt, performed_at_s, text, ..Disclosure::default() })
}

fn body(args: &Args, kind: Kind) -> Result<Body, CliError> {
    let json = strict_json::object_of(&args.json)
        .map_err(|error| CliError::Refused(format!("--json is not a JSON object: {error}")))?;
    let mut named = Map::new();
    for (name, value) in json {
        let file = value.as_str().and_then(|text| text.strip_prefix('@')).map(PathBuf::from);
        let value = match file {
            Some(file) => Value::String(read_text(&file, MAX_JSON_BYTES)?),
            None => value,
        };
        named.insert(name, value);
    }
    if let Some(path) = &args.approve {
        if named.contains_key("statement_hash") {
            let text = "--approve gives the statement_hash: leave it out of --json";
            return Err(CliError::Refused(text.to_owned()));
        }
        let bytes = std::fs::read(path).map_err(CliError::file("read", path))?;
        // Of a manifest with its rows the first item is the statement.
        let proposal = Sign1::read(&mut Reader::new(&bytes)).map(|signed| signed.to_bytes());
        let proposal = proposal.map_err(StatementError::from).and_then(|b| statement::read(&b));
        let (_, proposal) = proposal.map_err(|error| {
            CliError::Refused(format!("{} is not a statement: {error}", path.display()))
        })?;
        named.insert("statement_hash".to_owned(), HEXLOWER.encode(&proposal.hash()).into());
    }
    let body = fields::body_of(kind, &named).map_err(CliError::Refused)?;
    check_document(&body).map_err(CliError::Refused)?;
    Ok(body)
}

/// A document that no ledger would take is worth no second person's time.
fn check_document(body: &Body) -> Result<(), String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds carry no document")]
    match body {
        Body::ProgrammePublish(body) => {
            Programme::parse(body.document.as_str()).map(drop).map_err(|fault| fault.to_string())
        }
        Body::CataloguePublish(body) => {
            Catalogue::parse(body.document.as_str()).map(drop).map_err(|fault| fault.to_string())
        }
        _ => Ok(()),
    }
}

fn core(args: &Args, kind: Kind, body: Body) -> Result<Core, CliError> {
    let refused = |text: &str| CliError::Refused(text.to_owned());
    let origin = args.origin.as_deref().unwrap_or_default();
    check_origin(origin).map_err(refused)?;
    let now_ms = SystemClock.wall_ms();
    let day = match &args.day {
        None => Day::of_ms(now_ms),
        Some(text) => Day::parse(text).ok_or_else(|| refused("--day is a day YYYY-MM-DD"))?,
    };
    let shape = kind.shape();
    if shape.programme != args.programme.is_some() {
        let name = kind.name();
        return Err(CliError::Refused(if shape.programme {
            format!("{name} names the programme version that rules: give --programme")
        } else {
            format!("{name} names no programme version: leave --programme out")
        }));
    }
    if args.not_after.is_some() && !shape.not_after {
        let text = format!("{} has no deadline: leave --not-after out", kind.name());
        return Err(CliError::Refused(text));
    }
    let good_for_s = args.not_after.unwrap_or(DEFAULT_NOT_AFTER_S);
    if !(1..=NOT_AFTER_S_MAX).contains(&good_for_s) {
        return Err(CliError::Refused(format!("--not-after is 1 to {NOT_AFTER_S_MAX} seconds")));
    }
    let not_after_s = shape.not_after.then(|| now_ms / 1_000 + good_for_s);
    Ok(Core { day, programme: args.programme, not_after_s, ..as_of_today(body, origin)? })
}

/// A statement of today, of a kind that names neither programme nor deadline and seals nothing.
pub(super) fn as_of_today(body: Body, origin: &str) -> Result<Core, CliError> {
    Ok(Core {
        ledger: LedgerId::of_origin(origin),
        op_id: random_op_id()?,
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body,
        sealed: None,
    })
}

/// A random UUID (RFC 9562, version 4).
pub(super) fn random_op_id() -> Result<OpId, CliError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut id;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    Ok(OpId(id))
}
