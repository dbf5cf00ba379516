//! Reads a QR code out of a camera frame for browsers that cannot. A frame is neither kept nor
//! logged.
//!
//! Only for who holds a key of the ledger: a picture full of false corners costs seconds, an honest
//! frame milliseconds.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::auth::SessionReader;
use super::openapi::Binary;
use super::problem::Problem;
use super::server::App;
use crate::adapters::qr_frame::{self, PictureError};

/// What a code in a frame says.
#[derive(Serialize, ToSchema)]
pub(super) struct ScannedText {
    /// The text of the code.
    text: String,
}

/// Reads the QR code in a camera frame, a JPEG. The frame is neither kept nor logged.
#[utoipa::path(
    post, path = "/v1/{ledger}/qr/frame", tag = "shop",
    request_body(content = Binary, content_type = "image/jpeg"),
    responses((status = OK, body = ScannedText), (status = NO_CONTENT, description = "No code in the frame"))
)]
pub(super) async fn read_frame(
    State(server): App,
    _reader: SessionReader,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let frame = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::malformed_request(),
    })?;
    let place = take_place(&server.frames)?;
    let reading = tokio::task::spawn_blocking(move || {
        let read = qr_frame::read(&frame);
        // Until here, also when the client has gone: what counts is the work, not who waits for it.
        drop(place);
        read
    });
    match reading.await.map_err(|_| Problem::internal())? {
        Ok(Some(text)) => Ok(Json(ScannedText { text }).into_response()),
        Ok(None) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(PictureError::OutOfBounds) => Err(Problem::too_large()),
        Err(PictureError::NotJpeg) => Err(Problem::malformed_request()),
    }
}

fn take_place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| Problem::rate_limited())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::FRAMES_AT_ONCE_MAX;

    #[test]
    fn one_frame_too_many_waits_its_turn() {
        let places = Arc::new(Semaphore::new(FRAMES_AT_ONCE_MAX));
        let taken: Vec<_> = (0..FRAMES_AT_ONCE_MAX).map(|_| take_place(&places).unwrap()).collect();
        assert_eq!(take_place(&places).unwrap_err().kind.slug, "rate-limited");
        drop(taken);
        drop(take_place(&places).unwrap());
    }
}
