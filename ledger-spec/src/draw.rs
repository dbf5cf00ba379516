//! Draws that anyone can repeat. The entrants are fixed in the log before a public beacon has its
//! value, and the value alone decides who wins: neither the city nor the operator of the ledger can
//! choose.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::ids::{Hash, Seq, first_bytes};
use crate::merkle::{leaf_hash, root_of};

/// The beacon: drand's network `quicknet`, every three seconds, signed by more than half of its
/// members.
pub const BEACON: &str = "quicknet";
/// Unix seconds of its first round.
pub const BEACON_GENESIS_S: u64 = 1_692_803_367;
/// Seconds between two rounds.
pub const BEACON_PERIOD_S: u64 = 3;
/// Bytes of a round's value, a BLS signature.
pub const BEACON_BYTES: usize = 48;
/// The round is at least so many seconds ahead when the entrants are fixed.
pub const AHEAD_S_MIN: u64 = 600;

/// When a round of the beacon has its value, in Unix seconds; `None` where there is no such round.
#[must_use]
pub fn round_s(round: u64) -> Option<u64> {
    round.checked_sub(1)?.checked_mul(BEACON_PERIOD_S)?.checked_add(BEACON_GENESIS_S)
}

/// The root over the entrants, each the seq of a claim and the hash of its secret, in order of the
/// log: the Merkle root of RFC 6962 over leaves of seq as u64 ‖ hash.
#[must_use]
pub fn entrants_root(entrants: impl IntoIterator<Item = (Seq, Hash)>) -> Hash {
    let leaves = entrants.into_iter().map(|(seq, code)| {
        let mut leaf = [0; 40];
        let bytes = seq.0.to_be_bytes().into_iter().chain(code);
        leaf.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        leaf_hash(&leaf)
    });
    root_of(&leaves.collect::<Vec<_>>())
}

/// The winners, in the order in which they are drawn; all entrants where there are no more than
/// prizes.
///
/// Draw i swaps place i with one of the places from i on. Which one follows from
/// SHA-256(SHA-256(beacon) ‖ counter as u64): its first 8 bytes are a number, and a number at or
/// above the greatest multiple of the places left is thrown away, so that no place is likelier than
/// another.
#[must_use]
pub fn winners(beacon: &[u8], entrants: &[Seq], prizes: u32) -> Vec<Seq> {
    let randomness: Hash = Sha256::digest(beacon).into();
    let mut numbers = (0_u64..).map(|counter| {
        let digest = Sha256::new().chain_update(randomness).chain_update(counter.to_be_bytes());
        u64::from_be_bytes(first_bytes(digest.finalize().into()))
    });
    let mut places = entrants.to_vec();
    let drawn = usize::try_from(prizes).unwrap_or(usize::MAX).min(places.len());
    for place in 0..drawn {
        let left = (places.len() - place) as u64;
        // The numbers from here to 2^64 would make the first places likelier.
        let uneven = (u64::MAX % left + 1) % left;
        let number = numbers.find(|number| *number <= u64::MAX - uneven).unwrap_or(0);
        let other = place + usize::try_from(number % left).unwrap_or(0);
        places.swap(place, other);
    }
    places.truncate(drawn);
    places
}

/// The hash that a result names its winners by: SHA-256 over their seqs as u64, in the order of the
/// draw.
#[must_use]
pub fn winners_hash(winners: &[Seq]) -> Hash {
    let bytes = winners.iter().flat_map(|seq| seq.0.to_be_bytes());
    Sha256::digest(bytes.collect::<Vec<_>>()).into()
}
