//! A ledger at work, as the rest of the program asks it.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use ed25519_dalek::VerifyingKey;
use ledger_spec::cbor;
use ledger_spec::checkpoint::CheckpointError;
use ledger_spec::entry::{Accounting, Entry, Opened};
use ledger_spec::ids::{CardHash, DayKid, Kid, LedgerId, Seq};
use ledger_spec::manifest::{self, ManifestError};
use ledger_spec::merkle::{self, leaf_hash};
use ledger_spec::note::{KeyType, VerifierKey};
use ledger_spec::prove;
use ledger_spec::receipt::Receipt;
use ledger_spec::state::State;
use ledger_spec::statement::{self, Disclosure, Keys, Statement, StatementError};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PIN_PROOF_LIFE_S_MAX, PayToken, PinProof, SignedMessage};
use tokio::sync::{oneshot, watch};

use super::day_kids::DayKids;
use super::error::EngineError;
use super::read::PersonalReader;
use super::shared::{
    EngineConfig, Environment, Job, QueuedRows, QueuedStatement, Readiness, Shared,
};
use super::tiles::TileSource;
use super::verdict::{Head, PendingRows, PendingVerdict, Refusal, Verdict};
use super::{follower, recovery, scrub, secrets, sequencer};
use crate::keys::LedgerKeys;
use crate::log::TornTail;
use crate::registry::Registry;
use crate::views::{VIEWS_FOLDER, Views};

/// Slices that may wait; a further one is [`Refusal::Busy`].
pub const SLICES_WAITING_MAX: usize = 16;

/// The keys of a ledger as they are looked up on a day.
struct KeysOn<'a> {
    engine: &'a Engine,
    today: Day,
}

impl Keys for KeysOn<'_> {
    fn key(&self, kid: Kid) -> Option<VerifyingKey> {
        self.engine.verifying_key(kid)
    }

    fn phones(&self, signer: Kid, day_kid: DayKid, day: Day) -> Option<Vec<VerifyingKey>> {
        let found = self.engine.shared.day_kids.find(day_kid, day, self.today, signer)?;
        Some(found.iter().filter_map(|key| self.key(Kid::of(key))).collect())
    }
}

/// One ledger at work; cheap to share behind an [`Arc`].
pub struct Engine {
    pub(super) shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    sequencer: Mutex<Option<JoinHandle<()>>>,
    helpers: Mutex<Vec<Helper>>,
}

/// A thread that reads the log beside the sequencer and is never waited for but at the end.
struct Helper {
    name: &'static str,
    /// It stops when this is dropped.
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Helper {
    fn start(
        name: &'static str,
        shared: Arc<Shared>,
        run: fn(&Arc<Shared>, &Receiver<()>),
    ) -> Result<Self, EngineError> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(format!("{name} {}", shared.ledger))
            .spawn(move || run(&shared, &stopped))
            .map_err(EngineError::Thread)?;
        Ok(Self { name, stop, thread })
    }
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
        environment: Environment,
    ) -> Result<(Self, Option<TornTail>), EngineError> {
        // Before the log is read: with another secret it would be read otherwise.
        let registry = secrets::open_registry(config, &keys)?;
        let recovered = recovery::recover(config, &keys, &environment)?;
        let registry = secrets::check(registry, config, &keys, &recovered.state)?;
        let recovery::Recovered { mut log, mut levels, state, keyring, edge, ops, .. } = recovered;
        let replay_from = recovered.replay_from;
        let (torn, time_ms) = (recovered.torn, recovered.time_ms);
        // The head is public from the first moment, so the lock has to cover it.
        log.write_lock(&mut levels, time_ms.unwrap_or(0))?;
        let ledger = LedgerId::of_origin(&config.origin);
        let key = keys.log.verifying_key();
        let verifier = VerifierKey::new(&config.origin, KeyType::Ed25519, key)
            .map_err(|_| CheckpointError::Origin)?;
        let head = Arc::new(sequencer::sign_head(
            &config.origin,
            &keys.log,
            log.tip(),
            time_ms.unwrap_or(0),
        )?);
        let views = Views::open(&config.data_folder.join(VIEWS_FOLDER), ledger)?;
        if views.applied() > log.tip().next_seq {
            tracing::warn!(%ledger, "the views are ahead of the log and are made again");
            views.clear()?;
        }
        environment.metrics.opened(head.size);
        let public_keys = state.keys.values().map(|key| key.public_key).collect();
        let today = Day::of_ms(environment.clock.wall_ms());
        let shared = Arc::new(Shared {
            ledger,
            verifier,
            state: RwLock::new(state),
            day_kids: DayKids::start(public_keys, today),
            keyring: RwLock::new(keyring),
            clock: Arc::clone(&environment.clock),
            head: RwLock::new(Arc::clone(&head)),
            published: RwLock::new(head),
            readiness: watch::Sender::new(Readiness::Running),
            log: log.reader(),
            levels: levels.reader(),
            registry,
            pin: keys.pin.clone(),
            system: keys.system.clone(),
            pepper: keys.pepper.clone(),
            views,
            metrics: environment.metrics.clone(),
            damaged: Mutex::default(),
            slices: AtomicUsize::new(0),
        });
        let (queue, jobs) = sync_channel(config.queue_entries);
        let files = sequencer::Files { log, levels, edge, ops, replay_from };
        let written = Arc::clone(&shared);
        let sequencer =
            sequencer::Sequencer::new(written, config, keys, environment, files, time_ms);
        let thread = std::thread::Builder::new()
            .name(format!("sequencer {ledger}"))
            .spawn(move || sequencer.run(&jobs))
            .map_err(EngineError::Thread)?;
        let helpers = vec![
            Helper::start("views", Arc::clone(&shared), follower::run)?,
            Helper::start("scrub", Arc::clone(&shared), scrub::run)?,
        ];
        let engine = Self {
            shared,
            queue: Mutex::new(Some(queue)),
            sequencer: Mutex::new(Some(thread)),
            helpers: Mutex::new(helpers),
        };
        Ok((engine, torn))
    }

    /// Checks a submission's form, seal and signatures. Costs one or two signature checks; changes
    /// nothing.
    ///
    /// # Errors
    /// [`StatementError`]
    pub fn open_statement(&self, submission: &[u8]) -> Result<Statement, StatementError> {
        self.open_statement_on(submission, Day::of_ms(self.shared.clock.wall_ms()))
    }

    /// The same on another day than the clock's.
    ///
    /// # Errors
    /// [`StatementError`]
    pub fn open_statement_on(
        &self,
        submission: &[u8],
        today: Day,
    ) -> Result<Statement, StatementError> {
        statement::open(submission, self.shared.ledger, &KeysOn { engine: self, today })
    }

    /// The phone that signed a pay token; `None` where none did, or where `signer`, who asks, has
    /// asked for too many past days.
    #[must_use]
    pub fn phone_behind(&self, token: &SignedMessage<PayToken>, signer: Kid) -> Option<Kid> {
        let today = Day::of_ms(self.shared.clock.wall_ms());
        let keys = KeysOn { engine: self, today };
        let phones = keys.phones(signer, token.day_kid(), token.message.day())?;
        token.signer_among(&phones)
    }

    /// The first answer to a statement that the log holds already and whose pay token is of a past
    /// day: it is found by operation and bytes, before its token is looked up. `None` for every
    /// other.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Refusal::Stopped`].
    pub async fn repetition(&self, submission: &[u8]) -> Result<Option<Verdict>, Refusal> {
        let Ok((_, mut statement)) = statement::read(submission) else { return Ok(None) };
        if statement.read_carried(|_| None).is_err() {
            return Ok(None);
        }
        let day = statement.carried.pay_token.as_ref().map(|token| token.signed.message.day());
        let today = Day::of_ms(self.shared.clock.wall_ms());
        if day.is_none_or(|day| day >= today.minus(1)) {
            return Ok(None);
        }
        let (reply, answer) = oneshot::channel();
        self.queue(Job::Repetition(Box::new(statement), reply))?;
        answer.await.map_err(|_| Refusal::Stopped)
    }

    /// Puts a statement in the queue; the receiver gives the verdict once it is durable.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Refusal::Stopped`]; nothing was written.
    pub fn enqueue(&self, statement: Statement) -> Result<PendingVerdict, Refusal> {
        let (reply, verdict) = oneshot::channel();
        self.queue(Job::Statement(Box::new(QueuedStatement { statement, reply })))?;
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
    pub fn open_manifest(
        &self,
        sequence: &[u8],
    ) -> Result<manifest::OpenedManifest, ManifestError> {
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
        if let Err(refusal) = self.queue(Job::Rows(QueuedRows { rows, reply })) {
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
        self.shared.entry(seq)
    }

    /// Entries found damaged since the start, whoever asked for them.
    #[must_use]
    pub fn damaged(&self) -> Vec<Seq> {
        self.shared.damaged.lock().map(|found| found.iter().copied().collect()).unwrap_or_default()
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
        card: CardHash,
        terminal: Kid,
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
        let hash = leaf_hash(&entry.leaf());
        merkle::verify_inclusion(&hash, seq.0, head.size, &proof, &head.root).map_err(|error| {
            let reason = format!("its proof from log/levels: {error}");
            let damaged = EngineError::Damaged { seq, reason };
            self.shared.note_damage(&damaged);
            damaged
        })?;
        Ok(Receipt { extra, index: seq.0, proof, checkpoint: head.note.clone() })
    }

    /// Whether statements are taken.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.shared.readiness.borrow().clone()
    }

    /// Waits until the ledger has stopped; the text says why.
    pub async fn stopped(&self) -> String {
        let mut readiness = self.shared.readiness.subscribe();
        let stopped = readiness.wait_for(|now| matches!(now, Readiness::Stopped(_))).await;
        match stopped.as_deref() {
            Ok(Readiness::Stopped(reason)) => reason.clone(),
            Ok(Readiness::Running | Readiness::ReadOnly(_)) | Err(_) => {
                "the sequencer has gone".to_owned()
            }
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
            self.shared.readiness.send_replace(Readiness::Stopped("the sequencer died".to_owned()));
        }
        let helpers = self.helpers.lock().map(|mut helpers| std::mem::take(&mut *helpers));
        for Helper { name, stop, thread } in helpers.unwrap_or_default() {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!(ledger = %self.shared.ledger, "the thread of the {name} died");
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
