//! The public bodies of statements. Each is a map; `kenmai.cddl` holds the same in CDDL.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde_json::{Map, Value};

use crate::cbor::{Blob, CborError, List, Reader, Text, Wire, Writer, wire_array, wire_map};
use crate::ids::{AccountId, CardHash, Hash, Kid, LinkId, PersonId, PlaceId, Seq};
use crate::json::{self, Field, FromJson, JsonError, Mismatch};
use crate::points::{Fund, FundSums, LotKey, Points};
use crate::time::{Day, Month};

use super::codes::{
    AgeTier, Cause, Code, Document, Insurance, Name, Note, PinGrounds, Purpose, Role, Status,
};
use super::table::{Kind, each_kind};

/// The body of a kind: a map, which people can write as JSON too.
macro_rules! body {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $key:literal $field:ident : $ty:ty),+ $(,)? }) => {
        wire_map!($(#[$meta])* $name { $($(#[$field_meta])* $key $field: $ty),+ });

        impl $name {
            const FIELDS: &'static [Field] = &[$(Field {
                name: stringify!($field),
                optional: <$ty as FromJson>::OPTIONAL,
                due: <$ty as FromJson>::due,
            }),+];

            fn from_json(json: &Map<String, Value>) -> Result<Self, JsonError> {
                json::check_names(Self::FIELDS, json)?;
                Ok(Self { $($field: json::member(json, stringify!($field))?),+ })
            }
        }
    };
}

body!(
    /// Proposes the next version of the rules.
    ProgrammePublish {
        /// The version, one above the last.
        1 version: u32,
        /// JSON text.
        2 document: Document,
    }
);
body!(
    /// Proposes money for a fund.
    BudgetAllocate {
        /// The fund.
        1 fund: Fund,
        /// The year in which it begins.
        2 fiscal_year: u32,
        /// Points.
        3 points: u32,
    }
);
body!(
    /// Proposes a key; the first two root keys register themselves.
    KeyRegister {
        /// Ed25519 public key.
        1 public_key: [u8; 32],
        /// What the key may sign.
        2 role: Role,
        /// Who holds it.
        3 person: PersonId,
        /// The shop or station it stands in.
        4 place: Option<PlaceId>,
        /// Its public name.
        5 name: Name,
    }
);
body!(
    /// Ends a key from this entry on; what it signed before stays valid.
    KeyRevoke {
        /// The key.
        1 kid: Kid,
        /// Why.
        2 cause: Cause,
    }
);
body!(
    /// Opens an account.
    AccountOpen {
        /// The account.
        1 account: AccountId,
    }
);
body!(
    /// What the rules need to know of a person, as coarse as possible.
    AccountFacts {
        /// The account.
        1 account: AccountId,
        /// Age group.
        2 age_tier: AgeTier,
        /// The day on which the person is of that age: the one that the programme names.
        3 age_on: Day,
        /// Insurance class.
        4 insurance: Insurance,
        /// The first day on which the person takes part; left out for who does not.
        5 eligible_from: Option<Day>,
        /// Number of the district, 0 if not known.
        6 district: u32,
    }
);
body!(
    /// Changes the standing of an account.
    AccountStatus {
        /// The account.
        1 account: AccountId,
        /// The standing.
        2 status: Status,
        /// From this day on.
        3 since: Day,
        /// Why, where the standing does not say it.
        4 cause: Option<Cause>,
    }
);
body!(
    /// Closes an account: its resident takes part no more.
    AccountClose {
        /// The account.
        1 account: AccountId,
    }
);
body!(
    /// Proposes to destroy the data key of an account that has ended.
    AccountErase {
        /// The account.
        1 account: AccountId,
        /// Why.
        2 cause: Cause,
    }
);
body!(
    /// Binds a phone to an account; signed by an enrolled device, by the phone itself with a
    /// one-time code, or at a desk with card and PIN.
    DeviceEnrol {
        /// Ed25519 public key.
        1 public_key: [u8; 32],
    }
);
body!(
    /// Ends a phone for good, by the resident or who helps.
    DeviceRevoke {
        /// The key.
        1 kid: Kid,
    }
);
body!(
    /// Binds a card, a one-time code or both to an account.
    CardIssue {
        /// The account.
        1 account: AccountId,
        /// The card.
        2 card: Option<CardHash>,
        /// Hash of the one-time code.
        3 code: Option<Hash>,
        /// Unix minutes; the code is void from then on.
        4 code_until_min: Option<u64>,
    }
);
body!(
    /// Ends a card.
    CardRevoke {
        /// The card.
        1 card: CardHash,
        /// Why; the sealed text says more to the person concerned.
        2 cause: Cause,
    }
);
body!(
    /// Records a health action.
    Action {
        /// The action, or the group that stands for it.
        1 action: Code,
    }
);
body!(
    /// Takes an action back.
    ActionWithdraw {
        /// The entry meant.
        1 entry: Seq,
        /// Why; the sealed text says more to the person concerned.
        2 cause: Cause,
    }
);
body!(
    /// Spends points at a shop.
    Redeem {
        /// The shop.
        1 shop: PlaceId,
        /// Points.
        2 points: Points,
        /// `true` where an insured medical institution declares that no patient's share is paid.
        3 goods: Option<bool>,
    }
);
body!(
    /// Undoes a redemption of the same shop on the same day.
    Void {
        /// The entry meant.
        1 entry: Seq,
    }
);
body!(
    /// Returns points of a redemption.
    Refund {
        /// The entry meant.
        1 entry: Seq,
        /// Points.
        2 points: Points,
        /// Why; the sealed text says more to the person concerned.
        3 cause: Cause,
    }
);
body!(
    /// Reserves points for a shop.
    Hold {
        /// The shop.
        1 shop: PlaceId,
        /// Points.
        2 points: Points,
        /// Unix seconds of the deadline.
        3 until_s: u64,
        /// `true` where an insured medical institution declares that no patient's share is paid.
        4 goods: Option<bool>,
    }
);
body!(
    /// Takes held points.
    Capture {
        /// The hold.
        1 hold: Seq,
        /// Points.
        2 points: Points,
    }
);
body!(
    /// Frees held points.
    Release {
        /// The hold.
        1 hold: Seq,
    }
);
body!(
    /// Proposes the next version of the catalogue.
    CataloguePublish {
        /// The version, one above the last.
        1 version: u32,
        /// JSON text.
        2 document: Document,
    }
);
body!(
    /// Exchanges points for an item of the catalogue.
    RewardClaim {
        /// The item.
        1 item: Code,
        /// Points.
        2 points: Points,
        /// Hash of a secret that whoever claims has made: for vouchers and entries in a draw.
        3 code: Option<Hash>,
    }
);
body!(
    /// Uses a voucher at a terminal.
    RewardUse {
        /// The claim that issued the voucher.
        1 voucher: Seq,
        /// The secret whose hash the claim named.
        2 secret: [u8; 16],
    }
);
body!(
    /// Takes a voucher or a perk card back.
    RewardCancel {
        /// The claim that issued it.
        1 voucher: Seq,
        /// Why; the sealed text says more to the person concerned.
        2 cause: Cause,
    }
);
body!(
    /// Fixes the entrants of a lottery before the beacon is known.
    DrawCommit {
        /// Name of the draw.
        1 draw: Code,
        /// Root over the list of entrants.
        2 entrants: Hash,
        /// Number of entrants.
        3 count: u32,
        /// The public beacon.
        4 beacon: Text<200>,
        /// Its round.
        5 round: u64,
    }
);
body!(
    /// Names the winners.
    DrawResult {
        /// The commitment.
        1 commit: Seq,
        /// The public beacon.
        2 beacon: Blob<128>,
        /// Hash over the list of winners.
        3 winners: Hash,
    }
);
body!(
    /// Lets a partner, or another resident's phone, do one purpose for a resident.
    LinkGrant {
        /// Random id that the partner knows the resident by.
        1 link: LinkId,
        /// What is allowed.
        2 purpose: Purpose,
        /// The last day.
        3 until: Day,
        /// The partner's key.
        4 partner: Kid,
    }
);
body!(
    /// Ends a link.
    LinkRevoke {
        /// Random id that the partner knows the resident by.
        1 link: LinkId,
    }
);
body!(
    /// Proposes a correction of a lot.
    Adjust {
        /// The account.
        1 account: AccountId,
        /// The lot.
        2 lot: LotKey,
        /// Points.
        3 points: i64,
        /// Why; the sealed text says more to the person concerned.
        4 cause: Cause,
    }
);
body!(
    /// Proposes a later expiry.
    LotExtend {
        /// The account.
        1 account: AccountId,
        /// The lot.
        2 lot: LotKey,
        /// The last day.
        3 until: Day,
        /// Why; the sealed text says more to the person concerned.
        4 cause: Cause,
    }
);
wire_array!(
    /// One opening lot.
    LotPoints {
        /// The lot.
        lot: LotKey,
        /// Its points.
        points: Points,
    }
);

impl FromJson for LotPoints {
    fn due() -> String {
        "{\"purse\", \"fund\", \"expires_on\", \"points\"}".to_owned()
    }
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        let lot = LotKey::of_members(json, 4)?;
        let points = json.get("points").ok_or(Mismatch::Form)?;
        Ok(Self { lot, points: Points::from_json(points)? })
    }
}

body!(
    /// Proposes opening lots from another system.
    BalanceImport {
        /// The account.
        1 account: AccountId,
        /// The opening lots, at most 64.
        2 lots: List<LotPoints, 64>,
        /// Sum of their points.
        3 control_total: u64,
        /// The system that they come from, as its opening budget names it.
        4 source: Code,
    }
);
body!(
    /// A second person agrees to a proposal.
    Approve {
        /// The proposal.
        1 proposal: Seq,
        /// SHA-256 over its statement: the approver signs what was seen.
        2 statement_hash: Hash,
    }
);
body!(
    /// Records that a lot has expired.
    Expire {
        /// The account.
        1 account: AccountId,
        /// The lot.
        2 lot: LotKey,
        /// Points.
        3 points: Points,
    }
);
body!(
    /// Closes a day with its totals and the hash of the state.
    DayClose {
        /// The day.
        1 day: Day,
    }
);
body!(
    /// What a shop is due for a month.
    SettlementClose {
        /// The shop.
        1 shop: PlaceId,
        /// The month.
        2 month: Month,
        /// First entry of the range.
        3 first: Seq,
        /// The entry after the range: the settlement's own.
        4 end: Seq,
        /// Points spent in the range less those that came back, by the fund that pays.
        5 points: FundSums,
        /// What the last settlement left unpaid because more came back than was spent, by fund.
        6 carried: FundSums,
        /// Yen due.
        7 yen: u64,
    }
);
impl SettlementClose {
    /// What each fund pays of the settlement's yen: the sums of all shops are the funds' invoices.
    /// Nothing where nothing is due; `None` where a sum does not fit.
    #[must_use]
    pub fn paid_by(&self) -> Option<FundSums> {
        if self.yen == 0 { Some(FundSums::default()) } else { self.points.plus(&self.carried) }
    }

    /// What the settlement carries to the next: all of it where more came back than was spent,
    /// otherwise nothing.
    #[must_use]
    pub fn left(&self) -> Option<FundSums> {
        if self.yen == 0 { self.points.plus(&self.carried) } else { Some(FundSums::default()) }
    }
}

body!(
    /// Records a transfer to a shop.
    SettlementPaid {
        /// The settlement.
        1 settlement: Seq,
        /// Day of the transfer.
        2 paid_on: Day,
        /// The bank's reference.
        3 reference: Note,
    }
);
body!(
    /// An auditor's finding on a range of the log.
    AuditStatement {
        /// First entry of the range.
        1 first: Seq,
        /// The entry after the range.
        2 end: Seq,
        /// Root at the end of the range.
        3 root: Hash,
        /// The finding.
        4 finding: Note,
    }
);
body!(
    /// Signs a list of rows at once.
    Manifest {
        /// The rows' hashes in order, 32 bytes each.
        1 rows: Blob<64_000>,
        /// Kind of the rows.
        2 kind: Kind,
    }
);
body!(
    /// The outcome of every row of a manifest.
    ManifestDone {
        /// The manifest.
        1 manifest: Seq,
        /// One byte a row: 0 for an entry, otherwise the rule that refused it.
        2 outcomes: Blob<2_000>,
    }
);

body!(
    /// Sets or changes a card's PIN, or proposes to; the PIN itself goes to the server beside it
    /// and nowhere else.
    CardPin {
        /// The card.
        1 card: CardHash,
        /// On what grounds.
        2 grounds: PinGrounds,
    }
);
body!(
    /// Proposes the bank account that a shop is paid on.
    ShopAccount {
        /// The shop.
        1 shop: PlaceId,
        /// SHA-256(`kenmai/v1/shop-account` ‖ salt(16) ‖ account as the registry holds it).
        2 bank_account: Hash,
    }
);
body!(
    /// Proposes how many points may be brought from another system.
    OpeningBudget {
        /// The other system.
        1 source: Code,
        /// The fund that pays for them.
        2 fund: Fund,
        /// Points.
        3 points: u32,
        /// The last day on which they can be brought.
        4 until: Day,
    }
);
body!(
    /// Proposes to join an account to another of the same person.
    AccountJoin {
        /// The account that ends.
        1 account: AccountId,
        /// The account that stays.
        2 into: AccountId,
    }
);
body!(
    /// Brings the points of a joined account to the one that stays.
    JoinComplete {
        /// The approval of the joining.
        1 join: Seq,
    }
);
body!(
    /// Founds a successor of a ledger that lost entries; two roots of it sign the same.
    LedgerContinue {
        /// Ed25519 public key of the root.
        1 public_key: [u8; 32],
        /// Who holds it.
        2 person: PersonId,
        /// The key's public name.
        3 name: Name,
        /// Origin of the ledger before.
        4 origin: Text<200>,
        /// Its entries that are kept.
        5 size: u64,
        /// Root over them.
        6 root: Hash,
        /// The end of the range that is lost: as far as heads of it are known.
        7 lost_until: Seq,
        /// Hash of the state after the kept entries.
        8 state: Hash,
    }
);
body!(
    /// Releases the grants that wait because one person made very many of a day.
    WaitingRelease {
        /// Who made them.
        1 person: PersonId,
        /// The day of their acceptance.
        2 accepted_on: Day,
    }
);
body!(
    /// Grants what a release let go.
    WaitingGrant {
        /// The action whose grant waited.
        1 action: Seq,
    }
);
body!(
    /// Binds a voucher to another secret, where the phone with the first one is lost.
    RewardRebind {
        /// The claim that issued the voucher.
        1 voucher: Seq,
        /// Hash of the secret that counts from here on.
        2 code: Hash,
    }
);
body!(
    /// Stops a card or a key at once, by one person's word; it can be resumed.
    Suspend {
        /// The card.
        1 card: Option<CardHash>,
        /// Or the key: a phone's or a terminal's.
        2 kid: Option<Kid>,
    }
);
body!(
    /// Proposes that a suspended card or key acts again.
    Resume {
        /// The card.
        1 card: Option<CardHash>,
        /// Or the key.
        2 kid: Option<Kid>,
    }
);
body!(
    /// A resident says that an entry is wrong.
    EntryDispute {
        /// The entry.
        1 entry: Seq,
    }
);
body!(
    /// The city answers a dispute.
    DisputeAnswer {
        /// The dispute.
        1 dispute: Seq,
        /// Whether the resident was right.
        2 upheld: bool,
    }
);

macro_rules! bodies {
    (@from $body:ident) => {{ let _ = $body; None }};
    (@from $body:ident $earlier:ident) => { Some($body.$earlier) };
    (@key $body:ident) => {{ let _ = $body; None }};
    (@key $body:ident $key:ident) => { Some(&$body.$key) };
    ($($code:literal $name:ident $text:literal by [$($role:ident),+] $(or $phone:ident)?
        $(from $earlier:ident)? $(brings $key:ident)? $(with [$($part:ident),+])?
        $(sealing [$($sealed:ident),+])? $(as [$($flow:ident),+])?;)+) => {
        /// The public body of a statement.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body { $(#[doc = $text] $name($name)),+ }

        impl Body {
            /// The kind of this body.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name),+ }
            }

            /// The earlier entry that it goes on from.
            #[must_use]
            pub fn earlier(&self) -> Option<Seq> {
                match self { $(Self::$name(body) => bodies!(@from body $($earlier)?)),+ }
            }

            /// The public key that it brings, where its statement may be signed with that.
            #[must_use]
            pub fn own_key(&self) -> Option<&[u8; 32]> {
                match self { $(Self::$name(body) => bodies!(@key body $($key)?)),+ }
            }

            /// Appends the body's map.
            pub fn write(&self, writer: &mut Writer) {
                match self { $(Self::$name(body) => body.write(writer)),+ }
            }

            /// Reads the body of a kind.
            ///
            /// # Errors
            /// [`CborError`]
            pub fn read(kind: Kind, reader: &mut Reader<'_>) -> Result<Self, CborError> {
                match kind { $(Kind::$name => $name::read(reader).map(Self::$name)),+ }
            }

            /// The body of a kind from JSON, as people write it.
            ///
            /// # Errors
            /// [`JsonError`]
            pub fn from_json(kind: Kind, json: &Map<String, Value>) -> Result<Self, JsonError> {
                match kind { $(Kind::$name => $name::from_json(json).map(Self::$name)),+ }
            }

            /// The fields of a kind's body, in the order of their keys.
            #[must_use]
            pub fn fields(kind: Kind) -> &'static [Field] {
                match kind { $(Kind::$name => $name::FIELDS),+ }
            }
        }
    };
}
each_kind!(bodies);
