//! What an audit says: what was checked, what could not be, what is wrong and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ledger_spec::ids::{Hash, Seq};

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
    /// Sealed parts of the server's own entries on accounts whose data key was gone.
    Empty,
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
            Self::Empty => "sealed parts left empty by the server, on accounts without a data key",
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

impl Finding {
    /// There is no lock beside a log that has entries.
    pub(super) fn without_lock(path: PathBuf) -> Self {
        let reason = "the lock is missing, so nobody can tell whether the log is complete";
        Self { seq: None, path, offset: None, reason: reason.to_owned(), remedy: DAMAGED }
    }
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

/// The remedy of a sealed part whose key is gone without an entry.
pub(super) const HIDDEN: &str = "restore the registry from a backup that still has the account's data key, and ask who had access to it";

pub(super) const REWRITTEN: &str = "its frame is whole, so no fault of the disk did this: somebody wrote what the rules do not give. \
     Keep this copy, restore the log from a backup or mirror whose audit is clean, and compare with \
     receipts and with checkpoints that witnesses keep";
pub(super) const DAMAGED: &str = "restore this file from a backup or a mirror of the same ledger";
pub(super) const REBUILD: &str =
    "the log itself is not touched by this: stop the server and run `kenmai rebuild`";
