//! The read views against a plain fold of the log, and after everything that can happen to their
//! folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kenmai::engine::Engine;
use kenmai::views::{self, Demography, FundMonth, StationMonth, VIEWS_FOLDER, Views};
use ledger_spec::caps::Channel;
use ledger_spec::entry::{Accounting, Contra, Effect};
use ledger_spec::ids::{AccountId, Kid, LedgerId, PlaceId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{AccountFacts, AgeTier, Body, Code, Insurance, KeyRegister, Role, Void};
use ledger_spec::points::{Fund, Purse};
use ledger_spec::statement::Holder;
use ledger_spec::time::Day;
use proptest::prelude::*;

use crate::city::{City, ORIGIN, PROGRAMME, account, approval_of, card, key, register};

const MINUTE_MS: u64 = 60_000;
const NAMES: [&str; 4] = ["mei", "ken", "aoi", "rin"];

/// Waits until the views hold the whole log.
pub(crate) fn caught_up(engine: &Engine) -> &Views {
    let size = Seq(engine.state().unwrap().size);
    while engine.views().applied() < size {
        std::thread::yield_now();
    }
    assert_eq!(engine.views().applied(), size);
    engine.views()
}

fn log(engine: &Engine) -> Vec<Accounting> {
    (0..)
        .map_while(|seq| engine.entry(Seq(seq)).unwrap())
        .map(|(_, accounting)| accounting)
        .collect()
}

/// All views as plain maps, and the sets behind them.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    weeks: BTreeMap<Day, BTreeSet<AccountId>>,
    cells: BTreeMap<(Day, Option<Code>), BTreeMap<AccountId, Demography>>,
    channels: BTreeMap<(Day, Channel), Vec<AccountId>>,
    stations: BTreeMap<(Day, PlaceId), Vec<AccountId>>,
    shop_days: BTreeMap<(PlaceId, Day), (u32, i64)>,
    granted: BTreeMap<(Day, Fund), (i64, BTreeSet<AccountId>)>,
    redeemed: BTreeMap<(Day, Fund), (i64, BTreeSet<AccountId>)>,
    lots: BTreeMap<(Day, Fund, Day), i64>,
    held: BTreeMap<(Fund, Day, AccountId), i64>,
    closed: BTreeMap<Day, u32>,
    earners: BTreeMap<Day, BTreeSet<AccountId>>,
    spenders: BTreeMap<Day, BTreeSet<AccountId>>,
}

impl Plain {
    fn of(entries: &[Accounting]) -> Self {
        let (mut plain, mut facts, mut places) =
            (Self::default(), BTreeMap::new(), BTreeMap::new());
        let at = |seq: Seq| {
            let entry = &entries[usize::try_from(seq.0).unwrap()];
            kept::read(&entry.statement.0).unwrap()
        };
        for entry in entries {
            let statement = kept::read(&entry.statement.0).unwrap();
            let (day, who) = (entry.accepted_day(), entry.subject.map(|subject| subject.account));
            for effect in &entry.effects {
                if let Effect::FactsSet { age_tier, district, .. } = effect {
                    let cell = Demography { district: *district, age_tier: *age_tier };
                    facts.insert(who.unwrap(), cell);
                }
                if let Effect::KeyRegistered { public_key, role: Role::Station, place, .. } = effect
                {
                    places.insert(Kid::of(public_key), place.unwrap());
                }
                if let Effect::DayClosed { day, totals, .. } = effect {
                    plain.closed.insert(*day, totals.accounts);
                }
                if let Effect::ActionJudged { channel, granted, purse, .. } = effect {
                    let reported = if let Body::Approve(approve) = &statement.core.body {
                        at(approve.proposal)
                    } else {
                        statement.clone()
                    };
                    let Body::Action(body) = &reported.core.body else { panic!("an action") };
                    let who = who.unwrap();
                    plain.act(day, who, &body.action, *channel, facts[&who]);
                    if let Some(place) = places.get(&statement.kid) {
                        plain.stations.entry((day.month_start(), *place)).or_default().push(who);
                    }
                    if *granted > 0 && *purse == Purse::Yen {
                        plain.earners.entry(day).or_default().insert(who);
                    }
                }
            }
            for (lot, points, contra) in
                entry.postings().filter(|(lot, ..)| lot.purse == Purse::Yen)
            {
                let (who, month) = (who.unwrap(), day.month_start());
                *plain.lots.entry((month, lot.fund, lot.expires_on)).or_default() += points;
                *plain.held.entry((lot.fund, lot.expires_on, who)).or_default() += points;
                if let Contra::Shop(shop) = contra {
                    let (sum, spenders) = plain.redeemed.entry((month, lot.fund)).or_default();
                    *sum -= points;
                    if points < 0 {
                        spenders.insert(who)
                    } else {
                        spenders.remove(&who)
                    };
                    plain.shop_days.entry((shop, day)).or_default().1 -= points;
                    plain.spenders.entry(day).or_default().insert(who);
                } else {
                    let (sum, earners) = plain.granted.entry((month, lot.fund)).or_default();
                    *sum += points;
                    earners.insert(who);
                }
            }
            if let Body::Redeem(body) = &statement.core.body {
                plain.shop_days.entry((body.shop, day)).or_default().0 += 1;
            }
            if let Body::Void(void) = &statement.core.body {
                let Body::Redeem(body) = at(void.entry).core.body else { panic!("a redemption") };
                plain.shop_days.entry((body.shop, day)).or_default().0 -= 1;
            }
        }
        plain.held.retain(|_, points| *points != 0);
        plain
    }

    fn act(&mut self, day: Day, who: AccountId, group: &Code, channel: Channel, facts: Demography) {
        let month = day.month_start();
        self.weeks.entry(day.week_start()).or_default().insert(who);
        let any = self.cells.entry((month, None)).or_default();
        // The district of the month's first action holds for the month.
        let cell = *any.entry(who).or_insert(facts);
        self.cells.entry((month, Some(group.clone()))).or_default().insert(who, cell);
        self.channels.entry((month, channel)).or_default().push(who);
    }
}

/// Whether the views say the same as the plain fold.
fn check(views: &Views, entries: &[Accounting]) {
    let plain = Plain::of(entries);
    let count = |of: usize| u32::try_from(of).unwrap();
    let weeks = plain.weeks.iter().map(|(week, who)| (*week, count(who.len()))).collect();
    assert_eq!(views.weeks().unwrap(), weeks);
    let mut cells = BTreeMap::new();
    for ((month, group), who) in &plain.cells {
        for cell in who.values() {
            *cells.entry((*month, group.clone(), *cell)).or_insert(0) += 1;
        }
    }
    assert_eq!(views.cells().unwrap(), cells);
    let used =
        |who: &Vec<AccountId>| (who.len() as u64, who.iter().copied().collect::<BTreeSet<_>>());
    let of_view = |used: &views::Use| (used.actions, used.crowd.0.iter().copied().collect());
    let channels: BTreeMap<_, _> =
        plain.channels.iter().map(|(at, who)| (*at, used(who))).collect();
    let found = views.channels().unwrap();
    assert_eq!(
        found.iter().map(|(at, used)| (*at, of_view(used))).collect::<BTreeMap<_, _>>(),
        channels
    );
    let stations: BTreeMap<_, _> =
        plain.stations.iter().map(|(at, who)| (*at, used(who))).collect();
    let found = views.stations().unwrap();
    let found = found
        .iter()
        .map(|(StationMonth { month, station }, used)| ((*month, *station), of_view(used)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), stations);
    let shop_days: BTreeMap<_, _> = views
        .shop_days()
        .unwrap()
        .into_iter()
        .map(|(at, day)| (at, (day.count, day.points)))
        .collect();
    assert_eq!(shop_days, plain.shop_days);
    for ((shop, day), (count, points)) in plain.shop_days {
        let found = views.shop_day(shop, day).unwrap();
        assert_eq!((found.count, found.points), (count, points));
    }
    let funds = views.funds().unwrap();
    let side = |of: fn(&FundMonth) -> (i64, &views::Crowd)| {
        let rows = funds.iter().map(|(at, row)| (*at, of(row)));
        let rows = rows
            .map(|(at, (sum, who))| (at, (sum, who.0.iter().copied().collect::<BTreeSet<_>>())));
        rows.filter(|(_, (sum, who))| *sum != 0 || !who.is_empty()).collect::<BTreeMap<_, _>>()
    };
    let mut redeemed = plain.redeemed;
    redeemed.retain(|_, (sum, who)| *sum != 0 || !who.is_empty());
    assert_eq!(side(|row| (row.granted, &row.earners)), plain.granted);
    assert_eq!(side(|row| (row.redeemed, &row.spenders)), redeemed);
    assert_eq!(views.lots().unwrap(), plain.lots);
    let mut holders = BTreeMap::new();
    for (fund, expires_on, _) in plain.held.keys() {
        *holders.entry((*fund, *expires_on)).or_insert(0) += 1;
    }
    let found = views.holders().unwrap().into_iter().filter(|(_, holders)| *holders > 0);
    assert_eq!(found.collect::<BTreeMap<_, _>>(), holders);
    let days = views.days().unwrap();
    let accounts = days.iter().filter_map(|(day, row)| Some((*day, row.accounts?)));
    assert_eq!(accounts.collect::<BTreeMap<_, _>>(), plain.closed);
    for (day, row) in days {
        let named = |who: views::Crowd| who.0.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(named(row.earners), plain.earners.get(&day).cloned().unwrap_or_default());
        assert_eq!(named(row.spenders), plain.spenders.get(&day).cloned().unwrap_or_default());
    }
    let span = entries.first().zip(entries.last());
    assert_eq!(views.span(), span.map(|(first, last)| (first.accepted_day(), last.accepted_day())));
}

/// A city of four residents with a second station key and a kiosk's place, where check-ups take two
/// persons of the staff.
fn city() -> City {
    let staff = r#""checkup", "name": "健診", "name_en": "Check-up",
      "class": "milestone", "evidence": ["registry", "staff"]"#;
    let rules = PROGRAMME.replace(staff, &staff.replace("staff", "two_staff"));
    assert_ne!(rules, PROGRAMME);
    let mut city = City::fresh().settle_under(&rules);
    for name in ["aoi", "rin"] {
        city.join(name);
        city.enrol(name);
    }
    let Body::KeyRegister(second) = register("second station", Role::Station) else {
        unreachable!()
    };
    let Body::KeyRegister(first) = register("station", Role::Station) else { unreachable!() };
    city.enact(Body::KeyRegister(KeyRegister { place: first.place, ..second }));
    city
}

/// One step of a random life. Whatever the rules refuse is left out.
fn step(city: &mut City, paid: &mut Vec<Seq>, kind: u8, who: usize, size: u32) {
    let name = NAMES[who];
    let submission = match kind {
        0..=4 => {
            let station = ["station", "second station"][usize::from(kind % 2)];
            let holder =
                if who == 1 || kind == 4 { Holder::Card(card(name)) } else { city.phone(name) };
            city.action(station, "vegetables", None, holder)
        }
        5 => city.action("staff", "checkup", None, Holder::Account(account(name))),
        6 => city.action("coach", "care", Some("guidance"), Holder::Card(card(name))),
        7 | 8 if who != 1 => city.payment(name, 10 + size % 60),
        9 => {
            let Some(entry) = paid.pop() else { return };
            city.core(Body::Void(Void { entry })).sign(&key("shop"), None)
        }
        10 => {
            let age_tier = AgeTier::ALL[usize::try_from(size % 6).unwrap()];
            let from = Day::fiscal_year_first(2020);
            let eligible_from = (!size.is_multiple_of(5)).then_some(from);
            let district = size % 3;
            let facts = AccountFacts {
                account: account(name),
                age_tier,
                age_on: from,
                insurance: Insurance::Nhi,
                eligible_from,
                district,
            };
            city.core(Body::AccountFacts(facts)).sign(&key("staff"), None)
        }
        11 => {
            // Three days on: the day before can still be reported late.
            city.clock.pass(u64::from(size % 12) * 24 * 60 * MINUTE_MS);
            let holder = Holder::Card(card(name));
            let mut core = city.action_core("vegetables");
            core.day = core.day.minus(size % 3);
            let mut disclosure = city.disclosure(Some(holder));
            disclosure.performed_at_s -= u64::from(size % 3) * 24 * 60 * 60;
            core.sign(&key("station"), Some(&disclosure))
        }
        _ => return city.clock.pass(u64::from(size) * MINUTE_MS),
    };
    city.clock.pass(MINUTE_MS);
    if let Ok(accepted) = city.submit(&submission) {
        let statement = kept::read(&accepted.accounting.statement.0).unwrap();
        if let Body::Redeem(_) = statement.core.body {
            paid.push(accepted.accounting.seq);
        }
        let proposed = |effect: &Effect| matches!(effect, Effect::Proposed { .. });
        if accepted.accounting.effects.iter().any(proposed) && !size.is_multiple_of(4) {
            let approval = city.core(approval_of(&accepted.accounting)).sign(&key("root-1"), None);
            // The act may have been approved before.
            let _ = city.submit(&approval);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn they_say_what_a_plain_fold_of_the_log_says(
        steps in prop::collection::vec((0u8..14, 0usize..4, 0u32..600), 60..90),
        cut in 0usize..60,
    ) {
        let mut city = city();
        let mut paid = Vec::new();
        for (kind, who, size) in steps {
            step(&mut city, &mut paid, kind, who, size);
        }
        let entries = log(city.engine());
        check(caught_up(city.engine()), &entries);
        // In any runs the same: opened again at an older place, as a crash leaves it.
        let folder = tempfile::tempdir().unwrap();
        let ledger = LedgerId::of_origin(ORIGIN);
        let cut = cut.min(entries.len());
        let views = Views::open(folder.path(), ledger).unwrap();
        views.apply(&entries[..cut]).unwrap();
        drop(views);
        let views = Views::open(folder.path(), ledger).unwrap();
        prop_assert_eq!(views.applied(), Seq(cut as u64));
        for entry in &entries[cut..] {
            views.apply(std::slice::from_ref(entry)).unwrap();
        }
        check(&views, &entries);
        prop_assert!(views.apply(&entries[..1]).is_err(), "an entry twice");
    }
}

/// The threads of a closed tree let its file go a moment after it, later on a busy machine.
#[test]
fn they_open_again_right_after_they_were_closed() {
    let mut city = City::settled();
    city.live();
    let entries = log(city.engine());
    let folder = tempfile::tempdir().unwrap();
    let ledger = LedgerId::of_origin(ORIGIN);
    for (at, entry) in entries.iter().cycle().take(300).enumerate() {
        let views = Views::open(folder.path(), ledger).unwrap();
        assert_eq!(views.applied(), Seq((at % entries.len()) as u64), "opened {at} times");
        views.apply(std::slice::from_ref(entry)).unwrap();
        if at % entries.len() == entries.len() - 1 {
            views.clear().unwrap();
        }
    }
}

/// Lives a story, lets `harm` loose on the folder of the closed ledger, and expects whole views
/// after the next start.
fn check_mended(harm: impl FnOnce(&std::path::Path, &[Accounting])) {
    let mut city = City::settled();
    city.live();
    let entries = log(city.engine());
    check(caught_up(city.engine()), &entries);
    city.close();
    harm(&city.data().join(VIEWS_FOLDER), &entries);
    city.open().unwrap();
    check(caught_up(city.engine()), &entries);
    city.clock.pass(MINUTE_MS);
    city.measure("mei");
    check(caught_up(city.engine()), &log(city.engine()));
}

#[test]
fn they_are_made_again_when_they_are_gone() {
    check_mended(|folder, _| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn they_are_made_again_when_a_file_is_damaged() {
    for at in [0, 3_000, 20_000] {
        check_mended(|folder, _| {
            let file = folder.join("db");
            let mut bytes = fs::read(&file).unwrap();
            let length = bytes.len();
            for byte in bytes.iter_mut().skip(at.min(length - 1)).take(9_000) {
                *byte ^= 0x5a;
            }
            fs::write(&file, bytes).unwrap();
        });
    }
}

#[test]
fn they_are_made_again_when_the_folder_holds_something_else() {
    check_mended(|folder, _| {
        fs::remove_dir_all(folder).unwrap();
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("conf"), "not sled's").unwrap();
        fs::write(folder.join("db"), "nothing").unwrap();
    });
}

#[test]
fn they_are_made_again_when_they_are_of_another_ledger() {
    check_mended(|folder, entries| {
        fs::remove_dir_all(folder).unwrap();
        let other = Views::open(folder, LedgerId([7; 8])).unwrap();
        other.apply(&entries[..5]).unwrap();
    });
}

#[test]
fn they_are_made_again_when_they_are_ahead_of_the_log() {
    check_mended(|folder, entries| {
        let ahead = Views::open(folder, LedgerId::of_origin(ORIGIN)).unwrap();
        let last = entries.last().unwrap();
        let next = Accounting { seq: Seq(last.seq.0 + 1), ..last.clone() };
        ahead.apply(&[next]).unwrap();
    });
}

#[test]
fn they_go_on_from_an_older_moment() {
    check_mended(|folder, entries| {
        fs::remove_dir_all(folder).unwrap();
        let older = Views::open(folder, LedgerId::of_origin(ORIGIN)).unwrap();
        older.apply(&entries[..17]).unwrap();
    });
}
