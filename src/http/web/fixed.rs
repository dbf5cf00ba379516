//! Pages that are the same for everyone: their scripts fill in what is personal. A further one is a
//! row of the table.

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::visit::{Visit, scanning, with_worker};
use crate::http::server::Server;
use crate::pages::record::{self, Recorder};
use crate::pages::{Fixed, desk, family, links, pay, settlement, terminal, till, venue};

/// What a page may use beyond what all pages may.
#[derive(Clone, Copy)]
enum Uses {
    /// Nothing more.
    Nothing,
    /// The camera, to read codes.
    Camera,
    /// The worker, which keeps the page for places without signal.
    Worker,
}

/// Each page: its name in `/{ledger}/NAME`, what writes it, what it may use.
const PAGES: &[(&str, Fixed, Uses)] = &[
    ("approve", terminal::approval, Uses::Nothing),
    ("attend", venue::attend, Uses::Nothing),
    ("coach", |lang, site| record::page(lang, site, Recorder::Coach), Uses::Camera),
    ("desk", desk::page, Uses::Camera),
    ("enrol", terminal::proposal, Uses::Nothing),
    ("family", family::page, Uses::Nothing),
    ("links", links::page, Uses::Nothing),
    ("pay", pay::page, Uses::Worker),
    ("propose", terminal::action, Uses::Nothing),
    ("settlement", settlement::page, Uses::Nothing),
    ("shop", till::page, Uses::Camera),
    ("station", |lang, site| record::page(lang, site, Recorder::Station), Uses::Camera),
    ("terminal", terminal::enrolment, Uses::Nothing),
    ("venue", venue::screen, Uses::Nothing),
];

/// A route for each page.
pub(super) fn routes() -> Router<Arc<Server>> {
    let mut routes = Router::new();
    for (name, write, uses) in PAGES {
        let answer = |visit: Visit| ready(answer(&visit, *write, *uses));
        routes = routes.route(&format!("/{{ledger}}/{name}"), get(answer));
    }
    routes
}

fn answer(visit: &Visit, write: Fixed, uses: Uses) -> Response {
    let page = visit.html(write(visit.lang, &visit.site()).into_string());
    match uses {
        Uses::Nothing => page,
        Uses::Camera => scanning(page),
        Uses::Worker => with_worker(page),
    }
}
