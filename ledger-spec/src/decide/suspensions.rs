//! Suspending: one person's word by telephone stops a card, a phone or a terminal at once, and two
//! let it act again.

use alloc::vec;

use super::case::{Case, Outcome};
use super::rejection::Rejection;
use crate::entry::Effect;
use crate::ids::{AccountId, CardHash, Kid};
use crate::kinds::{self, Role};
use crate::state::{Card, Key, Signer};

/// What can be suspended.
enum Stoppable<'a> {
    Card(&'a Card),
    Key(&'a Key),
}

impl<'a> Stoppable<'a> {
    fn of(card: Option<&CardHash>, kid: Option<&Kid>, case: &Case<'a>) -> Result<Self, Rejection> {
        match (card, kid) {
            (Some(card), None) => {
                case.state.cards(card).map(Self::Card).ok_or(Rejection::CardUnknown)
            }
            (None, Some(kid)) => case.state.keys(kid).map(Self::Key).ok_or(Rejection::KeyUnknown),
            (None, None) | (Some(_), Some(_)) => Err(Rejection::NotSuspendable),
        }
    }

    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Card(card) => Some(card.account),
            Self::Key(key) => match &key.signer {
                Signer::Device(device) => Some(device.account),
                Signer::Actor(_) => None,
            },
        }
    }

    /// Whether it can sign or be shown. Whoever acts for the city as a person has a key that is
    /// revoked, and the server's own ends with two persons.
    fn acts(&self) -> bool {
        match self {
            Self::Card(card) => !card.revoked && card.suspended.is_none(),
            Self::Key(key) => key.in_force() && is_terminal(&key.signer),
        }
    }

    fn is_suspended(&self) -> bool {
        match self {
            Self::Card(card) => !card.revoked && card.suspended.is_some(),
            Self::Key(key) => key.revoked.is_none() && key.suspended.is_some(),
        }
    }
}

fn is_terminal(signer: &Signer) -> bool {
    let role = match signer {
        Signer::Device(_) => return true,
        Signer::Actor(actor) => actor.role,
    };
    match role {
        Role::Shop | Role::Station | Role::Kiosk | Role::Coach | Role::Partner => true,
        Role::Root | Role::Staff | Role::Registry | Role::Pin | Role::System | Role::Auditor => {
            false
        }
    }
}

pub(super) fn suspend(body: &kinds::Suspend, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let kinds::Suspend { card, kid } = *body;
    let asked = Stoppable::of(card.as_ref(), kid.as_ref(), case)?;
    if !asked.acts() {
        return Err(Rejection::NotSuspendable);
    }
    let effects = vec![Effect::Suspended { card, kid }];
    Ok(Outcome { account: asked.account(), effects })
}

pub(super) fn resume(body: &kinds::Resume, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let kinds::Resume { card, kid } = *body;
    let asked = Stoppable::of(card.as_ref(), kid.as_ref(), case)?;
    if !asked.is_suspended() {
        return Err(Rejection::NotSuspended);
    }
    let effects = vec![Effect::Resumed { card, kid }];
    Ok(Outcome { account: asked.account(), effects })
}
