//! The seam between the log and the disk.
//!
//! Everything the log asks of a file system passes through these two traits, so that a test can put
//! a disk under the same code that loses power, runs full or fails to sync. [`RealDisk`] is the one
//! a server uses.

use std::{
    any::Any,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// Holds a folder for this process; dropping it, or the end of the process, lets the folder go.
pub type FolderGuard = Box<dyn Any + Send + Sync>;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, to be read.
    Read,
    /// An existing file, to be read and written.
    Write,
    /// A file that must not exist yet, to be read and written.
    CreateNew,
}

/// Folders and names. A name made or moved is durable once [`Disk::sync_dir`] on its folder
/// returned.
pub trait Disk: Send + Sync {
    /// Opens or creates a file.
    ///
    /// # Errors
    /// As the system reports; `NotFound` and `AlreadyExists` as [`OpenMode`] says.
    fn open(&self, path: &Path, access: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// The names in a folder, in any order; names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// As the system reports; `NotFound` where there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Gives a file another name within its folder, in one step, in place of any file of that name.
    ///
    /// # Errors
    /// As the system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a folder and those above it; one that exists is left as it is.
    ///
    /// # Errors
    /// As the system reports.
    fn create_dir_all(&self, folder: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As the system reports.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Takes a folder for this process (flock), or returns `None` where another holder has it.
    ///
    /// # Errors
    /// As the system reports.
    fn try_lock(&self, folder: &Path) -> io::Result<Option<FolderGuard>>;
}

/// An open file. Bytes written are durable once [`DiskFile::sync_data`] returned.
pub trait DiskFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; 0 at the end of the file.
    ///
    /// # Errors
    /// As the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all the bytes, making the file longer where they reach past its end.
    ///
    /// # Errors
    /// As the system reports; a part of the bytes may then be written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable (fdatasync).
    ///
    /// # Errors
    /// As the system reports; what of the unsynced bytes is durable is then unknown, and asking
    /// again proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// As the system reports.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Cuts the file to a length, or fills it up with zeros.
    ///
    /// # Errors
    /// As the system reports.
    fn set_size_bytes(&self, size_bytes: u64) -> io::Result<()>;
}

/// Opens a file for writing, making it where it is missing.
pub(crate) fn open_or_create(disk: &dyn Disk, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
    match disk.open(path, OpenMode::Write) {
        Err(error) if error.kind() == ErrorKind::NotFound => disk.open(path, OpenMode::CreateNew),
        opened => opened,
    }
}

/// Fills the whole buffer, or fails with `UnexpectedEof`.
pub(crate) fn read_exact_at(
    file: &dyn DiskFile,
    mut buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = buffer.split_at_mut(count.min(buffer.len())).1;
                offset += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(access != OpenMode::Read)
            .create_new(access == OpenMode::CreateNew)
            .open(path)?;
        Ok(Arc::new(file))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        // What lies above a relative name is written as the empty path.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }

    fn try_lock(&self, folder: &Path) -> io::Result<Option<FolderGuard>> {
        let held = File::open(folder)?;
        match held.try_lock() {
            Ok(()) => Ok(Some(Box::new(held))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_size_bytes(&self, size_bytes: u64) -> io::Result<()> {
        self.set_len(size_bytes)
    }
}
