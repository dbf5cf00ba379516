//! Trees, tiles, notes, checkpoints and receipts against published vectors and independent crates.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::SigningKey;
use ledger_spec::{
    checkpoint::{Checkpoint, CheckpointError},
    ids::Hash,
    merkle::{
        Edge, MAX_TREE_SIZE, ProofError, empty_root, leaf_hash, root_of, verify_consistency,
        verify_inclusion,
    },
    note::{
        KeyType, MAX_NOTE_BYTES, MAX_SIGNATURES, MAX_TIME_S, Note, NoteError, NoteSignature,
        VerifierKey,
    },
    prove::{HashSource, ProveError, check_upper_levels, consistency_proof, edge, inclusion_proof},
    receipt::{MAX_EXTRA_BYTES, Receipt, ReceiptError},
    tile::{TileError, TileId, TileKind, decode_bundle, encode_bundle, width_at},
};
use proptest::prelude::*;
use serde_json::Value;

// A log in memory, as a server packs it: one list of hashes a level.

#[derive(Default)]
struct Log {
    edge: Edge,
    levels: Vec<Vec<Hash>>,
    reads: RefCell<BTreeMap<TileId, u32>>,
}

impl Log {
    fn of(size: u64) -> Self {
        let mut log = Self::default();
        (0..size).for_each(|index| log.push(index));
        log
    }

    fn push(&mut self, index: u64) {
        let levels = &mut self.levels;
        self.edge.push_with(leaf_hash(&leaf(index)), |level, hash| {
            levels.resize_with(levels.len().max(usize::from(level) + 1), Vec::new);
            levels[usize::from(level)].push(*hash);
        });
    }
}

impl HashSource for Log {
    type Error = Infallible;

    fn tile(&self, tile: &TileId) -> Result<Vec<Hash>, Infallible> {
        *self.reads.borrow_mut().entry(*tile).or_default() += 1;
        let first = usize::try_from(tile.first()).unwrap_or(usize::MAX);
        let level = &self.levels[usize::from(tile.kind().level())];
        Ok(level[first..first + usize::from(tile.width())].to_vec())
    }
}

fn leaf(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

// The oracles.

#[derive(Default)]
struct StoredHashes(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for StoredHashes {
    fn read_hashes(
        &self,
        indexes: &[u64],
    ) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

struct Oracles {
    /// The root of every size so far.
    roots: Vec<Hash>,
    stored: StoredHashes,
    tree: MemoryBackedTree<sha2::Sha256, [u8; 8]>,
}

impl Oracles {
    fn empty() -> Self {
        let (stored, tree) = (StoredHashes::default(), MemoryBackedTree::new());
        Self { roots: vec![(*tree.root().as_bytes()).into()], stored, tree }
    }

    fn root(&self, size: u64) -> Hash {
        self.roots[usize::try_from(size).unwrap()]
    }

    fn push(&mut self, index: u64) {
        let hashes = tlog_tiles::stored_hashes(index, &leaf(index), &self.stored).unwrap();
        self.stored.0.extend(hashes);
        self.tree.push(leaf(index));
        self.roots.push((*self.tree.root().as_bytes()).into());
    }
}

/// Indexes and earlier sizes worth a look in a tree of this size: all of a small one, else the
/// borders.
fn places(size: u64) -> Vec<u64> {
    if size <= 40 {
        return (0..=size).collect();
    }
    let borders = [0, 1, 2, 3, 127, 128, 129, 255, 256, 257, 511, 512, 513, 65_279, 65_280];
    let late = [65_535, 65_536, 65_537, size / 2, size - 2, size - 1, size];
    let mut places: Vec<u64> = borders.into_iter().chain(late).filter(|&p| p <= size).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The proof with each hash altered, with one hash more, and with the last one missing.
fn corrupted(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[[7; 32]]].concat()];
    for place in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[place][place % 32] ^= 1;
        all.push(flipped);
    }
    all.extend(proof.split_last().map(|(_, missing_last)| missing_last.to_vec()));
    all
}

fn check_inclusion(log: &Log, oracles: &Oracles, index: u64, size: u64) {
    let root = oracles.root(size);
    let proof = inclusion_proof(log, index, size).unwrap();
    let hash = leaf_hash(&leaf(index));
    assert_eq!(verify_inclusion(&hash, index, size, &proof, &root), Ok(()), "{index} of {size}");

    let theirs = oracles.tree.prove_inclusion(usize::try_from(index).unwrap());
    assert_eq!(proof.concat(), theirs.as_bytes(), "ct-merkle, {index} of {size}");
    let tlog_proof = proof.iter().map(|hash| tlog_tiles::Hash(*hash)).collect();
    let tlog_root = tlog_tiles::Hash(root);
    tlog_tiles::check_record(&tlog_proof, size, tlog_root, index, tlog_tiles::Hash(hash)).unwrap();

    for bad in corrupted(&proof) {
        assert!(verify_inclusion(&hash, index, size, &bad, &root).is_err(), "{index} of {size}");
    }
    let neighbour = if index + 1 < size { index + 1 } else { index.wrapping_sub(1) };
    for (hash, index, root) in
        [(leaf_hash(b"other"), index, root), (hash, neighbour, root), (hash, index, [9; 32])]
    {
        assert!(verify_inclusion(&hash, index, size, &proof, &root).is_err(), "{index} of {size}");
    }
}

fn check_consistency(log: &Log, oracles: &Oracles, old: u64, new: u64) {
    let (old_root, new_root) = (oracles.root(old), oracles.root(new));
    let proof = consistency_proof(log, old, new).unwrap();
    assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()), "{old} → {new}");
    if 0 < old {
        let theirs = tlog_tiles::prove_tree(new, old, &oracles.stored).unwrap();
        let theirs: Vec<Hash> = theirs.into_iter().map(|hash| hash.0).collect();
        assert_eq!(proof, theirs, "tlog_tiles, {old} → {new}");
    }
    for bad in corrupted(&proof) {
        assert!(verify_consistency(old, &old_root, new, &new_root, &bad).is_err(), "{old} → {new}");
    }
    let other = [9; 32];
    assert!(verify_consistency(old, &other, new, &new_root, &proof).is_err(), "{old} → {new}");
    // Every tree grows out of the empty one; nothing else is known about its root.
    assert_eq!(
        verify_consistency(old, &old_root, new, &other, &proof).is_ok(),
        old == 0 && new > 0,
        "{old} → {new}"
    );
}

fn check_sizes(log: &Log, last: u64, wanted: impl Fn(u64) -> bool) {
    let mut oracles = Oracles::empty();
    for size in 0..=last {
        if size > 0 {
            oracles.push(size - 1);
        }
        if !wanted(size) {
            continue;
        }
        assert_eq!(edge(log, size).unwrap().root(), oracles.root(size), "root of {size}");
        for place in places(size) {
            check_consistency(log, &oracles, place, size);
            if place < size {
                check_inclusion(log, &oracles, place, size);
            }
        }
    }
}

#[test]
fn proofs_of_small_trees_equal_those_of_two_independent_crates() {
    // Proofs for every size come out of one packed log that has grown past it.
    check_sizes(&Log::of(700), 600, |_| true);
}

#[test]
fn proofs_around_the_third_level_equal_those_of_two_independent_crates() {
    let sizes = [65_279, 65_280, 65_535, 65_536, 65_537, 65_792, 66_000];
    check_sizes(&Log::of(66_100), 66_000, |size| sizes.contains(&size));
}

#[test]
fn a_proof_reads_each_tile_once_and_two_a_level_at_most() {
    let log = Log::of(70_000);
    for (old, size) in [(0, 70_000), (300, 70_000), (65_536, 65_537), (69_999, 70_000)] {
        for prove in [inclusion_proof::<Log>, consistency_proof::<Log>] {
            log.reads.borrow_mut().clear();
            prove(&log, old, size).unwrap();
            let reads = log.reads.borrow();
            assert!(reads.values().all(|&times| times == 1), "{old} of {size}: {reads:?}");
            for level in 0..3 {
                let tiles = reads.keys().filter(|tile| tile.kind().level() == level).count();
                assert!(tiles <= 2, "{old} of {size}: {reads:?}");
            }
        }
    }
}

#[test]
fn an_edge_read_from_tiles_goes_on_growing_like_the_first() {
    let log = Log::of(600);
    let mut grown = Edge::default();
    let mut hashes = Vec::new();
    for index in 0..600 {
        assert_eq!(edge(&log, index).unwrap(), grown);
        assert_eq!(grown.root(), root_of(&hashes), "{index}");
        grown.push(leaf_hash(&leaf(index)));
        hashes.push(leaf_hash(&leaf(index)));
        assert_eq!(grown.size(), index + 1);
    }
}

#[test]
fn upper_tiles_are_the_roots_of_the_tiles_below() {
    let mut log = Log::of(66_000);
    assert_eq!(log.levels.iter().map(Vec::len).collect::<Vec<_>>(), [66_000, 257, 1]);
    assert_eq!(check_upper_levels(&log, 66_000), Ok(()));
    for (level, place, refused) in [
        (1, 256, ProveError::UpperTile { level: 1, index: 256 }),
        (2, 0, ProveError::UpperTile { level: 2, index: 0 }),
        (0, 300, ProveError::UpperTile { level: 1, index: 1 }),
    ] {
        log.levels[level][place][31] ^= 1;
        assert_eq!(check_upper_levels(&log, 66_000), Err(refused), "level {level}");
        log.levels[level][place][31] ^= 1;
    }
}

#[test]
fn proofs_that_cannot_be_are_not_built() {
    let log = Log::of(10);
    let out_of_range = |of, size| Err(ProveError::OutOfRange { of, size });
    assert_eq!(inclusion_proof(&log, 10, 10), out_of_range(10, 10));
    assert_eq!(inclusion_proof(&log, 0, 0), out_of_range(0, 0));
    assert_eq!(inclusion_proof(&log, 0, u64::MAX), out_of_range(0, u64::MAX));
    assert_eq!(consistency_proof(&log, 10, 9), out_of_range(10, 9));
    assert_eq!(consistency_proof(&log, 0, MAX_TREE_SIZE + 1), out_of_range(0, MAX_TREE_SIZE + 1));
    assert_eq!(edge(&log, u64::MAX), Err(ProveError::OutOfRange { of: u64::MAX, size: u64::MAX }));

    struct OneHash;
    impl HashSource for OneHash {
        type Error = Infallible;
        fn tile(&self, _: &TileId) -> Result<Vec<Hash>, Infallible> {
            Ok(vec![[0; 32]])
        }
    }
    let tile = TileId::new(TileKind::Hashes(0), 0, 3).unwrap();
    assert_eq!(inclusion_proof(&OneHash, 0, 3), Err(ProveError::Width { tile, got: 1 }));
}

#[test]
fn the_largest_trees_are_checked_without_overflow() {
    let check = |index, size, hashes: usize, expected| {
        let proof = vec![[1; 32]; hashes];
        let got = verify_inclusion(&[0; 32], index, size, &proof, &[0; 32]);
        assert_eq!(got, Err(expected), "{index} of {size} with {hashes}");
    };
    check(u64::MAX, u64::MAX, 64, ProofError::IndexOutOfRange { index: u64::MAX, size: u64::MAX });
    check(u64::MAX - 1, u64::MAX, 63, ProofError::RootMismatch);
    check(0, u64::MAX, 64, ProofError::RootMismatch);
    check(0, u64::MAX, 63, ProofError::WrongLength);
    check(0, u64::MAX, 65, ProofError::WrongLength);
    check(0, 1, 1, ProofError::WrongLength);
    check(0, 0, 0, ProofError::IndexOutOfRange { index: 0, size: 0 });
}

#[test]
fn the_empty_tree_has_one_root() {
    let empty = empty_root();
    let check = |old_root: &Hash, new, new_root: &Hash, expected| {
        assert_eq!(verify_consistency(0, old_root, new, new_root, &[]), expected);
    };
    check(&empty, 0, &empty, Ok(()));
    check(&empty, 5, &[1; 32], Ok(()));
    check(&[1; 32], 5, &[1; 32], Err(ProofError::RootMismatch));
    check(&[1; 32], 0, &[1; 32], Err(ProofError::RootMismatch));
    check(&empty, 0, &[1; 32], Err(ProofError::RootMismatch));
    let shrunk = Err(ProofError::Shrunk { old_size: 2, new_size: 1 });
    assert_eq!(verify_consistency(2, &empty, 1, &empty, &[]), shrunk);
}

// Tiles.

#[test]
fn tiles_have_one_path() {
    let check = |kind, index, width, path: &str| {
        let tile = TileId::new(kind, index, width).unwrap();
        assert_eq!(tile.to_string(), path);
        assert_eq!(TileId::parse(path), Ok(tile));
    };
    check(TileKind::Hashes(0), 1_234_067, 256, "tile/0/x001/x234/067");
    check(TileKind::Hashes(0), 0, 256, "tile/0/000");
    check(TileKind::Hashes(0), 999, 255, "tile/0/999.p/255");
    check(TileKind::Hashes(1), 1000, 1, "tile/1/x001/000.p/1");
    check(TileKind::Hashes(63), 273, 112, "tile/63/273.p/112");
    check(TileKind::Entries, 0, 3, "tile/entries/000.p/3");
    check(TileKind::Entries, 1_000_000, 256, "tile/entries/x001/x000/000");
    let longest = "tile/entries/x072/x057/x594/x037/x927/935.p/255";
    check(TileKind::Entries, u64::MAX / 256, 255, longest);
}

#[test]
fn other_spellings_are_not_tiles() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/200/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile//000",
        "tile/data/000",
        "tile/8/0/x001/067",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/000/001",
        "tile/0/x001",
        "tile/0/x001/x234",
        "tile/0/x01/234",
        "tile/0/+01",
        "tile/0/x+01/234",
        "tile/0/000/",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/65537",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000 ",
        "tile/0/٠٠٠",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(TileId::parse(path), Err(TileError::Path), "{path}");
    }
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let check = |kind, index, expected: Option<&str>| {
        let tile = TileId::at(kind, index, 70_000);
        assert_eq!(tile.map(|tile| tile.to_string()).as_deref(), expected);
    };
    check(TileKind::Hashes(0), 272, Some("tile/0/272"));
    check(TileKind::Hashes(0), 273, Some("tile/0/273.p/112"));
    check(TileKind::Hashes(0), 274, None);
    check(TileKind::Hashes(1), 0, Some("tile/1/000"));
    check(TileKind::Hashes(1), 1, Some("tile/1/001.p/17"));
    check(TileKind::Hashes(2), 0, Some("tile/2/000.p/1"));
    check(TileKind::Hashes(3), 0, None);
    check(TileKind::Entries, 273, Some("tile/entries/273.p/112"));
    check(TileKind::Hashes(63), 0, None);
    check(TileKind::Hashes(64), 0, None);
    assert_eq!((width_at(0, 0, 256), width_at(1, 0, 256)), (256, 1));
    assert_eq!((width_at(7, 0, u64::MAX), width_at(7, 1, u64::MAX)), (255, 0));
    assert_eq!((width_at(0, u64::MAX, u64::MAX), width_at(255, 0, u64::MAX)), (0, 0));

    // A partial tile stays a part of every larger tree.
    let exists = |path: &str| {
        [69_999, 70_000, 80_000].map(|size| TileId::parse(path).unwrap().exists_at(size))
    };
    assert_eq!(exists("tile/0/273.p/112"), [false, true, true]);
    assert_eq!(exists("tile/0/273.p/111"), [true, true, true]);
    assert_eq!(exists("tile/0/273"), [false, false, true]);
    assert_eq!(exists("tile/2/000.p/2"), [false, false, false]);
}

#[test]
fn bundles_carry_entries_of_any_length_up_to_the_limit() {
    let longest = vec![7; 65_535];
    let entries: [&[u8]; 3] = [b"", b"one", &longest];
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(decode_bundle(&bundle, 3).unwrap(), entries);
    assert_eq!(decode_bundle(&bundle, 2), Err(TileError::BundleRest { bytes: 2 + 65_535 }));
    assert_eq!(decode_bundle(&bundle, 4), Err(TileError::BundleCut { entry: 3 }));
    let cut = &bundle[..bundle.len() - 1];
    assert_eq!(decode_bundle(cut, 3), Err(TileError::BundleCut { entry: 2 }));
    for width in [0, 257, u16::MAX] {
        let entries = usize::from(width);
        assert_eq!(decode_bundle(&bundle, width), Err(TileError::EntryCount { entries }));
    }
    let too_long = Err(TileError::EntryTooLong { bytes: 65_536 });
    assert_eq!(encode_bundle(&[vec![0; 65_536]]), too_long);
    assert_eq!(encode_bundle(&[[0]; 257]), Err(TileError::EntryCount { entries: 257 }));
    assert_eq!(encode_bundle::<[u8; 1]>(&[]), Err(TileError::EntryCount { entries: 0 }));
    assert!(encode_bundle(&[[0]; 256]).is_ok());
}

// Vectors.

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/transparency.json")).unwrap()
}

fn text<'v>(vectors: &'v Value, pointer: &str) -> &'v str {
    vectors.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}"))
}

fn seed(vectors: &Value, pointer: &str) -> SigningKey {
    let byte = vectors.pointer(pointer).and_then(Value::as_u64).unwrap();
    SigningKey::from_bytes(&[u8::try_from(byte).unwrap(); 32])
}

fn vkey(vectors: &Value, pointer: &str) -> VerifierKey {
    let key = VerifierKey::parse(text(vectors, pointer)).unwrap();
    assert_eq!(key.to_string(), text(vectors, pointer));
    key
}

#[test]
fn the_vector_log_is_reproduced_byte_for_byte() {
    let vectors = vectors();
    let entries: Vec<&str> =
        vectors["entries"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut edge = Edge::default();
    assert_eq!(BASE64.encode(&edge.root()), text(&vectors, "/empty_root_base64"));
    for (place, entry) in entries.iter().enumerate() {
        let hash = leaf_hash(entry.as_bytes());
        assert_eq!(HEXLOWER.encode(&hash), text(&vectors, &format!("/leaf_hashes/{place}")));
        edge.push(hash);
    }
    assert_eq!(BASE64.encode(&edge.root()), text(&vectors, "/root_base64"));
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(HEXLOWER.encode(&bundle), text(&vectors, "/bundle"));
    let path = TileId::at(TileKind::Entries, 0, 3).unwrap().to_string();
    assert_eq!(path, text(&vectors, "/bundle_path"));

    let origin = text(&vectors, "/origin").to_owned();
    let checkpoint = Checkpoint { origin, size: 3, root: edge.root() };
    let mut note = checkpoint.sign(&seed(&vectors, "/log/seed_byte")).unwrap();
    let time_s = vectors["witness"]["time_s"].as_u64().unwrap();
    let witness_key = seed(&vectors, "/witness/seed_byte");
    let name = text(&vectors, "/witness/name");
    note.add(NoteSignature::cosign(note.text(), name, &witness_key, time_s).unwrap()).unwrap();
    assert_eq!(note.to_string(), text(&vectors, "/checkpoint"));

    let (log, witness) = (vkey(&vectors, "/log/vkey"), vkey(&vectors, "/witness/vkey"));
    let opened = Note::parse(text(&vectors, "/checkpoint")).unwrap();
    assert_eq!(Checkpoint::open(&opened, &log), Ok(checkpoint));
    let times: Vec<_> =
        opened.verify(&[witness, log]).unwrap().iter().map(|verified| verified.time_s).collect();
    assert_eq!(times, [Some(time_s), None]);
}

#[test]
fn the_vector_receipt_proves_its_entry() {
    let vectors = vectors();
    let file = vector_receipt(&vectors);
    let receipt = Receipt::parse(&file).unwrap();
    assert_eq!(receipt.to_string(), file);
    assert_eq!(receipt.extra, text(&vectors, "/receipt/entry").as_bytes());
    let log = vkey(&vectors, "/log/vkey");
    let checkpoint = receipt.verify(&receipt.extra, &log).unwrap();
    assert_eq!((checkpoint.size, receipt.index), (3, 1));
    assert_eq!(receipt.verify(b"a", &log), Err(ProofError::RootMismatch.into()));
    let witness = vkey(&vectors, "/witness/vkey");
    let not_the_log = receipt.verify(b"b", &witness);
    assert!(matches!(not_the_log, Err(ReceiptError::Checkpoint(CheckpointError::OtherLog { .. }))));
}

fn vector_receipt(vectors: &Value) -> String {
    text(vectors, "/receipt/text_before_checkpoint").to_owned() + text(vectors, "/checkpoint")
}

#[test]
fn the_note_of_the_specification_verifies() {
    let vectors = vectors();
    let note = Note::parse(text(&vectors, "/specification_note/note")).unwrap();
    let key = vkey(&vectors, "/specification_note/vkey");
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&[key]).unwrap().len(), 1);
}

/// The story of a reader who knows the log and one witness: no single changed bit passes.
#[test]
fn any_flipped_bit_of_a_receipt_is_refused() {
    let vectors = vectors();
    let file = vector_receipt(&vectors);
    let keys = [vkey(&vectors, "/log/vkey"), vkey(&vectors, "/witness/vkey")];
    let accepted = |bytes: &[u8]| {
        let Ok(receipt) = core::str::from_utf8(bytes).map_err(drop).and_then(|file| {
            let receipt = Receipt::parse(file).map_err(drop)?;
            assert_eq!(receipt.to_string(), file);
            Ok(receipt)
        }) else {
            return false;
        };
        let Ok(note) = Note::parse(&receipt.checkpoint) else { return false };
        // The leaf is computed from the extra data, as a holder does.
        receipt.verify(&receipt.extra, &keys[0]).is_ok()
            && note.verify(&keys).is_ok_and(|verified| verified.len() == 2)
    };
    assert!(accepted(file.as_bytes()));
    for place in 0..file.len() {
        for bit in 0..8 {
            let mut bytes = file.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            assert!(!accepted(&bytes), "bit {bit} of byte {place}");
        }
        assert!(!accepted(&file.as_bytes()[..place]), "cut at {place}");
    }
    assert!(!accepted((file + "\n").as_bytes()));
}

// Notes.

fn signing_key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn verifier(name: &str, key_type: KeyType, byte: u8) -> VerifierKey {
    VerifierKey::new(name, key_type, signing_key(byte).verifying_key()).unwrap()
}

fn signed(text: &str, signers: &[(&str, u8)]) -> Note {
    let mut lines = signers
        .iter()
        .map(|(name, byte)| NoteSignature::sign(text, name, &signing_key(*byte)).unwrap());
    let mut note = Note::new(text, lines.next().unwrap()).unwrap();
    lines.for_each(|line| note.add(line).unwrap());
    note
}

#[test]
fn known_keys_decide_and_unknown_ones_are_ignored() {
    let [a, b, c] =
        [("a", 1), ("b", 2), ("c", 3)].map(|(name, byte)| verifier(name, KeyType::Ed25519, byte));
    let forged = |line: &str| {
        let good = signed("text\n", &[("a", 1), ("b", 2)]).to_string();
        let other = signed("other\n", &[("a", 1), ("b", 2)]).to_string();
        let pick = |note: &str| {
            note.lines().find(|l| l.starts_with(&format!("— {line} "))).unwrap().to_owned()
        };
        Note::parse(&good.replace(&pick(&good), &pick(&other))).unwrap()
    };
    let check = |note: &Note, keys: &[&VerifierKey], expected: Result<&[&str], NoteError>| {
        let keys: Vec<VerifierKey> = keys.iter().copied().cloned().collect();
        let names = note
            .verify(&keys)
            .map(|verified| verified.iter().map(|v| v.key.name()).collect::<Vec<_>>());
        assert_eq!(names.as_deref().map_err(Clone::clone), expected);
    };
    let note = signed("text\n", &[("a", 1), ("b", 2)]);
    check(&note, &[&a], Ok(&["a"]));
    check(&note, &[&b, &a], Ok(&["b", "a"]));
    check(&note, &[&a, &c], Ok(&["a"]));
    check(&note, &[&a, &a], Ok(&["a"]));
    check(&note, &[&c], Err(NoteError::NoKnownSignature));
    check(&note, &[], Err(NoteError::NoKnownSignature));
    // The same name with another key, and the same key under another name or type, are unknown.
    for stranger in [
        verifier("a", KeyType::Ed25519, 9),
        verifier("x", KeyType::Ed25519, 1),
        verifier("a", KeyType::CosignatureV1, 1),
    ] {
        check(&note, &[&stranger], Err(NoteError::NoKnownSignature));
    }
    // One bad line of a known key refuses the note, in whatever order; of an unknown key it is
    // nothing.
    let bad = |name: &str| Err(NoteError::BadSignature { name: name.to_owned() });
    check(&forged("a"), &[&a, &b], bad("a"));
    check(&forged("b"), &[&a, &b], bad("b"));
    check(&forged("b"), &[&a], Ok(&["a"]));
    // Also when the same key signed well on another line; signing well twice counts once.
    let mut twice = note;
    twice.add(forged("a").signatures()[0].clone()).unwrap();
    check(&twice, &[&a], bad("a"));
    check(&signed("text\n", &[("a", 1), ("a", 1)]), &[&a], Ok(&["a"]));
}

#[test]
fn a_cosignature_is_bound_to_its_time_and_its_key() {
    let key = verifier("w", KeyType::CosignatureV1, 2);
    let cosign = |time_s| NoteSignature::cosign("text\n", "w", &signing_key(2), time_s);
    let mut note = Note::new("text\n", cosign(5).unwrap()).unwrap();
    note.add(cosign(9).unwrap()).unwrap();
    note.add(cosign(7).unwrap()).unwrap();
    let verified = note.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(verified.iter().map(|v| v.time_s).collect::<Vec<_>>(), [Some(9)]);
    assert!(cosign(MAX_TIME_S).is_ok());
    assert_eq!(cosign(MAX_TIME_S + 1), Err(NoteError::Time));

    // A later time on the same signature, a time out of range, a signature cut short.
    let id = key.id().0;
    let check = |bytes: &[u8], expected: &NoteError| {
        let line = BASE64.encode(&[&id, bytes].concat());
        let note = Note::parse(&format!("text\n\n— w {line}\n")).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(&key)).as_ref(), Err(expected));
    };
    let line = cosign(5).unwrap().to_string();
    let signature = BASE64.decode(line.trim_end().rsplit(' ').next().unwrap().as_bytes()).unwrap();
    let bad = NoteError::BadSignature { name: "w".to_owned() };
    check(&[&6_u64.to_be_bytes(), &signature[12..]].concat(), &bad);
    check(&[&u64::MAX.to_be_bytes(), &signature[12..]].concat(), &NoteError::Time);
    check(&signature[4..75], &bad);
    check(&signature[4..11], &bad);
}

#[test]
fn notes_accept_the_named_number_of_signatures() {
    let line = |number: usize| {
        NoteSignature::sign("text\n", &format!("key{number}"), &signing_key(1)).unwrap()
    };
    let mut note = Note::new("text\n", line(0)).unwrap();
    for number in 1..MAX_SIGNATURES {
        note.add(line(number)).unwrap();
        assert_eq!(Note::parse(&note.to_string()).as_ref(), Ok(&note));
    }
    let full = note.clone();
    assert_eq!(note.add(line(64)), Err(NoteError::TooManySignatures));
    assert_eq!(note, full);
    let one_more = format!("{note}{}", line(64));
    assert_eq!(Note::parse(&one_more), Err(NoteError::TooManySignatures));
    // The sixteen that the specification demands fit with post-quantum length too.
    let long = BASE64.encode(&[1; 5000]);
    let many: String = (0..16).map(|number| format!("— key{number} {long}\n")).collect();
    assert!(Note::parse(&format!("text\n\n{many}")).is_ok());
    let bytes = MAX_NOTE_BYTES + 1;
    assert_eq!(Note::parse(&"a".repeat(bytes)), Err(NoteError::TooLong { bytes }));
}

#[test]
fn notes_of_another_form_are_refused() {
    let line = |number| NoteError::SignatureLine { line: number };
    let check = |note: &str, expected: NoteError| {
        assert_eq!(Note::parse(note), Err(expected), "{note:?}");
    };
    check("", NoteError::NoSignatures);
    check("text\n", NoteError::NoSignatures);
    check("text\n\n", NoteError::NoSignatures);
    check("text\n— a AAAAAAA=\n", NoteError::NoSignatures);
    check("\n— a AAAAAAA=\n", NoteError::NoSignatures);
    check("text\r\n\n— a AAAAAAA=\n", NoteError::ControlCharacter);
    check("te\0xt\n\n— a AAAAAAA=\n", NoteError::ControlCharacter);
    check("text\n\n— a AAAAAAA=", line(1));
    check("text\n\n- a AAAAAAA=\n", line(1));
    check("text\n\n—  a AAAAAAA=\n", line(1));
    check("text\n\n— a  AAAAAAA=\n", line(1));
    check("text\n\n— a AAAAAAA= \n", line(1));
    check("text\n\n—a AAAAAAA=\n", line(1));
    check("text\n\n— a+b AAAAAAA=\n", line(1));
    check("text\n\n— a\u{3000}b AAAAAAA=\n", line(1));
    check("text\n\n— a AAAAAA==\n", line(1)); // A key id without a signature.
    check("text\n\n— a AAAAAAA\n", line(1));
    check("text\n\n— a AAAAAAB=\n", line(1)); // Bits behind the end.
    check("text\n\n— a AA==AAAAAAA=\n", line(1)); // Padding within.
    check("text\n\n— a AAAAAAA=\nrest\n", line(2));
    check("text\n\n— a AAAAAAA=\n\n", NoteError::NoSignatures);
    // The last empty line splits; earlier ones belong to the text.
    let note = Note::parse("one\n\n— a AAAAAAA=\n\n\n— b AAAAAAA=\n").unwrap();
    assert_eq!(note.text(), "one\n\n— a AAAAAAA=\n\n");
    assert_eq!(note.signatures().len(), 1);
    assert_eq!(NoteSignature::sign("text", "a", &signing_key(1)), Err(NoteError::NoFinalNewline));
    let control = NoteSignature::sign("te\txt\n", "a", &signing_key(1));
    assert_eq!(control, Err(NoteError::ControlCharacter));
}

#[test]
fn verifier_keys_of_another_form_are_refused() {
    let vectors = vectors();
    let good = text(&vectors, "/log/vkey");
    let check = |vkey: &str, expected: NoteError| {
        assert_eq!(VerifierKey::parse(vkey), Err(expected), "{vkey}");
    };
    check("", NoteError::VerifierKey);
    check("name", NoteError::VerifierKey);
    check("name+c2e1ff58", NoteError::VerifierKey);
    check(&good.replace("c2e1", "C2E1"), NoteError::VerifierKey);
    check(&good.replace("c2e1ff58", "c2e1ff"), NoteError::KeyIdMismatch);
    check(&good.replace("c2e1", "c2e2"), NoteError::KeyIdMismatch);
    check(&good.replace("mileage", "mileagE"), NoteError::KeyIdMismatch);
    check(&good.replace("+AYq", "+BYq"), NoteError::KeyType { found: 5 });
    check(&good.replace("D29c", "D28="), NoteError::VerifierKey);
    check(&good.replace("ledger.example/mileage", ""), NoteError::KeyName);
    check(&good.replace("ledger.example", "ledger example"), NoteError::KeyName);
    check(&"a".repeat(600), NoteError::VerifierKey);
    // The neutral element: anyone can sign under it.
    let mut neutral = [0; 33];
    (neutral[0], neutral[1]) = (1, 1);
    check(&format!("a+00000000+{}", BASE64.encode(&neutral)), NoteError::WeakKey);
    let long = verifier(&"a".repeat(255), KeyType::Ed25519, 1).to_string();
    assert_eq!(VerifierKey::parse(&long).unwrap().to_string(), long);
    let too_long =
        VerifierKey::new(&"a".repeat(256), KeyType::Ed25519, *vkey(&vectors, "/log/vkey").key());
    assert_eq!(too_long, Err(NoteError::KeyName));
}

// Checkpoints and receipts.

#[test]
fn checkpoints_have_exactly_three_lines() {
    const ROOT: &str = "NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=";
    let empty = BASE64.encode(&empty_root());
    let check = |text: String, expected: CheckpointError| {
        assert_eq!(Checkpoint::parse(&text), Err(expected), "{text:?}");
    };
    check(String::new(), CheckpointError::Lines);
    check(format!("o\n3\n{ROOT}"), CheckpointError::Lines);
    check("o\n3\n".into(), CheckpointError::Lines);
    check(format!("o\n3\n{ROOT}\nextension\n"), CheckpointError::Lines);
    check(format!("o\n3\n{ROOT}\n\n"), CheckpointError::Lines);
    check(format!("\n3\n{ROOT}\n"), CheckpointError::Origin);
    check(format!("{}\n3\n{ROOT}\n", "o".repeat(256)), CheckpointError::Origin);
    for size in ["", "03", "+3", "-3", " 3", "3 ", "0x3", "3.0", "18446744073709551616", "٣"] {
        check(format!("o\n{size}\n{ROOT}\n"), CheckpointError::Size);
    }
    for root in ["", "AAAA", &ROOT[..43], &ROOT.replace("E=", "F="), &ROOT.replace('/', "_")] {
        check(format!("o\n3\n{root}\n"), CheckpointError::Root);
    }
    check(format!("o\n0\n{ROOT}\n"), CheckpointError::EmptyTreeRoot);
    for text in [format!("o\n0\n{empty}\n"), format!("o\n{}\n{ROOT}\n", u64::MAX)] {
        assert_eq!(Checkpoint::parse(&text).unwrap().to_string(), text);
    }
}

#[test]
fn a_checkpoint_of_another_log_does_not_open() {
    let checkpoint = Checkpoint { origin: "b".into(), size: 0, root: empty_root() };
    // The right key signs a checkpoint that names another log.
    let note = signed(&checkpoint.to_string(), &[("a", 1)]);
    let other = CheckpointError::OtherLog { expected: "a".into(), found: "b".into() };
    assert_eq!(Checkpoint::open(&note, &verifier("a", KeyType::Ed25519, 1)), Err(other));
    let bad_name = Checkpoint { origin: "a b".into(), size: 0, root: empty_root() };
    assert_eq!(bad_name.sign(&signing_key(1)), Err(CheckpointError::Note(NoteError::KeyName)));
}

#[test]
fn receipts_of_another_form_are_refused() {
    let good = vector_receipt(&vectors());
    let hash = "Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=\n";
    let check = |from: &str, to: &str, expected: ReceiptError| {
        assert_eq!(Receipt::parse(&good.replacen(from, to, 1)), Err(expected), "{from:?} → {to:?}");
    };
    check("@v1", "@v2", ReceiptError::FirstLine);
    check("extra Yg==", "extra ", ReceiptError::Extra);
    check("extra Yg==", "extra Yh==", ReceiptError::Extra);
    check("extra Yg==", "extra Yg==Yg==", ReceiptError::Extra);
    check("extra Yg==", "extra Yg==\nextra Yg==", ReceiptError::Index);
    check("extra Yg==", "other Yg==", ReceiptError::Index);
    check("index 1", "index 01", ReceiptError::Index);
    check("index 1", "index -1", ReceiptError::Index);
    check("index 1\n", "", ReceiptError::Index);
    check(hash, "AAAA\n", ReceiptError::ProofHash { line: 1 });
    check(hash, &format!("{hash}{}", hash.repeat(63)), ReceiptError::TooManyHashes);
    check("\n\nledger", "\nledger", ReceiptError::ProofHash { line: 3 });
    check("\n3\n", "\n03\n", CheckpointError::Size.into());
    assert_eq!(
        Receipt::parse("c2sp.org/tlog-proof@v1\nindex 1\n"),
        Err(ReceiptError::NoCheckpoint)
    );
    let long = BASE64.encode(&vec![0; MAX_EXTRA_BYTES + 1]);
    check("Yg==", &long, ReceiptError::Extra);
    let bytes = 300_000;
    assert_eq!(Receipt::parse(&"a".repeat(bytes)), Err(ReceiptError::TooLong { bytes }));
    // The largest of everything at once is still one receipt.
    let largest = good.replacen("Yg==", &BASE64.encode(&vec![0; MAX_EXTRA_BYTES]), 1).replacen(
        hash,
        &hash.repeat(63),
        1,
    );
    assert_eq!(Receipt::parse(&largest).unwrap().proof.len(), 64);
    // Without extra data the line is left out.
    let bare = good.replacen("extra Yg==\n", "", 1);
    assert_eq!(Receipt::parse(&bare).unwrap().to_string(), bare);
}

// Whatever comes in, reading never panics, and what is accepted has one spelling.

fn check_readers(input: &str) {
    let one_spelling = |again: Option<String>| {
        assert!(again.is_none_or(|again| again == input), "{input:?}");
    };
    one_spelling(TileId::parse(input).ok().map(|tile| tile.to_string()));
    one_spelling(VerifierKey::parse(input).ok().map(|key| key.to_string()));
    one_spelling(Note::parse(input).ok().map(|note| note.to_string()));
    one_spelling(Checkpoint::parse(input).ok().map(|checkpoint| checkpoint.to_string()));
    one_spelling(Receipt::parse(input).ok().map(|receipt| receipt.to_string()));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn readers_survive_any_text(input in any::<String>()) {
        check_readers(&input);
    }

    #[test]
    fn readers_survive_nearly_right_texts(
        which in 0..5_usize,
        place in any::<prop::sample::Index>(),
        removed in 0..3_usize,
        inserted in "[\n +=/.0-9A-Za-zx—]{0,3}",
    ) {
        let vectors = vectors();
        let right = [
            "tile/0/x001/x234/067.p/17".to_owned(),
            text(&vectors, "/log/vkey").to_owned(),
            text(&vectors, "/checkpoint").to_owned(),
            text(&vectors, "/checkpoint").split_once("\n\n").unwrap().0.to_owned() + "\n",
            vector_receipt(&vectors),
        ];
        let mut characters: Vec<char> = right[which].chars().collect();
        let place = place.index(characters.len());
        let end = characters.len().min(place + removed);
        characters.splice(place..end, inserted.chars());
        check_readers(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn tile_paths_are_strict(path in "tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        check_readers(&path);
    }

    #[test]
    fn every_tile_has_a_path(
        level in 0..=63_u8, index in 0..=u64::MAX / 256, shift in 0..56, width in 1..=256_u16,
    ) {
        for kind in [TileKind::Hashes(level), TileKind::Entries] {
            let tile = TileId::new(kind, index >> shift, width).unwrap();
            prop_assert_eq!(TileId::parse(&tile.to_string()), Ok(tile));
        }
    }

    #[test]
    fn bundles_survive_any_bytes(bytes in prop::collection::vec(0..4_u8, 0..64), width in 0..20_u16) {
        if let Ok(entries) = decode_bundle(&bytes, width) {
            prop_assert_eq!(encode_bundle(&entries), Ok(bytes.clone()));
        }
    }

    #[test]
    fn proof_checks_survive_any_numbers(
        (a, b) in (any::<u64>(), any::<u64>()), shift in 0..64,
        proof in prop::collection::vec(any::<Hash>(), 0..70),
    ) {
        for (a, b) in [(a, b), (a >> shift, b), (a, b >> shift), (a >> shift, b >> shift), (a, a)] {
            prop_assert!(verify_inclusion(&[0; 32], a, b, &proof, &[1; 32]).is_err());
            prop_assert!(verify_consistency(a, &[0; 32], b, &[1; 32], &proof).is_err());
        }
    }
}
