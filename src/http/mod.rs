//! HTTP: bounded bytes in, one call into engine or query, an answer out. One file an audience; what
//! browsers get is under `web`.
//!
//! Read first: `server::Ledger`, what the routes of a ledger reach, and `problem::Problem`, every
//! refusal.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::adapters::qr_frame::FRAME_BYTES_MAX;
use crate::engine::Readiness;
use crate::pages::CONTENT_SECURITY_POLICY;
use crate::pages::scan::CAMERA_FORBIDDEN;

mod auth;
mod connections;
mod latest;
mod ledger;
mod links;
mod manifests;
mod nonces;
pub mod openapi;
mod participation;
mod pin;
pub mod problem;
mod public_log;
pub mod reminders;
mod resident;
mod rewards;
mod scan;
mod server;
mod sessions;
mod settlement;
mod shop;
mod statements;
mod terminal;
mod web;

use connections::Connections;
pub use openapi::Api;
pub(crate) use pin::give as give_pin;
use problem::Problem;
pub(crate) use server::App;
pub use server::{Ledger, Server};
pub(crate) use terminal::PlaceJson;
use web::visit::{PERMISSIONS_POLICY, RefusalForm, refused};

/// How long requests under way may take after the server was told to stop.
const SHUTDOWN_S: u64 = 10;

/// The server's own routes for programs, each with its description.
#[must_use]
pub fn api() -> Api {
    let routes = OpenApiRouter::new()
        .routes(routes!(ledger::info))
        .routes(routes!(ledger::programme))
        .routes(routes!(ledger::key))
        .routes(routes!(statements::submit))
        .routes(routes!(manifests::submit).layer(manifests::body_limit()))
        .routes(routes!(auth::open_session))
        .routes(routes!(resident::balance))
        .routes(routes!(resident::history))
        .routes(routes!(links::own_links))
        .routes(routes!(links::family))
        .routes(routes!(links::partners))
        .routes(routes!(resident::receipt))
        .routes(routes!(resident::manifest))
        .routes(routes!(reminders::feed))
        .routes(routes!(reminders::next))
        .routes(routes!(rewards::catalogue))
        .routes(routes!(rewards::own_rewards))
        .routes(routes!(rewards::list_draws))
        .routes(routes!(rewards::revoked_cards))
        .routes(routes!(rewards::claimed_card))
        .routes(routes!(rewards::voucher))
        .routes(routes!(shop::check_code))
        .routes(routes!(shop::today))
        .routes(routes!(pin::check_pin, pin::set_pin))
        .routes(routes!(settlement::settlements))
        .routes(routes!(settlement::statement))
        .routes(routes!(settlement::statement_csv))
        .routes(routes!(settlement::invoice))
        .routes(routes!(settlement::invoice_csv))
        .routes(routes!(scan::read_frame).layer(DefaultBodyLimit::max(FRAME_BYTES_MAX)))
        .routes(routes!(terminal::places))
        .routes(routes!(terminal::proposals))
        .routes(routes!(terminal::proposal))
        .routes(routes!(participation::json))
        .routes(routes!(public_log::checkpoint))
        .routes(routes!(public_log::vkey))
        .routes(routes!(public_log::tile))
        .routes(routes!(ready));
    Api { routes, refusals: openapi::REFUSALS.to_vec() }
}

/// The description of the API with the routes `beside` the server's own, as JSON text.
#[must_use]
pub fn document(beside: Api) -> String {
    let Api { routes, refusals } = api().and(beside);
    openapi::document(&routes.into_openapi(), &refusals)
}

/// Every public route, and those for programs that stand `beside` the server's own.
pub fn router(server: Arc<Server>, beside: Api) -> Router {
    let limits = server.limits;
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let Api { routes, refusals } = api().and(beside);
    let (described, description) = routes.split_for_parts();
    let document = Arc::new(LazyLock::new(move || openapi::document(&description, &refusals)));
    #[cfg(feature = "api-pages")]
    let described = described.merge(openapi::pages());
    described
        .route("/v1/openapi.json", get(move || std::future::ready(json_text(&document))))
        .merge(web::routes())
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(web::nothing_here)
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(DefaultBodyLimit::max(limits.body_bytes.get()))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), explain))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), observe))
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(PERMISSIONS_POLICY, CAMERA_FORBIDDEN))
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .with_state(server)
}

fn json_text(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

/// The route for Prometheus, on a listener of its own.
pub fn metrics_router(server: Arc<Server>) -> Router {
    async fn text(State(server): App) -> Response {
        participation::show(&server);
        settlement::show_budgets(&server);
        server.metrics.set_sessions(server.sessions.held());
        match server.metrics.text() {
            Ok(text) => text.into_response(),
            Err(error) => {
                tracing::error!(%error, "the metrics could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
    Router::new().route("/metrics", get(text)).with_state(server)
}

/// Every request has a time limit and is counted under its route's pattern, never its path: paths
/// can hold tokens.
async fn observe(State(server): App, request: Request<Body>, next: Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let _under_way = server.metrics.request_begun();
    let started_us = server.clock.boot_us();
    let limit = Duration::from_millis(server.limits.request_timeout_ms.get());
    let response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout().into_response(),
    };
    let took = Duration::from_micros(server.clock.boot_us().saturating_sub(started_us));
    let route = pattern.as_deref().unwrap_or("none");
    server.metrics.request(route, response.status().as_u16(), took);
    response
}

/// What axum itself refuses, an address or a body that cannot be read, it refuses in bare text.
/// Here that becomes a problem for programs and a page for people, as every refusal of ours is.
async fn explain(State(server): App, request: Request<Body>, next: Next) -> Response {
    let form = RefusalForm::of(request.uri(), request.headers());
    let response = next.run(request).await;
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let bare = media_type.is_none_or(|media_type| media_type == "text/plain; charset=utf-8");
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE if bare => Problem::too_large().into_response(),
        status if bare && status.is_client_error() => {
            refused(&server, form, &Problem::malformed_request())
        }
        _ => response,
    }
}

/// Tells whether every ledger takes statements.
#[utoipa::path(
    get, path = "/readyz", tag = "ledger",
    responses(
        (status = OK, body = String, content_type = "text/plain"),
        (status = SERVICE_UNAVAILABLE, description = "A ledger is read-only or stopped", body = String,
            content_type = "text/plain"),
    )
)]
async fn ready(State(server): App) -> Response {
    let standing = server.ledgers.iter();
    let idle: String = standing
        .filter(|(_, ledger)| ledger.engine.readiness() != Readiness::Running)
        .map(|(name, _)| format!("the ledger {name} takes no statements\n"))
        .collect();
    if idle.is_empty() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, idle).into_response()
    }
}

/// Serves `app`, the routes of `server`, until the process is told to stop (SIGTERM, SIGINT) or the
/// last of its ledgers has stopped by itself; then lets requests under way finish, commits what
/// waits and closes the ledgers. Gives the reasons of ledgers that stopped by themselves. While one
/// ledger goes on, a stopped one stays readable: a city does not stop for another one's disk.
///
/// # Errors
/// What the sockets say.
pub async fn serve(
    server: Arc<Server>,
    app: Router,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
) -> io::Result<Option<String>> {
    // Before anyone is answered: a signal must not end the process under a request.
    let told = told_to_stop()?;
    let (stop, _) = tokio::sync::watch::channel(false);
    let wait = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        // The sender lives until the end of this function.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let metrics = metrics_listener.map(|listener| {
        let app = metrics_router(Arc::clone(&server));
        let serving = axum::serve(listener, app).with_graceful_shutdown(wait(stop.subscribe()));
        tokio::spawn(serving.into_future())
    });
    let timeout = Duration::from_millis(server.limits.request_timeout_ms.get());
    let serving = axum::serve(Connections::new(listener, timeout), app)
        .with_graceful_shutdown(wait(stop.subscribe()));
    let mut serving = tokio::spawn(serving.into_future());
    let broken = tokio::select! {
        done = &mut serving => {
            done.map_err(io::Error::other)??;
            None
        }
        () = told => None,
        reasons = all_stopped(&server) => Some(reasons),
    };
    stop.send_replace(true);
    // Keep-alive connections that never end are cut off.
    let _ = tokio::time::timeout(Duration::from_secs(SHUTDOWN_S), serving).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    let closing = Arc::clone(&server);
    let closed = tokio::task::spawn_blocking(move || {
        closing.ledgers.values().for_each(|ledger| ledger.engine.stop());
    });
    closed.await.map_err(io::Error::other)?;
    Ok(broken)
}

/// Listens for the signals from this call on; the future ends with the first.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn all_stopped(server: &Server) -> String {
    let mut reasons = Vec::new();
    for (name, ledger) in &server.ledgers {
        reasons.push(format!("{name}: {}", ledger.engine.stopped().await));
    }
    reasons.join("; ")
}

/// Listens, or says what to do when the port is taken.
///
/// # Errors
/// A text for the operator.
pub async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = if error.kind() == io::ErrorKind::AddrInUse {
            "the address is in use by another program".to_owned()
        } else {
            error.to_string()
        };
        format!("cannot listen on {address}: {what}; choose another address with {option}")
    })
}
