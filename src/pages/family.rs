//! The family's page: the code by which this phone is told to those it helps, and whom it helps.
//! The page is the same for everyone; `assets/family.js` fills in what is personal, and keeps the
//! names on this phone alone.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::code_image;

const TEXTS: [&str; 4] = ["family-", "retry-", "problem-", "browser-cannot"];

/// The page at `/{ledger}/family`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "family-title");
    let me = format!("/{}/me", site.ledger);
    let body = html! {
        h1 { (title) }
        p { (t(lang, "family-lead")) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        p #enrol hidden { a.button.large href=(me) { (t(lang, "pay-enrol-do")) } }
        section #helped aria-labelledby="helped-title" hidden {
            h2 #helped-title { (t(lang, "family-helped")) }
            p #helped-none hidden { (t(lang, "family-none")) }
            ul #helped-list.items {}
            p.note { (t(lang, "family-label-note")) }
        }
        section #own aria-labelledby="own-title" hidden {
            h2 #own-title { (t(lang, "family-code")) }
            p { (t(lang, "family-code-how")) }
            figure.code {
                (code_image("own-code", &t(lang, "family-code-alt")))
                figcaption { strong #own-number.comparison {} }
            }
        }
        p { a href=(me) { (t(lang, "pay-me")) } }
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("family.js"), texts: &TEXTS },
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn nothing_personal_stands_in_the_page() {
        for lang in Lang::ALL {
            let page = page(lang, &site());
            check_page(lang, &page);
            assert!(page.0.contains("<ul class=\"items\" id=\"helped-list\"></ul>"));
        }
    }
}
