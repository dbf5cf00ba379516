//! The data folder taken, and the open log: the only writer of it.

use std::sync::Arc;

use ledger_spec::{
    frame::Frame,
    ids::{LedgerId, Seq},
    merkle,
};

use super::{
    config::LogConfig,
    disk::{Disk, FolderGuard},
    error::LogError,
    fail_stop::FailStop,
    levels::Levels,
    lock::{self, LockFile, Locked},
    segments::{self, LogReader, SegmentWriter},
    tip::Tip,
};

/// A data folder that this process owns, its log not yet read.
pub struct Claimed {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) config: LogConfig,
    pub(super) guard: FolderGuard,
    pub(super) lock: LockFile,
    pub(super) locked: Locked,
    pub(super) fail_stop: FailStop,
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
    Ok(Claimed { disk, config, guard, lock, locked, fail_stop: FailStop::default() })
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
        self.levels_up_to(self.locked.size)
    }

    /// The same, cut to so many entries: what lies past them is not trusted.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn levels_up_to(&self, trusted: Seq) -> Result<Levels, LogError> {
        let (disk, fail_stop) = (Arc::clone(&self.disk), self.fail_stop.clone());
        Levels::open(disk, &self.config.log_folder(), trusted, fail_stop)
    }
}

/// The open log, and the only writer of it.
pub struct Log {
    pub(super) segments: SegmentWriter,
    pub(super) lock: LockFile,
    pub(super) ledger: LedgerId,
    pub(super) tip: Tip,
    pub(super) fail_stop: FailStop,
    pub(super) _guard: FolderGuard,
}

impl Log {
    /// Makes a frame durable: one write, one fdatasync. When this returns, its entries can be read
    /// and answered for.
    ///
    /// # Errors
    /// [`LogError::NotInSequence`] and [`LogError::Link`] leave the log as it was. [`LogError::Io`]
    /// stops it: from then on every call here and on the levels gives [`LogError::Stopped`].
    pub fn append(&mut self, expected_seq: Seq, frame: &Frame) -> Result<(), LogError> {
        self.fail_stop.check()?;
        if expected_seq != self.tip.next_seq {
            return Err(LogError::NotInSequence { due: self.tip.next_seq, found: expected_seq });
        }
        self.tip.check_next(self.ledger, frame.header())?;
        let appended = self.segments.append(frame);
        self.fail_stop.stop_on_error(appended)?;
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
        self.fail_stop.check()?;
        if levels.size() != self.tip.next_seq {
            return Err(LogError::NotInSequence { due: self.tip.next_seq, found: levels.size() });
        }
        // A crash between the two leaves levels past the lock, which the next opening cuts.
        levels.sync()?;
        let locked = Locked { size: self.tip.next_seq, root: self.tip.root, time_ms };
        let written = self.lock.write(&locked);
        self.fail_stop.stop_on_error(written)
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
