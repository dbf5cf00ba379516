//! The log: the one truth of a ledger, on disk.
//!
//! ```text
//! <data folder>/log/segments/00000000.seg   frames, one after another (segments)
//!                  /levels/0, 1, 2 ... hashes of the Merkle tree, computed from the frames
//!                  (levels) /lock size and root as of at most a second ago (lock) /torn-<Unix ms>
//!                  what a crash left of an unfinished frame, set aside at the next start
//! ```
//!
//! Opening goes in two steps: [`claim`] takes the data folder for this process and reads the lock;
//! [`Claimed::recover`] checks every frame, hands each to the caller, and gives the [`Log`] to
//! append to. The rules on what a crash can leave, and what is damage, are in `recovery`.
//! [`inspect`] reads a log without taking or changing anything.
//!
//! *Published ≤ locked ≤ durable*: a frame is durable when [`Log::append`] returned, and only then
//! may its entries be answered for, read or published. An I/O error stops the log for ever: whether
//! the bytes are on the disk is then unknown, only opening the log again can tell, and so the
//! process has to end.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use ledger_spec::{
    frame::{Frame, Header},
    ids::{Hash, LedgerId, Seq},
    merkle,
};

pub mod disk;
pub mod levels;
mod lock;
mod recovery;
mod segments;

use disk::{Access, Disk, FolderGuard};
pub use levels::{Levels, LevelsReader};
use lock::LockFile;
pub use lock::Locked;
pub use recovery::{Inspection, TornTail, inspect, inspect_with_reader};
use segments::SegmentWriter;
pub use segments::{Frames, LogReader, SEGMENT_BYTES, SEGMENTS_FOLDER};

/// The log's folder within the data folder.
pub const LOG_FOLDER: &str = "log";

/// What a caller of [`Claimed::recover`] or [`inspect`] may refuse a frame with.
pub type FrameRefusal = Box<dyn Error + Send + Sync>;

/// Which log, and where.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The folder that one process at a time owns. The folder above it should exist: only the names
    /// from there on are made durable.
    pub data_folder: PathBuf,
    /// The ledger that every frame must name.
    pub ledger: LedgerId,
    /// Size that a segment file does not pass, unless by a single frame; [`SEGMENT_BYTES`] for a
    /// server.
    pub segment_bytes: u64,
}

impl LogConfig {
    /// The log of a server.
    #[must_use]
    pub fn of(data_folder: &Path, ledger: LedgerId) -> Self {
        Self { data_folder: data_folder.to_owned(), ledger, segment_bytes: SEGMENT_BYTES }
    }

    fn log_folder(&self) -> PathBuf {
        self.data_folder.join(LOG_FOLDER)
    }
}

/// The bytes of the segment files in a data folder, for a bar of progress; 0 where that cannot be
/// told.
pub fn size_bytes(disk: &dyn Disk, data_folder: &Path) -> u64 {
    let folder = data_folder.join(LOG_FOLDER).join(SEGMENTS_FOLDER);
    let size = |name: String| disk.open(&folder.join(name), Access::Read)?.size_bytes();
    disk.list(&folder).unwrap_or_default().into_iter().map(|name| size(name).unwrap_or(0)).sum()
}

/// Where the log ends: what the next frame has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The place of the next entry; also the number of entries.
    pub next_seq: Seq,
    /// The hash of the last frame, or [`ledger_spec::frame::NO_FRAME`].
    pub frame_hash: Hash,
    /// The Merkle root over all entries, as the last frame states it.
    pub root: Hash,
    /// The epoch of the last frame, 0 before any.
    pub epoch: u64,
}

impl Tip {
    /// The end of a log without entries.
    fn empty() -> Self {
        let frame_hash = ledger_spec::frame::NO_FRAME;
        Self { next_seq: Seq(0), frame_hash, root: merkle::root_of(&[]), epoch: 0 }
    }

    /// Checks that a frame with this header follows here.
    fn check_next(&self, ledger: LedgerId, header: &Header) -> Result<(), LinkError> {
        let place = &header.place;
        if place.ledger != ledger {
            Err(LinkError::Ledger { found: place.ledger, due: ledger })
        } else if place.first_seq != self.next_seq {
            Err(LinkError::FirstSeq { found: place.first_seq, due: self.next_seq })
        } else if place.prev_frame_hash != self.frame_hash {
            Err(LinkError::PrevFrame)
        } else if place.epoch < self.epoch {
            Err(LinkError::Epoch { found: place.epoch, last: self.epoch })
        } else {
            Ok(())
        }
    }

    const fn after(header: &Header, frame_hash: Hash) -> Self {
        let place = &header.place;
        Self { next_seq: header.next_seq(), frame_hash, root: place.root_after, epoch: place.epoch }
    }
}

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
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    fn damaged(path: &Path, offset: u64, reason: &dyn fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason: reason.to_string() }
    }

    /// A thread ended in the middle of changing what all share.
    fn thread_died() -> Self {
        Self::Stopped { cause: "a thread died while it held the log".to_owned() }
    }
}

/// Whether the log and its levels may go on: never again after the first error of either.
#[derive(Clone, Default)]
struct Running {
    stopped_by: Arc<OnceLock<String>>,
}

impl Running {
    fn check(&self) -> Result<(), LogError> {
        match self.stopped_by.get() {
            Some(cause) => Err(LogError::Stopped { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn stop_on_error<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        result.inspect_err(|error| {
            self.stopped_by.get_or_init(|| error.to_string());
        })
    }
}

/// A data folder that this process owns, its log not yet read.
pub struct Claimed {
    disk: Arc<dyn Disk>,
    config: LogConfig,
    guard: FolderGuard,
    lock: LockFile,
    locked: Locked,
    running: Running,
}

/// Takes the data folder, made where missing, for this process, and reads the lock. A folder
/// without log gets an empty one.
///
/// # Errors
/// [`LogError::InUse`], [`LogError::LockDamaged`], [`LogError::LockMissing`],
/// [`LogError::ForeignLock`] or [`LogError::Io`].
pub fn claim(disk: Arc<dyn Disk>, config: LogConfig) -> Result<Claimed, LogError> {
    let data_folder = &config.data_folder;
    disk.create_dir_all(data_folder).map_err(LogError::io("create", data_folder))?;
    let guard = disk
        .try_lock(data_folder)
        .map_err(LogError::io("lock", data_folder))?
        .ok_or_else(|| LogError::InUse { path: data_folder.clone() })?;
    let log_folder = config.log_folder();
    let segments_folder = log_folder.join(segments::SEGMENTS_FOLDER);
    // A crash here leaves empty folders, which the next start takes as they are. The names are
    // synced at every start, because the start that made them may have ended before it did.
    disk.create_dir_all(&segments_folder).map_err(LogError::io("create", &segments_folder))?;
    for folder in log_folder.ancestors().take(3) {
        disk.sync_dir(folder).map_err(LogError::io("sync", folder))?;
    }
    let (lock, locked) = match LockFile::open(disk.as_ref(), &log_folder, config.ledger)? {
        Some(opened) => opened,
        None if segments::count_segments(disk.as_ref(), &segments_folder)? == 0 => {
            let fresh = Locked { size: Seq(0), root: merkle::root_of(&[]), time_ms: 0 };
            let lock = LockFile::create(disk.as_ref(), &log_folder, config.ledger, &fresh)?;
            (lock, fresh)
        }
        // The lock is durable before the first segment is made, so no crash leaves this.
        None => return Err(LogError::LockMissing { path: log_folder.join(lock::LOCK_FILE) }),
    };
    Ok(Claimed { disk, config, guard, lock, locked, running: Running::default() })
}

impl Claimed {
    /// What the lock says; size 0 and time 0 for a fresh ledger.
    #[must_use]
    pub const fn locked(&self) -> Locked {
        self.locked
    }

    /// Opens the levels, cut to what the lock covers.
    ///
    /// The caller then appends the leaf hashes from [`Levels::size`] on, up to the end of the log.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn levels(&self) -> Result<Levels, LogError> {
        let (disk, running) = (Arc::clone(&self.disk), self.running.clone());
        Levels::open(disk, &self.config.log_folder(), self.locked.size, running)
    }
}

/// The open log, and the only writer of it.
pub struct Log {
    segments: SegmentWriter,
    lock: LockFile,
    ledger: LedgerId,
    tip: Tip,
    running: Running,
    _guard: FolderGuard,
}

impl Log {
    /// Makes a frame durable: one write, one fdatasync. When this returns, its entries can be read
    /// and answered for.
    ///
    /// # Errors
    /// [`LogError::NotInSequence`] and [`LogError::Link`] leave the log as it was. [`LogError::Io`]
    /// stops it: from then on every call here and on the levels gives [`LogError::Stopped`].
    pub fn append(&mut self, expected_seq: Seq, frame: &Frame) -> Result<(), LogError> {
        self.running.check()?;
        if expected_seq != self.tip.next_seq {
            return Err(LogError::NotInSequence { due: self.tip.next_seq, found: expected_seq });
        }
        self.tip.check_next(self.ledger, frame.header())?;
        let appended = self.segments.append(frame);
        self.running.stop_on_error(appended)?;
        self.tip = Tip::after(frame.header(), frame.hash());
        Ok(())
    }

    /// Writes the lock at the log's end, after making the levels durable, which the next opening
    /// trusts up to the lock.
    ///
    /// # Errors
    /// [`LogError::NotInSequence`] where the levels do not end where the log ends. [`LogError::Io`]
    /// stops the log.
    pub fn write_lock(&mut self, levels: &mut Levels, time_ms: u64) -> Result<(), LogError> {
        self.running.check()?;
        if levels.size() != self.tip.next_seq {
            return Err(LogError::NotInSequence { due: self.tip.next_seq, found: levels.size() });
        }
        // A crash between the two leaves levels past the lock, which the next opening cuts.
        levels.sync()?;
        let locked = Locked { size: self.tip.next_seq, root: self.tip.root, time_ms };
        let written = self.lock.write(&locked);
        self.running.stop_on_error(written)
    }

    /// Where the log ends.
    #[must_use]
    pub const fn tip(&self) -> Tip {
        self.tip
    }

    /// A reader of what is durable.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.segments.reader()
    }
}
