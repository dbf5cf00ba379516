//! The page of the catalogue.

use axum::response::Response;

use super::visit::{Visit, with_worker};
use crate::pages::rewards;
use crate::query::rewards as read;

/// `GET /{ledger}/rewards`
pub(super) async fn page(visit: Visit) -> Response {
    let catalogue = match read::catalogue(&visit.ledger.engine, visit.server.today()) {
        Ok(catalogue) => catalogue,
        Err(error) => return visit.failed(&error.into()),
    };
    let data = rewards::Rewards { site: visit.site_here(), items: catalogue.items };
    let page = rewards::page(visit.lang, &data).into_string();
    with_worker(visit.html(page))
}
