//! Segment files: the frames of the log, one after another.
//!
//! A frame that would take a segment past the segment size starts the next file. Frames are only
//! ever added, and each is one write and one fdatasync; readers see a frame once that sync
//! returned, never before. In memory lies a sparse index: the place of every sixteenth frame, from
//! which a reader steps from header to header.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ledger_spec::{
    frame::{Frame, HEADER_BYTES, Header, MAX_ENTRY_BYTES},
    ids::Seq,
};

use super::{
    disk::{self, Disk, DiskFile, OpenMode},
    error::LogError,
};

/// The folder of the segments within the log's folder.
pub const SEGMENTS_FOLDER: &str = "segments";
/// Size in bytes that a segment file does not pass.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Every how many frames the index holds a place; a reader steps over at most one fewer.
const FRAMES_PER_PLACE: u32 = 16;
/// Bytes of an entry's start in a frame.
const START_BYTES: u64 = 4;

/// The name of a segment file.
pub(super) fn segment_name(number: usize) -> String {
    format!("{number:08}.seg")
}

/// One segment file and how much of it holds durable frames.
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) size_bytes: u64,
}

struct IndexPlace {
    first_seq: Seq,
    segment: usize,
    offset: u64,
}

/// The durable frames: what readers may see.
#[derive(Default)]
pub(super) struct Durable {
    segments: Vec<Segment>,
    index: Vec<IndexPlace>,
    frames_since_place: u32,
    next_seq: Seq,
}

impl Durable {
    pub(super) fn add_segment(&mut self, segment: Segment) {
        self.segments.push(segment);
        // So that a place never leads across the end of a file.
        self.frames_since_place = FRAMES_PER_PLACE;
    }

    /// Takes a durable frame at the end of the last segment into the index.
    pub(super) fn add_frame(&mut self, header: &Header) {
        let number = self.segments.len().saturating_sub(1);
        let Some(segment) = self.segments.last_mut() else { return };
        if self.frames_since_place >= FRAMES_PER_PLACE {
            let first_seq = header.place.first_seq;
            self.index.push(IndexPlace { first_seq, segment: number, offset: segment.size_bytes });
            self.frames_since_place = 0;
        }
        self.frames_since_place += 1;
        segment.size_bytes += header.frame_bytes() as u64;
        self.next_seq = header.next_seq();
    }

    pub(super) const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Where to start stepping towards this entry; `None` where the log does not hold it.
    fn place_before(&self, seq: Seq) -> Option<&IndexPlace> {
        if seq >= self.next_seq {
            return None;
        }
        let after = self.index.partition_point(|place| place.first_seq <= seq);
        self.index.get(after.checked_sub(1)?)
    }
}

/// The one writer of the segment files.
pub(super) struct SegmentWriter {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes: u64,
    durable: Arc<RwLock<Durable>>,
}

impl SegmentWriter {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
        durable: Arc<RwLock<Durable>>,
    ) -> Self {
        Self { disk, folder, segment_bytes, durable }
    }

    pub(super) fn reader(&self) -> LogReader {
        LogReader { durable: Arc::clone(&self.durable) }
    }

    /// Makes a frame durable at the end of the log. After an error the writer must not be used
    /// again.
    pub(super) fn append(&self, frame: &Frame) -> Result<(), LogError> {
        let (file, path, offset) = self.segment_for(frame.bytes().len() as u64)?;
        // A crash during the write or the sync leaves any part of the frame at the end of the last
        // segment: a torn tail, or a whole frame that nobody was told of. Opening sets the first
        // aside and takes in the second.
        file.write_all_at(frame.bytes(), offset).map_err(LogError::io("write", &path))?;
        file.sync_data().map_err(LogError::io("sync", &path))?;
        self.write_durable()?.add_frame(frame.header());
        Ok(())
    }

    fn segment_for(&self, frame_bytes: u64) -> Result<(Arc<dyn DiskFile>, PathBuf, u64), LogError> {
        let durable = read(&self.durable)?;
        match durable.segments.last() {
            Some(last)
                if last.size_bytes == 0 || last.size_bytes + frame_bytes <= self.segment_bytes =>
            {
                Ok((Arc::clone(&last.file), last.path.clone(), last.size_bytes))
            }
            _ => {
                let number = durable.segments.len();
                drop(durable);
                self.start_segment(number)
            }
        }
    }

    fn start_segment(&self, number: usize) -> Result<(Arc<dyn DiskFile>, PathBuf, u64), LogError> {
        let path = self.folder.join(segment_name(number));
        // A crash from here on leaves no file or an empty one; opening goes on with either.
        let file =
            self.disk.open(&path, OpenMode::CreateNew).map_err(LogError::io("create", &path))?;
        // Without this a power cut could take the file's name away together with frames synced into
        // it.
        self.disk.sync_dir(&self.folder).map_err(LogError::io("sync", &self.folder))?;
        let segment = Segment { file: Arc::clone(&file), path: path.clone(), size_bytes: 0 };
        self.write_durable()?.add_segment(segment);
        Ok((file, path, 0))
    }

    fn write_durable(&self) -> Result<RwLockWriteGuard<'_, Durable>, LogError> {
        self.durable.write().map_err(|_| LogError::thread_died())
    }
}

fn read(durable: &RwLock<Durable>) -> Result<RwLockReadGuard<'_, Durable>, LogError> {
    durable.read().map_err(|_| LogError::thread_died())
}

/// Reads durable entries while the writer goes on; cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    durable: Arc<RwLock<Durable>>,
}

impl LogReader {
    pub(super) fn over(durable: Arc<RwLock<Durable>>) -> Self {
        Self { durable }
    }

    /// Entries in the log that are durable; also the place of the next one.
    ///
    /// # Errors
    /// [`LogError::Stopped`] where a thread died while it held the index.
    pub fn next_seq(&self) -> Result<Seq, LogError> {
        Ok(read(&self.durable)?.next_seq)
    }

    /// The bytes of one entry, or `None` where the log does not (yet) hold it.
    ///
    /// Reads only headers, two starts and the entry itself. The frame's hash was checked when the
    /// frame was written or the log opened; a caller that must know of rot since then checks the
    /// entry against its leaf.
    ///
    /// # Errors
    /// [`LogError::Io`], or [`LogError::Damaged`] where the file changed under the log.
    pub fn entry(&self, seq: Seq) -> Result<Option<Vec<u8>>, LogError> {
        let Some((at, header)) = self.frame_with(seq)? else { return Ok(None) };
        let body_offset = at.offset + HEADER_BYTES as u64;
        let body_bytes = u64::from(header.body_bytes());
        let index = seq.0.saturating_sub(header.place.first_seq.0);
        let starts_offset = body_offset + body_bytes + START_BYTES * index;
        let start = u64::from(at.read_u32(starts_offset)?);
        let end = if index + 1 < u64::from(header.count()) {
            u64::from(at.read_u32(starts_offset + START_BYTES)?)
        } else {
            body_bytes
        };
        let entry_bytes = end
            .checked_sub(start)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| *bytes <= MAX_ENTRY_BYTES && end <= body_bytes)
            .ok_or_else(|| at.damaged(&"an entry's start lies outside its frame"))?;
        let mut entry = vec![0; entry_bytes];
        at.read(&mut entry, body_offset + start)?;
        Ok(Some(entry))
    }

    /// The durable frames from the one that holds this entry on, each checked in full, one in
    /// memory at a time.
    ///
    /// The first frame may begin before `seq`. The iterator ends where the log ends at that moment,
    /// and goes on if asked again after the log grew; after an error it stays at the frame that
    /// failed.
    #[must_use]
    pub fn read_from(&self, seq: Seq) -> Frames {
        Frames { reader: self.clone(), next_seq: seq }
    }

    fn frame_with(&self, seq: Seq) -> Result<Option<(SegmentFrame, Header)>, LogError> {
        let durable = read(&self.durable)?;
        let Some(place) = durable.place_before(seq) else { return Ok(None) };
        let Some(segment) = durable.segments.get(place.segment) else { return Ok(None) };
        let mut at = SegmentFrame {
            file: Arc::clone(&segment.file),
            path: segment.path.clone(),
            offset: place.offset,
        };
        drop(durable);
        for _ in 0..FRAMES_PER_PLACE {
            let mut bytes = [0; HEADER_BYTES];
            at.read(&mut bytes, at.offset)?;
            let header = Header::decode(&bytes).map_err(|error| at.damaged(&error))?;
            if seq < header.next_seq() {
                return Ok(Some((at, header)));
            }
            at.offset += header.frame_bytes() as u64;
        }
        Err(at.damaged(&"the frames here are not those that were written"))
    }
}

/// The frames of a log in order; see [`LogReader::read_from`].
pub struct Frames {
    reader: LogReader,
    next_seq: Seq,
}

impl Frames {
    fn read_next(&mut self) -> Result<Option<Frame>, LogError> {
        let Some((at, header)) = self.reader.frame_with(self.next_seq)? else { return Ok(None) };
        let mut bytes = vec![0; header.frame_bytes()];
        at.read(&mut bytes, at.offset)?;
        let frame = Frame::decode(bytes).map_err(|error| at.damaged(&error))?;
        self.next_seq = frame.header().next_seq();
        Ok(Some(frame))
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_next().transpose()
    }
}

/// Where a frame lies on the disk.
struct SegmentFrame {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    offset: u64,
}

impl SegmentFrame {
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), LogError> {
        disk::read_exact_at(self.file.as_ref(), buffer, offset)
            .map_err(LogError::io("read", &self.path))
    }

    fn read_u32(&self, offset: u64) -> Result<u32, LogError> {
        let mut bytes = [0; 4];
        self.read(&mut bytes, offset)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn damaged(&self, reason: &dyn fmt::Display) -> LogError {
        LogError::damaged(&self.path, self.offset, reason)
    }
}

/// The numbers of the segment files in a folder: 0, 1, 2 and so on.
pub(super) fn count_segments(disk: &dyn Disk, folder: &Path) -> Result<usize, LogError> {
    let names = disk.list(folder).map_err(LogError::io("list", folder))?;
    let mut segments: Vec<_> = names.into_iter().filter(|name| name.ends_with(".seg")).collect();
    segments.sort();
    for (number, name) in segments.iter().enumerate() {
        if *name != segment_name(number) {
            let missing = folder.join(segment_name(number));
            return Err(LogError::damaged(&missing, 0, &"the segment file is missing"));
        }
    }
    Ok(segments.len())
}
