//! The way into a demo city for a stranger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use ledger_spec::ids::Kid;
use ledger_spec::kinds::{Name, Role};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;
use crate::demo::{DeskError, Visit};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Visitor {
    station_key: Option<String>,
    till_key: Option<String>,
}

/// `POST /v1/{ledger}/demo/visitors`
pub(super) async fn visitor(
    State(server): App,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let ledger = server.ledger(&name)?;
    let desk = ledger.desk.as_ref().ok_or(Problem::demo_only())?;
    let asked: Visitor = serde_json::from_slice(&body).map_err(|_| Problem::malformed_request())?;
    let key = |text: Option<String>| text.as_deref().map(public_key).transpose();
    let keys = (key(asked.station_key)?, key(asked.till_key)?);
    let visit = desk.welcome(&ledger.engine, keys, server.clock.wall_ms()).await?;
    Ok((StatusCode::CREATED, Json(visit_json(&visit))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terminal {
    key: String,
    role: Role,
    name: String,
}

/// `POST /v1/{ledger}/demo/terminals`
pub(super) async fn terminal(
    State(server): App,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let ledger = server.ledger(&name)?;
    let desk = ledger.desk.as_ref().ok_or(Problem::demo_only())?;
    let asked: Terminal =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed_request())?;
    let key = public_key(&asked.key)?;
    let name = Name::new(&asked.name).ok_or(Problem::malformed_request())?;
    if !matches!(asked.role, Role::Shop | Role::Station | Role::Coach) {
        // A stranger with the staff's key could change the rules for all others.
        return Err(Problem::role_not_permitted());
    }
    let who = (asked.role, name);
    let place = desk.admit(&ledger.engine, key, who, server.clock.wall_ms()).await?;
    let place = place.map(|place| place.to_string());
    let answer = json!({"kid": Kid::of(&key).to_string(), "role": asked.role, "place": place, "name": asked.name});
    Ok((StatusCode::CREATED, Json(answer)))
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
            DeskError::Randomness(error) => crate::engine::EngineError::from(error).into(),
        }
    }
}

fn visit_json(visit: &Visit) -> Value {
    let place = |place: &Option<(ledger_spec::ids::PlaceId, String)>| {
        place.as_ref().map(|(id, name)| json!({"place": id.to_string(), "name": name}))
    };
    json!({
        "code": HEXLOWER.encode(&visit.code),
        "card": HEXLOWER.encode(&visit.card),
        "station": place(&visit.station),
        "shop": place(&visit.shop),
    })
}
