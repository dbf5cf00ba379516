//! What all routes share: the ledgers, the sessions, the clock, the limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use ledger_spec::time::Day;
use tokio::sync::Semaphore;

use super::latest::Latest;
use super::nonces::Nonces;
use super::problem::Problem;
use super::sessions::Sessions;
use crate::clock::Clock;
use crate::config::Limits;
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::query::ShopDays;
use crate::query::participation::Release;
use crate::query::participation::population::Population;
use crate::query::rewards::RevokedCards;

/// Frames that are read at once. Each keeps a core busy; a page sends the next one after the
/// answer.
pub(super) const FRAMES_AT_ONCE_MAX: usize = 2;
/// PINs that are hashed at the same time; each takes memory and a core for a moment.
const PINS_AT_ONCE_MAX: usize = 2;

/// One ledger as the server holds it.
pub struct Ledger {
    /// Its name in URLs.
    pub name: String,
    /// The engine.
    pub engine: Engine,
    /// Whether everything in it is fictitious.
    pub(super) is_demo: bool,
    /// Inhabitants, for rates.
    pub(super) population: Option<Population>,
    pub(super) shop_days: ShopDays,
    /// The participation as it was released last, by the day of the log that it was made on: it
    /// changes with the day alone.
    pub(super) released: Latest<Day, Release>,
    /// The list of withdrawn cards as it was made last, by its second: making it looks at every
    /// card there ever was, and anybody may ask.
    pub(super) revoked: Latest<u64, RevokedCards>,
}

impl Ledger {
    /// A ledger to serve.
    #[must_use]
    pub fn new(name: String, engine: Engine) -> Self {
        let (shop_days, released, revoked) = Default::default();
        let (is_demo, population) = (false, None);
        Self { name, engine, is_demo, population, shop_days, released, revoked }
    }

    /// The same as a demo: its pages say that everything is fictitious.
    #[must_use]
    pub fn as_demo(self) -> Self {
        Self { is_demo: true, ..self }
    }

    /// The same with the numbers of inhabitants.
    #[must_use]
    pub fn with_population(self, population: Option<Population>) -> Self {
        Self { population, ..self }
    }
}

/// All that the routes share.
pub struct Server {
    pub(super) ledgers: BTreeMap<String, Arc<Ledger>>,
    /// The ledger that the first page speaks of.
    pub(super) first: Arc<Ledger>,
    pub(super) sessions: Sessions,
    /// Places for camera frames that are being read.
    pub(super) frames: Arc<Semaphore>,
    /// Places for PINs that are being hashed.
    pub(super) pins: Arc<Semaphore>,
    /// PIN entries that were looked at.
    pub(super) pin_entries: Nonces,
    /// The clock that all its ledgers go by.
    pub clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) limits: Limits,
}

/// What a handler takes to ask the server.
pub(crate) type App = State<Arc<Server>>;

impl Server {
    /// A server of these ledgers; `None` without any. The first page speaks of the first.
    #[must_use]
    pub fn new(
        ledgers: Vec<Ledger>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        limits: Limits,
    ) -> Option<Arc<Self>> {
        let ledgers: Vec<Arc<Ledger>> = ledgers.into_iter().map(Arc::new).collect();
        let first = Arc::clone(ledgers.first()?);
        let ledgers = ledgers.into_iter().map(|ledger| (ledger.name.clone(), ledger)).collect();
        let sessions = Sessions::default();
        let frames = Arc::new(Semaphore::new(FRAMES_AT_ONCE_MAX));
        let pins = Arc::new(Semaphore::new(PINS_AT_ONCE_MAX));
        let pin_entries = Nonces::default();
        Some(Arc::new(Self {
            ledgers,
            first,
            sessions,
            frames,
            pins,
            pin_entries,
            clock,
            metrics,
            limits,
        }))
    }

    /// The ledger of a name.
    ///
    /// # Errors
    /// The problem that there is none.
    pub fn ledger(&self, name: &str) -> Result<&Arc<Ledger>, Problem> {
        self.ledgers.get(name).ok_or(Problem::ledger_unknown())
    }

    pub(super) fn now_s(&self) -> u64 {
        self.clock.wall_ms() / 1_000
    }

    pub(super) fn today(&self) -> Day {
        Day::of_ms(self.clock.wall_ms())
    }
}
