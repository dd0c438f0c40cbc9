//! Taking weights in: matrices become panels, tables stay as they are stored.

use zao_backend::{Backend, Care, Dtype, Element, Form, Matrix, Result, Role, Stored};

use crate::device::Cpu;
use crate::panels::{Kept, Panels, Part};

/// A weight as this device keeps it.
#[derive(Debug)]
pub struct CpuWeight(Held);

#[derive(Debug)]
enum Held {
    Panels(Panels),
    /// The file's own bytes, not copied.
    Table(Stored),
}

impl CpuWeight {
    /// What matrix multiplies and convolutions read; every role but [`Role::Table`].
    pub(crate) fn panels(&self) -> Result<&Panels> {
        match &self.0 {
            Held::Panels(panels) => Ok(panels),
            Held::Table(_) => Err(Cpu::unsupported("linear", "a table as a matrix")),
        }
    }

    /// What `embed` reads; only [`Role::Table`].
    pub(crate) fn table(&self) -> Result<&Stored> {
        match &self.0 {
            Held::Table(table) => Ok(table),
            Held::Panels(_) => Err(Cpu::unsupported("embed", "a matrix as a table")),
        }
    }
}

/// Takes a matrix in, in the form that its role asks for.
pub(crate) fn load(cpu: &Cpu, matrix: &Matrix) -> Result<CpuWeight> {
    let parts = matrix
        .parts()
        .iter()
        .map(|form| match form {
            Form::Dense(stored) => Ok(stored.clone()),
            _ => Err(Cpu::unsupported(
                "load",
                format!("{}: only dense weights have a kernel here", matrix.name()),
            )),
        })
        .collect::<Result<Vec<_>>>()?;
    let kept = kept(cpu.policy().linear_input, matrix.care(), &parts);
    let depth = matrix.columns();
    let panels = match (matrix.role(), parts.as_slice()) {
        (Role::Table, [table]) => return Ok(CpuWeight(Held::Table(table.clone()))),
        (Role::SwiGlu, [gate, up]) => {
            let pack = |part: &Stored| Part::pack(cpu, std::slice::from_ref(part), depth, kept);
            Panels::paired([pack(gate)?, pack(up)?], depth, kept)
        }
        (Role::Conv, [kernel]) if matrix.kernel() > 1 => {
            let (kernel, depth) = taps_outermost(kernel, matrix, padded_channels(depth, kept));
            Panels::stacked(vec![Part::pack(cpu, &[kernel], depth, kept)?], depth, kept)
        }
        (_, parts) => Panels::stacked(vec![Part::pack(cpu, parts, depth, kept)?], depth, kept),
    };
    Ok(CpuWeight(Held::Panels(panels)))
}

/// What a weight is kept in: what the precision multiplies, as far as care lets it, or bf16 if that is
/// all that the file has.
fn kept(linear_input: Element, care: Care, parts: &[Stored]) -> Kept {
    let stored_as_bf16 = parts.iter().all(|part| part.dtype() == Dtype::Bf16);
    match linear_input {
        Element::Int8 if care == Care::Usual => Kept::Int8,
        Element::Int8 | Element::Bf16 => Kept::Bf16,
        Element::F32 | Element::U8 if stored_as_bf16 => Kept::Bf16,
        Element::F32 | Element::U8 => Kept::F32,
    }
}

/// Channels of a window's cell, with zeros up to a whole word behind them.
pub(crate) const fn padded_channels(channels: usize, kept: Kept) -> usize {
    channels.next_multiple_of(kept.inputs())
}

/// `[out, in, k, k]` as `[out, k, k, channels]`: the order in which a window of a picture lies in
/// memory. Returns also how many inputs that are.
fn taps_outermost(kernel: &Stored, matrix: &Matrix, channels: usize) -> (Stored, usize) {
    let (inner, taps) = (matrix.columns(), matrix.kernel() * matrix.kernel());
    let depth = taps * channels;
    let values = kernel.to_f32();
    let mut windows = vec![0.0; matrix.rows() * depth];
    for (values, window) in
        values.chunks((inner * taps).max(1)).zip(windows.chunks_mut(depth.max(1)))
    {
        for (tap, cell) in window.chunks_mut(channels).enumerate() {
            for (channel, value) in cell[..inner].iter_mut().enumerate() {
                *value = values[channel * taps + tap];
            }
        }
    }
    (Stored::from_f32(&[matrix.rows(), depth], &windows), depth)
}
