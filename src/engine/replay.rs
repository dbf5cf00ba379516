//! A log read outside the running engine: its entries in order, alone or with the state that they
//! make. The folder is not taken and nothing is written, so a server may be running.

use std::fmt;
use std::path::Path;

use ledger_spec::apply::apply;
use ledger_spec::entry::{Accounting, Entry};
use ledger_spec::frame::Frame;
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::state::{Overlay, State};

use super::error::EngineError;
use super::read::parse_entry;
use crate::log::disk::Disk;
use crate::log::{self, FrameRefusal, Inspection, LogConfig, LogError};

/// Which log to read.
#[derive(Clone, Copy)]
pub struct LogSource<'a> {
    /// Its files.
    pub disk: &'a dyn Disk,
    /// The data folder of the ledger.
    pub data_folder: &'a Path,
    /// The ledger that every frame must name.
    pub ledger: LedgerId,
}

/// Is told the bytes read and the bytes in all, after each frame.
pub type OnProgress<'a> = &'a mut dyn FnMut(u64, u64);

/// An entry as the log holds it.
pub struct LogEntry {
    /// Its place.
    pub seq: Seq,
    /// The whole of it.
    pub entry: Entry,
    /// Its accounting part.
    pub accounting: Accounting,
}

impl LogEntry {
    pub(super) fn parse(seq: Seq, bytes: &[u8]) -> Result<Self, EngineError> {
        let (entry, accounting) = parse_entry(seq, bytes)?;
        Ok(Self { seq, entry, accounting })
    }

    /// The error that names this entry.
    #[must_use]
    pub fn fault(&self, reason: &dyn fmt::Display) -> EngineError {
        EngineError::Entry { seq: self.seq, reason: reason.to_string() }
    }
}

/// Hands every entry to `on_entry`, and gives where the log ends.
///
/// # Errors
/// [`LogError`]; what `on_entry` refuses is [`LogError::Refused`] and names the place.
pub fn read_entries(
    log: LogSource<'_>,
    progress: OnProgress<'_>,
    mut on_entry: impl FnMut(LogEntry) -> Result<(), EngineError>,
) -> Result<Inspection, LogError> {
    read_frames(log, progress, |frame| {
        entries_of(frame).try_for_each(|entry| on_entry(entry?)).map_err(FrameRefusal::from)
    })
}

/// Hands every entry to `on_entry` once it is applied, and gives the state at the log's end.
///
/// # Errors
/// As [`read_entries`]; also for an entry that these rules did not make.
pub fn read_state(
    log: LogSource<'_>,
    progress: OnProgress<'_>,
    mut on_entry: impl FnMut(&LogEntry),
) -> Result<State, LogError> {
    let mut state = State::default();
    read_frames(log, progress, |frame| {
        let applied = apply_frame(&mut state, frame, |entry| {
            on_entry(entry);
            Ok(())
        });
        applied.map_err(FrameRefusal::from)
    })?;
    Ok(state)
}

fn read_frames(
    log: LogSource<'_>,
    progress: OnProgress<'_>,
    mut on_frame: impl FnMut(&Frame) -> Result<(), FrameRefusal>,
) -> Result<Inspection, LogError> {
    let LogSource { disk, data_folder, ledger } = log;
    let (mut read_bytes, total_bytes) = (0, log::size_bytes(disk, data_folder));
    log::inspect(disk, &LogConfig::of(data_folder, ledger), |frame| {
        on_frame(frame)?;
        read_bytes += frame.bytes().len() as u64;
        progress(read_bytes, total_bytes);
        Ok(())
    })
}

/// The entries of a frame, in order.
pub(crate) fn entries_of(frame: &Frame) -> impl Iterator<Item = Result<LogEntry, EngineError>> {
    frame.entries().map(|(seq, bytes)| LogEntry::parse(seq, bytes))
}

/// Applies the entries of a frame and hands each to `on_entry`. After an error the state is as it
/// was before the frame.
///
/// # Errors
/// [`EngineError::Entry`] names the first entry that these rules did not make; whatever `on_entry`
/// refuses.
pub(super) fn apply_frame(
    state: &mut State,
    frame: &Frame,
    mut on_entry: impl FnMut(&LogEntry) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut overlay = Overlay::over(state);
    for entry in entries_of(frame) {
        let entry = entry?;
        apply(&entry.accounting, &mut overlay).map_err(|broken| entry.fault(&broken))?;
        on_entry(&entry)?;
    }
    let changes = overlay.into_changes();
    state.absorb(changes);
    Ok(())
}
