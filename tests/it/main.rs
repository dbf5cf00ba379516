//! Tests of the whole program through its library, its sockets and its files, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a failed step ends the test"
)]

mod api;
mod audit;
mod bad_input;
#[path = "../support/camera.rs"]
mod camera;
mod city;
mod cli;
mod consent;
mod corrections;
mod damage;
mod dashboards;
mod data_keys;
mod demo;
mod draws;
mod engine;
mod files;
mod kill;
mod leaving;
mod log;
mod manifests;
mod openapi;
mod participation;
mod perk_cards;
mod pins;
mod public;
mod qr_frame;
mod reminders;
mod resident;
mod rewards;
mod secrets;
#[path = "../support/server.rs"]
mod server;
mod settlement;
mod sim_disk;
mod simulate;
mod snapshots;
mod sockets;
mod spending;
mod supply_chain;
mod terminals;
mod tidy;
mod town;
mod verify;
mod views;

/// The program that the tests start.
const KENMAI: &str = env!("CARGO_BIN_EXE_kenmai");
