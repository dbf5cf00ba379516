//! Options that several commands take.

use std::path::Path;

use ledger_spec::time::{Day, Month};

use super::files::read_text;
use super::outcome::CliError;
use crate::clock::{Clock, SystemClock};
use crate::config::LedgerFile;
use crate::keys::LedgerKeys;

/// The day of an option.
pub(super) fn parse_day(option: &str, text: &str) -> Result<Day, CliError> {
    Day::parse(text).ok_or_else(|| CliError::refused(format!("{option} {text} is no YYYY-MM-DD")))
}

/// The month of an option.
pub(super) fn parse_month(option: &str, text: &str) -> Result<Month, CliError> {
    Month::parse(text).ok_or_else(|| CliError::refused(format!("{option} {text} is no YYYY-MM")))
}

/// The day of `--day`, or else today in Japan.
pub(super) fn day_or_today(day: Option<&str>) -> Result<Day, CliError> {
    match day {
        None => Ok(Day::of_ms(SystemClock.wall_ms())),
        Some(text) => parse_day("--day", text),
    }
}

/// A verifier key as it stands on the command line: itself, or a file that holds it.
pub(super) fn vkey_text(given: &str) -> Result<String, CliError> {
    let path = Path::new(given);
    if path.is_file() { read_text(path, 512) } else { Ok(given.to_owned()) }
}

/// Refuses a folder of which nobody says whose it is.
pub(super) fn ledger_file(data_folder: &Path) -> Result<LedgerFile, CliError> {
    Ok(LedgerFile::read(data_folder)?)
}

/// The secrets of the ledger whose data folder this is.
pub(super) fn ledger_keys(data_folder: &Path, keys: &Path) -> Result<LedgerKeys, CliError> {
    let keys = LedgerKeys::load(keys)?;
    ledger_file(data_folder)?.check_log_key(data_folder, &keys)?;
    Ok(keys)
}
