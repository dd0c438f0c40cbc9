//! Values between host and card.

use std::sync::{Mutex, PoisonError};

use half::bf16;
use zao_backend::{Element, Error, Result, Tensor};

use crate::address::{scales_at, start};
use crate::device::Cuda;
use crate::driver::Pinned;

/// Copies host values into a tensor, converted to its type.
pub(crate) fn write(cuda: &Cuda, to: &mut Tensor<Cuda>, values: &[f32]) -> Result<()> {
    if values.len() != to.shape().len() {
        return Err(Error::shape("write", format!("{} values into {to:?}", values.len())));
    }
    let bytes: Vec<u8> = match to.element() {
        Element::F32 => bytemuck::cast_slice(values).to_vec(),
        Element::Bf16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        // A value that is no byte becomes the nearest.
        Element::U8 => values.iter().map(|&v| v as u8).collect(),
        Element::Int8 => {
            quantised(values, to.width(), 127.0, |v| (v.round_ties_even() as i8).cast_unsigned())
        }
        Element::Fp8 => quantised(values, to.width(), E4M3_LARGEST, to_e4m3),
    };
    // SAFETY: the tensor has as many elements of this type.
    unsafe { cuda.stream().upload(start(to), &bytes) }
}

/// Rows of 8-bit values and their scales, as the device lays them out.
fn quantised(values: &[f32], width: usize, largest: f32, narrow: fn(f32) -> u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(scales_at(values.len()) + values.len());
    let mut scales = Vec::new();
    for row in values.chunks(width.max(1)) {
        let peak = row.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        // Below this the quotient would overflow, and the row is zero in 8 bits.
        let factor = if peak < 1e-35 { 0.0 } else { largest / peak };
        bytes.extend(row.iter().map(|v| narrow(v * factor)));
        scales.extend((peak / largest).to_le_bytes());
    }
    bytes.resize(scales_at(values.len()), 0);
    bytes.extend(scales);
    bytes
}

/// Copies a tensor to the host, widened.
pub(crate) fn read(cuda: &Cuda, from: &Tensor<Cuda>) -> Result<Vec<f32>> {
    let (elements, width) = (from.shape().len(), from.width());
    let Some(bytes) = from.element().bytes(from.shape()) else {
        return Err(Error::shape("read", format!("{from:?} has too many elements")));
    };
    let f32s = |bytes: &[u8]| -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    let scaled = |bytes: &[u8], decode: fn(u8) -> f32| {
        let scales = f32s(&bytes[scales_at(elements)..][..4 * from.rows()]);
        let rows = bytes[..elements].chunks_exact(width.max(1)).zip(scales);
        rows.flat_map(|(row, scale)| row.iter().map(move |&b| decode(b) * scale)).collect()
    };
    fetch(cuda, from, bytes, |bytes| match from.element() {
        Element::F32 => f32s(bytes),
        Element::Bf16 => {
            let pairs = bytes.as_chunks::<2>().0.iter();
            pairs.map(|b| bf16::from_le_bytes(*b).to_f32()).collect()
        }
        Element::U8 => bytes.iter().map(|&b| f32::from(b)).collect(),
        Element::Int8 => scaled(bytes, |byte| f32::from(byte.cast_signed())),
        Element::Fp8 => scaled(bytes, e4m3),
    })
}

/// Copies a tensor of bytes to the host.
pub(crate) fn read_bytes(cuda: &Cuda, from: &Tensor<Cuda>) -> Result<Vec<u8>> {
    if from.element() != Element::U8 {
        let detail = format!("{from:?} does not hold bytes; read it as values");
        return Err(Error::shape("read_bytes", detail));
    }
    fetch(cuda, from, from.shape().len(), <[u8]>::to_vec)
}

/// Host memory that results come back into, kept because page-locking it takes longer than the copy.
#[derive(Debug, Default)]
pub(crate) struct Readback(Mutex<Option<Pinned>>);

impl Readback {
    /// Gives the memory back.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What `decode` makes of the first `bytes` of a tensor, once everything before is done.
fn fetch<T>(
    cuda: &Cuda,
    from: &Tensor<Cuda>,
    bytes: usize,
    decode: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    let mut held = cuda.readback().0.lock().unwrap_or_else(PoisonError::into_inner);
    // The old piece goes first, so that both never exist at once.
    let fitting = held.take().filter(|pinned| pinned.len() >= bytes);
    let pinned = match fitting {
        Some(pinned) => held.insert(pinned),
        None => held.insert(Pinned::new(cuda.context(), bytes)?),
    };
    if bytes > 0 {
        // SAFETY: the tensor has so many bytes, and the buffer is not touched before the wait.
        unsafe { cuda.stream().download_pinned(pinned, start(from), bytes)? };
    }
    cuda.stream().wait()?;
    Ok(decode(&pinned.bytes()[..bytes]))
}

/// The largest e4m3 float.
const E4M3_LARGEST: f32 = 448.0;

/// The e4m3 float nearest to a value, ties to even, the largest for what is larger.
fn to_e4m3(value: f32) -> u8 {
    let sign = if value.is_sign_negative() { 0x80 } else { 0 };
    let magnitude = value.abs();
    let bits = if magnitude.is_nan() {
        0x7f
    } else if magnitude >= E4M3_LARGEST {
        0x7e
    } else if magnitude < 1.0 / 64.0 {
        // Below the smallest exponent steps are equal.
        (magnitude * 512.0).round_ties_even() as u8
    } else {
        let bits = magnitude.to_bits();
        let rounded = bits + 0x7_ffff + (bits >> 20 & 1);
        // The exponent's bias goes from 127 to 7.
        ((rounded >> 20) - (120 << 3)) as u8
    };
    sign | bits
}

/// The value of an e4m3 float: a sign, four bits of exponent (bias 7), three of mantissa, no infinity.
fn e4m3(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let magnitude = match (exponent, byte & 7) {
        (0, _) => mantissa / 512.0,
        (15, 7) => f32::NAN,
        _ => (1.0 + mantissa / 8.0) * 2f32.powi(exponent - 7),
    };
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4m3_reaches_from_its_smallest_to_its_largest_value() {
        assert_eq!(
            [0x00, 0x01, 0x38, 0x7e, 0xfe].map(e4m3),
            [0.0, 0.001_953_125, 1.0, 448.0, -448.0]
        );
        assert!(e4m3(0x7f).is_nan());
    }

    #[test]
    fn every_e4m3_float_is_its_own_nearest_and_values_between_go_to_the_nearer() {
        for byte in (0..=u8::MAX).filter(|byte| byte & 0x7f != 0x7f) {
            assert_eq!(to_e4m3(e4m3(byte)), byte, "{byte:#x}");
            if byte & 0x7f < 0x7e {
                let (here, next) = (e4m3(byte), e4m3(byte + 1));
                assert_eq!(to_e4m3(here + 0.4 * (next - here)), byte);
                assert_eq!(to_e4m3(here + 0.6 * (next - here)), byte + 1);
                let even = byte + (byte & 1);
                assert_eq!(to_e4m3(here.midpoint(next)), even);
            }
        }
        assert_eq!(to_e4m3(1e9), 0x7e);
    }
}
