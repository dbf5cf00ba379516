//! `kenmai draw`: a draw from its entrants to the check of its winners.

use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ledger_spec::draw::{BEACON, round_s};
use ledger_spec::entry::receipt_number;
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kinds::Body;
use ledger_spec::time::Day;

use super::console::{complain, say, say_bytes};
use super::files::{make_file, read_text};
use super::options::ledger_file;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::{folder, sign};
use crate::adapters::drand::ANSWER_BYTES_MAX;
use crate::beacon::CHAIN_HASH;
use crate::keys;
use crate::query::draws::{DrawBooks, round_at};

/// A minute of a day in Japan begins so many seconds after that of UTC.
const JAPAN_S: u64 = 9 * 3_600;

/// Fix the entrants of a draw, hold it, and check it.
#[derive(clap::Args)]
#[command(
    after_help = "ITEM is the code of a lottery of the catalogue. The log is only read; a server may be running. A draw goes like this:\n\n  \
                  kenmai draw entrants tombola-2026 --data city/data\n  \
                  kenmai draw commit tombola-2026 --data city/data --at 2027-03-20T12:00 --key staff.pem --out commit.cose\n  \
                  kenmai submit --url https://ledger.example.jp --ledger city commit.cose\n  \
                  # after 12:00, with the round that `commit` named\n  \
                  curl -s https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/ROUND > beacon.json\n  \
                  kenmai draw result tombola-2026 --data city/data --beacon beacon.json --key staff.pem --out result.cose\n  \
                  kenmai submit --url https://ledger.example.jp --ledger city result.cose\n  \
                  kenmai draw verify tombola-2026 --data city/data"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List who takes part: entry, receipt number, hash of the secret; then their number and root.
    Entrants {
        #[command(flatten)]
        of: DrawArgs,
    },
    /// Sign the statement that fixes the entrants and names the round of the beacon that decides.
    Commit(Commit),
    /// Sign the statement that names the winners, from the beacon's answer.
    Result(DrawnBy),
    /// Check a draw: entrants, root, times, the beacon's signature and the winners. Exit code 1
    /// where something is wrong.
    Verify {
        #[command(flatten)]
        of: DrawArgs,
        /// The beacon's answer for the round, to compare with the log: a file, or `-` for standard
        /// input.
        #[arg(long, value_name = "FILE")]
        beacon: Option<PathBuf>,
    },
}

/// Which draw.
#[derive(clap::Args)]
struct DrawArgs {
    /// The item's code.
    item: String,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Who signs, and where to.
#[derive(clap::Args)]
struct Signed {
    /// The key that signs (PKCS#8 PEM), of role root or staff.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file to make; without it the bytes go to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Commit {
    #[command(flatten)]
    of: DrawArgs,
    #[command(flatten)]
    signed: Signed,
    /// The beacon's round.
    #[arg(long, value_name = "N", conflicts_with = "at", required_unless_present = "at")]
    round: Option<u64>,
    /// The time of the draw in Japan: the first round from then on.
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM")]
    at: Option<String>,
}

#[derive(clap::Args)]
struct DrawnBy {
    #[command(flatten)]
    of: DrawArgs,
    #[command(flatten)]
    signed: Signed,
    /// The beacon's answer for the round: a file, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    beacon: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Entrants { of } => entrants(of),
        Command::Commit(args) => commit(args),
        Command::Result(args) => result(args),
        Command::Verify { of, beacon } => verify(of, beacon.as_deref()),
    }
}

/// The books of the draw, and the ledger's origin.
fn read(of: &DrawArgs) -> Result<(DrawBooks, String), CliError> {
    let origin = ledger_file(&of.data)?.origin;
    let mut books = DrawBooks::of(&of.item);
    folder::replay(&of.data, |entry| books.read(entry))?;
    books.check_known()?;
    Ok((books, origin))
}

fn number(origin: &str, seq: Seq) -> String {
    receipt_number(LedgerId::of_origin(origin), seq)
}

fn entrants(of: &DrawArgs) -> Outcome {
    let (books, origin) = read(of)?;
    for (claim, code) in &books.entrants {
        say(format_args!("{claim:<10}  {}  {}", number(&origin, *claim), HEXLOWER.encode(code)));
    }
    say(format_args!("entrants    {}", books.entrants.len()));
    say(format_args!("root        {}", HEXLOWER.encode(&books.root())));
    Ok(ExitStatus::Well)
}

fn commit(args: &Commit) -> Outcome {
    let (books, origin) = read(&args.of)?;
    let round = match (&args.round, &args.at) {
        (Some(round), _) => *round,
        (None, Some(at)) => round_at(at)?,
        (None, None) => return Err(CliError::refused("give --round or --at")),
    };
    let body = books.commitment(round)?;
    let (count, due_s) = (body.count, round_s(round).unwrap_or(0));
    write(Body::DrawCommit(body), &origin, &args.signed)?;
    complain(format_args!(
        "{count} entrants; round {round} has its value at {} in Japan, then:\n  \
         curl -s https://api.drand.sh/{CHAIN_HASH}/public/{round} > beacon.json",
        japanese_time(due_s)
    ));
    Ok(ExitStatus::Well)
}

fn result(args: &DrawnBy) -> Outcome {
    let (books, origin) = read(&args.of)?;
    books.awaiting()?;
    let drawn = books.draw(&args.beacon.display().to_string(), &answer(&args.beacon)?)?;
    write(Body::DrawResult(drawn.body), &origin, &args.signed)?;
    for winner in drawn.winners {
        complain(format_args!("winner {}", number(&origin, winner)));
    }
    Ok(ExitStatus::Well)
}

fn verify(of: &DrawArgs, beacon: Option<&Path>) -> Outcome {
    let (books, origin) = read(of)?;
    let Some(fixed) = &books.fixed else {
        say(format_args!("{}: {} entrants, not fixed yet", of.item, books.entrants.len()));
        return Ok(ExitStatus::Well);
    };
    let at = japanese_time(round_s(fixed.round).unwrap_or(0));
    say(format_args!(
        "{}: {} entrants, root {}, fixed by entry {}; round {} of {BEACON} at {at} in Japan",
        of.item,
        fixed.count,
        HEXLOWER.encode(&fixed.root),
        fixed.commit,
        fixed.round
    ));
    let mut faults = books.faults();
    match &books.held {
        None => say("  not drawn yet"),
        Some(held) => {
            say(format_args!(
                "  drawn by entry {} with {}",
                held.entry,
                HEXLOWER.encode(&held.value)
            ));
            for winner in &held.winners {
                say(format_args!("  winner   {}", number(&origin, *winner)));
            }
            if let Some(path) = beacon {
                let from = path.display().to_string();
                faults.extend(books.fault_by_answer(&from, &answer(path)?)?);
            }
        }
    }
    for fault in &faults {
        say(format_args!("  WRONG    {fault}"));
    }
    say(if faults.is_empty() { "all is well" } else { "NOT WELL" });
    Ok(if faults.is_empty() { ExitStatus::Well } else { ExitStatus::Findings })
}

fn answer(path: &Path) -> Result<String, CliError> {
    if path != Path::new("-") {
        return read_text(path, ANSWER_BYTES_MAX);
    }
    let mut text = String::new();
    let input = std::io::stdin().take(ANSWER_BYTES_MAX + 1).read_to_string(&mut text);
    input.map_err(CliError::file("read", path))?;
    Ok(text)
}

/// Signs a statement as of today and gives it to whoever asked.
fn write(body: Body, origin: &str, signed: &Signed) -> Result<(), CliError> {
    let key = keys::load_actor_key(&signed.key)?;
    let bytes = sign::as_of_today(body, origin)?.sign(&key, None);
    match &signed.out {
        None => say_bytes(&bytes),
        Some(path) => make_file(path, &bytes)?,
    }
    Ok(())
}

fn japanese_time(unix_s: u64) -> String {
    let of_day = (unix_s + JAPAN_S) % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{} {hour:02}:{minute:02}:{second:02}", Day::of_ms(unix_s.saturating_mul(1_000)))
}
