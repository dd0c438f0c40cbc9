//! Tensors of zao's fp8 form as other programs keep them: matrices by their values, in one tensor each. Widening is written out
//! here once more, so that what these files draw says whether zao widens as the form is defined.

use safetensors::Dtype;

use super::safetensors::Tensor;

/// The tensors with the values of matrices in fp8 as `dtype`: in `f32` exactly what zao multiplies, in bf16 rounded.
pub(crate) fn unpacked(tensors: Vec<Tensor>, dtype: Dtype) -> Vec<Tensor> {
    by_elements(tensors, dtype, |_, byte| widen(byte))
}

/// The tensors as training may have left them: each value in fp8 is moved to somewhere between those that are rounded to it,
/// but for the largest of a row, which keeps its value in fp8. What is made of these by rounding has lost something.
pub(crate) fn unrounded(tensors: Vec<Tensor>, dtype: Dtype) -> Vec<Tensor> {
    let moved = |index, byte: u8| match byte & 0x7f {
        LARGEST => widen(byte),
        _ => widen(byte) + (fraction(index) - 0.5) * step(byte),
    };
    by_elements(tensors, dtype, moved)
}

const LARGEST: u8 = 0x7e;

/// The tensors with `element(index, byte)` times its row's scale in place of each byte of fp8; `index` counts all of them.
fn by_elements(
    tensors: Vec<Tensor>,
    dtype: Dtype,
    element: impl Fn(u32, u8) -> f32,
) -> Vec<Tensor> {
    let (matrices, mut rest): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|tensor| tensor.dtype == Dtype::F8_E4M3);
    let mut index = 0;
    for matrix in matrices {
        let name = format!("{}_scale", matrix.name);
        let place = rest.iter().position(|tensor| tensor.name == name).unwrap();
        let scales = rest.swap_remove(place).data;
        let scales = scales.as_chunks().0.iter().map(|scale| f32::from_le_bytes(*scale));
        let mut data = Vec::new();
        for (row, scale) in matrix.data.chunks(matrix.shape[1]).zip(scales) {
            for byte in row {
                let value = element(index, *byte) * scale;
                index += 1;
                match dtype {
                    Dtype::BF16 => data.extend(rounded(value).to_le_bytes()),
                    Dtype::F32 => data.extend(value.to_le_bytes()),
                    _ => panic!("values are written in bf16 or f32, not {dtype:?}"),
                }
            }
        }
        rest.push(Tensor { dtype, data, ..matrix });
    }
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    rest
}

/// Four bits of exponent, three of fraction.
fn widen(byte: u8) -> f32 {
    let size = f32::from(byte & 7) + if byte & 0x78 == 0 { 0.0 } else { 8.0 };
    size.copysign(if byte & 0x80 == 0 { 1.0 } else { -1.0 }) * step(byte)
}

/// From one number to the next.
fn step(byte: u8) -> f32 {
    2_f32.powi(i32::from(byte >> 3 & 15).max(1) - 10)
}

/// The upper half of the nearest, ties to even.
fn rounded(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// From 0 to 1, at random, the same for the same number.
fn fraction(index: u32) -> f32 {
    let mixed = (index ^ index >> 16).wrapping_mul(0x7feb_352d);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x846c_a68b);
    (mixed ^ mixed >> 16) as f32 / u32::MAX as f32
}
