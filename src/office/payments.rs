//! What shops are due, by a ledger's log alone; its server may run.

use std::path::Path;

use data_encoding::HEXLOWER;
use ledger_spec::ids::{LedgerId, PlaceId};

use crate::engine::replay::{LogSource, read_entries};
use crate::log::LogError;
use crate::log::disk::Disk;
use crate::reports::books::Books;
use crate::reports::tables::LogHead;

/// The books of the whole log, read once from its start, with the lines of one shop or of none; and
/// how far the log went.
///
/// # Errors
/// [`LogError`]
pub fn read(
    disk: &dyn Disk,
    data_folder: &Path,
    origin: String,
    lines_of: Option<PlaceId>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Books, LogHead), LogError> {
    let ledger = LedgerId::of_origin(&origin);
    let mut books = Books::open(ledger, lines_of);
    let log = LogSource { disk, data_folder, ledger };
    let inspected = read_entries(log, progress, |logged| {
        books.read(&logged.accounting);
        Ok(())
    })?;
    let (size, root) = (inspected.tip.next_seq.0, HEXLOWER.encode(&inspected.tip.root));
    Ok((books, LogHead { origin, size, root, checkpoint: None }))
}
