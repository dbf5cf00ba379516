//! PINs of paper cards: a slow hash under the account's data key, and a count of wrong tries.
//!
//! A PIN has few digits, so the hash alone would not keep it; it is sealed under a key that lies
//! outside this file, and goes with the account's erasure. Every try is counted before it is looked
//! at, so that many at once get no more than one after the other.

use argon2::{Algorithm, Argon2, Params, Version};
use ledger_spec::ids::{AccountId, CardHash};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::error::RegistryError;
use super::store::Registry;
use super::vault;

/// Wrong tries after which a card waits for the desk.
pub const PIN_TRIES_MAX: u32 = 5;
/// Digits of a PIN.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 4..=8;
/// Memory of one hash in KiB, and passes over it: the first choice of OWASP for argon2id.
const HASH_KIB: u32 = 19 * 1_024;
const HASH_PASSES: u32 = 2;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
const PIN_TAG: &[u8] = b"kenmai/v1/card-pin";

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinCheck {
    /// It was the PIN.
    Right,
    /// It was not; so many tries are left.
    Wrong(u32),
    /// Too many wrong tries: the desk must set a PIN.
    Locked,
    /// The card has no PIN.
    Unset,
}

impl Registry {
    /// Sets the PIN of an account's card and forgets wrong tries; `false` for what is no PIN.
    ///
    /// # Errors
    /// As [`Registry::seal`].
    pub fn set_pin(
        &self,
        account: AccountId,
        card: CardHash,
        pin: &str,
    ) -> Result<bool, RegistryError> {
        if !is_pin(pin) {
            return Ok(false);
        }
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let mut plain = Zeroizing::new(salt.to_vec());
        plain.extend_from_slice(&*hash(pin, &salt)?);
        let sealed = self.seal(account, &aad(account, card), &plain)?;
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        // Asked again under the lock: an erasure in between must not be followed by a row.
        self.stored_key(&transaction, account)?;
        let set = transaction.execute(
            "INSERT INTO card_pins (card, account, sealed, tries) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (card) DO UPDATE SET account = excluded.account, sealed = excluded.sealed, tries = 0",
            params![card.0, account.0, sealed],
        );
        set.map_err(self.database_error())?;
        transaction.commit().map_err(self.database_error())?;
        Ok(true)
    }

    /// Tries a PIN. The try is counted durably before the PIN is looked at; the right one sets the
    /// count back.
    ///
    /// # Errors
    /// As [`Registry::unseal`].
    pub fn check_pin(
        &self,
        account: AccountId,
        card: CardHash,
        pin: &str,
    ) -> Result<PinCheck, RegistryError> {
        let counted: Option<(Vec<u8>, u32)> = {
            let database = self.database();
            let counted = database
                .query_row(
                    "UPDATE card_pins SET tries = tries + 1
                     WHERE card = ?1 AND account = ?2 AND tries < ?3 RETURNING sealed, tries",
                    params![card.0, account.0, PIN_TRIES_MAX],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .map_err(self.database_error())?;
            if counted.is_none() {
                let locked = database
                    .prepare("SELECT 1 FROM card_pins WHERE card = ?1 AND account = ?2")
                    .and_then(|mut rows| rows.exists(params![card.0, account.0]))
                    .map_err(self.database_error())?;
                return Ok(if locked { PinCheck::Locked } else { PinCheck::Unset });
            }
            counted
        };
        let Some((sealed, tries)) = counted else { return Ok(PinCheck::Unset) };
        let plain = Zeroizing::new(self.unseal(account, &aad(account, card), &sealed)?);
        let (salt, expected) = plain.split_at_checked(SALT_BYTES).unwrap_or_default();
        let found = hash(pin, salt)?;
        // Every byte is compared, so that the time tells nothing.
        let differing = found.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
        if differing != 0 || expected.len() != HASH_BYTES {
            return Ok(match PIN_TRIES_MAX - tries.min(PIN_TRIES_MAX) {
                0 => PinCheck::Locked,
                left => PinCheck::Wrong(left),
            });
        }
        let reset = "UPDATE card_pins SET tries = 0 WHERE card = ?1 AND account = ?2";
        let reset = self.database().execute(reset, params![card.0, account.0]);
        reset.map_err(self.database_error())?;
        Ok(PinCheck::Right)
    }
}

fn is_pin(pin: &str) -> bool {
    PIN_DIGITS.contains(&pin.len()) && pin.bytes().all(|digit| digit.is_ascii_digit())
}

fn aad(account: AccountId, card: CardHash) -> Vec<u8> {
    let mut aad = vault::aad_of(PIN_TAG, account);
    aad.extend_from_slice(&card.0);
    aad
}

fn hash(pin: &str, salt: &[u8]) -> Result<Zeroizing<[u8; HASH_BYTES]>, RegistryError> {
    let cost =
        Params::new(HASH_KIB, HASH_PASSES, 1, Some(HASH_BYTES)).map_err(RegistryError::Pin)?;
    let mut out = Zeroizing::new([0; HASH_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
        .hash_password_into(pin.as_bytes(), salt, &mut *out)
        .map_err(RegistryError::Pin)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEI: AccountId = AccountId([1; 16]);
    const CARD: CardHash = CardHash([2; 32]);

    fn registry(folder: &std::path::Path) -> Registry {
        let registry = Registry::create(&folder.join("registry.sqlite"), &[9; 32], &[]).unwrap();
        registry.ensure_data_keys(&[MEI]).unwrap();
        registry
    }

    #[test]
    fn five_wrong_tries_lock_a_card_until_the_desk_sets_a_pin() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let check = |pin| registry.check_pin(MEI, CARD, pin).unwrap();
        assert_eq!(check("1234"), PinCheck::Unset);
        for wrong in ["", "123", "123456789", "12a4", "１２３４"] {
            assert!(!registry.set_pin(MEI, CARD, wrong).unwrap(), "{wrong}");
        }
        assert!(registry.set_pin(MEI, CARD, "1234").unwrap());
        assert_eq!(check("1235"), PinCheck::Wrong(4));
        assert_eq!(check("12345"), PinCheck::Wrong(3));
        // The right one sets the count back.
        assert_eq!(check("1234"), PinCheck::Right);
        let tries = ["", "0000", "4321", "1111", "9999"].map(check);
        let wrong = |left| PinCheck::Wrong(left);
        assert_eq!(tries, [wrong(4), wrong(3), wrong(2), wrong(1), PinCheck::Locked]);
        assert_eq!(check("1234"), PinCheck::Locked);
        drop(registry);
        let registry = self::registry(folder.path());
        assert_eq!(registry.check_pin(MEI, CARD, "1234").unwrap(), PinCheck::Locked);
        assert!(registry.set_pin(MEI, CARD, "5678").unwrap());
        assert_eq!(registry.check_pin(MEI, CARD, "5678").unwrap(), PinCheck::Right);
        // Another account's card is not this one.
        assert_eq!(registry.check_pin(AccountId([3; 16]), CARD, "5678").unwrap(), PinCheck::Unset);
        registry.erase(&[MEI]).unwrap();
        assert_eq!(registry.check_pin(MEI, CARD, "5678").unwrap(), PinCheck::Unset);
        assert!(matches!(registry.set_pin(MEI, CARD, "5678"), Err(RegistryError::Erased(MEI))));
    }
}
