//! Every figure the server gives to Prometheus, by name, in one place. None has a label that could tell a person:
//! ledger, kind, fund, group, channel, outcome and route are all there is.

use std::sync::Arc;
use std::time::Duration;

use ledger_spec::entry::{Accounting, Channel, Contra};
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
const VIEWS_LAG: &str = "kenmai_views_lag_entries";
const WEEK: &str = "kenmai_participants_week";
const MONTH: &str = "kenmai_participants_month";
const CHANNEL: &str = "kenmai_actions_percent";
const OUTSTANDING: &str = "kenmai_points_outstanding";
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
    views_lag: IntGaugeVec,
    week: IntGaugeVec,
    month: IntGaugeVec,
    channel: IntGaugeVec,
    outstanding: IntGaugeVec,
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
            views_lag: IntGaugeVec::new(opts(VIEWS_LAG), &["ledger"])?,
            week: IntGaugeVec::new(opts(WEEK), &["ledger"])?,
            month: IntGaugeVec::new(opts(MONTH), &["ledger", "group"])?,
            channel: IntGaugeVec::new(opts(CHANNEL), &["ledger", "channel"])?,
            outstanding: IntGaugeVec::new(opts(OUTSTANDING), &["ledger", "fund"])?,
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
        made.registry.register(Box::new(made.views_lag.clone()))?;
        for released in [&made.week, &made.month, &made.channel, &made.outstanding] {
            made.registry.register(Box::new(released.clone()))?;
        }
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
            views_lag: self.views_lag.with_label_values(label),
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

    /// Entries that the views have yet to take in.
    pub fn set_views_lag(&self, entries: u64) {
        self.views_lag.set(i64::try_from(entries).unwrap_or(i64::MAX));
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
        let channel = match channel {
            Channel::Phone => "phone",
            Channel::Card => "card",
            Channel::Kiosk => "kiosk",
            Channel::Desk => "desk",
        };
        show(&self.all.channel, &[&self.name, channel], percent);
    }

    /// A fund's points that can still be spent, if released.
    pub fn set_outstanding(&self, fund: Fund, points: Option<u64>) {
        show(&self.all.outstanding, &[&self.name, fund_name(fund)], points);
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
