//! Attention: which kernel takes which, and 8-bit results.

mod division;
mod hopper;
mod portable;

use zao_backend::op::Attention;
use zao_backend::{Element, Result};

use crate::address::{scales, start};
use crate::device::Cuda;
use crate::quantise::{Quantised, quantise};

pub(crate) use hopper::WorkLists;

/// `Attention` of `zao-backend`.
pub(crate) fn attention(cuda: &Cuda, op: Attention<'_, Cuda>) -> Result<()> {
    let attend = if hopper::takes(cuda, &op) {
        hopper::attend
    } else if portable::takes(cuda, &op) {
        portable::attend
    } else {
        let what = format!("heads {} wide of {:?}", op.heads.dim, op.qkv.element());
        return Err(cuda.unsupported("attention", what));
    };
    let (element, to) = (op.qkv.element(), op.out.element());
    if to == element {
        return attend(cuda, &op, start(op.out));
    }
    if !matches!(to, Element::Fp8 | Element::Int8) {
        return Err(cuda.unsupported("attention", format!("from {element:?} to {to:?}")));
    }
    // The scale of a row spans all heads, so it is known only after all of them.
    let out = cuda.scratch(op.out.shape().len() * element.size())?;
    attend(cuda, &op, out)?;
    let (rows, width) = (op.out.rows(), op.out.width());
    let quantised =
        Quantised { values: start(op.out), scales: scales(op.out), element: to, rows, width };
    quantise(cuda, out, element, quantised)
}
