//! The shop's page: read a code, enter points, one big answer; today's sales, and how to take one
//! back.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, confirm_box, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::pay::code_image;
use super::scan::{PICTURES_SENT, mute, outcome, pad, role_head, scan_box};

const TEXTS: [&str; 9] = [
    "shop-",
    "voucher-",
    "scan-",
    "terminal-",
    "qr-",
    "retry-",
    "problem-",
    "me-number",
    "browser-cannot",
];

/// The page at `/{ledger}/shop`.
#[must_use]
pub fn page(lang: Lang, site: &Site) -> Markup {
    let title = t(lang, "shop-title");
    let body = html! {
        (role_head(lang, site, "shop", &title))
        div #work.terminal hidden {
            div {
                (problem_box())
                section data-step="scan" aria-labelledby="scan-title" {
                    h2 #scan-title { (t(lang, "shop-scan")) }
                    (scan_box(lang, PICTURES_SENT))
                }
                section data-step="amount" aria-labelledby="amount-title" hidden { (amount(lang)) }
                section data-step="agree" aria-labelledby="agree-title" hidden { (agreement(lang)) }
                section data-step="voucher" aria-labelledby="voucher-title" hidden { (voucher(lang)) }
                section data-step="pin" aria-labelledby="pin-title" hidden { (pin(lang, "shop-pin", "shop-pin-enter", "terminal-rescan")) }
                (outcome(lang, true))
            }
            div { (today(lang)) }
        }
        (confirm_box(lang, "shop-void-title", "shop-void-yes", "shop-void-no"))
    };
    layout(&PageFrame { lang, site, title: &title, script: Some("shop.js"), texts: &TEXTS }, &body)
}

fn amount(lang: Lang) -> Markup {
    html! {
        h2 #amount-title tabindex="-1" { (t(lang, "shop-amount")) }
        p #limit {}
        form #amount novalidate {
            div.value {
                div {
                    label for="points" { (t(lang, "shop-points")) }
                    input #points name="points" inputmode="numeric" autocomplete="off" aria-describedby="points-fault" maxlength="8";
                    p #points-fault.fault role="alert" {}
                }
                (pad(lang, Some("points-pad"), false))
            }
            div #medical hidden {
                p.notice #medical-rule { (t(lang, "shop-medical")) }
                p.check {
                    input #goods type="checkbox" aria-describedby="goods-fault medical-rule";
                    label for="goods" { (t(lang, "shop-goods")) }
                }
                p #goods-fault.fault role="alert" {}
            }
            div #look hidden {
                p.check {
                    input #looked type="checkbox" aria-describedby="looked-fault";
                    label for="looked" { (t(lang, "shop-looked")) }
                }
                p #looked-fault.fault role="alert" {}
            }
            p.row {
                button #pay.button.large { (t(lang, "shop-pay")) }
                button #rescan.button.quiet type="button" { (t(lang, "terminal-rescan")) }
            }
        }
    }
}

/// What the resident's phone reads before it confirms shop and amount.
fn agreement(lang: Lang) -> Markup {
    html! {
        h2 #agree-title tabindex="-1" { (t(lang, "shop-agree")) }
        p { strong #agree-points {} }
        figure.code { (code_image("agree-code", &t(lang, "shop-agree-alt"))) }
        p { (t(lang, "shop-agree-next")) }
        p.row {
            button #agree-scan.button.large type="button" { (t(lang, "shop-agree-scan")) }
            button #agree-stop.button.quiet type="button" { (t(lang, "terminal-rescan")) }
        }
    }
}

/// What a voucher is for, before it is used.
fn voucher(lang: Lang) -> Markup {
    html! {
        h2 #voucher-title tabindex="-1" { (t(lang, "voucher-title")) }
        p.price { strong #voucher-name {} }
        p #voucher-gets {}
        p { (t(lang, "voucher-how")) }
        p.row {
            button #voucher-use.button.large type="button" { (t(lang, "voucher-use")) }
            button #voucher-stop.button.quiet type="button" { (t(lang, "terminal-rescan")) }
        }
    }
}

/// Where the resident types the PIN of the card.
pub(super) fn pin(lang: Lang, title: &str, enter: &str, stop: &str) -> Markup {
    html! {
        h2 #pin-title tabindex="-1" { (t(lang, title)) }
        p #pin-points {}
        form #pin-form novalidate {
            div.value {
                div {
                    label for="pin" { (t(lang, "shop-pin-label")) }
                    input #pin type="password" inputmode="numeric" autocomplete="off" aria-describedby="pin-fault" maxlength="8";
                    p #pin-fault.fault role="alert" {}
                }
                (pad(lang, Some("pin-pad"), false))
            }
            p.row {
                button #pin-enter.button.large { (t(lang, enter)) }
                button #pin-stop.button.quiet type="button" { (t(lang, stop)) }
            }
        }
    }
}

fn today(lang: Lang) -> Markup {
    html! {
        h2 #today { (t(lang, "shop-today")) }
        p #today-sum role="status" {}
        div.scroll.today tabindex="0" role="region" aria-labelledby="today" {
            table #today-table hidden {
                thead { tr {
                    th scope="col" { (t(lang, "shop-time")) }
                    th scope="col" { (t(lang, "shop-number")) }
                    th.points scope="col" { (t(lang, "unit-points")) }
                    th scope="col" { (t(lang, "shop-void")) }
                } }
                tbody #today-lines {}
            }
        }
        (mute(lang))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn the_till_has_large_keys_and_asks_before_it_takes_back() {
        for lang in Lang::ALL {
            let page = page(lang, &site());
            check_page(lang, &page);
            assert_eq!(page.0.matches("class=\"key\"").count(), 24, "points and PIN");
            assert!(page.0.contains("<input id=\"pin\" type=\"password\""));
            assert!(page.0.contains("<dialog id=\"confirm\""));
            assert!(page.0.contains("href=\"/yaizu-demo/terminal?role=shop\""));
        }
    }
}
