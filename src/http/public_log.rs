//! The public log: C2SP tlog-tiles under `/{ledger}/`.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ledger_spec::tile::TileId;

use super::openapi::Binary;
use super::problem::Problem;
use super::server::App;

const TEXT: &str = "text/plain; charset=utf-8";

/// The signed head of the log, a C2SP checkpoint.
#[utoipa::path(
    get, path = "/{ledger}/checkpoint", tag = "log",
    responses((status = OK, body = String, content_type = "text/plain"))
)]
pub(super) async fn checkpoint(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let head = server.ledger(&name)?.engine.published()?;
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "max-age=1")];
    Ok((headers, head.note.clone()).into_response())
}

/// The verifier key of the log's checkpoints, one line.
#[utoipa::path(
    get, path = "/{ledger}/vkey", tag = "log",
    responses((status = OK, body = String, content_type = "text/plain"))
)]
pub(super) async fn vkey(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let key = server.ledger(&name)?.engine.verifier().to_string();
    Ok(([(header::CONTENT_TYPE, TEXT)], key + "\n").into_response())
}

/// Tiles and entry bundles under the published head (C2SP tlog-tiles).
#[utoipa::path(
    get, path = "/{ledger}/tile/{*path}", tag = "log",
    responses((status = OK, body = Binary, content_type = "application/octet-stream"))
)]
pub(super) async fn tile(
    State(server): App,
    Path((name, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let tile = TileId::parse(&format!("tile/{path}")).map_err(|_| Problem::not_found())?;
    let size = ledger.engine.published()?.size;
    let bytes = ledger.engine.tiles().bytes(&tile, size)?.ok_or(Problem::not_found())?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}
