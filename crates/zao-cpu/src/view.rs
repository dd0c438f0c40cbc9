//! Tensors as slices: whatever the element type, a row is read into `f32` and written from it.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::marker::PhantomData;
use std::ops::Range;

use half::bf16;
use zao_backend::{Element, Tensor};

use crate::device::Cpu;
use crate::isa::Isa;
use crate::quantise::{GROUP, Scale, dequantise, quantise};

/// Why a view of fp8 is never asked for.
const NO_FP8: &str = "no precision of this device makes fp8";

/// Elements for reading.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'a> {
    F32(&'a [f32]),
    Bf16(&'a [bf16]),
    Int8(Quantised<'a>),
    U8(&'a [u8]),
}

/// Whole rows of integers with their scales.
#[derive(Clone, Copy)]
pub(crate) struct Quantised<'a> {
    integers: &'a [i8],
    scales: &'a [Scale],
    width: usize,
}

impl<'a> Quantised<'a> {
    /// The integers of some columns of a row.
    pub(crate) fn integers(self, row: usize, columns: Range<usize>) -> &'a [i8] {
        &self.integers[row * self.width..][columns]
    }

    /// The integers from column `column` of row `row` on as words, if rows consist of words.
    pub(crate) fn words(self, row: usize, column: usize) -> Option<&'a [u32]> {
        let integers = &self.integers[row * self.width + column..];
        let whole = &integers[..integers.len() / 4 * 4];
        self.width.is_multiple_of(4).then(|| bytemuck::cast_slice(whole))
    }

    /// The scale of a group of a row.
    pub(crate) fn scale(self, row: usize, group: usize) -> Scale {
        self.scales[row * self.width.div_ceil(GROUP) + group]
    }

    fn load(self, isa: Isa, out: &mut [f32]) {
        let width = self.width.max(1);
        let scales = self.scales.chunks(self.width.div_ceil(GROUP).max(1));
        for ((integers, scales), out) in
            self.integers.chunks(width).zip(scales).zip(out.chunks_mut(width))
        {
            dequantise(isa, integers, scales, out);
        }
    }
}

/// Whole rows of integers with their scales, for writing.
pub(crate) struct QuantisedMut<'a> {
    integers: &'a mut [i8],
    scales: &'a mut [Scale],
    width: usize,
}

impl QuantisedMut<'_> {
    fn reborrow(&self) -> Quantised<'_> {
        Quantised { integers: self.integers, scales: self.scales, width: self.width }
    }

    fn store(&mut self, isa: Isa, values: &[f32]) {
        let width = self.width.max(1);
        let scales = self.scales.chunks_mut(self.width.div_ceil(GROUP).max(1));
        let rows = self.integers.chunks_mut(width).zip(scales);
        for ((integers, scales), values) in rows.zip(values.chunks(width)) {
            quantise(isa, values, integers, scales);
        }
    }
}

/// Where the scales of integers begin, in bytes.
fn scales_at(integers: usize) -> usize {
    integers.next_multiple_of(size_of::<f32>())
}

/// The scales of the whole rows that the elements `range` of rows of `width` are.
fn scales_of(range: &Range<usize>, width: usize) -> Range<usize> {
    let width = width.max(1);
    assert!(range.start.is_multiple_of(width) && range.end.is_multiple_of(width), "whole rows");
    let groups = width.div_ceil(GROUP);
    range.start / width * groups..range.end / width * groups
}

impl<'a> Elements<'a> {
    /// All elements of a tensor.
    pub(crate) fn of(tensor: &'a Tensor<Cpu>) -> Self {
        let (count, width) = (tensor.shape().len(), tensor.width());
        let bytes = tensor.memory().bytes();
        let elements = &bytes[..count * tensor.element().size()];
        match tensor.element() {
            Element::F32 => Self::F32(bytemuck::cast_slice(elements)),
            Element::Bf16 => Self::Bf16(bytemuck::cast_slice(elements)),
            Element::Int8 => {
                let scales = scales_of(&(0..count), width).len() * size_of::<Scale>();
                Self::Int8(Quantised {
                    integers: bytemuck::cast_slice(elements),
                    scales: bytemuck::cast_slice(&bytes[scales_at(count)..][..scales]),
                    width,
                })
            }
            Element::U8 => Self::U8(elements),
            Element::Fp8 => unreachable!("{NO_FP8}"),
        }
    }

    fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(values) => Self::F32(&values[range]),
            Self::Bf16(values) => Self::Bf16(&values[range]),
            Self::Int8(Quantised { integers, scales, width }) => Self::Int8(Quantised {
                scales: &scales[scales_of(&range, width)],
                integers: &integers[range],
                width,
            }),
            Self::U8(values) => Self::U8(&values[range]),
        }
    }

    /// Copies all elements into `out`, which is as long.
    pub(crate) fn load(self, isa: Isa, out: &mut [f32]) {
        match self {
            Self::F32(values) => out.copy_from_slice(values),
            Self::Bf16(values) => isa.widen(values, out),
            Self::Int8(rows) => rows.load(isa, out),
            Self::U8(values) => {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = f32::from(value);
                }
            }
        }
    }
}

/// Elements for writing.
pub(crate) enum ElementsMut<'a> {
    F32(&'a mut [f32]),
    Bf16(&'a mut [bf16]),
    Int8(QuantisedMut<'a>),
    U8(&'a mut [u8]),
}

impl<'a> ElementsMut<'a> {
    /// All elements of a tensor.
    pub(crate) fn of(tensor: &'a mut Tensor<Cpu>) -> Self {
        let (count, width, element) = (tensor.shape().len(), tensor.width(), tensor.element());
        let bytes = tensor.memory_mut().bytes_mut();
        let (elements, rest) = bytes.split_at_mut(count * element.size());
        match element {
            Element::F32 => Self::F32(bytemuck::cast_slice_mut(elements)),
            Element::Bf16 => Self::Bf16(bytemuck::cast_slice_mut(elements)),
            Element::Int8 => {
                let scales = scales_of(&(0..count), width).len() * size_of::<Scale>();
                Self::Int8(QuantisedMut {
                    integers: bytemuck::cast_slice_mut(elements),
                    scales: bytemuck::cast_slice_mut(
                        &mut rest[scales_at(count) - count..][..scales],
                    ),
                    width,
                })
            }
            Element::U8 => Self::U8(elements),
            Element::Fp8 => unreachable!("{NO_FP8}"),
        }
    }

    /// The elements `range` of these.
    pub(crate) fn part(&mut self, range: Range<usize>) -> ElementsMut<'_> {
        match self {
            Self::F32(values) => ElementsMut::F32(&mut values[range]),
            Self::Bf16(values) => ElementsMut::Bf16(&mut values[range]),
            Self::Int8(rows) => ElementsMut::Int8(QuantisedMut {
                scales: &mut rows.scales[scales_of(&range, rows.width)],
                integers: &mut rows.integers[range],
                width: rows.width,
            }),
            Self::U8(values) => ElementsMut::U8(&mut values[range]),
        }
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        match self {
            Self::F32(values) => {
                let (left, right) = values.split_at_mut(index);
                (Self::F32(left), Self::F32(right))
            }
            Self::Bf16(values) => {
                let (left, right) = values.split_at_mut(index);
                (Self::Bf16(left), Self::Bf16(right))
            }
            Self::Int8(QuantisedMut { integers, scales, width }) => {
                let scales = scales.split_at_mut(scales_of(&(0..index), width).end);
                let integers = integers.split_at_mut(index);
                let half = |integers, scales| Self::Int8(QuantisedMut { integers, scales, width });
                (half(integers.0, scales.0), half(integers.1, scales.1))
            }
            Self::U8(values) => {
                let (left, right) = values.split_at_mut(index);
                (Self::U8(left), Self::U8(right))
            }
        }
    }

    /// Copies all elements into `out`, which is as long.
    pub(crate) fn load(&self, isa: Isa, out: &mut [f32]) {
        match self {
            Self::F32(values) => Elements::F32(values),
            Self::Bf16(values) => Elements::Bf16(values),
            Self::Int8(rows) => Elements::Int8(rows.reborrow()),
            Self::U8(values) => Elements::U8(values),
        }
        .load(isa, out);
    }

    /// Overwrites all elements by `values`, rounded to the element type.
    pub(crate) fn store(&mut self, isa: Isa, values: &[f32]) {
        match self {
            Self::F32(out) => out.copy_from_slice(values),
            Self::Bf16(out) => isa.narrow(values, out),
            Self::Int8(rows) => rows.store(isa, values),
            Self::U8(out) => {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = value.round_ties_even() as u8;
                }
            }
        }
    }

    /// Copies `from`, which is as long, by way of `scratch` if the types differ.
    pub(crate) fn copy(&mut self, isa: Isa, from: Elements<'_>, scratch: &mut [f32]) {
        match (self, from) {
            (ElementsMut::F32(to), Elements::F32(from)) => to.copy_from_slice(from),
            (ElementsMut::Bf16(to), Elements::Bf16(from)) => to.copy_from_slice(from),
            (ElementsMut::Int8(to), Elements::Int8(from)) => {
                to.integers.copy_from_slice(from.integers);
                to.scales.copy_from_slice(from.scales);
            }
            (to, from) => {
                from.load(isa, scratch);
                to.store(isa, scratch);
            }
        }
    }

    /// Adds `values` to the elements. Nothing is ever added to what is quantised: policies give the
    /// residual stream another type.
    pub(crate) fn add(&mut self, isa: Isa, values: &[f32]) {
        if let Self::F32(out) = self {
            isa.run(
                #[inline(always)]
                || {
                    for (out, value) in out.iter_mut().zip(values) {
                        *out += *value;
                    }
                },
            );
            return;
        }
        let mut at = 0;
        let mut sums = [0.0; 64];
        for part in values.chunks(sums.len()) {
            let sums = &mut sums[..part.len()];
            let mut here = self.part(at..at + part.len());
            here.load(isa, sums);
            for (sum, value) in sums.iter_mut().zip(part) {
                *sum += value;
            }
            here.store(isa, sums);
            at += part.len();
        }
    }
}

/// The rows of a tensor for reading.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) elements: Elements<'a>,
    pub(crate) width: usize,
}

impl<'a> Rows<'a> {
    /// All rows of a tensor.
    pub(crate) fn of(tensor: &'a Tensor<Cpu>) -> Self {
        Self { elements: Elements::of(tensor), width: tensor.width() }
    }

    /// The elements `columns` of a row.
    pub(crate) fn part(self, row: usize, columns: Range<usize>) -> Elements<'a> {
        debug_assert!(columns.end <= self.width);
        self.elements.slice(row * self.width + columns.start..row * self.width + columns.end)
    }

    /// The elements of whole rows.
    pub(crate) fn rows(self, rows: Range<usize>) -> Elements<'a> {
        self.elements.slice(rows.start * self.width..rows.end * self.width)
    }

    /// The first row, which is all that a vector has.
    pub(crate) fn to_vec(self, isa: Isa) -> Vec<f32> {
        let mut values = vec![0.0; self.width];
        self.load(isa, 0, &mut values);
        values
    }

    /// A row, copied into `out`.
    pub(crate) fn load(self, isa: Isa, row: usize, out: &mut [f32]) {
        self.part(row, 0..self.width).load(isa, out);
    }
}

/// Some consecutive rows of a tensor for writing: what one task owns.
pub(crate) struct Band<'a> {
    elements: ElementsMut<'a>,
    width: usize,
    /// Which rows of the tensor these are.
    pub(crate) rows: Range<usize>,
}

impl Band<'_> {
    /// A row, by its number in the tensor.
    pub(crate) fn row(&mut self, row: usize) -> ElementsMut<'_> {
        self.part(row..row + 1)
    }

    /// Some rows, by their numbers in the tensor.
    pub(crate) fn part(&mut self, rows: Range<usize>) -> ElementsMut<'_> {
        let first = self.rows.start;
        self.elements.part((rows.start - first) * self.width..(rows.end - first) * self.width)
    }
}

/// The rows of a tensor, cut into bands.
pub(crate) struct Bands<'a> {
    rest: Option<ElementsMut<'a>>,
    width: usize,
    rows: Range<usize>,
    height: usize,
}

impl<'a> Bands<'a> {
    /// Bands of `height` rows, the last one perhaps fewer.
    pub(crate) fn of(tensor: &'a mut Tensor<Cpu>, height: usize) -> Self {
        let (width, rows) = (tensor.width(), 0..tensor.rows());
        Self { rest: Some(ElementsMut::of(tensor)), width, rows, height: height.max(1) }
    }
}

impl<'a> Iterator for Bands<'a> {
    type Item = Band<'a>;

    fn next(&mut self) -> Option<Band<'a>> {
        if self.rows.is_empty() {
            return None;
        }
        let count = self.height.min(self.rows.len());
        let (elements, rest) = self.rest.take()?.split_at(count * self.width);
        self.rest = Some(rest);
        let rows = self.rows.start..self.rows.start + count;
        self.rows.start = rows.end;
        Some(Band { elements, width: self.width, rows })
    }
}

/// A tensor that several tasks write at once, each in rows and columns of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    start: *mut u8,
    element: Element,
    rows: usize,
    width: usize,
    tensor: PhantomData<&'a mut [u8]>,
}

// SAFETY: access goes through `part`, whose callers promise not to overlap.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// All rows of a tensor.
    pub(crate) fn of(tensor: &'a mut Tensor<Cpu>) -> Self {
        let (element, rows, width) = (tensor.element(), tensor.rows(), tensor.width());
        let needed = element.bytes(tensor.shape());
        let bytes = tensor.memory_mut().bytes_mut();
        assert!(needed.is_some_and(|needed| needed <= bytes.len()), "memory covers the shape");
        Self { start: bytes.as_mut_ptr(), element, rows, width, tensor: PhantomData }
    }

    /// The element type.
    pub(crate) fn element(self) -> Element {
        self.element
    }

    /// The elements `columns` of a row, whole groups of them if they are quantised.
    ///
    /// # Safety
    /// As long as the result lives, nobody else may have a part that overlaps it.
    pub(crate) unsafe fn part(self, row: usize, columns: Range<usize>) -> ElementsMut<'a> {
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.width);
        let (first, count) = (row * self.width + columns.start, columns.len());
        // The assertions keep the part inside the tensor, which is borrowed for `'a`.
        match self.element {
            // SAFETY: the part lies inside the tensor, and the caller promises that nobody else has it.
            Element::F32 => ElementsMut::F32(unsafe { self.slice(0, first, count) }),
            // SAFETY: as above.
            Element::Bf16 => ElementsMut::Bf16(unsafe { self.slice(0, first, count) }),
            // SAFETY: as above.
            Element::U8 => ElementsMut::U8(unsafe { self.slice(0, first, count) }),
            Element::Fp8 => unreachable!("{NO_FP8}"),
            Element::Int8 => {
                let whole = |at: usize| at.is_multiple_of(GROUP) || at == self.width;
                assert!(whole(columns.start) && whole(columns.end), "whole groups");
                let groups = self.width.div_ceil(GROUP);
                let group = row * groups + columns.start / GROUP;
                let at = scales_at(self.rows * self.width);
                ElementsMut::Int8(QuantisedMut {
                    // SAFETY: as above.
                    integers: unsafe { self.slice(0, first, count) },
                    // SAFETY: as above; different groups have different scales.
                    scales: unsafe { self.slice(at, group, count.div_ceil(GROUP)) },
                    width: count,
                })
            }
        }
    }

    /// Elements `first .. first + count` of those that begin `offset` bytes into the tensor.
    ///
    /// # Safety
    /// They must lie in the tensor and nobody else may have them; `offset` must be aligned for them,
    /// and all bytes must be good elements.
    unsafe fn slice<T: bytemuck::Pod>(
        self,
        offset: usize,
        first: usize,
        count: usize,
    ) -> &'a mut [T] {
        // SAFETY: the caller's promise; blocks are aligned for every element.
        unsafe {
            let start = self.start.add(offset).cast::<T>().add(first);
            std::slice::from_raw_parts_mut(start, count)
        }
    }
}
