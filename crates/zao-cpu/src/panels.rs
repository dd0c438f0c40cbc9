//! Weights as matrix multiplies read them: the outputs in panels, each with its inputs one after the
//! other (`panel[input][output]`), zero outputs filling the last panel.
//!
//! Stacked parts (q, k and v) become one matrix here, and the two parts of SwiGLU share each panel,
//! so that a product and what follows it need no second pass. The rounding of weights happens here
//! too, once.

use std::ops::Range;

use half::bf16;
use zao_backend::{Dtype, Region, Result, Stored};

use crate::block::Block;
use crate::device::Cpu;
use crate::matmul::{PANEL, Panel};
use crate::memory::out_of_memory;
use crate::simd::Isa;
use crate::threads::Work;

/// Where the columns of panels come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The rows of the parts, `[out, in]` each, one part after the other.
    Stacked(Vec<Stored>),
    /// Half a panel of rows of the first part, then the same rows of the second.
    Paired([Stored; 2]),
}

impl Source {
    /// How many outputs a panel holds.
    fn outputs(&self) -> usize {
        match self {
            Self::Stacked(_) => PANEL,
            Self::Paired(_) => PANEL / 2,
        }
    }

    /// Which row of which part is column `column` of panel `panel`, unless it is filling.
    fn row(&self, panel: usize, column: usize) -> Option<(&Stored, usize)> {
        let rows = |part: &Stored| part.shape()[0];
        match self {
            Self::Stacked(parts) => {
                let mut row = panel * PANEL + column;
                for part in parts {
                    if row < rows(part) {
                        return Some((part, row));
                    }
                    row -= rows(part);
                }
                None
            }
            Self::Paired(parts) => {
                let row = panel * (PANEL / 2) + column % (PANEL / 2);
                let part = &parts[column / (PANEL / 2)];
                (row < rows(part)).then_some((part, row))
            }
        }
    }
}

/// A packed matrix.
#[derive(Debug)]
pub(crate) struct Panels {
    values: Block,
    kept: Dtype,
    count: usize,
    depth: usize,
    /// How many outputs a panel holds: [`PANEL`], or half of it for pairs.
    pub(crate) outputs: usize,
}

impl Panels {
    /// Packs a matrix of `(outputs, inputs)` in `kept`, which is f32 or bf16.
    pub(crate) fn pack(
        cpu: &Cpu,
        source: &Source,
        (rows, depth): (usize, usize),
        kept: Dtype,
    ) -> Result<Self> {
        let outputs = source.outputs();
        let count = rows.div_ceil(outputs);
        let panel_bytes = depth * PANEL * kept.size();
        let refused = || out_of_memory(Region::Model, count.saturating_mul(panel_bytes), 0);
        let bytes = count.checked_mul(panel_bytes).ok_or_else(refused)?;
        let mut values = Block::new(bytes).ok_or_else(refused)?;
        let work = Work::of_elements(rows * depth);
        let panels = values.bytes_mut().chunks_mut(panel_bytes.max(1)).enumerate();
        cpu.threads.for_each(work, 2 * CHUNK * PANEL, panels, |(index, panel), scratch| {
            let chunks = panel.chunks_mut(CHUNK * PANEL * kept.size()).enumerate();
            for (chunk, packed) in chunks {
                let start = chunk * CHUNK;
                let length = CHUNK.min(depth - start);
                let (rows, columns) = scratch.split_at_mut(CHUNK * PANEL);
                for (column, values) in rows.chunks_mut(CHUNK).enumerate() {
                    match source.row(index, column) {
                        Some((part, row)) => part.widen(row * depth + start, &mut values[..length]),
                        None => values.fill(0.0),
                    }
                }
                let columns = &mut columns[..length * PANEL];
                transpose(cpu.isa, rows, columns);
                match kept {
                    Dtype::Bf16 => cpu.isa.narrow(columns, bytemuck::cast_slice_mut(packed)),
                    Dtype::F32 | Dtype::F16 => {
                        bytemuck::cast_slice_mut::<_, f32>(packed).copy_from_slice(columns);
                    }
                }
            }
        })?;
        Ok(Self { values, kept, count, depth, outputs })
    }

    /// How many panels there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many inputs there are.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The inputs `inputs` of a panel in `f32`, widened into `scratch` if they are not kept so.
    pub(crate) fn chunk<'a>(
        &'a self,
        isa: Isa,
        panel: usize,
        inputs: Range<usize>,
        scratch: &'a mut [f32],
    ) -> Panel<'a> {
        let range =
            (panel * self.depth + inputs.start) * PANEL..(panel * self.depth + inputs.end) * PANEL;
        let data = match self.kept {
            Dtype::Bf16 => {
                let narrow: &[bf16] = &bytemuck::cast_slice(self.values.bytes())[range];
                let wide = &mut scratch[..narrow.len()];
                isa.widen(narrow, wide);
                wide
            }
            Dtype::F32 | Dtype::F16 => &bytemuck::cast_slice(self.values.bytes())[range],
        };
        Panel { data, step: PANEL }
    }
}

/// Inputs that are packed at a time: rows and columns of a panel fit into L1 together.
const CHUNK: usize = 128;

/// `PANEL` rows of `CHUNK` values into columns of `PANEL`, as many as `columns` holds.
fn transpose(isa: Isa, rows: &[f32], columns: &mut [f32]) {
    isa.run(
        #[inline(always)]
        || {
            for (i, column) in columns.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
                for (value, row) in column.iter_mut().zip(rows.chunks(CHUNK)) {
                    *value = row[i];
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn stored(rows: usize, depth: usize, first: usize) -> Stored {
        let values: Vec<f32> = (0..rows * depth).map(|i| (first + i) as f32).collect();
        Stored::from_f32(&[rows, depth], &values)
    }

    fn value(panels: &Panels, panel: usize, input: usize, column: usize) -> f32 {
        let mut scratch = [0.0; PANEL];
        panels.chunk(Isa::detect(), panel, input..input + 1, &mut scratch).data[column]
    }

    #[test]
    fn stacked_parts_follow_each_other_and_zeros_fill() {
        let cpu = Cpu::new(Settings::default()).unwrap();
        let source = Source::Stacked(vec![stored(30, 300, 0), stored(20, 300, 9000)]);
        let panels = Panels::pack(&cpu, &source, (50, 300), Dtype::F32).unwrap();
        assert_eq!((panels.count(), panels.depth()), (2, 300));
        for input in [0, 127, 128, 299] {
            for column in 0..64 {
                let expected = if column < 50 { (column * 300 + input) as f32 } else { 0.0 };
                assert_eq!(value(&panels, column / 32, input, column % 32), expected);
            }
        }
    }

    #[test]
    fn pairs_share_a_panel_and_are_rounded() {
        let cpu = Cpu::new(Settings::default()).unwrap();
        let source = Source::Paired([stored(20, 5, 0), stored(20, 5, 1000)]);
        let panels = Panels::pack(&cpu, &source, (20, 5), Dtype::Bf16).unwrap();
        assert_eq!((panels.count(), panels.outputs), (2, 16));
        let rounded = |v: usize| bf16::from_f32(v as f32).to_f32();
        for row in 0..20 {
            assert_eq!(value(&panels, row / 16, 4, row % 16), rounded(row * 5 + 4));
            assert_eq!(value(&panels, row / 16, 4, 16 + row % 16), rounded(1000 + row * 5 + 4));
        }
        assert_eq!(value(&panels, 1, 0, 15), 0.0);
    }
}
