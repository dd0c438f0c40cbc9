//! Pixels of every colour type and depth become 8-bit RGB.

use png::{BitDepth, ColorType, Encoder};
use zao_png::decode_rgb;

fn two_pixels(
    colour: ColorType,
    depth: BitDepth,
    data: &[u8],
    prepare: impl Fn(&mut Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    prepare(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    decode_rgb(&bytes).unwrap().pixels
}

#[test]
fn plain_colour_types() {
    let plain = |colour, depth, data: &[u8]| two_pixels(colour, depth, data, |_| {});
    use BitDepth::{Eight, One, Sixteen, Two};
    use ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    assert_eq!(plain(Rgb, Eight, &[1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(plain(Rgb, Sixteen, &[1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 6, 9]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(plain(Grayscale, Eight, &[7, 8]), [7, 7, 7, 8, 8, 8]);
    assert_eq!(plain(Grayscale, Sixteen, &[7, 1, 8, 1]), [7, 7, 7, 8, 8, 8]);
    assert_eq!(plain(Grayscale, One, &[0b0100_0000]), [0, 0, 0, 255, 255, 255]);
    assert_eq!(plain(Grayscale, Two, &[0b0110_0000]), [85, 85, 85, 170, 170, 170]);
    assert_eq!(plain(GrayscaleAlpha, Eight, &[7, 255, 7, 0]), [7, 7, 7, 255, 255, 255]);
    assert_eq!(plain(Rgba, Eight, &[1, 2, 3, 255, 0, 0, 0, 128]), [1, 2, 3, 127, 127, 127]);
}

#[test]
fn palettes_with_and_without_transparency() {
    let palette = [10, 20, 30, 40, 50, 60];
    let opaque = two_pixels(ColorType::Indexed, BitDepth::Eight, &[1, 0], |encoder| {
        encoder.set_palette(palette.to_vec());
    });
    assert_eq!(opaque, [40, 50, 60, 10, 20, 30]);
    let half = two_pixels(ColorType::Indexed, BitDepth::Four, &[0x10], |encoder| {
        encoder.set_palette(palette.to_vec());
        encoder.set_trns(vec![255, 0]);
    });
    assert_eq!(half, [255, 255, 255, 10, 20, 30]);
}

#[test]
fn one_colour_marked_as_transparent() {
    let pixels = two_pixels(ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6], |encoder| {
        encoder.set_trns(vec![0, 1, 0, 2, 0, 3]);
    });
    assert_eq!(pixels, [255, 255, 255, 4, 5, 6]);
}
