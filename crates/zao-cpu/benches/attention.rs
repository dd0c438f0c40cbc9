//! Attention in every variant: heads of the transformer, and the one wide head of the autoencoder.
//! Criterion reports multiply-adds as elements.

#![allow(missing_docs, reason = "Criterion's macros make functions without any")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod harness;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zao_backend::prelude::*;
use zao_backend::{Care, Form, Matrix, Role, Stored};
use zao_cpu::Cpu;

use harness::{noise, tensor, variants};

/// What reads the result, which decides how it is multiplied.
fn reader(cpu: &Cpu, width: usize, care: Care) -> Weight<Cpu> {
    let form = Form::Dense(Stored::from_f32(&[1, width], &noise(width)));
    let matrix = Matrix::new("reader", Role::Linear, vec![form]).unwrap().with_care(care);
    Weight::load(cpu, &matrix).unwrap()
}

fn attention(criterion: &mut Criterion) {
    for (tokens, count, dim, care) in
        [(512, 4, 128, Care::Usual), (4160, 4, 128, Care::Usual), (512, 1, 512, Care::AtLeastBf16)]
    {
        let heads = Heads { query: count, kv: count, dim };
        let mut group = criterion.benchmark_group(format!("attention {tokens}, {count}x{dim}"));
        group.throughput(Throughput::Elements((2 * tokens * tokens * heads.out_width()) as u64));
        for (name, cpu) in variants() {
            let qkv = tensor(&cpu, tokens, heads.qkv_width());
            let (segments, reader) =
                (Segments::new([tokens]), reader(&cpu, heads.out_width(), care));
            let run = || cpu.attention(&qkv, heads, &segments, Mask::Full, Some(&reader)).unwrap();
            group.bench_function(name, |b| b.iter(run));
        }
        group.finish();
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
