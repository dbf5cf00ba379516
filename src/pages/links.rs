//! The resident's links: who may do what until when, with a button that ends it, and a form that
//! grants another. The page is the same for everyone; `assets/links.js` fills in what is personal
//! and signs with the phone's key.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, confirm_box, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::code_image;

const TEXTS: [&str; 4] = ["links-", "retry-", "problem-", "browser-cannot"];

/// The page at `/{ledger}/links`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "links-title");
    let me = format!("/{}/me", site.ledger);
    let body = html! {
        h1 { (title) }
        p { (t(lang, "links-lead")) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        p #enrol hidden { a.button.large href=(me) { (t(lang, "pay-enrol-do")) } }
        section #links aria-labelledby="links-title" hidden {
            h2 #links-title { (t(lang, "links-granted")) }
            p #links-none hidden { (t(lang, "links-none")) }
            ul #links-list.held {}
        }
        (auto_exchange(lang))
        (grant(lang))
        section #made aria-labelledby="made-title" hidden {
            h2 #made-title tabindex="-1" { (t(lang, "links-made")) }
            p #made-family hidden { (t(lang, "links-made-family")) }
            p #hand-over { (t(lang, "links-hand-over")) }
            figure #made-code.code { (code_image("link-code", &t(lang, "links-code-alt"))) figcaption { code #link-number {} } }
        }
        p { a href=(me) { (t(lang, "pay-me")) } }
        (confirm_end(lang))
    };
    layout(&PageFrame { lang, site, title: &title, script: Some("links.js"), texts: &TEXTS }, &body)
}

/// What the ledger does for whoever asks: points that end are given away.
fn auto_exchange(lang: Lang) -> Markup {
    html! {
        section #auto aria-labelledby="auto-title" hidden {
            h2 #auto-title { (t(lang, "links-auto_exchange")) }
            p #auto-what {}
            p.note { (t(lang, "links-auto-note")) }
            p { button #auto-do.button type="button" { (t(lang, "links-auto-do")) } }
        }
    }
}

/// The form of a link, driven by `assets/grant.js`.
pub(super) fn grant(lang: Lang) -> Markup {
    html! {
        form #grant novalidate hidden {
            h2 { (t(lang, "links-grant")) }
            label for="partner" { (t(lang, "links-partner")) }
            select #partner {}
            label for="purpose" { (t(lang, "links-purpose")) }
            select #purpose {}
            div #family-box hidden {
                label for="family" { (t(lang, "links-family-code")) }
                input #family autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20"
                    aria-describedby="family-fault";
                p #family-fault.fault role="alert" {}
            }
            label for="until" { (t(lang, "links-until")) }
            input #until type="date" aria-describedby="until-fault";
            p #until-fault.fault role="alert" {}
            p.note { (t(lang, "links-note")) }
            p { button.button.large { (t(lang, "links-do")) } }
        }
    }
}

/// Asks before a link ends.
pub(super) fn confirm_end(lang: Lang) -> Markup {
    confirm_box(lang, "links-end-title", "links-end-yes", "links-end-no")
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
            assert!(page.0.contains("<ul class=\"held\" id=\"links-list\"></ul>"));
            assert!(page.0.contains("<dialog id=\"confirm\""));
        }
    }
}
