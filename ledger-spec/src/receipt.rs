//! Receipts (C2SP tlog-proof, `c2sp.org/tlog-proof@v1`): an offline proof that an entry is in the
//! log.
//!
//! A receipt is a small text file. Whoever has it, the leaf and the log's verifier key can check it
//! without asking anybody.

use alloc::{string::String, vec::Vec};
use core::fmt;

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::cose::aad;
use crate::entry::{Accounting, Effect};
use crate::ids::{DayKid, Kid};
use crate::statement::Statement;
use crate::time::Day;
use crate::token::{PayToken, PinProof, SignedMessage};
use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    ids::Hash,
    merkle::{MAX_INCLUSION_HASHES, ProofError, leaf_hash, verify_inclusion},
    note::{MAX_NOTE_BYTES, Note, NoteError, VerifierKey},
    text::{parse_base64, parse_decimal, parse_hash},
};

/// Longest extra data: an opened entry is far smaller.
pub const MAX_EXTRA_BYTES: usize = 64 * 1024;
/// Longest receipt: extra data in base64, the proof, the checkpoint and the fixed words.
pub const MAX_RECEIPT_BYTES: usize =
    MAX_EXTRA_BYTES.div_ceil(3) * 4 + MAX_INCLUSION_HASHES * 45 + MAX_NOTE_BYTES + 64;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why a receipt was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// Longer than [`MAX_RECEIPT_BYTES`].
    #[error("the receipt has {bytes} bytes, more than any receipt")]
    TooLong {
        /// Length of the receipt.
        bytes: usize,
    },
    /// Not a receipt, or of another version.
    #[error("a receipt begins with the line c2sp.org/tlog-proof@v1")]
    FirstLine,
    /// The extra line is empty, too long or not base64.
    #[error("the extra line of a receipt carries 1 to 65536 bytes in base64")]
    Extra,
    /// No index line, or not a decimal with one spelling.
    #[error("the index line of a receipt reads: index <decimal without leading zero>")]
    Index,
    /// A line of the proof is not 32 bytes in base64.
    #[error("line {line} of the proof is not 32 bytes in base64")]
    ProofHash {
        /// Number of the line within the proof, from 1.
        line: usize,
    },
    /// More than [`MAX_INCLUSION_HASHES`].
    #[error("the proof has more than 64 hashes")]
    TooManyHashes,
    /// No empty line between proof and checkpoint.
    #[error("the receipt ends without an empty line and a checkpoint")]
    NoCheckpoint,
    /// The checkpoint was refused.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof was refused.
    #[error("inclusion: {0}")]
    Proof(#[from] ProofError),
}

impl From<NoteError> for ReceiptError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

/// A receipt. Its text form is the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the holder needs to compute the leaf; at most [`MAX_EXTRA_BYTES`]. Nothing vouches for
    /// it: it is worth believing only where the leaf computed from it is proved.
    pub extra: Vec<u8>,
    /// Index of the leaf.
    pub index: u64,
    /// Sibling hashes from the leaf upward.
    pub proof: Vec<Hash>,
    /// The signed checkpoint with all its signature lines, as the log gave it.
    pub checkpoint: String,
}

impl Receipt {
    /// Reads a receipt. Formatting it again gives the same bytes.
    ///
    /// # Errors
    /// Names the part that is not as the specification says; the checkpoint's form is checked, its
    /// signatures are not.
    pub fn parse(receipt: &str) -> Result<Self, ReceiptError> {
        if receipt.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLong { bytes: receipt.len() });
        }
        let (head, checkpoint) = receipt.split_once("\n\n").ok_or(ReceiptError::NoCheckpoint)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ReceiptError::FirstLine);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => parse_extra(line)?,
            None => Vec::new(),
        };
        let index = lines
            .next()
            .and_then(|line| parse_decimal(line.strip_prefix("index ")?))
            .ok_or(ReceiptError::Index)?;
        let mut proof = Vec::new();
        for (number, line) in (1..).zip(lines) {
            if number > MAX_INCLUSION_HASHES {
                return Err(ReceiptError::TooManyHashes);
            }
            proof.push(parse_hash(line).ok_or(ReceiptError::ProofHash { line: number })?);
        }
        Checkpoint::parse(Note::parse(checkpoint)?.text())?;
        Ok(Self { extra, index, proof, checkpoint: checkpoint.into() })
    }

    /// Checks that this leaf is in the log: the checkpoint is the log's and signed by it, and the
    /// proof leads from the leaf to its root. Gives the checkpoint. Cosignatures are a matter of
    /// the reader's policy: check them with [`Note::parse`] and [`Note::verify`] on `checkpoint`.
    ///
    /// # Errors
    /// When the checkpoint or the proof is refused.
    pub fn verify(&self, leaf: &[u8], log: &VerifierKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(&Note::parse(&self.checkpoint)?, log)?;
        let leaf = leaf_hash(leaf);
        verify_inclusion(&leaf, self.index, checkpoint.size, &self.proof, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, ReceiptError> {
    let extra = line.strip_prefix("extra ").and_then(parse_base64).ok_or(ReceiptError::Extra)?;
    // Without extra data the line is left out, so an empty one would be a second spelling.
    if extra.is_empty() || extra.len() > MAX_EXTRA_BYTES {
        return Err(ReceiptError::Extra);
    }
    Ok(extra)
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", BASE64.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// What an entry keeps of a resident's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptConsent {
    /// A pay token, or a PIN proof.
    pub what: &'static str,
    /// Names the key that signed it.
    pub kid: Kid,
    /// Whether its signature was checked: its key was given, and the receipt alone gives its bytes.
    pub is_checked: bool,
}

/// The consent that an entry keeps. `keys` are public keys of phones and of the ledger's `pin`
/// role.
///
/// # Errors
/// What has a signature that is not by the one of these keys that it names.
pub fn kept_consent(
    accounting: &Accounting,
    statement: &Statement,
    keys: &[VerifyingKey],
) -> Result<Option<KeptConsent>, &'static str> {
    let (ledger, terminal) = (statement.core.ledger, statement.kid);
    let shop = statement.core.shop();
    for effect in &accounting.effects {
        let token = SignedMessage::<PayToken>::kept_in(effect, ledger, shop)
            .map(|token| ("pay token", aad::PAY, token.to_sign1()));
        let proof = SignedMessage::<PinProof>::kept_in(effect, ledger, terminal);
        let proof = proof.map(|proof| ("PIN proof", aad::PIN, proof.to_sign1()));
        let Some((what, aad, signed)) = token.or(proof) else { continue };
        // Which place a till that gave a reward stands at is not in its entry.
        let named = matches!(effect, Effect::TokenSpent { confirmed: true, .. });
        let is_whole = !named || shop.is_some();
        let named = |key: &&VerifyingKey| {
            if let Effect::TokenSpent { exp_s, day_kid, .. } = effect {
                let day = Day::of_ms(exp_s.saturating_mul(1_000));
                return DayKid::of(key.as_bytes(), day) == *day_kid;
            }
            Kid::of(key.as_bytes()) == signed.kid
        };
        let key = keys.iter().find(named);
        let key = key.filter(|_| is_whole);
        key.map_or(Ok(()), |key| signed.verify(key, aad)).map_err(|_| what)?;
        return Ok(Some(KeptConsent { what, kid: signed.kid, is_checked: key.is_some() }));
    }
    Ok(None)
}
