//! What residents, shops and stations do over HTTP, as stories through the router that the program
//! serves.

use expect_test::expect;
use ledger_spec::cbor;
use ledger_spec::entry::Opened;
use ledger_spec::ids::LedgerId;
use ledger_spec::note::VerifierKey;
use ledger_spec::receipt::Receipt;
use ledger_spec::statement::Holder;
use ledger_spec::token::{self, PayToken, Session};
use serde_json::Value;

use crate::town::{Plan, Town, check};

/// What a bare receipt carries: the leaf.
fn bare_leaf(receipt: &Receipt) -> Vec<u8> {
    let mut reader = cbor::Reader::new(&receipt.extra);
    reader.array_of(1, "leaf").unwrap();
    reader.bytes().unwrap().to_vec()
}

/// Checks a receipt as its holder would, without asking anybody.
fn check_receipt(text: &str, vkey: &VerifierKey, opened: bool) -> u64 {
    let receipt = Receipt::parse(text).unwrap();
    let leaf = if opened {
        cbor::from_bytes::<Opened>(&receipt.extra).unwrap().leaf()
    } else {
        bare_leaf(&receipt)
    };
    receipt.verify(&leaf, vkey).unwrap();
    let mut other = leaf;
    *other.last_mut().unwrap() ^= 1;
    receipt.verify(&other, vkey).unwrap_err();
    receipt.index
}

fn seq_of(verdict: &Value) -> u64 {
    verdict["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn a_measurement_earns_and_a_shop_redeems() {
    let town = Town::found(Plan::default()).await;
    let vkey = town.vkey().await;
    let measured = town.submit(&town.measure(100, Holder::Card(town.cast.card(0)))).await;
    check(
        &measured,
        &expect![[r#"
            201 application/json
            {"op_id":"00000064000000000000000000000000","seq":28,"kind":"action","day":"2026-11-22","receipt_number":"000W-DM","proof":"…","points":20,"reason":{"code":"full","of":"rule","per":"day","times_left":0}}"#]],
    );
    let proof = measured.json()["proof"].as_str().unwrap().to_owned();
    assert_eq!(check_receipt(&proof, &vkey, false), seq_of(&measured.json()));

    town.clock.pass(60);
    // The second measurement of the day, with the phone's code, finds 10 points left under the cap
    // of 30.
    let by_phone = town.measure(101, Holder::Phone(town.code(1, 0)));
    check(
        &town.submit(&by_phone).await,
        &expect![[r#"
        201 application/json
        {"op_id":"00000065000000000000000000000000","seq":29,"kind":"action","day":"2026-11-22","receipt_number":"000X-ZB","proof":"…","points":10,"reason":{"code":"cap","of":"rule","per":"day"}}"#]],
    );
    check(
        &town.submit(&town.coaching(102, 0)).await,
        &expect![[r#"
        201 application/json
        {"op_id":"00000066000000000000000000000000","seq":30,"kind":"action","day":"2026-11-22","receipt_number":"000Y-EE","proof":"…","points":300,"reason":{"code":"full"}}"#]],
    );

    let redeem = town.redeem(103, 100, town.code(2, 300));
    let first = town.submit(&redeem).await;
    check(
        &first,
        &expect![[r#"
        201 application/json
        {"op_id":"00000067000000000000000000000000","seq":31,"kind":"redeem","day":"2026-11-22","receipt_number":"000Z-8H","proof":"…","points":100}"#]],
    );
    let again = town.submit(&redeem).await;
    assert_eq!(again.bytes, first.bytes, "the first answer comes back");
    check(
        &again,
        &expect![[r#"
        200 application/json
        idempotent-replayed: true
        {"op_id":"00000067000000000000000000000000","seq":31,"kind":"redeem","day":"2026-11-22","receipt_number":"000Z-8H","proof":"…","points":100}"#]],
    );
    // With another entry in between the verdict is the same; the proof is under the later head.
    town.accept(&town.coaching(104, 1)).await;
    let later = town.submit(&redeem).await.json();
    let Value::Object(mut later) = later else { panic!("{later}") };
    let proof = later.remove("proof").unwrap();
    assert_eq!(check_receipt(proof.as_str().unwrap(), &vkey, false), seq_of(&first.json()));
    for (name, value) in later {
        assert_eq!(value, first.json()[&name]);
    }

    let size = town.size().await;
    let other_bytes = town.redeem(103, 50, town.code(3, 300));
    check(
        &town.submit(&other_bytes).await,
        &expect![[r#"
        422 application/problem+json
        {"type":"https://kenmai.example/problems/idempotency-key-reused","title":"同じ操作番号が別の内容で使われています。","title_en":"The operation id belongs to another statement.","status":422,"retry":"new_id","detail":"the operation id belongs to another statement, entry 31","op_id":"00000067000000000000000000000000"}"#]],
    );
    assert_eq!(town.size().await, size);
    // The till is taken away. What it said before still stands, and is answered.
    town.accept(&town.revoke(105, &town.cast.till(0))).await;
    assert_eq!(town.submit(&redeem).await.status, 200);
    check(
        &town.submit(&town.redeem(106, 50, town.code(4, 300))).await,
        &expect![[r#"
        403 application/problem+json
        {"type":"https://kenmai.example/problems/key-revoked","title":"この端末の登録は取り消されています。市に連絡してください。","title_en":"This device has been revoked. Ask the city.","status":403,"retry":"never","detail":"the key has been revoked","op_id":"0000006a000000000000000000000000"}"#]],
    );
}

#[tokio::test]
async fn a_till_asks_about_a_code_and_spends_nothing() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let size = town.size().await;
    let code = town.code(1, 300);
    check(
        &town.ask(0, code.clone()).await,
        &expect![[r#"
        200 application/json
        {"state":"valid","max_points":300}"#]],
    );
    check(
        &town.ask(1, code.clone()).await,
        &expect![[r#"
        200 application/json
        {"state":"valid","max_points":300}"#]],
    );
    // Not enough points for this; the till does not learn that.
    check(
        &town.ask(0, town.code(2, 90_000)).await,
        &expect![[r#"
        200 application/json
        {"state":"valid","max_points":90000}"#]],
    );
    let foreign = PayToken { ledger: LedgerId::of_origin("x"), ..town.pay_token(3, 300) };
    let by_a_till = token::sign(&town.pay_token(4, 300), &town.cast.till(0));
    let by_nobody = token::sign(&town.pay_token(4, 300), &town.cast.phone(7));
    let too_long = PayToken { exp_s: town.clock.now_s() + 301, ..town.pay_token(5, 300) };
    let elsewhere = PayToken { shop: Some(town.cast.shop_place(1)), ..town.pay_token(6, 300) };
    let phone = town.cast.phone(0);
    let mut forged = code.clone();
    *forged.last_mut().unwrap() ^= 1;
    for foreign in [
        token::sign(&foreign, &phone),
        token::sign(&too_long, &phone),
        token::sign(&elsewhere, &phone),
        by_a_till,
        by_nobody,
        forged,
        b"no token".to_vec(),
    ] {
        assert_eq!(town.ask(0, foreign).await.text(), r#"{"state":"foreign"}"#);
    }
    assert_eq!(town.size().await, size);
    town.accept(&town.redeem(101, 100, code.clone())).await;
    check(
        &town.ask(1, code.clone()).await,
        &expect![[r#"
        200 application/json
        {"state":"used"}"#]],
    );
    let fresh = town.code(6, 300);
    town.clock.pass(120);
    check(
        &town.ask(0, fresh).await,
        &expect![[r#"
        200 application/json
        {"state":"expired"}"#]],
    );
    // Its end has come; whether it was used is nobody's business any more.
    check(
        &town.ask(0, code.clone()).await,
        &expect![[r#"
        200 application/json
        {"state":"expired"}"#]],
    );
}

#[tokio::test]
async fn only_a_till_may_ask_about_a_code() {
    let town = Town::found(Plan::default()).await;
    let code = town.code(1, 300);
    for key in [town.cast.station(0), town.cast.phone(1)] {
        let question = token::QrCheck {
            exp_s: town.clock.now_s() + 60,
            nonce: [1; 16],
            ledger: town.ledger,
            token: cbor::Blob(code.clone()),
        };
        let answer = town.post("/qr/check", token::sign(&question, &key)).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (403, "role-not-permitted"));
    }
}

#[tokio::test]
async fn a_session_is_named_by_a_cookie_or_by_a_header() {
    let town = Town::found(Plan::default()).await;
    let phone = town.cast.phone(0);
    let opened = town.post("/sessions", token::sign(&town.session(1), &phone)).await;
    check(
        &opened,
        &expect![[r#"
        201 application/json
        {"token":"…","expires_at":1795359600,"role":"device"}"#]],
    );
    let token = opened.json()["token"].as_str().unwrap().to_owned();
    let cookie = opened.header("set-cookie").replace(&token, "TOKEN");
    expect!["kenmai_session=TOKEN; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict"]
        .assert_eq(&cookie);
    check(
        &town.read("/me", &token).await,
        &expect![[r#"
            200 application/json
            {"account_entries":4,"yen":0,"challenge":0,"lots":[],"holds":[],"as_of_seq":28}"#]],
    );
    let cookie = format!("a=b; kenmai_session={token}");
    assert_eq!(town.get_with(&town.path("/me"), &[("cookie", &cookie)]).await.status, 200);
    // The header wins over the cookie.
    let both = [("cookie", cookie.as_str()), ("authorization", "Bearer x")];
    check(
        &town.get_with(&town.path("/me"), &both).await,
        &expect![[r#"
        401 application/problem+json
        www-authenticate: Bearer
        {"type":"https://kenmai.example/problems/session-required","title":"はじめからやり直してください。","title_en":"A session is required. Open one first.","status":401,"retry":"new_id"}"#]],
    );
    check(
        &town.get(&town.path("/me")).await,
        &expect![[r#"
        401 application/problem+json
        www-authenticate: Bearer
        {"type":"https://kenmai.example/problems/session-required","title":"はじめからやり直してください。","title_en":"A session is required. Open one first.","status":401,"retry":"new_id"}"#]],
    );
}

#[tokio::test]
async fn a_session_is_opened_once_and_for_one_ledger() {
    let town = Town::found(Plan::default()).await;
    let message = token::sign(&town.session(1), &town.cast.phone(0));
    let opened = town.post("/sessions", message.clone()).await;
    check(
        &town.post("/sessions", message).await,
        &expect![[r#"
        409 application/problem+json
        {"type":"https://kenmai.example/problems/session-already-opened","title":"もう一度お試しください。","title_en":"This request has been used. Sign another.","status":409,"retry":"new_id"}"#]],
    );
    let bearer = format!("Bearer {}", opened.json()["token"].as_str().unwrap());
    let elsewhere = town.get_with("/v1/empty/me", &[("authorization", &bearer)]).await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.slug().as_str()), (401, "session-required"));
}

#[tokio::test]
async fn a_session_that_is_not_signed_as_it_must_be_is_refused() {
    let town = Town::found(Plan::default()).await;
    let phone = town.cast.phone(0);
    let refused = [
        (token::sign(&Session { exp_s: town.clock.now_s(), ..town.session(2) }, &phone), 410),
        (token::sign(&Session { exp_s: town.clock.now_s() + 301, ..town.session(2) }, &phone), 410),
        (
            token::sign(&Session { ledger: LedgerId::of_origin("x"), ..town.session(2) }, &phone),
            422,
        ),
        (token::sign(&town.session(2), &town.cast.phone(7)), 401),
        (token::sign(&town.pay_token(2, 0), &phone), 400),
        (town.coaching(100, 0), 400),
        (Vec::new(), 400),
    ];
    let mut slugs = Vec::new();
    for (message, status) in refused {
        let answer = town.post("/sessions", message).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        slugs.push(answer.slug());
    }
    expect!["statement-expired statement-expired ledger-mismatch key-unknown malformed-statement malformed-statement malformed-statement"].assert_eq(&slugs.join(" "));
}

#[tokio::test]
async fn sessions_end_with_their_number_their_key_and_their_time() {
    let town = Town::found(Plan::default()).await;
    let phone = town.cast.phone(0);
    let token = town.log_in(&phone, 1).await;
    // A key may have 16 sessions; a further one ends the oldest, its own and nobody else's.
    let neighbour = town.log_in(&town.cast.phone(1), 3).await;
    for number in 10..26 {
        town.log_in(&phone, number).await;
    }
    assert_eq!(town.read("/me", &token).await.status, 401);
    let token = town.log_in(&phone, 30).await;
    town.accept(&town.revoke(101, &phone)).await;
    check(
        &town.read("/me", &token).await,
        &expect![[r#"
        403 application/problem+json
        {"type":"https://kenmai.example/problems/key-revoked","title":"この端末の登録は取り消されています。市に連絡してください。","title_en":"This device has been revoked. Ask the city.","status":403,"retry":"never"}"#]],
    );
    assert_eq!(town.post("/sessions", token::sign(&town.session(31), &phone)).await.status, 403);
    assert_eq!(town.read("/me", &neighbour).await.status, 200);
    town.clock.pass(12 * 3_600);
    assert_eq!(town.read("/me", &neighbour).await.status, 401);
}

#[tokio::test]
async fn a_resident_reads_balance_and_history() {
    let town = Town::found(Plan::default()).await;
    for op in 100..103 {
        town.clock.pass(60);
        town.accept(&town.measure(op, Holder::Card(town.cast.card(0)))).await;
    }
    town.accept(&town.coaching(103, 0)).await;
    town.accept(&town.coaching(104, 1)).await;
    town.accept(&town.redeem(105, 310, town.code(1, 500))).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    check(
        &town.read("/me", &token).await,
        &expect![[r#"
            200 application/json
            {"account_entries":9,"yen":20,"challenge":0,"lots":[
              {"purse":"yen","fund":"general","expires_on":"2028-03-31","points":20}],"holds":[],"as_of_seq":34}"#]],
    );
    check(
        &town.read("/me/history?limit=3", &token).await,
        &expect![[r#"
            200 application/json
            {"entries":[
              {"seq":33,"kind":"redeem","day":"2026-11-22","accepted_at_s":1795316580,"points":-310,"action":null,"name":null,"name_en":null,"place":"魚政","reason":null,"receipt_number":"0011-8Z","yen_after":20},
              {"seq":31,"kind":"action","day":"2026-11-22","accepted_at_s":1795316580,"points":300,"action":"care","name":"特定保健指導","name_en":"Health guidance","place":"北村","reason":{"code":"full"},"receipt_number":"000Z-8H","yen_after":330},
              {"seq":30,"kind":"action","day":"2026-11-22","accepted_at_s":1795316580,"points":0,"action":"vegecheck.measure","name":"野菜測定","name_en":"Vegetable level","place":"保健センター","reason":{"code":"cap","of":"rule","per":"day"},"receipt_number":"000Y-EE","yen_after":30,"values":{"level_tenths":63}}],"next_before":30}"#]],
    );
    let all = town.read("/me/history", &token).await.json();
    let all = all["entries"].as_array().unwrap();
    // Pages of every size give the same entries, each once.
    for limit in 1..=all.len() + 1 {
        let (mut read, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = town.read(&format!("/me/history{query}"), &token).await.json();
            let entries = page["entries"].as_array().unwrap();
            assert!(!entries.is_empty() && entries.len() <= limit);
            read.extend(entries.clone());
            let Some(before) = page["next_before"].as_u64() else { break };
            query = format!("?limit={limit}&before={before}");
        }
        assert_eq!(&read, all);
    }
    // A number that no page named works too, and one before everything finds nothing.
    let neighbours = seq_of(&all[0]) - 1;
    let page = town.read(&format!("/me/history?before={neighbours}"), &token).await.json();
    assert_eq!(page["entries"].as_array().unwrap()[..], all[1..]);
    let nothing = town.read("/me/history?before=0", &token).await.json();
    assert_eq!(nothing["entries"], Value::Array(Vec::new()));
    let from_the_end = format!("/me/history?before={}", u64::MAX);
    assert_eq!(town.read(&from_the_end, &token).await.json()["entries"].as_array().unwrap(), all);
    for query in ["limit=0", "limit=-1", "limit=x", "before=-1", "before=1.5"] {
        let answer = town.read(&format!("/me/history?{query}"), &token).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (400, "malformed-request"));
    }
    for who in [town.cast.till(0), town.cast.staff()] {
        let token = town.log_in(&who, 2 + who.to_bytes()[0] % 100).await;
        assert_eq!(town.read("/me", &token).await.slug(), "role-not-permitted");
        assert_eq!(town.read("/me/history", &token).await.slug(), "role-not-permitted");
    }
}

#[tokio::test]
async fn a_shop_reads_its_day() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let till = town.log_in(&town.cast.till(0), 1).await;
    check(
        &town.read("/shop/today", &till).await,
        &expect![[r#"
            200 application/json
            {"shop":"魚政","day":"2026-11-22","count":0,"points":0,"refunded":0,"entries":[]}"#]],
    );
    let first = town.accept(&town.redeem(101, 30, town.code(1, 500))).await;
    town.clock.pass(60);
    town.accept(&town.redeem(102, 40, town.code(2, 500))).await;
    assert_eq!(town.read("/shop/today", &till).await.json()["points"], 70);
    let void = town.void(103, seq_of(&first));
    check(
        &town.submit(&void).await,
        &expect![[r#"
        201 application/json
        {"op_id":"00000067000000000000000000000000","seq":31,"kind":"void","day":"2026-11-22","receipt_number":"000Z-8H","proof":"…","points":30}"#]],
    );
    check(
        &town.read("/shop/today", &till).await,
        &expect![[r#"
            200 application/json
            {"shop":"魚政","day":"2026-11-22","count":1,"points":40,"refunded":0,"entries":[
              {"seq":30,"points":40,"receipt_number":"000Y-EE","accepted_min":29921941,"voided":false},
              {"seq":29,"points":30,"receipt_number":"000X-ZB","accepted_min":29921940,"voided":true}]}"#]],
    );
    check(
        &town.submit(&town.void(104, seq_of(&first))).await,
        &expect![[r#"
        409 application/problem+json
        {"type":"https://kenmai.example/problems/already-reversed","title":"この記録はもう取り消されています。","title_en":"The entry is undone already.","status":409,"retry":"never","detail":"the entry is undone already, by entry 31","op_id":"00000068000000000000000000000000"}"#]],
    );
    let neighbour = town.log_in(&town.cast.till(1), 2).await;
    assert_eq!(town.read("/shop/today", &neighbour).await.json()["count"], 0);
    let phone = town.log_in(&town.cast.phone(0), 3).await;
    assert_eq!(town.read("/shop/today", &phone).await.slug(), "role-not-permitted");
    // Midnight: the day is over for voids, and the list begins anew before anyone has written
    // anything.
    town.clock.pass(12 * 3_600);
    let till = town.log_in(&town.cast.till(0), 4).await;
    assert_eq!(town.read("/shop/today", &till).await.json()["count"], 0);
    check(
        &town.submit(&town.void(105, seq_of(&first) + 1)).await,
        &expect![[r#"
        410 application/problem+json
        {"type":"https://kenmai.example/problems/void-window-closed","title":"取り消しは当日の24時までです。市に連絡してください。","title_en":"A redemption can be undone until 24:00 of its day. Ask the city.","status":410,"retry":"never","detail":"a redemption can be undone until 24:00 of its day","op_id":"00000069000000000000000000000000"}"#]],
    );
    town.accept(&town.redeem(106, 50, town.code(3, 500))).await;
    let day = town.read("/shop/today", &till).await.json();
    assert_eq!((&day["day"], &day["count"]), (&"2026-11-23".into(), &1.into()));
}

#[tokio::test]
async fn a_receipt_says_to_each_what_is_theirs() {
    let town = Town::found(Plan::default()).await;
    let vkey = town.vkey().await;
    town.accept(&town.coaching(100, 0)).await;
    let verdict = town.accept(&town.redeem(101, 100, town.code(1, 500))).await;
    let path = format!("/entries/{}/receipt", seq_of(&verdict));
    let resident = town.log_in(&town.cast.phone(0), 1).await;
    let till = town.log_in(&town.cast.till(0), 2).await;
    let stranger = town.log_in(&town.cast.phone(1), 3).await;
    let neighbour = town.log_in(&town.cast.till(1), 4).await;

    let opened = town.read(&path, &resident).await;
    assert_eq!(opened.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(check_receipt(opened.text(), &vkey, true), seq_of(&verdict));
    let bare = town.read(&path, &till).await;
    assert_eq!(check_receipt(bare.text(), &vkey, false), seq_of(&verdict));
    assert_eq!(bare_leaf(&Receipt::parse(bare.text()).unwrap()).len(), 34, "class 1, commitment");
    for token in [&stranger, &neighbour] {
        let hidden = town.read(&path, token).await;
        let absent = town.read("/entries/99999/receipt", token).await;
        assert_eq!(hidden.bytes, absent.bytes, "whether it is there is not told");
        assert_eq!((hidden.status.as_u16(), hidden.slug().as_str()), (404, "entry-not-found"));
    }
    for bad in
        ["/entries/-1/receipt", "/entries/x/receipt", "/entries/99999999999999999999/receipt"]
    {
        let answer = town.read(bad, &resident).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (400, "malformed-request"));
    }
    assert_eq!(town.get(&town.path(&path)).await.status, 401);
    // Another log's key does not check it.
    let other = town.get("/empty/vkey").await;
    let other = VerifierKey::parse(other.text().trim_end()).unwrap();
    let receipt = Receipt::parse(bare.text()).unwrap();
    receipt.verify(&bare_leaf(&receipt), &other).unwrap_err();
}
