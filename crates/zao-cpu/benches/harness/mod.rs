//! What the benches share: devices of every family of instructions that this machine has, and
//! operands. Nothing is measured here.

#![allow(dead_code, reason = "each bench uses some of it")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use zao_backend::prelude::*;
use zao_backend::{Backend, Form, Matrix, Plan, Role, Shape, Stored};
use zao_cpu::{Cpu, CpuPrecision, Instructions, Settings};

/// The precisions.
pub(crate) const PRECISIONS: [CpuPrecision; 3] =
    [CpuPrecision::F32, CpuPrecision::Bf16, CpuPrecision::Int8];

/// Every variant of a kernel that runs here, on one thread, with its name.
pub(crate) fn variants() -> impl Iterator<Item = (String, Cpu)> {
    let families = Instructions::ALL.into_iter().filter(|family| family.is_available());
    families.flat_map(|family| PRECISIONS.map(|precision| variant(family, precision)))
}

fn variant(family: Instructions, precision: CpuPrecision) -> (String, Cpu) {
    let threads = std::num::NonZeroUsize::new(1);
    let cpu = Cpu::new(Settings { precision, threads, instructions: Some(family) }).unwrap();
    cpu.reserve(Plan { step: 256 << 20, job: 1 << 20 }).unwrap();
    (format!("{} {precision}", family.as_str()), cpu)
}

/// Values between -1 and 1 without a pattern.
pub(crate) fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i.wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 512.0 - 1.0).collect()
}

/// An `f32` tensor.
pub(crate) fn tensor(cpu: &Cpu, rows: usize, width: usize) -> Tensor<Cpu> {
    cpu.upload(Shape::new(rows, width), &noise(rows * width), Region::Step).unwrap()
}

/// A weight of one part.
pub(crate) fn weight(cpu: &Cpu, role: Role, shape: &[usize]) -> Weight<Cpu> {
    let form = Form::Dense(Stored::from_f32(shape, &noise(shape.iter().product())));
    Weight::load(cpu, &Matrix::new("weight", role, vec![form]).unwrap()).unwrap()
}
