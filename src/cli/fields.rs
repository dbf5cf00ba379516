//! The bodies of statements as JSON: one table, from which JSON becomes the CBOR of
//! `ledger-spec/kenmai.cddl`.
//!
//! The table names each field as `ledger_spec::kinds` does. What a value may be in detail is
//! checked by reading the CBOR back as a body, so the two can never drift apart unseen.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use ledger_spec::cbor::{Reader, Wire, Writer};
use ledger_spec::kinds::{AgeTier, Body, Insurance, Kind, Purpose, Role, Status};
use ledger_spec::points::{Fund, FundSums, LotKey, Purse};
use ledger_spec::time::Day;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The JSON form of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Bytes as lower-case hexadecimal.
    Hex,
    /// Text.
    Text,
    /// A JSON document, as such or as text.
    Document,
    /// A whole number from 0 on.
    Number,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// `YYYY-MM-DD`.
    Day,
    /// A name of [`Role`].
    Role,
    /// A name of [`Fund`].
    Fund,
    /// A name of [`AgeTier`].
    AgeTier,
    /// A name of [`Purpose`].
    Purpose,
    /// A name of [`Insurance`].
    Insurance,
    /// A name of [`Status`].
    Status,
    /// The name of a kind of statement.
    Kind,
    /// `{"purse": …, "fund": …, "expires_on": …}`.
    Lot,
    /// A list of lots, each with its `points`.
    Lots,
    /// `{"fund": points, …}`.
    Sums,
}

/// A field: its key in CBOR, its name in JSON, its form, and whether it may be left out.
type Field = (u64, &'static str, Form, bool);

const fn must(key: u64, name: &'static str, form: Form) -> Field {
    (key, name, form, false)
}

const fn may(key: u64, name: &'static str, form: Form) -> Field {
    (key, name, form, true)
}

const ACCOUNT: Field = must(1, "account", Form::Hex);
const REASON: Field = must(2, "reason", Form::Text);
const ENTRY: Field = must(1, "entry", Form::Number);
const POINTS: Field = must(2, "points", Form::Number);
const SHOP: Field = must(1, "shop", Form::Hex);
const VOUCHER: Field = must(1, "voucher", Form::Number);
const LOT: Field = must(2, "lot", Form::Lot);

/// Every kind with the fields of its body, in the order of their keys.
#[rustfmt::skip]
const BODIES: &[(Kind, &[Field])] = &[
    (Kind::ProgrammePublish, &[must(1, "version", Form::Number), must(2, "document", Form::Document)]),
    (Kind::BudgetAllocate, &[must(1, "fund", Form::Fund), must(2, "fiscal_year", Form::Number), must(3, "points", Form::Number)]),
    (Kind::KeyRegister, &[must(1, "public_key", Form::Hex), must(2, "role", Form::Role), must(3, "person", Form::Hex), may(4, "place", Form::Hex), must(5, "name", Form::Text)]),
    (Kind::KeyRevoke, &[must(1, "kid", Form::Hex), REASON]),
    (Kind::AccountOpen, &[ACCOUNT]),
    (Kind::AccountFacts, &[ACCOUNT, must(2, "age_tier", Form::AgeTier), must(3, "age_on", Form::Day), must(4, "insurance", Form::Insurance), may(5, "eligible_from", Form::Day), must(6, "district", Form::Number)]),
    (Kind::AccountStatus, &[ACCOUNT, must(2, "status", Form::Status), must(3, "since", Form::Day), may(4, "reason", Form::Text)]),
    (Kind::AccountClose, &[ACCOUNT]),
    (Kind::AccountErase, &[ACCOUNT, must(2, "basis", Form::Text)]),
    (Kind::DeviceEnrol, &[must(1, "public_key", Form::Hex)]),
    (Kind::DeviceRevoke, &[must(1, "kid", Form::Hex)]),
    (Kind::CardIssue, &[ACCOUNT, may(2, "card", Form::Hex), may(3, "code", Form::Hex), may(4, "code_until_min", Form::Number)]),
    (Kind::CardRevoke, &[must(1, "card", Form::Hex), REASON]),
    (Kind::Action, &[must(1, "action", Form::Text)]),
    (Kind::ActionWithdraw, &[ENTRY, REASON]),
    (Kind::Redeem, &[SHOP, POINTS, may(3, "goods", Form::Flag)]),
    (Kind::Void, &[ENTRY]),
    (Kind::Refund, &[ENTRY, POINTS, must(3, "reason", Form::Text)]),
    (Kind::Hold, &[SHOP, POINTS, must(3, "until_s", Form::Number), may(4, "goods", Form::Flag)]),
    (Kind::Capture, &[must(1, "hold", Form::Number), POINTS]),
    (Kind::Release, &[must(1, "hold", Form::Number)]),
    (Kind::CataloguePublish, &[must(1, "version", Form::Number), must(2, "document", Form::Document)]),
    (Kind::RewardClaim, &[must(1, "item", Form::Text), POINTS, may(3, "code", Form::Hex)]),
    (Kind::RewardUse, &[VOUCHER, must(2, "secret", Form::Hex)]),
    (Kind::RewardCancel, &[VOUCHER, REASON]),
    (Kind::DrawCommit, &[must(1, "draw", Form::Text), must(2, "entrants", Form::Hex), must(3, "count", Form::Number), must(4, "beacon", Form::Text), must(5, "round", Form::Number)]),
    (Kind::DrawResult, &[must(1, "commit", Form::Number), must(2, "beacon", Form::Hex), must(3, "winners", Form::Hex)]),
    (Kind::LinkGrant, &[must(1, "link", Form::Hex), must(2, "purpose", Form::Purpose), must(3, "until", Form::Day), must(4, "partner", Form::Hex)]),
    (Kind::LinkRevoke, &[must(1, "link", Form::Hex)]),
    (Kind::Adjust, &[ACCOUNT, LOT, must(3, "points", Form::Integer), must(4, "reason", Form::Text)]),
    (Kind::LotExtend, &[ACCOUNT, LOT, must(3, "until", Form::Day), must(4, "reason", Form::Text)]),
    (Kind::BalanceImport, &[ACCOUNT, must(2, "lots", Form::Lots), must(3, "control_total", Form::Number), must(4, "source", Form::Text)]),
    (Kind::Approve, &[must(1, "proposal", Form::Number), must(2, "statement_hash", Form::Hex)]),
    (Kind::Expire, &[ACCOUNT, LOT, must(3, "points", Form::Number)]),
    (Kind::DayClose, &[must(1, "day", Form::Day)]),
    (Kind::SettlementClose, &[SHOP, must(2, "month", Form::Number), must(3, "first", Form::Number), must(4, "end", Form::Number), must(5, "points", Form::Sums), must(6, "carried", Form::Sums), must(7, "yen", Form::Number)]),
    (Kind::SettlementPaid, &[must(1, "settlement", Form::Number), must(2, "paid_on", Form::Day), must(3, "reference", Form::Text)]),
    (Kind::AuditStatement, &[must(1, "first", Form::Number), must(2, "end", Form::Number), must(3, "root", Form::Hex), must(4, "finding", Form::Text)]),
    (Kind::Manifest, &[must(1, "rows", Form::Hex), must(2, "kind", Form::Kind)]),
    (Kind::ManifestDone, &[must(1, "manifest", Form::Number), must(2, "outcomes", Form::Hex)]),
];

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
    for (number, (_, name, form, optional)) in fields_of(kind).iter().enumerate() {
        let (before, mark) = (if number > 0 { ", " } else { "" }, if *optional { "?" } else { "" });
        // Writing to a String cannot fail.
        let _ = write!(text, "{before}{name}{mark} ({})", form_text(*form));
    }
    text
}

/// The body of a kind from JSON.
///
/// # Errors
/// A text that names the field and what is due.
pub fn body_of(kind: Kind, json: &Map<String, Value>) -> Result<Body, String> {
    let fields = fields_of(kind);
    if let Some(unknown) = json.keys().find(|name| !fields.iter().any(|(_, n, ..)| n == name)) {
        return Err(format!("`{unknown}` is no field of {}: {}", kind.name(), describe(kind)));
    }
    let mut present = Vec::new();
    for (key, name, form, optional) in fields {
        match json.get(*name) {
            Some(value) => present.push((*key, *name, *form, value)),
            None if *optional => {}
            None => {
                return Err(format!("`{name}` is missing; {}: {}", kind.name(), describe(kind)));
            }
        }
    }
    let mut writer = Writer::default();
    writer.map(present.len() as u64);
    for (key, name, form, value) in present {
        writer.uint(key);
        write_value(form, value, &mut writer)
            .ok_or_else(|| format!("`{name}` must be {}", form_text(form)))?;
    }
    let bytes = writer.into_bytes();
    let mut reader = Reader::new(&bytes);
    let body = Body::read(kind, &mut reader);
    body.and_then(|body| reader.end().map(|()| body))
        .map_err(|error| format!("{}: {error}; {}", kind.name(), describe(kind)))
}

fn fields_of(kind: Kind) -> &'static [Field] {
    BODIES.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, fields)| fields)
}

fn form_text(form: Form) -> &'static str {
    match form {
        Form::Hex => "lower-case hexadecimal",
        Form::Text => "text",
        Form::Document => "a JSON document",
        Form::Number => "a whole number",
        Form::Flag => "true or false",
        Form::Integer => "a whole number, perhaps negative",
        Form::Day => "a day YYYY-MM-DD",
        Form::Role => "a role such as \"staff\", \"station\" or \"shop\"",
        Form::Fund => "a fund: \"general\", \"nhi\", \"care_insurance\" or \"employer\"",
        Form::AgeTier => {
            "\"unknown\", \"under18\", \"from18\", \"from40\", \"from65\" or \"from75\""
        }
        Form::Insurance => "\"unknown\", \"nhi\" or \"other\"",
        Form::Purpose => {
            "\"steps\", \"sessions\", \"employer\", \"reminders\" or \"auto_exchange\""
        }
        Form::Status => "\"active\", \"frozen\", \"moved_out\" or \"deceased\"",
        Form::Kind => "the name of a kind",
        Form::Lot => "{\"purse\", \"fund\", \"expires_on\"}",
        Form::Sums => "funds with their points, such as {\"general\": 300}",
        Form::Lots => "a list of {\"purse\", \"fund\", \"expires_on\", \"points\"}",
    }
}

/// Appends a value; `None` where the JSON has another form.
fn write_value(form: Form, value: &Value, writer: &mut Writer) -> Option<()> {
    match form {
        Form::Hex => writer.bytes(&HEXLOWER.decode(value.as_str()?.as_bytes()).ok()?),
        Form::Text => writer.text(value.as_str()?),
        Form::Document => match value {
            Value::String(text) => writer.text(text),
            Value::Object(_) => writer.text(&value.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
        },
        Form::Number => writer.uint(value.as_u64()?),
        Form::Flag => writer.bool(value.as_bool()?),
        Form::Integer => writer.int(value.as_i64()?),
        Form::Day => write_named::<Day>(value, writer)?,
        Form::Role => write_named::<Role>(value, writer)?,
        Form::Fund => write_named::<Fund>(value, writer)?,
        Form::AgeTier => write_named::<AgeTier>(value, writer)?,
        Form::Insurance => write_named::<Insurance>(value, writer)?,
        Form::Purpose => write_named::<Purpose>(value, writer)?,
        Form::Status => write_named::<Status>(value, writer)?,
        Form::Kind => kind_of(value.as_str()?).ok()?.write(writer),
        Form::Lot => lot_key(value, 3)?.write(writer),
        Form::Lots => {
            let lots = value.as_array()?;
            writer.array(lots.len() as u64);
            for lot in lots {
                writer.array(2);
                lot_key(lot, 4)?.write(writer);
                writer.uint(lot.get("points")?.as_u64()?);
            }
        }
        Form::Sums => {
            let mut sums = FundSums::default();
            for (fund, points) in value.as_object()? {
                let fund = serde_json::from_value(Value::from(fund.as_str())).ok()?;
                sums.add(fund, points.as_i64()?)?;
            }
            sums.write(writer);
        }
    }
    Some(())
}

/// A value that JSON names and CBOR numbers.
fn write_named<T: DeserializeOwned + Wire>(value: &Value, writer: &mut Writer) -> Option<()> {
    let named: T = serde_json::from_value(value.clone()).ok()?;
    named.write(writer);
    Some(())
}

/// The lot of an object with so many members.
fn lot_key(value: &Value, members: usize) -> Option<LotKey> {
    fn member<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
        serde_json::from_value(value.get(name)?.clone()).ok()
    }
    (value.as_object()?.len() == members).then_some(())?;
    let (purse, fund) = (member::<Purse>(value, "purse")?, member(value, "fund")?);
    Some(LotKey { purse, fund, expires_on: member(value, "expires_on")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// A value of every form.
    fn sample(form: Form, name: &str) -> Value {
        let hex = match name {
            "kid" | "shop" | "place" | "partner" => "ab".repeat(8),
            "account" | "person" | "link" | "secret" => "ab".repeat(16),
            _ => "ab".repeat(32),
        };
        let lot = serde_json::json!({"purse": "yen", "fund": "nhi", "expires_on": "2028-03-31"});
        let mut lots = lot.clone();
        lots["points"] = 7.into();
        match form {
            Form::Hex => hex.into(),
            Form::Text => "text".into(),
            Form::Document => serde_json::json!({"a": 1}),
            Form::Number => 5.into(),
            Form::Flag => true.into(),
            Form::Integer => (-5).into(),
            Form::Day => "2026-11-22".into(),
            Form::Role => "staff".into(),
            Form::Fund => "nhi".into(),
            Form::AgeTier => "under18".into(),
            Form::Insurance => "other".into(),
            Form::Purpose => "steps".into(),
            Form::Status => "moved_out".into(),
            Form::Kind => "action".into(),
            Form::Lot => lot,
            Form::Lots => vec![lots].into(),
            Form::Sums => serde_json::json!({"nhi": 7, "general": -5}),
        }
    }

    #[test]
    fn every_kind_has_a_row_that_gives_its_body() {
        let kinds: Vec<Kind> = BODIES.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, Kind::ALL);
        for (kind, fields) in BODIES {
            for leave_out in [false, true] {
                let given = fields.iter().filter(|(_, _, _, optional)| !(leave_out && *optional));
                let json =
                    given.map(|(_, name, form, _)| ((*name).to_owned(), sample(*form, name)));
                let body = body_of(*kind, &json.collect()).expect("a body");
                assert_eq!(body.kind(), *kind);
            }
        }
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
            expect!["account.open: byte string is out of range; account (lower-case hexadecimal)"],
        );
        check(
            "redeem",
            r#"{"shop": "abababababababab", "points": 0}"#,
            expect![
                "redeem: points must be a whole number from 1 to 100000; shop (lower-case hexadecimal), points (a whole number), goods? (true or false)"
            ],
        );
        assert!(kind_of("gift").expect_err("unknown").contains("account.open"));
    }
}
