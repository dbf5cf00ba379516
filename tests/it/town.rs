//! A small town behind the real router: two shops, a station, a coach, two phones, a card, and a
//! clock that is set by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body as HttpBody, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use ed25519_dalek::SigningKey;
use expect_test::Expect;
use kenmai::clock::{Clock, ClockPolicy};
use kenmai::config::Limits;
use kenmai::demo::door::{self, Desks};
use kenmai::demo::{Blueprint, Cast, Desk, YAIZU};
use kenmai::engine::{Engine, EngineConfig, Environment};
use kenmai::http::{Ledger, Server};
use kenmai::keys::LedgerKeys;
use kenmai::log::disk::{Disk, RealDisk};
use kenmai::metrics::Metrics;
use ledger_spec::ids::{LedgerId, OpId, PersonId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Action, AgeTier, Approve, Body, BudgetAllocate, CardIssue, Cause,
    Code, DeviceEnrol, Document, Insurance, KeyRegister, KeyRevoke, Name, ProgrammePublish, Redeem,
    Role, Void,
};
use ledger_spec::note::VerifierKey;
use ledger_spec::points::{Fund, Points};
use ledger_spec::statement::{Core, Disclosure, Holder, Values, card_hash, code_hash, read};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, QrCheck, Session};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const ORIGIN: &str = "test.example/town";
pub(crate) const PROGRAMME: &str = include_str!("../fixtures/programme.json");
const CLOCK_GAP_MS: u64 = 72 * 3_600_000;

/// A clock that stands still until it is told otherwise.
pub(crate) struct TestClock {
    wall_ms: AtomicU64,
    boot_ms: AtomicU64,
}

impl TestClock {
    /// Noon of a day in Japan.
    pub(crate) fn noon(day: &str) -> Arc<Self> {
        let wall_ms = Day::parse(day).unwrap().start_ms() + 12 * 3_600_000;
        Arc::new(Self { wall_ms: wall_ms.into(), boot_ms: 5_000_000.into() })
    }

    /// Time passes.
    pub(crate) fn pass(&self, seconds: u64) {
        self.boot_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.jump(seconds);
    }

    /// Somebody sets the wall clock forward.
    pub(crate) fn jump(&self, seconds: u64) {
        self.wall_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(crate) fn now_s(&self) -> u64 {
        self.wall_ms() / 1_000
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

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The end of a problem's `type`.
    pub(crate) fn slug(&self) -> String {
        let problem = self.json();
        let slug = problem["type"].as_str().and_then(|slug| slug.rsplit('/').next());
        slug.unwrap_or_else(|| panic!("no problem: {problem}")).to_owned()
    }

    fn shown(&self) -> String {
        let mut shown = format!("{} {}", self.status.as_u16(), self.header("content-type"));
        for name in
            ["allow", "cache-control", "idempotent-replayed", "retry-after", "www-authenticate"]
        {
            let value = self.header(name);
            if !value.is_empty() && (name, value) != ("cache-control", "no-store") {
                shown += &format!("\n{name}: {value}");
            }
        }
        if self.header("content-type").contains("json") {
            let mut json = self.json();
            mask(&mut json);
            // The entries of a list stand on lines of their own.
            shown += &format!("\n{json}").replace("[{", "[\n  {").replace("},{", "},\n  {");
        } else if self.header("content-type").starts_with("text/plain") {
            shown += &format!("\n{}", self.text());
        }
        shown
    }
}

/// Members that differ from run to run: they hang on random salts, tokens and the ledger's own key.
fn mask(json: &mut Value) {
    for name in ["proof", "token", "code", "card", "pin"] {
        if let Some(value) = json.get_mut(name).filter(|value| value.is_string()) {
            *value = "…".into();
        }
    }
    // Places of visitors are random; those of the town are not.
    for name in ["station", "shop"] {
        if let Some(place) = json.get_mut(name).and_then(|at| at.get_mut("place")) {
            *place = "…".into();
        }
    }
}

/// Compares status, telling headers and body.
pub(crate) fn check(answer: &Answer, expected: &Expect) {
    expected.assert_eq(&answer.shown());
}

/// A router and who talks to it.
pub(crate) struct Client {
    pub(crate) router: Router,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) name: &'static str,
    pub(crate) ledger: LedgerId,
}

impl Client {
    pub(crate) async fn call(&self, request: Request<HttpBody>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, bytes };
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(!answer.header("cache-control").is_empty());
        answer
    }

    /// A request below `/v1/` and the ledger's name.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/v1/{}{path}", self.name)
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(HttpBody::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Reads below the ledger with a session's token.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.get_with(&self.path(path), &[("authorization", &bearer)]).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: impl Into<HttpBody>,
    ) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, media_type);
        self.call(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<HttpBody>) -> Answer {
        self.send(Method::POST, &self.path(path), "application/cose", body).await
    }

    pub(crate) async fn submit(&self, statement: &[u8]) -> Answer {
        self.post("/statements", statement.to_vec()).await
    }

    /// Sends a statement that must be taken.
    pub(crate) async fn accept(&self, statement: &[u8]) -> Value {
        let answer = self.submit(statement).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn session(&self, number: u8) -> Session {
        Session { exp_s: self.clock.now_s() + 60, nonce: [number; 16], ledger: self.ledger }
    }

    /// Opens a session and gives its token.
    pub(crate) async fn log_in(&self, key: &SigningKey, number: u8) -> String {
        let answer = self.post("/sessions", token::sign(&self.session(number), key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// The numbers of the log, told by the ledger.
    pub(crate) async fn size(&self) -> u64 {
        self.get(&self.path("")).await.json()["size"].as_u64().unwrap()
    }

    pub(crate) async fn vkey(&self) -> VerifierKey {
        let answer = self.get(&format!("/{}/vkey", self.name)).await;
        VerifierKey::parse(answer.text().trim_end()).unwrap()
    }

    pub(crate) fn core(&self, op: u32, body: Body) -> Core {
        let mut op_id = [0; 16];
        op_id[..4].copy_from_slice(&op.to_be_bytes());
        let day = Day::of_ms(self.clock.wall_ms());
        let (programme, not_after_s, sealed) = (None, None, None);
        let (ledger, op_id) = (self.ledger, OpId(op_id));
        Core { ledger, op_id, day, programme, not_after_s, body, sealed }
    }

    pub(crate) fn disclosure(&self, holder: Option<Holder>) -> Disclosure {
        Disclosure {
            salt: [3; 16],
            performed_at_s: self.clock.now_s(),
            holder,
            values: None,
            ..Disclosure::default()
        }
    }

    pub(crate) fn action(&self, op: u32, code: &str, programme: u32) -> Core {
        let body = Body::Action(Action { action: Code::new(code).unwrap() });
        Core { programme: Some(programme), ..self.core(op, body) }
    }

    pub(crate) fn pay_token(&self, number: u8, max_points: u32) -> PayToken {
        let exp_s = self.clock.now_s() + 120;
        PayToken { exp_s, nonce: [number; 16], ledger: self.ledger, max_points, shop: None }
    }
}

/// How a town differs from the common one.
pub(crate) struct Plan {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) queue_entries: usize,
    pub(crate) limits: Limits,
}

impl Default for Plan {
    fn default() -> Self {
        Self { disk: Arc::new(RealDisk), queue_entries: 64, limits: Limits::default() }
    }
}

/// The town.
pub(crate) struct Town {
    folder: tempfile::TempDir,
    pub(crate) cast: Cast,
    pub(crate) client: Client,
    pub(crate) server: Arc<Server>,
}

/// The town's parts stand in [`Client`] where a demo city has them too.
impl std::ops::Deref for Town {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

fn open(folder: &Path, plan: &Plan, clock: Arc<TestClock>) -> (Engine, Metrics) {
    let metrics = Metrics::new().unwrap();
    let config = EngineConfig {
        origin: ORIGIN.to_owned(),
        data_folder: folder.join("town"),
        queue_entries: plan.queue_entries,
        clock_policy: ClockPolicy::Guard { max_gap_ms: CLOCK_GAP_MS },
    };
    fs::create_dir_all(&config.data_folder).unwrap();
    // On a simulated disk the folder must be there too, and survive a power cut.
    plan.disk.create_dir_all(&config.data_folder).unwrap();
    config.data_folder.ancestors().for_each(|folder| plan.disk.sync_dir(folder).unwrap());
    let environment =
        Environment { disk: Arc::clone(&plan.disk), clock, metrics: metrics.ledger("town") };
    let keys = LedgerKeys::load(&folder.join("keys")).unwrap();
    let (engine, _) = Engine::open(&config, keys, environment).unwrap();
    (engine, metrics)
}

impl Town {
    /// Founded on an ordinary Sunday.
    pub(crate) async fn found(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::noon("2026-11-22");
        let LedgerKeys { system, .. } = LedgerKeys::create(&folder.path().join("keys")).unwrap();
        let town = Self::serve(folder, &plan, clock);
        for statement in town.founding(&system) {
            town.accept(&statement).await;
        }
        town
    }

    fn serve(folder: tempfile::TempDir, plan: &Plan, clock: Arc<TestClock>) -> Self {
        let (engine, metrics) = open(folder.path(), plan, Arc::clone(&clock));
        let cast = || Cast::new([1; 32], Blueprint { origin: ORIGIN, ..YAIZU });
        let ledger = Ledger::new("town".to_owned(), engine).as_demo();
        let desks = Desks::from([("town".to_owned(), Desk::new(cast()))]);
        let other = EngineConfig {
            origin: "test.example/empty".to_owned(),
            data_folder: folder.path().join("empty"),
            queue_entries: 1,
            clock_policy: ClockPolicy::AlwaysAccept,
        };
        let [secrets, data] = ["empty-keys", "empty"].map(|name| folder.path().join(name));
        fs::create_dir_all(&data).unwrap();
        let keys = if secrets.exists() { LedgerKeys::load } else { LedgerKeys::create }(&secrets);
        let environment = Environment {
            disk: Arc::new(RealDisk),
            clock: Arc::<TestClock>::clone(&clock),
            metrics: metrics.ledger("empty"),
        };
        let (empty, _) = Engine::open(&other, keys.unwrap(), environment).unwrap();
        let ledgers = vec![ledger, Ledger::new("empty".to_owned(), empty)];
        let server =
            Server::new(ledgers, Arc::<TestClock>::clone(&clock), metrics, plan.limits).unwrap();
        let router = door::router(Arc::clone(&server), desks);
        let client = Client { router, clock, name: "town", ledger: LedgerId::of_origin(ORIGIN) };
        Self { folder, cast: cast(), client, server }
    }

    /// The process ends, and another one opens the same folder on the same disk.
    pub(crate) fn restart(self, plan: &Plan, between: impl FnOnce()) -> Self {
        let Self { folder, client, server, .. } = self;
        let clock = Arc::clone(&client.clock);
        drop((client, server));
        between();
        Self::serve(folder, plan, clock)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("town")
    }

    /// Every byte of the log.
    pub(crate) fn log_bytes(&self) -> Vec<u8> {
        let mut files: Vec<_> = fs::read_dir(self.data().join("log/segments")).unwrap().collect();
        files.sort_by_key(|file| file.as_ref().unwrap().file_name());
        files.into_iter().flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    fn founding(&self, system: &SigningKey) -> Vec<Vec<u8>> {
        let (cast, mut made) = (&self.cast, Vec::new());
        let key = |key: &SigningKey, role, name: &str, place| {
            let public_key = key.verifying_key().to_bytes();
            let (person, name) = (PersonId([public_key[0]; 16]), Name::new(name).unwrap());
            Body::KeyRegister(KeyRegister { public_key, role, person, place, name })
        };
        for number in 0..2 {
            let root = cast.root(number);
            let op = u32::try_from(made.len()).unwrap();
            made.push(self.core(op, key(&root, Role::Root, "部長", None)).sign(&root, None));
        }
        let document = Document::new(PROGRAMME).unwrap();
        let budget = |fund| BudgetAllocate { fund, fiscal_year: 2026, points: 1_000_000 };
        let proposals = [
            key(system, Role::System, "台帳", None),
            key(&cast.staff(), Role::Staff, "健康づくり課", None),
            key(&cast.station(0), Role::Station, "保健センター", Some(cast.station_place(0))),
            key(&cast.till(0), Role::Shop, "魚政", Some(cast.shop_place(0))),
            key(&cast.till(1), Role::Shop, "八百屋", Some(cast.shop_place(1))),
            key(&cast.coach(0), Role::Coach, "北村", None),
            Body::ProgrammePublish(ProgrammePublish { version: 1, document }),
            Body::BudgetAllocate(budget(Fund::General)),
            Body::BudgetAllocate(budget(Fund::Nhi)),
        ];
        for body in proposals {
            let seq = u32::try_from(made.len()).unwrap();
            let statement = self.core(seq, body).sign(&cast.root(0), None);
            let statement_hash = read(&statement).unwrap().1.hash();
            let proposal = ledger_spec::ids::Seq(u64::from(seq));
            let approve = Body::Approve(Approve { proposal, statement_hash });
            made.push(statement);
            made.push(self.core(seq + 1, approve).sign(&cast.root(1), None));
        }
        for number in 0..2u8 {
            self.resident(number, &mut made);
        }
        made
    }

    /// An account with a card and a phone.
    fn resident(&self, number: u8, made: &mut Vec<Vec<u8>>) {
        let (cast, staff) = (&self.cast, self.cast.staff());
        let account = cast.account(number.into());
        let facts = AccountFacts {
            account,
            age_tier: AgeTier::From18,
            age_on: Day::fiscal_year_first(2026),
            insurance: Insurance::Nhi,
            eligible_from: Some(Day::fiscal_year_first(2020)),
            district: 1,
        };
        let issue = CardIssue {
            account,
            card: Some(card_hash(&cast.card(number.into()))),
            code: Some(code_hash(&[number; 16])),
            code_until_min: Some(self.clock.now_s() / 60 + 60),
        };
        let open = Body::AccountOpen(AccountOpen { account });
        for body in [open, Body::AccountFacts(facts), Body::CardIssue(issue)] {
            made.push(self.core(u32::try_from(made.len()).unwrap(), body).sign(&staff, None));
        }
        let phone = cast.phone(number.into());
        let public_key = phone.verifying_key().to_bytes();
        let mut disclosed = self.disclosure(None);
        disclosed.code = Some([number; 16]);
        let enrol = Body::DeviceEnrol(DeviceEnrol { public_key });
        let op = u32::try_from(made.len()).unwrap();
        made.push(self.core(op, enrol).sign(&phone, Some(&disclosed)));
    }

    /// One root proposes and another approves, with this operation and the next.
    pub(crate) async fn enact(&self, op: u32, body: Body) {
        let disclosed = body.kind().shape().disclosure.then(|| self.disclosure(None));
        let statement = self.core(op, body).sign(&self.cast.root(0), disclosed.as_ref());
        let statement_hash = read(&statement).unwrap().1.hash();
        let proposal = self.accept(&statement).await["seq"].as_u64().unwrap();
        let approve = Approve { proposal: ledger_spec::ids::Seq(proposal), statement_hash };
        self.accept(&self.core(op + 1, Body::Approve(approve)).sign(&self.cast.root(1), None))
            .await;
    }

    /// The coach records a session of a resident, known by the card: 300 points.
    pub(crate) fn coaching(&self, op: u32, resident: usize) -> Vec<u8> {
        let mut disclosed = self.disclosure(Some(Holder::Card(self.cast.card(resident))));
        disclosed.exact_action = Some(Code::new("guidance.session").unwrap());
        self.action(op, "care", 1).sign(&self.cast.coach(0), Some(&disclosed))
    }

    /// What the station's measurement of whoever this is discloses.
    pub(crate) fn measured(&self, holder: Holder, level_tenths: u32) -> Disclosure {
        let values = Some(Values { level_tenths: Some(level_tenths), ..Values::default() });
        Disclosure { values, ..self.disclosure(Some(holder)) }
    }

    /// The station measures whoever this is: 20 points.
    pub(crate) fn measure(&self, op: u32, holder: Holder) -> Vec<u8> {
        let disclosed = self.measured(holder, 63);
        self.action(op, "vegecheck.measure", 1).sign(&self.cast.station(0), Some(&disclosed))
    }

    /// The first resident's phone shows a code.
    pub(crate) fn code(&self, number: u8, max_points: u32) -> Vec<u8> {
        token::sign(&self.pay_token(number, max_points), &self.cast.phone(0))
    }

    /// The core of a redemption at the first shop.
    pub(crate) fn redemption(&self, op: u32, points: u32) -> Core {
        let points = Points::new(points).unwrap();
        let body = Body::Redeem(Redeem { shop: self.cast.shop_place(0), points, goods: None });
        let not_after_s = Some(self.clock.now_s() + 120);
        Core { programme: Some(1), not_after_s, ..self.core(op, body) }
    }

    /// The first shop takes points of whoever shows this code.
    pub(crate) fn redeem(&self, op: u32, points: u32, code: Vec<u8>) -> Vec<u8> {
        let disclosed = self.disclosure(Some(Holder::Phone(code)));
        self.redemption(op, points).sign(&self.cast.till(0), Some(&disclosed))
    }

    pub(crate) fn void(&self, op: u32, entry: u64) -> Vec<u8> {
        let body = Body::Void(Void { entry: ledger_spec::ids::Seq(entry) });
        self.core(op, body).sign(&self.cast.till(0), None)
    }

    pub(crate) fn revoke(&self, op: u32, key: &SigningKey) -> Vec<u8> {
        let kid = ledger_spec::ids::Kid::of(key.verifying_key().as_bytes());
        let cause = Cause::Lost;
        self.core(op, Body::KeyRevoke(KeyRevoke { kid, cause })).sign(&self.cast.staff(), None)
    }

    /// A till asks about a code.
    pub(crate) async fn ask(&self, till: usize, code: Vec<u8>) -> Answer {
        let exp_s = self.clock.now_s() + 60;
        let token = ledger_spec::cbor::Blob(code);
        let question = QrCheck { exp_s, nonce: [9; 16], ledger: self.ledger, token };
        self.post("/qr/check", token::sign(&question, &self.cast.till(till))).await
    }
}
