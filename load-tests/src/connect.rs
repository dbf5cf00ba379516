//! A guest in a demo city: its keys are known, so every part can be played. All goes over HTTP, as
//! its people's devices do it; what needs the ledger's folder cannot be checked here.

use std::path::Path;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use hyper::StatusCode;
use kenmai::demo::{Cast, YAIZU};
use kenmai::keys;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{Kid, LedgerId};
use ledger_spec::kinds::{Action, Body};
use ledger_spec::note::VerifierKey;
use ledger_spec::points::Purse;
use ledger_spec::programme::{Evidence, Programme, Rule};
use ledger_spec::statement::{Core, Disclosure, Holder};

use crate::Failure;
use crate::city::{Bulk, City, GrantRule, Resident, Slots, Till, core, disclosure, now_s, session};
use crate::http::{COSE, Client, Endpoint, number};
use crate::operations::{Book, compare};
use crate::proofs::{Proved, checkpoint_size};

/// The file in a demo's key folder that all its keys come from.
const SEED: &str = "demo.seed";
/// The most residents that a run plays.
const RESIDENTS_MAX: usize = 3_000;
/// After so many in a row without a phone there are no more residents.
const WITHOUT_PHONE_MAX: usize = 40;
/// Points of each payment: a demo's residents have few.
const PAYMENT_POINTS: u32 = 1;
/// A resident of a demo spends at most so much in a run, so that a few runs a day stay below the
/// rules' limit.
const SPENT_MAX: u64 = 1_000;
/// The server's clock may differ by so many seconds: codes and deadlines live for minutes.
const CLOCK_GAP_S_MAX: u64 = 30;
/// The public head is about a second behind the last answer.
const HEAD_LOOKS: u32 = 50;
const HEAD_PAUSE: Duration = Duration::from_millis(100);

/// Enters the demo city at an endpoint with the keys of a folder. `pay` says whether its residents
/// will need points.
pub(crate) fn enter(
    endpoint: &Endpoint,
    keys: &Path,
    pay: bool,
) -> Result<(City, VerifierKey), Failure> {
    let mut client = Client::at(endpoint)?;
    let cast = cast_of(endpoint, keys, &mut client)?;
    let rules = client.text(endpoint.read("/programme", None)?)?;
    let rules = Programme::parse(&rules)?;
    let log = client.text(endpoint.get(&format!("/{}/vkey", endpoint.ledger), None)?)?;
    let log = VerifierKey::parse(log.trim_end())?;
    let measured =
        rules.rules.iter().find(|rule| pays(rule, Evidence::Station) && rule.exact.is_empty());
    let measured = measured.ok_or("the demo's rules have no measurement that gives points")?;
    // A manifest is signed by one station; the others measure.
    let mut stations = Vec::new();
    for number in 0..YAIZU.stations.len() {
        let station = cast.station(number);
        if is_known(endpoint, &mut client, &station)? {
            stations.push(station);
        }
    }
    let first = stations.pop().ok_or("a demo without stations")?;
    let now_s = now_s();
    let mut city = City {
        ledger: LedgerId::of_origin(YAIZU.origin),
        programme: rules.version,
        payment_points: PAYMENT_POINTS,
        measured: Slots::until(now_s, stations.len())?,
        listed: Slots::until(now_s, 1)?,
        measurement: grant(measured)?,
        bulk: Bulk { key: first, grant: grant(measured)?, by_card: true },
        stations,
        shops: Vec::new(),
        residents: Vec::new(),
    };
    let (mut number, mut missed) = (0, 0);
    while missed < WITHOUT_PHONE_MAX && city.residents.len() < RESIDENTS_MAX {
        let found = resident(endpoint, &mut client, &cast, number)?;
        missed = if found.is_some() { 0 } else { missed + 1 };
        city.residents.extend(found);
        number += 1;
    }
    if pay && let Some(rule) = rules.rules.iter().find(|rule| pays(rule, Evidence::Coach)) {
        coach_all(endpoint, &mut client, &city, &cast, rule)?;
    }
    for resident in &mut city.residents {
        let (held, free) = balance(endpoint, &mut client, resident)?;
        resident.held = held;
        resident.left = if free { held.min(SPENT_MAX) } else { 0 };
    }
    // A clinic asks its clerk at each payment, so a hurried till is none of a clinic's.
    let shops = 0..YAIZU.shops.len();
    for number in shops.filter(|shop| !rules.insured_medical.contains(&cast.shop_place(*shop))) {
        let (place, till) = (cast.shop_place(number), cast.till(number));
        if is_known(endpoint, &mut client, &till)? {
            let due = due_today(endpoint, &mut client, city.ledger, &till)?;
            city.shops.push(Till { place, till, due });
        }
    }
    Ok((city, log))
}

/// The demo's keys, if the server is a demo and theirs.
fn cast_of(endpoint: &Endpoint, keys: &Path, client: &mut Client) -> Result<Cast, Failure> {
    let address = &endpoint.address;
    let answer = client.ask(endpoint.read("", None)?)?;
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |member: &str| info.get(member).and_then(|value| value.as_str());
    let demo = info.get("demo").and_then(serde_json::Value::as_bool) == Some(true);
    if answer.status != StatusCode::OK || !demo || text("origin") != Some(YAIZU.origin) {
        return Err(format!(
            "{address} has no demo city; a load test writes thousands of entries, which a real ledger keeps for ever: start \
             one with `kenmai demo`"
        )
        .into());
    }
    if number(&info, "now_s")?.abs_diff(now_s()) > CLOCK_GAP_S_MAX {
        return Err(format!("the clocks of {address} and of this machine differ: set them").into());
    }
    let seed = keys::read_secret(&keys.join(SEED))?;
    let cast = Cast::new(*seed, YAIZU);
    if !is_known(endpoint, client, &cast.station(0))? {
        return Err(format!(
            "the keys in {} belong to another demo city than the one at {address}; name the folder demo-keys of its data \
             folder with --keys",
            keys.display()
        )
        .into());
    }
    Ok(cast)
}

/// Whether a key is registered: a demo may be smaller than its blueprint.
fn is_known(endpoint: &Endpoint, client: &mut Client, key: &SigningKey) -> Result<bool, Failure> {
    let kid = Kid::of(key.verifying_key().as_bytes());
    Ok(client.ask(endpoint.read(&format!("/keys/{kid}"), None)?)?.status == StatusCode::OK)
}

fn pays(rule: &Rule, evidence: Evidence) -> bool {
    rule.purse == Purse::Yen && rule.evidence.contains(&evidence)
}

fn grant(rule: &Rule) -> Result<GrantRule, Failure> {
    let action = Text::new(&rule.action).ok_or("no such action")?;
    let measures = rule.measures.clone();
    Ok(GrantRule { action, fund: rule.fund, points: 0..=rule.points, measures })
}

/// A resident, if there is a phone: it opens a session.
fn resident(
    endpoint: &Endpoint,
    client: &mut Client,
    cast: &Cast,
    number: usize,
) -> Result<Option<Resident>, Failure> {
    let (phone, account, card) = (cast.phone(number), cast.account(number), cast.card(number));
    let signed = session(LedgerId::of_origin(YAIZU.origin), &phone, now_s())?;
    let answer = client.ask(endpoint.post("/sessions", COSE, signed)?)?;
    if answer.status == StatusCode::UNAUTHORIZED {
        return Ok(None);
    }
    let session = Some(token_of(&answer.body)?);
    Ok(Some(Resident { account, held: 0, left: 0, session, phone, card }))
}

/// The token in the answer that opens a session.
pub(crate) fn token_of(answer: &[u8]) -> Result<String, Failure> {
    let json: serde_json::Value = serde_json::from_slice(answer)?;
    let token = json.get("token").and_then(|token| token.as_str());
    token
        .map(str::to_owned)
        .ok_or_else(|| format!("no session was opened: {}", String::from_utf8_lossy(answer)).into())
}

/// Points, and whether they can be spent.
fn balance(
    endpoint: &Endpoint,
    client: &mut Client,
    resident: &Resident,
) -> Result<(u64, bool), Failure> {
    let found = client.json(endpoint.read("/me", resident.session.as_deref())?)?;
    Ok((number(&found, "yen")?, found.get("waits_for").is_none()))
}

fn due_today(
    endpoint: &Endpoint,
    client: &mut Client,
    ledger: LedgerId,
    till: &SigningKey,
) -> Result<u64, Failure> {
    let signed = session(ledger, till, now_s())?;
    let answer = client.text(endpoint.post("/sessions", COSE, signed)?)?;
    let session = token_of(answer.as_bytes())?;
    number(&client.json(endpoint.read("/shop/today", Some(&session))?)?, "points")
}

/// A coach sees every resident once, so that there is something to spend; who has been there today
/// stays as it is.
fn coach_all(
    endpoint: &Endpoint,
    client: &mut Client,
    city: &City,
    cast: &Cast,
    rule: &Rule,
) -> Result<(), Failure> {
    let (action, now_s) = (grant(rule)?.action, now_s());
    for resident in &city.residents {
        let body = Body::Action(Action { action: action.clone() });
        let core = Core { programme: Some(city.programme), ..core(city.ledger, body)? };
        let exact_action = rule.exact.first().and_then(|exact| Text::new(&exact.action));
        let holder = Some(Holder::Card(resident.card));
        let disclosed = Disclosure { exact_action, ..disclosure(now_s, holder)? };
        let signed = core.sign(&cast.coach(0), Some(&disclosed));
        let answer = client.ask(endpoint.post("/statements", COSE, signed)?)?;
        if ![StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status) {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(format!("a session was answered {}: {text}", answer.status).into());
        }
    }
    Ok(())
}

/// Compares what residents and shops see with what the verdicts said, and every receipt with the
/// log's public head.
pub(crate) fn compare_books(
    endpoint: &Endpoint,
    log: &VerifierKey,
    city: &City,
    book: &Book,
    proved: &[Proved],
) -> Result<(), Failure> {
    let mut client = Client::at(endpoint)?;
    for (number, shop) in city.shops.iter().enumerate() {
        let due = due_today(endpoint, &mut client, city.ledger, &shop.till)?;
        let expected = shop.due + book.due.get(&number).copied().unwrap_or(0);
        compare("due to a shop today", due, expected).map_err(|error| alone(&error))?;
    }
    for (number, resident) in city.residents.iter().enumerate() {
        let (left, _) = balance(endpoint, &mut client, resident)?;
        compare("left in an account", left, book.left(number, resident.held)?)
            .map_err(|error| alone(&error))?;
    }
    let needed = proved.iter().map(|proved| proved.seq.0 + 1).max().unwrap_or(0);
    for _ in 0..HEAD_LOOKS {
        let head = client.text(endpoint.get(&format!("/{}/checkpoint", endpoint.ledger), None)?)?;
        if checkpoint_size(&head, log)? >= needed {
            return Ok(());
        }
        std::thread::sleep(HEAD_PAUSE);
    }
    Err(format!("entry {} was proved, yet the public head does not reach it", needed - 1).into())
}

fn alone(error: &Failure) -> Failure {
    format!("{error}; was somebody else at work in the demo, or is it midnight in Japan?").into()
}
