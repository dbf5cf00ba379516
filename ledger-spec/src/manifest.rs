//! Manifests: one signature over many rows.
//!
//! A manifest is a statement whose body lists the SHA-256 of each of its rows. A *row* is a core
//! like any other statement's, without a signature of its own: the manifest's signature covers it
//! through the list. So a city can send a year's check-ups with one signature for every 2,000 of
//! them, and each row is still an entry of its own, judged by the same rules, with its own account,
//! effects and receipt.
//!
//! On the wire a manifest is a CBOR sequence (RFC 8742): the signed core, then the rows in the
//! order of the list.

use alloc::vec::Vec;

use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::cbor::{self, Blob, CborError, Reader, Wire, Writer, wire_array};
use crate::cose::Sign1;
use crate::ids::{Hash, Kid, LedgerId, OpId, Seq, first_bytes};
use crate::kept::{KeptRow, ROW_PART_BYTES_MAX};
use crate::kinds::{self, Body, Kind};
use crate::statement::{
    self, Core, Disclosure, Holder, RowPlace, Statement, StatementError, seal_of,
};

/// The most rows of one manifest: their hashes fit into one entry.
pub const ROWS_MAX: usize = 2_000;
/// The largest manifest with its rows.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// The outcome of a row whose operation id belongs to another statement; below it stand
/// [`crate::decide::Rejection`]s.
pub const OUTCOME_OPERATION_REUSED: u8 = 255;

/// Why bytes are not a manifest that anyone could accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Longer than [`MANIFEST_BYTES_MAX`].
    #[error("a manifest has at most {MANIFEST_BYTES_MAX} bytes with its rows")]
    TooLarge,
    /// The signed core.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The first item is another kind of statement.
    #[error("the first item is not a manifest")]
    NotAManifest,
    /// Fewer or more rows than the manifest lists.
    #[error("{found} rows follow where the manifest lists {listed}")]
    Count {
        /// Rows in the list.
        listed: usize,
        /// Rows that follow.
        found: usize,
    },
    /// One row.
    #[error("row {index}: {error}")]
    Row {
        /// Its place, from 0.
        index: usize,
        /// What is wrong.
        error: RowError,
    },
}

/// Why a row is not the one that was signed, or cannot stand in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// The bytes are not in the row's form.
    #[error(transparent)]
    Form(#[from] CborError),
    /// The row is not the one in the list.
    #[error("it is not the row that was signed")]
    Hash,
    /// It names another ledger, another kind than the manifest, or an operation id that is not its
    /// own.
    #[error("its ledger, kind or operation id is not the manifest's")]
    Foreign,
    /// Its disclosure is missing, superfluous, or not the one that was sealed.
    #[error("its disclosure does not match `sealed`")]
    Sealed,
    /// A pay token lives for minutes and belongs to one act: a row names a card or an account.
    #[error("a row cannot hold a phone's code")]
    PayToken,
}

wire_array!(
    /// A row on its way to the server.
    Row {
        /// The core's bytes.
        core: Blob<ROW_PART_BYTES_MAX>,
        /// The disclosure's bytes, for kinds that have one.
        disclosure: Option<Blob<ROW_PART_BYTES_MAX>>,
    }
);

/// A manifest whose form, seals and signature are checked; the rules have not seen it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedManifest {
    /// The manifest itself: a statement like any other.
    pub statement: Statement,
    rows: Vec<OpenedRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenedRow {
    core: Core,
    bytes: Vec<u8>,
    disclosure: Option<(Disclosure, Vec<u8>)>,
}

impl OpenedManifest {
    /// The rows as statements, once the manifest's own place in the log is known.
    pub fn into_rows(self, manifest: Seq) -> impl Iterator<Item = Statement> {
        let kid = self.statement.kid;
        (0..).zip(self.rows).map(move |(index, row)| {
            let OpenedRow { core, bytes, disclosure } = row;
            let kept = KeptRow { manifest, index, kid, core: Blob(bytes) };
            let row = Some(RowPlace { manifest, index });
            Statement { disclosure, row, ..Statement::bare(core, kid, cbor::to_bytes(&kept)) }
        })
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.len()
    }
}

/// The hash by which a manifest lists a row.
#[must_use]
pub fn row_hash(core: &[u8]) -> Hash {
    Sha256::new().chain_update(b"kenmai/v1/row").chain_update(core).finalize().into()
}

/// The operation id of a row: the same at every repetition of its manifest.
#[must_use]
pub fn row_op_id(manifest: OpId, index: u32) -> OpId {
    let digest: Hash = Sha256::new()
        .chain_update(b"kenmai/v1/row-op")
        .chain_update(manifest.0)
        .chain_update(index.to_be_bytes())
        .finalize()
        .into();
    OpId(first_bytes(digest))
}

/// Signs rows together. `core` is the manifest's own, its body is filled in here; each row's
/// operation id and seal are too. The result is what goes to the server.
#[must_use]
pub fn sign(
    mut core: Core,
    kind: Kind,
    rows: Vec<(Core, Option<Disclosure>)>,
    key: &SigningKey,
) -> Vec<u8> {
    let (mut hashes, mut sequence) = (Vec::new(), Writer::default());
    for (index, (mut row, disclosure)) in (0..).zip(rows) {
        let disclosure = disclosure.as_ref().map(cbor::to_bytes);
        row.op_id = row_op_id(core.op_id, index);
        row.sealed = disclosure.as_deref().map(seal_of);
        let bytes = cbor::to_bytes(&row);
        hashes.extend_from_slice(&row_hash(&bytes));
        Row { core: Blob(bytes), disclosure: disclosure.map(Blob) }.write(&mut sequence);
    }
    core.body = Body::Manifest(kinds::Manifest { rows: Blob(hashes), kind });
    let mut manifest = core.sign(key, None);
    manifest.extend(sequence.into_bytes());
    manifest
}

/// Reads a manifest and its rows, checks every form and seal and the one signature. Needs no state
/// beyond the public keys.
///
/// # Errors
/// [`ManifestError`], in the order: size, signed core, number of rows, then each row.
pub fn open(
    sequence: &[u8],
    ledger: LedgerId,
    key_of: impl Fn(Kid) -> Option<VerifyingKey>,
) -> Result<OpenedManifest, ManifestError> {
    if sequence.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLarge);
    }
    let mut reader = Reader::new(sequence);
    let signed = Sign1::read(&mut reader).map_err(StatementError::from)?;
    let statement = statement::open(&signed.to_bytes(), ledger, &key_of)?;
    let Body::Manifest(body) = &statement.core.body else {
        return Err(ManifestError::NotAManifest);
    };
    let (hashes, odd) = body.rows.0.as_chunks::<32>();
    let listed = hashes.len() + usize::from(!odd.is_empty());
    let mut rows = Vec::new();
    while !reader.is_at_end() {
        let index = rows.len();
        let Some(hash) = hashes.get(index) else {
            return Err(ManifestError::Count { listed, found: index + 1 });
        };
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        let row = open_row(&mut reader, hash, place, &statement.core, body.kind)
            .map_err(|error| ManifestError::Row { index, error })?;
        rows.push(row);
    }
    if rows.len() != listed {
        return Err(ManifestError::Count { listed, found: rows.len() });
    }
    Ok(OpenedManifest { statement, rows })
}

fn open_row(
    reader: &mut Reader<'_>,
    hash: &Hash,
    index: u32,
    manifest: &Core,
    kind: Kind,
) -> Result<OpenedRow, RowError> {
    let row = Row::read(reader)?;
    if row_hash(&row.core.0) != *hash {
        return Err(RowError::Hash);
    }
    let core: Core = cbor::from_bytes(&row.core.0)?;
    let own_op = core.op_id == row_op_id(manifest.op_id, index);
    if core.ledger != manifest.ledger || core.body.kind() != kind || !own_op {
        return Err(RowError::Foreign);
    }
    let disclosure = match (core.sealed, row.disclosure) {
        (None, None) => None,
        (Some(sealed), Some(bytes)) if sealed == seal_of(&bytes.0) => {
            let disclosure: Disclosure = cbor::from_bytes(&bytes.0)?;
            disclosure.check_fields(kind)?;
            if matches!(disclosure.holder, Some(Holder::Phone(_))) {
                return Err(RowError::PayToken);
            }
            Some((disclosure, bytes.0))
        }
        _ => return Err(RowError::Sealed),
    };
    Ok(OpenedRow { core, bytes: row.core.0, disclosure })
}

/// Whether a manifest lists this kept row at its place: what an auditor checks in the place of a
/// signature.
#[must_use]
pub fn lists(manifest: &kinds::Manifest, row: &Statement) -> bool {
    let Some(place) = row.row else { return false };
    let Ok(kept) = cbor::from_bytes::<KeptRow>(&row.bytes) else { return false };
    let index = usize::try_from(place.index).unwrap_or(usize::MAX);
    manifest.rows.0.as_chunks::<32>().0.get(index) == Some(&row_hash(&kept.core.0))
}
