//! Days of Japan. Time itself is passed in, as milliseconds since 1970-01-01T00:00:00Z.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde_json::Value;

use crate::cbor::wire_newtype;
use crate::json::{FromJson, Mismatch, json_newtype};

/// Japan is nine hours ahead of UTC all year; it has no daylight saving time (明治二十八年勅令第百六十七号).
pub const JST_OFFSET_MS: u64 = 9 * 3_600_000;

const DAY_MS: u64 = 86_400_000;

/// A civil day in Japan, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);
wire_newtype!(Day);

impl Day {
    /// The Japanese day of an instant.
    #[must_use]
    pub fn of_ms(unix_ms: u64) -> Self {
        let japan_ms = unix_ms.saturating_add(JST_OFFSET_MS);
        Self(u32::try_from(japan_ms / DAY_MS).unwrap_or(u32::MAX))
    }

    /// The first instant of the day in Japan; 1970-01-01 begins before the epoch and gives 0.
    #[must_use]
    pub fn start_ms(self) -> u64 {
        (u64::from(self.0) * DAY_MS).saturating_sub(JST_OFFSET_MS)
    }

    /// The day with these numbers in the Gregorian calendar, if there is one from 1970 on.
    #[must_use]
    pub fn from_ymd(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        // Years that begin in March put the leap day at the end (Howard Hinnant,
        // "days_from_civil").
        let (shifted_year, shifted_month) =
            if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
        let found = Self((shifted_year * 365 + leap_days + day_of_year).checked_sub(719_468)?);
        // A day past the end of its month comes back as another date.
        (found.ymd() == (year, month, day)).then_some(found)
    }

    /// Year, month (1-12) and day of the month (1-31).
    #[must_use]
    pub fn ymd(self) -> (u32, u32, u32) {
        // Statements carry any 32 bits as a day: the sum must not overflow.
        let days = self.0.saturating_add(719_468);
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u32::from(month <= 2);
        (year, month, day)
    }

    /// The fiscal year, named by the year in which it begins on 1 April (財政法第十一条).
    #[must_use]
    pub fn fiscal_year(self) -> u32 {
        let (year, month, _) = self.ymd();
        if month >= 4 { year } else { year - 1 }
    }

    /// The first day of the month.
    #[must_use]
    pub fn month_start(self) -> Self {
        let (_, _, day) = self.ymd();
        Self(self.0 - (day - 1))
    }

    /// The first day of the fiscal year.
    #[must_use]
    pub fn fiscal_year_start(self) -> Self {
        Self::fiscal_year_first(self.fiscal_year())
    }

    /// 1 April of a fiscal year.
    #[must_use]
    pub fn fiscal_year_first(fiscal_year: u32) -> Self {
        Self::from_ymd(fiscal_year, 4, 1).unwrap_or(Self(u32::MAX))
    }

    /// Monday of the week.
    #[must_use]
    pub fn week_start(self) -> Self {
        // 1970-01-01 was a Thursday.
        self.minus((self.0 + 3) % 7)
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The day so many days earlier.
    #[must_use]
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Reads `YYYY-MM-DD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: &str, digits: usize| {
            let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let mut parts = text.splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        Self::from_ymd(number(year, 4)?, number(month, 2)?, number(day, 2)?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromJson for Day {
    fn due() -> String {
        "a day YYYY-MM-DD".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        json.as_str().and_then(Self::parse).ok_or(Mismatch::Form)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A date of birth, which may lie before the first [`Day`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BirthDate {
    year: u32,
    month: u32,
    day: u32,
}

impl BirthDate {
    /// The date with these numbers in the Gregorian calendar, if there is one.
    #[must_use]
    pub fn from_ymd(year: u32, month: u32, day: u32) -> Option<Self> {
        // The calendar repeats after 400 years, and days count from 1970 on.
        let shifted = if (1600..1970).contains(&year) { year + 400 } else { year };
        Day::from_ymd(shifted, month, day).map(|_| Self { year, month, day })
    }

    /// The age in years on a day. A year of life is complete with the end of the day before the
    /// birthday (年齢計算ニ関する法律, 民法第百四十三条): who was born on 1 April is a year older on 31 March
    /// already, and who was born on 29 February on 28 February.
    #[must_use]
    pub fn age_on(self, day: Day) -> u32 {
        let (year, month, date) = day.plus(1).ymd();
        year.saturating_sub(self.year + u32::from((month, date) < (self.month, self.day)))
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A calendar month of Japan: year × 12 + month − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub u32);
wire_newtype!(Month);
json_newtype!(Month);

impl Month {
    /// The month that a day lies in.
    #[must_use]
    pub fn of(day: Day) -> Self {
        let (year, month, _) = day.ymd();
        Self(year.saturating_mul(12).saturating_add(month - 1))
    }

    /// Its first day; the end of time for a month that the calendar does not reach.
    #[must_use]
    pub fn first_day(self) -> Day {
        Day::from_ymd(self.0 / 12, self.0 % 12 + 1, 1).unwrap_or(Day(u32::MAX))
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Day {
        self.next().first_day().minus(1)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Reads `YYYY-MM`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 7).then(|| Day::parse(&alloc::format!("{text}-01"))).flatten().map(Self::of)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a day is written YYYY-MM-DD"))
    }
}
