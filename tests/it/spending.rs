//! Holds and refunds through the engine: what the server does of itself, and what an audit makes of
//! it.

use std::collections::BTreeMap;

use kenmai::audit::{Check, Gap};
use ledger_spec::cbor::Blob;
use ledger_spec::entry::Effect;
use ledger_spec::ids::{Kid, PersonId, PlaceId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{
    Body, Capture, Cause, Hold, KeyRegister, Kind, Name, Redeem, Refund, Release, Role, Void,
};
use ledger_spec::points::Points;
use ledger_spec::statement::{Disclosure, Holder, card_hash};

use crate::audit::audit_of;
use crate::city::{City, MINUTE_MS, account, card, id, key};

const FREE_MIN: u64 = 10;

/// Reserves points of a resident for ten minutes.
fn hold(city: &mut City, name: &str, points: u32) -> Seq {
    hold_for(city, name, points, FREE_MIN)
}

/// Reserves points of a resident for so many minutes.
pub(crate) fn hold_for(city: &mut City, name: &str, points: u32, minutes: u64) -> Seq {
    let until_s = city.now_s() + minutes * 60;
    let (shop, points) = (PlaceId(id("place of shop")), Points::new(points).unwrap());
    let holder = city.phone(name);
    let disclosure = city.disclosure(Some(holder));
    let core = city.core(Body::Hold(Hold { shop, points, until_s, goods: None }));
    city.submit(&core.sign(&key("shop"), Some(&disclosure))).unwrap().accounting.seq
}

fn points(points: u32) -> Points {
    Points::new(points).unwrap()
}

fn held(city: &City, name: &str) -> u64 {
    city.engine().state().unwrap().accounts[&account(name)].held()
}

/// The kinds of the entries from one on.
fn kinds_from(city: &City, first: Seq) -> Vec<Kind> {
    let entries = (first.0..).map_while(|seq| city.engine().entry(Seq(seq)).unwrap());
    let kind = |bytes: &[u8]| kept::read(bytes).unwrap().core.body.kind();
    entries.map(|(_, accounting)| kind(&accounting.statement.0)).collect()
}

fn earned() -> City {
    let mut city = City::settled();
    city.consult("mei");
    city
}

#[test]
fn a_hold_comes_back_with_the_first_batch_after_its_deadline() {
    let mut city = earned();
    let first = hold(&mut city, "mei", 50);
    city.clock.pass(MINUTE_MS);
    let second = hold(&mut city, "mei", 30);
    assert_eq!(held(&city, "mei"), 80);

    city.clock.pass((FREE_MIN - 1) * MINUTE_MS - 1_000);
    city.measure("mei");
    assert_eq!(held(&city, "mei"), 80, "a second before the first deadline");
    city.clock.pass(1_000);
    let next = city.engine().state().unwrap().size;
    city.measure("mei");
    assert_eq!(held(&city, "mei"), 30);
    assert_eq!(kinds_from(&city, Seq(next)), [Kind::Release, Kind::Action]);

    // The second one's time runs out while the ledger is closed.
    city.close();
    city.clock.pass(5 * MINUTE_MS);
    city.open().unwrap();
    let next = city.engine().state().unwrap().size;
    city.measure("mei");
    assert_eq!(held(&city, "mei"), 0);
    assert_eq!(kinds_from(&city, Seq(next)), [Kind::Release, Kind::Action]);
    let state = city.engine().state().unwrap();
    assert!([first, second].iter().all(|hold| state.undone.contains_key(hold)));
}

#[test]
fn a_hold_that_has_ended_is_not_released_again() {
    let mut city = earned();
    let captured = hold(&mut city, "mei", 50);
    let released = hold(&mut city, "mei", 30);
    city.must("shop", Body::Capture(Capture { hold: captured, points: points(20) }));
    city.must("shop", Body::Release(Release { hold: released }));
    city.clock.pass(2 * FREE_MIN * MINUTE_MS);
    let next = city.engine().state().unwrap().size;
    city.measure("mei");
    assert_eq!(kinds_from(&city, Seq(next)), [Kind::Action]);
}

#[test]
fn a_day_is_closed_before_its_last_holds_come_back() {
    let mut city = earned();
    hold(&mut city, "mei", 50);
    city.clock.pass(24 * 60 * MINUTE_MS);
    let next = city.engine().state().unwrap().size;
    city.measure("mei");
    let kinds = kinds_from(&city, Seq(next));
    assert_eq!(kinds, [Kind::DayClose, Kind::Release, Kind::Action]);
}

#[test]
fn an_audit_reads_again_what_a_later_day_goes_on_from() {
    let mut city = earned();
    let sale = city.pay("mei", 60);
    let captured = hold(&mut city, "mei", 50);
    let capture = city.must("shop", Body::Capture(Capture { hold: captured, points: points(40) }));
    let voided = hold(&mut city, "mei", 20);
    let voided = city.must("shop", Body::Capture(Capture { hold: voided, points: points(20) }));
    city.must("shop", Body::Void(Void { entry: voided }));
    let freed = hold(&mut city, "mei", 10);
    city.must("shop", Body::Release(Release { hold: freed }));
    hold(&mut city, "mei", 10);
    // Days of entries lie between a sale and its refund.
    for _ in 0..3 {
        city.clock.pass(24 * 60 * MINUTE_MS);
        city.measure("mei");
    }
    let cause = Cause::GoodsReturned;
    for (entry, back) in [(sale, 60), (capture, 15)] {
        let points = points(back);
        city.enact(Body::Refund(Refund { entry, points, cause }));
    }
    let due = city.engine().state().unwrap().shops[&PlaceId(id("place of shop"))].total;
    assert_eq!(due, 25);
    city.close();

    let keys = city.keys();
    let whole = audit_of(&city.data(), Some(&keys));
    assert_eq!((whole.findings, whole.gaps), (vec![], BTreeMap::new()));
    assert_eq!(whole.passed[&Check::Decisions], whole.entries);
    let closed = audit_of(&city.data(), None);
    assert_eq!(closed.findings, []);
    assert_eq!(closed.gaps[&Gap::Decision], 1, "the enrolment by a code alone");
}

#[test]
fn a_refund_is_found_where_its_sale_does_not_bear_it() {
    let mut city = earned();
    let entry = city.pay("mei", 60);
    let cause = Cause::GoodsReturned;
    city.enact(Body::Refund(Refund { entry, points: points(60), cause }));
    city.close();
    let folder = crate::audit::rewritten(&city, |frames| {
        let entries = frames.iter_mut().flatten();
        for (_, accounting) in entries {
            for effect in &mut accounting.effects {
                if let Effect::Refunded { sold_on, .. } = effect {
                    *sold_on = sold_on.minus(1);
                }
            }
        }
    });
    let report = audit_of(folder.path(), Some(&city.keys()));
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert!(finding.reason.contains("Refunded"), "{finding}");
}

#[test]
fn an_audit_checks_the_proof_behind_a_card() {
    let mut city = City::settled();
    let public_key = city.keys().pin.verifying_key().to_bytes();
    let (role, person, place) = (Role::Pin, PersonId(id("pin")), None);
    let name = Name::new("pin").unwrap();
    city.enact(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }));
    city.set_pin("ken");
    city.act("staff", "checkup", None, Holder::Account(account("ken")));
    let (number, now_s) = (card("ken"), city.now_s());
    let terminal = Kid::of(key("shop").verifying_key().as_bytes());
    let proof = city.engine().prove_pin(card_hash(&number), terminal, 100, now_s).unwrap();
    let body = Redeem { shop: PlaceId(id("place of shop")), points: points(100), goods: None };
    let honest = city.disclosure(Some(Holder::Card(number)));
    let disclosure = Disclosure { pin_proof: Some(Blob(proof)), ..honest };
    let core = city.core(Body::Redeem(body));
    city.submit(&core.sign(&key("shop"), Some(&disclosure))).unwrap();
    city.close();

    let whole = audit_of(&city.data(), Some(&city.keys()));
    assert_eq!((whole.findings, whole.gaps), (vec![], BTreeMap::new()));
    assert_eq!(whole.passed[&Check::Signatures], whole.entries + 1, "one for the proof");
    assert_eq!(audit_of(&city.data(), None).findings, []);
}
