//! The resident's page: balance, expiry, own measurements, history with reasons and receipts,
//! phones.

use ledger_spec::caps::CapPer;
use ledger_spec::ids::{Kid, LinkId};
use ledger_spec::kinds::Kind;
use ledger_spec::points::Purse;
use ledger_spec::time::Day;
use maud::{Markup, html};

use super::chart::{self, Chart, Point};
use super::desk::phone_asks;
use super::found::found;
use super::frame::{PageFrame, Site, confirm_box, layout, problem_box};
use super::lang::Lang;
use super::messages::{
    cause_text, date, kind_name, number, reason_text, t, t_args, time_of, time_on,
};
use super::reminders::{Detail, sentence};
use crate::query::links::family_code;
use crate::query::reminders::Coming;
use crate::query::{
    Balance, Filter, History, HistoryLine, HoldLine, LotLine, Phone, ReasonJson, ValuesJson,
};

/// What the resident's page shows.
#[derive(Clone, Debug)]
pub struct Me {
    /// The ledger of the page.
    pub site: Site,
    /// The account of the session; without one the page opens a session with the key of the phone.
    pub account: Option<AccountPage>,
    /// The reader has just left: the page waits to be asked before it opens another session.
    pub left: bool,
}

/// An account and its records.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// Open points, and what waits for a shop.
    pub balance: Balance,
    /// What lies ahead besides points that expire.
    pub coming: Vec<Coming>,
    /// Records in which something was measured, the latest first; only on the first page of
    /// records.
    pub measured: Vec<HistoryLine>,
    /// Which records are shown; nothing for all.
    pub filter: Option<Filter>,
    /// The records.
    pub history: History,
    /// Every phone that the account ever had.
    pub phones: Vec<Phone>,
    /// The phone that the page is read with.
    pub this_phone: Kid,
    /// The link by which a phone of the family reads; nothing for the own phone.
    pub family: Option<LinkId>,
    /// The day of the page: what is left of a period is said while it runs.
    pub today: Day,
}

/// Kinds whose points leave the account.
const SPENDING: [Kind; 4] = [Kind::Redeem, Kind::Capture, Kind::RewardClaim, Kind::Expire];

const TEXTS: [&str; 7] =
    ["me-opening", "me-no-key", "me-cookie", "me-phone-", "retry-", "problem-", "browser-cannot"];

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
        &PageFrame { lang, site: &data.site, title: &title, script: Some("me.js"), texts: &TEXTS },
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

fn signed_in(lang: Lang, ledger: &str, title: &str, account: &AccountPage) -> Markup {
    let AccountPage { balance, family, .. } = account;
    html! {
        div #me data-session="yes" {
            h1 { (title) }
            @if family.is_some() { p.notice { (t(lang, "family-view-note")) } }
            p.balance {
                (t(lang, "me-balance")) br;
                strong #yen { (number(balance.yen)) } " " (t(lang, "unit-points"))
            }
            @if let Some(next) = balance.lots.iter().find(|line| line.lot.purse == Purse::Yen) {
                p #next-expiry { (t_args(lang, "me-next-expiry", &[
                    ("date", &date(lang, next.lot.expires_on)), ("points", &number(next.points.into())),
                ])) }
            }
            @for hold in &balance.holds { p { (reserved(lang, hold)) } }
            @if balance.suspended == Some(true) { p #suspended { (t(lang, "me-suspended")) } }
            @if let Some(waits) = &balance.waits_for {
                p #waits-for { (t_args(lang, "me-waits-for", &[("name", lang.pick(&waits.name, &waits.name_en))])) }
            }
            @if balance.challenge > 0 { p { (t(lang, "me-challenge")) " " strong { (number(balance.challenge)) } } }
            p #say role="status" aria-live="polite" {}
            (problem_box())
            @if let Some(link) = family {
                p { a.button.large href={ "/" (ledger) "/rewards?for=" (link) } { (t(lang, "reward-title")) } }
            } @else {
                p { a.button.large href={ "/" (ledger) "/pay" } { (t(lang, "me-pay")) } }
                p { a.button.quiet href={ "/" (ledger) "/rewards" } { (t(lang, "reward-title")) } }
            }
            (measurements(lang, &account.measured))
            (lots(lang, &balance.lots))
            (coming(lang, ledger, account))
            (history(lang, ledger, account))
            (phones(lang, account))
            @if family.is_none() {
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
        (confirm_box(lang, "me-phone-end-title", "me-phone-end-yes", "me-phone-end-no"))
    }
}

/// A reservation, with the shop's own name.
fn reserved(lang: Lang, hold: &HoldLine) -> Markup {
    let until = time_of(hold.until_s);
    let sentence = t_args(lang, "me-held", &[("points", &number(hold.points)), ("time", &until)]);
    html! {
        (sentence)
        @if let Some(place) = &hold.place { " " small lang=[(lang != Lang::Ja).then_some("ja")] { (place) } }
    }
}

fn measurements(lang: Lang, measured: &[HistoryLine]) -> Markup {
    let points = |values_of: fn(ValuesJson) -> Option<Vec<u32>>| -> Vec<Point> {
        let oldest_first = measured.iter().rev();
        let point =
            |line: &HistoryLine| Some(Point { day: line.day, values: values_of(line.values?)? });
        oldest_first.filter_map(point).collect()
    };
    let levels = points(|values| Some(vec![values.level_tenths?]));
    let pressures = points(|values| values.pressure_mmhg().map(|(high, low)| vec![high, low]));
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

fn level_chart(lang: Lang, latest: &Point) -> Chart<'static> {
    let level: Vec<String> = latest.values.iter().map(|found| chart::value(true, *found)).collect();
    Chart {
        id: "level",
        title: t(lang, "me-level"),
        lines: vec![t(lang, "me-level")],
        scale: (0, 120),
        tenths: true,
        summary: t_args(
            lang,
            "me-level-latest",
            &[("date", &date(lang, latest.day)), ("level", &level.concat())],
        ),
    }
}

fn pressure_chart(lang: Lang, latest: &Point) -> Chart<'static> {
    let value = |at: usize| latest.values.get(at).map_or_else(String::new, u32::to_string);
    Chart {
        id: "pressure",
        title: t(lang, "me-pressure"),
        lines: vec![t(lang, "me-systolic"), t(lang, "me-diastolic")],
        scale: (40, 200),
        tenths: false,
        summary: t_args(
            lang,
            "me-pressure-latest",
            &[("date", &date(lang, latest.day)), ("high", &value(0)), ("low", &value(1))],
        ),
    }
}

fn lots(lang: Lang, lots: &[LotLine]) -> Markup {
    let sentence = |line: &LotLine| {
        let key = match line.lot.purse {
            Purse::Yen => "me-lot",
            Purse::Challenge => "me-lot-challenge",
        };
        let (day, points) = (date(lang, line.lot.expires_on), number(line.points.into()));
        t_args(lang, key, &[("date", &day), ("points", &points)])
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
fn coming(lang: Lang, ledger: &str, account: &AccountPage) -> Markup {
    let AccountPage { coming, family, .. } = account;
    html! {
        section aria-labelledby="coming" {
            h2 #coming { (t(lang, "me-coming")) }
            @if coming.is_empty() { p { (t(lang, "me-no-coming")) } }
            ul { @for coming in coming { li { (sentence(lang, coming, Detail::Full)) } } }
            @if family.is_none() {
                p { a href={ "/" (ledger) "/me/calendar.ics" } download { (t(lang, "me-calendar")) } }
                p.note { (t(lang, "me-calendar-note")) }
            }
        }
    }
}

fn history(lang: Lang, ledger: &str, account: &AccountPage) -> Markup {
    let show = account.filter.map_or_else(String::new, |filter| format!("&show={}", filter.name()));
    let whom = account.family.map_or_else(String::new, |link| format!("for={link}&"));
    let own = account.family.is_none();
    html! {
        section aria-labelledby="history" {
            h2 #history { (t(lang, "me-history")) }
            (narrowing(lang, &whom, account.filter))
            @if account.history.entries.is_empty() {
                p { (t(lang, "me-no-history")) }
            } @else {
                table.history {
                    thead { tr {
                        th scope="col" { (t(lang, "me-date")) }
                        th scope="col" { (t(lang, "me-what")) }
                        th.points scope="col" { (t(lang, "me-change")) }
                        @if own { th scope="col" { (t(lang, "me-proof")) } }
                    } }
                    tbody {
                        @for line in &account.history.entries {
                            (row(lang, own.then_some(ledger), line, account.today))
                        }
                    }
                }
            }
            @if let Some(before) = account.history.next_before {
                p { a.button.quiet href={ "?" (whom) "before=" (before) (show) "#history" } { (t(lang, "me-more")) } }
            }
            @if own { p { a href={ "/" (ledger) "/me/history.csv" } download { (t(lang, "me-csv")) } } }
        }
    }
}

fn narrowing(lang: Lang, whom: &str, chosen: Option<Filter>) -> Markup {
    let name = |filter| match filter {
        None => t(lang, "me-show-all"),
        Some(Filter::Actions) => t(lang, "me-show-actions"),
        Some(Filter::Shops) => t(lang, "me-show-shops"),
    };
    html! {
        nav.narrow aria-label=(t(lang, "me-show")) {
            @for filter in std::iter::once(None).chain(Filter::ALL.map(Some)) {
                @let query = filter.map_or_else(String::new, |filter| format!("show={}", filter.name()));
                a href={ "?" (whom) (query) "#history" } aria-current=[(filter == chosen).then_some("true")] {
                    (name(filter))
                }
            }
        }
    }
}

fn phones(lang: Lang, account: &AccountPage) -> Markup {
    html! {
        section aria-labelledby="phones" {
            h2 #phones { (t(lang, "me-phones")) }
            p { (t(lang, "me-phones-note")) }
            ul {
                @for phone in &account.phones {
                    li {
                        (t_args(lang, "me-phone", &[("date", &date(lang, phone.since))]))
                        @if phone.kid == account.this_phone { " " strong { (t(lang, "me-phone-this")) } }
                        @if phone.revoked { " " strong { (t(lang, "me-phone-ended")) } }
                        @else if phone.suspended { " " strong { (t(lang, "me-phone-stopped")) } }
                        br; small { (t_args(lang, "me-phone-key", &[("kid", &phone.kid.to_string())])) }
                        @if !phone.revoked && phone.kid != account.this_phone {
                            p { button.button.quiet type="button" data-phone=(phone.kid) hidden { (t(lang, "me-phone-end")) } }
                        }
                    }
                }
            }
        }
    }
}

/// A record; with the ledger's name also where its proof is, which is for the person alone.
fn row(lang: Lang, ledger: Option<&str>, line: &HistoryLine, today: Day) -> Markup {
    let of_entry = |key| t_args(lang, key, &[("number", &line.receipt_number)]);
    html! {
        tr {
            td.date {
                (date(lang, line.day))
                @if let Some(time) = time_on(line.day, line.accepted_at_s) { " " small { (time) } }
            }
            td.what { (details(lang, line, today)) }
            td.points { (change(line)) }
            @if let Some(ledger) = ledger { td.proof {
                a href={ "/v1/" (ledger) "/entries/" (line.seq) "/receipt" }
                    download={ (ledger) "-" (line.seq) ".tlog-proof" } aria-label=(of_entry("me-receipt-of")) {
                    (t(lang, "me-receipt"))
                }
                " "
                a href={ "/verify?ledger=" (ledger) "&seq=" (line.seq) } aria-label=(of_entry("me-check-of")) {
                    (t(lang, "me-check"))
                }
            } }
        }
    }
}

fn details(lang: Lang, line: &HistoryLine, today: Day) -> Markup {
    let foreign = (lang != Lang::Ja).then_some("ja");
    html! {
        strong { (what(lang, line)) }
        @if let Some(place) = &line.place { br; small lang=[foreign] { (place) } }
        @if let Some(found) = line.values.and_then(|values| found(lang, values)) { br; small { (found) } }
        @if let Some(phone) = line.family { br; small { (t_args(lang, "me-by-family", &[("code", &family_code(phone))])) } }
        @if let Some(reason) = &line.reason { br; small { (why(lang, reason, line.day, today)) } }
        @if let Some(held) = line.held { br; small { (held_text(lang, held)) } }
        @for also in &line.also {
            br; small { (t_args(lang, "me-also", &[("name", lang.pick(&also.name, &also.name_en)), ("points", &number(also.points.into()))])) }
        }
        @if line.proposal == Some(true) { br; small { (t(lang, "me-proposed")) } }
        @if line.automatic == Some(true) { br; small { (t(lang, "me-automatic")) } }
        @if let Some(won) = line.won { br; strong { (t(lang, if won { "me-won" } else { "me-lost" })) } }
        @if let Some(cause) = line.cause { br; small { (t_args(lang, "me-cause", &[("cause", &cause_text(lang, cause))])) } }
        @if let Some(note) = &line.note { br; small lang=[foreign] { (t_args(lang, "me-note", &[("note", note)])) } }
        br; small { (t_args(lang, "me-number", &[("number", &line.receipt_number)])) }
    }
}

/// What a shop reserved or let go, in words.
fn held_text(lang: Lang, held: i64) -> String {
    let key = if held < 0 { "me-freed" } else { "me-reserved" };
    t_args(lang, key, &[("points", &number(held.unsigned_abs()))])
}

/// Why an action of a day brought its points; what is left of a period while it runs; for a cap
/// also until when it holds.
fn why(lang: Lang, reason: &ReasonJson, day: Day, today: Day) -> String {
    let runs = reason.per.is_some_and(|per| last_day(per, day) == last_day(per, today));
    let times_left = reason.times_left.filter(|_| runs);
    let mut words = reason_text(lang, &ReasonJson { times_left, ..*reason });
    if let Some(per) = reason.per.filter(|_| reason.code == "cap") {
        if lang == Lang::En {
            words.push(' ');
        }
        words += &t_args(lang, "reason-until", &[("date", &date(lang, last_day(per, day)))]);
    }
    words
}

/// The last day of the period that a day lies in.
fn last_day(per: CapPer, day: Day) -> Day {
    match per {
        CapPer::Day => day,
        CapPer::Week => day.week_start().plus(6),
        CapPer::Month => day.month_start().plus(31).month_start().minus(1),
        CapPer::FiscalYear => Day::fiscal_year_first(day.fiscal_year() + 1).minus(1),
    }
}

pub(super) fn what(lang: Lang, line: &HistoryLine) -> String {
    let name = line.name.as_deref().zip(line.name_en.as_deref());
    match name.map(|(name, name_en)| lang.pick(name, name_en)) {
        Some(name) if line.kind.name().starts_with("reward.") => {
            format!("{}: {name}", kind_name(lang, line.kind))
        }
        Some(name) => name.to_owned(),
        None => kind_name(lang, line.kind),
    }
}

/// The points with their sign.
fn change(line: &HistoryLine) -> String {
    let Some(points) = line.points else { return String::new() };
    let down = points < 0 || SPENDING.contains(&line.kind);
    let sign = match (points, down) {
        (0, _) => "",
        (_, true) => "−",
        (_, false) => "+",
    };
    format!("{sign}{}", number(points.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use ledger_spec::caps::CapOf;
    use ledger_spec::entry::Reason;
    use ledger_spec::kinds::Cause;
    use ledger_spec::points::Fund;

    use super::*;
    use crate::pages::frame::tests::{check_page, site};
    use crate::query::reminders::About;
    use crate::query::{AlsoJson, LotJson, WaitsFor};

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn line(kind: Kind, points: i64) -> HistoryLine {
        HistoryLine {
            seq: 10_452,
            kind,
            day: day("2026-11-22"),
            accepted_at_s: 1_795_326_300,
            points: Some(points),
            held: None,
            action: None,
            name: None,
            name_en: None,
            also: vec![],
            place: Some("<b>魚市場</b>".into()),
            family: None,
            reason: None,
            receipt_number: "A3K-7Q2F".into(),
            yen_after: None,
            values: None,
            cause: None,
            note: None,
            won: None,
            automatic: None,
            proposal: None,
        }
    }

    fn level(level_tenths: u32) -> ValuesJson {
        ValuesJson { level_tenths: Some(level_tenths), ..ValuesJson::default() }
    }

    fn measured(day: u32, values: ValuesJson) -> HistoryLine {
        HistoryLine { day: Day(day), values: Some(values), ..line(Kind::Action, 0) }
    }

    fn balance() -> Balance {
        let lot = LotJson { purse: Purse::Yen, fund: Fund::General, expires_on: day("2027-03-31") };
        Balance {
            account_entries: 7,
            yen: 1_240,
            challenge: 3,
            waits_for: Some(WaitsFor {
                name: "特定健診".into(),
                name_en: "Specific check-up".into(),
            }),
            suspended: Some(true),
            lots: vec![LotLine { lot, points: 1_240 }],
            holds: vec![HoldLine {
                seq: 9,
                place: Some("魚政".into()),
                points: 300,
                until_s: 1_795_326_300,
            }],
            as_of_seq: 10_453,
        }
    }

    fn history() -> History {
        let capped = ReasonJson::from(Reason::Cap(CapOf::Rule, CapPer::Day));
        let also = AlsoJson {
            name: "野菜摂取の改善".into(),
            name_en: "Vegetable level improved".into(),
            points: 30,
        };
        let entries = vec![
            line(Kind::Redeem, 100),
            HistoryLine {
                name: Some("野菜摂取の測定".into()),
                name_en: Some("Vegetable measurement".into()),
                also: vec![also],
                reason: Some(capped),
                values: Some(level(75)),
                ..line(Kind::Action, 0)
            },
            HistoryLine {
                cause: Some(Cause::Duplicate),
                note: Some("同じ日に二回読み取られていました".into()),
                proposal: Some(true),
                points: None,
                ..line(Kind::ActionWithdraw, 0)
            },
            HistoryLine { held: Some(300), points: None, ..line(Kind::Hold, 0) },
            HistoryLine { held: Some(-300), points: None, ..line(Kind::Release, 0) },
            HistoryLine { cause: Some(Cause::GoodsReturned), ..line(Kind::Refund, 50) },
            HistoryLine { proposal: Some(true), points: None, ..line(Kind::Refund, 0) },
        ];
        History { entries, next_before: Some(9_000) }
    }

    fn account() -> AccountPage {
        let pressure = ValuesJson {
            systolic_mmhg: Some(128),
            diastolic_mmhg: Some(79),
            ..ValuesJson::default()
        };
        let names = ["保健相談", "Health talk"].map(str::to_owned);
        let booked = About::Appointment(Some(names), Some(1_796_430_600));
        let phone = Kid([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);
        AccountPage {
            balance: balance(),
            coming: vec![Coming { on: day("2026-12-05"), about: booked }],
            measured: vec![
                measured(20_779, level(75)),
                measured(20_770, pressure),
                measured(20_760, level(42)),
            ],
            filter: Some(Filter::Actions),
            history: history(),
            phones: vec![Phone {
                kid: phone,
                since: day("2026-11-01"),
                revoked: true,
                suspended: false,
            }],
            this_phone: phone,
            family: None,
            today: day("2026-11-23"),
        }
    }

    fn signed_in_as(account: AccountPage) -> Me {
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
            "理由: 二重の記録",
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
            "理由: 返品・品切れ",
            "一時停止中のため",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn the_family_reads_and_neither_pays_nor_proves() {
        let link = LinkId::from_hex("0123456789abcdef0123456789abcdef");
        let family = AccountPage { family: link, ..account() };
        for lang in Lang::ALL {
            check_page(lang, &page(lang, &signed_in_as(family.clone())));
        }
        let page = page(Lang::Ja, &signed_in_as(family)).0;
        for part in [
            "?for=0123456789abcdef0123456789abcdef&amp;before=9000",
            "/rewards?for=",
            "/family",
            "id=\"phones\"",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        for part in ["/pay\"", "/receipt", "calendar.ics", "history.csv", "/links"] {
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
        let balance = Balance {
            yen: 0,
            challenge: 0,
            waits_for: None,
            suspended: None,
            lots: vec![],
            holds: vec![],
            ..balance()
        };
        let history = History { entries: vec![], next_before: None };
        let (coming, measured, phones) = (vec![], vec![], vec![]);
        let account = AccountPage { balance, history, coming, measured, phones, ..account() };
        let page = page(Lang::Ja, &signed_in_as(account)).0;
        assert!(page.contains("まだ記録がありません。") && !page.contains("<table"));
    }

    #[test]
    fn a_cap_names_the_last_day_of_its_period() {
        let cases = [
            (CapPer::Day, "2026-12-05", "2026年12月5日"),
            (CapPer::Month, "2026-12-05", "2026年12月31日"),
            (CapPer::Month, "2028-02-29", "2028年2月29日"),
            (CapPer::FiscalYear, "2026-12-05", "2027年3月31日"),
            (CapPer::FiscalYear, "2027-03-31", "2027年3月31日"),
        ];
        for (per, on, until) in cases {
            let reason = ReasonJson::from(Reason::Cap(CapOf::All, per));
            let words = why(Lang::Ja, &reason, day(on), day(on));
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
            (Kind::Action, 20, "+20"),
            (Kind::Redeem, 100, "−100"),
            (Kind::Void, 100, "+100"),
            (Kind::Adjust, -5, "−5"),
            (Kind::Action, 0, "0"),
        ];
        for (kind, points, text) in cases {
            assert_eq!(change(&line(kind, points)), text);
        }
        assert_eq!(change(&HistoryLine { points: None, ..line(Kind::DeviceEnrol, 0) }), "");
    }
}
