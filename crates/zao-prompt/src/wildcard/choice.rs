//! The numbers that patterns are expanded with: a generator of our own, so that no other program's new version changes anybody's
//! words. They are fair enough to pick words by, and no secret.

/// SplitMix64, begun at a mix of seed and index.
pub(super) struct Choice {
    state: u64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Choice {
    pub(super) fn new(seed: u64, index: u64) -> Self {
        // Neighbouring seeds and neighbouring indices begin far apart.
        Self {
            state: mixed(seed.wrapping_add(STEP)) ^ mixed(index.wrapping_mul(STEP).wrapping_add(1)),
        }
    }

    /// A number below `bound`, which is not 0. The bias of the multiplication is below `bound` in 2^64.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let product = u128::from(mixed(self.state)) * u128::from(bound);
        (product >> 64) as u64
    }

    /// A number from `from` to `to`.
    pub(super) fn between(&mut self, from: usize, to: usize) -> usize {
        if from == to {
            return from;
        }
        from + self.below((to - from) as u64 + 1) as usize
    }

    /// `count` different places among `weights`, each as likely as it weighs among those that are left, in the order of the draw.
    pub(super) fn some(
        &mut self,
        count: usize,
        weights: impl Iterator<Item = u64> + Clone,
    ) -> Vec<usize> {
        // By far the most patterns choose one, some of them of ten thousand, and for that nothing has to be kept.
        if count == 1 {
            let total: u64 = weights.clone().sum();
            return if total > 0 { one(self.below(total), weights) } else { Vec::new() };
        }
        let mut left: Vec<(usize, u64)> =
            weights.enumerate().filter(|(_, weight)| *weight > 0).collect();
        let mut total: u64 = left.iter().map(|(_, weight)| weight).sum();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && total > 0 {
            let mut at = self.below(total);
            let found = left.iter().position(|(_, weight)| {
                let here = at < *weight;
                at = at.saturating_sub(*weight);
                here
            });
            let Some(found) = found else { break };
            let (place, weight) = left.remove(found);
            total -= weight;
            chosen.push(place);
        }
        chosen
    }
}

/// The place whose share of the sum of `weights` holds `at`.
fn one(mut at: u64, weights: impl Iterator<Item = u64>) -> Vec<usize> {
    for (place, weight) in weights.enumerate() {
        if at < weight {
            return vec![place];
        }
        at -= weight;
    }
    Vec::new()
}

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
