//! The demo city: fictitious, and made through the real pipeline. Every entry of its history is a
//! statement signed by a station, coach, till, phone or staff member of the city, checked and
//! decided like any other.
//!
//! There are two cities, a large and a small one, made from a [`Blueprint`] each. All private keys
//! of a city come from one random seed, so that a restart can fill the days it missed.

mod blueprint;
mod cast;
mod city;
mod client;
mod crew;
mod desk;
pub mod door;
mod draft;
mod folder;
mod history;
mod programme;
mod residents;
mod rewards;
mod staged_clock;

pub use blueprint::{Blueprint, HISTORY_DAYS, MINATO, OPEN_PHONES, YAIZU};
pub use cast::Cast;
pub use city::{DEMO_PIN, found};
pub use client::{CityError, Progress};
pub use desk::{Desk, DeskError, VisitorKit};
pub use folder::{CityMetrics, DEMO_MARK, DemoCity, OpenError, open};
pub use history::fill;
pub use staged_clock::StagedClock;
