//! How much arithmetic an operation is, from its shapes alone: what a speed is measured against. How
//! a device does it, and what else it does, is not counted.

use crate::Backend;
use crate::op::{Attention, Conv2d, Linear, Mask, Op, TermMatrix, sums};

impl<B: Backend> Op<'_, B> {
    /// Additions and multiplications of the products in this operation: two for each pair of numbers
    /// that are multiplied. Everything that grows with the number of tokens only (norms, rotations,
    /// softmax, copies) counts as nothing, as is usual where such numbers are compared.
    #[must_use]
    pub fn flops(&self) -> u64 {
        2 * match self {
            Self::Linear(op) => linear(op),
            Self::Attention(op) => attention(op),
            Self::Conv2d(op) => conv2d(op),
            Self::RmsNorm(_)
            | Self::LayerNormScale(_)
            | Self::GatedResidual(_)
            | Self::GatedResidualNorm(_)
            | Self::QkNormRope(_)
            | Self::Embed(_)
            | Self::TimestepEmbedding(_)
            | Self::Silu(_)
            | Self::FillRows(_)
            | Self::CopyRows(_)
            | Self::Patchify(_)
            | Self::Unpatchify(_)
            | Self::EulerStep(_)
            | Self::CfgCombine(_)
            | Self::LatentToImage(_)
            | Self::GroupMoments(_)
            | Self::GroupFactors(_)
            | Self::Normalise(_)
            | Self::ToRgb8(_) => 0,
        }
    }
}

fn linear<B: Backend>(op: &Linear<'_, B>) -> u64 {
    let terms = op.changes.iter().flat_map(|change| &change.terms);
    let terms = terms.map(|term| match &term.matrix {
        TermMatrix::Weight(weight) => product([term.input.shape().len(), sums(weight)]),
        TermMatrix::Kronecker { left, .. } => product([term.input.shape().len(), left.rows()]),
    });
    product([op.x.rows(), sums(op.weight), op.weight.columns()]) + terms.sum::<u64>()
}

/// Scores and the sum of values: each query meets each key that it may see twice.
fn attention<B: Backend>(op: &Attention<'_, B>) -> u64 {
    let pairs = |length: usize| match op.mask {
        Mask::Full => product([length, length]),
        Mask::Causal => product([length, length + 1]) / 2,
    };
    let pairs: u64 = op.segments.iter().map(|rows| pairs(rows.len())).sum();
    2 * pairs * op.heads.out_width() as u64
}

fn conv2d<B: Backend>(op: &Conv2d<'_, B>) -> u64 {
    let taps = op.weight.kernel() * op.weight.kernel();
    product([op.out.rows(), taps, op.weight.columns(), op.weight.rows()])
}

fn product<const N: usize>(sizes: [usize; N]) -> u64 {
    sizes.into_iter().map(|size| size as u64).product()
}

#[cfg(test)]
mod tests {
    use crate::op::Stride;
    use crate::prelude::*;
    use crate::{Form, Matrix, Planner, Result, Role, Scalar, Shape, Weight};

    fn tensor(b: &Planner, rows: usize, width: usize) -> Tensor<Planner> {
        b.upload(Shape::new(rows, width), &vec![0.0; rows * width], Region::Step).unwrap()
    }

    fn weight(b: &Planner, role: Role, parts: &[&[usize]]) -> Weight<Planner> {
        let parts = parts.iter().map(|shape| Form::Hollow(shape.to_vec())).collect();
        Weight::load(b, &Matrix::new("weight", role, parts).unwrap()).unwrap()
    }

    fn counted(run: impl FnOnce(&Planner) -> Result<()>) -> u64 {
        let b = Planner::new(Scalar.policy());
        run(&b).unwrap();
        b.flops()
    }

    #[test]
    fn products_count_two_for_each_pair_of_numbers() {
        let linear = counted(|b| {
            let w = weight(b, Role::Linear, &[&[5, 7], &[4, 7]]);
            b.linear(&tensor(b, 3, 7), &w, None).map(drop)
        });
        assert_eq!(linear, 2 * 3 * 7 * 9);
        let swiglu = counted(|b| {
            let w = weight(b, Role::SwiGlu, &[&[5, 7], &[5, 7]]);
            b.swiglu(&tensor(b, 3, 7), &w, None).map(drop)
        });
        assert_eq!(swiglu, 2 * 3 * 7 * 10);
        let conv = counted(|b| {
            let w = weight(b, Role::Conv, &[&[6, 5, 3, 3]]);
            let (x, bias) = (tensor(b, 32, 5), tensor(b, 1, 6));
            let view = View::whole(&x, Grid::new(4, 8));
            b.conv2d(view, &w, &bias, Stride::Two, 0..2).map(drop)
        });
        assert_eq!(conv, 2 * 8 * 9 * 5 * 6);
    }

    #[test]
    fn attention_counts_the_pairs_that_see_each_other() {
        let heads = Heads { query: 4, kv: 2, dim: 8 };
        let attention = |mask| {
            counted(|b| {
                let qkv = tensor(b, 5, heads.qkv_width());
                b.attention(&qkv, heads, &Segments::new([2, 3]), mask, None).map(drop)
            })
        };
        assert_eq!(attention(Mask::Full), 4 * (4 + 9) * 32);
        assert_eq!(attention(Mask::Causal), 4 * (3 + 6) * 32);
    }

    #[test]
    fn what_is_no_product_is_not_counted() {
        let norm =
            counted(|b| b.rms_norm(&tensor(b, 3, 7), &tensor(b, 1, 7), 0.0, None, None).map(drop));
        assert_eq!(norm, 0);
    }
}
