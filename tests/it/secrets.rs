//! Secrets and registry that are not this ledger's: the start is refused, and the file is named.

use std::fs;
use std::path::{Path, PathBuf};

use kenmai::keys::{LedgerKeys, ServerKey};
use ledger_spec::ids::PersonId;
use ledger_spec::kinds::{AccountOpen, Body, KeyRegister, Name, Role};

use crate::audit::audit_of;
use crate::city::{City, account, id};

/// A city whose log has registered every key of the server.
fn city() -> City {
    let mut city = City::settled();
    register(&mut city, ServerKey::Pin);
    city
}

fn register(city: &mut City, kind: ServerKey) {
    let role = match kind {
        ServerKey::System => Role::System,
        ServerKey::Pin => Role::Pin,
    };
    let public_key = city.keys().server_key(kind).verifying_key().to_bytes();
    let person = PersonId(id(&format!("{kind:?} {public_key:?}")));
    let name = Name::new("server").unwrap();
    city.enact(Body::KeyRegister(KeyRegister { public_key, role, person, place: None, name }));
}

fn keys_of(city: &City) -> PathBuf {
    city.data().parent().unwrap().join("keys")
}

/// Changes one hexadecimal digit.
fn change_digit(path: &Path) {
    let mut text = fs::read(path).unwrap();
    text[17] = if text[17] == b'0' { b'1' } else { b'0' };
    fs::write(path, text).unwrap();
}

#[test]
fn another_secret_is_refused_and_its_file_named() {
    let mut city = city();
    // Nothing but the log and the registry may tell: a snapshot is only there after a clean stop.
    city.close();
    let files = ["pepper.secret", "log.seed", "system.seed", "pin.seed", "kek.secret"];
    for file in files {
        let path = keys_of(&city).join(file);
        let right = fs::read(&path).unwrap();
        change_digit(&path);
        let error = city.open().unwrap_err().to_string();
        assert!(error.contains(file), "{file}: {error}");
        assert!(error.contains("put back the file"), "{file}: {error}");
        fs::write(&path, right).unwrap();
    }
    city.open().unwrap();
}

/// With another pepper nobody would know the operations of the log: the same bytes would count
/// again, and the audit would never be well.
#[test]
fn the_same_statement_cannot_count_twice_by_another_pepper() {
    let mut city = city();
    let statement = city.measurement("mei");
    let first = city.submit(&statement).unwrap();
    city.close();
    let path = keys_of(&city).join("pepper.secret");
    let right = fs::read(&path).unwrap();
    change_digit(&path);
    assert!(city.open().is_err());
    fs::write(&path, right).unwrap();
    city.open().unwrap();
    let again = city.submit(&statement).unwrap();
    assert_eq!((again.accounting.seq, again.replayed), (first.accounting.seq, true));
    let keys = city.keys();
    city.close();
    assert_eq!(audit_of(&city.data(), Some(&keys)).findings, []);
}

#[test]
fn a_server_key_is_replaced_on_purpose_and_registered() {
    let mut city = city();
    city.close();
    for kind in ServerKey::ALL {
        let path = keys_of(&city).join(kind.secret().file());
        fs::remove_file(&path).unwrap();
        LedgerKeys::replace(&keys_of(&city), kind).unwrap();
        city.open().unwrap();
        register(&mut city, kind);
        city.close();
        // Whatever was said to wait for, it is the log that counts from then on.
        fs::remove_file(path.with_extension("pending")).unwrap();
        city.open().unwrap();
        city.close();
        let twice = LedgerKeys::replace(&keys_of(&city), kind);
        assert!(twice.is_ok(), "the one before stays beside it");
        let error = LedgerKeys::replace(&keys_of(&city), kind).unwrap_err().to_string();
        assert!(error.contains(".replaced"), "{error}");
        let aside = path.with_extension("seed.replaced");
        fs::rename(aside, &path).unwrap();
        city.open().unwrap();
        city.close();
    }
}

#[test]
fn a_registry_that_is_lost_is_not_made_anew() {
    let mut city = city();
    city.close();
    let path = city.data().join("registry.sqlite");
    let right = fs::read(&path).unwrap();
    for lost in [None, Some(&b""[..])] {
        fs::remove_file(&path).unwrap();
        if let Some(bytes) = lost {
            fs::write(&path, bytes).unwrap();
            set_private(&path);
        }
        let error = city.open().unwrap_err().to_string();
        assert!(error.contains("registry.sqlite is missing or empty"), "{error}");
        assert_eq!(fs::read(&path).ok().as_deref(), lost, "nothing was made");
        fs::write(&path, &right).unwrap();
        set_private(&path);
    }
    city.open().unwrap();
    city.must("staff", Body::AccountOpen(AccountOpen { account: account("new") }));
}

fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
