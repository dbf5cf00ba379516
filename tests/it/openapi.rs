//! The description of the API: the published file is what the program says, and no route for
//! programs lacks its part.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use kenmai::demo::door::{self, Desks};
use kenmai::http::{self, problem};
use serde_json::Value;

use crate::town::{Plan, Town};

/// Paths that pages and people use, and the document itself.
const UNDESCRIBED: [&str; 2] = ["/v1/openapi.json", "/healthz"];

/// What the program serves.
fn document() -> String {
    http::document(door::api(Desks::new()))
}

#[test]
fn the_published_document_is_the_programs() {
    expect_file!["../../ledger-spec/openapi.json"].assert_eq(&document());
}

#[test]
fn every_operation_says_what_it_refuses() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let refusals = http::api().and(door::api(Desks::new())).refusals;
    let mut found = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let known = refusals.iter().any(|(name, _)| *name == id);
            assert!(known, "{id} does not stand in a table");
            found += 1;
        }
    }
    assert_eq!(found, refusals.len(), "every line of the tables has its operation");
    let slugs = refusals.iter().flat_map(|(_, own)| own.iter().copied().flatten());
    for slug in slugs {
        assert!(problem::ALL.iter().any(|kind| kind.slug == *slug), "{slug}");
    }
}

#[tokio::test]
async fn the_program_serves_it() {
    let town = Town::found(Plan::default()).await;
    let answer = town.get("/v1/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text(), document());
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn swagger_ui_is_there_only_when_it_is_asked_for() {
    let town = Town::found(Plan::default()).await;
    let page = town.get("/api/").await;
    if cfg!(feature = "api-pages") {
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").contains("script-src 'self';"));
        assert!(town.get("/api/swagger-initializer.js").await.text().contains("/v1/openapi.json"));
    } else {
        assert_eq!(page.status, 404);
    }
    assert!(!town.get("/").await.header("content-security-policy").contains("unsafe-inline"));
}

/// The literal paths of `.route("…")` in a source.
fn bare_routes(source: &str) -> impl Iterator<Item = &str> {
    source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn every_route_for_programs_has_its_description() {
    let folder = |name| fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let files = folder("src/http").chain(folder("src/http/web"));
    let mut found = 0;
    for file in files.filter(|file| file.as_ref().unwrap().path().is_file()) {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for path in bare_routes(&source) {
            let for_programs = path.starts_with("/v1") || path.contains("/tile/");
            assert!(!for_programs || UNDESCRIBED.contains(&path), "describe {path} with `routes!`");
            found += 1;
        }
    }
    assert!(found > 10, "the scan finds the routes");
    assert!(bare_routes("x.route(\"/v1/new\", get(y))").eq(["/v1/new"]));
}

#[test]
fn references_and_parameters_are_whole() {
    let json: Value = serde_json::from_str(&document()).unwrap();
    let text = document();
    for reference in text.split("\"$ref\": \"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(json.pointer(pointer).is_some(), "{pointer} is not there");
    }
    for (path, item) in json["paths"].as_object().unwrap() {
        let wanted = path.matches('{').count();
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, wanted, "{path}");
        }
    }
}
