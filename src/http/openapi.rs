//! The description of the API for programs, OpenAPI 3.1. The handlers say what they take and give;
//! what they have in common (path parameters, sessions, problems) is written here once.
//! `ledger-spec/openapi.json` is this document.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing by name makes the member that is missing; the document is the same at every start, and tested"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::problem::{self, ProblemType};
use super::server::Server;
use crate::pages::Lang;

/// A body of bytes.
pub(super) struct Binary;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Binary {}

const DESCRIPTION: &str = "A signed, append-only ledger of health points. Statements are COSE_Sign1 over deterministic CBOR \
    (kenmai.cddl). Every refusal is an RFC 9457 problem whose `type` ends in a stable slug.";

const TAGS: [(&str, &str); 9] = [
    ("statements", "The one door for writing"),
    ("sessions", "Who reads"),
    ("resident", "What a resident reads"),
    ("shop", "What a till asks"),
    ("partner", "What a service asks that residents let know"),
    ("settlement", "What shops are due, and which fund pays"),
    ("ledger", "What everyone may ask of a ledger"),
    ("log", "The public log: C2SP tlog-tiles"),
    ("demo", "Only where everything is fictitious"),
];

/// Path parameters: name, schema, meaning.
const PARAMETERS: [(&str, &str, &str); 5] = [
    ("ledger", r#"{"type":"string","example":"yaizu-demo"}"#, "The ledger's name"),
    ("kid", r#"{"type":"string","pattern":"^[0-9a-f]{16}$"}"#, "A key id"),
    ("seq", r#"{"type":"integer","format":"int64","minimum":0}"#, "An entry's number"),
    ("month", r#"{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}$"}"#, "A month"),
    (
        "path",
        r#"{"type":"string","example":"0/000"}"#,
        "The rest of a tile's path after C2SP tlog-tiles; it holds slashes, which stay as they are",
    ),
];

/// What any call can meet.
const ANY: [&str; 3] = ["malformed-request", "timeout", "internal-error"];
/// What a call to one ledger can meet.
const ONE_LEDGER: &str = "ledger-not-found";
/// What a call with a session can meet.
const SESSION: [&str; 4] = ["session-required", "key-revoked", "key-unknown", "role-not-permitted"];
/// What a signed message that is no statement can meet.
const MESSAGE: [&str; 10] = [
    "media-type-not-supported",
    "too-large",
    "malformed-statement",
    "unknown-field",
    "points-out-of-range",
    "key-unknown",
    "signature-invalid",
    "key-revoked",
    "ledger-mismatch",
    "statement-expired",
];
/// What a call about a card can meet.
const CARD: [&str; 3] = ["card-mistyped", "card-unknown", "card-revoked"];
/// What a phone that helps somebody can meet.
const FAMILY: [&str; 2] = ["link-not-found", "link-ended"];
/// What no statement meets.
const NEVER_FOR_STATEMENTS: [&str; 9] = [
    "not-found",
    "method-not-allowed",
    "session-required",
    "session-already-opened",
    "demo-only",
    "rate-limited",
    "pin-wrong",
    "pin-locked",
    "pin-not-set",
];

/// An operation by its handler's name, with the slugs of what it refuses beside [`ANY`].
pub type Refusals = (&'static str, &'static [&'static [&'static str]]);

/// Routes for programs: each with its description, and what it refuses.
pub struct Api {
    /// The routes.
    pub routes: OpenApiRouter<Arc<Server>>,
    /// A line for each operation.
    pub refusals: Vec<Refusals>,
}

impl Api {
    /// These routes and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        let refusals = [self.refusals, others.refusals].concat();
        Self { routes: self.routes.merge(others.routes), refusals }
    }
}

/// What the operations of this module refuse.
pub(super) const REFUSALS: [Refusals; 39] = [
    ("balance", &[&SESSION, &FAMILY, &["entry-not-found"]]),
    ("catalogue", &[]),
    ("check_code", &[&MESSAGE, &["role-not-permitted"]]),
    (
        "check_pin",
        &[&MESSAGE, &CARD, &["role-not-permitted", "pin-wrong", "pin-locked", "pin-not-set"]],
    ),
    ("checkpoint", &[]),
    ("claimed_card", &[&SESSION, &["entry-not-found"]]),
    ("family", &[&SESSION]),
    ("feed", &[&SESSION]),
    ("history", &[&SESSION, &FAMILY]),
    ("info", &[]),
    ("invoice", &[&SESSION]),
    ("invoice_csv", &[&SESSION]),
    ("key", &[&["not-found"]]),
    ("list_draws", &[]),
    ("manifest", &[&SESSION, &["entry-not-found"]]),
    ("next", &[&SESSION, &["entry-not-found"]]),
    ("open_session", &[&MESSAGE, &["session-already-opened", "busy"]]),
    ("own_links", &[&SESSION]),
    ("own_rewards", &[&SESSION, &FAMILY]),
    ("participation", &[]),
    ("partners", &[]),
    ("places", &[]),
    ("programme", &[&["not-found"]]),
    ("proposal", &[&SESSION, &["proposal-not-found"]]),
    ("proposals", &[&SESSION]),
    ("read_frame", &[&SESSION, &["too-large", "rate-limited"]]),
    ("receipt", &[&SESSION, &["entry-not-found"]]),
    ("ready", &[]),
    ("revoked_cards", &[]),
    ("set_pin", &[&MESSAGE, &CARD, &["role-not-permitted"]]),
    ("settlements", &[&SESSION]),
    ("statement", &[&SESSION, &["entry-not-found", "busy"]]),
    ("statement_csv", &[&SESSION, &["entry-not-found", "busy"]]),
    // Every rule has its problem.
    ("submit", &[]),
    ("submit_manifest", &[]),
    ("tile", &[&["not-found"]]),
    ("today", &[&SESSION, &["not-found"]]),
    ("vkey", &[]),
    ("voucher", &[&SESSION, &["not-a-voucher"]]),
];

/// Swagger UI at `/api/`, from inside the program. It sets styles as it runs and knows no Trusted
/// Types, so its policy is looser than that of our own pages; it holds nothing personal but what
/// its reader types.
#[cfg(feature = "api-pages")]
pub(super) fn pages<S: Clone + Send + Sync + 'static>() -> axum::Router<S> {
    use tower_http::set_header::SetResponseHeaderLayer;
    use utoipa_swagger_ui::{Config, SwaggerUi};

    let policy = axum::http::HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    let pages: axum::Router<S> =
        SwaggerUi::new("/api").config(Config::from("/v1/openapi.json")).into();
    pages.layer(SetResponseHeaderLayer::overriding(
        axum::http::header::CONTENT_SECURITY_POLICY,
        policy,
    ))
}

/// The document as JSON text, with what all operations have in common.
pub(super) fn document(described: &OpenApi, refusals: &[Refusals]) -> String {
    let text = serde_json::to_string_pretty(&complete(described, refusals));
    text.unwrap_or_default() + "\n"
}

fn complete(described: &OpenApi, table: &[Refusals]) -> Value {
    let mut document = json!(described);
    unfold(&mut document);
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "kenmai",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["tags"] =
        TAGS.map(|(name, description)| json!({"name": name, "description": description})).into();
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "kenmai_session"},
    });
    document["components"]["schemas"]["Problem"] = problem_schema();
    let paths = document["paths"].as_object_mut().map(std::mem::take).unwrap_or_default();
    let paths = paths.into_iter().map(|(path, mut item)| {
        // axum marks a parameter that holds slashes.
        let path = path.replace("{*", "{");
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            complete_operation(&path, operation, table);
        }
        (path, item)
    });
    document["paths"] = Value::Object(paths.collect());
    document
}

/// Comments in the code are wrapped; a line break inside a paragraph says nothing.
fn unfold(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "description" || name == "summary" => {
                        let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
                        *member = paragraphs.collect::<Vec<_>>().join("\n\n").into();
                    }
                    Some(_) | None => unfold(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unfold),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn complete_operation(path: &str, operation: &mut Value, table: &[Refusals]) {
    let named: Vec<Value> = PARAMETERS
        .iter()
        .filter(|(name, _, _)| path.contains(&format!("{{{name}}}")))
        .map(|(name, schema, description)| {
            let schema: Value = serde_json::from_str(schema).unwrap_or_default();
            json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
        })
        .collect();
    if let Some(all) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
        all.splice(0..0, named);
    } else if !named.is_empty() {
        operation["parameters"] = named.into();
    }
    let id = operation["operationId"].as_str().unwrap_or_default();
    let own = table.iter().find(|(name, _)| *name == id).map_or(&[][..], |(_, own)| own);
    let refused = refusals(path, id, own);
    for answer in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if answer["description"].is_null() {
            answer["description"] = json!("The answer");
        }
    }
    if refused.iter().any(|kind| kind.slug == "session-required") {
        operation["security"] = json!([{"bearer": []}, {"cookie": []}]);
    }
    let mut by_status: BTreeMap<u16, Vec<&ProblemType>> = BTreeMap::new();
    for kind in refused {
        by_status.entry(kind.status).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        add_problems(&mut operation["responses"][status.to_string()], &kinds);
    }
}

/// What an operation refuses, by its path, its name and its line of the table.
fn refusals(
    path: &str,
    operation: &str,
    own: &'static [&'static [&'static str]],
) -> Vec<&'static ProblemType> {
    let one_ledger = path.contains("{ledger}").then_some(&ONE_LEDGER);
    let slugs = ANY.iter().chain(one_ledger).chain(own.iter().copied().flatten());
    let slugs: Vec<&str> = slugs.copied().collect();
    let refuses = |kind: &&ProblemType| match operation {
        "submit" | "submit_manifest" => !NEVER_FOR_STATEMENTS.contains(&kind.slug),
        _ => slugs.contains(&kind.slug),
    };
    problem::ALL.iter().filter(refuses).collect()
}

/// Adds problems of one status to what else answers with it.
fn add_problems(response: &mut Value, kinds: &[&ProblemType]) {
    let described = response["description"].as_str().map(str::to_owned);
    let lines = kinds.iter().map(|kind| format!("- `{}`: {}", kind.slug, kind.title(Lang::En)));
    let description: Vec<String> = described.into_iter().chain(lines).collect();
    response["description"] = description.join("\n").into();
    response["content"]["application/problem+json"] = json!({
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": kinds.first().map(|first| problem::body(first)),
    });
}

fn problem_schema() -> Value {
    let uris: Vec<String> = problem::ALL.iter().map(ProblemType::uri).collect();
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457). `title` is for the person in front of the screen.",
        "required": ["type", "title", "title_en", "status", "retry"],
        "properties": {
            "type": {"type": "string", "enum": uris},
            "title": {"type": "string"},
            "title_en": {"type": "string"},
            "status": {"type": "integer"},
            "retry": {
                "type": "string",
                "enum": ["same_id", "new_id", "never"],
                "description": "What helps: the same bytes later, a fresh statement, or nothing",
            },
            "detail": {"type": "string"},
            "op_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_comment_is_one_line_a_paragraph() {
        let mut value = json!([{"summary": "One\ntwo.\n\nThree\nfour.", "x": "a\nb"}]);
        unfold(&mut value);
        assert_eq!(value, json!([{"summary": "One two.\n\nThree four.", "x": "a\nb"}]));
    }

    #[test]
    fn every_slug_that_many_operations_meet_is_a_problem() {
        for slug in ANY.iter().chain(&NEVER_FOR_STATEMENTS).chain([&ONE_LEDGER]) {
            assert!(problem::ALL.iter().any(|kind| kind.slug == *slug), "{slug}");
        }
    }
}
