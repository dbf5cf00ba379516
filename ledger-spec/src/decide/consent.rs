//! Consent: how a resident agrees to what a terminal or a desk signs, and within which limits.

use super::case::Case;
use super::holder::{card_of, spoken_for, token_of};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::ids::{AccountId, CardHash, Kid, PlaceId};
use crate::kinds::Role;
use crate::programme::RedeemLimits;
use crate::state::{DayPoints, Device, Signer};
use crate::statement::Holder;
use crate::token::{PIN_PROOF_LIFE_S_MAX, PayToken, PinProof, SignedMessage};

/// How the resident agreed.
pub(super) enum Consent<'a> {
    /// The phone showed a pay token.
    Phone(&'a SignedMessage<PayToken>, &'a Device),
    /// The card was there, and the clerk looked.
    Card(CardHash, AccountId),
    /// The card was there, and its PIN was typed.
    Pin(&'a SignedMessage<PinProof>, AccountId),
}

pub(super) fn consent<'a>(case: &Case<'a>) -> Result<Consent<'a>, Rejection> {
    let Case { statement, state, .. } = *case;
    let disclosure = case.disclosure()?;
    let card = match &disclosure.holder {
        Some(Holder::Card(card)) => card,
        Some(Holder::Phone(_) | Holder::Account(_) | Holder::Link(_)) | None => {
            if disclosure.pin_proof.is_some() {
                return Err(Rejection::HolderNotAccepted);
            }
            let (token, device) = token_of(case)?;
            return Ok(Consent::Phone(token, device));
        }
    };
    let (hash, row) = card_of(card, statement, state)?;
    let Some(signed) = &statement.carried.pin_proof else {
        return Ok(Consent::Card(hash, row.account));
    };
    let proof = &signed.message;
    let by_pin_key = state.keys(&signed.kid).is_some_and(|key| {
        let role = if let Signer::Actor(actor) = &key.signer { Some(actor.role) } else { None };
        role == Some(Role::Pin) && key.in_force()
    });
    let fits =
        (proof.ledger, proof.card, proof.terminal) == (statement.core.ledger, hash, statement.kid);
    let life_s = proof.exp_s.checked_sub(case.now_s());
    let in_force = matches!(life_s, Some(1..=PIN_PROOF_LIFE_S_MAX));
    let fresh = state.nonces(&(proof.exp_s, proof.nonce)).is_none();
    let pin = row.pin.filter(|_| by_pin_key && fits && in_force && fresh);
    let counts_from = pin.ok_or(Rejection::PinProof)?.counts_from;
    if case.today() < counts_from {
        return Err(Rejection::PinWaits(counts_from));
    }
    Ok(Consent::Pin(signed, row.account))
}

/// The resident who stands at a desk or kiosk with a card and its PIN, and what the proof of that
/// leaves behind.
pub(super) fn at_desk(case: &Case<'_>) -> Result<(AccountId, Effect), Rejection> {
    let consent = consent(case)?;
    match consent {
        Consent::Pin(_, account) => Ok((account, consent.effect(case.statement.kid, 0))),
        // Who only holds a card, or shows a code of a phone, spends within limits; a phone or a
        // link has none.
        Consent::Phone(..) | Consent::Card(..) => Err(Rejection::HolderNotAccepted),
    }
}

/// The account whose resident acts: by a phone, or one that helps, or with card and PIN at a desk;
/// and what that leaves behind.
pub(super) fn who_agrees(case: &Case<'_>) -> Result<(AccountId, Option<Effect>), Rejection> {
    match case.signer.ok_or(Rejection::KeyUnknown)? {
        Signer::Device(device) => Ok((spoken_for(device, case)?, None)),
        Signer::Actor(_) => at_desk(case).map(|(account, proof)| (account, Some(proof))),
    }
}

impl Consent<'_> {
    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::Phone(_, device) => device.account,
            Self::Card(_, account) | Self::Pin(_, account) => *account,
        }
    }

    /// The shop and the points that were agreed to. A code that is photographed or passed on in
    /// secret is worth no more than the fast lane: above it the phone's own screen has shown the
    /// shop's name and the amount. A desk is no shop.
    pub(super) fn check_points(
        &self,
        shop: Option<PlaceId>,
        points: u32,
        fast_lane_max: Option<u32>,
    ) -> Result<(), Rejection> {
        match self {
            Self::Phone(signed, _) => {
                let token = &signed.message;
                if token.shop.is_some_and(|named| Some(named) != shop) {
                    return Err(Rejection::TokenOtherShop);
                }
                if points > token.max_points {
                    return Err(Rejection::TokenCap);
                }
                let confirmed = token.shop.is_some() && points == token.max_points;
                match fast_lane_max.filter(|max| points > *max && !confirmed) {
                    Some(max) => Err(Rejection::ConfirmationRequired(max)),
                    None => Ok(()),
                }
            }
            Self::Pin(proof, _) if points > proof.message.max_points => Err(Rejection::PinProof),
            Self::Pin(..) | Self::Card(..) => Ok(()),
        }
    }

    /// The limits of the day that go with this way of agreeing, for these points and all that is
    /// spent today with them.
    pub(super) fn check_day(
        &self,
        points: u32,
        spent: u64,
        limits: RedeemLimits,
        case: &Case<'_>,
    ) -> Result<(), Rejection> {
        let (state, today) = (case.state, case.today());
        match self {
            Self::Phone(_, device) => {
                // By whole days, at least 24 hours: the minute of an enrolment is not kept.
                let fresh = today <= device.since.plus(1);
                if fresh && spent > u64::from(limits.fresh_device_max_day) {
                    return Err(Rejection::FreshDeviceLimit(limits.fresh_device_max_day));
                }
                Ok(())
            }
            Self::Card(card, _) => {
                let of_card = DayPoints::on(state.card_days(card), today);
                let of_terminal = DayPoints::on(state.terminal_days(&case.statement.kid), today);
                let points = u64::from(points);
                if of_card + points > u64::from(limits.card_no_pin_max_day)
                    || of_terminal + points > u64::from(limits.terminal_no_pin_max_day)
                {
                    return Err(Rejection::PinRequired(limits.card_no_pin_max_day));
                }
                Ok(())
            }
            Self::Pin(..) => Ok(()),
        }
    }

    pub(super) fn effect(&self, terminal: Kid, points: u32) -> Effect {
        match self {
            Self::Phone(signed, _) => {
                let PayToken { exp_s, nonce, max_points, shop, .. } = signed.message;
                let (signature, confirmed) = (signed.signature, shop.is_some());
                let day_kid = signed.day_kid();
                Effect::TokenSpent { nonce, exp_s, day_kid, max_points, confirmed, signature }
            }
            Self::Card(card, _) => Effect::CardWithoutPin { card: *card, terminal, points },
            Self::Pin(signed, _) => {
                let PinProof { card, nonce, exp_s, max_points, .. } = signed.message;
                let SignedMessage { kid, signature, .. } = **signed;
                Effect::PinProven { card, nonce, exp_s, max_points, kid, signature }
            }
        }
    }
}
