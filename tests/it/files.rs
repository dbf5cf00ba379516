//! Files of a city, from bytes to rows, and lots from one ledger to another: through the program as
//! a person types it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use kenmai::cli::fields;
use ledger_spec::cose::Sign1;
use ledger_spec::ids::{AccountId, Seq};
use ledger_spec::kinds::{AccountOpen, AgeTier, Approve, Body, Insurance, Kind, Note};
use ledger_spec::manifest;
use ledger_spec::state::Lot;
use ledger_spec::statement::{Disclosure, read};
use serde_json::Value;
use tempfile::TempDir;

use crate::city::{City, account, key};

/// Runs the program; its exit code must be this. Gives what it complained of.
fn kenmai(folder: &Path, arguments: &[&str], code: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{complained}");
    complained
}

fn lots_of(city: &City) -> BTreeMap<AccountId, Vec<Lot>> {
    let state = city.engine().state().unwrap();
    let lots = state.accounts.iter().map(|(id, account)| (*id, account.lots.clone()));
    lots.filter(|(_, lots)| !lots.is_empty()).collect()
}

/// Signs rows as one manifest, has it approved, and has its rows judged.
fn submit_rows(city: &mut City, kind: Kind, file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap();
    let rows: Vec<_> = text
        .lines()
        .map(|line| {
            let Value::Object(mut json) = serde_json::from_str(line).unwrap() else { panic!() };
            // What is written beside the body is sealed, as `kenmai sign-rows` does.
            let text = json.remove("text").map(|text| Note::new(text.as_str().unwrap()).unwrap());
            let disclosure = Disclosure { text, ..city.disclosure(None) };
            let disclosure = Some(disclosure).filter(|_| kind.shape().disclosure);
            (city.core(fields::body_of(kind, &json).unwrap()), disclosure)
        })
        .collect();
    let own = city.core(Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let bytes = manifest::sign(own, kind, rows, &key("staff"));
    let opened = city.engine().open_manifest(&bytes).unwrap();
    let seq = city.submit(&first_item(&bytes)).unwrap().accounting.seq;
    let statement_hash = read(&first_item(&bytes)).unwrap().1.hash();
    city.must("root-1", Body::Approve(Approve { proposal: seq, statement_hash }));
    let rows: Vec<_> = opened.into_rows(seq).collect();
    let verdicts = city.engine().enqueue_rows(rows).unwrap().wait_blocking().unwrap();
    verdicts.iter().filter(|verdict| verdict.as_ref().unwrap().accounting.seq > seq).count()
}

fn first_item(bytes: &[u8]) -> Vec<u8> {
    Sign1::read(&mut ledger_spec::cbor::Reader::new(bytes)).unwrap().to_bytes()
}

#[test]
fn what_a_ledger_exports_another_takes_over_to_the_yen() {
    let folder = TempDir::new().unwrap();
    let mut from = City::settled();
    from.live();
    let (expected, data) = (lots_of(&from), from.data());
    assert!(expected.values().map(Vec::len).sum::<usize>() > 3, "{expected:?}");
    from.close();
    let data = data.to_str().unwrap();
    let export = ["export", "--all", "--data", data, "--day", "2026-11-24", "--out", "exported"];
    kenmai(folder.path(), &export, 0);
    kenmai(folder.path(), &export, 2);
    let history = fs::read_to_string(folder.path().join("exported/history.csv")).unwrap();
    // What the history says of each account adds up to its lots.
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for line in history.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        *sums.entry(cells[2].to_owned()).or_default() += cells[7].parse().unwrap_or(0);
    }
    sums.retain(|_, points| *points != 0);
    let held = expected.iter().map(|(id, lots)| {
        (id.to_string(), lots.iter().map(|lot| i64::from(lot.points)).sum::<i64>())
    });
    assert_eq!(sums, held.collect());

    let lots =
        ["import", "lots", "exported/lots.csv", "--source", "paper cards", "--out", "opening"];
    let said = kenmai(folder.path(), &lots, 0);
    let total: i64 = sums.values().sum();
    assert!(said.contains(&format!("control total {total} points")), "{said}");
    let mut to = City::settled();
    to.open_paper_cards();
    let rows = folder.path().join("opening-balance.import.jsonl");
    assert_eq!(submit_rows(&mut to, Kind::BalanceImport, &rows), expected.len());
    assert_eq!(lots_of(&to), expected);
    // And what was brought is spent like all else.
    to.pay("mei", 10);
}

const ROSTER: &str = r#"{"kind": "account.open", "number": "宛名番号"}"#;
const MOVES: &str = r#"{"kind": "account.status", "number": "宛名番号", "day": "異動日", "text": "住民異動",
    "status": {"column": "異動事由", "values": {"転出": "moved_out", "死亡": "deceased"}}}"#;
const MOVED: &str = "宛名番号,異動日,異動事由\n１０１,令和8年11月23日,死亡\n102,R8.11.20,転居\n103,R8.11.20,転出\n\
    104,11月,転出\n";

const FACTS: &str = include_str!("../fixtures/facts.json");

#[test]
fn facts_of_a_roster_say_no_more_than_the_rules_need() {
    let folder = TempDir::new().unwrap();
    let mut city = City::settled();
    city.engine().registry().put_numbers(&[(account("mei"), "101".to_owned())]).unwrap();
    fs::write(folder.path().join("facts.json"), FACTS).unwrap();
    // The programme asks for 1 April, with whose end a year of life is complete that began on the
    // 2nd.
    let roster = "宛名番号,生年月日,保険,郵便番号\n101,昭和36年4月2日,国保,425-0022\n";
    fs::write(folder.path().join("roster.csv"), roster).unwrap();
    let (data, keys) = (city.data(), city.data().parent().unwrap().join("keys"));
    let own = ["--data", data.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    let import = ["import", "csv", "roster.csv", "--map", "facts.json", "--out", "out"];
    // A map in which a member stands twice would be read in one of two ways; a mark is no fault.
    let twice = FACTS.replacen('{', "{\"number\": \"保険\",", 1);
    fs::write(folder.path().join("twice.json"), twice).unwrap();
    let doubled = ["import", "csv", "roster.csv", "--map", "twice.json", "--out", "other"];
    let said = kenmai(folder.path(), &[&doubled[..], &own].concat(), 2);
    assert!(said.contains("twice.json: `number` stands twice"), "{said}");
    fs::write(folder.path().join("facts.json"), format!("\u{feff}{FACTS}")).unwrap();
    kenmai(folder.path(), &[&import[..], &own].concat(), 0);
    let text = fs::read_to_string(folder.path().join("out-account.facts.jsonl")).unwrap();
    assert!(!text.contains("1961") && !text.contains("0022"), "no birthday, no address: {text}");
    let Value::Object(row) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    city.must("staff", fields::body_of(Kind::AccountFacts, &row).unwrap());
    let state = city.engine().state().unwrap();
    let facts = state.accounts[&account("mei")].facts.unwrap();
    assert_eq!(
        (facts.age.on.to_string().as_str(), facts.age.tier),
        ("2026-04-01", AgeTier::From65)
    );
    assert_eq!((facts.insurance, facts.district), (Insurance::Nhi, 1));
    assert_eq!(facts.eligible_from.map(|day| day.to_string()).as_deref(), Some("2026-04-01"));
}

#[test]
fn a_roster_opens_accounts_and_changes_of_residence_find_them() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let mut city = City::settled();
    city.measure("mei");
    city.consult("mei");
    // The registry knows mei by the city's number, as a roster would have noted it.
    city.engine().registry().put_numbers(&[(account("mei"), "101".to_owned())]).unwrap();
    city.clock.pass(86_400_000);
    city.pay("mei", 30);
    city.clock.pass(86_400_000);
    let paid: Seq = city.pay("mei", 20);
    for (name, text) in [("roster.json", ROSTER), ("moves.json", MOVES), ("moves.csv", MOVED)] {
        fs::write(at.join(name), text).unwrap();
    }
    let (roster, _, _) =
        encoding_rs::SHIFT_JIS.encode("宛名番号,氏名\r\n101,山田\r\n102,山田\r\n１０２,山田\r\n");
    fs::write(at.join("roster.csv"), &roster).unwrap();
    let (data, keys) = (city.data(), city.data().parent().unwrap().join("keys"));
    let (data, keys) = (data.to_str().unwrap(), keys.to_str().unwrap());
    let import = |file: &str, map: &str, out: &str, code| {
        let own = ["--data", data, "--keys", keys, "--map", map, "--out", out];
        kenmai(at, &[&["import", "csv", file][..], &own].concat(), code)
    };
    let said = import("roster.csv", "roster.json", "first", 0);
    assert!(said.contains("0 refused, 0 left out, 1 repeated, 1 known already"), "{said}");
    let rows = fs::read_to_string(at.join("first-account.open.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 1, "two of one name are two persons, one of them known");
    // The rows were never sent: the same person keeps the same number of an account.
    import("roster.csv", "roster.json", "second", 0);
    assert_eq!(fs::read_to_string(at.join("second-account.open.jsonl")).unwrap(), rows);

    import("moves.csv", "moves.json", "moves", 1);
    let rows = fs::read_to_string(at.join("moves-account.status.jsonl")).unwrap();
    let row: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(
        row,
        serde_json::json!({"account": account("mei").to_string(), "status": "deceased", "since": "2026-11-23",
            "text": "住民異動"})
    );
    let report = fs::read_to_string(at.join("moves-report.csv")).unwrap();
    let expected = "\u{feff}file,line,reason,remedy\r\n\
        moves.csv,4,no account has this number of the city,open the account first: import the roster with the kind account.open\r\n\
        moves.csv,5,`11月` is no day,write the day as 2026-04-01 or 令和8年4月1日\r\n";
    assert_eq!(report, expected);
    let spent = fs::read_to_string(at.join("moves-spent.csv")).unwrap();
    let lines: Vec<&str> = spent.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{spent}");
    assert!(lines[1].contains(&format!(",{paid},2026-11-24,")) && lines[1].ends_with(",20"));
    // The person is dead from that day on, once another person has approved the list.
    let rows = at.join("moves-account.status.jsonl");
    assert_eq!(submit_rows(&mut city, Kind::AccountStatus, &rows), 1);
    let payment = city.payment("mei", 10);
    assert!(city.submit(&payment).is_err());
}
