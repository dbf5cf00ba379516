//! Data in, HTML out. Nothing here reads a file, a clock or the engine.
//!
//! Each page is a struct of what `query` read and a `page` function. Every sentence lives in
//! `messages/*.ftl`; the browser code under `assets/` takes its sentences from the `<template>`
//! that the frame writes. No page holds an inline script or style, so the strict
//! [`CONTENT_SECURITY_POLICY`] holds for all of them.

pub mod assets;
mod chart;
pub mod city;
pub mod desk;
pub mod door;
pub mod error;
pub mod family;
pub mod first;
mod found;
mod frame;
pub mod history_csv;
mod lang;
pub mod links;
pub mod me;
pub mod messages;
pub mod participation;
pub mod pay;
pub mod perk;
pub mod record;
pub mod reminders;
pub mod rewards;
pub mod scan;
pub mod settlement;
pub mod terminal;
pub mod till;
pub mod tour;
pub mod venue;
pub mod verify;

pub use frame::{Fixed, Site};
pub use lang::Lang;

macro_rules! policy {
    ($trusted_types:literal $more:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types ",
            $trusted_types,
            $more
        )
    };
}

/// The `Content-Security-Policy` header that every page is written for.
pub const CONTENT_SECURITY_POLICY: &str = policy!("'none'" "");
/// The same for the pages that start the worker of `assets/sw.js`, whose address is a matter of
/// Trusted Types.
pub const WORKER_POLICY: &str = policy!("kenmai-worker" "; worker-src 'self'");
