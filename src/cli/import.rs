//! `kenmai import`: files of a city, and lots of another ledger, become rows for `kenmai
//! sign-rows`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::ids::AccountId;
use ledger_spec::kinds::{AgeTier, Status};
use ledger_spec::points::POINTS_MAX;
use ledger_spec::state::{Overlay, State};
use ledger_spec::time::Day;
use serde_json::{Map as Json, Value, json};

use super::files::{FileArgs, bytes, map, refused, report};
use super::{CliError, ExitStatus, Outcome, appointments, complain, folder, make_file, say};
use crate::adapters::city_file::{self, Event, Map, Place, Read, What};
use crate::adapters::fhir::{self, FhirMap};
use crate::adapters::japanese;
use crate::clock::{Clock, SystemClock};
use crate::csv::Table;
use crate::engine::REGISTRY_FILE;
use crate::keys::LedgerKeys;
use crate::registry::Registry;

/// Lots of one row: a row of a manifest has at most 1,024 bytes.
const ROW_LOTS_MAX: usize = 24;

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
                        kenmai import lots lots.csv --source 'the old app' --out opening"
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
}

#[derive(clap::Args)]
struct LotsArgs {
    /// The file.
    file: PathBuf,
    /// Where the lots come from, for the residents to read.
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
            take(args, read.map_err(refused(file))?, map.reason.as_deref())
        }
        Format::Fhir(args) => {
            let map: FhirMap = map(&args.map)?;
            let files = args.files.iter().map(|file| bytes(file)).collect::<Result<Vec<_>, _>>()?;
            let read = fhir::read(&files, &map);
            take(args, read.map_err(|error| CliError::Refused(error.to_string()))?, None)
        }
        Format::Appointments(args) => appointments::run(args),
        Format::Lots(args) => lots(args),
    }
}

/// Rows by kind, in the order of the file.
type Rows = BTreeMap<&'static str, Vec<Value>>;

fn take(args: &FileArgs, mut read: Read, reason: Option<&str>) -> Outcome {
    let keys = LedgerKeys::load(&args.keys)?;
    let registry = Registry::open(&args.data.join(REGISTRY_FILE), &keys.kek)?;
    let deaths: BTreeMap<AccountId, Day> = deaths(&read, &registry)?;
    let mut spent = Vec::new();
    let state = folder::replay(&args.data, |entry| spent.extend(spent_after(entry, &deaths)))?;
    let age_on = age_on(&state);
    let told = |(_, event): &(Place, Event)| matches!(event.what, What::Facts { .. });
    if age_on.is_none() && read.events.iter().any(told) {
        let text = "no programme is published, and it names the day on which ages count";
        return Err(CliError::Refused(text.to_owned()));
    }
    let (mut rows, mut known, mut fresh) = (Rows::new(), 0_u64, Vec::new());
    for (place, Event { number, what }) in std::mem::take(&mut read.events) {
        let account = registry.account_of_number(&number)?;
        if what == What::Listed {
            let account = match account {
                Some(account) if state.accounts.contains_key(&account) => {
                    known += 1;
                    continue;
                }
                Some(account) => account,
                None => random_account()?,
            };
            fresh.push((account, number));
            rows.entry("account.open").or_default().push(json!({"account": account.to_string()}));
            continue;
        }
        match account {
            Some(account) => {
                let (kind, row) = row(account, &what, (reason, age_on));
                rows.entry(kind).or_default().push(row);
            }
            None => read.refused.push(city_file::Refused {
                place,
                reason: "no account has this number of the city".to_owned(),
                remedy: "open the account first: import the roster with the kind account.open",
            }),
        }
    }
    // Registry first, then log: an account whose row never comes harms nobody.
    let accounts: Vec<AccountId> = fresh.iter().map(|(account, _)| *account).collect();
    registry.ensure_data_keys(&accounts)?;
    registry.put_numbers(&fresh)?;
    write_rows(&args.out, &rows)?;
    report(args, &read)?;
    if !deaths.is_empty() {
        write_spent(&args.out, &spent)?;
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

fn random_account() -> Result<AccountId, CliError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    Ok(AccountId(id))
}

/// The day on which ages count: of the programme in force, or else of the latest.
fn age_on(state: &State) -> Option<Day> {
    let today = Day::of_ms(SystemClock.wall_ms());
    let overlay = Overlay::over(state);
    let latest = state.programmes.values().next_back();
    overlay.programme_for(today).or(latest).map(|programme| programme.age_on)
}

fn row(
    account: AccountId,
    what: &What,
    (reason, age_on): (Option<&str>, Option<Day>),
) -> (&'static str, Value) {
    let mut row = Json::new();
    row.insert("account".to_owned(), account.to_string().into());
    match what {
        What::Listed => ("account.open", row.into()),
        What::Facts { born, insurance, eligible_from, district } => {
            let age = age_on.map(|on| (AgeTier::of_age(on.age_of_born(*born)), on));
            let (tier, on) = age.unwrap_or((AgeTier::Unknown, *eligible_from));
            row.insert("age_tier".to_owned(), json!(tier));
            row.insert("age_on".to_owned(), on.to_string().into());
            row.insert("insurance".to_owned(), json!(insurance));
            row.insert("eligible_from".to_owned(), eligible_from.to_string().into());
            row.insert("district".to_owned(), (*district).into());
            ("account.facts", row.into())
        }
        What::Standing(status, since) => {
            row.insert("status".to_owned(), status.0.name().into());
            row.insert("since".to_owned(), since.to_string().into());
            row.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
            ("account.status", row.into())
        }
        What::Action { action, exact_action, day, reference } => {
            row.insert("action".to_owned(), action.as_str().into());
            row.insert("performed_at_s".to_owned(), (day.start_ms() / 1_000).into());
            row.extend(
                exact_action.as_deref().map(|code| ("exact_action".to_owned(), code.into())),
            );
            let reference = reference.as_deref();
            row.extend(reference.map(|number| ("reference".to_owned(), number.into())));
            ("action", row.into())
        }
    }
}

/// The accounts of the file whose persons have died, with the day.
fn deaths(read: &Read, registry: &Registry) -> Result<BTreeMap<AccountId, Day>, CliError> {
    let mut deaths = BTreeMap::new();
    for (_, Event { number, what }) in &read.events {
        if let What::Standing(status, day) = what
            && status.0 == Status::Deceased
            && let Some(account) = registry.account_of_number(number)?
        {
            deaths.insert(account, *day);
        }
    }
    Ok(deaths)
}

/// A redemption on or after the day of death: account, entry, day, shop, points. One that was
/// voided shows both.
type Spent = [String; 5];

fn spent_after(entry: &Accounting, deaths: &BTreeMap<AccountId, Day>) -> Vec<Spent> {
    let Some(subject) = entry.subject else { return Vec::new() };
    let day = entry.accepted_day();
    if deaths.get(&subject.account).is_none_or(|death| day < *death) {
        return Vec::new();
    }
    let mut shops: BTreeMap<String, i64> = BTreeMap::new();
    for (_, points, contra) in entry.postings() {
        if let Contra::Shop(shop) = contra {
            *shops.entry(shop.to_string()).or_default() -= points;
        }
    }
    let [account, seq, day] = [subject.account.to_string(), entry.seq.to_string(), day.to_string()];
    let line = |(shop, points): (String, i64)| {
        [account.clone(), seq.clone(), day.clone(), shop, points.to_string()]
    };
    shops.into_iter().map(line).collect()
}

fn write_rows(out: &str, rows: &Rows) -> Result<(), CliError> {
    for (kind, rows) in rows {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let path = PathBuf::from(format!("{out}-{kind}.jsonl"));
        make_file(&path, text.as_bytes())?;
        say(format_args!("{} {}", path.display(), rows.len()));
    }
    Ok(())
}

fn write_spent(out: &str, spent: &[Spent]) -> Result<(), CliError> {
    let mut table = Table::default();
    table.line(&["account", "seq", "day", "shop", "points"]);
    spent.iter().for_each(|line| table.line(line));
    make_file(&PathBuf::from(format!("{out}-spent.csv")), table.into_text().as_bytes())
}

/// One line of lots.csv.
#[derive(serde::Deserialize)]
struct LotLine {
    account: String,
    purse: String,
    fund: String,
    expires_on: String,
    points: u64,
}

/// Opening rows: an account for each, and its lots in rows that a manifest can hold.
fn lots(args: &LotsArgs) -> Outcome {
    let bytes = bytes(&args.file)?;
    let (text, _) = japanese::decode(&bytes)
        .ok_or_else(|| CliError::Refused(format!("{} is not UTF-8", args.file.display())))?;
    let mut by_account: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let LotLine { account, purse, fund, expires_on, mut points } =
            line.map_err(refused(&args.file))?;
        if !seen.insert((account.clone(), purse.clone(), fund.clone(), expires_on.clone())) {
            let text = format!("a lot of {account} stands twice");
            return Err(refused(&args.file)(text));
        }
        while points > 0 {
            let some = points.min(u64::from(POINTS_MAX));
            points -= some;
            let lot =
                json!({"purse": purse, "fund": fund, "expires_on": expires_on, "points": some});
            by_account.entry(account.clone()).or_default().push(lot);
        }
    }
    let mut rows = Rows::new();
    let mut total = 0;
    for (account, lots) in &by_account {
        rows.entry("account.open").or_default().push(json!({"account": account}));
        for lots in row_chunks(lots) {
            let sum: u64 = lots.iter().filter_map(|lot| lot["points"].as_u64()).sum();
            total += sum;
            rows.entry("balance.import").or_default().push(
                json!({"account": account, "lots": lots, "control_total": sum, "source": args.source}),
            );
        }
    }
    write_rows(&args.out, &rows)?;
    complain(format_args!("control total {total} points in {} lots", seen.len()));
    Ok(ExitStatus::Well)
}

/// Lots cut into rows: not too many, and no lot twice in one.
fn row_chunks(lots: &[Value]) -> Vec<Vec<&Value>> {
    let key = |lot: &Value| [&lot["purse"], &lot["fund"], &lot["expires_on"]].map(Value::to_string);
    let mut chunks: Vec<Vec<&Value>> = Vec::new();
    for lot in lots {
        let fits = |chunk: &&mut Vec<&Value>| {
            chunk.len() < ROW_LOTS_MAX && chunk.iter().all(|other| key(other) != key(lot))
        };
        match chunks.iter_mut().find(fits) {
            Some(chunk) => chunk.push(lot),
            None => chunks.push(vec![lot]),
        }
    }
    chunks
}
