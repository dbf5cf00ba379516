//! Load scenarios against a real kenmai server. Each checks every answer while it measures, and the
//! books afterwards: a fast ledger that is wrong has no speed.

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

mod callers;
mod city;
mod connect;
mod deadline_day;
mod founding;
mod harness;
mod http;
mod ledger;
mod machine;
mod operations;
mod proofs;
mod report;
mod rounds;
#[cfg(test)]
mod tests;

/// What ends a run: a text for whoever started it.
type Failure = Box<dyn Error + Send + Sync>;

/// Load scenarios for kenmai, each verifying what it measures.
#[derive(Parser)]
#[command(name = "load-tests")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Residents look at their balance, and at balance, history and receipt.
    ResidentsCheck(Options),
    /// Tills redeem points by the codes of phones: two signatures each.
    ShopsRedeem(Options),
    /// Stations measure residents, known by card or by the phone's code.
    StationsGrant(Options),
    /// The city's check-ups come as signed lists of 2,000 rows, alone and while tills redeem.
    CheckupManifest(Options),
    /// Everyone looks at what is public, alone and while stations measure.
    AnalystsView(Options),
    /// Everyone comes at once: the rate doubles until the server answers 503, and then all must be
    /// well again.
    DeadlineDay(Options),
}

/// How a scenario is run.
#[derive(clap::Args)]
struct Options {
    /// Callers at once, each waiting for its answer before it asks again; several runs by commas
    /// [default: as the scenario has them]. Both ends of each connection are files of this process,
    /// which may usually open 1,024.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=400))]
    callers: Option<Vec<u16>>,
    /// Instead of that an open loop: requests a second on a fixed schedule, which counts the time
    /// that a request waits to be sent; several runs by commas. deadline-day: the first rate.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=16_000))]
    rate: Option<Vec<u32>>,
    /// About how long each loop of each variant is measured, in seconds; deadline-day: two steps.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Residents of a city founded for the run.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    residents: u32,
    /// Where the ledger's folder is made, and removed at the end; the disk under it is what is
    /// measured. Otherwise it lies beside this program.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A server of your own that runs `kenmai demo`, as http://HOST:PORT; thousands of entries are
    /// added to its ledger.
    #[arg(long, requires = "keys", conflicts_with_all = ["data", "residents"])]
    url: Option<String>,
    /// The folder demo-keys of that demo.
    #[arg(long, value_name = "DIR", requires = "url")]
    keys: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().scenario {
        Scenario::ResidentsCheck(options) => rounds::run(&rounds::RESIDENTS_CHECK, &options),
        Scenario::ShopsRedeem(options) => rounds::run(&rounds::SHOPS_REDEEM, &options),
        Scenario::StationsGrant(options) => rounds::run(&rounds::STATIONS_GRANT, &options),
        Scenario::CheckupManifest(options) => rounds::run(&rounds::CHECKUP_MANIFEST, &options),
        Scenario::AnalystsView(options) => rounds::run(&rounds::ANALYSTS_VIEW, &options),
        Scenario::DeadlineDay(options) => deadline_day::run(&options),
    }
}
