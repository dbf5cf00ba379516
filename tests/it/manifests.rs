//! Manifests over HTTP, through a crash, and before the auditor.

use axum::http::Method;
use ledger_spec::cbor::Blob;
use ledger_spec::entry::Accounting;
use ledger_spec::ids::{AccountId, Seq};
use ledger_spec::kinds::{AccountOpen, Body, Kind};
use ledger_spec::manifest;
use ledger_spec::receipt::Receipt;
use ledger_spec::statement::{Core, Disclosure, Holder};

use crate::city::City;
use crate::town::{Answer, Plan, Town};

type Row = (Core, Option<Disclosure>);

/// The station's measurements of some residents, known by their cards, a minute apart.
fn measurements(town: &Town, residents: &[usize]) -> Vec<Row> {
    let row = |(minutes, resident): (u64, &usize)| {
        let mut disclosed = town.measured(Holder::Card(town.cast.card(*resident)), 63);
        disclosed.performed_at_s -= 60 * minutes;
        (town.action(0, "vegecheck.measure", 1), Some(disclosed))
    };
    (1..).zip(residents).map(row).collect()
}

fn accounts(town: &Town, count: u32) -> Vec<Row> {
    let open = |number: u32| {
        let account = AccountId((u128::from(number) + 1_000).to_be_bytes());
        (town.core(0, Body::AccountOpen(AccountOpen { account })), None)
    };
    (0..count).map(open).collect()
}

async fn send(town: &Town, manifest: &[u8]) -> Answer {
    let path = town.path("/manifests");
    town.send(Method::POST, &path, "application/cbor-seq", manifest.to_vec()).await
}

/// The rows of an answer: points, or the problem.
fn rows(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let rows = json["rows"].as_array().unwrap_or_else(|| panic!("{}", answer.text()));
    let shown = |row: &serde_json::Value| match row["problem"].as_str() {
        Some(problem) => problem.to_owned(),
        None => row["points"].to_string(),
    };
    rows.iter().map(shown).collect()
}

/// A rule that measures something refuses what comes without it, alone or as a row, and takes the
/// same act with it.
#[tokio::test]
async fn a_measurement_without_its_value_is_refused_by_itself() {
    let town = Town::found(Plan::default()).await;
    let own = town.core(500, Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let mut rows_of = measurements(&town, &[0, 1]);
    let (_, disclosed) = &mut rows_of[0];
    disclosed.as_mut().unwrap().values = None;
    let signed = manifest::sign(own, Kind::Action, rows_of, &town.cast.station(0));
    assert_eq!(rows(&send(&town, &signed).await), ["value-missing", "20"]);

    let card = Holder::Card(town.cast.card(0));
    let without = town.disclosure(Some(card.clone()));
    let core = town.action(501, "vegecheck.measure", 1);
    let refused = town.submit(&core.sign(&town.cast.station(0), Some(&without))).await;
    assert_eq!((refused.status.as_u16(), refused.slug()), (422, "value-missing".to_owned()));
    assert_eq!(town.accept(&town.measure(502, card)).await["points"], 20);
}

#[tokio::test]
async fn a_manifest_is_answered_row_by_row_and_repeated_safely() {
    let town = Town::found(Plan::default()).await;
    // The second row is of a card that nobody has; the fourth finds 10 points under the cap of 30 a
    // day.
    let own = town.core(500, Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let residents = [0, 77, 1, 0];
    let rows_of = measurements(&town, &residents);
    let signed = manifest::sign(own, Kind::Action, rows_of, &town.cast.station(0));
    let first = send(&town, &signed).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let expected = ["20", "card-unknown", "20", "10"];
    assert_eq!(rows(&first), expected);
    let size = town.size().await;
    let again = send(&town, &signed).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.json(), first.json(), "the first answer comes back");
    assert_eq!(town.size().await, size, "a repetition adds nothing");

    let json = first.json();
    let (seq, done) = (json["seq"].as_u64().unwrap(), json["done"].as_u64().unwrap());
    assert_eq!((done - seq, json["accepted"].as_u64()), (4, Some(3)));
    assert_eq!(json["rows"][0]["seq"], seq + 1);
    // The resident sees a measurement like any other, with the station's name.
    let session = town.log_in(&town.cast.phone(0), 1).await;
    let history = town.read("/me/history", &session).await.json();
    assert_eq!(history["entries"][0]["points"], 10);
    assert_eq!(history["entries"][0]["action"], "vegecheck.measure");
    assert!(history["entries"][0]["place"].is_string());
    let receipt = town.read(&format!("/entries/{}/receipt", seq + 1), &session).await;
    assert_eq!(receipt.status, 200);
    // With the manifest itself the resident checks who signed; nobody else gets it.
    let path = format!("/entries/{}/manifest", seq + 1);
    let vouched = town.read(&path, &session).await;
    assert_eq!(
        (vouched.status.as_u16(), vouched.header("content-type")),
        (200, "application/cose")
    );
    let (message, statement) = ledger_spec::statement::read(&vouched.bytes).unwrap();
    message
        .verify(&town.cast.station(0).verifying_key(), ledger_spec::cose::aad::STATEMENT)
        .unwrap();
    let opened: ledger_spec::entry::Opened =
        ledger_spec::cbor::from_bytes(&Receipt::parse(receipt.text()).unwrap().extra).unwrap();
    let accounting: Accounting = ledger_spec::cbor::from_bytes(&opened.accounting.0).unwrap();
    let row = ledger_spec::kept::read(&accounting.statement.0).unwrap();
    let Body::Manifest(listed) = statement.core.body else { panic!("no manifest") };
    assert!(manifest::lists(&listed, &row));
    let stranger = town.log_in(&town.cast.till(0), 2).await;
    assert_eq!(town.read(&path, &stranger).await.slug(), "entry-not-found");
    let done = format!("/entries/{done}/manifest");
    assert_eq!(town.read(&done, &session).await.slug(), "entry-not-found");
}

#[tokio::test]
async fn what_is_no_manifest_is_refused_whole() {
    let town = Town::found(Plan::default()).await;
    let own = || town.core(501, Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let sign = |rows, kind| manifest::sign(own(), kind, rows, &town.cast.staff());
    let good = sign(accounts(&town, 3), Kind::AccountOpen);
    let size = town.size().await;
    let mut other = town.core(502, Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    other.ledger = ledger_spec::ids::LedgerId([1; 8]);
    let foreign = manifest::sign(other, Kind::AccountOpen, accounts(&town, 1), &town.cast.staff());
    let by_till = manifest::sign(own(), Kind::AccountOpen, accounts(&town, 1), &town.cast.till(0));
    let single = own().sign(&town.cast.staff(), None);
    let wrong_kind = sign(accounts(&town, 1), Kind::Action);
    let cut = good[..good.len() - 1].to_vec();
    for (bytes, slug) in [
        (Vec::new(), "malformed-statement"),
        (cut, "malformed-statement"),
        (single, "malformed-statement"),
        (foreign, "ledger-mismatch"),
        (by_till, "role-not-permitted"),
        (wrong_kind, "manifest-rows"),
        (vec![0; manifest::MANIFEST_BYTES_MAX + 1], "too-large"),
    ] {
        assert_eq!(send(&town, &bytes).await.slug(), slug);
    }
    let path = town.path("/manifests");
    let answer = town.send(Method::POST, &path, "application/cose", good.clone()).await;
    assert_eq!(answer.slug(), "media-type-not-supported");
    assert_eq!(town.size().await, size, "nothing of all this is in the log");
    let taken = ["null", "null", "null"];
    assert_eq!(rows(&send(&town, &good).await), taken, "opening an account moves no points");
}

/// More rows than a slice holds, and statements of other people meanwhile.
#[tokio::test]
async fn a_long_manifest_lets_statements_pass() {
    let town = Town::found(Plan::default()).await;
    let own = town.core(503, Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let all = accounts(&town, 1_300);
    let signed = manifest::sign(own, Kind::AccountOpen, all, &town.cast.staff());
    let coached = town.coaching(504, 0);
    let (bulk, single) = tokio::join!(send(&town, &signed), town.submit(&coached));
    assert_eq!((bulk.status.as_u16(), single.status.as_u16()), (201, 201));
    assert_eq!(bulk.json()["accepted"], 1_300);
    // The coach does not stand behind all rows.
    let [seq, done] = ["seq", "done"].map(|name| bulk.json()[name].as_u64().unwrap());
    let coached = single.json()["seq"].as_u64().unwrap();
    assert!(coached < done, "{seq} {coached} {done}");
}

/// A crash between two slices: the same bytes go on, and nobody gets points twice.
#[test]
fn a_manifest_cut_short_goes_on_after_a_restart() {
    let mut city = City::settled();
    let row = city.core(Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let open = |number: u8| {
        let body = Body::AccountOpen(AccountOpen { account: AccountId([number; 16]) });
        (Core { body, ..row.clone() }, None)
    };
    let own = city.core(Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let signed = manifest::sign(
        own,
        Kind::AccountOpen,
        (1..=40).map(open).collect(),
        &crate::city::key("staff"),
    );
    let opened = city.engine().open_manifest(&signed).unwrap();
    let manifest = city.engine().enqueue(opened.statement.clone()).unwrap().wait_blocking();
    let manifest = manifest.unwrap().accounting.seq;
    let rows: Vec<_> = opened.into_rows(manifest).collect();
    let some = rows[..25].to_vec();
    let verdicts = city.engine().enqueue_rows(some).unwrap().wait_blocking().unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.as_ref().is_ok_and(|a| !a.replayed)));
    city.close();
    city.open().unwrap();

    let opened = city.engine().open_manifest(&signed).unwrap();
    let again = city.engine().enqueue(opened.statement).unwrap().wait_blocking();
    let again = again.unwrap();
    assert!(again.replayed && again.accounting.seq == manifest);
    let verdicts = city.engine().enqueue_rows(rows).unwrap().wait_blocking().unwrap();
    let replayed: Vec<bool> = verdicts.iter().map(|v| v.as_ref().unwrap().replayed).collect();
    assert_eq!(replayed, [vec![true; 25], vec![false; 15]].concat());
    let result = city.engine().enqueue_result(manifest, vec![0; 40]).unwrap().wait_blocking();
    assert_eq!(result.unwrap().accounting.seq, Seq(manifest.0 + 41));
    let keys = city.keys();
    city.close();
    for keys in [Some(&keys), None] {
        let report = crate::audit::audit_of(&city.data(), keys);
        assert_eq!(report.findings, []);
    }
}

/// Rows have no signature: the auditor must find one that no manifest lists.
#[test]
fn a_row_that_was_not_signed_is_found() {
    let mut city = City::settled();
    let own = city.core(Body::AccountOpen(AccountOpen { account: AccountId([0; 16]) }));
    let row = city.core(Body::AccountOpen(AccountOpen { account: AccountId([7; 16]) }));
    let staff = crate::city::key("staff");
    let signed = manifest::sign(own, Kind::AccountOpen, vec![(row, None)], &staff);
    let opened = city.engine().open_manifest(&signed).unwrap();
    let accepted = city.engine().enqueue(opened.statement.clone()).unwrap().wait_blocking();
    let manifest = accepted.unwrap().accounting.seq;
    let mut forged = opened.into_rows(manifest).next().unwrap();
    let mut kept: ledger_spec::kept::KeptRow =
        ledger_spec::cbor::from_bytes(&forged.bytes).unwrap();
    forged.core.body = Body::AccountOpen(AccountOpen { account: AccountId([8; 16]) });
    kept.core = Blob(ledger_spec::cbor::to_bytes(&forged.core));
    forged.bytes = ledger_spec::cbor::to_bytes(&kept);
    // As an operator who has changed the program: past the form, straight into the queue.
    let verdicts = city.engine().enqueue_rows(vec![forged]).unwrap().wait_blocking().unwrap();
    let seq = verdicts[0].as_ref().unwrap().accounting.seq;
    let keys = city.keys();
    city.close();
    for keys in [Some(&keys), None] {
        let report = crate::audit::audit_of(&city.data(), keys);
        let found: Vec<_> = report.findings.iter().map(|f| (f.seq, f.reason.as_str())).collect();
        assert_eq!(found, [(Some(seq), "no manifest that was open lists it")]);
    }
}

#[test]
fn the_specification_lists_every_outcome() {
    let prose = include_str!("../../ledger-spec/03-rules.md");
    let prose = prose.split_whitespace().collect::<Vec<_>>().join(" ");
    for outcome in 1..=255 {
        let slug = kenmai::http::problem::of_outcome(outcome).slug;
        let known = ledger_spec::decide::Rejection::of_outcome(outcome).is_some();
        let listed = prose.contains(&format!(" {outcome} `{slug}`"));
        assert_eq!(listed, known || outcome == manifest::OUTCOME_OPERATION_REUSED, "{outcome}");
    }
}
