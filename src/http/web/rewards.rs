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
    let items = catalogue.items.into_iter().map(|item| rewards::Item {
        code: item.code,
        name: [item.name, item.name_en],
        gives: item.gives,
        challenge: item.purse == ledger_spec::points::Purse::Challenge,
        points: item.points,
        until: item.until.to_string(),
        open: item.open,
        left: item.left,
        per_person: item.per_person,
        valid_days: item.valid_days,
        places: item.places,
        prefecture: item.prefecture,
    });
    let data = rewards::Rewards { site: visit.site_here(), items: items.collect() };
    let page = rewards::page(visit.lang, &data).into_string();
    with_worker(visit.html(page))
}
