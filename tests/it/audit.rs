//! The audit: clean on an honest ledger, and on a log that somebody with every key of the server
//! has rewritten it names the first entry that the rules did not make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kenmai::audit::{AuditConfig, AuditReport, Check, Finding, Gap, audit};
use kenmai::cli::rebuild::rebuild;
use kenmai::keys::LedgerKeys;
use kenmai::log::disk::{Disk, RealDisk};
use kenmai::log::{self, LogConfig, SEGMENT_BYTES};
use ledger_spec::cbor::{self, Blob};
use ledger_spec::cose::Sign1;
use ledger_spec::entry::{Accounting, Class, Effect, Entry, PublicJson, Reason};
use ledger_spec::frame::{Frame, FramePlace};
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kinds::{AccountOpen, Body};
use ledger_spec::merkle::{Edge, leaf_hash};
use tempfile::TempDir;

use crate::city::{City, ORIGIN, Story, account, key};
use crate::sim_disk::index;

pub(crate) fn audit_of(data: &Path, keys: Option<&LedgerKeys>) -> AuditReport {
    let config = AuditConfig { data_folder: data.to_owned(), origin: ORIGIN.to_owned(), keys };
    let mut last = (0, 0);
    let report = audit(&RealDisk, &config, &mut |done, total| last = (done, total)).unwrap();
    assert!(!report.is_clean() || (last.0 == last.1 && last.1 > 0), "the progress ends: {last:?}");
    report
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn an_honest_ledger_is_clean_with_and_without_keys_and_left_as_it_was() {
    let mut city = City::settled();
    city.live();
    city.close();
    let before = files(&city.data());
    let keys = city.keys();

    let whole = audit_of(&city.data(), Some(&keys));
    let closed = audit_of(&city.data(), None);

    assert_eq!(whole.findings, []);
    assert_eq!(whole.remarks, [""; 0]);
    assert_eq!(whole.gaps, BTreeMap::new());
    let entries = whole.entries;
    assert_eq!(whole.passed[&Check::Leaves], entries);
    assert_eq!(whole.passed[&Check::Effects], entries);
    assert_eq!(whole.passed[&Check::Decisions], entries, "every decision is taken again in full");
    assert_eq!(whole.passed[&Check::Days], 2);
    assert_eq!(whole.passed[&Check::TreeHashes], entries, "one level holds them all");
    // One a statement, and one for each code that a phone showed: 3 actions and 2 redemptions.
    assert_eq!(whole.passed[&Check::Signatures], entries + 5);

    assert_eq!(closed.findings, []);
    assert_eq!((closed.entries, closed.root), (entries, whole.root));
    assert_eq!(closed.passed[&Check::Signatures], entries + 2, "what was redeemed is kept");
    assert_eq!(closed.gaps[&Gap::NaturalKey], 5);
    // The first phone's enrolment rests on a code; ken's card has a phone to stand in for it no
    // more than a code has.
    assert_eq!(closed.gaps[&Gap::Decision], 2);
    // Redemptions, actions by phone and by staff, the second phone's enrolment, the card's end.
    assert_eq!(closed.passed[&Check::StandIns], 9);
    assert_eq!(closed.passed[&Check::Decisions] + 9 + 2, entries);
    assert_eq!(files(&city.data()), before, "an audit writes nothing");
}

#[test]
fn an_erased_account_leaves_gaps_and_no_finding() {
    let mut city = City::settled();
    city.live();
    city.forget("mei");
    let keys = city.keys();
    let report = audit_of(&city.data(), Some(&keys));
    assert_eq!(report.findings, []);
    assert!(report.gaps[&Gap::Erased] > 0);
    assert!(!report.gaps.contains_key(&Gap::Sealed));
}

/// Whoever holds the machine can destroy a key; without an entry that hides something.
#[test]
fn a_key_that_is_destroyed_without_an_entry_is_found() {
    let mut city = City::settled();
    city.live();
    city.engine().registry().erase(&[account("mei")]).unwrap();
    let report = audit_of(&city.data(), Some(&city.keys()));
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert!(finding.reason.contains("no account.erase in the log"), "{finding}");
    assert!(finding.seq.is_some());
}

#[test]
fn an_audit_beside_a_running_server_is_clean() {
    let mut city = City::settled();
    city.live();
    let keys = city.keys();
    let report = audit_of(&city.data(), Some(&keys));
    assert_eq!(report.findings, []);
    city.clock.pass(60_000);
    city.measure("mei");
}

/// The log as its rewriter sees it: frames of entries.
pub(crate) type Frames = Vec<Vec<(Entry, Accounting)>>;

/// Everything but the log, and the log with this change: every hash, root and lock fits again.
pub(crate) fn rewritten(city: &City, change: impl FnOnce(&mut Frames)) -> TempDir {
    let mut frames = Frames::new();
    let config = |data: &Path| LogConfig {
        data_folder: data.to_owned(),
        ledger: LedgerId::of_origin(ORIGIN),
        segment_bytes: SEGMENT_BYTES,
    };
    let inspected = log::inspect(&RealDisk, &config(&city.data()), |frame| {
        let parse = |(seq, bytes)| kenmai::engine::parse_entry(seq, bytes).unwrap();
        frames.push(frame.entries().map(parse).collect());
        Ok(())
    });
    assert!(inspected.is_ok());
    change(&mut frames);
    let folder = TempDir::new().unwrap();
    for name in ["ledger.toml", "registry.sqlite"] {
        fs::copy(city.data().join(name), folder.path().join(name)).unwrap();
    }
    let claimed = log::claim(Arc::new(RealDisk), config(folder.path())).unwrap();
    let mut levels = claimed.levels().unwrap();
    let (mut log, _) = claimed.recover(Seq(0), 0, |_| Ok(())).unwrap();
    let mut edge = Edge::default();
    for entries in frames.iter().filter(|entries| !entries.is_empty()) {
        let bytes: Vec<Vec<u8>> = entries
            .iter()
            .map(|(entry, accounting)| {
                let accounting = Blob(cbor::to_bytes(accounting));
                let entry = Entry { accounting, ..entry.clone() };
                edge.push(leaf_hash(&entry.leaf()));
                levels.append(levels.size(), &[leaf_hash(&entry.leaf())]).unwrap();
                cbor::to_bytes(&entry)
            })
            .collect();
        let tip = log.tip();
        let place = FramePlace {
            ledger: LedgerId::of_origin(ORIGIN),
            epoch: tip.epoch,
            first_seq: tip.next_seq,
            prev_frame_hash: tip.frame_hash,
            root_after: edge.root(),
        };
        log.append(tip.next_seq, &Frame::encode(place, &bytes).unwrap()).unwrap();
    }
    log.write_lock(&mut levels, 0).unwrap();
    folder
}

fn at(frames: &mut Frames, seq: Seq) -> &mut (Entry, Accounting) {
    frames.iter_mut().flatten().find(|(_, accounting)| accounting.seq == seq).unwrap()
}

fn effect(frames: &mut Frames, seq: Seq, change: impl Fn(&mut Effect)) {
    at(frames, seq).1.effects.iter_mut().for_each(change);
}

/// Gives every entry the place where it stands, as a rewriter must.
fn renumber(frames: &mut Frames) {
    for (seq, (_, accounting)) in (0..).zip(frames.iter_mut().flatten()) {
        accounting.seq = Seq(seq);
    }
}

/// The one finding of the audit of a rewritten log, with and without keys: entry and reason.
fn check(what: &str, change: impl Fn(&mut Frames, &Story), expected: &[(bool, u64, &str)]) {
    let mut city = City::settled();
    let story = city.live();
    city.close();
    let keys = city.keys();
    let folder = rewritten(&city, |frames| change(frames, &story));
    for (with_keys, seq, reason) in expected {
        let report = audit_of(folder.path(), with_keys.then_some(&keys));
        let [finding] = report.findings.as_slice() else {
            panic!("{what}, keys {with_keys}: {:#?}", report.findings)
        };
        assert_eq!(finding.seq, Some(Seq(*seq)), "{what}, keys {with_keys}: {finding}");
        assert!(finding.reason.contains(reason), "{what}, keys {with_keys}: {finding}");
        assert!(finding.path.ends_with("log/segments/00000000.seg"), "{what}: {finding}");
        assert!(
            finding.offset.is_some() && finding.remedy.contains("restore"),
            "{what}: {finding}"
        );
    }
}

/// The approval of the first budget: after two roots and five keys and a programme, each proposed
/// and approved.
const FIRST_BUDGET: u64 = 15;

/// Where the story's entries stand; the same in every run.
fn story() -> Story {
    City::settled().live()
}

fn both(seq: u64, reason: &str) -> [(bool, u64, &str); 2] {
    [(true, seq, reason), (false, seq, reason)]
}

#[test]
fn nothing_changed_is_nothing_found() {
    let mut city = City::settled();
    city.live();
    city.close();
    let keys = city.keys();
    let folder = rewritten(&city, |_| ());
    for keys in [Some(&keys), None] {
        assert_eq!(audit_of(folder.path(), keys).findings, []);
    }
}

#[test]
fn another_amount_lot_balance_or_reason_is_found() {
    let story = story();
    check(
        "a redemption of 120 takes 70",
        |frames, story| {
            effect(frames, story.paid, |effect| {
                if let Effect::Posting { points, .. } = effect {
                    *points = -70;
                } else if let Effect::Balance { yen, .. } = effect {
                    *yen += 50;
                }
            });
        },
        &both(story.paid.0, "the rules give"),
    );
    check(
        "a grant goes to a lot that lives for ever",
        |frames, story| {
            effect(frames, story.measured, |effect| {
                if let Effect::Posting { lot, .. } = effect {
                    lot.expires_on = lot.expires_on.plus(1_000);
                }
            });
        },
        &both(story.measured.0, "the rules give"),
    );
    check(
        "a balance says more than the lots hold",
        |frames, story| {
            effect(frames, story.consulted, |effect| {
                if let Effect::Balance { yen, .. } = effect {
                    *yen += 1;
                }
            });
        },
        &both(story.consulted.0, "the rules give Balance"),
    );
    check(
        "a grant says that a budget bound it",
        |frames, story| {
            effect(frames, story.walked, |effect| {
                if let Effect::ActionJudged { reason, .. } = effect {
                    *reason = Reason::Budget;
                }
            });
        },
        &both(story.walked.0, "the rules give ActionJudged"),
    );
    check(
        "a void gives more back",
        |frames, story| {
            effect(frames, story.void, |effect| {
                if let Effect::Posting { points, .. } = effect {
                    *points += 1;
                }
            });
        },
        &both(story.void.0, "the rules give Posting"),
    );
}

#[test]
fn what_only_the_secrets_show_is_found_with_them() {
    let story = story();
    check(
        "a grant by card, whose decision rests on the card's number",
        |frames, story| {
            effect(frames, story.by_card, |effect| {
                if let Effect::Posting { points, .. } = effect {
                    *points = 25;
                } else if let Effect::ActionJudged { granted, .. } = effect {
                    *granted = 25;
                } else if let Effect::Balance { yen, .. } = effect {
                    *yen += 5;
                }
            });
        },
        // Without the secrets the next balance of the account still shows it.
        &[
            (true, story.by_card.0, "the rules give Posting"),
            (false, story.by_staff.0, "the rules give Balance"),
        ],
    );
    check(
        "another natural key, so that the act may come again",
        |frames, story| {
            effect(frames, story.measured, |effect| {
                if let Effect::ActTaken { key } = effect {
                    key.0[0] ^= 1;
                }
            });
        },
        &[(true, story.measured.0, "the rules give ActTaken")],
    );
    check(
        "a sealed part of another entry",
        |frames, story| {
            let other = at(frames, story.consulted).0.personal.clone();
            at(frames, story.measured).0.personal = other;
        },
        &[(true, story.measured.0, "damaged")],
    );
}

#[test]
fn a_dropped_swapped_or_repeated_entry_is_found() {
    let story = story();
    let after = story.consulted.0;
    check(
        "a grant is dropped, the rest moves up",
        |frames, story| {
            for entries in frames.iter_mut() {
                entries.retain(|(_, accounting)| accounting.seq != story.measured);
            }
            renumber(frames);
        },
        &both(after - 1, "the rules give Balance"),
    );
    check(
        "two entries of two accounts change places",
        |frames, story| {
            let (a, b) = (story.by_card, story.paid);
            let [first, second] = [a, b].map(|seq| at(frames, seq).clone());
            *at(frames, a) = (second.0, Accounting { seq: Seq(u64::MAX), ..second.1 });
            *at(frames, b) = first;
            renumber(frames);
        },
        &both(story.by_staff.0, "the rules give Balance"),
    );
    check(
        "a grant stands twice",
        |frames, story| {
            let again = at(frames, story.measured).clone();
            frames.push(vec![again]);
            renumber(frames);
        },
        &both(story.late.0 + 2, "its operation is in the log already"),
    );
    check(
        "the day's close is dropped",
        |frames, _| {
            let is_close = |effect: &Effect| matches!(effect, Effect::DayClosed { .. });
            frames.retain(|entries| !entries[0].1.effects.iter().any(is_close));
            renumber(frames);
        },
        &both(story.void.0 + 2, "chain"),
    );
}

#[test]
fn a_forged_statement_is_found() {
    let story = story();
    let forge = |frames: &mut Frames, signer: &str, claimed: Option<&str>| {
        let mut city = City::fresh();
        let today = frames.iter().flatten().next_back().unwrap().1.accepted_day();
        let mut core = city.core(Body::AccountOpen(AccountOpen { account: account("ghost") }));
        (core.day, core.op_id.0) = (today, [9; 16]);
        let mut signed = Sign1::from_bytes(&core.sign(&key(signer), None)).unwrap();
        if let Some(claimed) = claimed {
            signed.kid = ledger_spec::ids::Kid::of(key(claimed).verifying_key().as_bytes());
        }
        let opens = |e: &&mut (Entry, Accounting)| e.1.effects == [Effect::AccountOpened {}];
        let (entry, like) = frames.iter_mut().flatten().find(opens).unwrap().clone();
        let mut subject = like.subject.unwrap();
        subject.account = account("ghost");
        let statement = Blob(signed.to_bytes());
        let (subject, accepted_min) = (Some(subject), today.start_ms() / 60_000);
        frames.push(vec![(entry, Accounting { statement, subject, accepted_min, ..like })]);
        renumber(frames);
    };
    let end = story.late.0 + 2;
    check(
        "an account opened by nobody's key",
        |frames, _| forge(frames, "stranger", None),
        &[(false, end, "nobody had registered the key")],
    );
    check(
        "an account opened in the name of staff",
        |frames, _| forge(frames, "stranger", Some("staff")),
        &[(false, end, "the signature of its statement")],
    );
    check(
        "an account opened by a shop",
        |frames, _| forge(frames, "shop", None),
        &[(false, end, "role does not permit")],
    );
    check(
        "one bit of a signature",
        |frames, story| {
            let statement = &mut at(frames, story.paid).1.statement.0;
            *statement.last_mut().unwrap() ^= 1;
        },
        &both(story.paid.0, "the signature of its statement"),
    );
}

#[test]
fn other_public_words_are_found() {
    let story = story();
    let is_budget = |effect: &Effect| matches!(effect, Effect::BudgetAllocated { .. });
    check(
        "a budget is said to be larger",
        |frames, _| {
            let budget = frames.iter_mut().flatten().find(|e| e.1.effects.iter().any(is_budget));
            let public = &mut budget.unwrap().0.public;
            let json = public.as_ref().unwrap().as_str().replace("10000", "90000");
            *public = PublicJson::new(&json);
        },
        &both(FIRST_BUDGET, "its public leaf"),
    );
    check(
        "a budget is hidden",
        |frames, _| {
            let budget = frames.iter_mut().flatten().find(|e| e.1.effects.iter().any(is_budget));
            let entry = &mut budget.unwrap().0;
            (entry.class, entry.public) = (Class::Sealed, None);
        },
        &both(FIRST_BUDGET, "its public leaf"),
    );
    check(
        "a day's totals",
        |frames, story| {
            effect(frames, Seq(story.void.0 + 1), |effect| {
                if let Effect::DayClosed { totals, .. } = effect {
                    totals.redeemed -= 1;
                }
            });
        },
        &both(story.void.0 + 1, "the rules give DayClosed"),
    );
}

/// The one finding after a change to the files themselves.
fn check_files(change: impl Fn(&Path), seq: Option<u64>, expected: &str) -> Finding {
    let mut city = City::settled();
    city.live();
    city.close();
    change(&city.data());
    let report = audit_of(&city.data(), None);
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!(finding.seq, seq.map(Seq), "{finding}");
    assert!(finding.to_string().contains(expected), "{finding}");
    finding.clone()
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_and_missing_files_are_named() {
    let segment = "log/segments/00000000.seg";
    check_files(|data| flip(&data.join(segment), 300), Some(0), "restore this file from a backup");
    check_files(
        |data| {
            let bytes = fs::read(data.join(segment)).unwrap();
            fs::write(data.join(segment), &bytes[..bytes.len() / 2]).unwrap();
        },
        Some(14),
        "the lock says that the frame was whole",
    );
    check_files(
        |data| fs::remove_file(data.join("log/lock")).unwrap(),
        None,
        "the lock is missing",
    );
    check_files(|data| flip(&data.join("log/levels/0"), 700), None, "hash 21 of level 0");
    check_files(
        |data| {
            let bytes = fs::read(data.join("log/levels/0")).unwrap();
            fs::write(data.join("log/levels/0"), &bytes[..64]).unwrap();
        },
        None,
        "level 0 holds 2 hashes where",
    );
}

#[test]
fn levels_are_made_again_and_nothing_else_is_touched() {
    let mut city = City::settled();
    city.live();
    city.close();
    let honest = files(&city.data());
    flip(&city.data().join("log/levels/0"), 700);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut last = (0, 0);
    let entries =
        rebuild(&disk, &city.data(), ORIGIN, &mut |done, total| last = (done, total)).unwrap();
    assert_eq!(last, (entries, entries));
    let mut after = files(&city.data());
    let mut before = honest;
    // The lock counts its writes.
    let lock = city.data().join("log/lock").display().to_string();
    assert_ne!(after.remove(&lock), before.remove(&lock));
    // The views are made again too: the same rows, not the same bytes.
    let views = city.data().join("views").display().to_string();
    for files in [&mut after, &mut before] {
        files.retain(|path, _| !path.starts_with(&views));
    }
    assert_eq!(after, before);
    assert_eq!(audit_of(&city.data(), None).findings, []);
    assert_eq!(index(entries), city_entries(&mut city));
}

fn city_entries(city: &mut City) -> usize {
    city.open().unwrap();
    index(city.engine().head().unwrap().size)
}
