//! Draws: what everyone may see of one, and all that follows from the log about it.

use data_encoding::HEXLOWER;
use ledger_spec::catalogue::{Catalogue, Gives, Item};
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::draw::{
    AHEAD_S_MIN, BEACON, BEACON_BYTES, BEACON_GENESIS_S, BEACON_PERIOD_S, entrants_root, round_s,
    winners, winners_hash,
};
use ledger_spec::entry::{Accounting, Effect, receipt_number};
use ledger_spec::ids::{Hash, Seq};
use ledger_spec::kinds::{Code, Document, DrawCommit, DrawResult};
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use crate::adapters::drand::{self, AnswerFault};
use crate::beacon::{CHAIN_HASH, is_genuine};
use crate::engine::{Engine, EngineError};

/// The most draws that one answer gives.
const DRAWS_MAX: usize = 100;

/// A draw, for everyone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DrawLine {
    /// The item's code; its number where no catalogue has it any more.
    #[schema(example = "tombola-2026")]
    pub item: String,
    /// Its name.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// The entry that fixed the entrants.
    pub commit: u64,
    /// How many entrants there are.
    pub entrants: u32,
    /// The Merkle root over them.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub root: String,
    /// How many win.
    pub prizes: u32,
    /// The beacon's network.
    #[schema(example = "quicknet")]
    pub beacon: &'static str,
    /// The hash of its chain, by which drand's servers know it.
    pub chain: &'static str,
    /// The round that decides.
    pub round: u64,
    /// When the round has its value, in Unix seconds.
    pub round_at_s: u64,
    /// What the draw came to; absent before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldLine>,
}

/// A draw that is held.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldLine {
    /// Its entry.
    pub entry: u64,
    /// The round's value, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{96}$")]
    pub value: String,
    /// The receipt numbers of the claims that won, in the order of the draw.
    pub winners: Vec<String>,
}

/// The ledger's draws, the latest first.
///
/// # Errors
/// [`EngineError`]
pub fn draws(engine: &Engine) -> Result<Vec<DrawLine>, EngineError> {
    let mut found: Vec<_> = {
        let state = engine.state()?;
        let known = |number| state.catalogues.values().rev().find_map(|c| c.item(number));
        let names = |item: &Item| (item.code.clone(), item.name.clone(), item.name_en.clone());
        let draws = state.draws.iter();
        draws.map(|(item, draw)| (*item, draw.clone(), known(*item).map(names))).collect()
    };
    found.sort_by_key(|(_, draw, _)| std::cmp::Reverse(draw.commit));
    found.truncate(DRAWS_MAX);
    let mut lines = Vec::new();
    for (number, draw, names) in found {
        let fixed = entry_effect(engine, draw.commit, |effect| {
            let Effect::DrawCommitted { entrants, count, .. } = effect else { return None };
            Some((*entrants, *count))
        })?;
        let Some((root, entrants)) = fixed else { continue };
        let value = match draw.result {
            None => None,
            Some(entry) => entry_effect(engine, entry, |effect| {
                let Effect::DrawConcluded { beacon, .. } = effect else { return None };
                Some((entry.0, HEXLOWER.encode(&beacon.0)))
            })?,
        };
        let held = value.map(|(entry, value)| {
            let claims = draw.winners.iter().flatten();
            let winners = claims.map(|claim| receipt_number(engine.ledger(), *claim)).collect();
            HeldLine { entry, value, winners }
        });
        let (item, name, name_en) =
            names.unwrap_or_else(|| (number.to_string(), String::new(), String::new()));
        lines.push(DrawLine {
            item,
            name,
            name_en,
            commit: draw.commit.0,
            entrants,
            root: HEXLOWER.encode(&root),
            prizes: draw.prizes,
            beacon: BEACON,
            chain: CHAIN_HASH,
            round: draw.round,
            round_at_s: round_s(draw.round).unwrap_or(0),
            held,
        });
    }
    Ok(lines)
}

fn entry_effect<T>(
    engine: &Engine,
    seq: Seq,
    read: impl Fn(&Effect) -> Option<T>,
) -> Result<Option<T>, EngineError> {
    let found = engine.entry(seq)?;
    Ok(found.and_then(|(_, accounting)| accounting.effects.iter().find_map(read)))
}

/// Whether a result names the value that the beacon's network signed for its draw. Of a draw that
/// there is not, or is held already, the rules are to say so.
///
/// # Errors
/// [`EngineError`]
pub fn has_genuine_beacon(engine: &Engine, result: &DrawResult) -> Result<bool, EngineError> {
    let waiting = {
        let state = engine.state()?;
        let draw = state.draws.values().find(|draw| draw.commit == result.commit);
        draw.filter(|draw| draw.result.is_none()).map(|draw| draw.round)
    };
    Ok(waiting.is_none_or(|round| is_genuine(round, &result.beacon.0)))
}

/// A draw's entrants as an entry fixed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The entry.
    pub commit: Seq,
    /// The beacon's round.
    pub round: u64,
    /// Their number, as the entry says.
    pub count: u32,
    /// Their root, as the entry says.
    pub root: Hash,
    /// How many win, as the entry says.
    pub prizes: u32,
    /// When the entry was accepted, in Unix seconds of its minute.
    accepted_s: u64,
    /// How many win by the catalogue that was in force.
    offered: Option<u32>,
}

/// A draw's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The entry.
    pub entry: Seq,
    /// The beacon's value.
    pub value: Vec<u8>,
    /// The claims that won.
    pub winners: Vec<Seq>,
    /// When the entry was accepted, in Unix seconds of its minute.
    accepted_s: u64,
}

/// Why a step of a draw cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// No catalogue has had the item as a lottery.
    #[error("no catalogue of this ledger has a lottery `{0}`")]
    Unknown(String),
    /// The entrants are fixed.
    #[error("entry {0} has fixed the entrants already")]
    AlreadyFixed(Seq),
    /// The winners are drawn.
    #[error("entry {0} has drawn already")]
    AlreadyDrawn(Seq),
    /// Nobody has fixed the entrants.
    #[error("nobody has fixed the entrants: `kenmai draw commit`")]
    NotFixed,
    /// The beacon has no such round.
    #[error("there is no round {0}")]
    NoRound(u64),
    /// A time that is none.
    #[error("{0} is no time in Japan, YYYY-MM-DDTHH:MM")]
    Unclear(String),
    /// A time before the beacon's first round.
    #[error("the beacon had no round at {0} yet")]
    TooEarly(String),
    /// The answer does not give the round's value.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// More entrants, or a longer code, than a statement holds.
    #[error("{0} does not fit into a statement")]
    Unfit(&'static str),
}

/// The beacon's first round at a time or after it, in Unix seconds; `None` before its first.
#[must_use]
pub fn first_round_from(at_s: u64) -> Option<u64> {
    Some(at_s.checked_sub(BEACON_GENESIS_S)?.div_ceil(BEACON_PERIOD_S) + 1)
}

/// The beacon's first round at a time in Japan, `YYYY-MM-DDTHH:MM`, or after it.
///
/// # Errors
/// [`DrawError::Unclear`] and [`DrawError::TooEarly`]
pub fn round_at(at: &str) -> Result<u64, DrawError> {
    let unclear = || DrawError::Unclear(at.to_owned());
    let (day, time) = at.split_once('T').ok_or_else(unclear)?;
    let (hour, minute) = time.split_once(':').ok_or_else(unclear)?;
    let two_digits = |text: &str, end: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| digits && *number < end)
    };
    let day = Day::parse(day).ok_or_else(unclear)?;
    let hour = two_digits(hour, 24).ok_or_else(unclear)?;
    let minute = two_digits(minute, 60).ok_or_else(unclear)?;
    let at_s = day.start_ms() / 1_000 + hour * 3_600 + minute * 60;
    first_round_from(at_s).ok_or_else(|| DrawError::TooEarly(at.to_owned()))
}

/// What a value of the beacon makes of a draw that waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The body of the statement that names the winners.
    pub body: DrawResult,
    /// The claims that won, in the order of the draw.
    pub winners: Vec<Seq>,
}

/// All that a log says about the draw of one item, read entry by entry.
#[derive(Clone, Debug, Default)]
pub struct DrawBooks {
    code: String,
    item: Option<u32>,
    offered: Option<u32>,
    /// Claims and hashes of their secrets, in order of the log.
    pub entrants: Vec<(Seq, Hash)>,
    /// The entrants as they were fixed.
    pub fixed: Option<Commitment>,
    /// What was drawn.
    pub held: Option<Conclusion>,
}

impl DrawBooks {
    /// Books of the item with this code, before the first entry.
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self { code: code.to_owned(), ..Self::default() }
    }

    /// Whether the log has had a lottery with this code.
    ///
    /// # Errors
    /// [`DrawError::Unknown`]
    pub fn check_known(&self) -> Result<(), DrawError> {
        self.item.map(drop).ok_or_else(|| DrawError::Unknown(self.code.clone()))
    }

    fn read_catalogue(&mut self, document: &Document) {
        let catalogue = Catalogue::parse(document.as_str()).ok();
        let item = catalogue.as_ref().and_then(|known| known.item_of(&self.code));
        let lottery = item.and_then(|item| match item.gives {
            Gives::Lottery { prizes, .. } => Some((item.number, prizes)),
            Gives::Voucher { .. }
            | Gives::Donation { .. }
            | Gives::Currency { .. }
            | Gives::PerkCard { .. } => None,
        });
        self.offered = lottery.map(|(_, prizes)| prizes);
        self.item = lottery.map(|(number, _)| number).or(self.item);
    }

    /// Takes the next entry.
    pub fn read(&mut self, entry: &Accounting) {
        let accepted_s = entry.accepted_min * 60;
        for effect in &entry.effects {
            #[expect(clippy::wildcard_enum_match_arm, reason = "a draw is made of four effects")]
            match effect {
                Effect::CatalogueInForce { document, .. } => self.read_catalogue(document),
                Effect::RewardClaimed { item, code: Some(code), .. } if self.is(*item) => {
                    self.entrants.push((entry.seq, *code));
                }
                Effect::DrawCommitted { item, entrants, count, prizes, round }
                    if self.is(*item) =>
                {
                    let (commit, offered) = (entry.seq, self.offered);
                    let (round, count, root, prizes) = (*round, *count, *entrants, *prizes);
                    let fixed =
                        Commitment { commit, round, count, root, prizes, accepted_s, offered };
                    self.fixed.get_or_insert(fixed);
                }
                Effect::DrawConcluded { item, beacon, winners, .. } if self.is(*item) => {
                    let (value, winners) = (beacon.0.clone(), winners.clone());
                    let entry = entry.seq;
                    self.held.get_or_insert(Conclusion { entry, value, winners, accepted_s });
                }
                _ => {}
            }
        }
    }

    fn is(&self, item: u32) -> bool {
        self.item == Some(item)
    }

    /// The root over the entrants so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        entrants_root(self.entrants.iter().copied())
    }

    /// The claims that a value of the beacon draws.
    #[must_use]
    pub fn drawn_by(&self, value: &[u8], prizes: u32) -> Vec<Seq> {
        let claims: Vec<Seq> = self.entrants.iter().map(|(claim, _)| *claim).collect();
        winners(value, &claims, prizes)
    }

    /// The body of the statement that fixes the entrants for a round of the beacon.
    ///
    /// # Errors
    /// [`DrawError`]
    pub fn commitment(&self, round: u64) -> Result<DrawCommit, DrawError> {
        if let Some(fixed) = &self.fixed {
            return Err(DrawError::AlreadyFixed(fixed.commit));
        }
        round_s(round).ok_or(DrawError::NoRound(round))?;
        let count = u32::try_from(self.entrants.len());
        let count = count.map_err(|_| DrawError::Unfit("the number of entrants"))?;
        let draw = Code::new(&self.code).ok_or(DrawError::Unfit("the code"))?;
        let beacon = Text::new(BEACON).ok_or(DrawError::Unfit("the beacon"))?;
        Ok(DrawCommit { draw, entrants: self.root(), count, beacon, round })
    }

    /// The draw that waits for its value.
    ///
    /// # Errors
    /// [`DrawError`]
    pub fn awaiting(&self) -> Result<&Commitment, DrawError> {
        match &self.held {
            Some(held) => Err(DrawError::AlreadyDrawn(held.entry)),
            None => self.fixed.as_ref().ok_or(DrawError::NotFixed),
        }
    }

    /// Draws by an answer of the beacon that came `from` somewhere; it must be the network's, for
    /// the round that the draw waits for.
    ///
    /// # Errors
    /// [`DrawError`]
    pub fn draw(&self, from: &str, answer: &str) -> Result<Drawing, DrawError> {
        let fixed = self.awaiting()?;
        let value = drand::value(from, answer, fixed.round)?;
        let winners = self.drawn_by(&value, fixed.prizes);
        let (commit, hash) = (fixed.commit, winners_hash(&winners));
        let body = DrawResult { commit, beacon: Blob(value), winners: hash };
        Ok(Drawing { body, winners })
    }

    /// What is wrong with a draw that is held by an answer of the beacon, beside
    /// [`DrawBooks::faults`].
    ///
    /// # Errors
    /// [`DrawError::Answer`] where the answer is not the network's for the draw's round.
    pub fn fault_by_answer(&self, from: &str, answer: &str) -> Result<Option<String>, DrawError> {
        let (Some(fixed), Some(held)) = (&self.fixed, &self.held) else { return Ok(None) };
        let other = drand::value(from, answer, fixed.round)? != held.value;
        Ok(other.then(|| "the log has another value than the beacon's answer".to_owned()))
    }

    /// What is wrong with the draw, computed from the claims and the beacon alone; nothing where
    /// all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unless = |sound: bool, fault: String| {
            if !sound {
                faults.push(fault);
            }
        };
        let Some(fixed) = &self.fixed else { return faults };
        let (commit, round) = (fixed.commit, fixed.round);
        // No entrant comes after this entry: a log that has one breaks the rules and cannot be
        // read.
        let (count, told) = (self.entrants.len(), usize::try_from(fixed.count));
        unless(
            told == Ok(count),
            format!("entry {commit} names {} entrants; the log has {count}", fixed.count),
        );
        unless(
            fixed.root == self.root(),
            format!("the entrants of the log have another root than entry {commit} names"),
        );
        let offered = fixed.offered == Some(fixed.prizes);
        unless(
            offered,
            format!("entry {commit} names {} prizes, the catalogue others", fixed.prizes),
        );
        // The entry keeps its minute; it may have come at its last second.
        let due_s = round_s(round).unwrap_or(0);
        unless(
            fixed.accepted_s + AHEAD_S_MIN <= due_s,
            format!(
                "round {round} was less than {AHEAD_S_MIN} s ahead when entry {commit} named it"
            ),
        );
        let Some(held) = &self.held else { return faults };
        let entry = held.entry;
        let after = held.accepted_s + 59 >= due_s;
        unless(after, format!("entry {entry} came before round {round} had a value"));
        let genuine = held.value.len() == BEACON_BYTES && is_genuine(round, &held.value);
        unless(
            genuine,
            format!(
                "entry {entry} draws by a value that the beacon did not sign for round {round}"
            ),
        );
        let drawn = self.drawn_by(&held.value, fixed.prizes);
        unless(
            drawn == held.winners,
            format!("entry {entry} names other winners than its value gives"),
        );
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_japan_is_the_first_round_from_then_on() {
        // Round 1 was at 00:09:27 on 24 August 2023 in Japan, and one follows every three seconds.
        for (at, round) in [
            ("2023-08-24T00:10", 12),
            ("2024-10-15T02:14", 12_040_892),
            ("2024-10-15T23:59", 12_066_992),
        ] {
            assert_eq!(round_at(at).unwrap(), round, "{at}");
            let day = Day::parse(&at[..10]).unwrap();
            let [hour, minute] = [&at[11..13], &at[14..]].map(|text| text.parse::<u64>().unwrap());
            let at_s = day.start_ms() / 1_000 + hour * 3_600 + minute * 60;
            assert_eq!(round_s(round), Some(at_s), "{at}");
        }
        assert!(matches!(round_at("2023-08-24T00:09"), Err(DrawError::TooEarly(_))));
        for at in [
            "2026-11-22",
            "2026-11-22T24:00",
            "2026-11-22T1:00",
            "2026-13-01T10:00",
            "2026-11-22T+1:00",
        ] {
            assert!(matches!(round_at(at), Err(DrawError::Unclear(_))), "{at}");
        }
    }
}
