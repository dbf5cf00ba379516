//! Signed notes (C2SP signed-note v1.0.0) with Ed25519 signatures and Ed25519 cosignatures (C2SP
//! tlog-cosignature v1).
//!
//! A note is a text, an empty line, and signature lines `— <key name> <base64(key id ‖
//! signature)>`. A reader who knows some keys ignores all other lines, refuses the note when a line
//! of a known key does not verify, and refuses it when no known key signed it.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::text::parse_base64;

/// Longest note: room for 16 signatures of post-quantum length and for the text.
pub const MAX_NOTE_BYTES: usize = 128 * 1024;
/// Most signature lines of a note; the specification asks readers for at least 16.
pub const MAX_SIGNATURES: usize = 64;
/// Longest key name, as in the signed message of tlog-cosignature for ML-DSA-44.
pub const MAX_NAME_BYTES: usize = 255;
/// Longest verifier key that is read; one with the longest name has 312 bytes.
pub const MAX_VKEY_BYTES: usize = 512;
/// Latest time of a cosignature, in seconds since 1970.
pub const MAX_TIME_S: u64 = i64::MAX.unsigned_abs();

/// Why a note, a key or a signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`].
    #[error("the note has {bytes} bytes, more than the limit of 131072")]
    TooLong {
        /// Length of the note.
        bytes: usize,
    },
    /// A character below U+0020 that is not a newline.
    #[error("the note has a control character")]
    ControlCharacter,
    /// The text is the part that is signed, with its final newline.
    #[error("the text of a note ends with a newline")]
    NoFinalNewline,
    /// No empty line with signatures after it.
    #[error("the note has no signature lines after an empty line")]
    NoSignatures,
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than 64 signatures")]
    TooManySignatures,
    /// A line below the empty line has another form.
    #[error("signature line {line} does not read: — <key name> <base64 of key id and signature>")]
    SignatureLine {
        /// Number of the line among the signature lines, from 1.
        line: usize,
    },
    /// The name is empty, too long, or has a space, a plus or a control character.
    #[error("a key name has 1 to 255 bytes without spaces, plus signs and control characters")]
    KeyName,
    /// The text form of a verifier key has another form.
    #[error("a verifier key reads <name>+<8 hex digits of the key id>+<base64 of type and key>")]
    VerifierKey,
    /// Only Ed25519 (0x01) and its cosignature (0x04) are supported.
    #[error("verifier keys of type {found:#04x} are not supported, only Ed25519 (0x01, 0x04)")]
    KeyType {
        /// The type byte.
        found: u8,
    },
    /// The key id in the text is not the one that follows from name, type and key.
    #[error("the verifier key's id is not that of its name and key: it was mistyped or altered")]
    KeyIdMismatch,
    /// Not a point of the curve, or one of small order, under which anyone can sign.
    #[error("the Ed25519 public key is not valid")]
    WeakKey,
    /// A time above [`MAX_TIME_S`].
    #[error("the cosignature's time is out of range")]
    Time,
    /// A line of a known key does not verify: the note must not be used at all.
    #[error("the signature of the known key {name} does not verify")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// None of the keys given has signed.
    #[error("the note is not signed by a known key")]
    NoKnownSignature,
}

/// The short id of a key within notes: the first four bytes of SHA-256(name ‖ newline ‖ type ‖
/// key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// The text of the note (0x01): a log's own key.
    Ed25519,
    /// A time and the text of a checkpoint (0x04): a witness.
    CosignatureV1,
}

impl KeyType {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// A public key with its name. The text form (`vkey`) is what people exchange and configure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_type: KeyType,
    key: VerifyingKey,
    id: KeyId,
}

impl VerifierKey {
    /// Names a public key.
    ///
    /// # Errors
    /// When the name is not a key name, or the key is of small order.
    pub fn new(name: &str, key_type: KeyType, key: VerifyingKey) -> Result<Self, NoteError> {
        check_name(name)?;
        if key.is_weak() {
            return Err(NoteError::WeakKey);
        }
        let id = key_id(name, key_type, &key);
        Ok(Self { name: name.to_owned(), key_type, key, id })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// When the form, the type or the key is not valid, or the id is not that of the name and key.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        if vkey.len() > MAX_VKEY_BYTES {
            return Err(NoteError::VerifierKey);
        }
        let malformed = || NoteError::VerifierKey;
        let (name, rest) = vkey.split_once('+').ok_or_else(malformed)?;
        let (id, key) = rest.split_once('+').ok_or_else(malformed)?;
        let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| NoteError::VerifierKey)?;
        let key = parse_base64(key).ok_or_else(malformed)?;
        let (key_type, key) = match key.split_first().ok_or_else(malformed)? {
            (0x01, key) => (KeyType::Ed25519, key),
            (0x04, key) => (KeyType::CosignatureV1, key),
            (&found, _) => return Err(NoteError::KeyType { found }),
        };
        let key = key.try_into().map_err(|_| NoteError::VerifierKey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::WeakKey)?;
        let parsed = Self::new(name, key_type, key)?;
        if parsed.id.0 == *id { Ok(parsed) } else { Err(NoteError::KeyIdMismatch) }
    }

    /// The key's name; a log's is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The id that stands in signatures.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whether the line claims to be of this key: name and id both match.
    fn claims(&self, signature: &NoteSignature) -> bool {
        self.id == signature.key_id && self.name == signature.name
    }

    /// Checks one signature over the text; gives the time of a cosignature.
    fn check(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, NoteError> {
        let bad = || NoteError::BadSignature { name: self.name.clone() };
        let verify = |message: &str, signature: &[u8]| {
            let signature = Signature::from_slice(signature).map_err(|_| bad())?;
            self.key.verify_strict(message.as_bytes(), &signature).map_err(|_| bad())
        };
        match self.key_type {
            KeyType::Ed25519 => verify(text, signature).map(|()| None),
            KeyType::CosignatureV1 => {
                let (time_s, signature) = signature.split_first_chunk().ok_or_else(bad)?;
                let time_s = u64::from_be_bytes(*time_s);
                if time_s > MAX_TIME_S {
                    return Err(NoteError::Time);
                }
                verify(&cosigned_message(text, time_s), signature).map(|()| Some(time_s))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed_key = Vec::with_capacity(33);
        typed_key.push(self.key_type.byte());
        typed_key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, BASE64.encode(&typed_key))
    }
}

/// One signature line. Its text form is the line with its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: KeyId,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Signs a text with an Ed25519 key (type 0x01).
    ///
    /// # Errors
    /// When the name or the text cannot stand in a note.
    pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<Self, NoteError> {
        check_text(text)?;
        let verifier = VerifierKey::new(name, KeyType::Ed25519, key.verifying_key())?;
        let signature = key.sign(text.as_bytes()).to_bytes().to_vec();
        Ok(Self { name: verifier.name, key_id: verifier.id, signature })
    }

    /// Cosigns the text of a checkpoint as seen at a time, in seconds since 1970 (type 0x04). The
    /// caller has checked that the checkpoint is consistent with all earlier ones. The message does
    /// not name the cosigner, so a key must serve one cosigner only.
    ///
    /// # Errors
    /// When the name or the text cannot stand in a note, or the time is above [`MAX_TIME_S`].
    pub fn cosign(
        text: &str,
        name: &str,
        key: &SigningKey,
        time_s: u64,
    ) -> Result<Self, NoteError> {
        check_text(text)?;
        if time_s > MAX_TIME_S {
            return Err(NoteError::Time);
        }
        let verifier = VerifierKey::new(name, KeyType::CosignatureV1, key.verifying_key())?;
        let mut signature = time_s.to_be_bytes().to_vec();
        let message = cosigned_message(text, time_s);
        signature.extend_from_slice(&key.sign(message.as_bytes()).to_bytes());
        Ok(Self { name: verifier.name, key_id: verifier.id, signature })
    }

    /// Reads a line without its newline.
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = parse_base64(encoded)?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            key_id: KeyId(*key_id),
            signature: signature.to_owned(),
        })
    }

    /// Name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.0.to_vec();
        bytes.extend_from_slice(&self.signature);
        writeln!(f, "— {} {}", self.name, BASE64.encode(&bytes))
    }
}

/// A signature that verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'k> {
    /// The key that signed.
    pub key: &'k VerifierKey,
    /// For a cosignature, when it was made, in seconds since 1970; the latest where there are
    /// several.
    pub time_s: Option<u64>,
}

/// A text with its signatures, none of them checked until [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text with its first signature.
    ///
    /// # Errors
    /// When the text cannot stand in a note.
    pub fn new(text: &str, signature: NoteSignature) -> Result<Self, NoteError> {
        check_text(text)?;
        let mut note = Self { text: text.to_owned(), signatures: Vec::new() };
        note.add(signature)?;
        Ok(note)
    }

    /// Adds a signature line, such as a witness's.
    ///
    /// # Errors
    /// When the note would pass [`MAX_SIGNATURES`] or [`MAX_NOTE_BYTES`]; it is left as it was.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        let bytes = self.to_string().len();
        if bytes > MAX_NOTE_BYTES {
            self.signatures.pop();
            return Err(NoteError::TooLong { bytes });
        }
        Ok(())
    }

    /// Reads a note. Formatting it again gives the same bytes.
    ///
    /// # Errors
    /// When it is too long, has control characters, or its signature lines have another form.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { bytes: note.len() });
        }
        check_characters(note)?;
        // The text keeps the first newline of the last empty line; the second one separates.
        let end = note.rfind("\n\n").ok_or(NoteError::NoSignatures)? + 1;
        let (text, rest) = note.split_at(end);
        let lines = rest.strip_prefix('\n').ok_or(NoteError::NoSignatures)?;
        if lines.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split_inclusive('\n')) {
            if number > MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let signature = line.strip_suffix('\n').and_then(NoteSignature::parse);
            signatures.push(signature.ok_or(NoteError::SignatureLine { line: number })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The signed text with its final newline. Not to be used before [`Note::verify`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines, checked or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks the signatures of these keys; lines of other keys are ignored. Each key that signed
    /// is given once, in the order of `keys`.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] or [`NoteError::Time`] when any line of a known key fails,
    /// whatever else verifies; [`NoteError::NoKnownSignature`] when none of the keys signed.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Verified<'k>>, NoteError> {
        let mut verified: Vec<Verified<'k>> = Vec::new();
        for key in keys {
            if verified.iter().any(|earlier| earlier.key == key) {
                continue;
            }
            let mut found = None;
            for signature in self.signatures.iter().filter(|signature| key.claims(signature)) {
                found = found.max(Some(key.check(&self.text, &signature.signature)?));
            }
            verified.extend(found.map(|time_s| Verified { key, time_s }));
        }
        if verified.is_empty() { Err(NoteError::NoKnownSignature) } else { Ok(verified) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let forbidden = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(forbidden) {
        return Err(NoteError::KeyName);
    }
    Ok(())
}

fn check_characters(note: &str) -> Result<(), NoteError> {
    if note.contains(|c: char| c < ' ' && c != '\n') {
        return Err(NoteError::ControlCharacter);
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), NoteError> {
    check_characters(text)?;
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::NoFinalNewline) }
}

fn key_id(name: &str, key_type: KeyType, key: &VerifyingKey) -> KeyId {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', key_type.byte()])
        .chain_update(key.as_bytes())
        .finalize();
    let [a, b, c, d, ..]: [u8; 32] = hash.into();
    KeyId([a, b, c, d])
}

/// The message of C2SP tlog-cosignature v1 for Ed25519.
fn cosigned_message(text: &str, time_s: u64) -> String {
    alloc::format!("cosignature/v1\ntime {time_s}\n{text}")
}
