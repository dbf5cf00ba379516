//! The tree of the views, and how far they are.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger_spec::cbor;
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::time::Day;
use sled::Db;

use super::error::ViewsError;
use super::rows::Applied;

/// The form of the rows. Views of another form are made again.
const VERSION: u64 = 3;
/// The key of [`Applied`]; no table has the number.
pub(super) const PROGRESS_KEY: &[u8] = &[0];
/// Memory for pages of the tree.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// The file grows in steps of this size, so that the views of an empty ledger take little.
const SEGMENT_BYTES: usize = 128 * 1024;
/// How long an open waits for the last handle's threads to let the file go.
const CLOSING_LIMIT: Duration = Duration::from_secs(10);
const CLOSING_STEP: Duration = Duration::from_millis(5);

/// The views of one ledger.
pub struct Views {
    /// Shared by all threads; its own locks guard it.
    pub(super) db: Db,
    progress: Mutex<Applied>,
}

impl Views {
    /// Opens the views in a folder. Views that cannot be read, of another form or of another ledger
    /// are deleted and begin anew; [`Views::applied`] then says so.
    ///
    /// # Errors
    /// [`ViewsError`] where a fresh tree cannot be made either.
    pub fn open(folder: &Path, ledger: LedgerId) -> Result<Self, ViewsError> {
        match Self::kept(folder, ledger) {
            Ok(Some(views)) => return Ok(views),
            Ok(None) => {}
            Err(error) => tracing::warn!(%ledger, %error, "the views are made again"),
        }
        delete(folder)?;
        let db = tree(folder)?;
        let progress =
            Applied { version: VERSION, ledger, applied: Seq(0), first_day: None, last_day: None };
        db.insert(PROGRESS_KEY, cbor::to_bytes(&progress))?;
        Ok(Self { db, progress: Mutex::new(progress) })
    }

    fn kept(folder: &Path, ledger: LedgerId) -> Result<Option<Self>, ViewsError> {
        if !folder.exists() {
            return Ok(None);
        }
        let db = tree(folder)?;
        let Some(bytes) = db.get(PROGRESS_KEY)? else { return Ok(None) };
        let progress: Applied = cbor::from_bytes(&bytes)?;
        let ours = progress.version == VERSION && progress.ledger == ledger;
        Ok(ours.then(|| Self { db, progress: Mutex::new(progress) }))
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Applied> {
        // The value is replaced as a whole, so that a thread that died left it sound.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entry to apply.
    #[must_use]
    pub fn applied(&self) -> Seq {
        self.progress().applied
    }

    /// The Japanese days of the first and of the last entry applied. Every day before the last is
    /// complete, because days never run backwards.
    #[must_use]
    pub fn span(&self) -> Option<(Day, Day)> {
        let progress = self.progress();
        progress.first_day.zip(progress.last_day)
    }

    /// Forgets everything, for views that are ahead of their log.
    ///
    /// # Errors
    /// [`ViewsError`]
    pub fn clear(&self) -> Result<(), ViewsError> {
        let mut progress = self.progress();
        *progress = Applied { applied: Seq(0), first_day: None, last_day: None, ..*progress };
        self.db.clear()?;
        self.db.insert(PROGRESS_KEY, cbor::to_bytes(&*progress))?;
        Ok(())
    }

    /// Brings everything applied to the disk. What a crash loses before is applied again.
    ///
    /// # Errors
    /// [`ViewsError`]
    pub fn flush(&self) -> Result<(), ViewsError> {
        self.db.flush()?;
        Ok(())
    }
}

/// Deletes the views in a folder.
///
/// # Errors
/// [`ViewsError::Folder`]
pub fn delete(folder: &Path) -> Result<(), ViewsError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ViewsError::Folder { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn tree(folder: &Path) -> Result<Db, ViewsError> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE_BYTES)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None);
    let mut waited = Duration::ZERO;
    loop {
        match config.open() {
            // A lock that is held has this kind: a thread of the tree's last handle lets its file
            // go a moment later.
            Err(sled::Error::Io(error))
                if error.kind() == io::ErrorKind::Other && waited < CLOSING_LIMIT =>
            {
                std::thread::sleep(CLOSING_STEP);
                waited += CLOSING_STEP;
            }
            opened => return Ok(opened?),
        }
    }
}
