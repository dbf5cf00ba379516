//! Files that change under a ledger after its start: what does not fit its leaf is neither decided
//! on nor shown, and all else goes on.

use std::fs;
use std::path::PathBuf;

use kenmai::engine::{EngineError, Refusal};
use kenmai::log::{LEVELS_FOLDER, LOG_FOLDER, SEGMENTS_FOLDER};
use ledger_spec::cbor;
use ledger_spec::ids::Seq;
use ledger_spec::kinds::{Body, Void};

use crate::city::{City, MINUTE_MS, key};

fn segment(city: &City) -> PathBuf {
    city.data().join(LOG_FOLDER).join(SEGMENTS_FOLDER).join("00000000.seg")
}

fn level(city: &City, number: u8) -> PathBuf {
    city.data().join(LOG_FOLDER).join(LEVELS_FOLDER).join(number.to_string())
}

/// A city closed in good order after a sale, where the sale stands in the segment, and how many of
/// its bytes the leaf commits to: what is sealed after them has a check of its own.
fn after_a_sale() -> (City, Seq, usize, usize) {
    let mut city = City::settled();
    for _ in 0..3 {
        city.measure("mei");
        city.clock.pass(3 * MINUTE_MS);
    }
    let sale = city.pay("mei", 10);
    let (entry, _) = city.engine().entry(sale).unwrap().unwrap();
    let bytes = cbor::to_bytes(&entry);
    city.close();
    let file = fs::read(segment(&city)).unwrap();
    let at = file.windows(bytes.len()).position(|window| window == bytes).unwrap();
    let accounting = &entry.accounting.0;
    let before = bytes.windows(accounting.len()).position(|window| window == accounting).unwrap();
    (city, sale, at, before + accounting.len())
}

fn flip(path: &PathBuf, at: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

fn void(city: &mut City, entry: Seq) -> Result<Seq, Refusal> {
    let statement = city.core(Body::Void(Void { entry })).sign(&key("shop"), None);
    city.submit(&statement).map(|accepted| accepted.accounting.seq)
}

/// One flipped bit in a sale of 100 points once gave 228 back.
#[test]
fn a_sale_with_a_flipped_bit_is_not_voided() {
    let (mut city, sale, at, length) = after_a_sale();
    // The beginning of the entry, its statement, its postings, its end.
    let places = (0..length).step_by(1 + length / 23).chain([length - 1]);
    for (bit, place) in (0..8).cycle().zip(places) {
        flip(&segment(&city), at + place, bit);
        city.open().unwrap();
        let size = city.engine().head().unwrap().size;
        assert_eq!(void(&mut city, sale), Err(Refusal::Damaged(sale)), "byte {place} bit {bit}");
        let head = city.engine().head().unwrap();
        assert_eq!(head.size, size, "nothing was written");
        let shown = city.engine().entry(sale);
        assert!(matches!(shown, Err(EngineError::Damaged { seq, .. }) if seq == sale));
        let receipt = city.engine().receipt(sale, &head, true);
        assert!(matches!(receipt, Err(EngineError::Damaged { .. })));
        city.close();
        flip(&segment(&city), at + place, bit);
    }
    city.open().unwrap();
    void(&mut city, sale).unwrap();
}

/// A damaged hash above the leaves once gave every answer a receipt that did not verify.
#[test]
fn a_receipt_that_does_not_lead_to_its_head_does_not_leave() {
    let (mut city, sale, _, _) = after_a_sale();
    city.open().unwrap();
    let head = city.engine().head().unwrap();
    city.engine().receipt(sale, &head, false).unwrap();
    // The leaf hash of another entry.
    flip(&level(&city, 0), 5, 3);
    let receipt = city.engine().receipt(sale, &head, false);
    assert!(matches!(receipt, Err(EngineError::Damaged { seq, .. }) if seq == sale), "{receipt:?}");
    city.engine().entry(sale).unwrap().unwrap();
}

/// Nobody asks for most entries: the scrub reads them all, and finds what is sealed too.
#[test]
fn the_scrub_finds_what_nobody_asked_for() {
    let (mut city, sale, at, length) = after_a_sale();
    // Past what the leaf commits to: the personal part, which the frame's hash covers.
    flip(&segment(&city), at + length + 20, 4);
    city.open().unwrap();
    // Whoever waits for a pass to end waits for this figure.
    while !city.engine().damaged().contains(&sale) {
        std::thread::yield_now();
    }
    assert_eq!(city.engine().damaged(), [sale]);
}

/// Levels follow from the log: a start that finds them wrong makes them again.
#[test]
fn a_start_makes_damaged_levels_again() {
    let mut city = City::settled();
    while city.engine().head().unwrap().size < 310 {
        city.measure("mei");
        city.clock.pass(MINUTE_MS);
    }
    let seq = Seq(city.engine().head().unwrap().size - 1);
    city.close();
    for (number, at) in [(0, 5), (0, 32 * 300 + 7), (1, 5)] {
        let good = fs::read(level(&city, number)).unwrap();
        flip(&level(&city, number), at, 6);
        city.open().unwrap();
        let head = city.engine().head().unwrap();
        city.engine().receipt(seq, &head, true).unwrap();
        city.close();
        assert_eq!(fs::read(level(&city, number)).unwrap(), good, "level {number} byte {at}");
    }
}

/// A statement sent again after its code's day is looked for in the log before anything else; where
/// its entry is damaged, that is its answer, and the ledger takes the next one.
#[test]
fn a_repetition_of_a_damaged_entry_stops_nobody() {
    let mut city = City::settled();
    let measurement = city.measurement("mei");
    let measured = city.submit(&measurement).unwrap().accounting.seq;
    let (entry, _) = city.engine().entry(measured).unwrap().unwrap();
    let bytes = entry.accounting.0;
    city.close();
    let file = fs::read(segment(&city)).unwrap();
    let at = file.windows(bytes.len()).position(|window| window == bytes).unwrap();
    city.open().unwrap();
    flip(&segment(&city), at + bytes.len() / 2, 2);
    city.clock.pass(3 * 24 * 60 * MINUTE_MS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let again = runtime.block_on(city.engine().repetition(&measurement)).unwrap().unwrap();
    assert_eq!(again.map(|accepted| accepted.accounting.seq), Err(Refusal::Damaged(measured)));
    city.measure("mei");
}
