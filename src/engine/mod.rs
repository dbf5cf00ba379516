//! The engine: one ledger's state in memory, and the one thread that changes it.
//!
//! [`Engine::open_statement`] checks a submission on the caller's core; [`Engine::submit`] puts it
//! in a bounded queue and waits for the verdict. Everything between is in `sequencer`; start-up is
//! in `recovery`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use ed25519_dalek::{SigningKey, VerifyingKey};
use ledger_spec::apply::Broken;
use ledger_spec::cbor::{self, Wire};
use ledger_spec::checkpoint::CheckpointError;
use ledger_spec::decide::Rejection;
use ledger_spec::entry::{Accounting, Entry, Opened, Personal, personal_aad};
use ledger_spec::ids::{CardHash, Kid, LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::manifest::{self, ManifestError};
use ledger_spec::note::{KeyType, VerifierKey};
use ledger_spec::prove;
use ledger_spec::receipt::Receipt;
use ledger_spec::state::State;
use ledger_spec::statement::{self, Disclosure, Statement, StatementError};
use ledger_spec::token::{self, PIN_PROOF_LIFE_S_MAX, PinProof};
use tokio::sync::{oneshot, watch};

use crate::clock::{Clock, ClockAlarm, ClockPolicy};
use crate::keys::{LedgerKeys, Secret};
use crate::log::disk::Disk;
use crate::log::{LevelsReader, LogError, LogReader, TornTail};
use crate::metrics::LedgerMetrics;
use crate::registry::{Registry, RegistryError};
use crate::views::{VIEWS_FOLDER, Views, ViewsError};

mod follower;
mod ops;
mod perk_cards;
mod recovery;
pub mod replay;
mod sequencer;
mod snapshot;
mod sweep;
mod tiles;

pub use recovery::REGISTRY_FILE;
pub use sequencer::CLOCK_ACCEPT_FILE;
pub use tiles::TileSource;

/// The most statements that one batch commits.
pub const BATCH_ENTRIES_MAX: usize = 512;
/// The most that the entries of one batch can weigh, well below a frame's limit.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most rows of a manifest that one batch takes.
pub const SLICE_ROWS_MAX: usize = 512;
/// The most bytes of such rows with their disclosures.
pub const SLICE_BYTES_MAX: usize = 256 * 1024;
/// After so many entries a quiet moment is used for a snapshot.
pub const SNAPSHOT_ENTRIES: u64 = 50_000;
/// After so many entries one is made without waiting for a quiet moment.
pub const SNAPSHOT_ENTRIES_MAX: u64 = 500_000;
/// Slices that may wait; a further one is [`Refusal::Busy`].
pub const SLICES_WAITING_MAX: usize = 16;

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
pub struct Ground {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the ledger's figures go.
    pub metrics: LedgerMetrics,
}

/// Why a ledger cannot be opened, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The views.
    #[error(transparent)]
    Views(#[from] ViewsError),
    /// An entry of the log is not one that these rules made.
    #[error(
        "entry {seq}: {reason}; the log was written by another version or is damaged; run `kenmai audit`"
    )]
    Entry {
        /// The entry.
        seq: Seq,
        /// What is wrong.
        reason: String,
    },
    /// The decision on a statement contradicts the state.
    #[error("a decision contradicts the state ({0}); nothing was written")]
    Broken(#[from] Broken),
    /// A statement that the ledger made itself breaks the form of statements.
    #[error("the ledger's own statement is malformed: {0}; nothing was written")]
    Own(StatementError),
    /// The origin cannot name a checkpoint.
    #[error("the origin cannot name a checkpoint: {0}")]
    Origin(#[from] CheckpointError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A thread ended in the middle of changing the state.
    #[error("a thread died while it held the state; start the process again")]
    ThreadDied,
    /// A thread could not be started.
    #[error("a thread of the ledger could not be started: {0}")]
    Thread(std::io::Error),
}

/// A signed head of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Entries under it.
    pub size: u64,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub note: String,
}

/// A statement that is in the log.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The entry's accounting part.
    pub accounting: Arc<Accounting>,
    /// A head that covers the entry.
    pub head: Arc<Head>,
    /// Whether this is the answer to a repetition.
    pub replayed: bool,
}

/// Why a statement is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rules refuse it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Another statement with this operation id is in the log.
    #[error("the operation id belongs to another statement, entry {0}")]
    OperationReused(Seq),
    /// The queue is full.
    #[error("too many statements are waiting")]
    Busy,
    /// The clock must be accepted by a person first.
    #[error(transparent)]
    ReadOnly(#[from] ClockAlarm),
    /// The ledger has stopped, or is stopping. Whether the statement is in the log is not known:
    /// repeat it.
    #[error("the ledger has stopped")]
    Stopped,
}

type Verdict = Result<Accepted, Refusal>;

/// What waits in the queue.
enum Job {
    /// A statement that somebody waits for.
    Statement(Box<Waiting>),
    /// Rows of a manifest; statements go first.
    Rows(WaitingRows),
    /// The end of a manifest: its entry, and one outcome a row.
    Result(Seq, Vec<u8>, oneshot::Sender<Verdict>),
}

struct Waiting {
    statement: Statement,
    reply: oneshot::Sender<Verdict>,
}

struct WaitingRows {
    rows: Vec<Statement>,
    reply: oneshot::Sender<Vec<Verdict>>,
}

/// Whether the ledger takes statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Running,
    /// Not until a person accepts the clock.
    ReadOnly(ClockAlarm),
    /// Not any more; the text says why.
    Stopped(String),
}

/// What the sequencer writes and everyone reads.
struct Shared {
    ledger: LedgerId,
    verifier: VerifierKey,
    state: RwLock<State>,
    keyring: RwLock<HashMap<Kid, VerifyingKey>>,
    /// The last signed head, durable.
    head: RwLock<Arc<Head>>,
    /// The last head that is also locked; the one to publish.
    published: RwLock<Arc<Head>>,
    standing: watch::Sender<Standing>,
    log: LogReader,
    levels: LevelsReader,
    registry: Registry,
    /// Attests PIN checks and signs nothing else.
    pin: SigningKey,
    /// Signs what follows from the log alone: here, perk cards.
    system: SigningKey,
    /// Makes the cards' numbers.
    pepper: Secret,
    views: Views,
    metrics: LedgerMetrics,
    /// Slices in the queue or with the sequencer.
    slices: AtomicUsize,
}

/// One ledger at work; cheap to share behind an [`Arc`].
pub struct Engine {
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    sequencer: Mutex<Option<JoinHandle<()>>>,
    follower: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl Engine {
    /// Opens the ledger: reads the whole log, checks every frame and root, and starts the
    /// sequencer.
    ///
    /// # Errors
    /// [`EngineError`]; nothing of the log is changed but a torn tail, which is set aside and told
    /// of.
    pub fn open(
        config: &EngineConfig,
        keys: LedgerKeys,
        ground: Ground,
    ) -> Result<(Self, Option<TornTail>), EngineError> {
        let recovered = recovery::recover(config, &keys, &ground)?;
        let recovery::Recovered { mut log, mut levels, state, keyring, edge, ops, .. } = recovered;
        let replay_from = recovered.replay_from;
        let (registry, torn, time_ms) = (recovered.registry, recovered.torn, recovered.time_ms);
        // The head is public from the first moment, so the lock has to cover it.
        log.write_lock(&mut levels, time_ms.unwrap_or(0))?;
        let ledger = LedgerId::of_origin(&config.origin);
        let key = keys.log.verifying_key();
        let verifier = VerifierKey::new(&config.origin, KeyType::Ed25519, key)
            .map_err(|_| CheckpointError::Origin)?;
        let head = Arc::new(sequencer::sign_head(&config.origin, &keys.log, log.tip())?);
        let views = Views::open(&config.data_folder.join(VIEWS_FOLDER), ledger)?;
        if views.applied() > log.tip().next_seq {
            tracing::warn!(%ledger, "the views are ahead of the log and are made again");
            views.clear()?;
        }
        ground.metrics.opened(head.size);
        let shared = Arc::new(Shared {
            ledger,
            verifier,
            state: RwLock::new(state),
            keyring: RwLock::new(keyring),
            head: RwLock::new(Arc::clone(&head)),
            published: RwLock::new(head),
            standing: watch::Sender::new(Standing::Running),
            log: log.reader(),
            levels: levels.reader(),
            registry,
            pin: keys.pin.clone(),
            system: keys.system.clone(),
            pepper: keys.pepper.clone(),
            views,
            metrics: ground.metrics.clone(),
            slices: AtomicUsize::new(0),
        });
        let (queue, jobs) = sync_channel(config.queue_entries);
        let files = sequencer::Files { log, levels, edge, ops, replay_from };
        let sequencer =
            sequencer::Sequencer::new(Arc::clone(&shared), (config, keys), ground, files, time_ms);
        let thread = std::thread::Builder::new()
            .name(format!("sequencer {ledger}"))
            .spawn(move || sequencer.run(&jobs))
            .map_err(EngineError::Thread)?;
        let (stop, stopped) = sync_channel(1);
        let followed = Arc::clone(&shared);
        let follower = std::thread::Builder::new()
            .name(format!("views {ledger}"))
            .spawn(move || follower::run(&followed, &stopped))
            .map_err(EngineError::Thread)?;
        let engine = Self {
            shared,
            queue: Mutex::new(Some(queue)),
            sequencer: Mutex::new(Some(thread)),
            follower: Mutex::new(Some((stop, follower))),
        };
        Ok((engine, torn))
    }

    /// Checks a submission's form, seal and signatures. Costs one or two signature checks; changes
    /// nothing.
    ///
    /// # Errors
    /// [`StatementError`]
    pub fn open_statement(&self, submission: &[u8]) -> Result<Statement, StatementError> {
        statement::open(submission, self.shared.ledger, |kid| self.verifying_key(kid))
    }

    /// Puts a statement in the queue; the receiver gives the verdict once it is durable.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Refusal::Stopped`]; nothing was written.
    pub fn enqueue(&self, statement: Statement) -> Result<PendingVerdict, Refusal> {
        let (reply, verdict) = oneshot::channel();
        self.queue(Job::Statement(Box::new(Waiting { statement, reply })))?;
        Ok(PendingVerdict(verdict))
    }

    fn queue(&self, job: Job) -> Result<(), Refusal> {
        let queue = self.queue.lock().map_err(|_| Refusal::Stopped)?;
        let queue = queue.as_ref().ok_or(Refusal::Stopped)?;
        // Counted before the writer can take it.
        self.shared.metrics.queued();
        queue.try_send(job).map_err(|refused| {
            self.shared.metrics.taken();
            match refused {
                TrySendError::Full(_) => Refusal::Busy,
                TrySendError::Disconnected(_) => Refusal::Stopped,
            }
        })
    }

    /// Checks a manifest with its rows: forms, seals and the one signature. Changes nothing.
    ///
    /// # Errors
    /// [`ManifestError`]
    pub fn open_manifest(&self, sequence: &[u8]) -> Result<manifest::Opened, ManifestError> {
        manifest::open(sequence, self.shared.ledger, |kid| self.verifying_key(kid))
    }

    /// Puts a slice of a manifest's rows in the queue, behind the statements that wait. The
    /// manifest itself is in the log already.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Refusal::Stopped`]; nothing was written.
    pub fn enqueue_rows(&self, rows: Vec<Statement>) -> Result<PendingRows, Refusal> {
        if self.shared.slices.fetch_add(1, Ordering::Relaxed) >= SLICES_WAITING_MAX {
            self.shared.slices.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Busy);
        }
        let (reply, verdicts) = oneshot::channel();
        if let Err(refusal) = self.queue(Job::Rows(WaitingRows { rows, reply })) {
            self.shared.slices.fetch_sub(1, Ordering::Relaxed);
            return Err(refusal);
        }
        Ok(PendingRows(verdicts))
    }

    /// Puts the result of a manifest in the queue, signed by the server's own key: one outcome a
    /// row.
    ///
    /// # Errors
    /// As for [`Engine::enqueue`].
    pub fn enqueue_result(
        &self,
        manifest: Seq,
        outcomes: Vec<u8>,
    ) -> Result<PendingVerdict, Refusal> {
        let (reply, verdict) = oneshot::channel();
        self.queue(Job::Result(manifest, outcomes, reply))?;
        Ok(PendingVerdict(verdict))
    }

    /// Puts a statement in the queue and waits for the verdict.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn submit(&self, statement: Statement) -> Verdict {
        self.enqueue(statement)?.wait().await
    }

    /// The id of the ledger.
    #[must_use]
    pub fn ledger(&self) -> LedgerId {
        self.shared.ledger
    }

    /// The key that checks this ledger's checkpoints.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.shared.verifier
    }

    /// Reads the state. The sequencer waits meanwhile, so readers take what they need and go.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn state(&self) -> Result<RwLockReadGuard<'_, State>, EngineError> {
        self.shared.state.read().map_err(|_| EngineError::ThreadDied)
    }

    /// A registered or enrolled key, revoked ones included.
    #[must_use]
    pub fn verifying_key(&self, kid: Kid) -> Option<VerifyingKey> {
        self.shared.keyring.read().ok()?.get(&kid).copied()
    }

    /// The last head: signed, durable, not yet necessarily published.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn head(&self) -> Result<Arc<Head>, EngineError> {
        self.shared.head.read().map(|head| Arc::clone(&head)).map_err(|_| EngineError::ThreadDied)
    }

    /// The head that everyone may see: at most a second behind, and never ahead of the lock.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn published(&self) -> Result<Arc<Head>, EngineError> {
        self.shared
            .published
            .read()
            .map(|head| Arc::clone(&head))
            .map_err(|_| EngineError::ThreadDied)
    }

    /// An entry of the log, or `None` past its end.
    ///
    /// # Errors
    /// [`EngineError::Log`], or [`EngineError::Entry`] where the bytes are no entry.
    pub fn entry(&self, seq: Seq) -> Result<Option<(Entry, Accounting)>, EngineError> {
        read_entry(&self.shared.log, seq)
    }

    /// The erasable part of an entry, decrypted: the exact time and the disclosure. `None` after an
    /// erasure and for entries without an account.
    ///
    /// # Errors
    /// [`EngineError::Registry`], or [`EngineError::Entry`] where the disclosure is not the one
    /// sealed.
    pub fn personal(
        &self,
        entry: &Entry,
        accounting: &Accounting,
    ) -> Result<Option<(u64, Option<Disclosure>)>, EngineError> {
        let reader = PersonalReader { registry: &self.shared.registry, ledger: self.shared.ledger };
        reader.read(entry, accounting)
    }

    /// The read views, a moment behind the log.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.shared.views
    }

    /// The registry of persons.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// The pin key's word that a card's PIN was typed at a terminal just before. The caller has
    /// checked it.
    ///
    /// # Errors
    /// [`EngineError::Randomness`]
    pub fn prove_pin(
        &self,
        (card, terminal): (CardHash, Kid),
        max_points: u32,
        now_s: u64,
    ) -> Result<Vec<u8>, EngineError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        let (exp_s, ledger) = (now_s + PIN_PROOF_LIFE_S_MAX, self.shared.ledger);
        let proof = PinProof { exp_s, nonce, ledger, card, terminal, max_points };
        Ok(token::sign(&proof, &self.shared.pin))
    }

    /// The tree's hashes and the entries' leaves.
    #[must_use]
    pub fn tiles(&self) -> TileSource {
        TileSource { log: self.shared.log.clone(), levels: self.shared.levels.clone() }
    }

    /// Proof that an entry is in the log, under this head. With `opened`, the receipt carries what
    /// the leaf commits to; without, the leaf alone.
    ///
    /// # Errors
    /// [`EngineError`]
    pub fn receipt(&self, seq: Seq, head: &Head, opened: bool) -> Result<Receipt, EngineError> {
        let missing =
            |reason: &dyn std::fmt::Display| EngineError::Entry { seq, reason: reason.to_string() };
        let (entry, _) = self.entry(seq)?.ok_or_else(|| missing(&"not in the log"))?;
        let extra = if opened {
            cbor::to_bytes::<Opened>(&entry.opened())
        } else {
            let mut writer = cbor::Writer::default();
            writer.array(1);
            writer.bytes(&entry.leaf());
            writer.into_bytes()
        };
        let proof = prove::inclusion_proof(&self.tiles(), seq.0, head.size)
            .map_err(|error| missing(&error))?;
        Ok(Receipt { extra, index: seq.0, proof, checkpoint: head.note.clone() })
    }

    /// Whether statements are taken.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.shared.standing.borrow().clone()
    }

    /// Waits until the ledger has stopped; the text says why.
    pub async fn stopped(&self) -> String {
        let mut standing = self.shared.standing.subscribe();
        let stopped = standing.wait_for(|now| matches!(now, Standing::Stopped(_))).await;
        match stopped.as_deref() {
            Ok(Standing::Stopped(reason)) => reason.clone(),
            _ => "the sequencer has gone".to_owned(),
        }
    }

    /// Takes no more statements, commits those that wait, writes the lock and returns.
    pub fn stop(&self) {
        if let Ok(mut queue) = self.queue.lock() {
            *queue = None;
        }
        let thread = self.sequencer.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            self.shared.standing.send_replace(Standing::Stopped("the sequencer died".to_owned()));
        }
        let follower = self.follower.lock().ok().and_then(|mut follower| follower.take());
        if let Some((stop, thread)) = follower {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!(ledger = %self.shared.ledger, "the thread of the views died");
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Cuts rows into slices of at most [`SLICE_ROWS_MAX`] rows and [`SLICE_BYTES_MAX`] bytes.
pub fn slices(rows: impl Iterator<Item = Statement>) -> impl Iterator<Item = Vec<Statement>> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        let (mut slice, mut left_bytes) = (Vec::new(), SLICE_BYTES_MAX);
        while slice.len() < SLICE_ROWS_MAX
            && let Some(row) = rows.next_if(|row| slice.is_empty() || row_bytes(row) <= left_bytes)
        {
            left_bytes = left_bytes.saturating_sub(row_bytes(&row));
            slice.push(row);
        }
        (!slice.is_empty()).then_some(slice)
    })
}

fn row_bytes(row: &Statement) -> usize {
    row.bytes.len() + row.disclosure.as_ref().map_or(0, |(_, bytes)| bytes.len())
}

/// A verdict to come.
pub struct PendingVerdict(oneshot::Receiver<Verdict>);

impl PendingVerdict {
    /// Waits without blocking the thread.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn wait(self) -> Verdict {
        self.0.await.unwrap_or(Err(Refusal::Stopped))
    }

    /// Waits on a plain thread.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn wait_blocking(self) -> Verdict {
        self.0.blocking_recv().unwrap_or(Err(Refusal::Stopped))
    }
}

/// The verdicts to come on a slice of rows, one a row.
pub struct PendingRows(oneshot::Receiver<Vec<Verdict>>);

impl PendingRows {
    /// Waits without blocking the thread.
    ///
    /// # Errors
    /// [`Refusal::Stopped`]; each row has a verdict of its own.
    pub async fn wait(self) -> Result<Vec<Verdict>, Refusal> {
        self.0.await.map_err(|_| Refusal::Stopped)
    }

    /// Waits on a plain thread.
    ///
    /// # Errors
    /// As [`PendingRows::wait`].
    pub fn wait_blocking(self) -> Result<Vec<Verdict>, Refusal> {
        self.0.blocking_recv().map_err(|_| Refusal::Stopped)
    }
}

/// Decrypts personal parts and checks them against what was sealed.
pub struct PersonalReader<'a> {
    /// The vault.
    pub registry: &'a Registry,
    /// The ledger.
    pub ledger: LedgerId,
}

impl PersonalReader<'_> {
    /// See [`Engine::personal`].
    ///
    /// # Errors
    /// As there.
    pub fn read(
        &self,
        entry: &Entry,
        accounting: &Accounting,
    ) -> Result<Option<(u64, Option<Disclosure>)>, EngineError> {
        let wrong =
            |reason: &str| EngineError::Entry { seq: accounting.seq, reason: reason.to_owned() };
        let (Some(subject), Some(sealed)) = (accounting.subject, &entry.personal) else {
            return Ok(None);
        };
        let statement = statement_of(accounting)?;
        let aad = personal_aad(self.ledger, statement.core.op_id);
        let plain = match self.registry.unseal(subject.account, &aad, &sealed.0) {
            Ok(plain) => plain,
            Err(RegistryError::Erased(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let personal: Personal =
            cbor::from_bytes(&plain).map_err(|_| wrong("the personal part is not in its form"))?;
        let found = personal.disclosure.as_ref().map(|bytes| statement::seal_of(&bytes.0));
        if found != statement.core.sealed {
            return Err(wrong("the disclosure is not the one that was sealed"));
        }
        let disclosure = personal
            .disclosure
            .map(|bytes| cbor::from_bytes(&bytes.0).map_err(|_| wrong("malformed disclosure")))
            .transpose()?;
        Ok(Some((personal.accepted_ms, disclosure)))
    }
}

/// Reads an entry and its accounting part.
pub(crate) fn read_entry(
    log: &LogReader,
    seq: Seq,
) -> Result<Option<(Entry, Accounting)>, EngineError> {
    log.entry(seq)?.map(|bytes| parse_entry(seq, &bytes)).transpose()
}

/// The statement that an entry keeps. One that cannot be read is a fault of the log.
///
/// # Errors
/// [`EngineError::Entry`]
pub fn statement_of(entry: &Accounting) -> Result<Statement, EngineError> {
    let wrong =
        |error: StatementError| EngineError::Entry { seq: entry.seq, reason: error.to_string() };
    kept::read(&entry.statement.0).map_err(wrong)
}

/// Parses an entry as a frame holds it.
///
/// # Errors
/// [`EngineError::Entry`]
pub fn parse_entry(seq: Seq, bytes: &[u8]) -> Result<(Entry, Accounting), EngineError> {
    fn parse<T: Wire>(seq: Seq, bytes: &[u8]) -> Result<T, EngineError> {
        cbor::from_bytes(bytes).map_err(|e| EngineError::Entry { seq, reason: e.to_string() })
    }
    let entry: Entry = parse(seq, bytes)?;
    let accounting = parse(seq, &entry.accounting.0)?;
    Ok((entry, accounting))
}
