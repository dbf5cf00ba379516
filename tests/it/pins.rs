//! The PIN of a card over HTTP: set at the desk, asked at the till or the desk, worth one act
//! there.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use kenmai::keys::LedgerKeys;
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::ids::{Kid, LedgerId, LinkId, PersonId, Seq};
use ledger_spec::kinds::{
    Approve, Body, CardPin, CardRevoke, Cause, DeviceEnrol, KeyRegister, LinkGrant, LinkRevoke,
    Name, PinGrounds, Purpose, Role,
};
use ledger_spec::statement::{Disclosure, Holder, card_hash, read};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PinEntry, PinSetting};
use serde_json::json;

use crate::town::{Answer, Plan, Town};

/// A number that no other message has.
fn nonce() -> [u8; 16] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut nonce = [7; 16];
    nonce[..4].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    nonce
}

/// A PIN as it is typed for the first resident's card.
fn entry(town: &Town, pin: &str) -> PinEntry {
    PinEntry {
        exp_s: town.clock.now_s() + 60,
        nonce: nonce(),
        ledger: town.ledger,
        card: town.cast.card(0),
        pin: Text::new(pin).unwrap(),
        max_points: 200,
    }
}

async fn send(town: &Town, entry: &PinEntry, key: &SigningKey) -> Answer {
    let body = token::sign(entry, key);
    town.send(Method::POST, &town.path("/pin"), "application/cose", body).await
}

async fn ask(town: &Town, pin: &str) -> Answer {
    send(town, &entry(town, pin), &town.cast.till(0)).await
}

/// The statement that sets a card's PIN.
fn set_statement(town: &Town, op: u32, grounds: PinGrounds, key: &SigningKey) -> Vec<u8> {
    let card = card_hash(&town.cast.card(0));
    let body = Body::CardPin(CardPin { card, grounds });
    town.core(op, body).sign(key, Some(&town.disclosure(None)))
}

/// Sends a PIN with its statement.
async fn put(town: &Town, statement: Vec<u8>, pin: &str, key: &SigningKey) -> Answer {
    let setting = PinSetting {
        exp_s: town.clock.now_s() + 60,
        nonce: nonce(),
        ledger: town.ledger,
        pin: Text::new(pin).unwrap(),
        statement: Blob(statement),
    };
    let body = token::sign(&setting, key);
    town.send(Method::PUT, &town.path("/pin"), "application/cose", body).await
}

/// The first PIN of the card.
async fn set(town: &Town, op: u32, pin: &str) -> Answer {
    let staff = town.cast.staff();
    put(town, set_statement(town, op, PinGrounds::First, &staff), pin, &staff).await
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
    let statement = set_statement(&town, 809, PinGrounds::First, &town.cast.staff());
    assert_eq!(town.submit(&statement).await.slug(), "pin-missing", "it comes with its PIN");
    assert_eq!(set(&town, 809, "1234").await.status, 201);
    let again = set(&town, 809, "1234").await;
    assert_eq!(again.status, 200);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(set(&town, 809, "5678").await.slug(), "pin-other", "one act, one PIN");
    assert_eq!(set(&town, 810, "5678").await.slug(), "pin-not-first");

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
async fn an_entry_of_a_pin_is_looked_at_once() {
    let town = Town::found(Plan::default()).await;
    set(&town, 809, "1234").await;
    let typed = entry(&town, "1234");
    let till = town.cast.till(0);
    assert_eq!(send(&town, &typed, &till).await.status, 200);
    assert_eq!(send(&town, &typed, &till).await.slug(), "pin-entry-used");
    // Nor does what was typed to be checked become a PIN that is set.
    let body = token::sign(&typed, &town.cast.staff());
    let answer = town.send(Method::PUT, &town.path("/pin"), "application/cose", body).await;
    assert_eq!(answer.slug(), "malformed-statement");
}

#[tokio::test]
async fn tills_and_desks_ask_and_only_a_desk_sets() {
    let town = Town::found(Plan::default()).await;
    let staff = town.cast.staff();
    let right = set_statement(&town, 809, PinGrounds::First, &staff);
    for key in [town.cast.till(0), town.cast.station(0), town.cast.phone(0)] {
        let answer = put(&town, right.clone(), "1234", &key).await;
        assert_eq!(answer.slug(), "role-not-permitted");
    }
    // A terminal sends its own statement alone.
    let other = set_statement(&town, 808, PinGrounds::First, &town.cast.root(0));
    assert_eq!(put(&town, other, "1234", &staff).await.slug(), "malformed-request");
    for pin in ["123", "12x4"] {
        assert_eq!(put(&town, right.clone(), pin, &staff).await.slug(), "malformed-request");
    }
    assert_eq!(put(&town, town.coaching(807, 0), "1234", &staff).await.slug(), "malformed-request");
    let typed = entry(&town, "1234");
    for key in [town.cast.coach(0), town.cast.station(0), town.cast.phone(0)] {
        assert_eq!(send(&town, &typed, &key).await.slug(), "role-not-permitted");
    }
    let (card, now_s) = (town.cast.card(0), town.clock.now_s());
    let mut slipped = card;
    slipped[10] ^= 1;
    for (other, slug) in [
        (PinEntry { ledger: LedgerId([1; 8]), ..typed.clone() }, "ledger-mismatch"),
        (PinEntry { exp_s: now_s, ..typed.clone() }, "statement-expired"),
        (PinEntry { exp_s: now_s + 301, ..typed.clone() }, "statement-expired"),
        (PinEntry { card: slipped, ..typed.clone() }, "card-mistyped"),
        (PinEntry { card: town.cast.card(5), ..typed.clone() }, "card-unknown"),
        (typed.clone(), "pin-not-set"),
    ] {
        assert_eq!(send(&town, &other, &town.cast.till(0)).await.slug(), slug, "{other:?}");
    }
    let cause = Cause::Lost;
    let revoke = Body::CardRevoke(CardRevoke { card: card_hash(&card), cause });
    town.accept(&town.core(810, revoke).sign(&staff, Some(&town.disclosure(None)))).await;
    assert_eq!(set(&town, 809, "1234").await.slug(), "card-revoked");
    assert_eq!(ask(&town, "1234").await.slug(), "card-revoked");
}

/// A card whose PIN is locked gets another by two persons, over a restart, and waits for it.
#[tokio::test]
async fn five_wrong_ones_wait_for_two_persons_over_a_restart() {
    let town = Town::found(Plan::default()).await;
    register_pin_key(&town).await;
    town.accept(&town.coaching(802, 0)).await;
    set(&town, 809, "1234").await;
    for left in ["pin-wrong", "pin-wrong", "pin-wrong", "pin-wrong", "pin-locked"] {
        assert_eq!(ask(&town, "0000").await.slug(), left);
    }
    let staff = town.cast.staff();
    let by_two = |town: &Town| set_statement(town, 811, PinGrounds::Desk, &staff);
    let proposed = put(&town, by_two(&town), "5678", &staff).await;
    assert_eq!(proposed.status, 201);
    assert_eq!(proposed.json()["proposal"], true);
    let proposal = Seq(proposed.json()["seq"].as_u64().unwrap());
    let statement_hash = read(&by_two(&town)).unwrap().1.hash();
    let town = town.restart(&Plan::default(), || {});
    assert_eq!(ask(&town, "1234").await.slug(), "pin-locked");
    assert_eq!(ask(&town, "5678").await.slug(), "pin-locked", "nobody has agreed yet");
    let approve = Body::Approve(Approve { proposal, statement_hash });
    town.accept(&town.core(812, approve).sign(&town.cast.root(1), None)).await;
    let waits = ask(&town, "5678").await;
    assert_eq!(waits.slug(), "pin-waits");
    assert!(waits.json()["detail"].as_str().unwrap().contains("counts from"), "{}", waits.text());
    town.clock.pass(2 * 86_400);
    assert_eq!(ask(&town, "1234").await.slug(), "pin-wrong", "the old one is over");
    let right = ask(&town, "5678").await;
    assert_eq!(right.status, 200, "{}", right.text());
    let proof = HEXLOWER.decode(right.json()["proof"].as_str().unwrap().as_bytes()).unwrap();
    town.accept(&by_card(&town, 813, 200, Some(proof))).await;
}

/// A refused statement leaves no PIN, and takes away none that waits.
#[tokio::test]
async fn what_is_refused_keeps_no_pin() {
    let town = Town::found(Plan::default()).await;
    let staff = town.cast.staff();
    set(&town, 809, "1234").await;
    for op in 811..818 {
        assert_eq!(set(&town, op, "5678").await.slug(), "pin-not-first");
    }
    assert_eq!(ask(&town, "1234").await.status, 200);
    let statement = set_statement(&town, 811, PinGrounds::First, &staff);
    assert_eq!(town.submit(&statement).await.slug(), "pin-missing");
}

/// The desk has the first resident's PIN proved, and reads what its screen may show.
async fn at_desk(town: &Town) -> (Option<Blob<1024>>, serde_json::Value) {
    let answer = send(town, &entry(town, "1234"), &town.cast.staff()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    let proof = HEXLOWER.decode(told["proof"].as_str().unwrap().as_bytes()).unwrap();
    (Some(Blob(proof)), told["resident"].clone())
}

/// What the desk signs with the first resident's card.
fn by_desk(town: &Town, op: u32, body: Body, pin_proof: Option<Blob<1024>>) -> Vec<u8> {
    let holder = Some(Holder::Card(town.cast.card(0)));
    let disclosed = Disclosure { pin_proof, ..town.disclosure(holder) };
    town.core(op, body).sign(&town.cast.staff(), Some(&disclosed))
}

#[tokio::test]
async fn a_desk_enrols_a_phone_and_sees_to_links_with_the_pin() {
    let town = Town::found(Plan::default()).await;
    register_pin_key(&town).await;
    town.accept(&town.coaching(802, 0)).await;
    set(&town, 809, "1234").await;
    let till = ask(&town, "1234").await.json();
    assert!(till.get("resident").is_none(), "a till learns no balance: {till}");

    // A phone that nobody knows yet.
    let phone = town.cast.phone(7);
    let public_key = phone.verifying_key().to_bytes();
    let enrol = || Body::DeviceEnrol(DeviceEnrol { public_key });
    assert_eq!(
        town.submit(&by_desk(&town, 820, enrol(), None)).await.slug(),
        "holder-not-accepted"
    );
    let (proof, told) = at_desk(&town).await;
    let own = Kid::of(town.cast.phone(0).verifying_key().as_bytes()).to_string();
    assert_eq!(
        told["phones"][0],
        json!({"kid": own, "since": "2026-11-22", "revoked": false, "suspended": false})
    );
    assert_eq!([&told["yen"], &told["challenge"]], [300, 0]);
    assert_eq!(told["links"], json!([]));
    town.accept(&by_desk(&town, 821, enrol(), proof.clone())).await;
    let token = town.log_in(&phone, 1).await;
    assert_eq!(town.read("/me", &token).await.json()["yen"], 300);
    let seen = town.read("/me/history?limit=1", &town.log_in(&town.cast.phone(0), 2).await).await;
    let seen = &seen.json()["entries"][0];
    assert_eq!([&seen["kind"], &seen["place"]], ["device.enrol", "健康づくり課"]);

    // One proof, one use; what it granted stands on the next screen, and ends there.
    let link = LinkId([6; 16]);
    let until = Day::of_ms(town.clock.now_s() * 1_000).plus(30);
    let partner = Kid::of(town.cast.coach(0).verifying_key().as_bytes());
    let grant = || Body::LinkGrant(LinkGrant { link, purpose: Purpose::Sessions, until, partner });
    assert_eq!(town.submit(&by_desk(&town, 822, grant(), proof)).await.slug(), "pin-proof-invalid");
    let (proof, _) = at_desk(&town).await;
    town.accept(&by_desk(&town, 823, grant(), proof)).await;
    let (_, told) = at_desk(&town).await;
    assert_eq!(told["links"][0]["partner"], "北村");
    let end = town.core(824, Body::LinkRevoke(LinkRevoke { link }));
    town.accept(&end.sign(&town.cast.staff(), None)).await;
    let (_, told) = at_desk(&town).await;
    assert_eq!(told["links"][0]["in_force"], false);
}
