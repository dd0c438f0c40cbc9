//! Whole groups, and heads as wide as a power of two, in the registers of AVX-512. The same results
//! bit for bit as the plain loops, which take four times as long.

use std::arch::x86_64::*;

use super::{LARGEST, ROUND, SIGNS, SMALLEST, Scale};

/// Values of a register.
const LANES: usize = 16;

/// Quantises `values` if their number is one that registers are made for.
///
/// # Safety
/// The machine must have AVX-512F.
pub(super) unsafe fn quantise(values: &[f32], out: &mut [i8]) -> Option<Scale> {
    assert!(out.len() == values.len(), "an integer for each value");
    // SAFETY: the caller's promise; as many values and integers as registers hold.
    unsafe {
        match values.len() {
            64 => Some(group::<4>(values.as_ptr(), out.as_mut_ptr())),
            128 => Some(group::<8>(values.as_ptr(), out.as_mut_ptr())),
            256 => Some(group::<16>(values.as_ptr(), out.as_mut_ptr())),
            512 => Some(group::<32>(values.as_ptr(), out.as_mut_ptr())),
            _ => None,
        }
    }
}

/// Rotates and rounds `N` registers of values.
///
/// # Safety
/// The machine must have AVX-512F; there must be as many values and integers.
#[target_feature(enable = "avx512f")]
unsafe fn group<const N: usize>(values: *const f32, out: *mut i8) -> Scale {
    let mut rows = [_mm512_setzero_ps(); N];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: there are `N` registers of values, and of signs.
        let (values, signs) = unsafe {
            (_mm512_loadu_ps(values.add(i * LANES)), _mm512_loadu_ps(SIGNS[i * LANES..].as_ptr()))
        };
        *row = _mm512_mul_ps(values, signs);
    }
    transform(&mut rows);
    let mut largest = _mm512_setzero_si512();
    for row in rows {
        let size = _mm512_and_si512(_mm512_castps_si512(row), _mm512_set1_epi32(i32::MAX));
        largest = _mm512_max_epu32(largest, size);
    }
    let largest = f32::from_bits(_mm512_reduce_max_epu32(largest));
    let scale = if largest < SMALLEST { 0.0 } else { largest / LARGEST };
    let inverse = _mm512_set1_ps(if scale == 0.0 { 0.0 } else { 1.0 / scale });
    let round = _mm512_set1_ps(ROUND);
    let mut sum = _mm512_setzero_si512();
    for (i, row) in rows.into_iter().enumerate() {
        let rounded = _mm512_castps_si512(_mm512_add_ps(_mm512_mul_ps(row, inverse), round));
        let integers = _mm512_sub_epi32(rounded, _mm512_castps_si512(round));
        sum = _mm512_add_epi32(sum, integers);
        // SAFETY: there are `N` registers of integers.
        unsafe { _mm_storeu_si128(out.add(i * LANES).cast(), _mm512_cvtepi32_epi8(integers)) };
    }
    [scale, _mm512_reduce_add_epi32(sum) as f32]
}

/// The Hadamard transform of all rows together.
#[target_feature(enable = "avx512f")]
#[inline]
fn transform<const N: usize>(rows: &mut [__m512; N]) {
    let mut step = 1;
    while step < N {
        for first in (0..N).filter(|first| first & step == 0) {
            let (a, b) = (rows[first], rows[first + step]);
            rows[first] = _mm512_add_ps(a, b);
            rows[first + step] = _mm512_sub_ps(a, b);
        }
        step *= 2;
    }
    let factor = _mm512_set1_ps(1.0 / ((N * LANES) as f32).sqrt());
    // Plus where a lane is the first of its pair, minus where it is the second.
    let signs = [1, 2, 4, 8].map(|step| {
        let sign = |lane: usize| if lane & step == 0 { 1.0f32 } else { -1.0 };
        let signs: [f32; LANES] = std::array::from_fn(sign);
        // SAFETY: the array has sixteen elements.
        unsafe { _mm512_loadu_ps(signs.as_ptr()) }
    });
    for row in rows {
        let mut x = *row;
        x = _mm512_fmadd_ps(x, signs[0], _mm512_permute_ps::<0b10_11_00_01>(x));
        x = _mm512_fmadd_ps(x, signs[1], _mm512_permute_ps::<0b01_00_11_10>(x));
        x = _mm512_fmadd_ps(x, signs[2], _mm512_shuffle_f32x4::<0b10_11_00_01>(x, x));
        x = _mm512_fmadd_ps(x, signs[3], _mm512_shuffle_f32x4::<0b01_00_11_10>(x, x));
        *row = _mm512_mul_ps(x, factor);
    }
}
