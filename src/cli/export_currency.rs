//! `kenmai export currency`: what residents have exchanged for another currency in a month.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_spec::catalogue::{Catalogue, Gives};
use ledger_spec::entry::{Accounting, Effect, Entry, receipt_number};
use ledger_spec::ids::LedgerId;
use ledger_spec::time::{Day, Month};

use super::console::{Bar, complain};
use super::files::make_private;
use super::options::{ledger_file, ledger_keys, parse_month};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::engine::replay::{LogSource, read_entries};
use crate::engine::{EngineError, PersonalReader, REGISTRY_FILE};
use crate::log::disk::RealDisk;
use crate::registry::Registry;
use crate::reports::currency::{self, CreditLine, Wallet};

/// Write the claims of currency items of a month, with control totals, for the operator who credits
/// the wallets.
#[derive(clap::Args)]
#[command(
    after_help = "The file (CSV, format: ledger-spec/07-files.md) names wallets: it is readable by its owner alone. The month must be over in the \
                  log. Claims of residents whose data was erased, and numbers with signs that a spreadsheet would not leave alone, are listed \
                  without a number and counted apart; of the latter the exit code is 1. The total of a place is what its settlement of the \
                  month pays for these claims.\n\n\
                  Example: kenmai export currency --month 2026-10 --data city/data --keys city/keys --out coin.csv"
)]
pub struct Args {
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's keys folder, which opens what is sealed.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What the log says of the month's claims, read entry by entry.
struct Claims<'a> {
    month: Month,
    reader: PersonalReader<'a>,
    catalogues: BTreeMap<u32, Catalogue>,
    lines: Vec<CreditLine>,
    last: Day,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let month = parse_month("--month", &args.month)?;
    let ledger = LedgerId::of_origin(&ledger_file(&args.data)?.origin);
    let keys = ledger_keys(&args.data, &args.keys)?;
    let registry = Registry::open_read_only(&args.data.join(REGISTRY_FILE), &keys.kek)?;
    let reader = PersonalReader { registry: &registry, ledger };
    let (catalogues, lines, last) = (BTreeMap::new(), Vec::new(), Day(0));
    let mut claims = Claims { month, reader, catalogues, lines, last };
    let log = LogSource { disk: &RealDisk, data_folder: &args.data, ledger };
    let bar = Bar::new("log");
    read_entries(log, &mut |done, total| bar.show(done, total), |logged| {
        claims.read(&logged.entry, &logged.accounting)
    })?;
    drop(bar);
    let Claims { lines, last, .. } = claims;
    if last <= month.last_day() {
        return Err(CliError::Refused(format!(
            "{month} is not over in the log, whose last entry is of {last}: export it afterwards"
        )));
    }
    make_private(&args.out, currency::csv(month, &lines).as_bytes())?;
    complain(format_args!("{} claims of {month}", lines.len()));
    let mut status = ExitStatus::Well;
    for line in lines.iter().filter(|line| line.wallet == Wallet::Unsafe) {
        let number = &line.receipt_number;
        complain(format_args!("{number}: the wallet's number has signs that no file can carry"));
        status = ExitStatus::Findings;
    }
    Ok(status)
}

impl Claims<'_> {
    fn read(&mut self, entry: &Entry, accounting: &Accounting) -> Result<(), EngineError> {
        let day = accounting.accepted_day();
        self.last = day;
        for effect in &accounting.effects {
            if let Effect::CatalogueInForce { version, document } = effect {
                let catalogue = Catalogue::parse(document.as_str()).ok();
                self.catalogues.extend(catalogue.map(|catalogue| (*version, catalogue)));
            }
            let Effect::RewardClaimed { catalogue, item, .. } = effect else { continue };
            let item = self.catalogues.get(catalogue).and_then(|known| known.item(*item));
            let Some((item, Gives::Currency { to })) = item.map(|item| (item, &item.gives)) else {
                continue;
            };
            if Month::of(day) != self.month {
                continue;
            }
            let disclosed = self.reader.read(entry, accounting)?;
            let wallet = match disclosed {
                None => Wallet::Erased,
                Some((_, disclosure)) => {
                    let number = disclosure.and_then(|disclosure| disclosure.reference);
                    Wallet::of(number.as_ref().map_or(&[], |number| number.0.as_slice()))
                }
            };
            let points = accounting.postings().map(|(_, points, _)| points.unsigned_abs()).sum();
            let receipt_number = receipt_number(self.reader.ledger, accounting.seq);
            let (item, place) = (item.code.clone(), *to);
            self.lines.push(CreditLine { day, receipt_number, item, place, wallet, points });
        }
        Ok(())
    }
}
