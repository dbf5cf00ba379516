//! Finds the lots that have expired and are not on record yet, some at a time. No balance depends on it: an expired lot
//! counts no more from midnight on. The record makes the sums of the log whole.

use std::ops::Bound;

use ledger_spec::cbor;
use ledger_spec::ids::AccountId;
use ledger_spec::kinds::{Body, Expire};
use ledger_spec::points::Points;
use ledger_spec::rows::{Lot, Tables};
use ledger_spec::time::Day;

/// Lots recorded with one batch: whoever comes meanwhile waits for that batch alone.
const LOTS_MAX: usize = 256;
/// Accounts looked at for one batch.
const ACCOUNTS_MAX: usize = 20_000;

/// How far the pass of a day is. A lot can expire at midnight alone, so one pass a day is enough.
#[derive(Default)]
pub(super) struct Sweep {
    /// The day whose pass has begun.
    day: Option<Day>,
    /// The last account looked at.
    last: Option<AccountId>,
    under_way: bool,
}

/// A statement to make, and what its operation id is derived from.
pub(super) type Due = (Body, Vec<u8>);

impl Sweep {
    /// Whether a pass has more to look at.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// The next lots to record; begins the day's pass where that has not been done.
    pub(super) fn next(&mut self, state: &Tables, today: Day) -> Vec<Due> {
        if self.day != Some(today) {
            *self = Self { day: Some(today), last: None, under_way: true };
        }
        let mut due = Vec::new();
        if !self.under_way {
            return due;
        }
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut accounts = state.accounts.range((after, Bound::Unbounded)).take(ACCOUNTS_MAX);
        while due.len() < LOTS_MAX {
            let Some((id, account)) = accounts.next() else { break };
            self.last = Some(*id);
            let expired = account.lots.iter().filter(|lot| lot.key.expires_on < today);
            due.extend(expired.filter_map(|lot| statement(*id, account.entries, *lot)));
        }
        let rest = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        self.under_way = state.accounts.range((rest, Bound::Unbounded)).next().is_some();
        due
    }
}

fn statement(account: AccountId, entries: u32, lot: Lot) -> Option<Due> {
    let body = Expire { account, lot: lot.key, points: Points::new(lot.points)? };
    let subject = [&account.0[..], &entries.to_be_bytes(), &cbor::to_bytes(&lot.key)].concat();
    Some((Body::Expire(body), subject))
}
