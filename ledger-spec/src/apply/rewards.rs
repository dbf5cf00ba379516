//! What claims, draws and catalogues change.

use alloc::sync::Arc;

use super::checks::{Broken, subject_of, undo, unseen};
use crate::catalogue::{Catalogue, Gives};
use crate::entry::{Accounting, Effect};
use crate::ids::{Hash, Seq};
use crate::state::{Account, Counter, Draw, HeldFor, Overlay, PerkCard};
use crate::time::Day;

pub(super) fn on_tables(
    entry: &Accounting,
    effect: &Effect,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands over these alone")]
    match effect {
        Effect::CatalogueInForce { version, document } => {
            let catalogue =
                Catalogue::parse(document.as_str()).map_err(|_| Broken::Unfit("catalogue"))?;
            unseen(state.catalogues(version).is_none(), "catalogue")?;
            state.top().catalogues.insert(*version, Arc::new(catalogue));
            Ok(())
        }
        Effect::RewardClaimed { catalogue, item, code, until } => {
            claim(entry, *catalogue, *item, *code, *until, state)
        }
        Effect::RewardEnded { claim, item, returned, .. } => {
            undo(*claim, entry.seq, state)?;
            if let Some(card) = state.perk_cards(claim).copied() {
                let ended = PerkCard { revoked: Some(entry.seq), ..card };
                state.top().perk_cards.insert(*claim, ended);
            }
            count(*item, if *returned { -1 } else { 0 }, state)
        }
        Effect::DrawCommitted { item, prizes, round, .. } => {
            unseen(state.draws(item).is_none(), "draw")?;
            let (commit, prizes, round) = (entry.seq, *prizes, *round);
            let draw = Draw { commit, prizes, round, winners: None, result: None };
            state.top().draws.insert(*item, draw);
            Ok(())
        }
        Effect::DrawConcluded { item, winners, .. } => {
            let mut draw = state.draws(item).ok_or(Broken::Unfit("draw"))?.clone();
            unseen(draw.winners.is_none(), "draw")?;
            (draw.winners, draw.result) = (Some(winners.clone()), Some(entry.seq));
            state.top().draws.insert(*item, draw);
            Ok(())
        }
        _ => Err(Broken::Unfit("reward")),
    }
}

fn claim(
    entry: &Accounting,
    catalogue: u32,
    item: u32,
    code: Option<Hash>,
    until: Option<Day>,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let row = state.catalogues(&catalogue).and_then(|catalogue| catalogue.item(item));
    match (&row.ok_or(Broken::Unfit("item"))?.gives, code, until) {
        (Gives::PerkCard { .. }, None, Some(until)) => {
            let account = subject_of(entry)?;
            let card = PerkCard { account, until, revoked: None };
            state.top().perk_cards.insert(entry.seq, card);
        }
        (Gives::Lottery { .. }, Some(code), None) => {
            unseen(state.draws(&item).is_none(), "draw")?;
            state.top().entrants.insert((item, entry.seq), code);
        }
        (Gives::Voucher { .. }, Some(_), Some(_))
        | (Gives::Donation { .. } | Gives::Currency { .. }, None, None) => {}
        (
            Gives::PerkCard { .. }
            | Gives::Lottery { .. }
            | Gives::Voucher { .. }
            | Gives::Donation { .. }
            | Gives::Currency { .. },
            _,
            _,
        ) => return Err(Broken::Unfit("reward")),
    }
    count(item, 1, state)
}

/// Counts what is claimed of an item, for its stock.
fn count(item: u32, more: i32, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let claimed = state.claimed(&item).copied().unwrap_or(0).checked_add_signed(more);
    state.top().claimed.insert(item, claimed.ok_or(Broken::Negative("claims"))?);
    Ok(())
}

/// What a claim changes in the row of its account: a voucher keeps points from then on.
pub(super) fn take(
    account: &mut Account,
    entry: &Accounting,
    catalogue: u32,
    item: u32,
    code: Option<Hash>,
    until: Option<Day>,
) -> Result<(), Broken> {
    let counter = Counter::of_claims(item, entry.accepted_day());
    account.charge(counter, 1).ok_or(Broken::Negative("counter"))?;
    if let (Some(code), Some(until)) = (code, until) {
        let held_for = HeldFor::Reward { catalogue, item, code };
        let until_s = until.plus(1).start_ms() / 1_000;
        let opened = account.open_hold(entry.seq, held_for, until_s);
        opened.ok_or(Broken::Unfit("voucher"))?;
    }
    Ok(())
}

/// What the end of a claim changes in the row of its account.
pub(super) fn give_up(
    account: &mut Account,
    claim: Seq,
    item: u32,
    claimed_on: Day,
    returned: bool,
    state: &Overlay<'_>,
) -> Result<(), Broken> {
    // A perk card keeps nothing.
    if state.perk_cards(&claim).is_none() {
        account.end_hold(claim).ok_or(Broken::Unfit("voucher"))?;
    }
    let counter = Counter::of_claims(item, claimed_on);
    if returned && account.charged(&counter) > 0 {
        account.charge(counter, -1).ok_or(Broken::Negative("counter"))?;
    }
    Ok(())
}
