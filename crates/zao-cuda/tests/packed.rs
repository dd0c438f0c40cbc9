//! Weights that are handed over packed give the results of the same weights unpacked, bit for bit where both are rounded
//! to the same. Without a card each test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "tests say what they check in their names")]

#[path = "support/forms.rs"]
mod forms;
mod support;

use std::ops::Range;
use std::sync::Arc;

use forms::{blocks, scaled};
use support::{PRECISIONS, Random, cuda};
use zao_backend::prelude::*;
use zao_backend::{
    Adaptation, Addend, Backend, BlockKind, Blocks, Care, Delta, Dtype, Error, Form, Int8Panels,
    Matrix, Role, ScaledKind, Shape, Stored,
};
use zao_cuda::{Cuda, CudaPrecision, packed_bytes};

fn activation(cuda: &Cuda, rows: usize, values: &[f32]) -> Tensor<Cuda> {
    let shape = Shape::new(rows, values.len() / rows);
    let values = cuda.upload(shape, values, Region::Step).expect("memory");
    let mut activation = cuda.no_rows(shape).expect("memory");
    cuda.copy_rows(&mut activation, 0, &values, 0..rows).expect("rows that are there");
    activation
}

/// The bits of a layer of `parts`, of which `x` are the inputs of `rows` rows; some may follow an adapter.
fn layer(
    cuda: &Cuda,
    role: Role,
    parts: Vec<Form>,
    x: &[f32],
    adapted: &[Range<usize>],
) -> Vec<u32> {
    let matrix = Matrix::new("weight", role, parts).expect("shapes fit");
    let (inputs, outputs) = (matrix.columns(), matrix.rows());
    let weight = Weight::load(cuda, &matrix).expect("memory");
    let by = adapter(cuda, role, outputs, inputs);
    let rows = |rows: &Range<usize>| Adapted { rows: rows.clone(), own: None, by: Some(&by) };
    let adapted: Vec<_> = adapted.iter().map(rows).collect();
    let x = activation(cuda, x.len() / inputs, x);
    // The activation turns the rows into what a linear layer reads in this precision.
    let x = cuda.silu(&x, Some(&weight)).expect("memory");
    let y = if role == Role::SwiGlu {
        cuda.adapted_swiglu(&x, &weight, &adapted, None)
    } else {
        cuda.adapted_linear(&x, &weight, None, &adapted)
    };
    let y = cuda.read(&y.expect("memory")).expect("values");
    y.iter().map(|value| value.to_bits()).collect()
}

/// A low-rank adapter with a gain.
fn adapter(cuda: &Cuda, role: Role, outputs: usize, inputs: usize) -> Adaptation<Cuda> {
    let mut random = Random(9);
    let parts = if role == Role::SwiGlu { 2 } else { 1 };
    let mut matrix = |role, parts: usize, rows: usize, columns: usize| {
        let part = |values: Vec<f32>| Form::Dense(Stored::from_f32(&[rows, columns], &values));
        let parts = (0..parts).map(|_| part(random.values(rows * columns))).collect();
        let matrix = Matrix::new("adapter", role, parts).expect("shapes fit");
        Weight::load(cuda, &matrix.with_care(Care::AtLeastBf16)).expect("memory")
    };
    let (down, up) = (matrix(Role::Linear, 1, 4, inputs), matrix(role, parts, outputs, 4));
    let gain = Some(vec![0.5; parts * outputs]);
    let delta = Delta { addends: vec![Addend::LowRank { down, up }], gain };
    Adaptation::new(cuda, vec![(Arc::new(delta), 0.75)]).expect("memory")
}

/// Packed and unpacked, in both roles, with and without adapters.
fn same_as_unpacked(cuda: &Cuda, precision: CudaPrecision, parts: &[Form], x: &[f32], what: &str) {
    for form in parts.iter().filter(|form| form.is_packed()) {
        let usage = (Role::Linear, Care::Usual);
        assert!(packed_bytes(precision, usage, form).is_some(), "{precision} {what}");
    }
    let unpacked: Vec<_> = parts.iter().map(|form| form.clone().unpacked(Dtype::F32)).collect();
    let pair = parts.len() == 2 && parts[0].shape() == parts[1].shape();
    let rows = x.len() / parts[0].shape()[1];
    for role in [Role::Linear, Role::SwiGlu] {
        if role == Role::SwiGlu && !pair {
            continue;
        }
        for adapted in [Vec::new(), vec![0..rows / 3, rows / 2..rows - 1]] {
            let packed = layer(cuda, role, parts.to_vec(), x, &adapted);
            let plain = layer(cuda, role, unpacked.clone(), x, &adapted);
            assert!(plain.iter().any(|bits| *bits != 0), "{precision} {what} {role:?}");
            let off = packed.iter().zip(&plain).filter(|(a, b)| a != b).count();
            assert_eq!(off, 0, "{precision} {what} {role:?} {adapted:?}: of {}", plain.len());
        }
    }
}

fn all_kinds() -> impl Iterator<Item = BlockKind> {
    BlockKind::GGML.into_iter().chain([BlockKind::Int4])
}

#[test]
fn blocks_are_multiplied_as_if_they_were_unpacked() {
    let mut random = Random(1);
    for precision in PRECISIONS {
        let Some(cuda) = cuda(precision) else { continue };
        for kind in all_kinds() {
            for (rows, width, tokens) in [(80, 512, 33), (7, 256, 5), (1000, 768, 200)] {
                let parts = [
                    blocks(&mut random, kind, [rows, width]),
                    blocks(&mut random, kind, [rows, width]),
                ];
                let x = random.values(tokens * width);
                same_as_unpacked(&cuda, precision, &parts, &x, &format!("{kind} {rows}x{width}"));
            }
        }
    }
}

#[test]
fn parts_of_one_weight_may_be_stored_in_different_ways() {
    let mut random = Random(2);
    for precision in PRECISIONS {
        let Some(cuda) = cuda(precision) else { continue };
        let width = 512;
        let values: Vec<_> = random.values(48 * width);
        let parts = [
            blocks(&mut random, BlockKind::Q4K, [80, width]),
            blocks(&mut random, BlockKind::Q8_0, [33, width]),
            Form::Dense(Stored::from_f32(&[48, width], &values)),
            blocks(&mut random, BlockKind::Q6K, [7, width]),
        ];
        let x = random.values(40 * width);
        same_as_unpacked(&cuda, precision, &parts, &x, "a mixture");
        let pair = [
            blocks(&mut random, BlockKind::Q3K, [48, width]),
            Form::Dense(Stored::from_f32(&[48, width], &values)),
        ];
        same_as_unpacked(&cuda, precision, &pair, &x, "a mixed pair");
    }
}

#[test]
fn large_weights_are_unpacked_in_slices() {
    let mut random = Random(3);
    let Some(cuda) = cuda(CudaPrecision::F32) else { return };
    let (rows, width) = (2816, 4096);
    let parts = [
        blocks(&mut random, BlockKind::Q4_0, [rows, width]),
        blocks(&mut random, BlockKind::Int4, [rows, width]),
    ];
    let x = random.values(9 * width);
    same_as_unpacked(&cuda, CudaPrecision::F32, &parts, &x, "92 MB");
}

#[test]
fn eight_bits_beside_scales_are_multiplied_as_if_they_were_unpacked() {
    let mut random = Random(4);
    let kinds = [
        ScaledKind::E4m3,
        ScaledKind::E5m2,
        ScaledKind::Int8 { rotated: None },
        ScaledKind::Int8 { rotated: Some(16) },
        ScaledKind::Int8 { rotated: Some(256) },
    ];
    for precision in PRECISIONS {
        let Some(cuda) = cuda(precision) else { continue };
        for kind in kinds {
            let as_it_is = matches!(
                (kind, precision),
                (ScaledKind::E4m3, CudaPrecision::Fp8)
                    | (ScaledKind::Int8 { rotated: None }, CudaPrecision::Int8)
            );
            for each in [false, true] {
                let shape = [72, 512];
                let parts = [
                    scaled(&mut random, kind, shape, each),
                    scaled(&mut random, kind, shape, !each),
                ];
                let x = random.values(37 * shape[1]);
                let what = format!("{kind:?} {each}");
                if as_it_is {
                    // Rows keep their own scales, which differ in the last bit from those of unpacked ones.
                    near_unpacked(&cuda, &parts, &x, &what);
                } else {
                    same_as_unpacked(&cuda, precision, &parts, &x, &what);
                }
            }
        }
    }
}

/// Both roles, up to the rounding of results.
fn near_unpacked(cuda: &Cuda, parts: &[Form], x: &[f32], what: &str) {
    for role in [Role::Linear, Role::SwiGlu] {
        let unpacked = parts.iter().map(|form| form.clone().unpacked(Dtype::F32)).collect();
        let packed = layer(cuda, role, parts.to_vec(), x, &[]);
        assert!(error(&packed, &layer(cuda, role, unpacked, x, &[])) < 4e-3, "{what} {role:?}");
    }
}

/// How far `got` is from `expected`, as a part of its length.
fn error(got: &[u32], expected: &[u32]) -> f64 {
    let value = |bits: u32| f64::from(f32::from_bits(bits));
    let square = |value: f64| value * value;
    let off: f64 = got.iter().zip(expected).map(|(a, b)| square(value(*a) - value(*b))).sum();
    let all: f64 = expected.iter().map(|b| square(value(*b))).sum();
    (off / all).sqrt()
}

/// What `zao convert` stores of whole numbers, which `zao-cpu` made: its tests say the same of these bytes.
#[test]
fn panels_of_processors_are_undone() {
    let (rows, width) = (33, 300);
    let stored = include_bytes!("panels/33x300.bin");
    let (words, scales) = stored.split_at(stored.len() - rows * 4);
    let scales =
        Stored::new(Dtype::F32, vec![rows], scales.to_vec().into()).expect("a scale a row");
    let panels = Int8Panels::new([rows, width], words.to_vec().into(), scales).expect("sizes fit");
    let values: Vec<f32> = (0..rows * width).map(|i| (i * i % 1009) as f32 - 504.0).collect();
    let x = Random(5).values(6 * width);
    for (precision, bound) in PRECISIONS.into_iter().zip([0.02, 0.02, 0.08, 0.03]) {
        let Some(cuda) = cuda(precision) else { continue };
        let parts = || vec![Form::Int8Panels(panels.clone()), Form::Int8Panels(panels.clone())];
        let dense = || Form::Dense(Stored::from_f32(&[rows, width], &values));
        for role in [Role::Linear, Role::SwiGlu] {
            let got = layer(&cuda, role, parts(), &x, &[]);
            let error = error(&got, &layer(&cuda, role, vec![dense(), dense()], &x, &[]));
            assert!(error < bound, "{precision} {role:?}: {error}");
        }
    }
}

#[test]
fn factors_that_are_no_numbers_are_found() {
    let Some(cuda) = cuda(CudaPrecision::Fp8) else { return };
    for kind in [BlockKind::Q4K, BlockKind::Q8_0] {
        let Form::Blocks(good) = blocks(&mut Random(6), kind, [64, 512]) else { unreachable!() };
        let mut bytes = good.bytes().to_vec();
        let block = 77;
        bytes[block * kind.bytes() + 1] = 0x7c;
        let bad = Blocks::new(kind, [64, 512], bytes.into()).expect("whole blocks");
        let parts = vec![Form::Blocks(good), Form::Blocks(bad)];
        let matrix = Matrix::new("weight", Role::Linear, parts).expect("shapes fit");
        let error = Weight::load(&cuda, &matrix).map(|_| ()).expect_err("an infinity");
        assert_eq!(error, Error::NotFinite { part: 1, index: block * kind.values() });
    }
}
