//! Persons behind accounts: their names, sealed under the account's data key, and the city's own
//! numbers, as keyed hashes.
//!
//! A number finds its account when the city sends a file; nobody finds a number from here. A name
//! finds nothing.

use ledger_spec::ids::{AccountId, Hash};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::RegistryError;
use super::store::Registry;
use super::vault;

const PERSON_TAG: &[u8] = b"kenmai/v1/person";

const PUT_PERSON: &str = "INSERT INTO persons (account, sealed) VALUES (?1, ?2)
    ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed";

impl Registry {
    /// Stores the persons behind accounts, which must have data keys: one transaction, durable on
    /// return.
    ///
    /// # Errors
    /// As [`seal`](Self::seal); then no person was stored.
    pub fn put_persons(
        &self,
        persons: &[(AccountId, impl AsRef<str>)],
    ) -> Result<(), RegistryError> {
        let sealed = persons.iter().map(|(account, name)| {
            let aad = vault::aad_of(PERSON_TAG, *account);
            Ok((account, self.seal(*account, &aad, name.as_ref().as_bytes())?))
        });
        let rows = sealed.collect::<Result<Vec<_>, RegistryError>>()?;
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        for (account, sealed) in rows {
            // Asked again under the lock: an erasure in between must not be followed by a row.
            self.stored_key(&transaction, *account)?;
            let stored = transaction.execute(PUT_PERSON, params![account.0, sealed]);
            stored.map_err(self.database_error())?;
        }
        transaction.commit().map_err(self.database_error())
    }

    /// The name of the person behind an account, if one is stored.
    ///
    /// # Errors
    /// As [`unseal`](Self::unseal).
    pub fn person(&self, account: AccountId) -> Result<Option<String>, RegistryError> {
        let sealed: Option<Vec<u8>> = self
            .database()
            .query_row("SELECT sealed FROM persons WHERE account = ?1", [account.0], |row| {
                row.get(0)
            })
            .optional()
            .map_err(self.database_error())?;
        let Some(sealed) = sealed else { return Ok(None) };
        let damaged = RegistryError::Damaged { what: "the person", account };
        let key = self.data_key(account)?;
        let aad = vault::aad_of(PERSON_TAG, account);
        let name = vault::unseal(&vault::cipher(&key), &aad, &sealed);
        match name.and_then(|name| String::from_utf8(name).ok()) {
            Some(name) => Ok(Some(name)),
            None => Err(damaged),
        }
    }

    /// Notes the city's own number of each person, for accounts that have data keys: one
    /// transaction, durable on return. A number or an account that is noted already stays as it is.
    ///
    /// # Errors
    /// [`RegistryError::NoKey`], [`RegistryError::Erased`] or [`RegistryError::Database`]; then
    /// none was noted.
    pub fn put_numbers(&self, numbers: &[(AccountId, String)]) -> Result<(), RegistryError> {
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        for (account, number) in numbers {
            self.stored_key(&transaction, *account)?;
            let noted = transaction.execute(
                "INSERT OR IGNORE INTO city_numbers (account, keyed) VALUES (?1, ?2)",
                params![account.0, self.keyed(number)],
            );
            noted.map_err(self.database_error())?;
        }
        transaction.commit().map_err(self.database_error())
    }

    /// The account of the person with this number of the city.
    ///
    /// # Errors
    /// [`RegistryError::Database`]
    pub fn account_of_number(&self, number: &str) -> Result<Option<AccountId>, RegistryError> {
        let found = self.database().query_row(
            "SELECT account FROM city_numbers WHERE keyed = ?1",
            [self.keyed(number)],
            |row| row.get::<_, [u8; 16]>(0),
        );
        Ok(found.optional().map_err(self.database_error())?.map(AccountId))
    }

    fn keyed(&self, number: &str) -> Hash {
        let inner = Sha256::new().chain_update(self.number_key).chain_update(number).finalize();
        Sha256::new().chain_update(self.number_key).chain_update(inner).finalize().into()
    }
}
