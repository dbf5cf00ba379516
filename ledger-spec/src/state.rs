//! What the rules read and entries change: a few tables, in memory, in order.
//!
//! [`State`] is the state of a ledger. [`Overlay`] is a batch's view of it: reads fall through to
//! the state, writes stay on top until the batch is durable and [`State::absorb`] takes them over.

mod account;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

mod hash;

use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::cbor::{self, Wire, wire_array};
use crate::entry::DayTotals;
use crate::ids::{AccountId, CardHash, Hash, Kid, LinkId, NaturalKey, PersonId, PlaceId, Seq};
use crate::kinds::{Body, Code, Kind, Name, Purpose, Role};
use crate::points::{Fund, LotKey};
use crate::programme::Programme;
use crate::shops::{Settlement, Shop};
use crate::time::Day;
use hash::TableHasher;

pub use self::account::{
    Account, AccountLink, ActionKey, Aged, Charge, Closing, Counter, Facts, HOLDS_MAX, HeldFor,
    Hold, LOTS_MAX, Lot, Recent, Standing, VOUCHERS_MAX,
};

/// Who signs with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A key of the city, a place or a service.
    Actor(Actor),
    /// A resident's phone.
    Device(Device),
}

wire_array!(
    /// A registered key's holder.
    Actor {
        /// What it may sign.
        role: Role,
        /// The person.
        person: PersonId,
        /// Where it stands.
        place: Option<PlaceId>,
        /// Its public name.
        name: Name,
    }
);

wire_array!(
    /// An enrolled phone.
    #[derive(Copy)]
    Device {
        /// The account it speaks for.
        account: AccountId,
        /// The day of the enrolment.
        since: Day,
    }
);

/// A key; it never leaves the table, so that a retry of an accepted statement is answered even
/// after revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Ed25519 public key.
    pub public_key: [u8; 32],
    /// Who signs with it.
    pub signer: Signer,
    /// The entry that registered it.
    pub registered: Seq,
    /// The entry that ended it.
    pub revoked: Option<Seq>,
    /// The entry that suspended it.
    pub suspended: Option<Seq>,
}

impl Key {
    /// Whether it can sign: neither ended nor suspended.
    #[must_use]
    pub fn in_force(&self) -> bool {
        self.revoked.is_none() && self.suspended.is_none()
    }
}

impl Wire for Key {
    fn write(&self, writer: &mut cbor::Writer) {
        let (actor, device) = match &self.signer {
            Signer::Actor(actor) => (Some(actor.clone()), None),
            Signer::Device(device) => (None, Some(*device)),
        };
        writer.array(6);
        self.public_key.write(writer);
        actor.write(writer);
        device.write(writer);
        self.registered.write(writer);
        self.revoked.write(writer);
        self.suspended.write(writer);
    }

    fn read(reader: &mut cbor::Reader<'_>) -> Result<Self, cbor::CborError> {
        reader.array_of(6, "key")?;
        let public_key = Wire::read(reader)?;
        let signer = match (Wire::read(reader)?, Wire::read(reader)?) {
            (Some(actor), None) => Signer::Actor(actor),
            (None, Some(device)) => Signer::Device(device),
            _ => return Err(cbor::CborError::Expected("actor or device")),
        };
        let registered = Wire::read(reader)?;
        let (revoked, suspended) = (Wire::read(reader)?, Wire::read(reader)?);
        Ok(Self { public_key, signer, registered, revoked, suspended })
    }
}

wire_array!(
    /// What was given back of a sale.
    #[derive(Copy)]
    Refunded {
        /// Points, in all.
        points: u32,
        /// The last refund.
        last: Seq,
    }
);

wire_array!(
    /// A paper card.
    #[derive(Copy)]
    Card {
        /// The account.
        account: AccountId,
        /// The day of its issue.
        issued_on: Day,
        /// Its PIN, if it has one.
        pin: Option<PinInForce>,
        /// Whether it is ended.
        revoked: bool,
        /// The entry that suspended it.
        suspended: Option<Seq>,
    }
);

wire_array!(
    /// The PIN of a card, which the server's registry holds under the hash of the statement that
    /// set it.
    #[derive(Copy)]
    PinInForce {
        /// Hash of that statement.
        set_by: Hash,
        /// The first day on which it proves anything.
        counts_from: Day,
    }
);

wire_array!(
    /// Points of one day.
    #[derive(Copy)]
    DayPoints {
        /// The day.
        day: Day,
        /// The points.
        points: u64,
    }
);

impl DayPoints {
    /// The points of a day.
    #[must_use]
    pub fn on(row: Option<&Self>, day: Day) -> u64 {
        row.filter(|row| row.day == day).map_or(0, |row| row.points)
    }
}

wire_array!(
    /// What a resident lets a partner do.
    #[derive(Copy)]
    LinkRow {
        /// The account.
        account: AccountId,
        /// What is allowed.
        purpose: Purpose,
        /// The last day.
        until: Day,
        /// The partner's key.
        partner: Kid,
        /// The entry that ended it.
        revoked: Option<Seq>,
    }
);

wire_array!(
    /// A one-time code.
    #[derive(Copy)]
    EnrolCode {
        /// The account.
        account: AccountId,
        /// Unix minutes; void from then on.
        until_min: u64,
        /// Whether it has been used.
        used: bool,
    }
);

wire_array!(
    /// A fund's budget of a fiscal year.
    #[derive(Copy)]
    Budget {
        /// Points allocated.
        allocated: u64,
        /// Points granted from it.
        granted: u64,
    }
);

wire_array!(
    /// What may be brought from another system, of one fund.
    #[derive(Copy)]
    Opening {
        /// Points allocated.
        allocated: u64,
        /// Points brought.
        brought: u64,
        /// The last day on which they can be.
        until: Day,
    }
);

impl Budget {
    /// Nothing allocated.
    pub const EMPTY: Self = Self { allocated: 0, granted: 0 };
}

/// A proposal that waits for another person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The body of its statement.
    pub body: Arc<Body>,
    /// SHA-256 over its statement.
    pub statement_hash: Hash,
    /// The key that proposed.
    pub kid: Kid,
    /// Who proposed.
    pub person: PersonId,
    /// Unix minutes; it lapses then.
    pub until_min: u64,
    /// Whether it has taken effect.
    pub done: bool,
}

impl Wire for Proposal {
    fn write(&self, writer: &mut cbor::Writer) {
        self.body.kind().write(writer);
        self.body.write(writer);
        self.statement_hash.write(writer);
        self.kid.write(writer);
        self.person.write(writer);
        self.until_min.write(writer);
        self.done.write(writer);
    }

    fn read(reader: &mut cbor::Reader<'_>) -> Result<Self, cbor::CborError> {
        let kind = Wire::read(reader)?;
        let body = Arc::new(Body::read(kind, reader)?);
        let (statement_hash, kid, person) =
            (Wire::read(reader)?, Wire::read(reader)?, Wire::read(reader)?);
        let (until_min, done) = (Wire::read(reader)?, Wire::read(reader)?);
        Ok(Self { body, statement_hash, kid, person, until_min, done })
    }
}

impl Wire for Arc<Programme> {
    fn write(&self, writer: &mut cbor::Writer) {
        // A programme is plain data, which always has a JSON form.
        writer.text(&serde_json::to_string(&**self).unwrap_or_default());
    }

    fn read(reader: &mut cbor::Reader<'_>) -> Result<Self, cbor::CborError> {
        let programme = Programme::parse(reader.text()?);
        programme.map(Self::new).map_err(|_| cbor::CborError::Expected("programme"))
    }
}

/// Hashes proposals: each one's body is in its statement.
fn without_bodies(proposals: &BTreeMap<Seq, Proposal>, tables: &mut TableHasher) {
    for (seq, proposal) in proposals {
        tables.row(|writer| {
            seq.write(writer);
            proposal.statement_hash.write(writer);
            proposal.kid.write(writer);
            proposal.person.write(writer);
            proposal.until_min.write(writer);
            proposal.done.write(writer);
        });
    }
}

/// Hashes documents, which name their version, as JSON.
fn documents<T: Serialize>(versions: &BTreeMap<u32, Arc<T>>, tables: &mut TableHasher) {
    for document in versions.values() {
        tables.bytes(&serde_json::to_vec(&**document).unwrap_or_default());
    }
}

/// The tables, with the function that hashes one whose rows do not stand in the hash as key and
/// value.
macro_rules! tables {
    (@hash $tables:ident, $rows:expr) => { $tables.pairs(&$rows) };
    (@hash $tables:ident, $rows:expr, $hashed:ident) => { $hashed(&$rows, &mut $tables) };
    ($($(#[$doc:meta])* $field:ident: $key:ty => $row:ty $(as $hashed:ident)?),+ $(,)?) => {
        /// The state of a ledger, or what a batch changes of it.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct State {
            $($(#[$doc])* pub $field: BTreeMap<$key, $row>,)+
            /// Entries so far: the next entry's seq.
            pub size: u64,
            /// Unix minutes of the last entry, as recorded.
            pub last_min: u64,
        }

        impl State {
            /// Takes over what a batch changed.
            pub fn absorb(&mut self, changed: Self) {
                $(self.$field.extend(changed.$field);)+
                self.size = changed.size;
                self.last_min = changed.last_min;
                self.days.retain(|_, totals| totals.is_some());
                // A token past its end is refused for that; its number need not be remembered.
                let now_s = self.last_min * 60;
                while let Some(token) = self.nonces.first_entry()
                    && token.key().0 < now_s
                {
                    token.remove();
                }
            }

            /// SHA-256 over every row of every table in key order, each as CBOR.
            #[must_use]
            pub fn state_hash(&self) -> Hash {
                let mut tables = TableHasher::default();
                $(
                    tables.name(stringify!($field));
                    tables!(@hash tables, self.$field $(, $hashed)?);
                )+
                tables.name("size");
                tables.row(|writer| (self.size, self.last_min).write(writer));
                tables.finish()
            }
        }

        /// The whole state, for a copy that a replay can go on from.
        impl Wire for State {
            fn write(&self, writer: &mut cbor::Writer) {
                $(
                    writer.uint(self.$field.len() as u64);
                    for (key, row) in &self.$field {
                        key.write(writer);
                        row.write(writer);
                    }
                )+
                self.size.write(writer);
                self.last_min.write(writer);
            }

            fn read(reader: &mut cbor::Reader<'_>) -> Result<Self, cbor::CborError> {
                let read = Self {
                    $($field: (0..reader.uint()?)
                        .map(|_| Ok((Wire::read(reader)?, Wire::read(reader)?)))
                        .collect::<Result<_, cbor::CborError>>()?,)+
                    size: Wire::read(reader)?,
                    last_min: Wire::read(reader)?,
                };
                Ok(read)
            }
        }

        impl Overlay<'_> {
            $($(#[$doc])* #[must_use] pub fn $field(&self, key: &$key) -> Option<&$row> {
                self.top.$field.get(key).or_else(|| self.base.$field.get(key))
            })+
        }
    };
}

tables! {
    /// Keys by id.
    keys: Kid => Key,
    /// Public names of shops and stations, set by the first key that stands there.
    places: PlaceId => Place,
    /// Accounts.
    accounts: AccountId => Account,
    /// Cards by hash.
    cards: CardHash => Card,
    /// One-time codes by hash.
    codes: Hash => EnrolCode,
    /// Links by number.
    links: LinkId => LinkRow,
    /// Real-world acts.
    acts: NaturalKey => Seq,
    /// What cards took without a PIN on the last such day.
    card_days: CardHash => DayPoints,
    /// The same of terminals.
    terminal_days: Kid => DayPoints,
    /// Spent tokens, by end and random number.
    nonces: (u64, [u8; 16]) => (),
    /// Budgets by fund and fiscal year.
    budgets: (Fund, u32) => Budget,
    /// What shops took in, and how far it is settled.
    shops: PlaceId => Shop,
    /// The bank accounts on which shops are paid, as hashes.
    shop_accounts: PlaceId => Hash,
    /// Settlements by seq.
    settlements: Seq => Settlement,
    /// Points that have expired on record, by fund.
    expired: Fund => u64,
    /// Opening points from other systems, by fund.
    imported: Fund => u64,
    /// What may be brought from another system, by its name and fund.
    openings: (Code, Fund) => Opening,
    /// Lots brought, by account, system and lot, with the entry that did it.
    brought: (AccountId, (Code, LotKey)) => Seq,
    /// Points given up for rewards, by fund.
    retired: Fund => u64,
    /// Catalogues by version.
    catalogues: u32 => Arc<Catalogue> as documents,
    /// How many of an item are claimed and not returned, by its number.
    claimed: u32 => u32,
    /// Perk cards by claim.
    perk_cards: Seq => PerkCard,
    /// Entries in draws, by item and claim, with the hash of each one's secret.
    entrants: (u32, Seq) => Hash,
    /// Draws by item.
    draws: u32 => Draw,
    /// Entries undone, holds and rewards ended, with the entry that did it.
    undone: Seq => Seq,
    /// Sales of which points went back.
    refunded: Seq => Refunded,
    /// Manifests by seq.
    manifests: Seq => ManifestState,
    /// Proposals by seq.
    proposals: Seq => Proposal as without_bodies,
    /// Programmes by version.
    programmes: u32 => Arc<Programme> as documents,
    /// Totals of days that have entries and are not closed; `None` in a layer hides a row that it
    /// closes.
    days: Day => Option<DayTotals>,
    /// Closed days, with the entry that closed each.
    closed: Day => Seq,
}

impl Wire for Arc<Catalogue> {
    fn write(&self, writer: &mut cbor::Writer) {
        // A catalogue is plain data, which always has a JSON form.
        writer.text(&serde_json::to_string(&**self).unwrap_or_default());
    }

    fn read(reader: &mut cbor::Reader<'_>) -> Result<Self, cbor::CborError> {
        let catalogue = Catalogue::parse(reader.text()?);
        catalogue.map(Self::new).map_err(|_| cbor::CborError::Expected("catalogue"))
    }
}

wire_array!(
    /// A perk card.
    #[derive(Copy)]
    PerkCard {
        /// Whose it is.
        account: AccountId,
        /// Its last day.
        until: Day,
        /// The entry that ended it.
        revoked: Option<Seq>,
    }
);

wire_array!(
    /// A draw whose entrants are fixed.
    Draw {
        /// The entry that fixed them.
        commit: Seq,
        /// How many win.
        prizes: u32,
        /// The beacon's round.
        round: u64,
        /// The claims that won, once it is held.
        winners: Option<Vec<Seq>>,
        /// The entry that held it.
        result: Option<Seq>,
    }
);

wire_array!(
    /// What a manifest still vouches for.
    #[derive(Copy)]
    ManifestState {
        /// Who signed it.
        kid: Kid,
        /// Kind of its rows.
        kind: Kind,
        /// Their number.
        count: u32,
        /// The entry with its result; from then on no row is taken.
        done: Option<Seq>,
    }
);

wire_array!(
    /// A shop or a station.
    Place {
        /// What kind of place.
        role: Role,
        /// Its public name.
        name: Name,
    }
);

/// A batch's view of the state.
pub struct Overlay<'a> {
    base: &'a State,
    top: State,
}

impl<'a> Overlay<'a> {
    /// An empty layer over the state.
    #[must_use]
    pub fn over(base: &'a State) -> Self {
        let top = State { size: base.size, last_min: base.last_min, ..State::default() };
        Self { base, top }
    }

    /// What changed, for [`State::absorb`].
    #[must_use]
    pub fn into_changes(self) -> State {
        self.top
    }

    /// The entry that holds a real-world act; once it is withdrawn, the act can be recorded again.
    #[must_use]
    pub fn act_taken(&self, key: &NaturalKey) -> Option<Seq> {
        self.acts(key).copied().filter(|seq| self.undone(seq).is_none())
    }

    /// The next entry's seq.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        Seq(self.top.size)
    }

    /// The layer that takes changes.
    pub(crate) fn top(&mut self) -> &mut State {
        &mut self.top
    }

    /// The programme that rules for a day: the highest version that covers it.
    #[must_use]
    pub fn programme_for(&self, day: Day) -> Option<&Arc<Programme>> {
        let covering = |tables: &'a State| {
            tables.programmes.values().rev().find(|programme| programme.covers(day))
        };
        self.top
            .programmes
            .values()
            .rev()
            .find(|programme| programme.covers(day))
            .or_else(|| covering(self.base))
    }

    /// The highest programme version, 0 before the first.
    #[must_use]
    pub fn programme_version(&self) -> u32 {
        let last = |tables: &State| tables.programmes.last_key_value().map_or(0, |(v, _)| *v);
        last(&self.top).max(last(self.base))
    }

    /// The catalogue in force: the latest version.
    #[must_use]
    pub fn catalogue(&self) -> Option<&Catalogue> {
        let latest = |tables: &'a State| tables.catalogues.last_key_value();
        let newest = self.top.catalogues.last_key_value().or_else(|| latest(self.base));
        newest.map(|(_, catalogue)| &**catalogue)
    }

    /// The entries in the draw of an item, in order of the log.
    #[must_use]
    pub fn entrants_of(&self, item: u32) -> Vec<(Seq, Hash)> {
        let of_item = (item, Seq(0))..=(item, Seq(u64::MAX));
        let layers = [&self.base.entrants, &self.top.entrants];
        let entrants = layers.into_iter().flat_map(|rows| rows.range(of_item.clone()));
        entrants.map(|((_, seq), code)| (*seq, *code)).collect()
    }

    /// The most late days of any programme.
    #[must_use]
    pub(crate) fn late_days_max(&self) -> u32 {
        let programmes = self.base.programmes.values().chain(self.top.programmes.values());
        programmes.map(|programme| programme.late_days).max().unwrap_or(0)
    }

    /// The first day before `today` that has entries and is not closed.
    #[must_use]
    pub fn open_day_before(&self, today: Day) -> Option<Day> {
        let layers = [&self.base.days, &self.top.days];
        let mut days = layers.into_iter().flat_map(|days| days.range(..today).map(|(day, _)| *day));
        days.find(|day| matches!(self.days(day), Some(Some(_))))
    }

    /// Whether a person holds a key. Reads every key: for the first two entries only.
    #[must_use]
    pub(crate) fn keys_of_person(&self, person: PersonId) -> bool {
        let mut keys = self.base.keys.values().chain(self.top.keys.values());
        keys.any(|key| matches!(&key.signer, Signer::Actor(actor) if actor.person == person))
    }

    /// What lets an account's person in: its phones, cards and links that have not ended. Reads
    /// every key, card and link: for the few entries that erase an account.
    #[must_use]
    pub(crate) fn access_of(&self, account: AccountId) -> (Vec<Kid>, Vec<CardHash>, Vec<LinkId>) {
        let [base, top] = [self.base, &self.top];
        let is_own = |key: &Key| match &key.signer {
            Signer::Device(device) => device.account == account,
            Signer::Actor(_) => false,
        };
        let keys = base.keys.iter().chain(&top.keys).filter(|(_, key)| is_own(key));
        let keys: BTreeSet<Kid> = keys.map(|(kid, _)| *kid).collect();
        let cards = base.cards.iter().chain(&top.cards).filter(|(_, row)| row.account == account);
        let cards: BTreeSet<CardHash> = cards.map(|(card, _)| *card).collect();
        let links = base.links.iter().chain(&top.links).filter(|(_, row)| row.account == account);
        let links: BTreeSet<LinkId> = links.map(|(link, _)| *link).collect();
        let key = |kid: &Kid| self.keys(kid).is_some_and(|key| key.revoked.is_none());
        let card = |card: &CardHash| self.cards(card).is_some_and(|row| !row.revoked);
        let link = |link: &LinkId| self.links(link).is_some_and(|row| row.revoked.is_none());
        let keys = keys.into_iter().filter(key).collect();
        let cards = cards.into_iter().filter(card).collect();
        (keys, cards, links.into_iter().filter(link).collect())
    }

    /// SHA-256 over every table, so that two replays can be compared day by day.
    #[must_use]
    pub fn state_hash(&self) -> Hash {
        if self.top.size == self.base.size {
            return self.base.state_hash();
        }
        let mut whole = self.base.clone();
        whole.absorb(self.top.clone());
        whole.state_hash()
    }
}
