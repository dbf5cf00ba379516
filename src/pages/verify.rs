//! The receipt check: paste or open a receipt; `assets/verify.js` checks it step by step inside the
//! browser.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;

/// What the check needs to know.
#[derive(Clone, Debug)]
pub struct Verify {
    /// The ledger of the page's frame.
    pub site: Site,
    /// Every ledger of this server, so that a receipt's origin leads to its public log.
    pub ledgers: Vec<LedgerLink>,
}

/// A ledger of this server.
#[derive(Clone, Debug)]
pub struct LedgerLink {
    /// Its name in addresses.
    pub ledger: String,
    /// The origin in its checkpoints.
    pub origin: String,
    /// Its name for people.
    pub name: String,
}

const TEXTS: [&str; 11] = [
    "step-",
    "kind-",
    "role-",
    "retry-",
    "problem-",
    "verify-working",
    "verify-vkey-bad",
    "verify-pass",
    "verify-part",
    "verify-fail",
    "browser-cannot",
];

/// The page at `/verify`.
#[must_use]
pub fn page(lang: Lang, data: &Verify) -> Markup {
    let title = t(lang, "verify-title");
    let body = html! {
        h1 { (title) }
        p { (t(lang, "verify-lead")) }
        (form(lang))
        p #verdict role="status" aria-live="polite" {}
        (problem_box())
        h2 { (t(lang, "verify-steps")) }
        ol #steps.steps {}
        p.note { (t(lang, "verify-limits")) }
        ul.note {
            @for ledger in &data.ledgers {
                li data-origin=(ledger.origin) data-ledger=(ledger.ledger) {
                    (ledger.name) " " code { (ledger.origin) } " "
                    a href={ "/" (ledger.ledger) "/checkpoint" } { "checkpoint" } " "
                    a href={ "/" (ledger.ledger) "/vkey" } { "vkey" }
                }
            }
        }
    };
    layout(
        &PageFrame {
            lang,
            site: &data.site,
            title: &title,
            script: Some("verify.js"),
            texts: &TEXTS,
        },
        &body,
    )
}

fn form(lang: Lang) -> Markup {
    html! {
        form #check {
            p {
                label for="file" { (t(lang, "verify-file")) }
                input #file type="file" accept=".tlog-proof,text/plain";
            }
            p {
                label for="receipt" { (t(lang, "verify-receipt")) }
                textarea #receipt rows="8" required spellcheck="false" autocomplete="off" {}
            }
            details {
                summary { (t(lang, "verify-vkey-more")) }
                p {
                    label for="vkey" { (t(lang, "verify-vkey")) }
                    input #vkey type="text" spellcheck="false" autocomplete="off" aria-describedby="vkey-note";
                }
                p #vkey-note { (t(lang, "verify-vkey-note")) }
            }
            p { button.button.large { (t(lang, "verify-do")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn every_field_has_a_label_and_every_ledger_its_origin() {
        let ledger = LedgerLink {
            ledger: "yaizu-demo".into(),
            origin: "a\"><script>".into(),
            name: "やいづ".into(),
        };
        for lang in Lang::ALL {
            let page = page(lang, &Verify { site: site(), ledgers: vec![ledger.clone()] });
            check_page(lang, &page);
            for field in ["file", "receipt", "vkey"] {
                assert!(
                    page.0.contains(&format!("<label for=\"{field}\""))
                        && page.0.contains(&format!("id=\"{field}\""))
                );
            }
            assert!(page.0.contains("data-origin=\"a&quot;&gt;&lt;script&gt;\""));
        }
    }
}
