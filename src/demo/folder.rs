//! The demo city's folder: made whole or not at all, and opened again after any pause.
//!
//! ```text
//! DATA/yaizu-demo/   the ledger: log and registry
//! DATA/secrets/      the server's own keys
//! DATA/demo-keys/    private keys of the city, for anyone who wants to play a part
//! ```
//!
//! The city is made in a folder inside `DATA` and its three folders move out when it is whole, `demo-keys` last: that one
//! says that a city is there. So `DATA` may be a mounted volume, or a folder whose parent belongs to somebody else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use ledger_spec::time::Day;
use serde_json::{Value, json};

use super::{
    COACHES, Cast, CityError, Desk, HISTORY_DAYS, LEDGER_NAME, OPEN_PHONES, ORIGIN, SHOPS,
    STATIONS, StagedClock, fill, found,
};
use crate::clock::{Clock, ClockPolicy};
use crate::config::{ConfigError, LedgerFile};
use crate::engine::{Engine, EngineConfig, EngineError, Ground};
use crate::keys::{self, KeyError, LedgerKeys};
use crate::log::disk::{Disk, RealDisk};
use crate::metrics::LedgerMetrics;

const SECRETS: &str = "secrets";
const KEYS: &str = "demo-keys";
const SEED: &str = "demo.seed";
/// Holds a city that is not whole; whatever a crash leaves in it, the next start removes.
const MAKING: &str = ".demo.making";
/// A file in a folder of secrets that says whose they are: a demo's, which `kenmai serve` refuses.
pub const DEMO_MARK: &str = "DEMO";
/// Statements that may wait; the history is sent in bursts of up to 600.
const QUEUE_ENTRIES: usize = 1_024;

const README: &str = "\
These are the private keys of a demo city that does not exist. Whoever has them can play its
stations, coaches, shops and some of its residents:

    python3 ledger-spec/examples/station.py --url http://localhost:8080 --ledger yaizu-demo --keys THIS-FOLDER
    python3 ledger-spec/examples/coach.py   --url http://localhost:8080 --ledger yaizu-demo --keys THIS-FOLDER
    python3 ledger-spec/examples/shop.py    --url http://localhost:8080 --ledger yaizu-demo --keys THIS-FOLDER

index.json says which file belongs to whom. The files are PKCS#8 PEM (Ed25519, RFC 8410).
demo.seed is what all keys of the city come from. A real ledger never holds the keys of its actors,
and `kenmai serve` refuses this ledger.

この鍵は架空のデモ都市のものです。測定ステーション、保健師、お店、住民の役を試せます。
実際の台帳のサーバーは、利用者や店の鍵を持ちません。
";

/// Why the demo city cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder holds something else.
    #[error("{path} holds something that is no demo city; choose another folder with --data", path = .0.display())]
    Foreign(PathBuf),
    /// Another process makes or opens the city.
    #[error("another kenmai is opening {path}; wait for it, or choose another folder with --data", path = .0.display())]
    InUse(PathBuf),
    /// A file or folder.
    #[error("cannot {action} {path}: {source}; check the folder's owner and the free space, or choose another with --data", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's report.
        source: io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file that says whose ledger it is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The ledger or the city.
    #[error(transparent)]
    City(#[from] CityError),
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        Self::City(error.into())
    }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::File { action, path: path.to_owned(), source }
}

/// The demo city at work.
pub struct City {
    /// Its ledger.
    pub engine: Engine,
    /// Its front desk.
    pub desk: Desk,
    /// Entries in its log.
    pub entries: u64,
}

/// Opens the demo city in `data`, founding it first where there is none, and lives the days up to yesterday that are not
/// yet in the log. `progress` hears of days done and days in all.
///
/// # Errors
/// [`OpenError`]
pub fn open(
    data: &Path,
    clock: Arc<dyn Clock>,
    metrics: LedgerMetrics,
    mut progress: impl FnMut(u32, u32),
) -> Result<City, OpenError> {
    let today = Day::of_ms(clock.wall_ms());
    let staged = Arc::new(StagedClock::over(clock));
    fs::create_dir_all(data).map_err(file_error("create", data))?;
    // Two starts at once would make the city twice, one over the other.
    let alone = RealDisk.try_lock(data).map_err(file_error("lock", data))?;
    let _alone = alone.ok_or_else(|| OpenError::InUse(data.to_owned()))?;
    let making = data.join(MAKING);
    if !data.join(KEYS).join(SEED).is_file() {
        remove_remains(data)?;
        let city = make(&making, &staged, metrics.clone(), today, &mut progress)?;
        drop(city);
        for folder in [LEDGER_NAME, SECRETS, KEYS] {
            let place = data.join(folder);
            fs::rename(making.join(folder), &place).map_err(file_error("move to", &place))?;
        }
    }
    if making.exists() {
        fs::remove_dir_all(&making).map_err(file_error("remove", &making))?;
    }
    let (engine, cast) = engine_in(data, &staged, metrics)?;
    let lived = engine.state()?.closed.keys().next_back().copied();
    let last = lived.max(last_open_day(&engine)?);
    if let Some(missed) = last.map(|day| day.plus(1)).filter(|day| *day < today) {
        let days = today.0 - missed.0;
        let mut done = 0;
        fill(&engine, &cast, &staged, (missed, today.minus(1)), |_| {
            done += 1;
            progress(done, days);
        })?;
    } else {
        fill(&engine, &cast, &staged, (today, today.minus(1)), |_| {})?;
    }
    let entries = engine.state()?.size;
    Ok(City { engine, desk: Desk::new(cast), entries })
}

/// Removes what a founding left that did not come to its end.
fn remove_remains(data: &Path) -> Result<(), OpenError> {
    let names = RealDisk.list(data).map_err(file_error("read", data))?;
    let ours = |name: &String| [MAKING, LEDGER_NAME, SECRETS].contains(&name.as_str());
    let unfinished = names.iter().any(|name| name == MAKING) && names.iter().all(ours);
    if !names.is_empty() && !unfinished {
        return Err(OpenError::Foreign(data.to_owned()));
    }
    // The mark of an unfinished city goes last.
    for name in [LEDGER_NAME, SECRETS, MAKING].into_iter().filter(|n| names.iter().any(|f| f == n))
    {
        let folder = data.join(name);
        fs::remove_dir_all(&folder).map_err(file_error("remove", &folder))?;
    }
    Ok(())
}

fn last_open_day(engine: &Engine) -> Result<Option<Day>, OpenError> {
    Ok(engine.state()?.days.keys().next_back().copied())
}

fn engine_in(
    data: &Path,
    staged: &Arc<StagedClock>,
    metrics: LedgerMetrics,
) -> Result<(Engine, Cast), OpenError> {
    let secrets = LedgerKeys::load(&data.join(SECRETS))?;
    let seed = keys::read_secret(&data.join(KEYS).join(SEED))?;
    let config = EngineConfig {
        origin: ORIGIN.to_owned(),
        data_folder: data.join(LEDGER_NAME),
        queue_entries: QUEUE_ENTRIES,
        clock_policy: ClockPolicy::AlwaysAccept,
    };
    let clock: Arc<dyn Clock> = Arc::<StagedClock>::clone(staged);
    let ground = Ground { disk: Arc::new(RealDisk), clock, metrics };
    let (engine, torn) = Engine::open(&config, secrets, ground)?;
    if let Some(torn) = torn {
        tracing::warn!(?torn, "an unfinished frame was set aside");
    }
    Ok((engine, Cast::new(*seed, ORIGIN)))
}

fn make(
    making: &Path,
    staged: &Arc<StagedClock>,
    metrics: LedgerMetrics,
    today: Day,
    progress: &mut impl FnMut(u32, u32),
) -> Result<Engine, OpenError> {
    fs::create_dir_all(making).map_err(file_error("create", making))?;
    let secrets = LedgerKeys::create(&making.join(SECRETS))?;
    let mark = making.join(SECRETS).join(DEMO_MARK);
    fs::write(&mark, "These secrets belong to a demo.\n").map_err(file_error("write", &mark))?;
    let ledger_folder = making.join(LEDGER_NAME);
    fs::create_dir_all(&ledger_folder).map_err(file_error("create", &ledger_folder))?;
    LedgerFile { origin: ORIGIN.to_owned(), demo: true }.write(&ledger_folder)?;
    let key_folder = making.join(KEYS);
    fs::create_dir_all(&key_folder).map_err(file_error("create", &key_folder))?;
    let seed = keys::random_secret()?;
    keys::write_secret(&key_folder.join(SEED), &seed)?;
    hand_out(&key_folder, &Cast::new(*seed, ORIGIN))?;
    let LedgerKeys { system, pin, .. } = secrets;
    let first_day = today.minus(HISTORY_DAYS);
    staged.set_ms(first_day.start_ms());
    let (engine, cast) = engine_in(making, staged, metrics)?;
    found(&engine, &cast, (&system, &pin), staged, first_day)?;
    let mut done = 0;
    fill(&engine, &cast, staged, (first_day, today.minus(1)), |_| {
        done += 1;
        progress(done, HISTORY_DAYS);
    })?;
    Ok(engine)
}

/// Writes the keys that anyone may play with, and who they belong to.
fn hand_out(folder: &Path, cast: &Cast) -> Result<(), OpenError> {
    let write = |name: &str, key: &SigningKey| keys::write_actor_key(&folder.join(name), key);
    let mut stations = Vec::new();
    for (number, name) in STATIONS.iter().enumerate() {
        let file = format!("station-{}.pem", number + 1);
        write(&file, &cast.station(number))?;
        let place = cast.station_place(number).to_string();
        stations.push(json!({"key": file, "place": place, "name": name}));
    }
    let mut coaches = Vec::new();
    for number in 0..COACHES {
        let file = format!("coach-{}.pem", number + 1);
        write(&file, &cast.coach(number))?;
        coaches.push(json!({"key": file, "name": format!("coach {}", number + 1)}));
    }
    let mut shops = Vec::new();
    for (number, name) in SHOPS.iter().enumerate() {
        let file = format!("shop-{:02}.pem", number + 1);
        write(&file, &cast.till(number))?;
        let place = cast.shop_place(number).to_string();
        shops.push(json!({"key": file, "place": place, "name": name}));
    }
    let mut phones: Vec<Value> = Vec::new();
    for number in 0..OPEN_PHONES {
        let file = format!("phone-{:03}.pem", number + 1);
        write(&file, &cast.phone(number))?;
        phones.push(json!({
            "key": file,
            "account": cast.account(number).to_string(),
            "card": HEXLOWER.encode(&cast.card(number)),
        }));
    }
    let index = json!({
        "ledger": LEDGER_NAME, "origin": ORIGIN,
        "stations": stations, "coaches": coaches, "shops": shops, "phones": phones,
    });
    let index = serde_json::to_string_pretty(&index).unwrap_or_default();
    for (name, text) in [("index.json", index.as_str()), ("README.txt", README)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(file_error("write", &path))?;
    }
    Ok(())
}
