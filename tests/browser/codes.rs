//! The QR codes that the browser draws, against two programs that know nothing of it: one that
//! writes codes, one that reads.

use data_encoding::BASE32_NOPAD;
use qrcode::bits::Bits;
use qrcode::canvas::{Canvas, MaskPattern};
use qrcode::{Color, EcLevel, Version, ec};
use rxing::BarcodeFormat;
use rxing::helpers::detect_in_luma;
use serde_json::{Value, json};
use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;

/// The longest texts that the largest version of `assets/qr.js` holds, letters of its alphabet and
/// bytes.
const ALPHANUMERIC_MAX: usize = 816;
const BYTES_MAX: usize = 560;

const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

const MASKS: [MaskPattern; 8] = [
    MaskPattern::Checkerboard,
    MaskPattern::HorizontalLines,
    MaskPattern::VerticalLines,
    MaskPattern::DiagonalLines,
    MaskPattern::LargeCheckerboard,
    MaskPattern::Fields,
    MaskPattern::Diamonds,
    MaskPattern::Meadow,
];

/// Pixels of a module in the pictures that are read.
const MODULE_PX: usize = 4;
/// The light border of those pictures, in modules.
const QUIET: usize = 4;

/// What a reader finds in a code, given as one `bool` for each module.
pub(crate) fn read(size: usize, dark: &[bool]) -> String {
    let side = (size + 2 * QUIET) * MODULE_PX;
    let mut luma = vec![255; side * side];
    for (at, _) in dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (left, top) = ((at % size + QUIET) * MODULE_PX, (at / size + QUIET) * MODULE_PX);
        for y in top..top + MODULE_PX {
            luma[y * side + left..][..MODULE_PX].fill(0);
        }
    }
    let side = u32::try_from(side).expect("a code is small");
    let found = detect_in_luma(luma, side, side, Some(BarcodeFormat::QR_CODE));
    found.expect("the code can be read").getText().to_owned()
}

/// The text of the code that stands in the page, read from what is drawn.
pub(crate) async fn shown(browser: &Browser) -> WebDriverResult<String> {
    shown_in(browser, "#code:not([hidden]) .modules").await
}

/// The same for another drawing.
pub(crate) async fn shown_in(browser: &Browser, css: &str) -> WebDriverResult<String> {
    browser.find(&format!("{css} path[d^='M']")).await?;
    let script = "const svg = document.querySelector('DRAWING');
            const size = svg.viewBox.baseVal.width;
            const canvas = new OffscreenCanvas(size, size).getContext('2d');
            canvas.fill(new Path2D(svg.querySelector('path').getAttribute('d')));
            const {data} = canvas.getImageData(0, 0, size, size);
            return [size, [...data].filter((_, at) => at % 4 === 3).map(alpha => alpha > 127)];";
    let drawn = browser.run(&script.replace("DRAWING", css)).await?;
    let size: usize = serde_json::from_value(drawn[0].clone()).expect("a size");
    let dark: Vec<bool> = serde_json::from_value(drawn[1].clone()).expect("modules");
    Ok(read(size, &dark))
}

/// The signed bytes in the text of a pay code.
pub(crate) fn token(text: &str) -> Vec<u8> {
    let (_, token) = text.split_once("/Q/").expect("the address of a pay code");
    BASE32_NOPAD.decode(token.as_bytes()).expect("base32")
}

/// The same text as another program writes it, under the mask that the browser chose.
fn oracle(text: &str, version: i16, mask: usize) -> Option<Vec<bool>> {
    let version = Version::Normal(version);
    let mut bits = Bits::new(version);
    if text.bytes().all(|byte| ALPHABET.contains(&byte)) {
        bits.push_alphanumeric_data(text.as_bytes()).ok()?;
    } else {
        bits.push_byte_data(text.as_bytes()).ok()?;
    }
    bits.push_terminator(EcLevel::M).ok()?;
    let (data, check) = ec::construct_codewords(&bits.into_bytes(), version, EcLevel::M).ok()?;
    let mut canvas = Canvas::new(version, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &check);
    canvas.apply_mask(MASKS[mask]);
    Some(canvas.into_colors().into_iter().map(|color| color == Color::Dark).collect())
}

/// The same letters in every run, as if by chance (`SplitMix64`).
fn letters(seed: usize, length: usize) -> String {
    let mut state = seed as u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) >> 11
    };
    let letter = |number: u64| char::from(ALPHABET[usize::try_from(number % 45).expect("small")]);
    (0..length).map(|_| letter(next())).collect()
}

/// Pay codes of all caps, and a cap of 0, as the page makes them; the first is of a host with a
/// long name.
const PAY_CODES: &str = "
    const [cose, store] = await Promise.all(['cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const ledger = {id: new Uint8Array(8), nowS: () => 1800000000};
    const origins = ['https://kenmai.city.long-name.lg.example.jp', location.origin, 'http://a.b'];
    const codes = [];
    for (const origin of origins) for (const cap of [0, 20, 100, 300, 500, 1000, 100000]) {
        codes.push(cose.payUrl(origin, await cose.payToken(await store.makeKey(), ledger, cap, 120)));
    }
    return codes;";

#[tokio::test(flavor = "multi_thread")]
async fn qr_codes_of_the_browser_are_those_of_others() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/verify").await?;

    let mut texts: Vec<String> =
        serde_json::from_value(browser.run(PAY_CODES).await?).expect("a list of texts");
    assert_eq!(texts.len(), 21);
    let lengths = (1..=350).chain((350..=ALPHANUMERIC_MAX).step_by(11)).chain([ALPHANUMERIC_MAX]);
    texts.extend(lengths.map(|length| letters(length, length)));
    texts.extend(
        (1..=BYTES_MAX)
            .step_by(7)
            .map(|length| letters(length, length).to_lowercase() + "_")
            .map(|text| text.chars().take(BYTES_MAX).collect()),
    );
    texts.push("健康マイレージ https://kenmai.example/yaizu-demo/enrol#a=b&c=d".to_owned());
    let draw = format!(
        "const {{encode}} = await import('/assets/qr.js');
        return {}.map(text => {{
            const {{size, mask, dark}} = encode(text);
            return [size, mask, dark.join('')];
        }});",
        json!(texts)
    );
    let codes: Vec<(usize, usize, String)> =
        serde_json::from_value(browser.run(&draw).await?).expect("a list of codes");
    let mut versions = [0; 19];
    for (text, (size, mask, dark)) in texts.iter().zip(&codes) {
        let version = (size - 17) / 4;
        versions[version] += 1;
        let number = i16::try_from(version).expect("at most 18");
        let dark: Vec<bool> = dark.chars().map(|module| module == '1').collect();
        let expected = oracle(text, number, *mask).expect("the version has room");
        assert!(expected == dark, "version {version}, mask {mask}, `{text}`");
        let smaller = (number > 1).then(|| oracle(text, number - 1, *mask)).flatten();
        assert!(smaller.is_none(), "`{text}` would fit version {}", version - 1);
        assert_eq!(&read(*size, &dark), text);
    }
    assert_eq!(codes.len(), texts.len());
    assert!(versions[1..].iter().all(|count| *count > 0), "every version occurs: {versions:?}");
    let masks: Vec<usize> = codes.iter().map(|(_, mask, _)| *mask).collect();
    assert!((0..8).all(|mask| masks.contains(&mask)), "every mask occurs");

    let refused = format!(
        "const {{encode}} = await import('/assets/qr.js');
        const refused = text => {{ try {{ encode(text); return false; }} catch {{ return true; }} }};
        return ['A'.repeat({ALPHANUMERIC_MAX} + 1), 'a'.repeat({BYTES_MAX} + 1)].every(refused);"
    );
    assert_eq!(browser.run(&refused).await?, Value::Bool(true), "a text that is too long");
    world.console(&[]).await?;
    world.browser.quit().await
}
