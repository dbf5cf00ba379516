//! Whom a statement is for: the phone behind a pay token, the account behind a card; and where, by
//! a venue's code.

use super::case::Case;
use super::rejection::Rejection;
use crate::caps::Channel;
use crate::ids::{AccountId, CardHash, Kid, LedgerId, LinkId, PlaceId};
use crate::kinds::{Action, Purpose, Role};
use crate::state::{Card, Device, LinkRow, Overlay, Signer};
use crate::statement::{self, Disclosure, Holder, Statement};
use crate::time::Day;
use crate::token::{
    PayToken, PhoneToken, SignedMessage, TOKEN_LIFE_S_MAX, VENUE_LATE_S_MAX, VENUE_LIFE_S_MAX,
};

/// The statement's pay token, if a shop may take points with it, and the phone that made it.
pub(super) fn token_of<'a>(
    case: &Case<'a>,
) -> Result<(&'a SignedMessage<PayToken>, &'a Device), Rejection> {
    let token = case.statement.carried.pay_token.as_ref().ok_or(Rejection::HolderNotAccepted)?;
    let PhoneToken { signed, phone } = token;
    let (ledger, now_s) = (case.statement.core.ledger, case.now_s());
    let device = judge_token(&signed.message, *phone, ledger, now_s, case.state)?;
    Ok((signed, device))
}

/// Whether a pay token whose signature is checked can be spent in `ledger` at `now_s`: the phone
/// that made it. Spends nothing.
///
/// # Errors
/// A [`Rejection`], in the order: ledger, phone, end, use.
pub fn judge_token<'a>(
    token: &PayToken,
    kid: Kid,
    ledger: LedgerId,
    now_s: u64,
    state: &'a Overlay<'_>,
) -> Result<&'a Device, Rejection> {
    let device = shown_by(token, kid, ledger, now_s, state)?;
    if state.nonces(&(token.exp_s, token.nonce)).is_some() {
        return Err(Rejection::TokenUsed);
    }
    Ok(device)
}

/// The phone that showed a token at `at_s`. Spent tokens are forgotten at some time after their
/// end, so whether one was spent may only be asked of the present.
fn shown_by<'a>(
    token: &PayToken,
    kid: Kid,
    ledger: LedgerId,
    at_s: u64,
    state: &'a Overlay<'_>,
) -> Result<&'a Device, Rejection> {
    if token.ledger != ledger {
        return Err(Rejection::TokenForeign);
    }
    let key = state.keys(&kid).ok_or(Rejection::TokenDeviceRevoked)?;
    let Signer::Device(device) = &key.signer else {
        return Err(Rejection::HolderNotAccepted);
    };
    if !key.in_force() {
        return Err(Rejection::TokenDeviceRevoked);
    }
    if token.exp_s <= at_s {
        return Err(Rejection::TokenExpired);
    }
    if token.exp_s > at_s + TOKEN_LIFE_S_MAX {
        return Err(Rejection::TokenTooLong);
    }
    Ok(device)
}

/// The place whose code a phone has read, `None` where there is none in the disclosure. The code
/// must have been in force at the act, and because the phone alone says when that was, have ended
/// only minutes ago.
pub(super) fn venue_of(body: &Action, case: &Case<'_>) -> Result<Option<PlaceId>, Rejection> {
    let Case { statement, state, .. } = *case;
    let Some((code, kid)) = &statement.carried.venue else { return Ok(None) };
    if code.ledger != statement.core.ledger || code.action != body.action {
        return Err(Rejection::VenueOther);
    }
    let key = state.keys(kid).ok_or(Rejection::VenueUnknown)?;
    let stands = |signer: &Signer| {
        let Signer::Actor(actor) = signer else { return false };
        actor.role == Role::Station && actor.place == Some(code.place)
    };
    if !key.in_force() || !stands(&key.signer) {
        return Err(Rejection::VenueUnknown);
    }
    let at_s = statement.disclosure.as_ref().map_or(0, |(known, _)| known.performed_at_s);
    let in_force = at_s < code.exp_s && code.exp_s <= at_s.saturating_add(VENUE_LIFE_S_MAX);
    if !in_force || case.now_s() > code.exp_s.saturating_add(VENUE_LATE_S_MAX) {
        return Err(Rejection::VenueExpired);
    }
    Ok(Some(code.place))
}

/// A card that is whole, known and in force.
pub(super) fn card_of<'r>(
    card: &[u8; 11],
    statement: &Statement,
    state: &'r Overlay<'_>,
) -> Result<(CardHash, &'r Card), Rejection> {
    let [random @ .., check] = card;
    if statement::card_check_byte(random) != *check {
        return Err(Rejection::CardMistyped);
    }
    let hash = statement.carried.card.unwrap_or_else(|| statement::card_hash(card));
    card_in_force(&hash, state).map(|row| (hash, row))
}

/// A card that is known and in force.
pub(super) fn card_in_force<'r>(
    card: &CardHash,
    state: &'r Overlay<'_>,
) -> Result<&'r Card, Rejection> {
    match state.cards(card) {
        None => Err(Rejection::CardUnknown),
        Some(row) if row.revoked => Err(Rejection::CardRevoked),
        Some(row) if row.suspended.is_some() => Err(Rejection::CardSuspended),
        Some(row) => Ok(row),
    }
}

/// Whether nobody but the signer is named.
pub(super) fn names_nobody(disclosure: &Disclosure) -> bool {
    disclosure.holder.is_none() && disclosure.pin_proof.is_none()
}

/// A link that this key may use on this day, whatever for.
///
/// # Errors
/// A [`Rejection`]: there is no such link for this key, or it has ended.
pub fn judge_link<'r>(
    link: &LinkId,
    partner: Kid,
    day: Day,
    state: &'r Overlay<'_>,
) -> Result<&'r LinkRow, Rejection> {
    let row = state.links(link).filter(|row| row.partner == partner);
    let row = row.ok_or(Rejection::LinkUnknown)?;
    if row.revoked.is_some() || day > row.until {
        return Err(Rejection::LinkEnded);
    }
    Ok(row)
}

/// The account that a phone speaks for: its own, or by a link the account of who let it.
pub(super) fn spoken_for(device: &Device, case: &Case<'_>) -> Result<AccountId, Rejection> {
    let disclosure = case.disclosure()?;
    if disclosure.pin_proof.is_some() {
        return Err(Rejection::HolderNotAccepted);
    }
    match &disclosure.holder {
        None => Ok(device.account),
        Some(Holder::Link(link)) => {
            // Of all links only a proxy's are granted to phones.
            judge_link(link, case.statement.kid, case.today(), case.state).map(|row| row.account)
        }
        Some(Holder::Phone(_) | Holder::Card(_) | Holder::Account(_)) => {
            Err(Rejection::HolderNotAccepted)
        }
    }
}

/// How the holder of a disclosure took part, once [`holder_of`] has accepted it.
pub(super) fn channel_of(disclosure: &Disclosure, signer: &Signer) -> Channel {
    let kiosk = matches!(signer, Signer::Actor(actor) if actor.role == Role::Kiosk);
    match &disclosure.holder {
        Some(Holder::Phone(_) | Holder::Link(_)) | None => Channel::Phone,
        Some(Holder::Card(_)) if kiosk => Channel::Kiosk,
        Some(Holder::Card(_)) => Channel::Card,
        Some(Holder::Account(_)) => Channel::Desk,
    }
}

/// The account that an action is for.
pub(super) fn holder_of(
    disclosure: &Disclosure,
    statement: &Statement,
    signer: &Signer,
    state: &Overlay<'_>,
) -> Result<AccountId, Rejection> {
    let signer = match (signer, &disclosure.holder) {
        (Signer::Device(device), None) => return Ok(device.account),
        (Signer::Device(_), Some(_)) => return Err(Rejection::HolderNotAccepted),
        (Signer::Actor(actor), _) => actor,
    };
    match &disclosure.holder {
        Some(Holder::Phone(_)) => {
            let token = statement.carried.pay_token.as_ref().ok_or(Rejection::HolderNotAccepted)?;
            // A station that was offline reports later; the code was good when it was shown.
            let (ledger, at_s) = (statement.core.ledger, disclosure.performed_at_s);
            shown_by(&token.signed.message, token.phone, ledger, at_s, state)
                .map(|device| device.account)
        }
        Some(Holder::Card(card)) => card_of(card, statement, state).map(|(_, row)| row.account),
        Some(Holder::Account(account)) => match signer.role {
            Role::Staff | Role::Registry => {
                state.accounts(account).map(|_| *account).ok_or(Rejection::AccountUnknown)
            }
            Role::Root
            | Role::Station
            | Role::Coach
            | Role::Shop
            | Role::Kiosk
            | Role::Partner
            | Role::Pin
            | Role::System
            | Role::Auditor => Err(Rejection::HolderNotAccepted),
        },
        Some(Holder::Link(link)) => {
            let row = judge_link(link, statement.kid, statement.core.day, state)?;
            let steps = disclosure.values.is_some_and(|values| values.steps.is_some());
            if row.purpose != if steps { Purpose::Steps } else { Purpose::Sessions } {
                return Err(Rejection::LinkPurpose);
            }
            Ok(row.account)
        }
        None => Err(Rejection::HolderNotAccepted),
    }
}
