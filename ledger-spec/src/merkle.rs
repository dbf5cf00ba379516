//! The Merkle tree of RFC 6962 section 2.1 with SHA-256, as C2SP tlog-tiles fixes it.
//!
//! A log of n leaves has one root hash. An *inclusion proof* shows that a leaf stands at its index
//! under a root; a *consistency proof* shows that a tree is the beginning of a larger one, that is,
//! that nothing was changed or removed. Both are lists of sibling hashes, and checking them needs
//! no other data.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::ids::Hash;

/// Largest tree that is built here. A consistency proof then has at most 63 hashes, which is what a
/// C2SP tlog-witness accepts; checking takes any size.
pub const MAX_TREE_SIZE: u64 = 1 << 62;

/// Most hashes an inclusion proof can have: the height of a tree whose size fills a `u64`.
pub const MAX_INCLUSION_HASHES: usize = 64;

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The leaf cannot be in the tree.
    #[error("leaf index {index} is outside a tree of {size} leaves")]
    IndexOutOfRange {
        /// Index of the leaf, from 0.
        index: u64,
        /// Number of leaves.
        size: u64,
    },
    /// A log only grows.
    #[error("the tree of {new_size} leaves is smaller than the earlier one of {old_size}")]
    Shrunk {
        /// Leaves of the earlier tree.
        old_size: u64,
        /// Leaves of the later tree.
        new_size: u64,
    },
    /// The number of hashes follows from the index and the sizes, and it is another one.
    #[error("the proof has too few or too many hashes for these tree sizes")]
    WrongLength,
    /// The hashes do not lead to the root: leaf, place, proof or root is not what it claims to be.
    #[error("the proof does not lead to the root hash")]
    RootMismatch,
}

/// Hash of a leaf: SHA-256(0x00 ‖ leaf).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Root of the tree over these leaf hashes; the empty tree is SHA-256 of nothing.
#[must_use]
pub fn root_of(leaf_hashes: &[Hash]) -> Hash {
    match leaf_hashes {
        [] => empty_root(),
        [only] => *only,
        many => {
            // The left part is the largest power of two below the size.
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The right edge of a growing tree: one hash for each full subtree from left to right, enough to
/// append and to name the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Roots of the full subtrees, the largest first; one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl Edge {
    /// The edge with these peaks, the largest first. The caller has as many peaks as `size` has
    /// bits set.
    pub(crate) const fn from_peaks(size: u64, peaks: Vec<Hash>) -> Self {
        Self { size, peaks }
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf_hash: Hash) {
        self.push_with(leaf_hash, |_, _| ());
    }

    /// Appends a leaf and hands out every hash that takes its place in a tile (C2SP tlog-tiles),
    /// with the level of that tile: the leaf at level 0, then the root of each tile that the leaf
    /// completes.
    pub fn push_with(&mut self, leaf_hash: Hash, mut placed: impl FnMut(u8, &Hash)) {
        let mut hash = leaf_hash;
        let mut height: u8 = 0;
        placed(0, &hash);
        // A set bit is a full subtree as large as the one in hand, and the two become one.
        let mut full_subtrees = self.size;
        while full_subtrees & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            height += 1;
            full_subtrees >>= 1;
            if height.is_multiple_of(8) {
                placed(height / 8, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let join = |right: Hash, left: &Hash| node_hash(left, &right);
        match self.peaks.split_last() {
            Some((smallest, larger)) => larger.iter().rev().fold(*smallest, join),
            None => empty_root(),
        }
    }
}

/// Checks that the leaf with this hash stands at `index` in the tree of `size` leaves under `root`
/// (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// When the index is outside the tree, or the proof has another length or leads to another root.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let (_, computed) = climb(*leaf_hash, index, size - 1, proof)?;
    if computed == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Checks that the tree of `old_size` leaves under `old_root` is the beginning of the tree of
/// `new_size` leaves under `new_root` (RFC 9162 section 2.1.4.2). Trees of equal size are equal;
/// the empty tree is the beginning of every tree; both need an empty proof.
///
/// # Errors
/// When the tree shrank, or the proof has another length or leads to another root.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    if old_size == 0 || old_size == new_size {
        let expected = if old_size == 0 { empty_root() } else { *new_root };
        let new_fits = new_size > 0 || *new_root == expected;
        return match proof {
            [] if *old_root == expected && new_fits => Ok(()),
            [] => Err(ProofError::RootMismatch),
            _ => Err(ProofError::WrongLength),
        };
    }
    // The walk starts at the last full subtree of the old tree. Where that is the whole old tree,
    // the proof leaves its hash out, because it is the old root.
    let (start, siblings) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::WrongLength)?
    };
    let height = (old_size - 1).trailing_ones();
    let (old, new) = climb(*start, (old_size - 1) >> height, (new_size - 1) >> height, siblings)?;
    if old == *old_root && new == *new_root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Walks from a node to the root. `node` is its index among the nodes of its height and `last` the
/// index of the last one. Gives the root of the tree that ends with the node, and the root of the
/// whole tree.
fn climb(
    start: Hash,
    mut node: u64,
    mut last: u64,
    siblings: &[Hash],
) -> Result<(Hash, Hash), ProofError> {
    let (mut ending_here, mut whole) = (start, start);
    for sibling in siblings {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            ending_here = node_hash(sibling, &ending_here);
            whole = node_hash(sibling, &whole);
            // The last node of a height has no sibling while its index is even: it moves up as it
            // is.
            let lonely = node.trailing_zeros();
            node >>= lonely;
            last >>= lonely;
        } else {
            whole = node_hash(&whole, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok((ending_here, whole)) } else { Err(ProofError::WrongLength) }
}
