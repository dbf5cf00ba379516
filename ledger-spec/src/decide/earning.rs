//! Earning: the real-world act behind an action, and the points that caps and budget leave it.

use alloc::vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::holder::{channel_of, holder_of};
use super::spending::balance_after;
use super::{CLOCK_AHEAD_S_MAX, Context, Outcome, Rejection, actor, disclosure_of, programme_of};
use crate::cbor::{Wire, Writer};
use crate::entry::{Contra, Effect, Reason};
use crate::ids::{AccountId, NaturalKey, first_bytes};
use crate::kinds;
use crate::points::{LotKey, Purse};
use crate::programme::{Programme, Rule, SameAct};
use crate::rows::{Account, Actor, Budget, Counter, LOTS_MAX, Overlay, Signer};
use crate::statement::{Disclosure, Statement};
use crate::time::Day;

pub(super) fn judge_action(
    body: &kinds::Action,
    statement: &Statement,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let witness = actor(signer)?;
    let disclosure = disclosure_of(statement)?;
    let day = statement.core.day;
    let programme = programme_of(statement, day, rows)?;
    if day < context.today().minus(programme.late_days) {
        return Err(Rejection::DayTooOld);
    }
    if disclosure.performed_at_s > context.now_s() + CLOCK_AHEAD_S_MAX {
        return Err(Rejection::ClockAhead);
    }
    let in_range = disclosure.values.is_none_or(|values| values.in_range());
    if Day::of_ms(disclosure.performed_at_s.saturating_mul(1_000)) != day || !in_range {
        return Err(Rejection::DisclosureMismatch);
    }
    let rule = programme.rule_of(body.action.as_str()).ok_or(Rejection::ActionUnknown)?;
    let exact = disclosure.exact_action.as_ref().map(kinds::Code::as_str);
    let exact_fits = match exact {
        None => rule.exact.is_empty(),
        Some(exact) => rule.exact.iter().any(|known| known == exact),
    };
    if !exact_fits {
        return Err(Rejection::ActionUnknown);
    }
    if !rule.signers.contains(&witness.role) {
        return Err(Rejection::RoleNotPermitted);
    }
    let account = holder_of(disclosure, statement, witness, rows)?;
    let row = rows.accounts(&account).ok_or(Rejection::AccountUnknown)?;
    let act = Act { rule, exact, account, witness, disclosure, day };
    let key = act.natural_key(context.pepper);
    if let Some(seq) = rows.acts(&key) {
        return Err(Rejection::ActionDuplicate(*seq));
    }

    // From here on the action is recorded; a grant is reduced to the room that is left.
    let lot = LotKey { purse: rule.purse, fund: rule.fund, expires_on: programme.expiry_of(day) };
    let today = context.today();
    let (granted, reason) = grant(programme, rule, row, rows, (today, day, lot));
    let mut effects = vec![
        Effect::ActionJudged {
            rule: rule.rule,
            class: rule.class,
            purse: rule.purse,
            day,
            granted,
            reason,
            channel: channel_of(disclosure, witness),
        },
        Effect::ActTaken { key },
    ];
    if granted > 0 {
        let contra = match rule.purse {
            Purse::Yen => Contra::Budget(day.fiscal_year()),
            Purse::Challenge => Contra::Challenge,
        };
        effects.insert(0, Effect::Posting { lot, points: i64::from(granted), contra });
    }
    // A programme's points outlive its late actions: what is granted here can be spent today.
    let gained = |purse| if purse == lot.purse { u64::from(granted) } else { 0 };
    effects.push(balance_after(row, today, gained, 0));
    Outcome::on(account, effects)
}

/// The real-world act behind a report.
struct Act<'a> {
    rule: &'a Rule,
    exact: Option<&'a str>,
    account: AccountId,
    witness: &'a Actor,
    disclosure: &'a Disclosure,
    day: Day,
}

impl Act<'_> {
    fn natural_key(&self, pepper: &[u8; 32]) -> NaturalKey {
        let mut writer = Writer::default();
        writer.array(4);
        writer.text(self.exact.unwrap_or(&self.rule.action));
        self.account.write(&mut writer);
        match self.rule.same_act {
            SameAct::Day => {
                writer.null();
                self.day.write(&mut writer);
            }
            SameAct::Minute => {
                self.witness.place.write(&mut writer);
                writer.uint(self.disclosure.performed_at_s / 60);
            }
        }
        keyed_hash(pepper, &writer.into_bytes())
    }
}

fn keyed_hash(pepper: &[u8; 32], message: &[u8]) -> NaturalKey {
    let mut full = [0; 32];
    // HMAC takes keys of every length; the arm for an error is never entered.
    if let Ok(mac) = Hmac::<Sha256>::new_from_slice(pepper) {
        full = mac.chain_update(message).finalize().into_bytes().into();
    }
    NaturalKey(first_bytes(full))
}

/// The points of a grant and what bound them: eligibility, caps in the programme's order, budget, lots.
fn grant(
    programme: &Programme,
    rule: &Rule,
    account: &Account,
    rows: &Overlay<'_>,
    (today, day, lot): (Day, Day, LotKey),
) -> (u32, Reason) {
    if !account.facts.is_some_and(|facts| facts.eligible) {
        return (0, Reason::NotEligible);
    }
    let open = account.lots.iter().filter(|lot| lot.key.expires_on >= today).count();
    if open >= LOTS_MAX && !account.lots.iter().any(|open| open.key == lot) {
        return (0, Reason::Lots);
    }
    let (mut granted, mut reason) = (rule.points, Reason::Full);
    for (of, per, points) in programme.caps_of(rule) {
        let counter = Counter::of_grant(of, per, (rule.rule, rule.class, rule.purse), day);
        let room = points.saturating_sub(account.charged(&counter));
        if room < granted {
            granted = room;
            reason = Reason::Cap(of, per);
        }
    }
    if rule.purse == Purse::Yen {
        let budget = rows.budgets(&(rule.fund, day.fiscal_year())).unwrap_or(&Budget::EMPTY);
        let room = budget.allocated.saturating_sub(budget.granted);
        if room < u64::from(granted) {
            granted = u32::try_from(room).unwrap_or(granted);
            reason = Reason::Budget;
        }
    }
    (granted, reason)
}
