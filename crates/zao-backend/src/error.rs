//! What can go wrong on a device, as values.

use crate::backend::Region;

/// The result of anything a device does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that could not be done; nothing was computed.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// Arguments that do not fit together: a mistake in the caller, found before anything runs.
    #[error("{op}: {detail}")]
    Shape {
        /// The operation's name.
        op: &'static str,
        /// Which sizes disagree.
        detail: String,
    },
    /// The reserved memory, or the device itself, is too small. The run can be repeated smaller.
    #[error(
        "out of memory on {device}: {asked} bytes asked in the {region} region, {free} free; \
         use a smaller size or fewer pictures at a time"
    )]
    OutOfMemory {
        /// The device that refused.
        device: String,
        /// Where the memory was asked for.
        region: Region,
        /// Bytes asked.
        asked: usize,
        /// Bytes that were free.
        free: usize,
    },
    /// A weight holds something that is no number, found by a device that looks for it
    /// ([`crate::Backend::FINDS_NON_FINITE`]).
    #[error("part {part} of a weight is not finite at element {index}")]
    NotFinite {
        /// Which of the weight's parts.
        part: usize,
        /// Which of its elements.
        index: usize,
    },
    /// A weight in a form, or an operation in a shape, that this device has no kernel for.
    #[error("{op}: not supported on {device}: {what}")]
    Unsupported {
        /// The operation's name.
        op: &'static str,
        /// The device that refused.
        device: String,
        /// What is missing.
        what: String,
    },
    /// The device failed while working; its state is unknown.
    #[error("{op}: {device} failed: {message}")]
    Device {
        /// The operation's name.
        op: &'static str,
        /// The device that failed.
        device: String,
        /// What the driver said.
        message: String,
    },
}

impl Error {
    /// A shape error of `op`.
    pub fn shape(op: &'static str, detail: impl Into<String>) -> Self {
        Self::Shape { op, detail: detail.into() }
    }
}
