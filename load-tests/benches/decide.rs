//! What one decision costs, for residents with more and more behind them: it must not grow with the
//! history.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench ends where its city cannot be made, as a test does"
)]

#[expect(dead_code, reason = "the tests of the rules use the rest of this city")]
#[path = "../../ledger-spec/tests/it/world.rs"]
mod world;

use divan::Bencher;
use ledger_spec::decide::{Context, decide};
use ledger_spec::ids::{AccountId, PlaceId};
use ledger_spec::kinds::{Action, Body, Code, Redeem};
use ledger_spec::points::Points;
use ledger_spec::state::Overlay;
use ledger_spec::statement::{Disclosure, Holder, Statement, Values};
use ledger_spec::time::Day;
use world::{PEPPER, Verdict, World, card, id, key, opened, sign_token};

/// Days of the resident's history, two measurements each, and a payment every tenth.
const DAYS: [u32; 4] = [1, 30, 120, 320];
/// Other residents with the same history.
const OTHERS: u32 = 20_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn main() {
    divan::main();
}

fn measurement(world: &mut World, action: &str) -> Statement {
    let body = Body::Action(Action { action: Code::new(action).unwrap() });
    let (systolic_mmhg, diastolic_mmhg) = (Some(128), Some(79));
    let values = Some(Values { systolic_mmhg, diastolic_mmhg, ..Values::default() });
    let holder = Some(Holder::Card(card("hanako")));
    let disclosure = Disclosure { values, ..world.disclosure(holder) };
    let submission = world.core(body).sign(&key("station-1"), Some(&disclosure));
    opened(&world.tables, &submission).unwrap()
}

fn payment(world: &mut World) -> Statement {
    let token = world.pay_token();
    let holder = Holder::Phone(sign_token(&token, "hanako"));
    let (shop, points) = (PlaceId(id("shop-a")), Points::new(5).unwrap());
    let disclosure = world.disclosure(Some(holder));
    let body = Body::Redeem(Redeem { shop, points, goods: None });
    let submission = world.core(body).sign(&key("shop-a"), Some(&disclosure));
    opened(&world.tables, &submission).unwrap()
}

/// A city in which a resident has lived so many days.
fn after(days: u32) -> World {
    let mut world = World::at("2026-04-02", "09:00");
    world.set_up_example(&[]);
    world.join("hanako");
    for day in 0..days {
        for action in ["station.blood_pressure", "station.body_composition"] {
            let statement = measurement(&mut world, action);
            assert!(matches!(world.judge(statement), Verdict::Accepted(_)), "{action}");
        }
        if day % 10 == 9 {
            let statement = payment(&mut world);
            assert!(matches!(world.judge(statement), Verdict::Accepted(_)));
        }
        world.now_ms += DAY_MS;
    }
    let row = world.tables.accounts[&world::account("hanako")].clone();
    for other in 0..OTHERS {
        let mut account = [0; 16];
        account[..4].copy_from_slice(&other.to_be_bytes());
        world.tables.accounts.insert(AccountId(account), row.clone());
    }
    world
}

fn measure(bencher: Bencher<'_, '_>, days: u32, statement: impl Fn(&mut World) -> Statement) {
    let mut world = after(days);
    let statement = statement(&mut world);
    assert!(world.today() > Day(0));
    let (now_ms, rows) = (world.now_ms, Overlay::over(&world.tables));
    let context = Context { now_ms, pepper: &PEPPER, earlier: None, measured: None };
    assert!(decide(&statement, &rows, &context).is_ok());
    bencher.bench_local(|| decide(divan::black_box(&statement), &rows, &context));
}

#[divan::bench(args = DAYS)]
fn action(bencher: Bencher<'_, '_>, days: u32) {
    measure(bencher, days, |world| measurement(world, "station.blood_pressure"));
}

#[divan::bench(args = DAYS)]
fn redeem(bencher: Bencher<'_, '_>, days: u32) {
    measure(bencher, days, payment);
}
