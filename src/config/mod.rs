//! Settings in files: the configuration of `kenmai serve`, and the file in each data folder that
//! says whose it is. Every error names file, line and remedy.
//!
//! Read first: `server::Config`, all that can be set, and `server::Limits`, every limit.

mod error;
mod ledger_file;
mod server;

pub use error::ConfigError;
pub use ledger_file::{LEDGER_FILE, LedgerFile, MAX_ORIGIN_BYTES, check_origin, write_new};
pub use server::{Config, LedgerConfig, LedgerName, Limits, MAX_LEDGER_NAME_BYTES};
