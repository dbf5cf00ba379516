//! The audit: every word of the log checked again, from its first byte, without trusting who wrote
//! it.
//!
//! A log can be whole and still lie: an operator has the keys to write frames, hashes and heads
//! that fit together. What an operator cannot make is a statement signed by a shop or a station,
//! and an effect that the rules would not have given it. So the audit reads each frame
//! ([`crate::log::inspect_with_reader`] checks that they are whole and chained), computes each leaf
//! and the tree again, verifies each signature with the key of its time, decides on each statement
//! again and compares byte for byte, applies the effects, and adds up where the points went by a
//! count of its own.
//!
//! What a person may have erased, or what only the ledger's secrets can open, is replaced by a
//! *stand-in* that the public parts allow (see `standin`); the report counts how much was checked
//! in full and how much was not. Nothing is written, cut or repaired.
//!
//! Read first: `replay::Auditor`, which goes through the log, and `report::AuditReport`, what it
//! found.

use std::path::PathBuf;

use ledger_spec::ids::{LedgerId, Seq};

use crate::engine::REGISTRY_FILE;
use crate::keys::LedgerKeys;
use crate::log::disk::Disk;
use crate::log::{self, LogConfig, LogError};
use crate::registry::Registry;

mod error;
mod forgotten;
mod levels;
mod replay;
mod report;
mod segments;
mod signatures;
mod standin;
mod tally;

pub use error::AuditError;
use replay::Auditor;
pub use report::{AuditReport, Check, Finding, Gap};
use report::{DAMAGED, REWRITTEN};
use segments::Segments;

/// Which ledger to audit, and with what.
pub struct AuditConfig<'a> {
    /// The data folder.
    pub data_folder: PathBuf,
    /// The origin that every frame and statement must be bound to.
    pub origin: String,
    /// The ledger's secrets; without them what is sealed stays closed.
    pub keys: Option<&'a LedgerKeys>,
}

/// Audits a log. `progress` is told the bytes read and the bytes in all.
///
/// # Errors
/// [`AuditError`] where the audit could not be done; what is wrong with the log stands in the
/// report.
pub fn audit(
    disk: &dyn Disk,
    config: &AuditConfig<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AuditReport, AuditError> {
    let ledger = LedgerId::of_origin(&config.origin);
    let registry = match config.keys {
        Some(keys) => {
            let path = config.data_folder.join(REGISTRY_FILE);
            let registry = Registry::open_read_only(&path, &keys.kek)?;
            registry.check_secrets(keys)?;
            Some(registry)
        }
        None => None,
    };
    let segments = Segments::measure(disk, &config.data_folder)?;
    let total_bytes = segments.total_bytes();
    let levels = levels::LevelFiles::new(disk, &config.data_folder);
    let secrets = config.keys.zip(registry.as_ref());
    let mut auditor = Auditor::new(ledger, secrets, segments, levels);
    let log_config = LogConfig::of(&config.data_folder, ledger);
    let inspected = log::inspect_with_reader(disk, &log_config, |frame, reader| {
        auditor.frame(frame, reader);
        progress(auditor.read_bytes(), total_bytes);
        if auditor.is_broken() { Err(Box::new(Ended)) } else { Ok(()) }
    });
    let (locked, mut findings, mut remarks) = match inspected {
        Ok(log::Inspection { locked, torn, .. }) => {
            let torn = torn.map(|torn| {
                format!(
                    "{} ends with {} bytes of an unfinished frame, which nobody was told of: the server is writing it, \
                     or sets it aside when it starts",
                    torn.path.display(),
                    torn.size_bytes
                )
            });
            (locked, Vec::new(), torn.into_iter().collect::<Vec<_>>())
        }
        Err(error) => {
            (None, finding_of(error, auditor.next_seq(), auditor.is_broken())?, Vec::new())
        }
    };
    let is_whole = findings.is_empty() && !auditor.is_broken();
    let mut report = auditor.finish(is_whole, locked);
    report.findings.append(&mut findings);
    report.remarks.append(&mut remarks);
    report.findings.sort_by_key(|finding| finding.seq.map_or(u64::MAX, |seq| seq.0));
    Ok(report)
}

/// The replay has found something and ends.
#[derive(Debug, thiserror::Error)]
#[error("the audit found a broken entry")]
struct Ended;

/// Tells what is wrong with the log from what failed in reading it.
fn finding_of(error: LogError, next_seq: Seq, is_broken: bool) -> Result<Vec<Finding>, AuditError> {
    let found =
        |seq, path, offset, reason, remedy| Ok(vec![Finding { seq, path, offset, reason, remedy }]);
    let text = error.to_string();
    match error {
        LogError::Refused { .. } if is_broken => Ok(Vec::new()),
        LogError::Damaged { path, offset, reason } => {
            found(Some(next_seq), path, Some(offset), reason, DAMAGED)
        }
        LogError::BehindLock { path, found: size, locked } => {
            let reason =
                format!("the log ends here, and the lock says that {locked} entries were there");
            found(
                Some(size),
                path,
                None,
                reason,
                "restore the missing segments from a backup or a mirror",
            )
        }
        LogError::OffLock { path, locked } => {
            let reason = format!("the root at {locked} entries is not the one that the lock holds");
            found(Some(locked), path, None, reason, REWRITTEN)
        }
        LogError::LockDamaged { path } | LogError::ForeignLock { path, .. } => {
            found(None, path, None, text, DAMAGED)
        }
        LogError::Io { .. }
        | LogError::Stopped { .. }
        | LogError::NotInSequence { .. }
        | LogError::Link(_)
        | LogError::InUse { .. }
        | LogError::LockMissing { .. }
        | LogError::Refused { .. } => Err(error.into()),
    }
}
