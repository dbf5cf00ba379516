//! Lots: which of them points leave, and to which they come back.

use alloc::vec::Vec;

use crate::entry::{Contra, Effect};
use crate::points::Purse;
use crate::programme::Programme;
use crate::state::{Account, Lot};
use crate::time::Day;

/// The lots give their points to a contra account.
pub(super) fn taken(lots: &[Lot], contra: Contra) -> impl Iterator<Item = Effect> {
    let taken = |lot: &Lot| (lot.key, -i64::from(lot.points));
    lots.iter().map(taken).map(move |(lot, points)| Effect::Posting { lot, points, contra })
}

/// The lots get their points back from a contra account.
pub(super) fn given_back(lots: &[Lot], contra: Contra) -> impl Iterator<Item = Effect> {
    let back = |lot: &Lot| (lot.key, i64::from(lot.points));
    lots.iter().map(back).map(move |(lot, points)| Effect::Posting { lot, points, contra })
}

/// What can be spent once the postings of these effects are in the lots. An expired lot counts on
/// neither side.
pub(super) fn balance_after(account: &Account, effects: &[Effect], today: Day) -> Effect {
    let after = |purse| {
        let moved = effects.iter().filter_map(|effect| {
            let Effect::Posting { lot, points, .. } = effect else { return None };
            Some((lot, *points))
        });
        let live = moved.filter(|(lot, _)| lot.purse == purse && lot.expires_on >= today);
        account.available(purse, today).saturating_add_signed(live.map(|(_, points)| points).sum())
    };
    Effect::Balance { yen: after(Purse::Yen), challenge: after(Purse::Challenge) }
}

/// Takes points from the lots that expire first, and among those in the programme's order of funds.
pub(super) fn spend(
    account: &Account,
    programme: &Programme,
    purse: Purse,
    points: u32,
    today: Day,
) -> Vec<Lot> {
    let mut lots = account.lots.clone();
    lots.retain(|lot| lot.key.purse == purse && lot.key.expires_on >= today);
    let order = |fund| programme.funds.iter().position(|known| *known == fund);
    lots.sort_by_key(|lot| {
        (lot.key.expires_on, order(lot.key.fund).unwrap_or(usize::MAX), lot.key.fund)
    });
    first_points(&lots, points)
}

/// So many points from the front of a list of lots.
pub(super) fn first_points(lots: &[Lot], points: u32) -> Vec<Lot> {
    let mut left = points;
    let taken = lots.iter().map_while(|lot| {
        let points = lot.points.min(left);
        left -= points;
        (points > 0).then_some(Lot { key: lot.key, points })
    });
    taken.collect()
}

/// A list of lots without so many points of its front.
pub(super) fn without_first(lots: &[Lot], points: u32) -> Vec<Lot> {
    let mut skip = points;
    let rest = lots.iter().filter_map(|lot| {
        let skipped = lot.points.min(skip);
        skip -= skipped;
        (lot.points > skipped).then_some(Lot { key: lot.key, points: lot.points - skipped })
    });
    rest.collect()
}
