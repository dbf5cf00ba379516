//! What one entry changes in the views. Reads the accounting part and nothing else.

use ledger_spec::caps::Channel;
use ledger_spec::entry::{Accounting, Contra, Effect};
use ledger_spec::ids::{AccountId, Kid, PlaceId};
use ledger_spec::kept;
use ledger_spec::kinds::{Body, Code, Role};
use ledger_spec::points::{LotKey, Purse};
use ledger_spec::statement::Statement;
use ledger_spec::time::Day;

use super::ViewsError;
use super::rows::{Demography, Group, Held, StationMonth};
use super::tables::Changes;

/// The Monday of a day's week.
#[must_use]
pub fn week_of(day: Day) -> Day {
    // 1970-01-01 was a Thursday.
    day.week_start()
}

/// The first day of a day's month.
#[must_use]
pub fn month_of(day: Day) -> Day {
    day.month_start()
}

/// The first day of the month after that of a day.
#[must_use]
pub fn month_after(day: Day) -> Day {
    day.month_start().plus(31).month_start()
}

pub(super) fn apply(entry: &Accounting, changes: &mut Changes<'_>) -> Result<(), ViewsError> {
    let statement = kept::read(&entry.statement.0).map_err(|_| ViewsError::Entry(entry.seq))?;
    for effect in &entry.effects {
        match effect {
            Effect::BudgetAllocated { fund, .. } => {
                let since = changes.budgets(*fund)?;
                if *since == 0 {
                    *since = entry.accepted_day().0;
                }
            }
            Effect::DayClosed { day, totals, .. } => {
                changes.days(*day)?.accounts = Some(totals.accounts);
            }
            Effect::KeyRegistered { public_key, role: Role::Station, place, .. } => {
                *changes.station_keys(Kid::of(public_key))? = *place;
            }
            Effect::Proposed { .. } => {
                if let Body::Action(body) = &statement.core.body {
                    *changes.proposed_actions(entry.seq)? = Some(body.action.clone());
                }
            }
            Effect::Posting { .. }
            | Effect::ActionJudged { .. }
            | Effect::ActTaken { .. }
            | Effect::TokenSpent { .. }
            | Effect::Balance { .. }
            | Effect::Undone { .. }
            | Effect::Approved { .. }
            | Effect::ProgrammeInForce { .. }
            | Effect::KeyRegistered { .. }
            | Effect::KeyRevoked { .. }
            | Effect::AccountOpened {}
            | Effect::FactsSet { .. }
            | Effect::DeviceEnrolled { .. }
            | Effect::CardIssued { .. }
            | Effect::CardRevoked { .. }
            | Effect::CodeUsed { .. }
            | Effect::ManifestOpened { .. }
            | Effect::ManifestClosed { .. }
            | Effect::LinkGranted { .. }
            | Effect::LinkRevoked { .. }
            | Effect::ShopSettled { .. }
            | Effect::SettlementPaid { .. }
            | Effect::StatusSet { .. }
            | Effect::ActionWithdrawn { .. }
            | Effect::LotExtended { .. }
            | Effect::HoldOpened { .. }
            | Effect::HoldEnded { .. }
            | Effect::CardWithoutPin { .. }
            | Effect::PinProven { .. }
            | Effect::Refunded { .. }
            | Effect::CatalogueInForce { .. }
            | Effect::RewardClaimed { .. }
            | Effect::RewardEnded { .. }
            | Effect::DrawCommitted { .. }
            | Effect::DrawConcluded { .. } => {}
        }
    }
    if let Some(subject) = entry.subject {
        of_account(entry, &statement, subject.account, changes)?;
        if let Some(channel) = entry.effects.iter().find_map(channel_of)
            && let Some(group) = group_of(&statement.core.body, changes)?
        {
            let station = *changes.station_keys(statement.kid)?;
            let act = Act { day: entry.accepted_day(), group: &group, channel, station };
            act.count(subject.account, changes)?;
        }
    }
    Ok(())
}

fn shop_of(contra: Contra) -> Option<PlaceId> {
    match contra {
        Contra::Shop(shop) => Some(shop),
        Contra::Budget(_)
        | Contra::Challenge
        | Contra::Held(_)
        | Contra::Retired
        | Contra::Expired
        | Contra::Imported => None,
    }
}

/// Facts, and points that moved.
fn of_account(
    entry: &Accounting,
    statement: &Statement,
    account: AccountId,
    changes: &mut Changes<'_>,
) -> Result<(), ViewsError> {
    let day = entry.accepted_day();
    for effect in &entry.effects {
        if let Effect::FactsSet { age_tier, district, .. } = effect {
            let summary = changes.summaries(account)?;
            (summary.age_tier, summary.district) = (*age_tier, *district);
        }
        if let Effect::LotExtended { lot, until } = effect
            && lot.purse == Purse::Yen
        {
            let held = &changes.summaries(account)?.held;
            let same = |held: &&Held| (held.fund, held.expires_on) == (lot.fund, lot.expires_on);
            let points = held.iter().find(same).map_or(0, |held| held.points);
            keep(account, *lot, (day, -points), changes)?;
            keep(account, LotKey { expires_on: *until, ..*lot }, (day, points), changes)?;
        }
        if let Effect::ActionJudged { purse: Purse::Yen, granted: 1.., .. } = effect {
            changes.days(day)?.earners.join(account);
        }
    }
    let refunds = entry.effects.iter().any(|effect| matches!(effect, Effect::Refunded { .. }));
    for (lot, points, contra) in entry.postings() {
        // What has expired left the views' sums at midnight already. What is held still lies with
        // the account; a capture moves it to the shop.
        if lot.purse != Purse::Yen || matches!(contra, Contra::Expired | Contra::Held(_)) {
            continue;
        }
        keep(account, lot, (day, points), changes)?;
        let fund = changes.funds((month_of(day), lot.fund))?;
        match contra {
            Contra::Shop(shop) if refunds => {
                fund.refunded += points;
                fund.refunders.join(account);
                changes.shop_days((shop, day))?.points -= points;
            }
            Contra::Shop(shop) => {
                fund.redeemed -= points;
                if points < 0 {
                    fund.spenders.join(account);
                } else {
                    fund.spenders.leave(account);
                }
                changes.shop_days((shop, day))?.points -= points;
                changes.days(day)?.spenders.join(account);
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
    }
    let shop = entry.postings().find_map(|(_, _, contra)| shop_of(contra));
    if let Some(shop) = shop {
        changes.shop_entries((shop, day))?.push(entry.seq);
        let row = changes.shop_days((shop, day))?;
        if let Body::Redeem(_) | Body::Capture(_) | Body::RewardUse(_) | Body::RewardClaim(_) =
            &statement.core.body
        {
            row.count += 1;
        } else if let Body::Void(_) = &statement.core.body {
            row.count = row.count.saturating_sub(1);
        }
    }
    Ok(())
}

/// Keeps what an account holds, and how many hold something.
fn keep(
    account: AccountId,
    lot: LotKey,
    (day, points): (Day, i64),
    changes: &mut Changes<'_>,
) -> Result<(), ViewsError> {
    let LotKey { fund, expires_on, .. } = lot;
    *changes.lots((month_of(day), fund, expires_on))? += points;
    let held = &mut changes.summaries(account)?.held;
    held.retain(|held| held.expires_on >= day);
    let same = |held: &&mut Held| (held.fund, held.expires_on) == (fund, expires_on);
    let (before, after) = match held.iter_mut().find(same) {
        Some(held) => {
            held.points += points;
            (held.points - points, held.points)
        }
        None => {
            held.push(Held { fund, expires_on, points });
            (0, points)
        }
    };
    held.retain(|held| held.points != 0);
    let holders = changes.holders((fund, expires_on))?;
    match (before > 0, after > 0) {
        (false, true) => *holders += 1,
        (true, false) => *holders = holders.saturating_sub(1),
        (true, true) | (false, false) => {}
    }
    Ok(())
}

/// The group of the action that an entry judges: of its own, or of the one that it approves.
fn group_of(body: &Body, changes: &mut Changes<'_>) -> Result<Group, ViewsError> {
    if let Body::Approve(approve) = body {
        return Ok(changes.proposed_actions(approve.proposal)?.take());
    }
    let Body::Action(body) = body else { return Ok(None) };
    Ok(Some(body.action.clone()))
}

fn channel_of(effect: &Effect) -> Option<Channel> {
    if let Effect::ActionJudged { channel, .. } = effect { Some(*channel) } else { None }
}

/// An action as the views see it.
struct Act<'a> {
    day: Day,
    group: &'a Code,
    channel: Channel,
    station: Option<PlaceId>,
}

impl Act<'_> {
    /// Counts the action, and its person once a week, once a month and once for each group of the
    /// month.
    fn count(&self, account: AccountId, changes: &mut Changes<'_>) -> Result<(), ViewsError> {
        let (week, month) = (week_of(self.day), month_of(self.day));
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
