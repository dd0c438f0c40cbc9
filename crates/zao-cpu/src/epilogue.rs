//! The end of a matrix product: bias, activation, and the way into the output, while sums are hot.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::{Tensor, op};

use crate::device::Cpu;
use crate::math::{silu_all, swiglu_panels};
use crate::matmul::PANEL;
use crate::panels::Panels;
use crate::simd::Isa;
use crate::view::{Elements, Rows, Shared};

/// What happens to a finished sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It is written.
    Store,
    /// Its `silu` is written.
    Silu,
    /// `silu` of the first half of a panel times the second half is written.
    SwiGlu,
    /// It is added to the output.
    Accumulate,
}

impl From<op::Epilogue> for Finish {
    fn from(epilogue: op::Epilogue) -> Self {
        match epilogue {
            op::Epilogue::Store => Self::Store,
            op::Epilogue::Silu => Self::Silu,
            op::Epilogue::Accumulate => Self::Accumulate,
        }
    }
}

/// Where sums go, shared by the tasks of one product.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    isa: Isa,
    finish: Finish,
    bias: Option<Elements<'a>>,
    /// Outputs of a panel.
    outputs: usize,
    /// Outputs of all panels.
    width: usize,
    out: Shared<'a>,
}

impl<'a> Epilogue<'a> {
    /// The end of a product with `panels` into `out`.
    pub(crate) fn new(
        isa: Isa,
        finish: Finish,
        panels: &Panels,
        bias: Option<&'a Tensor<Cpu>>,
        out: &'a mut Tensor<Cpu>,
    ) -> Self {
        let (bias, outputs, width) = (bias.map(Elements::of), panels.outputs, out.width());
        Self { isa, finish, bias, outputs, width, out: Shared::of(out) }
    }

    /// Finishes the sums of one panel, [`PANEL`] for each of `rows`, and writes them.
    ///
    /// # Safety
    /// No other task may be finishing the same panel for one of the same rows.
    pub(crate) unsafe fn apply(&self, panel: usize, rows: Range<usize>, sums: &mut [f32]) {
        let first = panel * self.outputs;
        let columns = first..(first + self.outputs).min(self.width);
        if let Some(elements) = self.bias {
            let mut bias = [0.0; PANEL];
            let row = Rows { elements, width: self.width };
            row.part(0, columns.clone()).load(self.isa, &mut bias[..columns.len()]);
            self.isa.run(
                #[inline(always)]
                || {
                    for sums in sums.as_chunks_mut::<PANEL>().0 {
                        add(sums, &bias);
                    }
                },
            );
        }
        match self.finish {
            Finish::Silu => silu_all(self.isa, sums),
            Finish::SwiGlu => swiglu_panels(self.isa, sums),
            Finish::Store | Finish::Accumulate => {}
        }
        // SAFETY: panels differ in columns, and the caller keeps rows of one panel apart.
        if let Some(out) = unsafe { self.out.f32_rows(rows.clone(), columns.clone()) } {
            self.write_f32(sums, out);
            return;
        }
        for (row, sums) in rows.zip(sums.as_chunks_mut::<PANEL>().0) {
            // SAFETY: as above; the rows that were not `f32` are gone.
            let mut out = unsafe { self.out.part(row, columns.clone()) };
            let sums = &mut sums[..columns.len()];
            match self.finish {
                Finish::Accumulate => out.add(self.isa, sums),
                Finish::Store | Finish::Silu | Finish::SwiGlu => out.store(self.isa, sums),
            }
        }
    }

    /// Writes or adds sums to parts of rows, as wide as a panel has outputs.
    fn write_f32<'b>(&self, sums: &[f32], out: impl Iterator<Item = &'b mut [f32]>) {
        let accumulate = self.finish == Finish::Accumulate;
        self.isa.run(
            #[inline(always)]
            || {
                for (sums, out) in sums.as_chunks::<PANEL>().0.iter().zip(out) {
                    // Whole panels, nearly all there are, have a length that compilers can see.
                    match (<&mut [f32; PANEL]>::try_from(&mut *out).ok(), accumulate) {
                        (Some(out), true) => add(out, sums),
                        (Some(out), false) => *out = *sums,
                        (None, true) => add(out, sums),
                        (None, false) => out.copy_from_slice(&sums[..out.len()]),
                    }
                }
            },
        );
    }
}

/// `sums += terms`, as far as the former reach.
#[inline(always)]
fn add(sums: &mut [f32], terms: &[f32; PANEL]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
