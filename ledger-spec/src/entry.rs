//! Entries: a statement accepted into the log, with its effects. One entry is one leaf.

use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::caps::{ActionClass, Channel};
use crate::cbor::{Blob, Text, wire_array, wire_code};
use crate::ids::{AccountId, Hash, LedgerId, OpId, Seq};
use crate::points::{LotKey, Purse};
use crate::time::Day;

mod effect;

pub use effect::{Contra, DayTotals, Effect, Reason, Room};

/// The accounting part's version.
pub const VERSION: u64 = 1;

wire_code!(
    /// What is public of a leaf.
    Class {
        /// A commitment only.
        Sealed = 1 "sealed",
        /// A commitment and public JSON.
        Public = 2 "public",
    }
);

wire_array!(
    /// The entry's place in its account's chain: a gap or a double shows at the next receipt.
    #[derive(Copy)]
    Subject {
        /// The subject account.
        account: AccountId,
        /// The account's own count, from 0.
        account_seq: u32,
        /// The account's entry before this one.
        previous: Option<Seq>,
    }
);

wire_array!(
    /// What operators and auditors keep: statement and effects. It holds no exact time of a
    /// resident's act, no value and no token.
    Accounting {
        /// [`VERSION`].
        version: u64,
        /// The entry's place in the log.
        seq: Seq,
        /// Unix minutes. For entries on an account that move no money out and propose nothing: the
        /// first minute of the Japanese day.
        accepted_min: u64,
        /// The statement as kept, signature included.
        statement: Blob<65_536>,
        /// The account's chain, for entries with a subject account.
        subject: Option<Subject>,
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

    /// What the entry says it moved: to or from a shop where it did, otherwise to or from a hold,
    /// otherwise into or out of the account. A capture moves what it captured, not the difference
    /// to what was held.
    #[must_use]
    pub fn moved(&self) -> u64 {
        let sold = self.sum(|contra| matches!(contra, Contra::Shop(_)));
        let moved = sold.or_else(|| self.sum(|contra| matches!(contra, Contra::Held(_))));
        moved.unwrap_or_else(|| self.points()).unsigned_abs()
    }

    /// Whether it moves points for a reward: neither the day's limit nor void and refund know of
    /// those.
    #[must_use]
    pub fn is_reward(&self) -> bool {
        let reward = |effect: &Effect| {
            matches!(effect, Effect::RewardClaimed { .. } | Effect::RewardEnded { .. })
        };
        self.effects.iter().any(reward)
    }

    /// Whether it proposes what does nothing until another person approves.
    #[must_use]
    pub fn is_proposal(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Proposed { .. }))
    }

    /// The account's unexpired points of a purse after the entry; none where it moved no points.
    #[must_use]
    pub fn balance(&self, purse: Purse) -> Option<u64> {
        self.effects.iter().find_map(|effect| {
            let Effect::Balance { yen, challenge } = effect else { return None };
            Some(match purse {
                Purse::Yen => *yen,
                Purse::Challenge => *challenge,
            })
        })
    }

    /// What the rules gave for an action: first for the action itself, then for what followed.
    pub fn judgements(&self) -> impl Iterator<Item = Judgement> {
        self.effects.iter().filter_map(Effect::judgement)
    }

    /// The points of the postings whose contra account counts; none where there is no such posting.
    #[must_use]
    pub fn sum(&self, counts: impl Fn(&Contra) -> bool) -> Option<i64> {
        let counted = self.postings().filter(|(_, _, contra)| counts(contra));
        counted.map(|(_, points, _)| points).reduce(|sum, points| sum + points)
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

/// What one rule of the programme gave for an action: an [`Effect::ActionJudged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The programme's rule.
    pub rule: u32,
    /// The rule's class.
    pub class: ActionClass,
    /// The rule's purse.
    pub purse: Purse,
    /// The action's own day.
    pub day: Day,
    /// Points granted, 0 included.
    pub granted: u32,
    /// Why so many.
    pub reason: Reason,
    /// The tightest cap that leaves room.
    pub room: Option<Room>,
    /// How the resident took part.
    pub channel: Channel,
}

impl Effect {
    /// What a rule gave, if the effect says it.
    #[must_use]
    pub fn judgement(&self) -> Option<Judgement> {
        let Self::ActionJudged { rule, class, purse, day, granted, reason, room, channel } = *self
        else {
            return None;
        };
        Some(Judgement { rule, class, purse, day, granted, reason, room, channel })
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
        /// Nonce, ciphertext and tag over [`Personal`] under the account's data key; empty where
        /// the system key signed and the data key was gone.
        personal: Option<Blob<66_000, 0>>,
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
    /// An entry that a receipt opens: all that the leaf commits to, and nothing of the personal
    /// part.
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

/// The short number that resident and shop see: the entry's place in base 32 and two check letters,
/// without the letters that look like digits.
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
