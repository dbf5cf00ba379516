//! Proofs out of tiles: what a server computes from its packed levels, and a client from what it
//! fetched.
//!
//! A proof needs at most two tiles of each level, the one that holds the leaf and the last one, and
//! each is read once. What is built from tiles that a stranger served proves nothing by itself:
//! compare the root with a signed checkpoint, or check the proof.

use alloc::{collections::BTreeMap, vec::Vec};

use thiserror::Error;

use crate::{
    ids::Hash,
    merkle::{Edge, MAX_TREE_SIZE, node_hash, root_of},
    tile::{TILE_WIDTH, TileId, TileKind},
};

/// Where tiles come from: packed files, memory, or a server.
pub trait HashSource {
    /// Why a tile could not be read.
    type Error;

    /// Reads the hashes of this tile, exactly as many as its width. Only [`TileKind::Hashes`] is
    /// asked for.
    ///
    /// # Errors
    /// When the tile cannot be read.
    fn tile(&self, tile: &TileId) -> Result<Vec<Hash>, Self::Error>;
}

/// Why a proof could not be built, or tiles do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// There is no such leaf, no such earlier tree, or the tree is larger than [`MAX_TREE_SIZE`].
    #[error("no proof for {of} in a tree of {size} leaves")]
    OutOfRange {
        /// Index of the leaf, or size of the earlier tree.
        of: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The source failed.
    #[error("a tile could not be read")]
    Source(#[source] E),
    /// The source gave another number of hashes than the tile has.
    #[error("{tile} has {got} hashes")]
    Width {
        /// The tile asked for.
        tile: TileId,
        /// Number of hashes that came.
        got: usize,
    },
    /// A hash of an upper tile is not the root of the full tile below.
    #[error("hash {index} of level {level} is not the root of the tile below it")]
    UpperTile {
        /// Level of the upper tile, from 1.
        level: u8,
        /// Index of the hash within the level.
        index: u64,
    },
}

/// Builds the inclusion proof of the leaf at `index` in the tree of `size` leaves (RFC 9162 section
/// 2.1.3.1), from the leaf's sibling upward.
///
/// # Errors
/// When there is no such leaf, or a tile cannot be read.
pub fn inclusion_proof<S: HashSource>(
    source: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if index >= size || size > MAX_TREE_SIZE {
        return Err(ProveError::OutOfRange { of: index, size });
    }
    let mut proof = Vec::new();
    Tree::new(source, size).add_siblings(0, index, &mut proof)?;
    Ok(proof)
}

/// Builds the consistency proof from the tree of `old_size` leaves to that of `new_size` (RFC 9162
/// section 2.1.4.1). It is empty when the sizes are equal or the old tree is.
///
/// # Errors
/// When the old tree is larger than the other, or a tile cannot be read.
pub fn consistency_proof<S: HashSource>(
    source: &S,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if old_size > new_size || new_size > MAX_TREE_SIZE {
        return Err(ProveError::OutOfRange { of: old_size, size: new_size });
    }
    let mut proof = Vec::new();
    if old_size == 0 || old_size == new_size {
        return Ok(proof);
    }
    let mut tree = Tree::new(source, new_size);
    let height = (old_size - 1).trailing_ones();
    let last_full_subtree = (old_size - 1) >> height;
    if !old_size.is_power_of_two() {
        proof.push(tree.node(height, last_full_subtree)?);
    }
    tree.add_siblings(height, last_full_subtree, &mut proof)?;
    Ok(proof)
}

/// Reads the right edge of the tree of `size` leaves, to go on appending or to name its root.
///
/// # Errors
/// When the tree is too large or a tile cannot be read.
pub fn edge<S: HashSource>(source: &S, size: u64) -> Result<Edge, ProveError<S::Error>> {
    if size > MAX_TREE_SIZE {
        return Err(ProveError::OutOfRange { of: size, size });
    }
    let mut peaks = Tree::new(source, size).peaks_from(0)?;
    peaks.reverse();
    Ok(Edge::from_peaks(size, peaks))
}

/// Checks that every hash of every upper level is the root of the full tile below it. With level 0
/// checked against the entries and [`edge`] against the signed root, all tiles of a log are
/// checked.
///
/// # Errors
/// [`ProveError::UpperTile`] at the first hash that differs; others when a tile cannot be read.
pub fn check_upper_levels<S: HashSource>(
    source: &S,
    size: u64,
) -> Result<(), ProveError<S::Error>> {
    for level in 1.. {
        let kind = TileKind::Hashes(level);
        if TileId::at(kind, 0, size).is_none() {
            break;
        }
        let tiles = (0..).map_while(|index| TileId::at(kind, index, size));
        for tile in tiles {
            for (index, expected) in (tile.first()..).zip(read(source, &tile)?) {
                let below = TileId::at(TileKind::Hashes(level - 1), index, size)
                    .ok_or(ProveError::OutOfRange { of: index, size })?;
                if root_of(&read(source, &below)?) != expected {
                    return Err(ProveError::UpperTile { level, index });
                }
            }
        }
    }
    Ok(())
}

fn read<S: HashSource>(source: &S, tile: &TileId) -> Result<Vec<Hash>, ProveError<S::Error>> {
    let hashes = source.tile(tile).map_err(ProveError::Source)?;
    if hashes.len() == usize::from(tile.width()) {
        Ok(hashes)
    } else {
        Err(ProveError::Width { tile: *tile, got: hashes.len() })
    }
}

/// A tree of one size, with the tiles read so far.
struct Tree<'s, S> {
    source: &'s S,
    size: u64,
    tiles: BTreeMap<TileId, Vec<Hash>>,
}

impl<'s, S: HashSource> Tree<'s, S> {
    const fn new(source: &'s S, size: u64) -> Self {
        Self { source, size, tiles: BTreeMap::new() }
    }

    /// Adds the siblings on the way from a node to the root. The tree has at least one leaf.
    fn add_siblings(
        &mut self,
        mut height: u32,
        mut node: u64,
        proof: &mut Vec<Hash>,
    ) -> Result<(), ProveError<S::Error>> {
        let mut last = (self.size - 1) >> height;
        while last > 0 {
            if node & 1 == 1 {
                proof.push(self.node(height, node - 1)?);
            } else if node + 1 < last {
                proof.push(self.node(height, node + 1)?);
            } else if node + 1 == last {
                proof.push(self.rest_from((node + 1) << height)?);
            }
            node >>= 1;
            last >>= 1;
            height += 1;
        }
        Ok(())
    }

    /// Hash of a full subtree: node `index` among those of its height.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, ProveError<S::Error>> {
        let out_of_range = ProveError::OutOfRange { of: index, size: self.size };
        // The subtree spans up to 128 hashes of one tile, a power of two.
        let span = height % 8;
        let first = index << span;
        let Some(tile) = u8::try_from(height / 8).ok().and_then(|level| {
            TileId::at(TileKind::Hashes(level), first / u64::from(TILE_WIDTH), self.size)
        }) else {
            return Err(out_of_range);
        };
        if !self.tiles.contains_key(&tile) {
            let hashes = read(self.source, &tile)?;
            self.tiles.insert(tile, hashes);
        }
        let [offset, ..] = first.to_le_bytes();
        let places = usize::from(offset)..usize::from(offset) + (1 << span);
        self.tiles.get(&tile).and_then(|hashes| hashes.get(places)).map(root_of).ok_or(out_of_range)
    }

    /// Root over the leaves from `start` to the end, where `start` begins a subtree that reaches
    /// the end.
    fn rest_from(&mut self, start: u64) -> Result<Hash, ProveError<S::Error>> {
        let out_of_range = ProveError::OutOfRange { of: start, size: self.size };
        self.peaks_from(start)?
            .into_iter()
            .reduce(|right, left| node_hash(&left, &right))
            .ok_or(out_of_range)
    }

    /// Roots of the full subtrees from `start` to the end, the smallest (rightmost) first.
    fn peaks_from(&mut self, start: u64) -> Result<Vec<Hash>, ProveError<S::Error>> {
        let mut peaks = Vec::new();
        let mut end = self.size;
        while end > start {
            let height = (end - start).trailing_zeros();
            peaks.push(self.node(height, (end >> height) - 1)?);
            end -= 1 << height;
        }
        Ok(peaks)
    }
}
