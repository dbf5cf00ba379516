//! How a command ends.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::AuditError;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::keys::KeyError;
use crate::log::LogError;
use crate::verify::VerifyError;

/// How a command that was carried out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// All is well: exit code 0.
    Well,
    /// Something was found or refused: exit code 1.
    Findings,
}

/// Why a command could not be carried out: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The audit.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The verification.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The simulation.
    #[error(transparent)]
    Simulate(#[from] crate::simulate::SimulateError),
    /// The statement of a settlement.
    #[error(transparent)]
    Statement(#[from] crate::reports::tables::LinesDoNotAddUp),
    /// The transfers of a month.
    #[error(transparent)]
    Transfer(#[from] crate::reports::transfers::TransferError),
    /// The file of transfers.
    #[error(transparent)]
    Zengin(#[from] crate::reports::zengin::ZenginError),
    /// A step of a draw.
    #[error(transparent)]
    Draw(#[from] crate::query::draws::DrawError),
    /// The rows of a file.
    #[error(transparent)]
    Import(#[from] crate::office::imports::ImportError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    /// The demo city.
    #[error(transparent)]
    Demo(#[from] crate::demo::OpenError),
    /// The file of inhabitants.
    #[error(transparent)]
    Population(#[from] crate::query::participation::population::PopulationError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What was asked for cannot be done; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }
}

pub(super) type Outcome = Result<ExitStatus, CliError>;
