//! Checkpoints (C2SP tlog-checkpoint v1.0.0): the signed head of a log.
//!
//! The text has exactly three lines: origin, number of leaves, root hash. Extension lines, which
//! the specification discourages, are refused, because witnesses do; time comes from cosignatures.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::{fmt, slice};

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use thiserror::Error;

use crate::{
    ids::Hash,
    merkle::empty_root,
    note::{Note, NoteError, NoteSignature, VerifierKey},
    text::{parse_decimal, parse_hash},
};

/// Longest origin; it is the log's key name too.
pub const MAX_ORIGIN_BYTES: usize = crate::note::MAX_NAME_BYTES;

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not exactly three lines, each with its newline.
    #[error("a checkpoint has exactly three lines: origin, size, root hash")]
    Lines,
    /// The origin is empty or longer than [`MAX_ORIGIN_BYTES`].
    #[error("line 1 of a checkpoint is the log's origin, 1 to 255 bytes")]
    Origin,
    /// The size is not a decimal with one spelling.
    #[error("line 2 of a checkpoint is the number of leaves, a decimal without leading zero")]
    Size,
    /// The root is not 32 bytes in base64.
    #[error("line 3 of a checkpoint is the root hash, 32 bytes in base64")]
    Root,
    /// A log without leaves has only one possible root.
    #[error("a checkpoint of size 0 has another root hash than the empty tree")]
    EmptyTreeRoot,
    /// The checkpoint is of another log than the key.
    #[error("the checkpoint is of log {found}, not of {expected}")]
    OtherLog {
        /// Name of the key that was asked for.
        expected: String,
        /// Origin in the checkpoint.
        found: String,
    },
    /// The note around the checkpoint was refused.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// A log's state: how many leaves it has and the hash over all of them. Its text form is the text
/// of the signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, a URL prefix without scheme; equal to its key's name.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a checkpoint, without signatures. Formatting it again gives the same
    /// bytes.
    ///
    /// # Errors
    /// Names the line that is not as the specification says.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty() || origin.len() > MAX_ORIGIN_BYTES {
            return Err(CheckpointError::Origin);
        }
        let size = parse_decimal(size).ok_or(CheckpointError::Size)?;
        let root = parse_hash(root).ok_or(CheckpointError::Root)?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::EmptyTreeRoot);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Signs it with the log's key, whose name is the origin. The caller never signs two
    /// checkpoints that are inconsistent with each other.
    ///
    /// # Errors
    /// When the origin cannot be a key name.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        let text = self.to_string();
        let signature = NoteSignature::sign(&text, &self.origin, key)?;
        Ok(Note::new(&text, signature)?)
    }

    /// Opens a signed checkpoint of the log with this key: the origin is the key's name and the
    /// signature verifies. Lines of other keys are ignored; check witnesses with [`Note::verify`].
    ///
    /// # Errors
    /// When the note or the checkpoint is malformed, of another log, or not signed by the key.
    pub fn open(note: &Note, log: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(slice::from_ref(log))?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != log.name() {
            return Err(CheckpointError::OtherLog {
                expected: log.name().to_owned(),
                found: checkpoint.origin,
            });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(&self.root))
    }
}
