//! The tables of the registry's file.

use rusqlite::{Transaction, params};

use crate::keys::SecretCheck;

/// Raised by one with every change of the tables.
pub(super) const SCHEMA_VERSION: u32 = 7;

const SCHEMA: &str = "
    CREATE TABLE key_check (sealed BLOB NOT NULL);
    CREATE TABLE secret_checks (
        file TEXT PRIMARY KEY,
        hash BLOB NOT NULL CHECK (length(hash) = 32)
    );
    CREATE TABLE data_keys (
        row INTEGER PRIMARY KEY,
        account BLOB NOT NULL UNIQUE CHECK (length(account) = 16),
        wrapped BLOB NOT NULL CHECK (length(wrapped) = 60)
    );
    CREATE TABLE data_keys_made (count INTEGER NOT NULL);
    INSERT INTO data_keys_made (count) VALUES (0);
    CREATE TRIGGER count_data_keys AFTER INSERT ON data_keys BEGIN
        UPDATE data_keys_made SET count = count + 1;
    END;
    CREATE TABLE persons (
        account BLOB PRIMARY KEY REFERENCES data_keys (account),
        sealed BLOB NOT NULL
    );
    CREATE TABLE city_numbers (
        account BLOB PRIMARY KEY REFERENCES data_keys (account),
        keyed BLOB NOT NULL UNIQUE CHECK (length(keyed) = 32)
    );
    CREATE TABLE shop_accounts (
        hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
        shop BLOB NOT NULL CHECK (length(shop) = 8),
        sealed BLOB NOT NULL
    );
    CREATE TABLE card_pins (
        row INTEGER PRIMARY KEY,
        card BLOB NOT NULL CHECK (length(card) = 32),
        set_by BLOB NOT NULL CHECK (length(set_by) = 32),
        account BLOB NOT NULL REFERENCES data_keys (account),
        sealed BLOB NOT NULL,
        tries INTEGER NOT NULL,
        UNIQUE (card, set_by)
    );
    CREATE TABLE appointments (
        account BLOB NOT NULL REFERENCES data_keys (account),
        booking BLOB NOT NULL CHECK (length(booking) = 32),
        day INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (account, booking)
    );
";

pub(super) fn create_schema(
    transaction: &Transaction<'_>,
    key_check: &[u8],
    checks: &[SecretCheck],
) -> rusqlite::Result<()> {
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO key_check (sealed) VALUES (?1)", [key_check])?;
    for check in checks {
        let row = params![check.kind.file(), check.hash];
        transaction.execute("INSERT INTO secret_checks (file, hash) VALUES (?1, ?2)", row)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}
