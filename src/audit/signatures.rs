//! Signatures, checked on every core while the replay, which has to go in order, reads on.

use std::num::NonZeroUsize;
use std::thread;

use ed25519_dalek::VerifyingKey;
use ledger_spec::cose::Sign1;
use ledger_spec::entry::Entry;
use ledger_spec::ids::Seq;
use ledger_spec::kinds::Role;
use ledger_spec::state::{Overlay, Signer};
use ledger_spec::statement::Statement;

use super::segments::Location;

/// Signatures that wait until they are checked together.
const WAITING_MAX: usize = 4_096;
/// Threads that check them.
const THREADS_MAX: usize = 8;

/// A signature to check.
pub(super) struct Signature {
    pub(super) seq: Seq,
    pub(super) place: Location,
    /// What was signed, as a report names it.
    pub(super) what: &'static str,
    pub(super) signed: Sign1,
    pub(super) key: VerifyingKey,
    pub(super) aad: &'static [u8],
}

impl Signature {
    fn holds(&self) -> bool {
        self.signed.verify(&self.key, self.aad).is_ok()
    }
}

/// Signatures that wait, and how many were right.
#[derive(Default)]
pub(super) struct Signatures {
    waiting: Vec<Signature>,
    pub(super) right: u64,
}

impl Signatures {
    pub(super) fn push(&mut self, signature: Signature) {
        self.waiting.push(signature);
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// Checks all that wait; the first that is wrong is given back.
    pub(super) fn check(&mut self) -> Option<Signature> {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MAX);
        let share = self.waiting.len().div_ceil(threads).max(1);
        let wrong = thread::scope(|scope| {
            let shares = self.waiting.chunks(share).enumerate().map(|(number, signatures)| {
                let check = move || signatures.iter().position(|signature| !signature.holds());
                (number * share, signatures.len(), scope.spawn(check))
            });
            let shares: Vec<_> = shares.collect();
            // A thread that died has checked nothing: its first signature is taken as wrong.
            let firsts = shares.into_iter().map(|(start, count, thread)| {
                let place = thread.join().unwrap_or(Some(0)).filter(|_| count > 0);
                place.map(|place| start + place)
            });
            firsts.flatten().min()
        });
        let mut checked = std::mem::take(&mut self.waiting);
        match wrong {
            Some(at) => {
                self.right += at as u64;
                Some(checked.swap_remove(at))
            }
            None => {
                self.right += checked.len() as u64;
                None
            }
        }
    }
}

/// The server alone leaves a sealed part empty, in what it signs itself: a person's statement on an
/// account without a data key is refused.
pub(super) fn check_empty_part(
    entry: &Entry,
    statement: &Statement,
    state: &Overlay<'_>,
) -> Result<(), String> {
    let is_empty = entry.personal.as_ref().is_some_and(|sealed| sealed.0.is_empty());
    let is_servers = || {
        state.keys(&statement.kid).is_some_and(|key| match &key.signer {
            Signer::Actor(actor) => actor.role == Role::System,
            Signer::Device(_) => false,
        })
    };
    if is_empty && !is_servers() {
        return Err(
            "its sealed part is empty, which the server's own entries alone may have".to_owned()
        );
    }
    Ok(())
}
