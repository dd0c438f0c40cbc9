//! The micro-kernels of every matrix product: a panel of [`PANEL`] columns times some vectors.
//!
//! There is one design and a table of instructions. Operands are words of four bytes: one `f32`, two
//! bf16 or four 8-bit integers that follow each other along the sum. A panel holds a word for each of
//! its columns, word after word of the sum; a vector holds its words in a row. A register tile takes
//! a word of the panel for all columns and the same word of up to twelve vectors at a time
//! ([`tile`]); what multiplies and adds them is an instruction of the machine ([`dot`]).
//!
//! Each element is one chain over the sum in ascending order, whatever the number of vectors and
//! whichever register holds it: this is where "a row does not depend on the rows beside it" comes
//! from. Blocking for caches is the callers' business.

#![allow(unsafe_code, reason = "registers are loaded without a bounds check for each")]

mod dot;
mod float;
mod integer;
mod tile;

#[cfg(test)]
mod tests;

pub(crate) use float::multiply;
pub(crate) use integer::{Scales, multiply_scaled};

/// Columns of a panel: two registers of AVX-512.
pub(crate) const PANEL: usize = 32;

/// Rows of [`PANEL`] consecutive words each, `step` words apart.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) data: &'a [u32],
    pub(crate) step: usize,
}

/// Vectors of words: word `i` of vector `t` is `data[t * stride + i * step]`.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a> {
    pub(crate) data: &'a [u32],
    pub(crate) count: usize,
    pub(crate) stride: usize,
    pub(crate) step: usize,
}

/// A panel, vectors, and how many words of each are multiplied.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) words: usize,
    pub(crate) panel: Panel<'a>,
    pub(crate) vectors: Vectors<'a>,
}

/// What happens to the content of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Into {
    /// It is overwritten.
    Store,
    /// The product is added to it.
    Add,
}

/// What the words of a product of floating-point numbers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floats {
    /// One `f32`.
    F32,
    /// Two bf16. Only for machines that multiply them, [`crate::isa::Isa::multiplies_bf16`].
    Bf16,
}

/// What the words of a product of integers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integers {
    /// Four 8-bit integers: unsigned ones in the panel, signed ones in the vectors. Only for machines
    /// that multiply them, [`crate::isa::Isa::multiplies_bytes`].
    Bytes,
    /// Two signed 16-bit integers.
    Shorts,
}

/// Checks that operands have every element that a product of `words` words touches.
///
/// # Panics
/// When one is too short for its sizes: a mistake of this crate.
fn check(Operands { words, panel, vectors }: Operands<'_>, out: &[f32]) {
    assert!(out.len() == vectors.count * PANEL, "the output has one row a vector");
    if words == 0 || vectors.count == 0 {
        return;
    }
    assert!((words - 1) * panel.step + PANEL <= panel.data.len(), "the panel has k rows");
    let last = (vectors.count - 1) * vectors.stride + (words - 1) * vectors.step;
    assert!(last < vectors.data.len(), "every vector has k elements");
}
