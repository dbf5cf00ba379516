//! The log: the one truth of a ledger, on disk.
//!
//! ```text
//! <data folder>/log/segments/00000000.seg   frames, one after another (segments)
//!                  /levels/0, 1, 2 ... hashes of the Merkle tree, computed from the frames
//!                  (levels) /lock size and root as of at most a second ago (lock) /torn-<Unix ms>
//!                  what a crash left of an unfinished frame, set aside at the next start
//! ```
//!
//! Opening goes in two steps: [`claim`] takes the data folder for this process and reads the lock;
//! [`Claimed::recover`] checks every frame, hands each to the caller, and gives the [`Log`] to
//! append to. The rules on what a crash can leave, and what is damage, are in `recovery`.
//! [`inspect`] reads a log without taking or changing anything.
//!
//! *Published ≤ locked ≤ durable*: a frame is durable when [`Log::append`] returned, and only then
//! may its entries be answered for, read or published. An I/O error stops the log for ever: whether
//! the bytes are on the disk is then unknown, only opening the log again can tell, and so the
//! process has to end.

mod config;
pub mod disk;
mod error;
mod fail_stop;
pub mod levels;
mod lock;
mod recovery;
mod segments;
mod tip;
mod writer;

pub use config::{LOG_FOLDER, LogConfig, size_bytes};
pub use error::{FrameRefusal, LinkError, LogError};
pub use levels::{LEVELS_FOLDER, Levels, LevelsReader, MAX_HASHES_PER_READ};
pub use lock::Locked;
pub use recovery::{Inspection, TornTail, inspect, inspect_with_reader};
pub use segments::{Frames, LogReader, SEGMENT_BYTES, SEGMENTS_FOLDER};
pub use tip::Tip;
pub use writer::{Claimed, Log, claim};
