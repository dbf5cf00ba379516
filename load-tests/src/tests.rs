//! Small loads over real servers: the books agree, false ones are seen, and what cannot be measured
//! is refused.

use std::num::NonZeroUsize;

use kenmai::config::Limits;
use kenmai::demo::{Blueprint, YAIZU};
use kenmai::keys;

use crate::Failure;
use crate::callers::{Pace, Stream};
use crate::city::{By, Shops, now_s};
use crate::connect::{compare_books, enter};
use crate::harness::{Harness, Sort};
use crate::http::{COSE, Endpoint};
use crate::operations::Call;

fn found(limits: Limits) -> Harness {
    Harness::found(tempfile::tempdir().unwrap(), 100, limits).unwrap()
}

fn closed(calls: Vec<Call>) -> Vec<Stream> {
    vec![Stream { calls, pace: Pace::Closed, callers: 4, at_most: None }]
}

/// Every sort of request once, in both loops.
const LOADS: [(Sort, u64, Pace); 8] = [
    (Sort::Payment(Shops::Uniform), 30, Pace::Closed),
    (Sort::Payment(Shops::One), 30, Pace::Open(300)),
    (Sort::Measurement(By::Card), 30, Pace::Closed),
    (Sort::Measurement(By::Phone), 30, Pace::Open(300)),
    (Sort::Balance, 30, Pace::Closed),
    (Sort::Look, 30, Pace::Open(300)),
    (Sort::View, 30, Pace::Closed),
    (Sort::Mix, 30, Pace::Closed),
];

/// Plays a little of everything.
fn play(harness: &mut Harness) -> Result<(), Failure> {
    for (sort, count, pace) in LOADS {
        let calls = harness.make(sort, count)?;
        let stream = Stream { calls, pace, callers: 4, at_most: None };
        let (rounds, used) = harness.round(vec![stream])?;
        let round = &rounds[0];
        assert_eq!((round.took_us.len(), round.busy.len(), round.unsent), (30, 0, 0), "{sort:?}");
        let mut both = round.took_us.iter().zip(&round.from_sending_us);
        assert!(both.all(|(took, from_sending)| took >= from_sending), "{sort:?}");
        let used = used.unwrap();
        assert_eq!(used.entries > 0, used.log_bytes > 0, "{sort:?}");
    }
    // Many rows under one signature, while payments go on until they have ended.
    let manifest = Stream { callers: 1, ..closed(harness.make(Sort::Manifest, 1)?).remove(0) };
    let calls = harness.make(Sort::Payment(Shops::Uniform), 60)?;
    let beside = Stream { calls, pace: Pace::Open(20), callers: 2, at_most: None };
    let (rounds, _) = harness.round(vec![manifest, beside])?;
    assert_eq!((rounds[0].took_us.len(), rounds[1].took_us.len() + rounds[1].unsent), (1, 60));
    Ok(())
}

type Forge = (&'static str, fn(&mut Harness));

#[test]
fn the_books_agree_and_a_false_one_is_seen() {
    let forges: [Forge; 6] = [
        ("", |_| {}),
        ("due to a shop", |harness| *harness.book.due.entry(0).or_default() += 100),
        ("left in an account", |harness| *harness.book.spent.entry(7).or_default() += 100),
        ("left in an account", |harness| *harness.book.earned.entry(7).or_default() += 5),
        ("granted of a fund", |harness| harness.book.granted.clear()),
        ("an entry that was proved is missing", Harness::lose_an_entry),
    ];
    for (expected, forge) in forges {
        let mut harness = found(Limits::default());
        play(&mut harness).unwrap();
        forge(&mut harness);
        let error = harness.close().err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(error.is_empty(), expected.is_empty(), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

/// The same over HTTP alone, with a demo's keys; others are refused.
#[test]
fn a_guest_in_a_demo_city_checks_what_its_people_see() {
    let small = Blueprint { residents: 60, ..YAIZU };
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Harness::live(folder, small, Limits::default(), true).unwrap();
    play(&mut demo).unwrap();
    let mut forged = demo.book.clone();
    *forged.due.entry(3).or_default() += 1;
    let error = compare_books(&demo.endpoint, &demo.log, &demo.city, &forged, &[]).unwrap_err();
    assert!(error.to_string().contains("due to a shop"), "{error}");
    forged = demo.book.clone();
    *forged.spent.entry(5).or_default() += 1;
    let error = compare_books(&demo.endpoint, &demo.log, &demo.city, &forged, &[]).unwrap_err();
    assert!(error.to_string().contains("left in an account"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let refused = |endpoint: &Endpoint| match enter(endpoint, folder.path(), false) {
        Ok(_) => panic!("let in"),
        Err(error) => error.to_string(),
    };
    let error = refused(&found(Limits::default()).endpoint);
    assert!(error.contains("has no demo city"), "{error}");
    let error = refused(&demo.endpoint);
    assert!(error.contains("demo.seed"), "{error}");
    keys::write_secret(&folder.path().join("demo.seed"), &[7; 32]).unwrap();
    let error = refused(&demo.endpoint);
    assert!(error.contains("belong to another demo city"), "{error}");

    let checked = demo.close().unwrap();
    assert!(checked.contains("files were not looked at"), "{checked}");
}

#[test]
fn a_payment_that_is_not_accepted_ends_the_round() {
    let mut harness = found(Limits::default());
    let late = harness.city.payment(Shops::One, now_s() - 400).unwrap();
    let twice = harness.city.payment(Shops::One, now_s()).unwrap();
    for (payments, expected) in
        [(vec![late], "a payment was answered 4"), (vec![twice; 2], "a payment was answered 200")]
    {
        let calls = |(signed, operation): (Vec<u8>, _)| {
            let request = harness.endpoint.post("/statements", COSE, signed).unwrap();
            Call { request, operation, again: false }
        };
        let streams = closed(payments.into_iter().map(calls).collect());
        let error = harness.round(streams).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A queue of one statement: many are refused, and those sent again count once.
#[test]
fn what_was_refused_is_sent_again_and_counts_once() {
    let queue_entries = NonZeroUsize::MIN;
    let mut harness = found(Limits { queue_entries, ..Limits::default() });
    let mut calls = harness.make(Sort::Payment(Shops::Uniform), 400).unwrap();
    let mut refused = 0;
    while !calls.is_empty() {
        let stream = Stream { calls, pace: Pace::Closed, callers: 32, at_most: None };
        let (mut rounds, _) = harness.round(vec![stream]).unwrap();
        calls = rounds.remove(0).busy;
        refused += calls.len();
    }
    assert!(refused > 0, "the queue was never full");
    assert_eq!(harness.book.entries, 400);
    harness.close().unwrap();
}
