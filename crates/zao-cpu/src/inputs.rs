//! Activations as matrix multiplies read them: some inputs of some rows as words that lie close
//! together. Integers and short rows are read where they are.

use std::ops::Range;

use half::bf16;

use crate::isa::Isa;
use crate::kernel::{Floats, Integers, Scales, Vectors};
use crate::panels::{CHUNK, Kept, Route};
use crate::quantise::{GROUP, Scale, quantise};
use crate::view::{Elements, Quantised, Rows};

/// What makes the integers of a packed weight unsigned.
const OFFSET: f32 = 128.0;

/// Groups of integers that are multiplied at a time: the inputs of a task stay in L2.
const GROUPS: usize = 5;

/// Inputs that are multiplied at a time.
pub(crate) const fn inputs_of_chunk(route: Route) -> usize {
    match route {
        Route::Floats(Floats::F32) => CHUNK,
        Route::Floats(Floats::Bf16) => 2 * CHUNK,
        Route::Integers(_) => GROUPS * GROUP,
    }
}

/// How a product with a weight kept as `kept` is computed for inputs like `x`.
pub(crate) fn route(isa: Isa, kept: Kept, x: Rows<'_>) -> Route {
    match (kept, x.elements) {
        (Kept::Int8, _) if isa.multiplies_bytes() => Route::Integers(Integers::Bytes),
        (Kept::Int8, _) => Route::Integers(Integers::Shorts),
        (Kept::Bf16, Elements::Bf16(_)) if isa.multiplies_bf16() => Route::Floats(Floats::Bf16),
        (Kept::Bf16 | Kept::F32, _) => Route::Floats(Floats::F32),
    }
}

/// Words from one packed row to the next.
const fn stride(route: Route) -> usize {
    match route {
        Route::Floats(_) => CHUNK,
        Route::Integers(Integers::Bytes) => GROUPS * GROUP / 4,
        Route::Integers(Integers::Shorts) => GROUPS * GROUP / 2,
    }
}

/// A chunk of inputs of some rows.
pub(crate) struct Packed<'a> {
    x: Rows<'a>,
    rows: Range<usize>,
    inputs: Range<usize>,
    route: Route,
    words: &'a mut [u32],
    /// What sums begin with, `[group][row]`.
    starts: &'a mut [i32],
    /// What sums are multiplied by, `[group][row]`.
    scales: &'a mut [f32],
}

impl<'a> Packed<'a> {
    /// `f32` values of scratch that `rows` rows need.
    pub(crate) const fn scratch(route: Route, rows: usize) -> usize {
        rows * (stride(route) + 2 * GROUPS)
    }

    /// Nothing of `rows` yet; `scratch` is where it will be.
    pub(crate) fn new(
        route: Route,
        x: Rows<'a>,
        rows: Range<usize>,
        scratch: &'a mut [f32],
    ) -> Self {
        let count = rows.len();
        let (words, scratch) = scratch.split_at_mut(count * stride(route));
        let (starts, scales) = scratch.split_at_mut(count * GROUPS);
        Self {
            x,
            rows,
            inputs: 0..0,
            route,
            words: bytemuck::cast_slice_mut(words),
            starts: bytemuck::cast_slice_mut(starts),
            scales: &mut scales[..count * GROUPS],
        }
    }

    /// Makes the inputs `inputs` ready, at most a chunk of them.
    pub(crate) fn fill(&mut self, isa: Isa, inputs: Range<usize>) {
        self.inputs = inputs;
        match (self.route, self.x.elements) {
            (Route::Floats(Floats::Bf16), _) => self.fill_bf16(),
            (Route::Floats(Floats::F32), _) => self.fill_f32(isa),
            (Route::Integers(integers), Elements::Int8(quantised)) => {
                self.fill_integers(integers, quantised);
            }
            (Route::Integers(integers), _) => self.quantise(isa, integers),
        }
    }

    /// Whole rows of `f32` that are short enough to be read where they are: longer ones lie on more
    /// pages than a processor keeps addresses of.
    fn short_rows(&self) -> Option<&'a [f32]> {
        match (self.route, self.x.elements) {
            (Route::Floats(Floats::F32), Elements::F32(values))
                if self.x.width <= CHUNK && self.x.width.is_multiple_of(2) =>
            {
                Some(&values[self.rows.start * self.x.width..])
            }
            _ => None,
        }
    }

    fn fill_f32(&mut self, isa: Isa) {
        if self.short_rows().is_some() {
            return;
        }
        let stride = stride(self.route);
        for (row, words) in self.rows.clone().zip(self.words.chunks_mut(stride)) {
            let values: &mut [f32] = bytemuck::cast_slice_mut(words);
            let (values, filling) = values.split_at_mut(self.inputs.len());
            self.x.part(row, self.inputs.clone()).load(isa, values);
            // Half of a weight's last word may be filling.
            filling.iter_mut().take(1).for_each(|value| *value = 0.0);
        }
    }

    fn fill_bf16(&mut self) {
        let stride = stride(self.route);
        for (row, words) in self.rows.clone().zip(self.words.chunks_mut(stride)) {
            let values: &mut [bf16] = bytemuck::cast_slice_mut(words);
            let (values, filling) = values.split_at_mut(self.inputs.len());
            if let Elements::Bf16(stored) = self.x.part(row, self.inputs.clone()) {
                values.copy_from_slice(stored);
            }
            filling.iter_mut().take(1).for_each(|value| *value = bf16::ZERO);
        }
    }

    /// The columns of each group.
    fn groups(&self) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let end = self.inputs.end;
        let starts = self.inputs.clone().step_by(GROUP).enumerate();
        starts.map(move |(group, start)| (group, start..(start + GROUP).min(end)))
    }

    /// Takes the scales of what is quantised, and copies the integers unless they can be read where
    /// they are.
    fn fill_integers(&mut self, integers: Integers, x: Quantised<'_>) {
        let in_place = integers == Integers::Bytes && x.words(0, 0).is_some();
        for (group, columns) in self.groups() {
            for (line, row) in self.rows.clone().enumerate() {
                self.note(integers, group, line, x.scale(row, columns.start / GROUP));
                if !in_place {
                    self.copy(integers, group, line, x.integers(row, columns.clone()));
                }
            }
        }
    }

    /// Quantises what is not.
    fn quantise(&mut self, isa: Isa, integers: Integers) {
        for (group, columns) in self.groups() {
            for (line, row) in self.rows.clone().enumerate() {
                let (mut values, mut quantised) = ([0.0; GROUP], [0; GROUP]);
                let (values, quantised) =
                    (&mut values[..columns.len()], &mut quantised[..columns.len()]);
                let mut scale = [[0.0; 2]];
                self.x.part(row, columns.clone()).load(isa, values);
                quantise(isa, values, quantised, &mut scale);
                self.note(integers, group, line, scale[0]);
                self.copy(integers, group, line, quantised);
            }
        }
    }

    fn note(&mut self, integers: Integers, group: usize, line: usize, [scale, sum]: Scale) {
        let at = group * self.rows.len() + line;
        self.scales[at] = scale;
        self.starts[at] = match integers {
            Integers::Bytes => (-OFFSET * sum) as i32,
            Integers::Shorts => 0,
        };
    }

    fn copy(&mut self, integers: Integers, group: usize, line: usize, from: &[i8]) {
        let stride = stride(self.route);
        let words = &mut self.words[line * stride + group * stride / GROUPS..];
        let padded = from.iter().copied().chain([0; 3]).take(from.len().next_multiple_of(4));
        match integers {
            Integers::Bytes => {
                let bytes: &mut [i8] = bytemuck::cast_slice_mut(words);
                bytes.iter_mut().zip(padded).for_each(|(to, from)| *to = from);
            }
            Integers::Shorts => {
                let shorts: &mut [i16] = bytemuck::cast_slice_mut(words);
                shorts.iter_mut().zip(padded).for_each(|(to, from)| *to = from.into());
            }
        }
    }

    /// All inputs that are ready.
    pub(crate) fn vectors(&self) -> Vectors<'_> {
        let (count, stride) = (self.rows.len(), stride(self.route));
        if let Some(rows) = self.short_rows() {
            let data = bytemuck::cast_slice(rows);
            return Vectors { data, count, stride: self.x.width, step: 1 };
        }
        Vectors { data: self.words, count, stride, step: 1 }
    }

    /// One group of integers, and what its sums begin with and are multiplied by.
    pub(crate) fn group(&self, group: usize) -> (Vectors<'_>, Scales<'_>) {
        let (count, stride) = (self.rows.len(), stride(self.route));
        let range = group * count..(group + 1) * count;
        let (starts, rows) = (&self.starts[range.clone()], &self.scales[range]);
        let scales = Scales { starts, rows, columns: None };
        if let (Route::Integers(Integers::Bytes), Elements::Int8(x)) = (self.route, self.x.elements)
            && let Some(data) = x.words(self.rows.start, self.inputs.start + group * GROUP)
        {
            return (Vectors { data, count, stride: self.x.width / 4, step: 1 }, scales);
        }
        let data = &self.words[group * stride / GROUPS..];
        (Vectors { data, count, stride, step: 1 }, scales)
    }
}
