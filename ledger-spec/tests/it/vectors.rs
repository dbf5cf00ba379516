//! `vectors/statements.json`: the same bytes for other languages to check themselves against. The
//! file is made from names alone; `UPDATE_EXPECT=1 cargo test` writes it again.

use data_encoding::HEXLOWER;
use expect_test::expect_file;
use ledger_spec::{
    cbor,
    cose::Sign1,
    entry::{Accounting, Class, DayTotals, Effect, Entry, receipt_number},
    ids::{PerkCardNumber, PlaceId, Seq},
    kinds::{Action, Approve, Body, BudgetAllocate, Cause, Code, KeyRevoke, Redeem},
    merkle::leaf_hash,
    points::{Fund, Points},
    public,
    statement::{Disclosure, Holder, Values, read},
    time::Day,
    token::{self, PayToken, PerkCredential, Session, VenueCode},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{ORIGIN, Verdict, World, id, key, kid, ledger, sign_token};

/// What other languages read.
#[derive(Serialize)]
struct Vectors {
    about: &'static str,
    origin: &'static str,
    ledger: String,
    keys: Vec<KeyVector>,
    messages: Vec<MessageVector>,
    entries: Vec<EntryVector>,
}

#[derive(Serialize)]
struct KeyVector {
    name: &'static str,
    /// The Ed25519 private key of RFC 8032: 32 bytes.
    private_key: String,
    public_key: String,
    kid: String,
}

/// A signed message and its parts.
#[derive(Serialize)]
struct MessageVector {
    name: &'static str,
    signer: &'static str,
    external_aad: &'static str,
    payload: String,
    disclosure: Option<String>,
    signature: String,
    /// What is sent or shown.
    message: String,
    /// What the log keeps, and its SHA-256; for statements only.
    kept: Option<String>,
    hash: Option<String>,
}

#[derive(Serialize)]
struct EntryVector {
    name: &'static str,
    seq: u64,
    salt: String,
    accounting: String,
    class: u8,
    public: Option<String>,
    leaf: String,
    leaf_hash: String,
    receipt_number: String,
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn key_vector(name: &'static str) -> KeyVector {
    let public_key = hex(key(name).verifying_key().as_bytes());
    KeyVector { name, private_key: hex(key(name).as_bytes()), public_key, kid: hex(kid(name).0) }
}

fn message(
    name: &'static str,
    signer: &'static str,
    external_aad: &'static str,
    bytes: &[u8],
) -> MessageVector {
    let parts = Sign1::from_bytes(bytes).unwrap();
    assert_eq!(parts.verify(&key(signer).verifying_key(), external_aad.as_bytes()), Ok(()));
    let kept = read(bytes).ok().map(|(_, statement)| statement);
    MessageVector {
        name,
        signer,
        external_aad,
        payload: hex(&parts.payload),
        disclosure: parts.disclosure.as_ref().map(hex),
        signature: hex(parts.signature),
        message: hex(bytes),
        kept: kept.as_ref().map(|statement| hex(&statement.bytes)),
        hash: kept.map(|statement| hex(statement.hash())),
    }
}

fn entry_vector(world: &World, name: &'static str, entry: &Accounting) -> EntryVector {
    let (class, public) = public::of_effects(&entry.effects, |kid| world.tables.keys.get(&kid));
    let (salt, accounting) = (id(&format!("salt of {name}")), cbor::Blob(cbor::to_bytes(entry)));
    let entry = Entry { class, salt, accounting, personal: None, public };
    let accounting: Accounting = cbor::from_bytes(&entry.accounting.0).unwrap();
    EntryVector {
        name,
        seq: accounting.seq.0,
        salt: hex(salt),
        accounting: hex(&entry.accounting.0),
        class: if entry.public.is_some() { 2 } else { 1 },
        public: entry.public.as_ref().map(|json| json.as_str().into()),
        leaf: hex(entry.leaf()),
        leaf_hash: hex(leaf_hash(&entry.leaf())),
        receipt_number: receipt_number(ledger(), accounting.seq),
    }
}

/// Submits and insists on success.
fn accepted(world: &mut World, bytes: &[u8]) -> Accounting {
    let verdict = world.submit(bytes);
    let Verdict::Accepted(entry) = verdict else { panic!("{verdict:?}") };
    entry
}

/// A measurement with a card, and a redemption with the phone's pay token: token, action,
/// redemption.
fn resident_signs(world: &mut World) -> [Vec<u8>; 3] {
    let values = Some(Values { level_tenths: Some(65), ..Values::default() });
    let honest = world.disclosure(Some(Holder::Card(crate::world::card("hanako"))));
    let disclosure = Disclosure { values, ..honest };
    let action = Code::new("vegetables").unwrap();
    let core = world.core(Body::Action(Action { action }));
    let action = core.sign(&key("station-1"), Some(&disclosure));
    let token = sign_token(&world.pay_token(), "hanako");
    let disclosure = world.disclosure(Some(Holder::Phone(token.clone())));
    let (shop, points) = (PlaceId(id("shop-a")), Points::new(15).unwrap());
    let core = world.core(Body::Redeem(Redeem { shop, points, goods: None }));
    let redeem = core.sign(&key("shop-a"), Some(&disclosure));
    [token, action, redeem]
}

/// The rules of the vectors: a station measures the vegetable level.
fn measuring() -> [(String, Value); 1] {
    [("rules.0.measures".into(), json!(["level_tenths"]))]
}

fn vectors() -> Vectors {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&measuring());
    world.join("hanako");
    let session = Session { exp_s: world.now_s() + 300, nonce: world.fresh(), ledger: ledger() };
    let session = token::sign(&session, &key("hanako"));
    let [token, action, redeem] = resident_signs(&mut world);
    let shop = Some(PlaceId(id("shop-a")));
    let agreed = PayToken { max_points: 800, shop, nonce: id("confirmed"), ..world.pay_token() };
    let confirmed = sign_token(&agreed, "hanako");
    let shown = VenueCode {
        exp_s: world.now_s() + 60,
        nonce: id("shown"),
        ledger: ledger(),
        place: PlaceId(id("station-1")),
        action: Code::new("class").unwrap(),
    };
    let shown = token::sign(&shown, &key("station-1"));
    let perk_card = PerkCredential {
        number: PerkCardNumber::of(&id("pepper"), ledger(), Seq(31)),
        ledger: ledger(),
        until: Day::parse("2027-04-10").unwrap(),
    };
    let perk_card = token::sign(&perk_card, &key("system"));
    let acted = accepted(&mut world, &action);
    let redeemed = accepted(&mut world, &redeem);
    let (fund, fiscal_year, points) = (Fund::Nhi, 2026, 5_000);
    let core = world.core(Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year, points }));
    let propose = core.sign(&key("staff-1"), None);
    let proposed = accepted(&mut world, &propose);
    let statement_hash = Sha256::digest(&proposed.statement.0).into();
    let approve = Approve { proposal: proposed.seq, statement_hash };
    let approve = world.core(Body::Approve(approve)).sign(&key("staff-2"), None);
    let approved = accepted(&mut world, &approve);
    let programme = world.records.iter().map(|r| cbor::from_bytes(&r.accounting).unwrap());
    let in_force = |e: &Effect| matches!(e, Effect::ProgrammeInForce { .. });
    let programme: Accounting =
        programme.into_iter().find(|e: &Accounting| e.effects.iter().any(in_force)).unwrap();
    let statement = "kenmai/v1/statement";
    Vectors {
        about: "Byte forms of kenmai.cddl in hexadecimal. Ed25519 is deterministic: sign the same \
                payload with the same key and compare.",
        origin: ORIGIN,
        ledger: hex(ledger().0),
        keys: ["hanako", "station-1", "shop-a", "staff-1", "staff-2", "system"]
            .map(key_vector)
            .into(),
        messages: vec![
            message("session", "hanako", "kenmai/v1/session", &session),
            message("pay token", "hanako", "kenmai/v1/pay", &token),
            message("confirmation of 800 points at a shop", "hanako", "kenmai/v1/pay", &confirmed),
            message("venue code", "station-1", "kenmai/v1/venue", &shown),
            message("perk card", "system", "kenmai/v1/perk-card", &perk_card),
            message("action", "station-1", statement, &action),
            message("redeem with the pay token", "shop-a", statement, &redeem),
            message("budget.allocate, a proposal", "staff-1", statement, &propose),
            message("approve", "staff-2", statement, &approve),
        ],
        entries: vec![
            entry_vector(&world, "action", &acted),
            entry_vector(&world, "redeem", &redeemed),
            entry_vector(&world, "proposal", &proposed),
            entry_vector(&world, "approve", &approved),
            entry_vector(&world, "programme in force", &programme),
        ],
    }
}

#[test]
fn the_vectors_are_what_the_code_makes() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    expect_file!["../../vectors/statements.json"].assert_eq(&text);
}

#[test]
fn public_leaves_show_no_small_cell() {
    let totals = |accounts, earners, spenders| DayTotals {
        entries: 40,
        accounts,
        earners,
        spenders,
        granted: 777,
        redeemed: 555,
        refunded: 0,
    };
    for (totals, expected) in [
        (
            totals(10, 10, 10),
            r#"{"accounts":10,"earners":10,"granted":777,"spenders":10,"redeemed":555}"#,
        ),
        (
            totals(10, 9, 1),
            r#"{"accounts":10,"earners":null,"granted":null,"spenders":null,"redeemed":null}"#,
        ),
        (
            totals(9, 9, 0),
            r#"{"accounts":null,"earners":null,"granted":null,"spenders":null,"redeemed":null}"#,
        ),
    ] {
        let day = Day::parse("2026-04-10").unwrap();
        let closed = Effect::DayClosed { day, state: [1; 32], totals };
        let (class, json) = public::of_effects(&[closed], |_| None);
        let (state, json) = (hex([1; 32]), json.unwrap());
        let whole = format!(
            r#"{{"kind":"day.closed","day":"2026-04-10","state":"{state}","totals":{expected}}}"#
        );
        assert_eq!((class, json.as_str()), (Class::Public, &whole[..]));
    }
}

#[test]
fn a_residents_phone_is_nobodys_business() {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&measuring());
    world.join("hanako");
    for (name, expected) in [("hanako", Class::Sealed), ("shop-a", Class::Public)] {
        let cause = Cause::Lost;
        let entry = world.must("staff-1", Body::KeyRevoke(KeyRevoke { kid: kid(name), cause }));
        let (class, json) = public::of_effects(&entry.effects, |kid| world.tables.keys.get(&kid));
        assert_eq!((class, json.is_some()), (expected, expected == Class::Public));
    }
}
