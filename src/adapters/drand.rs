//! What drand's servers answer about a round of the beacon that decides draws.

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::beacon::is_genuine;

/// The longest answer.
pub const ANSWER_BYTES_MAX: u64 = 4_096;

/// What they answer at `/public/ROUND`; what else they say is left aside.
#[derive(Deserialize)]
struct RoundJson {
    round: u64,
    signature: String,
    randomness: Option<String>,
}

/// Why an answer does not give the value of a round. Each names where the answer came from.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// It has another form.
    #[error("{from} is no answer of the beacon: {fault}")]
    Form {
        /// Where it came from.
        from: String,
        /// What is wrong with it.
        fault: serde_json::Error,
    },
    /// It is of another round.
    #[error("{from} is of round {found}; the draw waits for {round}")]
    Round {
        /// Where it came from.
        from: String,
        /// Its round.
        found: u64,
        /// The one that the draw waits for.
        round: u64,
    },
    /// The network did not sign its value.
    #[error("{from}: the beacon did not sign this for round {round}; ask another of its servers")]
    Forged {
        /// Where it came from.
        from: String,
        /// The round.
        round: u64,
    },
    /// Its randomness does not follow from its value.
    #[error("{from}: the randomness is not that of its signature")]
    Randomness {
        /// Where it came from.
        from: String,
    },
}

/// The value in an answer that came from `from`, which must be the network's for this round.
///
/// # Errors
/// [`AnswerFault`]
pub fn value(from: &str, answer: &str, round: u64) -> Result<Vec<u8>, AnswerFault> {
    let from = from.to_owned();
    let answer: RoundJson = match serde_json::from_str(answer) {
        Ok(answer) => answer,
        Err(fault) => return Err(AnswerFault::Form { from, fault }),
    };
    if answer.round != round {
        return Err(AnswerFault::Round { from, found: answer.round, round });
    }
    let value = HEXLOWER.decode(answer.signature.as_bytes()).unwrap_or_default();
    if !is_genuine(round, &value) {
        return Err(AnswerFault::Forged { from, round });
    }
    let derived = HEXLOWER.encode(&Sha256::digest(&value));
    if answer.randomness.is_some_and(|randomness| randomness != derived) {
        return Err(AnswerFault::Randomness { from });
    }
    Ok(value)
}
