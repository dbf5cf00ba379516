//! Every figure the server gives to Prometheus, by name, in one place. None has a label that could
//! tell a person: ledger, kind, fund, group, channel, outcome and route are all there is.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use ledger_spec::caps::Channel;
use ledger_spec::entry::{Accounting, Contra};
use ledger_spec::kinds::Body;
use ledger_spec::points::Fund;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Rows of `field: Type, name, help, how it is made`; `of_the_log` and a type of `OpenMetrics` mark
/// what follows from the log alone. From them come the fields, the names and the registration.
macro_rules! metrics {
    ($($field:ident: $ty:ty $(, of_the_log $kind:literal)?, $name:literal, $help:literal, $make:expr;)+) => {
        /// The names of all metrics, as dashboards use them, each with its help.
        pub const NAMES: &[(&str, &str)] = &[$(($name, $help)),+];

        /// The metrics that follow from the log alone, with their types: what [`Backfill`] can give
        /// for days gone by.
        const OF_THE_LOG: &[(&str, &str)] = &[$($(($name, $kind),)?)+];

        /// The metrics of the process.
        #[derive(Clone)]
        pub struct Metrics {
            registry: Registry,
            $($field: $ty,)+
        }

        impl Metrics {
            /// Makes and registers every metric of [`NAMES`].
            ///
            /// # Errors
            /// What Prometheus says of a name or label; the lists here are fixed, so it has nothing
            /// to say.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                $(
                    let make: fn(Opts) -> Result<$ty, prometheus::Error> = $make;
                    let $field = make(Opts::new($name, $help))?;
                    registry.register(Box::new($field.clone()))?;
                )+
                Ok(Self { registry, $($field),+ })
            }
        }
    };
}

metrics! {
    entries: IntCounterVec, of_the_log "counter", "kenmai_entries_total",
        "Entries accepted, by ledger and kind of statement.",
        |it| IntCounterVec::new(it, &["ledger", "kind"]);
    refusals: IntCounterVec, "kenmai_refusals_total",
        "Statements refused, by ledger and problem.",
        |it| IntCounterVec::new(it, &["ledger", "problem"]);
    granted: IntCounterVec, of_the_log "counter", "kenmai_points_granted_total",
        "Points granted, by ledger and fund.",
        |it| IntCounterVec::new(it, &["ledger", "fund"]);
    redeemed: IntCounterVec, of_the_log "counter", "kenmai_points_redeemed_total",
        "Points redeemed, and given back by void or refund, by ledger and direction (spent, returned).",
        |it| IntCounterVec::new(it, &["ledger", "direction"]);
    log_entries: IntGaugeVec, of_the_log "gauge", "kenmai_log_entries",
        "Entries in the log, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    published: IntGaugeVec, "kenmai_published_entries",
        "Entries under the published head, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    queue: IntGaugeVec, "kenmai_queue_entries",
        "Statements and slices of manifests in the queue before the writer, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    writable: IntGaugeVec, "kenmai_ledger_writable",
        "1 while the ledger takes statements, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    damaged: IntGaugeVec, "kenmai_damaged_entries",
        "Entries that were found damaged since the start, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    scrubbed: IntGaugeVec, "kenmai_scrubbed_entries",
        "Entries read from the disk again and checked, of the pass under way or the last one, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    views_lag: IntGaugeVec, "kenmai_views_lag_entries",
        "Entries of the log that the read views do not hold yet, by ledger.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    week: IntGaugeVec, "kenmai_participants_week",
        "Persons who took part in the last closed week, by ledger; as released.",
        |it| IntGaugeVec::new(it, &["ledger"]);
    month: IntGaugeVec, "kenmai_participants_month",
        "Persons who took part in the last released month, by ledger and group of actions; as released.",
        |it| IntGaugeVec::new(it, &["ledger", "group"]);
    channel: IntGaugeVec, "kenmai_actions_percent",
        "Whole percent of the last released month's actions, by ledger and channel; as released.",
        |it| IntGaugeVec::new(it, &["ledger", "channel"]);
    outstanding: IntGaugeVec, "kenmai_points_outstanding",
        "Points that can still be spent at the end of the last released month, by ledger and fund; as released.",
        |it| IntGaugeVec::new(it, &["ledger", "fund"]);
    budget_warning: IntGaugeVec, "kenmai_budget_warning_permille",
        "The highest of the programme's budget warnings that the fiscal year's grants have reached, in thousandths; 0 before the first; by ledger and fund.",
        |it| IntGaugeVec::new(it, &["ledger", "fund"]);
    batch: HistogramVec, "kenmai_batch_entries",
        "Entries committed at once, by ledger.",
        |it| doubling(it, 1.0, 10, &["ledger"]);
    commit: HistogramVec, "kenmai_commit_seconds",
        "Seconds from the start of a batch to its durable end, by ledger.",
        |it| doubling(it, 0.000_125, 15, &["ledger"]);
    http: HistogramVec, "kenmai_http_request_seconds",
        "Seconds to answer a request, by route and status class.",
        |it| doubling(it, 0.000_062_5, 17, &["route", "status"]);
    in_flight: IntGauge, "kenmai_http_in_flight_requests",
        "Requests under way.",
        IntGauge::with_opts;
    sessions: IntGauge, "kenmai_sessions",
        "Sessions held in memory, those that ended but were not yet cleared away included.",
        IntGauge::with_opts;
}

/// A histogram of so many buckets, each twice as wide as the one before.
fn doubling(
    it: Opts,
    first: f64,
    buckets: usize,
    labels: &[&str],
) -> Result<HistogramVec, prometheus::Error> {
    let buckets = prometheus::exponential_buckets(first, 2.0, buckets)?;
    HistogramVec::new(HistogramOpts::from(it).buckets(buckets), labels)
}

/// The slug of the problem that a full queue gives. An alert asks for its series, which has to be
/// there before.
const BUSY: &str = "busy";

impl Metrics {
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
            damaged: self.damaged.with_label_values(label),
            scrubbed: self.scrubbed.with_label_values(label),
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
    damaged: IntGauge,
    scrubbed: IntGauge,
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

    /// So many entries were found damaged.
    pub fn set_damaged(&self, entries: u64) {
        self.damaged.set(gauge(entries));
    }

    /// So many entries of the pass were read again and checked.
    pub fn set_scrubbed(&self, entries: u64) {
        self.scrubbed.set(gauge(entries));
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

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
