//! Linear layers in every variant of the micro-kernels: a tile's worth of tokens, and one token.
//! Criterion reports multiply-adds as elements.

#![allow(missing_docs, reason = "Criterion's macros make functions without any")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod harness;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zao_backend::Role;
use zao_backend::prelude::*;

use harness::{tensor, variants, weight};

fn linear(criterion: &mut Criterion) {
    for (tokens, inputs, outputs) in [(192, 3840, 512), (1, 3840, 512)] {
        let mut group = criterion.benchmark_group(format!("linear {tokens}x{inputs}x{outputs}"));
        group.throughput(Throughput::Elements((tokens * inputs * outputs) as u64));
        for (name, cpu) in variants() {
            let weight = weight(&cpu, Role::Linear, &[outputs, inputs]);
            // What the weight reads is rounded or quantised for it.
            let x = cpu.silu(&tensor(&cpu, tokens, inputs), Some(&weight)).unwrap();
            group.bench_function(name, |b| b.iter(|| cpu.linear(&x, &weight, None).unwrap()));
        }
        group.finish();
    }
}

criterion_group!(benches, linear);
criterion_main!(benches);
