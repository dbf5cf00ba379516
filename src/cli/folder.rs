//! A ledger's folder read from outside, without taking it: a server may be running.

use std::path::Path;

use ledger_spec::apply::apply;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::LedgerId;
use ledger_spec::state::{Overlay, State};

use super::{Bar, CliError, ledger_file};
use crate::engine::parse_entry;
use crate::log::disk::RealDisk;
use crate::log::{self, LogConfig, SEGMENT_BYTES};

/// Reads every entry of a ledger's log in order and gives the state at its end.
pub(super) fn replay(
    data_folder: &Path,
    mut on_entry: impl FnMut(&Accounting),
) -> Result<State, CliError> {
    let ledger = LedgerId::of_origin(&ledger_file(data_folder)?.origin);
    let config =
        LogConfig { data_folder: data_folder.to_owned(), ledger, segment_bytes: SEGMENT_BYTES };
    let bar = Bar::new("log");
    let mut state = State::default();
    log::inspect(&RealDisk, &config, |frame| {
        let mut overlay = Overlay::over(&state);
        for (seq, bytes) in frame.entries() {
            let (_, accounting) = parse_entry(seq, bytes)?;
            apply(&accounting, &mut overlay)?;
            on_entry(&accounting);
        }
        let changes = overlay.into_changes();
        state.absorb(changes);
        bar.show(state.size, state.size);
        Ok(())
    })?;
    Ok(state)
}
