//! Why the views cannot be read or written.

use std::io;
use std::path::PathBuf;

use ledger_spec::cbor::CborError;
use ledger_spec::ids::Seq;

/// Why the views cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The tree.
    #[error(
        "the views cannot be read or written: {0}; they can be made again with `kenmai rebuild`"
    )]
    Tree(#[from] sled::Error),
    /// A row.
    #[error("a row of the views is damaged: {0}; they can be made again with `kenmai rebuild`")]
    Row(#[from] CborError),
    /// A folder.
    #[error("cannot remove {path}: {source}; check the folder's owner", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's report.
        source: io::Error,
    },
    /// An entry was given for another place than the next.
    #[error("entry {found} was given to the views where {due} is due")]
    NotInSequence {
        /// The next entry.
        due: Seq,
        /// The entry given.
        found: Seq,
    },
    /// An entry's statement cannot be read.
    #[error("entry {0} holds no statement; run `kenmai audit`")]
    Entry(Seq),
}
