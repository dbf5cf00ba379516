//! Those who take part, and what they sign: payments, measurements, manifests, and the wish to
//! read.

use std::ops::RangeInclusive;

use ed25519_dalek::SigningKey;
use kenmai::clock::{Clock, SystemClock};
use kenmai::keys;
use ledger_spec::ids::{AccountId, LedgerId, OpId, PlaceId};
use ledger_spec::kinds::{Action, Body, Code, Kind, Redeem};
use ledger_spec::manifest;
use ledger_spec::points::{Fund, Points};
use ledger_spec::statement::{Core, Disclosure, Holder, Measure, Values};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, Session, TOKEN_LIFE_S_MAX};

use crate::Failure;
use crate::operations::Operation;

/// Acts are reported so many days after their own day, at most.
pub(crate) const LATE_DAYS: u32 = 13;

/// What every measurement finds: the lowest level, so that no rule for an improvement pays.
const FOUND: u32 = 1;

/// A resident with a phone and a card.
pub(crate) struct Resident {
    /// The account.
    pub(crate) account: AccountId,
    /// Points before the first payment.
    pub(crate) held: u64,
    /// Points that no payment was signed for yet; what is earned meanwhile does not count.
    pub(crate) left: u64,
    /// A session for reading.
    pub(crate) session: Option<String>,
    pub(crate) phone: SigningKey,
    pub(crate) card: [u8; 11],
}

/// A shop with a till.
pub(crate) struct Till {
    /// The place.
    pub(crate) place: PlaceId,
    /// What it was due before the first payment.
    pub(crate) due: u64,
    pub(crate) till: SigningKey,
}

/// What a signer's word grants.
pub(crate) struct GrantRule {
    pub(crate) action: Code,
    pub(crate) fund: Fund,
    /// Fewer than the rule says where caps leave no more room.
    pub(crate) points: RangeInclusive<u32>,
    /// What its rule measures.
    pub(crate) measures: Vec<Measure>,
}

/// Who signs many acts at once.
pub(crate) struct Bulk {
    pub(crate) key: SigningKey,
    pub(crate) grant: GrantRule,
    /// Whether residents are known by their cards, otherwise by their accounts.
    pub(crate) by_card: bool,
}

/// All who take part.
pub(crate) struct City {
    pub(crate) ledger: LedgerId,
    /// The version of the rules.
    pub(crate) programme: u32,
    /// Points of each payment.
    pub(crate) payment_points: u32,
    pub(crate) residents: Vec<Resident>,
    pub(crate) shops: Vec<Till>,
    pub(crate) stations: Vec<SigningKey>,
    pub(crate) measurement: GrantRule,
    pub(crate) bulk: Bulk,
    /// Slots for the acts of the stations, and for those of the manifests.
    pub(crate) measured: Slots,
    pub(crate) listed: Slots,
}

/// Which shop the next payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shops {
    /// Any, with equal chance.
    Uniform,
    /// The first, always.
    One,
}

/// How a station knows a resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Card,
    Phone,
}

impl City {
    /// Signs a payment of a random resident, good for 300 seconds: first the phone, then the till.
    pub(crate) fn payment(
        &mut self,
        shops: Shops,
        now_s: u64,
    ) -> Result<(Vec<u8>, Operation), Failure> {
        let (points, nonce): (u32, [u8; 16]) = (self.payment_points, random()?);
        let [a, b, c, d, shop, ..] = nonce;
        let first = u32::from_be_bytes([a, b, c, d]) as usize % self.residents.len().max(1);
        // The first from a random one on who has enough.
        let (before, from) = self.residents.split_at_mut(first);
        let mut numbered = (first..).zip(from).chain((0..).zip(before));
        let found = numbered.find(|(_, resident)| resident.left >= u64::from(points));
        let (number, resident) = found.ok_or(
            "no resident has points left; take more --residents or fewer --seconds, or make another demo city",
        )?;
        let shop =
            if shops == Shops::One { 0 } else { usize::from(shop) % self.shops.len().max(1) };
        let Till { place, till, .. } = self.shops.get(shop).ok_or("a city without shops")?;
        resident.left -= u64::from(points);
        let exp_s = now_s + TOKEN_LIFE_S_MAX;
        let token = PayToken { exp_s, nonce, ledger: self.ledger, max_points: points, shop: None };
        let token = token::sign(&token, &resident.phone);
        let body = Redeem {
            shop: *place,
            points: Points::new(points).ok_or("no such points")?,
            goods: None,
        };
        let core = Core {
            programme: Some(self.programme),
            not_after_s: Some(exp_s),
            ..core(self.ledger, Body::Redeem(body))?
        };
        let disclosed = disclosure(now_s, Some(Holder::Phone(token)))?;
        let operation = Operation::Payment { resident: number, shop, points };
        Ok((core.sign(till, Some(&disclosed)), operation))
    }

    /// Signs the next measurement at a station.
    pub(crate) fn measurement(&mut self, by: By) -> Result<(Vec<u8>, Operation), Failure> {
        let slot = self.measured.next(self.residents.len())?;
        let resident = self.residents.get(slot.resident).ok_or("a city without residents")?;
        let station = self.stations.get(slot.place).ok_or("a city without stations")?;
        let holder = match by {
            By::Card => Holder::Card(resident.card),
            By::Phone => {
                // Shown at the minute of the act; it only says who is there.
                let exp_s = slot.at_s + TOKEN_LIFE_S_MAX;
                let (nonce, ledger) = (random()?, self.ledger);
                let token = PayToken { exp_s, nonce, ledger, max_points: 0, shop: None };
                Holder::Phone(token::sign(&token, &resident.phone))
            }
        };
        let GrantRule { action, fund, points, measures } = &self.measurement;
        let operation =
            Operation::Measurement { resident: slot.resident, fund: *fund, points: points.clone() };
        let core = self.action(action, slot.at_s)?;
        Ok((core.sign(station, Some(&measured(slot.at_s, holder, measures)?)), operation))
    }

    /// Signs a manifest of so many rows, one act each.
    pub(crate) fn manifest(&mut self, rows: usize) -> Result<(Vec<u8>, Operation), Failure> {
        let (mut cores, mut residents) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let slot = self.listed.next(self.residents.len())?;
            let resident = self.residents.get(slot.resident).ok_or("a city without residents")?;
            let holder = if self.bulk.by_card {
                Holder::Card(resident.card)
            } else {
                Holder::Account(resident.account)
            };
            let core = self.action(&self.bulk.grant.action, slot.at_s)?;
            cores.push((core, Some(measured(slot.at_s, holder, &self.bulk.grant.measures)?)));
            residents.push(slot.resident);
        }
        let Bulk { key, grant: GrantRule { action, fund, points, .. }, .. } = &self.bulk;
        let own = core(self.ledger, Body::Action(Action { action: action.clone() }))?;
        let operation = Operation::Manifest { residents, fund: *fund, points: points.clone() };
        Ok((manifest::sign(own, Kind::Action, cores, key), operation))
    }

    fn action(&self, action: &Code, at_s: u64) -> Result<Core, Failure> {
        let body = Body::Action(Action { action: action.clone() });
        let day = Day::of_ms(at_s * 1_000);
        Ok(Core { day, programme: Some(self.programme), ..core(self.ledger, body)? })
    }
}

/// Signs the wish to read.
pub(crate) fn session(ledger: LedgerId, key: &SigningKey, now_s: u64) -> Result<Vec<u8>, Failure> {
    let session = Session { exp_s: now_s + TOKEN_LIFE_S_MAX, nonce: random()?, ledger };
    Ok(token::sign(&session, key))
}

/// Slots for acts, no two of which are the same: the residents in turn, each time at another place
/// or another minute of the last days.
pub(crate) struct Slots {
    next: u64,
    /// Where this run begins, by chance, so that two runs on one ledger hardly meet.
    first: u64,
    first_min: u64,
    minutes: u64,
    places: u64,
}

/// One of them.
struct Slot {
    resident: usize,
    place: usize,
    at_s: u64,
}

impl Slots {
    /// Slots in the days before a moment that belong to its fiscal year, under one version of the
    /// rules.
    pub(crate) fn until(now_s: u64, places: usize) -> Result<Self, Failure> {
        let today = Day::of_ms(now_s * 1_000);
        let first_day = today.minus(LATE_DAYS).max(today.fiscal_year_start());
        let first_min = first_day.start_ms() / 60_000;
        let (minutes, places) = ((now_s / 60).saturating_sub(first_min), places as u64);
        if minutes == 0 || places == 0 {
            return Err("the fiscal year is a minute old or there is no station; try again".into());
        }
        let first = u64::from_be_bytes(random()?) % (minutes * places);
        Ok(Self { next: 0, first, first_min, minutes, places })
    }

    /// How many there are still.
    pub(crate) fn left(&self, residents: usize) -> u64 {
        self.minutes * self.places * residents as u64 - self.next
    }

    fn next(&mut self, residents: usize) -> Result<Slot, Failure> {
        if self.left(residents) == 0 {
            return Err("every minute of every resident is used; take more --residents".into());
        }
        let residents = residents as u64;
        let turn = (self.first + self.next / residents) % (self.minutes * self.places);
        let next = Slot {
            resident: usize::try_from(self.next % residents)?,
            place: usize::try_from(turn % self.places)?,
            at_s: (self.first_min + turn / self.places) * 60,
        };
        self.next += 1;
        Ok(next)
    }
}

/// A statement's core of today.
pub(crate) fn core(ledger: LedgerId, body: Body) -> Result<Core, Failure> {
    let (op_id, day) = (OpId(random()?), today());
    Ok(Core { ledger, op_id, day, programme: None, not_after_s: None, body, sealed: None })
}

/// The part that can be erased.
pub(crate) fn disclosure(
    performed_at_s: u64,
    holder: Option<Holder>,
) -> Result<Disclosure, Failure> {
    let salt = random()?;
    Ok(Disclosure { salt, performed_at_s, holder, ..Disclosure::default() })
}

/// What a measurement discloses: the same number for whatever its rule measures.
fn measured(at_s: u64, holder: Holder, measures: &[Measure]) -> Result<Disclosure, Failure> {
    let found =
        measures.iter().fold(Values::default(), |found, measure| found.with(*measure, FOUND));
    let values = Some(found).filter(|_| !measures.is_empty());
    Ok(Disclosure { values, ..disclosure(at_s, Some(holder))? })
}

/// A key of the operating system's chance.
pub(crate) fn new_key() -> Result<SigningKey, Failure> {
    Ok(SigningKey::from_bytes(&*keys::random_secret()?))
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// This day in Japan.
pub(crate) fn today() -> Day {
    Day::of_ms(SystemClock.wall_ms())
}

/// Unix seconds.
pub(crate) fn now_s() -> u64 {
    SystemClock.wall_ms() / 1_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Also on the first days of a fiscal year, whose rules do not reach back.
    #[test]
    fn no_two_slots_are_the_same_and_all_lie_under_the_same_rules() {
        for (year, month, day) in [(2026, 4, 1), (2026, 4, 2), (2026, 11, 22), (2028, 2, 29)] {
            let today = Day::from_ymd(year, month, day).unwrap();
            let now_s = today.start_ms() / 1_000 + 125;
            let mut slots = Slots::until(now_s, 3).unwrap();
            let (mut seen, count) = (BTreeSet::new(), slots.left(2).min(50_000));
            for _ in 0..count {
                let Slot { resident, place, at_s } = slots.next(2).unwrap();
                let of = Day::of_ms(at_s * 1_000);
                assert!(at_s < now_s && of >= today.minus(LATE_DAYS) && of <= today);
                assert_eq!(of.fiscal_year(), today.fiscal_year());
                assert!(resident < 2 && place < 3 && seen.insert((resident, place, at_s / 60)));
            }
            let (next, left) = (slots.next(2), slots.left(2));
            assert_eq!(next.is_err(), left == 0, "{year}-{month}-{day}");
        }
        let midnight_s = Day::from_ymd(2026, 4, 1).unwrap().start_ms() / 1_000;
        assert!(Slots::until(midnight_s, 3).is_err());
    }
}
