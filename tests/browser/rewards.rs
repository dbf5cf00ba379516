//! Points exchanged: claimed on the phone, shown and printed, used at a till.

use thirtyfour::prelude::WebDriverResult;

use crate::codes;
use crate::resident::become_resident;
use crate::terminals::cast;
use crate::{CHECKS, World};

/// The shop that honours the bath of the demo's catalogue.
const BATH_HOUSE: usize = 6;

/// Puts the key of the bath house's till into the browser.
async fn hold_bath_house(world: &World) -> WebDriverResult<()> {
    let seed = cast(world).till(BATH_HOUSE).to_bytes().map(|byte| format!("{byte:02x}")).concat();
    let keep = format!(
        "const [cose, store] = await Promise.all(
            ['cose', 'store'].map(name => import(`/assets/${{name}}.js`)));
        const pkcs8 = cose.unhex('302e020100300506032b657004220420{seed}');
        const [privateKey, open] = await Promise.all([false, true].map(extractable =>
            crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', extractable, ['sign'])));
        const {{x}} = await crypto.subtle.exportKey('jwk', open);
        const publicKey = Uint8Array.from(
            atob(x.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
        const kid = await cose.kidOf(publicKey);
        await store.keep('yaizu-demo/key/shop', {{privateKey, publicKey, kid, name: '浜の湯'}});"
    );
    world.browser.run(&keep).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_is_claimed_on_the_phone_and_used_once_at_its_shop() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/rewards").await?;
    browser.find("#enrol:not([hidden])").await?;
    browser.check_page("rewards-not-enrolled").await?;
    become_resident(&world).await?;

    world.open("/yaizu-demo/rewards").await?;
    assert_eq!(browser.text(".balance:not([hidden]) #yen").await?, "300");
    browser.check_page("rewards-ja").await?;
    browser.click("[data-item='coin'] > button:not([hidden])").await?;
    browser.click("#confirm-yes").await?;
    assert_eq!(browser.text("#wallet-fault:not(:empty)").await?, "番号を入れてください。");
    browser.check_page("rewards-confirm").await?;
    browser.click("#confirm-no").await?;

    browser.click("[data-item='bath'] > button").await?;
    assert!(browser.text("#confirm[open] #confirm-what").await?.contains("300ポイント"));
    browser.click("#confirm-yes").await?;
    browser.find("#own:not([hidden]) #own-list button").await?;
    assert!(browser.text("#say").await?.contains("引換券ができました"));
    assert_eq!(browser.text("#yen").await?, "0");
    // The code is the phone's own: it is there after the page was left.
    browser.reload().await?;
    browser.click("#own-list button").await?;
    let code = codes::shown_in(browser, "#shown .modules").await?;
    assert!(code.contains("/V/"), "{code}");
    browser.check_page("rewards-voucher").await?;
    browser.print("rewards-voucher-print").await?;

    // Points are gone for another, and the page says so.
    browser.click("[data-item='school'] > button").await?;
    browser.click("#confirm-yes").await?;
    assert!(browser.text("#problem:not([hidden])").await?.contains("ポイントが足りません"));

    world.hold_key("shop", "ほかの店").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    let told = "#scan [role='status']:not(:empty)";
    assert!(browser.text(told).await?.contains("このお店では使えません"));

    hold_bath_house(&world).await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    let name = browser.text("[data-step='voucher']:not([hidden]) #voucher-name").await?;
    assert_eq!(name, "日帰り温泉の入浴券");
    browser.check_page("shop-voucher").await?;
    browser.click("#voucher-use").await?;
    assert!(
        browser.text("#result.pass").await?.contains("引換券を受け付けました: 日帰り温泉の入浴券")
    );
    browser.click("#next").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    assert!(browser.text(told).await?.contains("使用済み"));

    world.open("/yaizu-demo/me").await?;
    browser.find("#me[data-session='yes']").await?;
    let page = browser.text("table.history").await?;
    assert!(page.contains("引換券の使用: 日帰り温泉の入浴券"), "{page}");
    // Its receipt tells what went to the shop, not what was left of what the voucher had kept.
    browser.click(".history tbody tr:first-child a[href^='/verify']").await?;
    browser.find("#verdict.pass").await?;
    assert_eq!(browser.count("#steps .pass").await?, CHECKS);
    let steps = browser.text("#steps").await?;
    assert!(steps.contains("300"), "{steps}");
    world.console(&["403", "401", "422", "409"]).await?;
    world.browser.quit().await
}
