//! `kenmai keys`: the ledger's own secrets, when one is lost or known to others.

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use super::console::say;
use super::outcome::{ExitStatus, Outcome};
use crate::keys::{self, LedgerKeys, ServerKey};

/// Replace a secret of the server's own.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make another system or PIN key, in place of one that is lost or known to others.
    #[command(
        after_help = "The server must be stopped, and started again afterwards: it runs with the key that waits, and two root keys \
                      register it. Then revoke the former one. The other secrets cannot be replaced: `log.seed` and \
                      `pepper.secret` are what makes the log this log."
    )]
    Replace {
        /// Which key.
        key: OwnKey,
        /// The keys folder of the ledger.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum OwnKey {
    System,
    Pin,
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let Command::Replace { key, keys } = &args.command;
    let (kind, role, name) = match key {
        OwnKey::System => (ServerKey::System, "system", "System"),
        OwnKey::Pin => (ServerKey::Pin, "pin", "PIN check"),
    };
    let public = LedgerKeys::replace(keys, kind)?;
    let mut person = [0; 16];
    getrandom::fill(&mut person).map_err(keys::KeyError::from)?;
    let file = keys.join(kind.secret().file());
    say(format_args!(
        "made {}; the one before, if there was one, is beside it as .replaced",
        file.display()
    ));
    say("start the server, and have two root keys register it (kenmai sign --kind key.register):");
    say(format_args!(
        r#"{{"public_key":"{}","role":"{role}","person":"{}","name":"{name}"}}"#,
        keys::public_hex(&public),
        HEXLOWER.encode(&person)
    ));
    say("then revoke the former key (kenmai sign --kind key.revoke)");
    Ok(ExitStatus::Well)
}
