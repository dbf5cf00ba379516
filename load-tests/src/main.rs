//! Load scenarios against a real kenmai server. Each checks every answer while it measures, and the books afterwards: a
//! fast ledger that is wrong has no speed.

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

mod callers;
mod city;
mod ledger;
mod machine;
mod report;
mod shops_redeem;

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
    /// Tills redeem points by the codes of phones: two signatures each, over HTTP, every verdict checked.
    ShopsRedeem(Options),
}

/// How a scenario is run.
#[derive(clap::Args)]
struct Options {
    /// Callers at once, each waiting for its answer before it asks again; several runs by commas. Both ends of each
    /// connection are files of this process, which may usually open 1,024.
    #[arg(long, value_delimiter = ',', default_value = "1,64",
          value_parser = clap::value_parser!(u16).range(1..=400))]
    callers: Vec<u16>,
    /// About how long each number of callers is measured with each choice of shops, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Residents with a phone and three lots of points.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    residents: u32,
    /// Where the ledger's folder is made, and removed at the end; the disk under it is what is measured.
    /// Otherwise it lies beside this program.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().scenario {
        Scenario::ShopsRedeem(options) => shops_redeem::run(&options),
    }
}
