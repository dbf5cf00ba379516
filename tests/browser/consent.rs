//! What a resident agrees to on the own phone.

use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::codes;
use crate::resident::become_resident;
use crate::terminals::register;

/// The text of a code of the resident's phone for any shop.
const PLAIN_CODE: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const phone = await store.kept('yaizu-demo/phone');
    const ledger = await api.ledger('yaizu-demo');
    return cose.payUrl(location.origin, await cose.payToken(phone, ledger, 300, 280));";

async fn plain_code(browser: &Browser) -> WebDriverResult<String> {
    let code = browser.run(PLAIN_CODE).await?;
    Ok(code.as_str().expect("the text of a code").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_fast_lane_the_phone_confirms_shop_and_amount() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    become_resident(&world).await?;
    world.hold_key("shop", "魚政").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.write("[data-step='amount']:not([hidden]) #points", "250\n").await?;
    assert_eq!(
        browser.text("[data-step='agree']:not([hidden]) #agree-points").await?,
        "250 ポイント"
    );
    browser.check_page("shop-agree").await?;
    let asked = codes::shown_in(browser, "#agree-code").await?;

    browser.open_window().await?;
    browser.become_phone().await?;
    browser.open(&asked.replace("XX", "XY").replacen("/P/", "/P/A", 1)).await?;
    assert!(browser.text("h1").await?.contains("ページがありません"), "a code that is none");
    browser.open(&asked).await?;
    assert_eq!(browser.text("#ask:not([hidden]) #ask-points").await?, "250 ポイント");
    assert_eq!(browser.text("#ask-shop [lang='ja']").await?, "魚政");
    assert!(!browser.address().await?.contains('#'), "the request is asked once");
    browser.check_page("pay-ask-ja").await?;
    browser.click("#agree").await?;
    let agreed = codes::shown(browser).await?;
    let told = browser.text("figcaption").await?;
    assert!(told.contains("魚政") && told.contains("250"), "{told}");
    browser.check_page("pay-agreed-ja").await?;

    browser.switch(0).await?;
    browser.click("#agree-scan").await?;
    let plain = plain_code(browser).await?;
    browser.write("#code", &format!("{plain}\n")).await?;
    let told = browser.text("[data-scan='say']:not(:empty)").await?;
    assert!(told.contains("250 ポイントの確認のコードではありません"), "{told}");
    browser.write("#code", &format!("{agreed}\n")).await?;
    let told = browser.text("[data-step='result']:not([hidden]) #result.pass").await?;
    assert!(told.contains("250 ポイントを受け取りました"), "{told}");
    browser.switch(1).await?;
    browser.find("#paid:not([hidden])").await?;
    assert_eq!(browser.text("#paid-points").await?, "✔ 250 ポイント使いました");

    browser.open(&format!("{}?lang=en", world.demo.url("/yaizu-demo/pay"))).await?;
    browser.open(&asked).await?;
    browser.find("#ask:not([hidden])").await?;
    browser.check_page("pay-ask-en").await?;
    browser.click("#disagree").await?;
    browser.find("#choose:not([hidden])").await?;
    world.console(&["/statements", "404 (Not Found)", "/me"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insured_medical_institution_says_what_points_never_pay() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    become_resident(&world).await?;
    register(&world, browser, "shop", "はまかぜ薬局").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.write("[data-step='amount']:not([hidden]) #points", "50").await?;
    let told = browser.text("#medical:not([hidden]) #medical-rule").await?;
    assert!(told.contains("一部負担金"), "{told}");
    browser.click("#pay").await?;
    let fault = browser.text("#goods-fault:not(:empty)").await?;
    assert!(fault.contains("一部負担金なら、ポイントを使わずに"), "{fault}");
    browser.check_page("shop-medical").await?;
    browser.click("#goods").await?;
    browser.click("#pay").await?;
    let told = browser.text("[data-step='result']:not([hidden]) #result.pass").await?;
    assert!(told.contains("50 ポイントを受け取りました"), "{told}");
    // Each payment is asked about anew.
    browser.click("#next").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.find("#medical:not([hidden]) #goods:not(:checked)").await?;

    world.open("/yaizu-demo/settlement").await?;
    browser.click("#list-lines button").await?;
    let facts = browser.text("#statement:not([hidden]) #statement-facts").await?;
    assert!(facts.contains("保険医療機関"), "{facts}");
    browser.check_page("settlement-medical").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}
