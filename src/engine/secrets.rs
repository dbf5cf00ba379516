//! Start: the secrets and the registry are this ledger's, or the ledger is not opened.
//!
//! A wrong secret would be noticed by nobody for long: with another pepper an act counts twice,
//! with another seed the heads are signed by a key that nobody trusts.

use ledger_spec::ids::Kid;
use ledger_spec::kinds::Role;
use ledger_spec::state::{Key, Signer, State};

use super::error::EngineError;
use super::shared::EngineConfig;
use crate::keys::{KeyError, LedgerKeys, ServerKey};
use crate::registry::{KeysFound, Registry, RegistryError};

/// The registry's file in the data folder.
pub const REGISTRY_FILE: &str = "registry.sqlite";

/// The registry, where there is one, made with these secrets.
pub(super) fn open_registry(
    config: &EngineConfig,
    keys: &LedgerKeys,
) -> Result<Option<Registry>, EngineError> {
    match Registry::open(&config.data_folder.join(REGISTRY_FILE), &keys.kek) {
        Ok(registry) => {
            registry.check_secrets(keys)?;
            Ok(Some(registry))
        }
        Err(RegistryError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Compares secrets and registry with the log. A registry is made for an empty log alone: beside a
/// log that has entries, one that is missing is lost.
pub(super) fn check(
    registry: Option<Registry>,
    config: &EngineConfig,
    keys: &LedgerKeys,
    state: &State,
) -> Result<Registry, EngineError> {
    let path = config.data_folder.join(REGISTRY_FILE);
    let registry = match registry {
        Some(registry) => registry,
        None if state.size == 0 => Registry::create(&path, &keys.kek, &keys.checks())?,
        None => return Err(RegistryError::Missing { path }.into()),
    };
    // A crash after the entry, or a registry from a backup that is older than it.
    let ended = state.accounts.iter().filter_map(|(account, row)| Some((account, row.closing?)));
    let erased = ended.filter(|(_, closing)| closing.erased).map(|(account, _)| *account);
    registry.finish_erasures(erased)?;
    let found = registry.compare(state.accounts.keys().copied())?;
    if found != KeysFound::default() {
        let KeysFound { missing, damaged } = found;
        tracing::error!(
            origin = config.origin,
            missing,
            damaged,
            "accounts have no data key that opens: their statements are refused as `account-unreadable` until the registry \
             is restored; `kenmai audit --keys` names the first of their entries"
        );
    }
    for kind in ServerKey::ALL {
        check_server_key(kind, config, keys, state)?;
    }
    Ok(registry)
}

/// The server's own signing key is one that the log has registered, unless it was made on purpose
/// to replace it: else nobody could register it, because that takes a server.
fn check_server_key(
    kind: ServerKey,
    config: &EngineConfig,
    keys: &LedgerKeys,
    state: &State,
) -> Result<(), EngineError> {
    let role = match kind {
        ServerKey::System => Role::System,
        ServerKey::Pin => Role::Pin,
    };
    let is_of_role = |key: &Key| match &key.signer {
        Signer::Actor(actor) => actor.role == role,
        Signer::Device(_) => false,
    };
    if !state.keys.values().any(is_of_role) {
        // A ledger that is being founded.
        return Ok(());
    }
    let path = keys.path(kind.secret());
    let kid = Kid::of(keys.server_key(kind).verifying_key().as_bytes());
    match state.keys.get(&kid).filter(|key| is_of_role(key)) {
        Some(key) if key.revoked.is_none() => {}
        Some(_) => tracing::warn!(
            origin = config.origin,
            path = %path.display(),
            "the key in this file is revoked; run `kenmai keys replace` and register the key that it makes"
        ),
        None if keys.is_pending(kind) => tracing::warn!(
            origin = config.origin,
            path = %path.display(),
            "the key in this file waits for its entry: register it with two root keys"
        ),
        None => {
            let origin = config.origin.clone();
            return Err(KeyError::NotRegistered { path, origin }.into());
        }
    }
    Ok(())
}
