//! What a camera sees of a QR code: a grey picture with the code in its middle.
#![expect(clippy::float_arithmetic, reason = "a picture is turned by angles")]

use qrcode::{Color, EcLevel, QrCode};

/// The quiet zone that ISO/IEC 18004 asks for, in modules.
const QUIET: f64 = 4.0;
/// Brightness of what is neither code nor quiet zone, of dark and of light modules.
const SURROUNDING: u32 = 128;
const DARK: u32 = 40;
const LIGHT: u32 = 215;

/// How a code stands in its picture.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// Width and height of the picture, in pixels.
    pub(crate) size_px: (u32, u32),
    /// Pixels a module.
    pub(crate) scale: f64,
    /// By how much it is turned.
    pub(crate) turn_degrees: f64,
    /// Light on dark.
    pub(crate) inverted: bool,
    /// The largest change of a pixel's brightness.
    pub(crate) noise: u32,
}

/// The brightness of each pixel, row by row.
pub(crate) fn picture(text: &str, view: View) -> Vec<u8> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).expect("it fits a code");
    let extent = code.width() as f64 + 2.0 * QUIET;
    let (sin, cos) = view.turn_degrees.to_radians().sin_cos();
    let (width, height) = view.size_px;
    let module = |at: f64| {
        let inside = at >= QUIET && at < extent - QUIET;
        inside.then(|| (at - QUIET).floor().to_string().parse::<usize>().expect("it is whole"))
    };
    let mut seed = 1_u32;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let dx = f64::from(x) - f64::from(width) / 2.0;
            let dy = f64::from(y) - f64::from(height) / 2.0;
            let u = (dx * cos + dy * sin) / view.scale + extent / 2.0;
            let v = (dy * cos - dx * sin) / view.scale + extent / 2.0;
            let on_code = u >= 0.0 && v >= 0.0 && u < extent && v < extent;
            let dark = match (module(u), module(v)) {
                (Some(u), Some(v)) => code[(u, v)] == Color::Dark,
                _ => false,
            };
            let bright = match (on_code, dark != view.inverted) {
                (false, _) => SURROUNDING,
                (true, true) => DARK,
                (true, false) => LIGHT,
            };
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (seed >> 16) % (2 * view.noise + 1);
            let bright = (bright + noise).saturating_sub(view.noise).min(255);
            pixels.push(u8::try_from(bright).expect("it is at most 255"));
        }
    }
    pixels
}
