//! `kenmai audit`: everything checked again, from inside.

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use super::console::{Bar, say};
use super::options::{ledger_file, ledger_keys};
use super::outcome::{ExitStatus, Outcome};
use crate::audit::{self, AuditConfig, AuditReport};
use crate::log::disk::RealDisk;

/// Check a ledger's whole log again: signatures, decisions, sums, tree. Nothing is changed.
#[derive(clap::Args)]
#[command(
    after_help = "Exit code 0 only when all is well; 1 names the first broken entry, its file and what to do.\n\n\
                        Example: kenmai audit city/data --keys city/keys"
)]
pub struct Args {
    /// The data folder of the ledger.
    dir: PathBuf,
    /// The ledger's keys folder; without it sealed parts stay closed and are counted as such.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let origin = ledger_file(&args.dir)?.origin;
    let keys = args.keys.as_deref().map(|keys| ledger_keys(&args.dir, keys)).transpose()?;
    let bar = Bar::new("audit");
    let config = AuditConfig { data_folder: args.dir.clone(), origin, keys: keys.as_ref() };
    let report = audit::audit(&RealDisk, &config, &mut |done, total| bar.show(done, total))?;
    drop(bar);
    tell(&config.origin, &report);
    Ok(if report.is_clean() { ExitStatus::Well } else { ExitStatus::Findings })
}

fn tell(origin: &str, report: &AuditReport) {
    say(format_args!(
        "{origin}: {} entries, root {}",
        report.entries,
        HEXLOWER.encode(&report.root)
    ));
    for (check, count) in &report.passed {
        say(format_args!("  checked  {count:>10}  {}", check.what()));
    }
    for (gap, count) in &report.gaps {
        say(format_args!("  open     {count:>10}  {}", gap.what()));
    }
    for remark in &report.remarks {
        say(format_args!("  remark   {remark}"));
    }
    for finding in &report.findings {
        say(format_args!("  WRONG    {finding}"));
    }
    say(if report.is_clean() {
        "all is well"
    } else {
        "NOT WELL: the audit ended at the first broken entry; what follows it was not judged"
    });
}
