//! What the tests of this crate share: golden files, checkpoints, and devices that know how far
//! their results may be from a golden. It asserts nothing about any part of the model.

mod device;
mod golden;
mod measure;
mod sample;

pub(crate) use device::{Device, on_every_device, on_fast_devices};
pub(crate) use golden::{Array, Golden};
pub(crate) use measure::assert_within;
pub(crate) use sample::{Sample, Weights};
