//! `kenmai programme`: a programme document before it is proposed.

use std::path::{Path, PathBuf};

use ledger_spec::kinds::DOCUMENT_BYTES_MAX;
use ledger_spec::programme::Programme;

use super::console::{Bar, say, tell_faults};
use super::files::read_text;
use super::options::{ledger_file, ledger_keys};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::log::disk::RealDisk;
use crate::simulate::{self, Pair, SimulateConfig, Simulation};

/// Check a programme document, or try it on the actions of a year.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(ProgrammeCheck),
    Simulate(Simulate),
}

/// Say everything that is wrong with a document, and where.
#[derive(clap::Args)]
#[command(after_help = "Exit code 0 only for a sound document. Example:\n\n  \
                        kenmai programme check ledger-spec/examples/programme.json")]
struct ProgrammeCheck {
    /// The document, JSON.
    file: PathBuf,
}

/// Decide the actions of a fiscal year again under a document, and print what changes for each rule
/// and fund.
#[derive(clap::Args)]
#[command(after_help = "Nothing is written; the server may run. Example:\n\n  \
                        kenmai programme simulate next.json --data city/data --keys city/keys")]
struct Simulate {
    /// The document, JSON.
    file: PathBuf,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's keys folder: sealed parts say which action it was.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The fiscal year whose actions are decided again; the one before the document's unless told.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u32).range(2000..=2999))]
    year: Option<u32>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check(&args.file),
        Command::Simulate(args) => simulate(args),
    }
}

fn check(file: &Path) -> Outcome {
    let text = read_text(file, DOCUMENT_BYTES_MAX as u64)?;
    let faults = match Programme::read(&text) {
        Ok(programme) => programme.faults(),
        Err(fault) => vec![fault],
    };
    Ok(tell_faults(file, "programme", &faults))
}

fn simulate(args: &Simulate) -> Outcome {
    let text = read_text(&args.file, DOCUMENT_BYTES_MAX as u64)?;
    let programme = Programme::parse(&text)
        .map_err(|fault| CliError::Refused(format!("{}: {fault}", args.file.display())))?;
    let year = args.year.unwrap_or(programme.fiscal_year.saturating_sub(1));
    let origin = ledger_file(&args.data)?.origin;
    let keys = ledger_keys(&args.data, &args.keys)?;
    let bar = Bar::new("simulate");
    let config = SimulateConfig {
        data_folder: &args.data,
        origin: &origin,
        keys: &keys,
        programme: &programme,
        fiscal_year: year,
    };
    let found = simulate::simulate(&RealDisk, &config, &mut |done, total| bar.show(done, total))?;
    drop(bar);
    tell(&found);
    Ok(ExitStatus::Well)
}

fn tell(found: &Simulation) {
    say(format_args!("fiscal year {}: as recorded, and under the document", found.fiscal_year));
    say(line(["acts", "points", "acts", "points", "difference"].map(str::to_owned), ""));
    for (number, (name, pair)) in &found.rules {
        say(line(figures(pair), &format!("rule {number} {name}")));
    }
    for (fund, pair) in &found.funds {
        say(line(figures(pair), &format!("fund {}", fund.name())));
    }
    for (reason, count) in &found.refused {
        say(format_args!("{count} would be refused: {reason}"));
    }
    if found.sealed > 0 {
        say(format_args!("{} left out: their sealed part is gone", found.sealed));
    }
    if found.by_two > 0 {
        say(format_args!("{} left out: two persons of the staff granted them", found.by_two));
    }
}

fn figures(pair: &Pair) -> [String; 5] {
    let Pair { was, would } = pair;
    let difference = i128::from(would.points) - i128::from(was.points);
    let shown = [was.acts, was.points, would.acts, would.points].map(|figure| figure.to_string());
    let [a, b, c, d] = shown;
    [a, b, c, d, format!("{difference:+}")]
}

/// Figures and what they are of: the name comes last, because a Japanese letter takes two columns.
fn line(figures: [String; 5], name: &str) -> String {
    let figures = figures.map(|figure| format!("{figure:>12}"));
    format!("{}  {name}", figures.concat())
}
