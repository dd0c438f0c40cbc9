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
            64 => Some(group::<4, 1>(values.as_ptr(), out.as_mut_ptr())),
            128 => Some(group::<8, 1>(values.as_ptr(), out.as_mut_ptr())),
            256 => Some(group::<8, 2>(values.as_ptr(), out.as_mut_ptr())),
            512 => Some(group::<8, 4>(values.as_ptr(), out.as_mut_ptr())),
            _ => None,
        }
    }
}

/// Rotates and rounds `K` blocks of `M` registers of values. All registers of a block, or one of each
/// block, are worked on at a time: so many fit into the register file.
///
/// # Safety
/// The machine must have AVX-512F; there must be as many values and integers.
#[target_feature(enable = "avx512f")]
unsafe fn group<const M: usize, const K: usize>(values: *const f32, out: *mut i8) -> Scale {
    let mut blocks = [[_mm512_setzero_ps(); M]; K];
    for (k, block) in blocks.iter_mut().enumerate() {
        let mut rows = [_mm512_setzero_ps(); M];
        for (i, row) in rows.iter_mut().enumerate() {
            let at = (k * M + i) * LANES;
            // SAFETY: there are as many registers of values, and of signs.
            let (values, signs) = unsafe {
                (_mm512_loadu_ps(values.add(at)), _mm512_loadu_ps(SIGNS.as_ptr().add(at)))
            };
            *row = _mm512_mul_ps(values, signs);
        }
        butterflies(&mut rows);
        *block = rows;
    }
    let factor = _mm512_set1_ps(1.0 / ((M * K * LANES) as f32).sqrt());
    let mut largest = _mm512_setzero_si512();
    for i in 0..M {
        let mut rows: [__m512; K] = std::array::from_fn(|k| blocks[k][i]);
        butterflies(&mut rows);
        for (block, row) in blocks.iter_mut().zip(rows) {
            let row = _mm512_mul_ps(neighbours(row), factor);
            let size = _mm512_and_si512(_mm512_castps_si512(row), _mm512_set1_epi32(i32::MAX));
            largest = _mm512_max_epu32(largest, size);
            block[i] = row;
        }
    }
    let largest = f32::from_bits(_mm512_reduce_max_epu32(largest));
    let scale = if largest < SMALLEST { 0.0 } else { largest / LARGEST };
    let inverse = _mm512_set1_ps(if scale == 0.0 { 0.0 } else { 1.0 / scale });
    let round = _mm512_set1_ps(ROUND);
    let mut sum = _mm512_setzero_si512();
    for (i, row) in blocks.as_flattened().iter().enumerate() {
        let rounded = _mm512_castps_si512(_mm512_add_ps(_mm512_mul_ps(*row, inverse), round));
        let integers = _mm512_sub_epi32(rounded, _mm512_castps_si512(round));
        sum = _mm512_add_epi32(sum, integers);
        // SAFETY: there are as many registers of integers.
        unsafe { _mm_storeu_si128(out.add(i * LANES).cast(), _mm512_cvtepi32_epi8(integers)) };
    }
    [scale, _mm512_reduce_add_epi32(sum) as f32]
}

/// Sums and differences of registers one apart, two apart, and so on.
#[target_feature(enable = "avx512f")]
#[inline]
fn butterflies<const N: usize>(rows: &mut [__m512; N]) {
    macro_rules! step {
        ($($step:literal)*) => {$(
            if $step < N {
                for first in 0..N {
                    if first & $step == 0 {
                        let (a, b) = (rows[first], rows[first + $step]);
                        rows[first] = _mm512_add_ps(a, b);
                        rows[first + $step] = _mm512_sub_ps(a, b);
                    }
                }
            }
        )*};
    }
    step!(1 2 4);
}

/// Sums and differences of the lanes of a register one apart, two, four and eight apart.
#[target_feature(enable = "avx512f")]
#[inline]
fn neighbours(mut x: __m512) -> __m512 {
    /// Minus where a lane is the second of its pair.
    const fn signs(step: usize) -> [f32; LANES] {
        let (mut signs, mut lane) = ([1.0; LANES], 0);
        while lane < LANES {
            if lane & step != 0 {
                signs[lane] = -1.0;
            }
            lane += 1;
        }
        signs
    }
    static SIGNS: [[f32; LANES]; 4] = [signs(1), signs(2), signs(4), signs(8)];
    // SAFETY: each has sixteen elements.
    let [one, two, four, eight] =
        [0, 1, 2, 3].map(|i: usize| unsafe { _mm512_loadu_ps(SIGNS[i].as_ptr()) });
    x = _mm512_fmadd_ps(x, one, _mm512_permute_ps::<0b10_11_00_01>(x));
    x = _mm512_fmadd_ps(x, two, _mm512_permute_ps::<0b01_00_11_10>(x));
    x = _mm512_fmadd_ps(x, four, _mm512_shuffle_f32x4::<0b10_11_00_01>(x, x));
    _mm512_fmadd_ps(x, eight, _mm512_shuffle_f32x4::<0b01_00_11_10>(x, x))
}
