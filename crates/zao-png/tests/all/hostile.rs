//! Damaged and malicious files are errors: no panic, no large allocation, no endless work.

use std::time::Instant;

use zao_png::{Error, Origin, decode_rgb, encode, read};

use crate::support::{Dice, itxt, pixels, png_with, recipe};

/// A compressed run of zeros, as long as asked.
fn zeros(length: usize) -> Vec<u8> {
    // The PNG encoder's own compressor, reached through a chunk it writes.
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.add_ztxt_chunk("k".into(), "\0".repeat(length)).unwrap();
    encoder.write_header().unwrap().finish().unwrap();
    let at = bytes.windows(4).position(|w| w == b"zTXt").unwrap();
    let length = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    bytes[at + 4 + b"k\0\0".len()..at + 4 + length].to_vec()
}

fn sample() -> Vec<u8> {
    encode(&pixels(5, 4), 5, 4, &recipe(5, 4)).unwrap()
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = sample();
    // The decoder is content with the end chunk's name; only its checksum may be missing.
    for length in 0..whole.len() - 4 {
        assert!(read(&whole[..length]).is_err(), "read {length} of {} bytes", whole.len());
        assert!(decode_rgb(&whole[..length]).is_err(), "decoded {length} of {}", whole.len());
    }
}

#[test]
fn a_file_with_any_byte_changed_never_panics_and_never_changes_the_recipe() {
    let whole = sample();
    let expected = read(&whole).unwrap().origin;
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            if let Ok(info) = read(&bytes) {
                // A checksum that fails hides the text, and nothing else.
                assert!(info.origin == expected || !matches!(info.origin, Origin::Zao(_)), "{at}");
            }
            let _ = decode_rgb(&bytes);
        }
    }
}

#[test]
fn random_damage_never_panics() {
    let whole = sample();
    let mut dice = Dice(4);
    for _ in 0..5_000 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(8) {
            let at = dice.below(bytes.len());
            bytes[at] = dice.next() as u8;
        }
        let _ = (read(&bytes), decode_rgb(&bytes));
        bytes.truncate(dice.below(whole.len() - 4));
        assert!(read(&bytes).is_err());
        assert!(decode_rgb(&bytes).is_err());
    }
}

#[test]
fn texts_that_unpack_to_too_much_are_refused_quickly() {
    let bomb = zeros(9 << 20);
    assert!(bomb.len() < 100_000);
    let half = zeros(5 << 20);
    let z_text = |data: &[u8]| (b"zTXt", [b"a\0\0", data].concat());
    let i_text = |data: &[u8]| (b"iTXt", [b"b\0\x01\0\0\0", data].concat());
    let started = Instant::now();
    for chunks in [
        vec![z_text(&bomb)],
        vec![i_text(&bomb)],
        vec![z_text(&half), z_text(&half)],
        vec![z_text(&half), i_text(&half)],
        vec![z_text(&bomb[..bomb.len() / 2])],
        vec![i_text(b"not zlib")],
    ] {
        let error = read(&png_with(&chunks, &[])).unwrap_err();
        assert!(matches!(error, Error::Text { .. }), "{error}");
    }
    assert!(read(&png_with(&[z_text(&half)], &[])).is_ok());
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn too_much_plain_text_is_refused() {
    let long = itxt("a", &"x".repeat(9 << 20));
    assert!(read(&png_with(&[(b"iTXt", long)], &[])).is_err());
    let many: Vec<_> =
        (0..90).map(|_| (b"tEXt", [b"k\0", &[b'x'; 100_000][..]].concat())).collect();
    assert!(matches!(read(&png_with(&many, &[])), Err(Error::Text { .. })));
}

#[test]
fn pixels_ignore_the_texts() {
    let image = decode_rgb(&png_with(&[(b"zTXt", [b"a\0\0", &zeros(9 << 20)[..]].concat())], &[]));
    assert_eq!(image.unwrap().pixels, [7, 7, 7]);
}

#[test]
fn sizes_that_are_absurd_are_refused_before_anything_is_allocated() {
    let started = Instant::now();
    for (width, height, what) in [
        (i32::MAX as u32, i32::MAX as u32, "absurd"),
        (1 << 20, 1, "a long row"),
        (1, 1 << 20, "a long column"),
        (8192, 8193, "just over"),
        (0, 1, "empty"),
    ] {
        let bytes = with_size(width, height);
        assert!(read(&bytes).is_err(), "{what}");
        assert!(decode_rgb(&bytes).is_err(), "{what}");
    }
    // Allowed as a size, but not from so few bytes.
    let bytes = with_size(8192, 8192);
    assert!(matches!(decode_rgb(&bytes), Err(Error::TooShort { .. })));
    assert!(started.elapsed().as_millis() < 1000);
}

/// A well-formed file with the size in its header replaced.
fn with_size(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = sample();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[test]
fn what_is_no_png_is_an_error() {
    for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", b"GIF89a", &[0; 64], &[0xff; 64]] {
        assert!(matches!(read(bytes), Err(Error::Decode(_))));
        assert!(matches!(decode_rgb(bytes), Err(Error::Decode(_))));
    }
}
