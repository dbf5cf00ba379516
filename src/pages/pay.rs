//! The pay page: the living QR code, which the phone signs and draws by itself, and what came of
//! it. The page is the same for everyone, so that the browser may keep it for places without
//! signal; `assets/pay.js` fills in what is personal.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ledger_spec::points::POINTS_MAX;
use maud::{Markup, html};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::{number, t, t_args};
use super::{assets, perk};

/// The caps of a pay token that the page offers, in points.
pub const CAPS_POINTS: [u64; 4] = [100, 300, 500, 1000];
/// The cap that leaves the limit to the balance. An exact balance in the code would tell it to the
/// shop.
pub const NO_CAP_POINTS: u32 = POINTS_MAX;

const TEXTS: [&str; 7] = [
    "pay-",
    "code-left",
    "code-left-all",
    "code-left-confirmed",
    "retry-",
    "problem-",
    "browser-cannot",
];

/// The page at `/{ledger}/pay`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "pay-title");
    let me = format!("/{}/me", site.ledger);
    let body = html! {
        div #pay {
            h1 { (title) }
            p.balance hidden { (t(lang, "me-balance")) " " strong #yen {} " " (t(lang, "unit-points")) }
            p #net.note role="status" aria-live="polite" {}
            (problem_box())
            div #enrol hidden {
                p { (t(lang, "pay-enrol")) }
                p { a.button.large href=(me) { (t(lang, "pay-enrol-do")) } }
            }
            (choose(lang))
            (ask(lang))
            (shown(lang))
            (paid(lang, &me))
            p { a href=(me) { (t(lang, "pay-me")) } }
        }
    };
    layout(&PageFrame { lang, site, title: &title, script: Some("pay.js"), texts: &TEXTS }, &body)
}

fn choose(lang: Lang) -> Markup {
    html! {
        section #choose aria-labelledby="caps" hidden {
            h2 #caps { (t(lang, "pay-choose")) }
            p { (t(lang, "pay-how")) }
            div.caps role="group" aria-labelledby="caps" {
                @for cap in CAPS_POINTS {
                    button.button type="button" data-cap=(cap) { (t_args(lang, "pay-cap", &[("points", &number(cap))])) }
                }
                button.button.quiet type="button" data-cap=(NO_CAP_POINTS) { (t(lang, "pay-cap-all")) }
            }
        }
    }
}

/// A till asks for more than the fast lane: its shop and the amount, to be read before anything is
/// signed.
fn ask(lang: Lang) -> Markup {
    html! {
        section #ask.ask aria-labelledby="ask-title" hidden {
            h2 #ask-title tabindex="-1" { (t(lang, "pay-ask")) }
            p.ask-what { span #ask-shop {} " " strong #ask-points {} }
            p { (t(lang, "pay-ask-next")) }
            p.row {
                button #agree.button.large type="button" { (t(lang, "pay-ask-yes")) }
                button #disagree.button.quiet type="button" { (t(lang, "pay-ask-no")) }
            }
        }
    }
}

fn shown(lang: Lang) -> Markup {
    html! {
        section #shown hidden {
            (code_figure(lang))
            p.center { (t(lang, "pay-bright")) }
            button #hide-code.button.quiet type="button" { (t(lang, "pay-hide")) }
        }
    }
}

fn paid(lang: Lang, me: &str) -> Markup {
    html! {
        section #paid aria-labelledby="paid-points" hidden {
            h2 #paid-points tabindex="-1" {}
            dl.facts {
                div { dt { (t(lang, "pay-shop")) } dd #paid-shop {} }
                div { dt { (t(lang, "pay-number")) } dd.number #paid-number {} }
                div { dt { (t(lang, "pay-left")) } dd { span #paid-left {} " " (t(lang, "unit-points")) } }
            }
            p { (t(lang, "pay-same-number")) }
            p.caps {
                a.button href=(me) { (t(lang, "pay-proof")) }
                button #again.button.quiet type="button" { (t(lang, "pay-again")) }
            }
        }
    }
}

/// Where `assets/code.js` shows the living QR code.
pub(super) fn code_figure(lang: Lang) -> Markup {
    figure(lang, &t(lang, "pay-code-label"))
}

/// The same with another name.
pub(super) fn figure(lang: Lang, name: &str) -> Markup {
    html! {
        figure #code.code hidden aria-label=(name) {
            (code_image("modules", &t(lang, "code-alt")))
            figcaption {
                svg.ring viewBox="0 0 36 36" aria-hidden="true" {
                    circle cx="18" cy="18" r="15" {}
                    circle.left cx="18" cy="18" r="15" pathLength="60" transform="rotate(-90 18 18)" {}
                }
                span {}
            }
        }
    }
}

/// Where `assets/qr.js` draws a code.
pub(super) fn code_image(id: &str, name: &str) -> Markup {
    html! {
        svg.modules id=(id) role="img" aria-label=(name) viewBox="0 0 57 57" shape-rendering="crispEdges" {
            path d="" {}
        }
    }
}

/// The page that stands in for every other one while there is no signal.
#[must_use]
pub fn offline(lang: Lang, site: &Site, ledgers: &[Site]) -> Markup {
    let title = t(lang, "offline-title");
    let body = html! {
        h1 { (title) }
        p { (t(lang, "offline-next")) }
        h2 { (t(lang, "offline-pay")) }
        @for ledger in ledgers {
            p { a.button.large href={ "/" (ledger.ledger) "/pay" } { (ledger.name) } }
        }
        h2 { (t(lang, "offline-shop")) }
        p { a.button.large href={ "/" (site.ledger) "/perk" } { (t(lang, "perk-title")) } }
    };
    layout(&PageFrame { lang, site, title: &title, script: None, texts: &[] }, &body)
}

/// The worker at `/sw.js` that keeps the pay page: `assets/sw.js` with the names of what it keeps
/// in front; the page of the ledger `cards` checks perk cards of all. The version follows from the
/// bytes of all of it, so that any change makes browsers fetch everything afresh.
#[must_use]
pub fn worker(cards: &Site, sites: &[(Lang, Site)]) -> String {
    let mut hash = Sha256::new();
    for asset in assets::ASSETS {
        hash.update(asset.bytes);
    }
    let mut pages = BTreeSet::from(["/offline".to_owned()]);
    for (lang, site) in sites {
        hash.update(page(*lang, site).0);
        hash.update(offline(*lang, site, &[]).0);
        // Every site is one of these, so its name is in the version; so are the cities of the list.
        hash.update(perk::page(*lang, site, &[]).0);
        pages.extend(["pay", "perk"].map(|page| format!("/{}/{page}", site.ledger)));
    }
    let version = HEXLOWER.encode(&hash.finalize());
    let files: Vec<String> = assets::ASSETS
        .iter()
        .filter(|asset| asset.path != WORKER)
        .map(|asset| format!("/assets/{}", asset.path))
        .collect();
    let cards = format!("/{}/perk", cards.ledger);
    let kept = json!({"version": version, "pages": pages, "cards": cards, "files": files});
    let code = assets::find(WORKER).map_or(&[][..], |asset| asset.bytes);
    format!("const KEPT = {kept};\n{}", String::from_utf8_lossy(code))
}

const WORKER: &str = "sw.js";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn caps_code_and_result_for_everyone_alike() {
        for lang in Lang::ALL {
            let page = page(lang, &site());
            check_page(lang, &page);
            for part in ["data-cap=\"1000\"", "data-cap=\"100000\"", "href=\"/yaizu-demo/me\""] {
                assert!(page.0.contains(part), "{part}");
            }
            check_page(lang, &offline(lang, &site(), &[site()]));
        }
        let script = assets::text("code.js");
        assert!(script.contains("NO_CAP_POINTS = 100_000;"), "script and page name the same cap");
    }

    #[test]
    fn the_worker_names_what_it_keeps_and_changes_with_it() {
        let both = |name: &str| {
            let site = Site { name: name.into(), ..site() };
            worker(&site, &Lang::ALL.map(|lang| (lang, site.clone())))
        };
        let worker = both("A");
        let kept = worker.lines().next().unwrap();
        let kept = kept.strip_prefix("const KEPT = ").and_then(|kept| kept.strip_suffix(';'));
        let kept: serde_json::Value = serde_json::from_str(kept.unwrap()).unwrap();
        assert_eq!(kept["pages"], json!(["/offline", "/yaizu-demo/pay", "/yaizu-demo/perk"]));
        assert_eq!(kept["cards"], "/yaizu-demo/perk");
        let files = kept["files"].as_array().unwrap();
        assert!(
            files.contains(&json!("/assets/pay.js")) && files.contains(&json!("/assets/qr.js"))
        );
        assert!(!files.contains(&json!("/assets/sw.js")), "the worker never keeps itself");
        assert_eq!(both("A"), worker);
        assert_ne!(both("B"), worker, "another page is another version");
    }
}
