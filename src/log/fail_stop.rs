//! The first error of the log or its levels is the last: what reached the disk is then unknown.

use std::sync::{Arc, OnceLock};

use super::error::LogError;

/// Whether the log and its levels may go on: never again after the first error of either.
#[derive(Clone, Default)]
pub(super) struct FailStop {
    stopped_by: Arc<OnceLock<String>>,
}

impl FailStop {
    pub(super) fn check(&self) -> Result<(), LogError> {
        match self.stopped_by.get() {
            Some(cause) => Err(LogError::Stopped { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn stop_on_error<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        result.inspect_err(|error| {
            self.stopped_by.get_or_init(|| error.to_string());
        })
    }
}
