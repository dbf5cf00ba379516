//! What shops are due: settlements out of the state, and the entries that one of them covers.

use std::sync::Arc;

use ledger_spec::entry::{Accounting, Effect};
use ledger_spec::ids::{PlaceId, Seq};
use ledger_spec::kinds::SettlementClose;
use ledger_spec::programme::Programme;
use ledger_spec::state::Overlay;
use ledger_spec::time::{Day, Month};

use crate::engine::{Engine, EngineError};

/// The most settlements that one answer gives where no month is named, newest first. Of a month
/// there is one a shop, and an invoice must have all of them.
pub const SETTLEMENTS_MAX: usize = 500;

/// A settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementJson {
    /// Its own entry.
    pub seq: Seq,
    /// Shop, month, range and sums.
    pub close: SettlementClose,
    /// The shop's public name.
    pub name: String,
    /// The day of the transfer, once it is recorded.
    pub paid_on: Option<Day>,
    /// Whether the rules listed the shop as an insured medical institution at the end of the month.
    pub insured_medical: bool,
}

/// The settlements of a month, or else the newest, of a shop or of all.
///
/// # Errors
/// [`EngineError`]
pub fn settlements(
    engine: &Engine,
    shop: Option<PlaceId>,
    month: Option<Month>,
) -> Result<Vec<SettlementJson>, EngineError> {
    let wanted: Vec<Seq> = {
        let state = engine.state()?;
        let of_shop = state.settlements.iter().rev().filter(|(_, row)| {
            shop.is_none_or(|shop| shop == row.shop) && month.is_none_or(|m| m == row.month)
        });
        let most = if month.is_some() { usize::MAX } else { SETTLEMENTS_MAX };
        of_shop.take(most).map(|(seq, _)| *seq).collect()
    };
    wanted.into_iter().filter_map(|seq| settlement(engine, seq).transpose()).collect()
}

/// A settlement; `None` where the entry is none.
///
/// # Errors
/// [`EngineError`]
pub fn settlement(engine: &Engine, seq: Seq) -> Result<Option<SettlementJson>, EngineError> {
    let (row, name) = {
        let state = engine.state()?;
        let Some(row) = state.settlements.get(&seq).copied() else { return Ok(None) };
        (row, state.places.get(&row.shop).map(|place| place.name.as_str().to_owned()))
    };
    let Some((_, entry)) = engine.entry(seq)? else { return Ok(None) };
    let close = entry.effects.iter().find_map(|effect| {
        if let Effect::ShopSettled { settlement } = effect {
            Some(settlement.clone())
        } else {
            None
        }
    });
    let paid = row.paid.map(|paid| engine.entry(paid)).transpose()?.flatten();
    let paid_on = paid.and_then(|(_, entry)| {
        entry.effects.iter().find_map(|effect| {
            if let Effect::SettlementPaid { paid_on, .. } = effect { Some(*paid_on) } else { None }
        })
    });
    let name = name.unwrap_or_else(|| row.shop.to_string());
    let Some(close) = close else { return Ok(None) };
    let medical = |programme: &Arc<Programme>| programme.insured_medical.contains(&close.shop);
    let state = engine.state()?;
    let ruling = Overlay::over(&state).programme_for(close.month.last_day()).cloned();
    let insured_medical = ruling.as_ref().is_some_and(medical);
    Ok(Some(SettlementJson { seq, close, name, paid_on, insured_medical }))
}

/// The entries that a settlement covers, in the order of the log; `None` while the views have not
/// come so far, or where they are more than `most`.
///
/// # Errors
/// [`EngineError`]
pub fn entries_of(
    engine: &Engine,
    close: &SettlementClose,
    most: usize,
) -> Result<Option<Vec<Accounting>>, EngineError> {
    if engine.views().applied() < close.end {
        return Ok(None);
    }
    let covered = engine.views().entries_of_shop(close.shop, close.first..close.end)?;
    if covered.len() > most {
        return Ok(None);
    }
    let entries = covered.into_iter().filter_map(|seq| engine.entry(seq).transpose());
    entries.map(|entry| Ok(Some(entry?.1))).collect()
}
