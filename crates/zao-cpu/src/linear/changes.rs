//! What adapters do to the sums of a linear layer, while these are hot: scale them, and add products that
//! are short, because what they read was multiplied down to a few columns before.

use std::ops::Range;

use zao_backend::Result;
use zao_backend::op::{Change, TermMatrix};

use super::Factor;
use crate::device::Cpu;
use crate::isa::Isa;
use crate::kernel::PANEL;
use crate::panels::{Panels, Unpacked};
use crate::view::Rows;

/// A change of some rows, ready for tasks.
pub(super) struct Applied<'a> {
    isa: Isa,
    rows: Range<usize>,
    /// One factor a sum.
    gain: Option<Vec<f32>>,
    terms: Vec<Term<'a>>,
}

struct Term<'a> {
    matrix: Matrix<'a>,
    scale: f32,
}

enum Matrix<'a> {
    Weight(Factor<'a>),
    Kronecker {
        input: Rows<'a>,
        /// `[o1, i1]`.
        left: Vec<f32>,
        i1: usize,
        first: usize,
    },
}

impl<'a> Applied<'a> {
    /// What `change` says.
    pub(super) fn new(isa: Isa, change: &'a Change<'a, Cpu>) -> Result<Self> {
        let terms = change.terms.iter().map(|term| {
            let input = Rows::of(term.input);
            let matrix = match &term.matrix {
                TermMatrix::Weight(weight) => {
                    Matrix::Weight(Factor::new(isa, input, weight.device().panels()?))
                }
                TermMatrix::Kronecker { left, first } => {
                    let mut values = vec![0.0; left.shape().len()];
                    Rows::of(left).rows(0..left.rows()).load(isa, &mut values);
                    Matrix::Kronecker { input, left: values, i1: left.width(), first: *first }
                }
            };
            Ok(Term { matrix, scale: term.scale })
        });
        let gain = change.gain.map(|gain| Rows::of(gain).to_vec(isa));
        Ok(Self { isa, rows: change.rows.clone(), gain, terms: terms.collect::<Result<_>>()? })
    }

    /// The rows that are changed.
    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// `f32` values of scratch that [`Self::change`] needs for so many rows.
    pub(super) fn scratch(&self, sources: usize, rows: usize) -> usize {
        let factors = self.terms.iter().map(|term| match &term.matrix {
            Matrix::Weight(factor) => factor.scratch(rows),
            Matrix::Kronecker { .. } => 0,
        });
        sources * rows * PANEL + factors.max().unwrap_or(0)
    }

    /// Scales the sums `[panel][source][row][PANEL]` of some panels of `weight` for some of the rows, and adds
    /// the terms.
    pub(super) fn change(
        &self,
        weight: &Panels,
        panels: Range<usize>,
        rows: &Range<usize>,
        weights: &mut [u32],
        sums: &mut [f32],
        scratch: &mut [f32],
    ) {
        let sources = weight.sources();
        let each = rows.len() * PANEL;
        let (terms, scratch) = scratch.split_at_mut(sources * each);
        let inputs = rows.start - self.rows.start..rows.end - self.rows.start;
        for (panel, sums) in panels.zip(sums.chunks_mut((sources * each).max(1))) {
            for (source, sums) in sums.chunks_mut(each.max(1)).enumerate() {
                self.scale(weight, (panel, source), sums);
            }
            for term in &self.terms {
                match &term.matrix {
                    Matrix::Weight(factor) => {
                        let mut multiply = |panel: usize, terms: &mut [f32]| {
                            let panels = panel..panel + 1;
                            let none = &Unpacked::NONE;
                            factor.sums(panels, inputs.clone(), none, weights, terms, scratch);
                        };
                        if sources > 1 {
                            multiply(panel, terms);
                            add(self.isa, sums, terms, term.scale);
                            continue;
                        }
                        let columns = weight.columns(panel);
                        for panel in columns.start / PANEL..columns.end.div_ceil(PANEL) {
                            let there = factor.panels.columns(panel);
                            multiply(panel, terms);
                            add_columns(sums, &columns, terms, &there, term.scale);
                        }
                    }
                    Matrix::Kronecker { input, left, i1, first } => {
                        for (source, sums) in sums.chunks_mut(each.max(1)).enumerate() {
                            let columns = of_source(weight, panel, source);
                            let kronecker = Kronecker {
                                isa: self.isa,
                                input: *input,
                                left,
                                i1: *i1,
                                first: *first,
                            };
                            kronecker.add(sums, columns, inputs.clone(), term.scale);
                        }
                    }
                }
            }
        }
    }

    /// Multiplies the sums of a panel with the scales of its weight and the gain.
    fn scale(&self, weight: &Panels, (panel, source): (usize, usize), sums: &mut [f32]) {
        let mut factors = *weight.scales(panel, source).unwrap_or(&[1.0; PANEL]);
        if let Some(gain) = &self.gain {
            let columns = of_source(weight, panel, source);
            factors.iter_mut().zip(&gain[columns]).for_each(|(factor, gain)| *factor *= gain);
        }
        self.isa.run(
            #[inline(always)]
            || {
                for sums in sums.as_chunks_mut::<PANEL>().0 {
                    for (sum, factor) in sums.iter_mut().zip(&factors) {
                        *sum *= factor;
                    }
                }
            },
        );
    }
}

/// The sums of a panel by their numbers in the layer.
fn of_source(weight: &Panels, panel: usize, source: usize) -> Range<usize> {
    let columns = weight.columns(panel);
    let before = source * weight.outputs();
    before + columns.start..before + columns.end
}

/// `sums += scale * products`.
fn add(isa: Isa, sums: &mut [f32], products: &[f32], scale: f32) {
    isa.run(
        #[inline(always)]
        || {
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += scale * product;
            }
        },
    );
}

/// `sums += scale * products` for panels that hold the columns `columns` and `there`, as far as these are the
/// same: panels inside of a stack may be partly filled.
fn add_columns(
    sums: &mut [f32],
    columns: &Range<usize>,
    products: &[f32],
    there: &Range<usize>,
    scale: f32,
) {
    let common = columns.start.max(there.start)..columns.end.min(there.end);
    let rows = sums.as_chunks_mut::<PANEL>().0.iter_mut().zip(products.as_chunks::<PANEL>().0);
    for (sums, products) in rows {
        let sums = &mut sums[common.start - columns.start..common.end - columns.start];
        let products = &products[common.start - there.start..common.end - there.start];
        for (sum, product) in sums.iter_mut().zip(products) {
            *sum += scale * product;
        }
    }
}

/// A Kronecker product of which one side is multiplied already.
struct Kronecker<'a> {
    isa: Isa,
    /// `[i1, o2]` in each row.
    input: Rows<'a>,
    left: &'a [f32],
    i1: usize,
    first: usize,
}

impl Kronecker<'_> {
    /// Adds it to the sums `columns` of some rows.
    fn add(&self, sums: &mut [f32], columns: Range<usize>, inputs: Range<usize>, scale: f32) {
        let o2 = self.input.width / self.i1;
        let end = self.first + self.left.len() / self.i1 * o2;
        let mut start = columns.start.max(self.first);
        while start < columns.end.min(end) {
            // As far as one row of the left side goes.
            let (a, c) = ((start - self.first) / o2, (start - self.first) % o2);
            let count = (o2 - c).min(columns.end - start);
            let at = start - columns.start;
            for (sums, row) in sums.as_chunks_mut::<PANEL>().0.iter_mut().zip(inputs.clone()) {
                let (mut values, mut mixed) = ([0.0; PANEL], [0.0; PANEL]);
                for (b, left) in self.left[a * self.i1..][..self.i1].iter().enumerate() {
                    let part = b * o2 + c..b * o2 + c + count;
                    self.input.part(row, part).load(self.isa, &mut values[..count]);
                    mixed.iter_mut().zip(&values).for_each(|(sum, value)| *sum += left * value);
                }
                let sums = &mut sums[at..at + count];
                sums.iter_mut().zip(&mixed).for_each(|(sum, mixed)| *sum += scale * mixed);
            }
            start += count;
        }
    }
}
