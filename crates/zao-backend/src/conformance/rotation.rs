//! Cases of the norm and rotation of queries and keys.

use super::bench::{Bench, Scenario, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{AttentionOps, Heads, Pairing};
use crate::{Backend, Policy, Result};

/// Queries and keys normalised and rotated.
#[derive(Clone, Debug)]
struct Rotate {
    tokens: usize,
    heads: Heads,
    pairing: Pairing,
    norms: bool,
}

impl Rotate {
    fn qkv(&self) -> Vec<f32> {
        random::values(1, self.tokens * self.heads.qkv_width())
    }

    /// Cosines and sines of a random angle for each token and pair.
    fn rope(&self) -> Vec<f32> {
        let pairs = self.heads.dim / 2;
        let angles = random::scaled(2, self.tokens * pairs, 100.0);
        let row = |angles: &[f32]| {
            let cosines = angles.iter().map(|a| a.cos());
            cosines.chain(angles.iter().map(|a| a.sin())).collect::<Vec<_>>()
        };
        angles.chunks(pairs).flat_map(row).collect()
    }
}

impl Scenario for Rotate {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let Self { heads, .. } = *self;
        let mut qkv = bench.activation(self.tokens, &self.qkv())?;
        let rope = bench.table(self.tokens, &self.rope())?;
        let query = bench.vector(&random::values(3, heads.dim))?;
        let key = bench.vector(&random::values(4, heads.dim))?;
        let norms = self.norms.then_some((&query, &key));
        bench.backend.qk_norm_rope(&mut qkv, heads, norms, 1e-5, (&rope, self.pairing))?;
        bench.backend.read(&qkv)
    }

    fn bound(&self, policy: Policy) -> Bound {
        Bound::sum(self.heads.dim, policy.activation)
    }
}

/// Both pairings, with and without norms, for every head width and sharing of key heads.
fn rotations() -> impl Iterator<Item = Rotate> {
    let heads = [(2, 2, 16), (4, 2, 32), (3, 1, 64), (4, 2, 128), (1, 1, 512), (3, 3, 6)];
    heads.into_iter().flat_map(|(query, kv, dim)| {
        [Pairing::Interleaved, Pairing::Halves].into_iter().flat_map(move |pairing| {
            [(1, true), (33, true), (33, false)].map(|(tokens, norms)| Rotate {
                tokens,
                heads: Heads { query, kv, dim },
                pairing,
                norms,
            })
        })
    })
}

/// Both pairings, with and without norms, for every head width and sharing of key heads.
pub fn qk_norm_rope_heads<B: Backend>(backend: &B) -> Outcome {
    agree_all(backend, rotations())
}

/// Values stay as they are, bit for bit.
pub fn qk_norm_rope_leaves_values<B: Backend>(backend: &B) -> Outcome {
    for rotate in rotations() {
        let bench = Bench::start(backend)?;
        let before = backend.read(&bench.activation(rotate.tokens, &rotate.qkv())?)?;
        let after = rotate.run(&bench)?;
        let values = |qkv: &[f32]| -> Vec<f32> {
            let heads = rotate.heads;
            let first = (heads.query + heads.kv) * heads.dim;
            qkv.chunks(heads.qkv_width()).flat_map(|row| row[first..].to_vec()).collect()
        };
        same_bits(&values(&after), &values(&before))
            .map_err(|d| Failure::differs(format!("values after {rotate:?}"), d))?;
    }
    Ok(())
}
