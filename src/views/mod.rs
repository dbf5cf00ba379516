//! Read views of the log: what analysts' tables and shops' sums are made of, so that nobody has to
//! read the log for them.
//!
//! The views follow the log: the rows that a run of entries changes and the next entry to apply go
//! to the disk in one batch, so that a crash leaves the views of some earlier moment. They hold
//! sums, an account's last week and month, and which few accounts stand behind a small figure; of
//! entries no more than the numbers of those that moved a shop's points, no time of day, no value.
//! Everything here can be deleted: whatever is damaged, of another form or of another ledger is
//! made again from the log.
//!
//! Read first: `store::Views`, the tables on disk, and `rows::Summary`, what they keep of an
//! account; `fold` counts an entry into them.

use ledger_spec::cbor;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::Seq;

mod error;
mod fold;
mod rows;
mod store;
mod tables;

pub use error::ViewsError;
pub use rows::{
    Crowd, DayRow, Demography, FundMonth, Group, LotSum, ShopDaySums, StationMonth, Summary, Use,
};
use store::PROGRESS_KEY;
pub use store::{Views, delete};
use tables::Changes;

/// The views' folder within the data folder.
pub const VIEWS_FOLDER: &str = "views";
/// Entries that one call of [`Views::apply`] should take: a batch costs the same for one entry as
/// for many.
pub const RUN_ENTRIES_MAX: usize = 4_096;

impl Views {
    /// Applies entries in order, from [`Views::applied`] on, all or none of them.
    ///
    /// # Errors
    /// [`ViewsError`]; the views are as before.
    pub fn apply(&self, entries: &[Accounting]) -> Result<(), ViewsError> {
        let mut progress = *self.progress();
        let mut changes = Changes::over(&self.db);
        for entry in entries {
            if entry.seq != progress.applied {
                let (due, found) = (progress.applied, entry.seq);
                return Err(ViewsError::NotInSequence { due, found });
            }
            fold::apply(entry, &mut changes)?;
            let day = entry.accepted_day();
            progress.applied = Seq(entry.seq.0 + 1);
            progress.first_day = progress.first_day.or(Some(day));
            progress.last_day = Some(day);
        }
        let mut batch = changes.into_batch();
        batch.insert(PROGRESS_KEY, cbor::to_bytes(&progress));
        // One batch is one record of the tree's own log: a crash keeps all of it or nothing.
        self.db.apply_batch(batch)?;
        *self.progress() = progress;
        Ok(())
    }
}
