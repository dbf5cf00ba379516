//! What a resident lets others do, and whom it can be granted to.

use data_encoding::BASE32_NOPAD;
use ledger_spec::decide::judge_link;
use ledger_spec::ids::{AccountId, Kid, LinkId};
use ledger_spec::kinds::{Purpose, Role};
use ledger_spec::state::{Overlay, Signer};
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError, Refusal};

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
    /// The public name of the partner's key; of a family's phone the id of its key.
    pub partner: String,
    /// Whether the partner can use it today.
    pub in_force: bool,
}

/// Somebody's account that a phone of the family may read, and claim rewards for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FamilyLink {
    /// The link's number, hexadecimal: all that is told of the person.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub link: LinkId,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
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

/// The links in force by which this phone helps others, by number.
///
/// # Errors
/// [`EngineError`]
pub fn family(engine: &Engine, phone: Kid, today: Day) -> Result<Vec<FamilyLink>, EngineError> {
    let state = engine.state()?;
    let helps = state.links.iter().filter(|(_, row)| {
        let proxy = row.purpose == Purpose::Proxy && row.partner == phone;
        proxy && row.revoked.is_none() && today <= row.until
    });
    let mut found: Vec<_> =
        helps.map(|(link, row)| FamilyLink { link: *link, until: row.until }).collect();
    found.sort_by_key(|found| found.link);
    Ok(found)
}

/// The account that this phone helps by a link, as the rules judge it.
///
/// # Errors
/// [`Refusal`]
pub fn delegated_account(
    engine: &Engine,
    phone: Kid,
    link: LinkId,
    today: Day,
) -> Result<AccountId, Refusal> {
    let state = engine.state().map_err(|_| Refusal::Stopped)?;
    Ok(judge_link(&link, phone, today, &Overlay::over(&state))?.account)
}

/// The short text by which a phone is told to others: the id of its key in base32, in groups.
#[must_use]
pub fn family_code(phone: Kid) -> String {
    let code = BASE32_NOPAD.encode(&phone.0);
    [code.get(..4), code.get(4..8), code.get(8..)].map(Option::unwrap_or_default).join("-")
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
                Role::System => &[Purpose::AutoExchange],
                Role::Root
                | Role::Staff
                | Role::Registry
                | Role::Station
                | Role::Shop
                | Role::Kiosk
                | Role::Pin
                | Role::Auditor => return None,
            };
            Some(Partner { kid: *kid, name: actor.name.as_str().to_owned(), purposes })
        })
        .collect();
    found.sort_by(|a, b| (&a.name, a.kid).cmp(&(&b.name, b.kid)));
    found.truncate(PARTNERS_MAX);
    Ok(found)
}
