//! Each folder has an order of its own: a file uses what stands behind it, never what stands before
//! it. The file of a folder itself (`mod.rs`, or the file of the folder's name) stands first, so
//! its children use nothing of it. With an order at every level, no circle of files can be.

use std::collections::{BTreeMap, BTreeSet};

use super::{LAYERS, in_name, sources, tokens};

/// The folders and their files, the outermost first.
const ORDERS: [(&str, &[&str]); 21] = [
    (
        "ledger-spec/src",
        &[
            "receipt",
            "public",
            "prove",
            "tile",
            "frame",
            "decide",
            "manifest",
            "draw",
            "checkpoint",
            "note",
            "text",
            "merkle",
            "apply",
            "state",
            "shops",
            "programme",
            "kept",
            "statement",
            "token",
            "cose",
            "entry",
            "catalogue",
            "kinds",
            "points",
            "time",
            "json",
            "caps",
            "cbor",
            "ids",
        ],
    ),
    ("ledger-spec/src/apply", &["account", "rewards", "access", "openings", "checks"]),
    (
        "ledger-spec/src/decide",
        &[
            "residents",
            "proposals",
            "settlement",
            "returns",
            "manifests",
            "days",
            "keys",
            "holds",
            "spending",
            "earning",
            "draws",
            "pins",
            "leaving",
            "suspensions",
            "openings",
            "corrections",
            "catalogue",
            "standing",
            "lots",
            "consent",
            "holder",
            "case",
            "rejection",
            "limits",
        ],
    ),
    ("ledger-spec/src/kinds", &["bodies", "table", "codes"]),
    (
        "src/adapters",
        &[
            "lots_file",
            "shops_file",
            "appointments",
            "fhir",
            "zengin_code",
            "strict_json",
            "city_file",
            "japanese",
        ],
    ),
    (
        "src/audit",
        &[
            "replay",
            "tally",
            "standin",
            "signatures",
            "segments",
            "forgotten",
            "report",
            "levels",
            "error",
        ],
    ),
    (
        "src/cli",
        &[
            "verify",
            "submit",
            "sign_rows",
            "settle",
            "receipt",
            "rebuild",
            "programme",
            "metrics",
            "letters",
            "keys",
            "keygen",
            "init",
            "import",
            "export",
            "export_currency",
            "draw",
            "shop_accounts",
            "sign",
            "fields",
            "demo",
            "serve",
            "clock",
            "catalogue",
            "audit",
            "appointments",
            "folder",
            "options",
            "files",
            "console",
            "outcome",
        ],
    ),
    ("src/config", &["server", "ledger_file", "error"]),
    (
        "src/demo",
        &[
            "folder",
            "history",
            "draft",
            "door",
            "desk",
            "city",
            "rewards",
            "residents",
            "programme",
            "crew",
            "client",
            "staged_clock",
            "cast",
            "blueprint",
        ],
    ),
    (
        "src/engine",
        &[
            "perk_cards",
            "handle",
            "tiles",
            "sequencer",
            "sweep",
            "recovery",
            "snapshot",
            "secrets",
            "replay",
            "ops",
            "follower",
            "scrub",
            "shared",
            "day_kids",
            "verdict",
            "read",
            "error",
        ],
    ),
    ("src/engine/sequencer", &["own", "holds", "writer", "deadlines"]),
    (
        "src/http",
        &[
            "web",
            "terminal",
            "settlement",
            "scan",
            "rewards",
            "shop",
            "reminders",
            "public_log",
            "pin",
            "participation",
            "manifests",
            "statements",
            "links",
            "resident",
            "ledger",
            "auth",
            "openapi",
            "server",
            "sessions",
            "nonces",
            "latest",
            "problem",
        ],
    ),
    ("src/http/web", &["site", "rewards", "participation", "own", "fixed", "visit"]),
    (
        "src/log",
        &[
            "recovery",
            "writer",
            "tip",
            "lock",
            "levels",
            "fail_stop",
            "config",
            "segments",
            "error",
            "disk",
        ],
    ),
    (
        "src/pages",
        &[
            "verify",
            "venue",
            "tour",
            "terminal",
            "settlement",
            "record",
            "participation",
            "history_csv",
            "me",
            "found",
            "reminders",
            "first",
            "family",
            "error",
            "desk",
            "till",
            "rewards",
            "links",
            "pay",
            "perk",
            "scan",
            "city",
            "door",
            "frame",
            "chart",
            "messages",
            "lang",
            "assets",
        ],
    ),
    ("src/query", &["history", "rewards", "access"]),
    ("src/query/participation", &["schema", "population", "suppress"]),
    (
        "src/registry",
        &[
            "shops",
            "read_only",
            "pins",
            "persons",
            "appointments",
            "erasure",
            "store",
            "vault",
            "file",
            "error",
            "schema",
        ],
    ),
    ("src/reports", &["transfers", "zengin", "tables", "books"]),
    ("src/views", &["fold", "tables", "store", "rows", "error"]),
    (
        "load-tests/src",
        &[
            "rounds",
            "deadline_day",
            "report",
            "harness",
            "ledger",
            "founding",
            "connect",
            "proofs",
            "callers",
            "machine",
            "city",
            "operations",
            "http",
        ],
    ),
];

/// The tokens without the modules that only tests see.
pub(super) fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let only_tests = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let body = rest.iter().position(|token| ["{", ";"].contains(token)).unwrap_or(0);
        let is_module = rest[..body].contains(&"mod") && rest[body] == "{";
        if rest.starts_with(&only_tests) && is_module {
            at = behind_braces(tokens, at + body);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The place behind the braces that open at `at`.
fn behind_braces(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        depth += usize::from(*token == "{");
        if *token == "}" {
            depth -= 1;
            if depth == 0 {
                return place + 1;
            }
        }
    }
    tokens.len()
}

/// All paths that begin with `crate`, `super` or `self`, each with all its segments: `use
/// super::{a::X, b}` gives `super::a::X` and `super::b`.
fn full_paths<'a>(tokens: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    for (at, head) in tokens.iter().enumerate() {
        let starts = ["crate", "super", "self"].contains(head) && tokens.get(at + 1) == Some(&"::");
        // The `crate::a` of `pub(in crate::a)` is no use.
        if starts && (at == 0 || !["::", "in"].contains(&tokens[at - 1])) {
            follow(tokens, at, Vec::new(), &mut found);
        }
    }
    found
}

/// Follows one path from the segment at `at`, and gives the place behind it.
fn follow<'a>(
    tokens: &[&'a str],
    mut at: usize,
    mut path: Vec<&'a str>,
    found: &mut Vec<Vec<&'a str>>,
) -> usize {
    loop {
        match tokens.get(at).copied() {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    at = follow(tokens, at, path.clone(), found);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some(name) if name.starts_with(in_name) || name == "*" => path.push(name),
            _ => {}
        }
        if tokens.get(at + 1) != Some(&"::") {
            break;
        }
        at += 2;
    }
    found.push(path);
    // What follows the name in a `use`, such as `as other`.
    at += 1;
    if tokens.get(at) == Some(&"as") { at + 2 } else { at }
}

/// A file of a package as the names of its modules, `http/mod.rs` as `http`; none for a root and
/// for a file that only tests see.
fn module(path: &str) -> Option<(&str, Vec<&str>)> {
    let root = ["ledger-spec/src/", "load-tests/src/", "src/"]
        .into_iter()
        .find(|root| path.starts_with(root))?;
    let place = path.strip_prefix(root)?.strip_suffix(".rs")?;
    let mut names: Vec<&str> = place.split('/').collect();
    if names.last() == Some(&"mod") {
        names.pop();
    }
    (!["lib", "main", "tests"].contains(&place)).then_some((root, names))
}

/// The files that a file uses, as names of modules.
fn used<'a>(
    own: &[&'a str],
    code: &'a str,
    all: &BTreeSet<Vec<&'a str>>,
) -> BTreeSet<Vec<&'a str>> {
    let tokens = without_tests(&tokens(code));
    let mut found = BTreeSet::new();
    for path in full_paths(&tokens) {
        let mut place = own.to_vec();
        for segment in path {
            match segment {
                "crate" => place.clear(),
                "super" => _ = place.pop(),
                "self" => {}
                name => place.push(name),
            }
        }
        while !place.is_empty() && !all.contains(&place) {
            place.pop();
        }
        if !place.is_empty() && place != own {
            found.insert(place);
        }
    }
    found
}

/// Where two files part: the folder that holds both, and the name of each in it. The folder's own
/// file has no name.
fn parting<'a>(from: &[&'a str], to: &[&'a str]) -> (String, &'a str, &'a str) {
    let shared = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    let name = |names: &[&'a str]| names.get(shared).copied().unwrap_or("");
    (from[..shared].join("/"), name(from), name(to))
}

/// The breaches of the orders among the files, given as path and text.
fn breaches(files: &[(String, String)], orders: &[(&str, &[&str])]) -> Vec<String> {
    let mut packages: BTreeMap<&str, BTreeSet<Vec<&str>>> = BTreeMap::new();
    for (root, names) in files.iter().filter_map(|(path, _)| module(path)) {
        packages.entry(root).or_default().insert(names);
    }
    let mut found = Vec::new();
    for (path, text) in files {
        let Some((root, own)) = module(path) else { continue };
        for to in used(&own, text, &packages[root]) {
            let (folder, from_name, to_name) = parting(&own, &to);
            let folder = format!("{root}{folder}");
            let folder = folder.trim_end_matches('/');
            let order = orders.iter().find(|(of, _)| *of == folder);
            let rank = |name: &str| order?.1.iter().position(|one| *one == name);
            let stands_behind = || rank(from_name).zip(rank(to_name)).is_some_and(|(a, b)| a < b);
            if to_name.is_empty() || !(from_name.is_empty() || stands_behind()) {
                let mut names = [from_name, to_name].into_iter().filter(|name| !name.is_empty());
                let unnamed = names
                    .find(|name| rank(name).is_none())
                    .map(|name| format!(", and `{name}` has no place in the order of `{folder}`"));
                found.push(format!(
                    "{path}: uses `{}`{}",
                    to.join("::"),
                    unnamed.unwrap_or_default()
                ));
            }
        }
    }
    found
}

#[test]
fn every_folder_keeps_its_order() {
    let modules: Vec<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    let orders = [&ORDERS[..], &[("src", &modules)]].concat();
    let found = breaches(&super::tree(), &orders);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_orders_name_each_file_that_is_there() {
    let tree = super::tree();
    for (folder, order) in ORDERS {
        for name in order {
            let there = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
            assert!(tree.iter().any(|(path, _)| there.contains(path)), "{folder}: `{name}`");
        }
    }
}

#[test]
fn a_step_up_is_seen() {
    let orders: [(&str, &[&str]); 2] = [("src", &["http", "log"]), ("src/log", &["disk", "lock"])];
    let check = |path: &str, code: &str, expected: &[&str]| {
        let other = |path| ((path), "");
        let all = ["src/http/mod.rs", "src/log/mod.rs", "src/log/disk.rs", "src/log/lock.rs"];
        let mut tree = sources(&all.map(other));
        tree.retain(|(other, _)| other != path);
        tree.extend(sources(&[(path, code)]));
        let expected: Vec<_> =
            expected.iter().map(|used| format!("{path}: uses `{used}`")).collect();
        assert_eq!(breaches(&tree, &orders), expected, "{path}: {code}");
    };
    check("src/log/lock.rs", "use super::disk::Disk;", &["log::disk"]);
    check("src/log/lock.rs", "fn f() { crate::log::disk::go() }", &["log::disk"]);
    check("src/log/lock.rs", "use {super::{disk, lock}, std::fs};", &["log::disk"]);
    check("src/log/lock.rs", "use super::{Log, x::{y, z as w}, disk};", &["log", "log::disk"]);
    check("src/log/disk.rs", "use super::LogError;", &["log"]);
    check("src/log/disk.rs", "use super::lock::Lock; use crate::log::lock::Slot;", &[]);
    check("src/log/mod.rs", "mod disk; use self::disk::Disk; use lock::Lock;", &[]);
    check("src/log/mod.rs", "use crate::http::Problem;", &["http"]);
    check("src/log/lock.rs", "#[cfg(test)]\nmod tests { use super::super::disk::Disk; }", &[]);
    check("src/log/lock.rs", "// use super::disk;\nconst A: &str = \"super::disk\";", &[]);
    check("src/http/shop.rs", "use crate::log::lock::Lock;", &[]);
    check("ledger-spec/src/a.rs", "use crate::b::B;", &[]);
    // A file that no order names uses nothing beside it, and is used by nobody; it is named.
    let misc = sources(&[("src/log/misc.rs", "use super::disk::Disk;"), ("src/log/disk.rs", "")]);
    let expected =
        ["src/log/misc.rs: uses `log::disk`, and `misc` has no place in the order of `src/log`"];
    assert_eq!(breaches(&misc, &orders), expected);
}
