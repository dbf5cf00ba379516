//! The ledger under test: in a folder of its own, served as `kenmai serve` does it, and opened again at the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kenmai::clock::{ClockPolicy, SystemClock};
use kenmai::config::Limits;
use kenmai::engine::{Engine, EngineConfig, Ground};
use kenmai::http::{self, Ledger, Server};
use kenmai::keys::LedgerKeys;
use kenmai::log::LOG_FOLDER;
use kenmai::log::disk::RealDisk;
use kenmai::metrics::Metrics;
use ledger_spec::cbor;
use ledger_spec::ids::{AccountId, PlaceId, Seq};
use ledger_spec::note::VerifierKey;
use ledger_spec::points::Fund;
use ledger_spec::receipt::Receipt;
use ledger_spec::rows::Account;
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::city::{City, FUNDS, LOT_POINTS, PAYMENT_POINTS};

/// The ledger's name in URLs.
pub(crate) const NAME: &str = "load-test";
const ORIGIN: &str = "load.kenmai.example/load-test";
/// The name of the server's threads, by which their processor time is told apart.
pub(crate) const THREADS: &str = "server";

/// The folders of the ledger.
pub(crate) struct Place {
    data: PathBuf,
    keys: PathBuf,
}

impl Place {
    /// Folders in `folder` that do not exist yet.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { data: folder.join("data"), keys: folder.join("keys") }
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
            queue_entries: Limits::default().queue_entries.get(),
            clock_policy: ClockPolicy::Guard { max_gap_ms: 3_600_000 },
        };
        let ground = Ground {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            metrics: metrics.ledger(NAME),
        };
        let keys = LedgerKeys::load(&self.keys)?;
        let (engine, torn) = Engine::open(&config, keys, ground)?;
        if torn.is_some() {
            return Err("the ledger was closed in order, yet its log has a torn end".into());
        }
        Ok(engine)
    }
}

/// A server at work on a loopback socket; dropping it closes its ledger.
pub(crate) struct Serving {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Serving {
    /// Serves the ledger with the default limits, on a runtime of its own.
    pub(crate) fn start(engine: Engine, metrics: Metrics) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().thread_name(THREADS).enable_all().build()?;
        let listener = runtime
            .block_on(http::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "nothing"))?;
        let address = listener.local_addr()?;
        let ledger = Ledger::new(NAME.to_owned(), engine, None);
        let server = Server::new(vec![ledger], Arc::new(SystemClock), metrics, Limits::default());
        let server = server.ok_or("a server without ledgers")?;
        // A server that ends early is seen by its callers.
        drop(runtime.spawn(http::serve(server, listener, None)));
        Ok(Self { address, _runtime: runtime })
    }
}

/// A receipt that came with a verdict: the leaf that it proves, and its place.
pub(crate) struct Proved {
    seq: Seq,
    leaf: Vec<u8>,
}

impl Proved {
    /// Checks the proof in a verdict against the log's key.
    pub(crate) fn check(verdict: &[u8], log: &VerifierKey) -> Result<Self, Failure> {
        let verdict: serde_json::Value = serde_json::from_slice(verdict)?;
        let proof = verdict.get("proof").and_then(|proof| proof.as_str());
        let receipt = Receipt::parse(proof.ok_or("a verdict without proof")?)?;
        let mut extra = cbor::Reader::new(&receipt.extra);
        extra.array_of(1, "extra")?;
        let leaf = extra.bytes()?.to_vec();
        receipt.verify(&leaf, log)?;
        Ok(Self { seq: Seq(receipt.index), leaf })
    }
}

/// Compares the books of a ledger, opened again from its files, with the payments that the city signed.
pub(crate) fn audit(engine: &Engine, city: &City, proved: &[Proved]) -> Result<(), Failure> {
    let state = engine.state()?;
    let due = |place: &PlaceId| state.shops.get(place).copied().unwrap_or(0);
    for shop in &city.shops {
        check("due to a shop", due(&shop.place), shop.payments * u64::from(PAYMENT_POINTS))?;
    }
    let account = |account: &AccountId| state.accounts.get(account).ok_or("an account is missing");
    let left = |account: &Account| account.lots.iter().map(|l| u64::from(l.points)).sum::<u64>();
    let had = u64::from(LOT_POINTS) * FUNDS.len() as u64;
    let mut left_in_all = 0;
    for resident in &city.residents {
        let points = left(account(&resident.account)?);
        let spent = u64::from(resident.payments) * u64::from(PAYMENT_POINTS);
        check("left in an account", points, had - spent)?;
        left_in_all += points;
    }
    // Granted = left + redeemed, by the ledger's own three sums.
    let granted: u64 = state.budgets.values().map(|budget| budget.granted).sum();
    check("granted", granted, left_in_all + state.shops.values().sum::<u64>())?;
    let of_fund = |fund: Fund| {
        let budgets = state.budgets.iter().filter(move |((of, _), _)| *of == fund);
        budgets.map(|(_, budget)| budget.granted).sum::<u64>()
    };
    for fund in FUNDS {
        check(
            "granted of a fund",
            of_fund(fund),
            u64::from(LOT_POINTS) * city.residents.len() as u64,
        )?;
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

fn check(what: &str, found: u64, expected: u64) -> Result<(), Failure> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("points {what}: the ledger says {found}, the verdicts {expected}").into())
    }
}
