//! A draw by a round that the beacon has really published, from its claims to whoever checks it,
//! and false ones.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use expect_test::{Expect, expect};
use kenmai::audit::Check;
use kenmai::config::LedgerFile;
use kenmai::log::disk::RealDisk;
use kenmai::query::draws::{draws, has_genuine_beacon};
use kenmai::query::rewards::rewards;
use kenmai::verify::{Source, VerifyConfig, verify};
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::draw::{entrants_root, round_s, winners, winners_hash};
use ledger_spec::entry::{Accounting, Effect};
use ledger_spec::ids::{Hash, Kid, Seq};
use ledger_spec::kinds::{
    Body, CataloguePublish, Code, Document, DrawCommit, DrawResult, RewardClaim,
};
use ledger_spec::points::Points;
use ledger_spec::statement::{Holder, read, voucher_hash};
use ledger_spec::time::Day;
use serde_json::json;
use tempfile::TempDir;

use crate::audit::{audit_of, rewritten};
use crate::city::{City, MINUTE_MS, account, id, key};
use crate::town::{Plan, Town};

/// A round of 15 October 2024, 02:13:33 in Japan, as drand published it (it stands in the tests of
/// tlock).
const ROUND: u64 = 12_040_883;
const VALUE: &str = "929906c959032ab363c9f26570d215d66f5c06cb0c44fe508c12bb5839f04ec895bb6868e5b9ff13ab289bdb5266b394";
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// The value of the round.
pub(crate) fn value() -> Vec<u8> {
    HEXLOWER.decode(VALUE.as_bytes()).unwrap()
}

/// What a server of drand answers.
fn answer(round: u64, signature: &str) -> String {
    json!({"round": round, "randomness": randomness(signature), "signature": signature}).to_string()
}

fn randomness(signature: &str) -> String {
    use sha2::{Digest, Sha256};
    HEXLOWER.encode(&Sha256::digest(HEXLOWER.decode(signature.as_bytes()).unwrap()))
}

/// A city on the evening before the draw, in which mei has claimed three entries.
fn with_entrants() -> (City, Vec<Seq>) {
    let eve = Day::from_ymd(2024, 10, 14).unwrap();
    let mut city = City::fresh_since(Arc::new(RealDisk), eve).settle();
    city.act("staff", "walk", None, Holder::Account(account("mei")));
    let lottery = json!({"lottery": {"prizes": 2, "draw_from": eve.plus(1)}});
    let gift = json!({"donation": {"to": ledger_spec::ids::PlaceId(id("place of shop"))}});
    let item = |number: u32, code: &str, purse: &str, gives: serde_json::Value| {
        json!({"number": number, "code": code, "name": "抽選", "name_en": "A draw", "purse": purse, "points": 1,
            "from": eve, "until": eve, "gives": gives})
    };
    let items = [item(1, "tombola", "challenge", lottery), item(2, "gift", "yen", gift)];
    let document = Document::new(&json!({"version": 1, "items": items}).to_string()).unwrap();
    city.enact(Body::CataloguePublish(CataloguePublish { version: 1, document }));
    let claims = (0..3).map(|number| {
        let (item, points) = (Code::new("tombola").unwrap(), Points::new(1).unwrap());
        let code = Some(voucher_hash(&[number; 16]));
        let core = city.core(Body::RewardClaim(RewardClaim { item, points, code }));
        let disclosure = city.disclosure(None);
        city.submit(&core.sign(&key("mei"), Some(&disclosure))).unwrap().accounting.seq
    });
    let claims = claims.collect();
    (city, claims)
}

/// What fixes these claims, whose secrets are 16 times their number.
pub(crate) fn commit_of(claims: &[Seq]) -> DrawCommit {
    let codes = (0..).map(|number| voucher_hash(&[number; 16]));
    DrawCommit {
        draw: Code::new("tombola").unwrap(),
        entrants: entrants_root(claims.iter().copied().zip(codes)),
        count: u32::try_from(claims.len()).unwrap(),
        beacon: Text::new("quicknet").unwrap(),
        round: ROUND,
    }
}

/// What names two of the claims by a value.
pub(crate) fn result_of(commit: Seq, value: &[u8], claims: &[Seq]) -> DrawResult {
    let winners = winners_hash(&winners(value, claims, 2));
    DrawResult { commit, beacon: Blob(value.to_vec()), winners }
}

/// The same city when the round has its value.
fn with_commit() -> (City, Vec<Seq>, Seq) {
    let (mut city, claims) = with_entrants();
    city.clock.pass(7 * HOUR_MS);
    let commit = city.must("staff", Body::DrawCommit(commit_of(&claims)));
    city.clock.pass(2 * HOUR_MS);
    assert!(city.now_s() > round_s(ROUND).unwrap());
    (city, claims, commit)
}

fn run(data: &Path, command: &str, arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    program.args(["draw", command, "tombola", "--data"]).arg(data).args(arguments);
    let Output { status, stdout, stderr } = program.output().unwrap();
    (status.code().unwrap(), stdout, String::from_utf8(stderr).unwrap())
}

/// What the command says to a person, with its exit code.
#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(data: &Path, command: &str, arguments: &[&str], code: i32, says: Expect) {
    let (found, stdout, stderr) = run(data, command, arguments);
    says.assert_eq(&format!("{}{stderr}", String::from_utf8_lossy(&stdout)));
    assert_eq!(found, code, "{command} {arguments:?}");
}

/// What staff have at hand: a key, and a folder for what they make.
struct Office {
    folder: TempDir,
    key: String,
}

impl Office {
    fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("staff.pem");
        kenmai::keys::write_actor_key(&path, &key("staff")).unwrap();
        Self { key: path.display().to_string(), folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A file with this text.
    fn beacon(&self, text: &str) -> String {
        let path = self.file("beacon.json");
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command that signs; gives its exit code, what was signed and what it says.
    fn sign(&self, data: &Path, command: &str, arguments: &[&str]) -> (i32, Option<Body>, String) {
        let out = self.file("made.cose");
        let signed = ["--key", &self.key, "--out", &out];
        let (code, _, stderr) = run(data, command, &[&signed, arguments].concat());
        let bytes = fs::read(&out).ok();
        fs::remove_file(&out).ok();
        let made = bytes.map(|bytes| {
            let statement = read(&bytes).unwrap().1;
            assert_eq!(statement.kid, Kid::of(key("staff").verifying_key().as_bytes()));
            statement.core.body
        });
        (code, made, stderr.replace(&self.file(""), ""))
    }
}

#[test]
fn staff_fix_the_entrants() {
    let (mut city, claims) = with_entrants();
    let (data, office) = (city.data(), Office::open());
    let says = expect![[r#"
        28          000W-TB  4f1b10798ecb3bd3a3cba11fd233c3e6ea93dc21ede86e797d155c42314acb0c
        29          000X-HT  b489a53c931acf440008a7f3fa8b0778ff2df95980373ea06c26a0a6769756f9
        30          000Y-W6  6579fe3c0b7470af5615564d3232e3e8cc82f969d01c6475031d27fa97268b5c
        entrants    3
        root        37156c7ca8134b2f756acca94bc6869fd5d5f9fe94a2a8982297e8c6b9e8d7f3
    "#]];
    check(&data, "entrants", &[], 0, says);
    let says = expect![[r#"
        tombola: 3 entrants, not fixed yet
    "#]];
    check(&data, "verify", &[], 0, says);

    let (code, made, said) = office.sign(&data, "commit", &["--at", "2024-10-15T02:13"]);
    let due = DrawCommit { round: ROUND - 11, ..commit_of(&claims) };
    assert_eq!((code, made), (0, Some(Body::DrawCommit(due))), "{said}");
    expect![[r#"
        kenmai: 3 entrants; round 12040872 has its value at 2024-10-15 02:13:00 in Japan, then:
          curl -s https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/12040872 > beacon.json
    "#]].assert_eq(&said);
    let (code, made, said) = office.sign(&data, "commit", &["--round", &ROUND.to_string()]);
    assert_eq!((code, made), (0, Some(Body::DrawCommit(commit_of(&claims)))), "{said}");

    let refused = |arguments: &[&str]| {
        let (code, made, said) = office.sign(&data, "commit", arguments);
        assert_eq!((code, made), (2, None), "{said}");
        said
    };
    expect![[r#"
        kenmai: 2024-10-15 is no time in Japan, YYYY-MM-DDTHH:MM
    "#]]
    .assert_eq(&refused(&["--at", "2024-10-15"]));
    expect![[r#"
        kenmai: there is no round 0
    "#]]
    .assert_eq(&refused(&["--round", "0"]));
    city.clock.pass(7 * HOUR_MS);
    city.must("staff", Body::DrawCommit(commit_of(&claims)));
    expect![[r#"
        kenmai: entry 32 has fixed the entrants already
    "#]]
    .assert_eq(&refused(&["--round", &ROUND.to_string()]));
    let says = expect![[r#"
        tombola: 3 entrants, root 37156c7ca8134b2f756acca94bc6869fd5d5f9fe94a2a8982297e8c6b9e8d7f3, fixed by entry 32; round 12040883 of quicknet at 2024-10-15 02:13:33 in Japan
          not drawn yet
        all is well
    "#]];
    check(&data, "verify", &[], 0, says);
}

#[test]
fn staff_draw_by_the_beacons_answer_alone() {
    let (mut city, claims) = with_entrants();
    let (data, office) = (city.data(), Office::open());
    let result = |text: &str| office.sign(&data, "result", &["--beacon", &office.beacon(text)]);
    let genuine = answer(ROUND, VALUE);
    expect![[r#"
        kenmai: nobody has fixed the entrants: `kenmai draw commit`
    "#]]
    .assert_eq(&result(&genuine).2);
    city.clock.pass(7 * HOUR_MS);
    let commit = city.must("staff", Body::DrawCommit(commit_of(&claims)));

    let (code, made, said) = result(&genuine);
    let due = result_of(commit, &value(), &claims);
    assert_eq!((code, made), (0, Some(Body::DrawResult(due.clone()))), "{said}");
    expect![[r#"
        kenmai: winner 000X-HT
        kenmai: winner 000Y-W6
    "#]]
    .assert_eq(&said);

    city.clock.pass(2 * HOUR_MS);
    city.must("staff", Body::DrawResult(due));
    let says = expect![[r#"
        tombola: 3 entrants, root 37156c7ca8134b2f756acca94bc6869fd5d5f9fe94a2a8982297e8c6b9e8d7f3, fixed by entry 32; round 12040883 of quicknet at 2024-10-15 02:13:33 in Japan
          drawn by entry 33 with 929906c959032ab363c9f26570d215d66f5c06cb0c44fe508c12bb5839f04ec895bb6868e5b9ff13ab289bdb5266b394
          winner   000X-HT
          winner   000Y-W6
        all is well
    "#]];
    check(&data, "verify", &["--beacon", &office.beacon(&genuine)], 0, says);
    let (code, made, said) = result(&genuine);
    assert_eq!((code, made), (2, None));
    expect![[r#"
        kenmai: entry 33 has drawn already
    "#]]
    .assert_eq(&said);
    let (code, _, said) = run(&data, "verify", &["--beacon", "none.json"]);
    assert!(code == 2 && said.contains("cannot open none.json"), "{said}");
}

#[test]
fn an_answer_that_is_not_the_beacons_for_the_round_draws_nothing() {
    let (city, _, _) = with_commit();
    let (data, office) = (city.data(), Office::open());
    let genuine = answer(ROUND, VALUE);
    for (what, text, says) in [
        (
            "another round",
            answer(ROUND + 1, VALUE),
            expect![[r#"
            kenmai: beacon.json is of round 12040884; the draw waits for 12040883
        "#]],
        ),
        (
            "another value",
            answer(ROUND, &VALUE.replacen('9', "8", 1)),
            expect![[r#"
            kenmai: beacon.json: the beacon did not sign this for round 12040883; ask another of its servers
        "#]],
        ),
        (
            "no answer",
            "{}".to_owned(),
            expect![[r#"
            kenmai: beacon.json is no answer of the beacon: missing field `round` at line 1 column 2
        "#]],
        ),
        (
            "no hexadecimal",
            genuine.replace(VALUE, "zz"),
            expect![[r#"
            kenmai: beacon.json: the beacon did not sign this for round 12040883; ask another of its servers
        "#]],
        ),
        (
            "another randomness",
            genuine.replace(&randomness(VALUE), "00"),
            expect![[r#"
            kenmai: beacon.json: the randomness is not that of its signature
        "#]],
        ),
    ] {
        let (code, made, said) = {
            let beacon = office.beacon(&text);
            office.sign(&data, "result", &["--beacon", &beacon])
        };
        says.assert_eq(&said);
        assert_eq!((code, made), (2, None), "{what}");
    }
}

#[test]
fn a_held_draw_is_public_and_passes_every_audit() {
    let (mut city, claims, commit) = with_commit();
    let line = |city: &City| serde_json::to_value(draws(city.engine()).unwrap()).unwrap();
    assert_eq!(line(&city)[0].get("held"), None);
    let today = Day::of_ms(city.now_s() * 1_000);
    let own = rewards(city.engine(), account("mei"), today).unwrap();
    assert_eq!((own.len(), own[0].won, own[0].until), (3, None, today));
    let result = city.must("staff", Body::DrawResult(result_of(commit, &value(), &claims)));
    let told = line(&city);
    assert_eq!(told.as_array().map(Vec::len), Some(1));
    assert_eq!((&told[0]["item"], &told[0]["round"]), (&"tombola".into(), &ROUND.into()));
    assert_eq!((&told[0]["commit"], &told[0]["entrants"]), (&commit.0.into(), &3.into()));
    assert_eq!(told[0]["root"], HEXLOWER.encode(&commit_of(&claims).entrants));
    assert_eq!(told[0]["round_at_s"], round_s(ROUND).unwrap());
    assert_eq!(told[0]["held"]["entry"], result.0);
    assert_eq!(told[0]["held"]["value"], VALUE);
    let numbers = winners(&value(), &claims, 2).into_iter();
    let numbers =
        numbers.map(|seq| ledger_spec::entry::receipt_number(city.engine().ledger(), seq));
    assert_eq!(told[0]["held"]["winners"], json!(numbers.collect::<Vec<_>>()));
    let today = Day::of_ms(city.now_s() * 1_000);
    let own = rewards(city.engine(), account("mei"), today).unwrap();
    let seen: Vec<_> = own.iter().map(|line| (line.claim, line.gives, line.won)).collect();
    let won = |claim: &Seq| winners(&value(), &claims, 2).contains(claim);
    let due = claims.iter().map(|claim| (claim.0, "lottery", Some(won(claim))));
    assert_eq!(seen, due.collect::<Vec<_>>());
    let numbers = told[0]["held"]["winners"].as_array().unwrap();
    for line in &own {
        let number = serde_json::Value::from(line.receipt_number.clone());
        assert_eq!(Some(numbers.contains(&number)), line.won);
    }
    let others = rewards(city.engine(), account("ken"), today).unwrap();
    assert!(others.is_empty(), "{others:?}");
    let next_year = rewards(city.engine(), account("mei"), today.plus(200)).unwrap();
    assert_eq!(next_year.len(), 3, "the year after");
    assert_eq!(rewards(city.engine(), account("mei"), today.plus(600)).unwrap().len(), 0);
    city.close();

    let report = audit_of(&city.data(), Some(&city.keys()));
    assert_eq!((report.findings, report.passed[&Check::Beacons]), (vec![], 1));
    let report = audit_of(&city.data(), None);
    assert_eq!((report.findings, report.passed[&Check::Beacons]), (vec![], 1));
    assert!(verified(&city.data()).is_ok());
}

fn verified(data: &Path) -> Result<(), String> {
    let LedgerFile { origin, vkey, .. } =
        LedgerFile::read(data).map_err(|error| error.to_string())?;
    let source = Source::Ledger { data_folder: data.to_owned(), origin, vkey };
    let config = VerifyConfig { source, vkey: None, since: None };
    verify(&config, &mut |_, _| {}).map(|_| ()).map_err(|error| error.to_string())
}

/// Whoever may sign a result could have tried values until a friend won. The rules take any 48
/// bytes.
#[test]
fn a_value_that_the_beacon_did_not_sign_is_found_by_whoever_looks() {
    let (mut city, claims, commit) = with_commit();
    let genuine = result_of(commit, &value(), &claims);
    let false_one = result_of(commit, &[7; 48], &claims);
    assert_eq!(has_genuine_beacon(city.engine(), &genuine).ok(), Some(true));
    assert_eq!(has_genuine_beacon(city.engine(), &false_one).ok(), Some(false));
    let foreign = DrawResult { commit: Seq(1), ..false_one.clone() };
    assert_eq!(
        has_genuine_beacon(city.engine(), &foreign).ok(),
        Some(true),
        "for the rules to refuse"
    );
    let result = city.must("staff", Body::DrawResult(false_one.clone()));
    assert_eq!(has_genuine_beacon(city.engine(), &false_one).ok(), Some(true), "a repeat");
    city.close();

    let says = format!("by a value that the beacon did not sign for round {ROUND}");
    for keys in [Some(&city.keys()), None] {
        let report = audit_of(&city.data(), keys);
        let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
        assert_eq!(finding.seq, Some(result));
        assert!(finding.reason.contains(&says), "{finding}");
    }
    let error = verified(&city.data()).unwrap_err();
    assert!(error.contains(&says) && error.contains(&format!("entry {result}")), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let beacon = folder.path().join("beacon.json");
    fs::write(&beacon, answer(ROUND, VALUE)).unwrap();
    let (code, stdout, _) =
        run(&city.data(), "verify", &["--beacon", &beacon.display().to_string()]);
    let said = String::from_utf8(stdout).unwrap();
    assert!(said.contains("WRONG    the log has another value than the beacon's answer"), "{said}");
    assert!(code == 1 && said.contains(&format!("WRONG    entry {result} draws {says}")), "{said}");
}

/// What the draw's own check finds in a log that an operator has written again.
fn faults_of(city: &City, change: impl Fn(&mut Accounting)) -> Vec<String> {
    let folder = rewritten(city, |frames| {
        frames.iter_mut().flatten().for_each(|(_, accounting)| change(accounting));
    });
    let (code, stdout, stderr) = run(folder.path(), "verify", &[]);
    let said = String::from_utf8(stdout).unwrap();
    let found = said.lines().filter_map(|line| line.strip_prefix("  WRONG    "));
    let found: Vec<_> = found.map(str::to_owned).collect();
    assert_eq!(code, i32::from(!found.is_empty()), "{said}{stderr}");
    found
}

#[test]
fn every_word_of_a_draw_is_recomputed() {
    let (mut city, claims, commit) = with_commit();
    let result = city.must("staff", Body::DrawResult(result_of(commit, &value(), &claims)));
    city.close();
    let committed = |change: &dyn Fn(&mut Hash, &mut u32, &mut u32, &mut u64)| {
        faults_of(&city, |accounting| {
            for effect in &mut accounting.effects {
                if let Effect::DrawCommitted { entrants, count, prizes, round, .. } = effect {
                    change(entrants, count, prizes, round);
                }
            }
        })
    };
    let others = format!("entry {result} names other winners than its value gives");
    let says = format!("entry {commit} names 2 entrants; the log has 3");
    assert_eq!(committed(&|_, count, _, _| *count = 2), [says]);
    let says = format!("the entrants of the log have another root than entry {commit} names");
    assert_eq!(committed(&|entrants, _, _, _| entrants[0] ^= 1), [says]);
    let says = format!("entry {commit} names 3 prizes, the catalogue others");
    assert_eq!(committed(&|_, _, prizes, _| *prizes = 3), [says, others.clone()]);
    let late = format!("round 123 was less than 600 s ahead when entry {commit} named it");
    let says =
        format!("entry {result} draws by a value that the beacon did not sign for round 123");
    assert_eq!(committed(&|_, _, _, round| *round = 123), [late, says]);
    let reversed = faults_of(&city, |accounting| {
        for effect in &mut accounting.effects {
            if let Effect::DrawConcluded { winners, .. } = effect {
                winners.reverse();
            }
        }
    });
    assert_eq!(reversed, [others]);
}

/// The round comes at 02:13:33: the entrants are fixed at 02:03 at the latest, and nothing is drawn
/// before 02:13.
#[test]
fn a_draw_is_fixed_ten_minutes_before_its_round_and_held_after_it() {
    let (mut city, claims, commit) = with_commit();
    let result = city.must("staff", Body::DrawResult(result_of(commit, &value(), &claims)));
    city.close();
    let at = |seq, min: u64| {
        faults_of(&city, |accounting| {
            if accounting.seq == seq {
                accounting.accepted_min = min;
            }
        })
    };
    let due_min = round_s(ROUND).unwrap() / 60;
    assert_eq!(at(commit, due_min - 10), [""; 0]);
    let says = format!("round {ROUND} was less than 600 s ahead when entry {commit} named it");
    assert_eq!(at(commit, due_min - 9), [says]);
    assert_eq!(at(result, due_min), [""; 0]);
    let says = format!("entry {result} came before round {ROUND} had a value");
    assert_eq!(at(result, due_min - 1), [says]);
}

#[test]
fn what_is_no_lottery_has_no_draw() {
    let (city, _) = with_entrants();
    for item in ["gift", "nothing"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kenmai"));
        let output =
            program.args(["draw", "verify", item, "--data"]).arg(city.data()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("no catalogue of this ledger has a lottery `{item}`")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_server_takes_no_false_value_and_shows_its_draws_to_everyone() {
    let town = Town::found(Plan::default()).await;
    assert_eq!(town.get(&town.path("/draws")).await.json(), json!([]));
    let today = Day::of_ms(town.clock.now_s() * 1_000);
    let document = json!({"version": 1, "items": [{"number": 1, "code": "tombola", "name": "抽選", "name_en": "A draw",
        "purse": "challenge", "points": 1, "from": today, "until": today,
        "gives": {"lottery": {"prizes": 2, "draw_from": today.plus(1)}}}]});
    let document = Document::new(&document.to_string()).unwrap();
    let publish = Body::CataloguePublish(CataloguePublish { version: 1, document });
    town.enact(900, publish).await;
    town.clock.pass(86_400);
    let round = (town.clock.now_s() + 600 - 1_692_803_367).div_ceil(3) + 1;
    let commit = Body::DrawCommit(DrawCommit { round, ..commit_of(&[]) });
    let commit = town.accept(&town.core(902, commit).sign(&town.cast.staff(), None)).await;
    let commit = Seq(commit["seq"].as_u64().unwrap());
    town.clock.pass(602);
    let result = Body::DrawResult(result_of(commit, &value(), &[]));
    let refused = town.submit(&town.core(903, result).sign(&town.cast.staff(), None)).await;
    assert_eq!((refused.status.as_u16(), refused.slug()), (422, "draw-mismatch".to_owned()));
    let told = town.get(&town.path("/draws")).await.json();
    assert_eq!((&told[0]["entrants"], &told[0]["prizes"]), (&0.into(), &2.into()), "{told}");
    assert_eq!((&told[0]["name"], &told[0]["beacon"]), (&"抽選".into(), &"quicknet".into()));
    assert_eq!(told[0].get("held"), None, "{told}");
}
