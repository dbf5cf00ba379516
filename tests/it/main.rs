//! Tests of the whole program through its library, its sockets and its files, in one binary.
#![expect(clippy::expect_used, reason = "a test ends at the first surprise")]

mod supply_chain;
mod tidy;
