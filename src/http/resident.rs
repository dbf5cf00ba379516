//! What a resident reads: balance, history, receipts.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ledger_spec::entry::Accounting;
use ledger_spec::ids::{AccountId, LinkId, Seq};
use ledger_spec::state::Signer;
use ledger_spec::time::Day;
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::SessionReader;
use super::openapi::Binary;
use super::problem::Problem;
use super::server::App;
use crate::engine::statement_of;
use crate::query::{self, Access, Balance, Filter, History, links};

/// Entries of a history page unless the client asks for another number.
pub(super) const HISTORY_ENTRIES: usize = 50;

pub(super) fn account_of(reader: &SessionReader) -> Result<AccountId, Problem> {
    match &reader.signer {
        Signer::Device(device) => Ok(device.account),
        Signer::Actor(_) => Err(Problem::role_not_permitted()),
    }
}

/// For whom a phone reads.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whom {
    /// The link by which somebody lets this phone read; the own account unless named.
    #[serde(rename = "for")]
    #[param(rename = "for", pattern = "^[0-9a-f]{32}$")]
    link: Option<String>,
}

/// The account that a phone may read: its own, or by a link somebody's of the family.
pub(super) fn access_of(
    reader: &SessionReader,
    link: Option<&str>,
    today: Day,
) -> Result<Access, Problem> {
    let own = account_of(reader)?;
    let Some(link) = link else { return Ok(Access::Own(own)) };
    let link = LinkId::from_hex(link).ok_or(Problem::malformed_request())?;
    let engine = &reader.ledger.engine;
    Ok(Access::Family(links::delegated_account(engine, reader.kid, link, today)?))
}

/// The same for a query of its own.
pub(super) fn asked_for(
    reader: &SessionReader,
    whom: Result<Query<Whom>, QueryRejection>,
    today: Day,
) -> Result<AccountId, Problem> {
    let Query(Whom { link }) = whom.map_err(|_| Problem::malformed_request())?;
    access_of(reader, link.as_deref(), today).map(Access::account)
}

/// Reads the own balance, or that of somebody whom the phone helps.
#[utoipa::path(
    get, path = "/v1/{ledger}/me", tag = "resident", params(Whom), responses((status = OK, body = Balance))
)]
pub(super) async fn balance(
    State(server): App,
    reader: SessionReader,
    whom: Result<Query<Whom>, QueryRejection>,
) -> Result<Json<Balance>, Problem> {
    let account = asked_for(&reader, whom, server.today())?;
    let balance = query::balance(&reader.ledger.engine, account, server.today())?;
    balance.map(Json).ok_or(Problem::entry_unknown())
}

/// Which part of a history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Entries before this number.
    before: Option<u64>,
    /// The most entries wanted, 50 unless named; an answer holds at most 200.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// Which entries are wanted; all unless named.
    #[param(inline)]
    show: Option<Filter>,
    /// The link by which somebody lets this phone read; the own records unless named.
    #[serde(rename = "for")]
    #[param(rename = "for", pattern = "^[0-9a-f]{32}$")]
    link: Option<String>,
}

/// Reads the own records, or of somebody whom the phone helps, the latest first.
#[utoipa::path(
    get, path = "/v1/{ledger}/me/history", tag = "resident", params(Page),
    responses((status = OK, body = History))
)]
pub(super) async fn history(
    State(server): App,
    reader: SessionReader,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<History>, Problem> {
    let page = page.map_err(|_| Problem::malformed_request())?;
    let Query(Page { before, limit, show, link }) = page;
    let access = access_of(&reader, link.as_deref(), server.today())?;
    let limit = limit.unwrap_or(HISTORY_ENTRIES);
    if limit == 0 {
        // A page of nothing would send a client round in circles.
        return Err(Problem::malformed_request());
    }
    let before = before.map(Seq);
    Ok(Json(query::history(&reader.ledger.engine, access, before, show, limit)?))
}

/// The entry, if this reader may have its receipt, and whether it is the reader's own.
fn readable(
    reader: &SessionReader,
    seq: Seq,
    head_size: u64,
) -> Result<(Accounting, bool), Problem> {
    // An entry can stand in the log a moment before a head covers it.
    let found = if seq.0 < head_size { reader.ledger.engine.entry(seq)? } else { None };
    let (_, accounting) = found.ok_or(Problem::entry_unknown())?;
    let own = match &reader.signer {
        Signer::Device(device) => {
            accounting.subject.is_some_and(|subject| subject.account == device.account)
        }
        Signer::Actor(_) => false,
    };
    let signed = own || statement_of(&accounting)?.kid == reader.kid;
    // Whether the entry exists is nobody else's business.
    if signed { Ok((accounting, own)) } else { Err(Problem::entry_unknown()) }
}

/// Gives the signed manifest that vouches for a row in the place of a signature of its own.
#[utoipa::path(
    get, path = "/v1/{ledger}/entries/{seq}/manifest", tag = "resident",
    responses((status = OK, body = Binary, content_type = "application/cose"))
)]
pub(super) async fn manifest(
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let engine = &reader.ledger.engine;
    let (row, _) = readable(&reader, Seq(seq), engine.head()?.size)?;
    let place = statement_of(&row)?.row.ok_or(Problem::entry_unknown())?;
    let (_, manifest) = engine.entry(place.manifest)?.ok_or(Problem::entry_unknown())?;
    let headers = [(header::CONTENT_TYPE, "application/cose")];
    Ok((headers, manifest.statement.0).into_response())
}

/// Gives the receipt of an entry, a C2SP tlog-proof: opened for the resident whose entry it is,
/// bare for its signer.
#[utoipa::path(
    get, path = "/v1/{ledger}/entries/{seq}/receipt", tag = "resident",
    responses((status = OK, body = String, content_type = "text/plain"))
)]
pub(super) async fn receipt(
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let engine = &reader.ledger.engine;
    let head = engine.head()?;
    let (_, own) = readable(&reader, Seq(seq), head.size)?;
    let receipt = engine.receipt(Seq(seq), &head, own)?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, receipt.to_string()).into_response())
}
