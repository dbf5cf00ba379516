//! Tiles and entry bundles of C2SP tlog-tiles: their paths, their widths and the bytes of a bundle.
//!
//! A tile holds up to 256 consecutive hashes. Level 0 holds leaf hashes; level l holds the roots of
//! the *full* tiles of level l - 1. Full tiles never change. The last tile of a level can be
//! partial, and a narrower partial tile is always the beginning of a wider one.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use crate::text::parse_decimal;

/// Hashes in a full tile and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Bytes of a full tile.
pub const TILE_BYTES: usize = 8192;
/// Highest level that a path can name. A tree whose size is a `u64` ends at level 7.
pub const MAX_TILE_LEVEL: u8 = 63;
/// Highest index of a tile: its last leaf still has an index that is a `u64`.
pub const MAX_TILE_INDEX: u64 = u64::MAX / 256;
/// Longest path that is read; the longest that is written has 54 bytes.
pub const MAX_PATH_BYTES: usize = 64;
/// Longest entry that a bundle can carry.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Longest bundle: 256 entries of the longest length, each after its two length bytes.
pub const MAX_BUNDLE_BYTES: usize = 256 * (2 + MAX_ENTRY_BYTES);

/// Why a tile path or an entry bundle was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TileError {
    /// The path is not one that C2SP tlog-tiles spells.
    #[error(
        "not a tile path: expected tile/<0..63 or entries>/<index in groups like x001/067>[.p/<1..255>]"
    )]
    Path,
    /// Level, index or width outside what a path can name.
    #[error("no such tile: level {level}, index {index}, width {width}")]
    OutOfRange {
        /// Level, 0 for entries.
        level: u8,
        /// Index within the level.
        index: u64,
        /// Number of hashes or entries.
        width: u16,
    },
    /// The entry does not fit its two length bytes.
    #[error("an entry of {bytes} bytes is longer than a bundle can carry (65535)")]
    EntryTooLong {
        /// Length of the entry.
        bytes: usize,
    },
    /// A bundle has at least one entry and at most 256.
    #[error("a bundle carries 1 to 256 entries, not {entries}")]
    EntryCount {
        /// Number of entries.
        entries: usize,
    },
    /// The bundle ends within an entry.
    #[error("the bundle ends within entry {entry}")]
    BundleCut {
        /// Place of the entry in the bundle, from 0.
        entry: u16,
    },
    /// Bytes are left after the last entry.
    #[error("{bytes} bytes are left after the last entry of the bundle")]
    BundleRest {
        /// Number of bytes.
        bytes: usize,
    },
}

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of this level.
    Hashes(u8),
    /// The entries of a level 0 tile, a so-called entry bundle.
    Entries,
}

impl TileKind {
    /// The level of the tile; a bundle has the places of level 0.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }
}

/// The name of one tile or entry bundle. Its text form is the path below the log's prefix:
/// `tile/0/x001/x234/067`, `tile/1/000.p/17`, `tile/entries/000.p/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TileId {
    /// The tile with this index within its level, and this many hashes or entries (256 when full).
    ///
    /// # Errors
    /// [`TileError::OutOfRange`] when no path can name it.
    pub const fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TileError> {
        let level = kind.level();
        if level > MAX_TILE_LEVEL || index > MAX_TILE_INDEX || width == 0 || width > TILE_WIDTH {
            return Err(TileError::OutOfRange { level, index, width });
        }
        Ok(Self { kind, index, width })
    }

    /// The tile with this index as a tree of `size` leaves has it; none when it would be empty.
    #[must_use]
    pub fn at(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        Self::new(kind, index, width_at(kind.level(), index, size)).ok()
    }

    /// Reads a path. Each tile has exactly one spelling.
    ///
    /// # Errors
    /// [`TileError::Path`].
    pub fn parse(path: &str) -> Result<Self, TileError> {
        Self::parse_path(path).ok_or(TileError::Path)
    }

    fn parse_path(path: &str) -> Option<Self> {
        if path.len() > MAX_PATH_BYTES {
            return None;
        }
        let (kind, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(u8::try_from(parse_decimal(level)?).ok()?),
        };
        let (index, width) = match place.split_once(".p/") {
            Some((index, width)) => (index, u16::try_from(parse_decimal(width)?).ok()?),
            None => (place, TILE_WIDTH),
        };
        // A full tile has no suffix, so 256 must not be spelled out.
        if width == TILE_WIDTH && index.len() != place.len() {
            return None;
        }
        Self::new(kind, parse_index(index)?, width).ok()
    }

    /// What the tile holds.
    #[must_use]
    pub const fn kind(&self) -> TileKind {
        self.kind
    }

    /// Index within its level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes or entries, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Index of its first hash among the hashes of its level.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH as u64)
    }

    /// Whether a log of `size` leaves can serve it: a full tile, the partial one of this size, or
    /// one that was partial at a smaller size.
    #[must_use]
    pub fn exists_at(&self, size: u64) -> bool {
        self.width <= width_at(self.kind.level(), self.index, size)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut unit = 1;
        while self.index / unit >= 1000 {
            unit *= 1000;
        }
        while unit > 1 {
            write!(f, "x{:03}/", self.index / unit % 1000)?;
            unit /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Reads an index in groups of three digits, all but the last behind an `x`, without needless
/// groups.
fn parse_index(text: &str) -> Option<u64> {
    let (leading, last) = match text.rsplit_once('/') {
        Some((leading, last)) => (Some(leading), last),
        None => (None, text),
    };
    let mut index: u64 = 0;
    for group in leading.into_iter().flat_map(|groups| groups.split('/')) {
        index = index.checked_mul(1000)?.checked_add(parse_group(group.strip_prefix('x')?)?)?;
        if index == 0 {
            return None;
        }
    }
    index.checked_mul(1000)?.checked_add(parse_group(last)?)
}

fn parse_group(text: &str) -> Option<u64> {
    let three_digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if three_digits { text.parse().ok() } else { None }
}

/// Number of hashes that the tile has in a tree of `size` leaves: 0 (no such tile) to 256 (full).
#[must_use]
pub fn width_at(level: u8, index: u64, size: u64) -> u16 {
    let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    let before = index.saturating_mul(u64::from(TILE_WIDTH));
    u16::try_from(hashes.saturating_sub(before)).map_or(TILE_WIDTH, |width| width.min(TILE_WIDTH))
}

/// Writes an entry bundle: each entry after its length as two bytes, the high one first.
///
/// # Errors
/// When there are no entries, more than 256, or one is longer than [`MAX_ENTRY_BYTES`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    if entries.is_empty() || entries.len() > usize::from(TILE_WIDTH) {
        return Err(TileError::EntryCount { entries: entries.len() });
    }
    let mut bundle = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len())
            .map_err(|_| TileError::EntryTooLong { bytes: entry.len() })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads an entry bundle of exactly `width` entries, as its path says.
///
/// # Errors
/// When the width is not 1 to 256, the bytes end too early or do not end with the last entry.
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    if width == 0 || width > TILE_WIDTH {
        return Err(TileError::EntryCount { entries: usize::from(width) });
    }
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(usize::from(width));
    for entry in 0..width {
        let cut = TileError::BundleCut { entry };
        let (length, after) = rest.split_first_chunk().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (body, after) = after.split_at_checked(length).ok_or(cut)?;
        entries.push(body);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(TileError::BundleRest { bytes: rest.len() }) }
}
