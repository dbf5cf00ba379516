//! Tills, stations and coaches in service: with a camera, cards, lost answers, two windows.

use thirtyfour::prelude::WebDriverResult;

use crate::browser::{ALLOWED, Browser, CAMERA, DENIED};
use crate::{AN_ANSWER_IS_LOST, World};

/// A resident of the demo city with phone and card in this browser; gives the card and its PIN.
const BECOME_RESIDENT: &str = "
    const phone = await store.makeKey();
    const {code, card, pin} = await api.visitor('yaizu-demo');
    await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
    await store.keep('yaizu-demo/test-phone', phone);
    return 'HMC1' + cose.base32(cose.unhex(card)) + ' ' + pin;";

/// The text of a code of that phone for at most 300 points.
const SHOW_CODE: &str = "
    const phone = await store.kept('yaizu-demo/test-phone');
    return cose.payUrl(location.origin, await cose.payToken(phone, ledger, 300, 280));";

/// A card that nobody holds.
const CARD: &str = "HMC1AAAAAAAAAAAAAAAAAA";

/// Opens the camera and waits until the page has taken the code.
async fn scan(browser: &Browser, next: &str) -> WebDriverResult<()> {
    browser.click("[data-scan='camera']").await?;
    browser.find(&format!("[data-step='{next}']:not([hidden])")).await?;
    Ok(())
}

/// Expects that the box for scanning comes to say so.
async fn scanner_says(browser: &Browser, part: &str) -> WebDriverResult<()> {
    browser.says("[data-scan='say']", part).await
}

async fn outcome(browser: &Browser, state: &str) -> WebDriverResult<String> {
    let told = browser.text("[data-step='result']:not([hidden]) #result:is(.pass, .fail)").await?;
    browser.find(&format!("#result.{state}")).await.expect(&told);
    Ok(told)
}

/// A resident of the demo city with phone and card in the world's browser.
async fn become_resident(world: &World) -> WebDriverResult<Card> {
    world.open("/yaizu-demo/terminal").await?;
    let both = world.script(BECOME_RESIDENT).await?;
    let (number, pin) = both.split_once(' ').expect("card and PIN");
    Ok(Card { number: number.to_owned(), pin: pin.to_owned() })
}

/// A paper card: its number as its code has it, its PIN.
struct Card {
    number: String,
    pin: String,
}

/// A resident stands before a tablet, the code of the phone before its camera. The world's browser
/// is the tablet, with a key of this role.
async fn hold_code_before(world: &mut World, role: &str, name: &str) -> WebDriverResult<Card> {
    let card = become_resident(world).await?;
    let film = world.film(&world.script(SHOW_CODE).await?);
    let tablet = Browser::start_before(&film).await?;
    std::mem::replace(&mut world.browser, tablet).quit().await?;
    world.hold_key_at("/yaizu-demo/terminal", role, name).await?;
    Ok(card)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_measures_who_shows_a_code() -> WebDriverResult<()> {
    let mut world = World::start().await?;
    hold_code_before(&mut world, "station", "港公民館").await?;
    let browser = &world.browser;

    world.open("/yaizu-demo/station").await?;
    scan(browser, "action").await?;
    browser.find("#rules input:checked").await?;
    for wrong in ["12.1", "0", "0.15", "7..5", ""] {
        browser.find("#value-level").await?.clear().await?;
        browser.write("#value-level", &format!("{wrong}\n")).await?;
        let fault = browser.text("#fault-level:not(:empty)").await?;
        let expected = "0.1 から 12.0 までの数を、小数第1位までで入れてください。";
        assert_eq!(fault, expected, "{wrong}");
    }
    browser.check_page("station-fault").await?;
    browser.find("#value-level").await?.clear().await?;
    for key in ["7", ".", "5"] {
        browser.click(&format!(".pad [data-key='{key}']")).await?;
    }
    browser.check_page("station-action").await?;
    browser.click("#record").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("20 ポイント") && told.contains("受付番号"), "{told}");
    browser.says("#result .next", "「野菜摂取の測定」は、").await?;
    browser.check_page("station-done").await?;

    // Two values for one action; the same code is good for both, because nothing is spent.
    browser.click("#next").await?;
    scan(browser, "action").await?;
    browser.click("#rules label:nth-child(2)").await?;
    browser.write("#value-systolic", "301").await?;
    browser.write("#value-diastolic", "80\n").await?;
    browser.reads("#fault-systolic:not(:empty)", "1 から 300 までの整数を入れてください。").await?;
    browser.find("#value-systolic").await?.clear().await?;
    browser.write("#value-systolic", "128\n").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("5 ポイント") && told.contains("血圧の測定"), "{told}");
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_counts_once_at_two_stations_and_once_with_the_coach() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    let card = become_resident(&world).await?.number;
    world.hold_key("station", "港公民館").await?;
    world.open("/yaizu-demo/station").await?;
    browser.write("#code", &format!("{card}\n")).await?;
    browser.write("#value-level", "7.5\n").await?;
    assert!(outcome(browser, "pass").await?.contains("20 ポイント"));

    // At another place: it counts once in 14 days, and the page says so.
    world.hold_key("station", "保健センター").await?;
    world.open("/yaizu-demo/station").await?;
    let slipped = card.replace(&card[4..6], if &card[4..6] == "AA" { "BB" } else { "AA" });
    browser.write("#code", &format!("{slipped}\n")).await?;
    scanner_says(browser, "カードの番号に誤り").await?;
    browser.write("#code", &format!("{}\n", card.to_lowercase())).await?;
    browser.write("#value-level", "0.1\n").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("0 ポイント") && told.contains("前回から日が浅い"), "{told}");

    world.hold_key("coach", "保健師 北村").await?;
    world.open("/yaizu-demo/coach").await?;
    browser.write("#code", &format!("{card}\n")).await?;
    browser.find("#exact option:nth-child(2)").await?;
    browser.check_page("coach-action").await?;
    browser.click("#record").await?;
    // The visitor has had this consultation today.
    assert!(outcome(browser, "fail").await?.contains("もう登録されています"));
    browser.check_page("coach-refused").await?;
    world.console(&["409 (Conflict)"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_pays_once_and_its_sale_is_taken_back() -> WebDriverResult<()> {
    let mut world = World::start().await?;
    hold_code_before(&mut world, "shop", "魚政").await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/shop").await?;
    scan(browser, "amount").await?;
    for key in ["3", "0", "1"] {
        browser.click(&format!("#points-pad [data-key='{key}']")).await?;
    }
    browser.click("#pay").await?;
    browser.reads("#points-fault:not(:empty)", "このコードは 300 ポイントまでです。").await?;
    for key in ["back", "back", "back", "1", "0", "0"] {
        browser.click(&format!("#points-pad [data-key='{key}']")).await?;
    }
    browser.check_page("shop-amount").await?;
    browser.click("#pay").await?;
    assert!(outcome(browser, "pass").await?.contains("100 ポイントを受け取りました"));
    browser.find("#today-table:not([hidden]) button").await?;
    browser.check_page("shop-done").await?;
    browser.reads("#today-sum", "1 件、合計 100 ポイント").await?;

    // The same code again: refused, because it is spent.
    browser.click("#next").await?;
    browser.click("[data-scan='camera']").await?;
    scanner_says(browser, "使用済み").await?;

    browser.click("#today-lines button").await?;
    browser.find("#confirm[open]").await?;
    browser.check_page("shop-confirm").await?;
    browser.click("#confirm [value='no']").await?;
    browser.click("#today-lines button").await?;
    browser.click("#confirm [value='yes']").await?;
    assert!(outcome(browser, "pass").await?.contains("100 ポイントを取り消しました"));
    browser.find("#today-lines .voided").await?;
    browser.reads("#today-sum", "0 件、合計 0 ポイント").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// The clerk looks at who holds the card; above the day's limit the PIN is asked, and a wrong one
/// can be typed again.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_pays_after_a_look_and_then_with_its_pin() -> WebDriverResult<()> {
    let points = "[data-step='amount']:not([hidden]) #points";
    let world = World::start().await?;
    let browser = &world.browser;
    let Card { number, pin } = become_resident(&world).await?;
    world.hold_key("shop", "魚政").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.write("#code", &format!("{number}\n")).await?;
    browser.write(points, "100").await?;
    browser.click("#pay").await?;
    browser
        .reads("#looked-fault:not(:empty)", "カードの持ち主を確かめてから、印を付けてください。")
        .await?;
    browser.check_page("shop-card").await?;
    browser.click("#looked").await?;
    browser.click("#pay").await?;
    assert!(outcome(browser, "pass").await?.contains("100 ポイントを受け取りました"));
    take_back(browser).await?;

    // What a clerk's look allowed is used up for the day.
    browser.write("#code", &format!("{number}\n")).await?;
    browser.write(points, "220").await?;
    browser.click("#looked").await?;
    browser.click("#pay").await?;
    browser.write("[data-step='pin']:not([hidden]) #pin", "12").await?;
    browser.click("#pin-enter").await?;
    browser.find("#pin-fault:not(:empty)").await?;
    browser.check_page("shop-pin").await?;
    let wrong = if pin == "0000" { "1111" } else { "0000" };
    browser.write("#pin", wrong).await?;
    browser.click("#pin-enter").await?;
    browser.says("#problem:not([hidden])", "暗証番号が違います").await?;
    for digit in pin.chars() {
        browser.click(&format!("#pin-pad [data-key='{digit}']")).await?;
    }
    browser.click("#pin-enter").await?;
    assert!(outcome(browser, "pass").await?.contains("220 ポイントを受け取りました"));
    take_back(browser).await?;
    world.console(&["/pin", "/statements"]).await?;
    world.browser.quit().await
}

/// The programme is late to answer, until `release` is called.
const THE_PROGRAMME_IS_LATE: &str = "
    const real = window.fetch;
    const late = new Promise(release => { window.release = release; });
    window.fetch = async (...request) => {
        const answer = await real(...request);
        if (request[0].endsWith('/programme')) await late;
        return answer;
    };";

#[tokio::test(flavor = "multi_thread")]
async fn a_till_keeps_what_was_scanned_while_it_was_loading() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.hold_key_at("/yaizu-demo/terminal", "shop", "魚政").await?;
    browser.before_pages(THE_PROGRAMME_IS_LATE).await?;
    world.open("/yaizu-demo/shop").await?;
    browser.write("#work:not([hidden]) #code", &format!("{CARD}\n")).await?;
    browser.run("window.release();").await?;
    asks_who_holds_the_card(browser).await?;
    browser.write("#points", "50").await?;
    browser.click("#pay").await?;
    browser.says("#looked-fault:not(:empty)", "持ち主").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

async fn asks_who_holds_the_card(browser: &Browser) -> WebDriverResult<()> {
    browser.says("[data-step='amount']:not([hidden]) #limit", "持ち主").await
}

/// Takes the last sale back and goes on to the next customer.
async fn take_back(browser: &Browser) -> WebDriverResult<()> {
    browser.click("#next").await?;
    browser.click("#today-lines button").await?;
    browser.click("#confirm [value='yes']").await?;
    assert!(outcome(browser, "pass").await?.contains("取り消しました"));
    browser.click("#next").await
}

/// Counts the statements that this window wanted to finish and left to the window that keeps them.
const COUNT_LEFT_ALONE: &str = "
    const request = navigator.locks.request.bind(navigator.locks);
    window.leftAlone = 0;
    navigator.locks.request = (...asked) => {
        const held = request(...asked);
        held.catch(() => { window.leftAlone += 1; });
        return held;
    };";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_two_windows_charge_once_each() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    become_resident(&world).await?;
    world.hold_key("shop", "魚政").await?;
    browser.open_window().await?;
    for window in [0, 1] {
        browser.switch(window).await?;
        world.open("/yaizu-demo/shop").await?;
        browser.find("#work:not([hidden])").await?;
        let code = world.script(SHOW_CODE).await?;
        browser.write("#code", &format!("{code}\n")).await?;
        browser.write("[data-step='amount']:not([hidden]) #points", "50").await?;
    }
    browser.switch(0).await?;
    let lost = AN_ANSWER_IS_LOST.replace(
        "window.fetch = real;",
        "if (!request[0].endsWith('/statements')) return real(...request); window.fetch = real;",
    );
    browser.run(&lost).await?;
    browser.click("#pay").await?;
    browser.find("#again:not([hidden])").await?;
    browser.check_page("shop-unanswered").await?;

    // The other window leaves it alone, and sells.
    browser.switch(1).await?;
    browser.click("#pay").await?;
    outcome(browser, "pass").await?;
    browser.before_pages(COUNT_LEFT_ALONE).await?;
    browser.reload().await?;
    browser.find("[data-step='scan']:not([hidden])").await?;
    // It asks for what the first window keeps, and then leaves it alone.
    browser
        .run("while (!window.leftAlone) await new Promise(done => setTimeout(done, 50));")
        .await?;

    // A reload in the middle finds it again and sends the same bytes.
    browser.switch(0).await?;
    browser.reload().await?;
    assert!(outcome(browser, "pass").await?.contains("50 ポイントを受け取りました"));
    browser.find("#today-lines tr:nth-child(2)").await?;
    browser.reads("#today-sum", "2 件、合計 100 ポイント").await?;
    browser.reload().await?;
    browser.find("[data-step='scan']:not([hidden])").await?;

    // A proxy's page instead of an answer is no verdict either; nor is the network's absence.
    let code = world.script(SHOW_CODE).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.write("[data-step='amount']:not([hidden]) #points", "50").await?;
    let proxy = "const real = window.fetch;
        window.fetch = (...request) => request[0].endsWith('/statements')
            ? Promise.resolve(new Response('<h1>Wi-Fi</h1>', {status: 403})) : real(...request);
        return '';";
    browser.run(proxy).await?;
    browser.click("#pay").await?;
    browser.find("#again:not([hidden])").await?;
    browser.reload().await?;
    outcome(browser, "pass").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// Chooses a photograph of a code in the page's own field for it.
const PHOTOGRAPH: &str = "
    const {encode} = await import('/assets/qr.js');
    const text = 'CARD';
    const canvas = Object.assign(document.createElement('canvas'), {width: 800, height: 1000});
    const context = canvas.getContext('2d');
    context.fillStyle = '#999';
    context.fillRect(0, 0, 800, 1000);
    if (text) {
        const {size, dark} = encode(text);
        context.fillStyle = '#fff';
        context.fillRect(200, 300, 400, 400);
        context.fillStyle = '#000';
        const px = Math.floor(400 / (size + 8));
        dark.forEach((module, at) => module && context.fillRect(
            200 + px * (4 + at % size), 300 + px * (4 + Math.floor(at / size)), px, px));
    }
    const chosen = new DataTransfer();
    const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
    chosen.items.add(new File([blob], 'photo.png', {type: 'image/png'}));
    const input = document.querySelector('#photo');
    input.files = chosen.files;
    input.dispatchEvent(new Event('change'));
    return '';";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_camera_the_other_ways_stay() -> WebDriverResult<()> {
    let mut world = World::start().await?;
    for (flags, sentence) in [
        (&[CAMERA, DENIED][..], "許可されていません"),
        (&[ALLOWED][..], "使えるカメラがありません"),
    ] {
        let browser = Browser::start_with(flags).await?;
        std::mem::replace(&mut world.browser, browser).quit().await?;
        let browser = &world.browser;
        world.open("/yaizu-demo/terminal").await?;
        world.hold_key("shop", "魚政").await?;
        world.open("/yaizu-demo/shop").await?;
        browser.click("[data-scan='camera']").await?;
        scanner_says(browser, sentence).await?;
        browser.check_page(&format!("shop-camera-{}", flags.len())).await?;
        browser.write("#code", &format!("{CARD}\n")).await?;
        asks_who_holds_the_card(browser).await?;
        world.console(&[]).await?;
    }

    // A browser that reads codes itself asks nobody; one that sees none stops after a while.
    let browser = Browser::start_with(&[CAMERA, ALLOWED]).await?;
    std::mem::replace(&mut world.browser, browser).quit().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/terminal").await?;
    world.hold_key("shop", "魚政").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    let own = format!("
        window.asked = 0;
        const real = window.fetch;
        window.fetch = (...request) => {{ window.asked += request[0].includes('qr/frame'); return real(...request); }};
        window.BarcodeDetector = class {{
            static async getSupportedFormats() {{ return ['qr_code']; }}
            async detect() {{ return [{{rawValue: '{CARD}'}}]; }}
        }};
        return '';");
    browser.run(&own).await?;
    browser.click("[data-scan='camera']").await?;
    asks_who_holds_the_card(browser).await?;
    browser.click("#rescan").await?;
    assert_eq!(browser.run("return window.asked;").await?, 0);

    let busy = "delete window.BarcodeDetector;
        window.real = navigator.mediaDevices.getUserMedia;
        navigator.mediaDevices.getUserMedia =
            () => Promise.reject(new DOMException('', 'NotReadableError'));
        return '';";
    browser.run(busy).await?;
    browser.click("[data-scan='camera']").await?;
    scanner_says(browser, "ほかのアプリが使っています").await?;
    browser.run("navigator.mediaDevices.getUserMedia = window.real; return '';").await?;
    browser.click("[data-scan='camera']").await?;
    browser.find("#scan video:not([hidden])").await?;
    browser.check_page("shop-camera").await?;
    let late = "while (!window.asked) await new Promise(done => setTimeout(done, 50));
        const now = performance.now.bind(performance);
        performance.now = () => now() + 21000;
        return '';";
    browser.run(late).await?;
    scanner_says(browser, "20秒").await?;
    browser.find("#scan video[hidden]").await?;

    // A photograph does without a camera of the page's own.
    world.script(&PHOTOGRAPH.replace("CARD", CARD)).await?;
    asks_who_holds_the_card(browser).await?;
    browser.click("#rescan").await?;
    world.script(&PHOTOGRAPH.replace("CARD", "")).await?;
    scanner_says(browser, "見つかりませんでした").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}
