//! Products by cuBLASLt beside those of the kernels here: they agree, and rows are alone there too. Without a card,
//! or without the library, the test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "tests say what they check in their names")]

use std::env;
use std::ops::Range;
use std::path::{Path, PathBuf};

use zao_backend::prelude::*;
use zao_backend::{Backend, Form, Matrix, Plan, Role, Shape, Stored};
use zao_cuda::{Cuda, CudaPrecision, LibraryPlaces, Settings, UseOfLibraries};

/// The places that this machine's environment names.
fn places() -> LibraryPlaces {
    let list = |name: &str| env::split_paths(&env::var_os(name).unwrap_or_default()).collect();
    LibraryPlaces { folders: list("LD_LIBRARY_PATH"), programs: list("PATH"), ..Default::default() }
}

fn cuda(precision: CudaPrecision, libraries: UseOfLibraries, cache: Option<&Path>) -> Option<Cuda> {
    let cache = cache.map(PathBuf::from);
    match Cuda::new(Settings { precision, libraries, cache, ..Settings::default() }) {
        Ok(cuda) => {
            cuda.reserve(Plan { step: 512 << 20, job: 1 << 20 }).expect("memory");
            Some(cuda)
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// What the card says about libraries; empty if it has not looked for any.
fn libraries(cuda: &Cuda) -> String {
    let kernels = cuda.describe().kernels;
    kernels.into_iter().find(|(family, _)| family == "libraries").map_or(String::new(), |it| it.1)
}

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A layer of one kind, with its weight on the card.
struct Layer<'a> {
    cuda: &'a Cuda,
    weight: Weight<Cuda>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Store,
    Accumulate,
    SwiGlu,
}

const INPUTS: usize = 2048;
const OUTPUTS: usize = 2064;

impl<'a> Layer<'a> {
    fn new(cuda: &'a Cuda, what: What) -> Self {
        let part = |seed| {
            let values = random(OUTPUTS * INPUTS, seed);
            Form::Dense(Stored::from_f32(&[OUTPUTS, INPUTS], &values))
        };
        let (role, parts) = match what {
            What::SwiGlu => (Role::SwiGlu, vec![part(1), part(2)]),
            What::Store | What::Accumulate => (Role::Linear, vec![part(1)]),
        };
        let matrix = Matrix::new("weight", role, parts).expect("shapes fit");
        let weight = Weight::load(cuda, &matrix).expect("memory");
        Self { cuda, weight, what }
    }

    /// The results of some rows of `x`.
    fn run(&self, x: &[f32], rows: Range<usize>) -> Vec<f32> {
        let cuda = self.cuda;
        let x = &x[rows.start * INPUTS..rows.end * INPUTS];
        let shape = Shape::new(rows.len(), INPUTS);
        let values = cuda.upload(shape, x, Region::Step).expect("memory");
        let mut x = cuda.no_rows(shape).expect("memory");
        cuda.copy_rows(&mut x, 0, &values, 0..rows.len()).expect("rows that are there");
        // The activation turns the rows into what a linear layer reads in this precision.
        let x = cuda.silu(&x, Some(&self.weight)).expect("memory");
        let y = match self.what {
            What::SwiGlu => cuda.swiglu(&x, &self.weight, None).expect("memory"),
            What::Store => cuda.linear(&x, &self.weight, None).expect("memory"),
            What::Accumulate => {
                let mut y = cuda.linear(&x, &self.weight, None).expect("memory");
                cuda.linear_accumulate(&mut y, &x, &self.weight, None).expect("memory");
                y
            }
        };
        cuda.read(&y).expect("values")
    }
}

fn error(got: &[f32], expected: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value).powi(2);
    let off: f64 = got.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    (off / expected.iter().copied().map(square).sum::<f64>()).sqrt()
}

#[test]
fn a_library_multiplies_as_the_kernels_do_and_leaves_rows_alone() {
    for precision in [CudaPrecision::Bf16, CudaPrecision::Fp8] {
        let Some(own) = cuda(precision, UseOfLibraries::Never, None) else { continue };
        let Some(by_library) = cuda(precision, UseOfLibraries::Always(places()), None) else {
            continue;
        };
        for what in [What::Store, What::Accumulate, What::SwiGlu] {
            let rows = 2500;
            let x = random(rows * INPUTS, 3);
            let layer = Layer::new(&by_library, what);
            let all = layer.run(&x, 0..rows);
            let expected = Layer::new(&own, what).run(&x, 0..rows);
            let off = error(&all, &expected);
            assert!(off <= 1e-2, "{precision} {what:?}: {off:.1e}");
            for some in [0..1, 7..40, 100..356, 300..1500, 2000..2500, 1..2500] {
                let part = &all[some.start * OUTPUTS..some.end * OUTPUTS];
                let alone = layer.run(&x, some.clone());
                let same = part.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{precision} {what:?}, rows {some:?}");
            }
        }
        assert_eq!(libraries(&own), "");
        println!("{precision}: {}", libraries(&by_library));
    }
}

#[test]
fn what_was_measured_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut said = Vec::new();
    for _ in 0..2 {
        let wanted = UseOfLibraries::WhereFaster(places());
        let Some(cuda) = cuda(CudaPrecision::Bf16, wanted, Some(folder.path())) else { return };
        let start = std::time::Instant::now();
        Layer::new(&cuda, What::Store).run(&random(INPUTS, 3), 0..1);
        println!("first product: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        // What is ignored is not opened again if nothing needs it.
        said.push(libraries(&cuda).split("; ").next().unwrap_or_default().to_owned());
        println!("{}", libraries(&cuda));
    }
    assert_eq!(said[0], said[1]);
    if said[0].starts_with("cuBLASLt") {
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}

#[test]
fn a_file_that_is_no_library_is_ignored_with_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    // Of the newest version that a driver takes, wherever that is.
    for major in 12..40 {
        let path = folder.path().join(format!("libcublasLt.so.{major}"));
        std::fs::write(path, "no library").expect("a file");
    }
    let folders = vec![folder.path().to_owned()];
    let wanted = UseOfLibraries::WhereFaster(LibraryPlaces { folders, ..Default::default() });
    let Some(cuda) = cuda(CudaPrecision::Bf16, wanted, None) else { return };
    Layer::new(&cuda, What::Store).run(&random(INPUTS, 3), 0..1);
    let said = libraries(&cuda);
    assert!(
        said.contains("libcublasLt.so.12 ignored: ")
            || said.contains("libcublasLt.so.13 ignored: "),
        "{said}"
    );
}
