//! The public log: C2SP tlog-tiles under `/{ledger}/`.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ledger_spec::tile::TileId;

use super::App;
use super::problem::Problem;

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /{ledger}/checkpoint`
pub(super) async fn checkpoint(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let head = server.ledger(&name)?.engine.published()?;
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "max-age=1")];
    Ok((headers, head.note.clone()).into_response())
}

/// `GET /{ledger}/vkey`
pub(super) async fn vkey(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let key = server.ledger(&name)?.engine.verifier().to_string();
    Ok(([(header::CONTENT_TYPE, TEXT)], key + "\n").into_response())
}

/// `GET /{ledger}/tile/…`: tiles and entry bundles under the published head.
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
