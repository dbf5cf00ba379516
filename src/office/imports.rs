//! What happened to whom becomes rows, by kind, for `kenmai sign-rows`.

use std::collections::BTreeMap;

use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::ids::{AccountId, PlaceId, Seq};
use ledger_spec::kinds::{AgeTier, Status};
use ledger_spec::state::{Overlay, State};
use ledger_spec::time::Day;
use serde_json::{Map as Json, Value, json};

use crate::adapters::city_file::{Event, FileRead, Place, Refused, What};
use crate::csv::Table;
use crate::registry::{Registry, RegistryError};

/// Why a file gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// Facts need the day on which ages count.
    #[error("no programme is published, and it names the day on which ages count")]
    NoProgramme,
}

/// The rows of a file.
#[derive(Debug, Default)]
pub struct Imported {
    /// By kind, in the order of the file.
    pub rows: BTreeMap<&'static str, Vec<Value>>,
    /// Persons of a roster who have their account already.
    pub known: u64,
}

/// Makes the rows of what was read; a person whom the registry does not know is refused in `read`,
/// or gets an account where the file is a roster. `text` is what a resident is told of a change
/// of standing.
///
/// # Errors
/// [`ImportError`]; then there may be accounts in the registry without a row, which harm nobody.
pub fn take(
    read: &mut FileRead,
    registry: &Registry,
    state: &State,
    today: Day,
    text: Option<&str>,
) -> Result<Imported, ImportError> {
    let age_on = age_on(state, today);
    let of_facts = |(_, event): &(Place, Event)| matches!(event.what, What::Facts { .. });
    if age_on.is_none() && read.events.iter().any(of_facts) {
        return Err(ImportError::NoProgramme);
    }
    let (mut imported, mut fresh) = (Imported::default(), Vec::new());
    for (place, Event { number, what }) in std::mem::take(&mut read.events) {
        let account = registry.account_of_number(&number)?;
        if what == What::Listed {
            let account = match account {
                Some(account) if state.accounts.contains_key(&account) => {
                    imported.known += 1;
                    continue;
                }
                Some(account) => account,
                None => random_account()?,
            };
            fresh.push((account, number));
            let row = json!({"account": account.to_string()});
            imported.rows.entry("account.open").or_default().push(row);
            continue;
        }
        match account {
            Some(account) => {
                let (kind, row) = row(account, &what, text, age_on);
                imported.rows.entry(kind).or_default().push(row);
            }
            None => read.refused.push(Refused::unknown_person(place)),
        }
    }
    // Registry first, then log: an account whose row never comes harms nobody.
    let accounts: Vec<AccountId> = fresh.iter().map(|(account, _)| *account).collect();
    registry.ensure_data_keys(&accounts)?;
    registry.put_numbers(&fresh)?;
    Ok(imported)
}

fn random_account() -> Result<AccountId, ImportError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    Ok(AccountId(id))
}

/// The day on which ages count: of the programme in force, or else of the latest.
fn age_on(state: &State, today: Day) -> Option<Day> {
    let overlay = Overlay::over(state);
    let latest = state.programmes.values().next_back();
    overlay.programme_for(today).or(latest).map(|programme| programme.age_on)
}

fn row(
    account: AccountId,
    what: &What,
    text: Option<&str>,
    age_on: Option<Day>,
) -> (&'static str, Value) {
    let mut row = Json::new();
    row.insert("account".to_owned(), account.to_string().into());
    match what {
        What::Listed => ("account.open", row.into()),
        What::Facts { born, insurance, eligible_from, district } => {
            let tier = |on: Day| AgeTier::of_age(born.age_on(on));
            let age = age_on.map(|on| (tier(on), on));
            let (tier, on) = age.unwrap_or((AgeTier::Unknown, *eligible_from));
            row.insert("age_tier".to_owned(), json!(tier));
            row.insert("age_on".to_owned(), on.to_string().into());
            row.insert("insurance".to_owned(), json!(insurance));
            row.insert("eligible_from".to_owned(), eligible_from.to_string().into());
            row.insert("district".to_owned(), (*district).into());
            ("account.facts", row.into())
        }
        What::Standing(status, since) => {
            row.insert("status".to_owned(), status.0.name().into());
            row.insert("since".to_owned(), since.to_string().into());
            row.extend(text.map(|text| ("text".to_owned(), text.into())));
            ("account.status", row.into())
        }
        What::Action { action, exact_action, day, reference } => {
            row.insert("action".to_owned(), action.as_str().into());
            row.insert("performed_at_s".to_owned(), (day.start_ms() / 1_000).into());
            row.extend(
                exact_action.as_deref().map(|code| ("exact_action".to_owned(), code.into())),
            );
            let reference = reference.as_deref();
            row.extend(reference.map(|number| ("reference".to_owned(), number.into())));
            ("action", row.into())
        }
    }
}

/// The accounts of a file whose persons have died, with the day.
#[derive(Debug)]
pub struct Deaths(BTreeMap<AccountId, Day>);

/// What was redeemed on or after the day of a death. Of a redemption that was voided there are
/// both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose points.
    pub account: AccountId,
    /// The entry.
    pub seq: Seq,
    /// The day of its acceptance.
    pub day: Day,
    /// The shop.
    pub shop: PlaceId,
    /// The points, negative where they went back.
    pub points: i64,
}

impl Deaths {
    /// The deaths that a file tells of.
    ///
    /// # Errors
    /// [`RegistryError::Database`]
    pub fn of(read: &FileRead, registry: &Registry) -> Result<Self, RegistryError> {
        let mut deaths = BTreeMap::new();
        for (_, Event { number, what }) in &read.events {
            if let What::Standing(status, day) = what
                && status.0 == Status::Deceased
                && let Some(account) = registry.account_of_number(number)?
            {
                deaths.insert(account, *day);
            }
        }
        Ok(Self(deaths))
    }

    /// Whether it tells of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What an entry redeemed of an account on or after the day of the death, shop by shop.
    #[must_use]
    pub fn spent(&self, entry: &Accounting) -> Vec<Spent> {
        let (seq, day) = (entry.seq, entry.accepted_day());
        let account = entry.subject.map(|subject| subject.account);
        let dead = |account: &AccountId| self.0.get(account).is_some_and(|death| day >= *death);
        let Some(account) = account.filter(dead) else { return Vec::new() };
        let mut shops: BTreeMap<PlaceId, i64> = BTreeMap::new();
        for (_, points, contra) in entry.postings() {
            if let Contra::Shop(shop) = contra {
                *shops.entry(shop).or_default() -= points;
            }
        }
        let spent = |(shop, points)| Spent { account, seq, day, shop, points };
        shops.into_iter().map(spent).collect()
    }
}

/// The list of what was spent after deaths, for spreadsheets.
#[must_use]
pub fn spent_csv(spent: &[Spent]) -> String {
    let mut table = Table::default();
    table.line(&["account", "seq", "day", "shop", "points"]);
    for Spent { account, seq, day, shop, points } in spent {
        let cells: [&dyn std::fmt::Display; 5] = [account, seq, day, shop, points];
        table.line(&cells.map(|cell| cell.to_string()));
    }
    table.into_text()
}
