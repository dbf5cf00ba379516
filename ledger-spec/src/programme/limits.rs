//! Limits of spending, of what is plausible, and what becomes of the points of who leaves.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// A sale can be refunded for at most so many days, and what comes back lives at most so many days
/// more.
pub const REFUND_DAYS_MAX: u32 = 400;

/// Limits of spending, in points of the yen purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemLimits {
    /// The least a redemption spends.
    pub min: u32,
    /// The most a redemption spends.
    pub max_transaction: u32,
    /// The most an account spends in a day.
    pub max_day: u32,
    /// Above so many points the phone confirms shop and amount; left out where it never has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_lane_max: Option<u32>,
    /// The most an account spends in a day through a device enrolled less than 24 hours ago.
    pub fresh_device_max_day: u32,
    /// The most points that a card gives in a day on the clerk's word alone; above it the PIN is
    /// asked.
    #[serde(default)]
    pub card_no_pin_max_day: u32,
    /// The most points that a terminal takes in a day from cards without PIN.
    #[serde(default)]
    pub terminal_no_pin_max_day: u32,
    /// Two persons of the staff can refund a sale until so many days after it.
    #[serde(default)]
    pub refund_days: u32,
    /// Refunded points that have expired can be spent for so many days more, up to the end of that
    /// month.
    #[serde(default)]
    pub refund_grace_days: u32,
}

impl RedeemLimits {
    pub(super) fn is_sound(&self) -> bool {
        let Self { min, max_transaction, max_day, refund_days, refund_grace_days, .. } = *self;
        let ordered = 0 < min && min <= max_transaction && max_transaction <= max_day;
        let lane = self.fast_lane_max.is_none_or(|max| max <= max_transaction);
        ordered && lane && refund_days.max(refund_grace_days) <= REFUND_DAYS_MAX
    }
}

/// What a partner service's data must satisfy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plausible {
    /// The applications whose data are taken; none named for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// More steps than this are refused.
    pub steps_max: u32,
    /// More steps than this are recorded with 0 points, for staff to look at.
    pub review_above: u32,
}

/// What becomes of the points of who leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// They are given up at once.
    #[default]
    GivenUp,
    /// They expire as they would have.
    Expire,
}

impl Leaving {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::GivenUp
    }
}
