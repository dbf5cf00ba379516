//! The public beacon that decides draws: whether a value is the one that drand's network `quicknet`
//! made for a round.
//!
//! More than half of the network's members have to sign together, so nobody alone, the city
//! included, can make another value that passes here. Scheme `bls-unchained-g1-rfc9380`: the
//! message is SHA-256 over the round as u64, hashed to the curve as RFC 9380 says; the signature is
//! a point of G1, the public key one of G2.

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};
use ledger_spec::draw::BEACON_BYTES;
use sha2::{Digest, Sha256};

/// The chain's hash, in lower-case hexadecimal: the network's name in addresses, and the hash of
/// all that defines it.
pub const CHAIN_HASH: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";

/// The network's public key, which no change of its members changes.
const PUBLIC_KEY: [u8; 96] = [
    0x83, 0xcf, 0x0f, 0x28, 0x96, 0xad, 0xee, 0x7e, 0xb8, 0xb5, 0xf0, 0x1f, 0xca, 0xd3, 0x91, 0x22,
    0x12, 0xc4, 0x37, 0xe0, 0x07, 0x3e, 0x91, 0x1f, 0xb9, 0x00, 0x22, 0xd3, 0xe7, 0x60, 0x18, 0x3c,
    0x8c, 0x4b, 0x45, 0x0b, 0x6a, 0x0a, 0x6c, 0x3a, 0xc6, 0xa5, 0x77, 0x6a, 0x2d, 0x10, 0x64, 0x51,
    0x0d, 0x1f, 0xec, 0x75, 0x8c, 0x92, 0x1c, 0xc2, 0x2b, 0x0e, 0x17, 0xe6, 0x3a, 0xaf, 0x4b, 0xcb,
    0x5e, 0xd6, 0x63, 0x04, 0xde, 0x9c, 0xf8, 0x09, 0xbd, 0x27, 0x4c, 0xa7, 0x3b, 0xab, 0x4a, 0xf5,
    0xa6, 0xe9, 0xc7, 0x6a, 0x4b, 0xc0, 0x9e, 0x76, 0xea, 0xe8, 0x99, 0x1e, 0xf5, 0xec, 0xe4, 0x5a,
];
/// What keeps signatures of this scheme apart from those of others.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// Whether the value is the beacon's for the round. Takes about a millisecond.
#[must_use]
pub fn is_genuine(round: u64, value: &[u8]) -> bool {
    let value: Option<&[u8; BEACON_BYTES]> = value.try_into().ok();
    let signature = value.and_then(|value| Signature::uncompress(value).ok());
    let message: [u8; 32] = Sha256::digest(round.to_be_bytes()).into();
    match (signature, PublicKey::uncompress(&PUBLIC_KEY)) {
        // Both points are checked to lie in their groups.
        (Some(signature), Ok(key)) => {
            signature.verify(true, &message, DOMAIN, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
        }
        (None, _) | (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use ledger_spec::draw::{BEACON, BEACON_GENESIS_S, BEACON_PERIOD_S};

    use super::*;

    /// Rounds as the network published them: the first two stand in the tests of drand-verify, the
    /// third in those of tlock.
    const PUBLISHED: [(u64, &str); 3] = [
        (
            123,
            "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92",
        ),
        (
            1_000,
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
        ),
        (
            12_040_883,
            "929906c959032ab363c9f26570d215d66f5c06cb0c44fe508c12bb5839f04ec895bb6868e5b9ff13ab289bdb5266b394",
        ),
    ];
    /// Round 1000 of `fastnet`, a network that drand has ended.
    const FOREIGN: &str = "b09eacd45767c4d58306b98901ad0d6086e2663766f3a4ec71d00cf26f0f49eaf248abc7151c60cf419c4e8b37e80412";

    fn bytes(hex: &str) -> Vec<u8> {
        HEXLOWER.decode(hex.as_bytes()).unwrap()
    }

    #[test]
    fn key_genesis_and_period_are_those_that_the_chain_hash_names() {
        let seed = bytes("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e");
        let hash = Sha256::new()
            .chain_update(u32::try_from(BEACON_PERIOD_S).unwrap().to_be_bytes())
            .chain_update(BEACON_GENESIS_S.to_be_bytes())
            .chain_update(PUBLIC_KEY)
            .chain_update(seed)
            .chain_update(BEACON);
        assert_eq!(HEXLOWER.encode(&hash.finalize()), CHAIN_HASH);
    }

    #[test]
    fn published_rounds_are_genuine() {
        for (round, value) in PUBLISHED {
            assert!(is_genuine(round, &bytes(value)), "round {round}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        let (round, value) = (PUBLISHED[0].0, bytes(PUBLISHED[0].1));
        let mut infinity = [0; BEACON_BYTES];
        infinity[0] = 0xc0;
        let longer = [&value[..], &[0]].concat();
        for (round, value) in [
            (round + 1, &value[..]),
            (0, &value[..]),
            (round, &bytes(PUBLISHED[1].1)[..]),
            (round, &value[..BEACON_BYTES - 1]),
            (round, &longer[..]),
            (round, &[][..]),
            (round, &[0; BEACON_BYTES][..]),
            (round, &infinity[..]),
            (1_000, &bytes(FOREIGN)[..]),
        ] {
            assert!(!is_genuine(round, value), "round {round}: {value:?}");
        }
        for bit in 0..8 * BEACON_BYTES {
            let mut turned = value.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_genuine(round, &turned), "bit {bit}");
        }
    }
}
