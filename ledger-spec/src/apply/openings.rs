//! What opening budgets and the lots that come out of them change.

use super::checks::{Broken, subject_of, unseen};
use crate::entry::{Accounting, Contra};
use crate::kinds::Code;
use crate::points::Fund;
use crate::state::{Opening, Overlay};
use crate::time::Day;

/// What may be brought from a system grows, and has this last day from here on.
pub(super) fn allocate(
    source: &Code,
    fund: Fund,
    points: u32,
    until: Day,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let key = (source.clone(), fund);
    let before = state.openings(&key).copied();
    let (allocated, brought) = before.map_or((0, 0), |row| (row.allocated, row.brought));
    let allocated = allocated + u64::from(points);
    state.top().openings.insert(key, Opening { allocated, brought, until });
    Ok(())
}

/// Charges what the entry brings to the opening budgets of its source, each lot once.
pub(super) fn bring(
    entry: &Accounting,
    source: &Code,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let account = subject_of(entry)?;
    for (lot, points, contra) in entry.postings() {
        unseen(contra == Contra::Imported, "contra account")?;
        let key = (source.clone(), lot.fund);
        let row = *state.openings(&key).ok_or(Broken::Unfit("opening budget"))?;
        let brought = row.brought.checked_add_signed(points);
        let brought = brought.filter(|brought| *brought <= row.allocated);
        let brought = brought.ok_or(Broken::Negative("opening budget"))?;
        state.top().openings.insert(key, Opening { brought, ..row });
        let key = (account, (source.clone(), lot));
        unseen(state.brought(&key).is_none(), "lot")?;
        state.top().brought.insert(key, entry.seq);
    }
    Ok(())
}
