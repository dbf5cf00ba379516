//! What everyone may ask of a ledger.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use ledger_spec::ids::Kid;
use ledger_spec::kinds::Role;
use ledger_spec::state::{Overlay, Signer};
use ledger_spec::time::Day;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::server::App;

/// What everyone may know of a ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct Info {
    /// Its name in addresses.
    #[schema(example = "yaizu-demo")]
    ledger: String,
    /// Its id in statements, hexadecimal.
    ledger_id: String,
    /// The first line of its checkpoints.
    origin: String,
    /// The programme's name; `null` while none covers today.
    name: Option<String>,
    /// The version of the programme in force.
    programme_version: Option<u32>,
    /// The day in Japan.
    #[schema(value_type = String, format = Date)]
    today: Day,
    /// Unix seconds of the server's clock.
    now_s: u64,
    /// Whether it is a demo, with everything in it fictitious.
    demo: bool,
    /// Entries in the log.
    size: u64,
    /// Unix seconds of the newest of them.
    newest_s: u64,
}

/// Reads what a client needs to know before it signs.
#[utoipa::path(get, path = "/v1/{ledger}", tag = "ledger", responses((status = OK, body = Info)))]
pub(super) async fn info(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Info>, Problem> {
    let ledger = server.ledger(&name)?;
    let state = ledger.engine.state()?;
    let programme = Overlay::over(&state).programme_for(server.today()).cloned();
    Ok(Json(Info {
        ledger: name,
        ledger_id: ledger.engine.ledger().to_string(),
        origin: ledger.engine.verifier().name().to_owned(),
        name: programme.as_ref().map(|programme| programme.name.clone()),
        programme_version: programme.as_ref().map(|programme| programme.version),
        today: server.today(),
        now_s: server.now_s(),
        demo: ledger.is_demo,
        size: state.size,
        newest_s: ledger.engine.head()?.newest_ms / 1_000,
    }))
}

/// Which version of the programme.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Version {
    /// The version; the one in force unless named.
    version: Option<u32>,
}

/// Reads the rules: the document in force today, or a version of it (ledger-spec, 03-rules.md).
#[utoipa::path(
    get, path = "/v1/{ledger}/programme", tag = "ledger", params(Version),
    responses((status = OK, body = Object))
)]
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

/// A public key of the city, a place or a service.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyInfo {
    /// Its id, hexadecimal.
    kid: String,
    /// Ed25519 public key, hexadecimal.
    public_key: String,
    /// What it may sign.
    #[schema(value_type = String, example = "shop")]
    role: Role,
    /// Its public name.
    name: String,
    /// The place where it stands.
    place: Option<String>,
    /// That place's public name.
    place_name: Option<String>,
    /// The entry that registered it.
    registered_seq: u64,
    /// Whether it has been ended.
    revoked: bool,
}

/// Reads a key of the city, a place or a service. A resident's phone is nobody's business.
#[utoipa::path(
    get, path = "/v1/{ledger}/keys/{kid}", tag = "ledger", responses((status = OK, body = KeyInfo))
)]
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
    let place = actor.place.and_then(|place| state.places.get(&place));
    let answer = KeyInfo {
        kid: kid.to_string(),
        public_key: HEXLOWER.encode(&key.public_key),
        role: actor.role,
        name: actor.name.as_str().to_owned(),
        place: actor.place.map(|place| place.to_string()),
        place_name: place.map(|place| place.name.as_str().to_owned()),
        registered_seq: key.registered.0,
        revoked: key.revoked.is_some(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
