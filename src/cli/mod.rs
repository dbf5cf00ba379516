//! The command line: one file for each command, each a thin shell around library functions.
//!
//! What people asked for goes to standard output, and only through [`say`]; progress and logs go to
//! standard error. Exit codes: 0, all is well; 1, something was found or refused; 2, the command
//! could not be carried out.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use ledger_spec::time::{Day, Month};

use crate::audit::AuditError;
use crate::clock::{Clock, SystemClock};
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::keys::KeyError;
use crate::log::LogError;
use crate::verify::VerifyError;

mod appointments;
pub mod audit;
pub mod catalogue;
pub mod clock;
pub mod demo;
pub mod draw;
pub mod export;
pub mod export_currency;
pub mod fields;
mod files;
mod folder;
pub mod import;
pub mod init;
pub mod keygen;
pub mod letters;
pub mod metrics;
pub mod programme;
pub mod rebuild;
pub mod receipt;
pub mod serve;
pub mod settle;
pub mod sign;
pub mod sign_rows;
pub mod submit;
pub mod verify;

/// A health-mileage points ledger that nobody can alter unseen.
///
/// Without a command it starts the demo city on `http://localhost:8080`.
#[derive(Parser)]
#[command(
    name = "kenmai",
    version,
    after_help = "Exit codes: 0 all is well; 1 something was found or refused; 2 the command could not be carried out.\n\n\
                  Examples:\n  \
                  kenmai                                         start the demo city\n  \
                  kenmai verify http://localhost:8080/yaizu-demo  check a public log from outside\n  \
                  kenmai audit DATA --keys KEYS                  check everything from inside\n  \
                  kenmai init --dir city --origin ledger.example.jp/city \\\n    \
                  --root-key-1 a.pem --root-key-2 b.pem        make a ledger of your own"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Init(init::Args),
    Keygen(keygen::Args),
    Sign(sign::Args),
    SignRows(sign_rows::Args),
    Import(import::Args),
    Export(export::Args),
    Letters(letters::Args),
    Submit(submit::Args),
    Verify(verify::Args),
    Audit(audit::Args),
    Rebuild(rebuild::Args),
    Receipt(receipt::Args),
    Settle(settle::Args),
    Clock(clock::Args),
    Metrics(metrics::Args),
    Programme(programme::Args),
    Catalogue(catalogue::Args),
    Draw(draw::Args),
}

/// How a command that was carried out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// All is well: exit code 0.
    Well,
    /// Something was found or refused: exit code 1.
    Findings,
}

/// Why a command could not be carried out: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The audit.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The verification.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The simulation.
    #[error(transparent)]
    Simulate(#[from] crate::simulate::SimulateError),
    /// The transfers of a month.
    #[error(transparent)]
    Transfer(#[from] crate::reports::transfers::TransferError),
    /// The file of transfers.
    #[error(transparent)]
    Zengin(#[from] crate::reports::zengin::ZenginError),
    /// A step of a draw.
    #[error(transparent)]
    Draw(#[from] crate::query::draws::DrawError),
    /// An answer of the beacon.
    #[error(transparent)]
    Beacon(#[from] crate::adapters::drand::AnswerFault),
    /// The rows of a file.
    #[error(transparent)]
    Import(#[from] crate::office::imports::ImportError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    /// The demo city.
    #[error(transparent)]
    Demo(#[from] crate::demo::OpenError),
    /// The file of inhabitants.
    #[error(transparent)]
    Population(#[from] crate::query::participation::population::PopulationError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What was asked for cannot be done; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }
}

type Outcome = Result<ExitStatus, CliError>;

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or_else(|| Command::Demo(demo::Args::default()));
    let serves = matches!(command, Command::Serve(_) | Command::Demo(_));
    start_logging(if serves { "info" } else { "warn" });
    match run(&command) {
        Ok(ExitStatus::Well) => ExitCode::SUCCESS,
        Ok(ExitStatus::Findings) => ExitCode::from(1),
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Init(args) => init::run(args),
        Command::Keygen(args) => keygen::run(args),
        Command::Sign(args) => sign::run(args),
        Command::SignRows(args) => sign_rows::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Letters(args) => letters::run(args),
        Command::Submit(args) => submit::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Rebuild(args) => rebuild::run(args),
        Command::Receipt(args) => receipt::run(args),
        Command::Settle(args) => settle::run(args),
        Command::Clock(args) => clock::run(args),
        Command::Metrics(args) => metrics::run(args),
        Command::Programme(args) => programme::run(args),
        Command::Catalogue(args) => catalogue::run(args),
        Command::Draw(args) => draw::run(args),
    }
}

/// Logs go to standard error; `RUST_LOG` sets how much.
fn start_logging(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A subscriber that is set already, as in a test, stays.
    drop(logs.try_init());
}

/// Says a line to the person or program that asked.
fn say(line: impl Display) {
    // Whoever asked may have left, as `head` does; there is nobody to tell.
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// Gives bytes to the program that asked.
fn say_bytes(bytes: &[u8]) {
    drop(io::stdout().lock().write_all(bytes));
}

/// Says on standard error why a command failed, or what must not mix with its output.
fn complain(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "kenmai: {line}"));
}

/// A bar on standard error while something is read; nothing where that is no terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(what: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::new(0);
        // The template is fixed; where it did not parse the bar would be a plain one.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    fn show(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Makes a file that must not exist yet, and makes its bytes durable.
fn make_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    make_as(path, bytes, 0o666)
}

/// The same, readable by its owner alone from its first byte: it names persons.
fn make_private(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    make_as(path, bytes, 0o600)
}

fn make_as(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(CliError::file("make", path))
}

/// The day of an option.
fn parse_day(option: &str, text: &str) -> Result<Day, CliError> {
    Day::parse(text).ok_or_else(|| CliError::refused(format!("{option} {text} is no YYYY-MM-DD")))
}

/// The month of an option.
fn parse_month(option: &str, text: &str) -> Result<Month, CliError> {
    Month::parse(text).ok_or_else(|| CliError::refused(format!("{option} {text} is no YYYY-MM")))
}

/// The day of `--day`, or else today in Japan.
fn day_or_today(day: Option<&str>) -> Result<Day, CliError> {
    match day {
        None => Ok(Day::of_ms(SystemClock.wall_ms())),
        Some(text) => parse_day("--day", text),
    }
}

/// Says every fault of a document, or that it is sound.
fn tell_faults(file: &Path, what: &str, faults: &[impl Display]) -> ExitStatus {
    for fault in faults {
        say(format_args!("{}: {fault}", file.display()));
    }
    if !faults.is_empty() {
        return ExitStatus::Findings;
    }
    say(format_args!("{}: a sound {what}", file.display()));
    ExitStatus::Well
}

/// A text file of at most so many bytes.
fn read_text(path: &Path, most_bytes: u64) -> Result<String, CliError> {
    let mut text = String::new();
    let opened = std::fs::File::open(path).map_err(CliError::file("open", path))?;
    opened.take(most_bytes + 1).read_to_string(&mut text).map_err(CliError::file("read", path))?;
    if text.len() as u64 > most_bytes {
        return Err(CliError::Refused(format!(
            "{} is longer than {most_bytes} bytes",
            path.display()
        )));
    }
    Ok(text)
}

/// A verifier key as it stands on the command line: itself, or a file that holds it.
fn vkey_text(given: &str) -> Result<String, CliError> {
    let path = Path::new(given);
    if path.is_file() { read_text(path, 512) } else { Ok(given.to_owned()) }
}

/// Refuses a folder of which nobody says whose it is.
fn ledger_file(data_folder: &Path) -> Result<crate::config::LedgerFile, CliError> {
    Ok(crate::config::LedgerFile::read(data_folder)?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
