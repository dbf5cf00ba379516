//! Residents: account, facts, card, phone.

use alloc::vec;

use super::Rejection;
use super::case::{Context, Outcome, disclosure_of};
use super::consent::at_desk;
use super::keys::check_fresh_key;
use super::limits::LINK_DAYS_MAX;
use crate::entry::Effect;
use crate::kinds::{self, Purpose, Role};
use crate::state::{Overlay, Signer};
use crate::statement::{self, Disclosure, Statement};

pub(super) fn open_account(
    body: &kinds::AccountOpen,
    state: &Overlay<'_>,
) -> Result<Outcome, Rejection> {
    if state.accounts(&body.account).is_some() {
        return Err(Rejection::AccountExists);
    }
    Outcome::on(body.account, vec![Effect::AccountOpened {}])
}

pub(super) fn set_facts(
    body: &kinds::AccountFacts,
    state: &Overlay<'_>,
) -> Result<Outcome, Rejection> {
    if state.accounts(&body.account).is_none() {
        return Err(Rejection::AccountUnknown);
    }
    let kinds::AccountFacts { account, age_tier, age_on, insurance, eligible_from, district } =
        *body;
    let facts = Effect::FactsSet { age_tier, age_on, insurance, eligible_from, district };
    Outcome::on(account, vec![facts])
}

pub(super) fn issue_card(
    body: &kinds::CardIssue,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if state.accounts(&body.account).is_none() {
        return Err(Rejection::AccountUnknown);
    }
    let taken = body.card.is_some_and(|card| state.cards(&card).is_some())
        || body.code.is_some_and(|code| state.codes(&code).is_some());
    let nothing = body.card.is_none() && body.code.is_none();
    if taken || nothing || body.code.is_some() != body.code_until_min.is_some() {
        return Err(Rejection::CardExists);
    }
    let until_min = body.code_until_min.unwrap_or(0);
    if body.code.is_some() && until_min <= context.now_min() {
        return Err(Rejection::CodeExpired);
    }
    let (card, code) = (body.card, body.code);
    Outcome::on(body.account, vec![Effect::CardIssued { card, code, until_min }])
}

pub(super) fn revoke_card(
    body: &kinds::CardRevoke,
    state: &Overlay<'_>,
) -> Result<Outcome, Rejection> {
    let Some(card) = state.cards(&body.card) else {
        return Err(Rejection::CardUnknown);
    };
    if card.revoked {
        return Err(Rejection::CardRevoked);
    }
    Outcome::on(card.account, vec![Effect::CardRevoked { card: body.card }])
}

pub(super) fn enrol_device(
    body: &kinds::DeviceEnrol,
    statement: &Statement,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let disclosure = disclosure_of(statement)?;
    let since = context.today();
    let enrolled = Effect::DeviceEnrolled { public_key: body.public_key, since };
    match (signer, disclosure.code) {
        (Some(Signer::Device(device)), None) if bare(disclosure) => {
            check_fresh_key(&body.public_key, state)?;
            Outcome::on(device.account, vec![enrolled])
        }
        (None, Some(code)) if bare(disclosure) => {
            check_fresh_key(&body.public_key, state)?;
            let code = statement::code_hash(&code);
            let Some(row) = state.codes(&code) else {
                return Err(Rejection::CodeUnknown);
            };
            if row.used {
                return Err(Rejection::CodeUsed);
            }
            if context.now_min() >= row.until_min {
                return Err(Rejection::CodeExpired);
            }
            Outcome::on(row.account, vec![enrolled, Effect::CodeUsed { code }])
        }
        (Some(Signer::Actor(_)), None) => {
            check_fresh_key(&body.public_key, state)?;
            let (account, proof) = at_desk(statement, state, context)?;
            Outcome::on(account, vec![enrolled, proof])
        }
        _ => Err(Rejection::HolderNotAccepted),
    }
}

/// Nobody but the signer is named.
fn bare(disclosure: &Disclosure) -> bool {
    disclosure.holder.is_none() && disclosure.pin_proof.is_none()
}

/// A resident lets a partner or the phone of another resident do one thing until a day, on the own
/// phone or at a desk.
pub(super) fn grant_link(
    body: &kinds::LinkGrant,
    statement: &Statement,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let disclosure = disclosure_of(statement)?;
    let (account, proof) = match signer {
        Some(Signer::Device(device)) if bare(disclosure) => (device.account, None),
        Some(Signer::Actor(_)) => {
            let (account, proof) = at_desk(statement, state, context)?;
            (account, Some(proof))
        }
        Some(Signer::Device(_)) | None => return Err(Rejection::HolderNotAccepted),
    };
    if state.links(&body.link).is_some() {
        return Err(Rejection::LinkExists);
    }
    let key = state.keys(&body.partner).ok_or(Rejection::KeyUnknown)?;
    if key.revoked.is_some() {
        return Err(Rejection::KeyRevoked);
    }
    let fits = match (body.purpose, &key.signer) {
        (Purpose::Steps | Purpose::Employer | Purpose::Reminders, Signer::Actor(partner)) => {
            partner.role == Role::Partner
        }
        (Purpose::Sessions, Signer::Actor(partner)) => {
            matches!(partner.role, Role::Partner | Role::Coach)
        }
        (Purpose::AutoExchange, Signer::Actor(ledger)) => ledger.role == Role::System,
        // One's own phones need no link.
        (Purpose::Proxy, Signer::Device(other)) => other.account != account,
        (Purpose::Proxy, Signer::Actor(_)) | (_, Signer::Device(_)) => false,
    };
    if !fits {
        return Err(Rejection::LinkPurpose);
    }
    let today = context.today();
    if !(today..=today.plus(LINK_DAYS_MAX)).contains(&body.until) {
        return Err(Rejection::LinkTerm);
    }
    let kinds::LinkGrant { link, purpose, until, partner } = *body;
    let granted = Effect::LinkGranted { link, purpose, until, partner };
    Outcome::on(account, core::iter::once(granted).chain(proof).collect())
}

/// Ends a link, by a phone of the account or at a desk.
pub(super) fn revoke_link(
    body: &kinds::LinkRevoke,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
) -> Result<Outcome, Rejection> {
    let row = state.links(&body.link).ok_or(Rejection::LinkUnknown)?;
    let foreign = matches!(signer, Some(Signer::Device(device)) if device.account != row.account);
    if foreign {
        return Err(Rejection::LinkUnknown);
    }
    if row.revoked.is_some() {
        return Err(Rejection::LinkEnded);
    }
    Outcome::on(row.account, vec![Effect::LinkRevoked { link: body.link }])
}
