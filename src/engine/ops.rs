//! Which operations are in the log: about 20 bytes each in memory, every hit confirmed in the log.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use ledger_spec::ids::{OpId, Seq};

/// A keyed 64-bit fingerprint of every operation id, with its entry. The key is drawn at start, so nobody can choose ids
/// that collide.
#[derive(Default)]
pub(super) struct Ops {
    hasher: RandomState,
    first: HashMap<u64, Seq>,
    /// Operations whose fingerprint was taken: about one in a million ledgers has any.
    others: Vec<(u64, Seq)>,
}

impl Ops {
    pub(super) fn insert(&mut self, op: OpId, seq: Seq) {
        let fingerprint = self.hasher.hash_one(op);
        if *self.first.entry(fingerprint).or_insert(seq) != seq {
            self.others.push((fingerprint, seq));
        }
    }

    /// Entries that may hold the operation.
    pub(super) fn candidates(&self, op: OpId) -> impl Iterator<Item = Seq> {
        let fingerprint = self.hasher.hash_one(op);
        let first = self.first.get(&fingerprint).copied();
        let others = self.others.iter().filter(move |(found, _)| *found == fingerprint);
        first.into_iter().chain(others.map(|(_, seq)| *seq))
    }
}
