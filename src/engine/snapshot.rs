//! Snapshots: the state as of some entry in one file, so that a start replays the log's end and not
//! all of it.
//!
//! A snapshot is a copy of what follows from the log. It is never repaired and never trusted
//! further than it fits: one that is damaged, of another ledger or version, ahead of the lock, or
//! off the tree is left out, and the whole log is replayed.
//!
//! `"KMSNAP" ‖ 0 ‖ version 2 ‖ ledger 8 ‖ root 32 ‖ count u64 ‖ count × (fingerprint u64 ‖ seq u64)
//! ‖ tables as CBOR ‖ SHA-256 of all before`, integers big-endian. The tables hold the size.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ledger_spec::cbor;
use ledger_spec::ids::{Hash, LedgerId, Seq};
use ledger_spec::state::State;
use sha2::{Digest, Sha256};

use super::ops::Ops;
use crate::log::disk::{Disk, OpenMode, open_or_create, read_exact_at};

/// The file in the data folder.
pub(super) const SNAPSHOT_FILE: &str = "snapshot";
const DRAFT_FILE: &str = "snapshot.draft";
const MAGIC: [u8; 8] = *b"KMSNAP\x00\x02";
const HASH_BYTES: usize = 32;

/// What a snapshot holds.
pub(super) struct Snapshot {
    pub(super) root: Hash,
    pub(super) state: State,
    pub(super) ops: Ops,
}

/// The bytes of a snapshot.
pub(super) fn encode(ledger: LedgerId, root: &Hash, ops: &Ops, state: &State) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ops.count() * 16 + 4_096);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&ledger.0);
    bytes.extend_from_slice(root);
    bytes.extend_from_slice(&(ops.count() as u64).to_be_bytes());
    for (fingerprint, seq) in ops.fingerprints() {
        bytes.extend_from_slice(&fingerprint.to_be_bytes());
        bytes.extend_from_slice(&seq.0.to_be_bytes());
    }
    bytes.extend_from_slice(&cbor::to_bytes(state));
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

fn decode(bytes: &[u8], ledger: LedgerId, pepper: &Hash) -> Result<Snapshot, &'static str> {
    let (body, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or("it is cut short")?;
    if Sha256::digest(body).as_slice() != hash.as_slice() {
        return Err("it does not match its SHA-256");
    }
    let mut rest = body;
    if *take::<8>(&mut rest)? != MAGIC {
        return Err("it is no snapshot of this version");
    }
    if *take::<8>(&mut rest)? != ledger.0 {
        return Err("it is of another ledger");
    }
    let root = *take::<HASH_BYTES>(&mut rest)?;
    let mut ops = Ops::keyed(pepper);
    let count = u64::from_be_bytes(*take(&mut rest)?);
    // No more operations than bytes, so that a number cannot ask for a large allocation.
    let count = usize::try_from(count).ok().filter(|count| *count <= rest.len() / 16);
    let count = count.ok_or("its number of operations cannot be")?;
    ops.reserve(count);
    for _ in 0..count {
        let fingerprint = u64::from_be_bytes(*take(&mut rest)?);
        ops.insert_fingerprint(fingerprint, Seq(u64::from_be_bytes(*take(&mut rest)?)));
    }
    let state = cbor::from_bytes(rest).map_err(|_| "its tables are not in their form")?;
    Ok(Snapshot { root, state, ops })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], &'static str> {
    let (taken, left) = rest.split_first_chunk().ok_or("it is cut short")?;
    *rest = left;
    Ok(taken)
}

/// Reads the snapshot of a data folder; `None` where there is none that can be used, after telling
/// the operator why.
pub(super) fn read(
    disk: &dyn Disk,
    data_folder: &Path,
    ledger: LedgerId,
    pepper: &Hash,
) -> Option<Snapshot> {
    let path = data_folder.join(SNAPSHOT_FILE);
    let bytes = match read_file(disk, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the snapshot cannot be read; replaying the whole log");
            return None;
        }
    };
    match decode(&bytes, ledger, pepper) {
        Ok(snapshot) => Some(snapshot),
        Err(reason) => {
            tracing::warn!(path = %path.display(), reason, "the snapshot is not used; replaying the whole log");
            None
        }
    }
}

fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read)?;
    let size_bytes = usize::try_from(file.size_bytes()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; size_bytes];
    read_exact_at(file.as_ref(), &mut bytes, 0)?;
    Ok(bytes)
}

/// Puts a snapshot in the place of the last one. It is a convenience: a failure is told and changes
/// nothing else.
pub(super) fn write(disk: &Arc<dyn Disk>, data_folder: &Path, bytes: &[u8]) {
    let (draft, path) = (data_folder.join(DRAFT_FILE), data_folder.join(SNAPSHOT_FILE));
    if let Err(error) = write_file(disk.as_ref(), &draft, &path, bytes) {
        tracing::warn!(path = %path.display(), %error, "the snapshot could not be written; the next start takes longer");
    }
}

fn write_file(disk: &dyn Disk, draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = open_or_create(disk, draft)?;
    file.set_size_bytes(0)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    // A crash up to here leaves a draft, which nobody reads; after it the old or the new snapshot,
    // each whole.
    disk.rename(draft, path)
}
