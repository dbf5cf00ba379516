//! A registry that is only looked at: an audit must leave every file as it found it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::RegistryError;
use super::file::{BUSY_TIMEOUT, check_private};
use super::schema::SCHEMA_VERSION;
use super::store::Registry;
use super::vault;
use crate::keys::SECRET_BYTES;

impl Registry {
    /// Opens an existing registry to read it only: the file stays as it is, byte for byte.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: &Path, kek: &[u8; SECRET_BYTES]) -> Result<Self, RegistryError> {
        check_private(path)?;
        let database_error = |source| RegistryError::Database { path: path.to_owned(), source };
        // Where no write-ahead log lies beside it nobody writes, and SQLite need not make one.
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let at_rest = fs::metadata(log).map_or(true, |file| file.len() == 0);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(read_only_uri(path, at_rest), flags)
            .map_err(database_error)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(database_error)?;
        let found: u32 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(database_error)?;
        if found != SCHEMA_VERSION {
            return Err(RegistryError::Schema { path: path.to_owned(), found });
        }
        Self::checked(path, vault::cipher(kek), vault::number_key(kek), connection)
    }
}

/// The file's name as SQLite's URI, every byte but the plainest written as its number.
fn read_only_uri(path: &Path, at_rest: bool) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + if at_rest { "?immutable=1" } else { "?mode=ro" }
}
