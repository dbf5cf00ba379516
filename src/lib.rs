//! The kenmai server as a library: everything around the rules of `ledger_spec`.
//!
//! The rules are pure; this package gives them a clock, keys, files and a network. A module uses only what stands
//! further down this list of its neighbours: registry, then configuration, clock and keys.

pub mod clock;
pub mod config;
pub mod keys;
pub mod registry;
