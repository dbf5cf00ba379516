//! Every byte form: strict CBOR, signed messages, the bodies of all kinds against `kenmai.cddl`,
//! days, leaves.

mod bodies;
mod messages;

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ledger_spec::{
    cbor::{self, CborError, Reader, Wire},
    entry::{Class, Entry, Personal, PublicJson, personal_aad, receipt_number},
    ids::{LedgerId, OpId, Seq},
    kinds::{Body, Code, Kind},
    points::{POINTS_MAX, Points},
    programme::{Programme, ProgrammeProblem},
    statement::{Values, card_check_byte, seal_of},
    time::{BirthDate, Day},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{id, ledger, programme};

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
        ("expires_after_years", json!(10), "taken"),
        ("expires_after_years", json!(11), "expires_after_years"),
        ("expires_after_years", json!(u32::MAX), "expires_after_years"),
        ("redeem.min", json!(0), "redeem: 0 < min"),
        ("redeem.min", json!(1_001), "redeem"),
        ("redeem.max_day", json!(999), "redeem"),
        ("rules", json!([]), "1 to 200 rules"),
        ("rules.0.evidence", json!([]), "rules[0].evidence: evidence: at least one"),
        ("rules.0.rule", json!(2), "stands twice"),
        ("rules.0.action", json!("care"), "stands twice"),
        ("rules.0.action", json!("diabetes"), "public code of its own"),
        ("rules.1.exact.0.action", json!("care"), "public code of its own"),
        ("rules.0.action", json!(""), "without control characters"),
        ("rules.0.action", json!("a".repeat(41)), "without control characters"),
        ("name", json!("a\u{80}"), "without control characters"),
        ("rules.0.name_en", json!("a\u{7f}"), "without control characters"),
        ("rules.0.fund", json!("none"), "purse `yen` needs a fund"),
        ("rules.3.fund", json!("nhi"), "purse `yen` needs a fund"),
        ("rules.0.points", json!(501), "at most 500 points"),
        ("rules.0.evidence", json!(["kiosk"]), "taken"),
        ("rules.2.evidence", json!(["kiosk"]), "at most 50 points"),
        ("rules.0.evidence", json!(["shop"]), "unknown variant `shop`"),
        ("rules.0.evidence", json!(["phone_sensor"]), "at most 3 points"),
        ("rules.0.measures", json!(["steps", "minutes", "level_tenths"]), "taken"),
        ("rules.0.measures", json!(["minutes", "steps", "minutes"]), "each of `measures` once"),
        ("rules.0.measures", json!(["by_hand"]), "unknown variant `by_hand`"),
        ("rules.0.evidence", json!(["self_report"]), "for purse `challenge` only"),
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

/// A report of the programme's last day that comes as late as it may still earns points that can be
/// spent.
#[test]
fn points_outlive_late_actions() {
    for (until, late_days, years, fits) in [
        ("2027-03-31", 0, 0, true),
        ("2027-03-31", 1, 0, false),
        ("2027-03-28", 3, 0, true),
        ("2027-03-28", 4, 0, false),
        ("2027-03-29", 3, 0, false),
        ("2027-03-31", 31, 1, true),
    ] {
        let changes = [
            ("until", json!(until)),
            ("late_days", json!(late_days)),
            ("expires_after_years", json!(years)),
        ];
        let changes = changes.map(|(member, value)| (member.into(), value));
        let found = Programme::parse(&programme(&changes)).map(|_| ()).map_err(|f| f.problem);
        let expected = if fits { Ok(()) } else { Err(ProgrammeProblem::Expiry) };
        assert_eq!(found, expected, "{until} + {late_days}");
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

/// 年齢計算ニ関する法律: the day of birth counts, so a year of life is over the day before the birthday.
#[test]
fn a_year_of_life_is_over_the_day_before_the_birthday() {
    let day = |text: &str| Day::parse(text).unwrap();
    for ((year, month, date), on, age) in [
        ((1961, 4, 1), "2026-03-30", 64),
        ((1961, 4, 1), "2026-03-31", 65),
        ((1961, 4, 2), "2026-03-31", 64),
        ((1961, 4, 2), "2026-04-01", 65),
        ((1944, 2, 29), "2026-02-27", 81),
        ((1944, 2, 29), "2026-02-28", 82),
        ((1944, 2, 29), "2028-02-27", 83),
        ((1944, 2, 29), "2028-02-28", 84),
        ((2000, 1, 1), "2025-12-31", 26),
        ((2026, 4, 1), "2026-04-01", 0),
        ((2027, 4, 1), "2026-04-01", 0),
    ] {
        let born = BirthDate::from_ymd(year, month, date).unwrap();
        assert_eq!(born.age_on(day(on)), age, "{born:?} on {on}");
    }
    assert_eq!(format!("{:?}", BirthDate::from_ymd(1944, 2, 29).unwrap()), "1944-02-29");
    for (year, month, date) in
        [(1943, 2, 29), (1900, 2, 29), (1961, 13, 1), (1961, 4, 31), (0, 1, 1), (10_000, 1, 1)]
    {
        assert_eq!(BirthDate::from_ymd(year, month, date), None, "{year}-{month}-{date}");
    }
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
