//! A calendar that a resident keeps (iCalendar, RFC 5545): what lies ahead, each with its alarms.

use icalendar::{Parameter, Property};
use ledger_spec::time::Day;

/// The hour at which an alarm of a whole day sounds.
const ALARM_HOUR: u32 = 9;

/// Something that lies ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEvent {
    /// The same for the same thing in a later file, so that a calendar replaces what it has.
    pub uid: String,
    /// Its day.
    pub on: Day,
    /// Its beginning in Unix seconds; without one it is of the whole day.
    pub start_s: Option<u64>,
    /// Its title.
    pub summary: String,
    /// What else is to be said.
    pub description: String,
    /// So many days before it an alarm sounds.
    pub alarm_days: &'static [u32],
}

/// A calendar of this name, made at this time.
#[must_use]
pub fn file(name: &str, made_at_s: u64, events: &[CalendarEvent]) -> String {
    let mut out = String::new();
    for (key, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//kenmai//kenmai//JA"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", name),
    ] {
        line(&mut out, Property::new(key, value));
    }
    let made_at = utc(made_at_s);
    for event in events {
        write(&mut out, event, &made_at);
    }
    line(&mut out, Property::new("END", "VCALENDAR"));
    out
}

fn write(out: &mut String, event: &CalendarEvent, made_at: &str) {
    line(out, Property::new("BEGIN", "VEVENT"));
    line(out, Property::new("UID", &event.uid));
    line(out, Property::new("DTSTAMP", made_at));
    match event.start_s {
        Some(start_s) => line(out, Property::new("DTSTART", utc(start_s))),
        None => {
            let mut day = Property::new("DTSTART", date(event.on));
            line(out, day.append_parameter(Parameter::new("VALUE", "DATE")).done());
            line(out, Property::new("TRANSP", "TRANSPARENT"));
        }
    }
    line(out, Property::new("SUMMARY", &event.summary));
    line(out, Property::new("DESCRIPTION", &event.description));
    line(out, Property::new("CLASS", "PRIVATE"));
    for days in event.alarm_days {
        // A whole day begins at midnight, when nobody wants to be told.
        let before = match event.start_s {
            Some(_) => format!("-P{days}D"),
            None => format!("-PT{}H", (days * 24).saturating_sub(ALARM_HOUR)),
        };
        line(out, Property::new("BEGIN", "VALARM"));
        line(out, Property::new("ACTION", "DISPLAY"));
        line(out, Property::new("TRIGGER", before));
        line(out, Property::new("DESCRIPTION", &event.summary));
        line(out, Property::new("END", "VALARM"));
    }
    line(out, Property::new("END", "VEVENT"));
}

/// One line, escaped and folded.
fn line(out: &mut String, property: Property) {
    let text: Result<String, _> = property.try_into();
    // Writing to a string cannot fail.
    *out += &text.unwrap_or_default();
}

fn date(day: Day) -> String {
    day.to_string().replace('-', "")
}

fn utc(unix_s: u64) -> String {
    let time = i64::try_from(unix_s).ok().and_then(|s| chrono::DateTime::from_timestamp(s, 0));
    time.map_or_else(String::new, |time| time.format("%Y%m%dT%H%M%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_calendar_has_days_times_and_alarms() {
        let day = CalendarEvent {
            uid: "a".to_owned(),
            on: Day::from_ymd(2027, 3, 31).expect("a day"),
            start_s: None,
            summary: "120 ポイントの期限は2027年3月31日です。".to_owned(),
            description: "1行目, と; \\\n2行目".to_owned(),
            alarm_days: &[60, 1],
        };
        let time =
            CalendarEvent { uid: "b".to_owned(), start_s: Some(1_796_430_600), ..day.clone() };
        let written = file("健康マイレージ", 1_795_326_300, &[day, time]);
        assert!(written.lines().all(|line| line.len() <= 75), "{written}");
        assert_eq!(written.matches("\r\n").count(), written.lines().count());
        expect![[r#"
            BEGIN:VCALENDAR
            VERSION:2.0
            PRODID:-//kenmai//kenmai//JA
            CALSCALE:GREGORIAN
            METHOD:PUBLISH
            X-WR-CALNAME:健康マイレージ
            BEGIN:VEVENT
            UID:a
            DTSTAMP:20261122T054500Z
            DTSTART;VALUE=DATE:20270331
            TRANSP:TRANSPARENT
            SUMMARY:120 ポイントの期限は2027年3月31日です。
            DESCRIPTION:1行目\, と\; \\\n2行目
            CLASS:PRIVATE
            BEGIN:VALARM
            ACTION:DISPLAY
            TRIGGER:-PT1431H
            DESCRIPTION:120 ポイントの期限は2027年3月31日です。
            END:VALARM
            BEGIN:VALARM
            ACTION:DISPLAY
            TRIGGER:-PT15H
            DESCRIPTION:120 ポイントの期限は2027年3月31日です。
            END:VALARM
            END:VEVENT
            BEGIN:VEVENT
            UID:b
            DTSTAMP:20261122T054500Z
            DTSTART:20261205T003000Z
            SUMMARY:120 ポイントの期限は2027年3月31日です。
            DESCRIPTION:1行目\, と\; \\\n2行目
            CLASS:PRIVATE
            BEGIN:VALARM
            ACTION:DISPLAY
            TRIGGER:-P60D
            DESCRIPTION:120 ポイントの期限は2027年3月31日です。
            END:VALARM
            BEGIN:VALARM
            ACTION:DISPLAY
            TRIGGER:-P1D
            DESCRIPTION:120 ポイントの期限は2027年3月31日です。
            END:VALARM
            END:VEVENT
            END:VCALENDAR
        "#]]
        .assert_eq(&written.replace("\r\n ", "").replace("\r\n", "\n"));
    }
}
