//! Another programme over the actions that a ledger has: what each rule and fund would have given.
//!
//! The log is read from its beginning. What the rules know of keys, accounts and budgets is taken
//! over as it was recorded; every action of the fiscal year in question is decided again under the
//! other programme, in the order of the log, by the same function that the ledger itself uses. So
//! are those of the year before, uncounted: rules look back. Nothing is written.

use std::collections::BTreeMap;
use std::path::Path;

use ledger_spec::apply::apply;
use ledger_spec::decide::{Context, decide, measured_before};
use ledger_spec::entry::{Accounting, Contra, Effect, Entry, Subject};
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::Body;
use ledger_spec::points::Fund;
use ledger_spec::programme::Programme;
use ledger_spec::state::{Overlay, State};
use ledger_spec::statement::{Statement, Values};
use ledger_spec::time::Day;

use crate::engine::{EngineError, PersonalReader, REGISTRY_FILE, parse_entry};
use crate::keys::LedgerKeys;
use crate::log::disk::{Access, Disk};
use crate::log::{
    self, FrameRefusal, LOG_FOLDER, LogConfig, LogError, SEGMENT_BYTES, SEGMENTS_FOLDER,
};
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
pub struct Given {
    /// Judgements, those with 0 points included.
    pub acts: u64,
    /// Points.
    pub points: u64,
}

/// What was given, and what would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// As recorded.
    pub was: Given,
    /// Under the other programme.
    pub would: Given,
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

/// Decides the actions of a fiscal year again under `programme`, moved to that year. `progress` is
/// told the bytes read and the bytes in all.
///
/// # Errors
/// [`SimulateError`]
pub fn simulate(
    disk: &dyn Disk,
    (data_folder, origin, keys): (&Path, &str, &LedgerKeys),
    (programme, fiscal_year): (&Programme, u32),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Simulation, SimulateError> {
    let ledger = LedgerId::of_origin(origin);
    let registry = Registry::open_read_only(&data_folder.join(REGISTRY_FILE), &keys.kek)?;
    let before = moved((programme, 1), fiscal_year.saturating_sub(1))?;
    let programme = moved((programme, 2), fiscal_year)?;
    let mut replay = Replay {
        reader: PersonalReader { registry: &registry, ledger },
        pepper: &keys.pepper,
        names: programme.rules.iter().map(|rule| (rule.rule, rule.name.clone())).collect(),
        state: State::default(),
        measured: BTreeMap::new(),
        found: Simulation { fiscal_year, ..Simulation::default() },
    };
    replay.state.programmes = [before, programme].map(|it| (it.version, it.into())).into();
    let (mut read_bytes, total_bytes) = (0, log_bytes(disk, data_folder));
    let data_folder = data_folder.to_owned();
    let config = LogConfig { data_folder, ledger, segment_bytes: SEGMENT_BYTES };
    log::inspect(disk, &config, |frame| {
        for (seq, bytes) in frame.entries() {
            replay.entry(seq, bytes).map_err(FrameRefusal::from)?;
        }
        read_bytes += frame.bytes().len() as u64;
        progress(read_bytes, total_bytes);
        Ok(())
    })?;
    Ok(replay.found)
}

/// The size of the log for a bar of progress; 0 where it cannot be told.
fn log_bytes(disk: &dyn Disk, data_folder: &Path) -> u64 {
    let folder = data_folder.join(LOG_FOLDER).join(SEGMENTS_FOLDER);
    let names = disk.list(&folder).unwrap_or_default();
    let size = |name: String| disk.open(&folder.join(name), Access::Read)?.size_bytes();
    names.into_iter().map(|name| size(name).unwrap_or(0)).sum()
}

/// The programme with its days in another fiscal year.
fn moved(
    (programme, version): (&Programme, u32),
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

struct Replay<'a> {
    reader: PersonalReader<'a>,
    pepper: &'a [u8; 32],
    names: BTreeMap<u32, String>,
    /// The ledger as it would be.
    state: State,
    /// What measurements found, by their entries in that ledger.
    measured: BTreeMap<Seq, Values>,
    found: Simulation,
}

impl Replay<'_> {
    fn entry(&mut self, seq: Seq, bytes: &[u8]) -> Result<(), EngineError> {
        let wrong = |reason: String| EngineError::Entry { seq, reason };
        let (entry, accounting) = parse_entry(seq, bytes)?;
        let kept = kept::read(&accounting.statement.0).map_err(|error| wrong(error.to_string()))?;
        if matches!(kept.core.body, Body::Action(_)) {
            // Of the two programmes the first is for the year before.
            let version = (kept.core.day.fiscal_year() + 2).checked_sub(self.found.fiscal_year);
            let version = version.filter(|version| (1..=2).contains(version));
            return match version {
                Some(version) => self.action((&entry, &accounting), kept, version),
                None => Ok(()),
            };
        }
        self.learn_names(&accounting);
        let year = self.found.fiscal_year;
        let granted = |effect: &Effect| matches!(effect, Effect::ActionJudged { day, .. } if day.fiscal_year() == year);
        self.found.by_two += u64::from(accounting.effects.iter().any(granted));
        let effects = accounting.effects.iter().filter(|effect| is_known(effect));
        let effects: Vec<Effect> = effects.cloned().collect();
        if effects.is_empty() { Ok(()) } else { self.apply(accounting, effects) }
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
        (entry, accounting): (&Entry, &Accounting),
        mut statement: Statement,
        version: u32,
    ) -> Result<(), EngineError> {
        let counted = version == 2;
        let Some((now_ms, disclosure)) = self.reader.read(entry, accounting)? else {
            self.found.sealed += u64::from(counted);
            return Ok(());
        };
        if counted {
            self.count(&accounting.effects, |pair| &mut pair.was);
        }
        let values = disclosure.as_ref().and_then(|known| known.values);
        statement.disclosure = disclosure.map(|known| (known, Vec::new()));
        statement.read_carried().map_err(|error| EngineError::Entry {
            seq: accounting.seq,
            reason: error.to_string(),
        })?;
        // What vouched for it was checked when it was recorded.
        statement.row = None;
        statement.core.programme = Some(version);
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
        let mut state = Overlay::over(&self.state);
        let subject = from.subject.map(|subject| {
            let row = state.accounts(&subject.account);
            Subject {
                account: subject.account,
                account_seq: row.map_or(0, |row| row.entries),
                previous: row.and_then(|row| row.last),
            }
        });
        let accounting = Accounting { seq: state.next_seq(), subject, effects, ..from };
        apply(&accounting, &mut state)?;
        let changes = state.into_changes();
        self.state.absorb(changes);
        Ok(())
    }

    fn count(&mut self, effects: &[Effect], side: impl Fn(&mut Pair) -> &mut Given) {
        for effect in effects {
            #[expect(clippy::wildcard_enum_match_arm, reason = "two effects say what was given")]
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

/// What the rules know besides actions: these effects are taken over as they are.
fn is_known(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::BudgetAllocated { .. }
            | Effect::KeyRegistered { .. }
            | Effect::KeyRevoked { .. }
            | Effect::AccountOpened {}
            | Effect::FactsSet { .. }
            | Effect::DeviceEnrolled { .. }
            | Effect::CardIssued { .. }
            | Effect::CardRevoked { .. }
            | Effect::LinkGranted { .. }
            | Effect::LinkRevoked { .. }
    )
}
