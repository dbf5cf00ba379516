//! What everyone may read of an entry: the JSON that a class 2 leaf carries, derived from the
//! effects and checked against them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::cbor::Blob;
use crate::draw::BEACON;
use crate::entry::{Class, DayTotals, Effect, PublicJson};
use crate::ids::{Hash, Kid, Seq};
use crate::kinds::{Document, Role};
use crate::points::Fund;
use crate::programme::Programme;
use crate::state::{Key, Signer};
use crate::time::Day;

/// Counts of fewer accounts than this are never published, nor points that they moved.
pub const SMALL_CELL: u32 = 10;

/// The class of an entry with these effects and its public JSON. `key_of` finds a key by id, to
/// tell a city's key from a resident's phone, which is nobody's business.
#[must_use]
pub fn of_effects<'a>(
    effects: &[Effect],
    key_of: impl Fn(Kid) -> Option<&'a Key>,
) -> (Class, Option<PublicJson>) {
    let public = effects.iter().find_map(|effect| of_effect(effect, &key_of));
    let json = public.and_then(|public| serde_json::to_string(&public).ok());
    match json.and_then(|json| PublicJson::new(&json)) {
        Some(json) => (Class::Public, Some(json)),
        None => (Class::Sealed, None),
    }
}

/// The public JSON. Its members stand in the order of the fields here, because the leaf hashes
/// their bytes; a `serde_json::Value` would leave the order to whichever features the build turns
/// on.
#[derive(Serialize)]
#[serde(tag = "kind")]
enum Public<'a> {
    #[serde(rename = "programme")]
    Programme { version: u32, document: Programme },
    #[serde(rename = "budget")]
    Budget { fund: Fund, fiscal_year: u32, points: u32 },
    #[serde(rename = "opening.budget")]
    OpeningBudget { source: &'a str, fund: Fund, points: u32, until: Day },
    #[serde(rename = "key.registered")]
    KeyRegistered {
        public_key: String,
        role: Role,
        person: String,
        place: Option<String>,
        name: &'a str,
    },
    #[serde(rename = "key.revoked")]
    KeyRevoked { kid: String },
    #[serde(rename = "catalogue")]
    Catalogue { version: u32, document: Catalogue },
    #[serde(rename = "draw.committed")]
    DrawCommitted {
        item: u32,
        entrants: String,
        count: u32,
        prizes: u32,
        beacon: &'static str,
        round: u64,
    },
    #[serde(rename = "draw.concluded")]
    DrawConcluded { commit: u64, item: u32, beacon: String, winners: Vec<u64> },
    #[serde(rename = "day.closed")]
    DayClosed { day: Day, state: String, totals: Totals },
}

/// A cell is shown when at least [`SMALL_CELL`] accounts stand behind it; `null` stands for fewer.
#[derive(Serialize)]
struct Totals {
    accounts: Option<u64>,
    earners: Option<u64>,
    granted: Option<u64>,
    spenders: Option<u64>,
    redeemed: Option<u64>,
}

fn closed<'e>(day: Day, state: &Hash, totals: &DayTotals) -> Public<'e> {
    Public::DayClosed { day, state: HEXLOWER.encode(state), totals: totals_of(totals) }
}

/// Which phones there are is nobody's business.
fn revoked<'e>(kid: Kid, key: &Key) -> Option<Public<'e>> {
    match key.signer {
        Signer::Actor(_) => Some(Public::KeyRevoked { kid: kid.to_string() }),
        Signer::Device(_) => None,
    }
}

fn of_effect<'e, 'k>(
    effect: &'e Effect,
    key_of: &impl Fn(Kid) -> Option<&'k Key>,
) -> Option<Public<'e>> {
    match effect {
        Effect::ProgrammeInForce { version, document } => programme(*version, document),
        Effect::BudgetAllocated { fund, fiscal_year, points } => {
            Some(Public::Budget { fund: *fund, fiscal_year: *fiscal_year, points: *points })
        }
        Effect::OpeningAllocated { source, fund, points, until } => Some(Public::OpeningBudget {
            source: source.as_str(),
            fund: *fund,
            points: *points,
            until: *until,
        }),
        Effect::KeyRegistered { public_key, role, person, place, name } => {
            Some(Public::KeyRegistered {
                public_key: HEXLOWER.encode(public_key),
                role: *role,
                person: person.to_string(),
                place: place.map(|place| place.to_string()),
                name: name.as_str(),
            })
        }
        Effect::KeyRevoked { kid } => revoked(*kid, key_of(*kid)?),
        Effect::CatalogueInForce { version, document } => catalogue(*version, document),
        Effect::DrawCommitted { item, entrants, count, prizes, round } => {
            Some(draw_committed(*item, entrants, *count, *prizes, *round))
        }
        Effect::DrawConcluded { commit, item, beacon, winners } => {
            Some(draw_concluded(*commit, *item, beacon, winners))
        }
        Effect::DayClosed { day, state, totals } => Some(closed(*day, state, totals)),
        Effect::Posting { .. }
        | Effect::ActionJudged { .. }
        | Effect::ManifestOpened { .. }
        | Effect::ManifestClosed { .. }
        | Effect::HoldOpened { .. }
        | Effect::HoldEnded { .. }
        | Effect::CardWithoutPin { .. }
        | Effect::PinProven { .. }
        | Effect::Refunded { .. }
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. }
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
        | Effect::PinSet { .. }
        | Effect::RewardRebound { .. }
        | Effect::Suspended { .. }
        | Effect::Resumed { .. }
        | Effect::AccountClosed {}
        | Effect::AccountErased {}
        | Effect::CodeUsed { .. }
        | Effect::LinkGranted { .. }
        | Effect::LinkRevoked { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. }
        | Effect::Brought { .. }
        | Effect::ShopAccountSet { .. }
        | Effect::RewardClaimed { .. }
        | Effect::RewardEnded { .. } => None,
    }
}

fn programme(version: u32, document: &Document) -> Option<Public<'static>> {
    let document = Programme::parse(document.as_str()).ok()?;
    Some(Public::Programme { version, document })
}

fn catalogue(version: u32, document: &Document) -> Option<Public<'static>> {
    let document = Catalogue::parse(document.as_str()).ok()?;
    Some(Public::Catalogue { version, document })
}

fn draw_committed(
    item: u32,
    entrants: &Hash,
    count: u32,
    prizes: u32,
    round: u64,
) -> Public<'static> {
    let entrants = HEXLOWER.encode(entrants);
    Public::DrawCommitted { item, entrants, count, prizes, beacon: BEACON, round }
}

fn draw_concluded(commit: Seq, item: u32, beacon: &Blob<128>, winners: &[Seq]) -> Public<'static> {
    Public::DrawConcluded {
        commit: commit.0,
        item,
        beacon: HEXLOWER.encode(&beacon.0),
        winners: winners.iter().map(|seq| seq.0).collect(),
    }
}

fn totals_of(totals: &DayTotals) -> Totals {
    let shown = |accounts: u32, value: u64| (accounts >= SMALL_CELL).then_some(value);
    Totals {
        accounts: shown(totals.accounts, totals.accounts.into()),
        earners: shown(totals.earners, totals.earners.into()),
        granted: shown(totals.earners, totals.granted),
        spenders: shown(totals.spenders, totals.spenders.into()),
        redeemed: shown(totals.spenders, totals.redeemed),
    }
}
