//! What lies ahead of a resident, in a sentence: for the resident's page and calendar, for letters,
//! and for a partner's messages.

use ledger_spec::points::Purse;

use super::lang::Lang;
use super::messages::{date, number, t, t_args, time_of};
use crate::query::reminders::{About, Coming, Names};

/// How much a sentence tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// To the resident: points and times too.
    Full,
    /// Through others: what, and on which day.
    Day,
}

/// What lies ahead, in a sentence.
#[must_use]
pub fn sentence(lang: Lang, coming: &Coming, detail: Detail) -> String {
    let on = date(lang, coming.on);
    match (&coming.about, detail) {
        (About::Expiry(purse, points, given), Detail::Full) => {
            let key = match purse {
                Purse::Yen => "reminder-expiry",
                Purse::Challenge => "reminder-expiry-challenge",
            };
            let mut words = t_args(lang, key, &[("date", &on), ("points", &number(*points))]);
            if let Some(names) = given {
                words += &t_args(lang, "reminder-given", &[("name", named(lang, names))]);
            }
            words
        }
        (About::Expiry(..), Detail::Day) => t_args(lang, "reminder-expiry-some", &[("date", &on)]),
        (About::CountsAgain(names), _) => {
            t_args(lang, "reminder-again", &[("date", &on), ("name", named(lang, names))])
        }
        (About::Appointment(names, start_s), _) => {
            let plain = t(lang, "reminder-appointment-plain");
            let name = names.as_ref().map_or(plain.as_str(), |names| named(lang, names));
            match start_s.filter(|_| detail == Detail::Full) {
                Some(start_s) => {
                    let values = [("date", &*on), ("time", &*time_of(start_s)), ("name", name)];
                    t_args(lang, "reminder-appointment-time", &values)
                }
                None => t_args(lang, "reminder-appointment", &[("date", &on), ("name", name)]),
            }
        }
    }
}

fn named(lang: Lang, names: &Names) -> &str {
    let [ja, en] = names;
    lang.pick(ja, en)
}
