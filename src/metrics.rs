//! Every figure the server gives to Prometheus, by name, in one place. None has a label that could tell a person:
//! ledger, kind, fund, outcome and route are all there is.

use std::sync::Arc;
use std::time::Duration;

use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::kinds::Body;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use ledger_spec::points::Fund;

/// The names of all metrics, as dashboards use them.
pub const NAMES: &[(&str, &str)] = &[
    (ENTRIES, "Entries accepted, by ledger and kind of statement."),
    (REFUSALS, "Statements refused, by ledger and problem."),
    (GRANTED, "Points granted, by ledger and fund."),
    (REDEEMED, "Points redeemed less voids, by ledger and direction (spent, returned)."),
    (LOG_ENTRIES, "Entries in the log, by ledger."),
    (WRITABLE, "1 while the ledger takes statements, by ledger."),
    (BATCH, "Entries committed at once, by ledger."),
    (COMMIT, "Seconds from the start of a batch to its durable end, by ledger."),
    (HTTP, "Seconds to answer a request, by route and status class."),
];

const ENTRIES: &str = "kenmai_entries_total";
const REFUSALS: &str = "kenmai_refusals_total";
const GRANTED: &str = "kenmai_points_granted_total";
const REDEEMED: &str = "kenmai_points_redeemed_total";
const LOG_ENTRIES: &str = "kenmai_log_entries";
const WRITABLE: &str = "kenmai_ledger_writable";
const BATCH: &str = "kenmai_batch_entries";
const COMMIT: &str = "kenmai_commit_seconds";
const HTTP: &str = "kenmai_http_request_seconds";

/// The metrics of the process.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    entries: IntCounterVec,
    refusals: IntCounterVec,
    granted: IntCounterVec,
    redeemed: IntCounterVec,
    log_entries: IntGaugeVec,
    writable: IntGaugeVec,
    batch: HistogramVec,
    commit: HistogramVec,
    http: HistogramVec,
}

impl Metrics {
    /// Makes and registers every metric of [`NAMES`].
    ///
    /// # Errors
    /// What Prometheus says of a name or label; the lists here are fixed, so it has nothing to say.
    pub fn new() -> Result<Self, prometheus::Error> {
        let made = Self {
            registry: Registry::new(),
            entries: IntCounterVec::new(opts(ENTRIES), &["ledger", "kind"])?,
            refusals: IntCounterVec::new(opts(REFUSALS), &["ledger", "problem"])?,
            granted: IntCounterVec::new(opts(GRANTED), &["ledger", "fund"])?,
            redeemed: IntCounterVec::new(opts(REDEEMED), &["ledger", "direction"])?,
            log_entries: IntGaugeVec::new(opts(LOG_ENTRIES), &["ledger"])?,
            writable: IntGaugeVec::new(opts(WRITABLE), &["ledger"])?,
            batch: HistogramVec::new(
                HistogramOpts::from(opts(BATCH))
                    .buckets(prometheus::exponential_buckets(1.0, 2.0, 10)?),
                &["ledger"],
            )?,
            commit: HistogramVec::new(
                HistogramOpts::from(opts(COMMIT))
                    .buckets(prometheus::exponential_buckets(0.001, 2.0, 12)?),
                &["ledger"],
            )?,
            http: HistogramVec::new(
                HistogramOpts::from(opts(HTTP))
                    .buckets(prometheus::exponential_buckets(0.0005, 2.0, 14)?),
                &["route", "status"],
            )?,
        };
        made.registry.register(Box::new(made.entries.clone()))?;
        made.registry.register(Box::new(made.refusals.clone()))?;
        made.registry.register(Box::new(made.granted.clone()))?;
        made.registry.register(Box::new(made.redeemed.clone()))?;
        made.registry.register(Box::new(made.log_entries.clone()))?;
        made.registry.register(Box::new(made.writable.clone()))?;
        made.registry.register(Box::new(made.batch.clone()))?;
        made.registry.register(Box::new(made.commit.clone()))?;
        made.registry.register(Box::new(made.http.clone()))?;
        Ok(made)
    }

    /// The metrics of one ledger, by its name in URLs. Every series exists from the start, so that a rate over a quiet
    /// week is 0 and not missing.
    #[must_use]
    pub fn ledger(&self, name: &str) -> LedgerMetrics {
        let label = &[name];
        Fund::ALL
            .iter()
            .for_each(|fund| self.granted.with_label_values(&[name, fund_name(*fund)]).inc_by(0));
        LedgerMetrics {
            name: Arc::from(name),
            log_entries: self.log_entries.with_label_values(label),
            writable: self.writable.with_label_values(label),
            batch: self.batch.with_label_values(label),
            commit: self.commit.with_label_values(label),
            spent: self.redeemed.with_label_values(&[name, "spent"]),
            returned: self.redeemed.with_label_values(&[name, "returned"]),
            all: self.clone(),
        }
    }

    /// Counts one answered request. `route` is the route's pattern, never a path.
    pub fn request(&self, route: &str, status: u16, seconds: f64) {
        let class = match status {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.http.with_label_values(&[route, class]).observe(seconds);
    }

    /// The text format of Prometheus.
    ///
    /// # Errors
    /// What the encoder says.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The metrics of one ledger.
#[derive(Clone)]
pub struct LedgerMetrics {
    name: Arc<str>,
    log_entries: IntGauge,
    writable: IntGauge,
    batch: Histogram,
    commit: Histogram,
    spent: IntCounter,
    returned: IntCounter,
    all: Metrics,
}

impl LedgerMetrics {
    /// An entry is durable.
    pub fn accepted(&self, body: &Body, accounting: &Accounting) {
        self.all.entries.with_label_values(&[&self.name, body.kind().name()]).inc();
        for (lot, points, contra) in accounting.postings() {
            match contra {
                Contra::Budget(_) | Contra::Challenge => {
                    let granted = u64::try_from(points).unwrap_or(0);
                    let labels = [&*self.name, fund_name(lot.fund)];
                    self.all.granted.with_label_values(&labels).inc_by(granted);
                }
                Contra::Shop(_) if points < 0 => self.spent.inc_by(points.unsigned_abs()),
                Contra::Shop(_) => self.returned.inc_by(points.unsigned_abs()),
            }
        }
    }

    /// A statement was refused; `problem` is the slug of its problem type.
    pub fn refused(&self, problem: &str) {
        self.all.refusals.with_label_values(&[&*self.name, problem]).inc();
    }

    /// A batch is durable.
    pub fn batch(&self, entries: usize, took_ms: u64, log_entries: u64) {
        self.batch.observe(f64::from(u32::try_from(entries).unwrap_or(u32::MAX)));
        self.commit.observe(Duration::from_millis(took_ms).as_secs_f64());
        self.log_entries.set(i64::try_from(log_entries).unwrap_or(i64::MAX));
    }

    /// Whether the ledger takes statements.
    pub fn set_standing(&self, writable: bool) {
        self.writable.set(i64::from(writable));
    }
}

fn opts(name: &'static str) -> Opts {
    let help = NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help);
    Opts::new(name, help)
}

fn fund_name(fund: Fund) -> &'static str {
    match fund {
        Fund::General => "general",
        Fund::Nhi => "nhi",
        Fund::CareInsurance => "care_insurance",
        Fund::Employer => "employer",
        Fund::None => "none",
    }
}
