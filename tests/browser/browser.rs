//! A real Chromium behind its driver, one for each test, and what a test asks of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, ChromiumLikeCapabilities, LoggingPrefsLogLevel};
use tokio::time::sleep;

use crate::ROOT;
use crate::server::Program;

/// How long an element may take to appear. Only a page that is broken gets there.
const APPEAR_LIMIT: Duration = Duration::from_secs(30);
/// How often the page is asked for it.
const APPEAR_INTERVAL: Duration = Duration::from_millis(50);
/// How often that is.
const APPEAR_TRIES: u128 = APPEAR_LIMIT.as_millis() / APPEAR_INTERVAL.as_millis();

/// A phone that many people have, in CSS pixels.
const PHONE_PX: (u32, u32) = (390, 844);

/// What Chromium needs to run without a screen, as root, alone, and in Japanese.
const FLAGS: [&str; 12] = [
    "--headless",
    // Over a pipe, so that the browser ends when its driver is killed.
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--accept-lang=ja",
    "--window-size=1280,1000",
];

/// Gives the browser a camera that shows a test picture.
pub(crate) const CAMERA: &str = "--use-fake-device-for-media-stream";
/// The person in front of it agrees to every question.
pub(crate) const ALLOWED: &str = "--use-fake-ui-for-media-stream";
/// Or to none.
pub(crate) const DENIED: &str = "--deny-permission-prompts";

/// Every rule of WCAG 2.2 up to AA, and axe's own good practice; gives one line for each broken
/// one.
const AXE_RUN: &str = "
    const done = arguments[arguments.length - 1];
    const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, {runOnly: {type: 'tag', values}}).then(
        result => done(result.violations.flatMap(rule => rule.nodes.map(
            node => `${rule.id} at ${node.target.join(' ')}: ${node.failureSummary}`))),
        error => done(['axe did not run: ' + error]));";

/// A browser with a fresh profile. Fields are dropped in order: the session ends before its driver.
pub(crate) struct Browser {
    driver: WebDriver,
    _chromedriver: Program,
    _profile: TempDir,
}

impl Browser {
    /// Starts the driver on a port that it picks itself, and a browser without a camera.
    pub(crate) async fn start() -> WebDriverResult<Self> {
        Self::start_with(&[]).await
    }

    /// A browser whose camera shows the film in `file` (YUV4MPEG2) again and again.
    pub(crate) async fn start_before(file: &Path) -> WebDriverResult<Self> {
        let film = format!("--use-file-for-fake-video-capture={}", file.display());
        Self::start_with(&[CAMERA, ALLOWED, &film]).await
    }

    /// The same with further flags.
    pub(crate) async fn start_with(flags: &[&str]) -> WebDriverResult<Self> {
        let profile = TempDir::new().expect("a temporary folder can be made");
        let chromedriver = Program::start(
            Command::new("chromedriver").arg("--port=0").stderr(Stdio::null()),
            "started successfully on port ",
        );
        let port = chromedriver.announced.trim_end_matches('.');

        let mut capabilities = DesiredCapabilities::chrome();
        for flag in FLAGS.iter().chain(flags) {
            capabilities.add_arg(flag)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await?;
        driver.set_script_timeout(APPEAR_LIMIT).await?;
        Ok(Self { driver, _chromedriver: chromedriver, _profile: profile })
    }

    /// Shows pages as on a phone from here on.
    pub(crate) async fn become_phone(&self) -> WebDriverResult<()> {
        let (width, height) = PHONE_PX;
        let screen =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", screen).await?;
        Ok(())
    }

    /// Runs a script in every page before the page's own.
    pub(crate) async fn before_pages(&self, script: &str) -> WebDriverResult<()> {
        let source = json!({"source": script});
        self.driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", source).await?;
        Ok(())
    }

    /// Cuts the browser off from the network, or connects it again.
    pub(crate) async fn cut_off(&self, offline: bool) -> WebDriverResult<()> {
        let cdp = self.driver.cdp();
        cdp.send_raw("Network.enable", json!({})).await?;
        let unlimited = -1;
        let network = json!({"offline": offline, "latency": 0,
            "downloadThroughput": unlimited, "uploadThroughput": unlimited});
        cdp.send_raw("Network.emulateNetworkConditions", network).await?;
        Ok(())
    }

    /// Ends the session in good order.
    pub(crate) async fn quit(self) -> WebDriverResult<()> {
        self.driver.clone().quit().await
    }

    pub(crate) async fn open(&self, url: &str) -> WebDriverResult<()> {
        self.driver.goto(url).await
    }

    /// The element, as soon as the page has it.
    pub(crate) async fn find(&self, css: &str) -> WebDriverResult<WebElement> {
        self.driver.query(By::Css(css)).wait(APPEAR_LIMIT, APPEAR_INTERVAL).first().await
    }

    /// Does something with the element as soon as the page has it and lets it be done: a page may
    /// draw a part anew, or uncover it a moment after it is there.
    async fn with<T>(
        &self,
        css: &str,
        act: impl AsyncFn(WebElement) -> WebDriverResult<T>,
    ) -> WebDriverResult<T> {
        for _ in 0..APPEAR_TRIES {
            match act(self.find(css).await?).await {
                Err(error) if passes(&error) => sleep(APPEAR_INTERVAL).await,
                done => return done,
            }
        }
        act(self.find(css).await?).await
    }

    /// The text of the element, as soon as the page has it.
    pub(crate) async fn text(&self, css: &str) -> WebDriverResult<String> {
        self.with(css, async |element| element.text().await).await
    }

    /// The text of the element once it is as expected, or what it is when the patience ends.
    async fn text_when(
        &self,
        css: &str,
        expected: impl Fn(&str) -> bool,
    ) -> WebDriverResult<String> {
        for _ in 0..APPEAR_TRIES {
            let text = self.text(css).await?;
            if expected(&text) {
                return Ok(text);
            }
            sleep(APPEAR_INTERVAL).await;
        }
        self.text(css).await
    }

    /// Expects that the element comes to read like this.
    pub(crate) async fn reads(&self, css: &str, expected: &str) -> WebDriverResult<()> {
        let text = self.text_when(css, |text| text == expected).await?;
        assert_eq!(text, expected, "{css}");
        Ok(())
    }

    /// Expects that the element comes to say this.
    pub(crate) async fn says(&self, css: &str, part: &str) -> WebDriverResult<()> {
        let text = self.text_when(css, |text| text.contains(part)).await?;
        assert!(text.contains(part), "{css} says `{text}`, and not `{part}`");
        Ok(())
    }

    pub(crate) async fn click(&self, css: &str) -> WebDriverResult<()> {
        self.with(css, async |element| element.click().await).await
    }

    /// Opens another window of the same browser and goes on in it.
    pub(crate) async fn open_window(&self) -> WebDriverResult<()> {
        let window = self.driver.new_window().await?;
        self.driver.switch_to_window(window).await
    }

    /// Goes on in the window that was opened as this one, from 0, as soon as it is open.
    pub(crate) async fn switch(&self, window: usize) -> WebDriverResult<()> {
        for _ in 0..APPEAR_TRIES {
            if let Some(window) = self.driver.windows().await?.into_iter().nth(window) {
                return self.driver.switch_to_window(window).await;
            }
            sleep(APPEAR_INTERVAL).await;
        }
        panic!("window {window} does not open");
    }

    pub(crate) async fn reload(&self) -> WebDriverResult<()> {
        self.driver.refresh().await
    }

    pub(crate) async fn address(&self) -> WebDriverResult<String> {
        Ok(self.driver.current_url().await?.to_string())
    }

    /// Types into the element as soon as the page has it; `\n` presses Enter.
    pub(crate) async fn write(&self, css: &str, text: &str) -> WebDriverResult<()> {
        let text = text.replace('\n', &Key::Enter.value().to_string());
        self.with(css, async |element| element.send_keys(&text).await).await
    }

    /// Runs `script` as the body of an async function inside the page and gives what it returns.
    pub(crate) async fn run(&self, script: &str) -> WebDriverResult<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            (async () => {{ {script} }})().then(done, error => done('failed: ' + error));"
        );
        let value = self.driver.execute_async(script, vec![]).await?.json().clone();
        assert!(!value.as_str().is_some_and(|text| text.starts_with("failed: ")), "{value}");
        Ok(value)
    }

    /// How many elements of the page match.
    pub(crate) async fn count(&self, css: &str) -> WebDriverResult<usize> {
        Ok(self.driver.find_all(By::Css(css)).await?.len())
    }

    /// Keeps a picture of the page from top to bottom.
    pub(crate) async fn whole_page(&self, name: &str) -> WebDriverResult<()> {
        let height = self.run("return document.documentElement.scrollHeight").await?;
        let (width, _) = PHONE_PX;
        let screen =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", screen).await?;
        self.driver.screenshot(&screenshots().join(format!("{name}.png"))).await?;
        self.become_phone().await
    }

    /// The page as it is printed, a PDF, which is kept beside the pictures.
    pub(crate) async fn print(&self, name: &str) -> WebDriverResult<Vec<u8>> {
        let how = json!({"preferCSSPageSize": true});
        let printed = self.driver.cdp().send_raw("Page.printToPDF", how).await?;
        let base64 = printed["data"].as_str().expect("a PDF").as_bytes();
        let pdf = data_encoding::BASE64.decode(base64).expect("base64");
        fs::write(screenshots().join(format!("{name}.pdf")), &pdf).expect("it can be kept");
        Ok(pdf)
    }

    /// Keeps a picture of the page and expects that axe finds nothing to criticise in it and that
    /// nothing sticks out.
    pub(crate) async fn check_page(&self, name: &str) -> WebDriverResult<()> {
        self.driver.screenshot(&screenshots().join(format!("{name}.png"))).await?;
        let too_wide = self.run("return document.documentElement.scrollWidth - innerWidth").await?;
        assert!(too_wide.as_i64() <= Some(0), "{name} is {too_wide} px too wide");
        let violations = self.violations().await?;
        assert!(violations.is_empty(), "axe on {name}:\n{}", violations.join("\n"));
        Ok(())
    }

    /// What axe-core finds wrong with the page, one line each.
    async fn violations(&self) -> WebDriverResult<Vec<String>> {
        let axe = Path::new(ROOT).join("tests/.node/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(axe).expect("tests/run has fetched axe-core");
        self.driver.execute(axe, vec![]).await?;
        self.driver.execute_async(AXE_RUN, vec![json!(null)]).await?.convert()
    }

    /// The errors on the console since the last call: scripts, refused loads, breaches of the CSP.
    pub(crate) async fn console_errors(&self) -> WebDriverResult<Vec<String>> {
        let entries = self.driver.browser_log().await?;
        let severe = |entry: &BrowserLogEntry| entry.level == "SEVERE";
        Ok(entries.into_iter().filter(severe).map(|entry| entry.message).collect())
    }
}

/// Whether what went wrong with an element can be over when it is tried again.
fn passes(error: &WebDriverError) -> bool {
    matches!(
        error.as_inner(),
        WebDriverErrorInner::StaleElementReference(_)
            | WebDriverErrorInner::ElementNotInteractable(_)
            | WebDriverErrorInner::ElementClickIntercepted(_)
    )
}

/// The folder that the pictures go to.
fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    fs::create_dir_all(&folder).expect("a folder can be made beside the build");
    folder
}
