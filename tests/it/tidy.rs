//! The habits of the house as tests: borders between modules, the home of each package, words,
//! lengths, floats.
//!
//! Each rule takes a file's path and text and gives one line for each breach. A rule that turns out
//! wrong is changed here, in the open; there is no way to switch it off at the place of the breach.

mod names;
mod order;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/`, outermost first: each uses only what stands in a later line.
const LAYERS: [&[&str]; 10] = [
    &["main"],
    &["cli"],
    &["demo"],
    &["http"],
    &["pages"],
    &["query", "office", "audit", "verify", "simulate"],
    &["engine"],
    &["log", "views", "registry", "metrics", "reports", "adapters"],
    &["config"],
    &["clock", "keys", "csv", "bank_days", "beacon"],
];

/// What pure modules, data in and text out, leave alone.
const BELOW_ENGINE: [&str; 12] = [
    "query", "office", "audit", "verify", "simulate", "engine", "log", "views", "registry",
    "metrics", "clock", "keys",
];

/// The same for pages, which take what `query` has read.
const BELOW_QUERY: [&str; 11] = [
    "demo", "audit", "verify", "simulate", "engine", "log", "views", "registry", "metrics",
    "clock", "keys",
];

/// What a module, or one file of it, may not use although it stands to its right.
const MAY_NOT_USE: [(&str, &[&str]); 5] = [
    ("http", &["log", "views"]),
    ("pages", &BELOW_QUERY),
    ("reports", &BELOW_ENGINE),
    ("adapters", &BELOW_ENGINE),
    ("query/participation", &["registry"]),
];

/// Where a package may be named. A package of the program stands here or in [`ANYWHERE`].
const HOMES: [(&str, &[&str]); 33] = [
    ("aes_gcm", &["registry"]),
    ("argon2", &["registry"]),
    ("axum", &["demo", "http"]),
    ("blst", &["beacon"]),
    ("chrono", &["reports", "pages", "config"]),
    ("clap", &["main", "cli"]),
    ("crc32fast", &["log", "engine"]),
    ("csv", &["cli", "adapters"]),
    ("ed25519_dalek", &["cli", "demo", "audit", "verify", "engine", "keys"]),
    ("encoding_rs", &["adapters"]),
    ("fluent_bundle", &["pages"]),
    ("getrandom", &["cli", "http", "demo", "office", "engine", "registry", "keys"]),
    ("icalendar", &["reports", "adapters"]),
    ("indicatif", &["cli"]),
    ("maud", &["pages"]),
    ("prometheus", &["metrics"]),
    ("rusqlite", &["registry"]),
    ("rxing", &["adapters"]),
    ("rustix", &["log", "clock"]),
    (
        "serde_json",
        &["cli", "http", "pages", "demo", "query", "office", "verify", "reports", "adapters"],
    ),
    ("sled", &["views"]),
    ("tokio", &["main", "cli", "http", "engine"]),
    ("toml", &["config"]),
    ("tower_http", &["http"]),
    ("tracing", &["main", "cli", "http", "demo", "engine", "log", "views", "registry"]),
    ("tracing_subscriber", &["main", "cli"]),
    ("unic_langid", &["pages"]),
    ("ureq", &["cli", "verify"]),
    ("utoipa", &["demo", "http", "query", "reports"]),
    ("utoipa_axum", &["demo", "http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("zeroize", &["cli", "http", "engine", "registry", "keys"]),
    ("zune_jpeg", &["adapters"]),
];

/// Packages that bring no powers of their own.
const ANYWHERE: [&str; 5] = ["data_encoding", "ledger_spec", "serde", "sha2", "thiserror"];

/// Words that age, put work off, or name one machine.
const BANNED_WORDS: [&str; 8] =
    ["TODO", "FIXME", "XXX", "HACK", "no longer", "No longer", "/work/", "/root/"];

/// Comments are as wide as the code, which rustfmt keeps at so many characters.
const COMMENT_WIDTH_MAX: usize = 100;

/// A longer file wants to be two.
const LINES_MAX: usize = 700;

/// Files that are longer all the same, each with its ceiling. A ceiling only ever comes down.
const LONGER: [(&str, usize); 1] = [("ledger-spec/tests/it/proofs.rs", 900)];

/// The folders that the rules read, beside the files that lie at the root.
const FOLDERS: [&str; 7] =
    ["src", "ledger-spec", "load-tests", "tests", "dashboards", ".ci", ".config"];

/// Other people's text, and what machines leave behind.
const NOT_OURS: [&str; 5] = ["LICENSE", ".git", ".venv", ".node", "__pycache__"];

/// Whether a character can be part of a name.
fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words and signs of Rust code, without its comments, strings and character literals.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            string_length(rest)
        } else if first == '\'' {
            character_length(rest)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(length) = raw_string_length(rest) {
            length
        } else {
            let sign = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            let (token, _) = rest.split_at(if length == 0 { sign } else { length });
            found.push(token);
            token.len()
        };
        rest = &rest[skipped..];
    }
    found
}

/// The length of the string literal that `rest` begins with.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == '"' && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The length of the raw string literal that `rest` begins with, if it does.
fn raw_string_length(rest: &str) -> Option<usize> {
    let marked = ["r", "br", "cr"].iter().find_map(|mark| rest.strip_prefix(mark))?;
    let content = marked.trim_start_matches('#').strip_prefix('"')?;
    let hashes = marked.len() - content.len() - 1;
    let end = format!("\"{}", "#".repeat(hashes));
    let behind = content.find(&end).map_or("", |at| &content[at + end.len()..]);
    Some(rest.len() - behind.len())
}

/// The length of the character literal that `rest` begins with, or 1 for the mark of a lifetime.
fn character_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), _) => rest[3..].find('\'').map_or(1, |at| at + 4),
        (_, Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// The first segments of all paths in the code: `(head, next)`, the next only where the head leads
/// into our own modules. `use crate::{a::X, b}` gives `(crate, a)` and `(crate, b)`.
fn paths(code: &str) -> BTreeSet<(&str, &str)> {
    let tokens = tokens(code);
    let token = |at: usize| tokens.get(at).copied().unwrap_or("");
    let mut found = BTreeSet::new();
    for at in 0..tokens.len() {
        let head = token(at);
        let is_name = |text: &str| text.starts_with(in_name);
        let inside = at >= 2
            && token(at - 1) == "::"
            && token(at - 2) != "use"
            && (is_name(token(at - 2)) || token(at - 2) == ">");
        let imported = at >= 1 && token(at - 1) == "use" && [";", "as"].contains(&token(at + 1));
        if !is_name(head) || inside || (token(at + 1) != "::" && !imported) {
            continue;
        }
        if !["crate", "kenmai", "super"].contains(&head) {
            found.insert((head, ""));
        } else if token(at + 2) != "{" {
            found.insert((head, token(at + 2)));
        } else {
            found.extend(
                group(tokens.get(at + 2..).unwrap_or_default())
                    .into_iter()
                    .map(|next| (head, next)),
            );
        }
    }
    found
}

/// The first name of each path in the braces that `tokens` begin with.
fn group<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let mut depth = 0;
    let mut found = Vec::new();
    for (&before, &name) in tokens.iter().zip(tokens.iter().skip(1)) {
        depth += usize::from(before == "{");
        depth -= usize::from(before == "}");
        if depth == 0 {
            break;
        }
        if depth == 1 && ["{", ","].contains(&before) {
            found.push(name);
        }
    }
    found.retain(|name| *name != "}");
    found
}

/// The path below `src/` without `.rs`, such as `http/shop`; none for files elsewhere and for the
/// list of modules.
fn place(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.strip_suffix(".rs").filter(|place| *place != "lib")
}

/// The line of [`LAYERS`] that a module stands in.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// A module of `src/` uses only modules to its right, and not those that [`MAY_NOT_USE`] names.
fn borders(path: &str, text: &str) -> Vec<String> {
    let Some(place) = place(path) else { return Vec::new() };
    let module = place.split('/').next().unwrap_or(place);
    let Some(own_layer) = layer(module) else {
        return vec![format!("`{module}` stands in no layer of tests/it/tidy.rs")];
    };
    let file_of_module = !place.contains('/') || place.ends_with("/mod");
    let mut breaches = Vec::new();
    for (head, used) in paths(text) {
        let ours = match head {
            "crate" | "kenmai" => true,
            // From the file of the module itself `super` is the root; only a module's name tells it
            // from its tests.
            "super" => used == "super" || (file_of_module && layer(used).is_some()),
            _ => false,
        };
        if !ours || used == module {
            continue;
        }
        if used == "super" {
            breaches.push("`super::super` hides a border: write `crate::`".to_owned());
        } else if layer(used).is_none() {
            breaches.push(format!("`{head}::{used}` is not a module that stands in a layer"));
        } else if layer(used) <= Some(own_layer) {
            breaches.push(format!("`{module}` uses `{used}`, which does not stand to its right"));
        } else if MAY_NOT_USE.iter().any(|(of, not)| place.starts_with(of) && not.contains(&used)) {
            breaches.push(format!("`{place}` may not use `{used}`"));
        }
    }
    breaches
}

/// A package is named only in its homes.
fn homes(path: &str, text: &str) -> Vec<String> {
    let Some(place) = place(path) else { return Vec::new() };
    let module = place.split('/').next().unwrap_or(place);
    let used = paths(text);
    HOMES
        .iter()
        .filter(|(package, homes)| used.contains(&(*package, "")) && !homes.contains(&module))
        .map(|(package, homes)| format!("`{package}` is at home in {homes:?}, not in `{module}`"))
        .collect()
}

/// Every package of the program has a home. `text` is the manifest.
fn homeless(path: &str, text: &str) -> Vec<String> {
    if path != "Cargo.toml" {
        return Vec::new();
    }
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or("");
    let section = section.split("\n[").next().unwrap_or("");
    let names = section.lines().filter(|line| !line.starts_with('#') && line.contains('='));
    names
        .map(|line| line.split(['.', ' ', '=']).next().unwrap_or(line).replace('-', "_"))
        .filter(|name| !ANYWHERE.contains(&name.as_str()))
        .filter(|name| !HOMES.iter().any(|(package, _)| package == name))
        .map(|name| format!("`{name}` has no home in tests/it/tidy.rs"))
        .collect()
}

/// The code that counts people cannot name what is personal.
fn participation(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/query/participation") {
        return Vec::new();
    }
    let personal = |token: &&&str| {
        let token = token.to_lowercase();
        token.contains("personal") || token.contains("disclosure")
    };
    tokens(text).iter().filter(personal).map(|token| format!("names `{token}`")).collect()
}

/// The specification counts in whole numbers.
fn floats(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("ledger-spec/src/") || !path.ends_with(".rs") {
        return Vec::new();
    }
    let floats = tokens(text).into_iter().filter(|token| ["f32", "f64"].contains(token));
    floats.map(|token| format!("`{token}` in the specification")).collect()
}

/// No word of [`BANNED_WORDS`], as a whole word. This file, which lists them, is the exception.
fn words(path: &str, text: &str) -> Vec<String> {
    if path == "tests/it/tidy.rs" {
        return Vec::new();
    }
    let whole = |word: &str, at: usize| {
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[at + word.len()..].chars().next().is_some_and(char::is_alphanumeric);
        word.starts_with('/') || (!before && !after)
    };
    BANNED_WORDS
        .iter()
        .filter(|word| text.match_indices(**word).any(|(at, _)| whole(word, at)))
        .map(|word| format!("says `{word}`"))
        .collect()
}

/// Code files stay within [`LINES_MAX`] or their ceiling, and every file ends with the end of a
/// line.
fn shape(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let is_code = [".rs", ".py", ".js"].iter().any(|end| path.ends_with(end));
    let lines = text.lines().count();
    let ceiling = LONGER.iter().find(|(longer, _)| *longer == path).map(|(_, ceiling)| *ceiling);
    let allowed = ceiling.unwrap_or(LINES_MAX);
    if is_code && lines > allowed {
        breaches.push(format!("{lines} lines; {allowed} are allowed"));
    } else if ceiling.is_some() && lines <= LINES_MAX {
        breaches.push("short enough to leave the list of longer files".to_owned());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        breaches.push("the last line does not end".to_owned());
    }
    breaches
}

/// Comments stay within [`COMMENT_WIDTH_MAX`], except for a word that has no space in it.
fn comments(path: &str, text: &str) -> Vec<String> {
    if ![".rs", ".js"].iter().any(|end| path.ends_with(end)) {
        return Vec::new();
    }
    let wide = |line: &&str| {
        let comment = line.trim_start().strip_prefix("//");
        let words = comment.map_or("", |comment| comment.trim_start_matches(['/', '!']).trim());
        words.contains(' ') && line.chars().count() > COMMENT_WIDTH_MAX
    };
    let lines = text.lines().filter(wide);
    lines.map(|line| format!("a wider comment than {COMMENT_WIDTH_MAX}: {}", line.trim())).collect()
}

/// No function takes a tuple apart in its parameters: it would hide a type that is missing, or how
/// many arguments there are.
fn parameters(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let tuples = names::tuple_parameters(&tokens(text));
    tuples.iter().map(|name| format!("`{name}` takes a tuple apart in its parameters")).collect()
}

/// A rule takes a path from the root and the text of the file, and gives its breaches.
type Rule = fn(&str, &str) -> Vec<String>;

/// All rules that look at one file at a time.
const RULES: [Rule; 9] =
    [borders, homes, homeless, participation, floats, words, shape, comments, parameters];

/// Files and folders of `src/` that the map does not name as `` `src/NAME` `` (a folder with a `/`
/// behind it).
fn unmapped<'a>(names: &'a [String], map: &str) -> Vec<&'a str> {
    let named = |name: &str| map.contains(&format!("`src/{name}`"));
    names.iter().map(String::as_str).filter(|name| !named(name)).collect()
}

/// The names in a folder in a fixed order, folders with a `/` behind them.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() { name + "/" } else { name }
        })
        .collect();
    names.sort();
    names
}

/// Whether a file or folder is ours to judge.
fn is_ours(name: &str) -> bool {
    !NOT_OURS.contains(&name.trim_end_matches('/'))
}

/// Every file of ours below a folder, as a path from the root.
fn files(root: &Path, folder: &str) -> Vec<String> {
    let ours = names(&root.join(folder)).into_iter().filter(|name| is_ours(name));
    ours.flat_map(|name| match name.strip_suffix('/') {
        Some(inner) => files(root, &format!("{folder}/{inner}")),
        None => vec![format!("{folder}/{name}")],
    })
    .collect()
}

/// The folder of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of ours that is text, as path from the root and content.
fn tree() -> Vec<(String, String)> {
    let root = root();
    let mut paths = names(&root);
    paths.retain(|name| !name.ends_with('/') && is_ours(name));
    let folders = FOLDERS.iter().filter(|folder| root.join(folder).is_dir());
    paths.extend(folders.flat_map(|folder| files(&root, folder)));
    assert!(paths.len() > 20, "the walk found its way: {paths:?}");
    // What is not text has no words and no lines.
    let read = |path: String| Some((fs::read_to_string(root.join(&path)).ok()?, path));
    paths.into_iter().filter_map(read).map(|(text, path)| (path, text)).collect()
}

#[test]
fn the_tree_is_tidy() {
    let mut breaches = Vec::new();
    for (path, text) in tree() {
        let found = RULES.iter().flat_map(|rule| rule(&path, &text));
        breaches.extend(found.map(|breach| format!("{path}: {breach}")));
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// What a newcomer reads first is bounded, and ends where the log is written.
#[test]
fn the_reading_path_is_as_short_as_the_map_says() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let (_, path) = map.split_once("## Reading order").unwrap();
    let (path, _) = path.split_once(": under 1,500 lines").unwrap();
    let files: Vec<&str> = path.split('`').skip(1).step_by(2).collect();
    assert_eq!(files.last(), Some(&"src/engine/sequencer/writer.rs"));
    let lines = |file: &&str| fs::read_to_string(root().join(file)).expect(file).lines().count();
    let all: usize = files.iter().map(lines).sum();
    assert!(all < 1_500, "{all} lines in {files:?}");
}

#[test]
fn the_map_names_every_part_of_the_program() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    assert_eq!(unmapped(&names(&root().join("src")), &map), [""; 0]);
}

/// Files as a rule over the whole tree takes them.
fn sources(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The breaches that a rule finds in a text.
fn check(rule: Rule, path: &str, text: &str, expected: &[&str]) {
    assert_eq!(rule(path, text), expected, "{path}: {text}");
}

#[test]
fn a_crossed_border_is_seen() {
    let up = "`log` uses `http`, which does not stand to its right";
    check(borders, "src/log/mod.rs", "use crate::http::Problem;", &[up]);
    check(borders, "src/log/mod.rs", "use crate::{clock, http::Problem};", &[up]);
    check(borders, "src/log/mod.rs", "fn f() { crate::http::go() }", &[up]);
    check(borders, "src/log/mod.rs", "use super::http;", &[up]);
    check(borders, "src/log.rs", "use super::{keys::Key, http};", &[up]);
    check(borders, "src/log/mod.rs", "use kenmai::http;", &[up]);
    let beside = "`query` uses `demo`, which does not stand to its right";
    check(borders, "src/query/mod.rs", "use crate::demo;", &[beside]);
    check(borders, "src/pages/x.rs", "use crate::keys;", &["`pages/x` may not use `keys`"]);
    check(borders, "src/pages/x.rs", "use crate::query::History;", &[]);
    let hidden = "`super::super` hides a border: write `crate::`";
    check(borders, "src/log/segment.rs", "use super::super::http;", &[hidden]);
    let unknown = "`crate::Engine` is not a module that stands in a layer";
    check(borders, "src/http/shop.rs", "use crate::Engine;", &[unknown]);
    let glob = "`crate::*` is not a module that stands in a layer";
    check(borders, "src/http/shop.rs", "use crate::*;", &[glob]);
    check(borders, "src/misc.rs", "", &["`misc` stands in no layer of tests/it/tidy.rs"]);
    let registry = "`query/participation` may not use `registry`";
    check(borders, "src/query/participation.rs", "use crate::registry;", &[registry]);
}

#[test]
fn a_kept_border_is_left_alone() {
    for text in [
        "use crate::clock::Clock;",
        "use crate::log::segment;",
        "use super::segment;",
        "// use crate::http;",
        "/* crate::http */ fn f() {}",
        r##"const A: &str = "crate::http"; const B: &str = r#"crate::http"#;"##,
        r#"const C: char = '"'; const D: char = '\''; fn f<'a>(x: &'a str) -> &'a str { x }"#,
        "use std::{io, fs}; use other::http::crate_like;",
    ] {
        check(borders, "src/log/mod.rs", text, &[]);
    }
    check(borders, "tests/it/api.rs", "use crate::http;", &[]);
    check(borders, "src/lib.rs", "pub mod http;", &[]);
}

#[test]
fn a_package_away_from_home_is_seen() {
    let away = r#"`chrono` is at home in ["reports", "pages", "config"], not in `log`"#;
    check(homes, "src/log/mod.rs", "use chrono::NaiveDate;", &[away]);
    check(homes, "src/log/mod.rs", "use ::chrono::NaiveDate;", &[away]);
    check(homes, "src/log/mod.rs", "use chrono as time;", &[away]);
    check(homes, "src/log/mod.rs", "use {std::fs, chrono::NaiveDate};", &[away]);
    check(homes, "src/log/mod.rs", "#[chrono::test] fn f() {}", &[away]);
    check(homes, "src/log/mod.rs", "let day: Vec<chrono::NaiveDate> = x;", &[away]);
    check(homes, "src/log/mod.rs", "use crate::views::chrono::Day;", &[]);
    check(homes, "src/reports/mod.rs", "use chrono::NaiveDate;", &[]);
    let manifest = "[package]\n\n[dependencies]\n# Why.\nsha2.workspace = true\nnew-thing = \"1\"\n\n[lints]\n";
    check(homeless, "Cargo.toml", manifest, &["`new_thing` has no home in tests/it/tidy.rs"]);
}

#[test]
fn a_planted_word_float_or_shape_is_seen() {
    check(words, "README.md", "a TODO.", &["says `TODO`"]);
    check(words, "README.md", "it no longer is", &["says `no longer`"]);
    check(words, "README.md", "cd /work/main", &["says `/work/`"]);
    check(words, "README.md", "MATODO, XXXL and todo", &[]);
    let float = "`f64` in the specification";
    check(floats, "ledger-spec/src/points.rs", "fn f(x: f64) {}", &[float]);
    check(floats, "ledger-spec/src/points.rs", "// not f64\nconst F64: &str = \"f64\";", &[]);
    check(floats, "load-tests/src/main.rs", "fn f(x: f64) {}", &[]);
    check(shape, "a.md", "text", &["the last line does not end"]);
    check(shape, "a.rs", &"//\n".repeat(701), &["701 lines; 700 are allowed"]);
    check(shape, "a.md", &"x\n".repeat(701), &[]);
    let (longer, ceiling) = LONGER[0];
    check(shape, longer, &"//\n".repeat(ceiling), &[]);
    check(shape, longer, "//\n", &["short enough to leave the list of longer files"]);
    let wide = format!("    /// {}\n", "four ".repeat(20));
    let breach = format!("a wider comment than 100: {}", wide.trim());
    check(comments, "a.rs", &wide, &[&breach]);
    check(comments, "a.js", &wide, &[&breach]);
    check(comments, "a.rs", &format!("let a = \"{}\";\n", "four ".repeat(30)), &[]);
    check(comments, "a.rs", &format!("/// {}\n", "四".repeat(150)), &[]);
    let path = "src/query/participation/cube.rs";
    check(participation, path, "use ledger_spec::PersonalPart;", &["names `PersonalPart`"]);
    check(participation, "src/query/balance.rs", "use ledger_spec::PersonalPart;", &[]);
    let found = ["log/".to_owned(), "misc/".to_owned()];
    assert_eq!(unmapped(&found, "| `src/log/` | misc |"), ["misc/"]);
}

#[test]
fn the_table_of_layers_names_each_module_once() {
    let all: Vec<&str> = LAYERS.iter().flat_map(|modules| modules.iter().copied()).collect();
    let once: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), once.len());
    for (package, homes) in HOMES {
        assert!(homes.iter().all(|home| once.contains(home)), "{package}: {homes:?}");
    }
    for (place, not) in MAY_NOT_USE {
        assert!(not.iter().all(|module| once.contains(module)), "{place}: {not:?}");
    }
}
