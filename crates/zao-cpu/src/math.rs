//! The exponential and what is made of it, for whole vectors at a time.
//!
//! The system's `expf` works on one value; here a polynomial works on as many as a register holds.

use pulp::{Simd, WithSimd};

use crate::isa::Isa;
use crate::kernel::PANEL;

/// `x = silu(x)` for all of `values`.
pub(crate) fn silu_all(isa: Isa, values: &mut [f32]) {
    isa.run(SiluAll(values));
}

/// `gate = silu(gate * scale) * (gated * scale)` for the rows of two panels, each with scales of its
/// columns.
pub(crate) fn swiglu_all(isa: Isa, gates: &mut [f32], gated: &[f32], scales: [&[f32; PANEL]; 2]) {
    assert!(gates.len().is_multiple_of(PANEL) && gates.len() == gated.len(), "panels of both");
    isa.run(SwigluAll { gates, gated, scales });
}

/// `x = tanh(x)` for all of `values`.
pub(crate) fn tanh_all(isa: Isa, values: &mut [f32]) {
    isa.run(TanhAll(values));
}

struct TanhAll<'a>(&'a mut [f32]);

impl WithSimd for TanhAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (head, tail) = S::as_mut_simd_f32s(self.0);
        for x in head {
            *x = tanh(simd, *x);
        }
        if !tail.is_empty() {
            let x = simd.partial_load_f32s(tail);
            simd.partial_store_f32s(tail, tanh(simd, x));
        }
    }
}

struct SiluAll<'a>(&'a mut [f32]);

impl WithSimd for SiluAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (head, tail) = S::as_mut_simd_f32s(self.0);
        for x in head {
            *x = silu(simd, *x);
        }
        if !tail.is_empty() {
            let x = simd.partial_load_f32s(tail);
            simd.partial_store_f32s(tail, silu(simd, x));
        }
    }
}

struct SwigluAll<'a> {
    gates: &'a mut [f32],
    gated: &'a [f32],
    scales: [&'a [f32; PANEL]; 2],
}

impl WithSimd for SwigluAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [scales, gated_scales] = self.scales.map(|scales| S::as_simd_f32s(scales).0);
        let rows = self.gates.as_chunks_mut::<PANEL>().0.iter_mut();
        for (gates, gated) in rows.zip(self.gated.as_chunks::<PANEL>().0) {
            let (gates, gated) = (S::as_mut_simd_f32s(gates).0, S::as_simd_f32s(gated).0);
            let scales = scales.iter().zip(gated_scales);
            for ((gate, gated), (scale, gated_scale)) in gates.iter_mut().zip(gated).zip(scales) {
                let activated = silu(simd, simd.mul_f32s(*gate, *scale));
                *gate = simd.mul_f32s(activated, simd.mul_f32s(*gated, *gated_scale));
            }
        }
    }
}

/// `x / (1 + exp(-x))`.
#[inline(always)]
fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let minus_x = simd.sub_f32s(simd.splat_f32s(0.0), x);
    let denominator = simd.add_f32s(simd.splat_f32s(1.0), exp(simd, minus_x));
    simd.div_f32s(x, denominator)
}

/// The hyperbolic tangent with a relative error below 4e-7: a polynomial near zero, where the formula
/// `1 - 2 / (exp(2 |x|) + 1)` would cancel.
#[inline(always)]
fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Where the formula takes over.
    const NEAR: f32 = 0.625;
    /// The polynomial of `(tanh(x) / x - 1) / x^2` in `x^2`, highest power first.
    const POLYNOMIAL: [f32; 5] =
        [-5.704_988_6e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328_3e-1];

    let zero = simd.splat_f32s(0.0);
    let negative = simd.less_than_f32s(x, zero);
    let size = simd.select_f32s(negative, simd.sub_f32s(zero, x), x);
    let square = simd.mul_f32s(x, x);
    let mut p = simd.splat_f32s(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = simd.mul_add_e_f32s(p, square, simd.splat_f32s(coefficient));
    }
    let near = simd.mul_add_e_f32s(simd.mul_f32s(p, square), size, size);
    let one = simd.splat_f32s(1.0);
    let denominator = simd.add_f32s(exp(simd, simd.add_f32s(size, size)), one);
    let far = simd.sub_f32s(one, simd.div_f32s(simd.splat_f32s(2.0), denominator));
    let is_near = simd.less_than_f32s(size, simd.splat_f32s(NEAR));
    let result = simd.select_f32s(is_near, near, far);
    simd.select_f32s(negative, simd.sub_f32s(zero, result), result)
}

/// Above this, `exp` overflows; the result is clamped to its value here.
const HIGHEST: f32 = 88.37;
/// Below this, `exp` would be subnormal; the result is zero.
const LOWEST: f32 = -87.33;

/// `exp(x)` with a relative error below 2e-7: `2^n` times a polynomial in `x - n ln 2`.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Adding it rounds to an integer and leaves that integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// `ln 2` in two parts, the first short enough that `n` times it is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// The minimax polynomial of `(exp(r) - 1 - r) / r^2` on `|r| <= ln 2 / 2`, highest power first.
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];

    // Comparisons let a NaN pass, which `min` does not everywhere.
    let too_high = simd.less_than_f32s(simd.splat_f32s(HIGHEST), x);
    let clamped = simd.select_f32s(too_high, simd.splat_f32s(HIGHEST), x);
    let shifted = simd.mul_add_e_f32s(
        clamped,
        simd.splat_f32s(std::f32::consts::LOG2_E),
        simd.splat_f32s(ROUND),
    );
    let n = simd.sub_f32s(shifted, simd.splat_f32s(ROUND));
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_HIGH), clamped);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_LOW), r);
    let mut p = simd.splat_f32s(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(coefficient));
    }
    let p = simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, simd.add_f32s(r, simd.splat_f32s(1.0)));
    let biased = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    let power = simd.wrapping_dyn_shl_u32s(biased, simd.splat_u32s(23));
    let result = simd.mul_f32s(p, simd.transmute_f32s_u32s(power));
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(LOWEST));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ExpAll<'a>(&'a mut [f32]);

    impl WithSimd for ExpAll<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (head, _) = S::as_mut_simd_f32s(self.0);
            for x in head {
                *x = exp(simd, *x);
            }
        }
    }

    fn exp_of(isa: Isa, values: &[f32]) -> Vec<f32> {
        let mut padded = values.to_vec();
        padded.resize(values.len().next_multiple_of(16), 0.0);
        isa.run(ExpAll(&mut padded));
        padded.truncate(values.len());
        padded
    }

    #[test]
    fn exp_is_accurate_over_its_range() {
        let values: Vec<f32> = (-870_000..=880_000).map(|i| i as f32 * 1e-4).collect();
        for isa in Isa::all() {
            for (&x, got) in values.iter().zip(exp_of(isa, &values)) {
                let expected = f64::from(x).exp();
                let error = (f64::from(got) - expected).abs() / expected;
                assert!(error < 2e-7, "exp({x}) = {got}, not {expected} with {}", isa.name());
            }
        }
    }

    #[test]
    fn exp_at_the_ends() {
        let ends = [f32::NEG_INFINITY, -1e30, -100.0, 0.0, 1e30, f32::INFINITY, f32::NAN];
        for isa in Isa::all() {
            let got = exp_of(isa, &ends);
            assert_eq!(got[..4], [0.0, 0.0, 0.0, 1.0]);
            assert!(got[4] > 2e38 && got[4].is_finite() && got[5] == got[4]);
            assert!(got[6].is_nan(), "{}", isa.name());
        }
    }

    #[test]
    fn tanh_is_accurate_over_its_range() {
        let mut values: Vec<f32> = (-100_000..=100_000).map(|i| i as f32 * 2e-4).collect();
        values.extend([1e-30, -1e-6, 1e4, -1e30, f32::INFINITY, f32::NEG_INFINITY]);
        let mut got = values.clone();
        tanh_all(Isa::detect(), &mut got);
        for (&x, got) in values.iter().zip(got) {
            let exact = f64::from(x).tanh();
            let error = (f64::from(got) - exact).abs();
            assert!(error <= 4e-7 * exact.abs(), "tanh({x}) = {got}, not {exact}");
        }
        let mut poison = [f32::NAN];
        tanh_all(Isa::detect(), &mut poison);
        assert!(poison[0].is_nan());
    }

    fn exact_silu(x: f32) -> f64 {
        f64::from(x) / (1.0 + (-f64::from(x)).exp())
    }

    #[test]
    fn silu_at_large_and_small_arguments_and_every_length() {
        for length in 0..40usize {
            let x = |i: usize| (i as f32 - 20.0) * 7.3;
            let mut values: Vec<f32> = (0..length).map(x).collect();
            silu_all(Isa::detect(), &mut values);
            for (i, &value) in values.iter().enumerate() {
                let exact = exact_silu(x(i));
                assert!((f64::from(value) - exact).abs() <= 4e-7 * exact.abs() + 1e-30);
            }
        }
    }

    #[test]
    fn gates_are_multiplied_with_what_they_gate() {
        let gates: Vec<f32> = (0..3 * PANEL).map(|i| i as f32 * 0.1 - 4.0).collect();
        let gated: Vec<f32> = (0..3 * PANEL).map(|i| 3.0 - i as f32 * 0.07).collect();
        for isa in Isa::all() {
            let mut out = gates.clone();
            let scales: [f32; PANEL] = std::array::from_fn(|i| 1.0 + i as f32 / 64.0);
            swiglu_all(isa, &mut out, &gated, [&scales, &[0.5; PANEL]]);
            for (i, out) in out.into_iter().enumerate() {
                let gated = f64::from(gated[i]) * 0.5;
                let exact = exact_silu(gates[i] * scales[i % PANEL]) * gated;
                assert!((f64::from(out) - exact).abs() <= 1e-6 * exact.abs());
            }
        }
    }
}
