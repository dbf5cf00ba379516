//! What browsers get: the pages and what they load. What programs call stands beside this folder.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::reminders;
use super::server::Server;

mod fixed;
mod own;
mod participation;
mod rewards;
mod site;
pub(super) mod visit;

pub(super) use site::nothing_here;

/// Every page, and what pages load.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .merge(fixed::routes())
        .route("/", get(site::first))
        .route("/tour", get(site::tour))
        .route("/verify", get(site::verify))
        .route("/for/{visitor}", get(site::door))
        .route("/offline", get(own::offline))
        .route("/sw.js", get(own::worker))
        .route("/assets/{file}", get(site::asset))
        .route("/Q/{token}", get(site::scanned_code))
        .route("/V/{token}", get(site::scanned_code))
        .route("/C/{card}", get(site::scanned_card))
        .route("/E/{code}", get(site::scanned_venue))
        .route("/P/{request}", get(site::scanned_request))
        .route("/{ledger}", get(site::first))
        .route("/{ledger}/tour", get(site::tour))
        .route("/{ledger}/participation", get(participation::show_page))
        .route("/{ledger}/participation/{file}", get(participation::file))
        .route("/{ledger}/me", get(own::me))
        .route("/{ledger}/me/history.csv", get(own::history_csv))
        .route("/{ledger}/me/calendar.ics", get(reminders::calendar_file))
        .route("/{ledger}/me/leave", post(own::leave))
        .route("/{ledger}/perk", get(own::perk))
        .route("/{ledger}/rewards", get(rewards::page))
}
