//! The demo city's front desk: lets a stranger in, with the same statements that a real desk would
//! sign.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{AccountId, PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Action, AgeTier, Approve, Body, CardIssue, CardPin, Insurance,
    KeyRegister, Name, PinGrounds, Role,
};
use ledger_spec::programme::LATE_DAYS_MAX;
use ledger_spec::statement::{
    Core, Disclosure, Holder, Statement, StatementError, card_hash, code_hash,
};
use ledger_spec::time::Day;

use super::cast::{Cast, card_of, random};
use super::city::due_rules;
use super::client::{CityError, core, disclosure, open};
use super::programme::{CARE, FIRST_INTERVIEW, age_on};
use crate::engine::{Accepted, Engine, Refusal};

/// Visitors that the desk lets in within an hour.
const VISITORS_AN_HOUR_MAX: usize = 600;
/// A visitor's enrolment code is good for so many minutes.
const CODE_LIFE_MIN: u64 = 60;

/// Why a visitor was not let in.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Too many came within the hour.
    #[error("too many visitors within an hour")]
    Crowded,
    /// A statement of the desk was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A key of the visitor makes a statement malformed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl From<CityError> for DeskError {
    fn from(error: CityError) -> Self {
        match error {
            CityError::Refused(refusal) => Self::Refused(refusal),
            CityError::Statement(error) => Self::Statement(error),
            CityError::Randomness(error) => Self::Randomness(error),
            CityError::Engine(_)
            | CityError::Registry(_)
            | CityError::Programme(_)
            | CityError::Catalogue(_)
            | CityError::Text => Self::Refused(Refusal::Stopped),
        }
    }
}

/// What a visitor is given.
#[derive(Clone, Debug)]
pub struct VisitorKit {
    /// The one-time code that enrols the visitor's phone.
    pub code: [u8; 16],
    /// The visitor's card.
    pub card: [u8; 11],
    /// The statement that sets its first PIN.
    pub pin: Statement,
    /// The station that the visitor's first key plays, with its name.
    pub station: Option<(PlaceId, String)>,
    /// The shop that the visitor's second key plays, with its name.
    pub shop: Option<(PlaceId, String)>,
}

/// The desk: the city's keys and how many came.
pub struct Desk {
    cast: Cast,
    number: AtomicUsize,
    arrivals_ms: Mutex<Vec<u64>>,
    publishing: AtomicBool,
}

impl Desk {
    /// Opens the desk.
    #[must_use]
    pub fn new(cast: Cast) -> Self {
        Self {
            cast,
            number: AtomicUsize::new(0),
            arrivals_ms: Mutex::new(Vec::new()),
            publishing: AtomicBool::new(false),
        }
    }

    /// Lets a visitor in: registers the keys brought along, opens an account with card and code,
    /// and has a coach record a first session, so that there is something to spend.
    ///
    /// # Errors
    /// [`DeskError`]
    pub async fn welcome(
        &self,
        engine: &Engine,
        station_key: Option<[u8; 32]>,
        till_key: Option<[u8; 32]>,
        now_ms: u64,
    ) -> Result<VisitorKit, DeskError> {
        self.count(now_ms)?;
        self.publish_rules_ahead(&LedgerNow { engine, now_ms }).await?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let desk = LedgerNow { engine, now_ms };
        let name = |names: &[&str]| {
            format!("{}(体験)", names.iter().cycle().nth(number % names.len()).unwrap_or(&""))
        };
        let station = match station_key {
            Some(key) => {
                Some(self.trial(&desk, key, Role::Station, name(self.cast.city.stations)).await?)
            }
            None => None,
        };
        let shop = match till_key {
            Some(key) => {
                Some(self.trial(&desk, key, Role::Shop, name(self.cast.city.shops)).await?)
            }
            None => None,
        };
        let (code, card) = self.open_account(&desk).await?;
        self.first_session(&desk, card).await?;
        let body = Body::CardPin(CardPin { card: card_hash(&card), grounds: PinGrounds::First });
        let disclosed = disclosure(now_ms / 1_000, None, None)?;
        let pin = open(engine, core(engine, now_ms, body)?, &self.cast.staff(), Some(&disclosed))?;
        Ok(VisitorKit { code, card, pin, station, shop })
    }

    /// A city that runs for years has next year's rules in time: any visitor of this year brings
    /// them.
    async fn publish_rules_ahead(&self, desk: &LedgerNow<'_>) -> Result<(), DeskError> {
        let today = Day::of_ms(desk.now_ms);
        let due = {
            let state = desk.engine.state().map_err(|_| Refusal::Stopped)?;
            due_rules(&state, &self.cast, today, today)?
        };
        // Of two visitors at once the first brings them; the others need not wait.
        if due.is_empty() || self.publishing.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let mut published = Ok(());
        for body in due {
            published = self.both(desk, body).await;
            if published.is_err() {
                break;
            }
        }
        self.publishing.store(false, Ordering::SeqCst);
        published
    }

    /// The first root proposes, the second approves.
    async fn both(&self, desk: &LedgerNow<'_>, body: Body) -> Result<(), DeskError> {
        let core = core(desk.engine, desk.now_ms, body)?;
        let statement = open(desk.engine, core, &self.cast.root(0), None)?;
        let statement_hash = statement.hash();
        let proposal = desk.engine.submit(statement).await?.accounting.seq;
        let approve = Body::Approve(Approve { proposal, statement_hash });
        desk.say(approve, &self.cast.root(1)).await?;
        Ok(())
    }

    fn count(&self, now_ms: u64) -> Result<(), DeskError> {
        let mut arrivals = self.arrivals_ms.lock().map_err(|_| Refusal::Stopped)?;
        arrivals.retain(|at_ms| at_ms + 3_600_000 > now_ms);
        if arrivals.len() >= VISITORS_AN_HOUR_MAX {
            return Err(DeskError::Crowded);
        }
        arrivals.push(now_ms);
        Ok(())
    }

    /// Plays both persons of the staff who enrol a terminal: one root key proposes, the other
    /// approves. A shop or station gets a place of its own, which it gives: nobody may sell or
    /// measure in the name of another visitor.
    ///
    /// # Errors
    /// [`DeskError`]
    pub async fn admit(
        &self,
        engine: &Engine,
        public_key: [u8; 32],
        role: Role,
        name: Name,
        now_ms: u64,
    ) -> Result<Option<PlaceId>, DeskError> {
        self.count(now_ms)?;
        let stands = matches!(role, Role::Shop | Role::Station);
        let place = if stands { Some(PlaceId(random()?)) } else { None };
        let person = PersonId(random()?);
        let body = KeyRegister { public_key, role, person, place, name };
        self.register(&LedgerNow { engine, now_ms }, body).await?;
        Ok(place)
    }

    async fn trial(
        &self,
        desk: &LedgerNow<'_>,
        public_key: [u8; 32],
        role: Role,
        name: String,
    ) -> Result<(PlaceId, String), DeskError> {
        let (place, person) = (PlaceId(random()?), PersonId(random()?));
        let text = Text::new(&name).ok_or(CityError::Text)?;
        let body = KeyRegister { public_key, role, person, place: Some(place), name: text };
        self.register(desk, body).await?;
        Ok((place, name))
    }

    async fn register(&self, desk: &LedgerNow<'_>, body: KeyRegister) -> Result<(), DeskError> {
        self.both(desk, Body::KeyRegister(body)).await
    }

    async fn open_account(&self, desk: &LedgerNow<'_>) -> Result<([u8; 16], [u8; 11]), DeskError> {
        let (account, staff) = (AccountId(random()?), self.cast.staff());
        let today = Day::of_ms(desk.now_ms);
        let (code, card) = (random()?, card_of(random()?));
        desk.say(Body::AccountOpen(AccountOpen { account }), &staff).await?;
        let facts = AccountFacts {
            account,
            age_tier: AgeTier::From40,
            age_on: age_on(today.fiscal_year()),
            // No gate stands before a visitor.
            insurance: Insurance::Other,
            // A visitor may try what is reported late.
            eligible_from: Some(today.minus(LATE_DAYS_MAX)),
            district: 1,
        };
        desk.say(Body::AccountFacts(facts), &staff).await?;
        let issue = CardIssue {
            account,
            card: Some(card_hash(&card)),
            code: Some(code_hash(&code)),
            code_until_min: Some(desk.now_ms / 60_000 + CODE_LIFE_MIN),
        };
        desk.say(Body::CardIssue(issue), &staff).await?;
        Ok((code, card))
    }

    async fn first_session(&self, desk: &LedgerNow<'_>, card: [u8; 11]) -> Result<(), DeskError> {
        let mut disclosed = disclosure(desk.now_ms / 1_000, Some(Holder::Card(card)), None)?;
        disclosed.exact_action = Text::new(FIRST_INTERVIEW);
        let action = Text::new(CARE.0).ok_or(CityError::Text)?;
        let core = core(desk.engine, desk.now_ms, Body::Action(Action { action }))?;
        desk.send(core, &self.cast.coach(0), Some(&disclosed)).await?;
        Ok(())
    }
}

/// The ledger at a moment.
struct LedgerNow<'a> {
    engine: &'a Engine,
    now_ms: u64,
}

impl LedgerNow<'_> {
    async fn say(&self, body: Body, key: &SigningKey) -> Result<Accepted, DeskError> {
        self.send(core(self.engine, self.now_ms, body)?, key, None).await
    }

    async fn send(
        &self,
        core: Core,
        key: &SigningKey,
        disclosure: Option<&Disclosure>,
    ) -> Result<Accepted, DeskError> {
        let statement = open(self.engine, core, key, disclosure)?;
        Ok(self.engine.submit(statement).await?)
    }
}
