//! Points, purses, funds and lots: whole numbers only.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use crate::cbor::{CborError, Reader, Wire, Writer, wire_array, wire_code};
use crate::json::{FromJson, Mismatch, json_code};
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

impl FromJson for Points {
    fn due() -> String {
        u64::due()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let points = u32::try_from(u64::from_json(json)?).ok();
        points.and_then(Self::new).ok_or(Mismatch::Value(CborError::Points))
    }
}

wire_code!(
    /// What points are for.
    Purse {
        /// One point is one yen at a partner shop.
        Yen = 1 "yen",
        /// Counts towards perk card and lottery; no shop takes it.
        Challenge = 2 "challenge",
    }
);

wire_code!(
    /// Who pays for points. Money of different funds never mixes.
    Fund {
        /// The city's general account.
        General = 1 "general",
        /// National health insurance.
        Nhi = 2 "nhi",
        /// Long-term care insurance.
        CareInsurance = 3 "care_insurance",
        /// Employers.
        Employer = 4 "employer",
        /// Nobody: the challenge purse.
        None = 5 "none",
    }
);

json_code!(Purse, Fund);

wire_array!(
    /// Points of one fund.
    #[derive(Copy)]
    FundPoints {
        /// Who pays for them.
        fund: Fund,
        /// The points, negative where more came back than was spent.
        points: i64,
    }
);

/// Points by fund, ascending; a fund of 0 points is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FundSums(Vec<FundPoints>);

impl FundSums {
    /// Adds points of a fund; `None`, and nothing changed, where the sum does not fit.
    #[must_use]
    pub fn add(&mut self, fund: Fund, points: i64) -> Option<()> {
        let at = self.0.binary_search_by_key(&fund, |row| row.fund);
        let before = at.ok().and_then(|at| self.0.get(at)).map_or(0, |row| row.points);
        let sum = FundPoints { fund, points: before.checked_add(points)? };
        match at {
            Ok(at) => self.0.get_mut(at).into_iter().for_each(|row| *row = sum),
            Err(at) => self.0.insert(at, sum),
        }
        self.0.retain(|row| row.points != 0);
        Some(())
    }

    /// The sums of both; `None` where one does not fit.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let mut sums = self.clone();
        other.rows().iter().try_for_each(|row| sums.add(row.fund, row.points))?;
        Some(sums)
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[FundPoints] {
        &self.0
    }

    /// The points of all funds.
    #[must_use]
    pub fn total(&self) -> i128 {
        self.0.iter().map(|row| i128::from(row.points)).sum()
    }
}

impl Wire for FundSums {
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let rows: Vec<FundPoints> = Wire::read(reader)?;
        let ascending = rows.is_sorted_by(|a, b| a.fund < b.fund);
        let sound = ascending && rows.iter().all(|row| row.points != 0);
        if sound { Ok(Self(rows)) } else { Err(CborError::NotDeterministic) }
    }
}

impl FromJson for FundSums {
    fn due() -> String {
        "funds with their points, such as {\"general\": 300}".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let mut sums = Self::default();
        for (fund, points) in json.as_object().ok_or(Mismatch::Form)? {
            let fund = Fund::from_json(&Value::from(fund.as_str()))?;
            sums.add(fund, i64::from_json(points)?).ok_or(Mismatch::Form)?;
        }
        Ok(sums)
    }
}

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

impl LotKey {
    /// The lot of an object that has so many members in all.
    pub(crate) fn of_members(json: &Value, count: usize) -> Result<Self, Mismatch> {
        let members = json.as_object().filter(|members| members.len() == count);
        let member = |name| members.and_then(|members| members.get(name)).ok_or(Mismatch::Form);
        Ok(Self {
            purse: Purse::from_json(member("purse")?)?,
            fund: Fund::from_json(member("fund")?)?,
            expires_on: Day::from_json(member("expires_on")?)?,
        })
    }
}

impl FromJson for LotKey {
    fn due() -> String {
        "{\"purse\", \"fund\", \"expires_on\"}".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        Self::of_members(json, 3)
    }
}
