//! The analyst's page of participation and its files.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::visit::Visit;
use crate::http::participation::released;
use crate::http::problem::Problem;
use crate::http::server::App;
use crate::pages::Lang;
use crate::pages::participation::{Participation, Words, csv, page};
use crate::query::participation::group_names;

/// `GET /{ledger}/participation`
pub(super) async fn show_page(visit: Visit) -> Response {
    match participation(&visit) {
        Ok(data) => visit.html(page(visit.lang, &data).into_string()),
        Err(problem) => visit.failed(&problem),
    }
}

fn participation(visit: &Visit) -> Result<Participation, Problem> {
    let (release, groups) = (released(&visit.ledger)?, group_names(&visit.ledger.engine)?);
    Ok(Participation { site: visit.site(), release, groups })
}

/// `GET /{ledger}/participation/{table}.csv`
pub(super) async fn file(
    State(server): App,
    Path((name, file)): Path<(String, String)>,
    lang: Lang,
) -> Result<Response, Problem> {
    let ledger = server.ledger(&name)?;
    let table = file.strip_suffix(".csv").ok_or(Problem::not_found())?;
    let words = Words { lang, groups: &group_names(&ledger.engine)? };
    let mut tables = words.tables(&*released(ledger)?).into_iter();
    let table = tables.find(|known| known.name == table).ok_or(Problem::not_found())?;
    let disposition =
        format!("attachment; filename=\"{name}-{}-{}.csv\"", table.name, table.period);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, csv(&table)).into_response())
}
