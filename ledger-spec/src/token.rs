//! Short signed messages that are no statements: pay token, PIN proof, session, venue code, perk
//! card, question about a QR code.

use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::cbor::{self, Blob, CborError, Reader, Text, Wire, Writer, wire_array};
use crate::cose::{CoseError, Sign1, aad};
use crate::entry::Effect;
use crate::ids::{CardHash, DayKid, Kid, LedgerId, PerkCardNumber, PlaceId, first_bytes};
use crate::kinds::Code;
use crate::time::Day;

/// A pay token, session or question is accepted when it ends within this many seconds.
pub const TOKEN_LIFE_S_MAX: u64 = 300;

/// A PIN proof is accepted when it ends within this many seconds.
pub const PIN_PROOF_LIFE_S_MAX: u64 = 120;

/// At the act a venue code ends within this many seconds.
pub const VENUE_LIFE_S_MAX: u64 = 120;

/// An act reaches the ledger within this many seconds after its venue code has ended: room for a
/// phone with bad signal, and none for a photograph of the screen that is passed on.
pub const VENUE_LATE_S_MAX: u64 = 300;

/// The longest text that a scanner may hand over.
pub const QR_TEXT_BYTES_MAX: usize = 1024;

/// A message as it was signed: what an entry keeps of it makes its bytes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage<M> {
    /// What it says.
    pub message: M,
    /// The key that its header names.
    pub kid: Kid,
    /// The signature over both.
    pub signature: [u8; 64],
}

impl DayKid {
    /// The name of this Ed25519 public key on a day in Japan.
    #[must_use]
    pub fn of(public_key: &[u8; 32], day: Day) -> Self {
        let digest = Sha256::new()
            .chain_update(b"kenmai/v1/day-kid")
            .chain_update(public_key)
            .chain_update(u64::from(day.0).to_be_bytes());
        Self(first_bytes(digest.finalize().into()))
    }
}

impl PayToken {
    /// The day whose name of the phone its header holds: the day of its end in Japan.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of_ms(self.exp_s.saturating_mul(1_000))
    }
}

impl SignedMessage<PayToken> {
    /// The name of the phone on that day.
    #[must_use]
    pub fn day_kid(&self) -> DayKid {
        DayKid(self.kid.0)
    }

    /// Which of these keys signed it. Two phones can have one name on a day; the signature decides.
    #[must_use]
    pub fn signer_among(&self, phones: &[VerifyingKey]) -> Option<Kid> {
        let (day, signed) = (self.message.day(), self.to_sign1());
        let signer = phones.iter().find(|phone| {
            DayKid::of(phone.as_bytes(), day) == self.day_kid()
                && signed.verify(phone, PayToken::AAD).is_ok()
        });
        signer.map(|phone| Kid::of(phone.as_bytes()))
    }
}

/// A pay token and the phone that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneToken {
    /// The token.
    pub signed: SignedMessage<PayToken>,
    /// The phone's key.
    pub phone: Kid,
}

impl<M: Message> SignedMessage<M> {
    /// Its parts as they travel.
    #[must_use]
    pub fn to_sign1(&self) -> Sign1 {
        let payload = cbor::to_bytes(&self.message);
        Sign1 { kid: self.kid, disclosure: None, payload, signature: self.signature }
    }
}

impl SignedMessage<PayToken> {
    /// The pay token that an effect says was spent: `shop` is the place of the key that signed the
    /// entry's statement.
    #[must_use]
    pub fn kept_in(effect: &Effect, ledger: LedgerId, shop: Option<PlaceId>) -> Option<Self> {
        let Effect::TokenSpent { nonce, exp_s, day_kid, max_points, confirmed, signature } =
            *effect
        else {
            return None;
        };
        let (kid, shop) = (Kid(day_kid.0), shop.filter(|_| confirmed));
        let message = PayToken { exp_s, nonce, ledger, max_points, shop };
        Some(Self { message, kid, signature })
    }
}

impl SignedMessage<PinProof> {
    /// The PIN proof that an effect says was spent: `terminal` is the key that signed the entry's
    /// statement.
    #[must_use]
    pub fn kept_in(effect: &Effect, ledger: LedgerId, terminal: Kid) -> Option<Self> {
        let Effect::PinProven { card, nonce, exp_s, max_points, kid, signature } = *effect else {
            return None;
        };
        let message = PinProof { exp_s, nonce, ledger, card, terminal, max_points };
        Some(Self { message, kid, signature })
    }
}

/// A message with a fixed purpose.
pub trait Message: Wire {
    /// The `external_aad` of its signature.
    const AAD: &'static [u8];

    /// What its header names this key.
    fn kid(&self, public_key: &[u8; 32]) -> Kid {
        Kid::of(public_key)
    }
}

/// What a resident's phone shows as a QR code: this shop may take up to so many points once, until
/// then. With a shop it is a *confirmation*: the resident has read the shop's name and the amount
/// on the phone's own screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayToken {
    /// Unix seconds; the token is void from this second on.
    pub exp_s: u64,
    /// Random, spent with the token.
    pub nonce: [u8; 16],
    /// The ledger it is for.
    pub ledger: LedgerId,
    /// The most points it gives, in a confirmation the amount agreed to; 0 only says who is there.
    pub max_points: u32,
    /// The one shop that may use it; without one any shop of the ledger may.
    pub shop: Option<PlaceId>,
}

impl Wire for PayToken {
    fn write(&self, writer: &mut Writer) {
        writer.array(4 + u64::from(self.shop.is_some()));
        self.exp_s.write(writer);
        self.nonce.write(writer);
        self.ledger.write(writer);
        self.max_points.write(writer);
        if let Some(shop) = &self.shop {
            shop.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let confirms = match reader.array()? {
            4 => false,
            5 => true,
            _ => return Err(CborError::Expected("PayToken")),
        };
        Ok(Self {
            exp_s: Wire::read(reader)?,
            nonce: Wire::read(reader)?,
            ledger: Wire::read(reader)?,
            max_points: Wire::read(reader)?,
            shop: if confirms { Some(Wire::read(reader)?) } else { None },
        })
    }
}

wire_array!(
    /// What a till shows for a resident's phone to confirm. It is not signed: a phone reads the
    /// shop's name from the ledger, and what binds is what the resident signs.
    PayRequest {
        /// The ledger it is for.
        ledger: LedgerId,
        /// The shop that asks.
        shop: PlaceId,
        /// The points it asks for.
        points: u32,
    }
);

wire_array!(
    /// The `pin` key's word that the holder of a card typed the right PIN at a terminal.
    PinProof {
        /// Unix seconds; void from this second on.
        exp_s: u64,
        /// Random, spent with the proof.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
        /// The card.
        card: CardHash,
        /// The terminal that may use the proof.
        terminal: Kid,
        /// The most points it gives.
        max_points: u32,
    }
);

wire_array!(
    /// A PIN as it was typed at a terminal, which asks for a proof.
    PinEntry {
        /// Unix seconds; void from this second on.
        exp_s: u64,
        /// Random.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
        /// The card's number.
        card: [u8; 11],
        /// 4 to 8 digits.
        pin: Text<8>,
        /// The most points that the proof shall give; a desk says 0.
        max_points: u32,
    }
);

wire_array!(
    /// A PIN that a desk, kiosk or register sets, with the statement that says so. It has a tag of
    /// its own, so that a PIN that was typed to be checked never becomes one that is set.
    PinSetting {
        /// Unix seconds; void from this second on.
        exp_s: u64,
        /// Random.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
        /// 4 to 8 digits.
        pin: Text<8>,
        /// The signed `card.pin` as it is submitted.
        statement: Blob<2048>,
    }
);

wire_array!(
    /// Opens a session for reading, by a resident's device or a terminal.
    Session {
        /// Unix seconds; void from this second on.
        exp_s: u64,
        /// Random.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
    }
);

wire_array!(
    /// A terminal's question about a pay token; the answer spends nothing.
    QrCheck {
        /// Unix seconds; void from this second on.
        exp_s: u64,
        /// Random.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
        /// The signed pay token as scanned.
        token: Blob<1024>,
    }
);

wire_array!(
    /// What the screen at an event shows, signed afresh every minute by the station's key: whoever
    /// reads it is there. The phone puts it into its own report of the action.
    VenueCode {
        /// Unix seconds; the code is void from this second on.
        exp_s: u64,
        /// Random, so that no two codes are alike.
        nonce: [u8; 16],
        /// The ledger it is for.
        ledger: LedgerId,
        /// The station's place.
        place: PlaceId,
        /// The action that may be reported with it.
        action: Code,
    }
);

wire_array!(
    /// A perk card, which any shop checks without the network: signed by the ledger's `system` key,
    /// because it follows from the log alone. Who it belongs to and which entry claimed it is not
    /// in it.
    #[derive(Copy)]
    PerkCredential {
        /// Names it in the list of those that were withdrawn.
        number: PerkCardNumber,
        /// The ledger that it is of.
        ledger: LedgerId,
        /// Its last day.
        until: Day,
    }
);

impl Message for PayToken {
    const AAD: &'static [u8] = aad::PAY;

    fn kid(&self, public_key: &[u8; 32]) -> Kid {
        Kid(DayKid::of(public_key, self.day()).0)
    }
}
impl Message for PinProof {
    const AAD: &'static [u8] = aad::PIN;
}
impl Message for Session {
    const AAD: &'static [u8] = aad::SESSION;
}
impl Message for PinEntry {
    const AAD: &'static [u8] = aad::PIN_ENTRY;
}
impl Message for PinSetting {
    const AAD: &'static [u8] = aad::PIN_SETTING;
}
impl Message for VenueCode {
    const AAD: &'static [u8] = aad::VENUE;
}
impl Message for PerkCredential {
    const AAD: &'static [u8] = aad::PERK_CARD;
}
impl Message for QrCheck {
    const AAD: &'static [u8] = aad::QR_CHECK;
}

/// Reads a signed message with its signature; nothing is verified yet.
///
/// # Errors
/// [`CoseError::Form`]
pub fn read_signed<M: Message>(bytes: &[u8]) -> Result<SignedMessage<M>, CoseError> {
    let (message, Sign1 { kid, signature, .. }) = parse(bytes)?;
    Ok(SignedMessage { message, kid, signature })
}

/// Signs a message.
pub fn sign<M: Message>(message: &M, key: &SigningKey) -> Vec<u8> {
    let kid = message.kid(key.verifying_key().as_bytes());
    Sign1::sign_as(key, kid, M::AAD, cbor::to_bytes(message)).to_bytes()
}

/// Reads a signed message and says which key must have signed it; nothing is verified yet.
///
/// # Errors
/// [`CoseError::Form`]
pub fn parse<M: Message>(bytes: &[u8]) -> Result<(M, Sign1), CoseError> {
    let signed = Sign1::from_bytes(bytes)?;
    // Nothing may travel outside the signature: one message, one byte string.
    if signed.disclosure.is_some() {
        return Err(CborError::Expected("empty unprotected header").into());
    }
    let message = cbor::from_bytes(&signed.payload)?;
    Ok((message, signed))
}

/// Reads a signed message and checks its signature.
///
/// # Errors
/// [`CoseError`]; a key that `key_of` does not know fails as a signature does.
pub fn open<M: Message>(
    bytes: &[u8],
    key_of: impl Fn(Kid) -> Option<VerifyingKey>,
) -> Result<(M, Kid), CoseError> {
    let (message, signed) = parse::<M>(bytes)?;
    let key = key_of(signed.kid).ok_or(CoseError::Signature)?;
    signed.verify(&key, M::AAD)?;
    Ok((message, signed.kid))
}

/// Whether a message that ends at `exp_s` is in force.
#[must_use]
pub fn in_force(exp_s: u64, now_s: u64) -> bool {
    now_s < exp_s && exp_s <= now_s + TOKEN_LIFE_S_MAX
}

/// The text of a QR code: an upper-case URL, so that any camera can open it and scanners that
/// mangle case or punctuation still hand over the right bytes.
#[must_use]
pub fn to_qr_text(host: &str, token: &[u8]) -> String {
    let mut text = String::from("HTTPS://");
    text.push_str(&host.to_ascii_uppercase());
    text.push_str("/Q/");
    text.push_str(&BASE32_NOPAD.encode(token));
    text
}

/// The request in the address that a till shows, as its last part.
#[must_use]
pub fn pay_request(text: &str) -> Option<PayRequest> {
    cbor::from_bytes(&from_qr_text(text)?).ok()
}

/// The code in the address that a venue's screen shows, as its last part; its signature is not
/// checked.
#[must_use]
pub fn venue_code(text: &str) -> Option<VenueCode> {
    parse(&from_qr_text(text)?).ok().map(|(code, _)| code)
}

/// The perk card in a scanned text; its signature is not checked.
#[must_use]
pub fn perk_card(text: &str) -> Option<PerkCredential> {
    parse(&from_qr_text(text)?).ok().map(|(card, _)| card)
}

/// The bytes in a scanned text, such as a signed pay token: the URL, or its last part alone.
#[must_use]
pub fn from_qr_text(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if text.len() > QR_TEXT_BYTES_MAX {
        return None;
    }
    let token = text.rsplit('/').next()?;
    BASE32_NOPAD.decode(token.to_ascii_uppercase().as_bytes()).ok()
}
