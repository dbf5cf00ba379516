//! Which phone a pay token's header names. A phone has another name each day, so whoever only sees
//! codes cannot put days together; the ledger hashes the keys of all phones for a day and looks
//! there. The days around today are at hand, tomorrow's before it begins; a past day, of an action
//! that is reported late, is made when somebody asks, on that thread and never on the writer's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};

use ledger_spec::ids::{DayKid, Kid};
use ledger_spec::programme::LATE_DAYS_MAX;
use ledger_spec::time::Day;

/// Past days at hand besides those around today.
const PAST_DAYS_MAX: usize = 4;
/// Past days that may be made in a day for one signer: each that an action can be late by, twice.
const PAST_DAYS_A_SIGNER_MAX: u32 = 2 * LATE_DAYS_MAX;

/// The keys of a ledger with their names by day.
pub(super) struct DayKids {
    /// In the order in which they came; the sequencer adds to it.
    keys: RwLock<Vec<[u8; 32]>>,
    days: Mutex<Days>,
}

#[derive(Default)]
struct Days {
    made: BTreeMap<Day, Arc<Names>>,
    /// Past days among them, the one used last at the end.
    past: Vec<Day>,
    /// On which day signers asked for past days that had to be made, and for how many.
    asked_on: Option<Day>,
    asked: HashMap<Kid, u32>,
}

/// The names of one day in order, each with its key's place in the list.
#[derive(Clone, Default)]
struct Names {
    sorted: Vec<(DayKid, u32)>,
    /// Keys of the list that are among them.
    covered: usize,
}

impl Names {
    /// The same with the keys that came since.
    fn with(&self, day: Day, keys: &[[u8; 32]]) -> Self {
        let mut sorted = self.sorted.clone();
        let places = (0..).zip(keys).skip(self.covered);
        sorted.extend(places.map(|(place, key)| (DayKid::of(key, day), place)));
        sorted.sort_unstable();
        Self { sorted, covered: keys.len() }
    }

    /// The places of all keys with this name.
    fn places(&self, name: DayKid) -> impl Iterator<Item = u32> {
        let first = self.sorted.partition_point(|(found, _)| *found < name);
        let from_first = self.sorted.iter().skip(first);
        from_first.take_while(move |(found, _)| *found == name).map(|(_, place)| *place)
    }
}

impl DayKids {
    /// Takes the keys that are known at the start, and makes the days around today.
    pub(super) fn start(keys: Vec<[u8; 32]>, today: Day) -> Self {
        let day_kids = Self { keys: RwLock::new(keys), days: Mutex::default() };
        day_kids.prepare(today);
        day_kids
    }

    /// A key was registered or enrolled.
    pub(super) fn add(&self, key: [u8; 32]) {
        if let Ok(mut keys) = self.keys.write() {
            keys.push(key);
        }
    }

    /// Makes the days around today, tomorrow's ahead.
    pub(super) fn prepare(&self, today: Day) {
        for day in [today.minus(1), today, today.plus(1)] {
            let _ = self.names(day, today, None);
        }
    }

    /// Every key that has this name on a day; `None` where its signer has asked for too many past
    /// days.
    pub(super) fn find(
        &self,
        name: DayKid,
        day: Day,
        today: Day,
        signer: Kid,
    ) -> Option<Vec<[u8; 32]>> {
        // Nothing is accepted of a code that is older, or made for a later day.
        if day > today.plus(1) || day < today.minus(LATE_DAYS_MAX + 1) {
            return Some(Vec::new());
        }
        let names = self.names(day, today, Some(signer))?;
        let keys = self.keys.read().ok()?;
        let key = |place| keys.get(usize::try_from(place).ok()?).copied();
        Some(names.places(name).filter_map(key).collect())
    }

    /// Whether the day's names are at hand without making them.
    pub(super) fn is_at_hand(&self, day: Day) -> bool {
        self.days.lock().is_ok_and(|days| days.made.contains_key(&day))
    }

    /// The names of a day. Making them holds back who asks for a code, and not the writer.
    fn names(&self, day: Day, today: Day, signer: Option<Kid>) -> Option<Arc<Names>> {
        let mut days = self.days.lock().ok()?;
        let is_past = day < today.minus(1);
        let made = days.made.get(&day).map(Arc::clone);
        let count = self.keys.read().ok()?.len();
        if let Some(made) = made.clone().filter(|made| made.covered == count) {
            days.use_past(day, is_past);
            return Some(made);
        }
        if made.is_none() && is_past && !signer.is_none_or(|signer| days.may_ask(signer, today)) {
            return None;
        }
        // A copy, so that a key can be added meanwhile.
        let keys = self.keys.read().ok()?.clone();
        let names = Arc::new(made.unwrap_or_default().with(day, &keys));
        days.made.insert(day, Arc::clone(&names));
        days.use_past(day, is_past);
        days.forget(today);
        Some(names)
    }
}

impl Days {
    fn may_ask(&mut self, signer: Kid, today: Day) -> bool {
        if self.asked_on != Some(today) {
            self.asked.clear();
            self.asked_on = Some(today);
        }
        let asked = self.asked.entry(signer).or_default();
        *asked += 1;
        *asked <= PAST_DAYS_A_SIGNER_MAX
    }

    fn use_past(&mut self, day: Day, is_past: bool) {
        self.past.retain(|used| *used != day);
        if is_past {
            self.past.push(day);
        }
    }

    /// Lets go what is neither around today nor among the past days used last.
    fn forget(&mut self, today: Day) {
        let over = self.past.len().saturating_sub(PAST_DAYS_MAX);
        self.past.drain(..over);
        let (past, first) = (&self.past, today.minus(1));
        self.made.retain(|day, _| *day >= first || past.contains(day));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(20_700);

    fn key(number: u16) -> [u8; 32] {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        key
    }

    fn found(kids: &DayKids, number: u16, day: Day) -> Option<Vec<[u8; 32]>> {
        kids.find(DayKid::of(&key(number), day), day, TODAY, Kid([1; 8]))
    }

    #[test]
    fn a_key_is_found_by_its_name_of_the_day_alone() {
        let kids = DayKids::start((0..100).map(key).collect(), TODAY);
        for day in [TODAY.minus(1), TODAY, TODAY.plus(1)] {
            assert!(kids.is_at_hand(day), "tomorrow's too");
            assert_eq!(found(&kids, 7, day), Some(vec![key(7)]));
            assert_eq!(found(&kids, 100, day), Some(vec![]));
        }
        let other = DayKid::of(&key(7), TODAY.plus(1));
        assert_eq!(kids.find(other, TODAY, TODAY, Kid([1; 8])), Some(vec![]));
        kids.add(key(100));
        assert_eq!(found(&kids, 100, TODAY), Some(vec![key(100)]), "a phone enrolled since");
        assert_eq!(found(&kids, 7, TODAY), Some(vec![key(7)]));
        for day in [TODAY.plus(2), TODAY.minus(LATE_DAYS_MAX + 2)] {
            assert_eq!(found(&kids, 7, day), Some(vec![]));
            assert!(!kids.is_at_hand(day));
        }
    }

    #[test]
    fn all_keys_of_one_name_are_candidates() {
        let names = Names {
            sorted: vec![(DayKid([1; 8]), 5), (DayKid([2; 8]), 0), (DayKid([2; 8]), 3)],
            covered: 3,
        };
        assert_eq!(names.places(DayKid([2; 8])).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(names.places(DayKid([3; 8])).count(), 0);
    }

    #[test]
    fn past_days_are_made_on_demand_and_bounded_by_signer() {
        let kids = DayKids::start(vec![key(0)], TODAY);
        let ask = |signer: u8, ago: u32| {
            let day = TODAY.minus(ago);
            kids.find(DayKid::of(&key(0), day), day, TODAY, Kid([signer; 8]))
        };
        // Each of them in turn, so that none is at hand any more when it is asked for again.
        let days = (2..=LATE_DAYS_MAX + 1).cycle();
        for ago in days.take(PAST_DAYS_A_SIGNER_MAX as usize) {
            assert_eq!(ask(1, ago), Some(vec![key(0)]), "{ago} days ago");
        }
        assert_eq!(ask(1, 20), None);
        assert_eq!(ask(2, 20), Some(vec![key(0)]), "another signer has a number of its own");
        assert_eq!(ask(1, 20), Some(vec![key(0)]), "it is at hand and costs nothing");
        assert_eq!(ask(1, 0), Some(vec![key(0)]));
        let days = kids.days.lock().unwrap();
        assert_eq!(days.made.len(), 3 + PAST_DAYS_MAX);
    }
}
