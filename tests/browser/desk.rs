//! A kiosk: card and PIN in the place of a phone.

use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::codes;
use crate::terminals::{join_staff, script_in};

/// A resident with a card and a PIN, and no phone: the number of the card, then the PIN.
async fn card_and_pin(browser: &Browser) -> WebDriverResult<(String, String)> {
    let script = "const {card, pin} = await api.visitor('yaizu-demo'); return `${card} ${pin}`;";
    let told = script_in(browser, script).await?;
    let (card, pin) = told.split_once(' ').expect("a card and a PIN");
    Ok((card.to_owned(), pin.to_owned()))
}

/// Shows the card to the kiosk and types the PIN.
pub(crate) async fn show_card(browser: &Browser, card: &str, pin: &str) -> WebDriverResult<()> {
    browser.find("[data-step='scan']:not([hidden])").await?;
    browser.write("#code", &format!("{card}\n")).await?;
    browser.find("[data-step='pin']:not([hidden])").await?;
    browser.write("#pin", &format!("{pin}\n")).await
}

pub(crate) async fn open_desk(world: &World) -> WebDriverResult<()> {
    world.open("/yaizu-demo/desk").await?;
    world.browser.find("#work:not([hidden]) [data-step='menu']:not([hidden])").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_registered_at_the_kiosk_with_card_and_pin() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/desk").await?;
    browser.find("#start-link:not([hidden])").await?;
    world.hold_key("kiosk", "市役所ロビー").await?;
    let holder = card_and_pin(browser).await?;

    world.open("/yaizu-demo/me").await?;
    browser.become_phone().await?;
    browser.click("#at-desk:not([hidden]) #ask-desk").await?;
    browser.find("#asking:not([hidden])").await?;
    browser.check_page("me-desk-ja").await?;
    let shown = codes::shown_in(browser, "#phone-code").await?;
    assert!(shown.contains("/yaizu-demo/desk#phone="), "{shown}");

    browser.open_window().await?;
    open_desk(&world).await?;
    browser.check_page("desk-menu-ja").await?;
    browser.click("[data-flow='phone']").await?;
    browser.find("[data-step='scan']:not([hidden])").await?;
    browser.check_page("desk-scan-ja").await?;
    browser.write("#code", "HTTPS://SOMEWHERE/ELSE\n").await?;
    browser
        .says("[data-scan='say']:not(:empty)", "登録するスマートフォンのコードではありません")
        .await?;
    browser.write("#code", &format!("{shown}\n")).await?;
    browser.reads("#scan-title", "カードを読み取ります").await?;
    browser.write("#code", "ABC\n").await?;
    browser.says("[data-scan='say']:not(:empty)", "カードではありません").await?;
    show_card(browser, &holder.0, "12").await?;
    browser.says("#pin-fault:not(:empty)", "4けたから8けた").await?;
    browser.check_page("desk-pin-ja").await?;
    let wrong = if holder.1 == "0000" { "0001" } else { "0000" };
    browser.run("document.querySelector('#pin').value = ''").await?;
    browser.write("#pin", &format!("{wrong}\n")).await?;
    world.problem("暗証番号が違います").await?;
    browser.write("#pin", &format!("{}\n", holder.1)).await?;
    browser.says("#result.pass", "登録しました").await?;
    browser.check_page("desk-phone-done-ja").await?;

    browser.switch(0).await?;
    browser.reads("#me[data-session='yes'] #yen", "300").await?;
    browser.says("table.history", "端末の登録").await?;
    world.console(&["401", "403"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn links_begin_and_end_at_the_kiosk() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    let holder = card_and_pin(browser).await?;
    open_desk(&world).await?;
    browser.click("[data-flow='links']").await?;
    show_card(browser, &holder.0, &holder.1).await?;
    browser.find("[data-step='links']:not([hidden]) #links-none:not([hidden])").await?;
    browser.click("#grant button").await?;
    browser.says("#result.pass", "連携しました").await?;
    browser.click("#next").await?;

    // A second act takes the PIN again; a link that is there can be ended.
    browser.click("[data-flow='links']").await?;
    show_card(browser, &holder.0, &holder.1).await?;
    browser.find("#links-list button").await?;
    browser.check_page("desk-links-ja").await?;
    browser.whole_page("desk-links-ja-whole").await?;
    browser.click("#links-list button").await?;
    browser.click("#confirm[open] [value='yes']").await?;
    browser.reads("#say:not(:empty)", "連携をやめました。").await?;
    browser.says("#links-list li", "終わりました").await?;
    browser.run("document.querySelector('#partner').value = 'family'; document.querySelector('#partner').onchange()").await?;
    browser.write("#family", "ABCD").await?;
    browser.click("#grant button").await?;
    browser.says("#family-fault:not(:empty)", "13文字").await?;
    let code = script_in(
        browser,
        "const phone = await store.makeKey();
        const {code} = await api.visitor('yaizu-demo');
        await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
        return cose.familyCode(phone.kid);",
    )
    .await?;
    browser.run("document.querySelector('#family').value = ''").await?;
    browser.write("#family", &code.to_lowercase()).await?;
    browser.click("#grant button").await?;
    browser.says("#result.pass", "連携しました").await?;
    world.open("/yaizu-demo/desk?lang=en").await?;
    browser.find("#work:not([hidden]) [data-step='menu']:not([hidden])").await?;
    browser.check_page("desk-menu-en").await?;
    browser.become_phone().await?;
    browser.check_page("desk-menu-phone-en").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_claims_a_voucher_on_paper() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    let holder = card_and_pin(browser).await?;
    open_desk(&world).await?;
    browser.click("[data-flow='reward']").await?;
    browser.find("[data-step='items']:not([hidden]) #items li").await?;
    browser.check_page("desk-items-ja").await?;
    assert_eq!(browser.count("[aria-label*='地域通貨']").await?, 0, "a wallet is for phones");
    browser.click("[aria-label='これにする: 日帰り温泉の入浴券']").await?;
    show_card(browser, &holder.0, &holder.1).await?;
    let name = browser.text("[data-step='voucher']:not([hidden]) #shown-name").await?;
    assert_eq!(name, "日帰り温泉の入浴券");
    let code = codes::shown_in(browser, "#shown .modules").await?;
    assert!(code.contains("/V/"), "{code}");
    browser.check_page("desk-voucher-ja").await?;
    browser.print("desk-voucher-print").await?;
    browser.click("#hide").await?;
    browser.find("[data-step='menu']:not([hidden])").await?;
    let left = script_in(
        browser,
        "return JSON.stringify(await store.namesUnder('yaizu-demo/')) + document.querySelector('#shown svg path').getAttribute('d');",
    )
    .await?;
    assert_eq!(left, "[\"yaizu-demo/key/kiosk\"]", "nothing of the resident stays");

    // Points are gone for another, and the screen says so.
    browser.click("[data-flow='reward']").await?;
    browser.click("[aria-label='これにする: 日帰り温泉の入浴券']").await?;
    show_card(browser, &holder.0, &holder.1).await?;
    browser.says("#result.fail", "ポイントが足りません").await?;
    browser.check_page("desk-refused-ja").await?;
    world.console(&["422", "409", "403"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_changed_at_the_kiosk_with_the_old_one() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    let (card, pin) = card_and_pin(browser).await?;
    let next = if pin == "4711" { "4712" } else { "4711" };
    open_desk(&world).await?;
    assert_eq!(browser.count("[data-only='staff'][hidden]").await?, 2, "a kiosk gives no PIN");
    browser.click("[data-flow='pin-changed']").await?;
    show_card(browser, &card, &pin).await?;
    browser.reads("#pin-title", "新しい暗証番号を入れてください").await?;
    browser.check_page("desk-pin-new-ja").await?;
    browser.write("#pin", &format!("{next}\n")).await?;
    browser.reads("#pin-title", "確認のため、もう一度入れてください").await?;
    browser.write("#pin", "9999\n").await?;
    browser.says("#pin-fault:not(:empty)", "2回の番号が違います").await?;
    browser.write("#pin", &format!("{next}\n")).await?;
    browser.reads("#pin-title", "確認のため、もう一度入れてください").await?;
    browser.write("#pin", &format!("{next}\n")).await?;
    browser.says("#result.pass", "暗証番号を決めました").await?;
    browser.says("#result.pass", "すぐに使えます").await?;
    browser.check_page("desk-pin-done-ja").await?;
    browser.click("#next").await?;

    browser.click("[data-flow='links']").await?;
    show_card(browser, &card, &pin).await?;
    world.problem("暗証番号が違います").await?;
    browser.run("document.querySelector('#pin').value = ''").await?;
    browser.write("#pin", &format!("{next}\n")).await?;
    browser.find("[data-step='links']:not([hidden])").await?;
    world.console(&["403"]).await?;
    world.browser.quit().await
}

/// Who has forgotten the PIN gets another by two members of staff, who read what they sign.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_pin_takes_two_members_of_staff() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    join_staff(&world, browser, "職員 一").await?;
    let (card, _) = card_and_pin(browser).await?;
    open_desk(&world).await?;
    browser.check_page("desk-menu-staff-ja").await?;
    browser.click("[data-flow='pin-first']").await?;
    show_card(browser, &card, "4711").await?;
    browser.write("#pin", "4711\n").await?;
    browser.says("#result.fail", "最初の暗証番号は").await?;
    browser.click("#next").await?;
    browser.click("[data-flow='pin-desk']").await?;
    show_card(browser, &card, "4711").await?;
    browser.write("#pin", "4711\n").await?;
    browser.says("#result.pass", "承認を待っています").await?;
    browser.check_page("desk-pin-proposed-ja").await?;

    let second = Browser::start().await?;
    join_staff(&world, &second, "職員 二").await?;
    second.open(&world.demo.url("/yaizu-demo/approve")).await?;
    second.click("#waiting a").await?;
    second.find("#approval:not([hidden])").await?;
    let told = second.text("#asked").await?;
    for part in ["暗証番号の設定", "ご本人が窓口にいることを確かめましたか", "職員 一"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    second.check_page("approve-pin-ja").await?;
    second.click("#same").await?;
    second.click("#approval button").await?;
    second.says("#say", "承認されました").await?;
    second.quit().await?;

    // Whoever was not the holder has two days in which nothing comes of it.
    browser.click("#next").await?;
    browser.click("[data-flow='links']").await?;
    show_card(browser, &card, "4711").await?;
    world.problem("明後日から使えます").await?;
    browser.check_page("desk-pin-waits-ja").await?;
    world.console(&["403", "409"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_phone_is_ended_at_the_kiosk() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "kiosk", "市役所ロビー").await?;
    let told = script_in(
        browser,
        "const phone = await store.makeKey();
        const {card, pin, code} = await api.visitor('yaizu-demo');
        await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
        await api.openSession('yaizu-demo', await cose.session(phone, ledger));
        return `${card} ${pin}`;",
    )
    .await?;
    let (card, pin) = told.split_once(' ').expect("a card and a PIN");
    open_desk(&world).await?;
    browser.click("[data-flow='phones']").await?;
    show_card(browser, card, pin).await?;
    browser.find("[data-step='phones']:not([hidden]) #phones-list button").await?;
    browser.check_page("desk-phones-ja").await?;
    browser.click("#phones-list button").await?;
    browser.says("#result.pass", "その電話をやめました").await?;
    browser.click("#next").await?;
    browser.click("[data-flow='phones']").await?;
    show_card(browser, card, pin).await?;
    browser.find("#phones-none:not([hidden])").await?;
    let reads = script_in(
        browser,
        "return api.balance('yaizu-demo').then(() => 'reads', ({slug}) => slug);",
    )
    .await?;
    assert_eq!(reads, "key-revoked", "its session ends with it");
    world.console(&["401", "403"]).await?;
    world.browser.quit().await
}
