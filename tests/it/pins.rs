//! The PIN of a card over HTTP: set at the desk, asked at the till or the desk, worth one act
//! there.

use axum::http::Method;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use kenmai::keys::LedgerKeys;
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::ids::{Kid, LedgerId, LinkId, PersonId, Seq};
use ledger_spec::kinds::{
    Approve, Body, CardRevoke, DeviceEnrol, KeyRegister, LinkGrant, LinkRevoke, Name, Note,
    Purpose, Role,
};
use ledger_spec::statement::{Disclosure, Holder, card_hash, read};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PinEntry};
use serde_json::json;

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
async fn tills_and_desks_ask_and_only_a_desk_sets() {
    let town = Town::found(Plan::default()).await;
    let right = entry(&town, "1234");
    for key in [town.cast.till(0), town.cast.station(0), town.cast.phone(0)] {
        let answer = send(&town, Method::PUT, &right, &key).await;
        assert_eq!(answer.slug(), "role-not-permitted");
    }
    for key in [town.cast.coach(0), town.cast.station(0), town.cast.phone(0)] {
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

/// The desk has the first resident's PIN proved, and reads what its screen may show.
async fn at_desk(town: &Town) -> (Option<Blob<1024>>, serde_json::Value) {
    let answer = send(town, Method::POST, &entry(town, "1234"), &town.cast.staff()).await;
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
    set(&town, "1234").await;
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
    assert_eq!(told, json!({"yen": 300, "challenge": 0, "links": []}));
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
