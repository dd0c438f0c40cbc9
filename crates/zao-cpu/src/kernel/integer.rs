//! Products of integers, summed exactly in 32 bits and scaled to `f32`.

use super::dot::*;
use super::tile::{MOST, Tile, Walk, walk};
use super::{Integers, Into, Operands, PANEL, check};
use crate::isa::{Instructions, Isa};

/// What turns sums of integers into numbers.
#[derive(Clone, Copy)]
pub(crate) struct Scales<'a> {
    /// What the sums of each vector begin with: it undoes the offset that makes a panel unsigned.
    pub(crate) starts: &'a [i32],
    /// The factor of each vector.
    pub(crate) rows: &'a [f32],
    /// The factor of each column, unless it is applied later, when all is summed.
    pub(crate) columns: Option<&'a [f32; PANEL]>,
}

/// `out[t, c] = rows[t] * columns[c] * (starts[t] + sum over words of panel[i, c] * vectors[t, i])`,
/// or added to it.
///
/// The sum must fit into 32 bits: up to 66 000 products of bytes always do.
///
/// # Panics
/// When an operand is too short for its sizes: a mistake of this crate.
pub(crate) fn multiply_scaled(
    isa: Isa,
    integers: Integers,
    operands: Operands<'_>,
    scales: Scales<'_>,
    out: &mut [f32],
    into: Into,
) {
    check(operands, out);
    let count = operands.vectors.count;
    assert!(scales.starts.len() >= count && scales.rows.len() >= count, "a scale for each vector");
    let product = Product { operands, scales, out: out.as_mut_ptr(), into };
    match (integers, isa.instructions(), isa.multiplies_bytes()) {
        #[cfg(target_arch = "x86_64")]
        (Integers::Bytes, Instructions::Avx512Bf16 | Instructions::Avx512, true) => {
            // SAFETY: operands are checked, and the machine has the instruction.
            unsafe { product.avx512() }
        }
        #[cfg(target_arch = "x86_64")]
        (Integers::Shorts, Instructions::Avx512Bf16 | Instructions::Avx512, true) => {
            // SAFETY: operands are checked, and the machine has the instruction.
            unsafe { product.avx512_shorts() }
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: operands are checked, and the machine has the instruction.
        (Integers::Bytes, Instructions::Avx2, true) => unsafe { product.avx_vnni() },
        (Integers::Bytes, _, false) => {
            unreachable!("only machines that multiply bytes are given them")
        }
        #[cfg(target_arch = "x86_64")]
        (
            Integers::Shorts,
            Instructions::Avx512Bf16 | Instructions::Avx512 | Instructions::Avx2,
            _,
        ) => {
            // SAFETY: operands are checked, and the machine has the instruction: what has AVX-512 has
            // AVX2.
            unsafe { product.avx2_shorts() }
        }
        // SAFETY: operands are checked, and every machine multiplies integers.
        (Integers::Bytes, ..) => unsafe { product.run::<PortableBytes>() },
        // SAFETY: as above.
        (Integers::Shorts, ..) => unsafe { product.run::<PortableShorts>() },
    }
}

/// Arguments of [`multiply_scaled`], checked.
struct Product<'a> {
    operands: Operands<'a>,
    scales: Scales<'a>,
    out: *mut f32,
    into: Into,
}

impl Product<'_> {
    /// # Safety
    /// The operands must have been checked, and the machine must have the instruction.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn avx512(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Vnni512>() }
    }

    /// # Safety
    /// As above.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn avx512_shorts(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<VnniShorts512>() }
    }

    /// # Safety
    /// As above.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,avxvnni")]
    unsafe fn avx_vnni(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Vnni256>() }
    }

    /// # Safety
    /// As above.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2_shorts(self) {
        // SAFETY: the caller's promise.
        unsafe { self.run::<Madd256>() }
    }

    /// # Safety
    /// As above.
    #[inline(always)]
    unsafe fn run<D: IntegerDot>(self) {
        // SAFETY: the caller's promise.
        unsafe { walk::<D, _>(self.operands, self) }
    }
}

impl<D: IntegerDot> Walk<D> for Product<'_> {
    #[inline(always)]
    unsafe fn tile<const N: usize>(&mut self, tile: Tile, first: usize, column: usize) {
        let Scales { starts, rows, columns } = self.scales;
        // SAFETY: operands were checked; rows `first .. first + N` of the output exist, each of
        // `PANEL` elements, and two registers of them begin at `column`.
        unsafe {
            let mut start = [D::zero(); MOST];
            for (start, &value) in start.iter_mut().zip(&starts[first..first + N]) {
                *start = D::start(value);
            }
            let sums = tile.run::<D, N>(start);
            let out = self.out.add(first * PANEL + column);
            macro_rules! store {
                ($write:expr, $($t:literal)*) => {$(
                    if $t < N {
                        let row = rows[first + $t];
                        $write(sums.low[$t], row, 0, out.add($t * PANEL));
                        $write(sums.high[$t], row, D::LANES, out.add($t * PANEL + D::LANES));
                    }
                )*};
            }
            match columns {
                None => {
                    let write = |sum, row, _, to| D::write(sum, row, self.into, to);
                    store!(write, 0 1 2 3 4 5 6 7 8 9 10 11);
                }
                Some(columns) => {
                    let columns = columns.as_ptr().add(column);
                    let write = |sum, row, lane, to| {
                        D::write_columns(sum, row, columns.add(lane), self.into, to);
                    };
                    store!(write, 0 1 2 3 4 5 6 7 8 9 10 11);
                }
            }
        }
    }
}
