//! What the program stands on: licences that fit Apache-2.0, one source, and a reason for each
//! package.
//!
//! Read from `cargo metadata` without the network, for the kind of machine that runs the tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than Apache-2.0 does. Names are those of SPDX.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BlueOak-1.0.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Our own packages; everything else comes from the one public registry.
const OURS: [&str; 4] = ["kenmai", "ledger-spec", "load-tests", "journeys"];

/// Whether an SPDX expression (or its old form with `/` for OR) can be met with [`LICENCES`].
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let (met, rest) = either(&tokens);
    met && rest.is_empty()
}

/// `both OR both …`: whether it is met, and what follows it.
fn either<'a>(tokens: &'a [&'a str]) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = both(tokens);
    while let ["OR", after @ ..] = rest {
        let (next, remaining) = both(after);
        (met, rest) = (met || next, remaining);
    }
    (met, rest)
}

/// `one AND one …`. AND binds closer than OR.
fn both<'a>(tokens: &'a [&'a str]) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = one(tokens);
    while let ["AND", after @ ..] = rest {
        let (next, remaining) = one(after);
        (met, rest) = (met && next, remaining);
    }
    (met, rest)
}

/// A licence, perhaps with an exception that permits more, or an expression in brackets.
fn one<'a>(tokens: &'a [&'a str]) -> (bool, &'a [&'a str]) {
    match tokens {
        ["(", inner @ ..] => match either(inner) {
            (met, [")", rest @ ..]) => (met, rest),
            (_, rest) => (false, rest),
        },
        [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => {
            (LICENCES.contains(licence), rest)
        }
        [] => (false, tokens),
    }
}

/// What is wrong with a package of `cargo metadata`, if anything.
fn objection(package: &Value) -> Option<String> {
    let text = |member: &str| package[member].as_str().unwrap_or("none");
    let name = text("name");
    let source = text("source");
    let known = match source {
        "none" => OURS.contains(&name),
        _ => source.starts_with("registry+") && source.ends_with("/crates.io-index"),
    };
    if !known {
        Some(format!("{name} comes from elsewhere: {source}"))
    } else if !allowed(text("license")) {
        Some(format!("{name} has the licence {}", text("license")))
    } else {
        None
    }
}

/// Dependencies of a manifest without a reason: each stands below a comment, alone or in a group
/// without an empty line. One that is taken from the workspace has its reason there.
fn unexplained(manifest: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut in_section, mut explained) = (false, false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            (in_section, explained) = (line.ends_with("dependencies]"), false);
        } else if line.starts_with('#') {
            explained = true;
        } else if line.is_empty() {
            explained = false;
        } else if in_section && !explained && !line.contains("workspace = true") {
            found.push(line.split([' ', '.', '=']).next().unwrap_or(line));
        }
    }
    found
}

#[test]
fn packages_have_a_known_source_and_a_fitting_licence() {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
        let output = output.expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
    };
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let flags = ["--locked", "--offline", "--format-version=1", "--filter-platform", host];
    let metadata = cargo(&[&["metadata"], &flags[..]].concat());
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo gives JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 100, "only {} packages were found", packages.len());

    let objections: Vec<String> = packages.iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn every_dependency_has_a_reason() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for folder in ["", "ledger-spec/", "load-tests/", "tests/"] {
        let manifest = format!("{folder}Cargo.toml");
        let text = fs::read_to_string(root.join(&manifest)).expect("the manifest can be read");
        assert_eq!(unexplained(&text), [""; 0], "{manifest}");
    }
}

#[test]
fn a_planted_licence_source_or_bare_dependency_is_seen() {
    for (expression, expected) in [
        ("MIT", true),
        ("Apache-2.0/MIT", true),
        ("GPL-3.0-only OR MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("AGPL-3.0-only", false),
        ("MIT AND GPL-3.0-only", false),
        ("(GPL-2.0-only OR LGPL-3.0-only) AND MIT", false),
        ("MIT AND (ISC OR GPL-3.0-only", false),
        ("MIT GPL-3.0-only", false),
        ("", false),
        ("none", false),
    ] {
        assert_eq!(allowed(expression), expected, "{expression}");
    }

    let index = "registry+https://example.org/crates.io-index";
    for (name, source, licence, expected) in [
        ("sha2", Value::from(index), "MIT", None),
        ("kenmai", Value::Null, "Apache-2.0", None),
        ("sha2", Value::Null, "MIT", Some("sha2 comes from elsewhere: none")),
        (
            "sha2",
            "git+https://e/x".into(),
            "MIT",
            Some("sha2 comes from elsewhere: git+https://e/x"),
        ),
        ("sha2", Value::from(index), "SSPL-1.0", Some("sha2 has the licence SSPL-1.0")),
    ] {
        let package = serde_json::json!({ "name": name, "source": source, "license": licence });
        assert_eq!(objection(&package).as_deref(), expected);
    }

    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nbare = \"1\"\n# Why.\nsaid = \"1\"\nalso = \"1\"\n\n\
                    lost = { version = \"1\" }\nours.workspace = true\n\n[dev-dependencies]\nlone = \"1\"\n";
    assert_eq!(unexplained(manifest), ["bare", "lost", "lone"]);
}
