//! What can be wrong with a file of settings.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with the configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error(
        "cannot read the configuration {path}: {source}; name an existing file with `--config`"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A data folder does not say whose it is.
    #[error(
        "cannot read {path}: {source}; name a data folder that `kenmai init` or `kenmai demo` made"
    )]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; a file that exists is never overwritten")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A place in the file is wrong.
    #[error("{path}, line {line}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// The line of a byte of the text, counted from 1.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}
