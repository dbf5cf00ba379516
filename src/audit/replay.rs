//! The replay: one entry after the other, each asked everything that can be asked of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use ed25519_dalek::VerifyingKey;
use ledger_spec::apply::apply;
use ledger_spec::cbor;
use ledger_spec::cose::{Sign1, aad};
use ledger_spec::decide::{Context, Earlier, decide, earlier_of, measured_before};
use ledger_spec::entry::{Accounting, Effect, Entry, Judgement, Reason};
use ledger_spec::frame::Frame;
use ledger_spec::ids::{AccountId, Kid, LedgerId, LinkId, OpId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{self, Body, Purpose, Role};
use ledger_spec::manifest;
use ledger_spec::merkle::{Edge, leaf_hash};
use ledger_spec::programme::{LATE_DAYS_MAX, LOOK_BACK_DAYS_MAX};
use ledger_spec::public;
use ledger_spec::state::{Overlay, Signer, State};
use ledger_spec::statement::{self, Holder, Statement, Values};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, PinProof, SignedMessage};

use super::forgotten::Forgotten;
use super::levels::{LevelFiles, OtherHash};
use super::report::{AuditReport, Check, Finding, Gap, REBUILD, REWRITTEN};
use super::segments::{Location, Segments};
use super::signatures::{Signature, Signatures, check_empty_part};
use super::standin;
use super::standin::{Signers, StandIn};
use super::tally::Tally;
use crate::beacon;
use crate::engine::{EngineError, PersonalReader, parse_entry};
use crate::keys::LedgerKeys;
use crate::log::{Locked, LogReader};
use crate::registry::Registry;

/// A pay token of no phone of the account.
const NO_PHONE: &str = "nobody had enrolled the phone that made its pay token";

/// Stands in for the pepper where that is not at hand: no key made with it is ever compared.
const NO_PEPPER: [u8; 32] = [0; 32];

/// A log on its way through the audit.
pub(super) struct Auditor<'a> {
    ledger: LedgerId,
    secrets: Option<(&'a LedgerKeys, &'a Registry)>,
    segments: Segments,
    levels: LevelFiles<'a>,
    state: State,
    edge: Edge,
    keyring: HashMap<Kid, VerifyingKey>,
    /// Phones by account, in the order of their enrolment.
    devices: HashMap<AccountId, Vec<Kid>>,
    /// The links by which a phone helps others.
    proxies: HashMap<Kid, Vec<LinkId>>,
    stations: Vec<Kid>,
    operations: HashSet<OpId>,
    /// The manifests whose rows may still follow.
    manifests: BTreeMap<Seq, kinds::Manifest>,
    /// The frames before the one in hand, and the entries of that one: what a later entry may name.
    log: Option<LogReader>,
    frame: BTreeMap<Seq, Accounting>,
    /// What measurements found that later ones can be compared with, and on which day.
    measured: BTreeMap<Seq, (Day, Values)>,
    /// The latest time of acceptance that a sealed part told.
    last_ms: u64,
    forgotten: Forgotten,
    signatures: Signatures,
    tally: Tally,
    report: AuditReport,
    /// Whether the log itself is broken, so that nothing after this can be judged.
    broken: bool,
}

impl<'a> Auditor<'a> {
    pub(super) fn new(
        ledger: LedgerId,
        secrets: Option<(&'a LedgerKeys, &'a Registry)>,
        segments: Segments,
        levels: LevelFiles<'a>,
    ) -> Self {
        Self {
            ledger,
            secrets,
            segments,
            levels,
            state: State::default(),
            edge: Edge::default(),
            keyring: HashMap::new(),
            devices: HashMap::new(),
            proxies: HashMap::new(),
            stations: Vec::new(),
            operations: HashSet::new(),
            manifests: BTreeMap::new(),
            log: None,
            frame: BTreeMap::new(),
            measured: BTreeMap::new(),
            last_ms: 0,
            forgotten: Forgotten::default(),
            signatures: Signatures::default(),
            tally: Tally::default(),
            report: AuditReport::default(),
            broken: false,
        }
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.segments.read_bytes()
    }

    pub(super) fn next_seq(&self) -> Seq {
        Seq(self.state.size)
    }

    /// Whether the log itself is broken, so that nothing after this can be judged.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Checks a frame that is whole and chained.
    pub(super) fn frame(&mut self, frame: &Frame, reader: &LogReader) {
        self.log.get_or_insert_with(|| reader.clone());
        self.frame.clear();
        let place = self.segments.step(frame.bytes().len());
        let state = std::mem::take(&mut self.state);
        let mut overlay = Overlay::over(&state);
        for (seq, bytes) in frame.entries() {
            if let Err(reason) = self.entry(seq, place, bytes, &mut overlay) {
                self.find(Some(seq), place, reason);
                break;
            }
        }
        let changes = overlay.into_changes();
        self.state = state;
        self.state.absorb(changes);
        let header = frame.header();
        if !self.broken && self.edge.root() != header.place.root_after {
            let reason = "the root over all entries is not the one that their frame states";
            self.find(Some(header.place.first_seq), place, reason.to_owned());
        }
        if !self.broken {
            self.pass(Check::Frames);
        }
        if self.signatures.is_full() || self.broken {
            self.check_signatures();
        }
    }

    /// Ends the audit. `is_whole` says that the whole log was read.
    pub(super) fn finish(mut self, is_whole: bool, locked: Option<Locked>) -> AuditReport {
        self.check_signatures();
        let end = self.next_seq();
        if is_whole && !self.broken {
            let hidden = self.forgotten.hidden(&self.state, &self.segments.folder);
            self.report.findings.extend(hidden);
            match self.tally.check(&self.state) {
                Ok(equations) => self.pass_many(Check::Sums, equations),
                Err(reason) => self.find(None, Location::default(), reason),
            }
            match locked {
                Some(locked) => {
                    let short = self.levels.check_length(locked.size.0);
                    self.find_level(short);
                }
                None if end > Seq(0) => {
                    let mut path = self.segments.folder.clone();
                    path.pop();
                    self.report.findings.push(Finding::without_lock(path.join("lock")));
                }
                None => {}
            }
        }
        self.pass_many(Check::Signatures, self.signatures.right);
        self.pass_many(Check::TreeHashes, self.levels.compared());
        AuditReport { entries: end.0, root: self.edge.root(), ..self.report }
    }

    fn entry(
        &mut self,
        seq: Seq,
        place: Location,
        bytes: &[u8],
        state: &mut Overlay<'_>,
    ) -> Result<(), String> {
        let (entry, accounting) = parse_entry(seq, bytes).map_err(reason_of)?;
        self.leaf(&entry);
        let (signed, statement) = self.read_statement(&entry, &accounting)?;
        check_empty_part(&entry, &statement, state)?;
        let (statement, accepted_ms) = self.open(&entry, &accounting, statement)?;
        self.queue_consents(place, &accounting, &statement, state)?;
        match signed {
            Some(signed) => self.queue_signatures(&accounting, place, signed, &statement, state)?,
            None => self.check_row(&statement)?,
        }
        if let Body::Manifest(manifest) = &statement.core.body {
            self.manifests.insert(seq, manifest.clone());
        }
        let found = statement.disclosure.as_ref().and_then(|(disclosure, _)| disclosure.values);
        let found = found.filter(|values| values.level_tenths.is_some());
        self.measured.extend(found.map(|values| (seq, (accounting.accepted_day(), values))));
        self.decide_again(&entry, &accounting, statement, accepted_ms, state)?;
        self.check_beacon(&accounting, state)?;
        apply(&accounting, state).map_err(|broken| broken.to_string())?;
        self.pass(Check::Effects);
        let derived = public::of_effects(&accounting.effects, |kid| state.keys(&kid));
        if derived != (entry.class, entry.public.clone()) {
            return Err("its public leaf is not the one that its effects give".to_owned());
        }
        self.report.passed.entry(Check::PublicLeaves).or_default();
        if entry.public.is_some() {
            self.pass(Check::PublicLeaves);
        }
        self.remember(accounting);
        Ok(())
    }

    /// The leaf joins the tree; every hash that it completes is compared with the level files.
    fn leaf(&mut self, entry: &Entry) {
        let mut other = Ok(());
        let levels = &mut self.levels;
        self.edge.push_with(leaf_hash(&entry.leaf()), |level, hash| {
            if let Err(found) = levels.compare(level, hash) {
                other = Err(found);
            }
        });
        self.find_level(other);
        self.pass(Check::Leaves);
    }

    /// The statement, after everything that concerns its form.
    fn read_statement(
        &mut self,
        entry: &Entry,
        accounting: &Accounting,
    ) -> Result<(Option<Sign1>, Statement), String> {
        let kept = &accounting.statement.0;
        let statement = kept::read(kept).map_err(|error| error.to_string())?;
        let signed = match statement.row {
            // The manifest's signature covers it.
            Some(_) => None,
            None => Some(statement::read(kept).map_err(|error| error.to_string())?.0),
        };
        if statement.core.ledger != self.ledger {
            return Err("its statement is for another ledger".to_owned());
        }
        if statement.bytes != *kept {
            return Err(
                "its statement carries a disclosure, which belongs in the sealed part".to_owned()
            );
        }
        if !self.operations.insert(statement.core.op_id) {
            return Err("its operation is in the log already".to_owned());
        }
        if entry.personal.is_some() != accounting.subject.is_some() {
            return Err("an entry has a sealed part exactly where it has an account".to_owned());
        }
        Ok((signed, statement))
    }

    /// Opens the sealed part where that can be done: the statement is whole again, and its exact
    /// time known.
    fn open(
        &mut self,
        entry: &Entry,
        accounting: &Accounting,
        mut statement: Statement,
    ) -> Result<(Statement, Option<u64>), String> {
        match &entry.personal {
            None => return Ok((statement, None)),
            Some(sealed) if sealed.0.is_empty() => {
                self.miss(Gap::Empty);
                return Ok((statement, None));
            }
            Some(_) => {}
        }
        let Some((_, registry)) = self.secrets else {
            self.miss(Gap::Sealed);
            return Ok((statement, None));
        };
        let reader = PersonalReader { registry, ledger: self.ledger };
        let opened = reader.read(entry, accounting).map_err(reason_of)?;
        let Some((accepted_ms, disclosure)) = opened else {
            self.miss(Gap::Erased);
            self.forgotten.note(accounting);
            return Ok((statement, None));
        };
        self.pass(Check::Seals);
        if accepted_ms < self.last_ms {
            return Err("it was accepted before the entry that precedes it".to_owned());
        }
        self.last_ms = accepted_ms;
        statement.disclosure = disclosure.map(|disclosure| {
            let bytes = cbor::to_bytes(&disclosure);
            (disclosure, bytes)
        });
        Ok((statement, Some(accepted_ms)))
    }

    /// A row has no signature of its own: the manifest that it names lists it.
    fn check_row(&mut self, statement: &Statement) -> Result<(), String> {
        let manifest = statement.row.and_then(|place| self.manifests.get(&place.manifest));
        if !manifest.is_some_and(|manifest| manifest::lists(manifest, statement)) {
            return Err("no manifest that was open lists it".to_owned());
        }
        self.pass(Check::Rows);
        Ok(())
    }

    /// The phone of the entry's account that a pay token names. Where two have one name on its day,
    /// the signature decides.
    fn phone_behind(
        &self,
        token: &SignedMessage<PayToken>,
        accounting: &Accounting,
        state: &Overlay<'_>,
    ) -> Option<Kid> {
        let phones = self.devices.get(&accounting.subject?.account)?;
        standin::phone_behind(token, phones, state)
    }

    /// Finds the keys of its time for what the effects keep of a resident's consent. It needs no
    /// sealed part, so nobody gets rid of a consent that was never given by erasing an account.
    fn queue_consents(
        &mut self,
        place: Location,
        accounting: &Accounting,
        statement: &Statement,
        state: &Overlay<'_>,
    ) -> Result<(), String> {
        let (ledger, terminal, seq) = (self.ledger, statement.kid, accounting.seq);
        let signer = state.keys(&terminal).map(|key| &key.signer);
        let shop = if let Some(Signer::Actor(actor)) = signer { actor.place } else { None };
        for effect in &accounting.effects {
            if let Some(token) = SignedMessage::<PayToken>::kept_in(effect, ledger, shop) {
                let phone = self.phone_behind(&token, accounting, state);
                let key = phone.and_then(|phone| self.key_of(phone, None, state));
                let key = key.ok_or(NO_PHONE)?;
                let (what, aad, signed) = ("its pay token", aad::PAY, token.to_sign1());
                self.signatures.push(Signature { seq, place, what, signed, key, aad });
            }
            if let Some(proof) = SignedMessage::<PinProof>::kept_in(effect, ledger, terminal) {
                let key = self.key_of(proof.kid, None, state);
                let key = key.ok_or("nobody had registered the key of its PIN proof")?;
                let (what, aad, signed) = ("its PIN proof", aad::PIN, proof.to_sign1());
                self.signatures.push(Signature { seq, place, what, signed, key, aad });
            }
        }
        Ok(())
    }

    /// Finds the keys of its time for the statement's signature and, of an action, its pay token's
    /// and venue code's.
    fn queue_signatures(
        &mut self,
        accounting: &Accounting,
        place: Location,
        signed: Sign1,
        statement: &Statement,
        state: &Overlay<'_>,
    ) -> Result<(), String> {
        let seq = accounting.seq;
        let key = self.key_of(signed.kid, Some(&statement.core.body), state);
        let key = key.ok_or("nobody had registered the key of its statement")?;
        let (what, aad) = ("its statement", aad::STATEMENT);
        self.signatures.push(Signature { seq, place, what, signed, key, aad });
        let Some((disclosure, _)) = &statement.disclosure else { return Ok(()) };
        // What is spent stands in the effects, which the decision compares with the disclosure.
        let is_action = matches!(statement.core.body, Body::Action(_));
        let token = match &disclosure.holder {
            Some(Holder::Phone(token)) if is_action => Some(&token[..]),
            Some(Holder::Phone(_) | Holder::Card(_) | Holder::Account(_) | Holder::Link(_))
            | None => None,
        };
        let code = disclosure.venue.as_ref().map(|code| &code.0[..]);
        if let Some(token) = token {
            let token = token::read_signed(token).map_err(|error| error.to_string())?;
            let phone = self.phone_behind(&token, accounting, state);
            let key = phone.and_then(|phone| self.key_of(phone, None, state)).ok_or(NO_PHONE)?;
            let (what, aad, signed) = ("its pay token", aad::PAY, token.to_sign1());
            self.signatures.push(Signature { seq, place, what, signed, key, aad });
        }
        if let Some(code) = code {
            let signed = Sign1::from_bytes(code).map_err(|error| error.to_string())?;
            let unknown = "nobody had registered the key of its venue code";
            let key = self.key_of(signed.kid, None, state).ok_or(unknown)?;
            let (what, aad) = ("its venue code", aad::VENUE);
            self.signatures.push(Signature { seq, place, what, signed, key, aad });
        }
        Ok(())
    }

    /// A key that was registered before this entry, or that the statement brings with it.
    fn key_of(
        &mut self,
        kid: Kid,
        body: Option<&Body>,
        state: &Overlay<'_>,
    ) -> Option<VerifyingKey> {
        if let Some(known) = self.keyring.get(&kid) {
            return Some(*known);
        }
        if let Some(row) = state.keys(&kid) {
            let key = VerifyingKey::from_bytes(&row.public_key).ok()?;
            self.keyring.insert(kid, key);
            return Some(key);
        }
        let own = body?.own_key()?;
        if Kid::of(own) == kid { VerifyingKey::from_bytes(own).ok() } else { None }
    }

    /// The rules take any value of a beacon's length; only the network's own decides a draw.
    fn check_beacon(&mut self, accounting: &Accounting, state: &Overlay<'_>) -> Result<(), String> {
        for effect in &accounting.effects {
            let Effect::DrawConcluded { item, beacon: value, .. } = effect else { continue };
            let round = state.draws(item).map_or(0, |draw| draw.round);
            if !beacon::is_genuine(round, &value.0) {
                return Err(format!(
                    "it draws by a value that the beacon did not sign for round {round}"
                ));
            }
            self.pass(Check::Beacons);
        }
        Ok(())
    }

    /// Asks the rules again and compares the accounting part byte for byte.
    fn decide_again(
        &mut self,
        entry: &Entry,
        accounting: &Accounting,
        mut statement: Statement,
        accepted_ms: Option<u64>,
        state: &Overlay<'_>,
    ) -> Result<(), String> {
        let has_disclosure = statement.core.body.kind().shape().disclosure;
        let is_whole = accounting.subject.is_none() || accepted_ms.is_some();
        let pepper = self.secrets.map(|(keys, _)| &*keys.pepper);
        let (candidates, check) = if is_whole {
            let phone_of = |token: &_| self.phone_behind(token, accounting, state);
            statement.read_carried(phone_of).map_err(|error| error.to_string())?;
            let now_ms = accepted_ms.unwrap_or(accounting.accepted_min * 60_000);
            let measured = measured_before(&statement, state);
            let measured = measured.and_then(|seq| self.measured.get(&seq)).map(|(_, v)| *v);
            (vec![StandIn { statement, now_ms, measured }], Check::Decisions)
        } else {
            let devices = |account| self.devices.get(&account).cloned().unwrap_or_default();
            let (proxies, stations) = (&self.proxies, &*self.stations);
            let signers = Signers { devices: &devices, proxies, stations };
            let found = standin::stand_ins(accounting, statement, state, signers);
            (found, if has_disclosure { Check::StandIns } else { Check::Decisions })
        };
        // Without the pepper nobody can say which of an action's places in a period are taken.
        if candidates.is_empty() || (pepper.is_none() && has_counted_out(accounting)) {
            self.miss(Gap::Decision);
            return Ok(());
        }
        let mut wrong = None;
        for candidate in candidates {
            let StandIn { statement, now_ms, measured } = candidate;
            let named = earlier_of(&statement, state);
            let named = named.map(|seq| self.earlier(seq)).transpose()?.flatten();
            let earlier = match named.as_deref() {
                Some(entry) => {
                    let statement = kept::read(&entry.statement.0).map_err(|e| e.to_string())?;
                    Some(Earlier { entry, statement })
                }
                None => None,
            };
            let pepper = pepper.unwrap_or(&NO_PEPPER);
            let context = Context { now_ms, pepper, earlier: earlier.as_ref(), measured };
            let mut decided = match decide(&statement, state, &context) {
                Ok(decided) => decided,
                Err(rejection) => {
                    let refused = format!("the rules refuse its statement: {rejection}");
                    wrong.get_or_insert(refused);
                    continue;
                }
            };
            let taken = (!is_whole || self.secrets.is_none())
                && take_natural_keys(&mut decided, accounting);
            if !is_whole {
                take_channel(&mut decided, accounting);
            }
            if cbor::to_bytes(&decided) == entry.accounting.0 {
                if taken {
                    self.miss(Gap::NaturalKey);
                }
                wrong = None;
                break;
            }
            wrong.get_or_insert(difference(&decided, accounting));
        }
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        self.pass(check);
        if accounting.effects.iter().any(|effect| matches!(effect, Effect::DayClosed { .. })) {
            self.pass(Check::Days);
        }
        Ok(())
    }

    /// An entry that has been checked already: of the frame in hand, or read again from the log.
    fn earlier(&self, seq: Seq) -> Result<Option<Cow<'_, Accounting>>, String> {
        if let Some(found) = self.frame.get(&seq) {
            return Ok(Some(Cow::Borrowed(found)));
        }
        let Some(log) = self.log.as_ref() else { return Ok(None) };
        let found = log.entry(seq).map_err(|error| error.to_string())?;
        let parsed = found.map(|bytes| parse_entry(seq, &bytes)).transpose().map_err(reason_of)?;
        Ok(parsed.map(|(_, accounting)| Cow::Owned(accounting)))
    }

    /// What later entries are judged by.
    fn remember(&mut self, accounting: Accounting) {
        self.tally.add(&accounting);
        let asked = accounting.accepted_day().minus(LOOK_BACK_DAYS_MAX + LATE_DAYS_MAX);
        while let Some(oldest) = self.measured.first_entry()
            && oldest.get().0 < asked
        {
            oldest.remove();
        }
        for effect in &accounting.effects {
            self.remember_effect(effect, accounting.subject.map(|subject| subject.account));
        }
        self.frame.insert(accounting.seq, accounting);
    }

    fn remember_effect(&mut self, effect: &Effect, account: Option<AccountId>) {
        match effect {
            Effect::ManifestClosed { manifest } => {
                self.manifests.remove(manifest);
            }
            Effect::KeyRegistered { public_key, role, .. } => {
                if *role == Role::Station {
                    self.stations.push(Kid::of(public_key));
                }
            }
            Effect::LinkGranted { link, purpose, partner, .. } => {
                if *purpose == Purpose::Proxy {
                    self.proxies.entry(*partner).or_default().push(*link);
                }
            }
            Effect::DeviceEnrolled { public_key, .. } => {
                if let Some(account) = account {
                    self.devices.entry(account).or_default().push(Kid::of(public_key));
                }
            }
            // The state knows the rest, and what has ended of the above.
            Effect::Posting { .. }
            | Effect::ActionJudged { .. }
            | Effect::ActTaken { .. }
            | Effect::TokenSpent { .. }
            | Effect::Balance { .. }
            | Effect::Undone { .. }
            | Effect::Proposed { .. }
            | Effect::Approved { .. }
            | Effect::ProgrammeInForce { .. }
            | Effect::BudgetAllocated { .. }
            | Effect::KeyRevoked { .. }
            | Effect::AccountOpened {}
            | Effect::FactsSet { .. }
            | Effect::CardIssued { .. }
            | Effect::CardRevoked { .. }
            | Effect::PinSet { .. }
            | Effect::RewardRebound { .. }
            | Effect::Suspended { .. }
            | Effect::Resumed { .. }
            | Effect::AccountClosed {}
            | Effect::AccountErased {}
            | Effect::CodeUsed { .. }
            | Effect::DayClosed { .. }
            | Effect::ManifestOpened { .. }
            | Effect::LinkRevoked { .. }
            | Effect::HoldOpened { .. }
            | Effect::HoldEnded { .. }
            | Effect::Refunded { .. }
            | Effect::CardWithoutPin { .. }
            | Effect::PinProven { .. }
            | Effect::ShopSettled { .. }
            | Effect::SettlementPaid { .. }
            | Effect::StatusSet { .. }
            | Effect::ActionWithdrawn { .. }
            | Effect::LotExtended { .. }
            | Effect::OpeningAllocated { .. }
            | Effect::ShopAccountSet { .. }
            | Effect::Brought { .. }
            | Effect::CatalogueInForce { .. }
            | Effect::RewardClaimed { .. }
            | Effect::RewardEnded { .. }
            | Effect::DrawCommitted { .. }
            | Effect::DrawConcluded { .. } => {}
        }
    }

    fn check_signatures(&mut self) {
        if let Some(wrong) = self.signatures.check() {
            let reason = format!("the signature of {} is not by the key it names", wrong.what);
            self.find(Some(wrong.seq), wrong.place, reason);
        }
    }

    fn find(&mut self, seq: Option<Seq>, place: Location, reason: String) {
        let (path, offset) = match seq {
            Some(_) => (self.segments.path(place), Some(place.offset)),
            None => (self.segments.folder.clone(), None),
        };
        self.report.findings.push(Finding { seq, path, offset, reason, remedy: REWRITTEN });
        self.broken = true;
    }

    /// One finding is enough: the remedy makes all levels anew.
    fn find_level(&mut self, compared: Result<(), OtherHash>) {
        let known = self.report.findings.iter().any(|finding| finding.remedy == REBUILD);
        if let (Err(OtherHash { path, reason }), false) = (compared, known) {
            let (seq, offset, remedy) = (None, None, REBUILD);
            self.report.findings.push(Finding { seq, path, offset, reason, remedy });
        }
    }

    fn pass(&mut self, check: Check) {
        self.pass_many(check, 1);
    }

    fn pass_many(&mut self, check: Check, count: u64) {
        *self.report.passed.entry(check).or_default() += count;
    }

    fn miss(&mut self, gap: Gap) {
        *self.report.gaps.entry(gap).or_default() += 1;
    }
}

/// What is wrong, without what the engine adds for an operator.
fn reason_of(error: EngineError) -> String {
    if let EngineError::Entry { reason, .. } = error { reason } else { error.to_string() }
}

/// Puts the recorded natural keys in the place of those that could not be computed; whether there
/// were any.
fn take_natural_keys(decided: &mut Accounting, recorded: &Accounting) -> bool {
    let keys = recorded
        .effects
        .iter()
        .filter_map(|effect| if let Effect::ActTaken { key } = effect { Some(*key) } else { None });
    let places = decided
        .effects
        .iter_mut()
        .filter_map(|effect| if let Effect::ActTaken { key } = effect { Some(key) } else { None });
    let mut taken = false;
    for (place, key) in places.zip(keys) {
        *place = key;
        taken = true;
    }
    taken
}

/// Whether an exact action got nothing because it had counted as often as it can.
fn has_counted_out(accounting: &Accounting) -> bool {
    let out = |judged: Judgement| matches!(judged.reason, Reason::Times(_)) && judged.granted == 0;
    accounting.judgements().any(out)
}

/// Puts the recorded channel in the place of a stand-in's: who showed phone or card is in the
/// sealed part alone.
fn take_channel(decided: &mut Accounting, recorded: &Accounting) {
    let recorded = recorded.judgements().map(|judged| judged.channel).next();
    for effect in &mut decided.effects {
        if let (Effect::ActionJudged { channel, .. }, Some(recorded)) = (effect, recorded) {
            *channel = recorded;
        }
    }
}

/// The first thing in which an entry is not what the rules give.
fn difference(decided: &Accounting, recorded: &Accounting) -> String {
    let effects = decided.effects.iter().zip(&recorded.effects).find(|(due, found)| due != found);
    if let Some((due, found)) = effects {
        return format!("the rules give {due:?} where it has {found:?}");
    }
    if decided.effects.len() != recorded.effects.len() {
        let (due, found) = (decided.effects.len(), recorded.effects.len());
        return format!("the rules give {due} effects where it has {found}");
    }
    if decided.subject != recorded.subject {
        return format!(
            "it stands in its account's chain as {:?}, not {:?}",
            recorded.subject, decided.subject
        );
    }
    if decided.accepted_min != recorded.accepted_min {
        let (due, found) = (decided.accepted_min, recorded.accepted_min);
        return format!("it was accepted in minute {due}, and says {found}");
    }
    format!("it says that it is entry {} of version {}", recorded.seq, recorded.version)
}
