//! The pages of stations and coaches: read a code or card, say what was done, show the points. The
//! actions come from the programme; nothing of one person is on the screen when the next one comes.

use maud::{Markup, html};

use super::messages::t;
use super::scan::{PICTURES_SENT, mute, outcome, pad, role_head, scan_box};
use super::{Frame, Lang, Site, layout, problem_box};

/// Who witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A measuring station.
    Station,
    /// A nurse, dietitian or partner service.
    Coach,
}

impl Witness {
    fn role(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Coach => "coach",
        }
    }

    fn title(self, lang: Lang) -> String {
        match self {
            Self::Station => t(lang, "witness-station-title"),
            Self::Coach => t(lang, "witness-coach-title"),
        }
    }
}

const TEXTS: [&str; 9] = [
    "witness-",
    "left-",
    "reason-",
    "scan-",
    "terminal-",
    "retry-",
    "problem-",
    "me-number",
    "browser-cannot",
];

/// The page at `/{ledger}/station` or `/{ledger}/coach`.
#[must_use]
pub fn page(lang: Lang, site: &Site, witness: Witness) -> Markup {
    let title = witness.title(lang);
    let body = html! {
        (role_head(lang, site, witness.role(), &title))
        div #work.terminal.single data-role=(witness.role()) hidden {
            div {
                (problem_box())
                section data-step="scan" aria-labelledby="scan-title" {
                    h2 #scan-title { (t(lang, "witness-scan")) }
                    (scan_box(lang, PICTURES_SENT))
                }
                section data-step="deed" aria-labelledby="deed-title" hidden { (deed(lang)) }
                (outcome(lang, false))
            }
            section {
                p.note { (t(lang, "witness-privacy")) }
                @if witness == Witness::Station {
                    p { a href={ "/" (site.ledger) "/venue" } { (t(lang, "venue-open")) } }
                }
                (mute(lang))
            }
        }
        template #pad { (pad(lang, None, true)) }
    };
    layout(&Frame { lang, site, title: &title, script: Some("witness.js"), texts: &TEXTS }, &body)
}

fn deed(lang: Lang) -> Markup {
    html! {
        h2 #deed-title tabindex="-1" { (t(lang, "witness-deed")) }
        form #deed novalidate {
            fieldset {
                legend { (t(lang, "witness-action")) }
                div #rules.choices {}
                p #rules-none hidden { (t(lang, "witness-no-rules")) }
            }
            div #exact-box hidden {
                label for="exact" { (t(lang, "witness-exact")) }
                select #exact name="exact" {}
                p.note { (t(lang, "witness-exact-note")) }
            }
            div #reference-box hidden {
                label for="reference" { (t(lang, "witness-reference")) }
                input #reference name="reference" maxlength="20" autocomplete="off";
            }
            div #values {}
            p.row {
                button #record.button.large { (t(lang, "witness-record")) }
                button #rescan.button.quiet type="button" { (t(lang, "terminal-rescan")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::{check_page, site};

    #[test]
    fn both_witnesses_have_a_page_of_their_own() {
        for (witness, role) in [(Witness::Station, "station"), (Witness::Coach, "coach")] {
            for lang in Lang::ALL {
                let page = page(lang, &site(), witness);
                check_page(lang, &page);
                assert!(page.0.contains(&format!("data-role=\"{role}\"")));
                assert!(page.0.contains(&format!("/terminal?role={role}\"")));
            }
        }
    }
}
