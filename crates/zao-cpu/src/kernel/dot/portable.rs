//! Plain arithmetic on arrays for every machine; compilers turn four lanes into a register where
//! there is one. The same results as the instructions, integers bit for bit.

use super::{Dot, FloatDot, IntegerDot, Into};

const LANES: usize = 4;

/// One `f32` a word.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct PortableFloats;

/// Four 8-bit integers a word, unsigned ones in the panel, signed ones in the vectors.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct PortableBytes;

/// Two signed 16-bit integers a word.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct PortableShorts;

/// The parts of a word, added up.
trait Parts {
    fn products(panel: u32, vector: u32) -> i32;
}

impl Parts for PortableBytes {
    #[inline(always)]
    fn products(panel: u32, vector: u32) -> i32 {
        let (panel, vector) = (panel.to_le_bytes(), vector.to_le_bytes());
        let product = |i: usize| i32::from(panel[i]) * i32::from(vector[i] as i8);
        product(0) + product(1) + product(2) + product(3)
    }
}

impl Parts for PortableShorts {
    #[inline(always)]
    fn products(panel: u32, vector: u32) -> i32 {
        let product = |shift: u32| {
            i32::from((panel >> shift) as u16 as i16) * i32::from((vector >> shift) as u16 as i16)
        };
        product(0).wrapping_add(product(16))
    }
}

impl Dot for PortableFloats {
    type Words = [f32; LANES];
    type Sum = [f32; LANES];
    const LANES: usize = LANES;
    const VECTORS: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> [f32; LANES] {
        [0.0; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> [f32; LANES] {
        // SAFETY: the caller promises as many words.
        unsafe { from.cast::<[f32; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u32) -> [f32; LANES] {
        // SAFETY: the caller promises a word.
        [unsafe { from.cast::<f32>().read() }; LANES]
    }

    #[inline(always)]
    unsafe fn dot(sum: [f32; LANES], panel: [f32; LANES], vector: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| sum[i] + panel[i] * vector[i])
    }
}

impl FloatDot for PortableFloats {
    #[inline(always)]
    unsafe fn write(sum: [f32; LANES], into: Into, to: *mut f32) {
        // SAFETY: the caller promises as many elements.
        unsafe {
            let to = to.cast::<[f32; LANES]>();
            let before = match into {
                Into::Store => [0.0; LANES],
                Into::Add => to.read(),
            };
            to.write(std::array::from_fn(|i| before[i] + sum[i]));
        }
    }
}

/// Writes or adds `sum * factors`.
///
/// # Safety
/// `to` must have as many elements.
#[inline(always)]
unsafe fn scale(sum: [i32; LANES], factors: [f32; LANES], into: Into, to: *mut f32) {
    let to = to.cast::<[f32; LANES]>();
    // SAFETY: the caller's promise.
    unsafe {
        let before = match into {
            Into::Store => [0.0; LANES],
            Into::Add => to.read(),
        };
        to.write(std::array::from_fn(|i| before[i] + sum[i] as f32 * factors[i]));
    }
}

macro_rules! integer_dot {
    ($($dot:ident)*) => {$(
        impl Dot for $dot {
            type Words = [u32; LANES];
            type Sum = [i32; LANES];
            const LANES: usize = LANES;
            const VECTORS: usize = 4;

            #[inline(always)]
            unsafe fn zero() -> [i32; LANES] {
                [0; LANES]
            }

            #[inline(always)]
            unsafe fn load(from: *const u32) -> [u32; LANES] {
                // SAFETY: the caller promises as many words.
                unsafe { from.cast::<[u32; LANES]>().read() }
            }

            #[inline(always)]
            unsafe fn broadcast(from: *const u32) -> [u32; LANES] {
                // SAFETY: the caller promises a word.
                [unsafe { from.read() }; LANES]
            }

            #[inline(always)]
            unsafe fn dot(
                sum: [i32; LANES],
                panel: [u32; LANES],
                vector: [u32; LANES],
            ) -> [i32; LANES] {
                std::array::from_fn(|i| sum[i].wrapping_add(Self::products(panel[i], vector[i])))
            }
        }

        impl IntegerDot for $dot {
            #[inline(always)]
            unsafe fn start(start: i32) -> [i32; LANES] {
                [start; LANES]
            }

            #[inline(always)]
            unsafe fn write(sum: [i32; LANES], row: f32, into: Into, to: *mut f32) {
                // SAFETY: the caller promises as many elements.
                unsafe { scale(sum, [row; LANES], into, to) }
            }

            #[inline(always)]
            unsafe fn write_columns(
                sum: [i32; LANES],
                row: f32,
                columns: *const f32,
                into: Into,
                to: *mut f32,
            ) {
                // SAFETY: the caller promises as many elements behind both pointers.
                unsafe {
                    let columns = columns.cast::<[f32; LANES]>().read();
                    scale(sum, columns.map(|column| row * column), into, to);
                }
            }
        }
    )*};
}
integer_dot!(PortableBytes PortableShorts);
