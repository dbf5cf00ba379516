//! Words that the text formats share; each value has exactly one spelling.

use alloc::vec::Vec;

use data_encoding::BASE64;

use crate::ids::Hash;

/// Reads an ASCII decimal: digits only, no leading zero unless it is `0` itself.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero { text.parse().ok() } else { None }
}

/// Reads padded standard base64 (RFC 4648 section 4). Padding stands at the end only: the decoder
/// alone would also take several padded texts in a row, a second spelling of the same bytes.
pub(crate) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    let padding_within = text.trim_end_matches('=').contains('=');
    if padding_within { None } else { BASE64.decode(text.as_bytes()).ok() }
}

/// Reads a SHA-256 hash in base64.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    parse_base64(text)?.try_into().ok()
}
