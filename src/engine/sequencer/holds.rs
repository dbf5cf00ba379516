//! Holds and vouchers whose deadline has passed: the server's own `release`, before a batch decides
//! anything else.

use ledger_spec::ids::Seq;
use ledger_spec::kinds::{Body, Release};
use ledger_spec::time::Day;

use super::writer::{BATCH_ENTRIES_MAX, Sequencer};
use crate::engine::error::EngineError;

impl Sequencer {
    /// Releases the holds that are due, as many at once as a batch takes.
    pub(super) fn release_due(&mut self, now_ms: u64) -> Result<(), EngineError> {
        let after_due = (now_ms / 1_000 + 1, Seq(0));
        while self.holds.first().is_some_and(|first| *first < after_due) {
            let due = self.holds.range(..after_due).take(BATCH_ENTRIES_MAX);
            let due = due.copied().collect::<Vec<_>>();
            let releases = {
                let state = self.shared.state.read().map_err(|_| EngineError::ThreadDied)?;
                if !self.has_system_key(&state) {
                    return Ok(());
                }
                let open = due.iter().filter(|(_, hold)| !state.undone.contains_key(hold));
                let statement = |(_, hold): &(u64, Seq)| {
                    let body = Body::Release(Release { hold: *hold });
                    self.own_statement(body, Day::of_ms(now_ms), &hold.0.to_be_bytes())
                };
                open.map(statement).collect::<Result<Vec<_>, _>>()?
            };
            // One that is refused is not tried again before the next start.
            let last = due.last().map_or(after_due, |(s, hold)| (*s, Seq(hold.0 + 1)));
            self.holds = self.holds.split_off(&last);
            for verdict in self.commit(releases.iter().collect(), now_ms)? {
                if let Err(refusal) = verdict {
                    tracing::error!(%refusal, "a hold could not be released");
                }
            }
        }
        Ok(())
    }
}
