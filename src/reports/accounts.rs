//! What a ledger holds on accounts, as files that another programme can take over
//! (ledger-spec/07-files.md). Accounts are random numbers; no name and no measured value is in
//! them.

use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::kept;
use ledger_spec::points::Purse;
use ledger_spec::state::State;
use ledger_spec::time::Day;

use crate::csv::Table;

/// What the accounts hold, as files.
pub struct Holdings {
    /// What each account can spend, by purse.
    pub balances: String,
    /// The lots that this is made of.
    pub lots: String,
}

/// Balances and unexpired lots of every account on a day.
#[must_use]
pub fn holdings(state: &State, today: Day) -> Holdings {
    let (mut balances, mut lots) = (Table::default(), Table::default());
    balances.line(&["account", "purse", "points"]);
    lots.line(&["account", "purse", "fund", "expires_on", "points"]);
    for (id, account) in &state.accounts {
        let id = id.to_string();
        for purse in Purse::ALL {
            let points = account.available(*purse, today).to_string();
            balances.line(&[&id, purse.name(), &points]);
        }
        for lot in account.lots.iter().filter(|lot| lot.key.expires_on >= today) {
            let (day, points) = (lot.key.expires_on.to_string(), lot.points.to_string());
            let (purse, fund) = (lot.key.purse.name(), lot.key.fund.name());
            lots.line(&[&id, purse, fund, &day, &points]);
        }
    }
    Holdings { balances: balances.into_text(), lots: lots.into_text() }
}

/// The history of all accounts, written as the log is read.
pub struct HistoryTable(Table);

impl Default for HistoryTable {
    fn default() -> Self {
        let mut table = Table::default();
        table.line(&[
            "seq",
            "accepted_on",
            "account",
            "kind",
            "purse",
            "fund",
            "expires_on",
            "points",
            "from_or_to",
        ]);
        Self(table)
    }
}

impl HistoryTable {
    /// Takes an entry over: one line for each posting; entries of accounts without one have a line
    /// without points, entries of no account none.
    pub fn read(&mut self, entry: &Accounting) {
        let Some(subject) = entry.subject else { return };
        let kind = kept::read(&entry.statement.0).map(|kept| kept.core.body.kind().name());
        let (seq, day) = (entry.seq.to_string(), entry.accepted_day().to_string());
        let (account, kind) = (subject.account.to_string(), kind.unwrap_or_default());
        let mut moved = false;
        for (lot, points, contra) in entry.postings() {
            moved = true;
            let (expires_on, points) = (lot.expires_on.to_string(), points.to_string());
            let (purse, fund) = (lot.purse.name(), lot.fund.name());
            let other = contra_text(contra);
            self.0.line(&[&seq, &day, &account, kind, purse, fund, &expires_on, &points, &other]);
        }
        if !moved {
            self.0.line(&[&seq, &day, &account, kind, "", "", "", "", ""]);
        }
    }

    /// The file's text.
    #[must_use]
    pub fn file(self) -> String {
        self.0.into_text()
    }
}

fn contra_text(contra: Contra) -> String {
    match contra {
        Contra::Budget(year) => format!("budget {year}"),
        Contra::Shop(shop) => format!("shop {shop}"),
        Contra::Held(hold) => format!("hold {}", hold.0),
        Contra::Retired => "retired".to_owned(),
        Contra::Challenge => "challenge".to_owned(),
        Contra::Expired => "expired".to_owned(),
        Contra::Imported => "imported".to_owned(),
    }
}
