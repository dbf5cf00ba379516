//! Camera frames: codes as cameras see them are read, and no bytes make the reader panic or grow.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "a JPEG is waves, rounded to small whole numbers"
)]

use std::sync::LazyLock;

use axum::http::{Method, Request};
use kenmai::adapters::qr_frame::{FRAME_BYTES_MAX, PictureError, read};
use proptest::prelude::*;

use crate::camera::{View, picture};
use crate::town::{Plan, Town};

const STRAIGHT: View =
    View { size_px: (640, 640), scale: 6.0, turn_degrees: 0.0, inverted: false, noise: 0 };
const CARD: &str = "HMC1ABCDEFGHIJKLMNOPQR";

fn pay_address() -> String {
    format!("HTTPS://KENMAI.EXAMPLE/Q/{}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(6))
}

fn frame(text: &str, view: View) -> Vec<u8> {
    let (width, height) = view.size_px;
    let (width, height) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
    jpeg(width, height, &picture(text, view))
}

/// A baseline JPEG, grey, with Huffman tables whose codes are all of one length: large, and short
/// to write.
fn jpeg(width: u16, height: u16, pixels: &[u8]) -> Vec<u8> {
    const QUANTUM: u8 = 8;
    let mut bytes = vec![0xff, 0xd8];
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let length = u16::try_from(content.len() + 2).unwrap();
        bytes.extend([&[0xff, marker][..], &length.to_be_bytes(), &content].concat());
    };
    segment(0xdb, &[&[0], &[QUANTUM; 64]]);
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    segment(0xc0, &[&[8], &sides, &[1, 1, 0x11, 0]]);
    // Twelve symbols of 4 bits for DC; for AC each run and size, 8 bits.
    let dc: Vec<u8> = (0..12).collect();
    let ac: Vec<u8> = (0..16).flat_map(|run| (0..11).map(move |size| run << 4 | size)).collect();
    let lengths = |at: usize, count: usize| {
        let mut lengths = [0; 16];
        lengths[at - 1] = u8::try_from(count).unwrap();
        lengths
    };
    segment(0xc4, &[&[0x00], &lengths(4, dc.len()), &dc]);
    segment(0xc4, &[&[0x10], &lengths(8, ac.len()), &ac]);
    segment(0xda, &[&[1, 1, 0x00, 0, 63, 0]]);
    let mut bits = Bits::default();
    let mut before = 0;
    for top in (0..usize::from(height)).step_by(8) {
        for left in (0..usize::from(width)).step_by(8) {
            let block = block(pixels, usize::from(width), usize::from(height), left, top);
            let levels = transform(&block).map(|level| (level / f64::from(QUANTUM)).round() as i32);
            bits.number(levels[0] - before, |size| (size, 4));
            before = levels[0];
            let mut run = 0;
            for at in &ZIGZAG[1..] {
                match levels[*at] {
                    0 => run += 1,
                    level => {
                        for _ in 0..run / 16 {
                            bits.push(15 * 11, 8);
                        }
                        bits.number(level, |size| (run % 16 * 11 + size, 8));
                        run = 0;
                    }
                }
            }
            if run > 0 {
                bits.push(0, 8);
            }
        }
    }
    bytes.extend(bits.end());
    bytes.extend([0xff, 0xd9]);
    bytes
}

const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A block of eight by eight pixels around zero; beyond the edge the last pixel goes on.
fn block(pixels: &[u8], width: usize, height: usize, left: usize, top: usize) -> [f64; 64] {
    std::array::from_fn(|at| {
        let (x, y) = ((left + at % 8).min(width - 1), (top + at / 8).min(height - 1));
        f64::from(pixels[y * width + x]) - 128.0
    })
}

/// The discrete cosine transform, rows and then columns.
fn transform(block: &[f64; 64]) -> [f64; 64] {
    let wave = |at: usize, frequency: usize| {
        let angle = (2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
        angle.cos() * if frequency == 0 { 0.125_f64.sqrt() } else { 0.5 }
    };
    let waves: [f64; 64] = std::array::from_fn(|at| wave(at % 8, at / 8));
    let rows: [f64; 64] = std::array::from_fn(|at| {
        (0..8).map(|x| block[at / 8 * 8 + x] * waves[at % 8 * 8 + x]).sum()
    });
    std::array::from_fn(|at| (0..8).map(|y| rows[y * 8 + at % 8] * waves[at / 8 * 8 + y]).sum())
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(u8::try_from(self.held).unwrap());
                if self.held == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    /// A number as the code of its size and its bits.
    fn number(&mut self, value: i32, code: impl Fn(u32) -> (u32, u32)) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        let (symbol, length) = code(size);
        self.push(symbol, length);
        let bits = if value < 0 { value + (1 << size) - 1 } else { value };
        self.push(u32::try_from(bits).unwrap(), size);
    }

    fn end(mut self) -> Vec<u8> {
        while self.count > 0 {
            self.push(1, 1);
        }
        self.bytes
    }
}

#[test]
fn codes_are_read_as_cameras_see_them() {
    for (what, view) in [
        ("straight", STRAIGHT),
        ("turned a little", View { turn_degrees: 12.0, ..STRAIGHT }),
        ("upside down", View { turn_degrees: 175.0, ..STRAIGHT }),
        ("on its side", View { turn_degrees: 90.0, ..STRAIGHT }),
        ("light on dark", View { inverted: true, ..STRAIGHT }),
        ("noisy", View { noise: 30, ..STRAIGHT }),
        ("small", View { scale: 3.0, ..STRAIGHT }),
        ("wide", View { size_px: (1280, 720), ..STRAIGHT }),
        ("all at once", View { scale: 5.0, turn_degrees: 33.0, noise: 20, ..STRAIGHT }),
    ] {
        for text in [pay_address().as_str(), CARD] {
            let read = read(&frame(text, view));
            assert_eq!(read.unwrap().as_deref(), Some(text), "{what}: {text}");
        }
    }
    let nothing = jpeg(640, 480, &vec![128; 640 * 480]);
    assert_eq!(read(&nothing), Ok(None));
}

#[test]
fn sides_are_judged_before_the_picture_is_decoded() {
    for (width, height, judged) in [
        (150, 150, Ok(None)),
        (4_096, 488, Ok(None)),
        (4_096, 489, Err(PictureError::OutOfBounds)),
        (4_097, 400, Err(PictureError::OutOfBounds)),
        (400, 4_097, Err(PictureError::OutOfBounds)),
        (65_535, 65_535, Err(PictureError::OutOfBounds)),
        (4_096, 1, Err(PictureError::OutOfBounds)),
        (149, 640, Err(PictureError::OutOfBounds)),
        (640, 149, Err(PictureError::OutOfBounds)),
    ] {
        let mut bytes = jpeg(32, 32, &[128; 32 * 32]);
        let sides = bytes.windows(4).position(|at| at == [0, 32, 0, 32]).unwrap();
        bytes[sides..sides + 2].copy_from_slice(&u16::to_be_bytes(height));
        bytes[sides + 2..sides + 4].copy_from_slice(&u16::to_be_bytes(width));
        assert_eq!(read(&bytes), judged, "{width} x {height}");
    }
    assert_eq!(read(&vec![0xff; FRAME_BYTES_MAX + 1]), Err(PictureError::OutOfBounds));
    for bytes in [&b""[..], b"GIF89a", b"\xff\xd8", b"\xff\xd8\xff\xd9"] {
        assert_eq!(read(bytes), Err(PictureError::NotJpeg), "{bytes:?}");
    }
}

static SMALL: LazyLock<Vec<u8>> =
    LazyLock::new(|| frame("HMC1", View { size_px: (160, 160), scale: 4.0, noise: 3, ..STRAIGHT }));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn broken_frames_are_refused_or_read_and_never_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..256),
        cut in 0_usize..100_000,
        at in 0_usize..100_000,
        byte: u8,
    ) {
        let whole = &*SMALL;
        let cut = cut % whole.len();
        let mut changed = whole.clone();
        changed[at % whole.len()] = byte;
        for bytes in [&noise[..], &[b"\xff\xd8", &noise[..]].concat(), &whole[..cut], &changed] {
            if let Ok(Some(text)) = read(bytes) {
                prop_assert_eq!(text, "HMC1");
            }
        }
    }
}

#[tokio::test]
async fn a_frame_is_read_by_the_server() {
    let town = Town::found(Plan::default()).await;
    let token = town.log_in(&town.cast.till(0), 1).await;
    let post = |bytes: Vec<u8>| {
        let request = Request::post("/v1/town/qr/frame").header("content-type", "image/jpeg");
        let request = request.header("authorization", format!("Bearer {token}"));
        town.call(request.body(bytes.into()).unwrap())
    };
    let answer = post(frame(CARD, STRAIGHT)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "{\"text\":\"HMC1ABCDEFGHIJKLMNOPQR\"}")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = post(jpeg(640, 480, &vec![128; 640 * 480])).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (204, ""));
    for (bytes, status, slug) in [
        (b"no JPEG".to_vec(), 400, "malformed-request"),
        (vec![0; FRAME_BYTES_MAX + 1], 413, "too-large"),
        (jpeg(1_000, 100, &vec![128; 100_000]), 413, "too-large"),
    ] {
        let answer = post(bytes).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (status, slug));
    }
    let stranger = town.send(Method::POST, "/v1/town/qr/frame", "image/jpeg", vec![]).await;
    assert_eq!(stranger.slug(), "session-required");
}
