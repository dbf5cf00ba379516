//! The one writer of a ledger: takes what waits, decides in order, commits once, answers.
//!
//! There is no timer: a batch is what queued up while the last commit ran, so a lone visit pays one
//! fdatasync and a rush batches itself.

mod deadlines;
mod holds;
mod own;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ledger_spec::cbor::Blob;
use ledger_spec::kinds::{Body, Kind, ManifestDone};
use ledger_spec::statement::Statement;
use ledger_spec::time::Day;

use super::error::EngineError;
use super::shared::{Job, QueuedRows, QueuedStatement, Readiness};
use super::snapshot;
use super::verdict::{Refusal, Verdict};
use crate::clock::ClockAlarm;
use writer::BATCH_ENTRIES_MAX;
pub(super) use writer::{Files, Sequencer, sign_head};

/// The most that the entries of one batch can weigh, well below a frame's limit.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// After so many entries a quiet moment is used for a snapshot.
const SNAPSHOT_ENTRIES: u64 = 50_000;
/// After so many entries one is made without waiting for a quiet moment.
const SNAPSHOT_ENTRIES_MAX: u64 = 500_000;
/// The lock and the published head are at most so far behind.
const LOCK_EVERY_MS: u64 = 1_000;
/// What an entry holds besides statement, disclosure and document, at most 64 postings included.
const ENTRY_OVERHEAD_BYTES: usize = 4_096;
/// A programme document in the effects of its approval, and its public form.
const ENTRY_DOCUMENT_BYTES: usize = 96 * 1_024;
/// A person's word that the clock is right: `kenmai clock accept` makes this file, the sequencer
/// takes it away.
pub const CLOCK_ACCEPT_FILE: &str = "clock-accept";

impl Sequencer {
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
        self.shared.readiness.send_replace(Readiness::Stopped(reason));
    }

    fn work(&mut self, jobs: &Receiver<Job>) -> Result<(), EngineError> {
        self.show_readiness(self.clock.alarm());
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
                    if !self.sweep.is_under_way() && self.locked_size < self.head.size {
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
            let since_ms = self.environment.clock.boot_ms().saturating_sub(self.locked_at_ms);
            if self.locked_size < self.head.size && since_ms >= LOCK_EVERY_MS {
                self.lock()?;
            }
        }
    }

    /// Makes the lock cover the log, then shows the head to everyone: published ≤ locked ≤ durable.
    fn lock(&mut self) -> Result<(), EngineError> {
        // A crash before this leaves frames past the lock, which the next start writes again before
        // it serves.
        self.log.write_lock(&mut self.levels, self.time_ms)?;
        (self.locked_size, self.locked_at_ms) = (self.head.size, self.environment.clock.boot_ms());
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
        let (disk, folder) = (Arc::clone(&self.environment.disk), self.data_folder.clone());
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
            snapshot::write(&self.environment.disk, &self.data_folder, &bytes);
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
        batch: &mut Vec<QueuedStatement>,
        weight: &mut usize,
    ) -> Result<(), EngineError> {
        self.shared.metrics.taken();
        let waiting = match job {
            Job::Rows(rows) => {
                self.slices.push_back(rows);
                return Ok(());
            }
            Job::Statement(waiting) => *waiting,
            Job::Repetition(statement, reply) => {
                let found = match self.earlier_operation(&statement) {
                    Err(EngineError::Damaged { seq, .. }) => Some(Err(Refusal::Damaged(seq))),
                    found => found?.map(|decision| self.verdict(decision, &[])),
                };
                // Who asked and has gone asks again.
                let _ = reply.send(found);
                return Ok(());
            }
            Job::Result(manifest, outcomes, reply) => {
                let body = Body::ManifestDone(ManifestDone { manifest, outcomes: Blob(outcomes) });
                let today = Day::of_ms(self.time_ms.max(self.environment.clock.wall_ms()));
                let statement = self.own_statement(body, today, &manifest.0.to_be_bytes())?;
                QueuedStatement { statement, reply }
            }
        };
        *weight += self::weight(&waiting.statement);
        batch.push(waiting);
        Ok(())
    }

    fn take(
        &mut self,
        jobs: Vec<QueuedStatement>,
        slice: Option<QueuedRows>,
    ) -> Result<(), EngineError> {
        // 1. One time for the batch. A clock that jumped makes the ledger read-only; nothing is
        //    decided.
        self.accept_clock();
        let now_ms = match self.clock.batch_time_ms(self.environment.clock.read()) {
            Ok(now_ms) => now_ms,
            Err(alarm) => {
                self.show_readiness(Some(alarm));
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

    fn answer(&self, job: QueuedStatement, verdict: Verdict) {
        // A waiter that has gone asks again with the same operation id.
        let _ = job.reply.send(verdict);
    }

    fn answer_rows(&self, slice: QueuedRows, verdicts: Vec<Verdict>) {
        self.shared.slices.fetch_sub(1, Ordering::Relaxed);
        let _ = slice.reply.send(verdicts);
    }

    fn show_readiness(&self, alarm: Option<ClockAlarm>) {
        let readiness = alarm.map_or(Readiness::Running, Readiness::ReadOnly);
        self.shared.metrics.set_standing(readiness == Readiness::Running);
        self.shared.readiness.send_if_modified(|now| {
            let changed = *now != readiness;
            *now = readiness.clone();
            changed
        });
    }

    /// Takes a person's word for the clock, if it was given.
    fn accept_clock(&mut self) {
        if self.clock.alarm().is_none() {
            return;
        }
        let given = self.environment.disk.list(&self.data_folder);
        let given = given.is_ok_and(|names| names.iter().any(|name| name == CLOCK_ACCEPT_FILE));
        let [word, taken] = [CLOCK_ACCEPT_FILE, "clock-accepted"].map(|f| self.data_folder.join(f));
        if given && self.environment.disk.rename(&word, &taken).is_ok() {
            self.clock.accept(self.environment.clock.read());
            self.show_readiness(None);
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
