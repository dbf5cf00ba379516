//! Open data on participation, for programs and for Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::problem::Problem;
use super::server::{App, Ledger, Server};
use crate::engine::EngineError;
use crate::query::participation::{Release, release};

/// What is released at the moment.
pub(super) fn released(ledger: &Ledger) -> Result<Arc<Release>, EngineError> {
    let Some((_, today)) = ledger.engine.views().span() else { return Ok(Arc::default()) };
    ledger.released.or_make(
        |day| *day == today,
        || Ok((today, release(&ledger.engine, ledger.population.as_ref())?)),
    )
}

/// Shows the last released figures to Prometheus; hidden ones have no series.
pub(super) fn show(server: &Server) {
    for (name, ledger) in &server.ledgers {
        let release = match released(ledger) {
            Ok(release) => release,
            Err(error) => {
                tracing::error!(ledger = name, %error, "the participation could not be read");
                continue;
            }
        };
        let metrics = server.metrics.ledger(name);
        metrics.set_participants_week(release.weeks.first().and_then(|week| week.persons.value()));
        let Some(month) = release.months.first() else { continue };
        let groups = std::iter::once("any").chain(month.groups.iter().map(String::as_str));
        for (column, group) in groups.enumerate() {
            metrics.set_participants_month(group, month.whole(column).value());
        }
        for group in &month.left_out {
            metrics.set_participants_month(group, None);
        }
        for (channel, share) in &month.channels {
            metrics.set_channel_percent(*channel, share.value());
        }
        for line in &month.funds {
            metrics.set_outstanding(line.fund, line.outstanding.value());
        }
    }
}

/// Reads the released figures on participation; small cells are hidden.
#[utoipa::path(
    get, path = "/v1/{ledger}/participation", tag = "ledger", operation_id = "participation",
    responses((status = OK, body = Release))
)]
pub(super) async fn json(
    State(server): App,
    Path(name): Path<String>,
) -> Result<Json<Release>, Problem> {
    let ledger = server.ledger(&name)?;
    Ok(Json(Release::clone(&*released(ledger)?)))
}
