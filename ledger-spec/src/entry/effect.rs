//! Effects: what an entry changes, one by one. State changes by these alone.

use alloc::vec::Vec;

use crate::caps::{ActionClass, CapOf, CapPer, Channel};
use crate::cbor::{Blob, CborError, Reader, Wire, Writer, wire_array};
use crate::ids::{CardHash, DayKid, Hash, Kid, LinkId, NaturalKey, PersonId, PlaceId, Seq};
use crate::kinds::{
    AgeTier, Code, Document, Insurance, Kind, Name, Purpose, Role, SettlementClose, Status,
};
use crate::points::{Fund, LotKey, Purse};
use crate::time::Day;

/// Why an action was granted what it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rule's points.
    Full,
    /// A cap left less room, or none.
    Cap(CapOf, CapPer),
    /// The fund's budget left less room, or none.
    Budget,
    /// 64 lots are open and this would be another.
    Lots,
    /// The person does not take part on that day.
    NotEligible,
    /// The rule counts once in so many days; again from this one on.
    TooSoon(Day),
    /// No goal was reached.
    BelowGoal,
    /// The season is over.
    Season,
    /// A value that staff look at before it is worth anything.
    Review,
    /// This exact action has counted as often as it can in the period.
    Times(CapPer),
    /// The account's standing on that day.
    Standing(Status),
}

impl Reason {
    /// Whether the action counts where others ask for it: towards days, an improvement, a gate. It
    /// does although a cap or the budget left it no points.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Self::Full | Self::Cap(..) | Self::Budget | Self::Lots => true,
            Self::NotEligible
            | Self::TooSoon(_)
            | Self::BelowGoal
            | Self::Season
            | Self::Review
            | Self::Times(_)
            | Self::Standing(_) => false,
        }
    }
}

wire_array!(
    /// What a cap leaves after a grant.
    #[derive(Copy)]
    Room {
        /// What the cap is over.
        of: CapOf,
        /// Its period.
        per: CapPer,
        /// Points left.
        points: u32,
    }
);

impl Wire for Reason {
    fn write(&self, writer: &mut Writer) {
        let code = match self {
            Self::Full => 0,
            Self::Cap(of, per) => {
                writer.array(3);
                writer.uint(1);
                of.write(writer);
                return per.write(writer);
            }
            Self::Budget => 2,
            Self::Lots => 3,
            Self::NotEligible => 4,
            Self::TooSoon(next) => {
                writer.array(2);
                writer.uint(5);
                return next.write(writer);
            }
            Self::BelowGoal => 6,
            Self::Season => 7,
            Self::Review => 8,
            Self::Times(per) => {
                writer.array(2);
                writer.uint(9);
                return per.write(writer);
            }
            Self::Standing(status) => {
                writer.array(2);
                writer.uint(10);
                return status.write(writer);
            }
        };
        writer.array(1);
        writer.uint(code);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let items = reader.array()?;
        match (reader.uint()?, items) {
            (0, 1) => Ok(Self::Full),
            (1, 3) => Ok(Self::Cap(Wire::read(reader)?, Wire::read(reader)?)),
            (2, 1) => Ok(Self::Budget),
            (3, 1) => Ok(Self::Lots),
            (4, 1) => Ok(Self::NotEligible),
            (5, 2) => Wire::read(reader).map(Self::TooSoon),
            (6, 1) => Ok(Self::BelowGoal),
            (7, 1) => Ok(Self::Season),
            (8, 1) => Ok(Self::Review),
            (9, 2) => Wire::read(reader).map(Self::Times),
            (10, 2) => Wire::read(reader).map(Self::Standing),
            _ => Err(CborError::OutOfRange("reason")),
        }
    }
}

/// The other side of a posting: what the lot gains, this loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contra {
    /// The budget of the lot's fund in a fiscal year.
    Budget(u32),
    /// What is due to a shop.
    Shop(PlaceId),
    /// The source of the challenge purse, which costs nobody money.
    Challenge,
    /// Points that a hold or a voucher, named by its entry, keeps for a shop.
    Held(Seq),
    /// Points given up for something that nobody is paid for.
    Retired,
    /// Points that have expired.
    Expired,
    /// Opening points from another system.
    Imported,
}

impl Wire for Contra {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Budget(fiscal_year) => {
                writer.array(2);
                writer.uint(1);
                fiscal_year.write(writer);
            }
            Self::Shop(place) => {
                writer.array(2);
                writer.uint(2);
                place.write(writer);
            }
            Self::Challenge => {
                writer.array(1);
                writer.uint(3);
            }
            Self::Held(hold) => {
                writer.array(2);
                writer.uint(4);
                hold.write(writer);
            }
            Self::Retired => {
                writer.array(1);
                writer.uint(5);
            }
            Self::Expired => {
                writer.array(1);
                writer.uint(6);
            }
            Self::Imported => {
                writer.array(1);
                writer.uint(7);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let items = reader.array()?;
        match (reader.uint()?, items) {
            (1, 2) => Wire::read(reader).map(Self::Budget),
            (2, 2) => Wire::read(reader).map(Self::Shop),
            (3, 1) => Ok(Self::Challenge),
            (4, 2) => Wire::read(reader).map(Self::Held),
            (5, 1) => Ok(Self::Retired),
            (6, 1) => Ok(Self::Expired),
            (7, 1) => Ok(Self::Imported),
            _ => Err(CborError::OutOfRange("contra")),
        }
    }
}

wire_array!(
    /// A day's totals.
    #[derive(Copy, Default)]
    DayTotals {
        /// Entries.
        entries: u32,
        /// Accounts with an entry.
        accounts: u32,
        /// Accounts with a grant in the yen purse.
        earners: u32,
        /// Accounts with a redemption.
        spenders: u32,
        /// Points granted in the yen purse.
        granted: u64,
        /// Points redeemed, less voids.
        redeemed: u64,
        /// Points refunded, of this day's sales and earlier ones.
        refunded: u64,
    }
);

/// The effects: code, name, and whether each is of an account, the entry's subject, or of the
/// ledger as a whole.
macro_rules! effects {
    (@ account) => { true };
    (@ ledger) => { false };
    ($($(#[$meta:meta])* $code:literal $name:ident of $subject:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty),* }),+ $(,)?) => {
        /// One change that an entry makes. State changes by these alone.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Effect { $($(#[$meta])* $name { $($(#[$field_meta])* $field: $ty),* }),+ }

        impl Effect {
            /// Whether it says nothing without a subject account.
            #[must_use]
            pub fn needs_account(&self) -> bool {
                match self { $(Self::$name { .. } => effects!(@ $subject)),+ }
            }
        }

        impl Wire for Effect {
            fn write(&self, writer: &mut Writer) {
                match self {
                    $(Self::$name { $($field),* } => {
                        writer.array(1 + <[&str]>::len(&[$(stringify!($field)),*]) as u64);
                        writer.uint($code);
                        $($field.write(writer);)*
                    })+
                }
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                let items = reader.array()?;
                match reader.uint()? {
                    $($code if items == 1 + <[&str]>::len(&[$(stringify!($field)),*]) => {
                        Ok(Self::$name { $($field: Wire::read(reader)?),* })
                    })+
                    _ => Err(CborError::OutOfRange("effect")),
                }
            }
        }
    };
}

effects! {
    /// Points move between a lot of the entry's account and a contra account.
    1 Posting of account {
        /// The lot.
        lot: LotKey,
        /// What the lot gains, negative when it is spent.
        points: i64,
        /// What loses the same.
        contra: Contra
    },
    /// An action was judged; its counters take what was granted.
    2 ActionJudged of account {
        /// The programme's rule.
        rule: u32,
        /// The rule's class.
        class: ActionClass,
        /// The rule's purse.
        purse: Purse,
        /// The action's own day.
        day: Day,
        /// Points granted, 0 included.
        granted: u32,
        /// Why so many.
        reason: Reason,
        /// The tightest cap that leaves room, for "once more today"; none where something bound,
        /// and for a rule that counts once in some days.
        room: Option<Room>,
        /// How the resident took part.
        channel: Channel
    },
    /// The real-world act is taken.
    3 ActTaken of account {
        /// Its keyed hash.
        key: NaturalKey
    },
    /// A pay token is spent. With the ledger and the place of who took it, its signed bytes can be
    /// made again, so that the resident's consent is checked for as long as the log is.
    4 TokenSpent of account {
        /// The token's random number.
        nonce: [u8; 16],
        /// Its end; the number is remembered until then.
        exp_s: u64,
        /// The phone that signed it, by its name of the day.
        day_kid: DayKid,
        /// The most points that it gave.
        max_points: u32,
        /// Whether it named the shop.
        confirmed: bool,
        /// The phone's signature.
        signature: [u8; 64]
    },
    /// The account's unexpired points after the entry.
    5 Balance of account {
        /// In the yen purse.
        yen: u64,
        /// In the challenge purse.
        challenge: u64
    },
    /// An earlier entry is undone in full.
    6 Undone of account {
        /// That entry.
        entry: Seq
    },
    /// A proposal waits for another person.
    7 Proposed of ledger {
        /// Unix minutes; it lapses then.
        until_min: u64
    },
    /// A proposal takes effect with this entry.
    8 Approved of ledger {
        /// The proposal.
        proposal: Seq
    },
    /// A version of the rules is in force.
    9 ProgrammeInForce of ledger {
        /// The version.
        version: u32,
        /// The document.
        document: Document
    },
    /// A fund has more to grant.
    10 BudgetAllocated of ledger {
        /// The fund.
        fund: Fund,
        /// The fiscal year.
        fiscal_year: u32,
        /// Points added.
        points: u32
    },
    /// A key may sign from here on.
    11 KeyRegistered of ledger {
        /// Ed25519 public key.
        public_key: [u8; 32],
        /// What it may sign.
        role: Role,
        /// Who holds it.
        person: PersonId,
        /// Where it stands.
        place: Option<PlaceId>,
        /// Its public name.
        name: Name
    },
    /// A key or a device's key ends.
    12 KeyRevoked of ledger {
        /// The key.
        kid: Kid
    },
    /// The entry's account exists from here on.
    13 AccountOpened of account {},
    /// What the rules know of the account's person.
    14 FactsSet of account {
        /// Age group.
        age_tier: AgeTier,
        /// The day on which the person is of that age.
        age_on: Day,
        /// Insurance class.
        insurance: Insurance,
        /// The first day on which the person takes part, if ever.
        eligible_from: Option<Day>,
        /// District number.
        district: u32
    },
    /// A phone speaks for the entry's account.
    15 DeviceEnrolled of account {
        /// Ed25519 public key.
        public_key: [u8; 32],
        /// The day; for a while a fresh device has a low limit.
        since: Day
    },
    /// A card, a one-time code or both are bound to the entry's account.
    16 CardIssued of account {
        /// The card.
        card: Option<CardHash>,
        /// Hash of the code.
        code: Option<Hash>,
        /// Unix minutes; the code's end, 0 without a code.
        until_min: u64
    },
    /// A card ends.
    17 CardRevoked of account {
        /// The card.
        card: CardHash
    },
    /// A one-time code is used up.
    18 CodeUsed of account {
        /// Its hash.
        code: Hash
    },
    /// A day is closed.
    19 DayClosed of ledger {
        /// The day.
        day: Day,
        /// Hash of the whole state before this entry.
        state: Hash,
        /// Its totals.
        totals: DayTotals
    },
    /// A manifest's rows may follow.
    20 ManifestOpened of ledger {
        /// Who signed it.
        kid: Kid,
        /// Kind of its rows.
        kind: Kind,
        /// Their number.
        rows: u32
    },
    /// A manifest has its result; no further row of it is taken.
    21 ManifestClosed of ledger {
        /// The manifest.
        manifest: Seq
    },
    /// A partner may do something for the entry's account.
    22 LinkGranted of account {
        /// What the partner knows the resident by.
        link: LinkId,
        /// What is allowed.
        purpose: Purpose,
        /// The last day.
        until: Day,
        /// The partner's key.
        partner: Kid
    },
    /// A link ends.
    23 LinkRevoked of account {
        /// The link.
        link: LinkId
    },
    /// The entry is a hold: the postings after this move points to it.
    24 HoldOpened of account {
        /// The shop that may capture.
        shop: PlaceId,
        /// Unix seconds; from then on it can only be released.
        until_s: u64
    },
    /// A hold has ended, by capture or release; its points have come back.
    25 HoldEnded of account {
        /// The hold.
        hold: Seq
    },
    /// Points of an earlier sale went back to the resident.
    26 Refunded of account {
        /// The redemption or capture.
        entry: Seq,
        /// The day of its acceptance.
        sold_on: Day,
        /// Points returned by this entry.
        points: u32
    },
    /// A card was taken on the clerk's word: its room and the terminal's for this day shrink by the
    /// points.
    27 CardWithoutPin of account {
        /// The card.
        card: CardHash,
        /// The terminal.
        terminal: Kid,
        /// Points.
        points: u32
    },
    /// A card was taken with its PIN; the proof is spent. With the ledger and the terminal that
    /// signed the entry, its signed bytes can be made again.
    28 PinProven of account {
        /// The card.
        card: CardHash,
        /// The proof's random number.
        nonce: [u8; 16],
        /// Its end; the number is remembered until then.
        exp_s: u64,
        /// The most points that it gave.
        max_points: u32,
        /// The key that signed it.
        kid: Kid,
        /// Its signature.
        signature: [u8; 64]
    },
    /// A shop's entries up to this one are settled.
    29 ShopSettled of ledger {
        /// Shop, month, range and sums.
        settlement: SettlementClose
    },
    /// A settlement is paid.
    30 SettlementPaid of ledger {
        /// The settlement.
        settlement: Seq,
        /// Day of the transfer.
        paid_on: Day
    },
    /// The account has another standing.
    31 StatusSet of account {
        /// The standing.
        status: Status,
        /// From this day on.
        since: Day
    },
    /// A judgement of an action is taken back: its counters lose what was granted.
    32 ActionWithdrawn of account {
        /// The programme's rule.
        rule: u32,
        /// The rule's class.
        class: ActionClass,
        /// The rule's purse.
        purse: Purse,
        /// The action's own day.
        day: Day,
        /// Points that had been granted.
        granted: u32,
        /// Whether it counted for other rules.
        counted: bool,
        /// How many of the points had left their lot already and stay with the resident.
        shortfall: u32
    },
    /// What is left of a lot can be spent for longer.
    33 LotExtended of account {
        /// The lot.
        lot: LotKey,
        /// Its last day from here on.
        until: Day
    },
    /// A version of the catalogue is in force.
    34 CatalogueInForce of ledger {
        /// The version.
        version: u32,
        /// The document.
        document: Document
    },
    /// An item was claimed. Of a voucher the postings after this move points to it.
    35 RewardClaimed of account {
        /// The version of the catalogue whose terms hold.
        catalogue: u32,
        /// The item's number.
        item: u32,
        /// Hash of the secret that the voucher shows, or that stands for the entry in a draw.
        code: Option<Hash>,
        /// The last day of a voucher or perk card.
        until: Option<Day>
    },
    /// A voucher or perk card has ended: used, cancelled or past its last day.
    36 RewardEnded of account {
        /// The claim.
        claim: Seq,
        /// The item's number.
        item: u32,
        /// The day of the claim.
        claimed_on: Day,
        /// Whether it counts as never claimed: stock and the person's number come back.
        returned: bool
    },
    /// The entrants of a draw are fixed.
    37 DrawCommitted of ledger {
        /// The item's number.
        item: u32,
        /// Root over the entrants.
        entrants: Hash,
        /// Their number.
        count: u32,
        /// How many win.
        prizes: u32,
        /// The beacon's round.
        round: u64
    },
    /// A draw has its winners.
    38 DrawConcluded of ledger {
        /// The entry that fixed the entrants.
        commit: Seq,
        /// The item's number.
        item: u32,
        /// The beacon's value.
        beacon: Blob<128>,
        /// The claims that won, in the order of the draw.
        winners: Vec<Seq>
    },
    /// Points may be brought from another system.
    39 OpeningAllocated of ledger {
        /// The system.
        source: Code,
        /// The fund that pays for them.
        fund: Fund,
        /// Points, added to what was there.
        points: u32,
        /// The last day.
        until: Day
    },
    /// The imported postings of this entry come out of a system's opening budgets.
    40 Brought of account {
        /// The system.
        source: Code
    },
    /// A card has this PIN from a day on.
    41 PinSet of account {
        /// The card.
        card: CardHash,
        /// Hash of the statement that set it, or proposed to.
        statement: Hash,
        /// The first day on which it proves anything.
        counts_from: Day
    },
    /// A voucher is bound to another secret.
    42 RewardRebound of account {
        /// The claim that issued it.
        claim: Seq,
        /// Hash of the secret that counts from here on.
        code: Hash
    },
    /// A card or a key is stopped, until it is resumed or ended.
    43 Suspended of ledger {
        /// The card.
        card: Option<CardHash>,
        /// Or the key.
        kid: Option<Kid>
    },
    /// A card or a key acts again.
    44 Resumed of ledger {
        /// The card.
        card: Option<CardHash>,
        /// Or the key.
        kid: Option<Kid>
    },
    /// A shop is paid on this bank account.
    45 ShopAccountSet of ledger {
        /// The shop.
        shop: PlaceId,
        /// [`crate::statement::bank_account_hash`]
        bank_account: Hash
    },
    /// The account has ended: its resident takes part no more.
    46 AccountClosed of account {},
    /// Its person is forgotten: the data key is destroyed once this is in the log.
    47 AccountErased of account {},
}
