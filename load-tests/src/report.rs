//! The report: exact figures of all samples, in whole numbers, as a table that fits into a page of Markdown.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::Failure;
use crate::callers::Round;
use crate::city::{FUNDS, PAYMENT_POINTS, SHOPS, Shops};
use crate::machine::load_average;
use crate::shops_redeem::Used;

/// What the rounds of one combination gave.
#[derive(Default)]
pub(crate) struct Figures {
    took_us: Vec<u64>,
    /// Requests a second, one number a round.
    rates: Vec<u64>,
    callers_ns: u64,
    used: Used,
}

impl Figures {
    /// Adds a round.
    pub(crate) fn add(&mut self, round: &Round, used: Used) {
        let requests = round.took_us.len() as u64;
        self.took_us.extend(&round.took_us);
        self.rates.push(requests * 1_000_000 / round.whole_us.max(1));
        self.callers_ns += round.cpu_ns;
        self.used.log_bytes += used.log_bytes;
        self.used.batches += used.batches;
        self.used.commit_ms += used.commit_ms;
        self.used.sequencer_ns += used.sequencer_ns;
        self.used.server_ns += used.server_ns;
    }
}

/// Everything that a run says.
pub(crate) struct Report {
    /// Callers, shops and what they gave.
    pub(crate) rows: Vec<(u16, Shops, Figures)>,
    /// Microseconds of each bare append and fdatasync.
    pub(crate) syncs_us: Vec<u64>,
    /// Nanoseconds of processor time of one `verify_strict`.
    pub(crate) verify_ns: u64,
    /// Load average before the run.
    pub(crate) load_before: String,
    /// Residents of the city.
    pub(crate) residents: u32,
    /// Microseconds that the last opening of the ledger took.
    pub(crate) opened_again_us: u64,
    /// Proofs checked.
    pub(crate) proofs: usize,
}

impl Report {
    /// Prints it.
    pub(crate) fn print(mut self) -> Result<(), Failure> {
        let mut text = self.machine()?;
        text.push_str(
            "\n| shops | callers | requests | requests/s, median (range) | p50 µs | p95 µs | p99 µs | max µs \
             | bytes each | entries/batch | commit µs | CPU s per 1,000: writer | HTTP | callers |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (callers, shops, figures) in &mut self.rows {
            text.push_str(&row(*callers, *shops, figures)?);
        }
        text.push('\n');
        for line in self.comparisons() {
            writeln!(text, "- {line}")?;
        }
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(())
    }

    fn machine(&mut self) -> Result<String, Failure> {
        self.syncs_us.sort_unstable();
        Ok(format!(
            "shops-redeem: {} residents with {} lots each, {SHOPS} shops, {PAYMENT_POINTS} points a payment.\n\
             Machine: {} cores; load average {} before, {} after; append of 4 KiB and fdatasync p50 {} µs, \
             p99 {} µs ({} samples); one verify_strict {} µs of a core.\n",
            self.residents,
            FUNDS.len(),
            std::thread::available_parallelism()?,
            self.load_before,
            load_average()?,
            percentile(&self.syncs_us, 500),
            percentile(&self.syncs_us, 990),
            self.syncs_us.len(),
            decimal(self.verify_ns, 1_000, 1),
        ))
    }

    /// The sentences below the table; those about one number of callers only where both choices of shops were run.
    fn comparisons(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for pair in self.rows.chunks(2) {
            let [(callers, _, uniform), (_, _, one)] = pair else { continue };
            let mut permille: Vec<u64> = one
                .rates
                .iter()
                .zip(&uniform.rates)
                .map(|(one, all)| one * 1_000 / all.max(&1))
                .collect();
            permille.sort_unstable();
            let percent = |per: u32| decimal(percentile(&permille, per), 10, 1);
            lines.push(format!(
                "{callers} callers, one shop against uniform, round by round: median {} %, range {} to {} %.",
                percent(500), percent(1), percent(1_000)
            ));
        }
        let payments: usize = self.rows.iter().map(|(_, _, figures)| figures.took_us.len()).sum();
        lines.push(format!(
            "Checked: {payments} verdicts (201, {PAYMENT_POINTS} points) and those of the warm-up; {} proofs; the ledger, \
             opened again from its files in {} ms, owes each shop and holds for each resident what the verdicts say.",
            self.proofs,
            self.opened_again_us / 1_000,
        ));
        lines
    }
}

fn row(callers: u16, shops: Shops, figures: &mut Figures) -> Result<String, Failure> {
    figures.took_us.sort_unstable();
    let Figures { took_us, rates, callers_ns, used } = figures;
    let mut sorted_rates = rates.clone();
    sorted_rates.sort_unstable();
    let requests = took_us.len() as u64;
    let shops = match shops {
        Shops::Uniform => "uniform",
        Shops::One => "one",
    };
    let cpu = |ns: u64| decimal(ns / requests.max(1), 1_000_000, 3);
    let mut text = format!("| {shops} | {callers} | {requests} ");
    let rate = |permille| percentile(&sorted_rates, permille);
    write!(text, "| {} ({} to {}) ", rate(500), rate(1), rate(1_000))?;
    for permille in [500, 950, 990, 1_000] {
        write!(text, "| {} ", percentile(took_us, permille))?;
    }
    write!(text, "| {} ", used.log_bytes / requests.max(1))?;
    write!(text, "| {} ", decimal(requests, used.batches.max(1), 1))?;
    write!(text, "| {} ", used.commit_ms * 1_000 / used.batches.max(1))?;
    writeln!(
        text,
        "| {} | {} | {} |",
        cpu(used.sequencer_ns),
        cpu(used.server_ns),
        cpu(*callers_ns)
    )?;
    Ok(text)
}

/// The sample at a rank in thousandths (nearest rank), of sorted samples; 0 of none.
fn percentile(sorted: &[u64], permille: u32) -> u64 {
    let rank = (sorted.len() * permille as usize).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// `value / unit` with so many decimals, cut off.
fn decimal(value: u64, unit: u64, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals);
    let scaled = value * scale / unit;
    let width = decimals as usize;
    format!("{}.{:0width$}", scaled / scale, scaled % scale)
}

#[cfg(test)]
mod tests {
    use super::{decimal, percentile};

    #[test]
    fn percentiles_are_samples() {
        let samples: Vec<u64> = (1..=200).collect();
        for (permille, expected) in [(1, 1), (500, 100), (950, 190), (990, 198), (1_000, 200)] {
            assert_eq!(percentile(&samples, permille), expected);
        }
        assert_eq!(percentile(&[7], 990), 7);
        assert_eq!(percentile(&[], 500), 0);
    }

    #[test]
    fn decimals_are_cut_off() {
        assert_eq!(decimal(45_678, 1_000, 1), "45.6");
        assert_eq!(decimal(7, 2, 3), "3.500");
        assert_eq!(decimal(123_456, 1_000_000, 3), "0.123");
    }
}
