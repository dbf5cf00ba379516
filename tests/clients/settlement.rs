//! What shops are paid by, held against lists of others: every national holiday of
//! `@holiday-jp/holiday_jp`, every bank and branch of `zengin-code`, and a reader of the banks'
//! file that shares no code with its writer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use kenmai::bank_days::is_national_holiday;
use kenmai::reports::zengin::{self, BankAccount, Payer, Transfer};
use ledger_spec::time::Day;
use serde_json::Value;

const HOLIDAYS: &str = "const { holidays } = require('@holiday-jp/holiday_jp'); \
    console.log(JSON.stringify(Object.keys(holidays)))";

fn root() -> &'static Path {
    Path::new(crate::ROOT)
}

/// What a program says on its standard output.
fn said(program: &mut Command) -> String {
    let output = program.output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn national_holidays_are_those_of_the_list() {
    let mut node = Command::new("node");
    node.args(["-e", HOLIDAYS]).env("NODE_PATH", root().join("tests/.node/node_modules"));
    let listed: BTreeSet<String> = serde_json::from_str(&said(&mut node)).expect("days");
    let last = listed.last().and_then(|day| day[..4].parse::<u32>().ok()).expect("a year");
    assert!(last >= 2030, "the list goes to {last}");
    let first = Day::from_ymd(2020, 1, 1).expect("a day");
    let days = (0..).map(|n| first.plus(n)).take_while(|day| day.ymd().0 <= last.min(2035));
    let mut compared = 0;
    for day in days {
        assert_eq!(is_national_holiday(day), listed.contains(&day.to_string()), "{day}");
        compared += 1;
    }
    assert!(compared > 10 * 365);
}

/// The folder with the list of banks that `--banks` takes.
fn banks() -> PathBuf {
    let mut python = Command::new(root().join("tests/.venv/bin/python"));
    python.args(["-c", "import zengin_code; print(list(zengin_code.__path__)[0])"]);
    PathBuf::from(said(&mut python).trim()).join("source-data/data")
}

fn listed(file: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(file).expect("a file of the list");
    serde_json::from_str(&text).expect("JSON")
}

/// Every branch of Japan as a payee that bears its name.
fn transfers() -> Vec<Transfer> {
    let folder = banks();
    let mut transfers = Vec::new();
    for (bank, row) in listed(&folder.join("banks.json")) {
        let branches = listed(&folder.join("branches").join(format!("{bank}.json")));
        let kana = |row: &Value| row["kana"].as_str().expect("a name").to_owned();
        let of_bank = zengin::kana(&kana(&row)).unwrap_or_else(|error| panic!("{bank}: {error}"));
        for (branch, row) in branches {
            let number = transfers.len() as u64;
            let name = kana(&row).chars().take(15).collect::<String>();
            let account = format!("{bank}-{branch}-1-{number:07}");
            let to = BankAccount::parse(&bank, &account, &name)
                .unwrap_or_else(|error| panic!("{bank} {branch}: {error}"));
            let bank_names = [of_bank.clone(), to.holder.clone()];
            let (yen, settlement) = (number * 7_919 % 1_000_000 + 1, number);
            transfers.push(Transfer { shop: name, to, bank_names, yen, settlement });
        }
    }
    assert!(transfers.len() > 20_000, "{} branches", transfers.len());
    transfers
}

#[test]
fn another_reader_reads_the_banks_file_back() {
    let transfers = transfers();
    let account = BankAccount::parse("payer", "0149-001-2-7654321", "やいづし かいけいか");
    let account = account.expect("an account");
    let bank_names = [String::new(), String::new()];
    let payer = Payer { code: "0000000042".to_owned(), account, bank_names };
    let date = Day::parse("2026-11-09").expect("a day");
    let folder = tempfile::tempdir().expect("a folder");
    for crlf in [false, true] {
        let path = folder.path().join(format!("transfers-{crlf}.txt"));
        std::fs::write(&path, zengin::file(&payer, date, &transfers, crlf).expect("a file"))
            .expect("written");
        let mut python = Command::new(root().join("tests/.venv/bin/python"));
        python.arg("-B").arg(root().join("tests/clients/zengin_reader.py")).arg(&path);
        let read: Value = serde_json::from_str(&said(&mut python)).expect("JSON");
        assert_eq!(read["payer"], "ヤイヅシ カイケイカ");
        assert_eq!((&read["date"], &read["crlf"]), (&Value::from("1109"), &crlf.into()));
        let rows = read["transfers"].as_array().expect("transfers");
        assert_eq!(rows.len(), transfers.len());
        for (row, transfer) in rows.iter().zip(&transfers) {
            let BankAccount { bank, branch, number, .. } = &transfer.to;
            let (yen, settlement) = (transfer.yen, transfer.settlement);
            let expected = serde_json::json!([bank, branch, "1", number, yen, settlement]);
            assert_eq!(row["to"], expected);
            // What the list calls the branch, with small kana written large, as banks do.
            let large = transfer.shop.chars().map(|sign| {
                let small = "ァィゥェォッャュョ".chars().position(|small| small == sign);
                let large = small.and_then(|at| "アイウエオツヤユヨ".chars().nth(at));
                let narrow = u32::from(sign).checked_sub(0xfee0).and_then(char::from_u32);
                large.or(narrow.filter(char::is_ascii_graphic)).unwrap_or(sign).to_ascii_uppercase()
            });
            let large = large.collect::<String>().replace(['ー', '－', '‐'], "-");
            assert_eq!(row["holder"], large.trim_end(), "{bank} {branch}");
        }
    }
}
