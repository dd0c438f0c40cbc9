//! Pictures that depend on a seed and nothing else.

use super::Fault;

/// Side of the pictures in pixels.
pub(crate) const SIDE: u32 = 32;

/// The PNG for a seed, or what a fault makes of it.
pub(crate) fn picture(seed: u64, fault: Fault) -> Vec<u8> {
    let side = if fault == Fault::Small { SIDE / 2 } else { SIDE };
    let mut state = if fault == Fault::Same { 5 } else { seed.wrapping_mul(2).wrapping_add(9) };
    let pixels: Vec<u8> = (0..side * side)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if fault == Fault::Constant { 0 } else { (state >> 56) as u8 }
        })
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    if fault == Fault::Cut {
        bytes.truncate(bytes.len() / 2);
    }
    bytes
}
