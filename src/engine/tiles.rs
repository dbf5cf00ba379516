//! The public side of the log: hashes of the tree and leaves of the entries.

use ledger_spec::ids::{Hash, Seq};
use ledger_spec::prove::HashSource;
use ledger_spec::tile::{self, TileId, TileKind};

use super::error::EngineError;
use super::read::read_entry;
use crate::log::{LevelsReader, LogError, LogReader};

/// Serves tiles and entry bundles out of packed level files and frames.
#[derive(Clone)]
pub struct TileSource {
    pub(super) log: LogReader,
    pub(super) levels: LevelsReader,
}

impl TileSource {
    /// The bytes of a tile or entry bundle that exists at this tree size.
    ///
    /// # Errors
    /// [`EngineError`]
    pub fn bytes(&self, tile: &TileId, size: u64) -> Result<Option<Vec<u8>>, EngineError> {
        if !tile.exists_at(size) {
            return Ok(None);
        }
        match tile.kind() {
            TileKind::Hashes(_) => Ok(Some(self.tile(tile)?.concat())),
            TileKind::Entries => self.bundle(tile).map(Some),
        }
    }

    fn bundle(&self, tile: &TileId) -> Result<Vec<u8>, EngineError> {
        let first = tile.first();
        let leaves = (first..first + u64::from(tile.width()))
            .map(|seq| {
                let (entry, _) =
                    read_entry(&self.log, &self.levels, Seq(seq))?.ok_or_else(|| missing(seq))?;
                Ok(entry.leaf())
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        tile::encode_bundle(&leaves)
            .map_err(|error| EngineError::Entry { seq: Seq(first), reason: error.to_string() })
    }
}

fn missing(seq: u64) -> EngineError {
    EngineError::Entry { seq: Seq(seq), reason: "not in the log".to_owned() }
}

impl HashSource for TileSource {
    type Error = LogError;

    fn tile(&self, tile: &TileId) -> Result<Vec<Hash>, LogError> {
        self.levels.tile(tile)
    }
}

impl HashSource for LevelsReader {
    type Error = LogError;

    fn tile(&self, tile: &TileId) -> Result<Vec<Hash>, LogError> {
        let level = match tile.kind() {
            TileKind::Hashes(level) => usize::from(level),
            TileKind::Entries => 0,
        };
        // A level that is short reads as an empty tile, which every proof refuses.
        let hashes = self.read(level, tile.first(), usize::from(tile.width()))?;
        Ok(hashes.unwrap_or_default())
    }
}
