//! Where each frame lies: segment file and byte.

use std::io;
use std::path::{Path, PathBuf};

use super::error::AuditError;
use crate::log::disk::{Disk, OpenMode};
use crate::log::{LOG_FOLDER, SEGMENTS_FOLDER};

/// Where the frame in hand lies: frames stand back to back in the segment files.
pub(super) struct Segments {
    pub(super) folder: PathBuf,
    files: Vec<(String, u64)>,
    current: usize,
    offset: u64,
}

/// A frame's place in the segment files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Location {
    segment: usize,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
}

impl Segments {
    pub(super) fn measure(disk: &dyn Disk, data_folder: &Path) -> Result<Self, AuditError> {
        let folder = data_folder.join(LOG_FOLDER).join(SEGMENTS_FOLDER);
        let no_log = |source| AuditError::NoLog { path: folder.clone(), source };
        let mut names = disk.list(&folder).map_err(no_log)?;
        names.retain(|name| name.ends_with(".seg"));
        names.sort();
        let files = names.into_iter().map(|name| {
            let file = disk.open(&folder.join(&name), OpenMode::Read)?;
            Ok((name, file.size_bytes()?))
        });
        let files = files.collect::<io::Result<Vec<_>>>().map_err(no_log)?;
        Ok(Self { folder, files, current: 0, offset: 0 })
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The place of the frame that is read next.
    pub(super) fn step(&mut self, frame_bytes: usize) -> Location {
        let is_read = |segments: &Self| {
            segments.files.get(segments.current).is_some_and(|(_, bytes)| segments.offset >= *bytes)
        };
        if is_read(self) && self.current + 1 < self.files.len() {
            (self.current, self.offset) = (self.current + 1, 0);
        }
        let place = Location { segment: self.current, offset: self.offset };
        self.offset += frame_bytes as u64;
        place
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.files.iter().take(self.current).map(|(_, bytes)| bytes).sum::<u64>() + self.offset
    }

    pub(super) fn path(&self, place: Location) -> PathBuf {
        self.files
            .get(place.segment)
            .map_or_else(|| self.folder.clone(), |(name, _)| self.folder.join(name))
    }
}
