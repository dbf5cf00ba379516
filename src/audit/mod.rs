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

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ledger_spec::ids::{Hash, LedgerId, Seq};

use crate::engine::REGISTRY_FILE;
use crate::keys::LedgerKeys;
use crate::log::disk::{Access, Disk};
use crate::log::{self, LOG_FOLDER, LogConfig, LogError, SEGMENTS_FOLDER};
use crate::registry::{Registry, RegistryError};

mod levels;
mod replay;
mod signatures;
mod standin;
mod tally;

use replay::Replay;

/// Which ledger to audit, and with what.
pub struct AuditConfig<'a> {
    /// The data folder.
    pub data_folder: PathBuf,
    /// The origin that every frame and statement must be bound to.
    pub origin: String,
    /// The ledger's secrets; without them what is sealed stays closed.
    pub keys: Option<&'a LedgerKeys>,
}

/// Why an audit could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no log.
    #[error("there is no log in {path}: {source}; name the data folder of a ledger", path = path.display())]
    NoLog {
        /// Where it was looked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system failed at a file of the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry cannot be read.
    #[error("{0}; or audit without --keys, which leaves sealed parts unchecked")]
    Registry(#[from] RegistryError),
}

/// One kind of check. The report gives a count for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Frames whole, in order, chained by their hashes, with the root they state.
    Frames,
    /// Leaves computed from salt, accounting part and public JSON.
    Leaves,
    /// Signatures of statements, pay tokens and PIN proofs.
    Signatures,
    /// Rows that a signed manifest lists.
    Rows,
    /// Decisions taken again on the whole statement.
    Decisions,
    /// Decisions taken again with stand-ins for what is sealed or erased.
    StandIns,
    /// Effects applied: nothing negative, every account's chain unbroken.
    Effects,
    /// Disclosures opened and compared with what was sealed.
    Seals,
    /// Public JSON derived again.
    PublicLeaves,
    /// State hashes of closed days.
    Days,
    /// Hashes in the level files.
    TreeHashes,
    /// Sums over funds, years, shops and lots.
    Sums,
    /// Values of the beacon that decided a draw.
    Beacons,
}

/// What could not be checked, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Sealed parts closed for want of the ledger's secrets.
    Sealed,
    /// Sealed parts that were erased.
    Erased,
    /// Natural keys, which are keyed by a secret or made of what was erased.
    NaturalKey,
    /// Decisions that rest on a number that only the sealed part holds.
    Decision,
}

impl Check {
    /// The check in a few words.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Frames => "frames: whole, chained, with the root they state",
            Self::Leaves => "leaves computed again from salt and accounting part",
            Self::Signatures => "signatures of statements, pay tokens and PIN proofs",
            Self::Rows => "rows listed by a signed manifest",
            Self::Decisions => "decisions taken again, byte for byte the same",
            Self::StandIns => "decisions taken again with stand-ins for sealed parts, the same",
            Self::Effects => "entries applied: nothing negative, account chains unbroken",
            Self::Seals => "disclosures opened, as they were sealed",
            Self::PublicLeaves => "public leaves derived again, the same",
            Self::Days => "days closed with the right totals and state hash",
            Self::TreeHashes => "hashes in the level files",
            Self::Sums => "sums over funds, years, shops and lots",
            Self::Beacons => "draws whose beacon's value its network signed",
        }
    }
}

impl Gap {
    /// What was left out, in a few words.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Sealed => "sealed parts not opened: their keys were not given (--keys)",
            Self::Erased => "sealed parts that were erased, as the law asks",
            Self::NaturalKey => "natural keys of actions not computed again",
            Self::Decision => {
                "decisions not taken again: a card or a code stands in the sealed part alone"
            }
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry, where it is about one.
    pub seq: Option<Seq>,
    /// The file.
    pub path: PathBuf,
    /// Where in it the entry's frame begins, in bytes.
    pub offset: Option<u64>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seq) = self.seq {
            write!(f, "entry {seq}: ")?;
        }
        write!(f, "{} ({}", self.reason, self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", frame at byte {offset}")?;
        }
        write!(f, "); {}", self.remedy)
    }
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries read.
    pub entries: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// How often each check was passed.
    pub passed: BTreeMap<Check, u64>,
    /// What was left unchecked.
    pub gaps: BTreeMap<Gap, u64>,
    /// What is worth knowing and not wrong.
    pub remarks: Vec<String>,
    /// What is wrong, in the order of the log. The audit ends at the first broken entry: all after
    /// it rests on it.
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

const REWRITTEN: &str = "its frame is whole, so no fault of the disk did this: somebody wrote what the rules do not give. \
     Keep this copy, restore the log from a backup or mirror whose audit is clean, and compare with \
     receipts and with checkpoints that witnesses keep";
const DAMAGED: &str = "restore this file from a backup or a mirror of the same ledger";
const REBUILD: &str =
    "the log itself is not touched by this: stop the server and run `kenmai rebuild`";

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
            Some(Registry::open_read_only(&config.data_folder.join(REGISTRY_FILE), &keys.kek)?)
        }
        None => None,
    };
    let segments = Segments::measure(disk, &config.data_folder)?;
    let total_bytes = segments.total_bytes();
    let levels = levels::LevelFiles::new(disk, &config.data_folder);
    let secrets = config.keys.zip(registry.as_ref());
    let mut replay = Replay::new(ledger, secrets, segments, levels);
    let log_config = LogConfig::of(&config.data_folder, ledger);
    let inspected = log::inspect_with_reader(disk, &log_config, |frame, reader| {
        replay.frame(frame, reader);
        progress(replay.read_bytes(), total_bytes);
        if replay.is_broken() { Err(Box::new(Ended)) } else { Ok(()) }
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
        Err(error) => (None, finding_of(error, replay.next_seq(), replay.is_broken())?, Vec::new()),
    };
    let is_whole = findings.is_empty() && !replay.is_broken();
    let mut report = replay.finish(is_whole, locked);
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

/// Where the frame in hand lies: frames stand back to back in the segment files.
struct Segments {
    folder: PathBuf,
    files: Vec<(String, u64)>,
    current: usize,
    offset: u64,
}

/// A frame's place.
#[derive(Clone, Copy, Debug, Default)]
struct FramePlace {
    segment: usize,
    offset: u64,
}

impl Segments {
    fn measure(disk: &dyn Disk, data_folder: &Path) -> Result<Self, AuditError> {
        let folder = data_folder.join(LOG_FOLDER).join(SEGMENTS_FOLDER);
        let no_log = |source| AuditError::NoLog { path: folder.clone(), source };
        let mut names = disk.list(&folder).map_err(no_log)?;
        names.retain(|name| name.ends_with(".seg"));
        names.sort();
        let files = names.into_iter().map(|name| {
            let file = disk.open(&folder.join(&name), Access::Read)?;
            Ok((name, file.size_bytes()?))
        });
        let files = files.collect::<io::Result<Vec<_>>>().map_err(no_log)?;
        Ok(Self { folder, files, current: 0, offset: 0 })
    }

    fn total_bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The place of the frame that is read next.
    fn step(&mut self, frame_bytes: usize) -> FramePlace {
        let is_read = |segments: &Self| {
            segments.files.get(segments.current).is_some_and(|(_, bytes)| segments.offset >= *bytes)
        };
        if is_read(self) && self.current + 1 < self.files.len() {
            (self.current, self.offset) = (self.current + 1, 0);
        }
        let place = FramePlace { segment: self.current, offset: self.offset };
        self.offset += frame_bytes as u64;
        place
    }

    fn read_bytes(&self) -> u64 {
        self.files.iter().take(self.current).map(|(_, bytes)| bytes).sum::<u64>() + self.offset
    }

    fn path(&self, place: FramePlace) -> PathBuf {
        self.files
            .get(place.segment)
            .map_or_else(|| self.folder.clone(), |(name, _)| self.folder.join(name))
    }
}
