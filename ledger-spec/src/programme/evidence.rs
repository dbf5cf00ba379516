//! Trust tiers.

use serde::{Deserialize, Serialize};

use crate::points::POINTS_MAX;

/// What an action rests on, and with it the most points that it can be worth: the trust tiers.
/// Cheap evidence must not buy yen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// T0: the resident's word, signed by the phone.
    SelfReport,
    /// T1: a phone's sensor, through a partner service.
    PhoneSensor,
    /// T2: a partner service with the resident's permission.
    Partner,
    /// T2: the resident's word with the rotating code of the event's own screen, signed by the
    /// phone.
    Venue,
    /// T2: a kiosk of the city, by card.
    Kiosk,
    /// T3: a nurse, dietitian, leader of a class or coaching service.
    Coach,
    /// T3: city staff.
    Staff,
    /// T3: two persons of city staff, of whom one proposes and the other approves.
    TwoStaff,
    /// T4: a device that measures.
    Station,
    /// T5: the city's data on persons.
    Registry,
    /// Follows from other actions of the account.
    Derived,
}

impl Evidence {
    /// The most points of purse `yen` that one action on this evidence can be worth.
    #[must_use]
    pub fn points_max(self) -> u32 {
        match self {
            Self::SelfReport => 0,
            Self::PhoneSensor => 3,
            Self::Partner | Self::Venue | Self::Kiosk | Self::Derived => 50,
            Self::Coach | Self::Staff | Self::Station => 500,
            Self::TwoStaff => 1_000,
            Self::Registry => POINTS_MAX,
        }
    }
}
