//! Blocks that tokens pass one after the other. The end of one and the norm of the next are one operation, so
//! the stream is read and written once between them.

use zao_backend::prelude::*;

use super::block::{Adaln, Block, Layout};
use crate::Result;

/// The adaLN outputs of a forward, of which each block has four vectors.
pub(super) struct AdalnTable<'a, B: Backend> {
    /// One row a segment; `scale_msa, gate_msa, scale_mlp, gate_mlp` of one block after the other.
    pub(super) table: &'a Tensor<B>,
    /// Which of the table's blocks is the first of the stack.
    pub(super) first: usize,
}

impl<'a, B: Backend> AdalnTable<'a, B> {
    /// Of block `index` of the stack, over tokens of `width`.
    fn block(&self, index: usize, width: usize, segments: &'a Segments) -> Adaln<'a, B> {
        let vector = |vector: usize| {
            let column = (4 * (self.first + index) + vector) * width;
            Modulation { table: self.table, column, segments }
        };
        let [scale_msa, gate_msa, scale_mlp, gate_mlp] = [0, 1, 2, 3].map(vector);
        Adaln { scale_msa, gate_msa, scale_mlp, gate_mlp }
    }
}

/// Takes the packed tokens `x`, `[tokens, dim]`, through `blocks`, in place.
pub(super) fn pass<B: Backend>(
    b: &B,
    blocks: &[Block<B>],
    x: &mut Tensor<B>,
    layout: &Layout<'_, B>,
    adaln: Option<&AdalnTable<'_, B>>,
) -> Result<()> {
    let width = x.width();
    let adaln_of = |index| adaln.map(|table| table.block(index, width, layout.segments));
    let mut blocks = blocks.iter();
    let Some(mut block) = blocks.next() else { return Ok(()) };
    let mut adaln = adaln_of(0);
    let NextNorm { weight, eps, scale, feeds } = block.entry(adaln.as_ref());
    let mut h = b.rms_norm(x, weight, eps, scale, feeds)?;
    for (index, next) in (1..).zip(blocks) {
        let y = block.forward(b, x, h, layout, adaln.as_ref())?;
        let next_adaln = adaln_of(index);
        h = block.leave_for(b, x, &y, adaln.as_ref(), next.entry(next_adaln.as_ref()))?;
        (block, adaln) = (next, next_adaln);
    }
    let y = block.forward(b, x, h, layout, adaln.as_ref())?;
    block.leave(b, x, &y, adaln.as_ref())
}
