//! How a matrix lies on the card of which at least a part stays packed, and what brings it there. Nothing is unpacked
//! here.

use std::borrow::Cow;

use zao_backend::{Form, Matrix, Result, Role};

use super::convert::scales_of;
use super::names::Layout;
use super::{BOUNDARY, Fate, PIECE};
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::loader::{Measure, Shipment, Values};
use crate::weight::{Kept, Loading, Place};

/// Where things lie in the memory of a part, from its beginning on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// `f32 [rows]`: what lies beside the bytes, or else what elements will be multiplied with.
    pub(super) scales: usize,
    /// `f32 [rows]`: what values are multiplied with to become elements.
    pub(super) factors: usize,
    /// All of it.
    pub(super) bytes: usize,
}

impl Extent {
    pub(super) fn of(kept: Kept, layout: Layout, rows: usize, width: usize) -> Self {
        let packed = rows * layout.row_bytes(kept, width);
        let scales = packed.next_multiple_of(PIECE);
        let lists = match layout {
            Layout::Blocks(_) if kept.has_scales() => 2,
            Layout::Blocks(_) => 0,
            Layout::Same => usize::from(kept.has_scales()),
            Layout::Scaled(_) | Layout::Panels => 1,
        };
        let list = rows * size_of::<f32>();
        Self { scales, factors: scales + list, bytes: scales + lists * list }
    }
}

/// The parts of a matrix, one behind the other.
#[derive(Debug)]
pub(crate) struct PackedParts {
    /// What is multiplied once it is unpacked.
    pub(super) kept: Kept,
    pub(super) parts: Vec<PackedPart>,
    /// Rows that are multiplied: both parts of a pair counted.
    pub(super) rows: usize,
    pub(super) width: usize,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct PackedPart {
    pub(super) layout: Layout,
    /// Where it begins.
    pub(super) at: usize,
    pub(super) extent: Extent,
    pub(super) rows: usize,
    /// Row `i` is multiplied as row `first + i * step`.
    pub(super) first: usize,
    pub(super) step: usize,
}

impl PackedParts {
    /// Those of `matrix`, where `kept` is multiplied.
    pub(super) fn of(matrix: &Matrix, kept: Kept) -> Self {
        let (role, care, width) = (matrix.role(), matrix.care(), matrix.columns());
        let pair = role == Role::SwiGlu;
        let (mut parts, mut end, mut first) = (Vec::new(), 0, 0);
        for (number, form) in matrix.parts().iter().enumerate() {
            let layout = match Fate::of(kept, (role, care), form) {
                Some(Fate::Stays(layout)) => layout,
                Some(Fate::Converted) | None => Layout::Same,
            };
            let (rows, at) = (form.shape()[0], end);
            let extent = Extent::of(kept, layout, rows, width);
            let (first_row, step) = if pair { (number, 2) } else { (first, 1) };
            parts.push(PackedPart { layout, at, extent, rows, first: first_row, step });
            (end, first) = ((at + extent.bytes).next_multiple_of(BOUNDARY), first + rows);
        }
        let rows = matrix.rows() * if pair { 2 } else { 1 };
        Self { kept, parts, rows, width, bytes: end }
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What brings them to `to`, of the `matrix` that they were made for.
    pub(crate) fn shipment<'a>(
        &self,
        cuda: &Cuda,
        matrix: &'a Matrix,
        to: DevicePtr,
    ) -> Result<Shipment<'a>> {
        let mut loading = Loading::new(cuda, matrix);
        for (number, (part, form)) in self.parts.iter().zip(matrix.parts()).enumerate() {
            let to = to.plus(part.at);
            let scales = to.plus(part.extent.scales);
            match (part.layout, form) {
                (Layout::Blocks(kind), Form::Blocks(blocks)) => {
                    let bytes = Cow::Borrowed(&blocks.bytes()[..]);
                    loading.copy(number, Values::Blocks(kind), (bytes, part.rows), to);
                }
                (Layout::Scaled(kind), Form::Scaled(scaled)) => {
                    let list = bytemuck::cast_slice(&scales_of(number, scaled)?).to_vec();
                    let list = (Cow::Owned(list), part.rows);
                    loading.copy(number, Values::Numbers, list, scales);
                    let bytes = Cow::Borrowed(&scaled.bytes()[..]);
                    loading.copy(number, Values::Scaled(kind), (bytes, part.rows), to);
                }
                _ => {
                    let scales = if self.kept.has_scales() { scales } else { DevicePtr::NULL };
                    let place = Place { kept: self.kept, values: to, scales, first: 0, step: 1 };
                    loading.add(number, form, &place)?;
                }
            }
            if let Some(measure) = self.measure(cuda, part, to)? {
                loading.measure(measure);
            }
        }
        Ok(loading.shipment())
    }

    /// What finds out what the rows of a part in blocks will be multiplied with.
    fn measure(&self, cuda: &Cuda, part: &PackedPart, from: DevicePtr) -> Result<Option<Measure>> {
        let Some(name) = part.layout.measure(self.kept) else { return Ok(None) };
        Ok(Some(Measure {
            kernel: cuda.kernel("load_packed", name)?,
            rows: blocks(part.rows, 1)?,
            from,
            scales: from.plus(part.extent.scales),
            factors: from.plus(part.extent.factors),
            width: int(self.width)?,
        }))
    }
}
