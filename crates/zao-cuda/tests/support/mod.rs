//! What tests of a card share: opening it, or saying that there is none, and numbers. Nothing is checked here.

use zao_backend::{Backend, Plan};
use zao_cuda::{Cuda, CudaPrecision, Settings};

/// Every precision.
pub(crate) const PRECISIONS: [CudaPrecision; 4] =
    [CudaPrecision::F32, CudaPrecision::Bf16, CudaPrecision::Fp8, CudaPrecision::Int8];

/// The card in this precision with room for a test, unless there is none.
pub(crate) fn cuda(precision: CudaPrecision) -> Option<Cuda> {
    match Cuda::new(Settings { precision, ..Settings::default() }) {
        Ok(cuda) => {
            cuda.reserve(Plan { step: 256 << 20, job: 1 << 20 }).expect("memory");
            Some(cuda)
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// Pseudo-random numbers: the same in every run, so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Between -1 and 1.
    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next() as f32 / (1u64 << 30) as f32 - 1.0).collect()
    }
}
