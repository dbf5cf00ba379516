//! A small city in memory: keys from names, real signed submissions, and the whole pure path from
//! bytes to state.

use std::collections::BTreeMap;

use ed25519_dalek::{SigningKey, VerifyingKey};
use ledger_spec::programme::Programme;
use ledger_spec::{
    apply::apply,
    cbor,
    decide::{Context, Earlier, Rejection, decide, earlier_of, measured_before},
    entry::Accounting,
    ids::{AccountId, DayKid, Hash, Kid, LedgerId, OpId, PersonId, PlaceId, Seq},
    kept,
    kinds::{
        AccountFacts, AccountOpen, AgeTier, Approve, Body, BudgetAllocate, CardIssue, CardPin,
        Code, DeviceEnrol, Document, Insurance, KeyRegister, Name, OpeningBudget, PinGrounds,
        ProgrammePublish, Role,
    },
    points::Fund,
    state::{Overlay, State},
    statement::{
        Core, Disclosure, Holder, Keys, Statement, StatementError, Values, code_hash, open,
    },
    time::Day,
    token::{self, PayToken},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) const PEPPER: [u8; 32] = [7; 32];
pub(crate) const PROGRAMME: &str = include_str!("fixtures/programme.json");

/// The programme that the specification gives as an example.
pub(crate) const EXAMPLE: &str = include_str!("../../examples/programme.json");

const CATALOGUE: &str = include_str!("fixtures/catalogue.json");

pub(crate) const ORIGIN: &str = "test.example/rules";

pub(crate) fn ledger() -> LedgerId {
    LedgerId::of_origin(ORIGIN)
}

/// The signing key of whoever bears this name.
pub(crate) fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(name).into())
}

pub(crate) fn kid(name: &str) -> Kid {
    Kid::of(key(name).verifying_key().as_bytes())
}

/// The id that a name stands for.
pub(crate) fn id<const N: usize>(name: &str) -> [u8; N] {
    Sha256::digest(format!("id of {name}"))[..N].try_into().unwrap()
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId(id(name))
}

/// The instant of a Japanese wall clock.
pub(crate) fn instant_ms(day: &str, time: &str) -> u64 {
    let mut parts = time.split(':').map(|part| part.parse::<u64>().unwrap());
    let (h, m) = (parts.next().unwrap(), parts.next().unwrap());
    let s = parts.next().unwrap_or(0);
    Day::parse(day).unwrap().start_ms() + ((h * 60 + m) * 60 + s) * 1_000
}

/// The programme of the fixture with members replaced: `redeem.min` names a member of a member.
pub(crate) fn programme(changes: &[(String, Value)]) -> String {
    changed(PROGRAMME, changes)
}

/// The catalogue of the fixture with members replaced; shops stand there by name.
pub(crate) fn catalogue(changes: &[(String, Value)]) -> String {
    let text = changed(CATALOGUE, changes);
    let hex = |shop: &str| format!("\"{}\"", PlaceId(id(shop)));
    ["shop-a", "shop-b", "nowhere", "coach"]
        .iter()
        .fold(text, |text, shop| text.replace(&format!("\"{shop}\""), &hex(shop)))
}

/// A document with members replaced.
pub(crate) fn changed(base: &str, changes: &[(String, Value)]) -> String {
    let mut document: Value = serde_json::from_str(base).unwrap();
    for (path, value) in changes {
        let mut at = &mut document;
        for step in path.split('.') {
            at = match step.parse::<usize>() {
                Ok(index) => &mut at[index],
                Err(_) => &mut at[step],
            };
        }
        *at = value.clone();
    }
    // Unless a test says otherwise, actions earn to the end and are late for as long as each may
    // be.
    let late_days = document["late_days"].as_u64().and_then(|days| u32::try_from(days).ok());
    let until = document["until"].as_str().and_then(Day::parse);
    let ends = if base == PROGRAMME {
        [("earn_until", Some(0)), ("late_until", late_days)]
    } else {
        [("", None); 2]
    };
    for (member, days) in ends {
        if let (Some(until), Some(days)) = (until, days)
            && !changes.iter().any(|(path, _)| path == member)
        {
            document[member] = until.plus(days).to_string().into();
        }
    }
    // In the order of the fields, whichever order the build gives to a `Value`; a document with a
    // fault stays as it is.
    let text = document.to_string();
    match Programme::parse(&text) {
        Ok(programme) => serde_json::to_string(&programme).unwrap(),
        Err(_) => text,
    }
}

/// What came of a submission.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Accepted(Accounting),
    /// The same bytes were accepted before, as this entry.
    Replayed(Seq),
    /// The operation's id was used with other bytes.
    Reused,
    Malformed(StatementError),
    Refused(Rejection),
}

/// One accepted statement, as an auditor would have it.
pub(crate) struct Record {
    pub(crate) statement: Statement,
    pub(crate) now_ms: u64,
    pub(crate) accounting: Vec<u8>,
}

/// A ledger without disk, clock and network.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) tables: State,
    pub(crate) now_ms: u64,
    pub(crate) records: Vec<Record>,
    operations: BTreeMap<OpId, (Hash, Seq)>,
    counter: u64,
}

/// An entry as a later decision reads it.
fn with_statement(entry: &Accounting) -> Earlier<'_> {
    Earlier { entry, statement: kept::read(&entry.statement.0).unwrap() }
}

/// The keys of a ledger, each looked at for its name of a day.
pub(crate) struct KeysOf<'a>(pub(crate) &'a State);

impl Keys for KeysOf<'_> {
    fn key(&self, kid: Kid) -> Option<VerifyingKey> {
        VerifyingKey::from_bytes(&self.0.keys.get(&kid)?.public_key).ok()
    }

    fn phones(&self, _: Kid, day_kid: DayKid, day: Day) -> Option<Vec<VerifyingKey>> {
        let named = self.0.keys.values().filter(|key| DayKid::of(&key.public_key, day) == day_kid);
        Some(named.map(|key| VerifyingKey::from_bytes(&key.public_key).unwrap()).collect())
    }
}

pub(crate) fn opened(tables: &State, bytes: &[u8]) -> Result<Statement, StatementError> {
    open(bytes, ledger(), &KeysOf(tables))
}

impl World {
    pub(crate) fn at(day: &str, time: &str) -> Self {
        Self { now_ms: instant_ms(day, time), ..Self::default() }
    }

    pub(crate) fn today(&self) -> Day {
        Day::of_ms(self.now_ms)
    }

    pub(crate) fn now_s(&self) -> u64 {
        self.now_ms / 1_000
    }

    /// 16 bytes that no one had before.
    pub(crate) fn fresh(&mut self) -> [u8; 16] {
        self.counter += 1;
        id(&format!("fresh {}", self.counter))
    }

    pub(crate) fn entry(&self, seq: Seq) -> Option<Accounting> {
        let record = self.records.get(usize::try_from(seq.0).ok()?)?;
        Some(cbor::from_bytes(&record.accounting).unwrap())
    }

    /// The whole path: form and signatures, operation id, rules, effects, state.
    pub(crate) fn submit(&mut self, submission: &[u8]) -> Verdict {
        match opened(&self.tables, submission) {
            Ok(statement) => self.judge(statement),
            Err(error) => Verdict::Malformed(error),
        }
    }

    /// The same from the operation id on, for statements that are opened already.
    pub(crate) fn judge(&mut self, statement: Statement) -> Verdict {
        if let Some((hash, seq)) = self.operations.get(&statement.core.op_id) {
            let same = *hash == statement.hash();
            return if same { Verdict::Replayed(*seq) } else { Verdict::Reused };
        }
        let earlier = self.earlier(&statement);
        let earlier = earlier.as_ref().map(with_statement);
        let mut state = Overlay::over(&self.tables);
        let (now_ms, measured) = (self.now_ms, self.measured(&statement, &state));
        let context = Context { now_ms, pepper: &PEPPER, earlier: earlier.as_ref(), measured };
        let entry = match decide(&statement, &state, &context) {
            Ok(entry) => entry,
            Err(rejection) => return Verdict::Refused(rejection),
        };
        assert_eq!(apply(&entry, &mut state), Ok(()), "what was decided can be applied");
        let changes = state.into_changes();
        self.tables.absorb(changes);
        assert!(self.tables.days.values().all(Option::is_some), "closed days leave no row");
        self.operations.insert(statement.core.op_id, (statement.hash(), entry.seq));
        let accounting = cbor::to_bytes(&entry);
        assert_eq!(cbor::from_bytes(&accounting), Ok(entry.clone()));
        self.records.push(Record { statement, now_ms: self.now_ms, accounting });
        Verdict::Accepted(entry)
    }

    pub(crate) fn earlier(&self, statement: &Statement) -> Option<Accounting> {
        self.entry(earlier_of(statement, &Overlay::over(&self.tables))?)
    }

    fn measured(&self, statement: &Statement, state: &Overlay<'_>) -> Option<Values> {
        let seq = measured_before(statement, state)?;
        let record = self.records.get(usize::try_from(seq.0).ok()?)?;
        record.statement.disclosure.as_ref()?.0.values
    }

    /// Folds the records again in batches of these sizes: the recorded effects give the same state,
    /// and the rules give the same effects.
    pub(crate) fn replay(&self, batch_sizes: &[usize]) {
        let mut state = State::default();
        let mut records = self.records.iter().peekable();
        let mut sizes = batch_sizes.iter().cycle();
        while records.peek().is_some() {
            let base = state.clone();
            let mut overlay = Overlay::over(&base);
            for record in records.by_ref().take((*sizes.next().unwrap()).max(1)) {
                let earlier = self.earlier(&record.statement);
                let (now_ms, measured) =
                    (record.now_ms, self.measured(&record.statement, &overlay));
                let earlier = earlier.as_ref().map(with_statement);
                let earlier = earlier.as_ref();
                let context = Context { now_ms, pepper: &PEPPER, earlier, measured };
                let entry: Accounting = cbor::from_bytes(&record.accounting).unwrap();
                assert_eq!(decide(&record.statement, &overlay, &context).as_ref(), Ok(&entry));
                apply(&entry, &mut overlay).unwrap();
            }
            state.absorb(overlay.into_changes());
        }
        assert_eq!(state, self.tables);
        assert_eq!(state.state_hash(), self.tables.state_hash());
    }

    /// A core as an honest client fills it in.
    pub(crate) fn core(&mut self, body: Body) -> Core {
        let (day, shape) = (self.today(), body.kind().shape());
        let version =
            Overlay::over(&self.tables).programme_for(day).map_or(1, |programme| programme.version);
        Core {
            ledger: ledger(),
            op_id: OpId(self.fresh()),
            day,
            programme: shape.programme.then_some(version),
            not_after_s: shape.not_after.then_some(self.now_s() + 60),
            body,
            sealed: None,
        }
    }

    pub(crate) fn disclosure(&mut self, holder: Option<Holder>) -> Disclosure {
        Disclosure {
            salt: self.fresh(),
            performed_at_s: self.now_s(),
            holder,
            ..Disclosure::default()
        }
    }

    pub(crate) fn pay_token(&mut self) -> PayToken {
        let (exp_s, nonce) = (self.now_s() + 120, self.fresh());
        PayToken { exp_s, nonce, ledger: ledger(), max_points: 1_000, shop: None }
    }

    /// Signs and submits a body whose disclosure says nothing, and insists that it is accepted.
    pub(crate) fn must(&mut self, who: &str, body: Body) -> Accounting {
        let disclosure = body.kind().shape().disclosure.then(|| self.disclosure(None));
        let submission = self.core(body).sign(&key(who), disclosure.as_ref());
        let verdict = self.submit(&submission);
        let Verdict::Accepted(entry) = verdict else { panic!("{who}: {verdict:?}") };
        entry
    }

    /// One root proposes, the other approves.
    pub(crate) fn enact(&mut self, body: Body) {
        let proposal = self.must("root-1", body);
        let statement_hash = Sha256::digest(&proposal.statement.0).into();
        self.must("root-2", Body::Approve(Approve { proposal: proposal.seq, statement_hash }));
    }

    pub(crate) fn found(&mut self) {
        self.must("root-1", register("root-1", Role::Root, "root-1", None));
        self.must("root-2", register("root-2", Role::Root, "root-2", None));
    }

    /// A city with roots, rules, money and one or two signers of every role.
    pub(crate) fn set_up(&mut self, changes: &[(String, Value)]) {
        self.staff();
        self.publish(1, changes);
        for fund in [Fund::General, Fund::Nhi] {
            self.allocate(fund, 2026, 1_000_000);
        }
    }

    /// The same with the specification's example of a programme.
    pub(crate) fn set_up_example(&mut self, changes: &[(String, Value)]) {
        self.staff();
        for name in ["partner", "app"] {
            self.enact(register(name, Role::Partner, name, None));
        }
        let document = Document::new(&changed(EXAMPLE, changes)).unwrap();
        self.enact(Body::ProgrammePublish(ProgrammePublish { version: 1, document }));
        for fund in [Fund::General, Fund::Nhi, Fund::CareInsurance, Fund::Employer] {
            self.allocate(fund, 2026, 1_000_000);
        }
    }

    pub(crate) fn publish(&mut self, version: u32, changes: &[(String, Value)]) {
        let document = Document::new(&programme(changes)).unwrap();
        self.enact(Body::ProgrammePublish(ProgrammePublish { version, document }));
    }

    pub(crate) fn allocate(&mut self, fund: Fund, fiscal_year: u32, points: u32) {
        self.enact(Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year, points }));
    }

    /// Points of a fund may be brought from paper cards until a day.
    pub(crate) fn open_budget(&mut self, fund: Fund, points: u32, until: Day) {
        let source = Code::new("paper").unwrap();
        self.enact(Body::OpeningBudget(OpeningBudget { source, fund, points, until }));
    }

    /// Roots, and one or two signers of every role.
    pub(crate) fn staff(&mut self) {
        self.found();
        for (name, role) in [
            ("staff-1", Role::Staff),
            ("staff-2", Role::Staff),
            ("registry", Role::Registry),
            ("station-1", Role::Station),
            ("station-2", Role::Station),
            ("coach", Role::Coach),
            ("kiosk", Role::Kiosk),
            ("shop-a", Role::Shop),
            ("shop-b", Role::Shop),
            ("system", Role::System),
        ] {
            let place = matches!(role, Role::Station | Role::Shop).then_some(name);
            self.enact(register(name, role, name, place));
        }
    }

    /// An account, eligible, with a card and a phone of the same name.
    pub(crate) fn join(&mut self, name: &str) {
        let subject = account(name);
        self.must("staff-1", Body::AccountOpen(AccountOpen { account: subject }));
        self.must("staff-1", facts(name, true));
        let code = id(&format!("code of {name}"));
        let until_min = self.now_ms / 60_000 + 60;
        let card = Some(ledger_spec::statement::card_hash(&card(name)));
        let (hash, code_until_min) = (Some(code_hash(&code)), Some(until_min));
        let issue = CardIssue { account: subject, card, code: hash, code_until_min };
        self.must("staff-1", Body::CardIssue(issue));
        let body = CardPin {
            card: ledger_spec::statement::card_hash(&self::card(name)),
            grounds: PinGrounds::First,
        };
        let core = self.core(Body::CardPin(body));
        let disclosure = Some(self.disclosure(None));
        let submission = Unsigned { core, disclosure }.sign_with("staff-1");
        assert!(matches!(self.submit(&submission), Verdict::Accepted(_)));
        let submission = self.enrol(name, Some(code)).sign_with(name);
        assert!(matches!(self.submit(&submission), Verdict::Accepted(_)));
    }

    /// The statement that binds the phone of this name.
    pub(crate) fn enrol(&mut self, phone: &str, code: Option<[u8; 16]>) -> Unsigned {
        let public_key = public_key(phone);
        let core = self.core(Body::DeviceEnrol(DeviceEnrol { public_key }));
        let disclosure = Disclosure { code, ..self.disclosure(None) };
        Unsigned { core, disclosure: Some(disclosure) }
    }
}

/// A core and its disclosure before the signature.
pub(crate) struct Unsigned {
    pub(crate) core: Core,
    pub(crate) disclosure: Option<Disclosure>,
}

impl Unsigned {
    pub(crate) fn sign_with(self, name: &str) -> Vec<u8> {
        self.core.sign(&key(name), self.disclosure.as_ref())
    }
}

/// The public key of a name; `weak` is a point of small order, `twofold` the second encoding of
/// the point whose y-coordinate is 3.
pub(crate) fn public_key(name: &str) -> [u8; 32] {
    match name {
        "weak" => {
            let mut neutral = [0; 32];
            neutral[0] = 1;
            neutral
        }
        "twofold" => {
            let mut twofold = [0xff; 32];
            twofold[0] = 0xf0;
            twofold[31] = 0x7f;
            twofold
        }
        _ => key(name).verifying_key().to_bytes(),
    }
}

pub(crate) fn register(name: &str, role: Role, person: &str, place: Option<&str>) -> Body {
    Body::KeyRegister(KeyRegister {
        public_key: public_key(name),
        role,
        person: PersonId(id(person)),
        place: place.map(|place| PlaceId(id(place))),
        name: Name::new(name).unwrap(),
    })
}

pub(crate) fn facts(name: &str, eligible: bool) -> Body {
    Body::AccountFacts(AccountFacts {
        account: account(name),
        age_tier: AgeTier::From18,
        age_on: Day::fiscal_year_first(2026),
        insurance: Insurance::Nhi,
        eligible_from: eligible.then_some(Day::fiscal_year_first(2020)),
        district: 3,
    })
}

/// The paper card of a name; `mistyped` has a wrong check byte.
pub(crate) fn card(name: &str) -> [u8; 11] {
    let random: [u8; 10] = id(&format!("card of {name}"));
    let mut card = [0; 11];
    card[..10].copy_from_slice(&random);
    card[10] = ledger_spec::statement::card_check_byte(&random) ^ u8::from(name == "mistyped");
    card
}

pub(crate) fn sign_token(token: &PayToken, phone: &str) -> Vec<u8> {
    token::sign(token, &key(phone))
}
