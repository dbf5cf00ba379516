//! Feeds the views: a thread that reads the log behind the sequencer's back, in large runs, and is
//! never waited for.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use ledger_spec::entry::Accounting;
use ledger_spec::ids::Seq;
use ledger_spec::time::Day;

use super::error::EngineError;
use super::read::parse_entry;
use super::shared::Shared;
use crate::views::{RUN_ENTRIES_MAX, ViewsError};

/// How often the log is looked at. What is shown from the views is at most so old, and a run of
/// that time costs one batch.
const LOOK_EVERY_MS: u64 = 250;
/// Views are brought to the disk after so many entries, and at the end.
const FLUSH_ENTRIES: u64 = 50_000;

/// Follows the log until the engine stops. The ledger goes on without its views: an error is told
/// and ends the thread, and the lag that the metrics show grows.
pub(super) fn run(shared: &Arc<Shared>, stopped: &Receiver<()>) {
    let mut follower = Follower { shared, flushed: shared.views.applied() };
    let followed = follower.follow(stopped);
    if let Err(error) = followed.and_then(|()| Ok(shared.views.flush()?)) {
        tracing::error!(ledger = %shared.ledger, %error, "the views stopped; the ledger goes on");
    }
}

struct Follower<'a> {
    shared: &'a Shared,
    flushed: Seq,
}

impl Follower<'_> {
    fn follow(&mut self, stopped: &Receiver<()>) -> Result<(), EngineError> {
        let mut mended = false;
        loop {
            match self.catch_up(stopped) {
                // Once: what is damaged again right after it was made is a matter for people.
                Err(EngineError::Views(ViewsError::Row(error))) if !mended => {
                    tracing::warn!(ledger = %self.shared.ledger, %error, "the views are made again");
                    self.shared.views.clear()?;
                    mended = true;
                }
                caught_up => caught_up?,
            }
            // Nobody waits for this thread, so the names of tomorrow are made here.
            let today = Day::of_ms(self.shared.clock.wall_ms());
            if !self.shared.day_kids.is_at_hand(today.plus(1)) {
                self.shared.day_kids.prepare(today);
            }
            match stopped.recv_timeout(Duration::from_millis(LOOK_EVERY_MS)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Applies what the log holds beyond the views.
    fn catch_up(&mut self, stopped: &Receiver<()>) -> Result<(), EngineError> {
        let shared = self.shared;
        let mut run = Vec::new();
        for frame in shared.log.read_from(shared.views.applied()) {
            let frame = frame?;
            let due = Seq(shared.views.applied().0 + run.len() as u64);
            for (seq, bytes) in frame.entries().filter(|(seq, _)| *seq >= due) {
                run.push(parse_entry(seq, bytes)?.1);
            }
            if run.len() >= RUN_ENTRIES_MAX {
                self.apply(&mut run)?;
                if !matches!(stopped.try_recv(), Err(TryRecvError::Empty)) {
                    return Ok(());
                }
            }
        }
        self.apply(&mut run)
    }

    fn apply(&mut self, run: &mut Vec<Accounting>) -> Result<(), EngineError> {
        let shared = self.shared;
        shared.views.apply(run)?;
        run.clear();
        let applied = shared.views.applied();
        let lag = shared.log.next_seq()?.0.saturating_sub(applied.0);
        shared.metrics.set_views_lag(lag);
        if applied.0.saturating_sub(self.flushed.0) >= FLUSH_ENTRIES {
            shared.views.flush()?;
            self.flushed = applied;
        }
        Ok(())
    }
}
