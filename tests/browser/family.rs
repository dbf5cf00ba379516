//! Two phones of a family: one reads and claims for the other, and spends nothing.

use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::codes;
use crate::resident::become_resident;

#[tokio::test(flavor = "multi_thread")]
async fn a_daughter_reads_and_claims_for_her_mother_until_she_ends_it() -> WebDriverResult<()> {
    let world = World::start().await?;
    let mother = &world.browser;
    become_resident(&world).await?;
    mother.become_phone().await?;

    let daughter = Browser::start().await?;
    daughter.become_phone().await?;
    let family = world.demo.url("/yaizu-demo/family");
    daughter.open(&family).await?;
    daughter.find("#enrol:not([hidden])").await?;
    daughter.open(&world.demo.url("/yaizu-demo/me")).await?;
    daughter.click("#visitor").await?;
    daughter.find("#me[data-session='yes']").await?;
    daughter.click("a[href='/yaizu-demo/family']").await?;
    let code = daughter.text("#own:not([hidden]) #own-number").await?;
    daughter.find("#helped-none:not([hidden])").await?;
    daughter.check_page("family-none-ja").await?;
    let shown = codes::shown_in(&daughter, "#own-code").await?;
    assert!(shown.ends_with(&format!("/yaizu-demo/links#family={code}")), "{shown}");

    mother.open(&shown).await?;
    mother.find("#grant:not([hidden]) #family-box:not([hidden])").await?;
    mother.check_page("links-family-ja").await?;
    mother.whole_page("links-family-ja-whole").await?;
    mother.click("#grant button").await?;
    mother.find("#made:not([hidden]) #made-family:not([hidden])").await?;
    let line = mother.text("#links-list li").await?;
    assert!(line.contains(&code) && line.contains("特典を申し込む"), "{line}");
    mother.check_page("links-family-made-ja").await?;

    daughter.open(&family).await?;
    daughter.find("#helped-list li").await?;
    daughter.run("const label = document.querySelector('#label-1'); label.value = '母'; label.dispatchEvent(new Event('change'));").await?;
    daughter.reload().await?;
    daughter.find("[aria-label='母の残高と予定']").await?;
    daughter.check_page("family-ja").await?;
    daughter.click("[aria-label='母の残高と予定']").await?;
    daughter.reads("#me #yen", "300").await?;
    daughter.says("h1", "家族のポイント").await?;
    assert_eq!(daughter.count("a[href='/yaizu-demo/pay']").await?, 0);
    daughter.check_page("family-view-ja").await?;
    daughter.whole_page("family-view-ja-whole").await?;
    daughter.click(".languages a[lang='en']").await?;
    daughter.reads("html[lang='en'] h1", "Your family’s points").await?;
    daughter.check_page("family-view-en").await?;
    daughter.click("a[href^='/yaizu-demo/rewards?for=']").await?;
    daughter.find("#for-family:not([hidden])").await?;
    daughter.click("[data-item='bath'] > button:not([hidden])").await?;
    daughter.click("#confirm-yes").await?;
    daughter.click("#own-list button").await?;
    assert!(codes::shown_in(&daughter, "#shown .modules").await?.contains("/V/"));
    daughter.reads("#yen", "0").await?;
    daughter.check_page("family-rewards-en").await?;
    daughter.open(&world.demo.url("/yaizu-demo/me")).await?;
    assert_eq!(daughter.text("#me #yen").await?, "300", "her own are untouched");

    world.open("/yaizu-demo/me").await?;
    mother.says("table.history", &format!("家族の電話 {code} から")).await?;
    mother.check_page("me-by-family-ja").await?;
    world.open("/yaizu-demo/links").await?;
    mother.click("#links-list button").await?;
    mother.click("#confirm [value='yes']").await?;
    mother.find("#say:not(:empty)").await?;
    daughter.open(&format!("{family}?lang=en")).await?;
    daughter.find("#helped-none:not([hidden])").await?;
    daughter.check_page("family-none-en").await?;

    world.console(&[]).await?;
    let errors = daughter.console_errors().await?;
    assert!(errors.iter().all(|error| error.contains("401")), "{errors:#?}");
    daughter.quit().await?;
    world.browser.quit().await
}
