//! How a tablet gets into service: its own page with the QR code that asks, and the two pages on
//! which two members of staff propose and approve. The programme's rules demand two persons; these
//! pages only make it easy.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::code_image;

/// The longest name that a terminal asks for, in characters: as part of the address in its QR code
/// each may take nine.
const NAME_CHARS_MAX: u32 = 30;

const TERMINAL_TEXTS: [&str; 5] = ["terminal-", "role-", "retry-", "problem-", "browser-cannot"];
const STAFF_TEXTS: [&str; 10] = [
    "enrol-",
    "approve-",
    "cause-",
    "kind-",
    "settlement-fund-",
    "terminal-",
    "role-",
    "retry-",
    "problem-",
    "browser-cannot",
];

/// The roles that a browser can ask for.
fn roles(lang: Lang) -> [(&'static str, String, String); 5] {
    [
        ("shop", t(lang, "role-shop"), t(lang, "terminal-shop-note")),
        ("station", t(lang, "role-station"), t(lang, "terminal-station-note")),
        ("coach", t(lang, "role-coach"), t(lang, "terminal-coach-note")),
        ("kiosk", t(lang, "role-kiosk"), t(lang, "terminal-kiosk-note")),
        ("staff", t(lang, "role-staff"), t(lang, "terminal-staff-note")),
    ]
}

/// The page at `/{ledger}/terminal`.
#[must_use]
pub fn enrolment(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "terminal-title");
    let body = html! {
        h1 { (title) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        section #held-box aria-labelledby="held-title" hidden {
            h2 #held-title { (t(lang, "terminal-held")) }
            ul #held.held {}
        }
        form #ask novalidate {
            h2 { (t(lang, "terminal-ask")) }
            p { (t(lang, "terminal-lead")) }
            fieldset {
                legend { (t(lang, "terminal-role")) }
                @for (role, name, note) in roles(lang) {
                    label.choice { input type="radio" name="role" value=(role); span { strong { (name) } br; small { (note) } } }
                }
            }
            label for="name" { (t(lang, "terminal-name")) }
            input #name name="name" autocomplete="off" maxlength=(NAME_CHARS_MAX) aria-describedby="name-fault";
            p #name-fault.fault role="alert" {}
            p { button.button.large { (t(lang, "terminal-make")) } }
        }
        section #waiting aria-labelledby="waiting-title" hidden { (waiting(lang, site.demo)) }
    };
    let frame = PageFrame {
        lang,
        site,
        title: &title,
        script: Some("terminal.js"),
        texts: &TERMINAL_TEXTS,
    };
    layout(&frame, &body)
}

fn waiting(lang: Lang, demo: bool) -> Markup {
    html! {
        h2 #waiting-title { (t(lang, "terminal-waiting")) }
        p { strong #asked-what {} }
        ol {
            li { (t(lang, "terminal-do-scan")) }
            li { (t(lang, "terminal-do-compare")) }
            li { (t(lang, "terminal-do-wait")) }
        }
        figure.code {
            (code_image("request-code", &t(lang, "terminal-code-alt")))
            figcaption {
                (t(lang, "terminal-comparison")) br;
                strong #comparison.comparison {}
            }
        }
        p.row {
            a #request.button.quiet href="#" target="_blank" { @if demo { (t(lang, "terminal-demo-staff")) } @else { (t(lang, "terminal-same-browser")) } }
            button #cancel.button.quiet type="button" { (t(lang, "terminal-cancel")) }
        }
    }
}

/// What a member of staff sees of the key that asks.
fn asked(lang: Lang) -> Markup {
    html! {
        dl #asked.facts hidden {
            div { dt { (t(lang, "enrol-role")) } dd #asked-role {} }
            div { dt { (t(lang, "enrol-name")) } dd #asked-name lang="ja" {} }
            div { dt { (t(lang, "terminal-comparison")) } dd { strong #comparison.comparison {} } }
        }
    }
}

fn same(lang: Lang) -> Markup {
    html! {
        label.choice { input #same type="checkbox" aria-describedby="same-fault"; span { (t(lang, "enrol-same")) } }
        p #same-fault.fault role="alert" {}
    }
}

fn staff_missing(lang: Lang, site: &Site) -> Markup {
    html! {
        div #staff-missing.notice hidden {
            p { (t(lang, "enrol-no-key")) }
            p { a.button.quiet href={ "/" (site.ledger) "/terminal?role=staff" } { (t(lang, "enrol-get-key")) } }
            p.note { (t(lang, "enrol-first-keys")) }
        }
    }
}

/// The page at `/{ledger}/enrol`: the first person proposes.
#[must_use]
pub fn proposal(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "enrol-title");
    let body = html! {
        h1 { (title) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        p #scan-hint hidden { (t(lang, "enrol-no-request")) }
        (asked(lang))
        form #proposal novalidate hidden {
            div #place-box hidden {
                label for="place-choice" { (t(lang, "enrol-place")) }
                select #place-choice {}
            }
            p #staff-twice.notice hidden { (t(lang, "enrol-staff-twice")) }
            (same(lang))
            p { button #propose.button.large hidden { (t(lang, "enrol-propose")) } }
            @if site.demo {
                div #demo-box.notice hidden {
                    p { (t(lang, "enrol-demo-note")) }
                    p { button #demo-both.button type="button" { (t(lang, "enrol-demo")) } }
                }
            }
        }
        section #proposed aria-labelledby="proposed-title" hidden {
            h2 #proposed-title { (t(lang, "enrol-proposed")) }
            p { (t(lang, "enrol-second")) }
            figure.code { (code_image("approve-code", &t(lang, "enrol-code-alt"))) }
            p { a #approve-link href="#" {} }
        }
        (staff_missing(lang, site))
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("enrol.js"), texts: &STAFF_TEXTS },
        &body,
    )
}

/// The page at `/{ledger}/propose`: the first person proposes an action that takes two persons of
/// the staff.
#[must_use]
pub fn action(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "action-title");
    let body = html! {
        h1 { (title) }
        p { (t(lang, "action-lead")) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        form #two novalidate hidden {
            label for="action" { (t(lang, "action-label")) }
            select #action {}
            p #action-points {}
            label for="holder" { (t(lang, "action-holder")) }
            input #holder autocomplete="off" spellcheck="false" maxlength="48" aria-describedby="holder-fault holder-note";
            p #holder-fault.fault role="alert" {}
            p #holder-note.note { (t(lang, "action-holder-note")) }
            label for="day" { (t(lang, "action-day")) }
            input #day type="date" aria-describedby="day-fault";
            p #day-fault.fault role="alert" {}
            p { button.button.large { (t(lang, "action-propose")) } }
        }
        section #proposed aria-labelledby="proposed-title" hidden {
            h2 #proposed-title tabindex="-1" { (t(lang, "enrol-proposed")) }
            p { (t(lang, "enrol-second")) }
            p.note { (t(lang, "action-tell")) }
            figure.code { (code_image("approve-code", &t(lang, "enrol-code-alt"))) }
            p { a #approve-link href="#" {} }
            p { button #another.button.quiet type="button" { (t(lang, "action-another")) } }
        }
        (staff_missing(lang, site))
    };
    let texts = [
        "action-",
        "approve-points-value",
        "approve-read-first",
        "enrol-compare-first",
        "terminal-",
        "retry-",
        "problem-",
        "browser-cannot",
    ];
    layout(
        &PageFrame { lang, site, title: &title, script: Some("action.js"), texts: &texts },
        &body,
    )
}

/// The page at `/{ledger}/approve`: the second person approves.
#[must_use]
pub fn approval(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "approve-title");
    let body = html! {
        h1 { (title) }
        p #say role="status" aria-live="polite" {}
        (problem_box())
        ul #waiting.held {}
        p { a #propose.button.quiet href={ "/" (site.ledger) "/propose" } hidden { (t(lang, "action-title")) } }
        dl #asked.facts hidden {}
        form #approval novalidate hidden {
            label.choice {
                input #same type="checkbox" aria-describedby="same-fault";
                span {
                    span #same-key hidden { (t(lang, "enrol-same")) }
                    span #same-what { (t(lang, "approve-same")) }
                }
            }
            p #same-fault.fault role="alert" {}
            p { button.button.large { (t(lang, "approve-do")) } }
        }
        (staff_missing(lang, site))
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("approve.js"), texts: &STAFF_TEXTS },
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn a_terminal_asks_and_two_persons_answer() {
        for lang in Lang::ALL {
            for page in [enrolment, proposal, action, approval] {
                check_page(lang, &page(lang, &site()));
            }
        }
    }

    #[test]
    fn only_a_demo_plays_both_persons() {
        let demo = |demo| proposal(Lang::Ja, &Site { demo, ..site() }).0;
        assert!(
            demo(true).contains("id=\"demo-both\"") && !demo(false).contains("id=\"demo-both\"")
        );
    }
}
