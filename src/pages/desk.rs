//! The desk and the kiosk: what a resident without a phone, or without a registered one, does with
//! a card and its PIN. `assets/desk.js` signs with the key of the desk or kiosk; each act takes one
//! PIN proof.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::links::{confirm_end, grant};
use super::messages::t;
use super::pay::code_image;
use super::rewards::sheet;
use super::scan::{PICTURES_SENT, mute, outcome, role_head, scan_box};
use super::till::pin;

const TEXTS: [&str; 10] = [
    "desk-",
    "links-",
    "reward-",
    "scan-",
    "shop-pin-",
    "terminal-",
    "unit-",
    "retry-",
    "problem-",
    "browser-cannot",
];

/// The page at `/{ledger}/desk`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "desk-title");
    let body = html! {
        (role_head(lang, site, "kiosk", &title))
        div #work.terminal.single hidden {
            div #desk {
                p #say role="status" aria-live="polite" {}
                (problem_box())
                section data-step="menu" aria-labelledby="menu-title" { (menu(lang)) }
                section data-step="scan" aria-labelledby="scan-title" hidden {
                    h2 #scan-title tabindex="-1" {}
                    p #scan-how {}
                    (scan_box(lang, PICTURES_SENT))
                    (back(lang))
                }
                section data-step="pin" aria-labelledby="pin-title" hidden {
                    (pin(lang, "desk-pin", "desk-pin-enter", "desk-back"))
                }
                section data-step="links" aria-labelledby="links-title" hidden {
                    h2 #links-title tabindex="-1" { (t(lang, "links-granted")) }
                    p #links-none hidden { (t(lang, "links-none")) }
                    ul #links-list.held {}
                    (grant(lang))
                    (back(lang))
                }
                section data-step="phones" aria-labelledby="phones-title" hidden {
                    h2 #phones-title tabindex="-1" { (t(lang, "desk-phones-title")) }
                    p #phones-none hidden { (t(lang, "desk-phones-none")) }
                    ul #phones-list.held {}
                    (back(lang))
                }
                section data-step="items" aria-labelledby="items-title" hidden {
                    h2 #items-title tabindex="-1" { (t(lang, "desk-items")) }
                    p #items-none hidden { (t(lang, "reward-none")) }
                    ul #items.items {}
                    (back(lang))
                }
                section data-step="voucher" hidden { (sheet(lang, &site.name, "desk-done")) }
                (outcome(lang, false))
                (mute(lang))
            }
        }
        (confirm_end(lang))
    };
    layout(&PageFrame { lang, site, title: &title, script: Some("desk.js"), texts: &TEXTS }, &body)
}

fn menu(lang: Lang) -> Markup {
    html! {
        h2 #menu-title tabindex="-1" { (t(lang, "desk-menu")) }
        p { (t(lang, "desk-lead")) }
        ul.menu {
            @for (flow, name) in [
                ("phone", "desk-phone"), ("links", "desk-links"), ("reward", "desk-reward"), ("pin-changed", "desk-pin-change"),
                ("phones", "desk-phones"),
            ] {
                li { button.button.large type="button" data-flow=(flow) { (t(lang, name)) } }
            }
            // A kiosk that nobody watches gives nobody a PIN without the old one.
            @for (flow, name) in [("pin-first", "desk-pin-give"), ("pin-desk", "desk-pin-forgotten")] {
                li data-only="staff" hidden {
                    button.button.large type="button" data-flow=(flow) { (t(lang, name)) }
                }
            }
        }
        p.note { (t(lang, "desk-note")) }
    }
}

/// A phone without registration shows its key to the city's desk or kiosk.
pub(super) fn phone_asks(lang: Lang) -> Markup {
    html! {
        div #at-desk hidden {
            p { button #ask-desk.button.large type="button" { (t(lang, "me-desk")) } }
            p.note { (t(lang, "me-desk-note")) }
        }
        section #asking aria-labelledby="asking-title" hidden {
            h2 #asking-title tabindex="-1" { (t(lang, "me-desk-show")) }
            p { (t(lang, "me-desk-how")) }
            figure.code { (code_image("phone-code", &t(lang, "me-desk-alt"))) }
            p role="status" { (t(lang, "me-desk-wait")) }
        }
    }
}

fn back(lang: Lang) -> Markup {
    html! { p { button.button.quiet type="button" data-back { (t(lang, "desk-back")) } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn a_card_and_its_pin_do_five_things_and_staff_set_a_pin() {
        for lang in Lang::ALL {
            let page = page(lang, &site());
            check_page(lang, &page);
            assert_eq!(page.0.matches("data-flow=").count(), 7);
            assert_eq!(page.0.matches("<li data-only=\"staff\" hidden>").count(), 2);
            assert!(page.0.contains("<input id=\"pin\" type=\"password\""));
            assert!(page.0.contains("/terminal?role=kiosk\""));
        }
    }
}
