//! Sizes of pictures as a label: a few classes, since anybody may ask for any size and a series is kept for each value for ever.

/// Each class by the square of that side which it ends with.
const SIDES: [(&str, u64); 6] =
    [("256", 256), ("512", 512), ("768", 768), ("1024", 1024), ("1280", 1280), ("2048", 2048)];

/// What is beyond all of them.
const LARGER: &str = "larger";

/// Every class.
pub(super) fn classes() -> impl Iterator<Item = &'static str> {
    SIDES.into_iter().map(|(name, _)| name).chain([LARGER])
}

/// The class of a picture: the smallest square that has as many pixels.
pub(super) fn class(width: u32, height: u32) -> &'static str {
    let pixels = u64::from(width) * u64::from(height);
    let fits = SIDES.into_iter().find(|(_, side)| pixels <= side * side);
    fits.map_or(LARGER, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_of_one_of_a_few_classes() {
        for (width, height, expected) in [
            (16, 16, "256"),
            (256, 256, "256"),
            (512, 128, "256"),
            (272, 256, "512"),
            (1152, 896, "1024"),
            (1280, 1280, "1280"),
            (2048, 2048, "2048"),
            (u32::MAX, u32::MAX, "larger"),
        ] {
            assert_eq!(class(width, height), expected, "{width}x{height}");
            assert!(classes().any(|class| class == expected));
        }
    }
}
