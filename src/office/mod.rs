//! What a city's office does with its files: what happened to whom becomes rows for `kenmai
//! sign-rows`, and booked appointments go to the registry.
//!
//! Here a file that was read meets the registry, which knows persons, and the state, which knows
//! accounts. [`imports`] makes rows, [`bookings`] keeps appointments, [`payments`] reads what shops
//! are due.

pub mod bookings;
pub mod imports;
pub mod payments;
