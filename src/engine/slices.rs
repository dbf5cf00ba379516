//! Rows of manifests on their way to the sequencer, in slices that fit a batch.

use ledger_spec::statement::Statement;

/// The most rows of a manifest that one batch takes.
pub const SLICE_ROWS_MAX: usize = 512;
/// The most bytes of such rows with their disclosures.
pub const SLICE_BYTES_MAX: usize = 256 * 1024;
/// Cuts rows into slices of at most [`SLICE_ROWS_MAX`] rows and [`SLICE_BYTES_MAX`] bytes.
pub fn slices(rows: impl Iterator<Item = Statement>) -> impl Iterator<Item = Vec<Statement>> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        let (mut slice, mut left_bytes) = (Vec::new(), SLICE_BYTES_MAX);
        while slice.len() < SLICE_ROWS_MAX
            && let Some(row) = rows.next_if(|row| slice.is_empty() || row_bytes(row) <= left_bytes)
        {
            left_bytes = left_bytes.saturating_sub(row_bytes(&row));
            slice.push(row);
        }
        (!slice.is_empty()).then_some(slice)
    })
}

fn row_bytes(row: &Statement) -> usize {
    row.bytes.len() + row.disclosure.as_ref().map_or(0, |(_, bytes)| bytes.len())
}
