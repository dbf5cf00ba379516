//! The demo city's catalogue: the specification's example with the city's own shops, for a fiscal
//! year. And who has a perk card.

use ledger_spec::catalogue::{Catalogue, CatalogueFault, Gives, Item};
use ledger_spec::cbor::Text;
use ledger_spec::ids::{AccountId, PlaceId, Seq};
use ledger_spec::kinds::{Body, Cause, RewardCancel, RewardClaim};
use ledger_spec::points::{Points, Purse};
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::Core;
use ledger_spec::time::Day;

use super::client::{CityClient, CityError, disclosure, open};
use super::residents::{QUIZZERS, Resident};
use crate::clock::Clock;

const EXAMPLE: &str = include_str!("../../ledger-spec/examples/catalogue.json");
/// Which of the city's shops stand behind the items, in their order: fish, bath, tea, the gift's
/// bookshop, the coin.
const PLACES: [usize; 5] = [0, 6, 5, 3, 4];
/// The draw of a fiscal year has this number and the year's.
const DRAW: u32 = 10_000;
/// How long a phone's claim may be on its way.
const CLAIM_LIFE_S: u64 = 60;
/// Why the staff has taken a card back: the example that shops find withdrawn.
const TAKEN_BACK: &str = "ほかの人が使っていたため(架空の例)";

/// Whether a catalogue has what is offered in a fiscal year.
pub(super) fn covers(catalogue: &Catalogue, fiscal_year: u32) -> bool {
    catalogue.item(DRAW + fiscal_year).is_some()
}

/// The catalogue of one fiscal year. Most of it lasts until the end of the next, so that midnight
/// on 31 March changes nothing; the draw is the year's own.
///
/// # Errors
/// [`CatalogueFault`], which a test rules out.
pub(super) fn of_year(
    shops: &[PlaceId],
    fiscal_year: u32,
    version: u32,
) -> Result<Catalogue, CatalogueFault> {
    let mut catalogue = Catalogue::read(EXAMPLE)?;
    catalogue.version = version;
    let mut places = PLACES.iter().filter_map(|number| shops.get(number % shops.len().max(1)));
    catalogue.guests.clear();
    for item in &mut catalogue.items {
        item.from = Day::fiscal_year_first(fiscal_year);
        item.until = Day::fiscal_year_first(fiscal_year + 2).minus(1);
        match &mut item.gives {
            Gives::Voucher { shops: named, .. } => {
                *named = places.next().copied().into_iter().collect();
            }
            Gives::Donation { to } | Gives::Currency { to } => {
                *to = places.next().copied().unwrap_or(*to);
            }
            Gives::PerkCard { .. } => {}
            Gives::Lottery { draw_from, .. } => {
                let last = Day::fiscal_year_first(fiscal_year + 1).minus(12);
                (item.until, *draw_from) = (last.minus(1), last);
                item.number = DRAW + fiscal_year;
                item.code = format!("{}-{fiscal_year}", item.code);
            }
        }
    }
    Ok(catalogue)
}

/// Those who pass the quiz have claimed a perk card as soon as they can have one, and the staff has
/// taken one of the cards back.
///
/// # Errors
/// [`CityError`]
pub(super) fn perk_cards(client: &mut CityClient<'_>) -> Result<(), CityError> {
    let today = client.today();
    let (due, taken) = {
        let state = client.engine.state()?;
        let Some(item) = perk_card(&state, today) else { return Ok(()) };
        let phones = QUIZZERS.filter(|number| {
            *number < client.cast.city.residents && Resident::of(client.cast, *number).has_phone
        });
        let due =
            phones.filter(|number| may_claim(&state, client.cast.account(*number), &item, today));
        (due.map(|number| (number, item.clone())).collect::<Vec<_>>(), to_take_back(&state, today))
    };
    for (number, item) in due {
        let (Some(code), Some(points)) = (Text::new(&item.code), Points::new(item.points)) else {
            return Err(CityError::Text);
        };
        let body = Body::RewardClaim(RewardClaim { item: code, points, code: None });
        let now_s = client.clock.wall_ms() / 1_000;
        let core = Core { not_after_s: Some(now_s + CLAIM_LIFE_S), ..client.core(body)? };
        let disclosed = disclosure(now_s, None, None)?;
        let claim = open(client.engine, core, &client.cast.phone(number), Some(&disclosed))?;
        client.send(claim, false)?;
    }
    client.settle()?;
    if let Some(voucher) = taken {
        let (staff, cause) = (client.cast.staff(), Cause::Misuse);
        let body = Body::RewardCancel(RewardCancel { voucher, cause });
        client.submit_saying(body, &staff, Some(TAKEN_BACK))?;
    }
    Ok(())
}

/// The perk card that is offered on a day.
fn perk_card(state: &State, today: Day) -> Option<Item> {
    let overlay = Overlay::over(state);
    let mut items = overlay.catalogue()?.items.iter();
    let card = |item: &&Item| matches!(item.gives, Gives::PerkCard { .. });
    items.find(card).filter(|item| item.is_offered(today)).cloned()
}

fn may_claim(state: &State, account: AccountId, item: &Item, today: Day) -> bool {
    let row = state.accounts.get(&account);
    let points = row.map_or(0, |row| row.available(Purse::Challenge, today));
    let has = |card: &ledger_spec::state::PerkCard| card.account == account && card.until >= today;
    points >= u64::from(item.points) && !state.perk_cards.values().any(has)
}

/// The oldest card in force, where there are others and none is withdrawn yet.
fn to_take_back(state: &State, today: Day) -> Option<Seq> {
    let mut cards = state.perk_cards.iter().filter(|(_, card)| card.until >= today);
    let (first, _) = cards.clone().next()?;
    let others = cards.clone().nth(1).is_some();
    (others && cards.all(|(_, card)| card.revoked.is_none())).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_of_every_year_is_sound_and_keeps_its_numbers() {
        let shops = [PlaceId([1; 8]), PlaceId([2; 8])];
        let years = (2025..2060).map(|year| of_year(&shops, year, year - 2024).unwrap());
        let years: Vec<Catalogue> = years.collect();
        for (catalogue, year) in years.iter().zip(2025..) {
            let document = serde_json::to_string(catalogue).unwrap();
            assert_eq!(Catalogue::parse(&document).as_ref(), Ok(catalogue));
            assert!(covers(catalogue, year) && !covers(catalogue, year + 1));
        }
        for pair in years.windows(2) {
            assert_eq!(pair[1].check_numbers(&pair[0]), Ok(()));
        }
    }
}
