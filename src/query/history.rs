//! An account's entries for the person whose they are, newest first, along their chain in the log.

use std::sync::Arc;

use ledger_spec::caps::{CapOf, CapPer};
use ledger_spec::entry::{Accounting, Contra, Judgement, Reason, receipt_number};
use ledger_spec::ids::{Kid, LedgerId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{Body, Cause, Code, Kind, Role, Status};
use ledger_spec::points::Purse;
use ledger_spec::programme::{Programme, Rule};
use ledger_spec::state::{Overlay, Signer, State};
use ledger_spec::statement::{Disclosure, Statement, Values};
use ledger_spec::time::Day;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::access::{Access, HISTORY_LOOKED_AT_MAX};
use super::rewards;
use crate::engine::{Engine, EngineError};

/// The most entries of a history that one answer gives.
pub const HISTORY_ENTRIES_MAX: usize = 200;
/// More times than this are as good as any number.
const TIMES_LEFT_MAX: u32 = 31;

/// One entry of an account, for the person whose it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryLine {
    /// The entry.
    pub seq: u64,
    /// The statement's kind.
    #[serde(serialize_with = "kind_name")]
    #[schema(value_type = String, example = "redeem")]
    pub kind: Kind,
    /// The statement's day.
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// Unix seconds of acceptance: exact while the personal part is there, otherwise as coarse as
    /// the ledger keeps it.
    pub accepted_at_s: u64,
    /// Points that moved, negative when spent; nothing where none could.
    pub points: Option<i64>,
    /// Points that a shop reserved, negative when it let them go; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<i64>,
    /// The action's public code.
    pub action: Option<String>,
    /// Its name in Japanese; the exact action's while the personal part is there.
    pub name: Option<String>,
    /// Its name in English.
    pub name_en: Option<String>,
    /// What else the action brought: rules that follow from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoJson>,
    /// The public name of the shop or station.
    pub place: Option<String>,
    /// The family's phone that claimed, the id of its key; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$")]
    pub family: Option<Kid>,
    /// Why an action was granted what it was granted.
    pub reason: Option<ReasonJson>,
    /// The number to say on the telephone.
    #[schema(example = "0010-C4")]
    pub receipt_number: String,
    /// Points of the yen purse afterwards.
    pub yen_after: Option<u64>,
    /// What was measured, while the personal part is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<ValuesJson>,
    /// Why the city changed something, as a word of the list of causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "input_error")]
    pub cause: Option<Cause>,
    /// What whoever changed it wrote, while the personal part is there; the source of opening
    /// points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether an entry in a draw has won, once it is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won: Option<bool>,
    /// `true` where the ledger itself acted as the resident has asked; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<bool>,
    /// `true` for a proposal, which does nothing until another person approves; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over so")]
fn kind_name<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// A rule that followed from an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlsoJson {
    /// Its name in Japanese.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Points granted.
    pub points: u32,
}

/// What a measurement found, for the person who was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ValuesJson {
    /// Vegetable level in tenths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_tenths: Option<u32>,
    /// Systolic pressure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub systolic_mmhg: Option<u32>,
    /// Diastolic pressure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diastolic_mmhg: Option<u32>,
    /// Duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// Steps of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

impl ValuesJson {
    /// Systolic and diastolic pressure.
    #[must_use]
    pub fn pressure_mmhg(self) -> Option<(u32, u32)> {
        self.systolic_mmhg.zip(self.diastolic_mmhg)
    }
}

impl From<Values> for ValuesJson {
    fn from(values: Values) -> Self {
        // Whether a person typed them in is the rule's business.
        let Values { level_tenths, systolic_mmhg, diastolic_mmhg, minutes, steps, by_hand: _ } =
            values;
        Self { level_tenths, systolic_mmhg, diastolic_mmhg, minutes, steps }
    }
}

/// Which entries of a history are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Health actions.
    Actions,
    /// What was spent in shops, and what came back.
    Shops,
}

impl Filter {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Actions, Self::Shops];

    /// Its word in addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Shops => "shops",
        }
    }

    fn includes(self, kind: Kind) -> bool {
        Self::showing(kind) == Some(self)
    }

    /// The choice that shows a kind; `None` for a kind that the whole history alone has.
    fn showing(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Action | Kind::ActionWithdraw => Some(Self::Actions),
            Kind::Redeem
            | Kind::Void
            | Kind::Refund
            | Kind::Hold
            | Kind::Capture
            | Kind::Release
            | Kind::RewardUse => Some(Self::Shops),
            Kind::ProgrammePublish
            | Kind::BudgetAllocate
            | Kind::KeyRegister
            | Kind::KeyRevoke
            | Kind::AccountOpen
            | Kind::AccountFacts
            | Kind::AccountStatus
            | Kind::AccountClose
            | Kind::AccountErase
            | Kind::DeviceEnrol
            | Kind::DeviceRevoke
            | Kind::CardIssue
            | Kind::CardRevoke
            | Kind::CataloguePublish
            | Kind::RewardClaim
            | Kind::RewardCancel
            | Kind::DrawCommit
            | Kind::DrawResult
            | Kind::LinkGrant
            | Kind::LinkRevoke
            | Kind::Adjust
            | Kind::LotExtend
            | Kind::BalanceImport
            | Kind::Approve
            | Kind::Expire
            | Kind::DayClose
            | Kind::SettlementClose
            | Kind::SettlementPaid
            | Kind::AuditStatement
            | Kind::Manifest
            | Kind::CardPin
            | Kind::ShopAccount
            | Kind::OpeningBudget
            | Kind::AccountJoin
            | Kind::JoinComplete
            | Kind::LedgerContinue
            | Kind::WaitingRelease
            | Kind::WaitingGrant
            | Kind::RewardRebind
            | Kind::Suspend
            | Kind::Resume
            | Kind::EntryDispute
            | Kind::DisputeAnswer
            | Kind::ManifestDone => None,
        }
    }
}

/// A page of a history, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct History {
    /// The entries.
    pub entries: Vec<HistoryLine>,
    /// Ask again with this to read on.
    pub next_before: Option<u64>,
}

/// A [`Reason`] as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonJson {
    /// `full`, `cap`, `budget`, `lots`, `not_eligible`, `too_soon`, `below_goal`, `season`,
    /// `review`, `times`, `frozen`, `moved_out` or `deceased`.
    #[schema(example = "cap")]
    pub code: &'static str,
    /// What a cap is over: `rule`, `class` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub of: Option<CapOf>,
    /// The period of a cap or count: `day`, `week`, `month` or `fiscal_year`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub per: Option<CapPer>,
    /// The first day on which the rule counts again, for `too_soon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub next: Option<Day>,
    /// How many times more the action counts in full, where a cap says so; `per` names the period
    /// then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_left: Option<u32>,
}

impl From<Reason> for ReasonJson {
    fn from(reason: Reason) -> Self {
        let plain = |code| Self { code, of: None, per: None, next: None, times_left: None };
        match reason {
            Reason::Full => plain("full"),
            Reason::Cap(of, per) => Self { of: Some(of), per: Some(per), ..plain("cap") },
            Reason::Budget => plain("budget"),
            Reason::Lots => plain("lots"),
            Reason::NotEligible => plain("not_eligible"),
            Reason::TooSoon(next) => Self { next: Some(next), ..plain("too_soon") },
            Reason::BelowGoal => plain("below_goal"),
            Reason::Season => plain("season"),
            Reason::Review => plain("review"),
            Reason::Times(per) => Self { per: Some(per), ..plain("times") },
            Reason::Standing(Status::Active) => plain("full"),
            Reason::Standing(Status::Frozen) => plain("frozen"),
            Reason::Standing(Status::MovedOut) => plain("moved_out"),
            Reason::Standing(Status::Deceased) => plain("deceased"),
        }
    }
}

/// The reason in an entry's effects.
#[must_use]
pub fn reason_of(accounting: &Accounting) -> Option<ReasonJson> {
    let Judgement { reason, granted, room, .. } = accounting.judgements().next()?;
    let json = ReasonJson::from(reason);
    // What the tightest cap leaves, in whole actions like this one; a cap of years is no news.
    let soon = room.filter(|room| room.per != CapPer::FiscalYear && granted > 0);
    Some(match soon {
        Some(room) if room.points / granted <= TIMES_LEFT_MAX => {
            let (of, per) = (Some(room.of), Some(room.per));
            ReasonJson { times_left: Some(room.points / granted), of, per, ..json }
        }
        Some(_) | None => json,
    })
}

/// The reason as the signer of an action may know it: a person's standing is told to that person
/// alone.
#[must_use]
pub fn reason_for_signer(accounting: &Accounting) -> Option<ReasonJson> {
    let mut judgements = accounting.judgements();
    if judgements.any(|judged| matches!(judged.reason, Reason::Standing(_))) {
        return Some(Reason::NotEligible.into());
    }
    reason_of(accounting)
}

/// An account's entries, newest first, before `before`: the chain of previous entries in the log.
/// Of a narrowed history a page may hold fewer entries than asked for, and still name the next
/// page.
///
/// # Errors
/// [`EngineError`]
pub fn history(
    engine: &Engine,
    access: Access,
    before: Option<Seq>,
    filter: Option<Filter>,
    limit: usize,
) -> Result<History, EngineError> {
    let account = access.account();
    let mut next = engine.state()?.accounts.get(&account).and_then(|row| row.last);
    if let Some(from) = before.and_then(|before| before.0.checked_sub(1)).map(Seq)
        && next.is_some_and(|last| from <= last)
        && let Some((_, accounting)) = engine.entry(from)?
        && accounting.subject.is_some_and(|subject| subject.account == account)
    {
        // The entry that the page before named: reading goes on there and not at the newest.
        next = Some(from);
    }
    let (mut entries, mut looked_at) = (Vec::new(), 0);
    while let Some(seq) = next {
        let Some((entry, accounting)) = engine.entry(seq)? else { break };
        next = accounting
            .subject
            .filter(|subject| subject.account == account)
            .and_then(|subject| subject.previous);
        if before.is_some_and(|before| seq >= before) {
            continue;
        }
        if entries.len() == limit.min(HISTORY_ENTRIES_MAX) || looked_at == HISTORY_LOOKED_AT_MAX {
            let next_before = Some(seq.0 + 1);
            return Ok(History { entries, next_before });
        }
        looked_at += 1;
        let Ok(statement) = kept::read(&accounting.statement.0) else { continue };
        let (accepted_ms, disclosure) = engine.personal(&entry, &accounting)?.unzip();
        let own = matches!(access, Access::Own(_));
        let disclosure = disclosure.flatten().filter(|_| own);
        let text = if own { text_of(engine, &statement, disclosure.as_ref())? } else { None };
        let record = Record { accounting, statement, accepted_ms, disclosure, text };
        let state = engine.state()?;
        if filter.is_none_or(|filter| filter.includes(record.body(&state).kind())) {
            entries.push(record.line(engine.ledger(), &state));
        }
    }
    Ok(History { entries, next_before: None })
}

/// An entry with as much of its personal part as is there and the reader may see.
struct Record {
    accounting: Accounting,
    statement: Statement,
    accepted_ms: Option<u64>,
    disclosure: Option<Disclosure>,
    text: Option<String>,
}

/// What whoever signed wrote; of an approval what the proposer wrote, which is in the personal part
/// of the proposal.
fn text_of(
    engine: &Engine,
    statement: &Statement,
    disclosure: Option<&Disclosure>,
) -> Result<Option<String>, EngineError> {
    let text = |known: &Disclosure| known.text.as_ref().map(|text| text.as_str().to_owned());
    let Body::Approve(approve) = &statement.core.body else {
        return Ok(disclosure.and_then(text));
    };
    let Some((entry, accounting)) = engine.entry(approve.proposal)? else { return Ok(None) };
    let proposed = engine.personal(&entry, &accounting)?;
    Ok(proposed.and_then(|(_, disclosure)| text(&disclosure?)))
}

impl Record {
    fn line(&self, ledger: LedgerId, state: &State) -> HistoryLine {
        let Self { accounting, statement, .. } = self;
        let body = self.body(state);
        let signer = state.keys.get(&statement.kid).map(|key| &key.signer);
        let programme = self.programme(state);
        let (cause, words) = match why(body) {
            Some(Why::Cause(cause)) => (Some(cause), None),
            Some(Why::Words(words)) => (None, Some(words.to_owned())),
            None => (None, None),
        };
        let (name, name_en) = self.names(programme.as_deref(), state).unzip();
        HistoryLine {
            seq: accounting.seq.0,
            kind: body.kind(),
            day: statement.core.day,
            accepted_at_s: self.accepted_ms.unwrap_or(accounting.accepted_min * 60_000) / 1_000,
            points: self.points(),
            held: self.held(),
            cause,
            note: self.text.clone().or(words),
            proposal: accounting.is_proposal().then_some(true),
            action: action_of(body).map(str::to_owned),
            name,
            name_en,
            also: programme.map_or_else(Vec::new, |programme| self.also(&programme)),
            place: signer.and_then(|by| place_of(by, state)),
            family: signer.is_some_and(|by| helps(by, accounting)).then_some(statement.kid),
            won: rewards::won(accounting, state),
            automatic: is_automatic(body, signer).then_some(true),
            reason: reason_of(accounting),
            receipt_number: receipt_number(ledger, accounting.seq),
            yen_after: accounting.balance(Purse::Yen),
            values: self.disclosure.as_ref().and_then(|known| known.values).map(ValuesJson::from),
        }
    }

    /// What the entry is about: what two persons did is shown as what it is, not as an approval.
    fn body<'a>(&'a self, state: &'a State) -> &'a Body {
        let body = &self.statement.core.body;
        let Body::Approve(approve) = body else { return body };
        state.proposals.get(&approve.proposal).map_or(body, |proposal| &proposal.body)
    }

    /// Points that moved into or out of the account; 0 for an action that brought none.
    fn points(&self) -> Option<i64> {
        let moved = self.accounting.sum(|contra| !matches!(contra, Contra::Held(_)));
        moved.or_else(|| self.accounting.judgements().next().map(|_| 0))
    }

    /// Points that a shop reserved; what a capture moved says more.
    fn held(&self) -> Option<i64> {
        let held = self.accounting.sum(|contra| matches!(contra, Contra::Held(_)));
        held.filter(|_| self.points().is_none()).map(|points| -points)
    }

    /// The programme that the statement names. An approval names none: there it is the one that
    /// judged the action's own day.
    fn programme(&self, state: &State) -> Option<Arc<Programme>> {
        let named = self.statement.core.programme;
        if let Some(programme) = named.and_then(|version| state.programmes.get(&version)) {
            return Some(Arc::clone(programme));
        }
        let judged = self.accounting.judgements().next()?;
        Overlay::over(state).programme_for(judged.day).cloned()
    }

    /// The names of the action or of the item of the catalogue, in Japanese and English.
    fn names(&self, programme: Option<&Programme>, state: &State) -> Option<(String, String)> {
        let rule = programme.zip(action_of(self.body(state)));
        if let Some(rule) = rule.and_then(|(programme, action)| programme.rule_of(action)) {
            let exact = self.disclosure.as_ref().and_then(|known| known.exact_action.as_ref());
            return Some(names_of(rule, exact.map(Code::as_str)));
        }
        let item = rewards::item_of(&self.accounting, state)?;
        Some((item.name.clone(), item.name_en.clone()))
    }

    /// What followed from the action's own rule.
    fn also(&self, programme: &Programme) -> Vec<AlsoJson> {
        let followed = self.accounting.judgements().skip(1);
        let also = followed.filter_map(|judged| {
            let rule = programme.rule(judged.rule)?;
            let (name, name_en) = (rule.name.clone(), rule.name_en.clone());
            Some(AlsoJson { name, name_en, points: judged.granted })
        });
        also.collect()
    }
}

fn action_of(body: &Body) -> Option<&str> {
    if let Body::Action(body) = body { Some(body.action.as_str()) } else { None }
}

/// Whether the ledger itself claimed, as the resident has asked.
fn is_automatic(body: &Body, signer: Option<&Signer>) -> bool {
    matches!(body, Body::RewardClaim(_))
        && matches!(signer, Some(Signer::Actor(actor)) if actor.role == Role::System)
}

/// Where an entry was made, for people: the place of its signer, or who that is. A phone has no
/// place.
fn place_of(signer: &Signer, state: &State) -> Option<String> {
    let Signer::Actor(actor) = signer else { return None };
    let place = actor.place.and_then(|place| state.places.get(&place));
    Some(place.map_or(actor.name.as_str(), |place| place.name.as_str()).to_owned())
}

/// Whether a phone signed for another account than its own.
fn helps(signer: &Signer, accounting: &Accounting) -> bool {
    let Signer::Device(phone) = signer else { return false };
    accounting.subject.is_some_and(|subject| subject.account != phone.account)
}

/// The names of an action, in Japanese and English.
fn names_of(rule: &Rule, exact: Option<&str>) -> (String, String) {
    let exact = rule.exact.iter().find(|known| Some(known.action.as_str()) == exact);
    match exact {
        Some(exact) => (exact.name.clone(), exact.name_en.clone()),
        None => (rule.name.clone(), rule.name_en.clone()),
    }
}

/// What a statement's public body says of its why.
enum Why<'a> {
    /// A word of the list.
    Cause(Cause),
    /// Words that name no person: the source of opening points.
    Words(&'a str),
}

fn why(body: &Body) -> Option<Why<'_>> {
    match body {
        Body::AccountStatus(body) => body.cause.map(Why::Cause),
        Body::ActionWithdraw(body) => Some(Why::Cause(body.cause)),
        Body::Refund(body) => Some(Why::Cause(body.cause)),
        Body::RewardCancel(body) => Some(Why::Cause(body.cause)),
        Body::Adjust(body) => Some(Why::Cause(body.cause)),
        Body::LotExtend(body) => Some(Why::Cause(body.cause)),
        Body::KeyRevoke(body) => Some(Why::Cause(body.cause)),
        Body::CardRevoke(body) => Some(Why::Cause(body.cause)),
        Body::AccountErase(body) => Some(Why::Cause(body.cause)),
        Body::BalanceImport(body) => Some(Why::Words(body.source.as_str())),
        // They give none.
        Body::ProgrammePublish(_)
        | Body::BudgetAllocate(_)
        | Body::KeyRegister(_)
        | Body::AccountOpen(_)
        | Body::AccountFacts(_)
        | Body::AccountClose(_)
        | Body::DeviceEnrol(_)
        | Body::DeviceRevoke(_)
        | Body::CardIssue(_)
        | Body::Action(_)
        | Body::Redeem(_)
        | Body::Void(_)
        | Body::Hold(_)
        | Body::Capture(_)
        | Body::Release(_)
        | Body::CataloguePublish(_)
        | Body::RewardClaim(_)
        | Body::RewardUse(_)
        | Body::DrawCommit(_)
        | Body::DrawResult(_)
        | Body::LinkGrant(_)
        | Body::LinkRevoke(_)
        | Body::Approve(_)
        | Body::Expire(_)
        | Body::DayClose(_)
        | Body::SettlementClose(_)
        | Body::SettlementPaid(_)
        | Body::AuditStatement(_)
        | Body::Manifest(_)
        | Body::CardPin(_)
        | Body::ShopAccount(_)
        | Body::OpeningBudget(_)
        | Body::AccountJoin(_)
        | Body::JoinComplete(_)
        | Body::LedgerContinue(_)
        | Body::WaitingRelease(_)
        | Body::WaitingGrant(_)
        | Body::RewardRebind(_)
        | Body::Suspend(_)
        | Body::Resume(_)
        | Body::EntryDispute(_)
        | Body::DisputeAnswer(_)
        | Body::ManifestDone(_) => None,
    }
}
