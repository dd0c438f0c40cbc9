//! Rows of words into words of columns, which is how a panel holds them.

#![cfg_attr(
    target_arch = "x86_64",
    allow(unsafe_code, reason = "sixteen registers are transposed where there are such")
)]

use crate::isa::Isa;
use crate::kernel::PANEL;

/// [`PANEL`] rows of `words` words into words of `PANEL` columns.
pub(super) fn transpose(isa: Isa, rows: &[u32], words: usize, columns: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::isa::Instructions;
        let has_registers =
            matches!(isa.instructions(), Instructions::Avx512Bf16 | Instructions::Avx512);
        if has_registers && words.is_multiple_of(avx512::SIDE) {
            assert!(rows.len() >= words * PANEL && columns.len() >= words * PANEL);
            // SAFETY: the machine has the instructions, and there are as many rows and columns.
            unsafe { avx512::transpose(rows.as_ptr(), words, columns.as_mut_ptr()) };
            return;
        }
    }
    isa.run(
        #[inline(always)]
        || {
            for (i, column) in columns.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
                for (lane, value) in column.iter_mut().enumerate() {
                    *value = rows[lane * words + i];
                }
            }
        },
    );
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::PANEL;

    /// Words of a register, and registers of a block.
    pub(super) const SIDE: usize = 16;

    /// Whole blocks of `PANEL` rows of `words` words each.
    ///
    /// # Safety
    /// The machine must have AVX-512F, `words` must be a multiple of `SIDE`, and there must be as many rows and columns.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn transpose(rows: *const u32, words: usize, columns: *mut u32) {
        for lane in (0..PANEL).step_by(SIDE) {
            for word in (0..words).step_by(SIDE) {
                // SAFETY: the block begins inside of the rows and columns and ends there: the caller's promise.
                unsafe {
                    block(rows.add(lane * words + word), words, columns.add(word * PANEL + lane));
                }
            }
        }
    }

    /// One block: neighbours in pairs, then in fours, then quarters of registers.
    ///
    /// # Safety
    /// As above; `from` must have `SIDE` rows `stride` words apart, `to` as many `PANEL` words apart.
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn block(from: *const u32, stride: usize, to: *mut u32) {
        // SAFETY: there are as many rows: the caller's promise.
        let row = |i: usize| unsafe { _mm512_loadu_si512(from.add(i * stride).cast()) };
        let mut fours = [_mm512_setzero_si512(); SIDE];
        for i in (0..SIDE).step_by(4) {
            let [a, b, c, d] = [row(i), row(i + 1), row(i + 2), row(i + 3)];
            let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
            fours[i] = _mm512_unpacklo_epi64(ab, cd);
            fours[i + 1] = _mm512_unpackhi_epi64(ab, cd);
            let (ab, cd) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
            fours[i + 2] = _mm512_unpacklo_epi64(ab, cd);
            fours[i + 3] = _mm512_unpackhi_epi64(ab, cd);
        }
        for j in 0..4 {
            let [a, b, c, d] = [fours[j], fours[4 + j], fours[8 + j], fours[12 + j]];
            let even = |a, b| _mm512_shuffle_i32x4::<0b10_00_10_00>(a, b);
            let odd = |a, b| _mm512_shuffle_i32x4::<0b11_01_11_01>(a, b);
            let (left, right) = ((even(a, b), even(c, d)), (odd(a, b), odd(c, d)));
            let columns = [
                even(left.0, left.1),
                even(right.0, right.1),
                odd(left.0, left.1),
                odd(right.0, right.1),
            ];
            for (quarter, column) in columns.into_iter().enumerate() {
                // SAFETY: there are as many columns: the caller's promise.
                unsafe { _mm512_storeu_si512(to.add((4 * quarter + j) * PANEL).cast(), column) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_to_its_column_on_every_machine() {
        for isa in Isa::all() {
            for words in [1, 7, 16, 48, 130] {
                let rows: Vec<u32> = (0..(words * PANEL) as u32).collect();
                let mut columns = vec![0; rows.len()];
                transpose(isa, &rows, words, &mut columns);
                let place = |i: usize| rows[i % PANEL * words + i / PANEL];
                assert!((0..rows.len()).all(|i| columns[i] == place(i)), "{words}");
            }
        }
    }
}
