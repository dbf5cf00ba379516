//! The level files against the hashes that follow from the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_spec::ids::Hash;
use ledger_spec::tile::TILE_BYTES;

use crate::log::LOG_FOLDER;
use crate::log::disk::{Disk, DiskFile, OpenMode};
use crate::log::levels::LEVELS_FOLDER;

const HASH_BYTES: u64 = 32;

/// The level files, read along with the log.
pub(super) struct LevelFiles<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    levels: Vec<ComparedLevel>,
    compared: u64,
}

struct ComparedLevel {
    file: Option<Arc<dyn DiskFile>>,
    /// Hashes that the log has given this level so far.
    due: u64,
    /// Hashes of them that the file holds.
    held: u64,
    /// The bytes of the tile in hand, as far as the file has them.
    tile: Vec<u8>,
}

/// A hash in a level file that does not follow from the log.
pub(super) struct OtherHash {
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

impl<'a> LevelFiles<'a> {
    pub(super) fn new(disk: &'a dyn Disk, data_folder: &Path) -> Self {
        let folder = data_folder.join(LOG_FOLDER).join(LEVELS_FOLDER);
        Self { disk, folder, levels: Vec::new(), compared: 0 }
    }

    /// Hashes found to be right.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// Compares the next hash of a level. A file that ends earlier is no fault yet: the server
    /// completes it.
    pub(super) fn compare(&mut self, level: u8, hash: &Hash) -> Result<(), OtherHash> {
        let number = usize::from(level);
        while self.levels.len() <= number {
            let path = self.path(self.levels.len());
            let file = self.disk.open(&path, OpenMode::Read).ok();
            self.levels.push(ComparedLevel { file, due: 0, held: 0, tile: Vec::new() });
        }
        let path = self.path(number);
        let Some(level) = self.levels.get_mut(number) else { return Ok(()) };
        let place = level.due;
        level.due += 1;
        let [in_tile, ..] = place.to_le_bytes();
        if in_tile == 0 {
            level.tile = level.file.as_deref().map_or_else(Vec::new, |f| read_tile(f, place));
        }
        let stored = level.tile.as_chunks::<32>().0.get(usize::from(in_tile));
        match stored {
            Some(stored) if stored == hash => {
                level.held += 1;
                self.compared += 1;
                Ok(())
            }
            Some(_) => {
                let reason = format!("hash {place} of level {number} is not the one of the log");
                Err(OtherHash { path, reason })
            }
            None => Ok(()),
        }
    }

    /// Level 0 must hold all that the lock covers.
    pub(super) fn check_length(&self, locked_size: u64) -> Result<(), OtherHash> {
        for (number, level) in self.levels.iter().enumerate() {
            let shift = u32::try_from(number).map_or(u32::MAX, |number| 8 * number);
            let due = locked_size.checked_shr(shift).unwrap_or(0).min(level.due);
            if level.held < due {
                let held = level.held;
                let reason = format!("level {number} holds {held} hashes where {due} are locked");
                return Err(OtherHash { path: self.path(number), reason });
            }
        }
        Ok(())
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

/// The bytes of the tile that begins with this hash, fewer where the file ends.
fn read_tile(file: &dyn DiskFile, first: u64) -> Vec<u8> {
    let mut tile = vec![0; TILE_BYTES];
    let mut done = 0;
    while let Some(rest) = tile.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, first * HASH_BYTES + done as u64) {
            Ok(0) | Err(_) => break,
            Ok(count) => done += count,
        }
    }
    tile.truncate(done);
    tile
}
