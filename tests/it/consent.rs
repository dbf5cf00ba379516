//! What an entry keeps of a resident's consent: whoever runs the server and a till together cannot
//! make it, and an erasure does not take it away.

use ed25519_dalek::SigningKey;
use kenmai::audit::{Check, Gap};
use kenmai::verify::check_receipt;
use ledger_spec::cbor::{self, Blob};
use ledger_spec::cose::{Sign1, aad};
use ledger_spec::entry::Effect;
use ledger_spec::ids::{DayKid, Kid, LedgerId, PersonId, PlaceId, Seq};
use ledger_spec::kinds::{Body, KeyRegister, Name, Redeem, Role};
use ledger_spec::points::Points;
use ledger_spec::statement::{self, Core, Disclosure, Holder, card_hash};
use ledger_spec::time::Day;
use ledger_spec::token::{self, Message, PayToken, PinProof};

use crate::audit::{audit_of, rewritten};
use crate::city::{City, ORIGIN, account, card, id, key};
use crate::town::{Plan, Town};

fn kid_of(key: &SigningKey) -> Kid {
    Kid::of(key.verifying_key().as_bytes())
}

fn sale(points: u32) -> Body {
    let (shop, points) = (PlaceId(id("place of shop")), Points::new(points).unwrap());
    Body::Redeem(Redeem { shop, points, goods: None })
}

/// Takes a sale into the log as a server would that leaves out every check of a signature.
fn slip_in(city: &mut City, points: u32, disclosed: &Disclosure) -> Seq {
    let submission = city.core(sale(points)).sign(&key("shop"), Some(disclosed));
    let (_, mut statement) = statement::read(&submission).unwrap();
    statement.read_carried(|_| Some(kid_of(&key("mei")))).unwrap();
    city.engine().enqueue(statement).unwrap().wait_blocking().unwrap().accounting.seq
}

/// A message signed by a made-up key, under the name of another.
fn forged(payload: Vec<u8>, aad: &[u8], name: Kid) -> Vec<u8> {
    Sign1::sign_as(&key("made up"), name, aad, payload).to_bytes()
}

fn named(token: &PayToken, name: &str) -> Kid {
    token.kid(key(name).verifying_key().as_bytes())
}

/// Both audits find this of an entry, and still do when the account's row is overwritten.
fn found_by_all(mut city: City, of: &str, seq: Seq, reason: &str) {
    let keys = city.keys();
    for erased in [false, true] {
        if erased {
            city.engine().registry().erase(&[account(of)]).unwrap();
        }
        for keys in [Some(&keys), None] {
            let report = audit_of(&city.data(), keys);
            let [finding] = report.findings.as_slice() else {
                panic!("erased {erased}, keys {}: {:#?}", keys.is_some(), report.findings)
            };
            let found = (finding.seq, finding.reason.contains(reason));
            assert_eq!(found, (Some(seq), true), "erased {erased}: {finding}");
        }
    }
    city.close();
}

fn with_pin_key() -> City {
    let mut city = City::settled();
    let public_key = city.keys().pin.verifying_key().to_bytes();
    let (role, person, place) = (Role::Pin, PersonId(id("pin")), None);
    let name = Name::new("pin").unwrap();
    city.enact(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }));
    city.set_pin("ken");
    city.act("staff", "checkup", None, Holder::Account(account("ken")));
    city
}

#[test]
fn a_sale_on_a_made_up_pay_token_is_wrong_in_every_audit() {
    let mut city = City::settled();
    city.consult("mei");
    let (exp_s, ledger) = (city.now_s() + 60, LedgerId::of_origin(ORIGIN));
    let token = PayToken { exp_s, nonce: [7; 16], ledger, max_points: 500, shop: None };
    let code = forged(cbor::to_bytes(&token), aad::PAY, named(&token, "mei"));
    let disclosed = city.disclosure(Some(Holder::Phone(code)));
    let seq = slip_in(&mut city, 50, &disclosed);
    found_by_all(city, "mei", seq, "the signature of its pay token");
}

#[test]
fn a_sale_on_a_made_up_pin_proof_is_wrong_in_every_audit() {
    let mut city = with_pin_key();
    let (exp_s, ledger) = (city.now_s() + 60, LedgerId::of_origin(ORIGIN));
    let (number, terminal) = (card("ken"), kid_of(&key("shop")));
    let (card, max_points) = (card_hash(&number), 100);
    let proof = PinProof { exp_s, nonce: [7; 16], ledger, card, terminal, max_points };
    let pin = kid_of(&city.keys().pin);
    let pin_proof = Some(Blob(forged(cbor::to_bytes(&proof), aad::PIN, pin)));
    let disclosed = Disclosure { pin_proof, ..city.disclosure(Some(Holder::Card(number))) };
    let seq = slip_in(&mut city, 100, &disclosed);
    found_by_all(city, "ken", seq, "the signature of its PIN proof");
}

#[test]
fn a_sale_without_a_consent_of_the_account_is_wrong_without_any_secret() {
    let mut city = City::settled();
    city.consult("mei");
    city.join("eve");
    city.enrol("eve");
    let seq = city.pay("mei", 50);
    city.close();
    let with = |change: &dyn Fn(&mut Vec<Effect>)| {
        let folder = rewritten(&city, |frames| {
            let entries = frames.iter_mut().flatten();
            let sale = entries.map(|(_, accounting)| accounting).find(|entry| entry.seq == seq);
            change(&mut sale.unwrap().effects);
        });
        let report = audit_of(folder.path(), None);
        let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
        assert_eq!(finding.seq, Some(seq), "{finding}");
        finding.reason.clone()
    };
    let by = |name: &'static str| {
        with(&|effects| {
            for effect in effects {
                if let Effect::TokenSpent { day_kid, exp_s, .. } = effect {
                    let public_key = key(name).verifying_key().to_bytes();
                    *day_kid = DayKid::of(&public_key, Day::of_ms(*exp_s * 1_000));
                }
            }
        })
    };
    let nobody = "nobody had enrolled the phone that made its pay token";
    assert_eq!([by("made up"), by("eve"), by("shop")], [nobody; 3]);

    let none = with(&|effects| effects.retain(|e| !matches!(e, Effect::TokenSpent { .. })));
    assert!(none.contains("the rules refuse its statement"), "{none}");
    let by_card = with(&|effects| {
        for effect in effects {
            if matches!(effect, Effect::TokenSpent { .. }) {
                let (card, terminal) = (card_hash(&card("ken")), kid_of(&key("shop")));
                *effect = Effect::CardWithoutPin { card, terminal, points: 50 };
            }
        }
    });
    assert!(by_card.contains("the rules refuse its statement"), "ken has no points: {by_card}");
    let more = with(&|effects| {
        for effect in effects {
            if let Effect::TokenSpent { max_points, .. } = effect {
                *max_points = 501;
            }
        }
    });
    assert!(more.contains("the signature of its pay token"), "{more}");
}

#[test]
fn honest_consent_is_checked_after_an_erasure() {
    let mut city = with_pin_key();
    city.consult("mei");
    city.pay("mei", 50);
    let (number, now_s) = (card("ken"), city.now_s());
    let terminal = kid_of(&key("shop"));
    let proof = city.engine().prove_pin(card_hash(&number), terminal, 60, now_s).unwrap();
    let pin_proof = Some(Blob(proof));
    let disclosed = Disclosure { pin_proof, ..city.disclosure(Some(Holder::Card(number))) };
    let submission = city.core(sale(60)).sign(&key("shop"), Some(&disclosed));
    city.submit(&submission).unwrap();
    ["mei", "ken"].into_iter().for_each(|name| city.forget(name));
    let keys = city.keys();
    for keys in [Some(&keys), None] {
        let report = audit_of(&city.data(), keys);
        assert_eq!(report.findings, []);
        // Every statement, the pay token of the sale, the PIN proof.
        assert_eq!(report.passed[&Check::Signatures], report.entries + 2);
        assert_eq!(report.gaps[&Gap::Decision], 1, "the enrolment by a code");
    }
}

#[test]
fn a_receipt_shows_the_consent_to_who_has_its_key() {
    let mut city = City::settled();
    city.consult("mei");
    let (exp_s, ledger) = (city.now_s() + 60, LedgerId::of_origin(ORIGIN));
    let shop = Some(PlaceId(id("place of shop")));
    let agreed = PayToken { exp_s, nonce: [8; 16], ledger, max_points: 50, shop };
    let code = |name| Holder::Phone(token::sign(&agreed, &key(name)));
    let disclosed = city.disclosure(Some(code("mei")));
    let honest = slip_in(&mut city, 50, &disclosed);
    let other = PayToken { nonce: [9; 16], ..agreed.clone() };
    let code = forged(cbor::to_bytes(&other), aad::PAY, named(&other, "mei"));
    let disclosed = city.disclosure(Some(Holder::Phone(code)));
    let stolen = slip_in(&mut city, 50, &disclosed);

    let head = city.engine().head().unwrap();
    let vkey = city.engine().verifier().to_string();
    let receipt = |seq| city.engine().receipt(seq, &head, true).unwrap().to_string();
    let phone = key("mei").verifying_key();
    let consent =
        |seq, keys: &[_]| check_receipt(&receipt(seq), &vkey, keys).map(|r| r.consent.unwrap());
    let kept = consent(honest, &[]).unwrap();
    assert_eq!((kept.what, kept.is_checked), ("pay token", false));
    assert!(consent(honest, &[key("shop").verifying_key(), phone]).unwrap().is_checked);
    assert!(!consent(stolen, &[]).unwrap().is_checked);
    let wrong = consent(stolen, &[phone]).unwrap_err();
    assert!(wrong.is_finding() && wrong.to_string().contains("pay token"), "{wrong}");
}

#[tokio::test]
async fn a_code_names_its_phone_anew_each_day_and_is_found_when_it_comes_late() {
    let town = Town::found(Plan::default()).await;
    let shown = town.clock.now_s();
    let code = town.code(1, 0);
    town.accept(&town.coaching(99, 0)).await;
    let redeem = town.redeem(100, 100, town.code(2, 300));
    town.accept(&redeem).await;
    // A station that was offline for three days reports what it saw then.
    let seen =
        Disclosure { performed_at_s: shown, ..town.measured(Holder::Phone(code.clone()), 63) };
    let mut core = town.action(101, "vegecheck.measure", 1);
    town.clock.pass(3 * 24 * 60 * 60);
    core.op_id.0[15] = 1;
    let late = core.sign(&town.cast.station(0), Some(&seen));
    assert_eq!(town.submit(&late).await.status, 201);
    assert_eq!(town.submit(&late).await.status, 200);

    let name = |code: &[u8]| Sign1::from_bytes(code).unwrap().kid;
    let phone = kid_of(&town.cast.phone(0));
    let names = [name(&code), name(&town.code(3, 0)), phone];
    assert!(names[0] != names[1] && !names[..2].contains(&phone), "{names:?}");
    assert_eq!(name(&town.code(4, 0)), names[1], "one name on one day");
    // Under the phone's own name, or that of another day, a code is nobody's.
    for name in [phone, names[0]] {
        let token = cbor::to_bytes(&town.pay_token(5, 300));
        let signed = Sign1::sign_as(&town.cast.phone(0), name, aad::PAY, token).to_bytes();
        let refused = town.submit(&town.redeem(102, 100, signed)).await;
        assert_eq!(refused.slug(), "qr-invalid");
    }
    // After more days than any action can be late by, the same bytes have the first answer, and
    // others of that day none.
    town.clock.pass(40 * 24 * 60 * 60);
    let again = town.submit(&redeem).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = core_of_that_day(&redeem).sign(&town.cast.till(0), Some(&disclosed_in(&redeem)));
    assert_eq!(town.submit(&other).await.slug(), "qr-invalid");
}

/// The core of a submission under another operation id.
fn core_of_that_day(submission: &[u8]) -> Core {
    let mut core = statement::read(submission).unwrap().1.core;
    core.op_id.0[15] = 9;
    core
}

fn disclosed_in(submission: &[u8]) -> Disclosure {
    statement::read(submission).unwrap().1.disclosure.unwrap().0
}
