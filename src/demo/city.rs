//! Founding the demo city: roots, keys, rules, budgets and residents.

use std::collections::VecDeque;

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Approve, Body, BudgetAllocate, CardIssue, CataloguePublish,
    DeviceEnrol, Document, KeyRegister, ProgrammePublish, Role,
};
use ledger_spec::points::Purse;
use ledger_spec::programme::Programme;
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::{
    Core, Disclosure, Holder, Statement, StatementError, Values, card_hash, code_hash,
};
use ledger_spec::time::Day;

use super::crew::in_order;
use super::history::Act;
use super::programme::{BUDGETS, age_on, of_year};
use super::residents::Resident;
use super::{Cast, StagedClock, random, random_op, rewards};
use crate::clock::Clock;
use crate::engine::{Accepted, Engine, EngineError, PendingVerdict, Refusal};

const SURNAMES: [&str; 10] =
    ["青木", "石田", "内山", "遠藤", "岡村", "加藤", "北川", "久保", "小泉", "佐野"];
const GIVEN: [&str; 10] =
    ["花子", "太郎", "ゆき", "健一", "さくら", "誠", "みどり", "学", "はるか", "進"];

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

/// What the city says and does, in one place.
pub(super) struct Voice<'a> {
    pub(super) engine: &'a Engine,
    pub(super) cast: &'a Cast,
    pub(super) clock: &'a StagedClock,
    waiting: VecDeque<Waiting>,
}

/// A statement under way.
struct Waiting {
    verdict: PendingVerdict,
    again: bool,
}

impl Waiting {
    fn settle(self) -> Result<(), CityError> {
        match self.verdict.wait_blocking() {
            Err(Refusal::Rejected(_) | Refusal::OperationReused(_)) if self.again => Ok(()),
            settled => Ok(settled.map(drop)?),
        }
    }
}

/// Statements under way at once; below the queue's limit, above a batch.
const UNDER_WAY: usize = 600;

impl<'a> Voice<'a> {
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

    /// Sends a statement without waiting for its verdict; [`Voice::settle`] waits for all. Where
    /// `again` says so it may have been sent before, and a refusal of it changes nothing.
    pub(super) fn send(&mut self, statement: Statement, again: bool) -> Result<(), CityError> {
        if self.waiting.len() >= UNDER_WAY
            && let Some(first) = self.waiting.pop_front()
        {
            first.settle()?;
        }
        let verdict = self.engine.enqueue(statement)?;
        self.waiting.push_back(Waiting { verdict, again });
        Ok(())
    }

    /// Sends a statement of a day; one that pays, only where the points are there.
    pub(super) fn play(&mut self, act: Act, again: bool) -> Result<(), CityError> {
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
        self.waiting.drain(..).try_for_each(Waiting::settle)
    }

    /// Sends a statement and waits for it.
    pub(super) fn say(&mut self, body: Body, key: &SigningKey) -> Result<Accepted, CityError> {
        self.settle()?;
        let statement = open(self.engine, self.core(body)?, key, None)?;
        Ok(self.engine.enqueue(statement)?.wait_blocking()?)
    }

    /// The first root proposes, the second approves.
    pub(super) fn both(&mut self, body: Body) -> Result<(), CityError> {
        self.settle()?;
        let statement = open(self.engine, self.core(body)?, &self.cast.root(0), None)?;
        let statement_hash = statement.hash();
        let proposal = self.engine.enqueue(statement)?.wait_blocking()?.accounting.seq;
        self.say(Body::Approve(Approve { proposal, statement_hash }), &self.cast.root(1))?;
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

/// Signs a core and opens it as the server opens any submission.
pub(super) fn open(
    engine: &Engine,
    core: Core,
    key: &SigningKey,
    disclosure: Option<&Disclosure>,
) -> Result<Statement, StatementError> {
    engine.open_statement(&core.sign(key, disclosure))
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

pub(super) fn register(
    key: &SigningKey,
    (role, person, place): (Role, PersonId, Option<PlaceId>),
    name: &str,
) -> Result<Body, CityError> {
    let public_key = key.verifying_key().to_bytes();
    let name = Text::new(name).ok_or(CityError::Text)?;
    Ok(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }))
}

/// Makes the city on an empty ledger, as of the clock's time.
///
/// # Errors
/// [`CityError`]
pub fn found(
    engine: &Engine,
    cast: &Cast,
    keys: (&SigningKey, &SigningKey),
    clock: &StagedClock,
    first_day: Day,
) -> Result<(), CityError> {
    clock.set_ms(first_day.start_ms() + 8 * 3_600_000);
    let mut voice = Voice::new(engine, cast, clock);
    for (number, name) in ["デモ市 部長", "デモ市 会計管理者"].iter().enumerate() {
        let root = cast.root(number);
        let who = (Role::Root, cast.person("root", number), None);
        voice.say(register(&root, who, name)?, &root)?;
    }
    let (system, pin) = keys;
    let staff = cast.staff();
    let mut register_key =
        |key: &SigningKey, who: (Role, PersonId, Option<PlaceId>), name: &str| {
            voice.both(register(key, who, name)?)
        };
    register_key(system, (Role::System, cast.person("server", 0), None), "台帳サーバー")?;
    register_key(pin, (Role::Pin, cast.person("server", 0), None), "暗証番号の確認")?;
    register_key(&staff, (Role::Staff, cast.person("staff", 0), None), "デモ市 健康づくり課")?;
    let registry = (Role::Registry, cast.person("registry", 0), None);
    register_key(&cast.registry(), registry, "デモ市 健診台帳")?;
    let partner = (Role::Partner, cast.person("partner", 0), None);
    register_key(&cast.partner(), partner, "歩数アプリ(架空)")?;
    for (number, name) in cast.city.stations.iter().enumerate() {
        let who = (Role::Station, cast.person("station", number), Some(cast.station_place(number)));
        register_key(&cast.station(number), who, name)?;
    }
    for (number, name) in cast.city.shops.iter().enumerate() {
        let who = (Role::Shop, cast.person("shop", number), Some(cast.shop_place(number)));
        register_key(&cast.till(number), who, name)?;
        // No bank has this number.
        let account = format!("9999-001-1-{number:07} ﾃﾞﾓ ﾐｾ {:02}", number + 1);
        engine.registry().put_shop_account(cast.shop_place(number), &account)?;
    }
    for (number, name) in cast.city.coaches.iter().enumerate() {
        let who = (Role::Coach, cast.person("coach", number), None);
        register_key(&cast.coach(number), who, name)?;
    }
    ensure_rules(&mut voice, first_day)?;
    people(&mut voice)?;
    clock.run();
    Ok(())
}

/// Publishes what [`due_rules`] names.
pub(super) fn ensure_rules(voice: &mut Voice<'_>, until: Day) -> Result<(), CityError> {
    let due = due_rules(&*voice.engine.state()?, voice.cast, (voice.today(), until))?;
    due.into_iter().try_for_each(|body| voice.both(body))
}

/// The rules and budgets that are missing for the fiscal years of these days and for the year after
/// them, so that midnight on 31 March changes nothing.
pub(super) fn due_rules(
    state: &State,
    cast: &Cast,
    (today, until): (Day, Day),
) -> Result<Vec<Body>, CityError> {
    let mut due = Vec::new();
    let mut version = state.programmes.last_key_value().map_or(0, |(version, _)| *version);
    for year in today.fiscal_year()..=until.fiscal_year() + 1 {
        // After the first, rules are for days to come only.
        let earliest = if version == 0 { Day(0) } else { today.plus(1) };
        let from = Day::fiscal_year_first(year).max(earliest);
        if state.programmes.values().any(|programme| programme.covers(from)) {
            continue;
        }
        version += 1;
        let programme = Programme {
            from,
            insured_medical: cast.insured_medical(),
            ..of_year(cast.city.programme, year, version)?
        };
        let document = serde_json::to_string(&programme).unwrap_or_default();
        let document = Document::new(&document).ok_or(CityError::Text)?;
        due.push(Body::ProgrammePublish(ProgrammePublish { version, document }));
        due.extend(BUDGETS.map(|(fund, points)| {
            Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year: year, points })
        }));
    }
    due.extend(due_catalogue(state, cast, until.fiscal_year())?);
    Ok(due)
}

/// The catalogue of a fiscal year, where it is missing.
fn due_catalogue(state: &State, cast: &Cast, fiscal_year: u32) -> Result<Option<Body>, CityError> {
    let latest = state.catalogues.last_key_value();
    if latest.is_some_and(|(_, catalogue)| rewards::covers(catalogue, fiscal_year)) {
        return Ok(None);
    }
    let version = latest.map_or(0, |(version, _)| *version) + 1;
    let shops = (0..cast.city.shops.len()).map(|number| cast.shop_place(number));
    let shops: Vec<PlaceId> = shops.filter(|shop| state.places.contains_key(shop)).collect();
    if shops.is_empty() {
        return Ok(None);
    }
    let catalogue = rewards::of_year(&shops, fiscal_year, version)?;
    let document = serde_json::to_string(&catalogue).unwrap_or_default();
    let document = Document::new(&document).ok_or(CityError::Text)?;
    Ok(Some(Body::CataloguePublish(CataloguePublish { version, document })))
}

/// Residents whose statements one worker makes at a time.
const HOUSE: usize = 50;

/// Opens the residents' accounts, with a card each and a phone for most.
fn people(voice: &mut Voice<'_>) -> Result<(), CityError> {
    let (cast, engine, now_ms) = (voice.cast, voice.engine, voice.clock.wall_ms());
    let residents = cast.city.residents;
    let house = |number: usize| {
        let members = number * HOUSE..residents.min((number + 1) * HOUSE);
        let statements = members.map(|number| enrolment(engine, cast, (number, now_ms)));
        statements.collect::<Result<Vec<_>, _>>()
    };
    in_order(residents.div_ceil(HOUSE), house, |_, statements| {
        statements.into_iter().flatten().try_for_each(|statement| voice.send(statement, false))
    })?;
    voice.settle()?;
    let names = GIVEN.iter().flat_map(|given| SURNAMES.iter().map(move |surname| (surname, given)));
    let persons: Vec<_> = (0..residents)
        .zip(names.cycle())
        .map(|(number, (surname, given))| (cast.account(number), format!("{surname} {given}")))
        .collect();
    Ok(engine.registry().put_persons(&persons)?)
}

/// Account, facts, card and phone of a resident.
fn enrolment(
    engine: &Engine,
    cast: &Cast,
    (number, now_ms): (usize, u64),
) -> Result<Vec<Statement>, CityError> {
    let (resident, account) = (Resident::of(cast, number), cast.account(number));
    let (staff, code, today) = (cast.staff(), cast.code(number), Day::of_ms(now_ms));
    let facts = AccountFacts {
        account,
        age_tier: resident.age,
        age_on: age_on(today.fiscal_year()),
        insurance: resident.insurance(),
        eligible_from: Some(today),
        district: resident.district,
    };
    let issue = CardIssue {
        account,
        card: Some(card_hash(&cast.card(number))),
        code: Some(code_hash(&code)),
        code_until_min: Some(now_ms / 60_000 + 60),
    };
    let mut statements = Vec::new();
    for body in [
        Body::AccountOpen(AccountOpen { account }),
        Body::AccountFacts(facts),
        Body::CardIssue(issue),
    ] {
        statements.push(open(engine, core(engine, now_ms, body)?, &staff, None)?);
    }
    if resident.has_phone {
        let phone = cast.phone(number);
        let public_key = phone.verifying_key().to_bytes();
        let disclosed = Disclosure { code: Some(code), ..disclosure(now_ms / 1_000, None, None)? };
        let enrol = core(engine, now_ms, Body::DeviceEnrol(DeviceEnrol { public_key }))?;
        statements.push(open(engine, enrol, &phone, Some(&disclosed))?);
    }
    Ok(statements)
}
