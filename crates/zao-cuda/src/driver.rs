//! The CUDA driver behind safe types: contexts, streams, memory, kernels.
//!
//! The driver (`libcuda`) is opened when the program runs; nothing here needs it to build or to start.
//! Every failure is a value that names the operation and repeats what the driver said. What is computed
//! is decided elsewhere.

mod buffer;
mod context;
mod event;
mod failure;
mod launch;
mod library;
mod locked;
mod module;
mod pinned;
mod stream;
mod tensor_map;

pub(crate) use buffer::{Buffer, DevicePtr};
pub(crate) use context::{Card, Context};
pub(crate) use event::Event;
pub(crate) use launch::{Address, Argument, Launch, args};
pub(crate) use library::{
    cards, is_installed, is_new_enough, offered as offered_version, version as driver_version,
};
pub(crate) use locked::Locked;
pub(crate) use module::{Kernel, Module};
pub(crate) use pinned::Pinned;
pub(crate) use stream::Stream;
pub(crate) use tensor_map::{Swizzle, TensorMap, TensorMapSpec, TensorType};
