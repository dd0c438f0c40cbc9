//! Weights that pass through a window give the same bits as weights that stay, in any order of use. Without a card
//! each test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "tests say what they check in their names")]

use zao_backend::prelude::*;
use zao_backend::{Backend, Expected, Form, Matrix, Plan, Role, Shape, Stored, Streamed};
use zao_cuda::{Cuda, CudaPrecision, STAGING_BYTES, Settings, kept_bytes};

/// Pseudo-random numbers: the same in every run, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next() as f32 / (1u64 << 30) as f32 - 1.0).collect()
    }
}

const WIDTH: usize = 1024;
/// Rows that are multiplied: few, so that copies are always late.
const ROWS: usize = 400;

/// Weights of several sizes, of which every third is a SwiGLU pair.
fn matrices() -> Vec<Matrix> {
    let mut random = Random(3);
    let matrix = |number: usize| {
        let rows = 256 * (1 + random.next() % 16);
        let mut part =
            || Form::Dense(Stored::from_f32(&[rows, WIDTH], &random.values(rows * WIDTH)));
        let (role, parts) = match number % 3 {
            0 => (Role::SwiGlu, vec![part(), part()]),
            _ => (Role::Linear, vec![part()]),
        };
        Matrix::new(format!("weight {number}"), role, parts).expect("a matrix")
    };
    (0..24).map(matrix).collect()
}

fn bytes(precision: CudaPrecision, matrix: &Matrix) -> u64 {
    let of = |part: &Form| kept_bytes(precision, (matrix.role(), matrix.care()), part.shape());
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

#[test]
fn streamed_weights_give_the_bits_of_resident_ones_in_any_order_of_use() {
    use CudaPrecision::{Bf16, F32, Fp8, Int8};
    let matrices = matrices();
    let mut random = Random(11);
    // Two rounds in the order of loading, one that leaves some out, and one without order.
    let count = matrices.len();
    let mut order: Vec<usize> = (0..count).chain(0..count).collect();
    order.extend((0..count).filter(|at| !(4..9).contains(at)));
    order.extend((0..count).map(|_| random.next() % count));
    for precision in [F32, Bf16, Fp8, Int8] {
        let cuda = match Cuda::new(Settings { precision, ..Settings::default() }) {
            Ok(cuda) => cuda,
            Err(error) => {
                println!("skipped: {error}");
                continue;
            }
        };
        cuda.reserve(Plan { step: 1 << 30, job: 1 << 20 }).expect("memory");
        let sizes: Vec<u64> = matrices.iter().map(|matrix| bytes(precision, matrix)).collect();
        let (candidates, largest) = (sizes.iter().sum::<u64>(), *sizes.iter().max().expect("one"));
        let expected = Expected::resident(candidates);
        let resident = products(&cuda, &matrices, expected, &order);
        for percent in [0, 40, 90] {
            let stays = candidates * percent / 100;
            // All of it locked, some, and nothing.
            for locked in [candidates, candidates / 3, 0] {
                for window in [largest, 3 * largest] {
                    let staging = if locked == candidates { 0 } else { STAGING_BYTES };
                    let window = window + staging;
                    let streamed = Streamed { candidates, resident: stays, window, locked };
                    let expected = Expected { bytes: stays + window, streamed: Some(streamed) };
                    let products = products(&cuda, &matrices, expected, &order);
                    let differs = (0..order.len()).find(|&at| products[at] != resident[at]);
                    assert_eq!(differs, None, "{precision}: {streamed:?}");
                }
            }
        }
        println!("{precision}: {} products, 18 ways to stream their weights", order.len());
    }
}
