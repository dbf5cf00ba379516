//! What the machine can do by itself, so that a result says more than how fast its box was.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ed25519_dalek::{Signer, SigningKey};

use crate::Failure;

/// Appends of each look at the disk.
const SYNCS: usize = 100;
/// Bytes of each append.
const SYNC_BYTES: usize = 4_096;
/// Signatures checked for the cost of one.
const VERIFIES: u32 = 8_000;

/// What was seen of the machine.
pub(crate) struct Machine {
    /// Microseconds of each bare append and fdatasync; none where the server's disk is not this
    /// machine's.
    pub(crate) syncs_us: Vec<u64>,
    /// Nanoseconds of processor time of one `verify_strict`.
    pub(crate) verify_ns: u64,
    /// Load average before the run.
    pub(crate) load_before: String,
}

impl Machine {
    /// Looks at the processor.
    pub(crate) fn look() -> Result<Self, Failure> {
        let load_before = load_average()?;
        Ok(Self { syncs_us: Vec::new(), verify_ns: verify_ns()?, load_before })
    }

    /// Looks at the disk under a folder.
    pub(crate) fn look_at_disk(&mut self, folder: Option<&Path>) -> Result<(), Failure> {
        if let Some(folder) = folder {
            self.syncs_us.extend(bare_syncs(folder)?);
        }
        Ok(())
    }
}

/// The stopwatch of every figure here.
#[expect(clippy::disallowed_methods, reason = "durations are what a load test is about")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// Whole microseconds since a moment.
pub(crate) fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The disk's own time, in microseconds, for one append of 4 KiB and its fdatasync, in the ledger's
/// folder.
fn bare_syncs(folder: &Path) -> Result<Vec<u64>, Failure> {
    let path = folder.join("bare");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut took_us = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = stopwatch();
        file.write_all(&[0xa5; SYNC_BYTES])?;
        file.sync_data()?;
        took_us.push(micros_since(start));
    }
    fs::remove_file(path)?;
    Ok(took_us)
}

/// The mean processor time of one `verify_strict` over a message of a statement's length, in
/// nanoseconds.
fn verify_ns() -> Result<u64, Failure> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [0x5a; 160];
    let signature = key.sign(&message);
    let verifying_key = key.verifying_key();
    let before_ns = own_cpu_ns()?;
    for _ in 0..VERIFIES {
        std::hint::black_box(&verifying_key)
            .verify_strict(std::hint::black_box(&message), &signature)?;
    }
    Ok((own_cpu_ns()? - before_ns) / u64::from(VERIFIES))
}

/// Load average of the last minute, as the system writes it.
pub(crate) fn load_average() -> Result<String, Failure> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or("unknown").to_owned())
}

/// Processor time of this process so far, in nanoseconds, by the first word of its threads' names.
/// Threads that ended are not counted.
pub(crate) fn cpu_ns() -> Result<BTreeMap<String, u64>, Failure> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = fs::read_to_string(task.join("comm"))?;
        let name = name.split_whitespace().next().unwrap_or("unknown").to_owned();
        *times.entry(name).or_default() += ran_ns(&task)?;
    }
    Ok(times)
}

/// Processor time of the calling thread so far, in nanoseconds.
pub(crate) fn own_cpu_ns() -> Result<u64, Failure> {
    ran_ns(Path::new("/proc/thread-self"))
}

/// What the kernel says of a thread: nanoseconds on a processor, nanoseconds in line for one, and
/// turns.
fn ran_ns(task: &Path) -> Result<u64, Failure> {
    let schedule = fs::read_to_string(task.join("schedstat"))?;
    Ok(schedule.split(' ').next().unwrap_or("").parse()?)
}

/// Bytes of all files in a folder and below it.
pub(crate) fn folder_bytes(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
