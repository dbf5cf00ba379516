//! What everyone may ask of a ledger.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use ledger_spec::ids::Kid;
use ledger_spec::rows::{Overlay, Signer};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;

/// `GET /v1/{ledger}`
pub(super) async fn info(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let ledger = server.ledger(&name)?;
    let state = ledger.engine.state()?;
    let programme = Overlay::over(&state).programme_for(server.today()).cloned();
    Ok(Json(json!({
        "ledger": name,
        "ledger_id": ledger.engine.ledger().to_string(),
        "origin": ledger.engine.verifier().name(),
        "name": programme.as_ref().map(|programme| programme.name.as_str()),
        "programme_version": programme.as_ref().map(|programme| programme.version),
        "today": server.today(),
        "now_s": server.now_s(),
        "demo": ledger.desk.is_some(),
        "size": state.size,
    })))
}

/// Which version of the programme.
#[derive(Deserialize)]
pub(super) struct Version {
    version: Option<u32>,
}

/// `GET /v1/{ledger}/programme`
pub(super) async fn programme(
    State(server): App,
    Path(name): Path<String>,
    query: Result<Query<Version>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Version { version }) = query.map_err(|_| Problem::malformed_request())?;
    let ledger = server.ledger(&name)?;
    let state = ledger.engine.state()?;
    let found = match version {
        Some(version) => state.programmes.get(&version).cloned(),
        None => Overlay::over(&state).programme_for(server.today()).cloned(),
    };
    let programme = found.ok_or(Problem::not_found())?;
    Ok(Json(&*programme).into_response())
}

/// `GET /v1/{ledger}/keys/{kid}`: a key of the city, a place or a service. A resident's phone is nobody's business.
pub(super) async fn key(
    State(server): App,
    Path((name, kid)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let kid = Kid::from_hex(&kid).ok_or(Problem::malformed_request())?;
    let state = ledger.engine.state()?;
    let key = state.keys.get(&kid).ok_or(Problem::not_found())?;
    let Signer::Actor(actor) = &key.signer else {
        return Err(Problem::not_found());
    };
    let answer = json!({
        "kid": kid.to_string(),
        "public_key": HEXLOWER.encode(&key.public_key),
        "role": actor.role,
        "name": actor.name.as_str(),
        "place": actor.place.map(|place| place.to_string()),
        "place_name": actor.place.and_then(|p| state.places.get(&p)).map(|place| place.name.as_str()),
        "registered_seq": key.registered.0,
        "revoked": key.revoked.is_some(),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
