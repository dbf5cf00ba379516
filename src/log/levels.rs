//! Levels: the hashes of the Merkle tree (RFC 6962), packed, one file a level.
//!
//! File `levels/0` is the leaf hashes one after another; each full 256 hashes of a level give one
//! hash of the next, so that the tile (L, N, W) of C2SP tlog-tiles is the bytes `N·8192 .. N·8192 +
//! 32·W` of file L. All of it can be computed from the log, so nothing here is on the path of a
//! commit: an append only writes, and [`Levels::sync`] makes it durable before the lock says so.
//! Opening trusts what the lock covers, cuts the rest, and the caller feeds it again.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

use ledger_spec::{
    ids::{Hash, Seq},
    merkle,
};

use super::{
    disk::{self, Disk, DiskFile, OpenMode},
    error::LogError,
    fail_stop::FailStop,
};

/// The folder of the levels within the log's folder.
pub const LEVELS_FOLDER: &str = "levels";
/// Hashes of a full tile (C2SP tlog-tiles).
pub const TILE_WIDTH: usize = 256;
/// Most hashes of one read.
pub const MAX_HASHES_PER_READ: usize = TILE_WIDTH;

const HASH_BYTES: u64 = 32;

/// One level as readers see it.
struct LevelFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    count: u64,
}

/// One level as the writer sees it.
struct Level {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    count: u64,
    /// The hashes after the last full tile, fewer than 256.
    open_tile: Vec<Hash>,
    synced: bool,
}

/// The one writer of the levels.
pub struct Levels {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    levels: Vec<Level>,
    names_synced: bool,
    fail_stop: FailStop,
    visible: Arc<RwLock<Vec<LevelFile>>>,
}

impl Levels {
    /// Opens the levels in the log's folder and keeps what `trusted` entries cover.
    ///
    /// The caller appends the leaf hashes from [`Levels::size`] on. Higher levels that are short
    /// are computed from those below.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        log_folder: &Path,
        trusted: Seq,
        fail_stop: FailStop,
    ) -> Result<Self, LogError> {
        let folder = log_folder.join(LEVELS_FOLDER);
        disk.create_dir_all(&folder).map_err(LogError::io("create", &folder))?;
        disk.sync_dir(log_folder).map_err(LogError::io("sync", log_folder))?;
        let mut opened = Self {
            disk,
            folder,
            levels: Vec::new(),
            names_synced: false,
            fail_stop,
            visible: Arc::new(RwLock::new(Vec::new())),
        };
        opened.open_files(trusted.0)?;
        opened.fill_upper_levels()?;
        opened.publish()?;
        Ok(opened)
    }

    /// Leaf hashes held; the place of the next.
    #[must_use]
    pub fn size(&self) -> Seq {
        Seq(self.levels.first().map_or(0, |level| level.count))
    }

    /// Adds the leaf hashes of the entries from `first_seq` on, and what they complete above. Not
    /// durable until [`Levels::sync`], readable at once.
    ///
    /// # Errors
    /// [`LogError::NotInSequence`] where `first_seq` is not [`Levels::size`]; [`LogError::Io`]
    /// stops levels and log: from then on every call gives [`LogError::Stopped`].
    pub fn append(&mut self, first_seq: Seq, leaf_hashes: &[Hash]) -> Result<(), LogError> {
        self.fail_stop.check()?;
        if first_seq != self.size() {
            return Err(LogError::NotInSequence { due: self.size(), found: first_seq });
        }
        // A crash during any of these writes leaves hashes past the lock, which the next opening
        // cuts.
        let extended = self.extend(leaf_hashes).and_then(|()| self.publish());
        self.fail_stop.stop_on_error(extended)
    }

    /// Makes all hashes durable.
    ///
    /// # Errors
    /// [`LogError::Io`] stops levels and log: from then on every call gives [`LogError::Stopped`].
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.fail_stop.check()?;
        let synced = self.sync_files();
        self.fail_stop.stop_on_error(synced)
    }

    fn sync_files(&mut self) -> Result<(), LogError> {
        for level in self.levels.iter_mut().filter(|level| !level.synced) {
            level.file.sync_data().map_err(LogError::io("sync", &level.path))?;
            level.synced = true;
        }
        if !self.names_synced {
            self.disk.sync_dir(&self.folder).map_err(LogError::io("sync", &self.folder))?;
            self.names_synced = true;
        }
        Ok(())
    }

    /// A reader of these levels.
    #[must_use]
    pub fn reader(&self) -> LevelsReader {
        LevelsReader { levels: Arc::clone(&self.visible) }
    }

    /// Opens every level there is, cut to what this many trusted leaves allow.
    fn open_files(&mut self, trusted: u64) -> Result<(), LogError> {
        let mut allowed = trusted;
        for number in 0.. {
            let path = self.folder.join(number.to_string());
            let file = match self.disk.open(&path, OpenMode::Write) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(source) => return Err(LogError::Io { action: "open", path, source }),
            };
            let size_bytes = file.size_bytes().map_err(LogError::io("measure", &path))?;
            let count = allowed.min(size_bytes / HASH_BYTES);
            if size_bytes > count * HASH_BYTES {
                // A crash here leaves the file longer or cut; the next opening does the same again.
                file.set_size_bytes(count * HASH_BYTES).map_err(LogError::io("cut", &path))?;
            }
            let open_count = count % TILE_WIDTH as u64;
            let open_tile = read_hashes(file.as_ref(), &path, count - open_count..count)?;
            self.levels.push(Level { file, path, count, open_tile, synced: false });
            allowed = count / TILE_WIDTH as u64;
        }
        Ok(())
    }

    fn fill_upper_levels(&mut self) -> Result<(), LogError> {
        for number in 0.. {
            let Some(level) = self.levels.get(number) else { break };
            let full_tiles = level.count / TILE_WIDTH as u64;
            let have = self.levels.get(number + 1).map_or(0, |above| above.count);
            for tile in have..full_tiles {
                let Some(level) = self.levels.get(number) else { break };
                let first = tile * TILE_WIDTH as u64;
                let range = first..first + TILE_WIDTH as u64;
                let hashes = read_hashes(level.file.as_ref(), &level.path, range)?;
                self.extend_one(number + 1, &[merkle::root_of(&hashes)])?;
            }
        }
        Ok(())
    }

    fn extend(&mut self, leaf_hashes: &[Hash]) -> Result<(), LogError> {
        let mut hashes = leaf_hashes.to_vec();
        for number in 0.. {
            if hashes.is_empty() {
                break;
            }
            hashes = self.extend_one(number, &hashes)?;
        }
        Ok(())
    }

    /// Adds hashes to one level and returns the roots of the tiles they complete.
    fn extend_one(&mut self, number: usize, hashes: &[Hash]) -> Result<Vec<Hash>, LogError> {
        if self.levels.get(number).is_none() {
            let path = self.folder.join(number.to_string());
            let file = disk::open_or_create(self.disk.as_ref(), &path)
                .map_err(LogError::io("create", &path))?;
            self.levels.push(Level { file, path, count: 0, open_tile: Vec::new(), synced: true });
            self.names_synced = false;
        }
        let Some(level) = self.levels.get_mut(number) else { return Ok(Vec::new()) };
        level.synced = false;
        level
            .file
            .write_all_at(hashes.as_flattened(), level.count * HASH_BYTES)
            .map_err(LogError::io("write", &level.path))?;
        level.count += hashes.len() as u64;
        level.open_tile.extend(hashes);
        let (full, open) = level.open_tile.as_chunks::<TILE_WIDTH>();
        let roots = full.iter().map(|tile| merkle::root_of(tile)).collect();
        level.open_tile = open.to_vec();
        Ok(roots)
    }

    /// Shows readers what is written.
    fn publish(&self) -> Result<(), LogError> {
        let mut visible = self.visible.write().map_err(|_| LogError::thread_died())?;
        for (number, level) in self.levels.iter().enumerate() {
            match visible.get_mut(number) {
                Some(seen) => seen.count = level.count,
                None => visible.push(LevelFile {
                    file: Arc::clone(&level.file),
                    path: level.path.clone(),
                    count: level.count,
                }),
            }
        }
        Ok(())
    }
}

/// Reads hashes while the writer goes on; cheap to clone.
#[derive(Clone)]
pub struct LevelsReader {
    levels: Arc<RwLock<Vec<LevelFile>>>,
}

impl LevelsReader {
    /// Hashes of a level.
    ///
    /// # Errors
    /// [`LogError::Stopped`] where a thread died while it held the levels.
    pub fn count(&self, level: usize) -> Result<u64, LogError> {
        let levels = self.levels.read().map_err(|_| LogError::thread_died())?;
        Ok(levels.get(level).map_or(0, |level| level.count))
    }

    /// `count` hashes of a level from its `first` on, or `None` where the level does not hold them
    /// all, or where more than [`MAX_HASHES_PER_READ`] are asked for. The tile (L, N, W) is
    /// `read(L, 256·N, W)`.
    ///
    /// # Errors
    /// [`LogError::Io`] where the file cannot be read.
    pub fn read(
        &self,
        level: usize,
        first: u64,
        count: usize,
    ) -> Result<Option<Vec<Hash>>, LogError> {
        let levels = self.levels.read().map_err(|_| LogError::thread_died())?;
        let end = first.saturating_add(count as u64);
        let Some(level) = levels.get(level).filter(|level| end <= level.count) else {
            return Ok((count == 0).then(Vec::new));
        };
        if count > MAX_HASHES_PER_READ {
            return Ok(None);
        }
        let (file, path) = (Arc::clone(&level.file), level.path.clone());
        drop(levels);
        read_hashes(file.as_ref(), &path, first..end).map(Some)
    }
}

fn read_hashes(
    file: &dyn DiskFile,
    path: &Path,
    places: Range<u64>,
) -> Result<Vec<Hash>, LogError> {
    let offset = places.start * HASH_BYTES;
    let mut hashes: Vec<Hash> = places.map(|_| [0; 32]).collect();
    disk::read_exact_at(file, hashes.as_flattened_mut(), offset)
        .map_err(LogError::io("read", path))?;
    Ok(hashes)
}
