//! Linear layers: packed weights times tokens, with what is fused into the end.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

mod changes;
mod split;

use std::ops::Range;

use zao_backend::op::{Change, Linear};
use zao_backend::{Result, Role, Tensor};

use self::changes::Applied;
use self::split::Split;
use crate::device::Cpu;
use crate::epilogue::{Epilogue, Finish};
use crate::inputs::{Packed, inputs_of_chunk, route};
use crate::isa::Isa;
use crate::kernel::{Into, Operands, PANEL, Scales, multiply, multiply_scaled};
use crate::panels::{CHUNK, Panels, Route, Unpacked};
use crate::quantise::GROUP;
use crate::threads::Work;
use crate::view::Rows;

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
    let split = Split::new(rows, panels, cpu.threads.count(), epilogue.together());
    let Split { tokens, group, .. } = split;
    let factor = Factor::new(cpu.isa, x, panels);
    let applied = changes.iter().map(|change| Applied::new(cpu.isa, change));
    let applied = applied.collect::<Result<Vec<_>>>()?;
    let product = Product { factor, epilogue };
    // Rows of a block all follow the same adapters, or none.
    let blocks: Vec<_> = runs(rows, &applied)
        .into_iter()
        .flat_map(|(run, applied)| {
            let end = run.end;
            run.step_by(tokens).map(move |row| (row..(row + tokens).min(end), applied))
        })
        .collect();
    // All tokens of one group of panels follow each other, so weights come from memory once.
    let tasks = (0..panels.count()).step_by(group).flat_map(|panel| {
        let panels = panel..(panel + group).min(panels.count());
        blocks.chunks(split.blocks).map(move |blocks| (panels.clone(), blocks))
    });
    let sums = group * panels.sources() * tokens * PANEL;
    let beside = applied.iter().map(|applied| applied.scratch(panels.sources(), tokens)).max();
    let beside = product.factor.scratch(tokens).max(beside.unwrap_or(0));
    let scratch = WEIGHTS + panels.unpacked_size(group) + sums + beside;
    cpu.threads.for_each(work, scratch, tasks, |(panels, blocks), scratch| {
        product.task(panels, blocks, scratch);
    })
}

/// The rows in pieces that follow the same adapters, or none.
fn runs<'a, 'b>(rows: usize, applied: &'a [Applied<'b>]) -> Vec<Rowed<'a, 'b>> {
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

/// Words of a panel that is widened, twice as many as are kept in a chunk; or of a group of its columns before they are
/// transposed.
const WEIGHTS: usize = 2 * CHUNK * PANEL;

/// Some rows, and what adapters change about them.
type Rowed<'a, 'b> = (Range<usize>, Option<&'a Applied<'b>>);

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
        unpacked: &Unpacked<'_>,
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
                self.multiply(of_panel, &chunk, &inputs, (unpacked, weights), sums, into);
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
        (unpacked, weights): (&Unpacked<'_>, &mut [u32]),
        sums: &mut [f32],
        into: Into,
    ) {
        let isa = self.isa;
        match self.route {
            Route::Floats(floats) => {
                let (panel, words) =
                    self.panels.chunk(isa, self.route, of_panel, chunk.clone(), unpacked, weights);
                let operands = Operands { words, panel, vectors: inputs.vectors() };
                multiply(isa, floats, operands, sums, into);
            }
            Route::Integers(integers) => {
                for (group, start) in chunk.clone().step_by(GROUP).enumerate() {
                    let inputs_here = start..(start + GROUP).min(chunk.end);
                    let (panel, words) = self.panels.chunk(
                        isa,
                        self.route,
                        of_panel,
                        inputs_here,
                        unpacked,
                        weights,
                    );
                    let (vectors, scales) = inputs.group(group);
                    let columns = self.panels.group_scales(of_panel, start, unpacked);
                    let scales = Scales { columns, ..scales };
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
    /// Computes the outputs of some panels for some blocks of tokens.
    fn task(&self, panels: Range<usize>, blocks: &[Rowed<'_, '_>], scratch: &mut [f32]) {
        let weight = self.factor.panels;
        let (weights, scratch) = scratch.split_at_mut(WEIGHTS);
        let weights = bytemuck::cast_slice_mut(weights);
        let (unpacked, scratch) = scratch.split_at_mut(weight.unpacked_size(panels.len()));
        let unpacked = Unpacked::new(self.factor.isa, weight, panels.clone(), weights, unpacked);
        for (rows, applied) in blocks {
            let all = panels.len() * weight.sources() * rows.len() * PANEL;
            let (sums, scratch) = scratch.split_at_mut(all);
            self.factor.sums(panels.clone(), rows.clone(), &unpacked, weights, sums, scratch);
            let epilogue = match applied {
                None => self.epilogue,
                Some(applied) => {
                    applied.change(weight, panels.clone(), rows, weights, sums, scratch);
                    self.epilogue.of_scaled()
                }
            };
            // SAFETY: tasks differ in panels or in rows, and so do the blocks of one.
            unsafe { epilogue.apply(panels.clone(), rows, sums) };
        }
    }
}
