//! Residents with their phones: paying with and without signal, the own page, leaving.

use std::process::Command;

use data_encoding::HEXLOWER;
use serde_json::Value;
use thirtyfour::prelude::WebDriverResult;

use crate::browser::Browser;
use crate::codes;
use crate::server::Program;
use crate::terminals::script_in;
use crate::{KENMAI, World};

/// A minute and a second pass for the page, until it has drawn another code by itself.
pub(crate) const A_MINUTE_PASSES: &str = "
    const now = Date.now;
    Date.now = () => now() + 61000;
    const path = document.querySelector('#code .modules path');
    await new Promise(drawn => new MutationObserver(drawn).observe(path, {attributes: true}));";

/// A visitor's till takes points with the code that it scanned.
fn till_takes(points: u32, scanned: &str) -> String {
    let token = HEXLOWER.encode(&codes::token(scanned));
    format!(
        "const [api, cose, store] = await Promise.all(
            ['api', 'cose', 'store'].map(name => import(`/assets/${{name}}.js`)));
        const ledger = await api.ledger('yaizu-demo');
        const [station, till] = [await store.makeKey(), await store.makeKey()];
        const {{shop}} = await api.visitor('yaizu-demo', station.publicKey, till.publicKey);
        const verdict = await api.submit('yaizu-demo',
            await cose.redeem(till, ledger, cose.unhex(shop.place), {points}, cose.byPhone(cose.unhex('{token}'))));
        return [shop.name, verdict.receipt_number];"
    )
}

/// A station measures the phone's holder today and on days before.
const MEASUREMENTS: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const ledger = await api.ledger('yaizu-demo');
    const [station, till] = [await store.makeKey(), await store.makeKey()];
    await api.visitor('yaizu-demo', station.publicKey, till.publicKey);
    const phone = await store.kept('yaizu-demo/phone');
    const values = [[9, 42, 141, 88], [6, 55, 133, 84], [2, 61, 129, 81], [0, 75, 126, 79]];
    for (const [days, level, high, low] of values) {
        const then = {...ledger, nowS: () => ledger.nowS() - days * 86400};
        for (const [action, found] of [
            ['vegecheck.measure', [[1, level]]], ['station.blood_pressure', [[2, high], [3, low]]],
        ]) {
            const token = await cose.payToken(phone, then, 0, 120);
            await api.submit('yaizu-demo', await cose.action(
                station, then, action, cose.byPhone(token), {values: found}));
        }
    }";

/// Lets this browser's phone into the city and comes back to its own page.
pub(crate) async fn become_resident(world: &World) -> WebDriverResult<()> {
    world.open("/yaizu-demo/me").await?;
    world.browser.click("#visitor").await?;
    world.browser.reads("#me[data-session='yes'] #yen", "300").await?;
    Ok(())
}

/// Expects the result of a payment on the screen.
async fn check_paid(
    browser: &Browser,
    told: &Value,
    points: &str,
    left: &str,
) -> WebDriverResult<()> {
    browser.find("#paid:not([hidden])").await?;
    let told: (String, String) = serde_json::from_value(told.clone()).expect("shop and number");
    assert_eq!(browser.text("#paid-points").await?, format!("✔ {points} ポイント使いました"));
    assert_eq!(browser.text("#paid-shop [lang='ja']").await?, told.0);
    assert_eq!(browser.text("#paid-number").await?, told.1, "phone and till show the same number");
    assert_eq!(browser.text("#paid-left").await?, left);
    assert_eq!(browser.count("#code[hidden]").await?, 1, "a code that was used is put away");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_pays_in_two_windows_and_finds_it_in_the_history() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    browser.become_phone().await?;

    world.open("/yaizu-demo/pay").await?;
    browser.find("#enrol:not([hidden])").await?;
    browser.check_page("pay-not-enrolled").await?;
    browser.click("#enrol a").await?;
    browser.click("#visitor").await?;
    browser.find("#me[data-session='yes']").await?;
    browser.click("a[href='/yaizu-demo/pay']").await?;
    browser.reads(".balance:not([hidden]) #yen", "300").await?;
    browser.check_page("pay-ja-choose").await?;

    browser.click("[data-cap='300']").await?;
    let first = codes::shown(browser).await?;
    assert!(browser.text("figcaption").await?.starts_with("300 ポイントまで。あと "));
    browser.check_page("pay-ja-code").await?;
    browser.run(A_MINUTE_PASSES).await?;
    let second = codes::shown(browser).await?;
    assert_ne!(second, first, "it is renewed without a touch");

    browser.open_window().await?;
    browser.become_phone().await?;
    world.open("/yaizu-demo/pay").await?;
    browser.click("[data-cap='100000']").await?;
    let in_the_other = codes::shown(browser).await?;
    assert!(browser.text("figcaption").await?.starts_with("上限なし。"));
    browser.switch(0).await?;
    // A code outlives its minute on the screen, for the till that was scanning it.
    let told = browser.run(&till_takes(100, &first)).await?;
    check_paid(browser, &told, "100", "200").await?;
    browser.check_page("pay-ja-paid").await?;
    browser.switch(1).await?;
    check_paid(browser, &told, "100", "200").await?;
    // The other window's code was not used, only put away.
    let told = browser.run(&till_takes(50, &in_the_other)).await?;
    browser.click("#again").await?;
    browser.click("[data-cap='300']").await?;
    check_paid(browser, &told, "50", "150").await?;
    browser.click("#again").await?;
    browser.click("[data-cap='100']").await?;
    assert!(!codes::shown(browser).await?.is_empty());
    browser.click("#hide-code").await?;
    browser.find("#choose:not([hidden])").await?;

    browser.click("main > #pay > p > a").await?;
    let newest = browser.text("#me[data-session='yes'] .history tbody tr:first-child").await?;
    for part in ["お店で使った", "−50", told[1].as_str().expect("a number")] {
        assert!(newest.contains(part), "`{part}` in `{newest}`");
    }
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_without_signal_pays_all_the_same() -> WebDriverResult<()> {
    let world = World::start().await?;
    world.browser.become_phone().await?;
    become_resident(&world).await?;
    world.open("/yaizu-demo/pay").await?;
    world.browser.find("#net[data-key='pay-online-ready']").await?;
    world.browser.check_page("pay-ja-online").await?;
    world.console(&[]).await?;

    // The whole server goes: nothing can come from anywhere but the phone.
    let World { demo, browser, data } = world;
    let address = demo.url("");
    drop(demo);
    browser.open(&format!("{address}/yaizu-demo/me")).await?;
    browser.reads("h1", "つながっていません。").await?;
    browser.check_page("offline-ja").await?;
    browser.click("a[href='/yaizu-demo/pay']").await?;
    browser.find("#net[data-key='pay-offline-ready']").await?;
    browser.click("[data-cap='300']").await?;
    let scanned = codes::shown(&browser).await?;
    browser.check_page("pay-ja-offline").await?;
    let errors = browser.console_errors().await?;
    assert!(errors.iter().all(|error| error.contains("ERR_CONNECTION_REFUSED")), "{errors:#?}");

    let listen = address.strip_prefix("http://").expect("an address");
    let demo = Program::start(
        Command::new(KENMAI).args(["demo", "--listen", listen, "--data"]).arg(data.path()),
        "listening on http://",
    );
    let told = browser.run(&till_takes(120, &scanned)).await?;
    // The page, still open, finds the ledger again and says what came of its code.
    check_paid(&browser, &told, "120", "180").await?;
    browser.find("#net[data-key='pay-online-ready']").await?;

    // What the browser kept is the same for everyone.
    let kept = browser
        .run(
            "const names = await caches.keys();
            const cache = await caches.open(names[0]);
            const paths = (await cache.keys()).map(({url}) => new URL(url).pathname);
            const page = await (await cache.match('/yaizu-demo/pay')).text();
            return [names.length, paths, page.includes('id=\"yen\"></strong>')];",
        )
        .await?;
    assert_eq!(kept[0], 1, "one version is kept");
    let paths: Vec<String> = serde_json::from_value(kept[1].clone()).expect("paths");
    let impersonal = |path: &String| {
        // The pages for paying and for checking cards of each city of the demo.
        let page = path.strip_prefix("/yaizu-demo/").or(path.strip_prefix("/minato-demo/"));
        path.starts_with("/assets/")
            || path == "/offline"
            || page.is_some_and(|page| ["pay", "perk"].contains(&page))
    };
    assert!(paths.len() > 10 && paths.iter().all(impersonal), "{paths:?}");
    assert_eq!(kept[2], true, "no balance is kept");
    browser.quit().await?;
    drop(demo);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_page_shows_values_phones_and_a_way_out() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    browser.become_phone().await?;
    world.open("/yaizu-demo/me").await?;
    browser.check_page("me-signed-out").await?;
    become_resident(&world).await?;
    assert_eq!(
        browser.count(".history tbody tr").await?,
        6,
        "opened, classified, card, visit, PIN, phone"
    );
    assert_eq!(browser.count(".chart").await?, 0, "nothing was measured");
    browser.run(MEASUREMENTS).await?;

    world.open("/yaizu-demo/me").await?;
    browser.find(".chart").await?;
    assert_eq!(browser.count(".chart").await?, 2, "vegetable level and blood pressure");
    assert_eq!(browser.count(".chart .l0 circle").await?, 8, "four days on each");
    let latest = browser.text(".chart figcaption").await?;
    assert!(latest.starts_with("いちばん新しい野菜レベルは 7.5 です"), "{latest}");
    assert_eq!(browser.count(".chart tbody tr").await?, 8);
    let why = browser.text(".history").await?;
    assert!(
        why.contains("前回から日が浅いため、記録だけしました。次にポイントが付くのは"),
        "{why}"
    );
    assert_eq!(browser.count("#phones ~ ul li").await?, 1);
    browser.check_page("me-ja").await?;
    browser.whole_page("me-ja-whole").await?;

    browser.click(".narrow a[href^='?show=shops']").await?;
    browser.find(".narrow a[href^='?show=shops'][aria-current]").await?;
    assert_eq!(browser.count(".history tbody tr").await?, 0);
    browser.click(".languages a[lang='en']").await?;
    browser.find("html[lang='en'] .narrow a[href^='?show=shops'][aria-current]").await?;
    browser.click(".narrow a[href^='?show=actions']").await?;
    browser.find(".narrow a[href^='?show=actions'][aria-current]").await?;
    assert_eq!(browser.count(".history tbody tr").await?, 9);
    assert_eq!(
        browser.count(".history small[lang='ja']").await?,
        9,
        "names of places stay Japanese"
    );
    browser.check_page("me-en").await?;
    browser.whole_page("me-en-whole").await?;
    let csv = browser
        .run("return (await fetch(document.querySelector('a[download][href$=csv]').href)).text();")
        .await?;
    let csv = csv.as_str().expect("a text").to_owned();
    assert_eq!(csv.lines().count(), 1 + 14, "{csv}");
    assert!(csv.contains(",Vegetable measurement,20,") && csv.contains(",7.5,,"), "{csv}");

    browser.click("form[action$='/me/leave'] button").await?;
    browser.find("#me[data-left='yes'] #open:not([hidden])").await?;
    assert_eq!(browser.text("h1").await?, "Open your page", "the language stays");
    assert_eq!(browser.count("#join[hidden]").await?, 1, "nothing takes the place of the key");
    browser.check_page("me-en-left").await?;
    let status = browser.run("return (await fetch('/v1/yaizu-demo/me')).status;").await?;
    assert_eq!(status, 401, "the session is over");
    world.console(&["401 (Unauthorized)"]).await?;
    browser.click("#open").await?;
    browser.find("#me[data-session='yes']").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pay_page_in_english() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    browser.become_phone().await?;
    become_resident(&world).await?;
    world.open("/yaizu-demo/pay?lang=en").await?;
    browser.click("html[lang='en'] [data-cap='500']").await?;
    let scanned = codes::shown(browser).await?;
    browser.check_page("pay-en-code").await?;
    browser.run(&till_takes(100, &scanned)).await?;
    browser.find("#paid:not([hidden]) #paid-shop [lang='ja']").await?;
    browser.check_page("pay-en-paid").await?;
    world.open("/offline").await?;
    browser.check_page("offline-en").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// Whoever has another phone ends the lost one from it, and takes the voucher along.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_phone_is_ended_and_its_voucher_follows() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    script_in(
        browser,
        "const [first, second] = [await store.makeKey(), await store.makeKey()];
        const {card, pin, code} = await api.visitor('yaizu-demo');
        await api.submit('yaizu-demo', await cose.deviceEnrol(first, ledger, cose.unhex(code)));
        const kiosk = await store.kept('yaizu-demo/key/kiosk');
        const entry = await cose.pinEntry(kiosk, ledger, cose.unhex(card), pin, 0);
        const {proof: pinProof} = await api.provePin('yaizu-demo', entry);
        const holder = cose.byCard(cose.unhex(card));
        const bytes = await cose.deviceEnrolAt(kiosk, ledger, second.publicKey, {holder, pinProof});
        await api.submit('yaizu-demo', bytes);
        await store.keep('yaizu-demo/phone', first);
        await store.keep('test/second', second);
        return '';",
    )
    .await?;
    browser.become_phone().await?;
    world.open("/yaizu-demo/rewards").await?;
    browser.click("[data-item='bath'] > button:not([hidden])").await?;
    browser.click("#confirm[open] #confirm-yes").await?;
    browser.says("#say", "引換券ができました").await?;
    // The first phone is lost: the second one stands in its place, without its secrets.
    let lost = script_in(
        browser,
        "const first = await store.kept('yaizu-demo/phone');
        for (const {claim} of await api.rewards('yaizu-demo')) await store.forget(`yaizu-demo/voucher/${claim}`);
        await store.keep('yaizu-demo/phone', await store.kept('test/second'));
        await api.openSession('yaizu-demo', await cose.session(await store.kept('test/second'), ledger));
        return cose.hex(first.kid);",
    )
    .await?;
    world.open("/yaizu-demo/me").await?;
    browser.find(&format!("[data-phone='{lost}']:not([hidden])")).await?;
    browser.check_page("me-phones-ja").await?;
    browser.click(&format!("[data-phone='{lost}']")).await?;
    browser.says("#confirm[open] #confirm-what", "元に戻すことはできません").await?;
    browser.check_page("me-phone-end-ja").await?;
    browser.click("#confirm[open] [value='yes']").await?;
    browser.says("#phones ~ ul", "使えません").await?;
    world.open("/yaizu-demo/rewards").await?;
    browser.says("#own-list", "申し込んだスマートフォン").await?;
    browser.check_page("rewards-rebind-ja").await?;
    browser.click("#own-list button.quiet").await?;
    browser.says("#say:not(:empty)", "この電話で使えるようにしました").await?;
    browser.click("#own-list button").await?;
    let code = codes::shown_in(browser, "#shown .modules").await?;
    assert!(code.contains("/V/"), "{code}");
    world.console(&["401"]).await?;
    world.browser.quit().await
}
