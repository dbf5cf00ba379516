//! Why the log cannot go on.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

use ledger_spec::ids::{LedgerId, Seq};

/// What whoever reads the log may refuse a frame with.
pub type FrameRefusal = Box<dyn Error + Send + Sync>;

/// Why a whole frame does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It names another ledger.
    #[error("the frame belongs to ledger {found}, not to {due}")]
    Ledger {
        /// The ledger named.
        found: LedgerId,
        /// The ledger of this log.
        due: LedgerId,
    },
    /// Its entries do not start where the log ends.
    #[error("the frame starts at entry {found} where {due} is due")]
    FirstSeq {
        /// The place named.
        found: Seq,
        /// Where the log ends.
        due: Seq,
    },
    /// It names another hash for the frame before it.
    #[error("the frame does not name the hash of the frame before it")]
    PrevFrame,
    /// Its epoch is lower than the last.
    #[error("the frame is of epoch {found} after epoch {last}")]
    Epoch {
        /// The epoch named.
        found: u64,
        /// The epoch of the frame before.
        last: u64,
    },
}

/// Why the log cannot go on. Each text names the file, the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system failed at a file.
    #[error("cannot {action} {path}: {source}; mend the cause (space, rights, disk) and start again", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's report.
        source: io::Error,
    },
    /// An earlier error stopped the log; it is never tried again.
    #[error(
        "the log stopped earlier ({cause}); what reached the disk is unknown, start the process again to find out"
    )]
    Stopped {
        /// The first error.
        cause: String,
    },
    /// Entries were given for another place than the end.
    #[error("entries for place {found} were given where {due} is due")]
    NotInSequence {
        /// The end.
        due: Seq,
        /// The place given.
        found: Seq,
    },
    /// A frame to append does not follow the last one.
    #[error("the frame does not follow the log's end: {0}")]
    Link(#[from] LinkError),
    /// Another process has the data folder.
    #[error("{path} is in use by another process; stop that one first, or choose another data folder", path = path.display())]
    InUse {
        /// The data folder.
        path: PathBuf,
    },
    /// A file holds what no crash can leave.
    #[error(
        "{path} is damaged at byte {offset}: {reason}; nothing was changed; restore this file from a backup or a mirror of the same ledger",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it the bad frame starts.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The log lost entries that the lock covers.
    #[error(
        "the log in {path} ends at entry {found}, the lock says {locked} entries were there: it was restored from an older backup; \
         restore the missing segments, or create a successor ledger",
        path = path.display()
    )]
    BehindLock {
        /// The log's folder.
        path: PathBuf,
        /// Entries in the log.
        found: Seq,
        /// Entries that the lock covers.
        locked: Seq,
    },
    /// The log holds other entries than the lock covers.
    #[error(
        "the log in {path} does not have the root at {locked} entries that the lock has: log and lock are not of the same history; \
         restore both from one backup",
        path = path.display()
    )]
    OffLock {
        /// The log's folder.
        path: PathBuf,
        /// Entries that the lock covers.
        locked: Seq,
    },
    /// Neither slot of the lock is whole.
    #[error(
        "both slots of {path} are damaged, so that nobody can tell whether the log is complete; restore this file from a backup",
        path = path.display()
    )]
    LockDamaged {
        /// The lock file.
        path: PathBuf,
    },
    /// There are entries and no lock.
    #[error(
        "{path} is missing beside a log with entries, so that nobody can tell whether the log is complete; restore this file from a backup",
        path = path.display()
    )]
    LockMissing {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock is of another ledger.
    #[error("{path} is the lock of ledger {found}, not of {ledger}; check the data folder and the origin in the configuration", path = path.display())]
    ForeignLock {
        /// The lock file.
        path: PathBuf,
        /// The ledger it names.
        found: LedgerId,
        /// The ledger that was to be opened.
        ledger: LedgerId,
    },
    /// The caller refused a frame while the log was read.
    #[error("{path}, frame at byte {offset}: {source}", path = path.display())]
    Refused {
        /// The segment file.
        path: PathBuf,
        /// Where the frame starts.
        offset: u64,
        /// The caller's reason.
        source: FrameRefusal,
    },
}

impl LogError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, offset: u64, reason: &dyn fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason: reason.to_string() }
    }

    /// A thread ended in the middle of changing what all share.
    pub(super) fn thread_died() -> Self {
        Self::Stopped { cause: "a thread died while it held the log".to_owned() }
    }
}
