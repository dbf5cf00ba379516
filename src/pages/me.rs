//! The resident's page: balance, expiry, living QR code, history with reasons and receipts.

use maud::{Markup, html};

use super::messages::{
    Reason, action_name, date, kind_name, number, reason_text, t, t_args, time_on,
};
use super::tour::code_figure;
use super::{Frame, Lang, Site, layout, problem_box};

/// The caps of a pay token that the page offers, in points.
pub const CAPS_POINTS: [u64; 4] = [100, 300, 500, 1000];

/// What the resident's page shows.
#[derive(Clone, Debug)]
pub struct Me {
    /// The ledger of the page.
    pub site: Site,
    /// The account of the session; without one the page opens a session with the key of the phone.
    pub account: Option<Account>,
}

/// Balance and history, as `GET /v1/{ledger}/me` and `/me/history` tell them.
#[derive(Clone, Debug)]
pub struct Account {
    /// Points to spend in shops.
    pub yen: u64,
    /// Points for draws and perks.
    pub challenge: u64,
    /// Open lots, the first to expire first.
    pub lots: Vec<Lot>,
    /// Records, the latest first.
    pub entries: Vec<Entry>,
    /// Where the next page of records begins.
    pub next_before: Option<u64>,
}

/// Points that expire together.
#[derive(Clone, Debug)]
pub struct Lot {
    /// `yen` or `challenge`.
    pub purse: String,
    /// The last usable day, `YYYY-MM-DD`.
    pub expires_on: String,
    /// Points left.
    pub points: u64,
}

/// One record of the account.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number in the ledger.
    pub seq: u64,
    /// Its kind, such as `redeem`.
    pub kind: String,
    /// Its day, `YYYY-MM-DD`.
    pub day: String,
    /// Unix seconds of acceptance; shown where it falls on that day.
    pub accepted_at_s: u64,
    /// What it moved; a negative number, or a kind that spends, counts down.
    pub points: Option<i64>,
    /// For actions the code, such as `vegecheck.measure`.
    pub action: Option<String>,
    /// The shop's or station's name.
    pub place: Option<String>,
    /// Why an action brought its points.
    pub reason: Option<Reason>,
    /// The short number that phone and till both show.
    pub receipt_number: Option<String>,
}

/// Kinds whose points leave the account.
const SPENDING: [&str; 4] = ["redeem", "capture", "reward.claim", "expire"];

const TEXTS: [&str; 10] = [
    "me-code-shown",
    "me-arrived",
    "me-key-elsewhere",
    "me-opening",
    "me-no-key",
    "me-cookie",
    "code-left",
    "retry-",
    "problem-",
    "browser-cannot",
];

/// The page at `/{ledger}/me`.
#[must_use]
pub fn page(lang: Lang, data: &Me) -> Markup {
    let title = t(lang, if data.account.is_some() { "me-title" } else { "me-open-title" });
    let body = match &data.account {
        Some(account) => signed_in(lang, &data.site.ledger, &title, account),
        None => signed_out(lang, data.site.demo, &title),
    };
    layout(
        &Frame { lang, site: &data.site, title: &title, script: Some("me.js"), texts: &TEXTS },
        &body,
    )
}

fn signed_out(lang: Lang, demo: bool, title: &str) -> Markup {
    html! {
        div #me data-session="no" {
            h1 { (title) }
            p { (t(lang, "me-open-lead")) }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            @if demo {
                p { button #visitor.button.large type="button" { (t(lang, "me-visitor")) } }
                p.note { (t(lang, "me-visitor-note")) }
            }
        }
    }
}

fn signed_in(lang: Lang, ledger: &str, title: &str, account: &Account) -> Markup {
    let newest = account.entries.first().map_or(0, |entry| entry.seq);
    html! {
        div #me data-session="yes" data-newest=(newest) {
            h1 { (title) }
            p.balance {
                (t(lang, "me-balance")) br;
                strong #yen { (number(account.yen)) } " " (t(lang, "unit-points"))
            }
            @if account.challenge > 0 { p { (t(lang, "me-challenge")) " " strong { (number(account.challenge)) } } }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            (pay(lang))
            (lots(lang, &account.lots))
            (history(lang, ledger, account))
        }
    }
}

fn pay(lang: Lang) -> Markup {
    html! {
        section aria-labelledby="pay" {
            h2 #pay { (t(lang, "me-pay")) }
            p { (t(lang, "me-pay-how")) }
            div.caps role="group" aria-labelledby="pay" {
                @for cap in CAPS_POINTS {
                    button.button type="button" data-cap=(cap) { (t_args(lang, "me-cap", &[("points", &number(cap))])) }
                }
            }
            (code_figure(lang))
            button #hide-code.button.quiet type="button" { (t(lang, "me-hide")) }
        }
    }
}

fn lots(lang: Lang, lots: &[Lot]) -> Markup {
    let sentence = |lot: &Lot| {
        let key = if lot.purse == "challenge" { "me-lot-challenge" } else { "me-lot" };
        t_args(
            lang,
            key,
            &[("date", &date(lang, &lot.expires_on)), ("points", &number(lot.points))],
        )
    };
    html! {
        section aria-labelledby="lots" {
            h2 #lots { (t(lang, "me-lots")) }
            @if lots.is_empty() { p { (t(lang, "me-no-lots")) } }
            ul { @for lot in lots { li { (sentence(lot)) } } }
        }
    }
}

fn history(lang: Lang, ledger: &str, account: &Account) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 #history { (t(lang, "me-history")) }
            @if account.entries.is_empty() {
                p { (t(lang, "me-no-history")) }
            } @else {
                table.history {
                    thead { tr {
                        th scope="col" { (t(lang, "me-date")) }
                        th scope="col" { (t(lang, "me-what")) }
                        th.points scope="col" { (t(lang, "me-change")) }
                        th scope="col" { (t(lang, "me-proof")) }
                    } }
                    tbody { @for entry in &account.entries { (row(lang, ledger, entry)) } }
                }
            }
            @if let Some(before) = account.next_before {
                p { a href={ "?before=" (before) } { (t(lang, "me-more")) } }
            }
        }
    }
}

fn row(lang: Lang, ledger: &str, entry: &Entry) -> Markup {
    let number = entry.receipt_number.clone().unwrap_or_else(|| entry.seq.to_string());
    let named = |key| t_args(lang, key, &[("number", &number)]);
    html! {
        tr {
            td.date {
                (date(lang, &entry.day))
                @if let Some(time) = time_on(&entry.day, entry.accepted_at_s) { " " small { (time) } }
            }
            td.what {
                strong { (what(lang, entry)) }
                @if let Some(place) = &entry.place { br; small { (place) } }
                @if let Some(reason) = entry.reason.as_ref().filter(|reason| reason.code != "full") {
                    br; small { (reason_text(lang, reason)) }
                }
                @if entry.receipt_number.is_some() { br; small { (named("me-number")) } }
            }
            td.points { (change(entry)) }
            td.proof {
                a href={ "/v1/" (ledger) "/entries/" (entry.seq) "/receipt" }
                    download={ (ledger) "-" (entry.seq) ".tlog-proof" } aria-label=(named("me-receipt-of")) {
                    (t(lang, "me-receipt"))
                }
                " "
                a href={ "/verify?ledger=" (ledger) "&seq=" (entry.seq) } aria-label=(named("me-check-of")) {
                    (t(lang, "me-check"))
                }
            }
        }
    }
}

fn what(lang: Lang, entry: &Entry) -> String {
    match &entry.action {
        Some(action) => action_name(lang, action),
        None => kind_name(lang, &entry.kind),
    }
}

fn change(entry: &Entry) -> String {
    let Some(points) = entry.points else { return String::new() };
    let down = points < 0 || SPENDING.contains(&entry.kind.as_str());
    let sign = match (points, down) {
        (0, _) => "",
        (_, true) => "−",
        (_, false) => "+",
    };
    format!("{sign}{}", number(points.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::{check_page, site};

    fn entry(kind: &str, points: i64) -> Entry {
        Entry {
            seq: 10_452,
            kind: kind.into(),
            day: "2026-11-22".into(),
            accepted_at_s: 1_795_326_300,
            points: Some(points),
            action: None,
            place: Some("<b>魚市場</b>".into()),
            reason: None,
            receipt_number: Some("A3K-7Q2F".into()),
        }
    }

    fn account() -> Account {
        let capped =
            Reason { code: "cap".into(), of: Some("rule".into()), per: Some("day".into()) };
        Account {
            yen: 1_240,
            challenge: 3,
            lots: vec![Lot { purse: "yen".into(), expires_on: "2027-03-31".into(), points: 1_240 }],
            entries: vec![
                entry("redeem", 100),
                Entry {
                    action: Some("vegecheck.measure".into()),
                    reason: Some(capped),
                    ..entry("action", 0)
                },
            ],
            next_before: Some(9_000),
        }
    }

    #[test]
    fn balance_expiry_and_history_in_plain_words() {
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &Me { site: site(), account: Some(account()) }));
        }
        let page = page(Lang::Ja, &Me { site: site(), account: Some(account()) }).0;
        for part in [
            "<strong id=\"yen\">1,240</strong>",
            "2027年3月31日までに 1,240 ポイント",
            "お店で使った",
            "−100",
            "野菜摂取の測定",
            "この行動は、その日の上限に届きました。",
            "受付番号 A3K-7Q2F",
            "/v1/yaizu-demo/entries/10452/receipt",
            "/verify?ledger=yaizu-demo&amp;seq=10452",
            "?before=9000",
            "data-cap=\"1000\"",
            "&lt;b&gt;魚市場",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn without_a_session_only_a_demo_lets_strangers_in() {
        let open = |demo| page(Lang::Ja, &Me { site: Site { demo, ..site() }, account: None });
        check_page(Lang::Ja, &open(true));
        assert!(open(true).0.contains("デモの市民になる"));
        assert!(!open(false).0.contains("id=\"visitor\""));
    }

    #[test]
    fn an_empty_account_says_so() {
        let empty =
            Account { yen: 0, challenge: 0, lots: vec![], entries: vec![], next_before: None };
        let page = page(Lang::Ja, &Me { site: site(), account: Some(empty) }).0;
        assert!(page.contains("まだ記録がありません。") && !page.contains("<table"));
    }

    #[test]
    fn signs_follow_the_kind() {
        let cases = [
            ("action", 20, "+20"),
            ("redeem", 100, "−100"),
            ("void", 100, "+100"),
            ("adjust", -5, "−5"),
            ("action", 0, "0"),
        ];
        for (kind, points, text) in cases {
            assert_eq!(change(&entry(kind, points)), text);
        }
        assert_eq!(change(&Entry { points: None, ..entry("device.enrol", 0) }), "");
    }
}
