//! Start: the log is read from its snapshot or from its first frame, and the state comes out of it
//! by the same [`apply`](ledger_spec::apply::apply) that made it.

use std::collections::HashMap;
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use ledger_spec::frame::Frame;
use ledger_spec::ids::{Hash, Kid, LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::merkle::{Edge, leaf_hash};
use ledger_spec::prove;
use ledger_spec::state::State;

use super::error::EngineError;
use super::ops::Ops;
use super::replay;
use super::shared::{EngineConfig, Environment};
use super::snapshot::{self, Snapshot};
use crate::keys::LedgerKeys;
use crate::log::{self, FrameRefusal, Levels, Log, LogConfig, LogError, TornTail};

/// All that the engine goes on with.
pub(super) struct Recovered {
    pub(super) log: Log,
    pub(super) levels: Levels,
    pub(super) state: State,
    pub(super) keyring: HashMap<Kid, VerifyingKey>,
    pub(super) edge: Edge,
    pub(super) ops: Ops,
    pub(super) torn: Option<TornTail>,
    /// Unix milliseconds of the last batch, as near as the log and the lock tell; `None` for an
    /// empty log.
    pub(super) time_ms: Option<u64>,
    /// Entries that the snapshot held.
    pub(super) replay_from: Seq,
}

/// What the entries read so far leave.
struct DerivedState {
    state: State,
    edge: Edge,
    ops: Ops,
}

impl DerivedState {
    /// Before the first entry.
    fn none(pepper: &Hash) -> Self {
        Self { state: State::default(), edge: Edge::default(), ops: Ops::keyed(pepper) }
    }

    /// After the entries of a snapshot; `None` unless it lies below the lock and every hash of the
    /// levels leads to its root.
    fn after(snapshot: Snapshot, locked: Seq, levels: &Levels) -> Option<Self> {
        let Snapshot { root, state, ops } = snapshot;
        let (levels, size) = (levels.reader(), state.size);
        let edge = (size <= locked.0).then(|| prove::edge(&levels, size).ok()).flatten();
        let edge = edge.filter(|edge| edge.root() == root)?;
        prove::check_upper_levels(&levels, size).ok()?;
        Some(Self { state, edge, ops })
    }

    /// Applies one frame: every entry in order, then the root that the frame states. Gives the leaf
    /// hashes.
    ///
    /// # Errors
    /// [`EngineError::Entry`] names the first entry that these rules did not make.
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Hash>, EngineError> {
        let mut hashes = Vec::new();
        replay::apply_frame(&mut self.state, frame, |entry| {
            let statement = kept::read(&entry.accounting.statement.0);
            let statement = statement.map_err(|error| entry.fault(&error))?;
            self.ops.insert(statement.core.op_id, entry.seq);
            let hash = leaf_hash(&entry.entry.leaf());
            self.edge.push(hash);
            hashes.push(hash);
            Ok(())
        })?;
        let header = frame.header();
        if self.edge.root() != header.place.root_after {
            let reason = "the root after its frame is not the one that the frame states".to_owned();
            return Err(EngineError::Entry { seq: header.place.first_seq, reason });
        }
        Ok(hashes)
    }
}

/// Keys of a batch join the keyring; a revoked key stays, because the rules answer for it.
pub(super) fn add_keys(changes: &State, keyring: &mut HashMap<Kid, VerifyingKey>) {
    for (kid, key) in &changes.keys {
        if let Ok(verifying) = VerifyingKey::from_bytes(&key.public_key) {
            keyring.insert(*kid, verifying);
        }
    }
}

/// Reads the ledger from disk: from its snapshot on, or, where that does not fit the log, from the
/// first entry.
pub(super) fn recover(
    config: &EngineConfig,
    keys: &LedgerKeys,
    environment: &Environment,
) -> Result<Recovered, EngineError> {
    let ledger = LedgerId::of_origin(&config.origin);
    let (disk, folder) = (environment.disk.as_ref(), &config.data_folder);
    if let Some(snapshot) = snapshot::read(disk, folder, ledger, &keys.pepper) {
        match recover_from(Some(snapshot), config, keys, environment) {
            Err(EngineError::Log(LogError::Refused { .. }) | EngineError::Entry { .. }) => {
                tracing::warn!(%ledger, "the snapshot does not fit the log; replaying the whole log");
            }
            recovered => return recovered,
        }
    }
    recover_from(None, config, keys, environment)
}

fn recover_from(
    snapshot: Option<Snapshot>,
    config: &EngineConfig,
    keys: &LedgerKeys,
    environment: &Environment,
) -> Result<Recovered, EngineError> {
    let ledger = LedgerId::of_origin(&config.origin);
    let log_config = LogConfig::of(&config.data_folder, ledger);
    let claimed = log::claim(Arc::clone(&environment.disk), log_config)?;
    let locked = claimed.locked();
    let mut levels = claimed.levels()?;
    let given = snapshot.is_some();
    let after = snapshot.and_then(|snapshot| DerivedState::after(snapshot, locked.size, &levels));
    if given && after.is_none() {
        tracing::warn!(%ledger, "the snapshot or log/levels do not fit the lock; both are made again from the log");
    }
    let mut derived = match after {
        Some(after) => after,
        None => {
            // All entries are read anyway, and the levels follow from them.
            levels = claimed.levels_up_to(Seq(0))?;
            DerivedState::none(&keys.pepper)
        }
    };
    let replay_from = Seq(derived.state.size);
    let (log, torn) = claimed.recover(replay_from, environment.clock.wall_ms(), |frame| {
        let hashes = derived.frame(frame).map_err(FrameRefusal::from)?;
        // What the levels lack comes from the frames.
        let first = frame.header().place.first_seq;
        let known = levels.size().0.saturating_sub(first.0);
        let missing = usize::try_from(known).ok().and_then(|known| hashes.get(known..));
        match missing {
            Some(missing) if !missing.is_empty() => {
                levels.append(levels.size(), missing).map_err(FrameRefusal::from)
            }
            _ => Ok(()),
        }
    })?;
    let DerivedState { state, edge, ops } = derived;
    let mut keyring = HashMap::new();
    add_keys(&state, &mut keyring);
    if edge.root() != log.tip().root {
        let reason = "the tree over the log is not the one that its last frame states".to_owned();
        return Err(EngineError::Entry { seq: log.tip().next_seq, reason });
    }
    let locked_ms = locked.time_ms;
    let time_ms = (state.size > 0).then(|| locked_ms.max(state.last_min * 60_000));
    let replayed = log.tip().next_seq.0 - replay_from.0;
    tracing::info!(%ledger, entries = state.size, replayed, "the ledger is read");
    Ok(Recovered { log, levels, state, keyring, edge, ops, torn, time_ms, replay_from })
}
