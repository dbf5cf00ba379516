//! Every reason for a refusal, with the byte that stands for it in the result of a manifest.

use alloc::string::String;

use thiserror::Error;

use super::limits::{
    HOLD_LIFE_S_MAX, LINK_DAYS_MAX, LOT_YEARS_MAX, OPENING_DAYS_MAX, REDEEM_AGE_S_MAX,
};
use crate::catalogue::{CatalogueFault, CatalogueProblem};
use crate::draw::AHEAD_S_MIN;
use crate::ids::Seq;
use crate::manifest::ROWS_MAX;
use crate::points::POINTS_MAX;
use crate::programme::{ProgrammeFault, ProgrammeProblem};
use crate::state::{HOLDS_MAX, LOTS_MAX, VOUCHERS_MAX};
use crate::statement::NOT_AFTER_S_MAX;
use crate::time::Day;
use crate::token::{TOKEN_LIFE_S_MAX, VENUE_LATE_S_MAX};

macro_rules! rejections {
    ($($(#[$meta:meta])* $code:literal $name:ident $(($(#[$from:meta])? $detail:ty = $sample:expr))?),+ $(,)?) => {
        /// Why a statement does nothing. One variant, one rule, one problem type.
        #[derive(Clone, Debug, PartialEq, Eq, Error)]
        pub enum Rejection {
            $($(#[$meta])* $name $(($(#[$from])? $detail))?),+
        }

        impl Rejection {
            /// The byte that stands for this rule in the result of a manifest; 0 stands for an
            /// accepted row.
            #[must_use]
            pub fn outcome(&self) -> u8 {
                match self { $(Self::$name { .. } => $code),+ }
            }

            /// The rule of an outcome byte. Its detail is not in the byte; the one given here
            /// stands for any.
            #[must_use]
            pub fn of_outcome(outcome: u8) -> Option<Self> {
                match outcome {
                    $($code => Some(Self::$name $(($sample))?),)+
                    _ => None,
                }
            }
        }
    };
}

rejections! {
    /// No key with this id is registered.
    #[error("no such key is registered in this ledger")]
    1 KeyUnknown,
    /// The key's role may not sign this kind or action.
    #[error("the key's role does not permit this")]
    2 RoleNotPermitted,
    /// The key has been revoked.
    #[error("the key has been revoked")]
    3 KeyRevoked,
    /// The rules for this kind are not in force in this ledger.
    #[error("this kind of statement is not in force here")]
    4 KindNotInForce,
    /// The statement's day is too far from the ledger's.
    #[error("the statement's day is too long ago")]
    5 DayTooOld,
    /// The statement's day or act lies in the future.
    #[error("the statement's day or time lies in the future")]
    6 ClockAhead,
    /// `not_after` has passed.
    #[error("the statement was only good until its deadline, which has passed")]
    7 DeadlinePassed,
    /// `not_after` is more than 300 seconds away.
    #[error("the deadline is more than {NOT_AFTER_S_MAX} seconds away")]
    8 DeadlineTooFar,
    /// No programme rules for that day.
    #[error("no programme is in force on that day")]
    9 ProgrammeMissing,
    /// The statement names another programme version than the one in force on its day.
    #[error("programme version {0} is in force on that day")]
    10 ProgrammeVersion(u32 = 0),
    /// The disclosure's time is not on the statement's day, or a value is out of range.
    #[error("the time of the act is not on the statement's day, or a value is out of its range")]
    11 DisclosureOutOfRange,
    /// The programme document has a fault.
    #[error("{0}")]
    12 Programme(#[from] ProgrammeFault = ProgrammeFault { at: String::new(), problem: ProgrammeProblem::Size }),
    /// The programme's version is not the next one.
    #[error("the next programme version is {0}")]
    13 ProgrammeNotNext(u32 = 0),
    /// The programme would rule for days that have begun under another.
    #[error("a programme after the first starts on a day to come")]
    14 ProgrammeNotFuture,
    /// The key, or its id, is registered already.
    #[error("the key is registered already")]
    15 KeyExists,
    /// The public key is not a sound Ed25519 key.
    #[error("the public key is not a sound Ed25519 key")]
    16 KeyWeak,
    /// A shop's or station's key needs its place, and the place keeps its kind.
    #[error("shops and stations name their place, others name none, and a place keeps its kind")]
    17 PlaceMismatch,
    /// The budget's number is not from 1 to 1,000,000,000.
    #[error("a budget is 1 to 1000000000 points of a paying fund")]
    18 BudgetRange,
    /// No such account.
    #[error("no such account")]
    19 AccountUnknown,
    /// The account exists already.
    #[error("the account exists already")]
    20 AccountExists,
    /// The card or code to issue exists already, or neither is named.
    #[error("the card or the one-time code exists already")]
    21 CardExists,
    /// No such card.
    #[error("no such card")]
    22 CardUnknown,
    /// The card has been revoked.
    #[error("the card has been revoked")]
    23 CardRevoked,
    /// The card's check byte is wrong.
    #[error("the card's number has a mistake")]
    24 CardMistyped,
    /// No such one-time code.
    #[error("no such one-time code")]
    25 CodeUnknown,
    /// The one-time code has been used.
    #[error("the one-time code has been used")]
    26 CodeUsed,
    /// The one-time code's time is over.
    #[error("the one-time code has expired")]
    27 CodeExpired,
    /// This way of naming the resident is not accepted here.
    #[error("this way of naming the resident is not accepted here")]
    28 HolderNotAccepted,
    /// The pay token is for another ledger.
    #[error("the code is for another programme")]
    29 TokenForeign,
    /// The pay token's device has been revoked.
    #[error("the phone that made the code has been removed")]
    30 TokenDeviceRevoked,
    /// The pay token's time is over.
    #[error("the code has expired")]
    31 TokenExpired,
    /// The pay token would live longer than 300 seconds.
    #[error("the code's end is more than {TOKEN_LIFE_S_MAX} seconds away")]
    32 TokenTooLong,
    /// The pay token has been used.
    #[error("the code has been used")]
    33 TokenUsed,
    /// More points than the pay token allows.
    #[error("the code allows fewer points")]
    34 TokenCap,
    /// The programme has no such action.
    #[error("the programme has no such action")]
    35 ActionUnknown,
    /// The act is recorded already.
    #[error("this act is recorded already, as entry {0}")]
    36 ActionDuplicate(Seq = Seq(0)),
    /// The signer's place is not the shop named, or not the one of the entry.
    #[error("the terminal belongs to another shop")]
    37 OtherShop,
    /// Fewer points than the programme lets a redemption spend.
    #[error("a redemption spends at least {0} points")]
    38 BelowMinimum(u32 = 0),
    /// More points than the programme lets a redemption spend.
    #[error("a redemption spends at most {0} points")]
    39 AboveMaximum(u32 = 0),
    /// More points than the account may spend in a day.
    #[error("an account spends at most {0} points a day")]
    40 DayLimit(u32 = 0),
    /// More points than a fresh device may spend in a day.
    #[error("a phone spends at most {0} points a day until the end of the day after its enrolment")]
    41 FreshDeviceLimit(u32 = 0),
    /// The balance is too small.
    #[error("the balance is too small")]
    42 InsufficientPoints,
    /// No such entry.
    #[error("no such entry")]
    43 EntryUnknown,
    /// The entry is no redemption.
    #[error("the entry is no redemption")]
    44 NotARedemption,
    /// The entry is undone already.
    #[error("the entry is undone already, by entry {0}")]
    45 AlreadyUndone(Seq = Seq(0)),
    /// The day of the redemption is over.
    #[error("a redemption can be undone until 24:00 of its day")]
    46 VoidClosed,
    /// No such proposal.
    #[error("no such proposal")]
    47 ProposalUnknown,
    /// The approval names another statement than the proposal's.
    #[error("the approval is for another statement than the proposal's")]
    48 ProposalMismatch,
    /// The proposal's 7 days are over, or its proposer's key has been revoked.
    #[error("the proposal has lapsed")]
    49 ProposalLapsed,
    /// The proposal has taken effect already.
    #[error("the proposal has taken effect already")]
    50 ProposalDone,
    /// The same person proposed.
    #[error("a second person must approve")]
    51 SamePerson,
    /// The day is not over, has no entries or is closed.
    #[error("the day is not over, has no entries or is closed")]
    52 DayNotOpen,
    /// The manifest has no row or too many, or its rows are of a kind that a manifest cannot hold.
    #[error("a manifest holds 1 to {ROWS_MAX} rows of a kind that may be signed together")]
    53 ManifestRows,
    /// No manifest of this signer holds the row.
    #[error("no manifest of this key holds such a row")]
    54 ManifestUnknown,
    /// The manifest has its result already.
    #[error("the manifest has its result already, entry {0}")]
    55 ManifestDone(Seq = Seq(0)),
    /// The account has as many open holds as it can have.
    #[error("an account has at most {HOLDS_MAX} holds at a time")]
    67 HoldsLimit,
    /// The deadline of a hold has passed or is too far away.
    #[error("a hold ends within {HOLD_LIFE_S_MAX} seconds")]
    68 HoldDeadline,
    /// The entry is no hold.
    #[error("the entry is no hold")]
    69 NotAHold,
    /// The hold was captured or released.
    #[error("the hold has ended already, by entry {0}")]
    70 HoldEnded(Seq = Seq(0)),
    /// The hold's deadline has passed.
    #[error("the hold's deadline has passed")]
    71 HoldExpired,
    /// More points than are held.
    #[error("the hold keeps {0} points, and no more can be captured")]
    72 CaptureExceeds(u64 = 0),
    /// The card, or the terminal, has taken its points of the day without a PIN.
    #[error("a card gives {0} points a day without its PIN, and a terminal takes only so many")]
    75 PinRequired(u32 = 0),
    /// The PIN proof is for another card, terminal, ledger or moment, for fewer points, or was
    /// used.
    #[error("the PIN proof does not fit this card, terminal, moment and number of points")]
    76 PinProof,
    /// The days in which a sale can be refunded are over.
    #[error("a sale can be refunded for {0} days")]
    73 RefundClosed(u32 = 0),
    /// More points than are left of the sale.
    #[error("of the sale {0} points are left to refund")]
    74 RefundExceeds(u32 = 0),
    /// A person typed in what a sensor must count.
    #[error("the value was entered by hand")]
    56 EnteredByHand,
    /// More than a person can do.
    #[error("more than {0} steps a day are not taken")]
    57 Implausible(u32 = 0),
    /// The data come from an application that the programme does not name.
    #[error("the programme takes no data of this application")]
    58 OriginUnknown,
    /// The rule tells acts apart by a reference that is missing.
    #[error("the reference of the record or event is missing")]
    59 ReferenceMissing,
    /// A value that the rule measures is missing.
    #[error("the value that the rule goes by is missing")]
    60 ValueMissing,
    /// No such link for this partner.
    #[error("no such link")]
    61 LinkUnknown,
    /// The resident has ended the link, or its last day is over.
    #[error("the link has ended")]
    62 LinkEnded,
    /// The link is for something else.
    #[error("the link is for another purpose")]
    63 LinkPurpose,
    /// The link's number is taken.
    #[error("the link's number is taken")]
    64 LinkExists,
    /// The link would end before today or more than a year from today.
    #[error("a link lasts from today on for at most {LINK_DAYS_MAX} days")]
    65 LinkTerm,
    /// An action must come first.
    #[error("yen points can be spent once rule {0} of the programme is done")]
    66 GateClosed(u32 = 0),
    /// The shop has nothing to settle of a month that is over.
    #[error("the shop has nothing to settle of a month that is over")]
    77 SettlementNotDue,
    /// The settlement is not what the log gives.
    #[error("the settlement's month, range or sums are not those of the log")]
    78 SettlementMismatch,
    /// No such settlement, or one without an amount.
    #[error("no such settlement with an amount to pay")]
    79 SettlementUnknown,
    /// The settlement is paid already.
    #[error("the settlement is paid already, by entry {0}")]
    80 SettlementPaid(Seq = Seq(0)),
    /// The day of the transfer lies before the end of the month or in the future.
    #[error("a settlement is paid after the end of its month, and recorded when it is paid")]
    81 SettlementDay,
    /// The account is suspended.
    #[error("the account is suspended")]
    82 AccountFrozen,
    /// The person has died.
    #[error("the account has ended")]
    83 AccountEnded,
    /// The manifest's kind needs two persons, and the second has not agreed yet.
    #[error("another person has to approve the manifest, entry {0}, before its rows are sent again")]
    84 ManifestWaits(Seq = Seq(0)),
    /// The entry is no action.
    #[error("the entry is no action")]
    85 NotAnAction,
    /// The lot's purse and fund do not fit, or its last day is over or too far away.
    #[error("a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to {LOT_YEARS_MAX} years from now")]
    86 LotRange,
    /// The account has no such lot, or less in it.
    #[error("the account has no such lot that can be spent, or less in it")]
    87 LotUnknown,
    /// The fund's budget cannot carry the correction.
    #[error("the fund's budget has not enough left")]
    88 BudgetLacking,
    /// The control total is not the sum.
    #[error("the lots do not add up to the control total, or one stands twice")]
    89 ControlTotal,
    /// Too many lots.
    #[error("an account holds at most {LOTS_MAX} lots")]
    90 LotsFull,
    /// The lot can still be spent, or holds other points.
    #[error("the lot has not expired, or holds other points")]
    91 NotExpired,
    /// The system that points come from has no opening budget of the lot's fund, or its last day is
    /// over.
    #[error("no opening budget of this source and fund is in force")]
    119 OpeningUnknown,
    /// The last day of an opening budget is over or too far away.
    #[error("an opening budget ends from today to {OPENING_DAYS_MAX} days from now")]
    121 OpeningTerm,
    /// The lot was brought from the same system before.
    #[error("the lot was brought from this source already, by entry {0}")]
    120 AlreadyBrought(Seq = Seq(0)),
    /// An adjustment moves too little or too much.
    #[error("an adjustment is 1 to {POINTS_MAX} points, up or down")]
    92 AdjustRange,
    /// More points than the fast lane allows, and the phone has not confirmed this shop and this
    /// amount.
    #[error("above {0} points the phone confirms shop and amount")]
    112 ConfirmationRequired(u32 = 0),
    /// The pay token confirms a payment at another shop.
    #[error("the code confirms a payment at another shop")]
    113 TokenOtherShop,
    /// An insured medical institution takes points without the word that they pay no patient's
    /// share.
    #[error("points never pay a patient's share of insured care: the terminal declares goods")]
    114 PatientsShare,
    /// A shop that is no insured medical institution declares as one.
    #[error("only an insured medical institution declares goods")]
    115 NotMedical,
    /// The venue code's key is no station's, has been revoked, or stands at another place.
    #[error("the venue's code was made by no station in force at its place")]
    116 VenueUnknown,
    /// The venue code is for another ledger or action.
    #[error("the venue's code is for another programme or action")]
    117 VenueOther,
    /// The venue code was not in force at the act, or the report is late.
    #[error("the venue's code was not in force at the time of the act, or ended more than {VENUE_LATE_S_MAX} seconds ago")]
    118 VenueExpired,
    /// The lot would not last longer.
    #[error("a lot is extended to a later day")]
    93 NotLater,
    /// The catalogue document has a fault.
    #[error("{0}")]
    94 Catalogue(#[from] CatalogueFault = CatalogueFault { at: String::new(), problem: CatalogueProblem::Size }),
    /// The catalogue's version is not the next one.
    #[error("the next catalogue version is {0}")]
    95 CatalogueNotNext(u32 = 0),
    /// The catalogue has no such item.
    #[error("the catalogue has no such item")]
    96 RewardUnknown,
    /// The item cannot be claimed today, or it has been drawn.
    #[error("the item cannot be claimed today")]
    97 RewardClosed,
    /// The item takes other points.
    #[error("the item takes {0} points, a donation or an export whole units of so many")]
    98 RewardPoints(u32 = 0),
    /// A voucher or an entry in a draw needs the hash of a secret; nothing else has one.
    #[error("a voucher or an entry in a draw names the hash of a secret, and nothing else does")]
    99 RewardCode,
    /// The person has had as many as one can have in a fiscal year.
    #[error("one person claims the item at most {0} times in a fiscal year")]
    100 RewardLimit(u32 = 0),
    /// None is left.
    #[error("none of the item is left")]
    101 RewardGone,
    /// The account has as many vouchers as it can have.
    #[error("an account has at most {VOUCHERS_MAX} vouchers at a time")]
    102 VouchersLimit,
    /// The entry is no claim of a voucher or perk card.
    #[error("the entry is no voucher")]
    103 NotAVoucher,
    /// The voucher was used, cancelled or returned.
    #[error("the voucher has ended already, by entry {0}")]
    104 VoucherEnded(Seq = Seq(0)),
    /// The secret is not the one that the claim named.
    #[error("the voucher's code is not the one that was issued")]
    105 VoucherSecret,
    /// The voucher's last day is over.
    #[error("the voucher's last day is over")]
    106 VoucherExpired,
    /// Another shop honours the voucher.
    #[error("this shop does not honour the voucher")]
    107 VoucherElsewhere,
    /// The day of the draw has not come, the beacon's round is not far enough ahead, or it has not
    /// come.
    #[error("a draw is committed from its day on, {AHEAD_S_MIN} seconds before its round, and held after it")]
    108 DrawEarly,
    /// Entrants, beacon or winners are not those of the log.
    #[error("entrants, beacon or winners are not those that the log gives")]
    109 DrawMismatch,
    /// The draw was committed, or held, already.
    #[error("the draw is fixed already, by entry {0}")]
    110 DrawDone(Seq = Seq(0)),
    /// No such draw.
    #[error("no such draw")]
    111 NotADraw,
    /// The rule measures nothing of the kind.
    #[error("a value that the rule does not measure is not taken")]
    122 ValueNotMeasured,
    /// Money moves at once: the act was not just before, by the signer's clock.
    #[error("the act was more than {REDEEM_AGE_S_MAX} seconds from the ledger's time")]
    123 ActNotRecent,
    /// Local currency is credited to a wallet, and nothing else is.
    #[error("a claim names the number of a wallet exactly where the item is credited to one")]
    124 WalletNumber,
    /// A budget of a year that is long over or far away.
    #[error("a budget is of this fiscal year, the one before or the next two")]
    125 BudgetYear,
    /// The system would release a hold or voucher before its deadline.
    #[error("the system releases a hold or voucher at its deadline and not before")]
    126 ReleaseEarly,
    /// An issue of nothing, or a code without its end or an end without its code.
    #[error("a card, a code or both are issued, the code with its end")]
    127 NothingIssued,
    /// The card's PIN was set without the old one, and its holder has a day to see that.
    #[error("the card's PIN counts from {0} on, because it was set without the old one")]
    130 PinWaits(Day = Day(0)),
    /// A first PIN comes with its card, on the day of its issue.
    #[error("the first PIN of a card is set on the day of its issue, and this is not the first or not that day")]
    131 PinNotFirst,
    /// The key is stopped until two persons let it act again.
    #[error("the key is suspended")]
    132 KeySuspended,
    /// The card is stopped until two persons let it act again.
    #[error("the card is suspended")]
    133 CardSuspended,
    /// What is named cannot be suspended: nothing, two things, a person's key, or what does not
    /// act.
    #[error("one card, phone or terminal that is in force is suspended at a time")]
    134 NotSuspendable,
    /// The card or key is not suspended.
    #[error("the card or key is not suspended")]
    135 NotSuspended,
    /// No shop has this number.
    #[error("no such shop")]
    136 ShopUnknown,
    /// Only who has left or died is forgotten.
    #[error("an account is erased after it was closed, or after its person's death")]
    137 AccountInUse,
    /// Points are held for a shop or a voucher.
    #[error("the account keeps points for a hold or a voucher")]
    138 AccountKeeps,
    /// The account's data key is missing or damaged, so nothing can be sealed for it.
    #[error("the account's data key is missing or damaged; the city has to restore its registry")]
    254 AccountUnreadable,
}
