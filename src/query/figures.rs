//! Figures that everyone may see.

use ledger_spec::ids::Seq;
use ledger_spec::kinds::Role;
use ledger_spec::time::Day;
use serde::Deserialize;

use crate::engine::{Engine, EngineError};

/// The most closed days that one answer gives.
pub const CLOSED_DAYS_MAX: usize = 62;

/// Figures that everyone may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Entries in the log.
    pub entries: u64,
    /// Points of the yen purse granted since the beginning.
    pub granted: u64,
    /// Points redeemed since the beginning, less voids and refunds.
    pub redeemed: u64,
    /// Health actions recorded.
    pub actions: u64,
    /// Shops.
    pub shops: u64,
    /// Stations.
    pub stations: u64,
}

/// Sums over the whole city, out of the state.
///
/// # Errors
/// [`EngineError`]
pub fn figures(engine: &Engine) -> Result<Figures, EngineError> {
    let state = engine.state()?;
    let places = |role| state.places.values().filter(|place| place.role == role).count() as u64;
    Ok(Figures {
        entries: state.size,
        granted: state.budgets.values().map(|budget| budget.granted).sum(),
        redeemed: state.shops.values().map(|shop| shop.total).sum(),
        actions: state.acts.len() as u64,
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

/// The last closed days, newest first.
///
/// # Errors
/// [`EngineError`]
pub fn closed_days(engine: &Engine) -> Result<Vec<ClosedDay>, EngineError> {
    let closings: Vec<Seq> =
        engine.state()?.closed.values().rev().take(CLOSED_DAYS_MAX).copied().collect();
    let mut days = Vec::new();
    for seq in closings {
        let public = engine.entry(seq)?.and_then(|(entry, _)| entry.public);
        let json = public.and_then(|json| serde_json::from_str::<ClosedDay>(json.as_str()).ok());
        days.extend(json);
    }
    Ok(days)
}
