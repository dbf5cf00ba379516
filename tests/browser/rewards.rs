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
    browser.reads(".balance:not([hidden]) #yen", "300").await?;
    browser.check_page("rewards-ja").await?;
    browser.click("[data-item='coin'] > button:not([hidden])").await?;
    browser.click("#confirm-yes").await?;
    browser.reads("#wallet-fault:not(:empty)", "番号を入れてください。").await?;
    browser.check_page("rewards-confirm").await?;
    browser.click("#confirm-no").await?;

    browser.click("[data-item='bath'] > button").await?;
    browser.says("#confirm[open] #confirm-what", "300ポイント").await?;
    browser.click("#confirm-yes").await?;
    browser.find("#own:not([hidden]) #own-list button").await?;
    browser.says("#say", "引換券ができました").await?;
    browser.reads("#yen", "0").await?;
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
    browser.says("#problem:not([hidden])", "ポイントが足りません").await?;

    world.hold_key("shop", "ほかの店").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    let told = "#scan [role='status']:not(:empty)";
    browser.says(told, "このお店では使えません").await?;

    hold_bath_house(&world).await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    let name = browser.text("[data-step='voucher']:not([hidden]) #voucher-name").await?;
    assert_eq!(name, "日帰り温泉の入浴券");
    browser.check_page("shop-voucher").await?;
    browser.click("#voucher-use").await?;
    browser.says("#result.pass", "引換券を受け付けました: 日帰り温泉の入浴券").await?;
    browser.click("#next").await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.says(told, "使用済み").await?;

    world.open("/yaizu-demo/me").await?;
    browser.find("#me[data-session='yes']").await?;
    browser.says("table.history", "引換券の使用: 日帰り温泉の入浴券").await?;
    // Its receipt tells what went to the shop, not what was left of what the voucher had kept.
    browser.click(".history tbody tr:first-child a[href^='/verify']").await?;
    browser.find("#verdict.pass").await?;
    assert_eq!(browser.count("#steps .pass").await?, CHECKS);
    browser.says("#steps", "300").await?;
    world.console(&["403", "401", "422", "409"]).await?;
    world.browser.quit().await
}
