//! Settlement by the writer of the log: each shop's month once, when it is over, also after a
//! pause.

use std::process::{Command, Output};

use expect_test::expect;
use kenmai::audit::{AuditConfig, audit};
use kenmai::cli::fields;
use kenmai::log::disk::RealDisk;
use ledger_spec::entry::Effect;
use ledger_spec::ids::{PlaceId, Seq};
use ledger_spec::kinds::{Body, Kind, Note, SettlementClose, SettlementPaid, Void};
use ledger_spec::statement::Holder;
use ledger_spec::time::{Day, Month};
use serde_json::Value;

use crate::city::{City, MINUTE_MS, ORIGIN, account, id};
use crate::town::{Plan, Town};

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The settlements in the log, each with its place.
fn settlements(city: &City) -> Vec<(Seq, SettlementClose)> {
    let size = city.engine().state().unwrap().size;
    let entries = (0..size).map(|seq| city.engine().entry(Seq(seq)).unwrap().unwrap().1);
    let settled = |effect: &Effect| {
        if let Effect::ShopSettled { settlement } = effect {
            Some(settlement.clone())
        } else {
            None
        }
    };
    let found = |entry: ledger_spec::entry::Accounting| {
        Some((entry.seq, entry.effects.iter().find_map(settled)?))
    };
    entries.filter_map(found).collect()
}

fn audit_is_clean(city: &City) {
    let keys = city.keys();
    let (data_folder, origin) = (city.data(), ORIGIN.to_owned());
    let config = AuditConfig { data_folder, origin, keys: Some(&keys) };
    let report = audit(&RealDisk, &config, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn each_month_is_settled_once_before_anything_of_the_next() {
    let mut city = City::settled();
    city.measure("mei");
    city.consult("mei");
    let first_sale = city.pay("mei", 120);
    city.clock.pass(9 * DAY_MS);
    let december = city.measure("mei");
    let shop = PlaceId(id("place of shop"));
    let [(seq, november)] = &settlements(&city)[..] else { panic!("one settlement") };
    assert_eq!((november.shop, november.month, november.yen), (shop, Month(2026 * 12 + 10), 120));
    assert_eq!((november.first, november.end), (Seq(0), *seq));
    assert!(first_sale < *seq && seq.0 + 1 == december.0, "after the day, before what follows");

    // A restart in the next year settles December, and November no second time.
    city.clock.pass(29 * DAY_MS);
    city.pay("mei", 10);
    city.close();
    city.clock.pass(2 * DAY_MS);
    city.open().unwrap();
    city.measure("mei");
    let found = settlements(&city);
    assert_eq!(found.iter().map(|row| row.1.yen).collect::<Vec<_>>(), [120, 10]);
    assert_eq!(found[1].1.first, *seq);
    city.clock.pass(40 * DAY_MS);
    city.measure("mei");
    assert_eq!(settlements(&city).len(), 2, "a month without movement has no settlement");

    let paid_on = Day::from_ymd(2026, 12, 7).unwrap();
    let reference = Note::new("FB-1").unwrap();
    city.must(
        "staff",
        Body::SettlementPaid(SettlementPaid { settlement: *seq, paid_on, reference }),
    );
    city.close();
    audit_is_clean(&city);
}

fn run(city: &City, command: &str, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    program.args(["settle", command]).arg(city.data()).args(arguments).output().unwrap()
}

/// What `kenmai settle` says of the city's folder, or what it complains of.
fn settle(city: &City, command: &str, arguments: &[&str]) -> Result<String, String> {
    let Output { status, stdout, stderr } = run(city, command, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if status.success() { Ok(text(&stdout)) } else { Err(text(&stderr)) }
}

/// A city in December that has to pay its shop 450 yen of two funds for November.
fn city_with_november() -> (City, String, Seq) {
    let mut city = City::settled();
    city.measure("mei");
    city.consult("mei");
    city.pay("mei", 200);
    city.clock.pass(MINUTE_MS);
    let sale = city.pay("mei", 30);
    city.must("shop", Body::Void(Void { entry: sale }));
    city.clock.pass(3 * DAY_MS);
    city.act("staff", "checkup", None, Holder::Account(account("mei")));
    city.pay("mei", 250);
    city.clock.pass(9 * DAY_MS);
    city.measure("mei");
    let settlement = settlements(&city)[0].0;
    (city, PlaceId(id("place of shop")).to_string(), settlement)
}

#[test]
fn a_shops_statement_has_every_line_and_adds_up() {
    let (city, shop, _) = city_with_november();
    expect![[r#"
        34          2026-11  a179cae38d2c7a57           450  not paid     shop
        total                                           450
    "#]]
    .assert_eq(&settle(&city, "list", &[]).unwrap());
    let csv = settle(&city, "statement", &["--shop", &shop]).unwrap();
    assert!(csv.starts_with('\u{feff}'), "Excel needs the mark");
    expect![[r#"
        伝票番号,日付,時刻,種別,ポイント,記録番号
        000V-H0,2026-11-22,18:00,お支払い,200,27
        000W-TB,2026-11-22,18:01,お支払い,30,28
        000X-HT,2026-11-22,18:01,取消,-30,29
        0010-WW,2026-11-25,18:01,お支払い,250,32
        ,2026-11-30,,合計,450,
        ,2026-11-30,,前回からの繰越,0,
        ,2026-11-30,,お支払額(円),450,
    "#]]
    .assert_eq(&csv.replace('\u{feff}', "").replace("\r\n", "\n"));
    let json = settle(&city, "statement", &["--shop", &shop, "--json", "--month", "2026-11"]);
    let json: Value = serde_json::from_str(&json.unwrap()).unwrap();
    assert_eq!(json["yen"], 450);
    let lines = json["lines"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["points"].as_i64().unwrap()).sum::<i64>(), 450);
    assert_eq!(json["log"]["size"], city.engine().state().unwrap().size);
    expect![[r#"
        kenmai: there is no settlement of 2026-10; the ledger settles a month with its first entry after it
    "#]].assert_eq(
        &settle(&city, "statement", &["--shop", &shop, "--month", "2026-10"]).unwrap_err(),
    );
    expect![[r#"
        kenmai: there is no shop `0000000000000000`; the shops are
          a179cae38d2c7a57  shop
    "#]]
    .assert_eq(&settle(&city, "statement", &["--shop", "0000000000000000"]).unwrap_err());
}

#[test]
fn the_funds_invoices_add_up_to_what_the_shops_get() {
    let (city, _, _) = city_with_november();
    let csv = settle(&city, "invoice", &[]).unwrap();
    expect![[r#"
        月,財源,店舗番号,店舗名,精算番号,金額(円)
        2026-11,一般会計,a179cae38d2c7a57,shop,34,150
        2026-11,一般会計,,合計,,150
        2026-11,国民健康保険,a179cae38d2c7a57,shop,34,300
        2026-11,国民健康保険,,合計,,300
    "#]]
    .assert_eq(&csv.replace('\u{feff}', "").replace("\r\n", "\n"));
    let sums = csv.lines().filter(|line| line.contains("合計"));
    let sum: i64 = sums.map(|line| line.rsplit(',').next().unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(sum, 450);
}

fn keys_of(city: &City) -> String {
    city.data().parent().unwrap().join("keys").display().to_string()
}

/// The month's file of transfers, made in a folder.
fn zengin(city: &City, out: &str, date: &str) -> Result<String, String> {
    let payer = ["--payer-code", "0000000042", "--payer-account", "0149-002-1-7654321"];
    let keys = keys_of(city);
    let arguments = ["--keys", &keys, "--payer-name", "ヤイヅシ", "--date", date, "--out", out];
    settle(city, "zengin", &[&payer[..], &arguments].concat())
}

/// Keeps a bank account, and writes the body of the statement that sets it.
fn set_account(city: &City, shop: &str, account: &str, holder: &str) -> Result<String, String> {
    let keys = keys_of(city);
    let whose = ["--shop", shop, "--account", account, "--keys", &keys, "--holder", holder];
    settle(city, "account", &whose)
}

fn shop_account(json: &str) -> Body {
    let Value::Object(body) = serde_json::from_str(json.trim()).unwrap() else { panic!("{json}") };
    fields::body_of(Kind::ShopAccount, &body).unwrap()
}

/// What one person has put into the registry is paid to nobody, before and after two have set an
/// account.
#[test]
fn only_the_account_that_two_persons_have_set_is_paid() {
    let (mut city, shop, _) = city_with_november();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("transfers.txt").display().to_string();
    let refused = |city: &City| zengin(city, &out, "2026-12-07").unwrap_err();
    expect![[r#"
        kenmai: shop (SHOP) has no bank account that two persons have set; `kenmai import shop-accounts` makes the statement, one signs it and another approves
    "#]]
    .assert_eq(&refused(&city).replace(&shop, "SHOP"));
    expect![[r#"
        kenmai: shop: holder: `魚` is no sign that banks take; write the name in kana as it stands in the bank book
    "#]].assert_eq(&set_account(&city, &shop, "0149-001-1-1234567", "魚政").unwrap_err());
    let body = set_account(&city, &shop, "0149-001-1-1234567", "うおまさ").unwrap();
    assert!(refused(&city).contains("no bank account that two persons have set"));
    city.enact(shop_account(&body));

    set_account(&city, &shop, "0149-001-1-7777777", "ア").unwrap();
    let registry = rusqlite::Connection::open(city.data().join("registry.sqlite")).unwrap();
    let hash = city.engine().state().unwrap().shop_accounts.values().next().copied().unwrap();
    let take = "DELETE FROM shop_accounts WHERE hash = ?1 RETURNING shop, sealed";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (place, sealed): (Vec<u8>, Vec<u8>) = registry.query_row(take, [hash], row).unwrap();
    assert!(refused(&city).contains("no other is paid"));
    let put = "INSERT INTO shop_accounts (hash, shop, sealed) VALUES (?1, ?2, ?3)";
    registry.execute(put, rusqlite::params![hash, place, sealed]).unwrap();
    zengin(&city, &out, "2026-12-07").unwrap();
    let file = std::fs::read(&out).unwrap();
    let paid = |number: &[u8]| file.windows(7).any(|digits| digits == number);
    assert!(paid(b"1234567") && !paid(b"7777777"));
}

#[test]
fn a_month_goes_to_the_bank_and_comes_back_paid() {
    let (mut city, shop, settlement) = city_with_november();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("transfers.txt").display().to_string();
    expect![[r#"
        kenmai: banks do not work on 2026-12-05; the next day they do is 2026-12-07
    "#]]
    .assert_eq(&zengin(&city, &out, "2026-12-05").unwrap_err());
    let body = set_account(&city, &shop, "0149-001-1-1234567", "うおまさ").unwrap();
    city.enact(shop_account(&body));
    expect![[r#"
        transfers: 1, yen: 450, on 2026-12-07: FILE
    "#]]
    .assert_eq(&zengin(&city, &out, "2026-12-07").unwrap().replace(&out, "FILE"));
    let file = std::fs::read(&out).unwrap();
    assert_eq!(file.len(), 4 * 120);
    assert_eq!(file[120 + 80..120 + 91], *b"00000004500");
    let again = zengin(&city, &out, "2026-12-07").unwrap_err();
    assert_eq!(again.matches("File exists").count(), 1, "never overwritten");

    let long = "F".repeat(401);
    for reference in ["", &long, "FB\t1"] {
        let paid = settle(&city, "paid", &["--on", "2026-12-04", "--reference", reference]);
        expect![[r#"
            kenmai: a reference is 1 to 400 bytes without control characters
        "#]]
        .assert_eq(&paid.unwrap_err());
    }
    let paid = settle(&city, "paid", &["--on", "2026-12-04", "--reference", "FB-1"]).unwrap();
    let Value::Object(body) = serde_json::from_str(paid.trim()).unwrap() else { panic!("{paid}") };
    assert_eq!(body["settlement"], settlement.0);
    city.must("staff", fields::body_of(Kind::SettlementPaid, &body).unwrap());
    assert_eq!(settle(&city, "paid", &["--on", "2026-12-04", "--reference", "FB-1"]).unwrap(), "");
    let list = settle(&city, "list", &["--month", "2026-11"]).unwrap();
    assert!(list.contains("2026-12-04"), "{list}");
}

#[tokio::test]
async fn a_shop_reads_its_own_settlements_and_staff_read_all() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    town.accept(&town.redeem(101, 30, town.code(1, 500))).await;
    town.clock.pass(60);
    town.accept(&town.redeem(102, 40, town.code(2, 500))).await;
    town.clock.pass(9 * 86_400);
    town.accept(&town.coaching(103, 0)).await;
    let till = town.log_in(&town.cast.till(0), 1).await;
    let list = town.read("/settlements", &till).await.json();
    assert_eq!((&list[0]["month"], &list[0]["yen"]), (&"2026-11".into(), &70.into()), "{list}");
    let seq = list[0]["settlement"].as_u64().unwrap();
    let path = format!("/settlements/{seq}");
    // The views follow the log a moment later.
    let mut statement = town.read(&path, &till).await;
    for _ in 0..3_000 {
        if statement.status.as_u16() != 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        statement = town.read(&path, &till).await;
    }
    let statement = statement.json();
    let points: Vec<_> =
        statement["lines"].as_array().unwrap().iter().map(|l| &l["points"]).collect();
    assert_eq!(points, [30, 40]);
    assert_eq!((&statement["points"], &statement["yen"]), (&70.into(), &70.into()));
    assert!(
        statement["log"]["checkpoint"]
            .as_str()
            .unwrap()
            .starts_with(statement["log"]["origin"].as_str().unwrap())
    );
    assert_eq!(statement["log"]["root"].as_str().unwrap().len(), 64);

    let neighbour = town.log_in(&town.cast.till(1), 2).await;
    assert_eq!(town.read("/settlements", &neighbour).await.json(), Value::Array(Vec::new()));
    for path in [path.clone(), format!("{path}/csv"), "/settlements/0".to_owned()] {
        assert_eq!(town.read(&path, &neighbour).await.slug(), "entry-not-found", "{path}");
    }
    assert_eq!(town.read("/invoices/2026-11", &till).await.slug(), "role-not-permitted");
    let staff = town.log_in(&town.cast.staff(), 3).await;
    assert_eq!(
        town.read("/settlements?month=2026-10", &staff).await.json(),
        Value::Array(Vec::new())
    );
    assert_eq!(town.read("/settlements?month=2026", &staff).await.slug(), "malformed-request");
    assert_eq!(town.read("/settlements?month=2026-11", &staff).await.json(), list);
    let invoice = town.read("/invoices/2026-11", &staff).await.json();
    let sum: i64 = invoice.as_array().unwrap().iter().map(|l| l["yen"].as_i64().unwrap()).sum();
    assert_eq!(sum, 70);
    let phone = town.log_in(&town.cast.phone(0), 4).await;
    assert_eq!(town.read("/settlements", &phone).await.slug(), "role-not-permitted");
    assert_eq!(town.read(&path, &phone).await.slug(), "role-not-permitted");
}

/// A list of accounts becomes rows of the registry and one proposal for each shop; brought again it
/// asks for nothing that is in force.
#[test]
fn a_list_of_bank_accounts_becomes_proposals_for_two_persons() {
    let (mut city, shop, _) = city_with_november();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let keys = city.data().parent().unwrap().join("keys").display().to_string();
    let data = city.data().display().to_string();
    let kenmai = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kenmai"));
        let output = command.current_dir(at).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(kenmai(&["keygen", "staff.pem"]).0, Some(0));
    let import = |out: &str, more: &[&str]| {
        let own = ["import", "shop-accounts", "shops.csv", "--data", &data, "--keys", &keys];
        kenmai(&[&own[..], &["--out", out], more].concat())
    };
    let list = |lines: &str| {
        std::fs::write(at.join("shops.csv"), format!("shop,account,holder\n{lines}")).unwrap();
    };
    list(&format!("{shop},0149-001-1-1234567,ウオマサ\n0000000000000000,0149-001-1-1,ア\n"));
    let (code, _, error) = import("no", &[]);
    assert!(code == Some(2) && error.contains("line 3: no shop has the id"), "{error}");
    let kept = || city.engine().registry().shop_accounts().unwrap().len();
    assert_eq!(kept(), 0, "of a file with a fault nothing");

    list(&format!("{shop},0149-001-1-1234567,ウオマサ\n"));
    let (code, said, error) = import("first", &["--key", "staff.pem"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains(&format!("first-{shop}.cose")), "{said}");
    let bytes = std::fs::read(at.join(format!("first-{shop}.cose"))).unwrap();
    let (_, signed) = ledger_spec::statement::read(&bytes).unwrap();
    let rows = std::fs::read_to_string(at.join("first-shop.account.jsonl")).unwrap();
    let body = shop_account(&rows);
    assert_eq!(signed.core.body, body);
    assert_eq!(kept(), 1);
    city.enact(body);
    let (_, said, _) = import("again", &[]);
    assert!(said.contains("again-shop.account.jsonl 0"), "{said}");
    let registry = city.engine().registry().shop_accounts().unwrap();
    let state = city.engine().state().unwrap();
    assert_eq!(
        registry.keys().collect::<Vec<_>>(),
        state.shop_accounts.values().collect::<Vec<_>>()
    );
}
