//! Rewards through the engine: what the server does with a voucher that nobody used, and what an
//! audit makes of claims.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::expect;
use kenmai::audit::{Check, Gap};
use kenmai::query::links::{links, partners};
use kenmai::query::rewards::{catalogue, rewards, voucher};
use kenmai::query::{Access, Filter, history};
use kenmai::reports::books::BookLine;
use ledger_spec::cbor::Blob;
use ledger_spec::ids::{Kid, LinkId, PersonId, PlaceId, Seq};
use ledger_spec::kinds::{
    Adjust, Body, CataloguePublish, Cause, Code, DeviceEnrol, Document, KeyRegister, Kind,
    LinkGrant, LinkRevoke, Name, Purpose, RewardClaim, RewardUse, Role,
};
use ledger_spec::points::{Fund, LotKey, Points, Purse};
use ledger_spec::statement::{Disclosure, Holder, card_hash, voucher_hash};
use ledger_spec::time::Day;
use serde_json::json;
use tempfile::TempDir;

use crate::audit::audit_of;
use crate::city::{City, MINUTE_MS, account, card, id, key};

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn with_catalogue() -> City {
    let mut city = City::settled();
    city.consult("mei");
    let today = Day::of_ms(city.now_s() * 1_000);
    let item = |number: u32, code: &str, gives: serde_json::Value| {
        json!({"number": number, "code": code, "name": "入浴券", "name_en": "A bath", "purse": "yen", "points": 20,
            "from": today.minus(1), "until": today.plus(9), "stock": 5, "gives": gives})
    };
    let voucher =
        json!({"voucher": {"area": "city", "receives": 15, "valid_days": 2, "unused": "lapse"}});
    let gift = json!({"donation": {"to": PlaceId(id("place of shop"))}});
    let coin = item(3, "coin", json!({"currency": {"to": PlaceId(id("place of shop"))}}));
    let mut gift = item(2, "gift", gift);
    gift["auto"] = true.into();
    let document = json!({"version": 1, "items": [item(1, "bath", voucher), gift, coin]});
    let document = Document::new(&document.to_string()).unwrap();
    city.enact(Body::CataloguePublish(CataloguePublish { version: 1, document }));
    city
}

fn claim(city: &mut City, item: &str, secret: Option<[u8; 16]>) -> Seq {
    let code = secret.as_ref().map(voucher_hash);
    let (item, points) = (Code::new(item).unwrap(), Points::new(20).unwrap());
    let core = city.core(Body::RewardClaim(RewardClaim { item, points, code }));
    let disclosure = city.disclosure(None);
    let submission = core.sign(&key("mei"), Some(&disclosure));
    city.submit(&submission).unwrap().accounting.seq
}

/// Waits until the ledger has made its pass of the day, which it does when nobody waits.
fn until_shop_has(city: &City, points: u64) {
    let shop = PlaceId(id("place of shop"));
    for _ in 0..3_000 {
        let state = city.engine().state().unwrap();
        if state.shops.get(&shop).is_some_and(|row| row.total == points) {
            return;
        }
        drop(state);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{:?} after 30 s", city.engine().state().unwrap().shops.get(&shop));
}

/// What a resident has in lots of the yen purse.
fn points_of(city: &City, name: &str) -> u32 {
    let state = city.engine().state().unwrap();
    state.accounts[&account(name)].lots.iter().map(|lot| lot.points).sum()
}

#[test]
fn what_ends_today_is_given_away_once_for_whoever_asked() {
    let mut city = with_catalogue();
    let today = Day::of_ms(city.now_s() * 1_000);
    let add = |city: &mut City, name: &str, points, expires_on| {
        let lot = LotKey { purse: Purse::Yen, fund: Fund::General, expires_on };
        let (account, cause) = (account(name), Cause::CityMeasure);
        city.enact(Body::Adjust(Adjust { account, lot, points, cause }));
    };
    city.enrol("ken");
    for name in ["mei", "ken"] {
        add(&mut city, name, 50, today.plus(1));
        add(&mut city, name, 30, today.plus(2));
    }
    let before = ["mei", "ken"].map(|name| points_of(&city, name));
    let (link, until) = (LinkId([9; 16]), today.plus(1));
    let partner = Kid::of(city.keys().system.verifying_key().as_bytes());
    let purpose = Purpose::AutoExchange;
    let core = city.core(Body::LinkGrant(LinkGrant { link, purpose, until, partner }));
    let disclosure = city.disclosure(None);
    city.submit(&core.sign(&key("mei"), Some(&disclosure))).unwrap();
    let granted = links(city.engine(), account("mei"), today).unwrap();
    assert_eq!((granted[0].purpose, granted[0].in_force), (purpose, true));
    let keys = partners(city.engine()).unwrap();
    let known = keys.iter().find(|key| key.kid == partner).map(|key| key.purposes);
    assert_eq!(known, Some(&[purpose][..]));

    // Nothing ends today; tomorrow 40 of the 50 are whole units, and the link's last day has come.
    city.clock.pass(DAY_MS);
    city.measure("ken");
    until_shop_has(&city, 40);
    city.close();
    city.open().unwrap();
    city.clock.pass(MINUTE_MS);
    city.measure("ken");
    assert_eq!(points_of(&city, "mei"), before[0] - 40);
    let history = history(city.engine(), Access::Own(account("mei")), None, None, 1).unwrap();
    let line = &history.entries[0];
    assert_eq!(
        (line.kind, line.points, line.automatic),
        (Kind::RewardClaim, Some(-40), Some(true))
    );
    assert_eq!(line.name.as_deref(), Some("入浴券"));

    // The link has ended: what ends the day after, and what was left, expires.
    city.clock.pass(2 * DAY_MS);
    city.measure("ken");
    let expired = 10 + 30 + 50 + 30;
    for _ in 0..3_000 {
        if city.engine().state().unwrap().expired.get(&Fund::General) == Some(&expired) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(city.engine().state().unwrap().expired.get(&Fund::General), Some(&expired));
    until_shop_has(&city, 40);
    assert_eq!(points_of(&city, "mei"), before[0] - 80);
    city.close();

    let whole = audit_of(&city.data(), Some(&city.keys()));
    assert_eq!((whole.findings, whole.gaps), (vec![], BTreeMap::new()));
    let closed = audit_of(&city.data(), None);
    assert_eq!(closed.findings, []);
    // Both phones' codes stand in the sealed part alone; the claim is decided again under the link.
    assert_eq!(closed.gaps[&Gap::Decision], 2);
}

/// A shop's line keeps its minute also where that is the first of the day.
fn check_minute_of_midnight(city: &City, seq: Seq) {
    let mut entry = city.engine().entry(seq).unwrap().unwrap().1;
    entry.accepted_min = entry.accepted_day().start_ms() / MINUTE_MS;
    let (_, line) = BookLine::of(city.engine().ledger(), &entry).unwrap();
    assert_eq!((line.kind, line.accepted_min), ("reward.use", Some(entry.accepted_min)));
}

#[test]
fn a_voucher_is_used_or_lapses_and_the_audit_follows() {
    let mut city = with_catalogue();
    let (shop, today) = (PlaceId(id("place of shop")), Day::of_ms(city.now_s() * 1_000));
    let used = claim(&mut city, "bath", Some([1; 16]));
    let unused = claim(&mut city, "bath", Some([2; 16]));
    claim(&mut city, "gift", None);

    let asked = |city: &City, claim: Seq, secret: u8, shop| {
        let code = voucher_hash(&[secret; 16]);
        voucher(city.engine(), claim, code, shop, city.now_s()).unwrap().map(|found| found.state)
    };
    assert_eq!(asked(&city, used, 1, shop), Some("valid"));
    assert_eq!(asked(&city, used, 2, shop), None, "the secret of another");
    let own = rewards(city.engine(), account("mei"), today).unwrap();
    assert_eq!(own.iter().map(|line| line.claim).collect::<Vec<_>>(), [used.0, unused.0]);
    let left = |city: &City| catalogue(city.engine(), today).unwrap().items[0].left;
    assert_eq!(left(&city), Some(3));
    let redeemed = RewardUse { voucher: used, secret: [1; 16] };
    let seq = city.must("shop", Body::RewardUse(redeemed));
    assert_eq!(asked(&city, used, 1, shop), Some("ended"));
    check_minute_of_midnight(&city, seq);
    let in_shops =
        history(city.engine(), Access::Own(account("mei")), None, Some(Filter::Shops), 9);
    assert!(in_shops.unwrap().entries.iter().any(|line| line.kind == Kind::RewardUse));

    // The last day passes while the ledger is closed; the first batch after it takes the voucher
    // back.
    city.close();
    city.clock.pass(3 * DAY_MS);
    city.open().unwrap();
    assert_eq!(asked(&city, unused, 2, shop), Some("expired"));
    city.measure("mei");
    assert_eq!(asked(&city, unused, 2, shop), Some("ended"));
    assert_eq!(rewards(city.engine(), account("mei"), today).unwrap().len(), 0);
    assert_eq!(left(&city), Some(3), "what lapsed is not offered again");
    {
        let state = city.engine().state().unwrap();
        assert_eq!(state.shops[&shop].total, 15 + 20);
        assert_eq!(state.retired.values().sum::<u64>(), 5 + 20);
    }
    city.close();

    let whole = audit_of(&city.data(), Some(&city.keys()));
    assert_eq!((whole.findings, whole.gaps), (vec![], BTreeMap::new()));
    assert_eq!(whole.passed[&Check::Decisions], whole.entries);
    let closed = audit_of(&city.data(), None);
    assert_eq!(closed.findings, []);
    assert!(closed.gaps.get(&Gap::Decision).is_some_and(|gaps| *gaps <= 2), "{:?}", closed.gaps);
}

/// What a desk signs with a card and its PIN.
fn at_desk(city: &mut City, name: &str, body: Body) -> Seq {
    let terminal = Kid::of(key("staff").verifying_key().as_bytes());
    let proof = city.engine().prove_pin(card_hash(&card(name)), terminal, 0, city.now_s()).unwrap();
    let honest = city.disclosure(Some(Holder::Card(card(name))));
    let disclosure = Disclosure { pin_proof: Some(Blob(proof)), ..honest };
    let core = city.core(body);
    city.submit(&core.sign(&key("staff"), Some(&disclosure))).unwrap().accounting.seq
}

#[test]
fn an_audit_follows_a_desk_and_a_familys_phone() {
    let mut city = with_catalogue();
    let public_key = city.keys().pin.verifying_key().to_bytes();
    let (role, person, place) = (Role::Pin, PersonId(id("pin")), None);
    let name = Name::new("pin").unwrap();
    city.enact(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }));
    ["ken", "mei"].into_iter().for_each(|name| city.set_pin(name));
    let today = Day::of_ms(city.now_s() * 1_000);
    let phone = key("the phone of ken").verifying_key().to_bytes();
    let undecided = |city: &City| {
        let report = audit_of(&city.data(), None);
        assert_eq!(report.findings, []);
        report.gaps.get(&Gap::Decision).copied().unwrap_or(0)
    };
    city.close();
    let before = undecided(&city);
    city.open().unwrap();
    at_desk(&mut city, "ken", Body::DeviceEnrol(DeviceEnrol { public_key: phone }));
    // Mei is helped by ken's phone from the desk, by a link that ends, and by another one.
    let partner = Kid::of(&phone);
    let links = [LinkId([1; 16]), LinkId([2; 16])];
    for link in links {
        let (purpose, until) = (Purpose::Proxy, today.plus(9));
        let grant = LinkGrant { link, purpose, until, partner };
        at_desk(&mut city, "mei", Body::LinkGrant(grant));
    }
    city.must("staff", Body::LinkRevoke(LinkRevoke { link: links[0] }));
    let (item, points) = (Code::new("gift").unwrap(), Points::new(20).unwrap());
    let core = city.core(Body::RewardClaim(RewardClaim { item, points, code: None }));
    let disclosure = city.disclosure(Some(Holder::Link(links[1])));
    let claimed = core.sign(&key("the phone of ken"), Some(&disclosure));
    let claimed = city.submit(&claimed).unwrap().accounting;
    assert_eq!(claimed.subject.unwrap().account, account("mei"));

    city.close();
    let whole = audit_of(&city.data(), Some(&city.keys()));
    assert_eq!((whole.findings, whole.gaps), (vec![], BTreeMap::new()));
    // Without the keys a card is known by its hash and the PIN proof is kept, so that what a desk
    // did is decided again; a link can be found again.
    assert_eq!(undecided(&city), before);
}

fn change_coins(city: &mut City, name: &str, points: u32, wallet: &[u8]) -> Seq {
    let (item, points) = (Code::new("coin").unwrap(), Points::new(points).unwrap());
    let core = city.core(Body::RewardClaim(RewardClaim { item, points, code: None }));
    let disclosure = Disclosure { reference: Some(Blob(wallet.to_vec())), ..city.disclosure(None) };
    city.submit(&core.sign(&key(name), Some(&disclosure))).unwrap().accounting.seq
}

/// Exports November 2026 into a new file: exit code, what is complained of, and the file.
fn export(city: &City, folder: &TempDir, file: &str) -> (i32, String, String) {
    let (out, data) = (folder.path().join(file), city.data());
    let mut program = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    program.args(["export", "currency", "--month", "2026-11", "--data"]).arg(&data);
    program.arg("--keys").arg(data.parent().unwrap().join("keys")).arg("--out").arg(&out);
    let output = program.output().unwrap();
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let text = text.replace(['\u{feff}', '\r'], "");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap(), text)
}

#[test]
fn coins_go_to_their_wallets_with_totals_that_the_settlement_pays() {
    let mut city = with_catalogue();
    city.enrol("ken");
    city.consult("ken");
    change_coins(&mut city, "mei", 40, b"0012-3456");
    change_coins(&mut city, "ken", 20, b"77");
    change_coins(&mut city, "mei", 60, b"=1+1");
    claim(&mut city, "bath", Some([1; 16]));
    let folder = TempDir::new().unwrap();
    let (code, said, file) = export(&city, &folder, "early.csv");
    assert_eq!((code, file.as_str()), (2, ""), "{said}");
    expect![[r#"
        kenmai: 2026-11 is not over in the log, whose last entry is of 2026-11-22: export it afterwards
    "#]].assert_eq(&said);

    city.clock.pass(9 * DAY_MS);
    change_coins(&mut city, "mei", 20, b"1");
    let (code, said, file) = export(&city, &folder, "coin.csv");
    assert_eq!(code, 1, "{said}");
    expect![[r#"
        kenmai: 3 claims of 2026-11
        kenmai: 0010-WW: the wallet's number has signs that no file can carry
    "#]]
    .assert_eq(&said);
    expect![[r#"
        日付,伝票番号,品目,受取先,番号,ポイント,金額(円),備考
        2026-11-22,000Y-W6,coin,a179cae38d2c7a57,0012-3456,40,40,
        2026-11-22,000Z-HF,coin,a179cae38d2c7a57,77,20,20,
        2026-11-22,0010-WW,coin,a179cae38d2c7a57,,60,60,番号に使えない文字
        2026-11,合計,3件,a179cae38d2c7a57,,120,120,
        2026-11,うち番号なし,1件,a179cae38d2c7a57,,60,60,
    "#]]
    .assert_eq(&file);
    let mode = std::fs::metadata(folder.path().join("coin.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(export(&city, &folder, "again.csv").2, file);
    assert_eq!(export(&city, &folder, "coin.csv").0, 2, "never overwritten");
    // The voucher was not used: what the shop is paid for November are these claims alone.
    let total: u64 = {
        let state = city.engine().state().unwrap();
        let settled = state.settlements.values().filter(|row| row.month.to_string() == "2026-11");
        settled.map(|row| row.yen).sum()
    };
    assert!(file.contains(&format!(",{total},{total},\n")) && total == 120, "{total}");

    city.engine().registry().erase(&[account("ken")]).unwrap();
    let (_, _, file) = export(&city, &folder, "erased.csv");
    expect![[r#"
        日付,伝票番号,品目,受取先,番号,ポイント,金額(円),備考
        2026-11-22,000Y-W6,coin,a179cae38d2c7a57,0012-3456,40,40,
        2026-11-22,000Z-HF,coin,a179cae38d2c7a57,,20,20,消去済み
        2026-11-22,0010-WW,coin,a179cae38d2c7a57,,60,60,番号に使えない文字
        2026-11,合計,3件,a179cae38d2c7a57,,120,120,
        2026-11,うち番号なし,2件,a179cae38d2c7a57,,80,80,
    "#]]
    .assert_eq(&file);
}
