//! National holidays and the days on which banks move money.
//!
//! Holidays follow 国民の祝日に関する法律 as it stands from 2020 on, with the days that the Olympic years
//! moved (令和三年オリンピック・パラリンピック特別措置法). The equinoxes are those that the National Astronomical
//! Observatory's almanac gives; the formula for them holds until 2099. Banks rest on Saturdays,
//! Sundays, national holidays and from 31 December to 3 January (銀行法施行令第五条).

use ledger_spec::time::{Day, Month};

/// A transfer is due on this bank business day after the end of the month.
pub const TRANSFER_BUSINESS_DAY: u32 = 5;

const SUNDAY: u32 = 0;
const MONDAY: u32 = 1;
const SATURDAY: u32 = 6;

/// Month and day of the holidays that have a fixed one.
const FIXED: [(u32, u32); 9] =
    [(1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (11, 3), (11, 23)];

/// Month and number of the holidays that lie on a Monday.
const MONDAYS: [(u32, u32); 2] = [(1, 2), (9, 3)];

/// Days from Sunday on.
fn weekday(day: Day) -> u32 {
    // 1970-01-01 was a Thursday.
    (day.0 + 4) % 7
}

/// The day of March or September on which the sun crosses the equator, with what the formula adds
/// for it in 1980.
fn equinox(year: u32, millionths_in_1980: u32) -> u32 {
    let years = year.saturating_sub(1980);
    (millionths_in_1980 + 242_194 * years) / 1_000_000 - years / 4
}

/// A holiday by its own right, not for the sake of others around it.
fn is_own_holiday(day: Day) -> bool {
    let (year, month, date) = day.ymd();
    let is_monday = |number| weekday(day) == MONDAY && date.div_ceil(7) == number;
    let moved = match (year, month) {
        (2020, 7) => Some(matches!(date, 23 | 24)),
        (2020, 8) => Some(date == 10),
        (2021, 7) => Some(matches!(date, 22 | 23)),
        (2021, 8) => Some(date == 8),
        (2020 | 2021, 10) => Some(false),
        (_, 7) => Some(is_monday(3)),
        (_, 8) => Some(date == 11),
        (_, 10) => Some(is_monday(2)),
        _ => None,
    };
    moved.unwrap_or_else(|| {
        FIXED.contains(&(month, date))
            || MONDAYS.iter().any(|(of, number)| *of == month && is_monday(*number))
            || (month == 3 && date == equinox(year, 20_843_100))
            || (month == 9 && date == equinox(year, 23_248_800))
    })
}

/// A national holiday: by its own right, in the place of one that fell on a Sunday, or between two.
#[must_use]
pub fn is_national_holiday(day: Day) -> bool {
    if is_own_holiday(day) {
        return true;
    }
    let between = is_own_holiday(day.minus(1)) && is_own_holiday(day.plus(1));
    // The first day after a Sunday's holiday that is no holiday itself.
    let mut before = day.minus(1);
    while is_own_holiday(before) && weekday(before) != SUNDAY {
        before = before.minus(1);
    }
    let substitute = is_own_holiday(before) && weekday(day) != SUNDAY;
    substitute || (between && weekday(day) != SUNDAY)
}

/// Whether banks move money on a day.
#[must_use]
pub fn is_business_day(day: Day) -> bool {
    let (_, month, date) = day.ymd();
    let new_year = matches!((month, date), (12, 31) | (1, 1..=3));
    !new_year && ![SUNDAY, SATURDAY].contains(&weekday(day)) && !is_national_holiday(day)
}

/// The first bank business day from a day on.
#[must_use]
pub fn business_day_from(mut day: Day) -> Day {
    while !is_business_day(day) {
        day = day.plus(1);
    }
    day
}

/// The day on which to transfer what shops are due for a month: the [`TRANSFER_BUSINESS_DAY`]th
/// bank business day after its end, or the next after `today` where that one is not to come.
#[must_use]
pub fn transfer_day(month: Month, today: Day) -> Day {
    let mut day = month.last_day();
    for _ in 0..TRANSFER_BUSINESS_DAY {
        day = business_day_from(day.plus(1));
    }
    if day > today { day } else { business_day_from(today.plus(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[track_caller]
    fn check(year: u32, expected: &str) {
        let first = Day::from_ymd(year, 1, 1).expect("a year");
        let days = (0..366).map(|n| first.plus(n)).filter(|day| day.ymd().0 == year);
        let found = days.filter(|day| is_national_holiday(*day));
        let found: Vec<String> = found.map(|day| day.to_string()[5..].to_owned()).collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn holidays_of_some_years() {
        check(
            2020,
            "01-01 01-13 02-11 02-23 02-24 03-20 04-29 05-03 05-04 05-05 05-06 07-23 07-24 08-10 09-21 09-22 11-03 11-23",
        );
        // 22 September 2026 lies between two holidays.
        check(
            2026,
            "01-01 01-12 02-11 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 10-12 11-03 11-23",
        );
    }

    #[test]
    fn a_transfer_is_due_on_the_fifth_business_day() {
        let check = |month, today, expected: &str| {
            let month = Month::parse(month).expect("a month");
            assert_eq!(transfer_day(month, day(today)).to_string(), expected);
        };
        check("2026-10", "2026-11-01", "2026-11-09");
        check("2026-12", "2027-01-01", "2027-01-08");
        check("2027-04", "2027-05-01", "2027-05-12");
        // Too late for that day: the next after today.
        check("2026-10", "2026-11-09", "2026-11-10");
        check("2026-10", "2026-12-30", "2027-01-04");
    }
}
