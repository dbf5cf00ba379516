//! The part of `kenmai import` that keeps booked appointments: they go to the registry, never to
//! the log.

use std::path::PathBuf;

use super::console::complain;
use super::files::{FileArgs, bytes, map, refused, report};
use super::folder;
use super::options::day_or_today;
use super::options::ledger_keys;
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::adapters::appointments::{self, AppointmentMap};
use crate::engine::REGISTRY_FILE;
use crate::office::bookings::{self, Booked};
use crate::registry::Registry;

/// Calendars, or FHIR Bundles or NDJSON, of booked appointments.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// Leave out, and forget, what is over before this day; today in Japan unless told otherwise.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let today = day_or_today(args.day.as_deref())?;
    let map_file: &PathBuf = &args.files.map;
    let map: AppointmentMap = map(map_file)?;
    let files = args.files.files.iter().map(|file| bytes(file)).collect::<Result<Vec<_>, _>>()?;
    let read = appointments::read(&files, &map);
    let mut read = read.map_err(|error| CliError::Refused(error.to_string()))?;
    let keys = ledger_keys(&args.files.data, &args.files.keys)?;
    let registry = Registry::open(&args.files.data.join(REGISTRY_FILE), &keys.kek)?;
    let state = folder::replay(&args.files.data, |_| {})?;
    bookings::check_map(&map, &state, today).map_err(refused(map_file))?;
    let Booked { booked, cancelled } = bookings::take(&mut read, &registry, &state, today)?;
    report(&args.files, &read)?;
    complain(format_args!(
        "{booked} booked, {cancelled} cancelled, {} refused, {} left out, {} repeated",
        read.refused.len(),
        read.left_out,
        read.repeated
    ));
    Ok(if read.refused.is_empty() { ExitStatus::Well } else { ExitStatus::Findings })
}
