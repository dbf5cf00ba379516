//! How the demo's actors speak to a ledger: statements signed, opened and queued like all others.

use std::collections::VecDeque;

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::Text;
use ledger_spec::kinds::{Approve, Body};
use ledger_spec::points::Purse;
use ledger_spec::state::Overlay;
use ledger_spec::statement::{Core, Disclosure, Holder, Statement, StatementError, Values};
use ledger_spec::time::Day;

use super::cast::{Cast, random, random_op};
use super::staged_clock::StagedClock;
use crate::clock::Clock;
use crate::engine::{Accepted, Engine, EngineError, PendingVerdict, Refusal};

/// Why the demo city could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// The ledger.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A statement of the city was refused, which is a fault of the demo.
    #[error("a statement of the demo city was refused: {0}")]
    Refused(#[from] Refusal),
    /// A statement of the city is not in its form, which is a fault of the demo.
    #[error("a statement of the demo city is malformed: {0}")]
    Statement(#[from] StatementError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The example of a programme has a fault.
    #[error("the demo's programme: {0}")]
    Programme(#[from] ledger_spec::programme::ProgrammeFault),
    /// The example of a catalogue has a fault.
    #[error("the demo's catalogue: {0}")]
    Catalogue(#[from] ledger_spec::catalogue::CatalogueFault),
    /// A text of the demo does not fit its field, which is a fault of the demo.
    #[error("a text of the demo city does not fit its field")]
    Text,
}

/// How far the making of a city is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Residents who have their account.
    Residents {
        /// So many.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// Days that were lived.
    Days {
        /// So many.
        done: u32,
        /// Of so many.
        total: u32,
    },
}

/// A statement of a day, and who has to have how many points for it.
pub(super) struct Submission {
    pub(super) statement: Statement,
    pub(super) pays: Option<(usize, u64)>,
}

/// Sends what the actors of a city sign to its ledger, at the staged time.
pub(super) struct CityClient<'a> {
    pub(super) engine: &'a Engine,
    pub(super) cast: &'a Cast,
    pub(super) clock: &'a StagedClock,
    waiting: VecDeque<Unanswered>,
}

/// A statement under way.
struct Unanswered {
    verdict: PendingVerdict,
    again: bool,
}

impl Unanswered {
    fn settle(self) -> Result<(), CityError> {
        match self.verdict.wait_blocking() {
            Err(Refusal::Rejected(_) | Refusal::OperationReused(_)) if self.again => Ok(()),
            settled => Ok(settled.map(drop)?),
        }
    }
}

/// Statements under way at once; below the queue's limit, above a batch.
const UNDER_WAY: usize = 600;

impl<'a> CityClient<'a> {
    pub(super) fn new(engine: &'a Engine, cast: &'a Cast, clock: &'a StagedClock) -> Self {
        Self { engine, cast, clock, waiting: VecDeque::new() }
    }

    pub(super) fn today(&self) -> Day {
        Day::of_ms(self.clock.wall_ms())
    }

    /// A statement's core, signed by nobody yet.
    pub(super) fn core(&self, body: Body) -> Result<Core, CityError> {
        core(self.engine, self.clock.wall_ms(), body)
    }

    /// Sends a statement without waiting for its verdict; [`CityClient::settle`] waits for all.
    /// Where `again` says so it may have been sent before, and a refusal of it changes nothing.
    pub(super) fn send(&mut self, statement: Statement, again: bool) -> Result<(), CityError> {
        if self.waiting.len() >= UNDER_WAY
            && let Some(first) = self.waiting.pop_front()
        {
            first.settle()?;
        }
        let verdict = self.engine.enqueue(statement)?;
        self.waiting.push_back(Unanswered { verdict, again });
        Ok(())
    }

    /// Sends a statement of a day; one that pays, only where the points are there.
    pub(super) fn play(&mut self, act: Submission, again: bool) -> Result<(), CityError> {
        if let Some((resident, points)) = act.pays {
            let (account, today) = (self.cast.account(resident), self.today());
            let state = self.engine.state()?;
            let row = state.accounts.get(&account);
            let rules = Overlay::over(&state).programme_for(today).cloned();
            let gated =
                row.zip(rules).is_none_or(|(row, rules)| row.closed_gate(&rules, today).is_some());
            if gated || row.map_or(0, |row| row.available(Purse::Yen, today)) < points {
                return Ok(());
            }
        }
        self.send(act.statement, again)
    }

    /// Waits until everything sent is in the log.
    pub(super) fn settle(&mut self) -> Result<(), CityError> {
        self.waiting.drain(..).try_for_each(Unanswered::settle)
    }

    /// Sends a statement and waits for it.
    pub(super) fn submit(&mut self, body: Body, key: &SigningKey) -> Result<Accepted, CityError> {
        self.submit_saying(body, key, None)
    }

    /// Sends a statement with what its signer wrote about it, and waits for it.
    pub(super) fn submit_saying(
        &mut self,
        body: Body,
        key: &SigningKey,
        text: Option<&str>,
    ) -> Result<Accepted, CityError> {
        self.settle()?;
        let core = self.core(body)?;
        let disclosed = if core.body.kind().shape().disclosure {
            let text = text.map(|text| Text::new(text).ok_or(CityError::Text)).transpose()?;
            let now_s = self.clock.wall_ms() / 1_000;
            Some(Disclosure { text, ..disclosure(now_s, None, None)? })
        } else {
            None
        };
        let statement = open(self.engine, core, key, disclosed.as_ref())?;
        Ok(self.engine.enqueue(statement)?.wait_blocking()?)
    }

    /// The first root proposes, the second approves.
    pub(super) fn propose_and_approve(&mut self, body: Body) -> Result<(), CityError> {
        self.settle()?;
        let statement = open(self.engine, self.core(body)?, &self.cast.root(0), None)?;
        let statement_hash = statement.hash();
        let proposal = self.engine.enqueue(statement)?.wait_blocking()?.accounting.seq;
        self.submit(Body::Approve(Approve { proposal, statement_hash }), &self.cast.root(1))?;
        Ok(())
    }
}

/// A statement's core for this moment, under the programme of the day where its kind names one.
pub(super) fn core(engine: &Engine, now_ms: u64, body: Body) -> Result<Core, CityError> {
    let (op_id, day) = (random_op()?, Day::of_ms(now_ms));
    let ledger = engine.ledger();
    let programme = if body.kind().shape().programme {
        let state = engine.state()?;
        Overlay::over(&state).programme_for(day).map(|programme| programme.version)
    } else {
        None
    };
    Ok(Core { ledger, op_id, day, programme, not_after_s: None, body, sealed: None })
}

/// Signs a core and opens it as the server opens any submission on its day: a year is written ahead
/// of the clock.
pub(super) fn open(
    engine: &Engine,
    core: Core,
    key: &SigningKey,
    disclosure: Option<&Disclosure>,
) -> Result<Statement, StatementError> {
    let day = core.day;
    engine.open_statement_on(&core.sign(key, disclosure), day)
}

/// A disclosure of this moment.
pub(super) fn disclosure(
    performed_at_s: u64,
    holder: Option<Holder>,
    values: Option<Values>,
) -> Result<Disclosure, CityError> {
    let salt = random()?;
    Ok(Disclosure { salt, performed_at_s, holder, values, ..Disclosure::default() })
}
