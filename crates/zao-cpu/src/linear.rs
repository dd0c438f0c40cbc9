//! Linear layers: packed weights times tokens, with what is fused into the end.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::op::Linear;
use zao_backend::{Result, Role, Tensor};

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

/// `out = epilogue(x W^T + bias)`.
pub(crate) fn linear(cpu: &Cpu, op: Linear<'_, Cpu>) -> Result<()> {
    let finish = match op.weight.role() {
        Role::SwiGlu => Finish::SwiGlu,
        Role::Linear | Role::Table | Role::Conv => op.epilogue.into(),
    };
    let panels = op.weight.device().panels()?;
    product(cpu, Rows::of(op.x), panels, op.bias, finish, op.out)
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
    let (rows, width) = (out.rows(), out.width());
    let products = rows * width * panels.depth() * panels.sources();
    // The inputs of a product are touched once for each of many outputs, sixteen at a time.
    let work = Work::of_elements(products / 16);
    let route = route(cpu.isa, panels.kept(), x);
    let epilogue = Epilogue::new(cpu.isa, finish, panels, bias, out);
    let (tokens, group) = split(rows, panels.count(), cpu.threads.count(), epilogue.together());
    let product = Product { isa: cpu.isa, x, panels, route, epilogue };
    // All tokens of one group of panels follow each other, so weights come from memory once.
    let tasks = (0..panels.count()).step_by(group).flat_map(move |panel| {
        (0..rows).step_by(tokens).map(move |row| {
            (panel..(panel + group).min(panels.count()), row..(row + tokens).min(rows))
        })
    });
    let sums = group * panels.sources() * tokens * PANEL;
    let scratch = WEIGHTS + sums + Packed::scratch(route, tokens);
    cpu.threads.for_each(work, scratch, tasks, |(panels, rows), scratch| {
        product.task(panels, rows, scratch);
    })
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

/// A product that tasks share.
struct Product<'a> {
    isa: Isa,
    x: Rows<'a>,
    panels: &'a Panels,
    route: Route,
    epilogue: Epilogue<'a>,
}

impl Product<'_> {
    /// Computes the outputs of some panels for some tokens.
    fn task(&self, panels: Range<usize>, rows: Range<usize>, scratch: &mut [f32]) {
        let (weights, scratch) = scratch.split_at_mut(WEIGHTS);
        let weights = bytemuck::cast_slice_mut(weights);
        let sources = self.panels.sources();
        let each = rows.len() * PANEL;
        let (sums, scratch) = scratch.split_at_mut(panels.len() * sources * each);
        let mut inputs = Packed::new(self.route, self.x, rows.clone(), scratch);
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
        // SAFETY: tasks differ in panels or in rows.
        unsafe { self.epilogue.apply(panels, &rows, sums) };
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
