//! Another programme over the actions that a ledger has: what each rule and fund would have given.
//!
//! The log is read from its beginning. What the rules know of keys, accounts and budgets is taken
//! over as it was recorded; every action of the fiscal year in question is decided again under the
//! other programme, in the order of the log, by the same function that the ledger itself uses. So
//! are those of the year before, uncounted: rules look back. What people did with their points, and
//! what two persons corrected, is taken over as far as the ledger that would be allows it. Nothing
//! is written.

use std::collections::BTreeMap;
use std::path::Path;

use ledger_spec::apply::apply;
use ledger_spec::decide::{Context, decide, measured_before};
use ledger_spec::entry::{Accounting, Contra, Effect, Judgement, Subject};
use ledger_spec::ids::{AccountId, DayKid, Kid, LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::Body;
use ledger_spec::points::{Fund, LotKey};
use ledger_spec::programme::Programme;
use ledger_spec::state::{Account, Overlay, State};
use ledger_spec::statement::{Statement, Values};
use ledger_spec::time::Day;
use ledger_spec::token::{PayToken, SignedMessage};

use crate::engine::replay::{LogEntry, LogSource, OnProgress, read_entries};
use crate::engine::{EngineError, PersonalReader, REGISTRY_FILE};
use crate::keys::LedgerKeys;
use crate::log::LogError;
use crate::log::disk::Disk;
use crate::registry::{Registry, RegistryError};

/// Why a simulation could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The programme cannot be moved to the year.
    #[error("the programme has no day like {0} in the other year; name days that every year has")]
    Date(Day),
}

/// What a rule or a fund gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FundTotals {
    /// Judgements, those with 0 points included.
    pub acts: u64,
    /// Points.
    pub points: u64,
}

/// What was given, and what would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// As recorded.
    pub was: FundTotals,
    /// Under the other programme.
    pub would: FundTotals,
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// The fiscal year whose actions were decided again.
    pub fiscal_year: u32,
    /// By rule number, with the rule's name under the other programme or its own.
    pub rules: BTreeMap<u32, (String, Pair)>,
    /// By fund.
    pub funds: BTreeMap<Fund, Pair>,
    /// Actions that the other programme would refuse, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Actions whose sealed part is gone; they count in neither column.
    pub sealed: u64,
    /// Actions that two persons of the staff granted; they count in neither column, because their
    /// proposals name the programme that they were judged by.
    pub by_two: u64,
}

/// Which ledger's actions to decide again, and how.
pub struct SimulateConfig<'a> {
    /// The data folder.
    pub data_folder: &'a Path,
    /// The origin that every frame is bound to.
    pub origin: &'a str,
    /// The ledger's secrets, which open what is sealed.
    pub keys: &'a LedgerKeys,
    /// The other programme.
    pub programme: &'a Programme,
    /// The fiscal year whose actions are decided; the programme is moved to it.
    pub fiscal_year: u32,
}

/// Decides the actions of a fiscal year again under another programme. `progress` is told the bytes
/// read and the bytes in all.
///
/// # Errors
/// [`SimulateError`]
pub fn simulate(
    disk: &dyn Disk,
    config: &SimulateConfig<'_>,
    progress: OnProgress<'_>,
) -> Result<Simulation, SimulateError> {
    let SimulateConfig { data_folder, origin, keys, programme, fiscal_year } = *config;
    let ledger = LedgerId::of_origin(origin);
    let registry = Registry::open_read_only(&data_folder.join(REGISTRY_FILE), &keys.kek)?;
    registry.check_secrets(keys)?;
    let before = moved(programme, 1, fiscal_year.saturating_sub(1))?;
    let programme = moved(programme, 2, fiscal_year)?;
    let mut year = Retrial {
        reader: PersonalReader { registry: &registry, ledger },
        pepper: &keys.pepper,
        names: programme.rules.iter().map(|rule| (rule.rule, rule.name.clone())).collect(),
        state: State::default(),
        phones: BTreeMap::new(),
        measured: BTreeMap::new(),
        grants: BTreeMap::new(),
        found: Simulation { fiscal_year, ..Simulation::default() },
    };
    year.state.programmes = [before, programme].map(|it| (it.version, it.into())).into();
    read_entries(LogSource { disk, data_folder, ledger }, progress, |entry| year.entry(entry))?;
    Ok(year.found)
}

/// The programme as a version of its own, with its days in another fiscal year.
fn moved(
    programme: &Programme,
    version: u32,
    fiscal_year: u32,
) -> Result<Programme, SimulateError> {
    let there = |day: Day| {
        let (year, month, date) = day.ymd();
        let year = (year + fiscal_year).checked_sub(programme.fiscal_year);
        let found = year.and_then(|year| Day::from_ymd(year, month, date));
        found.ok_or(SimulateError::Date(day))
    };
    Ok(Programme {
        version,
        fiscal_year,
        from: there(programme.from)?,
        until: there(programme.until)?,
        earn_until: there(programme.earn_until)?,
        late_until: there(programme.late_until)?,
        age_on: there(programme.age_on)?,
        ..programme.clone()
    })
}

/// The ledger under the other programme, and what was found on the way.
struct Retrial<'a> {
    reader: PersonalReader<'a>,
    pepper: &'a [u8; 32],
    names: BTreeMap<u32, String>,
    /// The ledger as it would be.
    state: State,
    /// What measurements found, by their entries.
    measured: BTreeMap<Seq, Values>,
    /// What it granted for the actions of the two years, by their entries: what a withdrawal takes
    /// back. Empty where it refuses the action or cannot open it.
    grants: BTreeMap<Seq, Vec<Grant>>,
    /// The phones of each account: which of them showed a code is told by its key of the day.
    phones: BTreeMap<AccountId, Vec<[u8; 32]>>,
    found: Simulation,
}

impl Retrial<'_> {
    fn entry(&mut self, logged: LogEntry) -> Result<(), EngineError> {
        let kept = kept::read(&logged.accounting.statement.0);
        let kept = kept.map_err(|error| logged.fault(&error))?;
        if matches!(kept.core.body, Body::Action(_)) {
            // Of the two programmes the first is for the year before.
            let version = (kept.core.day.fiscal_year() + 2).checked_sub(self.found.fiscal_year);
            let version = version.filter(|version| (1..=2).contains(version));
            return match version {
                Some(version) => self.action(&logged, kept, version),
                None => Ok(()),
            };
        }
        let accounting = logged.accounting;
        self.learn_names(&accounting);
        let year = self.found.fiscal_year;
        let granted = accounting.judgements().any(|judged| judged.day.fiscal_year() == year);
        self.found.by_two += u64::from(granted);
        let effects = self.taken_over(&accounting, &kept.core.body);
        if effects.is_empty() { Ok(()) } else { self.apply(accounting, effects) }
    }

    /// What an entry that is no action changes in the ledger that would be.
    fn taken_over(&self, recorded: &Accounting, body: &Body) -> Vec<Effect> {
        let state = Overlay::over(&self.state);
        let account = recorded.subject.and_then(|subject| state.accounts(&subject.account));
        let today = recorded.accepted_day();
        let mut taken = Taken { state: &state, account, today, effects: Vec::new() };
        if let Some(entry) = withdrawn_by(&recorded.effects) {
            for grant in self.grants.get(&entry).into_iter().flatten() {
                taken.withdraw(grant);
            }
            taken.effects.push(Effect::Undone { entry });
            return taken.effects;
        }
        // The other programme may have taken the proposal itself for the action.
        let is_judged = |proposal| self.grants.get(proposal).is_some_and(|it| !it.is_empty());
        if !matches!(body, Body::Approve(approve) if is_judged(&approve.proposal)) {
            recorded.effects.iter().for_each(|effect| taken.take(effect));
        }
        taken.effects
    }

    /// The names of rules that the other programme does not have.
    fn learn_names(&mut self, accounting: &Accounting) {
        for effect in &accounting.effects {
            if let Effect::ProgrammeInForce { document, .. } = effect
                && let Ok(programme) = Programme::parse(document.as_str())
            {
                for rule in programme.rules {
                    self.names.entry(rule.rule).or_insert(rule.name);
                }
            }
        }
    }

    fn action(
        &mut self,
        logged: &LogEntry,
        mut statement: Statement,
        version: u32,
    ) -> Result<(), EngineError> {
        let LogEntry { entry, accounting, .. } = logged;
        let counted = version == 2;
        self.grants.insert(accounting.seq, Vec::new());
        let Some((now_ms, disclosure)) = self.reader.read(entry, accounting)? else {
            self.found.sealed += u64::from(counted);
            return Ok(());
        };
        if counted {
            self.count(&accounting.effects, |pair| &mut pair.was);
        }
        let values = disclosure.as_ref().and_then(|known| known.values);
        statement.disclosure = disclosure.map(|known| (known, Vec::new()));
        let phones = accounting.subject.and_then(|subject| self.phones.get(&subject.account));
        let phone_of = |token: &SignedMessage<PayToken>| {
            let (name, day) = (token.day_kid(), token.message.day());
            let named = phones?.iter().find(|key| DayKid::of(key, day) == name);
            named.map(Kid::of)
        };
        statement.read_carried(phone_of).map_err(|error| logged.fault(&error))?;
        // What vouched for it was checked when it was recorded.
        statement.row = None;
        statement.core.programme = Some(version);
        self.state.size = accounting.seq.0;
        let state = std::mem::take(&mut self.state);
        let overlay = Overlay::over(&state);
        let measured = measured_before(&statement, &overlay);
        let measured = measured.and_then(|seq| self.measured.get(&seq)).copied();
        let context = Context { now_ms, pepper: self.pepper, earlier: None, measured };
        let decided = decide(&statement, &overlay, &context);
        drop(overlay);
        self.state = state;
        match decided {
            Ok(decided) => {
                if counted {
                    self.count(&decided.effects, |pair| &mut pair.would);
                }
                self.measured.extend(values.map(|values| (decided.seq, values)));
                let effects = decided.effects.clone();
                self.apply(decided, effects)
            }
            Err(_) if !counted => Ok(()),
            Err(rejection) => {
                *self.found.refused.entry(rejection.to_string()).or_default() += 1;
                Ok(())
            }
        }
    }

    fn apply(&mut self, from: Accounting, effects: Vec<Effect>) -> Result<(), EngineError> {
        // What is left out leaves a gap, so that each entry stands where the log has it.
        self.state.size = from.seq.0;
        let mut state = Overlay::over(&self.state);
        let subject = from.subject.map(|subject| {
            let row = state.accounts(&subject.account);
            Subject {
                account: subject.account,
                account_seq: row.map_or(0, |row| row.entries),
                previous: row.and_then(|row| row.last),
            }
        });
        let accounting = Accounting { subject, effects, ..from };
        for effect in &accounting.effects {
            if let (Effect::DeviceEnrolled { public_key, .. }, Some(subject)) = (effect, subject) {
                self.phones.entry(subject.account).or_default().push(*public_key);
            }
        }
        apply(&accounting, &mut state)?;
        let judged = grants_of(&accounting.effects);
        if !judged.is_empty() {
            self.grants.insert(accounting.seq, judged);
        }
        let changes = state.into_changes();
        self.state.absorb(changes);
        Ok(())
    }

    fn count(&mut self, effects: &[Effect], side: impl Fn(&mut Pair) -> &mut FundTotals) {
        for effect in effects {
            #[expect(clippy::wildcard_enum_match_arm, reason = "a comparison counts two effects")]
            match effect {
                Effect::ActionJudged { rule, granted, .. } => {
                    let name = self.names.get(rule).cloned().unwrap_or_default();
                    let row = self.found.rules.entry(*rule).or_insert((name, Pair::default()));
                    let given = side(&mut row.1);
                    given.acts += 1;
                    given.points += u64::from(*granted);
                }
                Effect::Posting { lot, points, contra: Contra::Budget(_) } => {
                    let given = side(self.found.funds.entry(lot.fund).or_default());
                    given.acts += 1;
                    given.points += points.unsigned_abs();
                }
                _ => {}
            }
        }
    }
}

/// What a rule granted for an action.
struct Grant {
    judgement: Judgement,
    /// Where the points went and came from; none without points.
    posting: Option<(LotKey, Contra)>,
}

/// The grants of an entry, each with the posting that stands before its judgement.
fn grants_of(effects: &[Effect]) -> Vec<Grant> {
    let (mut posting, mut found) = (None, Vec::new());
    for effect in effects {
        if let Effect::Posting { lot, contra, .. } = effect {
            posting = Some((*lot, *contra));
        }
        if let Some(judgement) = effect.judgement() {
            let posting = posting.take().filter(|_| judgement.granted > 0);
            found.push(Grant { judgement, posting });
        }
    }
    found
}

/// The entry whose action these effects take back.
fn withdrawn_by(effects: &[Effect]) -> Option<Seq> {
    let withdraws = |effect: &Effect| matches!(effect, Effect::ActionWithdrawn { .. });
    let undone = |effect: &Effect| {
        if let Effect::Undone { entry } = effect { Some(*entry) } else { None }
    };
    if effects.iter().any(withdraws) { effects.iter().find_map(undone) } else { None }
}

/// Effects of a recorded entry on their way into the ledger that would be.
struct Taken<'a> {
    state: &'a Overlay<'a>,
    /// The entry's account as it would be.
    account: Option<&'a Account>,
    today: Day,
    effects: Vec<Effect>,
}

impl Taken<'_> {
    /// Takes an effect over: as it is where the rules ask for what it says, as far as it can be
    /// where it moves points, and not at all where no judgement rests on it.
    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::BudgetAllocated { .. }
            | Effect::KeyRegistered { .. }
            | Effect::KeyRevoked { .. }
            | Effect::AccountOpened {}
            | Effect::FactsSet { .. }
            | Effect::StatusSet { .. }
            | Effect::DeviceEnrolled { .. }
            | Effect::CardIssued { .. }
            | Effect::CardRevoked { .. }
            | Effect::PinSet { .. }
            | Effect::RewardRebound { .. }
            | Effect::Suspended { .. }
            | Effect::Resumed { .. }
            | Effect::AccountClosed {}
            | Effect::AccountErased {}
            | Effect::LinkGranted { .. }
            | Effect::LinkRevoked { .. } => self.effects.push(effect.clone()),
            Effect::Posting { lot, points, contra } => self.post(*lot, *points, *contra),
            Effect::ActionJudged { rule, day, .. } => {
                let programme = self.state.programme_for(*day);
                self.judge(effect, programme.is_some_and(|it| it.rule(*rule).is_some()));
            }
            Effect::ActTaken { key } => {
                if self.state.act_taken(key).is_none() {
                    self.effects.push(effect.clone());
                }
            }
            Effect::LotExtended { lot, .. } => {
                if self.spendable(*lot) > 0 {
                    self.effects.push(effect.clone());
                }
            }
            // Proposals are decided with their approvals, the programmes are the two given, and
            // withdrawals take back what would have been granted.
            Effect::Proposed { .. }
            | Effect::Approved { .. }
            | Effect::ProgrammeInForce { .. }
            | Effect::ActionWithdrawn { .. }
            | Effect::Undone { .. }
            // Whether a code, token, card or list is good was judged when it was shown.
            | Effect::CodeUsed { .. }
            | Effect::TokenSpent { .. }
            | Effect::CardWithoutPin { .. }
            | Effect::PinProven { .. }
            | Effect::ManifestOpened { .. }
            | Effect::ManifestClosed { .. }
            // Of what is held, refunded, claimed and drawn the postings say where the points are.
            | Effect::HoldOpened { .. }
            | Effect::HoldEnded { .. }
            | Effect::Refunded { .. }
            | Effect::RewardClaimed { .. }
            | Effect::RewardEnded { .. }
            | Effect::OpeningAllocated { .. }
            | Effect::ShopAccountSet { .. }
        | Effect::Brought { .. }
        | Effect::CatalogueInForce { .. }
            | Effect::DrawCommitted { .. }
            | Effect::DrawConcluded { .. }
            // Sums, which follow from the rest.
            | Effect::Balance { .. }
            | Effect::DayClosed { .. }
            | Effect::ShopSettled { .. }
            | Effect::SettlementPaid { .. } => {}
        }
    }

    /// What two persons granted counts where the other programme has the rule.
    fn judge(&mut self, judged: &Effect, is_known: bool) {
        let posted = self.effects.pop_if(|last| matches!(last, Effect::Posting { .. }));
        if !is_known {
            return;
        }
        let mut judged = judged.clone();
        if let Effect::ActionJudged { granted, .. } = &mut judged {
            *granted = posted.as_ref().map_or(0, points_of);
        }
        self.effects.extend(posted);
        self.effects.push(judged);
    }

    /// Takes a judgement back, with the points that are still there.
    fn withdraw(&mut self, grant: &Grant) {
        let Judgement { rule, class, purse, day, granted, reason, .. } = grant.judgement;
        let (counted, posting) = (reason.counts(), grant.posting);
        let before = self.effects.len();
        if let Some((lot, contra)) = posting {
            self.post(lot, -i64::from(granted), contra);
        }
        let back = self.effects.get(before).map_or(0, points_of);
        let shortfall = granted.saturating_sub(back);
        let effect =
            Effect::ActionWithdrawn { rule, class, purse, day, granted, counted, shortfall };
        self.effects.push(effect);
    }

    /// Moves points as far as lot and budget allow. Who else gains or loses them is no matter to an
    /// action.
    fn post(&mut self, lot: LotKey, points: i64, contra: Contra) {
        let least = -self.spendable(lot);
        let (least, most, contra) = match contra {
            Contra::Budget(fiscal_year) => {
                let given = self.granted(lot.fund, fiscal_year);
                let budget = self.state.budgets(&(lot.fund, fiscal_year));
                let allocated = budget.map_or(0, |budget| as_points(budget.allocated));
                (least.max(-given), allocated - given, contra)
            }
            Contra::Challenge => (least, i64::MAX, contra),
            Contra::Shop(_)
            | Contra::Held(_)
            | Contra::Retired
            | Contra::Expired
            | Contra::Imported => {
                let other = if points < 0 { Contra::Retired } else { Contra::Imported };
                (least, i64::MAX, other)
            }
        };
        let points = points.max(least).min(most);
        if points != 0 {
            self.effects.push(Effect::Posting { lot, points, contra });
        }
    }

    /// What can be spent of a lot today, after the effects so far.
    fn spendable(&self, lot: LotKey) -> i64 {
        let lots = self.account.into_iter().flat_map(|account| &account.lots);
        let held = lots.filter(|held| held.key == lot && lot.expires_on >= self.today);
        let moved = self.postings().filter(|(of, _, _)| *of == lot).map(|(_, points, _)| points);
        held.map(|held| i64::from(held.points)).chain(moved).sum()
    }

    /// What a fund has granted in a fiscal year, after the effects so far.
    fn granted(&self, fund: Fund, fiscal_year: u32) -> i64 {
        let before = self.state.budgets(&(fund, fiscal_year));
        let before = before.map_or(0, |budget| as_points(budget.granted));
        let contra = Contra::Budget(fiscal_year);
        let here = self.postings().filter(|(lot, _, of)| (lot.fund, *of) == (fund, contra));
        before + here.map(|(_, points, _)| points).sum::<i64>()
    }

    fn postings(&self) -> impl Iterator<Item = (LotKey, i64, Contra)> {
        self.effects.iter().filter_map(|effect| {
            let Effect::Posting { lot, points, contra } = effect else { return None };
            Some((*lot, *points, *contra))
        })
    }
}

fn as_points(sum: u64) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

/// The points that a posting moves, in whichever direction.
fn points_of(effect: &Effect) -> u32 {
    let Effect::Posting { points, .. } = effect else { return 0 };
    u32::try_from(points.unsigned_abs()).unwrap_or(u32::MAX)
}
