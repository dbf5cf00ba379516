//! `kenmai demo`: two fictitious cities to play with.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::value_parser;

use super::console::{Bar, complain, say};
use super::outcome::Outcome;
use super::serve;
use crate::clock::{Clock, SystemClock};
use crate::config::Limits;
use crate::demo::door::Desks;
use crate::demo::{self, Blueprint, CityMetrics, Progress};
use crate::http::{Ledger, Server};
use crate::query::participation::population::Population;

/// Start the two demo cities, made at the first start. All persons and shops are fictitious.
#[derive(clap::Args)]
pub struct Args {
    /// Where the cities are kept; delete the folder to begin anew.
    #[arg(long, value_name = "DIR", default_value = "./kenmai-data")]
    pub data: PathBuf,
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where Prometheus finds /metrics; nowhere unless told.
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Residents of the larger city when it is made; fewer are made sooner.
    #[arg(long, value_name = "N", default_value_t = RESIDENTS, value_parser = value_parser!(u16).range(20..=10_000))]
    pub residents: u16,
}

const RESIDENTS: u16 = 3_000;
/// Where no terminal shows a bar, a line says so often how far it is.
const LINE_EVERY_MS: u64 = 3_000;

impl Default for Args {
    fn default() -> Self {
        let listen = ([127, 0, 0, 1], 8080).into();
        Self { data: "./kenmai-data".into(), listen, metrics_listen: None, residents: RESIDENTS }
    }
}

/// Runs the command.
///
/// # Errors
/// [`super::outcome::CliError`]
pub fn run(args: &Args) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // The addresses come first: a port in use is told before a city is made.
    let listeners = serve::Listeners::open(
        (args.listen, "--listen ADDR"),
        args.metrics_listen.map(|address| (address, "--metrics-listen ADDR")),
    )?;
    let metrics = serve::metrics()?;
    // The figures of a year that is made in seconds tell an operator nothing.
    let aside = serve::metrics()?;
    let large = Blueprint { residents: args.residents.into(), ..demo::YAIZU };
    let second = args.data.join(demo::MINATO.ledger);
    let (mut ledgers, mut desks) = (Vec::new(), Desks::new());
    for (home, city) in [(args.data.as_path(), large), (&second, demo::MINATO)] {
        let figures =
            CityMetrics { making: aside.ledger(city.ledger), serving: metrics.ledger(city.ledger) };
        let mut display = ProgressDisplay::new(city.ledger, Arc::clone(&clock));
        let report = |progress| display.show(progress);
        let opened = demo::open(home, city, Arc::clone(&clock), figures, report)?;
        drop(display);
        let folder = home.join(city.ledger);
        say(format!("{} entries in {}", opened.entries, folder.display()));
        let ledger = Ledger::new(city.ledger.to_owned(), opened.engine).as_demo();
        ledgers.push(ledger.with_population(Population::read(&folder)?));
        desks.insert(city.ledger.to_owned(), opened.desk);
    }
    let address = listeners.announce()?;
    for line in things_to_look_at(address) {
        say(line);
    }
    serve::run_server(listeners, Server::new(ledgers, clock, metrics, Limits::default()), desks)
}

/// What somebody who has just started the demo may look at first.
fn things_to_look_at(address: SocketAddr) -> [String; 7] {
    let ledger = demo::YAIZU.ledger;
    [
        "見どころ / three things to look at:".to_owned(),
        format!("  1. http://{address}/tour"),
        "     測る、払う、証明する、ごまかしてみる / measure, pay, prove, try to cheat".to_owned(),
        format!("  2. http://{address}/{ledger}/participation"),
        "     だれが参加しているか。10人未満は見えません / who takes part; fewer than 10 are hidden".to_owned(),
        format!("  3. kenmai verify http://{address}/{ledger}"),
        "     台帳を外から検証する / check the log from outside".to_owned(),
    ]
}

/// How far the making of a city is: a bar on a terminal, otherwise a line every few seconds.
struct ProgressDisplay {
    ledger: &'static str,
    clock: Arc<dyn Clock>,
    terminal: bool,
    bar: Option<(Step, Bar)>,
    /// The step of the last line and its time.
    last_line: Option<(Step, u64)>,
}

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Residents,
    Days,
}

impl Step {
    fn text(self) -> &'static str {
        match self {
            Self::Residents => "住民を登録しています / enrolling residents",
            Self::Days => "一年をすごしています / living a year, day by day",
        }
    }
}

impl ProgressDisplay {
    fn new(ledger: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            clock,
            terminal: std::io::stderr().is_terminal(),
            bar: None,
            last_line: None,
        }
    }

    fn show(&mut self, progress: Progress) {
        let (step, done, total) = match progress {
            Progress::Residents { done, total } => (Step::Residents, done as u64, total as u64),
            Progress::Days { done, total } => (Step::Days, done.into(), total.into()),
        };
        if self.terminal {
            if self.bar.as_ref().is_none_or(|(shown, _)| *shown != step) {
                // The bar before goes first: two would write over one another.
                self.bar = None;
                self.bar = Some((step, Bar::new(self.what(step))));
            }
            if let Some((_, bar)) = &self.bar {
                bar.show(done, total);
            }
        } else if let Some(line) = self.line(step, done, total) {
            complain(line);
        }
    }

    /// The line that is due: the first and the last of a step, and one every few seconds between.
    fn line(&mut self, step: Step, done: u64, total: u64) -> Option<String> {
        let now_ms = self.clock.boot_ms();
        let last = self.last_line.filter(|(last, _)| *last == step);
        let due = last.is_none_or(|(_, at_ms)| now_ms >= at_ms + LINE_EVERY_MS) || done == total;
        due.then(|| {
            self.last_line = Some((step, now_ms));
            format!("{}: {done}/{total}", self.what(step))
        })
    }

    fn what(&self, step: Step) -> String {
        format!("{}: {}", self.ledger, step.text())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A second passes with each look.
    struct Seconds(AtomicU64);

    impl Clock for Seconds {
        fn wall_ms(&self) -> u64 {
            self.boot_ms()
        }

        fn boot_ms(&self) -> u64 {
            self.0.fetch_add(1_000, Ordering::Relaxed)
        }
    }

    #[test]
    fn without_a_terminal_a_line_every_three_seconds_says_how_far_it_is() {
        let clock: Arc<dyn Clock> = Arc::new(Seconds(AtomicU64::new(0)));
        let mut display =
            ProgressDisplay { ledger: "x", clock, terminal: false, bar: None, last_line: None };
        let mut due = |step, steps: std::ops::RangeInclusive<u64>, total| {
            let lines = steps.filter_map(|done| display.line(step, done, total));
            lines.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
        };
        let residents: Vec<String> = due(Step::Residents, 1..=8, 8);
        assert_eq!(residents, ["1/8", "4/8", "7/8", "8/8"]);
        let days: Vec<String> = due(Step::Days, 1..=2, 365);
        assert_eq!(days, ["1/365"], "the first line of a step does not wait");
    }

    #[test]
    fn what_to_look_at_are_addresses_of_this_server() {
        let lines = things_to_look_at(([127, 0, 0, 1], 8123).into());
        let of_here = lines.iter().filter(|line| line.contains("http://127.0.0.1:8123/"));
        assert_eq!(of_here.count(), 3, "{lines:?}");
    }
}
