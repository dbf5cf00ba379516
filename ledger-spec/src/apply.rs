//! Takes an entry's effects over into the state. The same function serves a fresh decision and every replay.

use alloc::sync::Arc;

use thiserror::Error;

use crate::entry::{Accounting, CapOf, Contra, Effect, VERSION};
use crate::ids::{AccountId, CardHash, Hash, Kid, LinkId, NaturalKey, Seq};
use crate::kinds::{Purpose, SettlementClose, Status};
use crate::points::{Fund, FundSums, LotKey, Purse};
use crate::programme::{LATE_DAYS_MAX, Needs, Programme};
use crate::rows::{
    Account, Actor, Aged, Budget, Card, Counter, DayTotals, Device, EmployerLink, EnrolCode, Facts,
    Key, LinkRow, Overlay, Place, Proposal, Recent, Rows, Signer, Standing,
};
use crate::shops::Settlement;
use crate::statement;
use crate::time::Day;

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
    // Days never run backwards; within a day only an entry without its minute may follow one with a later minute.
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
        | Effect::AccountOpened {}
        | Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. }
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::CodeUsed { .. }
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
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. } => false,
    }
}

/// What an effect changes in the subject account's own row.
fn on_account(
    account: &mut Account,
    (entry, effect): (&Accounting, &Effect),
    totals: &mut DayTotals,
    rows: &Overlay<'_>,
) -> Result<(), Broken> {
    let today = entry.accepted_day();
    match effect {
        Effect::Posting { lot, points, contra } => {
            account.move_lot(*lot, *points).ok_or(Broken::Negative("lot"))?;
            if let Contra::Shop(_) = contra {
                let counter = Counter::of_spending(today);
                account.charge(counter, -points).ok_or(Broken::Negative("counter"))?;
                totals.redeemed =
                    totals.redeemed.checked_add_signed(-points).ok_or(Broken::Negative("day"))?;
                totals.spenders += u32::from(account.spent_on != today);
                account.spent_on = today;
            }
        }
        Effect::ActionJudged { purse, granted, .. } => {
            count_action(account, (entry, effect), rows)?;
            if *purse == Purse::Yen && *granted > 0 {
                totals.granted += u64::from(*granted);
                totals.earners += u32::from(account.earned_on != today);
                account.earned_on = today;
            }
        }
        Effect::FactsSet { age_tier, age_on, insurance, eligible_from, district } => {
            let age = Aged { on: *age_on, tier: *age_tier };
            let other = |known: &Aged| known.on != age.on;
            let before = account.facts.map(|facts| (facts.age, facts.age_before));
            let age_before = before.and_then(|(age, old)| Some(age).filter(other).or(old));
            let (insurance, eligible_from) = (*insurance, *eligible_from);
            let district = *district;
            account.facts = Some(Facts { age, age_before, insurance, eligible_from, district });
        }
        Effect::StatusSet { status, since } => {
            let standing = Standing { status: *status, since: *since };
            account.standing = Some(standing).filter(|_| *status != Status::Active);
        }
        Effect::ActionWithdrawn { .. } => uncount_action(account, effect, rows)?,
        Effect::Undone { entry } => account.recent.retain(|kept| kept.seq != *entry),
        Effect::LotExtended { lot, until } => extend_lot(account, *lot, *until)?,
        Effect::Balance { yen, challenge } => {
            let found = [Purse::Yen, Purse::Challenge].map(|p| account.available(p, today));
            if found != [*yen, *challenge] {
                return Err(Broken::Missing("balance"));
            }
        }
        Effect::LinkGranted { link, purpose: Purpose::Employer, until, .. } => {
            account.employer = Some(EmployerLink { link: *link, until: *until });
        }
        Effect::LinkRevoked { link } => {
            account.employer = account.employer.filter(|employer| employer.link != *link);
        }
        Effect::LinkGranted { .. }
        | Effect::ActTaken { .. }
        | Effect::TokenSpent { .. }
        | Effect::Proposed { .. }
        | Effect::Approved { .. }
        | Effect::ProgrammeInForce { .. }
        | Effect::BudgetAllocated { .. }
        | Effect::KeyRegistered { .. }
        | Effect::KeyRevoked { .. }
        | Effect::AccountOpened {}
        | Effect::DeviceEnrolled { .. }
        | Effect::CardIssued { .. }
        | Effect::CardRevoked { .. }
        | Effect::CodeUsed { .. }
        | Effect::DayClosed { .. }
        | Effect::ManifestOpened { .. }
        | Effect::ManifestClosed { .. }
        | Effect::ShopSettled { .. }
        | Effect::SettlementPaid { .. } => {}
    }
    Ok(())
}

/// Charges an action to the caps of its rule, and keeps it for the rules that look back.
fn count_action(
    account: &mut Account,
    (entry, effect): (&Accounting, &Effect),
    rows: &Overlay<'_>,
) -> Result<(), Broken> {
    let Effect::ActionJudged { rule, class, purse, day, granted, reason, .. } = effect else {
        return Ok(());
    };
    let programme = rows.programme_for(*day).ok_or(Broken::Missing("programme"))?;
    let row = programme.rule(*rule).ok_or(Broken::Missing("rule"))?;
    let today = entry.accepted_day();
    // A period stays while a late action can still be charged to it, by whichever programme rules for it.
    let late_days = rows.late_days_max();
    account.charges.retain(|charge| charge.counter.end().plus(late_days) >= today);
    let of = (*rule, *class, *purse);
    if *granted > 0 {
        for (cap, per, _) in programme.caps_of(row) {
            let counter = Counter::of_grant(cap, per, of, *day);
            let charged = account.charge(counter, i64::from(*granted));
            charged.ok_or(Broken::Negative("counter"))?;
        }
    }
    if !reason.counts() {
        return Ok(());
    }
    for (_, needs) in programme.derived_from(*rule) {
        if let Needs::Days { per, .. } = needs {
            let counter = Counter::of_grant(CapOf::Days, per, of, *day);
            account.charge(counter, 1).ok_or(Broken::Negative("counter"))?;
        }
    }
    if programme.look_back_days(*rule) > 0 {
        account.recent.retain(|kept| {
            let asked = programme.look_back_days(kept.rule) + LATE_DAYS_MAX;
            // Of a rule that nothing spaces, one action a fiscal year is enough for a gate.
            let again = kept.rule == *rule
                && row.every_days.is_none()
                && kept.day.fiscal_year() == day.fiscal_year();
            kept.day.plus(asked) >= today && !again
        });
        account.recent.push(Recent { rule: *rule, day: *day, seq: entry.seq });
    }
    Ok(())
}

/// What an effect changes outside the subject account's row.
fn on_tables(entry: &Accounting, effect: &Effect, rows: &mut Overlay<'_>) -> Result<(), Broken> {
    match effect {
        Effect::Posting { lot, points, contra } => {
            move_contra(entry.accepted_day(), (*lot, *points, *contra), rows)
        }
        Effect::ActTaken { key } => take_act(*key, entry.seq, rows),
        Effect::TokenSpent { nonce, exp_s } => spend_token((*exp_s, *nonce), rows),
        Effect::Undone { entry: undone } => {
            unseen(rows.undone(undone).is_none(), "undone entry")?;
            rows.top().undone.insert(*undone, entry.seq);
            Ok(())
        }
        Effect::Proposed { until_min } => propose(entry, *until_min, rows),
        Effect::Approved { proposal } => approved(*proposal, rows),
        Effect::ProgrammeInForce { version, document } => {
            publish(*version, document.as_str(), rows)
        }
        Effect::BudgetAllocated { fund, fiscal_year, points } => {
            allocate((*fund, *fiscal_year), *points, rows)
        }
        Effect::KeyRegistered { public_key, role, person, place, name } => {
            let fresh = place.filter(|place| rows.places(place).is_none());
            let row = Place { role: *role, name: name.clone() };
            rows.top().places.extend(fresh.map(|place| (place, row)));
            let (role, person, place, name) = (*role, *person, *place, name.clone());
            let signer = Signer::Actor(Actor { role, person, place, name });
            add_key(*public_key, signer, entry.seq, rows)
        }
        Effect::KeyRevoked { kid } => revoke_key(*kid, entry.seq, rows),
        Effect::DeviceEnrolled { public_key, since } => {
            let account = subject_of(entry)?;
            let signer = Signer::Device(Device { account, since: *since });
            add_key(*public_key, signer, entry.seq, rows)
        }
        Effect::CardIssued { card, code, until_min } => {
            let account = subject_of(entry)?;
            let code =
                code.map(|code| (code, EnrolCode { account, until_min: *until_min, used: false }));
            issue(card.map(|card| (card, Card { account, revoked: false })), code, rows)
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
            let row = LinkRow { account, purpose, until, partner, revoked };
            unseen(rows.links(link).is_none(), "link")?;
            rows.top().links.insert(*link, row);
            Ok(())
        }
        Effect::LinkRevoked { link } => end_link(*link, entry.seq, rows),
        Effect::ManifestClosed { manifest } => close_manifest(*manifest, entry.seq, rows),
        Effect::ShopSettled { settlement } => settle(settlement, entry, rows),
        Effect::SettlementPaid { settlement, .. } => pay(*settlement, entry.seq, rows),
        Effect::ActionJudged { .. }
        | Effect::Balance { .. }
        | Effect::AccountOpened {}
        | Effect::FactsSet { .. }
        | Effect::StatusSet { .. }
        | Effect::ActionWithdrawn { .. }
        | Effect::LotExtended { .. } => Ok(()),
    }
}

fn unseen(fresh: bool, what: &'static str) -> Result<(), Broken> {
    if fresh { Ok(()) } else { Err(Broken::Missing(what)) }
}

/// What is left of a lot goes to the lot that lasts longer.
fn extend_lot(account: &mut Account, lot: LotKey, until: Day) -> Result<(), Broken> {
    let held = account.lots.iter().find(|held| held.key == lot);
    let points = i64::from(held.ok_or(Broken::Missing("lot"))?.points);
    let later = LotKey { expires_on: until, ..lot };
    let moved = account.move_lot(lot, -points).and_then(|()| account.move_lot(later, points));
    moved.ok_or(Broken::Negative("lot"))
}

fn move_contra(
    today: Day,
    (lot, points, contra): (LotKey, i64, Contra),
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    // Only the challenge purse has a source that costs nobody money; expiry and import know both purses.
    let fits = match contra {
        Contra::Challenge => lot.purse == Purse::Challenge,
        Contra::Budget(_) | Contra::Shop(_) => lot.purse == Purse::Yen,
        Contra::Expired | Contra::Imported => true,
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
        Contra::Challenge => {}
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

/// Takes a withdrawn judgement out of the counters that it was charged to, as far as their periods still count.
fn uncount_action(
    account: &mut Account,
    effect: &Effect,
    rows: &Overlay<'_>,
) -> Result<(), Broken> {
    let Effect::ActionWithdrawn { rule, class, purse, day, granted, counted, .. } = effect else {
        return Ok(());
    };
    let programme = rows.programme_for(*day).ok_or(Broken::Missing("programme"))?;
    let row = programme.rule(*rule).ok_or(Broken::Missing("rule"))?;
    let of = (*rule, *class, *purse);
    let counter = |cap, per| Counter::of_grant(cap, per, of, *day);
    let caps = programme.caps_of(row).map(|(cap, per, _)| (counter(cap, per), *granted));
    let days = programme.derived_from(*rule).filter_map(|(_, needs)| match needs {
        Needs::Days { per, .. } => Some((counter(CapOf::Days, per), u32::from(*counted))),
        Needs::Improvement { .. } => None,
    });
    for (counter, points) in caps.chain(days).filter(|(_, points)| *points > 0) {
        if account.charges.iter().any(|charge| charge.counter == counter) {
            let charged = account.charge(counter, -i64::from(points));
            charged.ok_or(Broken::Negative("counter"))?;
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
    card: Option<(CardHash, Card)>,
    code: Option<(Hash, EnrolCode)>,
    rows: &mut Overlay<'_>,
) -> Result<(), Broken> {
    unseen(card.is_none_or(|(card, _)| rows.cards(&card).is_none()), "card")?;
    unseen(code.is_none_or(|(code, _)| rows.codes(&code).is_none()), "code")?;
    rows.top().cards.extend(card);
    rows.top().codes.extend(code);
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

/// A settlement takes all that its shop is due, or carries it on where more came back than was spent.
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
