//! Files that are cut, lie about their size, or are something else.

use zao_image::{Error, MAX_SIDE, decode, decode_mask};

use crate::pillow::bytes;

#[test]
fn other_files_are_refused_with_what_to_do() {
    for other in [&b""[..], b"text", b"GIF89a\x01\0\x01\0\0\0\0", b"BM\0\0\0\0", &[0xff, 0xd8]] {
        let error = decode(other).unwrap_err();
        assert!(!error.to_string().contains('\n') && error.to_string().contains("; "), "{error}");
    }
    assert!(matches!(decode_mask(b"GIF89a"), Err(Error::Format)));
}

#[test]
fn cut_files_are_refused() {
    for name in
        ["rgb.jpg", "progressive.jpg", "cmyk.jpg", "noise.png", "lossy.webp", "lossless.webp"]
    {
        let whole = bytes(name);
        for share in [2, 3, 5, 20] {
            let cut = &whole[..whole.len() - whole.len() / share];
            assert!(decode(cut).is_err(), "{name} without its last {share}th");
        }
        if name.ends_with("jpg") {
            assert!(
                matches!(decode(&whole[..whole.len() - 1]), Err(Error::Cut)),
                "{name} without its end"
            );
        }
    }
}

#[test]
fn sizes_nobody_draws_are_refused_before_memory_is_taken() {
    let mut png = bytes("noise.png");
    for (width, height) in [(MAX_SIDE + 1, 1), (u32::MAX, u32::MAX), (10_000, 10_000)] {
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = checksum(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.to_be_bytes());
        let error = decode(&png).unwrap_err();
        assert!(
            matches!(error, Error::Dimensions { .. } | Error::Decode(_)),
            "{width}x{height}: {error}"
        );
    }
}

#[test]
fn damaged_bytes_never_panic() {
    for name in
        ["rgb.jpg", "progressive.jpg", "cmyk.jpg", "turned.png", "palette.png", "lossless.webp"]
    {
        let whole = bytes(name);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = damaged[at].wrapping_add(0x55);
            // Any answer is right, as long as there is one.
            let _ = decode(&damaged);
        }
    }
}

/// The CRC that PNG chunks end with.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
