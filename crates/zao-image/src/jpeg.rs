//! Whether a JPEG file has its end. It does NOT decode: decoders fill what is missing with grey.

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Whether the end marker follows the last scan of the picture that `bytes` begins with. What comes
/// behind it, as cameras put there, does not matter, nor do the ends of previews inside segments.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    // Behind the marker that every JPEG starts with.
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let Some((marker, body)) = next_marker(rest) else { return false };
        if marker == END {
            return true;
        }
        let length =
            body.first_chunk().map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
        let Some(behind) = body.get(length.max(2)..) else { return false };
        rest = if marker == SCAN { behind_data(behind) } else { behind };
    }
}

/// The next marker that has a segment or ends the file, and what follows it.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.windows(2).position(|pair| pair[0] == 0xff && is_marker(pair[1]))?;
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        if !is_lone(marker) {
            return Some((marker, rest));
        }
    }
}

/// Compressed data up to the marker that ends it.
fn behind_data(bytes: &[u8]) -> &[u8] {
    let ends = |pair: &[u8]| pair[0] == 0xff && is_marker(pair[1]) && !is_lone(pair[1]);
    let at = bytes.windows(2).position(ends).unwrap_or(bytes.len());
    &bytes[at..]
}

/// A byte behind 0xff that is neither a stuffed zero nor a filling 0xff.
fn is_marker(byte: u8) -> bool {
    byte != 0 && byte != 0xff
}

/// Markers without a segment that may stand inside data: restarts, and one for private use.
fn is_lone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A preview with an end of its own, a scan with stuffed zeros and a restart, the end.
    const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xda, 0, 3, 1, 7, 0xff, 0,
        0xff, 0xd3, 8, 0xff, 0xd9,
    ];

    #[test]
    fn only_the_end_behind_the_last_scan_counts() {
        assert!(is_whole(JPEG));
        assert!(is_whole(&[JPEG, &[0xff, 0xda, 1, 2, 3]].concat()), "trailing data");
        for cut in 0..JPEG.len() {
            assert!(!is_whole(&JPEG[..cut]), "cut at {cut}");
        }
    }
}
