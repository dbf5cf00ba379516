//! `kenmai demo`: a fictitious city to play with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Bar, Outcome, say, serve};
use crate::clock::{Clock, SystemClock};
use crate::config::Limits;
use crate::demo;
use crate::http::{Ledger, Server};
use crate::query::participation::population::Population;

/// Start the demo city, made at the first start. All persons and shops are fictitious.
#[derive(clap::Args)]
pub struct Args {
    /// Where the city is kept; delete the folder to begin anew.
    #[arg(long, value_name = "DIR", default_value = "./kenmai-data")]
    pub data: PathBuf,
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where Prometheus finds /metrics; nowhere unless told.
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for Args {
    fn default() -> Self {
        let listen = ([127, 0, 0, 1], 8080).into();
        Self { data: "./kenmai-data".into(), listen, metrics_listen: None }
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
    let bar = Bar::new("デモ都市をつくっています / making the demo city");
    let city = demo::open(
        &args.data,
        Arc::clone(&clock),
        metrics.ledger(demo::LEDGER_NAME),
        |done, total| bar.show(done.into(), total.into()),
    )?;
    drop(bar);
    say(format!("{} entries in {}", city.entries, args.data.display()));
    let population = Population::read(&args.data.join(demo::LEDGER_NAME))?;
    let ledger = Ledger::new(demo::LEDGER_NAME.to_owned(), city.engine, Some(city.desk))
        .with_population(population);
    serve::run_server(doors, Server::new(vec![ledger], clock, metrics, Limits::default()))
}
