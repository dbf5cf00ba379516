//! A disk in memory that keeps apart what was written and what is durable, and fails where it is
//! told to.
//!
//! It is stricter than a common file system: a name is durable only after a sync of its folder, and
//! a sync that failed drops the unsynced bytes for good although they can still be read, as Linux
//! does.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use kenmai::log::disk::{Disk, DiskFile, FolderGuard, OpenMode};

/// What goes wrong at the first fitting step from a given one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The step is begun, and it and all later ones fail until [`SimDisk::power_cut`].
    PowerOff,
    /// A write puts down half its bytes and reports a full disk.
    NoSpace,
    /// A sync fails; what it should have made durable never will be, and can still be read.
    SyncLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone)]
enum NameChange {
    Made(PathBuf, Node),
    Renamed(PathBuf, PathBuf),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Made(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Renamed(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Made(path, _) | Self::Renamed(path, _) => path.parent(),
        }
    }
}

enum ByteChange {
    Written(usize, Vec<u8>),
    Resized(usize),
}

impl ByteChange {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Written(offset, written) => {
                let end = offset + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(written);
            }
            Self::Resized(size) => bytes.resize(*size, 0),
        }
    }

    /// What a power cut may leave of the change: some first bytes, or some sectors with zeros in
    /// between.
    fn apply_part(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let Self::Written(offset, written) = self else { return };
        if random.below(2) == 0 {
            let kept = random.below(written.len() + 1);
            return Self::Written(*offset, written[..kept].to_vec()).apply(bytes);
        }
        for (number, sector) in written.chunks(64).enumerate() {
            if random.below(2) == 0 {
                Self::Written(offset + number * 64, sector.to_vec()).apply(bytes);
            }
        }
    }
}

#[derive(Default)]
struct FileState {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<ByteChange>,
}

impl FileState {
    fn change(&mut self, change: ByteChange) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    unsynced_names: Vec<NameChange>,
    files: Vec<FileState>,
    held: BTreeSet<PathBuf>,
    steps: u64,
    fault: Option<(u64, Fault)>,
    is_off: bool,
}

impl State {
    /// Counts a step that changes the disk; the fault that fits it, if one is due.
    fn step(&mut self, fitting: &[Fault]) -> io::Result<Option<Fault>> {
        self.check_power()?;
        self.steps += 1;
        let due = self.fault.filter(|(from, fault)| self.steps > *from && fitting.contains(fault));
        if let Some((_, fault)) = due {
            self.fault = None;
            self.is_off = fault == Fault::PowerOff;
        }
        Ok(due.map(|(_, fault)| fault))
    }

    fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        let fault = self.step(&[Fault::PowerOff])?;
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        fail(fault)
    }

    fn change_bytes(&mut self, file: usize, change: ByteChange) -> io::Result<()> {
        let fault = self.step(&[Fault::PowerOff, Fault::NoSpace])?;
        let change = match (fault, change) {
            (Some(Fault::NoSpace), ByteChange::Written(offset, bytes)) => {
                ByteChange::Written(offset, bytes[..bytes.len() / 2].to_vec())
            }
            (_, change) => change,
        };
        self.files[file].change(change);
        fail(fault)
    }
}

fn fail(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        None => Ok(()),
        Some(Fault::PowerOff) => Err(io::Error::other("the power went off")),
        Some(Fault::NoSpace) => Err(ErrorKind::StorageFull.into()),
        Some(Fault::SyncLost) => Err(io::Error::other("the disk failed to sync")),
    }
}

/// The disk; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Steps so far that changed the disk.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Lets the next fitting step after `steps` more fail.
    pub(crate) fn fail_after(&self, steps: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.steps + steps, fault));
    }

    /// Takes back a fault that did not come to pass.
    pub(crate) fn mend(&self) {
        self.state().fault = None;
    }

    /// Takes the power away and gives it back: durable bytes stay, of the rest any beginning.
    pub(crate) fn power_cut(&self, seed: u64) {
        let random = &mut Random(seed);
        let mut state = self.state();
        for file in &mut state.files {
            let kept = random.below(file.unsynced.len() + 1);
            for (number, change) in file.unsynced.drain(..).enumerate() {
                match number {
                    number if number < kept => change.apply(&mut file.durable),
                    number if number == kept => change.apply_part(&mut file.durable, random),
                    _ => {}
                }
            }
            file.seen = file.durable.clone();
        }
        let kept = random.below(state.unsynced_names.len() + 1);
        let changes = std::mem::take(&mut state.unsynced_names);
        changes[..kept].iter().for_each(|change| change.apply(&mut state.durable_names));
        let known = state.durable_names.clone();
        let reachable =
            |path: &Path| path.ancestors().skip(1).all(|p| is_root(p) || known.contains_key(p));
        state.durable_names.retain(|path, _| reachable(path));
        state.names = state.durable_names.clone();
        state.held.clear();
        (state.fault, state.is_off) = (None, false);
    }

    /// A file's bytes.
    pub(crate) fn bytes(&self, path: &Path) -> Vec<u8> {
        self.all_bytes()[path].clone()
    }

    /// Every file's bytes.
    pub(crate) fn all_bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let files = state.names.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.clone(), state.files[*file].seen.clone())),
            Node::Folder => None,
        });
        files.collect()
    }

    /// Puts durable bytes in the place of a file's.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let Some(Node::File(file)) = state.names.get(path).copied() else {
            panic!("no file {}", path.display())
        };
        let (seen, durable) = (bytes.to_vec(), bytes.to_vec());
        state.files[file] = FileState { seen, durable, unsynced: Vec::new() };
    }

    /// Changes one byte of a file, durably.
    pub(crate) fn flip(&self, path: &Path, offset: usize) {
        let mut bytes = self.bytes(path);
        bytes[offset] ^= 0x10;
        self.put(path, &bytes);
    }

    /// Takes a file away, durably.
    pub(crate) fn remove(&self, path: &Path) {
        let mut state = self.state();
        state.names.remove(path).unwrap();
        state.durable_names.remove(path);
    }

    /// Another disk that holds the same, all of it durable.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|file| FileState {
            seen: file.seen.clone(),
            durable: file.seen.clone(),
            unsynced: Vec::new(),
        });
        Self(Arc::new(Mutex::new(State {
            names: state.names.clone(),
            durable_names: state.names.clone(),
            files: files.collect(),
            ..State::default()
        })))
    }
}

/// A place of a small file as an index into memory.
pub(crate) fn index(place: u64) -> usize {
    usize::try_from(place).unwrap()
}

fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}

struct SimFile {
    disk: SimDisk,
    number: usize,
    is_writable: bool,
}

struct Held(SimDisk, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().held.remove(&self.1);
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.check_power()?;
        let number = match (state.names.get(path).copied(), access) {
            (Some(Node::Folder), _) => return Err(ErrorKind::IsADirectory.into()),
            (Some(Node::File(_)), OpenMode::CreateNew) => {
                return Err(ErrorKind::AlreadyExists.into());
            }
            (Some(Node::File(number)), OpenMode::Read | OpenMode::Write) => number,
            (None, OpenMode::Read | OpenMode::Write) => return Err(ErrorKind::NotFound.into()),
            (None, OpenMode::CreateNew) => {
                let number = state.files.len();
                state.files.push(FileState::default());
                state.change_name(NameChange::Made(path.to_owned(), Node::File(number)))?;
                number
            }
        };
        let is_writable = access != OpenMode::Read;
        Ok(Arc::new(SimFile { disk: self.clone(), number, is_writable }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check_power()?;
        if state.names.get(folder) != Some(&Node::Folder) {
            return Err(ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().change_name(NameChange::Renamed(from.to_owned(), to.to_owned()))
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        let mut missing: Vec<_> =
            folder.ancestors().take_while(|path| !state.names.contains_key(*path)).collect();
        missing.retain(|path| !is_root(path));
        for path in missing.into_iter().rev() {
            state.change_name(NameChange::Made(path.to_owned(), Node::Folder))?;
        }
        Ok(())
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.step(&[Fault::PowerOff, Fault::SyncLost])?;
        if fault.is_none() {
            let changes = std::mem::take(&mut state.unsynced_names);
            let (synced, rest): (Vec<_>, _) =
                changes.into_iter().partition(|change| change.folder() == Some(folder));
            synced.iter().for_each(|change| change.apply(&mut state.durable_names));
            state.unsynced_names = rest;
        }
        fail(fault)
    }

    fn try_lock(&self, folder: &Path) -> io::Result<Option<FolderGuard>> {
        if !self.state().held.insert(folder.to_owned()) {
            return Ok(None);
        }
        let held: Box<dyn Any + Send + Sync> = Box::new(Held(self.clone(), folder.to_owned()));
        Ok(Some(held))
    }
}

impl SimFile {
    fn check_writable(&self) -> io::Result<()> {
        if self.is_writable { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        state.check_power()?;
        let bytes = &state.files[self.number].seen;
        let rest = &bytes[bytes.len().min(index(offset))..];
        // A short read, as a system may give one at any time.
        let count = rest.len().min(buffer.len()).min(1000);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        let offset = index(offset);
        let change = ByteChange::Written(offset, bytes.to_vec());
        self.disk.state().change_bytes(self.number, change)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.step(&[Fault::PowerOff, Fault::SyncLost])?;
        if fault != Some(Fault::PowerOff) {
            let file = &mut state.files[self.number];
            let changes = std::mem::take(&mut file.unsynced);
            if fault.is_none() {
                changes.iter().for_each(|change| change.apply(&mut file.durable));
            }
        }
        fail(fault)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.check_power()?;
        Ok(state.files[self.number].seen.len() as u64)
    }

    fn set_size_bytes(&self, size_bytes: u64) -> io::Result<()> {
        self.check_writable()?;
        let change = ByteChange::Resized(index(size_bytes));
        self.disk.state().change_bytes(self.number, change)
    }
}

/// Splitmix64: enough chance for a test, and the same from the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        index((mixed ^ (mixed >> 31)) % end as u64)
    }
}
