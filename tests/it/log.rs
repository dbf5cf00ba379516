//! The log under power cuts, full and failing disks, flipped bytes, older copies and a second
//! process.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kenmai::log::{
    self, Levels, Log, LogConfig, LogError, LogReader, TornTail,
    disk::{Disk, RealDisk},
};
use ledger_spec::{
    frame::{Frame, FramePlace},
    ids::{Hash, LedgerId, Seq},
    merkle,
};
use proptest::prelude::*;

use crate::sim_disk::{Fault, SimDisk, index};

const LEDGER: LedgerId = LedgerId(*b"testcity");
const NOW_MS: u64 = 1_700_000_000_000;

fn config_in(data_folder: &Path) -> LogConfig {
    // Small, so that a few frames fill a segment.
    LogConfig { data_folder: data_folder.to_owned(), ledger: LEDGER, segment_bytes: 900 }
}

fn config() -> LogConfig {
    config_in(Path::new("/data"))
}

fn log_path(name: &str) -> PathBuf {
    Path::new("/data/log").join(name)
}

/// An open log with everything that its opening handed over.
struct Opened {
    log: Log,
    levels: Levels,
    torn: Option<TornTail>,
    entries: Vec<Vec<u8>>,
}

fn open(disk: &SimDisk) -> Result<Opened, LogError> {
    open_on(Arc::new(disk.clone()), config())
}

fn open_on(disk: Arc<dyn Disk>, config: LogConfig) -> Result<Opened, LogError> {
    let claimed = log::claim(disk, config)?;
    let mut levels = claimed.levels()?;
    let mut entries = Vec::new();
    let (log, torn) = claimed.recover(Seq(0), NOW_MS, |frame| {
        entries.extend(frame.entries().map(|(_, entry)| entry.to_vec()));
        Ok(())
    })?;
    let short_from = index(levels.size().0);
    levels.append(levels.size(), &leaf_hashes(&entries[short_from..]))?;
    Ok(Opened { log, levels, torn, entries })
}

fn leaf_hashes(entries: &[Vec<u8>]) -> Vec<Hash> {
    entries.iter().map(|entry| merkle::leaf_hash(entry)).collect()
}

impl Opened {
    fn frame(&self, entries: &[Vec<u8>]) -> Frame {
        let all = [&self.entries, entries].concat();
        let tip = self.log.tip();
        let place = FramePlace {
            ledger: LEDGER,
            epoch: tip.epoch,
            first_seq: tip.next_seq,
            prev_frame_hash: tip.frame_hash,
            root_after: merkle::root_of(&leaf_hashes(&all)),
        };
        Frame::encode(place, entries).unwrap()
    }

    fn append(&mut self, entries: &[Vec<u8>]) -> Result<(), LogError> {
        let (first_seq, frame) = (self.log.tip().next_seq, self.frame(entries));
        self.log.append(first_seq, &frame)?;
        self.entries.extend_from_slice(entries);
        self.levels.append(first_seq, &leaf_hashes(entries))
    }

    fn write_lock(&mut self) -> Result<(), LogError> {
        self.log.write_lock(&mut self.levels, NOW_MS)
    }

    /// Checks that readers see exactly the entries that were acknowledged.
    fn check_readers(&self) {
        check_entries(&self.log.reader(), &self.entries);
        let leaves = leaf_hashes(&self.entries);
        let levels = self.levels.reader();
        assert_eq!(levels.count(0).unwrap(), leaves.len() as u64);
        for (number, tile) in leaves.chunks(256).enumerate() {
            let first = number as u64 * 256;
            assert_eq!(levels.read(0, first, tile.len()).unwrap().unwrap(), tile);
        }
    }
}

fn check_entries(reader: &LogReader, entries: &[Vec<u8>]) {
    assert_eq!(reader.next_seq().unwrap(), Seq(entries.len() as u64));
    for (seq, entry) in (0..).map(Seq).zip(entries) {
        assert_eq!(reader.entry(seq).unwrap().as_ref(), Some(entry), "entry {seq}");
    }
    assert_eq!(reader.entry(Seq(entries.len() as u64)).unwrap(), None);
    let frames: Vec<_> = reader.read_from(Seq(0)).map(Result::unwrap).collect();
    let read: Vec<_> =
        frames.iter().flat_map(Frame::entries).map(|(_, entry)| entry.to_vec()).collect();
    assert_eq!(read, entries);
}

/// `count` entries of `size_bytes`, each unlike the others.
fn entries(count: usize, size_bytes: usize, mark: u8) -> Vec<Vec<u8>> {
    (0..count).map(|i| vec![mark.wrapping_add(i.to_le_bytes()[0]); size_bytes]).collect()
}

/// A closed log of nine frames in several segments, with the lock where `lock_after` frames are in.
fn nine_frames(lock_after: usize) -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::default();
    let mut opened = open(&disk).unwrap();
    for number in 0..9_u8 {
        opened.append(&entries(2, 50, 10 * number)).unwrap();
        if usize::from(number) + 1 == lock_after {
            opened.write_lock().unwrap();
        }
    }
    (disk.copy(), opened.entries)
}

/// Each frame of a segment: where it starts and ends.
fn frame_places(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut places = vec![];
    let mut start = 0;
    while start < bytes.len() {
        let header = ledger_spec::frame::Header::decode(&bytes[start..]).unwrap();
        places.push((start, start + header.frame_bytes()));
        start += header.frame_bytes();
    }
    places
}

fn segment_paths(disk: &SimDisk) -> Vec<PathBuf> {
    disk.all_bytes().into_keys().filter(|path| path.extension().is_some()).collect()
}

#[derive(Clone, Debug)]
enum Act {
    Append { count: usize, size_bytes: usize },
    WriteLock,
}

/// What one run of a server does until the power goes.
#[derive(Clone, Debug)]
struct Run {
    acts: Vec<Act>,
    power_off_after: u64,
    seed: u64,
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let append = (1..6_usize, 1..300_usize)
        .prop_map(|(count, size_bytes)| Act::Append { count, size_bytes });
    let act = prop_oneof![4 => append, 1 => Just(Act::WriteLock)];
    let acts = prop::collection::vec(act, 0..12);
    let run = (acts, 0..60_u64, any::<u64>()).prop_map(|(acts, power_off_after, seed)| Run {
        acts,
        power_off_after,
        seed,
    });
    prop::collection::vec(run, 1..6)
}

/// Opens and acts until the first error. Keeps in `acknowledged` what was, and returns the entries
/// of a failed append.
fn act_until_error(disk: &SimDisk, acts: &[Act], acknowledged: &mut Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let Ok(mut opened) = open(disk) else { return vec![] };
    acknowledged.clone_from(&opened.entries);
    for (mark, act) in (0..).zip(acts) {
        let (done, attempted) = match act {
            Act::Append { count, size_bytes } => {
                let batch = entries(*count, *size_bytes, mark);
                (opened.append(&batch), batch)
            }
            Act::WriteLock => (opened.write_lock(), vec![]),
        };
        if done.is_err() {
            let again = opened.append(&entries(1, 1, 0));
            assert!(matches!(again, Err(LogError::Stopped { .. })), "{again:?}");
            return attempted;
        }
        acknowledged.extend(attempted);
    }
    vec![]
}

/// Opens after a fault and checks that all that was acknowledged is there, and at most the frame in
/// flight besides.
fn check_nothing_lost(disk: &SimDisk, acknowledged: &[Vec<u8>], in_flight: &[Vec<u8>]) -> Opened {
    let opened = open(disk).unwrap();
    let with_in_flight = [acknowledged, in_flight].concat();
    assert!(opened.entries == acknowledged || opened.entries == with_in_flight);
    opened.check_readers();
    if let Some(torn) = &opened.torn {
        let moved_to = torn.moved_to.clone().unwrap();
        assert_eq!(disk.bytes(&moved_to).len() as u64, torn.size_bytes);
        assert_eq!(disk.bytes(&torn.path).len() as u64, torn.offset);
    }
    opened
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_power_cut_at_any_step_loses_nothing_acknowledged(runs in runs()) {
        let disk = SimDisk::default();
        let mut acknowledged = vec![];
        for run in runs {
            disk.fail_after(run.power_off_after, Fault::PowerOff);
            let in_flight = act_until_error(&disk, &run.acts, &mut acknowledged);
            disk.power_cut(run.seed);
            let mut opened = check_nothing_lost(&disk, &acknowledged, &in_flight);
            opened.append(&entries(2, 30, 77)).unwrap();
            opened.check_readers();
            acknowledged = opened.entries;
            let set_aside = opened.torn.and_then(|torn| torn.moved_to);
            let set_aside = set_aside.map(|path| (disk.bytes(&path), path));
            // Whatever was served or set aside stays, also when the power goes again at once.
            disk.power_cut(run.seed.rotate_left(32));
            check_nothing_lost(&disk, &acknowledged, &[]);
            if let Some((bytes, path)) = set_aside {
                assert!(disk.bytes(&path) == bytes);
            }
        }
    }
}

#[test]
fn a_failed_write_or_sync_stops_the_log_and_loses_nothing_acknowledged() {
    let mut acts = vec![];
    for size_bytes in [1, 200, 40, 250] {
        acts.extend([Act::Append { count: 3, size_bytes }, Act::WriteLock]);
        acts.push(Act::Append { count: 1, size_bytes });
    }
    let all = SimDisk::default();
    act_until_error(&all, &acts, &mut vec![]);
    for fault in [Fault::NoSpace, Fault::SyncLost] {
        for step in 0..all.steps() {
            for power_goes_too in [false, true] {
                let disk = SimDisk::default();
                let mut acknowledged = vec![];
                disk.fail_after(step, fault);
                let in_flight = act_until_error(&disk, &acts, &mut acknowledged);
                disk.mend();
                if power_goes_too {
                    disk.power_cut(step);
                }
                // What the next start serves stays, although a failed sync left it readable and not
                // durable.
                let mut served = check_nothing_lost(&disk, &acknowledged, &in_flight);
                served.append(&entries(1, 20, 99)).unwrap();
                disk.power_cut(step + 1000);
                check_nothing_lost(&disk, &served.entries, &[]);
            }
        }
    }
}

#[test]
fn a_flipped_byte_below_the_tail_is_refused_and_nothing_changes() {
    for lock_after in [0, 9] {
        let (disk, _) = nine_frames(lock_after);
        let paths = segment_paths(&disk);
        assert_eq!(paths.len(), 3, "the story needs several segments");
        for path in &paths {
            let frames = frame_places(&disk.bytes(path));
            for (number, (start, end)) in frames.iter().enumerate() {
                let is_tail = path == &paths[2] && number + 1 == frames.len();
                for at in *start..*end {
                    let disk = disk.copy();
                    disk.flip(path, at);
                    if is_tail && lock_after == 0 {
                        check_torn(&disk, path, *start);
                    } else {
                        check_damaged(&disk, path, *start);
                    }
                }
            }
        }
    }
}

fn check_damaged(disk: &SimDisk, damaged: &Path, at: usize) {
    let before = disk.all_bytes();
    let inspected = log::inspect(disk, &config(), |_| Ok(())).err();
    for error in [open(disk).err(), inspected] {
        let error = error.unwrap();
        let LogError::Damaged { path, offset, .. } = &error else { panic!("{error}") };
        assert_eq!((path.as_path(), *offset), (damaged, at as u64));
    }
    let after = disk.all_bytes();
    assert!(
        before
            .iter()
            .filter(|(path, _)| path.extension().is_some())
            .all(|(path, bytes)| after[path] == *bytes)
    );
    assert!(after.keys().all(|path| !path.to_str().unwrap().contains("torn")));
}

fn check_torn(disk: &SimDisk, path: &Path, at: usize) {
    let before = disk.all_bytes();
    let found = log::inspect(disk, &config(), |_| Ok(())).unwrap().torn.unwrap();
    assert_eq!((found.path.as_path(), found.offset, found.moved_to), (path, at as u64, None));
    assert_eq!(disk.all_bytes(), before);
    let torn = open(disk).unwrap().torn.unwrap();
    let moved_to = log_path(&format!("torn-{NOW_MS}"));
    assert_eq!((torn.offset, torn.moved_to.as_ref()), (at as u64, Some(&moved_to)));
    assert_eq!(disk.bytes(&moved_to), before[path][at..]);
    assert_eq!(disk.bytes(path), before[path][..at]);
}

#[test]
fn every_cut_of_the_last_frame_is_a_torn_tail_unless_the_lock_covers_it() {
    for lock_after in [8, 9] {
        let (disk, entries) = nine_frames(lock_after);
        let path = segment_paths(&disk).pop().unwrap();
        let bytes = disk.bytes(&path);
        let (start, end) = *frame_places(&bytes).last().unwrap();
        for cut in start + 1..end {
            let disk = disk.copy();
            disk.put(&path, &bytes[..cut]);
            if lock_after == 9 {
                check_damaged(&disk, &path, start);
                continue;
            }
            check_torn(&disk, &path, start);
            let mut opened = open(&disk).unwrap();
            assert_eq!((&opened.torn, opened.entries.len()), (&None, entries.len() - 2));
            opened.append(&[b"goes on".to_vec()]).unwrap();
            opened.check_readers();
        }
    }
}

#[test]
fn a_second_torn_tail_does_not_overwrite_the_first() {
    let (disk, _) = nine_frames(0);
    let path = segment_paths(&disk).pop().unwrap();
    for number in 0..2 {
        let bytes = disk.bytes(&path);
        disk.put(&path, &bytes[..bytes.len() - 1]);
        let torn = open(&disk).unwrap().torn.unwrap();
        assert_eq!(torn.moved_to, Some(log_path(&format!("torn-{}", NOW_MS + number))));
    }
}

#[test]
fn log_and_lock_must_be_of_one_history() {
    let check = |change: fn(&SimDisk), expected: &str| {
        let (disk, _) = nine_frames(9);
        change(&disk);
        let before = disk.all_bytes();
        let error = open(&disk).err().map_or("opened".to_owned(), |error| error.to_string());
        assert!(error.contains(expected), "{error}");
        assert!(disk.all_bytes() == before, "{expected}");
    };
    check(|_| {}, "opened");
    check(
        |disk| {
            // The last frame is gone, cleanly: an older copy of the segment.
            let path = segment_paths(disk).pop().unwrap();
            let bytes = disk.bytes(&path);
            disk.put(&path, &bytes[..frame_places(&bytes).last().unwrap().0]);
        },
        "ends at entry 16, the lock says 18 entries were there: it was restored from an older backup",
    );
    check(
        |disk| disk.remove(&segment_paths(disk)[1]),
        "00000001.seg is damaged at byte 0: the segment file is missing",
    );
    check(
        |disk| disk.put(&segment_paths(disk)[1], &[]),
        "00000001.seg is damaged at byte 0: the segment file is empty",
    );
    check(
        |disk| disk.remove(&log_path("lock")),
        "/data/log/lock is missing beside a log with entries",
    );
    // Counters 1 (made with the log) and 2: the slot at 0 is the newest, the one at 4096 the one
    // before.
    check(|disk| disk.flip(&log_path("lock"), 30), "opened");
    check(|disk| disk.flip(&log_path("lock"), 4096 + 30), "opened");
    check(
        |disk| {
            disk.flip(&log_path("lock"), 30);
            disk.flip(&log_path("lock"), 4096 + 30);
        },
        "both slots of /data/log/lock are damaged",
    );
    check(
        |disk| {
            let other = SimDisk::default();
            let mut opened = open(&other).unwrap();
            opened.append(&entries(18, 9, 1)).unwrap();
            opened.write_lock().unwrap();
            disk.put(&log_path("lock"), &other.bytes(&log_path("lock")));
        },
        "does not have the root at 18 entries that the lock has",
    );
}

#[test]
fn a_lock_of_another_ledger_is_refused() {
    let (disk, _) = nine_frames(9);
    let config = LogConfig { ledger: LedgerId(*b"nextcity"), ..config() };
    let refused = log::claim(Arc::new(disk), config).err();
    assert!(matches!(refused, Some(LogError::ForeignLock { .. })), "{refused:?}");
}

#[test]
fn only_what_follows_the_end_is_appended_and_a_refusal_changes_nothing() {
    let disk = SimDisk::default();
    let mut opened = open(&disk).unwrap();
    opened.append(&entries(2, 5, 1)).unwrap();
    let good = opened.frame(&entries(1, 5, 9));
    let place = good.header().place;
    let mut check = |expected_seq: u64, place: FramePlace, expected: &str| {
        let frame = Frame::encode(place, &entries(1, 5, 9)).unwrap();
        let result = opened.log.append(Seq(expected_seq), &frame);
        assert!(result.unwrap_err().to_string().contains(expected));
    };
    check(1, place, "entries for place 1 were given where 2 is due");
    check(2, FramePlace { first_seq: Seq(3), ..place }, "starts at entry 3 where 2 is due");
    check(
        2,
        FramePlace { prev_frame_hash: [0; 32], ..place },
        "does not name the hash of the frame before",
    );
    check(
        2,
        FramePlace { ledger: LedgerId([0; 8]), ..place },
        "belongs to ledger 0000000000000000",
    );
    opened
        .log
        .append(Seq(2), &Frame::encode(FramePlace { epoch: 5, ..place }, &[vec![1]]).unwrap())
        .unwrap();
    let older =
        FramePlace { first_seq: Seq(3), prev_frame_hash: opened.log.tip().frame_hash, ..place };
    let refused = opened.log.append(Seq(3), &Frame::encode(older, &[vec![1]]).unwrap());
    assert!(refused.unwrap_err().to_string().contains("epoch 0 after epoch 5"));
}

#[test]
fn a_reader_starts_anywhere_and_goes_on_as_the_log_grows() {
    let disk = SimDisk::default();
    let mut opened = open(&disk).unwrap();
    // Many one-entry frames, so that the sparse index has gaps to step over.
    for number in 0..100 {
        opened.append(&entries(1, 3, number)).unwrap();
    }
    opened.check_readers();
    let mut frames = opened.log.reader().read_from(Seq(41));
    let firsts: Vec<_> = frames.by_ref().map(|f| f.unwrap().header().place.first_seq.0).collect();
    assert_eq!(firsts, (41..100).collect::<Vec<_>>());
    opened.append(&entries(4, 3, 200)).unwrap();
    assert_eq!(frames.next().unwrap().unwrap().header().place.first_seq, Seq(100));
    assert!(frames.next().is_none());
    // From the middle of a frame, the frame comes whole.
    let whole = opened.log.reader().read_from(Seq(102)).next().unwrap().unwrap();
    assert_eq!(whole.header().place.first_seq, Seq(100));
    // A log in use can be inspected.
    let inspection = log::inspect(&disk, &config(), |_| Ok(())).unwrap();
    assert_eq!((inspection.tip, inspection.torn), (opened.log.tip(), None));
    check_entries(&inspection.reader, &opened.entries);
}

#[test]
fn a_replay_from_a_snapshot_steps_over_what_lies_before_it() {
    let (disk, entries) = nine_frames(9);
    for from in 0..=18 {
        let claimed = log::claim(Arc::new(disk.copy()), config()).unwrap();
        let mut seen = vec![];
        let on_frame = |frame: &Frame| {
            seen.push(frame.header().place.first_seq.0);
            Ok(())
        };
        let (log, _) = claimed.recover(Seq(from), NOW_MS, on_frame).unwrap();
        assert_eq!(seen, (from / 2 * 2..18).step_by(2).collect::<Vec<_>>(), "from {from}");
        check_entries(&log.reader(), &entries);
    }
    // The chain is checked all the same: a frame's last byte is what the next one repeats.
    let path = &segment_paths(&disk)[0];
    let (_, end) = frame_places(&disk.bytes(path))[0];
    disk.flip(path, end - 1);
    let claimed = log::claim(Arc::new(disk), config()).unwrap();
    let refused = claimed.recover(Seq(18), NOW_MS, |_| Ok(())).err();
    assert!(matches!(refused, Some(LogError::Damaged { .. })), "{refused:?}");
}

#[test]
fn a_caller_may_refuse_a_frame() {
    let (disk, _) = nine_frames(9);
    let before = disk.all_bytes();
    let claimed = log::claim(Arc::new(disk.clone()), config()).unwrap();
    let refused = claimed.recover(Seq(0), NOW_MS, |_| Err("no such kind".into())).err().unwrap();
    assert!(refused.to_string().contains("00000000.seg, frame at byte 0: no such kind"));
    assert_eq!(disk.all_bytes(), before);
}

#[test]
fn levels_hold_every_tile_and_come_back_from_below() {
    let claimed = log::claim(Arc::new(SimDisk::default()), config()).unwrap();
    let leaves: Vec<Hash> = (0..66_000_u32).map(|i| merkle::leaf_hash(&i.to_be_bytes())).collect();
    let mut levels = claimed.levels().unwrap();
    for (batch, part) in leaves.chunks(1000).enumerate() {
        levels.append(Seq(batch as u64 * 1000), part).unwrap();
    }
    assert!(matches!(levels.append(Seq(5), &leaves[..1]), Err(LogError::NotInSequence { .. })));
    let mut above: Vec<Hash> = leaves;
    for level in 0..3 {
        let reader = levels.reader();
        assert_eq!(reader.count(level).unwrap(), above.len() as u64);
        for (tile, hashes) in above.chunks(256).enumerate() {
            let read = reader.read(level, tile as u64 * 256, hashes.len()).unwrap();
            assert_eq!(read.as_deref(), Some(hashes));
        }
        assert_eq!(reader.read(level, above.len() as u64, 1).unwrap(), None);
        above = above.as_chunks::<256>().0.iter().map(|tile| merkle::root_of(tile)).collect();
    }
    assert_eq!(levels.reader().read(0, 0, 257).unwrap(), None);
    // Without a lock nothing is trusted, and all of it is asked for again.
    assert_eq!(claimed.levels().unwrap().size(), Seq(0));
}

#[test]
fn upper_levels_are_computed_again_where_they_are_short() {
    let disk = SimDisk::default();
    let mut opened = open(&disk).unwrap();
    for number in 0..6 {
        opened.append(&entries(150, 5, number)).unwrap();
    }
    opened.write_lock().unwrap();
    opened.append(&entries(200, 5, 60)).unwrap();
    drop(opened);
    let level_1 = disk.bytes(&log_path("levels/1"));
    assert_eq!(level_1.len(), 4 * 32);
    for kept in [0, 40, 128] {
        disk.put(&log_path("levels/1"), &level_1[..kept]);
        let claimed = log::claim(Arc::new(disk.copy()), config()).unwrap();
        assert_eq!(claimed.levels().unwrap().size(), Seq(900), "what the lock covers");
        open(&disk).unwrap().check_readers();
        assert_eq!(disk.bytes(&log_path("levels/1")), level_1);
    }
}

#[test]
fn a_real_disk_holds_the_log_and_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_in(&folder.path().join("data"));
    let mut opened = open_on(Arc::new(RealDisk), config.clone()).unwrap();
    for number in 0..20 {
        opened.append(&entries(3, 60, number)).unwrap();
    }
    opened.write_lock().unwrap();
    let second = open_on(Arc::new(RealDisk), config.clone()).err().unwrap().to_string();
    assert!(second.contains("is in use by another process"), "{second}");
    let inspection = log::inspect(&RealDisk, &config, |_| Ok(())).unwrap();
    check_entries(&inspection.reader, &opened.entries);
    let (tip, entries) = (opened.log.tip(), opened.entries.clone());
    drop(opened);
    let again = open_on(Arc::new(RealDisk), config).unwrap();
    assert_eq!((again.log.tip(), &again.entries), (tip, &entries));
    again.check_readers();
}
