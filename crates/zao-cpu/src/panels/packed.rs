//! Matrices that stay packed: GGML's blocks, int4, 8 bits beside scales. Their bytes are used where they lie. A task
//! unpacks the panels that it multiplies, for all tokens that it has, into words as [`super::Part`] keeps them.
//!
//! In int8 a row has a scale for each group of columns, not one alone: it is known as soon as the group is.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use zao_backend::{Blocks, Form, Scaled, ScaledKind};

use super::transpose::transpose;
use super::{Kept, Panels};
use crate::isa::Isa;
use crate::kernel::PANEL;
use crate::quantise::{GROUP, quantise_one};

/// A packed matrix `[out, in]`.
#[derive(Debug)]
pub(crate) struct PackedMatrix(Packed);

#[derive(Debug)]
enum Packed {
    Blocks(Blocks),
    Scaled(Scaled),
}

impl PackedMatrix {
    /// The matrix, if it is packed in a way that gives [`GROUP`] columns at a time.
    pub(crate) fn new(form: &Form) -> Option<Self> {
        match form {
            Form::Blocks(blocks) => Some(Self(Packed::Blocks(blocks.clone()))),
            Form::Scaled(scaled) => {
                let whole = match scaled.kind() {
                    ScaledKind::Int8 { rotated: Some(size) } => GROUP.is_multiple_of(size),
                    ScaledKind::Int8 { rotated: None } | ScaledKind::E4m3 | ScaledKind::E5m2 => {
                        true
                    }
                };
                whole.then(|| Self(Packed::Scaled(scaled.clone())))
            }
            _ => None,
        }
    }

    fn shape(&self) -> [usize; 2] {
        let shape = match &self.0 {
            Packed::Blocks(blocks) => blocks.shape(),
            Packed::Scaled(scaled) => scaled.shape(),
        };
        [shape[0], shape[1]]
    }

    /// How many outputs it has.
    pub(crate) fn rows(&self) -> usize {
        let [rows, _] = self.shape();
        rows
    }

    /// Some columns of a row.
    fn widen(&self, isa: Isa, row: usize, first: usize, out: &mut [f32]) {
        isa.run(Widen { matrix: self, row, first, out });
    }

    /// The words of a panel, and of integers the scales, `[group][PANEL]`. `rows` is room for the words of a group of
    /// columns.
    fn unpack(
        &self,
        isa: Isa,
        kept: Kept,
        panel: usize,
        (words, scales): (&mut [u32], &mut [f32]),
        rows: &mut [u32],
    ) {
        let [outputs, depth] = self.shape();
        let each = kept.inputs();
        let mut values = [0.0; GROUP];
        for (group, first) in (0..depth).step_by(GROUP).enumerate() {
            let columns = GROUP.min(depth - first);
            let count = columns.div_ceil(each);
            let rows = &mut rows[..count * PANEL];
            let values = &mut values[..count * each];
            values[columns..].fill(0.0);
            for (lane, words) in rows.chunks_mut(count).enumerate() {
                let row = panel * PANEL + lane;
                if row < outputs {
                    self.widen(isa, row, first, &mut values[..columns]);
                } else {
                    values.fill(0.0);
                }
                let scale = encode(isa, kept, values, columns, words);
                if let Some(of_output) = scales.get_mut(group * PANEL + lane) {
                    *of_output = scale;
                }
            }
            transpose(isa, rows, count, &mut words[first / each * PANEL..][..count * PANEL]);
        }
    }
}

/// [`PackedMatrix::widen`], as a type of its own: of a closure so large a part would stay a function, compiled for no
/// instructions.
struct Widen<'a> {
    matrix: &'a PackedMatrix,
    row: usize,
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match &self.matrix.0 {
            Packed::Blocks(blocks) => blocks.widen_part(self.row, self.first, self.out),
            Packed::Scaled(scaled) => scaled.widen_part(self.row, self.first, self.out),
        }
    }
}

/// The words of some columns of a row, a group at most, with zeros behind them up to the last word's end. Returns
/// the scale of integers.
fn encode(isa: Isa, kept: Kept, values: &[f32], columns: usize, words: &mut [u32]) -> f32 {
    match kept {
        Kept::F32 => words.copy_from_slice(bytemuck::cast_slice(values)),
        Kept::Bf16 => isa.narrow(values, bytemuck::cast_slice_mut(words)),
        Kept::Int8 => {
            let (bytes, filling) = bytemuck::cast_slice_mut(words).split_at_mut(columns);
            filling.fill(0);
            let [scale, _] = quantise_one(isa, &values[..columns], bytes);
            words.iter_mut().for_each(|word| *word ^= 0x8080_8080);
            return scale;
        }
    }
    1.0
}

/// The packed panels of a task, unpacked; of those that are not packed there is nothing.
pub(crate) struct Unpacked<'a> {
    panels: Range<usize>,
    sources: usize,
    /// Words of a panel.
    each: usize,
    /// `[panel][source][word][PANEL]`
    words: &'a [u32],
    /// `[panel][source][group][PANEL]`, of integers only.
    scales: &'a [f32],
}

impl<'a> Unpacked<'a> {
    /// For weights without packed parts.
    pub(crate) const NONE: Self =
        Self { panels: 0..0, sources: 1, each: 0, words: &[], scales: &[] };

    /// Unpacks what is packed of `panels`; `scratch` is where it will be, [`Panels::unpacked_size`] long. `rows` is
    /// room for the words of a group of columns.
    pub(crate) fn new(
        isa: Isa,
        weight: &Panels,
        panels: Range<usize>,
        rows: &mut [u32],
        scratch: &'a mut [f32],
    ) -> Self {
        if !weight.has_packed() {
            return Self::NONE;
        }
        let (sources, each, groups) = (weight.sources(), weight.panel_words(), weight.groups());
        let count = panels.len() * sources;
        let (words, scales) = scratch.split_at_mut(count * each);
        let words: &mut [u32] = bytemuck::cast_slice_mut(words);
        let scales = &mut scales[..count * groups * PANEL];
        let mut left = (&mut *words, &mut *scales);
        for panel in panels.clone() {
            for source in 0..sources {
                let (of_panel, rest) = left.0.split_at_mut(each);
                let (of_groups, others) = left.1.split_at_mut(groups * PANEL);
                left = (rest, others);
                if let Some((matrix, panel)) = weight.packed(panel, source) {
                    matrix.unpack(isa, weight.kept(), panel, (of_panel, of_groups), rows);
                }
            }
        }
        Self { panels, sources, each, words, scales }
    }

    /// The words of a panel.
    pub(super) fn words(&self, panel: usize, source: usize) -> &[u32] {
        let index = (panel - self.panels.start) * self.sources + source;
        &self.words[index * self.each..(index + 1) * self.each]
    }

    /// The factors of a panel's outputs in a group of columns.
    pub(super) fn scales(
        &self,
        panel: usize,
        source: usize,
        group: usize,
    ) -> Option<&[f32; PANEL]> {
        let groups = self.scales.len() / PANEL / (self.panels.len() * self.sources).max(1);
        let index = (panel - self.panels.start) * self.sources + source;
        self.scales.as_chunks::<PANEL>().0.get(index * groups + group)
    }
}
