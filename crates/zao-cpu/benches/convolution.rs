//! Convolutions as the autoencoder has them, in every variant: normalised on the way, and of an
//! enlarged picture; and the moments of a group norm. Criterion reports additions and multiplications,
//! of moments values, as elements.

#![allow(missing_docs, reason = "Criterion's macros make functions without any")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod harness;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zao_backend::Role;
use zao_backend::op::Stride;
use zao_backend::prelude::*;

use harness::{tensor, variants, weight};

/// Channels, and a part of the picture at which the decoder has so many: some milliseconds.
const SHAPES: [(usize, Grid); 3] =
    [(512, Grid::new(14, 24)), (256, Grid::new(14, 48)), (128, Grid::new(32, 48))];

fn normalised(criterion: &mut Criterion) {
    for (channels, grid) in SHAPES {
        let mut group = criterion.benchmark_group(format!("norm silu conv 3x3 {channels} {grid}"));
        group.throughput(Throughput::Elements((18 * grid.area() * channels * channels) as u64));
        for (name, cpu) in variants() {
            let weight = weight(&cpu, Role::Conv, &[channels, channels, 3, 3]);
            let (x, bias) = (tensor(&cpu, grid.area(), channels), tensor(&cpu, 1, channels));
            let factors = tensor(&cpu, 3, channels);
            let view = View::whole(&x, grid).with(Norm { factors: &factors, silu: true });
            let run = || cpu.conv2d(view, &weight, &bias, Stride::One, 0..grid.height).unwrap();
            group.bench_function(name, |b| b.iter(run));
        }
        group.finish();
    }
}

fn enlarged(criterion: &mut Criterion) {
    let (channels, grid) = (256, Grid::new(7, 24));
    let mut group = criterion.benchmark_group(format!("enlarge conv 3x3 {channels} {grid}"));
    group.throughput(Throughput::Elements((72 * grid.area() * channels * channels) as u64));
    for (name, cpu) in variants() {
        let weight = weight(&cpu, Role::Conv, &[channels, channels, 3, 3]);
        let (x, bias) = (tensor(&cpu, grid.area(), channels), tensor(&cpu, 1, channels));
        let (view, rows) = (View::whole(&x, grid), 0..2 * grid.height);
        let run = || cpu.conv2d(view, &weight, &bias, Stride::Half, rows.clone()).unwrap();
        group.bench_function(name, |b| b.iter(run));
    }
    group.finish();
}

fn moments(criterion: &mut Criterion) {
    let (channels, grid) = (128, Grid::new(64, 512));
    let mut group = criterion.benchmark_group(format!("group_moments {channels} {grid}"));
    group.throughput(Throughput::Elements((grid.area() * channels) as u64));
    for (name, cpu) in variants() {
        let x = tensor(&cpu, grid.area(), channels);
        let mut moments = cpu.no_moments(grid.height, 32).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| cpu.group_moments(&x, Strip::whole(grid), &mut moments).unwrap());
        });
    }
    group.finish();
}

/// Short, since there are many variants.
fn quick() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
}

criterion_group!(name = benches; config = quick(); targets = normalised, enlarged, moments);
criterion_main!(benches);
