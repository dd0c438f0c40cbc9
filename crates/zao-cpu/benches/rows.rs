//! What works row by row, in every precision: norms (which quantise), rotation by position, SwiGLU's
//! activation within its product. Criterion reports values as elements.

#![allow(missing_docs, reason = "Criterion's macros make functions without any")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod harness;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zao_backend::Role;
use zao_backend::prelude::*;

use harness::{tensor, variants, weight};

const TOKENS: usize = 288;
const WIDTH: usize = 3840;

fn norms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rms_norm 288x3840");
    group.throughput(Throughput::Elements((TOKENS * WIDTH) as u64));
    for (name, cpu) in variants() {
        let (x, gains) = (tensor(&cpu, TOKENS, WIDTH), tensor(&cpu, 1, WIDTH));
        let reader = weight(&cpu, Role::Linear, &[1, WIDTH]);
        let run = || cpu.rms_norm(&x, &gains, 1e-5, None, Some(&reader)).unwrap();
        group.bench_function(name, |b| b.iter(run));
    }
    group.finish();
}

fn rotation(criterion: &mut Criterion) {
    let heads = Heads { query: WIDTH / 128, kv: WIDTH / 128, dim: 128 };
    let mut group = criterion.benchmark_group("qk_norm_rope 288x11520");
    group.throughput(Throughput::Elements((TOKENS * heads.qkv_width()) as u64));
    for (name, cpu) in variants() {
        let mut qkv = tensor(&cpu, TOKENS, heads.qkv_width());
        let (norm, rope) = (tensor(&cpu, 1, 128), tensor(&cpu, TOKENS, 128));
        let pairing = zao_backend::op::Pairing::Interleaved;
        group.bench_function(name, |b| {
            b.iter(|| {
                let norms = Some((&norm, &norm));
                cpu.qk_norm_rope(&mut qkv, heads, norms, 1e-5, (&rope, pairing)).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, norms, rotation);
criterion_main!(benches);
