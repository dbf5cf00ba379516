//! A small city behind a real engine: a clock that the test winds, keys made of names, signed
//! statements.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::SigningKey;
use kenmai::clock::{Clock, ClockPolicy};
use kenmai::config::LedgerFile;
use kenmai::engine::{Accepted, Engine, EngineConfig, EngineError, Environment, Refusal};
use kenmai::keys::LedgerKeys;
use kenmai::log::disk::{Disk, RealDisk};
use kenmai::metrics::{LedgerMetrics, Metrics};
use ledger_spec::entry::Accounting;
use ledger_spec::ids::{AccountId, LedgerId, OpId, PersonId, PlaceId, Seq};
use ledger_spec::kinds::{
    AccountErase, AccountFacts, AccountOpen, AccountStatus, Action, AgeTier, Approve, Body,
    BudgetAllocate, CardIssue, CardPin, CardRevoke, Cause, Code, DeviceEnrol, Document, Insurance,
    KeyRegister, KeyRevoke, Name, Note, OpeningBudget, PinGrounds, ProgrammePublish, Redeem, Role,
    Status, Void,
};
use ledger_spec::points::{Fund, Points};
use ledger_spec::statement::{Core, Disclosure, Holder, card_check_byte, card_hash, code_hash};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "test.example/city";
pub(crate) const PROGRAMME: &str =
    include_str!("../../ledger-spec/tests/it/fixtures/programme.json");
pub(crate) const MINUTE_MS: u64 = 60_000;

/// The signing key of whoever bears this name.
pub(crate) fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(name).into())
}

/// The id that a name stands for.
pub(crate) fn id<const N: usize>(name: &str) -> [u8; N] {
    Sha256::digest(format!("id of {name}"))[..N].try_into().unwrap()
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId(id(name))
}

pub(crate) fn card(name: &str) -> [u8; 11] {
    let random: [u8; 10] = id(&format!("card of {name}"));
    let mut card = [0; 11];
    card[..10].copy_from_slice(&random);
    card[10] = card_check_byte(&random);
    card
}

/// A clock that stands until the test moves it.
#[derive(Default)]
pub(crate) struct TestClock {
    wall_ms: AtomicU64,
    boot_ms: AtomicU64,
}

impl TestClock {
    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.boot_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The wall clock alone is set forward.
    pub(crate) fn jump(&self, ms: u64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }
    fn boot_ms(&self) -> u64 {
        self.boot_ms.load(Ordering::SeqCst)
    }
}

/// What became of a submission.
pub(crate) type Verdict = Result<Accepted, Refusal>;

/// One ledger and its surroundings.
pub(crate) struct City {
    folder: TempDir,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) queue_entries: usize,
    engine: Option<Engine>,
    counter: u64,
}

impl City {
    /// An empty ledger on the machine's disk, on the evening of 22 November 2026 in Japan.
    pub(crate) fn fresh() -> Self {
        Self::fresh_on(Arc::new(RealDisk))
    }

    /// The same with its log on another disk.
    pub(crate) fn fresh_on(disk: Arc<dyn Disk>) -> Self {
        Self::fresh_since(disk, Day::from_ymd(2026, 11, 22).unwrap())
    }

    /// The same on the evening of another day.
    pub(crate) fn fresh_since(disk: Arc<dyn Disk>, day: Day) -> Self {
        let clock = Arc::new(TestClock::default());
        clock.pass(day.start_ms() + 18 * 60 * MINUTE_MS);
        let folder = TempDir::new().unwrap();
        let keys = LedgerKeys::create(&folder.path().join("keys")).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        // What lies above the data folder was there before the ledger; a simulated disk must be
        // told so.
        disk.create_dir_all(&data).unwrap();
        data.ancestors().for_each(|above| disk.sync_dir(above).unwrap());
        LedgerFile::new(ORIGIN, false, &keys).unwrap().write(&data).unwrap();
        let mut city = Self { folder, disk, clock, queue_entries: 64, engine: None, counter: 0 };
        city.open().unwrap();
        city
    }

    /// A city with every role, rules, money, and the residents mei (phone and card) and ken (card).
    pub(crate) fn settled() -> Self {
        Self::fresh().settle()
    }

    pub(crate) fn settle(self) -> Self {
        self.settle_under(PROGRAMME)
    }

    /// The same under other rules.
    pub(crate) fn settle_under(mut self, programme: &str) -> Self {
        self.found();
        self.enact(Body::KeyRegister(KeyRegister {
            public_key: self.keys().system.verifying_key().to_bytes(),
            role: Role::System,
            person: PersonId(id("system")),
            place: None,
            name: Name::new("system").unwrap(),
        }));
        for (name, role) in [
            ("staff", Role::Staff),
            ("station", Role::Station),
            ("coach", Role::Coach),
            ("shop", Role::Shop),
        ] {
            self.enact(register(name, role));
        }
        let fiscal_year = self.fiscal_year();
        let [next, this] = [fiscal_year + 1, fiscal_year].map(|year| year.to_string());
        // Upwards or downwards, no year is replaced twice.
        let years = if fiscal_year > 2026 {
            [("2027", next), ("2026", this)]
        } else {
            [("2026", this), ("2027", next)]
        };
        let document =
            years.iter().fold(programme.to_owned(), |text, (of, by)| text.replace(of, by));
        let document = Document::new(&document).unwrap();
        self.enact(Body::ProgrammePublish(ProgrammePublish { version: 1, document }));
        for fund in [Fund::General, Fund::Nhi] {
            let points = 10_000;
            self.enact(Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year, points }));
        }
        self.join("mei");
        self.enrol("mei");
        self.join("ken");
        self
    }

    /// A story in which every kind in force has its turn, over three days; gives the places of some
    /// entries.
    pub(crate) fn live(&mut self) -> Story {
        let measured = self.measure("mei");
        self.clock.pass(3 * MINUTE_MS);
        let consulted = self.consult("mei");
        self.clock.pass(3 * MINUTE_MS);
        let by_card = self.act("station", "vegetables", None, Holder::Card(card("ken")));
        let by_staff = self.act("staff", "checkup", None, Holder::Account(account("ken")));
        let paid = self.pay("mei", 120);
        self.clock.pass(MINUTE_MS);
        let entry = self.pay("mei", 50);
        let void = self.must("shop", Body::Void(Void { entry }));
        self.clock.pass(24 * 60 * MINUTE_MS);
        self.second_phone("mei");
        let walked = self.act("staff", "walk", None, Holder::Account(account("mei")));
        let cause = Cause::Lost;
        let revoke = CardRevoke { card: card_hash(&card("ken")), cause };
        self.must("staff", Body::CardRevoke(revoke));
        self.clock.pass(24 * 60 * MINUTE_MS);
        let late = self.measure("mei");
        let coach = ledger_spec::ids::Kid::of(key("coach").verifying_key().as_bytes());
        self.must("root-1", Body::KeyRevoke(KeyRevoke { kid: coach, cause }));
        Story { measured, consulted, by_card, by_staff, paid, void, walked, late }
    }

    /// Opens the ledger, as a process does at its start.
    pub(crate) fn open(&mut self) -> Result<(), EngineError> {
        let config = EngineConfig {
            origin: ORIGIN.to_owned(),
            data_folder: self.data(),
            queue_entries: self.queue_entries,
            clock_policy: ClockPolicy::Guard { max_gap_ms: 72 * 60 * MINUTE_MS },
        };
        let (disk, clock) = (Arc::clone(&self.disk), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let metrics = metrics();
        let (engine, _) = Engine::open(&config, self.keys(), Environment { disk, clock, metrics })?;
        self.engine = Some(engine);
        Ok(())
    }

    /// Ends the process in good order.
    pub(crate) fn close(&mut self) {
        self.engine = None;
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn keys(&self) -> LedgerKeys {
        LedgerKeys::load(&self.folder.path().join("keys")).unwrap()
    }

    fn fresh_id(&mut self) -> [u8; 16] {
        self.counter += 1;
        id(&format!("fresh {}", self.counter))
    }

    pub(crate) fn now_s(&self) -> u64 {
        self.clock.wall_ms() / 1_000
    }

    pub(crate) fn fiscal_year(&self) -> u32 {
        Day::of_ms(self.clock.wall_ms()).fiscal_year()
    }

    /// A core as an honest client fills it in.
    pub(crate) fn core(&mut self, body: Body) -> Core {
        let shape = body.kind().shape();
        Core {
            ledger: LedgerId::of_origin(ORIGIN),
            op_id: OpId(self.fresh_id()),
            day: Day::of_ms(self.clock.wall_ms()),
            programme: shape.programme.then_some(1),
            not_after_s: shape.not_after.then_some(self.now_s() + 60),
            body,
            sealed: None,
        }
    }

    /// Sends bytes the whole way.
    pub(crate) fn submit(&self, submission: &[u8]) -> Verdict {
        let opened = self.engine().open_statement(submission);
        let statement = opened.unwrap_or_else(|error| panic!("{error}"));
        self.engine().enqueue(statement)?.wait_blocking()
    }

    /// Signs a body; it must be accepted.
    pub(crate) fn must(&mut self, who: &str, body: Body) -> Seq {
        let submission = self.written(who, body);
        self.submit(&submission).unwrap().accounting.seq
    }

    /// Signs a body, with a text where the kind seals nothing else.
    fn written(&mut self, who: &str, body: Body) -> Vec<u8> {
        let text = body.kind().seals_text_alone().then(|| Note::new("of that person").unwrap());
        let disclosed = body.kind().shape().disclosure;
        let disclosure = disclosed.then(|| Disclosure { text, ..self.disclosure(None) });
        self.core(body).sign(&key(who), disclosure.as_ref())
    }

    fn found(&mut self) {
        self.must("root-1", register("root-1", Role::Root));
        self.must("root-2", register("root-2", Role::Root));
    }

    /// One root proposes, the other approves.
    pub(crate) fn enact(&mut self, body: Body) {
        let submission = self.written("root-1", body);
        let proposal = self.submit(&submission).unwrap().accounting;
        let approve = approval_of(&proposal);
        self.must("root-2", approve);
    }

    /// Points of every fund may be brought from paper cards, and gives what they are called.
    pub(crate) fn open_paper_cards(&mut self) -> Code {
        let source = Code::new("paper cards").unwrap();
        let until = Day::of_ms(self.now_s() * 1_000).plus(30);
        for fund in Fund::ALL.iter().copied() {
            let (source, points) = (source.clone(), 10_000);
            self.enact(Body::OpeningBudget(OpeningBudget { source, fund, points, until }));
        }
        source
    }

    pub(crate) fn join(&mut self, name: &str) {
        let subject = account(name);
        self.must("staff", Body::AccountOpen(AccountOpen { account: subject }));
        let facts = AccountFacts {
            account: subject,
            age_tier: AgeTier::From18,
            age_on: Day::fiscal_year_first(self.fiscal_year()),
            insurance: Insurance::Nhi,
            eligible_from: Some(Day::fiscal_year_first(2020)),
            district: 3,
        };
        self.must("staff", Body::AccountFacts(facts));
        let code = code_hash(&id(&format!("code of {name}")));
        let until_min = self.clock.wall_ms() / MINUTE_MS + 60;
        let card = Some(card_hash(&card(name)));
        let (code, code_until_min) = (Some(code), Some(until_min));
        self.must(
            "staff",
            Body::CardIssue(CardIssue { account: subject, card, code, code_until_min }),
        );
    }

    /// Two persons forget somebody who has died.
    pub(crate) fn forget(&mut self, name: &str) {
        let (account, status) = (account(name), Status::Deceased);
        let since = Day::of_ms(self.clock.wall_ms());
        let body = AccountStatus { account, status, since, cause: None };
        self.must("staff", Body::AccountStatus(body));
        self.enact(Body::AccountErase(AccountErase { account, cause: Cause::Death }));
    }

    /// The first PIN of a card that was issued today, as the log has it.
    pub(crate) fn set_pin(&mut self, name: &str) {
        let (card, grounds) = (card_hash(&card(name)), PinGrounds::First);
        let core = self.core(Body::CardPin(CardPin { card, grounds }));
        let disclosure = self.disclosure(None);
        self.submit(&core.sign(&key("staff"), Some(&disclosure))).unwrap();
    }

    pub(crate) fn enrol(&mut self, name: &str) {
        let public_key = key(name).verifying_key().to_bytes();
        let core = self.core(Body::DeviceEnrol(DeviceEnrol { public_key }));
        let code = Some(id(&format!("code of {name}")));
        let disclosure = Disclosure { code, ..self.disclosure(None) };
        self.submit(&core.sign(&key(name), Some(&disclosure))).unwrap();
    }

    fn second_phone(&mut self, name: &str) {
        let public_key = key("second phone").verifying_key().to_bytes();
        let core = self.core(Body::DeviceEnrol(DeviceEnrol { public_key }));
        let disclosure = self.disclosure(None);
        self.submit(&core.sign(&key(name), Some(&disclosure))).unwrap();
    }

    pub(crate) fn disclosure(&mut self, holder: Option<Holder>) -> Disclosure {
        Disclosure {
            salt: self.fresh_id(),
            performed_at_s: self.now_s(),
            holder,
            values: None,
            ..Disclosure::default()
        }
    }

    pub(crate) fn phone(&mut self, name: &str) -> Holder {
        let (exp_s, nonce) = (self.now_s() + 120, self.fresh_id());
        let token = PayToken {
            exp_s,
            nonce,
            ledger: LedgerId::of_origin(ORIGIN),
            max_points: 500,
            shop: None,
        };
        Holder::Phone(token::sign(&token, &key(name)))
    }

    /// The statement of a redemption.
    pub(crate) fn payment(&mut self, name: &str, points: u32) -> Vec<u8> {
        let body = Redeem {
            shop: PlaceId(id("place of shop")),
            points: Points::new(points).unwrap(),
            goods: None,
        };
        let holder = self.phone(name);
        let disclosure = self.disclosure(Some(holder));
        self.core(Body::Redeem(body)).sign(&key("shop"), Some(&disclosure))
    }

    pub(crate) fn pay(&mut self, name: &str, points: u32) -> Seq {
        let payment = self.payment(name, points);
        self.submit(&payment).unwrap().accounting.seq
    }

    /// The statement of an action.
    pub(crate) fn action(
        &mut self,
        who: &str,
        action: &str,
        exact: Option<&str>,
        holder: Holder,
    ) -> Vec<u8> {
        let exact_action = exact.map(|code| Code::new(code).unwrap());
        let disclosure = Disclosure { exact_action, ..self.disclosure(Some(holder)) };
        self.action_core(action).sign(&key(who), Some(&disclosure))
    }

    /// The core of an action of this moment.
    pub(crate) fn action_core(&mut self, action: &str) -> Core {
        self.core(Body::Action(Action { action: Code::new(action).unwrap() }))
    }

    pub(crate) fn act(
        &mut self,
        who: &str,
        action: &str,
        exact: Option<&str>,
        holder: Holder,
    ) -> Seq {
        let submission = self.action(who, action, exact, holder);
        self.submit(&submission).unwrap().accounting.seq
    }

    /// The statement of a measurement at the station.
    pub(crate) fn measurement(&mut self, name: &str) -> Vec<u8> {
        let holder = self.phone(name);
        self.action("station", "vegetables", None, holder)
    }

    pub(crate) fn measure(&mut self, name: &str) -> Seq {
        let submission = self.measurement(name);
        self.submit(&submission).unwrap().accounting.seq
    }

    pub(crate) fn consult(&mut self, name: &str) -> Seq {
        let holder = self.phone(name);
        self.act("coach", "care", Some("guidance"), holder)
    }
}

fn metrics() -> LedgerMetrics {
    Metrics::new().unwrap().ledger("test")
}

/// Where entries of [`City::live`] stand.
pub(crate) struct Story {
    pub(crate) measured: Seq,
    pub(crate) consulted: Seq,
    pub(crate) by_card: Seq,
    pub(crate) by_staff: Seq,
    pub(crate) paid: Seq,
    pub(crate) void: Seq,
    pub(crate) walked: Seq,
    pub(crate) late: Seq,
}

pub(crate) fn register(name: &str, role: Role) -> Body {
    let place = matches!(role, Role::Station | Role::Shop);
    Body::KeyRegister(KeyRegister {
        public_key: key(name).verifying_key().to_bytes(),
        role,
        person: PersonId(id(name)),
        place: place.then(|| PlaceId(id(&format!("place of {name}")))),
        name: Name::new(name).unwrap(),
    })
}

/// The approval of a proposal.
pub(crate) fn approval_of(proposal: &Accounting) -> Body {
    let statement_hash = Sha256::digest(&proposal.statement.0).into();
    Body::Approve(Approve { proposal: proposal.seq, statement_hash })
}
