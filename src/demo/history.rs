//! The demo city's days: measurements, sessions and redemptions, signed by those who were there.

use ledger_spec::cbor::Text;
use ledger_spec::kinds::{Action, Body, Redeem};
use ledger_spec::points::{Points, Purse};
use ledger_spec::statement::{Core, Holder, Values};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken};

use super::city::{CityError, SHOPS, STATIONS, Voice, disclosure, ensure_rules, has_phone};
use super::programme::{CARE, MEASURE, PRESSURE};
use super::{COACHES, Cast, OPEN_PHONES, RESIDENTS, StagedClock, random};
use crate::engine::Engine;

const HOUR_MS: u64 = 3_600_000;
const MEASURES_A_DAY: u64 = 24;
const SESSIONS_A_DAY: u64 = 2;
const REDEMPTIONS_A_DAY: u64 = 16;
/// On this day of the month the residents with open keys measure, so that anyone who plays them finds points to spend and
/// room under every cap.
const OPEN_PHONES_DAY: u32 = 10;

/// Lives the days from `from` up to and including `until`; `progress` hears of each. The same seed and day give the same
/// city, so that a restart goes on where the last one ended.
///
/// # Errors
/// [`CityError`]
pub fn fill(
    engine: &Engine,
    cast: &Cast,
    clock: &StagedClock,
    (from, until): (Day, Day),
    mut progress: impl FnMut(Day),
) -> Result<(), CityError> {
    let mut voice = Voice::new(engine, cast, clock);
    let mut day = from;
    while day <= until {
        let mut dice = Dice::new(cast, day);
        clock.set_ms(day.start_ms() + 10 * HOUR_MS);
        ensure_rules(&mut voice)?;
        morning(&mut voice, &mut dice)?;
        voice.settle()?;
        clock.set_ms(day.start_ms() + 15 * HOUR_MS);
        afternoon(&mut voice, &mut dice)?;
        voice.settle()?;
        progress(day);
        day = day.plus(1);
    }
    clock.run();
    let mut voice = Voice::new(engine, cast, clock);
    ensure_rules(&mut voice)
}

fn morning(voice: &mut Voice<'_>, dice: &mut Dice) -> Result<(), CityError> {
    let mut visits: Vec<usize> =
        (0..dice.around(MEASURES_A_DAY)).map(|_| dice.resident()).collect();
    if voice.today().ymd().2 == OPEN_PHONES_DAY {
        visits.extend(0..OPEN_PHONES);
    }
    for (minute, resident) in (1..).zip(visits) {
        let station = dice.below(STATIONS.len());
        let (action, values) = if resident >= OPEN_PHONES && dice.below(4) == 0 {
            let low = dice.within(65, 95);
            let pressures = (Some(low + dice.within(35, 60)), Some(low));
            (PRESSURE, values(None, pressures))
        } else {
            (MEASURE, values(Some(dice.within(25, 95)), (None, None)))
        };
        // Minutes apart, so that no two are the same act.
        let performed_at_s = voice.now_s() - 60 * minute;
        let disclosed = disclosure(
            performed_at_s,
            Some(Holder::Card(voice.cast.card(resident))),
            Some(values),
        )?;
        let core = action_core(voice, action)?;
        voice.send(core, &voice.cast.station(station), Some(&disclosed))?;
    }
    for _ in 0..dice.around(SESSIONS_A_DAY) {
        let (resident, coach) = (dice.resident(), dice.below(COACHES));
        let holder = Some(Holder::Card(voice.cast.card(resident)));
        let mut disclosed = disclosure(voice.now_s() - 1_800, holder, None)?;
        disclosed.exact_action = Text::new(CARE.1);
        let core = action_core(voice, CARE.0)?;
        // Two sessions of one resident on one day are one act; the second is left out before it is signed.
        if dice.first_today(resident) {
            voice.send(core, &voice.cast.coach(coach), Some(&disclosed))?;
        }
    }
    Ok(())
}

fn values(
    level_tenths: Option<u32>,
    (systolic_mmhg, diastolic_mmhg): (Option<u32>, Option<u32>),
) -> Values {
    Values { level_tenths, systolic_mmhg, diastolic_mmhg, minutes: None, steps: None }
}

fn action_core(voice: &Voice<'_>, action: &str) -> Result<Core, CityError> {
    let action = Text::new(action).ok_or(CityError::Text)?;
    voice.core(Body::Action(Action { action }))
}

fn afternoon(voice: &mut Voice<'_>, dice: &mut Dice) -> Result<(), CityError> {
    let today = voice.today();
    let rich: Vec<usize> = {
        let state = voice.engine.state()?;
        let yen = |number| {
            let row = state.accounts.get(&voice.cast.account(number));
            row.map_or(0, |row| row.available(Purse::Yen, today))
        };
        (OPEN_PHONES..RESIDENTS)
            .filter(|number| has_phone(*number) && yen(*number) >= 100)
            .collect()
    };
    let mut left = rich;
    for _ in 0..dice.around(REDEMPTIONS_A_DAY) {
        if left.is_empty() {
            break;
        }
        let resident = left.swap_remove(dice.below(left.len()));
        let shop = dice.below(SHOPS.len());
        let Some(points) = Points::new(50 * dice.within(1, 2)) else { continue };
        let now_s = voice.now_s();
        let token = PayToken {
            exp_s: now_s + 120,
            nonce: random()?,
            ledger: voice.engine.ledger(),
            max_points: 300,
        };
        let token = token::sign(&token, &voice.cast.phone(resident));
        let disclosed = disclosure(now_s, Some(Holder::Phone(token)), None)?;
        let body = Body::Redeem(Redeem { shop: voice.cast.shop_place(shop), points });
        let core = Core { not_after_s: Some(now_s + 120), ..voice.core(body)? };
        voice.send(core, &voice.cast.till(shop), Some(&disclosed))?;
    }
    Ok(())
}

/// Reproducible chance for the demo's history (`SplitMix64`). Nothing secret depends on it.
struct Dice {
    state: u64,
    had_session: Vec<usize>,
}

impl Dice {
    fn new(cast: &Cast, day: Day) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = cast.bytes("dice", day.0 as usize);
        Self { state: u64::from_be_bytes([a, b, c, d, e, f, g, h]), had_session: Vec::new() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn within(&mut self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.next() % u64::from(high - low + 1)).unwrap_or(0)
    }

    fn around(&mut self, mean: u64) -> u64 {
        mean - mean / 4 + self.next() % (mean / 2 + 1)
    }

    /// A resident whose keys are not handed out.
    fn resident(&mut self) -> usize {
        OPEN_PHONES + self.below(RESIDENTS - OPEN_PHONES)
    }

    fn first_today(&mut self, resident: usize) -> bool {
        let first = !self.had_session.contains(&resident);
        self.had_session.push(resident);
        first
    }
}
