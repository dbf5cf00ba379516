//! Two members of the staff: one proposes an action for a resident, the other approves.

use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::terminals::{join_staff, script_in};

/// A resident with a card and this browser as phone; gives the card's number.
const RESIDENT: &str = "
    const {card, code} = await api.visitor('yaizu-demo');
    const phone = await store.makeKey();
    await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
    await store.keep('yaizu-demo/phone', phone);
    return card;";

#[tokio::test(flavor = "multi_thread")]
async fn two_of_the_staff_grant_a_commendation() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/propose").await?;
    browser.find("#staff-missing:not([hidden])").await?;
    join_staff(&world, browser, "職員 一").await?;
    let card = script_in(browser, RESIDENT).await?;
    world.open("/yaizu-demo/approve").await?;
    browser.click("#propose:not([hidden])").await?;
    browser.reads("#two:not([hidden]) #action-points", "1,000 ポイント").await?;
    browser.check_page("propose-ja").await?;
    browser.click("#two button").await?;
    browser.says("#holder-fault:not(:empty)", "口座番号").await?;
    let slip = format!("{}{}", &card[..21], if card.ends_with('0') { '1' } else { '0' });
    browser.write("#holder", &slip).await?;
    browser.click("#two button").await?;
    browser.says("#holder-fault:not(:empty)", "誤り").await?;
    browser.run("document.querySelector('#holder').value = ''; document.querySelector('#day').value = '2020-01-01';").await?;
    browser.write("#holder", &card).await?;
    browser.click("#two button").await?;
    browser.says("#day-fault:not(:empty)", "記録できる日").await?;
    browser.run("const day = document.querySelector('#day'); day.value = day.max;").await?;
    browser.click("#two button").await?;
    let address = browser.text("#proposed:not([hidden]) #approve-link").await?;
    browser.check_page("proposed-ja").await?;
    browser.open(&world.demo.url("/yaizu-demo/me")).await?;
    assert_eq!(browser.text("#me[data-session='yes'] #yen").await?, "300", "one is not enough");

    let second = Browser::start().await?;
    join_staff(&world, &second, "職員 二").await?;
    second.open(&address).await?;
    second.find("#approval:not([hidden])").await?;
    let told = second.text("#asked").await?;
    for part in ["健康づくり功労の表彰", "1,000 ポイント", "職員 一", "月"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    second.check_page("approve-action-ja").await?;
    second.click("#same").await?;
    second.click("#approval button").await?;
    second.find("#approval[hidden]").await?;
    second.says("#say", "承認されました").await?;
    browser.reload().await?;
    browser.reads("#me #yen", "1,300").await?;
    world.open("/yaizu-demo/propose?lang=en").await?;
    browser.find("#two:not([hidden])").await?;
    browser.become_phone().await?;
    browser.check_page("propose-en").await?;
    world.console(&["401"]).await?;
    second.quit().await?;
    world.browser.quit().await
}
