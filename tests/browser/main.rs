//! Journeys of real people through the real program in a real browser.
//!
//! `tests/run` installs Chromium, its driver and axe-core. Every page on the way must satisfy axe and leave no
//! error on the console; a picture of each goes to `target/screenshots/`.
#![expect(clippy::expect_used, clippy::panic, reason = "a test ends at the first surprise")]

mod browser;
#[path = "../support/server.rs"]
mod server;

use browser::Browser;
use server::Demo;
use tempfile::TempDir;
use thirtyfour::prelude::WebDriverResult;

/// What the tour's one button names, press by press, until it is `done`.
const TOUR: [&str; 7] = ["start", "measure", "show", "hand-over", "pay", "prove", "cheat"];

// On one thread a failed test would wait two minutes for the session to end behind its own back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_earns_pays_proves_and_fails_to_cheat() -> WebDriverResult<()> {
    let data = TempDir::new().expect("a temporary folder can be made");
    let demo = Demo::start(data.path());
    let browser = Browser::start().await?;

    browser.open(&demo.url("/")).await?;
    browser.check_page("first-page").await?;
    let invitation = browser.text("a#start-tour").await?;
    assert!(invitation.contains("30秒で一周する"), "the first page invites with `{invitation}`");
    browser.click("a#start-tour").await?;

    for step in TOUR {
        browser.find(&format!("#next[data-step='{step}']:not([disabled])")).await?;
        browser.check_page(&format!("tour-{step}")).await?;
        assert_eq!(browser.console_errors().await?, [""; 0], "before `{step}`");
        browser.click("#next").await?;
    }
    browser.find("#next[data-step='done']").await?;
    browser.check_page("tour-done").await?;

    let receipt = browser.text("#phone-receipt").await?;
    assert!(!receipt.is_empty(), "the phone shows a receipt number");
    assert_eq!(receipt, browser.text("#till-receipt").await?, "phone and till agree");
    browser.find("#proof[data-state='verified']").await?;
    browser.find("#cheat[data-slug='signature-invalid']").await?;

    // The browser itself reports the refused request; nothing else may be there.
    let errors = browser.console_errors().await?;
    let refusal = |error: &String| error.contains("/statements") && error.contains("401");
    assert!(errors.iter().all(refusal), "after the cheat: {errors:#?}");
    browser.quit().await
}
