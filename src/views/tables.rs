//! The tables in one sled tree: typed reads, and a layer of changes that becomes one batch.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use ledger_spec::caps::Channel;
use ledger_spec::cbor::{self, Reader, Wire, Writer};
use ledger_spec::ids::{AccountId, Kid, PlaceId, Seq};
use ledger_spec::points::Fund;
use ledger_spec::time::Day;
use sled::{Batch, Db};

use super::error::ViewsError;
use super::rows::{
    DayRow, Demography, FundMonth, Group, RowKey, ShopDaySums, StationMonth, Summary, Use,
};

/// The numbers of the tables that are also read in part.
const SHOP_DAYS: u8 = 2;
const SHOP_ENTRIES: u8 = 13;

/// The bytes of a row's key.
fn key_bytes<K: RowKey>(table: u8, key: &K) -> Vec<u8> {
    let mut writer = Writer::default();
    key.put(&mut writer);
    let mut bytes = vec![table];
    bytes.extend(writer.into_bytes());
    bytes
}

/// A row, or its default.
fn read<K: RowKey, R: Wire + Default>(db: &Db, table: u8, key: &K) -> Result<R, ViewsError> {
    match db.get(key_bytes(table, key))? {
        Some(bytes) => Ok(cbor::from_bytes(&bytes)?),
        None => Ok(R::default()),
    }
}

/// All rows of a table.
fn scan<K: RowKey, R: Wire>(db: &Db, table: u8) -> Result<BTreeMap<K, R>, ViewsError> {
    let mut rows = BTreeMap::new();
    for row in db.scan_prefix([table]) {
        let (key, row) = row?;
        let mut reader = Reader::new(key.get(1..).unwrap_or_default());
        let key = K::take(&mut reader)?;
        reader.end()?;
        rows.insert(key, cbor::from_bytes(&row)?);
    }
    Ok(rows)
}

macro_rules! tables {
    ($($(#[$doc:meta])* [$number:expr] $field:ident: $key:ty => $row:ty),+ $(,)?) => {
        /// What a batch changes, over what the tree holds.
        pub(super) struct Changes<'a> {
            db: &'a Db,
            $($field: BTreeMap<$key, $row>,)+
        }

        impl<'a> Changes<'a> {
            pub(super) fn over(db: &'a Db) -> Self {
                Self { db, $($field: BTreeMap::new(),)+ }
            }

            $($(#[$doc])* pub(super) fn $field(&mut self, key: $key) -> Result<&mut $row, ViewsError> {
                match self.$field.entry(key) {
                    Entry::Occupied(row) => Ok(row.into_mut()),
                    Entry::Vacant(place) => {
                        let row = read(self.db, $number, place.key())?;
                        Ok(place.insert(row))
                    }
                }
            })+

            /// Everything changed, as one batch.
            pub(super) fn into_batch(self) -> Batch {
                let mut batch = Batch::default();
                $(for (key, row) in &self.$field {
                    batch.insert(key_bytes($number, key), cbor::to_bytes(row));
                })+
                batch
            }
        }

        impl super::store::Views {
            $($(#[$doc])*
            ///
            /// # Errors
            /// [`ViewsError`]
            pub fn $field(&self) -> Result<BTreeMap<$key, $row>, ViewsError> {
                scan(&self.db, $number)
            })+

            /// A shop's redemptions of a day.
            ///
            /// # Errors
            /// [`ViewsError`]
            pub fn shop_day(&self, shop: PlaceId, day: Day) -> Result<ShopDaySums, ViewsError> {
                read(&self.db, SHOP_DAYS, &(shop, day))
            }

            /// The entries of a range that moved a shop's points, in order.
            ///
            /// # Errors
            /// [`ViewsError`]
            pub fn entries_of_shop(
                &self,
                shop: PlaceId,
                range: Range<Seq>,
            ) -> Result<Vec<Seq>, ViewsError> {
                let mut prefix = vec![SHOP_ENTRIES];
                prefix.extend(cbor::to_bytes(&shop));
                let mut found: Vec<Seq> = Vec::new();
                for row in self.db.scan_prefix(prefix) {
                    found.extend(cbor::from_bytes::<Vec<Seq>>(&row?.1)?);
                }
                found.retain(|seq| range.contains(seq));
                found.sort_unstable();
                Ok(found)
            }
        }
    };
}

tables! {
    /// Accounts, as far as the other tables need them.
    [1] summaries: AccountId => Summary,
    /// Shops' days.
    [SHOP_DAYS] shop_days: (PlaceId, Day) => ShopDaySums,
    /// Persons with an action, by the Monday of the week.
    [3] weeks: Day => u32,
    /// Persons with an action of a group, or of any, by the first day of the month.
    [4] cells: (Day, Group, Demography) => u32,
    /// Actions by channel, by the first day of the month.
    [5] channels: (Day, Channel) => Use,
    /// Actions by station, by the first day of the month.
    [6] stations: StationMonth => Use,
    /// Points by fund, by the first day of the month.
    [7] funds: (Day, Fund) => FundMonth,
    /// What the lots of a fund and last day gained or lost in a month, by its first day.
    [8] lots: (Day, Fund, Day) => i64,
    /// Accounts that hold points of a fund and last day.
    [9] holders: (Fund, Day) => u32,
    /// Closed days.
    [10] days: Day => DayRow,
    /// Funds that were ever given a budget, with the day of the first; 0 stands for none.
    [11] budgets: Fund => u32,
    /// Where the keys of stations stand.
    [12] station_keys: Kid => Option<PlaceId>,
    /// The entries of a shop's day that moved its points: a list in one row, so that a statement of
    /// a month need not read the log of the whole city.
    [SHOP_ENTRIES] shop_entries: (PlaceId, Day) => Vec<Seq>,
    /// Actions that wait for a second person, by their proposals.
    [14] proposed_actions: Seq => Group,
}
