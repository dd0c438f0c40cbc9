//! What works row by row, in every precision: norms (which quantise), residuals with the norm after
//! them, rotation by position, SwiGLU's activation within its product. Criterion reports values as
//! elements.

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

/// The end of one block and the norm of the next: one operation, and the two that it replaces.
fn between_blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gated_residual_norm 288x3840");
    group.throughput(Throughput::Elements((TOKENS * WIDTH) as u64));
    for (name, cpu) in variants() {
        let (mut x, y) = (tensor(&cpu, TOKENS, WIDTH), tensor(&cpu, TOKENS, WIDTH));
        let gains = tensor(&cpu, 1, WIDTH);
        let reader = weight(&cpu, Role::Linear, &[1, WIDTH]);
        let next = || NextNorm { weight: &gains, eps: 1e-5, scale: None, feeds: Some(&reader) };
        group.bench_function(format!("{name} together"), |b| {
            b.iter(|| cpu.gated_residual_norm(&mut x, &y, &gains, 1e-5, None, next()).unwrap());
        });
        group.bench_function(format!("{name} apart"), |b| {
            b.iter(|| {
                cpu.gated_residual(&mut x, &y, &gains, 1e-5, None).unwrap();
                cpu.rms_norm(&x, &gains, 1e-5, None, Some(&reader)).unwrap()
            });
        });
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

criterion_group!(benches, norms, between_blocks, rotation);
criterion_main!(benches);
