//! Products by weights that stay packed: unpacked piece by piece, each piece multiplied before the next takes its place.
//!
//! A piece is some outputs. No sum is cut, so the bits are those of a weight that was unpacked when it was loaded.

use zao_backend::Result;

use super::{Ending, Product};
use crate::device::Cuda;
use crate::packed::{PackedAtHand, Unpacked};

/// Hands `product` to `multiply` with its first output; one by a packed weight piece by piece.
pub(super) fn each(
    cuda: &Cuda,
    product: &Product,
    packed: Option<&PackedAtHand<'_>>,
    multiply: impl Fn(&Product, usize) -> Result<()>,
) -> Result<()> {
    let Some(packed) = packed else { return multiply(product, 0) };
    if product.rows == 0 {
        return Ok(());
    }
    for outputs in packed.slices() {
        let weight = packed.unpack(cuda, &outputs)?;
        multiply(&product.of_outputs(outputs.start, outputs.len(), weight), outputs.start)?;
    }
    Ok(())
}

impl Product {
    /// The `count` outputs from `first` on, whose part of the weight is `weight`.
    fn of_outputs(&self, first: usize, count: usize, weight: Unpacked) -> Self {
        let columns = if self.ending == Ending::SwiGlu { first / 2 } else { first };
        Self {
            weight: weight.values,
            weight_scales: weight.scales,
            bias: super::scales_from(self.bias, first),
            out: self.out.plus(columns * self.out_element.size()),
            outputs: count,
            ..*self
        }
    }
}
