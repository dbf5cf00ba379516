//! `kenmai draw`: a draw from its entrants to the check of its winners.

use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ledger_spec::draw::{BEACON, round_s};
use ledger_spec::entry::receipt_number;
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kinds::Body;
use ledger_spec::statement::Core;
use ledger_spec::time::Day;

use super::console::{complain, say, say_bytes};
use super::files::{make_file, read_text};
use super::options::ledger_file;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::{folder, sign};
use crate::adapters::drand::{self, ANSWER_BYTES_MAX};
use crate::beacon::CHAIN_HASH;
use crate::clock::{Clock, SystemClock};
use crate::keys;
use crate::query::draws::{DrawBooks, first_round_from};

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
        (None, Some(at)) => round_from(at)?,
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
    let fixed = books.awaiting()?;
    let value = value_of(&args.beacon, fixed.round)?;
    let body = books.result(&value).ok_or_else(|| CliError::refused("there is no draw"))?;
    write(Body::DrawResult(body), &origin, &args.signed)?;
    for winner in books.drawn_by(&value, fixed.prizes) {
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
            let answer = beacon.map(|path| value_of(path, fixed.round)).transpose()?;
            if answer.is_some_and(|value| value != held.value) {
                faults.push("the log has another value than the beacon's answer".to_owned());
            }
        }
    }
    for fault in &faults {
        say(format_args!("  WRONG    {fault}"));
    }
    say(if faults.is_empty() { "all is well" } else { "NOT WELL" });
    Ok(if faults.is_empty() { ExitStatus::Well } else { ExitStatus::Findings })
}

/// The value in the beacon's answer, which must be the network's for this round.
fn value_of(path: &Path, round: u64) -> Result<Vec<u8>, CliError> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        let input = std::io::stdin().take(ANSWER_BYTES_MAX + 1).read_to_string(&mut text);
        input.map_err(CliError::file("read", path))?;
        text
    } else {
        read_text(path, ANSWER_BYTES_MAX)?
    };
    Ok(drand::value(&path.display().to_string(), &text, round)?)
}

/// Signs a statement as of today and gives it to whoever asked.
fn write(body: Body, origin: &str, signed: &Signed) -> Result<(), CliError> {
    let key = keys::load_actor_key(&signed.key)?;
    let core = Core {
        ledger: LedgerId::of_origin(origin),
        op_id: sign::random_op_id()?,
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body,
        sealed: None,
    };
    let bytes = core.sign(&key, None);
    match &signed.out {
        None => say_bytes(&bytes),
        Some(path) => make_file(path, &bytes)?,
    }
    Ok(())
}

/// The first round at a time in Japan or after it.
fn round_from(at: &str) -> Result<u64, CliError> {
    let unclear = || CliError::refused(format!("--at {at} is no YYYY-MM-DDTHH:MM"));
    let (day, time) = at.split_once('T').ok_or_else(unclear)?;
    let (hour, minute) = time.split_once(':').ok_or_else(unclear)?;
    let two_digits = |text: &str, end: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| digits && *number < end)
    };
    let day = Day::parse(day).ok_or_else(unclear)?;
    let hour = two_digits(hour, 24).ok_or_else(unclear)?;
    let minute = two_digits(minute, 60).ok_or_else(unclear)?;
    let at_s = day.start_ms() / 1_000 + hour * 3_600 + minute * 60;
    first_round_from(at_s)
        .ok_or_else(|| CliError::refused(format!("the beacon had no round at {at} yet")))
}

fn japanese_time(unix_s: u64) -> String {
    let of_day = (unix_s + JAPAN_S) % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{} {hour:02}:{minute:02}:{second:02}", Day::of_ms(unix_s.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_japan_is_the_first_round_from_then_on() {
        // Round 1 was at 00:09:27 on 24 August 2023 in Japan, and one follows every three seconds.
        for (at, round, time) in [
            ("2023-08-24T00:10", 12, "2023-08-24 00:10:00"),
            ("2024-10-15T02:14", 12_040_892, "2024-10-15 02:14:00"),
            ("2024-10-15T23:59", 12_066_992, "2024-10-15 23:59:00"),
        ] {
            assert_eq!(round_from(at).unwrap(), round, "{at}");
            assert_eq!(japanese_time(round_s(round).unwrap()), time);
        }
        assert_eq!(japanese_time(round_s(1).unwrap()), "2023-08-24 00:09:27");
        for at in [
            "2023-08-24T00:09",
            "2026-11-22",
            "2026-11-22T24:00",
            "2026-11-22T1:00",
            "2026-13-01T10:00",
            "2026-11-22T+1:00",
        ] {
            assert!(round_from(at).is_err(), "{at}");
        }
    }
}
