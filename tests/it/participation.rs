//! Released figures under attack: by every world that would give the same tables, by algebra over
//! the points, and the tables of cities as large as real ones.

use std::collections::{BTreeMap, BTreeSet};

use kenmai::query::participation::funds::{FlowMonth, Running, running};
use kenmai::query::participation::suppress::{Cell, Column, Counts, Persons, persons};
use ledger_spec::ids::AccountId;
use ledger_spec::kinds::AgeTier;
use ledger_spec::points::Fund;
use ledger_spec::time::Day;
use proptest::prelude::*;

use crate::city::{City, MINUTE_MS};
use crate::views::caught_up;

/// The groups that the rules know; the last is one that nobody does.
const GROUPS: [&str; 4] = ["a", "b", "c", "z"];

fn groups() -> BTreeSet<String> {
    GROUPS.map(str::to_owned).into()
}

/// What a person is: district, age group, and the groups of actions done.
type Person = (u32, AgeTier, BTreeSet<&'static str>);

fn count(people: &[Person]) -> Counts {
    let mut counts = Counts::new();
    for (district, tier, groups) in people {
        for column in
            std::iter::once(None).chain(groups.iter().map(|group| Some((*group).to_owned())))
        {
            *counts.entry((column, *district, *tier)).or_insert(0) += 1;
        }
    }
    counts
}

fn cell(counts: &Counts, column: &Column, district: u32) -> u64 {
    let tiers = AgeTier::ALL.iter();
    tiers.filter_map(|tier| counts.get(&(column.clone(), district, *tier))).sum()
}

/// Whether counts could be those of persons: in each district and age group "any" is at least its
/// largest group and at most the sum of all.
fn possible(counts: &Counts) -> bool {
    let places: BTreeSet<(u32, AgeTier)> =
        counts.keys().map(|(_, at, tier)| (*at, *tier)).collect();
    places.iter().all(|(at, tier)| {
        let groups: Vec<u64> = counts
            .iter()
            .filter(|((column, district, of), _)| column.is_some() && (district, of) == (at, tier))
            .map(|(_, persons)| *persons)
            .collect();
        let any = counts.get(&(None, *at, *tier)).copied().unwrap_or(0);
        any >= groups.iter().copied().max().unwrap_or(0) && any <= groups.iter().sum()
    })
}

/// Every small cell of a group's column, listed or not, takes every value from 0 to k - 1 in some
/// world that gives the same tables. The worlds here differ in that cell, and in how those of its
/// district who act at all divide by age, or how many they are where that is hidden.
fn check_every_small_cell_is_free(counts: &Counts, k: u64) {
    let released = persons(counts, &groups(), k);
    let districts: BTreeSet<u32> = counts.keys().map(|(_, at, _)| *at).collect();
    for (column, at) in groups()
        .into_iter()
        .flat_map(|group| districts.iter().map(move |at| (Some(group.clone()), *at)))
    {
        let own = cell(counts, &column, at);
        if own >= k {
            continue;
        }
        for value in 0..k {
            assert!(
                worlds(counts, &column, at, value)
                    .any(|world| possible(&world) && persons(&world, &groups(), k) == released),
                "k = {k}: {column:?} in district {at} counts {own} and cannot be {value}\n{counts:?}\n{released:#?}"
            );
        }
    }
}

const TIERS: [AgeTier; 3] = [AgeTier::From18, AgeTier::From65, AgeTier::Under18];

/// Worlds in which a cell has a value: its persons are of one age group or another, and those who
/// act at all are as many as before, as few as there can be, or as many.
fn worlds<'a>(
    counts: &'a Counts,
    column: &'a Column,
    at: u32,
    value: u64,
) -> impl Iterator<Item = Counts> + 'a {
    let splits = (0..=value).flat_map(move |first| {
        (0..=value - first).map(move |second| [first, second, value - first - second])
    });
    splits.flat_map(move |split| {
        let mut world = counts.clone();
        for (tier, persons) in TIERS.into_iter().zip(split) {
            world.insert((column.clone(), at, tier), persons);
        }
        let bounds = TIERS.map(|tier| {
            let of = |column: &str| {
                world.get(&(Some(column.to_owned()), at, tier)).copied().unwrap_or(0)
            };
            (
                GROUPS.iter().map(|group| of(group)).max().unwrap(),
                GROUPS.iter().map(|group| of(group)).sum::<u64>(),
            )
        });
        let before = TIERS.map(|tier| counts.get(&(None, at, tier)).copied().unwrap_or(0));
        let all: u64 = before.iter().sum();
        let (least, most): (u64, u64) =
            bounds.iter().fold((0, 0), |(a, b), (low, high)| (a + low, b + high));
        // As many in all as before if possible, near the age groups of before; else the nearest
        // number.
        let targets = [all.clamp(least, most), least, most];
        targets.into_iter().map(move |target| {
            let mut any: Vec<u64> = before
                .iter()
                .zip(bounds)
                .map(|(before, (low, high))| (*before).clamp(low, high))
                .collect();
            let mut sum: u64 = any.iter().sum();
            for (persons, (low, high)) in any.iter_mut().zip(bounds) {
                let room = if sum < target { (high - *persons).min(target - sum) } else { 0 };
                let spare = if sum > target { (*persons - low).min(sum - target) } else { 0 };
                *persons = *persons + room - spare;
                sum = sum + room - spare;
            }
            let mut world = world.clone();
            for (tier, persons) in TIERS.into_iter().zip(any) {
                world.insert((None, at, tier), persons);
            }
            world
        })
    })
}

/// What holds of any release: nothing shown counts fewer than k, and each total is the sum of what
/// is shown.
fn check_sums(counts: &Counts, released: &Persons, k: u64) {
    let cells =
        released.districts.values().chain(released.ages.values()).flatten().chain(&released.totals);
    assert!(cells.filter_map(|cell| cell.value()).all(|persons| persons >= k));
    for (at, total) in released.totals.iter().enumerate() {
        let shown = |rows: Vec<&Vec<Cell>>| -> Vec<Option<u64>> {
            rows.iter().map(|row| row[at].value()).collect()
        };
        let districts: u64 =
            shown(released.districts.values().collect()).into_iter().flatten().sum();
        assert_eq!(total.value().unwrap_or(0), districts, "column {at} of {released:#?}");
        let ages = shown(released.ages.values().collect());
        if ages.iter().all(Option::is_some) && !ages.is_empty() {
            assert_eq!(ages.into_iter().flatten().sum::<u64>(), districts);
        } else {
            assert!(ages.iter().all(Option::is_none), "one age group alone is hidden");
        }
    }
    let hidden = |rows: &BTreeMap<u32, Vec<Cell>>| {
        rows.values().flatten().any(|cell| cell.value().is_none())
    };
    if hidden(&released.districts) || !released.left_out.is_empty() {
        // With those of a district they would say how many of its old people the groups shown must
        // explain.
        assert!(released.ages.values().all(|row| row[0] == Cell::Withheld), "{released:#?}");
    }
    for (at, row) in &released.districts {
        for (column, shown) in released.columns.iter().zip(row) {
            let own = cell(counts, column, *at);
            match shown {
                Cell::Shown(persons) => assert_eq!(persons.get(), own),
                Cell::Small => assert!(own < k),
                Cell::Withheld => assert!(own >= k && column.is_none()),
            }
        }
    }
}

fn person(districts: u32) -> impl Strategy<Value = Person> {
    let tier = prop::sample::select(vec![
        AgeTier::Under18,
        AgeTier::From18,
        AgeTier::From18,
        AgeTier::From65,
    ]);
    let groups = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    (1..=districts, tier, groups)
        .prop_map(|(district, tier, groups)| (district, tier, groups.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_small_cell_can_be_narrowed(people in prop::collection::vec(person(3), 1..40), k in 2u64..5) {
        let counts = count(&people);
        check_sums(&counts, &persons(&counts, &groups(), k), k);
        check_every_small_cell_is_free(&counts, k);
    }

    #[test]
    fn the_sums_hold_at_ten(people in prop::collection::vec(person(5), 1..400)) {
        let counts = count(&people);
        check_sums(&counts, &persons(&counts, &groups(), 10), 10);
    }
}

/// Whether some left out and some listed among the groups say who did one: one person and nobody
/// give the same tables.
#[test]
fn a_group_that_nobody_did_is_left_out_like_one_that_few_did() {
    let crowd = |groups: &[&'static str]| -> Vec<Person> {
        (0..24)
            .map(|number| (number % 2 + 1, AgeTier::From18, groups.iter().copied().collect()))
            .collect()
    };
    let (nobody, mut one) = (crowd(&["a", "b"]), crowd(&["a", "b"]));
    one[0].2.insert("c");
    let released = persons(&count(&nobody), &groups(), 10);
    assert_eq!(released, persons(&count(&one), &groups(), 10));
    assert_eq!(released.left_out, ["c", "z"]);
}

/// All cities with so many persons of each kind in each place, by what they release: the strongest
/// attacker, who knows the rules and has tried all worlds. Where a release shows figures so large
/// that no world here could replace one person by another, too few worlds were tried, and it is
/// left out.
fn check_all_worlds(places: &[(u32, AgeTier)], most: [u32; 3], expected: (usize, usize)) {
    const K: u64 = 2;
    const KINDS: [&[&str]; 3] = [&["a"], &["b"], &["a", "b"]];
    let groups: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
    let columns = ["a", "b"].map(|group| Some(group.to_owned()));
    let districts: BTreeSet<u32> = places.iter().map(|(district, _)| *district).collect();
    let mut seen: BTreeMap<Persons, BTreeMap<(&Column, u32), BTreeSet<u64>>> = BTreeMap::new();
    let kinds: Vec<_> = places
        .iter()
        .flat_map(|place| KINDS.iter().zip(most).map(move |(kind, most)| (place, *kind, most)))
        .collect();
    let worlds: u32 = kinds.iter().map(|(.., most)| most + 1).product();
    for world in 0..worlds {
        let (mut counts, mut digits) = (Counts::new(), world);
        for ((district, tier), done, most) in &kinds {
            let persons = u64::from(digits % (most + 1));
            digits /= most + 1;
            for column in
                std::iter::once(None).chain(done.iter().map(|group| Some((*group).to_owned())))
            {
                *counts.entry((column, *district, *tier)).or_insert(0) += persons;
            }
        }
        let known = seen.entry(persons(&counts, &groups, K)).or_default();
        for (column, district) in
            columns.iter().flat_map(|column| districts.iter().map(move |at| (column, *at)))
        {
            known.entry((column, district)).or_default().insert(cell(&counts, column, district));
        }
    }
    let least = u64::from(most.into_iter().min().unwrap());
    let small_world = |released: &Persons| {
        let mut shown = released.districts.values().flatten().filter_map(|cell| cell.value());
        shown.all(|persons| persons <= least)
    };
    let (mut small, mut tried) = (0, 0);
    for (released, known) in seen.iter().filter(|(released, _)| small_world(released)) {
        tried += 1;
        for (at, values) in known.iter().filter(|(_, values)| values.iter().any(|value| *value < K))
        {
            small += 1;
            assert!(
                (0..K).all(|value| values.contains(&value)),
                "{at:?} is one of {values:?}\n{released:#?}"
            );
        }
    }
    assert_eq!((tried, small), expected, "releases and small cells tried");
}

#[test]
fn all_worlds_of_three_hamlets_narrow_nothing() {
    let places = [(1, AgeTier::From18), (2, AgeTier::From18), (3, AgeTier::From18)];
    check_all_worlds(&places, [3, 2, 2], (34, 102));
}

#[test]
fn all_worlds_of_two_hamlets_with_old_and_young_narrow_nothing() {
    let places = [(1, AgeTier::From18), (1, AgeTier::From65), (2, AgeTier::From18)];
    check_all_worlds(&places, [3, 2, 2], (13, 28));
}

/// A year of a city of 3,000: nine districts of different size, four groups, one of them rare.
#[test]
fn at_most_a_tenth_is_hidden_in_a_city_of_3000() {
    /// The largest share of cells that may be hidden, in percent.
    const HIDDEN_PERCENT_MAX: usize = 10;
    const WEIGHTS: [u32; 9] = [20, 16, 14, 12, 10, 9, 8, 6, 5];
    let mut state = 7u64;
    let mut next = |bound: u32| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 33).unwrap() % bound
    };
    let (mut hidden, mut all) = (0, 0);
    for _ in 0..12 {
        let people: Vec<Person> = (0..3_000)
            .map(|_| {
                let mut at = next(100);
                let district = WEIGHTS.iter().position(|weight| {
                    let here = at < *weight;
                    at = at.saturating_sub(*weight);
                    here
                });
                let tier = if next(3) == 0 { AgeTier::From65 } else { AgeTier::From18 };
                let done = [("vegetables", 60), ("pressure", 40), ("composition", 30), ("care", 4)];
                let groups = done
                    .into_iter()
                    .filter(|(_, percent)| next(100) < *percent)
                    .map(|(group, _)| group);
                (u32::try_from(district.unwrap_or(8)).unwrap() + 1, tier, groups.collect())
            })
            .filter(|(_, _, groups): &Person| !groups.is_empty())
            .collect();
        let counts = count(&people);
        let known = ["vegetables", "pressure", "composition", "care"].map(str::to_owned).into();
        let released = persons(&counts, &known, 10);
        check_sums(&counts, &released, 10);
        let cells: Vec<&Cell> = released
            .districts
            .values()
            .chain(released.ages.values())
            .flatten()
            .chain(&released.totals)
            .collect();
        hidden += cells.iter().filter(|cell| cell.value().is_none()).count();
        all += cells.len();
    }
    assert!(all > 12 * 40, "{all} cells");
    assert!(hidden * 100 <= all * HIDDEN_PERCENT_MAX, "{hidden} of {all} cells are hidden");
}

/// Months of three funds, and days whose totals the log hides: who stands behind each.
#[derive(Clone, Debug)]
struct Flow {
    months: Vec<FlowMonth>,
}

const FUNDS: [Fund; 3] = [Fund::General, Fund::Nhi, Fund::CareInsurance];

fn crowd(persons: usize, from: usize) -> BTreeSet<AccountId> {
    (from..from + persons).map(|number| AccountId([u8::try_from(number).unwrap(); 16])).collect()
}

fn flow(k: usize) -> impl Strategy<Value = Flow> {
    let fund = (0..3 * k, 0usize..20);
    let month = (
        prop::collection::vec(fund, 3),
        prop::collection::vec((0..k, 0usize..20), 0..3),
        any::<bool>(),
    );
    prop::collection::vec(month, 1..6).prop_map(|months| {
        let months =
            months.into_iter().enumerate().map(|(number, (funds, days, hides))| FlowMonth {
                month: Day(u32::try_from(number).unwrap() * 31),
                funds: FUNDS
                    .into_iter()
                    .zip(
                        funds
                            .into_iter()
                            .map(|(n, from)| (7 * i64::try_from(n).unwrap(), crowd(n, from))),
                    )
                    .collect(),
                hidden_days: days
                    .into_iter()
                    .filter(|_| hides)
                    .map(|(n, from)| crowd(n, from))
                    .collect(),
            });
        Flow { months: months.collect() }
    })
}

/// Solves a linear system over the rationals and tells which combination vectors are determined by
/// it.
struct Known {
    rows: Vec<Vec<i128>>,
}

impl Known {
    /// Reduces a vector by what is known; all zero means that it follows.
    fn reduce(&self, mut vector: Vec<i128>) -> Vec<i128> {
        for row in &self.rows {
            let lead = row.iter().position(|value| *value != 0).unwrap();
            if vector[lead] != 0 {
                let (a, b) = (row[lead], vector[lead]);
                vector = vector.iter().zip(row).map(|(v, r)| v * a - r * b).collect();
                let divisor = vector.iter().fold(0, |a, b| gcd(a, b.abs())).max(1);
                vector.iter_mut().for_each(|value| *value /= divisor);
            }
        }
        vector
    }

    fn learn(&mut self, vector: Vec<i128>) {
        let vector = self.reduce(vector);
        if vector.iter().any(|value| *value != 0) {
            self.rows.push(vector);
            self.rows.sort_by_key(|row| row.iter().position(|value| *value != 0));
        }
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// An attacker with every published running sum, and of each month the sum over all funds less its
/// hidden days, does not find what a fund moved in a month with fewer than k persons, nor a hidden
/// day.
fn check_points(flow: &Flow, k: usize) {
    let days: Vec<(usize, &BTreeSet<AccountId>)> = flow
        .months
        .iter()
        .enumerate()
        .flat_map(|(at, month)| month.hidden_days.iter().map(move |day| (at, day)))
        .collect();
    let cells = flow.months.len() * FUNDS.len();
    let unit =
        |at: usize| (0..cells + days.len()).map(|of| i128::from(of == at)).collect::<Vec<_>>();
    let mut known = Known { rows: Vec::new() };
    for at in 0..flow.months.len() {
        let mut identity = vec![0; cells + days.len()];
        (0..FUNDS.len()).for_each(|fund| identity[at * FUNDS.len() + fund] = 1);
        days.iter()
            .enumerate()
            .filter(|(_, (month, _))| *month == at)
            .for_each(|(day, _)| identity[cells + day] = -1);
        known.learn(identity);
    }
    let published = running(&flow.months, k);
    for Running { as_of, points } in &published {
        let Some(as_of) = as_of else { continue };
        for (column, fund) in FUNDS.iter().enumerate() {
            let (mut sum, mut true_points) = (vec![0; cells + days.len()], 0);
            for (at, month) in
                flow.months.iter().enumerate().filter(|(_, month)| month.month <= *as_of)
            {
                sum[at * FUNDS.len() + column] = 1;
                true_points += month.funds[fund].0;
            }
            assert_eq!(points[fund], true_points, "a published sum is the true one");
            known.learn(sum);
        }
    }
    for (at, month) in flow.months.iter().enumerate() {
        for (column, fund) in FUNDS.iter().enumerate() {
            // That nobody moved a sum is shown as no change.
            if (1..k).contains(&month.funds[fund].1.len()) {
                let left = known.reduce(unit(at * FUNDS.len() + column));
                assert!(
                    left.iter().any(|value| *value != 0),
                    "{fund:?} of month {at} follows: {published:#?}"
                );
            }
        }
    }
    for (day, _) in days.iter().enumerate().filter(|(_, (_, behind))| !behind.is_empty()) {
        let left = known.reduce(unit(cells + day));
        assert!(left.iter().any(|value| *value != 0), "hidden day {day} follows: {published:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn no_small_sum_of_points_follows(flow in flow(4)) {
        check_points(&flow, 4);
    }
}

/// Funds that waited by turns told each other's small months.
#[test]
fn funds_that_move_in_different_months_tell_nothing() {
    let month = |number: u32, persons: [usize; 3]| FlowMonth {
        month: Day(number * 31),
        funds: FUNDS
            .into_iter()
            .zip(persons.map(|n| (7 * i64::try_from(n).unwrap(), crowd(n, 0))))
            .collect(),
        hidden_days: vec![],
    };
    for months in [
        vec![[4, 0, 0], [0, 0, 4], [0, 1, 4], [4, 4, 4]],
        vec![[8, 3, 9], [8, 9, 3], [3, 8, 9], [9, 9, 9], [9, 2, 0]],
    ] {
        let months = (0..).zip(months).map(|(number, persons)| month(number, persons)).collect();
        check_points(&Flow { months }, 4);
    }
}

#[test]
fn a_figure_waits_until_ten_more_have_moved_it() {
    let month = |number: u32, persons: usize, from: usize| FlowMonth {
        month: Day(number * 31),
        funds: FUNDS
            .into_iter()
            .map(|fund| {
                (
                    fund,
                    if fund == Fund::Nhi { (5, crowd(persons, from)) } else { (100, crowd(30, 0)) },
                )
            })
            .collect(),
        hidden_days: vec![],
    };
    let months = [month(0, 12, 0), month(1, 4, 0), month(2, 4, 2), month(3, 4, 20)];
    let published = running(&months, 10);
    let nhi: Vec<_> =
        published.iter().map(|of| (of.points[&Fund::Nhi], of.as_of.unwrap().0 / 31)).collect();
    // Four persons, then six in all: everything waits. With ten it moves.
    assert_eq!(nhi, [(5, 0), (5, 0), (5, 0), (20, 3)]);
    let general: Vec<i64> = published.iter().map(|of| of.points[&Fund::General]).collect();
    assert_eq!(general, [100, 100, 100, 400]);
}

#[tokio::test]
async fn the_page_its_files_and_the_answer_say_the_same_and_name_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let client = crate::demo::found_with_districts(folder.path(), "2026-11-24").await;
    let visitor = client
        .send(axum::http::Method::POST, &client.path("/demo/visitors"), "application/json", "{}")
        .await;
    assert_eq!(visitor.status, 201, "{}", visitor.text());
    let json = loop {
        let json = client.get(&client.path("/participation")).await.json();
        // The views follow within a moment.
        if json["weeks"][0]["monday"] == "2026-11-16" {
            break json;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(json["weeks"].as_array().unwrap().len(), 27);
    assert_eq!(json["months"].as_array().unwrap().len(), 12);
    let month = &json["months"][0];
    assert_eq!(month["month"], "2026-10-01");
    assert_eq!(month["districts"].as_array().unwrap().len(), 9);
    for lang in ["ja", "en"] {
        let page = client.get(&format!("/{}/participation?lang={lang}", client.name)).await;
        assert_eq!(page.status, 200);
        let week = json["weeks"][0]["persons"].as_u64().unwrap();
        assert!(page.text().contains(&format!("<dd>{week}</dd>")), "the last week's participants");
        assert_eq!(page.text().matches(".csv\" download").count(), 7, "rates need a population");
    }
    for table in ["weeks", "months", "districts", "ages", "channels", "stations", "funds"] {
        let file = client.get(&format!("/{}/participation/{table}.csv", client.name)).await;
        assert_eq!(file.status, 200, "{table}");
        assert!(file.bytes.starts_with("\u{feff}".as_bytes()), "a byte order mark");
        let name = file.header("content-disposition");
        assert!(name.contains(&format!("{}-{table}-2026-1", client.name)), "{name}");
        assert!(file.text().lines().count() > 1, "{table}");
    }
    let districts = client.get(&format!("/{}/participation/districts.csv", client.name)).await;
    let districts = districts.text();
    let first =
        districts.lines().nth(1).unwrap().split(',').nth(2).unwrap().parse::<u64>().unwrap();
    assert_eq!(month["districts"][0]["persons"][1], first);
    for unknown in ["participation/persons.csv", "participation/weeks", "participation/weeks.xlsx"]
    {
        let answer = client.get(&format!("/{}/{unknown}", client.name)).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(client.get("/v1/nowhere/participation").await.status, 404);
    assert_eq!(client.get("/nowhere/participation").await.status, 404);
}

/// Every number in a JSON value.
fn numbers(value: &serde_json::Value, found: &mut Vec<u64>) {
    match value {
        serde_json::Value::Number(number) => found.extend(number.as_u64()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        serde_json::Value::Object(fields) => {
            fields.values().for_each(|value| numbers(value, found));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
    }
}

/// What a ledger releases after as many residents have measured, in one week.
fn released_after(residents: usize) -> Vec<u64> {
    let mut city = City::settled();
    city.measure("mei");
    for number in 1..residents {
        let name = format!("resident {number}");
        city.join(&name);
        city.enrol(&name);
        city.measure(&name);
    }
    // The week and the month close with the first entry after them.
    city.clock.pass(70 * 24 * 60 * MINUTE_MS);
    city.measure("mei");
    caught_up(city.engine());
    let release = kenmai::query::participation::release(city.engine(), None).unwrap();
    assert!(!release.weeks.is_empty() && !release.months.is_empty());
    let mut found = Vec::new();
    numbers(&serde_json::to_value(release).unwrap(), &mut found);
    found
}

#[test]
fn nine_residents_leave_no_number_and_ten_leave_one() {
    let nine = released_after(9);
    assert!(!nine.iter().any(|number| (1..10).contains(number)), "{nine:?}");
    let ten = released_after(10);
    assert!(ten.contains(&10), "{ten:?}");
}
