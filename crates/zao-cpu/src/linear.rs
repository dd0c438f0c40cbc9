//! Linear layers: packed weights times tokens, with what is fused into the end.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

mod changes;

use std::ops::Range;

use zao_backend::op::{Change, Linear};
use zao_backend::{Result, Role, Tensor};

use self::changes::Applied;
use crate::device::Cpu;
use crate::epilogue::{Epilogue, Finish};
use crate::inputs::{Packed, inputs_of_chunk, route};
use crate::isa::Isa;
use crate::kernel::{Into, Operands, PANEL, multiply, multiply_scaled};
use crate::panels::{CHUNK, Panels, Route};
use crate::quantise::GROUP;
use crate::threads::Work;
use crate::view::Rows;

/// Most tokens of a task: their inputs and its results stay in L2.
const TOKENS: usize = 192;
/// Most panels of a task: they share the packed inputs.
const PANELS: usize = 32;

/// `out = epilogue(x W^T + bias)`, with what adapters change about it.
pub(crate) fn linear(cpu: &Cpu, op: Linear<'_, Cpu>) -> Result<()> {
    let finish = match op.weight.role() {
        Role::SwiGlu => Finish::SwiGlu,
        Role::Linear | Role::Table | Role::Conv => op.epilogue.into(),
    };
    let panels = op.weight.device().panels()?;
    changed_product(cpu, Rows::of(op.x), panels, op.bias, finish, op.changes, op.out)
}

/// `out = finish(x W^T + bias)`, `x` and `out` having as many rows.
pub(crate) fn product(
    cpu: &Cpu,
    x: Rows<'_>,
    panels: &Panels,
    bias: Option<&Tensor<Cpu>>,
    finish: Finish,
    out: &mut Tensor<Cpu>,
) -> Result<()> {
    changed_product(cpu, x, panels, bias, finish, &[], out)
}

fn changed_product(
    cpu: &Cpu,
    x: Rows<'_>,
    panels: &Panels,
    bias: Option<&Tensor<Cpu>>,
    finish: Finish,
    changes: &[Change<'_, Cpu>],
    out: &mut Tensor<Cpu>,
) -> Result<()> {
    let (rows, width) = (out.rows(), out.width());
    let products = rows * width * panels.depth() * panels.sources();
    // The inputs of a product are touched once for each of many outputs, sixteen at a time.
    let work = Work::of_elements(products / 16);
    let epilogue = Epilogue::new(cpu.isa, finish, panels, bias, out);
    let (tokens, group) = split(rows, panels.count(), cpu.threads.count(), epilogue.together());
    let factor = Factor::new(cpu.isa, x, panels);
    let applied = changes.iter().map(|change| Applied::new(cpu.isa, change));
    let applied = applied.collect::<Result<Vec<_>>>()?;
    let product = Product { factor, epilogue };
    // Rows of a task all follow the same adapters, or none.
    let runs = runs(rows, &applied);
    // All tokens of one group of panels follow each other, so weights come from memory once.
    let tasks = (0..panels.count()).step_by(group).flat_map(|panel| {
        runs.iter().flat_map(move |(run, applied)| {
            run.clone().step_by(tokens).map(move |row| {
                let panels = panel..(panel + group).min(panels.count());
                (panels, row..(row + tokens).min(run.end), *applied)
            })
        })
    });
    let sums = group * panels.sources() * tokens * PANEL;
    let beside = applied.iter().map(|applied| applied.scratch(panels.sources(), tokens)).max();
    let scratch = WEIGHTS + sums + product.factor.scratch(tokens).max(beside.unwrap_or(0));
    cpu.threads.for_each(work, scratch, tasks, |(panels, rows, applied), scratch| {
        product.task(panels, rows, applied, scratch);
    })
}

/// The rows in pieces that follow the same adapters, or none.
fn runs<'a, 'b>(
    rows: usize,
    applied: &'a [Applied<'b>],
) -> Vec<(Range<usize>, Option<&'a Applied<'b>>)> {
    let (mut runs, mut end) = (Vec::new(), 0);
    for applied in applied {
        let of = applied.rows();
        runs.push((end..of.start, None));
        end = of.end;
        runs.push((of, Some(applied)));
    }
    runs.push((end..rows, None));
    runs
}

/// Words of a panel that is unpacked: twice as many as are kept in a chunk.
const WEIGHTS: usize = 2 * CHUNK * PANEL;

/// Tokens and panels of a task: as many as caches hold, but a few tasks for every thread. Panels
/// come in groups of `together`. The results do not depend on it.
fn split(rows: usize, panels: usize, threads: usize, together: usize) -> (usize, usize) {
    let mut tokens = TOKENS;
    let mut group = PANELS.max(together);
    let tasks = |tokens, group| rows.div_ceil(tokens) * panels.div_ceil(group);
    while threads > 1 && tasks(tokens, group) < 4 * threads && (group > together || tokens > 24) {
        if group > together && (group * PANEL >= tokens || tokens <= 24) {
            group /= 2;
        } else {
            tokens /= 2;
        }
    }
    // Blocks of equal length, in whole micro-tiles.
    let blocks = rows.div_ceil(tokens).max(1);
    (rows.div_ceil(blocks).next_multiple_of(12).min(tokens.next_multiple_of(12)), group)
}

/// Inputs and a weight that they are multiplied with.
#[derive(Clone, Copy)]
struct Factor<'a> {
    isa: Isa,
    x: Rows<'a>,
    panels: &'a Panels,
    route: Route,
}

impl<'a> Factor<'a> {
    fn new(isa: Isa, x: Rows<'a>, panels: &'a Panels) -> Self {
        Self { isa, x, panels, route: route(isa, panels.kept(), x) }
    }

    /// `f32` values of scratch that [`Self::sums`] needs for so many rows.
    fn scratch(&self, rows: usize) -> usize {
        Packed::scratch(self.route, rows)
    }

    /// The products of some panels with some rows, not yet scaled, `[panel][source][row][PANEL]`.
    fn sums(
        &self,
        panels: Range<usize>,
        rows: Range<usize>,
        weights: &mut [u32],
        sums: &mut [f32],
        scratch: &mut [f32],
    ) {
        let sources = self.panels.sources();
        let each = rows.len() * PANEL;
        let mut inputs = Packed::new(self.route, self.x, rows, scratch);
        let step = inputs_of_chunk(self.route);
        for start in (0..self.panels.depth()).step_by(step) {
            let chunk = start..(start + step).min(self.panels.depth());
            inputs.fill(self.isa, chunk.clone());
            let into = if start == 0 { Into::Store } else { Into::Add };
            let of_panels =
                panels.clone().flat_map(|panel| (0..sources).map(move |source| (panel, source)));
            for (of_panel, sums) in of_panels.zip(sums.chunks_mut(each)) {
                self.multiply(of_panel, &chunk, &inputs, weights, sums, into);
            }
        }
        if self.panels.depth() == 0 {
            sums.fill(0.0);
        }
    }

    /// Adds the products of a chunk of inputs with one panel to its sums.
    fn multiply(
        &self,
        of_panel: (usize, usize),
        chunk: &Range<usize>,
        inputs: &Packed<'_>,
        weights: &mut [u32],
        sums: &mut [f32],
        into: Into,
    ) {
        let isa = self.isa;
        match self.route {
            Route::Floats(floats) => {
                let (panel, words) =
                    self.panels.chunk(isa, self.route, of_panel, chunk.clone(), weights);
                let operands = Operands { words, panel, vectors: inputs.vectors() };
                multiply(isa, floats, operands, sums, into);
            }
            Route::Integers(integers) => {
                for (group, start) in chunk.clone().step_by(GROUP).enumerate() {
                    let inputs_here = start..(start + GROUP).min(chunk.end);
                    let (panel, words) =
                        self.panels.chunk(isa, self.route, of_panel, inputs_here, weights);
                    let (vectors, scales) = inputs.group(group);
                    let operands = Operands { words, panel, vectors };
                    let into = if group == 0 { into } else { Into::Add };
                    multiply_scaled(isa, integers, operands, scales, sums, into);
                }
            }
        }
    }
}

/// A product that tasks share.
struct Product<'a> {
    factor: Factor<'a>,
    epilogue: Epilogue<'a>,
}

impl Product<'_> {
    /// Computes the outputs of some panels for some tokens, which follow the adapters of `applied`.
    fn task(
        &self,
        panels: Range<usize>,
        rows: Range<usize>,
        applied: Option<&Applied<'_>>,
        scratch: &mut [f32],
    ) {
        let (weights, scratch) = scratch.split_at_mut(WEIGHTS);
        let weights = bytemuck::cast_slice_mut(weights);
        let all = panels.len() * self.factor.panels.sources() * rows.len() * PANEL;
        let (sums, scratch) = scratch.split_at_mut(all);
        self.factor.sums(panels.clone(), rows.clone(), weights, sums, scratch);
        let epilogue = match applied {
            None => self.epilogue,
            Some(applied) => {
                applied.change(self.factor.panels, panels.clone(), &rows, weights, sums, scratch);
                self.epilogue.of_scaled()
            }
        };
        // SAFETY: tasks differ in panels or in rows.
        unsafe { epilogue.apply(panels, &rows, sums) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_suffice_for_the_threads_and_fit_the_caches() {
        for threads in [1, 2, 16] {
            for rows in [1, 2, 13, 288, 1088, 4608] {
                for panels in [1, 8, 43, 120, 640] {
                    for together in [1, 8] {
                        let (tokens, group) = split(rows, panels, threads, together);
                        assert!((together..=PANELS).contains(&group));
                        assert!((1..=TOKENS).contains(&tokens) && tokens.is_multiple_of(12));
                        let tasks = rows.div_ceil(tokens) * panels.div_ceil(group);
                        let most = rows.div_ceil(24) * panels.div_ceil(together);
                        assert!(threads == 1 || tasks >= threads.min(most), "{tasks} tasks");
                    }
                }
            }
        }
    }
}
