//! Events: the screen of the venue with its rotating code, and the page of the phone that has read
//! it. Both are the same for everyone; the code stands behind the `#` of the phone's page, which
//! browsers send to no server.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::figure;
use super::scan::role_head;

const SCREEN_TEXTS: [&str; 8] = [
    "venue-",
    "code-left",
    "code-left-all",
    "code-left-confirmed",
    "terminal-",
    "retry-",
    "problem-",
    "browser-cannot",
];
const ATTEND_TEXTS: [&str; 7] =
    ["attend-", "left-", "reason-", "retry-", "problem-", "me-number", "browser-cannot"];

/// The page at `/{ledger}/venue`, for a device that holds a station's key.
#[must_use]
pub fn screen(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "venue-title");
    let body = html! {
        (role_head(lang, site, "station", &title))
        div #work hidden {
            (problem_box())
            section #choose aria-labelledby="choose-title" hidden {
                h2 #choose-title { (t(lang, "venue-choose")) }
                p { (t(lang, "venue-how")) }
                div #actions.caps {}
                p #actions-none hidden { (t(lang, "venue-no-rules")) }
            }
            section #shown.venue aria-labelledby="event" hidden {
                h2 #event.center tabindex="-1" {}
                p.center { (t(lang, "venue-read")) }
                (figure(lang, &t(lang, "venue-code-label")))
                p.center { (t(lang, "venue-card")) }
                button #hide-code.button.quiet type="button" { (t(lang, "venue-hide")) }
            }
            p { a href={ "/" (site.ledger) "/station" } { (t(lang, "venue-station")) } }
        }
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("venue.js"), texts: &SCREEN_TEXTS },
        &body,
    )
}

/// The page at `/{ledger}/attend`, to which a venue's code leads.
#[must_use]
pub fn attend(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "attend-title");
    let me = format!("/{}/me", site.ledger);
    let body = html! {
        h1 { (title) }
        p #say role="status" aria-live="polite" { (t(lang, "attend-opening")) }
        (problem_box())
        div #enrol hidden {
            p { (t(lang, "attend-enrol")) }
            p { strong { (t(lang, "attend-card")) } }
            p { a.button.large href=(me) { (t(lang, "attend-enrol-do")) } }
        }
        section.ask data-step="ask" aria-labelledby="ask-title" hidden {
            h2 #ask-title tabindex="-1" { (t(lang, "attend-ask")) }
            p.ask-what { strong #event {} " " span #place {} }
            p { button #record.button.large type="button" { (t(lang, "attend-record")) } }
            p.note { (t(lang, "attend-privacy")) }
        }
        section data-step="result" hidden {
            div #result.outcome role="status" aria-live="assertive" tabindex="-1" {}
            p.row {
                button #again.button.large type="button" hidden { (t(lang, "attend-again")) }
                a #next.button href=(me) hidden { (t(lang, "attend-me")) }
            }
        }
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("attend.js"), texts: &ATTEND_TEXTS },
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn screen_and_phone_are_the_same_for_everyone() {
        for lang in Lang::ALL {
            check_page(lang, &screen(lang, &site()));
            let attend = attend(lang, &site());
            check_page(lang, &attend);
            assert!(attend.0.contains("href=\"/yaizu-demo/me\""));
        }
    }
}
