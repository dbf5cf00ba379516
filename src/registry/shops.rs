//! Where shops are paid: their bank accounts, sealed with the key-encryption key.

use std::collections::BTreeMap;

use ledger_spec::ids::{Hash, PlaceId};
use ledger_spec::statement::bank_account_hash;
use rusqlite::{Row, params};

use super::error::RegistryError;
use super::store::Registry;
use super::vault;
use super::vault::NONCE_BYTES;

const SHOP_TAG: &[u8] = b"kenmai/v1/shop-account";

const SALT_BYTES: usize = 16;

/// A bank account that a shop may be paid on, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAccount {
    /// The shop.
    pub shop: PlaceId,
    /// What names the account.
    pub account: String,
    /// With it the account has the hash that two persons sign.
    pub salt: [u8; SALT_BYTES],
}

fn aad_of(shop: PlaceId, hash: Hash) -> Vec<u8> {
    [SHOP_TAG, &shop.0, &hash].concat()
}

impl Registry {
    /// Stores what names a shop's bank account, and gives the hash that two persons sign
    /// (`shop.account`): the same again for an account that is there. Durable on return.
    ///
    /// # Errors
    /// As [`Registry::shop_accounts`], or [`RegistryError::Randomness`]
    pub fn put_shop_account(&self, shop: PlaceId, account: &str) -> Result<Hash, RegistryError> {
        let known = self.shop_accounts()?;
        let same = |kept: &KeptAccount| kept.shop == shop && kept.account == account;
        if let Some((hash, _)) = known.into_iter().find(|(_, kept)| same(kept)) {
            return Ok(hash);
        }
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut nonce)?;
        let hash = bank_account_hash(&salt, account);
        let plain = [&salt, account.as_bytes()].concat();
        let sealed = vault::seal(&self.kek, &aad_of(shop, hash), &plain, nonce)?;
        let put = "INSERT INTO shop_accounts (hash, shop, sealed) VALUES (?1, ?2, ?3)";
        let stored = self.database().execute(put, params![hash, shop.0, sealed]);
        stored.map(|_| hash).map_err(self.database_error())
    }

    /// All that was stored of shops, by hash. Which of them counts is in the log.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::DamagedShop`]
    pub fn shop_accounts(&self) -> Result<BTreeMap<Hash, KeptAccount>, RegistryError> {
        let rows: Vec<(Hash, [u8; 8], Vec<u8>)> = self
            .database()
            .prepare("SELECT hash, shop, sealed FROM shop_accounts")
            .and_then(|mut query| {
                let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                query.query_map([], row)?.collect()
            })
            .map_err(self.database_error())?;
        let open = |(hash, shop, sealed): (Hash, [u8; 8], Vec<u8>)| {
            let shop = PlaceId(shop);
            let plain = vault::unseal(&self.kek, &aad_of(shop, hash), &sealed);
            let kept = plain.and_then(|plain| {
                let (salt, account) = plain.split_first_chunk::<SALT_BYTES>()?;
                let (salt, account) = (*salt, std::str::from_utf8(account).ok()?.to_owned());
                let whole = bank_account_hash(&salt, &account) == hash;
                whole.then_some(KeptAccount { shop, account, salt })
            });
            Ok((hash, kept.ok_or(RegistryError::DamagedShop(shop))?))
        };
        rows.into_iter().map(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_kept_sealed_and_bound_to_its_shop() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("registry.db");
        let registry = Registry::create(&path, &[9; 32], &[]).expect("opened");
        let [a, b] = [1, 2].map(|n| PlaceId([n; 8]));
        let put = |shop, account| registry.put_shop_account(shop, account).expect("stored");
        let first = put(a, "0149-001-1-1234567");
        let next = put(a, "0149-001-1-7654321");
        let other = put(b, "0149-001-1-7654321");
        assert_eq!(put(a, "0149-001-1-1234567"), first, "the same account has the same hash");
        assert!(next != first && next != other, "salted");
        let accounts = registry.shop_accounts().expect("read");
        assert_eq!((accounts[&first].shop, accounts.len()), (a, 3));
        assert_eq!(accounts[&next].account, "0149-001-1-7654321");
        let swap = "UPDATE shop_accounts SET sealed =
            (SELECT sealed FROM shop_accounts WHERE hash = ?1) WHERE hash = ?2";
        registry.database().execute(swap, params![first, other]).expect("changed");
        let error = registry.shop_accounts().expect_err("another shop's");
        assert!(matches!(error, RegistryError::DamagedShop(shop) if shop == b), "{error}");
        drop(registry);
        let file = std::fs::read(&path).expect("the file");
        assert!(!file.windows(7).any(|bytes| bytes == b"7654321"), "sealed on the disk");
    }
}
