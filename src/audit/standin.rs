//! Stand-ins: what a sealed part must have said at least, so that a statement can be decided on
//! without it.
//!
//! The effects of an entry name the account and keep what a resident's phone or card agreed to,
//! signature included; the core names everything that is public. With them the rules can be asked
//! again whether *some* honest disclosure leads to exactly these effects: an amount, a lot, a cap,
//! a balance, a signer or a consent that does not fit is found without any secret. What the
//! stand-in cannot vouch for is who showed the code of an action, whether a card was there, and the
//! exact second.

use std::collections::HashMap;

use ed25519_dalek::VerifyingKey;
use ledger_spec::catalogue::Gives;
use ledger_spec::cbor::Blob;
use ledger_spec::decide::HOLD_LIFE_S_MAX;
use ledger_spec::entry::{Accounting, Effect};
use ledger_spec::ids::{AccountId, DayKid, Kid, LinkId};
use ledger_spec::kinds::{Body, Code, Flow, Role};
use ledger_spec::programme::{Evidence, Needs, Programme, Rule, SameAct};
use ledger_spec::state::{Key, Overlay, Signer};
use ledger_spec::statement::{
    Carried, Disclosure, Holder, Measure, NOT_AFTER_S_MAX, Statement, Values,
};
use ledger_spec::token::{
    PIN_PROOF_LIFE_S_MAX, PayToken, PhoneToken, PinProof, SignedMessage, TOKEN_LIFE_S_MAX,
    VENUE_LIFE_S_MAX, VenueCode,
};

/// A statement with a stand-in for its disclosure, and a time (Unix milliseconds) at which it may
/// have been decided.
pub(super) struct StandIn {
    pub(super) statement: Statement,
    pub(super) now_ms: u64,
    /// What an earlier measurement may have found.
    pub(super) measured: Option<Values>,
}

/// The phones of an account, in the order of their enrolment.
pub(super) type Devices<'a> = &'a dyn Fn(AccountId) -> Vec<Kid>;

/// What was enrolled and registered before the entry: the phones of an account, the links by which
/// a phone helps others, and the stations.
#[derive(Clone, Copy)]
pub(super) struct Signers<'a> {
    pub(super) devices: Devices<'a>,
    pub(super) proxies: &'a HashMap<Kid, Vec<LinkId>>,
    pub(super) stations: &'a [Kid],
}

/// Stand-ins for an entry whose disclosure is not at hand, one for each that leads to other
/// effects; none where the decision rests on a number that only the sealed part holds.
pub(super) fn stand_ins(
    accounting: &Accounting,
    statement: Statement,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> Vec<StandIn> {
    if let Body::Action(body) = &statement.core.body {
        let action = body.action.clone();
        return actions(accounting, &statement, action.as_str(), state, signers)
            .unwrap_or_default();
    }
    other(accounting, statement, state, signers).into_iter().collect()
}

/// For every kind but `action` there is one.
fn other(
    accounting: &Accounting,
    mut statement: Statement,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> Option<StandIn> {
    let recorded_s = accounting.accepted_min * 60;
    let account = accounting.subject.map(|subject| subject.account);
    let now_s = match &statement.core.body {
        Body::Redeem(_) | Body::Hold(_) => agree(accounting, &mut statement, None, state, signers),
        Body::Capture(_) | Body::RewardUse(_) => {
            let not_after_s = statement.core.not_after_s.unwrap_or(0);
            not_after_s.saturating_sub(NOT_AFTER_S_MAX).clamp(recorded_s, recorded_s + 59)
        }
        // The system's word is for a hold whose deadline has passed; to a shop's it is no matter.
        Body::Release(body) => {
            let holds = &state.accounts(&account?)?.holds;
            let hold = holds.iter().find(|hold| hold.seq == body.hold)?;
            hold.until_s.clamp(recorded_s, recorded_s + 59)
        }
        Body::DeviceEnrol(_) | Body::LinkGrant(_) if knows_by_hash(accounting) => return None,
        Body::DeviceEnrol(_) | Body::LinkGrant(_) | Body::CardPin(_) => {
            agree(accounting, &mut statement, None, state, signers)
        }
        Body::RewardClaim(_)
        | Body::RewardRebind(_)
        | Body::DeviceRevoke(_)
        | Body::AccountClose(_) => {
            return claim(accounting, account?, statement, state, signers);
        }
        // They ask for no exact time, and disclose nothing that a decision rests on.
        Body::ProgrammePublish(_)
        | Body::BudgetAllocate(_)
        | Body::KeyRegister(_)
        | Body::KeyRevoke(_)
        | Body::AccountOpen(_)
        | Body::AccountFacts(_)
        | Body::AccountStatus(_)
        | Body::AccountErase(_)
        | Body::CardIssue(_)
        | Body::CardRevoke(_)
        | Body::Action(_)
        | Body::ActionWithdraw(_)
        | Body::Void(_)
        | Body::Refund(_)
        | Body::CataloguePublish(_)
        | Body::RewardCancel(_)
        | Body::DrawCommit(_)
        | Body::DrawResult(_)
        | Body::LinkRevoke(_)
        | Body::Adjust(_)
        | Body::LotExtend(_)
        | Body::BalanceImport(_)
        | Body::Approve(_)
        | Body::Expire(_)
        | Body::DayClose(_)
        | Body::SettlementClose(_)
        | Body::SettlementPaid(_)
        | Body::AuditStatement(_)
        | Body::Manifest(_)
        | Body::ShopAccount(_)
        | Body::OpeningBudget(_)
        | Body::AccountJoin(_)
        | Body::JoinComplete(_)
        | Body::LedgerContinue(_)
        | Body::WaitingRelease(_)
        | Body::WaitingGrant(_)
        | Body::Suspend(_)
        | Body::Resume(_)
        | Body::EntryDispute(_)
        | Body::DisputeAnswer(_)
        | Body::ManifestDone(_) => recorded_s,
    };
    Some(StandIn { statement, now_ms: now_s * 1_000, measured: None })
}

/// Which of these phones a pay token names. Where two have one name on its day, the signature
/// decides.
pub(super) fn phone_behind(
    token: &SignedMessage<PayToken>,
    phones: &[Kid],
    state: &Overlay<'_>,
) -> Option<Kid> {
    let (name, day) = (token.day_kid(), token.message.day());
    let key_of = |kid: &Kid| state.keys(kid).map(|key| key.public_key);
    let is_named = |kid: &&Kid| key_of(kid).is_some_and(|key| DayKid::of(&key, day) == name);
    let named = phones.iter().filter(is_named).copied().collect::<Vec<_>>();
    if let [_, _, ..] = named.as_slice() {
        let keys = named.iter().filter_map(key_of);
        let keys = keys.filter_map(|key| VerifyingKey::from_bytes(&key).ok());
        return token.signer_among(&keys.collect::<Vec<_>>());
    }
    named.first().copied()
}

/// Whether it rests on a code, whose number only the sealed part holds.
fn knows_by_hash(accounting: &Accounting) -> bool {
    accounting.effects.iter().any(|effect| matches!(effect, Effect::CodeUsed { .. }))
}

/// Puts the consent that the effects keep into a statement, and gives a second at which all of its
/// deadlines allow it. Where they keep none, the rules ask for none or refuse it.
fn agree(
    accounting: &Accounting,
    statement: &mut Statement,
    reference: Option<Blob<64>>,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> u64 {
    let (ledger, terminal) = (statement.core.ledger, statement.kid);
    let signer = state.keys(&terminal).map(|key| &key.signer);
    let shop = if let Some(Signer::Actor(actor)) = signer { actor.place } else { None };
    let not_after_s = statement.core.not_after_s.unwrap_or(0);
    let hold = if let Body::Hold(body) = &statement.core.body { body.until_s } else { 0 };
    let mut earliest_s =
        not_after_s.saturating_sub(NOT_AFTER_S_MAX).max(hold.saturating_sub(HOLD_LIFE_S_MAX));
    let (mut holder, mut pin_proof) = (None, None);
    for effect in &accounting.effects {
        if let Some(token) = SignedMessage::<PayToken>::kept_in(effect, ledger, shop) {
            earliest_s = earliest_s.max(token.message.exp_s.saturating_sub(TOKEN_LIFE_S_MAX));
            holder = Some(Holder::Phone(Vec::new()));
            let phones = accounting.subject.map(|subject| (signers.devices)(subject.account));
            let phone = phone_behind(&token, phones.as_deref().unwrap_or_default(), state);
            let phone = phone.unwrap_or(token.kid);
            statement.carried.pay_token = Some(PhoneToken { signed: token, phone });
        }
        let proof = SignedMessage::<PinProof>::kept_in(effect, ledger, terminal);
        let card =
            if let Effect::CardWithoutPin { card, .. } = effect { Some(*card) } else { None };
        if let Some(card) = card.or(proof.as_ref().map(|proof| proof.message.card)) {
            // The number is sealed; a card of zeros has the right check byte.
            holder = Some(Holder::Card([0; 11]));
            statement.carried.card = Some(card);
        }
        if let Some(proof) = proof {
            earliest_s = earliest_s.max(proof.message.exp_s.saturating_sub(PIN_PROOF_LIFE_S_MAX));
            pin_proof = Some(Blob(Vec::new()));
            statement.carried.pin_proof = Some(proof);
        }
    }
    let recorded_s = accounting.accepted_min * 60;
    let is_exact = statement.core.body.kind().is(Flow::ExactMinute);
    let now_s = earliest_s.clamp(recorded_s, recorded_s + if is_exact { 59 } else { 86_399 });
    let disclosed = Disclosure { pin_proof, reference, ..disclosure(now_s, holder) };
    statement.disclosure = Some((disclosed, Vec::new()));
    now_s
}

/// Whether a claim names the wallet that is credited.
fn has_wallet(claim: &Body, state: &Overlay<'_>) -> bool {
    let Body::RewardClaim(claim) = claim else { return false };
    let item = state.catalogue().and_then(|catalogue| catalogue.item_of(claim.item.as_str()));
    item.is_some_and(|item| matches!(item.gives, Gives::Currency { .. }))
}

/// The link by which a phone may have claimed for another account than its own, or the ledger for
/// whoever has asked it to.
fn helped(
    account: AccountId,
    statement: &Statement,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> Option<Holder> {
    let asked = state.accounts(&account).and_then(|row| row.auto_exchange);
    let by_ledger =
        |link: &LinkId| state.links(link).is_some_and(|row| row.partner == statement.kid);
    if let Some(asked) = asked.filter(|asked| by_ledger(&asked.link)) {
        return Some(Holder::Link(asked.link));
    }
    let links = signers.proxies.get(&statement.kid).into_iter().flatten();
    let good = |link: &&LinkId| {
        let row = state.links(link);
        row.is_some_and(|row| row.account == account && row.revoked.is_none())
    };
    // The latest: an earlier one may be over.
    links.rev().find(good).map(|link| Holder::Link(*link))
}

/// A claim, the end of a phone or another secret for a voucher: by the account's own phone or the
/// family's, which discloses the number of a wallet and a link at most, by the ledger under its
/// link, or by a till or desk with what the resident showed there. It was decided at some second of
/// its day.
fn claim(
    accounting: &Accounting,
    account: AccountId,
    mut statement: Statement,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> Option<StandIn> {
    let reference = has_wallet(&statement.core.body, state).then(|| Blob(vec![0]));
    let now_s = agree(accounting, &mut statement, reference, state, signers);
    let shows_nothing = match &state.keys(&statement.kid)?.signer {
        Signer::Device(_) => true,
        Signer::Actor(actor) => actor.role == Role::System,
    };
    if shows_nothing {
        let holder = helped(account, &statement, state, signers);
        statement.disclosure.iter_mut().for_each(|known| known.0.holder.clone_from(&holder));
    }
    Some(StandIn { statement, now_ms: now_s * 1_000, measured: None })
}

/// One stand-in for each worth and value that the action's rule tells apart.
fn actions(
    accounting: &Accounting,
    statement: &Statement,
    action: &str,
    state: &Overlay<'_>,
    signers: Signers<'_>,
) -> Option<Vec<StandIn>> {
    let (day, account) = (statement.core.day, accounting.subject?.account);
    let day_s = day.start_ms() / 1_000;
    let programme = state.programme_for(day)?;
    let rule = programme.rule_of(action)?;
    let holder = match &state.keys(&statement.kid)?.signer {
        Signer::Device(_) => None,
        Signer::Actor(actor) if matches!(actor.role, Role::Staff | Role::Registry) => {
            Some(Holder::Account(account))
        }
        Signer::Actor(_) => Some(Holder::Phone(Vec::new())),
    };
    let pay_token = match holder {
        Some(Holder::Phone(_)) => {
            let (exp_s, ledger) = (day_s + 1, statement.core.ledger);
            let message = PayToken { exp_s, nonce: [0; 16], ledger, max_points: 0, shop: None };
            let kid = phone(account, state, signers.devices)?;
            let signed = SignedMessage { message, kid, signature: [0; 64] };
            Some(PhoneToken { signed, phone: kid })
        }
        Some(Holder::Card(_) | Holder::Account(_) | Holder::Link(_)) | None => None,
    };
    let origin = rule.plausible.as_ref().and_then(|plausible| plausible.origins.first());
    let origin = origin.and_then(|origin| Code::new(origin));
    let mut found = Vec::new();
    for (exact, worth) in rule.worths() {
        let venue = holder.is_none() && worth.evidence.contains(&Evidence::Venue);
        let venue =
            if venue { shown(accounting, statement, state, signers.stations) } else { None };
        let performed_at_s =
            venue.as_ref().map_or(day_s, |(code, _)| code.exp_s - VENUE_LIFE_S_MAX);
        let by_reference = worth.same_act == SameAct::Reference;
        for (values, measured) in values_told_apart(programme, rule) {
            let disclosed = Disclosure {
                values,
                exact_action: exact.and_then(Code::new),
                reference: by_reference.then(|| Blob(vec![0])),
                origin: origin.clone(),
                ..disclosure(performed_at_s, holder.clone())
            };
            let disclosure = Some((disclosed, Vec::new()));
            let (pay_token, venue) = (pay_token.clone(), venue.clone());
            let carried = Carried { pay_token, venue, ..Carried::default() };
            let statement = Statement { disclosure, carried, ..statement.clone() };
            let now_ms = accounting.accepted_min * 60_000;
            found.push(StandIn { statement, now_ms, measured });
        }
    }
    Some(found)
}

/// The code that a phone may have read: of a station in force, at the latest second of the action's
/// day that is not after the recorded minute.
fn shown(
    accounting: &Accounting,
    statement: &Statement,
    state: &Overlay<'_>,
    stations: &[Kid],
) -> Option<(VenueCode, Kid)> {
    let Body::Action(body) = &statement.core.body else { return None };
    let day_s = statement.core.day.start_ms() / 1_000;
    let at_s = (accounting.accepted_min * 60).clamp(day_s, day_s + 86_399);
    let found = stations.iter().find_map(|kid| {
        let key = state.keys(kid).filter(|key| key.in_force())?;
        let Signer::Actor(actor) = &key.signer else { return None };
        Some((*kid, actor.place?))
    });
    let ((kid, place), exp_s) = (found?, at_s + VENUE_LIFE_S_MAX);
    let (ledger, action) = (statement.core.ledger, body.action.clone());
    Some((VenueCode { exp_s, nonce: [0; 16], ledger, place, action }, kid))
}

/// Values that lead to other points: each goal reached, none, one to look at; a level above an
/// earlier one, or not.
fn values_told_apart(programme: &Programme, rule: &Rule) -> Vec<(Option<Values>, Option<Values>)> {
    let least = |values: Values, measure: &Measure| values.with(*measure, *measure.range().start());
    let found = rule.measures.iter().fold(Values::default(), least);
    let any = Some(found).filter(|_| !rule.measures.is_empty());
    let improves = programme
        .derived_from(rule.rule)
        .any(|(_, needs)| matches!(needs, Needs::Improvement { .. }));
    if improves {
        let level = |tenths| Some(found.with(Measure::LevelTenths, tenths));
        return vec![(any, None), (level(120), level(1))];
    }
    if rule.goals.is_empty() {
        return vec![(any, None)];
    }
    let review = rule.plausible.as_ref().map(|plausible| plausible.review_above + 1);
    let steps = rule.goals.iter().map(|goal| goal.steps).chain([0]).chain(review);
    steps.map(|steps| (Some(found.with(Measure::Steps, steps)), None)).collect()
}

fn disclosure(performed_at_s: u64, holder: Option<Holder>) -> Disclosure {
    Disclosure { performed_at_s, holder, ..Disclosure::default() }
}

/// The phone of an account that the rules restrict least: the first one that is not revoked.
fn phone(account: AccountId, state: &Overlay<'_>, devices: Devices<'_>) -> Option<Kid> {
    let in_force = |kid: &Kid| state.keys(kid).is_some_and(Key::in_force);
    devices(account).into_iter().find(in_force)
}
