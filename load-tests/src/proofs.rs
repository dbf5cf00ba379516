//! Receipts that came with answers, checked as their holders would.

use ledger_spec::cbor;
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::entry::Opened;
use ledger_spec::ids::Seq;
use ledger_spec::note::{Note, VerifierKey};
use ledger_spec::receipt::Receipt;

use crate::Failure;

/// What a receipt proved: a leaf, and its place.
pub(crate) struct Proved {
    pub(crate) seq: Seq,
    pub(crate) leaf: Vec<u8>,
}

impl Proved {
    /// Checks the bare proof in a verdict against the log's key.
    pub(crate) fn by_verdict(verdict: &[u8], log: &VerifierKey) -> Result<Self, Failure> {
        let verdict: serde_json::Value = serde_json::from_slice(verdict)?;
        let proof = verdict.get("proof").and_then(|proof| proof.as_str());
        let receipt = Receipt::parse(proof.ok_or("a verdict without proof")?)?;
        let mut extra = cbor::Reader::new(&receipt.extra);
        extra.array_of(1, "extra")?;
        let leaf = extra.bytes()?.to_vec();
        Self::of(&receipt, leaf, log)
    }

    /// Checks a receipt that is opened for its resident.
    pub(crate) fn by_receipt(receipt: &[u8], log: &VerifierKey) -> Result<Self, Failure> {
        let receipt = Receipt::parse(std::str::from_utf8(receipt)?)?;
        let leaf = cbor::from_bytes::<Opened>(&receipt.extra)?.leaf();
        Self::of(&receipt, leaf, log)
    }

    fn of(receipt: &Receipt, leaf: Vec<u8>, log: &VerifierKey) -> Result<Self, Failure> {
        receipt.verify(&leaf, log)?;
        Ok(Self { seq: Seq(receipt.index), leaf })
    }
}

/// The number of entries under a checkpoint, if the log signed it.
pub(crate) fn checkpoint_size(checkpoint: &str, log: &VerifierKey) -> Result<u64, Failure> {
    Ok(Checkpoint::open(&Note::parse(checkpoint)?, log)?.size)
}
