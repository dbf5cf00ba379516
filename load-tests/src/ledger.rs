//! A ledger of one's own: in a folder, served as `kenmai serve` does it, and opened again at the
//! end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kenmai::clock::{ClockPolicy, SystemClock};
use kenmai::config::Limits;
use kenmai::demo::door::{self, Desks};
use kenmai::engine::{Engine, EngineConfig, Environment};
use kenmai::http::{self, Ledger, Server};
use kenmai::keys::LedgerKeys;
use kenmai::log::LOG_FOLDER;
use kenmai::log::disk::RealDisk;
use kenmai::metrics::Metrics;
use ledger_spec::points::Fund;
use ledger_spec::state::Account;
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::city::City;
use crate::founding::{FUNDS, LOT_POINTS};
use crate::http::Endpoint;
use crate::operations::{Book, compare};
use crate::proofs::Proved;

/// The ledger's name in URLs.
pub(crate) const NAME: &str = "load-test";
const ORIGIN: &str = "load.kenmai.example/load-test";
/// The name of the server's threads, by which their processor time is told apart.
pub(crate) const THREADS: &str = "server";

/// The folders of the ledger.
pub(crate) struct SpentAt {
    data: PathBuf,
    keys: PathBuf,
    limits: Limits,
}

impl SpentAt {
    /// Folders in `folder` that do not exist yet.
    pub(crate) fn in_folder(folder: &Path, limits: Limits) -> Self {
        Self { data: folder.join("data"), keys: folder.join("keys"), limits }
    }

    /// The log's folder.
    pub(crate) fn log(&self) -> PathBuf {
        self.data.join(LOG_FOLDER)
    }

    /// Makes the ledger's keys.
    pub(crate) fn make_keys(&self) -> Result<LedgerKeys, Failure> {
        Ok(LedgerKeys::create(&self.keys)?)
    }

    /// Opens the ledger on the real disk and by the real clock.
    pub(crate) fn open(&self, metrics: &Metrics) -> Result<Engine, Failure> {
        let config = EngineConfig {
            origin: ORIGIN.to_owned(),
            data_folder: self.data.clone(),
            queue_entries: self.limits.queue_entries.get(),
            clock_policy: ClockPolicy::Guard { max_gap_ms: 3_600_000 },
        };
        let environment = Environment {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            metrics: metrics.ledger(NAME),
        };
        let keys = LedgerKeys::load(&self.keys)?;
        let (engine, torn) = Engine::open(&config, keys, environment)?;
        if torn.is_some() {
            return Err("the ledger was closed in order, yet its log has a torn end".into());
        }
        Ok(engine)
    }
}

/// A server at work on a loopback socket; dropping it closes its ledger.
pub(crate) struct Serving {
    /// Where its ledger is.
    pub(crate) endpoint: Endpoint,
    _runtime: Runtime,
}

impl Serving {
    /// Serves the ledger on a runtime of its own.
    pub(crate) fn start(ledger: Ledger, metrics: Metrics, limits: Limits) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().thread_name(THREADS).enable_all().build()?;
        let listener = runtime
            .block_on(http::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "nothing"))?;
        let (address, name) = (listener.local_addr()?.to_string(), ledger.name.clone());
        let server = Server::new(vec![ledger], Arc::new(SystemClock), metrics, limits);
        let server = server.ok_or("a server without ledgers")?;
        // A server that ends early is seen by its callers.
        let app = door::router(Arc::clone(&server), Desks::new());
        drop(runtime.spawn(http::serve(server, app, listener, None)));
        Ok(Self { endpoint: Endpoint { address, ledger: name }, _runtime: runtime })
    }
}

/// Compares the books of a ledger, opened again from its files, with what the verdicts said.
pub(crate) fn audit(
    engine: &Engine,
    city: &City,
    book: &Book,
    proved: &[Proved],
) -> Result<(), Failure> {
    let state = engine.state()?;
    for (number, shop) in city.shops.iter().enumerate() {
        let due = state.shops.get(&shop.place).map_or(0, |row| row.total);
        let expected = shop.due + book.due.get(&number).copied().unwrap_or(0);
        compare("due to a shop", due, expected)?;
    }
    let left = |account: &Account| account.lots.iter().map(|l| u64::from(l.points)).sum::<u64>();
    let mut left_in_all = 0;
    for (number, resident) in city.residents.iter().enumerate() {
        let account = state.accounts.get(&resident.account).ok_or("an account is missing")?;
        compare("left in an account", left(account), book.left(number, resident.held)?)?;
        left_in_all += left(account);
    }
    // Granted = left + redeemed, by the ledger's own three sums.
    let granted: u64 = state.budgets.values().map(|budget| budget.granted).sum();
    compare(
        "granted",
        granted,
        left_in_all + state.shops.values().map(|row| row.total).sum::<u64>(),
    )?;
    let of_fund = |fund: Fund| {
        let budgets = state.budgets.iter().filter(move |((of, _), _)| *of == fund);
        budgets.map(|(_, budget)| budget.granted).sum::<u64>()
    };
    for fund in FUNDS {
        let at_first = u64::from(LOT_POINTS) * city.residents.len() as u64;
        let since = book.granted.get(&fund).copied().unwrap_or(0);
        compare("granted of a fund", of_fund(fund), at_first + since)?;
    }
    drop(state);
    for Proved { seq, leaf } in proved {
        let (entry, _) = engine.entry(*seq)?.ok_or("an entry that was proved is missing")?;
        if entry.leaf() != *leaf {
            return Err(format!("entry {seq} is not the one that its receipt proved").into());
        }
    }
    Ok(())
}
