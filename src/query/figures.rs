//! Figures that everyone may see.

use ledger_spec::ids::Seq;
use ledger_spec::kinds::Role;
use serde::Serialize;

use crate::engine::{Engine, EngineError};

/// The most closed days that one answer gives.
pub const CLOSED_DAYS_MAX: usize = 62;

/// Figures that everyone may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    pub shops: usize,
    /// Stations.
    pub stations: usize,
}

/// Sums over the whole city, out of the state.
///
/// # Errors
/// [`EngineError`]
pub fn figures(engine: &Engine) -> Result<Figures, EngineError> {
    let state = engine.state()?;
    let places = |role| state.places.values().filter(|place| place.role == role).count();
    Ok(Figures {
        entries: state.size,
        granted: state.budgets.values().map(|budget| budget.granted).sum(),
        redeemed: state.shops.values().map(|shop| shop.total).sum(),
        actions: state.acts.len() as u64,
        shops: places(Role::Shop),
        stations: places(Role::Station),
    })
}

/// Public JSON of the last closed days, newest first, as it stands in the log: small cells are
/// `null` there already.
///
/// # Errors
/// [`EngineError`]
pub fn closed_days(engine: &Engine) -> Result<Vec<serde_json::Value>, EngineError> {
    let closings: Vec<Seq> =
        engine.state()?.closed.values().rev().take(CLOSED_DAYS_MAX).copied().collect();
    let mut days = Vec::new();
    for seq in closings {
        let public = engine.entry(seq)?.and_then(|(entry, _)| entry.public);
        let json = public.and_then(|json| serde_json::from_str(json.as_str()).ok());
        days.extend(json);
    }
    Ok(days)
}
