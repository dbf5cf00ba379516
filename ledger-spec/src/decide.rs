//! The rules: what a statement does to the ledger, or why it does nothing.
//!
//! [`decide`] is pure. Every arm first checks everything, in the order that the tests pin, and marks the point after
//! which nothing can fail. State changes only when [`crate::apply::apply`] takes the effects over.

mod bulk;
mod holder;
mod rejection;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::cbor::{Blob, Wire, Writer};
use crate::entry::{self, Accounting, Contra, Effect, Link, Reason};
use crate::ids::{AccountId, Kid, NaturalKey, Seq};
use crate::kinds::{self, Body, Kind, Role};
use crate::points::{LotKey, Purse};
use crate::programme::{Programme, Rule, SameAct};
use crate::rows::{Account, Actor, Budget, Counter, LOTS_MAX, Overlay, Signer};
use crate::statement::{self, Disclosure, NOT_AFTER_S_MAX, Statement};
use crate::time::Day;
use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub use self::holder::judge_token;
use self::holder::{channel_of, holder_of, token_of};
pub use self::rejection::Rejection;

/// A proposal waits so many minutes for another person: 7 days.
pub const PROPOSAL_LIFE_MIN: u64 = 7 * 1_440;
/// The act of a redemption lies within so many seconds of the ledger's clock, before or after.
pub const REDEEM_AGE_S_MAX: u64 = 300;
/// An act may lie so many seconds ahead of the ledger's clock.
pub const CLOCK_AHEAD_S_MAX: u64 = 120;

/// What a decision reads besides statement and rows.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The batch's time, Unix milliseconds.
    pub now_ms: u64,
    /// The ledger's secret for natural keys. An auditor without it cannot recompute them.
    pub pepper: &'a [u8; 32],
    /// The entry that a `void` names, fetched beforehand.
    pub earlier: Option<&'a Accounting>,
}

impl Context<'_> {
    fn now_s(&self) -> u64 {
        self.now_ms / 1_000
    }
    fn now_min(&self) -> u64 {
        self.now_ms / 60_000
    }
    fn today(&self) -> Day {
        Day::of_ms(self.now_ms)
    }
}

/// What an accepted statement does.
struct Outcome {
    account: Option<AccountId>,
    effects: Vec<Effect>,
}

impl Outcome {
    fn on(account: AccountId, effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: Some(account), effects })
    }
    fn without_account(effects: Vec<Effect>) -> Result<Self, Rejection> {
        Ok(Self { account: None, effects })
    }
}

/// Decides on a statement whose form and signatures are checked and whose operation is new.
///
/// # Errors
/// A [`Rejection`]; it has no effect and is not recorded. The order is: role, revocation, window, state.
pub fn decide(
    statement: &Statement,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Accounting, Rejection> {
    let signer = admit(statement, rows, context)?;
    bulk::check_row(statement, rows)?;
    let outcome = match &statement.core.body {
        Body::KeyRegister(body) if signer.is_none() => register_first_roots(body, rows, context),
        Body::ProgrammePublish(_) | Body::BudgetAllocate(_) | Body::KeyRegister(_) => {
            propose(&statement.core.body, signer, rows, context)
        }
        Body::KeyRevoke(body) => revoke_key(body, signer, rows, context),
        Body::Approve(body) => approve(body, statement, signer, rows, context),
        Body::AccountOpen(body) => open_account(body, rows),
        Body::AccountFacts(body) => set_facts(body, rows),
        Body::DeviceEnrol(body) => enrol_device(body, statement, signer, rows, context),
        Body::CardIssue(body) => issue_card(body, rows, context),
        Body::CardRevoke(body) => revoke_card(body, rows),
        Body::Action(body) => judge_action(body, statement, signer, rows, context),
        Body::Redeem(body) => redeem(body, statement, signer, rows, context),
        Body::Void(body) => void(body, signer, rows, context),
        Body::DayClose(body) => close_day(body, rows, context),
        Body::Manifest(body) => bulk::open(body, statement, actor(signer)?.role),
        Body::ManifestDone(body) => bulk::close(body, rows),
        Body::AccountStatus(_)
        | Body::AccountClose(_)
        | Body::AccountErase(_)
        | Body::DeviceRevoke(_)
        | Body::ActionWithdraw(_)
        | Body::Refund(_)
        | Body::Hold(_)
        | Body::Capture(_)
        | Body::Release(_)
        | Body::CataloguePublish(_)
        | Body::RewardClaim(_)
        | Body::RewardUse(_)
        | Body::RewardCancel(_)
        | Body::DrawCommit(_)
        | Body::DrawResult(_)
        | Body::LinkGrant(_)
        | Body::LinkRevoke(_)
        | Body::Adjust(_)
        | Body::LotExtend(_)
        | Body::BalanceImport(_)
        | Body::Expire(_)
        | Body::SettlementClose(_)
        | Body::SettlementPaid(_)
        | Body::AuditStatement(_) => Err(Rejection::KindNotInForce),
    }?;
    Ok(record(statement, outcome, rows, context))
}

/// Puts an outcome into the form that the log keeps. Nothing can fail any more.
fn record(
    statement: &Statement,
    outcome: Outcome,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Accounting {
    let link = outcome.account.map(|account| {
        let row = rows.accounts(&account);
        Link {
            account,
            account_seq: row.map_or(0, |row| row.entries),
            previous: row.and_then(|row| row.last),
        }
    });
    // A resident's exact time stays in the erasable part, except where money moves.
    let exact = link.is_none() || matches!(statement.core.body.kind(), Kind::Redeem | Kind::Void);
    let accepted_min = if exact { context.now_min() } else { context.today().start_ms() / 60_000 };
    Accounting {
        version: entry::VERSION,
        seq: rows.next_seq(),
        accepted_min,
        statement: Blob(statement.bytes.clone()),
        link,
        effects: outcome.effects,
    }
}

/// Who may sign a kind. Devices are listed apart, because no role is registered for them.
#[must_use]
pub fn roles_for(kind: Kind) -> &'static [Role] {
    use Role::{Auditor, Coach, Kiosk, Partner, Registry, Root, Shop, Staff, Station, System};
    match kind {
        Kind::ProgrammePublish
        | Kind::BudgetAllocate
        | Kind::KeyRegister
        | Kind::KeyRevoke
        | Kind::Approve
        | Kind::CataloguePublish
        | Kind::ActionWithdraw
        | Kind::Refund
        | Kind::Adjust
        | Kind::LotExtend
        | Kind::BalanceImport
        | Kind::DrawCommit
        | Kind::DrawResult
        | Kind::SettlementPaid => &[Root, Staff],
        Kind::AccountOpen | Kind::AccountClose => &[Staff, Kiosk, Registry],
        Kind::AccountFacts | Kind::AccountStatus | Kind::AccountErase => &[Staff, Registry],
        Kind::DeviceEnrol
        | Kind::DeviceRevoke
        | Kind::CardIssue
        | Kind::CardRevoke
        | Kind::LinkGrant
        | Kind::LinkRevoke => &[Staff, Kiosk],
        Kind::Action => &[Staff, Registry, Station, Coach, Kiosk, Partner],
        Kind::Redeem
        | Kind::Void
        | Kind::Hold
        | Kind::Capture
        | Kind::Release
        | Kind::RewardUse => &[Shop],
        Kind::RewardClaim | Kind::RewardCancel => &[Shop, Kiosk],
        Kind::Expire | Kind::DayClose | Kind::SettlementClose | Kind::ManifestDone => &[System],
        Kind::AuditStatement => &[Auditor],
        Kind::Manifest => &[Registry, Partner, Coach, Station, Staff],
    }
}

/// Role, revocation and window. `None` is a statement that brings its own key.
fn admit<'r>(
    statement: &Statement,
    rows: &'r Overlay<'_>,
    context: &Context<'_>,
) -> Result<Option<&'r Signer>, Rejection> {
    let kind = statement.core.body.kind();
    let key = rows.keys(&statement.kid);
    let permitted = match key.map(|key| &key.signer) {
        Some(Signer::Actor(actor)) => roles_for(kind).contains(&actor.role),
        Some(Signer::Device(_)) => kind == Kind::DeviceEnrol,
        None => matches!(kind, Kind::DeviceEnrol | Kind::KeyRegister),
    };
    if !permitted {
        let unknown = key.is_none();
        return Err(if unknown { Rejection::KeyUnknown } else { Rejection::RoleNotPermitted });
    }
    if key.is_some_and(|key| key.revoked.is_some()) {
        return Err(Rejection::KeyRevoked);
    }
    let (day, today) = (statement.core.day, context.today());
    // An action's own day is judged by its programme; every other statement is sent soon after it is signed.
    if kind != Kind::Action && day < today.minus(1) {
        return Err(Rejection::DayTooOld);
    }
    if day > today.plus(u32::from(kind != Kind::Action)) {
        return Err(Rejection::ClockAhead);
    }
    if let Some(not_after_s) = statement.core.not_after_s {
        if context.now_s() > not_after_s {
            return Err(Rejection::DeadlinePassed);
        }
        if not_after_s > context.now_s() + NOT_AFTER_S_MAX {
            return Err(Rejection::DeadlineTooFar);
        }
    }
    Ok(key.map(|key| &key.signer))
}

fn actor(signer: Option<&Signer>) -> Result<&Actor, Rejection> {
    match signer {
        Some(Signer::Actor(actor)) => Ok(actor),
        Some(Signer::Device(_)) => Err(Rejection::RoleNotPermitted),
        None => Err(Rejection::KeyUnknown),
    }
}

/// The first two entries: two root keys of two persons, each signed by itself.
fn register_first_roots(
    body: &kinds::KeyRegister,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if rows.next_seq() > Seq(1) || body.role != Role::Root {
        return Err(Rejection::KeyUnknown);
    }
    let same_person = rows.keys_of_person(body.person);
    if same_person {
        return Err(Rejection::SamePerson);
    }
    let effects = enact(&Body::KeyRegister(body.clone()), Role::Root, rows, context)?;
    Outcome::without_account(effects)
}

/// Records a proposal; it does nothing until another person approves.
fn propose(
    body: &Body,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    enact(body, actor(signer)?.role, rows, context)?;
    let until_min = context.now_min() + PROPOSAL_LIFE_MIN;
    Outcome::without_account(vec![Effect::Proposed { until_min }])
}

/// What a proposal does when it takes effect; checked when it is proposed, and again when it is approved, each time
/// with the role of who does it.
fn enact(
    body: &Body,
    role: Role,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Vec<Effect>, Rejection> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only proposals whose rules are in force")]
    match body {
        Body::ProgrammePublish(body) => {
            let programme = Programme::parse(body.document.as_str())?;
            let next = rows.programme_version() + 1;
            if [programme.version, body.version] != [next, next] {
                return Err(Rejection::ProgrammeNotNext(next));
            }
            if next > 1 && programme.from <= context.today() {
                return Err(Rejection::ProgrammeNotFuture);
            }
            let document = body.document.clone();
            Ok(vec![Effect::ProgrammeInForce { version: next, document }])
        }
        Body::BudgetAllocate(body) => {
            let paying = body.fund != crate::points::Fund::None;
            if !paying || !(1..=1_000_000_000).contains(&body.points) {
                return Err(Rejection::BudgetRange);
            }
            let kinds::BudgetAllocate { fund, fiscal_year, points } = *body;
            Ok(vec![Effect::BudgetAllocated { fund, fiscal_year, points }])
        }
        Body::KeyRegister(body) => {
            // Roots are made by roots alone: two persons of the staff must not raise themselves above it.
            if body.role == Role::Root && role != Role::Root {
                return Err(Rejection::RoleNotPermitted);
            }
            check_fresh_key(&body.public_key, rows)?;
            let has_place = matches!(body.role, Role::Shop | Role::Station);
            let kept = body.place.and_then(|place| rows.places(&place));
            if body.place.is_some() != has_place || kept.is_some_and(|p| p.role != body.role) {
                return Err(Rejection::PlaceMismatch);
            }
            let kinds::KeyRegister { public_key, role, person, place, name } = body.clone();
            Ok(vec![Effect::KeyRegistered { public_key, role, person, place, name }])
        }
        Body::KeyRevoke(body) => {
            let key = rows.keys(&body.kid).ok_or(Rejection::KeyUnknown)?;
            if key.revoked.is_some() {
                return Err(Rejection::KeyRevoked);
            }
            Ok(vec![Effect::KeyRevoked { kid: body.kid }])
        }
        _ => Err(Rejection::KindNotInForce),
    }
}

/// A key id is never used twice, and a key of small order would verify anything.
fn check_fresh_key(public_key: &[u8; 32], rows: &Overlay<'_>) -> Result<(), Rejection> {
    if rows.keys(&Kid::of(public_key)).is_some() {
        return Err(Rejection::KeyExists);
    }
    match VerifyingKey::from_bytes(public_key) {
        Ok(key) if !key.is_weak() => Ok(()),
        _ => Err(Rejection::KeyWeak),
    }
}

fn is_root(rows: &Overlay<'_>, kid: &Kid) -> bool {
    let signer = rows.keys(kid).map(|key| &key.signer);
    matches!(signer, Some(Signer::Actor(actor)) if actor.role == Role::Root)
}

fn approve(
    body: &kinds::Approve,
    statement: &Statement,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let approver = actor(signer)?;
    let Some(proposal) = rows.proposals(&body.proposal) else {
        return Err(Rejection::ProposalUnknown);
    };
    if proposal.statement_hash != body.statement_hash {
        return Err(Rejection::ProposalMismatch);
    }
    if proposal.done {
        return Err(Rejection::ProposalDone);
    }
    let proposer = rows.keys(&proposal.kid).is_some_and(|key| key.revoked.is_none());
    if context.now_min() >= proposal.until_min || !proposer {
        return Err(Rejection::ProposalLapsed);
    }
    if proposal.person == approver.person {
        return Err(Rejection::SamePerson);
    }
    let roots = [&proposal.kid, &statement.kid].map(|kid| is_root(rows, kid));
    if matches!(&*proposal.body, Body::KeyRevoke(body) if is_root(rows, &body.kid))
        && !roots.contains(&true)
    {
        return Err(Rejection::RoleNotPermitted);
    }
    // The state may have moved on since the proposal.
    let mut effects = enact(&proposal.body, approver.role, rows, context)?;
    effects.insert(0, Effect::Approved { proposal: body.proposal });
    Outcome::without_account(effects)
}

/// One person ends a key at once, because a lost key cannot wait; a root key only with a second person, because whoever
/// ends the roots ends the ledger's rules. One of the two may be staff, because of two roots one that is lost cannot agree;
/// the other is a root, because staff alone must not end them.
fn revoke_key(
    body: &kinds::KeyRevoke,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let revoke = Body::KeyRevoke(body.clone());
    match rows.keys(&body.kid).map(|key| &key.signer) {
        Some(Signer::Actor(target)) if target.role == Role::Root => {
            propose(&revoke, signer, rows, context)
        }
        Some(Signer::Device(device)) => {
            let effects = enact(&revoke, actor(signer)?.role, rows, context)?;
            Outcome::on(device.account, effects)
        }
        Some(Signer::Actor(_)) | None => {
            Outcome::without_account(enact(&revoke, actor(signer)?.role, rows, context)?)
        }
    }
}

fn open_account(body: &kinds::AccountOpen, rows: &Overlay<'_>) -> Result<Outcome, Rejection> {
    if rows.accounts(&body.account).is_some() {
        return Err(Rejection::AccountExists);
    }
    Outcome::on(body.account, vec![Effect::AccountOpened {}])
}

fn set_facts(body: &kinds::AccountFacts, rows: &Overlay<'_>) -> Result<Outcome, Rejection> {
    if rows.accounts(&body.account).is_none() {
        return Err(Rejection::AccountUnknown);
    }
    let kinds::AccountFacts { account, age_tier, insurance, eligible, district } = *body;
    Outcome::on(account, vec![Effect::FactsSet { age_tier, insurance, eligible, district }])
}

fn issue_card(
    body: &kinds::CardIssue,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if rows.accounts(&body.account).is_none() {
        return Err(Rejection::AccountUnknown);
    }
    let taken = body.card.is_some_and(|card| rows.cards(&card).is_some())
        || body.code.is_some_and(|code| rows.codes(&code).is_some());
    let nothing = body.card.is_none() && body.code.is_none();
    if taken || nothing || body.code.is_some() != body.code_until_min.is_some() {
        return Err(Rejection::CardExists);
    }
    let until_min = body.code_until_min.unwrap_or(0);
    if body.code.is_some() && until_min <= context.now_min() {
        return Err(Rejection::CodeExpired);
    }
    let (card, code) = (body.card, body.code);
    Outcome::on(body.account, vec![Effect::CardIssued { card, code, until_min }])
}

fn revoke_card(body: &kinds::CardRevoke, rows: &Overlay<'_>) -> Result<Outcome, Rejection> {
    let Some(card) = rows.cards(&body.card) else {
        return Err(Rejection::CardUnknown);
    };
    if card.revoked {
        return Err(Rejection::CardRevoked);
    }
    Outcome::on(card.account, vec![Effect::CardRevoked { card: body.card }])
}

fn enrol_device(
    body: &kinds::DeviceEnrol,
    statement: &Statement,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let disclosure = disclosure_of(statement)?;
    let since = context.today();
    let enrolled = Effect::DeviceEnrolled { public_key: body.public_key, since };
    match (signer, disclosure.code) {
        (Some(Signer::Device(device)), None) => {
            check_fresh_key(&body.public_key, rows)?;
            Outcome::on(device.account, vec![enrolled])
        }
        (None, Some(code)) => {
            check_fresh_key(&body.public_key, rows)?;
            let code = statement::code_hash(&code);
            let Some(row) = rows.codes(&code) else {
                return Err(Rejection::CodeUnknown);
            };
            if row.used {
                return Err(Rejection::CodeUsed);
            }
            if context.now_min() >= row.until_min {
                return Err(Rejection::CodeExpired);
            }
            Outcome::on(row.account, vec![enrolled, Effect::CodeUsed { code }])
        }
        _ => Err(Rejection::HolderNotAccepted),
    }
}

fn disclosure_of(statement: &Statement) -> Result<&Disclosure, Rejection> {
    statement
        .disclosure
        .as_ref()
        .map(|(disclosure, _)| disclosure)
        .ok_or(Rejection::DisclosureMismatch)
}

/// The programme in force on a day, which the signer must have named.
fn programme_of<'r>(
    statement: &Statement,
    day: Day,
    rows: &'r Overlay<'_>,
) -> Result<&'r Arc<Programme>, Rejection> {
    let programme = rows.programme_for(day).ok_or(Rejection::ProgrammeMissing)?;
    if statement.core.programme != Some(programme.version) {
        return Err(Rejection::ProgrammeVersion(programme.version));
    }
    Ok(programme)
}

fn judge_action(
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
    let mut key = [0; 16];
    key.iter_mut().zip(full).for_each(|(to, from)| *to = from);
    NaturalKey(key)
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

fn redeem(
    body: &kinds::Redeem,
    statement: &Statement,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let terminal = actor(signer)?;
    let (points, today) = (body.points.get(), context.today());
    if terminal.place != Some(body.shop) {
        return Err(Rejection::OtherShop);
    }
    let programme = programme_of(statement, today, rows)?;
    let performed_at_s = disclosure_of(statement)?.performed_at_s;
    if performed_at_s.abs_diff(context.now_s()) > REDEEM_AGE_S_MAX {
        return Err(Rejection::DisclosureMismatch);
    }
    let limits = programme.redeem;
    if points < limits.min {
        return Err(Rejection::BelowMinimum(limits.min));
    }
    if points > limits.max_transaction {
        return Err(Rejection::AboveMaximum(limits.max_transaction));
    }
    let (token, device) = token_of(statement, rows, context.now_s())?;
    if points > token.max_points {
        return Err(Rejection::TokenCap);
    }
    let account = rows.accounts(&device.account).ok_or(Rejection::AccountUnknown)?;
    let spent = account.charged(&Counter::of_spending(today)).saturating_add(points);
    if spent > limits.max_day {
        return Err(Rejection::DayLimit(limits.max_day));
    }
    // By whole days, at least 24 hours: the minute of an enrolment is not kept.
    let fresh = today <= device.since.plus(1);
    if fresh && spent > limits.fresh_device_max_day {
        return Err(Rejection::FreshDeviceLimit(limits.fresh_device_max_day));
    }
    if account.available(Purse::Yen, today) < u64::from(points) {
        return Err(Rejection::InsufficientPoints);
    }

    // From here on the redemption is accepted.
    let mut effects = spend(account, programme, points, today)
        .map(|(lot, points)| Effect::Posting { lot, points, contra: Contra::Shop(body.shop) })
        .collect::<Vec<_>>();
    effects.push(Effect::TokenSpent { nonce: token.nonce, exp_s: token.exp_s });
    effects.push(balance_after(account, today, |_| 0, u64::from(points)));
    Outcome::on(device.account, effects)
}

/// Takes points from the lots that expire first, and among those in the programme's order of funds.
fn spend(
    account: &Account,
    programme: &Programme,
    points: u32,
    today: Day,
) -> impl Iterator<Item = (LotKey, i64)> {
    let mut lots = account.lots.clone();
    lots.retain(|lot| lot.key.purse == Purse::Yen && lot.key.expires_on >= today);
    let order = |fund| programme.funds.iter().position(|known| *known == fund);
    lots.sort_by_key(|lot| {
        (lot.key.expires_on, order(lot.key.fund).unwrap_or(usize::MAX), lot.key.fund)
    });
    let mut left = points;
    lots.into_iter().map_while(move |lot| {
        let taken = lot.points.min(left);
        left -= taken;
        (taken > 0).then(|| (lot.key, -i64::from(taken)))
    })
}

fn balance_after(
    account: &Account,
    today: Day,
    gained: impl Fn(Purse) -> u64,
    spent_yen: u64,
) -> Effect {
    Effect::Balance {
        yen: account.available(Purse::Yen, today) + gained(Purse::Yen) - spent_yen,
        challenge: account.available(Purse::Challenge, today) + gained(Purse::Challenge),
    }
}

fn void(
    body: &kinds::Void,
    signer: Option<&Signer>,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    let terminal = actor(signer)?;
    let earlier = context.earlier.filter(|earlier| earlier.seq == body.entry);
    let earlier = earlier.ok_or(Rejection::EntryUnknown)?;
    let redeemed = statement::kept(&earlier.statement.0).map_err(|_| Rejection::EntryUnknown)?;
    let (Body::Redeem(redeemed), Some(link)) = (&redeemed.core.body, earlier.link) else {
        return Err(Rejection::NotARedemption);
    };
    if terminal.place != Some(redeemed.shop) {
        return Err(Rejection::OtherShop);
    }
    if let Some(by) = rows.undone(&body.entry) {
        return Err(Rejection::AlreadyUndone(*by));
    }
    let today = context.today();
    if earlier.accepted_day() != today {
        return Err(Rejection::VoidClosed);
    }
    let account = rows.accounts(&link.account).ok_or(Rejection::AccountUnknown)?;

    // From here on the redemption is undone: back to the same lots, in reverse.
    let mut effects: Vec<Effect> = earlier
        .postings()
        .map(|(lot, points, contra)| Effect::Posting { lot, points: -points, contra })
        .collect();
    effects.reverse();
    effects.push(Effect::Undone { entry: body.entry });
    let back = u64::from(redeemed.points.get());
    effects.push(balance_after(account, today, |p| if p == Purse::Yen { back } else { 0 }, 0));
    Outcome::on(link.account, effects)
}

fn close_day(
    body: &kinds::DayClose,
    rows: &Overlay<'_>,
    context: &Context<'_>,
) -> Result<Outcome, Rejection> {
    if body.day >= context.today() {
        return Err(Rejection::DayNotOpen);
    }
    let Some(Some(totals)) = rows.days(&body.day) else {
        return Err(Rejection::DayNotOpen);
    };
    let closed = Effect::DayClosed { day: body.day, state: rows.state_hash(), totals: *totals };
    Outcome::without_account(vec![closed])
}
