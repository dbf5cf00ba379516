//! Entries read from the log: their parts, and what is sealed in them.

use ledger_spec::cbor::{self, Wire};
use ledger_spec::entry::{Accounting, Entry, Personal, personal_aad};
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::merkle::leaf_hash;
use ledger_spec::statement::{self, Disclosure, Statement, StatementError};

use super::error::EngineError;
use crate::log::{LevelsReader, LogError, LogReader};
use crate::registry::{Registry, RegistryError};

/// Reads an entry and its accounting part, and checks both against the leaf that the tree holds:
/// files can change under a ledger long after its start, and what did is neither decided on nor
/// shown.
///
/// # Errors
/// [`EngineError::Damaged`] where entry and leaf differ, or the disk does not give one of them.
pub(crate) fn read_entry(
    log: &LogReader,
    levels: &LevelsReader,
    seq: Seq,
) -> Result<Option<(Entry, Accounting)>, EngineError> {
    let damaged = |reason: String| EngineError::Damaged { seq, reason };
    let bytes = match log.entry(seq) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error @ (LogError::Damaged { .. } | LogError::Io { .. })) => {
            return Err(damaged(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let (entry, accounting) =
        parse_entry(seq, &bytes).map_err(|error| damaged(error.to_string()))?;
    let due = match levels.read(0, seq.0, 1) {
        Err(error @ LogError::Io { .. }) => return Err(damaged(error.to_string())),
        hashes => hashes?.and_then(|hashes| hashes.first().copied()),
    };
    if due != Some(leaf_hash(&entry.leaf())) {
        return Err(damaged("log/segments and log/levels/0 differ".to_owned()));
    }
    Ok(Some((entry, accounting)))
}

/// The statement that an entry keeps. One that cannot be read is a fault of the log.
///
/// # Errors
/// [`EngineError::Entry`]
pub fn statement_of(entry: &Accounting) -> Result<Statement, EngineError> {
    let wrong =
        |error: StatementError| EngineError::Entry { seq: entry.seq, reason: error.to_string() };
    kept::read(&entry.statement.0).map_err(wrong)
}

/// Parses an entry as a frame holds it.
///
/// # Errors
/// [`EngineError::Entry`]
pub fn parse_entry(seq: Seq, bytes: &[u8]) -> Result<(Entry, Accounting), EngineError> {
    fn parse<T: Wire>(seq: Seq, bytes: &[u8]) -> Result<T, EngineError> {
        cbor::from_bytes(bytes).map_err(|e| EngineError::Entry { seq, reason: e.to_string() })
    }
    let entry: Entry = parse(seq, bytes)?;
    let accounting = parse(seq, &entry.accounting.0)?;
    Ok((entry, accounting))
}

/// Decrypts personal parts and checks them against what was sealed.
pub struct PersonalReader<'a> {
    /// The vault.
    pub registry: &'a Registry,
    /// The ledger.
    pub ledger: LedgerId,
}

impl PersonalReader<'_> {
    /// See [`Engine::personal`].
    ///
    /// # Errors
    /// As there.
    pub fn read(
        &self,
        entry: &Entry,
        accounting: &Accounting,
    ) -> Result<Option<(u64, Option<Disclosure>)>, EngineError> {
        let wrong =
            |reason: &str| EngineError::Entry { seq: accounting.seq, reason: reason.to_owned() };
        let (Some(subject), Some(sealed)) = (accounting.subject, &entry.personal) else {
            return Ok(None);
        };
        if sealed.0.is_empty() {
            // The server's own entry on an account whose data key was gone by then.
            return Ok(None);
        }
        let statement = statement_of(accounting)?;
        let aad = personal_aad(self.ledger, statement.core.op_id);
        let plain = match self.registry.unseal(subject.account, &aad, &sealed.0) {
            Ok(plain) => plain,
            Err(RegistryError::Erased(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let personal: Personal =
            cbor::from_bytes(&plain).map_err(|_| wrong("the personal part is not in its form"))?;
        let found = personal.disclosure.as_ref().map(|bytes| statement::seal_of(&bytes.0));
        if found != statement.core.sealed {
            return Err(wrong("the disclosure is not the one that was sealed"));
        }
        let disclosure = personal
            .disclosure
            .map(|bytes| cbor::from_bytes(&bytes.0).map_err(|_| wrong("malformed disclosure")))
            .transpose()?;
        Ok(Some((personal.accepted_ms, disclosure)))
    }
}
