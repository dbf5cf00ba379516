//! Takes an entry's effects over into the state. The same function serves a fresh decision and
//! every replay.

use alloc::sync::Arc;

use crate::entry::{Accounting, Contra, DayTotals, Effect, VERSION};
use crate::ids::{CardHash, Kid, NaturalKey, Seq};
use crate::kept;
use crate::kinds::SettlementClose;
use crate::points::{Fund, FundSums, LotKey, Purse};
use crate::programme::Programme;
use crate::shops::Settlement;
use crate::state::{
    Account, Budget, DayPoints, ManifestState, Overlay, Proposal, Refunded, Signer,
};
use crate::time::Day;

mod access;
mod account;
mod checks;
mod openings;
mod rewards;

use account::on_account;
use checks::{undo, unseen};

pub use checks::Broken;

/// Applies one entry. For effects that [`crate::decide::decide`] has just made, nothing fails.
///
/// # Errors
/// [`Broken`] when the entry cannot have been decided on this state.
pub fn apply(entry: &Accounting, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let top = state.top();
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
    let mut account = open_subject(entry, state)?;
    let mut totals = match state.days(&today) {
        Some(Some(totals)) => *totals,
        _ => DayTotals::default(),
    };
    totals.entries += 1;
    for effect in &entry.effects {
        match account.as_mut() {
            Some(account) => on_account(account, entry, effect, &mut totals, state)?,
            None if effect.needs_account() => return Err(Broken::Unfit("account")),
            None => {}
        }
        on_tables(entry, effect, state)?;
    }
    if let (Some(subject), Some(mut account)) = (entry.subject, account) {
        totals.accounts += u32::from(account.active_on != today);
        account.active_on = today;
        state.top().accounts.insert(subject.account, account);
    }
    state.top().days.insert(today, Some(totals));
    Ok(())
}

/// The subject account with the entry appended to its chain.
fn open_subject(entry: &Accounting, state: &Overlay<'_>) -> Result<Option<Account>, Broken> {
    let Some(subject) = entry.subject else {
        return Ok(None);
    };
    let opens = entry.effects.contains(&Effect::AccountOpened {});
    let mut account = match state.accounts(&subject.account) {
        Some(account) if !opens => account.clone(),
        None if opens => Account::opened(entry.accepted_day()),
        _ => return Err(Broken::Unfit("account")),
    };
    if (subject.account_seq, subject.previous) != (account.entries, account.last) {
        return Err(Broken::Chain);
    }
    account.entries += 1;
    account.last = Some(entry.seq);
    Ok(Some(account))
}

/// What an effect changes outside the subject account's row.
fn on_tables(entry: &Accounting, effect: &Effect, state: &mut Overlay<'_>) -> Result<(), Broken> {
    match effect {
        Effect::Posting { lot, points, contra } => {
            move_contra(entry.accepted_day(), *lot, *points, *contra, state)
        }
        Effect::ActTaken { key } => take_act(*key, entry.seq, state),
        Effect::TokenSpent { nonce, exp_s, .. } | Effect::PinProven { nonce, exp_s, .. } => {
            spend_token((*exp_s, *nonce), state)
        }
        Effect::CardWithoutPin { card, terminal, points } => {
            count_card(*card, *terminal, *points, entry.accepted_day(), state)
        }
        Effect::Undone { entry: ended } | Effect::HoldEnded { hold: ended } => {
            undo(*ended, entry.seq, state)
        }
        Effect::Refunded { entry: sale, points, .. } => refund(*sale, *points, entry.seq, state),
        Effect::Proposed { until_min } => propose(entry, *until_min, state),
        Effect::Approved { proposal } => approved(*proposal, state),
        Effect::ProgrammeInForce { version, document } => {
            publish(*version, document.as_str(), state)
        }
        Effect::BudgetAllocated { fund, fiscal_year, points } => {
            allocate((*fund, *fiscal_year), *points, state)
        }
        Effect::OpeningAllocated { source, fund, points, until } => {
            openings::allocate(source, *fund, *points, *until, state)
        }
        Effect::Brought { source } => openings::bring(entry, source, state),
        Effect::KeyRegistered { .. }
        | Effect::KeyRevoked { .. }
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::PinSet { .. }
        | Effect::CodeUsed { .. }
        | Effect::LinkGranted { .. }
        | Effect::LinkRevoked { .. }
        | Effect::Suspended { .. }
        | Effect::Resumed { .. } => access::on_tables(entry, effect, state),
        Effect::DayClosed { day, .. } => close_day(*day, entry.seq, state),
        Effect::ManifestOpened { kid, kind, rows } => {
            let manifest = ManifestState { kid: *kid, kind: *kind, count: *rows, done: None };
            open_manifest(entry.seq, manifest, state)
        }
        Effect::ManifestClosed { manifest } => close_manifest(*manifest, entry.seq, state),
        Effect::ShopAccountSet { shop, bank_account } => {
            state.top().shop_accounts.insert(*shop, *bank_account);
            Ok(())
        }
        Effect::ShopSettled { settlement } => settle(settlement, entry, state),
        Effect::SettlementPaid { settlement, .. } => pay(*settlement, entry.seq, state),
        Effect::CatalogueInForce { .. }
        | Effect::RewardClaimed { .. }
        | Effect::RewardEnded { .. }
        | Effect::DrawCommitted { .. }
        | Effect::DrawConcluded { .. } => rewards::on_tables(entry, effect, state),
        Effect::ActionJudged { .. }
        | Effect::Balance { .. }
        | Effect::AccountOpened {}
        | Effect::HoldOpened { .. }
        | Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::RewardRebound { .. }
        | Effect::AccountClosed {}
        | Effect::AccountErased {}
        | Effect::LotExtended { .. } => Ok(()),
    }
}

fn count_card(
    card: CardHash,
    terminal: Kid,
    points: u32,
    day: Day,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let add = |row| DayPoints { day, points: DayPoints::on(row, day) + u64::from(points) };
    let (of_card, of_terminal) = (add(state.card_days(&card)), add(state.terminal_days(&terminal)));
    state.top().card_days.insert(card, of_card);
    state.top().terminal_days.insert(terminal, of_terminal);
    Ok(())
}

fn refund(sale: Seq, points: u32, last: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(state.undone(&sale).is_none(), "undone entry")?;
    let before = state.refunded(&sale).map_or(0, |row| row.points);
    let points = before.checked_add(points).ok_or(Broken::Negative("refund"))?;
    state.top().refunded.insert(sale, Refunded { points, last });
    Ok(())
}

fn move_contra(
    today: Day,
    lot: LotKey,
    points: i64,
    contra: Contra,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    // Only the challenge purse has a source that costs nobody money; what neither pays nor is paid
    // knows both purses.
    let fits = match contra {
        Contra::Challenge => lot.purse == Purse::Challenge,
        Contra::Budget(_) | Contra::Shop(_) => lot.purse == Purse::Yen,
        Contra::Held(_) | Contra::Retired | Contra::Expired | Contra::Imported => true,
    };
    if !fits {
        return Err(Broken::Unfit("contra account"));
    }
    match contra {
        Contra::Budget(fiscal_year) => {
            let key = (lot.fund, fiscal_year);
            let mut budget = state.budgets(&key).copied().unwrap_or(Budget::EMPTY);
            let granted = budget.granted.checked_add_signed(points);
            budget.granted = granted.ok_or(Broken::Negative("budget"))?;
            if budget.granted > budget.allocated {
                return Err(Broken::Negative("budget"));
            }
            state.top().budgets.insert(key, budget);
        }
        Contra::Shop(shop) => {
            let mut row = state.shops(&shop).cloned().unwrap_or_default();
            row.total = row.total.checked_add_signed(-points).ok_or(Broken::Negative("shop"))?;
            row.points.add(lot.fund, -points).ok_or(Broken::Negative("shop"))?;
            row.moved_on = Some(today);
            state.top().shops.insert(shop, row);
        }
        Contra::Challenge | Contra::Held(_) => {}
        Contra::Retired => {
            let sum = state.retired(&lot.fund).copied().unwrap_or(0).checked_add_signed(-points);
            state.top().retired.insert(lot.fund, sum.ok_or(Broken::Negative("retired points"))?);
        }
        Contra::Expired => {
            let sum = state.expired(&lot.fund).copied().unwrap_or(0).checked_add_signed(-points);
            state.top().expired.insert(lot.fund, sum.ok_or(Broken::Negative("expired points"))?);
        }
        Contra::Imported => {
            let sum = state.imported(&lot.fund).copied().unwrap_or(0).checked_add_signed(points);
            state.top().imported.insert(lot.fund, sum.ok_or(Broken::Negative("imported points"))?);
        }
    }
    Ok(())
}

fn allocate(key: (Fund, u32), points: u32, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let Budget { allocated, granted } = state.budgets(&key).copied().unwrap_or(Budget::EMPTY);
    state.top().budgets.insert(key, Budget { allocated: allocated + u64::from(points), granted });
    Ok(())
}

fn approved(proposal: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let mut row = state.proposals(&proposal).ok_or(Broken::Unfit("proposal"))?.clone();
    unseen(!row.done, "proposal")?;
    row.done = true;
    state.top().proposals.insert(proposal, row);
    Ok(())
}

fn propose(entry: &Accounting, until_min: u64, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let statement = kept::read(&entry.statement.0).map_err(|_| Broken::Unfit("statement"))?;
    let key = state.keys(&statement.kid).ok_or(Broken::Unfit("key"))?;
    let Signer::Actor(actor) = &key.signer else {
        return Err(Broken::Unfit("key"));
    };
    let proposal = Proposal {
        statement_hash: statement.hash(),
        kid: statement.kid,
        person: actor.person,
        until_min,
        done: false,
        body: Arc::new(statement.core.body),
    };
    state.top().proposals.insert(entry.seq, proposal);
    Ok(())
}

fn spend_token(token: (u64, [u8; 16]), state: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(state.nonces(&token).is_none(), "token")?;
    state.top().nonces.insert(token, ());
    Ok(())
}

fn publish(version: u32, document: &str, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let programme = Programme::parse(document).map_err(|_| Broken::Unfit("programme"))?;
    unseen(state.programmes(&version).is_none(), "programme")?;
    state.top().programmes.insert(version, Arc::new(programme));
    Ok(())
}

fn take_act(key: NaturalKey, seq: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(state.act_taken(&key).is_none(), "act")?;
    state.top().acts.insert(key, seq);
    Ok(())
}

fn close_day(day: Day, seq: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    state.top().days.insert(day, None);
    unseen(state.top().closed.insert(day, seq).is_none(), "closed day")
}

fn open_manifest(seq: Seq, manifest: ManifestState, state: &mut Overlay<'_>) -> Result<(), Broken> {
    unseen(state.top().manifests.insert(seq, manifest).is_none(), "manifest")
}

fn close_manifest(manifest: Seq, done: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.manifests(&manifest).ok_or(Broken::Unfit("manifest"))?;
    unseen(row.done.is_none(), "manifest")?;
    state.top().manifests.insert(manifest, ManifestState { done: Some(done), ..row });
    Ok(())
}

/// A settlement takes all that its shop is due, or carries it on where more came back than was
/// spent.
fn settle(
    settlement: &SettlementClose,
    entry: &Accounting,
    state: &mut Overlay<'_>,
) -> Result<(), Broken> {
    let SettlementClose { shop, month, first, yen, .. } = *settlement;
    let mut row = state.shops(&shop).cloned().unwrap_or_default();
    let due = row.settlement(shop, entry.seq, entry.accepted_day());
    unseen(due.as_ref() == Some(settlement), "settlement")?;
    let left = settlement.left().ok_or(Broken::Negative("shop"))?;
    (row.points, row.carried, row.moved_on) = (FundSums::default(), left, None);
    row.settled_until = entry.seq;
    state.top().shops.insert(shop, row);
    let row = Settlement { shop, month, first, yen, paid: None };
    state.top().settlements.insert(entry.seq, row);
    Ok(())
}

fn pay(settlement: Seq, paid: Seq, state: &mut Overlay<'_>) -> Result<(), Broken> {
    let row = *state.settlements(&settlement).ok_or(Broken::Unfit("settlement"))?;
    unseen(row.paid.is_none(), "payment")?;
    state.top().settlements.insert(settlement, Settlement { paid: Some(paid), ..row });
    Ok(())
}
