//! `kenmai demo`: two fictitious cities to play with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::value_parser;

use super::{Bar, Outcome, say, serve};
use crate::clock::{Clock, SystemClock};
use crate::config::Limits;
use crate::demo::door::Desks;
use crate::demo::{self, Blueprint, CityMetrics};
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

impl Default for Args {
    fn default() -> Self {
        let listen = ([127, 0, 0, 1], 8080).into();
        Self { data: "./kenmai-data".into(), listen, metrics_listen: None, residents: RESIDENTS }
    }
}

/// Runs the command.
///
/// # Errors
/// [`super::CliError`]
pub fn run(args: &Args) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // The addresses come first: a port in use is told before a city is made.
    let doors = serve::Doors::open(
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
        let bar = Bar::new("デモ都市をつくっています / making a demo city");
        let figures =
            CityMetrics { making: aside.ledger(city.ledger), serving: metrics.ledger(city.ledger) };
        let opened = demo::open((home, city), Arc::clone(&clock), figures, |done, total| {
            bar.show(done.into(), total.into());
        })?;
        drop(bar);
        let folder = home.join(city.ledger);
        say(format!("{} entries in {}", opened.entries, folder.display()));
        let ledger = Ledger::new(city.ledger.to_owned(), opened.engine).as_demo();
        ledgers.push(ledger.with_population(Population::read(&folder)?));
        desks.insert(city.ledger.to_owned(), opened.desk);
    }
    serve::run_server(doors, Server::new(ledgers, clock, metrics, Limits::default()), desks)
}
