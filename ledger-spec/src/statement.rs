//! Statements: what an actor signs. The core is kept for ever; the disclosure beside it can be
//! erased.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::cbor::{self, Blob, CborError, Reader, Wire, Writer, wire_code, wire_map};
use crate::cose::{CoseError, Sign1, aad};
use crate::ids::{CardHash, DayKid, Hash, Kid, LedgerId, LinkId, OpId, PlaceId, Seq};
use crate::kinds::{Body, Code, Kind, Note, Sealed};
use crate::time::Day;
use crate::token::{self, PayToken, PhoneToken, PinProof, SignedMessage, VenueCode};

/// The format's version.
pub const VERSION: u64 = 1;
/// The largest submission.
pub const SUBMISSION_BYTES_MAX: usize = 65_536;
/// `not_after` may lie so far after the signing.
pub const NOT_AFTER_S_MAX: u64 = 300;

/// Why bytes are not a statement that anyone could accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StatementError {
    /// Longer than [`SUBMISSION_BYTES_MAX`].
    #[error("a submission has at most {SUBMISSION_BYTES_MAX} bytes")]
    TooLarge,
    /// The bytes are not in the statement's form.
    #[error(transparent)]
    Form(CborError),
    /// The statement names another ledger.
    #[error("the statement is for another ledger")]
    OtherLedger,
    /// The disclosure is missing, superfluous, or not the one that was sealed.
    #[error("the disclosure does not match `sealed`")]
    Sealed,
    /// No key with this id is registered.
    #[error("no such key is registered in this ledger")]
    KeyUnknown,
    /// The signature does not verify.
    #[error("the signature does not match the statement and its key")]
    Signature,
    /// The PIN proof inside is not signed by a key of the ledger.
    #[error("the PIN proof was not made by a key of this ledger")]
    PinSignature,
    /// The pay token inside is not signed by an enrolled device.
    #[error("the code was not made by a phone that is enrolled here")]
    TokenSignature,
    /// The signer has asked for the codes of too many past days; tomorrow it may again.
    #[error("codes of too many past days were sent; send the rest another day")]
    TooManyDays,
    /// The venue code inside is not signed by a key of the ledger.
    #[error("the venue's code was not made by a key of this ledger")]
    VenueSignature,
}

impl From<CoseError> for StatementError {
    fn from(error: CoseError) -> Self {
        match error {
            CoseError::Form(form) => Self::Form(form),
            CoseError::Signature => Self::Signature,
        }
    }
}

impl From<CborError> for StatementError {
    fn from(error: CborError) -> Self {
        Self::Form(error)
    }
}

/// What an actor signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// The ledger it is for.
    pub ledger: LedgerId,
    /// The operation, the same in every repetition.
    pub op_id: OpId,
    /// Day of the act for actions, of the signing otherwise.
    pub day: Day,
    /// The programme version in force on that day, for kinds that it rules.
    pub programme: Option<u32>,
    /// Unix seconds after which it must not succeed, for kinds that move money out.
    pub not_after_s: Option<u64>,
    /// The public body.
    pub body: Body,
    /// Commitment to the disclosure, for kinds that have one.
    pub sealed: Option<Hash>,
}

impl Core {
    /// Signs; the result is the submission that goes to the server.
    #[must_use]
    pub fn sign(mut self, key: &SigningKey, disclosure: Option<&Disclosure>) -> Vec<u8> {
        let disclosure = disclosure.map(cbor::to_bytes);
        self.sealed = disclosure.as_deref().map(seal_of);
        let mut signed = Sign1::sign(key, aad::STATEMENT, cbor::to_bytes(&self));
        signed.disclosure = disclosure;
        signed.to_bytes()
    }

    /// The shop that takes points, where the core names it: of a claim at a till it does not.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds name the shop that takes points")]
    pub fn shop(&self) -> Option<PlaceId> {
        match &self.body {
            Body::Redeem(body) => Some(body.shop),
            Body::Hold(body) => Some(body.shop),
            _ => None,
        }
    }
}

/// The commitment to a disclosure.
#[must_use]
pub fn seal_of(disclosure: &[u8]) -> Hash {
    Sha256::new().chain_update(b"kenmai/v1/disclosure").chain_update(disclosure).finalize().into()
}

impl Wire for Core {
    fn write(&self, writer: &mut Writer) {
        let optional =
            [self.programme.is_some(), self.not_after_s.is_some(), self.sealed.is_some()];
        writer.map(6 + optional.into_iter().map(u64::from).sum::<u64>());
        writer.uint(1);
        writer.uint(VERSION);
        writer.uint(2);
        self.ledger.write(writer);
        writer.uint(3);
        self.body.kind().write(writer);
        writer.uint(4);
        self.op_id.write(writer);
        writer.uint(5);
        self.day.write(writer);
        if let Some(programme) = self.programme {
            writer.uint(6);
            writer.uint(u64::from(programme));
        }
        if let Some(not_after_s) = self.not_after_s {
            writer.uint(7);
            writer.uint(not_after_s);
        }
        writer.uint(8);
        self.body.write(writer);
        if let Some(sealed) = self.sealed {
            writer.uint(9);
            sealed.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let mut fields = Fields { left: reader.map()?, next: None, reader };
        if fields.required::<u64>(1)? != VERSION {
            return Err(CborError::OutOfRange("version"));
        }
        let ledger = fields.required(2)?;
        let kind: Kind = fields.required(3)?;
        let op_id = fields.required(4)?;
        let day = fields.required(5)?;
        let shape = kind.shape();
        let programme = fields.optional(6, shape.programme)?;
        let not_after_s = fields.optional(7, shape.not_after)?;
        fields.key(8)?;
        let body = Body::read(kind, fields.reader)?;
        let sealed = fields.optional(9, shape.disclosure)?;
        fields.end()?;
        Ok(Self { ledger, op_id, day, programme, not_after_s, body, sealed })
    }
}

/// Reads the keys of a map one after the other.
struct Fields<'r, 'a> {
    left: usize,
    next: Option<u64>,
    reader: &'r mut Reader<'a>,
}

impl Fields<'_, '_> {
    fn peek(&mut self) -> Result<Option<u64>, CborError> {
        if self.next.is_none() && self.left > 0 {
            self.left -= 1;
            self.next = Some(self.reader.uint()?);
        }
        Ok(self.next)
    }

    fn key(&mut self, key: u64) -> Result<(), CborError> {
        match self.peek()? {
            Some(found) if found == key => {
                self.next = None;
                Ok(())
            }
            Some(found) if found > 9 => Err(CborError::UnknownField(found)),
            Some(found) if found < key => Err(CborError::NotDeterministic),
            _ => Err(CborError::MissingField(key)),
        }
    }

    fn required<T: Wire>(&mut self, key: u64) -> Result<T, CborError> {
        self.key(key)?;
        T::read(self.reader)
    }

    /// A key that the kind has or has not; there is no choice within a kind.
    fn optional<T: Wire>(&mut self, key: u64, present: bool) -> Result<Option<T>, CborError> {
        if present {
            self.required(key).map(Some)
        } else if self.peek()? == Some(key) {
            Err(CborError::UnknownField(key))
        } else {
            Ok(None)
        }
    }

    fn end(&mut self) -> Result<(), CborError> {
        self.peek()?.map_or(Ok(()), |key| Err(CborError::UnknownField(key)))
    }
}

wire_map!(
    /// What a measurement found. Values never reach the accounting part of an entry.
    #[derive(Copy, Default)]
    Values {
        /// Vegetable level in tenths, 1 to 120.
        1 level_tenths: Option<u32>,
        /// Systolic pressure.
        2 systolic_mmhg: Option<u32>,
        /// Diastolic pressure.
        3 diastolic_mmhg: Option<u32>,
        /// Duration.
        4 minutes: Option<u32>,
        /// Steps of the day.
        5 steps: Option<u32>,
        /// Whether a person typed the values in.
        6 by_hand: Option<bool>,
    }
);

wire_code!(
    /// A value that a rule can ask for, by its number in [`Values`] and its name in documents.
    Measure {
        /// Vegetable level in tenths.
        LevelTenths = 1 "level_tenths",
        /// Systolic pressure.
        SystolicMmhg = 2 "systolic_mmhg",
        /// Diastolic pressure.
        DiastolicMmhg = 3 "diastolic_mmhg",
        /// Duration.
        Minutes = 4 "minutes",
        /// Steps of the day.
        Steps = 5 "steps",
    }
);

impl Measure {
    /// The values that the format takes.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u32> {
        match self {
            Self::LevelTenths => 1..=120,
            Self::SystolicMmhg | Self::DiastolicMmhg => 1..=300,
            Self::Minutes => 1..=1_440,
            Self::Steps => 0..=200_000,
        }
    }
}

impl Values {
    /// What was found of a measure.
    #[must_use]
    pub fn get(&self, measure: Measure) -> Option<u32> {
        match measure {
            Measure::LevelTenths => self.level_tenths,
            Measure::SystolicMmhg => self.systolic_mmhg,
            Measure::DiastolicMmhg => self.diastolic_mmhg,
            Measure::Minutes => self.minutes,
            Measure::Steps => self.steps,
        }
    }

    /// The same with another value of a measure.
    #[must_use]
    pub fn with(self, measure: Measure, value: u32) -> Self {
        let value = Some(value);
        match measure {
            Measure::LevelTenths => Self { level_tenths: value, ..self },
            Measure::SystolicMmhg => Self { systolic_mmhg: value, ..self },
            Measure::DiastolicMmhg => Self { diastolic_mmhg: value, ..self },
            Measure::Minutes => Self { minutes: value, ..self },
            Measure::Steps => Self { steps: value, ..self },
        }
    }

    /// Whether every value lies in the range that the format names.
    #[must_use]
    pub fn in_range(&self) -> bool {
        let within = |measure: &Measure| {
            self.get(*measure).is_none_or(|value| measure.range().contains(&value))
        };
        Measure::ALL.iter().all(within)
    }
}

/// How the resident was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// By a pay token: the signed bytes as scanned.
    Phone(Vec<u8>),
    /// By a paper card: its 10 random bytes and check byte.
    Card([u8; 11]),
    /// By staff or registry, who know the account.
    Account(crate::ids::AccountId),
    /// By a partner service, which knows the resident by this number alone.
    Link(LinkId),
}

impl Wire for Holder {
    fn write(&self, writer: &mut Writer) {
        writer.array(2);
        match self {
            Self::Phone(token) => {
                writer.uint(1);
                writer.bytes(token);
            }
            Self::Card(card) => {
                writer.uint(2);
                writer.bytes(card);
            }
            Self::Account(account) => {
                writer.uint(3);
                account.write(writer);
            }
            Self::Link(link) => {
                writer.uint(4);
                link.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of(2, "holder")?;
        match reader.uint()? {
            1 => Ok(Self::Phone(Blob::<1024>::read(reader)?.0)),
            2 => Wire::read(reader).map(Self::Card),
            3 => Wire::read(reader).map(Self::Account),
            4 => Wire::read(reader).map(Self::Link),
            _ => Err(CborError::OutOfRange("holder")),
        }
    }
}

wire_map!(
    /// The erasable part of a statement.
    #[derive(Default)]
    Disclosure {
        /// Random, so that the commitment cannot be guessed.
        1 salt: [u8; 16],
        /// Unix seconds of the act.
        2 performed_at_s: u64,
        /// Who it was.
        3 holder: Option<Holder>,
        /// What was found.
        4 values: Option<Values>,
        /// The exact action, where the core names a group only.
        5 exact_action: Option<Code>,
        /// The one-time code that enrols a device.
        6 code: Option<[u8; 16]>,
        /// A signed PIN proof.
        7 pin_proof: Option<Blob<1024>>,
        /// What makes the act one in its source: the number of a record, an event.
        8 reference: Option<Blob<64>>,
        /// The application that counted.
        9 origin: Option<Code>,
        /// The signed venue code that the phone has read.
        10 venue: Option<Blob<512>>,
        /// What a person wrote: a reason, an objection, an answer.
        11 text: Option<Note>,
    }
);

impl Disclosure {
    /// The signed pay token, where the resident was recognised by one.
    fn pay_token(&self) -> Option<&[u8]> {
        match &self.holder {
            Some(Holder::Phone(token)) => Some(token),
            Some(Holder::Card(_) | Holder::Account(_) | Holder::Link(_)) | None => None,
        }
    }

    /// Refuses what a kind has no use for: it would be kept for nothing, and the rules would not
    /// look at it.
    pub(crate) fn check_fields(&self, kind: Kind) -> Result<(), CborError> {
        let fields = [
            (Sealed::Holder, self.holder.is_some()),
            (Sealed::Values, self.values.is_some()),
            (Sealed::ExactAction, self.exact_action.is_some()),
            (Sealed::Code, self.code.is_some()),
            (Sealed::PinProof, self.pin_proof.is_some()),
            (Sealed::Reference, self.reference.is_some()),
            (Sealed::Origin, self.origin.is_some()),
            (Sealed::Venue, self.venue.is_some()),
            (Sealed::Text, self.text.is_some()),
        ];
        let unfit = |field: &(Sealed, bool)| field.1 && !kind.sealed().contains(&field.0);
        match fields.into_iter().find(unfit) {
            Some((field, _)) => Err(CborError::UnknownField(field as u64)),
            None => Ok(()),
        }
    }
}

/// A statement whose form, seal and signatures are checked; the rules have not seen it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What was signed.
    pub core: Core,
    /// Who signed.
    pub kid: Kid,
    /// The bytes that the log keeps: the signed core without its disclosure.
    pub bytes: Vec<u8>,
    /// The disclosure and its bytes. `None` for kinds without one, and after an erasure.
    pub disclosure: Option<(Disclosure, Vec<u8>)>,
    /// What other keys signed inside the disclosure.
    pub carried: Carried,
    /// Where it stands in a manifest, for a row of one.
    pub row: Option<RowPlace>,
}

/// What a disclosure carries signed by other keys than the statement's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// The pay token and the device that signed it.
    pub pay_token: Option<PhoneToken>,
    /// The PIN proof and the key that signed it.
    pub pin_proof: Option<SignedMessage<PinProof>>,
    /// The venue code and the key that signed it.
    pub venue: Option<(VenueCode, Kid)>,
    /// The card of an audit's stand-in, whose number is sealed: its hash goes before the holder's.
    pub card: Option<CardHash>,
}

/// A row's place: the manifest's entry and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// The manifest's entry.
    pub manifest: Seq,
    /// The row's place in it, from 0.
    pub index: u32,
}

/// The public keys of a ledger.
pub trait Keys {
    /// A registered or enrolled key, revoked ones included.
    fn key(&self, kid: Kid) -> Option<VerifyingKey>;

    /// Every key that has this name on a day: rarely more than one. `signer` has signed the
    /// statement that asks, which is checked before. `None` where it has asked for too much.
    fn phones(&self, signer: Kid, day_kid: DayKid, day: Day) -> Option<Vec<VerifyingKey>>;
}

/// Keys for statements without a pay token.
impl<F: Fn(Kid) -> Option<VerifyingKey>> Keys for F {
    fn key(&self, kid: Kid) -> Option<VerifyingKey> {
        self(kid)
    }

    fn phones(&self, _: Kid, _: DayKid, _: Day) -> Option<Vec<VerifyingKey>> {
        Some(Vec::new())
    }
}

/// Reads a submission, checks its form, its seal and every signature in it. Needs no state beyond
/// the public keys, so it runs on all cores before the queue.
///
/// A statement that brings its own key (`device.enrol`, and `key.register` of the first two root
/// keys) is verified under that key; whether it may do so is for the rules.
///
/// # Errors
/// [`StatementError`], in the order: size, form, ledger, seal, key, signature, pay token, PIN
/// proof, venue code.
pub fn open(
    submission: &[u8],
    ledger: LedgerId,
    keys: &impl Keys,
) -> Result<Statement, StatementError> {
    let key_of = |kid| keys.key(kid);
    let (signed, mut statement) = read(submission)?;
    if statement.core.ledger != ledger {
        return Err(StatementError::OtherLedger);
    }
    match (&statement.core.sealed, &statement.disclosure) {
        (None, None) => {}
        (Some(sealed), Some((_, bytes))) if *sealed == seal_of(bytes) => {}
        _ => return Err(StatementError::Sealed),
    }
    let key = key_of(signed.kid)
        .or_else(|| own_key(&statement.core.body, signed.kid))
        .ok_or(StatementError::KeyUnknown)?;
    signed.verify(&key, aad::STATEMENT)?;
    if let Some((disclosure, _)) = &statement.disclosure {
        let pay_token = disclosure.pay_token().map(|bytes| open_token(bytes, signed.kid, keys));
        let pin_proof = disclosure.pin_proof.as_ref().map(|proof| open_signed(&proof.0, key_of));
        let venue = disclosure.venue.as_ref().map(|code| token::open(&code.0, key_of));
        statement.carried = Carried {
            pay_token: pay_token.transpose()?,
            pin_proof: pin_proof.transpose().map_err(|_| StatementError::PinSignature)?,
            venue: venue.transpose().map_err(|_| StatementError::VenueSignature)?,
            card: None,
        };
    }
    Ok(statement)
}

impl Statement {
    /// A statement without a disclosure, outside of any manifest.
    #[must_use]
    pub(crate) fn bare(core: Core, kid: Kid, bytes: Vec<u8>) -> Self {
        Self { core, kid, bytes, disclosure: None, carried: Carried::default(), row: None }
    }

    /// Reads what other keys signed inside the disclosure: pay token, PIN proof, venue code.
    /// `phone_of` finds the phone behind a token; where it finds none, no phone has that name.
    /// Verifies nothing: for statements that were accepted, whose signatures were checked then or
    /// are checked apart.
    ///
    /// # Errors
    /// [`CoseError::Form`]
    pub fn read_carried(
        &mut self,
        phone_of: impl Fn(&SignedMessage<PayToken>) -> Option<Kid>,
    ) -> Result<(), CoseError> {
        let Some((disclosure, _)) = &self.disclosure else { return Ok(()) };
        let pay_token = disclosure.pay_token().map(token::read_signed).transpose()?;
        let pin_proof = disclosure.pin_proof.as_ref();
        self.carried = Carried {
            pay_token: pay_token.map(|signed| {
                let phone = phone_of(&signed).unwrap_or(signed.kid);
                PhoneToken { signed, phone }
            }),
            pin_proof: pin_proof.map(|proof| token::read_signed(&proof.0)).transpose()?,
            venue: disclosure.venue.as_ref().map(|code| carried(&code.0)).transpose()?,
            card: None,
        };
        Ok(())
    }
}

fn open_token(bytes: &[u8], signer: Kid, keys: &impl Keys) -> Result<PhoneToken, StatementError> {
    let signed: SignedMessage<PayToken> =
        token::read_signed(bytes).map_err(|_| StatementError::TokenSignature)?;
    let phones = keys.phones(signer, signed.day_kid(), signed.message.day());
    let phone = signed.signer_among(&phones.ok_or(StatementError::TooManyDays)?);
    Ok(PhoneToken { phone: phone.ok_or(StatementError::TokenSignature)?, signed })
}

fn open_signed<M: token::Message>(
    bytes: &[u8],
    key_of: impl Fn(Kid) -> Option<VerifyingKey>,
) -> Result<SignedMessage<M>, CoseError> {
    token::open::<M>(bytes, key_of)?;
    token::read_signed(bytes)
}

fn carried<M: token::Message>(bytes: &[u8]) -> Result<(M, Kid), CoseError> {
    token::parse(bytes).map(|(message, signed)| (message, signed.kid))
}

/// Reads a submission or a kept statement; verifies nothing.
///
/// # Errors
/// [`StatementError::TooLarge`] and [`StatementError::Form`].
pub fn read(submission: &[u8]) -> Result<(Sign1, Statement), StatementError> {
    if submission.len() > SUBMISSION_BYTES_MAX {
        return Err(StatementError::TooLarge);
    }
    let signed = Sign1::from_bytes(submission)?;
    let core: Core = cbor::from_bytes(&signed.payload)?;
    let disclosure = match &signed.disclosure {
        Some(bytes) => {
            let disclosure: Disclosure = cbor::from_bytes(bytes)?;
            disclosure.check_fields(core.body.kind())?;
            Some((disclosure, bytes.clone()))
        }
        None => None,
    };
    let kept = Sign1 { disclosure: None, ..signed.clone() };
    let (kid, bytes) = (signed.kid, kept.to_bytes());
    Ok((signed, Statement { disclosure, ..Statement::bare(core, kid, bytes) }))
}

impl Statement {
    /// SHA-256 over the kept bytes: what an approval names, and what a repetition must equal.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Sha256::digest(&self.bytes).into()
    }
}

fn own_key(body: &Body, kid: Kid) -> Option<VerifyingKey> {
    let public_key = body.own_key().filter(|public_key| Kid::of(public_key) == kid)?;
    VerifyingKey::from_bytes(public_key).ok()
}

/// CRC-8 with polynomial 0x07, the last byte of a card's number.
#[must_use]
pub fn card_check_byte(random: &[u8; 10]) -> u8 {
    random.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { (crc << 1) ^ 0x07 })
    })
}

/// What the log knows of a card.
#[must_use]
pub fn card_hash(card: &[u8; 11]) -> CardHash {
    CardHash(Sha256::new().chain_update(b"kenmai/v1/card").chain_update(card).finalize().into())
}

/// What the log knows of a shop's bank account, as the registry holds it. The salt keeps the few
/// digits from being found by trying.
#[must_use]
pub fn bank_account_hash(salt: &[u8; 16], account: &str) -> Hash {
    let hash = Sha256::new().chain_update(b"kenmai/v1/shop-account").chain_update(salt);
    hash.chain_update(account).finalize().into()
}

/// What the log knows of a one-time code.
#[must_use]
pub fn code_hash(code: &[u8; 16]) -> Hash {
    Sha256::new().chain_update(b"kenmai/v1/code").chain_update(code).finalize().into()
}

/// What a claim names of the secret that its voucher shows.
#[must_use]
pub fn voucher_hash(secret: &[u8; 16]) -> Hash {
    Sha256::new().chain_update(b"kenmai/v1/voucher").chain_update(secret).finalize().into()
}
