//! Linear layers: packed weights times tokens, with what is fused into the end.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::op::Linear;
use zao_backend::{Result, Role, Tensor};

use crate::device::Cpu;
use crate::epilogue::{Epilogue, Finish};
use crate::matmul::{Into, PANEL, Vectors, multiply};
use crate::panels::Panels;
use crate::simd::Isa;
use crate::threads::Work;
use crate::view::{Elements, Rows};

/// Inputs that are multiplied at a time: a panel of them stays in L1.
const DEPTH: usize = 256;
/// Most tokens of a task: their inputs and its results stay in L2.
const TOKENS: usize = 240;
/// Most panels of a task: they share the widened inputs.
const GROUP: usize = 8;

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
    let products = rows * width * panels.depth();
    // The inputs of a product are touched once for each of many outputs, sixteen at a time.
    let work = Work::of_elements(products / 16);
    let (tokens, group) = split(rows, panels.count(), cpu.threads.count());
    let epilogue = Epilogue::new(cpu.isa, finish, panels, bias, out);
    let product = Product { isa: cpu.isa, x, panels, epilogue };
    // All tokens of one group of panels follow each other, so weights come from memory once.
    let tasks = (0..panels.count()).step_by(group).flat_map(move |panel| {
        (0..rows).step_by(tokens).map(move |row| {
            (panel..(panel + group).min(panels.count()), row..(row + tokens).min(rows))
        })
    });
    let scratch = PANEL * DEPTH + tokens * DEPTH + group * tokens * PANEL;
    cpu.threads.for_each(work, scratch, tasks, |(panels, rows), scratch| {
        product.task(panels, rows, scratch);
    })
}

/// Tokens and panels of a task: as many as caches hold, but a few tasks for every thread. The
/// results do not depend on it.
fn split(rows: usize, panels: usize, threads: usize) -> (usize, usize) {
    let mut tokens = TOKENS;
    let mut group = GROUP;
    let tasks = |tokens, group| rows.div_ceil(tokens) * panels.div_ceil(group);
    while threads > 1 && tasks(tokens, group) < 4 * threads && (group > 1 || tokens > 24) {
        if group > 1 && group * PANEL >= tokens {
            group /= 2;
        } else if tokens > 24 {
            tokens /= 2;
        } else {
            group /= 2;
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
    epilogue: Epilogue<'a>,
}

impl Product<'_> {
    /// Computes the outputs of some panels for some tokens.
    fn task(&self, panels: Range<usize>, rows: Range<usize>, scratch: &mut [f32]) {
        let (weights, scratch) = scratch.split_at_mut(PANEL * DEPTH);
        let sums = panels.len() * rows.len() * PANEL;
        let (sums, inputs) = scratch.split_at_mut(sums);
        for start in (0..self.panels.depth()).step_by(DEPTH) {
            let depth = start..(start + DEPTH).min(self.panels.depth());
            let into = if start == 0 { Into::Store } else { Into::Add };
            let vectors = self.inputs(&rows, &depth, inputs);
            for (panel, sums) in panels.clone().zip(sums.chunks_mut(rows.len() * PANEL)) {
                let panel = self.panels.chunk(self.isa, panel, depth.clone(), weights);
                multiply(self.isa, depth.len(), panel, vectors, sums, into);
            }
        }
        if self.panels.depth() == 0 {
            sums.fill(0.0);
        }
        for (panel, sums) in panels.zip(sums.chunks_mut(rows.len() * PANEL)) {
            // SAFETY: tasks differ in panels or in rows.
            unsafe { self.epilogue.apply(panel, rows.clone(), sums) };
        }
    }

    /// Some inputs of some tokens in `f32` and close together: in place if they are, else copied.
    fn inputs<'a>(
        &'a self,
        rows: &Range<usize>,
        depth: &Range<usize>,
        scratch: &'a mut [f32],
    ) -> Vectors<'a> {
        let (count, stride) = (rows.len(), depth.len());
        if let Elements::F32(values) = self.x.elements
            && stride == self.x.width
        {
            return Vectors { data: &values[rows.start * stride..], count, stride, step: 1 };
        }
        for (row, wide) in rows.clone().zip(scratch.chunks_mut(stride)) {
            self.x.part(row, depth.clone()).load(self.isa, wide);
        }
        Vectors { data: scratch, count, stride, step: 1 }
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
                    let (tokens, group) = split(rows, panels, threads);
                    assert!((1..=GROUP).contains(&group) && (1..=TOKENS).contains(&tokens));
                    assert!(tokens.is_multiple_of(12));
                    let tasks = rows.div_ceil(tokens) * panels.div_ceil(group);
                    let most = rows.div_ceil(24) * panels;
                    assert!(threads == 1 || tasks >= threads.min(most), "{tasks} tasks");
                }
            }
        }
    }
}
