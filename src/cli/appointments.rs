//! The part of `kenmai import` that keeps booked appointments: they go to the registry, never to
//! the log.

use std::path::PathBuf;

use ledger_spec::state::{Overlay, State};
use ledger_spec::time::Day;

use super::files::{FileArgs, bytes, map, report};
use super::{CliError, ExitStatus, Outcome, complain, day_or_today, folder};
use crate::adapters::appointments::{self, AppointmentMap, Booking};
use crate::adapters::city_file::{Place, Read, Refused};
use crate::engine::REGISTRY_FILE;
use crate::keys::LedgerKeys;
use crate::registry::{self, APPOINTMENTS_MAX, Appointment, Registry};

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
    let keys = LedgerKeys::load(&args.files.keys)?;
    let registry = Registry::open(&args.files.data.join(REGISTRY_FILE), &keys.kek)?;
    let state = folder::replay(&args.files.data, |_| {})?;
    check_kinds(&map, &state, today)
        .map_err(|text| CliError::Refused(format!("{}: {text}", map_file.display())))?;
    let (places, bookings) = known(&mut read, &registry, (&state, today))?;
    let taken = registry.book(&bookings, today)?;
    let (mut booked, mut cancelled) = (0_u64, 0_u64);
    for ((place, booking), taken) in places.into_iter().zip(&bookings).zip(taken) {
        match booking.appointment {
            Some(_) if !taken => read.refused.push(Refused {
                place,
                reason: format!(
                    "the person has {APPOINTMENTS_MAX} appointments or has been erased"
                ),
                remedy: "send it again when some of them are over",
            }),
            Some(_) => booked += 1,
            None => cancelled += 1,
        }
    }
    report(&args.files, &read)?;
    complain(format_args!(
        "{booked} booked, {cancelled} cancelled, {} refused, {} left out, {} repeated",
        read.refused.len(),
        read.left_out,
        read.repeated
    ));
    Ok(if read.refused.is_empty() { ExitStatus::Well } else { ExitStatus::Findings })
}

/// A calendar shows the name of the action, so it must be one that may be shown.
fn check_kinds(map: &AppointmentMap, state: &State, today: Day) -> Result<(), String> {
    let overlay = Overlay::over(state);
    let programme = overlay.programme_for(today).ok_or("no programme is in force")?;
    for code in map.kinds.values() {
        let has = |exact: &ledger_spec::programme::Exact| exact.action == *code;
        if let Some(group) = programme.rules.iter().find(|rule| rule.exact.iter().any(has)) {
            let group = &group.action;
            return Err(format!(
                "`{code}` is an exact action of a sensitive rule; write `{group}`"
            ));
        }
        if programme.rule_of(code).is_none() {
            return Err(format!("the programme has no action `{code}`"));
        }
    }
    Ok(())
}

type Known = (Vec<Place>, Vec<registry::Booking>);

/// The bookings of persons whom the ledger knows and that are not over.
fn known(
    read: &mut Read<Booking>,
    registry: &Registry,
    (state, today): (&State, Day),
) -> Result<Known, CliError> {
    let (mut places, mut bookings) = (Vec::new(), Vec::new());
    for (place, Booking { number, id, date }) in std::mem::take(&mut read.events) {
        if date.as_ref().is_some_and(|date| date.day < today) {
            read.left_out += 1;
            continue;
        }
        let account = registry.account_of_number(&number)?;
        let Some(account) = account.filter(|account| state.accounts.contains_key(account)) else {
            let reason = "no account has this number of the city".to_owned();
            let remedy = "open the account first: import the roster with the kind account.open";
            read.refused.push(Refused { place, reason, remedy });
            continue;
        };
        let appointment = date.map(|date| Appointment {
            day: date.day,
            start_s: date.start_s,
            action: date.action,
        });
        places.push(place);
        bookings.push(registry::Booking { account, id, appointment });
    }
    Ok((places, bookings))
}
