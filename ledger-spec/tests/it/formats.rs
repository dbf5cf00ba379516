//! Every byte form: strict CBOR, signed messages, the bodies of all kinds against `kenmai.cddl`, days, leaves.

use std::collections::{BTreeMap, BTreeSet};

use coset::{
    CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana,
};
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use ledger_spec::{
    cbor::{self, CborError, Reader, Wire, Writer},
    cose::{CoseError, Sign1, aad},
    entry::{Class, Entry, Personal, PublicJson, personal_aad, receipt_number},
    ids::{LedgerId, OpId, Seq},
    kinds::{AccountFacts, AccountOpen, Body, Code, Kind, Redeem},
    points::{POINTS_MAX, Points},
    programme::Programme,
    statement::{
        Core, Disclosure, Holder, StatementError, Values, card_check_byte, open, read, seal_of,
    },
    time::Day,
    token::{self, PayToken, QrCheck, Session},
};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{World, account, facts, id, key, kid, ledger, programme, sign_token};

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
}

/// Reads the bytes as a value; what is taken must be written in the same bytes.
#[track_caller]
fn check_cbor<T: Wire + PartialEq + std::fmt::Debug>(
    bytes: &str,
    expected: impl Into<Result<T, CborError>>,
) {
    let bytes = hex(bytes);
    let found = cbor::from_bytes::<T>(&bytes);
    if let Ok(value) = &found {
        assert_eq!(cbor::to_bytes(value), bytes);
    }
    assert_eq!(found, expected.into());
}

#[test]
fn integers_have_one_form() {
    let number = CborError::Expected("unsigned integer");
    for (bytes, expected) in [
        ("00", Ok(0)),
        ("17", Ok(23)),
        ("1817", Err(CborError::NotDeterministic)),
        ("1818", Ok(24)),
        ("18ff", Ok(255)),
        ("1900ff", Err(CborError::NotDeterministic)),
        ("190100", Ok(256)),
        ("1a0000ffff", Err(CborError::NotDeterministic)),
        ("1a00010000", Ok(65_536)),
        ("1b00000000ffffffff", Err(CborError::NotDeterministic)),
        ("1b0000000100000000", Ok(1 << 32)),
        ("1bffffffffffffffff", Ok(u64::MAX)),
        ("1c", Err(CborError::NotDeterministic)),
        ("1f", Err(CborError::NotDeterministic)),
        ("0000", Err(CborError::LeftOver)),
        ("", Err(number)),
        ("18", Err(number)),
        ("1a000100", Err(number)),
        ("20", Err(number)),
        ("f5", Err(number)),
        ("f90000", Err(number)),
        ("c100", Err(number)),
    ] {
        check_cbor::<u64>(bytes, expected);
    }
    check_cbor("1b7fffffffffffffff", Ok(i64::MAX));
    check_cbor("3b7fffffffffffffff", Ok(i64::MIN));
    check_cbor("20", Ok(-1_i64));
    check_cbor("3817", Err::<i64, _>(CborError::NotDeterministic));
    check_cbor("3b8000000000000000", Err::<i64, _>(CborError::OutOfRange("integer")));
    check_cbor("1b8000000000000000", Err::<i64, _>(CborError::OutOfRange("integer")));
    check_cbor("190100", Err::<u8, _>(CborError::OutOfRange("number")));
    check_cbor("1a00010000", Err::<u16, _>(CborError::OutOfRange("number")));
    check_cbor("1b0000000100000000", Err::<u32, _>(CborError::OutOfRange("number")));
}

#[test]
fn booleans_strings_and_lists_have_one_form() {
    let boolean = CborError::Expected("true or false");
    for (bytes, expected) in [
        ("f4", Ok(false)),
        ("f5", Ok(true)),
        ("f814", Err(boolean)),
        ("f815", Err(boolean)),
        ("f90014", Err(boolean)),
        ("fb0000000000000015", Err(boolean)),
        ("f6", Err(boolean)),
        ("14", Err(boolean)),
    ] {
        check_cbor::<bool>(bytes, expected);
    }
    check_cbor("4161", Ok([0x61_u8]));
    check_cbor("580161", Err::<[u8; 1], _>(CborError::NotDeterministic));
    check_cbor("5f4161ff", Err::<[u8; 1], _>(CborError::NotDeterministic));
    check_cbor("426161", Err::<[u8; 1], _>(CborError::OutOfRange("byte string")));
    check_cbor("4261", Err::<[u8; 2], _>(CborError::Expected("byte string")));
    check_cbor("5bffffffffffffffff", Err::<[u8; 2], _>(CborError::Expected("byte string")));
    check_cbor("6161", Ok(Code::new("a").unwrap()));
    check_cbor("60", Err::<Code, _>(CborError::OutOfRange("text")));
    check_cbor("6107", Err::<Code, _>(CborError::OutOfRange("text")));
    check_cbor("61ff", Err::<Code, _>(CborError::Expected("text")));
    check_cbor("7f6161ff", Err::<Code, _>(CborError::NotDeterministic));
    let long = format!("7829{}", "61".repeat(41));
    check_cbor(&long, Err::<Code, _>(CborError::OutOfRange("text")));
    check_cbor("820102", Ok(vec![1_u32, 2]));
    check_cbor("9f0102ff", Err::<Vec<u32>, _>(CborError::NotDeterministic));
    check_cbor("9bffffffffffffffff", Err::<Vec<u32>, _>(CborError::Expected("array")));
    check_cbor("f6", Ok(None::<u32>));
    check_cbor("f7", Err::<Option<u32>, _>(CborError::Expected("unsigned integer")));
}

#[test]
fn points_are_whole_numbers_from_1_to_100000() {
    assert_eq!(POINTS_MAX, 100_000);
    for (bytes, expected) in [
        ("01", Some(1)),
        ("1a000186a0", Some(100_000)),
        ("00", None),
        ("20", None),
        ("3903e7", None),
        ("1a000186a1", None),
        ("1bffffffffffffffff", None),
        ("f93c00", None),
        ("fa3f800000", None),
        ("fb3ff0000000000000", None),
        ("f97e00", None),
        ("f6", None),
    ] {
        let points = expected.and_then(Points::new).ok_or(CborError::Points);
        check_cbor(bytes, points);
        // The same inside a redemption.
        let body = format!("a20148{:016x}02{bytes}", 0);
        let found = Body::read(Kind::Redeem, &mut Reader::new(&hex(&body)));
        assert_eq!(found.map(|_| ()), points.map(|_| ()));
    }
    check_cbor("c24101", Err::<Points, _>(CborError::Expected("points")));
    check_cbor("6131", Err::<Points, _>(CborError::Expected("points")));
    check_cbor("1864", Ok(Points::new(100).unwrap()));
    check_cbor("190064", Err::<Points, _>(CborError::NotDeterministic));
}

#[test]
fn programme_numbers_are_whole() {
    assert!(Programme::parse(&programme(&[])).is_ok());
    for (member, value, fault) in [
        ("rules.0.points", json!(1.5), "does not fit"),
        ("rules.0.points", json!(20.0), "does not fit"),
        ("rules.0.points", json!(-1), "does not fit"),
        ("rules.0.points", json!("20"), "does not fit"),
        ("rules.0.colour", json!("red"), "unknown field `colour`"),
        ("from", json!("2026-4-1"), "YYYY-MM-DD"),
        ("from", json!("2026-02-29"), "YYYY-MM-DD"),
        ("from", json!("2026-03-31"), "days of fiscal year 2026"),
        ("until", json!("2027-04-01"), "days of fiscal year 2026"),
        ("until", json!("2026-03-31"), "days of fiscal year 2026"),
        ("late_days", json!(32), "late_days"),
        ("expires_after_years", json!(11), "expires_after_years"),
        ("expires_after_years", json!(u32::MAX), "expires_after_years"),
        ("redeem.min", json!(0), "redeem"),
        ("redeem.min", json!(1_001), "redeem"),
        ("redeem.max_day", json!(999), "redeem"),
        ("rules", json!([]), "1 to 200 rules"),
        ("rules.0.signers", json!([]), "1 to 200 rules"),
        ("rules.0.rule", json!(2), "stands twice"),
        ("rules.0.action", json!("care"), "stands twice"),
        ("rules.0.action", json!("diabetes"), "group of its own"),
        ("rules.1.exact", json!(["care"]), "group of its own"),
        ("rules.0.action", json!(""), "without control characters"),
        ("rules.0.action", json!("a".repeat(41)), "without control characters"),
        ("name", json!("a\u{80}"), "without control characters"),
        ("rules.0.name_en", json!("a\u{7f}"), "without control characters"),
        ("rules.0.fund", json!("none"), "purse `yen` needs a fund"),
        ("rules.3.fund", json!("nhi"), "purse `yen` needs a fund"),
        ("rules.0.points", json!(501), "at most 500 points"),
        ("rules.3.points", json!(51), "at most 50 points"),
        ("rules.0.signers", json!(["shop"]), "at most 0 points"),
        (
            "rules.0.caps",
            json!([{"per": "day", "points": 1}, {"per": "day", "points": 2}]),
            "same actions and period",
        ),
        (
            "caps",
            json!([{"purse": "yen", "per": "day", "points": 1}, {"purse": "yen", "per": "day", "points": 1}]),
            "same actions and period",
        ),
    ] {
        let found = Programme::parse(&programme(&[(member.into(), value.clone())]));
        let text = found.map_or_else(|fault| fault.to_string(), |_| "taken".into());
        assert!(text.contains(fault), "{member} = {value}: {text}");
    }
    let twice = programme(&[]).replacen('{', "{\"version\":1,", 1);
    assert!(Programme::parse(&twice).unwrap_err().to_string().contains("duplicate field"));
    let exponent = programme(&[]).replace("\"late_days\":3", "\"late_days\":3e0");
    assert!(Programme::parse(&exponent).is_err());
}

// The bodies of all kinds, made from `kenmai.cddl` without the code that reads them.

/// The definitions of the CDDL by name.
fn definitions() -> BTreeMap<String, String> {
    let text = include_str!("../../kenmai.cddl");
    let (mut found, mut name) = (BTreeMap::<String, String>::new(), String::new());
    for line in text.lines().map(|line| line.split(';').next().unwrap()) {
        if let Some((head, rest)) = line.split_once(" = ")
            && !head.starts_with(' ')
        {
            name = head.trim().into();
            found.insert(name.clone(), rest.trim().into());
        } else if let Some(definition) = found.get_mut(&name) {
            definition.push_str(line);
        }
    }
    found
}

/// The rule that stands behind `; code` in the list of bodies.
fn body_of(kind: Kind) -> String {
    let name = kind.name().replace('.', "-");
    definitions()[&name].clone()
}

/// Values of CDDL types from a seed.
struct Maker {
    types: BTreeMap<String, String>,
    seed: u64,
}

impl Maker {
    /// One step of `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.random() % (high - low + 1)
    }

    /// The bounds of `a..b` or of one number.
    fn size(&mut self, text: &str) -> u64 {
        let text = text.trim().trim_matches(['(', ')']);
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let [low, high] = [low, high].map(|bound| bound.trim().parse().unwrap());
        self.within(low, high)
    }

    fn write(&mut self, form: &str, writer: &mut Writer) {
        let form = form.trim();
        if let Some(size) = form.strip_prefix("bstr .size") {
            let length = self.size(size);
            let bytes: Vec<u8> = (0..length).map(|_| self.random().to_le_bytes()[0]).collect();
            writer.bytes(&bytes);
        } else if let Some(size) = form.strip_prefix("tstr .size") {
            let length = self.size(size).min(300);
            let text: String = (0..length)
                .map(|_| char::from(b' ' + self.random().to_le_bytes()[0] % 95))
                .collect();
            writer.text(&text);
        } else if let Some(codes) = form.strip_prefix("&(") {
            let codes: Vec<u64> = codes
                .trim_end_matches(')')
                .split(',')
                .map(|code| code.split(':').nth(1).unwrap().trim().parse().unwrap())
                .collect();
            let which = self.within(0, codes.len() as u64 - 1);
            writer.uint(codes[usize::try_from(which).unwrap()]);
        } else if let Some(list) = form.strip_prefix('[') {
            self.write_list(list.strip_suffix(']').unwrap(), writer);
        } else if form.contains("..") {
            let number = self.size(form);
            writer.uint(number);
        } else {
            self.write_named(form, writer);
        }
    }

    fn write_named(&mut self, form: &str, writer: &mut Writer) {
        match form {
            // Numbers are at most 32 bits wherever the code can count on it.
            "uint" => {
                let shift = self.within(32, 63);
                let number = self.random() >> shift;
                writer.uint(number);
            }
            "int" => {
                let number = self.random().cast_signed();
                writer.int(number);
            }
            "bool" => {
                let truth = self.random() & 1 == 0;
                writer.bool(truth);
            }
            "bstr" => self.write("bstr .size 7", writer),
            name => {
                let form = self.types.get(name).unwrap_or_else(|| panic!("no type {name}"));
                self.write(&form.clone(), writer);
            }
        }
    }

    fn write_list(&mut self, list: &str, writer: &mut Writer) {
        if let Some((times, item)) = list.split_once(" [") {
            let times = self.size(&times.replace('*', ".."));
            writer.array(times);
            (0..times).for_each(|_| self.write(&format!("[{item}"), writer));
        } else {
            let items: Vec<&str> = list.split(',').collect();
            writer.array(items.len() as u64);
            items.iter().for_each(|item| self.write(item.rsplit(':').next().unwrap(), writer));
        }
    }

    /// Key, whether it may be left out, and bytes of each field of `{ 1: type, ? 2: type }`.
    fn fields(&mut self, map: &str) -> Vec<(u64, bool, Vec<u8>)> {
        let inner = map.trim().trim_start_matches('{').trim_end_matches('}').trim();
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for c in inner.chars() {
            depth += i32::from("([".contains(c)) - i32::from(")]".contains(c));
            if c == ',' && depth == 0 {
                parts.push(String::new());
            } else {
                parts.last_mut().unwrap().push(c);
            }
        }
        let field = |part: &String| {
            let (key, form) = part.split_once(':').unwrap();
            let (key, form) = (key.trim(), form.to_owned());
            let mut writer = Writer::default();
            self.write(&form, &mut writer);
            let optional = key.starts_with('?');
            (key.trim_start_matches('?').trim().parse().unwrap(), optional, writer.into_bytes())
        };
        parts.iter().map(field).collect()
    }
}

fn map_of<'a>(fields: impl Iterator<Item = (u64, &'a [u8])>) -> Vec<u8> {
    let fields: Vec<(u64, &[u8])> = fields.collect();
    let mut writer = Writer::default();
    writer.map(fields.len() as u64);
    let mut bytes = writer.into_bytes();
    for (key, value) in fields {
        let mut writer = Writer::default();
        writer.uint(key);
        bytes.extend(writer.into_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

/// The body if it is taken, all of it; writing it gives the same bytes.
fn read_body(kind: Kind, bytes: &[u8]) -> Result<Body, CborError> {
    let mut reader = Reader::new(bytes);
    let body = Body::read(kind, &mut reader)?;
    reader.end()?;
    let mut writer = Writer::default();
    body.write(&mut writer);
    assert_eq!(writer.into_bytes(), bytes, "{kind:?}");
    Ok(body)
}

/// A statement of every kind with a body as the CDDL has it, read and opened again.
fn check_kind(kind: Kind, seed: u64) {
    let mut maker = Maker { types: definitions(), seed };
    let fields = maker.fields(&body_of(kind));
    let left_out = maker.random();
    let kept = |(key, optional, _): &&(u64, bool, Vec<u8>)| !optional || left_out >> key & 1 == 0;
    let pairs: Vec<(u64, &[u8])> =
        fields.iter().filter(kept).map(|(key, _, value)| (*key, &value[..])).collect();
    let body =
        read_body(kind, &map_of(pairs.iter().copied())).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
    assert_eq!(body.kind(), kind);

    let required: BTreeSet<u64> = fields.iter().filter(|f| !f.1).map(|f| f.0).collect();
    for (key, _) in &pairs {
        let without = map_of(pairs.iter().copied().filter(|pair| pair.0 != *key));
        let expected =
            if required.contains(key) { Err(CborError::MissingField(*key)) } else { Ok(()) };
        assert_eq!(read_body(kind, &without).map(|_| ()), expected, "{kind:?} without {key}");
        let null = map_of(pairs.iter().map(|p| (p.0, if p.0 == *key { &[0xf6][..] } else { p.1 })));
        assert!(read_body(kind, &null).is_err(), "{kind:?} with null {key}");
        let twice = pairs.iter().flat_map(|p| vec![*p; 1 + usize::from(p.0 == *key)]);
        assert_eq!(read_body(kind, &map_of(twice)), Err(CborError::NotDeterministic));
    }
    let unknown = pairs.iter().copied().chain([(99, &[0][..])]);
    assert_eq!(read_body(kind, &map_of(unknown)), Err(CborError::UnknownField(99)));
    if pairs.len() > 1 {
        let backwards = map_of(pairs.iter().rev().copied());
        assert_eq!(read_body(kind, &backwards), Err(CborError::NotDeterministic));
    }
    check_statement(body, &mut maker);
}

fn check_statement(body: Body, maker: &mut Maker) {
    let shape = body.kind().shape();
    let core = Core {
        ledger: ledger(),
        op_id: OpId(id("operation")),
        day: Day(u32::try_from(maker.within(0, u64::from(u32::MAX))).unwrap()),
        programme: shape.programme.then_some(7),
        not_after_s: shape.not_after.then(|| maker.random()),
        body,
        sealed: None,
    };
    let disclosure = shape.disclosure.then(|| Disclosure {
        salt: id("salt"),
        performed_at_s: maker.random(),
        holder: None,
        values: None,
        exact_action: None,
        code: None,
        pin_proof: None,
    });
    let submission = core.clone().sign(&key("anyone"), disclosure.as_ref());
    let public = key("anyone").verifying_key();
    let opened = open(&submission, ledger(), |_| Some(public)).unwrap();
    assert_eq!(opened.core, Core { sealed: opened.core.sealed, ..core });
    assert_eq!(opened.disclosure.map(|(disclosure, _)| disclosure), disclosure);
    // What the log keeps reads as the same core, and still carries the signature.
    let (kept, again) = read(&opened.bytes).unwrap();
    assert_eq!((again.core, again.bytes), (opened.core, opened.bytes));
    assert_eq!(kept.verify(&public, aad::STATEMENT), Ok(()));
}

#[test]
fn the_cddl_and_the_code_name_the_same_kinds() {
    let text = include_str!("../../kenmai.cddl");
    for (kind, code) in Kind::ALL.iter().zip(1_u64..) {
        assert_eq!(cbor::to_bytes(kind), {
            let mut w = Writer::default();
            w.uint(code);
            w.into_bytes()
        });
        let name = kind.name().replace('.', "-");
        let line =
            text.lines().find(|line| line.starts_with(&format!("{name} ")) && line.contains('{'));
        let comment = line.unwrap().split(';').nth(1).unwrap().trim();
        assert_eq!(comment.split(' ').next().unwrap(), code.to_string(), "{name}");
    }
    assert_eq!(Kind::ALL.len(), 40);
    // `? 6: uint, ; ... kinds 14, 16` in core and disclosure: which kinds have which field.
    let listed = |from: &str, field: &str| -> BTreeSet<u64> {
        let block = text.split(from).nth(1).unwrap().split("\n}").next().unwrap();
        let line = block.lines().find(|line| line.trim().starts_with(field)).unwrap();
        let numbers = line.split("kind").nth(1).unwrap().trim_start_matches(['s', ' ']);
        numbers.split(',').map(|number| number.trim().parse().unwrap()).collect()
    };
    let with = |has: fn(Kind) -> bool| -> BTreeSet<u64> {
        Kind::ALL.iter().zip(1..).filter(|(kind, _)| has(**kind)).map(|(_, code)| code).collect()
    };
    assert_eq!(listed("\ncore = {", "? 6"), with(|kind| kind.shape().programme));
    assert_eq!(listed("\ncore = {", "? 7"), with(|kind| kind.shape().not_after));
    let mut sealed = BTreeSet::new();
    for (field, key) in ["? 3", "? 4", "? 5", "? 6", "? 7"].into_iter().zip(3..) {
        let kinds = listed("\ndisclosure = {", field);
        assert_eq!(kinds, with_field(key), "{field}");
        sealed.extend(kinds);
    }
    assert_eq!(sealed, with(|kind| kind.shape().disclosure));
}

/// The kinds whose disclosure may hold the field, found by trying.
fn with_field(field: u64) -> BTreeSet<u64> {
    let disclosure = Disclosure {
        salt: id("salt"),
        performed_at_s: 1,
        holder: (field == 3).then(|| Holder::Account(account("hanako"))),
        values: (field == 4).then_some(Values { steps: Some(1), ..Values::default() }),
        exact_action: (field == 5).then(|| Code::new("diabetes").unwrap()),
        code: (field == 6).then(|| id("code")),
        pin_proof: (field == 7).then(|| cbor::Blob(vec![1])),
    };
    let takes = |kind: &Kind| {
        let mut maker = Maker { types: definitions(), seed: 1 };
        let fields = maker.fields(&body_of(*kind));
        let body = map_of(fields.iter().map(|(key, _, value)| (*key, &value[..])));
        let shape = kind.shape();
        let core = Core {
            ledger: ledger(),
            op_id: OpId(id("operation")),
            day: Day(1),
            programme: shape.programme.then_some(1),
            not_after_s: shape.not_after.then_some(1),
            body: read_body(*kind, &body).unwrap(),
            sealed: None,
        };
        match read(&core.sign(&key("anyone"), Some(&disclosure))) {
            Ok(_) => true,
            Err(error) => {
                let unknown = if shape.disclosure { field } else { 9 };
                assert_eq!(error, StatementError::Form(CborError::UnknownField(unknown)));
                false
            }
        }
    };
    Kind::ALL.iter().zip(1..).filter(|(kind, _)| takes(kind)).map(|(_, code)| code).collect()
}

#[test]
fn an_import_has_1_to_64_lots() {
    let lot = hex("8283010119500001");
    for (lots, fits) in [(0_u8, false), (1, true), (64, true), (65, false)] {
        let mut bytes = hex("a40150");
        bytes.extend([0; 16]);
        bytes.push(2);
        bytes.extend(if lots < 24 { vec![0x80 + lots] } else { vec![0x98, lots] });
        (0..lots).for_each(|_| bytes.extend_from_slice(&lot));
        bytes.extend(hex("0301046161"));
        let expected = if fits { Ok(()) } else { Err(CborError::OutOfRange("list")) };
        assert_eq!(read_body(Kind::BalanceImport, &bytes).map(|_| ()), expected, "{lots}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_kind_reads_what_the_cddl_says(seed in any::<u64>()) {
        Kind::ALL.iter().for_each(|kind| check_kind(*kind, seed));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), kind in 0..40_usize) {
        let _ = read_body(Kind::ALL[kind], &bytes);
        prop_assert!(read(&bytes).is_err());
        if let Ok(value) = cbor::from_bytes::<bool>(&bytes) {
            prop_assert_eq!(cbor::to_bytes(&value), bytes);
        }
    }
}

// Signed messages.

/// A city with a resident, and a submission without and one with a disclosure and a pay token in it.
fn submissions() -> (World, [Vec<u8>; 2]) {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    world.join("hanako");
    let plain = world.core(Body::AccountOpen(AccountOpen { account: account("taro") }));
    let plain = plain.sign(&key("staff-1"), None);
    let token = world.pay_token();
    let disclosure = world.disclosure(Some(Holder::Phone(sign_token(&token, "hanako"))));
    let shop = ledger_spec::ids::PlaceId(id("shop-a"));
    let redeem = world.core(Body::Redeem(Redeem { shop, points: Points::new(100).unwrap() }));
    let redeem = redeem.sign(&key("shop-a"), Some(&disclosure));
    (world, [plain, redeem])
}

fn key_in(world: &World) -> impl Fn(ledger_spec::ids::Kid) -> Option<VerifyingKey> {
    |kid| VerifyingKey::from_bytes(&world.tables.keys.get(&kid)?.public_key).ok()
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let (world, submissions) = submissions();
    for submission in submissions {
        assert!(open(&submission, ledger(), key_in(&world)).is_ok());
        for at in 0..submission.len() {
            for mask in [0x01, 0x02, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = submission.clone();
                changed[at] ^= mask;
                let found = open(&changed, ledger(), key_in(&world));
                assert!(found.is_err(), "byte {at} ^ {mask:#04x}");
            }
            let mut shorter = submission.clone();
            shorter.remove(at);
            assert!(open(&shorter, ledger(), key_in(&world)).is_err(), "without byte {at}");
            let mut longer = submission.clone();
            longer.insert(at, submission[at]);
            assert!(open(&longer, ledger(), key_in(&world)).is_err(), "byte {at} twice");
        }
    }
}

#[test]
fn each_part_of_a_submission_is_checked_in_its_order() {
    let (mut world, [plain, redeem]) = submissions();
    let check = |bytes: &[u8], expected: StatementError| {
        assert_eq!(open(bytes, ledger(), key_in(&world)), Err(expected));
    };
    check(&vec![0; 65_537], StatementError::TooLarge);
    check(&[], StatementError::Form(CborError::Expected("COSE_Sign1")));
    let elsewhere = LedgerId::of_origin("elsewhere");
    let wrong_ledger = open(&plain, elsewhere, key_in(&world));
    assert_eq!(wrong_ledger, Err(StatementError::OtherLedger));
    // Without its disclosure, with one that was not sealed, with one that none was sealed for.
    let parts = |bytes: &[u8]| Sign1::from_bytes(bytes).unwrap();
    let without = Sign1 { disclosure: None, ..parts(&redeem) };
    check(&without.to_bytes(), StatementError::Sealed);
    let other = Disclosure {
        salt: [0; 16],
        performed_at_s: 1,
        holder: None,
        values: None,
        exact_action: None,
        code: None,
        pin_proof: None,
    };
    let other = Some(cbor::to_bytes(&other));
    let changed = Sign1 { disclosure: other.clone(), ..parts(&redeem) };
    check(&changed.to_bytes(), StatementError::Sealed);
    let added = Sign1 { disclosure: other, ..parts(&plain) };
    check(&added.to_bytes(), StatementError::Sealed);
    // Another's name on it; another's signature on it.
    let renamed = Sign1 { kid: kid("staff-2"), ..parts(&plain) };
    check(&renamed.to_bytes(), StatementError::Signature);
    let unknown = Sign1 { kid: kid("nobody"), ..parts(&plain) };
    check(&unknown.to_bytes(), StatementError::KeyUnknown);
    let foreign = Sign1 { signature: parts(&redeem).signature, ..parts(&plain) };
    check(&foreign.to_bytes(), StatementError::Signature);
    // A seal that does not match comes before a signature that does not.
    let both = Sign1 { signature: [0; 64], ..without };
    check(&both.to_bytes(), StatementError::Sealed);
    let mut token = Sign1::from_bytes(&sign_token(&world.pay_token(), "hanako")).unwrap();
    token.signature[0] ^= 1;
    let disclosure = world.disclosure(Some(Holder::Phone(token.to_bytes())));
    let core = Core { sealed: None, ..read(&redeem).unwrap().1.core };
    let stale = core.sign(&key("shop-a"), Some(&disclosure));
    assert_eq!(open(&stale, ledger(), key_in(&world)), Err(StatementError::TokenSignature));
}

#[test]
fn a_signature_is_good_for_one_purpose() {
    let hanako = |_| Some(key("hanako").verifying_key());
    let (exp_s, nonce, ledger) = (1_000, id("nonce"), ledger());
    let pay = PayToken { exp_s, nonce, ledger, max_points: 5 };
    let session = Session { exp_s, nonce, ledger };
    assert_eq!(
        token::open(&token::sign(&pay, &key("hanako")), hanako),
        Ok((pay.clone(), kid("hanako")))
    );
    assert_eq!(
        token::open(&token::sign(&session, &key("hanako")), hanako),
        Ok((session.clone(), kid("hanako")))
    );
    // The payload of a pay token signed as each of the other messages.
    for purpose in [aad::STATEMENT, aad::PIN, aad::SESSION, aad::QR_CHECK, b""] {
        let signed = Sign1::sign(&key("hanako"), purpose, cbor::to_bytes(&pay)).to_bytes();
        assert_eq!(token::open::<PayToken>(&signed, hanako), Err(CoseError::Signature));
    }
    // A session and a question have other payloads besides.
    let signed = token::sign(&session, &key("hanako"));
    assert!(matches!(token::open::<PayToken>(&signed, hanako), Err(CoseError::Form(_))));
    assert!(matches!(token::open::<QrCheck>(&signed, hanako), Err(CoseError::Form(_))));
    // A statement signed as a session.
    let (_, [plain, _]) = submissions();
    let payload = Sign1::from_bytes(&plain).unwrap().payload;
    let signed = Sign1::sign(&key("staff-1"), aad::SESSION, payload).to_bytes();
    let found = open(&signed, ledger, |_| Some(key("staff-1").verifying_key()));
    assert_eq!(found, Err(StatementError::Signature));
}

#[test]
fn a_token_ends_at_its_second() {
    for (exp_s, expected) in
        [(999, false), (1_000, false), (1_001, true), (1_300, true), (1_301, false)]
    {
        assert_eq!(token::in_force(exp_s, 1_000), expected, "{exp_s}");
    }
}

#[test]
fn a_code_survives_the_scanner() {
    let (mut world, _) = submissions();
    let signed = sign_token(&world.pay_token(), "hanako");
    let text = token::to_qr_text("demo.kenmai.example", &signed);
    assert!(text.starts_with("HTTPS://DEMO.KENMAI.EXAMPLE/Q/"));
    assert!(
        text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"/:.-".contains(&b))
    );
    for scanned in [text.clone(), text.to_lowercase(), format!(" {text}\r\n"), text[30..].into()] {
        assert_eq!(token::from_qr_text(&scanned), Some(signed.clone()), "{scanned}");
    }
    for broken in [&text[..text.len() - 1], &text.replace("/Q/", "/Q/1"), &"A".repeat(1_025)] {
        assert_ne!(token::from_qr_text(broken), Some(signed.clone()), "{broken}");
    }
}

// `coset` is another implementation of RFC 9052: each reads and verifies what the other signed.

#[test]
fn another_implementation_reads_and_verifies_ours() {
    let (_, submissions) = submissions();
    for (submission, name) in submissions.iter().zip(["staff-1", "shop-a"]) {
        let theirs = CoseSign1::from_tagged_slice(submission).unwrap();
        assert_eq!(theirs.protected.header.key_id, kid(name).0);
        let alg = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::Ed25519);
        assert_eq!(theirs.protected.header.alg, Some(alg));
        let public = key(name).verifying_key();
        let verified = theirs.verify_signature(aad::STATEMENT, |signature, message| {
            public.verify_strict(message, &Signature::from_slice(signature).unwrap())
        });
        assert!(verified.is_ok());
        assert_eq!(theirs.to_tagged_vec().unwrap(), *submission);
    }
}

#[test]
fn we_take_what_another_implementation_signed() {
    let (mut world, _) = submissions();
    let core = world.core(facts_of_hanako());
    let protected = HeaderBuilder::new()
        .algorithm(iana::Algorithm::Ed25519)
        .key_id(kid("staff-1").0.to_vec())
        .build();
    let theirs = CoseSign1Builder::new()
        .protected(protected)
        .payload(cbor::to_bytes(&core))
        .create_signature(aad::STATEMENT, |message| key("staff-1").sign(message).to_vec())
        .build();
    let tagged = theirs.clone().to_tagged_vec().unwrap();
    assert_eq!(tagged, core.clone().sign(&key("staff-1"), None));
    assert_eq!(open(&tagged, ledger(), key_in(&world)).map(|s| s.core), Ok(core));
    // The same message without its tag is another form.
    assert!(open(&theirs.to_vec().unwrap(), ledger(), key_in(&world)).is_err());
}

fn facts_of_hanako() -> Body {
    let body = facts("hanako", true);
    assert!(matches!(&body, Body::AccountFacts(AccountFacts { district: 3, .. })));
    body
}

#[test]
fn headers_have_one_form() {
    let (world, [plain, _]) = submissions();
    let opens = |text: &str| open(&hex(text), ledger(), key_in(&world)).is_ok();
    let text = HEXLOWER.encode(&plain);
    let staff = HEXLOWER.encode(&kid("staff-1").0);
    let header = format!("d2844da201320448{staff}a0");
    assert!(text.starts_with(&header) && opens(&text));
    for other in [
        // No tag, another tag, five parts, an indefinite array.
        format!("844da201320448{staff}a0"),
        format!("d1844da201320448{staff}a0"),
        format!("d2854da201320448{staff}a0"),
        format!("d29f4da201320448{staff}a0"),
        format!("d8124da201320448{staff}a0"),
        // EdDSA (-8), no algorithm, kid first, another header, an empty unprotected map of another length.
        format!("d2844da201270448{staff}a0"),
        format!("d2844ba10448{staff}a0"),
        format!("d2844da20448{staff}0132a0"),
        format!("d2844fa301320448{staff}0500a0"),
        format!("d2844da201320448{staff}b800"),
        format!("d2844da201320448{staff}bfff"),
        format!("d2844da201320448{staff}a10500"),
        format!("d2844ea20138120448{staff}a0"),
    ] {
        assert!(!opens(&text.replacen(&header, &other, 1)), "{other}");
    }
}

// Values, cards, days, numbers, leaves.

#[test]
fn measured_values_have_ranges() {
    let none = Values::default();
    for (values, expected) in [
        (none, true),
        (Values { level_tenths: Some(0), ..none }, false),
        (Values { level_tenths: Some(120), ..none }, true),
        (Values { level_tenths: Some(121), ..none }, false),
        (Values { systolic_mmhg: Some(300), diastolic_mmhg: Some(1), ..none }, true),
        (Values { systolic_mmhg: Some(301), ..none }, false),
        (Values { diastolic_mmhg: Some(0), ..none }, false),
        (Values { minutes: Some(1_440), steps: Some(0), ..none }, true),
        (Values { minutes: Some(1_441), ..none }, false),
        (Values { steps: Some(200_001), ..none }, false),
    ] {
        assert_eq!(values.in_range(), expected, "{values:?}");
    }
}

#[test]
fn a_cards_check_byte_finds_slips() {
    // CRC-8 of polynomial 0x07 gives 0xf4 for "123456789"; a leading zero byte changes nothing.
    assert_eq!(card_check_byte(b"\x00123456789"), 0xf4);
    let number: [u8; 10] = id("card");
    for at in 0..10 {
        for mask in 1..=255 {
            let mut slipped = number;
            slipped[at] ^= mask;
            assert_ne!(card_check_byte(&slipped), card_check_byte(&number));
        }
    }
}

#[test]
fn days_follow_the_calendar() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let mut fiscal_year = 1969;
    for number in 0..=47_846 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if (month, day) == (4, 1) {
            fiscal_year = year;
        }
        let found = Day(number);
        assert_eq!((found.ymd(), found.fiscal_year()), ((year, month, day), fiscal_year));
        assert_eq!(Day::from_ymd(year, month, day), Some(found));
        assert_eq!(Day::parse(&format!("{year:04}-{month:02}-{day:02}")), Some(found));
        assert_eq!(Day::parse(&found.to_string()), Some(found));
        assert_eq!(found.month_start(), Day(number + 1 - day));
        // Midnight in Japan is 15:00 of the day before in Greenwich.
        let midnight_ms = (u64::from(number) * 24).saturating_sub(9) * 3_600_000;
        assert_eq!((found.start_ms(), Day::of_ms(midnight_ms)), (midnight_ms, found));
        assert_eq!(
            Day::of_ms(midnight_ms + 86_399_999 - 9 * 3_600_000 * u64::from(number == 0)),
            found
        );
        day += 1;
        if day > length {
            assert_eq!(Day::from_ymd(year, month, day), None);
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert_eq!((year, month, day), (2101, 1, 1));
    for text in [
        "2026-4-01",
        "2026-04-1",
        "2026-04-31",
        "2026-13-01",
        "2026-00-01",
        "2026-04-00",
        "+026-04-01",
        "2026-04-01 ",
        "20260401",
        "1969-12-31",
        "",
    ] {
        assert_eq!(Day::parse(text), None, "{text}");
    }
    // No 32 bits are too strange to be shown.
    for number in [u32::MAX, u32::MAX - 719_468, u32::MAX - 719_467] {
        assert!(!Day(number).to_string().is_empty());
        assert!(Day(number).fiscal_year() > 9_999);
    }
    assert_eq!(Day::of_ms(u64::MAX), Day(u32::try_from(u64::MAX / 86_400_000).unwrap_or(u32::MAX)));
}

#[test]
fn receipt_numbers_tell_entries_apart() {
    // Place in base 32 without I, L, O, U; then ten bits of SHA-256(ledger || seq).
    let by_hand = |seq: u64| {
        let letters = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let digest = Sha256::digest([&ledger().0[..], &seq.to_be_bytes()].concat());
        let check = usize::from(digest[0]) * 256 + usize::from(digest[1]);
        let mut place = Vec::new();
        let mut left = seq;
        while left > 0 || place.len() < 4 {
            place.insert(0, letters[usize::try_from(left % 32).unwrap()]);
            left /= 32;
        }
        place.extend([b'-', letters[check / 32 % 32], letters[check % 32]]);
        String::from_utf8(place).unwrap()
    };
    for seq in [0, 1, 31, 32, 1_048_575, 1_048_576, 33_554_431, 33_554_432, u64::MAX] {
        assert_eq!(receipt_number(ledger(), Seq(seq)), by_hand(seq));
    }
    let numbers: BTreeSet<String> =
        (0..5_000).map(|seq| receipt_number(ledger(), Seq(seq))).collect();
    assert_eq!(numbers.len(), 5_000);
}

#[test]
fn a_leaf_is_the_documented_formula() {
    let (salt, accounting) = (id::<32>("salt"), b"accounting part".to_vec());
    let commitment = Sha256::digest([b"kenmai/v1/leaf", &salt[..], &accounting].concat());
    let json = "{\"kind\":\"budget\"}";
    for (class, public, tail) in
        [(Class::Sealed, None, ""), (Class::Public, PublicJson::new(json), json)]
    {
        let by_hand = [&[1, class as u8], &commitment[..], tail.as_bytes()].concat();
        let accounting = cbor::Blob(accounting.clone());
        let entry = Entry { class, salt, accounting, personal: None, public };
        assert_eq!((entry.leaf(), entry.opened().leaf()), (by_hand.clone(), by_hand));
        assert_eq!(cbor::from_bytes::<Entry>(&cbor::to_bytes(&entry)), Ok(entry));
    }
    let personal = Personal { accepted_ms: 1, disclosure: Some(cbor::Blob(vec![1])) };
    assert_eq!(cbor::from_bytes::<Personal>(&cbor::to_bytes(&personal)), Ok(personal));
    let aad = personal_aad(LedgerId([1; 8]), OpId([2; 16]));
    assert_eq!(aad[..], [&[1; 8][..], &[2; 16]].concat());
}

#[test]
fn a_seal_is_the_documented_formula() {
    let by_hand = Sha256::digest(b"kenmai/v1/disclosure\x01\x02");
    assert_eq!(seal_of(&[1, 2])[..], by_hand[..]);
}
