//! A ledger's folder read from outside, without taking it: a server may be running.

use std::path::Path;

use ledger_spec::entry::Accounting;
use ledger_spec::ids::LedgerId;
use ledger_spec::state::State;

use super::console::Bar;
use super::options::ledger_file;
use super::outcome::CliError;
use crate::engine::replay::{LogSource, read_state};
use crate::log::disk::RealDisk;

/// Reads every entry of a ledger's log in order and gives the state at its end.
pub(super) fn replay(
    data_folder: &Path,
    mut on_entry: impl FnMut(&Accounting),
) -> Result<State, CliError> {
    let ledger = LedgerId::of_origin(&ledger_file(data_folder)?.origin);
    let log = LogSource { disk: &RealDisk, data_folder, ledger };
    let bar = Bar::new("log");
    let progress = &mut |done, total| bar.show(done, total);
    Ok(read_state(log, progress, |entry| on_entry(&entry.accounting))?)
}
