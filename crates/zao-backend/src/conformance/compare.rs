//! How far a device may be from the definition, and what is said when it is farther.
//!
//! A device computes in `f32`, in an order of its own, and may round the operands of a matrix
//! multiply and any result to the element types of its [`crate::Policy`]. With `u` the relative error
//! of one rounding (`2^-24` for `f32`, `2^-8` for bf16, `1/80` for int8, `1/35`
//! for fp8) the relative error of a whole
//! tensor (Euclidean norms) may be
//!
//! ```text
//! (8 + 2 sqrt(terms)) 2^-24  +  2 u(operands) if they are narrow  +  u(result) if it is narrow
//! ```
//!
//! where `terms` is the length of the longest sum: rounding errors of a sum grow with its root. Each
//! single element may be off by four times that, relative to its own size plus the tensor's root
//! mean square, so that one wrong element among many is found as well. Where operands were quantised
//! in groups, the tensor's root mean square counts as at least that of the suite's inputs.

use crate::Element;

/// How much worse than the tensor's relative error a single element may be.
const PEAK: f64 = 4.0;

/// The allowed error of one result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    /// From arithmetic in `f32`.
    arithmetic: f64,
    /// From rounding to narrower types.
    narrowing: f64,
    /// What values are at least taken to be like, so that sums which cancel, or tensors which are
    /// mostly zeros, are not held to errors relative to what is left.
    typical: f64,
}

impl Bound {
    /// The same values: nothing is computed or narrowed.
    pub(super) const EXACT: Self = Self { arithmetic: 0.0, narrowing: 0.0, typical: 0.0 };

    /// Values that a tensor of `element` was given on the host. What rounds each value by itself was
    /// done there already; what looks at a group of values is the device's.
    pub(super) fn given(element: Element) -> Self {
        match element {
            Element::F32 | Element::Bf16 | Element::U8 => Self::EXACT,
            Element::Int8 | Element::Fp8 => Self::moved(element),
        }
    }

    /// Values that are only moved, into a tensor of `result`.
    pub(super) fn moved(result: Element) -> Self {
        Self { narrowing: narrowing(result), typical: typical(result), ..Self::EXACT }
    }

    /// Sums of `terms` values in `f32`, stored as `result`.
    pub(super) fn sum(terms: usize, result: Element) -> Self {
        let arithmetic = (8.0 + 2.0 * (terms as f64).sqrt()) * f64::from(f32::EPSILON) / 2.0;
        Self { arithmetic, ..Self::moved(result) }
    }

    /// Sums of `terms` products of values narrowed to `operands`, stored as `result`.
    pub(super) fn product(terms: usize, operands: Element, result: Element) -> Self {
        let sum = Self::sum(terms, result);
        Self {
            narrowing: sum.narrowing + 2.0 * narrowing(operands),
            typical: sum.typical.max(typical(operands)),
            ..sum
        }
    }

    /// For one such result after another.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            arithmetic: self.arithmetic + other.arithmetic,
            narrowing: self.narrowing + other.narrowing,
            typical: self.typical.max(other.typical),
        }
    }

    /// For rows of products of several random factors, whose largest value is further from their root mean square than
    /// that of the suite's inputs, so that one scale for it leaves the others coarser.
    pub(super) fn uneven(self) -> Self {
        Self { narrowing: self.narrowing * 1.25, ..self }
    }

    /// For inputs whose cancellation enlarges errors of arithmetic by `factor`.
    pub(super) fn amplified(self, factor: f64) -> Self {
        Self { arithmetic: self.arithmetic * factor, ..self }
    }

    /// For few results of inputs that a device rounds itself, which may cancel by chance: errors are
    /// relative to results of size one at least, as are those that do not.
    pub(super) fn of_few(self) -> Self {
        Self { typical: self.typical.max(1.0), ..self }
    }

    fn relative(self) -> f64 {
        self.arithmetic + self.narrowing
    }
}

/// The relative error of storing an `f32` as `element`.
fn narrowing(element: Element) -> f64 {
    match element {
        Element::F32 | Element::U8 => 0.0,
        Element::Bf16 => 1.0 / 256.0,
        // Of Gaussian values in groups whose largest is rounded to 127, with room for groups
        // that are less even.
        Element::Int8 => 1.0 / 80.0,
        // Three bits of mantissa: a value is off by 1/16 of itself at most. Evenly spread within one binade
        // the root mean square is (1/8) / sqrt(12) / sqrt(7/3), 1/42, with room for values that crowd
        // at its lower end and for the scale.
        Element::Fp8 => 1.0 / 35.0,
    }
}

/// The root mean square of the suite's inputs, and about that of its results, for types that look at
/// groups of values together: their errors follow the group, not the value.
fn typical(element: Element) -> f64 {
    match element {
        Element::F32 | Element::Bf16 | Element::U8 => 0.0,
        Element::Int8 | Element::Fp8 => 1.0,
    }
}

/// Where and how much a result differs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Difference {
    /// Not as many elements as expected.
    #[error("{got} elements, expected {expected}")]
    Length {
        /// Elements that came.
        got: usize,
        /// Elements of the definition.
        expected: usize,
    },
    /// The definition itself gives a value no device can be compared with.
    #[error("the case is unfit: element {index} is {expected} by definition")]
    Unfit {
        /// Which element.
        index: usize,
        /// The value by definition.
        expected: f32,
    },
    /// An element that is too far off.
    #[error(
        "element {index} of {count} is {got}, expected {expected}; \
         off by {off:.3e} where {allowed:.3e} is allowed"
    )]
    Element {
        /// Which element.
        index: usize,
        /// Number of elements.
        count: usize,
        /// The device's value.
        got: f32,
        /// The value by definition.
        expected: f32,
        /// Their distance.
        off: f64,
        /// The largest allowed distance.
        allowed: f64,
    },
    /// All elements are near, but too many are not near enough.
    #[error(
        "relative error {relative:.3e} of the whole where {allowed:.3e} is allowed; the worst \
         element is {index}: {got}, expected {expected}"
    )]
    Tensor {
        /// Norm of the error relative to the norm of the definition.
        relative: f64,
        /// The largest allowed one.
        allowed: f64,
        /// The element with the largest error.
        index: usize,
        /// The device's value of it.
        got: f32,
        /// Its value by definition.
        expected: f32,
    },
}

/// Whether `got` is within `bound` of `expected`.
pub(super) fn compare(got: &[f32], expected: &[f32], bound: Bound) -> Result<(), Difference> {
    if got.len() != expected.len() {
        return Err(Difference::Length { got: got.len(), expected: expected.len() });
    }
    if let Some(index) = expected.iter().position(|e| !e.is_finite()) {
        return Err(Difference::Unfit { index, expected: expected[index] });
    }
    let count = expected.len();
    let relative = bound.relative();
    let norm = expected.iter().map(|&e| f64::from(e).powi(2)).sum::<f64>().sqrt();
    let root = (count.max(1) as f64).sqrt();
    let rms = (norm / root).max(bound.typical);
    let off = |i: usize| (f64::from(got[i]) - f64::from(expected[i])).abs();
    for index in 0..count {
        let allowed = PEAK * relative * (f64::from(expected[index]).abs() + rms);
        let off = off(index);
        if off.is_nan() || off > allowed {
            let (got, expected) = (got[index], expected[index]);
            return Err(Difference::Element { index, count, got, expected, off, allowed });
        }
    }
    let error = (0..count).map(|i| off(i).powi(2)).sum::<f64>().sqrt();
    if error > relative * rms * root {
        let index = (0..count).max_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or_default();
        return Err(Difference::Tensor {
            relative: error / norm,
            allowed: relative,
            index,
            got: got[index],
            expected: expected[index],
        });
    }
    Ok(())
}

/// Whether two results of the same device have the same bits.
pub(super) fn same_bits(got: &[f32], expected: &[f32]) -> Result<(), Difference> {
    if got.len() != expected.len() {
        return Err(Difference::Length { got: got.len(), expected: expected.len() });
    }
    let differs = |i: &usize| got[*i].to_bits() != expected[*i].to_bits();
    (0..got.len()).find(differs).map_or(Ok(()), |index| {
        let (count, got, expected) = (got.len(), got[index], expected[index]);
        let off = (f64::from(got) - f64::from(expected)).abs();
        Err(Difference::Element { index, count, got, expected, off, allowed: 0.0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const F32: Bound = Bound { arithmetic: 1e-6, ..Bound::EXACT };

    #[test]
    fn equal_and_nearly_equal_tensors_pass() {
        assert_eq!(compare(&[1.0, -2.0], &[1.0, -2.0], Bound::EXACT), Ok(()));
        assert_eq!(compare(&[1.000_001, -2.0], &[1.0, -2.0], F32), Ok(()));
        assert_eq!(compare(&[], &[], Bound::EXACT), Ok(()));
    }

    #[test]
    fn nan_infinity_and_missing_elements_fail() {
        for bad in [f32::NAN, f32::INFINITY] {
            let difference = compare(&[1.0, bad], &[1.0, 2.0], F32);
            assert!(matches!(difference, Err(Difference::Element { index: 1, .. })));
        }
        assert!(matches!(compare(&[1.0], &[1.0, 2.0], F32), Err(Difference::Length { .. })));
    }

    #[test]
    fn one_wrong_element_among_many_is_found() {
        let expected = vec![1.0; 100_000];
        let mut got = expected.clone();
        got[77] += 1e-5;
        // The whole is off by 1e-5 / sqrt(1e5) only.
        assert!(matches!(
            compare(&got, &expected, F32),
            Err(Difference::Element { index: 77, .. })
        ));
    }

    #[test]
    fn a_small_error_everywhere_is_found() {
        let expected = vec![1.0; 100];
        let got = vec![1.000_003; 100];
        assert!(matches!(compare(&got, &expected, F32), Err(Difference::Tensor { .. })));
    }

    #[test]
    fn a_definition_that_overflows_is_not_a_case() {
        let unfit = compare(&[f32::INFINITY], &[f32::INFINITY], F32);
        assert!(matches!(unfit, Err(Difference::Unfit { index: 0, .. })));
    }

    #[test]
    fn bounds_grow_with_the_sum_and_with_narrow_types() {
        let bound = |operands, result| Bound::product(100, operands, result).relative();
        assert!(bound(Element::F32, Element::F32) < 2e-6);
        assert!((bound(Element::Bf16, Element::F32) - 2.0 / 256.0).abs() < 1e-5);
        assert!((bound(Element::Bf16, Element::Bf16) - 3.0 / 256.0).abs() < 1e-5);
    }

    #[test]
    fn bits_tell_zeros_apart_and_know_nan() {
        assert_eq!(same_bits(&[f32::NAN, 1.0], &[f32::NAN, 1.0]), Ok(()));
        assert!(same_bits(&[0.0], &[-0.0]).is_err());
    }
}
