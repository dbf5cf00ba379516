//! The keys that make forgetting possible.
//!
//! Every account has one random data key; all personal bytes, in the log and in the registry, are
//! sealed with it. The data key itself is stored only *wrapped*, sealed under the key-encryption
//! key that lives outside the data folder. Destroying the wrapped key makes every copy of the
//! sealed bytes unreadable, in the log and in every replica of it.
//!
//! *Sealed* here always means: random nonce (12 bytes) ‖ AES-256-GCM ciphertext ‖ tag (16 bytes),
//! NIST SP 800-38D. The nonce is random for each seal, so one key must seal fewer than 2^32 times
//! (section 8.3 there): no account has as many entries.

use std::collections::HashMap;
use std::sync::Arc;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce};
use ledger_spec::ids::{AccountId, Hash};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::RegistryError;
use crate::keys::{SECRET_BYTES, Secret};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// How much longer sealed bytes are than plain ones.
pub const SEAL_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Length of a wrapped data key.
pub(super) const WRAPPED_BYTES: usize = SECRET_BYTES + SEAL_OVERHEAD_BYTES;

/// What stands in place of the wrapped key of an erased account.
pub(super) const ERASED: [u8; WRAPPED_BYTES] = [0; WRAPPED_BYTES];

const NUMBER_TAG: &[u8] = b"kenmai/v1/city-number";

/// The key of the numbers' hashes: without the key-encryption key nobody can try numbers against
/// the file.
pub(super) fn number_key(kek: &[u8; SECRET_BYTES]) -> Hash {
    Sha256::new().chain_update(NUMBER_TAG).chain_update(kek).finalize().into()
}

/// An unwrapped data key; shared, because copies of a key are hard to wipe.
pub(super) type DataKey = Arc<Secret>;

/// A data key from the operating system's randomness.
pub(super) fn random_data_key() -> Result<DataKey, RegistryError> {
    let mut key = DataKey::default();
    getrandom::fill(Arc::make_mut(&mut key).as_mut_slice())?;
    Ok(key)
}

/// The cipher of a key.
pub(super) fn cipher(key: &[u8; SECRET_BYTES]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// Seals these bytes under a nonce that is random and serves once.
pub(super) fn seal(
    cipher: &Aes256Gcm,
    aad: &[u8],
    plaintext: &[u8],
    nonce: [u8; NONCE_BYTES],
) -> Result<Vec<u8>, RegistryError> {
    let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let (_, body) = sealed.split_at_mut(NONCE_BYTES);
    let tag = cipher
        .encrypt_inout_detached(&Nonce::from(nonce), aad, body.into())
        .map_err(|_| RegistryError::TooLong)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens sealed bytes; `None` if key, aad or a single bit differs.
pub(super) fn unseal(cipher: &Aes256Gcm, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg: body, aad }).ok()
}

/// Wraps a data key; the account is in the aad, so that no row can stand in for another.
pub(super) fn wrap(
    kek: &Aes256Gcm,
    account: AccountId,
    key: &DataKey,
) -> Result<Vec<u8>, RegistryError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)?;
    seal(kek, &aad_of(WRAP_TAG, account), key.as_slice(), nonce)
}

/// Unwraps a data key; `None` if the row is damaged.
pub(super) fn unwrap(kek: &Aes256Gcm, account: AccountId, wrapped: &[u8]) -> Option<DataKey> {
    let bytes = Zeroizing::new(unseal(kek, &aad_of(WRAP_TAG, account), wrapped)?);
    let mut key = DataKey::default();
    let place = Arc::make_mut(&mut key);
    (bytes.len() == place.len()).then(|| place.copy_from_slice(&bytes))?;
    Some(key)
}

const WRAP_TAG: &[u8] = b"kenmai/v1/data-key";

/// Domain tag ‖ account.
pub(super) fn aad_of(tag: &[u8], account: AccountId) -> Vec<u8> {
    [tag, &account.0].concat()
}

/// A bounded set of unwrapped keys that keeps the recently used ones.
///
/// Two generations: a key that is used moves to the younger one; when that is full, the older one
/// is dropped and the younger takes its place. Every step is one look into a map, and dropped keys
/// are wiped.
pub(super) struct KeyCache {
    generation_keys: usize,
    young: HashMap<AccountId, DataKey>,
    old: HashMap<AccountId, DataKey>,
}

impl KeyCache {
    /// Holds at most this many keys.
    pub(super) fn new(max_keys: usize) -> Self {
        Self { generation_keys: max_keys / 2, young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn get(&mut self, account: AccountId) -> Option<DataKey> {
        if let Some(key) = self.young.get(&account) {
            return Some(Arc::clone(key));
        }
        let key = self.old.remove(&account)?;
        self.insert(account, Arc::clone(&key));
        Some(key)
    }

    pub(super) fn insert(&mut self, account: AccountId, key: DataKey) {
        if self.young.len() >= self.generation_keys {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(account, key);
    }

    pub(super) fn remove(&mut self, account: AccountId) {
        self.young.remove(&account);
        self.old.remove(&account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_with_key_aad_and_every_bit() {
        let key = cipher(&[1; 32]);
        let sealed = seal(&key, b"aad", b"vegetables", [5; 12]).expect("sealed");
        assert_eq!(sealed.len(), b"vegetables".len() + SEAL_OVERHEAD_BYTES);
        assert_eq!(unseal(&key, b"aad", &sealed).as_deref(), Some(b"vegetables".as_slice()));
        assert_eq!(unseal(&key, b"other", &sealed), None);
        assert_eq!(unseal(&cipher(&[2; 32]), b"aad", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(&key, b"aad", &bent), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(unseal(&key, b"aad", &sealed[..length]), None, "{length} bytes");
        }
        let again = seal(&key, b"aad", b"vegetables", [6; 12]).expect("sealed");
        assert_ne!(sealed, again, "another nonce, other bytes");
    }

    #[test]
    fn the_format_is_aes_256_gcm() {
        // Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hex");
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
            .try_into()
            .expect("32 bytes");
        let sealed = hex(concat!(
            "cafebabefacedbaddecaf888",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ));
        let plain = hex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ));
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        assert_eq!(unseal(&cipher(&key), &aad, &sealed), Some(plain));
    }

    #[test]
    fn a_wrapped_key_belongs_to_its_account_and_kek() {
        let (kek, account) = (cipher(&[1; 32]), AccountId([3; 16]));
        let key = random_data_key().expect("key");
        let wrapped = wrap(&kek, account, &key).expect("wrapped");
        assert_eq!(wrapped.len(), WRAPPED_BYTES);
        assert!(unwrap(&kek, account, &wrapped) == Some(key));
        assert!(unwrap(&kek, AccountId([4; 16]), &wrapped).is_none());
        assert!(unwrap(&cipher(&[2; 32]), account, &wrapped).is_none());
        assert!(unwrap(&kek, account, &ERASED).is_none());
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let account = |n: u32| AccountId(u128::from(n).to_be_bytes());
        let mut cache = KeyCache::new(8);
        for n in 0..1000 {
            cache.insert(account(n), random_data_key().expect("key"));
            assert!(cache.get(account(0)).is_some(), "used after every insert, lost at {n}");
            assert!(cache.young.len() + cache.old.len() <= 8, "at {n}");
        }
        assert!(cache.get(account(1)).is_none());
        for n in [0, 998, 999] {
            assert!(cache.get(account(n)).is_some());
            cache.remove(account(n));
            assert!(cache.get(account(n)).is_none());
        }
    }
}
