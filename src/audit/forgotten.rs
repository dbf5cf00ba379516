//! Sealed parts that nobody can open any more: a key is destroyed by an entry of two persons, or
//! somebody has hidden what was sealed.

use std::collections::BTreeMap;
use std::path::Path;

use ledger_spec::entry::Accounting;
use ledger_spec::ids::{AccountId, Seq};
use ledger_spec::state::State;

use super::report::{Finding, HIDDEN};

/// The first such part of each account.
#[derive(Default)]
pub(super) struct Forgotten {
    first: BTreeMap<AccountId, Seq>,
}

impl Forgotten {
    pub(super) fn note(&mut self, accounting: &Accounting) {
        if let Some(subject) = accounting.subject {
            self.first.entry(subject.account).or_insert(accounting.seq);
        }
    }

    /// The accounts that the log has not erased.
    pub(super) fn hidden<'a>(
        &'a self,
        state: &'a State,
        folder: &'a Path,
    ) -> impl Iterator<Item = Finding> + 'a {
        let is_erased = |account: &AccountId| {
            let row = state.accounts.get(account);
            row.and_then(|row| row.closing).is_some_and(|closing| closing.erased)
        };
        let hidden = self.first.iter().filter(move |(account, _)| !is_erased(account));
        hidden.map(move |(_, seq)| Finding {
            seq: Some(*seq),
            path: folder.to_owned(),
            offset: None,
            reason: "its sealed part cannot be opened any more, and no account.erase in the log says why"
                .to_owned(),
            remedy: HIDDEN,
        })
    }
}
