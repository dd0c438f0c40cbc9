//! Products of floating-point numbers, summed in `f32`.

use super::dot::*;
use super::tile::{MOST, Tile, Walk, walk};
use super::{Floats, Into, Operands, PANEL, check};
use crate::isa::{Instructions, Isa};

/// `out[t, c] = sum over words of panel[i, c] * vectors[t, i]`, `out` being `[count, PANEL]`.
///
/// # Panics
/// When an operand is too short for its sizes, or the machine does not multiply such words: a mistake
/// of this crate.
pub(crate) fn multiply(
    isa: Isa,
    floats: Floats,
    operands: Operands<'_>,
    out: &mut [f32],
    into: Into,
) {
    check(operands, out);
    let product = Product { operands, out: out.as_mut_ptr(), into };
    match (floats, isa.instructions()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: operands are checked, and the machine has the instruction.
        (Floats::Bf16, Instructions::Avx512Bf16) => unsafe { product.avx512_bf16() },
        (Floats::Bf16, _) => unreachable!("only machines that multiply bf16 are given it"),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: operands are checked, and the machine has the instruction.
        (Floats::F32, Instructions::Avx512Bf16 | Instructions::Avx512) => unsafe {
            product.avx512();
        },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: operands are checked, and the machine has the instruction.
        (Floats::F32, Instructions::Avx2) => unsafe { product.avx2() },
        // SAFETY: operands are checked, and every machine multiplies floats.
        (Floats::F32, _) => unsafe { product.run::<PortableFloats>() },
    }
}

/// Arguments of [`multiply`], checked.
struct Product<'a> {
    operands: Operands<'a>,
    out: *mut f32,
    into: Into,
}

impl Product<'_> {
    /// # Safety
    /// The operands must have been checked, and the machine must have the instruction.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn avx512_bf16(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Bf16Dot512>() }
    }

    /// # Safety
    /// As above.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn avx512(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Fma512>() }
    }

    /// # Safety
    /// As above.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Fma256>() }
    }

    /// # Safety
    /// As above.
    #[inline(always)]
    unsafe fn run<D: FloatDot>(self) {
        // SAFETY: the caller's promise.
        unsafe { walk::<D, _>(self.operands, self) }
    }
}

impl<D: FloatDot> Walk<D> for Product<'_> {
    #[inline(always)]
    unsafe fn tile<const N: usize>(&mut self, tile: Tile, first: usize, column: usize) {
        // SAFETY: operands were checked; rows `first .. first + N` of the output exist, each of
        // `PANEL` elements, and two registers of them begin at `column`.
        unsafe {
            let sums = tile.run::<D, N>([D::zero(); MOST]);
            let out = self.out.add(first * PANEL + column);
            macro_rules! store {
                ($($t:literal)*) => {$(
                    if $t < N {
                        D::write(sums.low[$t], self.into, out.add($t * PANEL));
                        D::write(sums.high[$t], self.into, out.add($t * PANEL + D::LANES));
                    }
                )*};
            }
            store!(0 1 2 3 4 5 6 7 8 9 10 11);
        }
    }
}
