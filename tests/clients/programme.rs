//! The JSON Schemas of programme and catalogue against the code that reads them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ledger_spec::catalogue::Catalogue;
use ledger_spec::programme::Programme;
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../ledger-spec/examples/programme.json");
const CATALOGUE: &str = include_str!("../../ledger-spec/examples/catalogue.json");

/// What a schema says of each document.
fn judged(schema: &str, documents: &[(String, Value)]) -> Vec<bool> {
    let root = Path::new(crate::ROOT);
    let mut python = Command::new(root.join("tests/.venv/bin/python"))
        .arg("-B")
        .arg(root.join("tests/clients/schema.py"))
        .arg(root.join("ledger-spec").join(schema))
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/run has made tests/.venv");
    let lines: String = documents.iter().map(|(_, document)| format!("{document}\n")).collect();
    let mut into = python.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || into.write_all(lines.as_bytes()));
    let output = python.wait_with_output().expect("it ends by itself");
    writer.join().expect("it does not panic").expect("it reads to the end");
    let said = String::from_utf8(output.stdout).expect("plain text");
    said.lines().map(|line| line == "fits").collect()
}

/// The document with each member left out, of another kind, out of range, and with one that nobody
/// knows beside it; and what was done to it.
fn spoilt(document: &Value) -> Vec<(String, Value)> {
    let mut made = Vec::new();
    let others = [json!("odd"), json!(-1), json!(1.5), json!([]), json!({}), json!(0)];
    for path in pointers(document, "") {
        let (parent, last) = path.rsplit_once('/').expect("a pointer begins with a slash");
        let mut without = document.clone();
        match without.pointer_mut(parent).expect("it is there") {
            Value::Object(members) => {
                members.remove(last);
                made.push((format!("without {path}"), without));
            }
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {}
        }
        for other in &others {
            let mut changed = document.clone();
            *changed.pointer_mut(&path).expect("it is there") = other.clone();
            made.push((format!("{path} = {other}"), changed));
        }
        let mut more = document.clone();
        if let Some(Value::Object(members)) = more.pointer_mut(&path) {
            members.insert("colour".into(), json!("red"));
            made.push((format!("more in {path}"), more));
        }
    }
    made
}

fn pointers(value: &Value, at: &str) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, inner)| (format!("{at}/{name}"), inner)).collect()
        }
        Value::Array(items) => {
            // One of each list stands for the others.
            items.iter().take(1).map(|inner| (format!("{at}/0"), inner)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let deeper = inside.iter().flat_map(|(path, inner)| pointers(inner, path));
    inside.iter().map(|(path, _)| path.clone()).chain(deeper.collect::<Vec<_>>()).collect()
}

/// What the code takes the schema takes, and what the code cannot even read the schema refuses: how
/// many documents are sound and how many without form.
fn compare(
    schema: &str,
    example: &str,
    list: &str,
    is_sound: impl Fn(&str) -> bool,
    formless_because: impl Fn(&str) -> Option<String>,
) -> (u32, u32) {
    let example: Value = serde_json::from_str(example).expect("JSON");
    // Every kind of part at the front, so that one item of the list is each of them in turn.
    let rules = example[list].as_array().expect("a list").len();
    let mut documents = vec![("as it is".to_owned(), example.clone())];
    for first in 0..rules {
        let mut turned = example.clone();
        turned[list].as_array_mut().expect("a list").rotate_left(first);
        let few = spoilt(&turned);
        documents.extend(if first == 0 {
            few
        } else {
            few.into_iter().filter(|(_, made)| made[list] != turned[list]).collect()
        });
    }
    let found = judged(schema, &documents);
    assert_eq!(found.len(), documents.len());
    let (mut sound, mut formless) = (0, 0);
    for ((done, document), fits) in documents.iter().zip(found) {
        let text = document.to_string();
        if is_sound(&text) {
            sound += 1;
            assert!(fits, "the schema refuses what is sound: {done}: {text}");
        }
        if let Some(fault) = formless_because(&text) {
            formless += 1;
            assert!(!fits, "the schema takes what has no form: {done}: {fault}");
        }
    }
    (sound, formless)
}

#[test]
fn the_schema_and_the_code_agree() {
    let (sound, formless) = compare(
        "programme.schema.json",
        EXAMPLE,
        "rules",
        |text| Programme::parse(text).is_ok(),
        |text| Programme::read(text).err().map(|fault| fault.to_string()),
    );
    assert!(sound > 50 && formless > 500, "{sound} sound and {formless} without form");
}

#[test]
fn the_catalogues_schema_and_the_code_agree() {
    let (sound, formless) = compare(
        "catalogue.schema.json",
        CATALOGUE,
        "items",
        |text| Catalogue::parse(text).is_ok(),
        |text| Catalogue::read(text).err().map(|fault| fault.to_string()),
    );
    assert!(sound > 20 && formless > 300, "{sound} sound and {formless} without form");
}
