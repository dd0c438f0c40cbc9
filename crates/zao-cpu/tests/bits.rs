//! Results are the same bit for bit, whatever rows stand beside a row and however many threads work.

#![allow(missing_docs, reason = "tests say what they check in their names")]

use std::num::NonZeroUsize;
use std::ops::Range;

use zao_backend::op::Stride;
use zao_backend::prelude::*;
use zao_backend::{
    Backend, BlockKind, Blocks, Care, Dtype, Form, Matrix, Plan, Role, Scaled, ScaledKind, Shape,
    Stored,
};
use zao_cpu::{Cpu, CpuPrecision, Settings};

fn cpu(precision: CpuPrecision, threads: usize) -> Cpu {
    let cpu =
        Cpu::new(Settings { precision, threads: NonZeroUsize::new(threads), instructions: None });
    let cpu = cpu.expect("threads can be started");
    cpu.reserve(Plan { step: 64 << 20, job: 1 << 20 }).expect("memory");
    cpu
}

/// Pseudo-random numbers: the same in every run, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.next() as usize % range.len()
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next() as f32 / (1u64 << 30) as f32 - 1.0).collect()
    }
}

fn upload(cpu: &Cpu, rows: usize, values: &[f32]) -> Tensor<Cpu> {
    cpu.upload(Shape::new(rows, values.len() / rows), values, Region::Step).expect("memory")
}

fn weight(cpu: &Cpu, role: Role, parts: &[(&[usize], &[f32])]) -> Weight<Cpu> {
    let parts = parts.iter().map(|(shape, values)| Form::Dense(Stored::from_f32(shape, values)));
    let matrix = Matrix::new("weight", role, parts.collect()).expect("shapes fit");
    Weight::load(cpu, &matrix).expect("memory")
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

const PRECISIONS: [CpuPrecision; 3] = [CpuPrecision::F32, CpuPrecision::Bf16, CpuPrecision::Int8];

#[test]
fn a_row_of_a_linear_layer_does_not_depend_on_the_others() {
    let mut random = Random(1);
    for precision in PRECISIONS {
        let (one, three) = (cpu(precision, 1), cpu(precision, 3));
        for _ in 0..24 {
            let (rows, inputs) = (random.within(1..400), random.within(1..700));
            let outputs = random.within(1..300);
            let values = random.values(outputs * inputs);
            let x = random.values(rows * inputs);
            let run = |cpu: &Cpu, role: Role, rows: Range<usize>| {
                let part: (&[usize], &[f32]) = (&[outputs, inputs], &values);
                let x = upload(cpu, rows.len(), &x[rows.start * inputs..rows.end * inputs]);
                let parts = [part; 2];
                let count = if role == Role::SwiGlu { 2 } else { 1 };
                let weight = weight(cpu, role, &parts[..count]);
                // The activation turns the rows into what a linear layer reads in this precision.
                let x = cpu.silu(&x, Some(&weight)).expect("memory");
                let y = if role == Role::SwiGlu {
                    cpu.swiglu(&x, &weight, None)
                } else {
                    cpu.linear(&x, &weight, None)
                };
                bits(&cpu.read(&y.expect("memory")).expect("values"))
            };
            let start = random.within(0..rows);
            let some = start..start + random.within(1..rows - start + 1);
            for role in [Role::Linear, Role::SwiGlu] {
                let all = run(&three, role, 0..rows);
                let part = &all[some.start * outputs..some.end * outputs];
                let alone = run(&one, role, some.clone());
                assert!(part == alone, "{role:?} {rows}x{inputs}x{outputs}, rows {some:?}");
            }
        }
    }
}

#[test]
fn a_segment_of_attention_does_not_depend_on_the_batch_or_the_threads() {
    let mut random = Random(2);
    let (one, three) = (cpu(CpuPrecision::F32, 1), cpu(CpuPrecision::F32, 3));
    for (dim, mask) in [(128, Mask::Full), (48, Mask::Full), (64, Mask::Causal), (6, Mask::Causal)]
    {
        let heads = Heads { query: 4, kv: 2, dim };
        let lengths = [random.within(1..300), 1, random.within(1..100), random.within(100..500)];
        let segments = Segments::new(lengths);
        let qkv = random.values(segments.rows() * heads.qkv_width());
        let run = |cpu: &Cpu, rows: Range<usize>, segments: &Segments| {
            let width = heads.qkv_width();
            let qkv = upload(cpu, rows.len(), &qkv[rows.start * width..rows.end * width]);
            let out = cpu.attention(&qkv, heads, segments, mask, None).expect("memory");
            bits(&cpu.read(&out).expect("values"))
        };
        let all = run(&three, 0..segments.rows(), &segments);
        for rows in segments.iter() {
            let alone = run(&one, rows.clone(), &Segments::new([rows.len()]));
            let part = &all[rows.start * heads.out_width()..rows.end * heads.out_width()];
            assert!(part == alone, "{mask:?}, width {dim}, rows {rows:?}");
        }
    }
}

#[test]
fn pictures_do_not_depend_on_the_threads() {
    let mut random = Random(3);
    for precision in PRECISIONS {
        let (one, many) = (cpu(precision, 1), cpu(precision, 5));
        for stride in [Stride::One, Stride::Two, Stride::Half] {
            let grid = Grid::new(2 * random.within(1..30), 2 * random.within(1..30));
            let (inner, outer) = (4 * random.within(1..20), 2 * random.within(1..40));
            let values = random.values(outer * inner * 9);
            let (x, channel) = (random.values(grid.area() * inner), random.values(outer + inner));
            let run = |cpu: &Cpu| {
                let weight = weight(cpu, Role::Conv, &[(&[outer, inner, 3, 3], &values)]);
                let x = upload(cpu, grid.area(), &x);
                let (bias, affine) = channel.split_at(outer);
                let (bias, affine) = (upload(cpu, 1, bias), upload(cpu, 1, affine));
                let mut moments = cpu.no_moments(grid.height, 4).expect("memory");
                cpu.group_moments(&x, Strip::whole(grid), &mut moments).expect("sizes fit");
                let affine = (&affine, &affine);
                let factors = cpu.group_factors(&moments, grid.width, 1e-6, affine);
                let factors = factors.expect("memory");
                let view = View::whole(&x, grid).with(Norm { factors: &factors, silu: true });
                let rows = 0..stride.of(grid).height;
                let y = cpu.conv2d(view, &weight, &bias, stride, rows).expect("memory");
                bits(&cpu.read(&y).expect("values"))
            };
            assert!(run(&one) == run(&many), "{grid}, {inner} to {outer}, {stride:?}");
        }
    }
}

#[test]
fn a_weight_from_a_file_of_integers_gives_the_bits_of_the_matrix_it_was_made_of() {
    let mut random = Random(9);
    let cpu = cpu(CpuPrecision::Int8, 2);
    for (role, outputs) in [
        (Role::Linear, vec![96, 64, 64]),
        (Role::Linear, vec![33, 7]),
        (Role::SwiGlu, vec![682; 2]),
    ] {
        let (rows, inputs) = (37, 300);
        let parts: Vec<([usize; 2], Vec<f32>)> =
            outputs.iter().map(|&n| ([n, inputs], random.values(n * inputs))).collect();
        let dense = |(shape, values): &([usize; 2], Vec<f32>)| Stored::from_f32(shape, values);
        let dense: Vec<Stored> = parts.iter().map(dense).collect();
        let panels = dense.iter().map(|dense| cpu.int8_panels(dense).expect("memory"));
        let panels: Vec<Form> = panels.map(Form::Int8Panels).collect();
        let x = random.values(rows * inputs);
        let run = |parts| product(&cpu, role, parts, &upload(&cpu, rows, &x));
        let expected = run(dense.into_iter().map(Form::Dense).collect());
        assert_eq!(run(panels), expected, "{role:?} {outputs:?}");
    }
}

/// Two parts of random blocks of these heights.
fn packed(kind: BlockKind, outputs: [usize; 2], inputs: usize, random: &mut Random) -> Vec<Form> {
    let part = |rows: usize| {
        let count = rows * inputs / kind.values() * kind.bytes();
        let bytes = (0..count).map(|_| random.next() as u8).collect();
        let blocks = Blocks::spread(kind, [rows, inputs], bytes, 0.05).expect("whole blocks");
        Form::Blocks(blocks)
    };
    outputs.map(part).into()
}

/// What a weight of these parts makes of `silu(x)`, bit for bit.
fn product(cpu: &Cpu, role: Role, parts: Vec<Form>, x: &Tensor<Cpu>) -> Vec<u32> {
    let matrix = Matrix::new("weight", role, parts).expect("shapes fit");
    let weight = Weight::load(cpu, &matrix).expect("memory");
    let x = cpu.silu(x, Some(&weight)).expect("memory");
    let y = match role {
        Role::SwiGlu => cpu.swiglu(&x, &weight, Some(&weight)),
        _ => cpu.linear(&x, &weight, None),
    };
    bits(&cpu.read(&y.expect("memory")).expect("values"))
}

#[test]
fn what_is_unpacked_for_a_product_gives_the_bits_of_what_was_unpacked_before() {
    let mut random = Random(11);
    for precision in [CpuPrecision::F32, CpuPrecision::Bf16] {
        let cpu = cpu(precision, 2);
        for kind in BlockKind::GGML.into_iter().chain([BlockKind::Int4]) {
            for role in [Role::Linear, Role::SwiGlu] {
                let (rows, inputs) = (205, 768);
                let parts = packed(kind, [64, 64], inputs, &mut random);
                let x = random.values(rows * inputs);
                let run = |parts| product(&cpu, role, parts, &upload(&cpu, rows, &x));
                let unpacked = parts.iter().map(|part| part.clone().unpacked(Dtype::F32));
                let expected = run(unpacked.collect());
                assert!(run(parts) == expected, "{kind} {role:?} in {precision}");
            }
        }
    }
}

#[test]
fn a_packed_weight_gives_a_row_the_same_bits_whatever_the_tasks() {
    let mut random = Random(12);
    for precision in PRECISIONS {
        let parts = packed(BlockKind::Q4K, [320, 64], 1280, &mut random);
        let (rows, inputs) = (400, 1280);
        let x = random.values(rows * inputs);
        let run = |threads: usize, rows: Range<usize>| {
            let cpu = cpu(precision, threads);
            let matrix = Matrix::new("weight", Role::Linear, parts.clone()).expect("shapes fit");
            let weight = Weight::load(&cpu, &matrix).expect("memory");
            let x = upload(&cpu, rows.len(), &x[rows.start * inputs..rows.end * inputs]);
            let x = cpu.silu(&x, Some(&weight)).expect("memory");
            bits(&cpu.read(&cpu.linear(&x, &weight, None).expect("memory")).expect("values"))
        };
        let all = run(1, 0..rows);
        for (threads, some) in [(2, 0..rows), (7, 0..rows), (1, 3..4), (3, 190..391)] {
            let part = &all[some.start * 384..some.end * 384];
            assert!(run(threads, some.clone()) == part, "{threads} threads, {some:?}, {precision}");
        }
    }
}

#[test]
fn what_stays_packed_takes_the_bytes_that_it_has() {
    let mut random = Random(13);
    let usual = (Role::Linear, Care::Usual);
    for precision in PRECISIONS {
        let parts = packed(BlockKind::Int4, [64, 33], 512, &mut random);
        let bytes = |of: (Role, Care), part: &Form| zao_cpu::packed_bytes(precision, of, part);
        assert_eq!(bytes(usual, &parts[0]), Some(64 * 512 / 64 * 34));
        assert_eq!(bytes((Role::SwiGlu, Care::Usual), &parts[0]), Some(64 * 512 / 64 * 34));
        assert_eq!(bytes(usual, &parts[1]), None, "no whole panels");
        assert!(bytes((Role::SwiGlu, Care::Usual), &parts[1]).is_some());
        for of in [(Role::Table, Care::Usual), (Role::Linear, Care::AtLeastBf16)] {
            assert_eq!(bytes(of, &parts[0]), None);
            let matrix = Matrix::new("layers.0.w", of.0, vec![parts[0].clone()]);
            let matrix = matrix.expect("a matrix").with_care(of.1);
            let error = Weight::load(&cpu(precision, 1), &matrix).expect_err("too coarse");
            assert!(error.to_string().contains("layers.0.w"), "{error}");
        }
        let scales = vec![1.0];
        let rotated = |size: usize| {
            let kind = ScaledKind::Int8 { rotated: Some(size) };
            let bytes = vec![0; 32 * size].into();
            Form::Scaled(Scaled::new(kind, [32, size], bytes, scales.clone()).expect("a rotation"))
        };
        assert!(bytes(usual, &rotated(256)).is_some());
        assert_eq!(bytes(usual, &rotated(1024)), None, "more than a group");
    }
}

#[test]
fn integers_are_refused_where_they_would_be_too_coarse() {
    let cpu = cpu(CpuPrecision::Int8, 1);
    let panels = cpu.int8_panels(&Stored::from_f32(&[4, 4], &[1.0; 16])).expect("memory");
    let load = |role, care| {
        let parts = vec![Form::Int8Panels(panels.clone())];
        let matrix = Matrix::new("t_embedder.mlp.0.weight", role, parts).expect("shapes fit");
        Weight::load(&cpu, &matrix.with_care(care)).map(drop)
    };
    assert!(load(Role::Linear, Care::Usual).is_ok());
    for (role, care) in [
        (Role::Linear, Care::AtLeastBf16),
        (Role::Linear, Care::Unrounded),
        (Role::Table, Care::Usual),
        (Role::Conv, Care::Usual),
    ] {
        let error = load(role, care).expect_err("too coarse").to_string();
        assert!(error.contains("t_embedder.mlp.0.weight") && error.contains("int8"), "{error}");
    }
}
