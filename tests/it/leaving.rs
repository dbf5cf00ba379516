//! Leaving and being forgotten, over HTTP: what is known of a person is gone with the answer, and
//! an older registry does not bring it back.

use std::fs;

use ledger_spec::ids::{AccountId, Seq};
use ledger_spec::kinds::{AccountClose, AccountErase, Approve, Body, Cause};
use ledger_spec::statement::read;

use crate::town::{Plan, Town};

async fn close(town: &Town, op: u32, account: AccountId) {
    let core = town.core(op, Body::AccountClose(AccountClose { account }));
    town.accept(&core.sign(&town.cast.phone(0), Some(&town.disclosure(None)))).await;
}

/// One person proposes, another approves.
async fn erase(town: &Town, op: u32, account: AccountId) {
    let body = AccountErase { account, cause: Cause::HolderRequest };
    let propose = town.core(op, Body::AccountErase(body)).sign(&town.cast.staff(), None);
    let statement_hash = read(&propose).unwrap().1.hash();
    let proposal = Seq(town.accept(&propose).await["seq"].as_u64().unwrap());
    let approve = Body::Approve(Approve { proposal, statement_hash });
    town.accept(&town.core(op + 1, approve).sign(&town.cast.root(1), None)).await;
}

#[tokio::test]
async fn who_is_forgotten_stays_forgotten_with_a_registry_from_before() {
    let town = Town::found(Plan::default()).await;
    let account = town.cast.account(0);
    let name = "山田 花子";
    let person =
        |town: &Town| town.server.ledger("town").unwrap().engine.registry().person(account);
    let registry = &town.server.ledger("town").unwrap().engine;
    registry.registry().put_persons(&[(account, name.to_owned())]).unwrap();
    town.accept(&town.coaching(100, 0)).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    close(&town, 110, account).await;
    let left = town.read("/me", &token).await.json();
    assert_eq!(left["yen"], 0, "what was left is given up, and told: {left}");
    assert_eq!(person(&town).unwrap().as_deref(), Some(name));
    let again = town.core(111, Body::AccountClose(AccountClose { account }));
    let again = again.sign(&town.cast.phone(0), Some(&town.disclosure(None)));
    assert_eq!(town.submit(&again).await.slug(), "account-ended");

    let (file, kept) = (town.data().join("registry.sqlite"), town.data().join("before.sqlite"));
    let backup = rusqlite::Connection::open(&file).unwrap();
    backup.execute("VACUUM INTO ?1", [kept.to_str().unwrap()]).unwrap();
    drop(backup);
    erase(&town, 120, account).await;
    assert!(!matches!(person(&town), Ok(Some(_))), "the answer waits for it");
    assert_eq!(town.read("/me", &token).await.slug(), "key-revoked");
    assert_eq!(town.submit(&town.coaching(122, 0)).await.slug(), "card-revoked");
    town.accept(&town.coaching(123, 1)).await;

    // A backup from before the erasure is put back: the log still says who is forgotten.
    let town = town.restart(&Plan::default(), || {
        // In place, so that nobody else may read it.
        fs::write(&file, fs::read(&kept).unwrap()).unwrap();
        for more in ["registry.sqlite-wal", "registry.sqlite-shm"] {
            let _ = fs::remove_file(file.with_file_name(more));
        }
    });
    assert!(!matches!(person(&town), Ok(Some(_))), "a start does it again");
    assert_eq!(town.get("/readyz").await.status, 200);
}
