//! Entries: a statement accepted into the log, with its effects. One entry is one leaf.

use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::cbor::{Blob, CborError, Reader, Text, Wire, Writer, wire_array, wire_code};
use crate::ids::{
    AccountId, CardHash, Hash, Kid, LedgerId, LinkId, NaturalKey, OpId, PersonId, PlaceId, Seq,
};
use crate::kinds::{
    AgeTier, Document, Insurance, Kind, Name, Purpose, Role, SettlementClose, Status,
};
use crate::points::{Fund, LotKey, Purse};
use crate::rows::DayTotals;
use crate::time::Day;

/// The accounting part's version.
pub const VERSION: u64 = 1;

wire_code!(
    /// What is public of a leaf.
    Class {
        /// A commitment only.
        Sealed = 1,
        /// A commitment and public JSON.
        Public = 2,
    }
);

wire_code!(
    /// Kind of an action, as far as caps go.
    ActionClass {
        /// Every day's actions.
        Habit = 1,
        /// Once-a-year actions, exempt from the caps of habits.
        Milestone = 2,
    }
);

wire_code!(
    /// What a cap counts.
    CapOf {
        /// One rule.
        Rule = 1,
        /// All rules of a class.
        Class = 2,
        /// All rules of a purse.
        All = 3,
        /// The days on which a rule was met: they bound nothing, other rules follow from them.
        Days = 4,
    }
);

wire_code!(
    /// The period of a cap, by the action's own day.
    CapPer {
        /// A day of Japan.
        Day = 1,
        /// A calendar month.
        Month = 2,
        /// April to March.
        FiscalYear = 3,
        /// Monday to Sunday.
        Week = 4,
    }
);

wire_code!(
    /// How a resident took part in an action: as much of it as figures on participation need.
    Channel {
        /// With a phone's code.
        Phone = 1,
        /// With a paper card, at a station or a session.
        Card = 2,
        /// With a paper card, at a kiosk.
        Kiosk = 3,
        /// Through staff or the registry, who know the account.
        Desk = 4,
    }
);

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
    /// Whether the action counts where others ask for it: towards days, an improvement, a gate. It does although a cap or
    /// the budget left it no points.
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
                writer.uint(20);
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
            (20, 2) => Wire::read(reader).map(Self::Standing),
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
            Self::Expired => {
                writer.array(1);
                writer.uint(10);
            }
            Self::Imported => {
                writer.array(1);
                writer.uint(11);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let items = reader.array()?;
        match (reader.uint()?, items) {
            (1, 2) => Wire::read(reader).map(Self::Budget),
            (2, 2) => Wire::read(reader).map(Self::Shop),
            (3, 1) => Ok(Self::Challenge),
            (10, 1) => Ok(Self::Expired),
            (11, 1) => Ok(Self::Imported),
            _ => Err(CborError::OutOfRange("contra")),
        }
    }
}

macro_rules! effects {
    ($($(#[$meta:meta])* $code:literal $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty),* }),+ $(,)?) => {
        /// One change that an entry makes. State changes by these alone.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Effect { $($(#[$meta])* $name { $($(#[$field_meta])* $field: $ty),* }),+ }

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
    1 Posting {
        /// The lot.
        lot: LotKey,
        /// What the lot gains, negative when it is spent.
        points: i64,
        /// What loses the same.
        contra: Contra
    },
    /// An action was judged; its counters take what was granted.
    2 ActionJudged {
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
        /// The tightest cap that leaves room, for "once more today"; none where something bound, and for a rule that counts once
        /// in some days.
        room: Option<Room>,
        /// How the resident took part.
        channel: Channel
    },
    /// The real-world act is taken.
    3 ActTaken {
        /// Its keyed hash.
        key: NaturalKey
    },
    /// A pay token is spent.
    4 TokenSpent {
        /// The token's random number.
        nonce: [u8; 16],
        /// Its end; the number is remembered until then.
        exp_s: u64
    },
    /// The account's unexpired points after the entry.
    5 Balance {
        /// In the yen purse.
        yen: u64,
        /// In the challenge purse.
        challenge: u64
    },
    /// An earlier entry is undone in full.
    6 Undone {
        /// That entry.
        entry: Seq
    },
    /// A proposal waits for another person.
    7 Proposed {
        /// Unix minutes; it lapses then.
        until_min: u64
    },
    /// A proposal takes effect with this entry.
    8 Approved {
        /// The proposal.
        proposal: Seq
    },
    /// A version of the rules is in force.
    9 ProgrammeInForce {
        /// The version.
        version: u32,
        /// The document.
        document: Document
    },
    /// A fund has more to grant.
    10 BudgetAllocated {
        /// The fund.
        fund: Fund,
        /// The fiscal year.
        fiscal_year: u32,
        /// Points added.
        points: u32
    },
    /// A key may sign from here on.
    11 KeyRegistered {
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
    12 KeyRevoked {
        /// The key.
        kid: Kid
    },
    /// The entry's account exists from here on.
    13 AccountOpened {},
    /// What the rules know of the account's person.
    14 FactsSet {
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
    15 DeviceEnrolled {
        /// Ed25519 public key.
        public_key: [u8; 32],
        /// The day; for a while a fresh device has a low limit.
        since: Day
    },
    /// A card, a one-time code or both are bound to the entry's account.
    16 CardIssued {
        /// The card.
        card: Option<CardHash>,
        /// Hash of the code.
        code: Option<Hash>,
        /// Unix minutes; the code's end, 0 without a code.
        until_min: u64
    },
    /// A card ends.
    17 CardRevoked {
        /// The card.
        card: CardHash
    },
    /// A one-time code is used up.
    18 CodeUsed {
        /// Its hash.
        code: Hash
    },
    /// A day is closed.
    19 DayClosed {
        /// The day.
        day: Day,
        /// Hash of the whole state before this entry.
        state: Hash,
        /// Its totals.
        totals: DayTotals
    },
    /// A manifest's rows may follow.
    20 ManifestOpened {
        /// Who signed it.
        kid: Kid,
        /// Kind of its rows.
        kind: Kind,
        /// Their number.
        rows: u32
    },
    /// A manifest has its result; no further row of it is taken.
    21 ManifestClosed {
        /// The manifest.
        manifest: Seq
    },
    /// A partner may do something for the entry's account.
    22 LinkGranted {
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
    23 LinkRevoked {
        /// The link.
        link: LinkId
    },
    /// A shop's entries up to this one are settled.
    37 ShopSettled {
        /// Shop, month, range and sums.
        settlement: SettlementClose
    },
    /// A settlement is paid.
    38 SettlementPaid {
        /// The settlement.
        settlement: Seq,
        /// Day of the transfer.
        paid_on: Day
    },
    /// The account has another standing.
    40 StatusSet {
        /// The standing.
        status: Status,
        /// From this day on.
        since: Day
    },
    /// A judgement of an action is taken back: its counters lose what was granted.
    41 ActionWithdrawn {
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
    42 LotExtended {
        /// The lot.
        lot: LotKey,
        /// Its last day from here on.
        until: Day
    },
}

wire_array!(
    /// The entry's place in its account's chain: a gap or a double shows at the next receipt.
    #[derive(Copy)]
    Link {
        /// The subject account.
        account: AccountId,
        /// The account's own count, from 0.
        account_seq: u32,
        /// The account's entry before this one.
        previous: Option<Seq>,
    }
);

wire_array!(
    /// What operators and auditors keep: statement and effects. It holds no exact time of a resident's act, no value
    /// and no token.
    Accounting {
        /// [`VERSION`].
        version: u64,
        /// The entry's place in the log.
        seq: Seq,
        /// Unix minutes. For entries on an account that move no money out and propose nothing: the first minute of the
        /// Japanese day.
        accepted_min: u64,
        /// The statement as kept, signature included.
        statement: Blob<65_536>,
        /// The account's chain, for entries with a subject account.
        link: Option<Link>,
        /// What changed, in order.
        effects: Vec<Effect>,
    }
);

impl Accounting {
    /// The Japanese day of acceptance.
    #[must_use]
    pub fn accepted_day(&self) -> Day {
        Day::of_ms(self.accepted_min.saturating_mul(60_000))
    }

    /// Points that moved into (positive) or out of the account.
    #[must_use]
    pub fn points(&self) -> i64 {
        self.postings().map(|(_, points, _)| points).sum()
    }

    /// The postings in order: lot, points, contra account.
    pub fn postings(&self) -> impl Iterator<Item = (LotKey, i64, Contra)> {
        self.effects.iter().filter_map(|effect| {
            if let Effect::Posting { lot, points, contra } = effect {
                Some((*lot, *points, *contra))
            } else {
                None
            }
        })
    }
}

/// Public JSON of a leaf, at most what an entry bundle can hold beside the commitment.
pub type PublicJson = Text<60_000>;

wire_array!(
    /// An entry as it stands in a frame.
    Entry {
        /// What is public.
        class: Class,
        /// Random; without it the commitment says nothing.
        salt: [u8; 32],
        /// [`Accounting`] as bytes.
        accounting: Blob<120_000>,
        /// Nonce, ciphertext and tag over [`Personal`] under the account's data key.
        personal: Option<Blob<66_000>>,
        /// The public JSON of class 2.
        public: Option<PublicJson>,
    }
);

wire_array!(
    /// The erasable part of an entry, before encryption.
    Personal {
        /// Unix milliseconds of acceptance.
        accepted_ms: u64,
        /// The disclosure as it was sealed.
        disclosure: Option<Blob<65_536>>,
    }
);

wire_array!(
    /// An entry that a receipt opens: all that the leaf commits to, and nothing of the personal part.
    Opened {
        /// What is public.
        class: Class,
        /// The salt.
        salt: [u8; 32],
        /// [`Accounting`] as bytes.
        accounting: Blob<120_000>,
        /// The public JSON of class 2.
        public: Option<PublicJson>,
    }
);

impl Entry {
    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        leaf(self.class, &self.salt, &self.accounting.0, self.public.as_ref())
    }

    /// What a receipt for the entry's own resident carries.
    #[must_use]
    pub fn opened(&self) -> Opened {
        let Self { class, salt, accounting, public, .. } = self.clone();
        Opened { class, salt, accounting, public }
    }
}

impl Opened {
    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        leaf(self.class, &self.salt, &self.accounting.0, self.public.as_ref())
    }
}

/// `0x01 ‖ class ‖ C [‖ public JSON]`, with C = SHA-256(`kenmai/v1/leaf` ‖ salt ‖ accounting part).
fn leaf(class: Class, salt: &[u8; 32], accounting: &[u8], public: Option<&PublicJson>) -> Vec<u8> {
    let commitment = Sha256::new()
        .chain_update(b"kenmai/v1/leaf")
        .chain_update(salt)
        .chain_update(accounting)
        .finalize();
    let mut leaf = alloc::vec![1, class as u8];
    leaf.extend_from_slice(&commitment);
    leaf.extend_from_slice(public.map_or(b"", |json| json.as_str().as_bytes()));
    leaf
}

/// What binds a personal part to its entry: ledger ‖ `op_id`.
#[must_use]
pub fn personal_aad(ledger: LedgerId, op_id: OpId) -> [u8; 24] {
    let mut aad = [0; 24];
    let (left, right) = aad.split_at_mut(8);
    left.copy_from_slice(&ledger.0);
    right.copy_from_slice(&op_id.0);
    aad
}

/// The short number that resident and shop see: the entry's place in base 32 and two check letters, without the
/// letters that look like digits.
#[must_use]
pub fn receipt_number(ledger: LedgerId, seq: Seq) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |value: u64| LETTERS.get((value & 31) as usize).copied().unwrap_or(b'0').into();
    let digest: Hash =
        Sha256::new().chain_update(ledger.0).chain_update(seq.0.to_be_bytes()).finalize().into();
    let check = digest.iter().take(2).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let places = (64 - seq.0.leading_zeros()).div_ceil(5).max(4);
    let mut text: String = (0..places).rev().map(|place| letter(seq.0 >> (5 * place))).collect();
    text.push('-');
    text.push(letter(check >> 5));
    text.push(letter(check));
    text
}
