//! The norm of query and key heads and their rotation by position.

use zao_backend::Result;
use zao_backend::op::{Pairing, QkNormRope};

use crate::device::Cpu;
use crate::isa::{Isa, sum};
use crate::view::Rows;

/// Normalises and rotates the queries and keys of every row in place.
pub(crate) fn qk_norm_rope(cpu: &Cpu, op: QkNormRope<'_, Cpu>) -> Result<()> {
    let (isa, dim) = (cpu.isa, op.heads.dim);
    let rope = Rows::of(op.rope);
    let norms =
        op.norms.map(|(query, key)| (Rows::of(query).to_vec(isa), Rows::of(key).to_vec(isa)));
    let norms = norms.as_ref().map(|(query, key)| (query.as_slice(), key.as_slice())).unzip();
    let (queries, keys) = (op.heads.query * dim, op.heads.kv * dim);
    cpu.for_each_band(op.qkv, queries + keys + dim, |mut band, scratch| {
        let (values, angles) = scratch.split_at_mut(queries + keys);
        let (queries, keys) = values.split_at_mut(queries);
        for row in band.rows.clone() {
            rope.load(isa, row, angles);
            let mut row = band.row(row);
            let turn = |weight| Turn { weight, eps: op.eps, angles, pairing: op.pairing };
            let mut at = 0;
            for (heads, weight) in [(&mut *queries, norms.0), (&mut *keys, norms.1)] {
                let mut stored = row.part(at..at + heads.len());
                stored.load(isa, heads);
                turn(weight).apply(isa, heads);
                stored.store(isa, heads);
                at += heads.len();
            }
        }
    })
}

/// What is done to the heads of one row.
struct Turn<'a> {
    /// The weight of their norm, if they have one.
    weight: Option<&'a [f32]>,
    eps: f32,
    /// Cosines of the pairs, then their sines.
    angles: &'a [f32],
    pairing: Pairing,
}

impl Turn<'_> {
    /// Normalises and rotates some heads.
    fn apply(&self, isa: Isa, heads: &mut [f32]) {
        isa.run(
            #[inline(always)]
            || {
                for head in heads.chunks_exact_mut(self.angles.len().max(1)) {
                    if let Some(weight) = self.weight {
                        normalise(head, weight, self.eps);
                    }
                    match self.pairing {
                        Pairing::Interleaved => rotate_neighbours(head, self.angles),
                        Pairing::Halves => rotate_halves(head, self.angles),
                    }
                }
            },
        );
    }
}

/// RMSNorm of one head.
#[inline(always)]
fn normalise(head: &mut [f32], weight: &[f32], eps: f32) {
    let mean = sum(head, |x| x * x) / head.len() as f32;
    let scale = 1.0 / (mean + eps).sqrt();
    for (value, weight) in head.iter_mut().zip(weight) {
        *value = *value * scale * weight;
    }
}

/// Rotates the pairs `(head[i], head[i + dim / 2])`.
#[inline(always)]
fn rotate_halves(head: &mut [f32], angles: &[f32]) {
    let half = head.len() / 2;
    let (left, right) = head.split_at_mut(half);
    let (cosines, sines) = angles.split_at(half);
    for ((x, y), (cos, sin)) in left.iter_mut().zip(right).zip(cosines.iter().zip(sines)) {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
}

/// Rotates the pairs `(head[2 i], head[2 i + 1])`.
#[inline(always)]
fn rotate_neighbours(head: &mut [f32], angles: &[f32]) {
    let pairs = head.as_chunks_mut::<2>().0;
    let (cosines, sines) = angles.split_at(pairs.len());
    for ([x, y], (cos, sin)) in pairs.iter_mut().zip(cosines.iter().zip(sines)) {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
}
