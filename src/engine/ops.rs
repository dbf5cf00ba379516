//! Which operations are in the log: about 20 bytes each in memory, every hit confirmed in the log.

use std::collections::HashMap;

use ledger_spec::ids::{Hash, OpId, Seq};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A keyed 64-bit fingerprint of every operation id, with its entry. The key follows from the
/// ledger's pepper, so nobody outside can choose ids that collide, and a snapshot can carry the
/// fingerprints.
pub(super) struct Ops {
    key: Zeroizing<Hash>,
    first: HashMap<u64, Seq>,
    /// Operations whose fingerprint was taken: about one in a million ledgers has any.
    others: Vec<(u64, Seq)>,
}

impl Ops {
    /// None yet.
    pub(super) fn keyed(pepper: &Hash) -> Self {
        let key = Sha256::new().chain_update(b"kenmai operation fingerprints").chain_update(pepper);
        let key = Zeroizing::new(key.finalize().into());
        Self { key, first: HashMap::new(), others: Vec::new() }
    }

    pub(super) fn insert(&mut self, op: OpId, seq: Seq) {
        self.insert_fingerprint(self.fingerprint(op), seq);
    }

    pub(super) fn insert_fingerprint(&mut self, fingerprint: u64, seq: Seq) {
        if *self.first.entry(fingerprint).or_insert(seq) != seq {
            self.others.push((fingerprint, seq));
        }
    }

    /// Entries that may hold the operation.
    pub(super) fn candidates(&self, op: OpId) -> impl Iterator<Item = Seq> {
        let fingerprint = self.fingerprint(op);
        let first = self.first.get(&fingerprint).copied();
        let others = self.others.iter().filter(move |(found, _)| *found == fingerprint);
        first.into_iter().chain(others.map(|(_, seq)| *seq))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.first.len() + self.others.len()
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize) {
        self.first.reserve(count);
    }

    /// Every fingerprint with its entry, in any order.
    #[expect(clippy::disallowed_methods, reason = "a reader puts them into a map again")]
    pub(super) fn fingerprints(&self) -> impl Iterator<Item = (u64, Seq)> {
        let first = self.first.iter().map(|(fingerprint, seq)| (*fingerprint, *seq));
        first.chain(self.others.iter().copied())
    }

    fn fingerprint(&self, op: OpId) -> u64 {
        let digest: Hash =
            Sha256::new().chain_update(*self.key).chain_update(op.0).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}
