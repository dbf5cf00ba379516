//! The real program, killed under load again and again on one folder: what was acknowledged is
//! there, and counts once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use kenmai::clock::{Clock, SystemClock};
use kenmai::demo::{Cast, OPEN_PHONES, YAIZU};
use kenmai::keys;
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::ids::{Hash, LedgerId, OpId};
use ledger_spec::kinds::{Action, Body, Code, Redeem};
use ledger_spec::merkle::verify_consistency;
use ledger_spec::note::{Note, VerifierKey};
use ledger_spec::points::Points;
use ledger_spec::prove::{HashSource, consistency_proof};
use ledger_spec::receipt::Receipt;
use ledger_spec::statement::{Core, Disclosure, Holder, Values};
use ledger_spec::tile::TileId;
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, Session};
use serde_json::Value;
use ureq::Agent;

use crate::server::Demo;

/// Verdicts that each round waits for before the kill.
const FEW_KILLS: [usize; 6] = [40, 75, 10, 90, 1, 15];
const MANY_KILLS: [usize; 20] =
    [40, 75, 10, 90, 60, 5, 33, 80, 1, 52, 21, 70, 15, 88, 3, 47, 66, 27, 95, 12];
/// Callers at once.
const CALLERS: usize = 8;
/// Payments of one point by each phone in a round.
const PAYMENTS: usize = 8;
/// The ledger under load.
const LEDGER_NAME: &str = YAIZU.ledger;
/// Codes and deadlines outlive a restart.
const LIFE_S: u64 = 290;

/// A statement, and the verdict if it was heard.
struct Op {
    bytes: Vec<u8>,
    resident: usize,
    pays: bool,
    verdict: Option<Value>,
}

/// The running program.
struct City {
    demo: Demo,
    agent: Agent,
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn now_s() -> u64 {
    SystemClock.wall_ms() / 1_000
}

fn ledger() -> LedgerId {
    LedgerId::of_origin(YAIZU.origin)
}

impl City {
    fn start(data: &Path) -> Self {
        let config = Agent::config_builder().http_status_as_error(false);
        Self { demo: Demo::start(data), agent: config.build().into() }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut answer = self.agent.get(self.demo.url(path)).call().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.body_mut().read_to_vec().unwrap()
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(&format!("/{LEDGER_NAME}{path}"))).unwrap()
    }

    /// Status and verdict or problem; `None` when the program is gone.
    fn post(&self, path: &str, bytes: &[u8]) -> Option<(u16, Value)> {
        let url = self.demo.url(&format!("/v1/{LEDGER_NAME}{path}"));
        let request = self.agent.post(url).header("content-type", "application/cose");
        let mut answer = request.send(bytes).ok()?;
        let text = answer.body_mut().read_to_vec().ok()?;
        Some((answer.status().as_u16(), serde_json::from_slice(&text).unwrap()))
    }

    /// Status and verdict or problem of a statement; the program runs.
    fn answer(&self, bytes: &[u8]) -> (u16, Value) {
        self.post("/statements", bytes).unwrap()
    }

    /// The yen of every open phone.
    fn balances(&self, cast: &Cast) -> Vec<i64> {
        let balance = |resident| {
            let message = Session { exp_s: now_s() + 60, nonce: random(), ledger: ledger() };
            let message = token::sign(&message, &cast.phone(resident));
            let (status, session) = self.post("/sessions", &message).unwrap();
            assert_eq!(status, 201, "{session}");
            let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
            let url = self.demo.url(&format!("/v1/{LEDGER_NAME}/me"));
            let mut answer = self.agent.get(url).header("authorization", bearer).call().unwrap();
            let answer = answer.body_mut().read_to_vec().unwrap();
            serde_json::from_slice::<Value>(&answer).unwrap()["yen"].as_i64().unwrap()
        };
        (0..OPEN_PHONES).map(balance).collect()
    }

    fn checkpoint(&self, vkey: &VerifierKey) -> Checkpoint {
        let note = self.text("/checkpoint");
        Checkpoint::open(&Note::parse(&note).unwrap(), vkey).unwrap()
    }
}

impl HashSource for City {
    type Error = String;

    fn tile(&self, tile: &TileId) -> Result<Vec<Hash>, String> {
        let bytes = self.get(&format!("/{LEDGER_NAME}/{tile}"));
        Ok(bytes.chunks_exact(32).map(|hash| hash.try_into().unwrap()).collect())
    }
}

fn core(body: Body, programme: u32, day_of_s: u64) -> Core {
    Core {
        ledger: ledger(),
        op_id: OpId(random()),
        day: Day::of_ms(day_of_s * 1_000),
        programme: Some(programme),
        not_after_s: None,
        body,
        sealed: None,
    }
}

fn disclosure(performed_at_s: u64, holder: Holder) -> Disclosure {
    Disclosure {
        salt: random(),
        performed_at_s,
        holder: Some(holder),
        values: None,
        ..Disclosure::default()
    }
}

fn payment(cast: &Cast, programme: u32, resident: usize) -> Op {
    let now_s = now_s();
    let code = PayToken {
        exp_s: now_s + LIFE_S,
        nonce: random(),
        ledger: ledger(),
        max_points: 5,
        shop: None,
    };
    let code = token::sign(&code, &cast.phone(resident));
    let (shop, points) = (cast.shop_place(resident), Points::new(1).unwrap());
    let goods = cast.insured_medical().contains(&shop).then_some(true);
    let body = Redeem { shop, points, goods };
    let core = core(Body::Redeem(body), programme, now_s);
    let core = Core { not_after_s: Some(now_s + LIFE_S), ..core };
    let bytes = core.sign(&cast.till(resident), Some(&disclosure(now_s, Holder::Phone(code))));
    Op { bytes, resident, pays: true, verdict: None }
}

/// Each round and station has its own minute, so that no two measurements are one act.
fn measurement(cast: &Cast, programme: u32, at_s: u64, station: usize, resident: usize) -> Op {
    let body = Action { action: Code::new("vegecheck.measure").unwrap() };
    let values = Some(Values { level_tenths: Some(63), ..Values::default() });
    let disclosed = Disclosure { values, ..disclosure(at_s, Holder::Card(cast.card(resident))) };
    let bytes =
        core(Body::Action(body), programme, at_s).sign(&cast.station(station), Some(&disclosed));
    Op { bytes, resident, pays: false, verdict: None }
}

fn round_of_ops(cast: &Cast, programme: u32, at_s: u64) -> Vec<Op> {
    let mut ops = Vec::new();
    for number in 0..PAYMENTS {
        for resident in 0..OPEN_PHONES {
            ops.push(payment(cast, programme, resident));
            if number < YAIZU.stations.len() {
                ops.push(measurement(cast, programme, at_s, number, resident));
            }
        }
    }
    ops
}

/// Sends from many callers, and kills the program in the midst of it.
fn load_and_kill(city: City, ops: &mut [Op], verdicts: usize) {
    let share = ops.len().div_ceil(CALLERS);
    let (heard, hearing) = sync_channel(ops.len());
    let url = city.demo.url(&format!("/v1/{LEDGER_NAME}/statements"));
    let agent = city.agent.clone();
    thread::scope(|scope| {
        for share in ops.chunks_mut(share) {
            let (heard, agent, url) = (heard.clone(), agent.clone(), url.clone());
            scope.spawn(move || call(share, &heard, &agent, &url));
        }
        (0..verdicts).for_each(|_| hearing.recv().unwrap());
        // The end of the value is a SIGKILL.
        drop(city);
    });
}

fn call(ops: &mut [Op], heard: &SyncSender<()>, agent: &Agent, url: &str) {
    for op in ops {
        let request = agent.post(url).header("content-type", "application/cose");
        let Ok(mut answer) = request.send(&op.bytes[..]) else { return };
        let Ok(verdict) = answer.body_mut().read_to_vec() else { return };
        let verdict: Value = serde_json::from_slice(&verdict).unwrap();
        assert_eq!(answer.status(), 201, "{verdict}");
        op.verdict = Some(verdict);
        // The channel has room for all.
        heard.send(()).unwrap();
    }
}

/// Sends everything again: what was heard comes back as it was, and what was not is there once.
fn check_and_complete(
    submit: &mut dyn FnMut(&[u8]) -> (u16, Value),
    ops: &mut [Op],
) -> Result<(), String> {
    for op in ops {
        let (status, again) = submit(&op.bytes);
        if let Some(first) = &op.verdict {
            if status != 200 {
                return Err(format!("an acknowledged entry is gone: {again}"));
            }
            for member in ["op_id", "seq", "kind", "day", "points", "reason", "receipt_number"] {
                if again[member] != first[member] {
                    return Err(format!("an acknowledged entry has another {member}: {again}"));
                }
            }
        } else {
            if status != 200 && status != 201 {
                return Err(format!("what was not heard is refused: {again}"));
            }
            let (status, third) = submit(&op.bytes);
            if (status, &third["seq"]) != (200, &again["seq"]) {
                return Err(format!("what was not heard is there twice: {again} and {third}"));
            }
            op.verdict = Some(again);
        }
    }
    Ok(())
}

/// Every statement has moved its points once, and nothing else has moved any.
fn check_sums(founded: &[i64], done: &[Op], found: &[i64]) -> Result<(), String> {
    let mut expected = founded.to_vec();
    for op in done {
        let points = op.verdict.as_ref().and_then(|verdict| verdict["points"].as_i64());
        let points = points.ok_or("a statement has no verdict")?;
        expected[op.resident] += if op.pays { -points } else { points };
    }
    if expected == found {
        Ok(())
    } else {
        Err(format!("the statements make {expected:?}, the balances are {found:?}"))
    }
}

fn log_bytes(data: &Path) -> Vec<u8> {
    let folder = data.join(YAIZU.ledger).join("log/segments");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files: BTreeMap<_, _> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.into_values().flatten().collect()
}

/// The newest head that a caller heard of; none can be ahead of the log after the restart.
fn newest_heard(ops: &[Op], vkey: &VerifierKey) -> Checkpoint {
    let heads = ops.iter().filter_map(|op| op.verdict.as_ref()?["proof"].as_str()).map(|proof| {
        let receipt = Receipt::parse(proof).unwrap();
        Checkpoint::open(&Note::parse(&receipt.checkpoint).unwrap(), vkey).unwrap()
    });
    heads.max_by_key(|head| head.size).unwrap()
}

fn check_consistent(city: &City, vkey: &VerifierKey, before: &Checkpoint) {
    let after = city.checkpoint(vkey);
    assert!(before.size <= after.size, "{} entries, {} before", after.size, before.size);
    let proof = consistency_proof(city, before.size, after.size).unwrap();
    verify_consistency(before.size, &before.root, after.size, &after.root, &proof).unwrap();
}

#[test]
fn what_was_acknowledged_survives_kills() {
    check_survival(&FEW_KILLS);
}

#[test]
#[ignore = "takes long: tests/long runs it"]
fn what_was_acknowledged_survives_twenty_kills() {
    check_survival(&MANY_KILLS);
}

fn check_survival(verdicts_before_kill: &[usize]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let mut city = City::start(&data);
    let seed = keys::read_secret(&data.join("demo-keys/demo.seed")).unwrap();
    let cast = Cast::new(*seed, YAIZU);
    let vkey = VerifierKey::parse(city.text("/vkey").trim_end()).unwrap();
    let info: Value = serde_json::from_slice(&city.get(&format!("/v1/{LEDGER_NAME}"))).unwrap();
    let programme = u32::try_from(info["programme_version"].as_u64().unwrap()).unwrap();
    let founded = city.balances(&cast);
    let mut log = log_bytes(&data);
    let started_s = now_s();
    let mut done: Vec<Op> = Vec::new();
    for (round, &verdicts) in (1..).zip(verdicts_before_kill) {
        let published = city.checkpoint(&vkey);
        let mut ops = round_of_ops(&cast, programme, started_s - 60 * round);
        load_and_kill(city, &mut ops, verdicts);
        let heard = newest_heard(&ops, &vkey);
        assert!(ops.iter().any(|op| op.verdict.is_none()), "the kill came after the load");

        city = City::start(&data);
        let grown = log_bytes(&data);
        assert!(grown.starts_with(&log), "what the log held before round {round} has changed");
        check_consistent(&city, &vkey, &published);
        check_consistent(&city, &vkey, &heard);
        check_and_complete(&mut |bytes| city.answer(bytes), &mut ops).unwrap();
        done.extend(ops);
        log = grown;
    }
    check_and_complete(&mut |bytes| city.answer(bytes), &mut done).unwrap();
    check_sums(&founded, &done, &city.balances(&cast)).unwrap();
}

/// A ledger in memory, in the place of the program: it answers, dies and comes back as it is told.
#[derive(Clone)]
struct Double {
    /// The first verdict on each statement.
    first: BTreeMap<Vec<u8>, Value>,
    yen: Vec<i64>,
    size: u64,
}

/// What each statement of the double's history moves.
const DOUBLE_POINTS: i64 = 5;
/// Statements whose answers were heard, those that the double has taken, and all that were sent.
const HEARD: usize = 6;
const TAKEN: usize = 8;
const SENT: usize = 10;

impl Double {
    fn submit(&mut self, op: &Op) -> (u16, Value) {
        if let Some(first) = self.first.get(&op.bytes) {
            return (200, first.clone());
        }
        let verdict = serde_json::json!({"op_id": format!("{:?}", op.bytes), "seq": self.size, "kind": "redeem",
            "day": "2026-11-22", "points": DOUBLE_POINTS, "reason": null, "receipt_number": format!("R{}", self.size)});
        self.size += 1;
        self.first.insert(op.bytes.clone(), verdict.clone());
        self.book(op, DOUBLE_POINTS);
        (201, verdict)
    }

    fn book(&mut self, op: &Op, points: i64) {
        self.yen[op.resident] += if op.pays { -points } else { points };
    }

    fn forget(&mut self, op: &Op) {
        self.first.remove(&op.bytes).unwrap();
        self.book(op, -DOUBLE_POINTS);
    }
}

/// What the checks say of a double that has died and come back with this fault.
fn checked(fault: impl Fn(&mut Double, &[Op]), repeats: bool) -> Result<(), String> {
    let founded = vec![300, 400];
    let mut double = Double { first: BTreeMap::new(), yen: founded.clone(), size: 0 };
    let op = |number: usize| Op {
        bytes: vec![u8::try_from(number).unwrap()],
        resident: number % 2,
        pays: number.is_multiple_of(3),
        verdict: None,
    };
    let mut ops: Vec<Op> = (0..SENT).map(op).collect();
    for (number, op) in ops.iter_mut().enumerate().take(TAKEN) {
        let (_, verdict) = double.submit(op);
        op.verdict = (number < HEARD).then_some(verdict);
    }
    fault(&mut double, &ops);
    let known: Vec<Op> = (0..SENT).map(op).collect();
    let mut submit = |bytes: &[u8]| {
        let op = known.iter().find(|op| op.bytes == bytes).unwrap();
        let answer = double.submit(op);
        if repeats {
            double.first.remove(bytes);
        }
        answer
    };
    check_and_complete(&mut submit, &mut ops)?;
    check_sums(&founded, &ops, &double.yen)
}

/// Faults of a ledger that answers before its log is on the disk, or takes a repetition for another
/// statement: the same checks that look at the program find each.
#[test]
fn the_checks_find_what_is_lost_or_doubled() {
    checked(|_, _| (), false).unwrap();
    let finds = |fault: &dyn Fn(&mut Double, &[Op]), repeats, part: &str| {
        let found = checked(fault, repeats).expect_err(part);
        assert!(found.contains(part), "{part}: {found}");
    };
    for number in 0..HEARD {
        let lost = |double: &mut Double, ops: &[Op]| double.forget(&ops[number]);
        finds(&lost, false, "an acknowledged entry is gone");
        // It stands there again, as if it had just come.
        let moved = |double: &mut Double, ops: &[Op]| {
            double.forget(&ops[number]);
            double.submit(&ops[number]);
        };
        finds(&moved, false, "an acknowledged entry has another seq");
        let unbooked = |double: &mut Double, ops: &[Op]| double.book(&ops[number], -DOUBLE_POINTS);
        finds(&unbooked, false, "the statements make");
    }
    for number in 0..TAKEN {
        let doubled = |double: &mut Double, ops: &[Op]| double.book(&ops[number], DOUBLE_POINTS);
        finds(&doubled, false, "the statements make");
    }
    finds(&|_, _| (), true, "what was not heard is there twice");
    let all_lost = |double: &mut Double, ops: &[Op]| {
        ops.iter().take(TAKEN).for_each(|op| double.forget(op));
    };
    finds(&all_lost, false, "an acknowledged entry is gone");
}
