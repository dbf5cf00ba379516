//! A disk for what may be lost: it does not wait for the platter.
//!
//! A city in the making is thrown away after a crash, so none of its 2,000 commits has to be
//! durable before the whole is. [`make_durable`] then does for all its files at once what each
//! commit would have done.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::log::disk::{Disk, DiskFile, FolderGuard, OpenMode, RealDisk};

/// The file system of this machine, without syncing.
pub(super) struct DraftDisk;

struct DraftFile(Arc<dyn DiskFile>);

impl Disk for DraftDisk {
    fn open(&self, path: &Path, access: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(DraftFile(RealDisk.open(path, access)?)))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(folder)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self, folder: &Path) -> io::Result<Option<FolderGuard>> {
        RealDisk.try_lock(folder)
    }
}

impl DiskFile for DraftFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.0.size_bytes()
    }

    fn set_size_bytes(&self, size_bytes: u64) -> io::Result<()> {
        self.0.set_size_bytes(size_bytes)
    }
}

/// Syncs every file and folder below `folder`, and the folder.
///
/// # Errors
/// As the system reports.
pub(super) fn make_durable(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_durable(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    RealDisk.sync_dir(folder)
}
