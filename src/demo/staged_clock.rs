//! The time of a year that is lived in seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;

/// A clock that can be set while the history is made, and is the real one otherwise.
pub struct StagedClock {
    real: Arc<dyn Clock>,
    /// Unix milliseconds; 0 stands for the real time.
    staged_ms: AtomicU64,
}

impl StagedClock {
    /// Shows the real time until it is set.
    #[must_use]
    pub fn over(real: Arc<dyn Clock>) -> Self {
        Self { real, staged_ms: AtomicU64::new(0) }
    }

    pub(super) fn set_ms(&self, unix_ms: u64) {
        self.staged_ms.store(unix_ms, Ordering::SeqCst);
    }

    pub(super) fn run(&self) {
        self.set_ms(0);
    }
}

impl Clock for StagedClock {
    fn wall_ms(&self) -> u64 {
        match self.staged_ms.load(Ordering::SeqCst) {
            0 => self.real.wall_ms(),
            staged_ms => staged_ms,
        }
    }

    fn boot_ms(&self) -> u64 {
        self.real.boot_ms()
    }

    fn boot_us(&self) -> u64 {
        self.real.boot_us()
    }
}
