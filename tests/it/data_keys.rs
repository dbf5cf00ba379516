//! Accounts whose data key is erased, damaged or missing, and registries that are not the log's: it
//! concerns that account, or that start, and stops nobody else.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use kenmai::audit::Gap;
use kenmai::engine::Refusal;
use kenmai::http;
use kenmai::log::disk::Disk;
use ledger_spec::cbor::List;
use ledger_spec::decide::Rejection;
use ledger_spec::ids::AccountId;
use ledger_spec::kinds::{AccountOpen, BalanceImport, Body, LotPoints};
use ledger_spec::points::{Fund, LotKey, Points, Purse};
use ledger_spec::statement::Holder;
use ledger_spec::time::Day;
use rusqlite::{Connection, params};
use tokio::net::TcpListener;

use crate::audit::audit_of;
use crate::city::{City, account, key};
use crate::sim_disk::{Fault, SimDisk};
use crate::spending::hold_for;
use crate::town::{Plan, Town};

const DAY_MS: u64 = 86_400_000;

fn path(city: &City) -> PathBuf {
    city.data().join("registry.sqlite")
}

fn wrapped(city: &City, id: AccountId) -> Vec<u8> {
    let database = Connection::open(path(city)).unwrap();
    let sql = "SELECT wrapped FROM data_keys WHERE account = ?1";
    database.query_row(sql, [id.0], |row| row.get(0)).unwrap()
}

fn set_wrapped(city: &City, id: AccountId, key: &[u8]) {
    let database = Connection::open(path(city)).unwrap();
    let sql = "UPDATE data_keys SET wrapped = ?2 WHERE account = ?1";
    assert_eq!(database.execute(sql, params![id.0, key]).unwrap(), 1);
}

fn delete(city: &City, id: AccountId) {
    let database = Connection::open(path(city)).unwrap();
    let sql = "DELETE FROM data_keys WHERE account = ?1";
    assert_eq!(database.execute(sql, [id.0]).unwrap(), 1);
}

/// A measurement of mei is refused like this; ken's action counts all the same.
fn check(city: &mut City, refused: &Rejection) {
    let measured = city.measurement("mei");
    let refusal = city.submit(&measured).unwrap_err();
    assert_eq!(refusal, Refusal::Rejected(refused.clone()));
    city.clock.pass(DAY_MS);
    city.act("staff", "walk", None, Holder::Account(account("ken")));
}

#[test]
fn what_the_server_records_of_an_erased_account_has_an_empty_part() {
    let mut city = City::settled();
    city.consult("mei");
    let today = Day::from_ymd(2026, 11, 22).unwrap();
    let lot = LotKey { purse: Purse::Yen, fund: Fund::General, expires_on: today.plus(2) };
    let points = Points::new(80).unwrap();
    let source = city.open_paper_cards();
    city.enact(Body::BalanceImport(BalanceImport {
        account: account("mei"),
        lots: List(vec![LotPoints { lot, points }]),
        control_total: 80,
        source,
    }));
    hold_for(&mut city, "mei", 100, 10);
    city.engine().registry().erase(&[account("mei")]).unwrap();
    check(&mut city, &Rejection::AccountEnded);
    let held = |city: &City| city.engine().state().unwrap().accounts[&account("mei")].held();
    assert_eq!(held(&city), 0, "the hold came back");

    city.clock.pass(2 * DAY_MS);
    let expired = |city: &City| {
        city.engine().state().unwrap().expired.get(&Fund::General).copied().unwrap_or(0)
    };
    for _ in 0..600 {
        if expired(&city) > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(expired(&city), 80, "the lot is on record");
    city.close();
    city.open().unwrap();
    check(&mut city, &Rejection::AccountEnded);
    let keys = city.keys();
    city.close();
    for (keys, empty) in [(Some(&keys), 2), (None, 2)] {
        let report = audit_of(&city.data(), keys);
        // Nobody has agreed to it in the log; who has no keys cannot know.
        assert_eq!(report.findings.len(), usize::from(keys.is_some()), "{:#?}", report.findings);
        assert_eq!(report.gaps[&Gap::Empty], empty, "release and expire");
    }
}

#[test]
fn a_damaged_or_deleted_data_key_concerns_its_account_alone() {
    let mut city = City::settled();
    city.close();
    let whole = wrapped(&city, account("mei"));
    let mut bent = whole.clone();
    bent[20] ^= 1;
    set_wrapped(&city, account("mei"), &bent);
    city.open().unwrap();
    check(&mut city, &Rejection::AccountUnreadable);
    city.close();
    delete(&city, account("mei"));
    city.open().unwrap();
    check(&mut city, &Rejection::AccountUnreadable);
    city.close();
    // The account opened last is no other case.
    delete(&city, account("ken"));
    city.open().unwrap();
    city.close();

    let database = Connection::open(path(&city)).unwrap();
    let sql = "INSERT INTO data_keys (account, wrapped) VALUES (?1, ?2)";
    database.execute(sql, params![account("mei").0, whole]).unwrap();
    drop(database);
    city.open().unwrap();
    city.measure("mei");
}

#[test]
fn a_registry_that_is_older_than_the_log_is_refused() {
    let mut city = City::settled();
    city.close();
    let older = fs::read(path(&city)).unwrap();
    city.open().unwrap();
    for name in ["rin", "sora"] {
        city.must("staff", Body::AccountOpen(AccountOpen { account: account(name) }));
    }
    city.close();
    let right = fs::read(path(&city)).unwrap();
    fs::write(path(&city), older).unwrap();
    let error = city.open().unwrap_err().to_string();
    let says = "registry.sqlite is older than the log: 2 accounts";
    assert!(error.contains(says), "{error}");
    fs::write(path(&city), right).unwrap();
    city.open().unwrap();
    city.measure("mei");
}

#[test]
fn a_registry_that_another_process_holds_refuses_and_does_not_stop() {
    let mut city = City::settled();
    let other = Connection::open(path(&city)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let core = city.core(Body::AccountOpen(AccountOpen { account: account("rin") }));
    let statement = core.sign(&key("staff"), None);
    assert_eq!(city.submit(&statement).unwrap_err(), Refusal::Busy);
    city.measure("mei");
    other.execute_batch("COMMIT").unwrap();
    city.submit(&statement).unwrap();
    let keys = city.keys();
    city.close();
    assert_eq!(audit_of(&city.data(), Some(&keys)).findings, []);
}

#[tokio::test]
async fn an_account_that_is_erased_is_told_by_name_at_the_door() {
    let town = Town::found(Plan::default()).await;
    let registry = town.server.ledger("town").unwrap().engine.registry();
    registry.erase(&[town.cast.account(0)]).unwrap();
    let answer = town.submit(&town.coaching(100, 0)).await;
    assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (403, "account-ended"));
    town.accept(&town.coaching(101, 1)).await;
    assert_eq!(town.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_ledger_that_stops_leaves_the_others_serving() {
    let disk = SimDisk::default();
    let plan = Plan { disk: Arc::new(disk.clone()) as Arc<dyn Disk>, ..Plan::default() };
    let town = Town::found(plan).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut serving =
        tokio::spawn(http::serve(Arc::clone(&town.server), Router::new(), listener, None));
    disk.fail_after(0, Fault::NoSpace);
    assert_eq!(town.submit(&town.coaching(100, 0)).await.slug(), "log-stopped");
    town.server.ledger("town").unwrap().engine.stopped().await;
    let ended = tokio::time::timeout(std::time::Duration::from_millis(500), &mut serving).await;
    assert!(ended.is_err(), "the other ledger is served");
    let ready = town.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(String::from_utf8_lossy(&ready.bytes), "the ledger town takes no statements\n");

    town.server.ledger("empty").unwrap().engine.stop();
    let reasons = serving.await.unwrap().unwrap().unwrap();
    assert!(reasons.contains("empty: the ledger was closed; town: "), "{reasons}");
}
