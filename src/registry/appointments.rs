//! Appointments that a city's other systems have booked: what kind, on which day, at what time.
//! They come and go with the files that bring them, never enter the log, and are sealed with the
//! account's data key; only the day is in the clear, so that what is over can be dropped.

use ledger_spec::ids::{AccountId, Hash};
use ledger_spec::time::Day;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::RegistryError;
use super::store::Registry;
use super::vault;

/// The most appointments of one account; further ones are refused until some are over.
pub const APPOINTMENTS_MAX: usize = 32;

const APPOINTMENT_TAG: &[u8] = b"kenmai/v1/appointment";

const PUT: &str = "INSERT INTO appointments (account, booking, day, sealed) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (account, booking) DO UPDATE SET day = excluded.day, sealed = excluded.sealed";

/// A booked appointment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appointment {
    /// Its day in Japan.
    pub day: Day,
    /// When it begins, in Unix seconds, where a time was booked.
    pub start_s: Option<u64>,
    /// The public code of the action that it is for: of a sensitive one the group's.
    pub action: String,
}

/// What a file says of one booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Whose it is.
    pub account: AccountId,
    /// The booking's number at its source; kept as a hash.
    pub id: String,
    /// The appointment; none where it was cancelled.
    pub appointment: Option<Appointment>,
}

impl Appointment {
    /// The beginning in Unix seconds, 0 where there is no time, then the action's code.
    fn to_bytes(&self) -> Vec<u8> {
        [&self.start_s.unwrap_or(0).to_be_bytes(), self.action.as_bytes()].concat()
    }

    fn read(day: Day, bytes: &[u8]) -> Option<Self> {
        let (start, action) = bytes.split_first_chunk::<8>()?;
        let start_s = Some(u64::from_be_bytes(*start)).filter(|start_s| *start_s > 0);
        Some(Self { day, start_s, action: String::from_utf8(action.to_vec()).ok()? })
    }
}

/// The appointment's day is authenticated too, because it stands beside the sealed bytes.
fn aad_of(account: AccountId, booking: &Hash, day: Day) -> Vec<u8> {
    [&vault::aad_of(APPOINTMENT_TAG, account), booking.as_slice(), &day.0.to_be_bytes()].concat()
}

impl Registry {
    /// Takes what a file says of bookings, for accounts that have data keys: a booking that is
    /// known already is changed, a cancelled one vanishes, and whatever is over before `today` is
    /// dropped. One transaction, durable on return. Gives for each booking whether it was taken;
    /// one above [`APPOINTMENTS_MAX`] is not, and neither is one whose account has been erased.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::Randomness`]; then nothing was changed.
    pub fn book(&self, bookings: &[Booking], today: Day) -> Result<Vec<bool>, RegistryError> {
        let mut sealed = Vec::with_capacity(bookings.len());
        for booking in bookings {
            let hash = self.booking_hash(&booking.id);
            let bytes = match &booking.appointment {
                None => None,
                Some(appointment) => {
                    let aad = aad_of(booking.account, &hash, appointment.day);
                    match self.seal(booking.account, &aad, &appointment.to_bytes()) {
                        Ok(bytes) => Some((appointment.day, bytes)),
                        Err(RegistryError::Erased(_) | RegistryError::NoKey(_)) => None,
                        Err(error) => return Err(error),
                    }
                }
            };
            sealed.push((hash, bytes));
        }
        let mut database = self.database();
        let transaction = database.transaction().map_err(self.database_error())?;
        let over = transaction.execute("DELETE FROM appointments WHERE day < ?1", [today.0]);
        over.map_err(self.database_error())?;
        let mut taken = Vec::with_capacity(bookings.len());
        for (booking, (hash, bytes)) in bookings.iter().zip(&sealed) {
            let account = booking.account;
            // Asked again under the lock: an erasure in between must not be followed by a row.
            let lives = self.stored_key(&transaction, account).is_ok();
            let stored = match (bytes, &booking.appointment) {
                (Some((day, bytes)), _) if lives => put(&transaction, account, hash, *day, bytes),
                (None, None) => transaction
                    .execute(
                        "DELETE FROM appointments WHERE account = ?1 AND booking = ?2",
                        params![account.0, hash],
                    )
                    .map(|_| true),
                _ => Ok(false),
            };
            taken.push(stored.map_err(self.database_error())?);
        }
        transaction.commit().map_err(self.database_error())?;
        Ok(taken)
    }

    /// The appointments of an account from a day on, the first first; nothing for an account
    /// without a key.
    ///
    /// # Errors
    /// [`RegistryError::Database`] or [`RegistryError::Damaged`]
    pub fn appointments(
        &self,
        account: AccountId,
        from: Day,
    ) -> Result<Vec<Appointment>, RegistryError> {
        let rows: Vec<(Hash, u32, Vec<u8>)> = self
            .database()
            .prepare(
                "SELECT booking, day, sealed FROM appointments WHERE account = ?1 AND day >= ?2",
            )
            .and_then(|mut query| {
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                query.query_map(params![account.0, from.0], row)?.collect()
            })
            .map_err(self.database_error())?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let key = match self.data_key(account) {
            Ok(key) => key,
            // Erased since the rows were read.
            Err(RegistryError::Erased(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let cipher = vault::cipher(&key);
        let open = |(booking, day, sealed): (Hash, u32, Vec<u8>)| {
            let day = Day(day);
            vault::unseal(&cipher, &aad_of(account, &booking, day), &sealed)
                .and_then(|bytes| Appointment::read(day, &bytes))
                .ok_or(RegistryError::Damaged { what: "an appointment", account })
        };
        let mut found = rows.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        found.sort();
        Ok(found)
    }

    fn booking_hash(&self, id: &str) -> Hash {
        let hash = Sha256::new().chain_update(self.number_key).chain_update(APPOINTMENT_TAG);
        hash.chain_update(id).finalize().into()
    }
}

/// Stores a booking unless the account has as many others as it may have.
fn put(
    connection: &Connection,
    account: AccountId,
    booking: &Hash,
    day: Day,
    sealed: &[u8],
) -> rusqlite::Result<bool> {
    let others: Option<u32> = connection
        .prepare("SELECT count(*) FROM appointments WHERE account = ?1 AND booking <> ?2")?
        .query_row(params![account.0, booking], |row| row.get(0))
        .optional()?;
    if others.is_some_and(|others| others as usize >= APPOINTMENTS_MAX) {
        return Ok(false);
    }
    connection.prepare(PUT)?.execute(params![account.0, booking, day.0, sealed])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: AccountId = AccountId([1; 16]);
    const BEN: AccountId = AccountId([2; 16]);

    fn booked(account: AccountId, id: &str, day: u32) -> Booking {
        let (day, start_s) = (Day(day), Some(u64::from(day) * 86_400));
        let appointment = Some(Appointment { day, start_s, action: "checkup.specific".to_owned() });
        Booking { account, id: id.to_owned(), appointment }
    }

    fn cancelled(account: AccountId, id: &str) -> Booking {
        Booking { account, id: id.to_owned(), appointment: None }
    }

    fn days(registry: &Registry, account: AccountId) -> Vec<u32> {
        let found = registry.appointments(account, Day(0)).expect("read");
        found.iter().map(|appointment| appointment.day.0).collect()
    }

    fn registry() -> (tempfile::TempDir, Registry) {
        let folder = tempfile::tempdir().expect("folder");
        let registry =
            Registry::create(&folder.path().join("registry.db"), &[9; 32], &[]).expect("made");
        registry.ensure_data_keys(&[ANNA, BEN]).expect("keys");
        (folder, registry)
    }

    #[test]
    fn a_booking_is_changed_cancelled_and_over() {
        let (_folder, registry) = registry();
        let first = [booked(ANNA, "a", 30), booked(ANNA, "b", 20), booked(BEN, "a", 25)];
        assert_eq!(registry.book(&first, Day(10)).expect("booked"), [true; 3]);
        assert_eq!((days(&registry, ANNA), days(&registry, BEN)), (vec![20, 30], vec![25]));
        // The same number at the source is the same booking, of each person apart.
        let then = [booked(ANNA, "a", 40), cancelled(BEN, "a"), cancelled(BEN, "never")];
        assert_eq!(registry.book(&then, Day(20)).expect("booked"), [true; 3]);
        assert_eq!((days(&registry, ANNA), days(&registry, BEN)), (vec![20, 40], vec![]));
        registry.book(&[], Day(21)).expect("nothing");
        assert_eq!(days(&registry, ANNA), [40]);
        assert_eq!(registry.appointments(ANNA, Day(41)).expect("read"), []);
        let found = registry.appointments(ANNA, Day(40)).expect("read");
        assert_eq!(found, booked(ANNA, "a", 40).appointment.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn an_account_has_only_so_many() {
        let (_folder, registry) = registry();
        let all: Vec<_> =
            (0..=APPOINTMENTS_MAX).map(|n| booked(ANNA, &n.to_string(), 30)).collect();
        let taken = registry.book(&all, Day(1)).expect("booked");
        assert_eq!(taken.iter().filter(|taken| **taken).count(), APPOINTMENTS_MAX);
        assert_eq!(taken.last(), Some(&false));
        // One that is known is changed all the same, and another account has its own room.
        let more = [booked(ANNA, "0", 31), booked(BEN, "0", 31)];
        assert_eq!(registry.book(&more, Day(1)).expect("booked"), [true; 2]);
    }

    #[test]
    fn an_erasure_takes_appointments_along() {
        let (folder, registry) = registry();
        registry.book(&[booked(ANNA, "a", 30), booked(BEN, "b", 30)], Day(1)).expect("booked");
        let sql = "SELECT sealed FROM appointments WHERE account = ?1";
        let sealed: Vec<u8> =
            registry.database().query_row(sql, [ANNA.0], |row| row.get(0)).expect("row");
        registry.erase(&[ANNA]).expect("erased");
        assert_eq!((days(&registry, ANNA), days(&registry, BEN)), (vec![], vec![30]));
        assert_eq!(registry.book(&[booked(ANNA, "c", 30)], Day(1)).expect("asked"), [false]);
        for file in std::fs::read_dir(folder.path()).expect("folder") {
            let bytes = std::fs::read(file.expect("file").path()).expect("bytes");
            assert!(!bytes.windows(sealed.len()).any(|bytes| bytes == sealed));
            assert!(!bytes.windows(7).any(|bytes| bytes == b"checkup"), "sealed on the disk");
        }
    }

    #[test]
    fn a_moved_row_is_damage() {
        let (_folder, registry) = registry();
        registry.book(&[booked(ANNA, "a", 30)], Day(1)).expect("booked");
        registry.database().execute("UPDATE appointments SET day = 31", []).expect("changed");
        let error = registry.appointments(ANNA, Day(1)).expect_err("changed");
        assert!(matches!(error, RegistryError::Damaged { .. }), "{error}");
    }
}
