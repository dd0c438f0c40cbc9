//! The end of a matrix product: bias, activation, and the way into the output, while sums are hot.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::{Element, Tensor, op};

use crate::device::Cpu;
use crate::isa::Isa;
use crate::kernel::PANEL;
use crate::math::{silu_all, swiglu_all};
use crate::panels::Panels;
use crate::quantise::GROUP;
use crate::view::{Elements, Rows, Shared};

/// What happens to a finished sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It is written.
    Store,
    /// Its `silu` is written.
    Silu,
    /// `silu` of the sum of the first source times that of the second is written.
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
    panels: &'a Panels,
    width: usize,
    out: Shared<'a>,
}

impl<'a> Epilogue<'a> {
    /// The end of a product with `panels` into `out`.
    pub(crate) fn new(
        isa: Isa,
        finish: Finish,
        panels: &'a Panels,
        bias: Option<&'a Tensor<Cpu>>,
        out: &'a mut Tensor<Cpu>,
    ) -> Self {
        let (bias, width) = (bias.map(Elements::of), out.width());
        Self { isa, finish, bias, panels, width, out: Shared::of(out) }
    }

    /// Panels that have to be finished together: those of a group, if the output is quantised.
    pub(crate) fn together(&self) -> usize {
        match self.out.element() {
            Element::Int8 => GROUP / PANEL,
            Element::F32 | Element::Bf16 | Element::U8 => 1,
        }
    }

    /// Finishes the sums of some panels, `[panel][source][row][PANEL]`, and writes them. The panels
    /// begin at a multiple of [`Self::together`], and so do those after them.
    ///
    /// # Safety
    /// No other task may be finishing one of the same panels for one of the same rows.
    pub(crate) unsafe fn apply(&self, panels: Range<usize>, rows: &Range<usize>, sums: &mut [f32]) {
        let each = self.panels.sources() * rows.len() * PANEL;
        for (panel, sums) in panels.clone().zip(sums.chunks_mut(each.max(1))) {
            self.activate(self.panels.columns(panel), rows.len(), sums);
        }
        if self.out.element() == Element::Int8 {
            // SAFETY: the caller's promise.
            unsafe { self.quantise(panels, rows, sums) };
            return;
        }
        for (panel, sums) in panels.zip(sums.chunks_mut(each.max(1))) {
            // SAFETY: panels differ in columns, and the caller keeps rows of one panel apart.
            unsafe { self.write(self.panels.columns(panel), rows, sums) };
        }
    }

    /// Adds the bias and applies the activation to the sums of one panel; the result lies in place of
    /// the first source.
    fn activate(&self, columns: Range<usize>, rows: usize, sums: &mut [f32]) {
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
            Finish::SwiGlu => {
                let (gates, gated) = sums.split_at_mut(rows * PANEL);
                swiglu_all(self.isa, gates, gated);
            }
            Finish::Store | Finish::Accumulate => {}
        }
    }

    /// Writes or adds the results of one panel.
    ///
    /// # Safety
    /// Nobody else may be at these columns of these rows.
    unsafe fn write(&self, columns: Range<usize>, rows: &Range<usize>, sums: &[f32]) {
        // SAFETY: the caller's promise.
        if let Some(out) = unsafe { self.out.f32_rows(rows.clone(), columns.clone()) } {
            self.write_f32(sums, out);
            return;
        }
        for (row, sums) in rows.clone().zip(sums.as_chunks::<PANEL>().0) {
            // SAFETY: as above; the rows that were not `f32` are gone.
            let mut out = unsafe { self.out.part(row, columns.clone()) };
            let sums = &sums[..columns.len()];
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

    /// Quantises the results of whole groups of panels and writes them.
    ///
    /// # Safety
    /// Nobody else may be at these panels of these rows.
    unsafe fn quantise(&self, panels: Range<usize>, rows: &Range<usize>, sums: &[f32]) {
        let each = self.panels.sources() * rows.len() * PANEL;
        for (group, sums) in
            panels.clone().step_by(self.together()).zip(sums.chunks(each * self.together()))
        {
            let last = (group + self.together()).min(panels.end) - 1;
            let columns = self.panels.columns(group).start..self.panels.columns(last).end;
            for (index, row) in rows.clone().enumerate() {
                let mut values = [0.0; GROUP];
                for (values, sums) in
                    values.as_chunks_mut::<PANEL>().0.iter_mut().zip(sums.chunks(each))
                {
                    values.copy_from_slice(&sums[index * PANEL..][..PANEL]);
                }
                // SAFETY: the caller's promise.
                let mut out = unsafe { self.out.part(row, columns.clone()) };
                out.store(self.isa, &values[..columns.len()]);
            }
        }
    }
}

/// `sums += terms`, as far as the former reach.
#[inline(always)]
fn add(sums: &mut [f32], terms: &[f32; PANEL]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
