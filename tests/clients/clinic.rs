//! Patients, visits and vaccinations as a hospital's system would send them: made by clinosim from
//! a seed, so that the same file is there again tomorrow, and nobody here chose what is in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A year of a small clinic and a ledger without anybody.
struct Clinic {
    folder: TempDir,
}

/// What a file gave: the numbers that `kenmai import` says, and the rows of each kind.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    refused: usize,
    left_out: usize,
    repeated: usize,
    known: usize,
    opened: usize,
    standings: usize,
    actions: usize,
}

const EMPTY: Taken =
    Taken { refused: 0, left_out: 0, repeated: 0, known: 0, opened: 0, standings: 0, actions: 0 };

const ROSTER: &str = r#"{"kind": "account.open", "number": "patient_id"}"#;
/// Vaccinations and check-ups (ICD-10 Z00) count; deaths are told.
const EVENTS: &str = r#"{
    "number_system": "urn:clinosim:identifier:population-slug", "deaths": true,
    "immunization": "immunization.recorded", "checkup": "checkup.specific",
    "checkup_codes": [
        {"system": "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full", "code": "Z00"},
        {"system": "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full", "code": "Z00.0"}
    ]
}"#;

impl Clinic {
    fn of(patients: &str, seed: &str) -> Self {
        let clinic = Self { folder: TempDir::new().expect("a temporary folder can be made") };
        let root = Path::new(crate::ROOT);
        let mut clinosim = Command::new(root.join("tests/.venv/bin/clinosim"));
        clinosim.args(["simulate", "--country", "JP", "-p", patients, "-s", seed]);
        clinosim.args(["--start", "2025-04-01", "--end", "2026-03-31", "--allow-legacy"]);
        clinosim.args(["--format", "fhir-r4", "csv", "-o", "made"]);
        clinic.run(clinosim.env("PYTHONUTF8", "1"), 0);
        clinic.kenmai(
            &["init", "--dir", "city", "--origin", "ledger.example.jp/city"],
            &["--root-key-1", "a.pem", "--root-key-2", "b.pem"],
        );
        for (name, map) in [("roster.json", ROSTER), ("events.json", EVENTS)] {
            fs::write(clinic.folder.path().join(name), map).expect("the folder takes a file");
        }
        clinic
    }

    /// Runs a program in the folder and gives what it said on standard error.
    fn run(&self, command: &mut Command, code: i32) -> String {
        let output = command.current_dir(self.folder.path()).output();
        let output = output.expect("tests/run has made tests/.venv");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{command:?}\n{errors}");
        errors
    }

    fn kenmai(&self, command: &[&str], arguments: &[&str]) -> String {
        let mut program = Command::new(crate::KENMAI);
        self.run(program.args(command).args(arguments), 0)
    }

    fn rows(&self, out: &str, kind: &str) -> Vec<Value> {
        let path = self.folder.path().join(format!("{out}-{kind}.jsonl"));
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
    }

    fn import(&self, format: &str, files: &[&str], map: &str, out: &str) -> Taken {
        let files: Vec<String> = files.iter().map(|file| format!("made/{file}")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let own = ["--map", map, "--data", "city/data", "--keys", "city/keys", "--out", out];
        let said = self.kenmai(&[&["import", format][..], &files].concat(), &own);
        let line = said.lines().last().unwrap_or_default();
        let numbers: Vec<usize> =
            line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let [refused, left_out, repeated, known, _] = numbers[..] else { panic!("{said}") };
        let [opened, standings, actions] =
            ["account.open", "account.status", "action"].map(|kind| self.rows(out, kind).len());
        Taken { refused, left_out, repeated, known, opened, standings, actions }
    }
}

#[test]
fn a_year_of_a_clinic_becomes_rows() {
    let clinic = Clinic::of("100", "7");
    let roster = clinic.import("csv", &["csv/patients.csv"], "roster.json", "roster");
    // 247 rows of 46 patients, two of one name.
    assert_eq!(roster, Taken { repeated: 201, opened: 46, ..EMPTY });
    check_persons(&clinic, 46, 1);

    let persons = "fhir_r4/Patient.ndjson";
    let shots = ["fhir_r4/Immunization.ndjson", persons];
    let shots = clinic.import("fhir", &shots, "events.json", "shots");
    // Of 338 vaccinations 5 were not done. 45 of the patients live.
    assert_eq!(shots, Taken { left_out: 5 + 45, standings: 1, actions: 333, ..EMPTY });

    let visits = ["fhir_r4/Encounter.ndjson", persons];
    let visits = clinic.import("fhir", &visits, "events.json", "visits");
    // 45 visits were check-ups; 218 were for an illness, a vaccination or another reason.
    assert_eq!(visits, Taken { left_out: 218 + 45, standings: 1, actions: 45, ..EMPTY });
    for row in clinic.rows("visits", "action") {
        assert_eq!(row["action"], "checkup.specific");
        assert!(row["performed_at_s"].is_u64());
    }
}

/// Persons of one name stay two, and of those who died each is told once.
fn check_persons(clinic: &Clinic, persons: usize, deaths: usize) {
    let mut accounts = clinic.rows("roster", "account.open");
    accounts.sort_by_key(Value::to_string);
    accounts.dedup();
    assert_eq!(accounts.len(), persons);
    let told = clinic.import("fhir", &["fhir_r4/Patient.ndjson"], "events.json", "deaths");
    assert_eq!(told, Taken { left_out: persons - deaths, standings: deaths, ..EMPTY });
    assert!(clinic.rows("deaths", "account.status").iter().all(|row| row["status"] == "deceased"));
}

#[test]
#[ignore = "takes long: tests/long runs it"]
fn persons_of_one_name_stay_two_and_the_dead_are_told() {
    let clinic = Clinic::of("300", "42");
    let roster = clinic.import("csv", &["csv/patients.csv"], "roster.json", "roster");
    // 948 rows of 166 patients, two of whom are 横山 静子.
    assert_eq!(roster, Taken { repeated: 782, opened: 166, ..EMPTY });
    check_persons(&clinic, 166, 11);
}
