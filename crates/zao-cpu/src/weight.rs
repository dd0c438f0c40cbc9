//! Taking weights in: matrices become panels, tables stay as they are stored.

use zao_backend::{Backend, Dtype, Element, Form, Matrix, Result, Role, Stored};

use crate::device::Cpu;
use crate::panels::{Panels, Source};

/// A weight as this device keeps it.
#[derive(Debug)]
pub struct CpuWeight(Kept);

#[derive(Debug)]
enum Kept {
    Panels(Panels),
    /// The file's own bytes, not copied.
    Table(Stored),
}

impl CpuWeight {
    /// What matrix multiplies and convolutions read; every role but [`Role::Table`].
    pub(crate) fn panels(&self) -> Result<&Panels> {
        match &self.0 {
            Kept::Panels(panels) => Ok(panels),
            Kept::Table(_) => Err(Cpu::unsupported("linear", "a table as a matrix")),
        }
    }

    /// What `embed` reads; only [`Role::Table`].
    pub(crate) fn table(&self) -> Result<&Stored> {
        match &self.0 {
            Kept::Table(table) => Ok(table),
            Kept::Panels(_) => Err(Cpu::unsupported("embed", "a matrix as a table")),
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
    let kept = kept_type(cpu.policy().linear_input, &parts);
    let source = match (matrix.role(), parts.as_slice()) {
        (Role::Table, [table]) => return Ok(CpuWeight(Kept::Table(table.clone()))),
        (Role::SwiGlu, [gate, up]) => Source::Paired([gate.clone(), up.clone()]),
        (Role::Conv, [kernel]) if matrix.kernel() > 1 => {
            Source::Stacked(vec![taps_outermost(kernel, matrix)])
        }
        _ => Source::Stacked(parts),
    };
    let depth = matrix.columns() * matrix.kernel() * matrix.kernel();
    let panels = Panels::pack(cpu, &source, (matrix.rows(), depth), kept)?;
    Ok(CpuWeight(Kept::Panels(panels)))
}

/// The type weights are kept in: bf16 if that is all that the policy or the file has.
fn kept_type(linear_input: Element, parts: &[Stored]) -> Dtype {
    let stored_as_bf16 = parts.iter().all(|part| part.dtype() == Dtype::Bf16);
    if linear_input == Element::Bf16 || stored_as_bf16 { Dtype::Bf16 } else { Dtype::F32 }
}

/// `[out, in, k, k]` as `[out, k, k, in]`: the order in which a window of a picture lies in memory.
fn taps_outermost(kernel: &Stored, matrix: &Matrix) -> Stored {
    let (inner, taps) = (matrix.columns(), matrix.kernel() * matrix.kernel());
    let mut values = kernel.to_f32();
    let mut row = vec![0.0; inner * taps];
    for values in values.chunks_mut((inner * taps).max(1)) {
        for (tap, row) in row.chunks_mut(inner).enumerate() {
            for (channel, value) in row.iter_mut().enumerate() {
                *value = values[channel * taps + tap];
            }
        }
        values.copy_from_slice(&row);
    }
    Stored::from_f32(&[matrix.rows(), inner * taps], &values)
}
