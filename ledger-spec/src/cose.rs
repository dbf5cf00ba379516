//! Signed messages: `COSE_Sign1` (RFC 9052) with Ed25519 (RFC 8032, algorithm -19 of RFC 9864).

use alloc::vec::Vec;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::cbor::{CborError, Reader, Writer};
use crate::ids::Kid;

/// The `external_aad` of each message: what was signed for one purpose is worthless for another.
pub mod aad {
    /// A statement's core.
    pub const STATEMENT: &[u8] = b"kenmai/v1/statement";
    /// A pay token.
    pub const PAY: &[u8] = b"kenmai/v1/pay";
    /// A PIN proof.
    pub const PIN: &[u8] = b"kenmai/v1/pin";
    /// The opening of a session.
    pub const SESSION: &[u8] = b"kenmai/v1/session";
    /// A PIN on its way from a pad to the server.
    pub const PIN_ENTRY: &[u8] = b"kenmai/v1/pin-entry";
    /// A PIN that is set.
    pub const PIN_SETTING: &[u8] = b"kenmai/v1/pin-setting";
    /// A venue's code.
    pub const VENUE: &[u8] = b"kenmai/v1/venue";
    /// A perk card.
    pub const PERK_CARD: &[u8] = b"kenmai/v1/perk-card";
    /// A terminal's question about a pay token.
    pub const QR_CHECK: &[u8] = b"kenmai/v1/qr-check";
}

const TAG_SIGN1: u64 = 18;
const HEADER_ALG: u64 = 1;
const HEADER_KID: u64 = 4;
const ALG_ED25519: i64 = -19;
/// The unprotected header that carries a disclosure on its way to the server (private use, RFC 9052
/// section 16.2).
const HEADER_DISCLOSURE: i64 = -65_537;

/// Why a signed message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CoseError {
    /// The bytes are no such message.
    #[error(transparent)]
    Form(#[from] CborError),
    /// The signature does not verify under the key.
    #[error("the signature does not match the statement and its key")]
    Signature,
}

/// A signed message, its parts still bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign1 {
    /// Names the key that signed; of a pay token by its name of the day ([`crate::ids::DayKid`]).
    pub kid: Kid,
    /// The disclosure of a submission, outside the signature.
    pub disclosure: Option<Vec<u8>>,
    /// What was signed.
    pub payload: Vec<u8>,
    /// The Ed25519 signature.
    pub signature: [u8; 64],
}

impl Sign1 {
    /// Signs a payload.
    #[must_use]
    pub fn sign(key: &SigningKey, aad: &[u8], payload: Vec<u8>) -> Self {
        Self::sign_as(key, Kid::of(key.verifying_key().as_bytes()), aad, payload)
    }

    /// Signs a payload under another name of the key.
    #[must_use]
    pub fn sign_as(key: &SigningKey, kid: Kid, aad: &[u8], payload: Vec<u8>) -> Self {
        let signature = key.sign(&to_be_signed(kid, aad, &payload)).to_bytes();
        Self { kid, disclosure: None, payload, signature }
    }

    /// Checks the signature with `verify_strict`: canonical scalars, no small-order key or
    /// commitment. Batch or cofactored checks accept more and are never used to admit.
    ///
    /// # Errors
    /// [`CoseError::Signature`]
    pub fn verify(&self, key: &VerifyingKey, aad: &[u8]) -> Result<(), CoseError> {
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&to_be_signed(self.kid, aad, &self.payload), &signature)
            .map_err(|_| CoseError::Signature)
    }

    /// Reads the tagged message.
    ///
    /// # Errors
    /// [`CoseError::Form`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoseError> {
        let mut reader = Reader::new(bytes);
        let signed = Self::read(&mut reader)?;
        reader.end()?;
        Ok(signed)
    }

    /// Reads the tagged message out of a longer sequence.
    ///
    /// # Errors
    /// [`CoseError::Form`]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, CoseError> {
        reader.tag(TAG_SIGN1, "COSE_Sign1")?;
        reader.array_of(4, "COSE_Sign1")?;
        let kid = read_protected(reader.bytes()?)?;
        let disclosure = match reader.map()? {
            0 => None,
            1 if reader.int()? == HEADER_DISCLOSURE => Some(reader.bytes()?.to_vec()),
            _ => return Err(CborError::Expected("unprotected header").into()),
        };
        let payload = reader.bytes()?.to_vec();
        let signature =
            reader.bytes()?.try_into().map_err(|_| CborError::OutOfRange("signature"))?;
        Ok(Self { kid, disclosure, payload, signature })
    }

    /// The tagged message, with the disclosure if there is one.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.tag(TAG_SIGN1);
        writer.array(4);
        writer.bytes(&protected(self.kid));
        writer.map(u64::from(self.disclosure.is_some()));
        if let Some(disclosure) = &self.disclosure {
            writer.int(HEADER_DISCLOSURE);
            writer.bytes(disclosure);
        }
        writer.bytes(&self.payload);
        writer.bytes(&self.signature);
        writer.into_bytes()
    }
}

fn protected(kid: Kid) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(2);
    writer.uint(HEADER_ALG);
    writer.int(ALG_ED25519);
    writer.uint(HEADER_KID);
    writer.bytes(&kid.0);
    writer.into_bytes()
}

fn read_protected(bytes: &[u8]) -> Result<Kid, CborError> {
    let mut reader = Reader::new(bytes);
    if reader.map()? != 2 || reader.uint()? != HEADER_ALG || reader.int()? != ALG_ED25519 {
        return Err(CborError::Expected("protected header with alg -19 (Ed25519)"));
    }
    if reader.uint()? != HEADER_KID {
        return Err(CborError::Expected("kid"));
    }
    let kid = Kid(reader.bytes()?.try_into().map_err(|_| CborError::OutOfRange("kid"))?);
    reader.end()?;
    Ok(kid)
}

/// The `Sig_structure` of RFC 9052 section 4.4.
fn to_be_signed(kid: Kid, aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(4);
    writer.text("Signature1");
    writer.bytes(&protected(kid));
    writer.bytes(aad);
    writer.bytes(payload);
    writer.into_bytes()
}
