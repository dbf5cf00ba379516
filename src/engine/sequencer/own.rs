//! What the server itself signs: days that are over, months of shops, lots that have expired. All
//! of it follows from the log.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ledger_spec::ids::{Hash, LinkId, OpId, Seq, first_bytes};
use ledger_spec::kinds::{Body, DayClose, Kind};
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::{self, Core, Disclosure, Holder, Statement};
use ledger_spec::time::{Day, Month};
use sha2::{Digest, Sha256};

use super::writer::{BATCH_ENTRIES_MAX, Sequencer};
use crate::engine::error::EngineError;
use crate::engine::sweep::Due;

impl Sequencer {
    /// Closes the days that are over, each in a frame of its own.
    pub(super) fn close_days(&mut self, now_ms: u64) -> Result<(), EngineError> {
        while let Some(close) = self.next_day_close(now_ms)? {
            let answers = self.commit(vec![&close], now_ms)?;
            if let Some(Err(refusal)) = answers.into_iter().next() {
                tracing::error!(%refusal, "a day could not be closed");
                break;
            }
        }
        Ok(())
    }

    /// Records lots that have expired, and gives away what ends today for whoever has asked for it,
    /// while nobody waits. A crash here leaves the rest to the next pass.
    pub(super) fn record_expired(&mut self) -> Result<(), EngineError> {
        let Ok(now_ms) = self.clock.batch_time_ms(self.environment.clock.read()) else {
            return Ok(());
        };
        let today = Day::of_ms(now_ms);
        let shared = Arc::clone(&self.shared);
        let (due, programme) = {
            let state = shared.state.read().map_err(|_| EngineError::ThreadDied)?;
            if !self.has_system_key(&state) {
                return Ok(());
            }
            let programme = Overlay::over(&state).programme_for(today).map(|rules| rules.version);
            (self.sweep.next(&state, today), programme)
        };
        if due.is_empty() {
            return Ok(());
        }
        self.time_ms = now_ms;
        self.close_days(now_ms)?;
        let statements = due.into_iter().map(|Due { body, about, link }| match link {
            None => self.own_statement(body, today, &about),
            Some(link) => self.own_claim(body, &about, link, programme, now_ms),
        });
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        let answers = self.commit(statements.iter().collect(), now_ms)?;
        for (statement, answer) in statements.iter().zip(answers) {
            match (answer, statement.core.body.kind()) {
                (Ok(_), _) => {}
                // A suspended account, a closed gate, a limit: the points end as they would have.
                (Err(refusal), Kind::RewardClaim) => {
                    tracing::debug!(%refusal, "what ends was not given away");
                }
                (Err(refusal), _) => {
                    tracing::error!(%refusal, "an expired lot could not be recorded");
                }
            }
        }
        Ok(())
    }

    pub(super) fn has_system_key(&self, state: &State) -> bool {
        state.keys.get(&self.own_kid()).is_some_and(|key| key.revoked.is_none())
    }

    /// A statement of the server itself: a pure function of the log, signed by the system key. What
    /// a kind is `about` always gives the same operation id, so a crash can only repeat it.
    pub(super) fn own_statement(
        &self,
        body: Body,
        today: Day,
        about: &[u8],
    ) -> Result<Statement, EngineError> {
        let core = Core {
            ledger: self.shared.ledger,
            op_id: system_op_id(body.kind(), about),
            day: today,
            programme: None,
            not_after_s: None,
            body,
            sealed: None,
        };
        sign_own(core, &self.keys.system, None)
    }

    /// A claim under the link by which a resident has asked for it. Its salt is random: it protects
    /// the link when the disclosure is erased. A crash before the commit leaves nothing of it, one
    /// after it nothing to claim.
    fn own_claim(
        &self,
        body: Body,
        about: &[u8],
        link: LinkId,
        programme: Option<u32>,
        now_ms: u64,
    ) -> Result<Statement, EngineError> {
        let now_s = now_ms / 1_000;
        let core = Core {
            ledger: self.shared.ledger,
            op_id: system_op_id(body.kind(), about),
            day: Day::of_ms(now_ms),
            programme,
            not_after_s: Some(now_s),
            body,
            sealed: None,
        };
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        let holder = Some(Holder::Link(link));
        let disclosure =
            Disclosure { salt, performed_at_s: now_s, holder, ..Disclosure::default() };
        sign_own(core, &self.keys.system, Some(&disclosure))
    }

    /// The statement that closes the first open day before today.
    fn next_day_close(&self, now_ms: u64) -> Result<Option<Statement>, EngineError> {
        let state = self.shared.state.read().map_err(|_| EngineError::ThreadDied)?;
        let known = self.has_system_key(&state);
        let today = Day::of_ms(now_ms);
        let Some(day) = Overlay::over(&state).open_day_before(today).filter(|_| known) else {
            return Ok(None);
        };
        drop(state);
        let number = u64::from(day.0).to_be_bytes();
        self.own_statement(Body::DayClose(DayClose { day }), today, &number).map(Some)
    }

    /// Settles the shops' months that are over, in frames of many: each statement names its own
    /// place in the log, so that nothing comes between. A crash leaves some shops for the next
    /// batch, and none twice.
    pub(super) fn settle_shops(&mut self, now_ms: u64) -> Result<(), EngineError> {
        let today = Day::of_ms(now_ms);
        if self.settled_before == Some(Month::of(today)) {
            return Ok(());
        }
        loop {
            let due = {
                let state = self.shared.state.read().map_err(|_| EngineError::ThreadDied)?;
                if !self.has_system_key(&state) {
                    return Ok(());
                }
                let shops = state.shops.iter();
                let due = shops.filter_map(|(shop, row)| {
                    let end = Seq(state.size);
                    row.settlement(*shop, end, today)
                });
                due.take(BATCH_ENTRIES_MAX).collect::<Vec<_>>()
            };
            if due.is_empty() {
                self.settled_before = Some(Month::of(today));
                return Ok(());
            }
            let statements = due.into_iter().zip(0..).map(|(mut settlement, before)| {
                settlement.end.0 += before;
                let number = [&settlement.shop.0[..], &u64::from(settlement.month.0).to_be_bytes()];
                let number = number.concat();
                self.own_statement(Body::SettlementClose(settlement), today, &number)
            });
            let statements = statements.collect::<Result<Vec<_>, _>>()?;
            let answers = self.commit(statements.iter().collect(), now_ms)?;
            if let Some(refusal) = answers.into_iter().find_map(Result::err) {
                tracing::error!(%refusal, "a shop's month could not be settled");
                self.settled_before = Some(Month::of(today));
                return Ok(());
            }
        }
    }
}

fn system_op_id(kind: Kind, about: &[u8]) -> OpId {
    let digest: Hash = Sha256::new()
        .chain_update(b"kenmai/v1/system")
        .chain_update(kind.name())
        .chain_update(about)
        .finalize()
        .into();
    OpId(first_bytes(digest))
}

fn sign_own(
    core: Core,
    key: &SigningKey,
    disclosure: Option<&Disclosure>,
) -> Result<Statement, EngineError> {
    let submission = core.sign(key, disclosure);
    let (_, statement) = statement::read(&submission).map_err(EngineError::Own)?;
    Ok(statement)
}

#[cfg(test)]
mod tests {
    use ledger_spec::cbor::Blob;
    use ledger_spec::ids::LedgerId;
    use ledger_spec::kinds::ManifestDone;
    use ledger_spec::statement::{SUBMISSION_BYTES_MAX, StatementError};

    use super::*;

    #[test]
    fn an_own_statement_that_nobody_could_read_is_named_as_that() {
        let outcomes = Blob(vec![0; SUBMISSION_BYTES_MAX]);
        let body = Body::ManifestDone(ManifestDone { manifest: Seq(1), outcomes });
        let core = Core {
            ledger: LedgerId([1; 8]),
            op_id: OpId([2; 16]),
            day: Day(20_000),
            programme: None,
            not_after_s: None,
            body,
            sealed: None,
        };
        let error = sign_own(core, &SigningKey::from_bytes(&[3; 32]), None).unwrap_err();
        assert!(matches!(error, EngineError::Own(StatementError::TooLarge)), "{error}");
    }
}
