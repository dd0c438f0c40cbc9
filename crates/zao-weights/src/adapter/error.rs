//! What can be wrong with an adapter file; each message says what was tried.

use std::io;

/// Why an adapter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// There is no such file, or the system refuses it.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is no safetensors file, or not a whole one.
    #[error("{file} is not a usable safetensors file: {reason}; get it again")]
    Broken {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Layers that the model does not have.
    #[error(
        "{file} does not fit this model, which has no such layer as {count} of the {of} in it: {shown}; \
         the first was looked for {tried}"
    )]
    Unmatched {
        /// The file.
        file: String,
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// The first of them.
        shown: String,
        /// How the first one was looked for.
        tried: String,
    },
    /// A kind of adapter that zao does not apply.
    #[error("{file}: {tensor} is {what}, which zao does not apply")]
    Unsupported {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What it is.
        what: &'static str,
    },
    /// Factors that are missing or belong to different kinds.
    #[error("{file}: the tensors of {layer} are no adapter: {detail}")]
    Incomplete {
        /// The file.
        file: String,
        /// The layer as the file names it.
        layer: String,
        /// What is there and what is not.
        detail: String,
    },
    /// Factors that do not make a matrix of the layer's shape.
    #[error("{file}: {layer}, which is {target} here: {source}")]
    Shape {
        /// The file.
        file: String,
        /// The layer as the file names it.
        layer: String,
        /// The layers as the model names them.
        target: String,
        /// What does not fit.
        source: Box<zao_backend::Error>,
    },
    /// The same layer under two names.
    #[error(
        "{file} changes {layer} twice, as {first} and as {second}; which one counts is not clear"
    )]
    Twice {
        /// The file.
        file: String,
        /// The layer as the model names it.
        layer: String,
        /// One name in the file.
        first: String,
        /// The other.
        second: String,
    },
    /// A file without tensors.
    #[error("{file} changes no layer: it has no tensors")]
    Empty {
        /// The file.
        file: String,
    },
}
