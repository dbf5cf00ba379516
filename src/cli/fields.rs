//! The bodies of statements as JSON: what to say of their fields. The fields themselves, and how
//! JSON becomes a body, are `ledger_spec::kinds`'.

use std::fmt::Write as _;

use ledger_spec::json::JsonError;
use ledger_spec::kinds::{Body, Kind};
use serde_json::{Map, Value};

/// The kind of this name.
///
/// # Errors
/// A text that lists the kinds.
pub fn kind_of(name: &str) -> Result<Kind, String> {
    Kind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no kind `{name}`; the kinds are {}", names.join(", "))
    })
}

/// The fields of a kind in words, for help and errors.
#[must_use]
pub fn describe(kind: Kind) -> String {
    let mut text = String::new();
    for (number, field) in Body::fields(kind).iter().enumerate() {
        let before = if number > 0 { ", " } else { "" };
        let mark = if field.optional { "?" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{before}{}{mark} ({})", field.name, (field.due)());
    }
    text
}

/// The body of a kind from JSON.
///
/// # Errors
/// A text that names the field and what is due.
pub fn body_of(kind: Kind, json: &Map<String, Value>) -> Result<Body, String> {
    Body::from_json(kind, json).map_err(|error| {
        let (name, fields) = (kind.name(), describe(kind));
        match error {
            JsonError::Unknown(_) => format!("{error} of {name}: {fields}"),
            JsonError::Missing(_) => format!("{error}; {name}: {fields}"),
            JsonError::Form(..) => error.to_string(),
            JsonError::Value(..) => format!("{name}: {error}; {fields}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use ledger_spec::cbor::{Reader, Writer};

    /// A value of every form.
    fn sample(due: &str, name: &str) -> Value {
        let hex = match name {
            "kid" | "shop" | "place" | "partner" => "ab".repeat(8),
            "account" | "into" | "person" | "link" | "secret" => "ab".repeat(16),
            _ => "ab".repeat(32),
        };
        let lot = serde_json::json!({"purse": "yen", "fund": "nhi", "expires_on": "2028-03-31"});
        let mut lots = lot.clone();
        lots["points"] = 7.into();
        match due {
            "lower-case hexadecimal" => hex.into(),
            "text" => "text".into(),
            "a JSON document" => serde_json::json!({"a": 1}),
            "a whole number" => 5.into(),
            "true or false" => true.into(),
            "a whole number, perhaps negative" => (-5).into(),
            "a day YYYY-MM-DD" => "2026-11-22".into(),
            "{\"purse\", \"fund\", \"expires_on\"}" => lot,
            "a list of {\"purse\", \"fund\", \"expires_on\", \"points\"}" => vec![lots].into(),
            "funds with their points, such as {\"general\": 300}" => {
                serde_json::json!({"nhi": 7, "general": -5})
            }
            names => names.split('"').nth(1).expect("a name").into(),
        }
    }

    #[test]
    fn every_kind_has_fields_that_give_its_body() {
        for kind in Kind::ALL {
            for leave_out in [false, true] {
                let given =
                    Body::fields(*kind).iter().filter(|field| !(leave_out && field.optional));
                let json = given
                    .map(|field| (field.name.to_owned(), sample(&(field.due)(), field.name)))
                    .collect();
                let body = body_of(*kind, &json).expect("a body");
                assert_eq!(body.kind(), *kind);

                let mut writer = Writer::default();
                body.write(&mut writer);
                let bytes = writer.into_bytes();
                let read = Body::read(*kind, &mut Reader::new(&bytes)).expect("its CBOR");
                assert_eq!(read, body);
            }
        }
    }

    #[test]
    fn names_are_listed() {
        let fields = describe(Kind::AccountStatus);
        assert!(
            fields.contains(
                r#"status ("active", "frozen", "moved_out" or "deceased"), since (a day"#
            ),
            "{fields}"
        );
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
    fn check(kind: &str, json: &str, expected: Expect) {
        let Value::Object(json) = serde_json::from_str(json).expect("JSON") else {
            panic!("object")
        };
        let error = body_of(kind_of(kind).expect("a kind"), &json).expect_err("refused");
        expected.assert_eq(&error);
    }

    #[test]
    fn errors_name_the_field_and_what_is_due() {
        check("void", "{}", expect!["`entry` is missing; void: entry (a whole number)"]);
        check(
            "void",
            r#"{"entry": 1, "seq": 1}"#,
            expect!["`seq` is no field of void: entry (a whole number)"],
        );
        check("void", r#"{"entry": 1.0}"#, expect!["`entry` must be a whole number"]);
        check("void", r#"{"entry": -1}"#, expect!["`entry` must be a whole number"]);
        check(
            "account.open",
            r#"{"account": "AB"}"#,
            expect!["`account` must be lower-case hexadecimal"],
        );
        check(
            "account.open",
            r#"{"account": "ab"}"#,
            expect![
                "account.open: `account`: byte string is out of range; account (lower-case hexadecimal)"
            ],
        );
        check(
            "redeem",
            r#"{"shop": "abababababababab", "points": 0}"#,
            expect![
                "redeem: `points`: points must be a whole number from 1 to 100000; shop (lower-case hexadecimal), points (a whole number), goods? (true or false)"
            ],
        );
        assert!(kind_of("gift").expect_err("unknown").contains("account.open"));
    }
}
