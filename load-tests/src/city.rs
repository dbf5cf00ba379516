//! A small city: residents with phones and points, shops with tills, and the payments between them.
//!
//! It is founded through the engine, by statements that two roots, the desk and the registry sign; nothing is put into the
//! ledger by another way.

use std::collections::VecDeque;

use ed25519_dalek::SigningKey;
use kenmai::clock::{Clock, SystemClock};
use kenmai::engine::{Accepted, Engine, PendingVerdict};
use kenmai::keys;
use ledger_spec::cbor::Text;
use ledger_spec::entry::ActionClass;
use ledger_spec::ids::{AccountId, LedgerId, OpId, PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Action, AgeTier, Approve, Body, BudgetAllocate, CardIssue,
    DeviceEnrol, Insurance, KeyRegister, ProgrammePublish, Redeem, Role,
};
use ledger_spec::points::{Fund, Points, Purse};
use ledger_spec::programme::{Programme, RedeemLimits, Rule, SameAct};
use ledger_spec::statement::{Core, Disclosure, Holder, code_hash};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, TOKEN_LIFE_S_MAX};

use crate::Failure;

/// Points of each payment.
pub(crate) const PAYMENT_POINTS: u32 = 100;
/// Shops of the city, each with one till.
pub(crate) const SHOPS: usize = 12;
/// A resident's lots: the same points of each of these funds.
pub(crate) const FUNDS: [Fund; 3] = [Fund::General, Fund::Nhi, Fund::CareInsurance];
/// Points of each lot, so that no account runs dry: 600 payments.
pub(crate) const LOT_POINTS: u32 = 20_000;

const PAYMENTS_MAX: u32 = LOT_POINTS / PAYMENT_POINTS * 3;
/// A fund's budget: 100,000 residents use it twice over.
const BUDGET_POINTS: u32 = 1_000_000_000;
const BUDGETS: usize = 2;
/// Statements under way at once while the city is founded; below the queue's limit, above a batch.
const UNDER_WAY: usize = 600;

/// A resident with a phone.
pub(crate) struct Resident {
    /// The account.
    pub(crate) account: AccountId,
    /// Payments signed for it so far.
    pub(crate) payments: u32,
    phone: SigningKey,
}

/// A shop with a till.
pub(crate) struct Shop {
    /// The place.
    pub(crate) place: PlaceId,
    /// Payments signed for it so far.
    pub(crate) payments: u64,
    till: SigningKey,
}

/// All who pay and are paid.
pub(crate) struct City {
    /// Who pays.
    pub(crate) residents: Vec<Resident>,
    /// Who is paid.
    pub(crate) shops: Vec<Shop>,
    ledger: LedgerId,
}

/// Which shop the next payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shops {
    /// Any, with equal chance.
    Uniform,
    /// The first, always.
    One,
}

impl City {
    /// Signs a payment of a random resident, good for 300 seconds: first the phone, then the till.
    pub(crate) fn payment(&mut self, shops: Shops, now_s: u64) -> Result<Vec<u8>, Failure> {
        let nonce: [u8; 16] = random()?;
        let [a, b, c, d, shop, ..] = nonce;
        let number = u32::from_be_bytes([a, b, c, d]) as usize % self.residents.len().max(1);
        let shop = if shops == Shops::One { 0 } else { usize::from(shop) % SHOPS };
        let resident = self.residents.get_mut(number).ok_or("a city without residents")?;
        let shop = self.shops.get_mut(shop).ok_or("a city without shops")?;
        if resident.payments == PAYMENTS_MAX {
            return Err("an account runs dry; take more --residents or fewer --seconds".into());
        }
        resident.payments += 1;
        shop.payments += 1;
        let exp_s = now_s + TOKEN_LIFE_S_MAX;
        let token = PayToken { exp_s, nonce, ledger: self.ledger, max_points: PAYMENT_POINTS };
        let token = token::sign(&token, &resident.phone);
        let points = Points::new(PAYMENT_POINTS).ok_or("no such points")?;
        let core = Core {
            programme: Some(1),
            not_after_s: Some(exp_s),
            ..core(self.ledger, Body::Redeem(Redeem { shop: shop.place, points }))?
        };
        let disclosed = Disclosure { holder: Some(Holder::Phone(token)), ..disclosure(now_s)? };
        Ok(core.sign(&shop.till, Some(&disclosed)))
    }
}

/// Founds the city on an empty ledger.
pub(crate) fn found(engine: &Engine, system: &SigningKey, residents: u32) -> Result<City, Failure> {
    let mut desk = Desk::open(engine)?;
    desk.register(system, Role::System, None)?;
    let (staff, registry) = (new_key()?, new_key()?);
    desk.register(&staff, Role::Staff, None)?;
    desk.register(&registry, Role::Registry, None)?;
    let mut shops = Vec::new();
    for _ in 0..SHOPS {
        let shop = Shop { place: PlaceId(random()?), payments: 0, till: new_key()? };
        desk.register(&shop.till, Role::Shop, Some(shop.place))?;
        shops.push(shop);
    }
    let rules = programme(today().fiscal_year());
    let document = Text::new(&serde_json::to_string(&rules)?).ok_or("the rules are too long")?;
    desk.both(Body::ProgrammePublish(ProgrammePublish { version: 1, document }))?;
    for fund in FUNDS.iter().cycle().take(FUNDS.len() * BUDGETS) {
        let (fiscal_year, points) = (rules.fiscal_year, BUDGET_POINTS);
        desk.both(Body::BudgetAllocate(BudgetAllocate { fund: *fund, fiscal_year, points }))?;
    }
    let residents = (0..residents)
        .map(|_| desk.welcome(&staff, &registry))
        .collect::<Result<Vec<_>, Failure>>()?;
    desk.settle()?;
    Ok(City { residents, shops, ledger: engine.ledger() })
}

/// Rules without caps: three grants of the registry, one for each fund, and payments of any number a day.
fn programme(fiscal_year: u32) -> Programme {
    let rule = |number: usize, fund: &Fund| Rule {
        rule: u32::try_from(number).unwrap_or(0) + 1,
        action: format!("grant.{number}"),
        exact: vec![],
        name: "付与".to_owned(),
        name_en: "Grant".to_owned(),
        class: ActionClass::Milestone,
        signers: vec![Role::Registry],
        points: LOT_POINTS,
        purse: Purse::Yen,
        fund: *fund,
        same_act: SameAct::Day,
        caps: vec![],
    };
    let from = Day::fiscal_year_first(fiscal_year);
    let max = u32::MAX;
    Programme {
        version: 1,
        name: "負荷試験".to_owned(),
        name_en: "Load test".to_owned(),
        fiscal_year,
        from,
        until: Day::fiscal_year_first(fiscal_year + 1).minus(1),
        late_days: 0,
        expires_after_years: 1,
        funds: FUNDS.to_vec(),
        redeem: RedeemLimits {
            min: 1,
            max_transaction: max,
            max_day: max,
            fresh_device_max_day: max,
        },
        caps: vec![],
        rules: FUNDS.iter().enumerate().map(|(number, fund)| rule(number, fund)).collect(),
    }
}

/// The city's desk: sends statements and waits for their verdicts.
struct Desk<'a> {
    engine: &'a Engine,
    roots: [SigningKey; 2],
    waiting: VecDeque<PendingVerdict>,
}

impl<'a> Desk<'a> {
    /// Registers the two roots, of two persons.
    fn open(engine: &'a Engine) -> Result<Self, Failure> {
        let roots = [new_key()?, new_key()?];
        let desk = Self { engine, roots, waiting: VecDeque::new() };
        for root in &desk.roots {
            let body = registration(root, Role::Root, None)?;
            desk.say(core(engine.ledger(), body)?, root)?;
        }
        Ok(desk)
    }

    fn register(
        &self,
        key: &SigningKey,
        role: Role,
        place: Option<PlaceId>,
    ) -> Result<(), Failure> {
        self.both(registration(key, role, place)?)
    }

    /// The first root proposes, the second approves.
    fn both(&self, body: Body) -> Result<(), Failure> {
        let [first, second] = &self.roots;
        let submission = core(self.engine.ledger(), body)?.sign(first, None);
        let statement = self.engine.open_statement(&submission)?;
        let statement_hash = statement.hash();
        let proposal = self.engine.enqueue(statement)?.wait_blocking()?.accounting.seq;
        let approve = Body::Approve(Approve { proposal, statement_hash });
        self.say(core(self.engine.ledger(), approve)?, second)?;
        Ok(())
    }

    fn say(&self, core: Core, key: &SigningKey) -> Result<Accepted, Failure> {
        let statement = self.engine.open_statement(&core.sign(key, None))?;
        Ok(self.engine.enqueue(statement)?.wait_blocking()?)
    }

    /// Sends without waiting.
    fn send(
        &mut self,
        body: Body,
        key: &SigningKey,
        disclosed: Option<&Disclosure>,
    ) -> Result<(), Failure> {
        let programme = matches!(body, Body::Action(_)).then_some(1);
        let core = Core { programme, ..core(self.engine.ledger(), body)? };
        let statement = self.engine.open_statement(&core.sign(key, disclosed))?;
        if self.waiting.len() >= UNDER_WAY
            && let Some(first) = self.waiting.pop_front()
        {
            first.wait_blocking()?;
        }
        self.waiting.push_back(self.engine.enqueue(statement)?);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        while let Some(next) = self.waiting.pop_front() {
            next.wait_blocking()?;
        }
        Ok(())
    }

    /// Opens an account, enrols its phone and grants three lots.
    fn welcome(&mut self, staff: &SigningKey, registry: &SigningKey) -> Result<Resident, Failure> {
        let (account, code, phone) = (AccountId(random()?), random()?, new_key()?);
        let now_s = now_s();
        self.send(Body::AccountOpen(AccountOpen { account }), registry, None)?;
        let facts = AccountFacts {
            account,
            age_tier: AgeTier::Adult,
            insurance: Insurance::Nhi,
            eligible: true,
            district: 1,
        };
        self.send(Body::AccountFacts(facts), registry, None)?;
        let issue = CardIssue {
            account,
            card: None,
            code: Some(code_hash(&code)),
            code_until_min: Some(now_s / 60 + 60),
        };
        self.send(Body::CardIssue(issue), staff, None)?;
        let public_key = phone.verifying_key().to_bytes();
        let disclosed = Disclosure { code: Some(code), ..disclosure(now_s)? };
        self.send(Body::DeviceEnrol(DeviceEnrol { public_key }), &phone, Some(&disclosed))?;
        for number in 0..FUNDS.len() {
            let action = Text::new(&format!("grant.{number}")).ok_or("no such action")?;
            let holder = Some(Holder::Account(account));
            let disclosed = Disclosure { holder, ..disclosure(now_s)? };
            self.send(Body::Action(Action { action }), registry, Some(&disclosed))?;
        }
        Ok(Resident { account, payments: 0, phone })
    }
}

fn registration(key: &SigningKey, role: Role, place: Option<PlaceId>) -> Result<Body, Failure> {
    let (person, public_key) = (PersonId(random()?), key.verifying_key().to_bytes());
    let name = Text::new("負荷試験").ok_or("no such name")?;
    Ok(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }))
}

fn core(ledger: LedgerId, body: Body) -> Result<Core, Failure> {
    let (op_id, day) = (OpId(random()?), today());
    Ok(Core { ledger, op_id, day, programme: None, not_after_s: None, body, sealed: None })
}

fn disclosure(performed_at_s: u64) -> Result<Disclosure, Failure> {
    let (holder, values, exact_action, code, pin_proof) = (None, None, None, None, None);
    Ok(Disclosure {
        salt: random()?,
        performed_at_s,
        holder,
        values,
        exact_action,
        code,
        pin_proof,
    })
}

fn new_key() -> Result<SigningKey, Failure> {
    Ok(SigningKey::from_bytes(&*keys::random_secret()?))
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn today() -> Day {
    Day::of_ms(SystemClock.wall_ms())
}

/// Unix seconds.
pub(crate) fn now_s() -> u64 {
    SystemClock.wall_ms() / 1_000
}
