//! `kenmai letters`: who gets a letter on a day, for the house that prints and posts them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_spec::ids::AccountId;
use ledger_spec::state::Overlay;

use super::console::complain;
use super::files::{make_private, read_text};
use super::folder;
use super::options::day_or_today;
use super::options::ledger_keys;
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::csv::Table;
use crate::engine::REGISTRY_FILE;
use crate::pages::Lang;
use crate::pages::reminders::{Detail, sentence};
use crate::query::reminders;
use crate::registry::Registry;

/// The longest list of a city's numbers.
const NUMBERS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Write the letters of a day: one line for each resident without a phone who is to be reminded of
/// something.
#[derive(clap::Args)]
#[command(
    after_help = "The file (CSV, formats: ledger-spec/07-files.md) names persons: it is readable by its owner alone, and is to be deleted once \
                        the letters are out. The log and the registry are only read; a server may be running.\n\n\
                        Examples:\n  \
                        kenmai letters --data city/data --keys city/keys --out letters.csv\n  \
                        kenmai letters --data city/data --keys city/keys --numbers numbers.txt --out letters.csv"
)]
pub struct Args {
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's keys folder, which opens the registry.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The day of the letters; today in Japan unless told otherwise.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
    /// The city's own numbers, one a line: a letter then has the number of its person, by which
    /// addresses are found. The registry keeps hashes of numbers alone.
    #[arg(long, value_name = "FILE")]
    numbers: Option<PathBuf>,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let day = day_or_today(args.day.as_deref())?;
    let keys = ledger_keys(&args.data, &args.keys)?;
    let registry = Registry::open_read_only(&args.data.join(REGISTRY_FILE), &keys.kek)?;
    let numbers = numbers(args, &registry)?;
    let state = folder::replay(&args.data, |_| {})?;
    let overlay = Overlay::over(&state);
    let mut table = Table::default();
    table.line(&["日付", "番号", "氏名", "内容", "内容(英語)"]);
    let mut letters = 0_u64;
    for account in reminders::without_phone(&state) {
        let booked = registry.appointments(account, day)?;
        let coming = reminders::coming(&overlay, account, &booked, day);
        let due: Vec<_> = coming.iter().filter(|coming| coming.due(day).is_some()).collect();
        if due.is_empty() {
            continue;
        }
        let text = |lang, between| {
            let sentences = due.iter().map(|coming| sentence(lang, coming, Detail::Full));
            sentences.collect::<Vec<_>>().join(between)
        };
        let name = registry.person(account)?.unwrap_or_default();
        let number = numbers.get(&account).cloned().unwrap_or_default();
        table.line(&[day.to_string(), number, name, text(Lang::Ja, ""), text(Lang::En, " ")]);
        letters += 1;
    }
    make_private(&args.out, table.into_text().as_bytes())?;
    complain(format_args!("{letters} letters of {day}"));
    Ok(ExitStatus::Well)
}

fn numbers(args: &Args, registry: &Registry) -> Result<BTreeMap<AccountId, String>, CliError> {
    let Some(path) = &args.numbers else { return Ok(BTreeMap::new()) };
    let mut found = BTreeMap::new();
    for number in read_text(path, NUMBERS_BYTES_MAX)?.lines().map(str::trim) {
        if let Some(account) = registry.account_of_number(number)? {
            found.insert(account, number.to_owned());
        }
    }
    Ok(found)
}
