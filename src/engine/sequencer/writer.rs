//! The writer of a ledger: decides a batch in order, seals it, appends it as one frame, applies it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ledger_spec::apply::apply;
use ledger_spec::cbor::{self, Blob};
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::decide::{self, Context, Earlier, Rejection};
use ledger_spec::entry::{Accounting, Effect, Entry, Personal, personal_aad};
use ledger_spec::frame::{Frame, FramePlace};
use ledger_spec::ids::{AccountId, Kid, OpId, Seq};
use ledger_spec::merkle::{Edge, leaf_hash};
use ledger_spec::public;
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::{Statement, Values};
use ledger_spec::time::Month;

use super::deadlines;
use crate::clock::LedgerClock;
use crate::engine::error::EngineError;
use crate::engine::ops::Ops;
use crate::engine::read::{PersonalReader, statement_of};
use crate::engine::recovery;
use crate::engine::shared::{EngineConfig, Environment, QueuedRows, Shared};
use crate::engine::sweep::Sweep;
use crate::engine::verdict::{Accepted, Head, Refusal, Verdict};
use crate::keys::LedgerKeys;
use crate::log::{Levels, Log, Tip};
use crate::registry::{KeyStanding, NONCE_BYTES, RegistryError, SealingKey};

/// The most statements that one batch commits.
pub(super) const BATCH_ENTRIES_MAX: usize = 512;
/// Bytes of a leaf's salt.
const SALT_BYTES: usize = 32;

/// What recovery hands over: nobody but the sequencer writes it.
pub(crate) struct Files {
    pub(crate) log: Log,
    pub(crate) levels: Levels,
    /// The tree's right edge, as the log has it.
    pub(crate) edge: Edge,
    /// The operations, as the log has them.
    pub(crate) ops: Ops,
    /// What the snapshot on the disk covers.
    pub(crate) replay_from: Seq,
}

/// One ledger's writer. It lives on its own thread, which owns every field; others see what is in
/// `shared` alone.
pub(crate) struct Sequencer {
    /// Each field says which lock guards it. State, keyring and heads are written here only.
    pub(super) shared: Arc<Shared>,
    // Fixed from the start.
    pub(super) keys: LedgerKeys,
    origin: String,
    pub(super) data_folder: PathBuf,
    pub(super) environment: Environment,
    /// What the ledger takes for the time.
    pub(super) clock: LedgerClock,
    // Files and what follows from them, written by `write` and `absorb`.
    pub(super) log: Log,
    pub(super) levels: Levels,
    edge: Edge,
    pub(super) ops: Ops,
    /// The last head signed.
    pub(super) head: Arc<Head>,
    /// Entries that the lock covers.
    pub(super) locked_size: u64,
    /// When the lock was last written, by the boot-time clock.
    pub(super) locked_at_ms: u64,
    /// The time of the last batch.
    pub(super) time_ms: u64,
    /// Rows of manifests that wait for their turn.
    pub(super) slices: VecDeque<QueuedRows>,
    /// Holds by deadline; those that have ended stay until then.
    pub(super) holds: BTreeSet<(u64, Seq)>,
    /// The month before which nothing is left to settle; `None` until that was looked for.
    pub(super) settled_before: Option<Month>,
    /// Lots that expire and are recorded when nobody waits.
    pub(super) sweep: Sweep,
    /// Entries of the last snapshot.
    pub(super) snapshot_size: u64,
    /// The thread that writes one.
    pub(super) snapshot_writer: Option<JoinHandle<()>>,
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
pub(super) struct Decided<'a> {
    accounting: Arc<Accounting>,
    statement: &'a Statement,
    class: (ledger_spec::entry::Class, Option<ledger_spec::entry::PublicJson>),
    seal: Seal,
}

/// What seals the personal part of an entry. It is there before the entry is decided for good, so
/// that no account can stop the batch.
enum Seal {
    /// The entry has no account, and no personal part.
    NoAccount,
    /// The account opens in this batch, and its data key is made when the batch is written.
    OnOpening(AccountId),
    /// The account's data key.
    Key(SealingKey),
    /// The server's own entry on an account whose data key is gone: an empty part.
    Empty,
}

/// What was decided on a statement of the batch. It is told once the batch is durable.
pub(super) enum Decision {
    /// It is this entry of the batch.
    Accepted(usize),
    /// It was this entry of the batch already.
    Repeated(usize),
    /// It was in the log before.
    Earlier(Accounting),
    Refused(Refusal),
}

/// Signs the head of the log as it stands.
pub(crate) fn sign_head(
    origin: &str,
    key: &SigningKey,
    tip: Tip,
    newest_ms: u64,
) -> Result<Head, EngineError> {
    let size = tip.next_seq.0;
    let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: tip.root };
    Ok(Head { size, root: tip.root, note: checkpoint.sign(key)?.to_string(), newest_ms })
}

impl Sequencer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        config: &EngineConfig,
        keys: LedgerKeys,
        environment: Environment,
        files: Files,
        time_ms: Option<u64>,
    ) -> Self {
        let Files { log, levels, edge, ops, replay_from } = files;
        let head = shared.head.read().map(|head| Arc::clone(&head)).unwrap_or_default();
        Self {
            clock: LedgerClock::start(time_ms, environment.clock.read(), config.clock_policy),
            origin: config.origin.clone(),
            data_folder: config.data_folder.clone(),
            locked_size: head.size,
            locked_at_ms: environment.clock.boot_ms(),
            time_ms: time_ms.unwrap_or(0),
            slices: VecDeque::new(),
            holds: shared
                .state
                .read()
                .map(|state| deadlines::open_holds(&state))
                .unwrap_or_default(),
            settled_before: None,
            sweep: Sweep::default(),
            snapshot_size: replay_from.0,
            snapshot_writer: None,
            shared,
            keys,
            environment,
            log,
            levels,
            edge,
            ops,
            head,
        }
    }

    pub(super) fn commit(
        &mut self,
        statements: Vec<&Statement>,
        now_ms: u64,
    ) -> Result<Vec<Verdict>, EngineError> {
        let started_us = self.environment.clock.boot_us();
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
        let decisions = statements
            .into_iter()
            .map(|statement| match self.decide(statement, &mut batch) {
                // Nothing is decided on an entry that changed under the ledger; all else goes on.
                Err(EngineError::Damaged { seq, .. }) => {
                    Ok(Decision::Refused(Refusal::Damaged(seq)))
                }
                decision => decision,
            })
            .collect::<Result<Vec<_>, _>>()?;
        let Batch { state: overlay, mut entries, opened, .. } = batch;
        let changes = overlay.into_changes();
        drop(state);
        // 2. Data keys first. A crash here leaves keys of accounts that were never opened, which
        //    harm nobody.
        if let Err(error) = self.make_keys(&mut entries, &opened) {
            tracing::error!(ledger = %self.shared.ledger, %error, "a batch was refused: no data key could be made");
            return Ok(decisions.into_iter().map(|decision| self.unwritten(decision)).collect());
        }
        if !entries.is_empty() {
            self.write(&entries, now_ms)?;
            // 5. The state takes the batch over. A crash here loses nothing: recovery runs the
            //    same.
            self.absorb(&entries, changes)?;
            self.head = Arc::new(sign_head(&self.origin, &self.keys.log, self.log.tip(), now_ms)?);
            *self.shared.head.write().map_err(|_| EngineError::ThreadDied)? =
                Arc::clone(&self.head);
            let took_us = self.environment.clock.boot_us().saturating_sub(started_us);
            let took = Duration::from_micros(took_us);
            self.shared.metrics.batch(entries.len(), took, self.head.size);
        }
        // 6. Answer.
        Ok(decisions.into_iter().map(|decision| self.verdict(decision, &entries)).collect())
    }

    /// Makes the data keys of accounts that open.
    fn make_keys(
        &self,
        entries: &mut [Decided<'_>],
        opened: &[AccountId],
    ) -> Result<(), RegistryError> {
        if opened.is_empty() {
            return Ok(());
        }
        self.shared.registry.ensure_data_keys(opened)?;
        for decided in entries {
            if let Seal::OnOpening(account) = decided.seal {
                decided.seal = Seal::Key(self.shared.registry.sealing_key(account)?);
            }
        }
        Ok(())
    }

    /// The answer to a statement whose batch was not written: its entry may be asked for again.
    fn unwritten(&self, decision: Decision) -> Verdict {
        match decision {
            Decision::Accepted(_) | Decision::Repeated(_) | Decision::Refused(_) => {
                Err(Refusal::Busy)
            }
            Decision::Earlier(_) => self.verdict(decision, &[]),
        }
    }

    /// Seals the entries and appends them as one frame. After this the batch is durable; everything
    /// else can be rebuilt.
    fn write(&mut self, entries: &[Decided<'_>], now_ms: u64) -> Result<(), EngineError> {
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
        let place = FramePlace {
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
    ) -> Result<Decision, EngineError> {
        if let Some(at) = batch.by_op.get(&statement.core.op_id).copied() {
            let same =
                batch.entries.get(at).filter(|first| first.statement.bytes == statement.bytes);
            let seq = batch.entries.get(at).map_or(Seq(0), |first| first.accounting.seq);
            return Ok(match same {
                Some(_) => Decision::Repeated(at),
                None => Decision::Refused(Refusal::OperationReused(seq)),
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
        let measured = match measured.map(|seq| self.values_of(seq, batch)).transpose() {
            Err(EngineError::Registry(error)) => {
                return Ok(Decision::Refused(self.without_key(&error)));
            }
            found => found?.flatten(),
        };
        let context = Context {
            now_ms: batch.now_ms,
            pepper: &self.keys.pepper,
            earlier: earlier.as_ref(),
            measured,
        };
        let accounting = match decide::decide(statement, &batch.state, &context) {
            Ok(accounting) => accounting,
            Err(rejection) => return Ok(Decision::Refused(Refusal::Rejected(rejection))),
        };
        let seal = match self.seal_for(&accounting, statement, batch) {
            Ok(seal) => seal,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
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
        batch.entries.push(Decided { accounting, statement, class, seal });
        Ok(Decision::Accepted(at))
    }

    /// What seals the entry. A person's statement on an account without a data key is refused; what
    /// the server signs itself follows from the log and has to be in it.
    fn seal_for(
        &self,
        accounting: &Accounting,
        statement: &Statement,
        batch: &Batch<'_, '_>,
    ) -> Result<Seal, Refusal> {
        let Some(subject) = accounting.subject else { return Ok(Seal::NoAccount) };
        let account = subject.account;
        match self.shared.registry.sealing_key(account) {
            Ok(key) => Ok(Seal::Key(key)),
            Err(RegistryError::NoKey(_))
                if batch.opened.contains(&account)
                    || accounting.effects.contains(&Effect::AccountOpened {}) =>
            {
                Ok(Seal::OnOpening(account))
            }
            Err(error) if statement.kid == self.own_kid() => {
                tracing::warn!(ledger = %self.shared.ledger, %error, "an entry of the ledger's own has an empty part");
                Ok(Seal::Empty)
            }
            Err(error) => Err(self.without_key(&error)),
        }
    }

    /// Why a statement is refused whose account's data key cannot be had.
    fn without_key(&self, error: &RegistryError) -> Refusal {
        let ledger = self.shared.ledger;
        match error.key_standing() {
            KeyStanding::Erased => Refusal::Rejected(Rejection::AccountEnded),
            KeyStanding::Unreadable => {
                tracing::error!(%ledger, %error, "a statement was refused; restore the registry");
                Refusal::Rejected(Rejection::AccountUnreadable)
            }
            KeyStanding::Unknown => {
                tracing::error!(%ledger, %error, "a statement was refused");
                Refusal::Busy
            }
        }
    }

    /// The key that signs what follows from the log.
    pub(super) fn own_kid(&self) -> Kid {
        Kid::of(self.keys.system.verifying_key().as_bytes())
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
        Ok(self.shared.entry(seq)?.map(|(_, found)| Arc::new(found)))
    }

    /// What a measurement found, while its sealed part can be opened.
    fn values_of(&self, seq: Seq, batch: &Batch<'_, '_>) -> Result<Option<Values>, EngineError> {
        if let Some(decided) = batch.entries.iter().find(|decided| decided.accounting.seq == seq) {
            let disclosed = decided.statement.disclosure.as_ref();
            return Ok(disclosed.and_then(|(disclosure, _)| disclosure.values));
        }
        let Some((entry, accounting)) = self.shared.entry(seq)? else { return Ok(None) };
        let (registry, ledger) = (&self.shared.registry, self.shared.ledger);
        let opened = PersonalReader { registry, ledger }.read(&entry, &accounting)?;
        Ok(opened.and_then(|(_, disclosure)| disclosure?.values))
    }

    /// The answer to an operation that is in the log: the first result for the same bytes, a
    /// refusal for others.
    pub(super) fn earlier_operation(
        &self,
        statement: &Statement,
    ) -> Result<Option<Decision>, EngineError> {
        for seq in self.ops.candidates(statement.core.op_id) {
            let Some((_, accounting)) = self.shared.entry(seq)? else { continue };
            if accounting.statement.0 == statement.bytes {
                return Ok(Some(Decision::Earlier(accounting)));
            }
            if statement_of(&accounting)?.core.op_id == statement.core.op_id {
                return Ok(Some(Decision::Refused(Refusal::OperationReused(seq))));
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
        let Decided { accounting, statement, class: (class, public), seal } = decided;
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        let (for_salt, for_nonce) = random.split_at(SALT_BYTES);
        salt.copy_from_slice(for_salt);
        nonce.copy_from_slice(for_nonce);
        let personal = match seal {
            Seal::NoAccount => None,
            Seal::Empty | Seal::OnOpening(_) => Some(Blob(Vec::new())),
            Seal::Key(key) => {
                let disclosure = statement.disclosure.as_ref().map(|(_, b)| Blob(b.clone()));
                let plain = cbor::to_bytes(&Personal { accepted_ms: now_ms, disclosure });
                let aad = personal_aad(self.shared.ledger, statement.core.op_id);
                Some(Blob(key.seal(&aad, &plain, nonce)?))
            }
        };
        let accounting = Blob(cbor::to_bytes(accounting.as_ref()));
        Ok(Entry { class: *class, salt, accounting, personal, public: public.clone() })
    }

    /// Destroys the data keys of accounts that these entries have erased. What fails is done at the
    /// next start, as the log says.
    fn forget(&self, entries: &[Decided<'_>]) {
        let erases =
            |decided: &&Decided<'_>| decided.accounting.effects.contains(&Effect::AccountErased {});
        let subjects = entries
            .iter()
            .filter(erases)
            .filter_map(|decided| decided.accounting.subject.map(|subject| subject.account));
        let accounts: Vec<AccountId> = subjects.collect();
        if accounts.is_empty() {
            return;
        }
        if let Err(error) = self.shared.registry.erase(&accounts) {
            let ledger = self.shared.ledger;
            tracing::error!(%ledger, %error, "a data key is not destroyed yet: restart the server");
        }
    }

    fn absorb(&mut self, entries: &[Decided<'_>], changes: State) -> Result<(), EngineError> {
        for decided in entries {
            self.ops.insert(decided.statement.core.op_id, decided.accounting.seq);
            self.shared.metrics.accepted(&decided.statement.core.body, &decided.accounting);
        }
        self.holds.extend(deadlines::open_holds(&changes));
        self.forget(entries);
        if !changes.keys.is_empty() {
            let mut keyring = self.shared.keyring.write().map_err(|_| EngineError::ThreadDied)?;
            for kid_and_key in &changes.keys {
                // What is revoked was added before.
                if !keyring.contains_key(kid_and_key.0) {
                    self.shared.day_kids.add(kid_and_key.1.public_key);
                }
            }
            recovery::add_keys(&changes, &mut keyring);
        }
        self.shared.state.write().map_err(|_| EngineError::ThreadDied)?.absorb(changes);
        Ok(())
    }

    pub(super) fn verdict(&self, decision: Decision, entries: &[Decided<'_>]) -> Verdict {
        let head = Arc::clone(&self.head);
        match decision {
            Decision::Accepted(at) | Decision::Repeated(at) => {
                let replayed = matches!(decision, Decision::Repeated(_));
                let decided = entries.get(at).ok_or(Refusal::Stopped)?;
                Ok(Accepted { accounting: Arc::clone(&decided.accounting), head, replayed })
            }
            Decision::Earlier(accounting) => {
                Ok(Accepted { accounting: Arc::new(accounting), head, replayed: true })
            }
            Decision::Refused(refusal) => Err(refusal),
        }
    }
}
