//! Convolutions as matrix products over windows of the picture, without copying the windows out.
//!
//! A task copies its part of the picture, with a border of zeros where there is none, and then the
//! three cells that a kernel row covers lie side by side: one vector of `3 in` values for each
//! output, overlapping its neighbour's.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use half::bf16;
use zao_backend::op::{Conv2d, Stride};
use zao_backend::{Grid, Result};

use crate::device::Cpu;
use crate::epilogue::Epilogue;
use crate::inputs::{inputs_of_chunk, route};
use crate::isa::Isa;
use crate::kernel::{Floats, Into, Operands, PANEL, Vectors, multiply};
use crate::linear;
use crate::panels::{CHUNK, Panels, Route};
use crate::threads::Work;
use crate::view::{Elements, Rows};
use crate::weight::padded_channels;

/// Side of the kernel; the other one, 1, is a linear layer.
const SIDE: usize = 3;
/// Words of a panel that is unpacked: twice as many as are kept in a chunk.
const WEIGHTS: usize = 2 * CHUNK * PANEL;
/// Width of a task's part of the output: whole micro-tiles.
const TILE_WIDTH: usize = 24;
/// Largest height of a task's part of the output.
const TILE_HEIGHT: usize = 16;
/// Words of a task's part of the input, which stays in L2.
const PATCH: usize = 1 << 17;

/// `out = epilogue(conv(x) + bias)`.
pub(crate) fn conv2d(cpu: &Cpu, op: Conv2d<'_, Cpu>) -> Result<()> {
    let panels = op.weight.device().panels()?;
    let finish = op.epilogue.into();
    if op.weight.kernel() == 1 {
        return linear::product(cpu, Rows::of(op.x), panels, Some(op.bias), finish, op.out);
    }
    // diffusers pads only at the bottom and right before it downsamples.
    let (stride, before) = match op.stride {
        Stride::One => (1, 1),
        Stride::Two => (2, 0),
    };
    let x = Rows::of(op.x);
    let Route::Floats(floats) = route(cpu.isa, panels.kept(), x) else {
        return Err(Cpu::unsupported("conv2d", "a quantised kernel"));
    };
    let cells = op.grid.over(stride);
    let work = Work::of_elements(cells.area() * op.out.width() * panels.depth() / 16);
    let channels = padded_channels(x.width, panels.kept());
    let cell_words = match floats {
        Floats::F32 => channels,
        Floats::Bf16 => channels / 2,
    };
    let tile = tile(cells, cell_words, stride, cpu.threads.count());
    let convolution = Convolution {
        isa: cpu.isa,
        x,
        floats,
        channels,
        cell_words,
        grid: op.grid,
        stride,
        before,
        panels,
        cells,
        epilogue: Epilogue::new(cpu.isa, finish, panels, Some(op.bias), op.out),
    };
    let tasks = (0..cells.height).step_by(tile.height).flat_map(move |top| {
        (0..cells.width).step_by(tile.width).map(move |left| {
            let rows = top..(top + tile.height).min(cells.height);
            (rows, left..(left + tile.width).min(cells.width))
        })
    });
    let patch = reach(tile.height, stride) * reach(tile.width, stride) * cell_words;
    let scratch = WEIGHTS + tile.area() * PANEL + patch;
    cpu.threads.for_each(work, scratch, tasks, |(rows, columns), scratch| {
        convolution.task(rows, columns, scratch);
    })
}

/// How many input cells `outputs` neighbouring outputs see along one side.
const fn reach(outputs: usize, stride: usize) -> usize {
    (outputs - 1) * stride + SIDE
}

/// The outputs of a task: few enough for the caches, and a few tasks for every thread.
fn tile(cells: Grid, cell_words: usize, stride: usize, threads: usize) -> Grid {
    let width = TILE_WIDTH.min(cells.width).max(1);
    let mut height = TILE_HEIGHT.min(cells.height).max(1);
    let patch = |height| reach(height, stride) * reach(width, stride) * cell_words;
    let tasks = |height| cells.height.div_ceil(height) * cells.width.div_ceil(width);
    while height > 1 && (patch(height) > PATCH || (threads > 1 && tasks(height) < 4 * threads)) {
        height -= 1;
    }
    Grid::new(height, width)
}

/// A convolution that tasks share.
struct Convolution<'a> {
    isa: Isa,
    x: Rows<'a>,
    /// What the words of the patch and the weights hold.
    floats: Floats,
    /// Channels of a cell with those that fill its last word.
    channels: usize,
    /// Words of a cell.
    cell_words: usize,
    /// Extent of the input.
    grid: Grid,
    stride: usize,
    /// Width of the border of zeros at the top and left.
    before: usize,
    panels: &'a Panels,
    /// Extent of the output.
    cells: Grid,
    epilogue: Epilogue<'a>,
}

impl Convolution<'_> {
    /// Computes the outputs at `rows` and `columns`.
    fn task(&self, rows: Range<usize>, columns: Range<usize>, scratch: &mut [f32]) {
        let (weights, scratch) = scratch.split_at_mut(WEIGHTS);
        let weights: &mut [u32] = bytemuck::cast_slice_mut(weights);
        let (sums, patch) = scratch.split_at_mut(rows.len() * columns.len() * PANEL);
        let words = self.copy_patch(&rows, &columns, patch);
        let patch_row = reach(columns.len(), self.stride) * self.cell_words;
        let each = self.channels / self.cell_words.max(1);
        let (window, step) = (SIDE * self.channels, inputs_of_chunk(Route::Floats(self.floats)));
        if self.channels == 0 {
            sums.fill(0.0);
        }
        for panel in 0..self.panels.count() {
            for (dy, start) in
                (0..SIDE).flat_map(|dy| (0..window).step_by(step).map(move |start| (dy, start)))
            {
                let first = dy * window + start;
                let inputs = first..first + step.min(window - start);
                let into = if first == 0 { Into::Store } else { Into::Add };
                let route = Route::Floats(self.floats);
                let (panel, count) =
                    self.panels.chunk(self.isa, route, (panel, 0), inputs, weights);
                for (y, sums) in sums.chunks_mut(columns.len() * PANEL).enumerate() {
                    let data = &words[(y * self.stride + dy) * patch_row + start / each..];
                    let stride = self.stride * self.cell_words;
                    let vectors = Vectors { data, count: columns.len(), stride, step: 1 };
                    let operands = Operands { words: count, panel, vectors };
                    multiply(self.isa, self.floats, operands, sums, into);
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

    /// Copies what the outputs at `rows` and `columns` see, zeros where the picture ends.
    fn copy_patch<'b>(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        patch: &'b mut [f32],
    ) -> &'b [u32] {
        let width = reach(columns.len(), self.stride);
        let height = reach(rows.len(), self.stride);
        let left = columns.start * self.stride;
        // The columns of the patch that exist in the picture.
        let from = self.before.saturating_sub(left);
        let to = width.min((self.grid.width + self.before).saturating_sub(left));
        let row_words = width * self.cell_words;
        let patch_rows = patch[..height * row_words].chunks_mut(row_words.max(1));
        for (y, words) in patch_rows.enumerate() {
            let y = rows.start * self.stride + y;
            if y < self.before || y >= self.grid.height + self.before {
                words.fill(0.0);
                continue;
            }
            let first = (y - self.before) * self.grid.width + left;
            words[..from * self.cell_words].fill(0.0);
            words[to * self.cell_words..].fill(0.0);
            let cells = first + from - self.before..first + to - self.before;
            self.copy_cells(cells, &mut words[from * self.cell_words..to * self.cell_words]);
        }
        bytemuck::cast_slice(patch)
    }

    /// Copies neighbouring cells, each with what fills its last word.
    fn copy_cells(&self, cells: Range<usize>, words: &mut [f32]) {
        let (inner, channels) = (self.x.width, self.channels);
        match (self.floats, self.x.rows(cells.clone())) {
            (Floats::Bf16, Elements::Bf16(stored)) => {
                let values: &mut [bf16] = bytemuck::cast_slice_mut(words);
                if inner == channels {
                    values.copy_from_slice(stored);
                    return;
                }
                let cells = values.chunks_mut(channels.max(1)).zip(stored.chunks(inner.max(1)));
                for (cell, stored) in cells {
                    let (cell, filling) = cell.split_at_mut(inner);
                    cell.copy_from_slice(stored);
                    filling.fill(bf16::ZERO);
                }
            }
            (_, stored) if inner == channels => stored.load(self.isa, words),
            _ => {
                for (cell, values) in cells.zip(words.chunks_mut(channels.max(1))) {
                    let (values, filling) = values.split_at_mut(inner);
                    self.x.rows(cell..cell + 1).load(self.isa, values);
                    filling.fill(0.0);
                }
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
                let tile = tile(cells, channels, 1, threads);
                let patch = reach(tile.height, 1) * reach(tile.width, 1) * channels;
                assert!(tile.area() > 0 && (patch <= PATCH || tile.height == 1), "{tile}");
                let tasks = side.div_ceil(tile.height) * side.div_ceil(tile.width);
                assert!(threads == 1 || tasks >= threads.min(side), "{tasks} tasks");
            }
        }
    }
}
