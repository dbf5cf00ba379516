//! Statements as entries keep them: a signed core, or a row with the manifest that vouches for it.

use crate::cbor::{self, Blob, wire_array};
use crate::ids::{Kid, Seq};
use crate::statement::{self, RowPlace, Statement, StatementError};

/// The most bytes of a row's core, and of its disclosure.
pub const ROW_PART_BYTES_MAX: usize = 1_024;

wire_array!(
    /// A row as its entry keeps it: with the manifest that vouches for it and the key that signed
    /// that.
    KeptRow {
        /// The manifest's entry.
        manifest: Seq,
        /// The row's place in it, from 0.
        index: u32,
        /// Who signed the manifest.
        kid: Kid,
        /// The core's bytes.
        core: Blob<ROW_PART_BYTES_MAX>,
    }
);

/// Reads the statement that an entry keeps; verifies nothing.
///
/// # Errors
/// [`StatementError::TooLarge`] and [`StatementError::Form`].
pub fn read(bytes: &[u8]) -> Result<Statement, StatementError> {
    if is_row(bytes) {
        return read_row(bytes);
    }
    statement::read(bytes).map(|(_, statement)| statement)
}

/// Whether the bytes are a row and not a signed core: an array, where a signed core begins with its
/// tag.
fn is_row(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x84)
}

fn read_row(bytes: &[u8]) -> Result<Statement, StatementError> {
    let KeptRow { manifest, index, kid, core } = cbor::from_bytes(bytes)?;
    let row = Some(RowPlace { manifest, index });
    Ok(Statement { row, ..Statement::bare(cbor::from_bytes(&core.0)?, kid, bytes.to_vec()) })
}
