//! A camera frame or photograph (JPEG) as the text of the QR code in it.
//!
//! For browsers that cannot read codes themselves. Everything large has a limit that is checked
//! before anything is decoded, because a few bytes of JPEG can announce gigabytes of picture.

use rxing::helpers::detect_in_luma_filtered_with_hints;
use rxing::{BarcodeFormat, DecodeHints};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The longest frame, in bytes: a square of 640 pixels at quality 0.7 has about 45 KiB, a
/// photograph that the page has made smaller about 300 KiB.
pub const FRAME_BYTES_MAX: usize = 512 * 1024;
/// The longest side of a frame, in pixels.
pub const SIDE_PX_MAX: usize = 4_096;
/// The shortest side of a frame, in pixels. The reader enlarges smaller ones, a thin strip without
/// bounds, and that costs more than a large picture.
pub const SIDE_PX_MIN: usize = 150;
/// The largest frame, in pixels.
pub const PIXELS_MAX: usize = 2_000_000;

/// Why a frame was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// More than [`FRAME_BYTES_MAX`], or sides outside their limits.
    #[error(
        "a frame has at most {FRAME_BYTES_MAX} bytes and {PIXELS_MAX} pixels, and sides of {SIDE_PX_MIN} to \
         {SIDE_PX_MAX} pixels"
    )]
    OutOfBounds,
    /// The bytes are no JPEG, or one that is cut short.
    #[error("the frame is no JPEG")]
    NotJpeg,
}

/// The brightness of each pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Luma {
    width_px: u32,
    height_px: u32,
    pixels: Vec<u8>,
}

/// The text of a QR code in the frame; `None` when there is none to be read.
///
/// # Errors
/// [`PictureError`]
pub fn read(jpeg: &[u8]) -> Result<Option<String>, PictureError> {
    Ok(find(luma_of(jpeg)?))
}

fn luma_of(jpeg: &[u8]) -> Result<Luma, PictureError> {
    if jpeg.len() > FRAME_BYTES_MAX {
        return Err(PictureError::OutOfBounds);
    }
    // The sides are judged here and not by the decoder, which reports every fault alike.
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(|_| PictureError::NotJpeg)?;
    let (width, height) = decoder.dimensions().ok_or(PictureError::NotJpeg)?;
    let sides = SIDE_PX_MIN..=SIDE_PX_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || width * height > PIXELS_MAX {
        return Err(PictureError::OutOfBounds);
    }
    let pixels = decoder.decode().map_err(|_| PictureError::NotJpeg)?;
    let (Ok(width_px), Ok(height_px)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(PictureError::OutOfBounds);
    };
    if pixels.len() != width * height {
        return Err(PictureError::NotJpeg);
    }
    Ok(Luma { width_px, height_px, pixels })
}

/// Looks at several sizes of the picture, light on dark too: a phone in dark mode shows such codes.
fn find(luma: Luma) -> Option<String> {
    let Luma { width_px, height_px, pixels } = luma;
    let mut hints =
        DecodeHints { TryHarder: Some(true), AlsoInverted: Some(true), ..DecodeHints::default() };
    let qr = Some(BarcodeFormat::QR_CODE);
    let found = detect_in_luma_filtered_with_hints(pixels, width_px, height_px, qr, &mut hints);
    Some(found.ok()?.getText().to_owned())
}
