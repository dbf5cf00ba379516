//! What one entry changes in the views. Reads the accounting part and nothing else.

use ledger_spec::caps::Channel;
use ledger_spec::entry::{Accounting, Contra, Effect};
use ledger_spec::ids::{AccountId, Kid, PlaceId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{AgeTier, Body, Code, Role};
use ledger_spec::points::{Fund, LotKey, Purse};
use ledger_spec::time::Day;

use super::error::ViewsError;
use super::rows::{Demography, LotSum, StationMonth};
use super::tables::Changes;

pub(super) fn apply(entry: &Accounting, changes: &mut Changes<'_>) -> Result<(), ViewsError> {
    let statement = kept::read(&entry.statement.0).map_err(|_| ViewsError::Entry(entry.seq))?;
    let mut fold = Fold::of(entry, changes);
    for effect in &entry.effects {
        match effect {
            Effect::BudgetAllocated { fund, .. } => fold.allocate(*fund)?,
            Effect::DayClosed { day, totals, .. } => {
                fold.changes.days(*day)?.accounts = Some(totals.accounts);
            }
            Effect::KeyRegistered { public_key, role, place, .. } => {
                fold.register(Kid::of(public_key), *role, *place)?;
            }
            Effect::Proposed { .. } => fold.propose(entry.seq, &statement.core.body)?,
            Effect::FactsSet { age_tier, district, .. } => fold.set_facts(*age_tier, *district)?,
            Effect::LotExtended { lot, until } => fold.extend(*lot, *until)?,
            Effect::ActionJudged { purse, granted, channel, .. } => {
                fold.judge(*purse, *granted, *channel)?;
            }
            Effect::Posting { lot, points, contra } => fold.post(*lot, *points, *contra)?,
            Effect::ActTaken { .. }
            | Effect::TokenSpent { .. }
            | Effect::Balance { .. }
            | Effect::Undone { .. }
            | Effect::Approved { .. }
            | Effect::ProgrammeInForce { .. }
            | Effect::KeyRevoked { .. }
            | Effect::AccountOpened {}
            | Effect::DeviceEnrolled { .. }
            | Effect::CardIssued { .. }
            | Effect::CardRevoked { .. }
            | Effect::PinSet { .. }
            | Effect::RewardRebound { .. }
            | Effect::Suspended { .. }
            | Effect::Resumed { .. }
            | Effect::AccountClosed {}
            | Effect::AccountErased {}
            | Effect::CodeUsed { .. }
            | Effect::ManifestOpened { .. }
            | Effect::ManifestClosed { .. }
            | Effect::LinkGranted { .. }
            | Effect::LinkRevoked { .. }
            | Effect::ShopSettled { .. }
            | Effect::SettlementPaid { .. }
            | Effect::StatusSet { .. }
            | Effect::ActionWithdrawn { .. }
            | Effect::HoldOpened { .. }
            | Effect::HoldEnded { .. }
            | Effect::CardWithoutPin { .. }
            | Effect::PinProven { .. }
            | Effect::Refunded { .. }
            | Effect::OpeningAllocated { .. }
            | Effect::ShopAccountSet { .. }
            | Effect::Brought { .. }
            | Effect::CatalogueInForce { .. }
            | Effect::RewardClaimed { .. }
            | Effect::RewardEnded { .. }
            | Effect::DrawCommitted { .. }
            | Effect::DrawConcluded { .. } => {}
        }
    }
    fold.count_sale(entry)?;
    fold.count_action(statement.kid, &statement.core.body)
}

/// One entry on its way into the views.
struct Fold<'a, 'c> {
    account: Option<AccountId>,
    day: Day,
    /// Whether it gives points of an earlier sale back.
    refunds: bool,
    /// The channel of the action that it judges.
    channel: Option<Channel>,
    changes: &'a mut Changes<'c>,
}

impl<'a, 'c> Fold<'a, 'c> {
    fn of(entry: &Accounting, changes: &'a mut Changes<'c>) -> Self {
        let account = entry.subject.map(|subject| subject.account);
        let refunds = entry.effects.iter().any(|effect| matches!(effect, Effect::Refunded { .. }));
        Self { account, day: entry.accepted_day(), refunds, channel: None, changes }
    }

    fn allocate(&mut self, fund: Fund) -> Result<(), ViewsError> {
        let since = self.changes.budgets(fund)?;
        if *since == 0 {
            *since = self.day.0;
        }
        Ok(())
    }

    fn register(&mut self, kid: Kid, role: Role, place: Option<PlaceId>) -> Result<(), ViewsError> {
        if role == Role::Station {
            *self.changes.station_keys(kid)? = place;
        }
        Ok(())
    }

    fn propose(&mut self, seq: Seq, body: &Body) -> Result<(), ViewsError> {
        if let Body::Action(body) = body {
            *self.changes.proposed_actions(seq)? = Some(body.action.clone());
        }
        Ok(())
    }

    fn set_facts(&mut self, age_tier: AgeTier, district: u32) -> Result<(), ViewsError> {
        let Some(account) = self.account else { return Ok(()) };
        let summary = self.changes.summaries(account)?;
        (summary.age_tier, summary.district) = (age_tier, district);
        Ok(())
    }

    /// What is left of a lot goes to the lot that lasts longer.
    fn extend(&mut self, lot: LotKey, until: Day) -> Result<(), ViewsError> {
        let Some(account) = self.account.filter(|_| lot.purse == Purse::Yen) else {
            return Ok(());
        };
        let lots = &self.changes.summaries(account)?.lots;
        let points = lots.iter().find(|sum| sum.is_of(&lot)).map_or(0, |sum| sum.points);
        self.keep(account, lot, -points)?;
        self.keep(account, LotKey { expires_on: until, ..lot }, points)
    }

    fn judge(&mut self, purse: Purse, granted: u32, channel: Channel) -> Result<(), ViewsError> {
        self.channel.get_or_insert(channel);
        if let Some(account) = self.account
            && purse == Purse::Yen
            && granted > 0
        {
            self.changes.days(self.day)?.earners.join(account);
        }
        Ok(())
    }

    /// Points that moved.
    fn post(&mut self, lot: LotKey, points: i64, contra: Contra) -> Result<(), ViewsError> {
        // What has expired left the views' sums at midnight already. What is held still lies with
        // the account; a capture moves it to the shop.
        let is_kept = matches!(contra, Contra::Expired | Contra::Held(_));
        let Some(account) = self.account.filter(|_| lot.purse == Purse::Yen && !is_kept) else {
            return Ok(());
        };
        self.keep(account, lot, points)?;
        let day = self.day;
        let fund = self.changes.funds((day.month_start(), lot.fund))?;
        match contra {
            Contra::Shop(shop) if self.refunds => {
                fund.refunded += points;
                fund.refunders.join(account);
                self.changes.shop_days((shop, day))?.points -= points;
            }
            Contra::Shop(shop) => {
                fund.redeemed -= points;
                if points < 0 {
                    fund.spenders.join(account);
                } else {
                    fund.spenders.leave(account);
                }
                self.changes.shop_days((shop, day))?.points -= points;
                self.changes.days(day)?.spenders.join(account);
            }
            // Given up: no shop took it in, and no fund pays for it.
            Contra::Retired => {}
            Contra::Budget(_)
            | Contra::Challenge
            | Contra::Held(_)
            | Contra::Imported
            | Contra::Expired => {
                fund.granted += points;
                fund.earners.join(account);
            }
        }
        Ok(())
    }

    /// Keeps what an account holds, and how many hold something.
    fn keep(&mut self, account: AccountId, lot: LotKey, points: i64) -> Result<(), ViewsError> {
        let LotKey { fund, expires_on, .. } = lot;
        let day = self.day;
        *self.changes.lots((day.month_start(), fund, expires_on))? += points;
        let lots = &mut self.changes.summaries(account)?.lots;
        lots.retain(|sum| sum.expires_on >= day);
        let (before, after) = match lots.iter_mut().find(|sum| sum.is_of(&lot)) {
            Some(sum) => {
                sum.points += points;
                (sum.points - points, sum.points)
            }
            None => {
                lots.push(LotSum { fund, expires_on, points });
                (0, points)
            }
        };
        lots.retain(|sum| sum.points != 0);
        let holders = self.changes.holders((fund, expires_on))?;
        match (before > 0, after > 0) {
            (false, true) => *holders += 1,
            (true, false) => *holders = holders.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    /// A sale counts on its shop's day; what takes one back whole uncounts it, a refund does not.
    fn count_sale(&mut self, entry: &Accounting) -> Result<(), ViewsError> {
        let moved = entry.postings().find_map(|(_, points, contra)| {
            if let Contra::Shop(shop) = contra { Some((shop, points)) } else { None }
        });
        let Some((shop, points)) = moved else { return Ok(()) };
        self.changes.shop_entries((shop, self.day))?.push(entry.seq);
        let row = self.changes.shop_days((shop, self.day))?;
        if points < 0 {
            row.count += 1;
        } else if !self.refunds {
            row.count = row.count.saturating_sub(1);
        }
        Ok(())
    }

    /// Counts the action that the entry judges, of its own or of the proposal that it approves.
    fn count_action(self, signer: Kid, body: &Body) -> Result<(), ViewsError> {
        let (Some(account), Some(channel)) = (self.account, self.channel) else { return Ok(()) };
        let group = if let Body::Approve(approve) = body {
            self.changes.proposed_actions(approve.proposal)?.take()
        } else if let Body::Action(body) = body {
            Some(body.action.clone())
        } else {
            None
        };
        let Some(group) = group else { return Ok(()) };
        let station = *self.changes.station_keys(signer)?;
        let action = CountedAction { day: self.day, group: &group, channel, station };
        action.count(account, self.changes)
    }
}

/// An action as the views see it.
struct CountedAction<'a> {
    day: Day,
    group: &'a Code,
    channel: Channel,
    station: Option<PlaceId>,
}

impl CountedAction<'_> {
    /// Counts the action, and its person once a week, once a month and once for each group of the
    /// month.
    fn count(&self, account: AccountId, changes: &mut Changes<'_>) -> Result<(), ViewsError> {
        let (week, month) = (self.day.week_start(), self.day.month_start());
        let summary = changes.summaries(account)?;
        let fresh_week = summary.week != week;
        summary.week = week;
        let fresh_month = summary.month != month;
        if fresh_month {
            summary.month = month;
            (summary.month_district, summary.month_tier) = (summary.district, summary.age_tier);
            summary.groups.clear();
        }
        let fresh_group = !summary.groups.contains(self.group);
        if fresh_group {
            summary.groups.push(self.group.clone());
        }
        let cell = Demography { district: summary.month_district, age_tier: summary.month_tier };
        if fresh_week {
            *changes.weeks(week)? += 1;
        }
        if fresh_month {
            *changes.cells((month, None, cell))? += 1;
        }
        if fresh_group {
            *changes.cells((month, Some(self.group.clone()), cell))? += 1;
        }
        changes.channels((month, self.channel))?.count(account);
        if let Some(station) = self.station {
            changes.stations(StationMonth { month, station })?.count(account);
        }
        Ok(())
    }
}
