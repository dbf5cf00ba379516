//! The demo city's catalogue: the specification's example with the city's own shops, for a fiscal year.

use ledger_spec::catalogue::{Catalogue, CatalogueFault, Gives};
use ledger_spec::ids::PlaceId;
use ledger_spec::time::Day;

const EXAMPLE: &str = include_str!("../../ledger-spec/examples/catalogue.json");
/// Which of the city's shops stand behind the items, in their order: fish, bath, tea, the gift's bookshop, the coin.
const PLACES: [usize; 5] = [0, 6, 5, 3, 4];
/// The draw of a fiscal year has this number and the year's.
const DRAW: u32 = 10_000;

/// Whether a catalogue has what is offered in a fiscal year.
pub(super) fn covers(catalogue: &Catalogue, fiscal_year: u32) -> bool {
    catalogue.item(DRAW + fiscal_year).is_some()
}

/// The catalogue of one fiscal year. Most of it lasts until the end of the next, so that midnight on 31 March changes nothing; the
/// draw is the year's own.
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
