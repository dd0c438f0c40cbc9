//! The devices that tests run on, and the macro that makes a test for each of them.

use zao_backend::prelude::*;
use zao_backend::{Scalar, Shape};

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
    pub(crate) fn assert_close(&self, what: &str, got: &Tensor<B>, expected: &Array) {
        self.assert_values_close(what, &self.read(got), &expected.values);
    }

    /// Fails unless `got` is as near to `expected` as this device's precision allows.
    pub(crate) fn assert_values_close(&self, what: &str, got: &[f32], expected: &[f32]) {
        assert_within(&format!("{} {what}", self.name), got, expected, self.tolerance);
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
        })+
    };
}

pub(crate) use on_every_device;
