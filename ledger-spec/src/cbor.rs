//! Deterministic CBOR (RFC 8949 section 4.2.1), strict in both directions.
//!
//! The reader takes exactly what the writer makes: shortest integers, definite lengths, ascending
//! map keys, nothing left over. A signature therefore has one byte string only, and a changed byte
//! is always a refusal.

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::ids::{
    AccountId, CardHash, DayKid, Kid, LedgerId, LinkId, NaturalKey, OpId, PerkCardNumber, PersonId,
    PlaceId, Seq,
};

/// Why bytes are not what the specification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CborError {
    /// The bytes end early, or hold another type than the format names.
    #[error("malformed CBOR: {0} expected")]
    Expected(&'static str),
    /// A longer form than necessary, or map keys out of order.
    #[error("CBOR is not in its deterministic form")]
    NotDeterministic,
    /// A map key that the format does not name.
    #[error("unknown field {0}")]
    UnknownField(u64),
    /// A map key that the format requires.
    #[error("field {0} is missing")]
    MissingField(u64),
    /// A value outside the range that the format names.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// Points that are no whole number from 1 to 100,000.
    #[error("points must be a whole number from 1 to 100000")]
    Points,
    /// Bytes after the end.
    #[error("bytes left over after the end")]
    LeftOver,
}

/// Builds deterministic CBOR.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// The bytes written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The bytes written so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets what was written and keeps the room for it.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn head(&mut self, major: u8, value: u64) {
        let [.., b4, b5, b6, b7] = value.to_be_bytes();
        let initial = major << 5;
        if value < 24 {
            self.0.push(initial | b7);
        } else if value < 0x100 {
            self.0.extend([initial | 24, b7]);
        } else if value < 0x1_0000 {
            self.0.extend([initial | 25, b6, b7]);
        } else if value < 0x1_0000_0000 {
            self.0.extend([initial | 26, b4, b5, b6, b7]);
        } else {
            self.0.push(initial | 27);
            self.0.extend(value.to_be_bytes());
        }
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    /// A signed integer.
    pub fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(0, value),
            // -1 - n is stored as n, which is the bitwise complement.
            Err(_) => self.head(1, (!value).cast_unsigned()),
        }
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A text string.
    pub fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    /// The head of an array of this many items.
    pub fn array(&mut self, items: u64) {
        self.head(4, items);
    }

    /// The head of a map of this many pairs.
    pub fn map(&mut self, pairs: u64) {
        self.head(5, pairs);
    }

    /// A tag, before the item it marks.
    pub fn tag(&mut self, tag: u64) {
        self.head(6, tag);
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.0.push(if value { 0xf5 } else { 0xf4 });
    }

    /// Null.
    pub fn null(&mut self) {
        self.0.push(0xf6);
    }
}

/// Reads deterministic CBOR.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`CborError::LeftOver`] when bytes remain.
    pub fn end(self) -> Result<(), CborError> {
        if self.0.is_empty() { Ok(()) } else { Err(CborError::LeftOver) }
    }

    /// Whether nothing remains.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], CborError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CborError::Expected(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn head(&mut self, what: &'static str) -> Result<(u8, u64), CborError> {
        let initial = self.take(1, what)?.first().copied().unwrap_or_default();
        let (major, info) = (initial >> 5, initial & 0x1f);
        let length = match info {
            0..=23 => return Ok((major, u64::from(info))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(CborError::NotDeterministic),
        };
        let bytes = self.take(length, what)?;
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let shortest = match length {
            1 => value >= 24,
            2 => value >= 0x100,
            4 => value >= 0x1_0000,
            _ => value >= 0x1_0000_0000,
        };
        // Simple values and floats (major 7) have no shorter form to prefer; no format here uses
        // them.
        if shortest || major == 7 { Ok((major, value)) } else { Err(CborError::NotDeterministic) }
    }

    fn expect(&mut self, major: u8, what: &'static str) -> Result<u64, CborError> {
        match self.head(what)? {
            (found, value) if found == major => Ok(value),
            _ => Err(CborError::Expected(what)),
        }
    }

    fn length(&mut self, major: u8, what: &'static str) -> Result<usize, CborError> {
        let length = self.expect(major, what)?;
        // No more items than bytes, so that a short message cannot ask for a large allocation.
        usize::try_from(length).ok().filter(|n| *n <= self.0.len()).ok_or(CborError::Expected(what))
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// As every method here: [`CborError`] when the bytes hold something else.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.expect(0, "unsigned integer")
    }

    /// A signed integer.
    ///
    /// # Errors
    /// [`CborError`], also for integers outside 64 bits.
    pub fn int(&mut self) -> Result<i64, CborError> {
        let (major, value) = self.head("integer")?;
        let value = i64::try_from(value).map_err(|_| CborError::OutOfRange("integer"))?;
        match major {
            0 => Ok(value),
            1 => Ok(!value),
            _ => Err(CborError::Expected("integer")),
        }
    }

    /// Points of a statement, told apart from other numbers so that the refusal can say what is
    /// wrong.
    ///
    /// # Errors
    /// [`CborError::Points`] for negative, zero, fractional and too many points.
    pub fn points(&mut self) -> Result<u32, CborError> {
        match self.head("points")? {
            (0, value) => u32::try_from(value).map_err(|_| CborError::Points),
            (1 | 7, _) => Err(CborError::Points),
            _ => Err(CborError::Expected("points")),
        }
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.length(2, "byte string")?;
        self.take(length, "byte string")
    }

    /// A text string.
    ///
    /// # Errors
    /// [`CborError`], also for bytes that are no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let length = self.length(3, "text")?;
        core::str::from_utf8(self.take(length, "text")?).map_err(|_| CborError::Expected("text"))
    }

    /// The head of an array: its number of items.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn array(&mut self) -> Result<usize, CborError> {
        self.length(4, "array")
    }

    /// The head of an array of exactly this many items.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn array_of(&mut self, items: usize, what: &'static str) -> Result<(), CborError> {
        if self.array()? == items { Ok(()) } else { Err(CborError::Expected(what)) }
    }

    /// The head of a map: its number of pairs.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn map(&mut self) -> Result<usize, CborError> {
        self.length(5, "map")
    }

    /// A tag with exactly this number.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn tag(&mut self, tag: u64, what: &'static str) -> Result<(), CborError> {
        if self.expect(6, what)? == tag { Ok(()) } else { Err(CborError::Expected(what)) }
    }

    /// True or false.
    ///
    /// # Errors
    /// [`CborError`]
    pub fn bool(&mut self) -> Result<bool, CborError> {
        // By its one byte: a simple value and a float of other lengths can hold the same number.
        match self.take(1, "true or false")? {
            [0xf4] => Ok(false),
            [0xf5] => Ok(true),
            _ => Err(CborError::Expected("true or false")),
        }
    }

    /// Takes a null when one comes next.
    pub fn is_null(&mut self) -> bool {
        match self.0.split_first() {
            Some((0xf6, rest)) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}

/// A value with one byte form.
pub trait Wire: Sized {
    /// Appends the value.
    fn write(&self, writer: &mut Writer);

    /// Reads the value.
    ///
    /// # Errors
    /// [`CborError`] when the bytes are not a value of this type.
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError>;

    /// Whether a map leaves the value out.
    fn is_absent(&self) -> bool {
        false
    }

    /// The value that stands for a key left out of a map, if the key may be left out.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// The bytes of a value.
pub fn to_bytes<T: Wire>(value: &T) -> Vec<u8> {
    let mut writer = Writer::default();
    value.write(&mut writer);
    writer.into_bytes()
}

/// The value of these bytes, all of them.
///
/// # Errors
/// [`CborError`]
pub fn from_bytes<T: Wire>(bytes: &[u8]) -> Result<T, CborError> {
    let mut reader = Reader::new(bytes);
    let value = T::read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// UTF-8 of 1 to `MAX` bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Checks length and characters; a line break is allowed.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX).contains(&text.len());
        let clean = !text.chars().any(|c| c.is_control() && c != '\n');
        (fits && clean).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Wire for Text<MAX> {
    fn write(&self, writer: &mut Writer) {
        writer.text(&self.0);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Self::new(reader.text()?).ok_or(CborError::OutOfRange("text"))
    }
}

/// A byte string of `MIN` to `MAX` bytes, of 1 unless another least length is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob<const MAX: usize, const MIN: usize = 1>(pub Vec<u8>);

impl<const MAX: usize, const MIN: usize> Blob<MAX, MIN> {
    /// Checks the length.
    pub(crate) fn checked(bytes: Vec<u8>) -> Result<Self, CborError> {
        let fits = (MIN..=MAX).contains(&bytes.len());
        if fits { Ok(Self(bytes)) } else { Err(CborError::OutOfRange("byte string")) }
    }
}

impl<const MAX: usize, const MIN: usize> Wire for Blob<MAX, MIN> {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Self::checked(reader.bytes()?.into())
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.bytes()?.try_into().map_err(|_| CborError::OutOfRange("byte string"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Some(value) => value.write(writer),
            None => writer.null(),
        }
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        if reader.is_null() { Ok(None) } else { T::read(reader).map(Some) }
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.array(self.len() as u64);
        self.iter().for_each(|item| item.write(writer));
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        (0..reader.array()?).map(|_| T::read(reader)).collect()
    }
}

/// A list of 1 to `MAX` items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// Checks the number of items.
    pub(crate) fn checked(items: Vec<T>) -> Result<Self, CborError> {
        let fits = (1..=MAX).contains(&items.len());
        if fits { Ok(Self(items)) } else { Err(CborError::OutOfRange("list")) }
    }
}

impl<T: Wire, const MAX: usize> Wire for List<T, MAX> {
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Self::checked(Vec::read(reader)?)
    }
}

/// Nothing: the key alone says what there is to say.
impl Wire for () {
    fn write(&self, _: &mut Writer) {}
    fn read(_: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(())
    }
}

/// One after the other.
impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
        self.1.write(writer);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok((A::read(reader)?, B::read(reader)?))
    }
}

impl Wire for bool {
    fn write(&self, writer: &mut Writer) {
        writer.bool(*self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.bool()
    }
}

impl Wire for i64 {
    fn write(&self, writer: &mut Writer) {
        writer.int(*self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.int()
    }
}

macro_rules! wire_uint {
    ($($ty:ty),+) => {$(
        impl Wire for $ty {
            fn write(&self, writer: &mut Writer) {
                writer.uint(u64::from(*self));
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                Self::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange("number"))
            }
        }
    )+};
}
wire_uint!(u8, u16, u32, u64);

macro_rules! wire_newtype {
    ($($ty:ident),+) => {$(
        impl $crate::cbor::Wire for $ty {
            fn write(&self, writer: &mut $crate::cbor::Writer) {
                $crate::cbor::Wire::write(&self.0, writer);
            }
            fn read(reader: &mut $crate::cbor::Reader<'_>) -> Result<Self, $crate::cbor::CborError> {
                $crate::cbor::Wire::read(reader).map(Self)
            }
        }
    )+};
}
wire_newtype!(
    LedgerId,
    AccountId,
    OpId,
    Kid,
    PersonId,
    PlaceId,
    CardHash,
    LinkId,
    DayKid,
    NaturalKey,
    PerkCardNumber,
    Seq
);
pub(crate) use wire_newtype;

/// A struct whose form is a map with ascending unsigned keys; an `Option` is a key that may be left
/// out.
macro_rules! wire_map {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $key:literal $field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty),+ }

        impl $crate::cbor::Wire for $name {
            fn write(&self, writer: &mut $crate::cbor::Writer) {
                writer.map([$(!$crate::cbor::Wire::is_absent(&self.$field)),+].into_iter().map(u64::from).sum());
                $(if !$crate::cbor::Wire::is_absent(&self.$field) {
                    writer.uint($key);
                    $crate::cbor::Wire::write(&self.$field, writer);
                })+
            }
            fn read(
                reader: &mut $crate::cbor::Reader<'_>,
            ) -> Result<Self, $crate::cbor::CborError> {
                use $crate::cbor::CborError;
                $(let mut $field: Option<$ty> = None;)+
                let mut last = None;
                for _ in 0..reader.map()? {
                    let key = reader.uint()?;
                    if last >= Some(key) {
                        return Err(CborError::NotDeterministic);
                    }
                    last = Some(key);
                    match key {
                        $($key => {
                            let value = <$ty as $crate::cbor::Wire>::read(reader)?;
                            if $crate::cbor::Wire::is_absent(&value) {
                                return Err(CborError::NotDeterministic);
                            }
                            $field = Some(value);
                        })+
                        other => return Err(CborError::UnknownField(other)),
                    }
                }
                Ok(Self { $($field: $field.or_else(<$ty as $crate::cbor::Wire>::absent).ok_or(CborError::MissingField($key))?),+ })
            }
        }
    };
}
pub(crate) use wire_map;

/// A struct whose form is an array of its fields in order.
macro_rules! wire_array {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty),+ }

        impl $crate::cbor::Wire for $name {
            fn write(&self, writer: &mut $crate::cbor::Writer) {
                writer.array([$(stringify!($field)),+].len() as u64);
                $($crate::cbor::Wire::write(&self.$field, writer);)+
            }
            fn read(
                reader: &mut $crate::cbor::Reader<'_>,
            ) -> Result<Self, $crate::cbor::CborError> {
                reader.array_of([$(stringify!($field)),+].len(), stringify!($name))?;
                Ok(Self { $($field: $crate::cbor::Wire::read(reader)?),+ })
            }
        }
    };
}
pub(crate) use wire_array;

/// An enum without data whose form is its number, and whose JSON form is its name.
macro_rules! wire_code {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant = $code),+ }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value's name in JSON, files and metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $crate::cbor::Wire for $name {
            fn write(&self, writer: &mut $crate::cbor::Writer) {
                writer.uint(match self { $(Self::$variant => $code),+ });
            }
            fn read(
                reader: &mut $crate::cbor::Reader<'_>,
            ) -> Result<Self, $crate::cbor::CborError> {
                match reader.uint()? {
                    $($code => Ok(Self::$variant),)+
                    _ => Err($crate::cbor::CborError::OutOfRange(stringify!($name))),
                }
            }
        }
    };
}
pub(crate) use wire_code;
