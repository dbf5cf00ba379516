//! Booked appointments of a clinic's calendar go to the registry, never to the log.

use ledger_spec::state::{Overlay, State};
use ledger_spec::time::Day;

use crate::adapters::appointments::{AppointmentMap, BookedVisit};
use crate::adapters::city_file::{FileRead, Place, Refused};
use crate::registry::{self, APPOINTMENTS_MAX, Appointment, Registry, RegistryError};

/// Why a map of appointments does not fit the rules.
#[derive(Debug, thiserror::Error)]
pub enum MapFault {
    /// No rules.
    #[error("no programme is in force")]
    NoProgramme,
    /// A calendar shows the name of the action, so it must be one that may be shown.
    #[error("`{code}` is an exact action of a sensitive rule; write `{group}`")]
    Sensitive {
        /// The exact action.
        code: String,
        /// The group's code.
        group: String,
    },
    /// No rule has the action.
    #[error("the programme has no action `{0}`")]
    Unknown(String),
}

/// Checks that the actions of a map may be shown in a calendar.
///
/// # Errors
/// [`MapFault`]
pub fn check_map(map: &AppointmentMap, state: &State, today: Day) -> Result<(), MapFault> {
    let overlay = Overlay::over(state);
    let programme = overlay.programme_for(today).ok_or(MapFault::NoProgramme)?;
    for code in map.kinds.values() {
        let has = |exact: &ledger_spec::programme::Exact| exact.action == *code;
        if let Some(group) = programme.rules.iter().find(|rule| rule.exact.iter().any(has)) {
            let (code, group) = (code.clone(), group.action.to_string());
            return Err(MapFault::Sensitive { code, group });
        }
        if programme.rule_of(code).is_none() {
            return Err(MapFault::Unknown(code.clone()));
        }
    }
    Ok(())
}

/// How many bookings were taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// Appointments kept.
    pub booked: u64,
    /// Appointments cancelled.
    pub cancelled: u64,
}

/// Takes over the bookings of persons whom the ledger knows; the others are refused in `read`, and
/// what is over before `today` is left out.
///
/// # Errors
/// [`RegistryError`]; then nothing was changed.
pub fn take(
    read: &mut FileRead<BookedVisit>,
    registry: &Registry,
    state: &State,
    today: Day,
) -> Result<Booked, RegistryError> {
    let mut known = Vec::new();
    for (place, booking) in std::mem::take(&mut read.events) {
        if booking.date.as_ref().is_some_and(|date| date.day < today) {
            read.left_out += 1;
            continue;
        }
        let account = registry.account_of_number(&booking.number)?;
        match account.filter(|account| state.accounts.contains_key(account)) {
            None => read.refused.push(Refused::unknown_person(place)),
            Some(account) => {
                let appointment = booking.date.map(|date| Appointment {
                    day: date.day,
                    start_s: date.start_s,
                    action: date.action,
                });
                let id = booking.id;
                known.push((place, registry::Booking { account, id, appointment }));
            }
        }
    }
    let (places, bookings): (Vec<Place>, Vec<registry::Booking>) = known.into_iter().unzip();
    let taken = registry.book(&bookings, today)?;
    let mut booked = Booked::default();
    for ((place, booking), taken) in places.into_iter().zip(&bookings).zip(taken) {
        match booking.appointment {
            Some(_) if !taken => read.refused.push(Refused {
                place,
                reason: format!(
                    "the person has {APPOINTMENTS_MAX} appointments or has been erased"
                ),
                remedy: "send it again when some of them are over",
            }),
            Some(_) => booked.booked += 1,
            None => booked.cancelled += 1,
        }
    }
    Ok(booked)
}
