//! Text as a QR code in SVG.

use maud::html;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The longest text, in bytes: a pay address has about 220, and a code of more modules is hard to scan.
pub const TEXT_BYTES_MAX: usize = 512;

/// Why there is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// There is nothing to encode.
    #[error("the text for the QR code is empty")]
    Empty,
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("the text for the QR code is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

/// Draws `text` at error correction M, which survives a scratched phone screen and still scans when small, with the
/// quiet zone of four modules and `title` as the image's name for screen readers.
///
/// # Errors
/// When the text is empty or longer than [`TEXT_BYTES_MAX`].
pub fn svg(text: &str, title: &str) -> Result<String, QrError> {
    if text.is_empty() {
        return Err(QrError::Empty);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(QrError::TooLong);
    }
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError::TooLong)?;
    let image = code.render::<svg::Color<'_>>().module_dimensions(8, 8).build();
    let title = html! { title { (title) } }.into_string();
    Ok(match image.split_once("<rect") {
        Some((head, rest)) => format!("{head}{title}<rect{rest}"),
        None => image,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pay_address_is_a_small_code_with_a_name() {
        let address = format!("HTTPS://KENMAI.EXAMPLE/Q/{}", "A".repeat(192));
        let image = svg(&address, "支払い <QR>").unwrap();
        // 49 modules and four of quiet zone on each side, 8 units each.
        assert!(image.contains("viewBox=\"0 0 456 456\""), "{}", &image[..200]);
        assert!(image.contains("<title>支払い &lt;QR&gt;</title>"));
        assert!(image.ends_with("</svg>"));
    }

    #[test]
    fn the_length_is_bounded() {
        assert_eq!(svg("", "x"), Err(QrError::Empty));
        assert_eq!(svg(&"a".repeat(TEXT_BYTES_MAX + 1), "x"), Err(QrError::TooLong));
        assert!(svg(&"健".repeat(TEXT_BYTES_MAX / 3), "x").is_ok());
    }
}
