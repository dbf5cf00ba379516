//! `kenmai serve`: ledgers of real cities.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_spec::ids::Kid;

use super::{CliError, Outcome, ledger_file};
use crate::config::Config;
use crate::engine::Engine;
use crate::keys;

/// The folder in which a demo keeps the keys of its fictitious actors.
pub const DEMO_KEYS_FOLDER: &str = "demo-keys";

/// Serve the ledgers of a configuration file.
#[derive(clap::Args)]
#[command(
    after_help = "`kenmai init` writes such a file. A demo's ledger or keys are refused: everyone has them."
)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let config = load(&args.config)?;
    Err(CliError::Refused(format!("this build has no server: nobody listens on {}", config.listen)))
}

/// The configuration, if no ledger in it is a demo's.
///
/// # Errors
/// [`CliError::Config`], and [`CliError::Refused`] for a demo or a data folder of another origin.
pub fn load(path: &Path) -> Result<Config, CliError> {
    let config = Config::load(path)?;
    for ledger in &config.ledgers {
        let found = ledger_file(&ledger.data)?;
        let data = ledger.data.display();
        if found.demo {
            return Err(CliError::Refused(format!(
                "{data} holds a demo, whose keys everyone has; make a ledger with `kenmai init`"
            )));
        }
        if found.origin != ledger.origin {
            return Err(CliError::Refused(format!(
                "{data} holds the ledger {}, the configuration says {}; an origin never changes: correct the \
                 configuration",
                found.origin, ledger.origin
            )));
        }
    }
    Ok(config)
}

/// Refuses a ledger in which a key of a demo may sign. `demo_keys` is the folder of a demo's PEM files; one that does
/// not exist holds none.
///
/// # Errors
/// [`CliError::Refused`] with the key's file.
pub fn refuse_demo_keys(engine: &Engine, demo_keys: &Path) -> Result<(), CliError> {
    let Ok(files) = fs::read_dir(demo_keys) else { return Ok(()) };
    for file in files {
        let path = file.map_err(CliError::file("read", demo_keys))?.path();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        let public = keys::load_actor_key(&path)?.verifying_key();
        let kid = Kid::of(public.as_bytes());
        if engine.verifying_key(kid).is_some() {
            return Err(CliError::Refused(format!(
                "key {kid} is registered in this ledger, and {} is a demo's, which everyone has; start a ledger anew \
                 with keys of your own",
                path.display()
            )));
        }
    }
    Ok(())
}
