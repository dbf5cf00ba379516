//! The demo cities on the days that are hard for calendars, after long pauses, and after a crash in
//! their making.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::http::Method;
use kenmai::audit::{AuditConfig, audit};
use kenmai::cli::metrics as metrics_of;
use kenmai::config::Limits;
use kenmai::demo::door::{self, Desks};
use kenmai::demo::{
    self, Blueprint, Cast, CityMetrics, DemoCity, HISTORY_DAYS, MINATO, OPEN_PHONES, OpenError,
    YAIZU,
};
use kenmai::http::{Ledger, Server};
use kenmai::keys::{self, LedgerKeys};
use kenmai::log::disk::RealDisk;
use kenmai::metrics::Metrics;
use kenmai::reports::zengin::BankAccount;
use kenmai::simulate::{FundTotals, SimulateConfig, simulate};
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{Body, Redeem};
use ledger_spec::points::Points;
use ledger_spec::programme::Programme;
use ledger_spec::statement::{Core, Disclosure, Holder, Values};
use ledger_spec::time::{Day, Month};
use ledger_spec::token;
use serde_json::Value;

use crate::city::{self, ORIGIN, PROGRAMME, account, approval_of};
use crate::town::{Client, TestClock};

/// The larger city, with no more people than a test needs.
const SMALL: Blueprint = Blueprint { residents: 300, ..YAIZU };
/// The most entries that a city has of a day's life: a measure too many in its rules would show
/// here.
const ENTRIES_A_DAY_MAX: u64 = 100;

async fn open_city(
    home: &Path,
    city: Blueprint,
    clock: &Arc<TestClock>,
    metrics: &Metrics,
) -> Result<DemoCity, OpenError> {
    let aside = Metrics::new().expect("fixed names").ledger(city.ledger);
    let figures = CityMetrics { making: aside, serving: metrics.ledger(city.ledger) };
    let (home, time) = (home.to_owned(), Arc::<TestClock>::clone(clock));
    // A founding waits for its verdicts, which no thread of a runtime may.
    let opening = move || demo::open(&home, city, time, figures, |_| {});
    tokio::task::spawn_blocking(opening).await.expect("it does not panic")
}

fn serve(cities: Vec<(Blueprint, DemoCity)>, clock: &Arc<TestClock>, metrics: Metrics) -> Client {
    let first = cities.first().expect("a city").0;
    let (mut ledgers, mut desks) = (Vec::new(), Desks::new());
    for (of, city) in cities {
        ledgers.push(Ledger::new(of.ledger.to_owned(), city.engine).as_demo());
        desks.insert(of.ledger.to_owned(), city.desk);
    }
    let time = Arc::<TestClock>::clone(clock);
    let server = Server::new(ledgers, time, metrics, Limits::default());
    Client {
        router: door::router(server.expect("there is a ledger"), desks),
        clock: Arc::clone(clock),
        name: first.ledger,
        ledger: LedgerId::of_origin(first.origin),
    }
}

async fn open(data: &Path, clock: &Arc<TestClock>) -> Result<(Client, u64), OpenError> {
    open_of(data, SMALL, clock).await
}

async fn open_of(
    data: &Path,
    blueprint: Blueprint,
    clock: &Arc<TestClock>,
) -> Result<(Client, u64), OpenError> {
    let metrics = Metrics::new().expect("fixed names");
    let city = open_city(data, blueprint, clock, &metrics).await?;
    let entries = city.entries;
    Ok((serve(vec![(blueprint, city)], clock, metrics), entries))
}

/// A city of so many people that something is shown of each district.
pub(crate) async fn found_with_districts(data: &Path, day: &str) -> Client {
    let city = Blueprint { residents: 900, ..YAIZU };
    open_of(data, city, &TestClock::noon(day)).await.unwrap().0
}

fn cast(home: &Path, city: Blueprint) -> Cast {
    let seed = keys::read_secret(&home.join("demo-keys/demo.seed")).unwrap();
    Cast::new(*seed, city)
}

/// Plays one of the residents whose phones are handed out: measures (+20) and pays 100, today.
async fn check_usable(client: &Client, cast: &Cast, resident: usize) {
    let info = client.get(&client.path("")).await.json();
    let today = Day::of_ms(client.clock.now_s() * 1_000);
    assert_eq!(info["today"], today.to_string());
    let version = u32::try_from(info["programme_version"].as_u64().unwrap()).unwrap();
    let programme = client.get(&client.path("/programme")).await.json();
    let [from, until] = ["from", "until"].map(|end| programme[end].as_str().unwrap().to_owned());
    assert!(from <= today.to_string() && today.to_string() <= until, "no programme on {today}");

    let phone = cast.phone(resident);
    let token = client.log_in(&phone, 1 + u8::try_from(resident).unwrap()).await;
    let before = client.read("/me", &token).await.json()["yen"].as_u64().unwrap();
    assert!(before >= 80, "resident {resident} has {before} on {today}");
    let op = u32::try_from(resident).unwrap() * 2 + today.0 * 100;
    let disclosed = client.disclosure(Some(Holder::Card(cast.card(resident))));
    let values = Some(Values { level_tenths: Some(63), ..Values::default() });
    let disclosed = Disclosure { values, ..disclosed };
    let measured = client.action(op, "vegecheck.measure", version);
    let measured = client.accept(&measured.sign(&cast.station(0), Some(&disclosed))).await;
    assert_eq!(measured["points"], 20, "{today}: {}", measured["reason"]);

    let code = token::sign(&client.pay_token(u8::try_from(resident).unwrap(), 100), &phone);
    let disclosed = client.disclosure(Some(Holder::Phone(code)));
    let points = Points::new(100).unwrap();
    let body = Body::Redeem(Redeem { shop: cast.shop_place(0), points, goods: None });
    let not_after_s = Some(client.clock.now_s() + 120);
    let core = Core { programme: Some(version), not_after_s, ..client.core(op + 1, body) };
    let paid = client.accept(&core.sign(&cast.till(0), Some(&disclosed))).await;
    assert_eq!(paid["points"], 100);
    let after = client.read("/me", &token).await.json()["yen"].as_u64().unwrap();
    assert_eq!(after, before + 20 - 100, "on {today}");
}

/// A stranger comes to the desk.
async fn welcome(client: &Client) {
    let path = client.path("/demo/visitors");
    let visitor = client.send(Method::POST, &path, "application/json", "{}").await;
    assert_eq!(visitor.status, 201, "{}", visitor.text());
}

/// The days of the log, by the public totals that close them: every one from `first` to yesterday.
async fn check_days(client: &Client, first: Day) {
    let today = Day::of_ms(client.clock.now_s() * 1_000);
    // Somebody's statement closes the days that are over.
    welcome(client).await;
    let size = client.size().await;
    let (mut closed, ledger) = (Vec::new(), client.name);
    client.clock.pass(2);
    // Or more: lots that have expired are recorded unasked.
    let published = async || {
        let checkpoint = client.get(&format!("/{ledger}/checkpoint")).await;
        checkpoint.text().lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    while published().await < size {
        tokio::task::yield_now().await;
    }
    for index in 0..size.div_ceil(256) {
        let width = 256.min(size - index * 256);
        let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
        let path = format!("/{ledger}/tile/entries/{index:03}{partial}");
        let bundle = client.get(&path).await;
        assert_eq!(bundle.status, 200, "{path}");
        let width = u16::try_from(width).unwrap();
        for leaf in ledger_spec::tile::decode_bundle(&bundle.bytes, width).unwrap() {
            let public = leaf.get(34..).and_then(|json| serde_json::from_slice::<Value>(json).ok());
            let day =
                public.filter(|json| json["totals"].is_object()).map(|json| json["day"].clone());
            closed.extend(day.and_then(|day| Day::parse(day.as_str()?)));
        }
    }
    let expected: Vec<Day> = (first.0..today.0).map(Day).collect();
    assert_eq!(closed, expected, "days from {first} to yesterday, each closed once");
}

/// A city founded on this day.
async fn found(data: &Path, day: &str) -> Client {
    let clock = TestClock::noon(day);
    let (client, entries) = open(data, &clock).await.unwrap();
    let most = u64::from(HISTORY_DAYS) * ENTRIES_A_DAY_MAX;
    assert!((8_000..most).contains(&entries), "{entries} entries");
    client
}

#[tokio::test]
async fn founded_on_the_last_day_of_a_fiscal_year_and_running_into_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let client = found(&data, "2027-03-31").await;
    let cast = cast(&data, SMALL);
    check_usable(&client, &cast, 0).await;
    // Midnight, while it runs; and once more after a restart.
    client.clock.pass(12 * 3_600 + 60);
    assert_eq!(Day::of_ms(client.clock.now_s() * 1_000).to_string(), "2027-04-01");
    check_usable(&client, &cast, 1).await;
    let clock = Arc::clone(&client.clock);
    drop(client);
    let (client, _) = open(&data, &clock).await.unwrap();
    check_usable(&client, &cast, 2).await;
}

#[tokio::test]
async fn it_runs_for_years_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let client = found(folder.path(), "2027-03-30").await;
    for day in ["2027-06-01", "2028-04-02", "2029-03-31", "2029-04-01"] {
        let days = Day::parse(day).unwrap().0 - Day::of_ms(client.clock.now_s() * 1_000).0;
        client.clock.pass(u64::from(days) * 86_400);
        welcome(&client).await;
        let info = client.get(&client.path("")).await.json();
        assert!(info["programme_version"].is_u64(), "no rules on {day}: {info}");
    }
}

/// Opens a city that has nothing to live: whatever has come since is the ledger's own word on
/// expired points, which it gives when nobody waits.
async fn check_own(data: &Path, clock: &Arc<TestClock>, since: u64) {
    let city = open_city(data, SMALL, clock, &Metrics::new().unwrap()).await.unwrap();
    for seq in (since..city.entries).map(Seq) {
        let (_, accounting) = city.engine.entry(seq).unwrap().unwrap();
        let body = kept::read(&accounting.statement.0).unwrap().core.body;
        assert!(matches!(body, Body::Expire(_)), "entry {}: {body:?}", seq.0);
    }
}

#[tokio::test]
async fn a_day_with_a_visitor_is_lived_too_and_no_day_twice() {
    let folder = tempfile::tempdir().unwrap();
    let client = found(folder.path(), "2026-11-22").await;
    let clock = Arc::clone(&client.clock);
    let founded = client.size().await;
    drop(client);
    // Opened again on the day of its founding it has nothing to add: all of yesterday is there.
    check_own(folder.path(), &clock, founded).await;
    let (client, _) = open(folder.path(), &clock).await.unwrap();
    welcome(&client).await;
    let visited = client.size().await;
    drop(client);
    clock.pass(86_400);
    let (client, entries) = open(folder.path(), &clock).await.unwrap();
    assert!((visited + 10..visited + ENTRIES_A_DAY_MAX).contains(&entries), "{visited} {entries}");
    drop(client);
    check_own(folder.path(), &clock, entries).await;
    let (client, _) = open(folder.path(), &clock).await.unwrap();
    check_days(&client, Day::parse("2026-11-22").unwrap().minus(HISTORY_DAYS)).await;
}

#[tokio::test]
async fn two_cities_in_one_process_keep_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (data, second) = (folder.path(), folder.path().join(MINATO.ledger));
    let clock = TestClock::noon("2026-11-22");
    let metrics = Metrics::new().expect("fixed names");
    let large = open_city(data, SMALL, &clock, &metrics).await.unwrap();
    // A crash in the making of the second leaves the first alone.
    fs::create_dir_all(second.join(".demo.making/secrets")).unwrap();
    let small = open_city(&second, MINATO, &clock, &metrics).await.unwrap();
    let (large_cast, small_cast) = (cast(data, SMALL), cast(&second, MINATO));
    for (home, city) in [(data, SMALL), (&second, MINATO)] {
        let population = fs::read_to_string(home.join(city.ledger).join("population.csv")).unwrap();
        assert_eq!(population.lines().count(), 28);
    }
    let client = serve(vec![(SMALL, large), (MINATO, small)], &clock, metrics);
    check_usable(&client, &large_cast, 0).await;
    let other = Client {
        router: client.router.clone(),
        clock: Arc::clone(&client.clock),
        name: MINATO.ledger,
        ledger: LedgerId::of_origin(MINATO.origin),
    };
    check_usable(&other, &small_cast, 1).await;
    for path in ["/minato-demo", "/minato-demo/tour", "/minato-demo/me"] {
        let page = other.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains("data-ledger=\"minato-demo\""), "{path}: {}", page.text());
    }
    let front = other.get("/").await;
    let front = front.text();
    assert!(front.contains("やいづ") && front.contains("href=\"/minato-demo\""), "{front}");

    // What was signed for one city is refused by the other, and so is a session.
    let info = other.get(&other.path("")).await.json();
    let version = u32::try_from(info["programme_version"].as_u64().unwrap()).unwrap();
    let values = Some(Values { level_tenths: Some(63), ..Values::default() });
    let disclosed = other.disclosure(Some(Holder::Card(small_cast.card(2))));
    let disclosed = Disclosure { values, ..disclosed };
    let measured = other.action(77, "vegecheck.measure", version);
    let measured = measured.sign(&small_cast.station(0), Some(&disclosed));
    let path = client.path("/statements");
    let refused = other.send(Method::POST, &path, "application/cose", measured.clone()).await;
    assert!(refused.text().contains("ledger-mismatch"), "{}", refused.text());
    assert_eq!(other.accept(&measured).await["points"], 20);
    let token = other.log_in(&small_cast.phone(2), 99).await;
    assert_eq!(client.read("/me", &token).await.status, 401);
}

#[tokio::test]
async fn founded_on_the_first_day_of_a_fiscal_year() {
    let folder = tempfile::tempdir().unwrap();
    // The folder may be there already, empty: a mounted volume cannot be replaced.
    let client = found(folder.path(), "2027-04-01").await;
    for resident in 0..OPEN_PHONES {
        check_usable(&client, &cast(folder.path(), SMALL), resident).await;
    }
    check_days(&client, Day::parse("2026-04-01").unwrap()).await;
}

#[tokio::test]
async fn founded_on_a_leap_day_and_opened_after_400_days() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let client = found(&data, "2028-02-29").await;
    let cast = cast(&data, SMALL);
    check_usable(&client, &cast, 0).await;
    let clock = Arc::clone(&client.clock);
    let size = client.size().await;
    drop(client);
    clock.pass(400 * 86_400);
    let (client, entries) = open(&data, &clock).await.unwrap();
    assert!(entries > size + 8_000, "the days between were lived");
    for resident in 0..OPEN_PHONES {
        check_usable(&client, &cast, resident).await;
    }
    check_days(&client, Day::parse("2028-02-29").unwrap().minus(HISTORY_DAYS)).await;
}

#[tokio::test]
async fn founded_after_a_crash_and_opened_after_3_days() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let clock = TestClock::noon("2026-11-22");
    // What a crash in the making leaves: first in the making, then between the moves.
    for moved in [&["secrets/log.key"][..], &[".demo.making/secrets/log.key", "yaizu-demo/log/x"]] {
        for file in moved.iter().chain(&[".demo.making/yaizu-demo/log/segments/00000000.seg"]) {
            let file = data.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "half").unwrap();
        }
    }
    let client = found(&data, "2026-11-22").await;
    let mut names: Vec<_> =
        fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["demo-keys", "secrets", "yaizu-demo"]);
    let cast = cast(&data, SMALL);
    check_usable(&client, &cast, 0).await;
    let size = client.size().await;
    // While it is open nobody else opens it.
    let Err(error) = open(&data, &clock).await else { panic!("opened twice") };
    assert!(error.to_string().contains("another"), "{error}");
    drop(client);
    clock.pass(3 * 86_400);
    let (client, entries) = open(&data, &clock).await.unwrap();
    assert!((size + 20..size + 3 * ENTRIES_A_DAY_MAX).contains(&entries), "{size}, {entries}");
    check_usable(&client, &cast, 1).await;
    check_days(&client, Day::parse("2026-11-22").unwrap().minus(HISTORY_DAYS)).await;
}

/// The samples of one series in the text of `OpenMetrics`: time and value.
fn samples(text: &str, series: &str) -> Vec<(u64, u64)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let number = |text: &str| text.parse::<u64>().unwrap();
    lines.filter_map(|line| line.split_once(' ')).map(|(v, at)| (number(at), number(v))).collect()
}

#[tokio::test]
async fn the_past_as_metrics_is_what_the_log_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, metrics) = (TestClock::noon("2027-06-10"), Metrics::new().unwrap());
    let city = open_city(folder.path(), MINATO, &clock, &metrics).await.unwrap();
    // Counted here by hand, after each day: actions, and points spent.
    let mut counted: Vec<(Day, u64, u64)> = Vec::new();
    for seq in (0..city.entries).map(Seq) {
        let (_, accounting) = city.engine.entry(seq).unwrap().unwrap();
        let kept = kept::read(&accounting.statement.0).unwrap();
        let (last, actions, spent) = counted.last().copied().unwrap_or((Day(0), 0, 0));
        if last < accounting.accepted_day() {
            counted.push((accounting.accepted_day(), actions, spent));
        }
        let (_, actions, spent) = counted.last_mut().unwrap();
        *actions += u64::from(matches!(kept.core.body, Body::Action(_)));
        if let Body::Redeem(redeem) = kept.core.body {
            *spent += u64::from(redeem.points.get());
        }
    }
    // While the ledger is open, as a server has it.
    let data = folder.path().join(MINATO.ledger);
    let export = |since| metrics_of::export(&RealDisk, &data, "minato-demo", since).unwrap();
    let text = export(Day(0));
    assert!(text.ends_with("\n# EOF\n"));
    let actions = samples(&text, r#"kenmai_entries_total{kind="action",ledger="minato-demo"}"#);
    let spent =
        samples(&text, r#"kenmai_points_redeemed_total{direction="spent",ledger="minato-demo"}"#);
    let size = samples(&text, r#"kenmai_log_entries{ledger="minato-demo"}"#);
    assert_eq!(size.last().unwrap().1, city.entries);
    let [first, .., last] = &counted[..] else { panic!("a year") };
    assert_eq!(size.len(), (last.0.0 - first.0.0 + 1) as usize, "one sample a day");
    let until = |day: Day| counted.iter().rev().find(|(of, ..)| *of <= day).unwrap();
    for (at_s, value) in &actions {
        assert_eq!(*value, until(Day::of_ms(at_s * 1_000)).1);
    }
    for (at_s, value) in &spent {
        assert_eq!(*value, until(Day::of_ms(at_s * 1_000)).2);
    }
    assert!(spent.last().unwrap().1 > 0 && actions.last().unwrap().1 > 1_000);
    // From a day on the same, without what was before.
    let first = Day::parse("2027-04-01").unwrap();
    let later = samples(&export(first), r#"kenmai_log_entries{ledger="minato-demo"}"#);
    let kept: Vec<_> =
        size.into_iter().filter(|(at_s, _)| at_s * 1_000 >= first.start_ms()).collect();
    assert_eq!(later, kept);
}

#[tokio::test]
async fn a_folder_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::noon("2026-11-22");
    let check = async |data: &Path, told: &str| {
        let Err(error) = open(data, &clock).await else { panic!("{} was taken", data.display()) };
        let error = error.to_string();
        assert!(error.contains(told) && error.contains("--data"), "{error}");
        assert!(error.contains(&data.display().to_string()), "{error}");
    };
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("diary.txt"), "mine").unwrap();
    check(&other, "no demo city").await;
    // Remains of a founding do not make what lies beside them ours.
    fs::create_dir(other.join(".demo.making")).unwrap();
    fs::create_dir(other.join("secrets")).unwrap();
    check(&other, "no demo city").await;
    assert_eq!(fs::read_to_string(other.join("diary.txt")).unwrap(), "mine");
    assert!(other.join(".demo.making").is_dir() && other.join("secrets").is_dir());
    let file = other.join("diary.txt");
    check(&file, "cannot").await;
}

/// A year in which every rule of the example runs: the audit re-derives it with and without the
/// city's secrets, and the same rules over the same acts give the same points again, rule by rule
/// and fund by fund.
#[tokio::test]
async fn a_year_under_all_rules_is_audited_and_simulated() {
    let home = tempfile::tempdir().unwrap();
    let client = found(home.path(), "2027-03-31").await;
    let rules = client.get(&client.path("/programme")).await.text().to_owned();
    drop(client);
    let data = home.path().join("yaizu-demo");
    let keys = LedgerKeys::load(&home.path().join("secrets")).unwrap();
    for keys in [Some(&keys), None] {
        let config = AuditConfig { data_folder: data.clone(), origin: YAIZU.origin.into(), keys };
        let report = audit(&RealDisk, &config, &mut |_, _| ()).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
    }
    let simulated = |programme: &Programme| {
        let (data_folder, origin, keys) = (data.as_path(), YAIZU.origin, &keys);
        let config = SimulateConfig { data_folder, origin, keys, programme, fiscal_year: 2026 };
        simulate(&RealDisk, &config, &mut |_, _| ()).unwrap()
    };
    let programme = Programme::parse(&rules).unwrap();
    let same = simulated(&programme);
    let rules: Vec<u32> = same.rules.keys().copied().collect();
    assert_eq!(rules, [1, 2, 3, 4, 5, 8, 10, 12, 13, 14, 15, 16, 17, 18, 21]);
    for (name, pair) in same.rules.values() {
        assert_eq!(pair.was, pair.would, "{name}");
        assert!(pair.was.points > 0, "{name}");
    }
    assert!(same.funds.values().all(|pair| pair.was == pair.would), "{:?}", same.funds);
    assert_eq!((same.refused.len(), same.sealed, same.by_two), (0, 0, 0));
    // Half the points for a measurement, and no challenge any more.
    let mut other = programme;
    other.rules.retain(|rule| rule.action != "self.report");
    let measured = other.rules.iter_mut().find(|rule| rule.rule == 3).unwrap();
    measured.points = 10;
    let changed = simulated(&other);
    let of = |number: u32| changed.rules[&number].1;
    // Each city has a year of its own: what a yearly cap took of full points from a few residents,
    // it does not take of half.
    let (would, was) = (of(3).would, of(3).was);
    assert_eq!(would.acts, was.acts);
    let kept = (would.points * 2).checked_sub(was.points);
    assert!(kept.is_some_and(|kept| kept * 100 <= was.points), "{would:?} {was:?}");
    assert_eq!(of(12), same.rules[&12].1);
    assert_eq!(of(17).would, FundTotals::default());
    assert_eq!(changed.rules[&17].0, "健康の記録");
    let refused: Vec<(&str, u64)> =
        changed.refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(refused, [("the programme has no such action", of(17).was.acts)]);
}

/// What two persons granted is told, not silently missing from both columns.
#[test]
fn a_simulation_tells_what_two_persons_granted() {
    let evidence = r#"["registry", "staff"], "points": 500"#;
    let rules = PROGRAMME.replace(evidence, &evidence.replace("staff", "two_staff"));
    let mut city = city::City::fresh().settle_under(&rules);
    let report = city.action("staff", "checkup", None, Holder::Account(account("mei")));
    let proposal = city.submit(&report).unwrap().accounting;
    let approval = approval_of(&proposal);
    city.must("root-1", approval);
    city.close();
    let (data, keys) = (city.data(), city.keys());
    let (data_folder, origin, keys) = (data.as_path(), ORIGIN, &keys);
    let programme = &Programme::parse(&rules).unwrap();
    let config = SimulateConfig { data_folder, origin, keys, programme, fiscal_year: 2026 };
    let found = simulate(&RealDisk, &config, &mut |_, _| ()).unwrap();
    assert_eq!((found.by_two, found.rules.len(), found.sealed), (1, 0, 0));
}

#[tokio::test]
async fn months_are_settled_paid_and_audited() {
    let data = tempfile::tempdir().unwrap();
    let clock = TestClock::noon("2026-11-05");
    let metrics = Metrics::new().expect("fixed names");
    let city = Blueprint { residents: 150, ..YAIZU };
    let opened = open_city(data.path(), city, &clock, &metrics).await.unwrap();
    {
        let state = opened.engine.state().unwrap();
        let today = Day::of_ms(clock.now_s() * 1_000);
        let october = Month::of(today.month_start().minus(1));
        assert!(state.settlements.values().any(|row| row.month == october));
        assert!(state.settlements.values().any(|row| row.month < october && row.yen > 0));
        for row in state.settlements.values() {
            // October's transfers are due on the fifth bank business day of November.
            assert_eq!(row.paid.is_some(), row.month < october && row.yen > 0, "{row:?}");
        }
        for (shop, row) in &state.shops {
            let settled = state.settlements.values().filter(|of| of.shop == *shop);
            let settled: i128 = settled.map(|of| i128::from(of.yen)).sum();
            let open = row.points.total() + row.carried.total();
            assert_eq!(i128::from(row.total), settled + open);
        }
        let accounts = opened.engine.registry().shop_accounts().unwrap();
        let hashes = state.shop_accounts.values();
        assert_eq!(hashes.collect::<BTreeSet<_>>(), accounts.keys().collect());
        assert_eq!(accounts.len(), city.shops.len());
        assert!(accounts.values().all(|kept| BankAccount::of_text(&kept.account).is_some()));
    }
    drop(opened);
    let keys = LedgerKeys::load(&data.path().join("secrets")).unwrap();
    let (data_folder, origin) = (data.path().join(city.ledger), city.origin.to_owned());
    let config = AuditConfig { data_folder, origin, keys: Some(&keys) };
    let report = audit(&RealDisk, &config, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}
