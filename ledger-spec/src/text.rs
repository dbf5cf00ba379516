//! Words that the text formats share; each value has exactly one spelling.

use data_encoding::BASE64;

use crate::ids::Hash;

/// Reads an ASCII decimal: digits only, no leading zero unless it is `0` itself.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero { text.parse().ok() } else { None }
}

/// Reads a SHA-256 hash in padded standard base64 (RFC 4648 section 4).
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}
