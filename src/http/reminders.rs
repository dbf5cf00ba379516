//! Reminders: the resident's calendar, the line on a station's screen, and what a messaging partner
//! may know.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use ledger_spec::ids::{AccountId, Hash, LinkId, Seq};
use ledger_spec::kinds::{Kind, Role};
use ledger_spec::points::Purse;
use ledger_spec::state::{Overlay, Signer};
use ledger_spec::time::Day;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::auth::SessionReader;
use super::problem::Problem;
use super::resident;
use super::server::App;
use crate::engine::{Engine, EngineError, statement_of};
use crate::pages::Lang;
use crate::pages::reminders::{Detail, sentence};
use crate::query::reminders::{self, About, Coming};
use crate::reports::calendar;

/// The most links that one answer looks through.
const LINKS_MAX: usize = 500;
/// A partner asks at most so many days ahead.
const DAYS_AHEAD_MAX: u32 = 7;

/// What lies ahead of one account.
pub(super) fn of_account(
    engine: &Engine,
    account: AccountId,
    today: Day,
) -> Result<Vec<Coming>, EngineError> {
    Ok(reminders::of_accounts(engine, &[account], today)?.pop().unwrap_or_default())
}

/// `GET /{ledger}/me/calendar.ics`: what lies ahead of the resident, for the own calendar. It is a
/// file to take away: an address to subscribe to would be a key to personal data that lies in the
/// calendar's settings.
pub(super) async fn calendar_file(
    State(server): App,
    reader: SessionReader,
) -> Result<Response, Problem> {
    let account = resident::account_of(&reader)?;
    let engine = &reader.ledger.engine;
    let today = server.today();
    let coming = of_account(engine, account, today)?;
    let events: Vec<calendar::CalendarEvent> = coming.iter().map(|c| event(c, account)).collect();
    let name = {
        let state = engine.state()?;
        let programme = Overlay::over(&state).programme_for(today).map(|p| p.name.clone());
        programme.unwrap_or_else(|| reader.ledger.name.clone())
    };
    let file = format!("attachment; filename=\"{}.ics\"", reader.ledger.name);
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, calendar::file(&name, server.now_s(), &events)).into_response())
}

fn event(coming: &Coming, account: AccountId) -> calendar::CalendarEvent {
    let [ja, en] = Lang::ALL.map(|lang| sentence(lang, coming, Detail::Full));
    // What counts again does so later after the next time: the later file moves it.
    let (what, start_s) = match &coming.about {
        About::Expiry(purse, ..) => (format!("expiry {purse:?} {}", coming.on), None),
        About::CountsAgain([name, _]) => (format!("again {name}"), None),
        About::Appointment(_, start_s) => {
            (format!("appointment {} {start_s:?} {ja}", coming.on), *start_s)
        }
    };
    let hash = Sha256::new().chain_update(b"kenmai/v1/calendar").chain_update(account.0);
    let id: Hash = hash.chain_update(what).finalize().into();
    calendar::CalendarEvent {
        uid: format!("{}@kenmai", HEXLOWER.encode(&id)),
        on: coming.on,
        start_s,
        description: format!("{ja}\n{en}"),
        summary: ja,
        alarm_days: coming.about.days_before(),
    }
}

/// What a shared screen may say to whoever was just measured.
#[derive(Serialize, ToSchema)]
pub(super) struct Next {
    /// The last day of the points that expire first; how many they are is not told.
    #[schema(value_type = Option<String>, format = Date)]
    expires_on: Option<Day>,
    /// The next day on which a measurement counts again.
    #[schema(value_type = Option<String>, format = Date)]
    counts_on: Option<Day>,
    /// Its name in Japanese.
    name: Option<String>,
    /// Its name in English.
    name_en: Option<String>,
}

/// Tells a station or kiosk, on the day of an action that it recorded, what the person may look
/// forward to.
#[utoipa::path(
    get, path = "/v1/{ledger}/entries/{seq}/next", tag = "shop", responses((status = OK, body = Next))
)]
pub(super) async fn next(
    State(server): App,
    reader: SessionReader,
    Path((_, seq)): Path<(String, u64)>,
) -> Result<Json<Next>, Problem> {
    match &reader.signer {
        Signer::Actor(actor) if matches!(actor.role, Role::Station | Role::Kiosk) => {}
        Signer::Actor(_) | Signer::Device(_) => return Err(Problem::role_not_permitted()),
    }
    let (engine, today) = (&reader.ledger.engine, server.today());
    let own = match engine.entry(Seq(seq))? {
        Some((_, entry)) if entry.accepted_day() == today => {
            let statement = statement_of(&entry)?;
            let is_own = statement.kid == reader.kid && statement.core.body.kind() == Kind::Action;
            is_own.then_some(entry)
        }
        Some(_) | None => None,
    };
    // Whether another's entry exists is nobody's business.
    let link = own.and_then(|accounting| accounting.subject).ok_or(Problem::entry_unknown())?;
    let coming = of_account(engine, link.account, today)?;
    let mut next = Next { expires_on: None, counts_on: None, name: None, name_en: None };
    for Coming { on, about } in coming.into_iter().rev() {
        match about {
            About::Expiry(Purse::Yen, ..) => next.expires_on = Some(on),
            About::CountsAgain([name, name_en]) => {
                next =
                    Next { counts_on: Some(on), name: Some(name), name_en: Some(name_en), ..next };
            }
            About::Expiry(Purse::Challenge, ..) | About::Appointment(..) => {}
        }
    }
    Ok(Json(next))
}

/// Which reminders.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReminderQuery {
    /// Those of this day: today unless named, at most seven days ahead.
    #[param(value_type = Option<String>, format = Date)]
    day: Option<String>,
    /// Of links behind this one: what the page before named.
    #[param(pattern = "^[0-9a-f]{32}$")]
    after: Option<String>,
}

/// What a resident is to be told on a day, under the number that the partner knows.
#[derive(Serialize, ToSchema)]
pub(super) struct Reminder {
    /// The link by which the resident lets the partner know.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    link: String,
    /// `expiry`, `counts_again` or `appointment`.
    #[schema(example = "expiry")]
    about: &'static str,
    /// The day that it is about.
    #[schema(value_type = String, format = Date)]
    on: Day,
    /// How many days are left.
    days_before: u32,
    /// What to say, in Japanese.
    text: String,
    /// The same in English.
    text_en: String,
}

/// The reminders of a day.
#[derive(Serialize, ToSchema)]
pub(super) struct Reminders {
    /// The day.
    #[schema(value_type = String, format = Date)]
    day: Day,
    /// The reminders, by link.
    reminders: Vec<Reminder>,
    /// Ask again with this as `after` to read on.
    next_after: Option<String>,
}

/// Tells a partner what the residents who let it know are to be reminded of on a day: no balance,
/// no points, no time, and of a sensitive appointment the group's name alone.
#[utoipa::path(
    get, path = "/v1/{ledger}/reminders", tag = "partner", params(ReminderQuery),
    responses((status = OK, body = Reminders))
)]
pub(super) async fn feed(
    State(server): App,
    reader: SessionReader,
    query: Result<Query<ReminderQuery>, QueryRejection>,
) -> Result<Json<Reminders>, Problem> {
    let Query(ReminderQuery { day, after }) = query.map_err(|_| Problem::malformed_request())?;
    match &reader.signer {
        Signer::Actor(actor) if actor.role == Role::Partner => {}
        Signer::Actor(_) | Signer::Device(_) => return Err(Problem::role_not_permitted()),
    }
    let today = server.today();
    let day = day.map_or(Some(today), |text| Day::parse(&text));
    let day = day.filter(|day| (today..=today.plus(DAYS_AHEAD_MAX)).contains(day));
    let day = day.ok_or(Problem::malformed_request())?;
    let after = after.map(|text| LinkId::from_hex(&text).ok_or(Problem::malformed_request()));
    let after = after.transpose()?;
    let (ledger, kid) = (Arc::clone(&reader.ledger), reader.kid);
    // Hundreds of accounts are read: not on a thread that answers others.
    let read = tokio::task::spawn_blocking(move || {
        let links = {
            let state = ledger.engine.state()?;
            reminders::links_of(&state, kid, after, today, LINKS_MAX)
        };
        let accounts: Vec<AccountId> = links.iter().map(|(_, account)| *account).collect();
        let coming = reminders::of_accounts(&ledger.engine, &accounts, today)?;
        Ok::<_, EngineError>((links, coming))
    });
    let (links, coming) = read.await.map_err(|_| Problem::internal())??;
    let next_after = links.last().filter(|_| links.len() == LINKS_MAX);
    let next_after = next_after.map(|(link, _)| link.to_string());
    let of_links = links.iter().zip(&coming).flat_map(|((link, _), coming)| {
        coming.iter().filter_map(|coming| reminder(*link, coming, day))
    });
    Ok(Json(Reminders { day, reminders: of_links.collect(), next_after }))
}

fn reminder(link: LinkId, coming: &Coming, day: Day) -> Option<Reminder> {
    let days_before = coming.due(day)?;
    let [text, text_en] = Lang::ALL.map(|lang| sentence(lang, coming, Detail::Day));
    let about = match coming.about {
        About::Expiry(..) => "expiry",
        About::CountsAgain(_) => "counts_again",
        About::Appointment(..) => "appointment",
    };
    Some(Reminder { link: link.to_string(), about, on: coming.on, days_before, text, text_en })
}
