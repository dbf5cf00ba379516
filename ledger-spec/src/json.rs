//! Bodies of statements from JSON, as people write them: bytes in lower-case hexadecimal, days as
//! `YYYY-MM-DD`, everything else by its name or number.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::cbor::{Blob, CborError, List, Text, Wire};
use crate::ids::{AccountId, CardHash, Kid, LinkId, PersonId, PlaceId, Seq};

/// A field of a body.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// What its value must be, in words.
    pub due: fn() -> String,
}

/// Why JSON is not the body of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// A member that no field has the name of.
    #[error("`{0}` is no field")]
    Unknown(String),
    /// A field that may not be left out.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field of another form, and what its value must be.
    #[error("`{0}` must be {1}")]
    Form(&'static str, String),
    /// A value of the right form that the format does not allow.
    #[error("`{0}`: {1}")]
    Value(&'static str, CborError),
}

/// Why a JSON value is not one of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It has another form.
    Form,
    /// It has the form, but not a value that the format allows.
    Value(CborError),
}

/// A value that people can write as JSON.
pub trait FromJson: Sized {
    /// Whether a body may leave it out.
    const OPTIONAL: bool = false;

    /// What is due, in words that follow "must be".
    fn due() -> String;

    /// The value.
    ///
    /// # Errors
    /// [`Mismatch`]
    fn from_json(json: &Value) -> Result<Self, Mismatch>;
}

/// What is wrong with a document, without the line and column that stand at its end.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(what, _)| what.to_owned())
}

/// Refuses JSON with a member that is none of the fields.
pub(crate) fn check_names(fields: &[Field], json: &Map<String, Value>) -> Result<(), JsonError> {
    let known = |name: &str| fields.iter().any(|field| field.name == name);
    match json.keys().find(|name| !known(name)) {
        Some(unknown) => Err(JsonError::Unknown(unknown.clone())),
        None => Ok(()),
    }
}

/// The value of a field.
pub(crate) fn member<T: FromJson + Wire>(
    json: &Map<String, Value>,
    name: &'static str,
) -> Result<T, JsonError> {
    let Some(value) = json.get(name) else {
        return T::absent().ok_or(JsonError::Missing(name));
    };
    T::from_json(value).map_err(|mismatch| match mismatch {
        Mismatch::Form => JsonError::Form(name, T::due()),
        Mismatch::Value(error) => JsonError::Value(name, error),
    })
}

/// The value with this name out of all that an enum without data has.
pub(crate) fn of_name<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
    json: &Value,
) -> Result<T, Mismatch> {
    let text = json.as_str().ok_or(Mismatch::Form)?;
    all.iter().copied().find(|value| name(*value) == text).ok_or(Mismatch::Form)
}

/// All names in words: `"a", "b" or "c"`.
pub(crate) fn one_of<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> String {
    let names: Vec<String> = all.iter().map(|value| format!("\"{}\"", name(*value))).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

/// The JSON form of enums without data is their name.
macro_rules! json_code {
    ($($ty:ident),+) => {$(
        impl $crate::json::FromJson for $ty {
            fn due() -> alloc::string::String {
                $crate::json::one_of(Self::ALL, Self::name)
            }
            fn from_json(json: &serde_json::Value) -> Result<Self, $crate::json::Mismatch> {
                $crate::json::of_name(Self::ALL, Self::name, json)
            }
        }
    )+};
}
pub(crate) use json_code;

/// The JSON form of a type that wraps another is the other's.
macro_rules! json_newtype {
    ($($ty:ident),+) => {$(
        impl $crate::json::FromJson for $ty {
            fn due() -> alloc::string::String {
                $crate::json::due_of(&Self)
            }
            fn from_json(json: &serde_json::Value) -> Result<Self, $crate::json::Mismatch> {
                $crate::json::FromJson::from_json(json).map(Self)
            }
        }
    )+};
}
pub(crate) use json_newtype;
json_newtype!(AccountId, CardHash, Kid, LinkId, PersonId, PlaceId, Seq);

/// What is due for the type that a constructor wraps.
pub(crate) fn due_of<T: FromJson, W>(_: &impl Fn(T) -> W) -> String {
    T::due()
}

impl<T: FromJson> FromJson for Option<T> {
    const OPTIONAL: bool = true;

    fn due() -> String {
        T::due()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        T::from_json(json).map(Some)
    }
}

impl<T: FromJson, const MAX: usize> FromJson for List<T, MAX> {
    fn due() -> String {
        format!("a list of {}", T::due())
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let items = json.as_array().ok_or(Mismatch::Form)?.iter().map(T::from_json);
        Self::checked(items.collect::<Result<_, _>>()?).map_err(Mismatch::Value)
    }
}

impl<const MAX: usize> FromJson for Text<MAX> {
    fn due() -> String {
        "text".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let text = json.as_str().ok_or(Mismatch::Form)?;
        Self::new(text).ok_or(Mismatch::Value(CborError::OutOfRange("text")))
    }
}

/// The bytes of lower-case hexadecimal.
fn bytes_of(json: &Value) -> Result<Vec<u8>, Mismatch> {
    let text = json.as_str().ok_or(Mismatch::Form)?;
    HEXLOWER.decode(text.as_bytes()).map_err(|_| Mismatch::Form)
}

impl<const MAX: usize> FromJson for Blob<MAX> {
    fn due() -> String {
        "lower-case hexadecimal".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        Self::checked(bytes_of(json)?).map_err(Mismatch::Value)
    }
}

impl<const N: usize> FromJson for [u8; N] {
    fn due() -> String {
        "lower-case hexadecimal".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let length = |_| Mismatch::Value(CborError::OutOfRange("byte string"));
        bytes_of(json)?.try_into().map_err(length)
    }
}

impl FromJson for bool {
    fn due() -> String {
        "true or false".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        json.as_bool().ok_or(Mismatch::Form)
    }
}

impl FromJson for i64 {
    fn due() -> String {
        "a whole number, perhaps negative".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        json.as_i64().ok_or(Mismatch::Form)
    }
}

impl FromJson for u64 {
    fn due() -> String {
        "a whole number".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        json.as_u64().ok_or(Mismatch::Form)
    }
}

impl FromJson for u32 {
    fn due() -> String {
        u64::due()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let number = Self::try_from(u64::from_json(json)?);
        number.map_err(|_| Mismatch::Value(CborError::OutOfRange("number")))
    }
}
