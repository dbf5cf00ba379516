//! Founding the demo city: roots, keys, rules, budgets and residents.

use std::collections::VecDeque;

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, AgeTier, Approve, Body, BudgetAllocate, CardIssue, DeviceEnrol,
    Insurance, KeyRegister, ProgrammePublish, Role,
};
use ledger_spec::rows::Overlay;
use ledger_spec::statement::{
    Core, Disclosure, Holder, Statement, StatementError, Values, card_hash, code_hash,
};
use ledger_spec::time::Day;

use super::programme::{BUDGETS, of_year};
use super::{COACHES, Cast, OPEN_PHONES, RESIDENTS, StagedClock, random, random_op};
use crate::clock::Clock;
use crate::engine::{Accepted, Engine, EngineError, PendingVerdict, Refusal};

/// Names of the demo city's shops.
pub const SHOPS: [&str; 12] = [
    "魚政",
    "港の八百屋",
    "まちのパン工房",
    "駅前書店",
    "みなと豆腐店",
    "茶舗さくら",
    "浜の湯",
    "はまかぜ薬局",
    "米の川村",
    "花の木園",
    "自転車の友",
    "港町食堂",
];
/// Names of the demo city's stations.
pub const STATIONS: [&str; 6] =
    ["保健センター", "港公民館", "大きなスーパー 入口", "駅前図書館", "総合体育館", "山の手公民館"];
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
    /// A text of the demo does not fit its field, which is a fault of the demo.
    #[error("a text of the demo city does not fit its field")]
    Text,
}

/// What the city says and does, in one place.
pub(super) struct Voice<'a> {
    pub(super) engine: &'a Engine,
    pub(super) cast: &'a Cast,
    pub(super) clock: &'a StagedClock,
    waiting: VecDeque<PendingVerdict>,
}

/// Statements under way at once; below the queue's limit, above a batch.
const UNDER_WAY: usize = 600;

impl<'a> Voice<'a> {
    pub(super) fn new(engine: &'a Engine, cast: &'a Cast, clock: &'a StagedClock) -> Self {
        Self { engine, cast, clock, waiting: VecDeque::new() }
    }

    pub(super) fn now_s(&self) -> u64 {
        self.clock.wall_ms() / 1_000
    }

    pub(super) fn today(&self) -> Day {
        Day::of_ms(self.clock.wall_ms())
    }

    /// A statement's core, signed by nobody yet.
    pub(super) fn core(&self, body: Body) -> Result<Core, CityError> {
        core(self.engine, self.clock.wall_ms(), body)
    }

    /// Sends a statement without waiting for its verdict; [`Voice::settle`] waits for all.
    pub(super) fn send(
        &mut self,
        core: Core,
        key: &SigningKey,
        disclosure: Option<&Disclosure>,
    ) -> Result<(), CityError> {
        let statement = open(self.engine, core, key, disclosure)?;
        if self.waiting.len() >= UNDER_WAY
            && let Some(first) = self.waiting.pop_front()
        {
            first.wait_blocking()?;
        }
        self.waiting.push_back(self.engine.enqueue(statement)?);
        Ok(())
    }

    /// Waits until everything sent is in the log.
    pub(super) fn settle(&mut self) -> Result<(), CityError> {
        while let Some(next) = self.waiting.pop_front() {
            next.wait_blocking()?;
        }
        Ok(())
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
    let (exact_action, code, pin_proof) = (None, None, None);
    Ok(Disclosure { salt, performed_at_s, holder, values, exact_action, code, pin_proof })
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
    for (number, name) in STATIONS.iter().enumerate() {
        let who = (Role::Station, cast.person("station", number), Some(cast.station_place(number)));
        register_key(&cast.station(number), who, name)?;
    }
    for (number, name) in SHOPS.iter().enumerate() {
        let who = (Role::Shop, cast.person("shop", number), Some(cast.shop_place(number)));
        register_key(&cast.till(number), who, name)?;
    }
    for (number, name) in
        ["保健師 北村(架空)", "管理栄養士 水野(架空)"].iter().enumerate().take(COACHES)
    {
        let who = (Role::Coach, cast.person("coach", number), None);
        register_key(&cast.coach(number), who, name)?;
    }
    ensure_rules(&mut voice)?;
    people(&mut voice)?;
    clock.run();
    Ok(())
}

/// Publishes the rules and budgets of this fiscal year and the next, so that midnight on 31 March changes nothing.
pub(super) fn ensure_rules(voice: &mut Voice<'_>) -> Result<(), CityError> {
    let this_year = voice.today().fiscal_year();
    for year in [this_year, this_year + 1] {
        let first_day = Day::fiscal_year_first(year);
        let version = {
            let state = voice.engine.state()?;
            let covered = state.programmes.values().any(|programme| programme.covers(first_day));
            if covered {
                continue;
            }
            state.programmes.last_key_value().map_or(0, |(version, _)| *version) + 1
        };
        let document = serde_json::to_string(&of_year(year, version)).unwrap_or_default();
        let document = Text::new(&document).ok_or(CityError::Text)?;
        voice.both(Body::ProgrammePublish(ProgrammePublish { version, document }))?;
        for (fund, points) in BUDGETS {
            voice.both(Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year: year, points }))?;
        }
    }
    Ok(())
}

/// Opens the residents' accounts, with a card each and a phone for all but every seventh.
fn people(voice: &mut Voice<'_>) -> Result<(), CityError> {
    let (cast, staff) = (voice.cast, voice.cast.staff());
    for number in 0..RESIDENTS {
        let account = cast.account(number);
        voice.send(voice.core(Body::AccountOpen(AccountOpen { account }))?, &staff, None)?;
        let senior = number % 3 == 0;
        let facts = AccountFacts {
            account,
            age_tier: if senior { AgeTier::Senior } else { AgeTier::Adult },
            insurance: if number % 2 == 0 { Insurance::Nhi } else { Insurance::Other },
            eligible: true,
            district: u32::try_from(number % 9).unwrap_or(0) + 1,
        };
        voice.send(voice.core(Body::AccountFacts(facts))?, &staff, None)?;
        let code = cast.code(number);
        let issue = CardIssue {
            account,
            card: Some(card_hash(&cast.card(number))),
            code: Some(code_hash(&code)),
            code_until_min: Some(voice.now_s() / 60 + 60),
        };
        voice.send(voice.core(Body::CardIssue(issue))?, &staff, None)?;
        if has_phone(number) {
            let phone = cast.phone(number);
            let public_key = phone.verifying_key().to_bytes();
            let mut disclosed = disclosure(voice.now_s(), None, None)?;
            disclosed.code = Some(code);
            let enrol = voice.core(Body::DeviceEnrol(DeviceEnrol { public_key }))?;
            voice.send(enrol, &phone, Some(&disclosed))?;
        }
    }
    voice.settle()?;
    let names = GIVEN.iter().flat_map(|given| SURNAMES.iter().map(move |surname| (surname, given)));
    for (number, (surname, given)) in (0..RESIDENTS).zip(names.cycle()) {
        voice.engine.registry().put_person(cast.account(number), &format!("{surname} {given}"))?;
    }
    Ok(())
}

/// Every seventh resident goes with the paper card alone.
pub(super) fn has_phone(number: usize) -> bool {
    number < OPEN_PHONES || number % 7 != 6
}
