//! `kenmai verify`: the public check, from outside.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use ledger_spec::note::MAX_NOTE_BYTES;

use super::console::{Bar, complain, say};
use super::files::read_text;
use super::options::{ledger_file, vkey_text};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::config::LedgerFile;
use crate::verify::{self, Source, VerifyConfig, VerifyReport};

/// Check a public log from its tiles, entry bundles and signed checkpoint alone.
#[derive(clap::Args)]
#[command(
    after_help = "To see that nothing is ever changed or dropped, keep the checkpoint and check the next one against it:\n  \
                        kenmai verify URL --vkey KEY --save seen.txt\n  \
                        kenmai verify URL --vkey KEY --since seen.txt --save seen.txt"
)]
pub struct Args {
    /// The address of the log (`https://HOST/LEDGER`), a folder of C2SP tiles, or a ledger's data
    /// folder.
    #[arg(value_name = "URL|DIR")]
    source: String,
    /// The log's verifier key, or a file that holds it. Without it the log's own word is taken: for
    /// a data folder, the key in its `ledger.toml`.
    #[arg(long, value_name = "KEY|FILE")]
    vkey: Option<String>,
    /// A checkpoint kept earlier: the log must contain it unchanged.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Where to keep the checkpoint, once all is well.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let source = source(&args.source)?;
    let vkey = args.vkey.as_deref().map(vkey_text).transpose()?;
    let since = args.since.as_deref().map(|path| read_text(path, MAX_NOTE_BYTES as u64));
    let config = VerifyConfig { source, vkey, since: since.transpose()? };
    let bar = Bar::new("verify");
    let verified = verify::verify(&config, &mut |done, total| bar.show(done, total));
    drop(bar);
    match verified {
        Ok(report) => {
            tell(&report);
            if let Some(path) = &args.save {
                save(path, &report)?;
            }
            Ok(ExitStatus::Well)
        }
        Err(error) if error.is_finding() => {
            say(format_args!("NOT WELL: {error}"));
            Ok(ExitStatus::Findings)
        }
        Err(error) => Err(error.into()),
    }
}

fn source(given: &str) -> Result<Source, CliError> {
    if given.starts_with("http://") || given.starts_with("https://") {
        return Ok(Source::Url(given.to_owned()));
    }
    let folder = PathBuf::from(given);
    if folder.join("checkpoint").is_file() {
        Ok(Source::Tiles(folder))
    } else if verify::is_data_folder(&folder) {
        let LedgerFile { origin, vkey, .. } = ledger_file(&folder)?;
        Ok(Source::Ledger { data_folder: folder, origin, vkey })
    } else {
        Err(CliError::Refused(format!(
            "{given} is neither an address (https://...), nor a folder with a `checkpoint`, nor a ledger's data folder"
        )))
    }
}

fn tell(report: &VerifyReport) {
    say(format_args!("{}: {} entries", report.origin, report.size));
    say(format_args!("  root              {}", BASE64.encode(&report.root)));
    say(format_args!("  hashes compared   {}", report.hashes));
    for (kind, count) in &report.public {
        say(format_args!("  public            {count} x {kind}"));
    }
    if let Some(since) = report.since {
        say(format_args!("  unchanged since   {since} entries"));
    }
    if report.checkpoint.is_none() {
        say(
            "  signature         none: a data folder holds no signed checkpoint; the root is the lock's",
        );
        if let Some(vkey) = &report.own_vkey {
            say(format_args!("  key               {vkey}, as its ledger.toml says"));
        }
    } else if let Some(vkey) = &report.own_vkey {
        say(format_args!("  key               {vkey}"));
        say(
            "                    the log named this key itself: compare it with one from elsewhere, or give --vkey",
        );
    } else {
        say("  signature         by the key that you gave");
    }
    say("all is well");
}

/// Keeps the checkpoint; the earlier one stays until the later one is whole.
fn save(path: &Path, report: &VerifyReport) -> Result<(), CliError> {
    let Some(checkpoint) = &report.checkpoint else {
        complain("nothing was saved: a data folder holds no signed checkpoint");
        return Ok(());
    };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    fs::write(&draft, checkpoint).map_err(CliError::file("write", &draft))?;
    fs::rename(&draft, path).map_err(CliError::file("replace", path))
}
