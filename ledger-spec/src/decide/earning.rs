//! Earning: the real-world act behind an action, the points that caps and budget leave it, and what
//! follows from it.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Earlier, Outcome};
use super::holder::{channel_of, holder_of, venue_of};
use super::limits::CLOCK_AHEAD_S_MAX;
use super::lots::balance_after;
use super::rejection::Rejection;
use super::standing::bars_earning;
use crate::caps::{CapOf, CapPer, Channel};
use crate::cbor::{Wire, Writer};
use crate::entry::{Contra, Effect, Reason, Room};
use crate::ids::{AccountId, NaturalKey, PlaceId, Seq, keyed_hash};
use crate::kinds::{self, AgeTier, Body, Role};
use crate::points::{Fund, LotKey, Purse};
use crate::programme::{Evidence, Needs, Programme, Rule, SameAct, Times, Worth};
use crate::state::{Account, ActionKey, Budget, Counter, Facts, LOTS_MAX, Overlay, Recent, Signer};
use crate::statement::{Disclosure, Measure, Statement, Values};
use crate::time::Day;

/// Judges an action: it is recorded if it is genuine, in time and no duplicate, with the points
/// that are left for it.
pub(super) fn judge_action(body: &kinds::Action, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let Case { statement, state, .. } = *case;
    let signer = case.signer.ok_or(Rejection::KeyUnknown)?;
    let disclosure = case.disclosure()?;
    let day = statement.core.day;
    let programme = timely_programme(case)?;
    if disclosure.performed_at_s > case.now_s() + CLOCK_AHEAD_S_MAX {
        return Err(Rejection::ClockAhead);
    }
    let in_range = disclosure.values.is_none_or(|values| values.in_range());
    if Day::of_ms(disclosure.performed_at_s.saturating_mul(1_000)) != day || !in_range {
        return Err(Rejection::DisclosureOutOfRange);
    }
    let rule = programme.rule_of(body.action.as_str()).ok_or(Rejection::ActionUnknown)?;
    let exact = disclosure.exact_action.as_ref().map(kinds::Code::as_str);
    let worth = rule.worth(exact).ok_or(Rejection::ActionUnknown)?;
    let given = evidence_of(signer, disclosure, statement.carried.venue.is_some());
    let alone = given.is_some_and(|given| worth.evidence.contains(&given));
    let two = given == Some(Evidence::Staff) && worth.evidence.contains(&Evidence::TwoStaff);
    if !alone && (!two || statement.row.is_some()) {
        return Err(Rejection::RoleNotPermitted);
    }
    let venue = venue_of(body, case)?;
    check_values(rule, disclosure)?;
    let account = holder_of(disclosure, statement, signer, state)?;
    case.account(account)?;
    let place = venue.or_else(|| place_of(signer));
    let channel = channel_of(disclosure, signer);
    let act = Act { case, programme, rule, worth, exact, account, place, disclosure, day, channel };
    if !alone {
        act.check_new()?;
        return Outcome::on(account, vec![case.proposed()]);
    }
    act.grant()
}

/// What an action of staff does once another person has approved it. Nothing of its disclosure is
/// needed: a programme lets two persons grant only what the core says.
pub(super) fn approved_action(case: &Case<'_>) -> Result<Outcome, Rejection> {
    let Earlier { entry, statement: made } = case.context.earlier.ok_or(Rejection::EntryUnknown)?;
    let (Body::Action(body), Some(subject)) = (&made.core.body, entry.subject) else {
        return Err(Rejection::NotAnAction);
    };
    let case = &Case { statement: made, ..*case };
    let programme = timely_programme(case)?;
    let rule = programme.rule_of(body.action.as_str()).ok_or(Rejection::ActionUnknown)?;
    let worth = rule.worth(None).ok_or(Rejection::ActionUnknown)?;
    let (account, day, disclosure) = (subject.account, made.core.day, &Disclosure::default());
    // Staff stand at no place.
    let (exact, place, channel) = (None, None, Channel::Desk);
    let act = Act { case, programme, rule, worth, exact, account, place, disclosure, day, channel };
    act.grant()
}

/// The programme of an action's day, while it takes reports of that day.
fn timely_programme<'a>(case: &Case<'a>) -> Result<&'a Programme, Rejection> {
    let (day, today) = (case.statement.core.day, case.today());
    let programme = case.programme_on(day)?;
    if day < today.minus(programme.late_days) || today > programme.late_until {
        return Err(Rejection::DayTooOld);
    }
    Ok(programme)
}

/// What a statement rests on: who signed it, for a phone whether it has read a venue's code, and
/// for a partner whether a phone's sensor counted.
fn evidence_of(signer: &Signer, disclosure: &Disclosure, venue: bool) -> Option<Evidence> {
    let actor = match signer {
        Signer::Actor(actor) => actor,
        Signer::Device(_) => {
            return Some(if venue { Evidence::Venue } else { Evidence::SelfReport });
        }
    };
    // What a resident's own phone has read is worth nothing in another's mouth.
    if disclosure.venue.is_some() {
        return None;
    }
    match actor.role {
        Role::Staff => Some(Evidence::Staff),
        Role::Registry => Some(Evidence::Registry),
        Role::Station => Some(Evidence::Station),
        Role::Coach => Some(Evidence::Coach),
        Role::Kiosk => Some(Evidence::Kiosk),
        Role::Partner if disclosure.values.is_some_and(|values| values.steps.is_some()) => {
            Some(Evidence::PhoneSensor)
        }
        Role::Partner => Some(Evidence::Partner),
        Role::Root | Role::Shop | Role::Pin | Role::System | Role::Auditor => None,
    }
}

/// Where a signer stands.
fn place_of(signer: &Signer) -> Option<PlaceId> {
    match signer {
        Signer::Actor(actor) => actor.place,
        Signer::Device(_) => None,
    }
}

/// Values that the rule measures, and what makes them plausible.
fn check_values(rule: &Rule, disclosure: &Disclosure) -> Result<(), Rejection> {
    let values = disclosure.values.unwrap_or_default();
    if !rule.measures.iter().all(|measure| values.get(*measure).is_some()) {
        return Err(Rejection::ValueMissing);
    }
    // What nobody asked for is a fact about a person that nobody needs.
    let asked = |measure: &Measure| rule.measures.contains(measure);
    if Measure::ALL.iter().any(|measure| values.get(*measure).is_some() && !asked(measure)) {
        return Err(Rejection::ValueNotMeasured);
    }
    let Some(plausible) = &rule.plausible else { return Ok(()) };
    if values.by_hand == Some(true) {
        return Err(Rejection::EnteredByHand);
    }
    if values.steps.is_some_and(|steps| steps > plausible.steps_max) {
        return Err(Rejection::Implausible(plausible.steps_max));
    }
    let origin = disclosure.origin.as_ref().map(kinds::Code::as_str);
    let known = |origin: &str| plausible.origins.iter().any(|known| known == origin);
    if !plausible.origins.is_empty() && !origin.is_some_and(known) {
        return Err(Rejection::OriginUnknown);
    }
    Ok(())
}

/// The earlier entry whose measured values a decision on this statement compares with: its
/// disclosure is fetched beforehand.
#[must_use]
pub fn measured_before(statement: &Statement, state: &Overlay<'_>) -> Option<Seq> {
    let Body::Action(body) = &statement.core.body else { return None };
    let day = statement.core.day;
    let programme = state.programme_for(day)?;
    let rule = programme.rule_of(body.action.as_str())?;
    let improvement = |(_, needs)| match needs {
        Needs::Improvement { .. } => Some(needs),
        Needs::Days { .. } => None,
    };
    let needs = programme.derived_from(rule.rule).find_map(improvement)?;
    let signer = &state.keys(&statement.kid)?.signer;
    let account = holder_of(&statement.disclosure.as_ref()?.0, statement, signer, state).ok()?;
    earlier_measure(state.accounts(&account)?, needs, day).map(|found| found.seq)
}

/// The latest measurement in the reach of an improvement.
fn earlier_measure(account: &Account, needs: Needs, day: Day) -> Option<&Recent> {
    let (rule, days_min, days_max) = match needs {
        Needs::Improvement { rule, days_min, days_max, .. } => (rule, days_min, days_max),
        Needs::Days { .. } => return None,
    };
    let within = |kept: &&Recent| {
        let after = day.0.checked_sub(kept.day.0);
        kept.rule == rule && after.is_some_and(|days| (days_min..=days_max).contains(&days))
    };
    account.recent.iter().filter(within).max_by_key(|kept| (kept.day, kept.seq))
}

/// The real-world act behind a report.
struct Act<'a> {
    case: &'a Case<'a>,
    programme: &'a Programme,
    rule: &'a Rule,
    worth: Worth<'a>,
    exact: Option<&'a str>,
    account: AccountId,
    place: Option<PlaceId>,
    disclosure: &'a Disclosure,
    day: Day,
    channel: Channel,
}

/// The account and the budgets as the grants so far leave them.
struct Judged {
    account: Account,
    budgets: Vec<(Fund, u32)>,
    effects: Vec<Effect>,
}

impl Act<'_> {
    /// Records the act, unless it is recorded already.
    fn grant(&self) -> Result<Outcome, Rejection> {
        let row = self.case.account(self.account)?;
        let key = self.check_new()?;

        // From here on the action is recorded; a grant is reduced to the room that is left.
        let slots: Result<Vec<NaturalKey>, CapPer> =
            self.worth.times.iter().map(|times| self.free_slot(*times)).collect();
        let mut judged = Judged { account: row.clone(), budgets: Vec::new(), effects: Vec::new() };
        let wanted = match &slots {
            Err(per) => Err(Reason::Times(*per)),
            Ok(_) => self.wanted(row),
        };
        let counted = self.judge(&mut judged, self.rule, self.worth.fund, wanted);
        if counted {
            self.judge_derived(&mut judged, row);
        }
        let mut effects = judged.effects;
        effects.push(Effect::ActTaken { key });
        let slots = slots.unwrap_or_default().into_iter().filter(|_| counted);
        effects.extend(slots.map(|key| Effect::ActTaken { key }));
        effects.push(balance_after(&judged.account, &[], self.case.today()));
        Outcome::on(self.account, effects)
    }

    /// The act's natural key, which no entry holds.
    fn check_new(&self) -> Result<NaturalKey, Rejection> {
        let key = self.natural_key()?;
        match self.case.state.act_taken(&key) {
            Some(seq) => Err(Rejection::ActionDuplicate(seq)),
            None => Ok(key),
        }
    }

    fn natural_key(&self) -> Result<NaturalKey, Rejection> {
        let mut writer = self.named();
        // A phone with the code and a card at the desk of the same event are one visit.
        if let Some(place) = self.place.filter(|_| self.worth.evidence.contains(&Evidence::Venue)) {
            place.write(&mut writer);
            self.day.write(&mut writer);
            return Ok(self.keyed(writer));
        }
        match self.worth.same_act {
            SameAct::Day => {
                writer.null();
                self.day.write(&mut writer);
            }
            SameAct::Minute => {
                self.place.write(&mut writer);
                writer.uint(self.disclosure.performed_at_s / 60);
            }
            SameAct::Reference => {
                let reference = self.disclosure.reference.as_ref();
                let reference = reference.ok_or(Rejection::ReferenceMissing)?;
                writer.null();
                reference.write(&mut writer);
            }
        }
        Ok(self.keyed(writer))
    }

    fn keyed(&self, writer: Writer) -> NaturalKey {
        NaturalKey(keyed_hash(self.case.context.pepper, &writer.into_bytes()))
    }

    fn named(&self) -> Writer {
        let mut writer = Writer::default();
        writer.array(4);
        writer.text(self.exact.unwrap_or(&self.rule.action));
        self.account.write(&mut writer);
        writer
    }

    /// The first of the exact action's places in its period that is not taken, or the period.
    fn free_slot(&self, times: Times) -> Result<NaturalKey, CapPer> {
        let action = ActionKey::of(self.rule, self.day);
        let start = Counter::of_action(CapOf::Rule, times.per, action).start;
        let slot = |index: u32| {
            let mut writer = self.named();
            writer.array(2);
            times.per.write(&mut writer);
            start.write(&mut writer);
            writer.uint(index.into());
            self.keyed(writer)
        };
        let mut slots = (0..times.times).map(slot);
        slots.find(|slot| self.case.state.act_taken(slot).is_none()).ok_or(times.per)
    }

    /// The points that the rule gives before any cap, or why it gives none.
    fn wanted(&self, account: &Account) -> Result<u32, Reason> {
        if let Some(status) = bars_earning(account, self.case.today(), self.day) {
            return Err(Reason::Standing(status));
        }
        let facts = self.eligible(account).ok_or(Reason::NotEligible)?;
        if self.day > self.programme.earn_until {
            return Err(Reason::Season);
        }
        let steps = self.values().steps.unwrap_or(0);
        if self.rule.plausible.as_ref().is_some_and(|plausible| steps > plausible.review_above) {
            return Err(Reason::Review);
        }
        let tier = facts.age_tier(self.programme.age_on);
        let points = self.reached(tier, steps).ok_or(Reason::BelowGoal)?;
        match self.too_soon(account) {
            Some(next) => Err(Reason::TooSoon(next)),
            None => Ok(points),
        }
    }

    fn values(&self) -> Values {
        self.disclosure.values.unwrap_or_default()
    }

    /// Whether the person takes part on the action's day.
    fn eligible(&self, account: &Account) -> Option<Facts> {
        account.facts.filter(|facts| facts.eligible_from.is_some_and(|from| self.day >= from))
    }

    fn reached(&self, tier: AgeTier, steps: u32) -> Option<u32> {
        if self.rule.goals.is_empty() {
            return Some(self.worth.points);
        }
        let reached =
            self.rule.goals.iter().filter(|goal| goal.ages.contains(&tier) && steps >= goal.steps);
        reached.map(|goal| goal.points).max()
    }

    /// The first day on which a rule that counts once in so many days counts again, if that is not
    /// this one. Reports that arrive out of order are spaced in both directions.
    fn too_soon(&self, account: &Account) -> Option<Day> {
        let every = self.rule.every_days?;
        let kept = account.recent.iter().filter(|kept| kept.rule == self.rule.rule);
        let near = kept.filter(|kept| kept.day.0.abs_diff(self.day.0) < every);
        near.map(|kept| kept.day.plus(every)).max()
    }

    /// Grants what is left of the wanted points; whether the action counts for others.
    fn judge(
        &self,
        judged: &mut Judged,
        rule: &Rule,
        fund: Fund,
        wanted: Result<u32, Reason>,
    ) -> bool {
        let (day, expires_on) = (self.day, self.programme.expiry_of(self.day));
        let lot = LotKey { purse: rule.purse, fund, expires_on };
        let (granted, reason, room) = match wanted {
            Ok(points) => self.left_of(points, rule, lot, judged),
            Err(reason) => (0, reason, None),
        };
        let action = ActionKey::of(rule, day);
        let ActionKey { rule: number, class, purse, .. } = action;
        if granted > 0 {
            let contra = match purse {
                Purse::Yen => Contra::Budget(day.fiscal_year()),
                Purse::Challenge => Contra::Challenge,
            };
            let points = i64::from(granted);
            judged.effects.push(Effect::Posting { lot, points, contra });
            // A lot gains and a counter rises: neither can fail.
            let _ = judged.account.move_lot(lot, points);
            for (of, per, _) in self.programme.caps_of(rule) {
                let counter = Counter::of_action(of, per, action);
                let _ = judged.account.charge(counter, points);
            }
            judged.budgets.push((fund, granted));
        }
        let channel = self.channel;
        judged.effects.push(Effect::ActionJudged {
            rule: number,
            class,
            purse,
            day,
            granted,
            reason,
            room,
            channel,
        });
        reason.counts()
    }

    /// The points of a grant, what bound them, and what the tightest cap leaves: lots, caps in the
    /// programme's order, budget.
    fn left_of(
        &self,
        wanted: u32,
        rule: &Rule,
        lot: LotKey,
        judged: &Judged,
    ) -> (u32, Reason, Option<Room>) {
        let account = &judged.account;
        let open =
            account.lots.iter().filter(|lot| lot.key.expires_on >= self.case.today()).count();
        if open >= LOTS_MAX && !account.lots.iter().any(|open| open.key == lot) {
            return (0, Reason::Lots, None);
        }
        let (mut granted, mut reason, mut tightest) = (wanted, Reason::Full, None::<Room>);
        for (of, per, points) in self.programme.caps_of(rule) {
            let counter = Counter::of_action(of, per, ActionKey::of(rule, self.day));
            let points = points.saturating_sub(account.charged(&counter));
            if points < granted {
                granted = points;
                reason = Reason::Cap(of, per);
            }
            // Of an act that counts once a day or in some days, "once more today" would be no news.
            let told =
                rule.every_days.is_none() && (per, rule.same_act) != (CapPer::Day, SameAct::Day);
            if told && tightest.is_none_or(|room| points < room.points) {
                tightest = Some(Room { of, per, points });
            }
        }
        if rule.purse == Purse::Yen {
            let budget = self.case.state.budgets(&(lot.fund, self.day.fiscal_year()));
            let Budget { allocated, granted: spent } = *budget.unwrap_or(&Budget::EMPTY);
            let here = judged.budgets.iter().filter(|(fund, _)| *fund == lot.fund);
            let here: u64 = here.map(|(_, points)| u64::from(*points)).sum();
            let room = allocated.saturating_sub(spent + here);
            if room < u64::from(granted) {
                granted = u32::try_from(room).unwrap_or(granted);
                reason = Reason::Budget;
            }
        }
        let left = |room: Room| Room { points: room.points.saturating_sub(granted), ..room };
        let room = tightest.map(left).filter(|_| reason == Reason::Full);
        (granted, reason, room)
    }

    /// What follows from an action that counts: enough days of it, or a level above one's own
    /// earlier one.
    fn judge_derived(&self, judged: &mut Judged, before: &Account) {
        let source = self.rule;
        let level_before = self.case.context.measured.and_then(|values| values.level_tenths);
        for (rule, needs) in self.programme.derived_from(source.rule) {
            let met = match needs {
                Needs::Days { days, per, .. } => {
                    let action = ActionKey::of(source, self.day);
                    let counter = Counter::of_action(CapOf::Days, per, action);
                    before.charged(&counter).saturating_add(1) == days
                }
                Needs::Improvement { tenths, .. } => {
                    let levels = (self.values().level_tenths, level_before);
                    let risen = matches!(levels, (Some(level), Some(old)) if level >= old + tenths);
                    risen && earlier_measure(before, needs, self.day).is_some()
                }
            };
            let employed = before.employer.is_some_and(|employer| self.day <= employer.until);
            if met && (employed || !rule.employer) {
                self.judge(judged, rule, rule.fund, Ok(rule.points));
            }
        }
    }
}
