//! Blocks to values. For GGML's the order of operations is that of its reference code (and of the `gguf` package
//! of Python), each rounded to `f32`, so that the values are the same bit for bit.
//!
//! All numbers are little-endian; `d` and `m` are `f16`. `q[i]` is the integer of value `i`.

use std::hint::black_box;

use super::BlockKind;

/// Widens whole blocks.
#[inline(always)]
pub(super) fn unpack(kind: BlockKind, bytes: &[u8], out: &mut [f32]) {
    match kind {
        BlockKind::Q4_0 => each(bytes, out, q4_0),
        BlockKind::Q4_1 => each(bytes, out, q4_1),
        BlockKind::Q5_0 => each(bytes, out, q5_0),
        BlockKind::Q5_1 => each(bytes, out, q5_1),
        BlockKind::Q8_0 => each(bytes, out, q8_0),
        BlockKind::Q2K => each(bytes, out, q2_k),
        BlockKind::Q3K => each(bytes, out, q3_k),
        BlockKind::Q4K => each(bytes, out, q4_k),
        BlockKind::Q5K => each(bytes, out, q5_k),
        BlockKind::Q6K => each(bytes, out, q6_k),
        BlockKind::Int4 => each(bytes, out, int4),
    }
}

#[inline(always)]
fn each<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    out: &mut [f32],
    block: impl Fn(&[u8; BYTES], &mut [f32; VALUES]),
) {
    for (bytes, out) in bytes.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
        block(bytes, out);
    }
}

/// The `f16` at `at`. What it is multiplied with follows in memory, so it is hidden from LLVM that blocks could be
/// taken side by side, whose bytes lie far apart.
#[inline(always)]
fn half(bytes: &[u8], at: usize) -> f32 {
    black_box(from_half(u16::from_le_bytes([bytes[at], bytes[at + 1]])))
}

/// The value of the `f16` with these bits, in operations that every machine has. Exponent and mantissa go where `f32`
/// has them; the product moves the exponent, also of what is below the smallest normal number.
#[inline(always)]
pub(crate) fn from_half(bits: u16) -> f32 {
    let size = u32::from(bits & 0x7fff) << 13;
    let finite = f32::from_bits(size) * f32::from_bits((127 + 112) << 23);
    let is_finite = bits & 0x7c00 != 0x7c00;
    let size = if is_finite { finite.to_bits() } else { size | 0x7f80_0000 };
    f32::from_bits(size | u32::from(bits & 0x8000) << 16)
}

/// `d`, then 16 bytes: `q[i]` in the low half of byte `i`, `q[i + 16]` in the high one.
/// The value is `d (q - 8)`.
#[inline(always)]
fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half(block, 0);
    for (i, &byte) in block[2..].iter().enumerate() {
        out[i] = d * (i32::from(byte & 15) - 8) as f32;
        out[i + 16] = d * (i32::from(byte >> 4) - 8) as f32;
    }
}

/// `d`, then 32 bytes: `q[i]` in the low half of byte `i`, `q[i + 32]` in the high one. The value is `d (q - 8)`.
#[inline(always)]
fn int4(block: &[u8; 34], out: &mut [f32; 64]) {
    let d = half(block, 0);
    for (i, &byte) in block[2..].iter().enumerate() {
        out[i] = d * (i32::from(byte & 15) - 8) as f32;
        out[i + 32] = d * (i32::from(byte >> 4) - 8) as f32;
    }
}

/// `d`, `m`, then integers as in [`q4_0`]. The value is `d q + m`.
#[inline(always)]
fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m) = (half(block, 0), half(block, 2));
    for (i, &byte) in block[4..].iter().enumerate() {
        out[i] = d * i32::from(byte & 15) as f32 + m;
        out[i + 16] = d * i32::from(byte >> 4) as f32 + m;
    }
}

/// The fifth bits of a block's integers: bit `i` of a 32-bit word, moved to where it belongs.
#[inline(always)]
fn fifth(block: &[u8], at: usize) -> impl Fn(usize) -> i32 {
    let word = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    #[inline(always)]
    move |i| ((word >> i & 1) << 4) as i32
}

/// `d`, 32 fifth bits, then integers as in [`q4_0`]. The value is `d (q - 16)`.
#[inline(always)]
fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let (d, high) = (half(block, 0), fifth(block, 2));
    for (i, &byte) in block[6..].iter().enumerate() {
        out[i] = d * ((i32::from(byte & 15) | high(i)) - 16) as f32;
        out[i + 16] = d * ((i32::from(byte >> 4) | high(i + 16)) - 16) as f32;
    }
}

/// `d`, `m`, 32 fifth bits, then integers as in [`q4_0`]. The value is `d q + m`.
#[inline(always)]
fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (d, m, high) = (half(block, 0), half(block, 2), fifth(block, 4));
    for (i, &byte) in block[8..].iter().enumerate() {
        out[i] = d * (i32::from(byte & 15) | high(i)) as f32 + m;
        out[i + 16] = d * (i32::from(byte >> 4) | high(i + 16)) as f32 + m;
    }
}

/// `d`, then 32 signed bytes. The value is `d q`.
#[inline(always)]
fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = half(block, 0);
    for (i, &byte) in block[2..].iter().enumerate() {
        out[i] = i32::from(byte as i8) as f32 * d;
    }
}

/// 16 bytes of scales, 64 of integers, `d`, `m`. Sixteen values at a time have a scale in the low half of
/// a byte and a minimum in the high one; the value is `(d scale) q - m minimum`. Bits `2 k` and `2 k + 1` of
/// byte `32 h + i` are `q[128 h + 32 k + i]`.
#[inline(always)]
fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scales, integers) = (&block[..16], block[16..80].as_chunks::<16>().0);
    let (d, m) = (half(block, 80), half(block, 82));
    let out = out.as_chunks_mut::<16>().0;
    for (part, integers) in integers.iter().enumerate() {
        for plane in 0..4 {
            let group = group(part, plane);
            let scale = d * f32::from(scales[group] & 15);
            let minimum = m * f32::from(scales[group] >> 4);
            for (value, byte) in out[group].iter_mut().zip(integers) {
                *value = scale * (i32::from(*byte) >> (2 * plane) & 3) as f32 - minimum;
            }
        }
    }
}

/// Which sixteen values lie in pair `plane` of bits of the sixteen bytes `part`.
#[inline(always)]
fn group(part: usize, plane: usize) -> usize {
    8 * (part / 2) + 2 * plane + part % 2
}

/// 32 bytes of third bits, 64 of the lower two as in [`q2_k`], 12 of scales, `d`. The third bit of
/// `q[32 p + i]` is bit `p` of byte `i`; where it is 0, 4 is taken away. A scale has six bits, 32 too
/// large: the lower four in the halves of the first 8 bytes (groups 0 to 7 low, 8 to 15 high), the upper
/// two in the last 4 (bits `2 k` and `2 k + 1` of byte `j` for group `4 k + j`).
#[inline(always)]
fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let (third, integers) = (block[..32].as_chunks::<16>().0, block[32..96].as_chunks::<16>().0);
    let scales = &block[96..108];
    let d = half(block, 108);
    let out = out.as_chunks_mut::<16>().0;
    for (part, integers) in integers.iter().enumerate() {
        for plane in 0..4 {
            let group = group(part, plane);
            let low = scales[group % 8] >> (4 * (group / 8)) & 15;
            let high = scales[8 + group % 4] >> (2 * (group / 4)) & 3;
            let scale = d * f32::from((low | high << 4) as i8 - 32);
            let values = out[group].iter_mut().zip(integers).zip(&third[part % 2]);
            for ((value, byte), bits) in values {
                // The third bit and the others are the integer and 4.
                let (low, bits) = (i32::from(*byte), i32::from(*bits));
                let q = low >> (2 * plane) & 3 | (bits >> (group / 2) & 1) << 2;
                *value = scale * (q - 4) as f32;
            }
        }
    }
}

/// The scale and minimum, six bits each, of the `group`th 32 values of Q4_K and Q5_K. Those of groups 0 to
/// 3 are the lower six bits of bytes 0 to 3 and 4 to 7, whose upper two belong to groups 4 to 7; the lower
/// four of these are the halves of bytes 8 to 11.
#[inline(always)]
fn six_bits(scales: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (scales[group] & 63, scales[group + 4] & 63);
    }
    let low = scales[group + 4];
    (low & 15 | scales[group - 4] >> 6 << 4, low >> 4 | scales[group] >> 6 << 4)
}

/// `d`, `m`, 12 bytes of scales ([`six_bits`]), 128 of integers. The halves of byte `32 h + i` are
/// `q[64 h + i]` and `q[64 h + 32 + i]`; the value is `(d scale) q - m minimum`.
#[inline(always)]
fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (d, m) = (half(block, 0), half(block, 2));
    let (scales, integers) = (&block[4..16], block[16..].as_chunks::<32>().0);
    let out = out.as_chunks_mut::<32>().0.as_chunks_mut::<2>().0;
    for (pair, (out, integers)) in out.iter_mut().zip(integers).enumerate() {
        for (plane, out) in out.iter_mut().enumerate() {
            let (scale, minimum) = six_bits(scales, 2 * pair + plane);
            let (scale, minimum) = (d * f32::from(scale), m * f32::from(minimum));
            for (value, byte) in out.iter_mut().zip(integers) {
                *value = scale * (i32::from(*byte) >> (4 * plane) & 15) as f32 - minimum;
            }
        }
    }
}

/// As [`q4_k`], with 32 bytes of fifth bits before the integers: that of `q[32 p + i]` is bit `p` of
/// byte `i`.
#[inline(always)]
fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (d, m) = (half(block, 0), half(block, 2));
    let (scales, integers) = (&block[4..16], block[48..].as_chunks::<32>().0);
    let fifth = &block[16..48].as_chunks::<32>().0[0];
    let out = out.as_chunks_mut::<32>().0.as_chunks_mut::<2>().0;
    for (pair, (out, integers)) in out.iter_mut().zip(integers).enumerate() {
        for (plane, out) in out.iter_mut().enumerate() {
            let group = 2 * pair + plane;
            let (scale, minimum) = six_bits(scales, group);
            let (scale, minimum) = (d * f32::from(scale), m * f32::from(minimum));
            for ((value, byte), high) in out.iter_mut().zip(integers).zip(fifth) {
                let (low, high) = (i32::from(*byte), i32::from(*high));
                let q = low >> (4 * plane) & 15 | (high >> group & 1) << 4;
                *value = scale * q as f32 - minimum;
            }
        }
    }
}

/// 128 bytes of the lower four bits, 64 of the upper two, 16 signed scales, `d`. The halves of byte
/// `64 h + i` are the lower bits of `q[128 h + i]` and `q[128 h + 64 + i]`; the upper bits lie as in
/// [`q2_k`]. The value is `(d scale) (q - 32)`.
#[inline(always)]
fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, high) = (block[..128].as_chunks::<16>().0, block[128..192].as_chunks::<16>().0);
    let scales = &block[192..208];
    let d = half(block, 208);
    let out = out.as_chunks_mut::<16>().0;
    for (part, high) in high.iter().enumerate() {
        for plane in 0..4 {
            let group = group(part, plane);
            let scale = d * f32::from(scales[group] as i8);
            let low = &low[4 * (part / 2) + 2 * (plane % 2) + part % 2];
            for ((value, low), high) in out[group].iter_mut().zip(low).zip(high) {
                let (low, high) = (i32::from(*low), i32::from(*high));
                let q = low >> (4 * (plane / 2)) & 15 | (high >> (2 * plane) & 3) << 4;
                *value = scale * (q - 32) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn every_half_has_the_value_that_it_is_defined_to_have() {
        for bits in 0..=u16::MAX {
            let (value, expected) = (from_half(bits), f16::from_bits(bits).to_f32());
            assert!(
                value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan()),
                "{bits:#x}: {value} is {expected}"
            );
        }
    }
}
