//! The tests of the specification, one binary.

#[cfg(test)]
mod proofs;
