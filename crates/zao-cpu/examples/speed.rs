//! How fast the heavy operations are on this machine, in GFLOP/s: the best of several runs.
//!
//! `cargo run --release -p zao-cpu --example speed [threads] [family]`, a family being `linear`,
//! `attention`, `conv` or `rows`. Nothing is checked here.

#![allow(clippy::print_stdout, reason = "a measuring program prints")]

use std::time::Instant;

use zao_backend::op::Stride;
use zao_backend::prelude::*;
use zao_backend::{Backend, Form, Matrix, Plan, Result, Role, Shape, Stored};
use zao_cpu::{Cpu, CpuPrecision, Settings};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().and_then(|count| count.parse().ok());
    let only = arguments.next();
    let wanted = |family: &str| only.as_ref().is_none_or(|only| only == family);
    for precision in [CpuPrecision::F32, CpuPrecision::Bf16, CpuPrecision::Int8] {
        let cpu = Cpu::new(Settings { precision, threads, instructions: None })?;
        cpu.reserve(Plan { step: 1 << 30, job: 1 << 20 })?;
        println!("{}", cpu.describe().detail);
        if wanted("linear") {
            let sizes = [(1, 256, 1024), (1, 3840, 3840), (288, 256, 768), (320, 256, 1024)];
            for (tokens, inputs, outputs) in
                sizes.into_iter().chain([(64, 2560, 9728), (1088, 3840, 3840), (1088, 10240, 3840)])
            {
                linear(&cpu, tokens, inputs, outputs)?;
            }
        }
        if wanted("attention") {
            for (tokens, heads) in [(288, 2), (320, 2), (1088, 30)] {
                attention(&cpu, tokens, Heads { query: heads, kv: heads, dim: 128 })?;
            }
        }
        if wanted("conv") {
            for (side, channels) in [(32, 128), (128, 64), (256, 32)] {
                convolution(&cpu, Grid::new(side, side), channels)?;
            }
        }
        if wanted("rows") {
            rows(&cpu, 288, 256)?;
            rows(&cpu, 1088, 3840)?;
            groups(&cpu, Grid::new(256, 256), 32)?;
        }
    }
    Ok(())
}

/// The shortest time of `run`, in seconds.
fn best(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    let mut shortest = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.4 {
        let start = Instant::now();
        run()?;
        shortest = shortest.min(start.elapsed().as_secs_f64());
    }
    Ok(shortest)
}

fn report(what: &str, flops: usize, seconds: f64) {
    let micros = seconds * 1e6;
    println!("  {what:36} {micros:10.1} us {:8.1} GFLOP/s", flops as f64 / seconds * 1e-9);
}

fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i.wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 512.0 - 1.0).collect()
}

fn tensor(cpu: &Cpu, rows: usize, width: usize) -> Result<Tensor<Cpu>> {
    cpu.upload(Shape::new(rows, width), &noise(rows * width), Region::Step)
}

fn weight(cpu: &Cpu, role: Role, shape: &[usize]) -> Result<Weight<Cpu>> {
    let form = Form::Dense(Stored::from_f32(shape, &noise(shape.iter().product())));
    Weight::load(cpu, &Matrix::new("weight", role, vec![form])?)
}

fn linear(cpu: &Cpu, tokens: usize, inputs: usize, outputs: usize) -> Result<()> {
    let weight = weight(cpu, Role::Linear, &[outputs, inputs])?;
    let x = cpu.silu(&tensor(cpu, tokens, inputs)?, Some(&weight))?;
    let seconds = best(|| cpu.linear(&x, &weight, None).map(drop))?;
    report(&format!("linear {tokens}x{inputs}x{outputs}"), 2 * tokens * inputs * outputs, seconds);
    Ok(())
}

fn attention(cpu: &Cpu, tokens: usize, heads: Heads) -> Result<()> {
    let qkv = tensor(cpu, tokens, heads.qkv_width())?;
    let segments = Segments::new([tokens]);
    let seconds = best(|| cpu.attention(&qkv, heads, &segments, Mask::Full, None).map(drop))?;
    let flops = 4 * tokens * tokens * heads.out_width();
    report(&format!("attention {tokens} tokens, {} heads", heads.query), flops, seconds);
    Ok(())
}

fn convolution(cpu: &Cpu, grid: Grid, channels: usize) -> Result<()> {
    let weight = weight(cpu, Role::Conv, &[channels, channels, 3, 3])?;
    let bias = tensor(cpu, 1, channels)?;
    let (x, factors) = (tensor(cpu, grid.area(), channels)?, tensor(cpu, 3, channels)?);
    let view = View::whole(&x, grid).with(Norm { factors: &factors, silu: true });
    let rows = 0..grid.height;
    let seconds = best(|| cpu.conv2d(view, &weight, &bias, Stride::One, rows.clone()).map(drop))?;
    let flops = 18 * grid.area() * channels * channels;
    report(&format!("norm silu conv 3x3 {channels} to {channels}, {grid}"), flops, seconds);
    Ok(())
}

fn rows(cpu: &Cpu, tokens: usize, width: usize) -> Result<()> {
    let (x, factors) = (tensor(cpu, tokens, width)?, tensor(cpu, 1, width)?);
    let mut stream = tensor(cpu, tokens, width)?;
    let seconds = best(|| cpu.rms_norm(&x, &factors, 1e-5, None, None).map(drop))?;
    report(&format!("rms_norm {tokens}x{width}"), 4 * tokens * width, seconds);
    let segments = Segments::new([tokens]);
    let gate = Modulation { table: &factors, column: 0, segments: &segments };
    let seconds = best(|| cpu.gated_residual(&mut stream, &x, &factors, 1e-5, Some(gate)))?;
    report(&format!("gated_residual {tokens}x{width}"), 5 * tokens * width, seconds);
    let heads = Heads { query: width / 128, kv: width / 128, dim: 128 };
    let mut qkv = tensor(cpu, tokens, heads.qkv_width())?;
    let (norm, rope) = (tensor(cpu, 1, 128)?, tensor(cpu, tokens, 128)?);
    let pairing = zao_backend::op::Pairing::Interleaved;
    let seconds =
        best(|| cpu.qk_norm_rope(&mut qkv, heads, Some((&norm, &norm)), 1e-5, (&rope, pairing)))?;
    report(&format!("qk_norm_rope {tokens}x{}", qkv.width()), 10 * tokens * width, seconds);
    Ok(())
}

fn groups(cpu: &Cpu, grid: Grid, channels: usize) -> Result<()> {
    let x = tensor(cpu, grid.area(), channels)?;
    let mut moments = cpu.no_moments(grid.height, 32)?;
    let seconds = best(|| cpu.group_moments(&x, Strip::whole(grid), &mut moments))?;
    report(&format!("group_moments {grid}x{channels}"), 5 * x.shape().len(), seconds);
    Ok(())
}
