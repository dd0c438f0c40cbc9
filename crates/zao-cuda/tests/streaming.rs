//! Weights that pass through a window give the same bits as weights that stay, in any order of use. Without a card
//! each test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "tests say what they check in their names")]

#[path = "support/forms.rs"]
mod forms;
mod support;

use forms::{blocks, scaled};
use support::{PRECISIONS, Random, cuda};
use zao_backend::prelude::*;
use zao_backend::{
    Backend, BlockKind, Expected, Form, Int8Panels, Matrix, Plan, Role, ScaledKind, Shape, Stored,
    Streamed,
};
use zao_cuda::{Cuda, CudaPrecision, STAGING_BYTES, kept_bytes, packed_bytes, unpacking_bytes};

const WIDTH: usize = 1024;
/// Rows that are multiplied: few, so that copies are always late.
const ROWS: usize = 400;

/// Weights of several sizes, of which every third is a SwiGLU pair, whose parts `form` makes: of which weight, and with
/// how many rows.
fn matrices(count: usize, mut form: impl FnMut(&mut Random, usize, usize) -> Form) -> Vec<Matrix> {
    let mut random = Random(3);
    let matrix = |number: usize| {
        let rows = 256 * (1 + random.next() as usize % 16);
        let mut part = || form(&mut random, number, rows);
        let (role, parts) = match number % 3 {
            0 => (Role::SwiGlu, vec![part(), part()]),
            _ => (Role::Linear, vec![part()]),
        };
        Matrix::new(format!("weight {number}"), role, parts).expect("a matrix")
    };
    (0..count).map(matrix).collect()
}

fn dense(random: &mut Random, rows: usize) -> Form {
    Form::Dense(Stored::from_f32(&[rows, WIDTH], &random.values(rows * WIDTH)))
}

/// As `zao convert` stores them.
fn panels(random: &mut Random, rows: usize) -> Form {
    let integers =
        (0..rows * WIDTH).map(|_| (random.next() % 255) as u8 ^ 0x80).collect::<Vec<_>>();
    let scales: Vec<f32> = (0..rows).map(|row| 0.01 * (1 + row % 7) as f32).collect();
    let scales = Stored::from_f32(&[rows], &scales);
    let panels = Int8Panels::new([rows, WIDTH], integers.into(), scales);
    Form::Int8Panels(panels.expect("sizes fit"))
}

/// What files hold: dense, in blocks that stay and that are converted, in 8 bits beside scales, in panels; and now and
/// then something else in the same weight.
fn as_in_files(random: &mut Random, number: usize, rows: usize) -> Form {
    let shape = [rows, WIDTH];
    match number % 8 + usize::from(random.next().is_multiple_of(5)) {
        0 => blocks(random, BlockKind::Int4, shape),
        1 => blocks(random, BlockKind::Q4K, shape),
        2 => blocks(random, BlockKind::Q8_0, shape),
        3 => scaled(random, ScaledKind::E4m3, shape, false),
        4 => scaled(random, ScaledKind::Int8 { rotated: Some(256) }, shape, true),
        5 => scaled(random, ScaledKind::E5m2, shape, true),
        6 => blocks(random, BlockKind::Q6K, shape),
        _ => dense(random, rows),
    }
}

fn bytes(precision: CudaPrecision, matrix: &Matrix) -> u64 {
    let usage = (matrix.role(), matrix.care());
    let of = |part: &Form| {
        let packed = packed_bytes(precision, usage, part);
        packed.unwrap_or_else(|| kept_bytes(precision, usage, part.shape()))
    };
    matrix.parts().iter().map(of).sum()
}

fn multiply(cuda: &Cuda, x: &Tensor<Cuda>, weight: &Weight<Cuda>) -> Tensor<Cuda> {
    let product = match weight.role() {
        Role::SwiGlu => cuda.swiglu(x, weight, None),
        _ => cuda.linear(x, weight, None),
    };
    product.expect("a product")
}

/// Loads all weights as `expected` and uses them in this order; everything is queued before anything is read.
fn products(
    cuda: &Cuda,
    matrices: &[Matrix],
    expected: Expected,
    order: &[usize],
) -> Vec<Vec<u32>> {
    cuda.expect_weights(expected).expect("memory");
    let weights: Vec<_> =
        matrices.iter().map(|matrix| Weight::load(cuda, matrix).expect("a weight")).collect();
    let values = Random(5).values(ROWS * WIDTH);
    let values = cuda.upload(Shape::new(ROWS, WIDTH), &values, Region::Step).expect("memory");
    let mut x = cuda.no_rows(values.shape()).expect("memory");
    cuda.copy_rows(&mut x, 0, &values, 0..ROWS).expect("rows that are there");
    let products: Vec<_> = order.iter().map(|&at| multiply(cuda, &x, &weights[at])).collect();
    let bits = |product: &Tensor<Cuda>| {
        let values = cuda.read(product).expect("values");
        // A few of each row tell weights apart, and leave little to keep.
        values.iter().step_by(97).map(|value| value.to_bits()).collect()
    };
    products.iter().map(bits).collect()
}

/// Streams `matrices` in many ways, and compares with what they give where they stay.
fn stream(matrices: &[Matrix]) {
    let mut random = Random(11);
    // Two rounds in the order of loading, one that leaves some out, and one without order.
    let count = matrices.len();
    let mut order: Vec<usize> = (0..count).chain(0..count).collect();
    order.extend((0..count).filter(|at| !(4..9).contains(at)));
    order.extend((0..count).map(|_| random.next() as usize % count));
    for precision in PRECISIONS {
        let Some(cuda) = cuda(precision) else { continue };
        cuda.reserve(Plan { step: 1 << 30, job: 1 << 20 }).expect("memory");
        let sizes: Vec<u64> = matrices.iter().map(|matrix| bytes(precision, matrix)).collect();
        let (candidates, largest) = (sizes.iter().sum::<u64>(), *sizes.iter().max().expect("one"));
        let space = |matrix: &Matrix| {
            let usage = (matrix.role(), matrix.care());
            matrix.parts().iter().map(|part| unpacking_bytes(precision, usage, part)).max()
        };
        let space = matrices.iter().filter_map(space).max().unwrap_or(0);
        let expected = Expected::resident(candidates + space);
        let resident = products(&cuda, matrices, expected, &order);
        for percent in [0, 40, 90] {
            let stays = candidates * percent / 100;
            // All of it locked, some, and nothing.
            for locked in [candidates, candidates / 3, 0] {
                for window in [largest, 3 * largest] {
                    // What is not dense in the same weight ends at another boundary.
                    let window = window + (1 << 10);
                    let staging = if locked == candidates { 0 } else { STAGING_BYTES };
                    let window = window + staging;
                    let streamed = Streamed { candidates, resident: stays, window, locked };
                    let bytes = stays + window + space;
                    let expected = Expected { bytes, streamed: Some(streamed) };
                    let products = products(&cuda, matrices, expected, &order);
                    let differs = (0..order.len()).find(|&at| products[at] != resident[at]);
                    assert_eq!(differs, None, "{precision}: {streamed:?}");
                }
            }
        }
        println!("{precision}: {} products, 18 ways to stream their weights", order.len());
    }
}

#[test]
fn streamed_weights_give_the_bits_of_resident_ones_in_any_order_of_use() {
    stream(&matrices(24, |random, _, rows| dense(random, rows)));
}

#[test]
fn what_is_packed_or_converted_is_streamed_with_the_bits_of_what_stays() {
    stream(&matrices(24, as_in_files));
}

#[test]
fn panels_of_processors_are_streamed_with_the_bits_of_what_stays() {
    stream(&matrices(9, |random, _, rows| panels(random, rows)));
}
