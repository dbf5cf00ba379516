//! Keys: who may bring one, and who ends one.

use alloc::vec;

use ed25519_dalek::VerifyingKey;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::ids::{Kid, Seq};
use crate::kinds::{self, Role};
use crate::state::{Overlay, Signer};

/// The first two entries: two root keys of two persons, each signed by itself.
pub(super) fn register_first_roots(
    body: &kinds::KeyRegister,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    if case.state.next_seq() > Seq(1) || body.role != Role::Root {
        return Err(Rejection::KeyUnknown);
    }
    if case.state.keys_of_person(body.person) {
        return Err(Rejection::SamePerson);
    }
    register(body, Role::Root, case)
}

/// What a key's registration by such a role does.
pub(super) fn register(
    body: &kinds::KeyRegister,
    by: Role,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    // Roots are made by roots alone: two persons of the staff must not raise themselves above it.
    if body.role == Role::Root && by != Role::Root {
        return Err(Rejection::RoleNotPermitted);
    }
    check_fresh_key(&body.public_key, case.state)?;
    let has_place = match body.role {
        Role::Shop | Role::Station => true,
        Role::Root
        | Role::Staff
        | Role::Registry
        | Role::Coach
        | Role::Kiosk
        | Role::Partner
        | Role::Pin
        | Role::System
        | Role::Auditor => false,
    };
    let kept = body.place.and_then(|place| case.state.places(&place));
    if body.place.is_some() != has_place || kept.is_some_and(|p| p.role != body.role) {
        return Err(Rejection::PlaceMismatch);
    }
    let kinds::KeyRegister { public_key, role, person, place, name } = body.clone();
    let registered = Effect::KeyRegistered { public_key, role, person, place, name };
    Outcome::without_account(vec![registered])
}

/// One person ends a key at once, because a lost key cannot wait. Keys on which all others depend
/// end only with a second person: a root's, because whoever ends the roots ends the ledger's rules;
/// the server's own, because without them no day, hold or manifest is closed and no PIN counts. Of
/// the two who end a root one may be staff, because of two roots one that is lost cannot agree; the
/// other is a root, because staff alone must not end them.
pub(super) fn revoke(body: &kinds::KeyRevoke, case: &Case<'_>) -> Result<Outcome, Rejection> {
    case.actor()?;
    let Outcome { account, effects } = end(body, case)?;
    let by_two = match role_of(case.state, &body.kid) {
        Some(Role::Root | Role::System | Role::Pin) => true,
        Some(
            Role::Staff
            | Role::Registry
            | Role::Station
            | Role::Coach
            | Role::Shop
            | Role::Kiosk
            | Role::Partner
            | Role::Auditor,
        )
        | None => false,
    };
    let effects = if by_two { vec![case.proposed()] } else { effects };
    Ok(Outcome { account, effects })
}

/// What a key's revocation does once everyone who must agrees.
pub(super) fn end(body: &kinds::KeyRevoke, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let key = case.state.keys(&body.kid).ok_or(Rejection::KeyUnknown)?;
    if key.revoked.is_some() {
        return Err(Rejection::KeyRevoked);
    }
    let account = match &key.signer {
        Signer::Actor(_) => None,
        Signer::Device(device) => Some(device.account),
    };
    Ok(Outcome { account, effects: vec![Effect::KeyRevoked { kid: body.kid }] })
}

/// A key id is never used twice; a key of small order would verify anything, and one key written
/// in two ways would have two ids.
pub(super) fn check_fresh_key(public_key: &[u8; 32], state: &Overlay<'_>) -> Result<(), Rejection> {
    if state.keys(&Kid::of(public_key)).is_some() {
        return Err(Rejection::KeyExists);
    }
    match VerifyingKey::from_bytes(public_key) {
        Ok(key) if !key.is_weak() && is_canonical(public_key) => Ok(()),
        _ => Err(Rejection::KeyWeak),
    }
}

/// Whether the y-coordinate is below the field's prime, 2^255 - 19 (RFC 8032 section 5.1.3).
fn is_canonical(public_key: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = public_key;
    let above = *lowest >= 0xed && middle.iter().all(|byte| *byte == 0xff);
    !(above && highest & 0x7f == 0x7f)
}

pub(super) fn is_root(state: &Overlay<'_>, kid: &Kid) -> bool {
    role_of(state, kid) == Some(Role::Root)
}

/// The role of a key; a phone has none.
fn role_of(state: &Overlay<'_>, kid: &Kid) -> Option<Role> {
    match state.keys(kid).map(|key| &key.signer) {
        Some(Signer::Actor(actor)) => Some(actor.role),
        Some(Signer::Device(_)) | None => None,
    }
}
