//! A server at work, the city around it, and the book of what it acknowledged.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kenmai::clock::SystemClock;
use kenmai::config::Limits;
use kenmai::demo::{self, Blueprint, CityMetrics, YAIZU};
use kenmai::http::Ledger;
use kenmai::metrics::Metrics;
use ledger_spec::note::VerifierKey;
use tempfile::TempDir;

use crate::callers::{Round, Stream, send};
use crate::city::{By, City, Shops, now_s, session};
use crate::connect::{compare_books, enter, token_of};
use crate::founding::found;
use crate::http::{COSE, Client, Endpoint, SEQUENCE, number};
use crate::ledger::{Serving, SpentAt, THREADS, audit};
use crate::machine::{cpu_ns, folder_bytes, micros_since, stopwatch};
use crate::operations::{Book, Call, Operation};
use crate::proofs::Proved;
use crate::{Failure, Options};

/// Rows of each manifest: as many as one may have.
pub(crate) const MANIFEST_ROWS: usize = ledger_spec::manifest::ROWS_MAX;
/// Requests of one look: balance, history, receipt.
pub(crate) const LOOK_REQUESTS: usize = 3;
/// Entries of the history in a look: what a phone's first page shows.
const HISTORY_ENTRIES: usize = 10;
/// The name of the ledger's writing thread.
const SEQUENCER: &str = "sequencer";
/// Residents of a demo city of one's own: so many that something is published of each district.
const LIVED_RESIDENTS: usize = 900;
/// The most residents that look: each opens a session first.
const READERS_MAX: usize = 2_000;
/// What everyone may see of who takes part, as a page, for programs and as a file, and a text that
/// the right answer holds.
const VIEWS: [(&str, &str); 3] = [
    ("/{ledger}/participation?lang=en", "Participation (open data)"),
    ("/v1/{ledger}/participation", "\"months\":["),
    ("/{ledger}/participation/weeks.csv?lang=en", "Week (Monday)"),
];

/// Sorts of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Payment(Shops),
    Measurement(By),
    Manifest,
    /// A signed-in resident's balance.
    Balance,
    /// The balance, the last entries, and the receipt of the newest.
    Look,
    /// Public pages and files in turn.
    View,
    /// Of ten, four balances, three measurements and three payments.
    Mix,
}

/// Where the city comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// A city founded for this run, with residents enough for any load.
    Founded,
    /// A demo city with a year behind it.
    Demo,
}

/// All that a run works with.
pub(crate) struct Harness {
    pub(crate) city: City,
    pub(crate) endpoint: Endpoint,
    pub(crate) book: Book,
    pub(crate) log: VerifierKey,
    proved: Vec<Proved>,
    own: Option<Own>,
}

/// A server of this program's own.
struct Own {
    serving: Serving,
    metrics: Metrics,
    /// The folder of the log, whose growth is measured.
    log: PathBuf,
    /// How the ledger is opened again; a demo is looked at over HTTP instead.
    place: Option<SpentAt>,
    /// Removed when the run ends, after the server.
    folder: TempDir,
}

/// What a round used, beside time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Used {
    /// Bytes added to the log's folder.
    pub(crate) log_bytes: u64,
    /// Batches committed.
    pub(crate) batches: u64,
    /// Milliseconds of their commits, as the server's own metric has them.
    pub(crate) commit_ms: u64,
    /// Processor time of the thread that writes the ledger, in nanoseconds.
    pub(crate) sequencer_ns: u64,
    /// Processor time of the threads that serve HTTP and check signatures, in nanoseconds.
    pub(crate) server_ns: u64,
    /// Processor time of the callers, in nanoseconds.
    pub(crate) callers_ns: u64,
    /// Entries acknowledged in all streams.
    pub(crate) entries: u64,
}

impl Used {
    fn since(self, before: Self) -> Self {
        Self {
            log_bytes: self.log_bytes - before.log_bytes,
            batches: self.batches - before.batches,
            commit_ms: self.commit_ms - before.commit_ms,
            // A thread that ended meanwhile took its time with it.
            sequencer_ns: self.sequencer_ns.saturating_sub(before.sequencer_ns),
            server_ns: self.server_ns.saturating_sub(before.server_ns),
            callers_ns: self.callers_ns,
            entries: self.entries,
        }
    }
}

impl Harness {
    /// Starts a server with a city, or enters the one that the options name. `pay` says whether
    /// residents of a demo need points.
    pub(crate) fn open(
        options: &Options,
        home: Home,
        limits: Limits,
        pay: bool,
    ) -> Result<Self, Failure> {
        if let (Some(url), Some(keys)) = (&options.url, &options.keys) {
            let endpoint = Endpoint::of_url(url, YAIZU.ledger)?;
            let (city, log) = enter(&endpoint, keys, pay)?;
            return Ok(Self::of(city, endpoint, log, None));
        }
        let folder = folder_of(options)?;
        let folder = tempfile::Builder::new().prefix("load-test-").tempdir_in(folder)?;
        match home {
            Home::Founded => Self::found(folder, options.residents, limits),
            Home::Demo => {
                let city = Blueprint { residents: LIVED_RESIDENTS, ..YAIZU };
                Self::live(folder, city, limits, pay)
            }
        }
    }

    fn of(city: City, endpoint: Endpoint, log: VerifierKey, own: Option<Own>) -> Self {
        Self { city, endpoint, log, own, book: Book::default(), proved: Vec::new() }
    }

    /// Founds a city and serves it.
    pub(crate) fn found(folder: TempDir, residents: u32, limits: Limits) -> Result<Self, Failure> {
        let place = SpentAt::in_folder(folder.path(), limits);
        let keys = place.make_keys()?;
        let metrics = Metrics::new()?;
        let engine = place.open(&metrics)?;
        let city = found(&engine, limits.queue_entries, &keys.system, residents)?;
        let verifier = engine.verifier().clone();
        let ledger = Ledger::new(crate::ledger::NAME.to_owned(), engine);
        let serving = Serving::start(ledger, metrics.clone(), limits)?;
        let (endpoint, log) = (serving.endpoint.clone(), place.log());
        let own = Own { folder, serving, metrics, log, place: Some(place) };
        Ok(Self::of(city, endpoint, verifier, Some(own)))
    }

    /// Lives a demo city's year, serves it and enters it like any guest.
    pub(crate) fn live(
        folder: TempDir,
        city: Blueprint,
        limits: Limits,
        pay: bool,
    ) -> Result<Self, Failure> {
        let metrics = Metrics::new()?;
        let making = Metrics::new()?.ledger(city.ledger);
        let figures = CityMetrics { making, serving: metrics.ledger(city.ledger) };
        let lived = demo::open(folder.path(), city, Arc::new(SystemClock), figures, |_| {})?;
        let ledger = Ledger::new(city.ledger.to_owned(), lived.engine).as_demo();
        let serving = Serving::start(ledger, metrics.clone(), limits)?;
        let endpoint = serving.endpoint.clone();
        let log = folder.path().join(city.ledger).join(kenmai::log::LOG_FOLDER);
        let (city, verifier) = enter(&endpoint, &folder.path().join("demo-keys"), pay)?;
        let own = Own { folder, serving, metrics, log, place: None };
        Ok(Self::of(city, endpoint, verifier, Some(own)))
    }

    /// The folder on the disk that is measured, where it is this machine's.
    pub(crate) fn folder(&self) -> Option<&std::path::Path> {
        self.own.as_ref().map(|own| own.folder.path())
    }

    /// What the run is about, in words.
    pub(crate) fn describe(&self) -> String {
        let (address, residents) = (&self.endpoint.address, self.city.residents.len());
        match &self.own {
            None => format!("the demo city at {address}, {residents} residents with phones"),
            Some(Own { place: None, .. }) => {
                format!("a demo city of its own, {residents} residents with phones")
            }
            Some(_) => format!("a city of its own, {residents} residents"),
        }
    }

    /// How many requests of a sort can still be made.
    pub(crate) fn supply(&self, sort: Sort) -> u64 {
        let City { residents, payment_points, .. } = &self.city;
        let payments = || residents.iter().map(|r| r.left / u64::from(*payment_points)).sum();
        let measured = self.city.measured.left(residents.len());
        match sort {
            Sort::Payment(_) => payments(),
            Sort::Measurement(_) => measured,
            Sort::Manifest => self.city.listed.left(residents.len()) / MANIFEST_ROWS as u64,
            Sort::Balance | Sort::Look | Sort::View => u64::MAX,
            Sort::Mix => payments().min(measured).saturating_mul(3),
        }
    }

    /// Makes requests of a sort.
    pub(crate) fn make(&mut self, sort: Sort, count: u64) -> Result<Vec<Call>, Failure> {
        let count = usize::try_from(count)?;
        if matches!(sort, Sort::Balance | Sort::Look | Sort::Mix) {
            self.sign_in()?;
        }
        match sort {
            Sort::Look => self.looks(count / LOOK_REQUESTS),
            Sort::Balance => self.balances(count),
            Sort::View => self.views(count),
            Sort::Payment(_) | Sort::Measurement(_) | Sort::Manifest => {
                (0..count).map(|_| self.statement(sort)).collect()
            }
            Sort::Mix => (0..count)
                .map(|place| match place % 10 {
                    0 | 3 | 6 => self.statement(Sort::Payment(Shops::Uniform)),
                    1 | 7 => self.statement(Sort::Measurement(By::Card)),
                    4 => self.statement(Sort::Measurement(By::Phone)),
                    _ => self.balance(place, None),
                })
                .collect(),
        }
    }

    fn statement(&mut self, sort: Sort) -> Result<Call, Failure> {
        let single = |(signed, operation)| ("/statements", COSE, signed, operation);
        let (path, media, signed, operation) = match sort {
            Sort::Payment(shops) => single(self.city.payment(shops, now_s())?),
            Sort::Measurement(by) => single(self.city.measurement(by)?),
            Sort::Manifest => {
                let (signed, operation) = self.city.manifest(MANIFEST_ROWS)?;
                ("/manifests", SEQUENCE, signed, operation)
            }
            Sort::Balance | Sort::Look | Sort::View | Sort::Mix => {
                return Err("this is no statement".into());
            }
        };
        Ok(call(self.endpoint.post(path, media, signed)?, operation))
    }

    fn balances(&self, count: usize) -> Result<Vec<Call>, Failure> {
        (0..count)
            .map(|place| {
                let number = place % self.readers();
                let resident = self.city.residents.get(number).ok_or("a city without residents")?;
                self.balance(number, Some(self.book.left(number, resident.held)?))
            })
            .collect()
    }

    fn balance(&self, number: usize, yen: Option<u64>) -> Result<Call, Failure> {
        let resident = self.city.residents.get(number % self.readers());
        let session = resident.and_then(|resident| resident.session.as_deref());
        Ok(call(self.endpoint.read("/me", session)?, Operation::Balance { yen }))
    }

    fn looks(&self, count: usize) -> Result<Vec<Call>, Failure> {
        let mut client = Client::at(&self.endpoint)?;
        let mut looks = Vec::new();
        for reader in 0..count.min(self.readers()) {
            let resident = self.city.residents.get(reader).ok_or("a city without residents")?;
            let session = resident.session.as_deref();
            let page = format!("/me/history?limit={HISTORY_ENTRIES}");
            let history = client.json(self.endpoint.read(&page, session)?)?;
            let newest = history.pointer("/entries/0").ok_or("a resident without entries")?;
            let newest = number(newest, "seq")?;
            let receipt = format!("/entries/{newest}/receipt");
            let held = self.book.left(reader, resident.held)?;
            let all = [
                self.balance(reader, Some(held))?,
                call(self.endpoint.read(&page, session)?, Operation::History { newest }),
                call(self.endpoint.read(&receipt, session)?, Operation::Receipt { seq: newest }),
            ];
            looks.extend(all);
        }
        Ok(looks.iter().cycle().take(count * LOOK_REQUESTS).cloned().collect())
    }

    fn views(&self, count: usize) -> Result<Vec<Call>, Failure> {
        let view = |(path, holds): &(&str, &str)| {
            let path = path.replace("{ledger}", &self.endpoint.ledger);
            let operation = Operation::View { holds: (*holds).to_owned() };
            Ok(call(self.endpoint.get(&path, None)?, operation))
        };
        VIEWS.iter().cycle().take(count).map(view).collect()
    }

    fn readers(&self) -> usize {
        self.city.residents.len().clamp(1, READERS_MAX)
    }

    /// Opens a session for each reader that has none.
    fn sign_in(&mut self) -> Result<(), Failure> {
        let (readers, ledger) = (self.readers(), self.city.ledger);
        let mut client = Client::at(&self.endpoint)?;
        let residents = self.city.residents.iter_mut().take(readers);
        for resident in residents.filter(|resident| resident.session.is_none()) {
            let signed = session(ledger, &resident.phone, now_s())?;
            let answer = client.text(self.endpoint.post("/sessions", COSE, signed)?)?;
            resident.session = Some(token_of(answer.as_bytes())?);
        }
        Ok(())
    }

    /// Sends the streams, takes what was acknowledged into the book and checks the receipts of a
    /// few answers. The first stream leads: the others end with it.
    pub(crate) fn round(
        &mut self,
        streams: Vec<Stream>,
    ) -> Result<(Vec<Round>, Option<Used>), Failure> {
        let before = self.used()?;
        let (mut rounds, callers_ns) = send(&self.endpoint.address, streams)?;
        let after = self.used()?;
        let entries = self.book.entries;
        for round in &mut rounds {
            for (operation, points) in round.done.drain(..) {
                self.book.take(&operation, &points);
            }
            for (operation, answer) in std::mem::take(&mut round.kept) {
                self.prove(&operation, &answer)?;
            }
        }
        let used = after.zip(before).map(|(after, before)| after.since(before));
        let entries = self.book.entries - entries;
        Ok((rounds, used.map(|used| Used { callers_ns, entries, ..used })))
    }

    #[cfg(test)]
    pub(crate) fn lose_an_entry(&mut self) {
        self.proved.iter_mut().for_each(|proved| proved.seq.0 += 1_000_000);
    }

    fn prove(&mut self, operation: &Operation, answer: &Bytes) -> Result<(), Failure> {
        let proved = match operation {
            Operation::Payment { .. } | Operation::Measurement { .. } => {
                Proved::by_verdict(answer, &self.log)?
            }
            Operation::Receipt { .. } => Proved::by_receipt(answer, &self.log)?,
            Operation::Manifest { residents, .. } => self.prove_row(residents, answer)?,
            Operation::Balance { .. } | Operation::History { .. } | Operation::View { .. } => {
                return Ok(());
            }
        };
        self.proved.push(proved);
        Ok(())
    }

    /// The resident of a manifest's first entry asks for its receipt: in a demo, rows before it may
    /// be known acts.
    fn prove_row(&self, residents: &[usize], answer: &[u8]) -> Result<Proved, Failure> {
        let answer: serde_json::Value = serde_json::from_slice(answer)?;
        let rows = answer.get("rows").and_then(|rows| rows.as_array());
        let mut rows = rows.into_iter().flatten().zip(residents);
        let entry = rows.find_map(|(row, resident)| Some((row.get("seq")?.as_u64()?, resident)));
        let (seq, resident) = entry.ok_or("a manifest without an accepted row")?;
        let resident = self.city.residents.get(*resident).ok_or("a city without residents")?;
        let phone = &resident.phone;
        let mut client = Client::at(&self.endpoint)?;
        let signed = session(self.city.ledger, phone, now_s())?;
        let session = client.text(self.endpoint.post("/sessions", COSE, signed)?)?;
        let session = token_of(session.as_bytes())?;
        let receipt = format!("/entries/{seq}/receipt");
        let receipt = client.text(self.endpoint.read(&receipt, Some(&session))?)?;
        Proved::by_receipt(receipt.as_bytes(), &self.log)
    }

    fn used(&self) -> Result<Option<Used>, Failure> {
        let Some(own) = &self.own else { return Ok(None) };
        let cpu_ns = cpu_ns()?;
        let cpu_of = |name: &str| cpu_ns.get(name).copied().unwrap_or(0);
        let text = own.metrics.text()?;
        Ok(Some(Used {
            log_bytes: folder_bytes(&own.log)?,
            batches: thousandths(&text, "kenmai_batch_entries_count{")? / 1_000,
            commit_ms: thousandths(&text, "kenmai_commit_seconds_sum{")?,
            sequencer_ns: cpu_of(SEQUENCER),
            server_ns: cpu_of(THREADS),
            callers_ns: 0,
            entries: 0,
        }))
    }

    /// Compares the ledger's books with the book of what it acknowledged: from the files of a
    /// server that is stopped and opened again, otherwise over HTTP. Gives what was checked, in
    /// words.
    pub(crate) fn close(self) -> Result<String, Failure> {
        let Self { city, endpoint, book, log, proved, own } = self;
        let receipts = format!("{} entries acknowledged; {} receipts", book.entries, proved.len());
        match own {
            Some(Own { folder, serving, place: Some(place), .. }) => {
                drop(serving);
                let start = stopwatch();
                let engine = place.open(&Metrics::new()?)?;
                let took_ms = micros_since(start) / 1_000;
                audit(&engine, &city, &book, &proved)?;
                drop(engine);
                folder.close()?;
                Ok(format!(
                    "{receipts}; the ledger, opened again from its files in {took_ms} ms, owes each shop and holds for each \
                     resident what the verdicts say"
                ))
            }
            own => {
                compare_books(&endpoint, &log, &city, &book, &proved)?;
                drop(own);
                Ok(format!(
                    "{receipts}; over HTTP, each till and each resident with a phone sees what the verdicts say, and the public \
                     head covers the receipts. The ledger's files were not looked at: `kenmai audit` does that"
                ))
            }
        }
    }
}

fn call(request: crate::http::Prepared, operation: Operation) -> Call {
    Call { request, operation, again: false }
}

/// The folder that takes the ledger's: a folder for temporary files often lies in memory, which
/// would make a sync cost nothing.
fn folder_of(options: &Options) -> Result<PathBuf, Failure> {
    match &options.data {
        Some(folder) => {
            fs::create_dir_all(folder)?;
            Ok(folder.clone())
        }
        None => Ok(std::env::current_exe()?.parent().ok_or("a program without a folder")?.into()),
    }
}

/// The value of the first series whose line begins so, in thousandths.
fn thousandths(text: &str, series: &str) -> Result<u64, Failure> {
    let line = text.lines().find(|line| line.starts_with(series));
    let value = line.and_then(|line| line.rsplit(' ').next()).ok_or("a metric is missing")?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let part = format!("{part:0<3}");
    let part = part.get(..3).ok_or("a metric is no number")?;
    Ok(whole.parse::<u64>()? * 1_000 + part.parse::<u64>()?)
}
