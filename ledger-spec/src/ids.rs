//! Identifiers as types, so that a shop can never be passed where an account is meant.

use alloc::string::String;
use core::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Reads lower-case hexadecimal of exactly the id's length.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
                Some(Self(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let wanted = concat!("an id of ", $length, " bytes in lower-case hexadecimal");
                Self::from_hex(&text).ok_or_else(|| D::Error::custom(wanted))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

byte_id!(
    /// A ledger: the first 8 bytes of SHA-256 over its origin.
    LedgerId, 8
);
byte_id!(
    /// A resident's account: random, one per person and ledger, never derived from a person's data.
    AccountId, 16
);
byte_id!(
    /// An operation: a random UUID that the client makes and keeps before it sends.
    OpId, 16
);
byte_id!(
    /// A key id: the first 8 bytes of SHA-256 over the public key.
    Kid, 8
);
byte_id!(
    /// A phone's key as its pay tokens of one day name it: another one each day, so that who only
    /// sees codes cannot put days together.
    DayKid, 8
);
byte_id!(
    /// A person who holds keys of the ledger: random, so that two keys of one person never count as
    /// two persons.
    PersonId, 16
);
byte_id!(
    /// A place in public view, a shop or a station: random.
    PlaceId, 8
);
byte_id!(
    /// A permission that a resident gives: random, and all that a partner knows the resident by.
    LinkId, 16
);
byte_id!(
    /// SHA-256 over a card's domain tag and its 88-bit number; the number itself never enters the
    /// log.
    CardHash, 32
);
byte_id!(
    /// The keyed hash of a real-world act; two statements about one act share it.
    NaturalKey, 16
);
byte_id!(
    /// The number of a perk card: names it to shops and leads to nobody, because it is a keyed hash
    /// of its claim.
    PerkCardNumber, 16
);

/// HMAC-SHA256 under a ledger's pepper, cut to 16 bytes: the same thing has the same name, and only
/// who holds the pepper can tell what is named.
pub(crate) fn keyed_hash(pepper: &[u8; 32], message: &[u8]) -> [u8; 16] {
    let mut full = [0; 32];
    // HMAC takes keys of every length; the arm for an error is never entered.
    if let Ok(mac) = Hmac::<Sha256>::new_from_slice(pepper) {
        full = mac.chain_update(message).finalize().into_bytes().into();
    }
    first_bytes(full)
}

impl PerkCardNumber {
    /// The number of the card that an entry claimed. Every natural key is a hash of a CBOR array,
    /// so none has the same message.
    #[must_use]
    pub fn of(pepper: &[u8; 32], ledger: LedgerId, claim: Seq) -> Self {
        let message = [b"kenmai/v1/perk-card", &ledger.0[..], &claim.0.to_be_bytes()].concat();
        Self(keyed_hash(pepper, &message))
    }
}

impl LedgerId {
    /// The id of the ledger with this origin (a scheme-less URL prefix).
    #[must_use]
    pub fn of_origin(origin: &str) -> Self {
        Self(first_bytes(Sha256::digest(origin.as_bytes()).into()))
    }
}

impl Kid {
    /// The id of this Ed25519 public key.
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        Self(first_bytes(Sha256::digest(public_key).into()))
    }
}

/// An entry's place in its ledger, dense from 0; equal to its leaf index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first bytes of a digest, as an identifier.
#[must_use]
pub fn first_bytes<const N: usize>(digest: Hash) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    first
}
