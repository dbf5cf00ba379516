//! Open data on participation, for programs and for Prometheus, and its words.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_spec::caps::Channel;
use ledger_spec::points::Fund;
use ledger_spec::time::Day;

use super::problem::Problem;
use super::server::{App, Ledger, Server};
use crate::engine::EngineError;
use crate::pages::Lang;
use crate::pages::messages::{t, t_args};
use crate::pages::participation::{Figure, Table};
use crate::query::participation::suppress::{Band, Cell};
use crate::query::participation::{Month, Release, Row, Sum, release};

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

/// The names of the groups, by code, in the latest rules that have them.
pub(super) fn names(ledger: &Ledger, lang: Lang) -> Result<Vec<(String, String)>, Problem> {
    let state = ledger.engine.state()?;
    let rules = state.programmes.values().rev().flat_map(|programme| &programme.rules);
    let name = |rule: &ledger_spec::programme::Rule| match lang {
        Lang::Ja => rule.name.clone(),
        Lang::En => rule.name_en.clone(),
    };
    Ok(rules.map(|rule| (rule.action.clone(), name(rule))).collect())
}

/// A release in words.
pub(super) struct Words {
    pub(super) lang: Lang,
    pub(super) names: Vec<(String, String)>,
}

impl Words {
    fn group(&self, code: &str) -> String {
        let known = self.names.iter().find(|(known, _)| known == code);
        known.map_or_else(|| code.to_owned(), |(_, name)| name.clone())
    }

    fn fund(&self, fund: Fund) -> String {
        let lang = self.lang;
        match fund {
            Fund::General => t(lang, "part-fund-general"),
            Fund::Nhi => t(lang, "part-fund-nhi"),
            Fund::CareInsurance => t(lang, "part-fund-care"),
            Fund::Employer => t(lang, "part-fund-employer"),
            Fund::None => t(lang, "part-fund-none"),
        }
    }

    fn channel(&self, channel: Channel) -> String {
        let lang = self.lang;
        match channel {
            Channel::Phone => t(lang, "part-channel-phone"),
            Channel::Card => t(lang, "part-channel-card"),
            Channel::Kiosk => t(lang, "part-channel-kiosk"),
            Channel::Desk => t(lang, "part-channel-desk"),
        }
    }

    fn band(&self, band: Band) -> String {
        let lang = self.lang;
        match band {
            Band::Under18 => t(lang, "part-age-under18"),
            Band::Adult => t(lang, "part-age-adult"),
            Band::Under65 => t(lang, "part-age-under65"),
            Band::Senior => t(lang, "part-age-senior"),
        }
    }

    pub(super) fn headline(&self, release: &Release) -> Vec<(String, Figure)> {
        let lang = self.lang;
        let month = release.months.first();
        let week = release.weeks.first().map_or(Figure::Withheld, |week| figure(week.persons));
        let persons = month.map_or(Figure::Withheld, |month| figure(month.whole(0)));
        let measured =
            month.map(|month| month.stations.iter().map(|station| station.actions).sum());
        let measured =
            measured.filter(|sum: &u64| *sum > 0).map_or(Figure::Withheld, Figure::Number);
        // A sum over the funds only where each is shown: otherwise it would say more than they do.
        let sum = |of: &dyn Fn(&crate::query::participation::FundLine) -> Option<u64>| {
            let lines = month.map_or(&[][..], |month| &month.funds);
            let shown: Option<Vec<u64>> = lines.iter().map(of).collect();
            let shown = shown.filter(|shown| !shown.is_empty());
            shown.map_or(Figure::Withheld, |shown| Figure::Number(shown.into_iter().sum()))
        };
        vec![
            (t(lang, "part-head-week"), week),
            (t(lang, "part-head-month"), persons),
            (t(lang, "part-head-measured"), measured),
            (t(lang, "part-granted"), sum(&|line| line.granted.map(|sum| sum.points))),
            (t(lang, "part-redeemed"), sum(&|line| line.redeemed.map(|sum| sum.points))),
            (t(lang, "part-outstanding"), sum(&|line| line.outstanding.value())),
        ]
    }

    /// Every table, the weeks first.
    pub(super) fn tables(&self, release: &Release) -> Vec<Table> {
        let mut tables = vec![self.weeks(release)];
        if let Some(month) = release.months.first() {
            tables.extend([
                self.months(release),
                self.districts(month),
                self.ages(month),
                self.rates(month),
                self.channels(month),
                self.stations(month),
                self.funds(month),
            ]);
        }
        tables
    }

    fn table(&self, name: &'static str, (title, note): (String, String), period: String) -> Table {
        Table { name, title, note, period, heads: Vec::new(), rows: Vec::new(), heat: 0 }
    }

    fn weeks(&self, release: &Release) -> Table {
        let lang = self.lang;
        let period = release.weeks.first().map(|week| week.monday.to_string()).unwrap_or_default();
        let words = (t(lang, "part-weeks"), t(lang, "part-weeks-note"));
        Table {
            heads: vec![t(lang, "part-week"), t(lang, "part-persons")],
            rows: release
                .weeks
                .iter()
                .map(|week| (week.monday.to_string(), vec![figure(week.persons)]))
                .collect(),
            ..self.table("weeks", words, period)
        }
    }

    /// Persons of the last months, city-wide.
    fn months(&self, release: &Release) -> Table {
        let lang = self.lang;
        let groups: std::collections::BTreeSet<&String> =
            release.months.iter().flat_map(|month| &month.groups).collect();
        let cell = |month: &Month, group: &String| {
            let at = month.groups.iter().position(|known| known == group);
            at.map_or(Figure::Withheld, |at| figure(month.whole(at + 1)))
        };
        let row = |month: &Month| {
            let any = figure(month.whole(0));
            let cells = std::iter::once(any).chain(groups.iter().map(|group| cell(month, group)));
            (year_month(month.month), cells.collect())
        };
        let period =
            release.months.first().map(|month| year_month(month.month)).unwrap_or_default();
        let heads = [t(lang, "part-month"), t(lang, "part-any")].into_iter();
        Table {
            heads: heads.chain(groups.iter().map(|group| self.group(group))).collect(),
            rows: release.months.iter().map(row).collect(),
            ..self.table("months", (t(lang, "part-months"), t(lang, "part-months-note")), period)
        }
    }

    fn persons(&self, month: &Month, first: String) -> Vec<String> {
        let groups = month.groups.iter().map(|group| self.group(group));
        [first, t(self.lang, "part-any")].into_iter().chain(groups).collect()
    }

    fn district(&self, number: u32) -> String {
        t_args(self.lang, "part-district", &[("number", &number.to_string())])
    }

    fn districts(&self, month: &Month) -> Table {
        let lang = self.lang;
        let mut rows: Vec<_> =
            month.districts.iter().map(|row| (self.district(row.key), figures(row))).collect();
        if !rows.is_empty() {
            rows.push((t(lang, "part-total"), month.totals.iter().copied().map(figure).collect()));
        }
        let left: Vec<String> = month.left_out.iter().map(|group| self.group(group)).collect();
        let mut note = t(lang, "part-districts-note");
        if !left.is_empty() {
            note.push(' ');
            note += &t_args(lang, "part-left-out", &[("groups", &left.join(" / "))]);
        }
        Table {
            heads: self.persons(month, t(lang, "part-area")),
            rows,
            heat: month.districts.len(),
            ..self.table("districts", (t(lang, "part-districts"), note), year_month(month.month))
        }
    }

    fn ages(&self, month: &Month) -> Table {
        let lang = self.lang;
        let words = (t(lang, "part-ages"), t(lang, "part-ages-note"));
        Table {
            heads: self.persons(month, t(lang, "part-age")),
            rows: month.ages.iter().map(|row| (self.band(row.key), figures(row))).collect(),
            heat: month.ages.len(),
            ..self.table("ages", words, year_month(month.month))
        }
    }

    /// Participants for every 100 inhabitants, with one decimal.
    fn rates(&self, month: &Month) -> Table {
        let lang = self.lang;
        let rate = |per_mille: Option<u64>| match per_mille {
            Some(rate) => vec![Figure::Text(format!("{}.{}", rate / 10, rate % 10))],
            None => vec![Figure::Withheld],
        };
        let districts = month.districts.iter().map(|row| (self.district(row.key), row.per_mille));
        let ages = month.ages.iter().map(|row| (self.band(row.key), row.per_mille));
        let rows: Vec<_> = districts.chain(ages).collect();
        let known = rows.iter().any(|(_, rate)| rate.is_some());
        let words = (t(lang, "part-rates"), t(lang, "part-rates-note"));
        Table {
            heads: vec![t(lang, "part-area"), t(lang, "part-rate")],
            rows: rows
                .into_iter()
                .filter(|_| known)
                .map(|(name, per_mille)| (name, rate(per_mille)))
                .collect(),
            ..self.table("rates", words, year_month(month.month))
        }
    }

    fn channels(&self, month: &Month) -> Table {
        let lang = self.lang;
        let words = (t(lang, "part-channels"), t(lang, "part-channels-note"));
        let rows = month
            .channels
            .iter()
            .map(|(channel, share)| (self.channel(*channel), vec![figure(*share)]));
        Table {
            heads: vec![t(lang, "part-channel"), t(lang, "part-share")],
            rows: rows.collect(),
            ..self.table("channels", words, year_month(month.month))
        }
    }

    fn stations(&self, month: &Month) -> Table {
        let lang = self.lang;
        let words = (t(lang, "part-stations"), t(lang, "part-stations-note"));
        let rows = month
            .stations
            .iter()
            .map(|station| (station.name.clone(), vec![Figure::Number(station.actions)]));
        Table {
            heads: vec![t(lang, "part-station"), t(lang, "part-measured")],
            rows: rows.collect(),
            ..self.table("stations", words, year_month(month.month))
        }
    }

    fn funds(&self, month: &Month) -> Table {
        let lang = self.lang;
        let running = |sum: Option<Sum>| match sum {
            None => Figure::Small,
            Some(Sum { points, as_of }) if as_of == month.month => Figure::Number(points),
            Some(Sum { points, as_of }) => {
                let points = crate::pages::messages::number(points);
                let values = [("points", points.as_str()), ("month", &year_month(as_of))];
                Figure::Text(t_args(lang, "part-as-of", &values))
            }
        };
        let rows = month.funds.iter().map(|line| {
            (
                self.fund(line.fund),
                vec![running(line.granted), running(line.redeemed), figure(line.outstanding)],
            )
        });
        Table {
            heads: vec![
                t(lang, "part-fund"),
                t(lang, "part-granted"),
                t(lang, "part-redeemed"),
                t(lang, "part-outstanding"),
            ],
            rows: rows.collect(),
            ..self.table(
                "funds",
                (t(lang, "part-funds"), t(lang, "part-funds-note")),
                year_month(month.month),
            )
        }
    }
}

fn figure(cell: Cell) -> Figure {
    match cell {
        Cell::Shown(value) => Figure::Number(value),
        Cell::Small => Figure::Small,
        Cell::Withheld => Figure::Withheld,
    }
}

fn figures<K>(row: &Row<K>) -> Vec<Figure> {
    row.persons.iter().copied().map(figure).collect()
}

/// A month as `2026-10`.
fn year_month(month: Day) -> String {
    let (year, month, _) = month.ymd();
    format!("{year:04}-{month:02}")
}
