//! Files for the people who handle the money (what shops took in and are due, what funds pay, and
//! the transfers themselves), for residents, and for a programme that takes over.
//!
//! Everything here is pure: entries of the log and plain values in, text and bytes out. [`books`]
//! reads the log's entries into settlements and their lines; [`tables`] writes them for shops and
//! funds; [`transfers`] says which transfers that takes, [`zengin`] writes the file that a bank
//! takes, [`calendar`] the one that a calendar takes, [`currency`] the one by which another
//! currency's operator credits wallets, and [`accounts`] those that hold every account.

pub mod accounts;
pub mod books;
pub mod calendar;
pub mod currency;
pub mod tables;
pub mod transfers;
pub mod zengin;
