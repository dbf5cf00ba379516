//! The public check: what a stranger sees of a log, and what becomes of it when a single thing is
//! changed.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use kenmai::config::LedgerFile;
use kenmai::verify::{Source, VerifyConfig, VerifyError, VerifyReport, check_receipt, verify};
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::ids::Seq;
use ledger_spec::kinds::{AccountOpen, Body};
use ledger_spec::note::{KeyType, Note, VerifierKey};
use ledger_spec::tile::{TileId, TileKind};
use tempfile::TempDir;

use crate::city::{City, ORIGIN, account, key};

/// A city with more entries than a tile holds.
fn large_city() -> City {
    let mut city = City::settled();
    city.live();
    for number in 0..250 {
        let account = account(&format!("resident {number}"));
        city.must("staff", Body::AccountOpen(AccountOpen { account }));
    }
    city
}

/// Writes what a log serves at this size into a folder, in the layout of C2SP tlog-tiles.
fn export(city: &City, folder: &Path) {
    let head = city.engine().head().unwrap();
    let put = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("checkpoint", head.note.as_bytes());
    put("vkey", format!("{}\n", city.engine().verifier()).as_bytes());
    for kind in [TileKind::Entries, TileKind::Hashes(0), TileKind::Hashes(1)] {
        for tile in (0..).map_while(|index| TileId::at(kind, index, head.size)) {
            let bytes = city.engine().tiles().bytes(&tile, head.size).unwrap().unwrap();
            put(&tile.to_string(), &bytes);
        }
    }
}

fn tiles(folder: &Path, since: Option<&str>) -> Result<VerifyReport, VerifyError> {
    let source = Source::Tiles(folder.to_owned());
    let since = since.map(ToOwned::to_owned);
    verify(&VerifyConfig { source, vkey: None, since }, &mut |_, _| ())
}

#[test]
fn an_honest_log_verifies_and_contains_what_was_seen_earlier() {
    let mut city = large_city();
    let folder = TempDir::new().unwrap();
    let early = city.engine().head().unwrap();
    city.must("staff", Body::AccountOpen(AccountOpen { account: account("last") }));
    export(&city, folder.path());
    let head = city.engine().head().unwrap();

    let report = tiles(folder.path(), Some(&early.note)).unwrap();
    assert_eq!((report.origin.as_str(), report.size), (ORIGIN, head.size));
    assert_eq!(report.since, Some(head.size - 1));
    assert_eq!(report.checkpoint.as_deref(), Some(head.note.as_str()));
    assert_eq!(report.own_vkey, Some(city.engine().verifier().to_string()));
    assert_eq!(report.hashes, head.size + 1, "level 0 and the one full tile above it");
    let kinds: Vec<&str> = report.public.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["budget", "day.closed", "key.registered", "key.revoked", "programme"]);

    city.close();
    let vkey = LedgerFile::read(&city.data()).unwrap().vkey;
    let source = Source::Ledger { data_folder: city.data(), origin: ORIGIN.to_owned(), vkey };
    let own = verify(&VerifyConfig { source, vkey: None, since: None }, &mut |_, _| ()).unwrap();
    assert_eq!((own.size, own.root, &own.public), (report.size, report.root, &report.public));
    assert_eq!(own.checkpoint, None);
}

/// A fresh copy of the log with one change, and what verification says of it.
fn check(city: &City, change: impl Fn(&Path), since: Option<&str>, expected: &str) {
    let folder = TempDir::new().unwrap();
    export(city, folder.path());
    change(folder.path());
    let error = tiles(folder.path(), since).unwrap_err();
    assert!(error.to_string().contains(expected), "{expected}: {error}");
    assert!(error.is_finding(), "{error}");
}

fn edit(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_change_is_found_and_named() {
    let city = large_city();
    let size = city.engine().head().unwrap().size;
    let partial = format!("000.p/{}", size - 256);
    let last = partial.replace("000", "001");
    let vkey = city.engine().verifier().to_string();
    assert!(vkey.starts_with(ORIGIN));

    let entries = |folder: &Path| folder.join("tile/entries/000");
    check(&city, |f| edit(&entries(f), |b| b[10] ^= 1), None, "hash 0 of level 0");
    check(&city, |f| edit(&f.join("tile/0/000"), |b| b[33] ^= 1), None, "hash 1 of level 0");
    check(&city, |f| edit(&f.join("tile/1/000.p/1"), |b| b[0] ^= 1), None, "hash 0 of level 1");
    check(
        &city,
        |f| edit(&f.join(format!("tile/0/{last}")), |b| b[0] ^= 1),
        None,
        "hash 256 of level 0",
    );
    check(&city, |f| edit(&f.join("tile/0/000"), |b| b.truncate(8000)), None, "has 8000 bytes");
    check(&city, |f| edit(&entries(f), |b| b.truncate(9000)), None, "the bundle ends within entry");
    check(&city, |f| edit(&entries(f), |b| b.push(0)), None, "bytes are left after the last entry");
    check(
        &city,
        |f| edit(&entries(f), |b| b[2] = 7),
        None,
        "entry 0: its leaf is of an unknown form",
    );
    check(
        &city,
        |f| edit(&entries(f), |b| b[36] = b'<'),
        None,
        "entry 0: its public part is not JSON",
    );
    check(&city, |f| fs::remove_file(f.join("tile/0/000")).unwrap(), None, "tile/0/000 is missing");
    check(&city, |f| edit(&f.join("checkpoint"), |b| b[3] ^= 1), None, "the checkpoint");

    // Entries and tiles that fit together, under a root that was signed for others.
    let shorter = Checkpoint { origin: ORIGIN.to_owned(), size: 256, root: [7; 32] };
    let signed = shorter.sign(&city.keys().log).unwrap().to_string();
    let replace = |f: &Path| fs::write(f.join("checkpoint"), &signed).unwrap();
    check(
        &city,
        replace,
        None,
        "the 256 entries do not lead to the root that the checkpoint names",
    );
    // What an operator shows to one person and not to another.
    check(
        &city,
        |_| (),
        Some(&signed),
        "the 256 entries do not lead to the root that the earlier checkpoint names",
    );
    let longer = Checkpoint { origin: ORIGIN.to_owned(), size: size + 1, root: [7; 32] };
    let signed = longer.sign(&city.keys().log).unwrap().to_string();
    check(&city, |_| (), Some(&signed), "were there earlier");
    let stranger = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: [7; 32] };
    let signed = stranger.sign(&key("stranger")).unwrap().to_string();
    check(&city, |_| (), Some(&signed), "the earlier checkpoint");
}

#[test]
fn a_partial_tile_may_have_given_way_to_the_full_one() {
    let mut city = large_city();
    let early = TempDir::new().unwrap();
    export(&city, early.path());
    let head = fs::read(early.path().join("checkpoint")).unwrap();
    while city.engine().head().unwrap().size < 512 {
        let account = account(&format!("later {}", city.engine().head().unwrap().size));
        city.must("staff", Body::AccountOpen(AccountOpen { account }));
    }
    let later = TempDir::new().unwrap();
    export(&city, later.path());
    fs::write(later.path().join("checkpoint"), &head).unwrap();
    // The tile above was partial then and is partial still, so it is served at both widths.
    fs::copy(early.path().join("tile/1/000.p/1"), later.path().join("tile/1/000.p/1")).unwrap();
    let (then, afterwards) =
        (tiles(early.path(), None).unwrap(), tiles(later.path(), None).unwrap());
    assert_eq!((then.size, then.root), (afterwards.size, afterwards.root));
}

#[test]
fn the_key_that_was_given_counts() {
    let city = large_city();
    let folder = TempDir::new().unwrap();
    export(&city, folder.path());
    let other = VerifierKey::new(ORIGIN, KeyType::Ed25519, key("other").verifying_key()).unwrap();
    let verify_with = |vkey: Option<String>| {
        let source = Source::Tiles(folder.path().to_owned());
        verify(&VerifyConfig { source, vkey, since: None }, &mut |_, _| ())
    };
    assert!(verify_with(Some(city.engine().verifier().to_string())).unwrap().own_vkey.is_none());
    let error = verify_with(Some(other.to_string())).unwrap_err();
    assert!(matches!(error, VerifyError::Checkpoint { .. }), "{error}");
    fs::remove_file(folder.path().join("vkey")).unwrap();
    assert!(matches!(verify_with(None).unwrap_err(), VerifyError::NoKey));
}

/// Serves one answer to every request, and what verification says.
fn served(answer: impl Fn(&mut dyn Write) -> std::io::Result<()> + Send + 'static) -> VerifyError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/city", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() > 0);
            // The other side hangs up as soon as it has had enough.
            drop(answer(&mut stream));
        }
    });
    let config = VerifyConfig { source: Source::Url(url), vkey: None, since: None };
    verify(&config, &mut |_, _| ()).unwrap_err()
}

#[test]
fn a_hostile_server_gets_nowhere() {
    let endless = served(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b'a'; 4096])?;
        }
    });
    assert!(endless.to_string().contains("vkey"), "{endless}");
    let elsewhere = served(|stream| {
        write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        )
    });
    assert!(elsewhere.to_string().contains("302"), "{elsewhere}");
    let binary = served(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")?;
        stream.write_all(&[0xff, 0xfe])
    });
    assert!(binary.to_string().contains("not UTF-8"), "{binary}");
    for error in [endless, elsewhere, binary] {
        assert!(!error.is_finding(), "nothing is said about the log: {error}");
    }
}

#[test]
fn a_receipt_is_checked_without_the_log() {
    let mut city = City::settled();
    let story = city.live();
    let (engine, head) = (city.engine(), city.engine().head().unwrap());
    let vkey = engine.verifier().to_string();
    let opened = engine.receipt(story.paid, &head, true).unwrap().to_string();
    let closed = engine.receipt(story.paid, &head, false).unwrap().to_string();

    let report = check_receipt(&opened, &vkey, &[]).unwrap();
    assert_eq!((report.origin.as_str(), report.seq, report.size), (ORIGIN, story.paid, head.size));
    assert_eq!(report.opened.unwrap().points(), -120);
    assert_eq!(check_receipt(&closed, &format!("{vkey}\n"), &[]).unwrap().opened, None);

    let note = Note::parse(&head.note).unwrap().to_string();
    assert!(opened.ends_with(&note));
    for receipt in [&opened, &closed] {
        for at in (0..receipt.len()).step_by(7) {
            let mut bytes = receipt.clone().into_bytes();
            bytes[at] ^= 1;
            // A receipt that is no text cannot even be read.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(check_receipt(&changed, &vkey, &[]).is_err(), "byte {at}");
        }
    }
    let other = engine.receipt(Seq(0), &head, true).unwrap().to_string();
    let mixed = other.replace("index 0", &format!("index {}", story.paid));
    assert!(check_receipt(&mixed, &vkey, &[]).unwrap_err().is_finding());
}
