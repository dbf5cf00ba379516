//! Perk cards: shown on the phone and on paper, checked by a shop that has nothing but a browser,
//! with a network and without.

use std::ops::Range;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use kenmai::clock::{Clock, SystemClock};
use kenmai::demo::{DEMO_PIN, YAIZU};
use ledger_spec::ids::{LedgerId, OpId, Seq};
use ledger_spec::kinds::{Body, Cause, RewardCancel};
use ledger_spec::statement::{Core, Disclosure};
use ledger_spec::time::Day;
use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::codes;
use crate::desk::{open_desk, show_card};
use crate::settlement::hold;
use crate::terminals::cast;

/// Residents of the demo with phones who have passed the quiz often enough to have claimed a card;
/// one of those was taken back.
const HOLDERS: Range<usize> = 35..41;
/// Where the page says its verdict.
const RESULT: &str = "[data-step='result']:not([hidden]) #result";

/// What the page says of its lists once it could not fetch them.
const NO_CONNECTION: &str = "つながりません";

/// What stands in for the detector that phones have and this browser has not: the frames of its
/// camera are really read, by the program under test.
const DETECTOR: &str = "
    let token;
    globalThis.BarcodeDetector = class {
        static async getSupportedFormats() { return ['qr_code']; }
        async detect(picture) {
            const [api, cose, store] = await Promise.all(
                ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
            if (!token) {
                const [phone, ledger] = [await store.makeKey(), await api.ledger('yaizu-demo')];
                const {code} = await api.visitor('yaizu-demo');
                await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
                ({token} = await api.openSession('yaizu-demo', await cose.session(phone, ledger)));
            }
            const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 480});
            canvas.getContext('2d').drawImage(picture, 0, 0, 640, 480);
            const jpeg = await new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.8));
            const text = await api.frame('yaizu-demo', jpeg, token);
            return text ? [{rawValue: text}] : [];
        }
    };";

/// A session of the phone in this browser; gives the claim of its card, 0 without one.
const CLAIM: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const phone = await store.kept('yaizu-demo/phone');
    await api.openSession('yaizu-demo', await cose.session(phone, await api.ledger('yaizu-demo')));
    return (await api.rewards('yaizu-demo')).find(({card}) => card)?.claim ?? 0;";

/// A card: which resident holds it, the text of the code that the phone shows, the claim.
struct Card {
    holder: usize,
    code: String,
    claim: Seq,
}

/// The phone of one of these residents who has a card, in this browser.
async fn card(world: &World, mut holders: Range<usize>) -> WebDriverResult<Card> {
    let browser = &world.browser;
    world.open("/yaizu-demo/rewards").await?;
    let (holder, claim) = loop {
        let holder = holders.next().expect("somebody has a card");
        hold(world, "phone", &cast(world).phone(holder)).await?;
        let claim = browser.run(CLAIM).await?.as_u64().expect("a number");
        if claim > 0 {
            break (holder, Seq(claim));
        }
    };
    browser.reload().await?;
    browser.click("#own:not([hidden]) #own-list button").await?;
    let code = codes::shown_in(browser, "#shown .modules").await?;
    Ok(Card { holder, code, claim })
}

/// The city takes the card back.
async fn cancel(world: &World, claim: Seq) -> WebDriverResult<()> {
    let body = RewardCancel { voucher: claim, cause: Cause::Lost };
    let core = Core {
        ledger: LedgerId::of_origin(YAIZU.origin),
        op_id: OpId([7; 16]),
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body: Body::RewardCancel(body),
        sealed: None,
    };
    let bytes = core.sign(&cast(world).staff(), Some(&Disclosure::default()));
    let bytes = HEXLOWER.encode(&bytes);
    let send = format!(
        "const [api, cose] = await Promise.all(
            ['api', 'cose'].map(name => import(`/assets/${{name}}.js`)));
        await api.submit('yaizu-demo', cose.unhex('{bytes}'));"
    );
    world.browser.run(&send).await.map(drop)
}

/// Types what a scanner reads, and gives the verdict's state and words.
async fn read(browser: &Browser, code: &str) -> WebDriverResult<(String, String)> {
    if browser.count("#next:not([hidden])").await? > 0 {
        browser.click("#next").await?;
    }
    browser.write("#code", &format!("{code}\n")).await?;
    verdict(browser).await
}

async fn verdict(browser: &Browser) -> WebDriverResult<(String, String)> {
    let result = browser.find(&format!("{RESULT}[data-state]")).await?;
    let state = result.attr("data-state").await?.expect("a state");
    Ok((state, result.text().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_a_key_checks_cards_with_and_without_a_network() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    browser.become_phone().await?;
    let Card { code: lost, claim, holder } = card(&world, HOLDERS).await?;
    cancel(&world, claim).await?;
    let Card { code, .. } = card(&world, holder + 1..HOLDERS.end).await?;
    check_shown(&world, &code).await?;

    world.open("/minato-demo/perk").await?;
    browser.find("#kept:not(:empty)").await?;
    assert_eq!(browser.count("[data-list='yes']").await?, 2, "the cards of both cities");
    browser.find("#no-camera:not([hidden])").await?;
    browser.check_page("perk-ja").await?;
    let end = code.len() - 4;
    let other = if &code[end..=end] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &code[..end], &code[end + 1..]);
    let foreign = browser.run(FOREIGN).await?;
    for (scanned, expected, words) in [
        (&code[..], "good", "使えます"),
        (&code.to_lowercase(), "good", "✔"),
        (&lost, "revoked", "取り消された"),
        (&forged, "forged", "本物と確かめられません"),
        (&code[..end], "other", "優待カードではありません"),
        ("HTTPS://EXAMPLE.JP/Q/ABC", "other", "✘"),
        (foreign.as_str().expect("a text"), "foreign", "知らない市"),
    ] {
        let (state, told) = read(browser, scanned).await?;
        assert_eq!(state, expected, "{told}");
        assert!(told.contains(words) && !told.contains("7日より前"), "{told}");
        assert_eq!(told.contains('✔'), expected == "good", "{told}");
        browser.check_page(&format!("perk-ja-{expected}")).await?;
    }
    world.console(&[]).await?;
    days_pass(&world, &code).await?;
    what_is_kept_answers_first(&world, &lost).await?;

    // The whole server goes: nothing can come from anywhere but the browser.
    let World { demo, browser, data: _data } = world;
    let address = demo.url("");
    drop(demo);
    browser.open(&format!("{address}/yaizu-demo/perk")).await?;
    browser.says("#lists-say", NO_CONNECTION).await?;
    assert_eq!(read(&browser, &code).await?.0, "good");
    assert_eq!(read(&browser, &lost).await?.0, "revoked");
    browser.check_page("perk-ja-offline").await?;
    // The phone's own camera opens the address.
    let card = code.rsplit('/').next().expect("a card");
    browser.open(&format!("{address}/C/{card}")).await?;
    assert_eq!(verdict(&browser).await?.0, "good");
    assert!(browser.address().await?.ends_with(&format!("/perk#{card}")));
    browser.quit().await
}

/// What the phone shows and prints.
async fn check_shown(world: &World, code: &str) -> WebDriverResult<()> {
    let browser = &world.browser;
    assert!(code.contains("/C/"), "{code}");
    browser.reads("#shown-name", "健康いきいきカード").await?;
    assert_eq!(browser.text("#shown-number").await?, "", "no way back to the entry");
    browser.check_page("rewards-perk-card").await?;
    browser.print("rewards-perk-card-print").await?;
    world.open("/yaizu-demo/rewards?lang=en").await?;
    browser.click("#own:not([hidden]) #own-list button").await?;
    browser.reads("#shown-name", "The perk card").await?;
    browser.check_page("rewards-perk-card-en").await?;
    browser.whole_page("rewards-en-whole").await?;
    world.open("/yaizu-demo/perk?lang=en").await?;
    browser.find("#kept:not(:empty)").await?;
    assert!(read(browser, code).await?.1.contains("until"));
    browser.check_page("perk-en-good").await?;
    world.open("/yaizu-demo/perk?lang=ja").await
}

/// A card of a city that is none of this server's, signed by whom it may.
const FOREIGN: &str = "
    const [cbor, cose, store] = await Promise.all(
        ['cbor', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const {kid} = await store.makeKey();
    const {encode, Tag} = cbor;
    const payload = encode([cose.random(16), cose.random(8), 30000]);
    const header = encode(new Map([[1, -19], [4, kid]]));
    const card = encode(new Tag(18, [header, new Map(), payload, cose.random(64)]));
    return cose.perkCardUrl('https://else.where', card);";

/// Days pass for this browser, in which it hears of nobody; it stays cut off.
async fn days_pass(world: &World, code: &str) -> WebDriverResult<()> {
    let browser = &world.browser;
    browser.cut_off(true).await?;
    for (days, expected, old) in [(6, "good", false), (8, "good", true), (400, "ended", true)] {
        let pass = format!(
            "globalThis.realNow ??= Date.now; Date.now = () => realNow() + {days} * 86400000"
        );
        browser.run(&pass).await?;
        let (state, told) = read(browser, code).await?;
        assert_eq!((&state[..], told.contains("7日より前")), (expected, old), "{days}: {told}");
        browser.check_page(&format!("perk-ja-{days}-days")).await?;
    }
    world.console(&["ERR_INTERNET_DISCONNECTED"]).await
}

/// A list that does not name the card says good until the page has fetched the next one. The
/// browser is cut off all the while: one that is connected again fetches the list by itself.
async fn what_is_kept_answers_first(world: &World, lost: &str) -> WebDriverResult<()> {
    let browser = &world.browser;
    let forget = "const store = await import('/assets/store.js');
        const list = await store.kept('yaizu-demo/perk-cards');
        await store.keep('yaizu-demo/perk-cards', {...list, revoked: []});";
    browser.run(forget).await?;
    browser.reload().await?;
    browser.says("#lists-say", NO_CONNECTION).await?;
    assert_eq!(read(browser, lost).await?.0, "good", "as far as is known here");
    browser.cut_off(false).await?;
    browser.click("#refresh").await?;
    browser.find(&format!("{RESULT}[data-state='revoked']")).await?;
    world.console(&["ERR_INTERNET_DISCONNECTED"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_reads_a_card_where_the_browser_can() -> WebDriverResult<()> {
    let world = World::start().await?;
    let Card { code, .. } = card(&world, HOLDERS).await?;
    let camera = Browser::start_before(&world.film(&code)).await?;
    camera.become_phone().await?;
    camera.before_pages(DETECTOR).await?;
    camera.open(&world.demo.url("/yaizu-demo/perk")).await?;
    camera.find("#no-camera[hidden]").await?;
    camera.find("[data-list='yes']").await?;
    camera.check_page("perk-ja-camera").await?;
    camera.click("[data-scan='camera']:not([hidden])").await?;
    assert_eq!(verdict(&camera).await?.0, "good");
    camera.find("video[hidden]").await?;
    assert_eq!(camera.console_errors().await?, Vec::<String>::new());
    camera.quit().await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kiosk_prints_a_card_for_who_brings_no_phone() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    // Who has points enough has a card already; the city takes it back, so that it can be claimed
    // again.
    let Card { code: before, claim, holder } = card(&world, HOLDERS).await?;
    cancel(&world, claim).await?;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    let paper = cast(&world).card(holder);
    open_desk(&world).await?;
    browser.click("[data-flow='reward']").await?;
    browser.click("[aria-label='これにする: 健康いきいきカード']").await?;
    let paper = format!("HMC1{}", BASE32_NOPAD.encode(&paper));
    show_card(browser, &paper, DEMO_PIN).await?;
    let name = browser.text("[data-step='voucher']:not([hidden]) #shown-name").await?;
    assert_eq!(name, "健康いきいきカード");
    let code = codes::shown_in(browser, "#shown .modules").await?;
    assert!(code.contains("/C/") && code != before, "{code}");
    browser.check_page("desk-perk-card-ja").await?;
    world.open("/yaizu-demo/perk").await?;
    browser.find("#kept:not(:empty)").await?;
    assert_eq!(read(browser, &code).await?.0, "good");
    assert_eq!(read(browser, &before).await?.0, "revoked");
    world.console(&[]).await?;
    world.browser.quit().await
}
