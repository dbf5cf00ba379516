//! The limits of the rules that are the same in every ledger.

use crate::programme::EXPIRES_AFTER_YEARS_MAX;

/// The act of a redemption lies within so many seconds of the ledger's clock, before or after.
pub const REDEEM_AGE_S_MAX: u64 = 300;

/// An act may lie so many seconds ahead of the ledger's clock.
pub const CLOCK_AHEAD_S_MAX: u64 = 120;

/// A proposal waits so many minutes for another person: 7 days.
pub const PROPOSAL_LIFE_MIN: u64 = 7 * 1_440;

/// A hold keeps points for at most so many seconds: 15 minutes.
pub const HOLD_LIFE_S_MAX: u64 = 900;

/// A lot that is corrected, extended or brought lasts at most so many years from today.
pub(super) const LOT_YEARS_MAX: u32 = EXPIRES_AFTER_YEARS_MAX;

/// A link lasts at most so many days: a year.
pub(super) const LINK_DAYS_MAX: u32 = 366;

/// The most points that one allocation brings.
pub(super) const BUDGET_POINTS_MAX: u32 = 1_000_000_000;

/// Points can be brought from another system until at most so many days from the allocation.
pub(super) const OPENING_DAYS_MAX: u32 = 400;
