//! What becomes of a statement: in the log under a signed head, or refused.

use std::sync::Arc;

use ledger_spec::decide::Rejection;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::{Hash, Seq};
use tokio::sync::oneshot;

use crate::clock::ClockAlarm;

/// A signed head of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Entries under it.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub note: String,
    /// Unix milliseconds of the newest entry under it, the last that the log itself knows after a
    /// start.
    pub newest_ms: u64,
}

/// A statement that is in the log.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The entry's accounting part.
    pub accounting: Arc<Accounting>,
    /// A head that covers the entry.
    pub head: Arc<Head>,
    /// Whether this is the answer to a repetition.
    pub replayed: bool,
}

/// Why a statement is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rules refuse it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Another statement with this operation id is in the log.
    #[error("the operation id belongs to another statement, entry {0}")]
    OperationReused(Seq),
    /// An entry that the decision rests on has changed on the disk.
    #[error("entry {0}, which this rests on, is damaged")]
    Damaged(Seq),
    /// The queue is full.
    #[error("too many statements are waiting")]
    Busy,
    /// The clock must be accepted by a person first.
    #[error(transparent)]
    ReadOnly(#[from] ClockAlarm),
    /// The ledger has stopped, or is stopping. Whether the statement is in the log is not known:
    /// repeat it.
    #[error("the ledger has stopped")]
    Stopped,
}

/// What becomes of a statement.
pub(super) type Verdict = Result<Accepted, Refusal>;

/// A verdict to come.
pub struct PendingVerdict(pub(super) oneshot::Receiver<Verdict>);

impl PendingVerdict {
    /// Waits without blocking the thread.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn wait(self) -> Verdict {
        self.0.await.unwrap_or(Err(Refusal::Stopped))
    }

    /// Waits on a plain thread.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn wait_blocking(self) -> Verdict {
        self.0.blocking_recv().unwrap_or(Err(Refusal::Stopped))
    }
}

/// The verdicts to come on a slice of rows, one a row.
pub struct PendingRows(pub(super) oneshot::Receiver<Vec<Verdict>>);

impl PendingRows {
    /// Waits without blocking the thread.
    ///
    /// # Errors
    /// [`Refusal::Stopped`]; each row has a verdict of its own.
    pub async fn wait(self) -> Result<Vec<Verdict>, Refusal> {
        self.0.await.map_err(|_| Refusal::Stopped)
    }

    /// Waits on a plain thread.
    ///
    /// # Errors
    /// As [`PendingRows::wait`].
    pub fn wait_blocking(self) -> Result<Vec<Verdict>, Refusal> {
        self.0.blocking_recv().map_err(|_| Refusal::Stopped)
    }
}
