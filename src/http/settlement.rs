//! What shops are due: a shop reads its own statements, staff read all of them and what each fund
//! pays.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::ids::{PlaceId, Seq};
use ledger_spec::kinds::Role;
use ledger_spec::state::Signer;
use ledger_spec::time::{Day, Month};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::SessionReader;
use super::problem::Problem;
use super::server::Server;
use crate::query::budgets;
use crate::query::settlements::{self, SettlementJson};
use crate::reports::books::{BookLine, Settled};
use crate::reports::tables::{self, InvoiceLine, LogHead, StatementTable};

/// The most lines of a statement that one answer gives; `kenmai settle statement` writes any
/// number.
const STATEMENT_LINES_MAX: usize = 20_000;
const CSV: &str = "text/csv; charset=utf-8";

/// Whose settlements a reader may see: a shop its own, staff all.
fn scope(signer: &Signer) -> Result<Option<PlaceId>, Problem> {
    match signer {
        Signer::Actor(actor) if actor.role == Role::Shop => {
            actor.place.map(Some).ok_or(Problem::role_not_permitted())
        }
        Signer::Actor(actor) if matches!(actor.role, Role::Staff | Role::Root) => Ok(None),
        Signer::Actor(_) | Signer::Device(_) => Err(Problem::role_not_permitted()),
    }
}

/// Sets the metrics of the funds' budgets.
pub(super) fn show_budgets(server: &Server) {
    for (name, ledger) in &server.ledgers {
        match budgets::warnings(&ledger.engine, server.today()) {
            Ok(warnings) => {
                let metrics = server.metrics.ledger(name);
                for (fund, permille) in warnings {
                    metrics.set_budget_warning(fund, permille);
                }
            }
            Err(error) => tracing::error!(ledger = name, %error, "the budgets could not be read"),
        }
    }
}

/// A settlement in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct SettlementLine {
    /// Its entry.
    settlement: u64,
    /// The month.
    #[schema(value_type = String, example = "2026-10")]
    month: Month,
    /// The shop's id.
    shop: String,
    /// Its public name.
    name: String,
    /// Yen due.
    yen: u64,
    /// The day of the transfer, once it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    paid_on: Option<Day>,
}

/// Which settlements.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfMonth {
    /// Of this month alone.
    #[param(value_type = Option<String>, example = "2026-10")]
    month: Option<String>,
}

fn month_of(text: &str) -> Result<Month, Problem> {
    Month::parse(text).ok_or(Problem::malformed_request())
}

/// Lists the settlements of a month, or else the newest 500: a shop's own, or for staff all.
#[utoipa::path(
    get, path = "/v1/{ledger}/settlements", tag = "settlement", params(OfMonth),
    responses((status = OK, body = Vec<SettlementLine>))
)]
pub(super) async fn settlements(
    reader: SessionReader,
    query: Result<Query<OfMonth>, QueryRejection>,
) -> Result<Json<Vec<SettlementLine>>, Problem> {
    let Query(OfMonth { month }) = query.map_err(|_| Problem::malformed_request())?;
    let month = month.as_deref().map(month_of).transpose()?;
    let found = settlements::settlements(&reader.ledger.engine, scope(&reader.signer)?, month)?;
    let line = |SettlementJson { seq, close, name, paid_on, .. }: SettlementJson| SettlementLine {
        settlement: seq.0,
        month: close.month,
        shop: close.shop.to_string(),
        name,
        yen: close.yen,
        paid_on,
    };
    Ok(Json(found.into_iter().map(line).collect()))
}

fn statement_of(reader: &SessionReader, seq: u64) -> Result<StatementTable, Problem> {
    let (own, engine) = (scope(&reader.signer)?, &reader.ledger.engine);
    let found = settlements::settlement(engine, Seq(seq))?;
    // Another shop's settlement is not told from none at all.
    let found = found.filter(|found| own.is_none_or(|shop| shop == found.close.shop));
    let SettlementJson { seq, close, name, paid_on, insured_medical } =
        found.ok_or(Problem::entry_unknown())?;
    let entries = settlements::entries_of(engine, &close, STATEMENT_LINES_MAX)?;
    let entries = entries.ok_or(Problem::busy())?;
    let lines = entries.iter().filter_map(|entry| BookLine::of(engine.ledger(), entry));
    let lines = lines.map(|(_, line)| line).collect();
    let head = engine.published()?;
    // Behind an empty line the signatures follow.
    let text = head.note.split("\n\n").next().unwrap_or_default();
    let checkpoint = Checkpoint::parse(&format!("{text}\n")).ok();
    let (origin, root) =
        checkpoint.map(|found| (found.origin, HEXLOWER.encode(&found.root))).unwrap_or_default();
    let log = LogHead { origin, size: head.size, root, checkpoint: Some(head.note.clone()) };
    let settled = Settled { seq, close, paid_on, insured_medical, lines };
    tables::statement(name, &settled, log).map_err(|error| {
        tracing::error!(ledger = reader.ledger.name, %error, "a statement is not shown");
        Problem::internal()
    })
}

/// Reads a shop's statement: every movement that the settlement covers, with the signed head of the
/// log.
#[utoipa::path(
    get, path = "/v1/{ledger}/settlements/{seq}", tag = "settlement",
    responses((status = OK, body = StatementTable))
)]
pub(super) async fn statement(
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Json<StatementTable>, Problem> {
    statement_of(&reader, seq).map(Json)
}

/// Reads the statement as a table for spreadsheets.
#[utoipa::path(
    get, path = "/v1/{ledger}/settlements/{seq}/csv", tag = "settlement",
    responses((status = OK, body = String, content_type = "text/csv"))
)]
pub(super) async fn statement_csv(
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let csv = statement_of(&reader, seq)?.csv();
    Ok(([(header::CONTENT_TYPE, CSV)], csv).into_response())
}

fn invoice_of(reader: &SessionReader, month: &str) -> Result<(Month, Vec<InvoiceLine>), Problem> {
    let month = month_of(month)?;
    if scope(&reader.signer)?.is_some() {
        return Err(Problem::role_not_permitted());
    }
    let found = settlements::settlements(&reader.ledger.engine, None, Some(month))?;
    let rows = found.iter().map(|found| (found.seq, &found.close, found.name.clone()));
    Ok((month, tables::invoice(rows)))
}

/// Reads what each fund pays for a month, shop by shop; for staff.
#[utoipa::path(
    get, path = "/v1/{ledger}/invoices/{month}", tag = "settlement",
    responses((status = OK, body = Vec<InvoiceLine>))
)]
pub(super) async fn invoice(
    reader: SessionReader,
    Path((_, month)): Path<(String, String)>,
) -> Result<Json<Vec<InvoiceLine>>, Problem> {
    invoice_of(&reader, &month).map(|(_, lines)| Json(lines))
}

/// Reads the invoices of a month as a table for spreadsheets; for staff.
#[utoipa::path(
    get, path = "/v1/{ledger}/invoices/{month}/csv", tag = "settlement",
    responses((status = OK, body = String, content_type = "text/csv"))
)]
pub(super) async fn invoice_csv(
    reader: SessionReader,
    Path((_, month)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (month, lines) = invoice_of(&reader, &month)?;
    Ok(([(header::CONTENT_TYPE, CSV)], tables::invoice_csv(month, &lines)).into_response())
}
