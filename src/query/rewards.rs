//! The catalogue as residents see it, what an account has claimed, and what a till may know of a
//! voucher.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ledger_spec::catalogue::{Area, Catalogue, Gives, Item};
use ledger_spec::entry::{Accounting, Effect, receipt_number};
use ledger_spec::ids::{AccountId, Hash, PlaceId, Seq};
use ledger_spec::points::Purse;
use ledger_spec::state::{Account, Counter, HeldFor, Hold, Overlay, State};
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::HISTORY_LOOKED_AT_MAX;
use crate::engine::{Engine, EngineError};

/// What an item of the catalogue that is a perk card gives.
const PERK_CARD: &str = "perk_card";

/// An item of the catalogue in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemLine {
    /// Its code, which a claim names.
    #[schema(example = "fish-set")]
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// `voucher`, `donation`, `currency`, `perk_card` or `lottery`.
    #[schema(example = "voucher")]
    pub gives: &'static str,
    /// Which points pay for it, `yen` or `challenge`.
    #[schema(value_type = String, example = "yen")]
    pub purse: Purse,
    /// The price, what a perk card asks for, or the unit of a donation or an export.
    pub points: u32,
    /// First day on which it can be claimed.
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    /// Last day on which it can be claimed.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
    /// Whether it can be claimed today, as far as days and stock go.
    pub open: bool,
    /// How many are left; absent where there is no end to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// How many one person can claim in a fiscal year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_person: Option<u32>,
    /// A voucher or perk card is good for so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// Names of the shops or of the place that gets the points; none where all shops take it.
    pub places: Vec<String>,
    /// Whether shops of other cities take it too.
    pub prefecture: bool,
    /// `true` for the gift that points go to on their last day where the resident has asked for it;
    /// otherwise absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
}

/// The catalogue in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CatalogueJson {
    /// Its version, 0 where there is none.
    pub version: u32,
    /// What can be claimed.
    pub items: Vec<ItemLine>,
}

/// Something that an account has claimed and not used, or an entry in a draw.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RewardLine {
    /// The claim's entry.
    pub claim: u64,
    /// `voucher`, `perk_card` or `lottery`.
    #[schema(example = "voucher")]
    pub gives: &'static str,
    /// The item's name.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// The points that wait with it.
    pub points: u64,
    /// A perk card as shops read it, signed, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// The last day; of an entry in a draw the first on which it can be drawn.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
    /// Names of the shops that take it; none where all do.
    pub places: Vec<String>,
    /// Whether shops of other cities take it too.
    pub prefecture: bool,
    /// Of an entry in a draw, the number by which the winners are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<String>,
    /// Whether an entry in a draw has won, once it is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won: Option<bool>,
}

/// What a till may know of a voucher that it was shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VoucherJson {
    /// `valid`, `ended`, `expired` or `elsewhere`.
    #[schema(example = "valid")]
    pub state: &'static str,
    /// The item's name.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Yen that the shop gets.
    pub receives: u32,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
}

/// A key that signs perk cards.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CardKey {
    /// Its id, hexadecimal.
    pub kid: String,
    /// Ed25519 public key, hexadecimal.
    pub public_key: String,
}

/// What a shop needs to check perk cards by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevokedCards {
    /// The ledger's id, as in its cards, hexadecimal.
    pub ledger_id: String,
    /// Unix seconds: when the list was made.
    pub as_of_s: u64,
    /// The keys in force; no other makes a good card.
    pub keys: Vec<CardKey>,
    /// Numbers of cards that were withdrawn and whose last day is not over, hexadecimal, in their
    /// order.
    pub revoked: Vec<String>,
    /// There are more after this number; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<String>,
}

/// Keys and withdrawn cards at a moment, all of them.
///
/// # Errors
/// [`EngineError`]
pub fn revoked_cards(engine: &Engine, now_s: u64) -> Result<RevokedCards, EngineError> {
    let revoked = engine.perk_cards_revoked(Day::of_ms(now_s * 1_000))?;
    let keys = engine.system_keys()?.into_iter().map(|(kid, key)| CardKey {
        kid: kid.to_string(),
        public_key: HEXLOWER.encode(key.as_bytes()),
    });
    Ok(RevokedCards {
        ledger_id: engine.ledger().to_string(),
        as_of_s: now_s,
        keys: keys.collect(),
        revoked: revoked.iter().map(ToString::to_string).collect(),
        next_after: None,
    })
}

impl RevokedCards {
    /// The part of at most `most` numbers that follow `after`.
    #[must_use]
    pub fn page(&self, after: Option<&str>, most: usize) -> Self {
        let from = after
            .map_or(0, |after| self.revoked.partition_point(|number| number.as_str() <= after));
        let mut revoked = self.revoked.get(from..).unwrap_or_default().to_vec();
        let more = revoked.len() > most;
        revoked.truncate(most);
        let next_after = revoked.last().filter(|_| more).cloned();
        Self {
            revoked,
            next_after,
            ledger_id: self.ledger_id.clone(),
            keys: self.keys.clone(),
            ..*self
        }
    }
}

/// An item, and the catalogue that it stands in.
#[derive(Clone, Copy)]
struct CatalogueItem<'s> {
    catalogue: &'s Catalogue,
    item: &'s Item,
}

/// The catalogue in force, as of a day.
///
/// # Errors
/// [`EngineError`]
pub fn catalogue(engine: &Engine, today: Day) -> Result<CatalogueJson, EngineError> {
    let state = engine.state()?;
    let overlay = Overlay::over(&state);
    let Some(catalogue) = overlay.catalogue() else {
        return Ok(CatalogueJson { version: 0, items: Vec::new() });
    };
    let items = catalogue
        .items
        .iter()
        .map(|item| item_line(CatalogueItem { catalogue, item }, &state, today));
    Ok(CatalogueJson { version: catalogue.version, items: items.collect() })
}

fn item_line(of: CatalogueItem<'_>, state: &State, today: Day) -> ItemLine {
    let item = of.item;
    let claimed = state.claimed.get(&item.number).copied().unwrap_or(0);
    let left = item.stock.map(|stock| stock.saturating_sub(claimed));
    let drawn = state.draws.contains_key(&item.number);
    let (places, prefecture) = places_of(of, state);
    ItemLine {
        code: item.code.clone(),
        name: item.name.clone(),
        name_en: item.name_en.clone(),
        gives: gives_name(&item.gives),
        purse: item.purse,
        points: item.points,
        from: item.from,
        until: item.until,
        open: item.is_offered(today) && !drawn && left != Some(0),
        left,
        per_person: item.per_person,
        valid_days: item.good_until(Day(0)).map(|day| day.0),
        places,
        prefecture,
        auto: item.auto,
    }
}

/// Names of the places of an item, none for all, and whether other cities' shops are among them.
fn places_of(of: CatalogueItem<'_>, state: &State) -> (Vec<String>, bool) {
    let CatalogueItem { catalogue, item } = of;
    let (places, area) = match &item.gives {
        Gives::Voucher { shops, area, .. } => (shops.as_slice(), *area),
        Gives::Donation { to } | Gives::Currency { to } => (std::slice::from_ref(to), Area::City),
        Gives::PerkCard { .. } => (&[][..], Area::Prefecture),
        Gives::Lottery { .. } => (&[][..], Area::City),
    };
    let takes = |place: &&PlaceId| area == Area::Prefecture || !catalogue.guests.contains(place);
    let named = places.iter().filter(takes).filter_map(|place| state.places.get(place));
    (named.map(|place| place.name.as_str().to_owned()).collect(), area == Area::Prefecture)
}

fn gives_name(gives: &Gives) -> &'static str {
    match gives {
        Gives::Voucher { .. } => "voucher",
        Gives::Donation { .. } => "donation",
        Gives::Currency { .. } => "currency",
        Gives::PerkCard { .. } => PERK_CARD,
        Gives::Lottery { .. } => "lottery",
    }
}

/// The open vouchers and perk cards of an account, the oldest first, then its entries in draws of
/// this fiscal year and the last.
///
/// # Errors
/// [`EngineError`]
pub fn rewards(
    engine: &Engine,
    account: AccountId,
    today: Day,
) -> Result<Vec<RewardLine>, EngineError> {
    let mut lines = open_rewards(engine, account, today)?;
    for line in lines.iter_mut().filter(|line| line.gives == PERK_CARD) {
        line.card = engine.perk_card(Seq(line.claim), today)?.map(|card| HEXLOWER.encode(&card));
    }
    Ok(lines)
}

fn open_rewards(
    engine: &Engine,
    account: AccountId,
    today: Day,
) -> Result<Vec<RewardLine>, EngineError> {
    let state = engine.state()?;
    let Some(row) = state.accounts.get(&account) else {
        return Ok(Vec::new());
    };
    let mut lines: Vec<RewardLine> =
        row.holds.iter().filter_map(|hold| voucher_line(hold, &state)).collect();
    let cards = state.perk_cards.iter().filter(|(_, card)| card.account == account);
    let good = cards.filter(|(_, card)| card.revoked.is_none() && card.until >= today);
    for (claim, card) in good {
        let Some((_, accounting)) = engine.entry(*claim)? else { continue };
        if let Some(of) = claimed_item(&accounting, &state) {
            lines.push(line(*claim, 0, card.until, of, &state));
        }
    }
    lines.extend(draw_entries(engine, row, today, &state)?);
    Ok(lines)
}

/// An account's entries in draws, the oldest first: counters say how many there are, the chain of
/// its entries which.
fn draw_entries(
    engine: &Engine,
    row: &Account,
    today: Day,
    state: &State,
) -> Result<Vec<RewardLine>, EngineError> {
    let years = [today, today.fiscal_year_start().minus(1)];
    let items = state.catalogues.values().flat_map(|catalogue| &catalogue.items);
    let lotteries = items.filter(|item| matches!(item.gives, Gives::Lottery { .. }));
    let numbers: BTreeSet<u32> = lotteries.map(|item| item.number).collect();
    let of_item = |item| years.map(|day| row.charged(&Counter::of_claims(item, day))).iter().sum();
    let mut left: u32 = numbers.into_iter().map(of_item).fold(0, u32::saturating_add);
    let (mut lines, mut next) = (Vec::new(), row.last);
    for _ in 0..HISTORY_LOOKED_AT_MAX {
        let Some(seq) = next.filter(|_| left > 0) else { break };
        let Some((_, accounting)) = engine.entry(seq)? else { break };
        next = accounting.subject.and_then(|subject| subject.previous);
        let Some(of) = claimed_item(&accounting, state) else { continue };
        if let Gives::Lottery { draw_from, .. } = of.item.gives {
            left -= 1;
            let points = u64::from(of.item.points);
            lines.push(RewardLine {
                receipt_number: Some(receipt_number(engine.ledger(), seq)),
                won: won(&accounting, state),
                ..line(seq, points, draw_from, of, state)
            });
        }
    }
    lines.reverse();
    Ok(lines)
}

fn voucher_line(hold: &Hold, state: &State) -> Option<RewardLine> {
    let HeldFor::Reward { catalogue, item, .. } = hold.held_for else { return None };
    let catalogue = state.catalogues.get(&catalogue)?;
    let until = Day::of_ms(hold.until_s * 1_000).minus(1);
    let of = CatalogueItem { catalogue, item: catalogue.item(item)? };
    Some(line(hold.seq, hold.points(), until, of, state))
}

fn line(claim: Seq, points: u64, until: Day, of: CatalogueItem<'_>, state: &State) -> RewardLine {
    let (places, prefecture) = places_of(of, state);
    let item = of.item;
    let (name, name_en) = (item.name.clone(), item.name_en.clone());
    let (claim, gives) = (claim.0, gives_name(&item.gives));
    let (receipt_number, won) = (None, None);
    RewardLine {
        claim,
        gives,
        name,
        name_en,
        points,
        card: None,
        until,
        places,
        prefecture,
        receipt_number,
        won,
    }
}

/// The item that an entry claimed or whose claim it ended.
pub(super) fn item_of<'s>(accounting: &Accounting, state: &'s State) -> Option<&'s Item> {
    let ended = accounting.effects.iter().find_map(|effect| {
        if let Effect::RewardEnded { item, .. } = effect { Some(*item) } else { None }
    });
    let latest = |number| state.catalogues.values().rev().find_map(|known| known.item(number));
    claimed_item(accounting, state).map(|of| of.item).or_else(|| latest(ended?))
}

fn claimed_item<'s>(accounting: &Accounting, state: &'s State) -> Option<CatalogueItem<'s>> {
    let (version, number) = accounting.effects.iter().find_map(|effect| {
        let Effect::RewardClaimed { catalogue, item, .. } = effect else { return None };
        Some((*catalogue, *item))
    })?;
    let catalogue = state.catalogues.get(&version)?;
    Some(CatalogueItem { catalogue, item: catalogue.item(number)? })
}

/// Whether an entry in a draw has won; `None` before the draw and for anything else.
pub(super) fn won(accounting: &Accounting, state: &State) -> Option<bool> {
    let item =
        item_of(accounting, state).filter(|item| matches!(item.gives, Gives::Lottery { .. }));
    let winners = state.draws.get(&item?.number)?.winners.as_ref()?;
    Some(winners.contains(&accounting.seq))
}

/// What a shop may know of a voucher whose secret has this hash; `None` where there is no such
/// voucher.
///
/// # Errors
/// [`EngineError`]
pub fn voucher(
    engine: &Engine,
    claim: Seq,
    code: Hash,
    shop: PlaceId,
    now_s: u64,
) -> Result<Option<VoucherJson>, EngineError> {
    let Some((_, accounting)) = engine.entry(claim)? else { return Ok(None) };
    let shown = accounting.effects.iter().find_map(|effect| {
        let Effect::RewardClaimed { code, until, .. } = effect else { return None };
        Some(((*code)?, (*until)?))
    });
    let Some((_, until)) = shown.filter(|(hash, _)| *hash == code) else { return Ok(None) };
    let state = engine.state()?;
    let Some(CatalogueItem { catalogue, item }) = claimed_item(&accounting, &state) else {
        return Ok(None);
    };
    let Gives::Voucher { receives, .. } = item.gives else { return Ok(None) };
    let state = if state.undone.contains_key(&claim) {
        "ended"
    } else if !catalogue.honours(item, &shop) {
        "elsewhere"
    } else if Day::of_ms(now_s * 1_000) > until {
        "expired"
    } else {
        "valid"
    };
    let (name, name_en) = (item.name.clone(), item.name_en.clone());
    Ok(Some(VoucherJson { state, name, name_en, receives, until }))
}
