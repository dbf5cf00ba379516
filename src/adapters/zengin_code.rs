//! The list of banks and branches that zengin-code publishes (`banks.json`, `branches/BANK.json`).

use serde_json::Value;

use super::strict_json;

/// The longest list.
pub const LIST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The name in kana of a bank or branch; none where the list has no such code.
///
/// # Errors
/// Where the list has another form.
pub fn kana_of(list: &str, code: &str) -> Result<Option<String>, String> {
    let list = strict_json::object_of(list)?;
    let kana = list.get(code).and_then(|row| row.get("kana")).and_then(Value::as_str);
    Ok(kana.map(str::to_owned))
}
