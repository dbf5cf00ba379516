//! The one writer of a ledger: takes what waits, decides in order, commits once, answers.
//!
//! There is no timer: a batch is what queued up while the last commit ran, so a lone visit pays one
//! fdatasync and a rush batches itself.

mod own;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ledger_spec::apply::apply;
use ledger_spec::cbor::{self, Blob};
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::decide::{self, Context, Earlier};
use ledger_spec::entry::{Accounting, Effect, Entry, Personal, personal_aad};
use ledger_spec::frame::{Frame, Place};
use ledger_spec::ids::{AccountId, OpId, Seq};
use ledger_spec::kinds::{Body, Kind, ManifestDone};
use ledger_spec::merkle::{Edge, leaf_hash};
use ledger_spec::public;
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::{Statement, Values};
use ledger_spec::time::{Day, Month};

mod holds;

use super::ops::Ops;
use super::snapshot;
use super::sweep::{Due, Sweep};
use super::{
    Accepted, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, EngineConfig, EngineError, Ground, Head, Job,
    PersonalReader, Refusal, SNAPSHOT_ENTRIES, SNAPSHOT_ENTRIES_MAX, Shared, Standing, Verdict,
    Waiting, WaitingRows, read_entry, recovery, statement_of,
};
use crate::clock::{ClockAlarm, LedgerClock};
use crate::keys::LedgerKeys;
use crate::log::{Levels, Log, Tip};
use crate::registry::NONCE_BYTES;

/// The lock and the published head are at most so far behind.
const LOCK_EVERY_MS: u64 = 1_000;
/// Bytes of a leaf's salt.
const SALT_BYTES: usize = 32;
/// What an entry holds besides statement, disclosure and document, at most 64 postings included.
const ENTRY_OVERHEAD_BYTES: usize = 4_096;
/// A programme document in the effects of its approval, and its public form.
const ENTRY_DOCUMENT_BYTES: usize = 96 * 1_024;
/// A person's word that the clock is right: `kenmai clock accept` makes this file, the sequencer
/// takes it away.
pub const CLOCK_ACCEPT_FILE: &str = "clock-accept";

/// What only the sequencer writes.
pub(super) struct Files {
    pub(super) log: Log,
    pub(super) levels: Levels,
    /// The tree's right edge and the operations, as the log has them.
    pub(super) edge: Edge,
    pub(super) ops: Ops,
    /// What the snapshot on the disk covers.
    pub(super) replay_from: Seq,
}

/// One ledger's writer.
pub(super) struct Sequencer {
    shared: Arc<Shared>,
    keys: LedgerKeys,
    origin: String,
    data_folder: PathBuf,
    ground: Ground,
    clock: LedgerClock,
    log: Log,
    levels: Levels,
    edge: Edge,
    ops: Ops,
    /// The last head signed, and when the lock was last written (boot-time clock).
    head: Arc<Head>,
    locked: (u64, u64),
    time_ms: u64,
    /// Rows of manifests that wait for their turn.
    slices: VecDeque<WaitingRows>,
    /// Holds by deadline; those that have ended stay until then.
    holds: BTreeSet<(u64, Seq)>,
    /// The month before which nothing is left to settle; `None` until that was looked for.
    settled_before: Option<Month>,
    /// Lots that expire and are recorded when nobody waits.
    sweep: Sweep,
    /// Entries of the last snapshot, and the thread that writes one.
    snapshot_size: u64,
    snapshot_writer: Option<JoinHandle<()>>,
}

/// A batch being decided.
struct Batch<'r, 's> {
    state: Overlay<'r>,
    now_ms: u64,
    entries: Vec<Decided<'s>>,
    by_op: HashMap<OpId, usize>,
    opened: Vec<AccountId>,
}

/// An accepted statement of the batch.
struct Decided<'a> {
    accounting: Arc<Accounting>,
    statement: &'a Statement,
    class: (ledger_spec::entry::Class, Option<ledger_spec::entry::PublicJson>),
}

/// What a waiter is told once the batch is durable.
enum Answer {
    Entry(usize, bool),
    Earlier(Accounting),
    Refused(Refusal),
}

/// Signs the head of the log as it stands.
pub(super) fn sign_head(origin: &str, key: &SigningKey, tip: Tip) -> Result<Head, EngineError> {
    let size = tip.next_seq.0;
    let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: tip.root };
    Ok(Head { size, note: checkpoint.sign(key)?.to_string() })
}

impl Sequencer {
    pub(super) fn new(
        shared: Arc<Shared>,
        (config, keys): (&EngineConfig, LedgerKeys),
        ground: Ground,
        Files { log, levels, edge, ops, replay_from }: Files,
        time_ms: Option<u64>,
    ) -> Self {
        let head = shared.head.read().map(|head| Arc::clone(&head)).unwrap_or_default();
        Self {
            clock: LedgerClock::start(time_ms, ground.clock.read(), config.clock_policy),
            origin: config.origin.clone(),
            data_folder: config.data_folder.clone(),
            locked: (head.size, ground.clock.boot_ms()),
            time_ms: time_ms.unwrap_or(0),
            slices: VecDeque::new(),
            holds: shared.state.read().map(|state| holds::open_holds(&state)).unwrap_or_default(),
            settled_before: None,
            sweep: Sweep::default(),
            snapshot_size: replay_from.0,
            snapshot_writer: None,
            shared,
            keys,
            ground,
            log,
            levels,
            edge,
            ops,
            head,
        }
    }

    /// Works until the queue is closed; then commits what waits and leaves the lock at the log's
    /// end.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let worked = self.work(jobs);
        let reason = match worked {
            Ok(()) => "the ledger was closed".to_owned(),
            Err(error) => {
                tracing::error!(ledger = %self.shared.ledger, %error, "the ledger stopped");
                error.to_string()
            }
        };
        self.shared.metrics.set_standing(false);
        self.shared.standing.send_replace(Standing::Stopped(reason));
    }

    fn work(&mut self, jobs: &Receiver<Job>) -> Result<(), EngineError> {
        self.show_standing(self.clock.alarm());
        loop {
            // Rows of manifests wait here while statements pass them: one slice goes with each
            // batch.
            let idle = self.slices.is_empty() && !self.sweep.is_under_way();
            let wait_ms = if idle { LOCK_EVERY_MS } else { 0 };
            match jobs.recv_timeout(Duration::from_millis(wait_ms)) {
                Ok(first) => {
                    let (mut batch, mut weight) = (Vec::new(), 0);
                    self.sort(first, &mut batch, &mut weight)?;
                    while batch.len() < BATCH_ENTRIES_MAX
                        && weight < BATCH_BYTES_MAX
                        && let Ok(next) = jobs.try_recv()
                    {
                        self.sort(next, &mut batch, &mut weight)?;
                    }
                    let slice = self.slices.pop_front();
                    self.take(batch, slice)?;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)
                    if let Some(slice) = self.slices.pop_front() =>
                {
                    self.take(Vec::new(), Some(slice))?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.accept_clock();
                    self.record_expired()?;
                    // Nobody waits, so the lock need not either.
                    if !self.sweep.is_under_way() && self.locked.0 < self.head.size {
                        self.lock()?;
                    }
                    self.snapshot_if_due(SNAPSHOT_ENTRIES)?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.lock()?;
                    return self.leave_snapshot();
                }
            }
            self.snapshot_if_due(SNAPSHOT_ENTRIES_MAX)?;
            let (size, at_ms) = self.locked;
            let since_ms = self.ground.clock.boot_ms().saturating_sub(at_ms);
            if size < self.head.size && since_ms >= LOCK_EVERY_MS {
                self.lock()?;
            }
        }
    }

    /// Makes the lock cover the log, then shows the head to everyone: published ≤ locked ≤ durable.
    fn lock(&mut self) -> Result<(), EngineError> {
        // A crash before this leaves frames past the lock, which the next start writes again before
        // it serves.
        self.log.write_lock(&mut self.levels, self.time_ms)?;
        self.locked = (self.head.size, self.ground.clock.boot_ms());
        *self.shared.published.write().map_err(|_| EngineError::ThreadDied)? =
            Arc::clone(&self.head);
        self.shared.metrics.published(self.head.size);
        Ok(())
    }

    /// Makes a snapshot once `entries` have come since the last one, and leaves the writing to a
    /// thread of its own.
    fn snapshot_if_due(&mut self, entries: u64) -> Result<(), EngineError> {
        let writing = self.snapshot_writer.as_ref().is_some_and(|writer| !writer.is_finished());
        if writing || self.head.size - self.snapshot_size < entries {
            return Ok(());
        }
        self.lock()?;
        let bytes = self.snapshot()?;
        let (disk, folder) = (Arc::clone(&self.ground.disk), self.data_folder.clone());
        let writer = std::thread::spawn(move || snapshot::write(&disk, &folder, &bytes));
        self.snapshot_writer = Some(writer);
        Ok(())
    }

    /// The snapshot of a clean stop; none where the last one holds the whole log.
    fn leave_snapshot(&mut self) -> Result<(), EngineError> {
        if let Some(writer) = self.snapshot_writer.take()
            && writer.join().is_err()
        {
            tracing::warn!("a snapshot's thread died");
        }
        if self.head.size > self.snapshot_size {
            let bytes = self.snapshot()?;
            snapshot::write(&self.ground.disk, &self.data_folder, &bytes);
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, EngineError> {
        let state = self.shared.state.read().map_err(|_| EngineError::ThreadDied)?;
        self.snapshot_size = state.size;
        Ok(snapshot::encode(self.shared.ledger, &self.log.tip().root, &self.ops, &state))
    }

    /// Puts a job where it waits.
    fn sort(
        &mut self,
        job: Job,
        batch: &mut Vec<Waiting>,
        weight: &mut usize,
    ) -> Result<(), EngineError> {
        self.shared.metrics.taken();
        let waiting = match job {
            Job::Rows(rows) => {
                self.slices.push_back(rows);
                return Ok(());
            }
            Job::Statement(waiting) => *waiting,
            Job::Result(manifest, outcomes, reply) => {
                let body = Body::ManifestDone(ManifestDone { manifest, outcomes: Blob(outcomes) });
                let today = Day::of_ms(self.time_ms.max(self.ground.clock.wall_ms()));
                let statement = self.own_statement(body, today, &manifest.0.to_be_bytes())?;
                Waiting { statement, reply }
            }
        };
        *weight += self::weight(&waiting.statement);
        batch.push(waiting);
        Ok(())
    }

    fn take(&mut self, jobs: Vec<Waiting>, slice: Option<WaitingRows>) -> Result<(), EngineError> {
        // 1. One time for the batch. A clock that jumped makes the ledger read-only; nothing is
        //    decided.
        self.accept_clock();
        let now_ms = match self.clock.batch_time_ms(self.ground.clock.read()) {
            Ok(now_ms) => now_ms,
            Err(alarm) => {
                self.show_standing(Some(alarm));
                for job in jobs {
                    self.answer(job, Err(Refusal::ReadOnly(alarm)));
                }
                if let Some(slice) = slice {
                    let refused = slice.rows.iter().map(|_| Err(Refusal::ReadOnly(alarm)));
                    let refused = refused.collect();
                    self.answer_rows(slice, refused);
                }
                return Ok(());
            }
        };
        self.time_ms = now_ms;
        // 2. Days that are over are closed before anything of today is decided.
        self.close_days(now_ms)?;
        self.settle_shops(now_ms)?;
        // 3. Holds whose deadline has passed come back before anybody asks for their points.
        self.release_due(now_ms)?;
        // 4. The rest: whoever stands at a counter first, then a slice of rows.
        let rows = slice.as_ref().map_or(&[][..], |slice| &slice.rows);
        let statements = jobs.iter().map(|job| &job.statement).chain(rows).collect();
        let mut verdicts = self.commit(statements, now_ms)?;
        let of_rows = verdicts.split_off(jobs.len());
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            self.answer(job, verdict);
        }
        if let Some(slice) = slice {
            self.answer_rows(slice, of_rows);
        }
        Ok(())
    }

    fn commit(
        &mut self,
        statements: Vec<&Statement>,
        now_ms: u64,
    ) -> Result<Vec<Verdict>, EngineError> {
        let started_us = self.ground.clock.boot_us();
        // 1. Decide in order. A statement sees the changes of those before it.
        let shared = Arc::clone(&self.shared);
        let state = shared.state.read().map_err(|_| EngineError::ThreadDied)?;
        let mut batch = Batch {
            state: Overlay::over(&state),
            now_ms,
            entries: Vec::new(),
            by_op: HashMap::new(),
            opened: Vec::new(),
        };
        let answers = statements
            .into_iter()
            .map(|statement| self.decide(statement, &mut batch))
            .collect::<Result<Vec<_>, _>>()?;
        let Batch { state: overlay, entries, opened, .. } = batch;
        let changes = overlay.into_changes();
        drop(state);
        if !entries.is_empty() {
            self.write(&entries, &opened, now_ms)?;
            // 5. The state takes the batch over. A crash here loses nothing: recovery runs the
            //    same.
            self.absorb(&entries, changes)?;
            self.head = Arc::new(sign_head(&self.origin, &self.keys.log, self.log.tip())?);
            *self.shared.head.write().map_err(|_| EngineError::ThreadDied)? =
                Arc::clone(&self.head);
            let took_us = self.ground.clock.boot_us().saturating_sub(started_us);
            let took = Duration::from_micros(took_us);
            self.shared.metrics.batch(entries.len(), took, self.head.size);
        }
        // 6. Answer.
        Ok(answers.into_iter().map(|answer| self.verdict(answer, &entries)).collect())
    }

    /// Seals the entries and appends them as one frame. After this the batch is durable; everything
    /// else can be rebuilt.
    fn write(
        &mut self,
        entries: &[Decided<'_>],
        opened: &[AccountId],
        now_ms: u64,
    ) -> Result<(), EngineError> {
        // 2. Data keys first. A crash here leaves keys of accounts that were never opened, which
        //    harm nobody.
        if !opened.is_empty() {
            self.shared.registry.ensure_data_keys(opened)?;
        }
        // 3. Seal, and compute leaves and root.
        let (mut edge, mut hashes, mut bytes) = (self.edge.clone(), Vec::new(), Vec::new());
        let mut random = vec![0; entries.len() * (SALT_BYTES + NONCE_BYTES)];
        getrandom::fill(&mut random)?;
        let random = random.as_chunks::<{ SALT_BYTES + NONCE_BYTES }>().0;
        for (decided, random) in entries.iter().zip(random) {
            let entry = self.seal(decided, random, now_ms)?;
            let hash = leaf_hash(&entry.leaf());
            edge.push(hash);
            hashes.push(hash);
            bytes.push(cbor::to_bytes(&entry));
        }
        // 4. Append. A crash in the middle leaves a torn frame that nobody was told of; the next
        //    start sets it aside.
        let tip = self.log.tip();
        let place = Place {
            ledger: self.shared.ledger,
            epoch: tip.epoch,
            first_seq: tip.next_seq,
            prev_frame_hash: tip.frame_hash,
            root_after: edge.root(),
        };
        let frame = Frame::encode(place, &bytes)
            .map_err(|error| EngineError::Entry { seq: tip.next_seq, reason: error.to_string() })?;
        self.log.append(tip.next_seq, &frame)?;
        self.levels.append(tip.next_seq, &hashes)?;
        self.edge = edge;
        Ok(())
    }

    fn decide<'s>(
        &self,
        statement: &'s Statement,
        batch: &mut Batch<'_, 's>,
    ) -> Result<Answer, EngineError> {
        if let Some(at) = batch.by_op.get(&statement.core.op_id).copied() {
            let same =
                batch.entries.get(at).filter(|first| first.statement.bytes == statement.bytes);
            let seq = batch.entries.get(at).map_or(Seq(0), |first| first.accounting.seq);
            return Ok(match same {
                Some(_) => Answer::Entry(at, true),
                None => Answer::Refused(Refusal::OperationReused(seq)),
            });
        }
        if let Some(earlier) = self.earlier_operation(statement)? {
            return Ok(earlier);
        }
        let named = decide::earlier_of(statement, &batch.state);
        let named = named.map(|seq| self.entry_of(seq, batch)).transpose()?.flatten();
        let earlier = match named.as_deref() {
            Some(entry) => Some(Earlier { entry, statement: statement_of(entry)? }),
            None => None,
        };
        let measured = decide::measured_before(statement, &batch.state);
        let measured = measured.map(|seq| self.values_of(seq, batch)).transpose()?.flatten();
        let context = Context {
            now_ms: batch.now_ms,
            pepper: &self.keys.pepper,
            earlier: earlier.as_ref(),
            measured,
        };
        let accounting = match decide::decide(statement, &batch.state, &context) {
            Ok(accounting) => accounting,
            Err(rejection) => return Ok(Answer::Refused(Refusal::Rejected(rejection))),
        };
        apply(&accounting, &mut batch.state)?;
        let class = public::of_effects(&accounting.effects, |kid| batch.state.keys(&kid));
        if let Some(subject) = accounting.subject
            && accounting.effects.contains(&Effect::AccountOpened {})
        {
            batch.opened.push(subject.account);
        }
        let at = batch.entries.len();
        batch.by_op.insert(statement.core.op_id, at);
        let accounting = Arc::new(accounting);
        batch.entries.push(Decided { accounting, statement, class });
        Ok(Answer::Entry(at, false))
    }

    /// An entry of the log or of the batch in hand.
    fn entry_of(
        &self,
        seq: Seq,
        batch: &Batch<'_, '_>,
    ) -> Result<Option<Arc<Accounting>>, EngineError> {
        if let Some(decided) = batch.entries.iter().find(|decided| decided.accounting.seq == seq) {
            return Ok(Some(Arc::clone(&decided.accounting)));
        }
        Ok(read_entry(&self.shared.log, seq)?.map(|(_, found)| Arc::new(found)))
    }

    /// What a measurement found, while its sealed part can be opened.
    fn values_of(&self, seq: Seq, batch: &Batch<'_, '_>) -> Result<Option<Values>, EngineError> {
        if let Some(decided) = batch.entries.iter().find(|decided| decided.accounting.seq == seq) {
            let disclosed = decided.statement.disclosure.as_ref();
            return Ok(disclosed.and_then(|(disclosure, _)| disclosure.values));
        }
        let Some((entry, accounting)) = read_entry(&self.shared.log, seq)? else { return Ok(None) };
        let (registry, ledger) = (&self.shared.registry, self.shared.ledger);
        let opened = PersonalReader { registry, ledger }.read(&entry, &accounting)?;
        Ok(opened.and_then(|(_, disclosure)| disclosure?.values))
    }

    /// The answer to an operation that is in the log: the first result for the same bytes, a
    /// refusal for others.
    fn earlier_operation(&self, statement: &Statement) -> Result<Option<Answer>, EngineError> {
        for seq in self.ops.candidates(statement.core.op_id) {
            let Some((_, accounting)) = read_entry(&self.shared.log, seq)? else { continue };
            if accounting.statement.0 == statement.bytes {
                return Ok(Some(Answer::Earlier(accounting)));
            }
            if statement_of(&accounting)?.core.op_id == statement.core.op_id {
                return Ok(Some(Answer::Refused(Refusal::OperationReused(seq))));
            }
        }
        Ok(None)
    }

    fn seal(
        &self,
        decided: &Decided<'_>,
        random: &[u8; SALT_BYTES + NONCE_BYTES],
        now_ms: u64,
    ) -> Result<Entry, EngineError> {
        let Decided { accounting, statement, class: (class, public) } = decided;
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        let (for_salt, for_nonce) = random.split_at(SALT_BYTES);
        salt.copy_from_slice(for_salt);
        nonce.copy_from_slice(for_nonce);
        let personal = match accounting.subject {
            None => None,
            Some(subject) => {
                let disclosure = statement.disclosure.as_ref().map(|(_, b)| Blob(b.clone()));
                let plain = cbor::to_bytes(&Personal { accepted_ms: now_ms, disclosure });
                let aad = personal_aad(self.shared.ledger, statement.core.op_id);
                Some(Blob(self.shared.registry.seal_with(subject.account, &aad, &plain, nonce)?))
            }
        };
        let accounting = Blob(cbor::to_bytes(accounting.as_ref()));
        Ok(Entry { class: *class, salt, accounting, personal, public: public.clone() })
    }

    fn absorb(&mut self, entries: &[Decided<'_>], changes: State) -> Result<(), EngineError> {
        for decided in entries {
            self.ops.insert(decided.statement.core.op_id, decided.accounting.seq);
            self.shared.metrics.accepted(&decided.statement.core.body, &decided.accounting);
            for effect in &decided.accounting.effects {
                if let Some(until_s) = holds::until_s(effect) {
                    self.holds.insert((until_s, decided.accounting.seq));
                }
            }
        }
        if !changes.keys.is_empty() {
            let mut keyring = self.shared.keyring.write().map_err(|_| EngineError::ThreadDied)?;
            recovery::add_keys(&changes, &mut keyring);
        }
        self.shared.state.write().map_err(|_| EngineError::ThreadDied)?.absorb(changes);
        Ok(())
    }

    fn verdict(&self, answer: Answer, entries: &[Decided<'_>]) -> Verdict {
        let head = Arc::clone(&self.head);
        match answer {
            Answer::Entry(at, replayed) => {
                let decided = entries.get(at).ok_or(Refusal::Stopped)?;
                Ok(Accepted { accounting: Arc::clone(&decided.accounting), head, replayed })
            }
            Answer::Earlier(accounting) => {
                Ok(Accepted { accounting: Arc::new(accounting), head, replayed: true })
            }
            Answer::Refused(refusal) => Err(refusal),
        }
    }

    fn answer(&self, job: Waiting, verdict: Verdict) {
        // A waiter that has gone asks again with the same operation id.
        let _ = job.reply.send(verdict);
    }

    fn answer_rows(&self, slice: WaitingRows, verdicts: Vec<Verdict>) {
        self.shared.slices.fetch_sub(1, Ordering::Relaxed);
        let _ = slice.reply.send(verdicts);
    }

    fn show_standing(&self, alarm: Option<ClockAlarm>) {
        let standing = alarm.map_or(Standing::Running, Standing::ReadOnly);
        self.shared.metrics.set_standing(standing == Standing::Running);
        self.shared.standing.send_if_modified(|now| {
            let changed = *now != standing;
            *now = standing.clone();
            changed
        });
    }

    /// Takes a person's word for the clock, if it was given.
    fn accept_clock(&mut self) {
        if self.clock.alarm().is_none() {
            return;
        }
        let given = self.ground.disk.list(&self.data_folder);
        let given = given.is_ok_and(|names| names.iter().any(|name| name == CLOCK_ACCEPT_FILE));
        let [word, taken] = [CLOCK_ACCEPT_FILE, "clock-accepted"].map(|f| self.data_folder.join(f));
        if given && self.ground.disk.rename(&word, &taken).is_ok() {
            self.clock.accept(self.ground.clock.read());
            self.show_standing(None);
        }
    }
}

/// The most bytes that a statement's entry can have: a document stands in the effects and in public
/// once more.
fn weight(statement: &Statement) -> usize {
    let disclosed = statement.disclosure.as_ref().map_or(0, |(_, bytes)| bytes.len());
    let document =
        if statement.core.body.kind() == Kind::Approve { ENTRY_DOCUMENT_BYTES } else { 0 };
    statement.bytes.len() + disclosed + document + ENTRY_OVERHEAD_BYTES
}
