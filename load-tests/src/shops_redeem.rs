//! Tills redeem points by the codes of phones. The city's shops share the payments evenly, or one shop takes them all.
//!
//! Rounds of all combinations follow one another (A B C D, A B C D, …), so that a machine whose speed changes with the
//! hour favours none. Before each round its statements are signed, so that the callers only send.

use std::fs;
use std::path::{Path, PathBuf};

use kenmai::metrics::Metrics;
use ledger_spec::note::VerifierKey;

use crate::callers::{Prepared, Round, prepare, send_all};
use crate::city::{City, Shops, found, now_s};
use crate::ledger::{Place, Proved, Serving, THREADS, audit};
use crate::machine::{
    bare_syncs, cpu_ns, folder_bytes, load_average, micros_since, stopwatch, verify_ns,
};
use crate::report::{Figures, Report};
use crate::{Failure, Options};

/// Rounds of each combination.
const ROUNDS: u64 = 5;
/// Payments of one caller before the first round, which say how many fill a round; of all callers at most as below.
const WARM_UP: u64 = 300;
/// The most payments of a round: signing and sending them must fit into the 300 seconds that a code lives.
const ROUND_PAYMENTS_MAX: u64 = 60_000;
/// The name of the ledger's writing thread.
const SEQUENCER: &str = "sequencer";

/// A number of callers and a choice of shops, with all that was measured of it.
struct Combination {
    callers: u16,
    shops: Shops,
    payments: u64,
    figures: Figures,
}

/// The ledger at work and all around it.
struct Field {
    city: City,
    place: Place,
    serving: Serving,
    metrics: Metrics,
    log: VerifierKey,
    proved: Vec<Proved>,
}

/// Runs the scenario and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("load-test-").tempdir_in(folder_of(options)?)?;
    let load_before = load_average()?;
    let verify_ns = verify_ns()?;
    let mut field = open(folder.path(), options.residents)?;
    let mut combinations = combinations(options);
    for combination in &mut combinations {
        // The first payments warm everything up and are not counted; they say how many fill a round.
        let payments = WARM_UP * u64::from(combination.callers.min(16));
        let (round, _) = field.round(combination.callers, combination.shops, payments)?;
        let a_second = payments * 1_000_000 / round.whole_us.max(1);
        combination.payments = (a_second * options.seconds / ROUNDS).clamp(1, ROUND_PAYMENTS_MAX);
    }
    let mut syncs_us = Vec::new();
    for _ in 0..ROUNDS {
        syncs_us.extend(bare_syncs(folder.path())?);
        for combination in &mut combinations {
            let Combination { callers, shops, payments, figures } = combination;
            let (round, used) = field.round(*callers, *shops, *payments)?;
            figures.add(&round, used);
        }
    }
    let (opened_again_us, proofs) = field.close()?;
    let rows = combinations.into_iter().map(|c| (c.callers, c.shops, c.figures)).collect();
    let residents = options.residents;
    let report =
        Report { rows, syncs_us, verify_ns, load_before, residents, opened_again_us, proofs };
    report.print()
}

/// The folder that takes the ledger's: a folder for temporary files often lies in memory, which would make a sync cost
/// nothing.
fn folder_of(options: &Options) -> Result<PathBuf, Failure> {
    match &options.data {
        Some(folder) => {
            fs::create_dir_all(folder)?;
            Ok(folder.clone())
        }
        None => Ok(std::env::current_exe()?.parent().ok_or("a program without a folder")?.into()),
    }
}

fn combinations(options: &Options) -> Vec<Combination> {
    let numbers = options.callers.iter().copied();
    let both = numbers.flat_map(|callers| [(callers, Shops::Uniform), (callers, Shops::One)]);
    both.map(|(callers, shops)| Combination {
        callers,
        shops,
        payments: 0,
        figures: Figures::default(),
    })
    .collect()
}

fn open(folder: &Path, residents: u32) -> Result<Field, Failure> {
    let place = Place::in_folder(folder);
    let keys = place.make_keys()?;
    let metrics = Metrics::new()?;
    let engine = place.open(&metrics)?;
    let city = found(&engine, &keys.system, residents)?;
    let log = engine.verifier().clone();
    let serving = Serving::start(engine, metrics.clone())?;
    Ok(Field { city, place, serving, metrics, log, proved: Vec::new() })
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
        }
    }
}

impl Field {
    /// Signs the payments of a round, sends them, checks every answer and the proof in one.
    fn round(
        &mut self,
        callers: u16,
        shops: Shops,
        payments: u64,
    ) -> Result<(Round, Used), Failure> {
        let requests = self.signed(shops, payments)?;
        let before = self.used()?;
        let round = send_all(self.serving.address, callers, requests)?;
        let used = self.used()?.since(before);
        self.proved.push(Proved::check(&round.answer, &self.log)?);
        Ok((round, used))
    }

    fn signed(&mut self, shops: Shops, payments: u64) -> Result<Vec<Prepared>, Failure> {
        let (address, now_s) = (self.serving.address, now_s());
        (0..payments).map(|_| prepare(address, self.city.payment(shops, now_s)?)).collect()
    }

    fn used(&self) -> Result<Used, Failure> {
        let cpu_ns = cpu_ns()?;
        let cpu_of = |name: &str| cpu_ns.get(name).copied().unwrap_or(0);
        let text = self.metrics.text()?;
        Ok(Used {
            log_bytes: folder_bytes(&self.place.log())?,
            batches: thousandths(&text, "kenmai_batch_entries_count{")? / 1_000,
            commit_ms: thousandths(&text, "kenmai_commit_seconds_sum{")?,
            sequencer_ns: cpu_of(SEQUENCER),
            server_ns: cpu_of(THREADS),
        })
    }

    /// Stops the server, opens the ledger again from its files and compares its books with what was sent. Gives how long
    /// the opening took, and how many proofs were checked.
    fn close(self) -> Result<(u64, usize), Failure> {
        drop(self.serving);
        let start = stopwatch();
        let engine = self.place.open(&Metrics::new()?)?;
        let took_us = micros_since(start);
        audit(&engine, &self.city, &self.proved)?;
        Ok((took_us, self.proved.len()))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a short round for each choice of shops, lets `forge` change the city's own memory, and closes the books.
    fn play(forge: impl FnOnce(&mut City)) -> Result<(u64, usize), Failure> {
        let folder = tempfile::tempdir()?;
        let mut field = open(folder.path(), 100)?;
        for (callers, shops) in [(1, Shops::Uniform), (4, Shops::One)] {
            let (round, used) = field.round(callers, shops, 30)?;
            assert_eq!(round.took_us.len(), 30);
            assert!((1..=30).contains(&used.batches) && used.log_bytes > 0, "{}", used.batches);
        }
        forge(&mut field.city);
        field.close()
    }

    #[test]
    fn the_books_agree_and_a_false_one_is_seen() {
        let (_, proofs) = play(|_| {}).unwrap();
        assert_eq!(proofs, 2);
        let error = play(|city| city.shops[0].payments += 1).unwrap_err().to_string();
        assert!(error.contains("due to a shop"), "{error}");
        let error = play(|city| city.residents[7].payments += 1).unwrap_err().to_string();
        assert!(error.contains("left in an account"), "{error}");
    }

    #[test]
    fn a_payment_that_is_not_accepted_ends_the_round() {
        let folder = tempfile::tempdir().unwrap();
        let mut field = open(folder.path(), 100).unwrap();
        let address = field.serving.address;
        let statement = field.city.payment(Shops::One, now_s() - 400).unwrap();
        let late = vec![prepare(address, statement).unwrap()];
        let error = send_all(address, 1, late).err().unwrap().to_string();
        assert!(error.contains("a payment was answered 4"), "{error}");
        let statement = field.city.payment(Shops::One, now_s()).unwrap();
        let twice = [statement.clone(), statement].map(|bytes| prepare(address, bytes).unwrap());
        let error = send_all(address, 1, twice.into()).err().unwrap().to_string();
        assert!(error.contains("a payment was answered 200"), "{error}");
    }

    #[test]
    fn a_metric_is_read_in_thousandths() {
        for (value, expected) in
            [("7", Some(7_000)), ("0.5", Some(500)), ("12.3456", Some(12_345)), ("NaN", None)]
        {
            let text = format!("# HELP a b\na_sum{{ledger=\"x\"}} {value}\n");
            assert_eq!(thousandths(&text, "a_sum{").ok(), expected, "{value}");
        }
        assert!(thousandths("b 1\n", "a_sum{").is_err());
    }
}
