//! Integration tests, one module a subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a failed step ends the test"
)]

mod log;
mod sim_disk;
