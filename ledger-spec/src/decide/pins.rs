//! PINs of cards: on whose word one is set, and from when on it counts.
//!
//! Whoever sets a PIN without the old one could be a thief with a photograph of the card, at a desk
//! or with a kiosk's key. So it proves nothing before the day after the next: until then the holder
//! sees it on the phone or in a letter, and takes the card back.

use alloc::vec;

use super::case::{Case, Outcome};
use super::consent::at_desk;
use super::holder::{card_in_force, names_nobody};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::ids::AccountId;
use crate::kinds::{self, PinGrounds, Role};
use crate::state::Card;
use crate::time::Day;

/// How many days after the day on which it was set without the old one a PIN begins to count.
const PIN_WAIT_DAYS: u32 = 2;

pub(super) fn set(body: &kinds::CardPin, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let signer = case.actor()?;
    let permitted = match body.grounds {
        PinGrounds::First => [Role::Staff, Role::Registry].as_slice(),
        PinGrounds::Changed => &[Role::Staff, Role::Kiosk],
        PinGrounds::Letter => &[Role::Registry],
        PinGrounds::Desk => &[Role::Staff],
    };
    if !permitted.contains(&signer.role) {
        return Err(Rejection::RoleNotPermitted);
    }
    let row = card_in_force(&body.card, case.state)?;
    match body.grounds {
        PinGrounds::Changed => change(body, case),
        PinGrounds::First | PinGrounds::Letter | PinGrounds::Desk
            if !names_nobody(case.disclosure()?) =>
        {
            Err(Rejection::HolderNotAccepted)
        }
        PinGrounds::First => first(body, row, case),
        PinGrounds::Letter => {
            let counts_from = waits(case);
            given(body, row.account, counts_from, case)
        }
        PinGrounds::Desk => {
            let effects = vec![case.proposed()];
            Outcome::on(row.account, effects)
        }
    }
}

/// What two persons at a desk agree to.
pub(super) fn set_by_two(body: &kinds::CardPin, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let row = card_in_force(&body.card, case.state)?;
    given(body, row.account, waits(case), case)
}

/// The first PIN comes with the card; with the account's first card there is nothing to steal yet.
fn first(body: &kinds::CardPin, row: &Card, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let today = case.today();
    if row.pin.is_some() || row.issued_on != today {
        return Err(Rejection::PinNotFirst);
    }
    let opened_today = case.account(row.account)?.opened_on == today;
    let counts_from = if opened_today { today } else { waits(case) };
    given(body, row.account, counts_from, case)
}

/// Who has proven the old PIN has another at once.
fn change(body: &kinds::CardPin, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let (account, proof) = at_desk(case)?;
    if !matches!(proof, Effect::PinProven { card, .. } if card == body.card) {
        return Err(Rejection::HolderNotAccepted);
    }
    let Outcome { account, mut effects } = given(body, account, case.today(), case)?;
    effects.push(proof);
    Ok(Outcome { account, effects })
}

fn given(
    body: &kinds::CardPin,
    account: AccountId,
    counts_from: Day,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let statement = case.acting();
    Outcome::on(account, vec![Effect::PinSet { card: body.card, statement, counts_from }])
}

fn waits(case: &Case<'_>) -> Day {
    case.today().plus(PIN_WAIT_DAYS)
}
