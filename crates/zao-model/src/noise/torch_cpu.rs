//! `torch.randn` on a CPU: Mersenne Twister and Box-Muller in the order torch applies them.
//!
//! Below 16 values torch draws them one by one in double precision, two from each pair of uniform
//! numbers. From 16 on it fills the tensor with single-precision uniform numbers and transforms
//! blocks of 16, where value `i` is paired with value `i + 8`; a tail that is no whole block is drawn
//! again as the last 16 values. The second of a pair is kept for the next call with fewer than 16 values,
//! whatever is drawn in between.

use std::f32::consts::PI;

use super::mt19937::Mt19937;

const BLOCK: usize = 16;

/// The generator, and the value it drew and nobody took.
#[derive(Debug)]
pub(super) struct TorchCpu {
    generator: Mt19937,
    spare: Option<f32>,
}

impl TorchCpu {
    pub(super) fn new(seed: u64) -> Self {
        Self { generator: Mt19937::new(seed), spare: None }
    }

    pub(super) fn normal(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK { (0..count).map(|_| self.one()).collect() } else { self.many(count) }
    }

    fn one(&mut self) -> f32 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let u1 = uniform_f64(&mut self.generator);
        let u2 = uniform_f64(&mut self.generator);
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let theta = 2.0 * std::f64::consts::PI * u1;
        self.spare = Some((radius * theta.sin()) as f32);
        (radius * theta.cos()) as f32
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        let generator = &mut self.generator;
        let mut values: Vec<f32> = (0..count).map(|_| uniform_f32(generator)).collect();
        let (blocks, tail) = values.as_chunks_mut::<BLOCK>();
        blocks.iter_mut().for_each(box_muller);
        if !tail.is_empty() {
            let last = values.last_chunk_mut::<BLOCK>().expect("at least one block");
            *last = std::array::from_fn(|_| uniform_f32(generator));
            box_muller(last);
        }
        values
    }
}

/// 24 random bits as a number in [0, 1).
fn uniform_f32(generator: &mut Mt19937) -> f32 {
    (generator.next_u32() & ((1 << 24) - 1)) as f32 * (1.0 / (1 << 24) as f32)
}

/// 53 random bits as a number in [0, 1).
fn uniform_f64(generator: &mut Mt19937) -> f64 {
    (generator.next_u64() & ((1 << 53) - 1)) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The angle is rounded to `f32` as in torch; the rest is computed in `f64` and rounded once, which
/// gives the same numbers whatever mathematical library a machine has.
fn box_muller(block: &mut [f32; BLOCK]) {
    for i in 0..BLOCK / 2 {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let u1 = 1.0 - block[i];
        let u2 = block[i + BLOCK / 2];
        let radius = (-2.0 * f64::from(u1).ln()).sqrt();
        let theta = f64::from(2.0 * PI * u2);
        block[i] = (radius * theta.cos()) as f32;
        block[i + BLOCK / 2] = (radius * theta.sin()) as f32;
    }
}
