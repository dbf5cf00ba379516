//! `kenmai import`: files of a city, and lots of another ledger, become rows for `kenmai
//! sign-rows`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_spec::kinds::Code;
use ledger_spec::time::Day;
use serde_json::Value;

use super::console::{complain, say};
use super::files::make_file;
use super::files::{FileArgs, bytes, map, refused, report};
use super::options::ledger_keys;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::{appointments, folder, shop_accounts};
use crate::adapters::city_file::{self, FileRead, Map};
use crate::adapters::fhir::{self, FhirMap};
use crate::adapters::lots_file;
use crate::clock::{Clock, SystemClock};
use crate::engine::REGISTRY_FILE;
use crate::office::imports::{self, Deaths, Imported};
use crate::registry::Registry;

/// Turn a file of the city into rows that `kenmai sign-rows` signs, and report every row that
/// cannot be taken.
#[derive(clap::Args)]
#[command(
    after_help = "Makes PREFIX-KIND.jsonl for each kind of row, PREFIX-report.csv with every row that was refused, its reason and remedy, and \
                        PREFIX-spent.csv with what was spent on or after the day of a death. Persons are found by the city's own number alone, \
                        never by name. Formats and maps: ledger-spec/07-files.md.\n\n\
                        Examples:\n  \
                        kenmai import csv roster.csv --map roster.json --data city/data --keys city/keys --out roster\n  \
                        kenmai sign-rows --key registry.pem --origin ledger.example.jp/city --kind account.open --out roster roster-account.open.jsonl\n  \
                        kenmai import appointments clinic.ics --map appointments.json --data city/data --keys city/keys --out booked\n  \
                        kenmai import lots lots.csv --source old-app --out opening\n  \
                        kenmai import shop-accounts shops.csv --data city/data --keys city/keys --key a.pem --out shops\n  \
                        kenmai submit --url https://HOST --ledger LEDGER shops-*.cose"
)]
pub struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(clap::Subcommand)]
enum Format {
    /// A CSV file in UTF-8 or in the encoding of Japanese Windows.
    Csv(FileArgs),
    /// FHIR R4 Bundles or NDJSON, such as persons and vaccinations of one source.
    Fhir(FileArgs),
    /// Calendars, or FHIR Bundles or NDJSON, of booked appointments: into the registry, not into
    /// rows.
    Appointments(appointments::Args),
    /// The lots.csv of `kenmai export`.
    Lots(LotsArgs),
    /// The shops' bank accounts: into the registry, and as statements for two persons.
    ShopAccounts(shop_accounts::Args),
}

#[derive(clap::Args)]
struct LotsArgs {
    /// The file.
    file: PathBuf,
    /// The name of the opening budget that the lots come out of; the residents read it.
    #[arg(long)]
    source: String,
    /// The beginning of the names of the files to make.
    #[arg(long, value_name = "PREFIX")]
    out: String,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]; rows that are refused are no error but make the exit code 1.
pub fn run(args: &Args) -> Outcome {
    match &args.format {
        Format::Csv(args) => {
            let map: Map = map(&args.map)?;
            let [file] = args.files.as_slice() else {
                let text = "a CSV file is imported alone, because each kind has a map of its own";
                return Err(CliError::Refused(text.to_owned()));
            };
            let read = city_file::read(&bytes(file)?, &map);
            take(args, read.map_err(refused(file))?, map.text.as_deref())
        }
        Format::Fhir(args) => {
            let map: FhirMap = map(&args.map)?;
            let files = args.files.iter().map(|file| bytes(file)).collect::<Result<Vec<_>, _>>()?;
            let read = fhir::read(&files, &map);
            take(args, read.map_err(|error| CliError::Refused(error.to_string()))?, None)
        }
        Format::Appointments(args) => appointments::run(args),
        Format::Lots(args) => lots(args),
        Format::ShopAccounts(args) => shop_accounts::run(args),
    }
}

/// Makes rows, report and the list of what was spent after deaths.
fn take(args: &FileArgs, mut read: FileRead, text: Option<&str>) -> Outcome {
    let keys = ledger_keys(&args.data, &args.keys)?;
    let registry = Registry::open(&args.data.join(REGISTRY_FILE), &keys.kek)?;
    let deaths = Deaths::of(&read, &registry)?;
    let mut spent = Vec::new();
    let state = folder::replay(&args.data, |entry| spent.extend(deaths.spent(entry)))?;
    let today = Day::of_ms(SystemClock.wall_ms());
    let Imported { rows, known } = imports::take(&mut read, &registry, &state, today, text)?;
    write_rows(&args.out, &rows)?;
    report(args, &read)?;
    if !deaths.is_empty() {
        let path = PathBuf::from(format!("{}-spent.csv", args.out));
        make_file(&path, imports::spent_csv(&spent).as_bytes())?;
    }
    complain(format_args!(
        "{} refused, {} left out, {} repeated, {known} known already, {} redemptions after a death",
        read.refused.len(),
        read.left_out,
        read.repeated,
        spent.len()
    ));
    Ok(if read.refused.is_empty() { ExitStatus::Well } else { ExitStatus::Findings })
}

/// Makes the rows of opening balances.
fn lots(args: &LotsArgs) -> Outcome {
    let bytes = bytes(&args.file)?;
    let lots = lots_file::read(&bytes).map_err(refused(&args.file))?;
    let source = Code::new(&args.source).ok_or_else(|| {
        CliError::Refused("--source is the name of an opening budget, 1 to 40 bytes".to_owned())
    })?;
    let opening = lots_file::rows(&lots, &source);
    write_rows(&args.out, &opening.rows)?;
    complain(format_args!("control total {} points in {} lots", opening.total, lots.len()));
    Ok(ExitStatus::Well)
}

fn write_rows(out: &str, rows: &BTreeMap<&str, Vec<Value>>) -> Result<(), CliError> {
    for (kind, rows) in rows {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let path = PathBuf::from(format!("{out}-{kind}.jsonl"));
        make_file(&path, text.as_bytes())?;
        say(format_args!("{} {}", path.display(), rows.len()));
    }
    Ok(())
}
