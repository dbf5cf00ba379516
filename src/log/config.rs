//! Which log, and where.

use std::path::{Path, PathBuf};

use ledger_spec::ids::LedgerId;

use super::disk::{Disk, OpenMode};
use super::segments::{SEGMENT_BYTES, SEGMENTS_FOLDER};

/// The log's folder within the data folder.
pub const LOG_FOLDER: &str = "log";

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

    pub(super) fn log_folder(&self) -> PathBuf {
        self.data_folder.join(LOG_FOLDER)
    }
}

/// The bytes of the segment files in a data folder, for a bar of progress; 0 where that cannot be
/// told.
pub fn size_bytes(disk: &dyn Disk, data_folder: &Path) -> u64 {
    let folder = data_folder.join(LOG_FOLDER).join(SEGMENTS_FOLDER);
    let size = |name: String| disk.open(&folder.join(name), OpenMode::Read)?.size_bytes();
    disk.list(&folder).unwrap_or_default().into_iter().map(|name| size(name).unwrap_or(0)).sum()
}
