//! The demo city on the days that are hard for calendars, after long pauses, and after a crash in its making.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use kenmai::config::Limits;
use kenmai::demo::{self, Cast, HISTORY_DAYS, LEDGER_NAME, OPEN_PHONES, ORIGIN, OpenError};
use kenmai::http::{self, Ledger, Server};
use kenmai::keys;
use kenmai::metrics::Metrics;
use ledger_spec::ids::LedgerId;
use ledger_spec::kinds::{Body, Redeem};
use ledger_spec::points::Points;
use ledger_spec::statement::{Core, Holder};
use ledger_spec::time::Day;
use ledger_spec::token;
use serde_json::Value;

use crate::town::{Client, TestClock};

/// The most entries that a city has of a day's life: a measure too many in its rules would show here.
const ENTRIES_A_DAY_MAX: u64 = 60;

async fn open(data: &Path, clock: &Arc<TestClock>) -> Result<(Client, u64), OpenError> {
    let metrics = Metrics::new().expect("fixed names");
    let (folder, of_ledger) = (data.to_owned(), metrics.ledger(LEDGER_NAME));
    let time = Arc::<TestClock>::clone(clock);
    // A founding waits for its verdicts, which no thread of a runtime may.
    let opening = move || demo::open(&folder, time, of_ledger, |_, _| {});
    let city = tokio::task::spawn_blocking(opening).await.expect("it does not panic")?;
    let ledger = Ledger::new(LEDGER_NAME.to_owned(), city.engine, Some(city.desk));
    let time = Arc::<TestClock>::clone(clock);
    let server = Server::new(vec![ledger], time, metrics, Limits::default());
    let server = server.expect("there is a ledger");
    let client = Client {
        router: http::router(server),
        clock: Arc::clone(clock),
        name: LEDGER_NAME,
        ledger: LedgerId::of_origin(ORIGIN),
    };
    Ok((client, city.entries))
}

fn cast(data: &Path) -> Cast {
    let seed = keys::read_secret(&data.join("demo-keys/demo.seed")).unwrap();
    Cast::new(*seed, ORIGIN)
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
    let measured = client.action(op, "vegecheck.measure", version);
    let measured = client.accept(&measured.sign(&cast.station(0), Some(&disclosed))).await;
    assert_eq!(measured["points"], 20, "{today}: {}", measured["reason"]);

    let code = token::sign(&client.pay_token(u8::try_from(resident).unwrap(), 100), &phone);
    let disclosed = client.disclosure(Some(Holder::Phone(code)));
    let points = Points::new(100).unwrap();
    let body = Body::Redeem(Redeem { shop: cast.shop_place(0), points });
    let not_after_s = Some(client.clock.now_s() + 120);
    let core = Core { programme: Some(version), not_after_s, ..client.core(op + 1, body) };
    let paid = client.accept(&core.sign(&cast.till(0), Some(&disclosed))).await;
    assert_eq!(paid["points"], 100);
    let after = client.read("/me", &token).await.json()["yen"].as_u64().unwrap();
    assert_eq!(after, before + 20 - 100, "on {today}");
}

/// The days of the log, by the public totals that close them: every one from `first` to yesterday.
async fn check_days(client: &Client, first: Day) {
    let today = Day::of_ms(client.clock.now_s() * 1_000);
    // Somebody's statement closes the days that are over.
    let visitor = client
        .send(axum::http::Method::POST, &client.path("/demo/visitors"), "application/json", "{}")
        .await;
    assert_eq!(visitor.status, 201, "{}", visitor.text());
    let size = client.size().await;
    let mut closed = Vec::new();
    client.clock.pass(2);
    while client.get(&format!("/{LEDGER_NAME}/checkpoint")).await.text().lines().nth(1)
        != Some(size.to_string().as_str())
    {
        tokio::task::yield_now().await;
    }
    for index in 0..size.div_ceil(256) {
        let width = 256.min(size - index * 256);
        let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
        let path = format!("/{LEDGER_NAME}/tile/entries/{index:03}{partial}");
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
pub(crate) async fn found(data: &Path, day: &str) -> Client {
    let clock = TestClock::noon(day);
    let (client, entries) = open(data, &clock).await.unwrap();
    let most = u64::from(HISTORY_DAYS) * ENTRIES_A_DAY_MAX;
    assert!((10_000..most).contains(&entries), "{entries} entries");
    client
}

#[tokio::test]
async fn founded_on_the_last_day_of_a_fiscal_year_and_running_into_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let client = found(&data, "2027-03-31").await;
    let cast = cast(&data);
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
async fn founded_on_the_first_day_of_a_fiscal_year() {
    let folder = tempfile::tempdir().unwrap();
    // The folder may be there already, empty: a mounted volume cannot be replaced.
    let client = found(folder.path(), "2027-04-01").await;
    for resident in 0..OPEN_PHONES {
        check_usable(&client, &cast(folder.path()), resident).await;
    }
    check_days(&client, Day::parse("2026-04-01").unwrap()).await;
}

#[tokio::test]
async fn founded_on_a_leap_day_and_opened_after_400_days() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("city");
    let client = found(&data, "2028-02-29").await;
    let cast = cast(&data);
    check_usable(&client, &cast, 0).await;
    let clock = Arc::clone(&client.clock);
    let size = client.size().await;
    drop(client);
    clock.pass(400 * 86_400);
    let (client, entries) = open(&data, &clock).await.unwrap();
    assert!(entries > size + 10_000, "the days between were lived");
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
    let cast = cast(&data);
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
