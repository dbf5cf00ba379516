//! The resident's own pages and readings, through the router: what is personal, what a phone may
//! keep, and leaving.

use axum::http::Method;
use expect_test::expect;
use ledger_spec::ids::{Kid, LinkId};
use ledger_spec::kinds::{Body, LinkGrant, LinkRevoke, Purpose};
use ledger_spec::statement::Holder;
use ledger_spec::time::Day;
use serde_json::{Value, json};

use crate::town::{Plan, Town, check};

/// A measurement with a value, by card.
fn measured(town: &Town, op: u32, level_tenths: u32) -> Vec<u8> {
    let disclosure = town.measured(Holder::Card(town.cast.card(0)), level_tenths);
    town.action(op, "vegecheck.measure", 1).sign(&town.cast.station(0), Some(&disclosure))
}

/// The pages of a history narrowed to `show`, one entry each.
async fn narrowed(town: &Town, token: &str, show: &str) -> Vec<Value> {
    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/me/history?show={show}&limit=1{before}");
        let page = town.read(&path, token).await.json();
        found.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next_before"].as_u64() else { return found };
        before = format!("&before={next}");
    }
}

#[tokio::test]
async fn measured_values_are_for_the_one_who_was_measured() {
    let town = Town::found(Plan::default()).await;
    town.clock.pass(60);
    town.accept(&measured(&town, 100, 75)).await;
    town.accept(&town.coaching(101, 0)).await;
    let verdict = town.accept(&town.redeem(102, 100, town.code(1, 300))).await;
    assert!(verdict.get("values").is_none(), "the till learns nothing of it: {verdict}");
    let token = town.log_in(&town.cast.phone(0), 1).await;
    check(
        &town.read("/me/history?limit=1&show=actions&before=29", &token).await,
        &expect![[r#"
            200 application/json
            {"entries":[
              {"seq":28,"kind":"action","day":"2026-11-22","accepted_at_s":1795316460,"points":20,"action":"vegecheck.measure","name":"野菜測定","name_en":"Vegetable level","place":"保健センター","reason":{"code":"full","of":"rule","per":"day","times_left":0},"receipt_number":"000W-DM","yen_after":20,"values":{"level_tenths":75}}],"next_before":24}"#]],
    );
    let kinds = |found: Vec<Value>| -> Vec<Value> {
        found.into_iter().map(|e| e["kind"].clone()).collect()
    };
    assert_eq!(kinds(narrowed(&town, &token, "actions").await), [json!("action"), json!("action")]);
    assert_eq!(kinds(narrowed(&town, &token, "shops").await), [json!("redeem")]);
    let odd = town.read("/me/history?show=everything", &token).await;
    assert_eq!((odd.status.as_u16(), odd.slug().as_str()), (400, "malformed-request"));
}

#[tokio::test]
async fn the_own_page_is_for_the_session_and_its_csv_too() {
    let town = Town::found(Plan::default()).await;
    town.clock.pass(60);
    town.accept(&measured(&town, 100, 75)).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let cookie = format!("kenmai_session={token}");
    let page = town.get_with("/town/me?lang=en&show=actions", &[("cookie", &cookie)]).await;
    for part in
        ["Vegetable level 7.5", "class=\"chart\"", "this phone", "?show=actions&amp;lang=ja"]
    {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    assert_eq!(page.header("cache-control"), "no-store");
    let csv = town.get_with("/town/me/history.csv", &[("cookie", &cookie)]).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("cache-control"), "no-store");
    assert!(csv.text().contains("野菜測定,20,保健センター,"), "{}", csv.text());

    // Another resident's session shows nothing of it, and none shows nothing at all.
    let neighbour = town.log_in(&town.cast.phone(1), 2).await;
    let cookie = format!("kenmai_session={neighbour}");
    let page = town.get_with("/town/me", &[("cookie", &cookie)]).await;
    assert!(page.text().contains("data-session=\"yes\"") && !page.text().contains("7.5"));
    assert_eq!(town.get("/town/me/history.csv").await.status, 401);
    assert!(!town.get("/town/me").await.text().contains("7.5"));
}

#[tokio::test]
async fn leaving_ends_one_session_and_clears_the_browser() {
    let town = Town::found(Plan::default()).await;
    let (here, elsewhere) =
        (town.log_in(&town.cast.phone(0), 1).await, town.log_in(&town.cast.phone(0), 2).await);
    // Another site can send the form, but not the session.
    let strange = town.send(Method::POST, "/town/me/leave", "text/plain", "").await;
    assert_eq!((strange.status.as_u16(), strange.header("clear-site-data")), (303, ""));
    assert_eq!(town.read("/me", &here).await.status, 200);

    let request = axum::http::Request::post("/town/me/leave")
        .header("cookie", format!("kenmai_lang=en; kenmai_session={here}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let left = town.call(request).await;
    assert_eq!(left.status, 303);
    assert_eq!(left.header("location"), "/town/me?left=1&lang=en");
    assert_eq!(left.header("clear-site-data"), "\"cache\", \"cookies\"", "the key stays");
    assert_eq!(town.read("/me", &here).await.status, 401);
    assert_eq!(town.read("/me", &elsewhere).await.status, 200);
    assert!(town.get("/town/me?left=1").await.text().contains("data-left=\"yes\""));
    assert_eq!(town.send(Method::POST, "/nowhere/me/leave", "text/plain", "").await.status, 404);
}

#[tokio::test]
async fn what_a_phone_keeps_is_the_same_for_everyone() {
    let town = Town::found(Plan::default()).await;
    town.accept(&town.coaching(100, 0)).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let cookie = format!("kenmai_session={token}");
    let worker = town.get("/sw.js").await;
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    let kept = worker.text().lines().next().unwrap();
    let kept = kept.strip_prefix("const KEPT = ").and_then(|kept| kept.strip_suffix(';')).unwrap();
    let kept: Value = serde_json::from_str(kept).unwrap();
    let paths = kept["files"].as_array().unwrap().iter().chain(kept["pages"].as_array().unwrap());
    let mut count = 0;
    for path in paths.map(|path| path.as_str().unwrap()) {
        let strangers = town.get(path).await;
        assert_eq!(strangers.status, 200, "{path}");
        assert_eq!(
            town.get_with(path, &[("cookie", &cookie)]).await.bytes,
            strangers.bytes,
            "{path}"
        );
        count += 1;
    }
    assert!(count > 10, "the worker keeps a page and its files");
    let policy = |answer: &crate::town::Answer| answer.header("content-security-policy").to_owned();
    assert!(policy(&town.get("/town/pay").await).contains("worker-src 'self'"));
    assert!(!policy(&town.get("/tour").await).contains("worker-src"));
    assert_eq!(town.get("/nowhere/pay").await.status, 404);
}

#[tokio::test]
async fn links_are_read_by_their_own_account_alone() {
    let town = Town::found(Plan::default()).await;
    let till = town.log_in(&town.cast.till(0), 1).await;
    assert_eq!(town.read("/me/links", &till).await.status.as_u16(), 403);
    assert_eq!(town.read("/proposals", &till).await.status.as_u16(), 403);
    let phone = town.log_in(&town.cast.phone(0), 2).await;
    assert_eq!(town.read("/me/links", &phone).await.text(), "[]");
    assert_eq!(town.read("/proposals", &phone).await.status.as_u16(), 403);
    // The ledger's own key is another in every town.
    let partners = town.get("/v1/town/partners").await.json();
    let seen = partners.as_array().unwrap().iter().map(|key| [&key["name"], &key["purposes"]]);
    let seen: Vec<_> = seen.collect();
    assert_eq!(json!(seen), json!([["北村", ["sessions"]], ["台帳", ["auto_exchange"]]]));
}

#[tokio::test]
async fn a_familys_phone_reads_what_it_may_until_the_link_ends() {
    let town = Town::found(Plan::default()).await;
    town.accept(&measured(&town, 100, 75)).await;
    town.accept(&town.coaching(101, 0)).await;
    let kid = |resident| Kid::of(town.cast.phone(resident).verifying_key().as_bytes());
    let today = Day::of_ms(town.clock.now_s() * 1_000);
    let link = LinkId([5; 16]);
    let (purpose, until, partner) = (Purpose::Proxy, today.plus(10), kid(1));
    let grant = Body::LinkGrant(LinkGrant { link, purpose, until, partner });
    let grant = town.core(102, grant).sign(&town.cast.phone(0), Some(&town.disclosure(None)));
    town.accept(&grant).await;

    let token = town.log_in(&town.cast.phone(1), 1).await;
    let helped = town.read("/me/family", &token).await;
    assert_eq!(helped.header("cache-control"), "no-store");
    assert_eq!(helped.json(), json!([{"link": link.to_string(), "until": until.to_string()}]));
    let of = |path: &str| format!("{path}for={link}");
    assert_eq!(town.read("/me", &token).await.json()["yen"], 0, "the own account");
    assert_eq!(town.read(&of("/me?"), &token).await.json()["yen"], 320);
    assert_eq!(town.read(&of("/me/rewards?"), &token).await.text(), "[]");
    let history = town.read(&of("/me/history?show=actions&"), &token).await.json();
    let lines = history["entries"].as_array().unwrap();
    // The group for the exact action, and nothing that was measured.
    assert_eq!(lines[0]["name"], "保健相談");
    assert_eq!(lines[0]["points"], 300);
    assert!(lines[1].get("values").is_none(), "{}", lines[1]);
    let cookie = format!("kenmai_session={token}");
    let page = town.get_with(&format!("/town/me?for={link}"), &[("cookie", &cookie)]).await;
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text().contains("320") && page.text().contains("保健相談"));
    assert!(!page.text().contains("7.5") && !page.text().contains("tlog-proof"));
    let entry = lines[0]["seq"].as_u64().unwrap();
    let receipt = town.read(&format!("/entries/{entry}/receipt"), &token).await;
    assert_eq!(receipt.slug(), "entry-not-found", "proofs are for the person alone");
    // The person's own phone sees the same link, by the other's key, and all of the own records.
    let own = town.log_in(&town.cast.phone(0), 2).await;
    let links = town.read("/me/links", &own).await.json();
    assert_eq!(links[0]["purpose"], "proxy");
    assert_eq!(links[0]["partner"], kid(1).to_string());
    let exact = town.read("/me/history?show=actions", &own).await.json();
    assert_ne!(exact["entries"][0]["name"], "保健相談");

    // Nobody else, no other number, no other reader.
    for (path, slug) in
        [(of("/me?"), "link-not-found"), ("/me?for=xyz".to_owned(), "malformed-request")]
    {
        assert_eq!(town.read(&path, &own).await.slug(), slug, "{path}");
    }
    let till = town.log_in(&town.cast.till(0), 3).await;
    for path in [of("/me?"), of("/me/history?"), of("/me/rewards?"), "/me/family".to_owned()] {
        assert_eq!(town.read(&path, &till).await.slug(), "role-not-permitted", "{path}");
    }
    let page = town.get_with("/town/me", &[("cookie", &format!("kenmai_session={till}"))]).await;
    assert!(page.text().contains("data-session=\"no\""), "a till has no page");

    town.clock.pass(10 * 86_400);
    let token = town.log_in(&town.cast.phone(1), 4).await;
    assert_eq!(town.read(&of("/me?"), &token).await.status, 200, "the last day");
    let end = town.core(103, Body::LinkRevoke(LinkRevoke { link }));
    town.accept(&end.sign(&town.cast.phone(0), None)).await;
    for path in [of("/me?"), of("/me/history?"), of("/me/rewards?")] {
        assert_eq!(town.read(&path, &token).await.slug(), "link-ended", "{path}");
    }
    assert_eq!(town.read("/me/family", &token).await.text(), "[]");
    let cookie = format!("kenmai_session={token}");
    let page = town.get_with(&format!("/town/me?for={link}"), &[("cookie", &cookie)]).await;
    assert_eq!(page.status, 403);
}
