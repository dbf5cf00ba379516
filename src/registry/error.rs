//! What can go wrong with the registry.

use std::io;
use std::path::PathBuf;

use ledger_spec::ids::{AccountId, PlaceId};
use thiserror::Error;

use super::schema::SCHEMA_VERSION;
use crate::keys::KeyError;

/// What a failed look for an account's data key says of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// It was destroyed, for ever.
    Erased,
    /// It is missing or damaged, until the registry is restored.
    Unreadable,
    /// Nothing is known: the file could not be read just then.
    Unknown,
}

/// What can go wrong with the registry.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The file could not be made.
    #[error(
        "cannot create the registry {path}: {source}; check the folder's owner and the free space"
    )]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(KeyError),
    /// SQLite refused.
    #[error(
        "the registry {path} fails: {source}; if the disk is full make room, if the file is damaged restore it from the backup"
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// Another version of kenmai made the file.
    #[error(
        "the registry {path} has schema version {found}, this kenmai knows {SCHEMA_VERSION}; run the kenmai version that wrote it"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
    },
    /// The file system has no shared memory, as network ones.
    #[error(
        "the registry {path} cannot have a write-ahead log, without which erased bytes would survive; keep the data folder on a local disk"
    )]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
    /// The file was made under another key-encryption key.
    #[error(
        "the registry {path} was made with another `kek.secret`; put back the file that belongs to this ledger from the backup of the keys folder, or point `keys` in the configuration at the folder that holds it"
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Another secret than the one that the file was made with.
    #[error(transparent)]
    WrongSecret(KeyError),
    /// There is no registry, or an empty one.
    #[error(
        "the registry {path} is missing or empty; stop, and restore it from a backup that is as recent as the log: without it nobody can \
         read what is sealed"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The registry is of an earlier time than the log.
    #[error(
        "the registry {path} is older than the log: {accounts} accounts that the log has opened since are not in it; restore \
         one that is as recent as the log"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Accounts whose data keys were made after it.
        accounts: u64,
    },
    /// An erasure is done but a reader of the file keeps its traces in the write-ahead log.
    #[error(
        "another process reads the registry {path} and keeps erased bytes in its write-ahead log; end that process, then repeat the erasure"
    )]
    EraseHeldUp {
        /// The file.
        path: PathBuf,
    },
    /// The account never had a data key.
    #[error("account {0} has no data key")]
    NoKey(AccountId),
    /// The account's data key was destroyed; nothing of it can be read again.
    #[error("account {0} is erased")]
    Erased(AccountId),
    /// The bytes do not open: they, their aad or the stored key were changed.
    #[error("{what} of account {account} is damaged; restore it from the backup")]
    Damaged {
        /// What does not open.
        what: &'static str,
        /// Whose it is.
        account: AccountId,
    },
    /// The hash over a PIN could not be made.
    #[error("the hash over a PIN could not be made: {0}")]
    Pin(argon2::Error),
    /// The bytes do not open, as with an account.
    #[error("the bank account of shop {0} is damaged; set it again with `kenmai settle account`")]
    DamagedShop(PlaceId),
    /// AES-GCM seals at most 64 GiB at once.
    #[error("more than 64 GiB cannot be sealed at once")]
    TooLong,
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl RegistryError {
    /// What it says of the account whose data key was looked for.
    #[must_use]
    pub fn key_standing(&self) -> KeyStanding {
        match self {
            Self::Erased(_) => KeyStanding::Erased,
            Self::NoKey(_) | Self::Damaged { .. } => KeyStanding::Unreadable,
            Self::Create { .. }
            | Self::File(_)
            | Self::Database { .. }
            | Self::Schema { .. }
            | Self::NoWriteAheadLog { .. }
            | Self::WrongKey { .. }
            | Self::WrongSecret(_)
            | Self::Missing { .. }
            | Self::Older { .. }
            | Self::EraseHeldUp { .. }
            | Self::Pin(_)
            | Self::DamagedShop(_)
            | Self::TooLong
            | Self::Randomness(_) => KeyStanding::Unknown,
        }
    }
}
