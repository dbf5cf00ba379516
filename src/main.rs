//! The `kenmai` command.

fn main() {}
