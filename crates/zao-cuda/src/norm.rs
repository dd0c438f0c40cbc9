//! Normalisations over the width of a token.

use zao_backend::op::{GatedResidual, GatedResidualNorm, LayerNormScale, Modulation, RmsNorm};
use zao_backend::{Element, Result};

use crate::address::{int, scales, start};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, args};
use crate::rows::{RowKernel, at_once, no_kernel, row_kernel};

/// `RmsNorm` of `zao-backend`.
pub(crate) fn rms_norm(cuda: &Cuda, op: RmsNorm<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.x.element(), op.out.element());
    let kernel = row_kernel!("rms_norm", from, to);
    let kernel = kernel.ok_or_else(|| no_kernel(cuda, "rms_norm", from, to))?;
    let (rows, width) = (op.x.rows(), op.x.width());
    let (kernel, launch) = kernel.over(cuda, "norm", rows, width)?;
    let launch = at_once(cuda, &kernel, launch)?;
    let scale = Modulated::by(cuda, op.scale)?;
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(op.x),
                start(op.weight),
                scale,
                start(op.out),
                scales(op.out),
                int(rows)?,
                int(width)?,
                op.eps
            ],
        )
    }
}

/// `LayerNormScale` of `zao-backend`.
pub(crate) fn layer_norm_scale(cuda: &Cuda, op: LayerNormScale<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.x.element(), op.out.element());
    let kernel = row_kernel!("layer_norm_scale", from, to);
    let kernel = kernel.ok_or_else(|| no_kernel(cuda, "layer_norm_scale", from, to))?;
    let (rows, width) = (op.x.rows(), op.x.width());
    let (kernel, launch) = kernel.over(cuda, "norm", rows, width)?;
    let launch = at_once(cuda, &kernel, launch)?;
    let scale = Modulated::by(cuda, Some(op.scale))?;
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(op.x),
                scale,
                start(op.out),
                scales(op.out),
                int(rows)?,
                int(width)?,
                op.eps
            ],
        )
    }
}

/// `GatedResidual` of `zao-backend`.
pub(crate) fn gated_residual(cuda: &Cuda, op: GatedResidual<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.y.element(), op.x.element());
    let kernel = match (from, to) {
        (Element::F32, Element::F32) => {
            RowKernel { held: "gated_residual_f32", any: "gated_residual_f32_any" }
        }
        (Element::Bf16, Element::Bf16) => {
            RowKernel { held: "gated_residual_bf16", any: "gated_residual_bf16_any" }
        }
        _ => return Err(no_kernel(cuda, "gated_residual", from, to)),
    };
    let (rows, width) = (op.x.rows(), op.x.width());
    let (kernel, launch) = kernel.over(cuda, "norm", rows, width)?;
    let launch = at_once(cuda, &kernel, launch)?;
    let gate = Modulated::by(cuda, op.gate)?;
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(op.x),
                start(op.y),
                start(op.weight),
                gate,
                int(rows)?,
                int(width)?,
                op.eps
            ],
        )
    }
}

/// `GatedResidualNorm` of `zao-backend`.
pub(crate) fn gated_residual_norm(cuda: &Cuda, op: GatedResidualNorm<'_, Cuda>) -> Result<()> {
    let GatedResidual { x, y, weight, eps, gate } = op.residual;
    let (stream, to) = (x.element(), op.out.element());
    let kernel = row_kernel!("gated_residual_norm", stream, to);
    let kernel = kernel.filter(|_| y.element() == stream);
    let kernel = kernel.ok_or_else(|| no_kernel(cuda, "gated_residual_norm", stream, to))?;
    let (rows, width) = (x.rows(), x.width());
    let (kernel, launch) = kernel.over(cuda, "norm", rows, width)?;
    let launch = at_once(cuda, &kernel, launch)?;
    let (gate, scale) = (Modulated::by(cuda, gate)?, Modulated::by(cuda, op.scale)?);
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(x),
                start(y),
                start(weight),
                gate,
                eps,
                start(op.weight),
                scale,
                op.eps,
                start(op.out),
                scales(op.out),
                int(rows)?,
                int(width)?
            ],
        )
    }
}

/// `Modulation` of `kernels/modulation.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Modulated {
    table: DevicePtr,
    offsets: DevicePtr,
    segments: i32,
    columns: i32,
    table_is_bf16: i32,
}

// SAFETY: the same layout: two addresses and three `int`s.
unsafe impl Argument for Modulated {}

impl Modulated {
    /// The table as kernels take it; without one, null.
    fn by(cuda: &Cuda, modulation: Option<Modulation<'_, Cuda>>) -> Result<Self> {
        let Some(modulation) = modulation else {
            let (table, offsets) = (DevicePtr::NULL, DevicePtr::NULL);
            return Ok(Self { table, offsets, segments: 0, columns: 0, table_is_bf16: 0 });
        };
        let element = modulation.table.element();
        if !matches!(element, Element::F32 | Element::Bf16) {
            return Err(cuda.unsupported("modulation", format!("a table of {element:?}")));
        }
        Ok(Self {
            table: start(modulation.table).plus(modulation.column * element.size()),
            offsets: cuda.segments(modulation.segments)?,
            segments: int(modulation.segments.len())?,
            columns: int(modulation.table.width())?,
            table_is_bf16: i32::from(element == Element::Bf16),
        })
    }
}
