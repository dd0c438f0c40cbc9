//! Taking weights in: matrices become panels; tables, panels and what is packed stay as they are stored.

use zao_backend::{Backend, Care, Dtype, Element, Form, Int8Panels, Matrix, Result, Role, Stored};

use crate::device::Cpu;
use crate::kernel::PANEL;
use crate::panels::{Kept, PackedMatrix, Panels, Part};
use crate::settings::CpuPrecision;

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
    let (mut dense, mut panels) = (Vec::new(), Vec::new());
    for form in matrix.parts() {
        match form {
            Form::Dense(stored) => dense.push(stored.clone()),
            Form::Int8Panels(part) => panels.push(part),
            Form::Blocks(_) | Form::Scaled(_) => {
                return load_packed(cpu, matrix).map(Held::Panels).map(CpuWeight);
            }
            _ => return Err(refused(matrix, "without values it is no weight")),
        }
    }
    // Parts are all of one form.
    let held = if panels.is_empty() {
        load_dense(cpu, matrix, &dense)?
    } else {
        Held::Panels(load_panels(matrix, &panels)?)
    };
    Ok(CpuWeight(held))
}

/// A weight with parts that stay packed, beside which others may be dense.
fn load_packed(cpu: &Cpu, matrix: &Matrix) -> Result<Panels> {
    if matrix.care() != Care::Usual || !matches!(matrix.role(), Role::Linear | Role::SwiGlu) {
        return Err(refused(matrix, "this device takes its values, not what they are packed in"));
    }
    let depth = matrix.columns();
    let kept = |stored_as_bf16| kept(cpu.policy().linear_input, Care::Usual, stored_as_bf16);
    let part = |form: &Form| match form {
        Form::Dense(stored) => {
            let kept = kept(stored.dtype() == Dtype::Bf16);
            Part::pack(cpu, std::slice::from_ref(stored), depth, kept)
        }
        _ => match PackedMatrix::new(form) {
            Some(packed) => Ok(Part::packed(packed, kept(false))),
            None => {
                let why = "it is rotated in too large blocks; this device takes its values";
                Err(refused(matrix, why))
            }
        },
    };
    let kept = kept(false);
    match (matrix.role(), matrix.parts()) {
        (Role::SwiGlu, [gate, up]) => Ok(Panels::paired([part(gate)?, part(up)?], depth, kept)),
        (_, parts) => {
            let whole = |form: &Form| form.shape()[0].is_multiple_of(PANEL);
            if !parts.split_last().is_some_and(|(_, before)| before.iter().all(whole)) {
                let why =
                    "parts before the last fill no whole panels; this device takes their values";
                return Err(refused(matrix, why));
            }
            let parts = parts.iter().map(part).collect::<Result<_>>()?;
            Ok(Panels::stacked(parts, depth, kept))
        }
    }
}

fn load_dense(cpu: &Cpu, matrix: &Matrix, parts: &[Stored]) -> Result<Held> {
    let stored_as_bf16 = parts.iter().all(|part| part.dtype() == Dtype::Bf16);
    let kept = kept(cpu.policy().linear_input, matrix.care(), stored_as_bf16);
    let depth = matrix.columns();
    let panels = match (matrix.role(), parts) {
        (Role::Table, [table]) => return Ok(Held::Table(table.clone())),
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
    Ok(Held::Panels(panels))
}

/// Quantised panels as they lie in their file.
fn load_panels(matrix: &Matrix, parts: &[&Int8Panels]) -> Result<Panels> {
    if matrix.care() != Care::Usual {
        return Err(refused(matrix, "it is stored in int8 and has to be bf16 or better"));
    }
    let (depth, kept) = (matrix.columns(), Kept::Int8);
    match (matrix.role(), parts) {
        (Role::SwiGlu, [gate, up]) => {
            Ok(Panels::paired([Part::mapped(gate)?, Part::mapped(up)?], depth, kept))
        }
        (Role::Linear, parts) => Ok(Panels::stacked(Part::mapped_stack(parts)?, depth, kept)),
        _ => Err(refused(matrix, "it is stored in int8, which only linear layers can be")),
    }
}

fn refused(matrix: &Matrix, why: &str) -> zao_backend::Error {
    Cpu::unsupported("load", format!("{}: {why}", matrix.name()))
}

/// Bytes of main memory that a dense matrix takes once it is loaded in this precision: a whole weight,
/// or a part of one. `shape` is `[out, in]` or `[out, in, k, k]`.
#[must_use]
pub fn kept_bytes(
    precision: CpuPrecision,
    (role, care): (Role, Care),
    dtype: Dtype,
    shape: &[usize],
) -> u64 {
    let kept = match role {
        Role::Table => return shape.iter().product::<usize>() as u64 * dtype.size() as u64,
        _ => kept(precision.policy().linear_input, care, dtype == Dtype::Bf16),
    };
    let [rows, columns, taps @ ..] = shape else { return 0 };
    let taps: usize = taps.iter().product();
    let depth = if taps > 1 { taps * padded_channels(*columns, kept) } else { *columns };
    let words = depth.div_ceil(kept.inputs());
    let scales = usize::from(kept == Kept::Int8);
    (rows.next_multiple_of(PANEL) * (words + scales) * size_of::<u32>()) as u64
}

/// Bytes of memory that a part takes which is multiplied as it is packed; `None` for what has to be unpacked before
/// it is loaded. That are the same in every precision.
#[must_use]
pub fn packed_bytes(
    _precision: CpuPrecision,
    (role, care): (Role, Care),
    form: &Form,
) -> Option<u64> {
    let linear = matches!(role, Role::Linear | Role::SwiGlu) && care == Care::Usual;
    // A part that ends within a panel could not have another behind it, in a stack.
    let whole = role == Role::SwiGlu || form.shape().first()?.is_multiple_of(PANEL);
    (linear && whole && PackedMatrix::new(form).is_some()).then_some(form.bytes() as u64)
}

/// What a weight is kept in: what the precision multiplies, as far as care lets it, or bf16 if that is
/// all that the file has.
fn kept(linear_input: Element, care: Care, stored_as_bf16: bool) -> Kept {
    match linear_input {
        Element::Int8 if care == Care::Usual => Kept::Int8,
        Element::Int8 | Element::Bf16 => Kept::Bf16,
        Element::F32 | Element::Fp8 | Element::U8 if stored_as_bf16 => Kept::Bf16,
        Element::F32 | Element::Fp8 | Element::U8 => Kept::F32,
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
