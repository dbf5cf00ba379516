//! kenmai: a signed, append-only ledger of health-mileage points.
//!
//! The rules stand in `ledger_spec` and are pure; this package gives them a clock, keys, files and
//! a network. The program `kenmai` is a thin shell around it, so that tests reach every part.
//!
//! Read first [`engine::Engine`], which alone changes a ledger, and [`http::Server`], which serves
//! several.

pub mod adapters;
pub mod audit;
pub mod bank_days;
pub mod beacon;
pub mod cli;
pub mod clock;
pub mod config;
pub mod csv;
pub mod demo;
pub mod engine;
pub mod http;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod office;
pub mod pages;
pub mod query;
pub mod registry;
pub mod reports;
pub mod simulate;
pub mod verify;
pub mod views;
