//! The bodies of all kinds, made from `kenmai.cddl` without the code that reads them.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::{
    cbor::{self, CborError, Reader, Writer},
    cose::aad,
    decide::Rejection,
    entry::Effect,
    ids::OpId,
    kinds::{Body, Code, Flow, Kind, Note, Role},
    statement::{Core, Disclosure, Holder, StatementError, Values, open, read},
    time::Day,
};
use proptest::prelude::*;

use super::hex;
use crate::world::{Verdict, World, account, id, key, ledger, register};

/// The definitions of the CDDL by name.
fn definitions() -> BTreeMap<String, String> {
    let text = include_str!("../../../kenmai.cddl");
    let (mut found, mut name) = (BTreeMap::<String, String>::new(), String::new());
    for line in text.lines().map(|line| line.split(';').next().unwrap()) {
        if let Some((head, rest)) = line.split_once(" =")
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
            // Ascending and without zeros: what the comment says beside the form.
            "fund-sums" => {
                let funds: Vec<u64> = (1..=5).filter(|_| self.random() & 1 == 0).collect();
                writer.array(funds.len() as u64);
                for fund in funds {
                    writer.array(2);
                    writer.uint(fund);
                    let points = self.random().cast_signed() | 1;
                    writer.int(points);
                }
            }
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
        ..Disclosure::default()
    });
    let submission = core.clone().sign(&key("anyone"), disclosure.as_ref());
    let public = key("anyone").verifying_key();
    let opened = open(&submission, ledger(), &|_| Some(public)).unwrap();
    assert_eq!(opened.core, Core { sealed: opened.core.sealed, ..core });
    assert_eq!(opened.disclosure.map(|(disclosure, _)| disclosure), disclosure);
    // What the log keeps reads as the same core, and still carries the signature.
    let (kept, again) = read(&opened.bytes).unwrap();
    assert_eq!((again.core, again.bytes), (opened.core, opened.bytes));
    assert_eq!(kept.verify(&public, aad::STATEMENT), Ok(()));
}

#[test]
fn the_cddl_and_the_code_name_the_same_kinds() {
    let text = include_str!("../../../kenmai.cddl");
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
    let definitions = definitions();
    assert_eq!(definitions["kind"], format!("1..{}", Kind::ALL.len()));
    let bodies: Vec<&str> = definitions["body"].split('/').map(str::trim).collect();
    let names: Vec<String> = Kind::ALL.iter().map(|kind| kind.name().replace('.', "-")).collect();
    assert_eq!(bodies, names);
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
    for (field, key) in
        ["? 3", "? 4", "? 5", "? 6", "? 7", "? 8", "? 9", "? 10", "? 11"].into_iter().zip(3..)
    {
        let kinds = listed("\ndisclosure = {", field);
        assert_eq!(kinds, with_field(key), "{field}");
        sealed.extend(kinds);
    }
    assert_eq!(sealed, with(|kind| kind.shape().disclosure));
}

/// The alternatives of a choice between arrays, each as its code and its number of items.
fn arrays(choice: &str) -> BTreeSet<(u64, u64)> {
    let (mut found, mut depth, mut items, mut code) = (BTreeSet::new(), 0, 0, String::new());
    for c in choice.chars() {
        match c {
            '[' | '(' => {
                depth += 1;
                if depth == 1 {
                    (items, code) = (1, String::new());
                }
            }
            ']' | ')' => {
                depth -= 1;
                if depth == 0 {
                    found.insert((code.parse().unwrap(), items));
                }
            }
            ',' if depth == 1 => items += 1,
            digit if digit.is_ascii_digit() && depth == 1 && items == 1 => code.push(digit),
            _ => {}
        }
    }
    found
}

#[test]
fn the_cddl_and_the_code_name_the_same_effects() {
    let mut known = BTreeSet::new();
    for (code, items) in (0..256).flat_map(|code| (1..24).map(move |items| (code, items))) {
        let mut effect = Writer::default();
        effect.array(items);
        effect.uint(code);
        (1..items).for_each(|_| effect.uint(0));
        // Of an effect that is known the fields may be wrong, but not its code and length.
        let read = cbor::from_bytes::<Effect>(&effect.into_bytes());
        if read != Err(CborError::OutOfRange("effect")) {
            known.insert((code, items));
        }
    }
    assert!(known.contains(&(1, 4)), "a posting has three fields");
    let listed = arrays(&definitions()["effect"]);
    let differ: Vec<_> = listed.symmetric_difference(&known).collect();
    assert!(differ.is_empty(), "code and items: {differ:?}");
}

/// The rows of `03-rules.md` section 2 as kind, signers and whether the rules are in force.
fn signers() -> Vec<(Kind, &'static str, &'static str)> {
    let text = include_str!("../../../03-rules.md");
    let section = text.split("\n## ").find(|section| section.starts_with("2. ")).unwrap();
    let mut found = Vec::new();
    for row in section.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for named in cells[1].split(", ") {
            let (code, name) = named.split_once(" `").unwrap();
            let kind = Kind::ALL.iter().find(|kind| kind.name() == name.trim_end_matches('`'));
            let kind = *kind.expect(name);
            assert_eq!(code, (kind as u64).to_string(), "{name}");
            found.push((kind, cells[2], cells[3]));
        }
    }
    found
}

/// Whether the rules of a kind are in force, found by trying: an honest signer's statement with a
/// body of the right form.
fn in_force(kind: Kind) -> bool {
    let mut world = World::at("2026-10-02", "10:00");
    world.staff();
    world.enact(register("auditor", Role::Auditor, "auditor", None));
    let signer = match kind.roles()[0] {
        Role::Root => "root-1",
        Role::Staff => "staff-1",
        Role::Registry => "registry",
        Role::Shop => "shop-a",
        Role::System => "system",
        Role::Auditor => "auditor",
        role @ (Role::Station | Role::Coach | Role::Kiosk | Role::Partner | Role::Pin) => {
            panic!("{kind:?}: no {role:?} stands here")
        }
    };
    let mut maker = Maker { types: definitions(), seed: 1 };
    let fields = maker.fields(&body_of(kind));
    let body = map_of(fields.iter().map(|(key, _, value)| (*key, &value[..])));
    let core = world.core(read_body(kind, &body).unwrap());
    let disclosure = kind.shape().disclosure.then(|| world.disclosure(None));
    let (_, statement) = read(&core.sign(&key(signer), disclosure.as_ref())).unwrap();
    world.judge(statement) != Verdict::Refused(Rejection::KindNotInForce)
}

#[test]
fn the_prose_and_the_code_have_the_same_kinds_in_force() {
    for (kind, _, prose) in signers() {
        assert!(["yes", "format only"].contains(&prose), "{kind:?}: {prose}");
        assert_eq!(prose == "yes", in_force(kind), "{kind:?}");
    }
}

/// The second check of section 1 says what a phone may sign; of the kinds for phones those whose
/// rules are in force.
#[test]
fn the_prose_lists_what_a_phone_may_sign() {
    let text = include_str!("../../../03-rules.md");
    let (_, list) = text.split_once("; a device only ").unwrap();
    let (list, _) = list.split_once(';').unwrap();
    let listed: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let kinds =
        signers().into_iter().filter(|(kind, _, prose)| kind.is_for_phones() && *prose == "yes");
    assert_eq!(listed, kinds.map(|(kind, ..)| kind.name()).collect::<BTreeSet<_>>());
}

/// `03-rules.md` section 2 names for each kind the roles, whether a phone signs it, and whether it
/// is a proposal: what its row in the table of kinds says.
#[test]
fn the_prose_and_the_code_let_the_same_sign() {
    let mut found = BTreeSet::new();
    for (kind, signers, _) in signers() {
        let words: BTreeSet<&str> = signers.split(|c: char| !c.is_alphabetic()).collect();
        let roles = Role::ALL.iter().filter(|role| words.contains(role.name()));
        let expected = kind.roles().iter().collect::<BTreeSet<_>>();
        assert_eq!(roles.collect::<BTreeSet<_>>(), expected, "{kind:?}");
        assert_eq!(words.contains("phone"), kind.is_for_phones(), "{kind:?}");
        assert_eq!(signers.ends_with("; a proposal"), kind.is(Flow::Proposal), "{kind:?}");
        found.insert(kind);
    }
    assert!(found.iter().eq(Kind::ALL), "{found:?}");
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
        reference: (field == 8).then(|| cbor::Blob(vec![1])),
        origin: (field == 9).then(|| Code::new("app").unwrap()),
        venue: (field == 10).then(|| cbor::Blob(vec![1])),
        text: (field == 11).then(|| Note::new("まちがっています").unwrap()),
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
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), kind in 0..Kind::ALL.len()) {
        let _ = read_body(Kind::ALL[kind], &bytes);
        prop_assert!(read(&bytes).is_err());
        if let Ok(value) = cbor::from_bytes::<bool>(&bytes) {
            prop_assert_eq!(cbor::to_bytes(&value), bytes);
        }
    }
}
