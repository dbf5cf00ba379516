//! Corrections through the whole program: what two persons change, what expires unasked, and what
//! an auditor says of it.

use axum::http::Method;
use data_encoding::HEXLOWER;
use kenmai::engine::Engine;
use ledger_spec::cbor::{self, List};
use ledger_spec::entry::{Contra, Effect};
use ledger_spec::ids::Seq;
use ledger_spec::kept;
use ledger_spec::kinds::{
    AccountStatus, ActionWithdraw, Adjust, Approve, BalanceImport, Body, Cause, Code, Kind,
    LotExtend, LotPoints, Note, Status,
};
use ledger_spec::manifest;
use ledger_spec::points::{Fund, LotKey, Points, Purse};
use ledger_spec::statement::{Disclosure, read, seal_of};
use ledger_spec::time::Day;
use serde_json::Value;

use crate::audit::audit_of;
use crate::city::{City, account};
use crate::town::{Plan, Town};

const DAY_MS: u64 = 86_400_000;

fn lot(fund: Fund, expires_on: Day) -> LotKey {
    LotKey { purse: Purse::Yen, fund, expires_on }
}

/// Waits until the ledger has recorded what expired; it does so when nobody waits.
fn expired(engine: &Engine, fund: Fund, points: u64) {
    for _ in 0..600 {
        if engine.state().unwrap().expired.get(&fund) == Some(&points) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{:?} after 30 s", engine.state().unwrap().expired);
}

#[test]
fn corrections_stand_before_the_auditor_with_and_without_keys() {
    let mut city = City::settled();
    let today = Day::from_ymd(2026, 11, 22).unwrap();
    let story = city.live();
    let later = Day::from_ymd(2030, 3, 31).unwrap();
    let brought = lot(Fund::General, today.plus(4));
    let points = Points::new(80).unwrap();
    let id = account("ken");
    let source = city.open_paper_cards();
    for body in [
        Body::ActionWithdraw(ActionWithdraw { entry: story.measured, cause: Cause::Duplicate }),
        Body::BalanceImport(BalanceImport {
            account: id,
            lots: List(vec![LotPoints { lot: brought, points }]),
            control_total: 80,
            source,
        }),
        Body::Adjust(Adjust {
            account: id,
            lot: lot(Fund::Nhi, later),
            points: 30,
            cause: Cause::InputError,
        }),
        Body::LotExtend(LotExtend {
            account: id,
            lot: lot(Fund::Nhi, later),
            until: later.plus(365),
            cause: Cause::CityMeasure,
        }),
    ] {
        city.enact(body);
    }
    let (status, since) = (Status::Deceased, today);
    city.must(
        "staff",
        Body::AccountStatus(AccountStatus { account: id, status, since, cause: None }),
    );
    assert_eq!(city.engine().state().unwrap().imported[&Fund::General], 80);

    // Two days are enough for the lot; the clock stands, and nobody asks.
    city.clock.pass(3 * DAY_MS);
    expired(city.engine(), Fund::General, 80);
    let size = city.engine().state().unwrap().size;
    let (_, last) = city.engine().entry(Seq(size - 1)).unwrap().unwrap();
    assert!(matches!(last.effects[0], Effect::Posting { contra: Contra::Expired, .. }));
    // A restart finds nothing more to record.
    city.close();
    city.open().unwrap();
    let spent = city.payment("mei", 10);
    city.submit(&spent).unwrap();
    assert_eq!(city.engine().state().unwrap().size, size + 1);
    let keys = city.keys();
    city.close();
    for keys in [Some(&keys), None] {
        let report = audit_of(&city.data(), keys);
        assert_eq!(report.findings, []);
    }
}

#[tokio::test]
async fn a_list_of_deaths_waits_for_another_person() {
    let town = Town::found(Plan::default()).await;
    let resident = town.cast.account(0);
    let since = Day::of_ms(town.clock.now_s() * 1_000);
    let row = AccountStatus {
        account: resident,
        status: Status::Deceased,
        since,
        cause: Some(Cause::Death),
    };
    let own = town.core(900, Body::Approve(Approve { proposal: Seq(0), statement_hash: [0; 32] }));
    let text = Some(Note::new("住民票の死亡届").unwrap());
    let told = Disclosure { text, ..town.disclosure(None) };
    let rows = vec![(town.core(0, Body::AccountStatus(row)), Some(told))];
    let bytes = manifest::sign(own, Kind::AccountStatus, rows, &town.cast.staff());
    let path = town.path("/manifests");
    let send = || town.send(Method::POST, &path, "application/cbor-seq", bytes.clone());
    let first = send().await;
    assert_eq!(first.status, 202, "{}", first.text());
    assert_eq!(first.json()["problem"], "manifest-waits");
    let size = town.size().await;
    assert_eq!(send().await.status, 202, "and still waits");
    assert_eq!(town.size().await, size, "nothing was judged");
    let session = town.log_in(&town.cast.phone(0), 1).await;
    town.accept(&town.coaching(899, 0)).await;
    town.accept(&town.redeem(901, 100, town.code(1, 500))).await;

    let mut reader = ledger_spec::cbor::Reader::new(&bytes);
    let signed = ledger_spec::cose::Sign1::read(&mut reader).unwrap().to_bytes();
    let statement_hash = read(&signed).unwrap().1.hash();
    let proposal = Seq(first.json()["seq"].as_u64().unwrap());
    let approve = town.core(902, Body::Approve(Approve { proposal, statement_hash }));
    town.accept(&approve.sign(&town.cast.root(0), None)).await;
    let done = send().await;
    assert!(matches!(done.status.as_u16(), 200 | 201), "{}", done.text());
    assert_eq!(done.json()["accepted"], 1);
    let refused = town.submit(&town.redeem(903, 100, town.code(2, 500))).await;
    assert_eq!(refused.slug(), "points-not-usable", "the till hears no more");
    // The resident's phone, or whoever has it, reads the reason.
    let history = town.read("/me/history", &session).await.json();
    assert_eq!(history["entries"][0]["note"], "住民票の死亡届");
    assert_eq!(history["entries"][0]["cause"], "death");
    assert_eq!(history["entries"][0]["kind"], "account.status");
}

/// A list that nobody approves within a week never succeeds.
#[tokio::test]
async fn a_list_lapses() {
    let town = Town::found(Plan::default()).await;
    let lots = List(vec![LotPoints {
        lot: lot(Fund::General, Day::from_ymd(2028, 3, 31).unwrap()),
        points: Points::new(5).unwrap(),
    }]);
    let row = BalanceImport {
        account: town.cast.account(0),
        lots,
        control_total: 5,
        source: Code::new("another app").unwrap(),
    };
    let own = town.core(910, Body::Approve(Approve { proposal: Seq(0), statement_hash: [0; 32] }));
    let rows = vec![(town.core(0, Body::BalanceImport(row)), None)];
    let bytes = manifest::sign(own, Kind::BalanceImport, rows, &town.cast.staff());
    let path = town.path("/manifests");
    let send = || town.send(Method::POST, &path, "application/cbor-seq", bytes.clone());
    assert_eq!(send().await.status, 202);
    town.clock.pass(7 * 86_400);
    assert_eq!(send().await.slug(), "proposal-lapsed");
}

/// A clerk writes an illness beside a correction. The second person and the resident read it; the
/// log never has it in the clear, and it ends with the resident's data key.
#[tokio::test]
async fn what_is_written_about_a_correction_ends_with_the_residents_data_key() {
    const WRITTEN: &str = "入院のため測定できませんでした";
    let town = Town::found(Plan::default()).await;
    let account = town.cast.account(0);
    let lot = lot(Fund::General, Day::from_ymd(2028, 3, 31).unwrap());
    let body = Adjust { account, lot, points: 20, cause: Cause::CityMeasure };
    let text = Some(Note::new(WRITTEN).unwrap());
    let told = Disclosure { text, ..town.disclosure(None) };
    let core = town.core(100, Body::Adjust(body));
    let proposal = town.accept(&core.sign(&town.cast.staff(), Some(&told))).await;
    let proposal = Seq(proposal["seq"].as_u64().unwrap());

    let staff = town.log_in(&town.cast.root(0), 1).await;
    let path = format!("/proposals/{proposal}");
    let found = town.read(&path, &staff).await.json();
    let bytes = |name: &str| HEXLOWER.decode(found[name].as_str().unwrap().as_bytes()).unwrap();
    let kept = kept::read(&bytes("statement")).unwrap();
    assert_eq!(kept.core.sealed, Some(seal_of(&bytes("disclosure"))), "it is what was signed");
    let read: Disclosure = cbor::from_bytes(&bytes("disclosure")).unwrap();
    assert_eq!(read.text.unwrap().as_str(), WRITTEN);
    let approve = Approve { proposal, statement_hash: kept.hash() };
    town.accept(&town.core(101, Body::Approve(approve)).sign(&town.cast.root(0), None)).await;

    let phone = town.log_in(&town.cast.phone(0), 2).await;
    let newest = async |count: usize| {
        let entries = town.read("/me/history", &phone).await.json()["entries"].clone();
        (0..count).map(|at| [entries[at]["cause"].clone(), entries[at]["note"].clone()]).collect()
    };
    let known: Vec<_> = newest(2).await;
    assert_eq!(known, [["city_measure", WRITTEN], ["city_measure", WRITTEN]]);
    let log = town.log_bytes();
    assert!(!log.windows(WRITTEN.len()).any(|bytes| bytes == WRITTEN.as_bytes()));

    town.server.ledger("town").unwrap().engine.registry().erase(&[account]).unwrap();
    assert!(town.read(&path, &staff).await.json().get("disclosure").is_none());
    let known: Vec<_> = newest(2).await;
    assert_eq!(known, [["city_measure".into(), Value::Null], ["city_measure".into(), Value::Null]]);
}

/// What is about the person is the person's: a till hears that there is no sale, and nothing else.
#[tokio::test]
async fn a_till_hears_neutral_words_and_the_resident_reads_why() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let since = Day::of_ms(town.clock.now_s() * 1_000);
    let (account, cause) = (town.cast.account(0), Some(Cause::Misuse));
    let body = AccountStatus { account, status: Status::Frozen, since, cause };
    let core = town.core(101, Body::AccountStatus(body));
    town.accept(&core.sign(&town.cast.staff(), Some(&town.disclosure(None)))).await;

    let refused = town.submit(&town.redeem(102, 100, town.code(1, 500))).await;
    assert_eq!((refused.status.as_u16(), refused.slug().as_str()), (403, "points-not-usable"));
    let told = refused.text();
    for word in ["suspend", "停止", "checkup", "健診", "detail"] {
        assert!(!told.contains(word), "{word} in {told}");
    }
    let phone = town.log_in(&town.cast.phone(0), 1).await;
    assert_eq!(town.read("/me", &phone).await.json()["suspended"], true);
    let history = town.read("/me/history", &phone).await.json();
    assert_eq!(history["entries"][0]["cause"], "misuse");
}
