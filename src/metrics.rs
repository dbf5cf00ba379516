//! Every figure the server gives to Prometheus, by name, in one place. None has a label that could
//! tell a person: ledger, kind, fund, group, channel, outcome and route are all there is.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use ledger_spec::caps::Channel;
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
    (
        REDEEMED,
        "Points redeemed, and given back by void or refund, by ledger and direction (spent, returned).",
    ),
    (LOG_ENTRIES, "Entries in the log, by ledger."),
    (PUBLISHED, "Entries under the published head, by ledger."),
    (QUEUE, "Statements and slices of manifests in the queue before the writer, by ledger."),
    (WRITABLE, "1 while the ledger takes statements, by ledger."),
    (VIEWS_LAG, "Entries of the log that the read views do not hold yet, by ledger."),
    (WEEK, "Persons who took part in the last closed week, by ledger; as released."),
    (
        MONTH,
        "Persons who took part in the last released month, by ledger and group of actions; as released.",
    ),
    (
        CHANNEL,
        "Whole percent of the last released month's actions, by ledger and channel; as released.",
    ),
    (
        OUTSTANDING,
        "Points that can still be spent at the end of the last released month, by ledger and fund; as released.",
    ),
    (
        BUDGET_WARNING,
        "The highest of the programme's budget warnings that the fiscal year's grants have reached, in thousandths; 0 before the first; by ledger and fund.",
    ),
    (BATCH, "Entries committed at once, by ledger."),
    (COMMIT, "Seconds from the start of a batch to its durable end, by ledger."),
    (HTTP, "Seconds to answer a request, by route and status class."),
    (IN_FLIGHT, "Requests under way."),
    (SESSIONS, "Sessions held in memory, those that ended but were not yet cleared away included."),
];

/// The metrics that follow from the log alone, with their types: what [`Backfill`] can give for
/// days gone by.
const OF_THE_LOG: [(&str, &str); 4] =
    [(ENTRIES, "counter"), (GRANTED, "counter"), (REDEEMED, "counter"), (LOG_ENTRIES, "gauge")];

const ENTRIES: &str = "kenmai_entries_total";
const REFUSALS: &str = "kenmai_refusals_total";
const GRANTED: &str = "kenmai_points_granted_total";
const REDEEMED: &str = "kenmai_points_redeemed_total";
const LOG_ENTRIES: &str = "kenmai_log_entries";
const PUBLISHED: &str = "kenmai_published_entries";
const QUEUE: &str = "kenmai_queue_entries";
const WRITABLE: &str = "kenmai_ledger_writable";
const VIEWS_LAG: &str = "kenmai_views_lag_entries";
const WEEK: &str = "kenmai_participants_week";
const MONTH: &str = "kenmai_participants_month";
const CHANNEL: &str = "kenmai_actions_percent";
const OUTSTANDING: &str = "kenmai_points_outstanding";
const BUDGET_WARNING: &str = "kenmai_budget_warning_permille";
const BATCH: &str = "kenmai_batch_entries";
const COMMIT: &str = "kenmai_commit_seconds";
const HTTP: &str = "kenmai_http_request_seconds";
const IN_FLIGHT: &str = "kenmai_http_in_flight_requests";
const SESSIONS: &str = "kenmai_sessions";
/// The slug of the problem that a full queue gives. An alert asks for its series, which has to be
/// there before.
const BUSY: &str = "busy";

/// The metrics of the process.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    entries: IntCounterVec,
    refusals: IntCounterVec,
    granted: IntCounterVec,
    redeemed: IntCounterVec,
    log_entries: IntGaugeVec,
    published: IntGaugeVec,
    queue: IntGaugeVec,
    writable: IntGaugeVec,
    views_lag: IntGaugeVec,
    week: IntGaugeVec,
    month: IntGaugeVec,
    channel: IntGaugeVec,
    outstanding: IntGaugeVec,
    budget_warning: IntGaugeVec,
    batch: HistogramVec,
    commit: HistogramVec,
    http: HistogramVec,
    in_flight: IntGauge,
    sessions: IntGauge,
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
            published: IntGaugeVec::new(opts(PUBLISHED), &["ledger"])?,
            queue: IntGaugeVec::new(opts(QUEUE), &["ledger"])?,
            writable: IntGaugeVec::new(opts(WRITABLE), &["ledger"])?,
            views_lag: IntGaugeVec::new(opts(VIEWS_LAG), &["ledger"])?,
            week: IntGaugeVec::new(opts(WEEK), &["ledger"])?,
            month: IntGaugeVec::new(opts(MONTH), &["ledger", "group"])?,
            channel: IntGaugeVec::new(opts(CHANNEL), &["ledger", "channel"])?,
            outstanding: IntGaugeVec::new(opts(OUTSTANDING), &["ledger", "fund"])?,
            budget_warning: IntGaugeVec::new(opts(BUDGET_WARNING), &["ledger", "fund"])?,
            batch: HistogramVec::new(
                HistogramOpts::from(opts(BATCH))
                    .buckets(prometheus::exponential_buckets(1.0, 2.0, 10)?),
                &["ledger"],
            )?,
            commit: HistogramVec::new(
                HistogramOpts::from(opts(COMMIT))
                    .buckets(prometheus::exponential_buckets(0.000_125, 2.0, 15)?),
                &["ledger"],
            )?,
            http: HistogramVec::new(
                HistogramOpts::from(opts(HTTP)).buckets(prometheus::exponential_buckets(
                    0.000_062_5,
                    2.0,
                    17,
                )?),
                &["route", "status"],
            )?,
            in_flight: IntGauge::with_opts(opts(IN_FLIGHT))?,
            sessions: IntGauge::with_opts(opts(SESSIONS))?,
        };
        made.registry.register(Box::new(made.entries.clone()))?;
        made.registry.register(Box::new(made.refusals.clone()))?;
        made.registry.register(Box::new(made.granted.clone()))?;
        made.registry.register(Box::new(made.redeemed.clone()))?;
        made.registry.register(Box::new(made.log_entries.clone()))?;
        made.registry.register(Box::new(made.published.clone()))?;
        made.registry.register(Box::new(made.queue.clone()))?;
        made.registry.register(Box::new(made.writable.clone()))?;
        made.registry.register(Box::new(made.views_lag.clone()))?;
        for released in [&made.week, &made.month, &made.channel, &made.outstanding] {
            made.registry.register(Box::new(released.clone()))?;
        }
        made.registry.register(Box::new(made.budget_warning.clone()))?;
        made.registry.register(Box::new(made.batch.clone()))?;
        made.registry.register(Box::new(made.commit.clone()))?;
        made.registry.register(Box::new(made.http.clone()))?;
        made.registry.register(Box::new(made.in_flight.clone()))?;
        made.registry.register(Box::new(made.sessions.clone()))?;
        Ok(made)
    }

    /// The metrics of one ledger, by its name in URLs. Every series exists from the start, so that
    /// a rate over a quiet week is 0 and not missing.
    #[must_use]
    pub fn ledger(&self, name: &str) -> LedgerMetrics {
        let label = &[name];
        Fund::ALL
            .iter()
            .for_each(|fund| self.granted.with_label_values(&[name, fund.name()]).inc_by(0));
        self.refusals.with_label_values(&[name, BUSY]).inc_by(0);
        LedgerMetrics {
            name: Arc::from(name),
            log_entries: self.log_entries.with_label_values(label),
            published: self.published.with_label_values(label),
            queue: self.queue.with_label_values(label),
            writable: self.writable.with_label_values(label),
            views_lag: self.views_lag.with_label_values(label),
            batch: self.batch.with_label_values(label),
            commit: self.commit.with_label_values(label),
            spent: self.redeemed.with_label_values(&[name, "spent"]),
            returned: self.redeemed.with_label_values(&[name, "returned"]),
            all: self.clone(),
        }
    }

    /// A request is under way until the value goes away, by its answer or because the client left.
    #[must_use]
    pub fn request_begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts one answered request. `route` is the route's pattern, never a path.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        let class = match status {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.http.with_label_values(&[route, class]).observe(took.as_secs_f64());
    }

    /// How many sessions are held.
    pub fn set_sessions(&self, sessions: usize) {
        self.sessions.set(gauge(sessions as u64));
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

/// A request under way.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What the metrics of one ledger would have shown on days gone by, in the text format of
/// `OpenMetrics`, which `promtool tsdb create-blocks-from openmetrics` reads.
pub struct Backfill {
    metrics: Metrics,
    ledger: LedgerMetrics,
    /// The samples of each metric of [`OF_THE_LOG`], in the order of time.
    samples: [String; OF_THE_LOG.len()],
}

impl Backfill {
    /// Nothing counted yet, for the ledger of this name in URLs.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub fn new(ledger: &str) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::new()?;
        let ledger = metrics.ledger(ledger);
        Ok(Self { metrics, ledger, samples: Default::default() })
    }

    /// Counts the next entry of the log.
    pub fn entry(&mut self, body: &Body, accounting: &Accounting) {
        self.ledger.accepted(body, accounting);
        self.ledger.log_entries.set(gauge(accounting.seq.0 + 1));
    }

    /// Takes a sample of all that was counted, as of these Unix seconds.
    ///
    /// # Errors
    /// What the encoder says.
    pub fn sample(&mut self, at_s: u64) -> Result<(), prometheus::Error> {
        for line in self.metrics.text()?.lines() {
            let (name, _) = line.split_once('{').unwrap_or_default();
            let place = OF_THE_LOG.iter().position(|(metric, _)| *metric == name);
            if let Some(samples) = place.and_then(|place| self.samples.get_mut(place)) {
                // A string takes whatever is written to it.
                let _ = writeln!(samples, "{line} {at_s}");
            }
        }
        Ok(())
    }

    /// All samples.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for ((metric, kind), samples) in OF_THE_LOG.iter().zip(&self.samples) {
            let family = metric.strip_suffix("_total").unwrap_or(metric);
            let head = format!("# HELP {family} {}\n# TYPE {family} {kind}\n", help(metric));
            text.push_str(&head);
            text.push_str(samples);
        }
        text.push_str("# EOF\n");
        text
    }
}

/// The metrics of one ledger.
#[derive(Clone)]
pub struct LedgerMetrics {
    name: Arc<str>,
    log_entries: IntGauge,
    published: IntGauge,
    queue: IntGauge,
    writable: IntGauge,
    views_lag: IntGauge,
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
                    let labels = [&*self.name, lot.fund.name()];
                    self.all.granted.with_label_values(&labels).inc_by(granted);
                }
                Contra::Shop(_) if points < 0 => self.spent.inc_by(points.unsigned_abs()),
                Contra::Shop(_) => self.returned.inc_by(points.unsigned_abs()),
                Contra::Held(_) | Contra::Retired | Contra::Expired | Contra::Imported => {}
            }
        }
    }

    /// A statement was refused; `problem` is the slug of its problem type.
    pub fn refused(&self, problem: &str) {
        self.all.refusals.with_label_values(&[&*self.name, problem]).inc();
    }

    /// The ledger is open, with so many entries in its log, all of them published.
    pub fn opened(&self, log_entries: u64) {
        self.log_entries.set(gauge(log_entries));
        self.published.set(gauge(log_entries));
    }

    /// A batch is durable.
    pub fn batch(&self, entries: usize, took: Duration, log_entries: u64) {
        self.batch.observe(f64::from(u32::try_from(entries).unwrap_or(u32::MAX)));
        self.commit.observe(took.as_secs_f64());
        self.log_entries.set(gauge(log_entries));
    }

    /// A head over so many entries is published.
    pub fn published(&self, entries: u64) {
        self.published.set(gauge(entries));
    }

    /// A job goes to the writer.
    pub fn queued(&self) {
        self.queue.inc();
    }

    /// A job waits in the queue no more.
    pub fn taken(&self) {
        self.queue.dec();
    }

    /// Entries that the views have yet to take in.
    pub fn set_views_lag(&self, entries: u64) {
        self.views_lag.set(gauge(entries));
    }

    /// Participants of the last closed week, if released.
    pub fn set_participants_week(&self, persons: Option<u64>) {
        show(&self.all.week, &[&self.name], persons);
    }

    /// Participants of the last released month in a group of actions, if released.
    pub fn set_participants_month(&self, group: &str, persons: Option<u64>) {
        show(&self.all.month, &[&self.name, group], persons);
    }

    /// A channel's share of the last released month's actions, if released.
    pub fn set_channel_percent(&self, channel: Channel, percent: Option<u64>) {
        show(&self.all.channel, &[&self.name, channel.name()], percent);
    }

    /// The highest budget warning that a fund has reached, in thousandths, 0 for none, if it has a
    /// budget.
    pub fn set_budget_warning(&self, fund: Fund, permille: Option<u32>) {
        show(&self.all.budget_warning, &[&self.name, fund.name()], permille.map(u64::from));
    }

    /// A fund's points that can still be spent, if released.
    pub fn set_outstanding(&self, fund: Fund, points: Option<u64>) {
        show(&self.all.outstanding, &[&self.name, fund.name()], points);
    }

    /// Whether the ledger takes statements.
    pub fn set_standing(&self, writable: bool) {
        self.writable.set(i64::from(writable));
    }
}

/// Sets a released figure; one that is hidden has no series.
fn show(gauges: &IntGaugeVec, labels: &[&str], value: Option<u64>) {
    match value.and_then(|value| i64::try_from(value).ok()) {
        Some(value) => gauges.with_label_values(labels).set(value),
        // What was never shown cannot be removed, and need not be.
        None => drop(gauges.remove_label_values(labels)),
    }
}

fn help(name: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help)
}

fn opts(name: &'static str) -> Opts {
    Opts::new(name, help(name))
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
