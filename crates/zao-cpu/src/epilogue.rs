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
use crate::view::{Elements, ElementsMut, Rows, Shared};

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
    /// Whether sums come with the scales of their weight.
    scaled: bool,
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
        Self { isa, finish, bias, panels, width, scaled: false, out: Shared::of(out) }
    }

    /// The same end of sums that were scaled already.
    pub(crate) fn of_scaled(self) -> Self {
        Self { scaled: true, ..self }
    }

    /// Panels that have to be finished together: those of a group, if the output is quantised.
    pub(crate) fn together(&self) -> usize {
        match self.out.element() {
            Element::Int8 => GROUP / PANEL,
            Element::F32 | Element::Bf16 | Element::Fp8 | Element::U8 => 1,
        }
    }

    /// Scales and finishes the sums of some panels, `[panel][source][row][PANEL]`, and writes them. The panels
    /// begin at a multiple of [`Self::together`], and so do those after them.
    ///
    /// # Safety
    /// No other task may be finishing one of the same panels for one of the same rows.
    pub(crate) unsafe fn apply(&self, panels: Range<usize>, rows: &Range<usize>, sums: &mut [f32]) {
        let each = self.panels.sources() * rows.len() * PANEL;
        for (panel, sums) in panels.clone().zip(sums.chunks_mut(each.max(1))) {
            self.activate(panel, rows.len(), sums);
        }
        if self.out.element() == Element::Int8 {
            // SAFETY: the caller's promise.
            unsafe { self.quantise(panels, rows, sums) };
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.write(panels, rows, sums) };
    }

    /// The factors of the sums of a panel.
    fn scales(&self, panel: usize, source: usize) -> &[f32; PANEL] {
        if self.scaled {
            return &[1.0; PANEL];
        }
        self.panels.scales(panel, source).unwrap_or(&[1.0; PANEL])
    }

    /// Whether sums are scaled only as they are written: nothing else happens to them.
    fn scales_late(&self) -> bool {
        let stored = self.finish == Finish::Store || self.finish == Finish::Accumulate;
        stored && self.bias.is_none() && self.out.element() == Element::F32
    }

    /// Scales the sums of one panel, adds the bias and applies the activation; the result lies in
    /// place of the first source.
    fn activate(&self, panel: usize, rows: usize, sums: &mut [f32]) {
        if self.scales_late() {
            return;
        }
        if self.finish == Finish::SwiGlu {
            let (gates, gated) = sums.split_at_mut(rows * PANEL);
            let scales = [self.scales(panel, 0), self.scales(panel, 1)];
            swiglu_all(self.isa, gates, gated, scales);
            return;
        }
        let mut bias = [0.0; PANEL];
        if let Some(elements) = self.bias {
            let (row, columns) = (Rows { elements, width: self.width }, self.panels.columns(panel));
            row.part(0, columns.clone()).load(self.isa, &mut bias[..columns.len()]);
        }
        let scales = self.scales(panel, 0);
        self.isa.run(
            #[inline(always)]
            || {
                for sums in sums.as_chunks_mut::<PANEL>().0 {
                    for ((sum, scale), bias) in sums.iter_mut().zip(scales).zip(&bias) {
                        *sum = *sum * scale + bias;
                    }
                }
            },
        );
        if self.finish == Finish::Silu {
            silu_all(self.isa, sums);
        }
    }

    /// Writes or adds the results of some panels, row by row, so that memory is written in runs.
    ///
    /// # Safety
    /// Nobody else may be at these panels of these rows.
    unsafe fn write(&self, panels: Range<usize>, rows: &Range<usize>, sums: &[f32]) {
        let each = (self.panels.sources() * rows.len() * PANEL).max(1);
        let (first, last) = (panels.start, panels.end.max(panels.start + 1) - 1);
        let columns = self.panels.columns(first).start..self.panels.columns(last).end;
        // Panels inside of a stack may be partly filled, and their columns less than a panel's.
        let late = self.scales_late();
        let of_panels: Vec<_> = panels
            .map(|panel| {
                let of_panel = self.panels.columns(panel);
                let bounds = of_panel.start - columns.start..of_panel.end - columns.start;
                (bounds, if late { self.scales(panel, 0) } else { &[1.0; PANEL] })
            })
            .collect();
        for (index, row) in rows.clone().enumerate() {
            let of_row = sums.chunks(each).map(|sums| &sums[index * PANEL..][..PANEL]);
            // SAFETY: the caller's promise.
            let mut out = unsafe { self.out.part(row, columns.clone()) };
            if let ElementsMut::F32(out) = out {
                self.write_f32(of_panels.iter().zip(of_row), out);
                continue;
            }
            for ((bounds, _), sums) in of_panels.iter().zip(of_row) {
                let (mut out, sums) = (out.part(bounds.clone()), &sums[..bounds.len()]);
                match self.finish {
                    Finish::Accumulate => out.add(self.isa, sums),
                    Finish::Store | Finish::Silu | Finish::SwiGlu => out.store(self.isa, sums),
                }
            }
        }
    }

    /// Writes or adds the scaled sums of a row's panels.
    fn write_f32<'b>(
        &self,
        panels: impl Iterator<Item = (&'b (Range<usize>, &'b [f32; PANEL]), &'b [f32])>,
        out: &mut [f32],
    ) {
        let accumulate = self.finish == Finish::Accumulate;
        self.isa.run(
            #[inline(always)]
            || {
                for ((bounds, scales), sums) in panels {
                    let (Some(sums), out) = (sums.first_chunk::<PANEL>(), &mut out[bounds.clone()])
                    else {
                        return;
                    };
                    let sums: [f32; PANEL] = std::array::from_fn(|i| sums[i] * scales[i]);
                    // Whole panels, nearly all there are, have a length that compilers can see.
                    match (out.first_chunk_mut::<PANEL>(), accumulate) {
                        (Some(out), true) => add(out, &sums),
                        (Some(out), false) => *out = sums,
                        (None, true) => add(out, &sums),
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
