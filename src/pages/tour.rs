//! The tour: station, phone, till, proof and cheats side by side, driven by `assets/tour.js` with
//! real keys and real calls.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::code_figure;

/// What the tour shows before its first step.
#[derive(Clone, Debug)]
pub struct Tour {
    /// The ledger of the tour; on one that is no demo the page only says that there is none.
    pub site: Site,
}

const TEXTS: [&str; 16] = [
    "tour-",
    "reason-",
    "left-",
    "step-",
    "kind-",
    "role-",
    "retry-",
    "problem-",
    "code-left",
    "code-left-all",
    "code-left-confirmed",
    "browser-cannot",
    "verify-pass",
    "verify-fail",
    "me-number",
    "qr-",
];

/// The page at `/tour`.
#[must_use]
pub fn page(lang: Lang, data: &Tour) -> Markup {
    let title = t(lang, "tour-title");
    let body = html! {
        h1 { (title) }
        @if data.site.demo { (window(lang, &data.site.ledger)) } @else { p.notice { (t(lang, "tour-only-demo")) } }
    };
    let script = data.site.demo.then_some("tour.js");
    let texts: &[&str] = if data.site.demo { &TEXTS } else { &[] };
    layout(&PageFrame { lang, site: &data.site, title: &title, script, texts }, &body)
}

fn window(lang: Lang, ledger: &str) -> Markup {
    html! {
        p { (t(lang, "tour-lead")) }
        div.panels {
            (panel("station", &t(lang, "tour-station"), &html! { p #station-name.place {} ul.lines {} }))
            (panel("phone", &t(lang, "tour-phone"), &html! {
                p.balance { (t(lang, "tour-balance")) " " strong #phone-yen { "–" } " " (t(lang, "unit-points")) }
                (code_figure(lang))
                ul.lines {}
            }))
            (panel("till", &t(lang, "tour-till"), &html! { p #till-name.place {} ul.lines {} }))
            (panel("proof", &t(lang, "tour-proof"), &html! {
                p #proof-verdict { (t(lang, "tour-proof-note")) }
                ol #steps.steps {}
            }))
            (panel("cheat", &t(lang, "tour-cheats"), &html! {
                p { (t(lang, "tour-cheats-note")) }
                ul #cheats.steps {}
            }))
        }
        div.driver {
            p #say role="status" aria-live="polite" {}
            (problem_box())
            button #next.button.large type="button" disabled { (t(lang, "tour-do-start")) }
            div #end hidden {
                a.button href={ "/" (ledger) "/me" } { (t(lang, "tour-end-me")) }
                a.button.quiet href="/verify" { (t(lang, "tour-end-verify")) }
                a.button.quiet href="/tour" { (t(lang, "tour-end-again")) }
            }
            p #count.count {}
        }
    }
}

fn panel(id: &str, name: &str, body: &Markup) -> Markup {
    let title = format!("{id}-title");
    html! { section.panel id=(id) aria-labelledby=(title) { h2 id=(title) { (name) } (body) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn five_panels_and_one_button() {
        for lang in Lang::ALL {
            let page = page(lang, &Tour { site: site() });
            check_page(lang, &page);
            assert_eq!(page.0.matches("class=\"panel\"").count(), 5);
            assert_eq!(page.0.matches("<button").count(), 1);
            assert!(page.0.contains("aria-live=\"polite\""));
        }
    }

    #[test]
    fn a_real_ledger_has_no_tour() {
        let page = page(Lang::Ja, &Tour { site: Site { demo: false, ..site() } }).0;
        assert!(page.contains("デモの台帳でだけ") && !page.contains("<script"));
    }
}
