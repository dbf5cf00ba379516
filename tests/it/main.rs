//! Tests of the whole program through its library, its sockets and its files, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a failed step ends the test"
)]

mod audit;
mod city;
mod cli;
mod dashboards;
mod engine;
mod log;
mod sim_disk;
mod supply_chain;
mod tidy;
mod verify;
