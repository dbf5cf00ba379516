//! The resident's page: balance, expiry, own measurements, history with reasons and receipts,
//! phones.

use ledger_spec::time::Day;
use maud::{Markup, html};

use super::chart::{self, Chart, Point};
use super::desk::phone_asks;
use super::messages::{Reason, date, kind_name, number, reason_text, t, t_args, time_of, time_on};
use super::{Frame, Lang, Site, layout, problem_box};

/// What the resident's page shows.
#[derive(Clone, Debug)]
pub struct Me {
    /// The ledger of the page.
    pub site: Site,
    /// The account of the session; without one the page opens a session with the key of the phone.
    pub account: Option<Account>,
    /// The reader has just left: the page waits to be asked before it opens another session.
    pub left: bool,
}

/// Balance and history, as `GET /v1/{ledger}/me` and `/me/history` tell them.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Points to spend in shops.
    pub yen: u64,
    /// Points for draws and perks.
    pub challenge: u64,
    /// What must be done before points can be spent, in Japanese and English.
    pub waits_for: Option<[String; 2]>,
    /// Open lots, the first to expire first.
    pub lots: Vec<Lot>,
    /// Points that shops have reserved.
    pub holds: Vec<Hold>,
    /// What lies ahead besides points that expire, a sentence each.
    pub coming: Vec<String>,
    /// The latest measurements, the latest first; only on the first page of records.
    pub measured: Vec<(Day, Measured)>,
    /// Which records are shown, as in `?show=`; nothing for all.
    pub show: Option<&'static str>,
    /// Records, the latest first.
    pub entries: Vec<Entry>,
    /// Where the next page of records begins.
    pub next_before: Option<u64>,
    /// Phones that can speak for the account.
    pub phones: Vec<Phone>,
    /// The link by which a phone of the family reads; nothing for the own phone.
    pub family: Option<String>,
}

/// What a measurement found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Vegetable level in tenths.
    pub level_tenths: Option<u32>,
    /// Systolic and diastolic blood pressure in mmHg.
    pub pressure_mmhg: Option<(u32, u32)>,
}

/// A phone of the account.
#[derive(Clone, Debug)]
pub struct Phone {
    /// The id of its key.
    pub kid: String,
    /// The day of its enrolment, `YYYY-MM-DD`.
    pub since: String,
    /// Whether it has been stopped.
    pub revoked: bool,
    /// Whether the page is read with it.
    pub this: bool,
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

/// Points that wait for a shop.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The shop's name.
    pub place: Option<String>,
    /// Points reserved.
    pub points: u64,
    /// Unix seconds; after that they come back.
    pub until_s: u64,
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
    /// What a shop reserved, negative when it let it go.
    pub held: Option<i64>,
    /// For actions the name, in Japanese and English.
    pub action: Option<[String; 2]>,
    /// What else the action brought: the name of each rule that follows from it, and its points.
    pub also: Vec<([String; 2], u32)>,
    /// The shop's or station's name.
    pub place: Option<String>,
    /// Why an action brought its points.
    pub reason: Option<Reason>,
    /// The short number that phone and till both show.
    pub receipt_number: Option<String>,
    /// What was measured.
    pub measured: Measured,
    /// Why the city changed something, in its own words.
    pub note: Option<String>,
    /// The code of the family's phone that claimed.
    pub family: Option<String>,
    /// Whether an entry in a draw has won, once it is drawn.
    pub won: Option<bool>,
    /// Whether the ledger itself acted, as the resident has asked.
    pub automatic: bool,
    /// Whether it does nothing until another person approves.
    pub waits: bool,
}

/// Kinds whose points leave the account.
const SPENDING: [&str; 4] = ["redeem", "capture", "reward.claim", "expire"];

const TEXTS: [&str; 6] =
    ["me-opening", "me-no-key", "me-cookie", "retry-", "problem-", "browser-cannot"];

/// What `?show=` can narrow the records to, each with the key of its name.
pub const SHOWN: [(&str, &str); 2] = [("actions", "me-show-actions"), ("shops", "me-show-shops")];

/// The page at `/{ledger}/me`.
#[must_use]
pub fn page(lang: Lang, data: &Me) -> Markup {
    let title = t(
        lang,
        match &data.account {
            Some(account) if account.family.is_some() => "family-view",
            Some(_) => "me-title",
            None => "me-open-title",
        },
    );
    let body = match &data.account {
        Some(account) => signed_in(lang, &data.site.ledger, &title, account),
        None => signed_out(lang, data, &title),
    };
    layout(
        &Frame { lang, site: &data.site, title: &title, script: Some("me.js"), texts: &TEXTS },
        &body,
    )
}

fn signed_out(lang: Lang, data: &Me, title: &str) -> Markup {
    html! {
        div #me data-session="no" data-left=(if data.left { "yes" } else { "no" }) {
            h1 { (title) }
            @if data.left { p.notice { (t(lang, "me-left")) } }
            p { (t(lang, "me-open-lead")) }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            p { button #open.button.large type="button" hidden { (t(lang, "me-open-do")) } }
            (phone_asks(lang))
            @if data.site.demo {
                div #join {
                    p { button #visitor.button.large type="button" { (t(lang, "me-visitor")) } }
                    p.note { (t(lang, "me-visitor-note")) }
                }
            }
        }
    }
}

fn signed_in(lang: Lang, ledger: &str, title: &str, account: &Account) -> Markup {
    html! {
        div #me data-session="yes" {
            h1 { (title) }
            @if account.family.is_some() { p.notice { (t(lang, "family-view-note")) } }
            p.balance {
                (t(lang, "me-balance")) br;
                strong #yen { (number(account.yen)) } " " (t(lang, "unit-points"))
            }
            @if let Some(next) = account.lots.iter().find(|lot| lot.purse == "yen") {
                p #next-expiry { (t_args(lang, "me-next-expiry", &[
                    ("date", &date(lang, &next.expires_on)), ("points", &number(next.points)),
                ])) }
            }
            @for hold in &account.holds { p { (reserved(lang, hold)) } }
            @if let Some(names) = &account.waits_for {
                p #waits-for { (t_args(lang, "me-waits-for", &[("name", &named(lang, names))])) }
            }
            @if account.challenge > 0 { p { (t(lang, "me-challenge")) " " strong { (number(account.challenge)) } } }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            @if let Some(link) = &account.family {
                p { a.button.large href={ "/" (ledger) "/rewards?for=" (link) } { (t(lang, "reward-title")) } }
            } @else {
                p { a.button.large href={ "/" (ledger) "/pay" } { (t(lang, "me-pay")) } }
                p { a.button.quiet href={ "/" (ledger) "/rewards" } { (t(lang, "reward-title")) } }
            }
            (measurements(lang, &account.measured))
            (lots(lang, &account.lots))
            (coming(lang, ledger, account))
            (history(lang, ledger, account))
            @if account.family.is_none() {
                (phones(lang, &account.phones))
                h2 { (t(lang, "links-title")) }
                p { a.button.quiet href={ "/" (ledger) "/links" } { (t(lang, "me-links")) } }
                h2 { (t(lang, "family-title")) }
            }
            p { a.button.quiet href={ "/" (ledger) "/family" } { (t(lang, "me-family")) } }
            form method="post" action={ "/" (ledger) "/me/leave" } {
                h2 { (t(lang, "me-leave")) }
                p { (t(lang, "me-leave-note")) }
                button.button.quiet type="submit" { (t(lang, "me-leave-do")) }
            }
        }
    }
}

/// A reservation, with the shop's own name.
fn reserved(lang: Lang, hold: &Hold) -> Markup {
    let until = time_of(hold.until_s);
    let sentence = t_args(lang, "me-held", &[("points", &number(hold.points)), ("time", &until)]);
    html! {
        (sentence)
        @if let Some(place) = &hold.place { " " small lang=[(lang != Lang::Ja).then_some("ja")] { (place) } }
    }
}

fn measurements(lang: Lang, measured: &[(Day, Measured)]) -> Markup {
    let oldest_first = || measured.iter().rev();
    let levels: Vec<Point> =
        oldest_first().filter_map(|(day, m)| Some((*day, vec![m.level_tenths?]))).collect();
    let pressures: Vec<Point> = oldest_first()
        .filter_map(|(day, m)| m.pressure_mmhg.map(|(high, low)| (*day, vec![high, low])))
        .collect();
    html! {
        @if !levels.is_empty() || !pressures.is_empty() {
            section aria-labelledby="measured" {
                h2 #measured { (t(lang, "me-measured")) }
                @if let Some(latest) = levels.last() { (level_chart(lang, latest).draw(lang, &levels)) }
                @if let Some(latest) = pressures.last() {
                    (pressure_chart(lang, latest).draw(lang, &pressures))
                }
                p.note { (t(lang, "me-measured-note")) }
            }
        }
    }
}

fn level_chart(lang: Lang, (day, values): &Point) -> Chart<'static> {
    let latest: Vec<String> = values.iter().map(|found| chart::value(true, *found)).collect();
    Chart {
        id: "level",
        title: t(lang, "me-level"),
        lines: vec![t(lang, "me-level")],
        scale: (0, 120),
        tenths: true,
        summary: t_args(
            lang,
            "me-level-latest",
            &[("date", &date(lang, &day.to_string())), ("level", &latest.concat())],
        ),
    }
}

fn pressure_chart(lang: Lang, (day, values): &Point) -> Chart<'static> {
    let value = |at: usize| values.get(at).map_or_else(String::new, u32::to_string);
    Chart {
        id: "pressure",
        title: t(lang, "me-pressure"),
        lines: vec![t(lang, "me-systolic"), t(lang, "me-diastolic")],
        scale: (40, 200),
        tenths: false,
        summary: t_args(
            lang,
            "me-pressure-latest",
            &[("date", &date(lang, &day.to_string())), ("high", &value(0)), ("low", &value(1))],
        ),
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

/// What lies ahead, and the file that carries it with the expiries into the resident's own
/// calendar.
fn coming(lang: Lang, ledger: &str, account: &Account) -> Markup {
    let Account { coming, family, .. } = account;
    html! {
        section aria-labelledby="coming" {
            h2 #coming { (t(lang, "me-coming")) }
            @if coming.is_empty() { p { (t(lang, "me-no-coming")) } }
            ul { @for sentence in coming { li { (sentence) } } }
            @if family.is_none() {
                p { a href={ "/" (ledger) "/me/calendar.ics" } download { (t(lang, "me-calendar")) } }
                p.note { (t(lang, "me-calendar-note")) }
            }
        }
    }
}

fn history(lang: Lang, ledger: &str, account: &Account) -> Markup {
    let show = account.show.map_or_else(String::new, |show| format!("&show={show}"));
    let whom = account.family.as_ref().map_or_else(String::new, |link| format!("for={link}&"));
    let own = account.family.is_none();
    html! {
        section aria-labelledby="history" {
            h2 #history { (t(lang, "me-history")) }
            (narrowing(lang, &whom, account.show))
            @if account.entries.is_empty() {
                p { (t(lang, "me-no-history")) }
            } @else {
                table.history {
                    thead { tr {
                        th scope="col" { (t(lang, "me-date")) }
                        th scope="col" { (t(lang, "me-what")) }
                        th.points scope="col" { (t(lang, "me-change")) }
                        @if own { th scope="col" { (t(lang, "me-proof")) } }
                    } }
                    tbody { @for entry in &account.entries { (row(lang, own.then_some(ledger), entry)) } }
                }
            }
            @if let Some(before) = account.next_before {
                p { a.button.quiet href={ "?" (whom) "before=" (before) (show) "#history" } { (t(lang, "me-more")) } }
            }
            @if own { p { a href={ "/" (ledger) "/me/history.csv" } download { (t(lang, "me-csv")) } } }
        }
    }
}

fn narrowing(lang: Lang, whom: &str, show: Option<&'static str>) -> Markup {
    let all = std::iter::once((None, "me-show-all"));
    html! {
        nav.narrow aria-label=(t(lang, "me-show")) {
            @for (choice, name) in all.chain(SHOWN.map(|(choice, name)| (Some(choice), name))) {
                @let query = choice.map_or_else(String::new, |choice| format!("show={choice}"));
                a href={ "?" (whom) (query) "#history" } aria-current=[(choice == show).then_some("true")] {
                    (t(lang, name))
                }
            }
        }
    }
}

fn phones(lang: Lang, phones: &[Phone]) -> Markup {
    html! {
        section aria-labelledby="phones" {
            h2 #phones { (t(lang, "me-phones")) }
            p { (t(lang, "me-phones-note")) }
            ul {
                @for phone in phones {
                    li {
                        (t_args(lang, "me-phone", &[("date", &date(lang, &phone.since))]))
                        @if phone.this { " " strong { (t(lang, "me-phone-this")) } }
                        @if phone.revoked { " " strong { (t(lang, "me-phone-stopped")) } }
                        br; small { (t_args(lang, "me-phone-key", &[("kid", &phone.kid)])) }
                    }
                }
            }
        }
    }
}

/// A record; with the ledger's name also where its proof is, which is for the person alone.
fn row(lang: Lang, ledger: Option<&str>, entry: &Entry) -> Markup {
    let receipt = entry.receipt_number.clone().unwrap_or_else(|| entry.seq.to_string());
    let of_entry = |key| t_args(lang, key, &[("number", &receipt)]);
    html! {
        tr {
            td.date {
                (date(lang, &entry.day))
                @if let Some(time) = time_on(&entry.day, entry.accepted_at_s) { " " small { (time) } }
            }
            td.what {
                strong { (what(lang, entry)) }
                @if let Some(place) = &entry.place { br; small lang=[(lang != Lang::Ja).then_some("ja")] { (place) } }
                @if let Some(found) = found(lang, &entry.measured) { br; small { (found) } }
                @if let Some(code) = &entry.family { br; small { (t_args(lang, "me-by-family", &[("code", code)])) } }
                @if let Some(reason) = &entry.reason { br; small { (why(lang, reason, &entry.day)) } }
                @if let Some(held) = entry.held { br; small { (held_text(lang, held)) } }
                @for (names, points) in &entry.also {
                    br; small { (t_args(lang, "me-also", &[("name", &named(lang, names)), ("points", &number(u64::from(*points)))])) }
                }
                @if entry.waits { br; small { (t(lang, "me-proposed")) } }
                @if entry.automatic { br; small { (t(lang, "me-automatic")) } }
                @if let Some(won) = entry.won { br; strong { (t(lang, if won { "me-won" } else { "me-lost" })) } }
                @if let Some(note) = &entry.note {
                    br; small lang=[(lang != Lang::Ja).then_some("ja")] { (t_args(lang, "me-note", &[("note", note)])) }
                }
                @if entry.receipt_number.is_some() { br; small { (of_entry("me-number")) } }
            }
            td.points { (change(entry)) }
            @if let Some(ledger) = ledger { td.proof {
                a href={ "/v1/" (ledger) "/entries/" (entry.seq) "/receipt" }
                    download={ (ledger) "-" (entry.seq) ".tlog-proof" } aria-label=(of_entry("me-receipt-of")) {
                    (t(lang, "me-receipt"))
                }
                " "
                a href={ "/verify?ledger=" (ledger) "&seq=" (entry.seq) } aria-label=(of_entry("me-check-of")) {
                    (t(lang, "me-check"))
                }
            } }
        }
    }
}

/// What a shop reserved or let go, in words.
fn held_text(lang: Lang, held: i64) -> String {
    let key = if held < 0 { "me-freed" } else { "me-reserved" };
    t_args(lang, key, &[("points", &number(held.unsigned_abs()))])
}

/// What a measurement found, in words.
fn found(lang: Lang, measured: &Measured) -> Option<String> {
    let level = measured
        .level_tenths
        .map(|level| t_args(lang, "me-found-level", &[("level", &chart::value(true, level))]));
    let pressure = measured.pressure_mmhg.map(|(high, low)| {
        let values = [("high", high.to_string()), ("low", low.to_string())];
        t_args(lang, "me-found-pressure", &values.each_ref().map(|(name, v)| (*name, v.as_str())))
    });
    level.or(pressure)
}

/// Why an action brought its points; for a cap also until when it holds.
fn why(lang: Lang, reason: &Reason, day: &str) -> String {
    let mut words = reason_text(lang, reason);
    let capped = reason.per.as_ref().filter(|_| reason.code == "cap");
    if let (Some(per), Some(day)) = (capped, Day::parse(day)) {
        let end = match per.as_str() {
            "week" => day.week_start().plus(6),
            "month" => day.month_start().plus(31).month_start().minus(1),
            "fiscal_year" => Day::fiscal_year_first(day.fiscal_year() + 1).minus(1),
            _ => day,
        };
        if lang == Lang::En {
            words.push(' ');
        }
        words += &t_args(lang, "reason-until", &[("date", &date(lang, &end.to_string()))]);
    }
    words
}

pub(super) fn what(lang: Lang, entry: &Entry) -> String {
    match &entry.action {
        Some(names) if entry.kind.starts_with("reward.") => {
            format!("{}: {}", kind_name(lang, &entry.kind), named(lang, names))
        }
        Some(names) => named(lang, names),
        None => kind_name(lang, &entry.kind),
    }
}

fn named(lang: Lang, [ja, en]: &[String; 2]) -> String {
    if lang == Lang::En { en.clone() } else { ja.clone() }
}

/// The points with their sign.
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
            held: None,
            action: None,
            also: vec![],
            place: Some("<b>魚市場</b>".into()),
            reason: None,
            receipt_number: Some("A3K-7Q2F".into()),
            measured: Measured::default(),
            note: None,
            family: None,
            won: None,
            automatic: false,
            waits: false,
        }
    }

    fn level(level_tenths: u32) -> Measured {
        Measured { level_tenths: Some(level_tenths), pressure_mmhg: None }
    }

    fn account() -> Account {
        let capped = Reason {
            code: "cap".into(),
            of: Some("rule".into()),
            per: Some("day".into()),
            next: None,
            times_left: None,
        };
        Account {
            yen: 1_240,
            waits_for: Some(["特定健診", "Specific check-up"].map(str::to_owned)),
            challenge: 3,
            measured: vec![
                (Day(20_779), level(75)),
                (Day(20_770), Measured { level_tenths: None, pressure_mmhg: Some((128, 79)) }),
                (Day(20_760), level(42)),
            ],
            show: Some("actions"),
            coming: vec!["2026年12月5日の9:30に「保健相談」の予約があります。".into()],
            lots: vec![Lot { purse: "yen".into(), expires_on: "2027-03-31".into(), points: 1_240 }],
            holds: vec![Hold { place: Some("魚政".into()), points: 300, until_s: 1_795_326_300 }],
            entries: vec![
                entry("redeem", 100),
                Entry {
                    action: Some(["野菜摂取の測定", "Vegetable measurement"].map(str::to_owned)),
                    also: vec![(
                        ["野菜摂取の改善", "Vegetable level improved"].map(str::to_owned),
                        30,
                    )],
                    reason: Some(capped),
                    measured: level(75),
                    ..entry("action", 0)
                },
                Entry {
                    note: Some("二重に登録したため".into()),
                    waits: true,
                    points: None,
                    ..entry("action.withdraw", 0)
                },
                Entry { held: Some(300), points: None, ..entry("hold", 0) },
                Entry { held: Some(-300), points: None, ..entry("release", 0) },
                Entry { note: Some("品切れのため".into()), ..entry("refund", 50) },
                Entry { waits: true, points: None, ..entry("refund", 0) },
            ],
            next_before: Some(9_000),
            phones: vec![Phone {
                kid: "0011223344556677".into(),
                since: "2026-11-01".into(),
                revoked: true,
                this: true,
            }],
            family: None,
        }
    }

    fn signed_in_as(account: Account) -> Me {
        Me { site: site(), account: Some(account), left: false }
    }

    #[test]
    fn balance_expiry_and_history_in_plain_words() {
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &signed_in_as(account())));
        }
        let page = page(Lang::Ja, &signed_in_as(account())).0;
        for part in [
            "<strong id=\"yen\">1,240</strong>",
            "2027年3月31日までに 1,240 ポイント",
            "お店で使った",
            "−100",
            "野菜摂取の測定",
            "この行動は、その日の上限に届きました。",
            "受付番号 A3K-7Q2F",
            "理由: 二重に登録したため",
            "もう一人の職員が承認すると有効になります。",
            "/v1/yaizu-demo/entries/10452/receipt",
            "/verify?ledger=yaizu-demo&amp;seq=10452",
            "?before=9000&amp;show=actions#history",
            "href=\"/yaizu-demo/pay\"",
            "次の期限は2027年3月31日、1,240 ポイントです。",
            "この上限は2026年11月22日までです。",
            "野菜レベル 7.5",
            "128",
            "「保健相談」の予約があります。",
            "href=\"/yaizu-demo/me/calendar.ics\"",
            "action=\"/yaizu-demo/me/leave\"",
            "aria-current=\"true\">健康づくり",
            "0011223344556677",
            "&lt;b&gt;魚市場",
            "300 ポイントを予約中",
            "300 ポイントを予約しました",
            "予約した 300 ポイントが戻りました",
            "理由: 品切れのため",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn the_family_reads_and_neither_pays_nor_proves() {
        let link = "0123456789abcdef0123456789abcdef";
        let family = Account { family: Some(link.into()), phones: vec![], ..account() };
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &signed_in_as(family.clone())));
        }
        let page = page(Lang::Ja, &signed_in_as(family)).0;
        for part in
            ["?for=0123456789abcdef0123456789abcdef&amp;before=9000", "/rewards?for=", "/family"]
        {
            assert!(page.contains(part), "{part} in {page}");
        }
        for part in ["/pay\"", "/receipt", "calendar.ics", "history.csv", "/links", "id=\"phones\""]
        {
            assert!(!page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn without_a_session_only_a_demo_lets_strangers_in() {
        let open =
            |demo| page(Lang::Ja, &Me { site: Site { demo, ..site() }, account: None, left: demo });
        check_page(Lang::Ja, &open(true));
        assert!(open(true).0.contains("デモの市民になる"));
        assert!(!open(false).0.contains("id=\"visitor\""));
    }

    #[test]
    fn an_empty_account_says_so() {
        let page = page(Lang::Ja, &signed_in_as(Account::default())).0;
        assert!(page.contains("まだ記録がありません。") && !page.contains("<table"));
    }

    #[test]
    fn a_cap_names_the_last_day_of_its_period() {
        let cases = [
            ("day", "2026-12-05", "2026年12月5日"),
            ("month", "2026-12-05", "2026年12月31日"),
            ("month", "2028-02-29", "2028年2月29日"),
            ("fiscal_year", "2026-12-05", "2027年3月31日"),
            ("fiscal_year", "2027-03-31", "2027年3月31日"),
        ];
        for (per, day, until) in cases {
            let (code, of, per) = ("cap".into(), Some("all".into()), Some(per.into()));
            let reason = Reason { code, of, per, next: None, times_left: None };
            let words = why(Lang::Ja, &reason, day);
            assert!(words.ends_with(&format!("この上限は{until}までです。")), "{words}");
        }
    }

    #[test]
    fn a_shop_keeps_its_own_language_on_an_english_page() {
        let page = page(Lang::En, &signed_in_as(account())).0;
        assert!(page.contains("<small lang=\"ja\">&lt;b&gt;魚市場"), "{page}");
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
