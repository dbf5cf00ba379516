//! Figures that everyone may see.

use ledger_spec::ids::Seq;
use ledger_spec::kinds::Role;
use ledger_spec::time::Day;
use serde::Deserialize;

use crate::engine::{Engine, EngineError};

/// The most closed days that one answer gives.
pub const CLOSED_DAYS_MAX: usize = 62;
/// The closed days that the first page sums up.
const SUMMED_DAYS_MAX: usize = 30;

/// Figures that everyone may see. What moves is of closed days and their released cells alone: a
/// running sum, read before and after a sale, would tell its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Entries under the signed head.
    pub entries: u64,
    /// Unix seconds of the newest of them.
    pub newest_s: u64,
    /// Closed days that the sums are of.
    pub days: u64,
    /// Points granted on those days, as far as released.
    pub granted: u64,
    /// Points redeemed on those days, as far as released.
    pub redeemed: u64,
    /// Shops.
    pub shops: u64,
    /// Stations.
    pub stations: u64,
}

/// The figures of the head and of the last closed days.
///
/// # Errors
/// [`EngineError`]
pub fn figures(engine: &Engine) -> Result<Figures, EngineError> {
    let days = closed_days(engine, SUMMED_DAYS_MAX)?;
    let sum = |cell: fn(&ClosedTotals) -> Option<u64>| {
        days.iter().filter_map(|day| cell(&day.totals)).sum()
    };
    let head = engine.head()?;
    let state = engine.state()?;
    let places = |role| state.places.values().filter(|place| place.role == role).count() as u64;
    Ok(Figures {
        entries: head.size,
        newest_s: head.newest_ms / 1_000,
        days: days.len() as u64,
        granted: sum(|totals| totals.granted),
        redeemed: sum(|totals| totals.redeemed),
        shops: places(Role::Shop),
        stations: places(Role::Station),
    })
}

/// A closed day as its public JSON stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ClosedDay {
    /// The day.
    pub day: Day,
    /// What happened on it.
    pub totals: ClosedTotals,
}

/// The totals of a closed day; `None` is a cell of fewer than 10 persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ClosedTotals {
    /// Persons who took part.
    pub accounts: Option<u64>,
    /// Points granted.
    pub granted: Option<u64>,
    /// Points redeemed.
    pub redeemed: Option<u64>,
}

/// The last closed days, at most so many, newest first.
///
/// # Errors
/// [`EngineError`]
pub fn closed_days(engine: &Engine, count: usize) -> Result<Vec<ClosedDay>, EngineError> {
    let closings: Vec<Seq> = engine.state()?.closed.values().rev().take(count).copied().collect();
    let mut days = Vec::new();
    for seq in closings {
        let public = engine.entry(seq)?.and_then(|(entry, _)| entry.public);
        let json = public.and_then(|json| serde_json::from_str::<ClosedDay>(json.as_str()).ok());
        days.extend(json);
    }
    Ok(days)
}
