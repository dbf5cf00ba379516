//! What shops took in, until it is settled: rows of the state.

use crate::cbor::wire_array;
use crate::ids::{PlaceId, Seq};
use crate::kinds::SettlementClose;
use crate::points::FundSums;
use crate::time::{Day, Month};

wire_array!(
    /// What a shop took in.
    #[derive(Default)]
    Shop {
        /// Points spent here less those that came back, since the beginning.
        total: u64,
        /// The same since the last settlement, by fund.
        points: FundSums,
        /// What the last settlement left unpaid, by fund; together never above 0.
        carried: FundSums,
        /// The day of the last movement that is not settled.
        moved_on: Option<Day>,
        /// The first entry that is not settled.
        settled_until: Seq,
    }
);

impl Shop {
    /// The settlement that is due to the shop before `today`: of the month of its last movement,
    /// once that is over. `end` is the entry that will hold it. Whatever lies between the last
    /// settlement and that entry is in it, so every movement is in exactly one.
    #[must_use]
    pub fn settlement(&self, shop: PlaceId, end: Seq, today: Day) -> Option<SettlementClose> {
        let month = self.moved_on.map(Month::of).filter(|month| *month < Month::of(today))?;
        let due = self.points.plus(&self.carried)?.total();
        Some(SettlementClose {
            shop,
            month,
            first: self.settled_until,
            end,
            points: self.points.clone(),
            carried: self.carried.clone(),
            yen: u64::try_from(due.max(0)).unwrap_or(u64::MAX),
        })
    }
}

wire_array!(
    /// A settlement.
    #[derive(Copy)]
    Settlement {
        /// The shop.
        shop: PlaceId,
        /// The month.
        month: Month,
        /// The first entry of its range; its own entry ends it.
        first: Seq,
        /// Yen due.
        yen: u64,
        /// The entry that records its payment.
        paid: Option<Seq>,
    }
);
