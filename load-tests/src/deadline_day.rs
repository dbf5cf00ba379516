//! 31 March: points expire at midnight, everyone comes at once, and a late list of check-ups comes
//! too. The rate doubles until the server says 503. What matters then: every refusal says when to
//! come again, nothing that was acknowledged is lost, what was refused can be sent again, and
//! afterwards all is as before.

use std::num::NonZeroUsize;
use std::time::Duration;

use kenmai::config::Limits;

use crate::callers::{Pace, Round, Stream};
use crate::harness::{Harness, Home, Sort, Used};
use crate::machine::{Machine, micros_since, stopwatch};
use crate::operations::Call;
use crate::report::{Measured, Report, ReportRow};
use crate::{Failure, Options};

/// Statements that may wait in the server of one's own: few, so that a machine of any speed comes
/// to the limit.
const QUEUE_ENTRIES: NonZeroUsize = NonZeroUsize::new(32).unwrap();
/// Requests a second of the first step, and the most.
const FIRST_A_SECOND: u32 = 250;
const A_SECOND_MAX: u32 = 16_000;
/// Callers that keep the schedule: both ends of each connection are files of this process, which
/// may usually open 1,024.
const CALLERS: u16 = 400;
/// Late check-ups of each step, and who sends them, one after the other.
const MANIFESTS: u64 = 24;
const MANIFEST_CALLERS: u16 = 3;
/// Callers that send again what was refused, after the pause that the refusal names, so often at
/// most.
const AGAIN_CALLERS: u16 = 16;
const AGAIN_MAX: usize = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// The day so far.
struct DeadlineDay {
    harness: Harness,
    machine: Machine,
    rows: Vec<ReportRow>,
    refused: Vec<Call>,
    step: Duration,
    callers: u16,
}

/// Runs the day and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let limits = Limits { queue_entries: QUEUE_ENTRIES, ..Limits::default() };
    let machine = Machine::look()?;
    let mut day = DeadlineDay {
        harness: Harness::open(options, Home::Founded, limits, true)?,
        machine,
        rows: Vec::new(),
        refused: Vec::new(),
        step: Duration::from_millis(options.seconds * 500),
        callers: options.callers.iter().flatten().max().copied().unwrap_or(CALLERS),
    };
    let mut about = day.harness.describe();
    if options.url.is_none() {
        about = format!("{about}; {QUEUE_ENTRIES} statements may wait");
    }
    let first = options.rate.iter().flatten().next().copied().unwrap_or(FIRST_A_SECOND);
    let mut remarks = vec![day.rush(first)?];
    remarks.extend(day.send_again()?);
    remarks.push(day.calm(first)?);
    let DeadlineDay { harness, machine, rows, .. } = day;
    let checked = harness.close()?;
    Report { name: "deadline-day", about, machine, rows, remarks, checked }.print()
}

impl DeadlineDay {
    /// Doubles the rate until the server refuses.
    fn rush(&mut self, first: u32) -> Result<String, Failure> {
        let mut a_second = first;
        loop {
            self.step("rush", a_second)?;
            if !self.refused.is_empty() {
                return Ok(format!(
                    "The first 503 came when {a_second} requests a second were due."
                ));
            }
            if a_second >= A_SECOND_MAX {
                return Ok(format!(
                    "No 503 up to {a_second} requests a second: the callers' {} connections filled before the server's queue did.",
                    self.callers
                ));
            }
            a_second = a_second.saturating_mul(2).min(A_SECOND_MAX);
        }
    }

    /// One step of the day: residents, stations and tills on a schedule, and check-ups beside them.
    fn step(&mut self, what: &str, a_second: u32) -> Result<usize, Failure> {
        self.machine.look_at_disk(self.harness.folder())?;
        let millis = u64::try_from(self.step.as_millis())?;
        let supply = self.harness.supply(Sort::Mix) / 4;
        let count = (u64::from(a_second) * millis / 1_000).min(supply).max(1);
        let manifests = MANIFESTS.min(self.harness.supply(Sort::Manifest));
        let at_most = Some(self.step);
        let mut stream = |sort, count, pace, callers| -> Result<Stream, Failure> {
            Ok(Stream { calls: self.harness.make(sort, count)?, pace, callers, at_most })
        };
        let streams = vec![
            stream(Sort::Mix, count, Pace::Open(a_second), self.callers)?,
            stream(Sort::Manifest, manifests, Pace::Closed, MANIFEST_CALLERS)?,
        ];
        let (rounds, used) = self.harness.round(streams)?;
        let mut busy = 0;
        let names =
            [(what, format!("open, {a_second}/s")), ("… check-ups", "3 callers".to_owned())];
        let mut used = used;
        for ((what, mut how), mut round) in names.into_iter().zip(rounds) {
            if round.unsent > 0 {
                how = format!("{how}, {} unsent", round.unsent);
            }
            busy += round.busy.len();
            self.row(what, how, &round, used.take());
            self.refused.append(&mut round.busy);
        }
        Ok(busy)
    }

    fn row(&mut self, what: &str, how: String, round: &Round, used: Option<Used>) {
        let mut figures = Measured::default();
        figures.add(round, used);
        self.rows.push(ReportRow { what: what.to_owned(), how, figures, unit: None });
    }

    /// Sends what was refused again, the same bytes, as the refusals ask.
    fn send_again(&mut self) -> Result<Option<String>, Failure> {
        let (count, start) = (self.refused.len(), stopwatch());
        if count == 0 {
            return Ok(None);
        }
        for _ in 0..AGAIN_MAX {
            if self.refused.is_empty() {
                let took_ms = micros_since(start) / 1_000;
                return Ok(Some(format!(
                    "{count} requests were answered 503 with Retry-After; sent again, the same bytes, all were accepted after \
                     {took_ms} ms."
                )));
            }
            std::thread::sleep(PAUSE);
            let calls = std::mem::take(&mut self.refused);
            let (pace, callers) = (Pace::Closed, AGAIN_CALLERS);
            let stream = Stream { calls, pace, callers, at_most: None };
            let (rounds, used) = self.harness.round(vec![stream])?;
            for mut round in rounds {
                self.row("again", format!("{AGAIN_CALLERS} callers"), &round, used);
                self.refused.append(&mut round.busy);
            }
        }
        Err(format!("after {AGAIN_MAX} repetitions {} are still refused", self.refused.len())
            .into())
    }

    /// The first step once more: the rush must have left nothing behind.
    fn calm(&mut self, a_second: u32) -> Result<String, Failure> {
        let busy = self.step("calm again", a_second)?;
        if busy > 0 {
            return Err(format!("{busy} requests are refused at {a_second} a second").into());
        }
        let p99 = |what: &str| {
            let row = self.rows.iter().find(|row| row.what == what);
            row.map_or(0, |row| row.figures.latency_us(990))
        };
        let (before, after) = (p99("rush"), p99("calm again"));
        Ok(format!(
            "Afterwards {a_second} requests a second have a p99 of {after} µs, before the rush {before} µs."
        ))
    }
}
