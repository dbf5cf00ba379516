//! The way into a demo city for a stranger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
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
    let key = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Some)
            .ok_or(Problem::malformed_request()),
    };
    let keys = (key(asked.station_key)?, key(asked.till_key)?);
    let now_ms = server.clock.wall_ms();
    let visit = desk.welcome(&ledger.engine, keys, now_ms).await.map_err(|error| match error {
        DeskError::Crowded => Problem::rate_limited(),
        DeskError::Refused(refusal) => refusal.into(),
        DeskError::Statement(error) => error.into(),
        DeskError::Randomness(error) => crate::engine::EngineError::from(error).into(),
    })?;
    Ok((StatusCode::CREATED, Json(visit_json(&visit))))
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
