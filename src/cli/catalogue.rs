//! `kenmai catalogue`: a catalogue document before it is proposed.

use std::path::{Path, PathBuf};

use ledger_spec::catalogue::Catalogue;
use ledger_spec::kinds::DOCUMENT_BYTES_MAX;

use super::console::tell_faults;
use super::files::read_text;
use super::outcome::Outcome;

/// Check a catalogue document.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(CatalogueCheck),
}

/// Say everything that is wrong with a document, and where.
#[derive(clap::Args)]
#[command(after_help = "Exit code 0 only for a sound document. Example:\n\n  \
                        kenmai catalogue check ledger-spec/examples/catalogue.json")]
struct CatalogueCheck {
    /// The document, JSON.
    file: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let Command::Check(args) = &args.command;
    check(&args.file)
}

fn check(file: &Path) -> Outcome {
    let text = read_text(file, DOCUMENT_BYTES_MAX as u64)?;
    let faults = match Catalogue::read(&text) {
        Ok(catalogue) => catalogue.faults(),
        Err(fault) => vec![fault],
    };
    Ok(tell_faults(file, "catalogue", &faults))
}
