//! Foreign formats in, plain values out. Nothing here reads a file, a socket or a clock.

pub mod appointments;
pub mod city_file;
pub mod drand;
pub mod fhir;
pub mod japanese;
pub mod lots_file;
pub mod qr_frame;
pub mod shops_file;
pub mod strict_json;
pub mod zengin_code;
