//! The analyst's page: released figures as tables, each also a file. Everything on it is open data.
//!
//! The tables come in as words and figures; the same [`Table`] becomes HTML here and CSV in
//! [`csv`].

use maud::{Markup, html};

use super::messages::{number, t, t_args};
use super::{Frame, Lang, Site, layout};

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
pub struct Table {
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
    /// The few figures at the top, each with its name.
    pub headline: Vec<(String, Figure)>,
    /// The weeks, the latest first.
    pub weeks: Table,
    /// The other tables.
    pub tables: Vec<Table>,
}

/// The page at `/{ledger}/participation`.
#[must_use]
pub fn page(lang: Lang, data: &Participation) -> Markup {
    let title = t(lang, "part-title");
    let ledger = &data.site.ledger;
    let body = html! {
        h1 { (title) }
        p.note { (t(lang, "part-about")) }
        p.note { (t(lang, "part-hidden")) }
        @if data.weeks.rows.is_empty() { p.notice { (t(lang, "part-none")) } } @else {
            dl.figures {
                @for (name, figure) in &data.headline {
                    div { dt { (name) } dd { (text(lang, figure)) } }
                }
            }
            div {
                h2 #weeks { (data.weeks.title) }
                p { (data.weeks.note) }
                (trend(lang, &data.weeks))
                details {
                    summary { (t(lang, "part-numbers")) }
                    (table(lang, &data.weeks))
                }
                (file(lang, ledger, &data.weeks))
            }
            @for one in &data.tables {
                div {
                    h2 id=(one.name) { (one.title) " " small { (one.period) } }
                    p { (one.note) }
                    @if one.rows.is_empty() { p.notice { (t(lang, "part-empty")) } } @else {
                        (table(lang, one))
                        (file(lang, ledger, one))
                    }
                }
            }
        }
        p { a href="/for/city" { (t(lang, "part-days")) } }
    };
    layout(&Frame { lang, site: &data.site, title: &title, script: None, texts: &[] }, &body)
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

fn table(lang: Lang, table: &Table) -> Markup {
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
                                td class=(class(table, (row, at), figure)) aria-label=[label(lang, figure)] { (text(lang, figure)) }
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
fn class(table: &Table, (row, column): (usize, usize), figure: &Figure) -> String {
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

fn file(lang: Lang, ledger: &str, table: &Table) -> Markup {
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
fn trend(lang: Lang, weeks: &Table) -> Markup {
    let values: Vec<(&str, Option<u64>)> = weeks
        .rows
        .iter()
        .rev()
        .map(|(name, figures)| match figures.first() {
            Some(Figure::Number(value)) => (name.as_str(), Some(*value)),
            _ => (name.as_str(), None),
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
pub fn csv(table: &Table) -> String {
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
    use crate::pages::tests::{check_page, site};

    fn data() -> Participation {
        let table = |name, heat| Table {
            name,
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
            heat,
        };
        let headline = vec![("人".into(), Figure::Number(1_200))];
        Participation {
            site: site(),
            headline,
            weeks: table("weeks", 0),
            tables: vec![table("districts", 4)],
        }
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
        let empty = Table { rows: vec![], ..data().weeks };
        let page = page(Lang::Ja, &Participation { weeks: empty, tables: vec![], ..data() }).0;
        assert!(page.contains("まだ") && !page.contains("<table"));
    }

    #[test]
    fn a_file_holds_no_formula() {
        assert_eq!(
            csv(&data().weeks),
            "\u{feff}地区,人\r\n\"'=1+1\",1200\r\n二,<10\r\n三,hidden\r\n\"四 \"\"四\"\"\",150\r\n"
        );
    }
}
