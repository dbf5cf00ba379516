//! The dashboards and alerts before a real Prometheus, which reads the running demo and a year of
//! its past.
//!
//! `tests/run` installs Prometheus with its `promtool`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;

use crate::server::{Demo, Program};

/// How often a panel may be found empty: a rate needs a few scrapes. Only an expression that is
/// wrong gets there.
const ASKED_MAX: usize = 120;
/// How long it is left alone in between.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// Points that a panel draws.
const POINTS: u64 = 300;

/// Prometheus, with the demo's year in its store, reading the demo.
struct Prometheus {
    program: Program,
    agent: Agent,
    _folder: TempDir,
}

fn dashboards(path: &str) -> PathBuf {
    Path::new(crate::ROOT).join("dashboards").join(path)
}

/// Runs a program to its good end and gives what it said.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output().expect("tests/run has installed it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

impl Prometheus {
    /// Fills a store with the past of the ledger in `data`, and starts.
    fn start(demo: &Demo, data: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let at = |name: &str| folder.path().join(name);
        let kenmai = crate::KENMAI;
        let past = run(Command::new(kenmai).args(["metrics", "export", "--data"]).arg(data));
        fs::write(at("past.txt"), past).expect("it can be written");
        // Blocks of months: promtool reads the whole text once for each.
        let blocks = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h"];
        run(Command::new("promtool").args(blocks).args([at("past.txt"), at("store")]));
        let metrics = demo.address("metrics on http://").trim_end_matches("/metrics");
        // The file as it is handed out, but for the address and the pace.
        let config =
            fs::read_to_string(dashboards("prometheus/prometheus.yml")).expect("it is there");
        let config = config.replace("127.0.0.1:9464", metrics).replace("15s", "1s");
        fs::write(at("prometheus.yml"), config).expect("it can be written");
        fs::copy(dashboards("prometheus/alerts.yml"), at("alerts.yml")).expect("it is there");
        let program = Program::start(
            Command::new("sh")
                .args(["-c", "exec prometheus \"$@\" 2>&1", "sh"])
                .arg("--storage.tsdb.retention.time=10y")
                .arg("--web.listen-address=127.0.0.1:0")
                .arg(format!("--config.file={}", at("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", at("store").display())),
            "msg=\"Listening on\" address=",
        );
        let config = Agent::config_builder().http_status_as_error(false);
        Self { program, agent: config.build().into(), _folder: folder }
    }

    /// Asks the API and gives `data`, or what it says against the question.
    fn ask(&self, path: &str, asked: &[(&str, &str)]) -> Result<Value, String> {
        let url = format!("http://{}/api/v1/{path}", self.program.announced);
        let asked = asked.iter().map(|(name, value)| (*name, *value));
        let mut answer =
            self.agent.get(url).query_pairs(asked).call().map_err(|e| e.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
        // Before it is ready it answers in plain words.
        let json: Value = serde_json::from_str(&text).map_err(|_| text)?;
        if json["status"] == "success" { Ok(json["data"].clone()) } else { Err(json.to_string()) }
    }

    /// Whether an expression gives a number anywhere in the last `span_s` seconds, as a panel asks
    /// for it.
    fn has_data(&self, query: &str, span_s: u64) -> Result<(), String> {
        let query = query.replace("$ledger", ".*").replace("$__rate_interval", "1m");
        let now = self.ask("query", &[("query", "time()")])?["result"][0].clone();
        let now = now.as_f64().ok_or("it has no time")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "Unix seconds")]
        let until = now as u64;
        let [start, end] = [until - span_s, until].map(|at| at.to_string());
        let step = (span_s / POINTS).max(1).to_string();
        let asked = [("query", &*query), ("start", &start), ("end", &end), ("step", &step)];
        let found = self.ask("query_range", &asked)?;
        let series = found["result"].as_array().into_iter().flatten();
        let mut values =
            series.flat_map(|series| series["values"].as_array().into_iter().flatten());
        if values.any(|value| value[1].as_str().is_some_and(|number| number != "NaN")) {
            Ok(())
        } else {
            Err(format!("no data: {query}"))
        }
    }

    /// The same, with time for the first scrapes.
    fn comes_to_have_data(&self, query: &str, span_s: u64) -> Result<(), String> {
        for _ in 1..ASKED_MAX {
            if self.has_data(query, span_s).is_ok() {
                return Ok(());
            }
            thread::sleep(ASK_INTERVAL);
        }
        self.has_data(query, span_s)
    }
}

/// Seconds of a dashboard's span, such as `now-6h`.
fn span_s(dashboard: &Value) -> u64 {
    let from = dashboard["time"]["from"].as_str().expect("a dashboard has a span");
    let (count, unit) = from.strip_prefix("now-").expect("up to now").split_at(from.len() - 5);
    let unit_s = match unit {
        "h" => 3_600,
        "d" => 86_400,
        "y" => 366 * 86_400,
        _ => panic!("{from}"),
    };
    count.parse::<u64>().expect("a number") * unit_s
}

/// The expressions of all dashboards, each with its panel's title and its span.
fn panels() -> Vec<(String, String, u64)> {
    let mut found = Vec::new();
    for file in ["operations", "participation"] {
        let text = fs::read_to_string(dashboards(&format!("grafana/{file}.json")));
        let dashboard: Value = serde_json::from_str(&text.expect("it is there")).expect("JSON");
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let title = format!("{file}: {}", text(&panel["title"]));
                found.push((title, text(&target["expr"]), span_s(&dashboard)));
            }
        }
    }
    found
}

/// The series that an alert asks for, each with the labels that it demands.
fn selectors(query: &str) -> Vec<String> {
    let names = query.match_indices("kenmai_").chain(query.match_indices("up{"));
    let selector = |at: usize| {
        let rest = &query[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let labels = rest[end..].starts_with('{').then(|| rest.find('}').unwrap_or(end) + 1);
        rest[..labels.unwrap_or(end)].to_owned()
    };
    // `job="kenmai"` is no name.
    let named = names.filter(|(at, _)| !query[..*at].ends_with('"'));
    named.map(|(at, _)| selector(at)).collect()
}

/// Somebody comes to the desk, and somebody asks for what is not there.
fn live(demo: &Demo) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let visitor = agent.post(demo.url("/v1/yaizu-demo/demo/visitors")).send("{}").expect("answers");
    assert_eq!(visitor.status(), 201);
    agent.get(demo.url("/nowhere")).call().expect("it answers");
    agent.post(demo.url("/v1/yaizu-demo/statements")).send("no statement").expect("it answers");
}

#[test]
fn every_panel_and_every_alert_finds_its_figures() {
    let data = TempDir::new().expect("a temporary folder can be made");
    let demo = Demo::start(data.path());
    live(&demo);
    let prometheus = Prometheus::start(&demo, &data.path().join("yaizu-demo"));

    // What is wrong is seen: a name that nobody gives, a label that nobody has, a query that is
    // none.
    prometheus.comes_to_have_data("up == 1", 60).expect("the demo is read");
    for broken in ["kenmai_log_entry", "kenmai_log_entries{city=\"a\"}", "rate(kenmai_log_entries)"]
    {
        assert!(prometheus.has_data(broken, 60).is_err(), "{broken}");
    }

    // A rate needs something that happened between two looks at it.
    let mut missing = Vec::new();
    for (panel, query, span_s) in panels() {
        live(&demo);
        if let Err(fault) = prometheus.comes_to_have_data(&query, span_s) {
            missing.push(format!("{panel}: {fault}"));
        }
    }
    let rules = prometheus.ask("rules", &[("type", "alert")]).expect("it has rules");
    let rules = rules["groups"][0]["rules"].as_array().expect("a list").clone();
    assert!(rules.len() >= 10, "{rules:#?}");
    for rule in rules {
        let (name, query) = (&rule["name"], rule["query"].as_str().expect("a query"));
        let asked = selectors(query);
        if asked.is_empty() || rule["lastError"].is_string() {
            missing.push(format!("{name}: {rule}"));
        }
        // Only a server that failed has failed requests; the alert counts none as none.
        for selector in asked.iter().filter(|selector| !selector.contains("5xx")) {
            if let Err(fault) = prometheus.comes_to_have_data(selector, 60) {
                missing.push(format!("{name}: {fault}"));
            }
        }
    }
    assert!(missing.is_empty(), "without data:\n{}", missing.join("\n"));

    // The past and the present are one: the year before stands in the store.
    let year = 366 * 86_400;
    let week = "sum(increase(kenmai_entries_total{kind=\"action\"}[7d] offset 300d)) > 10";
    prometheus.has_data(week, year).expect("the year before");
}

#[test]
fn alerts_fire_when_they_should() {
    run(Command::new("promtool")
        .args(["check", "config"])
        .arg(dashboards("prometheus/prometheus.yml")));
    run(Command::new("promtool")
        .args(["test", "rules"])
        .arg(dashboards("prometheus/alerts_test.yml")));
}
