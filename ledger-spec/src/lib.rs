//! The kenmai specification as code: formats, rules and proofs.
//!
//! Nothing here reads a file, a clock or a source of randomness; everything a rule needs is passed in.
#![no_std]

extern crate alloc;

pub mod frame;
pub mod ids;
pub mod merkle;
