//! Results are the same bit for bit, whatever rows stand beside a row, in sizes at which kernels choose other tiles.
//! Without a card each test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "tests say what they check in their names")]

mod support;

use std::ops::Range;

use support::{PRECISIONS, Random, cuda};
use zao_backend::prelude::*;
use zao_backend::{Backend, Form, Matrix, Role, Shape, Stored};
use zao_cuda::{Cuda, CudaPrecision};

impl Random {
    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.next() as usize % range.len()
    }
}

fn upload(cuda: &Cuda, rows: usize, values: &[f32]) -> Tensor<Cuda> {
    cuda.upload(Shape::new(rows, values.len() / rows), values, Region::Step).expect("memory")
}

/// The same as an activation of the device's own type.
fn activation(cuda: &Cuda, rows: usize, values: &[f32]) -> Tensor<Cuda> {
    let values = upload(cuda, rows, values);
    let mut activation = cuda.no_rows(values.shape()).expect("memory");
    cuda.copy_rows(&mut activation, 0, &values, 0..rows).expect("rows that are there");
    activation
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_row_of_a_linear_layer_does_not_depend_on_the_others() {
    let mut random = Random(1);
    for precision in PRECISIONS {
        let Some(cuda) = cuda(precision) else { continue };
        for round in 0..12 {
            let rows = random.within(2..1500);
            // Whole pieces of 128 bytes and others, few outputs and many.
            let inputs =
                if round % 3 == 2 { random.within(1..700) } else { 128 * random.within(1..9) };
            let outputs =
                if round % 2 == 0 { random.within(1..300) } else { 8 * random.within(1..300) };
            let (values, x) = (random.values(outputs * inputs), random.values(rows * inputs));
            for role in [Role::Linear, Role::SwiGlu] {
                let part = || Form::Dense(Stored::from_f32(&[outputs, inputs], &values));
                let parts = if role == Role::SwiGlu { vec![part(), part()] } else { vec![part()] };
                let matrix = Matrix::new("weight", role, parts).expect("shapes fit");
                let weight = Weight::load(&cuda, &matrix).expect("memory");
                let run = |rows: Range<usize>| {
                    let x = &x[rows.start * inputs..rows.end * inputs];
                    let x = activation(&cuda, rows.len(), x);
                    // The activation turns the rows into what a linear layer reads in this precision.
                    let x = cuda.silu(&x, Some(&weight)).expect("memory");
                    let y = if role == Role::SwiGlu {
                        cuda.swiglu(&x, &weight, None)
                    } else {
                        cuda.linear(&x, &weight, None)
                    };
                    bits(&cuda.read(&y.expect("memory")).expect("values"))
                };
                let all = run(0..rows);
                for _ in 0..3 {
                    let start = random.within(0..rows);
                    let some = start..start + random.within(1..rows - start + 1);
                    let part = &all[some.start * outputs..some.end * outputs];
                    let what =
                        format!("{precision} {role:?} {rows}x{inputs}x{outputs}, rows {some:?}");
                    assert!(part == run(some), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_segment_of_attention_does_not_depend_on_the_batch() {
    let mut random = Random(2);
    for precision in [CudaPrecision::F32, CudaPrecision::Bf16] {
        let Some(cuda) = cuda(precision) else { continue };
        for (query, kv, dim, mask) in [
            (4, 4, 128, Mask::Full),
            (8, 2, 128, Mask::Causal),
            (1, 1, 512, Mask::Full),
            (4, 2, 64, Mask::Causal),
            (4, 2, 48, Mask::Full),
        ] {
            let heads = Heads { query, kv, dim };
            let lengths =
                [random.within(1..900), 1, random.within(1..100), random.within(100..500)];
            let segments = Segments::new(lengths);
            let width = heads.qkv_width();
            let qkv = random.values(segments.rows() * width);
            let run = |rows: Range<usize>, segments: &Segments| {
                let qkv = activation(&cuda, rows.len(), &qkv[rows.start * width..rows.end * width]);
                let out = cuda.attention(&qkv, heads, segments, mask, None).expect("memory");
                bits(&cuda.read(&out).expect("values"))
            };
            let all = run(0..segments.rows(), &segments);
            for rows in segments.iter() {
                let alone = run(rows.clone(), &Segments::new([rows.len()]));
                let part = &all[rows.start * heads.out_width()..rows.end * heads.out_width()];
                assert!(part == alone, "{precision} {mask:?}, width {dim}, rows {rows:?}");
            }
        }
    }
}
