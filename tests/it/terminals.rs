//! What the pages of terminals and staff ask over HTTP: places, proposals, both signatures of a
//! demo city.

use axum::http::Method;
use data_encoding::HEXLOWER;
use expect_test::expect;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{Kid, PersonId, Seq};
use ledger_spec::kept;
use ledger_spec::kinds::{Approve, Body, KeyRegister, Role, ShopAccount};
use ledger_spec::statement::bank_account_hash;
use serde_json::{Value, json};

use crate::town::{Answer, Plan, Town, check};

const ADMIT: &str = "/v1/town/demo/terminals";

async fn admit(town: &Town, path: &str, asked: &Value) -> Answer {
    town.send(Method::POST, path, "application/json", asked.to_string()).await
}

#[tokio::test]
async fn places_are_named_by_role() {
    let town = Town::found(Plan::default()).await;
    let shops = town.get("/v1/town/places?role=shop").await.json();
    let place = |number| town.cast.shop_place(number).to_string();
    assert_eq!(
        shops,
        json!([{"place": place(1), "name": "八百屋"}, {"place": place(0), "name": "魚政"}])
    );
    assert_eq!(town.get("/v1/town/places?role=station").await.json().as_array().unwrap().len(), 1);
    assert_eq!(town.get("/v1/town/places?role=coach").await.json(), json!([]));
    for bad in ["", "?role=", "?role=thief"] {
        let answer = town.get(&format!("/v1/town/places{bad}")).await;
        assert_eq!(answer.slug(), "malformed-request", "{bad}");
    }
    assert_eq!(town.get("/v1/nowhere/places?role=shop").await.slug(), "ledger-not-found");
}

#[tokio::test]
async fn a_second_person_reads_what_the_first_one_signed() {
    let town = Town::found(Plan::default()).await;
    let key = town.cast.till(7);
    let body = KeyRegister {
        public_key: key.verifying_key().to_bytes(),
        role: Role::Shop,
        person: PersonId([7; 16]),
        place: Some(town.cast.shop_place(0)),
        name: Text::new("魚政").unwrap(),
    };
    let submission = town.core(100, Body::KeyRegister(body)).sign(&town.cast.staff(), None);
    let seq = town.accept(&submission).await["seq"].as_u64().unwrap();
    let path = format!("/proposals/{seq}");

    let staff = town.log_in(&town.cast.staff(), 1).await;
    let found = town.read(&path, &staff).await.json();
    assert_eq!((&found["seq"], &found["done"]), (&json!(seq), &json!(false)));
    assert_eq!(found["until_min"], town.clock.now_s() / 60 + 7 * 24 * 60);
    let kept = HEXLOWER.decode(found["statement"].as_str().unwrap().as_bytes()).unwrap();
    let kept = kept::read(&kept).unwrap();
    assert_eq!(kept.kid, Kid::of(town.cast.staff().verifying_key().as_bytes()));

    let approve = Approve { proposal: Seq(seq), statement_hash: kept.hash() };
    town.accept(&town.core(101, Body::Approve(approve)).sign(&town.cast.root(0), None)).await;
    assert_eq!(town.read(&path, &staff).await.json()["done"], true);

    // Only those who may approve read it, and there is nothing to read of other entries.
    for (number, other) in [(2, town.cast.till(0)), (3, town.cast.phone(0))] {
        let token = town.log_in(&other, number).await;
        assert_eq!(town.read(&path, &token).await.slug(), "role-not-permitted");
    }
    assert_eq!(town.get(&town.path(&path)).await.slug(), "session-required");
    for nothing in ["0", "999999", "18446744073709551615"] {
        let answer = town.read(&format!("/proposals/{nothing}"), &staff).await;
        assert_eq!(answer.slug(), "proposal-not-found", "{nothing}");
    }
}

#[tokio::test]
async fn a_demo_city_signs_for_both_persons() {
    let town = Town::found(Plan::default()).await;
    let hex = |number| HEXLOWER.encode(&town.cast.till(number).verifying_key().to_bytes());
    let asked = json!({"key": hex(7), "role": "shop", "name": "港の売店"});
    let admitted = admit(&town, ADMIT, &asked).await;
    assert_eq!(admitted.status, 201, "{}", admitted.text());
    let admitted = admitted.json();
    let path = format!("/v1/town/keys/{}", admitted["kid"].as_str().unwrap());
    let key = town.get(&path).await.json();
    assert_eq!(key["public_key"], hex(7));
    assert_eq!((&key["role"], &key["place_name"]), (&json!("shop"), &json!("港の売店")));
    assert_eq!(key["place"], admitted["place"]);

    let coach = json!({"key": hex(8), "role": "coach", "name": "保健師 北村"});
    let admitted = admit(&town, ADMIT, &coach).await.json();
    assert!(admitted["place"].is_null(), "{admitted}");

    let refused = [
        (json!({"key": hex(7), "role": "shop", "name": "again"}), "key-exists"),
        (json!({"key": hex(9), "role": "staff", "name": "stranger"}), "role-not-permitted"),
        (json!({"key": hex(9), "role": "root", "name": "stranger"}), "role-not-permitted"),
        (json!({"key": "00", "role": "shop", "name": "short"}), "malformed-request"),
        (json!({"key": hex(9), "role": "shop", "name": ""}), "malformed-request"),
        (json!({"key": hex(9), "role": "shop", "name": "x".repeat(121)}), "malformed-request"),
        (json!({"key": hex(9), "role": "shop"}), "malformed-request"),
        (json!({"key": hex(9), "role": "shop", "name": "a", "place": "b"}), "malformed-request"),
        (json!({"key": "00".repeat(32), "role": "shop", "name": "weak"}), "key-weak"),
    ];
    for (asked, slug) in refused {
        assert_eq!(admit(&town, ADMIT, &asked).await.slug(), slug, "{asked}");
    }
    let elsewhere = admit(&town, "/v1/empty/demo/terminals", &asked).await;
    assert_eq!(elsewhere.slug(), "demo-only");
}

#[tokio::test]
async fn strangers_are_limited_by_the_hour() {
    let town = Town::found(Plan::default()).await;
    let ask = |number: usize| {
        let key = town.cast.phone(1_000 + number).verifying_key().to_bytes();
        json!({"key": HEXLOWER.encode(&key), "role": "coach", "name": "体験"})
    };
    for number in 0..600 {
        assert_eq!(admit(&town, ADMIT, &ask(number)).await.status, 201, "{number}");
    }
    check(
        &admit(&town, ADMIT, &ask(600)).await,
        &expect![[r#"
        429 application/problem+json
        retry-after: 1
        {"type":"https://kenmai.example/problems/rate-limited","title":"回数が多すぎます。少し待ってからもう一度お試しください。","title_en":"Too many requests. Wait a little.","status":429,"retry":"same_id"}"#]],
    );
    town.clock.pass(3_601);
    assert_eq!(admit(&town, ADMIT, &ask(601)).await.status, 201);
}

#[tokio::test]
async fn the_camera_is_for_pages_that_scan() {
    let town = Town::found(Plan::default()).await;
    for page in ["shop", "station", "coach"] {
        let answer = town.get(&format!("/town/{page}")).await;
        assert_eq!(answer.header("permissions-policy"), "camera=(self)", "{page}");
        assert_eq!(answer.header("cache-control"), "no-store", "{page}");
        assert!(answer.text().contains("data-scan=\"camera\""), "{page}");
    }
    for page in ["/town/terminal", "/town/enrol", "/town/approve", "/town/me", "/", "/v1/town"] {
        let answer = town.get(page).await;
        assert_eq!(answer.status, 200, "{page}");
        assert_eq!(answer.header("permissions-policy"), "camera=()", "{page}");
    }
    for page in ["terminal", "enrol", "approve", "shop", "station", "coach"] {
        assert_eq!(town.get(&format!("/nowhere/{page}")).await.status, 404, "{page}");
    }
}

/// Who approves where a shop is paid reads the account that the signed hash is of.
#[tokio::test]
async fn a_second_person_reads_the_bank_account_behind_the_hash() {
    let town = Town::found(Plan::default()).await;
    let registry = town.server.ledger("town").unwrap().engine.registry();
    let (shop, named) = (town.cast.shop_place(0), "0149-001-1-1234567 ｳｵﾏｻ");
    let kept = registry.put_shop_account(shop, named).unwrap();
    let staff = town.log_in(&town.cast.root(0), 1).await;
    for (op, bank_account) in [(100, kept), (101, [9; 32])] {
        let core = town.core(op, Body::ShopAccount(ShopAccount { shop, bank_account }));
        let proposal = town.accept(&core.sign(&town.cast.staff(), None)).await;
        let found = town.read(&format!("/proposals/{}", proposal["seq"]), &staff).await.json();
        if bank_account == kept {
            let text = |name: &str| found["bank_account"][name].as_str().unwrap().to_owned();
            let salt = HEXLOWER.decode(text("salt").as_bytes()).unwrap().try_into().unwrap();
            assert_eq!(text("account"), named);
            assert_eq!(bank_account_hash(&salt, named), kept);
        } else {
            assert!(found.get("bank_account").is_none(), "what nobody has kept");
        }
    }
}
