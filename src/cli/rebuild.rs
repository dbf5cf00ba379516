//! `kenmai rebuild`: makes everything again that can be computed from the log.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::merkle::leaf_hash;

use super::console::{Bar, say};
use super::options::ledger_file;
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::engine::EngineError;
use crate::engine::replay::entries_of;
use crate::log::disk::{Disk, OpenMode, RealDisk};
use crate::log::levels::LEVELS_FOLDER;
use crate::log::{self, FrameRefusal, LOG_FOLDER, LogConfig};
use crate::views::{self, RUN_ENTRIES_MAX, VIEWS_FOLDER, Views};

/// Delete the files that follow from the log (the hash tree's levels, the read views) and make them
/// again.
#[derive(clap::Args)]
#[command(
    after_help = "The server of this ledger must be stopped. The log itself is never changed."
)]
pub struct Args {
    /// The data folder of the ledger.
    dir: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let origin = ledger_file(&args.dir)?.origin;
    let (bar, disk): (_, Arc<dyn Disk>) = (Bar::new("rebuild"), Arc::new(RealDisk));
    let entries = rebuild(&disk, &args.dir, &origin, &mut |done, total| bar.show(done, total))?;
    drop(bar);
    say(format_args!("the hash tree and the views over {entries} entries are made again"));
    Ok(ExitStatus::Well)
}

/// Makes the levels and the views again and gives the number of entries. `progress` is told entries
/// done and in all.
///
/// # Errors
/// [`CliError::Log`] and [`CliError::Engine`]. Nothing is deleted before the whole log has been
/// read and found sound.
pub fn rebuild(
    disk: &Arc<dyn Disk>,
    data_folder: &Path,
    origin: &str,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, CliError> {
    let ledger = LedgerId::of_origin(origin);
    let config = LogConfig::of(data_folder, ledger);
    let whole = log::inspect(disk.as_ref(), &config, |_| Ok(()))?;
    let total = whole.tip.next_seq.0;
    let claimed = log::claim(Arc::clone(disk), config)?;
    // A crash from here on leaves levels that are short; the next start completes them from the
    // log.
    empty_levels(disk.as_ref(), &data_folder.join(LOG_FOLDER).join(LEVELS_FOLDER))?;
    let time_ms = claimed.locked().time_ms;
    let mut levels = claimed.levels()?;
    let folder = data_folder.join(VIEWS_FOLDER);
    views::delete(&folder).map_err(EngineError::from)?;
    let views = Views::open(&folder, ledger).map_err(EngineError::from)?;
    let mut run = Vec::new();
    let (mut log, torn) = claimed.recover(Seq(0), time_ms, |frame| {
        let mut hashes = Vec::new();
        for logged in entries_of(frame) {
            let logged = logged.map_err(FrameRefusal::from)?;
            hashes.push(leaf_hash(&logged.entry.leaf()));
            run.push(logged.accounting);
        }
        if run.len() >= RUN_ENTRIES_MAX {
            views.apply(&std::mem::take(&mut run)).map_err(FrameRefusal::from)?;
        }
        levels.append(levels.size(), &hashes).map_err(FrameRefusal::from)?;
        progress(levels.size().0, total);
        Ok(())
    })?;
    if let Some(torn) = torn {
        tracing::warn!(?torn, "an unfinished frame was set aside");
    }
    views.apply(&run).and_then(|()| views.flush()).map_err(EngineError::from)?;
    log.write_lock(&mut levels, time_ms)?;
    Ok(levels.size().0)
}

fn empty_levels(disk: &dyn Disk, folder: &Path) -> Result<(), CliError> {
    for level in 0.. {
        let path = folder.join(level.to_string());
        let file = match disk.open(&path, OpenMode::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(source) => return Err(CliError::File { action: "open", path, source }),
        };
        file.set_size_bytes(0).map_err(CliError::file("empty", &path))?;
    }
    Ok(())
}
