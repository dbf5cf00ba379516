//! Booked appointments, from the calendar of whoever books them (iCalendar, RFC 5545) or as FHIR R4
//! Appointments. What is kept of each: whose it is by the city's number, which booking, what kind
//! by the map, day and time. Titles, places and notes are never looked at: they may name an
//! illness.

use std::collections::{BTreeMap, BTreeSet};

use icalendar::parser::{Component, Property, read_calendar_simple, unfold};
use ledger_spec::time::Day;
use serde::Deserialize;
use serde_json::Value;

use super::city_file::{FILE_BYTES_MAX, FileError, FileRead, Place, ROWS_MAX};
use super::fhir::{array_at, moment, numbers, patient_id, resources_of, text_at};
use super::japanese;

/// Components of a calendar lie at most so deep in one another; an alarm lies at 3.
const DEPTH_MAX: usize = 8;

/// Names by which calendars call Japan's time.
const JAPAN: [&str; 3] = ["Asia/Tokyo", "Japan", "Tokyo Standard Time"];

/// How appointments are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentMap {
    /// What an appointment is for: a category of the calendar, or `system|code` of a FHIR resource,
    /// and the public code of the action. Appointments of other kinds are left out.
    pub kinds: BTreeMap<String, String>,
    /// For calendars: the property with the city's number of the person, such as `ATTENDEE`.
    #[serde(default)]
    pub number: Option<String>,
    /// For calendars: what stands before the number there; properties that begin otherwise mean
    /// nobody.
    #[serde(default)]
    pub prefix: String,
    /// For FHIR: the identifier system of the city's number; without one the id of the Patient is
    /// that number.
    #[serde(default)]
    pub number_system: Option<String>,
}

/// What a file says of a booking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookedVisit {
    /// The city's number of the person.
    pub number: String,
    /// The booking's number at its source.
    pub id: String,
    /// When and for what; none where it was cancelled.
    pub date: Option<Date>,
}

/// When and for what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The day in Japan.
    pub day: Day,
    /// Unix seconds of its beginning, where there is a time.
    pub start_s: Option<u64>,
    /// The public code of the action.
    pub action: String,
}

/// Reads files that belong together: calendars, FHIR Bundles or NDJSON. What a later file or line
/// says of a booking counts.
///
/// # Errors
/// [`FileError`]; a single appointment that is wrong is in the report instead.
pub fn read(
    files: &[impl AsRef<[u8]>],
    map: &AppointmentMap,
) -> Result<FileRead<BookedVisit>, FileError> {
    let (mut read, mut resources) = (FileRead::default(), Vec::new());
    let mut seen = BTreeSet::new();
    for (number, bytes) in files.iter().enumerate() {
        let bytes = bytes.as_ref();
        if bytes.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        let (text, _) = japanese::decode(bytes).ok_or(FileError::Encoding)?;
        if text
            .trim_start()
            .get(..15)
            .is_some_and(|head| head.eq_ignore_ascii_case("BEGIN:VCALENDAR"))
        {
            calendar(number, &text, map, &mut read, &mut seen)?;
        } else {
            resources.extend(resources_of(number, &text, &mut read)?);
        }
        if read.events.len() + resources.len() > ROWS_MAX {
            return Err(FileError::TooLarge);
        }
    }
    let numbers = numbers(&resources, map.number_system.as_ref());
    for (place, resource) in &resources {
        if text_at(resource, "/resourceType") != Some("Appointment") {
            read.left_out += 1;
            continue;
        }
        let found = fhir_booking(resource, map)
            .map(|found| found.map(|(id, date)| (id, date, fhir_persons(resource, map, &numbers))));
        take(found, *place, &mut read, &mut seen);
    }
    Ok(read)
}

/// What is wrong with an appointment, and what to do.
type Fault = (String, &'static str);
/// The booking's number, what it says, and each person's number with whether that person has
/// declined; nothing where the appointment is not meant.
type Found = Option<(String, Option<Date>, Vec<(String, bool)>)>;

fn fault<T>(reason: &str, remedy: &'static str) -> Result<T, Fault> {
    Err((reason.to_owned(), remedy))
}

fn take(
    found: Result<Found, Fault>,
    place: Place,
    read: &mut FileRead<BookedVisit>,
    seen: &mut BTreeSet<BookedVisit>,
) {
    match found {
        Ok(None) => read.left_out += 1,
        Err((reason, remedy)) => read.refuse(place, &reason, remedy),
        Ok(Some((_, _, persons))) if persons.is_empty() => {
            let remedy = "send it with the city's number of the person";
            read.refuse(place, &"it names no person by the city's number", remedy);
        }
        Ok(Some((id, date, persons))) => {
            for (number, declined) in persons {
                let date = date.clone().filter(|_| !declined);
                read.push(seen, place, BookedVisit { number, id: id.clone(), date });
            }
        }
    }
}

fn calendar(
    file: usize,
    text: &str,
    map: &AppointmentMap,
    read: &mut FileRead<BookedVisit>,
    seen: &mut BTreeSet<BookedVisit>,
) -> Result<(), FileError> {
    let Some(property) = &map.number else { return Err(FileError::Map("number")) };
    let text = unfold(text);
    let mut depth = 0_usize;
    for line in text.lines() {
        depth += usize::from(begins(line, "BEGIN:"));
        depth = depth.saturating_sub(usize::from(begins(line, "END:")));
        if depth > DEPTH_MAX {
            return Err(FileError::Calendar(format!("more than {DEPTH_MAX} parts in one another")));
        }
    }
    let roots = read_calendar_simple(&text).map_err(|error| {
        let line = text.lines().count() - error.input.lines().count() + 1;
        FileError::Calendar(format!(
            "the part that line {line} of it, unfolded, begins is not whole"
        ))
    })?;
    let mut number = 0;
    for root in roots {
        // A file of cancellations says so once for all (RFC 5546 section 3.2.5).
        let cancels = value(&root, "METHOD").is_some_and(|m| m.eq_ignore_ascii_case("CANCEL"));
        for event in root.components.iter().filter(|part| part.name == "VEVENT") {
            number += 1;
            let found = event_booking(event, map, cancels).map(|found| {
                found.map(|(id, date)| (id, date, event_persons(event, property, &map.prefix)))
            });
            take(found, (file, number), read, seen);
        }
    }
    Ok(())
}

fn begins(line: &str, with: &str) -> bool {
    line.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

fn named<'a>(event: &'a Component<'_>, name: &str) -> impl Iterator<Item = &'a Property<'a>> {
    event.properties.iter().filter(move |of| of.name.as_str().eq_ignore_ascii_case(name))
}

fn value<'a>(event: &'a Component<'_>, name: &str) -> Option<&'a str> {
    named(event, name).next().map(|of| of.val.as_str())
}

fn parameter<'a>(of: &'a Property<'_>, name: &str) -> Option<&'a str> {
    let mut found = of.params.iter().filter(|p| p.key.as_str().eq_ignore_ascii_case(name));
    found.next()?.val.as_ref().map(|value| value.as_str().trim_matches('"'))
}

fn event_booking(
    event: &Component<'_>,
    map: &AppointmentMap,
    cancels: bool,
) -> Result<Option<(String, Option<Date>)>, Fault> {
    let Some(uid) = value(event, "UID") else {
        return fault("an event without UID", "send it with its UID");
    };
    // One of a row of events has the row's UID and a day of its own.
    let id = match value(event, "RECURRENCE-ID") {
        Some(of) => format!("{uid} {of}"),
        None => uid.to_owned(),
    };
    let status = value(event, "STATUS").unwrap_or("CONFIRMED").to_ascii_uppercase();
    if cancels || status == "CANCELLED" {
        return Ok(Some((id, None)));
    }
    let categories = named(event, "CATEGORIES").flat_map(|of| of.val.as_str().split(','));
    let action = categories.map(japanese::plain).find_map(|category| map.kinds.get(&category));
    let Some(action) = action.filter(|_| status == "CONFIRMED") else { return Ok(None) };
    if ["RRULE", "RDATE"].into_iter().any(|name| value(event, name).is_some()) {
        return fault("it recurs", "send each date as an event of its own");
    }
    let Some(start) = named(event, "DTSTART").next() else {
        return fault("an event without DTSTART", "send it with its beginning");
    };
    let zone = parameter(start, "TZID");
    if zone.is_some_and(|zone| !JAPAN.contains(&zone)) {
        return fault("its time zone is not Japan's", "send times in UTC or with TZID=Asia/Tokyo");
    }
    match calendar_time(start.val.as_str(), zone.is_some()) {
        Some((day, start_s)) => Ok(Some((id, Some(Date { day, start_s, action: action.clone() })))),
        None => {
            fault("its DTSTART is no day and no time", "send it as 20261205 or 20261205T093000")
        }
    }
}

/// `20261205`, `20261205T093000` in Japan, or `20261205T003000Z`, which has no time zone of its own
/// beside it.
fn calendar_time(text: &str, zoned: bool) -> Option<(Day, Option<u64>)> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let day = japanese::day(date).filter(|_| digits(date, 8))?;
    let Some(clock) = clock else { return Some((day, None)) };
    let (clock, offset_min) = match clock.strip_suffix('Z') {
        Some(_) if zoned => return None,
        Some(clock) => (clock, 0),
        None => (clock, japanese::OFFSET_MIN),
    };
    if !digits(clock, 6) {
        return None;
    }
    let (hours, rest) = clock.split_at(2);
    let (minutes, _) = rest.split_at(2);
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let (day, start_s) = japanese::moment(day, hours * 60 + minutes, offset_min)?;
    Some((day, Some(start_s)))
}

fn event_persons(event: &Component<'_>, property: &str, prefix: &str) -> Vec<(String, bool)> {
    let numbers = named(event, property).filter_map(|of| {
        let number = japanese::plain(of.val.as_str().strip_prefix(prefix)?);
        let declined =
            parameter(of, "PARTSTAT").is_some_and(|p| p.eq_ignore_ascii_case("DECLINED"));
        (!number.is_empty()).then_some((number, declined))
    });
    numbers.collect()
}

fn fhir_booking(
    resource: &Value,
    map: &AppointmentMap,
) -> Result<Option<(String, Option<Date>)>, Fault> {
    let Some(id) = text_at(resource, "/id").map(str::to_owned) else {
        return fault("an Appointment without id", "send it with its id");
    };
    match text_at(resource, "/status") {
        Some("booked" | "arrived" | "checked-in") => {}
        Some("cancelled" | "noshow" | "entered-in-error") => return Ok(Some((id, None))),
        _ => return Ok(None),
    }
    let concepts = ["/serviceType", "/serviceCategory", "/reasonCode"];
    let concepts = concepts.into_iter().flat_map(|at| array_at(resource, at));
    let concepts = concepts.chain(resource.pointer("/appointmentType"));
    let mut codings = concepts.flat_map(|concept| array_at(concept, "/coding"));
    let action = codings.find_map(|coding| {
        let (system, code) = (text_at(coding, "/system")?, text_at(coding, "/code")?);
        map.kinds.get(&format!("{system}|{code}"))
    });
    let Some(action) = action else { return Ok(None) };
    match text_at(resource, "/start").and_then(moment) {
        Some((day, start_s)) => Ok(Some((id, Some(Date { day, start_s, action: action.clone() })))),
        None => fault("it has no start", "send it with its start"),
    }
}

/// The persons who take part, by a Patient in the files or by the city's number itself.
fn fhir_persons(
    resource: &Value,
    map: &AppointmentMap,
    numbers: &[(String, String)],
) -> Vec<(String, bool)> {
    let person = |participant: &Value| {
        let id = text_at(participant, "/actor/reference").and_then(patient_id);
        let known = id.and_then(|id| numbers.iter().find(|(known, _)| known == id));
        let named = || {
            let system = text_at(participant, "/actor/identifier/system");
            let own = system.is_some() && system == map.number_system.as_deref();
            text_at(participant, "/actor/identifier/value").filter(|_| own).map(japanese::plain)
        };
        let number = known.map(|(_, number)| number.clone()).or_else(named)?;
        Some((number, text_at(participant, "/status") == Some("declined")))
    };
    array_at(resource, "/participant").filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn map() -> AppointmentMap {
        let text = r#"{"kinds": {"特定健診": "checkup.specific", "相談": "care", "urn:service|checkup": "checkup.specific"},
            "number": "ATTENDEE", "prefix": "urn:city:", "number_system": "urn:city"}"#;
        serde_json::from_str(text).expect("a map")
    }

    fn shown(found: &FileRead<BookedVisit>) -> String {
        let mut lines: Vec<String> = found
            .events
            .iter()
            .map(|((_, place), BookedVisit { number, id, date })| match date {
                Some(Date { day, start_s, action }) => {
                    format!("{place}: {number} {id} {day} {start_s:?} {action}")
                }
                None => format!("{place}: {number} {id} cancelled"),
            })
            .collect();
        lines.extend(found.refused.iter().map(|of| format!("{}: {}", of.place.1, of.reason)));
        lines.push(format!("{} left out, {} repeated", found.left_out, found.repeated));
        lines.join("\n")
    }

    #[expect(clippy::needless_pass_by_value, reason = "every call makes the expectation in place")]
    fn check(text: &str, expected: Expect) {
        let shown = match read(&[text.as_bytes()], &map()) {
            Ok(found) => shown(&found),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    /// A calendar of events, each with the lines given and these.
    fn events(of: &[&str]) -> String {
        let event = |lines: &&str| format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n");
        let events: String = of.iter().map(event).collect();
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a clinic\r\n{events}END:VCALENDAR\r\n")
    }

    #[test]
    fn a_calendar_in_each_of_its_forms() {
        check(
            &events(&[
                "UID:a\r\nCATEGORIES:健診,特定健診\r\nDTSTART:20261205T003000Z\r\nATTENDEE:urn:city:1001\r\nSUMMARY:胃カメラ",
                "UID:b\r\nCATEGORIES:相\r\n 談\r\nDTSTART;TZID=Asia/Tokyo:20261205T093000\r\nATTENDEE;CN=\"山田: 花子\":urn:city:１００１\r\nATTENDEE:mailto:nurse@example.jp",
                "UID:c\r\nCATEGORIES:相談\r\nDTSTART;VALUE=DATE:20261206\r\nATTENDEE:urn:city:1001\r\nATTENDEE;PARTSTAT=DECLINED:urn:city:1002",
                "UID:d\r\nCATEGORIES:相談\r\nDTSTART:20261206T235900\r\nATTENDEE:urn:city:1001\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM",
                "UID:a\r\nSTATUS:CANCELLED\r\nATTENDEE:urn:city:1001",
                "UID:e\r\nRECURRENCE-ID:20261207\r\nSTATUS:cancelled\r\nATTENDEE:urn:city:1001",
                "UID:f\r\nCATEGORIES:会議\r\nDTSTART:20261206\r\nATTENDEE:urn:city:1001",
                "UID:g\r\nCATEGORIES:相談\r\nSTATUS:TENTATIVE\r\nDTSTART:20261206\r\nATTENDEE:urn:city:1001",
            ]),
            expect![[r#"
                1: 1001 a 2026-12-05 Some(1796430600) checkup.specific
                2: 1001 b 2026-12-05 Some(1796430600) care
                3: 1001 c 2026-12-06 None care
                3: 1002 c cancelled
                4: 1001 d 2026-12-06 Some(1796569140) care
                5: 1001 a cancelled
                6: 1001 e 20261207 cancelled
                2 left out, 0 repeated"#]],
        );
    }

    #[test]
    fn what_cannot_be_taken_is_told_by_its_place() {
        check(
            &events(&[
                "CATEGORIES:相談\r\nDTSTART:20261206\r\nATTENDEE:urn:city:1001",
                "UID:b\r\nCATEGORIES:相談\r\nDTSTART:20261206",
                "UID:c\r\nCATEGORIES:相談\r\nDTSTART;TZID=Europe/Berlin:20261206T090000\r\nATTENDEE:urn:city:1001",
                "UID:d\r\nCATEGORIES:相談\r\nDTSTART:20261206T250000\r\nATTENDEE:urn:city:1001",
                "UID:e\r\nCATEGORIES:相談\r\nDTSTART:20260231\r\nATTENDEE:urn:city:1001",
                "UID:f\r\nCATEGORIES:相談\r\nDTSTART:20261206\r\nRRULE:FREQ=WEEKLY\r\nATTENDEE:urn:city:1001",
                "UID:g\r\nCATEGORIES:相談\r\nATTENDEE:urn:city:1001",
                "UID:h\r\nCATEGORIES:相談\r\nDTSTART;TZID=Asia/Tokyo:20261206T000000Z\r\nATTENDEE:urn:city:1001",
            ]),
            expect![[r#"
                1: an event without UID
                2: it names no person by the city's number
                3: its time zone is not Japan's
                4: its DTSTART is no day and no time
                5: its DTSTART is no day and no time
                6: it recurs
                7: an event without DTSTART
                8: its DTSTART is no day and no time
                0 left out, 0 repeated"#]],
        );
        check(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nEND:VTODO\nEND:VCALENDAR\n",
            expect![[
                "the file is no iCalendar: the part that line 4 of it, unfolded, begins is not whole"
            ]],
        );
        check(
            &format!("BEGIN:VCALENDAR\n{}", "BEGIN:X\n".repeat(100_000)),
            expect![["the file is no iCalendar: more than 8 parts in one another"]],
        );
        let without = AppointmentMap { number: None, ..map() };
        let error = read(&[events(&[]).as_bytes()], &without).expect_err("refused");
        assert_eq!(error.to_string(), "the map has no `number`, which its kind needs");
    }

    #[test]
    fn a_file_of_cancellations_cancels() {
        let calendar =
            events(&["UID:a\r\nCATEGORIES:相談\r\nDTSTART:20261206\r\nATTENDEE:urn:city:1001"]);
        check(
            &calendar.replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:CANCEL"),
            expect![[r#"
                1: 1001 a cancelled
                0 left out, 0 repeated"#]],
        );
    }

    #[test]
    fn appointments_of_fhir() {
        let service = json!([{"coding": [{"system": "urn:service", "code": "checkup"}]}]);
        let patient = json!({"resourceType": "Patient", "id": "p", "name": [{"text": "山田"}],
            "identifier": [{"system": "urn:city", "value": "1001"}]});
        let of = |id: &str, status: &str, actor: Value| {
            json!({"resourceType": "Appointment", "id": id, "status": status, "serviceType": service,
                "start": "2026-12-05T09:30:00+09:00", "description": "胃の検査",
                "participant": [{"actor": actor, "status": "accepted"}, {"actor": {"reference": "Practitioner/x"}, "status": "accepted"}]})
        };
        let by_id = json!({"reference": "Patient/p"});
        let by_number = json!({"identifier": {"system": "urn:city", "value": "１００２"}});
        let stranger = json!({"reference": "Patient/q", "display": "山田"});
        let mut other = of("f", "booked", by_id.clone());
        other["serviceType"] = json!([{"coding": [{"system": "urn:service", "code": "cough"}]}]);
        let mut open = of("g", "booked", by_id.clone());
        open["start"] = Value::Null;
        let resources = [
            of("a", "booked", by_id.clone()),
            of("b", "booked", by_number),
            of("c", "cancelled", by_id.clone()),
            of("d", "proposed", by_id.clone()),
            of("e", "booked", stranger),
            other,
            open,
            patient,
            of("a", "booked", by_id),
        ];
        let lines: Vec<String> = resources.iter().map(Value::to_string).collect();
        check(
            &lines.join("\n"),
            expect![[r#"
                1: 1001 a 2026-12-05 Some(1796430600) checkup.specific
                2: 1002 b 2026-12-05 Some(1796430600) checkup.specific
                3: 1001 c cancelled
                5: it names no person by the city's number
                7: it has no start
                3 left out, 1 repeated"#]],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the lines hold, reading ends and says something.
        #[test]
        fn no_calendar_breaks_the_reader(
            lines in prop::collection::vec("(BEGIN|END|UID|DTSTART|CATEGORIES|ATTENDEE|STATUS)[;:](VEVENT|VALARM|相談|urn:city:1|[ -~あ]{0,20})", 0..20),
        ) {
            let text = format!("BEGIN:VCALENDAR\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
            let found = read(&[text.as_bytes()], &map());
            prop_assert!(found.is_ok() || matches!(found, Err(FileError::Calendar(_))));
        }
    }
}
