//! kenmai: a signed, append-only ledger of health-mileage points.
//!
//! The program `kenmai` is a thin shell around this library, so that tests reach every part.

pub mod log;
