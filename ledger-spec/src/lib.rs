//! The kenmai specification as code.
#![no_std]
