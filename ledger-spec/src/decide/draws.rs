//! Draws: entrants fixed before the beacon, winners that follow from it. The rules cannot verify
//! the beacon's signature without a library for pairings: the server does before it submits a
//! result, and the audit and everyone do afterwards, because round and value are public.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::catalogue::Gives;
use crate::cbor::Blob;
use crate::draw::{
    AHEAD_S_MIN, BEACON, BEACON_BYTES, entrants_root, round_s, winners, winners_hash,
};
use crate::entry::Effect;
use crate::ids::Seq;
use crate::kinds;

pub(super) fn commit(body: &kinds::DrawCommit, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let catalogue = case.state.catalogue().ok_or(Rejection::NotADraw)?;
    let item = catalogue.item_of(body.draw.as_str()).ok_or(Rejection::NotADraw)?;
    let Gives::Lottery { prizes, draw_from } = item.gives else {
        return Err(Rejection::NotADraw);
    };
    if let Some(draw) = case.state.draws(&item.number) {
        return Err(Rejection::DrawDone(draw.commit));
    }
    let ahead = round_s(body.round).is_some_and(|s| s >= case.now_s() + AHEAD_S_MIN);
    if case.today() < draw_from || !ahead {
        return Err(Rejection::DrawEarly);
    }
    let entrants = case.state.entrants_of(item.number);
    let count = u32::try_from(entrants.len()).map_err(|_| Rejection::DrawMismatch)?;
    let root = entrants_root(entrants);
    if body.beacon.as_str() != BEACON || (body.entrants, body.count) != (root, count) {
        return Err(Rejection::DrawMismatch);
    }

    // From here on the entrants are fixed.
    let (item, entrants, round) = (item.number, root, body.round);
    let committed = Effect::DrawCommitted { item, entrants, count, prizes, round };
    Outcome::without_account(vec![committed])
}

pub(super) fn conclude(body: &kinds::DrawResult, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let earlier = case.earlier(body.commit).map_err(|_| Rejection::NotADraw)?.entry;
    let item = earlier.effects.iter().find_map(|effect| {
        if let Effect::DrawCommitted { item, .. } = effect { Some(*item) } else { None }
    });
    let item = item.ok_or(Rejection::NotADraw)?;
    let draw = case.state.draws(&item).ok_or(Rejection::NotADraw)?;
    if draw.winners.is_some() {
        return Err(Rejection::DrawDone(draw.commit));
    }
    if round_s(draw.round).is_none_or(|s| case.now_s() < s) {
        return Err(Rejection::DrawEarly);
    }
    let claims = case.state.entrants_of(item).into_iter().map(|(seq, _)| seq);
    let claims = claims.collect::<alloc::vec::Vec<Seq>>();
    let drawn = winners(&body.beacon.0, &claims, draw.prizes);
    if body.beacon.0.len() != BEACON_BYTES || body.winners != winners_hash(&drawn) {
        return Err(Rejection::DrawMismatch);
    }

    // From here on the winners are drawn.
    let beacon = Blob(body.beacon.0.clone());
    let concluded = Effect::DrawConcluded { commit: body.commit, item, beacon, winners: drawn };
    Outcome::without_account(vec![concluded])
}
