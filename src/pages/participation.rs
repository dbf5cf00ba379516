//! The analyst's page: released figures as tables, each also a file. Everything on it is open data.
//!
//! [`Words`] makes the tables of a release; the same [`FigureTable`] becomes HTML in [`page`] and
//! CSV in [`csv`].

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_spec::caps::Channel;
use ledger_spec::points::Fund;
use ledger_spec::time::Day;
use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout};
use super::lang::Lang;
use super::messages::{number, t, t_args};
use crate::query::participation::suppress::{Band, Cell};
use crate::query::participation::{FigureRow, FundLine, GroupName, MonthFigures, Release, Sum};

/// A figure as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// A whole number.
    Number(u64),
    /// A number in another form, such as `12.5`.
    Text(String),
    /// Hidden: fewer than 10 persons.
    Small,
    /// Hidden: a small figure would follow from it.
    Withheld,
}

/// One table.
#[derive(Clone, Debug)]
pub struct FigureTable {
    /// Its name in addresses.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// What it shows, in a sentence or two.
    pub note: String,
    /// The period, as in `2026-10`.
    pub period: String,
    /// The head: of the rows' names, then of each figure.
    pub heads: Vec<String>,
    /// The rows.
    pub rows: Vec<(String, Vec<Figure>)>,
    /// In so many rows, from the first on, larger figures have a darker ground.
    pub heat: usize,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Participation {
    /// The ledger of the page.
    pub site: Site,
    /// The figures.
    pub release: Arc<Release>,
    /// What the groups are called.
    pub groups: Vec<GroupName>,
}

/// The page at `/{ledger}/participation`.
#[must_use]
pub fn page(lang: Lang, data: &Participation) -> Markup {
    let title = t(lang, "part-title");
    let words = Words { lang, groups: &data.groups };
    let body = html! {
        h1 { (title) }
        p.note { (t(lang, "part-about")) }
        p.note { (t(lang, "part-hidden")) }
        @if data.release.weeks.is_empty() { p.notice { (t(lang, "part-none")) } } @else {
            dl.figures {
                @for (name, figure) in &words.headline(&data.release) {
                    div { dt { (name) } dd { (text(lang, figure)) } }
                }
            }
            @for (at, table) in words.tables(&data.release).iter().enumerate() {
                (section(lang, &data.site.ledger, table, at == 0))
            }
        }
        p { a href="/for/city" { (t(lang, "part-days")) } }
    };
    layout(&PageFrame { lang, site: &data.site, title: &title, script: None, texts: &[] }, &body)
}

/// A table with what it shows and its file; the weeks also as a drawing, with the numbers behind.
fn section(lang: Lang, ledger: &str, one: &FigureTable, is_trend: bool) -> Markup {
    html! {
        div {
            h2 id=(one.name) { (one.title) @if !is_trend { " " small { (one.period) } } }
            p { (one.note) }
            @if is_trend {
                (trend(lang, one))
                details {
                    summary { (t(lang, "part-numbers")) }
                    (table(lang, one))
                }
                (file(lang, ledger, one))
            } @else if one.rows.is_empty() { p.notice { (t(lang, "part-empty")) } } @else {
                (table(lang, one))
                (file(lang, ledger, one))
            }
        }
    }
}

/// A release in words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The language.
    pub lang: Lang,
    /// What the groups are called.
    pub groups: &'a [GroupName],
}

impl Words<'_> {
    fn group(&self, code: &str) -> String {
        let known = self.groups.iter().find(|known| known.code == code);
        known.map_or(code, |known| self.lang.pick(&known.name, &known.name_en)).to_owned()
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

    fn headline(&self, release: &Release) -> Vec<(String, Figure)> {
        let lang = self.lang;
        let month = release.months.first();
        let week = release.weeks.first().map_or(Figure::Withheld, |week| figure(week.persons));
        let persons = month.map_or(Figure::Withheld, |month| figure(month.whole(0)));
        let measured =
            month.map(|month| month.stations.iter().map(|station| station.actions).sum());
        let measured =
            measured.filter(|sum: &u64| *sum > 0).map_or(Figure::Withheld, Figure::Number);
        // A sum over the funds only where each is shown: otherwise it would say more than they do.
        let sum = |of: &dyn Fn(&FundLine) -> Option<u64>| {
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
    #[must_use]
    pub fn tables(&self, release: &Release) -> Vec<FigureTable> {
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

    fn table(name: &'static str, title: String, note: String, period: String) -> FigureTable {
        FigureTable { name, title, note, period, heads: Vec::new(), rows: Vec::new(), heat: 0 }
    }

    fn weeks(&self, release: &Release) -> FigureTable {
        let lang = self.lang;
        let period = release.weeks.first().map(|week| week.monday.to_string()).unwrap_or_default();
        let (title, note) = (t(lang, "part-weeks"), t(lang, "part-weeks-note"));
        FigureTable {
            heads: vec![t(lang, "part-week"), t(lang, "part-persons")],
            rows: release
                .weeks
                .iter()
                .map(|week| (week.monday.to_string(), vec![figure(week.persons)]))
                .collect(),
            ..Self::table("weeks", title, note, period)
        }
    }

    /// Persons of the last months, city-wide.
    fn months(&self, release: &Release) -> FigureTable {
        let lang = self.lang;
        let groups: BTreeSet<&String> =
            release.months.iter().flat_map(|month| &month.groups).collect();
        let cell = |month: &MonthFigures, group: &String| {
            let at = month.groups.iter().position(|known| known == group);
            at.map_or(Figure::Withheld, |at| figure(month.whole(at + 1)))
        };
        let row = |month: &MonthFigures| {
            let any = figure(month.whole(0));
            let cells = std::iter::once(any).chain(groups.iter().map(|group| cell(month, group)));
            (year_month(month.month), cells.collect())
        };
        let period =
            release.months.first().map(|month| year_month(month.month)).unwrap_or_default();
        let heads = [t(lang, "part-month"), t(lang, "part-any")].into_iter();
        FigureTable {
            heads: heads.chain(groups.iter().map(|group| self.group(group))).collect(),
            rows: release.months.iter().map(row).collect(),
            ..Self::table("months", t(lang, "part-months"), t(lang, "part-months-note"), period)
        }
    }

    fn persons(&self, month: &MonthFigures, first: String) -> Vec<String> {
        let groups = month.groups.iter().map(|group| self.group(group));
        [first, t(self.lang, "part-any")].into_iter().chain(groups).collect()
    }

    fn district(&self, number: u32) -> String {
        t_args(self.lang, "part-district", &[("number", &number.to_string())])
    }

    fn districts(&self, month: &MonthFigures) -> FigureTable {
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
        FigureTable {
            heads: self.persons(month, t(lang, "part-area")),
            rows,
            heat: month.districts.len(),
            ..Self::table("districts", t(lang, "part-districts"), note, year_month(month.month))
        }
    }

    fn ages(&self, month: &MonthFigures) -> FigureTable {
        let lang = self.lang;
        let (title, note) = (t(lang, "part-ages"), t(lang, "part-ages-note"));
        FigureTable {
            heads: self.persons(month, t(lang, "part-age")),
            rows: month.ages.iter().map(|row| (self.band(row.key), figures(row))).collect(),
            heat: month.ages.len(),
            ..Self::table("ages", title, note, year_month(month.month))
        }
    }

    /// Participants for every 100 inhabitants, with one decimal.
    fn rates(&self, month: &MonthFigures) -> FigureTable {
        let lang = self.lang;
        let rate = |per_mille: Option<u64>| match per_mille {
            Some(rate) => vec![Figure::Text(format!("{}.{}", rate / 10, rate % 10))],
            None => vec![Figure::Withheld],
        };
        let districts = month.districts.iter().map(|row| (self.district(row.key), row.per_mille));
        let ages = month.ages.iter().map(|row| (self.band(row.key), row.per_mille));
        let rows: Vec<_> = districts.chain(ages).collect();
        let known = rows.iter().any(|(_, rate)| rate.is_some());
        let (title, note) = (t(lang, "part-rates"), t(lang, "part-rates-note"));
        FigureTable {
            heads: vec![t(lang, "part-area"), t(lang, "part-rate")],
            rows: rows
                .into_iter()
                .filter(|_| known)
                .map(|(name, per_mille)| (name, rate(per_mille)))
                .collect(),
            ..Self::table("rates", title, note, year_month(month.month))
        }
    }

    fn channels(&self, month: &MonthFigures) -> FigureTable {
        let lang = self.lang;
        let (title, note) = (t(lang, "part-channels"), t(lang, "part-channels-note"));
        let rows = month
            .channels
            .iter()
            .map(|(channel, share)| (self.channel(*channel), vec![figure(*share)]));
        FigureTable {
            heads: vec![t(lang, "part-channel"), t(lang, "part-share")],
            rows: rows.collect(),
            ..Self::table("channels", title, note, year_month(month.month))
        }
    }

    fn stations(&self, month: &MonthFigures) -> FigureTable {
        let lang = self.lang;
        let (title, note) = (t(lang, "part-stations"), t(lang, "part-stations-note"));
        let rows = month
            .stations
            .iter()
            .map(|station| (station.name.clone(), vec![Figure::Number(station.actions)]));
        FigureTable {
            heads: vec![t(lang, "part-station"), t(lang, "part-measured")],
            rows: rows.collect(),
            ..Self::table("stations", title, note, year_month(month.month))
        }
    }

    fn funds(&self, month: &MonthFigures) -> FigureTable {
        let lang = self.lang;
        let running = |sum: Option<Sum>| match sum {
            None => Figure::Small,
            Some(Sum { points, as_of }) if as_of == month.month => Figure::Number(points),
            Some(Sum { points, as_of }) => {
                let points = number(points);
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
        FigureTable {
            heads: vec![
                t(lang, "part-fund"),
                t(lang, "part-granted"),
                t(lang, "part-redeemed"),
                t(lang, "part-outstanding"),
            ],
            rows: rows.collect(),
            ..Self::table(
                "funds",
                t(lang, "part-funds"),
                t(lang, "part-funds-note"),
                year_month(month.month),
            )
        }
    }
}

fn figure(cell: Cell) -> Figure {
    match cell {
        Cell::Shown(value) => Figure::Number(value.get()),
        Cell::Small => Figure::Small,
        Cell::Withheld => Figure::Withheld,
    }
}

fn figures<K>(row: &FigureRow<K>) -> Vec<Figure> {
    row.persons.iter().copied().map(figure).collect()
}

/// A month as `2026-10`.
fn year_month(month: Day) -> String {
    let (year, month, _) = month.ymd();
    format!("{year:04}-{month:02}")
}

/// A figure as words.
fn text(lang: Lang, figure: &Figure) -> String {
    match figure {
        Figure::Number(value) => number(*value),
        Figure::Text(text) => text.clone(),
        Figure::Small => "<10".to_owned(),
        Figure::Withheld => t(lang, "part-withheld"),
    }
}

/// What a hidden figure says to a screen reader.
fn label(lang: Lang, figure: &Figure) -> Option<String> {
    match figure {
        Figure::Small => Some(t(lang, "part-small-label")),
        Figure::Withheld => Some(t(lang, "part-withheld-label")),
        Figure::Number(_) | Figure::Text(_) => None,
    }
}

fn table(lang: Lang, table: &FigureTable) -> Markup {
    let id = format!("{}-table", table.name);
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby=(table.name) {
            table.heat[table.heat > 0] id=(id) {
                thead { tr { @for (at, head) in table.heads.iter().enumerate() { th.points[at > 0] scope="col" { (head) } } } }
                tbody {
                    @for (row, (name, figures)) in table.rows.iter().enumerate() {
                        tr {
                            th scope="row" { (name) }
                            @for (at, figure) in figures.iter().enumerate() {
                                td class=(class(table, row, at, figure)) aria-label=[label(lang, figure)] { (text(lang, figure)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The ground of a cell: where it lies between the column's smallest and largest figure, in
/// eighths, or hatched.
fn class(table: &FigureTable, row: usize, column: usize, figure: &Figure) -> String {
    let value = match figure {
        Figure::Small | Figure::Withheld => return "points hatched".to_owned(),
        Figure::Number(value) if row < table.heat => *value,
        Figure::Number(_) | Figure::Text(_) => return "points".to_owned(),
    };
    let cells = table.rows.iter().take(table.heat).filter_map(|(_, figures)| figures.get(column));
    let number =
        |figure: &Figure| if let Figure::Number(value) = figure { Some(*value) } else { None };
    let numbers: Vec<u64> = cells.filter_map(number).collect();
    let least = numbers.iter().min().copied().unwrap_or(0);
    let range = numbers.iter().max().map_or(1, |most| (most - least).max(1));
    format!("points h{}", 1 + (value - least) * 7 / range)
}

fn file(lang: Lang, ledger: &str, table: &FigureTable) -> Markup {
    html! {
        p.file {
            a href={ "/" (ledger) "/participation/" (table.name) ".csv" } download { (t_args(lang, "part-csv", &[("table", &table.title)])) }
        }
    }
}

/// The height of the drawing's highest bar.
const BAR_MAX: u64 = 160;
/// From one bar to the next.
const BAR_STEP: usize = 24;

/// The weeks as bars, the latest on the right. A hidden week is a hatched stump.
fn trend(lang: Lang, weeks: &FigureTable) -> Markup {
    let values: Vec<(&str, Option<u64>)> = weeks
        .rows
        .iter()
        .rev()
        .map(|(name, figures)| match figures.first() {
            Some(Figure::Number(value)) => (name.as_str(), Some(*value)),
            Some(Figure::Text(_) | Figure::Small | Figure::Withheld) | None => {
                (name.as_str(), None)
            }
        })
        .collect();
    let most = values.iter().filter_map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let width = values.len().max(1) * BAR_STEP;
    let name =
        |at: Option<&(&str, Option<u64>)>| at.map_or(String::new(), |(name, _)| (*name).to_owned());
    let told =
        [("first", name(values.first())), ("last", name(values.last())), ("most", number(most))];
    let told: Vec<(&str, &str)> = told.iter().map(|(key, value)| (*key, value.as_str())).collect();
    html! {
        figure.trend {
            svg viewBox={ "0 0 " (width) " 190" } role="img" aria-labelledby="trend-title trend-desc" preserveAspectRatio="none" {
                title #trend-title { (weeks.title) }
                desc #trend-desc { (t_args(lang, "part-trend", &told)) }
                @for (at, (_, value)) in values.iter().enumerate() {
                    @let height = value.map_or(8, |value| value * BAR_MAX / most);
                    rect.unknown[value.is_none()] x=(at * BAR_STEP + 3) width=(BAR_STEP - 6) y=(180 - height) height=(height) {}
                }
                line x1="0" y1="180" x2=(width) y2="180" {}
            }
            figcaption { (t_args(lang, "part-trend", &told)) }
        }
    }
}

/// A table as a file for spreadsheets.
#[must_use]
pub fn csv(table: &FigureTable) -> String {
    let mut file = crate::csv::Table::default();
    file.line(&table.heads);
    for (name, figures) in &table.rows {
        let figures = figures.iter().map(|figure| match figure {
            Figure::Number(value) => value.to_string(),
            Figure::Text(text) => text.clone(),
            Figure::Small => "<10".to_owned(),
            Figure::Withheld => "hidden".to_owned(),
        });
        file.line(&std::iter::once(name.clone()).chain(figures).collect::<Vec<_>>());
    }
    file.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};
    use crate::query::participation::Week;

    fn row(key: u32, any: Cell) -> FigureRow<u32> {
        FigureRow { key, persons: vec![any], per_mille: None }
    }

    fn data() -> Participation {
        let monday = Day::parse("2026-10-26").unwrap();
        let month = MonthFigures {
            month: Day::parse("2026-10-01").unwrap(),
            groups: vec![],
            left_out: vec![],
            districts: vec![
                row(1, Cell::of(1_200, 10)),
                row(2, Cell::Small),
                row(3, Cell::Withheld),
                row(4, Cell::of(150, 10)),
            ],
            totals: vec![Cell::Small],
            ages: vec![],
            channels: vec![],
            stations: vec![],
            funds: vec![],
        };
        let weeks = vec![Week { monday, persons: Cell::of(1_200, 10) }];
        let release = Arc::new(Release { weeks, months: vec![month] });
        Participation { site: site(), release, groups: vec![] }
    }

    #[test]
    fn hidden_figures_are_hatched_and_named() {
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &data()));
        }
        let page = page(Lang::Ja, &data()).0;
        assert_eq!(page.matches("aria-label=\"10人未満のため非表示\">&lt;10</td>").count(), 2);
        assert!(page.contains("points h8\">1,200<") && page.contains("points h1\">150<"));
        assert!(page.contains("href=\"/yaizu-demo/participation/districts.csv\""));
    }

    #[test]
    fn before_the_first_week_there_is_no_table() {
        let empty = Participation { release: Arc::default(), ..data() };
        let page = page(Lang::Ja, &empty).0;
        assert!(page.contains("まだ") && !page.contains("<table"));
    }

    #[test]
    fn a_file_holds_no_formula() {
        let table = FigureTable {
            name: "weeks",
            title: "表".into(),
            note: "説明".into(),
            period: "2026-10".into(),
            heads: vec!["地区".into(), "人".into()],
            rows: vec![
                ("=1+1".into(), vec![Figure::Number(1_200)]),
                ("二".into(), vec![Figure::Small]),
                ("三".into(), vec![Figure::Withheld]),
                ("四 \"四\"".into(), vec![Figure::Number(150)]),
            ],
            heat: 0,
        };
        assert_eq!(
            csv(&table),
            "\u{feff}地区,人\r\n\"'=1+1\",1200\r\n二,<10\r\n三,hidden\r\n\"四 \"\"四\"\"\",150\r\n"
        );
    }
}
