//! AVX2: fused multiply-add, the dot product of AVX-VNNI, and `vpmaddwd` for machines without it.

use std::arch::x86_64::*;

use super::{Dot, FloatDot, IntegerDot, Into};

/// `vfmadd`, one `f32` a word. AVX2 and FMA.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Fma256;

/// `vpdpbusd`, four 8-bit integers a word. AVX-VNNI.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Vnni256;

/// `vpmaddwd` and an addition, two 16-bit integers a word. AVX2. (`vpmaddubsw` takes four 8-bit
/// integers, but saturates, and with what keeps it from that it is as many instructions.)
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Madd256;

// SAFETY of every block below: the caller promises the instruction and the memory.

impl Dot for Fma256 {
    type Words = __m256;
    type Sum = __m256;
    const LANES: usize = 8;
    const VECTORS: usize = 6;

    #[inline(always)]
    unsafe fn zero() -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_set1_ps(from.cast::<f32>().read()) }
    }

    #[inline(always)]
    unsafe fn dot(sum: __m256, panel: __m256, vector: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_fmadd_ps(panel, vector, sum) }
    }
}

impl FloatDot for Fma256 {
    #[inline(always)]
    unsafe fn write(sum: __m256, into: Into, to: *mut f32) {
        // SAFETY: as above.
        unsafe {
            let sum = match into {
                Into::Store => sum,
                Into::Add => _mm256_add_ps(_mm256_loadu_ps(to), sum),
            };
            _mm256_storeu_ps(to, sum);
        }
    }
}

#[inline(always)]
unsafe fn madd(sum: __m256i, panel: __m256i, vector: __m256i) -> __m256i {
    // SAFETY: as above.
    unsafe { _mm256_add_epi32(sum, _mm256_madd_epi16(panel, vector)) }
}

/// Writes or adds `sum * factors`.
#[inline(always)]
unsafe fn scale(sum: __m256i, factors: __m256, into: Into, to: *mut f32) {
    // SAFETY: as above.
    unsafe {
        let sum = _mm256_cvtepi32_ps(sum);
        let sum = match into {
            Into::Store => _mm256_mul_ps(sum, factors),
            Into::Add => _mm256_fmadd_ps(sum, factors, _mm256_loadu_ps(to)),
        };
        _mm256_storeu_ps(to, sum);
    }
}

macro_rules! integer_dot {
    ($($dot:ident: $instruction:ident,)*) => {$(
        impl Dot for $dot {
            type Words = __m256i;
            type Sum = __m256i;
            const LANES: usize = 8;
            const VECTORS: usize = 6;

            #[inline(always)]
            unsafe fn zero() -> __m256i {
                // SAFETY: as above.
                unsafe { _mm256_setzero_si256() }
            }

            #[inline(always)]
            unsafe fn load(from: *const u32) -> __m256i {
                // SAFETY: as above.
                unsafe { _mm256_loadu_si256(from.cast()) }
            }

            #[inline(always)]
            unsafe fn broadcast(from: *const u32) -> __m256i {
                // SAFETY: as above.
                unsafe { _mm256_set1_epi32(from.cast::<i32>().read()) }
            }

            #[inline(always)]
            unsafe fn dot(sum: __m256i, panel: __m256i, vector: __m256i) -> __m256i {
                // SAFETY: as above.
                unsafe { $instruction(sum, panel, vector) }
            }
        }

        impl IntegerDot for $dot {
            #[inline(always)]
            unsafe fn start(start: i32) -> __m256i {
                // SAFETY: as above.
                unsafe { _mm256_set1_epi32(start) }
            }

            #[inline(always)]
            unsafe fn write(sum: __m256i, row: f32, into: Into, to: *mut f32) {
                // SAFETY: as above.
                unsafe { scale(sum, _mm256_set1_ps(row), into, to) }
            }

            #[inline(always)]
            unsafe fn write_columns(
                sum: __m256i,
                row: f32,
                columns: *const f32,
                into: Into,
                to: *mut f32,
            ) {
                // SAFETY: as above.
                unsafe {
                    let factors = _mm256_mul_ps(_mm256_loadu_ps(columns), _mm256_set1_ps(row));
                    scale(sum, factors, into, to);
                }
            }
        }
    )*};
}
integer_dot!(Vnni256: _mm256_dpbusd_avx_epi32, Madd256: madd,);
