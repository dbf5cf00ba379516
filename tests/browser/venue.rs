//! An event: the screen of the venue, and the phone that reads it.

use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::codes;
use crate::resident::{A_MINUTE_PASSES, become_resident};

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_reads_the_venues_code_and_records_the_visit() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/venue").await?;
    browser.find("#start-link:not([hidden])").await?;
    world.hold_key("station", "大井川公民館").await?;
    world.open("/yaizu-demo/station").await?;
    browser.click("#work:not([hidden]) a[href='/yaizu-demo/venue']").await?;
    browser.find("#choose:not([hidden]) #actions button").await?;
    browser.check_page("venue-choose").await?;
    browser.click("#actions button").await?;
    browser.reads("#shown:not([hidden]) #event", "健康イベント").await?;
    let first = codes::shown(browser).await?;
    browser.check_page("venue-screen").await?;
    // The screen renews its code as soon as the minute is over.
    browser.run(A_MINUTE_PASSES).await?;
    assert_ne!(codes::shown(browser).await?, first);
    browser.reload().await?;
    browser.click("#choose:not([hidden]) #actions button").await?;
    let shown = codes::shown(browser).await?;

    browser.open_window().await?;
    browser.become_phone().await?;
    browser.open(&shown).await?;
    browser.find("#enrol:not([hidden])").await?;
    browser.check_page("attend-enrol").await?;
    become_resident(&world).await?;
    browser.become_phone().await?;
    browser.open(&shown.replacen("/E/", "/E/A", 1)).await?;
    assert!(browser.text("h1").await?.contains("ページがありません"), "a code that is none");
    browser.open(&shown).await?;
    browser.reads("[data-step='ask']:not([hidden]) #event", "健康イベント").await?;
    browser.reads("#place [lang='ja']", "大井川公民館").await?;
    assert!(!browser.address().await?.contains('#'), "a code is asked about once");
    browser.check_page("attend-ask-ja").await?;
    browser.click("#record").await?;
    let told = browser.text("[data-step='result']:not([hidden]) #result.pass").await?;
    assert!(told.contains("50 ポイント") && told.contains("健康イベント"), "{told}");
    browser.check_page("attend-done-ja").await?;
    browser.click("#next").await?;
    browser.reads("#me[data-session='yes'] #yen", "350").await?;

    browser.open(&format!("{}?lang=en", world.demo.url("/yaizu-demo/attend"))).await?;
    browser
        .reads("#say:not(:empty)", "Read the QR code on the venue's screen with the camera.")
        .await?;
    browser.open(&shown).await?;
    browser.find("[data-step='ask']:not([hidden])").await?;
    browser.check_page("attend-ask-en").await?;
    browser.click("#record").await?;
    browser.find("[data-step='result']:not([hidden]) #result.fail").await?;
    browser.check_page("attend-twice-en").await?;
    world.open("/yaizu-demo/venue").await?;
    browser.click("#choose:not([hidden]) #actions button").await?;
    codes::shown(browser).await?;
    browser.check_page("venue-screen-en").await?;
    world.console(&["404 (Not Found)", "/statements", "409 (Conflict)"]).await?;
    world.browser.quit().await
}
