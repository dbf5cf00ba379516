//! What everyone may read of an entry: the JSON that a class 2 leaf carries, derived from the effects and checked
//! against them.

use alloc::string::ToString;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::entry::{Class, Effect, PublicJson};
use crate::rows::{DayTotals, Key, Signer};

/// Counts of fewer accounts than this are never published, nor points that they moved.
pub const SMALL_CELL: u32 = 10;

/// The class of an entry with these effects and its public JSON. `key_of` finds a key by id, to tell a city's key
/// from a resident's phone, which is nobody's business.
#[must_use]
pub fn of_effects<'a>(
    effects: &[Effect],
    key_of: impl Fn(crate::ids::Kid) -> Option<&'a Key>,
) -> (Class, Option<PublicJson>) {
    let public = effects.iter().find_map(|effect| of_effect(effect, &key_of));
    match public.and_then(|json| PublicJson::new(&json.to_string())) {
        Some(json) => (Class::Public, Some(json)),
        None => (Class::Sealed, None),
    }
}

fn of_effect<'a>(
    effect: &Effect,
    key_of: &impl Fn(crate::ids::Kid) -> Option<&'a Key>,
) -> Option<Value> {
    match effect {
        Effect::ProgrammeInForce { version, document } => {
            let document: Value = serde_json::from_str(document.as_str()).ok()?;
            Some(json!({"kind": "programme", "version": version, "document": document}))
        }
        Effect::BudgetAllocated { fund, fiscal_year, points } => Some(json!({
            "kind": "budget", "fund": fund, "fiscal_year": fiscal_year, "points": points,
        })),
        Effect::KeyRegistered { public_key, role, person, place, name } => Some(json!({
            "kind": "key.registered",
            "public_key": HEXLOWER.encode(public_key),
            "role": role,
            "person": person.to_string(),
            "place": place.map(|place| place.to_string()),
            "name": name.as_str(),
        })),
        Effect::KeyRevoked { kid } => match key_of(*kid)?.signer {
            Signer::Actor(_) => Some(json!({"kind": "key.revoked", "kid": kid.to_string()})),
            Signer::Device(_) => None,
        },
        Effect::DayClosed { day, state, totals } => Some(json!({
            "kind": "day.closed",
            "day": day,
            "state": HEXLOWER.encode(state),
            "totals": totals_json(totals),
        })),
        Effect::Posting { .. }
        | Effect::ActionJudged { .. }
        | Effect::ActTaken { .. }
        | Effect::TokenSpent { .. }
        | Effect::Balance { .. }
        | Effect::Undone { .. }
        | Effect::Proposed { .. }
        | Effect::Approved { .. }
        | Effect::AccountOpened {}
        | Effect::FactsSet { .. }
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::CodeUsed { .. } => None,
    }
}

/// A cell is shown when at least [`SMALL_CELL`] accounts stand behind it; `null` stands for fewer.
fn totals_json(totals: &DayTotals) -> Value {
    let shown = |accounts: u32, value: u64| (accounts >= SMALL_CELL).then_some(value);
    json!({
        "accounts": shown(totals.accounts, totals.accounts.into()),
        "earners": shown(totals.earners, totals.earners.into()),
        "granted": shown(totals.earners, totals.granted),
        "spenders": shown(totals.spenders, totals.spenders.into()),
        "redeemed": shown(totals.spenders, totals.redeemed),
    })
}
