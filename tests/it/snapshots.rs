//! Snapshots: a start from one is a start from the log, or it does not use it.

use std::fs;
use std::path::PathBuf;

use ledger_spec::cbor;
use ledger_spec::ids::Hash;
use ledger_spec::state::State;
use sha2::{Digest, Sha256};

use crate::audit::audit_of;
use crate::city::{City, MINUTE_MS, account};

fn snapshot(city: &City) -> PathBuf {
    city.data().join("snapshot")
}

fn state_hash(city: &City) -> Hash {
    city.engine().state().unwrap().state_hash()
}

/// A city with a past, closed in good order.
fn closed() -> (City, Hash) {
    let mut city = City::settled();
    city.live();
    let hash = state_hash(&city);
    city.close();
    (city, hash)
}

/// Where the tables begin in a snapshot's bytes.
fn tables_at(bytes: &[u8]) -> usize {
    let count = u64::from_be_bytes(bytes[48..56].try_into().unwrap());
    56 + 16 * usize::try_from(count).unwrap()
}

/// Replaces the hash at the end, as whoever forges a snapshot would.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let hash = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&hash);
    bytes
}

#[test]
fn a_clean_stop_leaves_the_whole_state() {
    let (mut city, hash) = closed();
    let bytes = fs::read(snapshot(&city)).unwrap();
    let tables: State = cbor::from_bytes(&bytes[tables_at(&bytes)..bytes.len() - 32]).unwrap();
    assert_eq!(tables.state_hash(), hash);
    city.open().unwrap();
    assert_eq!(*city.engine().state().unwrap(), tables);
    city.clock.pass(MINUTE_MS);
    city.measure("mei");
    let keys = city.keys();
    city.close();
    assert_eq!(audit_of(&city.data(), Some(&keys)).findings, []);
}

#[test]
fn a_snapshot_that_does_not_fit_is_left_out() {
    let (mut city, hash) = closed();
    let path = snapshot(&city);
    let good = fs::read(&path).unwrap();
    let bent = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let other_state = {
        // The state of an empty ledger under this root: it is below the lock, and off the tree.
        let mut bytes = good[..48].to_vec();
        bytes.extend([0; 8]);
        bytes.extend(cbor::to_bytes(&State::default()));
        bytes.extend([0; 32]);
        sealed(bytes)
    };
    for bytes in [
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        bent(0),
        bent(good.len() / 2),
        bent(good.len() - 1),
        sealed(bent(7)),
        sealed(bent(9)),
        sealed(bent(20)),
        sealed(bent(48)),
        sealed(bent(55)),
        other_state,
    ] {
        fs::write(&path, &bytes).unwrap();
        city.open().unwrap();
        assert_eq!(state_hash(&city), hash);
        city.close();
        assert_eq!(fs::read(&path).unwrap().len(), good.len(), "a whole one stands in its place");
    }
}

/// A retry is safe across a stop: the operations stand in the snapshot too.
#[test]
fn a_statement_from_before_the_stop_is_known() {
    let mut city = City::settled();
    let measured = city.measurement("mei");
    let first = city.submit(&measured).unwrap();
    city.close();
    city.open().unwrap();
    let again = city.submit(&measured).unwrap();
    assert!(again.replayed && again.accounting == first.accounting);
}

/// The log's end after the snapshot is replayed on top of it, also when a crash cut it.
#[test]
fn what_came_after_the_snapshot_is_replayed() {
    let (mut city, _) = closed();
    let old = fs::read(snapshot(&city)).unwrap();
    city.open().unwrap();
    city.clock.pass(MINUTE_MS);
    city.measure("mei");
    city.pay("mei", 10);
    let hash = state_hash(&city);
    city.close();
    fs::write(snapshot(&city), &old).unwrap();
    city.open().unwrap();
    assert_eq!(state_hash(&city), hash);
}

/// Balances in a snapshot are copies: whoever raises one there is found at the next closed day.
#[test]
fn points_invented_in_a_snapshot_are_found() {
    let (mut city, _) = closed();
    let bytes = fs::read(snapshot(&city)).unwrap();
    let at = tables_at(&bytes);
    let mut tables: State = cbor::from_bytes(&bytes[at..bytes.len() - 32]).unwrap();
    let row = tables.accounts.get_mut(&account("mei")).unwrap();
    row.lots[0].points += 1_000;
    let forged = [&bytes[..at], &cbor::to_bytes(&tables), &[0; 32]].concat();
    fs::write(snapshot(&city), sealed(forged)).unwrap();
    city.open().unwrap();
    city.clock.pass(24 * 60 * MINUTE_MS);
    city.measure("mei");
    let keys = city.keys();
    city.close();
    for keys in [Some(&keys), None] {
        let findings = audit_of(&city.data(), keys).findings;
        assert!(findings[0].reason.starts_with("the rules give"), "{findings:?}");
    }
}
