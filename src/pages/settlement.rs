//! What shops are due, for a shop and for staff: the settlements, one of them with every line, what
//! each fund pays, and the till's slip of the day. Each can be printed; the slip fits a roll of 58
//! mm.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;

const TEXTS: [&str; 5] = ["settlement-", "terminal-", "retry-", "problem-", "browser-cannot"];

/// The page at `/{ledger}/settlement`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "settlement-title");
    let body = html! {
        h1 { (title) " " small #place lang="ja" {} }
        p #say role="status" aria-live="polite" { (t(lang, "terminal-opening")) }
        p #start-link.screen hidden {
            a.button href={ "/" (site.ledger) "/terminal" } { (t(lang, "terminal-to-enrolment")) }
        }
        (problem_box())
        section #slip hidden {
            h2 #slip-title { (t(lang, "settlement-slip")) }
            p #slip-sum {}
            div.scroll tabindex="0" role="region" aria-labelledby="slip-title" {
                table { (head(lang, &["time", "number", "points"])) tbody #slip-lines {} }
            }
            p.screen { button #slip-print.button.quiet type="button" { (t(lang, "settlement-slip-print")) } }
        }
        section #list hidden {
            h2 #list-title { (t(lang, "settlement-list")) }
            div #months.screen hidden {
                label for="month" { (t(lang, "settlement-month")) }
                p.row {
                    select #month {}
                    button #funds.button type="button" { (t(lang, "settlement-funds")) }
                }
            }
            div.scroll tabindex="0" role="region" aria-labelledby="list-title" {
                table #list-table { (head(lang, &["month", "shop", "yen", "paid", "open"])) tbody #list-lines {} }
            }
        }
        section #statement hidden {
            h2 #statement-title tabindex="-1" {}
            dl #statement-facts.facts {}
            div.scroll tabindex="0" role="region" aria-labelledby="statement-title" {
                table { (head(lang, &["day", "time", "number", "kind", "points"])) tbody #statement-lines {} }
            }
            (files(lang, "statement"))
        }
        section #invoice hidden {
            h2 #invoice-title tabindex="-1" {}
            div.scroll tabindex="0" role="region" aria-labelledby="invoice-title" {
                table { (head(lang, &["fund", "shop", "yen"])) tbody #invoice-lines {} }
            }
            (files(lang, "invoice"))
        }
    };
    let script = Some("settlement.js");
    layout(&PageFrame { lang, site, title: &title, script, texts: &TEXTS }, &body)
}

fn head(lang: Lang, columns: &[&str]) -> Markup {
    let class = |column: &str| matches!(column, "points" | "yen").then_some("points");
    html! {
        thead { tr {
            @for column in columns {
                th class=[class(column)] scope="col" { (t(lang, &format!("settlement-{column}"))) }
            }
        } }
    }
}

fn files(lang: Lang, what: &str) -> Markup {
    html! {
        p.row.screen {
            button.button.quiet id={ (what) "-print" } type="button" { (t(lang, "settlement-print")) }
            a.button.quiet id={ (what) "-csv" } href="#" { (t(lang, "settlement-csv")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn the_page_shows_nothing_before_a_key_opens_it() {
        for lang in Lang::ALL {
            let page = page(lang, &site());
            check_page(lang, &page);
            assert_eq!(page.0.matches("<section").count(), 4);
            for part in ["slip", "list", "statement", "invoice"] {
                assert!(page.0.contains(&format!("<section id=\"{part}\" hidden>")), "{part}");
            }
        }
    }
}
