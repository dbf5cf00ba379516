//! `kenmai export`: everything a ledger holds on accounts, as CSV that another programme can take
//! over.

use std::path::PathBuf;

use super::console::complain;
use super::files::make_file;
use super::options::day_or_today;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::{export_currency, folder};
use crate::reports::accounts::{self, HistoryTable, Holdings};

/// Write balances, lots and history of every account as CSV.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Makes balances.csv, lots.csv and history.csv in a new folder (formats: ledger-spec/07-files.md). Accounts are random \
                        numbers; no name and no measured value is in them. The log is only read; a server may be running.\n\n\
                        `kenmai import lots lots.csv` turns the lots into rows for another ledger."
)]
pub struct Args {
    #[command(subcommand)]
    part: Option<ExportPart>,
    #[command(flatten)]
    all: Option<All>,
}

#[derive(clap::Subcommand)]
enum ExportPart {
    Currency(export_currency::Args),
}

#[derive(clap::Args)]
struct All {
    /// Export all accounts.
    #[arg(long, required = true)]
    all: bool,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Leave out lots that expire before this day; today in Japan unless told otherwise.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    match (&args.part, &args.all) {
        (Some(ExportPart::Currency(args)), _) => export_currency::run(args),
        (None, Some(all)) => everything(all),
        (None, None) => Err(CliError::Refused("give --all, or `currency`".to_owned())),
    }
}

fn everything(args: &All) -> Outcome {
    let today = day_or_today(args.day.as_deref())?;
    std::fs::create_dir(&args.out).map_err(CliError::file("make", &args.out))?;
    let mut history = HistoryTable::default();
    let state = folder::replay(&args.data, |entry| history.read(entry))?;
    let Holdings { balances, lots } = accounts::holdings(&state, today);
    let files = [("balances.csv", balances), ("lots.csv", lots), ("history.csv", history.file())];
    for (name, text) in files {
        make_file(&args.out.join(name), text.as_bytes())?;
    }
    complain(format_args!("exported {} accounts as of {today}", state.accounts.len()));
    Ok(ExitStatus::Well)
}
