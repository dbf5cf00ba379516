//! The books of the shops, read from the log's entries one after the other.

use std::collections::BTreeMap;

use ledger_spec::entry::{Accounting, Contra, Effect, receipt_number};
use ledger_spec::ids::{Hash, LedgerId, PlaceId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{Flow, Kind, Role, SettlementClose};
use ledger_spec::programme::Programme;
use ledger_spec::time::{Day, Month};
use serde::Serialize;
use utoipa::ToSchema;

/// One movement of a shop. It names no resident, fund, lot or rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BookLine {
    /// The entry.
    pub seq: u64,
    /// The number that the resident's phone shows too.
    #[schema(example = "0010-C4")]
    pub receipt_number: String,
    /// The day of acceptance.
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// Unix minutes of acceptance; absent where the ledger keeps the day alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_min: Option<u64>,
    /// `redeem`, `void`, `capture`, `reward.use` or `refund`.
    #[schema(example = "redeem")]
    pub kind: &'static str,
    /// What the shop gains, negative where points went back.
    pub points: i64,
}

impl BookLine {
    /// The shop that an entry moves points of, and the line it gives; none for other entries.
    #[must_use]
    pub fn of(ledger: LedgerId, entry: &Accounting) -> Option<(PlaceId, Self)> {
        let mut movement: Option<(PlaceId, i64)> = None;
        for (_, points, contra) in entry.postings() {
            if let Contra::Shop(shop) = contra {
                let before = movement.map_or(0, |(_, sum)| sum);
                movement = Some((shop, before - points));
            }
        }
        let (shop, points) = movement?;
        let kind = kept::read(&entry.statement.0).ok()?.core.body.kind();
        // A refund takes effect where a second person approves it.
        let kind = if kind == Kind::Approve { Kind::Refund } else { kind };
        let day = entry.accepted_day();
        // An entry that does not keep its minute says the first of the day.
        let exact = entry.accepted_min != day.start_ms() / 60_000 || kind.is(Flow::ExactMinute);
        let line = Self {
            seq: entry.seq.0,
            receipt_number: receipt_number(ledger, entry.seq),
            day,
            accepted_min: exact.then_some(entry.accepted_min),
            kind: kind.name(),
            points,
        };
        Some((shop, line))
    }
}

/// A settlement as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its own entry.
    pub seq: Seq,
    /// Shop, month, range and sums.
    pub close: SettlementClose,
    /// The day of the transfer, once it is recorded.
    pub paid_on: Option<Day>,
    /// Whether the rules listed the shop as an insured medical institution at the end of the month.
    pub insured_medical: bool,
    /// Its lines, for the shop whose lines are kept.
    pub lines: Vec<BookLine>,
}

/// Whether the rules of a month's last day list a shop as an insured medical institution;
/// `programmes` in the order of their versions.
fn insured_medical<'a>(
    programmes: impl DoubleEndedIterator<Item = &'a Programme>,
    close: &SettlementClose,
) -> bool {
    let day = close.month.last_day();
    let ruling = programmes.rev().find(|programme| programme.covers(day));
    ruling.is_some_and(|programme| programme.insured_medical.contains(&close.shop))
}

/// The shops, their settlements, and the lines of one of them.
pub struct Books {
    ledger: LedgerId,
    lines_of: Option<PlaceId>,
    open: Vec<BookLine>,
    programmes: Vec<Programme>,
    shops: BTreeMap<PlaceId, String>,
    settled: BTreeMap<Seq, Settled>,
    accounts: BTreeMap<PlaceId, Hash>,
}

impl Books {
    /// Empty books of a ledger, which keep the lines of one shop or of none.
    #[must_use]
    pub fn open(ledger: LedgerId, lines_of: Option<PlaceId>) -> Self {
        let (shops, settled) = (BTreeMap::new(), BTreeMap::new());
        let (open, programmes) = (Vec::new(), Vec::new());
        let accounts = BTreeMap::new();
        Self { ledger, lines_of, open, programmes, shops, settled, accounts }
    }

    /// Reads the next entry of the log.
    pub fn read(&mut self, entry: &Accounting) {
        for effect in &entry.effects {
            if let Effect::KeyRegistered { role: Role::Shop, place: Some(place), name, .. } = effect
            {
                self.shops.entry(*place).or_insert_with(|| name.as_str().to_owned());
            }
            if let Effect::ProgrammeInForce { document, .. } = effect {
                self.programmes.extend(Programme::read(document.as_str()));
            }
            if let Effect::ShopSettled { settlement } = effect {
                let whole = Some(settlement.shop) == self.lines_of;
                let lines = if whole { std::mem::take(&mut self.open) } else { Vec::new() };
                let close = settlement.clone();
                let insured_medical = insured_medical(self.programmes.iter(), &close);
                let settled =
                    Settled { seq: entry.seq, close, paid_on: None, insured_medical, lines };
                self.settled.insert(entry.seq, settled);
            }
            if let Effect::ShopAccountSet { shop, bank_account } = effect {
                self.accounts.insert(*shop, *bank_account);
            }
            if let Effect::SettlementPaid { settlement, paid_on } = effect
                && let Some(settled) = self.settled.get_mut(settlement)
            {
                settled.paid_on = Some(*paid_on);
            }
        }
        if self.lines_of.is_some()
            && let Some((shop, line)) = BookLine::of(self.ledger, entry)
            && self.lines_of == Some(shop)
        {
            self.open.push(line);
        }
    }

    /// A shop's public name; its number where nobody named it.
    #[must_use]
    pub fn name(&self, shop: PlaceId) -> String {
        self.shops.get(&shop).cloned().unwrap_or_else(|| shop.to_string())
    }

    /// The hash of the bank account that two persons have set for a shop.
    #[must_use]
    pub fn bank_account(&self, shop: PlaceId) -> Option<&Hash> {
        self.accounts.get(&shop)
    }

    /// Every shop with its name.
    #[must_use]
    pub fn shops(&self) -> &BTreeMap<PlaceId, String> {
        &self.shops
    }

    /// The settlements of a month, or of all, in the order of the log.
    pub fn settlements(&self, month: Option<Month>) -> impl Iterator<Item = &Settled> {
        let wanted = move |settled: &&Settled| month.is_none_or(|m| m == settled.close.month);
        self.settled.values().filter(wanted)
    }
}
