//! The phones of an account.

use ledger_spec::ids::{AccountId, Kid};
use ledger_spec::state::Signer;
use ledger_spec::time::Day;

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError};

/// A phone that was enrolled for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Phone {
    /// Its key.
    #[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
    pub kid: Kid,
    /// The day of its enrolment.
    #[schema(value_type = String, format = Date)]
    pub since: Day,
    /// Whether it has ended.
    pub revoked: bool,
    /// Whether staff have stopped it.
    pub suspended: bool,
}

/// Every phone that an account ever had, the latest first. Reads all keys of the ledger: for one
/// page, not for each call.
///
/// # Errors
/// [`EngineError`]
pub fn phones(engine: &Engine, account: AccountId) -> Result<Vec<Phone>, EngineError> {
    let state = engine.state()?;
    let mut found: Vec<_> = state
        .keys
        .iter()
        .filter_map(|(kid, key)| match &key.signer {
            Signer::Device(device) if device.account == account => {
                let (revoked, suspended) = (key.revoked.is_some(), key.suspended.is_some());
                let phone = Phone { kid: *kid, since: device.since, revoked, suspended };
                Some((key.registered, phone))
            }
            Signer::Device(_) | Signer::Actor(_) => None,
        })
        .collect();
    found.sort_by_key(|(registered, _)| std::cmp::Reverse(*registered));
    Ok(found.into_iter().map(|(_, phone)| phone).collect())
}
