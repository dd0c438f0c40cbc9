//! The devices that tests run on, and the macros that make a test for each of them.

use std::num::NonZeroUsize;

use zao_backend::prelude::*;
use zao_backend::{Plan, Scalar, Shape};
use zao_cpu::{Cpu, CpuPrecision, Settings};
use zao_cuda::{Cuda, CudaPrecision};

use super::{Array, assert_within};

/// A backend, and how far its results may be from goldens computed in `f32`.
pub(crate) struct Device<B: Backend> {
    name: &'static str,
    pub(crate) backend: B,
    /// Largest relative error.
    pub(crate) tolerance: f64,
    /// Largest difference of a byte of a picture.
    pub(crate) levels: u8,
}

impl Device<Scalar> {
    pub(crate) fn scalar() -> Self {
        Self { name: "scalar", backend: Scalar, tolerance: 1e-4, levels: 1 }
    }
}

impl Device<Cpu> {
    pub(crate) fn cpu_f32() -> Self {
        let backend = Self::reserved(CpuPrecision::F32);
        Self { name: "cpu f32", backend, tolerance: 1e-4, levels: 1 }
    }

    pub(crate) fn cpu_bf16() -> Self {
        let backend = Self::reserved(CpuPrecision::Bf16);
        Self { name: "cpu bf16", backend, tolerance: 1e-2, levels: 4 }
    }

    /// For tests that bring a tolerance of their own.
    pub(crate) fn with(precision: CpuPrecision) -> Self {
        Self { name: "cpu", backend: Self::reserved(precision), tolerance: 0.0, levels: 0 }
    }

    /// With more memory than any test needs; what is not touched costs nothing.
    fn reserved(precision: CpuPrecision) -> Cpu {
        let cpu = Self::bare(precision);
        cpu.reserve(Plan { step: 256 << 20, job: 64 << 20 }).unwrap();
        cpu
    }

    /// Without any memory, and with several threads even where there is one core.
    pub(crate) fn bare(precision: CpuPrecision) -> Cpu {
        Cpu::new(Settings { precision, threads: NonZeroUsize::new(3), instructions: None }).unwrap()
    }
}

impl Device<Cuda> {
    /// The first card, for tests that bring a tolerance of their own; none where there is no card, which is
    /// said.
    pub(crate) fn card(precision: CudaPrecision) -> Option<Self> {
        let settings = zao_cuda::Settings { precision, ..Default::default() };
        let backend = match Cuda::new(settings) {
            Ok(backend) => backend,
            Err(refusal) => {
                println!("skipped: {refusal}");
                return None;
            }
        };
        backend.reserve(Plan { step: 256 << 20, job: 64 << 20 }).unwrap();
        Some(Self { name: "cuda", backend, tolerance: 0.0, levels: 0 })
    }
}

impl<B: Backend> Device<B> {
    /// A golden array on the device, its first dimension as rows.
    pub(crate) fn upload(&self, array: &Array) -> Tensor<B> {
        self.upload_rows(array.as_matrix(), &array.values)
    }

    /// Values on the device.
    pub(crate) fn upload_rows(&self, shape: Shape, values: &[f32]) -> Tensor<B> {
        self.backend.upload(shape, values, Region::Job).unwrap()
    }

    /// The values of a tensor.
    pub(crate) fn read(&self, tensor: &Tensor<B>) -> Vec<f32> {
        self.backend.read(tensor).unwrap()
    }

    /// Fails unless `got` is as near to `expected` as this device's precision allows.
    pub(crate) fn assert_close(&self, what: &str, got: &[f32], expected: &[f32]) {
        self.assert_amplified(what, got, expected, 1.0);
    }

    /// Fails unless `got` is near to `expected` where the model makes rounding errors `factor` times
    /// larger than usual.
    pub(crate) fn assert_amplified(&self, what: &str, got: &[f32], expected: &[f32], factor: f64) {
        let what = format!("{} {what}", self.name);
        assert_within(&what, got, expected, factor * self.tolerance);
    }
}

/// Makes one test a device of each function, which takes a [`Device`] of any backend.
macro_rules! on_every_device {
    ($($body:ident),+ $(,)?) => {
        $(mod $body {
            #[test]
            fn scalar() {
                super::$body(&crate::harness::Device::scalar());
            }

            #[test]
            fn cpu_f32() {
                super::$body(&crate::harness::Device::cpu_f32());
            }

            #[test]
            fn cpu_bf16() {
                super::$body(&crate::harness::Device::cpu_bf16());
            }
        })+
    };
}

/// As [`on_every_device`], for what takes too long on [`Scalar`].
macro_rules! on_fast_devices {
    ($($body:ident),+ $(,)?) => {
        $(mod $body {
            #[test]
            fn cpu_f32() {
                super::$body(&crate::harness::Device::cpu_f32());
            }

            #[test]
            fn cpu_bf16() {
                super::$body(&crate::harness::Device::cpu_bf16());
            }
        })+
    };
}

pub(crate) use {on_every_device, on_fast_devices};
