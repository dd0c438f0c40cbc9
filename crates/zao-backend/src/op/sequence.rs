//! What makes and marks tokens: embeddings, time, pad tokens.

use super::{Op, all_f32, ensure, f32_result, result_for};
use crate::{Backend, Error, Result, Role, Shape, Tensor, Weight};
use std::ops::Range;

/// `out[i] = table[ids[i]]`.
pub struct Embed<'a, B: Backend> {
    /// Token ids, each less than `table.rows()`.
    pub ids: &'a [u32],
    /// `[vocabulary, width]` of [`Role::Table`].
    pub table: &'a Weight<B>,
    /// `[tokens, width]`.
    pub out: &'a mut Tensor<B>,
}

/// `out[i] = [cos(t_i f_0) .. cos(t_i f_(d/2-1)), sin(t_i f_0) ..]` with
/// `f_j = exp(-ln(10000) j / (d/2))`, everything in `f32` as diffusers computes it.
pub struct TimestepEmbedding<'a, B: Backend> {
    /// The times, already multiplied by the model's time scale.
    pub times: &'a [f32],
    /// `[times, width]`, an even width.
    pub out: &'a mut Tensor<B>,
}

/// `out = x / (1 + exp(-x))`.
pub struct Silu<'a, B: Backend> {
    /// Any shape.
    pub x: &'a Tensor<B>,
    /// The same shape.
    pub out: &'a mut Tensor<B>,
}

/// Writes `vector` over the given rows of `x`.
pub struct FillRows<'a, B: Backend> {
    /// `[tokens, width]`, changed in place.
    pub x: &'a mut Tensor<B>,
    /// The rows to overwrite.
    pub rows: Range<usize>,
    /// `[1, width]`, `f32`.
    pub vector: &'a Tensor<B>,
}

/// Embeddings and pad tokens.
pub trait SequenceOps: Backend {
    /// Looks token ids up, `[tokens] -> [tokens, width]`.
    ///
    /// # Errors
    /// No memory, or an id outside the table.
    fn embed(&self, ids: &[u32], table: &Weight<Self>) -> Result<Tensor<Self>> {
        ensure(table.role() == Role::Table, "embed", || format!("{table:?} is not a table"))?;
        if let Some(id) = ids.iter().find(|&&id| id as usize >= table.rows()) {
            let detail = format!("token id {id} in a vocabulary of {}", table.rows());
            return Err(Error::shape("embed", detail));
        }
        let mut out = result_for(self, Shape::new(ids.len(), table.columns()), None)?;
        self.launch(Op::Embed(Embed { ids, table, out: &mut out }))?;
        Ok(out)
    }

    /// Sinusoidal embedding of `times`, `[n] -> [n, width]`.
    ///
    /// # Errors
    /// No memory, or an odd width.
    fn timestep_embedding(&self, times: &[f32], width: usize) -> Result<Tensor<Self>> {
        ensure(width.is_multiple_of(2), "timestep_embedding", || format!("odd width {width}"))?;
        let mut out = f32_result(self, Shape::new(times.len(), width))?;
        self.launch(Op::TimestepEmbedding(TimestepEmbedding { times, out: &mut out }))?;
        Ok(out)
    }

    /// `silu(x)`, read next by `feeds`.
    ///
    /// # Errors
    /// No memory.
    fn silu(&self, x: &Tensor<Self>, feeds: Option<&Weight<Self>>) -> Result<Tensor<Self>> {
        let mut out = result_for(self, x.shape(), feeds)?;
        self.launch(Op::Silu(Silu { x, out: &mut out }))?;
        Ok(out)
    }

    /// Overwrites the given rows of `x` with `vector`.
    ///
    /// # Errors
    /// Rows or a width that `x` does not have.
    fn fill_rows(
        &self,
        x: &mut Tensor<Self>,
        rows: Range<usize>,
        vector: &Tensor<Self>,
    ) -> Result<()> {
        let fits = vector.shape() == Shape::new(1, x.width())
            && all_f32([vector])
            && rows.start <= rows.end
            && rows.end <= x.rows();
        ensure(fits, "fill_rows", || format!("rows {rows:?} of {x:?} with {vector:?}"))?;
        self.launch(Op::FillRows(FillRows { x, rows, vector }))
    }
}

impl<B: Backend> SequenceOps for B {}
