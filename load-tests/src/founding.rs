//! Founds a city of one's own: residents with phones, cards and points, shops with tills, stations,
//! and the registry.
//!
//! It is founded through the engine, by statements that two roots, the desk and the registry sign;
//! nothing is put into the ledger by another way.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use ed25519_dalek::SigningKey;
use kenmai::engine::{Accepted, Engine, PendingVerdict};
use ledger_spec::caps::ActionClass;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{AccountId, PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Action, AgeTier, Approve, Body, BudgetAllocate, CardIssue,
    DeviceEnrol, Document, Insurance, KeyRegister, ProgrammePublish, Role,
};
use ledger_spec::points::{Fund, Purse};
use ledger_spec::programme::{Evidence, Leaving, Programme, RedeemLimits, Rule, SameAct};
use ledger_spec::statement::{Core, Disclosure, Holder, card_check_byte, card_hash, code_hash};
use ledger_spec::time::Day;

use crate::Failure;
use crate::city::{
    Bulk, City, GrantRule, LATE_DAYS, Resident, Slots, Till, core, disclosure, new_key, now_s,
    random, today,
};

/// Points of each payment.
pub(crate) const PAYMENT_POINTS: u32 = 100;
/// Shops of the city, each with one till.
pub(crate) const SHOPS: usize = 12;
/// A resident's lots: the same points of each of these funds.
pub(crate) const FUNDS: [Fund; 3] = [Fund::General, Fund::Nhi, Fund::CareInsurance];
/// Points of each lot, so that no account runs dry: 600 payments.
pub(crate) const LOT_POINTS: u32 = 20_000;

/// Stations of the city.
const STATIONS: usize = 6;
/// Points of a measurement, and of a check-up.
const MEASUREMENT_POINTS: u32 = 5;
const CHECKUP_POINTS: u32 = 10;
/// A fund's budget: the lots of 100,000 residents use two parts of three.
const BUDGET_POINTS: u32 = 1_000_000_000;
const BUDGETS: usize = 3;
/// Statements under way at once while the city is founded: more than a batch.
const UNDER_WAY_MAX: usize = 600;

/// Founds the city on an empty ledger, in whose queue so many statements may wait.
pub(crate) fn found(
    engine: &Engine,
    queue_entries: NonZeroUsize,
    system: &SigningKey,
    residents: u32,
) -> Result<City, Failure> {
    let mut desk = Founder::open(engine, queue_entries.get().min(UNDER_WAY_MAX))?;
    desk.register(system, Role::System, None)?;
    let (staff, registry) = (new_key()?, new_key()?);
    desk.register(&staff, Role::Staff, None)?;
    desk.register(&registry, Role::Registry, None)?;
    let mut shops = Vec::new();
    for _ in 0..SHOPS {
        let shop = Till { place: PlaceId(random()?), till: new_key()?, due: 0 };
        desk.register(&shop.till, Role::Shop, Some(shop.place))?;
        shops.push(shop);
    }
    let mut stations = Vec::new();
    for _ in 0..STATIONS {
        let station = new_key()?;
        desk.register(&station, Role::Station, Some(PlaceId(random()?)))?;
        stations.push(station);
    }
    let rules = programme(today().fiscal_year());
    let document =
        Document::new(&serde_json::to_string(&rules)?).ok_or("the rules are too long")?;
    desk.both(Body::ProgrammePublish(ProgrammePublish { version: 1, document }))?;
    for fund in FUNDS.iter().cycle().take(FUNDS.len() * BUDGETS) {
        let (fiscal_year, points) = (rules.fiscal_year, BUDGET_POINTS);
        desk.both(Body::BudgetAllocate(BudgetAllocate { fund: *fund, fiscal_year, points }))?;
    }
    let residents = (0..residents)
        .map(|_| desk.welcome(&staff, &registry))
        .collect::<Result<Vec<_>, Failure>>()?;
    desk.settle()?;
    let now_s = now_s();
    Ok(City {
        ledger: engine.ledger(),
        programme: 1,
        payment_points: PAYMENT_POINTS,
        measured: Slots::until(now_s, STATIONS)?,
        listed: Slots::until(now_s, 1)?,
        measurement: grant(MEASURE, Fund::General, MEASUREMENT_POINTS)?,
        bulk: Bulk {
            key: registry,
            grant: grant(CHECKUP, Fund::Nhi, CHECKUP_POINTS)?,
            by_card: false,
        },
        stations,
        shops,
        residents,
    })
}

const MEASURE: &str = "measure";
const CHECKUP: &str = "checkup";

fn grant(action: &str, fund: Fund, points: u32) -> Result<GrantRule, Failure> {
    let action = Text::new(action).ok_or("no such action")?;
    Ok(GrantRule { action, fund, points: points..=points, measures: vec![] })
}

/// Rules without caps: three grants of the registry, one for each fund, measurements, check-ups,
/// and payments of any number a day.
fn programme(fiscal_year: u32) -> Programme {
    let rule = |rule: u32, action: String, (evidence, points, fund): (Evidence, u32, Fund)| Rule {
        rule,
        action,
        exact: vec![],
        name: "付与".to_owned(),
        name_en: "Grant".to_owned(),
        class: ActionClass::Milestone,
        evidence: vec![evidence],
        points,
        purse: Purse::Yen,
        fund,
        same_act: SameAct::Minute,
        measures: vec![],
        goals: vec![],
        plausible: None,
        every_days: None,
        needs: None,
        employer: false,
        caps: vec![],
    };
    let grants = (1..).zip(FUNDS).map(|(number, fund)| {
        rule(number, format!("grant.{number}"), (Evidence::Registry, LOT_POINTS, fund))
    });
    let others = [
        rule(11, MEASURE.to_owned(), (Evidence::Station, MEASUREMENT_POINTS, Fund::General)),
        rule(12, CHECKUP.to_owned(), (Evidence::Registry, CHECKUP_POINTS, Fund::Nhi)),
    ];
    let from = Day::fiscal_year_first(fiscal_year);
    let last = Day::fiscal_year_first(fiscal_year + 1).minus(1);
    let max = u32::MAX;
    Programme {
        version: 1,
        name: "負荷試験".to_owned(),
        name_en: "Load test".to_owned(),
        fiscal_year,
        from,
        until: last,
        earn_until: last,
        late_until: last.plus(LATE_DAYS + 1),
        age_on: last,
        // A run may end after midnight.
        late_days: LATE_DAYS + 1,
        expires_after_years: 1,
        funds: FUNDS.to_vec(),
        warn_permille: vec![],
        gates: vec![],
        insured_medical: vec![],
        leaving: Leaving::default(),
        redeem: RedeemLimits {
            min: 1,
            max_transaction: max,
            max_day: max,
            fast_lane_max: None,
            fresh_device_max_day: max,
            card_no_pin_max_day: 0,
            terminal_no_pin_max_day: 0,
            refund_days: 30,
            refund_grace_days: 30,
        },
        caps: vec![],
        rules: grants.chain(others).collect(),
    }
}

/// The city's desk: sends statements and waits for their verdicts.
struct Founder<'a> {
    engine: &'a Engine,
    roots: [SigningKey; 2],
    waiting: VecDeque<PendingVerdict>,
    under_way: usize,
}

impl<'a> Founder<'a> {
    /// Registers the two roots, of two persons.
    fn open(engine: &'a Engine, under_way: usize) -> Result<Self, Failure> {
        let roots = [new_key()?, new_key()?];
        let desk = Self { engine, roots, waiting: VecDeque::new(), under_way };
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
        if self.waiting.len() >= self.under_way
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

    /// Opens an account, issues its card, enrols its phone and grants three lots.
    fn welcome(&mut self, staff: &SigningKey, registry: &SigningKey) -> Result<Resident, Failure> {
        let (account, code, phone) = (AccountId(random()?), random()?, new_key()?);
        let (now_s, card) = (now_s(), new_card()?);
        self.send(Body::AccountOpen(AccountOpen { account }), registry, None)?;
        let facts = AccountFacts {
            account,
            age_tier: AgeTier::From18,
            age_on: Day::fiscal_year_first(2026),
            insurance: Insurance::Nhi,
            eligible_from: Some(Day::fiscal_year_first(2020)),
            district: 1,
        };
        self.send(Body::AccountFacts(facts), registry, None)?;
        let issue = CardIssue {
            account,
            card: Some(card_hash(&card)),
            code: Some(code_hash(&code)),
            code_until_min: Some(now_s / 60 + 60),
        };
        self.send(Body::CardIssue(issue), staff, None)?;
        let public_key = phone.verifying_key().to_bytes();
        let disclosed = Disclosure { code: Some(code), ..disclosure(now_s, None)? };
        self.send(Body::DeviceEnrol(DeviceEnrol { public_key }), &phone, Some(&disclosed))?;
        for number in 1..=FUNDS.len() {
            let action = Text::new(&format!("grant.{number}")).ok_or("no such action")?;
            let disclosed = disclosure(now_s, Some(Holder::Account(account)))?;
            self.send(Body::Action(Action { action }), registry, Some(&disclosed))?;
        }
        let held = u64::from(LOT_POINTS) * FUNDS.len() as u64;
        Ok(Resident { account, phone, card, held, left: held, session: None })
    }
}

fn new_card() -> Result<[u8; 11], Failure> {
    let random: [u8; 10] = random()?;
    let mut card = [card_check_byte(&random); 11];
    card.iter_mut().zip(random).for_each(|(to, from)| *to = from);
    Ok(card)
}

fn registration(key: &SigningKey, role: Role, place: Option<PlaceId>) -> Result<Body, Failure> {
    let (person, public_key) = (PersonId(random()?), key.verifying_key().to_bytes());
    let name = Text::new("負荷試験").ok_or("no such name")?;
    Ok(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }))
}
