//! The file in a data folder that says whose it is, and what an origin is.

use std::fs;
use std::io::Write;
use std::path::Path;

use ledger_spec::note::{NoteError, VerifierKey};
use serde::Deserialize;

use super::error::{ConfigError, line_at};
use crate::keys::{KeyError, LedgerKeys, SecretKind};

/// Longest origin of a log.
pub const MAX_ORIGIN_BYTES: usize = 128;
/// The file in a data folder that says whose it is, so that an audit needs nothing else.
pub const LEDGER_FILE: &str = "ledger.toml";

/// What [`LEDGER_FILE`] says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    /// The origin of the ledger's checkpoints.
    #[serde(deserialize_with = "origin")]
    pub origin: String,
    /// The verifier key of its checkpoints: whoever has the folder can check what the log signed.
    #[serde(deserialize_with = "vkey")]
    pub vkey: String,
    /// Whether it is a demo, whose keys everyone has.
    pub demo: bool,
}

impl LedgerFile {
    /// What the file of a ledger says that has these keys.
    ///
    /// # Errors
    /// [`NoteError`] where the origin cannot name a key.
    pub fn new(origin: &str, demo: bool, keys: &LedgerKeys) -> Result<Self, NoteError> {
        Ok(Self { origin: origin.to_owned(), vkey: keys.vkey(origin)?, demo })
    }

    /// Refuses keys whose `log.seed` is not the one that this ledger was made with.
    ///
    /// # Errors
    /// [`KeyError::WrongSecret`] names the file.
    pub fn check_log_key(&self, data_folder: &Path, keys: &LedgerKeys) -> Result<(), KeyError> {
        if keys.vkey(&self.origin).is_ok_and(|vkey| vkey == self.vkey) {
            return Ok(());
        }
        let belongs_to = format!("the `vkey` in {}", data_folder.join(LEDGER_FILE).display());
        Err(KeyError::WrongSecret { path: keys.path(SecretKind::Log), belongs_to })
    }

    /// Reads the file of a data folder.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(data_folder: &Path) -> Result<Self, ConfigError> {
        let path = data_folder.join(LEDGER_FILE);
        let text = fs::read_to_string(&path)
            .map_err(|source| ConfigError::NotALedger { path: path.clone(), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| ConfigError::Invalid {
            line: line_at(&text, error.span().map_or(0, |span| span.start)),
            problem: error.message().to_owned(),
            path,
        })
    }

    /// Writes the file into a data folder that has none.
    ///
    /// # Errors
    /// [`ConfigError::Write`], also where the file is there already.
    pub fn write(&self, data_folder: &Path) -> Result<(), ConfigError> {
        let origin = self.origin.replace('\\', r"\\").replace('"', r#"\""#);
        let text = format!(
            "# Whose ledger this folder holds. The log is bound to the origin for ever.\n\
             origin = \"{origin}\"\n\
             # The log's verifier key: `kenmai verify` checks with it, and the server refuses another `log.seed`.\n\
             vkey = \"{vkey}\"\n\
             # A demo's keys are known to everyone, so `kenmai serve` refuses it.\n\
             demo = {}\n",
            self.demo,
            vkey = self.vkey.replace('\\', r"\\").replace('"', r#"\""#),
        );
        write_new(&data_folder.join(LEDGER_FILE), &text)
    }
}

fn origin<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Origin::deserialize(deserializer).map(|origin| origin.0)
}

fn vkey<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    VerifierKey::parse(&text).map(|_| text).map_err(serde::de::Error::custom)
}

/// Whether a text can be the origin of a ledger.
///
/// # Errors
/// What an origin is, in words.
pub fn check_origin(text: &str) -> Result<(), &'static str> {
    Origin::try_from(text.to_owned()).map(|_| ())
}

/// Writes a text to a file that must not exist, durable on return.
///
/// # Errors
/// [`ConfigError::Write`]
pub fn write_new(path: &Path, text: &str) -> Result<(), ConfigError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| ConfigError::Write { path: path.to_owned(), source })
}

/// The name of a log, for ever.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Origin(pub(super) String);

impl TryFrom<String> for Origin {
    type Error = &'static str;

    /// The rules of C2SP signed-note for key names, and no scheme, as C2SP tlog-checkpoint asks.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        let right = (1..=MAX_ORIGIN_BYTES).contains(&text.len())
            && !text.contains(forbidden)
            && !text.contains("://");
        if right {
            Ok(Self(text))
        } else {
            Err("an origin is a URL without scheme, spaces and +, at most 128 bytes, \
                 as in `origin = \"ledger.example.jp/sagae\"`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_says_whose_it_is() {
        let folder = tempfile::tempdir().expect("folder");
        let absent = LedgerFile::read(folder.path()).expect_err("absent").to_string();
        assert!(absent.contains("ledger.toml") && absent.contains("kenmai init"), "{absent}");
        let keys = LedgerKeys::create(&folder.path().join("keys")).expect("keys");
        let file = LedgerFile::new(r#"example.jp/a"b\c"#, true, &keys).expect("a verifier key");
        file.write(folder.path()).expect("written");
        assert_eq!(LedgerFile::read(folder.path()).expect("read"), file);
        let again = file.write(folder.path()).expect_err("not written over").to_string();
        assert!(again.contains("never overwritten"), "{again}");
    }
}
