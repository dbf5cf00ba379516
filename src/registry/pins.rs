//! PINs of paper cards: a slow hash under the account's data key, and a count of wrong tries.
//!
//! A PIN has few digits, so the hash alone would not keep it; it is sealed under a key that lies
//! outside this file, and goes with the account's erasure. Every try is counted before it is looked
//! at, so that many at once get no more than one after the other.

use argon2::{Algorithm, Argon2, Params, Version};
use ledger_spec::ids::{AccountId, CardHash, Hash};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::error::RegistryError;
use super::store::Registry;
use super::vault;

/// Wrong tries after which a card waits for the desk.
pub const PIN_TRIES_MAX: u32 = 5;
/// PINs of one card that can wait for their entry, such as those of proposals.
const PINS_WAITING_MAX: u32 = 4;
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

/// Which PIN: of which account's card, set by which statement.
#[derive(Clone, Copy, Debug)]
pub struct PinSlot {
    /// The account.
    pub account: AccountId,
    /// The card.
    pub card: CardHash,
    /// Hash of the `card.pin` statement.
    pub set_by: Hash,
}

/// What came of keeping a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinKept {
    /// It is kept, or was before.
    Kept,
    /// Another is kept under the same statement.
    Other,
    /// It is no PIN.
    NoPin,
}

impl Registry {
    /// Keeps a PIN under the statement that sets it. Of a card stay the one in force and the latest
    /// few that wait for their entry.
    ///
    /// # Errors
    /// As [`Registry::seal`].
    pub fn keep_pin(
        &self,
        slot: PinSlot,
        in_force: Option<Hash>,
        pin: &str,
    ) -> Result<PinKept, RegistryError> {
        if !is_pin(pin) {
            return Ok(PinKept::NoPin);
        }
        let PinSlot { account, card, set_by } = slot;
        if let Some(sealed) = self.kept_pin(slot)? {
            let same = self.is_pin_of(slot, &sealed, pin)?;
            return Ok(if same { PinKept::Kept } else { PinKept::Other });
        }
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let mut plain = Zeroizing::new(salt.to_vec());
        plain.extend_from_slice(&*hash(pin, &salt)?);
        let sealed = self.seal(account, &aad(slot), &plain)?;
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        // Asked again under the lock: an erasure in between must not be followed by a row.
        self.stored_key(&transaction, account)?;
        let kept = transaction.execute(
            "INSERT INTO card_pins (card, set_by, account, sealed, tries) VALUES (?1, ?2, ?3, ?4, 0)",
            params![card.0, set_by, account.0, sealed],
        );
        kept.map_err(self.database_error())?;
        let dropped = transaction.execute(
            "DELETE FROM card_pins WHERE card = ?1 AND set_by IS NOT ?2 AND row NOT IN
             (SELECT row FROM card_pins WHERE card = ?1 AND set_by IS NOT ?2 ORDER BY row DESC LIMIT ?3)",
            params![card.0, in_force, PINS_WAITING_MAX],
        );
        dropped.map_err(self.database_error())?;
        transaction.commit().map_err(self.database_error())?;
        Ok(PinKept::Kept)
    }

    /// Forgets a PIN whose statement was refused.
    ///
    /// # Errors
    /// [`RegistryError`]: the file cannot be written.
    pub fn drop_pin(&self, card: CardHash, set_by: Hash) -> Result<(), RegistryError> {
        let drop = "DELETE FROM card_pins WHERE card = ?1 AND set_by = ?2";
        let dropped = self.database().execute(drop, params![card.0, set_by]);
        dropped.map(|_| ()).map_err(self.database_error())
    }

    /// Whether a PIN is kept under this statement.
    ///
    /// # Errors
    /// [`RegistryError`]: the file cannot be read.
    pub fn has_pin(&self, card: CardHash, set_by: Hash) -> Result<bool, RegistryError> {
        self.database()
            .prepare("SELECT 1 FROM card_pins WHERE card = ?1 AND set_by = ?2")
            .and_then(|mut rows| rows.exists(params![card.0, set_by]))
            .map_err(self.database_error())
    }

    fn kept_pin(&self, slot: PinSlot) -> Result<Option<Vec<u8>>, RegistryError> {
        let sealed = "SELECT sealed FROM card_pins WHERE card = ?1 AND set_by = ?2";
        self.database()
            .query_row(sealed, params![slot.card.0, slot.set_by], |row| row.get(0))
            .optional()
            .map_err(self.database_error())
    }

    fn is_pin_of(&self, slot: PinSlot, sealed: &[u8], pin: &str) -> Result<bool, RegistryError> {
        let plain = Zeroizing::new(self.unseal(slot.account, &aad(slot), sealed)?);
        let (salt, expected) = plain.split_at_checked(SALT_BYTES).unwrap_or_default();
        let found = hash(pin, salt)?;
        // Every byte is compared, so that the time tells nothing.
        let differing = found.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
        Ok(differing == 0 && expected.len() == HASH_BYTES)
    }

    /// Tries a PIN. The try is counted durably before the PIN is looked at; the right one sets the
    /// count back.
    ///
    /// # Errors
    /// As [`Registry::unseal`].
    pub fn check_pin(&self, slot: PinSlot, pin: &str) -> Result<PinCheck, RegistryError> {
        let PinSlot { account, card, set_by } = slot;
        let counted: Option<(Vec<u8>, u32)> = self
            .database()
            .query_row(
                "UPDATE card_pins SET tries = tries + 1
                 WHERE card = ?1 AND set_by = ?2 AND account = ?3 AND tries < ?4 RETURNING sealed, tries",
                params![card.0, set_by, account.0, PIN_TRIES_MAX],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(self.database_error())?;
        let Some((sealed, tries)) = counted else {
            let locked = self.has_pin(card, set_by)?;
            return Ok(if locked { PinCheck::Locked } else { PinCheck::Unset });
        };
        if !self.is_pin_of(slot, &sealed, pin)? {
            return Ok(match PIN_TRIES_MAX - tries.min(PIN_TRIES_MAX) {
                0 => PinCheck::Locked,
                left => PinCheck::Wrong(left),
            });
        }
        let reset = "UPDATE card_pins SET tries = 0 WHERE card = ?1 AND set_by = ?2";
        let reset = self.database().execute(reset, params![card.0, set_by]);
        reset.map_err(self.database_error())?;
        Ok(PinCheck::Right)
    }
}

fn is_pin(pin: &str) -> bool {
    PIN_DIGITS.contains(&pin.len()) && pin.bytes().all(|digit| digit.is_ascii_digit())
}

fn aad(slot: PinSlot) -> Vec<u8> {
    let mut aad = vault::aad_of(PIN_TAG, slot.account);
    aad.extend_from_slice(&slot.card.0);
    aad.extend_from_slice(&slot.set_by);
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

    const ONE: PinSlot = PinSlot { account: MEI, card: CARD, set_by: [4; 32] };

    fn registry(folder: &std::path::Path) -> Registry {
        let registry = Registry::create(&folder.join("registry.sqlite"), &[9; 32], &[]).unwrap();
        registry.ensure_data_keys(&[MEI]).unwrap();
        registry
    }

    #[test]
    fn five_wrong_tries_lock_a_card_until_another_pin_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let check = |pin| registry.check_pin(ONE, pin).unwrap();
        let keep = |slot, pin| registry.keep_pin(slot, Some(ONE.set_by), pin);
        assert_eq!(check("1234"), PinCheck::Unset);
        for wrong in ["", "123", "123456789", "12a4", "１２３４"] {
            assert_eq!(keep(ONE, wrong).unwrap(), PinKept::NoPin, "{wrong}");
        }
        assert!(!registry.has_pin(CARD, ONE.set_by).unwrap());
        assert_eq!(keep(ONE, "1234").unwrap(), PinKept::Kept);
        assert!(registry.has_pin(CARD, ONE.set_by).unwrap());
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
        assert_eq!(registry.check_pin(ONE, "1234").unwrap(), PinCheck::Locked);
        // The same act neither changes the PIN nor gives more tries.
        let keep = |slot, pin| registry.keep_pin(slot, Some(ONE.set_by), pin);
        assert_eq!(keep(ONE, "1234").unwrap(), PinKept::Kept);
        assert_eq!(keep(ONE, "5678").unwrap(), PinKept::Other);
        assert_eq!(registry.check_pin(ONE, "1234").unwrap(), PinCheck::Locked);
        let next = PinSlot { set_by: [5; 32], ..ONE };
        assert_eq!(keep(next, "5678").unwrap(), PinKept::Kept);
        assert_eq!(registry.check_pin(next, "5678").unwrap(), PinCheck::Right);
        // Another account's card is not this one.
        let other = PinSlot { account: AccountId([3; 16]), ..next };
        assert_eq!(registry.check_pin(other, "5678").unwrap(), PinCheck::Locked);
        registry.erase(&[MEI]).unwrap();
        assert_eq!(registry.check_pin(next, "5678").unwrap(), PinCheck::Unset);
        assert!(matches!(keep(next, "5678"), Err(RegistryError::Erased(MEI))));
    }

    #[test]
    fn a_card_keeps_the_pin_in_force_and_the_latest_that_wait() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        for number in 0..8 {
            let slot = PinSlot { set_by: [number; 32], ..ONE };
            assert_eq!(registry.keep_pin(slot, Some([0; 32]), "1234").unwrap(), PinKept::Kept);
        }
        let kept: Vec<u8> =
            (0..8).filter(|of| registry.has_pin(CARD, [*of; 32]).unwrap()).collect();
        assert_eq!(kept, [0, 4, 5, 6, 7]);
    }
}
