//! Sessions for reading. One signed message opens one; the token is 256 random bits, of which only
//! the hash is kept, in memory: after a restart a device simply signs again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use data_encoding::BASE64URL_NOPAD;
use ledger_spec::ids::{Hash, Kid};
use ledger_spec::token::Session;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::engine::EngineError;

/// Sessions that may be open at once; further ones are refused until some end.
const SESSIONS_MAX: usize = 100_000;
/// Sessions that one key may have open; a further one ends its oldest, so that no key can take the
/// place of all others.
const SESSIONS_A_KEY_MAX: usize = 16;
/// The cookie's name.
pub(super) const COOKIE: &str = "kenmai_session";

/// Open sessions, by the hash of their token.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<OpenSession>,
}

#[derive(Default)]
struct OpenSession {
    sessions: HashMap<Hash, Held>,
    /// The sessions of each key, oldest first.
    of_key: HashMap<Kid, VecDeque<Hash>>,
    /// Random numbers of session messages that are still in force; each opens one session only.
    used: HashMap<[u8; 16], u64>,
}

/// Whose a session is.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) ledger: String,
    pub(super) kid: Kid,
    /// Unix seconds.
    pub(super) expires_s: u64,
}

impl Sessions {
    /// No step between two changes of the tables can fail, so that a thread that died left them
    /// sound.
    fn lock(&self) -> MutexGuard<'_, OpenSession> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session with a message that has opened none yet; gives its token.
    pub(super) fn open(
        &self,
        message: &Session,
        held: Held,
        now_s: u64,
    ) -> Result<String, Problem> {
        let mut token = [0; 32];
        getrandom::fill(&mut token).map_err(EngineError::from)?;
        let mut open = self.lock();
        if open.sessions.len() >= SESSIONS_MAX || open.used.len() >= SESSIONS_MAX {
            open.forget_past(now_s);
        }
        if open.sessions.len() >= SESSIONS_MAX || open.used.len() >= SESSIONS_MAX {
            return Err(Problem::busy());
        }
        if open.used.insert(message.nonce, message.exp_s).is_some() {
            return Err(Problem::session_used());
        }
        open.insert(Sha256::digest(token).into(), held);
        Ok(BASE64URL_NOPAD.encode(&token))
    }

    /// How many sessions are in memory.
    pub(super) fn held(&self) -> usize {
        self.lock().sessions.len()
    }

    /// The session of a token, while it lasts.
    pub(super) fn find(&self, token: &str, now_s: u64) -> Option<Held> {
        let token = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        // The look-up compares hashes, so its time says nothing about the token.
        let hash: Hash = Sha256::digest(&token).into();
        let open = self.lock();
        open.sessions.get(&hash).filter(|held| held.expires_s > now_s).cloned()
    }

    /// Ends the session of a request; `false` when it had none.
    pub(super) fn end(&self, headers: &HeaderMap) -> bool {
        let token =
            token_of(headers).and_then(|token| BASE64URL_NOPAD.decode(token.as_bytes()).ok());
        let Some(token) = token else { return false };
        let mut open = self.lock();
        let hash: Hash = Sha256::digest(&token).into();
        let Some(held) = open.sessions.remove(&hash) else { return false };
        if let Some(of_key) = open.of_key.get_mut(&held.kid) {
            of_key.retain(|other| *other != hash);
        }
        true
    }
}

impl OpenSession {
    fn insert(&mut self, token: Hash, held: Held) {
        let of_key = self.of_key.entry(held.kid).or_default();
        of_key.push_back(token);
        if of_key.len() > SESSIONS_A_KEY_MAX
            && let Some(oldest) = of_key.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        self.sessions.insert(token, held);
    }

    fn forget_past(&mut self, now_s: u64) {
        let Self { sessions, of_key, used } = self;
        sessions.retain(|_, held| held.expires_s > now_s);
        used.retain(|_, exp_s| *exp_s > now_s);
        of_key.retain(|_, tokens| {
            tokens.retain(|token| sessions.contains_key(token));
            !tokens.is_empty()
        });
    }
}

/// The token of a request: the `Authorization` header wins over the cookie.
pub(super) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| {
        let cookies = text(header::COOKIE)?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
    })
}

#[cfg(test)]
mod tests {
    use ledger_spec::ids::LedgerId;

    use super::*;

    #[test]
    fn sessions_outlive_a_thread_that_died_among_them() {
        let sessions = Sessions::default();
        let held = || Held { ledger: "town".to_owned(), kid: Kid([1; 8]), expires_s: 2_000 };
        let message = |nonce| Session { ledger: LedgerId([2; 8]), exp_s: 1_060, nonce };
        let token = sessions.open(&message([3; 16]), held(), 1_000).unwrap();
        let died = std::thread::scope(|scope| {
            let dies = scope.spawn(|| {
                let _open = sessions.open.lock().unwrap();
                panic!("a thread dies on purpose");
            });
            dies.join().is_err()
        });
        assert!(died && sessions.open.is_poisoned());
        assert!(sessions.find(&token, 1_000).is_some());
        sessions.open(&message([4; 16]), held(), 1_000).unwrap();
        assert_eq!(sessions.held(), 2);
    }
}
