//! `kenmai metrics`: the figures of days gone by, for a Prometheus that was not there.

use std::path::{Path, PathBuf};

use ledger_spec::ids::LedgerId;
use ledger_spec::kept;
use ledger_spec::time::Day;

use super::console::say_bytes;
use super::options::{ledger_file, parse_day};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::engine::replay::{LogSource, read_entries};
use crate::log::disk::{Disk, RealDisk};
use crate::metrics::Backfill;

/// Give the metrics that follow from the log for days gone by, for Prometheus to read.
#[derive(clap::Args)]
#[command(
    after_help = "The log alone is read, and nothing is changed; the server may run. Example:\n\n  \
                  kenmai metrics export --since 2026-04-01 --data city/data --ledger city > year.txt\n  \
                  promtool tsdb create-blocks-from openmetrics --max-block-duration=768h \
    year.txt /var/lib/prometheus/metrics2"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Export(Export),
}

/// Write one sample a day of each counter, in the text format of `OpenMetrics`.
#[derive(clap::Args)]
struct Export {
    /// The first day to give, YYYY-MM-DD in Japan; the log's first unless told. Counters count from
    /// the log's beginning.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's name in URLs, as the server's own metrics have it; the folder's name unless
    /// told.
    #[arg(long, value_name = "NAME")]
    ledger: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let Command::Export(args) = &args.command;
    let since = args.since.as_deref().map(|day| parse_day("--since", day));
    let since = since.transpose()?.unwrap_or(Day(0));
    let of_folder = args.data.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = args.ledger.clone().or(of_folder).ok_or_else(|| {
        CliError::Refused("the folder has no name; name the ledger with --ledger".to_owned())
    })?;
    let text = export(&RealDisk, &args.data, &name, since)?;
    say_bytes(text.as_bytes());
    Ok(ExitStatus::Well)
}

/// The metrics of the ledger in this folder, once a day from `since` on, at the day's last second
/// in Japan; on the log's last day at its last entry, for the day may not be over.
///
/// # Errors
/// [`CliError`] where the log cannot be read.
pub fn export(
    disk: &dyn Disk,
    data_folder: &Path,
    name: &str,
    since: Day,
) -> Result<String, CliError> {
    let ledger = LedgerId::of_origin(&ledger_file(data_folder)?.origin);
    let metrics_fault = |error| CliError::Refused(format!("the metrics: {error}"));
    let mut backfill = Backfill::new(name).map_err(metrics_fault)?;
    let mut last: Option<(Day, u64)> = None;
    let mut unsampled = Ok(());
    read_entries(LogSource { disk, data_folder, ledger }, &mut |_, _| (), |logged| {
        let accounting = &logged.accounting;
        let kept = kept::read(&accounting.statement.0).map_err(|error| logged.fault(&error))?;
        let day = accounting.accepted_day();
        let (before, last_s) = last.unwrap_or((day, 0));
        for over in (before.0..day.0).map(Day).filter(|over| *over >= since) {
            if let Err(error) = backfill.sample(over.plus(1).start_ms() / 1_000 - 1) {
                unsampled = Err(error);
            }
        }
        last = Some((day.max(before), last_s.max(accounting.accepted_min * 60)));
        backfill.entry(&kept.core.body, accounting);
        Ok(())
    })?;
    unsampled.map_err(metrics_fault)?;
    if let Some((_, last_s)) = last.filter(|(day, _)| *day >= since) {
        backfill.sample(last_s).map_err(metrics_fault)?;
    }
    Ok(backfill.text())
}
