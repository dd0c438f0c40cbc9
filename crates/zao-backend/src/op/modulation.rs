//! Per-segment scales and gates: adaLN as the operations see it.

use super::ensure;
use crate::{Backend, Result, Segments, Tensor};

/// A vector for each segment, read from a table of adaLN outputs: segment `s` uses the elements
/// `column .. column + width` of row `s`, where `width` is the width of the tensor it modulates.
pub struct Modulation<'a, B: Backend> {
    /// `[segments, anything]` in `f32` or the activation's type.
    pub table: &'a Tensor<B>,
    /// First column of this vector in a row of the table.
    pub column: usize,
    /// Which rows of the activation belong to which row of the table.
    pub segments: &'a Segments,
}

impl<B: Backend> Modulation<'_, B> {
    /// Checks that the table covers `rows` x `width` of an activation.
    pub(super) fn check(&self, op: &'static str, rows: usize, width: usize) -> Result<()> {
        ensure(
            self.table.rows() == self.segments.len()
                && self.segments.rows() == rows
                && self.column + width <= self.table.width(),
            op,
            || {
                format!(
                    "modulation {:?} from column {} for {} segments over {rows} rows of {width}",
                    self.table,
                    self.column,
                    self.segments.len()
                )
            },
        )
    }
}

impl<B: Backend> Clone for Modulation<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Modulation<'_, B> {}
