//! What goes wrong: each input is refused by name, tells what helps, and leaves no trace in the
//! log.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use axum::http::Method;
use kenmai::engine::CLOCK_ACCEPT_FILE;
use kenmai::log::disk::{Disk, DiskFile, FolderGuard, OpenMode, RealDisk};
use ledger_spec::cbor;
use ledger_spec::cose::{Sign1, aad};
use ledger_spec::ids::LedgerId;
use ledger_spec::statement::{Core, Disclosure, Holder};
use ledger_spec::token::{self, PayToken};
use tokio::task::JoinSet;

use crate::sim_disk::{Fault, SimDisk};
use crate::town::{Answer, Plan, Town};

/// Status, slug and what helps.
type Refused = (u16, &'static str, &'static str);

fn check(what: &str, answer: &Answer, expected: Refused) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let problem = answer.json();
    let (slug, status) = (answer.slug(), answer.status.as_u16());
    let retry = problem["retry"].as_str().unwrap();
    assert_eq!((status, slug.as_str(), retry), expected, "{what}: {problem}");
    assert_eq!(problem["status"], status, "{what}");
    for title in ["title", "title_en"] {
        assert!(problem[title].as_str().is_some_and(|title| !title.is_empty()), "{what}");
    }
    let waits = answer.header("retry-after") == "1";
    assert_eq!(waits, expected.2 == "same_id", "{what}: Retry-After");
}

/// Puts other bytes in the place of the first that match.
fn swap(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|found| found == from).expect("it is there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// The redemption of a marked number of points with its core changed, and signed like that.
fn forge(town: &Town, op: u32, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let disclosed = town.disclosure(Some(Holder::Phone(town.code(77, 600))));
    let submission = town.redemption(op, MARK).sign(&town.cast.till(0), Some(&disclosed));
    let honest = Sign1::from_bytes(&submission).unwrap();
    let mut forged = Sign1::sign(&town.cast.till(0), aad::STATEMENT, change(&honest.payload));
    forged.disclosure = honest.disclosure;
    forged.to_bytes()
}

/// A number of points whose bytes stand nowhere else in a statement, and those bytes.
const MARK: u32 = 54_321;
const MARK_BYTES: &[u8] = &[0x19, 0xd4, 0x31];

fn with_points(town: &Town, op: u32, points: &[u8]) -> Vec<u8> {
    forge(town, op, |payload| swap(payload, MARK_BYTES, points))
}

fn malformed(town: &Town) -> Vec<(&'static str, Vec<u8>, Refused)> {
    const MALFORMED: Refused = (400, "malformed-statement", "never");
    const POINTS: Refused = (422, "points-out-of-range", "new_id");
    let good = town.redeem(300, 50, town.code(1, 300));
    let till = town.cast.till(0);
    let other_ledger = Core { ledger: LedgerId::of_origin("x"), ..town.redemption(301, 50) };
    let disclosed = town.disclosure(Some(Holder::Phone(town.code(2, 300))));
    let mut swapped = Sign1::from_bytes(&good).unwrap();
    swapped.disclosure = Some(cbor::to_bytes(&Disclosure { salt: [9; 16], ..disclosed.clone() }));
    let mut stripped = Sign1::from_bytes(&good).unwrap();
    stripped.disclosure = None;
    vec![
        ("nothing", Vec::new(), MALFORMED),
        ("no CBOR", b"hello".to_vec(), MALFORMED),
        ("cut short", good[..good.len() - 1].to_vec(), MALFORMED),
        ("one byte more", [&good[..], &[0]].concat(), MALFORMED),
        (
            "a long form of a short number",
            forge(town, 302, |core| swap(core, &[1, 1], &[1, 0x18, 1])),
            MALFORMED,
        ),
        ("another version", forge(town, 303, |core| swap(core, &[1, 1], &[1, 2])), MALFORMED),
        (
            "an unknown kind",
            forge(town, 304, |core| swap(core, &[3, 16, 4], &[3, 24, 99, 4])),
            MALFORMED,
        ),
        (
            "an unknown field",
            forge(town, 305, |core| [&[core[0] + 1], &core[1..], &[0x0a, 0x01]].concat()),
            (400, "unknown-field", "never"),
        ),
        ("zero points", with_points(town, 306, &[0x00]), POINTS),
        ("negative points", with_points(town, 307, &[0x20]), POINTS),
        ("one and a half points", with_points(town, 308, &[0xf9, 0x3e, 0x00]), POINTS),
        (
            "points as a double",
            with_points(town, 309, &[0xfb, 0x40, 0x59, 0, 0, 0, 0, 0, 0]),
            POINTS,
        ),
        ("100,001 points", with_points(town, 310, &[0x1a, 0x00, 0x01, 0x86, 0xa1]), POINTS),
        ("points beyond 32 bits", with_points(town, 311, &[0x1b, 0, 0, 0, 1, 0, 0, 0, 50]), POINTS),
        ("points as text", with_points(town, 312, &[0x62, b'5', b'0']), MALFORMED),
        (
            "another ledger's",
            other_ledger.sign(&till, Some(&disclosed)),
            (422, "ledger-mismatch", "never"),
        ),
        ("another disclosure", swapped.to_bytes(), (422, "disclosure-mismatch", "never")),
        ("no disclosure", stripped.to_bytes(), (422, "disclosure-mismatch", "never")),
        ("a session", token::sign(&town.session(1), &town.cast.phone(0)), MALFORMED),
        ("64 KiB of zeros", vec![0; 65_536], MALFORMED),
        ("one byte more than 64 KiB", vec![0; 65_537], (413, "too-large", "never")),
    ]
}

fn by_key_or_code(town: &Town) -> Vec<(&'static str, Vec<u8>, Refused)> {
    let sign =
        |op, key, holder| town.redemption(op, 50).sign(key, Some(&town.disclosure(Some(holder))));
    let phone = town.cast.phone(0);
    let code = |token: PayToken| Holder::Phone(token::sign(&token, &phone));
    let till = town.cast.till(0);
    let now_s = town.clock.now_s();
    let other = LedgerId::of_origin("x");
    let valid = || Holder::Phone(town.code(10, 300));
    vec![
        (
            "a key that nobody knows",
            sign(400, &town.cast.till(5), valid()),
            (401, "key-unknown", "new_id"),
        ),
        (
            "a station's key",
            sign(401, &town.cast.station(0), valid()),
            (403, "role-not-permitted", "never"),
        ),
        (
            "the resident's own key",
            sign(402, &phone, valid()),
            (403, "role-not-permitted", "never"),
        ),
        (
            "the shop next door",
            sign(403, &town.cast.till(1), valid()),
            (403, "key-revoked", "never"),
        ),
        (
            "an expired code",
            sign(404, &till, code(PayToken { exp_s: now_s, ..town.pay_token(11, 300) })),
            (410, "qr-expired", "new_id"),
        ),
        (
            "a code that lives too long",
            sign(405, &till, code(PayToken { exp_s: now_s + 301, ..town.pay_token(12, 300) })),
            (422, "qr-too-long", "new_id"),
        ),
        (
            "a used code",
            sign(406, &till, Holder::Phone(town.code(99, 300))),
            (409, "qr-already-used", "new_id"),
        ),
        (
            "another ledger's code",
            sign(407, &till, code(PayToken { ledger: other, ..town.pay_token(13, 300) })),
            (422, "qr-foreign", "new_id"),
        ),
        (
            "a code of a phone that nobody knows",
            sign(
                408,
                &till,
                Holder::Phone(token::sign(&town.pay_token(14, 300), &town.cast.phone(5))),
            ),
            (422, "qr-invalid", "new_id"),
        ),
        (
            "more than the code allows",
            sign(409, &till, Holder::Phone(town.code(15, 49))),
            (422, "qr-limit-exceeded", "new_id"),
        ),
        (
            "a card",
            sign(410, &till, Holder::Card(town.cast.card(0))),
            (403, "pin-required", "new_id"),
        ),
    ]
}

fn by_rule(town: &Town) -> Vec<(&'static str, Vec<u8>, Refused)> {
    let now_s = town.clock.now_s();
    let late = Core { not_after_s: Some(now_s - 1), ..town.redemption(411, 50) };
    let far = Core { not_after_s: Some(now_s + 301), ..town.redemption(412, 50) };
    let no_programme = Core { programme: Some(2), ..town.redemption(413, 50) };
    let early = town.redemption(414, 50);
    let early = Core { day: early.day.plus(2), ..early };
    let disclosed = town.disclosure(Some(Holder::Phone(town.code(10, 300))));
    let fresh = |core: Core| core.sign(&town.cast.till(0), Some(&disclosed));
    vec![
        ("a deadline that has passed", fresh(late), (410, "statement-expired", "new_id")),
        ("a deadline too far away", fresh(far), (422, "deadline-too-far", "new_id")),
        ("another version of the rules", fresh(no_programme), (409, "programme-version", "new_id")),
        ("the day after tomorrow", fresh(early), (422, "clock-skew", "new_id")),
        (
            "less than the smallest payment",
            town.redeem(415, 9, town.code(16, 300)),
            (422, "below-minimum", "new_id"),
        ),
        (
            "more than the largest payment",
            town.redeem(416, 1_001, town.code(17, 2_000)),
            (422, "above-maximum", "new_id"),
        ),
        (
            "more than a fresh phone may",
            town.redeem(417, 601, town.code(18, 2_000)),
            (422, "fresh-device-limit", "new_id"),
        ),
        (
            "more than there is",
            town.redeem(418, 500, town.code(19, 2_000)),
            (422, "insufficient-points", "new_id"),
        ),
        (
            "an operation used otherwise",
            town.redeem(101, 50, town.code(20, 300)),
            (422, "idempotency-key-reused", "new_id"),
        ),
        ("a void of what is no payment", town.void(419, 0), (422, "not-a-redemption", "never")),
        ("a void of what is not there", town.void(420, 9_999), (404, "entry-not-found", "never")),
    ]
}

/// A town in which the first resident has 250 points, and the second shop's key is revoked.
async fn spoiled() -> Town {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    town.accept(&town.redeem(101, 50, town.code(99, 300))).await;
    town.accept(&town.revoke(102, &town.cast.till(1))).await;
    town
}

#[tokio::test]
async fn every_refusal_has_a_name_and_changes_nothing() {
    let town = spoiled().await;
    let log = town.log_bytes();
    let table = [malformed(&town), by_key_or_code(&town), by_rule(&town)];
    for (what, bytes, expected) in table.into_iter().flatten() {
        check(what, &town.submit(&bytes).await, expected);
        assert!(town.log_bytes() == log, "{what}: the log has changed");
    }
    let good = town.redeem(500, 50, town.code(1, 300));
    for media_type in
        ["application/json", "text/plain", "application/cose+x", "", "application/cos"]
    {
        let answer = town.send(Method::POST, "/v1/town/statements", media_type, good.clone()).await;
        check(media_type, &answer, (415, "media-type-not-supported", "never"));
    }
    let nowhere =
        town.send(Method::POST, "/v1/nowhere/statements", "application/cose", good.clone()).await;
    check("an unknown ledger", &nowhere, (404, "ledger-not-found", "never"));
    let elsewhere =
        town.send(Method::POST, "/v1/empty/statements", "application/cose", good.clone()).await;
    check("a ledger it is not for", &elsewhere, (422, "ledger-mismatch", "never"));
    assert!(town.log_bytes() == log);
    // None of this stood in the way of what is right; and the media type may have its parameter.
    let media_type = "Application/COSE; cose-type=\"cose-sign1\"";
    assert_eq!(town.send(Method::POST, "/v1/town/statements", media_type, good).await.status, 201);
    let token = town.log_in(&town.cast.phone(0), 2).await;
    assert_eq!(town.read("/me", &token).await.json()["yen"], 200);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_refused() {
    let town = spoiled().await;
    let good = town.redeem(500, 50, town.code(1, 300));
    let log = town.log_bytes();
    for at in (0..good.len()).step_by(7).chain([good.len() - 1]) {
        for bit in [0x01, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            let answer = town.submit(&bad).await;
            let slug = answer.slug();
            let known = [
                "malformed-statement",
                "unknown-field",
                "ledger-mismatch",
                "disclosure-mismatch",
                "key-unknown",
                "signature-invalid",
            ];
            assert!(known.contains(&slug.as_str()), "byte {at}: {slug}");
            assert!(answer.status.is_client_error(), "byte {at}");
        }
        assert!(town.log_bytes() == log, "byte {at}: the log has changed");
    }
    town.accept(&good).await;
}

/// A disk whose syncs wait while its gate is shut.
#[derive(Clone, Default)]
struct GatedDisk(Arc<Gate>);

#[derive(Default)]
struct Gate {
    /// Whether it is shut, and whether somebody waits.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, shut: bool) {
        self.state.lock().unwrap().0 = shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        while state.0 {
            state.1 = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
        }
        state.1 = false;
    }

    fn wait_until_somebody_waits(&self) {
        let mut state = self.state.lock().unwrap();
        while !state.1 {
            state = self.changed.wait(state).unwrap();
        }
    }
}

struct GatedFile(Arc<dyn DiskFile>, Arc<Gate>);

impl Disk for GatedDisk {
    fn open(&self, path: &Path, access: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(GatedFile(RealDisk.open(path, access)?, Arc::clone(&self.0))))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(folder)
    }
    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_dir(folder)
    }
    fn try_lock(&self, folder: &Path) -> io::Result<Option<FolderGuard>> {
        Ok(RealDisk.try_lock(folder)?.map(|guard| Box::new(guard) as Box<dyn Any + Send + Sync>))
    }
}

impl DiskFile for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.1.pass();
        self.0.sync_data()
    }
    fn size_bytes(&self) -> io::Result<u64> {
        self.0.size_bytes()
    }
    fn set_size_bytes(&self, size_bytes: u64) -> io::Result<()> {
        self.0.set_size_bytes(size_bytes)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_when_to_come_again() {
    const WAITING: usize = 2;
    let disk = GatedDisk::default();
    let plan = Plan { disk: Arc::new(disk.clone()), queue_entries: WAITING, ..Plan::default() };
    let town = Arc::new(Town::found(plan).await);
    let size = town.size().await;
    disk.0.set(true);
    let submit = |bytes: Vec<u8>| {
        let town = Arc::clone(&town);
        async move { (town.submit(&bytes).await, bytes) }
    };
    let mut under_way = JoinSet::new();
    under_way.spawn(submit(town.coaching(100, 0)));
    let gate = Arc::clone(&disk.0);
    tokio::task::spawn_blocking(move || gate.wait_until_somebody_waits()).await.unwrap();
    // The first stands at the gate with the sequencer; of four more, two find a place.
    for op in 101..105 {
        town.clock.pass(60);
        let card = Holder::Card(town.cast.card(1));
        under_way.spawn(submit(town.measure(op, card)));
    }
    let mut turned_away = Vec::new();
    for _ in WAITING..4 {
        let (answer, bytes) = under_way.join_next().await.unwrap().unwrap();
        check("a full queue", &answer, (503, "busy", "same_id"));
        turned_away.push(bytes);
    }
    assert_eq!(town.size().await, size, "nothing is read before it is durable");
    disk.0.set(false);
    while let Some(done) = under_way.join_next().await {
        assert_eq!(done.unwrap().0.status, 201);
    }
    for bytes in turned_away {
        town.accept(&bytes).await;
    }
    assert_eq!(town.size().await, size + 5);
}

#[tokio::test]
async fn a_failing_disk_stops_the_ledger_and_loses_nothing() {
    for fault in [Fault::SyncLost, Fault::NoSpace, Fault::PowerOff] {
        let disk = SimDisk::default();
        let plan = || Plan { disk: Arc::new(disk.clone()), ..Plan::default() };
        let town = Town::found(plan()).await;
        let kept = town.coaching(100, 0);
        let acknowledged = town.accept(&kept).await;
        disk.fail_after(0, fault);
        let lost = town.coaching(101, 1);
        check("a failing disk", &town.submit(&lost).await, (503, "log-stopped", "same_id"));
        while town.get("/readyz").await.status == 200 {
            tokio::task::yield_now().await;
        }
        assert_eq!(town.get("/readyz").await.status, 503);
        assert_eq!(town.get("/healthz").await.status, 200);
        check("a stopped ledger", &town.submit(&kept).await, (503, "log-stopped", "same_id"));

        let town = town.restart(&plan(), || disk.power_cut(7));
        assert_eq!(town.get("/readyz").await.status, 200);
        let again = town.submit(&kept).await;
        assert_eq!((again.status.as_u16(), &again.json()["seq"]), (200, &acknowledged["seq"]));
        // Whether the other one is there was not known; sent again it is, once.
        assert!(town.submit(&lost).await.status.is_success(), "{fault:?}");
        assert_eq!(town.submit(&lost).await.status, 200);
        let token = town.log_in(&town.cast.phone(1), 1).await;
        assert_eq!(town.read("/me", &token).await.json()["yen"], 300);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_makes_the_ledger_read_only() {
    let town = Town::found(Plan::default()).await;
    let kept = town.coaching(100, 0);
    town.accept(&kept).await;
    let log = town.log_bytes();
    town.clock.jump(3_600);
    let late = town.coaching(101, 1);
    for bytes in [&late, &kept] {
        check("a jump", &town.submit(bytes).await, (503, "log-read-only", "same_id"));
    }
    assert_eq!(town.get("/readyz").await.status, 503);
    assert!(town.log_bytes() == log);
    let token = town.log_in(&town.cast.phone(0), 1).await;
    assert_eq!(town.read("/me", &token).await.json()["yen"], 300, "it can be read");
    // A person has looked.
    std::fs::write(town.data().join(CLOCK_ACCEPT_FILE), "").unwrap();
    town.accept(&late).await;
    assert_eq!(town.get("/readyz").await.status, 200);
    assert_eq!(town.submit(&kept).await.status, 200);
}
