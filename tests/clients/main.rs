//! Programs of others against the demo city. Here the Python clients of `ledger-spec/examples`,
//! bytes that no Rust code made, and a thousand calls made up from `ledger-spec/openapi.json`; in
//! `monitoring` Prometheus; in `settlement` banks, branches and holidays as others list them; in
//! `clinic` the files of a clinic that clinosim makes; in `outside` postal codes and steps as
//! others have them.
//!
//! `tests/run` makes the Python environment and installs Prometheus.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

mod clinic;
mod monitoring;
mod outside;
mod programme;
#[path = "../support/server.rs"]
mod server;
mod settlement;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use server::Demo;
use tempfile::TempDir;

/// The program that the tests start.
const KENMAI: &str = env!("CARGO_BIN_EXE_kenmai-under-test");
/// The folder of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// An operation that is sent twice.
const OP_ID: &str = "6d0fb6a8-6f4b-4c52-9f0e-0c8f3f5d7a04";

/// The demo city and the folder with its keys.
struct City {
    demo: Demo,
    data: TempDir,
}

impl City {
    fn start() -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        Self { demo: Demo::start(data.path()), data }
    }
}

/// Runs a client and gives its exit code and the JSON on its last line.
fn run(city: &City, client: &str, ledger: &str, arguments: &[&str]) -> (i32, Value) {
    let root = Path::new(ROOT);
    let output = Command::new(root.join("tests/.venv/bin/python"))
        .arg("-B")
        .arg(root.join("ledger-spec/examples").join(client))
        .args(["--url", &city.demo.url(""), "--ledger", ledger, "--keys"])
        .arg(city.data.path().join("demo-keys"))
        .args(arguments)
        .env("PYTHONUTF8", "1")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("tests/run has made tests/.venv");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    let json = serde_json::from_str(last)
        .unwrap_or_else(|error| panic!("{client}: {error}\n{said}\n{errors}"));
    (output.status.code().expect("it ends by itself"), json)
}

/// Runs a client, expects a verdict of this kind over these points, and gives its place in the log.
fn check(city: &City, client: &str, arguments: &[&str], kind: &str, points: u64) -> u64 {
    let (code, verdict) = run(city, client, "yaizu-demo", arguments);
    assert_eq!(code, 0, "{client} {arguments:?}: {verdict:#}");
    assert_eq!(verdict["kind"], kind, "{client}: {verdict:#}");
    assert_eq!(verdict["points"], points, "{client}: {verdict:#}");
    let proof = verdict["proof"].as_str().expect("a verdict carries its proof");
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{client}: {proof}");
    verdict["seq"].as_u64().expect("a verdict names its place in the log")
}

#[test]
fn clients_in_python_earn_points_and_redeem_them() {
    let city = City::start();
    let measured = ["--phone", "1", "--op-id", "6d0fb6a8-6f4b-4c52-9f0e-0c8f3f5d7a01"];
    let paid = ["--phone", "3", "--op-id", "6d0fb6a8-6f4b-4c52-9f0e-0c8f3f5d7a03"];

    let measurement = check(&city, "station.py", &measured, "action", 20);
    let session = check(&city, "coach.py", &["--phone", "2"], "action", 300);
    let payment = check(&city, "shop.py", &paid, "redeem", 100);
    assert!(measurement < session && session < payment, "the log keeps the order of the answers");

    // A repeat is answered with the first verdict; nothing happens twice.
    assert_eq!(check(&city, "station.py", &measured, "action", 20), measurement);
    assert_eq!(check(&city, "shop.py", &paid, "redeem", 100), payment);

    // A refusal is printed in place of the verdict, and the client fails.
    let (code, problem) = run(&city, "station.py", "no-such-city", &[]);
    assert_eq!(code, 1, "{problem:#}");
    assert_eq!(problem["status"], 404, "{problem:#}");
    assert!(problem["type"].is_string() && problem["retry"].is_string(), "{problem:#}");
}

/// Whether 9,000 steps or more brought what they should; no goal is set for children, of whom the
/// demo has some.
fn walked(row: &Value) -> bool {
    let of = (&row["points"], &row["reason"]["code"]);
    of == (&Value::from(3), &"full".into()) || of == (&Value::from(0), &"below_goal".into())
}

#[test]
fn a_partner_in_python_reports_sessions_and_steps_under_links() {
    let city = City::start();
    let arguments = ["--phone", "4", "--residents", "3", "--op-id", OP_ID];
    let (code, outcome) = run(&city, "partner.py", "yaizu-demo", &arguments);
    assert_eq!(code, 0, "{outcome:#}");
    let rows = outcome["rows"].as_array().expect("an outcome has its rows");
    for pair in rows.chunks(2) {
        assert_eq!(pair[0]["points"], 50, "{outcome:#}");
        assert!(walked(&pair[1]), "{outcome:#}");
    }
    assert_eq!(outcome["accepted"], 6);

    // The same bytes again: every row has its first answer. Another list of the same acts brings
    // nothing.
    let (code, again) = run(&city, "partner.py", "yaizu-demo", &arguments);
    assert_eq!((code, &again["rows"]), (0, &outcome["rows"]));
    let (code, twice) = run(&city, "partner.py", "yaizu-demo", &["--phone", "4"]);
    assert_eq!((code, &twice["accepted"]), (0, &Value::from(0)), "{twice:#}");
    let problems: Vec<&Value> =
        twice["rows"].as_array().expect("rows").iter().map(|row| &row["problem"]).collect();
    assert_eq!(problems, ["duplicate-action"; 2]);
}

/// What must be true of every answer to every call that the document allows, or nearly allows. Left
/// out: that data which fit the document are taken and others refused, because a signature decides,
/// and no schema says what is signed; and that a wrong session is refused, because the hooks put
/// the right one in its place (`tests/it/api.rs` tells that story).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance,\
    missing_required_header";

/// Calls to each operation, besides its examples and the edges of its parameters.
const CALLS_AN_OPERATION: &str = "60";

#[test]
fn answers_hold_to_the_published_document() {
    let city = City::start();
    let root = Path::new(ROOT);
    let output = Command::new(root.join("tests/.venv/bin/python"))
        .args(["-B", "-m", "schemathesis.cli", "run", &city.demo.url("/v1/openapi.json")])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--seed", "1"])
        .args(["--max-examples", CALLS_AN_OPERATION, "--continue-on-failure"])
        .args(["--generation-database", "none", "--warnings", "off"])
        .args(["--suppress-health-check", "all"])
        .current_dir(city.data.path())
        .env("SCHEMATHESIS_HOOKS", "api_hooks")
        .env("PYTHONPATH", format!("{0}/tests/clients:{0}/ledger-spec/examples", root.display()))
        .env("KENMAI_URL", city.demo.url(""))
        .env("KENMAI_KEYS", city.data.path().join("demo-keys"))
        .env("PYTHONUTF8", "1")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("tests/run has made tests/.venv");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("No issues found"), "{said}");
}
