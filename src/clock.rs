//! The one reader of time.
//!
//! The log's time must never run backwards, and a server whose clock is wrong must not date points
//! with it. So every batch takes max(last batch, wall clock), and the wall clock is checked against
//! the boot-time clock, which nobody can set and which counts through a suspended machine. A step
//! of the wall clock makes the ledger read-only until a person has looked and said `kenmai clock
//! accept`. All times are milliseconds since 1970-01-01 00:00 UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

/// How far the wall clock may step against the boot-time clock between two batches, and how far it
/// may lie behind the last entry at start: time services correct by less, wrong hands and dead
/// batteries by more.
pub const MAX_STEP_MS: u64 = 30_000;

/// What the rule reads; tests and the demo bring their own.
pub trait Clock: Send + Sync {
    /// The time of day, milliseconds since 1970 UTC. It may step.
    fn wall_ms(&self) -> u64;

    /// Milliseconds since the machine started, suspended time included. It never steps.
    fn boot_ms(&self) -> u64;

    /// The same clock in microseconds, to measure how long something took.
    fn boot_us(&self) -> u64 {
        self.boot_ms().saturating_mul(1_000)
    }

    /// Both clocks at one moment.
    fn read(&self) -> Reading {
        Reading { wall_ms: self.wall_ms(), boot_ms: self.boot_ms() }
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// See [`Clock::wall_ms`].
    pub wall_ms: u64,
    /// See [`Clock::boot_ms`].
    pub boot_ms: u64,
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the module the ban points to")]
    fn wall_ms(&self) -> u64 {
        // A clock before 1970 reads as 1970, which the rule below refuses as lying behind the last
        // entry.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    fn boot_ms(&self) -> u64 {
        self.boot_us() / 1_000
    }

    fn boot_us(&self) -> u64 {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1_000)
    }
}

/// Who decides about a suspicious clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockPolicy {
    /// An alarm stands until a person accepts; at start the wall clock may be this far ahead of the
    /// last entry.
    Guard {
        /// Milliseconds between the last entry and a start that need no question.
        max_gap_ms: u64,
    },
    /// No alarm is ever raised: the demo, whose log may lie untouched for a year.
    AlwaysAccept,
}

/// Why the ledger is read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClockAlarm {
    /// The wall clock stepped forward while the server ran.
    #[error(
        "the clock stepped forward by {} s (it shows {wall}, the boot-time clock says {expected}, in Unix seconds), so \
         the ledger is read-only; set the machine's clock right, then run `kenmai clock accept`",
        .wall_ms.saturating_sub(*.expected_ms) / 1000, wall = .wall_ms / 1000, expected = .expected_ms / 1000
    )]
    SteppedForward {
        /// What the wall clock showed.
        wall_ms: u64,
        /// What it should have shown by the boot-time clock.
        expected_ms: u64,
    },
    /// The wall clock stepped back while the server ran.
    #[error(
        "the clock stepped back by {} s (it shows {wall}, the boot-time clock says {expected}, in Unix seconds), so \
         the ledger is read-only; set the machine's clock right, then run `kenmai clock accept`",
        .expected_ms.saturating_sub(*.wall_ms) / 1000, wall = .wall_ms / 1000, expected = .expected_ms / 1000
    )]
    SteppedBack {
        /// What the wall clock showed.
        wall_ms: u64,
        /// What it should have shown by the boot-time clock.
        expected_ms: u64,
    },
    /// At start the wall clock was behind the last entry.
    #[error(
        "the clock is {} s behind the last entry (it shows {wall}, the entry says {last}, in Unix seconds), so the \
         ledger is read-only; set the machine's clock right, then run `kenmai clock accept`",
        .last_ms.saturating_sub(*.wall_ms) / 1000, wall = .wall_ms / 1000, last = .last_ms / 1000
    )]
    BehindLastEntry {
        /// What the wall clock showed.
        wall_ms: u64,
        /// The time of the last entry.
        last_ms: u64,
    },
    /// At start the wall clock was further ahead of the last entry than the configured gap.
    #[error(
        "the clock is {} h ahead of the last entry (it shows {wall}, the entry says {last}, in Unix seconds), more \
         than `clock_gap_hours`, so the ledger is read-only; if the machine's clock is right, run `kenmai clock accept`",
        .wall_ms.saturating_sub(*.last_ms) / 3_600_000, wall = .wall_ms / 1000, last = .last_ms / 1000
    )]
    FarAheadOfLastEntry {
        /// What the wall clock showed.
        wall_ms: u64,
        /// The time of the last entry.
        last_ms: u64,
    },
}

/// The time rule of one ledger. It reads no clock itself; every call brings a [`Reading`].
#[derive(Clone, Debug)]
pub struct LedgerClock {
    policy: ClockPolicy,
    /// The time of the last batch; no batch gets an earlier one.
    last_ms: u64,
    /// The reading that the next one is compared with.
    anchor: Reading,
    alarm: Option<ClockAlarm>,
}

impl LedgerClock {
    /// Starts the rule after the last entry of the log; an empty log has nothing to compare with.
    #[must_use]
    pub fn start(last_entry_ms: Option<u64>, now: Reading, policy: ClockPolicy) -> Self {
        let alarm = last_entry_ms.and_then(|last_ms| start_alarm(last_ms, now.wall_ms, policy));
        Self { policy, last_ms: last_entry_ms.unwrap_or(0), anchor: now, alarm }
    }

    /// The time of the batch that begins: the later of the last batch's and the wall clock's.
    ///
    /// Each good reading becomes the next point of comparison, so slow drift adds up to nothing.
    ///
    /// # Errors
    /// The alarm, which stays until [`accept`](Self::accept) even when the clock comes back by
    /// itself: entries of the time between may be dated wrong, and a person should know.
    pub fn batch_time_ms(&mut self, now: Reading) -> Result<u64, ClockAlarm> {
        if self.alarm.is_none() {
            self.alarm = step_alarm(self.anchor, now, self.policy);
        }
        if let Some(alarm) = self.alarm {
            return Err(alarm);
        }
        self.anchor = now;
        self.last_ms = self.last_ms.max(now.wall_ms);
        Ok(self.last_ms)
    }

    /// Takes the present reading as right, on the word of a person.
    ///
    /// A clock that was set back is accepted too: batches then keep the last time until the wall
    /// clock has passed it.
    pub fn accept(&mut self, now: Reading) {
        self.alarm = None;
        self.anchor = now;
    }

    /// Why the ledger is read-only, if it is.
    #[must_use]
    pub fn alarm(&self) -> Option<ClockAlarm> {
        self.alarm
    }
}

fn start_alarm(last_ms: u64, wall_ms: u64, policy: ClockPolicy) -> Option<ClockAlarm> {
    let ClockPolicy::Guard { max_gap_ms } = policy else { return None };
    if wall_ms < last_ms.saturating_sub(MAX_STEP_MS) {
        return Some(ClockAlarm::BehindLastEntry { wall_ms, last_ms });
    }
    let too_far = wall_ms > last_ms.saturating_add(max_gap_ms);
    too_far.then_some(ClockAlarm::FarAheadOfLastEntry { wall_ms, last_ms })
}

fn step_alarm(anchor: Reading, now: Reading, policy: ClockPolicy) -> Option<ClockAlarm> {
    if policy == ClockPolicy::AlwaysAccept {
        return None;
    }
    let elapsed_ms = now.boot_ms.saturating_sub(anchor.boot_ms);
    let expected_ms = anchor.wall_ms.saturating_add(elapsed_ms);
    let wall_ms = now.wall_ms;
    if wall_ms.abs_diff(expected_ms) <= MAX_STEP_MS {
        None
    } else if wall_ms > expected_ms {
        Some(ClockAlarm::SteppedForward { wall_ms, expected_ms })
    } else {
        Some(ClockAlarm::SteppedBack { wall_ms, expected_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;
    const HOUR: u64 = 3600 * SECOND;
    const GUARD: ClockPolicy = ClockPolicy::Guard { max_gap_ms: 72 * HOUR };
    /// A wall time and a boot time to count from.
    const WALL: u64 = 1_790_000_000_000;
    const BOOT: u64 = 5_000_000;

    /// What happens to a ledger: offsets to `WALL` and `BOOT` in seconds.
    enum Step {
        Batch { wall: i64, boot: u64, time: Result<i64, &'static str> },
        Accept { wall: i64, boot: u64 },
    }
    use Step::{Accept, Batch};

    fn at(wall: i64, boot: u64) -> Reading {
        Reading {
            wall_ms: WALL.checked_add_signed(wall * 1000).expect("in range"),
            boot_ms: BOOT + boot * SECOND,
        }
    }

    fn name(alarm: ClockAlarm) -> &'static str {
        match alarm {
            ClockAlarm::SteppedForward { .. } => "forward",
            ClockAlarm::SteppedBack { .. } => "back",
            ClockAlarm::BehindLastEntry { .. } => "behind",
            ClockAlarm::FarAheadOfLastEntry { .. } => "ahead",
        }
    }

    /// Starts at (`WALL`, `BOOT`) with the last entry at this offset and follows the steps.
    fn check(story: &str, policy: ClockPolicy, last: Option<i64>, steps: &[Step]) {
        let last_ms = last.map(|seconds| at(seconds, 0).wall_ms);
        let mut clock = LedgerClock::start(last_ms, at(0, 0), policy);
        for (index, step) in steps.iter().enumerate() {
            match *step {
                Accept { wall, boot } => clock.accept(at(wall, boot)),
                Batch { wall, boot, time } => {
                    let expected = time.map(|seconds| at(seconds, 0).wall_ms);
                    let got = clock.batch_time_ms(at(wall, boot)).map_err(name);
                    assert_eq!(got, expected, "{story}, step {index}");
                    assert_eq!(clock.alarm().map(name), expected.err(), "{story}, step {index}");
                }
            }
        }
    }

    fn good(wall: i64, boot: u64) -> Step {
        Batch { wall, boot, time: Ok(wall) }
    }

    fn bad(wall: i64, boot: u64, alarm: &'static str) -> Step {
        Batch { wall, boot, time: Err(alarm) }
    }

    #[test]
    fn while_running() {
        check("empty log", GUARD, None, &[good(0, 0), good(5, 5)]);
        check("idle for a month", GUARD, Some(-1), &[good(0, 0), good(2_592_000, 2_592_000)]);
        check(
            "suspended: the boot clock ran on",
            GUARD,
            Some(0),
            &[good(1, 1), good(40_000, 40_000)],
        );
        check("30 s forward are let pass", GUARD, Some(0), &[good(30, 0), good(31, 1)]);
        check("31 s forward are not", GUARD, Some(0), &[good(1, 1), bad(33, 2, "forward")]);
        check("31 s back are not", GUARD, Some(0), &[good(1, 1), bad(-29, 2, "back")]);
        check(
            "30 s back are let pass",
            GUARD,
            Some(0),
            &[Batch { wall: -29, boot: 1, time: Ok(0) }],
        );
        check(
            "drift below the limit between batches adds up to nothing",
            GUARD,
            Some(0),
            &[good(120, 100), good(240, 200), good(360, 300), good(480, 400)],
        );
        check(
            "a small step back holds the log's time until the clock has passed it",
            GUARD,
            Some(0),
            &[
                good(100, 100),
                Batch { wall: 80, boot: 100, time: Ok(100) },
                Batch { wall: 99, boot: 119, time: Ok(100) },
                good(101, 121),
            ],
        );
    }

    #[test]
    fn the_alarm_stays_until_accepted() {
        check(
            "forward, and back by itself",
            GUARD,
            Some(0),
            &[
                good(1, 1),
                bad(3600, 2, "forward"),
                bad(3, 3, "forward"),
                Accept { wall: 4, boot: 4 },
                good(5, 5),
            ],
        );
        check(
            "back by an hour, accepted: the log's time waits",
            GUARD,
            Some(0),
            &[
                good(100, 100),
                bad(-3500, 100, "back"),
                Accept { wall: -3499, boot: 101 },
                Batch { wall: -3498, boot: 102, time: Ok(100) },
                good(101, 3701),
                bad(-1000, 3702, "back"),
            ],
        );
    }

    #[test]
    fn at_start() {
        let hours = |hours: i64| Some(hours * 3600);
        check("72 h after the last entry", GUARD, hours(-72), &[good(0, 0)]);
        check("more than that", GUARD, Some(-72 * 3600 - 1), &[bad(0, 0, "ahead")]);
        check(
            "within the tolerance of a running ledger",
            GUARD,
            Some(30),
            &[Batch { wall: 0, boot: 0, time: Ok(30) }],
        );
        check("behind the last entry", GUARD, Some(31), &[bad(0, 0, "behind")]);
        check(
            "ahead, accepted",
            GUARD,
            hours(-9000),
            &[bad(0, 0, "ahead"), Accept { wall: 1, boot: 1 }, good(2, 2)],
        );
        check(
            "behind, accepted",
            GUARD,
            hours(1),
            &[Accept { wall: 1, boot: 1 }, Batch { wall: 2, boot: 2, time: Ok(3600) }],
        );
    }

    #[test]
    fn the_demo_always_goes_on() {
        let story =
            [good(0, 0), good(9_999_999, 1), Batch { wall: 5, boot: 2, time: Ok(9_999_999) }];
        check("jumps", ClockPolicy::AlwaysAccept, Some(-40_000_000), &story);
    }

    #[test]
    fn extreme_readings_do_not_overflow() {
        let end = Reading { wall_ms: u64::MAX, boot_ms: u64::MAX };
        let zero = Reading { wall_ms: 0, boot_ms: 0 };
        for (first, second) in [(end, zero), (zero, end), (end, end), (zero, zero)] {
            let mut clock = LedgerClock::start(Some(first.wall_ms), second, GUARD);
            let _alarm = clock.batch_time_ms(first);
            clock.accept(second);
            assert!(clock.batch_time_ms(second).is_ok());
        }
    }

    #[test]
    fn an_alarm_names_what_was_seen_and_the_remedy() {
        let mut clock = LedgerClock::start(None, at(0, 0), GUARD);
        let alarm = clock.batch_time_ms(at(-3600, 10)).expect_err("an alarm");
        expect_test::expect!["the clock stepped back by 3610 s (it shows 1789996400, the boot-time clock says 1790000010, in Unix seconds), so the ledger is read-only; set the machine's clock right, then run `kenmai clock accept`"]
            .assert_eq(&alarm.to_string());
        let clock = LedgerClock::start(Some(WALL), at(100 * 3600, 0), GUARD);
        expect_test::expect!["the clock is 100 h ahead of the last entry (it shows 1790360000, the entry says 1790000000, in Unix seconds), more than `clock_gap_hours`, so the ledger is read-only; if the machine's clock is right, run `kenmai clock accept`"]
            .assert_eq(&clock.alarm().expect("an alarm").to_string());
    }

    #[test]
    fn the_machine_has_both_clocks() {
        let first = SystemClock.read();
        let second = SystemClock.read();
        assert!(first.wall_ms > 1_700_000_000_000, "after 2023");
        assert!(first.boot_ms > 0 && second.boot_ms >= first.boot_ms);
    }
}
