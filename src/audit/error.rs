//! Why an audit could not be done at all.

use std::io;
use std::path::PathBuf;

use crate::log::LogError;
use crate::registry::RegistryError;

/// Why an audit could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no log.
    #[error("there is no log in {path}: {source}; name the data folder of a ledger", path = path.display())]
    NoLog {
        /// Where it was looked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system failed at a file of the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry cannot be read.
    #[error("{0}; or audit without --keys, which leaves sealed parts unchecked")]
    Registry(#[from] RegistryError),
}
