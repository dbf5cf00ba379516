//! The tests of the specification, one binary.

#[cfg(test)]
mod formats;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random_rules;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod story;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod world;
