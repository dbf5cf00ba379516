//! The city's door: closed days' public totals, with small cells never shown.

use maud::{Markup, html};

use super::door::facts;
use super::frame::{PageFrame, Site, layout};
use super::lang::Lang;
use super::messages::{date, number, t};
use crate::query::ClosedDay;

/// What the city's door shows.
#[derive(Clone, Debug)]
pub struct CityPage {
    /// The ledger of the page.
    pub site: Site,
    /// Closed days, the latest first.
    pub days: Vec<ClosedDay>,
}

/// The page at `/for/city`.
#[must_use]
pub fn page(lang: Lang, data: &CityPage) -> Markup {
    let title = t(lang, "for-city-title");
    let body = html! {
        h1 { (title) }
        (facts(lang, &t(lang, "for-city-do"), &t(lang, "for-city-see"), &t(lang, "for-city-never")))
        p { a.button.large href={ "/" (data.site.ledger) "/participation" } { (t(lang, "for-city-part")) } }
        h2 #days { (t(lang, "for-city-days")) }
        @if data.days.is_empty() { p { (t(lang, "for-city-none")) } } @else {
            p.note { (t(lang, "for-city-few")) }
            (table(lang, &data.days))
        }
    };
    layout(&PageFrame { lang, site: &data.site, title: &title, script: None, texts: &[] }, &body)
}

fn table(lang: Lang, days: &[ClosedDay]) -> Markup {
    let heads = [
        t(lang, "for-city-day"),
        t(lang, "for-city-accounts"),
        t(lang, "for-city-granted"),
        t(lang, "for-city-redeemed"),
    ];
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="days" {
            table {
                thead { tr { @for (i, head) in heads.iter().enumerate() { th.points[i > 0] scope="col" { (head) } } } }
                tbody {
                    @for day in days {
                        tr {
                            th scope="row" { (date(lang, day.day)) }
                            @for cell in [day.totals.accounts, day.totals.granted, day.totals.redeemed] { (total(lang, cell)) }
                        }
                    }
                }
            }
        }
    }
}

fn total(lang: Lang, cell: Option<u64>) -> Markup {
    html! {
        @match cell {
            Some(value) => td.points { (number(value)) },
            None => td.points.few title=(t(lang, "few-label")) { (t(lang, "few")) },
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_spec::time::Day;

    use super::*;
    use crate::pages::frame::tests::{check_page, site};
    use crate::query::ClosedTotals;

    #[test]
    fn small_cells_are_words_not_numbers() {
        let totals = ClosedTotals { accounts: Some(1_204), granted: Some(4_110), redeemed: None };
        let day = ClosedDay { day: Day::parse("2026-11-21").unwrap(), totals };
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &CityPage { site: site(), days: vec![day] }));
        }
        let page = page(Lang::Ja, &CityPage { site: site(), days: vec![day] }).0;
        assert!(page.contains("2026年11月21日") && page.contains("1,204"));
        assert_eq!(page.matches(">10人未満</td>").count(), 1);
    }

    #[test]
    fn before_the_first_close_there_is_no_table() {
        let page = page(Lang::Ja, &CityPage { site: site(), days: vec![] }).0;
        assert!(page.contains("まだ締めた日がありません。") && !page.contains("<table"));
    }
}
