//! Where shops are paid: their bank accounts, sealed with the key-encryption key.

use std::collections::BTreeMap;

use ledger_spec::ids::PlaceId;
use rusqlite::params;

use super::error::RegistryError;
use super::store::Registry;
use super::vault;
use super::vault::NONCE_BYTES;

const SHOP_TAG: &[u8] = b"kenmai/v1/shop-account";

const PUT_SHOP: &str = "INSERT INTO shop_accounts (shop, sealed) VALUES (?1, ?2)
    ON CONFLICT (shop) DO UPDATE SET sealed = excluded.sealed";

fn aad_of(shop: PlaceId) -> Vec<u8> {
    [SHOP_TAG, &shop.0].concat()
}

impl Registry {
    /// Stores what names a shop's bank account, in the place of what was there; durable on return.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::Randomness`]
    pub fn put_shop_account(&self, shop: PlaceId, account: &str) -> Result<(), RegistryError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let sealed = vault::seal(&self.kek, &aad_of(shop), account.as_bytes(), nonce)?;
        let stored = self.database().execute(PUT_SHOP, params![shop.0, sealed]);
        stored.map(drop).map_err(self.database_error())
    }

    /// What was stored of each shop.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::DamagedShop`]
    pub fn shop_accounts(&self) -> Result<BTreeMap<PlaceId, String>, RegistryError> {
        let rows: Vec<([u8; 8], Vec<u8>)> = self
            .database()
            .prepare("SELECT shop, sealed FROM shop_accounts")
            .and_then(|mut query| {
                query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(self.database_error())?;
        let open = |(shop, sealed): ([u8; 8], Vec<u8>)| {
            let shop = PlaceId(shop);
            let text = vault::unseal(&self.kek, &aad_of(shop), &sealed);
            let text = text.and_then(|text| String::from_utf8(text).ok());
            Ok((shop, text.ok_or(RegistryError::DamagedShop(shop))?))
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
        registry.put_shop_account(a, "0149-001-1-1234567").expect("stored");
        registry.put_shop_account(a, "0149-001-1-7654321").expect("stored");
        registry.put_shop_account(b, "0149-001-1-1111111").expect("stored");
        let accounts = registry.shop_accounts().expect("read");
        assert_eq!(accounts[&a], "0149-001-1-7654321");
        assert_eq!(accounts.len(), 2);
        let swap = "UPDATE shop_accounts SET sealed =
            (SELECT sealed FROM shop_accounts WHERE shop = ?1) WHERE shop = ?2";
        registry.database().execute(swap, params![a.0, b.0]).expect("changed");
        let error = registry.shop_accounts().expect_err("another shop's");
        assert!(matches!(error, RegistryError::DamagedShop(shop) if shop == b), "{error}");
        drop(registry);
        let file = std::fs::read(&path).expect("the file");
        assert!(!file.windows(7).any(|bytes| bytes == b"7654321"), "sealed on the disk");
    }
}
