//! `kenmai export`: everything a ledger holds on accounts, as CSV that another programme can take
//! over.

use std::path::PathBuf;

use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::kept;
use ledger_spec::points::Purse;
use ledger_spec::state::State;
use ledger_spec::time::Day;

use super::{
    CliError, ExitStatus, Outcome, complain, day_or_today, export_currency, folder, make_file,
};
use crate::csv::Table;

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
    part: Option<Part>,
    #[command(flatten)]
    all: Option<All>,
}

#[derive(clap::Subcommand)]
enum Part {
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

/// The head of history.csv.
const HISTORY_HEAD: [&str; 9] = [
    "seq",
    "accepted_on",
    "account",
    "kind",
    "purse",
    "fund",
    "expires_on",
    "points",
    "from_or_to",
];

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    match (&args.part, &args.all) {
        (Some(Part::Currency(args)), _) => export_currency::run(args),
        (None, Some(all)) => everything(all),
        (None, None) => Err(CliError::Refused("give --all, or `currency`".to_owned())),
    }
}

fn everything(args: &All) -> Outcome {
    let today = day_or_today(args.day.as_deref())?;
    std::fs::create_dir(&args.out).map_err(CliError::file("make", &args.out))?;
    let mut history = Table::default();
    history.line(&HISTORY_HEAD);
    let state = folder::replay(&args.data, |entry| history_lines(entry, &mut history))?;
    let (balances, lots) = holdings(&state, today);
    for (name, table) in [("balances.csv", balances), ("lots.csv", lots), ("history.csv", history)]
    {
        make_file(&args.out.join(name), table.into_text().as_bytes())?;
    }
    complain(format_args!("exported {} accounts as of {today}", state.accounts.len()));
    Ok(ExitStatus::Well)
}

/// Balances and unexpired lots of every account.
fn holdings(state: &State, today: Day) -> (Table, Table) {
    let (mut balances, mut lots) = (Table::default(), Table::default());
    balances.line(&["account", "purse", "points"]);
    lots.line(&["account", "purse", "fund", "expires_on", "points"]);
    for (id, account) in &state.accounts {
        let id = id.to_string();
        for purse in Purse::ALL {
            let points = account.available(*purse, today).to_string();
<<<<<<< HEAD
            balances.line(&[&id, purse.name(), &points])?;
        }
        for lot in account.lots.iter().filter(|lot| lot.key.expires_on >= today) {
            let (day, points) = (lot.key.expires_on.to_string(), lot.points.to_string());
            let (purse, fund) = (lot.key.purse.name(), lot.key.fund.name());
            lots.line(&[&id, purse, fund, &day, &points])?;
=======
            balances.line(&[&id, purse_name(*purse), &points]);
        }
        for lot in account.lots.iter().filter(|lot| lot.key.expires_on >= today) {
            let (day, points) = (lot.key.expires_on.to_string(), lot.points.to_string());
            let (purse, fund) = (purse_name(lot.key.purse), fund_name(lot.key.fund));
            lots.line(&[&id, purse, fund, &day, &points]);
>>>>>>> 5a82a2d (Write every table through one writer of CSV, with one mark, one quoting and one guard against formulas)
        }
    }
    (balances, lots)
}

/// One line for each posting; entries of accounts without one have a line without points.
<<<<<<< HEAD
fn history_lines(entry: &Accounting, table: &mut Table) -> Result<(), CliError> {
    let Some(subject) = entry.subject else { return Ok(()) };
    let kind = kept::read(&entry.statement.0).map(|kept| kept.core.body.kind().name());
=======
fn history_lines(entry: &Accounting, table: &mut Table) {
    let Some(subject) = entry.subject else { return };
    let kind = statement::kept(&entry.statement.0).map(|kept| kept.core.body.kind().name());
>>>>>>> 5a82a2d (Write every table through one writer of CSV, with one mark, one quoting and one guard against formulas)
    let (seq, day) = (entry.seq.to_string(), entry.accepted_day().to_string());
    let (account, kind) = (subject.account.to_string(), kind.unwrap_or_default());
    let mut moved = false;
    for (lot, points, contra) in entry.postings() {
        moved = true;
        let (expires_on, points) = (lot.expires_on.to_string(), points.to_string());
        let (purse, fund) = (lot.purse.name(), lot.fund.name());
        let other = contra_text(contra);
        table.line(&[&seq, &day, &account, kind, purse, fund, &expires_on, &points, &other]);
    }
    if !moved {
        table.line(&[&seq, &day, &account, kind, "", "", "", "", ""]);
    }
}

fn contra_text(contra: Contra) -> String {
    match contra {
        Contra::Budget(year) => format!("budget {year}"),
        Contra::Shop(shop) => format!("shop {shop}"),
        Contra::Held(hold) => format!("hold {}", hold.0),
        Contra::Retired => "retired".to_owned(),
        Contra::Challenge => "challenge".to_owned(),
        Contra::Expired => "expired".to_owned(),
        Contra::Imported => "imported".to_owned(),
    }
}

<<<<<<< HEAD
/// A CSV file (RFC 4180, UTF-8) on its way to the disk.
pub(super) struct Table(csv::Writer<Vec<u8>>);

impl Table {
    pub(super) fn new(head: &[&str]) -> Result<Self, CliError> {
        let mut table = Self(
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new()),
        );
        table.line(head)?;
        Ok(table)
    }

    pub(super) fn line(&mut self, cells: &[&str]) -> Result<(), CliError> {
        self.0.write_record(cells).map_err(|error| CliError::Refused(error.to_string()))
    }

    pub(super) fn write(self, path: &Path) -> Result<(), CliError> {
        let bytes = self.0.into_inner().map_err(|error| CliError::Refused(error.to_string()))?;
        make_file(path, &bytes)
=======
fn purse_name(purse: Purse) -> &'static str {
    match purse {
        Purse::Yen => "yen",
        Purse::Challenge => "challenge",
    }
}

fn fund_name(fund: Fund) -> &'static str {
    match fund {
        Fund::General => "general",
        Fund::Nhi => "nhi",
        Fund::CareInsurance => "care_insurance",
        Fund::Employer => "employer",
        Fund::None => "none",
>>>>>>> 5a82a2d (Write every table through one writer of CSV, with one mark, one quoting and one guard against formulas)
    }
}
