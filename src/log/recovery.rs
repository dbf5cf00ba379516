//! Opening a log: what a crash may have left, and what is damage.
//!
//! One frame at a time is written, and the next only after the sync of the one before. So a crash
//! can leave, after the last whole frame, parts of *one* frame at the end of the *last* segment,
//! and nothing else:
//!
//! - a bad frame that the lock covers, one in an earlier segment, or one with another frame or more
//!   bytes than a frame behind it is **damage**: opening refuses, names the place, and changes
//!   nothing;
//! - a bad frame at the very end that the lock does not cover is a **torn tail**: it is kept in a
//!   file of its own, then cut;
//! - whole frames past the lock may lie in the page cache only, left there by a sync that failed:
//!   they are written again and synced before anyone reads them. Syncing alone would not do, as
//!   Linux marks pages clean when it fails to write them.
//!
//! Frames below `replay_from` that the lock covers are stepped over: header, check sum and chain of
//! hashes are checked, bodies are not read. `replay_from` 0 checks everything.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, RwLock, RwLockWriteGuard},
};

use ledger_spec::{
    frame::{Frame, FrameError, HASH_BYTES, HEADER_BYTES, Header, MAGIC, MAX_FRAME_BYTES},
    ids::Seq,
};

use super::{
    config::LogConfig,
    disk::{self, Disk, DiskFile, OpenMode},
    error::{FrameRefusal, LogError},
    lock::{self, Locked},
    segments::{self, Durable, LogReader, SEGMENTS_FOLDER, Segment, SegmentWriter, segment_name},
    tip::Tip,
    writer::{Claimed, Log},
};

/// Bytes read at once while the log is scanned.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// The part of an unfinished frame at the end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment file.
    pub path: PathBuf,
    /// Where the part starts.
    pub offset: u64,
    /// Its length.
    pub size_bytes: u64,
    /// Why it is not a frame.
    pub reason: String,
    /// The file it was moved to; `None` where the log was only inspected.
    pub moved_to: Option<PathBuf>,
}

/// What [`inspect`] found.
pub struct Inspection {
    /// Where the log ends.
    pub tip: Tip,
    /// What the lock says; `None` where there is none.
    pub locked: Option<Locked>,
    /// The part of an unfinished frame behind the log's end.
    pub torn: Option<TornTail>,
    /// A reader of what was found.
    pub reader: LogReader,
}

impl Claimed {
    /// Reads the log from its start, sets a torn tail aside (in a file named after `now_ms`, Unix
    /// milliseconds), and opens it for appending. Each frame that reaches past `replay_from` is
    /// handed to `on_frame` in order, checked, one in memory at a time.
    ///
    /// # Errors
    /// [`LogError::Damaged`], [`LogError::BehindLock`], and [`LogError::OffLock`] change nothing on
    /// the disk; nor does [`LogError::Refused`] with the caller's reason. [`LogError::Io`].
    pub fn recover(
        self,
        replay_from: Seq,
        now_ms: u64,
        mut on_frame: impl FnMut(&Frame) -> Result<(), FrameRefusal>,
    ) -> Result<(Log, Option<TornTail>), LogError> {
        let Self { disk, config, guard, lock, locked, fail_stop } = self;
        let log_folder = config.log_folder();
        let folder = log_folder.join(SEGMENTS_FOLDER);
        let mut scan = Scan::new(disk.as_ref(), &config, Some(locked), Mode::Writable);
        scan.replay_from = replay_from;
        scan.run(&folder, &mut on_frame)?;
        let Scan { durable, tip, mut torn, .. } = scan;
        if let Some(torn) = &mut torn {
            torn.moved_to = Some(set_aside(disk.as_ref(), &log_folder, torn, now_ms)?);
        }
        // The start that made the last segment may have ended before its name was durable.
        disk.sync_dir(&folder).map_err(LogError::io("sync", &folder))?;
        let segments = SegmentWriter::new(disk, folder, config.segment_bytes, durable);
        let ledger = config.ledger;
        Ok((Log { segments, lock, ledger, tip, fail_stop, _guard: guard }, torn))
    }
}

/// Reads a log from its start without taking the folder and without changing anything; each frame
/// is checked and handed to `on_frame`. A server may be appending meanwhile; a torn tail is
/// reported and left.
///
/// # Errors
/// As [`Claimed::recover`], but a missing lock is no error.
pub fn inspect(
    disk: &dyn Disk,
    config: &LogConfig,
    mut on_frame: impl FnMut(&Frame) -> Result<(), FrameRefusal>,
) -> Result<Inspection, LogError> {
    inspect_with_reader(disk, config, |frame, _| on_frame(frame))
}

/// The same with a reader of the frames before the one in hand.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_with_reader(
    disk: &dyn Disk,
    config: &LogConfig,
    mut on_frame: impl FnMut(&Frame, &LogReader) -> Result<(), FrameRefusal>,
) -> Result<Inspection, LogError> {
    let log_folder = config.log_folder();
    // Read before the frames: a server that appends meanwhile moves the lock on, and never past
    // what is durable.
    let locked = lock::read(disk, &log_folder, config.ledger)?;
    let mut scan = Scan::new(disk, config, locked, Mode::ReadOnly);
    let reader = LogReader::over(Arc::clone(&scan.durable));
    scan.run(&log_folder.join(SEGMENTS_FOLDER), &mut |frame| on_frame(frame, &reader))?;
    let Scan { tip, torn, .. } = scan;
    Ok(Inspection { tip, locked, torn, reader })
}

/// Keeps a torn tail in a file of its own, then cuts it off the segment.
fn set_aside(
    disk: &dyn Disk,
    log_folder: &Path,
    torn: &TornTail,
    now_ms: u64,
) -> Result<PathBuf, LogError> {
    let segment =
        disk.open(&torn.path, OpenMode::Write).map_err(LogError::io("open", &torn.path))?;
    let mut bytes = vec![0; usize::try_from(torn.size_bytes).unwrap_or(MAX_FRAME_BYTES)];
    disk::read_exact_at(segment.as_ref(), &mut bytes, torn.offset)
        .map_err(LogError::io("read", &torn.path))?;
    let (kept, kept_path) = create_torn_file(disk, log_folder, now_ms)?;
    // A crash up to the cut leaves the tail where it was, and perhaps a part of it here; the next
    // start does all of this again, into another file.
    kept.write_all_at(&bytes, 0).map_err(LogError::io("write", &kept_path))?;
    kept.sync_data().map_err(LogError::io("sync", &kept_path))?;
    disk.sync_dir(log_folder).map_err(LogError::io("sync", log_folder))?;
    // A crash before the sync leaves the segment cut or not; either is a torn tail or none.
    segment.set_size_bytes(torn.offset).map_err(LogError::io("cut", &torn.path))?;
    segment.sync_data().map_err(LogError::io("sync", &torn.path))?;
    Ok(kept_path)
}

/// Makes a file named after the first millisecond from `now_ms` on that has none, so that no
/// earlier one is lost.
fn create_torn_file(
    disk: &dyn Disk,
    log_folder: &Path,
    mut now_ms: u64,
) -> Result<(Arc<dyn DiskFile>, PathBuf), LogError> {
    loop {
        let path = log_folder.join(format!("torn-{now_ms}"));
        match disk.open(&path, OpenMode::CreateNew) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => now_ms += 1,
            Err(source) => return Err(LogError::Io { action: "create", path, source }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    ReadOnly,
    Writable,
}

type OnFrame<'a> = &'a mut dyn FnMut(&Frame) -> Result<(), FrameRefusal>;

/// One pass over all segments.
struct Scan<'a> {
    disk: &'a dyn Disk,
    config: &'a LogConfig,
    locked: Option<Locked>,
    mode: Mode,
    replay_from: Seq,
    durable: Arc<RwLock<Durable>>,
    tip: Tip,
    torn: Option<TornTail>,
}

/// What lies at a place of a segment.
enum FrameAt {
    /// A frame whose body was not read.
    Stepped(Header, ledger_spec::ids::Hash),
    /// A frame checked in full.
    Whole(Box<Frame>),
    /// No whole frame.
    Bad(BadFrame),
}

struct BadFrame {
    error: FrameError,
    /// Its header, where that is whole.
    header: Option<Header>,
}

impl<'a> Scan<'a> {
    fn new(disk: &'a dyn Disk, config: &'a LogConfig, locked: Option<Locked>, mode: Mode) -> Self {
        let (durable, tip) = (Arc::default(), Tip::empty());
        Self { disk, config, locked, mode, replay_from: Seq(0), durable, tip, torn: None }
    }

    fn durable(&self) -> Result<RwLockWriteGuard<'_, Durable>, LogError> {
        self.durable.write().map_err(|_| LogError::thread_died())
    }

    fn locked_size(&self) -> Seq {
        self.locked.map_or(Seq(0), |locked| locked.size)
    }

    fn run(&mut self, folder: &Path, on_frame: OnFrame<'_>) -> Result<(), LogError> {
        let count = segments::count_segments(self.disk, folder)?;
        for number in 0..count {
            let path = folder.join(segment_name(number));
            self.scan_segment(&path, number + 1 == count, on_frame)?;
        }
        if self.tip.next_seq < self.locked_size() {
            return Err(LogError::BehindLock {
                path: folder.to_owned(),
                found: self.tip.next_seq,
                locked: self.locked_size(),
            });
        }
        Ok(())
    }

    fn scan_segment(
        &mut self,
        path: &Path,
        is_last: bool,
        on_frame: OnFrame<'_>,
    ) -> Result<(), LogError> {
        let access = match self.mode {
            Mode::ReadOnly => OpenMode::Read,
            Mode::Writable => OpenMode::Write,
        };
        let file = self.disk.open(path, access).map_err(LogError::io("open", path))?;
        let size_bytes = file.size_bytes().map_err(LogError::io("measure", path))?;
        if size_bytes == 0 && !is_last {
            return Err(LogError::damaged(path, 0, &"the segment file is empty"));
        }
        let segment = Segment { file: Arc::clone(&file), path: path.to_owned(), size_bytes: 0 };
        self.durable()?.add_segment(segment);
        let mut window =
            Window { file: file.as_ref(), path, size_bytes, start: 0, bytes: Vec::new() };
        let mut offset = 0;
        let mut rewritten = false;
        while offset < size_bytes {
            let (header, hash) = match self.find(&mut window, offset)? {
                FrameAt::Stepped(header, hash) => (header, hash),
                FrameAt::Whole(frame) => {
                    rewritten |= self.take(&frame, &window, offset, on_frame)?;
                    (*frame.header(), frame.hash())
                }
                FrameAt::Bad(bad) => {
                    self.torn = Some(self.judge(&mut window, offset, is_last, &bad)?);
                    break;
                }
            };
            self.tip = Tip::after(&header, hash);
            self.check_lock()?;
            self.durable()?.add_frame(&header);
            offset += header.frame_bytes() as u64;
        }
        if rewritten {
            file.sync_data().map_err(LogError::io("sync", path))?;
        }
        Ok(())
    }

    fn find(&self, window: &mut Window<'_>, offset: u64) -> Result<FrameAt, LogError> {
        let header = match Header::decode(window.up_to(offset, HEADER_BYTES)?) {
            Ok(header) => header,
            Err(error) => return Ok(FrameAt::Bad(BadFrame { error, header: None })),
        };
        // A header that is whole and does not follow was never written here, by no crash.
        self.tip
            .check_next(self.config.ledger, &header)
            .map_err(|error| LogError::damaged(window.path, offset, &error))?;
        if header.next_seq() <= self.replay_from.min(self.locked_size()) {
            let hash_offset = offset + (header.frame_bytes() - HASH_BYTES) as u64;
            return Ok(match window.up_to(hash_offset, HASH_BYTES)?.first_chunk() {
                Some(hash) => FrameAt::Stepped(header, *hash),
                None => {
                    let expected = header.frame_bytes();
                    let found = usize::try_from(window.size_bytes - offset).unwrap_or(expected);
                    let error = FrameError::Length { expected, found };
                    FrameAt::Bad(BadFrame { error, header: Some(header) })
                }
            });
        }
        let bytes = window.up_to(offset, header.frame_bytes())?.to_vec();
        Ok(match Frame::decode(bytes) {
            Ok(frame) => FrameAt::Whole(Box::new(frame)),
            Err(error) => FrameAt::Bad(BadFrame { error, header: Some(header) }),
        })
    }

    /// Hands a frame to the caller and, past the lock, writes it again. Returns whether it did.
    fn take(
        &self,
        frame: &Frame,
        window: &Window<'_>,
        offset: u64,
        on_frame: OnFrame<'_>,
    ) -> Result<bool, LogError> {
        let next_seq = frame.header().next_seq();
        if next_seq > self.replay_from {
            on_frame(frame).map_err(|source| LogError::Refused {
                path: window.path.to_owned(),
                offset,
                source,
            })?;
        }
        let rewrite = self.mode == Mode::Writable && next_seq > self.locked_size();
        if rewrite {
            // The same bytes at the same place: a crash here changes nothing.
            window
                .file
                .write_all_at(frame.bytes(), offset)
                .map_err(LogError::io("write", window.path))?;
        }
        Ok(rewrite)
    }

    /// The lock is only ever written at the end of a frame: there the root must be the same.
    fn check_lock(&self) -> Result<(), LogError> {
        let Some(locked) = self.locked else { return Ok(()) };
        let passed = self.durable()?.next_seq() < locked.size && self.tip.next_seq >= locked.size;
        if passed && (self.tip.next_seq, self.tip.root) != (locked.size, locked.root) {
            let path = self.config.log_folder();
            return Err(LogError::OffLock { path, locked: locked.size });
        }
        Ok(())
    }

    /// Decides whether a bad frame is a torn tail or damage.
    fn judge(
        &self,
        window: &mut Window<'_>,
        offset: u64,
        is_last: bool,
        bad: &BadFrame,
    ) -> Result<TornTail, LogError> {
        let BadFrame { error, header } = bad;
        let (path, size_bytes) = (window.path, window.size_bytes - offset);
        let most_bytes = header.map_or(MAX_FRAME_BYTES, |header| header.frame_bytes());
        let proof_of_damage = if self.tip.next_seq < self.locked_size() {
            Some("the lock says that the frame was whole")
        } else if !is_last {
            Some("another segment follows")
        } else if size_bytes > most_bytes as u64 {
            Some("more bytes follow than an unfinished frame has")
        } else if header.is_none() && self.holds_header(window.up_to(offset, most_bytes)?) {
            Some("another frame follows")
        } else {
            None
        };
        match proof_of_damage {
            Some(proof) => {
                Err(LogError::damaged(path, offset, &format_args!("{error}, and {proof}")))
            }
            None => Ok(TornTail {
                path: path.to_owned(),
                offset,
                size_bytes,
                reason: error.to_string(),
                moved_to: None,
            }),
        }
    }

    /// Whether a frame's header lies anywhere behind the first byte of these. A whole header is
    /// enough: two frames are never unfinished at once.
    fn holds_header(&self, tail: &[u8]) -> bool {
        let places = tail.windows(MAGIC.len()).enumerate().skip(1);
        places.filter(|(_, bytes)| **bytes == MAGIC).any(|(place, _)| {
            let header = tail.get(place..).map(Header::decode);
            matches!(header, Some(Ok(header)) if header.place.ledger == self.config.ledger)
        })
    }
}

/// Part of a file in memory, so that small frames cost no read each.
struct Window<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    /// The file's length when the scan began; what a server appends meanwhile is not looked at.
    size_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The `count` bytes at `offset`, or as many of them as the file has.
    fn up_to(&mut self, offset: u64, count: usize) -> Result<&[u8], LogError> {
        let left = self.size_bytes.saturating_sub(offset);
        let count = usize::try_from(left).map_or(count, |left| count.min(left));
        let skip = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let held = skip.and_then(|skip| self.bytes.len().checked_sub(skip)).unwrap_or(0);
        if held < count {
            self.bytes.drain(..self.bytes.len() - held);
            self.start = offset;
            let wanted = count.max(READ_AHEAD_BYTES);
            let wanted = usize::try_from(left).map_or(wanted, |left| wanted.min(left));
            self.bytes.resize(wanted, 0);
            let (_, missing) = self.bytes.split_at_mut(held);
            disk::read_exact_at(self.file, missing, offset + held as u64)
                .map_err(LogError::io("read", self.path))?;
        }
        let skip = usize::try_from(offset - self.start).unwrap_or(0);
        Ok(self.bytes.get(skip..skip + count).unwrap_or_default())
    }
}
