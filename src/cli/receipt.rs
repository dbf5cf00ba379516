//! `kenmai receipt`: what a receipt proves, without asking anyone.

use std::path::PathBuf;

use data_encoding::HEXLOWER_PERMISSIVE;
use ed25519_dalek::VerifyingKey;
use ledger_spec::entry::{Accounting, receipt_number};
use ledger_spec::ids::LedgerId;
use ledger_spec::kept;
use ledger_spec::receipt::{KeptConsent, MAX_RECEIPT_BYTES};

use super::console::say;
use super::files::read_text;
use super::options::vkey_text;
use super::outcome::{ExitStatus, Outcome};
use crate::verify::{self, ReceiptReport};

/// Check receipts.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Check a receipt against the log's verifier key; no network is used.
    #[command(after_help = "Example: kenmai receipt check receipt.txt --vkey city.vkey")]
    Check {
        /// The receipt.
        file: PathBuf,
        /// The log's verifier key, or a file that holds it.
        #[arg(long, value_name = "KEY|FILE")]
        vkey: String,
        /// The public key of the resident's phone, or of the ledger's `pin` role (64 hexadecimal
        /// digits): the resident's consent that the entry keeps is checked too. Can be repeated.
        #[arg(long = "key", value_name = "HEX", value_parser = public_key)]
        keys: Vec<VerifyingKey>,
    },
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let Command::Check { file, vkey, keys } = &args.command;
    let receipt = read_text(file, MAX_RECEIPT_BYTES as u64)?;
    match verify::check_receipt(&receipt, &vkey_text(vkey)?, keys) {
        Ok(report) => {
            tell(&report);
            Ok(ExitStatus::Well)
        }
        Err(error) if error.is_finding() => {
            say(format_args!("NOT VALID: {error}"));
            Ok(ExitStatus::Findings)
        }
        Err(error) => Err(error.into()),
    }
}

fn public_key(text: &str) -> Result<VerifyingKey, String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.ok_or_else(|| "a public key is 64 hexadecimal digits".to_owned())
}

fn tell(ReceiptReport { origin, seq, size, opened, consent }: &ReceiptReport) {
    let number = receipt_number(LedgerId::of_origin(origin), *seq);
    say(format_args!(
        "entry {seq} ({number}) is in the log {origin}, whose head of {size} entries is signed"
    ));
    match opened {
        None => say("  the receipt does not open the entry"),
        Some(accounting) => tell_opened(accounting),
    }
    match consent {
        None => {}
        Some(KeptConsent { what, kid, is_checked: true }) => {
            say(format_args!("  consent {what}, signed by {kid}"));
        }
        Some(KeptConsent { what, kid, is_checked: false }) => say(format_args!(
            "  consent {what} that names {kid}; its signature was not checked: give its public key with --key"
        )),
    }
    say("all is well");
}

fn tell_opened(accounting: &Accounting) {
    if let Ok(statement) = kept::read(&accounting.statement.0) {
        say(format_args!("  kind    {}", statement.core.body.kind().name()));
        say(format_args!("  day     {}", statement.core.day));
        say(format_args!("  signer  {}", statement.kid));
    }
    say(format_args!("  taken   {}", accounting.accepted_day()));
    if accounting.postings().next().is_some() {
        say(format_args!("  points  {:+}", accounting.points()));
    }
}
