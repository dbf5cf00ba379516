//! Reminders from booking to message: files of a clinic into the registry, then calendar, tablet,
//! partner and letters.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ed25519_dalek::SigningKey;
use expect_test::expect;
use kenmai::engine::REGISTRY_FILE;
use kenmai::keys::LedgerKeys;
use kenmai::registry::{Appointment, Booking, Registry};
use ledger_spec::ids::{Kid, LinkId, PersonId};
use ledger_spec::kinds::{Approve, Body, KeyRegister, LinkGrant, LinkRevoke, Name, Purpose, Role};
use ledger_spec::statement::{Holder, read};
use ledger_spec::time::Day;
use tempfile::TempDir;

use crate::city::{City, account, card};
use crate::town::{Plan, Town, check};

const TODAY: &str = "2026-11-22";
const DAY_S: u64 = 86_400;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// The registry of a town that is served, as another process opens it.
fn registry(town: &Town) -> Registry {
    let data = town.data();
    let keys = LedgerKeys::load(&data.parent().unwrap().join("keys")).unwrap();
    Registry::open(&data.join(REGISTRY_FILE), &keys.kek).unwrap()
}

fn booking(town: &Town, resident: usize, at: &str, hour: u64, action: &str) -> Booking {
    let start_s = Some(day(at).start_ms() / 1_000 + hour * 3_600).filter(|_| hour > 0);
    let appointment = Some(Appointment { day: day(at), start_s, action: action.to_owned() });
    Booking { account: town.cast.account(resident), id: format!("{at} {action}"), appointment }
}

/// Registers a partner service, by two root keys.
async fn partner(town: &Town, op: u32, seed: u8) -> SigningKey {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let (role, person) = (Role::Partner, PersonId([seed; 16]));
    let (public_key, name) = (key.verifying_key().to_bytes(), Name::new("便り(架空)").unwrap());
    let body = Body::KeyRegister(KeyRegister { public_key, role, person, place: None, name });
    let proposal = town.core(op, body).sign(&town.cast.root(0), None);
    let seq = town.accept(&proposal).await["seq"].as_u64().unwrap();
    let (proposal, statement_hash) =
        (ledger_spec::ids::Seq(seq), read(&proposal).unwrap().1.hash());
    let approve = Body::Approve(Approve { proposal, statement_hash });
    town.accept(&town.core(op + 1, approve).sign(&town.cast.root(1), None)).await;
    key
}

fn grant(town: &Town, op: u32, resident: usize, link: u8, partner: &SigningKey) -> Vec<u8> {
    let partner = Kid::of(partner.verifying_key().as_bytes());
    let until = Day::of_ms(town.clock.now_s() * 1_000).plus(300);
    let link = LinkId([link; 16]);
    let body = LinkGrant { link, purpose: Purpose::Reminders, until, partner };
    let disclosed = town.disclosure(None);
    town.core(op, Body::LinkGrant(body)).sign(&town.cast.phone(resident), Some(&disclosed))
}

#[tokio::test]
async fn a_resident_takes_the_calendar_away() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let bookings = [
        booking(&town, 0, "2026-11-29", 9, "care"),
        booking(&town, 0, "2026-12-24", 0, "unknown"),
        booking(&town, 1, "2026-11-30", 9, "care"),
    ];
    assert_eq!(registry(&town).book(&bookings, day(TODAY)).unwrap(), [true; 3]);
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let cookie = format!("kenmai_session={token}");
    let file = town.get_with("/town/me/calendar.ics", &[("cookie", &cookie)]).await;
    assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"town.ics\"");
    assert_eq!(file.header("cache-control"), "no-store");
    let text = file.text().replace("\r\n ", "").replace("\r\n", "\n");
    let told = |line: &&str| {
        ["DTSTART", "SUMMARY", "DESCRIPTION", "TRIGGER", "X-WR"].iter().any(|p| line.starts_with(p))
    };
    expect![[r#"
        X-WR-CALNAME:健康マイレージ
        DTSTART:20261129T000000Z
        SUMMARY:2026年11月29日 09:00に「保健相談」の予約があります。
        DESCRIPTION:2026年11月29日 09:00に「保健相談」の予約があります。\n“Consultation” is booked for 29 November 2026\, 09:00.
        TRIGGER:-P7D
        DESCRIPTION:2026年11月29日 09:00に「保健相談」の予約があります。
        TRIGGER:-P1D
        DESCRIPTION:2026年11月29日 09:00に「保健相談」の予約があります。
        DTSTART;VALUE=DATE:20261224
        SUMMARY:2026年12月24日に「健康づくりの予定」の予約があります。
        DESCRIPTION:2026年12月24日に「健康づくりの予定」の予約があります。\n“A health appointment” is booked for 24 December 2026.
        TRIGGER:-PT159H
        DESCRIPTION:2026年12月24日に「健康づくりの予定」の予約があります。
        TRIGGER:-PT15H
        DESCRIPTION:2026年12月24日に「健康づくりの予定」の予約があります。
        DTSTART;VALUE=DATE:20280331
        SUMMARY:300 ポイントの期限は2028年3月31日です。
        DESCRIPTION:300 ポイントの期限は2028年3月31日です。\n300 points expire after 31 March 2028.
        TRIGGER:-PT1431H
        DESCRIPTION:300 ポイントの期限は2028年3月31日です。
        TRIGGER:-PT711H
        DESCRIPTION:300 ポイントの期限は2028年3月31日です。
        TRIGGER:-PT159H
        DESCRIPTION:300 ポイントの期限は2028年3月31日です。
        TRIGGER:-PT15H
        DESCRIPTION:300 ポイントの期限は2028年3月31日です。"#]]
    .assert_eq(&text.lines().filter(told).collect::<Vec<_>>().join("\n"));
    // A later file replaces what a calendar has, so what is the same has the same id, and another's
    // has another.
    let ids = |text: &str| {
        let mut ids: Vec<String> =
            text.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect();
        ids.sort();
        ids
    };
    town.clock.pass(600);
    let again = town.get_with("/town/me/calendar.ics", &[("cookie", &cookie)]).await;
    assert_eq!(ids(again.text()), ids(file.text()));
    assert_eq!(ids(file.text()).len(), 3);

    let page = town.get_with("/town/me", &[("cookie", &cookie)]).await;
    assert!(page.text().contains("2026年11月29日 09:00に「保健相談」の予約があります。"));
    let neighbour = town.log_in(&town.cast.phone(1), 2).await;
    let cookie = format!("kenmai_session={neighbour}");
    let other = town.get_with("/town/me/calendar.ics", &[("cookie", &cookie)]).await;
    assert!(!other.text().contains("20261129") && other.text().contains("20261130T000000Z"));
    assert_eq!(town.get("/town/me/calendar.ics").await.status, 401);
    let till = town.log_in(&town.cast.till(0), 3).await;
    let cookie = format!("kenmai_session={till}");
    let refused = town.get_with("/town/me/calendar.ics", &[("cookie", &cookie)]).await;
    assert_eq!(refused.slug(), "role-not-permitted");
}

#[tokio::test]
async fn a_partner_knows_what_residents_let_it_know() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let (ours, theirs) = (partner(&town, 200, 91).await, partner(&town, 210, 92).await);
    let bookings = [
        booking(&town, 0, "2026-11-29", 9, "care"),
        booking(&town, 0, "2026-11-24", 9, "care"),
        booking(&town, 1, "2026-11-23", 9, "guidance.session"),
    ];
    assert_eq!(registry(&town).book(&bookings, day(TODAY)).unwrap(), [true; 3]);
    let token = town.log_in(&ours, 1).await;
    let nothing = &expect![[r#"
        200 application/json
        {"day":"2026-11-22","reminders":[],"next_after":null}"#]];
    check(&town.read("/reminders", &token).await, nothing);
    town.accept(&grant(&town, 300, 0, 0xb1, &ours)).await;
    town.accept(&grant(&town, 301, 1, 0xb0, &ours)).await;
    let told = town.read("/reminders", &token).await;
    check(
        &told,
        &expect![[r#"
            200 application/json
            {"day":"2026-11-22","reminders":[
              {"link":"b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0","about":"appointment","on":"2026-11-23","days_before":1,"text":"2026年11月23日に「健康づくりの予定」の予約があります。","text_en":"“A health appointment” is booked for 23 November 2026."},
              {"link":"b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1","about":"appointment","on":"2026-11-29","days_before":7,"text":"2026年11月29日に「保健相談」の予約があります。","text_en":"“Consultation” is booked for 29 November 2026."}],"next_after":null}"#]],
    );
    for resident in 0..2 {
        assert!(!told.text().contains(&town.cast.account(resident).to_string()));
    }
    let tomorrow = town.read("/reminders?day=2026-11-23", &token).await.json();
    assert_eq!(tomorrow["reminders"][0]["on"], "2026-11-24");
    let behind = format!("/reminders?after={}", "b0".repeat(16));
    assert_eq!(town.read(&behind, &token).await.json()["reminders"].as_array().unwrap().len(), 1);
    for odd in ["?day=2026-11-21", "?day=2026-11-30", "?day=x", "?after=b0", "?after=é"] {
        let answer = town.read(&format!("/reminders{odd}"), &token).await;
        assert_eq!(answer.slug(), "malformed-request", "{odd}");
    }
    // Another partner, a coach and the resident learn nothing here.
    check(&town.read("/reminders", &town.log_in(&theirs, 2).await).await, nothing);
    for (number, key) in [(3, town.cast.coach(0)), (4, town.cast.phone(0))] {
        let token = town.log_in(&key, number).await;
        assert_eq!(town.read("/reminders", &token).await.slug(), "role-not-permitted");
    }
    // The purpose allows no reports.
    let disclosed = town.disclosure(Some(Holder::Link(LinkId([0xb1; 16]))));
    let report = town.action(302, "vegecheck.measure", 1).sign(&ours, Some(&disclosed));
    assert!(["link-purpose", "role-not-permitted"].contains(&&*town.submit(&report).await.slug()));
    // What the resident ends has ended.
    let revoke = Body::LinkRevoke(LinkRevoke { link: LinkId([0xb1; 16]) });
    town.accept(&town.core(303, revoke).sign(&town.cast.phone(0), None)).await;
    let left = town.read("/reminders", &token).await.json();
    assert_eq!(left["reminders"].as_array().unwrap().len(), 1);

    // Points: sixty days before the last one, and no number of them.
    town.clock.pass(435 * DAY_S);
    let token = town.log_in(&ours, 5).await;
    assert!(town.read("/reminders", &token).await.text().contains("\"reminders\":[]"), "all ended");
    town.accept(&grant(&town, 304, 0, 0xb2, &ours)).await;
    check(
        &town.read("/reminders", &token).await,
        &expect![[r#"
            200 application/json
            {"day":"2028-01-31","reminders":[
              {"link":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2","about":"expiry","on":"2028-03-31","days_before":60,"text":"ポイントの期限は2028年3月31日です。","text_en":"Points expire after 31 March 2028."}],"next_after":null}"#]],
    );
}

#[tokio::test]
async fn a_station_says_when_to_come_again_and_no_more() {
    let town = Town::found(Plan::default()).await;
    let by_card = |number| Holder::Card(town.cast.card(number));
    let measured = town.accept(&town.measure(100, by_card(0))).await["seq"].as_u64().unwrap();
    let coached = town.accept(&town.coaching(101, 1)).await["seq"].as_u64().unwrap();
    let station = town.log_in(&town.cast.station(0), 1).await;
    let next = |seq: u64| format!("/entries/{seq}/next");
    check(
        &town.read(&next(measured), &station).await,
        &expect![[r#"
            200 application/json
            {"expires_on":"2028-03-31","counts_on":null,"name":null,"name_en":null}"#]],
    );
    assert_eq!(town.read(&next(coached), &station).await.slug(), "entry-not-found");
    assert_eq!(town.read(&next(9_999), &station).await.slug(), "entry-not-found");
    for (number, key) in [(2, town.cast.coach(0)), (3, town.cast.phone(0)), (4, town.cast.till(0))]
    {
        let token = town.log_in(&key, number).await;
        assert_eq!(town.read(&next(measured), &token).await.slug(), "role-not-permitted");
    }
    // Tomorrow the tablet may no more look back.
    town.clock.pass(12 * 3_600);
    let station = town.log_in(&town.cast.station(0), 5).await;
    assert_eq!(town.read(&next(measured), &station).await.slug(), "entry-not-found");
}

/// Runs the program; its exit code must be this. Gives what it complained of.
fn kenmai(folder: &Path, arguments: &[&str], code: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{complained}");
    complained
}

const MAP: &str = r#"{"kinds": {"健診": "checkup", "相談": "care"}, "number": "ATTENDEE", "prefix": "urn:city:"}"#;
const CLINIC: &str = "BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a clinic//JA
BEGIN:VEVENT
UID:1@clinic
SUMMARY:山田太郎さま 胃カメラ
CATEGORIES:相談
DTSTART;TZID=Asia/Tokyo:20261201T093000
ATTENDEE:urn:city:102
END:VEVENT
BEGIN:VEVENT
UID:2@clinic
CATEGORIES:健診
DTSTART;VALUE=DATE:20261201
ATTENDEE:urn:city:101
END:VEVENT
BEGIN:VEVENT
UID:3@clinic
CATEGORIES:健診
DTSTART;VALUE=DATE:20261125
ATTENDEE:urn:city:102
END:VEVENT
BEGIN:VEVENT
UID:4@clinic
CATEGORIES:健診
DTSTART;VALUE=DATE:20261120
ATTENDEE:urn:city:102
END:VEVENT
BEGIN:VEVENT
UID:5@clinic
CATEGORIES:健診
DTSTART;VALUE=DATE:20261202
ATTENDEE:urn:city:999
END:VEVENT
END:VCALENDAR
";

#[test]
fn a_clinics_calendar_becomes_letters_for_those_without_a_phone() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let mut city = City::settled();
    city.measure("mei");
    city.act("station", "vegetables", None, Holder::Card(card("ken")));
    let registry = city.engine().registry();
    let of = |name: &str, number: &str| (account(name), number.to_owned());
    registry.put_numbers(&[of("mei", "101"), of("ken", "102")]).unwrap();
    registry.put_persons(&[(account("mei"), "鈴木 芽衣"), (account("ken"), "=佐藤 健")]).unwrap();
    city.close();
    for (name, text) in [
        ("map.json", MAP),
        ("exact.json", &MAP.replace("\"care\"", "\"guidance\"")),
        ("none.json", &MAP.replace("\"care\"", "\"nothing\"")),
        ("clinic.ics", CLINIC),
        ("moved.ics", &CLINIC.replace("20261125", "20261208")),
        ("cancelled.ics", &CLINIC.replace("PRODID", "METHOD:CANCEL\nPRODID")),
        ("numbers.txt", "101\n102\r\n103\n"),
    ] {
        fs::write(at.join(name), text).unwrap();
    }
    let (data, keys) = (city.data(), city.data().parent().unwrap().join("keys"));
    let own = ["--data", data.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    let import = |file: &str, map: &str, out: &str, code| {
        let of =
            ["import", "appointments", file, "--map", map, "--day", "2026-11-22", "--out", out];
        kenmai(at, &[&of[..], &own].concat(), code)
    };
    let said = import("clinic.ics", "exact.json", "no", 2);
    assert!(said.contains("`guidance` is an exact action of a sensitive rule; write `care`"));
    let said = import("clinic.ics", "none.json", "no", 2);
    assert!(said.contains("the programme has no action `nothing`"), "{said}");
    let said = import("clinic.ics", "map.json", "first", 1);
    assert!(said.contains("3 booked, 0 cancelled, 1 refused, 1 left out, 0 repeated"), "{said}");
    let report = fs::read_to_string(at.join("first-report.csv")).unwrap();
    assert!(report.contains("clinic.ics,5,no account has this number of the city,"), "{report}");

    let letters = |day: &str, out: &str| {
        let of = ["letters", "--day", day, "--numbers", "numbers.txt", "--out", out];
        kenmai(at, &[&of[..], &own].concat(), 0);
        let mode = fs::metadata(at.join(out)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it names persons");
        fs::read_to_string(at.join(out)).unwrap().replace("\r\n", "\n")
    };
    // Mei has a phone; on the 24th Ken has two reminders and one letter.
    expect![[r#"
        日付,番号,氏名,内容,内容(英語)
        2026-11-24,102,"'=佐藤 健",2026年11月25日に「健診」の予約があります。2026年12月1日 09:30に「保健相談」の予約があります。,"“Check-up” is booked for 25 November 2026. “Consultation” is booked for 1 December 2026, 09:30."
    "#]]
    .assert_eq(letters("2026-11-24", "a.csv").trim_start_matches('\u{feff}'));
    let head = "日付,番号,氏名,内容,内容(英語)\n";
    assert_eq!(letters("2026-11-23", "b.csv").trim_start_matches('\u{feff}'), head);
    // A moved date moves, and what is cancelled vanishes.
    import("moved.ics", "map.json", "second", 1);
    assert!(letters("2026-11-24", "c.csv").contains("2026年12月1日"));
    assert!(!letters("2026-11-24", "d.csv").contains("11月25日"));
    assert!(letters("2026-12-01", "e.csv").contains("2026年12月8日"));
    let said = import("cancelled.ics", "map.json", "third", 1);
    assert!(said.contains("0 booked, 4 cancelled, 1 refused, 0 left out, 0 repeated"), "{said}");
    assert_eq!(letters("2026-11-24", "f.csv").trim_start_matches('\u{feff}'), head);
    // Points of a card are told sixty days ahead.
    let expiry = letters("2028-01-31", "g.csv");
    assert!(expiry.contains("ポイントの期限は2028年3月31日です。"), "{expiry}");
    // No file of the ledger says in the clear what the clinic's calendar says.
    let registry = fs::read(data.join(REGISTRY_FILE)).unwrap();
    for word in ["care", "checkup", "clinic", "胃カメラ", "佐藤"] {
        let found = registry.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(!found, "{word}");
    }
}
