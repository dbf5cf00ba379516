//! What lets somebody in: keys, phones, cards and their PINs, codes, links.

use super::checks::{Broken, subject_of, unseen};
use crate::entry::{Accounting, Effect};
use crate::ids::{CardHash, Hash, Kid, LinkId, Seq};
use crate::state::{
    Actor, Card, Device, EnrolCode, Key, LinkRow, Overlay, PinInForce, Place, Signer,
};

pub(super) fn on_tables(
    entry: &Accounting,
    effect: &Effect,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands over these alone")]
    match effect {
        Effect::KeyRegistered { public_key, role, person, place, name } => {
            let (role, person, place, name) = (*role, *person, *place, name.clone());
            add_actor(*public_key, Actor { role, person, place, name }, entry.seq, state)
        }
        Effect::KeyRevoked { kid } => revoke_key(*kid, entry.seq, state),
        Effect::DeviceEnrolled { public_key, since } => {
            let account = subject_of(entry)?;
            let signer = Signer::Device(Device { account, since: *since });
            add_key(*public_key, signer, entry.seq, state)
        }
        Effect::CardIssued { card, code, until_min } => {
            issue(entry, *card, *code, *until_min, state)
        }
        Effect::CardRevoked { card } => end_card(*card, state),
        Effect::PinSet { card, statement, counts_from } => {
            let pin = PinInForce { set_by: *statement, counts_from: *counts_from };
            set_pin(*card, pin, state)
        }
        Effect::CodeUsed { code } => use_code(*code, state),
        Effect::LinkGranted { link, purpose, until, partner } => {
            let (account, purpose, until, partner) =
                (subject_of(entry)?, *purpose, *until, *partner);
            grant_link(*link, LinkRow { account, purpose, until, partner, revoked: None }, state)
        }
        Effect::LinkRevoked { link } => end_link(*link, entry.seq, state),
        Effect::Suspended { card, kid } => set_suspended(*card, *kid, Some(entry.seq), state),
        Effect::Resumed { card, kid } => set_suspended(*card, *kid, None, state),
        _ => Err(Broken::Unfit("access")),
    }
}

fn add_actor(
    public_key: [u8; 32],
    actor: Actor,
    seq: Seq,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let fresh = actor.place.filter(|place| state.places(place).is_none());
    let row = Place { role: actor.role, name: actor.name.clone() };
    state.top().places.extend(fresh.map(|place| (place, row)));
    add_key(public_key, Signer::Actor(actor), seq, state)
}

fn add_key(
    public_key: [u8; 32],
    signer: Signer,
    registered: Seq,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let kid = Kid::of(&public_key);
    unseen(state.keys(&kid).is_none(), "key")?;
    let key = Key { public_key, signer, registered, revoked: None, suspended: None };
    state.top().keys.insert(kid, key);
    Ok(())
}

fn revoke_key(kid: Kid, revoked: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let mut key = state.keys(&kid).ok_or(Broken::Unfit("key"))?.clone();
    unseen(key.revoked.is_none(), "key")?;
    key.revoked = Some(revoked);
    state.top().keys.insert(kid, key);
    Ok(())
}

fn issue(
    entry: &Accounting,
    card: Option<CardHash>,
    code: Option<Hash>,
    until_min: u64,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    unseen(card.is_none_or(|card| state.cards(&card).is_none()), "card")?;
    unseen(code.is_none_or(|code| state.codes(&code).is_none()), "code")?;
    let account = subject_of(entry)?;
    let unused = EnrolCode { account, until_min, used: false };
    let issued_on = entry.accepted_day();
    let fresh = Card { account, issued_on, pin: None, revoked: false, suspended: None };
    state.top().cards.extend(card.map(|card| (card, fresh)));
    state.top().codes.extend(code.map(|code| (code, unused)));
    Ok(())
}

fn set_pin(card: CardHash, pin: PinInForce, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.cards(&card).ok_or(Broken::Unfit("card"))?;
    state.top().cards.insert(card, Card { pin: Some(pin), ..row });
    Ok(())
}

fn end_card(card: CardHash, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.cards(&card).ok_or(Broken::Unfit("card"))?;
    unseen(!row.revoked, "card")?;
    state.top().cards.insert(card, Card { revoked: true, ..row });
    Ok(())
}

fn use_code(code: Hash, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.codes(&code).ok_or(Broken::Unfit("code"))?;
    unseen(!row.used, "code")?;
    state.top().codes.insert(code, EnrolCode { used: true, ..row });
    Ok(())
}

fn grant_link(link: LinkId, row: LinkRow, state: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(state.links(&link).is_none(), "link")?;
    state.top().links.insert(link, row);
    Ok(())
}

fn end_link(link: LinkId, revoked: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.links(&link).ok_or(Broken::Unfit("link"))?;
    unseen(row.revoked.is_none(), "link")?;
    state.top().links.insert(link, LinkRow { revoked: Some(revoked), ..row });
    Ok(())
}

/// Stops a card or a key, or lets it act again.
fn set_suspended(
    card: Option<CardHash>,
    kid: Option<Kid>,
    suspended: Option<Seq>,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    if let Some(card) = card {
        let row = *state.cards(&card).ok_or(Broken::Unfit("card"))?;
        unseen(row.suspended.is_some() != suspended.is_some(), "suspension")?;
        state.top().cards.insert(card, Card { suspended, ..row });
    }
    if let Some(kid) = kid {
        let row = state.keys(&kid).ok_or(Broken::Unfit("key"))?.clone();
        unseen(row.suspended.is_some() != suspended.is_some(), "suspension")?;
        state.top().keys.insert(kid, Key { suspended, ..row });
    }
    Ok(())
}
