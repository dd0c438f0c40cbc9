//! Values to blocks of [`BlockKind::Int4`]: which scale a block gets. Other kinds are only read.

use half::f16;

use super::{BlockKind, Blocks};

/// Values of a block.
const VALUES: usize = BlockKind::Int4.values();

/// Bytes of a block.
const BYTES: usize = BlockKind::Int4.bytes();

/// Adding it rounds to an integer, ties to even.
const ROUND: f32 = 12_582_912.0;

/// Sums at a time, which a compiler keeps in registers.
const LANES: usize = 16;

/// What the largest magnitude of a block is tried as, in steps of its scale. At 7 nothing is cut on either side, at 8
/// nothing on the side of the negative integers; below, the largest values are cut so that all others are nearer.
const STEPS: [f32; 24] = [
    5.0, 5.2, 5.4, 5.6, 5.8, 6.0, 6.15, 6.3, 6.45, 6.6, 6.75, 6.9, 7.0, 7.15, 7.3, 7.45, 7.6, 7.75,
    7.9, 8.0, 8.15, 8.3, 8.5, 8.7,
];

/// Largest and smallest integer.
const RANGE: (f32, f32) = (-8.0, 7.0);

impl Blocks {
    /// Rounds `values` to blocks of [`BlockKind::Int4`], written to `out`. Each block has the scale, of the many that
    /// are tried, with the least squared error: of either sign, since there is one more negative integer, and
    /// fitted to the integers that it gives. The same values give the same bytes on every machine.
    ///
    /// # Panics
    /// When `values` is not whole blocks, or `out` has not the bytes of as many.
    pub fn round_to_int4(values: &[f32], out: &mut [u8]) {
        let ((blocks, rest), (bytes, more)) = (values.as_chunks(), out.as_chunks_mut());
        assert!(rest.is_empty() && more.is_empty(), "whole blocks are rounded");
        assert_eq!(blocks.len(), bytes.len(), "each block has its place");
        for (values, out) in blocks.iter().zip(bytes) {
            block(values, out);
        }
    }
}

fn block(values: &[f32; VALUES], out: &mut [u8; BYTES]) {
    let scale = scale(values);
    let inverse = if scale == f16::ZERO { 0.0 } else { scale.to_f32().recip() };
    let integer = |value: f32| (rounded(value * inverse) + 8.0) as u8;
    out[..2].copy_from_slice(&scale.to_le_bytes());
    let (low, high) = values.split_at(VALUES / 2);
    for ((out, &low), &high) in out[2..].iter_mut().zip(low).zip(high) {
        *out = integer(low) | integer(high) << 4;
    }
}

/// The best scale that was found; zero for values that are all zero, or as good as that.
fn scale(values: &[f32; VALUES]) -> f16 {
    let largest = values.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    let mut best = (0.0, 0.0);
    for steps in STEPS {
        for inverse in [steps / largest, -steps / largest] {
            let (with_values, with_themselves) = products(values, inverse);
            // With the integers q and the scale that suits them best, what is left of the square of the values x is
            // x x - (x q)^2 / (q q).
            let gained = with_values * with_values / with_themselves;
            // Nothing is gained where the reciprocal is no number.
            if gained > best.0 {
                best = (gained, with_values / with_themselves);
            }
        }
    }
    let limit = f16::MAX.to_f32();
    f16::from_f32(best.1.clamp(-limit, limit))
}

/// Products of the integers that `values` become with the values, and with themselves.
fn products(values: &[f32; VALUES], inverse: f32) -> (f32, f32) {
    let (mut with_values, mut with_themselves) = ([0.0; LANES], [0.0; LANES]);
    for values in values.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            let q = rounded(values[lane] * inverse);
            with_values[lane] += values[lane] * q;
            with_themselves[lane] += q * q;
        }
    }
    (with_values.iter().sum(), with_themselves.iter().sum())
}

/// The nearest integer in range.
fn rounded(value: f32) -> f32 {
    // Comparisons that are one instruction for many lanes, which `clamp` is not for the sake of NaN.
    let value = if value > RANGE.0 { value } else { RANGE.0 };
    let value = if value < RANGE.1 { value } else { RANGE.1 };
    value + ROUND - ROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of about a normal distribution, the same each time.
    fn normal(count: usize, mut state: u32) -> Vec<f32> {
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>()).collect()
    }

    fn round_trip(values: &[f32]) -> Vec<f32> {
        let mut bytes = vec![0; values.len() / VALUES * BYTES];
        Blocks::round_to_int4(values, &mut bytes);
        let blocks = Blocks::new(BlockKind::Int4, [1, values.len()], bytes.into()).unwrap();
        let mut out = vec![0.0; values.len()];
        blocks.widen(0, &mut out);
        out
    }

    /// Sum of the squares of the differences.
    fn lost(values: &[f32], scale: f32) -> f64 {
        let of = |v: &f32| {
            f64::from(v - (v / scale).round_ties_even().clamp(RANGE.0, RANGE.1) * scale).powi(2)
        };
        values.iter().map(of).sum()
    }

    #[test]
    fn what_fits_the_integers_is_kept_exactly_whichever_end_is_the_longer() {
        for sign in [1.0, -1.0] {
            let values: Vec<f32> = (0..64).map(|i| sign * 0.25 * ((i % 16) as f32 - 8.0)).collect();
            assert_eq!(round_trip(&values), values);
        }
    }

    #[test]
    fn a_much_finer_search_gains_little() {
        let (mut found, mut least, mut plain) = (0.0, 0.0, 0.0);
        for values in normal(64 * 100, 3).as_chunks::<VALUES>().0 {
            let largest = values.iter().fold(0.0, |a: f32, v| a.max(v.abs()));
            let best = |scales: &mut dyn Iterator<Item = f32>| {
                scales.map(|scale| lost(values, scale)).fold(f64::MAX, f64::min)
            };
            let usual = [7.0, 8.0, -8.0].map(|steps| largest / steps);
            found += lost(values, scale(values).to_f32());
            plain += best(&mut usual.into_iter());
            let fine = (500..900).flat_map(|i| [100.0, -100.0].map(|s| s * largest / i as f32));
            least += best(&mut { fine });
        }
        assert!(found < 1.01 * least && found < 0.95 * plain, "{found} {least} {plain}");
    }

    #[test]
    fn a_normal_distribution_loses_a_tenth() {
        let values = normal(64 * 500, 7);
        let square = |values: &mut dyn Iterator<Item = f32>| -> f64 {
            values.map(|v| f64::from(v).powi(2)).sum()
        };
        let differences = round_trip(&values).into_iter().zip(&values).map(|(r, v)| r - v);
        let error = square(&mut { differences }) / square(&mut values.iter().copied());
        let error = error.sqrt();
        assert!((0.08..0.1).contains(&error), "{error}");
    }

    #[test]
    fn the_bytes_of_a_matrix_are_what_they_were_on_every_machine() {
        // Values that are exact everywhere.
        let values: Vec<f32> = (0..64 * 33).map(|i| (i * i % 1009) as f32 - 504.0).collect();
        let mut bytes = vec![0; 33 * BYTES];
        Blocks::round_to_int4(&values, &mut bytes);
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash);
        assert_eq!(hash, 0xc52d_a768_2675_af2e, "{hash:#x}");
    }

    #[test]
    fn blocks_that_cannot_have_a_scale_of_their_own_are_near() {
        assert_eq!(round_trip(&[0.0; 64]), [0.0; 64]);
        // Below the smallest f16.
        assert_eq!(round_trip(&[1e-30; 64]), [0.0; 64]);
        // Their reciprocal is infinite.
        assert_eq!(round_trip(&[1e-40; 64]), [0.0; 64]);
        let large = round_trip(&[1e30; 64]);
        assert!(large.iter().all(|v| v.is_finite()), "{large:?}");
        let mut one = [0.0; 64];
        one[13] = 3.0;
        assert!(round_trip(&one).iter().zip(&one).all(|(r, v)| (r - v).abs() < 2e-3));
    }
}
