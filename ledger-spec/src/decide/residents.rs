//! Residents: account, facts, card, phone.

use alloc::vec;

use super::case::{Case, Outcome};
use super::consent::{at_desk, who_agrees};
use super::holder::names_nobody;
use super::keys::check_fresh_key;
use super::limits::LINK_DAYS_MAX;
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::kinds::{self, Purpose, Role};
use crate::state::Signer;
use crate::statement;

pub(super) fn open_account(
    body: &kinds::AccountOpen,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    if case.state.accounts(&body.account).is_some() {
        return Err(Rejection::AccountExists);
    }
    Outcome::on(body.account, vec![Effect::AccountOpened {}])
}

pub(super) fn set_facts(body: &kinds::AccountFacts, case: &Case<'_>) -> Result<Outcome, Rejection> {
    case.account(body.account)?;
    let kinds::AccountFacts { account, age_tier, age_on, insurance, eligible_from, district } =
        *body;
    let facts = Effect::FactsSet { age_tier, age_on, insurance, eligible_from, district };
    Outcome::on(account, vec![facts])
}

pub(super) fn issue_card(body: &kinds::CardIssue, case: &Case<'_>) -> Result<Outcome, Rejection> {
    case.account(body.account)?;
    let taken = body.card.is_some_and(|card| case.state.cards(&card).is_some())
        || body.code.is_some_and(|code| case.state.codes(&code).is_some());
    let nothing = body.card.is_none() && body.code.is_none();
    if nothing || body.code.is_some() != body.code_until_min.is_some() {
        return Err(Rejection::NothingIssued);
    }
    if taken {
        return Err(Rejection::CardExists);
    }
    let until_min = body.code_until_min.unwrap_or(0);
    if body.code.is_some() && until_min <= case.now_min() {
        return Err(Rejection::CodeExpired);
    }
    let (card, code) = (body.card, body.code);
    Outcome::on(body.account, vec![Effect::CardIssued { card, code, until_min }])
}

pub(super) fn revoke_card(body: &kinds::CardRevoke, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let Some(card) = case.state.cards(&body.card) else {
        return Err(Rejection::CardUnknown);
    };
    if card.revoked {
        return Err(Rejection::CardRevoked);
    }
    Outcome::on(card.account, vec![Effect::CardRevoked { card: body.card }])
}

pub(super) fn enrol_device(
    body: &kinds::DeviceEnrol,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let disclosure = case.disclosure()?;
    let since = case.today();
    let enrolled = Effect::DeviceEnrolled { public_key: body.public_key, since };
    match (case.signer, disclosure.code) {
        (Some(Signer::Device(device)), None) if names_nobody(disclosure) => {
            check_fresh_key(&body.public_key, case.state)?;
            Outcome::on(device.account, vec![enrolled])
        }
        (None, Some(code)) if names_nobody(disclosure) => {
            check_fresh_key(&body.public_key, case.state)?;
            let code = statement::code_hash(&code);
            let Some(row) = case.state.codes(&code) else {
                return Err(Rejection::CodeUnknown);
            };
            if row.used {
                return Err(Rejection::CodeUsed);
            }
            if case.now_min() >= row.until_min {
                return Err(Rejection::CodeExpired);
            }
            Outcome::on(row.account, vec![enrolled, Effect::CodeUsed { code }])
        }
        (Some(Signer::Actor(_)), None) => {
            check_fresh_key(&body.public_key, case.state)?;
            let (account, proof) = at_desk(case)?;
            Outcome::on(account, vec![enrolled, proof])
        }
        (Some(Signer::Device(_)) | None, _) | (Some(Signer::Actor(_)), Some(_)) => {
            Err(Rejection::HolderNotAccepted)
        }
    }
}

/// Ends a phone: by a phone of the account, by one of the family under its link, or at a desk.
pub(super) fn revoke_device(
    body: &kinds::DeviceRevoke,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let (account, proof) = who_agrees(case)?;
    let key = case.state.keys(&body.kid).ok_or(Rejection::KeyUnknown)?;
    let own = match &key.signer {
        Signer::Device(device) => device.account == account,
        Signer::Actor(_) => false,
    };
    if !own {
        return Err(Rejection::KeyUnknown);
    }
    if key.revoked.is_some() {
        return Err(Rejection::KeyRevoked);
    }
    let revoked = Effect::KeyRevoked { kid: body.kid };
    Outcome::on(account, core::iter::once(revoked).chain(proof).collect())
}

/// A resident lets a partner or the phone of another resident do one thing until a day, on the own
/// phone or at a desk.
pub(super) fn grant_link(body: &kinds::LinkGrant, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let disclosure = case.disclosure()?;
    let (account, proof) = match case.signer {
        Some(Signer::Device(device)) if names_nobody(disclosure) => (device.account, None),
        Some(Signer::Actor(_)) => {
            let (account, proof) = at_desk(case)?;
            (account, Some(proof))
        }
        Some(Signer::Device(_)) | None => return Err(Rejection::HolderNotAccepted),
    };
    if case.state.links(&body.link).is_some() {
        return Err(Rejection::LinkExists);
    }
    let key = case.state.keys(&body.partner).ok_or(Rejection::KeyUnknown)?;
    if key.revoked.is_some() {
        return Err(Rejection::KeyRevoked);
    }
    if key.suspended.is_some() {
        return Err(Rejection::KeySuspended);
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
    let today = case.today();
    if !(today..=today.plus(LINK_DAYS_MAX)).contains(&body.until) {
        return Err(Rejection::LinkTerm);
    }
    let kinds::LinkGrant { link, purpose, until, partner } = *body;
    let granted = Effect::LinkGranted { link, purpose, until, partner };
    Outcome::on(account, core::iter::once(granted).chain(proof).collect())
}

/// Ends a link, by a phone of the account or at a desk.
pub(super) fn revoke_link(body: &kinds::LinkRevoke, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let row = case.state.links(&body.link).ok_or(Rejection::LinkUnknown)?;
    let foreign = match case.signer {
        Some(Signer::Device(device)) => device.account != row.account,
        Some(Signer::Actor(_)) | None => false,
    };
    if foreign {
        return Err(Rejection::LinkUnknown);
    }
    if row.revoked.is_some() {
        return Err(Rejection::LinkEnded);
    }
    Outcome::on(row.account, vec![Effect::LinkRevoked { link: body.link }])
}
