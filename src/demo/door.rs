//! The way into a demo city for a stranger: routes beside those of the server, which knows nothing
//! of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use ledger_spec::ids::{Kid, PlaceId};
use ledger_spec::kinds::{Name, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::{Desk, DeskError, VisitorKit};
use crate::engine::EngineError;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::{self, Api, App, PlaceJson, Server};

/// The front desks, by the names of their ledgers.
pub type Desks = BTreeMap<String, Desk>;

/// What a desk can refuse.
const DESK: [&str; 6] =
    ["demo-only", "rate-limited", "too-large", "key-exists", "key-weak", "busy"];

const REFUSALS: [Refusals; 2] =
    [("terminal", &[&DESK, &["role-not-permitted"]]), ("visitor", &[&DESK])];

/// The desks' routes. They are there for every ledger, and refuse where there is no desk.
#[must_use]
pub fn api(desks: Desks) -> Api {
    let routes = OpenApiRouter::new().routes(routes!(visitor)).routes(routes!(terminal));
    Api { routes: routes.layer(Extension(Arc::new(desks))), refusals: REFUSALS.to_vec() }
}

/// Every public route of a server, the desks' among them.
pub fn router(server: Arc<Server>, desks: Desks) -> Router {
    http::router(server, api(desks))
}

/// The keys that a stranger brings along.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VisitorJson {
    /// Ed25519 public key of a station to play.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    station_key: Option<String>,
    /// Ed25519 public key of a till to play.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    till_key: Option<String>,
}

/// What a stranger is given.
#[derive(Serialize, ToSchema)]
struct Welcome {
    /// The one-time code that enrols a phone, good for 60 minutes.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    code: String,
    /// The PIN of the card.
    #[schema(pattern = "^[0-9]{4}$")]
    pin: String,
    /// The number of a paper card.
    #[schema(pattern = "^[0-9a-f]{22}$")]
    card: String,
    /// The station to play, if its key came along.
    station: Option<PlaceJson>,
    /// The shop to play, if its till's key came along.
    shop: Option<PlaceJson>,
}

/// Lets a stranger into a demo city.
///
/// Opens an account with a card and a first grant, and registers the keys that came along.
#[utoipa::path(
    post, path = "/v1/{ledger}/demo/visitors", tag = "demo", request_body = VisitorJson,
    responses((status = CREATED, body = Welcome))
)]
async fn visitor(
    State(server): App,
    Extension(desks): Extension<Arc<Desks>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Welcome>), Problem> {
    let ledger = server.ledger(&name)?;
    let desk = desks.get(&name).ok_or(Problem::demo_only())?;
    let asked: VisitorJson =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed_request())?;
    let key = |text: Option<String>| text.as_deref().map(public_key).transpose();
    let (station, till) = (key(asked.station_key)?, key(asked.till_key)?);
    let visit = desk.welcome(&ledger.engine, station, till, server.clock.wall_ms()).await?;
    let pin = demo_pin()?;
    http::give_pin(&server, ledger, visit.pin.clone(), pin.clone().into()).await?;
    Ok((StatusCode::CREATED, Json(welcome(visit, pin))))
}

/// A tablet that asks for a place in the city.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Terminal {
    /// Its Ed25519 public key.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    key: String,
    /// `shop`, `station`, `coach` or `kiosk`.
    #[schema(value_type = String, pattern = "^(shop|station|coach|kiosk)$", example = "shop")]
    role: Role,
    /// The name it will have.
    #[schema(min_length = 1, max_length = 40, example = "港の八百屋")]
    name: String,
}

/// A tablet that got its place.
#[derive(Serialize, ToSchema)]
struct Admitted {
    /// The id of its key.
    kid: String,
    /// Its role.
    #[schema(value_type = String, example = "shop")]
    role: Role,
    /// Its place; a coach or kiosk has none.
    place: Option<String>,
    /// Its name.
    name: String,
}

/// Registers a tablet of a stranger in a demo city.
#[utoipa::path(
    post, path = "/v1/{ledger}/demo/terminals", tag = "demo", request_body = Terminal,
    responses((status = CREATED, body = Admitted))
)]
async fn terminal(
    State(server): App,
    Extension(desks): Extension<Arc<Desks>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Admitted>), Problem> {
    let ledger = server.ledger(&name)?;
    let desk = desks.get(&name).ok_or(Problem::demo_only())?;
    let asked: Terminal =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed_request())?;
    let key = public_key(&asked.key)?;
    let name = Name::new(&asked.name).ok_or(Problem::malformed_request())?;
    if !matches!(asked.role, Role::Shop | Role::Station | Role::Coach | Role::Kiosk) {
        // A stranger with the staff's key could change the rules for all others.
        return Err(Problem::role_not_permitted());
    }
    let place = desk.admit(&ledger.engine, key, asked.role, name, server.clock.wall_ms()).await?;
    let place = place.map(|place| place.to_string());
    let kid = Kid::of(&key).to_string();
    Ok((StatusCode::CREATED, Json(Admitted { kid, role: asked.role, place, name: asked.name })))
}

fn public_key(text: &str) -> Result<[u8; 32], Problem> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(Problem::malformed_request())
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Crowded => Self::rate_limited(),
            DeskError::Refused(refusal) => refusal.into(),
            DeskError::Statement(error) => error.into(),
            DeskError::Randomness(error) => EngineError::from(error).into(),
        }
    }
}

/// Four digits at random.
fn demo_pin() -> Result<String, Problem> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(EngineError::from)?;
    Ok(format!("{:04}", u32::from_be_bytes(random) % 10_000))
}

fn welcome(visit: VisitorKit, pin: String) -> Welcome {
    let place = |found: Option<(PlaceId, String)>| {
        found.map(|(place, name)| PlaceJson { place: place.to_string(), name })
    };
    Welcome {
        pin,
        code: HEXLOWER.encode(&visit.code),
        card: HEXLOWER.encode(&visit.card),
        station: place(visit.station),
        shop: place(visit.shop),
    }
}
