//! Spending: points leave an account for a shop, at once or through a hold.

use alloc::vec;
use alloc::vec::Vec;

use super::holder::{card_of, token_of};
use super::holds::{HOLD_LIFE_S_MAX, first_points};
use super::{
    Context, Outcome, REDEEM_AGE_S_MAX, Rejection, actor, balance_after, corrections,
    disclosure_of, programme_of, taken,
};
use crate::entry::{Contra, Effect};
use crate::ids::{AccountId, CardHash, Kid, PlaceId};
use crate::kinds::{self, Role};
use crate::points::Purse;
use crate::programme::{Programme, RedeemLimits};
use crate::state::{Account, Counter, DayPoints, Device, HOLDS_MAX, Lot, Overlay, Signer};
use crate::statement::{Holder, Statement};
use crate::time::Day;
use crate::token::{PIN_PROOF_LIFE_S_MAX, PayToken, PinProof};

/// What a shop asks of a resident's points.
struct Wish {
    shop: PlaceId,
    points: u32,
    /// The till's word that no patient's share is paid.
    goods: Option<bool>,
    /// Unix seconds; the end of a hold.
    until_s: Option<u64>,
}

/// A wish that can be met.
struct Payment<'r> {
    account: AccountId,
    row: &'r Account,
    /// The lots in the order in which they are spent.
    lots: Vec<Lot>,
    /// What the proof of the resident's consent leaves behind.
    proof: Vec<Effect>,
}

impl Payment<'_> {
    /// The points leave their lots for this account.
    fn postings(&self, contra: Contra) -> impl Iterator<Item = Effect> {
        taken(&self.lots, contra)
    }

    fn outcome(self, mut effects: Vec<Effect>, today: Day) -> Result<Outcome, Rejection> {
        effects.extend(self.proof);
        effects.push(balance_after(self.row, &effects, today));
        Outcome::on(self.account, effects)
    }
}

pub(super) fn redeem(
    body: &kinds::Redeem,
    statement: &Statement,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let (points, goods) = (body.points.get(), body.goods);
    let wish = Wish { shop: body.shop, points, goods, until_s: None };
    let payment = judge(&wish, statement, signer, state, context)?;
    let effects = payment.postings(Contra::Shop(body.shop)).collect();
    payment.outcome(effects, context.today())
}

/// A redemption that the shop completes, in part or in full, before a deadline.
pub(super) fn hold(
    body: &kinds::Hold,
    statement: &Statement,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let (shop, points, until_s) = (body.shop, body.points.get(), body.until_s);
    let wish = Wish { shop, points, goods: body.goods, until_s: Some(until_s) };
    let payment = judge(&wish, statement, signer, state, context)?;
    let opened = Effect::HoldOpened { shop, until_s };
    let postings = payment.postings(Contra::Held(state.next_seq()));
    let effects = [opened].into_iter().chain(postings).collect();
    payment.outcome(effects, context.today())
}

/// Every check of a redemption or hold.
fn judge<'r>(
    wish: &Wish,
    statement: &Statement,
    signer: Option<&Signer>,
    state: &'r Overlay<'_>,
    context: &Context<'_>,
) -> Result<Payment<'r>, Rejection> {
    let terminal = actor(signer)?;
    let (points, today) = (wish.points, context.today());
    if terminal.place != Some(wish.shop) {
        return Err(Rejection::OtherShop);
    }
    let programme = programme_of(statement, today, state)?;
    let performed_at_s = disclosure_of(statement)?.performed_at_s;
    if performed_at_s.abs_diff(context.now_s()) > REDEEM_AGE_S_MAX {
        return Err(Rejection::DisclosureMismatch);
    }
    // No ledger sees a bill. What it can do is take nothing there without the terminal's signed
    // word.
    let medical = programme.insured_medical.contains(&wish.shop);
    if wish.goods != medical.then_some(true) {
        return Err(if medical { Rejection::PatientsShare } else { Rejection::NotMedical });
    }
    let limits = programme.redeem;
    if points < limits.min {
        return Err(Rejection::BelowMinimum(limits.min));
    }
    if points > limits.max_transaction {
        return Err(Rejection::AboveMaximum(limits.max_transaction));
    }
    let life_s = |until_s: u64| until_s.checked_sub(context.now_s());
    if wish.until_s.is_some_and(|until_s| !matches!(life_s(until_s), Some(1..=HOLD_LIFE_S_MAX))) {
        return Err(Rejection::HoldDeadline);
    }
    let consent = consent(statement, state, context)?;
    consent.check_points((Some(wish.shop), points), limits.fast_lane_max)?;
    let account = state.accounts(&consent.account()).ok_or(Rejection::AccountUnknown)?;
    corrections::check_spending(account, today)?;
    if wish.until_s.is_some() && account.shop_holds().count() >= HOLDS_MAX {
        return Err(Rejection::HoldsLimit);
    }
    let charged = account.charged(&Counter::of_spending(today));
    let spent = u64::from(charged) + account.held() + u64::from(points);
    if spent > u64::from(limits.max_day) {
        return Err(Rejection::DayLimit(limits.max_day));
    }
    consent.check_day(statement.kid, (points, spent), limits, (state, today))?;
    if let Some(gate) = account.closed_gate(programme, today) {
        return Err(Rejection::GateClosed(gate.rule));
    }
    if account.available(Purse::Yen, today) < u64::from(points) {
        return Err(Rejection::InsufficientPoints);
    }
    let proof = vec![consent.effect(statement.kid, points)];
    let lots = spend(account, programme, (Purse::Yen, points), today);
    Ok(Payment { account: consent.account(), row: account, lots, proof })
}

/// How the resident agreed.
pub(super) enum Consent<'a> {
    /// The phone showed a pay token.
    Phone(&'a PayToken, &'a Device),
    /// The card was there, and the clerk looked.
    Card(CardHash, AccountId),
    /// The card was there, and its PIN was typed.
    Pin(&'a PinProof, AccountId),
}

pub(super) fn consent<'a>(
    statement: &'a Statement,
    state: &'a Overlay<'_>,
    context: &Context<'_>,
) -> Result<Consent<'a>, Rejection> {
    let disclosure = disclosure_of(statement)?;
    let Some(Holder::Card(card)) = &disclosure.holder else {
        if disclosure.pin_proof.is_some() {
            return Err(Rejection::HolderNotAccepted);
        }
        let (token, device) = token_of(statement, state, context.now_s())?;
        return Ok(Consent::Phone(token, device));
    };
    let (hash, row) = card_of(card, state)?;
    let Some((proof, kid)) = &statement.pin_proof else {
        return Ok(Consent::Card(hash, row.account));
    };
    let by_pin_key = state.keys(kid).is_some_and(|key| {
        let role = if let Signer::Actor(actor) = &key.signer { Some(actor.role) } else { None };
        role == Some(Role::Pin) && key.revoked.is_none()
    });
    let fits =
        (proof.ledger, proof.card, proof.terminal) == (statement.core.ledger, hash, statement.kid);
    let life_s = proof.exp_s.checked_sub(context.now_s());
    let in_force = matches!(life_s, Some(1..=PIN_PROOF_LIFE_S_MAX));
    let fresh = state.nonces(&(proof.exp_s, proof.nonce)).is_none();
    if by_pin_key && fits && in_force && fresh {
        Ok(Consent::Pin(proof, row.account))
    } else {
        Err(Rejection::PinProof)
    }
}

/// The resident who stands at a desk or kiosk with a card and its PIN, and what the proof of that
/// leaves behind.
pub(super) fn at_desk(
    statement: &Statement,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<(AccountId, Effect), Rejection> {
    let consent = consent(statement, state, context)?;
    match consent {
        Consent::Pin(_, account) => Ok((account, consent.effect(statement.kid, 0))),
        // Who only holds a card, or shows a code of a phone, spends within limits; a phone or a
        // link has none.
        Consent::Phone(..) | Consent::Card(..) => Err(Rejection::HolderNotAccepted),
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
        (shop, points): (Option<PlaceId>, u32),
        fast_lane_max: Option<u32>,
    ) -> Result<(), Rejection> {
        match self {
            Self::Phone(token, _) => {
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
            Self::Pin(proof, _) if points > proof.max_points => Err(Rejection::PinProof),
            Self::Pin(..) | Self::Card(..) => Ok(()),
        }
    }

    /// The limits of the day that go with this way of agreeing.
    pub(super) fn check_day(
        &self,
        terminal: Kid,
        (points, spent): (u32, u64),
        limits: RedeemLimits,
        (rows, today): (&Overlay<'_>, Day),
    ) -> Result<(), Rejection> {
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
                let of_card = DayPoints::on(rows.card_days(card), today);
                let of_terminal = DayPoints::on(rows.terminal_days(&terminal), today);
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
            Self::Phone(token, _) => Effect::TokenSpent { nonce: token.nonce, exp_s: token.exp_s },
            Self::Card(card, _) => Effect::CardWithoutPin { card: *card, terminal, points },
            Self::Pin(proof, _) => {
                let PinProof { card, nonce, exp_s, .. } = **proof;
                Effect::PinProven { card, nonce, exp_s }
            }
        }
    }
}

/// Takes points from the lots that expire first, and among those in the programme's order of funds.
pub(super) fn spend(
    account: &Account,
    programme: &Programme,
    (purse, points): (Purse, u32),
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
