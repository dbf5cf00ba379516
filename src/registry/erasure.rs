//! Erasures that the log holds and this file does not.

use ledger_spec::ids::AccountId;
use rusqlite::params;

use super::error::RegistryError;
use super::store::Registry;
use super::vault::ERASED;

impl Registry {
    /// Erases those of these accounts, which the log has erased, that are not erased here.
    ///
    /// # Errors
    /// As [`Registry::erase`].
    pub fn finish_erasures(
        &self,
        accounts: impl Iterator<Item = AccountId>,
    ) -> Result<(), RegistryError> {
        let mut left = Vec::new();
        for account in accounts {
            let stored = "SELECT 1 FROM data_keys WHERE account = ?1 AND wrapped = ?2";
            let done = self
                .database()
                .prepare(stored)
                .and_then(|mut rows| rows.exists(params![account.0, ERASED]))
                .map_err(self.database_error())?;
            if !done {
                left.push(account);
            }
        }
        if left.is_empty() { Ok(()) } else { self.erase(&left) }
    }
}
