//! The hash over all tables.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::cbor::{self, Wire};
use crate::ids::Hash;

/// Bytes that are hashed at once: rows are short, and each call has its price.
const HASH_CHUNK_BYTES: usize = 16 * 1024;

/// Hashes tables: a name, then each row behind its length.
#[derive(Default)]
pub(super) struct TableHasher {
    hasher: Sha256,
    waiting: Vec<u8>,
    row: cbor::Writer,
}

impl TableHasher {
    pub(super) fn name(&mut self, table: &str) {
        self.waiting.extend_from_slice(table.as_bytes());
    }

    pub(super) fn bytes(&mut self, row: &[u8]) {
        self.waiting.extend_from_slice(&(row.len() as u64).to_be_bytes());
        self.waiting.extend_from_slice(row);
        if self.waiting.len() >= HASH_CHUNK_BYTES {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    pub(super) fn row(&mut self, write: impl FnOnce(&mut cbor::Writer)) {
        let mut row = core::mem::take(&mut self.row);
        write(&mut row);
        self.bytes(row.as_bytes());
        row.clear();
        self.row = row;
    }

    pub(super) fn pairs<K: Wire, V: Wire>(&mut self, rows: &BTreeMap<K, V>) {
        for (key, value) in rows {
            self.row(|writer| {
                key.write(writer);
                value.write(writer);
            });
        }
    }

    pub(super) fn finish(mut self) -> Hash {
        self.hasher.update(&self.waiting);
        self.hasher.finalize().into()
    }
}
