//! Scores to weights of 14 bits in one pass: powers of two, rounded and paired as the sum over values
//! reads them. Nothing is written in between, and what the weights are divided by in the end is the sum
//! of the rounded ones.
//!
//! Only for machines with AVX-512; on others there are no integer weights ([`super::operands`]).

use super::softmax::Softmax;
use crate::kernel::PANEL;

/// The largest weight: that of the largest score.
pub(super) const LARGEST_WEIGHT: f32 = 16_383.0;

/// Takes in `scores[key][query]`, exponents of two, and writes the weights relative to the largest score
/// so far as `words[pair of keys][query]`, the second key in the upper half. Returns by how much the
/// weights of earlier blocks have shrunk meanwhile.
pub(super) fn weigh(softmax: &mut Softmax, scores: &[f32], words: &mut [u32]) -> [f32; PANEL] {
    let scores = scores.as_chunks::<PANEL>().0;
    let words = &mut words.as_chunks_mut::<PANEL>().0[..scores.len().div_ceil(2)];
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: integer weights are chosen on machines with AVX-512 only.
        unsafe { avx512::weigh(softmax, scores, words) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (softmax, scores, words);
        unreachable!("integer weights are for AVX-512")
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{LARGEST_WEIGHT, PANEL};
    use crate::attention::softmax::Softmax;

    /// Lanes of a register.
    const LANES: usize = 16;
    /// `2^r` on `|r| <= 1/2`, interpolated at Chebyshev's nodes, lowest power first; off by at most
    /// 3.5e-6, a twentieth of what rounding to 14 bits adds.
    const POWER: [f32; 5] = [1.0, 0.693_121, 0.240_223_5, 0.055_922, 0.009_666_37];

    #[inline(always)]
    fn load(from: &[f32; PANEL], lane: usize) -> __m512 {
        let from = from[lane..lane + LANES].as_ptr();
        // SAFETY: sixteen elements begin there.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    fn store(to: &mut [f32; PANEL], lane: usize, values: __m512) {
        let to = to[lane..lane + LANES].as_mut_ptr();
        // SAFETY: sixteen elements begin there.
        unsafe { _mm512_storeu_ps(to, values) }
    }

    /// `LARGEST_WEIGHT * 2^exponent` for exponents up to 0, those below -100 taken as -100.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn power(exponent: __m512) -> __m512 {
        /// Adding it rounds to an integer and leaves that integer in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let exponent = _mm512_max_ps(exponent, _mm512_set1_ps(-100.0));
        let shifted = _mm512_add_ps(exponent, _mm512_set1_ps(ROUND));
        let rest = _mm512_sub_ps(exponent, _mm512_sub_ps(shifted, _mm512_set1_ps(ROUND)));
        let coefficient = |index: usize| _mm512_set1_ps(POWER[index] * LARGEST_WEIGHT);
        let mut power = coefficient(4);
        for index in (0..4).rev() {
            power = _mm512_fmadd_ps(power, rest, coefficient(index));
        }
        let scale = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
        _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(power), scale))
    }

    /// That rounded.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn weight(exponent: __m512) -> __m512i {
        _mm512_cvtps_epi32(power(exponent))
    }

    /// [`super::weigh`] with a word for every pair of keys.
    #[target_feature(enable = "avx512f")]
    pub(super) fn weigh(
        softmax: &mut Softmax,
        scores: &[[f32; PANEL]],
        words: &mut [[u32; PANEL]],
    ) -> [f32; PANEL] {
        let mut kept = [1.0; PANEL];
        for lane in (0..PANEL).step_by(LANES) {
            let before = load(&softmax.largest, lane);
            // Four chains, because each comparison waits for the one before.
            let mut largest = [before; 4];
            let (quads, rest) = scores.as_chunks::<4>();
            for quad in quads {
                for (largest, score) in largest.iter_mut().zip(quad) {
                    *largest = _mm512_max_ps(*largest, load(score, lane));
                }
            }
            for score in rest {
                largest[0] = _mm512_max_ps(largest[0], load(score, lane));
            }
            let [a, b, c, d] = largest;
            let now = _mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d));
            let mut sum = _mm512_setzero_si512();
            let (pairs, odd) = scores.as_chunks::<2>();
            let mut put = |index: usize, even: __m512i, odd: __m512i| {
                let to = words[index][lane..lane + LANES].as_mut_ptr();
                let pair = _mm512_or_si512(even, _mm512_slli_epi32::<16>(odd));
                // SAFETY: sixteen elements begin there.
                unsafe { _mm512_storeu_si512(to.cast(), pair) };
            };
            for (index, [even, odd]) in pairs.iter().enumerate() {
                let even = weight(_mm512_sub_ps(load(even, lane), now));
                let odd = weight(_mm512_sub_ps(load(odd, lane), now));
                sum = _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
                put(index, even, odd);
            }
            if let Some(last) = odd.first() {
                let last = weight(_mm512_sub_ps(load(last, lane), now));
                sum = _mm512_add_epi32(sum, last);
                put(pairs.len(), last, _mm512_setzero_si512());
            }
            // Divided, so that of what has not shrunk exactly 1 is kept.
            let one = _mm512_set1_ps(LARGEST_WEIGHT);
            let sum = _mm512_div_ps(_mm512_cvtepi32_ps(sum), one);
            store(&mut softmax.largest, lane, now);
            store(&mut kept, lane, _mm512_div_ps(power(_mm512_sub_ps(before, now)), one));
            let earlier = _mm512_mul_ps(load(&softmax.sum, lane), load(&kept, lane));
            store(&mut softmax.sum, lane, _mm512_add_ps(earlier, sum));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::operands::Format;
    use crate::isa::Isa;

    #[test]
    fn weights_are_powers_of_two_and_sum_up() {
        if !Isa::all().into_iter().any(Format::has_integers) {
            return;
        }
        let count = 37;
        let scores: Vec<f32> =
            (0..count * PANEL).map(|i| ((i * i * 7) % 1009) as f32 * 0.02 - 8.0).collect();
        let mut softmax = Softmax::new();
        let (first, second) = scores.split_at(16 * PANEL);
        let mut weights = vec![0.0; count * PANEL];
        for (block, from) in [(first, 0), (second, 16)] {
            let mut words = vec![0; block.len()];
            let kept = weigh(&mut softmax, block, &mut words);
            for (index, weight) in weights[..from * PANEL].iter_mut().enumerate() {
                *weight *= kept[index % PANEL];
            }
            for index in 0..block.len() {
                let (key, query) = (index / PANEL, index % PANEL);
                let word = words[key / 2 * PANEL + query] >> (16 * (key % 2)) & 0xffff;
                weights[from * PANEL + index] = word as f32 / LARGEST_WEIGHT;
            }
        }
        for query in 0..PANEL {
            let of_query = |values: &[f32]| -> Vec<f32> {
                values.iter().skip(query).step_by(PANEL).copied().collect()
            };
            let (scores, weights) = (of_query(&scores), of_query(&weights));
            let largest = scores.iter().copied().fold(f32::MIN, f32::max);
            for (score, weight) in scores.iter().zip(&weights) {
                let exact = (score - largest).exp2();
                assert!((weight - exact).abs() < 1.0 / LARGEST_WEIGHT, "{weight}, not {exact}");
            }
            let sum: f32 = weights.iter().sum();
            assert!((softmax.sum[query] - sum).abs() < 1e-5 * sum);
        }
    }

    #[test]
    fn what_has_not_shrunk_is_kept_whole() {
        if !Isa::all().into_iter().any(Format::has_integers) {
            return;
        }
        let (mut softmax, mut words) = (Softmax::new(), vec![0; PANEL]);
        weigh(&mut softmax, &[3.5; PANEL], &mut words);
        assert_eq!(weigh(&mut softmax, &[-400.0; PANEL], &mut words), [1.0; PANEL]);
        assert_eq!((words[0], softmax.sum[0]), (0, 1.0));
    }
}
