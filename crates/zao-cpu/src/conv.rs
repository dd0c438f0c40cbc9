//! Convolutions as matrix products over windows of the picture, without copying the windows out.
//!
//! A task copies its part of the picture, normalised and enlarged if need be, with a border of zeros
//! where there is none, and then the cells that a kernel row covers lie side by side: one vector of
//! `3 in` values for each output, overlapping its neighbour's.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::op::{Conv2d, Stride, View};
use zao_backend::{Element, Grid, Result};

use crate::device::Cpu;
use crate::epilogue::{Epilogue, Finish};
use crate::group_norm::Apply;
use crate::inputs::inputs_of_chunk;
use crate::isa::Isa;
use crate::kernel::{Floats, Into, Operands, PANEL, Panel, Vectors, multiply};
use crate::linear;
use crate::panels::{CHUNK, Kept, Panels, Route, Unpacked};
use crate::patch::Patch;
use crate::threads::Work;
use crate::view::Rows;
use crate::weight::padded_channels;

/// Words of a panel that is unpacked: twice as many as are kept in a chunk.
const WEIGHTS: usize = 2 * CHUNK * PANEL;
/// Width of a task's part of the output: whole micro-tiles.
const TILE_WIDTH: usize = 24;
/// Largest height of a task's part of the output.
const TILE_HEIGHT: usize = 16;
/// Words of a task's part of the input, which stays in L2.
const PATCH: usize = 1 << 17;

/// `out = epilogue(conv(view) + bias)`.
pub(crate) fn conv2d(cpu: &Cpu, op: Conv2d<'_, Cpu>) -> Result<()> {
    let panels = op.weight.device().panels()?;
    let finish = Finish::from(op.epilogue);
    let (view, side) = (op.view, op.weight.kernel());
    let cells = Grid::new(op.rows.len(), op.stride.of(view.strip.grid).width);
    if side == 1 && view.norm.is_none() {
        let first = (op.rows.start - view.strip.top) * cells.width;
        let x = Rows::of(view.x);
        let x = Rows { elements: x.rows(first..first + cells.area()), ..x };
        return linear::product(cpu, x, panels, Some(op.bias), finish, op.out);
    }
    let floats = floats(cpu, panels.kept(), view, op.stride)?;
    let work = Work::of_elements(cells.area() * op.out.width() * panels.depth() / 16);
    let channels = padded_channels(view.x.width(), panels.kept());
    let cell_words = match floats {
        Floats::F32 => channels,
        Floats::Bf16 => channels / 2,
    };
    // Cells that the kernel moves by, and those of the border at the top and left: diffusers pads
    // only at the bottom and right before it downsamples.
    let (stride, before) = match op.stride {
        Stride::One | Stride::Half => (1, side / 2),
        Stride::Two => (2, 0),
    };
    let patch = Patch {
        isa: cpu.isa,
        x: Rows::of(view.x),
        strip: view.strip,
        norm: view.norm.map(Apply::new).transpose()?,
        copies: if op.stride == Stride::Half { 2 } else { 1 },
        before,
        floats,
        channels,
        cell_words,
    };
    let window = Window { side, stride };
    let tile = tile(cells, cell_words, window, cpu.threads.count());
    let epilogue = Epilogue::new(cpu.isa, finish, panels, Some(op.bias), op.out);
    let first_row = op.rows.start;
    let convolution =
        Convolution { isa: cpu.isa, patch, window, panels, first_row, cells, epilogue };
    let tasks = (0..cells.height).step_by(tile.height).flat_map(move |top| {
        (0..cells.width).step_by(tile.width).map(move |left| {
            let rows = top..(top + tile.height).min(cells.height);
            (rows, left..(left + tile.width).min(cells.width))
        })
    });
    let scratch = WEIGHTS + tile.area() * PANEL + patch.scratch(window.over(tile));
    cpu.threads.for_each(work, scratch, tasks, |(rows, columns), scratch| {
        convolution.task(rows, columns, scratch);
    })
}

/// What is multiplied. A cell that is read as it is keeps its type; one that is changed on the way is
/// rounded as if it had been stored for the convolution to read.
fn floats(cpu: &Cpu, kept: Kept, view: View<'_, Cpu>, stride: Stride) -> Result<Floats> {
    let changed = view.norm.is_some() || stride == Stride::Half;
    let rounded = match view.x.element() {
        Element::Bf16 => true,
        Element::F32 | Element::Int8 | Element::Fp8 | Element::U8 => {
            changed && cpu.settings.precision.policy().careful_input == Element::Bf16
        }
    };
    match kept {
        Kept::Bf16 if rounded && cpu.isa.multiplies_bf16() => Ok(Floats::Bf16),
        Kept::Bf16 | Kept::F32 => Ok(Floats::F32),
        Kept::Int8 => Err(Cpu::unsupported("conv2d", "a quantised kernel")),
    }
}

/// The cells that an output sees, and how far those of its neighbour are away.
#[derive(Clone, Copy)]
struct Window {
    side: usize,
    stride: usize,
}

impl Window {
    /// How many input cells `outputs` neighbouring outputs see along one side.
    const fn reach(self, outputs: usize) -> usize {
        (outputs - 1) * self.stride + self.side
    }

    /// The input cells that a tile of outputs sees.
    const fn over(self, outputs: Grid) -> Grid {
        Grid::new(self.reach(outputs.height), self.reach(outputs.width))
    }
}

/// The outputs of a task: few enough for the caches, and a few tasks for every thread.
fn tile(cells: Grid, cell_words: usize, window: Window, threads: usize) -> Grid {
    let width = TILE_WIDTH.min(cells.width).max(1);
    let mut height = TILE_HEIGHT.min(cells.height).max(1);
    let patch = |height| window.over(Grid::new(height, width)).area() * cell_words;
    let tasks = |height| cells.height.div_ceil(height) * cells.width.div_ceil(width);
    while height > 1 && (patch(height) > PATCH || (threads > 1 && tasks(height) < 4 * threads)) {
        height -= 1;
    }
    Grid::new(height, width)
}

/// A convolution that tasks share.
struct Convolution<'a> {
    isa: Isa,
    patch: Patch<'a>,
    window: Window,
    panels: &'a Panels,
    /// The row of the result that is the first of the output.
    first_row: usize,
    /// Extent of the output.
    cells: Grid,
    epilogue: Epilogue<'a>,
}

impl Convolution<'_> {
    /// Computes the outputs at `rows` and `columns`.
    fn task(&self, rows: Range<usize>, columns: Range<usize>, scratch: &mut [f32]) {
        let (weights, scratch) = scratch.split_at_mut(WEIGHTS);
        let weights: &mut [u32] = bytemuck::cast_slice_mut(weights);
        let (sums, scratch) = scratch.split_at_mut(rows.len() * columns.len() * PANEL);
        let Window { side, stride } = self.window;
        let Patch { floats, channels, cell_words, .. } = self.patch;
        let extent = self.window.over(Grid::new(rows.len(), columns.len()));
        let corner = ((self.first_row + rows.start) * stride, columns.start * stride);
        let words = self.patch.copy(corner, extent, scratch);
        let patch_row = extent.width * cell_words;
        let each = channels / cell_words.max(1);
        let route = Route::Floats(floats);
        let (window, step) = (side * channels, inputs_of_chunk(route));
        if channels == 0 {
            sums.fill(0.0);
        }
        for panel in 0..self.panels.count() {
            for (dy, start) in
                (0..side).flat_map(|dy| (0..window).step_by(step).map(move |start| (dy, start)))
            {
                let first = dy * window + start;
                let inputs = first..first + step.min(window - start);
                let into = if first == 0 { Into::Store } else { Into::Add };
                let (panel, count) = self.panels.chunk(
                    self.isa,
                    route,
                    (panel, 0),
                    inputs,
                    &Unpacked::NONE,
                    weights,
                );
                // Each row of the tile would ask for what is behind them, and push these out of L1.
                let panel = Panel { data: &panel.data[..count * PANEL], ..panel };
                for (y, sums) in sums.chunks_mut(columns.len() * PANEL).enumerate() {
                    let data = &words[(y * stride + dy) * patch_row + start / each..];
                    let stride = stride * cell_words;
                    let vectors = Vectors { data, count: columns.len(), stride, step: 1 };
                    let operands = Operands { words: count, panel, vectors };
                    multiply(self.isa, floats, operands, sums, into);
                }
            }
            for (y, sums) in rows.clone().zip(sums.chunks_mut(columns.len() * PANEL)) {
                let first = y * self.cells.width;
                let cells = first + columns.start..first + columns.end;
                // SAFETY: tasks differ in their outputs, and this one takes panels in turn.
                unsafe { self.epilogue.apply(panel..panel + 1, &cells, sums) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fit_the_cache_and_suffice_for_the_threads() {
        for threads in [1, 2, 16] {
            for (side, channels) in [(1, 4), (5, 32), (32, 512), (256, 32), (1024, 128)] {
                let cells = Grid::new(side, side);
                let window = Window { side: 3, stride: 1 };
                let tile = tile(cells, channels, window, threads);
                let patch = window.over(tile).area() * channels;
                assert!(tile.area() > 0 && (patch <= PATCH || tile.height == 1), "{tile}");
                let tasks = side.div_ceil(tile.height) * side.div_ceil(tile.width);
                assert!(threads == 1 || tasks >= threads.min(side), "{tasks} tasks");
            }
        }
    }
}
