//! Signed messages: statements, tokens, sessions; and another implementation of their form.

use coset::{
    CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana,
};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ed25519_dalek::{Signature, Signer};
use ledger_spec::{
    cbor::{self, CborError},
    cose::{CoseError, Sign1, aad},
    ids::{LedgerId, PerkCardNumber, Seq},
    kinds::{AccountFacts, AccountOpen, Body, Redeem},
    points::Points,
    statement::{Core, Disclosure, Holder, StatementError, open, read},
    time::Day,
    token::{self, Message, PayToken, PerkCredential, QrCheck, Session, SignedMessage},
};

use super::hex;
use crate::world::{KeysOf, World, account, facts, id, key, kid, ledger, sign_token};

/// A city with a resident, and a submission without and one with a disclosure and a pay token in
/// it.
fn submissions() -> (World, [Vec<u8>; 2]) {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    world.join("hanako");
    let plain = world.core(Body::AccountOpen(AccountOpen { account: account("taro") }));
    let plain = plain.sign(&key("staff-1"), None);
    let token = world.pay_token();
    let disclosure = world.disclosure(Some(Holder::Phone(sign_token(&token, "hanako"))));
    let shop = ledger_spec::ids::PlaceId(id("shop-a"));
    let redeem =
        world.core(Body::Redeem(Redeem { shop, points: Points::new(100).unwrap(), goods: None }));
    let redeem = redeem.sign(&key("shop-a"), Some(&disclosure));
    (world, [plain, redeem])
}

fn key_in(world: &World) -> KeysOf<'_> {
    KeysOf(&world.tables)
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let (world, submissions) = submissions();
    for submission in submissions {
        assert!(open(&submission, ledger(), &key_in(&world)).is_ok());
        for at in 0..submission.len() {
            for mask in [0x01, 0x02, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = submission.clone();
                changed[at] ^= mask;
                let found = open(&changed, ledger(), &key_in(&world));
                assert!(found.is_err(), "byte {at} ^ {mask:#04x}");
            }
            let mut shorter = submission.clone();
            shorter.remove(at);
            assert!(open(&shorter, ledger(), &key_in(&world)).is_err(), "without byte {at}");
            let mut longer = submission.clone();
            longer.insert(at, submission[at]);
            assert!(open(&longer, ledger(), &key_in(&world)).is_err(), "byte {at} twice");
        }
    }
}

#[test]
fn each_part_of_a_submission_is_checked_in_its_order() {
    let (mut world, [plain, redeem]) = submissions();
    let check = |bytes: &[u8], expected: StatementError| {
        assert_eq!(open(bytes, ledger(), &key_in(&world)), Err(expected));
    };
    check(&vec![0; 65_537], StatementError::TooLarge);
    check(&[], StatementError::Form(CborError::Expected("COSE_Sign1")));
    let elsewhere = LedgerId::of_origin("elsewhere");
    let wrong_ledger = open(&plain, elsewhere, &key_in(&world));
    assert_eq!(wrong_ledger, Err(StatementError::OtherLedger));
    // Without its disclosure, with one that was not sealed, with one that none was sealed for.
    let parts = |bytes: &[u8]| Sign1::from_bytes(bytes).unwrap();
    let without = Sign1 { disclosure: None, ..parts(&redeem) };
    check(&without.to_bytes(), StatementError::Sealed);
    let other = Disclosure { salt: [0; 16], performed_at_s: 1, ..Disclosure::default() };
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
    assert_eq!(open(&stale, ledger(), &key_in(&world)), Err(StatementError::TokenSignature));
}

#[test]
fn a_signature_is_good_for_one_purpose() {
    let hanako = |_| Some(key("hanako").verifying_key());
    let (exp_s, nonce, ledger) = (1_000, id("nonce"), ledger());
    let pay = PayToken { exp_s, nonce, ledger, max_points: 5, shop: None };
    let session = Session { exp_s, nonce, ledger };
    let phones = [key("taro").verifying_key(), key("hanako").verifying_key()];
    let signer = |bytes: &[u8]| {
        let signed: SignedMessage<PayToken> = token::read_signed(bytes).unwrap();
        signed.signer_among(&phones)
    };
    assert_eq!(signer(&token::sign(&pay, &key("hanako"))), Some(kid("hanako")));
    assert_eq!(
        token::open(&token::sign(&session, &key("hanako")), hanako),
        Ok((session.clone(), kid("hanako")))
    );
    // The payload of a pay token signed as each of the other messages.
    for purpose in
        [aad::STATEMENT, aad::PIN, aad::SESSION, aad::QR_CHECK, aad::VENUE, aad::PERK_CARD, b""]
    {
        let name = pay.kid(key("hanako").verifying_key().as_bytes());
        let signed = Sign1::sign_as(&key("hanako"), name, purpose, cbor::to_bytes(&pay));
        assert_eq!(signer(&signed.to_bytes()), None);
    }
    // A session and a question have other payloads besides.
    let signed = token::sign(&session, &key("hanako"));
    assert!(matches!(token::open::<PayToken>(&signed, hanako), Err(CoseError::Form(_))));
    assert!(matches!(token::open::<QrCheck>(&signed, hanako), Err(CoseError::Form(_))));
    // A statement signed as a session.
    let (_, [plain, _]) = submissions();
    let payload = Sign1::from_bytes(&plain).unwrap().payload;
    let signed = Sign1::sign(&key("staff-1"), aad::SESSION, payload).to_bytes();
    let found = open(&signed, ledger, &|_| Some(key("staff-1").verifying_key()));
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

#[test]
fn a_perk_cards_number_follows_from_pepper_ledger_and_claim() {
    let number = |pepper: u8, origin: &str, claim| {
        PerkCardNumber::of(&[pepper; 32], LedgerId::of_origin(origin), Seq(claim))
    };
    assert_eq!(number(1, "a", 7), number(1, "a", 7));
    // HMAC-SHA256(pepper, "kenmai/v1/perk-card" ‖ ledger ‖ claim as u64)[:16], as another program
    // computes it.
    assert_eq!(number(1, "a", 7).to_string(), "3dcdb8ff30a51d8b6376fa317408e035");
    let all = [number(1, "a", 7), number(2, "a", 7), number(1, "b", 7), number(1, "a", 8)];
    for (place, one) in all.iter().enumerate() {
        assert!(!all[place + 1..].contains(one), "{place}");
    }
}

#[test]
fn a_perk_card_is_read_by_any_shop_and_made_by_the_system_key_alone() {
    let number = PerkCardNumber::of(&[1; 32], ledger(), Seq(7));
    let card =
        PerkCredential { number, ledger: ledger(), until: Day::parse("2027-04-10").unwrap() };
    let signed = token::sign(&card, &key("system"));
    assert_eq!(token::sign(&card, &key("system")), signed, "the same card every time");
    let text = format!("HTTPS://DEMO.KENMAI.EXAMPLE/C/{}", BASE32_NOPAD.encode(&signed));
    for scanned in [text.clone(), text.to_lowercase(), text[30..].into()] {
        assert_eq!(token::perk_card(&scanned), Some(card), "{scanned}");
    }
    let known = |name: &'static str| move |_| Some(key(name).verifying_key());
    assert_eq!(token::open(&signed, known("system")), Ok((card, kid("system"))));
    let forged = token::open::<PerkCredential>(&signed, known("shop-a"));
    assert_eq!(forged, Err(CoseError::Signature));
    for at in 0..signed.len() {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        assert!(token::open::<PerkCredential>(&changed, known("system")).is_err(), "byte {at}");
    }
    // Nothing may travel outside the signature.
    let parts = Sign1::from_bytes(&signed).unwrap();
    let more = Sign1 { disclosure: Some(vec![0xa0]), ..parts }.to_bytes();
    assert!(matches!(
        token::open::<PerkCredential>(&more, known("system")),
        Err(CoseError::Form(_))
    ));
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
    assert_eq!(open(&tagged, ledger(), &key_in(&world)).map(|s| s.core), Ok(core));
    // The same message without its tag is another form.
    assert!(open(&theirs.to_vec().unwrap(), ledger(), &key_in(&world)).is_err());
}

fn facts_of_hanako() -> Body {
    let body = facts("hanako", true);
    assert!(matches!(&body, Body::AccountFacts(AccountFacts { district: 3, .. })));
    body
}

#[test]
fn headers_have_one_form() {
    let (world, [plain, _]) = submissions();
    let opens = |text: &str| open(&hex(text), ledger(), &key_in(&world)).is_ok();
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
        // EdDSA (-8), no algorithm, kid first, another header, an empty unprotected map of another
        // length.
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
