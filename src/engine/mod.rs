//! The engine: one ledger's state in memory, and the one thread that changes it.
//!
//! [`Engine::open_statement`] checks a submission on the caller's core; [`Engine::submit`] puts it
//! in a bounded queue and waits for the verdict. Everything between is in `sequencer`; start-up is
//! in `recovery`; `replay` reads a log from outside. Read first: `shared::Shared`, what the threads
//! of a ledger share, and `sequencer::writer::Sequencer`, which alone writes it.

mod day_kids;
mod error;
mod follower;
mod handle;
mod ops;
mod perk_cards;
mod read;
mod recovery;
pub mod replay;
mod scrub;
mod secrets;
mod sequencer;
mod shared;
mod slices;
mod snapshot;
mod sweep;
mod tiles;
mod verdict;

pub use error::EngineError;
pub use handle::{Engine, SLICES_WAITING_MAX};
pub use read::{PersonalReader, parse_entry, statement_of};
pub use secrets::REGISTRY_FILE;
pub use sequencer::CLOCK_ACCEPT_FILE;
pub use shared::{EngineConfig, Environment, Readiness};
pub use slices::{SLICE_BYTES_MAX, SLICE_ROWS_MAX, slices};
pub use tiles::TileSource;
pub use verdict::{Accepted, Head, PendingRows, PendingVerdict, Refusal};
