//! JSON that a person hands in: what stands twice in it is refused, because one reader sees the
//! first value and another the last. A byte order mark is left out.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

/// The object of a text, each member of it once.
///
/// # Errors
/// A text that names what is wrong.
pub fn object_of(text: &str) -> Result<Map<String, Value>, String> {
    match value_of(text)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("it is no JSON object".to_owned())
        }
    }
}

/// The value of a text, each member of each object once.
///
/// # Errors
/// A text that names what is wrong.
pub fn value_of(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map(|Once(value)| value).map_err(|error| error.to_string())
}

/// What a text says, of a form that the program knows.
///
/// # Errors
/// A text that names what is wrong.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(value_of(text)?).map_err(|error| error.to_string())
}

/// A value in which no member of an object stands twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor).map(Self)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Once(value))) = members.next_entry::<String, Once>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` stands twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        for text in [
            r#"{"points":5,"points":9}"#,
            r#"{"lot":{"fund":"nhi","fund":"general"}}"#,
            r#"{"lots":[{"points":1,"points":2}]}"#,
        ] {
            let error = object_of(text).expect_err("refused");
            assert!(error.contains("stands twice"), "{error}");
        }
        let text = r#"{"a":[1,-2,true,null,"x"],"b":{"c":1.5}}"#;
        let read = object_of(text).expect("an object");
        assert_eq!(Value::Object(read), serde_json::from_str::<Value>(text).expect("JSON"));
        assert!(object_of(&format!("\u{feff}{text}")).is_ok(), "a byte order mark is no fault");
        assert!(object_of("[]").is_err() && object_of("{").is_err());
    }
}
