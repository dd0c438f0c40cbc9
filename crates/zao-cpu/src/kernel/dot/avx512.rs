//! AVX-512: fused multiply-add, bf16 dot products, and the dot products of VNNI.

use std::arch::x86_64::*;

use super::{Dot, FloatDot, IntegerDot, Into};

/// `vfmadd`, one `f32` a word. AVX-512F.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Fma512;

/// `vdpbf16ps`, two bf16 a word. AVX-512BF16.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Bf16Dot512;

/// `vpdpbusd`, four 8-bit integers a word. AVX-512VNNI.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Vnni512;

/// `vpdpwssd`, two 16-bit integers a word. AVX-512VNNI.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct VnniShorts512;

// SAFETY of every block below: the caller promises the instruction and the memory.

impl Dot for Fma512 {
    type Words = __m512;
    type Sum = __m512;
    const LANES: usize = 16;
    const VECTORS: usize = 12;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_set1_ps(from.cast::<f32>().read()) }
    }

    #[inline(always)]
    unsafe fn dot(sum: __m512, panel: __m512, vector: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(panel, vector, sum) }
    }
}

impl Dot for Bf16Dot512 {
    type Words = __m512bh;
    type Sum = __m512;
    const LANES: usize = 16;
    const VECTORS: usize = 12;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> __m512bh {
        // SAFETY: as above; both types are sixty-four plain bytes.
        unsafe { std::mem::transmute(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u32) -> __m512bh {
        // SAFETY: as above; both types are sixty-four plain bytes.
        unsafe { std::mem::transmute(_mm512_set1_epi32(from.cast::<i32>().read())) }
    }

    #[inline(always)]
    unsafe fn dot(sum: __m512, panel: __m512bh, vector: __m512bh) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_dpbf16_ps(sum, panel, vector) }
    }
}

macro_rules! float_write {
    ($($dot:ident)*) => {$(
        impl FloatDot for $dot {
            #[inline(always)]
            unsafe fn write(sum: __m512, into: Into, to: *mut f32) {
                // SAFETY: as above.
                unsafe {
                    let sum = match into {
                        Into::Store => sum,
                        Into::Add => _mm512_add_ps(_mm512_loadu_ps(to), sum),
                    };
                    _mm512_storeu_ps(to, sum);
                }
            }
        }
    )*};
}
float_write!(Fma512 Bf16Dot512);

/// Writes or adds `sum * factors`.
#[inline(always)]
unsafe fn scale(sum: __m512i, factors: __m512, into: Into, to: *mut f32) {
    // SAFETY: as above.
    unsafe {
        let sum = _mm512_cvtepi32_ps(sum);
        let sum = match into {
            Into::Store => _mm512_mul_ps(sum, factors),
            Into::Add => _mm512_fmadd_ps(sum, factors, _mm512_loadu_ps(to)),
        };
        _mm512_storeu_ps(to, sum);
    }
}

macro_rules! integer_dot {
    ($($dot:ident: $instruction:ident,)*) => {$(
        impl Dot for $dot {
            type Words = __m512i;
            type Sum = __m512i;
            const LANES: usize = 16;
            const VECTORS: usize = 12;

            #[inline(always)]
            unsafe fn zero() -> __m512i {
                // SAFETY: as above.
                unsafe { _mm512_setzero_si512() }
            }

            #[inline(always)]
            unsafe fn load(from: *const u32) -> __m512i {
                // SAFETY: as above.
                unsafe { _mm512_loadu_si512(from.cast()) }
            }

            #[inline(always)]
            unsafe fn broadcast(from: *const u32) -> __m512i {
                // SAFETY: as above.
                unsafe { _mm512_set1_epi32(from.cast::<i32>().read()) }
            }

            #[inline(always)]
            unsafe fn dot(sum: __m512i, panel: __m512i, vector: __m512i) -> __m512i {
                // SAFETY: as above.
                unsafe { $instruction(sum, panel, vector) }
            }
        }

        impl IntegerDot for $dot {
            #[inline(always)]
            unsafe fn start(start: i32) -> __m512i {
                // SAFETY: as above.
                unsafe { _mm512_set1_epi32(start) }
            }

            #[inline(always)]
            unsafe fn write(sum: __m512i, row: f32, into: Into, to: *mut f32) {
                // SAFETY: as above.
                unsafe { scale(sum, _mm512_set1_ps(row), into, to) }
            }

            #[inline(always)]
            unsafe fn write_columns(
                sum: __m512i,
                row: f32,
                columns: *const f32,
                into: Into,
                to: *mut f32,
            ) {
                // SAFETY: as above.
                unsafe {
                    let factors = _mm512_mul_ps(_mm512_loadu_ps(columns), _mm512_set1_ps(row));
                    scale(sum, factors, into, to);
                }
            }
        }
    )*};
}
integer_dot!(Vnni512: _mm512_dpbusd_epi32, VnniShorts512: _mm512_dpwssd_epi32,);
