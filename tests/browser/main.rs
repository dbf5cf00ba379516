//! Journeys of real people through the real program in a real browser.
//!
//! `tests/run` installs Chromium, its driver and axe-core. Every page on the way must satisfy axe
//! and leave no error on the console; a picture of each goes to `target/screenshots/`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

mod action;
mod browser;
#[path = "../support/camera.rs"]
mod camera;
mod codes;
mod consent;
mod desk;
mod family;
mod measures;
mod perk;
mod resident;
mod rewards;
#[path = "../support/server.rs"]
mod server;
mod settlement;
mod terminals;
mod tills;
mod venue;

use std::fs;

use browser::Browser;
use server::Demo;
use tempfile::TempDir;
use thirtyfour::prelude::WebDriverResult;

/// The program that the tests start.
const KENMAI: &str = env!("CARGO_BIN_EXE_kenmai-under-test");
/// The folder of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What the tour's one button does, press by press.
const TOUR: [&str; 7] = ["start", "measure", "code", "hand", "pay", "prove", "cheat"];

/// The steps by which a browser checks a receipt.
const CHECKS: usize = 6;

/// A demo city of its own and a browser before it.
struct World {
    demo: Demo,
    browser: Browser,
    data: TempDir,
}

impl World {
    async fn start() -> WebDriverResult<Self> {
        let data = TempDir::new().expect("a temporary folder can be made");
        let demo = Demo::start(data.path());
        Ok(Self { demo, browser: Browser::start().await?, data })
    }

    async fn open(&self, path: &str) -> WebDriverResult<()> {
        self.browser.open(&self.demo.url(path)).await
    }

    /// Presses the tour's button as soon as it offers this step.
    async fn press(&self, step: &str) -> WebDriverResult<()> {
        self.browser.click(&format!("#next[data-step='{step}']:not([disabled])")).await
    }

    /// Expects an error of the page that names its remedy.
    async fn problem(&self, remedy: &str) -> WebDriverResult<()> {
        self.browser.says("#problem:not([hidden])", remedy).await
    }

    /// Expects that the console holds only errors that mention one of these.
    async fn console(&self, expected: &[&str]) -> WebDriverResult<()> {
        let mut errors = self.browser.console_errors().await?;
        errors.retain(|error| !expected.iter().any(|known| error.contains(known)));
        assert!(errors.is_empty(), "on the console: {errors:#?}");
        Ok(())
    }
}

/// Expects the end of the tour: all agree, everything is proven, every cheat is refused by name.
async fn check_end_of_tour(browser: &Browser) -> WebDriverResult<()> {
    browser.find("#end:not([hidden])").await?;
    let receipt = browser.text("#phone .lines li:last-child small").await?;
    assert_eq!(receipt, browser.text("#till .lines li:last-child small").await?, "phone and till");
    assert!(receipt.contains('-'), "a receipt number: {receipt}");
    assert_eq!(browser.text("#phone-yen").await?, "220", "300 for the visit, 20 earned, 100 spent");
    assert_eq!(browser.count("#proof.proven #steps .pass").await?, CHECKS);
    assert_eq!(browser.count("#cheat.proven #cheats .pass").await?, 3);
    browser.reads("#cheats li:nth-child(2) code", "signature-invalid").await?;
    browser.reads("#cheats li:nth-child(3) code", "qr-already-used").await?;
    Ok(())
}

// On one thread a failed test would wait two minutes for the session to end behind its own back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_earns_pays_proves_and_fails_to_cheat() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;

    world.open("/").await?;
    let checked = browser.text("#records.pass").await?;
    assert!(checked.starts_with("記録 ") && checked.ends_with(" 件 ✔ 検証済み"), "{checked}");
    browser.check_page("first-ja").await?;
    browser.reads("a[href='/tour']", "30秒で一周する").await?;
    browser.click("a[href='/tour']").await?;

    for step in TOUR {
        browser.find(&format!("#next[data-step='{step}']:not([disabled])")).await?;
        browser.check_page(&format!("tour-ja-{step}")).await?;
        world.console(&[]).await?;
        world.press(step).await?;
    }
    check_end_of_tour(browser).await?;
    browser.check_page("tour-ja-end").await?;
    // The browser itself reports the two refused requests.
    world.console(&["401 (Unauthorized)", "409 (Conflict)"]).await?;

    // This browser remembers the head it saw, and checks that the log only grew since.
    world.open("/").await?;
    assert_ne!(browser.text("#records.pass").await?, checked, "the log has grown");
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn english_stays_english_through_every_door() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;

    world.open("/").await?;
    browser.click(".languages a[lang='en']").await?;
    assert!(browser.text("html[lang='en'] #records.pass").await?.ends_with(" records ✔ verified"));
    browser.check_page("first-en").await?;
    browser.click("a[href='/tour']").await?;
    for step in TOUR {
        world.press(step).await?;
    }
    check_end_of_tour(browser).await?;
    browser.check_page("tour-en-end").await?;
    world.console(&["401 (Unauthorized)", "409 (Conflict)"]).await?;

    for (path, title) in [
        ("/for/shops", "For shops"),
        ("/for/stations", "For measuring stations"),
        ("/for/coaches", "For nurses and coaches"),
        ("/for/city", "For city analysts"),
        ("/yaizu-demo/participation", "Participation (open data)"),
        ("/verify", "Verify it yourself"),
        ("/Q/ABC", "This code is for the till."),
    ] {
        world.open(path).await?;
        assert_eq!(browser.text("html[lang='en'] h1").await?, title, "{path}");
        browser.check_page(&format!("door-en{}", path.replace('/', "-"))).await?;
    }
    world.console(&[]).await?;

    world.open("/for/city").await?;
    assert!(browser.count("tbody tr").await? > 30, "the city has closed days");
    browser.click("a[href='/yaizu-demo/participation']").await?;
    assert!(browser.count(".trend rect").await? > 20, "a bar a week");
    assert!(browser.count(".heat .h8").await? > 0 && browser.count(".hatched").await? > 0);
    browser.click("details summary").await?;
    browser.check_page("participation-en").await?;
    world.open("/for/city").await?;
    browser.click(".languages a[lang='ja']").await?;
    browser.reads("html[lang='ja'] h1", "市の分析の方へ").await?;
    browser.become_phone().await?;
    let participation = "/yaizu-demo/participation";
    for path in
        ["/for/city", participation, "/for/shops", "/", "/verify", "/Q/ABC", "/no-such-page"]
    {
        world.open(path).await?;
        browser.find("html[lang='ja'] h1").await?;
        browser.check_page(&format!("phone-ja{}", path.replace('/', "-"))).await?;
    }
    assert!(browser.text("h1").await?.starts_with("ページがありません"));
    world.console(&["404 (Not Found)"]).await?;
    world.browser.quit().await
}

/// What a forger changes in the text of a receipt, and the check that says so.
const FORGERIES: [(&str, &str); 5] = [
    ("text.slice(5)", "format"),
    ("text.replace(/^index (.*)$/m, (_, seq) => `index ${Number(seq) - 1}`)", "entry"),
    ("text.replace(/^(demo[.]kenmai.*)demo$/m, '$1town')", "signature"),
    ("text.replace(/^(index .*\\n)(.)/m, (_, head, c) => head + other(c))", "inclusion"),
    ("text.replace(/(.)(.{20}\\n)$/, (_, c, tail) => other(c) + tail)", "checkpoint"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_checked_and_a_forged_one_refused_by_name() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;

    world.open("/yaizu-demo/me").await?;
    browser.click("#visitor").await?;
    browser.find("#me[data-session='yes']").await?;
    let receipt =
        "const link = document.querySelector('.history tbody tr:nth-child(2) a[download]');
        return (await fetch(link.href)).text();";
    let receipt = browser.run(receipt).await?;
    let receipt = receipt.as_str().expect("a receipt is a text");
    browser.click(".history tbody tr:nth-child(2) a[href^='/verify']").await?;
    browser.find("#verdict.pass").await?;
    assert_eq!(browser.count("#steps .pass").await?, CHECKS);
    browser.check_page("verify-pass").await?;

    let file = world.data.path().join("kept.tlog-proof");
    fs::write(&file, receipt).expect("a file can be written");
    world.open("/verify").await?;
    browser.find("#file").await?.send_keys(file.display().to_string()).await?;
    browser
        .reads("#verdict.pass", "✔ 本物です。この記録は台帳にあり、あとから変えられていません。")
        .await?;

    for (forgery, step) in FORGERIES {
        world.open("/verify").await?;
        let forge = format!(
            "const text = {receipt:?};
            const other = letter => letter === 'A' ? 'B' : 'A';
            const forged = {forgery};
            document.querySelector('#receipt').value = forged;
            document.querySelector('#check button').click();
            return forged === text;"
        );
        assert_eq!(browser.run(&forge).await?, false, "{forgery} changes the receipt");
        browser.find("#verdict.fail").await?;
        assert_eq!(
            browser.count(&format!("#steps .fail[data-step='{step}']")).await?,
            1,
            "{forgery}"
        );
        assert_eq!(browser.count("#steps .fail").await?, 1, "it stops at the first failure");
    }
    browser.check_page("verify-fail").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// The ledger answers the next statement, but the answer never arrives.
const AN_ANSWER_IS_LOST: &str = "
    const real = window.fetch;
    window.fetch = async (...request) => {
        window.fetch = real;
        await real(...request);
        throw new TypeError('the answer is lost');
    };";

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_over_a_broken_network_happens_once() -> WebDriverResult<()> {
    const TWICE_IS_SAFE: &str = "二重にはなりません";
    let world = World::start().await?;
    let browser = &world.browser;

    world.open("/tour").await?;
    for step in ["start", "measure", "code", "hand"] {
        world.press(step).await?;
    }
    browser.find("#next[data-step='pay']:not([disabled])").await?;
    browser.cut_off(true).await?;
    world.press("pay").await?;
    world.problem(TWICE_IS_SAFE).await?;
    browser.check_page("tour-offline").await?;
    browser.cut_off(false).await?;
    world.console(&["ERR_INTERNET_DISCONNECTED"]).await?;

    browser.run(AN_ANSWER_IS_LOST).await?;
    world.press("pay").await?;
    world.problem(TWICE_IS_SAFE).await?;
    world.press("pay").await?;
    world.press("prove").await?;
    browser.find("#proof.proven").await?;

    world.open("/yaizu-demo/me").await?;
    browser.reads("#me[data-session='yes'] #yen", "220").await?;
    let history = browser.text(".history").await?;
    assert_eq!(history.matches("お店で使った").count(), 1, "{history}");
    world.console(&[]).await?;
    world.browser.quit().await
}
