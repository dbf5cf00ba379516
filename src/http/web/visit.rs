//! A visit to a page, and what it is answered with. Errors are pages too, in the reader's language.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::state::Overlay;
use serde::Deserialize;

use crate::http::problem::Problem;
use crate::http::server::{Ledger, Server};
use crate::pages::messages::t;
use crate::pages::scan::CAMERA_ALLOWED;
use crate::pages::{Lang, Site, WORKER_POLICY, error};
use crate::query::Filter;

/// Keeps the reader's language.
const LANGUAGE_COOKIE: &str = "kenmai_lang";
/// Which parts of the browser a page may use.
pub(in crate::http) const PERMISSIONS_POLICY: HeaderName =
    HeaderName::from_static("permissions-policy");

/// What a page's address can carry.
#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    lang: Option<String>,
    pub(super) before: Option<u64>,
    pub(super) show: Option<Filter>,
    pub(super) left: Option<String>,
    #[serde(rename = "for")]
    pub(super) link: Option<String>,
}

/// A visit to a page: about the ledger of its address, or about the first where it names none.
pub(in crate::http) struct Visit {
    pub(in crate::http) server: Arc<Server>,
    pub(in crate::http) ledger: Arc<Ledger>,
    pub(in crate::http) lang: Lang,
    pub(super) query: PageQuery,
    /// What the address carries beside the language.
    kept_query: String,
}

impl FromRequestParts<Arc<Server>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        let name = ledger_named(parts).await?;
        let query = page_query(parts).await?;
        let lang = language(&query, &parts.headers);
        let ledger = name.map_or(Ok(&server.first), |name| server.ledger(&name));
        let ledger = ledger.map_err(|problem| failed(server, lang, &problem))?;
        let (server, ledger) = (Arc::clone(server), Arc::clone(ledger));
        Ok(Self { server, ledger, lang, query, kept_query: kept_query(parts.uri.query()) })
    }
}

/// A visit to a ledger's front: an unknown name is there an address like any other unknown one.
pub(super) struct FrontVisit(pub(super) Visit);

impl FromRequestParts<Arc<Server>> for FrontVisit {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        let name = ledger_named(parts).await?;
        page_query(parts).await?;
        if name.is_some_and(|name| server.ledger(&name).is_err()) {
            let form = RefusalForm::of(&parts.uri, &parts.headers);
            return Err(refused(server, form, &Problem::not_found()));
        }
        Visit::from_request_parts(parts, server).await.map(Self)
    }
}

impl FromRequestParts<Arc<Server>> for Lang {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        let query = page_query(parts).await?;
        Ok(language(&query, &parts.headers))
    }
}

/// In which form a refusal is told, by what can be read of any request.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum RefusalForm {
    /// A page, for a person who reads this language.
    Page(Lang),
    /// A problem, for a program.
    Problem,
}

impl RefusalForm {
    pub(in crate::http) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        if !accepts.is_some_and(|types| types.contains("text/html")) {
            return Self::Problem;
        }
        let mut pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
        let asked = pairs.find_map(|pair| pair.strip_prefix("lang=")).and_then(Lang::from_tag);
        Self::Page(asked.unwrap_or_else(|| kept_language(headers)))
    }
}

impl FromRequestParts<Arc<Server>> for RefusalForm {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

async fn ledger_named(parts: &mut Parts) -> Result<Option<String>, Response> {
    let path = Path::<HashMap<String, String>>::from_request_parts(parts, &()).await;
    let Path(mut path) = path.map_err(IntoResponse::into_response)?;
    Ok(path.remove("ledger"))
}

async fn page_query(parts: &mut Parts) -> Result<PageQuery, Response> {
    let query = Query::from_request_parts(parts, &()).await;
    let Query(query) = query.map_err(IntoResponse::into_response)?;
    Ok(query)
}

/// The language: asked for in the address, then kept in a cookie, then Japanese.
fn language(query: &PageQuery, headers: &HeaderMap) -> Lang {
    query.lang.as_deref().and_then(Lang::from_tag).unwrap_or_else(|| kept_language(headers))
}

/// The language that a cookie keeps, or Japanese.
pub(super) fn kept_language(headers: &HeaderMap) -> Lang {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    let mut pairs = cookies
        .iter()
        .flat_map(|cookies| cookies.split(';').filter_map(|pair| pair.trim().split_once('=')));
    let kept = pairs.find(|(name, _)| *name == LANGUAGE_COOKIE);
    kept.and_then(|(_, tag)| Lang::from_tag(tag)).unwrap_or(Lang::Ja)
}

fn kept_query(query: Option<&str>) -> String {
    let pairs = query.into_iter().flat_map(|query| query.split('&'));
    let kept = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    kept.collect::<Vec<_>>().join("&")
}

impl Visit {
    /// The ledger, as the pages show it.
    pub(in crate::http) fn site(&self) -> Site {
        site(&self.server, &self.ledger, self.lang)
    }

    /// The same for a page that depends on its address: the language switch keeps that.
    pub(super) fn site_here(&self) -> Site {
        Site { query: self.kept_query.clone(), ..self.site() }
    }

    /// Every ledger of the server.
    pub(super) fn all_sites(&self) -> Vec<Site> {
        sites(&self.server, self.lang)
    }

    /// The page; a language that was asked for is kept.
    pub(in crate::http) fn html(&self, markup: String) -> Response {
        let mut response = html(markup);
        if let Some(lang) = self.query.lang.as_deref().and_then(Lang::from_tag) {
            let cookie =
                format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.tag());
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
        }
        response
    }

    /// A problem as a page.
    pub(in crate::http) fn failed(&self, problem: &Problem) -> Response {
        failed(&self.server, self.lang, problem)
    }
}

fn html(markup: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup).into_response()
}

/// A ledger, as the pages show it.
pub(super) fn site(server: &Server, ledger: &Ledger, lang: Lang) -> Site {
    let programme = ledger
        .engine
        .state()
        .ok()
        .and_then(|state| Overlay::over(&state).programme_for(server.today()).cloned());
    let name = programme.map(|programme| match lang {
        Lang::Ja => programme.name.clone(),
        Lang::En => programme.name_en.clone(),
    });
    Site {
        ledger: ledger.name.clone(),
        name: name.unwrap_or_else(|| ledger.name.clone()),
        origin: ledger.engine.verifier().name().to_owned(),
        demo: ledger.is_demo,
        query: String::new(),
    }
}

/// Every ledger, as the pages show it.
pub(super) fn sites(server: &Server, lang: Lang) -> Vec<Site> {
    server.ledgers.values().map(|ledger| site(server, ledger, lang)).collect()
}

/// A problem as a page.
pub(super) fn failed(server: &Server, lang: Lang, problem: &Problem) -> Response {
    let title = problem.kind.title(lang);
    let site = site(server, &server.first, lang);
    let next = t(lang, "error-page-next");
    let page = error::page(lang, &error::ErrorPage { site, title, next });
    let status = StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::NOT_FOUND);
    (status, html(page.into_string())).into_response()
}

/// A refusal by what the client reads: a problem for programs, a page for people.
pub(in crate::http) fn refused(server: &Server, form: RefusalForm, problem: &Problem) -> Response {
    match form {
        RefusalForm::Page(lang) => failed(server, lang, problem),
        RefusalForm::Problem => problem.clone().into_response(),
    }
}

/// A page that may use the camera.
pub(super) fn scanning(mut page: Response) -> Response {
    let allowed = HeaderValue::from_static(CAMERA_ALLOWED);
    page.headers_mut().insert(PERMISSIONS_POLICY, allowed);
    page
}

/// A page that may start the worker.
pub(super) fn with_worker(mut page: Response) -> Response {
    let policy = HeaderValue::from_static(WORKER_POLICY);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page
}
