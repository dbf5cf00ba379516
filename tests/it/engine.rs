//! The engine under retries, a full queue, restarts, a jumping clock, failing disks and many
//! callers at once.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use kenmai::clock::{Clock, ClockAlarm};
use kenmai::config::write_new;
use kenmai::engine::{CLOCK_ACCEPT_FILE, EngineError, Readiness, Refusal, statement_of};
use kenmai::log::disk::RealDisk;
use kenmai::log::{self, LogConfig, LogError, SEGMENT_BYTES};
use ledger_spec::cbor::Blob;
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::decide::Rejection;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::{LedgerId, Seq};
use ledger_spec::kinds::{AccountOpen, Body};
use ledger_spec::note::Note;
use ledger_spec::statement::StatementError;

use crate::city::{City, ORIGIN, account, key};
use crate::sim_disk::{Fault, SimDisk};

const MINUTE_MS: u64 = 60_000;

#[test]
fn an_entry_whose_statement_cannot_be_read_is_named_as_that() {
    let mut city = City::settled();
    let measurement = city.measurement("mei");
    let accepted = city.submit(&measurement).unwrap();
    let seq = accepted.accounting.seq;
    let torn =
        Accounting { statement: Blob(vec![0xff]), ..Accounting::clone(&accepted.accounting) };
    let error = statement_of(&torn).unwrap_err();
    assert!(matches!(error, EngineError::Entry { seq: named, .. } if named == seq), "{error}");
    assert!(statement_of(&accepted.accounting).is_ok());
}

#[test]
fn a_retry_gets_the_first_answer_and_other_bytes_are_refused() {
    let mut city = City::settled();
    let measurement = city.measurement("mei");
    let first = city.submit(&measurement).unwrap();
    assert!(!first.replayed);
    let again = city.submit(&measurement).unwrap();
    assert!(again.replayed);
    assert_eq!(again.accounting, first.accounting);

    let body = Body::AccountOpen(AccountOpen { account: account("new") });
    let mut core = city.core(body);
    let (_, measured) = ledger_spec::statement::read(&measurement).unwrap();
    core.op_id = measured.core.op_id;
    let other = core.sign(&key("staff"), None);
    let seq = first.accounting.seq;
    assert_eq!(city.submit(&other).unwrap_err(), Refusal::OperationReused(seq));

    // The same act under another operation is the same act.
    let act = city.measurement("mei");
    let refused = city.submit(&act).unwrap_err();
    assert_eq!(refused, Refusal::Rejected(Rejection::ActionDuplicate(seq)));
    // A refusal leaves nothing behind: the operation may be used again once the cause is gone.
    city.close();
    city.open().unwrap();
    assert!(city.submit(&measurement).unwrap().replayed, "also after a restart");
    assert_eq!(city.submit(&act).unwrap_err(), refused);
}

#[test]
fn a_spent_code_a_changed_byte_and_an_unknown_key_are_refused() {
    let mut city = City::settled();
    city.measure("mei");
    let payment = city.payment("mei", 10);
    for at in 0..payment.len() {
        let mut changed = payment.clone();
        changed[at] ^= 1;
        assert!(city.engine().open_statement(&changed).is_err(), "byte {at}");
    }
    let payment = city.submit(&payment).unwrap();
    assert_eq!(payment.accounting.points(), -10);
    let core = city.core(Body::AccountOpen(AccountOpen { account: account("x") }));
    let unknown = core.sign(&key("stranger"), None);
    assert_eq!(city.engine().open_statement(&unknown).unwrap_err(), StatementError::KeyUnknown);
}

#[test]
fn a_full_queue_is_a_clear_answer_and_loses_nothing() {
    let mut city = City::settled();
    city.close();
    city.queue_entries = 1;
    city.open().unwrap();
    let statements: Vec<Vec<u8>> = (0..200)
        .map(|number| {
            let account = account(&format!("resident {number}"));
            city.core(Body::AccountOpen(AccountOpen { account })).sign(&key("staff"), None)
        })
        .collect();
    let opened = statements.iter().map(|bytes| city.engine().open_statement(bytes).unwrap());
    let opened: Vec<_> = opened.collect();
    // While the state is held the sequencer waits, so the queue must fill.
    let state = city.engine().state().unwrap();
    let (mut pending, mut busy) = (Vec::new(), 0);
    for statement in opened {
        match city.engine().enqueue(statement) {
            Ok(verdict) => pending.push(verdict),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Busy);
                busy += 1;
            }
        }
    }
    drop(state);
    let accepted = pending.len();
    for verdict in pending {
        assert!(!verdict.wait_blocking().unwrap().replayed);
    }
    assert!(busy > 0 && accepted > 0, "{busy} busy, {accepted} accepted");
    for statement in &statements {
        loop {
            match city.submit(statement) {
                Ok(_) => break,
                Err(refusal) => assert_eq!(refusal, Refusal::Busy),
            }
        }
    }
    let state = city.engine().state().unwrap();
    assert_eq!(state.accounts.len(), 202, "each account is there once");
}

#[test]
fn a_restart_keeps_everything() {
    let mut city = City::settled();
    city.live();
    let before = city.engine().state().unwrap().clone();
    let head = city.engine().head().unwrap();
    city.close();
    city.open().unwrap();
    assert_eq!(*city.engine().state().unwrap(), before);
    assert_eq!(city.engine().head().unwrap(), head, "Ed25519 signs the same head the same way");
    let note = Note::parse(&head.note).unwrap();
    let checkpoint = Checkpoint::open(&note, city.engine().verifier()).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (ORIGIN, head.size));
    // Yesterday is closed before anything of today.
    city.clock.pass(24 * 60 * MINUTE_MS);
    let size = head.size;
    let measured = city.measure("mei");
    assert_eq!(measured, Seq(size + 1));
    let (_, close) = city.engine().entry(Seq(size)).unwrap().unwrap();
    let statement = ledger_spec::kept::read(&close.statement.0).unwrap();
    assert_eq!(statement.core.body.kind().name(), "day.close");
}

#[test]
fn a_second_process_is_kept_out() {
    let mut city = City::fresh();
    let error = city.open().unwrap_err();
    assert!(matches!(error, EngineError::Log(LogError::InUse { .. })), "{error}");
}

#[test]
fn a_jumping_clock_makes_the_ledger_read_only_until_a_person_accepts_it() {
    let mut city = City::settled();
    city.clock.jump(3_600_000);
    let measurement = city.measurement("mei");
    let refused = city.submit(&measurement).unwrap_err();
    let Refusal::ReadOnly(alarm) = refused else { panic!("{refused}") };
    assert!(matches!(alarm, ClockAlarm::SteppedForward { .. }));
    assert_eq!(city.engine().readiness(), Readiness::ReadOnly(alarm));
    city.clock.pass(1_000);
    assert_eq!(city.submit(&measurement).unwrap_err(), Refusal::ReadOnly(alarm), "it stays");

    write_new(&city.data().join(CLOCK_ACCEPT_FILE), "").unwrap();
    assert!(!city.submit(&measurement).unwrap().replayed);
    assert_eq!(city.engine().readiness(), Readiness::Running);
    assert!(!city.data().join(CLOCK_ACCEPT_FILE).exists(), "the word is good once");

    city.close();
    city.clock.pass(73 * 3_600_000);
    city.open().unwrap();
    let measurement = city.measurement("mei");
    let refused = city.submit(&measurement).unwrap_err();
    assert!(matches!(refused, Refusal::ReadOnly(ClockAlarm::FarAheadOfLastEntry { .. })));
}

/// The entries of a log, read without the engine.
fn logged(disk: &SimDisk, data: &Path) -> (Vec<Accounting>, u64) {
    let config = LogConfig {
        data_folder: data.to_owned(),
        ledger: LedgerId::of_origin(ORIGIN),
        segment_bytes: SEGMENT_BYTES,
    };
    let mut entries = Vec::new();
    let inspection = log::inspect(disk, &config, |frame| {
        let parse = |(seq, bytes)| kenmai::engine::parse_entry(seq, bytes).unwrap().1;
        entries.extend(frame.entries().map(parse));
        Ok(())
    });
    (entries, inspection.unwrap().locked.unwrap().size.0)
}

#[test]
fn a_clean_stop_leaves_the_lock_at_the_end() {
    let disk = SimDisk::default();
    let mut city = City::fresh_on(Arc::new(disk.clone())).settle();
    city.measure("mei");
    let size = city.engine().head().unwrap().size;
    city.engine().stop();
    let refused = city.measurement("mei");
    assert_eq!(city.submit(&refused).unwrap_err(), Refusal::Stopped);
    assert_eq!(city.engine().readiness(), Readiness::Stopped("the ledger was closed".to_owned()));
    let (entries, locked) = logged(&disk, &city.data());
    assert_eq!((entries.len() as u64, locked), (size, size));
}

/// A fault at each step of a commit: the ledger stops, what was acknowledged is there after a power
/// cut, and a retry of the rest is applied once.
#[test]
fn a_failing_disk_stops_the_ledger_and_loses_nothing_acknowledged() {
    for (fault, steps) in [(Fault::NoSpace, 0), (Fault::SyncLost, 0), (Fault::PowerOff, 1)] {
        for seed in 0..6 {
            let disk = SimDisk::default();
            let mut city = City::fresh_on(Arc::new(disk.clone())).settle();
            let measured = city.measure("mei");
            disk.fail_after(seed % 2 + steps, fault);
            let mut acknowledged = vec![measured];
            let mut lost = None;
            for _ in 0..50 {
                city.clock.pass(MINUTE_MS);
                let next = city.measurement("mei");
                match city.submit(&next) {
                    Ok(accepted) => acknowledged.push(accepted.accounting.seq),
                    Err(refusal) => {
                        assert_eq!(refusal, Refusal::Stopped, "{fault:?}");
                        lost = Some(next);
                        break;
                    }
                }
            }
            let lost = lost.expect("the fault came to pass");
            // Waits for the thread's end; why it ended stays.
            city.engine().stop();
            let standing = city.engine().readiness();
            let closed = Readiness::Stopped("the ledger was closed".to_owned());
            assert!(
                matches!(standing, Readiness::Stopped(_)) && standing != closed,
                "{standing:?}"
            );
            city.close();
            disk.power_cut(seed);
            city.open().unwrap();
            let (entries, _) = logged(&disk, &city.data());
            for seq in &acknowledged {
                let found = entries.iter().any(|entry| entry.seq == *seq && entry.points() == 20);
                assert!(found, "{fault:?} {seed}: entry {seq}");
            }
            let before = city.engine().state().unwrap().accounts[&account("mei")].lots[0].points;
            // Whether it reached the disk or not: sent again, it is there exactly once.
            let retried = city.submit(&lost).unwrap();
            let after = city.engine().state().unwrap().accounts[&account("mei")].lots[0].points;
            assert_eq!(after - before, if retried.replayed { 0 } else { 20 }, "{fault:?} {seed}");
            assert_eq!(after, 20 * u32::try_from(acknowledged.len() + 1).unwrap());
        }
    }
}

#[test]
fn many_callers_at_once_are_each_served_once() {
    const CALLERS: usize = 8;
    const EACH: usize = 25;
    let mut city = City::settled();
    city.close();
    city.queue_entries = CALLERS * EACH;
    city.open().unwrap();
    for _ in 0..CALLERS {
        city.clock.pass(MINUTE_MS);
        city.measure("mei");
    }
    let measured = 20 * CALLERS;
    // More is asked for than there is: exactly what the balance holds is paid.
    let payments: Vec<Vec<u8>> = (0..CALLERS * EACH).map(|_| city.payment("mei", 10)).collect();
    let city = &city;
    let verdicts: Vec<_> = thread::scope(|scope| {
        let callers = payments.chunks(EACH).map(|share| {
            // Every caller sends everything twice, as a terminal on a bad network does.
            scope.spawn(move || {
                let twice = share.iter().chain(share);
                twice.map(|payment| city.submit(payment)).collect::<Vec<_>>()
            })
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let fresh = verdicts.iter().flatten().filter(|accepted| !accepted.replayed).count();
    let replayed = verdicts.iter().flatten().filter(|accepted| accepted.replayed).count();
    assert_eq!((fresh, replayed), (measured / 10, measured / 10));
    let refusals = verdicts.iter().filter_map(|verdict| verdict.as_ref().err());
    for refusal in refusals {
        assert_eq!(*refusal, Refusal::Rejected(Rejection::InsufficientPoints));
    }
    let state = city.engine().state().unwrap();
    assert_eq!(state.accounts[&account("mei")].lots, []);
    assert_eq!(state.shops.values().map(|row| row.total).sum::<u64>(), measured as u64);
    drop(state);
    assert_eq!(city.clock.wall_ms() % MINUTE_MS, 0);
    let config = kenmai::audit::AuditConfig {
        data_folder: city.data(),
        origin: ORIGIN.to_owned(),
        keys: Some(&city.keys()),
    };
    let report = kenmai::audit::audit(&RealDisk, &config, &mut |_, _| ()).unwrap();
    assert_eq!(report.findings, []);
}
