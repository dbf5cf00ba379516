//! Takes an entry's effects over into the state. The same function serves a fresh decision and
//! every replay.

use alloc::sync::Arc;

use thiserror::Error;

use crate::entry::{Accounting, Contra, Effect, VERSION};
use crate::ids::{AccountId, CardHash, Hash, Kid, LinkId, NaturalKey, Seq};
use crate::kinds::SettlementClose;
use crate::points::{Fund, FundSums, LotKey, Purse};
use crate::programme::Programme;
use crate::rows::{
    Account, Actor, Budget, Card, DayPoints, DayTotals, Device, EnrolCode, Key, LinkRow, Overlay,
    Place, Proposal, Refunded, Rows, Signer,
};
use crate::shops::Settlement;
use crate::statement;
use crate::time::Day;

mod account;
mod rewards;

use account::on_account;

/// An entry contradicts the state: the log was not made by these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// The entry's seq or time does not follow its predecessor's, or its version is another.
    #[error("entry out of order")]
    Order,
    /// The account's own chain has a gap or a double.
    #[error("the account's chain of entries is broken")]
    Chain,
    /// A lot, a budget or a shop would fall below zero.
    #[error("{0} would fall below zero")]
    Negative(&'static str),
    /// An effect names something that is not there, or that is there already.
    #[error("the effect on {0} does not fit the state")]
    Missing(&'static str),
}

/// Applies one entry. For effects that [`crate::decide::decide`] has just made, nothing fails.
///
/// # Errors
/// [`Broken`] when the entry cannot have been decided on this state.
pub fn apply(entry: &Accounting, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let top = rows.top();
    // Days never run backwards; within a day only an entry without its minute may follow one with a
    // later minute.
    let (today, last) = (entry.accepted_day(), Day::of_ms(top.last_min.saturating_mul(60_000)));
    let behind = entry.accepted_min < top.last_min
        && (today != last || entry.accepted_min != today.start_ms() / 60_000);
    if entry.version != VERSION || entry.seq != Seq(top.size) || behind {
        return Err(Broken::Order);
    }
    top.size += 1;
    top.last_min = top.last_min.max(entry.accepted_min);
    let mut subject = open_subject(entry, rows)?;
    let mut totals = match rows.days(&today) {
        Some(Some(totals)) => *totals,
        _ => DayTotals::default(),
    };
    totals.entries += 1;
    for effect in &entry.effects {
        match subject.as_mut() {
            Some(account) => on_account(account, (entry, effect), &mut totals, rows)?,
            None if needs_account(effect) => return Err(Broken::Missing("account")),
            None => {}
        }
        on_tables(entry, effect, rows)?;
    }
    if let (Some(link), Some(mut account)) = (entry.link, subject) {
        totals.accounts += u32::from(account.active_on != today);
        account.active_on = today;
        rows.top().accounts.insert(link.account, account);
    }
    rows.top().days.insert(today, Some(totals));
    Ok(())
}

/// The subject account with the entry appended to its chain.
fn open_subject(entry: &Accounting, rows: &Overlay<'_>) -> Result<Option<Account>, Broken> {
    let Some(link) = entry.link else {
        return Ok(None);
    };
    let opens = entry.effects.contains(&Effect::AccountOpened {});
    let mut account = match rows.accounts(&link.account) {
        Some(account) if !opens => account.clone(),
        None if opens => Account::fresh(),
        _ => return Err(Broken::Missing("account")),
    };
    if (link.account_seq, link.previous) != (account.entries, account.last) {
        return Err(Broken::Chain);
    }
    account.entries += 1;
    account.last = Some(entry.seq);
    Ok(Some(account))
}

/// Effects that say nothing without a subject account.
fn needs_account(effect: &Effect) -> bool {
    match effect {
        Effect::Posting { .. }
        | Effect::ActionJudged { .. }
        | Effect::ActTaken { .. }
        | Effect::TokenSpent { .. }
        | Effect::Balance { .. }
        | Effect::Undone { .. }
        | Effect::HoldOpened { .. }
        | Effect::HoldEnded { .. }
        | Effect::CardWithoutPin { .. }
        | Effect::PinProven { .. }
        | Effect::Refunded { .. }
        | Effect::AccountOpened {}
        | Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. }
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::CodeUsed { .. }
        | Effect::RewardClaimed { .. }
        | Effect::RewardEnded { .. }
        | Effect::LinkGranted { .. }
        | Effect::LinkRevoked { .. } => true,
        Effect::Proposed { .. }
        | Effect::Approved { .. }
        | Effect::ProgrammeInForce { .. }
        | Effect::BudgetAllocated { .. }
        | Effect::KeyRegistered { .. }
        | Effect::KeyRevoked { .. }
        | Effect::DayClosed { .. }
        | Effect::ManifestOpened { .. }
        | Effect::ManifestClosed { .. }
        | Effect::CatalogueInForce { .. }
        | Effect::DrawCommitted { .. }
        | Effect::DrawHeld { .. }
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. } => false,
    }
}

/// What an effect changes outside the subject account's row.
fn on_tables(entry: &Accounting, effect: &Effect, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    match effect {
        Effect::Posting { lot, points, contra } => {
            move_contra(entry.accepted_day(), (*lot, *points, *contra), rows)
        }
        Effect::ActTaken { key } => take_act(*key, entry.seq, rows),
        Effect::TokenSpent { nonce, exp_s } | Effect::PinProven { nonce, exp_s, .. } => {
            spend_token((*exp_s, *nonce), rows)
        }
        Effect::CardWithoutPin { card, terminal, points } => {
            count_card((*card, *terminal), *points, entry.accepted_day(), rows)
        }
        Effect::Undone { entry: ended } | Effect::HoldEnded { hold: ended } => {
            undo(*ended, entry.seq, rows)
        }
        Effect::Refunded { entry: sale, points, .. } => refund(*sale, *points, entry.seq, rows),
        Effect::Proposed { until_min } => propose(entry, *until_min, rows),
        Effect::Approved { proposal } => approved(*proposal, rows),
        Effect::ProgrammeInForce { version, document } => {
            publish(*version, document.as_str(), rows)
        }
        Effect::BudgetAllocated { fund, fiscal_year, points } => {
            allocate((*fund, *fiscal_year), *points, rows)
        }
        Effect::KeyRegistered { public_key, role, person, place, name } => {
            let (role, person, place, name) = (*role, *person, *place, name.clone());
            add_actor(*public_key, Actor { role, person, place, name }, entry.seq, rows)
        }
        Effect::KeyRevoked { kid } => revoke_key(*kid, entry.seq, rows),
        Effect::DeviceEnrolled { public_key, since } => {
            let account = subject_of(entry)?;
            let signer = Signer::Device(Device { account, since: *since });
            add_key(*public_key, signer, entry.seq, rows)
        }
        Effect::CardIssued { card, code, until_min } => {
            issue(subject_of(entry)?, *card, (*code, *until_min), rows)
        }
        Effect::CardRevoked { card } => end_card(*card, rows),
        Effect::CodeUsed { code } => use_code(*code, rows),
        Effect::DayClosed { day, .. } => {
            rows.top().days.insert(*day, None);
            unseen(rows.top().closed.insert(*day, entry.seq).is_none(), "closed day")
        }
        Effect::ManifestOpened { kid, kind, rows: count } => {
            let manifest = Rows { kid: *kid, kind: *kind, count: *count, done: None };
            rows.top().manifests.insert(entry.seq, manifest);
            Ok(())
        }
        Effect::LinkGranted { link, purpose, until, partner } => {
            let (account, revoked) = (subject_of(entry)?, None);
            let (purpose, until, partner) = (*purpose, *until, *partner);
            grant_link(*link, LinkRow { account, purpose, until, partner, revoked }, rows)
        }
        Effect::LinkRevoked { link } => end_link(*link, entry.seq, rows),
        Effect::ManifestClosed { manifest } => close_manifest(*manifest, entry.seq, rows),
        Effect::ShopSettled { settlement } => settle(settlement, entry, rows),
        Effect::SettlementPaid { settlement, .. } => pay(*settlement, entry.seq, rows),
        Effect::CatalogueInForce { .. }
        | Effect::RewardClaimed { .. }
        | Effect::RewardEnded { .. }
        | Effect::DrawCommitted { .. }
        | Effect::DrawHeld { .. } => rewards::on_tables(entry, effect, rows),
        Effect::ActionJudged { .. }
        | Effect::Balance { .. }
        | Effect::AccountOpened {}
        | Effect::HoldOpened { .. }
        | Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. } => Ok(()),
    }
}

fn add_actor(
    public_key: [u8; 32],
    actor: Actor,
    seq: Seq,
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let fresh = actor.place.filter(|place| rows.places(place).is_none());
    let row = Place { role: actor.role, name: actor.name.clone() };
    rows.top().places.extend(fresh.map(|place| (place, row)));
    add_key(public_key, Signer::Actor(actor), seq, rows)
}

fn unseen(fresh: bool, what: &'static str) -> Result<(), Broken> {
    if fresh { Ok(()) } else { Err(Broken::Missing(what)) }
}

fn grant_link(link: LinkId, row: LinkRow, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(rows.links(&link).is_none(), "link")?;
    rows.top().links.insert(link, row);
    Ok(())
}

fn count_card(
    (card, terminal): (CardHash, Kid),
    points: u32,
    day: Day,
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let add = |row| DayPoints { day, points: DayPoints::on(row, day) + u64::from(points) };
    let (of_card, of_terminal) = (add(rows.card_days(&card)), add(rows.terminal_days(&terminal)));
    rows.top().card_days.insert(card, of_card);
    rows.top().terminal_days.insert(terminal, of_terminal);
    Ok(())
}

fn undo(ended: Seq, by: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let fresh = rows.undone(&ended).is_none() && rows.refunded(&ended).is_none();
    unseen(fresh, "undone entry")?;
    rows.top().undone.insert(ended, by);
    Ok(())
}

fn refund(sale: Seq, points: u32, last: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(rows.undone(&sale).is_none(), "undone entry")?;
    let before = rows.refunded(&sale).map_or(0, |row| row.points);
    let points = before.checked_add(points).ok_or(Broken::Negative("refund"))?;
    rows.top().refunded.insert(sale, Refunded { points, last });
    Ok(())
}

fn move_contra(
    today: Day,
    (lot, points, contra): (LotKey, i64, Contra),
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    // Only the challenge purse has a source that costs nobody money; what neither pays nor is paid
    // knows both purses.
    let fits = match contra {
        Contra::Challenge => lot.purse == Purse::Challenge,
        Contra::Budget(_) | Contra::Shop(_) => lot.purse == Purse::Yen,
        Contra::Held(_) | Contra::Retired | Contra::Expired | Contra::Imported => true,
    };
    if !fits {
        return Err(Broken::Missing("contra account"));
    }
    match contra {
        Contra::Budget(fiscal_year) => {
            let key = (lot.fund, fiscal_year);
            let mut budget = rows.budgets(&key).copied().unwrap_or(Budget::EMPTY);
            let granted = budget.granted.checked_add_signed(points);
            budget.granted = granted.ok_or(Broken::Negative("budget"))?;
            if budget.granted > budget.allocated {
                return Err(Broken::Negative("budget"));
            }
            rows.top().budgets.insert(key, budget);
        }
        Contra::Shop(shop) => {
            let mut row = rows.shops(&shop).cloned().unwrap_or_default();
            row.total = row.total.checked_add_signed(-points).ok_or(Broken::Negative("shop"))?;
            row.points.add(lot.fund, -points).ok_or(Broken::Negative("shop"))?;
            row.moved_on = Some(today);
            rows.top().shops.insert(shop, row);
        }
        Contra::Challenge | Contra::Held(_) => {}
        Contra::Retired => {
            let sum = rows.retired(&lot.fund).copied().unwrap_or(0).checked_add_signed(-points);
            rows.top().retired.insert(lot.fund, sum.ok_or(Broken::Negative("retired points"))?);
        }
        Contra::Expired => {
            let sum = rows.expired(&lot.fund).copied().unwrap_or(0).checked_add_signed(-points);
            rows.top().expired.insert(lot.fund, sum.ok_or(Broken::Negative("expired points"))?);
        }
        Contra::Imported => {
            let sum = rows.imported(&lot.fund).copied().unwrap_or(0).checked_add_signed(points);
            rows.top().imported.insert(lot.fund, sum.ok_or(Broken::Negative("imported points"))?);
        }
    }
    Ok(())
}

fn subject_of(entry: &Accounting) -> Result<AccountId, Broken> {
    entry.link.map(|link| link.account).ok_or(Broken::Missing("account"))
}

fn allocate(key: (Fund, u32), points: u32, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let Budget { allocated, granted } = rows.budgets(&key).copied().unwrap_or(Budget::EMPTY);
    rows.top().budgets.insert(key, Budget { allocated: allocated + u64::from(points), granted });
    Ok(())
}

fn approved(proposal: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let mut row = rows.proposals(&proposal).ok_or(Broken::Missing("proposal"))?.clone();
    unseen(!row.done, "proposal")?;
    row.done = true;
    rows.top().proposals.insert(proposal, row);
    Ok(())
}

fn propose(entry: &Accounting, until_min: u64, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let statement =
        statement::kept(&entry.statement.0).map_err(|_| Broken::Missing("statement"))?;
    let key = rows.keys(&statement.kid).ok_or(Broken::Missing("key"))?;
    let Signer::Actor(actor) = &key.signer else {
        return Err(Broken::Missing("key"));
    };
    let proposal = Proposal {
        statement_hash: statement.hash(),
        kid: statement.kid,
        person: actor.person,
        until_min,
        done: false,
        body: Arc::new(statement.core.body),
    };
    rows.top().proposals.insert(entry.seq, proposal);
    Ok(())
}

fn add_key(
    public_key: [u8; 32],
    signer: Signer,
    registered: Seq,
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let kid = Kid::of(&public_key);
    unseen(rows.keys(&kid).is_none(), "key")?;
    let key = Key { public_key, signer, registered, revoked: None };
    rows.top().keys.insert(kid, key);
    Ok(())
}

fn revoke_key(kid: Kid, revoked: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let mut key = rows.keys(&kid).ok_or(Broken::Missing("key"))?.clone();
    unseen(key.revoked.is_none(), "key")?;
    key.revoked = Some(revoked);
    rows.top().keys.insert(kid, key);
    Ok(())
}

fn issue(
    account: AccountId,
    card: Option<CardHash>,
    (code, until_min): (Option<Hash>, u64),
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    unseen(card.is_none_or(|card| rows.cards(&card).is_none()), "card")?;
    unseen(code.is_none_or(|code| rows.codes(&code).is_none()), "code")?;
    let unused = EnrolCode { account, until_min, used: false };
    rows.top().cards.extend(card.map(|card| (card, Card { account, revoked: false })));
    rows.top().codes.extend(code.map(|code| (code, unused)));
    Ok(())
}

fn end_card(card: CardHash, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *rows.cards(&card).ok_or(Broken::Missing("card"))?;
    unseen(!row.revoked, "card")?;
    rows.top().cards.insert(card, Card { revoked: true, ..row });
    Ok(())
}

fn spend_token(token: (u64, [u8; 16]), rows: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(rows.nonces(&token).is_none(), "token")?;
    rows.top().nonces.insert(token, ());
    Ok(())
}

fn publish(version: u32, document: &str, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let programme = Programme::parse(document).map_err(|_| Broken::Missing("programme"))?;
    unseen(rows.programmes(&version).is_none(), "programme")?;
    rows.top().programmes.insert(version, Arc::new(programme));
    Ok(())
}

fn end_link(link: LinkId, revoked: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *rows.links(&link).ok_or(Broken::Missing("link"))?;
    unseen(row.revoked.is_none(), "link")?;
    rows.top().links.insert(link, LinkRow { revoked: Some(revoked), ..row });
    Ok(())
}

fn take_act(key: NaturalKey, seq: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(rows.act_taken(&key).is_none(), "act")?;
    rows.top().acts.insert(key, seq);
    Ok(())
}

fn close_manifest(manifest: Seq, done: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *rows.manifests(&manifest).ok_or(Broken::Missing("manifest"))?;
    unseen(row.done.is_none(), "manifest")?;
    rows.top().manifests.insert(manifest, Rows { done: Some(done), ..row });
    Ok(())
}

/// A settlement takes all that its shop is due, or carries it on where more came back than was
/// spent.
fn settle(
    settlement: &SettlementClose,
    entry: &Accounting,
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let SettlementClose { shop, month, first, yen, .. } = *settlement;
    let mut row = rows.shops(&shop).cloned().unwrap_or_default();
    let due = row.settlement(shop, entry.seq, entry.accepted_day());
    unseen(due.as_ref() == Some(settlement), "settlement")?;
    let left = settlement.left().ok_or(Broken::Negative("shop"))?;
    (row.points, row.carried, row.moved_on) = (FundSums::default(), left, None);
    row.settled_until = entry.seq;
    rows.top().shops.insert(shop, row);
    let row = Settlement { shop, month, first, yen, paid: None };
    rows.top().settlements.insert(entry.seq, row);
    Ok(())
}

fn pay(settlement: Seq, paid: Seq, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *rows.settlements(&settlement).ok_or(Broken::Missing("settlement"))?;
    unseen(row.paid.is_none(), "payment")?;
    rows.top().settlements.insert(settlement, Settlement { paid: Some(paid), ..row });
    Ok(())
}

fn use_code(code: Hash, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *rows.codes(&code).ok_or(Broken::Missing("code"))?;
    unseen(!row.used, "code")?;
    rows.top().codes.insert(code, EnrolCode { used: true, ..row });
    Ok(())
}
