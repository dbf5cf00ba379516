//! What everyone may read: rules, keys, the log, pages, files, figures; and the desk of a demo.

use std::collections::BTreeSet;

use axum::http::Method;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use expect_test::expect;
use kenmai::http::metrics_router;
use kenmai::http::problem::{self, Retry};
use kenmai::pages::Lang;
use kenmai::pages::{CONTENT_SECURITY_POLICY, WORKER_POLICY};
use ledger_spec::cbor::{self, Text};
use ledger_spec::checkpoint::Checkpoint;
use ledger_spec::ids::{Kid, LedgerId};
use ledger_spec::merkle::{leaf_hash, root_of};
use ledger_spec::note::Note;
use ledger_spec::tile::decode_bundle;
use ledger_spec::token::{self, PayRequest, VenueCode};

use crate::town::{Client, Plan, Town, check};

#[tokio::test]
async fn everyone_reads_rules_keys_and_figures() {
    let town = Town::found(Plan::default()).await;
    check(
        &town.get("/v1/town").await,
        &expect![[r#"
            200 application/json
            {"ledger":"town","ledger_id":"252b0928b77b99d5","origin":"test.example/town","name":"健康マイレージ","programme_version":1,"today":"2026-11-22","now_s":1795316400,"demo":true,"size":28,"newest_s":1795316400}"#]],
    );
    check(
        &town.get("/v1/empty").await,
        &expect![[r#"
            200 application/json
            {"ledger":"empty","ledger_id":"323b0f018e7d28d5","origin":"test.example/empty","name":null,"programme_version":null,"today":"2026-11-22","now_s":1795316400,"demo":false,"size":0,"newest_s":0}"#]],
    );
    check(
        &town.get("/v1/nowhere").await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/ledger-not-found","title":"この台帳はありません。アドレスを確かめてください。","title_en":"There is no such ledger. Check the address.","status":404,"retry":"never"}"#]],
    );
    let programme = town.get("/v1/town/programme").await;
    assert_eq!(programme.json()["rules"][0]["points"], 20);
    assert_eq!(town.get("/v1/town/programme?version=1").await.bytes, programme.bytes);
    check(
        &town.get("/v1/town/programme?version=2").await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/not-found","title":"ページがありません。アドレスを確かめてください。","title_en":"There is no such page. Check the address.","status":404,"retry":"never"}"#]],
    );
    check(
        &town.get("/v1/town/programme?version=x").await,
        &expect![[r#"
        400 application/problem+json
        {"type":"https://kenmai.example/problems/malformed-request","title":"要求の形式が正しくありません。","title_en":"The request is not in its form.","status":400,"retry":"never"}"#]],
    );
    assert_eq!(town.get("/v1/empty/programme").await.status, 404);
    let path = |key: ed25519_dalek::SigningKey| {
        format!("/v1/town/keys/{}", Kid::of(key.verifying_key().as_bytes()))
    };
    check(
        &town.get(&path(town.cast.till(0))).await,
        &expect![[r#"
            200 application/json
            {"kid":"f05e55482667629c","public_key":"915139d181e187e73ea62f2dd9a5e46bc6ea2ed78b2c7ef9486df20a25b620e5","role":"shop","name":"魚政","place":"daf22cda4dbdccab","place_name":"魚政","registered_seq":9,"revoked":false}"#]],
    );
    let coach = town.get(&path(town.cast.coach(0))).await.json();
    assert!(coach["place"].is_null() && coach["place_name"].is_null(), "{coach}");
    assert_eq!(
        town.get(&path(town.cast.phone(0))).await.status,
        404,
        "a phone is nobody's business"
    );
    assert_eq!(town.get(&path(town.cast.phone(9))).await.status, 404);
    assert_eq!(town.get("/v1/town/keys/xyz").await.slug(), "malformed-request");
    town.accept(&town.revoke(100, &town.cast.till(0))).await;
    assert_eq!(town.get(&path(town.cast.till(0))).await.json()["revoked"], true);
}

/// Waits until everything accepted is published: at most a second of the clock's time.
async fn published(town: &Client) -> Checkpoint {
    let vkey = town.vkey().await;
    town.clock.pass(2);
    loop {
        let note = town.get(&format!("/{}/checkpoint", town.name)).await;
        let checkpoint = Checkpoint::open(&Note::parse(note.text()).unwrap(), &vkey).unwrap();
        if checkpoint.size == town.size().await {
            return checkpoint;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_public_log_is_whole_and_says_nothing_of_persons() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let checkpoint = published(&town).await;
    let size = checkpoint.size;
    let bundle = town.get(&format!("/town/tile/entries/000.p/{size}")).await;
    assert_eq!(bundle.header("content-type"), "application/octet-stream");
    assert_eq!(bundle.header("cache-control"), "public, max-age=31536000, immutable");
    let leaves = decode_bundle(&bundle.bytes, u16::try_from(size).unwrap()).unwrap();
    let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    assert_eq!(root_of(&hashes), checkpoint.root);
    let tile = town.get(&format!("/town/tile/0/000.p/{size}")).await;
    assert_eq!(tile.bytes, hashes.concat());
    for width in [1, 2, size - 1] {
        let narrow = town.get(&format!("/town/tile/0/000.p/{width}")).await;
        assert_eq!(narrow.bytes, hashes.concat()[..usize::try_from(width).unwrap() * 32]);
    }
    let cast = &town.cast;
    for number in [0, 1] {
        let phone = cast.phone(number).verifying_key();
        for secret in [&cast.card(number)[..10], &cast.account(number).0, phone.as_bytes()] {
            let hex = HEXLOWER.encode(secret).into_bytes();
            let told = |part: &[u8]| bundle.bytes.windows(part.len()).any(|found| found == part);
            assert!(!told(secret) && !told(&hex), "a bundle names a person");
        }
    }
    let note = town.get("/town/checkpoint").await;
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(note.header("cache-control"), "max-age=1");
    for path in [
        "0/000".to_owned(),
        "0/001".to_owned(),
        format!("0/000.p/{}", size + 1),
        "0/000.p/0".to_owned(),
        "0/000.p/256".to_owned(),
        "1/000.p/1".to_owned(),
        "64/000".to_owned(),
        "00/000".to_owned(),
        "entries/000".to_owned(),
        "entries/../0/000".to_owned(),
        "entries/x000/000".to_owned(),
        "names/000".to_owned(),
        "0/%00".to_owned(),
        "0/000.p/1/".to_owned(),
    ] {
        let answer = town.get(&format!("/town/tile/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(town.get("/town/tile/0/%FF").await.slug(), "malformed-request");
    check(
        &town.get("/nowhere/checkpoint").await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/ledger-not-found","title":"この台帳はありません。アドレスを確かめてください。","title_en":"There is no such ledger. Check the address.","status":404,"retry":"never"}"#]],
    );
}

#[tokio::test]
async fn every_page_answers_in_both_languages_without_inline_code() {
    let town = Town::found(Plan::default()).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let cookie = format!("kenmai_session={token}");
    let mut seen = BTreeSet::new();
    for path in [
        "/",
        "/tour",
        "/verify",
        "/for/shops",
        "/for/stations",
        "/for/coaches",
        "/for/city",
        "/town/me",
        "/empty/me",
        "/Q/ABC",
        "/town/pay",
        "/offline",
    ] {
        for lang in ["ja", "en"] {
            for headers in [&[][..], &[("cookie", cookie.as_str())]] {
                let page = town.get_with(&format!("{path}?lang={lang}"), headers).await;
                assert_eq!(page.status, 200, "{path}");
                check_page(&page, lang);
                let starts_worker = path.ends_with("/me") || path.ends_with("/pay");
                let policy = if starts_worker { WORKER_POLICY } else { CONTENT_SECURITY_POLICY };
                assert_eq!(page.header("content-security-policy"), policy, "{path}");
                seen.insert(page.text().to_owned());
            }
        }
    }
    assert_eq!(seen.len(), 26, "twelve pages in two languages; one differs for who has a session");
    // The language is kept, and Japanese without a word.
    let page = town.get("/?lang=en").await;
    let kept = page.header("set-cookie").split(';').next().unwrap().to_owned();
    expect!["kenmai_lang=en; Path=/; Max-Age=31536000; SameSite=Lax"]
        .assert_eq(page.header("set-cookie"));
    assert!(town.get_with("/verify", &[("cookie", &kept)]).await.text().contains("lang=\"en\""));
    for odd in ["/", "/?lang=fr", "/?lang=", "/?lang=%3Cscript%3E", "/?unknown=1"] {
        assert!(town.get(odd).await.text().contains("<html lang=\"ja\">"), "{odd}");
    }
}

fn check_page(page: &crate::town::Answer, lang: &str) {
    let html = page.text();
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(html.contains(&format!("<html lang=\"{lang}\">")));
    for script in html.split("<script").skip(1) {
        assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "an inline script");
    }
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_page_for_people_and_a_problem_for_programs() {
    let town = Town::found(Plan::default()).await;
    let asks_for_page = [("accept", "text/html,application/xhtml+xml")];
    for (path, status) in [
        ("/nothing", 404),
        ("/for/nobody", 404),
        ("/nowhere/me", 404),
        ("/town/me?before=x", 400),
        ("/?before=-1", 400),
        ("/%FF/me", 400),
        ("/Q/%FF", 400),
        ("/P/%FF", 400),
        ("/E/%FF", 400),
        ("/V/%FF", 400),
        ("/C/%FF", 400),
        ("/assets/%FF", 400),
        ("/for/%FF", 400),
        ("/town/participation/%FF", 400),
    ] {
        let page = town.get_with(path, &asks_for_page).await;
        assert_eq!(page.status, status, "{path}");
        check_page(&page, "ja");
        let english = [asks_for_page[0], ("cookie", "kenmai_lang=en")];
        // The page's own switch asks for a language in the address.
        let switched = format!("{path}{}lang=en", if path.contains('?') { '&' } else { '?' });
        for (path, headers) in [(path, &english[..]), (&switched, &asks_for_page)] {
            let page = town.get_with(path, headers).await;
            assert_eq!(page.status, status, "{path}");
            check_page(&page, "en");
        }
    }
    assert_eq!(town.get("/Q/%FF").await.slug(), "malformed-request");
    check(
        &town.get("/nothing").await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/not-found","title":"ページがありません。アドレスを確かめてください。","title_en":"There is no such page. Check the address.","status":404,"retry":"never"}"#]],
    );
    check(
        &town.get("/v1/town/me/nothing").await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/not-found","title":"ページがありません。アドレスを確かめてください。","title_en":"There is no such page. Check the address.","status":404,"retry":"never"}"#]],
    );
    for (method, path) in [
        (Method::GET, "/v1/town/statements"),
        (Method::DELETE, "/v1/town"),
        (Method::PUT, "/v1/town/sessions"),
        (Method::POST, "/"),
    ] {
        let answer = town.send(method, path, "text/plain", "").await;
        assert!(!answer.header("allow").is_empty(), "{path}");
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (405, "method-not-allowed"));
    }
    check(
        &town.send(Method::GET, "/v1/town/statements", "x", "").await,
        &expect![[r#"
        405 application/problem+json
        allow: POST
        {"type":"https://kenmai.example/problems/method-not-allowed","title":"このアドレスではこの操作はできません。","title_en":"The address does not take this method.","status":405,"retry":"never"}"#]],
    );
}

#[tokio::test]
async fn every_asset_that_a_page_names_is_there() {
    let town = Town::found(Plan::default()).await;
    let page = town.get("/tour").await;
    let named = page.text().split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
    for file in named.chain(["cose.js", "proof.js"]) {
        let asset = town.get(&format!("/assets/{file}")).await;
        assert_eq!(asset.status, 200, "{file}");
        assert!(!asset.header("content-type").is_empty() && !asset.bytes.is_empty(), "{file}");
    }
    for path in ["/assets/nothing.js", "/assets/..%2Fmod.rs", "/assets/"] {
        assert_eq!(town.get(path).await.slug(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn figures_name_routes_and_never_persons() {
    let town = Town::found(Plan::default()).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(town.get(path).await.text(), "ok\n");
    }
    town.accept(&town.coaching(100, 0)).await;
    town.accept(&town.redeem(101, 100, town.code(1, 300))).await;
    town.submit(&town.redeem(102, 100, town.code(1, 300))).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    town.read("/me", &token).await;
    town.read("/entries/30/receipt", &token).await;
    town.get("/Q/SECRETTOKEN").await;
    town.get("/nothing/SECRETPATH").await;
    assert_eq!(town.get("/metrics").await.status, 404, "never on the public address");

    let metrics = metrics_router(std::sync::Arc::clone(&town.server));
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(metrics, request).await.unwrap();
    let text = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    for line in [
        "kenmai_entries_total{kind=\"redeem\",ledger=\"town\"} 1",
        "kenmai_points_granted_total{fund=\"nhi\",ledger=\"town\"} 300",
        "kenmai_points_redeemed_total{direction=\"spent\",ledger=\"town\"} 100",
        "kenmai_refusals_total{ledger=\"town\",problem=\"qr-already-used\"} 1",
        "kenmai_ledger_writable{ledger=\"town\"} 1",
        "route=\"/v1/{ledger}/entries/{seq}/receipt\"",
        "route=\"/Q/{token}\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for personal in ["SECRET", &token, &town.cast.account(0).to_string()] {
        assert!(!text.contains(personal), "{personal}");
    }
    let labels: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.rsplit_once('}'))
        .flat_map(|(labels, _)| labels.split("\",").filter_map(|label| label.split_once('=')))
        .map(|(name, _)| name)
        .collect();
    let known = ["direction", "fund", "kind", "le", "ledger", "problem", "route", "status"];
    assert_eq!(labels, known.into());
}

#[tokio::test]
async fn a_stranger_is_let_in_at_the_desk_of_a_demo() {
    let town = Town::found(Plan::default()).await;
    let visit =
        |path: &'static str, body: String| town.send(Method::POST, path, "application/json", body);
    let hex = |number| HEXLOWER.encode(town.cast.phone(number).verifying_key().as_bytes());
    let keys = format!(r#"{{"station_key":"{}","till_key":"{}"}}"#, hex(50), hex(51));
    let demo = "/v1/town/demo/visitors";
    check(
        &visit(demo, keys.clone()).await,
        &expect![[r#"
            422 application/problem+json
            {"type":"https://kenmai.example/problems/action-unknown","title":"この健康行動はルールにありません。","title_en":"The programme has no such action.","status":422,"retry":"never","detail":"the programme has no such action"}"#]],
    );
    check(
        &visit(demo, "{}".to_owned()).await,
        &expect![[r#"
            422 application/problem+json
            {"type":"https://kenmai.example/problems/action-unknown","title":"この健康行動はルールにありません。","title_en":"The programme has no such action.","status":422,"retry":"never","detail":"the programme has no such action"}"#]],
    );
    let size = town.size().await;
    check(
        &visit(demo, keys).await,
        &expect![[r#"
        409 application/problem+json
        {"type":"https://kenmai.example/problems/key-exists","title":"この端末はもう登録されています。","title_en":"The key is registered already.","status":409,"retry":"never","detail":"the key is registered already"}"#]],
    );
    for body in ["", "[]", "{\"x\":1}", "{\"till_key\":\"ab\"}", "{\"till_key\":1}"] {
        assert_eq!(visit(demo, body.to_owned()).await.slug(), "malformed-request", "{body}");
    }
    let weak = format!(r#"{{"till_key":"{}"}}"#, "0".repeat(64));
    assert_eq!(visit(demo, weak).await.slug(), "key-weak");
    assert_eq!(visit(demo, "x".repeat(70_000)).await.slug(), "too-large");
    assert_eq!(town.size().await, size);
    check(
        &visit("/v1/empty/demo/visitors", "{}".to_owned()).await,
        &expect![[r#"
        404 application/problem+json
        {"type":"https://kenmai.example/problems/demo-only","title":"デモの台帳だけで使えます。","title_en":"Only a demo ledger offers this.","status":404,"retry":"never"}"#]],
    );
}

/// The specification and the program name the same problems.
#[test]
fn the_specification_lists_every_problem() {
    let specified = include_str!("../../ledger-spec/05-http.md");
    let table = specified.split("| slug | status | retry | title_en |\n|---|---|---|---|\n").nth(1);
    let table = table.and_then(|rest| rest.split("\n\n").next()).unwrap();
    let rows = problem::ALL.iter().map(|problem| {
        let retry = match problem.retry {
            Retry::SameId => "same_id",
            Retry::NewId => "new_id",
            Retry::Never => "never",
        };
        format!(
            "| `{}` | {} | `{retry}` | {} |",
            problem.slug,
            problem.status,
            problem.title(Lang::En)
        )
    });
    assert_eq!(table.lines().collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    let slugs: BTreeSet<_> = problem::ALL.iter().map(|problem| problem.slug).collect();
    assert_eq!(slugs.len(), problem::ALL.len(), "a slug names one problem");
}

#[tokio::test]
async fn what_a_till_shows_leads_to_the_pay_page_of_its_ledger() {
    let town = Town::found(Plan::default()).await;
    let request = |ledger| {
        let (shop, points) = (town.cast.shop_place(0), 800);
        BASE32_NOPAD.encode(&cbor::to_bytes(&PayRequest { ledger, shop, points }))
    };
    let asked = request(town.ledger);
    let answer = town.get(&format!("/P/{}", asked.to_lowercase())).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, &*format!("/town/pay#{asked}"))
    );
    let elsewhere = request(LedgerId::of_origin("elsewhere"));
    for stranger in [elsewhere.as_str(), &asked[1..], "ABC", "%00"] {
        assert_eq!(town.get(&format!("/P/{stranger}")).await.status, 404, "{stranger}");
    }
}

#[tokio::test]
async fn what_a_venue_shows_leads_to_the_phones_page_of_its_ledger() {
    let town = Town::found(Plan::default()).await;
    let code = |ledger| {
        let (exp_s, place) = (town.clock.now_s() + 60, town.cast.station_place(0));
        let action = Text::new("event.attend").unwrap();
        let code = VenueCode { exp_s, nonce: [7; 16], ledger, place, action };
        BASE32_NOPAD.encode(&token::sign(&code, &town.cast.station(0)))
    };
    let shown = code(town.ledger);
    let answer = town.get(&format!("/E/{}", shown.to_lowercase())).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, &*format!("/town/attend#{shown}"))
    );
    let elsewhere = code(LedgerId::of_origin("elsewhere"));
    for stranger in [elsewhere.as_str(), &shown[1..], "ABC", "%00"] {
        assert_eq!(town.get(&format!("/E/{stranger}")).await.status, 404, "{stranger}");
    }
    for page in ["venue", "attend"] {
        assert_eq!(town.get(&format!("/town/{page}")).await.status, 200, "{page}");
    }
}

/// Whoever looks at the first page before and after a sale learns nothing of it; of closed days it
/// has what their public cells say.
#[tokio::test]
async fn the_first_page_moves_with_closed_days_alone() {
    let town = Town::found(Plan::default()).await;
    let figures = async || {
        let page = town.get("/town?lang=ja").await.text().to_owned();
        let (_, after) = page.split_once("id=\"figures\"").unwrap();
        after.split_once("</section>").unwrap().0.to_owned()
    };
    let newest = async || town.get("/v1/town").await.json()["newest_s"].as_u64().unwrap();
    let (before, founded) = (figures().await, newest().await);
    town.clock.pass(60);
    town.accept(&town.coaching(100, 0)).await;
    town.accept(&town.redeem(101, 100, town.code(1, 500))).await;
    assert_eq!(figures().await, before);
    town.clock.pass(2);
    assert_eq!(newest().await, founded + 60);
    assert!(town.get("/town?lang=ja").await.text().contains("最新の記録は 0 分前"));
    town.clock.pass(7_500);
    assert!(town.get("/town?lang=ja").await.text().contains("最新の記録は 2 時間前"));
}
