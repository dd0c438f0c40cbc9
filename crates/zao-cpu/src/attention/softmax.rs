//! The running softmax of 32 queries over keys that come block by block.

use pulp::{Simd, WithSimd};

use crate::isa::Isa;
use crate::kernel::PANEL;
use crate::math::exp;

/// What is known about the keys so far, for each query.
#[derive(Clone, Debug)]
pub(super) struct Softmax {
    /// The largest score.
    pub(super) largest: [f32; PANEL],
    /// The sum of `exp(score - largest)`.
    pub(super) sum: [f32; PANEL],
}

impl Softmax {
    /// No key yet.
    pub(super) const fn new() -> Self {
        Self { largest: [f32::NEG_INFINITY; PANEL], sum: [0.0; PANEL] }
    }

    /// Takes in `scores[key][query]` and replaces each by its weight relative to the largest so far.
    /// Returns by how much the weights of earlier blocks have shrunk meanwhile.
    ///
    /// A query must see at least one key of the first block.
    pub(super) fn advance(&mut self, isa: Isa, scores: &mut [f32]) -> [f32; PANEL] {
        let mut kept = [1.0; PANEL];
        isa.run(Advance { state: self, scores, kept: &mut kept });
        kept
    }

    /// The sums to divide by in the end.
    pub(super) fn sums(&self) -> &[f32; PANEL] {
        &self.sum
    }
}

struct Advance<'a> {
    state: &'a mut Softmax,
    scores: &'a mut [f32],
    kept: &'a mut [f32; PANEL],
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (largest, _) = S::as_mut_simd_f32s(&mut self.state.largest);
        let (sums, _) = S::as_mut_simd_f32s(&mut self.state.sum);
        let (kept, _) = S::as_mut_simd_f32s(self.kept);
        let (scores, _) = S::as_mut_simd_f32s(self.scores);
        let lanes = PANEL / S::F32_LANES;
        for lane in 0..lanes {
            let before = largest[lane];
            let mut now = before;
            for score in scores.iter().skip(lane).step_by(lanes) {
                now = simd.max_f32s(now, *score);
            }
            let mut sum = simd.splat_f32s(0.0);
            for score in scores.iter_mut().skip(lane).step_by(lanes) {
                *score = exp(simd, simd.sub_f32s(*score, now));
                sum = simd.add_f32s(sum, *score);
            }
            kept[lane] = exp(simd, simd.sub_f32s(before, now));
            sums[lane] = simd.mul_add_e_f32s(sums[lane], kept[lane], sum);
            largest[lane] = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_give_what_one_block_gives() {
        Isa::all().into_iter().for_each(check_blocks);
    }

    fn check_blocks(isa: Isa) {
        let scores: Vec<f32> =
            (0..40 * PANEL).map(|i| ((i * i * 7) % 1009) as f32 * 0.05).collect();
        let mut state = Softmax::new();
        let mut weights: Vec<f32> = Vec::new();
        for block in scores.chunks(13 * PANEL) {
            let mut block = block.to_vec();
            let kept = state.advance(isa, &mut block);
            for (i, weight) in weights.iter_mut().enumerate() {
                *weight *= kept[i % PANEL];
            }
            weights.extend(block);
        }
        for query in 0..PANEL {
            let exact = |key: usize| f64::from(scores[key * PANEL + query]).exp();
            let sum: f64 = (0..40).map(exact).sum();
            for key in 0..40 {
                let got = f64::from(weights[key * PANEL + query] / state.sums()[query]);
                assert!((got - exact(key) / sum).abs() < 1e-6, "query {query} key {key}");
            }
        }
    }
}
