//! The dashboards and the metrics hold each other: a panel asks only for series and labels that the
//! server gives, and every metric stands on a panel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use kenmai::metrics::{Metrics, NAMES};
use ledger_spec::caps::Channel;
use ledger_spec::cbor::Blob;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::Seq;
use ledger_spec::kinds::{Body, DayClose};
use ledger_spec::points::Fund;
use ledger_spec::time::Day;
use serde_json::Value;

/// Series by name, each with its labels.
type Series = BTreeMap<String, BTreeSet<String>>;

/// What every name of ours begins with.
const PREFIX: &str = "kenmai_";

/// The characters of names and labels.
fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// All series that the server gives, out of its own text, after each metric was touched once.
fn series() -> Series {
    let metrics = Metrics::new().unwrap();
    let ledger = metrics.ledger("a");
    let entry = Accounting {
        version: 1,
        seq: Seq(0),
        accepted_min: 0,
        statement: Blob(Vec::new()),
        subject: None,
        effects: Vec::new(),
    };
    ledger.accepted(&Body::DayClose(DayClose { day: Day(0) }), &entry);
    ledger.refused("token-used");
    ledger.batch(1, Duration::from_millis(1), 1);
    ledger.set_standing(true);
    ledger.set_participants_week(Some(12));
    ledger.set_participants_month("any", Some(12));
    ledger.set_channel_percent(Channel::Phone, Some(12));
    ledger.set_outstanding(Fund::General, Some(12));
    ledger.set_budget_warning(Fund::General, Some(700));
    metrics.request("/healthz", 200, Duration::from_millis(1));
    let text = metrics.text().unwrap();
    let mut series = Series::new();
    for line in text.lines().filter(|line| line.starts_with(PREFIX)) {
        let (name, rest) = line.split_once(['{', ' ']).expect("every series has a value");
        let (labels, _) = rest.rsplit_once('}').unwrap_or_default();
        let labels = labels.split(',').filter_map(|pair| pair.split_once('='));
        let labels = labels.map(|(label, _)| label.to_owned());
        series.entry(name.to_owned()).or_default().extend(labels);
    }
    series
}

/// The metric that a series belongs to.
fn metric(series: &str) -> &str {
    let known = |name: &str| NAMES.iter().any(|(metric, _)| *metric == name);
    let ends = ["_bucket", "_sum", "_count"];
    let bare = ends.iter().find_map(|end| series.strip_suffix(end)).filter(|bare| known(bare));
    bare.unwrap_or(series)
}

/// The names of ours in a query, each with the labels in the braces behind it.
fn selectors(query: &str) -> Vec<(&str, Vec<&str>)> {
    let starts = query.match_indices(PREFIX).map(|(at, _)| at);
    let whole = |at: &usize| !query[..*at].ends_with(in_name);
    starts
        .filter(whole)
        .map(|at| {
            let rest = &query[at..];
            let (name, behind) = rest.split_at(rest.find(|c| !in_name(c)).unwrap_or(rest.len()));
            let braces = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let matchers = braces.map_or("", |(inner, _)| inner).split(',');
            let labels = matchers.filter_map(|matcher| matcher.split(['=', '!']).next());
            (name, labels.map(str::trim).filter(|label| !label.is_empty()).collect())
        })
        .collect()
}

/// The labels in every `by (…)` of a query.
fn groups(query: &str) -> Vec<&str> {
    let lists = query.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(',')).map(str::trim).collect()
}

/// Every member of this name in a document, at any depth.
fn members<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(object) => object.values().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let found = value.get(name).into_iter();
    found.chain(inner.into_iter().flat_map(|inner| members(inner, name))).collect()
}

/// What is wrong with one target of a panel.
fn faults(target: &Value, series: &Series) -> Vec<String> {
    let query = target["expr"].as_str().unwrap_or("");
    let mut faults = Vec::new();
    let mut labels = BTreeSet::new();
    for (name, used) in selectors(query) {
        let Some(known) = series.get(name) else {
            faults.push(format!("the server gives no series `{name}`"));
            continue;
        };
        let unknown = used.iter().filter(|label| !known.contains(**label));
        faults.extend(unknown.map(|label| format!("`{name}` has no label `{label}`")));
        labels.extend(known.iter().map(String::as_str));
    }
    if selectors(query).is_empty() {
        faults.push(format!("`{query}` asks for nothing"));
    }
    let groups = groups(query);
    let unknown = groups.iter().filter(|label| !labels.contains(**label));
    faults.extend(unknown.map(|label| format!("nothing has the label `{label}` to group by")));
    let legend = target["legendFormat"].as_str().unwrap_or("");
    let shown = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let lost = shown.filter(|label| !groups.contains(label));
    faults.extend(lost.map(|label| format!("the legend shows `{label}`, which is summed away")));
    faults
}

/// What is wrong with a dashboard.
fn dashboard_faults(dashboard: &Value, series: &Series) -> Vec<String> {
    let panels = members(dashboard, "targets").into_iter().filter_map(Value::as_array).flatten();
    let mut faults: Vec<String> = panels.flat_map(|target| faults(target, series)).collect();
    for source in members(dashboard, "datasource") {
        if source["uid"] != "${datasource}" {
            faults.push(format!("a data source of one place: {source}"));
        }
    }
    let of_ours = |value: &&Value| value.as_str().is_some_and(|text| text.contains(PREFIX));
    for query in members(dashboard, "query").into_iter().filter(of_ours) {
        let text = query.as_str().unwrap_or("");
        let asked = text.strip_prefix("label_values(").and_then(|text| text.strip_suffix(')'));
        let (name, label) = asked.and_then(|text| text.split_once(", ")).unwrap_or((text, ""));
        if !series.get(name).is_some_and(|labels| labels.contains(label)) {
            faults.push(format!("a variable asks for `{text}`"));
        }
    }
    faults
}

/// Metrics that no panel of these dashboards shows.
fn unused(dashboards: &[Value]) -> Vec<&'static str> {
    let queries = dashboards.iter().flat_map(|dashboard| members(dashboard, "expr"));
    let queries: Vec<&str> = queries.filter_map(Value::as_str).collect();
    let shown: BTreeSet<&str> =
        queries.iter().flat_map(|query| selectors(query)).map(|(name, _)| metric(name)).collect();
    NAMES.iter().map(|(name, _)| *name).filter(|name| !shown.contains(name)).collect()
}

/// Every dashboard of ours.
fn dashboards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana");
    let files = fs::read_dir(folder).expect("the folder can be read").map(|file| file.unwrap());
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a dashboard can be read");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.map(|file| (file.file_name().to_string_lossy().into(), read(&file.path()))).collect()
}

#[test]
fn dashboards_ask_for_what_the_server_gives() {
    let (series, dashboards) = (series(), dashboards());
    for (file, dashboard) in &dashboards {
        assert_eq!(dashboard_faults(dashboard, &series), [""; 0], "{file}");
        let ids = members(&dashboard["panels"], "id");
        let once: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(once.len(), ids.len(), "{file}: a panel's id stands twice");
    }
    let dashboards: Vec<Value> = dashboards.into_iter().map(|(_, dashboard)| dashboard).collect();
    assert_eq!(unused(&dashboards), [""; 0], "a metric that no panel shows");
}

#[test]
fn the_server_gives_every_metric_that_it_names() {
    let given = series();
    let given: BTreeSet<&str> = given.keys().map(|series| metric(series)).collect();
    let named: BTreeSet<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    assert_eq!(given, named);
}

#[test]
fn a_planted_fault_is_seen() {
    let series = series();
    for (query, legend, expected) in [
        ("sum by (kind) (rate(kenmai_entries_total[5m]))", "{{kind}}", ""),
        ("kenmai_entries_totals", "", "the server gives no series `kenmai_entries_totals`"),
        ("kenmai_commit_seconds", "", "the server gives no series `kenmai_commit_seconds`"),
        ("kenmai_log_entries_sum", "", "the server gives no series `kenmai_log_entries_sum`"),
        ("up", "", "`up` asks for nothing"),
        (
            r#"rate(kenmai_entries_total{ledger=~"$ledger", account!="x"}[5m])"#,
            "",
            "`kenmai_entries_total` has no label `account`",
        ),
        (
            "sum by (fund) (kenmai_log_entries)",
            "{{fund}}",
            "nothing has the label `fund` to group by",
        ),
        (
            "sum by (le) (kenmai_batch_entries_bucket)",
            "{{ledger}}",
            "the legend shows `ledger`, which is summed away",
        ),
    ] {
        let target = serde_json::json!({"expr": query, "legendFormat": legend});
        assert_eq!(faults(&target, &series).join("; "), expected, "{query}");
    }

    let mut dashboards = dashboards();
    let operations = dashboards.iter().position(|(file, _)| file == "operations.json");
    let mut dashboard = dashboards.remove(operations.expect("it stands there")).1;
    dashboard["panels"][1]["targets"][0]["expr"] = "kenmai_writable".into();
    dashboard["panels"][1]["datasource"]["uid"] = "P1234".into();
    let variable = &mut dashboard["templating"]["list"][1]["query"]["query"];
    *variable = "label_values(kenmai_log_entries, city)".into();
    let found = dashboard_faults(&dashboard, &series).join("; ");
    for fault in
        ["no series `kenmai_writable`", "P1234", "label_values(kenmai_log_entries, city)", "legend"]
    {
        assert!(found.contains(fault), "{fault}: {found}");
    }
    let mut left: Vec<Value> = dashboards.into_iter().map(|(_, other)| other).collect();
    left.push(dashboard);
    assert_eq!(unused(&left), ["kenmai_ledger_writable"]);
}
