//! The rows of the views, and their bytes: CBOR arrays under a key that begins with the table's
//! number.

use ledger_spec::caps::Channel;
use ledger_spec::cbor::{CborError, Reader, Wire, Writer};
use ledger_spec::ids::{AccountId, Kid, PlaceId, Seq};
use ledger_spec::kinds::{AgeTier, Code};
use ledger_spec::points::{Fund, LotKey};
use ledger_spec::public::SMALL_CELL;
use ledger_spec::time::Day;

/// The most accounts that a [`Crowd`] names. Twice what a published figure needs, so that a few
/// voids do not hide it.
const CROWD_MAX: usize = 2 * SMALL_CELL as usize;

/// A struct of public fields whose form is an array of them in order.
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis struct $name { $($(#[$field_meta])* pub $field: $ty),+ }

        impl Wire for $name {
            fn write(&self, writer: &mut Writer) {
                writer.array([$(stringify!($field)),+].len() as u64);
                $(self.$field.write(writer);)+
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                reader.array_of([$(stringify!($field)),+].len(), stringify!($name))?;
                Ok(Self { $($field: Wire::read(reader)?),+ })
            }
        }
    };
}

row!(
    /// What the cubes need to count an account once a period. The account's number is the key.
    pub struct Summary {
        /// District number of the person, 0 if not known.
        district: u32,
        /// Age group of the person.
        age_tier: AgeTier,
        /// The Monday of the last week in which the account was counted.
        week: Day,
        /// The first day of the last month in which the account was counted.
        month: Day,
        /// The district in which it was counted in that month: the one at its first action.
        month_district: u32,
        /// The age group in which it was counted in that month.
        month_tier: AgeTier,
        /// The groups of actions in which it was counted in that month.
        groups: Vec<Code>,
        /// What the account holds of the yen purse, summed by fund and last day.
        lots: Vec<LotSum>,
    }
);

row!(
    /// Points of one fund and last day.
    pub struct LotSum {
        /// Who pays.
        fund: Fund,
        /// The last day on which they can be spent.
        expires_on: Day,
        /// The points.
        points: i64,
    }
);

row!(
    /// A shop's redemptions of one day that stand.
    #[derive(Copy, Default)]
    pub struct ShopDaySums {
        /// Redemptions less voids.
        count: u32,
        /// Their points.
        points: i64,
    }
);

row!(
    /// What a place or a channel was used for in a month.
    #[derive(Default)]
    pub struct Use {
        /// Actions.
        actions: u64,
        /// Who acted.
        crowd: Crowd,
    }
);

row!(
    /// What a fund gave and paid in a month.
    #[derive(Default)]
    pub struct FundMonth {
        /// Points granted less those taken back, and opening points from other systems.
        granted: i64,
        /// Who was granted some.
        earners: Crowd,
        /// Points redeemed, less voids.
        redeemed: i64,
        /// Who redeemed some.
        spenders: Crowd,
        /// Points given back by refunds; those redeemed stay as they were.
        refunded: i64,
        /// Who got some back.
        refunders: Crowd,
    }
);

row!(
    /// A closed day's public totals, as far as participation has to keep clear of them.
    #[derive(Default)]
    pub struct DayRow {
        /// Accounts with an entry, as the day's closing counts them; `None` while the day is open.
        accounts: Option<u32>,
        /// Who was granted points of the yen purse.
        earners: Crowd,
        /// Who redeemed some.
        spenders: Crowd,
    }
);

row!(
    /// One cell of a month: persons of a district and an age group who did an action of a group.
    #[derive(Copy, PartialOrd, Ord)]
    pub struct Demography {
        /// District number.
        district: u32,
        /// Age group.
        age_tier: AgeTier,
    }
);

row!(
    /// How far the views are.
    #[derive(Copy)]
    pub(super) struct Applied {
        /// The form of the rows.
        version: u64,
        /// The ledger.
        ledger: ledger_spec::ids::LedgerId,
        /// The next entry to apply.
        applied: ledger_spec::ids::Seq,
        /// The days of the first and of the last entry applied; `None` before any.
        first_day: Option<Day>,
        /// See there.
        last_day: Option<Day>,
    }
);

impl LotSum {
    pub(super) fn is_of(&self, lot: &LotKey) -> bool {
        (self.fund, self.expires_on) == (lot.fund, lot.expires_on)
    }
}

impl Use {
    pub(super) fn count(&mut self, account: AccountId) {
        self.actions += 1;
        self.crowd.join(account);
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            district: 0,
            age_tier: AgeTier::Unknown,
            week: Day(0),
            month: Day(0),
            month_district: 0,
            month_tier: AgeTier::Unknown,
            groups: Vec::new(),
            lots: Vec::new(),
        }
    }
}

/// Some of the accounts that stand behind a figure: all of them while they are few, and otherwise
/// enough to know that they are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd(pub Vec<AccountId>);

impl Crowd {
    /// An account joins.
    pub(super) fn join(&mut self, account: AccountId) {
        if self.0.len() < CROWD_MAX && !self.0.contains(&account) {
            self.0.push(account);
        }
    }

    /// What an account did was undone. It leaves even if it did more: a figure is rather hidden
    /// than shown of too few.
    pub(super) fn leave(&mut self, account: AccountId) {
        self.0.retain(|other| *other != account);
    }

    /// Whether enough persons for a published figure stand here.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.0.len() >= SMALL_CELL as usize
    }
}

impl Wire for Crowd {
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Wire::read(reader).map(Self)
    }
}

/// A key of two or three parts.
pub(super) trait RowKey: Sized + Ord + Clone {
    fn put(&self, writer: &mut Writer);
    fn take(reader: &mut Reader<'_>) -> Result<Self, CborError>;
}

macro_rules! single_keys {
    ($($ty:ty),+) => {$(
        impl RowKey for $ty {
            fn put(&self, writer: &mut Writer) {
                self.write(writer);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                Wire::read(reader)
            }
        }
    )+};
}
single_keys!(AccountId, Day, Fund, Kid, Seq);

macro_rules! joint_keys {
    ($(($($part:ident: $ty:ty),+)),+ $(,)?) => {$(
        impl RowKey for ($($ty),+) {
            fn put(&self, writer: &mut Writer) {
                let ($($part),+) = self;
                $($part.write(writer);)+
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                Ok(($(<$ty as Wire>::read(reader)?),+))
            }
        }
    )+};
}
joint_keys!(
    (shop: PlaceId, day: Day),
    (month: Day, group: Group, cell: Demography),
    (month: Day, channel: Channel),
    (month: Day, fund: Fund),
    (fund: Fund, expires_on: Day),
    (month: Day, fund: Fund, expires_on: Day),
);

/// A group of actions, or any of them.
pub type Group = Option<Code>;

/// A station's month has its own key type, so that it is not mistaken for a shop's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StationMonth {
    /// The first day of the month.
    pub month: Day,
    /// The station.
    pub station: PlaceId,
}

impl RowKey for StationMonth {
    fn put(&self, writer: &mut Writer) {
        self.month.write(writer);
        self.station.write(writer);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self { month: Wire::read(reader)?, station: Wire::read(reader)? })
    }
}
