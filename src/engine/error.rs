//! Why a ledger cannot be opened, or had to stop.

use ledger_spec::apply::Broken;
use ledger_spec::checkpoint::CheckpointError;
use ledger_spec::ids::Seq;
use ledger_spec::statement::StatementError;

use crate::keys::KeyError;
use crate::log::LogError;
use crate::registry::RegistryError;
use crate::views::ViewsError;

/// Why a ledger cannot be opened, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A secret is not this ledger's.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The views.
    #[error(transparent)]
    Views(#[from] ViewsError),
    /// An entry of the log is not one that these rules made.
    #[error(
        "entry {seq}: {reason}; the log was written by another version or is damaged; run `kenmai audit`"
    )]
    Entry {
        /// The entry.
        seq: Seq,
        /// What is wrong.
        reason: String,
    },
    /// An entry's bytes are not those that its leaf commits to, or the hashes above it do not lead
    /// to the head: the files have changed since they were written.
    #[error(
        "entry {seq} is damaged: {reason}; nothing rests on it until the log is put back from a copy; `kenmai audit` names every such place"
    )]
    Damaged {
        /// The entry.
        seq: Seq,
        /// What does not fit.
        reason: String,
    },
    /// The decision on a statement contradicts the state.
    #[error("a decision contradicts the state ({0}); nothing was written")]
    Broken(#[from] Broken),
    /// A statement that the ledger made itself breaks the form of statements.
    #[error("the ledger's own statement is malformed: {0}; nothing was written")]
    Own(StatementError),
    /// The origin cannot name a checkpoint.
    #[error("the origin cannot name a checkpoint: {0}")]
    Origin(#[from] CheckpointError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A thread ended in the middle of changing the state.
    #[error("a thread died while it held the state; start the process again")]
    ThreadDied,
    /// A thread could not be started.
    #[error("a thread of the ledger could not be started: {0}")]
    Thread(std::io::Error),
}
