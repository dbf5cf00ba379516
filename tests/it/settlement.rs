//! Settlement by the writer of the log: each shop's month once, when it is over, also after a pause.

use kenmai::audit::{AuditConfig, audit};
use kenmai::log::disk::RealDisk;
use ledger_spec::entry::Effect;
use ledger_spec::ids::{PlaceId, Seq};
use ledger_spec::kinds::{Body, Note, SettlementClose, SettlementPaid};
use ledger_spec::time::{Day, Month};

use crate::city::{City, MINUTE_MS, ORIGIN, id};

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The settlements in the log, each with its place.
fn settlements(city: &City) -> Vec<(Seq, SettlementClose)> {
    let size = city.engine().state().unwrap().size;
    let entries = (0..size).map(|seq| city.engine().entry(Seq(seq)).unwrap().unwrap().1);
    let settled = |effect: &Effect| {
        if let Effect::ShopSettled { settlement } = effect {
            Some(settlement.clone())
        } else {
            None
        }
    };
    let found = |entry: ledger_spec::entry::Accounting| {
        Some((entry.seq, entry.effects.iter().find_map(settled)?))
    };
    entries.filter_map(found).collect()
}

fn audit_is_clean(city: &City) {
    let keys = city.keys();
    let (data_folder, origin) = (city.data(), ORIGIN.to_owned());
    let config = AuditConfig { data_folder, origin, keys: Some(&keys) };
    let report = audit(&RealDisk, &config, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn each_month_is_settled_once_before_anything_of_the_next() {
    let mut city = City::settled();
    city.measure("mei");
    city.consult("mei");
    let first_sale = city.pay("mei", 120);
    city.clock.pass(9 * DAY_MS);
    let december = city.measure("mei");
    let shop = PlaceId(id("place of shop"));
    let [(seq, november)] = &settlements(&city)[..] else { panic!("one settlement") };
    assert_eq!((november.shop, november.month, november.yen), (shop, Month(2026 * 12 + 10), 120));
    assert_eq!((november.first, november.end), (Seq(0), *seq));
    assert!(first_sale < *seq && seq.0 + 1 == december.0, "after the day, before what follows");

    // A restart in the next year settles December, and November no second time.
    city.clock.pass(29 * DAY_MS);
    city.pay("mei", 10);
    city.close();
    city.clock.pass(2 * DAY_MS);
    city.open().unwrap();
    city.measure("mei");
    let found = settlements(&city);
    assert_eq!(found.iter().map(|row| row.1.yen).collect::<Vec<_>>(), [120, 10]);
    assert_eq!(found[1].1.first, *seq);
    city.clock.pass(40 * DAY_MS);
    city.measure("mei");
    assert_eq!(settlements(&city).len(), 2, "a month without movement has no settlement");

    let paid_on = Day::from_ymd(2026, 12, 7).unwrap();
    let reference = Note::new("FB-1").unwrap();
    city.must(
        "staff",
        Body::SettlementPaid(SettlementPaid { settlement: *seq, paid_on, reference }),
    );
    city.close();
    audit_is_clean(&city);
}
