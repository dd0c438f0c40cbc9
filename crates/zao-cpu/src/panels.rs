//! Weights as matrix multiplies read them: the outputs in panels, each with the words of its inputs
//! one after the other (`panel[word][output]`), zero outputs filling the last panel.
//!
//! Stacked parts (q, k and v) become one matrix here. The two parts of SwiGLU stay apart, and output
//! panel `i` is made of panel `i` of each. Rounding and quantising of weights happens here too, once,
//! unless a file has them so already: those are in [`stored`].

mod packed;
mod stored;
mod transpose;

use std::ops::Range;

use bytes::Bytes;
use pulp::{Simd, WithSimd};
use zao_backend::{Region, Result, Stored};

use crate::block::Block;
use crate::device::Cpu;
use crate::isa::Isa;
use crate::kernel::{Floats, Integers, PANEL, Panel};
use crate::memory::out_of_memory;
use crate::quantise::{self, GROUP};
use crate::threads::Work;

pub(crate) use self::packed::{PackedMatrix, Unpacked};
use self::transpose::transpose;

/// What the words of a weight hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// One `f32`.
    F32,
    /// Two bf16.
    Bf16,
    /// Four 8-bit integers of a rotated row, made unsigned by adding 128; a scale an output.
    Int8,
}

impl Kept {
    /// Inputs of a word.
    pub(crate) const fn inputs(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }
}

/// How a product is computed, which depends on the weight, on what it reads, and on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Floats(Floats),
    Integers(Integers),
}

/// Words of a route that are multiplied at a time: a panel of them stays in L1.
pub(crate) const CHUNK: usize = 256;

/// A matrix in panels.
#[derive(Debug)]
pub(crate) struct Panels {
    parts: Vec<Part>,
    paired: bool,
    kept: Kept,
    depth: usize,
}

/// Some outputs of a matrix.
#[derive(Debug)]
pub(crate) struct Part {
    words: Words,
    /// What they hold.
    kept: Kept,
    /// Outputs.
    rows: usize,
    /// A factor for each output and filling of integers; empty for floating-point words, and for what is packed.
    scales: Vec<f32>,
}

#[derive(Debug)]
enum Words {
    Own(Block),
    /// A file's own bytes, not copied; aligned to words.
    Mapped(Bytes),
    /// There are none until a task makes them.
    Unpacked(PackedMatrix),
}

impl Words {
    /// The words that are kept.
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::Own(block) => bytemuck::cast_slice(block.bytes()),
            Self::Mapped(bytes) => bytemuck::cast_slice(bytes),
            Self::Unpacked(_) => &[],
        }
    }
}

impl Part {
    /// Packs the rows of `sources`, one source after the other, each row of `depth` inputs.
    pub(crate) fn pack(cpu: &Cpu, sources: &[Stored], depth: usize, kept: Kept) -> Result<Self> {
        let rows: usize = sources.iter().map(|source| source.shape()[0]).sum();
        let words = depth.div_ceil(kept.inputs());
        let (count, panel_words) = (rows.div_ceil(PANEL), words * PANEL);
        let mut block = block_of(count, panel_words)?;
        let mut scales = vec![0.0; if kept == Kept::Int8 { count * PANEL } else { 0 }];
        let row_of = |row: usize| row_of(sources, row);
        let panels = bytemuck::cast_slice_mut::<_, u32>(block.bytes_mut());
        let panels = panels.chunks_mut(panel_words.max(1));
        let mut scales_left = scales.as_mut_slice();
        let items = panels.enumerate().map(|(index, panel)| {
            let (here, rest) = std::mem::take(&mut scales_left)
                .split_at_mut(if kept == Kept::Int8 { PANEL } else { 0 });
            scales_left = rest;
            (index, panel, here)
        });
        let work = Work::of_elements(rows * depth);
        let padded = words * kept.inputs();
        let scratch = padded + panel_words;
        cpu.threads.for_each(work, scratch, items, |(index, panel, scales), scratch| {
            let (values, encoded) = scratch.split_at_mut(padded);
            let encoded = bytemuck::cast_slice_mut::<f32, u32>(encoded);
            for (lane, encoded) in encoded.chunks_mut(words.max(1)).take(PANEL).enumerate() {
                values.fill(0.0);
                if let Some((source, row)) = row_of(index * PANEL + lane) {
                    source.widen(row * depth, &mut values[..depth]);
                }
                let scale = encode(cpu.isa, kept, &mut values[..], depth, encoded);
                if let Some(of_output) = scales.get_mut(lane) {
                    *of_output = scale;
                }
            }
            transpose(cpu.isa, encoded, words, panel);
        })?;
        Ok(Self { words: Words::Own(block), kept, rows, scales })
    }

    /// A matrix that stays packed, and is multiplied as `kept` says.
    pub(crate) fn packed(matrix: PackedMatrix, kept: Kept) -> Self {
        let rows = matrix.rows();
        Self { words: Words::Unpacked(matrix), kept, rows, scales: Vec::new() }
    }

    /// Number of panels.
    fn count(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }
}

/// Memory for so many panels.
fn block_of(count: usize, panel_words: usize) -> Result<Block> {
    let asked = count.checked_mul(panel_words).and_then(|n| n.checked_mul(size_of::<u32>()));
    let refused = || out_of_memory(Region::Model, asked.unwrap_or(usize::MAX), 0);
    Block::new(asked.ok_or_else(refused)?).ok_or_else(refused)
}

/// Which row of which source is row `row` of all, unless it is filling.
fn row_of(sources: &[Stored], mut row: usize) -> Option<(&Stored, usize)> {
    for source in sources {
        if row < source.shape()[0] {
            return Some((source, row));
        }
        row -= source.shape()[0];
    }
    None
}

/// The words of a row of `depth` values, with zeros behind them up to the last word's end. Returns
/// the row's scale.
fn encode(isa: Isa, kept: Kept, values: &mut [f32], depth: usize, words: &mut [u32]) -> f32 {
    match kept {
        Kept::F32 => words.copy_from_slice(bytemuck::cast_slice(values)),
        Kept::Bf16 => isa.narrow(values, bytemuck::cast_slice_mut(words)),
        Kept::Int8 => {
            return isa.run(
                #[inline(always)]
                || {
                    quantise::rotate(&mut values[..depth]);
                    let scale = quantise::scale(values);
                    let bytes: &mut [i8] = bytemuck::cast_slice_mut(words);
                    quantise::round(values, scale, bytes);
                    bytes.iter_mut().for_each(|byte| *byte ^= i8::MIN);
                    scale
                },
            );
        }
    }
    1.0
}

impl Panels {
    /// Outputs of the parts one after the other.
    pub(crate) fn stacked(parts: Vec<Part>, depth: usize, kept: Kept) -> Self {
        Self { parts, paired: false, kept, depth }
    }

    /// Outputs that are each made of one of both parts: gates, and what they gate.
    pub(crate) fn paired(parts: [Part; 2], depth: usize, kept: Kept) -> Self {
        Self { parts: parts.into(), paired: true, kept, depth }
    }

    /// How many panels of outputs there are.
    pub(crate) fn count(&self) -> usize {
        let parts = if self.paired { &self.parts[..1] } else { &self.parts };
        parts.iter().map(Part::count).sum()
    }

    /// How many outputs there are.
    pub(crate) fn outputs(&self) -> usize {
        let parts = if self.paired { &self.parts[..1] } else { &self.parts };
        parts.iter().map(|part| part.rows).sum()
    }

    /// How many panels make one panel of outputs.
    pub(crate) fn sources(&self) -> usize {
        if self.paired { 2 } else { 1 }
    }

    /// How many inputs there are.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What the words hold; of parts that differ, those that are widest.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// The outputs of a panel, by their numbers in a row of the result.
    pub(crate) fn columns(&self, mut panel: usize) -> Range<usize> {
        let mut first = 0;
        for part in &self.parts {
            if panel < part.count() {
                let start = panel * PANEL;
                return first + start..first + (start + PANEL).min(part.rows);
            }
            panel -= part.count();
            first += part.rows;
        }
        first..first
    }

    /// The part that holds source `source` of panel `panel` of outputs, and which of its panels it is.
    fn part(&self, mut panel: usize, source: usize) -> (&Part, usize) {
        if self.paired {
            return (&self.parts[source], panel);
        }
        for part in &self.parts {
            if panel < part.count() {
                return (part, panel);
            }
            panel -= part.count();
        }
        unreachable!("callers count panels")
    }

    /// The factors of a panel's outputs, if its words are integers.
    pub(crate) fn scales(&self, panel: usize, source: usize) -> Option<&[f32; PANEL]> {
        let (part, panel) = self.part(panel, source);
        part.scales.as_chunks::<PANEL>().0.get(panel)
    }

    /// Whether some of it has to be unpacked to be multiplied.
    pub(crate) fn has_packed(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.words, Words::Unpacked(_)))
    }

    /// The packed matrix that holds source `source` of panel `panel`, and which of its panels it is.
    fn packed(&self, panel: usize, source: usize) -> Option<(&PackedMatrix, usize)> {
        match self.part(panel, source) {
            (Part { words: Words::Unpacked(matrix), .. }, panel) => Some((matrix, panel)),
            _ => None,
        }
    }

    /// Words of a panel.
    fn panel_words(&self) -> usize {
        self.depth.div_ceil(self.kept.inputs()) * PANEL
    }

    /// Groups of inputs that have scales of their own where a panel is unpacked to integers.
    fn groups(&self) -> usize {
        if self.kept == Kept::Int8 { self.depth.div_ceil(GROUP) } else { 0 }
    }

    /// `f32` values of scratch that so many panels of outputs take unpacked.
    pub(crate) fn unpacked_size(&self, panels: usize) -> usize {
        if !self.has_packed() {
            return 0;
        }
        panels * self.sources() * (self.panel_words() + self.groups() * PANEL)
    }

    /// The factors that a panel's outputs have in the group of inputs from `input` on, where it was unpacked to
    /// integers.
    pub(crate) fn group_scales<'a>(
        &self,
        (panel, source): (usize, usize),
        input: usize,
        unpacked: &'a Unpacked<'_>,
    ) -> Option<&'a [f32; PANEL]> {
        self.packed(panel, source)?;
        unpacked.scales(panel, source, input / GROUP)
    }

    /// The inputs `inputs` of a panel in the words of `route`, made in `scratch` if they are not kept
    /// so, and how many words they are. The inputs must begin and, but for the last, end with a word.
    /// Where they are kept so, the panel also has what is kept behind them. A panel that is not kept is taken from
    /// `unpacked`.
    pub(crate) fn chunk<'a>(
        &'a self,
        isa: Isa,
        route: Route,
        (panel, source): (usize, usize),
        inputs: Range<usize>,
        unpacked: &'a Unpacked<'_>,
        scratch: &'a mut [u32],
    ) -> (Panel<'a>, usize) {
        let (part, of_part) = self.part(panel, source);
        let each = part.kept.inputs();
        let (all, first) = match part.words {
            Words::Unpacked(_) => (unpacked.words(panel, source), 0),
            _ => (part.words.as_slice(), of_part * self.depth.div_ceil(each)),
        };
        let range =
            (first + inputs.start / each) * PANEL..(first + inputs.end.div_ceil(each)) * PANEL;
        let kept = &all[range.clone()];
        let words = kept.len() / PANEL;
        let unpack = match (part.kept, route) {
            (Kept::Bf16, Route::Floats(Floats::F32)) => widen_pairs,
            (Kept::Int8, Route::Integers(Integers::Shorts)) => widen_bytes,
            _ => return (Panel { data: &all[range.start..], step: PANEL }, words),
        };
        let data = &mut scratch[..2 * kept.len()];
        unpack(isa, kept, data);
        (Panel { data, step: PANEL }, 2 * words)
    }
}

/// Pairs of bf16 to two rows of `f32`.
fn widen_pairs(isa: Isa, pairs: &[u32], out: &mut [u32]) {
    isa.run(WidenPairs(pairs, out));
}

struct WidenPairs<'a>(&'a [u32], &'a mut [u32]);

impl WithSimd for WidenPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (half, upper) = (simd.splat_u32s(16), simd.splat_u32s(0xffff_0000));
        let rows = self.1.as_chunks_mut::<{ 2 * PANEL }>().0;
        for (pairs, rows) in self.0.as_chunks::<PANEL>().0.iter().zip(rows) {
            let (first, second) = rows.split_at_mut(PANEL);
            let rows = S::as_mut_simd_u32s(first).0.iter_mut().zip(S::as_mut_simd_u32s(second).0);
            for (&pairs, (first, second)) in S::as_simd_u32s(pairs).0.iter().zip(rows) {
                *first = simd.wrapping_dyn_shl_u32s(pairs, half);
                *second = simd.and_u32s(pairs, upper);
            }
        }
    }
}

/// Four unsigned integers to two rows of two signed ones, without the offset.
fn widen_bytes(isa: Isa, bytes: &[u32], out: &mut [u32]) {
    let pair = |low: u32, high: u32| {
        let signed = |byte: u32| (byte & 0xff).wrapping_sub(128) & 0xffff;
        signed(low) | signed(high) << 16
    };
    isa.run(
        #[inline(always)]
        || {
            let rows = out.as_chunks_mut::<{ 2 * PANEL }>().0;
            // By value, or the compiler would have to fear that writing changes what is read.
            for (&bytes, rows) in bytes.as_chunks::<PANEL>().0.iter().zip(rows) {
                let (first, second) = rows.split_at_mut(PANEL);
                first.copy_from_slice(&bytes.map(|word| pair(word, word >> 8)));
                second.copy_from_slice(&bytes.map(|word| pair(word >> 16, word >> 24)));
            }
        },
    );
}
