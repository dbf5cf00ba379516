//! Founding the demo city: roots, keys, rules, budgets and residents.

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, Body, BudgetAllocate, CardIssue, CardPin, CataloguePublish,
    DeviceEnrol, Document, KeyRegister, PinGrounds, ProgrammePublish, Role, ShopAccount,
};
use ledger_spec::programme::Programme;
use ledger_spec::state::State;
use ledger_spec::statement::{Disclosure, Statement, card_hash, code_hash};
use ledger_spec::time::Day;

use super::cast::Cast;
use super::client::{CityClient, CityError, Progress, core, disclosure, open};
use super::crew::in_order;
use super::programme::{BUDGETS, age_on, of_year};
use super::residents::{QUIZZERS, Resident};
use super::rewards;
use super::staged_clock::StagedClock;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::registry::PinSlot;

/// The PIN of those residents of a demo city whose card has one.
pub const DEMO_PIN: &str = "2468";

const SURNAMES: [&str; 10] =
    ["青木", "石田", "内山", "遠藤", "岡村", "加藤", "北川", "久保", "小泉", "佐野"];
const GIVEN: [&str; 10] =
    ["花子", "太郎", "ゆき", "健一", "さくら", "誠", "みどり", "学", "はるか", "進"];

pub(super) fn register(
    key: &SigningKey,
    role: Role,
    person: PersonId,
    place: Option<PlaceId>,
    name: &str,
) -> Result<Body, CityError> {
    let public_key = key.verifying_key().to_bytes();
    let name = Text::new(name).ok_or(CityError::Text)?;
    Ok(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }))
}

/// Makes the city on an empty ledger, as of the clock's time; `system` and `pin` are the server's
/// keys. `progress` hears of the residents.
///
/// # Errors
/// [`CityError`]
pub fn found(
    engine: &Engine,
    cast: &Cast,
    system: &SigningKey,
    pin: &SigningKey,
    clock: &StagedClock,
    first_day: Day,
    progress: &mut impl FnMut(Progress),
) -> Result<(), CityError> {
    clock.set_ms(first_day.start_ms() + 8 * 3_600_000);
    let mut client = CityClient::new(engine, cast, clock);
    for (number, name) in ["デモ市 部長", "デモ市 会計管理者"].iter().enumerate() {
        let root = cast.root(number);
        let body = register(&root, Role::Root, cast.person("root", number), None, name)?;
        client.submit(body, &root)?;
    }
    let server = cast.person("server", 0);
    let mut bind = |key: &SigningKey, role, person, place, name: &str| {
        client.propose_and_approve(register(key, role, person, place, name)?)
    };
    bind(system, Role::System, server, None, "台帳サーバー")?;
    bind(pin, Role::Pin, server, None, "暗証番号の確認")?;
    for (key, role, of, name) in [
        (cast.staff(), Role::Staff, "staff", "デモ市 健康づくり課"),
        (cast.registry(), Role::Registry, "registry", "デモ市 健診台帳"),
        (cast.partner(), Role::Partner, "partner", "歩数アプリ(架空)"),
    ] {
        bind(&key, role, cast.person(of, 0), None, name)?;
    }
    for (number, name) in cast.city.stations.iter().enumerate() {
        let (person, place) = (cast.person("station", number), cast.station_place(number));
        bind(&cast.station(number), Role::Station, person, Some(place), name)?;
    }
    for (number, name) in cast.city.shops.iter().enumerate() {
        let (person, place) = (cast.person("shop", number), cast.shop_place(number));
        bind(&cast.till(number), Role::Shop, person, Some(place), name)?;
    }
    for (number, name) in cast.city.coaches.iter().enumerate() {
        bind(&cast.coach(number), Role::Coach, cast.person("coach", number), None, name)?;
    }
    for number in 0..cast.city.shops.len() {
        // No bank has this number.
        let account = format!("9999-001-1-{number:07} ﾃﾞﾓ ﾐｾ {:02}", number + 1);
        let shop = cast.shop_place(number);
        let bank_account = engine.registry().put_shop_account(shop, &account)?;
        client.propose_and_approve(Body::ShopAccount(ShopAccount { shop, bank_account }))?;
    }
    ensure_rules(&mut client, first_day)?;
    people(&mut client, progress)?;
    clock.run();
    Ok(())
}

/// Publishes what [`due_rules`] names.
pub(super) fn ensure_rules(client: &mut CityClient<'_>, until: Day) -> Result<(), CityError> {
    let due = due_rules(&*client.engine.state()?, client.cast, client.today(), until)?;
    due.into_iter().try_for_each(|body| client.propose_and_approve(body))
}

/// The rules and budgets that are missing for the fiscal years of these days and for the year after
/// them, so that midnight on 31 March changes nothing.
pub(super) fn due_rules(
    state: &State,
    cast: &Cast,
    today: Day,
    until: Day,
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
        let [name, name_en] = cast.city.programme;
        let programme = Programme {
            from,
            insured_medical: cast.insured_medical(),
            ..of_year(name, name_en, year, version)?
        };
        let document = serde_json::to_string(&programme).unwrap_or_default();
        let document = Document::new(&document).ok_or(CityError::Text)?;
        due.push(Body::ProgrammePublish(ProgrammePublish { version, document }));
    }
    due.extend(due_budgets(state, today));
    due.extend(due_catalogue(state, cast, until.fiscal_year())?);
    Ok(due)
}

/// The budgets of this fiscal year and the next, where they are missing.
fn due_budgets(state: &State, today: Day) -> impl Iterator<Item = Body> {
    let this = today.fiscal_year();
    [this, this + 1].into_iter().flat_map(move |fiscal_year| {
        let missing = move |fund| !state.budgets.contains_key(&(fund, fiscal_year));
        BUDGETS.into_iter().filter(move |(fund, _)| missing(*fund)).map(move |(fund, points)| {
            Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year, points })
        })
    })
}

/// Allocates what [`due_budgets`] names.
pub(super) fn ensure_budgets(client: &mut CityClient<'_>) -> Result<(), CityError> {
    let due: Vec<Body> = due_budgets(&*client.engine.state()?, client.today()).collect();
    due.into_iter().try_for_each(|body| client.propose_and_approve(body))
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
fn people(
    client: &mut CityClient<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<(), CityError> {
    let (cast, engine, now_ms) = (client.cast, client.engine, client.clock.wall_ms());
    let residents = cast.city.residents;
    let house = |number: usize| {
        let members = number * HOUSE..residents.min((number + 1) * HOUSE);
        let statements = members.map(|number| enrolment(engine, cast, number, now_ms));
        statements.collect::<Result<Vec<_>, _>>()
    };
    in_order(residents.div_ceil(HOUSE), house, |number, statements| {
        let done = residents.min((number + 1) * HOUSE);
        progress(Progress::Residents { done, total: residents });
        statements.into_iter().flatten().try_for_each(|statement| client.send(statement, false))
    })?;
    client.settle()?;
    QUIZZERS
        .filter(|number| *number < residents)
        .try_for_each(|number| give_pin(client, number))?;
    client.settle()?;
    let names = GIVEN.iter().flat_map(|given| SURNAMES.iter().map(move |surname| (surname, given)));
    let persons: Vec<_> = (0..residents)
        .zip(names.cycle())
        .map(|(number, (surname, given))| (cast.account(number), format!("{surname} {given}")))
        .collect();
    Ok(engine.registry().put_persons(&persons)?)
}

/// The PIN that comes with a resident's card; the same for all who have one here.
fn give_pin(client: &mut CityClient<'_>, number: usize) -> Result<(), CityError> {
    let (cast, engine, now_ms) = (client.cast, client.engine, client.clock.wall_ms());
    let card = card_hash(&cast.card(number));
    let body = Body::CardPin(CardPin { card, grounds: PinGrounds::First });
    let disclosed = disclosure(now_ms / 1_000, None, None)?;
    let statement = open(engine, core(engine, now_ms, body)?, &cast.staff(), Some(&disclosed))?;
    let slot = PinSlot { account: cast.account(number), card, set_by: statement.hash() };
    engine.registry().keep_pin(slot, None, DEMO_PIN)?;
    client.send(statement, false)
}

/// Account, facts, card and phone of a resident.
fn enrolment(
    engine: &Engine,
    cast: &Cast,
    number: usize,
    now_ms: u64,
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
