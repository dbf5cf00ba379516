//! The kenmai specification as code: formats, rules and proofs.
//!
//! Nothing here reads a file, a clock or a source of randomness; everything a rule needs is passed
//! in.
//!
//! Read first [`statement::Statement`], what somebody signed, and [`entry::Accounting`], what the
//! log keeps of it: [`decide::decide`] makes the one of the other, and [`apply::apply`] takes its
//! effects into the [`state::State`].
#![no_std]

extern crate alloc;

pub mod apply;
pub mod caps;
pub mod catalogue;
pub mod cbor;
pub mod checkpoint;
pub mod cose;
pub mod decide;
pub mod draw;
pub mod entry;
pub mod frame;
pub mod ids;
pub mod json;
pub mod kept;
pub mod kinds;
pub mod manifest;
pub mod merkle;
pub mod note;
pub mod points;
pub mod programme;
pub mod prove;
pub mod public;
pub mod receipt;
pub mod shops;
pub mod state;
pub mod statement;
mod text;
pub mod tile;
pub mod time;
pub mod token;
