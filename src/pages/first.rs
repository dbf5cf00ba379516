//! The first page: what this is, the promise, the figures of the fiscal year, one big button and
//! six doors.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout};
use super::lang::Lang;
use super::messages::{number, t, t_args};
use crate::query::Figures;

/// What the first page shows.
#[derive(Clone, Debug)]
pub struct First {
    /// The ledger of the page.
    pub site: Site,
    /// The address of its tour.
    pub tour: String,
    /// The front pages of the other ledgers: address and programme.
    pub others: Vec<(String, String)>,
    /// Its figures.
    pub figures: Figures,
    /// Seconds since the newest record.
    pub age_s: u64,
}

const TEXTS: [&str; 4] =
    ["first-head-pass", "first-head-fail", "first-head-shrunk", "first-head-changed"];

/// The page at `/`, and at `/{ledger}` for each ledger.
#[must_use]
pub fn page(lang: Lang, data: &First) -> Markup {
    let title = t(lang, "first-title");
    let records = t_args(lang, "first-records", &[("count", &number(data.figures.entries))]);
    let body = html! {
        div.hero {
            h1 { (title) }
            p.promise { (t(lang, "first-promise")) }
            @if data.site.demo {
                p { a.button.large href=(data.tour) { (t(lang, "first-start")) } }
                p.note { (t(lang, "first-start-note")) }
            }
            p.records {
                strong #records aria-live="polite" { (records) }
                " " a href="/verify" { (t(lang, "first-verify")) }
                @if data.figures.entries > 0 { br; small #newest { (age(lang, data.age_s)) } }
            }
        }
        (figures(lang, &data.figures))
        (doors(lang, &data.site.ledger))
        (others(lang, &data.others))
    };
    let frame = PageFrame {
        lang,
        site: &data.site,
        title: &title,
        script: Some("first.js"),
        texts: &TEXTS,
    };
    layout(&frame, &body)
}

/// How long ago the newest record was made.
fn age(lang: Lang, age_s: u64) -> String {
    let (key, count) = match age_s / 60 {
        minutes @ 0..120 => ("first-age-minutes", minutes),
        minutes @ 120..2_880 => ("first-age-hours", minutes / 60),
        minutes => ("first-age-days", minutes / 1_440),
    };
    t_args(lang, key, &[("count", &number(count))])
}

fn figures(lang: Lang, figures: &Figures) -> Markup {
    let rows = [
        (t(lang, "first-granted"), figures.granted),
        (t(lang, "first-used"), figures.redeemed),
        (t(lang, "first-shops"), figures.shops),
        (t(lang, "first-stations"), figures.stations),
    ];
    html! {
        section aria-labelledby="figures" {
            h2 #figures { (t(lang, "first-figures")) }
            p { (t_args(lang, "first-closed", &[("days", &number(figures.days))])) }
            dl.figures {
                @for (name, value) in rows { div { dt { (name) } dd { (number(value)) } } }
            }
        }
    }
}

fn doors(lang: Lang, ledger: &str) -> Markup {
    let doors = [
        (format!("/{ledger}/me"), t(lang, "door-me"), t(lang, "door-me-note")),
        ("/for/shops".into(), t(lang, "door-shops"), t(lang, "door-shops-note")),
        ("/for/stations".into(), t(lang, "door-stations"), t(lang, "door-stations-note")),
        ("/for/coaches".into(), t(lang, "door-coaches"), t(lang, "door-coaches-note")),
        ("/for/city".into(), t(lang, "door-city"), t(lang, "door-city-note")),
        ("/verify".into(), t(lang, "door-verify"), t(lang, "door-verify-note")),
    ];
    html! {
        nav aria-labelledby="doors" {
            h2 #doors { (t(lang, "first-doors")) }
            ul.doors {
                @for (href, name, note) in doors {
                    li { a href=(href) { strong { (name) } span { (note) } } }
                }
            }
        }
    }
}

fn others(lang: Lang, others: &[(String, String)]) -> Markup {
    html! {
        @if !others.is_empty() {
            nav aria-labelledby="others" {
                h2 #others { (t(lang, "first-others")) }
                ul.doors {
                    @for (href, name) in others { li { a href=(href) { strong { (name) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    fn first(demo: bool) -> First {
        let site = Site { demo, ..site() };
        First {
            site,
            tour: "/tour".into(),
            others: vec![("/minato-demo".into(), "みなと町すこやかポイント".into())],
            figures: Figures {
                entries: 10_452,
                newest_s: 1_795_316_460,
                days: 30,
                granted: 1_234_567,
                redeemed: 890,
                shops: 8,
                stations: 3,
            },
            age_s: 7_260,
        }
    }

    #[test]
    fn it_says_what_it_is_and_opens_six_doors() {
        for lang in Lang::ALL {
            let page = page(lang, &first(true));
            check_page(lang, &page);
            for part in [
                "href=\"/tour\"",
                "1,234,567",
                "href=\"/yaizu-demo/me\"",
                "href=\"/for/city\"",
                "href=\"/verify\"",
                "href=\"/minato-demo\"",
            ] {
                assert!(page.0.contains(part), "{part}");
            }
        }
    }

    #[test]
    fn the_check_mark_is_never_written_by_the_server() {
        let page = page(Lang::Ja, &first(true)).0;
        let (visible, _) = page.split_once("<template").unwrap();
        assert!(visible.contains("記録 10,452 件") && !visible.contains('✔'));
    }

    #[test]
    fn only_a_demo_offers_the_tour_and_says_it_is_fictitious() {
        let page = page(Lang::Ja, &first(false)).0;
        assert!(!page.contains("/tour") && !page.contains("架空"));
    }
}
