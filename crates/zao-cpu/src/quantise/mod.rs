//! 8-bit integers with a scale for each group of values, after a rotation that spreads outliers.
//!
//! A value a thousand times larger than its neighbours would leave them no bits. A Hadamard transform
//! of the group first makes all values of about the same size (after a fixed pattern of signs, or it
//! would collect the mean of a group in one value), and since it is orthogonal, the product of two
//! vectors that were both rotated is the product of the vectors. So weights are
//! rotated along their inputs when they are loaded, activations when they are rounded, and nobody
//! else needs to know. Groups are [`Element::GROUP`] columns; what is left at the end of a row is
//! rotated in powers of two.

#![cfg_attr(
    target_arch = "x86_64",
    allow(
        unsafe_code,
        reason = "functions compiled for an instruction set are called if it is there"
    )
)]

#[cfg(target_arch = "x86_64")]
mod avx512;

use zao_backend::Element;

#[cfg(target_arch = "x86_64")]
use crate::isa::Instructions;
use crate::isa::Isa;

/// Values that share a scale.
pub(crate) const GROUP: usize = Element::GROUP;

/// The largest integer; -128 is left out so that negation is exact.
const LARGEST: f32 = 127.0;

/// Below this all of a group is zero: its reciprocal would be infinite.
const SMALLEST: f32 = 1e-30;

/// Adding it rounds to an integer, ties to even, and leaves that integer in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Side of the square that a whole group is seen as.
const SIDE: usize = 16;

/// Signs without a pattern, the bits of a linear congruential generator.
static SIGNS: [f32; GROUP] = {
    let (mut signs, mut state, mut i) = ([1.0; GROUP], 1u32, 0);
    while i < GROUP {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 1 {
            signs[i] = -1.0;
        }
        i += 1;
    }
    signs
};

/// Rotates every group of `values`.
#[inline(always)]
pub(crate) fn rotate(values: &mut [f32]) {
    let (groups, rest) = values.as_chunks_mut::<GROUP>();
    for group in groups {
        flip(group);
        transform_group(group);
    }
    flip(rest);
    transform_powers_of_two(rest);
}

/// Undoes [`rotate`].
#[inline(always)]
pub(crate) fn rotate_back(values: &mut [f32]) {
    let (groups, rest) = values.as_chunks_mut::<GROUP>();
    for group in groups {
        transform_group(group);
        flip(group);
    }
    transform_powers_of_two(rest);
    flip(rest);
}

#[inline(always)]
fn flip(values: &mut [f32]) {
    for (value, sign) in values.iter_mut().zip(&SIGNS) {
        *value *= sign;
    }
}

/// The scale that makes the largest of `values` the largest integer. It is not a number, or infinite,
/// when one of them is, so that what becomes of them is not hidden.
#[inline(always)]
pub(crate) fn scale(values: &[f32]) -> f32 {
    let largest = values.iter().map(|v| v.to_bits() & 0x7fff_ffff).fold(0, u32::max);
    let largest = f32::from_bits(largest);
    if largest < SMALLEST { 0.0 } else { largest / LARGEST }
}

/// Integers of `values`, which have this scale.
#[inline(always)]
pub(crate) fn round(values: &[f32], scale: f32, out: &mut [i8]) {
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    for (out, value) in out.iter_mut().zip(values) {
        *out = (value * inverse + ROUND).to_bits() as i8;
    }
}

/// What a group of integers is multiplied with, and their sum, which products with unsigned weights
/// need.
pub(crate) type Scale = [f32; 2];

/// Rotates and rounds a row: an integer for each of `values` and a scale for each group.
pub(crate) fn quantise(isa: Isa, values: &[f32], out: &mut [i8], scales: &mut [Scale]) {
    let groups = values.chunks(GROUP).zip(out.chunks_mut(GROUP));
    for ((values, out), scale) in groups.zip(scales) {
        *scale = quantise_one(isa, values, out);
    }
}

/// [`quantise`] for values of which all share one scale, a group at most.
pub(crate) fn quantise_one(isa: Isa, values: &[f32], out: &mut [i8]) -> Scale {
    #[cfg(target_arch = "x86_64")]
    if let Instructions::Avx512Bf16 | Instructions::Avx512 = isa.instructions() {
        // SAFETY: the machine has the instructions.
        if let Some(scale) = unsafe { avx512::quantise(values, out) } {
            return scale;
        }
    }
    quantise_plainly(isa, values, out)
}

/// [`quantise_one`] in loops that compilers make vectors of.
fn quantise_plainly(isa: Isa, values: &[f32], out: &mut [i8]) -> Scale {
    isa.run(
        #[inline(always)]
        || {
            let mut rotated = [0.0; GROUP];
            let rotated = &mut rotated[..values.len()];
            rotated.copy_from_slice(values);
            rotate(rotated);
            let scale = scale(rotated);
            round(rotated, scale, out);
            let sum: i32 = out.iter().map(|&integer| i32::from(integer)).sum();
            // At most 512 * 127, which an f32 holds exactly.
            [scale, sum as f32]
        },
    )
}

/// The values of a quantised row.
pub(crate) fn dequantise(isa: Isa, integers: &[i8], scales: &[Scale], out: &mut [f32]) {
    isa.run(
        #[inline(always)]
        || {
            let groups = integers.chunks(GROUP).zip(out.chunks_mut(GROUP));
            for ((integers, out), [scale, _]) in groups.zip(scales) {
                for (out, &integer) in out.iter_mut().zip(integers) {
                    *out = f32::from(integer) * scale;
                }
                rotate_back(out);
            }
        },
    );
}

/// The transform of a whole group.
#[inline(always)]
fn transform_group(group: &mut [f32; GROUP]) {
    transform_rows(group.as_chunks_mut::<SIDE>().0);
}

/// The transform of a power of two of rows: along their columns, then along each.
#[inline(always)]
fn transform_rows(rows: &mut [[f32; SIDE]]) {
    let count = rows.len();
    let factor = 1.0 / ((count * SIDE) as f32).sqrt();
    for step in (0..count.ilog2()).map(|bit| 1 << bit) {
        for first in (0..count).filter(|first| first & step == 0) {
            let (a, b) = (rows[first], rows[first + step]);
            rows[first] = std::array::from_fn(|lane| a[lane] + b[lane]);
            rows[first + step] = std::array::from_fn(|lane| a[lane] - b[lane]);
        }
    }
    for row in rows {
        neighbours::<1>(row);
        neighbours::<2>(row);
        neighbours::<4>(row);
        neighbours::<8>(row);
        row.iter_mut().for_each(|value| *value *= factor);
    }
}

/// Sums and differences of the values `STEP` apart.
#[inline(always)]
fn neighbours<const STEP: usize>(row: &mut [f32; SIDE]) {
    let x = *row;
    *row = std::array::from_fn(
        |i| {
            if i & STEP == 0 { x[i] + x[i ^ STEP] } else { x[i ^ STEP] - x[i] }
        },
    );
}

/// The transform of the largest power of two of `values`, then of what is left.
#[inline(always)]
fn transform_powers_of_two(mut values: &mut [f32]) {
    while let Some(power) = values.len().checked_ilog2() {
        let (block, rest) = values.split_at_mut(1 << power);
        values = rest;
        if block.len() >= SIDE {
            transform_rows(block.as_chunks_mut::<SIDE>().0);
            continue;
        }
        for step in (0..power).map(|bit| 1 << bit) {
            for first in (0..block.len()).filter(|first| first & step == 0) {
                let (a, b) = (block[first], block[first + step]);
                (block[first], block[first + step]) = (a + b, a - b);
            }
        }
        let factor = 1.0 / (block.len() as f32).sqrt();
        block.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(count: usize) -> Vec<f32> {
        let mut x = 1u32;
        let mut uniform = || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| (0..12).map(|_| uniform()).sum()).collect()
    }

    fn error(values: &[f32], isa: Isa) -> f64 {
        let mut integers = vec![0; values.len()];
        let mut scales = vec![[0.0; 2]; values.len().div_ceil(GROUP)];
        quantise(isa, values, &mut integers, &mut scales);
        let mut back = vec![0.0; values.len()];
        dequantise(isa, &integers, &scales, &mut back);
        let norm = |values: &mut dyn Iterator<Item = f32>| -> f64 {
            values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
        };
        let difference = norm(&mut values.iter().zip(&back).map(|(a, b)| a - b));
        difference / norm(&mut values.iter().copied()).max(1e-30)
    }

    #[test]
    fn rotating_keeps_lengths_and_can_be_undone() {
        for count in [1, 2, 7, 255, 256, 341, 3840] {
            let values = gaussian(count);
            let mut rotated = values.clone();
            rotate(&mut rotated);
            let square = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>();
            assert!((square(&rotated) / square(&values) - 1.0).abs() < 1e-5, "{count}");
            rotate_back(&mut rotated);
            assert!(rotated.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-5), "{count}");
        }
    }

    #[test]
    fn values_come_back_within_a_hundredth() {
        for isa in Isa::all() {
            for count in [1, 3, 256, 341, 3840] {
                assert!(error(&gaussian(count), isa) < 0.01, "{count}");
            }
        }
    }

    #[test]
    fn one_outlier_does_not_silence_its_group() {
        let mut values = gaussian(GROUP);
        values[77] = 1000.0;
        let (mut integers, mut scales) = ([0; GROUP], [[0.0; 2]]);
        quantise(Isa::detect(), &values, &mut integers, &mut scales);
        let mut back = [0.0; GROUP];
        dequantise(Isa::detect(), &integers, &scales, &mut back);
        let others = |i: &usize| *i != 77;
        let norm: f32 = (0..GROUP).filter(others).map(|i| values[i].powi(2)).sum();
        let off: f32 = (0..GROUP).filter(others).map(|i| (values[i] - back[i]).powi(2)).sum();
        assert!((off / norm).sqrt() < 0.2, "{}", (off / norm).sqrt());
    }

    #[test]
    fn registers_and_loops_agree_to_the_bit() {
        let isa = Isa::detect();
        for count in [64, 100, 128, 256, 512] {
            let mut values = gaussian(count);
            values[7] = -300.0;
            let (mut one, mut other) = (vec![0; count], vec![0; count]);
            let scales =
                [quantise_one(isa, &values, &mut one), quantise_plainly(isa, &values, &mut other)];
            assert_eq!((scales[0], one), (scales[1], other), "{count}");
        }
    }

    #[test]
    fn a_mean_does_not_silence_what_differs_from_it() {
        let values: Vec<f32> = gaussian(3840).iter().map(|v| v + 10.0).collect();
        assert!(error(&values, Isa::detect()) < 0.01);
    }

    #[test]
    fn zeros_stay_and_what_is_not_finite_is_not_hidden() {
        let isa = Isa::detect();
        assert_eq!(error(&[0.0; 300], isa), 0.0);
        let (mut integers, mut scales) = ([1; 3], [[1.0; 2]]);
        quantise(isa, &[1e-38; 3], &mut integers, &mut scales);
        assert_eq!((integers, scales), ([0; 3], [[0.0; 2]]));
        for bad in [f32::NAN, f32::INFINITY] {
            let count = GROUP + 44;
            let mut values = gaussian(count);
            values[count - 1] = bad;
            let (mut integers, mut scales) = (vec![0; count], vec![[0.0; 2]; 2]);
            quantise(isa, &values, &mut integers, &mut scales);
            let mut back = vec![0.0; count];
            dequantise(isa, &integers, &scales, &mut back);
            assert!(back[..GROUP].iter().all(|v| v.is_finite()));
            assert!(back[GROUP..].iter().all(|v| v.is_nan()));
        }
    }
}
