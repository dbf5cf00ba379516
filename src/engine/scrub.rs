//! The scrub: a thread that reads the whole log again and again, slowly, and checks every frame and
//! every leaf. A start reads only what came after the snapshot, and a disk forgets in silence.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ledger_spec::frame::Frame;
use ledger_spec::ids::Seq;
use ledger_spec::merkle::leaf_hash;

use super::error::EngineError;
use super::read::parse_entry;
use super::shared::Shared;
use crate::log::{LogError, MAX_HASHES_PER_READ};

/// From the end of a pass to the next: a day.
const EVERY_S: u64 = 86_400;
/// After so many bytes the thread rests, so that a pass takes little of a core.
const BYTES_A_STEP: usize = 65_536;
/// How long it rests.
const REST_MS: u64 = 1;

/// Scrubs until the engine stops.
pub(super) fn run(shared: &Arc<Shared>, stopped: &Receiver<()>) {
    let rest = |rest: Duration| match stopped.recv_timeout(rest) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Stopped),
    };
    loop {
        match scrub(shared, || rest(Duration::from_millis(REST_MS))) {
            Err(Scrub::Stopped) => return,
            Err(Scrub::Failed(error)) => {
                tracing::error!(ledger = %shared.ledger, %error, "the scrub could not read on");
            }
            Ok(()) => {}
        }
        if rest(Duration::from_secs(EVERY_S)).is_err() {
            return;
        }
    }
}

/// The engine stops.
struct Stopped;

/// Why a pass ended early.
enum Scrub {
    Stopped,
    Failed(EngineError),
}

impl From<Stopped> for Scrub {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl<E: Into<EngineError>> From<E> for Scrub {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// One pass, up to the end that the log had at its beginning.
fn scrub(shared: &Shared, mut rest: impl FnMut() -> Result<(), Stopped>) -> Result<(), Scrub> {
    let (mut next, end) = (Seq(0), shared.log.next_seq()?);
    let (mut read_bytes, mut damaged) = (0, false);
    while next < end {
        match shared.log.read_from(next).next() {
            Some(Ok(frame)) => {
                check_leaves(&frame, shared)?;
                read_bytes += frame.bytes().len();
                next = frame.header().next_seq();
            }
            Some(Err(error @ (LogError::Damaged { .. } | LogError::Io { .. }))) => {
                // The frame is told once, by its first entry, and the pass goes on behind it.
                if !damaged {
                    let reason = format!("the frame that it begins: {error}");
                    shared.note_damage(&EngineError::Damaged { seq: next, reason });
                }
                (damaged, next) = (true, Seq(next.0 + 1));
                rest()?;
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
        damaged = false;
        shared.metrics.set_scrubbed(next.0);
        if read_bytes >= BYTES_A_STEP {
            read_bytes = 0;
            rest()?;
        }
    }
    Ok(())
}

fn check_leaves(frame: &Frame, shared: &Shared) -> Result<(), EngineError> {
    let entries: Vec<(Seq, &[u8])> = frame.entries().collect();
    for chunk in entries.chunks(MAX_HASHES_PER_READ) {
        let Some((first, _)) = chunk.first() else { continue };
        let due = shared.levels.read(0, first.0, chunk.len())?.unwrap_or_default();
        for (at, (seq, bytes)) in chunk.iter().enumerate() {
            let hash = leaf_hash(&parse_entry(*seq, bytes)?.0.leaf());
            if due.get(at) != Some(&hash) {
                let reason = "log/levels/0 holds another leaf".to_owned();
                shared.note_damage(&EngineError::Damaged { seq: *seq, reason });
            }
        }
    }
    Ok(())
}
