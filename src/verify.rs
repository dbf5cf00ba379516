//! What anyone can verify, without the ledger's help: from tiles, entry bundles and a signed
//! checkpoint alone.
//!
//! Every leaf is hashed and compared with the tiles of level 0, every hash above with the tiles
//! above, and the root with the one that the log signed. With an earlier checkpoint at hand the
//! root at its size must be the same: then nothing was changed or dropped since. All that is read
//! is taken as hostile: each read is bounded, each form is checked, and nothing is believed before
//! the hash that covers it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use ledger_spec::cbor;
use ledger_spec::checkpoint::{Checkpoint, CheckpointError};
use ledger_spec::entry::{Accounting, Opened};
use ledger_spec::ids::{Hash, LedgerId, Seq};
use ledger_spec::merkle::{Edge, MAX_TREE_SIZE, empty_root, leaf_hash};
use ledger_spec::note::{MAX_NOTE_BYTES, MAX_VKEY_BYTES, Note, NoteError, VerifierKey};
use ledger_spec::receipt::{KeptConsent, Receipt, ReceiptError, kept_consent};
use ledger_spec::statement;
use ledger_spec::tile::{
    self, MAX_BUNDLE_BYTES, TILE_BYTES, TILE_WIDTH, TileError, TileId, TileKind,
};
use serde_json::Value;

use crate::beacon;
use crate::engine::parse_entry;
use crate::log::disk::RealDisk;
use crate::log::{self, LOG_FOLDER, LogConfig, LogError, LogReader};

/// A request ends after so long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a sealed leaf: version, class, commitment.
const SEALED_LEAF_BYTES: usize = 34;
const HASH_BYTES: usize = 32;

/// Why something does not verify, or cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A part could not be read at all: nothing is said about the log.
    #[error("cannot read {what}: {reason}")]
    Read {
        /// The file or address.
        what: String,
        /// The system's or the network's reason.
        reason: String,
    },
    /// The source has no such part.
    #[error("{what} is missing, although the checkpoint covers it")]
    Missing {
        /// The file or address.
        what: String,
    },
    /// No key to check the checkpoint with.
    #[error("there is no verifier key: give the log's with --vkey")]
    NoKey,
    /// The verifier key is malformed.
    #[error("the verifier key: {0}")]
    Key(#[from] NoteError),
    /// The checkpoint is malformed, of another log, or not signed by its key.
    #[error("{which}: {source}")]
    Checkpoint {
        /// Which checkpoint.
        which: String,
        /// What is wrong.
        source: CheckpointError,
    },
    /// A bundle is malformed.
    #[error("{tile}: {source}")]
    Bundle {
        /// The bundle.
        tile: TileId,
        /// What is wrong.
        source: TileError,
    },
    /// A tile has another length than its name says.
    #[error("{tile} has {bytes} bytes")]
    TileLength {
        /// The tile.
        tile: TileId,
        /// Its length.
        bytes: usize,
    },
    /// A leaf is in no form that this version knows.
    #[error("entry {seq}: {reason}")]
    Leaf {
        /// The entry.
        seq: Seq,
        /// What is wrong.
        reason: String,
    },
    /// A tile holds another hash than the one that follows from what lies below.
    #[error("hash {index} of level {level} is not the one that follows from the entries")]
    Hash {
        /// The level.
        level: u8,
        /// The place within it.
        index: u64,
    },
    /// The entries lead to another root than the one signed.
    #[error("the {size} entries do not lead to the root that {which} names")]
    Root {
        /// Entries.
        size: u64,
        /// Which checkpoint or lock.
        which: String,
    },
    /// The log is shorter than it was.
    #[error("the log has {size} entries; {earlier} were there earlier")]
    Shrunk {
        /// Entries.
        size: u64,
        /// Entries of the earlier checkpoint.
        earlier: u64,
    },
    /// The receipt is refused.
    #[error("the receipt: {0}")]
    Receipt(#[from] ReceiptError),
    /// A ledger's log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl VerifyError {
    /// Whether the log is shown to be wrong, rather than out of reach.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        match self {
            Self::Read { .. } | Self::NoKey | Self::Key(_) => false,
            Self::Log(error) => !matches!(error, LogError::Io { .. }),
            Self::Missing { .. }
            | Self::Checkpoint { .. }
            | Self::Bundle { .. }
            | Self::TileLength { .. }
            | Self::Leaf { .. }
            | Self::Hash { .. }
            | Self::Root { .. }
            | Self::Shrunk { .. }
            | Self::Receipt(_) => true,
        }
    }
}

/// Where the public parts of a log come from.
pub enum Source {
    /// A server: the address of the log, without a slash at its end.
    Url(String),
    /// A folder in the layout of C2SP tlog-tiles.
    Tiles(PathBuf),
    /// A ledger's data folder, and the origin it is bound to.
    Ledger {
        /// The data folder.
        data_folder: PathBuf,
        /// The origin.
        origin: String,
        /// The verifier key that its `ledger.toml` names.
        vkey: String,
    },
}

/// What to verify, and against what.
pub struct VerifyConfig {
    /// Where from.
    pub source: Source,
    /// The log's verifier key; without one the source's own is taken, which shows only that the
    /// parts fit together.
    pub vkey: Option<String>,
    /// A checkpoint that was kept earlier.
    pub since: Option<String>,
}

/// What verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The log's origin.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The signed checkpoint; none for a data folder, which holds no signature.
    pub checkpoint: Option<String>,
    /// Whether the verifier key came from the source itself.
    pub own_vkey: Option<String>,
    /// Hashes of tiles that were compared.
    pub hashes: u64,
    /// Public entries by their kind.
    pub public: BTreeMap<String, u64>,
    /// Size of the earlier checkpoint, where one was given.
    pub since: Option<u64>,
}

/// What is to come out of the entries.
struct Target {
    origin: String,
    size: u64,
    root: Hash,
    which: String,
    since: Option<Checkpoint>,
}

/// Verifies a log. `progress` is told the entries read and the entries in all.
///
/// # Errors
/// [`VerifyError`]; [`VerifyError::is_finding`] tells a log that is wrong from one that is out of
/// reach.
pub fn verify(
    config: &VerifyConfig,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, VerifyError> {
    let reach = Reach::open(&config.source)?;
    let mut report = VerifyReport::default();
    let vkey = match &config.vkey {
        Some(text) => Some(VerifierKey::parse(text.trim())?),
        None => reach.vkey()?.map(|text| VerifierKey::parse(text.trim())).transpose()?,
    };
    if config.vkey.is_none() {
        report.own_vkey = vkey.as_ref().map(ToString::to_string);
    }
    let since = match (&config.since, &vkey) {
        (None, _) => None,
        (Some(note), Some(vkey)) => Some(open_checkpoint(note, vkey, "the earlier checkpoint")?),
        (Some(_), None) => return Err(VerifyError::NoKey),
    };
    let target = match &reach {
        Reach::Ledger(ledger) => ledger.target(since),
        Reach::Http(..) | Reach::Tiles(_) => {
            let vkey = vkey.as_ref().ok_or(VerifyError::NoKey)?;
            let note = text(reach.file("checkpoint", MAX_NOTE_BYTES)?, "checkpoint")?;
            let Checkpoint { origin, size, root } = open_checkpoint(&note, vkey, "the checkpoint")?;
            report.checkpoint = Some(note);
            Target { origin, size, root, which: "the checkpoint".to_owned(), since }
        }
    };
    walk(&reach, &target, &mut report, progress)?;
    Ok(VerifyReport {
        origin: target.origin,
        size: target.size,
        root: target.root,
        since: target.since.map(|since| since.size),
        ..report
    })
}

fn open_checkpoint(note: &str, vkey: &VerifierKey, which: &str) -> Result<Checkpoint, VerifyError> {
    let opened = Note::parse(note).map_err(CheckpointError::from);
    opened
        .and_then(|note| Checkpoint::open(&note, vkey))
        .map_err(|source| VerifyError::Checkpoint { which: which.to_owned(), source })
}

/// Reads every bundle once, and every tile once as soon as its hashes are known.
fn walk(
    reach: &Reach,
    target: &Target,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), VerifyError> {
    let earlier = target.since.as_ref().map(|since| (since.size, since.root));
    if let Some((earlier, _)) = earlier.filter(|(earlier, _)| *earlier > target.size) {
        return Err(VerifyError::Shrunk { size: target.size, earlier });
    }
    let which = target.which.clone();
    if target.size > MAX_TREE_SIZE {
        return Err(VerifyError::Root { size: target.size, which });
    }
    let mut tree =
        TileComparison { reach, size: target.size, edge: Edge::default(), rows: Vec::new() };
    check_earlier(earlier, &tree.edge)?;
    let mut draws = Draws::default();
    let bundles = (0..).map_while(|index| TileId::at(TileKind::Entries, index, target.size));
    for bundle in bundles {
        let (bytes, width) = reach.tile(&bundle, target.size, MAX_BUNDLE_BYTES)?;
        let leaves = tile::decode_bundle(&bytes, width)
            .map_err(|source| VerifyError::Bundle { tile: bundle, source })?;
        for (seq, leaf) in (bundle.first()..).zip(leaves).take(usize::from(bundle.width())) {
            if let Some((kind, json)) = public_part(Seq(seq), leaf)? {
                draws.check(Seq(seq), &kind, &json)?;
                *report.public.entry(kind).or_default() += 1;
            }
            report.hashes += tree.push(leaf_hash(leaf))?;
            check_earlier(earlier, &tree.edge)?;
        }
        progress(tree.edge.size(), target.size);
    }
    report.hashes += tree.finish()?;
    if tree.edge.root() == target.root {
        Ok(())
    } else {
        Err(VerifyError::Root { size: target.size, which })
    }
}

/// At the size of the earlier checkpoint the root must be the earlier one.
fn check_earlier(earlier: Option<(u64, Hash)>, edge: &Edge) -> Result<(), VerifyError> {
    match earlier {
        Some((size, root)) if size == edge.size() && root != edge.root() => {
            Err(VerifyError::Root { size, which: "the earlier checkpoint".to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// The rounds of the beacon that draws wait for, by the entries that fixed them.
#[derive(Default)]
struct Draws(BTreeMap<u64, u64>);

impl Draws {
    /// A draw that is held goes by the value that the beacon's network signed for its round.
    fn check(&mut self, seq: Seq, kind: &str, json: &Value) -> Result<(), VerifyError> {
        let number = |name| json.get(name).and_then(Value::as_u64);
        if kind == "draw.committed" {
            self.0.extend(number("round").map(|round| (seq.0, round)));
        }
        if kind != "draw.concluded" {
            return Ok(());
        }
        let round = number("commit").and_then(|commit| self.0.remove(&commit)).unwrap_or(0);
        let value = json.get("beacon").and_then(Value::as_str).unwrap_or_default();
        let value = HEXLOWER.decode(value.as_bytes()).unwrap_or_default();
        if beacon::is_genuine(round, &value) {
            return Ok(());
        }
        let reason = format!("it draws by a value that the beacon did not sign for round {round}");
        Err(VerifyError::Leaf { seq, reason })
    }
}

/// The kind of a public leaf and its JSON; `None` for a sealed one.
fn public_part(seq: Seq, leaf: &[u8]) -> Result<Option<(String, Value)>, VerifyError> {
    let wrong = |reason: &str| VerifyError::Leaf { seq, reason: reason.to_owned() };
    match leaf {
        [1, 1, ..] if leaf.len() == SEALED_LEAF_BYTES => Ok(None),
        [1, 2, ..] => {
            let json =
                leaf.get(SEALED_LEAF_BYTES..).ok_or_else(|| wrong("its leaf is cut short"))?;
            let json: Value = serde_json::from_slice(json)
                .map_err(|error| wrong(&format!("its public part is not JSON: {error}")))?;
            match json.get("kind").and_then(Value::as_str) {
                Some(kind) if kind.len() <= 40 && kind.bytes().all(|b| b.is_ascii_graphic()) => {
                    Ok(Some((kind.to_owned(), json)))
                }
                Some(_) | None => Err(wrong("its public part names no kind")),
            }
        }
        _ => Err(wrong("its leaf is of an unknown form")),
    }
}

/// The tree over the leaves so far, and the hashes of the tile in hand at every level.
struct TileComparison<'a> {
    reach: &'a Reach,
    size: u64,
    edge: Edge,
    rows: Vec<OpenTile>,
}

#[derive(Default)]
struct OpenTile {
    tile: u64,
    hashes: Vec<Hash>,
}

impl TileComparison<'_> {
    /// Adds a leaf and compares the tiles that it fills; gives the number of hashes compared.
    fn push(&mut self, hash: Hash) -> Result<u64, VerifyError> {
        let rows = &mut self.rows;
        self.edge.push_with(hash, |level, hash| {
            let level = usize::from(level);
            if rows.len() <= level {
                rows.resize_with(level + 1, OpenTile::default);
            }
            if let Some(row) = rows.get_mut(level) {
                row.hashes.push(*hash);
            }
        });
        self.compare(usize::from(TILE_WIDTH))
    }

    /// Compares the partial tiles at the end.
    fn finish(&mut self) -> Result<u64, VerifyError> {
        self.compare(1)
    }

    fn compare(&mut self, at_least: usize) -> Result<u64, VerifyError> {
        let mut compared = 0;
        for (level, row) in (0..).zip(&mut self.rows) {
            if row.hashes.len() < at_least {
                continue;
            }
            let (first, kind) = (row.tile * u64::from(TILE_WIDTH), TileKind::Hashes(level));
            let Some(tile) = TileId::at(kind, row.tile, self.size) else { continue };
            let (bytes, width) = self.reach.tile(&tile, self.size, TILE_BYTES)?;
            if bytes.len() != usize::from(width) * HASH_BYTES {
                return Err(VerifyError::TileLength { tile, bytes: bytes.len() });
            }
            let found = bytes.as_chunks::<HASH_BYTES>().0;
            for (index, (due, found)) in (first..).zip(row.hashes.iter().zip(found)) {
                if due != found {
                    return Err(VerifyError::Hash { level, index });
                }
            }
            compared += row.hashes.len() as u64;
            *row = OpenTile { tile: row.tile + 1, hashes: Vec::new() };
        }
        Ok(compared)
    }
}

/// A source that is open.
enum Reach {
    Http(Box<ureq::Agent>, String),
    Tiles(PathBuf),
    Ledger(Box<LedgerParts>),
}

impl Reach {
    fn open(source: &Source) -> Result<Self, VerifyError> {
        match source {
            Source::Url(url) => {
                // A log answers where it is asked: a way to elsewhere is none.
                let config = ureq::Agent::config_builder()
                    .timeout_global(Some(REQUEST_TIMEOUT))
                    .max_redirects(0)
                    .http_status_as_error(false)
                    .build();
                let url = url.trim_end_matches('/').to_owned();
                Ok(Self::Http(Box::new(ureq::Agent::new_with_config(config)), url))
            }
            Source::Tiles(folder) => Ok(Self::Tiles(folder.clone())),
            Source::Ledger { data_folder, origin, vkey } => {
                let parts = LedgerParts::open(data_folder, origin, vkey)?;
                Ok(Self::Ledger(Box::new(parts)))
            }
        }
    }

    /// The verifier key that the source itself names.
    fn vkey(&self) -> Result<Option<String>, VerifyError> {
        if let Self::Ledger(parts) = self {
            return Ok(Some(parts.vkey.clone()));
        }
        match self.read("vkey", MAX_VKEY_BYTES)? {
            Some(bytes) => text(bytes, "vkey").map(Some),
            None => Ok(None),
        }
    }

    fn file(&self, path: &str, most_bytes: usize) -> Result<Vec<u8>, VerifyError> {
        self.read(path, most_bytes)?.ok_or_else(|| VerifyError::Missing { what: self.name(path) })
    }

    /// The bytes of a tile and how many hashes or entries they hold. A server may have dropped a
    /// partial tile once the full one was there (C2SP tlog-tiles).
    fn tile(
        &self,
        tile: &TileId,
        size: u64,
        most_bytes: usize,
    ) -> Result<(Vec<u8>, u16), VerifyError> {
        if let Self::Ledger(ledger) = self {
            return ledger.tile(tile, size).map(|bytes| (bytes, tile.width()));
        }
        let path = tile.to_string();
        if let Some(bytes) = self.read(&path, most_bytes)? {
            return Ok((bytes, tile.width()));
        }
        let missing = VerifyError::Missing { what: self.name(&path) };
        let full = TileId::new(tile.kind(), tile.index(), TILE_WIDTH);
        match full {
            Ok(full) if full != *tile => {
                let bytes = self.read(&full.to_string(), most_bytes)?.ok_or(missing)?;
                Ok((bytes, TILE_WIDTH))
            }
            _ => Err(missing),
        }
    }

    fn name(&self, path: &str) -> String {
        match self {
            Self::Http(_, url) => format!("{url}/{path}"),
            Self::Tiles(folder) => folder.join(path).display().to_string(),
            Self::Ledger(_) => path.to_owned(),
        }
    }

    /// At most so many bytes of a part, or `None` where the source has no such part.
    fn read(&self, path: &str, most_bytes: usize) -> Result<Option<Vec<u8>>, VerifyError> {
        let what = self.name(path);
        let unread = |reason: String| VerifyError::Read { what: what.clone(), reason };
        let most = most_bytes as u64;
        match self {
            Self::Http(agent, url) => {
                let asked = agent.get(format!("{url}/{path}")).call();
                let mut answer = asked.map_err(|error| unread(error.to_string()))?;
                match answer.status().as_u16() {
                    200 => {
                        let body = answer.body_mut().with_config().limit(most).read_to_vec();
                        body.map(Some).map_err(|error| unread(error.to_string()))
                    }
                    404 | 410 => Ok(None),
                    status => Err(unread(format!("the server answers with status {status}"))),
                }
            }
            Self::Tiles(folder) => match read_file(&folder.join(path), most) {
                Ok(bytes) if bytes.len() > most_bytes => {
                    Err(unread(format!("it is longer than {most} bytes")))
                }
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unread(error.to_string())),
            },
            Self::Ledger(_) => Ok(None),
        }
    }
}

/// A file, or one byte more than allowed of it.
fn read_file(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most_bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, VerifyError> {
    String::from_utf8(bytes)
        .map_err(|_| VerifyError::Read { what: what.to_owned(), reason: "not UTF-8".to_owned() })
}

/// A ledger's own files: the same parts before they are served. They hold no signature.
struct LedgerParts {
    reader: LogReader,
    levels: PathBuf,
    origin: String,
    vkey: String,
    size: u64,
    root: Hash,
}

impl LedgerParts {
    fn open(data_folder: &Path, origin: &str, vkey: &str) -> Result<Self, VerifyError> {
        let ledger = LedgerId::of_origin(origin);
        let config = LogConfig::of(data_folder, ledger);
        let inspection = log::inspect(&RealDisk, &config, |_| Ok(()))?;
        // Past the lock nothing is published yet, and the level files may be behind.
        let locked = inspection.locked.map(|locked| (locked.size.0, locked.root));
        let (size, root) = locked.unwrap_or((0, empty_root()));
        let levels = data_folder.join(LOG_FOLDER).join(log::levels::LEVELS_FOLDER);
        let (origin, vkey) = (origin.to_owned(), vkey.to_owned());
        Ok(Self { reader: inspection.reader, levels, origin, vkey, size, root })
    }

    fn target(&self, since: Option<Checkpoint>) -> Target {
        let (origin, which) = (self.origin.clone(), "the lock".to_owned());
        Target { origin, size: self.size, root: self.root, which, since }
    }

    fn tile(&self, tile: &TileId, size: u64) -> Result<Vec<u8>, VerifyError> {
        match tile.kind() {
            TileKind::Entries => self.bundle(tile, size),
            TileKind::Hashes(level) => {
                let path = self.levels.join(level.to_string());
                let unread = |error: io::Error| VerifyError::Read {
                    what: path.display().to_string(),
                    reason: error.to_string(),
                };
                let mut file = File::open(&path).map_err(unread)?;
                let start = tile.first() * HASH_BYTES as u64;
                io::Seek::seek(&mut file, io::SeekFrom::Start(start)).map_err(unread)?;
                let mut bytes = Vec::new();
                let width_bytes = u64::from(tile.width()) * HASH_BYTES as u64;
                file.take(width_bytes).read_to_end(&mut bytes).map_err(unread)?;
                Ok(bytes)
            }
        }
    }

    fn bundle(&self, tile: &TileId, size: u64) -> Result<Vec<u8>, VerifyError> {
        let end = (tile.first() + u64::from(tile.width())).min(size);
        let mut leaves = Vec::new();
        for seq in (tile.first()..end).map(Seq) {
            let wrong = |reason: String| VerifyError::Leaf { seq, reason };
            let bytes = self.reader.entry(seq)?.ok_or_else(|| wrong("it is missing".to_owned()))?;
            let parsed = parse_entry(seq, &bytes).map_err(|error| wrong(error.to_string()))?;
            leaves.push(parsed.0.leaf());
        }
        tile::encode_bundle(&leaves).map_err(|source| VerifyError::Bundle { tile: *tile, source })
    }
}

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptReport {
    /// The log's origin.
    pub origin: String,
    /// The entry.
    pub seq: Seq,
    /// Entries under the checkpoint that the receipt carries.
    pub size: u64,
    /// What the entry says, where the receipt opens it.
    pub opened: Option<Accounting>,
    /// How the resident agreed, where the entry keeps it.
    pub consent: Option<KeptConsent>,
}

/// Checks a receipt against the log's verifier key, without asking anyone. `keys` are public keys
/// of phones and of the ledger's `pin` role: with the right one the resident's consent is checked
/// too.
///
/// # Errors
/// [`VerifyError`]
pub fn check_receipt(
    receipt: &str,
    vkey: &str,
    keys: &[VerifyingKey],
) -> Result<ReceiptReport, VerifyError> {
    let vkey = VerifierKey::parse(vkey.trim())?;
    let receipt = Receipt::parse(receipt)?;
    let seq = Seq(receipt.index);
    let wrong = |reason: &str| VerifyError::Leaf { seq, reason: reason.to_owned() };
    let opened: Option<Opened> = cbor::from_bytes(&receipt.extra).ok();
    let leaf = match &opened {
        Some(opened) => opened.leaf(),
        None => leaf_alone(&receipt.extra).ok_or_else(|| wrong("the receipt carries no leaf"))?,
    };
    // Nothing that the receipt says of the entry is believed before this.
    let checkpoint = receipt.verify(&leaf, &vkey)?;
    let Checkpoint { origin, size, .. } = checkpoint;
    let mut consent = None;
    let accounting = match opened {
        None => None,
        Some(opened) => {
            let accounting: Accounting = cbor::from_bytes(&opened.accounting.0)
                .map_err(|error| wrong(&format!("its accounting part: {error}")))?;
            let read = statement::read(&accounting.statement.0);
            let (_, kept) = read.map_err(|error| wrong(&error.to_string()))?;
            if accounting.seq != seq || kept.core.ledger != LedgerId::of_origin(&origin) {
                return Err(wrong("its accounting part speaks of another entry"));
            }
            consent = kept_consent(&accounting, &kept, keys).map_err(|what| {
                wrong(&format!("the signature of its {what} is not by the key that was given"))
            })?;
            Some(accounting)
        }
    };
    Ok(ReceiptReport { origin, seq, size, opened: accounting, consent })
}

/// The leaf of a receipt that does not open the entry: an array of one byte string.
fn leaf_alone(extra: &[u8]) -> Option<Vec<u8>> {
    let mut reader = cbor::Reader::new(extra);
    reader.array_of(1, "leaf").ok()?;
    let leaf = reader.bytes().ok()?.to_vec();
    reader.end().ok()?;
    Some(leaf)
}

/// Whether a folder is a ledger's data folder rather than one of tiles.
#[must_use]
pub fn is_data_folder(folder: &Path) -> bool {
    fs::metadata(folder.join(LOG_FOLDER)).is_ok_and(|found| found.is_dir())
}
