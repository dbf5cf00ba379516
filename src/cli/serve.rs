//! `kenmai serve`: ledgers of real cities.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::console::say;
use super::options::{ledger_file, ledger_keys};
use super::outcome::{CliError, ExitStatus, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::demo::DEMO_MARK;
use crate::demo::door::{self, Desks};
use crate::engine::{Engine, EngineConfig, Environment};
use crate::http::{self, Ledger, Server};
use crate::log::disk::RealDisk;
use crate::metrics::Metrics;
use crate::query::participation::population::Population;

/// Serve the ledgers of a configuration file.
#[derive(clap::Args)]
#[command(
    after_help = "`kenmai init` writes such a file. A demo's ledger or keys are refused: everyone has them."
)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let config = load(&args.config)?;
    let listeners = Listeners::open(
        (config.listen, "`listen` in the configuration"),
        config.metrics_listen.map(|address| (address, "`metrics_listen` in the configuration")),
    )?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = metrics()?;
    let mut ledgers = Vec::new();
    for ledger in &config.ledgers {
        let name = ledger.id.as_str();
        let engine_config = EngineConfig {
            origin: ledger.origin.clone(),
            data_folder: ledger.data.clone(),
            queue_entries: config.limits.queue_entries.get(),
            clock_policy: ledger.clock_policy(),
        };
        let environment = Environment {
            disk: Arc::new(RealDisk),
            clock: Arc::clone(&clock),
            metrics: metrics.ledger(name),
        };
        let secrets = ledger_keys(&ledger.data, &ledger.keys)?;
        let (engine, torn) = Engine::open(&engine_config, secrets, environment)?;
        if let Some(torn) = torn {
            tracing::warn!(ledger = name, ?torn, "an unfinished frame was set aside");
        }
        let population = Population::read(&ledger.data)?;
        ledgers.push(Ledger::new(name.to_owned(), engine).with_population(population));
    }
    listeners.announce()?;
    run_server(listeners, Server::new(ledgers, clock, metrics, config.limits), Desks::new())
}

/// Every metric, none counted yet.
///
/// # Errors
/// [`CliError::Refused`] where Prometheus does not take a name; the names are fixed.
pub fn metrics() -> Result<Metrics, CliError> {
    Metrics::new().map_err(|error| CliError::Refused(format!("the metrics: {error}")))
}

/// The sockets, open before anything is read or made, so that a port in use is told at once.
pub struct Listeners {
    runtime: Runtime,
    public: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Opens the sockets; with each address comes what sets it.
    ///
    /// # Errors
    /// [`CliError::Refused`] names the address and what sets it.
    pub fn open(
        public: (SocketAddr, &str),
        metrics: Option<(SocketAddr, &str)>,
    ) -> Result<Self, CliError> {
        let runtime = Runtime::new().map_err(CliError::file("start", Path::new("threads")))?;
        let listen = |(address, option): (SocketAddr, &str)| {
            runtime.block_on(http::listen(address, option)).map_err(CliError::Refused)
        };
        let (public, metrics) = (listen(public)?, metrics.map(listen).transpose()?);
        Ok(Self { runtime, public, metrics })
    }

    /// Says where the server is, and gives the public address.
    ///
    /// # Errors
    /// [`CliError::File`] where the system does not know the addresses.
    pub fn announce(&self) -> Result<SocketAddr, CliError> {
        let local = |listener: &TcpListener| {
            listener.local_addr().map_err(CliError::file("listen on", Path::new("the socket")))
        };
        if let Some(metrics) = &self.metrics {
            say(format!("metrics on http://{}/metrics", local(metrics)?));
        }
        let public = local(&self.public)?;
        say(format!("listening on http://{public}"));
        Ok(public)
    }
}

/// Serves, with the desks of its demo cities, until the process is told to stop.
///
/// # Errors
/// [`CliError::Refused`] when a ledger has stopped by itself, with its reason.
pub fn run_server(listeners: Listeners, server: Option<Arc<Server>>, desks: Desks) -> Outcome {
    let server =
        server.ok_or_else(|| CliError::Refused("there is no ledger to serve".to_owned()))?;
    let Listeners { runtime, public, metrics } = listeners;
    let app = door::router(Arc::clone(&server), desks);
    match runtime.block_on(http::serve(server, app, public, metrics)) {
        Ok(None) => Ok(ExitStatus::Well),
        Ok(Some(reason)) => Err(CliError::Refused(format!("a ledger stopped: {reason}"))),
        Err(source) => Err(CliError::file("serve on", Path::new("the socket"))(source)),
    }
}

/// The configuration, if no ledger in it is a demo's.
///
/// # Errors
/// [`CliError::Config`], and [`CliError::Refused`] for a demo or a data folder of another origin.
pub fn load(path: &Path) -> Result<Config, CliError> {
    let config = Config::load(path)?;
    for ledger in &config.ledgers {
        let found = ledger_file(&ledger.data)?;
        let data = ledger.data.display();
        if found.demo {
            return Err(CliError::Refused(format!(
                "{data} holds a demo, whose keys everyone has; make a ledger with `kenmai init`"
            )));
        }
        if ledger.keys.join(DEMO_MARK).exists() {
            return Err(CliError::Refused(format!(
                "{} holds the keys of a demo; make a ledger with `kenmai init`",
                ledger.keys.display()
            )));
        }
        if found.origin != ledger.origin {
            return Err(CliError::Refused(format!(
                "{data} holds the ledger {}, the configuration says {}; an origin never changes: correct the \
                 configuration",
                found.origin, ledger.origin
            )));
        }
    }
    Ok(config)
}
