//! What points can be exchanged for: the catalogue, a resident's own vouchers with their codes, and
//! a sheet to print. `assets/rewards.js` signs claims with the phone's key and keeps the secrets of
//! vouchers on the phone.

use ledger_spec::points::Purse;
use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::{date, number, t, t_args};
use super::pay::code_image;
use crate::query::rewards::ItemLine;

/// The page's data.
#[derive(Clone, Debug)]
pub struct Rewards {
    /// The ledger.
    pub site: Site,
    /// The catalogue.
    pub items: Vec<ItemLine>,
}

const TEXTS: [&str; 8] = [
    "reward-",
    "problem-",
    "retry-",
    "browser-cannot",
    "unit-points",
    "unit-challenge",
    "me-won",
    "me-lost",
];

/// The page at `/{ledger}/rewards`.
#[must_use]
pub fn page(lang: Lang, data: &Rewards) -> Markup {
    let title = t(lang, "reward-title");
    let me = format!("/{}/me", data.site.ledger);
    let body = html! {
        div #rewards {
            h1 { (title) }
            p #for-family.notice hidden { (t(lang, "reward-for-family")) }
            dl.figures.balance hidden {
                div { dt { (t(lang, "me-balance")) } dd #yen {} }
                div #challenge-box hidden { dt { (t(lang, "me-challenge")) } dd #challenge {} }
            }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            div #enrol hidden {
                p { (t(lang, "reward-enrol")) }
                p { a.button.large href=(me) { (t(lang, "pay-enrol-do")) } }
            }
            (sheet(lang, &data.site.name, "pay-hide"))
            section #own aria-labelledby="own-title" hidden {
                h2 #own-title { (t(lang, "reward-own")) }
                ul #own-list.items {}
            }
            h2 { (t(lang, "reward-catalogue")) }
            @if data.items.is_empty() { p { (t(lang, "reward-none")) } }
            ul.items { @for item in &data.items { (line(lang, item)) } }
            p { a href=(me) { (t(lang, "pay-me")) } }
        }
        (confirm(lang))
    };
    let frame = PageFrame {
        lang,
        site: &data.site,
        title: &title,
        script: Some("rewards.js"),
        texts: &TEXTS,
    };
    layout(&frame, &body)
}

fn line(lang: Lang, item: &ItemLine) -> Markup {
    let name = lang.pick(&item.name, &item.name_en);
    let unit = match item.purse {
        Purse::Yen => t(lang, "unit-points"),
        Purse::Challenge => t(lang, "unit-challenge"),
    };
    let key = format!("reward-gives-{}", item.gives.replace('_', "-"));
    let voucher = item.gives == "voucher";
    let places = if voucher { t(lang, "reward-places") } else { t(lang, "reward-to") };
    html! {
        li data-item=(item.code) data-gives=(item.gives) data-points=(item.points) data-name=(name) data-unit=(unit) {
            h3 { (name) }
            p.price { strong { (number(item.points.into())) } " " (unit) " " small { (t(lang, &key)) } }
            ul.terms {
                @if let Some(left) = item.left {
                    li { (t_args(lang, "reward-left", &[("count", &number(left.into()))])) }
                }
                @if let Some(most) = item.per_person {
                    li { (t_args(lang, "reward-per-person", &[("count", &number(most.into()))])) }
                }
                @if let Some(days) = item.valid_days {
                    li { (t_args(lang, "reward-valid", &[("days", &number(days.into()))])) }
                }
                li { (t_args(lang, "reward-until", &[("date", &date(lang, item.until))])) }
                @if !item.places.is_empty() {
                    li { (places) " " span lang="ja" { (item.places.join("、")) } }
                }
                @if item.prefecture { li { (t(lang, "reward-prefecture")) } }
            }
            @if item.open {
                button.button type="button" hidden { (t(lang, "reward-claim")) }
            } @else {
                p.note { (t(lang, "reward-closed")) }
            }
        }
    }
}

/// The code of a voucher or perk card, large, and the only part of the page that is printed.
pub(super) fn sheet(lang: Lang, programme: &str, hide: &str) -> Markup {
    html! {
        section #shown.sheet aria-labelledby="shown-name" hidden {
            h2 #shown-name tabindex="-1" {}
            p { (programme) }
            figure.code { (code_image("modules", &t(lang, "reward-code-alt"))) }
            p #shown-until {}
            p #shown-places {}
            p.number #shown-number {}
            p.row.screen {
                button #print.button type="button" { (t(lang, "reward-print")) }
                button #hide.button.quiet type="button" { (t(lang, hide)) }
            }
        }
    }
}

fn confirm(lang: Lang) -> Markup {
    html! {
        dialog #confirm aria-labelledby="confirm-title" {
            form method="dialog" novalidate {
                h2 #confirm-title { (t(lang, "reward-confirm")) }
                p #confirm-what {}
                div #units-box hidden {
                    label for="units" { (t(lang, "reward-units")) }
                    input #units inputmode="numeric" autocomplete="off" value="1" maxlength="4" aria-describedby="units-fault";
                    p #units-fault.fault role="alert" {}
                }
                div #wallet-box hidden {
                    label for="wallet" { (t(lang, "reward-wallet")) }
                    input #wallet autocomplete="off" maxlength="40" aria-describedby="wallet-fault";
                    p #wallet-fault.fault role="alert" {}
                }
                p.row {
                    button #confirm-yes.button type="button" { (t(lang, "reward-confirm-yes")) }
                    button #confirm-no.button.quiet type="button" { (t(lang, "reward-confirm-no")) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_spec::time::Day;

    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    fn item() -> ItemLine {
        ItemLine {
            code: "bath".into(),
            name: "入浴券".into(),
            name_en: "A bath".into(),
            gives: "voucher",
            purse: Purse::Yen,
            points: 300,
            from: Day::parse("2026-04-01").unwrap(),
            until: Day::parse("2027-03-31").unwrap(),
            open: true,
            left: Some(12),
            per_person: Some(2),
            valid_days: Some(90),
            places: vec!["浜の湯".into()],
            prefecture: true,
            auto: false,
        }
    }

    #[test]
    fn every_item_says_what_it_costs_and_where_it_is_good() {
        let closed = ItemLine { open: false, gives: "lottery", purse: Purse::Challenge, ..item() };
        for lang in Lang::ALL {
            let items = vec![item(), closed.clone()];
            let page = page(lang, &Rewards { site: site(), items });
            check_page(lang, &page);
            for part in ["data-item=\"bath\"", "浜の湯", "<dialog id=\"confirm\"", "300"] {
                assert!(page.0.contains(part), "{part}");
            }
            assert!(page.0.contains(&t(lang, "reward-closed")));
            let none = super::page(lang, &Rewards { site: site(), items: Vec::new() });
            check_page(lang, &none);
            assert!(none.0.contains(&t(lang, "reward-none")));
        }
    }
}
