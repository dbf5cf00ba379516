//! FHIR R4 and JP Core: vaccinations that were done, and visits for a check-up. A Bundle or NDJSON
//! comes in; what a city's points are for goes out. Visits for an illness give nothing, and no
//! value of a resource is kept.

use std::collections::BTreeSet;

use ledger_spec::kinds::Status;
use ledger_spec::time::Day;
use serde::Deserialize;
use serde_json::Value;

use super::city_file::{
    Event, FILE_BYTES_MAX, FileError, FileRead, Place, ROWS_MAX, StatusOrder, What,
};
use super::japanese;
use super::strict_json;

/// How a bundle is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhirMap {
    /// The identifier system of the city's number; without one the id of the Patient is that
    /// number.
    #[serde(default)]
    pub number_system: Option<String>,
    /// The action of a vaccination.
    #[serde(default)]
    pub immunization: Option<String>,
    /// Its exact action, where the rule is a sensitive one.
    #[serde(default)]
    pub immunization_exact: Option<String>,
    /// The action of a visit for a check-up.
    #[serde(default)]
    pub checkup: Option<String>,
    /// Its exact action, where the rule is a sensitive one.
    #[serde(default)]
    pub checkup_exact: Option<String>,
    /// Codes of `Encounter.type`, `Encounter.serviceType` or `Encounter.reasonCode` that mean a
    /// check-up.
    #[serde(default)]
    pub checkup_codes: Vec<Coding>,
    /// Whether the persons of the file are listed, so that accounts can be opened for them.
    #[serde(default)]
    pub patients: bool,
    /// Whether deaths are told.
    #[serde(default)]
    pub deaths: bool,
}

/// A code of a code system.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// The system.
    pub system: String,
    /// The code.
    pub code: String,
}

/// Reads files that belong together, each a Bundle or NDJSON with a resource on each line: persons
/// may stand in one and what they did in another.
///
/// # Errors
/// [`FileError`]; a single resource that is wrong is in the report instead.
pub fn read(files: &[impl AsRef<[u8]>], map: &FhirMap) -> Result<FileRead, FileError> {
    let (mut read, mut resources) = (FileRead::default(), Vec::new());
    for (number, bytes) in files.iter().enumerate() {
        let bytes = bytes.as_ref();
        let (text, _) = japanese::decode(bytes).ok_or(FileError::Encoding)?;
        resources.extend(resources_of(number, &text, &mut read)?);
        if bytes.len() > FILE_BYTES_MAX || resources.len() > ROWS_MAX {
            return Err(FileError::TooLarge);
        }
    }
    let numbers = numbers(&resources, map.number_system.as_ref());
    let mut seen = BTreeSet::new();
    for (line, resource) in &resources {
        let found = match text_at(resource, "/resourceType") {
            Some("Patient") => patient(resource, map),
            Some("Immunization") => immunization(resource, map),
            Some("Encounter") => checkup(resource, map),
            _ => Found::LeftOut,
        };
        match found {
            Found::LeftOut => read.left_out += 1,
            Found::Refused(reason, remedy) => read.refuse(*line, &reason, remedy),
            Found::Of(subject, whats) => match numbers.iter().find(|(id, _)| *id == subject) {
                Some((_, number)) => {
                    for what in whats {
                        read.push(&mut seen, *line, Event { number: number.clone(), what });
                    }
                }
                None => {
                    let reason = format!("its person {subject} has no number in this file");
                    read.refuse(*line, &reason, "send the Patient with it, with the city's number");
                }
            },
        }
    }
    Ok(read)
}

/// What a resource is for a ledger.
enum Found {
    LeftOut,
    Refused(&'static str, &'static str),
    /// The id of the Patient, and what happened.
    Of(String, Vec<What>),
}

/// The resources of a Bundle or of NDJSON, each with its place; lines that are none are refused.
pub(super) fn resources_of<T: Clone + Ord>(
    file: usize,
    text: &str,
    read: &mut FileRead<T>,
) -> Result<Vec<(Place, Value)>, FileError> {
    let whole = strict_json::value_of(text);
    let twice = whole.as_ref().err().filter(|error| error.contains("stands twice")).cloned();
    if let Ok(Value::Object(mut bundle)) = whole
        && bundle.get("resourceType").and_then(Value::as_str) == Some("Bundle")
    {
        let entries = bundle.get_mut("entry").and_then(Value::as_array_mut);
        let entries = entries.into_iter().flatten();
        let resources = entries.filter_map(|entry| entry.get_mut("resource").map(Value::take));
        return Ok((1..).map(|place| (file, place)).zip(resources).collect());
    }
    let mut resources = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        match strict_json::value_of(text) {
            _ if text.trim().is_empty() => {}
            Ok(resource) => resources.push(((file, line), resource)),
            Err(error) if resources.is_empty() => {
                return Err(FileError::Json(twice.unwrap_or(error)));
            }
            Err(error) => read.refuse((file, line), &error, "send the whole line again"),
        }
    }
    Ok(resources)
}

/// The city's number of every Patient in the file, by its id.
pub(super) fn numbers(
    resources: &[(Place, Value)],
    system: Option<&String>,
) -> Vec<(String, String)> {
    let mut numbers = Vec::new();
    for (_, resource) in resources {
        if text_at(resource, "/resourceType") != Some("Patient") {
            continue;
        }
        let Some(id) = text_at(resource, "/id") else { continue };
        let number = match system {
            None => Some(id.to_owned()),
            Some(system) => {
                let mut identifiers = array_at(resource, "/identifier");
                let own = identifiers.find(|of| text_at(of, "/system") == Some(system));
                own.and_then(|of| text_at(of, "/value")).map(japanese::plain)
            }
        };
        if let Some(number) = number.filter(|number| !number.is_empty()) {
            numbers.push((id.to_owned(), number));
        }
    }
    numbers.sort();
    numbers.dedup();
    numbers
}

fn patient(resource: &Value, map: &FhirMap) -> Found {
    let Some(id) = text_at(resource, "/id") else {
        return Found::Refused("a Patient without id", "send it with its id");
    };
    let mut whats = Vec::new();
    if map.patients {
        whats.push(What::Listed);
    }
    if map.deaths
        && let Some(time) = text_at(resource, "/deceasedDateTime")
    {
        let Some(day) = day_of(time) else {
            return Found::Refused("its time of death is no day", "send the day of death");
        };
        whats.push(What::Standing(StatusOrder(Status::Deceased), day));
    } else if map.deaths && resource.pointer("/deceasedBoolean") == Some(&Value::Bool(true)) {
        return Found::Refused("a death without its day", "send deceasedDateTime");
    }
    if whats.is_empty() { Found::LeftOut } else { Found::Of(id.to_owned(), whats) }
}

fn immunization(resource: &Value, map: &FhirMap) -> Found {
    let (Some(action), Some("completed")) = (&map.immunization, text_at(resource, "/status"))
    else {
        return Found::LeftOut;
    };
    let time = text_at(resource, "/occurrenceDateTime");
    act(resource, "/patient/reference", time, action, map.immunization_exact.as_ref())
}

fn checkup(resource: &Value, map: &FhirMap) -> Found {
    let (Some(action), Some("finished")) = (&map.checkup, text_at(resource, "/status")) else {
        return Found::LeftOut;
    };
    let concepts = ["/type", "/reasonCode"].into_iter().flat_map(|at| array_at(resource, at));
    let concepts = concepts.chain(resource.pointer("/serviceType"));
    let mut codings = concepts.flat_map(|concept| array_at(concept, "/coding"));
    let meant = codings.any(|coding| {
        let pair = (text_at(coding, "/system"), text_at(coding, "/code"));
        map.checkup_codes.iter().any(|of| pair == (Some(&of.system), Some(&of.code)))
    });
    if !meant {
        return Found::LeftOut;
    }
    let time = text_at(resource, "/period/start");
    act(resource, "/subject/reference", time, action, map.checkup_exact.as_ref())
}

fn act(
    resource: &Value,
    person: &str,
    time: Option<&str>,
    action: &str,
    exact_action: Option<&String>,
) -> Found {
    let reference = text_at(resource, person).and_then(patient_id);
    let Some(subject) = reference else {
        return Found::Refused("it names no Patient", "send it with a reference to its Patient");
    };
    let Some(day) = time.and_then(day_of) else {
        return Found::Refused("it names no day", "send it with the day of the act");
    };
    let (action, exact_action) = (action.to_owned(), exact_action.cloned());
    let reference = text_at(resource, "/id").map(str::to_owned);
    Found::Of(subject.to_owned(), vec![What::Action { action, exact_action, day, reference }])
}

/// The id of the Patient that a reference names.
pub(super) fn patient_id(reference: &str) -> Option<&str> {
    reference.strip_prefix("Patient/").or_else(|| reference.strip_prefix("urn:uuid:"))
}

/// The day in Japan of a FHIR `dateTime` that has one: a date as it is, an instant by its own
/// offset.
fn day_of(time: &str) -> Option<Day> {
    moment(time).map(|(day, _)| day)
}

/// The day in Japan of a FHIR `dateTime` or `instant`, and the Unix seconds of its minute where it
/// has one.
pub(super) fn moment(time: &str) -> Option<(Day, Option<u64>)> {
    let day = japanese::day(time.get(..10)?)?;
    let Some(clock) = time.get(10..).and_then(|rest| rest.strip_prefix('T')) else {
        return (time.len() == 10).then_some((day, None));
    };
    let minutes = |text: &str| {
        let (hours, minutes) = text.get(..5)?.split_once(':')?;
        Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
    };
    let at = minutes(clock)?;
    let offset = match clock.rfind(['+', '-', 'Z']).map(|place| clock.split_at(place)) {
        Some((_, "Z")) => 0,
        Some((_, offset)) => {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            sign * minutes(offset.get(1..)?)?
        }
        // Without an offset the time is the place's own, which is Japan's.
        None => japanese::OFFSET_MIN,
    };
    let (day, start_s) = japanese::moment(day, at, offset)?;
    Some((day, Some(start_s)))
}

pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

pub(super) fn array_at<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map() -> FhirMap {
        let coding = Coding { system: "urn:x".to_owned(), code: "checkup".to_owned() };
        FhirMap {
            number_system: Some("urn:city".to_owned()),
            immunization: Some("immunization.recorded".to_owned()),
            checkup: Some("checkup.specific".to_owned()),
            checkup_codes: vec![coding],
            deaths: true,
            ..FhirMap::default()
        }
    }

    fn resources() -> Vec<Value> {
        let patient = json!({"resourceType": "Patient", "id": "a", "name": [{"text": "山田太郎"}],
            "identifier": [{"system": "urn:other", "value": "9"}, {"system": "urn:city", "value": "１００１"}]});
        let dead = json!({"resourceType": "Patient", "id": "b", "name": [{"text": "山田太郎"}],
            "identifier": [{"system": "urn:city", "value": "1002"}], "deceasedDateTime": "2026-04-30T20:00:00Z"});
        let shot = |status, person, time| {
            json!({"resourceType": "Immunization", "id": "i1", "status": status, "patient": {"reference": person},
                "occurrenceDateTime": time})
        };
        let visit = |code, status| {
            json!({"resourceType": "Encounter", "status": status, "subject": {"reference": "Patient/a"},
                "type": [{"coding": [{"system": "urn:x", "code": code}]}], "period": {"start": "2026-06-10T09:00:00+09:00"}})
        };
        vec![
            patient.clone(),
            patient,
            dead,
            shot("completed", "Patient/a", "2026-10-05"),
            shot("completed", "Patient/a", "2026-10-05"),
            shot("not-done", "Patient/a", "2026-10-06"),
            shot("completed", "Patient/z", "2026-10-05"),
            shot("completed", "Patient/a", "2026-10"),
            visit("checkup", "finished"),
            visit("checkup", "planned"),
            visit("cough", "finished"),
            json!({"resourceType": "Observation"}),
        ]
    }

    #[test]
    fn what_was_done_counts_once_and_an_illness_not_at_all() {
        let entry: Vec<Value> = resources().into_iter().map(|r| json!({"resource": r})).collect();
        let bundle = json!({"resourceType": "Bundle", "entry": entry}).to_string();
        let lines: Vec<String> = resources().iter().map(Value::to_string).collect();
        let found = read(&[bundle.as_bytes()], &map()).expect("a bundle");
        assert_eq!(found, read(&[lines.join("\n").as_bytes()], &map()).expect("NDJSON"));
        let shown: Vec<String> = found
            .events
            .iter()
            .map(|((_, line), e)| format!("{line} {} {:?}", e.number, e.what))
            .collect();
        assert_eq!(
            shown,
            [
                "3 1002 Standing(StatusOrder(Deceased), 2026-05-01)",
                r#"4 1001 Action { action: "immunization.recorded", exact_action: None, day: 2026-10-05, reference: Some("i1") }"#,
                r#"9 1001 Action { action: "checkup.specific", exact_action: None, day: 2026-06-10, reference: None }"#,
            ]
        );
        assert_eq!((found.left_out, found.repeated), (6, 1));
        let refused: Vec<(u64, &str)> =
            found.refused.iter().map(|r| (r.place.1, r.reason.as_str())).collect();
        assert_eq!(
            refused,
            [(7, "its person z has no number in this file"), (8, "it names no day")]
        );
    }

    #[test]
    fn the_day_is_japans() {
        for (time, expected) in [
            ("2026-04-30", Some("2026-04-30")),
            ("2026-04-30T14:59:59Z", Some("2026-04-30")),
            ("2026-04-30T15:00:00Z", Some("2026-05-01")),
            ("2026-05-01T00:00:00+09:00", Some("2026-05-01")),
            ("2026-04-30T23:00:00.123-04:00", Some("2026-05-01")),
            ("2026-04-30T23:00:00", Some("2026-04-30")),
            ("2026-04", None),
            ("2026-04-30Tx", None),
            ("2026-04-30 10:00", None),
        ] {
            assert_eq!(day_of(time).map(|day| day.to_string()).as_deref(), expected, "{time}");
        }
    }

    /// A member that stands twice would mean one thing to this program and another to the next.
    #[test]
    fn a_member_that_stands_twice_is_refused() {
        let bundle = "{\n\"resourceType\":\"Bundle\",\n\"entry\":[],\"entry\":[]}";
        let line = r#"{"resourceType":"Patient","id":"1","id":"2"}"#;
        for text in [bundle, line] {
            let error = resources_of(0, text, &mut FileRead::<u32>::default()).unwrap_err();
            assert!(error.to_string().contains("stands twice"), "{error}");
        }
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        assert!(matches!(read(&[b"hello"], &map()), Err(FileError::Json(_))));
        let broken = format!("{}\n{{", resources()[0]);
        let found = read(&[broken.as_bytes()], &map()).expect("NDJSON");
        assert_eq!(found.refused.len(), 1);
    }
}
