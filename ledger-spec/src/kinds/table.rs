//! The table of kinds: one row says what there is to know of a kind, and all that asks about kinds
//! derives from it. `03-rules.md` section 2 says the same in words.

use crate::cbor::{CborError, Reader, Wire, Writer};
use crate::json::json_code;

use super::codes::Role;

/// Hands the table to a macro. A row is: code, name, who may sign it, a phone among them or not,
/// the field that names the entry it goes on from, the field with the key it brings, what its core
/// holds besides, what its disclosure may hold, and how it takes effect.
macro_rules! each_kind {
    ($then:ident) => {
        $then! {
            1 ProgrammePublish "programme.publish" by [Root, Staff] as [Proposal];
            2 BudgetAllocate "budget.allocate" by [Root, Staff] as [Proposal];
            3 KeyRegister "key.register" by [Root, Staff] brings public_key as [Proposal];
            4 KeyRevoke "key.revoke" by [Root, Staff];
            5 AccountOpen "account.open" by [Staff, Kiosk, Registry] as [Row];
            6 AccountFacts "account.facts" by [Staff, Registry] as [Row];
            7 AccountStatus "account.status" by [Staff, Registry] sealing [Text] as [RowByTwo];
            8 AccountClose "account.close" by [Staff, Kiosk] or phone sealing [Holder, PinProof];
            9 AccountErase "account.erase" by [Root, Staff, Registry] as [Proposal];
            10 DeviceEnrol "device.enrol" by [Staff, Kiosk] or phone brings public_key
                sealing [Holder, Code, PinProof];
            11 DeviceRevoke "device.revoke" by [Staff, Kiosk] or phone sealing [Holder, PinProof];
            12 CardIssue "card.issue" by [Staff, Registry] as [Row];
            13 CardRevoke "card.revoke" by [Staff, Kiosk] sealing [Text];
            14 Action "action" by [Staff, Registry, Station, Coach, Kiosk, Partner] or phone with [Programme]
                sealing [Holder, Values, ExactAction, Reference, Origin, Venue] as [Row];
            15 ActionWithdraw "action.withdraw" by [Root, Staff] from entry sealing [Text] as [Proposal];
            16 Redeem "redeem" by [Shop] with [Programme, Deadline]
                sealing [Holder, PinProof] as [ExactMinute];
            17 Void "void" by [Shop] from entry as [ExactMinute];
            18 Refund "refund" by [Root, Staff] from entry sealing [Text] as [Proposal];
            19 Hold "hold" by [Shop] with [Programme, Deadline]
                sealing [Holder, PinProof] as [ExactMinute];
            20 Capture "capture" by [Shop] from hold with [Deadline] as [ExactMinute];
            21 Release "release" by [Shop, System] from hold as [ExactMinute];
            22 CataloguePublish "catalogue.publish" by [Root, Staff] as [Proposal];
            23 RewardClaim "reward.claim" by [Shop, Staff, Kiosk, System] or phone
                with [Programme, Deadline] sealing [Holder, PinProof, Reference];
            24 RewardUse "reward.use" by [Shop] from voucher with [Deadline] as [ExactMinute];
            25 RewardCancel "reward.cancel" by [Shop, Root, Staff] from voucher sealing [Text];
            26 DrawCommit "draw.commit" by [Root, Staff];
            27 DrawResult "draw.result" by [Root, Staff] from commit;
            28 LinkGrant "link.grant" by [Staff, Kiosk] or phone sealing [Holder, PinProof];
            29 LinkRevoke "link.revoke" by [Staff, Kiosk] or phone;
            30 Adjust "adjust" by [Root, Staff] sealing [Text] as [Proposal];
            31 LotExtend "lot.extend" by [Root, Staff] sealing [Text] as [Proposal];
            32 BalanceImport "balance.import" by [Root, Staff] as [Proposal, RowByTwo];
            33 Approve "approve" by [Root, Staff];
            34 Expire "expire" by [System];
            35 DayClose "day.close" by [System];
            36 SettlementClose "settlement.close" by [System];
            37 SettlementPaid "settlement.paid" by [Root, Staff];
            38 AuditStatement "audit.statement" by [Auditor];
            39 Manifest "manifest" by [Registry, Partner, Coach, Station, Staff];
            40 ManifestDone "manifest.done" by [System];
            41 CardPin "card.pin" by [Staff, Kiosk, Registry] sealing [Holder, PinProof];
            42 ShopAccount "shop.account" by [Root, Staff] as [Proposal];
            43 OpeningBudget "opening.budget" by [Root] as [Proposal];
            44 AccountJoin "account.join" by [Root, Staff] as [Proposal];
            45 JoinComplete "join.complete" by [System] from join;
            46 LedgerContinue "ledger.continue" by [Root] brings public_key;
            47 WaitingRelease "waiting.release" by [Root, Staff];
            48 WaitingGrant "waiting.grant" by [System] from action;
            49 RewardRebind "reward.rebind" by [Staff, Kiosk] or phone from voucher
                sealing [Holder, PinProof];
            50 Suspend "suspend" by [Root, Staff];
            51 Resume "resume" by [Root, Staff] as [Proposal];
            52 EntryDispute "entry.dispute" by [Staff, Kiosk] or phone from entry
                sealing [Holder, PinProof, Text];
            53 DisputeAnswer "dispute.answer" by [Root, Staff] from dispute sealing [Text];
        }
    };
}
pub(super) use each_kind;

/// What the core of a kind holds besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The programme version: its rules decide.
    Programme,
    /// `not_after`: a refused or lost statement that moves money out cannot succeed later.
    Deadline,
}

/// A field of a disclosure that not every kind has a use for, with its key in the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Who it was.
    Holder = 3,
    /// What was found.
    Values = 4,
    /// The exact action.
    ExactAction = 5,
    /// A one-time code.
    Code = 6,
    /// A PIN proof.
    PinProof = 7,
    /// What makes the act one in its source.
    Reference = 8,
    /// The application that counted.
    Origin = 9,
    /// A venue code.
    Venue = 10,
    /// What a person wrote.
    Text = 11,
}

/// How a kind takes effect, where that is not by its own signature alone and to the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As a proposal that another person approves.
    Proposal,
    /// Also as a row of a manifest.
    Row,
    /// Also as a row of a manifest that another person has approved.
    RowByTwo,
    /// Its entry tells the minute: money moves at a till. The entries of all other kinds on an
    /// account tell the day.
    ExactMinute,
}

macro_rules! kinds {
    (@phone) => { false };
    (@phone phone) => { true };
    (@brings) => { false };
    (@brings $key:ident) => { true };
    ($($code:literal $name:ident $text:literal by [$($role:ident),+] $(or $phone:ident)?
        $(from $earlier:ident)? $(brings $key:ident)? $(with [$($part:ident),+])?
        $(sealing [$($sealed:ident),+])? $(as [$($flow:ident),+])?;)+) => {
        /// What a statement asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = $text] $name = $code),+ }

        impl Kind {
            /// Every kind, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The kind's name in documents and JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The roles that may sign it. Phones stand apart, because no role is registered for
            /// them.
            #[must_use]
            pub fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => &[$(Role::$role),+]),+ }
            }

            /// Whether a resident's phone may sign it.
            #[must_use]
            pub fn is_for_phones(self) -> bool {
                match self { $(Self::$name => kinds!(@phone $($phone)?)),+ }
            }

            /// Whether a statement can bring the key that it is signed with.
            #[must_use]
            pub fn brings_key(self) -> bool {
                match self { $(Self::$name => kinds!(@brings $($key)?)),+ }
            }

            /// What its disclosure may hold; a kind without any of it has no disclosure.
            #[must_use]
            pub fn sealed(self) -> &'static [Sealed] {
                match self { $(Self::$name => &[$($(Sealed::$sealed),+)?]),+ }
            }

            fn parts(self) -> &'static [Part] {
                match self { $(Self::$name => &[$($(Part::$part),+)?]),+ }
            }

            fn flow(self) -> &'static [Flow] {
                match self { $(Self::$name => &[$($(Flow::$flow),+)?]),+ }
            }
        }

        impl Wire for Kind {
            fn write(&self, writer: &mut Writer) {
                writer.uint(match self { $(Self::$name => $code),+ });
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
                match reader.uint()? {
                    $($code => Ok(Self::$name),)+
                    _ => Err(CborError::OutOfRange("kind")),
                }
            }
        }
    };
}
each_kind!(kinds);
json_code!(Kind);

/// What a kind's core and disclosure hold besides the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The programme version is named.
    pub programme: bool,
    /// `not_after` is named.
    pub not_after: bool,
    /// A disclosure is sealed.
    pub disclosure: bool,
}

impl Kind {
    /// What statements of this kind hold.
    #[must_use]
    pub fn shape(self) -> Shape {
        Shape {
            programme: self.parts().contains(&Part::Programme),
            not_after: self.parts().contains(&Part::Deadline),
            disclosure: !self.sealed().is_empty(),
        }
    }

    /// Whether it takes effect so.
    #[must_use]
    pub fn is(self, flow: Flow) -> bool {
        self.flow().contains(&flow)
    }

    /// Whether all that it seals is what a person wrote: office work, which names no holder and
    /// brings no token.
    #[must_use]
    pub fn seals_text_alone(self) -> bool {
        self.sealed() == [Sealed::Text]
    }

    /// Whether a manifest's rows can be of it: none moves money out.
    #[must_use]
    pub fn can_be_row(self) -> bool {
        self.is(Flow::Row) || self.is(Flow::RowByTwo)
    }
}
