//! The list of banks and branches that zengin-code publishes (`banks.json`, `branches/BANK.json`).

use std::collections::BTreeMap;

use serde_json::Value;

/// The longest list.
pub const LIST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The name in kana of a bank or branch; none where the list has no such code.
///
/// # Errors
/// Where the list has another form.
pub fn kana_of(list: &str, code: &str) -> Result<Option<String>, serde_json::Error> {
    let list: BTreeMap<String, Value> = serde_json::from_str(list)?;
    let kana = list.get(code).and_then(|row| row.get("kana")).and_then(Value::as_str);
    Ok(kana.map(str::to_owned))
}
