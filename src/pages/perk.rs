//! The page on which any shop checks a perk card, also one without a key and without a network:
//! `assets/perk.js` does it with the keys and lists that it has fetched before. It is the same for
//! everyone; a card stands behind the `#`, which browsers send to no server.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::scan::{mute, scan_box};

const TEXTS: [&str; 5] = ["perk-", "scan-", "retry-", "problem-", "browser-cannot"];

/// The page at `/{ledger}/perk`. `cities` are all ledgers of this server: a shop checks the cards
/// of each.
#[must_use]
pub fn page(lang: Lang, site: &Site, cities: &[Site]) -> Markup {
    let title = t(lang, "perk-title");
    let body = html! {
        h1 { (title) }
        p { (t(lang, "perk-lead")) }
        div #work.terminal.single.perk {
            (problem_box())
            section data-step="scan" aria-labelledby="scan-title" {
                h2 #scan-title { (t(lang, "perk-scan")) }
                p #no-camera.notice hidden { (t(lang, "perk-no-camera")) }
                (scan_box(lang, "perk-not-sent"))
            }
            section data-step="result" hidden {
                div #result.outcome role="status" aria-live="assertive" tabindex="-1" {}
                p.row {
                    button #again.button.large type="button" hidden {}
                    button #next.button.large type="button" hidden { (t(lang, "perk-next")) }
                }
            }
            section aria-labelledby="lists-title" {
                h2 #lists-title { (t(lang, "perk-lists")) }
                p { (t(lang, "perk-lists-how")) }
                ul #cities {
                    @for city in cities {
                        li data-city=(city.ledger) data-name=(city.name) {
                            (city.name) br; span.as-of {}
                        }
                    }
                }
                p #lists-say role="status" aria-live="polite" {}
                p.row {
                    button #refresh.button.quiet type="button" { (t(lang, "perk-refresh")) }
                    (mute(lang))
                }
                p #kept.note role="status" {}
            }
        }
    };
    layout(&PageFrame { lang, site, title: &title, script: Some("perk.js"), texts: &TEXTS }, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn every_city_of_the_server_has_its_list() {
        let other = Site { ledger: "minato-demo".into(), name: "みなと\"<b>".into(), ..site() };
        for lang in Lang::ALL {
            let page = page(lang, &site(), &[site(), other.clone()]);
            check_page(lang, &page);
            for part in [
                "data-city=\"yaizu-demo\"",
                "data-city=\"minato-demo\" data-name=\"みなと&quot;&lt;b&gt;\"",
            ] {
                assert!(page.0.contains(part), "{part}");
            }
            let note = |key| page.0.contains(&format!("<p class=\"note\">{}", t(lang, key)));
            assert!(note("perk-not-sent") && !note("scan-not-kept"), "no picture leaves this page");
        }
    }
}
