//! Blocks of any bits, with factors that give their values a size: what synthetic models and tests multiply. Nothing
//! is quantised here.

use bytes::Bytes;
use half::f16;

use super::{BlockKind, Blocks};

impl Blocks {
    /// A matrix of these blocks with their factors replaced, so that its values are around zero and have about the
    /// root mean square `deviation` where the bits are random; `None` as for [`Blocks::new`].
    #[must_use]
    pub fn spread(
        kind: BlockKind,
        shape: [usize; 2],
        mut bytes: Vec<u8>,
        deviation: f32,
    ) -> Option<Self> {
        let factors = Factors::of(kind);
        let d = f16::from_f32(deviation / factors.deviation);
        let m = f16::from_f32(d.to_f32() * factors.middle);
        for block in bytes.chunks_exact_mut(kind.bytes()) {
            block[factors.d..factors.d + 2].copy_from_slice(&d.to_le_bytes());
            if let Some(at) = factors.m {
                block[at..at + 2].copy_from_slice(&m.to_le_bytes());
            }
        }
        Self::new(kind, shape, Bytes::from(bytes))
    }
}

/// Where a block has its factors, and what it is with the factor 1.
struct Factors {
    d: usize,
    m: Option<usize>,
    /// The minimum that moves values to zero in the mean.
    middle: f32,
    /// The root mean square of its values then.
    deviation: f32,
}

impl Factors {
    const fn of(kind: BlockKind) -> Self {
        let (d, m, middle, deviation) = match kind {
            BlockKind::Q4_0 | BlockKind::Int4 => (0, None, 0.0, 4.64),
            BlockKind::Q5_0 => (0, None, 0.0, 9.25),
            BlockKind::Q8_0 => (0, None, 0.0, 73.9),
            BlockKind::Q4_1 => (0, Some(2), -7.5, 4.61),
            BlockKind::Q5_1 => (0, Some(2), -15.5, 9.23),
            // Their groups have integers of their own as scales, and as minima, which are taken away.
            BlockKind::Q2K => (80, Some(82), 1.5, 13.0),
            BlockKind::Q3K => (108, None, 0.0, 42.4),
            BlockKind::Q4K => (0, Some(2), 7.5, 255.0),
            BlockKind::Q5K => (0, Some(2), 15.5, 520.0),
            BlockKind::Q6K => (208, None, 0.0, 1366.0),
        };
        Self { d, m, middle, deviation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_blocks_of_every_kind_are_as_large_as_asked_and_around_zero() {
        let mut state = 1u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        for kind in BlockKind::GGML.into_iter().chain([BlockKind::Int4]) {
            let bytes = (0..400 * kind.bytes()).map(|_| byte()).collect();
            let blocks = Blocks::spread(kind, [400, kind.values()], bytes, 0.02).unwrap();
            let mut values = vec![0.0; 400 * kind.values()];
            blocks.widen(0, &mut values);
            let count = values.len() as f32;
            let mean = values.iter().sum::<f32>() / count;
            // Integers of four bits reach from -8 to 7, the middle of which is not zero.
            assert!(mean.abs() < 0.003, "{kind}: {mean}");
            let root = (values.iter().map(|value| value * value).sum::<f32>() / count).sqrt();
            assert!((0.018..0.022).contains(&root), "{kind}: {root}");
        }
    }
}
