//! The micro-kernel of every matrix product: a panel of [`PANEL`] columns times some vectors.
//!
//! Each element is one chain of multiply-adds over `k` in ascending order, whatever the number of
//! vectors and whichever register holds it: this is where "a row does not depend on the rows beside
//! it" comes from. Blocking for caches is the callers' business.

#![allow(unsafe_code, reason = "registers are loaded without a bounds check for each")]

use std::hint::black_box;

use pulp::{Simd, WithSimd};

use crate::simd::Isa;

/// Columns of a panel: two registers of AVX-512.
pub(crate) const PANEL: usize = 32;

/// `k` rows of [`PANEL`] consecutive values each, `step` values apart.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) step: usize,
}

/// Vectors of `k` elements: element `i` of vector `t` is `data[t * stride + i * step]`.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) count: usize,
    pub(crate) stride: usize,
    pub(crate) step: usize,
}

/// What happens to the content of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// It is overwritten.
    Store,
    /// The product is added to it.
    Add,
}

/// `out[t, c] = sum over i < k of panel[i, c] * vectors[t, i]`, `out` being `[count, PANEL]`.
///
/// # Panics
/// When an operand is too short for its sizes: a mistake of this crate.
pub(crate) fn multiply(
    isa: Isa,
    k: usize,
    panel: Panel<'_>,
    vectors: Vectors<'_>,
    out: &mut [f32],
    into: Into,
) {
    assert!(out.len() == vectors.count * PANEL, "the output has one row a vector");
    if k == 0 || vectors.count == 0 {
        if into == Into::Store {
            out.fill(0.0);
        }
        return;
    }
    assert!((k - 1) * panel.step + PANEL <= panel.data.len(), "the panel has k rows");
    let last = (vectors.count - 1) * vectors.stride + (k - 1) * vectors.step;
    assert!(last < vectors.data.len(), "every vector has k elements");
    isa.run(Multiply { k, panel, vectors, out, into });
}

/// Arguments of [`multiply`], checked.
struct Multiply<'a> {
    k: usize,
    panel: Panel<'a>,
    vectors: Vectors<'a>,
    out: &'a mut [f32],
    into: Into,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Two accumulators for each of twelve or six vectors fill 32 or 16 registers but for those
        // that hold a row of the panel and the broadcast element.
        let most = if S::REGISTER_COUNT >= 32 { 12 } else { 6 };
        let columns = 2 * S::F32_LANES;
        let mut first = 0;
        while first < self.vectors.count {
            let count = most.min(self.vectors.count - first);
            for column in (0..PANEL).step_by(columns) {
                let tile = Tile {
                    k: self.k,
                    panel: self.panel.data[column..].as_ptr(),
                    panel_step: self.panel.step,
                    vectors: self.vectors.data[first * self.vectors.stride..].as_ptr(),
                    stride: self.vectors.stride,
                    step: self.vectors.step,
                    out: self.out[first * PANEL + column..].as_mut_ptr(),
                    into: self.into,
                };
                // SAFETY: `multiply` checked that panel, vectors and output have every element that
                // `count` vectors from `first` on and `columns` columns from `column` on touch.
                unsafe { tile.dispatch(simd, count) }
            }
            first += count;
        }
    }
}

/// The part of a product that fits into registers.
struct Tile {
    k: usize,
    panel: *const f32,
    panel_step: usize,
    vectors: *const f32,
    stride: usize,
    step: usize,
    out: *mut f32,
    into: Into,
}

impl Tile {
    /// Computes `count` vectors, 1 to 12.
    ///
    /// # Safety
    /// The pointers must be valid for all elements that the sizes describe.
    #[inline(always)]
    unsafe fn dispatch<S: Simd>(self, simd: S, count: usize) {
        macro_rules! with_count {
            ($($n:literal)*) => {
                match count {
                    // SAFETY: the caller's promise is passed on.
                    $($n if S::REGISTER_COUNT >= 32 || $n <= 6 => unsafe { self.run::<S, $n>(simd) },)*
                    _ => unreachable!("a tile has at most twelve vectors"),
                }
            };
        }
        with_count!(1 2 3 4 5 6 7 8 9 10 11 12);
    }

    /// # Safety
    /// As for [`Tile::dispatch`].
    #[inline(always)]
    unsafe fn run<S: Simd, const N: usize>(self, simd: S) {
        let mut low = [simd.splat_f32s(0.0); 12];
        let mut high = [simd.splat_f32s(0.0); 12];
        let mut panel = self.panel;
        // Two pointers of which LLVM does not know that they are related: it would turn all addresses
        // into one chain of additions, as long as the products take.
        let mut a = self.vectors;
        let mut b = black_box(a.wrapping_add(6 * self.stride));
        for _ in 0..self.k {
            // SAFETY: row `i` of the panel has two registers at this column: the caller's promise.
            let (left, right) = unsafe {
                let right = panel.add(S::F32_LANES).cast::<S::f32s>();
                (panel.cast::<S::f32s>().read_unaligned(), right.read_unaligned())
            };
            // Written out, because LLVM does not always unroll a loop, and without that the sums do
            // not stay in registers.
            macro_rules! multiply_add {
                ($($t:literal: $first:ident $offset:literal,)*) => {$(
                    if $t < N {
                        // SAFETY: each of the `N` vectors has an element `i`: the caller's promise.
                        let element = unsafe { *$first.add($offset * self.stride) };
                        let element = simd.splat_f32s(element);
                        low[$t] = simd.mul_add_e_f32s(left, element, low[$t]);
                        high[$t] = simd.mul_add_e_f32s(right, element, high[$t]);
                    }
                )*};
            }
            multiply_add!(
                0: a 0, 1: a 1, 2: a 2, 3: a 3, 4: a 4, 5: a 5,
                6: b 0, 7: b 1, 8: b 2, 9: b 3, 10: b 4, 11: b 5,
            );
            panel = panel.wrapping_add(self.panel_step);
            a = a.wrapping_add(self.step);
            b = b.wrapping_add(self.step);
        }
        macro_rules! store {
            ($($t:literal)*) => {$(
                if $t < N {
                    // SAFETY: row `t` of the output has two registers at this column.
                    unsafe { self.store(simd, $t, low[$t], high[$t]) };
                }
            )*};
        }
        store!(0 1 2 3 4 5 6 7 8 9 10 11);
    }

    /// # Safety
    /// Row `t` of the output must have two registers at this column.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, simd: S, t: usize, mut low: S::f32s, mut high: S::f32s) {
        // SAFETY: the caller's promise.
        unsafe {
            let left = self.out.add(t * PANEL).cast::<S::f32s>();
            let right = self.out.add(t * PANEL + S::F32_LANES).cast::<S::f32s>();
            if self.into == Into::Add {
                low = simd.add_f32s(left.read_unaligned(), low);
                high = simd.add_f32s(right.read_unaligned(), high);
            }
            left.write_unaligned(low);
            right.write_unaligned(high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut x = seed;
        (0..count)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (x >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    #[test]
    fn products_are_right_and_do_not_depend_on_the_number_of_vectors() {
        for (isa, k) in
            Isa::all().into_iter().flat_map(|isa| [0, 1, 2, 3, 17, 256].map(|k| (isa, k)))
        {
            let panel_data = values(k * 40 + PANEL, 1);
            let panel = Panel { data: &panel_data, step: 40 };
            let data = values(30 * 300, 2);
            let vectors = |count| Vectors { data: &data, count, stride: 300, step: 1 };
            let mut all = vec![f32::NAN; 30 * PANEL];
            multiply(isa, k, panel, vectors(30), &mut all, Into::Store);
            for t in 0..30 {
                for c in 0..PANEL {
                    let product =
                        |i: usize| f64::from(panel_data[i * 40 + c]) * f64::from(data[t * 300 + i]);
                    let exact: f64 = (0..k).map(product).sum();
                    assert!((f64::from(all[t * PANEL + c]) - exact).abs() < 1e-4);
                }
            }
            for count in 1..30 {
                let mut some = vec![f32::NAN; count * PANEL];
                multiply(isa, k, panel, vectors(count), &mut some, Into::Store);
                assert_eq!(some, all[..count * PANEL]);
            }
        }
    }

    #[test]
    fn strided_vectors_are_added() {
        let isa = Isa::detect();
        let panel_data = values(9 * PANEL, 3);
        let panel = Panel { data: &panel_data, step: PANEL };
        let rows = values(5 * 9, 4);
        let columns: Vec<f32> = (0..45).map(|i| rows[i % 5 * 9 + i / 5]).collect();
        let mut by_rows = vec![0.0; 5 * PANEL];
        let by_row = Vectors { data: &rows, count: 5, stride: 9, step: 1 };
        multiply(isa, 9, panel, by_row, &mut by_rows, Into::Store);
        let mut by_columns = vec![0.0; 5 * PANEL];
        let by_column = Vectors { data: &columns, count: 5, stride: 1, step: 5 };
        multiply(isa, 9, panel, by_column, &mut by_columns, Into::Store);
        assert_eq!(by_rows, by_columns);
        multiply(isa, 9, panel, by_column, &mut by_columns, Into::Add);
        assert!(by_rows.iter().zip(&by_columns).all(|(a, b)| 2.0 * a == *b));
    }

    #[test]
    #[should_panic(expected = "every vector has k elements")]
    fn short_operands_are_a_bug() {
        let panel = Panel { data: &[0.0; 3 * PANEL], step: PANEL };
        let vectors = Vectors { data: &[0.0; 5], count: 2, stride: 3, step: 1 };
        multiply(Isa::detect(), 3, panel, vectors, &mut [0.0; 2 * PANEL], Into::Store);
    }
}
