//! Points, purses, funds and lots: whole numbers only.

use crate::cbor::{CborError, Reader, Wire, Writer, wire_array, wire_code};
use crate::time::Day;

/// The most points one posting can move.
pub const POINTS_MAX: u32 = 100_000;

/// Points that a statement moves: 1 to [`POINTS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(u32);

impl Points {
    /// Checks the range.
    #[must_use]
    pub fn new(points: u32) -> Option<Self> {
        (1..=POINTS_MAX).contains(&points).then_some(Self(points))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Wire for Points {
    fn write(&self, writer: &mut Writer) {
        writer.uint(u64::from(self.0));
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Self::new(reader.points()?).ok_or(CborError::Points)
    }
}

wire_code!(
    /// What points are for.
    Purse {
        /// One point is one yen at a partner shop.
        Yen = 1,
        /// Counts towards perk card and lottery; no shop takes it.
        Challenge = 2,
    }
);

wire_code!(
    /// Who pays for points. Money of different funds never mixes.
    Fund {
        /// The city's general account.
        General = 1,
        /// National health insurance.
        Nhi = 2,
        /// Long-term care insurance.
        CareInsurance = 3,
        /// Employers.
        Employer = 4,
        /// Nobody: the challenge purse.
        None = 5,
    }
);

wire_array!(
    /// What makes points the same lot: grants with equal keys add up.
    #[derive(Copy, PartialOrd, Ord)]
    LotKey {
        /// What the points are for.
        purse: Purse,
        /// Who pays for them.
        fund: Fund,
        /// The last day on which they can be spent.
        expires_on: Day,
    }
);
