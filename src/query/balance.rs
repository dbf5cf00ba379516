//! An account's points: what is open, what is reserved, what must be done before they can be spent.

use ledger_spec::ids::{AccountId, PlaceId};
use ledger_spec::kinds::Status;
use ledger_spec::points::{Fund, LotKey, Purse};
use ledger_spec::state::{HeldFor, Hold, Overlay, Place};
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError};

/// An account's unexpired points.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Balance {
    /// Entries of the account so far.
    pub account_entries: u32,
    /// Points of the yen purse.
    pub yen: u64,
    /// Points of the challenge purse.
    pub challenge: u64,
    /// What must be done before yen points can be spent; left out where they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// `true` while the account is suspended, and nothing can be spent; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
    /// Open lots, first to expire first.
    pub lots: Vec<LotLine>,
    /// Points that shops have reserved; they are in no lot.
    pub holds: Vec<HoldLine>,
    /// Entries of the ledger that the figures include.
    pub as_of_seq: u64,
}

/// The action that opens a gate of the programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitsFor {
    /// Its name in Japanese.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
}

/// One lot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LotLine {
    /// Purse, fund and last day.
    #[serde(flatten)]
    pub lot: LotJson,
    /// Points left.
    pub points: u32,
}

/// Points that wait for a shop.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldLine {
    /// The hold's entry.
    pub seq: u64,
    /// The shop's public name.
    pub place: Option<String>,
    /// Points reserved.
    pub points: u64,
    /// Unix seconds; from then on they come back with the ledger's next entry.
    pub until_s: u64,
}

/// A lot's key as JSON members.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LotJson {
    /// What the points are for.
    #[schema(value_type = String, example = "yen")]
    pub purse: Purse,
    /// Who pays.
    #[schema(value_type = String, example = "general")]
    pub fund: Fund,
    /// The last day on which they can be spent.
    #[schema(value_type = String, format = Date)]
    pub expires_on: Day,
}

impl From<LotKey> for LotJson {
    fn from(LotKey { purse, fund, expires_on }: LotKey) -> Self {
        Self { purse, fund, expires_on }
    }
}

/// An account's balance on a day; `None` for an unknown account.
///
/// # Errors
/// [`EngineError`]
pub fn balance(
    engine: &Engine,
    account: AccountId,
    today: Day,
) -> Result<Option<Balance>, EngineError> {
    let state = engine.state()?;
    let Some(row) = state.accounts.get(&account) else {
        return Ok(None);
    };
    let mut lots: Vec<_> = row.lots.iter().filter(|lot| lot.key.expires_on >= today).collect();
    lots.sort_by_key(|lot| (lot.key.expires_on, lot.key));
    let rules = Overlay::over(&state).programme_for(today).cloned();
    let waits_for = rules.and_then(|rules| {
        let rule = rules.rule(row.closed_gate(&rules, today)?.rule)?;
        Some(WaitsFor { name: rule.name.clone(), name_en: rule.name_en.clone() })
    });
    Ok(Some(Balance {
        waits_for,
        suspended: (row.standing_on(today) == Some(Status::Frozen)).then_some(true),
        account_entries: row.entries,
        yen: row.available(Purse::Yen, today),
        challenge: row.available(Purse::Challenge, today),
        lots: lots
            .into_iter()
            .map(|lot| LotLine { lot: lot.key.into(), points: lot.points })
            .collect(),
        holds: row
            .shop_holds()
            .map(|hold| HoldLine {
                seq: hold.seq.0,
                place: shop_of(hold).and_then(|shop| state.places.get(&shop)).map(name_of),
                points: hold.points(),
                until_s: hold.until_s,
            })
            .collect(),
        as_of_seq: state.size,
    }))
}

fn shop_of(hold: &Hold) -> Option<PlaceId> {
    if let HeldFor::Shop(shop) = hold.held_for { Some(shop) } else { None }
}

fn name_of(place: &Place) -> String {
    place.name.as_str().to_owned()
}
