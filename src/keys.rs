//! Loading and making keys.
//!
//! Two kinds. An *actor's* key (station, shop, staff) is an Ed25519 key in a PKCS#8 PEM file (RFC
//! 8410), as other tools write and read it; the server never holds one. The *ledger's* own secrets
//! are 32 random bytes each, in hexadecimal, one file a secret, in a folder outside the data
//! folder, so that a copy of the data alone opens nothing.
//!
//! Every file here is readable by its owner only, or it is refused. Contents never appear in an
//! error.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ed25519_dalek::pkcs8::spki::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use ledger_spec::ids::Hash;
use ledger_spec::note::{KeyType, NoteError, VerifierKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// Length of every secret here, Ed25519 seeds included.
pub const SECRET_BYTES: usize = 32;

/// A secret that is wiped from memory when dropped.
pub type Secret = Zeroizing<[u8; SECRET_BYTES]>;

/// No key file is longer; more is not read.
const MAX_KEY_FILE_BYTES: u16 = 4096;

/// What can go wrong with a key file.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error(
        "cannot read the key file {path}: {source}; check that it exists and belongs to the user that runs kenmai"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file or folder could not be written.
    #[error("cannot write {path}: {source}; check the folder's owner and the free space")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error(
        "{path} is open to other users (mode {mode:03o}); run `chmod 600 {path}`, and replace the secret if someone may have read it"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file stands where a secret would be written.
    #[error(
        "{path} exists and is not overwritten: with its secret the data sealed or signed by it would be lost; choose another folder or move the file away"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Not an Ed25519 key in PKCS#8 PEM.
    #[error(
        "{path} is not an Ed25519 private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`); make one with `kenmai keygen` or `openssl genpkey -algorithm ed25519`"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// Not 64 lower-case hexadecimal digits.
    #[error(
        "{path} does not hold 64 lower-case hexadecimal digits; restore it from the backup of the keys folder"
    )]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
    /// A secret of another ledger, or a damaged one.
    #[error(
        "{path} is not the secret that {belongs_to} was made with; put back the file that belongs to this ledger from the \
         backup of the keys folder, or point `keys` in the configuration at the folder that holds it"
    )]
    WrongSecret {
        /// The file.
        path: PathBuf,
        /// What says so.
        belongs_to: String,
    },
    /// A signing key of the server's own that the log does not know.
    #[error(
        "{path} holds a key that is not registered in the log {origin}; put back the file that belongs to this ledger \
         from the backup of the keys folder, or point `keys` in the configuration at the folder that holds it; where the \
         file is lost, `kenmai keys replace` makes another"
    )]
    NotRegistered {
        /// The file.
        path: PathBuf,
        /// Whose log.
        origin: String,
    },
    /// The key could not be written as PEM.
    #[error("an Ed25519 key could not be encoded")]
    Encode,
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}; no key can be made on this machine")]
    Randomness(#[from] getrandom::Error),
}

/// The secrets of one ledger. There is no `Debug` on purpose.
pub struct LedgerKeys {
    /// Signs checkpoints.
    pub log: SigningKey,
    /// Signs the statements that are a pure function of the log: expiry, day totals.
    pub system: SigningKey,
    /// Signs PIN proofs, which count only beside a terminal's signature.
    pub pin: SigningKey,
    /// Wraps the accounts' data keys.
    pub kek: Secret,
    /// Keys the natural keys of real-world acts.
    pub pepper: Secret,
    /// Where they were read.
    folder: PathBuf,
}

/// One of a ledger's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Signs checkpoints.
    Log,
    /// Signs what follows from the log.
    System,
    /// Signs PIN proofs.
    Pin,
    /// Wraps the accounts' data keys.
    Kek,
    /// Keys the natural keys.
    Pepper,
}

impl SecretKind {
    const ALL: [Self; 5] = [Self::Log, Self::System, Self::Pin, Self::Kek, Self::Pepper];

    /// Its file in the keys folder.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Log => "log.seed",
            Self::System => "system.seed",
            Self::Pin => "pin.seed",
            Self::Kek => "kek.secret",
            Self::Pepper => "pepper.secret",
        }
    }
}

const CHECK_TAG: &[u8] = b"kenmai/v1/secret-check";

/// What tells a secret from another one and tells nothing of it: a hash over 32 random bytes cannot
/// be guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretCheck {
    /// Which secret.
    pub kind: SecretKind,
    /// SHA-256 over a tag, the file's name and the secret.
    pub hash: Hash,
}

impl SecretCheck {
    fn of(kind: SecretKind, secret: &[u8; SECRET_BYTES]) -> Self {
        let hash = Sha256::new()
            .chain_update(CHECK_TAG)
            .chain_update(kind.file())
            .chain_update(secret)
            .finalize()
            .into();
        Self { kind, hash }
    }
}

impl LedgerKeys {
    /// Makes all five secrets in this folder (made with mode 0700 if absent) and reads them back.
    ///
    /// # Errors
    /// [`KeyError::Exists`] if any of the files is there, before anything is written; otherwise
    /// what the system says.
    pub fn create(folder: &Path) -> Result<Self, KeyError> {
        let write_error = |source| KeyError::Write { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(write_error)?;
        for path in SecretKind::ALL.map(|kind| folder.join(kind.file())) {
            // A link to nowhere counts as a file too.
            if fs::symlink_metadata(&path).is_ok() {
                return Err(KeyError::Exists { path });
            }
        }
        for kind in SecretKind::ALL {
            write_secret(&folder.join(kind.file()), &*random_secret()?)?;
        }
        Self::load(folder)
    }

    /// Reads all five secrets from this folder.
    ///
    /// # Errors
    /// The first file that is missing, too open or damaged.
    pub fn load(folder: &Path) -> Result<Self, KeyError> {
        let secret = |kind: SecretKind| read_secret(&folder.join(kind.file()));
        Ok(Self {
            log: SigningKey::from_bytes(&*secret(SecretKind::Log)?),
            system: SigningKey::from_bytes(&*secret(SecretKind::System)?),
            pin: SigningKey::from_bytes(&*secret(SecretKind::Pin)?),
            kek: secret(SecretKind::Kek)?,
            pepper: secret(SecretKind::Pepper)?,
            folder: folder.to_owned(),
        })
    }

    /// The file of a secret.
    #[must_use]
    pub fn path(&self, kind: SecretKind) -> PathBuf {
        self.folder.join(kind.file())
    }

    /// The verifier key of the checkpoints that these keys sign (C2SP signed-note).
    ///
    /// # Errors
    /// [`NoteError`] where the origin cannot name a key.
    pub fn vkey(&self, origin: &str) -> Result<String, NoteError> {
        let key = VerifierKey::new(origin, KeyType::Ed25519, self.log.verifying_key());
        key.map(|key| key.to_string())
    }

    /// What the registry keeps, so that another secret is refused at start: of those that nothing
    /// else in a data folder tells from another one.
    #[must_use]
    pub fn checks(&self) -> [SecretCheck; 2] {
        [
            SecretCheck::of(SecretKind::Log, self.log.as_bytes()),
            SecretCheck::of(SecretKind::Pepper, &self.pepper),
        ]
    }

    /// Makes another key in place of the server's own signing key, which stays beside it as
    /// `….replaced`. Until the log has registered it, `….pending` says that it is meant.
    ///
    /// # Errors
    /// [`KeyError::Exists`] where an earlier one stays beside it, or what the system says; repeat
    /// it.
    pub fn replace(folder: &Path, kind: ServerKey) -> Result<VerifyingKey, KeyError> {
        let path = folder.join(kind.secret().file());
        let secret = random_secret()?;
        let key = SigningKey::from_bytes(&secret).verifying_key();
        // First what is meant, then the key: a crash between the two leaves a file that says
        // nothing of the key in place.
        let pending = folder.join(kind.pending_file());
        let write_error = |source| KeyError::Write { path: pending.clone(), source };
        fs::write(&pending, public_hex(&key)).map_err(write_error)?;
        if fs::symlink_metadata(&path).is_ok() {
            let aside = folder.join(format!("{}.replaced", kind.secret().file()));
            if fs::symlink_metadata(&aside).is_ok() {
                return Err(KeyError::Exists { path: aside });
            }
            fs::rename(&path, &aside)
                .map_err(|source| KeyError::Write { path: aside.clone(), source })?;
        }
        write_secret(&path, &secret)?;
        Ok(key)
    }

    /// The server's own signing key of this kind.
    #[must_use]
    pub fn server_key(&self, kind: ServerKey) -> &SigningKey {
        match kind {
            ServerKey::System => &self.system,
            ServerKey::Pin => &self.pin,
        }
    }

    /// Whether the key of this kind was made to replace another one, and may wait for its entry.
    #[must_use]
    pub fn is_pending(&self, kind: ServerKey) -> bool {
        let said = fs::read_to_string(self.folder.join(kind.pending_file()));
        let key = self.server_key(kind).verifying_key();
        said.is_ok_and(|said| said.trim_end() == public_hex(&key))
    }
}

/// The signing keys of the server itself that its log registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKey {
    /// Signs what follows from the log.
    System,
    /// Signs PIN proofs.
    Pin,
}

impl ServerKey {
    /// Both.
    pub const ALL: [Self; 2] = [Self::System, Self::Pin];

    /// The secret that it is.
    #[must_use]
    pub const fn secret(self) -> SecretKind {
        match self {
            Self::System => SecretKind::System,
            Self::Pin => SecretKind::Pin,
        }
    }

    const fn pending_file(self) -> &'static str {
        match self {
            Self::System => "system.pending",
            Self::Pin => "pin.pending",
        }
    }
}

/// A secret from the operating system's randomness.
///
/// # Errors
/// [`KeyError::Randomness`].
pub fn random_secret() -> Result<Secret, KeyError> {
    let mut secret = Secret::default();
    getrandom::fill(secret.as_mut_slice())?;
    Ok(secret)
}

/// Writes a secret as hexadecimal to a file that must not exist, mode 0600, durable on return.
///
/// # Errors
/// [`KeyError::Exists`] or [`KeyError::Write`].
pub fn write_secret(path: &Path, secret: &[u8; SECRET_BYTES]) -> Result<(), KeyError> {
    let mut text = Zeroizing::new([b'\n'; SECRET_BYTES * 2 + 1]);
    if let Some(digits) = text.get_mut(..SECRET_BYTES * 2) {
        HEXLOWER.encode_mut(secret, digits);
    }
    write_private(path, text.as_slice())
}

/// Reads what [`write_secret`] wrote.
///
/// # Errors
/// [`KeyError::Read`], [`KeyError::TooOpen`] or [`KeyError::NotASecret`].
pub fn read_secret(path: &Path) -> Result<Secret, KeyError> {
    let text = read_private(path)?;
    let digits = text.trim_ascii_end();
    let mut secret = Secret::default();
    let decoded = digits.len() == SECRET_BYTES * 2
        && HEXLOWER.decode_mut(digits, secret.as_mut_slice()).is_ok();
    if decoded { Ok(secret) } else { Err(KeyError::NotASecret { path: path.to_owned() }) }
}

/// Makes an actor's key and writes it to a file that must not exist, mode 0600.
///
/// # Errors
/// [`KeyError::Exists`], [`KeyError::Write`] or [`KeyError::Randomness`].
pub fn create_actor_key(path: &Path) -> Result<SigningKey, KeyError> {
    let key = SigningKey::from_bytes(&*random_secret()?);
    write_actor_key(path, &key)?;
    Ok(key)
}

/// Writes an actor's key to a file that must not exist, mode 0600.
///
/// # Errors
/// [`KeyError::Exists`] or [`KeyError::Write`].
pub fn write_actor_key(path: &Path, key: &SigningKey) -> Result<(), KeyError> {
    // Without the public half it is version 1 of the format, which every tool reads.
    let pair = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Encode)?;
    write_private(path, pem.as_bytes())
}

/// Reads an actor's key.
///
/// # Errors
/// [`KeyError::Read`], [`KeyError::TooOpen`] or [`KeyError::NotAKey`].
pub fn load_actor_key(path: &Path) -> Result<SigningKey, KeyError> {
    let not_a_key = || KeyError::NotAKey { path: path.to_owned() };
    let text = read_private(path)?;
    let pem = std::str::from_utf8(&text).map_err(|_| not_a_key())?;
    SigningKey::from_pkcs8_pem(pem).map_err(|_| not_a_key())
}

/// The public half as `SubjectPublicKeyInfo` PEM (RFC 8410).
///
/// # Errors
/// [`KeyError::Encode`].
pub fn public_pem(key: &VerifyingKey) -> Result<String, KeyError> {
    key.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Encode)
}

/// The public half as 64 lower-case hexadecimal digits.
#[must_use]
pub fn public_hex(key: &VerifyingKey) -> String {
    HEXLOWER.encode(key.as_bytes())
}

/// Refuses a file that others than its owner may read or write.
///
/// # Errors
/// [`KeyError::Read`] or [`KeyError::TooOpen`].
pub(crate) fn check_private(path: &Path, file: &File) -> Result<(), KeyError> {
    let metadata =
        file.metadata().map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::TooOpen { path: path.to_owned(), mode }) }
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let read_error = |source| KeyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    check_private(path, &file)?;
    // Room for the longest file at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE_BYTES.into()));
    file.take(MAX_KEY_FILE_BYTES.into()).read_to_end(&mut bytes).map_err(read_error)?;
    Ok(bytes)
}

fn write_private(path: &Path, contents: &[u8]) -> Result<(), KeyError> {
    let create_error = |source: io::Error| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::AlreadyExists {
            KeyError::Exists { path }
        } else {
            KeyError::Write { path, source }
        }
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(create_error)?;
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder_of(path))
        .map_err(|source| KeyError::Write { path: path.to_owned(), source })
}

/// Makes a file's name durable: without this a power cut can take a file that was synced itself.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    }

    /// RFC 8410 section 10.3, without and with the public key in the file.
    const RFC_8410_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const RFC_8410_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn an_actor_key_is_what_rfc_8410_says() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("rfc.pem");
        fs::write(&path, RFC_8410_KEY).expect("write");
        set_mode(&path, 0o600);
        let key = load_actor_key(&path).expect("the key of the RFC");
        assert_eq!(public_pem(&key.verifying_key()).expect("PEM"), RFC_8410_PUBLIC_KEY);
        assert_eq!(
            public_hex(&key.verifying_key()),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
        );
    }

    #[test]
    fn an_actor_key_comes_back_from_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("shop.pem");
        let key = create_actor_key(&path).expect("created");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(load_actor_key(&path).expect("loaded"), key);
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.len(), RFC_8410_KEY.len(), "the short form of the RFC: {text}");
        let refused = create_actor_key(&path).expect_err("not overwritten");
        assert!(matches!(refused, KeyError::Exists { .. }), "{refused}");
        assert_eq!(load_actor_key(&path).expect("still there"), key);
    }

    #[test]
    fn a_key_file_open_to_others_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        write_secret(&path, &[7; 32]).expect("written");
        for (mode, fine) in
            [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)]
        {
            set_mode(&path, mode);
            let result = read_secret(&path);
            assert_eq!(result.is_ok(), fine, "{mode:o}");
            if let Err(error) = result {
                let text = error.to_string();
                assert!(text.contains(&format!("mode {mode:o}); run `chmod 600 ")), "{text}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_named_but_not_shown() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        let digits = "ab".repeat(32);
        let cases = [
            (digits.clone(), true),
            (format!("{digits}\n"), true),
            (digits.to_uppercase(), false),
            (format!("{digits}ab"), false),
            (format!("{digits}a"), false),
            (format!(" {digits}"), false),
            (digits.replacen('a', "x", 1), false),
            (String::new(), false),
            ("ab".repeat(10_000), false),
        ];
        for (text, fine) in cases {
            fs::write(&path, &text).expect("write");
            set_mode(&path, 0o600);
            assert_eq!(read_secret(&path).is_ok(), fine, "{text}");
            let error = load_actor_key(&path).expect_err("not PEM").to_string();
            assert!(error.contains(path.to_str().expect("path")), "{error}");
            assert!(!error.contains("abab"), "{error}");
        }
    }

    #[test]
    fn ledger_keys_are_made_once_and_load_the_same() {
        let folder = tempfile::tempdir().expect("folder");
        let keys_folder = folder.path().join("city").join("keys");
        let made = LedgerKeys::create(&keys_folder).expect("created");
        let loaded = LedgerKeys::load(&keys_folder).expect("loaded");
        assert_eq!(mode(&keys_folder), 0o700);
        assert!(made.log == loaded.log && made.system == loaded.system && made.pin == loaded.pin);
        assert!(made.kek == loaded.kek && made.pepper == loaded.pepper);
        let all = [
            made.log.to_bytes(),
            made.system.to_bytes(),
            made.pin.to_bytes(),
            *made.kek,
            *made.pepper,
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 5, "every secret is its own");
        let again = LedgerKeys::create(&keys_folder).err().expect("refused");
        assert!(matches!(again, KeyError::Exists { .. }), "{again}");
    }

    #[test]
    fn a_missing_secret_is_named_and_the_rest_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        LedgerKeys::create(folder.path()).expect("created");
        let before = fs::read(folder.path().join(SecretKind::Pepper.file())).expect("pepper");
        fs::remove_file(folder.path().join(SecretKind::Kek.file())).expect("removed");
        let error = LedgerKeys::load(folder.path()).err().expect("refused").to_string();
        assert!(error.contains(SecretKind::Kek.file()), "{error}");
        assert!(LedgerKeys::create(folder.path()).is_err());
        assert!(
            !folder.path().join(SecretKind::Kek.file()).exists(),
            "nothing is written beside old secrets"
        );
        assert_eq!(
            fs::read(folder.path().join(SecretKind::Pepper.file())).expect("pepper"),
            before
        );
    }
}
