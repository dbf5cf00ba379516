//! kenmai: a signed, append-only points and rewards ledger for Japanese cities.

pub mod pages;
