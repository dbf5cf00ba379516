//! Who lives in a demo city, and what each does in a week: all of it follows from the city's seed.

use ledger_spec::kinds::{AgeTier, Insurance};
use ledger_spec::time::Day;

use super::blueprint::{self, Blueprint, OPEN_PHONES};
use super::cast::Cast;

/// Reproducible chance for the demo's history (`SplitMix64`). Nothing secret depends on it.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn within(&mut self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.next() % u64::from(high - low + 1)).unwrap_or(0)
    }

    pub(super) fn chance(&mut self, permille: u32) -> bool {
        self.within(1, 1_000) <= permille
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for part in bytes.chunks_mut(8) {
            part.iter_mut().zip(self.next().to_be_bytes()).for_each(|(to, from)| *to = from);
        }
        bytes
    }
}

/// What people of an age do.
struct Habits {
    /// A visit to a station every so many weeks.
    visit_weeks: (u32, u32),
    /// Which day of the week, from Monday; parts of the sum.
    weekdays: [u32; 7],
    /// On a visit: vegetables, blood pressure, body composition.
    measures_permille: [u32; 3],
    /// A session with a coach in a week.
    session_permille: u32,
}

const SENIOR: Habits = Habits {
    visit_weeks: (2, 4),
    weekdays: [18, 17, 18, 17, 18, 8, 4],
    measures_permille: [900, 750, 350],
    session_permille: 46,
};
const ADULT: Habits = Habits {
    visit_weeks: (3, 5),
    weekdays: [9, 9, 10, 9, 11, 28, 24],
    measures_permille: [900, 450, 500],
    session_permille: 36,
};
const UNDER_18: Habits = Habits {
    visit_weeks: (3, 5),
    weekdays: [8, 8, 14, 8, 10, 28, 24],
    measures_permille: [950, 250, 350],
    session_permille: 32,
};

/// How many of those due come in each month of the year, from January: few in the cold and in the
/// summer holidays.
const SEASON_PERMILLE: [u32; 12] = [860, 880, 950, 1_000, 990, 960, 930, 870, 950, 1_000, 990, 930];
/// A visit to a shop in a week, by those who have a phone.
const SHOPPING_PERMILLE: u32 = 160;
/// At a station, those who have a phone show its code rather than their card.
const PHONE_CODE_PERMILLE: u32 = 550;
/// At the station nearest home rather than another.
const NEAR_PERMILLE: u32 = 750;

/// A resident.
pub(super) struct Resident {
    pub(super) number: usize,
    pub(super) age: AgeTier,
    pub(super) district: u32,
    pub(super) has_phone: bool,
    visit_weeks: u32,
    /// Tenths of a vegetable level on an ordinary day.
    level_tenths: u32,
    seed: u64,
}

/// A visit to a station.
pub(super) struct StationVisit {
    pub(super) station: usize,
    /// Whether the phone's code is shown there rather than the card.
    pub(super) by_phone: bool,
    /// Which measurements are made: vegetables, blood pressure, body composition.
    pub(super) measures: [bool; 3],
}

impl StationVisit {
    /// A visit by card for one measurement, blood pressure.
    pub(super) fn for_pressure(station: usize) -> Self {
        Self { station, by_phone: false, measures: [false, true, false] }
    }
}

/// A purchase with points.
pub(super) struct Purchase {
    pub(super) shop: usize,
    pub(super) points: u32,
}

/// What a resident does on a day.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) visit: Option<StationVisit>,
    /// The coach of a session.
    pub(super) session: Option<usize>,
    pub(super) purchase: Option<Purchase>,
    /// The city hears of a check-up.
    pub(super) checkup: bool,
    /// It hears of a dental one.
    pub(super) dental: bool,
    /// Something else, by its place among [`SUNDRIES`].
    pub(super) sundry: Option<usize>,
    /// The steps that a phone counted.
    pub(super) steps: Option<u32>,
}

/// Who signs an act.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedBy {
    /// A leader or nurse, by card.
    Coach,
    /// A station, by card.
    Station,
    /// The resident's own phone.
    Own,
}

/// What residents do now and then besides.
pub(super) const SUNDRIES: [(&str, SignedBy); 6] = [
    ("class.kayoinoba", SignedBy::Coach),
    ("volunteer.activity", SignedBy::Coach),
    ("frailty.questionnaire", SignedBy::Coach),
    ("event.attend", SignedBy::Station),
    ("self.report", SignedBy::Own),
    ("quiz.pass", SignedBy::Own),
];
/// The quiz among them.
const QUIZ: usize = 5;
/// Any of them on a day.
const SUNDRY_PERMILLE: u32 = 7;
/// Residents whose phones count steps for a partner service.
pub(super) const WALKERS: std::ops::Range<usize> = OPEN_PHONES..OPEN_PHONES + 24;
/// Residents whose phones pass the quiz once a week, until they have the points for a perk card.
pub(super) const QUIZZERS: std::ops::Range<usize> = WALKERS.end..WALKERS.end + 12;

impl Resident {
    pub(super) fn of(cast: &Cast, number: usize) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = cast.bytes("resident", number);
        let seed = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let mut dice = Dice(seed);
        let age = blueprint::age(dice.within(0, 99));
        let (often, seldom) = habits(age).visit_weeks;
        Self {
            number,
            age,
            district: blueprint::district(dice.within(0, 99)),
            has_phone: has_phone(number),
            visit_weeks: dice.within(often, seldom),
            level_tenths: dice.within(30, 65),
            seed,
        }
    }

    /// The chance of this resident on a day; the same for the same seed.
    pub(super) fn dice(&self, day: Day) -> Dice {
        Dice(self.seed ^ u64::from(day.0).wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// A vegetable level.
    pub(super) fn level_tenths(&self, dice: &mut Dice) -> u32 {
        self.level_tenths + dice.within(0, 20)
    }

    pub(super) fn plan(&self, cast: &Cast, day: Day) -> Plan {
        // 1970-01-01 was a Thursday.
        let (week, weekday) = ((day.0 + 3) / 7, (day.0 + 3) % 7);
        let habits = habits(self.age);
        let (_, month, _) = day.ymd();
        let season = SEASON_PERMILLE.iter().zip(1..).find(|(_, of)| *of == month);
        let season = season.map_or(1_000, |(permille, _)| *permille);
        // What is drawn for the week says on which of its days something happens.
        let mut dice = self.dice(Day(u32::MAX - week));
        let due = (week + self.visit_weeks_from()).is_multiple_of(self.visit_weeks);
        let visits = due && dice.chance(season);
        let visits = one_of(&mut dice, &habits.weekdays) == weekday && visits;
        let session = dice.chance(habits.session_permille) && dice.within(0, 4) == weekday;
        let purchase = dice.chance(SHOPPING_PERMILLE) && dice.within(0, 6) == weekday;
        let Blueprint { stations, shops, coaches, .. } = cast.city;
        let near = usize::try_from(self.district).unwrap_or(0) % stations.len();
        let station = if dice.chance(NEAR_PERMILLE) { near } else { dice.below(stations.len()) };
        let by_phone = dice.chance(PHONE_CODE_PERMILLE) && self.has_phone;
        let measures = habits.measures_permille.map(|permille| dice.chance(permille));
        let coach = dice.below(coaches.len());
        // The lower of two numbers: the shops that come first are the popular ones.
        let shop = dice.below(shops.len()).min(dice.below(shops.len()));
        // Each shop is closed on one day of the week; who finds it closed goes next door.
        let closed = shop % 7 == usize::try_from(weekday).unwrap_or(0);
        let shop = if closed { (shop + 1) % shops.len() } else { shop };
        let points = 50 * dice.within(1, 4);
        let sundry = dice.chance(SUNDRY_PERMILLE).then(|| dice.below(SUNDRIES.len()));
        let quiz = QUIZZERS.contains(&self.number) && u32::try_from(self.number % 7) == Ok(weekday);
        Plan {
            visit: visits.then_some(StationVisit { station, by_phone, measures }),
            session: session.then_some(coach),
            purchase: (purchase && self.has_phone).then_some(Purchase { shop, points }),
            checkup: self.checkup_on(day.fiscal_year()) == Some(day),
            dental: self.dental_on(day.fiscal_year()) == day,
            sundry: if quiz { Some(QUIZ) } else { sundry },
            steps: (WALKERS.contains(&self.number) && self.has_phone)
                .then(|| dice.within(2_000, 12_000)),
        }
    }

    /// Insured by the city's health insurance.
    pub(super) fn insurance(&self) -> Insurance {
        // No gate stands before those with open keys.
        let invited = self.number >= OPEN_PHONES && self.number.is_multiple_of(2);
        if invited { Insurance::Nhi } else { Insurance::Other }
    }

    /// The day of the specific check-up, for those who are invited; four of five go.
    fn checkup_on(&self, fiscal_year: u32) -> Option<Day> {
        let invited = matches!(self.age, AgeTier::From40 | AgeTier::From65)
            && self.insurance() == Insurance::Nhi
            && !self.seed.is_multiple_of(5);
        let into = u32::try_from(self.seed % 300).unwrap_or(0);
        invited.then(|| Day::fiscal_year_first(fiscal_year).plus(into))
    }

    /// The day of the dental check-up.
    fn dental_on(&self, fiscal_year: u32) -> Day {
        let into = u32::try_from(self.seed / 7 % 360).unwrap_or(0);
        Day::fiscal_year_first(fiscal_year).plus(into)
    }

    fn visit_weeks_from(&self) -> u32 {
        u32::try_from(self.seed % 60).unwrap_or(0)
    }
}

fn habits(age: AgeTier) -> &'static Habits {
    match age {
        AgeTier::From65 | AgeTier::From75 => &SENIOR,
        AgeTier::Under18 => &UNDER_18,
        AgeTier::From18 | AgeTier::From40 | AgeTier::Unknown => &ADULT,
    }
}

fn one_of(dice: &mut Dice, parts: &[u32; 7]) -> u32 {
    let mut left = dice.within(1, parts.iter().sum());
    for (part, number) in parts.iter().zip(0..) {
        if left <= *part {
            return number;
        }
        left -= part;
    }
    0
}

/// Every seventh resident goes with the paper card alone.
fn has_phone(number: usize) -> bool {
    number < OPEN_PHONES || number % 7 != 6
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::demo::YAIZU;

    /// Who took part in what, by month and by district or age.
    type Cells = BTreeMap<(u32, u32, usize), BTreeSet<usize>>;

    /// The age groups of the figures.
    fn band(age: AgeTier) -> u32 {
        match age {
            AgeTier::Unknown | AgeTier::Under18 => 1,
            AgeTier::From18 | AgeTier::From40 => 2,
            AgeTier::From65 | AgeTier::From75 => 3,
        }
    }

    /// Of a hundred cells, how many count fewer than ten persons.
    fn small_percent(cells: &Cells, all: usize) -> usize {
        (all - cells.values().filter(|persons| persons.len() >= 10).count()) * 100 / all
    }

    #[test]
    fn few_cells_of_a_month_are_small() {
        let cast = Cast::new([7; 32], YAIZU);
        let residents: Vec<_> = (0..YAIZU.residents).map(|n| Resident::of(&cast, n)).collect();
        let (mut districts, mut ages) = (Cells::new(), Cells::new());
        let mut took_part: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        // The months of a fiscal year, whole.
        let first = Day::fiscal_year_first(2026);
        for day in (first.0..first.plus(365).0).map(Day) {
            let (_, month, _) = day.ymd();
            for resident in &residents {
                let plan = resident.plan(&cast, day);
                let visit = plan.visit.map_or([false; 3], |visit| visit.measures);
                let done = visit.into_iter().chain([plan.session.is_some()]);
                for (group, _) in done.enumerate().filter(|(_, done)| *done) {
                    let district = districts.entry((month, resident.district, group)).or_default();
                    district.insert(resident.number);
                    let age = ages.entry((month, band(resident.age), group)).or_default();
                    age.insert(resident.number);
                    took_part.entry(month).or_default().insert(resident.number);
                }
            }
        }
        assert!(small_percent(&districts, 12 * 9 * 4) <= 3, "{}", small_percent(&districts, 432));
        assert!(small_percent(&ages, 12 * 3 * 4) <= 10, "{}", small_percent(&ages, 144));
        for (month, persons) in took_part {
            assert!(persons.len() * 100 > YAIZU.residents * 60, "{month}: {}", persons.len());
        }
    }
}
