//! Tests of the whole program through its library, its sockets and its files, in one binary.

mod supply_chain;
mod tidy;
