//! The registry's file: private from its first byte, and set so that nothing erased stays in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::error::RegistryError;
use crate::keys::{self, KeyError};

/// How long a statement waits while another process, a backup, reads the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the file before SQLite does, because SQLite would make it readable by all; its side files
/// take its mode.
pub(super) fn create_private(path: &Path) -> Result<(), RegistryError> {
    let create_error = |source| RegistryError::Create { path: path.to_owned(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file.sync_all().and_then(|()| keys::sync_folder_of(path)).map_err(create_error),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match check_private(path) {
            // What a crash left of the first attempt.
            Err(RegistryError::Missing { .. }) => Ok(()),
            checked => checked,
        },
        Err(error) => Err(create_error(error)),
    }
}

/// Refuses a file that is absent or empty, or that others may read.
pub(super) fn check_private(path: &Path) -> Result<(), RegistryError> {
    let read_error = |source: io::Error| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            RegistryError::Missing { path }
        } else {
            RegistryError::File(KeyError::Read { path, source })
        }
    };
    let file = File::open(path).map_err(read_error)?;
    keys::check_private(path, &file).map_err(RegistryError::File)?;
    if file.metadata().map_err(read_error)?.len() == 0 {
        return Err(RegistryError::Missing { path: path.to_owned() });
    }
    Ok(())
}

/// Sets what durability and erasure rest on; the journal mode that SQLite could give is returned.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<String> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;",
    )?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
}
