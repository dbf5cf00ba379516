//! Perk cards over HTTP: what their holders show, what shops check them with, where a camera is
//! led.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ed25519_dalek::VerifyingKey;
use kenmai::query::rewards::RevokedCards;
use ledger_spec::ids::{Kid, LedgerId, PerkCardNumber, Seq};
use ledger_spec::kinds::{
    Approve, Body, CataloguePublish, Cause, Code, Document, KeyRevoke, RewardCancel, RewardClaim,
};
use ledger_spec::points::Points;
use ledger_spec::statement::{Core, Holder, read};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PerkCredential};
use serde_json::{Value, json};

use crate::town::{ORIGIN, Plan, Town};

const LIST: &str = "/v1/town/perk-cards/revoked";
const VALID_DAYS: u32 = 30;
const DAY_S: u64 = 86_400;

/// A town whose catalogue has a perk card, both residents with points enough for it.
async fn with_catalogue() -> Town {
    let town = Town::found(Plan::default()).await;
    let today = Day::of_ms(town.clock.now_s() * 1_000);
    let item = json!({"number": 1, "code": "card", "name": "優待カード", "name_en": "A perk card", "purse": "challenge",
        "points": 2, "from": today, "until": today.plus(9), "per_person": 1,
        "gives": {"perk_card": {"valid_days": VALID_DAYS}}});
    let document = json!({"version": 1, "items": [item]}).to_string();
    let body = CataloguePublish { version: 1, document: Document::new(&document).unwrap() };
    let proposal = town.core(100, Body::CataloguePublish(body)).sign(&town.cast.root(0), None);
    let statement_hash = read(&proposal).unwrap().1.hash();
    let seq = Seq(town.accept(&proposal).await["seq"].as_u64().unwrap());
    let approve = Body::Approve(Approve { proposal: seq, statement_hash });
    town.accept(&town.core(101, approve).sign(&town.cast.root(1), None)).await;
    for resident in 0..2 {
        let holder = Holder::Card(town.cast.card(resident));
        let core =
            town.action(110 + u32::try_from(resident).unwrap(), "station.body_composition", 1);
        let disclosed = town.disclosure(Some(holder));
        town.accept(&core.sign(&town.cast.station(0), Some(&disclosed))).await;
    }
    town
}

/// A resident's phone claims the card; gives the claim.
async fn claim(town: &Town, resident: u32) -> Seq {
    claim_as(town, resident, 120 + resident).await
}

async fn claim_as(town: &Town, resident: u32, op: u32) -> Seq {
    let (item, points) = (Code::new("card").unwrap(), Points::new(2).unwrap());
    let core = town.core(op, Body::RewardClaim(RewardClaim { item, points, code: None }));
    let not_after_s = Some(town.clock.now_s() + 60);
    let core = Core { programme: Some(1), not_after_s, ..core };
    let phone = town.cast.phone(resident.try_into().unwrap());
    let claimed = town.accept(&core.sign(&phone, Some(&town.disclosure(None)))).await;
    Seq(claimed["seq"].as_u64().unwrap())
}

async fn cancel(town: &Town, claim: Seq) {
    cancel_as(town, claim, 130).await;
}

async fn cancel_as(town: &Town, claim: Seq, op: u32) {
    let body = RewardCancel { voucher: claim, cause: Cause::InputError };
    let core = town.core(op, Body::RewardCancel(body));
    town.accept(&core.sign(&town.cast.staff(), Some(&town.disclosure(None)))).await;
}

/// The card of the only reward that a session reads, in its bytes.
async fn shown(town: &Town, token: &str) -> Option<Vec<u8>> {
    let rewards = town.read("/me/rewards", token).await.json();
    let [reward] = &rewards.as_array().unwrap()[..] else { panic!("{rewards}") };
    assert_eq!((&reward["gives"], &reward["points"]), (&json!("perk_card"), &json!(0)));
    assert_eq!(reward["prefecture"], true);
    reward.get("card").map(|card| HEXLOWER.decode(card.as_str().unwrap().as_bytes()).unwrap())
}

/// What a shop finds that has the list and nothing else.
fn open(list: &Value, card: &[u8]) -> Option<PerkCredential> {
    let keys = list["keys"].as_array()?;
    let key_of = |kid: Kid| {
        let key = keys.iter().find(|key| key["kid"] == kid.to_string())?;
        let key = HEXLOWER.decode(key["public_key"].as_str()?.as_bytes()).ok()?;
        VerifyingKey::from_bytes(&key.try_into().ok()?).ok()
    };
    token::open(card, key_of).ok().map(|(card, _)| card)
}

#[tokio::test]
async fn who_has_the_list_checks_what_a_phone_shows() {
    let town = with_catalogue().await;
    let list = town.get(LIST).await;
    assert_eq!((list.status.as_u16(), list.header("cache-control")), (200, "public, max-age=60"));
    let list = list.json();
    assert_eq!(list["ledger_id"], LedgerId::of_origin(ORIGIN).to_string());
    assert_eq!(list["as_of_s"], town.clock.now_s());
    assert_eq!((list["keys"].as_array().unwrap().len(), &list["revoked"]), (1, &json!([])));

    let mut numbers = Vec::new();
    for resident in 0..2u8 {
        let phone = town.cast.phone(resident.into());
        let token = town.log_in(&phone, resident).await;
        assert_eq!(town.read("/me/rewards", &token).await.json(), json!([]));
        let seq = claim(&town, resident.into()).await;
        let bytes = shown(&town, &token).await.unwrap();
        assert_eq!(shown(&town, &token).await.as_ref(), Some(&bytes), "the same bytes each time");
        let card = open(&list, &bytes).unwrap();
        let until = Day::of_ms(town.clock.now_s() * 1_000).plus(VALID_DAYS);
        assert_eq!((card.ledger, card.until), (LedgerId::of_origin(ORIGIN), until));
        // Not without the pepper: neither the claim nor a hash of it is the number.
        let guess = PerkCardNumber::of(&[0; 32], card.ledger, seq);
        assert_ne!(card.number, guess);
        numbers.push(card.number);

        let forged = token::sign(&card, &phone);
        assert_eq!(open(&list, &forged), None, "any other key");
    }
    assert_ne!(numbers[0], numbers[1]);
    let empty = town.get("/v1/empty/perk-cards/revoked").await.json();
    assert_eq!((&empty["keys"], &empty["revoked"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_card_that_was_withdrawn_is_listed_until_its_last_day() {
    let town = with_catalogue().await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let other = town.log_in(&town.cast.phone(1), 2).await;
    let (first, _) = (claim(&town, 0).await, claim(&town, 1).await);
    let list = town.get(LIST).await.json();
    let number = open(&list, &shown(&town, &token).await.unwrap()).unwrap().number.to_string();
    cancel(&town, first).await;
    assert_eq!(town.read("/me/rewards", &token).await.json(), json!([]));
    assert!(shown(&town, &other).await.is_some(), "another's card stays");

    // The list is made at most once a minute.
    town.clock.pass(59);
    assert_eq!(town.get(LIST).await.json()["revoked"], json!([]));
    town.clock.pass(1);
    let listed = town.get(LIST).await.json();
    assert_eq!((&listed["revoked"], listed.get("next_after")), (&json!([number]), None));
    for (after, expected) in [
        ("0".repeat(32), json!([number])),
        (number.clone(), json!([])),
        ("f".repeat(32), json!([])),
    ] {
        let page = town.get(&format!("{LIST}?after={after}")).await.json();
        assert_eq!(page["revoked"], expected, "{after}");
    }
    for bad in [&number[1..], &"F".repeat(32), "", "x"] {
        let answer = town.get(&format!("{LIST}?after={bad}")).await;
        assert_eq!(answer.slug(), "malformed-request", "{bad}");
    }
    assert_eq!(town.get("/v1/nowhere/perk-cards/revoked").await.slug(), "ledger-not-found");

    let noon_of_the_last_day = u64::from(VALID_DAYS) * DAY_S - 60;
    town.clock.pass(noon_of_the_last_day + DAY_S / 2 - 1);
    assert_eq!(town.get(LIST).await.json()["revoked"], json!([number]), "until 24:00");
    town.clock.pass(60);
    assert_eq!(town.get(LIST).await.json()["revoked"], json!([]), "it has ended besides");
}

#[tokio::test]
async fn no_card_is_shown_after_its_last_day_or_under_a_key_that_is_not_in_force() {
    let town = with_catalogue().await;
    claim(&town, 0).await;
    town.clock.pass(u64::from(VALID_DAYS) * DAY_S + DAY_S / 2 - 1);
    let token = town.log_in(&town.cast.phone(0), 1).await;
    assert!(shown(&town, &token).await.is_some());
    town.clock.pass(1);
    assert_eq!(town.read("/me/rewards", &token).await.json(), json!([]));

    let town = with_catalogue().await;
    claim(&town, 0).await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let list = town.get(LIST).await.json();
    let bytes = shown(&town, &token).await.unwrap();
    let kid = Kid::from_hex(list["keys"][0]["kid"].as_str().unwrap()).unwrap();
    let body = KeyRevoke { kid, cause: Cause::Lost };
    let revoke = town.core(140, Body::KeyRevoke(body)).sign(&town.cast.root(0), None);
    let proposal = Seq(town.accept(&revoke).await["seq"].as_u64().unwrap());
    let statement_hash = read(&revoke).unwrap().1.hash();
    let approve = Body::Approve(Approve { proposal, statement_hash });
    town.accept(&town.core(141, approve).sign(&town.cast.root(1), None)).await;
    town.clock.pass(60);
    let list = town.get(LIST).await.json();
    assert_eq!((&list["keys"], open(&list, &bytes)), (&json!([]), None));
    assert_eq!(shown(&town, &token).await, None, "the claim stays, its card waits for a key");
}

#[tokio::test]
async fn who_signed_the_claim_prints_the_card_on_that_day() {
    let town = with_catalogue().await;
    let [own, other] = [0, 1].map(|number| town.cast.phone(number));
    let (token, others) = (town.log_in(&own, 1).await, town.log_in(&other, 2).await);
    let claim = claim(&town, 0).await;
    let path = format!("/entries/{}/perk-card", claim.0);
    let printed = town.read(&path, &token).await.json();
    assert_eq!(printed["card"], HEXLOWER.encode(&shown(&town, &token).await.unwrap()));
    assert_eq!(town.read(&path, &others).await.slug(), "entry-not-found");
    assert_eq!(town.get(&town.path(&path)).await.slug(), "session-required");
    for no_claim in [claim.0 - 1, claim.0 + 9] {
        let path = format!("/entries/{no_claim}/perk-card");
        assert_eq!(town.read(&path, &token).await.slug(), "entry-not-found", "{no_claim}");
    }
    // Noon was the claim's hour.
    town.clock.pass(DAY_S / 2 - 1);
    let token = town.log_in(&own, 3).await;
    assert_eq!(town.read(&path, &token).await.json(), printed);
    town.clock.pass(1);
    assert_eq!(town.read(&path, &token).await.slug(), "entry-not-found", "the next day");
}

#[tokio::test]
async fn the_lists_order_says_nothing_of_the_claims() {
    let town = with_catalogue().await;
    let token = town.log_in(&town.cast.phone(0), 1).await;
    let keys = town.get(LIST).await.json();
    let mut numbers = Vec::new();
    // What was taken back can be claimed again.
    for turn in 0..6 {
        let claim = claim_as(&town, 0, 200 + turn).await;
        let card = open(&keys, &shown(&town, &token).await.unwrap()).unwrap();
        numbers.push(card.number.to_string());
        cancel_as(&town, claim, 300 + turn).await;
    }
    town.clock.pass(60);
    numbers.sort();
    assert_eq!(town.get(LIST).await.json()["revoked"], json!(numbers));
}

#[test]
fn a_long_list_comes_in_pages() {
    let number = |at: usize| format!("{at:032x}");
    let list = RevokedCards {
        ledger_id: "town".into(),
        as_of_s: 7,
        keys: Vec::new(),
        revoked: (1..=5).map(number).collect(),
        next_after: None,
    };
    for (after, most, expected, next) in [
        (None, 5, 1..6, None),
        (None, 2, 1..3, Some(2)),
        (Some(2), 2, 3..5, Some(4)),
        (Some(3), 2, 4..6, None),
        (Some(5), 2, 6..6, None),
        (Some(9), 2, 6..6, None),
    ] {
        let page = list.page(after.map(number).as_deref(), most);
        let expected: Vec<String> = expected.map(number).collect();
        assert_eq!((page.revoked, page.next_after), (expected, next.map(number)), "{after:?}");
        assert_eq!((page.ledger_id.as_str(), page.as_of_s), ("town", 7));
    }
}

#[tokio::test]
async fn a_camera_is_led_to_the_page_that_checks_the_card() {
    let town = with_catalogue().await;
    let card = |origin: &str| {
        let (number, ledger) = (PerkCardNumber([1; 16]), LedgerId::of_origin(origin));
        let card = PerkCredential { number, ledger, until: Day(20_000) };
        BASE32_NOPAD.encode(&token::sign(&card, &town.cast.phone(0)))
    };
    let (of_town, of_empty) = (card(ORIGIN), card("test.example/empty"));
    let of_nobody = card("elsewhere");
    for (scanned, expected) in [
        (of_town.clone(), format!("/town/perk#{of_town}")),
        (of_town.to_lowercase(), format!("/town/perk#{of_town}")),
        (of_empty.clone(), format!("/empty/perk#{of_empty}")),
        // The page of the first ledger says that it knows no such city, or that this is no card.
        (of_nobody.clone(), format!("/town/perk#{of_nobody}")),
        ("no-card%0d%0a".into(), "/town/perk#NOCARD".into()),
    ] {
        let answer = town.get(&format!("/C/{scanned}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &expected[..]));
    }
    let page = town.get("/town/perk").await;
    assert_eq!((page.status.as_u16(), page.header("permissions-policy")), (200, "camera=(self)"));
    assert!(page.header("content-security-policy").contains("worker-src 'self'"));
    for city in ["data-city=\"town\"", "data-city=\"empty\""] {
        assert!(page.text().contains(city), "{city}");
    }
    assert_eq!(town.get("/nowhere/perk").await.status, 404);
}
