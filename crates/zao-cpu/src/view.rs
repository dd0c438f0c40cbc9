//! Tensors as slices: whatever the element type, a row is read into `f32` and written from it.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::marker::PhantomData;
use std::ops::Range;

use half::bf16;
use zao_backend::{Element, Tensor};

use crate::device::Cpu;
use crate::simd::Isa;

/// Elements for reading.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'a> {
    F32(&'a [f32]),
    Bf16(&'a [bf16]),
    U8(&'a [u8]),
}

impl<'a> Elements<'a> {
    /// All elements of a tensor.
    pub(crate) fn of(tensor: &'a Tensor<Cpu>) -> Self {
        let bytes = &tensor.memory().bytes()[..tensor.shape().len() * tensor.element().size()];
        match tensor.element() {
            Element::F32 => Self::F32(bytemuck::cast_slice(bytes)),
            Element::Bf16 => Self::Bf16(bytemuck::cast_slice(bytes)),
            Element::U8 => Self::U8(bytes),
        }
    }

    fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(values) => Self::F32(&values[range]),
            Self::Bf16(values) => Self::Bf16(&values[range]),
            Self::U8(values) => Self::U8(&values[range]),
        }
    }

    /// Copies all elements into `out`, which is as long.
    pub(crate) fn load(self, isa: Isa, out: &mut [f32]) {
        match self {
            Self::F32(values) => out.copy_from_slice(values),
            Self::Bf16(values) => isa.widen(values, out),
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
    U8(&'a mut [u8]),
}

impl<'a> ElementsMut<'a> {
    /// All elements of a tensor.
    pub(crate) fn of(tensor: &'a mut Tensor<Cpu>) -> Self {
        let (count, element) = (tensor.shape().len(), tensor.element());
        Self::cast(&mut tensor.memory_mut().bytes_mut()[..count * element.size()], element)
    }

    fn cast(bytes: &'a mut [u8], element: Element) -> Self {
        match element {
            Element::F32 => Self::F32(bytemuck::cast_slice_mut(bytes)),
            Element::Bf16 => Self::Bf16(bytemuck::cast_slice_mut(bytes)),
            Element::U8 => Self::U8(bytes),
        }
    }

    /// The elements `range` of these.
    pub(crate) fn part(&mut self, range: Range<usize>) -> ElementsMut<'_> {
        match self {
            Self::F32(values) => ElementsMut::F32(&mut values[range]),
            Self::Bf16(values) => ElementsMut::Bf16(&mut values[range]),
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
            Self::U8(values) => Elements::U8(values),
        }
        .load(isa, out);
    }

    /// Overwrites all elements by `values`, rounded to the element type.
    pub(crate) fn store(&mut self, isa: Isa, values: &[f32]) {
        match self {
            Self::F32(out) => out.copy_from_slice(values),
            Self::Bf16(out) => isa.narrow(values, out),
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
            (to, from) => {
                from.load(isa, scratch);
                to.store(isa, scratch);
            }
        }
    }

    /// Adds `values` to the elements.
    pub(crate) fn add(&mut self, isa: Isa, values: &[f32]) {
        if let Self::F32(out) = self {
            for (out, value) in out.iter_mut().zip(values) {
                *out += *value;
            }
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
        let bytes = tensor.memory_mut().bytes_mut();
        assert!(bytes.len() >= rows * width * element.size(), "memory covers the shape");
        Self { start: bytes.as_mut_ptr(), element, rows, width, tensor: PhantomData }
    }

    /// The elements `columns` of a row.
    ///
    /// # Safety
    /// As long as the result lives, nobody else may have a part that overlaps it.
    pub(crate) unsafe fn part(self, row: usize, columns: Range<usize>) -> ElementsMut<'a> {
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.width);
        let size = self.element.size();
        // SAFETY: the assertions keep the part inside the tensor, which is borrowed for `'a`; the
        // caller promises that it is not aliased.
        let bytes = unsafe {
            let start = self.start.add((row * self.width + columns.start) * size);
            std::slice::from_raw_parts_mut(start, columns.len() * size)
        };
        ElementsMut::cast(bytes, self.element)
    }

    /// The elements `columns` of each of `rows`, if they are `f32`.
    ///
    /// # Safety
    /// As for [`Shared::part`], for every row that the iterator has given.
    pub(crate) unsafe fn f32_rows(
        self,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Option<impl Iterator<Item = &'a mut [f32]>> {
        assert!(rows.end <= self.rows);
        assert!(columns.start <= columns.end && columns.end <= self.width);
        (self.element == Element::F32).then(|| {
            rows.map(move |row| {
                let start = self.start.cast::<f32>();
                // SAFETY: the assertions keep the part inside the tensor, which is borrowed for `'a`
                // and aligned; rows differ, and the caller promises that nobody else has them.
                unsafe {
                    let start = start.add(row * self.width + columns.start);
                    std::slice::from_raw_parts_mut(start, columns.len())
                }
            })
        })
    }
}
