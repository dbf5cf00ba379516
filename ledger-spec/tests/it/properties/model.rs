//! The model: lists of what happened, added up from the beginning each time.

use std::collections::BTreeMap;

use ledger_spec::{
    caps::{ActionClass, CapOf, CapPer},
    decide::Rejection,
    entry::Reason,
    ids::Seq,
    kinds::Status,
    points::{Fund, LotKey, Purse},
    time::Day,
};

use super::corrections::Move;
use super::{
    CAPS, FUNDS, HOLD_S, REDEEM_MAX, REDEEM_MAX_DAY, REDEEM_MAX_FRESH, REDEEM_MIN, REFUND_DAYS,
    REFUND_GRACE_DAYS, REPORTS, RESIDENTS, Report, SHOPS, Said, rules_of,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    Granted(u32, Reason),
    Moved(Vec<(LotKey, i64)>),
    Proposed,
    Replayed(Seq),
    Refused(Rejection),
}

pub(super) struct Grant {
    pub(super) seq: Seq,
    pub(super) said: (usize, usize, u64),
    pub(super) lot: LotKey,
    pub(super) points: u32,
    pub(super) withdrawn_by: Option<Seq>,
}

pub(super) struct Spend {
    pub(super) seq: Seq,
    pub(super) shop: usize,
    pub(super) resident: usize,
    pub(super) day: Day,
    pub(super) parts: Vec<(LotKey, i64)>,
    pub(super) undone_by: Option<Seq>,
    /// What came back by refunds, with the last of them.
    pub(super) back: Vec<(LotKey, i64)>,
    pub(super) last_refund: Option<Seq>,
    pub(super) back_days: Vec<(Day, i64)>,
}

impl Spend {
    /// What refunds of a day took off it, negative.
    pub(super) fn back_on(&self, day: Day) -> i64 {
        self.back_days.iter().filter(|(on, _)| *on == day).map(|(_, points)| -points).sum()
    }
}

/// A hold: parts are negative, as in a spend.
pub(super) struct Held {
    pub(super) seq: Seq,
    pub(super) shop: usize,
    pub(super) resident: usize,
    pub(super) until_s: u64,
    pub(super) parts: Vec<(LotKey, i64)>,
    pub(super) ended_by: Option<Seq>,
}

/// A refund that waits for, or had, its second person.
pub(super) struct Proposal {
    pub(super) seq: Seq,
    pub(super) sale: Seq,
    pub(super) points: u32,
    pub(super) made_s: u64,
    pub(super) done: bool,
}

/// Lists of what happened, and nothing else.
pub(super) struct Model {
    pub(super) joined_on: Day,
    /// When the statement in hand was made.
    pub(super) made_s: u64,
    pub(super) grants: Vec<Grant>,
    pub(super) spends: Vec<Spend>,
    pub(super) holds: Vec<Held>,
    pub(super) proposals: Vec<Proposal>,
    pub(super) moves: Vec<Move>,
    pub(super) brought: BTreeMap<(usize, LotKey), Seq>,
    pub(super) standings: BTreeMap<usize, (Status, Day)>,
}

pub(super) fn day_of(performed_at_s: u64) -> Day {
    Day::of_ms(performed_at_s * 1_000)
}

pub(super) fn same_period(per: CapPer, a: Day, b: Day) -> bool {
    match per {
        CapPer::Day => a == b,
        CapPer::Month => (a.ymd().0, a.ymd().1) == (b.ymd().0, b.ymd().1),
        CapPer::FiscalYear => a.fiscal_year() == b.fiscal_year(),
        CapPer::Week => (a.0 + 3) / 7 == (b.0 + 3) / 7,
    }
}

impl Model {
    pub(super) fn since(joined_on: Day) -> Self {
        let (made_s, grants, spends, holds, proposals, moves, brought, standings) =
            Default::default();
        Self { joined_on, made_s, grants, spends, holds, proposals, moves, brought, standings }
    }

    pub(super) fn lots(&self, resident: usize) -> BTreeMap<LotKey, i64> {
        let mut lots = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| grant.said.1 == resident) {
            *lots.entry(grant.lot).or_default() += i64::from(grant.points);
        }
        let spends = self.spends.iter().filter(|s| s.resident == resident && s.undone_by.is_none());
        for (lot, points) in spends.flat_map(|spend| spend.parts.iter().chain(&spend.back)) {
            *lots.entry(*lot).or_default() += points;
        }
        for (lot, points) in self.open_holds(resident).flat_map(|hold| &hold.parts) {
            *lots.entry(*lot).or_default() += points;
        }
        for moved in self.moves.iter().filter(|moved| moved.resident == resident) {
            *lots.entry(moved.lot).or_default() += moved.points;
        }
        lots.retain(|_, points| *points != 0);
        lots
    }

    pub(super) fn open_holds(&self, resident: usize) -> impl Iterator<Item = &Held> {
        self.holds.iter().filter(move |h| h.resident == resident && h.ended_by.is_none())
    }

    pub(super) fn granted(&self, counts: impl Fn(&Grant, &Report, Day) -> bool) -> u32 {
        let standing = self.grants.iter().filter(|grant| grant.withdrawn_by.is_none());
        let counted = standing.filter(|g| counts(g, &REPORTS[g.said.0], day_of(g.said.2)));
        counted.map(|grant| grant.points).sum()
    }

    pub(super) fn expect_report(
        &self,
        which: usize,
        resident: usize,
        at_s: u64,
        now_s: u64,
    ) -> Expected {
        let (report, day) = (&REPORTS[which], day_of(at_s));
        if day < day_of(now_s).minus(rules_of(day).late_days) {
            return Expected::Refused(Rejection::DayTooOld);
        }
        let same = |other: &&Grant| {
            let (theirs, who, theirs_at_s) = other.said;
            let there = REPORTS[theirs].signer == report.signer || report.once_a_day;
            let when = if report.once_a_day {
                day_of(theirs_at_s) == day
            } else {
                theirs_at_s / 60 == at_s / 60
            };
            who == resident && REPORTS[theirs].action == report.action && there && when
        };
        let mut standing = self.grants.iter().filter(|grant| grant.withdrawn_by.is_none());
        if let Some(first) = standing.find(same) {
            return Expected::Refused(Rejection::ActionDuplicate(first.seq));
        }
        if let Some(status) = self.bars_earning(resident, day_of(now_s), day) {
            return Expected::Granted(0, Reason::Standing(status));
        }
        if RESIDENTS[resident] == "yuki" {
            return Expected::Granted(0, Reason::NotEligible);
        }
        let (mut points, mut reason) = (report.points, Reason::Full);
        let mut bind = |room: u32, why: Reason| {
            if room < points {
                (points, reason) = (room, why);
            }
        };
        for (of, per, cap) in CAPS.iter().filter(|_| report.fund != Fund::None) {
            let applies = |other: &Report| match of {
                CapOf::Rule => other.rule == 1,
                CapOf::Class => other.class == ActionClass::Habit && other.fund != Fund::None,
                CapOf::All => other.fund != Fund::None,
                CapOf::Days | CapOf::Item => unreachable!("no cap is over days or items"),
            };
            if applies(report) {
                let charged = self.granted(|grant, other, theirs| {
                    grant.said.1 == resident && applies(other) && same_period(*per, theirs, day)
                });
                bind(cap - charged, Reason::Cap(*of, *per));
            }
        }
        if let Some((fund, year, money)) =
            FUNDS.iter().find(|(fund, year, _)| (*fund, *year) == (report.fund, day.fiscal_year()))
        {
            let used = u32::try_from(self.used(*fund, *year)).unwrap();
            bind(money - used, Reason::Budget);
        }
        Expected::Granted(points, reason)
    }

    /// A redemption, or a hold until a second of its own.
    pub(super) fn expect_redeem(
        &self,
        resident: usize,
        points: u32,
        until_s: Option<u64>,
        made_s: u64,
        now_s: u64,
    ) -> Expected {
        let today = day_of(now_s);
        let sum = |parts: &[(LotKey, i64)]| parts.iter().map(|(_, points)| -points).sum::<i64>();
        // What came back of this day's sales came back to this day's room.
        let same_day = |s: &&Spend| s.resident == resident && s.day == today;
        let sales = self.spends.iter().filter(same_day).filter(|s| s.undone_by.is_none());
        let sold: i64 = sales.map(|s| sum(&s.parts) + s.back_on(today)).sum();
        let held: i64 = self.open_holds(resident).map(|hold| sum(&hold.parts)).sum();
        let spent = u32::try_from(sold + held).unwrap() + points;
        let rules = rules_of(today);
        let order = |fund| rules.funds.iter().position(|f| *f == fund);
        let mut lots: Vec<(LotKey, i64)> = self.lots(resident).into_iter().collect();
        lots.retain(|(lot, _)| lot.purse == Purse::Yen && lot.expires_on >= today);
        lots.sort_by_key(|(lot, _)| (lot.expires_on, order(lot.fund)));
        let balance: i64 = lots.iter().map(|(_, points)| points).sum();
        let refusal = if day_of(made_s) < today.minus(1) {
            Rejection::DayTooOld
        } else if now_s > made_s + 60 {
            Rejection::DeadlinePassed
        } else if rules_of(day_of(made_s)).version != rules.version {
            Rejection::ProgrammeVersion(rules.version)
        } else if points < REDEEM_MIN {
            Rejection::BelowMinimum(REDEEM_MIN)
        } else if points > REDEEM_MAX {
            Rejection::AboveMaximum(REDEEM_MAX)
        } else if until_s.is_some_and(|until_s| until_s <= now_s) {
            Rejection::HoldDeadline
        } else if self.standing(resident, today) == Some(Status::Frozen) {
            Rejection::AccountFrozen
        } else if self.standing(resident, today) == Some(Status::Deceased) {
            Rejection::AccountEnded
        } else if until_s.is_some() && self.open_holds(resident).count() == 8 {
            Rejection::HoldsLimit
        } else if spent > REDEEM_MAX_DAY {
            Rejection::DayLimit(REDEEM_MAX_DAY)
        } else if today <= self.joined_on.plus(1) && spent > REDEEM_MAX_FRESH {
            Rejection::FreshDeviceLimit(REDEEM_MAX_FRESH)
        } else if balance < i64::from(points) {
            Rejection::InsufficientPoints
        } else {
            let mut left = i64::from(points);
            let parts = lots.into_iter().map(|(lot, held)| {
                let taken = held.min(left);
                left -= taken;
                (lot, -taken)
            });
            return Expected::Moved(parts.filter(|(_, points)| *points != 0).collect());
        };
        Expected::Refused(refusal)
    }

    pub(super) fn expect_void(&self, shop: usize, entry: Seq, made_s: u64, now_s: u64) -> Expected {
        let today = day_of(now_s);
        let Some(spend) = self.spends.iter().find(|spend| spend.seq == entry) else {
            let old = day_of(made_s) < today.minus(1);
            let why = if old { Rejection::DayTooOld } else { Rejection::NotARedemption };
            return Expected::Refused(why);
        };
        let refusal = if day_of(made_s) < today.minus(1) {
            Rejection::DayTooOld
        } else if spend.shop != shop {
            Rejection::OtherShop
        } else if let Some(by) = spend.undone_by.or(spend.last_refund) {
            Rejection::AlreadyUndone(by)
        } else if spend.day != today {
            Rejection::VoidClosed
        } else {
            let back = spend.parts.iter().rev().map(|(lot, points)| (*lot, -points));
            return Expected::Moved(back.collect());
        };
        Expected::Refused(refusal)
    }

    /// The open hold, for whoever may end it.
    pub(super) fn hold(&self, seq: Seq, shop: Option<usize>) -> Result<&Held, Rejection> {
        let hold = self.holds.iter().find(|h| h.seq == seq).ok_or(Rejection::NotAHold)?;
        if shop.is_some_and(|shop| shop != hold.shop) {
            return Err(Rejection::OtherShop);
        }
        hold.ended_by.map_or(Ok(hold), |by| Err(Rejection::HoldEnded(by)))
    }

    pub(super) fn expect_capture(
        &self,
        shop: usize,
        hold: Seq,
        points: u32,
        made_s: u64,
        now_s: u64,
    ) -> Expected {
        if day_of(made_s) < day_of(now_s).minus(1) {
            return Expected::Refused(Rejection::DayTooOld);
        }
        if now_s > made_s + 60 {
            return Expected::Refused(Rejection::DeadlinePassed);
        }
        let hold = match self.hold(hold, Some(shop)) {
            Ok(hold) => hold,
            Err(refusal) => return Expected::Refused(refusal),
        };
        let held: i64 = hold.parts.iter().map(|(_, points)| -points).sum();
        if now_s >= hold.until_s {
            return Expected::Refused(Rejection::HoldExpired);
        }
        if held < i64::from(points) {
            let held = u64::try_from(held).unwrap();
            return Expected::Refused(Rejection::CaptureExceeds(held));
        }
        let mut left = i64::from(points);
        let taken = hold.parts.iter().map(|(lot, held)| {
            let taken = left.min(-held);
            left -= taken;
            (*lot, -taken)
        });
        let back = hold.parts.iter().map(|(lot, points)| (*lot, -points));
        let taken = taken.filter(|(_, points)| *points != 0);
        Expected::Moved(back.chain(taken).collect())
    }

    pub(super) fn expect_release(&self, by: usize, hold: Seq, made_s: u64, now_s: u64) -> Expected {
        if day_of(made_s) < day_of(now_s).minus(1) {
            return Expected::Refused(Rejection::DayTooOld);
        }
        match self.hold(hold, (by < SHOPS.len()).then_some(by)) {
            Ok(hold) if by == SHOPS.len() && now_s < hold.until_s => {
                Expected::Refused(Rejection::ReleaseEarly)
            }
            Ok(hold) => {
                Expected::Moved(hold.parts.iter().map(|(lot, points)| (*lot, -points)).collect())
            }
            Err(refusal) => Expected::Refused(refusal),
        }
    }

    /// What a refund gives back: point by point, from the last that was spent.
    pub(super) fn refund(
        &self,
        sale: Seq,
        points: u32,
        now_s: u64,
    ) -> Result<Vec<(LotKey, i64)>, Rejection> {
        let today = day_of(now_s);
        let sale = self.spends.iter().find(|s| s.seq == sale).ok_or(Rejection::NotARedemption)?;
        if let Some(by) = sale.undone_by {
            return Err(Rejection::AlreadyUndone(by));
        }
        if today > sale.day.plus(REFUND_DAYS) {
            return Err(Rejection::RefundClosed(REFUND_DAYS));
        }
        let one_by_one =
            sale.parts.iter().rev().flat_map(|(lot, points)| {
                std::iter::repeat_n(*lot, usize::try_from(-points).unwrap())
            });
        let before: i64 = sale.back.iter().map(|(_, points)| points).sum();
        let left: Vec<LotKey> = one_by_one.skip(usize::try_from(before).unwrap_or(0)).collect();
        let back = left.get(..points as usize);
        let back =
            back.ok_or(Rejection::RefundExceeds(u32::try_from(left.len()).unwrap_or(u32::MAX)))?;
        let mut parts: Vec<(LotKey, i64)> = Vec::new();
        for lot in back {
            match parts.last_mut() {
                Some((last, points)) if last == lot => *points += 1,
                _ => parts.push((*lot, 1)),
            }
        }
        for (lot, _) in parts.iter_mut().filter(|(lot, _)| lot.expires_on < today) {
            let (year, month, _) = today.plus(REFUND_GRACE_DAYS).ymd();
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            lot.expires_on = Day::from_ymd(next.0, next.1, 1).unwrap().minus(1);
        }
        Ok(parts)
    }

    pub(super) fn expect_approve(&self, which: usize, made_s: u64, now_s: u64) -> Expected {
        let proposal = &self.proposals[which];
        let refusal = if day_of(made_s) < day_of(now_s).minus(1) {
            Rejection::DayTooOld
        } else if proposal.done {
            Rejection::ProposalDone
        } else if now_s / 60 >= proposal.made_s / 60 + 7 * 1_440 {
            Rejection::ProposalLapsed
        } else {
            match self.refund(proposal.sale, proposal.points, now_s) {
                Ok(parts) => return Expected::Moved(parts),
                Err(refusal) => refusal,
            }
        };
        Expected::Refused(refusal)
    }

    pub(super) fn sell(
        &mut self,
        seq: Seq,
        shop: usize,
        resident: usize,
        day: Day,
        parts: Vec<(LotKey, i64)>,
    ) {
        let (undone_by, last_refund, back, back_days) = (None, None, vec![], vec![]);
        let spend =
            Spend { seq, shop, resident, day, parts, undone_by, back, last_refund, back_days };
        self.spends.push(spend);
    }

    pub(super) fn expect(&self, said: Said, made_s: u64, now_s: u64) -> Expected {
        match said {
            Said::Report { report, resident, performed_at_s } => {
                self.expect_report(report, resident, performed_at_s, now_s)
            }
            Said::Redeem { shop, resident, points } => {
                let _ = shop;
                self.expect_redeem(resident, points, None, made_s, now_s)
            }
            Said::Hold { resident, points, .. } => {
                self.expect_redeem(resident, points, Some(made_s + HOLD_S), made_s, now_s)
            }
            Said::Capture { shop, hold, points } => {
                self.expect_capture(shop, hold, points, made_s, now_s)
            }
            Said::Release { by, hold } => self.expect_release(by, hold, made_s, now_s),
            Said::Void { shop, entry } => self.expect_void(shop, entry, made_s, now_s),
            Said::Refund { sale, points } => match self.refund(sale, points, now_s) {
                _ if day_of(made_s) < day_of(now_s).minus(1) => {
                    Expected::Refused(Rejection::DayTooOld)
                }
                Ok(_) => Expected::Proposed,
                Err(refusal) => Expected::Refused(refusal),
            },
            Said::Approve { which } => self.expect_approve(which, made_s, now_s),
        }
    }

    pub(super) fn note(&mut self, said: Said, expected: &Expected, seq: Seq, now_s: u64) {
        match (said, expected) {
            (Said::Report { report, resident, performed_at_s }, Expected::Granted(points, _)) => {
                let (fund, rules) = (REPORTS[report].fund, rules_of(day_of(performed_at_s)));
                let purse = if fund == Fund::None { Purse::Challenge } else { Purse::Yen };
                let lot = LotKey { purse, fund, expires_on: Day::parse(rules.expires_on).unwrap() };
                let said = (report, resident, performed_at_s);
                self.grants.push(Grant { seq, said, lot, points: *points, withdrawn_by: None });
            }
            (Said::Redeem { shop, resident, .. }, Expected::Moved(parts)) => {
                let (day, parts) = (day_of(now_s), parts.clone());
                self.sell(seq, shop, resident, day, parts);
            }
            (Said::Hold { shop, resident, .. }, Expected::Moved(parts)) => {
                let (until_s, parts, ended_by) = (self.made_s + HOLD_S, parts.clone(), None);
                self.holds.push(Held { seq, shop, resident, until_s, parts, ended_by });
            }
            (Said::Capture { shop, hold, .. }, Expected::Moved(parts)) => {
                let hold = self.holds.iter_mut().find(|h| h.seq == hold).unwrap();
                hold.ended_by = Some(seq);
                let (resident, sold) = (hold.resident, parts[hold.parts.len()..].to_vec());
                self.sell(seq, shop, resident, day_of(now_s), sold);
            }
            (Said::Release { hold, .. }, Expected::Moved(_)) => {
                self.holds.iter_mut().find(|h| h.seq == hold).unwrap().ended_by = Some(seq);
            }
            (Said::Refund { sale, points }, Expected::Proposed) => {
                let (made_s, done) = (now_s, false);
                self.proposals.push(Proposal { seq, sale, points, made_s, done });
            }
            (Said::Approve { which }, Expected::Moved(parts)) => {
                let proposal = &mut self.proposals[which];
                proposal.done = true;
                let spend = self.spends.iter_mut().find(|s| s.seq == proposal.sale).unwrap();
                spend.back.extend(parts);
                spend.back_days.push((day_of(now_s), parts.iter().map(|(_, n)| n).sum()));
                spend.last_refund = Some(seq);
            }
            (Said::Void { entry, .. }, Expected::Moved(_)) => {
                let undone = self.spends.iter_mut().find(|spend| spend.seq == entry);
                undone.unwrap().undone_by = Some(seq);
            }
            other => panic!("{other:?}"),
        }
    }
}
