//! Tablets that are enrolled by QR, and the keys that other tests' browsers hold.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use kenmai::clock::{Clock, SystemClock};
use kenmai::demo::{Cast, YAIZU};
use kenmai::keys;
use ledger_spec::ids::{Kid, LedgerId, OpId};
use ledger_spec::kinds::{Body, Cause, KeyRevoke};
use ledger_spec::statement::Core;
use ledger_spec::time::Day;
use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::camera::{View, picture};

/// The modules of the pages and the ledger's facts, for scripts.
const MODULES: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const ledger = await api.ledger('yaizu-demo');";

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
    pub(crate) async fn script(&self, script: &str) -> WebDriverResult<String> {
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
    tablet.reads("#name-fault", "名前を入れてください。").await?;
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
    first.reads("#asked-name", "魚政 2号レジ").await?;
    first.click("#propose").await?;
    first.says("#same-fault:not(:empty)", "番号をくらべて").await?;
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
    first.says("#problem:not([hidden])", "別の人の承認").await?;

    second.open(&link).await?;
    second.find("#approval:not([hidden])").await?;
    assert_eq!(second.text("#comparison").await?, digits);
    second.reads("#asked-by", "職員 一").await?;
    second.reads("#asked-place", "すでにある「魚政」").await?;
    second.check_page("approve").await?;
    second.click("#same").await?;
    second.click("#approval button").await?;
    second.find("#approval[hidden]").await?;
    assert!(second.text("#say").await?.starts_with('✔'));

    // The tablet goes on by itself.
    tablet.find("#work:not([hidden])").await?;
    assert!(tablet.address().await?.ends_with("/yaizu-demo/shop"));
    tablet.reads("#place", "魚政").await?;
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
    browser.reads("#tabs [aria-current]", "お店").await?;
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
    browser.says("#start-say", "取り消されています").await?;
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
        body: Body::KeyRevoke(KeyRevoke { kid, cause: Cause::Lost }),
        sealed: None,
    };
    let signed = core.sign(&cast(world).staff(), None);
    let hex = signed.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let submit = format!("await api.submit('yaizu-demo', cose.unhex('{hex}')); return '';");
    world.script(&submit).await.map(drop)
}
