//! What types are called, and what functions take.

use std::collections::{BTreeMap, BTreeSet};

use super::{sources, tokens};

/// Names of types that stand in several files all the same: `Args` and `Command` are what each
/// command takes, a hold is a body and what the state keeps of it, residents of the demo and of the
/// load tests are residents. The list only ever becomes shorter.
const SHARED: [&str; 6] = ["Args", "Command", "Hold", "Release", "Resident", "Scenario"];

/// The macros of the specification that define a public type.
const MACROS: [&str; 4] = ["body", "wire_array", "wire_code", "wire_map"];

/// The names of the types that a file defines by a keyword that `counts`, which also sees the word
/// before it, or by one of [`MACROS`].
fn defined<'a>(tokens: &[&'a str], counts: impl Fn(&str, &str) -> bool) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |by: usize| tokens.get(at + by).copied().unwrap_or("");
        let before = at.checked_sub(1).map_or("", |at| tokens[at]);
        if counts(before, token) {
            found.insert(next(1));
        } else if MACROS.contains(token) && next(1) == "!" {
            let mut at = at + 3;
            while tokens.get(at) == Some(&"#") {
                at += tokens[at..].iter().position(|token| *token == "]").unwrap_or(0) + 1;
            }
            found.extend(tokens.get(at));
        }
    }
    found.retain(|name| name.starts_with(char::is_uppercase));
    found
}

/// What the specification's code calls by a public name.
fn public(tokens: &[&str]) -> BTreeSet<String> {
    let keywords = ["struct", "enum", "trait", "type"];
    let counts = |before: &str, token: &str| before == "pub" && keywords.contains(&token);
    defined(tokens, counts).into_iter().map(str::to_owned).collect()
}

/// The types that the dictionary explains: the first cells of its rows, where they are types.
fn explained(dictionary: &str) -> BTreeSet<String> {
    let rows = dictionary.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let types = rows.filter(|(name, _)| name.starts_with(char::is_uppercase));
    types.map(|(name, _)| name.to_owned()).collect()
}

/// Names of types that stand in two or more files, of those given as path and text.
fn shared(files: &[(String, String)], allowed: &[&str]) -> Vec<String> {
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, text) in files {
        let tokens = super::order::without_tests(&tokens(text));
        let keywords = ["struct", "enum", "trait"];
        for name in defined(&tokens, |_, token| keywords.contains(&token)) {
            homes.entry(name).or_default().push(path);
        }
    }
    let several = homes.into_iter().filter(|(_, paths)| paths.len() > 1);
    let several = several.filter(|(name, _)| !allowed.contains(name));
    several.map(|(name, paths)| format!("`{name}` in {}", paths.join(", "))).collect()
}

/// The place behind the angle brackets that may begin at `at`.
fn behind_generics(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        let is_arrow = place > 0 && tokens[place - 1] == "-";
        match *token {
            "<" => depth += 1,
            ">" if !is_arrow => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if *token == ">" { place + 1 } else { place };
        }
    }
    tokens.len()
}

/// The parameters in the parentheses that open at `open`.
fn parameters<'t, 'a>(tokens: &'t [&'a str], open: usize) -> Vec<&'t [&'a str]> {
    let (mut found, mut depth, mut begin) = (Vec::new(), 0_usize, open + 1);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 1 => {
                found.push(&tokens[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            found.push(&tokens[begin..at]);
            break;
        }
    }
    found
}

/// The functions that take a tuple apart in a parameter. A property's `(a, b) in strategy` is no
/// parameter.
pub(super) fn tuple_parameters<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let is_tuple = |parameter: &[&str]| {
        let pattern = parameter.split(|token| *token == ":").next().unwrap_or_default();
        let first = pattern.iter().find(|token| !["&", "mut"].contains(token));
        first == Some(&"(") && !pattern.contains(&"in")
    };
    let mut found = Vec::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| **token == "fn") {
        let open = behind_generics(tokens, at + 2);
        if tokens.get(open) == Some(&"(") && parameters(tokens, open).into_iter().any(is_tuple) {
            found.extend(tokens.get(at + 1));
        }
    }
    found
}

#[test]
fn a_type_has_a_name_of_its_own() {
    let mut tree = super::tree();
    tree.retain(|(path, _)| path.ends_with(".rs") && path.contains("src/"));
    let found = shared(&tree, &SHARED);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_dictionary_explains_each_public_type() {
    let (mut types, mut dictionary) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in super::tree() {
        if path.starts_with("ledger-spec/src/") {
            types.append(&mut public(&super::order::without_tests(&tokens(&text))));
        } else if path == "ledger-spec/01-terms.md" {
            dictionary = explained(&text);
        }
    }
    assert!(types.len() > 20, "the walk found its way: {types:?}");
    assert_eq!(types, dictionary, "ledger-spec/01-terms.md, Types");
}

#[test]
fn a_type_without_an_explanation_is_seen() {
    let code = "pub struct A; enum B {} pub(crate) struct C; pub type D = A; type e = A;\n\
                wire_map!(\n    /// A map.\n    F { 1 g: u8 }\n); $crate::wire_map!";
    assert_eq!(public(&tokens(code)), ["A", "D", "F"].map(str::to_owned).into());
    let dictionary = "| type | meaning |\n|---|---|\n| `A` | first |\n| day | last |\n| `_s` | s |";
    assert_eq!(explained(dictionary), ["A".to_owned()].into());
}

#[test]
fn a_shared_name_is_seen() {
    let both = sources(&[
        ("src/a.rs", "pub struct Place;\nenum Row { A }\n#[cfg(test)]\nmod tests { struct Fake; }"),
        ("src/b.rs", "// struct Row\ntrait Place {}\nstruct Fake;"),
        ("src/c.rs", "wire_code!(\n    /// A row.\n    #[derive(Copy)]\n    Row { A = 1 }\n);"),
    ]);
    let row = "`Row` in src/a.rs, src/c.rs";
    assert_eq!(shared(&both, &[]), ["`Place` in src/a.rs, src/b.rs", row]);
    assert_eq!(shared(&both, &["Place"]), [row]);
}

#[test]
fn a_tuple_in_the_parameters_is_seen() {
    let check = |code: &str, expected: &[&str]| {
        assert_eq!(tuple_parameters(&tokens(code)), expected, "{code}");
    };
    check("fn f((a, b): (u8, u8)) {}", &["f"]);
    check("fn f(a: u8, &(b, c): &(u8, u8)) {}", &["f"]);
    check("fn f<F: Fn(u8) -> (u8, u8)>(a: F, mut (b, c): (u8, u8)) {}", &["f"]);
    check("fn f<F: Fn(u8) -> (u8, u8)>(a: F, b: (u8, u8)) -> (u8, u8) { g(|(a, b)| a) }", &[]);
    check("async fn f(State(server): App) {}", &[]);
    check("fn f((a, b) in pairs(1, 2)) {}", &[]);
    check("fn f(); fn g((a, b): T);", &["g"]);
}
