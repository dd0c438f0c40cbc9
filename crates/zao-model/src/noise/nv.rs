//! `torch.randn` on an NVIDIA GPU: Philox 4x32-10 and Box-Muller, one counter an element.
//!
//! Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. torch gives thread
//! `i` the subsequence `i` and, while every element has a thread of its own, keeps the first of the
//! four values. That holds up to a few hundred thousand elements, which depends on the card; zao
//! keeps to it for any number so that a seed means the same everywhere. Each call moves every thread on by
//! four values, which is one step of its counter.

/// The generator.
#[derive(Debug)]
pub(super) struct Nv {
    seed: u64,
    calls: u64,
}

impl Nv {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, calls: 0 }
    }

    pub(super) fn normal(&mut self, count: usize) -> Vec<f32> {
        let value = |i| box_muller(philox(self.seed, self.calls, i));
        let values = (0..count as u64).map(value).collect();
        self.calls += 1;
        values
    }
}

/// The first two of the four random words at step `step` of subsequence `index`.
fn philox(seed: u64, step: u64, index: u64) -> [u32; 2] {
    let mut key = [seed as u32, (seed >> 32) as u32];
    let mut c = [step as u32, (step >> 32) as u32, index as u32, (index >> 32) as u32];
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9e37_79b9);
            key[1] = key[1].wrapping_add(0xbb67_ae85);
        }
        let a = u64::from(c[0]) * 0xd251_1f53;
        let b = u64::from(c[2]) * 0xcd9e_8d57;
        c = [
            (b >> 32) as u32 ^ c[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ c[3] ^ key[1],
            a as u32,
        ];
    }
    [c[0], c[1]]
}

fn box_muller([x, y]: [u32; 2]) -> f32 {
    const TO_UNIT: f32 = 1.0 / 4_294_967_296.0;
    const TO_CIRCLE: f32 = std::f32::consts::TAU / 4_294_967_296.0;
    let u = x as f32 * TO_UNIT + TO_UNIT / 2.0;
    let v = y as f32 * TO_CIRCLE + TO_CIRCLE / 2.0;
    // In f64 and rounded once, so that no machine's mathematical library shows.
    ((-2.0 * f64::from(u).ln()).sqrt() * f64::from(v).sin()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_matches_the_published_vector() {
        // Random123's known answer for a zero counter and a zero key.
        assert_eq!(philox(0, 0, 0), [0x6627_e8d5, 0xe169_c58d]);
    }
}
