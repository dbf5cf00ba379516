//! The file itself: opened, keys made, used and destroyed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::Aes256Gcm;
use ledger_spec::ids::{AccountId, Hash};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::RegistryError;
use super::file::{check_private, configure, create_private};
use super::schema::{SCHEMA_VERSION, create_schema};
use super::vault::{self, DataKey, ERASED, KeyCache, NONCE_BYTES};
use crate::keys::{KeyError, LedgerKeys, SECRET_BYTES, SecretCheck};

/// Unwrapped keys held in memory; about 10 MB when full, a large city's daily users.
const MAX_CACHED_KEYS: usize = 100_000;

const KEY_CHECK_AAD: &[u8] = b"kenmai/v1/kek-check";

/// An account's data key, held to seal with: what happens to the registry meanwhile cannot stop a
/// batch.
pub struct SealingKey(DataKey);

impl SealingKey {
    /// Seals bytes under a nonce that the caller has drawn, at random and for this one seal.
    ///
    /// # Errors
    /// [`RegistryError::TooLong`]
    pub fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, RegistryError> {
        vault::seal(&vault::cipher(&self.0), aad, plaintext, nonce)
    }
}

/// What stands in the registry for the accounts of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysFound {
    /// Accounts without a row.
    pub missing: u64,
    /// Accounts whose wrapped key does not open.
    pub damaged: u64,
}

/// The registry of one ledger; shared by all threads.
pub struct Registry {
    pub(super) path: PathBuf,
    pub(super) kek: Aes256Gcm,
    /// Keys the hashes of the city's numbers.
    pub(super) number_key: Hash,
    pub(super) database: Mutex<Connection>,
    pub(super) cache: Mutex<KeyCache>,
}

impl Registry {
    /// Makes the registry (mode 0600) of a ledger that has no entry yet, bound to its secrets.
    ///
    /// # Errors
    /// As [`open`](Self::open), where there is one already.
    pub fn create(
        path: &Path,
        kek: &[u8; SECRET_BYTES],
        checks: &[SecretCheck],
    ) -> Result<Self, RegistryError> {
        create_private(path)?;
        let database_error = |source| RegistryError::Database { path: path.to_owned(), source };
        let mut connection = connect(path)?;
        let transaction = connection.transaction().map_err(database_error)?;
        if schema_version(&transaction).map_err(database_error)? == 0 {
            let mut nonce = [0; NONCE_BYTES];
            getrandom::fill(&mut nonce)?;
            let check = vault::seal(&vault::cipher(kek), KEY_CHECK_AAD, &[], nonce)?;
            create_schema(&transaction, &check, checks).map_err(database_error)?;
        }
        transaction.commit().map_err(database_error)?;
        drop(connection);
        Self::open(path, kek)
    }

    /// Opens the registry. It is never made here: one that is missing took all its keys along.
    ///
    /// # Errors
    /// [`RegistryError::Missing`] if the file is absent or empty, [`RegistryError::WrongKey`] if it
    /// belongs to another key-encryption key, [`RegistryError::Schema`] if to another version,
    /// [`RegistryError::File`] if others may read it.
    pub fn open(path: &Path, kek: &[u8; SECRET_BYTES]) -> Result<Self, RegistryError> {
        check_private(path)?;
        let connection = connect(path)?;
        let found = schema_version(&connection)
            .map_err(|source| RegistryError::Database { path: path.to_owned(), source })?;
        match found {
            SCHEMA_VERSION => {
                Self::checked(path, vault::cipher(kek), vault::number_key(kek), connection)
            }
            0 => Err(RegistryError::Missing { path: path.to_owned() }),
            _ => Err(RegistryError::Schema { path: path.to_owned(), found }),
        }
    }

    /// Refuses secrets that are not those which the registry was made with.
    ///
    /// # Errors
    /// [`RegistryError::WrongSecret`] names the file.
    pub fn check_secrets(&self, keys: &LedgerKeys) -> Result<(), RegistryError> {
        let database = self.database();
        let mut stored = database
            .prepare("SELECT hash FROM secret_checks WHERE file = ?1")
            .map_err(self.database_error())?;
        for check in keys.checks() {
            let hash: Option<Vec<u8>> = stored
                .query_row([check.kind.file()], |row| row.get(0))
                .optional()
                .map_err(self.database_error())?;
            if hash.as_deref() != Some(&check.hash) {
                let belongs_to = format!("the registry {}", self.path.display());
                let path = keys.path(check.kind);
                return Err(RegistryError::WrongSecret(KeyError::WrongSecret { path, belongs_to }));
            }
        }
        Ok(())
    }

    /// The registry over this connection, if it was made under this key-encryption key.
    pub(super) fn checked(
        path: &Path,
        kek: Aes256Gcm,
        number_key: Hash,
        connection: Connection,
    ) -> Result<Self, RegistryError> {
        let check: Vec<u8> = connection
            .query_row("SELECT sealed FROM key_check", [], |row| row.get(0))
            .map_err(|source| RegistryError::Database { path: path.to_owned(), source })?;
        vault::unseal(&kek, KEY_CHECK_AAD, &check)
            .ok_or_else(|| RegistryError::WrongKey { path: path.to_owned() })?;
        let database = Mutex::new(connection);
        let cache = Mutex::new(KeyCache::new(MAX_CACHED_KEYS));
        Ok(Self { path: path.to_owned(), kek, number_key, database, cache })
    }

    /// Looks for the data key of each account that a log has opened.
    ///
    /// Rows that were made and are gone are damage, and concern their accounts alone. Accounts
    /// beyond those were opened after this file was written: the registry is another one.
    ///
    /// # Errors
    /// [`RegistryError::Older`], or [`RegistryError::Database`].
    pub fn compare(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<KeysFound, RegistryError> {
        let database = self.database();
        let made: i64 = database
            .query_row("SELECT count FROM data_keys_made", [], |row| row.get(0))
            .map_err(self.database_error())?;
        let stored: HashMap<[u8; 16], Vec<u8>> = database
            .prepare("SELECT account, wrapped FROM data_keys")
            .and_then(|mut rows| {
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(self.database_error())?;
        drop(database);
        let mut found = KeysFound::default();
        for account in accounts {
            match stored.get(&account.0) {
                None => found.missing += 1,
                Some(wrapped) if *wrapped == ERASED => {}
                Some(wrapped) => {
                    let opens = vault::unwrap(&self.kek, account, wrapped).is_some();
                    found.damaged += u64::from(!opens);
                }
            }
        }
        let made = u64::try_from(made).unwrap_or_default();
        let gone = made.saturating_sub(stored.len() as u64);
        if found.missing > gone {
            let accounts = found.missing - gone;
            return Err(RegistryError::Older { path: self.path.clone(), accounts });
        }
        Ok(found)
    }

    /// Gives every account a data key that has none: one transaction, durable on return. An erased
    /// account stays without one.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::Randomness`]; then no account got a key.
    pub fn ensure_data_keys(&self, accounts: &[AccountId]) -> Result<(), RegistryError> {
        let mut made: Vec<(AccountId, DataKey)> = Vec::new();
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        {
            let mut exists = transaction
                .prepare("SELECT 1 FROM data_keys WHERE account = ?1")
                .map_err(self.database_error())?;
            let mut insert = transaction
                .prepare("INSERT INTO data_keys (account, wrapped) VALUES (?1, ?2)")
                .map_err(self.database_error())?;
            for &account in accounts {
                if exists.exists([account.0]).map_err(self.database_error())? {
                    continue;
                }
                let key = vault::random_data_key()?;
                let wrapped = vault::wrap(&self.kek, account, &key)?;
                insert.execute(params![account.0, wrapped]).map_err(self.database_error())?;
                made.push((account, key));
            }
        }
        transaction.commit().map_err(self.database_error())?;
        let mut cache = self.cache();
        for (account, key) in made {
            cache.insert(account, key);
        }
        Ok(())
    }

    /// Seals bytes with the account's data key: random nonce (12) ‖ AES-256-GCM ciphertext ‖ tag
    /// (16).
    ///
    /// # Errors
    /// [`RegistryError::NoKey`], [`RegistryError::Erased`], or what reading the key meets.
    pub fn seal(
        &self,
        account: AccountId,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, RegistryError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        self.sealing_key(account)?.seal(aad, plaintext, nonce)
    }

    /// The account's data key, to seal with.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn sealing_key(&self, account: AccountId) -> Result<SealingKey, RegistryError> {
        self.data_key(account).map(SealingKey)
    }

    /// Opens what [`seal`](Self::seal) made with the same aad.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`] if bytes or aad differ; [`RegistryError::NoKey`],
    /// [`RegistryError::Erased`], or what reading the key meets.
    pub fn unseal(
        &self,
        account: AccountId,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, RegistryError> {
        let key = self.data_key(account)?;
        vault::unseal(&vault::cipher(&key), aad, sealed)
            .ok_or(RegistryError::Damaged { what: "a sealed part", account })
    }

    /// Destroys keys and persons of these accounts, in file, write-ahead log and memory; durable on
    /// return. Repeating it is harmless, and an account without a key is marked as erased all the
    /// same.
    ///
    /// The bytes are gone from SQLite's files; what an old backup or the disk's own spare blocks
    /// still hold stays wrapped under the key-encryption key.
    ///
    /// # Errors
    /// [`RegistryError::EraseHeldUp`] or [`RegistryError::Database`]; then repeat it.
    pub fn erase(&self, accounts: &[AccountId]) -> Result<(), RegistryError> {
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        overwrite(&transaction, accounts).map_err(self.database_error())?;
        transaction.commit().map_err(self.database_error())?;
        {
            let mut cache = self.cache();
            for account in accounts {
                cache.remove(*account);
            }
        }
        let busy: bool = database
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(self.database_error())?;
        if busy { Err(RegistryError::EraseHeldUp { path: self.path.clone() }) } else { Ok(()) }
    }

    /// The account's key from the cache, or else from the file.
    pub(super) fn data_key(&self, account: AccountId) -> Result<DataKey, RegistryError> {
        if let Some(key) = self.cache().get(account) {
            return Ok(key);
        }
        let database = self.database();
        let key = self.stored_key(&database, account)?;
        self.cache().insert(account, Arc::clone(&key));
        Ok(key)
    }

    pub(super) fn stored_key(
        &self,
        database: &Connection,
        account: AccountId,
    ) -> Result<DataKey, RegistryError> {
        let wrapped: Option<Vec<u8>> = database
            .prepare("SELECT wrapped FROM data_keys WHERE account = ?1")
            .and_then(|mut statement| statement.query_row([account.0], |row| row.get(0)).optional())
            .map_err(self.database_error())?;
        match wrapped {
            None => Err(RegistryError::NoKey(account)),
            Some(wrapped) if wrapped == ERASED => Err(RegistryError::Erased(account)),
            Some(wrapped) => vault::unwrap(&self.kek, account, &wrapped)
                .ok_or(RegistryError::Damaged { what: "the data key", account }),
        }
    }

    pub(super) fn database(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves the connection whole: an open transaction is rolled back as it
        // drops.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, KeyCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn database_error(&self) -> impl Fn(rusqlite::Error) -> RegistryError + use<'_> {
        |source| RegistryError::Database { path: self.path.clone(), source }
    }
}

/// A connection with all that durability and erasure rest on.
fn connect(path: &Path) -> Result<Connection, RegistryError> {
    let database_error = |source| RegistryError::Database { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(database_error)?;
    let journal = configure(&connection).map_err(database_error)?;
    if journal == "wal" {
        Ok(connection)
    } else {
        Err(RegistryError::NoWriteAheadLog { path: path.to_owned() })
    }
}

fn schema_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Overwrites the wrapped keys where they stand; a row keeps its length, so SQLite does not move
/// it.
fn overwrite(transaction: &Transaction<'_>, accounts: &[AccountId]) -> rusqlite::Result<()> {
    let mut person = transaction.prepare("DELETE FROM persons WHERE account = ?1")?;
    let mut number = transaction.prepare("DELETE FROM city_numbers WHERE account = ?1")?;
    let mut pins = transaction.prepare("DELETE FROM card_pins WHERE account = ?1")?;
    let mut booked = transaction.prepare("DELETE FROM appointments WHERE account = ?1")?;
    let mut key = transaction.prepare(
        "INSERT INTO data_keys (account, wrapped) VALUES (?1, ?2)
         ON CONFLICT (account) DO UPDATE SET wrapped = excluded.wrapped
         WHERE wrapped <> excluded.wrapped",
    )?;
    for account in accounts {
        person.execute([account.0])?;
        number.execute([account.0])?;
        pins.execute([account.0])?;
        booked.execute([account.0])?;
        key.execute(params![account.0, ERASED])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const KEK: [u8; 32] = [9; 32];

    struct Fixture {
        folder: tempfile::TempDir,
        registry: Registry,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("folder");
            let registry =
                Registry::create(&folder.path().join("registry.db"), &KEK, &[]).expect("made");
            Self { folder, registry }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("registry.db")
        }

        fn reopened(self) -> Self {
            let Self { folder, registry } = self;
            drop(registry);
            let registry =
                Registry::open(&folder.path().join("registry.db"), &KEK).expect("opened");
            Self { folder, registry }
        }

        fn wrapped(&self, account: AccountId) -> Vec<u8> {
            let sql = "SELECT wrapped FROM data_keys WHERE account = ?1";
            self.registry.database().query_row(sql, [account.0], |row| row.get(0)).expect("row")
        }

        /// Which of these byte strings, of one length each, stand anywhere in the files.
        fn found(&self, needles: &[Vec<u8>]) -> BTreeSet<Vec<u8>> {
            let needles: BTreeSet<&[u8]> = needles.iter().map(Vec::as_slice).collect();
            let lengths: BTreeSet<usize> = needles.iter().map(|needle| needle.len()).collect();
            let mut found = BTreeSet::new();
            for file in fs::read_dir(self.folder.path()).expect("folder") {
                let bytes = fs::read(file.expect("file").path()).expect("bytes");
                for &length in &lengths {
                    let hits = bytes.windows(length).filter(|window| needles.contains(window));
                    found.extend(hits.map(<[u8]>::to_vec));
                }
            }
            found
        }
    }

    /// Accounts in no order, as random ids are.
    fn accounts(count: u32) -> Vec<AccountId> {
        let id = |n: u32| u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (1..=count).map(|n| AccountId(id(n).to_be_bytes())).collect()
    }

    fn kind(error: &RegistryError) -> &'static str {
        match error {
            RegistryError::Create { .. } => "create",
            RegistryError::File(_) => "file",
            RegistryError::Database { .. } => "database",
            RegistryError::Schema { .. } => "schema",
            RegistryError::NoWriteAheadLog { .. } => "no log",
            RegistryError::WrongKey { .. } => "wrong key",
            RegistryError::WrongSecret(_) => "wrong secret",
            RegistryError::Missing { .. } => "missing",
            RegistryError::Older { .. } => "older",
            RegistryError::EraseHeldUp { .. } => "held up",
            RegistryError::NoKey(_) => "no key",
            RegistryError::Erased(_) => "erased",
            RegistryError::Damaged { .. } => "damaged",
            RegistryError::DamagedShop(_) => "damaged shop",
            RegistryError::TooLong => "too long",
            RegistryError::Pin(_) => "pin",
            RegistryError::Randomness(_) => "randomness",
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "every call makes both values in place")]
    fn check<T: PartialEq + std::fmt::Debug>(
        result: Result<T, RegistryError>,
        expected: Result<T, &'static str>,
    ) {
        assert_eq!(result.map_err(|error| kind(&error)), expected);
    }

    #[test]
    fn sealed_parts_open_with_their_account_and_aad_only() {
        let fixture = Fixture::new();
        let registry = &fixture.registry;
        let [a, b, c] = accounts(3).try_into().expect("three");
        registry.ensure_data_keys(&[a, b, a]).expect("keys");
        let sealed = registry.seal(a, b"aad", b"plain").expect("sealed");
        check(registry.unseal(a, b"aad", &sealed), Ok(b"plain".to_vec()));
        check(registry.unseal(a, b"dad", &sealed), Err("damaged"));
        check(registry.unseal(b, b"aad", &sealed), Err("damaged"));
        check(registry.unseal(a, b"aad", &sealed[1..]), Err("damaged"));
        check(registry.unseal(a, b"aad", &[]), Err("damaged"));
        check(registry.unseal(c, b"aad", &sealed), Err("no key"));
        check(registry.seal(c, b"aad", b"plain"), Err("no key"));
    }

    #[test]
    fn keys_and_persons_outlive_the_process_and_are_never_replaced() {
        let fixture = Fixture::new();
        let all = accounts(3000);
        fixture.registry.ensure_data_keys(&all[..10]).expect("keys");
        let seal =
            |account: &AccountId| fixture.registry.seal(*account, b"", b"x").expect("sealed");
        let early: Vec<_> = all[..10].iter().map(seal).collect();
        fixture.registry.put_persons(&[(all[0], "佐藤 花子")]).expect("stored");
        fixture.registry.put_persons(&[(all[0], "鈴木 花子")]).expect("stored");
        fixture.registry.ensure_data_keys(&all).expect("keys");
        let fixture = fixture.reopened();
        fixture.registry.ensure_data_keys(&all).expect("keys");
        for (account, sealed) in all.iter().zip(&early) {
            check(fixture.registry.unseal(*account, b"", sealed), Ok(b"x".to_vec()));
        }
        let wrapped: BTreeSet<_> = all.iter().map(|account| fixture.wrapped(*account)).collect();
        assert_eq!(wrapped.len(), all.len(), "each account has its own key");
        check(fixture.registry.person(all[0]), Ok(Some("鈴木 花子".to_owned())));
        check(fixture.registry.person(all[1]), Ok(None));
        check(fixture.registry.put_persons(&[(AccountId([0; 16]), "x")]), Err("no key"));
    }

    #[test]
    fn an_erased_account_leaves_no_key_in_any_file() {
        let fixture = Fixture::new();
        let all = accounts(3000);
        // Small transactions in between, and persons whose rows do move.
        for part in all.chunks(500) {
            fixture.registry.ensure_data_keys(part).expect("keys");
            fixture.registry.put_persons(&[(part[0], "佐藤 花子")]).expect("stored");
        }
        let wrapped: Vec<_> = all.iter().map(|account| fixture.wrapped(*account)).collect();
        let persons: Vec<Vec<u8>> = {
            let database = fixture.registry.database();
            let mut statement = database.prepare("SELECT sealed FROM persons").expect("statement");
            let rows = statement.query_map([], |row| row.get(0)).expect("rows");
            rows.collect::<Result<_, _>>().expect("rows")
        };
        assert_eq!(fixture.found(&wrapped).len(), 3000, "the search sees what is there");
        assert_eq!(fixture.found(&persons).len(), 6);

        let (erased, kept): (Vec<_>, Vec<_>) = (0..3000).partition(|n| n % 3 == 0 || *n > 2500);
        let pick = |indexes: &[usize]| indexes.iter().map(|n| all[*n]).collect::<Vec<_>>();
        fixture.registry.erase(&pick(&erased[..1])).expect("one by one");
        fixture.registry.erase(&pick(&erased)).expect("and many");
        let kept_wrapped: BTreeSet<_> = kept.iter().map(|n| wrapped[*n].clone()).collect();
        assert!(fixture.found(&wrapped) == kept_wrapped, "exactly the kept keys remain");

        let fixture = fixture.reopened();
        fixture.registry.ensure_data_keys(&all).expect("keys");
        for n in erased {
            check(fixture.registry.seal(all[n], b"", b""), Err("erased"));
            check(fixture.registry.person(all[n]), Ok(None));
            check(fixture.registry.put_persons(&[(all[n], "x")]), Err("erased"));
        }
        for n in kept {
            assert!(fixture.registry.seal(all[n], b"", b"").is_ok());
        }
    }

    #[test]
    fn an_unknown_account_can_be_erased_and_again() {
        let fixture = Fixture::new();
        let [a, b] = accounts(2).try_into().expect("two");
        fixture.registry.erase(&[]).expect("nothing");
        fixture.registry.erase(&[a, a]).expect("erased");
        fixture.registry.erase(&[a]).expect("erased");
        fixture.registry.ensure_data_keys(&[a, b]).expect("keys");
        check(fixture.registry.seal(a, b"", b""), Err("erased"));
        assert!(fixture.registry.seal(b, b"", b"").is_ok());
    }

    #[test]
    fn an_erasure_says_when_a_reader_holds_it_up() {
        let fixture = Fixture::new();
        let [a] = accounts(1).try_into().expect("one");
        fixture.registry.ensure_data_keys(&[a]).expect("keys");
        let wrapped = [fixture.wrapped(a)];
        fixture.registry.database().busy_timeout(std::time::Duration::ZERO).expect("set");
        let reader = Connection::open(fixture.path()).expect("second connection");
        reader.execute_batch("BEGIN; SELECT * FROM data_keys;").expect("reading");
        check(fixture.registry.erase(&[a]), Err("held up"));
        check(fixture.registry.seal(a, b"", b""), Err("erased"));
        assert_eq!(fixture.found(&wrapped).len(), 1, "the write-ahead log still has it");
        reader.execute_batch("COMMIT").expect("done");
        check(fixture.registry.erase(&[a]), Ok(()));
        assert_eq!(fixture.found(&wrapped).len(), 0);
    }

    #[test]
    fn no_thread_brings_an_erased_key_back() {
        let fixture = Fixture::new();
        let all = accounts(200);
        let registry = &fixture.registry;
        registry.ensure_data_keys(&all).expect("keys");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for account in all.iter().cycle().take(20_000) {
                        match registry.seal(*account, b"", b"x") {
                            Ok(_) | Err(RegistryError::Erased(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
            scope.spawn(|| {
                for part in all.chunks(10) {
                    registry.erase(part).expect("erased");
                }
            });
        });
        for account in all {
            check(registry.seal(account, b"", b"x"), Err("erased"));
        }
    }

    #[test]
    fn a_changed_row_is_damage_not_another_key() {
        let fixture = Fixture::new();
        let [a, b] = accounts(2).try_into().expect("two");
        fixture.registry.ensure_data_keys(&[a, b]).expect("keys");
        fixture.registry.put_persons(&[(a, "x")]).expect("stored");
        let swap = "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE account = ?1) \
                    WHERE account = ?2";
        fixture.registry.database().execute(swap, [b.0, a.0]).expect("swapped");
        let fixture = fixture.reopened();
        check(fixture.registry.seal(a, b"", b""), Err("damaged"));
        check(fixture.registry.person(a), Err("damaged"));
        assert!(fixture.registry.seal(b, b"", b"").is_ok());
    }

    /// Makes a registry, lets `change` spoil the closed file, and compares the error of the next
    /// opening.
    fn check_open(kek: [u8; 32], change: impl FnOnce(&Path), expected: &str) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("registry.db");
        drop(Registry::create(&path, &KEK, &[]).expect("made"));
        change(&path);
        let error = Registry::open(&path, &kek).err().expect("refused").to_string();
        assert_eq!(error.replace(folder.path().to_str().expect("path"), "DIR"), expected);
    }

    #[test]
    fn a_registry_that_does_not_fit_is_refused_with_its_remedy() {
        check_open(
            [8; 32],
            |_| {},
            "the registry DIR/registry.db was made with another `kek.secret`; put back the file that belongs to this \
             ledger from the backup of the keys folder, or point `keys` in the configuration at the folder that \
             holds it",
        );
        let newer = |path: &Path| {
            let other = Connection::open(path).expect("opened");
            other.pragma_update(None, "user_version", SCHEMA_VERSION + 1).expect("set");
        };
        check_open(
            KEK,
            newer,
            "the registry DIR/registry.db has schema version 8, this kenmai knows 7; run the kenmai version that \
             wrote it",
        );
        check_open(
            KEK,
            |path| fs::set_permissions(path, fs::Permissions::from_mode(0o640)).expect("chmod"),
            "DIR/registry.db is open to other users (mode 640); run `chmod 600 DIR/registry.db`, and replace the \
             secret if someone may have read it",
        );
        check_open(
            KEK,
            |path| {
                fs::write(path, "not a database, but long enough to look at".repeat(9))
                    .expect("write")
            },
            "the registry DIR/registry.db fails: file is not a database; if the disk is full make room, if the file \
             is damaged restore it from the backup",
        );
    }

    #[test]
    fn the_files_are_the_owners_only_and_sqlite_is_set_as_asked() {
        let fixture = Fixture::new();
        fixture.registry.ensure_data_keys(&accounts(1)).expect("keys");
        let mut files = 0;
        for file in fs::read_dir(fixture.folder.path()).expect("folder") {
            let mode = file.expect("file").metadata().expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            files += 1;
        }
        assert_eq!(files, 3, "database, write-ahead log, shared memory");
        let database = fixture.registry.database();
        let value = |name: &str| -> String {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
            format!("{:?}", database.pragma_query_value(None, name, read).expect(name))
        };
        let settings = [
            ("journal_mode", "Text(\"wal\")"),
            ("synchronous", "Integer(2)"),
            ("secure_delete", "Integer(1)"),
            ("foreign_keys", "Integer(1)"),
        ];
        for (name, expected) in settings {
            assert_eq!(value(name), expected, "{name}");
        }
    }
}
