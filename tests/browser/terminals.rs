//! Tablets in service: enrolled by QR, tills and stations with a camera, cards, lost answers, two
//! windows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use kenmai::clock::{Clock, SystemClock};
use kenmai::demo::{Cast, YAIZU};
use kenmai::keys;
use ledger_spec::cbor::Text;
use ledger_spec::ids::{Kid, LedgerId, OpId};
use ledger_spec::kinds::{Body, KeyRevoke};
use ledger_spec::statement::Core;
use ledger_spec::time::Day;
use thirtyfour::prelude::WebDriverResult;

use crate::browser::{ALLOWED, Browser, CAMERA, DENIED};
use crate::camera::{View, picture};
use crate::{AN_ANSWER_IS_LOST, World};

/// The modules of the pages and the ledger's facts, for scripts.
const MODULES: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const ledger = await api.ledger('yaizu-demo');";

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

/// Reads the QR code on the page as a camera would.
const READ_QR: &str = "
    const image = document.querySelector('figure .modules');
    const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 640});
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 640, 640);
    context.fillStyle = '#000';
    context.scale(640 / image.viewBox.baseVal.width, 640 / image.viewBox.baseVal.width);
    context.fill(new Path2D(image.querySelector('path').getAttribute('d')));
    const jpeg = await new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.8));
    const phone = await store.makeKey();
    const {code} = await api.visitor('yaizu-demo');
    await api.submit('yaizu-demo', await cose.deviceEnrol(phone, ledger, cose.unhex(code)));
    const {token} = await api.openSession('yaizu-demo', await cose.session(phone, ledger));
    return api.frame('yaizu-demo', jpeg, token);";

impl World {
    async fn script(&self, script: &str) -> WebDriverResult<String> {
        script_in(&self.browser, script).await
    }

    /// Gives this browser a registered key of a role, the short way.
    pub(crate) async fn hold_key(&self, role: &str, name: &str) -> WebDriverResult<()> {
        let script = format!(
            "const key = {{...await store.makeKey(), name: '{name}'}};
            await api.demoTerminal('yaizu-demo', key.publicKey, '{role}', key.name);
            await store.keep('yaizu-demo/key/{role}', key);
            return '';"
        );
        self.script(&script).await.map(drop)
    }

    /// The same in a browser that has opened no page yet.
    pub(crate) async fn hold_key_at(
        &self,
        path: &str,
        role: &str,
        name: &str,
    ) -> WebDriverResult<()> {
        self.open(path).await?;
        self.hold_key(role, name).await
    }

    /// Writes the film of a camera before which a code is held.
    pub(crate) fn film(&self, text: &str) -> PathBuf {
        let path = self.data.path().join("film.y4m");
        let view =
            View { size_px: (640, 480), scale: 6.0, turn_degrees: 7.0, inverted: false, noise: 8 };
        let luma = picture(text, view);
        let grey = vec![128; luma.len() / 2];
        let mut file = BufWriter::new(File::create(&path).expect("a file can be made"));
        let mut write = |bytes: &[u8]| file.write_all(bytes).expect("a film can be written");
        write(b"YUV4MPEG2 W640 H480 F20:1 Ip A1:1 C420mpeg2\n");
        for _ in 0..10 {
            write(b"FRAME\n");
            write(&luma);
            write(&grey);
        }
        path
    }
}

pub(crate) async fn script_in(browser: &Browser, script: &str) -> WebDriverResult<String> {
    let value = browser.run(&format!("{MODULES} {script}")).await?;
    Ok(value.as_str().expect("the script gives a text").to_owned())
}

/// The keys of the world's city.
pub(crate) fn cast(world: &World) -> Cast {
    let seed = world.data.path().join("demo-keys/demo.seed");
    Cast::new(*keys::read_secret(&seed).expect("the demo's seed"), YAIZU)
}

/// Makes a browser a member of the staff.
pub(crate) async fn join_staff(
    world: &World,
    browser: &Browser,
    name: &str,
) -> WebDriverResult<()> {
    register(world, browser, "staff", name).await
}

/// Gives a browser a key of a role, at the place of that name if there is one: the city's two root
/// keys sign, as `kenmai sign` would.
pub(crate) async fn register(
    world: &World,
    browser: &Browser,
    role: &str,
    name: &str,
) -> WebDriverResult<()> {
    let cast = cast(world);
    let [first, second] =
        [0, 1].map(|root| cast.root(root).to_bytes().map(|byte| format!("{byte:02x}")).concat());
    browser.open(&world.demo.url("/yaizu-demo/enrol")).await?;
    let script = format!(
        "const root = async seed => {{
            const pkcs8 = cose.unhex('302e020100300506032b657004220420' + seed);
            const [privateKey, open] = await Promise.all([false, true].map(extractable =>
                crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', extractable, ['sign'])));
            const {{x}} = await crypto.subtle.exportKey('jwk', open);
            const publicKey = Uint8Array.from(
                atob(x.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
            return {{privateKey, publicKey, kid: await cose.kidOf(publicKey)}};
        }};
        const key = {{...await store.makeKey(), name: '{name}'}};
        const known = (await api.places('yaizu-demo', '{role}')).find(place => place.name === '{name}');
        const proposal = await cose.keyRegister(await root('{first}'), ledger, {{
            publicKey: key.publicKey, role: '{role}', name: '{name}', place: known && cose.unhex(known.place)}});
        const {{seq}} = await api.submit('yaizu-demo', proposal);
        await api.submit('yaizu-demo', await cose.approve(
            await root('{second}'), ledger, seq, await cose.sha256(proposal)));
        await store.keep('yaizu-demo/key/{role}', key);
        return '';"
    );
    script_in(browser, &script).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tablet_enrols_by_qr_with_two_members_of_staff() -> WebDriverResult<()> {
    let world = World::start().await?;
    let tablet = &world.browser;
    tablet.become_phone().await?;
    world.open("/yaizu-demo/shop").await?;
    tablet.find("#start-link:not([hidden])").await?;
    tablet.check_page("shop-without-key").await?;
    tablet.click("#start-link a").await?;
    tablet.find("#ask input[value='shop']:checked").await?;
    tablet.check_page("terminal-ask").await?;
    tablet.click("#ask button").await?;
    assert_eq!(tablet.text("#name-fault").await?, "名前を入れてください。");
    tablet.write("#name", "魚政 2号レジ\n").await?;
    tablet.find("#waiting:not([hidden]) path[d^='M']").await?;
    tablet.check_page("terminal-waiting").await?;
    let request = world.script(READ_QR).await?;
    assert!(request.contains("/yaizu-demo/enrol#key="), "{request}");
    assert_eq!(tablet.find("#request").await?.attr("href").await?.as_deref(), Some(&*request));
    let digits = tablet.text("#comparison").await?;

    let (first, second) = (Browser::start().await?, Browser::start().await?);
    first.open(&request).await?;
    first.find("#staff-missing:not([hidden])").await?;
    first.check_page("enrol-without-key").await?;
    join_staff(&world, &first, "職員 一").await?;
    join_staff(&world, &second, "職員 二").await?;

    first.open(&request).await?;
    first.find("#proposal:not([hidden]) #propose:not([hidden])").await?;
    assert_eq!(first.text("#comparison").await?, digits);
    assert_eq!(first.text("#asked-name").await?, "魚政 2号レジ");
    first.click("#propose").await?;
    assert!(first.text("#same-fault:not(:empty)").await?.contains("番号をくらべて"));
    first.click("#same").await?;
    let known = "const place = document.querySelector('#place-choice');
        place.selectedIndex = [...place.options].findIndex(option => option.text === '魚政');
        return place.selectedOptions[0].text;";
    assert_eq!(script_in(&first, known).await?, "魚政");
    first.check_page("enrol-request").await?;
    first.click("#propose").await?;
    first.find("#proposed:not([hidden])").await?;
    first.check_page("enrol-proposed").await?;
    let link = script_in(&first, READ_QR).await?;
    assert!(link.contains("/yaizu-demo/approve#"), "{link}");

    // Nobody is two persons.
    first.open(&link).await?;
    first.find("#approval:not([hidden])").await?;
    first.click("#same").await?;
    first.click("#approval button").await?;
    assert!(first.text("#problem:not([hidden])").await?.contains("別の人の承認"));

    second.open(&link).await?;
    second.find("#approval:not([hidden])").await?;
    assert_eq!(second.text("#comparison").await?, digits);
    assert_eq!(second.text("#asked-by").await?, "職員 一");
    assert_eq!(second.text("#asked-place").await?, "すでにある「魚政」");
    second.check_page("approve").await?;
    second.click("#same").await?;
    second.click("#approval button").await?;
    second.find("#approval[hidden]").await?;
    assert!(second.text("#say").await?.starts_with('✔'));

    // The tablet goes on by itself.
    tablet.find("#work:not([hidden])").await?;
    assert!(tablet.address().await?.ends_with("/yaizu-demo/shop"));
    assert_eq!(tablet.text("#place").await?, "魚政");
    world.console(&["404 (Not Found)"]).await?;
    first.quit().await?;
    second.quit().await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tablet_is_till_and_station_in_the_demo() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    for (role, name) in [("station", "港公民館"), ("shop", "港公民館 売店")] {
        world.open(&format!("/yaizu-demo/terminal?role={role}")).await?;
        browser.find(&format!("#ask input[value='{role}']:checked")).await?;
        browser.write("#name", &format!("{name}\n")).await?;
        browser.find("#waiting:not([hidden]) path[d^='M']").await?;
        browser.click("#request").await?;
        browser.switch(1).await?;
        browser.click("#same").await?;
        browser.find("#demo-box:not([hidden])").await?;
        browser.check_page(&format!("enrol-demo-{role}")).await?;
        browser.click("#demo-both").await?;
        browser.find("#proposal[hidden]").await?;
        browser.run("window.close(); return '';").await.ok();
        browser.switch(0).await?;
        browser.find("#work:not([hidden])").await?;
        assert_eq!(browser.text("#place").await?, name);
    }
    assert_eq!(browser.text("#tabs [aria-current]").await?, "お店");
    browser.click("#tabs a[href$='/station']").await?;
    browser.find("#work[data-role='station']:not([hidden])").await?;
    browser.check_page("station-scan").await?;
    world.open("/yaizu-demo/terminal").await?;
    browser.find("#held li:nth-child(2)").await?;
    browser.check_page("terminal-held").await?;
    world.console(&["404 (Not Found)"]).await?;

    browser.become_phone().await?;
    for page in ["shop", "station", "coach", "terminal", "enrol", "approve"] {
        world.open(&format!("/yaizu-demo/{page}?lang=en")).await?;
        let ready = match page {
            "terminal" => "#held li:nth-child(2)",
            "enrol" | "approve" => "#staff-missing:not([hidden])",
            "coach" => "#start-link:not([hidden])",
            _ => "#work:not([hidden])",
        };
        browser.find(&format!("html[lang='en'] {ready}")).await?;
        browser.check_page(&format!("phone-en-{page}")).await?;
    }
    world.console(&[]).await?;

    // A key that the city has ended says so, and another one can be made.
    revoke(&world, "shop").await?;
    world.open("/yaizu-demo/shop?lang=ja").await?;
    assert!(browser.text("#start-say").await?.len() > 3);
    browser.find("#start-link:not([hidden])").await?;
    assert!(browser.text("#start-say").await?.contains("取り消されています"));
    browser.click("#start-link a").await?;
    browser.find("#ask input[value='shop']:checked:not([disabled])").await?;
    browser.check_page("terminal-revoked").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// The city ends the key of a role that this browser holds.
async fn revoke(world: &World, role: &str) -> WebDriverResult<()> {
    let kid = format!("return cose.hex((await store.kept('yaizu-demo/key/{role}')).kid);");
    let kid = Kid::from_hex(&world.script(&kid).await?).expect("it is a key id");
    let mut op_id = OpId([0; 16]);
    op_id.0.copy_from_slice(&[kid.0, kid.0].concat());
    let core = Core {
        ledger: LedgerId::of_origin(YAIZU.origin),
        op_id,
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body: Body::KeyRevoke(KeyRevoke { kid, reason: Text::new("lost").expect("it is short") }),
        sealed: None,
    };
    let signed = core.sign(&cast(world).staff(), None);
    let hex = signed.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let submit = format!("await api.submit('yaizu-demo', cose.unhex('{hex}')); return '';");
    world.script(&submit).await.map(drop)
}

/// Opens the camera and waits until the page has taken the code.
async fn scan(browser: &Browser, next: &str) -> WebDriverResult<()> {
    browser.click("[data-scan='camera']").await?;
    browser.find(&format!("[data-step='{next}']:not([hidden])")).await?;
    Ok(())
}

/// Waits until the box for scanning says so.
async fn scanner_says(browser: &Browser, part: &str) -> WebDriverResult<()> {
    let wait = format!(
        "while (!document.querySelector('[data-scan=say]').textContent.includes('{part}'))
            await new Promise(done => setTimeout(done, 50));
        return '';"
    );
    browser.run(&wait).await.map(drop)
}

async fn outcome(browser: &Browser, state: &str) -> WebDriverResult<String> {
    let told = browser.text("[data-step='result']:not([hidden]) #result:is(.pass, .fail)").await?;
    browser.find(&format!("#result.{state}")).await.expect(&told);
    Ok(told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_earns_at_a_station_and_spends_at_a_shop() -> WebDriverResult<()> {
    let mut world = World::start().await?;
    world.open("/yaizu-demo/terminal").await?;
    let both = world.script(BECOME_RESIDENT).await?;
    let (card, pin) = both.split_once(' ').expect("card and PIN");
    let card = card.to_owned();
    let code = world.script(SHOW_CODE).await?;
    let film = world.film(&code);
    let camera = Browser::start_before(&film).await?;
    std::mem::replace(&mut world.browser, camera).quit().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/terminal").await?;
    world.hold_key("station", "港公民館").await?;
    world.hold_key("shop", "魚政").await?;
    world.hold_key("coach", "保健師 北村").await?;

    world.open("/yaizu-demo/station").await?;
    scan(browser, "deed").await?;
    browser.find("#rules input:checked").await?;
    for wrong in ["12.1", "0", "0.15", "7..5", ""] {
        browser.find("#value-level").await?.clear().await?;
        browser.write("#value-level", &format!("{wrong}\n")).await?;
        let fault = browser.text("#fault-level:not(:empty)").await?;
        assert_eq!(fault, "0.1 から 12.0 までの数を入れてください。", "{wrong}");
    }
    browser.check_page("station-fault").await?;
    browser.find("#value-level").await?.clear().await?;
    for key in ["7", ".", "5"] {
        browser.click(&format!(".pad [data-key='{key}']")).await?;
    }
    browser.check_page("station-deed").await?;
    browser.click("#record").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("20 ポイント") && told.contains("受付番号"), "{told}");
    let again = browser.text("#result .next").await?;
    assert!(again.contains("「野菜摂取の測定」は、"), "{again}");
    browser.check_page("station-done").await?;

    // Two values for one action; the same code is good for both, because nothing is spent.
    browser.click("#next").await?;
    scan(browser, "deed").await?;
    browser.click("#rules label:nth-child(2)").await?;
    browser.write("#value-systolic", "301").await?;
    browser.write("#value-diastolic", "80\n").await?;
    assert_eq!(
        browser.text("#fault-systolic:not(:empty)").await?,
        "1 から 300 までの数を入れてください。"
    );
    browser.find("#value-systolic").await?.clear().await?;
    browser.write("#value-systolic", "128\n").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("5 ポイント") && told.contains("血圧の測定"), "{told}");

    // By card, typed, at another place: it counts once in 14 days, and the page says so.
    world.hold_key("station", "保健センター").await?;
    world.open("/yaizu-demo/station").await?;
    browser.find("#work:not([hidden])").await?;
    let slipped = card.replace(&card[4..6], if &card[4..6] == "AA" { "BB" } else { "AA" });
    browser.write("#code", &format!("{slipped}\n")).await?;
    scanner_says(browser, "カードの番号に誤り").await?;
    browser.write("#code", &format!("{}\n", card.to_lowercase())).await?;
    browser.write("#value-level", "0.1\n").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("0 ポイント") && told.contains("前回から日が浅い"), "{told}");

    world.open("/yaizu-demo/coach").await?;
    browser.write("#code", &format!("{card}\n")).await?;
    browser.find("#exact option:nth-child(2)").await?;
    browser.check_page("coach-deed").await?;
    browser.click("#record").await?;
    // The visitor has had this consultation today.
    assert!(outcome(browser, "fail").await?.contains("もう登録されています"));
    browser.check_page("coach-refused").await?;
    world.console(&["409 (Conflict)"]).await?;

    spend_and_take_back(&world, &card, pin).await?;
    world.browser.quit().await
}

async fn spend_and_take_back(world: &World, card: &str, pin: &str) -> WebDriverResult<()> {
    let browser = &world.browser;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    pay_by_card(browser, card, pin).await?;
    scan(browser, "amount").await?;
    for key in ["3", "0", "1"] {
        browser.click(&format!("#points-pad [data-key='{key}']")).await?;
    }
    browser.click("#pay").await?;
    assert_eq!(
        browser.text("#points-fault:not(:empty)").await?,
        "このコードは 300 ポイントまでです。"
    );
    for key in ["back", "back", "back", "1", "0", "0"] {
        browser.click(&format!("#points-pad [data-key='{key}']")).await?;
    }
    browser.check_page("shop-amount").await?;
    browser.click("#pay").await?;
    let told = outcome(browser, "pass").await?;
    assert!(told.contains("100 ポイントを受け取りました"), "{told}");
    browser.find("#today-table:not([hidden]) button").await?;
    browser.check_page("shop-done").await?;
    assert_eq!(browser.text("#today-sum").await?, "1 件、合計 100 ポイント");

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
    assert_eq!(browser.text("#today-sum").await?, "0 件、合計 0 ポイント");
    world.console(&["/pin", "/statements"]).await
}

/// The clerk looks at who holds the card; above the day's limit the PIN is asked, and a wrong one
/// can be typed again.
async fn pay_by_card(browser: &Browser, card: &str, pin: &str) -> WebDriverResult<()> {
    browser.write("#code", &format!("{card}\n")).await?;
    let points = "[data-step='amount']:not([hidden]) #points";
    browser.write(points, "100").await?;
    browser.click("#pay").await?;
    assert_eq!(
        browser.text("#looked-fault:not(:empty)").await?,
        "カードの持ち主を確かめてから、印を付けてください。"
    );
    browser.check_page("shop-card").await?;
    browser.click("#looked").await?;
    browser.click("#pay").await?;
    assert!(outcome(browser, "pass").await?.contains("100 ポイントを受け取りました"));
    take_back(browser).await?;

    // What a clerk's look allowed is used up for the day.
    browser.write("#code", &format!("{card}\n")).await?;
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
    let told = browser.text("#problem:not([hidden])").await?;
    assert!(told.contains("暗証番号が違います"), "{told}");
    for digit in pin.chars() {
        browser.click(&format!("#pin-pad [data-key='{digit}']")).await?;
    }
    browser.click("#pin-enter").await?;
    assert!(outcome(browser, "pass").await?.contains("220 ポイントを受け取りました"));
    take_back(browser).await
}

async fn asks_who_holds_the_card(browser: &Browser) -> WebDriverResult<()> {
    let told = browser.text("[data-step='amount']:not([hidden]) #limit").await?;
    assert!(told.contains("持ち主"), "{told}");
    Ok(())
}

/// Takes the last sale back and goes on to the next customer.
async fn take_back(browser: &Browser) -> WebDriverResult<()> {
    browser.click("#next").await?;
    browser.click("#today-lines button").await?;
    browser.click("#confirm [value='yes']").await?;
    assert!(outcome(browser, "pass").await?.contains("取り消しました"));
    browser.click("#next").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_two_windows_charge_once_each() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/terminal").await?;
    world.script(BECOME_RESIDENT).await?;
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
    browser.reload().await?;
    browser.find("[data-step='scan']:not([hidden])").await?;
    // Until it has stopped waiting for what the first window keeps.
    tokio::time::sleep(Duration::from_secs(4)).await;

    // A reload in the middle finds it again and sends the same bytes.
    browser.switch(0).await?;
    browser.reload().await?;
    assert!(outcome(browser, "pass").await?.contains("50 ポイントを受け取りました"));
    browser.find("#today-lines tr:nth-child(2)").await?;
    assert_eq!(browser.text("#today-sum").await?, "2 件、合計 100 ポイント");
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
    const CARD: &str = "HMC1AAAAAAAAAAAAAAAAAA";
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
