//! Who asks: opening a session with one signed message, and reading with it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::ids::{Kid, LedgerId};
use ledger_spec::state::Signer;
use ledger_spec::token::{self, Message, Session};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::openapi::Binary;
use super::problem::Problem;
use super::server::{App, Ledger, Server};
use super::sessions::{COOKIE, Held, token_of};

/// A session ends after so many seconds.
const SESSION_LIFE_S: u64 = 12 * 3_600;
/// Who reads: the ledger and a key that is in force at this moment.
pub(super) struct SessionReader {
    pub(super) ledger: Arc<Ledger>,
    pub(super) kid: Kid,
    pub(super) signer: Signer,
}

/// A session that was opened.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionOpened {
    /// Sent back as `Authorization: Bearer` or in the cookie.
    token: String,
    /// Unix seconds.
    expires_at: u64,
    /// `device` for a resident's phone, otherwise the role of the key.
    #[schema(value_type = String, example = "device")]
    role: Value,
}

/// Opens a session for reading with one signed message.
#[utoipa::path(
    post, path = "/v1/{ledger}/sessions", tag = "sessions", request_body(content = Binary, content_type = "application/cose"),
    responses((status = CREATED, body = SessionOpened,
        headers(("Set-Cookie" = String, description = "The same token as the cookie `kenmai_session`"))))
)]
pub(super) async fn open_session(
    State(server): App,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let body = cose_body(&headers, body)?;
    let (message, kid, signer) = open_message::<Session>(ledger, &body)?;
    check_message(&server, ledger, message.exp_s, message.ledger)?;
    let now_s = server.now_s();
    let expires_s = now_s + SESSION_LIFE_S;
    let token = server.sessions.open(&message, Held { ledger: name, kid, expires_s }, now_s)?;
    let role = match &signer {
        Signer::Device(_) => json!("device"),
        Signer::Actor(actor) => json!(actor.role),
    };
    let cookie = format!(
        "{COOKIE}={token}; Path=/; Max-Age={SESSION_LIFE_S}; HttpOnly; Secure; SameSite=Strict"
    );
    let answer = SessionOpened { token, expires_at: expires_s, role };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The body of a request that brings a signed message.
pub(super) fn cose_body(
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Bytes, Problem> {
    typed_body("application/cose", headers, body)
}

/// The body of a request, if it is of this media type.
pub(super) fn typed_body(
    wanted: &str,
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Bytes, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // RFC 9052 section 11 gives the type an optional parameter, and types have no case (RFC 9110
    // section 8.3.1).
    let essence = media_type.and_then(|media_type| media_type.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted)) {
        return Err(Problem::media_type(wanted));
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::malformed_request(),
    })
}

/// Opens a message that is no statement: form, key, signature, and that the key is in force.
pub(super) fn open_message<M: Message>(
    ledger: &Ledger,
    bytes: &[u8],
) -> Result<(M, Kid, Signer), Problem> {
    let (_, signed) = token::parse::<M>(bytes).map_err(cose_problem)?;
    if ledger.engine.verifying_key(signed.kid).is_none() {
        return Err(Problem::key_unknown());
    }
    let (message, kid) =
        token::open::<M>(bytes, |kid| ledger.engine.verifying_key(kid)).map_err(cose_problem)?;
    let signer = signer_in_force(ledger, kid)?;
    Ok((message, kid, signer))
}

/// A message for another ledger, or out of date, is refused.
pub(super) fn check_message(
    server: &Server,
    ledger: &Ledger,
    exp_s: u64,
    named: LedgerId,
) -> Result<(), Problem> {
    if named != ledger.engine.ledger() {
        return Err(Problem::other_ledger());
    }
    if token::in_force(exp_s, server.now_s()) { Ok(()) } else { Err(Problem::deadline()) }
}

fn cose_problem(error: ledger_spec::cose::CoseError) -> Problem {
    match error {
        ledger_spec::cose::CoseError::Form(form) => form.into(),
        ledger_spec::cose::CoseError::Signature => Problem::signature(),
    }
}

fn signer_in_force(ledger: &Ledger, kid: Kid) -> Result<Signer, Problem> {
    let state = ledger.engine.state()?;
    let key = state.keys.get(&kid).ok_or(Problem::key_unknown())?;
    if key.revoked.is_some() {
        return Err(Problem::key_revoked());
    }
    if key.suspended.is_some() {
        return Err(Problem::key_suspended());
    }
    Ok(key.signer.clone())
}

impl SessionReader {
    /// The session of a request to this ledger.
    pub(super) fn of(server: &Server, name: &str, headers: &HeaderMap) -> Result<Self, Problem> {
        let ledger = server.ledger(name)?;
        let token = token_of(headers).ok_or(Problem::session_required())?;
        let held = server.sessions.find(token, server.now_s());
        let held = held.filter(|held| held.ledger == name).ok_or(Problem::session_required())?;
        // A key revoked since the session began reads nothing more.
        let signer = signer_in_force(ledger, held.kid)?;
        Ok(Self { ledger: Arc::clone(ledger), kid: held.kid, signer })
    }
}

impl FromRequestParts<Arc<Server>> for SessionReader {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, server).await;
        let Path(path) = path.map_err(|_| Problem::not_found())?;
        let name = path.get("ledger").ok_or(Problem::not_found())?;
        Self::of(server, name, &parts.headers)
    }
}
