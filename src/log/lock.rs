//! The lock: how much of the log is known to be there.
//!
//! The file `lock` holds the size and root of the log as of at most a second ago. A log that is
//! shorter at the next start has lost acknowledged entries, most likely because an older copy was
//! put back, and is refused.
//!
//! Two slots 4096 bytes apart take turns, so that a write cut short can only spoil the older one. A
//! slot is `"KMLOCK" ‖ 0 ‖ version 1 ‖ ledger 8 ‖ counter u64 ‖ size u64 ‖ root 32 ‖ time_ms u64 ‖
//! CRC-32 of all before`, integers big-endian; the valid slot with the highest counter counts.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ledger_spec::ids::{Hash, LedgerId, Seq};

use super::{
    disk::{self, Disk, DiskFile, OpenMode},
    error::LogError,
};

/// The file's name in the log's folder.
pub(super) const LOCK_FILE: &str = "lock";
/// The name under which a fresh lock file is filled before it gets its own.
const DRAFT_FILE: &str = "lock.draft";
/// Bytes between the starts of the two slots: one page, so that no write touches both.
const SLOT_DISTANCE_BYTES: u64 = 4096;
/// What every slot starts with; the last byte is its version.
const SLOT_MAGIC: [u8; 8] = *b"KMLOCK\x00\x01";
/// Bytes of a slot.
const SLOT_BYTES: usize = 76;

/// What the lock says of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Entries the log held.
    pub size: Seq,
    /// The Merkle root over them.
    pub root: Hash,
    /// The time of the last batch, in Unix milliseconds.
    pub time_ms: u64,
}

/// The lock file, open for writing.
pub(super) struct LockFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    ledger: LedgerId,
    counter: u64,
}

/// Reads the lock in this folder without changing it; `None` where there is none.
pub(super) fn read(
    disk: &dyn Disk,
    folder: &Path,
    ledger: LedgerId,
) -> Result<Option<Locked>, LogError> {
    let path = folder.join(LOCK_FILE);
    let Some(file) = open_file(disk, &path, OpenMode::Read)? else { return Ok(None) };
    newest_slot(file.as_ref(), &path, ledger).map(|(_, locked)| Some(locked))
}

fn open_file(
    disk: &dyn Disk,
    path: &Path,
    access: OpenMode,
) -> Result<Option<Arc<dyn DiskFile>>, LogError> {
    match disk.open(path, access) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LogError::Io { action: "open", path: path.to_owned(), source }),
    }
}

impl LockFile {
    /// Opens the lock for writing and reads it; `None` where there is none.
    pub(super) fn open(
        disk: &dyn Disk,
        folder: &Path,
        ledger: LedgerId,
    ) -> Result<Option<(Self, Locked)>, LogError> {
        let path = folder.join(LOCK_FILE);
        let Some(file) = open_file(disk, &path, OpenMode::Write)? else { return Ok(None) };
        let (counter, locked) = newest_slot(file.as_ref(), &path, ledger)?;
        Ok(Some((Self { file, path, ledger, counter }, locked)))
    }

    /// Makes the lock of a fresh log. It appears whole or not at all.
    pub(super) fn create(
        disk: &dyn Disk,
        folder: &Path,
        ledger: LedgerId,
        locked: &Locked,
    ) -> Result<Self, LogError> {
        let (draft, path) = (folder.join(DRAFT_FILE), folder.join(LOCK_FILE));
        let file = disk::open_or_create(disk, &draft).map_err(LogError::io("create", &draft))?;
        let mut lock = Self { file, path: draft.clone(), ledger, counter: 0 };
        // A crash up to the rename leaves a draft that the next start writes over.
        lock.file.set_size_bytes(0).map_err(LogError::io("empty", &draft))?;
        lock.write(locked)?;
        disk.rename(&draft, &path).map_err(LogError::io("rename", &draft))?;
        // A crash before the folder is synced leaves the draft or the lock, and no entry in either
        // case.
        disk.sync_dir(folder).map_err(LogError::io("sync", folder))?;
        Ok(Self { path, ..lock })
    }

    /// Writes the slot that is not the newest, and makes it durable.
    pub(super) fn write(&mut self, locked: &Locked) -> Result<(), LogError> {
        self.counter += 1;
        let slot = encode_slot(self.ledger, self.counter, locked);
        // A crash from here to the end of the sync spoils at most this slot; the other one keeps
        // the lock as it was.
        self.file
            .write_all_at(&slot, slot_offset(self.counter % 2))
            .map_err(LogError::io("write", &self.path))?;
        self.file.sync_data().map_err(LogError::io("sync", &self.path))
    }
}

const fn slot_offset(slot: u64) -> u64 {
    slot * SLOT_DISTANCE_BYTES
}

fn newest_slot(
    file: &dyn DiskFile,
    path: &Path,
    ledger: LedgerId,
) -> Result<(u64, Locked), LogError> {
    let mut newest = None;
    for slot in [0, 1] {
        let mut bytes = [0; SLOT_BYTES];
        match disk::read_exact_at(file, &mut bytes, slot_offset(slot)) {
            Ok(()) => {}
            // The second slot of a fresh lock was never written.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(source) => {
                return Err(LogError::Io { action: "read", path: path.into(), source });
            }
        }
        let Some((counter, of_ledger, locked)) = decode_slot(&bytes) else { continue };
        if of_ledger != ledger {
            return Err(LogError::ForeignLock { path: path.into(), found: of_ledger, ledger });
        }
        if newest.is_none_or(|(highest, _)| counter > highest) {
            newest = Some((counter, locked));
        }
    }
    newest.ok_or_else(|| LogError::LockDamaged { path: path.into() })
}

fn encode_slot(ledger: LedgerId, counter: u64, locked: &Locked) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend(SLOT_MAGIC);
    bytes.extend(ledger.0);
    bytes.extend(counter.to_be_bytes());
    bytes.extend(locked.size.0.to_be_bytes());
    bytes.extend(locked.root);
    bytes.extend(locked.time_ms.to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn decode_slot(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, LedgerId, Locked)> {
    let (summed, checksum) = bytes.split_last_chunk()?;
    if crc32fast::hash(summed) != u32::from_be_bytes(*checksum) {
        return None;
    }
    let (magic, rest) = summed.split_first_chunk::<8>()?;
    let (ledger, rest) = rest.split_first_chunk()?;
    let (counter, rest) = rest.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let (root, rest) = rest.split_first_chunk()?;
    let (time_ms, _) = rest.split_first_chunk()?;
    let locked = Locked {
        size: Seq(u64::from_be_bytes(*size)),
        root: *root,
        time_ms: u64::from_be_bytes(*time_ms),
    };
    (*magic == SLOT_MAGIC).then_some((u64::from_be_bytes(*counter), LedgerId(*ledger), locked))
}
