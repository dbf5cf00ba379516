//! The program `kenmai`.

fn main() {}
