//! What a resident lets others do, and whom it can be granted to.

use ledger_spec::ids::{AccountId, Kid, LinkId};
use ledger_spec::kinds::{Purpose, Role};
use ledger_spec::rows::Signer;
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError};

/// The most partners that one answer names.
const PARTNERS_MAX: usize = 500;

/// A link of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantedLink {
    /// Its number, hexadecimal: all that the partner knows the resident by.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub link: LinkId,
    /// What the partner may do.
    #[schema(value_type = String, example = "steps")]
    pub purpose: Purpose,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
    /// The public name of the partner's key.
    pub partner: String,
    /// Whether the partner can use it today.
    pub in_force: bool,
}

/// A key that links can be granted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Partner {
    /// The key.
    #[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
    pub kid: Kid,
    /// Its public name.
    pub name: String,
    /// What a resident can let it do.
    #[schema(value_type = Vec<String>)]
    pub purposes: &'static [Purpose],
}

/// The account's links: those in force first, then by their last day, the latest first.
///
/// # Errors
/// [`EngineError`]
pub fn links(
    engine: &Engine,
    account: AccountId,
    today: Day,
) -> Result<Vec<GrantedLink>, EngineError> {
    let state = engine.state()?;
    let own = state.links.iter().filter(|(_, row)| row.account == account);
    let mut found: Vec<GrantedLink> = own
        .map(|(link, row)| {
            let key = state.keys.get(&row.partner);
            let partner = match key.map(|key| &key.signer) {
                Some(Signer::Actor(actor)) => actor.name.as_str().to_owned(),
                Some(Signer::Device(_)) | None => row.partner.to_string(),
            };
            let stands = key.is_some_and(|key| key.revoked.is_none());
            let in_force = row.revoked.is_none() && today <= row.until && stands;
            GrantedLink { link: *link, purpose: row.purpose, until: row.until, partner, in_force }
        })
        .collect();
    found.sort_by_key(|link| std::cmp::Reverse((link.in_force, link.until, link.link)));
    Ok(found)
}

/// The partners and coaches whose keys are in force, by name.
///
/// # Errors
/// [`EngineError`]
pub fn partners(engine: &Engine) -> Result<Vec<Partner>, EngineError> {
    let state = engine.state()?;
    let standing = state.keys.iter().filter(|(_, key)| key.revoked.is_none());
    let mut found: Vec<Partner> = standing
        .filter_map(|(kid, key)| {
            let Signer::Actor(actor) = &key.signer else { return None };
            let purposes: &[Purpose] = match actor.role {
                Role::Partner => {
                    &[Purpose::Steps, Purpose::Sessions, Purpose::Employer, Purpose::Reminders]
                }
                Role::Coach => &[Purpose::Sessions],
                Role::Root
                | Role::Staff
                | Role::Registry
                | Role::Station
                | Role::Shop
                | Role::Kiosk
                | Role::Pin
                | Role::System
                | Role::Auditor => return None,
            };
            Some(Partner { kid: *kid, name: actor.name.as_str().to_owned(), purposes })
        })
        .collect();
    found.sort_by(|a, b| (&a.name, a.kid).cmp(&(&b.name, b.kid)));
    found.truncate(PARTNERS_MAX);
    Ok(found)
}
