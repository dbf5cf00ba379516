//! Keys: who may bring one, and who ends one.

use ed25519_dalek::VerifyingKey;

use super::Rejection;
use super::case::{Context, Outcome, actor};
use super::proposals::{enact, propose};
use crate::ids::{Kid, Seq};
use crate::kinds::{self, Body, Role};
use crate::state::{Overlay, Signer};

/// The first two entries: two root keys of two persons, each signed by itself.
pub(super) fn register_first_roots(
    body: &kinds::KeyRegister,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if state.next_seq() > Seq(1) || body.role != Role::Root {
        return Err(Rejection::KeyUnknown);
    }
    let same_person = state.keys_of_person(body.person);
    if same_person {
        return Err(Rejection::SamePerson);
    }
    enact(&Body::KeyRegister(body.clone()), Role::Root, state, context)
}

/// One person ends a key at once, because a lost key cannot wait; a root key only with a second
/// person, because whoever ends the roots ends the ledger's rules. One of the two may be staff,
/// because of two roots one that is lost cannot agree; the other is a root, because staff alone
/// must not end them.
pub(super) fn revoke_key(
    body: &kinds::KeyRevoke,
    signer: Option<&Signer>,
    state: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let revoke = Body::KeyRevoke(body.clone());
    match state.keys(&body.kid).map(|key| &key.signer) {
        Some(Signer::Actor(target)) if target.role == Role::Root => {
            propose(&revoke, signer, state, context)
        }
        Some(Signer::Actor(_) | Signer::Device(_)) | None => {
            enact(&revoke, actor(signer)?.role, state, context)
        }
    }
}

/// A key id is never used twice, and a key of small order would verify anything.
pub(super) fn check_fresh_key(public_key: &[u8; 32], state: &Overlay<'_>) -> Result<(), Rejection> {
    if state.keys(&Kid::of(public_key)).is_some() {
        return Err(Rejection::KeyExists);
    }
    match VerifyingKey::from_bytes(public_key) {
        Ok(key) if !key.is_weak() => Ok(()),
        _ => Err(Rejection::KeyWeak),
    }
}

pub(super) fn is_root(state: &Overlay<'_>, kid: &Kid) -> bool {
    let signer = state.keys(kid).map(|key| &key.signer);
    matches!(signer, Some(Signer::Actor(actor)) if actor.role == Role::Root)
}
