//! `kenmai clock`: a person's word that the machine's clock is right.

use std::path::PathBuf;

use super::console::say;
use super::options::ledger_file;
use super::outcome::{ExitStatus, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::config::write_new;
use crate::engine::CLOCK_ACCEPT_FILE;
use ledger_spec::time::{Day, JST_OFFSET_MS};

/// Look after the clock of a ledger.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say that the machine's clock is right, after a jump has made the ledger read-only.
    #[command(
        after_help = "Look at the time that is printed before you go on: entries are dated by it for ever."
    )]
    Accept {
        /// The data folder of the ledger.
        dir: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let Command::Accept { dir } = &args.command;
    let ledger = ledger_file(dir)?;
    let now_ms = SystemClock.wall_ms();
    let minutes = (now_ms + JST_OFFSET_MS) / 60_000;
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    let path = dir.join(CLOCK_ACCEPT_FILE);
    if path.exists() {
        say(format_args!("{} is there already and waits for the server", path.display()));
        return Ok(ExitStatus::Well);
    }
    write_new(&path, "")?;
    say(format_args!("the clock shows {} {hour:02}:{minute:02} in Japan", Day::of_ms(now_ms)));
    say(format_args!(
        "{}: wrote {}; the server takes it away, and takes statements again, with the next statement that is sent to it",
        ledger.origin,
        path.display()
    ));
    Ok(ExitStatus::Well)
}
