//! The report: exact figures of all samples, in whole numbers, as a table that fits into a page of
//! Markdown.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::Failure;
use crate::callers::Round;
use crate::harness::Used;
use crate::machine::{Machine, load_average};

/// What the rounds of one combination gave.
#[derive(Default)]
pub(crate) struct Measured {
    /// In an open loop from the due time, otherwise from sending.
    took_us: Vec<u64>,
    from_sending_us: Vec<u64>,
    /// Requests in a thousand seconds, one number a round.
    rates: Vec<u64>,
    /// Answers of 503.
    busy: usize,
    /// Unknown of another one's server.
    used: Option<Used>,
}

impl Measured {
    /// Adds a round.
    pub(crate) fn add(&mut self, round: &Round, used: Option<Used>) {
        let requests = round.took_us.len() as u64;
        self.took_us.extend(&round.took_us);
        self.from_sending_us.extend(&round.from_sending_us);
        self.rates.push(requests * 1_000_000_000 / round.whole_us.max(1));
        self.busy += round.busy.len();
        if let Some(used) = used {
            let sum = self.used.get_or_insert_default();
            sum.log_bytes += used.log_bytes;
            sum.batches += used.batches;
            sum.commit_ms += used.commit_ms;
            sum.sequencer_ns += used.sequencer_ns;
            sum.server_ns += used.server_ns;
            sum.callers_ns += used.callers_ns;
            sum.entries += used.entries;
        }
    }

    /// The sample of all latencies at a rank in thousandths.
    pub(crate) fn latency_us(&self, permille: u32) -> u64 {
        let mut sorted = self.took_us.clone();
        sorted.sort_unstable();
        percentile(&sorted, permille)
    }
}

/// A line of the table.
pub(crate) struct ReportRow {
    /// What was asked.
    pub(crate) what: String,
    /// In which loop.
    pub(crate) how: String,
    pub(crate) figures: Measured,
    /// What a request stands for: a name, and how many of them so many requests are.
    pub(crate) unit: Option<(&'static str, u64, u64)>,
}

/// Everything that a run says.
pub(crate) struct Report {
    /// The scenario.
    pub(crate) name: &'static str,
    /// The city and its server.
    pub(crate) about: String,
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<ReportRow>,
    /// Sentences below the table.
    pub(crate) remarks: Vec<String>,
    /// What was checked at the end.
    pub(crate) checked: String,
}

impl Report {
    /// Prints it.
    pub(crate) fn print(self) -> Result<(), Failure> {
        std::io::stdout().write_all(self.text()?.as_bytes())?;
        Ok(())
    }

    fn text(mut self) -> Result<String, Failure> {
        let machine = self.machine()?;
        let mut text = format!("{}: {}.\n{machine}\n", self.name, self.about);
        text.push_str(
            "| what | loop | requests | requests/s, median (range) | p50 µs | p95 µs | p99 µs | max µs | p99 µs from sending \
             | 503 | bytes each | entries/batch | commit µs | CPU s per 1,000: writer | HTTP | callers |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for ReportRow { what, how, figures, .. } in &mut self.rows {
            text.push_str(&line(&format!("| {what} | {how} "), figures)?);
        }
        text.push('\n');
        let comparisons = self.comparisons();
        for remark in self.units().chain(comparisons).chain(self.remarks.clone()) {
            writeln!(text, "- {remark}")?;
        }
        let answers: usize = self.rows.iter().map(|row| row.figures.took_us.len()).sum();
        writeln!(
            text,
            "- Checked: {answers} answers, and those of the warm-up; {}.",
            self.checked
        )?;
        Ok(text)
    }

    fn machine(&mut self) -> Result<String, Failure> {
        let Machine { syncs_us, verify_ns, load_before } = &mut self.machine;
        syncs_us.sort_unstable();
        let disk = if syncs_us.is_empty() {
            "the server's disk was not measured".to_owned()
        } else {
            format!(
                "append of 4 KiB and fdatasync p50 {} µs, p99 {} µs ({} samples)",
                percentile(syncs_us, 500),
                percentile(syncs_us, 990),
                syncs_us.len(),
            )
        };
        Ok(format!(
            "Machine: {} cores; load average {load_before} before, {} after; {disk}; one verify_strict {} µs of a core.\n",
            std::thread::available_parallelism()?,
            load_average()?,
            decimal(*verify_ns, 1_000, 1),
        ))
    }

    /// What the requests stand for, a second and in the time that checking one signature takes.
    fn units(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| {
            let (unit, many, requests) = row.unit?;
            let a_second = median(&row.figures.rates) * many / requests / 1_000;
            let of_check = decimal(a_second * self.machine.verify_ns, 1_000_000_000, 1);
            let (what, how) = (&row.what, &row.how);
            let beside = match unit {
                "rows" => format!(", {of_check} in the time of one verify_strict"),
                _ => String::new(),
            };
            Some(format!("{what}, {how}: {a_second} {unit} a second{beside}."))
        })
    }

    /// Of each closed loop, the second variant against the first; in an open one the schedule sets
    /// the rate.
    fn comparisons(&self) -> Vec<String> {
        let lead: Vec<_> = self.rows.iter().filter(|row| !row.what.starts_with('…')).collect();
        let mut lines = Vec::new();
        for pair in lead.chunks(2) {
            let [first, second] = pair else { continue };
            if first.figures.rates.len() < 2 || first.how.starts_with("open") {
                continue;
            }
            let rates = second.figures.rates.iter().zip(&first.figures.rates);
            let mut permille: Vec<u64> =
                rates.map(|(second, first)| second * 1_000 / first.max(&1)).collect();
            permille.sort_unstable();
            let percent = |per: u32| decimal(percentile(&permille, per), 10, 1);
            lines.push(format!(
                "{}, {} against {}, requests/s round by round: median {} %, range {} to {} %.",
                first.how,
                second.what,
                first.what,
                percent(500),
                percent(1),
                percent(1_000)
            ));
        }
        lines
    }
}

fn line(begin: &str, figures: &mut Measured) -> Result<String, Failure> {
    let Measured { took_us, from_sending_us, rates, busy, used } = figures;
    for samples in [&mut *took_us, from_sending_us] {
        samples.sort_unstable();
    }
    let mut sorted_rates = rates.clone();
    sorted_rates.sort_unstable();
    let requests = (took_us.len() as u64).max(1);
    let mut text = format!("{begin}| {} ", took_us.len());
    let rate = |permille| match percentile(&sorted_rates, permille) {
        few @ ..100_000 => decimal(few, 1_000, 1),
        many => (many / 1_000).to_string(),
    };
    write!(text, "| {} ({} to {}) ", rate(500), rate(1), rate(1_000))?;
    for permille in [500, 950, 990, 1_000] {
        write!(text, "| {} ", percentile(took_us, permille))?;
    }
    write!(text, "| {} | {busy} ", percentile(from_sending_us, 990))?;
    let Some(used) = used else {
        text.push_str("| – | – | – | – | – | – |\n");
        return Ok(text);
    };
    let cpu = |ns: u64| decimal(ns / requests, 1_000_000, 3);
    let entries = used.entries.max(1);
    match used.batches {
        0 => text.push_str("| 0 | – | – "),
        batches => write!(
            text,
            "| {} | {} | {} ",
            used.log_bytes / entries,
            decimal(entries, batches, 1),
            used.commit_ms * 1_000 / batches
        )?,
    }
    writeln!(
        text,
        "| {} | {} | {} |",
        cpu(used.sequencer_ns),
        cpu(used.server_ns),
        cpu(used.callers_ns)
    )?;
    Ok(text)
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    percentile(&sorted, 500)
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
