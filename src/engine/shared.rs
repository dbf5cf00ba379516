//! What the threads of a ledger share: what it stands on, what waits in the queue, what the
//! sequencer writes and everyone reads.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, RwLock};

use ed25519_dalek::{SigningKey, VerifyingKey};
use ledger_spec::entry::{Accounting, Entry};
use ledger_spec::ids::{Kid, LedgerId, Seq};
use ledger_spec::note::VerifierKey;
use ledger_spec::state::State;
use ledger_spec::statement::Statement;
use tokio::sync::{oneshot, watch};

use super::day_kids::DayKids;
use super::error::EngineError;
use super::read::read_entry;
use super::verdict::{Head, Verdict};
use crate::clock::{Clock, ClockAlarm, ClockPolicy};
use crate::keys::Secret;
use crate::log::disk::Disk;
use crate::log::{LevelsReader, LogReader};
use crate::metrics::LedgerMetrics;
use crate::registry::Registry;
use crate::views::Views;

/// Which ledger, and where.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The origin of its checkpoints: a URL without scheme.
    pub origin: String,
    /// Its folder.
    pub data_folder: PathBuf,
    /// Statements that may wait in the queue.
    pub queue_entries: usize,
    /// What a suspicious clock does.
    pub clock_policy: ClockPolicy,
}

/// What the engine stands on. Disk and clock are traits, so that both can be simulated under the
/// whole engine.
#[derive(Clone)]
pub struct Environment {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the ledger's figures go.
    pub metrics: LedgerMetrics,
}

/// What waits in the queue.
pub(super) enum Job {
    /// A statement that somebody waits for.
    Statement(Box<QueuedStatement>),
    /// Rows of a manifest; statements go first.
    Rows(QueuedRows),
    /// The end of a manifest: its entry, and one outcome a row.
    Result(Seq, Vec<u8>, oneshot::Sender<Verdict>),
    /// Whether the log holds this statement: its answer if so. Nothing is decided.
    Repetition(Box<Statement>, oneshot::Sender<Option<Verdict>>),
}

/// A statement that somebody waits for.
pub(super) struct QueuedStatement {
    pub(super) statement: Statement,
    pub(super) reply: oneshot::Sender<Verdict>,
}

/// Rows of a manifest that somebody waits for.
pub(super) struct QueuedRows {
    pub(super) rows: Vec<Statement>,
    pub(super) reply: oneshot::Sender<Vec<Verdict>>,
}

/// Whether the ledger takes statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Running,
    /// Not until a person accepts the clock.
    ReadOnly(ClockAlarm),
    /// Not any more; the text says why.
    Stopped(String),
}

/// What all threads of the ledger read. No two of its locks are held at once, but for `state` by
/// the sequencer while it decides.
pub(super) struct Shared {
    // Fixed from the start.
    pub(super) ledger: LedgerId,
    pub(super) verifier: VerifierKey,
    /// Attests PIN checks and signs nothing else.
    pub(super) pin: SigningKey,
    /// Signs what follows from the log alone: here, perk cards.
    pub(super) system: SigningKey,
    /// What tells the day.
    pub(super) clock: Arc<dyn Clock>,
    /// Makes the cards' numbers.
    pub(super) pepper: Secret,
    // Written by the sequencer alone, each under its own lock.
    pub(super) state: RwLock<State>,
    pub(super) keyring: RwLock<HashMap<Kid, VerifyingKey>>,
    /// The same keys by their names of a day, with locks inside that the sequencer holds for no
    /// longer than it takes to add a key.
    pub(super) day_kids: DayKids,
    /// The last signed head, durable.
    pub(super) head: RwLock<Arc<Head>>,
    /// The last head that is also locked; the one to publish.
    pub(super) published: RwLock<Arc<Head>>,
    /// Whether statements are taken; [`watch`] has a lock of its own.
    pub(super) readiness: watch::Sender<Readiness>,
    // Readers of files that the sequencer writes; each sees what is durable.
    pub(super) log: LogReader,
    pub(super) levels: LevelsReader,
    // Each with a lock inside. The views are written by the follower, the registry by any thread.
    pub(super) registry: Registry,
    pub(super) views: Views,
    pub(super) metrics: LedgerMetrics,
    /// Entries that were asked for and found damaged.
    pub(super) damaged: Mutex<BTreeSet<Seq>>,
    /// Slices in the queue or with the sequencer: counted by who queues and by who answers.
    pub(super) slices: AtomicUsize,
}

impl Shared {
    /// An entry of the log that is what its leaf commits to, or `None` past the end. One that is
    /// not is told to the operator.
    ///
    /// # Errors
    /// [`EngineError::Damaged`]; [`EngineError::Log`] where it cannot be read.
    pub(super) fn entry(&self, seq: Seq) -> Result<Option<(Entry, Accounting)>, EngineError> {
        read_entry(&self.log, &self.levels, seq).inspect_err(|error| self.note_damage(error))
    }

    /// Tells the operator of damage: in the log at its first sight, and as a figure.
    pub(super) fn note_damage(&self, error: &EngineError) {
        if let EngineError::Damaged { seq, .. } = error
            && let Ok(mut damaged) = self.damaged.lock()
            && damaged.insert(*seq)
        {
            tracing::error!(ledger = %self.ledger, %error, "damage in the log");
            self.metrics.set_damaged(damaged.len() as u64);
        }
    }
}
