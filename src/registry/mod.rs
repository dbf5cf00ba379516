//! What cannot be rebuilt from the log: the accounts' data keys and the persons behind them.
//!
//! One SQLite file per ledger. Everything about a person is sealed with the account's data key (see
//! [`vault`]), so an erasure comes down to one thing: no byte of the wrapped key may survive in the
//! file or its write-ahead log.
//!
//! SQLite alone does not promise that. `secure_delete` zeroes a deleted row, but where SQLite
//! rebuilds a page to split or merge it, older copies of rows can stay in the unused part
//! (`rebuildPage`; with SQLite 3.40 under random inserts, updates and deletes, traces of 6 in
//! 42,966 removed values). So rows of `data_keys` are made never to move: they are appended in the
//! order of a row number, have one length, and are never deleted; an erasure overwrites the wrapped
//! key with zeros where it stands (there, 190,000 of them left no trace), then writes the log back
//! and truncates it. The zeros stay as the mark that this account must never get a key again.
//!
//! Locks: the database lock is always taken before the cache lock. A key is put into the cache only
//! while the database lock is held, so no reader can bring back a key that an erasure is
//! destroying.
//!
//! Read first: `store::Registry`, the file, and `vault::KeyCache`, the keys that are open.

mod appointments;
mod erasure;
mod error;
mod file;
mod persons;
mod pins;
mod read_only;
mod schema;
mod shops;
mod store;
pub mod vault;

pub use appointments::{APPOINTMENTS_MAX, Appointment, Booking};
pub use error::{KeyStanding, RegistryError};
pub use pins::{PIN_TRIES_MAX, PinCheck, PinKept, PinSlot};
pub use store::{KeysFound, Registry, SealingKey};
pub use vault::NONCE_BYTES;
