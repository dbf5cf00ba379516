//! The PIN of a card over HTTP: set at the desk, asked at the till, worth one redemption there.

use axum::http::Method;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use kenmai::keys::LedgerKeys;
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::ids::{LedgerId, PersonId, Seq};
use ledger_spec::kinds::{Approve, Body, CardRevoke, KeyRegister, Name, Note, Role};
use ledger_spec::statement::{Disclosure, Holder, card_hash, read};
use ledger_spec::token::{self, PinEntry};

use crate::town::{Answer, Plan, Town};

/// A PIN as it is typed for the first resident's card.
fn entry(town: &Town, pin: &str) -> PinEntry {
    PinEntry {
        exp_s: town.clock.now_s() + 60,
        nonce: [7; 16],
        ledger: town.ledger,
        card: town.cast.card(0),
        pin: Text::new(pin).unwrap(),
        max_points: 200,
    }
}

async fn send(town: &Town, method: Method, entry: &PinEntry, key: &SigningKey) -> Answer {
    let body = token::sign(entry, key);
    town.send(method, &town.path("/pin"), "application/cose", body).await
}

async fn ask(town: &Town, pin: &str) -> Answer {
    send(town, Method::POST, &entry(town, pin), &town.cast.till(0)).await
}

async fn set(town: &Town, pin: &str) -> Answer {
    send(town, Method::PUT, &entry(town, pin), &town.cast.staff()).await
}

/// The first shop takes points of the first resident's card.
fn by_card(town: &Town, op: u32, points: u32, proof: Option<Vec<u8>>) -> Vec<u8> {
    let holder = Some(Holder::Card(town.cast.card(0)));
    let pin_proof = proof.map(Blob);
    let disclosed = Disclosure { pin_proof, ..town.disclosure(holder) };
    town.redemption(op, points).sign(&town.cast.till(0), Some(&disclosed))
}

/// Registers the server's pin key, as `init` does.
async fn register_pin_key(town: &Town) {
    let keys = LedgerKeys::load(&town.data().parent().unwrap().join("keys")).unwrap();
    let public_key = keys.pin.verifying_key().to_bytes();
    let (role, person, place) = (Role::Pin, PersonId([8; 16]), None);
    let name = Name::new("暗証番号の確認").unwrap();
    let body = Body::KeyRegister(KeyRegister { public_key, role, person, place, name });
    let propose = town.core(800, body).sign(&town.cast.root(0), None);
    let statement_hash = read(&propose).unwrap().1.hash();
    let seq = town.accept(&propose).await["seq"].as_u64().unwrap();
    let approve = Body::Approve(Approve { proposal: Seq(seq), statement_hash });
    town.accept(&town.core(801, approve).sign(&town.cast.root(1), None)).await;
}

#[tokio::test]
async fn the_right_pin_pays_once_at_the_till_that_asked() {
    let town = Town::found(Plan::default()).await;
    register_pin_key(&town).await;
    town.accept(&town.coaching(802, 0)).await;
    assert_eq!(town.submit(&by_card(&town, 803, 100, None)).await.slug(), "pin-required");
    assert_eq!(ask(&town, "1234").await.slug(), "pin-not-set");
    assert_eq!(set(&town, "1234").await.status, 204);

    let wrong = ask(&town, "4321").await;
    assert_eq!(wrong.status, 403);
    assert_eq!(wrong.slug(), "pin-wrong");
    assert_eq!(wrong.json()["detail"], "4 tries are left");
    let right = ask(&town, "1234").await;
    assert_eq!(right.status, 200, "{}", right.text());
    assert_eq!(right.header("cache-control"), "no-store");
    let proof = HEXLOWER.decode(right.json()["proof"].as_str().unwrap().as_bytes()).unwrap();
    let too_much = by_card(&town, 804, 201, Some(proof.clone()));
    assert_eq!(town.submit(&too_much).await.slug(), "pin-proof-invalid");
    let paid = town.accept(&by_card(&town, 805, 200, Some(proof.clone()))).await;
    assert_eq!(paid["points"], 200);
    let again = by_card(&town, 806, 10, Some(proof));
    assert_eq!(town.submit(&again).await.slug(), "pin-proof-invalid");

    let forged = token::sign(&entry(&town, "1234"), &town.cast.till(0));
    let forged = by_card(&town, 807, 10, Some(forged));
    assert_eq!(town.submit(&forged).await.slug(), "pin-proof-invalid", "another message");
    let late = ask(&town, "1234").await.json();
    let late = HEXLOWER.decode(late["proof"].as_str().unwrap().as_bytes()).unwrap();
    town.clock.pass(120);
    let late = by_card(&town, 808, 10, Some(late));
    assert_eq!(town.submit(&late).await.slug(), "pin-proof-invalid");
}

#[tokio::test]
async fn only_a_till_asks_and_only_a_desk_sets() {
    let town = Town::found(Plan::default()).await;
    let right = entry(&town, "1234");
    for key in [town.cast.till(0), town.cast.station(0), town.cast.phone(0)] {
        let answer = send(&town, Method::PUT, &right, &key).await;
        assert_eq!(answer.slug(), "role-not-permitted");
    }
    for key in [town.cast.staff(), town.cast.station(0), town.cast.phone(0)] {
        let answer = send(&town, Method::POST, &right, &key).await;
        assert_eq!(answer.slug(), "role-not-permitted");
    }
    let (card, now_s) = (town.cast.card(0), town.clock.now_s());
    let mut slipped = card;
    slipped[10] ^= 1;
    for (other, slug) in [
        (PinEntry { ledger: LedgerId([1; 8]), ..right.clone() }, "ledger-mismatch"),
        (PinEntry { exp_s: now_s, ..right.clone() }, "statement-expired"),
        (PinEntry { exp_s: now_s + 301, ..right.clone() }, "statement-expired"),
        (PinEntry { card: slipped, ..right.clone() }, "card-mistyped"),
        (PinEntry { card: town.cast.card(5), ..right.clone() }, "card-unknown"),
        (PinEntry { pin: Text::new("123").unwrap(), ..right.clone() }, "malformed-request"),
        (PinEntry { pin: Text::new("12x4").unwrap(), ..right.clone() }, "malformed-request"),
    ] {
        let answer = send(&town, Method::PUT, &other, &town.cast.staff()).await;
        assert_eq!(answer.slug(), slug, "{other:?}");
    }
    let reason = Note::new("lost").unwrap();
    let revoke = Body::CardRevoke(CardRevoke { card: card_hash(&card), reason });
    town.accept(&town.core(810, revoke).sign(&town.cast.staff(), None)).await;
    assert_eq!(set(&town, "1234").await.slug(), "card-revoked");
    assert_eq!(ask(&town, "1234").await.slug(), "card-revoked");
}

#[tokio::test]
async fn five_wrong_ones_wait_for_the_desk_over_a_restart() {
    let plan = Plan::default();
    let town = Town::found(plan).await;
    set(&town, "1234").await;
    for left in ["pin-wrong", "pin-wrong", "pin-wrong", "pin-wrong", "pin-locked"] {
        assert_eq!(ask(&town, "0000").await.slug(), left);
    }
    let town = town.restart(&Plan::default(), || {});
    assert_eq!(ask(&town, "1234").await.slug(), "pin-locked");
    assert_eq!(set(&town, "5678").await.status, 204);
    assert_eq!(ask(&town, "5678").await.status, 200);
}
