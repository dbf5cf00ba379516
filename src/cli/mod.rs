//! The command line: one file for each command, each a thin shell around library functions.
//!
//! What people asked for goes to standard output, and only through `console::say`; progress and
//! logs go to standard error. Exit codes: 0, all is well; 1, something was found or refused; 2, the
//! command could not be carried out. Read first: `Command`, the commands, and `outcome::CliError`.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod appointments;
pub mod audit;
pub mod catalogue;
pub mod clock;
mod console;
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
pub mod keys;
pub mod letters;
pub mod metrics;
mod options;
mod outcome;
pub mod programme;
pub mod rebuild;
pub mod receipt;
pub mod serve;
pub mod settle;
mod shop_accounts;
pub mod sign;
pub mod sign_rows;
pub mod submit;
pub mod verify;

use console::complain;
use outcome::Outcome;
pub use outcome::{CliError, ExitStatus};

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
    Keys(keys::Args),
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
        Command::Keys(args) => keys::run(args),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
