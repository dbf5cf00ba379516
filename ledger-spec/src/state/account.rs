//! A resident's account: lots, counters, and what the rules remember of it.

use alloc::vec::Vec;

use crate::caps::{ActionClass, CapOf, CapPer};
use crate::cbor::{CborError, Reader, Wire, Writer, wire_array};
use crate::ids::{Hash, LinkId, PlaceId, Seq};
use crate::kinds::{AgeTier, Insurance, Status};
use crate::points::{LotKey, POINTS_MAX, Purse};
use crate::programme::{Gate, Programme, Rule};
use crate::time::Day;

/// The most lots an account holds open.
pub const LOTS_MAX: usize = 64;
/// The most holds of shops on one account.
pub const HOLDS_MAX: usize = 8;
/// The most open vouchers of one account.
pub const VOUCHERS_MAX: usize = 16;

wire_array!(
    /// An age group, and the day on which the person is of it.
    #[derive(Copy)]
    Aged {
        /// The day.
        on: Day,
        /// The group.
        tier: AgeTier,
    }
);

impl Facts {
    /// The age group for the day that a programme names; the latest that is known where none was
    /// stated for it.
    #[must_use]
    pub fn age_tier(&self, on: Day) -> AgeTier {
        self.age_before.filter(|before| before.on == on).unwrap_or(self.age).tier
    }

    /// These facts, with the age group of an earlier day that the facts before them knew.
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        let other = |known: &Aged| known.on != self.age.on;
        let age_before = before.and_then(|old| Some(old.age).filter(other).or(old.age_before));
        Self { age_before, ..self }
    }
}

wire_array!(
    /// What the rules know of an account's person.
    #[derive(Copy)]
    Facts {
        /// Age group.
        age: Aged,
        /// The age group as stated for an earlier day: a late action of last year is judged by it.
        age_before: Option<Aged>,
        /// Insurance class.
        insurance: Insurance,
        /// The first day on which the person takes part, if ever.
        eligible_from: Option<Day>,
        /// District number.
        district: u32,
    }
);

wire_array!(
    /// An account's standing where it is not simply active.
    #[derive(Copy)]
    Standing {
        /// The standing.
        status: Status,
        /// From this day on.
        since: Day,
    }
);

wire_array!(
    /// The end of an account.
    #[derive(Copy)]
    Closing {
        /// The day.
        on: Day,
        /// Whether its person is forgotten: the data key is destroyed.
        erased: bool,
    }
);

wire_array!(
    /// Points of one lot.
    #[derive(Copy)]
    Lot {
        /// The lot.
        key: LotKey,
        /// What is left, above 0.
        points: u32,
    }
);

/// What points that are held wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldFor {
    /// A shop's capture.
    Shop(PlaceId),
    /// The use of a voucher.
    Reward {
        /// The version of the catalogue whose terms hold.
        catalogue: u32,
        /// The item's number.
        item: u32,
        /// Hash of the secret that the voucher shows.
        code: Hash,
    },
}

impl Wire for HeldFor {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Shop(shop) => {
                writer.array(2);
                writer.uint(1);
                shop.write(writer);
            }
            Self::Reward { catalogue, item, code } => {
                writer.array(4);
                writer.uint(2);
                catalogue.write(writer);
                item.write(writer);
                code.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let items = reader.array()?;
        match (reader.uint()?, items) {
            (1, 2) => Wire::read(reader).map(Self::Shop),
            (2, 4) => {
                let (catalogue, item) = (Wire::read(reader)?, Wire::read(reader)?);
                Ok(Self::Reward { catalogue, item, code: Wire::read(reader)? })
            }
            _ => Err(CborError::OutOfRange("hold")),
        }
    }
}

wire_array!(
    /// Points that wait for a shop's capture, or for the use of a voucher.
    Hold {
        /// Its entry.
        seq: Seq,
        /// What they wait for.
        held_for: HeldFor,
        /// Unix seconds; from then on it can only be released.
        until_s: u64,
        /// What is held, in the order in which it was taken.
        lots: Vec<Lot>,
    }
);

impl Hold {
    /// The points held.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.lots.iter().map(|lot| u64::from(lot.points)).sum()
    }
}

wire_array!(
    /// What a counter counts: the points granted under a cap in one period, or those spent in a
    /// day.
    #[derive(Copy, PartialOrd, Ord)]
    Counter {
        /// What the cap is over; `None` counts spending.
        of: Option<CapOf>,
        /// The rule of a rule's cap, otherwise 0.
        rule: u32,
        /// The class of a class cap.
        class: Option<ActionClass>,
        /// The purse.
        purse: Purse,
        /// The length of the period.
        per: CapPer,
        /// The first day of the period.
        start: Day,
    }
);

/// What the counters know of an action. Class and purse are those that its rule had on its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionKey {
    /// The number of its rule.
    pub rule: u32,
    /// The class of its rule.
    pub class: ActionClass,
    /// The purse of its rule.
    pub purse: Purse,
    /// Its own day.
    pub day: Day,
}

impl ActionKey {
    /// An action of a rule on a day.
    #[must_use]
    pub fn of(rule: &Rule, day: Day) -> Self {
        Self { rule: rule.rule, class: rule.class, purse: rule.purse, day }
    }
}

impl Counter {
    /// The counter of a cap for an action.
    #[must_use]
    pub fn of_action(of: CapOf, per: CapPer, action: ActionKey) -> Self {
        let ActionKey { rule, class, purse, day } = action;
        let start = match per {
            CapPer::Day => day,
            CapPer::Week => day.week_start(),
            CapPer::Month => day.month_start(),
            CapPer::FiscalYear => day.fiscal_year_start(),
        };
        let (rule, class) = match of {
            CapOf::Rule | CapOf::Days | CapOf::Item => (rule, None),
            CapOf::Class => (0, Some(class)),
            CapOf::All => (0, None),
        };
        Self { of: Some(of), rule, class, purse, per, start }
    }

    /// The counter of what an account spends on a day.
    #[must_use]
    pub fn of_spending(day: Day) -> Self {
        Self { of: None, rule: 0, class: None, purse: Purse::Yen, per: CapPer::Day, start: day }
    }

    /// The counter of how often an account claimed an item in the fiscal year of a day.
    #[must_use]
    pub fn of_claims(item: u32, day: Day) -> Self {
        let (of, per, start) = (Some(CapOf::Item), CapPer::FiscalYear, day.fiscal_year_start());
        Self { of, rule: item, class: None, purse: Purse::Yen, per, start }
    }

    /// The last day of the period.
    #[must_use]
    pub fn end(&self) -> Day {
        match self.per {
            CapPer::Day => self.start,
            CapPer::Week => self.start.plus(6),
            CapPer::Month => self.start.plus(31).month_start().minus(1),
            CapPer::FiscalYear => Day::fiscal_year_first(self.start.fiscal_year() + 1).minus(1),
        }
    }
}

wire_array!(
    /// A counter's points.
    #[derive(Copy)]
    Charge {
        /// The counter.
        counter: Counter,
        /// Its points.
        points: u32,
    }
);

wire_array!(
    /// An action that counted, for rules that look back.
    #[derive(Copy)]
    Recent {
        /// Its rule.
        rule: u32,
        /// Its own day.
        day: Day,
        /// Its entry.
        seq: Seq,
    }
);

wire_array!(
    /// A link by which the rules know an account: its employer's, or for the exchange of what ends.
    #[derive(Copy)]
    AccountLink {
        /// The link.
        link: LinkId,
        /// Its last day.
        until: Day,
    }
);

wire_array!(
    /// A resident's account.
    Account {
        /// Entries so far; the next one's own count.
        entries: u32,
        /// The last of them.
        last: Option<Seq>,
        /// What the rules know of the person.
        facts: Option<Facts>,
        /// Its standing; `None` is active.
        standing: Option<Standing>,
        /// Its end, if it has ended.
        closing: Option<Closing>,
        /// Open lots, ordered by key.
        lots: Vec<Lot>,
        /// Open holds, oldest first; their points are in no lot.
        holds: Vec<Hold>,
        /// Counters of periods that can still be charged, ordered.
        charges: Vec<Charge>,
        /// Actions that later decisions ask for, in log order.
        recent: Vec<Recent>,
        /// The employer's link and its last day.
        employer: Option<AccountLink>,
        /// The link by which the ledger gives away what ends, and its last day.
        auto_exchange: Option<AccountLink>,
        /// The day on which it was opened.
        opened_on: Day,
        /// The last day with an entry.
        active_on: Day,
        /// The last day with a grant in the yen purse.
        earned_on: Day,
        /// The last day with a redemption.
        spent_on: Day,
    }
);

impl Account {
    /// An account without history.
    #[must_use]
    pub fn opened(opened_on: Day) -> Self {
        Self {
            entries: 0,
            last: None,
            facts: None,
            standing: None,
            closing: None,
            lots: Vec::new(),
            holds: Vec::new(),
            charges: Vec::new(),
            recent: Vec::new(),
            employer: None,
            auto_exchange: None,
            opened_on,
            active_on: Day(0),
            earned_on: Day(0),
            spent_on: Day(0),
        }
    }

    /// Points of a purse that can be spent on a day. An expired lot counts no more from midnight
    /// on, whether or not an entry has recorded it.
    #[must_use]
    pub fn available(&self, purse: Purse, today: Day) -> u64 {
        self.lots
            .iter()
            .filter(|lot| lot.key.purse == purse && lot.key.expires_on >= today)
            .map(|lot| u64::from(lot.points))
            .sum()
    }

    /// The points of the yen purse whose last day this is, in whole units of so many and as far as
    /// one claim goes: what the ledger gives away for a resident who has asked for it.
    #[must_use]
    pub fn ending(&self, unit: u32, today: Day) -> u32 {
        let ends = |lot: &&Lot| lot.key.purse == Purse::Yen && lot.key.expires_on == today;
        let points = self.lots.iter().filter(ends).map(|lot| lot.points);
        let most = points.fold(0, u32::saturating_add).min(POINTS_MAX);
        most - most.checked_rem(unit).unwrap_or(most)
    }

    /// What the account's standing says of a day: `None` while the person takes part.
    #[must_use]
    pub fn standing_on(&self, day: Day) -> Option<Status> {
        self.standing.filter(|standing| standing.since <= day).map(|standing| standing.status)
    }

    /// Adds to a counter; `None` if it would fall below zero.
    #[must_use]
    pub(crate) fn charge(&mut self, counter: Counter, points: i64) -> Option<()> {
        let at = self.charges.binary_search_by(|charge| charge.counter.cmp(&counter));
        let before = at.ok().and_then(|at| self.charges.get(at)).map_or(0, |charge| charge.points);
        let points = u32::try_from(i64::from(before).checked_add(points)?).ok()?;
        let charged = Charge { counter, points };
        match at {
            Ok(at) => self.charges.get_mut(at).into_iter().for_each(|row| *row = charged),
            Err(at) => self.charges.insert(at, charged),
        }
        Some(())
    }

    /// Adds to a lot; `None` if it would fall below zero.
    #[must_use]
    pub(crate) fn move_lot(&mut self, key: LotKey, points: i64) -> Option<()> {
        let at = self.lots.binary_search_by(|lot| lot.key.cmp(&key));
        let held = at.ok().and_then(|at| self.lots.get(at)).map_or(0, |lot| lot.points);
        let left = u32::try_from(i64::from(held).checked_add(points)?).ok()?;
        match at {
            Ok(at) if left == 0 => {
                self.lots.remove(at);
            }
            Ok(at) => self.lots.get_mut(at).into_iter().for_each(|lot| lot.points = left),
            Err(_) if left == 0 => return None,
            Err(at) => self.lots.insert(at, Lot { key, points: left }),
        }
        Some(())
    }

    /// The open holds of shops.
    pub fn shop_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| matches!(hold.held_for, HeldFor::Shop(_)))
    }

    /// The open vouchers, each with the hash of its secret.
    pub fn vouchers(&self) -> impl Iterator<Item = (&Hold, Hash)> {
        self.holds.iter().filter_map(|hold| match hold.held_for {
            HeldFor::Reward { code, .. } => Some((hold, code)),
            HeldFor::Shop(_) => None,
        })
    }

    /// The points of all open holds of shops.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.shop_holds().map(Hold::points).sum()
    }

    /// Opens an empty hold or voucher; `None` where there are as many as there can be.
    #[must_use]
    pub(crate) fn open_hold(&mut self, seq: Seq, held_for: HeldFor, until_s: u64) -> Option<()> {
        let room = match held_for {
            HeldFor::Shop(_) => self.shop_holds().count() < HOLDS_MAX,
            HeldFor::Reward { .. } => self.vouchers().count() < VOUCHERS_MAX,
        };
        room.then(|| self.holds.push(Hold { seq, held_for, until_s, lots: Vec::new() }))
    }

    /// Binds an open voucher to another secret; `None` where there is no such.
    #[must_use]
    pub(crate) fn rebind(&mut self, claim: Seq, fresh: Hash) -> Option<()> {
        let hold = self.holds.iter_mut().find(|open| open.seq == claim)?;
        match &mut hold.held_for {
            HeldFor::Reward { code, .. } => *code = fresh,
            HeldFor::Shop(_) => return None,
        }
        Some(())
    }

    /// Ends a hold that keeps nothing; `None` where there is no such.
    #[must_use]
    pub(crate) fn end_hold(&mut self, hold: Seq) -> Option<()> {
        let at = self.holds.iter().position(|open| open.seq == hold && open.lots.is_empty())?;
        self.holds.remove(at);
        Some(())
    }

    /// What the lot gains, the hold loses; `None` if it would fall below zero.
    #[must_use]
    pub(crate) fn move_held(&mut self, hold: Seq, key: LotKey, points: i64) -> Option<()> {
        let lots = &mut self.holds.iter_mut().find(|open| open.seq == hold)?.lots;
        let at = lots.iter().position(|lot| lot.key == key);
        let held = at.and_then(|at| lots.get(at)).map_or(0, |lot| lot.points);
        let left = u32::try_from(i64::from(held).checked_sub(points)?).ok()?;
        match at.and_then(|at| lots.get_mut(at)) {
            Some(lot) => lot.points = left,
            None => lots.push(Lot { key, points: left }),
        }
        lots.retain(|lot| lot.points > 0);
        Some(())
    }

    /// The points under a counter.
    #[must_use]
    pub fn charged(&self, counter: &Counter) -> u32 {
        self.charges
            .binary_search_by(|charge| charge.counter.cmp(counter))
            .ok()
            .and_then(|at| self.charges.get(at))
            .map_or(0, |charge| charge.points)
    }

    /// The first gate of a programme that holds for this person and that no action has opened.
    #[must_use]
    pub fn closed_gate<'p>(&self, programme: &'p Programme, today: Day) -> Option<&'p Gate> {
        let facts = self.facts?;
        let tier = facts.age_tier(programme.age_on);
        let opened = |gate: &Gate| {
            let years = |day: Day| today.fiscal_year().saturating_sub(day.fiscal_year());
            let mut done = self.recent.iter().filter(|kept| kept.rule == gate.rule);
            done.any(|kept| years(kept.day) < gate.fiscal_years)
        };
        let holds = |gate: &&Gate| {
            let insured = gate.insurance.is_none_or(|insurance| insurance == facts.insurance);
            gate.ages.contains(&tier) && insured && !opened(gate)
        };
        programme.gates.iter().find(holds)
    }
}
