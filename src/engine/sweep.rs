//! Finds the lots that have expired and are not on record yet, and what ends today of residents who
//! have asked that it be given away, some at a time. No balance depends on the first: an expired
//! lot counts no more from midnight on. The record makes the sums of the log whole.

use std::ops::Bound;

use ledger_spec::catalogue::Item;
use ledger_spec::cbor;
use ledger_spec::ids::{AccountId, LinkId};
use ledger_spec::kinds::{Body, Code, Expire, RewardClaim};
use ledger_spec::points::Points;
use ledger_spec::state::{Account, Lot, Overlay, State};
use ledger_spec::time::Day;

/// Statements made for one batch: whoever comes meanwhile waits for that batch alone.
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

/// A statement to make.
pub(super) struct Due {
    pub(super) body: Body,
    /// What its operation id is derived from.
    pub(super) about: Vec<u8>,
    /// The link by which the resident has asked for it.
    pub(super) link: Option<LinkId>,
}

impl Sweep {
    /// Whether a pass has more to look at.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// The next statements to make; begins the day's pass where that has not been done.
    pub(super) fn next(&mut self, state: &State, today: Day) -> Vec<Due> {
        if self.day != Some(today) {
            *self = Self { day: Some(today), last: None, under_way: true };
        }
        let mut due = Vec::new();
        if !self.under_way {
            return due;
        }
        let overlay = Overlay::over(state);
        let items = overlay.catalogue().into_iter().flat_map(|catalogue| &catalogue.items);
        let given = items.into_iter().find(|item| item.auto && item.is_offered(today));
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut accounts = state.accounts.range((after, Bound::Unbounded)).take(ACCOUNTS_MAX);
        while due.len() < LOTS_MAX {
            let Some((id, account)) = accounts.next() else { break };
            self.last = Some(*id);
            let expired = account.lots.iter().filter(|lot| lot.key.expires_on < today);
            due.extend(expired.filter_map(|lot| record(*id, account.entries, *lot)));
            due.extend(given.and_then(|item| give(*id, account, item, today)));
        }
        let rest = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        self.under_way = state.accounts.range((rest, Bound::Unbounded)).next().is_some();
        due
    }
}

fn record(account: AccountId, entries: u32, lot: Lot) -> Option<Due> {
    let body = Expire { account, lot: lot.key, points: Points::new(lot.points)? };
    let about = [&account.0[..], &entries.to_be_bytes(), &cbor::to_bytes(&lot.key)].concat();
    Some(Due { body: Body::Expire(body), about, link: None })
}

/// A claim of the item that is for what ends, where the resident has asked for it.
fn give(id: AccountId, account: &Account, item: &Item, today: Day) -> Option<Due> {
    let asked = account.auto_exchange.filter(|asked| today <= asked.until)?;
    let points = Points::new(account.ending(item.points, today))?;
    let body = RewardClaim { item: Code::new(&item.code)?, points, code: None };
    let about = [&id.0[..], &account.entries.to_be_bytes()].concat();
    Some(Due { body: Body::RewardClaim(body), about, link: Some(asked.link) })
}
