//! `kenmai keygen`: a key for one actor.

use std::path::PathBuf;

use ledger_spec::ids::Kid;

use super::console::say;
use super::outcome::{ExitStatus, Outcome};
use crate::keys;

/// Make an Ed25519 key for one actor: a shop's terminal, a station, a member of staff.
#[derive(clap::Args)]
#[command(
    after_help = "The private key stays in the file (PKCS#8 PEM, readable by its owner only); what is printed is public.\n\n\
                        Example: kenmai keygen terminal.pem"
)]
pub struct Args {
    /// The file to make; one that exists is never overwritten.
    file: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let public = keys::create_actor_key(&args.file)?.verifying_key();
    say(format_args!("public_key {}", keys::public_hex(&public)));
    say(format_args!("kid        {}", Kid::of(public.as_bytes())));
    Ok(ExitStatus::Well)
}
