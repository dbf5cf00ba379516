//! Which transfers a month's settlements take, and on which day.

use std::collections::BTreeMap;

use ledger_spec::ids::{Hash, PlaceId};
use ledger_spec::kinds::{Note, SettlementPaid};
use ledger_spec::time::{Day, Month};

use super::books::{Books, Settled};
use super::zengin::{BankAccount, Transfer};
use crate::bank_days::{business_day_from, is_business_day, transfer_day};

/// Why the transfers of a month cannot be named.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// No shop was ever settled.
    #[error("this ledger has no settlement")]
    NoSettlement,
    /// No shop was settled for the month.
    #[error(
        "there is no settlement of {0}; the ledger settles a month with its first entry after it"
    )]
    NoSettlementOf(Month),
    /// A shop that is due something has no bank account.
    #[error(
        "{shop} ({id}) has no bank account that two persons have set; `kenmai import shop-accounts` makes the statement, one \
         signs it and another approves"
    )]
    NoAccount {
        /// Its name.
        shop: String,
        /// Its place.
        id: PlaceId,
    },
    /// What two persons have set is not in the registry, whatever else is.
    #[error(
        "the registry has no bank account of {shop} ({id}) with the hash that two persons have set, and no other is paid; \
         restore the registry, or import the account again with `kenmai import shop-accounts` and have it approved"
    )]
    OtherAccount {
        /// Its name.
        shop: String,
        /// Its place.
        id: PlaceId,
    },
    /// A statement does not hold the bank's reference.
    #[error("a reference is 1 to 400 bytes without control characters")]
    Reference,
    /// Banks are closed.
    #[error("banks do not work on {date}; the next day they do is {next}")]
    NoBusinessDay {
        /// The day that was asked for.
        date: Day,
        /// The next on which they work.
        next: Day,
    },
}

/// The month asked for, or else the last one that has a settlement.
///
/// # Errors
/// [`TransferError::NoSettlement`] and [`TransferError::NoSettlementOf`]
pub fn settled_month(books: &Books, wanted: Option<Month>) -> Result<Month, TransferError> {
    let last = books.settlements(None).map(|settled| settled.close.month).max();
    let month = wanted.or(last).ok_or(TransferError::NoSettlement)?;
    let settled = books.settlements(Some(month)).next();
    settled.map(|_| month).ok_or(TransferError::NoSettlementOf(month))
}

/// The settlements of a month that wait for their payment.
pub fn unpaid(books: &Books, month: Month) -> impl Iterator<Item = &Settled> {
    let open = |settled: &&Settled| settled.paid_on.is_none() && settled.close.yen > 0;
    books.settlements(Some(month)).filter(open)
}

/// What records that the settlements of a month are paid: the body of a statement for each.
///
/// # Errors
/// [`TransferError::Reference`]
pub fn paid(
    books: &Books,
    month: Month,
    paid_on: Day,
    reference: &str,
) -> Result<Vec<SettlementPaid>, TransferError> {
    let reference = Note::new(reference).ok_or(TransferError::Reference)?;
    let body = |settled: &Settled| {
        let (settlement, reference) = (settled.seq, reference.clone());
        SettlementPaid { settlement, paid_on, reference }
    };
    Ok(unpaid(books, month).map(body).collect())
}

/// The day of the transfers: the one asked for, or else the fifth bank business day after the
/// month, or the next one to come.
///
/// # Errors
/// [`TransferError::NoBusinessDay`]
pub fn date(month: Month, today: Day, wanted: Option<Day>) -> Result<Day, TransferError> {
    let date = wanted.unwrap_or_else(|| transfer_day(month, today));
    if is_business_day(date) {
        Ok(date)
    } else {
        Err(TransferError::NoBusinessDay { date, next: business_day_from(date) })
    }
}

/// The transfers of a month, with the shops' `accounts` as the registry keeps them, of which those
/// count that two persons have set; the names of banks and branches stay empty.
///
/// # Errors
/// [`TransferError::NoAccount`] and [`TransferError::OtherAccount`]
pub fn due(
    books: &Books,
    month: Month,
    accounts: &BTreeMap<Hash, String>,
) -> Result<Vec<Transfer>, TransferError> {
    let transfer = |settled: &Settled| {
        let (id, shop) = (settled.close.shop, books.name(settled.close.shop));
        let Some(hash) = books.bank_account(id) else {
            return Err(TransferError::NoAccount { shop, id });
        };
        let to = accounts.get(hash).and_then(|text| BankAccount::of_text(text));
        let Some(to) = to else { return Err(TransferError::OtherAccount { shop, id }) };
        let (yen, settlement) = (settled.close.yen, settled.seq.0);
        Ok(Transfer { shop, to, bank_names: Default::default(), yen, settlement })
    };
    unpaid(books, month).map(transfer).collect()
}
