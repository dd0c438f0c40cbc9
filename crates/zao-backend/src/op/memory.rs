//! Getting values onto a device, keeping them, and packing rows together.

use super::{Op, ensure, result_for};
use crate::{Backend, Element, Region, Result, Shape, Tensor};
use std::ops::Range;

/// Copies `count` rows of `from`, starting at `from_row`, over the rows of `to` starting at `to_row`,
/// converting the element type if needed.
pub struct CopyRows<'a, B: Backend> {
    /// Source `[rows, width]`.
    pub from: &'a Tensor<B>,
    /// First source row.
    pub from_row: usize,
    /// Destination `[rows', width]`.
    pub to: &'a mut Tensor<B>,
    /// First destination row.
    pub to_row: usize,
    /// Number of rows.
    pub count: usize,
}

/// Uploads and row copies.
pub trait MemoryOps: Backend {
    /// Host values as an `f32` tensor of `shape` in `region`.
    ///
    /// # Errors
    /// No memory, or `values` has not as many elements as `shape`.
    fn upload(&self, shape: Shape, values: &[f32], region: Region) -> Result<Tensor<Self>> {
        ensure(values.len() == shape.len(), "upload", || {
            format!("{} values for a tensor {shape}", values.len())
        })?;
        let mut tensor = Tensor::allocate(self, shape, Element::F32, region)?;
        self.write(&mut tensor, values)?;
        Ok(tensor)
    }

    /// A copy of `tensor` that outlives the step.
    ///
    /// # Errors
    /// No memory.
    fn keep(&self, tensor: &Tensor<Self>) -> Result<Tensor<Self>> {
        let mut to = Tensor::allocate(self, tensor.shape(), tensor.element(), Region::Job)?;
        let count = tensor.rows();
        self.launch(Op::CopyRows(CopyRows {
            from: tensor,
            from_row: 0,
            to: &mut to,
            to_row: 0,
            count,
        }))?;
        Ok(to)
    }

    /// Memory for an activation, to be filled by [`MemoryOps::copy_rows`].
    ///
    /// # Errors
    /// No memory.
    fn no_rows(&self, shape: Shape) -> Result<Tensor<Self>> {
        result_for(self, shape, None)
    }

    /// Copies the rows `rows` of `from` over the rows of `to` that begin at `to_row`.
    ///
    /// # Errors
    /// Different widths, or rows that do not exist.
    fn copy_rows(
        &self,
        to: &mut Tensor<Self>,
        to_row: usize,
        from: &Tensor<Self>,
        rows: Range<usize>,
    ) -> Result<()> {
        let fits = from.width() == to.width()
            && rows.start <= rows.end
            && rows.end <= from.rows()
            && to_row + rows.len() <= to.rows();
        ensure(fits, "copy_rows", || format!("rows {rows:?} of {from:?} to {to_row} of {to:?}"))?;
        let (from_row, count) = (rows.start, rows.len());
        self.launch(Op::CopyRows(CopyRows { from, from_row, to, to_row, count }))
    }

    /// The given rows of the given tensors, one after the other, as one packed tensor. This is how
    /// segments join and leave a batch.
    ///
    /// # Errors
    /// No memory, different widths, or rows that do not exist.
    fn pack(&self, pieces: &[(&Tensor<Self>, Range<usize>)]) -> Result<Tensor<Self>> {
        let Some((first, _)) = pieces.first() else {
            return Err(crate::Error::shape("pack", "nothing to pack"));
        };
        for (tensor, rows) in pieces {
            ensure(
                tensor.width() == first.width()
                    && rows.start <= rows.end
                    && rows.end <= tensor.rows(),
                "pack",
                || format!("rows {rows:?} of {tensor:?} beside {first:?}"),
            )?;
        }
        let rows = pieces.iter().map(|(_, rows)| rows.len()).sum();
        let shape = Shape::new(rows, first.width());
        let mut to = Tensor::allocate(self, shape, first.element(), Region::Step)?;
        let mut to_row = 0;
        for (from, rows) in pieces {
            let count = rows.len();
            let from_row = rows.start;
            self.launch(Op::CopyRows(CopyRows { from, from_row, to: &mut to, to_row, count }))?;
            to_row += count;
        }
        Ok(to)
    }
}

impl<B: Backend> MemoryOps for B {}
