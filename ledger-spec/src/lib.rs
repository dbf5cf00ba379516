//! The kenmai specification as code: formats, rules and proofs.
//!
//! Nothing here reads a file, a clock or a source of randomness; everything a rule needs is passed in.
#![no_std]

extern crate alloc;

pub mod checkpoint;
pub mod ids;
pub mod merkle;
pub mod note;
pub mod prove;
pub mod receipt;
mod text;
pub mod tile;
