//! The demo cities' folders: each made whole or not at all, and opened again after any pause.
//!
//! ```text
//! DATA/yaizu-demo/   the ledger: log and registry
//! DATA/secrets/      the server's own keys
//! DATA/demo-keys/    private keys of the city, for anyone who wants to play a part
//! DATA/minato-demo/  the second city: a folder with the same three folders in it
//! ```
//!
//! A city is made in a folder inside its home and its three folders move out when it is whole,
//! `demo-keys` last: that one says that a city is there. So `DATA` may be a mounted volume, or a
//! folder whose parent belongs to somebody else. The second city is begun after the first is whole,
//! so what a crash leaves is always one unfinished city at most.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use ledger_spec::checkpoint::CheckpointError;
use ledger_spec::time::Day;
use serde_json::{Value, json};

use super::blueprint::{Blueprint, HISTORY_DAYS, OPEN_PHONES, population_csv};
use super::cast::Cast;
use super::city::found;
use super::client::{CityError, Progress};
use super::desk::Desk;
use super::draft::{DraftDisk, make_durable};
use super::history::fill;
use super::staged_clock::StagedClock;
use crate::clock::{Clock, ClockPolicy};
use crate::config::{ConfigError, LedgerFile};
use crate::engine::{Engine, EngineConfig, EngineError, Environment};
use crate::keys::{self, KeyError, LedgerKeys};
use crate::log::disk::{Disk, RealDisk};
use crate::metrics::LedgerMetrics;

const SECRETS: &str = "secrets";
const KEYS: &str = "demo-keys";
const SEED: &str = "demo.seed";
/// Inhabitants by district and age, in the ledger's folder.
const POPULATION: &str = "population.csv";
/// Holds a city that is not whole; whatever a crash leaves in it, the next start removes.
const MAKING: &str = ".demo.making";
/// A file in a folder of secrets that says whose they are: a demo's, which `kenmai serve` refuses.
pub const DEMO_MARK: &str = "DEMO";
/// Statements that may wait; the history is sent in bursts of up to 600.
const QUEUE_ENTRIES: usize = 1_024;

fn readme(city: &Blueprint) -> String {
    format!(
        "\
These are the private keys of a demo city that does not exist. Whoever has them can play its
stations, coaches, shops, a partner service and some of its residents:

    python3 ledger-spec/examples/station.py --url http://localhost:8080 --ledger {ledger} --keys THIS-FOLDER
    python3 ledger-spec/examples/coach.py   --url http://localhost:8080 --ledger {ledger} --keys THIS-FOLDER
    python3 ledger-spec/examples/shop.py    --url http://localhost:8080 --ledger {ledger} --keys THIS-FOLDER
    python3 ledger-spec/examples/partner.py --url http://localhost:8080 --ledger {ledger} --keys THIS-FOLDER

index.json says which file belongs to whom. The files are PKCS#8 PEM (Ed25519, RFC 8410).
demo.seed is what all keys of the city come from. A real ledger never holds the keys of its actors,
and `kenmai serve` refuses this ledger.

この鍵は架空のデモ都市のものです。測定ステーション、保健師、お店、連携先、住民の役を試せます。
実際の台帳のサーバーは、利用者や店の鍵を持ちません。
",
        ledger = city.ledger
    )
}

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

/// A demo city at work.
pub struct DemoCity {
    /// Its ledger.
    pub engine: Engine,
    /// Its front desk.
    pub desk: Desk,
    /// Entries in its log.
    pub entries: u64,
}

/// Where the figures of a city's ledger go while it is made, and when it serves.
pub struct CityMetrics {
    /// Nobody reads them.
    pub making: LedgerMetrics,
    /// What the server shows.
    pub serving: LedgerMetrics,
}

/// Opens the demo city of a blueprint in its home, founding it first where there is none, and lives
/// the days up to yesterday that are not yet in the log. A city that is there keeps the size that
/// it was founded with. `progress` hears how far it is.
///
/// # Errors
/// [`OpenError`]
pub fn open(
    home: &Path,
    city: Blueprint,
    clock: Arc<dyn Clock>,
    metrics: CityMetrics,
    mut progress: impl FnMut(Progress),
) -> Result<DemoCity, OpenError> {
    let today = Day::of_ms(clock.wall_ms());
    let staged = Arc::new(StagedClock::over(clock));
    fs::create_dir_all(home).map_err(file_error("create", home))?;
    // Two starts at once would make the city twice, one over the other.
    let alone = RealDisk.try_lock(home).map_err(file_error("lock", home))?;
    let _alone = alone.ok_or_else(|| OpenError::InUse(home.to_owned()))?;
    let making = home.join(MAKING);
    if !home.join(KEYS).join(SEED).is_file() {
        remove_remains(home, &city)?;
        make(&making, city, &staged, metrics.making, today, &mut progress)?;
        for folder in [city.ledger, SECRETS, KEYS] {
            let place = home.join(folder);
            fs::rename(making.join(folder), &place).map_err(file_error("move to", &place))?;
        }
        RealDisk.sync_dir(home).map_err(file_error("write", home))?;
    }
    if making.exists() {
        fs::remove_dir_all(&making).map_err(file_error("remove", &making))?;
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (engine, cast) = engine_in(home, city, &staged, metrics.serving, disk)?;
    let cast = cast.once_founded(&*engine.state()?);
    write_population(&home.join(city.ledger), &city)?;
    let from = first_day_to_live(&engine)?.filter(|day| *day < today).unwrap_or(today);
    fill(&engine, &cast, &staged, from, today.minus(1), &mut progress)?;
    let entries = engine.state()?.size;
    Ok(DemoCity { engine, desk: Desk::new(cast), entries })
}

/// The first day that may lack its history: one that has entries, by a visitor perhaps, or the one
/// after all closed ones.
fn first_day_to_live(engine: &Engine) -> Result<Option<Day>, OpenError> {
    let state = engine.state()?;
    let begun = state.days.keys().next_back().copied();
    Ok(begun.or_else(|| state.closed.keys().next_back().map(|day| day.plus(1))))
}

/// Removes what a founding left that did not come to its end.
fn remove_remains(home: &Path, city: &Blueprint) -> Result<(), OpenError> {
    let names = RealDisk.list(home).map_err(file_error("read", home))?;
    let ours = |name: &String| [MAKING, city.ledger, SECRETS].contains(&name.as_str());
    let unfinished = names.iter().any(|name| name == MAKING) && names.iter().all(ours);
    if !names.is_empty() && !unfinished {
        return Err(OpenError::Foreign(home.to_owned()));
    }
    // The mark of an unfinished city goes last.
    let there = |name: &&str| names.iter().any(|found| found == name);
    for name in [city.ledger, SECRETS, MAKING].into_iter().filter(there) {
        let folder = home.join(name);
        fs::remove_dir_all(&folder).map_err(file_error("remove", &folder))?;
    }
    Ok(())
}

fn engine_in(
    home: &Path,
    city: Blueprint,
    staged: &Arc<StagedClock>,
    metrics: LedgerMetrics,
    disk: Arc<dyn Disk>,
) -> Result<(Engine, Cast), OpenError> {
    let secrets = LedgerKeys::load(&home.join(SECRETS))?;
    let seed = keys::read_secret(&home.join(KEYS).join(SEED))?;
    let config = EngineConfig {
        origin: city.origin.to_owned(),
        data_folder: home.join(city.ledger),
        queue_entries: QUEUE_ENTRIES,
        clock_policy: ClockPolicy::AlwaysAccept,
    };
    let clock: Arc<dyn Clock> = Arc::<StagedClock>::clone(staged);
    let (engine, torn) = Engine::open(&config, secrets, Environment { disk, clock, metrics })?;
    if let Some(torn) = torn {
        tracing::warn!(?torn, "an unfinished frame was set aside");
    }
    Ok((engine, Cast::new(*seed, city)))
}

/// Makes the city; when this returns, it is whole and durable.
fn make(
    making: &Path,
    city: Blueprint,
    staged: &Arc<StagedClock>,
    metrics: LedgerMetrics,
    today: Day,
    progress: &mut impl FnMut(Progress),
) -> Result<(), OpenError> {
    fs::create_dir_all(making).map_err(file_error("create", making))?;
    let secrets = LedgerKeys::create(&making.join(SECRETS))?;
    let mark = making.join(SECRETS).join(DEMO_MARK);
    fs::write(&mark, "These secrets belong to a demo.\n").map_err(file_error("write", &mark))?;
    let ledger_folder = making.join(city.ledger);
    fs::create_dir_all(&ledger_folder).map_err(file_error("create", &ledger_folder))?;
    let file = LedgerFile::new(city.origin, true, &secrets);
    file.map_err(|error| EngineError::from(CheckpointError::from(error)))?.write(&ledger_folder)?;
    let key_folder = making.join(KEYS);
    fs::create_dir_all(&key_folder).map_err(file_error("create", &key_folder))?;
    let seed = keys::random_secret()?;
    keys::write_secret(&key_folder.join(SEED), &seed)?;
    hand_out(&key_folder, &Cast::new(*seed, city))?;
    let LedgerKeys { system, pin, .. } = secrets;
    let first_day = today.minus(HISTORY_DAYS);
    staged.set_ms(first_day.start_ms());
    let (engine, cast) = engine_in(making, city, staged, metrics, Arc::new(DraftDisk))?;
    found(&engine, &cast, &system, &pin, staged, first_day, progress)?;
    fill(&engine, &cast, staged, first_day, today.minus(1), progress)?;
    drop(engine);
    make_durable(making).map_err(file_error("write", making))
}

/// Writes the number of inhabitants beside the ledger, where it is not there.
fn write_population(folder: &Path, city: &Blueprint) -> Result<(), OpenError> {
    let path = folder.join(POPULATION);
    if path.exists() {
        return Ok(());
    }
    let half = folder.join(format!("{POPULATION}.half"));
    fs::write(&half, population_csv(city)).map_err(file_error("write", &half))?;
    fs::rename(&half, &path).map_err(file_error("write", &path))
}

/// Writes the keys that anyone may play with, and who they belong to.
fn hand_out(folder: &Path, cast: &Cast) -> Result<(), OpenError> {
    let write = |name: &str, key: &SigningKey| keys::write_actor_key(&folder.join(name), key);
    let mut stations = Vec::new();
    for (number, name) in cast.city.stations.iter().enumerate() {
        let file = format!("station-{}.pem", number + 1);
        write(&file, &cast.station(number))?;
        let place = cast.station_place(number).to_string();
        stations.push(json!({"key": file, "place": place, "name": name}));
    }
    let mut coaches = Vec::new();
    for number in 0..cast.city.coaches.len() {
        let file = format!("coach-{}.pem", number + 1);
        write(&file, &cast.coach(number))?;
        coaches.push(json!({"key": file, "name": format!("coach {}", number + 1)}));
    }
    let mut shops = Vec::new();
    for (number, name) in cast.city.shops.iter().enumerate() {
        let file = format!("shop-{:02}.pem", number + 1);
        write(&file, &cast.till(number))?;
        let place = cast.shop_place(number).to_string();
        shops.push(json!({"key": file, "place": place, "name": name}));
    }
    write("partner.pem", &cast.partner())?;
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
        "ledger": cast.city.ledger, "origin": cast.city.origin,
        "stations": stations, "coaches": coaches, "shops": shops, "phones": phones,
        "partner": {"key": "partner.pem", "name": "partner"},
    });
    let index = serde_json::to_string_pretty(&index).unwrap_or_default();
    for (name, text) in [("index.json", index), ("README.txt", readme(&cast.city))] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(file_error("write", &path))?;
    }
    Ok(())
}
