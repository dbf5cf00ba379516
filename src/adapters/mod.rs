//! Foreign formats in, plain values out. Nothing here reads a file, a socket or a clock.

pub mod qr_frame;
