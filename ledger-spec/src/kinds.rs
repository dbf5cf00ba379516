//! The kinds of statement and their public bodies: the table of kinds, and what each body holds.

mod bodies;
mod codes;
mod table;

pub use self::bodies::*;
pub use self::codes::{
    AgeTier, Cause, Code, DOCUMENT_BYTES_MAX, Document, Insurance, Name, Note, PinGrounds, Purpose,
    Role, Status,
};
pub use self::table::{Flow, Kind, Part, Sealed, Shape};
