//! Messages that are good once: the random numbers of each key's, until they end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger_spec::ids::Kid;

use super::problem::Problem;

/// Messages of one key that can be in force at once: more than hands can type in five minutes.
const OF_A_KEY_MAX: usize = 256;

/// What was used, and when it is over, Unix seconds.
#[derive(Default)]
pub(super) struct Nonces {
    used: Mutex<HashMap<Kid, HashMap<[u8; 16], u64>>>,
}

impl Nonces {
    /// Takes a message of a key; `false` where it was taken before.
    pub(super) fn take(
        &self,
        kid: Kid,
        nonce: [u8; 16],
        exp_s: u64,
        now_s: u64,
    ) -> Result<bool, Problem> {
        // No step between two changes can fail, so that a thread that died left the table sound.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = used.entry(kid).or_default();
        of_key.retain(|_, exp_s| *exp_s > now_s);
        if of_key.len() >= OF_A_KEY_MAX {
            return Err(Problem::rate_limited());
        }
        Ok(of_key.insert(nonce, exp_s).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_uses_a_number_once_and_only_so_many_at_a_time() {
        let (nonces, one, other) = (Nonces::default(), Kid([1; 8]), Kid([2; 8]));
        let number = |number: u32| {
            let mut nonce = [0; 16];
            nonce[..4].copy_from_slice(&number.to_be_bytes());
            nonce
        };
        assert!(nonces.take(one, number(0), 60, 0).unwrap());
        assert!(!nonces.take(one, number(0), 60, 0).unwrap());
        assert!(nonces.take(other, number(0), 60, 0).unwrap());
        for more in 1..256 {
            assert!(nonces.take(one, number(more), 60, 0).unwrap());
        }
        assert_eq!(nonces.take(one, number(256), 60, 59).unwrap_err().kind.slug, "rate-limited");
        assert!(nonces.take(other, number(256), 60, 59).unwrap());
        assert!(nonces.take(one, number(256), 120, 60).unwrap(), "the others are over");
    }
}
