//! What a convolution's task sees of a picture, copied to where its cells lie side by side: with zeros
//! where the picture ends, put through a norm, every cell as often as the picture is enlarged, in the
//! words that are multiplied.

use std::ops::Range;

use half::bf16;
use zao_backend::{Grid, Strip};

use crate::group_norm::Apply;
use crate::isa::Isa;
use crate::kernel::Floats;
use crate::view::{Elements, Rows};

/// How a picture is copied.
#[derive(Clone, Copy)]
pub(crate) struct Patch<'a> {
    pub(crate) isa: Isa,
    pub(crate) x: Rows<'a>,
    /// Which rows of the picture `x` holds.
    pub(crate) strip: Strip,
    /// What cells go through; the zeros around them do not.
    pub(crate) norm: Option<Apply<'a>>,
    /// How many rows and columns each row and column of the picture becomes.
    pub(crate) copies: usize,
    /// Width of the border of zeros at the top and left.
    pub(crate) before: usize,
    /// What the words hold.
    pub(crate) floats: Floats,
    /// Channels of a cell with those that fill its last word.
    pub(crate) channels: usize,
    /// Words of a cell.
    pub(crate) cell_words: usize,
}

impl Patch<'_> {
    /// `f32` values of scratch that a patch of this extent needs.
    pub(crate) fn scratch(&self, extent: Grid) -> usize {
        extent.area() * self.cell_words + extent.width * self.x.width
    }

    /// The cells of the bordered, enlarged picture from row `corner.0` and column `corner.1` on.
    pub(crate) fn copy<'b>(
        &self,
        corner: (usize, usize),
        extent: Grid,
        scratch: &'b mut [f32],
    ) -> &'b [u32] {
        let (patch, line) = scratch.split_at_mut(extent.area() * self.cell_words);
        let (top, left) = corner;
        let picture = self.strip.grid.times(self.copies);
        // The columns of the patch that exist in the picture.
        let from = self.before.saturating_sub(left).min(extent.width);
        let to = extent.width.min((picture.width + self.before).saturating_sub(left)).max(from);
        let row_words = extent.width * self.cell_words;
        for y in 0..extent.height {
            let (above, words) = patch.split_at_mut(y * row_words);
            let words = &mut words[..row_words];
            let Some(row) = (top + y).checked_sub(self.before).filter(|&y| y < picture.height)
            else {
                words.fill(0.0);
                continue;
            };
            if y > 0 && !row.is_multiple_of(self.copies) {
                // The same row of the picture as the one above.
                words.copy_from_slice(&above[(y - 1) * row_words..]);
                continue;
            }
            let (border, rest) = words.split_at_mut(from * self.cell_words);
            let (cells, rest) = rest.split_at_mut((to - from) * self.cell_words);
            border.fill(0.0);
            rest.fill(0.0);
            let columns = left + from - self.before..left + to - self.before;
            self.copy_row(row / self.copies, columns, cells, line);
        }
        bytemuck::cast_slice(patch)
    }

    /// Copies the columns `columns` of the enlarged picture from a row of the picture.
    fn copy_row(&self, row: usize, columns: Range<usize>, words: &mut [f32], line: &mut [f32]) {
        let first = (row - self.strip.top) * self.strip.grid.width;
        let held = |column: usize| first + column / self.copies;
        if self.copies == 1 {
            self.copy_cells(held(columns.start)..held(columns.end), words, line);
            return;
        }
        let cell_words = self.cell_words;
        for (index, column) in columns.enumerate() {
            let (before, words) = words.split_at_mut(index * cell_words);
            let words = &mut words[..cell_words];
            if index > 0 && !column.is_multiple_of(self.copies) {
                words.copy_from_slice(&before[(index - 1) * cell_words..]);
            } else {
                self.copy_cells(held(column)..held(column) + 1, words, line);
            }
        }
    }

    /// Copies neighbouring cells, each with what fills its last word.
    fn copy_cells(&self, cells: Range<usize>, words: &mut [f32], line: &mut [f32]) {
        let (inner, channels) = (self.x.width, self.channels);
        let stored = self.x.rows(cells.clone());
        if let (Floats::F32, true) = (self.floats, inner == channels) {
            self.load(stored, words);
            return;
        }
        let values = &mut line[..cells.len() * inner];
        match self.floats {
            Floats::F32 => {
                self.load(stored, values);
                spread(values, inner, words, channels, 0.0, <[f32]>::copy_from_slice);
            }
            Floats::Bf16 => {
                let words: &mut [bf16] = bytemuck::cast_slice_mut(words);
                if let (Elements::Bf16(stored), None) = (stored, self.norm) {
                    spread(stored, inner, words, channels, bf16::ZERO, <[bf16]>::copy_from_slice);
                    return;
                }
                self.load(stored, values);
                let narrow = |to: &mut [bf16], from: &[f32]| self.isa.narrow(from, to);
                spread(values, inner, words, channels, bf16::ZERO, narrow);
            }
        }
    }

    /// Cells as `f32`, after the norm.
    fn load(&self, stored: Elements<'_>, values: &mut [f32]) {
        stored.load(self.isa, values);
        if let Some(norm) = self.norm {
            norm.to(self.isa, values);
        }
    }
}

/// Copies cells of `inner` elements into cells of `channels`, which end in `filling`.
fn spread<From, To: Copy>(
    from: &[From],
    inner: usize,
    to: &mut [To],
    channels: usize,
    filling: To,
    copy: impl Fn(&mut [To], &[From]),
) {
    if inner == channels {
        copy(to, from);
        return;
    }
    for (to, from) in to.chunks_mut(channels.max(1)).zip(from.chunks(inner.max(1))) {
        let (values, rest) = to.split_at_mut(inner);
        copy(values, from);
        rest.fill(filling);
    }
}
